package report

import (
	"cmp"
	"slices"

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
	p.Wide = true
	if len(b.rec.RollForward) == 0 {
		p.section("No items")
		p.note("No item was open before this run, and none is open after it.")
	}
	for _, r := range b.rec.RollForward {
		b.rollForwardOf(p, r)
	}
	b.openByKind(p)
}

func (b *builder) rollForwardOf(p page, r payout.RollForward) {
	currency := r.Currency
	p.section(currencyOr(currency, "Without an amount"))
	p.headings("", "Items", "Value", "Rows: items", "Rows: value", "Check: items", "Check: value", "Rows")
	first := p.next()
	label := "Roll-forward " + currencyOr(currency, "without amount")
	line := func(words string, c payout.RollCount) {
		p.data(text(words), count(c.Count), units(c.Units, currency))
	}
	listed := func(words string, c payout.RollCount, rows rollRows, where string) {
		row := p.next()
		p.data(text(words), count(c.Count), units(c.Units, currency), rows.items, rows.value,
			b.check(label+", "+words+": items", p.Name, row, 5, count(c.Count-rows.items.Number), at(row, 1)+"-("+at(row, 3)+")"),
			b.check(label+", "+words+": value", p.Name, row, 6, units(c.Units-rows.value.Number, currency), at(row, 2)+"-("+at(row, 4)+")"), text(where))
	}
	line("open before this run", r.Opening)
	listed("new", r.New, b.itemsOf(currency, stateWords[payout.ItemNew]), "Breaks, state New")
	listed("reopened", r.Reopened, b.itemsOf(currency, stateWords[payout.ItemReopened]), "Breaks, state Reopened")
	line("reclassified and remeasured", r.Remeasured)
	listed("cleared", payout.RollCount{Count: -r.Cleared.Count, Units: -r.Cleared.Units}, b.clearedOf(currency), "Cleared")
	last := len(p.Rows)
	row := p.next()
	rows := b.itemsOf(currency, "")
	closing := sumAbove(count(r.Opening.Count+r.New.Count+r.Reopened.Count+r.Remeasured.Count-r.Cleared.Count), first, last, 1)
	value := sumAbove(units(r.Opening.Units+r.New.Units+r.Reopened.Units+r.Remeasured.Units-r.Cleared.Units, currency), first, last, 2)
	p.total(text("open after this run"), closing, value, rows.items, rows.value,
		b.check(label+", open after this run: items", p.Name, row, 5, count(closing.Number-rows.items.Number), at(row, 1)+"-("+at(row, 3)+")"),
		b.check(label+", open after this run: value", p.Name, row, 6, units(value.Number-rows.value.Number, currency), at(row, 2)+"-("+at(row, 4)+")"), text("Breaks, all states"))
}

func currencyOr(code, words string) string {
	if code == "" || code == money.NoCurrency {
		return words
	}
	return code
}

// itemsOf counts and values the rows of Breaks of one currency and, unless it is "", one state.
func (b *builder) itemsOf(currency, state string) rollRows {
	var n, sum int64
	for _, it := range b.open {
		if it.Exposure.Currency() == currency && (state == "" || stateWords[it.State] == state) {
			n++
			sum += it.Exposure.Units()
		}
	}
	conds := []cond{is(breaksCurrency, currency), {breaksID, `">0"`}}
	if state != "" {
		conds = append(conds, is(breaksColumnOf("state"), state))
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

// The columns of Cleared that the roll-forward sums.
const (
	clearedID       = 0
	clearedExposure = 3
	clearedCurrency = 4
)

func breaksColumnOf(code string) int {
	for i, c := range breaksLayout {
		if c.Code == code {
			return i
		}
	}
	return -1
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

// kindsInPicture adds the table that the picture draws: the kinds with the most items, and all others together.
func (b *builder) kindsInPicture(p page, kinds, currencies []string, rows map[string]int) {
	items := map[string]int{}
	for i := range b.open {
		items[b.open[i].Words()]++
	}
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(kind string) bool { // without any value there is nothing to draw
		return !slices.ContainsFunc(p.Rows[rows[kind]-1].Cells[1:], func(c Cell) bool { return c.Number != 0 })
	})
	slices.SortStableFunc(kinds, func(x, y string) int { return cmp.Compare(items[y], items[x]) })
	shown := kinds
	if len(kinds) > picturedKinds+1 {
		shown = kinds[:picturedKinds]
	}
	p.section("Open items by kind, as in the picture: the kinds with the most items")
	k := kindsRefs{currencies: currencies}
	k.heading = p.headings(append([]string{"Kind"}, currencies...)...)
	others := make([]Cell, len(currencies))
	for _, kind := range kinds {
		cells := []Cell{text(kind)}
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
		name: SheetCleared, fixed: 2, wide: true,
		note:  "Items that were open before this run and are not any more, and what cleared them.",
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
			{Heading: "Note", Code: "note", Width: 36, Wrap: true},
			{Heading: "Why", Code: "why", Width: 60, Wrap: true},
			{Heading: "Payout ids", Code: "payout_ids", Width: 44},
			{Heading: "Ledger lines", Code: "ledger_lines", Width: 12},
		},
	}
	for i := range b.cleared {
		it := &b.cleared[i]
		s := sidesOf(&it.Finding)
		t.rows = append(t.rows, []Cell{
			count(it.ID), word(it.Words(), it.Outcome.String()), text(it.RefID), amount(it.Exposure), text(it.Exposure.Currency()), clearedBy(it.ClearedBy),
			instant(it.ClearedAt), firstSeen(it), count(ageDays(it.FirstSeen, it.ClearedAt)), dispositionCell(it.Disposition), text(it.Owner), text(it.Note),
			text(it.Why), text(s.ids), text(s.lines),
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
