package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/sandbox"
)

// mark is part of every secret of these tests. Nothing that is printed, logged, written or told to others may hold it.
const mark = "marked-7f3a91"

// markedSite is a site whose every secret is marked: those of the API by environment, file, credential and key, those of
// the notifications by all three kinds of reference.
type markedSite struct {
	*site
	env       map[string]string
	transport http.RoundTripper // nil: real HTTP
	keyID     string
	secrets   []string
	searched  int
	ran       map[string]bool // commands, by path
}

func newMarkedSite(t *testing.T) *markedSite {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	s := &markedSite{keyID: "k1", ran: map[string]bool{}}
	s.site = newSite(t, sandbox.Options{
		Payouts: 200, Token: mark + "-token", Basic: mark + "-basic", Keys: map[string]crypto.PublicKey{s.keyID: public},
	})
	s.secrets = []string{
		mark, strings.Split(key, "\n")[1],
		"eyJhbGciOi", // how a signature begins
		base64.StdEncoding.EncodeToString([]byte("\x00payrecon\x00" + mark + "-mail")),
		base64.StdEncoding.EncodeToString([]byte(mark + "-mail")),
	}
	if err := os.MkdirAll(s.path("secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("secrets/signing.pem", key)
	s.write("secrets/token", mark+"-token\n")
	s.write("secrets/basic", mark+"-basic\n")
	s.write("secrets/mail", mark+"-mail\n")
	s.write("secrets/wrong", mark+"-wrong\n")
	s.env = map[string]string{envURL: s.url, "CREDENTIALS_DIRECTORY": s.path("secrets"), "MARKED_TOKEN": mark + "-token"}
	var ledger bytes.Buffer
	if err := s.box.WriteLedger(&ledger); err != nil {
		t.Fatal(err)
	}
	s.write("ledger.csv", ledger.String())
	return s
}

// configure writes the configuration; auth is what stands under api.auth.
func (s *markedSite) configure(auth, more string) {
	s.write("payrecon.yaml", "api: {rate_limit: none, allow_initiate: true, auth: {"+auth+"}}\nreport: {dir: '"+s.path("reports")+"'}\n"+more)
}

func (s *markedSite) signing() string {
	return "key: {member_id: '" + s.box.Options().MemberID + "', key_id: " + s.keyID + ", file: 'file:" + s.path("secrets/signing.pem") + "'}"
}

// run runs one command, which must end with the code, and searches what it prints.
func (s *markedSite) run(ctx context.Context, want int, args ...string) string {
	s.t.Helper()
	var out bytes.Buffer
	a := &app{getenv: func(k string) string { return s.env[k] }, stdout: &out, stderr: &out, clock: func() time.Time { return s.now }, transport: s.transport}
	root := a.rootCommand()
	if cmd, _, err := root.Find(args); err == nil {
		s.ran[cmd.CommandPath()] = true
	}
	root.SetArgs(append([]string{"--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"), "-v"}, args...))
	root.SetOut(&out)
	root.SetErr(&out)
	if code := a.finish(ctx, root.ExecuteContext(ctx)); code != want {
		s.t.Errorf("payrecon %s: exit %d, want %d\n%s", strings.Join(args, " "), code, want, out.String())
	}
	s.search("payrecon "+strings.Join(args, " "), out.Bytes())
	return out.String()
}

func (s *markedSite) search(where string, content []byte) {
	s.t.Helper()
	s.searched++
	for _, secret := range s.secrets {
		if i := bytes.Index(content, []byte(secret)); i >= 0 {
			s.t.Errorf("%s holds a secret: ...%q", where, content[max(0, i-100):min(len(content), i+50)])
		}
	}
}

// searchFiles searches everything below the site's folder but the secrets themselves, in workbooks and copies too.
func (s *markedSite) searchFiles() {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "secrets":
			return filepath.SkipDir
		case d.IsDir():
			return nil
		}
		content, err := os.ReadFile(path)
		s.search(path, content)
		switch filepath.Ext(path) {
		case ".xlsx":
			searchWorkbook(s.t, path, s.search)
		case ".gz":
			z, err := gzip.NewReader(bytes.NewReader(content))
			if err != nil {
				return err
			}
			content, err = io.ReadAll(z)
			s.search(path+", unpacked", content)
			return err
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func searchWorkbook(t *testing.T, path string, search func(string, []byte)) {
	t.Helper()
	book, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for _, part := range book.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		search(path+"/"+part.Name, content)
	}
}

// TestSecretsStaySecret runs every command with marked secrets, told to everybody who can be told, and searches everything
// that it prints, writes and sends for the marks.
func TestSecretsStaySecret(t *testing.T) {
	s := newMarkedSite(t)
	var told bytes.Buffer
	refuse := false
	others := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(&told, r.Body)
		if refuse {
			http.Error(w, "not for "+r.URL.String(), http.StatusForbidden)
		}
	}))
	defer others.Close()
	s.write("secrets/hook", others.URL+"/"+mark+"-hook\n")
	s.env["MARKED_BEAT"] = others.URL + "/" + mark + "-beat"
	const email = ", email: {host: example.com, username: payrecon, password: 'cred:mail', from: payrecon@example.com, to: [finance@example.com]}"
	more := "schedules: [{name: nightly, cron: '30 2 * * *', run: 'run --ledger " + s.path("ledger.csv") + "'}]\n" +
		"notify: {on: [failure, incomplete, breaks, recovery], webhook: 'file:" + s.path("secrets/hook") + "', heartbeat: 'env:MARKED_BEAT'"
	token := "token: 'file:" + s.path("secrets/token") + "'"

	s.configure(token, more+"}\n")
	s.everyCommand()
	refuse = true
	s.run(t.Context(), exitFailed, "doctor", "--notify")
	s.run(t.Context(), exitInput, "run", "--ledger", s.path("none.csv"))
	s.configure(token, more+email+"}\n")
	s.run(t.Context(), exitDone, "doctor", "--json")
	s.mailRefused()

	for auth, code := range map[string]int{
		"token: 'env:MARKED_TOKEN'": exitDone, "basic: 'cred:basic'": exitDone, s.signing(): exitDone,
		"token: 'cred:wrong'": exitAuth, "token: 'env:NONE'": exitInput, "token: 'cred:none'": exitInput, token[:len(token)-2] + "'": exitInput,
	} {
		s.configure(auth, "")
		s.run(t.Context(), code, "sync")
		s.run(t.Context(), code, "payouts", "list", "--max", "5")
		s.run(t.Context(), code, initiating(fmt.Sprint("INV-", s.searched), "--yes")...)
	}
	s.search("what others were told", told.Bytes())
	s.searchFiles()
	if told.Len() == 0 || s.searched < 80 {
		t.Errorf("%d bytes told, %d outputs and files searched", told.Len(), s.searched)
	}
}

