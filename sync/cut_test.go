package sync_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

var errCut = errors.New("cut")

// cutStore fails at one of its transactions, before it or after it: what a kill at that moment leaves behind.
type cutStore struct {
	payoutsync.Store
	mu    sync.Mutex
	left  int  // transactions of walks that still succeed: a sweep is short, and begins again
	after bool // the one that fails has been written
	dead  bool
}

func (s *cutStore) CommitPage(ctx context.Context, c *payout.PageCommit) (payout.PageResult, error) {
	s.mu.Lock() // one at a time, or another worker's page could be written after the cut
	defer s.mu.Unlock()
	if s.dead {
		return payout.PageResult{}, errCut
	}
	if c.Walk == nil {
		return s.Store.CommitPage(ctx, c)
	}
	if s.left--; s.left < 0 {
		s.dead = true
		if s.after {
			if _, err := s.Store.CommitPage(ctx, c); err != nil {
				return payout.PageResult{}, err
			}
		}
		return payout.PageResult{}, errCut
	}
	return s.Store.CommitPage(ctx, c)
}

// TestCutAtEveryTransaction stops a backfill before and after every single transaction, opens the file anew each time and
// goes on, until it is done.
func TestCutAtEveryTransaction(t *testing.T) {
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%v", after), func(t *testing.T) {
			a := &fakeAPI{now: noon(day0 + 40)}
			a.fill(day0, 8, 30)
			a.fill(day0+8, 1, 650)
			a.fill(day0+9, 2, 200)
			path := filepath.Join(t.TempDir(), "cut.db")
			for runs := int64(1); ; runs++ {
				if runs > 100 {
					t.Fatal("the backfill makes no progress")
				}
				m, err := mirror.Open(t.Context(), path, mirror.Options{})
				if err != nil {
					t.Fatal(err)
				}
				left := 1 // one page of progress each time
				if after {
					left = 0
				}
				store := &cutStore{Store: m, left: left, after: after}
				s := newSyncer(a, store, payoutsync.Options{Workers: 1 + int(runs)%2}) // and with other options
				sum, err := s.Backfill(t.Context(), runs, day0, day0+10)
				if err != nil && !errors.Is(err, errCut) {
					t.Fatal(err)
				}
				if err == nil {
					if !sum.Complete {
						t.Errorf("the backfill ended with gaps %v, want none", sum.Gaps)
					}
					wantTruth(t, m, a)
					m.Close()
					break
				}
				m.Close()
			}
		})
	}
}
