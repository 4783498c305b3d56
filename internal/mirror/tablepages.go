package mirror

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"

	"github.com/jmoiron/sqlx"
)

// Reading a table by its pages.
//
// A query costs about a microsecond a row before the row has been looked at. To match a million payouts in a fraction of a
// second, Blocks reads the pages of the table's b-tree whole, through SQLite's own table sqlite_dbpage (so inside a
// transaction, and with what is still in the write-ahead log), and takes the records out of them as the documented and
// frozen file format lays them out: https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages) and 2.1 (records).
// The page arrives as one text; the texts of its records are substrings of it, so a row costs no allocation.
//
// Whatever does not look as expected (a record too large for its page, a column that was added later and is not in it, a
// page of another kind) is errLayout, and the caller asks SQLite for those rows in SQL. So nothing depends on this but speed.

// errLayout says that rows have to be read in SQL.
var errLayout = errors.New("records are not laid out as expected")

const (
	pageInterior = 0x05 // of a table's b-tree
	pageLeaf     = 0x0d

	minUsable    = 480 // bytes of a page; SQLite's own limit
	maxTreeDepth = 20  // likewise
	maxColumns   = 32  // of a table that is read by pages
)

// tablePages reads the b-tree of one table within one transaction.
type tablePages struct {
	pages  *sql.Stmt // the pages of a JSON array of numbers
	root   uint32
	usable int            // bytes of a page that hold content
	column map[string]int // position of each column in a record
}

// openTablePages prepares to read the table in tx; errLayout when this is not possible.
func openTablePages(ctx context.Context, tx *sqlx.Tx, table string) (*tablePages, error) {
	t := &tablePages{column: map[string]int{}}
	var encoding string
	var size int
	var first string
	err := errors.Join(
		tx.GetContext(ctx, &t.root, `SELECT rootpage FROM sqlite_schema WHERE type = 'table' AND name = ?`, table),
		tx.GetContext(ctx, &encoding, `PRAGMA encoding`),
		tx.GetContext(ctx, &size, `PRAGMA page_size`),
		tx.GetContext(ctx, &first, `SELECT CAST(data AS TEXT) FROM sqlite_dbpage WHERE pgno = 1`),
	)
	if err != nil || encoding != "UTF-8" || len(first) != size {
		return nil, errors.Join(errLayout, err)
	}
	t.usable = size - int(first[20]) // the byte that says how much of each page is reserved
	columns, err := tx.QueryContext(ctx, `SELECT cid, name FROM pragma_table_info(?) ORDER BY cid`, table)
	if err != nil {
		return nil, errors.Join(errLayout, err)
	}
	defer columns.Close()
	for columns.Next() {
		var position int
		var name string
		if err := columns.Scan(&position, &name); err != nil {
			return nil, err
		}
		t.column[name] = position
	}
	if err := columns.Err(); err != nil {
		return nil, err
	}
	t.pages, err = tx.PrepareContext(ctx, `SELECT CAST(data AS TEXT) FROM sqlite_dbpage WHERE pgno IN (SELECT value FROM json_each(?))`)
	return t, err
}

// close gives the statement back.
func (t *tablePages) close() error { return t.pages.Close() }

// records calls fn for every row of the table whose rowid lies in (after, through], in no defined order. The record is a
// substring of its page's text.
//
// It goes down the tree level by level, with one query a level for all the pages that can hold such rows.
func (t *tablePages) records(ctx context.Context, after, through int64, fn func(rowid int64, record string) error) error {
	level := []uint32{t.root}
	for depth := 0; len(level) > 0; depth++ {
		if depth > maxTreeDepth {
			return errLayout
		}
		below := []uint32{}
		err := t.read(ctx, level, func(page string) error {
			cells := bigEndian16(page, 3)
			switch {
			case page[0] == pageLeaf && 8+2*cells <= len(page):
				return leafRecords(page, cells, after, through, fn)
			case page[0] == pageInterior && 12+2*cells <= len(page):
				var err error
				below, err = appendChildren(below, page, cells, after, through)
				return err
			}
			return errLayout
		})
		if err != nil {
			return err
		}
		level = below
	}
	return nil
}

// read calls fn with the content of each of the pages.
func (t *tablePages) read(ctx context.Context, numbers []uint32, fn func(page string) error) error {
	list := []byte{'['}
	for _, number := range numbers {
		list = append(strconv.AppendUint(list, uint64(number), 10), ',')
	}
	list[len(list)-1] = ']'
	rows, err := t.pages.QueryContext(ctx, string(list))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var page string
		if err := rows.Scan(&page); err != nil {
			return err
		}
		if len(page) < t.usable || t.usable < minUsable {
			return errLayout
		}
		if err := fn(page[:t.usable]); err != nil {
			return err
		}
	}
	return rows.Err()
}

