package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payrecon/internal/money"
)

// columnName returns Excel's letters of a column: 0 is A, 26 is AA.
func columnName(i int) string {
	name := ""
	for i++; i > 0; i = (i - 1) / 26 {
		name = string(rune('A'+(i-1)%26)) + name
	}
	return name
}

// place returns a reference to one cell from anywhere in the book: 'Roll-forward'!$C$7.
func place(sheet string, row, column int) string {
	return fmt.Sprintf("%s!$%s$%d", quoted(sheet), columnName(column), row)
}

// block returns a reference to a rectangle.
func block(sheet string, row, column, lastRow, lastColumn int) string {
	return fmt.Sprintf("%s!$%s$%d:$%s$%d", quoted(sheet), columnName(column), row, columnName(lastColumn), lastRow)
}

// at returns a reference to a cell of the same sheet.
func at(row, column int) string { return columnName(column) + strconv.Itoa(row) }

func quoted(sheet string) string { return "'" + strings.ReplaceAll(sheet, "'", "''") + "'" }

// piece is a run of rows on one sheet; without any, first is last + 1.
type piece struct {
	sheet       string
	first, last int
}

// area is a table's data rows, in pieces where they did not fit on one sheet. Formulas over it are made here, so that they
// read all pieces.
type area struct {
	pieces []piece
}

// column refers to one column of one piece; an empty piece still refers to its first row, which is blank.
func (p piece) column(c int) string {
	return block(p.sheet, p.first, c, max(p.last, p.first), c)
}

// cond is one condition of SUMIFS and COUNTIFS: column equals what criterion stands for.
type cond struct {
	column    int
	criterion string // a reference, or a literal made by is
}

// criterionLimit is how long a text in a condition may be; Excel takes 255 characters. A longer one is compared by its
// beginning.
const criterionLimit = 120

// is makes a condition that a text column equals s, whatever s looks like. Excel does not look at letter case.
func is(column int, s string) cond {
	s = Clean(s)
	rest := ""
	if r := []rune(s); len(r) > criterionLimit {
		s, rest = string(r[:criterionLimit]), "*"
	}
	if s != money.NoCurrency { // as a pattern it is any one character, and no other currency has one: every program agrees on that
		s = strings.NewReplacer("~", "~~", "*", "~*", "?", "~?").Replace(s)
	}
	return cond{column, `"=` + strings.ReplaceAll(s, `"`, `""`) + rest + `"`}
}

// same makes a condition that a column equals the cell at a reference.
func same(column int, reference string) cond { return cond{column, reference} }

// sumifs sums a column over the rows that meet all conditions.
func (a area) sumifs(column int, conds ...cond) string {
	return a.each(func(p piece) string {
		if len(conds) == 0 {
			return "SUM(" + p.column(column) + ")"
		}
		return "SUMIFS(" + p.column(column) + p.conditions(conds) + ")"
	})
}

// countifs counts the rows that meet all conditions.
func (a area) countifs(conds ...cond) string {
	return a.each(func(p piece) string { return "COUNTIFS(" + strings.TrimPrefix(p.conditions(conds), ",") + ")" })
}

func (p piece) conditions(conds []cond) string {
	var b strings.Builder
	for _, c := range conds {
		b.WriteString("," + p.column(c.column) + "," + c.criterion)
	}
	return b.String()
}

func (a area) each(formula func(piece) string) string {
	terms := make([]string, len(a.pieces))
	for i, p := range a.pieces {
		terms[i] = formula(p)
	}
	return strings.Join(terms, "+")
}

// row returns the sheet and the row of the i-th data row.
func (a area) row(i int) (sheet string, row int) {
	for _, p := range a.pieces {
		if n := p.last - p.first + 1; i >= n {
			i -= n
			continue
		}
		return p.sheet, p.first + i
	}
	return "", 0
}

// rows is how many data rows there are.
func (a area) rows() (n int) {
	for _, p := range a.pieces {
		n += p.last - p.first + 1
	}
	return n
}

// start returns the place of the first data row, for links.
func (a area) start() string { return place(a.pieces[0].sheet, a.pieces[0].first, 0) }

// table is a sheet that is one table: a title, a note, headings, data rows. It is split where a sheet is full.
type table struct {
	name    string
	note    string
	columns []Column
	rows    [][]Cell
	empty   string // said instead of rows when there are none
	fixed   int
	wide    bool
	across  int // pages
	printed int // columns; 0 = all
	tab     Look
}

// tableHead is how many rows stand above the data of a table: title, subtitle, note, blank, headings.
const tableHead = 5

// addTable lays the table out and returns its area. finish, which may be nil, completes each sheet.
func (b *builder) addTable(t table) ([]*Sheet, area) {
	var sheets []*Sheet
	var a area
	room := b.maxRows - tableHead
	for part := 0; part == 0 || len(t.rows) > 0; part++ {
		n := min(room, len(t.rows))
		s := b.tableSheet(t, part)
		a.pieces = append(a.pieces, piece{s.Name, tableHead + 1, tableHead + n})
		for _, cells := range t.rows[:n] {
			s.Rows = append(s.Rows, Row{Cells: cells})
		}
		if n == 0 && t.empty != "" {
			s.Rows = append(s.Rows, Row{Kind: RowFurniture, Cells: []Cell{{}, text(t.empty).Styled(Note)}})
		}
		t.rows = t.rows[n:]
		sheets = append(sheets, s)
	}
	return sheets, a
}

