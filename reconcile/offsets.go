package reconcile

import (
	"cmp"
	"math"
	"slices"

	"payrecon/internal/payout"
)

// The first rule: what the ledger itself cancelled is settled before anything is paired.

// offsets: a reversal -x cancels the latest +x of its currency dated no later. Taking dated reversals by date, each with the
// latest entry before it that is still there, pairs the closest first. What has no date is the farthest from everything: it
// comes last, in the order of entries.
func (e *episode) offsets() {
	reversals := e.entsLeft(func(n *ent) bool { return n.units() < 0 })
	if len(reversals) == 0 {
		return
	}
	open := map[amountKey]*booked{}
	for _, n := range slices.Backward(e.ents) {
		if n.units() > 0 {
			k := amountKey{n.Amount.Currency(), n.units()}
			if open[k] == nil {
				open[k] = &booked{}
			}
			open[k].push(n)
		}
	}
	of := func(r *ent) *booked {
		if r.units() == math.MinInt64 { // its opposite cannot be booked
			return nil
		}
		return open[amountKey{r.Amount.Currency(), -r.units()}]
	}
	for _, b := range open {
		slices.SortStableFunc(b.ahead, func(a, b *ent) int { return cmp.Compare(a.Day, b.Day) })
	}
	byDay := slices.Clone(reversals)
	slices.SortStableFunc(byDay, func(a, b *ent) int { return cmp.Compare(a.Day, b.Day) })
	var plus, minus []*ent
	pair := func(n, r *ent) {
		if n != nil {
			plus, minus = append(plus, n), append(minus, r)
			r.used = true
		}
	}
	for _, r := range byDay {
		if r.Day != payout.NoDay {
			pair(of(r).latest(r.Day), r)
		}
	}
	for _, r := range reversals {
		if !r.used {
			pair(of(r).rest(r.Day == payout.NoDay), r)
		}
	}
	e.cancel(plus, minus)
	for _, r := range reversals {
		if !r.used {
			e.take(payout.UnmatchedReversal, nil, []*ent{r})
		}
	}
}

// booked is the entries of one amount that may be reversed.
type booked struct {
	ahead   []*ent // dated, earliest first, of a day the last in order first: not reached yet
	passed  []*ent // a stack: the latest is the last
	undated []*ent // the first in order is the last
}

func (b *booked) push(n *ent) {
	if n.Day == payout.NoDay {
		b.undated = append(b.undated, n)
	} else {
		b.ahead = append(b.ahead, n)
	}
}

// latest takes the latest entry dated no later than the day, or nil. The days asked for never go back.
func (b *booked) latest(d payout.Day) *ent {
	if b == nil {
		return nil
	}
	for len(b.ahead) > 0 && b.ahead[0].Day <= d {
		b.passed, b.ahead = append(b.passed, b.ahead[0]), b.ahead[1:]
	}
	return pop(&b.passed)
}

// rest takes what has no date, or, for a reversal without a date, the latest entry of all.
func (b *booked) rest(any bool) *ent {
	if b == nil {
		return nil
	}
	if any {
		b.passed, b.ahead = append(b.passed, b.ahead...), nil
		if n := pop(&b.passed); n != nil {
			return n
		}
	}
	return pop(&b.undated)
}

func pop(stack *[]*ent) *ent {
	last := len(*stack) - 1
	if last < 0 {
		return nil
	}
	n := (*stack)[last]
	*stack = (*stack)[:last]
	return n
}

// cancel settles entries with their reversals: a reversal of class returned takes a completed payout of the amount along.
func (e *episode) cancel(plus, minus []*ent) {
	var returned []int
	for i := range minus {
		if minus[i].Class == payout.EntryReturned {
			returned = append(returned, i)
		}
	}
	of := map[int]*pay{}
	if len(returned) > 0 {
		completed := e.paysLeft(func(p *pay) bool { return p.class == payout.ClassCompleted })
		spots := make([]spot, len(returned))
		order := make([]int, len(returned))
		slices.SortFunc(returned, func(a, b int) int { return compareEntries(plus[a], plus[b]) })
		for n, i := range returned {
			spots[n], order[n] = entrySpot(plus[i]), i
		}
		for _, c := range closest(paySpots(completed), spots, nil) {
			of[order[c.e]] = completed[c.p]
		}
	}
	for i := range plus {
		both := []*ent{plus[i], minus[i]}
		if p := of[i]; p != nil {
			e.take(payout.Returned, []*pay{p}, both)
			continue
		}
		plus[i].offset, minus[i].offset = true, true
		e.take(payout.OffsetInLedger, nil, both)
	}
}
