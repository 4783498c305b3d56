package main

import (
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// The JSON forms of results. Amounts are decimal strings with the currency's digits.

func units(n int64, currency string) string { return money.FormatUnits(n, currency) }

// outcomeSum is one outcome's in-period records of one currency.
type outcomeSum struct {
	Outcome      payout.Outcome `json:"outcome"`
	Currency     string         `json:"currency"`
	Payouts      int64          `json:"payouts"`
	PayoutAmount string         `json:"payout_amount"`
	Entries      int64          `json:"entries"`
	EntryAmount  string         `json:"entry_amount"`

	payoutUnits, entryUnits int64
}

func (o *outcomeSum) payoutText() string { return units(o.payoutUnits, o.Currency) }
func (o *outcomeSum) entryText() string  { return units(o.entryUnits, o.Currency) }

// outcomesOf sums the totals over days, in the order of outcomes and currencies.
func outcomesOf(r *payout.Reconciliation) []outcomeSum {
	type key struct {
		outcome  payout.Outcome
		currency string
	}
	sums := map[key]*outcomeSum{}
	currencies := map[string]bool{}
	for _, t := range r.Totals {
		k := key{t.Outcome, t.Currency}
		s := sums[k]
		if s == nil {
			s = &outcomeSum{Outcome: t.Outcome, Currency: t.Currency}
			sums[k], currencies[t.Currency] = s, true
		}
		s.Payouts += t.Payouts
		s.Entries += t.Entries
		s.payoutUnits += t.PayoutAmount // within range: the invariant has added them up already
		s.entryUnits += t.EntryAmount
	}
	out := []outcomeSum{}
	for _, info := range payout.Outcomes {
		for _, currency := range sortedKeys(currencies) {
			if s := sums[key{info.Outcome, currency}]; s != nil {
				s.PayoutAmount, s.EntryAmount = s.payoutText(), s.entryText()
				out = append(out, *s)
			}
		}
	}
	return out
}

type ledgerJSON struct {
	Path        string     `json:"path"`
	SHA256      string     `json:"sha256"`
	Rows        int64      `json:"rows"`
	Entries     int64      `json:"entries"`
	Rejected    int        `json:"rejected"`
	Filtered    int64      `json:"filtered"`
	OutOfPeriod int64      `json:"out_of_period"`
	FirstDate   payout.Day `json:"first_date"`
	LastDate    payout.Day `json:"last_date"`
}

type statementJSON struct {
	Currency     string `json:"currency"`
	LedgerCash   string `json:"ledger_cash"`
	ProviderCash string `json:"provider_cash"`
	Net          string `json:"net"`
	Gross        string `json:"gross"`
	Unexplained  string `json:"unexplained"`
}

type payoutsJSON struct {
	InPeriod int64 `json:"in_period"`
}

// reconcileJSON is the answer of reconcile --json.
type reconcileJSON struct {
	Run        int64              `json:"run"`
	Period     payout.Period      `json:"period"`
	AsOf       payout.Millis      `json:"as_of"`
	Conclusion payout.Conclusion  `json:"conclusion"`
	Complete   bool               `json:"complete"`
	Gaps       []payout.Day       `json:"gaps"`
	Ledger     ledgerJSON         `json:"ledger"`
	Payouts    payoutsJSON        `json:"payouts"`
	Outcomes   []outcomeSum       `json:"outcomes"`
	Statement  []statementJSON    `json:"statement"`
	Breaks     payout.BreakCounts `json:"breaks"`
	Accounted  bool               `json:"accounted"`
	Lookup     payout.Lookup      `json:"lookup"`
	Hash       string             `json:"outcome_hash"`
	Warnings   []string           `json:"warnings"`
}

func reconciliationJSON(r *payout.Reconciliation) reconcileJSON {
	out := reconcileJSON{
		Run: r.Run, Period: r.Period, AsOf: r.AsOf, Conclusion: r.Conclusion, Complete: r.Complete, Gaps: orEmpty(r.Gaps),
		Ledger: ledgerJSON{
			Rows: r.Ledger.Rows, Entries: r.Ledger.Entries, Rejected: len(r.Ledger.Rejected), Filtered: r.Ledger.FilteredN,
			OutOfPeriod: r.Ledger.OutOf, FirstDate: r.Ledger.First, LastDate: r.Ledger.Last,
		},
		Payouts: payoutsJSON{r.PayoutsInPeriod}, Outcomes: outcomesOf(r), Statement: []statementJSON{}, Breaks: r.Breaks,
		Accounted: r.Accounted, Lookup: r.Lookup, Hash: r.OutcomeHash, Warnings: orEmpty(slices.Concat(r.Warnings, r.Ledger.Notes)),
	}
	var paths, sums []string
	for _, f := range r.Ledger.Files { // several only with ledger.take: all
		paths, sums = append(paths, f.Path), append(sums, f.SHA256)
	}
	out.Ledger.Path, out.Ledger.SHA256 = strings.Join(paths, ", "), strings.Join(sums, ", ")
	if out.Breaks.BySeverity == nil {
		out.Breaks.BySeverity = map[payout.Severity]int{}
	}
	for _, s := range r.Statements {
		u := func(n int64) string { return units(n, s.Currency) }
		out.Statement = append(out.Statement, statementJSON{s.Currency, u(s.LedgerCash), u(s.ProviderCash), u(s.Net), u(s.Gross), u(s.Unexplained)})
	}
	return out
}

// orEmpty makes an absent list an empty one: [] in JSON, never null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
