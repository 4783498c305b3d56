package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// ledgerOptions turns the configuration's ledger section into the intake's options.
func (c *config) ledgerOptions() reconcile.LedgerOptions {
	l := &c.Ledger
	o := reconcile.LedgerOptions{
		Columns: map[string]string{}, Statuses: map[string][]string{},
		Encoding: l.Encoding, Delimiter: string(l.Delimiter), Decimal: l.Decimal, Thousands: string(l.Thousands), Sign: l.Sign,
		DateFormat: l.DateFormat, Timezone: string(l.Timezone), Currency: string(l.Currency), Covers: l.Covers.period(), AllowEmpty: l.AllowEmpty,
	}
	for part, column := range map[string]string{
		"ref_id": l.Columns.RefID, "amount": l.Columns.Amount, "currency": l.Columns.Currency, "status": l.Columns.Status, "date": l.Columns.Date,
		"text": l.Columns.Text, "document": l.Columns.Document, "on_behalf_of": l.Columns.OnBehalfOf,
	} {
		if column != "" {
			o.Columns[part] = column
		}
	}
	for class, list := range map[string][]string{
		"paid": l.Statuses.Paid, "pending": l.Statuses.Pending, "failed": l.Statuses.Failed, "returned": l.Statuses.Returned,
	} {
		if len(list) > 0 {
			o.Statuses[class] = list
		}
	}
	for _, column := range sortedKeys(l.Filter) {
		rule := l.Filter[column]
		if len(rule.In) > 0 {
			o.Filters = append(o.Filters, reconcile.LedgerFilter{Column: column, Values: rule.In})
		}
		if len(rule.Not) > 0 {
			o.Filters = append(o.Filters, reconcile.LedgerFilter{Column: column, Values: rule.Not, Not: true})
		}
		if rule.Sign != "" {
			o.Filters = append(o.Filters, reconcile.LedgerFilter{Column: column, Sign: rule.Sign})
		}
	}
	if l.Control.Rows != nil {
		rows := int64(*l.Control.Rows)
		o.Control.Rows = &rows
	}
	if len(l.Control.Sums) > 0 {
		o.Control.Sums = map[string]string{}
		for currency, n := range l.Control.Sums {
			o.Control.Sums[currency] = units(n, currency)
		}
	}
	return o
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// ledgerFiles finds the ledger that --ledger or the configuration names.
func (s *session) ledgerFiles(flag string) ([]string, error) {
	switch {
	case flag != "":
		if err := needFile("ledger", flag); err != nil {
			return nil, err
		}
		return []string{flag}, needSaved(flag)
	case s.cfg.Ledger.Path == "":
		return nil, payout.Errorf(payout.KindInput, "no ledger: give --ledger FILE, or set ledger.path in payrecon.yaml")
	}
	return s.findLedger(s.cfg)
}

// findLedger finds the files that ledger.path stands for.
func (a *app) findLedger(cfg *config) ([]string, error) {
	files, err := reconcile.FindLedger(cfg.Ledger.Path, cfg.Ledger.Take, time.Duration(cfg.Ledger.MaxAge), a.clock())
	for _, path := range files {
		err = cmp.Or(err, needSaved(path))
	}
	return files, err
}

func (a *app) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Look at a ledger file as payrecon reads it",
		Args:  a.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check FILE",
		Short: "What would be read: dialect, columns, first rows, status words, rejected rows",
		Long: `Read a ledger file as reconcile would, and show how it was understood: encoding, delimiter, decimal mark,
which column plays which part, the first rows, the status words and their meaning, and every rejected row with
line, column, value and reason. Nothing is written.`,
		Example: "  payrecon ledger check exports/ledger.csv\n  payrecon ledger check exports/ledger.csv.gz --json",
		Args:    exactly(1, "one ledger file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.configuration()
			if err != nil {
				return err
			}
			if err := needFile("ledger", args[0]); err != nil {
				return err
			}
			check, err := reconcile.CheckLedger(cmd.Context(), args[0], cfg.ledgerOptions())
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(ledgerCheckForm(check))
			}
			return a.printLedgerCheck(check)
		},
	})
	return cmd
}

// plural says "1 row", "2 rows".
func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// printLedgerCheck prints how a ledger file was understood.
func (a *app) printLedgerCheck(c *reconcile.LedgerCheck) error {
	for i, part := range c.Tables() {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintln(a.stdout, part.Title)
		t := table{head: part.Header, rows: part.Rows}
		if err := t.writeText(a.stdout); err != nil {
			return err
		}
	}
	return nil
}
