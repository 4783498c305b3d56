package report

import (
	"cmp"
	"fmt"
	"slices"

	"payrecon/internal/payout"
)

// The ages by which open things are grouped, in whole days.
var ages = []struct {
	words    string
	from, to int64
}{
	{"0-1 days", 0, 1}, {"2-3 days", 2, 3}, {"4-7 days", 4, 7}, {"8-30 days", 8, 30}, {"over 30 days", 31, 1 << 30},
}

// The columns of the listings that formulas read.
const (
	listWhat       = 0
	listCurrency   = 1
	listAmount     = 2
	listAge        = 3
	listDifference = 5
	listPrinted    = 11 // columns
	listPayouts    = 11
	listEntries    = 12
	listInside     = 13
)

var listColumns = []Column{
	{Heading: "What", Width: 34, Wrap: true},
	{Heading: "Currency", Width: 10},
	{Heading: "Amount", Width: 17},
	{Heading: "Age (days)", Width: 16},
	{Heading: "Reference", Width: 20},
	{Heading: "Difference in cash (payout - ledger)", Width: 18},
	{Heading: "Status", Width: 26, Wrap: true},
	{Heading: "Payee", Width: 24, Wrap: true},
	{Heading: "Payout created (UTC)", Width: 19},
	{Heading: ledgerDateHeading, Width: 13},
	{Heading: "Why", Width: 56, Wrap: true},
	{Heading: "Payouts", Width: 9},
	{Heading: "Entries", Width: 9},
	{Heading: "In the period", Width: 10},
	{Heading: "Payout ids", Width: 42},
	{Heading: "Ledger lines", Width: 12},
}

// ledgerOnly are the columns that say nothing without a ledger, the last one first.
var ledgerOnly = []int{15, listEntries, listPayouts, 9, 6, listDifference}

// columnsOf leaves out of a row what the workbook has no use for.
func columnsOf[T any](b *builder, row []T) []T {
	if b.rec != nil {
		return row
	}
	row = slices.Clone(row)
	for _, i := range ledgerOnly {
		row = slices.Delete(row, i, i+1)
	}
	return row
}

// listing is one row of the reconciling items, and of what is in flight.
type listing struct {
	outcome          payout.Outcome // NoOutcome: in flight, from the mirror
	what             Cell
	currency         string
	amount           int64
	difference       int64
	age              int64
	payouts, entries int64
	inside           bool // all of it lies in the period
	cells            []Cell
}

// listed is a list with the place where its rows lie.
type listed struct {
	rows []listing
	area area
}

// whole reports whether every row of the list is on the sheet.
func (l *listed) whole() bool { return l.area.rows() == len(l.rows) }

// place returns where the i-th row lies, or "" when it did not fit.
func (l *listed) place(i int) string {
	if p := l.area.pieces[0]; p.first+i <= p.last {
		return place(p.sheet, p.first+i, 0)
	}
	return ""
}

// addReconciling lays out what explains itself by time (or, from the mirror alone, what is in flight), with its age.
func (b *builder) addReconciling() {
	if b.rec != nil {
		b.explained.rows = b.explainedRows()
	}
	b.flight.rows = b.flightRows()
	// The ageing stands above the lists that it sums. Their places do not depend on it, so the sheet is laid out twice: the
	// first time to learn where they lie.
	nowhere := area{[]piece{{SheetReconciling, 1, 0}}}
	b.explained.area, b.flight.area = nowhere, nowhere
	b.layReconciling()
	b.book.Sheets = append(b.book.Sheets, b.layReconciling().Sheet)
}

