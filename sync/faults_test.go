package sync_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// hostility is one way in which an API makes life hard for a sync. Each is switched on for some requests.
type hostility struct {
	name string
	// knownOnly: it loses payouts without any sign, so only a mirror that knows them already can notice. Or it is of interest
	// where days are complete already.
	knownOnly bool
	apply     func(a *fakeAPI, hits func() bool)
}

var hostilities = []hostility{
	{"requests fail", false, func(a *fakeAPI, hit func() bool) {
		chain(a, func(int, payout.Query, string) error {
			if hit() {
				return payout.Errorf(payout.KindTransport, "503")
			}
			return nil
		})
	}},
	{"cursors are refused", false, func(a *fakeAPI, hit func() bool) {
		chain(a, func(_ int, _ payout.Query, cursor string) error {
			if cursor != "" && hit() {
				return payout.Errorf(payout.KindInput, "400: cursor expired")
			}
			return nil
		})
	}},
	{"new payouts arrive in front while pages are read", false, func(a *fakeAPI, hit func() bool) {
		n := 0
		chainDuring(a, func() {
			if hit() {
				n++
				a.add(fmt.Sprintf("po:arrived-%d", n), payout.MillisOf(a.now)-payout.Millis(n), payout.Pending)
				last := a.rows[len(a.rows)-1]
				copy(a.rows[1:], a.rows) // shifts every position
				a.rows[0] = last
			}
		})
	}},
	{"statuses move while pages are read", false, func(a *fakeAPI, hit func() bool) {
		chainDuring(a, func() {
			if hit() {
				for i := range a.rows {
					if !a.rows[i].Status.Final() {
						a.setStatus(i, payout.Completed, payout.MillisOf(a.now))
						return
					}
				}
			}
		})
	}},
	{"full last pages have no cursor", false, func(a *fakeAPI, _ func() bool) { a.lastFull = "none" }},
	{"lists without days are cut", true, func(a *fakeAPI, hit func() bool) {
		chainCut(a, func(q payout.Query, page *payout.Page) {
			if !q.HasFrom() && len(page.Payouts) > 0 && hit() {
				cutShort(page, len(page.Payouts)/2)
			}
		})
	}},
	{"lists without days are clamped in silence", true, func(a *fakeAPI, hit func() bool) {
		chainCut(a, func(q payout.Query, page *payout.Page) {
			if n := len(page.Payouts); !q.HasFrom() && n > 1 && hit() {
				page.Payouts, page.End, page.Next = page.Payouts[:n/2], payout.PageRegular, ""
			}
		})
	}},
	{"lists of ids hold strangers, or those alone", true, func(a *fakeAPI, hit func() bool) {
		chainBend(a, func(q payout.Query, rows []payout.Payout) []payout.Payout {
			if len(q.IDs) == 0 || !hit() {
				return rows
			}
			if hit() {
				rows = nil
			}
			return append(rows, a.rows[0])
		})
	}},
	{"lists of ids are refused", true, func(a *fakeAPI, hit func() bool) {
		chain(a, func(_ int, q payout.Query, _ string) error {
			if len(q.IDs) > 0 && hit() {
				return payout.Errorf(payout.KindNotFound, "404: unknown payout")
			}
			return nil
		})
	}},
	{"endDate means its first instant", false, func(a *fakeAPI, _ func() bool) { a.endMeansStart = true }},
	{"rows are repeated", false, func(a *fakeAPI, hit func() bool) {
		chainBend(a, func(q payout.Query, rows []payout.Payout) []payout.Payout {
			if len(rows) > 1 && len(rows) < q.Limit-1 && hit() {
				rows = append(rows, rows[len(rows)/2])
			}
			return rows
		})
	}},
	{"rows are repeated instead of others", true, func(a *fakeAPI, hit func() bool) {
		chainBend(a, func(q payout.Query, rows []payout.Payout) []payout.Payout {
			if len(rows) > 1 && hit() {
				rows = append([]payout.Payout{rows[1]}, rows[1:]...)
			}
			return rows
		})
	}},
	{"pages are cut short", true, func(a *fakeAPI, hit func() bool) {
		chainBend(a, func(q payout.Query, rows []payout.Payout) []payout.Payout {
			if q.HasFrom() && len(rows) > 3 && hit() {
				return rows[:len(rows)/2]
			}
			return rows
		})
	}},
	{"cursors are missing in the middle of lists", false, missingCursors},
	{"cursors are missing in the middle of lists of complete days", true, missingCursors},
	{"rows are lost", true, func(a *fakeAPI, hit func() bool) {
		chainBend(a, func(q payout.Query, rows []payout.Payout) []payout.Payout {
			if len(rows) > 0 && hit() {
				return rows[1:]
			}
			return rows
		})
	}},
}

