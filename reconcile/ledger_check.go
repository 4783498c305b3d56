package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// LedgerCheck is what would be read from one ledger file: the answer of "ledger check".
type LedgerCheck struct {
	payout.Intake
	Unused []payout.ColumnUse `json:"unused_columns"` // columns that play no part
	First  []payout.Entry     `json:"first_entries"`  // at most ledgerCheckFirst, in the order of the file
}

const (
	ledgerCheckFirst    = 10
	ledgerCheckRejected = 100
)

// CheckTable is one part of a LedgerCheck, ready to be printed in columns.
type CheckTable struct {
	Title  string
	Header []string
	Rows   [][]string
	Money  []int // indices of columns that are figures, to be aligned to the right
}

// CheckLedger reads the file as ReadLedger does, with all its errors, and keeps what a person wants to see of it.
func CheckLedger(ctx context.Context, file string, o LedgerOptions) (*LedgerCheck, error) {
	var (
		mutex sync.Mutex
		first []payout.Entry
		c     LedgerCheck
	)
	byLine := func(a, b payout.Entry) int { return cmp.Compare(a.Line, b.Line) }
	everything := payout.Period{From: ledgerFirstDay, To: ledgerLastDay}
	in, plan, err := readLedger(ctx, []string{file}, o, everything, func(_ int, block []payout.Entry) error {
		mutex.Lock()
		defer mutex.Unlock()
		if len(first) == ledgerCheckFirst && len(block) > 0 && block[0].Line > first[len(first)-1].Line {
			return nil
		}
		first = append(first, block[:min(len(block), ledgerCheckFirst)]...)
		slices.SortFunc(first, byLine)
		first = first[:min(len(first), ledgerCheckFirst)]
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range first { // no longer part of the file's text
		e := &first[i]
		e.Ref, e.Text, e.Document, e.OnBehalfOf = strings.Clone(e.Ref), strings.Clone(e.Text), strings.Clone(e.Document), strings.Clone(e.OnBehalfOf)
	}
	for i, name := range plan.header {
		if !slices.ContainsFunc(plan.use, func(u payout.ColumnUse) bool { return u.Number == i+1 }) {
			c.Unused = append(c.Unused, payout.ColumnUse{Header: name, Number: i + 1})
		}
	}
	c.Intake, c.First = in, first
	return &c, nil
}

// Tables returns the check as tables of printable cells, in the order in which they are read: what was understood first, what was not last.
func (c *LedgerCheck) Tables() []CheckTable {
	tables := []CheckTable{c.fileTable(), c.columnTable(), c.entryTable()}
	if len(c.Words) > 0 {
		tables = append(tables, c.wordTable())
	}
	if len(c.Filtered) > 0 {
		tables = append(tables, c.filterTable())
	}
	if len(c.Rejected) > 0 {
		tables = append(tables, c.rejectedTable())
	}
	tables = append(tables, c.sumTable())
	for _, t := range tables {
		for _, row := range t.Rows {
			for i, cell := range row {
				row[i] = ledgerCell(cell)
			}
		}
	}
	return tables
}

// ledgerCell quotes text that would break a table, or do worse to a terminal.
func ledgerCell(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return text
	}
	return strconv.Quote(text)
}

func (c *LedgerCheck) fileTable() CheckTable {
	t := CheckTable{Title: "Ledger"}
	row := func(name string, value any) { t.Rows = append(t.Rows, []string{name, fmt.Sprint(value)}) }
	f := c.Files[0]
	row("file", f.Path)
	row("bytes", f.Bytes)
	row("sha-256", f.SHA256)
	row("changed", f.Modified)
	for i, part := range strings.Split(c.Dialect, "; ") {
		row([]string{"read as", ""}[min(i, 1)], part)
	}
	row("rows", c.Rows)
	row("entries", c.Entries)
	row("rejected", len(c.Rejected))
	row("filtered", c.FilteredN)
	row("blank lines", c.Blank)
	switch {
	case c.Reach != nil:
		row("covers", *c.Reach)
	case c.Empty:
		row("covers", "no day: it has no entries")
	default:
		row("covers", "every day: no entry has a date")
	}
	for _, words := range c.Control {
		row("control", words)
	}
	for _, words := range c.Notes {
		row("note", words)
	}
	return t
}

func (c *LedgerCheck) columnTable() CheckTable {
	t := CheckTable{Title: "Columns", Header: []string{"part", "column", "header"}}
	for _, u := range c.Columns {
		t.Rows = append(t.Rows, []string{u.Part, strconv.Itoa(u.Number), u.Header})
	}
	for _, u := range c.Unused {
		t.Rows = append(t.Rows, []string{"(not used)", strconv.Itoa(u.Number), u.Header})
	}
	return t
}

func (c *LedgerCheck) entryTable() CheckTable {
	t := CheckTable{Title: "First entries", Header: []string{"line", "ref_id", "amount", "currency", "date", "status", "class", "text", "document", "on_behalf_of"}, Money: []int{2}}
	for _, e := range c.First {
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(e.Line), e.Ref, e.Amount.Text(), e.Amount.Currency(), e.Day.String(), e.Status, e.Class.String(), ledgerClip(e.Text, 60), e.Document, e.OnBehalfOf,
		})
	}
	return t
}

func (c *LedgerCheck) wordTable() CheckTable {
	t := CheckTable{Title: "Status words", Header: []string{"word", "class", "entries"}, Money: []int{2}}
	for _, w := range c.Words {
		class := w.Class.String()
		if w.Class == payout.EntryUnmapped {
			class = "unmapped: add it to ledger.statuses"
		}
		t.Rows = append(t.Rows, []string{cmp.Or(w.Word, "(blank)"), class, strconv.FormatInt(w.Count, 10)})
	}
	return t
}

func (c *LedgerCheck) filterTable() CheckTable {
	t := CheckTable{Title: "Filtered", Header: []string{"column", "value", "rows", "amount", "currency", "amount unreadable"}, Money: []int{2, 3, 5}}
	for _, f := range c.Filtered {
		t.Rows = append(t.Rows, []string{
			f.Column, f.Value, strconv.FormatInt(f.Rows, 10), money.FormatUnits(f.Units, f.Currency), f.Currency, strconv.FormatInt(f.Unread, 10),
		})
	}
	return t
}

func (c *LedgerCheck) rejectedTable() CheckTable {
	t := CheckTable{Title: "Rejected", Header: []string{"line", "column", "value", "reason", "row"}}
	for i, r := range c.Rejected {
		if i == ledgerCheckRejected {
			t.Rows = append(t.Rows, []string{"...", "", "", fmt.Sprintf("and %d more", len(c.Rejected)-i), ""})
			break
		}
		value := strconv.Quote(r.Value)
		if r.Column == ledgerWholeRow {
			value = "see row"
		}
		t.Rows = append(t.Rows, []string{strconv.Itoa(r.Line), r.Column, value, r.Reason, ledgerClip(r.Text, 80)})
	}
	return t
}

func (c *LedgerCheck) sumTable() CheckTable {
	t := CheckTable{Title: "Sums", Header: []string{"currency", "entries", "amount", "of which cash"}, Money: []int{1, 2, 3}}
	for _, s := range c.Sums {
		t.Rows = append(t.Rows, []string{
			s.Currency, strconv.FormatInt(s.Count, 10), money.FormatUnits(s.Units, s.Currency), money.FormatUnits(s.Cash, s.Currency),
		})
	}
	return t
}
