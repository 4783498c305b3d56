package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"payrecon/internal/payout"
)

// run is one run: what it is to do, and what it has done.
type run struct {
	*Syncer
	task  string
	id    int64
	began time.Time
	today payout.Day
	yield func(ctx context.Context) error

	passes []*pass

	lease *leasedStore // store
	mu    sync.Mutex   // guards everything below
	sum   payout.SyncSummary
	state Progress

	later map[string]bool // ids that the sweep leaves to the windows: see sweepRest
	fresh bool            // a nightly run that begins anew, and takes up no walks

	short map[passDay]*shortDay // days whose lists lack payouts that the mirror knows: see gone.go
	asked map[string]bool       // by id in this run, and whether the API showed it; not in it: there was no answer

	listsDay map[passDay]bool       // whether the last walk of this run that could prove a day has: its list shows all but what short names
	listed   map[payout.IDHash]bool // shown by the list of what is not final, or lacking in the list of its day and shown by another's

	told         map[string]bool // alerts that come once in a run
	left         map[string]bool // windows that were left, by their names
	failures     int             // windows and sweeps that the API failed or refused since the last page
	firstFailure error
	start        nightStart
	skewTold     bool          // that the clocks are far apart
	details      *VerifyReport // what differed, for Verify

	sentBefore, retriedBefore int64 // what the API's client had sent before the run

	wholeDays atomic.Bool  // the API has shown that endDate means its whole day
	pages     atomic.Int64 // pages that were to be written

	unanswered int  // ids that were asked for alone, and lists of them not asked for in parts, without a proper answer
	idsIgnored bool // one id alone has led to other payouts
}

// pass is one onBehalfOfId with the days to walk under it.
type pass struct {
	onBehalfOf string
	days       payout.Period // the range; gaps are judged over it
	owed       []payout.Day  // the days to walk
	todo       []payout.Day  // those of them not yet handed to a worker, in order
	open       []payout.Walk // left by an earlier run
	rows, done int           // of walks that ended, for the density

	walked map[payout.Day]bool // by walks that came to a regular end in this run
	unsure map[payout.Day]bool // those whose last walk in this run came to none (payout.PageUnsure)
	again  map[payout.Day]int  // how often a day was walked again in this run

	refusals int  // in a row
	givenUp  bool // after too many of them
}

func (s *Syncer) newRun(task string, id int64) *run {
	began := s.o.Clock()
	leased, lease := *s, &leasedStore{Store: s.store}
	leased.store = lease
	r := &run{
		Syncer: &leased, lease: lease, task: task, id: id, began: began, today: payout.MillisOf(began).Day(), left: map[string]bool{}, told: map[string]bool{}, later: map[string]bool{},
		short: map[passDay]*shortDay{}, asked: map[string]bool{},
		listsDay: map[passDay]bool{}, listed: map[payout.IDHash]bool{},
	}
	r.sum = payout.SyncSummary{Run: id, Gaps: []payout.Day{}, Alerts: []string{}}
	r.state = Progress{Task: task, Phase: "windows"}
	if c, ok := s.api.(counter); ok {
		r.sentBefore, r.retriedBefore = c.Stats()
	}
	return r
}

// counter is what an API may be besides: one that counts also the requests that led to no page.
type counter interface {
	Stats() (requests, retries int64)
}

// period checks a range that a person gave, and cuts off the future.
func (r *run) period(from, to payout.Day) (payout.Period, error) {
	switch {
	case from > to:
		return payout.Period{}, payout.Errorf(payout.KindInput, "from %s is after to %s", from, to)
	case from > r.today:
		return payout.Period{}, payout.Errorf(payout.KindInput, "from %s is in the future: today is %s (UTC)", from, r.today)
	}
	return payout.Period{From: from, To: min(to, r.today)}, nil
}

// want adds a pass over the days of p, but for those that skip names.
func (r *run) want(onBehalfOf string, p payout.Period, skip func(payout.Day) bool) {
	one := &pass{onBehalfOf: onBehalfOf, days: p, walked: map[payout.Day]bool{}, unsure: map[payout.Day]bool{}, again: map[payout.Day]int{}}
	for d := p.From; d <= p.To; d++ {
		if skip == nil || d == r.today || !skip(d) {
			one.todo = append(one.todo, d)
		}
	}
	one.owed = slices.Clone(one.todo)
	r.state.Days += len(one.todo)
	r.passes = append(r.passes, one)
}

// sync performs the run.
func (r *run) sync(ctx context.Context) (*payout.SyncSummary, error) {
	err := r.perform(ctx)
	if err == nil {
		err = r.survive(ctx, nil, "", r.askMissing(ctx))
	}
	if tellErr := r.tellShort(context.WithoutCancel(ctx)); err == nil {
		err = tellErr
	}
	if err == nil {
		err = r.firstFailure
	}
	if finishErr := r.finish(context.WithoutCancel(ctx), err != nil); err == nil {
		err = finishErr
	}
	if gapsErr := r.judgeGaps(context.WithoutCancel(ctx), err != nil); err == nil {
		err = gapsErr
	}
	return r.end(ctx, err)
}

