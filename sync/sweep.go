package sync

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"payrecon/internal/payout"
)

// sweep asks again for every payout that may still change, whatever its age: see the story of a run, step 2. Before the
// windows it leaves to them the payouts that they are about to show.
func (r *run) sweep(ctx context.Context) error {
	r.phase("sweep")
	held, err := r.toAskFor(ctx)
	if err != nil {
		return err
	}
	shown, listErr := r.listOpen(ctx)
	if listErr != nil && (ctx.Err() != nil || !apiFailed(listErr)) {
		return listErr
	}
	held = slices.DeleteFunc(held, func(h payout.HeldPayout) bool {
		if !shown[h.ID] && r.sweepsFirst() && r.walkedSoon(h) {
			r.later[h.ID] = true
			return true
		}
		return shown[h.ID]
	})
	if err := r.askAll(ctx, held); err != nil && (listErr == nil || !apiFailed(err)) {
		return err
	}
	return listErr
}

// listOpen lists what is not final, and returns the ids that it was shown, also beside an error: the list is there to discover what
// the mirror lacks, and what it holds can be asked for all the same.
func (r *run) listOpen(ctx context.Context) (shown map[string]bool, err error) {
	shown = map[string]bool{}
	for _, p := range r.passes {
		q := payout.Query{Statuses: payout.FinalStatuses(), InvertStatuses: true, OnBehalfOf: p.onBehalfOf}
		whole, err := r.list(ctx, q, 0, func(one *payout.Payout) { shown[one.ID], r.listed[payout.HashID(one.ID)] = true, true })
		switch {
		case errors.Is(err, errFilterIgnored):
			err = r.tellOnce(ctx, "the API ignored invertStatuses and listed payouts that are final: old payouts that it shows for the first time are not found, ask the provider")
		case err == nil && !whole:
			err = r.tellOnce(ctx, "the API's list of payouts that are not final came to no regular end: old payouts that it would show for the first time may not be found, ask the provider")
		}
		if err := r.surviveSweep(ctx, p, err); err != nil {
			return shown, err
		}
	}
	return shown, nil
}

// surviveSweep lets the sweep of the other passes go on after the API has refused one.
func (r *run) surviveSweep(ctx context.Context, p *pass, err error) error {
	if len(r.passes) == 1 || payout.KindOf(err) != payout.KindInput {
		return err
	}
	return r.survive(ctx, p, "", payout.Errorf(payout.KindInput, "open payouts%s: %w", under(p.onBehalfOf), err))
}

// walkedSoon reports whether a window of this run is about to show the payout, at no cost of its own. Only young ones wait
// for that: they are the many that became final since last night. An old one that moved is the news that must not wait.
func (r *run) walkedSoon(h payout.HeldPayout) bool {
	p, day := r.passOf(h.OnBehalfOf), h.Created.Day()
	return p != nil && day >= r.today-payout.Day(r.o.LookbackDays) && slices.Contains(p.todo, day)
}

// sweepLast is the sweep of a backfill and of Verify. An API that fails windows will not do better for a sweep.
func (r *run) sweepLast(ctx context.Context) error {
	r.mu.Lock()
	failed := r.firstFailure != nil
	r.mu.Unlock()
	if failed {
		return nil
	}
	return r.survive(ctx, nil, "", r.sweep(ctx))
}

// sweepAfter runs sweepRest after the windows, and the days that were walked again, ended with err. An API that fails windows
// may answer lists of ids all the same.
func (r *run) sweepAfter(ctx context.Context, err error) error {
	if !r.sweepsFirst() || err != nil && (ctx.Err() != nil || !apiFailed(err)) {
		return err
	}
	rest := r.survive(ctx, nil, "", r.sweepRest(ctx))
	if err == nil {
		return rest
	}
	if rest != nil {
		r.o.Logger.Warn("not every open payout was asked for", "error", rest)
	}
	return err
}

// sweepRest asks for what the sweep left to the windows and they have not shown: payouts still held open, because their
// window failed or they have vanished, and what became final lately on days that this run was to walk and did not. Days of a
// walk without a regular end are among these, unless another page size has brought one.
func (r *run) sweepRest(ctx context.Context) error {
	rest, err := r.unwalkedFinals(ctx)
	if err != nil {
		return err
	}
	if len(r.later) > 0 {
		held, err := r.store.HeldOpen(ctx)
		if err != nil {
			return err
		}
		rest = append(rest, slices.DeleteFunc(held, func(h payout.HeldPayout) bool { return !r.later[h.ID] })...)
	}
	if len(rest) == 0 {
		return nil
	}
	r.phase("sweep")
	return r.askAll(ctx, rest)
}

