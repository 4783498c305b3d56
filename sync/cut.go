package sync

import (
	"context"
	"slices"
	"time"

	"payrecon/internal/payout"
)

const (
	windowRows = 4000 // rows that a window should have: twenty pages
	maxWindow  = 31   // days
	firstCut   = 7    // days of a window while nothing is known of the density
)

// takeUp finds the walks that an earlier run of this task left open. Those that can go on keep their days; the others are
// dropped, and their days are walked from the start. So are those of Verify: what an earlier run compared, this one does not
// know. And so are those of a night that is over: the next one reads the whole lookback, not what last night left of it.
func (r *run) takeUp(ctx context.Context) error {
	walks, err := r.store.OpenWalks(ctx, r.task)
	if err != nil {
		return err
	}
	for _, w := range walks {
		p := r.passOf(w.OnBehalfOf)
		usable := r.task != taskVerify && !r.fresh && r.usable(&w)
		if usable && (p == nil || !p.wants(w.Days)) {
			continue // another run may want it
		}
		if !usable {
			if err := r.store.DropWalk(ctx, w.ID); err != nil {
				return err
			}
			continue
		}
		p.open = append(p.open, w)
		p.todo = slices.DeleteFunc(p.todo, w.Days.Contains)
	}
	return nil
}

func (r *run) passOf(onBehalfOf string) *pass {
	for _, p := range r.passes {
		if p.onBehalfOf == onBehalfOf {
			return p
		}
	}
	return nil
}

// wants reports whether all days of w lie in the pass's range and some of them have yet to be walked.
func (p *pass) wants(w payout.Period) bool {
	if w.From < p.days.From || w.To > p.days.To {
		return false
	}
	return slices.ContainsFunc(p.todo, w.Contains)
}

// usable reports whether an open walk can go on. It cannot when its cursor is old, and it should not when it began before
// its last day had ended and that day can be proven by now: it could not prove it. While the day lasts, no walk could.
func (r *run) usable(w *payout.Walk) bool {
	now, provable := r.o.Clock(), settled(w.Days.To, r.o.Settle)
	return w.Cursor != "" &&
		now.Sub(w.CursorAt.Time()) < maxCursorAge &&
		(w.Began >= provable || payout.MillisOf(now) < provable)
}

// settled is the instant from which on a walk can prove a day.
func settled(d payout.Day, settle time.Duration) payout.Millis {
	return payout.MillisOf((d + 1).Start().Add(settle))
}

// window is a walk with the day after its last one, which its query asks for too. While nobody knows whether endDate means
// its whole day, that day is spare: kept from other workers, because if the API turns out to mean the whole day, this walk
// proves it as well; otherwise it is given back.
type window struct {
	*payout.Walk
	spare    payout.Day
	hasSpare bool
}

// next hands the next window to a worker: an open walk, or a new one cut from the days left. nil = nothing is left.
func (r *run) next() *window {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.passes {
		if len(p.open) > 0 {
			w := p.open[0]
			p.open = p.open[1:]
			return &window{Walk: &w}
		}
	}
	for _, p := range r.passes {
		if len(p.todo) > 0 {
			return r.cutWindow(p)
		}
	}
	return nil
}

func (r *run) cutWindow(p *pass) *window {
	w, days := &window{}, p.cut(r.o.Workers)
	if first := days.From - 1; !r.wholeDays.Load() && len(p.todo) > 0 && p.todo[len(p.todo)-1] == first {
		p.todo = p.todo[:len(p.todo)-1]
		w.spare, w.hasSpare = days.To, true
		days = payout.Period{From: first, To: days.To - 1}
	}
	w.Walk = r.newWalk(p.onBehalfOf, days, payout.MaxLimit)
	return w
}

// takeSpare adds the spare day to what the walk proves, when its last page has come and endDate is known to mean whole days.
// A walk that was begun again may know that already, and then it did not ask for the day.
func (r *run) takeSpare(w *window, end payout.PageEnd) {
	if w.hasSpare && end == payout.PageRegular && r.wholeDays.Load() && w.Query.To == w.spare {
		w.Days.To, w.hasSpare = w.spare, false
	}
}

// giveBack returns the spare day of a window that did not prove it.
func (r *run) giveBack(w *window) {
	if !w.hasSpare {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.passOf(w.OnBehalfOf)
	i, _ := slices.BinarySearch(p.todo, w.spare)
	p.todo = slices.Insert(p.todo, i, w.spare)
	w.hasSpare = false
}

// cut takes the next window from the days left: consecutive days, as many as promise windowRows rows, but few enough that
// all workers stay busy to the end. The newest come first: they are the most wanted, and where payouts grow more from year
// to year, the windows at the end, which some workers have to wait for, are the short ones.
func (p *pass) cut(workers int) payout.Period {
	days := firstCut
	if p.done > 0 {
		days = maxWindow
		if p.rows > 0 {
			days = min(days, windowRows*p.done/p.rows)
		}
	}
	days = max(1, min(days, len(p.todo)/(2*workers)))
	last := len(p.todo) - 1
	first := last
	for first > 0 && last-first+1 < days && p.todo[first-1] == p.todo[first]-1 {
		first--
	}
	w := payout.Period{From: p.todo[first], To: p.todo[last]}
	p.todo = p.todo[:first]
	return w
}

// newWalk is a walk over days that has not begun.
func (r *run) newWalk(onBehalfOf string, days payout.Period, limit int) *payout.Walk {
	q := payout.Query{From: days.From, To: days.To + 1, OnBehalfOf: onBehalfOf, Limit: limit}
	if r.wholeDays.Load() {
		q.To = days.To
	}
	return &payout.Walk{Run: r.id, Task: r.task, OnBehalfOf: onBehalfOf, Days: days, Query: q}
}
