package report

import (
	"cmp"
	"slices"

	"payrecon/internal/payout"
)

// addRejected shows what of the ledger was not compared, and why: unreadable rows and filtered ones.
func (b *builder) addRejected() {
	p := b.newPage(SheetRejected, "Rows of the ledger that were not compared: unreadable ones, and those that the configured filters took out. Nothing is left out in silence.",
		60, 14, 24, 24, 40, 24, 90)
	p.Columns[0].Wrap, p.Columns[6].Wrap = true, true
	p.Wide = true
	l := b.rec.Ledger
	p.section("Unreadable rows by reason")
	p.headings("Reason", "Rows", "Column")
	type why struct{ reason, column string }
	counts := map[why]int64{}
	var order []why
	for _, r := range l.Rejected {
		w := why{r.Reason, r.Column}
		if counts[w]++; counts[w] == 1 {
			order = append(order, w)
		}
	}
	slices.SortStableFunc(order, func(x, y why) int { return cmp.Compare(counts[y], counts[x]) })
	for _, w := range order {
		p.data(text(w.reason), count(counts[w]), text(w.column))
	}
	if len(order) == 0 {
		p.note("Every row could be read.")
	} else {
		p.total(text("All unreadable rows"), count(len(l.Rejected)))
	}
	b.filtered(p, l)
	p.section("Unreadable rows")
	p.Filter = p.headings("Reason", "Line", "Column", "Value", "File", "Reference", "Row as read")
	for _, r := range fit(p, l.Rejected, 0) {
		file := ""
		if r.File < len(l.Files) {
			file = l.Files[r.File].Path
		}
		p.data(text(r.Reason), count(r.Line), text(r.Column), text(r.Value), text(file), text(r.Ref), text(r.Text))
	}
	if len(l.Rejected) == 0 {
		p.note("Every row could be read.")
	}
}

func (b *builder) filtered(p page, l payout.Intake) {
	p.section("Filtered rows by value")
	p.headings("Column", "Rows", "Value", "Currency", "Amount", "Amount unread")
	for _, f := range l.Filtered {
		sum := units(f.Units, f.Currency)
		unread := Cell{}
		if f.Unread > 0 {
			unread = count(f.Unread)
		}
		p.data(text(f.Column), count(f.Rows), text(f.Value), text(f.Currency), sum, unread)
	}
	if len(l.Filtered) == 0 {
		p.note("No filter took a row out.")
	} else {
		p.total(text("All filtered rows"), count(l.FilteredN))
	}
	if l.OutOf > 0 {
		p.section("Entries outside the period")
		p.headings("What", "Entries")
		p.data(text("Read, counted and, where unmatched, not reported"), count(l.OutOf))
	}
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
	{Heading: "Ledger date", Code: "ledger_date", Width: 12},
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
type matchedSum struct {
	payouts     int64
	payoutUnits int64
}

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
		b.sumMatched(sums, &f)
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

func (b *builder) sumMatched(sums map[matchedKey]*matchedSum, f *payout.Finding) {
	if b.acrossEdge(f) {
		return
	}
	s := pairOf(f)
	key := matchedKey{f.Outcome, s.payoutCurrency}
	m := sums[key]
	if m == nil {
		m = &matchedSum{}
		sums[key] = m
	}
	m.payouts += int64(len(f.Payouts))
	for _, a := range s.payoutSums {
		m.payoutUnits += a.Units()
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
func (b *builder) matchedChecks(pair func(what, currency string, here, there Cell, source string)) {
	if b.matched.sums == nil {
		return
	}
	for _, currency := range b.currencies() {
		for _, o := range []payout.Outcome{payout.Matched, payout.MatchedGroup} {
			m := b.matched.sums[matchedKey{o, currency}]
			inTotals := b.total(totalsPayouts, pick{currency, o, "no"})
			if m == nil {
				m = &matchedSum{}
			}
			if m.payouts == 0 && inTotals.Number == 0 {
				continue
			}
			conds := []cond{is(matchedWhat, o.Info().Words), is(matchedCurrency, currency), is(matchedEdge, "no")}
			words := "rows on Matched, " + o.Info().Words
			pair(words+", payouts", currency, inTotals, count(m.payouts).By(b.matched.area.sumifs(matchedPayouts, conds...)), "Matched, without those across the period's edge")
			pair(words+", amount", currency, b.total(totalsPayoutAmount, pick{currency, o, "no"}),
				units(m.payoutUnits, currency).By(b.matched.area.sumifs(matchedPayoutAmount, conds...)), "Matched, likewise")
		}
	}
}
