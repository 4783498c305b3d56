package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// statusRefs says where other sheets find the figures of the status breakdown.
type statusRefs struct {
	counts, amounts map[string]Cell // by currency: the totals, as formulas that refer to them and lead there
	byClass         map[classKey]classSum
	share           chartRange // one part for each status
	daily           chartRange // one series for each status, one category for each day
	statuses        []payout.Status
}

// classKey is a currency's payouts that are completed, on their way, dead, or of a status that nobody knows.
type classKey struct {
	currency string
	class    payout.StatusClass
}

// classSum counts and sums a class, by formulas that refer to the rows of its statuses.
type classSum struct{ count, amount Cell }

// chartRange is what a chart draws.
type chartRange struct {
	categories string
	names      []string // references
	values     []string
	points     int // categories; 0 = nothing to draw
}

// The columns of the detail at the foot of the sheet, which everything above it sums.
const (
	detailStatus = iota
	detailCurrency
	detailDay
	detailOnBehalfOf
	detailCount
	detailAmount
)

const plainPass = "(own account)"

func onBehalfOf(id string) string {
	if id == "" {
		return plainPass
	}
	return id
}

// statusPage lays the breakdown out. The detail comes last on the sheet, but its place is known first: every section's size
// follows from what occurs.
type statusPage struct {
	page
	b          *builder
	detail     area
	currencies []string
	statuses   []payout.Status
	days       []payout.Day
	parties    []string
	chartRow   int // where the pictures begin
}

func (b *builder) addStatus() {
	rows := slices.Clone(b.facts.Breakdown)
	slices.SortFunc(rows, func(x, y payout.StatusCount) int {
		return cmp.Or(cmp.Compare(x.Day, y.Day), cmp.Compare(x.OnBehalfOf, y.OnBehalfOf), cmp.Compare(x.Currency, y.Currency),
			cmp.Compare(statusRank(x.Status), statusRank(y.Status)), cmp.Compare(x.Status, y.Status))
	})
	p := &statusPage{page: b.newPage(SheetStatus, "All payouts created in the period (UTC days), by what the provider says of them now. Completed = "+
		"initiation completed; settlement is not confirmed by the provider.", 46, 16, 18, 18, 18, 18, 18, 18, 18), b: b}
	p.Wide = true
	p.Tab = Good
	p.survey(rows)
	detailRow := p.detailStart()
	p.detail = area{[]piece{{SheetStatus, detailRow, detailRow + max(len(rows), 1) - 1}}}
	b.status = statusRefs{counts: map[string]Cell{}, amounts: map[string]Cell{}, byClass: map[classKey]classSum{}, statuses: p.statuses}
	p.byStatus(rows)
	p.byDay(rows)
	p.byDayAndCurrency(rows)
	p.byParty(rows)
	p.details(rows)
	p.pictures()
}

func statusRank(s payout.Status) int {
	for i, x := range payout.Statuses {
		if x.Status == s {
			return i
		}
	}
	return len(payout.Statuses)
}

// survey finds what occurs. The documented statuses are always shown, so that two reports can be laid side by side.
func (p *statusPage) survey(rows []payout.StatusCount) {
	currencies, parties, unknown, days := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[payout.Day]bool{}
	for _, r := range rows {
		currencies[r.Currency], parties[r.OnBehalfOf], days[r.Day] = true, true, true
		if r.Status.Class() == payout.ClassUnknown {
			unknown[string(r.Status)] = true
		}
	}
	p.currencies, p.parties = sortedKeys(currencies), sortedKeys(parties)
	for _, s := range payout.Statuses {
		p.statuses = append(p.statuses, s.Status)
	}
	for _, s := range sortedKeys(unknown) {
		p.statuses = append(p.statuses, payout.Status(s))
	}
	if n := p.b.book.Period.Days(); n <= 400 {
		for d := p.b.book.Period.From; d <= p.b.book.Period.To; d++ {
			days[d] = true
		}
	}
	p.days = slices.Sorted(maps.Keys(days))
}

// chartRows is the room kept for the pictures, where there are any.
func (p *statusPage) chartRows() int {
	if len(p.b.facts.Breakdown) == 0 {
		return 0
	}
	return 18
}

// detailStart computes the row of the detail's first data row from the sizes of the sections before it.
func (p *statusPage) detailStart() int {
	row := tableHead - 1
	row += 3 + max(len(p.currencies)*(len(p.statuses)+1), 1) // blank, section, headings, rows
	row += 1 + p.chartRows()
	row += 3 + len(p.days) + 2
	if len(p.currencies) > 1 {
		row += 3 + len(p.days)*len(p.currencies)
	}
	if p.hasParties() {
		row += 3 + len(p.parties)*len(p.currencies)
	}
	return row + 3 + 1
}

func (p *statusPage) hasParties() bool {
	return len(p.parties) > 1 || len(p.parties) == 1 && p.parties[0] != ""
}

