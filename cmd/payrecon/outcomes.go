package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
)

// outcomesTopic is `payrecon help outcomes`: the table of outcomes, from the table that matching uses.
func (a *app) outcomesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every payout and every ledger row ends in exactly one outcome.\n")
	classes := []struct {
		class payout.OutcomeClass
		words string
	}{
		{payout.Agreed, "Agreed"},
		{payout.Reconciling, "Reconciling items: explained, nobody has to act"},
		{payout.Unverified, "Unverified: we do not know, and say so"},
		{payout.Break, "Breaks: somebody has to act"},
	}
	for _, c := range classes {
		fmt.Fprintf(&b, "\n%s\n", c.words)
		for _, o := range payout.Outcomes {
			if o.Class == c.class {
				fmt.Fprintf(&b, "  %-24s %s\n%27s%s\n", o.Code, o.Words, "", o.Meaning)
			}
		}
	}
	b.WriteString("\nDifferences of status, by cell\n")
	for _, c := range payout.Cells {
		fmt.Fprintf(&b, "  %-24s %s (%s)\n", c.Code, c.Words, c.Severity)
	}
	b.WriteString("\nConclusions, the first that applies\n" +
		"  no_conclusion            a day is incomplete, or something material could not be verified\n" +
		"  not_reconciled           there are open breaks\n" +
		"  explained                every open break is under a disposition, or together they are below materiality\n" +
		"  reconciled               both sources complete, no open break\n\n" +
		"Every conclusion means: " + payout.Caveat + ".\n")
	return &cobra.Command{
		Use:   "outcomes",
		Short: "What each outcome, severity and conclusion means",
		Long:  b.String(),
	}
}
