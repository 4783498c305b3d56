package sync_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// TestGoingOnIsSaidWhereItHelps looks at the last words of runs that the API ended.
func TestGoingOnIsSaidWhereItHelps(t *testing.T) {
	answer := func(kind payout.Kind, status int) error {
		return payout.Errorf(kind, "%w", &payapi.Error{Method: "GET", Path: "/payouts", Host: "api", Status: status})
	}
	for _, c := range []struct {
		name string
		err  error
		want bool
	}{
		{"400", answer(payout.KindInput, 400), false},
		{"401", answer(payout.KindAuth, 401), false},
		{"403", answer(payout.KindAuth, 403), false},
		{"404", answer(payout.KindNotFound, 404), false},
		{"501", answer(payout.KindFailed, 501), false},
		{"redirect", answer(payout.KindTransport, 302), false},
		{"500", answer(payout.KindTransport, 500), true},
		{"429", answer(payout.KindTransport, 429), true},
		{"no connection", payout.Errorf(payout.KindTransport, "connection refused"), true},
	} {
		a := &fakeAPI{now: noon(day0)}
		a.fill(day0-3, 3, 5)
		a.before = func(int, payout.Query, string) error { return c.err }
		sum, err := newSyncer(a, openMirror(t), payoutsync.Options{}).Nightly(t.Context(), 1)
		if err == nil || strings.Contains(err.Error(), "goes on") != c.want || strings.Contains(err.Error(), "walked") != c.want {
			t.Errorf("%s: %v; want a word of going on: %v", c.name, err, c.want)
		}
		if sum.Complete || len(sum.Gaps) == 0 {
			t.Errorf("%s: complete=%v with gaps %v, want the days that were to be walked", c.name, sum.Complete, sum.Gaps)
		}
	}
}

// TestFailedSyncNamesGaps fails runs over days that an earlier run has shown complete, and runs that had no time at all.
func TestFailedSyncNamesGaps(t *testing.T) {
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	stopped, stop := context.WithCancel(t.Context())
	stop()
	from, to := day0+90, day0+99
	for name, sync := range map[string]func(context.Context, *payoutsync.Syncer) (*payout.SyncSummary, error){
		"nightly": func(ctx context.Context, s *payoutsync.Syncer) (*payout.SyncSummary, error) { return s.Nightly(ctx, 3) },
		"range": func(ctx context.Context, s *payoutsync.Syncer) (*payout.SyncSummary, error) {
			return s.Range(ctx, 3, from, to)
		},
		"backfill": func(ctx context.Context, s *payoutsync.Syncer) (*payout.SyncSummary, error) {
			return s.Backfill(ctx, 3, from, to)
		},
	} {
		for cause, ctx := range map[string]context.Context{"401": t.Context(), "no sweep": t.Context(), "out of time": late, "stopped": stopped} {
			a, s, _, _ := lateWorld(t, payoutsync.Options{})
			a.now = noon(day0 + 100) // everything that is wanted was shown complete
			a.before = func(_ int, q payout.Query, _ string) error {
				if cause == "401" || cause == "no sweep" && !q.HasFrom() {
					return payout.Errorf(payout.KindAuth, "401")
				}
				return nil
			}
			sum, err := sync(ctx, s)
			if err == nil || sum.Complete || len(sum.Gaps) == 0 || slices.Contains(sum.Gaps, day0+100) {
				t.Errorf("%s, %s: %+v, %v; want an error, not complete, and ended days as gaps", name, cause, sum, err)
			}
		}
	}
}

// TestLeftWindowIsNamedOnce looks at the log of a night with one window that fails.
func TestLeftWindowIsNamedOnce(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 20)}
	a.fill(day0, 21, 10)
	broken := day0 + 15
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.HasFrom() && q.From <= broken && broken <= q.To {
			return payout.Errorf(payout.KindTransport, "500")
		}
		return nil
	}
	var log bytes.Buffer
	s := newSyncer(a, openMirror(t), payoutsync.Options{Workers: 1, StartDay: day0, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	_, err := s.Nightly(t.Context(), 1)
	if err == nil || !strings.HasPrefix(err.Error(), "days 2026-03-") {
		t.Errorf("Nightly: %v, want an error that begins with the window's days", err)
	}
	lines := map[string]int{}
	for line := range strings.Lines(log.String()) {
		if _, text, left := strings.Cut(line, "days were left out"); left {
			lines[text]++
			if !strings.Contains(text, "days 2026-03-") {
				t.Errorf("%q does not name the window", line)
			}
		}
	}
	for text, n := range lines {
		if n != 1 {
			t.Errorf("%q was said %d times, want once", text, n)
		}
	}
	if len(lines) == 0 {
		t.Error("nothing was said of the window")
	}
}

func TestGonePayoutsAreNamed(t *testing.T) {
	for _, gone := range []int{2, 7} {
		a := &fakeAPI{now: noon(day0 + 60)}
		a.fill(day0+50, 11, 10)
		first := 7 * 10 // of three days ago
		a.setStatus(first+3, payout.Completed, a.rows[first+3].Created)
		s := newSyncer(a, openMirror(t), payoutsync.Options{})
		if _, err := s.Nightly(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		want := a.rows[first].ID + ", " + a.rows[first+1].ID
		if gone == 7 {
			want += ", " + a.rows[first+2].ID + ", " + a.rows[first+3].ID + ", " + a.rows[first+4].ID + " and 2 more"
		}
		a.rows = slices.Delete(a.rows, first, first+gone)
		a.now = noon(day0 + 61)
		sum, err := s.Nightly(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(sum.Alerts, func(s string) bool {
			return strings.HasSuffix(s, "not shown: "+want)
		}) {
			t.Errorf("alerts %q, want one that names %s", sum.Alerts, want)
		}
	}
}
