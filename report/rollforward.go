package report

import (
	"cmp"
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// kindsRefs says where the exposure of open items by kind and currency stands.
type kindsRefs struct {
	heading    int
	rows       []int
	currencies []string // from column B on
}

// addRollForward leads from the items open before this run to those open after it, and shows what these are.
func (b *builder) addRollForward() {
	p := b.newPage(SheetRollForward, "Open items (breaks and unverified) from the run before to this one, per currency of their exposure. Values are exposures, face amounts.",
		40, 16, 20, 16, 20, 14, 14, 46)
	p.Wide, p.Columns[0].Wrap = true, true
	if len(b.rec.RollForward) == 0 {
		p.section("No items")
		p.note("No item was open before this run, and none is open after it.")
	}
	moved := b.movedItems()
	first := len(p.Rows) + rollRowsOf*len(b.rec.RollForward) + 3 + 1 // a blank, the title and the headings stand before the rows
	b.moved = area{[]piece{{p.Name, first, first + len(moved) - 1}}}
	for _, r := range b.rec.RollForward {
		b.rollForwardOf(p, r, moved)
	}
	if len(b.rec.RollForward) > 0 {
		p.movedItems(moved)
	}
	b.openByKind(p)
}

// rollRowsOf is how many rows the roll-forward of one currency takes.
const rollRowsOf = 9

func (b *builder) rollForwardOf(p page, r payout.RollForward, moved []movedItem) {
	currency := r.Currency
	p.section(currencyOr(currency, "Without an amount"))
	p.headings("", "Items", "Value", "Rows: items", "Rows: value", "Check: items", "Check: value", "Rows")
	first := p.next()
	label := "Roll-forward " + currencyOr(currency, "without amount")
	line := func(add func(...Cell) int, words string, items, value Cell, rows rollRows, where Cell) {
		row := p.next()
		add(text(words), items, value, rows.items, rows.value,
			b.check(label+", "+words+": items", p.Name, row, 5, count(items.Number-rows.items.Number), at(row, 1)+"-("+at(row, 3)+")"),
			b.check(label+", "+words+": value", p.Name, row, 6, units(value.Number-rows.value.Number, currency), at(row, 2)+"-("+at(row, 4)+")"), where)
	}
	step := func(words string, c payout.RollCount, rows rollRows, where Cell) {
		line(p.data, words, count(c.Count), units(c.Units, currency), rows, where)
	}
	breaks := func(words string, states ...payout.ItemState) Cell {
		return text(words).To(b.firstBreak(func(it *payout.Item) bool { return slices.Contains(states, it.State) }))
	}
	cleared, changes := b.clearedOf(currency), b.movedOf(currency, moved)
	before := b.itemsOf(currency, payout.ItemOpen).plus(b.itemsOf(currency, payout.ItemCarried), 1).plus(cleared, -1).plus(changes, -1)
	step("open before this run", r.Opening, before, text("Breaks, Open and Carried over; Cleared"))
	step("new", r.New, b.itemsOf(currency, payout.ItemNew), breaks("Breaks, state New", payout.ItemNew))
	step("reopened", r.Reopened, b.itemsOf(currency, payout.ItemReopened), breaks("Breaks, state Reopened", payout.ItemReopened))
	step("reclassified and remeasured", r.Remeasured, changes, text("Below: what this run changed").To(b.moved.start()))
	step("cleared", payout.RollCount{Count: -r.Cleared.Count, Units: -r.Cleared.Units}, cleared, text("Cleared").To(b.gone.start()))
	last := len(p.Rows)
	line(p.total, "open after this run",
		sumAbove(count(r.Opening.Count+r.New.Count+r.Reopened.Count+r.Remeasured.Count-r.Cleared.Count), first, last, 1),
		sumAbove(units(r.Opening.Units+r.New.Units+r.Reopened.Units+r.Remeasured.Units-r.Cleared.Units, currency), first, last, 2),
		b.itemsOf(currency), text("Breaks, all states").To(b.breaks.start()).Styled(Total))
}

// movedItem is an item that was open before this run and is now something else, or of another exposure.
type movedItem struct {
	item         *payout.Item
	place        string
	before       money.Amount
	was          string // in words
	reclassified bool   // another outcome
}

// movedItems finds them by what the run noted of its items.
func (b *builder) movedItems() []movedItem {
	index := map[int64]int{}
	for i := range b.open {
		index[b.open[i].ID] = i
	}
	var list []movedItem
	known := map[int64]int{} // where an item stands in the list
	for _, e := range b.rec.Events {
		i, open := index[e.Item]
		if !open || e.Kind != payout.EventReclassified && e.Kind != payout.EventRemeasured {
			continue
		}
		n, again := known[e.Item]
		if !again {
			it := &b.open[i]
			sheet, row := b.breaks.row(i)
			n, known[e.Item] = len(list), len(list)
			list = append(list, movedItem{item: it, place: place(sheet, row, 0), before: it.Exposure, was: it.Words()})
		}
		if e.Kind == payout.EventRemeasured {
			_ = list[n].before.UnmarshalText([]byte(e.From)) // written by payrecon; were it not readable, the check would say so
			continue
		}
		var was payout.Finding
		code, cell, _ := strings.Cut(e.From, "/")
		if was.Outcome.UnmarshalText([]byte(code)) == nil && was.Cell.UnmarshalText([]byte(cell)) == nil {
			list[n].was, list[n].reclassified = was.Words(), was.Outcome != list[n].item.Outcome
		}
	}
	return list
}

// The columns of the listing of moved items that formulas read.
const (
	movedBefore         = 2
	movedCurrencyBefore = 3
	movedNow            = 4
	movedCurrencyNow    = 5
	movedReclassified   = 6
)

func (p page) movedItems(list []movedItem) {
	p.section("What this run changed about items that were open before")
	p.headings("What it is now", "No.", "Exposure before", "Currency before", "Exposure now", "Currency now", "Reclassified", "What it was")
	for _, m := range list {
		p.data(word(m.item.Words(), m.item.Outcome.String()), count(m.item.ID).To(m.place), exposure(&m.item.Finding, m.before), text(m.before.Currency()), exposure(&m.item.Finding, m.item.Exposure),
			text(m.item.Exposure.Currency()), yesNo(m.reclassified), text(m.was))
	}
	if len(list) == 0 {
		p.note("Nothing: every item that stayed open is what it was, with the exposure it had.")
	}
}

// movedOf is what the moved items add to a currency's balance: what they are now less what they were.
func (b *builder) movedOf(currency string, moved []movedItem) rollRows {
	var n, sum int64
	for _, m := range moved {
		if m.item.Exposure.Currency() == currency {
			n++
			sum += m.item.Exposure.Units()
		}
		if m.before.Currency() == currency {
			n--
			sum -= m.before.Units()
		}
	}
	number := cond{1, `">0"`} // of the item: a currency can be blank
	now, before := is(movedCurrencyNow, currency), is(movedCurrencyBefore, currency)
	return rollRows{
		count(n).By(b.moved.countifs(now, number) + "-(" + b.moved.countifs(before, number) + ")"),
		units(sum, currency).By(b.moved.sumifs(movedNow, now, number) + "-(" + b.moved.sumifs(movedBefore, before, number) + ")"),
	}
}

func currencyOr(code, words string) string {
	if code == "" || code == money.NoCurrency {
		return words
	}
	return code
}

// itemsOf counts and values the rows of Breaks of one currency, in one state or in all.
func (b *builder) itemsOf(currency string, state ...payout.ItemState) rollRows {
	var n, sum int64
	for _, it := range b.open {
		if it.Exposure.Currency() == currency && (len(state) == 0 || slices.Contains(state, it.State)) {
			n++
			sum += it.Exposure.Units()
		}
	}
	conds := []cond{is(breaksCurrency, currency), {breaksID, `">0"`}}
	if len(state) > 0 {
		conds = append(conds, is(breaksColumnOf("state"), stateWords[state[0]]))
	}
	return rollRows{count(n).By(b.breaks.countifs(conds...)), units(sum, currency).By(b.breaks.sumifs(breaksExposure, conds...))}
}

// clearedOf counts and values the rows of Cleared of one currency, as what leaves the balance: negative.
func (b *builder) clearedOf(currency string) rollRows {
	var n, sum int64
	for _, it := range b.cleared {
		if it.Exposure.Currency() == currency {
			n--
			sum -= it.Exposure.Units()
		}
	}
	conds := []cond{is(clearedCurrency, currency), {clearedID, `">0"`}}
	return rollRows{count(n).By("-(" + b.gone.countifs(conds...) + ")"), units(sum, currency).By("-(" + b.gone.sumifs(clearedExposure, conds...) + ")")}
}

// rollRows is a count and a value of rows that stand elsewhere.
type rollRows struct{ items, value Cell }

// plus adds other rows, or with sign -1 takes them away.
func (r rollRows) plus(other rollRows, sign int64) rollRows {
	operator := map[int64]string{1: "+(", -1: "-("}[sign]
	add := func(to *Cell, c Cell) {
		to.Number += sign * c.Number
		to.Formula += operator + c.Formula + ")"
	}
	add(&r.items, other.items)
	add(&r.value, other.value)
	return r
}

// The columns of Cleared that the roll-forward sums.
const (
	clearedID       = 0
	clearedExposure = 3
	clearedCurrency = 4
)

func breaksColumnOf(code string) int {
	return slices.IndexFunc(breaksLayout, func(c breaksColumn) bool { return c.Code == code })
}

// openByKind shows the closing balance by kind: what the first sheet's picture draws.
func (b *builder) openByKind(p page) {
	p.section("Open items by kind: exposure per currency")
	if len(b.open) == 0 {
		p.note("No open items.")
		return
	}
	var kinds []string
	set := map[string]bool{}
	for _, it := range b.open {
		kinds = add(kinds, it.Words())
		if !it.Exposure.IsZero() {
			set[it.Exposure.Currency()] = true
		}
	}
	currencies := sortedKeys(set)
	p.headings(append([]string{"Kind"}, currencies...)...)
	rows := map[string]int{}
	for _, kind := range kinds {
		cells := []Cell{text(kind)}
		for _, currency := range currencies {
			var sum int64
			for _, it := range b.open {
				if it.Words() == kind && it.Exposure.Currency() == currency {
					sum += it.Exposure.Units()
				}
			}
			cells = append(cells, units(sum, currency).By(b.breaks.sumifs(breaksExposure, is(breaksWhat, kind), is(breaksCurrency, currency))))
		}
		rows[kind] = p.data(cells...)
	}
	b.countsByKind(p, kinds)
	if len(currencies) > 0 {
		b.kindsInPicture(p, kinds, currencies, rows)
	}
}

// picturedKinds is how many kinds a picture can tell apart.
const picturedKinds = 5

// kindsInPicture adds the table that the picture draws: the kinds with the largest shares of a currency's exposure, and all
// others together.
func (b *builder) kindsInPicture(p page, kinds, currencies []string, rows map[string]int) {
	exposure := func(kind string, currency int) int64 { return p.Rows[rows[kind]-1].Cells[currency+1].Number }
	shares := map[string]int64{} // by kind, summed over the currencies
	for i := range currencies {
		var all int64
		for _, kind := range kinds {
			all += exposure(kind, i)
		}
		for _, kind := range kinds {
			if all != 0 {
				shares[kind] += ratio(exposure(kind, i), all)
			}
		}
	}
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { // without any value there is nothing to draw
		return !slices.ContainsFunc(p.Rows[rows[kind]-1].Cells[1:], func(c Cell) bool { return c.Number != 0 })
	})
	slices.SortStableFunc(kinds, func(x, y string) int { return cmp.Compare(shares[y], shares[x]) })
	shown := kinds
	if len(kinds) > picturedKinds+1 {
		shown = kinds[:picturedKinds]
	}
	p.section("Open items by kind, as in the picture: the largest shares of exposure")
	k := kindsRefs{currencies: currencies}
	k.heading = p.headings(append([]string{"Kind"}, currencies...)...)
	others := make([]Cell, len(currencies))
	for _, kind := range kinds {
		label, _, _ := strings.Cut(kind, ":") // a legend has little room
		label, _, _ = strings.Cut(label, ", payout")
		cells := []Cell{text(label)}
		for i := range currencies {
			c := p.Rows[rows[kind]-1].Cells[i+1]
			c.Formula = at(rows[kind], i+1)
			cells = append(cells, c)
			if !slices.Contains(shown, kind) {
				others[i] = plus(others[i], c)
			}
		}
		if slices.Contains(shown, kind) {
			k.rows = append(k.rows, p.data(cells...))
		}
	}
	if len(shown) < len(kinds) {
		k.rows = append(k.rows, p.data(append([]Cell{text("All others")}, others...)...))
	}
	b.kinds = k
}

