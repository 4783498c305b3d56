package main

import (
	"bytes"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// nobody is a network in which no port is open.
type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) { return nil, syscall.ECONNREFUSED }

// TestFailedNightNamesTheSameDays: what the sync of a night was to show and did not is no more complete to its reconciliation,
// whatever earlier nights have shown; also when that is performed again.
func TestFailedNightNamesTheSameDays(t *testing.T) {
	s, door := siteBehind(t)
	s.pay("DAY-5", "5.00", payout.Completed, 5)
	s.ledger("DAY-5 5.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -5)).String())
	night := []string{"run", "--json", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")}
	s.do(exitDone, night...)
	fails := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) })
	door.Store(&fails)
	var doc struct {
		Run  int64
		Sync struct {
			Complete bool
			Gaps     []payout.Day
		}
		Reconcile reconcileJSON
	}
	unmarshal(t, s.do(exitIncomplete, night...), &doc)
	r := doc.Reconcile
	if doc.Sync.Complete || len(doc.Sync.Gaps) == 0 || r.Complete || !slices.Equal(r.Gaps, doc.Sync.Gaps) || r.Conclusion != payout.NoConclusion {
		t.Errorf("sync: complete %v, gaps %v; reconcile: complete %v, gaps %v, %s", doc.Sync.Complete, doc.Sync.Gaps, r.Complete, r.Gaps, r.Conclusion)
	}
	var again reconcileJSON
	unmarshal(t, s.do(exitDone, "reconcile", "--json", "--again", strconv.FormatInt(doc.Run, 10)), &again)
	if again.Complete || !slices.Equal(again.Gaps, r.Gaps) {
		t.Errorf("performed again: complete %v, gaps %v; want %v", again.Complete, again.Gaps, r.Gaps)
	}
}

// TestNobodyAnswers: an API that is away fails a sync with what to do; a run goes on with what there is, says first and in plain
// words why there is no conclusion, and a ledger that is missing, too, is what has to be mended first. A fake clock makes the
// repeated tries cost nothing.
func TestNobodyAnswers(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.ledger("DAY-5 5.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -5)).String())
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			exit int
			args []string
			says []string
		}{
			{exitFailed, []string{"sync"}, []string{`the API at 127\.0\.0\.1:1 did not answer: connection refused \(GET /payouts\), after 6 tries in `, "the same command goes on from there"}},
			{
				exitIncomplete,
				[]string{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")},
				[]string{`NO CONCLUSION: The mirror may be behind the provider: the sync failed: the API at 127\.0\.0\.1:1 did not answer: connection refused \(GET /payouts\), after 6 tries in [0-9.]+s\.`},
			},
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
				if !regexp.MustCompile(want).MatchString(out.String() + words.String()) {
					t.Errorf("%v: want %q in\n%s%s", c.args, want, out.String(), words.String())
				}
			}
		}
	})
}