// mailRefused sends a mail to a server that refuses the password, and repeats it.
func (s *markedSite) mailRefused() {
	var log bytes.Buffer
	cfg, err := loadConfig(s.path("payrecon.yaml"), true, func(k string) string { return s.env[k] })
	if err != nil {
		s.t.Fatal(err)
	}
	n := newNotifier(cfg, nil, time.Now, slog.New(slog.NewTextHandler(&log, nil)), "host-a")
	server, client := testCertificate(s.t)
	office := newPostOffice(s.t, server)
	office.at(n)
	n.tls, n.pause = client, time.Millisecond
	said := strings.Join(n.try(s.t.Context()), "\n")
	if !strings.Contains(said, "email: ") || !slices.Contains(office.verbs, "AUTH") {
		s.t.Errorf("the mail was not refused: %s", said)
	}
	s.search("a refused mail", []byte(said+log.String()))
}

// everyCommand runs each command of the program so that it does its work.
func (s *markedSite) everyCommand() {
	ctx, ledger := s.t.Context(), s.path("ledger.csv")
	s.run(ctx, exitDone, "init", "--config", s.path("new.yaml"))
	s.run(ctx, exitDone, "demo", "--out", s.path("demo"))
	s.run(ctx, exitDone, "sync")
	s.run(ctx, exitDone, "sync", "verify", "--from", "2026-03-20", "--to", "2026-03-22")
	s.run(ctx, exitDone, "backfill", "--from", "2026-02-20", "--to", "2026-02-22")
	s.run(ctx, exitDone, "backfill", "--from", "2026-02-20", "--to", "2026-02-22", "--dry-run")
	s.run(ctx, exitDone, "run", "--ledger", ledger, "--out", s.path("book.xlsx"))
	s.run(ctx, exitDone, "reconcile", "--ledger", ledger, "--json")
	s.run(ctx, exitDone, "reconcile", "--again", fmt.Sprint(s.reconciliation().Run))
	s.run(ctx, exitDone, "report", "--out", s.path("report.xlsx"))
	s.run(ctx, exitDone, "report", "--format", "csv", "--out", s.path("csv"))
	s.run(ctx, exitDone, "status", "--json")
	s.run(ctx, exitDone, "doctor", "--json")
	s.run(ctx, exitDone, "breaks", "list")
	s.run(ctx, exitDone, "breaks", "show", "1")
	s.run(ctx, exitDone, "breaks", "set", "1", "--disposition", "with_provider", "--reason", "asked", "--by", "A. Reviewer")
	s.run(ctx, exitDone, "breaks", "import", s.path("book.xlsx"), "--by", "A. Reviewer", "--dry-run")
	s.run(ctx, exitDone, "ledger", "check", ledger)
	s.run(ctx, exitDone, "payouts", "list", "--json")
	s.run(ctx, exitDone, "payouts", "get", s.id(0))
	s.run(ctx, exitDone, "payouts", "history", s.id(0))
	s.run(ctx, exitDone, initiating("INV-0", "--yes")...)
	s.run(ctx, exitDone, "schedule", "list")
	s.run(ctx, exitDone, "schedule", "run", "nightly")
	s.run(ctx, exitDone, "backup", s.path("copy.db"))
	s.run(ctx, exitDone, "export", "--format", "csv", "--out", s.path("export"))
	s.run(ctx, exitDone, "outcomes")
	soon, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	s.run(soon, exitDone, "schedule", "start")
	s.run(soon, exitDone, "sandbox", "--addr", "127.0.0.1:0", "--payouts", "10")

	var check func(*cobra.Command)
	check = func(c *cobra.Command) {
		if c.Runnable() && !c.HasSubCommands() && !s.ran[c.CommandPath()] {
			s.t.Errorf("%s was not run", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			check(sub)
		}
	}
	check((&app{}).rootCommand())
}
