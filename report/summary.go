package report

import (
	"fmt"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// summaryWidth is how many columns the first sheet has, summaryLine how many characters fit across them.
const (
	summaryWidth = 10
	summaryLine  = 150
)

// addSummary lays out the one page that is forwarded and signed.
func (b *builder) addSummary() {
	p := page{&Sheet{Name: SheetSummary, OnePage: true, Tab: Headline}, b.maxRows}
	for i := range summaryWidth {
		width := 14
		switch i {
		case 2:
			width = 36
		case 9:
			width = 18
		}
		p.Columns = append(p.Columns, Column{Width: width})
	}
	b.book.Sheets = append(b.book.Sheets, p.Sheet)
	p.add(RowFurniture, text(b.book.Title).Styled(Headline))
	p.add(RowFurniture, text(b.subtitle()).Styled(Subtitle))
	p.blank(1)
	b.conclusion(p)
	if b.rec != nil {
		b.statementInShort(p)
		b.openItems(p)
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
		words, why = conclusionWords[b.rec.Conclusion], b.rec.ConclusionWhy
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
	for _, w := range firstN(b.warnings(), 4) {
		p.paragraph(w, summaryWidth, summaryLine, Warning)
	}
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

func (b *builder) statementInShort(p page) {
	p.section("Statement in short: from the ledger's cash to the provider's")
	p.headings("Currency", "Ledger cash", "Agreed and explained", "Not verified", "Breaks", "Cut-off", "Provider cash", "Net difference", "Gross difference", "Unexplained")
	for _, s := range b.sums {
		c := s.currency
		good := plus(s.classes[payout.Agreed], s.classes[payout.Reconciling])
		if s.classes[payout.Reconciling].Formula == "" {
			good = s.classes[payout.Agreed]
		}
		place := func(x Cell) Cell {
			if x = orZero(x, c); x.Number != 0 {
				x = x.To("'" + SheetStatement + "'!A1")
			}
			return x
		}
		p.data(text(c), s.ledger, place(good), place(s.classes[payout.Unverified]), place(s.classes[payout.Break]), s.cutOff, s.provider, s.net, s.gross, s.residue.Styled(Strong))
	}
	if len(b.sums) == 0 {
		p.note("Neither side has a record in the period.")
	}
}

// openItems counts what is open and names the largest.
func (b *builder) openItems(p page) {
	p.section("Open items")
	words := []string{"Severity", "Items", "", "New", "Open", "Reopened", "Carried over"}
	p.headings(words...)
	states := []payout.ItemState{payout.ItemNew, payout.ItemOpen, payout.ItemReopened, payout.ItemCarried}
	first := p.next()
	for _, s := range []payout.Severity{payout.Critical, payout.High, payout.Medium, payout.Low} {
		row := p.next()
		cells := []Cell{severity(s), {}, {}}
		var all int64
		for _, state := range states {
			n := b.openCount(func(it *payout.Item) bool { return it.Severity == s && it.State == state })
			all += n
			cells = append(cells, count(n).By(b.breaks.countifs(is(breaksSeverity, severity(s).Text), is(breaksColumnOf("state"), stateWords[state]))))
		}
		cells[1] = count(all).By("SUM(" + at(row, 3) + ":" + at(row, 6) + ")")
		if all > 0 {
			cells[1] = cells[1].To(b.firstOf(s))
		}
		p.data(cells...)
	}
	last := len(p.Rows)
	total := []Cell{text("All"), {}, {}}
	for column := 1; column <= 6; column++ {
		if column == 2 {
			continue
		}
		var n int64
		for _, r := range p.Rows[first-1 : last] {
			n += r.Cells[column].Number
		}
		c := sumAbove(count(n), first, last, column)
		if column == 1 {
			total[1] = c
		} else {
			total = append(total, c)
		}
	}
	p.total(total...)
	b.largest(p)
}

// firstOf is the place of the first open item of a severity.
func (b *builder) firstOf(s payout.Severity) string {
	for i := range b.open {
		if b.open[i].Severity == s {
			sheet, row := b.breaks.row(i)
			return place(sheet, row, 0)
		}
	}
	return b.breaks.start()
}

func (b *builder) openCount(keep func(*payout.Item) bool) (n int64) {
	for i := range b.open {
		if keep(&b.open[i]) {
			n++
		}
	}
	return n
}

// largest shows the ten open items with the largest exposure. Amounts of different currencies have no order: the largest of
// each currency come first, then the second largest, until there are ten.
func (b *builder) largest(p page) {
	p.section("Ten largest open items by exposure (ranked within each currency)")
	p.headings("No.", "Severity", "What", "Reference", "", "Exposure", "Currency", "Age (days)", "Owner", "Disposition")
	chosen := b.tenLargest()
	for _, i := range chosen {
		it := &b.open[i]
		sheet, row := b.breaks.row(i)
		link := place(sheet, row, 0)
		cell := func(column int, c Cell) Cell { return c.By(place(sheet, row, column)) }
		p.data(cell(breaksID, count(it.ID)).To(link), cell(breaksSeverity, severity(it.Severity)), cell(breaksWhat, word(it.Words(), it.Outcome.String())),
			text(it.RefID), Cell{}, cell(breaksExposure, amount(it.Exposure)), text(it.Exposure.Currency()),
			cell(breaksColumnOf("age_days"), count(it.AgeDays)), text(it.Owner), dispositionCell(it.Disposition))
	}
	switch {
	case len(b.open) == 0:
		p.note("No open items.")
	case len(chosen) == 0:
		p.note("No open item has an amount.")
	}
}

func (b *builder) tenLargest() []int {
	byCurrency := map[string][]int{}
	worth := 0
	for i := range b.open {
		if c := b.open[i].Exposure; !c.IsZero() {
			byCurrency[c.Currency()] = append(byCurrency[c.Currency()], i)
			worth++
		}
	}
	codes := sortedKeys(byCurrency)
	for _, c := range codes {
		slices.SortStableFunc(byCurrency[c], func(x, y int) int {
			switch a, b := b.open[x].Exposure.Units(), b.open[y].Exposure.Units(); {
			case a > b:
				return -1
			case a < b:
				return 1
			}
			return 0
		})
	}
	take := map[string]int{}
	for n, rank := 0, 0; n < min(10, worth); rank++ {
		for _, c := range codes {
			if n < 10 && rank < len(byCurrency[c]) {
				take[c]++
				n++
			}
		}
	}
	var chosen []int
	for _, c := range codes {
		chosen = append(chosen, byCurrency[c][:take[c]]...)
	}
	return chosen
}

// statusInShort is what the mirror alone can say.
func (b *builder) statusInShort(p page) {
	p.section("Payouts of the period")
	p.headings("Currency", "Payouts", "Amount", "Completed", "Amount", "In flight", "Amount", "Rejected or failed", "Amount")
	for _, currency := range b.currencies() {
		var n, sums [4]int64
		for _, r := range b.facts.Breakdown {
			if r.Currency == currency {
				n[r.Status.Class()] += r.Count
				sums[r.Status.Class()] += r.Units
			}
		}
		open, openSum := n[payout.ClassInFlight]+n[payout.ClassUnknown], sums[payout.ClassInFlight]+sums[payout.ClassUnknown]
		p.data(text(currency), b.status.counts[currency].To("'"+SheetStatus+"'!A1"), b.status.amounts[currency],
			count(n[payout.ClassCompleted]), units(sums[payout.ClassCompleted], currency), count(open), units(openSum, currency),
			count(n[payout.ClassDead]), units(sums[payout.ClassDead], currency))
	}
	if len(b.facts.Breakdown) == 0 {
		p.note("No payouts in the period.")
	}
}

func (b *builder) longestInFlight(p page) {
	p.section("Longest in flight")
	p.headings("Age (days)", "Created (UTC)", "Status", "Reference", "", "Amount", "Currency", "Payout id")
	for _, x := range firstN(b.facts.InFlight, 10) {
		p.data(count(ageDays(x.Created, b.asOf())), date(x.Created.Day()), text(shortStatus(x.Status)), text(x.RefID), Cell{}, amount(x.Amount), text(x.Amount.Currency()), text(x.ID))
	}
	if len(b.facts.InFlight) == 0 {
		p.note("Nothing is in flight.")
	}
}

func (b *builder) whatChanged(p page) {
	p.section("What changed since the last report")
	var parts []string
	if b.rec != nil {
		c := b.rec.Breaks
		parts = append(parts, plural(c.New, "new item"), fmt.Sprintf("%s cleared", thousands(c.Cleared)), fmt.Sprintf("%s reopened", thousands(c.Reopened)),
			fmt.Sprintf("%s reclassified", thousands(c.Reclassified)), fmt.Sprintf("%s carried over unseen", thousands(c.Carried)))
	}
	moved := plural(b.changes.payouts, "payout") + " of earlier days moved"
	if b.changes.alerts > 0 {
		moved += fmt.Sprintf(", %s of them from one final status to another", thousands(b.changes.alerts))
	}
	p.paragraph(strings.Join(append(parts, moved), "; ")+".", summaryWidth, summaryLine, Plain)
}

func (b *builder) coverage(p page) {
	p.section("Sources")
	days := payout.Period{From: b.book.Period.From, To: min(b.book.Period.To, b.asOf().Day()-1)}
	gaps := b.facts.Coverage.Gaps(b.book.Period, days.To)
	source := fmt.Sprintf("Provider: %s of %s complete", thousands(days.Days()-len(gaps)), plural(days.Days(), "ended day"))
	if len(gaps) > 0 {
		source += "; not complete: " + dayList(gaps)
	}
	look := Plain
	if len(gaps) > 0 {
		look = Warning
	}
	p.paragraph(source+".", summaryWidth, summaryLine, look)
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
	p.paragraph(ledger+".", summaryWidth, summaryLine, Plain)
}

// dayList shows days, runs of them as ranges, not more than a line.
func dayList(days []payout.Day) string {
	var parts []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j]+1 {
			j++
		}
		parts = append(parts, payout.Period{From: days[i], To: days[j]}.String())
		i = j + 1
	}
	if len(parts) > 6 {
		parts = append(parts[:6], fmt.Sprintf("and %d more ranges, see Evidence", len(parts)-6))
	}
	return strings.Join(parts, ", ")
}

const summaryChartRows = 15

func (b *builder) summaryCharts(p page) {
	p.blank(1)
	const left, right, height = 0, 5, 261 // 14.5 rows of 18 pixels
	var charts []Chart
	slots := []func(row, column, width, height int) []Chart{b.shareChart, b.dailyChart, b.ageingChart, b.kindsChart}
	row := p.next()
	for _, slot := range slots {
		column, width := left, 640
		if len(charts)%2 == 1 {
			column, width = right, 540
		}
		charts = append(charts, slot(row+len(charts)/2*summaryChartRows, column, width, height)...)
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
