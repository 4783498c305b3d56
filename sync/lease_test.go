package sync_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// countedStore counts what is written while somebody else has the lease.
type countedStore struct {
	*mirror.Mirror
	away   atomic.Bool
	writes atomic.Int64
}

func (s *countedStore) count() {
	if s.away.Load() {
		s.writes.Add(1)
	}
}

func (s *countedStore) CommitPage(ctx context.Context, c *payout.PageCommit) (payout.PageResult, error) {
	s.count()
	return s.Mirror.CommitPage(ctx, c)
}

func (s *countedStore) MarkVanished(ctx context.Context, run int64, gone []payout.HeldPayout, tell func([]payout.HeldPayout) []string) ([]string, error) {
	s.count()
	return s.Mirror.MarkVanished(ctx, run, gone, tell)
}

func (s *countedStore) BindMembers(ctx context.Context, onBehalfOf string) error {
	s.count()
	return s.Mirror.BindMembers(ctx, onBehalfOf)
}

// TestNothingIsWrittenWithoutTheLease interrupts a backfill that has given way, or has the lease fail to come back, while its
// other workers hold pages.
func TestNothingIsWrittenWithoutTheLease(t *testing.T) {
	for name, kind := range map[string]payout.Kind{"interrupted": payout.KindInterrupted, "not to be had": payout.KindFailed} {
		a := &fakeAPI{now: noon(day0 + 40)}
		a.fill(day0, 8, 500)
		store := &countedStore{Mirror: openMirror(t)}
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan struct{}, 100)
		yields := 0
		a.during = func(int) {
			if store.away.Load() {
				waiting <- struct{}{}
			}
		}
		s := newSyncer(a, store, payoutsync.Options{Workers: 4, Yield: func(context.Context) error {
			if yields++; yields < 2 {
				return nil
			}
			store.away.Store(true)
			select { // until another worker has a page to write; all may have one already
			case <-waiting:
			case <-time.After(20 * time.Millisecond):
			}
			if kind == payout.KindInterrupted {
				cancel()
			}
			return payout.Errorf(kind, "another command writes")
		}})
		_, err := s.Backfill(ctx, 1, day0, day0+7)
		if payout.KindOf(err) != kind || err == nil {
			t.Errorf("%s: %v, want an error of kind %d", name, err, kind)
		}
		if n := store.writes.Load(); n != 0 {
			t.Errorf("%s: %d pages and more were written without the lease, want none", name, n)
		}
		cancel()
	}
}