func missingCursors(a *fakeAPI, hit func() bool) {
	a.loseCursor = func(payout.Query) bool { return hit() }
}

func chain(a *fakeAPI, fn func(int, payout.Query, string) error) {
	before := a.before
	a.before = func(call int, q payout.Query, cursor string) error {
		if before != nil {
			if err := before(call, q, cursor); err != nil {
				return err
			}
		}
		return fn(call, q, cursor)
	}
}

func chainDuring(a *fakeAPI, fn func()) {
	during := a.during
	a.during = func(call int) {
		if during != nil {
			during(call)
		}
		fn()
	}
}

func chainBend(a *fakeAPI, fn func(payout.Query, []payout.Payout) []payout.Payout) {
	bend := a.bend
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if bend != nil {
			rows = bend(q, rows)
		}
		return fn(q, rows)
	}
}

func chainCut(a *fakeAPI, fn func(payout.Query, *payout.Page)) {
	cut := a.cut
	a.cut = func(q payout.Query, page *payout.Page) {
		if cut != nil {
			cut(q, page)
		}
		fn(q, page)
	}
}

// hostileNights runs some nights against a hostile API and then one against a friendly one, and makes sure of the only two
// ends there may be: the mirror equals the truth and says complete, or it says which days are incomplete.
func hostileNights(t interface {
	Fatalf(string, ...any)
	Helper()
}, m *mirror.Mirror, bad []hostility, rate int, dice func() int, nights int,
) {
	t.Helper()
	a := &fakeAPI{now: noon(day0 + 12)}
	a.fill(day0, 9, 23)
	a.fill(day0+9, 1, 430)
	a.fill(day0+10, 2, 100)
	a.fill(day0+12, 1, 40)
	s := newSyncer(a, m, payoutsync.Options{Workers: 2, StartDay: day0})
	run := int64(1)
	first := true
	for _, h := range bad {
		if h.knownOnly && first {
			first = false
			night(t, m, a, s, run)
		}
	}
	for _, h := range bad {
		h.apply(a, func() bool { return dice()%100 < rate })
	}
	for range nights {
		run++
		a.now = a.now.AddDate(0, 0, 1)
		moveOn(a, run)
		night(t, m, a, s, run)
	}
	a.before, a.during, a.bend, a.lastFull, a.loseCursor = nil, nil, nil, "", nil
	a.now = a.now.AddDate(0, 0, 1)
	a.cut = nil
	sum, err := s.Nightly(context.Background(), run+1)
	if err != nil || !sum.Complete {
		t.Fatalf("the friendly night: %+v, %v; want complete", sum, err)
	}
	if diff := truthDiff(context.Background(), m, a.rows); diff != "" {
		t.Fatalf("after the friendly night: %s", diff)
	}
}

// moveOn changes statuses between two nights: of open payouts, whatever their age, and of final ones that the lookback of some
// more nights will show.
func moveOn(a *fakeAPI, run int64) {
	recent := payout.MillisOf(a.now).Day() - 4
	for i := int(run) * 5; i < len(a.rows); i += 37 {
		if a.rows[i].Status.Final() && a.rows[i].Created.Day() < recent {
			continue
		}
		status := payout.Failed
		if a.rows[i].Status == payout.Failed {
			status = payout.Completed
		}
		a.setStatus(i, status, payout.MillisOf(a.now)-1)
	}
}

