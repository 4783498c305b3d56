package report

import (
	"cmp"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// breaksColumn is one column of the Breaks sheet: how it looks, and what an item shows in it.
type breaksColumn struct {
	Column
	cell func(b *builder, it *payout.Item, s *sides) Cell
}

// The columns that formulas and links refer to; breaksLayout is in this order.
const (
	breaksID = iota
	breaksSeverity
	breaksWhat
	breaksWhy
	breaksRef
	breaksPayoutAmount
	breaksPayoutCurrency
	breaksLedgerAmount
	breaksLedgerCurrency
	breaksDifference
	breaksExposure
	breaksCurrency
)

// breaksLayout is the sheet, left to right: what it is, why, both sides' figures, who, when, what to do, who does it.
var breaksLayout = []breaksColumn{
	{Column{Heading: "No.", Code: "id", Width: 8, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return count(it.ID) }},
	{Column{Heading: "Severity", Code: "severity", Width: 10}, func(_ *builder, it *payout.Item, _ *sides) Cell { return severity(it.Severity) }},
	{Column{Heading: "What", Code: "outcome", Width: 30, Wrap: true, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell {
		return word(it.Words(), it.Outcome.String())
	}},
	{Column{Heading: "Why", Code: "why", Width: 92, Wrap: true}, func(b *builder, it *payout.Item, _ *sides) Cell { return text(b.why(&it.Finding)) }},
	{Column{Heading: "Reference", Code: "ref_id", Width: 22, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return text(it.RefID) }},
	{Column{Heading: "Payout amount", Code: "payout_amount", Width: 16, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return sideCell(s.payoutSums) }},
	{Column{Heading: "Payout currency", Code: "payout_currency", Width: 10, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.payoutCurrency) }},
	{Column{Heading: "Ledger amount", Code: "ledger_amount", Width: 16, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return sideCell(s.booked) }},
	{Column{Heading: "Ledger currency", Code: "ledger_currency", Width: 10, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.ledgerCurrency) }},
	{Column{Heading: "Difference in cash (payout - ledger)", Code: "difference", Width: 17, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return difference(it.Difference) }},
	{Column{Heading: "Exposure", Code: "exposure", Width: 16, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return exposure(&it.Finding, it.Exposure) }},
	{Column{Heading: "Exposure currency", Code: "currency", Width: 10, Proof: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return text(it.Exposure.Currency()) }},
	{Column{Heading: "Payee", Code: "payee", Width: 24, Wrap: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.payee) }},
	{Column{Heading: "Payee account", Code: "account", Width: 28}, func(b *builder, _ *payout.Item, s *sides) Cell { return text(b.account(s.account)) }},
	{Column{Heading: "Debtor account", Code: "debtor_account", Width: 24}, func(b *builder, _ *payout.Item, s *sides) Cell { return text(b.account(s.debtor)) }},
	{Column{Heading: "Bank reference", Code: "bank_reference", Width: 22, Wrap: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.description) }},
	{Column{Heading: "Payout status", Code: "payout_status", Width: 42, Wrap: true, Proof: true}, func(_ *builder, it *payout.Item, s *sides) Cell { return statuses(it.Payouts, s.payoutStatus) }},
	{Column{Heading: "Status reason", Code: "status_reason", Width: 28, Wrap: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.reason) }},
	{Column{Heading: "Bank status code", Code: "bank_status", Width: 10}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.bank) }},
	{Column{Heading: "Ledger status", Code: "ledger_status", Width: 24, Wrap: true, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.ledgerStatus) }},
	{Column{Heading: "Payout created (UTC)", Code: "created", Width: 19, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return instant(s.created) }},
	{Column{Heading: ledgerDateHeading, Code: "ledger_date", Width: 13, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return date(s.ledgerDay) }},
	{Column{Heading: "Document number", Code: "document", Width: 22, Wrap: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.documents) }},
	{Column{Heading: "Age (days)", Code: "age_days", Width: 8}, func(_ *builder, it *payout.Item, _ *sides) Cell { return age(&it.Finding) }},
	{Column{Heading: "First seen (UTC)", Code: "first_seen", Width: 12}, func(_ *builder, it *payout.Item, _ *sides) Cell { return firstSeen(it) }},
	{Column{Heading: "First run", Code: "first_run", Width: 8}, func(_ *builder, it *payout.Item, _ *sides) Cell { return count(it.FirstRun) }},
	{Column{Heading: "State", Code: "state", Width: 10}, func(_ *builder, it *payout.Item, _ *sides) Cell { return word(stateWords[it.State], it.State.String()) }},
	{Column{Heading: "Next step", Code: "next", Width: 50, Wrap: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return text(it.Next) }},
	{Column{Heading: "Disposition", Code: "disposition", Width: 20, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return dispositionCell(it.Disposition) }},
	{Column{Heading: "Until", Code: "until", Width: 12, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return until(it.Disposition) }},
	{Column{Heading: "Reason", Code: "reason", Width: 28, Wrap: true, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return reason(it.Disposition) }},
	{Column{Heading: "Due", Code: "due", Width: 12, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return due(it.Due) }},
	{Column{Heading: "Owner", Code: "owner", Width: 16, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return text(it.Owner) }},
	{Column{Heading: "Note", Code: "note", Width: 30, Wrap: true, Input: true}, func(_ *builder, it *payout.Item, _ *sides) Cell { return text(it.Note) }},
	{Column{Heading: "Payout ids", Code: "payout_ids", Width: 42, Proof: true}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.ids) }},
	{Column{Heading: "Ledger lines", Code: "ledger_lines", Width: 12}, func(_ *builder, _ *payout.Item, s *sides) Cell { return text(s.lines) }},
}

