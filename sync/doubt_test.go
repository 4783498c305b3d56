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

func noCursors(q payout.Query) bool { return q.HasFrom() }

// doubtWorld is a mirror that has synced busy days and a quiet yesterday, and an API that on the next day gives no cursors in
// the middle of its lists any more. Beyond them a payout has failed, and a new one has turned up on the day changed.
func doubtWorld(t *testing.T) (a *fakeAPI, s *payoutsync.Syncer, m *mirror.Mirror, changed payout.Day) {
	t.Helper()
	a = &fakeAPI{now: noon(day0 + 60)}
	changed = day0 + 58
	for d := day0 + 50; d <= day0+60; d++ {
		n := 450
		if d == day0+60 {
			n = 20
		}
		for i := range n {
			a.add(fmt.Sprintf("po:%s-%04d", d, i), payout.MillisOf(d.Start())+payout.Millis(i)*1000, payout.Completed)
		}
	}
	m = openMirror(t)
	s = newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0 + 50})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 61)
	a.loseCursor = noCursors
	i := slices.IndexFunc(a.rows, func(p payout.Payout) bool { return p.Created.Day() == changed }) + 444
	a.setStatus(i, payout.Failed, payout.MillisOf(a.now))
	a.add("po:new", payout.MillisOf(noon(changed)), payout.Completed)
	a.queries = nil
	return a, s, m, changed
}

// TestCompleteDaysOfACutWalkAreGaps reads days that were shown complete by walks that come to no regular end.
func TestCompleteDaysOfACutWalkAreGaps(t *testing.T) {
	a, s, m, changed := doubtWorld(t)
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil || sum.Complete || !slices.Contains(sum.Gaps, changed) {
		t.Errorf("Nightly: complete=%v with gaps %v, %v; want %s to be one", sum.Complete, sum.Gaps, err, changed)
	}
	if got := stateOf(t, m, changed); got.State != payout.DayPartial || got.Count != 450 || !strings.Contains(got.Why, "full page") {
		t.Errorf("the day is %+v, want partial, why, and the count of its proof", got)
	}
	limits := map[int]bool{}
	for _, q := range a.queries {
		if q.HasFrom() && q.From <= changed && changed <= q.To {
			limits[q.Limit] = true
		}
	}
	if len(limits) != 3 || !limits[199] || !limits[197] {
		t.Errorf("the day was asked for with the limits %v, want 200, 199 and 197", limits)
	}
	i := slices.IndexFunc(a.rows, func(p payout.Payout) bool { return p.Status == payout.Failed })
	if v, err := m.History(t.Context(), a.rows[i].ID); err != nil || v[len(v)-1].Status != payout.Failed {
		t.Errorf("the history of what failed beyond the cut is %+v, %v; want it asked for by its id", v, err)
	}
	a.loseCursor = nil
	a.now = noon(day0 + 70) // when the lookback has left the day behind
	sum, err = s.Nightly(t.Context(), 3)
	if err != nil || !sum.Complete {
		t.Errorf("the night with cursors: %+v, %v; want complete", sum, err)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], changed.String()+" was shown complete") {
		t.Errorf("alerts %q, want one that the day had been shown complete without the new payout", sum.Alerts)
	}
	wantTruth(t, m, a)
}

// TestDoubtedDayIsProvenAgain has a full last page without a cursor on a day that is complete: a walk with another page size
// settles it.
func TestDoubtedDayIsProvenAgain(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 1)}
	a.fill(day0, 1, 200)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	for run, lastFull := range []string{"", "none"} {
		a.lastFull = lastFull
		sum, err := s.Range(t.Context(), int64(run+1), day0, day0)
		if err != nil || !sum.Complete || sum.Windows != run+1 || len(sum.Alerts) != 0 {
			t.Errorf("Range: %+v, %v; want complete after %d walks", sum, err, run+1)
		}
	}
	if got := stateOf(t, m, day0); got.State != payout.DayComplete || got.Why != "" {
		t.Errorf("the day is %+v, want complete", got)
	}
}

