package sync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// lateWorld is a mirror that synced a hundred days yesterday, and a payout of ninety days ago that has failed since.
func lateWorld(t *testing.T, options payoutsync.Options) (a *fakeAPI, s *payoutsync.Syncer, m *mirror.Mirror, changed string) {
	t.Helper()
	a = &fakeAPI{now: noon(day0 + 100)}
	a.fill(day0, 101, 12)
	m = openMirror(t)
	s = newSyncer(a, m, options)
	if _, err := s.Backfill(t.Context(), 1, day0, day0+100); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Nightly(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 101)
	i := 10*12 + 3
	a.setStatus(i, payout.Failed, payout.MillisOf(a.now))
	a.queries, a.calls = nil, 0
	return a, s, m, a.rows[i].ID
}

// TestLateChangesAreSeenWhateverTheWindows fails one window at every try, or cuts the run at its first window.
func TestLateChangesAreSeenWhateverTheWindows(t *testing.T) {
	broken := day0 + 97
	covers := func(q payout.Query) bool { return q.HasFrom() && q.From <= broken && broken <= q.To }
	for _, c := range []struct {
		name string
		kind payout.Kind
		all  bool // every window
	}{
		{"one window is refused", payout.KindInput, false},
		{"one window fails", payout.KindTransport, false},
		{"all windows fail", payout.KindTransport, true},
		{"the authorization ends", payout.KindAuth, true},
	} {
		for name, sync := range map[string]func(*payoutsync.Syncer) (*payout.SyncSummary, error){
			"nightly": func(s *payoutsync.Syncer) (*payout.SyncSummary, error) { return s.Nightly(t.Context(), 3) },
			"range": func(s *payoutsync.Syncer) (*payout.SyncSummary, error) {
				return s.Range(t.Context(), 3, day0+90, day0+101)
			},
		} {
			t.Run(c.name+", "+name, func(t *testing.T) {
				a, s, m, _ := lateWorld(t, payoutsync.Options{Workers: 2})
				a.before = func(_ int, q payout.Query, _ string) error {
					if covers(q) || c.all && q.HasFrom() {
						return payout.Errorf(c.kind, "no such days")
					}
					return nil
				}
				sum, err := sync(s)
				if payout.KindOf(err) != c.kind || sum.Complete {
					t.Errorf("%+v, %v; want the kind of the failure, and not complete", sum, err)
				}
				wantTruth(t, m, a)
				if !c.all && !strings.Contains(err.Error(), broken.String()) && !strings.Contains(err.Error(), (broken-1).String()) {
					t.Errorf("error %q does not name the window around %s", err, broken)
				}
			})
		}
	}
}

// TestYoungChangesAreSeenWithoutWindows fails every window: payouts of the lookback that became final, or another final status,
// are asked for by id.
func TestYoungChangesAreSeenWithoutWindows(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{})
	a.setStatus(99*12+3, payout.Failed, payout.MillisOf(a.now))
	a.setStatus(98*12+4, payout.Rejected, payout.MillisOf(a.now))
	windows := 0
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.HasFrom() {
			windows++
			return payout.Errorf(payout.KindTransport, "503")
		}
		return nil
	}
	sum, err := s.Nightly(t.Context(), 3)
	if payout.KindOf(err) != payout.KindTransport || sum.Complete || len(sum.Gaps) == 0 || windows > 6 {
		t.Errorf("Nightly: %+v, %v after %d windows; want it ended by the first few", sum, err, windows)
	}
	wantTruth(t, m, a)
}

func TestLateChangesAreSeenBeforeACut(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{Workers: 1})
	ctx, cancel := context.WithCancel(t.Context())
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.HasFrom() {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if _, err := s.Nightly(ctx, 3); payout.KindOf(err) != payout.KindInterrupted {
		t.Errorf("Nightly: %v, want interrupted", err)
	}
	wantTruth(t, m, a)
}

// TestFailedListLeavesTheRest has an API that cannot list what is not final: what the mirror holds open is asked for by id, and the
// days are walked all the same.
func TestFailedListLeavesTheRest(t *testing.T) {
	for name, kind := range map[string]payout.Kind{"failed": payout.KindTransport, "refused": payout.KindInput} {
		t.Run(name, func(t *testing.T) {
			a, s, m, _ := lateWorld(t, payoutsync.Options{})
			a.before = func(_ int, q payout.Query, _ string) error {
				if q.InvertStatuses {
					return payout.Errorf(kind, "no such filter")
				}
				return nil
			}
			sum, err := s.Nightly(t.Context(), 3)
			if payout.KindOf(err) != kind || sum.Windows == 0 || sum.Complete {
				t.Errorf("Nightly: %+v, %v; want the failure, and the windows walked", sum, err)
			}
			wantTruth(t, m, a)
		})
	}
}