var stateWords = map[payout.ItemState]string{
	payout.ItemNew: "New", payout.ItemOpen: "Open", payout.ItemCarried: "Carried over", payout.ItemCleared: "Cleared", payout.ItemReopened: "Reopened",
}

var severityLooks = map[payout.Severity]Look{
	payout.Low: LowLook, payout.Medium: MediumLook, payout.High: HighLook, payout.Critical: CriticalLook,
}

func severity(s payout.Severity) Cell {
	return word(strings.ToUpper(s.String()[:1])+s.String()[1:], s.String()).Styled(severityLooks[s])
}

func difference(a *money.Amount) Cell {
	if a == nil {
		return Cell{}
	}
	return amount(*a)
}

// exposure shows what is at stake: nothing where no amount could be read, because 0.00 would say that it is nothing.
func exposure(f *payout.Finding, a money.Amount) Cell {
	if f.Unread(a) {
		return Cell{}
	}
	return amount(a)
}

// statuses shows payouts' statuses in words, each once.
func statuses(payouts []payout.PayoutRef, codes string) Cell {
	var words []string
	for _, p := range payouts {
		words = add(words, p.Status.Words())
	}
	if len(words) == 0 {
		return Cell{}
	}
	return word(strings.Join(words, "; "), codes)
}

// why is the reason of a finding. That of an unreadable row quotes the row.
func (b *builder) why(f *payout.Finding) string {
	s := joinSentences(f.Why, f.Hint)
	if len(f.Rejected) > 0 {
		s = b.masked(s)
	}
	return s
}

// joinSentences adds the hint to the reason, unless the reason says it already.
func joinSentences(why, hint string) string {
	if strings.Contains(why, hint) {
		return why
	}
	return strings.TrimSpace(why + " " + hint)
}

// age shows how old a finding is, in days. What has no date ages from the run that first saw it;
// until then it has no age: an empty cell, where 0 would say that it is of today.
func age(f *payout.Finding) Cell {
	if !f.Dated() && f.AgeDays == 0 {
		return Cell{}
	}
	return count(f.AgeDays)
}

// due shows a day that somebody may have set; a zero value was never set.
func due(d payout.Day) Cell {
	if d == 0 {
		return Cell{}
	}
	return date(d)
}

func firstSeen(it *payout.Item) Cell {
	if it.FirstSeen == 0 {
		return Cell{}
	}
	return date(it.FirstSeen.Day())
}