func (b *builder) layReconciling() page {
	note := "Differences that explain themselves and need no action; they are no breaks. Age in whole days at the as-of time. Columns after Why are not printed. " + b.zoneNote()
	if b.rec == nil {
		note = "Payouts that are still on their way at the provider, of any age. Age in whole days at the as-of time."
	}
	p := page{&Sheet{Name: SheetReconciling, Rows: b.head(SheetReconciling, note), Columns: columnsOf(b, listColumns), Heading: 2, FixedColumns: 1, Wide: true}, b.maxRows}
	if b.rec != nil {
		p.PrintColumns = listPrinted
	}
	inFlight := "In flight at the provider"
	if b.rec != nil {
		p.ageing("Reconciling items", &b.explained, "No reconciling items.")
	}
	b.ageing = p.ageing(inFlight, &b.flight, "Nothing is in flight.")
	if b.rec == nil {
		p.Filter = p.list(inFlight+", oldest first", &b.flight, b.maxRows, "Nothing is in flight.")
		p.Repeat = p.Filter
		return p
	}
	p.Filter = p.list("Reconciling items", &b.explained, b.maxRows/2, "No reconciling items.")
	p.Repeat, p.FilterEnd = p.Filter, len(p.Rows)
	p.list(inFlight+", oldest first", &b.flight, b.maxRows, "Nothing is in flight.")
	return p
}

// group is one line of the ageing.
type group struct{ what, currency string }

func groups(rows []listing) []group {
	var list []group
	seen, rank := map[group]bool{}, map[string]int{}
	for _, r := range rows {
		if _, known := rank[r.what.Text]; !known {
			rank[r.what.Text] = len(rank)
		}
		g := group{r.what.Text, r.currency}
		if !seen[g] {
			seen[g] = true
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(x, y group) int {
		return cmp.Or(cmp.Compare(rank[x.what], rank[y.what]), cmp.Compare(x.currency, y.currency))
	})
	return list
}

// ageing adds the counts and the values by age and returns what a chart of the counts draws.
func (p page) ageing(title string, l *listed, empty string) chartRange {
	p.section(title + " by age: how many")
	lines := groups(l.rows)
	if len(lines) == 0 {
		p.note(empty)
		return chartRange{}
	}
	words := []string{"What", "Currency"}
	for _, g := range ages {
		words = append(words, g.words)
	}
	heading := p.headings(append(words, "All")...)
	first := p.next()
	sums := make([]int64, len(ages)+1)
	for _, g := range lines {
		cells := g.cells(p.next(), l, false)
		for i := range sums {
			sums[i] += cells[2+i].Number
		}
		p.data(cells...)
	}
	last := len(p.Rows)
	total := []Cell{text("All, count"), {}}
	for i, n := range sums {
		total = append(total, sumAbove(count(n), first, last, i+2))
	}
	row := p.total(total...)
	p.section(title + " by age: value")
	p.headings(append(words, "All")...)
	for _, g := range lines {
		p.data(g.cells(p.next(), l, true)...)
	}
	return chartRange{
		categories: block(p.Name, heading, 2, heading, 1+len(ages)), names: []string{place(p.Name, row, 0)},
		values: []string{block(p.Name, row, 2, row, 1+len(ages))}, points: len(ages),
	}
}

// cells is one line of the ageing, in the given row: how many by age and in all, or their value. Over a list that was
// cut there are no formulas.
func (g group) cells(row int, l *listed, value bool) []Cell {
	cells := []Cell{text(g.what), text(g.currency)}
	var all int64
	for _, age := range ages {
		conds := []cond{is(listWhat, g.what), is(listCurrency, g.currency), {listAge, fmt.Sprintf(`">=%d"`, age.from)}, {listAge, fmt.Sprintf(`"<=%d"`, age.to)}}
		var n, sum int64
		for _, r := range l.rows {
			if r.what.Text == g.what && r.currency == g.currency && age.from <= r.age && r.age <= age.to {
				n++
				sum += r.amount
			}
		}
		c := count(n).By(l.area.countifs(conds...))
		if value {
			c = units(sum, g.currency).By(l.area.sumifs(listAmount, conds...))
		}
		if !l.whole() {
			c.Formula = ""
		}
		all += c.Number
		cells = append(cells, c)
	}
	total := cells[len(cells)-1]
	total.Number = all
	return append(cells, total.By("SUM("+at(row, 2)+":"+at(row, 1+len(ages))+")"))
}

// list adds the rows of a list, as far as they fit above limit, notes where they lie, and returns the row of its headings.
func (p page) list(title string, l *listed, limit int, empty string) int {
	p.section(title)
	words := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		words[i] = c.Heading
	}
	heading := p.headings(words...)
	rows := l.rows[:fit(len(l.rows), heading+1, limit)]
	for _, r := range rows {
		p.data(r.cells...)
	}
	l.area = area{[]piece{{p.Name, heading + 1, heading + len(rows)}}}
	p.left(len(rows), len(l.rows), empty)
	return heading
}

