package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"payrecon/internal/sandbox"
)

// TestInitiateInterrupted: Ctrl-C while a payout is being sent, or while its fate is looked up, ends with exit 1 and what is
// known. Only before anything was sent is it an interruption after which the same command goes on.
func TestInitiateInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send")
	}
	const hang, cut, lose = "hang", "cut", "lose" // answer nothing; cut the connection; do what is asked, and answer nothing
	for name, c := range map[string]struct {
		post    string
		list    string // the look-up after the request, or before it when there is no post
		signals int
		exit    int
		made    int
		says    []string
	}{
		"in flight, and it was made": {lose, "", 1, exitFailed, 1, []string{"interrupt", "but the payout exists: po:", "do not send it again"}},
		"in flight, and it was not":  {hang, "", 1, exitFailed, 0, []string{"interrupt", "no payout with reference", "before sending anything"}},
		"during the look-up":         {cut, hang, 1, exitFailed, 0, []string{"it may have been paid", "do not send it again before", "payouts list --ref-id INV-1"}},
		"twice":                      {lose, hang, 2, exitFailed, 1, []string{"it may have been paid", "do not send it again before"}},
		"before anything was sent":   {"", hang, 1, exitInterrupted, 0, []string{"nothing was sent"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			box, err := sandbox.New(sandbox.Options{Payouts: -1})
			if err != nil {
				t.Fatal(err)
			}
			meets := make(chan struct{}, 8) // a request hangs
			var posted atomic.Bool
			posted.Store(c.post == "")
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				does := c.list
				if r.Method == http.MethodPost {
					does = c.post
					posted.Store(true)
				} else if !posted.Load() {
					does = ""
				}
				switch does {
				case "":
					box.ServeHTTP(w, r)
					return
				case cut:
					panic(http.ErrAbortHandler)
				case lose:
					box.ServeHTTP(httptest.NewRecorder(), r)
				}
				_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the client left
				meets <- struct{}{}
				<-r.Context().Done()
			}))
			defer server.Close()
			code, said := interrupted(t, server.URL, meets, c.signals)
			if code != c.exit || len(box.Truth()) != c.made {
				t.Errorf("exit %d, %d payouts made; want %d and %d\n%s", code, len(box.Truth()), c.exit, c.made, said)
			}
			for _, words := range c.says {
				if !strings.Contains(said, words) {
					t.Errorf("said\n%swant %q", said, words)
				}
			}
			if strings.Contains(said, "same command goes on") {
				t.Errorf("said\n%swhich invites to pay again", said)
			}
		})
	}
}

// interrupted runs payouts initiate as a process of its own, and interrupts it each time one of its requests hangs.
func interrupted(t *testing.T, url string, hangs <-chan struct{}, signals int) (code int, said string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "payrecon.yaml")
	if err := os.WriteFile(config, []byte("api: {rate_limit: none, allow_initiate: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := initiating("INV-1", "--yes", "--config", config, "--db", filepath.Join(dir, "payrecon.db"))
	cmd := exec.CommandContext(t.Context(), "payrecon", args...)
	cmd.Env = append(os.Environ(), envURL+"="+url, envToken+"="+sandbox.DemoToken)
	var words bytes.Buffer
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its exit code says it all
		close(ended)
	}()
	for range signals {
		select {
		case <-hangs:
			_ = cmd.Process.Signal(os.Interrupt)
		case <-ended:
		}
	}
	<-ended
	return cmd.ProcessState.ExitCode(), words.String()
}
