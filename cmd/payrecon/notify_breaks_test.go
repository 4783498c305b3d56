package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// Whatever was to be told together with breaks and did not arrive, the breaks are told with whatever comes next.
func TestDecideTellsUntoldBreaksWithEverything(t *testing.T) {
	cfg := defaultConfig().Notify
	now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	rec := reconciliationWith(breakItem(1, payout.High, payout.ItemOpen))
	for last, want := range map[string]string{
		"failure": "ok [recovery breaks], incomplete [incomplete breaks]", "incomplete": "ok [recovery breaks], incomplete [incomplete breaks]",
		"recovery": "ok [recovery breaks], incomplete [incomplete breaks]", "breaks": "ok [breaks], incomplete [incomplete breaks]",
		"quiet": "ok [breaks], incomplete [incomplete breaks]",
	} {
		var got []string
		for _, outcome := range []string{outcomeOK, outcomeIncomplete} {
			was := payout.JobRun{Started: payout.MillisOf(now.Add(-24 * time.Hour)), Outcome: undelivered, Words: last + ": gaps" + undeliveredMark + "webhook: x"}
			d := decide(cfg, was, jobResult{Outcome: outcome, Words: "gaps", Rec: rec}, anyItem, now)
			got = append(got, fmt.Sprint(outcome, " ", d.events))
			if len(d.breaks) != 1 {
				t.Errorf("last %s, then %s: %d breaks are told, want 1", last, outcome, len(d.breaks))
			}
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("last %s undelivered: %s, want %s", last, got, want)
		}
	}
}

// Breaks count as told when every channel took the message, whatever else it said.
func TestBreaksAreToldUntilDelivered(t *testing.T) {
	m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "payrecon.db"), mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e := newEar(t)
	n := testNotifier(t, m, "BEAT", e.URL+"/beat")
	mailed := testNotifier(t, m, "HOOK", e.URL+"/hook", "MAIL", "")
	mailed.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no mail server") }
	hooked := testNotifier(t, m, "HOOK", e.URL+"/hook")
	rec := reconciliationWith(breakItem(1, payout.Critical, payout.ItemOpen))
	for i, night := range []struct {
		n       *notifier
		outcome string
		status  []int
		events  string
	}{
		{n, "ok", nil, "[]"}, // a heartbeat alone tells nobody
		{hooked, "incomplete", []int{404}, "[incomplete breaks]"},
		{mailed, "incomplete", nil, "[incomplete breaks]"}, // one of two channels
		{hooked, "interrupted", nil, "[]"},
		{hooked, "ok", []int{404}, "[recovery breaks]"},
		{hooked, "ok", nil, "[recovery breaks]"},
		{hooked, "ok", nil, "[]"},
	} {
		e.mu.Lock()
		e.status = night.status
		e.mu.Unlock()
		got := night.n.tell(t.Context(), jobResult{Job: nightlyName, Outcome: night.outcome, Words: "done", Run: rec.Run, Rec: rec})
		if fmt.Sprint(got.Events) != night.events {
			t.Errorf("night %d: told %v, want %s (undelivered %q)", i, got.Events, night.events, got.Undelivered)
		}
	}
}

// A break is told once, by the next nightly run, whichever command saw it first, and although nobody was to be told then.
func TestNightTellsWhatAnotherCommandFound(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -12)).String()
	s.pay("PAID-1", "20.00", payout.Completed, 12)
	s.pay("LONE-2", "100.00", payout.Completed, 12)
	s.ledger("PAID-1 20.00 paid " + day)
	reconcile := []string{"reconcile", "--ledger", s.path("ledger.csv")}
	s.do(exitDone, "sync", "--from", day, "--to", payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	s.tryOut(reconcile...)

	e := newEar(t)
	s.write("hook", e.URL+"/hook")
	s.write("payrecon.yaml", "api: {rate_limit: none}\nnotify: {webhook: 'file:"+s.path("hook")+"', on: [breaks], severity: low}\n")
	night := func(what string, want ...string) {
		t.Helper()
		s.now = s.now.Add(24 * time.Hour)
		s.tryOut("run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
		heard := strings.Join(e.take(), "\n")
		if strings.Count(heard, "POST") != min(len(want), 1) {
			t.Errorf("%s: heard %s", what, heard)
		}
		for _, ref := range []string{"LONE-2", "LONE-3"} {
			if strings.Contains(heard, ref) != (strings.Join(want, " ") == ref) {
				t.Errorf("%s: want a message of %v, heard %s", what, want, heard)
			}
		}
	}
	night("found before notify was configured", "LONE-2")
	night("told already")
	s.ledger("PAID-1 20.00 paid "+day, "LONE-3 50.00 paid "+day)
	s.tryOut(reconcile...)
	night("found by hand", "LONE-3")
	night("told already")

	const item = "2" // of LONE-3
	s.do(exitDone, "breaks", "set", item, "--disposition", "with_provider", "--reason", "case 7", "--by", "A. Reviewer")
	night("decided")
	s.do(exitDone, "breaks", "set", item, "--disposition", "none", "--by", "A. Reviewer")
	night("taken back", "LONE-3")
	night("told already")
}
