// Package sync brings the payouts of the API into a mirror, and proves day by day that none is missing.
//
// # The story of a run
//
//  1. Every onBehalfOfId in force is a pass of its own; "" is the plain pass. For each pass the run knows a range of days:
//     a nightly run from its first day without proof, but at least the lookback, to today; Range exactly what it is told;
//     Backfill what of its range is not proven yet.
//  2. The sweep (sweep.go) lists everything that is not final, whatever its age. The list shrinks while it is paged, so it
//     proves nothing: every id that the mirror holds open and that the sweep did not show is asked for by its id (ids.go), and
//     so is every payout that became final lately outside of the windows: under its own pass first, then under the others that
//     have shown it. What none of them returns, asked twice, has vanished. The sweep is a few requests and comes first, so
//     that a night that is cut short has seen the late changes of old payouts. What the windows are about to show, young
//     payouts and those that became final lately, is left to them, and asked for by id after step 5 if they failed to: a
//     night that is cut short has seen of these what it had read by then.
//  3. Walks that an earlier run of the same task left open, and whose cursor can still be used, are taken up; those of a
//     night by the same night only. The rest of the range is cut into windows (cut.go): several workers each walk one window
//     at a time from page to page.
//  4. Each page is one transaction of the mirror: rows, versions, the ids the walk has now seen, and the next cursor
//     (walk.go). On a walk's last page the evidence for each of its days is judged within that transaction (evidence.go).
//  5. Days that a walk could not prove, or that a walk or the sweep disproved, are walked again with other page sizes, which
//     moves the page borders: 199, then 197. What is still unproven then are the gaps of the summary.
//  6. Payouts that the mirror knows of a day which is shown complete without them are asked for by their ids (gone.go): they
//     have vanished, or the API's list of the day leaves them out. Until a person has been told of it the day is marked, so that
//     after a kill the next run, of whatever days, reads it again and does what is left.
//
// A backfill and Verify sweep last: the one leaves late changes to the nightly runs, the other has to see what the mirror
// lacks before a sweep brings it.
//
// A worker asks for the next page when the one before has been committed. So a kill costs each worker one page at most;
// asking ahead would hide the time of the commit, at the price of a second one. Where the API gives cursors on short pages,
// that price is paid: only the page behind such a cursor shows whether the short one was the last (payapi, Client.Pages).
//
// # Which endDate
//
// The API documents endDate as inclusive, but not whether its whole day is meant or only its first instant. So a window
// asks for one day more than it has to prove. The API shows which it is: a payout of the last hour of a query's endDate means
// whole days. Then the walk that asked has proven that day too (cut.go), and later windows of the same run ask for exactly
// their days. So both readings are right, and no day is fetched twice for it.
package sync

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"time"

	"payrecon/internal/payout"
)

// API is what a sync needs of the payouts API: the pages of a list, from a cursor on ("" = from its start), ending with the
// first page whose End is not payout.PageMore, or with one error. A refused cursor is payout.KindInput.
type API interface {
	Pages(ctx context.Context, q payout.Query, cursor string) iter.Seq2[*payout.Page, error]
}

// Store is what a sync needs of a mirror.
type Store interface {
	PageStore
	WalkStore
	NightStore
	DayStore
	HeldStore
}

// PageStore commits pages.
type PageStore interface {
	// CommitPage writes a page in one transaction, and moves c.Walk on. A walk that somebody else has moved on is
	// payout.ErrWalkLost; nothing is written then.
	CommitPage(ctx context.Context, c *payout.PageCommit) (payout.PageResult, error)
	// BindMembers says that all members of an onBehalfOfId have been shown: CommitPage refuses others from now on.
	BindMembers(ctx context.Context, onBehalfOf string) error
	AddAlerts(ctx context.Context, run int64, texts []string) error
}

// WalkStore remembers walks that were begun and not ended.
type WalkStore interface {
	OpenWalks(ctx context.Context, task string) ([]payout.Walk, error)
	WalkSeen(ctx context.Context, walk int64) ([]payout.Seen, error)
	DropWalk(ctx context.Context, walk int64) error
}

// NightStore remembers nightly work that was begun and has not come to its end.
type NightStore interface {
	OpenNight(ctx context.Context) (began payout.Millis, lastWalk int64, err error)
	BeginNight(ctx context.Context, at payout.Millis) error
	EndNight(ctx context.Context) error
}

