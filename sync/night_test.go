package sync_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

// cutAfter lets an API answer k pages and then interrupts the run.
func cutAfter(ctx context.Context, a *fakeAPI, k int) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	first := a.calls
	a.before = func(call int, _ payout.Query, _ string) error {
		if call > first+k {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	return ctx
}

// TestNightCutAgainAndAgain cuts a nightly run after every k-th page until it comes to its end.
func TestNightCutAgainAndAgain(t *testing.T) {
	for _, behind := range []time.Duration{0, 3 * time.Hour} { // the server's clock
		for _, k := range []int{4, 6, 13} {
			t.Run(fmt.Sprintf("every %d pages, server %s behind", k, behind), func(t *testing.T) {
				a, s, m, late := lateWorld(t, payoutsync.Options{Workers: 2})
				a.fill(day0+101, 1, 650) // today takes several pages too
				a.serverBehind = behind
				var sum *payout.SyncSummary
				attempts, requests := 0, 0
				for err := error(payout.ErrWalkLost); err != nil; {
					attempts++
					if attempts > 40 {
						t.Fatalf("the night makes no progress: %+v, %v", sum, err)
					}
					before := a.calls
					sum, err = s.Nightly(cutAfter(t.Context(), a, k), int64(2+attempts))
					requests += a.calls - before
					if err != nil && payout.KindOf(err) != payout.KindInterrupted {
						t.Fatal(err)
					}
					if v, hErr := m.History(t.Context(), late); hErr != nil || v[len(v)-1].Status != payout.Failed {
						t.Fatalf("after attempt %d the history of the late change is %+v, %v; want it failed", attempts, v, hErr)
					}
					a.now = a.now.Add(10 * time.Minute)
				}
				a.before = nil
				wantTruth(t, m, a)
				if !sum.Complete {
					t.Errorf("the last attempt: %+v, want complete", sum)
				}
				// each attempt: the sweep of three pages, and at most one page lost per worker
				if most := 20 + 6*attempts; requests > most {
					t.Errorf("%d requests in %d attempts, want at most %d", requests, attempts, most)
				}
				a.calls = 0
				if _, err := s.Nightly(t.Context(), 99); err != nil || a.calls < 8 {
					t.Errorf("the next night asked %d times, %v; want the whole lookback walked anew", a.calls, err)
				}
			})
		}
	}
}

// TestCutNightIsGoneOnWithForHours looks at which days a nightly run asks for after one that was cut.
func TestCutNightIsGoneOnWithForHours(t *testing.T) {
	for _, c := range []struct {
		later time.Duration
		whole bool // the lookback is walked anew
	}{{time.Minute, false}, {11 * time.Hour, false}, {23 * time.Hour, true}, {-time.Hour, true}} {
		a := &fakeAPI{now: noon(day0 + 60)}
		a.fill(day0+40, 21, 150)
		m := openMirror(t)
		s := newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0 + 40})
		walks := func() (of []int64) {
			records, err := m.DayRecords(t.Context(), "", payout.Period{From: day0 + 53, To: day0 + 59})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range records {
				of = append(of, d.Walk)
			}
			return of
		}
		if _, err := s.Nightly(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		before := slices.Max(walks())
		if _, err := s.Nightly(cutAfter(t.Context(), a, 9), 2); payout.KindOf(err) != payout.KindInterrupted {
			t.Fatalf("Nightly: %v, want interrupted", err)
		}
		proven := walks()
		a.before, a.queries = nil, nil
		a.now = a.now.Add(c.later)
		if sum, err := s.Nightly(t.Context(), 3); err != nil || !sum.Complete {
			t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
		}
		kept, today := 0, false
		for i, w := range walks() {
			if proven[i] > before && proven[i] == w {
				kept++
			}
		}
		for _, q := range a.queries {
			today = today || q.HasFrom() && q.To >= payout.MillisOf(a.now).Day()
		}
		if (kept == 0) != c.whole || !today {
			t.Errorf("%s later %d days were left as the cut night had proven them, today was asked for: %v; want the whole lookback walked anew: %v, and today", c.later, kept, today, c.whole)
		}
	}
}

// nightWorld is a mirror that was synced last night, and the API it is of.
type nightWorld struct {
	api    *fakeAPI
	mirror *mirror.Mirror
	syncer *payoutsync.Syncer
	last   payout.Day // of which there are payouts
	perDay int
	open   []int // rows in flight, oldest first
}

// newNightWorld makes a mirror of days days with perDay payouts each, of which open, of all ages, are in flight.
func newNightWorld(t testing.TB, days, perDay, open int) *nightWorld {
	t.Helper()
	w := &nightWorld{api: &fakeAPI{inOrder: true}, mirror: openMirror(t), last: day0 + payout.Day(days) - 1, perDay: perDay}
	w.api.now = noon(w.last)
	total := days * perDay
	for i := range total {
		status, at := payout.Completed, payout.MillisOf(day0.Start())+payout.Millis(i)*(86_400_000/payout.Millis(perDay))
		if i*open/total != (i+1)*open/total {
			status, w.open = payout.Processing, append(w.open, i)
		}
		w.api.add(fmt.Sprintf("po:%08d", i), at, status)
	}
	w.syncer = newSyncer(w.api, w.mirror, payoutsync.Options{Split: payapi.Split})
	if _, err := w.syncer.Backfill(t.Context(), 1, day0, w.last); err != nil {
		t.Fatal(err)
	}
	if sum, err := w.syncer.Nightly(t.Context(), 2); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	return w
}

