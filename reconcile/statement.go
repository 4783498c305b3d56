package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// The statement leads, per currency, from the ledger's cash to the provider's, outcome by outcome. Its ends do not come from
// matching: the ledger's was summed while the file was read, the provider's by the mirror. So the equation can fail, and
// then nothing is published.

// end is one side's independent figures for a currency.
type end struct{ count, units, cash int64 }

// checked adds up and remembers an overflow.
type checked struct {
	of  string // the currency, for the error
	err error
}

// tooMuch is the error of figures of a currency that add up to more than can be held.
func tooMuch(currency string, err error) error {
	return payout.Errorf(payout.KindFailed, "the payouts or the ledger entries of %s add up to more than can be held: reconcile a shorter period, and look for amounts that are too large: %w",
		cmp.Or(currency, "one currency"), err)
}

func (c *checked) add(to *int64, units int64) {
	sum, err := money.AddUnits(*to, units)
	if err != nil && c.err == nil {
		c.err = tooMuch(c.of, err)
	}
	*to = sum
}

func (c *checked) sub(a, b int64) int64 {
	difference, err := money.SubUnits(a, b)
	if err != nil && c.err == nil {
		c.err = tooMuch(c.of, err)
	}
	return difference
}

// ends returns the provider's and the ledger's figures by currency.
func ends(sums []payout.Sum, intake []payout.CurrencySum) (provider, ledger map[string]*end, err error) {
	var c checked
	provider, ledger = map[string]*end{}, map[string]*end{}
	at := func(m map[string]*end, currency string) *end {
		if m[currency] == nil {
			m[currency] = &end{}
		}
		return m[currency]
	}
	for _, s := range sums {
		c.of = s.Currency
		e := at(provider, s.Currency)
		c.add(&e.count, s.Count)
		c.add(&e.units, s.Units)
		if s.Status.Class() == payout.ClassCompleted {
			c.add(&e.cash, s.Units)
		}
	}
	for _, s := range intake {
		c.of = s.Currency
		e := at(ledger, s.Currency)
		c.add(&e.count, s.Count)
		c.add(&e.units, s.Units)
		c.add(&e.cash, s.Cash)
	}
	return provider, ledger, c.err
}

// statements builds the statement of every currency that stands in the totals or at an end.
func statements(totals []payout.Total, gross map[grossKey]int64, provider, ledger map[string]*end) ([]payout.Statement, error) {
	currencies := map[string]bool{}
	for _, t := range totals {
		currencies[t.Currency] = true
	}
	for _, side := range []map[string]*end{provider, ledger} {
		for currency, e := range side {
			if e.count != 0 {
				currencies[currency] = true
			}
		}
	}
	var c checked
	list := []payout.Statement{}
	for _, currency := range slices.Sorted(maps.Keys(currencies)) {
		c.of = currency
		s := payout.Statement{Currency: currency, Lines: statementLines(&c, totals, gross, currency)}
		if e := ledger[currency]; e != nil {
			s.LedgerCash = e.cash
		}
		if e := provider[currency]; e != nil {
			s.ProviderCash = e.cash
		}
		s.Net = c.sub(s.ProviderCash, s.LedgerCash)
		s.Unexplained = s.Net
		for _, line := range s.Lines {
			c.add(&s.Gross, line.Gross)
			s.Unexplained = c.sub(s.Unexplained, line.Amount)
		}
		list = append(list, s)
	}
	return list, c.err
}

// statementLines is one line per outcome, and in the end one for what reaches across the period's edge.
func statementLines(c *checked, totals []payout.Total, gross map[grossKey]int64, currency string) []payout.StatementLine {
	lines := map[payout.Outcome]*payout.StatementLine{}
	for i := range totals {
		t := &totals[i]
		if t.Currency != currency {
			continue
		}
		outcome := t.Outcome
		if t.CutOff {
			outcome = payout.NoOutcome
		}
		line := lines[outcome]
		if line == nil {
			line = &payout.StatementLine{Outcome: outcome, CutOff: t.CutOff, Gross: gross[grossKey{currency, outcome}]}
			lines[outcome] = line
		}
		line.Payouts += t.Payouts
		line.Entries += t.Entries
		c.add(&line.Amount, c.sub(t.PayoutCash, t.EntryCash))
	}
	list := []payout.StatementLine{}
	for _, outcome := range slices.Sorted(maps.Keys(lines)) {
		if outcome != payout.NoOutcome {
			list = append(list, *lines[outcome])
		}
	}
	if cut := lines[payout.NoOutcome]; cut != nil {
		list = append(list, *cut)
	}
	return list
}

// assert checks that everything is accounted for: per currency, counts and sums of both sides as their sources state them
// are those over all outcomes; every row of the ledger is an entry, rejected or filtered; nothing is unexplained.
func assert(out *payout.Reconciliation, provider, ledger map[string]*end, read int64) error {
	var c checked
	pays, ents := map[string]*end{}, map[string]*end{}
	for _, s := range out.Statements {
		pays[s.Currency], ents[s.Currency] = &end{}, &end{}
	}
	for _, t := range out.Totals {
		p, e := pays[t.Currency], ents[t.Currency]
		c.of = t.Currency
		p.count += t.Payouts
		e.count += t.Entries
		c.add(&p.units, t.PayoutAmount)
		c.add(&p.cash, t.PayoutCash)
		c.add(&e.units, t.EntryAmount)
		c.add(&e.cash, t.EntryCash)
	}
	if c.err != nil {
		return c.err
	}
	for _, s := range out.Statements {
		if err := assertEnd("payouts", s.Currency, provider[s.Currency], pays[s.Currency]); err != nil {
			return err
		}
		if err := assertEnd("ledger entries", s.Currency, ledger[s.Currency], ents[s.Currency]); err != nil {
			return err
		}
		if s.Unexplained != 0 {
			return payout.Errorf(payout.KindFailed, "the figures do not tie out, nothing is published: %s of %s are unexplained",
				money.FormatUnits(s.Unexplained, s.Currency), s.Currency)
		}
	}
	in := &out.Ledger
	if in.Rows != in.Entries+int64(len(in.Rejected))+in.FilteredN || read != in.Entries {
		return payout.Errorf(payout.KindFailed,
			"the figures do not tie out, nothing is published: %d ledger rows, but %d entries (%d of them matched), %d rejected and %d filtered",
			in.Rows, in.Entries, read, len(in.Rejected), in.FilteredN)
	}
	return nil
}

func assertEnd(what, currency string, source, outcomes *end) error {
	if source == nil {
		source = &end{}
	}
	if *source == *outcomes {
		return nil
	}
	return payout.Errorf(payout.KindFailed,
		"the figures do not tie out, nothing is published: the source has %d %s of %s %s (cash %s), the outcomes have %d of %s (cash %s)",
		source.count, what, money.FormatUnits(source.units, currency), currency, money.FormatUnits(source.cash, currency),
		outcomes.count, money.FormatUnits(outcomes.units, currency), money.FormatUnits(outcomes.cash, currency))
}
