package sync_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// stateOf returns what the mirror says of a day.
func stateOf(t *testing.T, m *mirror.Mirror, d payout.Day) payout.DayEvidence {
	t.Helper()
	records, err := m.DayRecords(t.Context(), "", payout.Period{From: d, To: d})
	if err != nil {
		t.Fatal(err)
	}
	return records[0].DayEvidence
}

func TestDayNeedsToHaveEndedAndSettled(t *testing.T) {
	for _, c := range []struct {
		name          string
		afterMidnight time.Duration
		serverBehind  time.Duration
		want          payout.DayState
	}{
		{"before its end", -time.Minute, 0, payout.DayPartial},
		{"not settled", 14 * time.Minute, 0, payout.DayPartial},
		{"settled", 15 * time.Minute, 0, payout.DayComplete},
		{"our clock is ahead of the server's", 20 * time.Minute, 10 * time.Minute, payout.DayPartial},
		{"the server's clock is ahead of ours", 14 * time.Minute, -10 * time.Minute, payout.DayPartial},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &fakeAPI{now: (day0 + 1).Start().Add(c.afterMidnight), serverBehind: c.serverBehind}
			a.fill(day0, 1, 10)
			m := openMirror(t)
			if _, err := newSyncer(a, m, payoutsync.Options{}).Range(t.Context(), 1, day0, day0); err != nil {
				t.Fatal(err)
			}
			if got := stateOf(t, m, day0); got.State != c.want {
				t.Errorf("the day is %s (%s), want %s", got.State, got.Why, c.want)
			}
		})
	}
}

func TestTodayIsMirroredAndNeverAGap(t *testing.T) {
	a := &fakeAPI{now: noon(day0)}
	a.fill(day0, 1, 10)
	m := openMirror(t)
	sum, err := newSyncer(a, m, payoutsync.Options{}).Nightly(t.Context(), 1)
	if err != nil || !sum.Complete || len(sum.Gaps) != 0 {
		t.Errorf("Nightly: %+v, %v; want complete without gaps", sum, err)
	}
	if got := stateOf(t, m, day0); got.State != payout.DayPartial {
		t.Errorf("today is %s, want partial", got.State)
	}
	wantTruth(t, m, a)
}

func TestNewPayoutDisprovesACompleteDay(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+20, 41, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 61)
	late := day0 + 22 // outside of the windows of this night: the sweep finds it
	a.add("po:late", payout.MillisOf(noon(late)), payout.Processing)
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], "po:late") || !strings.Contains(sum.Alerts[0], late.String()) {
		t.Errorf("alerts are %q, want one that names the payout and its day", sum.Alerts)
	}
	if got := stateOf(t, m, late); got.State != payout.DayComplete || got.Count != 11 || !sum.Complete {
		t.Errorf("after the new walk the day is %+v and the sync complete=%v, want complete with 11 payouts", got, sum.Complete)
	}
	wantTruth(t, m, a)
	kept, err := m.RunAlerts(t.Context(), 2)
	if err != nil || len(kept) != 1 {
		t.Errorf("the mirror keeps the alerts %q, %v; want the one", kept, err)
	}
}

func TestPayoutGoneFromACompleteDay(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+50, 11, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	all := len(a.rows)
	gone := a.rows[all-27] // of three days ago
	a.rows = append(a.rows[:all-27:all-27], a.rows[all-26:]...)
	a.now = noon(day0 + 61)
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Alerts) == 0 || !strings.Contains(sum.Alerts[0], gone.Created.Day().String()) {
		t.Errorf("alerts are %q, want one that names day %s", sum.Alerts, gone.Created.Day())
	}
	// Two walks agree now: the day is complete again, without the payout, which stays in the mirror.
	if got := stateOf(t, m, gone.Created.Day()); got.State != payout.DayComplete || got.Count != 9 {
		t.Errorf("the day is %+v, want complete with 9 payouts", got)
	}
	if versions, err := m.History(t.Context(), gone.ID); err != nil || len(versions) != 1 {
		t.Errorf("history of %s: %+v, %v; want its one version", gone.ID, versions, err)
	}
	sum, err = s.Nightly(t.Context(), 3)
	if err != nil || len(sum.Alerts) != 0 || !sum.Complete {
		t.Errorf("the next night: %+v, %v; want complete and no new alert", sum, err)
	}
}

