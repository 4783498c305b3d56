package report

import (
	"strconv"
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
		"independently (ledger: while reading the file; provider: by the database).", 46, 12, 12, 20, 20, 14, 60)
	p.Columns[6].Wrap = true
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
	byRun          int64
	class          payout.OutcomeClass
}

func (b *builder) stepsOf(s payout.Statement) []step {
	byRun := map[payout.Outcome]int64{}
	var cutOff int64
	for _, l := range s.Lines {
		if l.CutOff || l.Outcome == payout.NoOutcome {
			cutOff += l.Amount
		} else {
			byRun[l.Outcome] += l.Amount
		}
	}
	occurs := map[payout.Outcome]bool{}
	across := cutOff != 0
	for _, t := range b.rec.Totals {
		if t.Currency == s.Currency {
			occurs[t.Outcome] = occurs[t.Outcome] || !t.CutOff
			across = across || t.CutOff
		}
	}
	var steps []step
	for _, o := range payout.Outcomes {
		if occurs[o.Outcome] || byRun[o.Outcome] != 0 {
			steps = append(steps, step{o.Words, o.Meaning, pick{s.Currency, o.Outcome, "no"}, byRun[o.Outcome], o.Class})
		}
	}
	if across {
		steps = append(steps, step{"Cut-off", "Pairs and groups of which one part lies outside the period: only the part inside counts here.", pick{s.Currency, 0, "yes"}, cutOff, 0})
	}
	return steps
}

func (b *builder) statementOf(p page, s payout.Statement) {
	currency := s.Currency
	p.section(currency)
	p.headings("Step", "Payouts", "Entries", "Amount", "As the run computed it", "Check", "Meaning")
	line := func(words string, payouts, entries, value Cell, byRun int64, meaning string) int {
		row := p.next()
		byRunCell := units(byRun, currency)
		c := b.check(currency+": "+words, p.Name, row, 5, units(value.Number-byRun, currency), at(row, 3)+"-"+at(row, 4))
		return p.data(text(words), payouts, entries, value, byRunCell, c, text(meaning))
	}
	all := pick{currency: currency}
	ledger := b.total(totalsEntryCash, all)
	first := line("Ledger: cash booked in the period", Cell{}, b.total(totalsEntries, all), ledger, s.LedgerCash, "Entries that say money moved (paid, or without a status), signed.")
	sum := statementSum{currency: currency, ledger: units(ledger.Number, currency).By(place(p.Name, first, 3)), classes: map[payout.OutcomeClass]Cell{}, cutOff: units(0, currency)}
	provider := ledger.Number
	for _, st := range b.stepsOf(s) {
		value := b.step(st.pick)
		provider += value.Number
		row := line(st.words, b.total(totalsPayouts, st.pick), b.total(totalsEntries, st.pick), value, st.byRun, st.meaning)
		if st.class == 0 {
			sum.cutOff = units(value.Number, currency).By(place(p.Name, row, 3))
			continue
		}
		sum.classes[st.class] = plus(sum.classes[st.class], units(value.Number, currency).By(place(p.Name, row, 3)))
	}
	last := len(p.Rows)
	row := p.next()
	p.total(text("Provider: cash initiated in the period"), b.total(totalsPayouts, all), Cell{}, sumAbove(units(provider, currency), first, last, 3),
		units(s.ProviderCash, currency), b.check(currency+": ledger cash + steps = provider cash", p.Name, row, 5, units(provider-s.ProviderCash, currency), at(row, 3)+"-"+at(row, 4)),
		text("Payouts whose initiation completed. "+capital(payout.Caveat)+"."))
	sum.provider = units(provider, currency).By(place(p.Name, row, 3))
	b.statementFoot(p, s, &sum, first, row)
	b.sums = append(b.sums, sum)
}

// statementFoot adds net, gross and what is left unexplained.
func (b *builder) statementFoot(p page, s payout.Statement, sum *statementSum, ledgerRow, providerRow int) {
	currency := s.Currency
	net := sum.provider.Number - sum.ledger.Number
	row := p.next()
	p.data(text("Net difference"), Cell{}, Cell{}, units(net, currency).By(at(providerRow, 3)+"-"+at(ledgerRow, 3)), units(s.Net, currency),
		b.check(currency+": net difference", p.Name, row, 5, units(net-s.Net, currency), at(row, 3)+"-"+at(row, 4)), text("Provider - ledger. Large errors can cancel each other in it."))
	sum.net = units(net, currency).By(place(p.Name, row, 3))
	row = p.data(text("Gross difference"), Cell{}, Cell{}, units(s.Gross, currency), Cell{}, Cell{}, text("The sum of the single differences without their signs: nothing cancels."))
	sum.gross = units(s.Gross, currency).By(place(p.Name, row, 3))
	row = p.next()
	unexplained := s.ProviderCash - sum.provider.Number
	p.total(text("Unexplained"), Cell{}, Cell{}, units(unexplained, currency).By(at(providerRow, 4)+"-"+at(providerRow, 3)), units(s.Unexplained, currency),
		b.check(currency+": nothing unexplained", p.Name, row, 5, units(unexplained, currency), at(row, 3)), text("Must be zero."))
	sum.residue = units(unexplained, currency).By(place(p.Name, row, 3))
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

// controlTotals compares records counted here with records counted where they came from.
func (b *builder) controlTotals(p page) {
	p.section("Control totals: every record is accounted for")
	p.headings("What", "Currency", "", "In this workbook", "At its source", "Check", "Source")
	pair := func(what, currency string, here, there Cell, source string) {
		row := p.next()
		label := what
		if currency != "" {
			label = currency + ": " + what
		}
		d := here
		d.Number -= there.Number
		c := b.check(label, p.Name, row, 5, d, at(row, 3)+"-"+at(row, 4))
		p.data(text(what), text(currency), Cell{}, here, there, c, text(source))
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
	l := b.rec.Ledger
	parts := l.Entries + int64(len(l.Rejected)) + l.FilteredN
	pair("ledger rows", "", count(parts).By(strconv.FormatInt(l.Entries, 10)+"+"+strconv.Itoa(len(l.Rejected))+"+"+strconv.FormatInt(l.FilteredN, 10)), count(l.Rows),
		"Entries + unreadable + filtered rows = rows of the file (blank lines apart)")
	pair("open items", "", count(len(b.open)).By(b.breaks.countifs(cond{breaksID, `">0"`})), count(b.rec.Breaks.Total), "Breaks, as the run counted them")
	b.matchedChecks(pair)
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
	p.section("All checks of this workbook")
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