func (b *builder) countsByKind(p page, kinds []string) {
	severities := []payout.Severity{payout.Critical, payout.High, payout.Medium, payout.Low}
	p.section("Open items by kind: how many, and how urgent")
	words := []string{"Kind", "Items"}
	for _, s := range severities {
		words = append(words, severity(s).Text)
	}
	p.headings(words...)
	first := p.next()
	for _, kind := range kinds {
		row := p.next()
		cells := []Cell{text(kind), {}}
		var all int64
		for _, s := range severities {
			var n int64
			for _, it := range b.open {
				if it.Words() == kind && it.Severity == s {
					n++
				}
			}
			all += n
			cells = append(cells, count(n).By(b.breaks.countifs(is(breaksWhat, kind), is(breaksSeverity, severity(s).Text))))
		}
		cells[1] = count(all).By("SUM(" + at(row, 2) + ":" + at(row, 1+len(severities)) + ")")
		p.data(cells...)
	}
	last := len(p.Rows)
	total := []Cell{text("All")}
	for column := 1; column <= 1+len(severities); column++ {
		var n int64
		for _, r := range p.Rows[first-1 : last] {
			n += r.Cells[column].Number
		}
		total = append(total, sumAbove(count(n), first, last, column))
	}
	p.total(total...)
}