// DayStore tells what is proven of which day.
type DayStore interface {
	DayRecords(ctx context.Context, onBehalfOf string, p payout.Period) ([]payout.DayRecord, error)
	ContestedDays(ctx context.Context, onBehalfOf string) ([]payout.Day, error)
	UntoldDays(ctx context.Context, onBehalfOf string) ([]payout.Day, error)
	// TellOfDays keeps alerts and, with them, that days by onBehalfOfId are untold no more (payout.Contest).
	TellOfDays(ctx context.Context, run int64, alerts []string, told map[string][]payout.Day) error
	DayHeld(ctx context.Context, onBehalfOf string, day payout.Day) ([]payout.HeldPayout, error)
	SyncStart(ctx context.Context) (payout.Day, bool, error)
	SetSyncStart(ctx context.Context, day payout.Day) error
}

// HeldStore tells which payouts must be asked for whatever their age.
type HeldStore interface {
	HeldOpen(ctx context.Context) ([]payout.HeldPayout, error)
	LateFinals(ctx context.Context, since payout.Millis, walked payout.Period) ([]payout.HeldPayout, error)
	AlsoShownTo(ctx context.Context, held []payout.HeldPayout) (map[int64][]string, error)
	// MarkVanished keeps that payouts have vanished and, with it, the alerts that tell makes of those not known to before.
	MarkVanished(ctx context.Context, run int64, gone []payout.HeldPayout, tell func(fresh []payout.HeldPayout) []string) (alerts []string, err error)
	Vanished(ctx context.Context) ([]payout.HeldPayout, error)
}

// Options of a Syncer. The zero value is good.
type Options struct {
	OnBehalfOf   []string                            // the passes; none = the plain pass alone
	LookbackDays int                                 // days that every nightly run walks again; default 7
	Workers      int                                 // windows walked at once; default 4
	Settle       time.Duration                       // how long after its end a day is left to settle; default 15m
	StartDay     payout.Day                          // first day of the first sync; 0 = 45 days back
	Split        func(q payout.Query) []payout.Query // cuts long lists of ids; default: 50 at a time
	Clock        func() time.Time                    // default time.Now
	Logger       *slog.Logger                        // default: nothing is logged
	Progress     func(Progress)                      // called after each page, from one goroutine at a time
	Yield        func(ctx context.Context) error     // called by a backfill between pages, while nothing is being written
}

const (
	defaultLookback = 7
	defaultWorkers  = 4
	defaultSettle   = 15 * time.Minute
	defaultReach    = 45 // days before today that a first sync begins
	maxCursorAge    = 24 * time.Hour

	// maxNight is how long a nightly run that was cut is gone on with. It is well under a day: the next night must walk
	// the whole lookback, also when it starts a little earlier than the one before.
	maxNight = 12 * time.Hour
)

// Progress is how far a run is.
type Progress struct {
	Task     string // nightly, range, backfill, verify
	Phase    string // windows, again, sweep
	Days     int    // days to prove, over all passes
	DaysDone int
	Windows  int // walks ended
	Pages    int
	Rows     int
	Requests int
	Retries  int
	Elapsed  time.Duration
}

// Syncer syncs one API into one mirror. One call at a time.
type Syncer struct {
	api   API
	store Store
	o     Options
}