// finish keeps what came to its end: the passes, each for itself, and the night. One id that the API refuses must not keep
// the others from being bound to their members.
func (r *run) finish(ctx context.Context, failed bool) error {
	for _, p := range r.passes {
		if failed && !p.ended() {
			continue
		}
		if err := r.store.BindMembers(ctx, p.onBehalfOf); err != nil {
			return err
		}
	}
	if failed || r.task != taskNightly {
		return nil
	}
	return r.store.EndNight(ctx)
}

// ended reports whether the pass has walked what it was to walk, as far as can be told in a run that failed.
func (p *pass) ended() bool {
	return len(p.owed) > 0 && !slices.ContainsFunc(p.owed, func(d payout.Day) bool { return !p.walked[d] })
}

// end returns what was done, and the last word of a run that did not come to its end.
func (r *run) end(ctx context.Context, err error) (*payout.SyncSummary, error) {
	r.sum.Complete = err == nil && len(r.sum.Gaps) == 0
	if c, ok := r.api.(counter); ok {
		sent, retried := c.Stats()
		r.sum.Requests, r.sum.Retries = int(sent-r.sentBefore), int(retried-r.retriedBefore)
	}
	sum := r.sum
	return &sum, r.lastWord(ctx, err)
}

func (r *run) perform(ctx context.Context) error {
	if r.sweepsFirst() {
		if err := r.survive(ctx, nil, "", r.sweep(ctx)); err != nil {
			return err
		}
	}
	if err := r.takeUp(ctx); err != nil {
		return err
	}
	r.phase("windows")
	err := r.walkAll(ctx)
	if err == nil {
		err = r.walkAgain(ctx)
	}
	if err := r.sweepAfter(ctx, err); err != nil || r.task != taskVerify {
		return err
	}
	if err := r.sweepLast(ctx); err != nil {
		return err
	}
	return r.walkAgain(ctx)
}

// sweepsFirst reports whether the sweep comes before the windows. A backfill leaves late changes to the nightly runs, and
// Verify must see what the mirror lacks before a sweep has brought it.
func (r *run) sweepsFirst() bool { return r.task == taskNightly || r.task == taskRange }

// judgeGaps lists the ended days that are not shown complete: of the run's range, and those it found contradicted. A run that
// failed does not vouch for the days that it was to walk and did not, whatever was shown of them before; if there are none,
// for none of its range.
func (r *run) judgeGaps(ctx context.Context, failed bool) error {
	gaps, today := map[payout.Day]bool{}, payout.MillisOf(r.o.Clock()).Day()
	for _, p := range r.passes {
		records, err := r.store.DayRecords(ctx, p.onBehalfOf, p.days)
		if err != nil {
			return err
		}
		for _, d := range records {
			if d.State != payout.DayComplete && d.Day < today {
				gaps[d.Day] = true
			}
		}
		contested, err := r.store.ContestedDays(ctx, p.onBehalfOf)
		if err != nil {
			return err
		}
		for _, d := range contested {
			gaps[d] = true
		}
		for _, d := range p.owed {
			if failed && !p.walked[d] && d < today {
				gaps[d] = true
			}
		}
	}
	if failed && len(gaps) == 0 {
		for _, p := range r.passes {
			for d := p.days.From; d <= min(p.days.To, today-1); d++ {
				gaps[d] = true
			}
		}
	}
	r.sum.Gaps = slices.AppendSeq(r.sum.Gaps, maps.Keys(gaps))
	slices.Sort(r.sum.Gaps)
	return nil
}

// lastWord says what is done, what is left and how to go on, when a run did not come to its end.
func (r *run) lastWord(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	done := fmt.Sprintf("%d of %s walked, %s in %s written",
		r.state.DaysDone, plural(r.state.Days, "day"), plural(r.sum.Rows, "payout"), plural(r.sum.Pages, "page"))
	again := "the same command goes on from there"
	if r.task == taskVerify {
		again = "the same command compares all of its days anew"
	}
	if ctx.Err() != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			if first := r.firstFailure; first != nil && !errors.Is(err, first) {
				err = fmt.Errorf("%w; before that: %w", err, first)
			}
			return payout.Errorf(payout.KindFailed, "out of time: %s; everything written is safe, %s: %w", done, again, err)
		}
		return payout.Errorf(payout.KindInterrupted, "interrupted: %s; everything written is safe, %s", done, again)
	}
	if !passes(err) {
		return err
	}
	return payout.Errorf(payout.KindOf(err), "%w (%s; %s)", err, done, again)
}

// plural says "1 page", "2 pages".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// passes reports whether the same command may do better later, although nobody mends anything.
func passes(err error) bool {
	var answer interface{ Transient() bool } // an error of the API's client that knows
	if errors.As(err, &answer) {
		return answer.Transient()
	}
	return payout.KindOf(err) == payout.KindTransport
}
