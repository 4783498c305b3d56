package sync

import (
	"context"
	"maps"
	"slices"

	"payrecon/internal/payout"
)

// otherLimits are the page sizes of second and third walks: they move the borders of pages, so that a full last page is
// not full again.
var otherLimits = [...]int{199, 197}

// walkAgain walks what is unproven although it could be proven by now: days whose walk in this run repeated or missed
// payouts, days of any age whose proof was contradicted or put in doubt, and, whatever is known of them, days of a window
// whose walk came to no regular end. So are complete days of any age without payouts of which a run that was killed has not told.
func (r *run) walkAgain(ctx context.Context) error {
	for _, limit := range otherLimits {
		walks, err := r.unproven(ctx, limit)
		if err != nil || len(walks) == 0 {
			return err
		}
		r.mu.Lock()
		r.state.Phase = "again"
		r.mu.Unlock()
		for _, w := range walks {
			again := &window{Walk: w}
			if err := r.survive(ctx, r.passOf(w.OnBehalfOf), again.name(), r.walk(ctx, again)); err != nil {
				return err
			}
		}
	}
	return nil
}

// unproven returns the walks, with pages of limit, over the days that need another one. Each day has its own: what an API
// cuts short together it may show alone, and the proof in doubt may come from such a walk.
func (r *run) unproven(ctx context.Context, limit int) ([]*payout.Walk, error) {
	var walks []*payout.Walk
	for _, p := range r.passes {
		days, err := r.unprovenDays(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, d := range days {
			walks = append(walks, r.newWalk(p.onBehalfOf, payout.Period{From: d, To: d}, limit))
		}
	}
	return walks, nil
}

func (r *run) unprovenDays(ctx context.Context, p *pass) ([]payout.Day, error) {
	days, err := r.store.ContestedDays(ctx, p.onBehalfOf)
	if err != nil {
		return nil, err
	}
	records, err := r.store.DayRecords(ctx, p.onBehalfOf, p.days)
	if err != nil {
		return nil, err
	}
	untold, err := r.store.UntoldDays(ctx, p.onBehalfOf)
	if err != nil {
		return nil, err
	}
	days = append(days, slices.DeleteFunc(untold, func(d payout.Day) bool { return p.walked[d] })...)
	now := payout.MillisOf(r.o.Clock())
	for _, d := range records {
		if p.walked[d.Day] && d.State != payout.DayComplete && now >= settled(d.Day, r.o.Settle) {
			days = append(days, d.Day)
		}
	}
	days = slices.AppendSeq(days, maps.Keys(p.unsure))
	slices.Sort(days)
	days = slices.DeleteFunc(slices.Compact(days), func(d payout.Day) bool { return p.again[d] >= len(otherLimits) })
	for _, d := range days {
		p.again[d]++
	}
	return days, nil
}
