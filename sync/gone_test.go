package sync_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
		if len(sum.Alerts) != 1 || !strings.HasPrefix(sum.Alerts[0], "day "+day0.String()+": the API had shown payouts that it shows no more") || !strings.HasSuffix(sum.Alerts[0], end) {
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
	if err != nil || len(sum.Alerts) != 1 || !strings.HasSuffix(sum.Alerts[0], "they stay in the mirror, ask the provider; not shown: "+gone) {
		t.Errorf("Nightly: alerts %q, %v; want what came of it, once", sum.Alerts, err)
	}
	report, err := s.Verify(t.Context(), 3, day0+50, day0+60)
	if err != nil || !slices.Equal(report.Vanished, []string{gone}) || len(report.Gone)+len(report.GoneDays)+len(report.Disproved) != 0 {
		t.Errorf("Verify: %+v, %v; want %s among what had vanished", report, err, gone)
	}
}

// TestGoneUnderOneIDOnly has a payout that two ids show. Gone under one of them it is told and has not vanished; gone under both
// it has, whichever of them owns it.
func TestGoneUnderOneIDOnly(t *testing.T) {
	for _, order := range [][]string{{"", "sub"}, {"sub", ""}} {
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
		for run, vanished := range [][]string{{}, {shared}} {
			hidden[order[run]] = true
			sum, err := s.Range(t.Context(), int64(run+2), day, day)
			if err != nil || !sum.Complete || len(sum.Alerts) != 1 || !strings.HasSuffix(sum.Alerts[0], ": "+shared) {
				t.Errorf("gone under %q: %+v, %v; want complete, and an alert that names it", order[:run+1], sum, err)
			}
			if got := vanishedIDs(t, m); !slices.Equal(got, vanished) {
				t.Errorf("gone under %q: vanished are %q, want %q", order[:run+1], got, vanished)
			}
		}
		report, err := s.Verify(t.Context(), 4, day0, day0+8)
		if err != nil || !slices.Equal(report.Vanished, []string{shared}) || len(report.Gone)+len(report.GoneDays)+len(report.Alerts) != 0 {
			t.Errorf("Verify: %+v, %v; want it listed as known to have vanished", report, err)
		}
	}
}

// TestGoneUnderOneIDUnknownUnderAnother has a payout that two ids show vanish under one of them, while the other does not answer for
// it: it has not vanished, nobody knows. A night that reads its day under both knows it from the list of the other.
func TestGoneUnderOneIDUnknownUnderAnother(t *testing.T) {
	for _, how := range []string{"cut", "ignored", "refused"} {
		t.Run(how, func(t *testing.T) {
			a := &fakeAPI{now: noon(day0 + 10)}
			a.fill(day0, 9, 10)
			shared, stranger := a.rows[25].ID, a.rows[0] // completed, on the third day
			gone, listed := false, true
			a.visible = func(pass string, p *payout.Payout) bool { return !gone || p.ID != shared || pass == "" && listed }
			m := openMirror(t)
			s := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"", "sub"}, Workers: 1})
			if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
				t.Fatal(err)
			}
			gone = true
			silent := func(q payout.Query) bool { return len(q.IDs) > 0 && q.OnBehalfOf == "" }
			a.cut = func(q payout.Query, page *payout.Page) {
				if silent(q) && how == "cut" {
					cutShort(page, 0)
				} else if silent(q) {
					page.Payouts = []payout.Payout{stranger}
				}
			}
			a.before = func(_ int, q payout.Query, _ string) error {
				if silent(q) && how == "refused" {
					return payout.Errorf(payout.KindInput, "400")
				}
				return nil
			}
			sum, err := s.Range(t.Context(), 2, day0+2, day0+2)
			if err != nil || !sum.Complete || len(sum.Alerts) != 1 || !strings.HasSuffix(sum.Alerts[0], "ask the provider; not listed: "+shared) {
				t.Errorf("Range: %+v, %v; want complete, and one alert of what a list leaves out", sum, err)
			}
			listed = false
			sum, err = s.Range(t.Context(), 3, day0+2, day0+2)
			if payout.KindOf(err) != payout.KindTransport || sum.Complete || !strings.Contains(err.Error(), "whether "+shared+" changed is not known") {
				t.Errorf("Range: complete=%v, %v; want a failure that names %s", sum.Complete, err, shared)
			}
			if got := vanishedIDs(t, m); len(got) != 0 {
				t.Errorf("vanished are %q, want none", got)
			}
		})
	}
}

