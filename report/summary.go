package report

import (
	"fmt"
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// summaryWidth is how many columns the first sheet has, summaryLine how many characters fit across them.
const (
	summaryWidth = 10
	summaryLine  = 150
)

// addSummary lays out the one page that is forwarded and signed.
func (b *builder) addSummary() {
	p := page{&Sheet{Name: SheetSummary, Heading: 2, OnePage: true, Tab: Headline}, b.maxRows}
	for i := range summaryWidth {
		width := 14
		switch i {
		case 2:
			width = 36
		case 9:
			width = 18
		}
		p.Columns = append(p.Columns, Column{Width: width, Wrap: i == 2})
	}
	b.book.Sheets = append(b.book.Sheets, p.Sheet)
	p.add(RowFurniture, text(b.book.Title).Styled(Headline))
	p.add(RowFurniture, text(b.subtitle()).Styled(Subtitle))
	p.blank(1)
	b.conclusion(p)
	if b.rec != nil {
		b.statementInShort(p)
		b.openItems(p)
		b.doublePayments(p)
	} else {
		b.statusInShort(p)
		b.longestInFlight(p)
	}
	b.whatChanged(p)
	b.coverage(p)
	b.summaryCharts(p)
	b.signOff(p)
}

// conclusion says the verdict, which holds only while every check says OK.
func (b *builder) conclusion(p page) {
	words, why := "NOT RECONCILED", or(b.opts.NoLedger, "No ledger was compared: this workbook shows what the provider's records say, and nothing else.")
	verdict := text(words)
	if b.rec != nil {
		words, why = b.rec.Conclusion.Title(), groupAmounts(b.rec.ConclusionWhy)
		withdrawn := "CHECK FAILED: no conclusion, see the checks on Reconciliation"
		verdict = text(words)
		if b.failedChecks() > 0 {
			verdict = text(withdrawn)
		}
		verdict = verdict.By("IF(" + b.gate + `=0,"` + words + `","` + withdrawn + `")`)
	}
	p.Rows = append(p.Rows, Row{Kind: RowData, Cells: []Cell{verdict.Styled(Verdict)}, Merge: summaryWidth, Height: 34})
	p.paragraph(why, summaryWidth, summaryLine, Strong)
	if b.rec != nil {
		p.paragraph(capital(payout.Caveat)+".", summaryWidth, summaryLine, Note)
		p.Rows = append(p.Rows, Row{Kind: RowData, Cells: []Cell{b.checksInWords().To(b.gate)}, Merge: summaryWidth})
	}
	for _, w := range append(b.oneSided(), firstN(b.warnings(), 4)...) {
		p.paragraph(w, summaryWidth, summaryLine, Warning)
	}
}

// oneSided says in words when one side has nothing to compare, before a reader wonders why nothing agrees.
func (b *builder) oneSided() (list []string) {
	if b.rec == nil {
		return nil
	}
	paid, booked := map[string]int64{}, map[string]int64{} // records by currency
	for _, t := range b.rec.Totals {
		if t.Payouts > 0 {
			paid[t.Currency] += t.Payouts
		}
		if t.Entries > 0 {
			booked[t.Currency] += t.Entries
		}
	}
	both := paid[money.NoCurrency] > 0 // such a payout may be of any
	for currency := range paid {
		both = both || booked[currency] > 0
	}
	l := b.rec.Ledger
	switch {
	case l.Rows == 0:
		list = append(list, "The ledger holds no rows.")
	case l.Entries == 0:
		list = append(list, fmt.Sprintf("The ledger holds no entry that could be compared: of %s, %s unreadable and %s filtered out.",
			plural(l.Rows, "row"), are(len(l.Rejected)), are(l.FilteredN)))
	case len(booked) == 0:
		list = append(list, "The ledger holds no entry of the period: "+are(l.Entries)+" outside it.")
	}
	switch {
	case len(paid) == 0:
		list = append(list, "The provider shows no payout in the period.")
	case len(booked) > 0 && !both:
		list = append(list, fmt.Sprintf("The ledger is in %s and the payouts are in %s: no currency is on both sides, so nothing can agree.",
			strings.Join(sortedKeys(booked), ", "), strings.Join(sortedKeys(paid), ", ")))
	}
	return list
}

// are prints a count with its verb: "1 is", "2 are".
func are[T ~int | ~int64](n T) string {
	if n == 1 {
		return "1 is"
	}
	return thousands(n) + " are"
}

// checksInWords says how many checks there are and whether they agree.
func (b *builder) checksInWords() Cell {
	all := plural(len(b.checks), "check")
	good, bad := "All "+all+" in this workbook say OK.", " of "+all+" in this workbook do not say OK."
	c := text(good)
	if n := b.failedChecks(); n > 0 {
		c = text(thousands(n) + bad)
	}
	return c.By("IF(" + b.gate + `=0,"` + good + `",` + b.gate + `&"` + bad + `")`)
}

func (b *builder) failedChecks() (n int) {
	for _, c := range b.checks {
		if c.cell.Kind != Text {
			n++
		}
	}
	return n
}

func firstN[T any](s []T, n int) []T { return s[:min(n, len(s))] }

// traced keeps the link of a figure to the rows behind it only where there are any.
func traced(c Cell) Cell {
	if c.Number == 0 {
		c.Link = ""
	}
	return c
}

func (b *builder) statementInShort(p page) {
	p.section("Statement in short: from the ledger's cash to the provider's")
	p.headings("Currency", "Ledger cash", "Agreed and explained", "Not verified", "Breaks", "Cut-off", "Provider cash", "Net difference", "Gross difference", "Unexplained")
	for _, s := range b.sums {
		good := s.classes[payout.Agreed]
		if explained := s.classes[payout.Reconciling]; explained.Formula != "" {
			good = plus(good, explained)
			if s.classes[payout.Reconciling].Number != 0 { // what agrees has no difference to look at
				good.Link = explained.Link
			}
		}
		cells := []Cell{text(s.currency)}
		for _, c := range []Cell{s.ledger, good, s.classes[payout.Unverified], s.classes[payout.Break], s.cutOff, s.provider, s.net, s.gross, s.residue.Styled(Strong)} {
			cells = append(cells, traced(orZero(c, s.currency)))
		}
		p.data(cells...)
	}
	if len(b.sums) == 0 {
		p.note("Neither side has a record in the period.")
	}
}

// statusInShort is what the mirror alone can say.
func (b *builder) statusInShort(p page) {
	p.section("Payouts of the period")
	p.headings("Currency", "Payouts", "Amount", "Completed", "Amount", "On their way", "Amount", "Rejected or failed", "Amount")
	for _, currency := range b.currencies() {
		of := func(class payout.StatusClass) classSum { return b.status.byClass[classKey{currency, class}] }
		open, unknown := of(payout.ClassInFlight), of(payout.ClassUnknown)
		if unknown.count.Formula != "" {
			open = classSum{plus(open.count, unknown.count), plus(open.amount, unknown.amount)}
		}
		done, dead := of(payout.ClassCompleted), of(payout.ClassDead)
		cells := []Cell{text(currency)}
		for _, c := range []Cell{b.status.counts[currency], b.status.amounts[currency], done.count, done.amount, open.count, open.amount, dead.count, dead.amount} {
			cells = append(cells, traced(c))
		}
		p.data(cells...)
	}
	if len(b.facts.Breakdown) == 0 {
		p.note("No payouts in the period.")
	}
}

func (b *builder) longestInFlight(p page) {
	p.section("Longest in flight")
	p.headings("Age (days)", "Created (UTC)", "Status", "Reference", "", "Amount", "Currency", "Payout id", "", "")
	for i, x := range firstN(b.facts.InFlight, 10) {
		age := count(ageDays(x.Created, b.asOf()))
		if where := b.flight.place(i); where != "" {
			age = age.By(strings.Replace(where, "$A", "$"+columnName(listAge), 1)).To(where)
		}
		p.data(age, date(x.Created.Day()), text(shortStatus(x.Status)), text(x.RefID), Cell{}, amount(x.Amount), text(x.Amount.Currency()), text(x.ID))
	}
	if len(b.facts.InFlight) == 0 {
		p.note("Nothing is in flight.")
	}
}

// doublePayments says that there is advice to look at.
func (b *builder) doublePayments(p page) {
	if n := len(b.facts.Twins); n > 0 {
		words := plural(n, "set") + " of payouts may have paid one debt twice: same payee account and amount within 7 days (advisory, see " + SheetTwins + ")."
		p.blank(1)
		p.linked(p.paragraph(words, summaryWidth, summaryLine, Plain), b.twins.start())
	}
}

// whatChanged counts what this run did to items, and the payouts of earlier days that moved. Each figure leads to its rows.
func (b *builder) whatChanged(p page) {
	p.section("What changed since the last report")
	var words []string
	var figures []Cell
	add := func(w string, n int64, formula, place string) {
		words, figures = append(words, w), append(figures, traced(count(n).By(formula).To(place)))
	}
	if b.rec != nil {
		in := func(state payout.ItemState) (int64, string, string) {
			of := func(it *payout.Item) bool { return it.State == state }
			return b.openCount(of), b.breaks.countifs(is(breaksColumnOf("state"), stateWords[state])), b.firstBreak(of)
		}
		reclassified := int64(0)
		for _, m := range b.movedItems() {
			if m.reclassified {
				reclassified++
			}
		}
		n, formula, where := in(payout.ItemNew)
		add("New items", n, formula, where)
		add("Cleared", int64(len(b.cleared)), b.gone.countifs(cond{clearedID, `">0"`}), b.gone.start())
		add("Reclassified", reclassified, b.moved.countifs(is(movedReclassified, "yes")), b.moved.start())
		n, formula, where = in(payout.ItemReopened)
		add("Reopened", n, formula, where)
		n, formula, where = in(payout.ItemCarried)
		add("Carried over unseen", n, formula, where)
	}
	c := b.changes
	moved, alerts := c.area.countifs(cond{changesCurrency, `"?*"`}), c.area.countifs(cond{changesAlert, `"?*"`})
	if len(b.facts.Changes) > c.area.rows() {
		moved, alerts = "", "" // not all are on the sheet
	}
	add("Payouts that moved", int64(c.payouts), moved, c.area.start())
	add("of them final ones", int64(c.alerts), alerts, c.area.start())
	p.headings(words...)
	p.data(figures...)
}

func (b *builder) coverage(p page) {
	p.section("Sources")
	days := payout.Period{From: b.book.Period.From, To: min(b.book.Period.To, b.asOf().Day()-1)}
	gaps := b.facts.Coverage.Gaps(b.book.Period, days.To)
	source := fmt.Sprintf("Provider: %s of %s complete", thousands(days.Days()-len(gaps)), plural(days.Days(), "ended day"))
	if len(gaps) > 0 {
		source += "; not complete: " + payout.DaysInWords(gaps)
	}
	doubted := b.gapsThen(gaps)
	if len(doubted) > 0 {
		source += "; not shown complete to this run: " + payout.DaysInWords(doubted)
	}
	look := Plain
	if len(gaps)+len(doubted) > 0 {
		look = Warning
	}
	p.linked(p.paragraph(source+".", summaryWidth, summaryLine, look), b.evidence.days)
	if b.rec == nil {
		return
	}
	l := b.rec.Ledger
	var names []string
	for _, f := range l.Files {
		names = append(names, fmt.Sprintf("%s (SHA-256 %.12s)", f.Path, f.SHA256))
	}
	ledger := fmt.Sprintf("Ledger: %s; %s, %s unreadable, %s filtered, %s outside the period", strings.Join(names, ", "), plural(l.Entries, "entry"),
		thousands(len(l.Rejected)), thousands(l.FilteredN), thousands(l.OutOf))
	if l.First != payout.NoDay && l.Last != payout.NoDay {
		ledger += "; dated " + payout.Period{From: l.First, To: l.Last}.String()
	}
	p.linked(p.paragraph(ledger+".", summaryWidth, summaryLine, Plain), b.evidence.ledger)
}

// gapsThen lists the days that the run took for gaps and that are none now: its sync failed over them, or they were read since.
func (b *builder) gapsThen(now []payout.Day) []payout.Day {
	if b.rec == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(b.rec.Gaps), func(d payout.Day) bool { return slices.Contains(now, d) })
}