// addCleared lists the items that this run closed.
func (b *builder) addCleared() {
	t := table{
		name: SheetCleared, fixed: 2, wide: true, printed: 13,
		note:  "Items that were open before this run and are not any more, and what cleared them. The columns after Why are not printed.",
		empty: "This run cleared no item.",
		columns: []Column{
			{Heading: "No.", Code: "id", Width: 8},
			{Heading: "What it was", Code: "outcome", Width: 34},
			{Heading: "Reference", Code: "ref_id", Width: 22},
			{Heading: "Exposure", Code: "exposure", Width: 18},
			{Heading: "Currency", Code: "currency", Width: 10},
			{Heading: "Cleared by", Code: "cleared_by", Width: 14},
			{Heading: "Cleared (UTC)", Code: "cleared_at", Width: 19},
			{Heading: "First seen (UTC)", Code: "first_seen", Width: 14},
			{Heading: "Days open", Code: "days_open", Width: 10},
			{Heading: "Disposition", Code: "disposition", Width: 20},
			{Heading: "Owner", Code: "owner", Width: 16},
			{Heading: "Note", Code: "note", Width: 30, Wrap: true},
			{Heading: "Why", Code: "why", Width: 54, Wrap: true},
			{Heading: "Payout ids", Code: "payout_ids", Width: 44},
			{Heading: "Ledger lines", Code: "ledger_lines", Width: 12},
		},
	}
	for i := range b.cleared {
		it := &b.cleared[i]
		s := sidesOf(&it.Finding)
		t.rows = append(t.rows, []Cell{
			count(it.ID), word(it.Words(), it.Outcome.String()), text(it.RefID), exposure(&it.Finding, it.Exposure), text(it.Exposure.Currency()), clearedBy(it.ClearedBy),
			instant(it.ClearedAt), firstSeen(it), count(ageDays(it.FirstSeen, it.ClearedAt)), dispositionCell(it.Disposition), text(it.Owner), text(it.Note),
			text(b.why(&it.Finding)), text(s.ids), text(s.lines),
		})
	}
	_, b.gone = b.addTable(t)
}

func clearedBy(code string) Cell {
	words := map[string]string{"payout": "The payout", "ledger": "The ledger", "person": "A person"}[code]
	if words == "" {
		return text(code)
	}
	return word(words, code)
}
