package main

import (
	"fmt"
	"slices"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// outcomesIn reads the outcomes of a reconciliation as `reconcile --json` prints it.
func outcomesIn(t *testing.T, text string) (list []string, doc reconcileJSON) {
	t.Helper()
	unmarshal(t, text, &doc)
	for _, o := range doc.Outcomes {
		list = append(list, fmt.Sprintf("%s %d %d", o.Outcome, o.Payouts, o.Entries))
	}
	slices.Sort(list)
	return list, doc
}

// TestPassesChanged: the mirror was filled under other onBehalfOfIds than the provider is asked under now. Whoever a payout is
// for, it is one payout, recorded or not, and the run can be performed again.
func TestPassesChanged(t *testing.T) {
	const plain, sub = "api: {rate_limit: none}\n", "api: {rate_limit: none, on_behalf_of: [O1]}\n"
	for _, c := range []struct {
		name, synced, asked string
		entry               string // on whose behalf
		want                []string
	}{
		{"an id was taken out", sub, plain, "", []string{"missing_at_provider 0 1", "missing_in_ledger 1 0"}},
		{"an id was added", plain, sub, "O1", []string{"matched 1 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Payouts: -1, OnBehalfOf: []string{"O1"}})
			s.pay("SUB-1", "100.00", payout.Completed, 3)
			s.write("payrecon.yaml", c.synced)
			s.do(exitDone, "sync")
			s.write("payrecon.yaml", c.asked)
			s.write("ledger.csv", "ref_id,amount,currency,status,date,on_behalf_of\nSUB-1,100.00,EUR,paid,"+payout.DayOf(s.now.AddDate(0, 0, -3)).String()+","+c.entry+"\n")
			for _, record := range []string{"--no-record", ""} {
				args := slices.DeleteFunc([]string{"reconcile", "--ledger", s.path("ledger.csv"), "--json", record}, func(arg string) bool { return arg == "" })
				_, out, words := s.try(args...)
				got, doc := outcomesIn(t, out)
				if !slices.Equal(got, c.want) || doc.Payouts.InPeriod != 1 {
					t.Errorf("%s: outcomes %q of %d payouts, want %q of 1\n%s", record, got, doc.Payouts.InPeriod, c.want, words)
				}
			}
			s.again(s.reconciliation().Run)
			s.do(exitDone, "report", "--out", s.path("book.xlsx"))
		})
	}
}
