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
	all := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"a-old", "b-gone", "c-new"}})
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
