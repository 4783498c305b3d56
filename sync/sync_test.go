package sync_test

import (
	"testing"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

func TestNightlyFromNothing(t *testing.T) {
	for _, endMeansStart := range []bool{false, true} {
		a := &fakeAPI{now: noon(day0 + 50), endMeansStart: endMeansStart}
		a.fill(day0+5, 46, 30)
		m := openMirror(t)
		s := newSyncer(a, m, payoutsync.Options{})
		sum, err := s.Nightly(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Complete || len(sum.Gaps) != 0 || len(sum.Alerts) != 0 || sum.New != len(a.rows) {
			t.Errorf("first night: %+v, want complete, %d new, no gaps and no alerts", sum, len(a.rows))
		}
		wantTruth(t, m, a)

		a.now = noon(day0 + 51)
		a.fill(day0+51, 1, 20)
		a.setStatus(3, payout.Failed, payout.MillisOf(a.now)) // 46 days old
		sum, err = s.Nightly(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if !sum.Complete || sum.New != 20 || sum.Changed != 1 {
			t.Errorf("second night: %+v, want complete, 20 new and 1 changed", sum)
		}
		wantTruth(t, m, a)
		c, err := m.Coverage(t.Context(), []string{""}, payout.Period{From: day0 + 5, To: day0 + 51})
		if err != nil {
			t.Fatal(err)
		}
		if gaps := c.Gaps(payout.Period{From: day0 + 5, To: day0 + 51}, day0+51); len(gaps) != 1 || gaps[0] != day0+51 {
			t.Errorf("gaps up to today are %v, want today alone", gaps)
		}
	}
}

func TestBackfillLeavesTheNightlyStartAlone(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 100)}
	a.fill(day0, 101, 12)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	sum, err := s.Backfill(t.Context(), 2, day0, day0+30)
	if err != nil || !sum.Complete {
		t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
	}
	if start, ok, err := m.SyncStart(t.Context()); start != day0+55 || !ok || err != nil {
		t.Errorf("nightly runs start on %s, %v, %v; want %s", start, ok, err, day0+55)
	}
	calls := a.calls
	if sum, err = s.Backfill(t.Context(), 3, day0, day0+30); err != nil || sum.Windows != 0 || !sum.Complete {
		t.Errorf("the same again: %+v, %v; want no window and complete", sum, err)
	}
	if got := a.calls - calls; got > 3 {
		t.Errorf("the same again took %d requests, want the sweep's only", got)
	}
	sum, err = s.Range(t.Context(), 4, day0+31, day0+54)
	if err != nil || !sum.Complete {
		t.Fatalf("Range: %+v, %v; want complete", sum, err)
	}
	wantTruth(t, m, a)
}

// TestNoDayIsFetchedTwice counts what a backfill reads: the day that each window asks for in excess is no waste, whichever
// way the API reads endDate.
func TestNoDayIsFetchedTwice(t *testing.T) {
	for _, endMeansStart := range []bool{false, true} {
		a := &fakeAPI{now: noon(day0 + 60), endMeansStart: endMeansStart}
		a.fill(day0, 40, 60)
		m := openMirror(t)
		sum, err := newSyncer(a, m, payoutsync.Options{Workers: 4}).Backfill(t.Context(), 1, day0, day0+39)
		if err != nil || !sum.Complete {
			t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
		}
		wantTruth(t, m, a)
		asked := map[payout.Day]int{}
		for _, q := range a.queries {
			for d := q.From; q.HasFrom() && d <= q.To; d++ {
				asked[d]++
			}
		}
		if read := sum.Rows - sum.Swept; read > len(a.rows)*11/10 {
			t.Errorf("endDate means the start of its day: %v; %d rows were read for %d payouts, want hardly more (%v)", endMeansStart, read, len(a.rows), asked)
		}
		for _, q := range a.queries {
			if endMeansStart && q.HasFrom() && q.To <= day0+39 && asked[q.To] < 2 {
				t.Errorf("day %s was only asked for as an endDate", q.To)
			}
		}
	}
}
