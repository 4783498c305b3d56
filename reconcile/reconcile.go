// Package reconcile ties the company's ledger out against the payouts of the mirror.
//
// The story of one reconciliation, from Reconcile down:
//
//  1. The ledger is read (ledger*.go, dialect*.go, csv*.go) while the mirror's payouts stream in; both are brought together
//     by key (join.go, records.go, spill.go). The sums at both ends of the statement come apart from that: from the reader
//     of the ledger and from the mirror.
//  2. The records of one key are cut into episodes (episode.go) and put through the rules (offsets.go, rules.go, account.go), which pair what is
//     closest (closest.go) and judge it by status, age and reach (judge.go).
//  3. Two guards stop what cannot be meant: an export with both legs of each booking, a ledger of something else (guards.go).
//  4. An entry without a payout needs proof: the provider is asked for that very reference (evidence.go).
//  5. What was found is measured (measure.go), counted (tally.go), and said in a sentence (why.go, phrases.go, hints.go) that
//     knows the other payouts of the reference (beside.go, namesakes.go, again.go). The statement is built and must tie (statement.go).
//  6. Breaks and unverified findings continue the items of earlier nights (items.go, roll.go, booked.go, clear.go, unread.go), and the conclusion is drawn
//     (conclusion.go).
//
// Equal inputs give an equal result, whatever their order. Amounts are exact; an overflow is an error. The package writes
// nothing but spill files in the directory it is given.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

// Source is the mirror as reconciling needs it. Blocks and Sums read what stood at version maxSeq; 0 = the newest.
type Source interface {
	// Blocks visits all payouts in blocks, from several workers at once (fn is called by one goroutine per worker number). The
	// slice is reused, the strings are not.
	Blocks(ctx context.Context, maxSeq int64, fn func(worker int, rows []payout.Row) error) error
	// DetailsOf returns what people read of payouts that came from Blocks, in the order of the rows.
	DetailsOf(ctx context.Context, rows []payout.Row) ([]payout.Detail, error)
	// Sums returns counts and sums of the payouts created in the period, by currency and status, apart from Blocks.
	Sums(ctx context.Context, maxSeq int64, p payout.Period) ([]payout.Sum, error)
}

// Progress says how far a reconciliation has come.
type Progress struct {
	Phase string // read, match
	Done  int64  // of Of; when reading: records so far
	Of    int64  // 0 = not known
}

// Input is everything that one reconciliation needs.
type Input struct {
	Options
	Source   Source
	Provider Provider                // nil = offline
	Coverage payout.Coverage         // of the period and of match_window days around it
	MaxSeq   int64                   // read the mirror as of this version; 0 = the newest
	Items    []payout.Item           // the open ones, and those cleared lately
	NextItem int64                   // id of the next new item; below 1: 1
	Run      int64                   // 0 = not recorded
	Brief    bool                    // nobody reads the items: they need no payouts in full, no hints and no sentences
	AsOfs    map[int64]payout.Millis // of the recorded runs before this one

	LedgerFiles []string
	Ledger      LedgerOptions

	// Behind says why the mirror may be behind the provider (the sync before failed): then there is no conclusion. "" = it is not.
	Behind   string
	BehindOn []payout.Day               // the days that it was to show and did not: gaps, even if they were shown complete before
	SpillDir string                     // for spill files, 0600, gone with the process; "" = the system's temporary directory
	Matched  func(payout.Finding) error // visits all agreed findings by day and reference once all figures tie; nil = do not keep them
	Logger   *slog.Logger
	Progress func(Progress)            // may be called by several goroutines at once
	Tied     func([]payout.LedgerFile) // hears that all figures tie, and of which files; what comes then are words
}

func (in *Input) progress(p Progress) {
	if in.Progress != nil {
		in.Progress(p)
	}
}

// Reconcile matches and returns everything it found. Errors of the ledger are of payout.KindInput; so are the guards'. Figures
// that do not tie are payout.KindFailed, and nothing is returned.
func Reconcile(ctx context.Context, in Input) (*payout.Reconciliation, error) {
	return reconcile(ctx, in, nil, func(ctx context.Context, emit func(int, []payout.Entry) error) (payout.Intake, error) {
		return ReadLedger(ctx, in.LedgerFiles, in.Ledger, in.Period, emit)
	})
}

