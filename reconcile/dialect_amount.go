package reconcile

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// How amounts are read. A figure has a decimal mark, point or comma, and may have one kind of mark between groups of three
// digits. Which of the two decimal marks a file uses is concluded only from figures that leave no choice:
//
//	10.00  1,234.56  1.2345    only a point can be the decimal mark
//	10,00  1.234,56  0,123     only a comma can
//	10     1 234               both give the same figure
//	1.234  1,234               both are possible and differ: it takes another figure of the column, or a person, to tell
//
// If both marks remain and a figure differs between them, the file is refused with the question. If no figure tells, later
// ones (beyond the sample) are read as long as they leave no choice themselves.
//
// The sample decides how the file is read, but the workers go on weighing what they read. A figure beyond the sample that does
// not fit the decimal mark is a rejected row: one bad row does not refuse a file, nor do many, as none of them is taken for
// another amount. But once a figure of the other mark was met, one that is possible with both may have been: then the file is
// refused with the question, wherever the two stand. Rows that a filter takes out tell nothing.

// ledgerThousands is the set of marks that may stand between groups of three digits.
type ledgerThousands struct {
	marks string // any of . , ' and space
	fixed bool   // configured
}

func newLedgerThousands(configured string) (ledgerThousands, error) {
	switch configured {
	case "":
		return ledgerThousands{".,' ", false}, nil
	case "none":
		return ledgerThousands{"", true}, nil
	case ".", ",", "'", " ":
		return ledgerThousands{configured, true}, nil
	case "space":
		return ledgerThousands{" ", true}, nil
	}
	return ledgerThousands{}, ledgerBadKey("thousands", configured, `one of "." "," "'" " " or none`)
}

// units reads v, which is trimmed, with the decimal mark. mark is the thousands mark that it uses, 0 for none.
func (t ledgerThousands) units(v string, decimal byte) (units int64, mark byte, ok bool) {
	if len(v) > 64 {
		return 0, 0, false
	}
	var space [72]byte
	figure, mark, ok := t.figure(space[:0], v, decimal)
	if !ok {
		return 0, 0, false
	}
	units, err := money.ParseUnits(figure)
	return units, mark, err == nil
}

// tooLarge reports whether v is an amount with the decimal mark that is too large to be held.
func (t ledgerThousands) tooLarge(v string, decimal byte) bool {
	figure, _, ok := t.figure(nil, v, decimal)
	if !ok {
		return false
	}
	_, err := money.ParseUnits(figure)
	return errors.Is(err, money.ErrOverflow)
}

// figure appends v to out as money.ParseUnits reads it: without thousands marks, with a decimal point.
func (t ledgerThousands) figure(out []byte, v string, decimal byte) (figure []byte, mark byte, ok bool) {
	group, first, inFraction := 0, true, false
	for i := 0; i < len(v); {
		r, size := utf8.DecodeRuneInString(v[i:])
		c := amountMark(r)
		switch {
		case '0' <= r && r <= '9':
			out = append(out, byte(r))
			group++
		case i == 0 && (r == '-' || r == '+'):
			out = append(out, byte(r))
		case c == decimal && !inFraction:
			if mark != 0 && group != 3 {
				return nil, 0, false
			}
			out, inFraction = append(out, '.'), true
		case c != 0 && c != decimal && !inFraction && strings.IndexByte(t.marks, c) >= 0 && (mark == 0 || mark == c):
			if first && (group < 1 || group > 3 || out[len(out)-group] == '0') || !first && group != 3 {
				return nil, 0, false
			}
			mark, first, group = c, false, 0
		default:
			return nil, 0, false
		}
		i += size
	}
	if mark != 0 && !inFraction && group != 3 {
		return nil, 0, false
	}
	return out, mark, true
}

// amountMark returns the mark that r stands for: all narrow and unbreakable spaces are space. 0 = none.
func amountMark(r rune) byte {
	switch r {
	case '.', ',', '\'', ' ':
		return byte(r)
	case '\u00a0', '\u202f', '\u2009':
		return ' '
	case '\u2019':
		return '\''
	}
	return 0
}

// ledgerAmounts is how one file's amounts are read.
type ledgerAmounts struct {
	point, comma bool // the decimal marks that remain possible
	thousands    ledgerThousands
	negate       bool
	how          string // amountsConfigured, detected, ...
	seen         string // thousands marks that were met in the sample
}