// dawn lets a day pass: new payouts, and some of those in flight, of all ages, become final.
func (w *nightWorld) dawn(finals int) {
	w.last++
	w.api.now = noon(w.last)
	for i := range w.perDay {
		w.api.add(fmt.Sprintf("po:%s-%04d", w.last, i), payout.MillisOf(w.last.Start())+payout.Millis(i), payout.Completed)
	}
	kept := w.open[:0]
	for n, i := range w.open {
		if n*finals/len(w.open) != (n+1)*finals/len(w.open) {
			w.api.setStatus(i, payout.Failed, payout.MillisOf(w.api.now))
		} else {
			kept = append(kept, i)
		}
	}
	w.open = kept
	w.api.calls, w.api.queries = 0, nil
}

// TestNightCostsWhatChanged has one night on a small mirror and one on a tenfold one, in which the same happened.
func TestNightCostsWhatChanged(t *testing.T) {
	var requests []int
	for _, days := range []int{20, 200} {
		w := newNightWorld(t, days, 60, 500)
		w.dawn(10)
		sum, err := w.syncer.Nightly(t.Context(), 3)
		if err != nil || !sum.Complete || sum.New != 60 || sum.Changed != 10 {
			t.Errorf("%d days: %+v, %v; want complete, 60 new and 10 changed", days, sum, err)
		}
		wantTruth(t, w.mirror, w.api)
		if most := 9*60 + 500 + 10; sum.Rows > most {
			t.Errorf("%d days: %d rows were read, want at most %d: the lookback, what is in flight and what was", days, sum.Rows, most)
		}
		requests = append(requests, w.api.calls)
	}
	// three pages of what is in flight, one list of ids or two, and at most one window for each of eight days
	if slices.Max(requests) > 13 {
		t.Errorf("a night took %d requests, one on a tenfold mirror %d; want 13 at most", requests[0], requests[1])
	}
}

// TestNightAfterAFailedOne fails one window of a night; the next night begins a little less than a day later, and must see
// what happened on the days that the failed one had proven.
func TestNightAfterAFailedOne(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60)}
	a.fill(day0+50, 11, 10)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0 + 50})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 61)
	broken := day0 + 54
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.HasFrom() && q.From <= broken && broken <= q.To {
			return payout.Errorf(payout.KindTransport, "500")
		}
		return nil
	}
	if _, err := s.Nightly(t.Context(), 2); err == nil {
		t.Fatal("a night with a window that failed has no error")
	}
	a.before = nil
	a.now = noon(day0 + 62).Add(-time.Minute)
	a.add("po:late", payout.MillisOf(noon(day0+58)), payout.Completed)
	sum, err := s.Nightly(t.Context(), 3)
	if err != nil || !sum.Complete || sum.New != 1 {
		t.Errorf("the next night: %+v, %v; want the payout that turned up on a day of the lookback", sum, err)
	}
	wantTruth(t, m, a)
}

// TestNightCutWithLongPausesEnds cuts a night again and again, with more than an hour between its attempts. Each of them reads on
// where the one before stopped, and asks for nothing that the night has read: a payout that takes another final status on such
// a day is news of the next night.
func TestNightCutWithLongPausesEnds(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 60), inOrder: true}
	for d := day0 + 50; d <= day0+61; d++ {
		for i := range 300 {
			a.add(fmt.Sprintf("po:%s-%04d", d, i), payout.MillisOf(d.Start())+payout.Millis(i)*200_000, payout.Completed)
		}
	}
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0 + 50})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = day0.Start().AddDate(0, 0, 61).Add(time.Hour)
	a.calls, a.queries = 0, nil
	attempts := 0
	for err := error(payout.ErrWalkLost); err != nil; attempts++ {
		if attempts == 6 {
			t.Fatalf("the night has not come to its end in %d attempts with %d requests: %v", attempts, a.calls, err)
		}
		if attempts == 1 {
			a.setStatus(10*300, payout.Failed, payout.MillisOf(a.now)) // of yesterday, which the night has read
		}
		_, err = s.Nightly(cutAfter(t.Context(), a, 7), int64(2+attempts))
		a.now = a.now.Add(65 * time.Minute)
	}
	if slices.ContainsFunc(a.queries, func(q payout.Query) bool { return len(q.IDs) > 0 }) {
		t.Error("payouts were asked for by id, want none: the days of all of them are read")
	}
	a.before = nil
	a.now = noon(day0 + 62)
	if sum, err := s.Nightly(t.Context(), 99); err != nil || !sum.Complete || sum.Changed != 1 {
		t.Errorf("the next night: %+v, %v; want the payout that changed", sum, err)
	}
	wantTruth(t, m, a)
}

// TestNightBeginsWithoutTheWalksOfTheLast cuts a night in the middle of a long day. The next one begins a little less than a day
// later, when the cursor is not old yet, and must read the day, the last of its lookback, from its first page.
func TestNightBeginsWithoutTheWalksOfTheLast(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 9)}
	a.fill(day0, 4, 5)
	a.fill(day0+4, 1, 900)
	a.fill(day0+5, 6, 5)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0})
	if sum, err := s.Nightly(t.Context(), 1); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete", sum, err)
	}
	a.now = noon(day0 + 10)
	ctx, cancel := context.WithCancel(t.Context())
	a.before = func(_ int, _ payout.Query, cursor string) error {
		if strings.HasSuffix(cursor, "#400") {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if _, err := s.Nightly(ctx, 2); payout.KindOf(err) != payout.KindInterrupted {
		t.Fatalf("Nightly: %v, want interrupted", err)
	}
	a.before = nil
	a.now = noon(day0 + 10).Add(20 * time.Hour)
	a.setStatus(4*5, payout.Failed, payout.MillisOf(a.now)) // on the first page of the long day
	sum, err := s.Nightly(t.Context(), 3)
	if err != nil || !sum.Complete {
		t.Errorf("the next night: %+v, %v; want complete", sum, err)
	}
	wantTruth(t, m, a)
}
