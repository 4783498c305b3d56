package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/report"
)

func (a *app) breaksCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "breaks",
		Short: "List, show and decide on breaks and unverified items",
		Args:  a.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.breaksListCommand(), a.breaksShowCommand(), a.breaksSetCommand(), a.breaksImportCommand())
	return cmd
}

// breakFilter is what `breaks list` was asked to leave out.
type breakFilter struct {
	run       int64
	all       bool
	format    string
	outcomes  []string
	severity  string
	states    []string
	reference string
	olderThan int
}

func (a *app) breaksListCommand() *cobra.Command {
	var f breakFilter
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List open breaks and unverified items, most urgent first",
		Long: `List open breaks and unverified items in the order of the Breaks sheet: most severe first, then by currency,
the largest exposure of each first.`,
		Example: `  payrecon breaks list
  payrecon breaks list --severity high --format csv > breaks.csv
  payrecon breaks list --outcome missing_in_ledger,duplicate_payout --older-than 3
  payrecon breaks list --run 12 --all`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.listFormat(cmd, &f.format); err != nil {
				return err
			}
			keep, err := f.predicate()
			if err != nil {
				return err
			}
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				items, err := f.items(cmd.Context(), m)
				if err != nil {
					return err
				}
				items = slices.DeleteFunc(items, func(i payout.Item) bool { return !keep(&i) })
				slices.SortFunc(items, report.MostUrgentFirst)
				return a.printBreaks(f.format, items)
			})
		},
	}
	fl := cmd.Flags()
	fl.Int64Var(&f.run, "run", 0, "items as they stood after this run (default: as they stand now)")
	fl.BoolVar(&f.all, "all", false, "cleared ones too, however long ago")
	fl.StringVar(&f.format, "format", "table", "table, csv or json")
	fl.StringSliceVar(&f.outcomes, "outcome", nil, "only these outcomes, such as amount_mismatch")
	fl.StringVar(&f.severity, "severity", "", "only this severity and worse: low, medium, high, critical")
	fl.StringSliceVar(&f.states, "state", nil, "only these states: new, open, carried, reopened, cleared")
	fl.StringVar(&f.reference, "ref", "", "only references that contain this text")
	fl.IntVar(&f.olderThan, "older-than", 0, "only items of at least this age in days")
	return cmd
}

// items returns the items of the run that was asked for, or as they stand now. Those that were cleared long ago are read
// only where cleared ones are wanted.
func (f *breakFilter) items(ctx context.Context, m *mirror.Mirror) ([]payout.Item, error) {
	switch {
	case f.run != 0:
	case f.cleared():
		return m.AllItems(ctx)
	default:
		items, _, err := m.Items(ctx)
		return items, err
	}
	r, _, err := m.Reconciliation(ctx, f.run)
	if err != nil {
		return nil, err
	}
	return r.Items, nil
}

// cleared reports whether cleared items are wanted.
func (f *breakFilter) cleared() bool {
	return f.all || slices.Contains(f.states, payout.ItemCleared.String())
}

// predicate checks the filter's words and returns what it keeps.
func (f *breakFilter) predicate() (func(*payout.Item) bool, error) {
	var outcomes []payout.Outcome
	for _, name := range f.outcomes {
		var o payout.Outcome
		if err := o.UnmarshalText([]byte(name)); err != nil {
			return nil, payout.Errorf(payout.KindInput, "--outcome: %w; `payrecon help outcomes` lists them", err)
		}
		if !o.Listed() {
			return nil, payout.Errorf(payout.KindInput, "--outcome %s: no item has it, only breaks and unverified items are listed; `payrecon help outcomes` tells which those are", o)
		}
		outcomes = append(outcomes, o)
	}
	var states []payout.ItemState
	for _, name := range f.states {
		var s payout.ItemState
		if err := s.UnmarshalText([]byte(name)); err != nil {
			return nil, payout.Errorf(payout.KindInput, "--state: %w (new, open, carried, reopened, cleared)", err)
		}
		states = append(states, s)
	}
	var severity payout.Severity
	if f.severity != "" {
		if err := severity.UnmarshalText([]byte(f.severity)); err != nil || severity == payout.NoSeverity {
			return nil, payout.Errorf(payout.KindInput, "--severity %q: want low, medium, high or critical", f.severity)
		}
	}
	if f.olderThan < 0 {
		return nil, payout.Errorf(payout.KindInput, "--older-than %d: want a number of days, 0 or more", f.olderThan)
	}
	showCleared := f.cleared()
	return func(i *payout.Item) bool {
		return (showCleared || i.State != payout.ItemCleared) &&
			(len(outcomes) == 0 || slices.Contains(outcomes, i.Outcome)) &&
			(len(states) == 0 || slices.Contains(states, i.State)) &&
			i.Severity >= severity && i.AgeDays >= f.olderThan && strings.Contains(i.RefID, f.reference)
	}, nil
}

