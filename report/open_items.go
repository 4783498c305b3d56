package report

import (
	"cmp"
	"slices"

	"payrecon/internal/payout"
)

// openItems counts what is open and names the largest.
func (b *builder) openItems(p page) {
	p.section("Open items")
	p.headings("Severity", "Items", "Decided: with a disposition", "New", "Open", "Reopened", "Carried over")
	states := []payout.ItemState{payout.ItemNew, payout.ItemOpen, payout.ItemReopened, payout.ItemCarried}
	first := p.next()
	for _, s := range []payout.Severity{payout.Critical, payout.High, payout.Medium, payout.Low} {
		row := p.next()
		counted := func(meant func(*payout.Item) bool, conds ...cond) Cell {
			of := func(it *payout.Item) bool { return it.Severity == s && meant(it) }
			conds = append([]cond{is(breaksSeverity, severity(s).Text)}, conds...)
			return traced(count(b.openCount(of)).By(b.breaks.countifs(conds...)).To(b.firstBreak(of)))
		}
		all := counted(func(*payout.Item) bool { return true })
		all.Formula = "SUM(" + at(row, 3) + ":" + at(row, 6) + ")"
		cells := []Cell{severity(s), all, counted(func(it *payout.Item) bool { return it.Disposition != nil }, cond{breaksColumnOf("disposition"), `"?*"`})}
		for _, state := range states {
			cells = append(cells, counted(func(it *payout.Item) bool { return it.State == state }, is(breaksColumnOf("state"), stateWords[state])))
		}
		p.data(cells...)
	}
	last := len(p.Rows)
	total := []Cell{text("All")}
	for column := 1; column <= 6; column++ {
		var n int64
		for _, r := range p.Rows[first-1 : last] {
			n += r.Cells[column].Number
		}
		total = append(total, traced(sumAbove(count(n), first, last, column).To(b.breaks.start())))
	}
	p.total(total...)
	b.largest(p)
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
		cell := func(column int, c Cell) Cell { return c.By(place(sheet, row, column)) }
		old := age(&it.Finding)
		if old.Kind != Blank { // a formula would make 0 of an empty cell
			old = cell(breaksColumnOf("age_days"), old)
		}
		p.data(cell(breaksID, count(it.ID)).To(b.breakPlace(i)), cell(breaksSeverity, severity(it.Severity)), cell(breaksWhat, word(it.Words(), it.Outcome.String())),
			text(it.RefID), Cell{}, cell(breaksExposure, amount(it.Exposure)), text(it.Exposure.Currency()),
			old, text(it.Owner), dispositionCell(it.Disposition))
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
			return cmp.Compare(b.open[y].Exposure.Units(), b.open[x].Exposure.Units())
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
