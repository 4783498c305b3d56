package reconcile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"payrecon/internal/payout"
)

// ledgerPlan is how one file is read: what its first megabyte and the configuration say together.
type ledgerPlan struct {
	delim, eol byte
	header     []string
	size       int // bytes up to the end of the header
	lines      int // physical lines up to the end of the header
	use        []payout.ColumnUse
	cols       map[string]int // part -> index of its column
	filters    []ledgerPlanFilter
	amounts    ledgerAmounts
	detected   bool // the delimiter
}

const ledgerMaxColumns = 4096

type ledgerPlanFilter struct {
	col      int
	name     string // the column's header
	values   map[string]bool
	not      bool
	negative bool // sign: negative
	bySign   bool
}

// plan reads the dialect from the beginning of a file. It returns nil without an error when the sample does not even hold
// a whole header.
func (r *ledgerRules) plan(sample []byte, whole bool, eol byte) (*ledgerPlan, error) {
	p := &ledgerPlan{eol: eol, delim: r.delim, detected: r.delim == 0}
	candidates := []byte{r.delim}
	if r.delim == 0 {
		candidates = []byte{',', ';', '\t', '|'}
	}
	text, best := string(sample), -1
	for _, delim := range candidates {
		if score := r.score(text, sample, delim, p.eol, whole); score > best {
			best, p.delim = score, delim
		}
	}
	if best < 0 {
		return nil, nil
	}
	end, quotes, _ := csvCut(sample, p.delim, p.eol, whole)
	records := newCSVSplitter(p.delim, p.eol, ledgerMaxColumns)
	records.reset(text[:end], quotes)
	p.header, p.lines = csvHeader(&records)
	if records.count > ledgerMaxColumns {
		return nil, payout.Errorf(payout.KindInput, "the header has %d columns, more than %d: is this a ledger?", records.count, ledgerMaxColumns)
	}
	p.size = min(records.pos, end)
	if err := p.mapColumns(r); err != nil {
		return nil, err
	}
	return p, p.readAmounts(r, &records, whole)
}

// score says how well a delimiter fits: first by the wanted columns it finds, then by rows as wide as the header, then by
// the number of columns. -1 = no whole header.
func (r *ledgerRules) score(text string, sample []byte, delim, eol byte, whole bool) int {
	end, quotes, _ := csvCut(sample, delim, eol, whole)
	records := newCSVSplitter(delim, eol, ledgerMaxColumns)
	records.reset(text[:end], quotes)
	header, _ := csvHeader(&records)
	if header == nil {
		return -1
	}
	found, even := 0, 0
	for _, part := range ledgerParts {
		if i, err := r.find(part, header); err == nil && i >= 0 {
			found++
		}
	}
	for n := 0; n < 20 && records.next(); n++ {
		if records.count == len(header) {
			even++
		}
	}
	return found<<24 + even<<16 + len(header)
}

// csvHeader returns the first record that is not blank, and the physical lines up to its end.
func csvHeader(records *csvSplitter) (header []string, lines int) {
	for records.next() {
		lines += records.lines
		if records.blank() {
			continue
		}
		for i := range min(records.count, len(records.fields)) {
			header = append(header, ledgerTrim(records.field(i)))
		}
		return header, lines
	}
	return nil, lines
}

// blank reports whether the record is a line of nothing but white space.
func (c *csvSplitter) blank() bool {
	return c.count == 1 && (c.lastRaw == c.start || ledgerTrim(c.text[c.start:c.lastRaw]) == "")
}

// find returns the index of the column that plays the part, -1 when there is none and none was asked for.
func (r *ledgerRules) find(part string, header []string) (int, error) {
	if name := r.Columns[part]; name != "" {
		return ledgerColumn(name, header, "ledger.columns."+part)
	}
	for _, name := range ledgerDefaultNames[part] {
		if i, err := ledgerColumn(name, header, ""); i >= 0 || err != nil {
			return i, err
		}
	}
	return -1, nil
}

