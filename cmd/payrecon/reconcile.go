package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
)

// reconcileFlags is what `reconcile` and `run` are asked for.
type reconcileFlags struct {
	ledger   string
	from, to string
	asOf     string
	offline  bool
	noRecord bool
	again    int64
	failOn   string
	wait     time.Duration
}

func (a *app) reconcileCommand() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Tie the ledger out against the mirror",
		Long: `Compare the ledger with the mirror. Every payout and every ledger row ends in exactly one outcome, and
a statement leads from the ledger's total to the provider's with nothing unexplained. Before it says
"ledger entry without payout" it asks the API for that very reference (unless --offline).`,
		Example: `  payrecon reconcile --ledger ledger.csv
  payrecon reconcile --ledger ledger.csv --from 2026-03-01 --to 2026-03-31 --json
  payrecon reconcile --ledger adhoc.csv --no-record
  payrecon reconcile --again 12`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			severity, err := failOn(f.failOn)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("again") {
				if f.again < 1 {
					return payout.Errorf(payout.KindInput, "--again %d: want the number of a run, as in `payrecon status`", f.again)
				}
				if f.ledger != "" || f.from != "" || f.to != "" || f.asOf != "" || f.noRecord || f.offline || f.failOn != "" {
					return payout.Errorf(payout.KindInput, "--again performs a run as it was: leave out --ledger, --from, --to, --as-of, --offline, --no-record and --fail-on")
				}
				return a.reconcileAgain(cmd.Context(), f.again)
			}
			if err := a.checkReconcile(&f); err != nil {
				return err
			}
			var r *payout.Reconciliation
			work := func(ctx context.Context, s *session) (err error) {
				r, err = s.reconcile(ctx, &f)
				return err
			}
			if f.noRecord {
				err = a.withoutRecord(cmd.Context(), work)
			} else {
				err = a.write(cmd.Context(), "reconcile", f.wait, work)
			}
			if r == nil {
				return err
			}
			if a.asJSON {
				if printed := a.printJSON(reconciliationJSON(r)); printed != nil {
					return printed
				}
			} else {
				a.printReconciliation(r)
			}
			return worst(err, incomplete(r.Gaps), breaksAtOrAbove(r, severity))
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.ledger, "ledger", "", "ledger CSV (default ledger.path)")
	fl.StringVar(&f.from, "from", "", "first day of the period (default reconcile.period)")
	fl.StringVar(&f.to, "to", "", "last day of the period")
	fl.StringVar(&f.asOf, "as-of", "", "count ages from this instant (RFC 3339), or from the end of this day (YYYY-MM-DD); default now")
	fl.BoolVar(&f.offline, "offline", false, "ask the API for nothing")
	fl.BoolVar(&f.noRecord, "no-record", false, "compute and print, change nothing: for ad hoc ledgers")
	fl.Int64Var(&f.again, "again", 0, "perform this run again from what was known then, and compare")
	fl.StringVar(&f.failOn, "fail-on", "", "exit 4 on breaks at or above this severity without a disposition: low, medium, high, critical")
	waitFlag(cmd, &f.wait)
	return cmd
}

// checkReconcile finds what is wrong with the flags before the lease is taken.
func (a *app) checkReconcile(f *reconcileFlags) error {
	if _, err := a.asOfFlag(f.asOf); err != nil {
		return err
	}
	if _, _, err := rangeFlags(f.from, f.to); err != nil {
		return err
	}
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	_, err = (&session{app: a, cfg: cfg}).ledgerFiles(f.ledger)
	return err
}

// failOn reads --fail-on; NoSeverity means never.
func failOn(name string) (payout.Severity, error) {
	var s payout.Severity
	if name == "" {
		return s, nil
	}
	if err := s.UnmarshalText([]byte(name)); err != nil {
		return s, payout.Errorf(payout.KindInput, "--fail-on: %w", err)
	}
	return s, nil
}

// breaksAtOrAbove is the end of a command that found open breaks of at least the severity, without a disposition.
func breaksAtOrAbove(r *payout.Reconciliation, severity payout.Severity) error {
	if severity == payout.NoSeverity {
		return nil
	}
	n := 0
	for i := range r.Items {
		it := &r.Items[i]
		if it.State != payout.ItemCleared && it.Outcome.Class() == payout.Break && it.Severity >= severity && it.Disposition == nil {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	words := fmt.Sprintf("%s at or above %s without a disposition", plural(int64(n), "open break"), severity)
	if r.Run > 0 { // else they are on no record that could be listed
		words += fmt.Sprintf("; `payrecon breaks list --severity %s` lists them, with unverified items and those under a disposition", severity)
	}
	return &outcomeError{exitBreaks, errors.New(words)}
}

// asOfFlag reads --as-of: an instant, or a day, which means its end.
func (a *app) asOfFlag(text string) (time.Time, error) {
	if text == "" {
		return a.clock(), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	day, err := payout.ParseDay(text)
	if err != nil {
		return time.Time{}, payout.Errorf(payout.KindInput, "--as-of: %q is neither a date nor an instant (want YYYY-MM-DD or 2026-03-31T02:30:00Z)", text)
	}
	return (day + 1).Start(), nil
}

// printReconciliation prints the result for a person. Its warnings are in the log already.
func (a *app) printReconciliation(r *payout.Reconciliation) {
	w := a.stdout
	period := "Period"
	if r.Run > 0 {
		period = fmt.Sprintf("Run %d, period", r.Run)
	}
	fmt.Fprintf(w, "%s %s, as of %s\n", period, r.Period, r.AsOf)
	fmt.Fprintf(w, "Payouts %d, ledger rows %d (entries %d, rejected %d, filtered %d, out of period %d)\n\n",
		r.PayoutsInPeriod, r.Ledger.Rows, r.Ledger.Entries, len(r.Ledger.Rejected), r.Ledger.FilteredN, r.Ledger.OutOf)
	t := table{head: []string{"OUTCOME", "CURRENCY", "PAYOUTS", "AMOUNT", "ENTRIES", "AMOUNT"}}
	for _, o := range outcomesOf(r) {
		t.add(o.Outcome.Info().Words, o.Currency, fmt.Sprint(o.Payouts), o.payoutText(), fmt.Sprint(o.Entries), o.entryText())
	}
	_ = t.writeText(w)
	fmt.Fprintln(w)
	t = table{head: []string{"STATEMENT", "LEDGER CASH", "PROVIDER CASH", "NET", "GROSS", "UNEXPLAINED"}}
	for _, s := range r.Statements {
		t.add(s.Currency, units(s.LedgerCash, s.Currency), units(s.ProviderCash, s.Currency), units(s.Net, s.Currency), units(s.Gross, s.Currency), units(s.Unexplained, s.Currency))
	}
	_ = t.writeText(w)
	b := r.Breaks
	fmt.Fprintf(w, "\nItems open: %d (new %d, open %d, carried %d, reopened %d); cleared %d, reclassified %d\n",
		b.Total, b.New, b.Open, b.Carried, b.Reopened, b.Cleared, b.Reclassified)
	fmt.Fprintf(w, "%s: %s\n(%s)\n", r.Conclusion.Title(), r.ConclusionWhy, payout.Caveat)
}
