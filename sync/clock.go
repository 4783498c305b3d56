package sync

import (
	"context"
	"fmt"
	"time"

	"payrecon/internal/payout"
)

// maxSkew is how far our clock and the API's may be apart before a person is told.
const maxSkew = 5 * time.Minute

// nightStart is the first day of nightly runs as it was stored before the run, and what is left to do about it.
type nightStart struct {
	unset  bool       // there is none, or stored is to come: the run's first page sets it
	stored payout.Day // NoDay = none
}

// noteClocks learns from a page what only our clock and the server's together can tell.
func (r *run) noteClocks(ctx context.Context, page *payout.Page) error {
	if err := r.setStart(ctx, page); err != nil {
		return err
	}
	return r.tellSkew(ctx, page)
}

// firstNight returns the day from which on nightly runs leave no gap. What an earlier run stored stands, but for a day to come:
// it was set by a clock that was ahead, and until then nights would look at the lookback alone.
func (r *run) firstNight(ctx context.Context) (payout.Day, error) {
	first, ok, err := r.store.SyncStart(ctx)
	if err != nil || ok && (first <= r.today || first == r.o.StartDay) {
		return first, err
	}
	r.start = nightStart{unset: true, stored: payout.NoDay}
	if ok {
		r.start.stored = first
		r.o.Logger.Warn("the first day of nightly runs is after today: the clock is wrong, or it was when that day was set", "first", first.String(), "today", r.today.String())
	}
	return r.firstDay(r.today), nil
}

// setStart sets the first day of nightly runs by the earlier of our clock and the server's, so that neither of them being ahead
// lets nights begin too late. A stored day that has come by one of the clocks stands: it is the other one that is behind.
func (r *run) setStart(ctx context.Context, page *payout.Page) error {
	r.mu.Lock()
	start := r.start
	r.start.unset = false
	r.mu.Unlock()
	if !start.unset || start.stored != payout.NoDay && start.stored <= max(page.Asked, page.ServerDate).Day() {
		return nil
	}
	first := r.firstDay(began(page).Day())
	if err := r.store.SetSyncStart(ctx, first); err != nil {
		return storeError{err}
	}
	r.o.Logger.Info("first sync", "from", first.String(), "note", "earlier payouts: payrecon backfill")
	return nil
}

// tellSkew tells, once in a run, that the clocks are far apart. Days are proven by the earlier of the two, but which days there
// are to walk is known by ours alone.
func (r *run) tellSkew(ctx context.Context, page *payout.Page) error {
	skew := time.Duration(page.Asked-page.ServerDate) * time.Millisecond
	if page.ServerDate == 0 || skew.Abs() <= maxSkew {
		return nil
	}
	r.mu.Lock()
	told := r.skewTold
	r.skewTold = true
	r.mu.Unlock()
	if told {
		return nil
	}
	text := "ahead of the API's: days that have ended by this clock alone are not shown complete"
	if skew < 0 {
		text = "behind the API's: days that have ended by the API's clock alone are not shown complete, nor named as gaps"
	}
	return r.raise(ctx, []string{fmt.Sprintf("this machine's clock is %s %s; payrecon doctor compares the two", skew.Abs().Round(time.Second), text)})
}