// TestDaysProvenAgainAreNotAskedFor has nights whose full last pages have no cursor. Another page size shows all of their payouts,
// so none is asked for by its id.
func TestDaysProvenAgainAreNotAskedFor(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60), lastFull: "none"}
	for d := day0 + 50; d <= day0+61; d++ {
		for i := range 200 {
			a.add(fmt.Sprintf("po:%s-%04d", d, i), payout.MillisOf(d.Start())+payout.Millis(i)*1000, payout.Completed)
		}
	}
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 50})
	for run, d := range []payout.Day{day0 + 60, day0 + 61} {
		a.now = noon(d)
		if sum, err := s.Nightly(t.Context(), int64(run+1)); err != nil || !sum.Complete {
			t.Errorf("Nightly: %+v, %v; want complete", sum, err)
		}
	}
	asked := map[int]int{}
	for _, q := range a.queries {
		if q.HasFrom() {
			asked[q.Limit]++
		}
		if len(q.IDs) > 0 {
			t.Errorf("%d payouts were asked for by id, want none", len(q.IDs))
		}
	}
	if asked[199] == 0 {
		t.Errorf("pages asked for by limit: %v; want some of 199", asked)
	}
	wantTruth(t, m, a)
}

// TestVerifyOfCutWalks has nothing to say of what lies beyond them. Later nights prove the days again, whatever their age.
func TestVerifyOfCutWalks(t *testing.T) {
	a, s, m, changed := doubtWorld(t)
	report, err := s.Verify(t.Context(), 2, day0+50, changed)
	if err != nil || report.Complete || len(report.Gaps) != 9 {
		t.Errorf("Verify: complete=%v with gaps %v, %v; want all nine days", report.Complete, report.Gaps, err)
	}
	if len(report.Gone)+len(report.Vanished)+len(report.GoneDays)+len(report.Disproved) != 0 {
		t.Errorf("Verify: %d gone, disproved %v; want nothing said of what no walk came to", len(report.Gone), report.Disproved)
	}
	a.loseCursor = nil
	late := newSyncer(a, m, payoutsync.Options{StartDay: changed + 2})
	if err := m.SetSyncStart(t.Context(), changed+2); err != nil {
		t.Fatal(err)
	}
	a.now = noon(changed + 30)
	if sum, err := late.Nightly(t.Context(), 3); err != nil || !sum.Complete {
		t.Errorf("Nightly: %+v, %v; want complete", sum, err)
	}
	if got := stateOf(t, m, changed); got.State != payout.DayComplete || got.Count != 451 {
		t.Errorf("the day is %+v, want complete with the new payout", got)
	}
}

// TestDoubtedDaysAreProvenOneByOne has an API that never gives a cursor, and days that were proven a few at a time because they fit
// on one page. Longer windows put them in doubt, which only walks as short can end.
func TestDoubtedDaysAreProvenOneByOne(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 20), loseCursor: noCursors, lastFull: "none"}
	a.fill(day0, 61, 60)
	m := openMirror(t)
	if sum, err := newSyncer(a, m, payoutsync.Options{StartDay: day0, Workers: 16}).Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.queries = nil
	report, err := newSyncer(a, m, payoutsync.Options{Workers: 1}).Verify(t.Context(), 2, day0, day0+13)
	if err != nil || !report.Complete || len(report.Gone)+len(report.Disproved) != 0 {
		t.Errorf("Verify: complete=%v with gaps %v, %v; want complete", report.Complete, report.Gaps, err)
	}
	cut := slices.ContainsFunc(a.queries, func(q payout.Query) bool { return q.To-q.From > 3 })
	if again := slices.ContainsFunc(a.queries, func(q payout.Query) bool { return q.Limit < payout.MaxLimit }); !cut || !again {
		t.Errorf("days were asked for together: %v, and again: %v; want both", cut, again)
	}
}
