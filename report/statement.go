package report

import (
	"strings"

	"payrecon/internal/payout"
)

// statementSum is what Summary shows of one currency's statement: references to it together with their values.
type statementSum struct {
	currency                              string
	ledger, provider, net, gross, residue Cell
	classes                               map[payout.OutcomeClass]Cell
	cutOff                                Cell
}

// addStatement leads, per currency, from the ledger's cash to the provider's. Each step is a formula over Totals; beside it
// stands what the run computed from its own sources; a check compares the two.
func (b *builder) addStatement() {
	p := b.newPage(SheetStatement, "From the ledger's cash to the provider's, per currency. Steps are formulas over Totals; the column beside them holds what the run computed "+
		"independently (ledger: while reading the file; provider: by the database).", 46, 12, 12, 20, 20, 12, 20, 76)
	p.Columns[7].Wrap = true
	p.Wide = true
	p.Tab = Good
	if len(b.rec.Statements) == 0 {
		p.section("No statement")
		p.note("Neither side has a record in the period, so there is nothing to tie out.")
	}
	for _, s := range b.rec.Statements {
		b.statementOf(p, s)
	}
	b.controlTotals(p)
	b.checkList(p)
}

// step is one line of a statement.
type step struct {
	words, meaning string
	pick           pick
	byRun, gross   int64
	class          payout.OutcomeClass
}

func (b *builder) stepsOf(s payout.Statement) []step {
	byRun := map[payout.Outcome]payout.StatementLine{}
	for _, l := range s.Lines {
		byRun[l.Outcome] = l // NoOutcome: what reaches across the period's edge
	}
	occurs := map[payout.Outcome]bool{}
	for _, t := range b.rec.Totals {
		if t.Currency != s.Currency {
			continue
		}
		if t.CutOff {
			t.Outcome = payout.NoOutcome
		}
		occurs[t.Outcome] = true
	}
	var steps []step
	for _, o := range payout.Outcomes {
		if l, run := byRun[o.Outcome]; run || occurs[o.Outcome] {
			steps = append(steps, step{o.Words, o.Meaning, pick{s.Currency, o.Outcome, "no"}, l.Amount, l.Gross, o.Class})
		}
	}
	if l, run := byRun[payout.NoOutcome]; run || occurs[payout.NoOutcome] {
		steps = append(steps, step{"Cut-off", "Pairs and groups of which one part lies outside the period: only the part inside counts here.", pick{s.Currency, 0, "yes"}, l.Amount, l.Gross, 0})
	}
	return steps
}

func (b *builder) statementOf(p page, s payout.Statement) {
	currency := s.Currency
	p.section(currency)
	p.headings("Step", "Payouts", "Entries", "Amount", "As the run computed it", "Check", "Gross: single differences without signs", "Meaning")
	line := func(words, payouts, entries, value Cell, byRun int64, gross Cell, meaning string) int {
		row := p.next()
		c := b.check(currency+": "+words.Text, p.Name, row, 5, units(value.Number-byRun, currency), at(row, 3)+"-"+at(row, 4))
		return p.data(words, payouts, entries, value, units(byRun, currency), c, gross, text(meaning))
	}
	all := pick{currency: currency}
	ledger := b.total(totalsEntryCash, all)
	first := line(text("Ledger: cash booked in the period"), Cell{}, b.total(totalsEntries, all), ledger, s.LedgerCash, Cell{},
		"Entries that say money moved (paid, or without a status), signed.")
	at3 := func(row int, n int64) Cell {
		return units(n, currency).By(place(p.Name, row, 3)).To(place(p.Name, row, 3))
	}
	sum := statementSum{currency: currency, ledger: at3(first, ledger.Number), classes: map[payout.OutcomeClass]Cell{}, cutOff: units(0, currency)}
	provider := ledger.Number
	for _, st := range b.stepsOf(s) {
		value := b.step(st.pick)
		provider += value.Number
		row := line(text(st.words).To(b.rowsBehind(st.pick)), b.total(totalsPayouts, st.pick), b.total(totalsEntries, st.pick), value, st.byRun, units(st.gross, currency), st.meaning)
		if st.class == 0 {
			sum.cutOff = at3(row, value.Number)
			continue
		}
		sum.classes[st.class] = plus(sum.classes[st.class], at3(row, value.Number))
	}
	last := len(p.Rows)
	row := p.next()
	p.total(text("Provider: cash initiated in the period"), b.total(totalsPayouts, all), Cell{}, sumAbove(units(provider, currency), first, last, 3),
		units(s.ProviderCash, currency), b.check(currency+": ledger cash + steps = provider cash", p.Name, row, 5, units(provider-s.ProviderCash, currency), at(row, 3)+"-"+at(row, 4)),
		Cell{}, text("Payouts whose initiation completed. "+capital(payout.Caveat)+"."))
	sum.provider = at3(row, provider)
	b.statementFoot(p, s, &sum, first, row)
	b.sums = append(b.sums, sum)
}

