package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestDeadline: a command that syncs ends when its time is over, as if interrupted, but with 1; the same one goes on.
func TestDeadline(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	var hangs atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-r.Context().Done()
			return
		}
		s.box.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	days := " --from 2026-03-20 --to 2026-03-25"
	for i, command := range []string{"sync", "sync verify" + days, "backfill" + days, "run --ledger " + s.path("ledger.csv") + " --out " + s.path("book.xlsx")} {
		args := strings.Fields(command)
		hangs.Store(true)
		code, _, words := s.try(append(args, "--deadline", "300ms")...)
		if code != exitFailed || !strings.Contains(words, "payrecon: out of time: ") {
			t.Errorf("%s: exit %d, want %d, out of time\n%s", command, code, exitFailed, words)
		}
		if r, _ := s.recorded(int64(2*i + 1)); r.Exit != exitFailed || !strings.HasPrefix(r.Words, "out of time: ") {
			t.Errorf("%s is on record as %+v", command, r)
		}
		if _, err := os.Stat(s.path("book.xlsx")); err == nil {
			t.Errorf("%s: there is a workbook", command)
		}
		hangs.Store(false)
		s.do(exitDone, append(args, "--deadline", "1h")...)
	}
	other, err := mirror.Acquire(t.Context(), s.path("payrecon.db"), "another", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Release()
	if code, _, words := s.try("sync", "--wait", "1h", "--deadline", "50ms"); code != exitFailed || !strings.Contains(words, "out of time: ") {
		t.Errorf("waiting for the lease: exit %d, want %d, out of time\n%s", code, exitFailed, words)
	}
	s.do(exitInput, "sync", "--deadline", "soon")
}

// TestOutOfTime: only what the deadline cut short is worded anew, and once.
func TestOutOfTime(t *testing.T) {
	over, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	interrupted := payout.Errorf(payout.KindInterrupted, "interrupted")
	said := payout.Errorf(payout.KindFailed, "out of time: 3 of 4 days walked: %w", context.DeadlineExceeded)
	for _, c := range []struct {
		ctx  context.Context
		err  error
		code int
		anew bool
	}{
		{over, nil, exitDone, false},
		{over, interrupted, exitFailed, true},
		{over, fmt.Errorf("read rows: %w", context.DeadlineExceeded), exitFailed, true},
		{over, payout.Errorf(payout.KindTransport, "GET /payouts: %w", context.DeadlineExceeded), exitFailed, true},
		{over, said, exitFailed, false},
		{over, payout.Errorf(payout.KindInput, "no ledger"), exitInput, false},
		{over, &outcomeError{exitIncomplete, errors.New("gaps")}, exitIncomplete, false},
		{stopped, interrupted, exitInterrupted, false},
		{t.Context(), interrupted, exitInterrupted, false},
	} {
		got := outOfTime(c.ctx, c.err)
		anew := got != c.err
		if exitCode(got) != c.code || anew != c.anew || anew && !strings.HasPrefix(got.Error(), "out of time: ") {
			t.Errorf("outOfTime(%v) = %v with exit %d; want %d, worded anew: %v", c.err, got, exitCode(got), c.code, c.anew)
		}
	}
}
