package main

import (
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestOnlyAsOfLooksBack: a break whose payout has just moved on is within its grace again and cleared, however the clock runs
// on meanwhile; as of the day before it was found, it is carried.
func TestOnlyAsOfLooksBack(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	id := s.pay("OPEN-1", "9000.00", payout.Pending, 10)
	s.pay("KNOWN-1", "5.00", payout.Completed, 12)
	s.do(exitDone, "sync", "--from", "2026-03-10", "--to", "2026-03-31")
	s.ledger("KNOWN-1 5.00 paid 2026-03-18", "KNOWN-2 5.00 failed 2026-03-29")
	item := func(want payout.ItemState) {
		t.Helper()
		if r := s.reconciliation(); len(r.Items) != 1 || r.Items[0].State != want {
			t.Errorf("run %d: items %+v, want one that is %s", r.Run, r.Items, want)
		}
	}
	s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--from", "2026-03-18", "--to", "2026-03-29")
	item(payout.ItemNew)
	if err := s.box.SetStatus(id, payout.Completed, ""); err != nil {
		t.Fatal(err)
	}
	s.do(exitDone, "sync", "--from", "2026-03-10", "--to", "2026-03-31")
	again := []string{"reconcile", "--ledger", s.path("ledger.csv"), "--from", "2026-03-18", "--to", "2026-03-29"}
	s.do(exitDone, append(again, "--as-of", payout.DayOf(s.now.AddDate(0, 0, -2)).String())...)
	item(payout.ItemCarried)
	var ticks atomic.Int64
	clock := func() time.Time { return s.now.Add(time.Duration(ticks.Add(1)) * time.Millisecond) }
	again = append(again, "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"))
	env := map[string]string{envURL: s.url, envToken: s.token}
	if code := run(t.Context(), again, func(k string) string { return env[k] }, io.Discard, io.Discard, clock); code != exitDone {
		t.Fatalf("exit %d", code)
	}
	item(payout.ItemCleared)
}

// TestAsOfYesterdayLooksOn: who reconciles as of yesterday every night does not look back; nor does a run that is performed
// again after later ones.
func TestAsOfYesterdayLooksOn(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	id := s.pay("OPEN-1", "9000.00", payout.Pending, 10)
	s.pay("KNOWN-1", "5.00", payout.Completed, 12)
	s.ledger("KNOWN-1 5.00 paid 2026-03-18", "KNOWN-2 5.00 failed 2026-03-29")
	yesterday := payout.DayOf(s.now.AddDate(0, 0, -1)).String()
	for _, want := range []payout.ItemState{payout.ItemNew, payout.ItemCleared} {
		s.do(exitDone, "sync", "--from", "2026-03-10", "--to", "2026-03-31")
		s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--from", "2026-03-18", "--to", "2026-03-29", "--as-of", yesterday)
		r := s.reconciliation()
		if len(r.Items) != 1 || r.Items[0].State != want {
			t.Errorf("run %d: items %+v, want one that is %s", r.Run, r.Items, want)
		}
		s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--from", "2026-03-18", "--to", "2026-03-29", "--as-of", yesterday)
		s.do(exitDone, "reconcile", "--again", strconv.FormatInt(r.Run, 10))
		if err := s.box.SetStatus(id, payout.Completed, ""); err != nil {
			t.Fatal(err)
		}
	}
}
