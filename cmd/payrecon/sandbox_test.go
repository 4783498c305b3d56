package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"payrecon/internal/sandbox"
)

// TestSandboxOptionsAreDescribed: every option of the command stands in the menu of its help and in the sandbox's README.
func TestSandboxOptionsAreDescribed(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(moduleRoot(t), "internal", "sandbox", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	cmd, n := (&app{}).sandboxCommand(), 0
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		n++
		value := "`" + f.DefValue + "`"
		if f.DefValue == "" || f.DefValue == "[]" {
			value = ""
		}
		if line := fmt.Sprintf("| `--%s` | %s | %s |\n", f.Name, value, f.Usage); !strings.Contains(string(readme), line) {
			t.Errorf("README.md has no line\n%s", line)
		}
		if !strings.Contains(cmd.Long, "  --"+f.Name+" ") {
			t.Errorf("the menu has no --%s", f.Name)
		}
	})
	if rows := strings.Count(string(readme), "\n| `--"); rows != n || n < 40 {
		t.Errorf("README.md lists %d options, want %d", rows, n)
	}
}

// served is a sandbox that a command serves.
type served struct {
	url   string
	words bytes.Buffer
	code  chan int
	stop  context.CancelFunc
}

func serveSandbox(t *testing.T, args ...string) *served {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	s := &served{code: make(chan int, 1), stop: stop}
	go func() {
		s.code <- run(ctx, append([]string{"sandbox", "--addr", "127.0.0.1:0"}, args...), func(string) string { return "" }, stdout, &s.words, time.Now)
		stdout.Close()
	}()
	line, _ := bufio.NewReader(out).ReadString('\n')
	if s.url = strings.TrimSpace(line); s.url == "" {
		t.Fatalf("the sandbox does not serve: exit %d\n%s", <-s.code, s.words.String())
	}
	return s
}

// end is Ctrl-C: the sandbox ends well.
func (s *served) end(t *testing.T) {
	t.Helper()
	s.stop()
	if code := <-s.code; code != exitDone {
		t.Errorf("the sandbox ends with exit %d\n%s", code, s.words.String())
	}
}

// TestSandboxCommand uses what only the command has: the clock, the files, the keys, the address.
func TestSandboxCommand(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s.write("public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER})))
	s.write("private.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateDER})))
	now := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339) // signatures are judged by the sandbox's clock
	box := serveSandbox(t, "--payouts", "300", "--now", now, "--member", "m:1", "--public-key", "k1="+s.path("public.pem"),
		"--ledger", s.path("ledger.csv"), "--key", s.path("key.csv"))
	s.url = box.url

	for keyID, code := range map[string]int{"k1": exitDone, "k2": exitAuth} {
		s.write("payrecon.yaml", "api: {rate_limit: none, auth: {key: {member_id: 'm:1', key_id: "+keyID+", file: 'file:"+s.path("private.pem")+"'}}}\n")
		env := map[string]string{envURL: s.url}
		var out bytes.Buffer
		args := []string{"payouts", "list", "--format", "csv", "--config", s.path("payrecon.yaml")}
		if got := run(t.Context(), args, func(k string) string { return env[k] }, &out, &out, time.Now); got != code || code == exitDone && strings.Count(out.String(), "\npo:") != 300 {
			t.Errorf("signed by %s: exit %d, want %d\n%s", keyID, got, code, out.String())
		}
	}
	if resp, err := http.Get(box.url + "/openapi.yaml"); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
		if date, err := http.ParseTime(resp.Header.Get("Date")); err != nil || date.UTC().Format(time.RFC3339) != now || resp.StatusCode != http.StatusOK {
			t.Errorf("openapi.yaml: status %d at %s, want 200 at %s", resp.StatusCode, resp.Header.Get("Date"), now)
		}
	}
	for name, head := range map[string]string{"ledger.csv": "ref_id,", "key.csv": "ref_id,payout_ids,ledger_lines,outcome,cell,in_period,story\n"} {
		text, err := os.ReadFile(s.path(name))
		if err != nil || !strings.HasPrefix(string(text), head) || strings.Count(string(text), "\n") < 100 {
			t.Errorf("%s: %v, %d lines, want more than a hundred under %q", name, err, strings.Count(string(text), "\n"), head)
		}
	}
	taken := strings.TrimPrefix(box.url, "http://")
	for want, args := range map[string][]string{
		"--addr " + taken:                       {"--addr", taken},
		"--addr nowhere":                        {"--addr", "nowhere"},
		`--now "yesterday"`:                     {"--now", "yesterday"},
		"want ID=FILE":                          {"--public-key", "k1"},
		"none.pem":                              {"--public-key", "k1=" + s.path("none.pem")},
		"no PEM block":                          {"--public-key", "k1=" + s.path("payrecon.yaml")},
		"--public-key " + s.path("private.pem"): {"--public-key", "k1=" + s.path("private.pem")},
		"--ledger":                              {"--ledger", s.path("none/ledger.csv")},
		"--key":                                 {"--key", s.path("none/key.csv")},
	} {
		code, _, words := s.try(append([]string{"sandbox", "--payouts", "10", "--addr", "127.0.0.1:0"}, args...)...)
		if code != exitInput || !strings.Contains(words, want) {
			t.Errorf("sandbox %v: exit %d\n%swant 2, and %q", args, code, words, want)
		}
	}
	box.end(t)
}
