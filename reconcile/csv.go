package reconcile

import (
	"bytes"
	"math/bits"
	"strings"
)

// The splitter of CSV records. A field that begins with a quote ends at the next single quote; doubled quotes inside it are
// one quote, line breaks inside it are text (RFC 4180). A quote anywhere else is literal text. Records end at eol, which is
// '\n' (a '\r' before it belongs to the line end) or, in a file that knows no '\n', '\r'.
//
// The cost is what decides the speed of the intake: eight bytes at a time are compared with the delimiter and the line end
// at once, fields are pairs of offsets into the chunk's one string, nothing is allocated. Only fields with doubled quotes
// are copied.

// csvField is where a field's text lies. A complemented end says that it holds doubled quotes.
type csvField struct{ start, end int32 }

// csvSplitter reads one record after the other from a text that starts with a record and ends with one.
type csvSplitter struct {
	delim, eol byte
	text       string
	quotes     bool // the text holds a quote somewhere: without one the plain way is right
	pos        int  // where the next record starts

	fields  []csvField // of the record just read: the first len(fields) of them
	count   int        // how many fields it has
	start   int        // where it starts
	lines   int        // line ends inside it and at its end
	stray   int        // 1 + the first field that has text after its closing quote; 0 = none
	lastRaw int        // where it ends, line end excluded
}

// newCSVSplitter returns a splitter that keeps at most keep fields of a record.
func newCSVSplitter(delim, eol byte, keep int) csvSplitter {
	return csvSplitter{delim: delim, eol: eol, fields: make([]csvField, keep)}
}

// reset starts a new text.
func (c *csvSplitter) reset(text string, quotes bool) {
	c.text, c.quotes, c.pos = text, quotes, 0
}

// next reads the next record and reports whether there was one.
func (c *csvSplitter) next() bool {
	if c.pos >= len(c.text) {
		return false
	}
	c.start, c.count, c.lines, c.stray = c.pos, 0, 1, 0
	if c.quotes {
		c.quoted()
	} else {
		c.plain()
	}
	return true
}

const (
	csvOnes  = 0x0101010101010101
	csvLow7  = 0x7f7f7f7f7f7f7f7f
	csvHighs = 0x8080808080808080
)

