package report

import (
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
	line := func(words string, c payout.RollCount, state, where string) {
		cells := []Cell{text(words), count(c.Count), units(c.Units, currency)}
		if state != "" {
			n, v := b.itemsOf(currency, state)
			cells = append(cells, n, v, Cell{}, Cell{})
		} else {
			cells = append(cells, Cell{}, Cell{}, Cell{}, Cell{})
		}
		p.data(append(cells, text(where))...)
	}
	line("Open before this run", r.Opening, "", "")
	line("+ new", r.New, stateWords[payout.ItemNew], "Breaks, state New")
	line("+ reopened", r.Reopened, stateWords[payout.ItemReopened], "Breaks, state Reopened")
	line("+/- reclassified and remeasured", r.Remeasured, "", "")
	cleared := payout.RollCount{Count: -r.Cleared.Count, Units: -r.Cleared.Units}
	line("- cleared", cleared, "", "Cleared")
	last := len(p.Rows)
	row := p.next()
	n, v := b.itemsOf(currency, "")
	closing := sumAbove(count(r.Opening.Count+r.New.Count+r.Reopened.Count+r.Remeasured.Count-r.Cleared.Count), first, last, 1)
	value := sumAbove(units(r.Opening.Units+r.New.Units+r.Reopened.Units+r.Remeasured.Units-r.Cleared.Units, currency), first, last, 2)
	label := "Roll-forward " + currencyOr(currency, "without amount")
	p.total(text("Open after this run"), closing, value, n, v,
		b.check(label+": items", p.Name, row, 5, count(closing.Number-n.Number), at(row, 1)+"-("+at(row, 3)+")"),
		b.check(label+": value", p.Name, row, 6, units(value.Number-v.Number, currency), at(row, 2)+"-("+at(row, 4)+")"), text("Breaks, all states"))
}

func currencyOr(code, words string) string {
	if code == "" {
		return words
	}
	return code
}

// itemsOf counts and values the rows of Breaks of one currency and, unless it is "", one state.
func (b *builder) itemsOf(currency, state string) (items, value Cell) {
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
	return count(n).By(b.breaks.countifs(conds...)), units(sum, currency).By(b.breaks.sumifs(breaksExposure, conds...))
}

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
		if it.Exposure.Currency() != "" {
			set[it.Exposure.Currency()] = true
		}
	}
	k := kindsRefs{currencies: sortedKeys(set)}
	k.heading = p.headings(append([]string{"Kind"}, k.currencies...)...)
	for _, kind := range kinds {
		cells := []Cell{text(kind)}
		for _, currency := range k.currencies {
			var sum int64
			for _, it := range b.open {
				if it.Words() == kind && it.Exposure.Currency() == currency {
					sum += it.Exposure.Units()
				}
			}
			cells = append(cells, units(sum, currency).By(b.breaks.sumifs(breaksExposure, is(breaksWhat, kind), is(breaksCurrency, currency))))
		}
		k.rows = append(k.rows, p.data(cells...))
	}
	if len(k.currencies) > 0 {
		b.kinds = k
	}
	b.countsByKind(p, kinds)
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
			{Heading: "No.", Code: "id", Width: 8}, {Heading: "What it was", Code: "outcome", Width: 34}, {Heading: "Reference", Code: "ref_id", Width: 22},
			{Heading: "Exposure", Code: "exposure", Width: 18}, {Heading: "Currency", Code: "currency", Width: 10}, {Heading: "Cleared by", Code: "cleared_by", Width: 14},
			{Heading: "Cleared (UTC)", Code: "cleared_at", Width: 19}, {Heading: "First seen (UTC)", Code: "first_seen", Width: 14}, {Heading: "Days open", Code: "days_open", Width: 10},
			{Heading: "Disposition", Code: "disposition", Width: 20}, {Heading: "Owner", Code: "owner", Width: 16}, {Heading: "Note", Code: "note", Width: 36, Wrap: true},
			{Heading: "Why", Code: "why", Width: 60, Wrap: true}, {Heading: "Payout ids", Code: "payout_ids", Width: 44}, {Heading: "Ledger lines", Code: "ledger_lines", Width: 12},
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
	b.addTable(t)
}

func clearedBy(code string) Cell {
	words := map[string]string{"payout": "The payout", "ledger": "The ledger", "person": "A person"}[code]
	if words == "" {
		return text(code)
	}
	return word(words, code)
}