// night runs one nightly sync, and checks what it claims.
func night(t interface {
	Fatalf(string, ...any)
	Helper()
}, m *mirror.Mirror, a *fakeAPI, s *payoutsync.Syncer, run int64,
) {
	t.Helper()
	sum, failed := s.Nightly(context.Background(), run)
	if failed == nil && sum.Complete != (len(sum.Gaps) == 0) {
		t.Fatalf("night %d: complete=%v with gaps %v", run, sum.Complete, sum.Gaps)
	}
	if failed != nil && (sum.Complete || len(sum.Gaps) == 0) {
		t.Fatalf("night %d failed (%v): complete=%v with gaps %v", run, failed, sum.Complete, sum.Gaps)
	}
	today := payout.MillisOf(a.now).Day()
	records, err := m.DayRecords(context.Background(), "", payout.Period{From: day0, To: today - 1})
	if err != nil {
		t.Fatalf("%v", err)
	}
	complete := map[payout.Day]bool{}
	for _, d := range records {
		if d.State != payout.DayComplete {
			continue
		}
		complete[d.Day] = true
		ids, err := m.DayIDs(context.Background(), "", d.Day)
		if err != nil {
			t.Fatalf("%v", err)
		}
		var want []string
		for _, p := range a.rows {
			if p.Created.Day() == d.Day {
				want = append(want, p.ID)
			}
		}
		slices.Sort(ids)
		slices.Sort(want)
		if !slices.Equal(ids, want) {
			t.Fatalf("night %d says that %s is complete (%+v), but the mirror holds %d of its %d payouts", run, d.Day, d, len(ids), len(want))
		}
		if failed == nil && slices.Contains(sum.Gaps, d.Day) {
			t.Fatalf("night %d: %s is complete and a gap", run, d.Day)
		}
	}
	if failed == nil {
		wantStatuses(t, m, a, run, complete)
	}
}

// wantStatuses makes sure that the mirror has the status of every payout of complete days, but for those that moved in this very
// night, and those that it says the API does not show.
func wantStatuses(t interface {
	Fatalf(string, ...any)
	Helper()
}, m *mirror.Mirror, a *fakeAPI, run int64, complete map[payout.Day]bool,
) {
	t.Helper()
	vanished, err := m.Vanished(context.Background())
	if err != nil {
		t.Fatalf("%v", err)
	}
	held, _, err := rowsOf(context.Background(), m)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, p := range a.rows {
		gone := slices.ContainsFunc(vanished, func(h payout.HeldPayout) bool { return h.ID == p.ID })
		if !complete[p.Created.Day()] || p.Updated == payout.MillisOf(a.now) || gone {
			continue
		}
		if got := held[p.ID].Status; got != p.Status {
			t.Fatalf("night %d: payout %s of the complete day %s is %s, the mirror says %s", run, p.ID, p.Created.Day(), p.Status, got)
		}
	}
}

func TestEveryHostilityAlone(t *testing.T) {
	rates := []int{5, 30, 100}
	if testing.Short() {
		rates = rates[1:2]
	}
	for _, h := range hostilities {
		for _, rate := range rates {
			t.Run(fmt.Sprintf("%s, %d%%", h.name, rate), func(t *testing.T) {
				n := 0
				hostileNights(t, openMirror(t), []hostility{h}, rate, func() int { n++; return n * 37 }, 1)
			})
		}
	}
}

func TestHostilitiesMixed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bad := rapid.SliceOfNDistinct(rapid.IntRange(0, len(hostilities)-1), 1, 4, rapid.ID[int]).Draw(rt, "hostilities")
		rate := rapid.IntRange(1, 60).Draw(rt, "rate")
		seed := rapid.Uint64().Draw(rt, "seed")
		var chosen []hostility
		for _, i := range bad {
			chosen = append(chosen, hostilities[i])
		}
		hostileNights(rt, openMirror(t), chosen, rate, func() int {
			seed = seed*6364136223846793005 + 1442695040888963407
			return int(seed >> 33)
		}, rapid.IntRange(1, 2).Draw(rt, "nights"))
	})
}