func (a *app) printBreaks(format string, items []payout.Item) error {
	switch format {
	case "csv":
		return report.BreaksCSV(a.stdout, items)
	case "json":
		return a.printJSON(breaksJSON(items))
	}
	if len(items) == 0 {
		a.say("No items.")
		return nil
	}
	t := table{head: []string{"ID", "SEVERITY", "STATE", "WHAT", "REFERENCE", "EXPOSURE", "AGE", "DISPOSITION", "WHY"}}
	for i := range items {
		it := &items[i]
		t.add(strconv.FormatInt(it.ID, 10), it.Severity.String(), it.State.String(), it.Words(), it.RefID,
			exposureWords(&it.Finding), strconv.Itoa(it.AgeDays)+"d", dispositionWords(it.Disposition), it.Why)
	}
	return t.writeText(a.stdout)
}

func dispositionWords(d *payout.Disposition) string {
	if d == nil {
		return "-"
	}
	if d.Until != payout.NoDay {
		return d.Kind + " until " + d.Until.String()
	}
	return d.Kind
}

func (a *app) breaksShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "One item: both sides, why, what to do, and its life so far",
		Example: "  payrecon breaks show 17",
		Args:    exactly(1, "the item's number, as in `payrecon breaks list`"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := itemID(args[0])
			if err != nil {
				return err
			}
			return a.read(cmd.Context(), func(m *mirror.Mirror) error {
				item, events, err := m.Item(cmd.Context(), id)
				if err != nil {
					return err
				}
				if a.asJSON {
					for i := range item.Payouts {
						p := &item.Payouts[i]
						p.Account, p.DebtorAccount = payout.MaskAccount(p.Account), payout.MaskAccount(p.DebtorAccount)
					}
					return a.printJSON(struct {
						payout.Item
						Exposure *money.Amount      `json:"exposure"` // null where no amount could be read
						Events   []payout.ItemEvent `json:"events"`
					}{item, item.ExposureRead(), events})
				}
				a.showItem(&item, events)
				return nil
			})
		},
	}
}

func itemID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, payout.Errorf(payout.KindInput, "%q is not an item's number; `payrecon breaks list` shows them", text)
	}
	return id, nil
}