// New returns a Syncer.
func New(api API, store Store, o Options) *Syncer {
	o.LookbackDays = orDefault(o.LookbackDays, defaultLookback)
	o.Workers = orDefault(o.Workers, defaultWorkers)
	o.Settle = orDefault(o.Settle, defaultSettle)
	if len(o.OnBehalfOf) == 0 {
		o.OnBehalfOf = []string{""}
	}
	o.OnBehalfOf = slices.Compact(slices.Sorted(slices.Values(o.OnBehalfOf)))
	if o.Split == nil {
		o.Split = splitLists
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return &Syncer{api, store, o}
}

func orDefault[T int | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// The tasks. Each takes up its own open walks only, so a backfill that stands aside for a nightly run loses none.
const (
	taskNightly  = "nightly"
	taskRange    = "range"
	taskBackfill = "backfill"
	taskVerify   = "verify"
)

// Nightly catches up: see the story of a run. The first one sets the first day of nightly runs.
//
// The error is payout.KindInterrupted when ctx was cancelled: whole pages are written, and the same command goes on where
// this one stopped. Errors of the API keep their kind. The summary is there also beside an error, of what was done.
func (s *Syncer) Nightly(ctx context.Context, run int64) (*payout.SyncSummary, error) {
	r := s.newRun(taskNightly, run)
	if err := r.wantNight(context.WithoutCancel(ctx)); err != nil { // asks the mirror alone, and briefly
		return r.end(ctx, err)
	}
	return r.sync(ctx)
}

// wantNight sets the days of a nightly run, from each pass's first unproven day but at least the lookback, to today. A night
// that was cut goes on: the ended days that it has proven already are left out. If it walked them anew, a night that is cut
// again and again would never come to its end.
func (r *run) wantNight(ctx context.Context) error {
	lastWalk, resumed, err := r.night(ctx)
	if err != nil {
		return err
	}
	first, err := r.firstNight(ctx)
	if err != nil {
		return err
	}
	yesterday := r.today - 1
	for _, pass := range r.o.OnBehalfOf {
		from := yesterday - payout.Day(r.o.LookbackDays) + 1
		unproven, found, err := r.firstUnproven(ctx, pass, payout.Period{From: first, To: yesterday})
		if err != nil {
			return err
		}
		if found {
			from = min(from, unproven)
		}
		p := payout.Period{From: from, To: r.today}
		records, err := r.store.DayRecords(ctx, pass, p)
		if err != nil {
			return err
		}
		r.want(pass, p, func(d payout.Day) bool {
			known := records[d-from]
			return resumed && known.State == payout.DayComplete && known.Walk > lastWalk
		})
	}
	return nil
}

// night reports whether this run goes on with nightly work that did not come to its end, and the last walk begun before
// that. Otherwise the work begins now.
func (r *run) night(ctx context.Context) (lastWalk int64, resumed bool, err error) {
	began, lastWalk, err := r.store.OpenNight(ctx)
	if err != nil {
		return 0, false, err
	}
	if age := r.began.Sub(began.Time()); began != 0 && age >= 0 && age < maxNight {
		return lastWalk, true, nil
	}
	r.fresh = true
	return 0, false, r.store.BeginNight(ctx, payout.MillisOf(r.began))
}

func (s *Syncer) firstDay(today payout.Day) payout.Day {
	if s.o.StartDay != 0 {
		return s.o.StartDay
	}
	return today - defaultReach
}

// firstUnproven returns the first day of p that is not shown complete.
func (s *Syncer) firstUnproven(ctx context.Context, pass string, p payout.Period) (payout.Day, bool, error) {
	if p.Days() == 0 {
		return 0, false, nil
	}
	records, err := s.store.DayRecords(ctx, pass, p)
	for _, d := range records {
		if d.State != payout.DayComplete {
			return d.Day, true, err
		}
	}
	return 0, false, err
}

// Range walks all days from from to to, whatever is known of them; days after today are left out. It does not move the
// start of nightly runs. See Nightly for the error.
func (s *Syncer) Range(ctx context.Context, run int64, from, to payout.Day) (*payout.SyncSummary, error) {
	r, err := s.rangeRun(taskRange, run, from, to)
	if err != nil {
		return nil, err
	}
	return r.sync(ctx)
}

func (s *Syncer) rangeRun(task string, run int64, from, to payout.Day) (*run, error) {
	r := s.newRun(task, run)
	p, err := r.period(from, to)
	if err != nil {
		return nil, err
	}
	for _, pass := range s.o.OnBehalfOf {
		r.want(pass, p, nil)
	}
	return r, nil
}

// Backfill walks those days from from to to that are not shown complete, and today if it is among them. It goes on where an
// earlier backfill was interrupted, also with other options or on another day, and never moves the start of nightly runs.
// Between pages it calls Options.Yield. See Nightly for the error.
func (s *Syncer) Backfill(ctx context.Context, run int64, from, to payout.Day) (*payout.SyncSummary, error) {
	r := s.newRun(taskBackfill, run)
	p, err := r.period(from, to)
	if err != nil {
		return nil, err
	}
	r.yield = s.o.Yield
	for _, pass := range s.o.OnBehalfOf {
		records, err := s.store.DayRecords(context.WithoutCancel(ctx), pass, p)
		if err != nil {
			return r.end(ctx, err)
		}
		r.want(pass, p, func(d payout.Day) bool { return records[d-p.From].State == payout.DayComplete })
	}
	return r.sync(ctx)
}