// TestASweepInVainEndsNoNight: a list that fails and ids that are refused leave the night all its patience with windows.
func TestASweepInVainEndsNoNight(t *testing.T) {
	a, s, _, _ := lateWorld(t, payoutsync.Options{Workers: 1})
	windows := 0
	a.before = func(_ int, q payout.Query, _ string) error {
		switch {
		case len(q.IDs) > 0:
			return payout.Errorf(payout.KindInput, "400")
		case q.InvertStatuses:
			return payout.Errorf(payout.KindTransport, "500")
		}
		if windows++; windows == 1 {
			return payout.Errorf(payout.KindTransport, "502, once")
		}
		return nil
	}
	if sum, err := s.Nightly(t.Context(), 3); err == nil || sum.Windows == 0 {
		t.Errorf("Nightly: %d windows walked, %v; want the failure, and the others walked", sum.Windows, err)
	}
}

// TestWhatWindowsShowIsNotAskedFor makes everything of the last days final: the windows show that, and only the old
// payout that moved is asked for by id. A young one that the windows do not show is asked for after them.
func TestWhatWindowsShowIsNotAskedFor(t *testing.T) {
	a, s, m, changed := lateWorld(t, payoutsync.Options{})
	for i := range a.rows {
		if !a.rows[i].Status.Final() && a.rows[i].Created.Day() > day0+96 {
			a.setStatus(i, payout.Completed, payout.MillisOf(a.now))
		}
	}
	if _, err := s.Nightly(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	wantTruth(t, m, a)
	asked := func() (ids []string) {
		for _, q := range a.queries {
			ids = append(ids, q.IDs...)
		}
		return ids
	}
	if ids := asked(); !slices.Equal(ids, []string{changed}) {
		t.Errorf("ids %q were asked for, want %s alone", ids, changed)
	}
	a.queries = nil
	gone := a.rows[97*12+2]
	a.setStatus(97*12+2, payout.Processing, payout.MillisOf(a.now))
	if _, err := s.Range(t.Context(), 4, day0+97, day0+97); err != nil {
		t.Fatal(err)
	}
	a.queries = nil
	a.rows = slices.Delete(a.rows, 97*12+2, 97*12+3)
	sum, err := s.Nightly(t.Context(), 5)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, id := range asked() {
		if id == gone.ID {
			count++
		}
	}
	if count != 2 || !slices.ContainsFunc(sum.Alerts, func(text string) bool { return strings.Contains(text, gone.ID) }) {
		t.Errorf("the payout that vanished was asked for %d times, alerts %q; want 2 and an alert", count, sum.Alerts)
	}
}

// TestUndatedFinalIsAskedForAgain has a payout that became final, and then another final status, while its date stood still.
func TestUndatedFinalIsAskedForAgain(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{})
	i := 20*12 + 3
	a.setStatus(i, payout.Completed, a.rows[i].Updated)
	if _, err := s.Nightly(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 103)
	a.setStatus(i, payout.Failed, a.rows[i].Updated)
	if _, err := s.Nightly(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	wantTruth(t, m, a)
}

// TestUnreadableUpdateIsTakenAsShown has a payout fail under a date of its update that nobody can read.
func TestUnreadableUpdateIsTakenAsShown(t *testing.T) {
	a, s, m, changed := lateWorld(t, payoutsync.Options{})
	i := slices.IndexFunc(a.rows, func(p payout.Payout) bool { return p.ID == changed })
	a.setStatus(i, payout.Processing, a.rows[i].Created+1000) // it has been dated before
	if _, err := s.Nightly(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	a.now = noon(day0 + 102)
	read, err := payapi.Decode(fmt.Appendf(nil, `{"id":%q,"createdDateTime":%q,"updatedDateTime":"01/04/2026 12:00","status":%q}`,
		changed, a.rows[i].Created, payout.Failed))
	if err != nil {
		t.Fatal(err)
	}
	p := &a.rows[i]
	p.Status, p.Updated, p.Undated, p.Raw, p.Hash = read.Status, read.Updated, read.Undated, read.Raw, read.Hash
	sum, err := s.Nightly(t.Context(), 4)
	if err != nil || !sum.Complete || len(sum.Alerts) != 0 {
		t.Errorf("Nightly: %+v, %v; want complete and no alert", sum, err)
	}
	wantTruth(t, m, a)
}

// TestIgnoredInversion has an API that lists every payout when what is not final is asked for.
func TestIgnoredInversion(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{OnBehalfOf: []string{"", "sub"}})
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if q.InvertStatuses {
			return slices.Clone(a.rows[:payout.MaxLimit])
		}
		return rows
	}
	sum, err := s.Nightly(t.Context(), 3)
	if err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	wantTruth(t, m, a)
	lists := 0
	for _, q := range a.queries {
		if q.InvertStatuses {
			lists++
		}
	}
	if lists != 2 {
		t.Errorf("%d pages of what is not final were asked for, want the first of each id", lists)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], "invertStatuses") {
		t.Errorf("alerts %q, want one about invertStatuses", sum.Alerts)
	}
}