// ledgerReader reads the ledger: tests have their own.
type ledgerReader func(ctx context.Context, emit func(worker int, block []payout.Entry) error) (payout.Intake, error)

// run is one reconciliation on its way.
type run struct {
	in    *Input
	m     *matcher
	join  *join
	items *openItems
	now   payout.Millis
	sums  []payout.Sum // by the mirror, and what the provider showed beyond it
	out   payout.Reconciliation

	shownFrom payout.Day // from here on every ended day is complete in the mirror
	listed    []*finding // breaks and unverified, in order
}

// reconcile is Reconcile with its seams: a hash that collides, a ledger from elsewhere.
func reconcile(ctx context.Context, in Input, hash func(string) uint64, ledger ledgerReader) (*payout.Reconciliation, error) {
	in.Options = in.withDefaults()
	if in.Logger == nil {
		in.Logger = slog.New(slog.DiscardHandler)
	}
	zone, err := time.LoadLocation(in.Ledger.Timezone) // "" is UTC
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "ledger.timezone %q is not a time zone: %w", in.Ledger.Timezone, err)
	}
	r := &run{in: &in, now: payout.MillisOf(in.Clock()), items: newOpenItems(in.Items, in.CaseInsensitive)}
	r.m = &matcher{
		o: in.Options, asOf: payout.MillisOf(in.AsOf), calendar: newCalendar(in.Holidays), zone: zone,
		complete: completeDays(in.Coverage),
	}
	r.join = newJoin(r.m, &in, r.items)
	r.join.hash = hash
	r.items.hash(r.join)
	defer r.join.store.close()
	if in.Matched != nil {
		if r.join.matched, err = newMatchedLog(r.join); err != nil {
			return nil, err
		}
		defer r.join.matched.close()
	}
	if err := r.read(ctx, ledger); err != nil {
		return nil, err
	}
	return r.conclude(ctx)
}

// completeDays is Coverage.Complete as an array: it is asked for every entry.
func completeDays(c payout.Coverage) func(payout.Day) bool {
	if len(c.Days) == 0 {
		return func(payout.Day) bool { return false }
	}
	first, last := c.Days[0].Day, c.Days[0].Day
	for _, d := range c.Days {
		first, last = min(first, d.Day), max(last, d.Day)
	}
	days := make([]bool, last-first+1)
	complete := c.Complete()
	for i := range days {
		days[i] = complete(first + payout.Day(i))
	}
	return func(d payout.Day) bool { return first <= d && d <= last && days[d-first] }
}