// sum chooses rows of the detail, for the formula and for its value.
func (p *statusPage) sum(rows []payout.StatusCount, column int, currency string, keep func(payout.StatusCount) bool, conds ...cond) Cell {
	var n int64
	for _, r := range rows {
		if keep(r) {
			if column == detailCount {
				n += r.Count
			} else {
				n += r.Units
			}
		}
	}
	formula := p.detail.sumifs(column, conds...)
	if column == detailCount {
		return count(n).By(formula)
	}
	return units(n, currency).By(formula)
}

func (p *statusPage) byStatus(rows []payout.StatusCount) {
	p.section("By status and currency")
	p.headings("Status", "Currency", "Payouts", "Amount", "Share of the currency's payouts", "Share of the currency's amount")
	if len(p.currencies) == 0 {
		p.note("No payouts in the period.")
		return
	}
	for _, currency := range p.currencies {
		first := p.next()
		last := first + len(p.statuses) // the total's row
		in := func(r payout.StatusCount) bool { return r.Currency == currency }
		all := p.sum(rows, detailCount, currency, in)
		allAmount := p.sum(rows, detailAmount, currency, in)
		for _, s := range p.statuses {
			keep := func(r payout.StatusCount) bool { return r.Currency == currency && r.Status == s }
			conds := []cond{is(detailCurrency, currency), is(detailStatus, s.Words())}
			n, a := p.sum(rows, detailCount, currency, keep, conds...), p.sum(rows, detailAmount, currency, keep, conds...)
			row := p.next()
			key := classKey{currency, s.Class()}
			sum := p.b.status.byClass[key]
			refer := func(to, c Cell, column int) Cell {
				ref := place(SheetStatus, row, column)
				return plus(to, c.By(ref).To(ref))
			}
			p.b.status.byClass[key] = classSum{refer(sum.count, n, 2), refer(sum.amount, a, 3)}
			p.data(word(s.Words(), string(s)), text(currency), n, a, shareOf(n, all, row, last, 2), shareOf(a, allAmount, row, last, 3))
		}
		c, a := sumAbove(count(all.Number), first, last-1, 2), sumAbove(units(allAmount.Number, currency), first, last-1, 3)
		row := p.total(text("All statuses"), text(currency), c, a, Cell{}, Cell{})
		p.b.status.counts[currency] = count(c.Number).By(place(SheetStatus, row, 2)).To(place(SheetStatus, row, 2))
		p.b.status.amounts[currency] = a.Styled(Plain).By(place(SheetStatus, row, 3)).To(place(SheetStatus, row, 3))
	}
}

func sumAbove(c Cell, first, last, column int) Cell {
	return c.By("SUM(" + at(first, column) + ":" + at(last, column) + ")")
}

// shareOf is a part of a total that stands in another row of the same column.
func shareOf(part, whole Cell, row, totalRow, column int) Cell {
	t := columnName(column) + "$" + at(totalRow, 0)[1:]
	return share(part.Number, whole.Number).By("IF(" + t + "=0,0,ROUND(" + at(row, column) + "/" + t + ",4))")
}

// byDay counts payouts per day and status: counts may be added over currencies, amounts may not.
func (p *statusPage) byDay(rows []payout.StatusCount) {
	p.chartRow = p.next() + 1
	if p.next() > 30 { // the pictures do not fit on the first page
		p.PageBreaks = append(p.PageBreaks, p.next())
	}
	p.blank(1)
	p.space(p.chartRows())
	day := p.section("Payouts by day (UTC) and status, all currencies")
	if len(p.days) > 12 {
		p.PageBreaks = append(p.PageBreaks, day)
	}
	words := []string{"Day", "All"}
	for _, s := range p.statuses {
		words = append(words, shortStatus(s))
	}
	p.Repeat = p.headings(append(words, "Label in the picture")...)
	first := p.next()
	for _, d := range p.days {
		row := p.next()
		cells := []Cell{date(d), {}}
		var all int64
		for _, s := range p.statuses {
			n := p.sum(rows, detailCount, "", func(r payout.StatusCount) bool { return r.Day == d && r.Status == s },
				same(detailDay, "$"+at(row, 0)), is(detailStatus, s.Words()))
			all += n.Number
			cells = append(cells, n)
		}
		cells[1] = count(all).By("SUM(" + at(row, 2) + ":" + at(row, len(cells)-1) + ")")
		p.data(append(cells, text(d.Start().Format("2 Jan")).Styled(Note))...)
	}
	last := len(p.Rows)
	total := []Cell{text("All days")}
	for i := range len(p.statuses) + 1 {
		var n int64
		for _, r := range p.Rows[first-1 : last] {
			n += r.Cells[i+1].Number
		}
		total = append(total, sumAbove(count(n), first, last, i+1))
	}
	totalRow := p.total(total...)
	labels := []Cell{text("Label in the picture").Styled(Note), {}}
	for i, s := range p.statuses {
		labels = append(labels, shareLabel(shortStatus(s), total[2+i].Number, total[1].Number, at(totalRow, 2+i), at(totalRow, 1)))
	}
	p.data(labels...)
	p.chartRanges(first, last, totalRow)
}

