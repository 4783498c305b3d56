package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
	"payrecon/sync/payapi"
)

func (a *app) runCommand() *cobra.Command {
	var f reconcileFlags
	var out string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "The nightly job: sync, reconcile, report",
		Long: `Sync, reconcile and write the workbook, recorded as one run.

When the API cannot be reached, or --deadline cuts the sync off, the run goes on with what the mirror holds,
says "no conclusion" and ends with 3 (5 when the authorization was refused). When the ledger is missing or bad
the sync is kept, a workbook from the mirror alone is written, and the run ends with 2.`,
		Example: `  payrecon run
  payrecon run --ledger exports/ledger.csv --from 2026-03-01 --to 2026-03-31 --out march.xlsx
  payrecon run --fail-on high --wait 30m`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			severity, err := failOn(f.failOn)
			if err != nil {
				return err
			}
			n := &nightly{flags: &f, out: out}
			told := false
			err = a.write(cmd.Context(), "run", f.wait, func(ctx context.Context, s *session) error {
				err := outOfTime(cmd.Context(), ctx, s.nightly(ctx, cmd.Context(), n))
				if n.rec != nil {
					err = worst(err, breaksAtOrAbove(n.rec, severity))
				}
				a.tellNightly(context.WithoutCancel(ctx), s.m, n, err)
				told = true
				return err
			})
			if !told {
				a.tellNightly(context.WithoutCancel(cmd.Context()), nil, n, err)
			}
			return a.reportNightly(n, err)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.ledger, "ledger", "", "ledger CSV (default ledger.path)")
	fl.StringVar(&f.from, "from", "", "first day of the period (default reconcile.period)")
	fl.StringVar(&f.to, "to", "", "last day of the period")
	fl.StringVar(&out, "out", "", "workbook (default: a name that explains itself, in report.dir)")
	fl.StringVar(&f.failOn, "fail-on", "", "exit 4 on breaks at or above this severity without a disposition: low, medium, high, critical")
	waitFlag(cmd, &f.wait)
	a.deadlineFlag(cmd, deadlineOfRun)
	return cmd
}

// nightly is one run of the whole job: what it was asked, and how far it got.
type nightly struct {
	flags *reconcileFlags
	out   string

	run    int64
	period payout.Period
	sync   *payout.SyncSummary
	rec    *payout.Reconciliation
	paths  []string
}

// nightly does the three steps. What one of them could not do, the next ones work without, as far as that is honest; the
// error is the one that matters most. ctx ends with the deadline, whole does not: what is left to do after a sync that the
// deadline cut off asks the API for nothing, and takes as long as the mirror needs.
func (s *session) nightly(ctx, whole context.Context, n *nightly) (err error) {
	n.run = s.run.ID
	if n.period, err = s.period(n.flags.from, n.flags.to); err != nil {
		return err
	}
	files, ledgerErr := s.ledgerFiles(n.flags.ledger)
	summary, syncErr := s.sync(ctx, func(ctx context.Context, sy *payoutsync.Syncer) (*payout.SyncSummary, error) {
		return s.catchUp(ctx, sy, n)
	})
	n.sync, syncErr = summary, outOfTime(whole, ctx, syncErr)
	late := errors.Is(context.Cause(ctx), context.DeadlineExceeded) && whole.Err() == nil
	switch {
	case late && (errors.Is(syncErr, context.DeadlineExceeded) || fromAPI(syncErr)):
		ctx = whole
	case syncErr != nil && (ctx.Err() != nil || !fromAPI(syncErr)):
		return syncErr
	}
	if syncErr != nil {
		s.log.Error("sync failed: going on with what the mirror holds", "error", syncErr.Error())
		n.flags.offline = true
	}
	recErr := ledgerErr
	if recErr == nil {
		n.rec, recErr = s.reconcileFiles(ctx, n.flags, files, n.period, behindAfter(summary, syncErr))
	}
	if recErr != nil && payout.KindOf(recErr) != payout.KindInput && n.rec == nil {
		return worst(recErr, syncFailure(syncErr))
	}
	bookErr := s.publish(ctx, n)
	var gaps []payout.Day
	if n.rec != nil {
		gaps = n.rec.Gaps
	}
	if n.sync != nil {
		gaps = mergeDays(gaps, n.sync.Gaps)
	}
	return worst(bookErr, recErr, syncFailure(syncErr), incomplete(gaps))
}

