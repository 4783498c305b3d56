package xlsx

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/report"
)

// rowWriter encodes the rows of one sheet.
type rowWriter struct {
	ctx    context.Context
	sheet  *report.Sheet
	styles *styles
	pack   *pack
	names  []string // of columns
	row    int
}

// flushAt is how many encoded bytes are handed to the compressor at once.
const flushAt = 1 << 18

// write writes a sheet's part: what the library made before and after the rows, and the rows. Encoding and compressing
// share the work of two processors.
func (r *rowWriter) write(w io.Writer, before, after []byte) error {
	out := newPipe(&counter{w: w})
	buffer := append(out.buffer(), before...)
	buffer = append(buffer, sheetData...)
	buffer, err := r.encode(out, buffer)
	if err == nil {
		buffer = append(buffer, sheetDataEnd...)
		buffer = append(buffer, after...)
		out.send(buffer)
	}
	if closed := out.close(); closed != nil {
		return closed
	}
	return err
}

func (r *rowWriter) encode(out *pipe, buffer []byte) ([]byte, error) {
	for i := range r.sheet.Columns {
		r.names = append(r.names, columnName(i))
	}
	for i := range r.sheet.Rows {
		row := &r.sheet.Rows[i]
		buffer = r.encodeRow(buffer, row.Cells, row)
		if len(buffer) > flushAt {
			buffer = out.send(buffer)
		}
	}
	if r.sheet.Stream == nil {
		return buffer, r.progress()
	}
	n := 0
	for cells, err := range r.sheet.Stream {
		if err != nil {
			return buffer, err
		}
		n++
		buffer = r.encodeRow(buffer, cells, nil)
		if len(buffer) > flushAt {
			buffer = out.send(buffer)
			if err := r.progress(); err != nil {
				return buffer, err
			}
			if out.failed() {
				return buffer, nil // close tells why
			}
		}
	}
	if n != r.sheet.StreamRows {
		return buffer, fmt.Errorf("sheet %s: %d rows were announced, %d came", r.sheet.Name, r.sheet.StreamRows, n)
	}
	return buffer, r.progress()
}

// progress tells how far it is and hears whether to stop.
func (r *rowWriter) progress() error {
	if r.pack.progress != nil {
		r.pack.progress(r.pack.done+r.row, r.pack.total)
	}
	if r.row == r.sheet.LastRow() {
		r.pack.done += r.row
	}
	return r.ctx.Err()
}

// encodeRow appends one row. row is nil for streamed rows.
func (r *rowWriter) encodeRow(dst []byte, cells []report.Cell, row *report.Row) []byte {
	r.row++
	height := 0
	if row != nil {
		height = heightOf(r.sheet, row)
	}
	if len(cells) == 0 && height == 0 {
		return dst
	}
	dst = append(dst, `<row r="`...)
	dst = strconv.AppendInt(dst, int64(r.row), 10)
	if height > 0 {
		dst = append(dst, `" ht="`...)
		dst = strconv.AppendInt(dst, int64(height), 10)
		dst = append(dst, `" customHeight="1`...)
	}
	dst = append(dst, `">`...)
	for i := range cells {
		dst = r.encodeCell(dst, &cells[i], i, row)
	}
	if row != nil && row.Merge > 1 { // the rest of a merged range carries its style
		for i := len(cells); i < row.Merge; i++ {
			dst = r.encodeCell(dst, &report.Cell{Look: cells[0].Look, Kind: report.Blank}, i, row)
		}
	}
	return append(dst, `</row>`...)
}

func (r *rowWriter) encodeCell(dst []byte, c *report.Cell, column int, row *report.Row) []byte {
	style := r.styles.of(c, wraps(r.sheet, row, column))
	if c.Kind == report.Blank && c.Formula == "" && style == 0 {
		return dst
	}
	for len(r.names) <= column {
		r.names = append(r.names, columnName(len(r.names)))
	}
	dst = append(dst, `<c r="`...)
	dst = append(dst, r.names[column]...)
	dst = strconv.AppendInt(dst, int64(r.row), 10)
	if style != 0 {
		dst = append(dst, `" s="`...)
		dst = strconv.AppendInt(dst, int64(style), 10)
	}
	dst = append(dst, '"')
	if c.Kind == report.Text || isOldDate(c) {
		return appendText(dst, c)
	}
	dst = append(dst, '>')
	dst = appendFormula(dst, c.Formula)
	if c.Kind != report.Blank {
		dst = append(dst, "<v>"...)
		dst = appendNumber(dst, c)
		dst = append(dst, "</v>"...)
	}
	return append(dst, "</c>"...)
}

