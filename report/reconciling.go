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

// The columns of the listing that the ageing sums.
const (
	listWhat = iota
	listRef
	listSide
	listCurrency
	listAmount
	listAge
)

var listHeadings = []string{"What", "Reference", "Side", "Currency", "Amount", "Age (days)", "Ledger date", "Payout created (UTC)", "Status", "Payee", "Payout ids", "Ledger lines", "Why"}

// listing is one row of the reconciling items.
type listing struct {
	what     Cell
	currency string
	amount   int64
	age      int64
	cells    []Cell
}

// addReconciling lays out what explains itself by time (or, from the mirror alone, what is in flight), with its age.
func (b *builder) addReconciling() {
	note := "Differences that explain themselves and need no action; they are no breaks. Age in whole days at the as-of time. "
	if b.rec == nil {
		note = "Payouts that are still on their way at the provider, of any age. Age in whole days at the as-of time."
	}
	p := b.newPage(SheetReconciling, note, 36, 24, 14, 14, 18, 14, 14, 20, 30, 26, 44, 12, 80)
	p.Columns[12].Wrap = true
	p.Wide = true
	flight := b.flightRows()
	var explained []listing
	if b.rec != nil {
		explained = b.explainedRows()
	}
	whole := len(explained)+len(flight)+1000 < b.maxRows // else lists are cut, and the ageing stands without formulas
	// The ageing stands first and sums the rows below it: their places follow from the number of lines above.
	lines, flightLines := groups(explained), groups(flight)
	row := len(p.Rows)
	if b.rec != nil {
		row += 3 + max(1, len(lines)) + 3
	}
	row += 3 + max(1, len(flightLines)) + 3 + 2
	explainedFirst := row + 4
	flightFirst := explainedFirst
	if b.rec != nil {
		flightFirst = explainedFirst + max(1, len(explained)) + 3
	}
	if b.rec != nil {
		p.ageing("Reconciling items by age", lines, explained, area{[]piece{{p.Name, explainedFirst, explainedFirst + len(explained) - 1}}}, "No reconciling items.", whole)
	}
	b.ageing = p.ageing("In flight at the provider by age", flightLines, flight, area{[]piece{{p.Name, flightFirst, flightFirst + len(flight) - 1}}}, "Nothing is in flight.", whole)
	p.blank(2)
	if b.rec != nil {
		p.list("Reconciling items", explained, min(len(flight), b.maxRows/2)+10, "No reconciling items.")
	}
	p.list("In flight at the provider, oldest first", flight, 0, "Nothing is in flight.")
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

// ageing adds the matrix of counts and values by age and returns what a chart of it draws.
func (p page) ageing(title string, lines []group, rows []listing, a area, empty string, whole bool) chartRange {
	p.section(title)
	words := []string{"What", "Currency"}
	for _, g := range ages {
		words = append(words, g.words)
	}
	heading := p.headings(append(words, "All: count", "All: value")...)
	if len(lines) == 0 {
		p.note(empty)
		p.blank(3)
		return chartRange{}
	}
	first := p.next()
	totals := make([]int64, len(ages)+1)
	for _, g := range lines {
		cells := g.cells(p.next(), rows, a)
		if !whole {
			for i := range cells {
				cells[i].Formula = ""
			}
		}
		for i := range totals {
			totals[i] += cells[2+i].Number
		}
		p.data(cells...)
	}
	last := len(p.Rows)
	p.blank(1)
	total := []Cell{text("All, count"), {}}
	for i, n := range totals {
		total = append(total, sumAbove(count(n), first, last, i+2))
	}
	row := p.total(append(total, Cell{})...)
	p.blank(1)
	return chartRange{
		categories: block(p.Name, heading, 2, heading, 1+len(ages)), names: []string{place(p.Name, row, 0)},
		values: []string{block(p.Name, row, 2, row, 1+len(ages))}, points: len(ages),
	}
}

// cells is one line of the ageing, in the given row: counts by age, all of them, and their value.
func (g group) cells(row int, rows []listing, a area) []Cell {
	cells := []Cell{text(g.what), text(g.currency)}
	var all, value int64
	for _, age := range ages {
		n := int64(0)
		for _, r := range rows {
			if r.what.Text == g.what && r.currency == g.currency && age.from <= r.age && r.age <= age.to {
				n++
				value += r.amount
			}
		}
		all += n
		cells = append(cells, count(n).By(a.countifs(is(listWhat, g.what), is(listCurrency, g.currency),
			cond{listAge, fmt.Sprintf(`">=%d"`, age.from)}, cond{listAge, fmt.Sprintf(`"<=%d"`, age.to)})))
	}
	return append(cells, count(all).By("SUM("+at(row, 2)+":"+at(row, 1+len(ages))+")"),
		units(value, g.currency).By(a.sumifs(listAmount, is(listWhat, g.what), is(listCurrency, g.currency))))
}

func (p page) list(title string, rows []listing, more int, empty string) {
	p.section(title)
	p.headings(listHeadings...)
	for _, r := range fit(p, rows, more) {
		p.data(r.cells...)
	}
	if len(rows) == 0 {
		p.note(empty)
	}
}

func (b *builder) explainedRows() []listing {
	rows := make([]listing, 0, len(b.rec.Explained))
	for i := range b.rec.Explained {
		f := &b.rec.Explained[i]
		s := sidesOf(f)
		side, sums := "Both", s.payoutSums
		switch {
		case len(f.Entries) == 0:
			side = "Provider"
		case len(f.Payouts) == 0:
			side, sums = "Ledger", s.entrySums
		}
		r := listing{what: word(f.Words(), f.Outcome.String()), currency: f.Exposure.Currency(), age: int64(f.AgeDays)}
		if len(sums) > 0 {
			r.amount, r.currency = sums[0].Units(), sums[0].Currency()
		}
		r.cells = []Cell{
			r.what, text(f.RefID), text(side), text(r.currency), units(r.amount, r.currency), count(r.age), date(s.ledgerDay),
			instant(s.created), statuses(f.Payouts, s.payoutStatus), text(s.payee), text(s.ids), text(s.lines), text(joinSentences(f.Why, f.Hint)),
		}
		rows = append(rows, r)
	}
	return rows
}

func (b *builder) flightRows() []listing {
	rows := make([]listing, 0, len(b.facts.InFlight))
	for _, x := range b.facts.InFlight {
		r := listing{what: word(x.Status.Words(), string(x.Status)), currency: x.Amount.Currency(), amount: x.Amount.Units(), age: ageDays(x.Created, b.asOf())}
		r.cells = []Cell{
			r.what, text(x.RefID), text("Provider"), text(r.currency), units(r.amount, r.currency), count(r.age),
			{},
			instant(x.Created), r.what,
			text(x.Payee), text(x.ID),
			{},
			text(x.Reason),
		}
		rows = append(rows, r)
	}
	return rows
}

// ageDays is whole days between two instants, not below 0.
func ageDays(from, to payout.Millis) int64 { return max(0, int64(to-from)/86_400_000) }