// unwalkedFinals returns the payouts that became final within the lookback, of the days that this run was to walk and did not.
func (r *run) unwalkedFinals(ctx context.Context) (finals []payout.HeldPayout, err error) {
	for _, p := range r.passes {
		unwalked := slices.DeleteFunc(slices.Clone(p.owed), func(d payout.Day) bool { return p.walked[d] })
		if len(unwalked) == 0 {
			continue
		}
		late, err := r.store.LateFinals(ctx, r.lately(), payout.Period{From: 0, To: -1})
		if err != nil {
			return nil, err
		}
		finals = append(finals, slices.DeleteFunc(late, func(h payout.HeldPayout) bool {
			_, ok := slices.BinarySearch(unwalked, h.Created.Day())
			return !ok || !r.concerns(p, h)
		})...)
	}
	return once(finals), nil
}

// concerns reports whether a pass must see to a payout: one of its own, or one whose own is not configured any more.
// Which of them shows the latter is found when it is asked for.
func (r *run) concerns(p *pass, h payout.HeldPayout) bool {
	return h.OnBehalfOf == p.onBehalfOf || r.passOf(h.OnBehalfOf) == nil
}

// once sorts payouts and leaves out repetitions.
func once(held []payout.HeldPayout) []payout.HeldPayout {
	slices.SortFunc(held, func(a, b payout.HeldPayout) int {
		return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.N, b.N))
	})
	return slices.Compact(held)
}

// lately is the instant from which on what became final is asked for again.
func (r *run) lately() payout.Millis {
	return payout.MillisOf(r.began.AddDate(0, 0, -r.o.LookbackDays))
}

func (r *run) phase(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Phase = name
	r.tell()
}

// toAskFor returns what the mirror holds open, and what became final within the lookback outside of the windows. A backfill
// leaves the latter to the nightly runs: they ask for the same payouts every night.
func (r *run) toAskFor(ctx context.Context) ([]payout.HeldPayout, error) {
	held, err := r.store.HeldOpen(ctx)
	if err != nil || r.task == taskBackfill {
		return held, err
	}
	for _, p := range r.passes {
		late, err := r.store.LateFinals(ctx, r.lately(), p.days)
		if err != nil {
			return nil, err
		}
		held = append(held, slices.DeleteFunc(late, func(h payout.HeldPayout) bool { return !r.concerns(p, h) })...)
	}
	return once(held), nil
}

// tellOnce raises an alert once in a run.
func (r *run) tellOnce(ctx context.Context, text string) error {
	r.mu.Lock()
	told := r.told[text]
	r.told[text] = true
	r.mu.Unlock()
	if told {
		return nil
	}
	return r.raise(ctx, []string{text})
}

// list commits every page of a list that belongs to no window, and tells each payout to fn. It reports whether the list came
// to a regular end, if need be with other page sizes. A list longer than maxPages (0 = any) is given up. One by ids that shows
// another id is errFilterIgnored after the page: what it shows of the ids holds. So is one of what is not final that shows a
// final one, and of that nothing is taken.
func (r *run) list(ctx context.Context, q payout.Query, maxPages int, fn func(*payout.Payout)) (whole bool, err error) {
	asked := filterOf(q.IDs)
	return pageThrough(ctx, r.api, q, maxPages, func(page *payout.Page) error {
		shown := len(page.Payouts)
		if len(asked) > 0 {
			page.Payouts = slices.DeleteFunc(page.Payouts, func(one payout.Payout) bool { return !asked.has(one.ID) })
		}
		if q.InvertStatuses && slices.ContainsFunc(page.Payouts, func(one payout.Payout) bool { return slices.Contains(q.Statuses, one.Status) }) {
			return errFilterIgnored
		}
		for i := range page.Payouts {
			fn(&page.Payouts[i])
		}
		c := &payout.PageCommit{Run: r.id, OnBehalfOf: q.OnBehalfOf, Payouts: page.Payouts, Asked: page.Asked, End: page.End}
		if err := r.write(ctx, c, page); err != nil || len(page.Payouts) == shown {
			return err
		}
		return errFilterIgnored
	})
}

// pageThrough calls fn for every page of a list, and reports whether one way through it came to a regular end: the first, or
// one with another page size.
func pageThrough(ctx context.Context, api API, q payout.Query, maxPages int, fn func(*payout.Page) error) (whole bool, err error) {
	for _, limit := range append([]int{payout.MaxLimit}, otherLimits[:]...) {
		q.Limit = limit
		pages := 0
		for page, err := range api.Pages(ctx, q, "") {
			if err != nil && pages > 0 && payout.KindOf(err) == payout.KindInput {
				break // the cursor was refused
			}
			if err != nil {
				return false, err
			}
			if err := fn(page); err != nil {
				return false, err
			}
			if page.End == payout.PageRegular {
				return true, nil
			}
			if pages++; pages == maxPages {
				return false, nil
			}
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
		}
	}
	return false, nil
}

// raise keeps alerts and tells them in the summary.
func (r *run) raise(ctx context.Context, alerts []string) error {
	r.tellInSummary(alerts)
	return r.store.AddAlerts(ctx, r.id, alerts)
}

func (r *run) tellInSummary(alerts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Alerts = append(r.sum.Alerts, alerts...)
}
