package reconcile

import (
	"bytes"
	"errors"
	"io"

	"payrecon/internal/payout"
)

const (
	csvChunkSize = 256 << 10 // bytes of text that one worker takes at a time
	csvMaxRecord = 1 << 20   // bytes: a longer record is an unclosed quote or no CSV at all; it bounds memory
)

// csvChunk is a run of whole records.
type csvChunk struct {
	index  int
	text   string
	line   int // physical line on which it starts
	quotes bool
}

// csvChunker cuts a stream into chunks of whole records, however the reads fall. Memory: one buffer of about a megabyte.
type csvChunker struct {
	r          io.Reader
	delim, eol byte
	size       int // bytes of a chunk, more only when a record is longer
	maxRecord  int

	buf   []byte // buf[off:] is read and not yet given out
	off   int
	eof   bool
	line  int // of buf[off]
	index int
}

func newCSVChunker(r io.Reader, size, maxRecord int) *csvChunker {
	return &csvChunker{r: r, eol: '\n', size: size, maxRecord: maxRecord, line: 1}
}

// fill reads until at least n bytes are at hand or the stream ends.
func (c *csvChunker) fill(n int) error {
	if len(c.buf)-c.off >= n || c.eof {
		return nil
	}
	if cap(c.buf)-c.off < n {
		grown := c.buf
		if cap(c.buf) < n {
			grown = make([]byte, 0, max(n, 2*c.size))
		}
		c.buf = append(grown[:0], c.buf[c.off:]...)
		c.off = 0
	}
	for idle := 0; len(c.buf)-c.off < n; {
		got, err := c.r.Read(c.buf[len(c.buf):cap(c.buf)])
		c.buf = c.buf[:len(c.buf)+got]
		if errors.Is(err, io.EOF) {
			c.eof = true
			return nil
		}
		if idle++; got > 0 {
			idle = 0
		}
		if err == nil && idle > 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peek returns the first n bytes to come, fewer only at the end of the stream; whole says that nothing follows them.
func (c *csvChunker) peek(n int) (b []byte, whole bool, err error) {
	err = c.fill(n)
	b = c.buf[c.off:]
	if len(b) > n {
		return b[:n], false, err
	}
	return b, c.eof, err
}

// skip passes over n bytes that hold the given number of line ends.
func (c *csvChunker) skip(n, lines int) {
	c.off += n
	c.line += lines
}

// next returns the next chunk, or io.EOF.
func (c *csvChunker) next() (csvChunk, error) {
	for want := min(c.size, c.maxRecord); ; want = min(2*want, c.maxRecord) {
		b, whole, err := c.peek(want)
		if err != nil {
			return csvChunk{}, err
		}
		if len(b) == 0 {
			return csvChunk{}, io.EOF
		}
		end, quotes, open := csvCut(b, c.delim, c.eol, whole)
		if end > 0 {
			chunk := csvChunk{c.index, string(b[:end]), c.line, quotes}
			c.index++
			c.skip(end, bytes.Count(b[:end], []byte{c.eol}))
			return chunk, nil
		}
		switch {
		case whole: // then only an open quote can be in the way
			line := c.line + bytes.Count(b[:open-1], []byte{c.eol})
			return csvChunk{}, payout.Errorf(payout.KindInput, "line %d: a quote is opened and never closed", line)
		case want >= c.maxRecord && open > 0:
			line := c.line + bytes.Count(b[:open-1], []byte{c.eol})
			return csvChunk{}, payout.Errorf(payout.KindInput, "line %d: a quote is opened and not closed within %d KB", line, c.maxRecord>>10)
		case want >= c.maxRecord:
			return csvChunk{}, payout.Errorf(payout.KindInput, "line %d is longer than %d KB: is this a CSV file?", c.line, c.maxRecord>>10)
		}
	}
}
