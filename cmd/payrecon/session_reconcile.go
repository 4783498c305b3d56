package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// onBehalfOf lists the passes in force: the configured ids, or the plain pass.
func (s *session) onBehalfOf() []string {
	if len(s.cfg.API.OnBehalfOf) == 0 {
		return []string{""}
	}
	return s.cfg.API.OnBehalfOf
}

// reconcile finds ledger and period and reconciles.
func (s *session) reconcile(ctx context.Context, f *reconcileFlags) (*payout.Reconciliation, error) {
	period, err := s.period(f.from, f.to)
	if err != nil {
		return nil, err
	}
	files, err := s.ledgerFiles(f.ledger)
	if err != nil {
		return nil, err
	}
	return s.reconcileFiles(ctx, f, files, period, behind{})
}

// evidenceBefore is how far before the period coverage is read: evidence for an entry reaches match_window days back.
const evidenceBefore = 400

// reconcileFiles matches, and records what came out, unless asked not to. What was to be recorded and could not be is not
// returned. left, by a sync of the same run that failed, takes the conclusion away.
func (s *session) reconcileFiles(ctx context.Context, f *reconcileFlags, files []string, period payout.Period, left behind) (*payout.Reconciliation, error) {
	now := s.clock() // one, however long it takes
	asOf, err := s.asOfFlag(f.asOf)
	if err != nil {
		return nil, err
	}
	options, err := s.cfg.reconcileOptions(period, asOf)
	if err != nil {
		return nil, err
	}
	options.Clock = func() time.Time { return now }
	asker, err := s.asker(f)
	if err != nil {
		return nil, err
	}
	dir, remove, err := tempFolder(s.cfg.Database, spillFolder, s.log)
	if err != nil {
		return nil, err
	}
	defer remove()
	in := reconcile.Input{
		Source: s.m, Run: s.run.ID, Brief: s.run.ID == 0, LedgerFiles: files, Ledger: s.cfg.ledgerOptions(), Options: options, SpillDir: dir, Logger: s.log,
		Behind: left.why, BehindOn: left.days,
	}
	if err := s.known(ctx, &in); err != nil {
		return nil, err
	}
	if asker != nil {
		in.Provider = asker
	}
	copied := ledgerCopy{dir: s.cfg.evidenceDir()}
	if s.run.ID != 0 {
		in.Tied = copied.begin
	}
	before := make([]int64, len(in.Items))
	for i := range in.Items {
		before[i] = in.Items[i].ID
	}
	r, err := s.match(ctx, &in, asker)
	defer copied.wait()
	if err != nil {
		return nil, err
	}
	if err := s.compareFiles(ctx, r); err != nil {
		return nil, err
	}
	if err := s.warnVanished(ctx, r); err != nil {
		return nil, err
	}
	if in.Behind != "" {
		r.Warnings = append(r.Warnings, in.Behind)
	}
	if s.run.ID == 0 { // --no-record
		return r, asker.refused()
	}
	in.Items = nil // done with; they may be many
	copied.begin(r.Ledger.Files)
	if err := s.record(ctx, r, &in, before, asker, copied.wait); err != nil {
		return nil, err // a result on no record could not be performed again, nor worked on
	}
	return r, asker.refused()
}

// known fills in what the mirror knows before the run.
func (s *session) known(ctx context.Context, in *reconcile.Input) (err error) {
	in.Coverage, err = s.m.Coverage(ctx, s.onBehalfOf(), payout.Period{From: in.Period.From - evidenceBefore, To: s.lastEndedDay() + 1})
	if err != nil {
		return err
	}
	if in.Items, in.NextItem, err = s.m.Items(ctx); err != nil {
		return err
	}
	if in.AsOfs, err = asOfsBefore(ctx, s.m, in.Run); err != nil {
		return err
	}
	in.MaxSeq, err = s.m.Sequence(ctx) // one view, whatever others write meanwhile
	return err
}

// asOfsBefore returns as of when each reconciliation recorded before a run judged; with run 0, which is not recorded, of all.
func asOfsBefore(ctx context.Context, m *mirror.Mirror, run int64) (map[int64]payout.Millis, error) {
	list, err := m.Reconciliations(ctx, 0)
	asOfs := make(map[int64]payout.Millis, len(list))
	for i := range list {
		if run == 0 || list[i].Run < run {
			asOfs[list[i].Run] = list[i].AsOf
		}
	}
	return asOfs, err
}

// match reconciles. When the provider shows what the mirror lacked, the run is done over with the answers that it has: on
// what has been committed since, so that it can be performed again from the mirror; and with no day taken for complete on
// which a payout was missing.
func (s *session) match(ctx context.Context, in *reconcile.Input, asker *providerAsker) (*payout.Reconciliation, error) {
	r, err := reconcile.Reconcile(ctx, *in)
	if err != nil || asker == nil || len(asker.shown) == 0 {
		return r, err
	}
	disproved := asker.disproved(in.Coverage)
	if len(disproved) == 0 && len(asker.owners) == 0 && !asker.commit {
		return r, nil
	}
	if !asker.commit {
		in.Source = &ownedSource{in.Source, asker.owners}
	}
	if in.MaxSeq, err = s.m.Sequence(ctx); err != nil {
		return nil, err
	}
	in.Coverage = disprove(in.Coverage, disproved)
	in.Provider = asker.again()
	in.Logger = nil // what it warned of is said
	first := r
	if r, err = reconcile.Reconcile(ctx, *in); err != nil {
		return nil, err
	}
	r.Lookup = first.Lookup
	for _, warning := range r.Warnings {
		if !slices.Contains(first.Warnings, warning) {
			s.log.Warn(warning)
		}
	}
	if len(disproved) == 0 {
		return r, nil
	}
	warning := fmt.Sprintf("the provider showed payouts that the mirror lacked on days it took for complete, %s: these days are not complete any more; run `payrecon sync` and reconcile again", daysInWords(disproved))
	s.log.Warn(warning)
	r.Warnings = append(r.Warnings, warning)
	return r, nil
}