func TestVanishedIsReportedOnceAndKept(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+20, 41, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	gone := a.rows[3] // processing, 40 days old
	a.rows = append(a.rows[:3:3], a.rows[4:]...)
	a.now = noon(day0 + 61)
	calls := a.calls
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], gone.ID) {
		t.Errorf("alerts are %q, want one that names %s", sum.Alerts, gone.ID)
	}
	asked := 0
	for _, q := range a.queries[calls:] {
		if len(q.IDs) == 1 && q.IDs[0] == gone.ID {
			asked++
		}
	}
	if asked != 2 {
		t.Errorf("it was asked for by id %d times, want 2", asked)
	}
	if vanished, err := m.Vanished(t.Context()); err != nil || len(vanished) != 1 || vanished[0].ID != gone.ID {
		t.Errorf("Vanished() = %+v, %v; want %s", vanished, err, gone.ID)
	}
	if sum, err = s.Nightly(t.Context(), 3); err != nil || len(sum.Alerts) != 0 {
		t.Errorf("the next night: %+v, %v; want no new alert", sum, err)
	}
	a.rows = append(a.rows, gone)
	if _, err = s.Nightly(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if vanished, err := m.Vanished(t.Context()); err != nil || len(vanished) != 0 {
		t.Errorf("after it showed again Vanished() = %+v, %v; want none", vanished, err)
	}
}

// TestFullLastPage has exactly 200 payouts on a day, and an API that then gives no cursor, or the same again.
func TestFullLastPage(t *testing.T) {
	for _, lastFull := range []string{"none", "repeated"} {
		a := &fakeAPI{now: noon(day0 + 1), lastFull: lastFull}
		a.fill(day0, 1, 200)
		m := openMirror(t)
		sum, err := newSyncer(a, m, payoutsync.Options{}).Range(t.Context(), 1, day0, day0)
		if err != nil {
			t.Fatal(err)
		}
		if got := stateOf(t, m, day0); got.State != payout.DayComplete || !sum.Complete {
			t.Errorf("%s: the day is %+v, want complete by a walk with another limit", lastFull, got)
		}
		var limits []int
		for _, q := range a.queries {
			if q.HasFrom() {
				limits = append(limits, q.Limit)
			}
		}
		if len(limits) != 3 || limits[0] != 200 || limits[1] != 199 || limits[2] != 199 {
			t.Errorf("%s: limits of the walks' pages are %v, want 200 199 199", lastFull, limits)
		}
	}
}

// TestNeverAWayOn has a number of payouts that every page size divides: no walk can end regularly.
func TestNeverAWayOn(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 1), lastFull: "none"}
	a.fill(day0, 1, 5)
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		for i := 0; q.HasFrom() && len(rows) > 0 && len(rows) < q.Limit; i++ {
			rows = append(rows, rows[i])
		}
		return rows
	}
	m := openMirror(t)
	sum, err := newSyncer(a, m, payoutsync.Options{}).Range(t.Context(), 1, day0, day0)
	if err != nil {
		t.Fatal(err)
	}
	if sum.Complete || len(sum.Gaps) != 1 || sum.Gaps[0] != day0 || sum.Windows != 3 {
		t.Errorf("%+v, want the day as a gap after walks with 200, 199 and 197", sum)
	}
	if got := stateOf(t, m, day0); got.State != payout.DayPartial || !strings.Contains(got.Why, "full page") {
		t.Errorf("the day is %+v, want partial and why", got)
	}
}

func TestFinalToOtherFinalIsAnAlert(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+50, 11, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 61)
	i := len(a.rows) - 1 // completed, yesterday
	a.setStatus(i, payout.Failed, payout.MillisOf(a.now))
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], a.rows[i].ID) || !strings.Contains(sum.Alerts[0], "INITIATION_COMPLETED") {
		t.Errorf("alerts are %q, want one that names the payout and its old status", sum.Alerts)
	}
	wantTruth(t, m, a)
	versions, err := m.History(t.Context(), a.rows[i].ID)
	if err != nil || len(versions) != 2 || versions[0].Status != payout.Completed || versions[1].Status != payout.Failed {
		t.Errorf("history is %+v, %v; want completed, then failed", versions, err)
	}
}

