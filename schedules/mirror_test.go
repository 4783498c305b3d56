package schedules

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
)

var _ State = (*mirror.Mirror)(nil)

// The record of the real store says what the memory of these tests says: what was due is settled by another process.
func TestRecordInTheMirror(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payrecon.db")
	m, err := mirror.Open(t.Context(), path, mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	starts := 0
	look := func() {
		t.Helper()
		s, err := New([]Job{nightly}, m, func(context.Context, Job) (string, string) { starts++; return "ok", "" },
			Options{Clock: func() time.Time { return now }, Lock: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.startDue(t.Context(), s.jobs[0], now); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		later time.Duration
		want  int
	}{{0, 0}, {time.Hour, 0}, {20 * time.Hour, 1}, {time.Minute, 1}, {15 * time.Minute, 1}, {3 * day, 2}, {0, 2}} {
		now = now.Add(tc.later)
		look()
		if starts != tc.want {
			t.Errorf("%s: %d starts, want %d", now, starts, tc.want)
		}
	}
	last, ok, err := m.LastJob(t.Context(), "nightly")
	if err != nil || !ok || last.Outcome != "ok" || last.DueDay != payout.DayOf(now) || last.Ended == 0 {
		t.Errorf("last %+v, %v, %v", last, ok, err)
	}
}
