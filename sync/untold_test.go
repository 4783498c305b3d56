package sync_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// unlistedWorld is goneWorld, but that the API leaves the payout out of its lists only.
func unlistedWorld(t *testing.T) (a *fakeAPI, m *mirror.Mirror, unlisted payout.Payout) {
	t.Helper()
	a, m, unlisted = goneWorld(t)
	a.rows = append(a.rows, unlisted)
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		return slices.DeleteFunc(rows, func(p payout.Payout) bool { return q.HasFrom() && p.ID == unlisted.ID })
	}
	return a, m, unlisted
}

// killedOnceComplete syncs a day that is to be shown complete without a payout, and is killed before it tells so.
func killedOnceComplete(t *testing.T, a *fakeAPI, m *mirror.Mirror, run int64, d payout.Day) {
	t.Helper()
	killed := &killedStore{Mirror: m, after: completeWithout}
	if _, err := newSyncer(a, killed, payoutsync.Options{Workers: 1}).Range(t.Context(), run, d, d); !errors.Is(err, errKilled) {
		t.Fatalf("Range: %v, want it killed", err)
	}
}

// cutLimits has walks with these page sizes come to no regular end.
func (a *fakeAPI) cutLimits(limits ...int) {
	a.cut = func(q payout.Query, page *payout.Page) {
		if q.HasFrom() && slices.Contains(limits, q.Limit) {
			page.End = payout.PageUnsure
		}
	}
}

// TestKilledBeforeTellingThenCutShort kills a run when it has shown a day complete without a payout, and cuts the next run's first
// walk over the day, or all: the run that shows the day complete again tells.
func TestKilledBeforeTellingThenCutShort(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  []int
	}{
		{"once", []int{200}},
		{"twice", []int{200, 199}},
		{"the whole run", []int{200, 199, 197}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, m, unlisted := unlistedWorld(t)
			d, other := unlisted.Created.Day(), day0+45
			killedOnceComplete(t, a, m, 2, d)
			s := newSyncer(a, m, payoutsync.Options{})
			a.cutLimits(c.cut...)
			sum, err := s.Range(t.Context(), 3, d, d)
			if len(c.cut) == 3 {
				if err != nil || sum.Complete || !slices.Equal(sum.Gaps, []payout.Day{d}) || len(sum.Alerts) != 0 {
					t.Errorf("the run that was cut short: %+v, %v; want %s as a gap, and nothing told", sum, err, d)
				}
				if got := stateOf(t, m, d); got.State != payout.DayPartial || !strings.Contains(got.Why, "full page") {
					t.Errorf("the day is %+v, want partial and why", got)
				}
				a.cutLimits()
				sum, err = s.Range(t.Context(), 4, other, other)
			}
			if err != nil || !sum.Complete || len(sum.Alerts) != 1 || !strings.HasSuffix(sum.Alerts[0], "not listed: "+unlisted.ID) {
				t.Errorf("the run that showed it complete: %+v, %v; want complete, and an alert that names %s", sum, err, unlisted.ID)
			}
			a.cutLimits()
			if sum, err := s.Range(t.Context(), 5, d, d); err != nil || !sum.Complete || len(sum.Alerts) != 0 {
				t.Errorf("the run after it: %+v, %v; want complete, and nothing told again", sum, err)
			}
		})
	}
}

// TestToldThenCutShortAndKilled tells of a day that is complete without a payout. A run that is killed once it has ended a doubt
// of that day leaves nothing to tell.
func TestToldThenCutShortAndKilled(t *testing.T) {
	a, m, unlisted := unlistedWorld(t)
	d := unlisted.Created.Day()
	s := newSyncer(a, m, payoutsync.Options{})
	if sum, err := s.Range(t.Context(), 2, d, d); err != nil || len(sum.Alerts) != 1 {
		t.Fatalf("Range: %+v, %v; want what its list leaves out told", sum, err)
	}
	a.cutLimits(200)
	killedOnceComplete(t, a, m, 3, d)
	a.cutLimits()
	if sum, err := s.Range(t.Context(), 4, d, d); err != nil || !sum.Complete || len(sum.Alerts) != 0 {
		t.Errorf("the run after it: %+v, %v; want complete, and nothing told again", sum, err)
	}
}