const summaryChartRows = 17

func (b *builder) summaryCharts(p page) {
	p.blank(1)
	const height = 288 // 16 rows, of 18 pixels as the library takes them to be
	var charts []Chart
	row := p.next()
	for _, chart := range []func(slot) []Chart{b.shareChart, b.dailyChart, b.ageingChart, b.kindsChart} {
		at := slot{row + len(charts)/2*summaryChartRows, 0, 4, 0, height}
		if len(charts)%2 == 1 {
			at.column, at.right, at.gap = 5, summaryWidth-1, 12
		}
		charts = append(charts, chart(at)...)
	}
	if n := len(charts); n%2 == 1 {
		charts[n-1].Right = summaryWidth - 1 // alone on its line
	}
	p.Charts = charts
	p.space((len(charts) + 1) / 2 * summaryChartRows)
}

func (b *builder) signOff(p page) {
	p.section("Sign-off")
	p.headings("", "Name", "", "Date", "", "Signature", "", "", "", "")
	for _, who := range []string{"Prepared by", "Reviewed by"} {
		p.Rows = append(p.Rows, Row{Kind: RowData, Height: 24, Cells: []Cell{
			text(who).Styled(Label), {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input}, {Look: Input},
		}})
	}
	if b.rec != nil {
		p.data(text("Outcome hash").Styled(Label), text(b.rec.OutcomeHash))
	}
}