// csvLoad reads eight bytes of s as a little-endian word; the compiler makes one load of it.
func csvLoad(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// csvEither sets the high bit of each byte that is zero in x or in y, and no other.
func csvEither(x, y uint64) uint64 {
	x = (x&csvLow7 + csvLow7) | x
	y = (y&csvLow7 + csvLow7) | y
	return ^(x & y) & csvHighs
}

// plain reads a record of a text without quotes.
func (c *csvSplitter) plain() {
	s, fields, n := c.text, c.fields, 0
	delims, eols := csvOnes*uint64(c.delim), csvOnes*uint64(c.eol)
	start, i := c.pos, c.pos
	for ; i+8 <= len(s); i += 8 {
		w := csvLoad(s, i)
		for m := csvEither(w^delims, w^eols); m != 0; m &= m - 1 {
			at := i + bits.TrailingZeros64(m)>>3
			if s[at] == c.eol {
				c.count = n
				c.finish(start, at)
				return
			}
			if n < len(fields) {
				fields[n] = csvField{int32(start), int32(at)}
			}
			n++
			start = at + 1
		}
	}
	for ; i < len(s) && s[i] != c.eol; i++ {
		if s[i] == c.delim {
			if n < len(fields) {
				fields[n] = csvField{int32(start), int32(i)}
			}
			n++
			start = i + 1
		}
	}
	c.count = n
	c.finish(start, i)
}

// quoted reads a record of a text that has quotes somewhere.
func (c *csvSplitter) quoted() {
	s := c.text
	for at := c.pos; ; {
		start, end, escaped := at, 0, false
		if at < len(s) && s[at] == '"' {
			start++
			end, escaped, _ = csvClosing(s, start)
			at = min(end+1, len(s))
			rest := c.until(at)
			if rest != at && !c.onlyCR(at, rest) { // shown as it stands, quotes and all
				start, end, escaped = start-1, rest, false
				if c.stray == 0 {
					c.stray = c.count + 1
				}
			}
			at = rest
		} else {
			at = c.until(at)
			end = at
		}
		if at >= len(s) || s[at] == c.eol {
			c.finishQuoted(start, end, at, escaped)
			return
		}
		c.add(start, end, escaped)
		at++
	}
}

// onlyCR reports whether [at, rest) is nothing but the first half of a CRLF.
func (c *csvSplitter) onlyCR(at, rest int) bool {
	return rest == at+1 && c.text[at] == '\r' && c.eol == '\n' && (rest == len(c.text) || c.text[rest] == c.eol)
}

// until returns where the unquoted text at i ends: at a delimiter, a line end or the end of all.
func (c *csvSplitter) until(i int) int {
	s := c.text
	delims, eols := csvOnes*uint64(c.delim), csvOnes*uint64(c.eol)
	for ; i+8 <= len(s); i += 8 {
		w := csvLoad(s, i)
		if m := csvEither(w^delims, w^eols); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for i < len(s) && s[i] != c.eol && s[i] != c.delim {
		i++
	}
	return i
}

func (c *csvSplitter) add(start, end int, escaped bool) {
	if c.count < len(c.fields) {
		f := csvField{int32(start), int32(end)}
		if escaped {
			f.end = ^f.end
		}
		c.fields[c.count] = f
	}
	c.count++
}

// finish ends a record whose last field is unquoted and lies at [start, at).
func (c *csvSplitter) finish(start, at int) {
	c.pos = at + 1
	if c.eol == '\n' && at > start && c.text[at-1] == '\r' {
		at--
	}
	c.lastRaw = at
	c.add(start, at, false)
}

// finishQuoted ends a record at the line end at; its last field is [start, end), quoted or not.
func (c *csvSplitter) finishQuoted(start, end, at int, escaped bool) {
	if end == at {
		c.finish(start, at)
	} else {
		c.add(start, end, escaped)
		c.pos, c.lastRaw = at+1, at
	}
	last := min(at, len(c.text))
	c.lines += strings.Count(c.text[c.start:last], string(rune(c.eol)))
}

// field returns the text of field i of the record just read.
func (c *csvSplitter) field(i int) string {
	f := c.fields[i]
	if f.end < 0 {
		return c.unescaped(f)
	}
	return c.text[f.start:f.end]
}

func (c *csvSplitter) unescaped(f csvField) string {
	return strings.ReplaceAll(c.text[f.start:^f.end], `""`, `"`)
}

// csvClosing returns where the quoted text that starts at i has its closing quote, or len(s) and closed = false.
func csvClosing(s string, i int) (at int, escaped, closed bool) {
	for {
		q := strings.IndexByte(s[i:], '"')
		if q < 0 {
			return len(s), escaped, false
		}
		i += q
		if i+1 >= len(s) || s[i+1] != '"' {
			return i, escaped, true
		}
		escaped = true
		i += 2
	}
}

// csvCut returns where the last whole record of b ends; b starts with a record. With whole set nothing follows b. quotes
// tells whether b holds any quote; open is 1 + the offset of a quote that b does not close, else 0.
//
// It jumps from quote to quote: the parts between them are read only by the search for the last line end.
func csvCut(b []byte, delim, eol byte, whole bool) (end int, quotes bool, open int) {
	i := 0
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			if n := bytes.LastIndexByte(b[i:], eol); n >= 0 {
				end = i + n + 1
			}
			if whole {
				end = len(b)
			}
			return end, quotes, 0
		}
		q += i
		quotes = true
		if n := bytes.LastIndexByte(b[i:q], eol); n >= 0 {
			end = i + n + 1
		}
		i = q + 1
		if q > 0 && b[q-1] != delim && b[q-1] != eol {
			continue // literal text
		}
		for {
			n := bytes.IndexByte(b[i:], '"')
			if n < 0 {
				return end, true, q + 1
			}
			i += n + 1
			if i == len(b) || b[i] != '"' {
				break
			}
			i++
		}
	}
}
