package report

import (
	"cmp"
	"regexp"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// rejectedRefs is what the control totals need of the rows that were not compared: figures with their places.
type rejectedRefs struct{ unreadable, filtered, outside Cell }

// The columns of the listing of unreadable rows that formulas read.
const (
	rejectedReason   = 0
	rejectedLine     = 1
	rejectedColumn   = 2
	rejectedCurrency = 3
	rejectedAmount   = 4
)

// addRejected shows what of the ledger was not compared, and why: unreadable rows, filtered ones, and those of other days.
func (b *builder) addRejected() {
	l := b.rec.Ledger
	reasons := reasonsOf(l.Rejected)
	filtered := l.Filtered[:min(len(l.Filtered), b.maxRows/2)]
	p := b.newPage(SheetRejected, "Rows of the ledger that were not compared: unreadable ones, and those that the configured filters took out. Nothing is left out in silence.",
		46, 10, 26, 10, 17, 22, 26, 34, 60)
	for _, wrapped := range []int{0, 2, 6, 7, 8} {
		p.Columns[wrapped].Wrap = true
	}
	p.Wide = true
	// The listing stands last, and its place is known before: two sections with a line at least and a total, one with one
	// line, each after a blank, its title and its headings.
	first := len(p.Rows) + 3 + max(1, len(reasons)) + 1 + 3 + max(1, len(filtered)) + 1 + 3 + 1 + 3 + 1
	shown := l.Rejected[:fit(len(l.Rejected), first, b.maxRows)]
	list := area{[]piece{{p.Name, first, first + len(shown) - 1}}}
	b.reasons(p, reasons, list, len(shown) == len(l.Rejected))
	b.filtered(p, filtered)
	p.section("Entries outside the period")
	p.headings("What", "Entries")
	row := p.data(text("Read, counted and, where unmatched, not reported"), count(l.OutOf))
	b.rejected.outside = count(l.OutOf).By(place(p.Name, row, 1))
	p.section("Unreadable rows")
	p.Filter = p.headings("Reason", "Line", "Column", "Currency", "Amount, where it can be read", "Reference", "Value", "File", "Row as read")
	p.Repeat = p.Filter
	for _, r := range shown {
		file := ""
		if r.File < len(l.Files) {
			file = l.Files[r.File].Path
		}
		currency, amount := amountRead(r)
		p.data(text(r.Reason), count(r.Line), text(r.Column), text(currency), amount, text(r.Ref), text(b.masked(r.Value)), text(file), text(b.masked(r.Text)))
	}
	p.left(len(shown), len(l.Rejected), "Every row could be read.")
}

// amountRead is the amount of an unreadable row with its currency, or money.NoCurrency and nothing.
func amountRead(r payout.RejectedRow) (currency string, c Cell) {
	if r.Amount.Currency() == "" {
		return money.NoCurrency, Cell{}
	}
	return r.Amount.Currency(), amount(r.Amount)
}

// why is by what unreadable rows are counted.
type why struct{ reason, column, currency string }

type whySum struct {
	why
	rows, units int64
}

// reasonsOf counts and sums unreadable rows, the most frequent reason first.
func reasonsOf(rows []payout.RejectedRow) []whySum {
	var list []whySum
	index := map[why]int{}
	for _, r := range rows {
		currency, _ := amountRead(r)
		w := why{r.Reason, r.Column, currency}
		i, known := index[w]
		if !known {
			i = len(list)
			index[w], list = i, append(list, whySum{why: w})
		}
		list[i].rows++
		list[i].units += r.Amount.Units()
	}
	slices.SortStableFunc(list, func(x, y whySum) int { return cmp.Compare(y.rows, x.rows) })
	return list
}

// reasons adds the unreadable rows by reason. Their sums are formulas over the listing where that is whole.
func (b *builder) reasons(p page, reasons []whySum, list area, whole bool) {
	p.section("Unreadable rows by reason")
	p.headings("Reason", "Rows", "Column", "Currency", "Amount", "Note")
	all := count(len(b.rec.Ledger.Rejected))
	if whole {
		all.Formula = list.countifs(cond{rejectedLine, `">0"`})
	}
	for _, w := range reasons {
		n, sum, note := count(w.rows), units(w.units, w.currency), Cell{}
		if whole {
			conds := []cond{is(rejectedReason, w.reason), is(rejectedColumn, w.column), is(rejectedCurrency, w.currency)}
			n, sum = n.By(list.countifs(conds...)), sum.By(list.sumifs(rejectedAmount, conds...))
		}
		if w.currency == money.NoCurrency {
			sum, note = Cell{}, text("amount not readable").Styled(Note)
		}
		p.data(text(w.reason), n, text(w.column), text(w.currency), sum, note)
	}
	if len(reasons) == 0 {
		p.note("Every row could be read.")
	}
	row := p.total(text("All unreadable rows"), all)
	b.rejected.unreadable = all.By(place(p.Name, row, 1))
}

// filtered adds what the filters took out.
func (b *builder) filtered(p page, shown []payout.FilteredSum) {
	p.section("Filtered rows by value")
	p.headings("Column", "Rows", "Value", "Currency", "Amount", "Rows whose amount cannot be read")
	first := p.next()
	for _, f := range shown {
		unread := Cell{}
		if f.Unread > 0 {
			unread = count(f.Unread)
		}
		p.data(text(f.Column), count(f.Rows), text(b.masked(f.Value)), text(f.Currency), units(f.Units, f.Currency), unread)
	}
	all := count(b.rec.Ledger.FilteredN)
	switch {
	case len(shown) == 0:
		p.note("No filter took a row out.")
	case len(shown) == len(b.rec.Ledger.Filtered):
		all = sumAbove(all, first, len(p.Rows), 1)
	}
	row := p.total(text("All filtered rows"), all)
	b.rejected.filtered = all.By(place(p.Name, row, 1))
}

// iban finds what looks like an IBAN in a text, in one piece or in groups of four.
var iban = regexp.MustCompile(`(?i)\b[A-Z]{2}[0-9]{2}(?:[0-9A-Z]{11,30}|(?: [0-9A-Z]{4}){2,7}(?: [0-9A-Z]{1,3})?)\b`)

// masked masks the accounts that can be told in a text of the ledger's own, unless whole ones were asked for.
func (b *builder) masked(s string) string {
	if b.opts.Unmask {
		return s
	}
	return iban.ReplaceAllStringFunc(s, payout.MaskAccount)
}

// The columns of Matched.
const (
	matchedRef = iota
	matchedWhat
	matchedCurrency
	matchedPayoutAmount
	matchedEntryAmount
	matchedDifference
	matchedPayouts
	matchedEntries
	matchedCreated
	matchedDay
	matchedIDs
	matchedLines
	matchedEdge
)

var matchedColumns = []Column{
	{Heading: "Reference", Code: "ref_id", Width: 24},
	{Heading: "What", Code: "outcome", Width: 18},
	{Heading: "Currency", Code: "currency", Width: 10},
	{Heading: "Payout amount", Code: "payout_amount", Width: 16},
	{Heading: "Ledger amount", Code: "ledger_amount", Width: 16},
	{Heading: "Difference", Code: "difference", Width: 14},
	{Heading: "Payouts", Code: "payouts", Width: 9},
	{Heading: "Entries", Code: "entries", Width: 9},
	{Heading: "Payout created (UTC)", Code: "created", Width: 19},
	{Heading: ledgerDateHeading, Code: "ledger_date", Width: 12},
	{Heading: "Payout ids", Code: "payout_ids", Width: 46},
	{Heading: "Ledger lines", Code: "ledger_lines", Width: 12},
	{Heading: "Across the period's edge", Code: "cut_off", Width: 12},
}

// matchedKey is by what matched findings are summed.
type matchedKey struct {
	outcome  payout.Outcome
	currency string
}

// matchedSum is what Matched holds of one currency and outcome, apart from what reaches across the period's edge.
type matchedSum struct{ payouts, payoutUnits, entries, entryUnits int64 }

// addMatched prepares the sheet of agreed findings, which is streamed. They are ranged over once here, to count and to sum
// them, so that the checks over the sheet carry true values.
func (b *builder) addMatched() error {
	if b.opts.Matched == nil {
		return nil
	}
	rows := 0
	var first []Cell
	sums := map[matchedKey]*matchedSum{}
	for f, err := range b.opts.Matched {
		if err != nil {
			return err
		}
		if rows++; b.opts.MatchedMax > 0 && rows > b.opts.MatchedMax {
			continue
		}
		if rows == 1 {
			first = b.matchedRow(nil, &f)
		}
		s := pairOf(&f)
		widest(&first[matchedPayoutAmount], s.payoutSums)
		widest(&first[matchedEntryAmount], s.entrySums)
		b.sumMatched(sums, &f, &s)
	}
	shown := rows
	if b.opts.MatchedMax > 0 {
		shown = min(rows, b.opts.MatchedMax)
	}
	note := plural(rows, "agreed pair") + " and group" + map[bool]string{true: "s", false: ""}[rows != 1] + "."
	if shown < rows {
		note = "The first " + thousands(shown) + " of " + thousands(rows) + " agreed pairs and groups; ask for all with: payrecon report --matched."
	}
	b.matchedSheets(note, shown, first)
	if shown == rows {
		b.matched.sums = sums
	}
	return nil
}

// widest keeps the largest figure of a column, for the column's width.
func widest(c *Cell, sums []money.Amount) {
	for _, a := range sums {
		if u := a.Units(); max(u, -u) > max(c.Number, -c.Number) {
			*c = amount(a)
		}
	}
}

func (b *builder) sumMatched(sums map[matchedKey]*matchedSum, f *payout.Finding, s *sides) {
	if b.acrossEdge(f) {
		return
	}
	key := matchedKey{f.Outcome, s.payoutCurrency}
	m := sums[key]
	if m == nil {
		m = &matchedSum{}
		sums[key] = m
	}
	m.payouts += int64(len(f.Payouts))
	m.entries += int64(len(f.Entries))
	for _, a := range s.payoutSums {
		m.payoutUnits += a.Units()
	}
	for _, a := range s.entrySums {
		m.entryUnits += a.Units()
	}
}

// acrossEdge reports whether a finding reaches across the period's edge.
func (b *builder) acrossEdge(f *payout.Finding) bool {
	for _, p := range f.Payouts {
		if !b.rec.Period.Contains(p.Created.Day()) {
			return true
		}
	}
	for _, e := range f.Entries {
		if !b.rec.Period.Contains(e.Day) {
			return true
		}
	}
	return false
}

func (b *builder) matchedRow(row []Cell, f *payout.Finding) []Cell {
	s := pairOf(f)
	info := f.Outcome.Info()
	difference := Cell{}
	if len(s.payoutSums) == 1 && len(s.entrySums) == 1 {
		difference = units(s.payoutSums[0].Units()-s.entrySums[0].Units(), s.payoutCurrency)
	}
	return append(row, text(f.RefID), word(info.Words, info.Code), text(s.payoutCurrency), sideCell(s.payoutSums), sideCell(s.entrySums), difference,
		count(len(f.Payouts)), count(len(f.Entries)), instant(s.created), date(s.ledgerDay), text(s.ids), text(s.lines), yesNo(b.acrossEdge(f)))
}

// matchedSheets adds as many sheets as the rows need. Each skips what the ones before it show.
func (b *builder) matchedSheets(note string, shown int, first []Cell) {
	t := table{name: SheetMatched, note: note, columns: matchedColumns, fixed: 1, wide: true, tab: Good}
	room := b.maxRows - tableHead
	for part := 0; part == 0 || part*room < shown; part++ {
		s := b.tableSheet(t, part)
		skip := part * room
		s.StreamRows, s.like = min(room, shown-skip), first
		if shown == 0 {
			s.Rows = append(s.Rows, Row{Kind: RowFurniture, Cells: []Cell{text("Nothing agreed in the period.").Styled(Note)}})
		}
		s.Stream = func(yield func([]Cell, error) bool) {
			i, row := 0, make([]Cell, 0, len(matchedColumns))
			for f, err := range b.opts.Matched {
				if err != nil {
					yield(nil, err)
					return
				}
				if i++; i <= skip {
					continue
				}
				if i > skip+s.StreamRows || !yield(b.matchedRow(row[:0], &f), nil) {
					return
				}
			}
		}
		b.matched.area.pieces = append(b.matched.area.pieces, piece{s.Name, tableHead + 1, tableHead + s.StreamRows})
	}
}

// matchedRefs is what the checks over Matched need.
type matchedRefs struct {
	area area
	sums map[matchedKey]*matchedSum // nil = not all are shown, so nothing can be checked
}

// matchedChecks compares Matched, where it is whole, with Totals.
func (b *builder) matchedChecks(pair pairing) {
	if b.matched.sums == nil {
		return
	}
	const source = "Matched, without those across the period's edge"
	for _, currency := range b.currencies() {
		for _, o := range []payout.Outcome{payout.Matched, payout.MatchedGroup} {
			m := b.matched.sums[matchedKey{o, currency}]
			if m == nil {
				m = &matchedSum{}
			}
			of := pick{currency, o, "no"}
			if *m == (matchedSum{}) && b.total(totalsPayouts, of).Number == 0 {
				continue
			}
			conds := []cond{is(matchedWhat, o.Info().Words), is(matchedCurrency, currency), is(matchedEdge, "no")}
			for _, c := range []struct {
				words          string
				totals, column int
				there          Cell
			}{
				{"payouts", totalsPayouts, matchedPayouts, count(m.payouts)},
				{"payout amount", totalsPayoutAmount, matchedPayoutAmount, units(m.payoutUnits, currency)},
				{"entries", totalsEntries, matchedEntries, count(m.entries)},
				{"entry amount", totalsEntryAmount, matchedEntryAmount, units(m.entryUnits, currency)},
			} {
				pair(o.Info().Words+", "+c.words, currency, b.total(c.totals, of), c.there.By(b.matched.area.sumifs(c.column, conds...)), source)
			}
		}
	}
}