// read brings both sides in, and the mirror's sums, all at the same time.
func (r *run) read(ctx context.Context, ledger ledgerReader) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.in.Source.Blocks(ctx, r.in.MaxSeq, r.join.payouts) })
	group.Go(func() (err error) {
		r.sums, err = r.in.Source.Sums(ctx, r.in.MaxSeq, r.in.Period)
		return err
	})
	group.Go(func() (err error) {
		r.out.Ledger, err = ledger(ctx, r.join.entries)
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := r.join.seal(&r.out.Ledger); err != nil {
		return err
	}
	r.m.reach = ledgerReach(&r.out.Ledger)
	r.m.unread = newUnreadRows(r.out.Ledger.Rejected, r.in.CaseInsensitive)
	return nil
}

// conclude matches what was read and draws everything from it.
func (r *run) conclude(ctx context.Context) (*payout.Reconciliation, error) {
	all, err := r.join.run(ctx)
	go r.join.store.close() // a large file takes a while to be given back
	if err != nil {
		return nil, err
	}
	if err := r.guard(all.guards); err != nil {
		return nil, err
	}
	if err := r.prove(ctx, all); err != nil {
		return nil, err
	}
	if err := r.unreferenced(all); err != nil {
		return nil, err
	}
	r.unreadable(all)
	sortFindings(all.findings)
	for _, f := range all.findings {
		if err := f.measure(); err != nil {
			return nil, err
		}
		all.tally.add(f)
		if f.inPeriod() {
			all.agreed.addFinding(f)
		}
		if r.join.matched != nil && f.outcome.Class() == payout.Agreed {
			if err := r.join.matched.add(f); err != nil {
				return nil, err
			}
		}
	}
	if err := r.figures(all); err != nil {
		return nil, err
	}
	if r.in.Tied != nil {
		r.in.Tied(slices.Clone(r.out.Ledger.Files))
	}
	if err := r.describe(ctx, all.findings); err != nil {
		return nil, err
	}
	if err := r.roll(all.findings); err != nil {
		return nil, err
	}
	r.verdict()
	if r.join.matched != nil {
		if err := r.join.matched.each(r.in.Matched); err != nil {
			return nil, err
		}
	}
	out := r.out // and nothing else of the run
	return &out, nil
}

// unreferenced settles the payouts without a usable reference: each is alone.
func (r *run) unreferenced(all *joined) error {
	for _, row := range r.join.blank {
		if err := all.settle(r.join, &group{pays: []*pay{r.join.payOf(row)}}); err != nil {
			return err
		}
	}
	return nil
}

// unreadable puts payouts whose reference stands on an unreadable row together with it, and makes findings of the other rows.
func (r *run) unreadable(all *joined) {
	if len(r.out.Ledger.Rejected) == 0 {
		return
	}
	sortFindings(all.findings)
	with, merged := map[payout.Key]*finding{}, map[*finding]map[*group]bool{} // of which groups
	attached := make([]bool, len(r.out.Ledger.Rejected))
	kept := all.findings[:0]
	for _, f := range all.findings {
		if f.outcome != payout.Unreadable {
			kept = append(kept, f)
			continue
		}
		key, _ := payout.KeyOf(f.pays[0].RefID, "", r.in.CaseInsensitive)
		first := with[key]
		if first == nil {
			for _, n := range r.m.unread.on(f.pays[0].RefID) {
				f.rejected = append(f.rejected, r.out.Ledger.Rejected[n])
				attached[n] = true
			}
			with[key] = f
			kept = append(kept, f)
			continue
		}
		if merged[first] == nil {
			merged[first] = map[*group]bool{first.g: true}
			first.g = &group{key: first.g.key, items: slices.Clone(first.g.items)}
		}
		first.pays = append(first.pays, f.pays...)
		if !merged[first][f.g] { // a reference may have as many findings and items as it likes
			merged[first][f.g] = true
			first.g.items = append(first.g.items, f.g.items...)
		}
	}
	for f := range merged {
		slices.SortFunc(f.pays, comparePays)
		slices.Sort(f.g.items)
		f.g.pays, f.g.items = f.pays, slices.Compact(f.g.items)
	}
	all.findings = kept
	for n, row := range r.out.Ledger.Rejected {
		if attached[n] {
			continue
		}
		key, _ := payout.KeyOf(row.Ref, "", r.in.CaseInsensitive) // "" where it is none
		all.findings = append(all.findings, &finding{g: &group{key: key}, outcome: payout.Unreadable, rejected: []payout.RejectedRow{row}})
	}
}

// figures fills in totals and statements, and asserts that everything is accounted for.
func (r *run) figures(all *joined) error {
	if all.tally.err != nil {
		return all.tally.err
	}
	provider, ledger, err := ends(r.sums, r.out.Ledger.InPeriod)
	if err != nil {
		return err
	}
	o := &r.out
	o.Run, o.Period, o.AsOf, o.Sequence = r.in.Run, r.in.Period, r.m.asOf, r.in.MaxSeq
	o.Totals = all.tally.totals()
	if o.Statements, err = statements(o.Totals, all.tally.gross, provider, ledger); err != nil {
		return err
	}
	for _, e := range provider {
		o.PayoutsInPeriod += e.count
	}
	if err := assert(o, provider, ledger, r.join.written[entrySide]); err != nil {
		return err
	}
	o.Accounted = true
	o.OutcomeHash = outcomeHash(o.Period, o.Totals, all.agreed)
	return nil
}

func (r *run) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.in.Logger.Warn(text)
	r.out.Warnings = append(r.out.Warnings, text)
}
