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
	possible := ledgerShift{p: p}
	possible.lay(0, 0, ledgerNoField)
	if possible.found != 1 {
		return ledgerNoField
	}
	read := ledgerShift{p: p, strict: true}
	if read.lay(0, 0, ledgerNoField); read.found != 1 {
		return ledgerNoField
	}
	return possible.ref
}

// lay lays the columns from col on over the fields from at on. ref is the field of the reference, if that is laid already.
func (l *ledgerShift) lay(col, at, ref int) {
	p := l.p
	left := p.records.count - at - (len(p.plan.header) - col) // fields without a column; negative: columns without a field
	switch {
	case l.found > 1 || p.records.count < at:
		return
	case col == len(p.plan.header):
		if left == 0 && (l.found == 0 || ref != l.ref) {
			l.found++
			l.ref = ref
		}
		return
	}
	switch col {
	case p.ref:
		l.one(col, at, at)
		if left < 0 {
			l.lay(col+1, at, ledgerNoField)
		}
	case p.amount:
		l.amount(left, col, at, ref)
	case p.currency:
		if at < p.records.count && p.isCurrency(p.records.field(at)) {
			l.one(col, at, ref)
		}
		if left < 0 && p.rules.currency != "" {
			l.lay(col+1, at, ref)
		}
	case p.date, p.status:
		if at < p.records.count && (col == p.status || p.isDate(p.records.field(at))) {
			l.one(col, at, ref)
		}
		if left < 0 {
			l.lay(col+1, at, ref)
		}
	default:
		l.free(left, col, at, ref)
	}
}

// one lays the column over a single field.
func (l *ledgerShift) one(col, at, ref int) {
	if at < l.p.records.count {
		l.lay(col+1, at+1, ref)
	}
}

// amount lays the amount over one field, or over several that are an amount together.
func (l *ledgerShift) amount(left, col, at, ref int) {
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
		l.lay(col+1, at+more+1, ref)
	}
}

// free lays the columns up to the next one that is read, which may hold anything.
func (l *ledgerShift) free(left, col, at, ref int) {
	p, next := l.p, col
	for next < len(p.plan.header) && !p.isRead(next) {
		next++
	}
	for more := min(left, 0); more <= max(left, 0); more++ {
		if fields := next - col + more; fields >= 0 {
			l.lay(next, at+fields, ref)
		}
	}
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