// behind says why the mirror may be behind the provider, and on which days; the zero value: nothing is known of that.
type behind struct {
	why  string
	days []payout.Day
}

// behindAfter is what a sync that failed leaves behind. Of an API that is away, the cause alone is said, not what was under way.
func behindAfter(summary *payout.SyncSummary, err error) (b behind) {
	if err == nil {
		return b
	}
	b.why = "the sync failed: " + err.Error()
	var word *payapi.LastWord
	switch tried := errors.As(err, &word); {
	case tried && errors.Is(err, context.DeadlineExceeded):
		b.why = "the sync was out of time: " + word.Error()
	case tried && payout.KindOf(err) == payout.KindTransport:
		b.why = "the sync failed: " + word.Error()
	}
	if summary != nil {
		b.days = summary.Gaps
	}
	return b
}

// catchUp is the nightly sync, and then the period itself where that reaches further back and is not complete yet.
func (s *session) catchUp(ctx context.Context, sy *payoutsync.Syncer, n *nightly) (*payout.SyncSummary, error) {
	summary, err := sy.Nightly(ctx, s.run.ID)
	if err != nil || n.flags.from == "" {
		return summary, err
	}
	coverage, err := s.m.Coverage(ctx, s.onBehalfOf(), n.period)
	if err != nil || len(coverage.Gaps(n.period, s.lastEndedDay())) == 0 {
		return summary, err
	}
	ranged, err := sy.Range(ctx, s.run.ID, n.period.From, n.period.To)
	if ranged == nil {
		return summary, err
	}
	return joinSummaries(summary, ranged), err
}

// joinSummaries adds the figures of a second sync of the same run to the first.
func joinSummaries(a, b *payout.SyncSummary) *payout.SyncSummary {
	sum := *a
	sum.Windows += b.Windows
	sum.Pages += b.Pages
	sum.Requests += b.Requests
	sum.Retries += b.Retries
	sum.Rows += b.Rows
	sum.New += b.New
	sum.Changed += b.Changed
	sum.Unchanged += b.Unchanged
	sum.Swept += b.Swept
	sum.Complete = a.Complete && b.Complete
	sum.Gaps = mergeDays(a.Gaps, b.Gaps)
	sum.Alerts = append(append([]string{}, a.Alerts...), b.Alerts...)
	return &sum
}

// fromAPI reports whether an error is the API's doing, so that the night goes on without it.
func fromAPI(err error) bool {
	var e *payapi.Error
	kind := payout.KindOf(err)
	return errors.As(err, &e) || kind == payout.KindTransport || kind == payout.KindAuth
}

// syncFailure turns a failed sync into the end it means for the whole run.
func syncFailure(err error) error {
	if err == nil || payout.KindOf(err) == payout.KindAuth {
		return err
	}
	return &outcomeError{exitIncomplete, fmt.Errorf("the sync failed, so there is no conclusion: %w", err)}
}

// reportNightly prints what the run did.
func (a *app) reportNightly(n *nightly, err error) error {
	if n.run == 0 {
		return err
	}
	if a.asJSON {
		doc := struct {
			Run       int64               `json:"run"`
			Sync      *payout.SyncSummary `json:"sync"`
			Reconcile *reconcileJSON      `json:"reconcile"`
			Report    reportJSON          `json:"report"`
			Exit      int                 `json:"exit"`
		}{Run: n.run, Sync: n.sync, Report: newReportJSON(n.paths), Exit: exitCode(err)}
		if n.rec != nil {
			r := reconciliationJSON(n.rec)
			doc.Reconcile = &r
		}
		return errors.Join(a.printJSON(doc), err)
	}
	if n.sync != nil {
		fmt.Fprintln(a.stdout, syncInWords(n.sync))
	}
	if n.rec != nil {
		a.printReconciliation(n.rec)
	}
	for _, path := range n.paths {
		fmt.Fprintln(a.stdout, path)
	}
	return err
}
