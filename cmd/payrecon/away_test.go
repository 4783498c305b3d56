package main

import (
	"bytes"
	"net/http"
	"regexp"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/sandbox"
)

// nobody is a network in which no port is open.
type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }

// TestNobodyAnswers: an API that is away fails a sync with what to do; a run goes on with what there is, and a ledger that is
// missing, too, is what has to be mended first. A fake clock makes the repeated tries cost nothing.
func TestNobodyAnswers(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			exit int
			args []string
			says []string
		}{
			{exitFailed, []string{"sync"}, []string{`GET /payouts at 127\.0\.0\.1:1: connection refused \(after 6 tries\)`, "the same command goes on from there"}},
			{exitInput, []string{"run"}, []string{"going on with what the mirror holds", "--ledger FILE"}},
		} {
			var out, words bytes.Buffer
			env := map[string]string{envURL: "http://127.0.0.1:1", envToken: sandbox.DemoToken}
			a := &app{getenv: func(k string) string { return env[k] }, stdout: &out, stderr: &words, clock: time.Now, transport: nobody{}}
			root := a.rootCommand()
			root.SetArgs(append(c.args, "--config", s.path("payrecon.yaml"), "--db", s.path("away.db")))
			if code := a.finish(t.Context(), root.ExecuteContext(t.Context())); code != c.exit {
				t.Errorf("%v: exit %d, want %d", c.args, code, c.exit)
			}
			for _, want := range c.says {
				if !regexp.MustCompile(want).MatchString(words.String()) {
					t.Errorf("%v: want %q in\n%s", c.args, want, words.String())
				}
			}
		}
	})
}
