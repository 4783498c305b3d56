package sync_test

import (
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// TestLatePayoutsOfADroppedID has payouts that became final lately and belong to an id that is not configured any more: the
// one that another id shows too is asked for there, the other is told.
func TestLatePayoutsOfADroppedID(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	both, alone := 3, 1 // rows of the first day
	a.fill(day0, 1, 5)
	a.setStatus(alone, payout.Processing, a.rows[alone].Created)
	a.visible = func(pass string, p *payout.Payout) bool {
		return pass == "a-old" || strings.HasSuffix(pass, "-gone") || (pass == "b-other" || pass == "c-new") && p.ID == a.rows[both].ID
	}
	m := openMirror(t)
	all := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"a-old", "b-gone", "c-new"}, Workers: 1})
	if _, err := all.Backfill(t.Context(), 1, day0, day0); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{both, alone} {
		a.setStatus(i, payout.Completed, payout.MillisOf(a.now)-1)
	}
	if _, err := all.Nightly(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 61)
	a.setStatus(both, payout.Failed, payout.MillisOf(a.now)-1)
	a.queries = nil
	sum, err := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"b-other", "c-new"}}).Nightly(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	wantTruth(t, m, a)
	var asked []string
	for _, q := range a.queries {
		for _, id := range q.IDs {
			asked = append(asked, q.OnBehalfOf+" "+id)
		}
	}
	if want := []string{"c-new " + a.rows[both].ID}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q: once, where it was shown", asked, want)
	}
	if !slices.ContainsFunc(sum.Alerts, func(text string) bool {
		return strings.HasPrefix(text, "1 open or late") && strings.Contains(text, `"a-old"`)
	}) {
		t.Errorf("alerts %q, want one about the payout that nobody shows any more", sum.Alerts)
	}
}

// TestLateChangeOfAPayoutThatItsOwnerShowsNoMore has an old payout in flight that fails, and that only the plain pass shows by then.
func TestLateChangeOfAPayoutThatItsOwnerShowsNoMore(t *testing.T) {
	hidden := ""
	a := &fakeAPI{now: noon(day0 + 60)}
	a.visible = func(pass string, p *payout.Payout) bool { return pass != "sub" || p.ID != hidden }
	a.fill(day0, 61, 5)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"", "sub"}, StartDay: day0})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 61)
	hidden = a.rows[3].ID
	a.setStatus(3, payout.Failed, payout.MillisOf(a.now)-1)
	sum, err := s.Nightly(t.Context(), 2)
	if err != nil || !sum.Complete || len(sum.Alerts) != 0 {
		t.Errorf("Nightly: %+v, %v; want complete, and no alert", sum, err)
	}
	wantTruth(t, m, a)
	if got := vanishedIDs(t, m); len(got) != 0 {
		t.Errorf("vanished are %q, want none", got)
	}
}

// TestRefusedIDDoesNotStarveTheOthers has an API that refuses one of the ids, whatever it is asked for.
func TestRefusedIDDoesNotStarveTheOthers(t *testing.T) {
	for _, refused := range []string{"a", "b"} {
		a := &fakeAPI{now: noon(day0 + 60)}
		a.fill(day0, 60, 5)
		m := openMirror(t)
		s := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"a", "b"}, Workers: 2, StartDay: day0 + 20})
		if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
			t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
		}
		a.now = noon(day0 + 70)
		a.fill(day0+60, 10, 5)
		i := 22*5 + 3 // old and in flight
		a.setStatus(i, payout.Failed, payout.MillisOf(a.now))
		a.before = func(_ int, q payout.Query, _ string) error {
			if q.OnBehalfOf == refused {
				return payout.Errorf(payout.KindInput, "400: onBehalfOfId")
			}
			return nil
		}
		a.queries = nil
		sum, err := s.Nightly(t.Context(), 2)
		if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "on behalf of "+refused) || !strings.Contains(err.Error(), (day0+70).String()) {
			t.Errorf("%s refused: %v, want an error that names it and its days", refused, err)
		}
		if sum.Complete || !slices.Contains(sum.Gaps, day0+69) {
			t.Errorf("%s refused: %+v, want gaps", refused, sum)
		}
		other := map[string]string{"a": "b", "b": "a"}[refused]
		records, err := m.DayRecords(t.Context(), other, payout.Period{From: day0 + 60, To: day0 + 69})
		if err != nil || slices.ContainsFunc(records, func(d payout.DayRecord) bool { return d.State != payout.DayComplete }) {
			t.Errorf("%s refused: the days of %s are %+v, %v; want them complete", refused, other, records, err)
		}
		if v, err := m.History(t.Context(), a.rows[i].ID); refused == "b" && (err != nil || v[len(v)-1].Status != payout.Failed) {
			t.Errorf("%s refused: the history of the late change is %+v, %v; want it failed", refused, v, err)
		}
		tries := 0
		for _, q := range a.queries {
			if q.OnBehalfOf == refused {
				tries++
			}
		}
		if tries > 8 { // the sweep, lists of ids, and few windows
			t.Errorf("%s refused: it was asked for %d times", refused, tries)
		}
	}
}

// TestRefusedIDLeavesTheOthersBound has an id that the API refuses for ever: the others are bound to their members all the same.
func TestRefusedIDLeavesTheOthersBound(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10), memberID: "m:A"}
	a.fill(day0+3, 8, 10)
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.OnBehalfOf == "refused" {
			return payout.Errorf(payout.KindInput, "400: onBehalfOfId")
		}
		return nil
	}
	m := openMirror(t)
	o := payoutsync.Options{OnBehalfOf: []string{"", "refused"}, StartDay: day0 + 3}
	if _, err := newSyncer(a, m, o).Nightly(t.Context(), 1); err == nil {
		t.Fatal("Nightly: nothing was refused")
	}
	b := &fakeAPI{now: noon(day0 + 11), memberID: "m:B", before: a.before}
	b.add("po:other", payout.MillisOf(noon(day0+10)), payout.Completed)
	_, err := newSyncer(b, m, o).Nightly(t.Context(), 2)
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "m:B") {
		t.Errorf("Nightly with the key of another member: %v, want that refused", err)
	}
	if members, err := m.Members(t.Context()); err != nil || !slices.Equal(members, []string{"m:A"}) {
		t.Errorf("members are %q, %v; want the first alone", members, err)
	}
}
