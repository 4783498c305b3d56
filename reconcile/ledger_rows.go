package reconcile

import (
	"context"
	"fmt"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// ledgerParser turns the records of chunks into entries. It is one worker's own.
type ledgerParser struct {
	rules *ledgerRules
	plan  *ledgerPlan
	file  int
	utf16 bool

	ref, amount, currency, status, date, text, document, behalf int // column indices; -1 = none

	records    csvSplitter
	line       int // of the record just read
	block      []payout.Entry
	sum        *ledgerSum         // of the row just read
	word       *payout.StatusWord // likewise; nil = the ledger has no status
	totals     *ledgerTotals
	weighs     bool           // the decimal mark is detected, not configured
	evidence   ledgerEvidence // of the rows read so far
	spans      int64          // records of more than one line
	firstSpan  int            // the line on which the first of them starts
	currencies ledgerMemo[ledgerCurrency]
	statuses   ledgerMemo[ledgerStatus]
	days       ledgerMemo[payout.Day]
}

type ledgerCurrency struct {
	code string
	sum  *ledgerSum
}

type ledgerStatus struct {
	class payout.EntryClass
	count *payout.StatusWord
}

func newLedgerParser(rules *ledgerRules, plan *ledgerPlan, file int, utf16 bool) *ledgerParser {
	return &ledgerParser{
		rules: rules, plan: plan, file: file, utf16: utf16,
		ref: plan.cols["ref_id"], amount: plan.cols["amount"], currency: plan.cols["currency"], status: plan.cols["status"],
		date: plan.cols["date"], text: plan.cols["text"], document: plan.cols["document"], behalf: plan.cols["on_behalf_of"],
		records: newCSVSplitter(plan.delim, plan.eol, 2*len(plan.header)+16), totals: newLedgerTotals(),
		weighs: plan.amounts.how != amountsConfigured, evidence: ledgerEvidence{thousands: rules.thousands},
		currencies: newLedgerMemo[ledgerCurrency](ledgerMaxWords), statuses: newLedgerMemo[ledgerStatus](ledgerMaxWords),
		days: newLedgerMemo[payout.Day](20_000),
	}
}

// chunk reads all records of a chunk; the entries are then in p.block.
func (p *ledgerParser) chunk(ctx context.Context, c csvChunk) error {
	p.block = p.block[:0]
	if err := ledgerCheckText(c.text, p.utf16, c.line, p.plan.eol); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	width := len(p.plan.header)
	p.records.reset(c.text, c.quotes)
	p.line = c.line
	for p.records.next() {
		var err error
		switch {
		case p.records.count != width && p.records.blank():
			p.totals.blank++
		case p.records.count != width:
			err = p.rejectWidth(width)
		default:
			err = p.row()
		}
		if err != nil {
			return err
		}
		if p.records.lines > 1 {
			if p.spans++; p.spans == 1 { // a worker's chunks come in the order of the file
				p.firstSpan = p.line
			}
		}
		p.line += p.records.lines
	}
	return nil
}

// row reads one record of the right width. Its steps are the design's: filters, then validation.
func (p *ledgerParser) row() error {
	v := ledgerTrim(p.records.field(p.amount))
	if f := p.plan.takes(&p.records, &p.plan.amounts); f != nil {
		p.filter(f, v)
		return nil
	}
	if stray := p.records.stray; stray > 0 {
		return p.reject(stray-1, "text after the closing quote of a field")
	}
	var e payout.Entry // on the stack: its fields are written without barriers
	col, reason := p.fill(&e, v)
	p.weigh(v, reason == "")
	if reason == "" {
		p.block = append(p.block, e)
		p.count(&e)
		return nil
	}
	if reason == amountAmbiguous {
		point, _, _ := p.plan.amounts.thousands.units(v, '.')
		comma, _, _ := p.plan.amounts.thousands.units(v, ',')
		return ledgerExample{p.line, v, point, comma}.ask(p.rules.untold(false))
	}
	return p.reject(col, reason)
}

// weigh notes what the amount v of a row that no filter takes out says about the decimal mark, as detection does with the
// sample's rows. read tells that it could be read.
func (p *ledgerParser) weigh(v string, read bool) {
	switch {
	case !p.weighs || p.records.stray > 0:
	case read:
		p.evidence.read(v, p.line)
	case v != "":
		p.evidence.add(v, p.line)
	}
}

// fill reads the fields of an entry whose amount is v. reason is why that failed, col the column at fault.
func (p *ledgerParser) fill(e *payout.Entry, v string) (col int, reason string) {
	r := &p.records
	e.File, e.Line, e.Ref, e.Day = p.file, p.line, r.field(p.ref), payout.NoDay
	if n := len(e.Ref); n <= len("none") || !ledgerTrimmed(e.Ref) { // else it cannot be one
		if _, ok := payout.KeyOf(e.Ref, "", false); !ok {
			return p.ref, "the reference is blank or a placeholder"
		}
	}
	units, reason := p.plan.amounts.parse(v)
	if reason != "" {
		return p.amount, reason
	}
	currency := p.readCurrency()
	switch {
	case currency == nil && ledgerTrim(r.field(p.currency)) == "":
		return p.currency, "the currency is blank"
	case currency == nil:
		return p.currency, "not a currency (want three letters)"
	}
	e.Amount, p.sum = money.New(units, currency.value.code), currency.value.sum
	e.Class = payout.EntryNone
	if p.status >= 0 {
		status := p.readStatus(ledgerTrim(r.field(p.status)))
		e.Class, e.Status, p.word = status.value.class, status.word, status.value.count
	}
	if p.date >= 0 {
		if v := ledgerTrim(r.field(p.date)); v != "" {
			var ok bool
			if e.Day, ok = p.readDay(v); !ok {
				return p.date, p.rules.dates.want()
			}
		}
	}
	if p.text >= 0 {
		e.Text = r.field(p.text)
	}
	if p.document >= 0 {
		e.Document = r.field(p.document)
	}
	if p.behalf >= 0 {
		e.OnBehalfOf = ledgerTrim(r.field(p.behalf))
	}
	return 0, ""
}

// readCurrency returns the row's currency, nil when it has none.
func (p *ledgerParser) readCurrency() *ledgerMemoized[ledgerCurrency] {
	word := ""
	if p.currency >= 0 {
		word = p.records.field(p.currency)
	}
	known := p.currencies.get(word)
	if known != nil {
		return known
	}
	code, ok := ledgerCode(word)
	if !ok {
		if p.rules.currency == "" || ledgerTrim(word) != "" {
			return nil
		}
		code = p.rules.currency
	}
	code = strings.Clone(code)
	known = p.currencies.put(word, ledgerCurrency{code, p.totals.sum(code)})
	return known
}

// readStatus returns the class of a status word and where it is counted.
func (p *ledgerParser) readStatus(word string) *ledgerMemoized[ledgerStatus] {
	known := p.statuses.get(word)
	if known == nil {
		class := payout.EntryNone
		if word != "" {
			var ok bool
			if class, ok = p.rules.statuses[ledgerFold(word)]; !ok {
				class = payout.EntryUnmapped
			}
		}
		known = p.statuses.put(word, ledgerStatus{class, p.totals.word(word, class)})
	}
	return known
}

func (p *ledgerParser) readDay(v string) (payout.Day, bool) {
	if p.rules.dates.layout == "" {
		return p.rules.dates.parse(v)
	}
	if known := p.days.get(v); known != nil {
		return known.value, true
	}
	day, ok := p.rules.dates.parse(v)
	if ok {
		p.days.put(v, day)
	}
	return day, ok
}

// count adds an entry to the totals.
func (p *ledgerParser) count(e *payout.Entry) {
	t := p.totals
	t.rows++
	t.entries++
	t.day(e.Day)
	if p.word != nil {
		p.word.Count++
	}
	part := 0
	if e.Class.IsCash() {
		part = ledgerCash
	}
	if p.rules.period.Contains(e.Day) {
		part |= ledgerInPeriod
	} else {
		t.outOf++
	}
	p.sum.parts[part].add(e.Amount.Units())
}

// takes returns the first filter that takes out the record just read, nil if it stays.
func (p *ledgerPlan) takes(records *csvSplitter, amounts *ledgerAmounts) *ledgerPlanFilter {
	for i := range p.filters {
		if f := &p.filters[i]; !f.pass(records, amounts) {
			return f
		}
	}
	return nil
}

// pass reports whether the row stays. A figure that cannot be read stays: it will be a rejected row.
func (f *ledgerPlanFilter) pass(records *csvSplitter, amounts *ledgerAmounts) bool {
	v := ledgerTrim(records.field(f.col))
	if len(f.values) > 0 && f.values[strings.ToLower(v)] == f.not {
		return false
	}
	if !f.bySign {
		return true
	}
	units, reason := amounts.parse(v)
	if amounts.negate {
		units = -units
	}
	if reason == amountAmbiguous { // but of one sign
		units, _, _ = amounts.thousands.units(v, '.')
		reason = ""
	}
	return reason != "" || units == 0 || (units < 0) == f.negative
}

// filter counts a row of the amount v that a filter takes out.
func (p *ledgerParser) filter(f *ledgerPlanFilter, v string) {
	p.totals.rows++
	p.totals.filtered++
	taken := ledgerTaken{column: f.name, value: ledgerClip(ledgerTrim(p.records.field(f.col)), 200)}
	if f.bySign && len(f.values) == 0 {
		taken.value = map[bool]string{true: "positive", false: "negative"}[f.negative]
	}
	if known := p.readCurrency(); known != nil {
		taken.currency = known.value.code
	}
	to := p.totals.take(taken)
	units, reason := p.plan.amounts.parse(v)
	if reason == "" {
		to.sum.add(units)
	} else {
		to.unread++
	}
}

// ledgerWholeRow stands for the column where no single field is at fault.
const ledgerWholeRow = "(row)"

// reject keeps a row that cannot be read, for the column at fault.
func (p *ledgerParser) reject(col int, reason string) error {
	row := payout.RejectedRow{Column: ledgerWholeRow, Reason: reason}
	if col >= 0 && col < len(p.plan.header) {
		row.Column, row.Value = p.plan.header[col], ledgerClip(p.records.field(col), 200)
	}
	if units, bad := p.plan.amounts.parse(ledgerTrim(p.records.field(p.amount))); bad == "" {
		if known := p.readCurrency(); known != nil {
			row.Amount = money.New(units, known.value.code)
		}
	}
	row.Currency, row.Day = p.rejectedCurrency(), p.rejectedDay()
	return p.keep(row)
}

// rejectedCurrency returns the currency of the record just read, "" if it has none. It counts nothing: a currency that stands
// on unreadable rows alone is none of the ledger's.
func (p *ledgerParser) rejectedCurrency() string {
	word := ""
	if p.currency >= 0 {
		word = p.records.field(p.currency)
	}
	if code, ok := ledgerCode(word); ok {
		return strings.Clone(code)
	}
	if ledgerTrim(word) == "" {
		return p.rules.currency
	}
	return ""
}

// rejectedDay returns the day of the record just read, 0 if it has none.
func (p *ledgerParser) rejectedDay() payout.Day {
	if p.date < 0 {
		return 0
	}
	if v := ledgerTrim(p.records.field(p.date)); v != "" {
		if day, ok := p.readDay(v); ok {
			return day
		}
	}
	return 0
}

// rejectWidth keeps a row that has not as many fields as the header.
func (p *ledgerParser) rejectWidth(width int) error {
	row := payout.RejectedRow{
		Column: ledgerWholeRow,
		Reason: fmt.Sprintf("the row has %s, the header has %d", plural(p.records.count, "field", "fields"), width),
	}
	return p.keep(row)
}

// keep adds what every rejected row has. Its strings are copies: chunks are not kept for its sake.
func (p *ledgerParser) keep(row payout.RejectedRow) error {
	p.totals.rows++
	row.File, row.Line = p.file, p.line
	n := min(p.records.count, len(p.records.fields))
	row.Ref = strings.Clone(p.rejectedRef())
	var text strings.Builder
	for i := 0; i < n && text.Len() < 4*500; i++ {
		if i > 0 {
			text.WriteByte(p.plan.delim)
		}
		text.WriteString(ledgerClip(p.records.field(i), 500))
	}
	row.Text = strings.Clone(ledgerClip(text.String(), 500))
	if row.Column == ledgerWholeRow {
		row.Value = ledgerClip(row.Text, 200) // that is what is at fault
	}
	row.Value = strings.Clone(row.Value)
	p.totals.rejected = append(p.totals.rejected, row)
	if len(p.totals.rejected) > p.rules.maxRejected {
		return ledgerTooManyRejected(p.rules.maxRejected, row)
	}
	return nil
}

// ledgerTooManyRejected refuses a file that is not the ledger it is taken for: rejected rows are kept in memory.
func ledgerTooManyRejected(most int, row payout.RejectedRow) error {
	return payout.Errorf(payout.KindInput, "more than %d rows cannot be read, such as line %d (%q: %s): is this the ledger, and are ledger.columns right?",
		most, row.Line, row.Column, row.Reason)
}