func (b *builder) explainedRows() []listing {
	rows := make([]listing, 0, len(b.rec.Explained))
	for i := range b.rec.Explained {
		f := &b.rec.Explained[i]
		s := sidesOf(f)
		r := listing{outcome: f.Outcome, what: word(f.Words(), f.Outcome.String()), currency: f.Exposure.Currency(), age: int64(f.AgeDays), inside: !b.acrossEdge(f)}
		r.payouts, r.entries = int64(len(f.Payouts)), int64(len(f.Entries))
		sums := s.payoutSums
		if len(f.Payouts) == 0 {
			sums = s.entrySums
		}
		if len(sums) > 0 {
			r.amount, r.currency = sums[0].Units(), sums[0].Currency()
		}
		if f.Difference != nil {
			r.difference = f.Difference.Units()
		}
		r.cells = []Cell{
			r.what, text(r.currency), units(r.amount, r.currency), count(r.age), text(f.RefID), difference(f.Difference), statuses(f.Payouts, s.payoutStatus),
			text(s.payee), instant(s.created), date(s.ledgerDay), text(b.why(f)), count(r.payouts), count(r.entries), yesNo(r.inside), text(s.ids), text(s.lines),
		}
		rows = append(rows, r)
	}
	return rows
}

func (b *builder) flightRows() []listing {
	rows := make([]listing, 0, len(b.facts.InFlight))
	for _, x := range b.facts.InFlight {
		r := listing{what: word(x.Status.Words(), string(x.Status)), currency: x.Amount.Currency(), amount: x.Amount.Units(), age: ageDays(x.Created, b.asOf())}
		r.cells = columnsOf(b, []Cell{
			r.what, text(r.currency), units(r.amount, r.currency), count(r.age), text(x.RefID),
			{},
			r.what, text(x.Payee), instant(x.Created),
			{},
			text(x.Reason), count(1),
			{},
			yesNo(b.book.Period.Contains(x.Created.Day())), text(x.ID),
			{},
		})
		rows = append(rows, r)
	}
	return rows
}

// explainedChecks ties the reconciling items to Totals and to the steps of the statement. Rows that reach across the period's
// edge stand on its line for these.
func (b *builder) explainedChecks(pair pairing) {
	l := &b.explained
	if !l.whole() {
		return
	}
	const source = "Reconciling items, those that lie in the period"
	for _, o := range payout.Outcomes {
		if o.Class != payout.Reconciling || !b.occurs(o.Outcome) {
			continue
		}
		var payouts, entries int64
		cash := map[string]int64{}
		for _, r := range l.rows {
			if r.outcome == o.Outcome && r.inside {
				payouts, entries, cash[r.currency] = payouts+r.payouts, entries+r.entries, cash[r.currency]+r.difference
			}
		}
		conds := []cond{is(listWhat, o.Words), is(listInside, "yes")}
		all := pick{outcome: o.Outcome, cutOff: "no"}
		pair(o.Words+", payouts", "", b.total(totalsPayouts, all), count(payouts).By(l.area.sumifs(listPayouts, conds...)), source)
		pair(o.Words+", entries", "", b.total(totalsEntries, all), count(entries).By(l.area.sumifs(listEntries, conds...)), source)
		for _, currency := range b.currencies() {
			step := b.step(pick{currency, o.Outcome, "no"})
			if step.Number != 0 || cash[currency] != 0 {
				pair(o.Words+", difference in cash", currency, step,
					units(cash[currency], currency).By(l.area.sumifs(listDifference, append(conds, is(listCurrency, currency))...)), source)
			}
		}
	}
}

// occurs reports whether an outcome stands in Totals or among the reconciling items.
func (b *builder) occurs(o payout.Outcome) bool {
	return slices.ContainsFunc(b.rec.Totals, func(t payout.Total) bool { return t.Outcome == o }) ||
		slices.ContainsFunc(b.explained.rows, func(r listing) bool { return r.outcome == o })
}

// ageDays is whole days between two instants, not below 0.
func ageDays(from, to payout.Millis) int64 { return max(0, int64(to-from)/86_400_000) }