func (a *app) showItem(it *payout.Item, events []payout.ItemEvent) {
	p := func(name, value string) {
		if value != "" {
			fmt.Fprintf(a.stdout, "%-13s %s\n", name, printable(value))
		}
	}
	p("Item", fmt.Sprintf("%d, %s, %s", it.ID, it.State, it.Severity))
	p("What", it.Words())
	p("Reference", it.RefID)
	p("Why", it.Why)
	if !strings.Contains(it.Why, it.Hint) {
		p("Hint", it.Hint)
	}
	p("Next step", it.Next)
	p("Exposure", exposureWords(&it.Finding))
	if it.Difference != nil {
		p("Difference", it.Difference.String()+" (payout cash less ledger cash)")
	}
	for _, r := range it.Payouts {
		p("Payout", fmt.Sprintf("%s  %s  %s  created %s  %s %s", r.ID, r.Amount, r.Status, r.Created, r.Payee, payout.MaskAccount(r.Account)))
		p("  bank says", strings.TrimSpace(r.BankStatus+" "+r.Reason))
		p("  bank's id", r.BankTransactionID)
	}
	for _, e := range it.Entries {
		p("Ledger", fmt.Sprintf("line %d  %s  %s %s  %s %s", e.Line, e.Amount, e.Status, e.Day, e.Text, e.Document))
	}
	for _, r := range it.Rejected {
		p("Ledger", fmt.Sprintf("line %d, column %s: %s (%q)", r.Line, r.Column, r.Reason, r.Value))
	}
	p("Disposition", dispositionWords(it.Disposition))
	if it.Disposition != nil {
		p("  reason", it.Disposition.Reason+", by "+it.Disposition.By)
	}
	p("Due", it.Due.String())
	p("Owner", it.Owner)
	p("Note", it.Note)
	for _, e := range events {
		change := strings.Trim(e.From+" -> "+e.To, " ->")
		p(e.At.Time().Format("2006-01-02"), strings.Join(slices.DeleteFunc([]string{"run " + strconv.FormatInt(e.Run, 10), e.Kind, change, e.By, e.Text}, func(s string) bool { return s == "" || s == "run 0" }), "  "))
	}
}

func (a *app) breaksSetCommand() *cobra.Command {
	var kind, until, reason, by, owner, note, due string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "set ID",
		Short: "Record a decision: disposition, owner, due date, note",
		Long: `Record what a person decided about an open item. A disposition keeps the item in the closing
balance, but takes it out of --fail-on and of the conclusion. It falls when a figure, a status or a
member of the item changes, or when its date passes.`,
		Example: `  payrecon breaks set 17 --disposition accepted --until 2026-04-30 --reason "bank fee" --by "A. Reviewer"
  payrecon breaks set 17 --disposition with_provider --reason "case 4711" --by "A. Reviewer"
  payrecon breaks set 17 --owner treasury --due 2026-04-10 --by "A. Reviewer"`,
		Args: exactly(1, "the item's number"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := itemID(args[0])
			if err != nil {
				return err
			}
			d := itemDecision{kind: kind, reason: reason, by: by}
			if d.until, _, err = dayFlag("until", until); err != nil {
				return err
			}
			if d.due, _, err = dayFlag("due", due); err != nil {
				return err
			}
			fl := cmd.Flags()
			if fl.Changed("owner") {
				d.owner = &owner
			}
			if fl.Changed("note") {
				d.note = &note
			}
			d.setDue = fl.Changed("due")
			if field, words := d.problem(payout.DayOf(a.clock().UTC())); words != "" {
				return payout.Errorf(payout.KindInput, "--%s: %s", field, words)
			}
			return a.decide(cmd.Context(), "breaks set", wait, func(ctx context.Context, s *session) error {
				item, _, err := s.m.Item(ctx, id)
				if err != nil {
					return err
				}
				if err := s.m.Decide(ctx, d.about(item, payout.MillisOf(s.clock()))); err != nil {
					return err
				}
				a.say("Item %d, %s of %s: %s.", id, item.Words(), exposureWords(&item.Finding), d.words())
				return nil
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&kind, "disposition", "", "accepted, correction, with_provider, written_off; none takes it away")
	fl.StringVar(&until, "until", "", "accepted until, or correction expected by, this day (YYYY-MM-DD)")
	fl.StringVar(&reason, "reason", "", "why; for with_provider the case, for written_off the journal")
	fl.StringVar(&by, "by", "", "who decides")
	fl.StringVar(&owner, "owner", "", "who looks after it")
	fl.StringVar(&due, "due", "", "when it should be done (YYYY-MM-DD)")
	fl.StringVar(&note, "note", "", "a note")
	waitFlag(cmd, &wait)
	return cmd
}

// exposureWords is what a finding puts at stake, for people.
func exposureWords(f *payout.Finding) string {
	if a := f.ExposureRead(); a != nil {
		return a.String()
	}
	return "not readable"
}