// statementFoot adds net, gross and what is left unexplained.
func (b *builder) statementFoot(p page, s payout.Statement, sum *statementSum, ledgerRow, providerRow int) {
	currency := s.Currency
	line := func(add func(...Cell) int, words string, value Cell, byRun int64, meaning string) Cell {
		row := p.next()
		add(text(words), Cell{}, Cell{}, value, units(byRun, currency),
			b.check(currency+": "+strings.ToLower(words), p.Name, row, 5, units(value.Number-byRun, currency), at(row, 3)+"-"+at(row, 4)), Cell{}, text(meaning))
		return units(value.Number, currency).By(place(p.Name, row, 3)).To(place(p.Name, row, 3))
	}
	var gross int64
	for _, r := range p.Rows[ledgerRow : providerRow-1] {
		gross += r.Cells[6].Number
	}
	net := sum.provider.Number - sum.ledger.Number
	sum.net = line(p.data, "Net difference", units(net, currency).By(at(providerRow, 3)+"-"+at(ledgerRow, 3)), s.Net, "Provider - ledger. Large errors can cancel each other in it.")
	sum.gross = line(p.data, "Gross difference", sumAbove(units(gross, currency), ledgerRow, providerRow-1, 6), s.Gross, "The sum of the single differences without their signs: nothing cancels.")
	unexplained := s.ProviderCash - sum.provider.Number
	sum.residue = line(p.total, "Unexplained", units(unexplained, currency).By(at(providerRow, 4)+"-"+at(providerRow, 3)), s.Unexplained, "Must be zero.")
}

// rowsBehind is the place of the first row that a step of the statement is made of, "" where there is none.
func (b *builder) rowsBehind(of pick) string {
	switch of.outcome.Class() {
	case payout.Agreed:
		if len(b.matched.area.pieces) > 0 {
			return b.matched.area.start()
		}
	case payout.Reconciling:
		for i, r := range b.explained.rows {
			if r.outcome == of.outcome && r.currency == of.currency {
				return b.explained.place(i)
			}
		}
	case payout.Unverified, payout.Break:
		for i := range b.open {
			s := sidesOf(&b.open[i].Finding)
			if b.open[i].Outcome == of.outcome && (s.payoutCurrency == of.currency || s.ledgerCurrency == of.currency) {
				return b.breakPlace(i)
			}
		}
	}
	return ""
}

// plus adds two amounts and their formulas.
func plus(a, b Cell) Cell {
	if a.Formula == "" {
		return b
	}
	a.Number += b.Number
	a.Formula += "+" + b.Formula
	return a
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// pairing adds one comparison of a figure with its source to the control totals.
type pairing func(what, currency string, here, there Cell, source string)

// controlTotals compares records counted here with records counted where they came from.
func (b *builder) controlTotals(p page) {
	p.section("Control totals: every record is accounted for")
	p.headings("What", "Currency", "", "In this workbook", "At its source", "Check", "", "Source")
	var pair pairing = func(what, currency string, here, there Cell, source string) {
		row := p.next()
		label := what
		if currency != "" {
			label = currency + ": " + what
		}
		d := here
		d.Number -= there.Number
		c := b.check(label, p.Name, row, 5, d, at(row, 3)+"-"+at(row, 4))
		p.data(text(what), text(currency), Cell{}, here, there, c, Cell{}, text(source))
	}
	entries := map[string]payout.CurrencySum{}
	for _, e := range b.rec.Ledger.InPeriod {
		entries[e.Currency] = e
	}
	for _, currency := range b.currencies() {
		all, e := pick{currency: currency}, entries[currency]
		pair("payouts, count", currency, b.total(totalsPayouts, all), orZero(b.status.counts[currency], ""), "Status breakdown (the mirror's own count)")
		pair("payouts, amount", currency, b.total(totalsPayoutAmount, all), orZero(b.status.amounts[currency], currency), "Status breakdown (the mirror's own sum)")
		pair("entries, count", currency, b.total(totalsEntries, all), count(e.Count), "The ledger file, counted while reading")
		pair("entries, amount", currency, b.total(totalsEntryAmount, all), units(e.Units, currency), "The ledger file, summed while reading")
	}
	rows := b.total(totalsEntries, pick{})
	for _, c := range []Cell{b.rejected.outside, b.rejected.unreadable, b.rejected.filtered} {
		rows = plus(rows, c)
	}
	pair("ledger rows", "", rows, count(b.rec.Ledger.Rows),
		"Rows of the file, blank lines apart: entries of Totals + entries outside the period, unreadable and filtered rows of Rejected and filtered")
	pair("open items", "", count(len(b.open)).By(b.breaks.countifs(cond{breaksID, `">0"`})), count(b.rec.Breaks.Total), "Breaks, as the run counted them")
	b.matchedChecks(pair)
	b.explainedChecks(pair)
	b.breaksChecks(pair)
}

func orZero(c Cell, currency string) Cell {
	if c.Kind != Blank {
		return c
	}
	if currency == "" {
		return count(0)
	}
	return units(0, currency)
}

// checkList gathers every check of the book in one place and counts those that do not say OK.
func (b *builder) checkList(p page) {
	if section := p.section("All checks of this workbook"); len(b.checks) > 20 {
		p.PageBreaks = append(p.PageBreaks, section)
	}
	p.headings("Check", "", "", "Result")
	first := p.next()
	bad := int64(0)
	for _, c := range b.checks {
		cell := c.cell.By(c.place)
		if cell.Kind != Text {
			bad++
		}
		p.data(text(c.what), Cell{}, Cell{}, cell.To(c.place))
	}
	last := max(len(p.Rows), first)
	results := at(first, 3) + ":" + at(last, 3)
	row := p.total(text("Checks that do not say OK"), Cell{}, Cell{}, count(bad).By("COUNTA("+results+")-COUNTIF("+results+`,"OK")`))
	b.gate = place(p.Name, row, 3)
}