// shareLabel is a name with its share of the whole: "Completed 92.1%".
func shareLabel(name string, part, whole int64, partRef, wholeRef string) Cell {
	tenths := int64(0) // of a percent
	if whole > 0 {
		tenths = (2000*part + whole) / (2 * whole) // rounded half up
	}
	return text(fmt.Sprintf("%s %d.%d%%", name, tenths/10, tenths%10)).Styled(Note).By(`"` + strings.ReplaceAll(name, `"`, `""`) + ` "&IF(` + wholeRef + `=0,"0.0",FIXED(100*` + partRef + "/" + wholeRef + `,1,TRUE))&"%"`)
}

func (p *statusPage) chartRanges(first, last, totalRow int) {
	refs := &p.b.status
	label := 2 + len(p.statuses)
	refs.daily = chartRange{categories: block(SheetStatus, first, label, last, label), points: last - first + 1}
	refs.share = chartRange{
		categories: block(SheetStatus, totalRow+1, 2, totalRow+1, 1+len(p.statuses)),
		values:     []string{block(SheetStatus, totalRow, 2, totalRow, 1+len(p.statuses))}, points: len(p.statuses),
	}
	for i := range p.statuses {
		refs.daily.names = append(refs.daily.names, place(SheetStatus, first-1, 2+i))
		refs.daily.values = append(refs.daily.values, block(SheetStatus, first, 2+i, last, 2+i))
	}
	if len(p.b.facts.Breakdown) == 0 {
		refs.daily.points, refs.share.points = 0, 0
	}
}

// shortStatus fits a legend.
func shortStatus(s payout.Status) string {
	switch s {
	case payout.Pending:
		return "Pending"
	case payout.Processing:
		return "Processing"
	case payout.Completed:
		return "Completed"
	case payout.Rejected:
		return "Rejected"
	case payout.Failed:
		return "Failed"
	}
	return string([]rune(Clean(string(s)))[:min(30, len([]rune(Clean(string(s)))))])
}

func (p *statusPage) byDayAndCurrency(rows []payout.StatusCount) {
	if len(p.currencies) < 2 {
		return
	}
	section := p.section("Amounts by day (UTC) and currency")
	if len(p.days)*len(p.currencies) > 24 {
		p.PageBreaks = append(p.PageBreaks, section)
	}
	p.Repeat = p.headings("Day", "Currency", "Payouts", "Amount", "of it completed")
	for _, d := range p.days {
		for _, currency := range p.currencies {
			row := p.next()
			in := func(r payout.StatusCount) bool { return r.Day == d && r.Currency == currency }
			completed := func(r payout.StatusCount) bool { return in(r) && r.Status == payout.Completed }
			conds := []cond{same(detailDay, "$"+at(row, 0)), is(detailCurrency, currency)}
			p.data(date(d), text(currency), p.sum(rows, detailCount, currency, in, conds...), p.sum(rows, detailAmount, currency, in, conds...),
				p.sum(rows, detailAmount, currency, completed, append(conds, is(detailStatus, payout.Completed.Words()))...))
		}
	}
}

func (p *statusPage) byParty(rows []payout.StatusCount) {
	if !p.hasParties() {
		return
	}
	p.section("On behalf of")
	p.headings("On behalf of", "Currency", "Payouts", "Amount", "of it completed", "Share of the currency's payouts")
	for _, party := range p.parties {
		for _, currency := range p.currencies {
			in := func(r payout.StatusCount) bool { return r.OnBehalfOf == party && r.Currency == currency }
			completed := func(r payout.StatusCount) bool { return in(r) && r.Status == payout.Completed }
			conds := []cond{is(detailOnBehalfOf, onBehalfOf(party)), is(detailCurrency, currency)}
			row := p.next()
			n, all := p.sum(rows, detailCount, currency, in, conds...), p.b.status.counts[currency]
			p.data(text(onBehalfOf(party)), text(currency), n, p.sum(rows, detailAmount, currency, in, conds...),
				p.sum(rows, detailAmount, currency, completed, append(conds, is(detailStatus, payout.Completed.Words()))...),
				share(n.Number, all.Number).By("IF("+all.Formula+"=0,0,ROUND("+at(row, 2)+"/"+all.Formula+",4))"))
		}
	}
}

func (p *statusPage) details(rows []payout.StatusCount) {
	p.PrintRows = len(p.Rows)
	p.section("Detail: what the sections above sum (not printed)")
	p.Filter = p.headings("Status", "Currency", "Day (UTC)", "On behalf of", "Payouts", "Amount")
	for _, r := range rows {
		p.data(word(r.Status.Words(), string(r.Status)), text(r.Currency), date(r.Day), text(onBehalfOf(r.OnBehalfOf)), count(r.Count), units(r.Units, r.Currency))
	}
	if len(rows) == 0 {
		p.note("No payouts in the period.")
	}
}