// wraps reports whether the text of a cell is broken into lines. row is nil for streamed rows.
func wraps(s *report.Sheet, row *report.Row, column int) bool {
	if row != nil && row.Merge > 1 {
		return true
	}
	return column < len(s.Columns) && s.Columns[column].Wrap && (row == nil || row.Kind == report.RowData || row.Kind == report.RowTotal)
}

func appendText(dst []byte, c *report.Cell) []byte {
	s := c.Text
	if c.Kind != report.Text {
		s = c.Plain()
	}
	if c.Formula != "" {
		dst = append(dst, ` t="str">`...)
		dst = appendFormula(dst, c.Formula)
		dst = append(dst, "<v>"...)
		dst = escape(dst, s)
		return append(dst, "</v></c>"...)
	}
	dst = append(dst, ` t="inlineStr"><is><t`...)
	if keepsSpace(s) {
		dst = append(dst, ` xml:space="preserve"`...)
	}
	dst = append(dst, '>')
	dst = escape(dst, s)
	return append(dst, "</t></is></c>"...)
}

func keepsSpace(s string) bool {
	if s == "" {
		return false
	}
	first, _ := utf8.DecodeRuneInString(s)
	last, _ := utf8.DecodeLastRuneInString(s)
	return unicode.IsSpace(first) || unicode.IsSpace(last) || strings.ContainsAny(s, "\n\t") || strings.Contains(s, "  ")
}

func appendFormula(dst []byte, formula string) []byte {
	if formula == "" {
		return dst
	}
	dst = append(dst, "<f>"...)
	dst = escape(dst, formula)
	return append(dst, "</f>"...)
}

// Excel counts days from 1899-12-30, as long as they are after February 1900.
const (
	epochDay  = 25569 // 1970-01-01
	firstDay  = 61    // 1900-03-01
	dayMillis = 86_400_000
)

// isOldDate reports whether Excel cannot hold the day: it is then written as text.
func isOldDate(c *report.Cell) bool {
	switch c.Kind {
	case report.Date:
		return c.Number+epochDay < firstDay
	case report.Instant:
		return c.Number < (firstDay-epochDay)*dayMillis
	}
	return false
}

// appendNumber writes the number that Excel stores for a value, exactly: money and shares as decimals, days as days.
// Instants are days to the ninth decimal, which is a tenth of a millisecond, of their whole second: Excel rounds what it
// shows, and a payout of 23:59:59.6 must not seem to be the next day's.
func appendNumber(dst []byte, c *report.Cell) []byte {
	switch c.Kind {
	case report.Money:
		return money.AppendUnits(dst, c.Number, c.Currency)
	case report.Share:
		return money.AppendUnits(dst, c.Number, "")
	case report.Date:
		return strconv.AppendInt(dst, c.Number+epochDay, 10)
	case report.Instant:
		days, millis := c.Number/dayMillis, c.Number%dayMillis
		if millis < 0 {
			days, millis = days-1, millis+dayMillis
		}
		millis -= millis % 1000
		dst = strconv.AppendInt(dst, days+epochDay, 10)
		if millis == 0 {
			return dst
		}
		fraction := strconv.FormatInt((millis*1_000_000_000+dayMillis/2)/dayMillis, 10)
		return append(append(dst, ".000000000"[:10-len(fraction)]...), fraction...)
	}
	return strconv.AppendInt(dst, c.Number, 10)
}

func columnName(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

// pipe hands encoded buffers to a goroutine that compresses them, while the next one is filled.
type pipe struct {
	full, empty chan []byte
	dead        chan struct{} // closed at the first error of writing
	done        chan struct{} // closed when the goroutine has ended
	err         error         // set before dead is closed
}

func newPipe(w io.Writer) *pipe {
	p := &pipe{full: make(chan []byte, 2), empty: make(chan []byte, 3), dead: make(chan struct{}), done: make(chan struct{})}
	for range 3 {
		p.empty <- make([]byte, 0, flushAt+flushAt/4)
	}
	go func() {
		defer close(p.done)
		for b := range p.full {
			if p.err == nil {
				if _, p.err = w.Write(b); p.err != nil {
					close(p.dead)
				}
			}
			p.empty <- b[:0]
		}
	}()
	return p
}

// buffer returns an empty buffer.
func (p *pipe) buffer() []byte { return <-p.empty }

// send hands a buffer over and returns an empty one.
func (p *pipe) send(b []byte) []byte {
	p.full <- b
	return <-p.empty
}

// failed reports whether nothing more can be written.
func (p *pipe) failed() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// close waits for the last buffer and returns the error of writing, if any.
func (p *pipe) close() error {
	close(p.full)
	<-p.done
	return p.err
}