// TestLateFinalIsAskedForAgain has an old payout that became final within the lookback, and then changes once more.
func TestLateFinalIsAskedForAgain(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+20, 41, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	for i, step := range []func(){
		func() {},
		func() { a.setStatus(3, payout.Completed, payout.MillisOf(a.now)) },
		func() { a.setStatus(3, payout.Failed, payout.MillisOf(a.now)) },
	} {
		step()
		if _, err := s.Nightly(t.Context(), int64(i+1)); err != nil {
			t.Fatal(err)
		}
		wantTruth(t, m, a)
		a.now = a.now.AddDate(0, 0, 1)
	}
}

// TestFinalsOfAFailedWindowAreAskedFor has a window that never answers: what became final in it is asked for by id.
func TestFinalsOfAFailedWindowAreAskedFor(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+50, 11, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 50})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	broken := day0 + 57
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.HasFrom() && q.From <= broken && broken <= q.To {
			return payout.Errorf(payout.KindInput, "no such days")
		}
		return nil
	}
	a.now = noon(day0 + 61)
	a.setStatus(70, payout.Failed, payout.MillisOf(a.now)) // was completed, and is of the broken day
	sum, err := s.Nightly(t.Context(), 2)
	if err == nil || !slices.Contains(sum.Gaps, broken) {
		t.Errorf("Nightly: %+v, %v; want a failure, and %s among the gaps", sum, err, broken)
	}
	wantTruth(t, m, a)
}

func TestOtherMemberIsRefused(t *testing.T) {
	a := &fakeAPI{now: noon(day0)}
	a.fill(day0-3, 3, 5)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	before, err := m.Sequence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeAPI{now: noon(day0), memberID: "m:other"}
	b.fill(day0-2, 3, 5)
	_, err = newSyncer(b, m, payoutsync.Options{}).Nightly(t.Context(), 2)
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "m:other") {
		t.Errorf("Nightly: %v, want an input error that names the member", err)
	}
	if after, err := m.Sequence(t.Context()); err != nil || after != before {
		t.Errorf("sequence went from %d to %d, %v; want nothing written", before, after, err)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	for _, kind := range []payout.Kind{payout.KindAuth, payout.KindInput, payout.KindTransport} {
		a := &fakeAPI{now: noon(day0)}
		a.fill(day0-3, 3, 5)
		a.before = func(call int, _ payout.Query, _ string) error {
			if call > 2 {
				return payout.Errorf(kind, "refused")
			}
			return nil
		}
		m := openMirror(t)
		sum, err := newSyncer(a, m, payoutsync.Options{}).Nightly(t.Context(), 1)
		if payout.KindOf(err) != kind || sum == nil || sum.Complete {
			t.Errorf("Nightly: %+v, %v; want an error of kind %d and a summary that is not complete", sum, err, kind)
		}
	}
}

func TestRangeRefuses(t *testing.T) {
	a := &fakeAPI{now: noon(day0)}
	s := newSyncer(a, openMirror(t), payoutsync.Options{})
	for _, p := range []payout.Period{{From: day0, To: day0 - 1}, {From: day0 + 1, To: day0 + 2}} {
		if _, err := s.Range(t.Context(), 1, p.From, p.To); payout.KindOf(err) != payout.KindInput {
			t.Errorf("Range(%s): %v, want an input error", p, err)
		}
	}
	if a.calls != 0 {
		t.Errorf("%d requests were made, want none", a.calls)
	}
}

func TestWalkLostToAnotherRunBeginsAgain(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40)}
	a.fill(day0, 1, 900)
	m := openMirror(t)
	a.during = func(call int) {
		if call == 2 { // another run drops the walk behind our back
			walks, err := m.OpenWalks(t.Context(), "backfill")
			if err != nil || len(walks) != 1 {
				t.Errorf("open walks: %+v, %v; want one", walks, err)
				return
			}
			if err := m.DropWalk(t.Context(), walks[0].ID); err != nil {
				t.Error(err)
			}
		}
	}
	sum, err := newSyncer(a, m, payoutsync.Options{Workers: 1}).Backfill(t.Context(), 1, day0, day0)
	if err != nil || !sum.Complete {
		t.Errorf("Backfill: %+v, %v; want complete", sum, err)
	}
	wantTruth(t, m, a)
	if errors.Is(err, payout.ErrWalkLost) {
		t.Error("the loss of the walk came out")
	}
}
