package sync_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// TestInterruptedVerifyComparesAnew interrupts a verification in the middle of a walk that has shown a missing payout. The
// next one compares everything, and knows of the day.
func TestInterruptedVerifyComparesAnew(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40)}
	a.fill(day0, 2, 900)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+1); err != nil {
		t.Fatal(err)
	}
	a.add("po:missing", payout.MillisOf(noon(day0)), payout.Completed)
	last := len(a.rows) - 1
	a.rows[0], a.rows[last] = a.rows[last], a.rows[0] // on the first page
	ctx, cancel := context.WithCancel(t.Context())
	first := a.calls
	a.during = func(call int) {
		if call == first+3 {
			cancel()
		}
	}
	report, err := s.Verify(ctx, 2, day0, day0+1)
	if payout.KindOf(err) != payout.KindInterrupted || strings.Contains(err.Error(), "goes on") || !strings.Contains(err.Error(), "anew") {
		t.Errorf("Verify: %v, want interrupted, and that it begins anew", err)
	}
	if !slices.Equal(report.Missing, []string{"po:missing"}) || !slices.Equal(report.Disproved, []payout.Day{day0}) || report.Complete {
		t.Errorf("Verify: %+v, want what it found until then", report)
	}
	if got := stateOf(t, m, day0); got.State == payout.DayComplete {
		t.Error("the disproved day is complete after the interruption")
	}
	a.during = nil
	report, err = s.Verify(t.Context(), 3, day0, day0+1)
	if err != nil || report.Compared != 1801 || len(report.Gone) != 0 || !report.Complete {
		t.Errorf("Verify again: %d compared, %d gone, complete %v, %v; want all compared and none gone", report.Compared, len(report.Gone), report.Complete, err)
	}
	if !slices.Equal(report.Disproved, []payout.Day{day0}) {
		t.Errorf("Verify again: disproved %v, want the day that the interrupted one disproved", report.Disproved)
	}
	if report, err = s.Verify(t.Context(), 4, day0, day0+1); err != nil || len(report.Disproved) != 0 {
		t.Errorf("the third Verify: %v, %v; want nothing disproved any more", report.Disproved, err)
	}
}