// disprove takes days out of what is shown complete.
func disprove(c payout.Coverage, days []payout.Day) payout.Coverage {
	out := payout.Coverage{OnBehalfOf: c.OnBehalfOf, Days: slices.Clone(c.Days)}
	for i := range out.Days {
		if d := &out.Days[i]; d.State == payout.DayComplete && slices.Contains(days, d.Day) {
			d.State, d.Why = payout.DayPartial, "a payout that was not in the mirror was found by its reference"
		}
	}
	return out
}

// reconcileOptions turns the configuration's reconcile section into the options of matching.
func (c *config) reconcileOptions(period payout.Period, asOf time.Time) (reconcile.Options, error) {
	r := &c.Reconcile
	o := reconcile.Options{
		Period: period, AsOf: asOf, MatchWindowDays: int(r.MatchWindow), Tolerance: r.Tolerance, Materiality: r.Materiality, Trivial: r.Trivial,
		Holidays: r.Holidays, CaseInsensitive: r.CaseInsensitive, ConfirmMax: r.ConfirmMax, MinOverlap: int(r.MinOverlap),
	}
	for _, n := range []*int{&o.MatchWindowDays, &o.ConfirmMax, &o.MinOverlap} {
		if *n == 0 {
			*n = -1 // configured as none; 0 would mean the default
		}
	}
	for _, s := range []struct {
		key  string
		text span
		to   *reconcile.Span
	}{
		{"reconcile.grace.ledger", r.Grace.Ledger, &o.GraceLedger},
		{"reconcile.grace.provider", r.Grace.Provider, &o.GraceProvider},
		{"reconcile.stuck_after", r.StuckAfter, &o.StuckAfter},
	} {
		value, err := reconcile.ParseSpan(string(s.text))
		if err != nil {
			return o, c.inputError(s.key, "%v", err)
		}
		*s.to = value
	}
	return o, nil
}

// compareFiles notes what is odd about the ledger's files beside those of the last recorded run, and says all that is.
func (s *session) compareFiles(ctx context.Context, r *payout.Reconciliation) error {
	last, err := s.m.Summary(ctx, 0)
	switch {
	case err == nil:
		r.Ledger.Notes = append(r.Ledger.Notes, reconcile.CompareFiles(r.Ledger.Files, last.Ledger.Files)...)
	case payout.KindOf(err) != payout.KindNotFound:
		return err
	}
	for _, note := range r.Ledger.Notes {
		s.log.Warn(note)
	}
	return nil
}

// record stores the run, once a copy of the ledger files is kept, with all that it takes to perform it again.
func (s *session) record(ctx context.Context, r *payout.Reconciliation, in *reconcile.Input, before []int64, asker *providerAsker, kept func() error) error {
	text, err := json.Marshal(replay{
		Files: r.Ledger.Files, Config: s.run.Config, Period: in.Period, AsOf: payout.MillisOf(in.AsOf), Coverage: in.Coverage, NextItem: in.NextItem,
		Answered: asker.answeredRefs(), Offline: asker == nil, Now: payout.MillisOf(in.Clock()), Behind: in.Behind, BehindOn: in.BehindOn,
		Version: s.run.Version,
	})
	if err != nil {
		return err
	}
	return s.m.SaveReconciliation(ctx, r, before, text, kept)
}

// ledgerCopy copies the ledger files of a run into the evidence folder beside the run's own work: it begins as soon as their
// figures tie, and is there before the run is written.
type ledgerCopy struct {
	dir   string
	files []payout.LedgerFile
	kept  func() error // nil: not begun
}

// begin begins, unless it has: a run that is done over may find other files.
func (c *ledgerCopy) begin(files []payout.LedgerFile) {
	if c.kept != nil && slices.Equal(files, c.files) {
		return
	}
	before := c.kept
	c.files = files
	c.kept = sync.OnceValue(func() error {
		if before != nil {
			_ = before() // of files that nobody asks for any more
		}
		return keepLedger(c.dir, files)
	})
	go c.kept()
}

// wait ends when the copying has, and says how the last one did.
func (c *ledgerCopy) wait() error {
	if c.kept == nil {
		return nil
	}
	return c.kept()
}

// withoutRecord works on a read-only mirror: nothing is recorded, no lease is needed.
func (a *app) withoutRecord(ctx context.Context, work func(context.Context, *session) error) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	return a.read(ctx, func(m *mirror.Mirror) error { return work(ctx, &session{app: a, cfg: cfg, m: m}) })
}

// reconcileAgain performs a run again and says whether it came out the same.
func (a *app) reconcileAgain(ctx context.Context, run int64) error {
	return a.read(ctx, func(m *mirror.Mirror) error {
		r, err := a.performAgain(ctx, m, run, nil)
		if err != nil {
			return err
		}
		if a.asJSON {
			return a.printJSON(reconciliationJSON(r))
		}
		for _, note := range r.Ledger.Notes {
			a.log.Warn(note)
		}
		a.printReconciliation(r)
		a.say("Run %d performed again: the same totals and outcomes (hash %s).", r.Run, r.OutcomeHash)
		return nil
	})
}
