package reconcile

import "payrecon/internal/payout"

// Which field is the reference of a row that has not as many fields as the header? A row is too wide where a text, or the
// amount, holds the delimiter and is not quoted, and too narrow where columns are left out; either shifts the columns behind
// it. All ways to lay the columns over the fields are tried. References, currencies, dates and status words hold no delimiter;
// a currency and a date must read as one. A wrong reference would clear what is open, so it is told only if it is the same
// field in all of these ways, whether or not the amount can be read in them, and if the amount can be read in one.

// ledgerMaxShift is how many fields a row may have more or less than the header for its reference to be looked for.
const ledgerMaxShift = 16

// ledgerNoField says that no field, or none for certain, is the reference.
const ledgerNoField = -1

// ledgerShift tries the ways in which the columns can lie over the fields of one record.
type ledgerShift struct {
	p      *ledgerParser
	strict bool // the amount must be readable
	found  int  // ways found so far, counting those of the same reference as one, and 2 for more
	ref    int  // the field of the reference in the first of them

	// Whether the columns from one on can lie over the fields from one on does not depend on how those before lie: each such
	// place is tried once, or the ways would be too many to count.
	tried []ledgerTried
	over  int // fields more than columns
}

// ledgerTried is what became of a place.
type ledgerTried uint8

const (
	ledgerUntried ledgerTried = iota
	ledgerNoWay
	ledgerSomeWay
)

// newLedgerShift starts anew on the record just read.
func newLedgerShift(p *ledgerParser, strict bool) ledgerShift {
	over := p.records.count - len(p.plan.header)
	return ledgerShift{p: p, strict: strict, over: over, tried: make([]ledgerTried, (len(p.plan.header)+1)*(max(over, -over)+1))}
}

// at returns the place of a column over a field, nil if the columns before cannot lie so.
func (l *ledgerShift) at(col, at int) *ledgerTried {
	shift := at - col
	if l.over < 0 {
		shift = -shift
	}
	width := max(l.over, -l.over) + 1
	if shift < 0 || shift >= width {
		return nil
	}
	return &l.tried[col*width+shift]
}

// refAt returns which field of the record is its reference.
func (p *ledgerParser) refAt() int {
	over := p.records.count - len(p.plan.header)
	switch {
	case over == 0:
		return p.ref
	case max(over, -over) > ledgerMaxShift || p.records.count > len(p.records.fields):
		return ledgerNoField
	}
	possible := newLedgerShift(p, false)
	possible.lay(0, 0, ledgerNoField)
	if possible.found != 1 {
		return ledgerNoField
	}
	read := newLedgerShift(p, true)
	if read.lay(0, 0, ledgerNoField); read.found != 1 {
		return ledgerNoField
	}
	return possible.ref
}

// lay lays the columns from col on over the fields from at on, and reports whether there is a way. ref is the field of the
// reference, if that is laid already.
func (l *ledgerShift) lay(col, at, ref int) bool {
	place := l.at(col, at)
	switch {
	case l.found > 1 || place == nil || *place == ledgerNoWay:
		return false
	case *place == ledgerSomeWay:
		if col > l.p.ref { // another reference may go before it; else it is counted
			l.count(ref)
		}
		return true
	}
	way := false
	if col == len(l.p.plan.header) {
		if way = at == l.p.records.count; way {
			l.count(ref)
		}
	} else {
		way = l.column(col, at, ref)
	}
	*place = ledgerNoWay
	if way {
		*place = ledgerSomeWay
	}
	return way
}

// count counts a way, if it has another reference than those before.
func (l *ledgerShift) count(ref int) {
	if l.found == 0 || ref != l.ref {
		l.found++
		l.ref = ref
	}
}

// column lays one column, or several that may hold anything, and all that come after.
func (l *ledgerShift) column(col, at, ref int) (way bool) {
	p := l.p
	left := p.records.count - at - (len(p.plan.header) - col) // fields without a column; negative: columns without a field
	switch col {
	case p.ref:
		way = l.one(col, at, at)
		if left < 0 {
			way = l.lay(col+1, at, ledgerNoField) || way
		}
	case p.amount:
		way = l.amount(left, col, at, ref)
	case p.currency:
		if at < p.records.count && p.isCurrency(p.records.field(at)) {
			way = l.one(col, at, ref)
		}
		if left < 0 && p.rules.currency != "" {
			way = l.lay(col+1, at, ref) || way
		}
	case p.date, p.status:
		if at < p.records.count && (col == p.status || p.isDate(p.records.field(at))) {
			way = l.one(col, at, ref)
		}
		if left < 0 {
			way = l.lay(col+1, at, ref) || way
		}
	default:
		way = l.free(left, col, at, ref)
	}
	return way
}

// one lays the column over a single field.
func (l *ledgerShift) one(col, at, ref int) bool {
	return at < l.p.records.count && l.lay(col+1, at+1, ref)
}

// amount lays the amount over one field, or over several that are an amount together.
func (l *ledgerShift) amount(left, col, at, ref int) (way bool) {
	r := &l.p.records
	for more := 0; more <= max(left, 0) && at+more < r.count; more++ {
		first, last := r.fields[at], r.fields[at+more]
		text := r.field(at)
		if more > 0 {
			text = r.text[first.start:max(first.start, last.end)]
		}
		if more > 0 || l.strict {
			if _, bad := l.p.plan.amounts.parse(ledgerTrim(text)); bad != "" {
				continue
			}
		}
		way = l.lay(col+1, at+more+1, ref) || way
	}
	return way
}

// free lays the columns up to the next one that is read, which may hold anything.
func (l *ledgerShift) free(left, col, at, ref int) (way bool) {
	p, next := l.p, col
	for next < len(p.plan.header) && !p.isRead(next) {
		next++
	}
	for more := min(left, 0); more <= max(left, 0); more++ {
		if fields := next - col + more; fields >= 0 {
			way = l.lay(next, at+fields, ref) || way
		}
	}
	return way
}

// isRead reports whether a column tells by what it holds whether a field is its own.
func (p *ledgerParser) isRead(col int) bool {
	switch col {
	case p.ref, p.amount, p.currency, p.date, p.status:
		return true
	}
	return false
}

func (p *ledgerParser) isCurrency(word string) bool {
	_, ok := ledgerCode(word)
	return ok || p.rules.currency != "" && ledgerTrim(word) == ""
}

func (p *ledgerParser) isDate(word string) bool {
	word = ledgerTrim(word)
	_, ok := p.readDay(word)
	return ok || word == ""
}

// rejectedRef returns the reference of the record just read, "" if it is not known or none that a payout can bear.
func (p *ledgerParser) rejectedRef() string {
	at := p.refAt()
	if at < 0 || at >= min(p.records.count, len(p.records.fields)) {
		return ""
	}
	ref := p.records.field(at)
	if _, ok := payout.KeyOf(ref, "", false); !ok || len(ref) > 1000 {
		return ""
	}
	return ref
}
