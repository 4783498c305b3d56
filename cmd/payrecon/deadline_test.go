package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// siteBehind is a site whose API is got at by way of door, while that is set.
func siteBehind(t *testing.T) (s *site, door *atomic.Pointer[http.HandlerFunc]) {
	s = newSite(t, sandbox.Options{Payouts: -1})
	door = &atomic.Pointer[http.HandlerFunc]{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := door.Load(); h != nil {
			(*h)(w, r)
			return
		}
		s.box.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s, door
}

// TestDeadline: a command that syncs ends when its time is over, as if interrupted, but with 1; the same one goes on. A run
// reports what the mirror holds, as after any sync that failed.
func TestDeadline(t *testing.T) {
	s, door := siteBehind(t)
	hangs := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	days := " --from 2026-03-20 --to 2026-03-25"
	for i, command := range []string{"sync", "sync verify" + days, "backfill" + days, "run --ledger " + s.path("ledger.csv") + " --out " + s.path("book.xlsx")} {
		args := strings.Fields(command)
		door.Store(&hangs)
		code, out, words := s.try(append(args, "--deadline", "1500ms")...)
		want, last := exitFailed, "out of time: "
		if args[0] == "run" {
			want, last = exitIncomplete, "the sync failed, so there is no conclusion: out of time: "
		}
		if code != want || !strings.Contains(words, "payrecon: "+last) || !strings.Contains(words, "the time was over before the API at ") {
			t.Errorf("%s: exit %d, want %d, out of time\n%s", command, code, want, words)
		}
		if strings.Contains(command, "verify") && !strings.HasPrefix(out, "Stopped before its end: ") {
			t.Errorf("%s reads like a whole comparison:\n%s", command, out)
		}
		if r, _ := s.recorded(int64(2*i + 1)); r.Exit != want || !strings.HasPrefix(r.Words, last) {
			t.Errorf("%s is on record as %+v", command, r)
		}
		if _, err := os.Stat(s.path("book.xlsx")); (err == nil) != (args[0] == "run") {
			t.Errorf("%s: the workbook: %v", command, err)
		}
		door.Store(nil)
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

// TestDeadlineBeforeTheNextTurn ends runs while they wait: for their turn under the rate limit, for another try, for the end
// of an answer. That is said once, with what the API last answered, and what the mirror holds is reported without conclusion.
func TestDeadlineBeforeTheNextTurn(t *testing.T) {
	for _, c := range []struct {
		limit string
		door  http.HandlerFunc
		says  string
	}{
		{"6/m", nil, "the time was over before the API at "},
		{"none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, " answered 503 Service Unavailable (GET /payouts), after 1 try in "},
		{"none", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the end of the answer does not come
		}, " answered 401 Unauthorized"},
	} {
		s, door := siteBehind(t)
		s.write("payrecon.yaml", "api: {rate_limit: "+c.limit+"}\n")
		s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
		if c.door != nil {
			door.Store(&c.door)
		}
		code, out, words := s.try("run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"), "--deadline", "1500ms")
		if code != exitIncomplete || strings.Count(words, "no conclusion: out of time: ") != 1 || strings.Contains(words, "left out") || !strings.Contains(words, c.says) {
			t.Errorf("limit %s: exit %d, want %d, out of time and %q\n%s", c.limit, code, exitIncomplete, c.says, words)
		}
		if !strings.Contains(out, "NO CONCLUSION: ") || !strings.Contains(out, c.says) {
			t.Errorf("limit %s: want no conclusion, because of %q\n%s", c.limit, c.says, out)
		}
		if r, _ := s.recorded(1); r.Exit != exitIncomplete || strings.Count(r.Words, "out of time") != 1 || strings.Count(r.Words, "the same command") != 1 {
			t.Errorf("limit %s: on record as %+v", c.limit, r)
		}
		if _, err := os.Stat(s.path("book.xlsx")); err != nil {
			t.Errorf("limit %s: %v, want a workbook", c.limit, err)
		}
	}
}

// TestDeadlineOnRecord: a command that is cut short where nothing tells of the deadline is on record as out of time.
func TestDeadlineOnRecord(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	a := &app{
		getenv: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard, clock: func() time.Time { return s.now },
		configPath: s.path("payrecon.yaml"), dbPath: s.path("payrecon.db"), deadline: 1500 * time.Millisecond,
		log: slog.New(slog.DiscardHandler),
	}
	err := a.write(t.Context(), "sync verify", 0, func(ctx context.Context, _ *session) error {
		<-ctx.Done()
		return payout.Errorf(payout.KindInterrupted, "read the mirror: %w", ctx.Err())
	})
	if r, _ := s.recorded(1); exitCode(err) != exitFailed || r.Exit != exitFailed || !strings.HasPrefix(r.Words, "out of time: ") || strings.Contains(r.Words, "goes on") {
		t.Errorf("%v, on record as %+v; want out of time, and no promise", err, r)
	}
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
		got := outOfTime(t.Context(), c.ctx, c.err)
		anew := got != c.err
		if exitCode(got) != c.code || anew != c.anew || anew && !strings.HasPrefix(got.Error(), "out of time: ") {
			t.Errorf("outOfTime(%v) = %v with exit %d; want %d, worded anew: %v", c.err, got, exitCode(got), c.code, c.anew)
		}
	}
	if got := outOfTime(stopped, over, interrupted); exitCode(got) != exitInterrupted {
		t.Errorf("interrupted by a person after the deadline: %v with exit %d, want %d", got, exitCode(got), exitInterrupted)
	}
}