// ledgerColumn finds a header name in any letter case, else a column number. key is the configuration's key that must be
// fulfilled; "" = it need not be there.
func ledgerColumn(name string, header []string, key string) (int, error) {
	name, found := ledgerTrim(name), -1
	for i, h := range header {
		if !strings.EqualFold(h, name) {
			continue
		}
		if found >= 0 {
			return -1, payout.Errorf(payout.KindInput, "the header has %q twice, as column %d and column %d: say which by its number in ledger.columns", h, found+1, i+1)
		}
		found = i
	}
	if found >= 0 || key == "" {
		return found, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 1 {
		if n > len(header) {
			return -1, payout.Errorf(payout.KindInput, "%s is column %d, but the header has %s", key, n, ledgerHeaderWords(header))
		}
		if h := header[n-1]; key == "ledger.columns.amount" && ledgerIsFigure(h) {
			return -1, payout.Errorf(payout.KindInput, "%s is column %d, whose heading reads %q: the file seems to begin with a row of money instead of a header, and that row would be lost; put a header line before it", key, n, h)
		}
		return n - 1, nil
	}
	return -1, payout.Errorf(payout.KindInput, "no column %q for %s: the header has %s", name, key, ledgerHeaderWords(header))
}

// ledgerIsFigure reports whether a heading is made of nothing but what figures are made of, readable or not.
func ledgerIsFigure(heading string) bool {
	return heading != "" && strings.TrimFunc(heading, func(r rune) bool {
		return '0' <= r && r <= '9' || amountMark(r) != 0 || strings.ContainsRune("+-\u2212()", r)
	}) == ""
}

// ledgerHeaderWords shows a header in a message, cut to what a person reads.
func ledgerHeaderWords(header []string) string {
	names := make([]string, 0, len(header))
	for i, h := range header {
		if i == 20 {
			names = append(names, "...")
			break
		}
		names = append(names, strconv.Quote(ledgerClip(h, 40)))
	}
	if len(header) == 1 {
		return "one column, " + names[0]
	}
	return fmt.Sprintf("%d columns, %s", len(header), strings.Join(names, ", "))
}

func (p *ledgerPlan) mapColumns(r *ledgerRules) error {
	p.cols = map[string]int{}
	for _, part := range ledgerParts {
		i, err := r.find(part, p.header)
		if err != nil {
			return err
		}
		p.cols[part] = i
		if i >= 0 {
			p.use = append(p.use, payout.ColumnUse{Part: part, Header: p.header[i], Number: i + 1})
			continue
		}
		if part == "ref_id" || part == "amount" || part == "currency" && r.currency == "" {
			hint := ""
			if part == "currency" {
				hint = " or set ledger.currency"
			}
			return payout.Errorf(payout.KindInput, "no column for %s (looked for %s): the header has %s (delimiter %s); name it in ledger.columns.%s%s",
				part, strings.Join(ledgerDefaultNames[part], ", "), ledgerHeaderWords(p.header), ledgerDelimiterName(p.delim), part, hint)
		}
	}
	for _, f := range r.Filters {
		col := p.cols["amount"]
		if f.Column != "" {
			var err error
			if col, err = ledgerColumn(f.Column, p.header, "ledger.filter"); err != nil {
				return err
			}
		}
		p.use = append(p.use, payout.ColumnUse{Part: "filter", Header: p.header[col], Number: col + 1})
		values := map[string]bool{}
		for _, v := range f.Values {
			values[ledgerFold(v)] = true
		}
		p.filters = append(p.filters, ledgerPlanFilter{
			col: col, name: p.header[col], values: values, not: f.Not,
			negative: strings.EqualFold(f.Sign, "negative"), bySign: f.Sign != "",
		})
	}
	return nil
}

// readAmounts looks at the amounts of the sample's whole rows, less those that a filter takes out.
func (p *ledgerPlan) readAmounts(r *ledgerRules, records *csvSplitter, whole bool) error {
	evidence := ledgerEvidence{thousands: r.thousands, whole: whole}
	col, line := p.cols["amount"], p.lines+1
	unknown := ledgerAmounts{point: true, comma: true, thousands: r.thousands, negate: r.negate}
	for records.next() {
		if records.count == len(p.header) && records.stray == 0 && p.takes(records, &unknown) == nil {
			if v := ledgerTrim(records.field(col)); v != "" {
				evidence.add(v, line)
			}
		}
		line += records.lines
	}
	var err error
	p.amounts, err = evidence.conclude(r)
	return err
}

// words says how the file is read, for people.
func (p *ledgerPlan) words(r *ledgerRules, encoding string) string {
	delim := "delimiter " + ledgerDelimiterName(p.delim)
	if p.detected {
		delim += " (detected)"
	}
	sign := "positive amounts are money out"
	if r.negate {
		sign = "negative amounts are money out"
	}
	parts := []string{encoding, delim, p.amounts.words(), r.dates.words(), sign}
	if p.eol == '\r' {
		parts = append(parts, "lines end with CR")
	}
	if r.currency != "" {
		parts = append(parts, "currency "+r.currency+" where a row has none")
	}
	return strings.Join(parts, "; ")
}

func ledgerDelimiterName(delim byte) string {
	switch delim {
	case ',':
		return "comma"
	case ';':
		return "semicolon"
	case '\t':
		return "tab"
	}
	return "pipe"
}

// ledgerTrimmed reports, at the cost of two comparisons, that s has no white space at its ends. It may say no for want of
// a closer look.
func ledgerTrimmed(s string) bool {
	n := len(s)
	return n == 0 || s[0]-'!' < 0x7f-'!' && s[n-1]-'!' < 0x7f-'!'
}

// ledgerTrim takes Unicode white space off both ends.
func ledgerTrim(s string) string {
	if ledgerTrimmed(s) {
		return s
	}
	return strings.TrimFunc(s, unicode.IsSpace)
}

// ledgerClip cuts s to at most n characters.
func ledgerClip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
