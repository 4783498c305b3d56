package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// vanishedIDs returns what the mirror says has vanished.
func vanishedIDs(t *testing.T, m *mirror.Mirror) []string {
	t.Helper()
	vanished, err := m.Vanished(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, h := range vanished {
		ids = append(ids, h.ID)
	}
	return ids
}

// TestGoneBeforeTheDayWasProven reads payouts on the first pages of a day, cuts the walk, and has them gone when the day is
// read again: the day is proven without them, and that is told.
func TestGoneBeforeTheDayWasProven(t *testing.T) {
	for _, n := range []int{1, 7} {
		a := &fakeAPI{now: noon(day0 + 40)}
		for i := range 450 {
			a.add(fmt.Sprintf("po:%04d", i), payout.MillisOf(noon(day0))+payout.Millis(i), payout.Completed)
		}
		m := openMirror(t)
		s := newSyncer(a, m, payoutsync.Options{Workers: 1})
		if _, err := s.Backfill(cutAfter(t.Context(), a, 1), 1, day0, day0); payout.KindOf(err) != payout.KindInterrupted {
			t.Fatalf("Backfill: %v, want interrupted", err)
		}
		a.before = nil
		a.now = noon(day0 + 42) // the cursor is old: the day is walked from its start
		gone := slices.Clone(a.rows[5 : 5+n])
		a.rows = slices.Delete(a.rows, 5, 5+n)
		sum, err := s.Backfill(t.Context(), 2, day0, day0)
		if err != nil || !sum.Complete {
			t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
		}
		end := "not shown: po:0005"
		if n > 1 {
			end = "not shown: po:0005, po:0006, po:0007, po:0008, po:0009 and 2 more"
		}
		if len(sum.Alerts) != 1 || !strings.HasPrefix(sum.Alerts[0], "day "+day0.String()+" is shown complete without") || !strings.HasSuffix(sum.Alerts[0], end) {
			t.Errorf("alerts %q, want one of the day that ends with %q", sum.Alerts, end)
		}
		if got := vanishedIDs(t, m); len(got) != n || got[0] != gone[0].ID {
			t.Errorf("vanished are %q, want the %d that are gone", got, n)
		}
		report, err := s.Verify(t.Context(), 3, day0, day0)
		if err != nil || !report.Complete || len(report.Gone)+len(report.GoneDays)+len(report.Disproved)+len(report.Alerts) != 0 || len(report.Vanished) != n {
			t.Errorf("Verify: %+v, %v; want them listed as known to have vanished, and nothing else", report, err)
		}
		a.rows = slices.Insert(a.rows, 5, gone...)
		if _, err := s.Range(t.Context(), 4, day0, day0); err != nil {
			t.Fatal(err)
		}
		if got := vanishedIDs(t, m); len(got) != 0 {
			t.Errorf("after they showed again vanished are %q, want none", got)
		}
		if got := stateOf(t, m, day0); got.State != payout.DayComplete || got.Count != 450 {
			t.Errorf("the day is %+v, want complete with all of them", got)
		}
	}
}

// TestVerifyKnowsWhatNightsTold has a payout gone from a complete day, and a verification after the night that told of it.
func TestVerifyKnowsWhatNightsTold(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+50, 11, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 50})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	gone := a.rows[55].ID // completed
	a.rows = slices.Delete(a.rows, 55, 56)
	a.now = noon(day0 + 61)
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil || len(sum.Alerts) != 2 || !strings.HasSuffix(sum.Alerts[1], "without payouts that the API had shown before: they stay in the mirror, ask the provider; not shown: "+gone) {
		t.Errorf("Nightly: alerts %q, %v; want the doubt, and what came of it", sum.Alerts, err)
	}
	report, err := s.Verify(t.Context(), 3, day0+50, day0+60)
	if err != nil || !slices.Equal(report.Vanished, []string{gone}) || len(report.Gone)+len(report.GoneDays)+len(report.Disproved) != 0 {
		t.Errorf("Verify: %+v, %v; want %s among what had vanished", report, err, gone)
	}
}

// TestGoneUnderOneIDOnly has a payout that two ids show. Gone under one of them it is told and has not vanished; gone under both,
// a verification finds it, once.
func TestGoneUnderOneIDOnly(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 10)
	shared := a.rows[25].ID // completed, on the third day
	hidden := map[string]bool{}
	a.visible = func(pass string, p *payout.Payout) bool { return !hidden[pass] || p.ID != shared }
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"", "sub"}, Workers: 1})
	day := day0 + 2
	if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	for run, pass := range []string{"", "sub"} {
		hidden[pass] = true
		sum, err := s.Range(t.Context(), int64(run+2), day, day)
		if err != nil || !sum.Complete || len(sum.Alerts) != 2 || !strings.HasSuffix(sum.Alerts[1], "not shown: "+shared) {
			t.Errorf("gone under %q: %+v, %v; want complete, and two alerts that name it", pass, sum, err)
		}
		if got := vanishedIDs(t, m); len(got) != 0 {
			t.Errorf("gone under %q: vanished are %q, want none", pass, got)
		}
	}
	report, err := s.Verify(t.Context(), 4, day0, day0+8)
	if err != nil || !slices.Equal(report.Gone, []string{shared}) || !slices.Equal(report.GoneDays, []payout.Day{day}) || len(report.Alerts) != 1 {
		t.Errorf("Verify: %+v, %v; want %s gone from %s, and an alert", report, err, shared, day)
	}
	report, err = s.Verify(t.Context(), 5, day0, day0+8)
	if err != nil || !slices.Equal(report.Vanished, []string{shared}) || len(report.Gone)+len(report.GoneDays)+len(report.Alerts) != 0 {
		t.Errorf("Verify again: %+v, %v; want it listed as known to have vanished", report, err)
	}
}
