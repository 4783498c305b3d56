package sync

import (
	"context"
	"sync"

	"payrecon/internal/payout"
)

// leasedStore is a store of which a run may give the lease away between two writes: it writes nothing while the lease is away,
// and nothing more when it could not be had back, because somebody else may be writing then. It guards what a backfill writes,
// the only task that gives way.
type leasedStore struct {
	Store
	mu   sync.RWMutex // read-held while something is written, held while the lease may be away
	lost error        // why it could not be had back; guarded by mu
}

// giveWay calls yield while nothing is written.
func (s *leasedStore) giveWay(ctx context.Context, yield func(context.Context) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = yield(ctx)
	}
	return s.lost
}

func (s *leasedStore) write(fn func() error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.lost != nil {
		return s.lost
	}
	return fn()
}

func (s *leasedStore) CommitPage(ctx context.Context, c *payout.PageCommit) (result payout.PageResult, err error) {
	err = s.write(func() error {
		result, err = s.Store.CommitPage(ctx, c)
		return err
	})
	return result, err
}

func (s *leasedStore) BindMembers(ctx context.Context, onBehalfOf string) error {
	return s.write(func() error { return s.Store.BindMembers(ctx, onBehalfOf) })
}

func (s *leasedStore) AddAlerts(ctx context.Context, run int64, texts []string) error {
	return s.write(func() error { return s.Store.AddAlerts(ctx, run, texts) })
}

func (s *leasedStore) TellOfDays(ctx context.Context, run int64, alerts []string, told map[string][]payout.Day) error {
	return s.write(func() error { return s.Store.TellOfDays(ctx, run, alerts, told) })
}

func (s *leasedStore) DropWalk(ctx context.Context, walk int64) error {
	return s.write(func() error { return s.Store.DropWalk(ctx, walk) })
}

func (s *leasedStore) MarkVanished(ctx context.Context, run int64, gone []payout.HeldPayout, tell func([]payout.HeldPayout) []string) (alerts []string, err error) {
	err = s.write(func() error {
		alerts, err = s.Store.MarkVanished(ctx, run, gone, tell)
		return err
	})
	return alerts, err
}
