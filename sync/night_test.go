package sync_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
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

// TestCutNightIsGoneOnWithForADay looks at which days a nightly run asks for after one that was cut.
func TestCutNightIsGoneOnWithForADay(t *testing.T) {
	for _, c := range []struct {
		later time.Duration
		whole bool // the lookback is walked anew
	}{{time.Minute, false}, {11 * time.Hour, false}, {24 * time.Hour, true}, {-time.Hour, true}} {
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