// amountsConfigured says that the configuration tells the decimal mark.
const amountsConfigured = "configured"

// Why an amount was not read.
const (
	amountBlank     = "the amount is blank"
	amountSyntax    = "not an amount (want digits with at most four decimals, "
	amountAmbiguous = "ambiguous"
	amountRange     = "the amount is too large (at most about 922 trillion)"
)

// parse reads v, which is trimmed, in money units, money out positive. reason is "" when that worked.
func (a *ledgerAmounts) parse(v string) (units int64, reason string) {
	if v == "" {
		return 0, amountBlank
	}
	ok := false
	if a.point && !a.comma {
		if fast, err := money.ParseUnits(v); err == nil {
			units, ok = fast, true
		}
	}
	if !ok {
		units, ok, reason = a.slow(v)
	}
	if !ok {
		return 0, reason
	}
	if a.negate {
		if units == -units && units != 0 {
			return 0, amountRange
		}
		return -units, ""
	}
	return units, ""
}

// slow tries every reading that remains.
func (a *ledgerAmounts) slow(v string) (units int64, ok bool, reason string) {
	if a.point {
		units, _, ok = a.thousands.units(v, '.')
	}
	if a.comma {
		other, _, okComma := a.thousands.units(v, ',')
		switch {
		case ok && okComma && units != other:
			return 0, false, amountAmbiguous
		case okComma:
			units, ok = other, true
		}
	}
	if ok {
		return units, true, ""
	}
	if a.point && a.thousands.tooLarge(v, '.') || a.comma && a.thousands.tooLarge(v, ',') {
		return 0, false, amountRange
	}
	return 0, false, amountSyntax + a.marks() + ")"
}

// marks says in words which marks are understood.
func (a *ledgerAmounts) marks() string {
	words := "decimal point"
	switch {
	case a.point && a.comma:
		words = "decimal point or comma"
	case a.comma:
		words = "decimal comma"
	}
	return words
}

// words says how amounts are read, for people.
func (a *ledgerAmounts) words() string {
	grouped := "no thousands marks"
	switch {
	case a.seen != "":
		grouped = "thousands marked by " + amountMarkNames(a.seen)
	case a.thousands.fixed && a.thousands.marks != "":
		grouped = "thousands marked by " + amountMarkNames(a.thousands.marks)
	}
	switch {
	case a.point && a.comma && a.how == "default":
		return "decimal mark unknown: no amount to tell it"
	case a.point && a.comma:
		return "whole amounts only, " + grouped + " (detected)"
	}
	return a.marks() + ", " + grouped + " (" + a.how + ")"
}

func amountMarkNames(marks string) string {
	var names []string
	for _, m := range []byte(marks) {
		names = append(names, map[byte]string{'.': "point", ',': "comma", '\'': "apostrophe", ' ': "space"}[m])
	}
	return strings.Join(names, ", ")
}

// ledgerEvidence collects what amounts say about the decimal mark: those of the sample, and later those of the whole file.
type ledgerEvidence struct {
	thousands                    ledgerThousands
	whole                        bool // no amount of the file is missing
	pointOnly, commaOnly, either int64
	unsure, point, comma         ledgerExample // the first of each
	seenPoint, seenComma         string
}

type ledgerExample struct {
	line        int
	value       string
	point, comm int64
}

// add looks at one amount.
func (e *ledgerEvidence) add(v string, line int) {
	p, markP, okP := e.thousands.units(v, '.')
	c, markC, okC := e.thousands.units(v, ',')
	example := ledgerExample{line, v, p, c}
	switch {
	case okP && okC && p == c:
		e.either++
	case okP && okC:
		e.unsure.first(example)
	case okP:
		e.pointOnly++
		e.point.first(example)
	case okC:
		e.commaOnly++
		e.comma.first(example)
	}
	if okP && markP != 0 && strings.IndexByte(e.seenPoint, markP) < 0 {
		e.seenPoint += string(rune(markP))
	}
	if okC && markC != 0 && strings.IndexByte(e.seenComma, markC) < 0 {
		e.seenComma += string(rune(markC))
	}
}