// tableSheet starts one sheet of a table.
func (b *builder) tableSheet(t table, part int) *Sheet {
	name := t.name
	if part > 0 {
		name += " " + strconv.Itoa(part+1)
	}
	s := &Sheet{
		Name: name, Columns: t.columns, Heading: tableHead, Filter: tableHead, FixedColumns: t.fixed, Wide: t.wide, Across: t.across, PrintColumns: t.printed, Continues: part > 0, Tab: t.tab,
	}
	s.Rows = b.head(name, t.note)
	if t.across > 1 { // what stands in the fixed columns is printed on each page, so only the title does
		for _, i := range []int{1, 2} {
			s.Rows[i].Cells = append(make([]Cell, t.fixed), s.Rows[i].Cells...)
		}
	}
	s.Rows = append(s.Rows, headings(t.columns))
	b.book.Sheets = append(b.book.Sheets, s)
	return s
}

// headings is the row of a table's column headings.
func headings(columns []Column) Row {
	r := Row{Kind: RowHeading}
	for _, c := range columns {
		r.Cells = append(r.Cells, text(c.Heading).Styled(HeadingLook))
	}
	return r
}

// head is what stands above every sheet: its title, what and when it is about, and a sentence on how to read it.
func (b *builder) head(title, note string) []Row {
	furniture := func(c Cell) Row { return Row{Kind: RowFurniture, Cells: []Cell{c}} }
	return []Row{
		furniture(text(title).Styled(Headline)),
		furniture(text(b.subtitle()).Styled(Subtitle)),
		furniture(text(note).Styled(Note)),
		{Kind: RowFurniture},
	}
}

// page is a sheet of free layout under construction.
type page struct {
	*Sheet
	maxRows int
}

// newPage starts a sheet that is no single table.
func (b *builder) newPage(name, note string, widths ...int) page {
	s := &Sheet{Name: name, Rows: b.head(name, note), Heading: 2}
	for _, w := range widths {
		s.Columns = append(s.Columns, Column{Width: w})
	}
	b.book.Sheets = append(b.book.Sheets, s)
	return page{s, b.maxRows}
}

// next is the number of the row that will be added next.
func (p page) next() int { return len(p.Rows) + 1 }

func (p page) add(kind RowKind, cells ...Cell) int {
	p.Rows = append(p.Rows, Row{Kind: kind, Cells: cells})
	return len(p.Rows)
}

func (p page) data(cells ...Cell) int { return p.add(RowData, cells...) }

// total adds a row whose cells all look like totals.
func (p page) total(cells ...Cell) int {
	for i := range cells {
		if cells[i].Look == Plain {
			cells[i].Look = Total
		}
	}
	return p.add(RowTotal, cells...)
}

func (p page) section(title string) int {
	p.blank(1)
	return p.add(RowFurniture, text(title).Styled(Section))
}

// left notes below a list that is empty, or that was cut because a sheet holds no more.
func (p page) left(shown, all int, empty string) {
	switch {
	case all == 0:
		p.note(empty)
	case shown < all:
		p.note(fmt.Sprintf("The first %s of %s: more do not fit on a sheet.", thousands(shown), thousands(all)))
	}
}

// fit is how many of a list's rows fit on a sheet from a row on, with a note below them.
func fit(list, first, limit int) int { return max(0, min(list, limit-first)) }

func (p page) note(s string) int { return p.add(RowFurniture, text(s).Styled(Note)) }

func (p page) blank(n int) {
	for range n {
		p.Rows = append(p.Rows, Row{Kind: RowFurniture})
	}
}

// space adds rows of a fixed height, for pictures to lie on.
func (p page) space(n int) {
	for range n {
		p.Rows = append(p.Rows, Row{Kind: RowFurniture, Height: 15})
	}
}

// headings adds a row of headings and returns its number.
func (p page) headings(words ...string) int {
	cells := make([]Cell, len(words))
	for i, w := range words {
		cells[i] = text(w).Styled(HeadingLook)
	}
	return p.add(RowHeading, cells...)
}

// paragraph adds a long text over the first columns, wrapped, with room for its lines at the given characters a line.
func (p page) paragraph(s string, columns, perLine int, look Look) int {
	c := text(s)
	c.Look = look
	lines := 0
	for line := range strings.SplitSeq(c.Text, "\n") {
		lines += max(1, (len([]rune(line))+perLine-1)/perLine)
	}
	p.Rows = append(p.Rows, Row{Kind: RowFurniture, Cells: []Cell{c}, Merge: columns, Height: min(15*max(1, lines), 400)})
	return len(p.Rows)
}

// linked makes the first cell of a row a link.
func (p page) linked(row int, place string) { p.Rows[row-1].Cells[0].Link = place }

// sortedKeys returns the keys of a set in order.
func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
