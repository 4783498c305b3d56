package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestBackfillInterruptedWhileGivingWay: a backfill that ends while another command has the lease writes nothing beside that
// one; when the lease is free again, how it ended is on record.
func TestBackfillInterruptedWhileGivingWay(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes bool // whether the command that waits takes the lease
	}{{"the other writes", true}, {"the lease is free", false}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Payouts: 3000, Faults: sandbox.Faults{Latency: 10 * time.Millisecond}})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out, words bytes.Buffer
			ended := make(chan int)
			go func() {
				env := map[string]string{envURL: s.url, envToken: s.token}
				ended <- run(ctx, []string{
					"backfill", "--from", "2026-02-15", "--to", "2026-03-30", "--workers", "1",
					"--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"),
				},
					func(k string) string { return env[k] }, &out, &words, func() time.Time { return s.now })
			}()
			for s.pages() == 0 { // it has the lease
				time.Sleep(5 * time.Millisecond)
			}
			if c.takes {
				other, err := mirror.Acquire(t.Context(), s.path("payrecon.db"), "another", time.Minute)
				if err != nil {
					t.Fatal(err)
				}
				defer other.Release()
			} else {
				s.waitUntilGivenWay()
			}
			cancel()
			if code := <-ended; code != exitInterrupted {
				t.Fatalf("exit %d, want %d\n%s", code, exitInterrupted, &words)
			}
			r, sum := s.recorded(1)
			if c.takes && (r.Ended != 0 || sum != nil || !strings.Contains(words.String(), "how this run ended is not kept")) {
				t.Errorf("written beside the other command: %+v, %+v\n%s", r, sum, &words)
			}
			if !c.takes && (r.Exit != exitInterrupted || sum == nil) {
				t.Errorf("the run is %+v, %+v; want it on record as interrupted", r, sum)
			}
		})
	}
}

// pages counts the pages of walks that a backfill has written.
func (s *site) pages() int {
	m, err := mirror.OpenReadOnly(s.t.Context(), s.path("payrecon.db"))
	if err != nil {
		return 0 // not made yet
	}
	defer m.Close()
	walks, err := m.OpenWalks(s.t.Context(), "backfill")
	seq, failed := m.Sequence(s.t.Context())
	if err != nil || failed != nil {
		return 0
	}
	return len(walks) + int(seq)
}

// waitUntilGivenWay waits for the lease as a command does, visibly, and returns when it could be had, without taking it.
func (s *site) waitUntilGivenWay() {
	s.t.Helper()
	wanted, lock := flock.New(s.path("payrecon.db.lock.wait")), flock.New(s.path("payrecon.db.lock"))
	s.t.Cleanup(func() { _ = wanted.Close() })
	for got := false; !got; {
		var err error
		if got, err = wanted.TryRLock(); err != nil {
			s.t.Fatal(err)
		}
	}
	for got := false; !got; time.Sleep(5 * time.Millisecond) {
		var err error
		if got, err = lock.TryLock(); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := lock.Close(); err != nil {
		s.t.Fatal(err)
	}
}

// recorded returns a run, and what its sync did.
func (s *site) recorded(id int64) (payout.Run, *payout.SyncSummary) {
	s.t.Helper()
	m, err := mirror.OpenReadOnly(s.t.Context(), s.path("payrecon.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer m.Close()
	r, err := m.Run(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	sum, err := m.SyncOf(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return r, sum
}
