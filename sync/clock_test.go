package sync_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

const year = 365 * 24 * time.Hour

// TestFirstSyncByAWrongClock makes the first sync with a clock that is wrong: nights begin where they would by a right one, or
// earlier, so that a time without nights is made up for.
func TestFirstSyncByAWrongClock(t *testing.T) {
	const today = day0 + 100
	for _, c := range []struct {
		name  string
		ahead time.Duration
		start payout.Day
	}{
		{"a year ahead", year, today - 45},
		{"a month ahead", 30 * 24 * time.Hour, today - 45},
		{"three days behind", -72 * time.Hour, today - 48},
		{"right enough", 4 * time.Minute, today - 45},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &fakeAPI{now: noon(today).Add(c.ahead), serverBehind: c.ahead}
			a.fill(today-45, 66, 5)
			all := slices.Clone(a.rows)
			a.rows = slices.DeleteFunc(a.rows, func(p payout.Payout) bool { return p.Created > payout.MillisOf(noon(today)) })
			m := openMirror(t)
			s := newSyncer(a, m, payoutsync.Options{})
			sum, err := s.Nightly(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if start, ok, err := m.SyncStart(t.Context()); start != c.start || !ok || err != nil {
				t.Errorf("nights begin on %s, %v, %v; want %s", start, ok, err, c.start)
			}
			wantSkewTold(t, sum, c.ahead)
			a.rows, a.serverBehind, a.now = all, 0, noon(today+20)
			a.rows = slices.DeleteFunc(a.rows, func(p payout.Payout) bool { return p.Created > payout.MillisOf(a.now) })
			if sum, err = s.Nightly(t.Context(), 2); err != nil || !sum.Complete || len(sum.Alerts) != 0 {
				t.Errorf("20 days later, by a right clock: %+v, %v; want complete and no alert", sum, err)
			}
			wantTruth(t, m, a)
		})
	}
}

// wantSkewTold makes sure that a run tells of its clock, once, if that is more than five minutes wrong.
func wantSkewTold(t *testing.T, sum *payout.SyncSummary, ahead time.Duration) {
	t.Helper()
	told := slices.DeleteFunc(slices.Clone(sum.Alerts), func(text string) bool { return !strings.HasPrefix(text, "this machine's clock is ") })
	switch {
	case ahead.Abs() <= 5*time.Minute:
		if len(told) != 0 {
			t.Errorf("alerts are %q, want none of the clock", told)
		}
	case len(told) != 1 || !strings.Contains(told[0], ahead.Abs().String()) || strings.Contains(told[0], "ahead") != (ahead > 0):
		t.Errorf("alerts are %q, want one that the clock is %s wrong", told, ahead)
	}
}

// TestStartToCome has a stored first day of nights that is after today. It is put right, unless it is our clock that is behind, or
// that day is what the configuration says.
func TestStartToCome(t *testing.T) {
	const today = day0 + 50
	for _, c := range []struct {
		name         string
		stored, want payout.Day
		configured   payout.Day
		behind       time.Duration
	}{
		{"set by a clock that was ahead", today + 300, today - 45, 0, 0},
		{"likewise, with a first day in the configuration", today + 300, today - 20, today - 20, 0},
		{"our clock is behind", today - 10, today - 10, 0, 20 * 24 * time.Hour},
		{"as configured", today + 2, today + 2, today + 2, 0},
		{"today", today, today, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &fakeAPI{now: noon(today).Add(-c.behind), serverBehind: -c.behind}
			a.fill(day0, 50, 5)
			m := openMirror(t)
			if err := m.SetSyncStart(t.Context(), c.stored); err != nil {
				t.Fatal(err)
			}
			sum, err := newSyncer(a, m, payoutsync.Options{StartDay: c.configured}).Nightly(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if start, _, err := m.SyncStart(t.Context()); start != c.want || err != nil {
				t.Errorf("nights begin on %s, %v; want %s", start, err, c.want)
			}
			wantSkewTold(t, sum, -c.behind)
		})
	}
}

// TestStartIsSetByTheFirstPage has an API that does not answer the first sync: nothing is known of its clock, so the first day of
// nights is set by the run that it does answer.
func TestStartIsSetByTheFirstPage(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 400)}
	m := openMirror(t)
	a.before = func(int, payout.Query, string) error { return payout.Errorf(payout.KindTransport, "away") }
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Nightly(t.Context(), 1); err == nil {
		t.Error("a run without any answer ended well")
	}
	if start, ok, err := m.SyncStart(t.Context()); ok || err != nil {
		t.Errorf("nights begin on %s, %v; want that left open", start, err)
	}
	a.before, a.now = nil, noon(day0+50)
	if _, err := s.Nightly(t.Context(), 2); err != nil {
		t.Error(err)
	}
	if start, ok, err := m.SyncStart(t.Context()); start != day0+5 || !ok || err != nil {
		t.Errorf("nights begin on %s, %v, %v; want %s", start, ok, err, day0+5)
	}
}

// TestClockAheadOnce has one night by a clock that was ahead, and an API that does not date what changes. The next night's word
// counts, although the clock says that it is older.
func TestClockAheadOnce(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 50), serverBehind: 30 * 24 * time.Hour}
	a.fill(day0, 20, 5)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{StartDay: day0})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	a.now, a.serverBehind = noon(day0+21), 0
	a.setStatus(3, payout.Completed, a.rows[3].Updated)
	if sum, err := s.Nightly(t.Context(), 2); err != nil || sum.Changed != 1 {
		t.Errorf("the next night: %+v, %v; want one changed", sum, err)
	}
	wantTruth(t, m, a)
}