// MostUrgentFirst orders items: open ones first, by severity, then by currency, because amounts of different currencies have
// no order, then the largest exposure.
func MostUrgentFirst(x, y payout.Item) int {
	closed := func(it payout.Item) int {
		if it.State == payout.ItemCleared {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(closed(x), closed(y)), cmp.Compare(y.Severity, x.Severity), cmp.Compare(x.Exposure.Currency(), y.Exposure.Currency()),
		cmp.Compare(y.Exposure.Units(), x.Exposure.Units()), cmp.Compare(x.ID, y.ID))
}

// addBreaks lays out what somebody must act on: open breaks and unverified items.
func (b *builder) addBreaks() {
	t := table{
		name: SheetBreaks, fixed: breaksWhat + 1, wide: true, across: 4, tab: Bad,
		note:  "Most severe first, then by currency, the largest exposure of each first. Fill in the yellow columns, save, and give the file to: payrecon breaks import. Times are UTC. " + b.zoneNote(),
		empty: "No open items.",
	}
	if len(b.open) == 0 { // one page says so
		t.across, t.printed = 0, breaksCurrency+1
	}
	for _, c := range breaksLayout {
		t.columns = append(t.columns, c.Column)
	}
	t.columns = append(t.columns, Column{Heading: proofHeading(b.rec.Run, b.rec.OutcomeHash), Code: "proof", Width: 20, Hidden: true})
	for i := range b.open {
		t.rows = append(t.rows, b.breakRow(&b.open[i]))
	}
	var sheets []*Sheet
	sheets, b.breaks = b.addTable(t)
	for i, s := range sheets {
		p := b.breaks.pieces[i]
		s.Choices = choices(p.first, max(p.last, p.first))
	}
}

func (b *builder) breakRow(it *payout.Item) []Cell {
	s := sidesOf(&it.Finding)
	cells := make([]Cell, 0, len(breaksLayout)+1)
	for _, c := range breaksLayout {
		cell := c.cell(b, it, &s)
		if c.Input && cell.Look == Plain {
			cell.Look = Input
		}
		cells = append(cells, cell)
	}
	return append(cells, text(proofOf(cells)))
}

// choices help people to fill the columns in.
func choices(first, last int) []Choice {
	var list []Choice
	for i, c := range breaksLayout {
		switch c.Code {
		case "disposition":
			var words []string
			for _, d := range Dispositions {
				words = append(words, d.Words)
			}
			list = append(list, Choice{
				Column: i, First: first, Last: last, Words: words, Title: "Disposition",
				Help: "What was decided. It needs a reason; accepted and correction expected also need a date in Until.",
			})
		case "until", "due":
			list = append(list, Choice{Column: i, First: first, Last: last, Date: true, Title: c.Heading, Help: "A date, such as 2026-01-31."})
		}
	}
	return list
}

// breakPlace is where the i-th open item stands.
func (b *builder) breakPlace(i int) string {
	sheet, row := b.breaks.row(i)
	return place(sheet, row, 0)
}

// firstBreak is the place of the first open item that is meant, or "" without one.
func (b *builder) firstBreak(meant func(*payout.Item) bool) string {
	for i := range b.open {
		if meant(&b.open[i]) {
			return b.breakPlace(i)
		}
	}
	return ""
}

// breaksChecks ties the open items to the statement: their differences in cash are its steps of breaks and of what was not
// verified. That can be said of a currency whose items all lie in the period, in one currency, and while no item is carried
// over: what stands on this sheet is then what this run found.
func (b *builder) breaksChecks(pair pairing) {
	whole := map[string]bool{}
	sums := map[string]int64{}
	for _, currency := range b.currencies() {
		whole[currency] = true
	}
	for i := range b.open {
		it := &b.open[i]
		s := sidesOf(&it.Finding)
		if it.State == payout.ItemCarried {
			return
		}
		if len(s.payoutSums)+len(s.entrySums) == 0 {
			continue
		}
		if it.Difference == nil || it.Difference.Currency() != it.Exposure.Currency() || b.acrossEdge(&it.Finding) {
			for _, a := range append(s.payoutSums, s.entrySums...) {
				whole[a.Currency()] = false
			}
			continue
		}
		sums[it.Difference.Currency()] += it.Difference.Units()
	}
	for _, currency := range b.currencies() {
		step := units(0, currency)
		for _, o := range payout.Outcomes {
			if o.Class >= payout.Unverified {
				step = plus(step, b.step(pick{currency, o.Outcome, "no"}))
			}
		}
		if whole[currency] && (step.Number != 0 || sums[currency] != 0) {
			pair("open items, difference in cash", currency, step, units(sums[currency], currency).By(b.breaks.sumifs(breaksDifference, is(breaksCurrency, currency))), "Breaks")
		}
	}
}