// read is add, at next to no cost, for an amount that could be read and is on a later line than those before. A mark before
// two last digits is the decimal mark, and without any mark both readings are the same.
func (e *ledgerEvidence) read(v string, line int) {
	switch n := len(v); {
	case n > 2 && v[n-3] == '.' && e.pointOnly > 0:
		e.pointOnly++
	case n > 2 && v[n-3] == ',' && e.commaOnly > 0:
		e.commaOnly++
	case strings.IndexByte(v, '.') >= 0 || strings.IndexByte(v, ',') >= 0:
		e.add(v, line)
	}
}

// merge adds what other lines of the same file say.
func (e *ledgerEvidence) merge(o *ledgerEvidence) {
	e.pointOnly += o.pointOnly
	e.commaOnly += o.commaOnly
	e.either += o.either
	e.unsure.first(o.unsure)
	e.point.first(o.point)
	e.comma.first(o.comma)
}

// conclude decides how the column is read, or asks.
func (e *ledgerEvidence) conclude(r *ledgerRules) (ledgerAmounts, error) {
	a := ledgerAmounts{thousands: r.thousands, negate: r.negate, how: amountsConfigured}
	switch {
	case r.decimal != 0:
		a.point, a.comma = r.decimal == '.', r.decimal == ','
	case r.thousands.marks == "." || r.thousands.marks == ",":
		a.point, a.comma = r.thousands.marks == ",", r.thousands.marks == "."
	default:
		a.how = "detected"
		a.point, a.comma = e.commaOnly == 0, e.pointOnly == 0
		mixed := !a.point && !a.comma
		switch {
		case mixed && e.commaOnly > e.pointOnly:
			return a, payout.Errorf(payout.KindInput, "%s: set ledger.decimal", e.both())
		case mixed && e.unsure.value != "":
			return a, e.unsure.ask(e.both())
		case a.point && a.comma && e.unsure.value != "":
			return a, e.unsure.ask(r.untold(e.whole))
		case mixed: // the others are rejected rows
			a.point, a.thousands.marks, a.how = true, "", "default"
			return a, nil
		case a.point && a.comma && e.either == 0:
			a.how = "default"
		}
	}
	if a.point && !a.comma {
		a.seen = e.seenPoint
	} else if a.comma && !a.point {
		a.seen = e.seenComma
	}
	return a, nil
}

// confirm judges a by the amounts of the whole file: it asks if an amount may have been read wrongly. A file whose sample told
// no mark was read with either, so it must not have both.
func (e *ledgerEvidence) confirm(a *ledgerAmounts) error {
	switch {
	case a.how == amountsConfigured || e.pointOnly == 0 || e.commaOnly == 0:
		return nil
	case e.unsure.value != "":
		return e.unsure.ask(e.both())
	case a.point && a.comma:
		return payout.Errorf(payout.KindInput, "%s: set ledger.decimal", e.both())
	}
	return nil
}

// both says that both marks were met.
func (e *ledgerEvidence) both() string {
	return fmt.Sprintf("the amounts use both decimal marks, as in %q on line %d and %q on line %d", e.comma.value, e.comma.line, e.point.value, e.point.line)
}

// untold says what does not tell the decimal mark: the file, or as much of it as was looked at.
func (r *ledgerRules) untold(whole bool) string {
	switch filtered := len(r.Filters) > 0; {
	case whole && filtered:
		return "no amount that the filters leave tells which"
	case whole:
		return "nothing in the file tells which"
	case filtered:
		return "no amount that the filters leave at the beginning of the file tells which"
	}
	return "the beginning of the file does not tell which"
}

// first keeps the example of the earlier line; "" is none. What is kept is a copy: a value is a part of its chunk's text.
func (x *ledgerExample) first(o ledgerExample) {
	if o.value != "" && (x.value == "" || o.line < x.line) {
		*x = o
		x.value = strings.Clone(o.value)
	}
}

// ask is the error of an amount that can be read in two ways; why says what leaves it open.
func (x ledgerExample) ask(why string) error {
	return payout.Errorf(payout.KindInput, "line %d: the amount %q can be read as %s or as %s and %s: set ledger.decimal",
		x.line, x.value, money.FormatUnits(x.point, ""), money.FormatUnits(x.comm, ""), why)
}