// appendChildren adds the children of an interior page that can hold rowids in (after, through]. The child left of a key
// holds rowids up to and including it; the last child has no key.
func appendChildren(children []uint32, page string, cells int, after, through int64) ([]uint32, error) {
	for i := range cells {
		at := bigEndian16(page, 12+2*i)
		if at+4 > len(page) {
			return nil, errLayout
		}
		key, n := varint(page[at+4:])
		if n == 0 {
			return nil, errLayout
		}
		if key > after {
			children = append(children, bigEndian32(page, at))
		}
		if key >= through {
			return children, nil
		}
	}
	return append(children, bigEndian32(page, 8)), nil
}

func leafRecords(page string, cells int, after, through int64, fn func(int64, string) error) error {
	for i := range cells {
		at := bigEndian16(page, 8+2*i)
		if at >= len(page) {
			return errLayout
		}
		cell := page[at:]
		size, n := varint(cell)
		if n == 0 {
			return errLayout
		}
		rowid, k := varint(cell[n:])
		if k == 0 {
			return errLayout
		}
		if rowid <= after {
			continue
		}
		if rowid > through {
			return nil
		}
		cell = cell[n+k:]
		if size < 0 || size > int64(len(page)-35) || size > int64(len(cell)) { // a larger one continues on an overflow page
			return errLayout
		}
		if err := fn(rowid, cell[:size]); err != nil {
			return err
		}
	}
	return nil
}

// fields is a record taken apart: the serial type of each column, and where its value begins.
type fields struct {
	record string
	kind   [maxColumns]uint32
	at     [maxColumns]uint32
}

// split takes a record of at least the given number of columns apart; false when it is not one.
func (f *fields) split(record string, columns int) bool {
	headerSize, n := varint(record)
	if n == 0 || headerSize < int64(n) || headerSize > int64(len(record)) || columns > maxColumns {
		return false
	}
	f.record = record
	header, at := record[n:headerSize], uint32(headerSize)
	for i := range columns {
		if header == "" {
			return false
		}
		kind, k := int64(header[0]), 1
		if kind >= 0x80 {
			if kind, k = varint(header); k == 0 || kind < 0 || kind > math.MaxInt32 {
				return false
			}
		}
		header = header[k:]
		f.kind[i], f.at[i] = uint32(kind), at
		if kind >= 12 {
			at += uint32(kind-12) / 2
		} else {
			at += fixedSize[kind]
		}
		if at > uint32(len(record)) {
			return false
		}
	}
	return true
}

// fixedSize is how many bytes the serial types below 12 take: NULL, integers of 1, 2, 3, 4, 6 and 8 bytes, a float, the
// constants 0 and 1, and two that are never written.
var fixedSize = [12]uint32{0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0}

// text returns a column's text; false when it holds something else.
func (f *fields) text(column int) (string, bool) {
	kind, at := f.kind[column], f.at[column]
	if kind < 13 || kind%2 == 0 {
		return "", false
	}
	return f.record[at : at+(kind-13)/2], true
}

// integer returns a column's integer; false when it holds something else.
func (f *fields) integer(column int) (int64, bool) {
	kind, at := f.kind[column], f.at[column]
	switch {
	case kind == 8 || kind == 9:
		return int64(kind - 8), true
	case kind == 0 || kind > 6:
		return 0, false
	}
	b := f.record[at : at+fixedSize[kind]]
	value := int64(int8(b[0]))
	for i := 1; i < len(b); i++ {
		value = value<<8 | int64(b[i])
	}
	return value, true
}

// varint reads SQLite's variable-length integer; n is 0 when s ends within it.
func varint(s string) (value int64, n int) {
	for i := range min(8, len(s)) {
		value = value<<7 | int64(s[i]&0x7f)
		if s[i] < 0x80 {
			return value, i + 1
		}
	}
	if len(s) < 9 {
		return 0, 0
	}
	return value<<8 | int64(s[8]), 9
}

func bigEndian16(s string, at int) int { return int(s[at])<<8 | int(s[at+1]) }

func bigEndian32(s string, at int) uint32 {
	return uint32(bigEndian16(s, at))<<16 | uint32(bigEndian16(s, at+2))
}
