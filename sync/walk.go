package sync

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

const (
	maxRestarts = 3 // times that one window is begun again because its cursor was refused
	maxFailures = 3 // windows in a row that the API fails or refuses before the run, or the pass that it refuses, ends
)

// walkAll walks all windows that are left, several at once. In a backfill the first worker that finds none left sweeps,
// while the others come to the end of theirs.
func (r *run) walkAll(ctx context.Context) error {
	var sweep sync.Once
	group, ctx := errgroup.WithContext(ctx)
	for range r.o.Workers {
		group.Go(func() (err error) {
			for {
				w := r.next()
				if w == nil {
					if r.task == taskBackfill {
						sweep.Do(func() { err = r.sweepLast(ctx) })
					}
					return err
				}
				r.o.Logger.Debug("window", "days", w.Days.String(), "on_behalf_of", w.OnBehalfOf, "pages_before", w.Pages)
				err := r.walk(ctx, w)
				r.giveBack(w)
				if err := r.survive(ctx, r.passOf(w.OnBehalfOf), w.name(), err); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// survive decides whether the run goes on after a window (by its name; "" = the sweep) ended with err: one that the API
// could not serve, or refused as invalid, leaves its days unproven; several failures in a row end the run. Where other
// passes are left, several refusals in a row end their own pass (p; nil = no single one) only.
func (r *run) survive(ctx context.Context, p *pass, name string, err error) error {
	if err == nil || ctx.Err() != nil || !apiFailed(err) {
		return err
	}
	if name != "" {
		err = payout.Errorf(payout.KindOf(err), "%s: %w", name, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.firstFailure == nil {
		r.firstFailure = err
	}
	if p != nil && len(r.passes) > 1 && payout.KindOf(err) == payout.KindInput {
		r.refused(p, err)
	} else if r.failures++; r.failures >= maxFailures {
		return err
	}
	if name == "" {
		r.o.Logger.Warn("open payouts were not all looked for: the days are read all the same", "error", err)
	} else if !r.left[name] {
		r.left[name] = true
		r.o.Logger.Warn("days were left out: the others are read", "error", err)
	}
	return nil
}

// refused counts a refusal, and gives up a pass that the API refuses again and again: an id that it does not know must not keep
// the others from being read. The caller holds r.mu.
func (r *run) refused(p *pass, err error) {
	if p.refusals++; p.refusals < maxFailures {
		return
	}
	p.todo, p.open = nil, nil
	if p.givenUp {
		return
	}
	p.givenUp = true
	r.firstFailure = payout.Errorf(payout.KindInput, "days %s%s were left out, the API refuses them: %w", p.days, under(p.onBehalfOf), err)
}

// apiFailed reports whether err is the API's answer to one request, or the lack of one, that other requests may not share.
func apiFailed(err error) bool {
	kind := payout.KindOf(err)
	return kind == payout.KindTransport || kind == payout.KindInput && !errors.Is(err, errStore)
}

// name names a window to a person.
func (w *window) name() string {
	return "days " + w.Days.String() + under(w.OnBehalfOf)
}

// walk walks one window to its end. A walk whose cursor is refused, or that another run has moved on, begins again.
func (r *run) walk(ctx context.Context, w *window) error {
	for restarts := 0; ; restarts++ {
		err := r.walkOnce(ctx, w)
		refused := w.Cursor != "" && payout.KindOf(err) == payout.KindInput && !errors.Is(err, errStore)
		lost := errors.Is(err, payout.ErrWalkLost)
		if !refused && !lost {
			return err
		}
		if restarts == maxRestarts {
			return payout.Errorf(payout.KindTransport, "the API refused the cursor of its own page %d times: %w", restarts+1, err)
		}
		r.o.Logger.Warn("a window begins again", "days", w.Days.String(), "on_behalf_of", w.OnBehalfOf, "reason", err)
		if refused {
			if err := r.store.DropWalk(ctx, w.ID); err != nil {
				return err
			}
		}
		w.Walk = r.newWalk(w.OnBehalfOf, w.Days, w.Query.Limit)
	}
}

func (r *run) walkOnce(ctx context.Context, w *window) error {
	t := newTally()
	if w.ID != 0 {
		seen, err := r.store.WalkSeen(ctx, w.ID)
		if err != nil {
			return err
		}
		t.add(seen)
	}
	for page, err := range r.api.Pages(ctx, w.Query, w.Cursor) {
		if err != nil {
			return err
		}
		if w.Pages == 0 {
			w.Began = began(page)
		}
		r.learn(w.Query, page.Payouts)
		r.takeSpare(w, page.End)
		c := &payout.PageCommit{
			Run: r.id, OnBehalfOf: w.OnBehalfOf, Payouts: page.Payouts, Asked: page.Asked,
			Walk: w.Walk, Next: page.Next, End: page.End, Seen: seenOf(page.Payouts),
		}
		t.add(c.Seen)
		c.Judge = func(id int64, d payout.DayRecord) payout.DayVerdict {
			v := judge(walkFacts{id, w.Began, page.End, r.o.Settle}, d, t.of(d.Day))
			if v.Doubt != "" {
				r.disproved(d.Day)
			}
			return v
		}
		c.Shown = func(h payout.IDHash) bool { _, shown := t.seen[h]; return shown }
		if err := r.write(ctx, c, page); err != nil {
			return err
		}
		if page.End != payout.PageMore {
			r.ended(w.Walk, page.End)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return payout.Errorf(payout.KindTransport, "the API's pages stopped without an end")
}

// disproved notes a day from which payouts are gone, for Verify.
func (r *run) disproved(d payout.Day) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.details != nil {
		r.details.Disproved = append(r.details.Disproved, d)
	}
}

// began is the instant from which a page's walk counts: the earlier of our clock and the server's, so that neither clock
// being wrong lets a day be proven before it had ended.
func began(page *payout.Page) payout.Millis {
	if page.ServerDate != 0 {
		return min(page.Asked, page.ServerDate)
	}
	return page.Asked
}

func seenOf(rows []payout.Payout) []payout.Seen {
	seen := make([]payout.Seen, len(rows))
	for i := range rows {
		seen[i] = payout.Seen{Hash: payout.HashID(rows[i].ID), Day: rows[i].Created.Day()}
	}
	return seen
}

// errStore marks errors of the mirror: they are never the API's.
var errStore = errors.New("mirror")

type storeError struct{ error }

func (storeError) Is(target error) bool { return target == errStore }
func (e storeError) Unwrap() error      { return e.error }

// write commits one page, and counts it. Every few pages a backfill gives way to a command that waits.
func (r *run) write(ctx context.Context, c *payout.PageCommit, page *payout.Page) error {
	if r.yield != nil && r.pages.Add(1)%int64(r.o.Workers) == 0 {
		if err := r.lease.giveWay(ctx, r.yield); err != nil {
			return err
		}
	}
	c.Detail = r.details != nil
	result, err := r.store.CommitPage(ctx, c)
	if err != nil {
		return storeError{err}
	}
	r.count(c, page, &result)
	return r.noteClocks(ctx, page)
}

// count adds a committed page to the summary and tells the progress.
func (r *run) count(c *payout.PageCommit, page *payout.Page, result *payout.PageResult) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = 0
	if p := r.passOf(c.OnBehalfOf); p != nil {
		p.refusals = 0
	}
	r.sum.Pages++
	r.sum.Requests += max(page.Requests, 1)
	r.sum.Retries += max(page.Requests-1, 0)
	r.sum.Rows += len(page.Payouts)
	r.sum.New += result.New
	r.sum.Changed += result.Changed
	r.sum.Unchanged += result.Unchanged
	if c.Walk == nil {
		r.sum.Swept += len(page.Payouts)
	}
	r.sum.Alerts = append(r.sum.Alerts, result.Alerts...)
	r.noteShort(c.OnBehalfOf, result.Judged)
	if r.details != nil {
		r.details.add(c, result)
	}
	r.tell()
}

// tell reports the progress. The caller holds r.mu.
func (r *run) tell() {
	r.state.Pages, r.state.Rows, r.state.Requests, r.state.Retries = r.sum.Pages, r.sum.Rows, r.sum.Requests, r.sum.Retries
	r.state.Windows = r.sum.Windows
	r.state.Elapsed = r.o.Clock().Sub(r.began)
	r.o.Progress(r.state)
}

// ended counts a walk that came to its end.
func (r *run) ended(w *payout.Walk, end payout.PageEnd) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Windows++
	if p := r.passOf(w.OnBehalfOf); p != nil {
		p.rows += w.Rows
		p.done += w.Days.Days()
		for d := w.Days.From; d <= w.Days.To; d++ {
			if end == payout.PageUnsure {
				p.unsure[d] = true
				continue
			}
			if _, owed := slices.BinarySearch(p.owed, d); owed && !p.walked[d] {
				r.state.DaysDone++
			}
			p.walked[d] = true
			delete(p.unsure, d)
		}
	}
	r.tell()
}

// learn looks whether the page shows that endDate means its whole day: see the package comment.
func (r *run) learn(q payout.Query, rows []payout.Payout) {
	const lastHour = 23 * 3_600_000
	from := payout.MillisOf(q.To.Start()) + lastHour
	for i := range rows {
		if rows[i].Created >= from && rows[i].Created.Day() == q.To {
			r.wholeDays.Store(true)
			return
		}
	}
}