// TestLeftOutOfItsDay has lists of days that leave a payout out which the API shows when asked for it by its id, be it final or
// not: it has not vanished, and that is told once.
func TestLeftOutOfItsDay(t *testing.T) {
	for _, i := range []int{53, 55} { // processing, completed
		a := &fakeAPI{now: noon(day0 + 60)}
		a.fill(day0+50, 11, 10)
		m := openMirror(t)
		s := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 50})
		if _, err := s.Nightly(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		left := a.rows[i].ID
		a.bend = leaveOut(left)
		for night, alerts := range []int{1, 0, 0} {
			a.now = noon(day0 + 61 + payout.Day(night))
			sum, err := s.Nightly(t.Context(), int64(2+night))
			if err != nil || !sum.Complete || len(sum.Alerts) != alerts {
				t.Errorf("night %d: %+v, %v; want complete, and %d alerts", night, sum, err, alerts)
			}
			if alerts > 0 && !strings.HasSuffix(sum.Alerts[0], "not listed: "+left) {
				t.Errorf("alert %q, want one that names %s", sum.Alerts[0], left)
			}
		}
		report, err := s.Verify(t.Context(), 5, day0+50, day0+60)
		if err != nil || len(report.Gone)+len(report.GoneDays)+len(report.Vanished) != 0 {
			t.Errorf("Verify: %+v, %v; want nothing gone", report, err)
		}
		if got := vanishedIDs(t, m); len(got) != 0 {
			t.Errorf("vanished are %q, want none", got)
		}
	}
}

// leaveOut bends lists of days so that they do not show a payout.
func leaveOut(id string) func(payout.Query, []payout.Payout) []payout.Payout {
	return func(q payout.Query, rows []payout.Payout) []payout.Payout {
		return slices.DeleteFunc(rows, func(p payout.Payout) bool { return q.HasFrom() && p.ID == id })
	}
}

// TestVanishedShowsByIDAgain has a completed payout vanish, and the API show it again by its id only: it is no longer vanished,
// be its day among those that are walked every night or not.
func TestVanishedShowsByIDAgain(t *testing.T) {
	for _, later := range []payout.Day{1, 30} {
		a := &fakeAPI{now: noon(day0 + 60)}
		a.fill(day0+50, 11, 10)
		var now time.Time
		m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), mirror.Options{Clock: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		s := newSyncer(a, m, payoutsync.Options{StartDay: day0 + 50, LookbackDays: 7})
		night := int64(0)
		sync := func(at payout.Day, vanished ...string) {
			a.now = noon(at)
			now = a.now
			night++
			sum, err := s.Nightly(t.Context(), night)
			if got := vanishedIDs(t, m); err != nil || !slices.Equal(got, append([]string{}, vanished...)) {
				t.Errorf("night %d: %+v, %v; vanished are %q, want %q", night, sum, err, got, vanished)
			}
		}
		sync(day0 + 60)
		gone := a.rows[55]
		a.rows = slices.Delete(a.rows, 55, 56)
		if later == 1 {
			sync(day0+61, gone.ID)
		} else { // an old day, found by a verification
			sync(day0 + 60 + later)
			if report, err := s.Verify(t.Context(), 50, day0+50, day0+60); err != nil || !slices.Equal(report.Gone, []string{gone.ID}) {
				t.Errorf("Verify: %+v, %v; want %s gone", report, err, gone.ID)
			}
		}
		a.bend = leaveOut(gone.ID)
		a.rows = append(a.rows, gone)
		sync(day0 + 61 + later)
	}
}

// TestNotAskedForMissing stops a night, and a verification, before they ask by its id for a payout that their walks did not
// show: it is told, it has not vanished, and the next verification finds it gone for the first time.
func TestNotAskedForMissing(t *testing.T) {
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
	for i, sync := range []func(context.Context, int64) (*payout.SyncSummary, error){
		s.Nightly,
		func(ctx context.Context, run int64) (*payout.SyncSummary, error) {
			report, err := s.Verify(ctx, run, day0+50, day0+60)
			return &report.SyncSummary, err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		a.before = func(_ int, q payout.Query, _ string) error {
			if slices.Contains(q.IDs, gone) {
				cancel()
			}
			return ctx.Err()
		}
		sum, err := sync(ctx, int64(2+i))
		if payout.KindOf(err) != payout.KindInterrupted || len(sum.Alerts) != 1 || !strings.HasSuffix(sum.Alerts[0], "not shown: "+gone) {
			t.Errorf("run %d: alerts %q, %v; want interrupted, and one that names %s", i, sum.Alerts, err, gone)
		}
		if got := vanishedIDs(t, m); len(got) != 0 {
			t.Errorf("run %d: vanished are %q before anybody asked for it", i, got)
		}
	}
	a.before = nil
	report, err := s.Verify(t.Context(), 4, day0+50, day0+60)
	if err != nil || !slices.Equal(report.Gone, []string{gone}) || !slices.Equal(report.GoneDays, []payout.Day{day0 + 55}) || len(report.Alerts) != 1 {
		t.Errorf("Verify: %+v, %v; want %s gone, and an alert", report, err, gone)
	}
}
