package report

import (
	"iter"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// Book is a workbook: sheets of typed cells, in the order in which they are shown.
type Book struct {
	Title       string
	Entity      string
	Period      payout.Period
	Run         int64 // 0 = not recorded
	Generated   payout.Millis
	Version     string
	OutcomeHash string // "" without a reconciliation
	Sheets      []*Sheet
}

// Sheet returns the first sheet called name, or nil.
func (b *Book) Sheet(name string) *Sheet {
	for _, s := range b.Sheets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// MaxRows is how many rows a sheet of Excel holds.
const MaxRows = 1_048_576

// Sheet is one sheet. Row numbers are Excel's: the first row is 1.
type Sheet struct {
	Name    string
	Columns []Column
	Rows    []Row

	// Stream, when set, gives StreamRows more rows after Rows. It can be ranged over more than once, and each slice is
	// valid only until the next one.
	Stream     iter.Seq2[[]Cell, error]
	StreamRows int
	like       []Cell // the first streamed row

	// Heading is the last row of what stays in view: a table's column headings, else the sheet's title.
	Heading int
	// Repeat is the row of headings that is printed again on every page after it; 0 = Heading.
	Repeat int
	// PrintRows and PrintColumns end what is printed; 0 = all. PageBreaks are rows that begin a page.
	PrintRows, PrintColumns int
	PageBreaks              []int
	// Filter is the row of the headings that carry filter arrows, from there to FilterEnd. 0 = none.
	Filter int
	// FilterEnd is the last row that a filter can hide; 0 = the sheet's last.
	FilterEnd int
	// FixedColumns stay in view at the left.
	FixedColumns int
	// Continues says that the sheet goes on where the one before it reached Excel's limit: it repeats its headings.
	Continues bool

	Charts  []Chart
	Choices []Choice
	Wide    bool // printed in landscape
	Across  int  // pages side by side when printed; 0 = one
	OnePage bool // printed on one page
	Tab     Look // colour of its tab
}

// Table reports whether the sheet is one table: its CSV twin holds the data rows alone.
func (s *Sheet) Table() bool { return len(s.Columns) > 0 && s.Columns[0].Code != "" }

// LastRow returns the number of the last row, streamed ones included.
func (s *Sheet) LastRow() int { return len(s.Rows) + s.StreamRows }

// Column describes one column of a sheet.
type Column struct {
	Heading string
	Code    string // its name in the CSV twin; a sheet whose columns have codes is written as one table
	Width   int    // in characters
	Wrap    bool   // long texts are wrapped
	Input   bool   // people write into it
	Proof   bool   // when it has changed, a decision about the row is about something else
	Hidden  bool
}

// RowKind says what part a row plays.
type RowKind uint8

// Data rows and headings make the CSV twin of a table; furniture is for the eye.
const (
	RowData RowKind = iota
	RowFurniture
	RowHeading
	RowTotal
)

// Row is one row of cells, from column A on.
type Row struct {
	Kind   RowKind
	Cells  []Cell
	Height int // in points; 0 = as high as it needs
	Merge  int // the first cell spreads over so many columns, its text wrapped
}

// Kind is the type of a cell's value.
type Kind uint8

// The kinds of cell.
const (
	Blank   Kind = iota
	Text         // Text
	Integer      // Number
	Money        // Number in units of 1/10000 of Currency
	Date         // Number is a payout.Day
	Instant      // Number is a payout.Millis; shown in UTC, to the second
	Share        // Number is in 1/10000 of the whole: 2500 = 25%
)

// Look says how a cell is shown; what that means in colours is the writer's business.
type Look uint8

// The looks.
const (
	Plain Look = iota
	Headline
	Subtitle
	Section
	HeadingLook
	HeadingNumber // over figures
	Strong
	Total
	Note
	Label
	Fact // one value beside its label: at the left, whatever its kind
	Input
	Good
	Warning
	Bad
	CheckLook // OK or a difference: the writer colours it by its value
	Verdict   // the conclusion: coloured by its value
	LowLook
	MediumLook
	HighLook
	CriticalLook
)

// Cell is one value with its type.
type Cell struct {
	Kind     Kind
	Look     Look
	Number   int64
	Text     string
	Code     string // what the CSV twin writes instead of Text; "" = the text itself
	Currency string // of Money
	Formula  string // without the equals sign; the fields above are then its value, computed here
	Link     string // a place in the book: 'Sheet'!A1
}

// Styled returns the cell with another look.
func (c Cell) Styled(l Look) Cell { c.Look = l; return c }

// By returns the cell as the result of a formula.
func (c Cell) By(formula string) Cell { c.Formula = formula; return c }

// To returns the cell as a link to a place in the book.
func (c Cell) To(place string) Cell { c.Link = place; return c }

func text(s string) Cell {
	if s == "" {
		return Cell{}
	}
	return Cell{Kind: Text, Text: Clean(s)}
}

// word is a text for people with its code for the CSV twin.
func word(words, code string) Cell { return Cell{Kind: Text, Text: Clean(words), Code: Clean(code)} }

func count[T ~int | ~int64 | ~int32](n T) Cell { return Cell{Kind: Integer, Number: int64(n)} }

func units(u int64, currency string) Cell {
	return Cell{Kind: Money, Number: u, Currency: currency}
}

func amount(a money.Amount) Cell { return units(a.Units(), a.Currency()) }

func date(d payout.Day) Cell {
	if d == payout.NoDay {
		return Cell{}
	}
	return Cell{Kind: Date, Number: int64(d)}
}

func instant(m payout.Millis) Cell {
	if m == 0 {
		return Cell{}
	}
	return Cell{Kind: Instant, Number: int64(m)}
}

// share is part of whole in ten-thousandths, rounded half away from zero; blank when there is no whole.
func share(part, whole int64) Cell {
	if whole == 0 {
		return Cell{Kind: Share}
	}
	return Cell{Kind: Share, Number: ratio(part, whole)}
}

// Choice offers a list of words for the cells of one column, or asks for a date there.
type Choice struct {
	Column      int // 0 = A
	First, Last int // rows
	Words       []string
	Date        bool
	Title, Help string
}

// ChartKind is the form of a chart.
type ChartKind uint8

// The forms.
const (
	Doughnut ChartKind = iota
	StackedColumns
	Columns
	Bars
	StackedShares // bars of 100%
)

// Chart is a picture of ranges of the book.
type Chart struct {
	Kind          ChartKind
	Title         string
	Row           int // of its upper edge, 1..
	Column, Right int // the first and the last column that it covers, 0..
	Gap           int // pixels that stay free at its left
	Height        int // in pixels
	Series        []Series
	Labels        bool // values are written at the shapes
	Money         bool // values are amounts: thousands are separated
	Crowded       bool // many categories: their labels stand upright
	SkipLabels    int  // label every n-th category; 0 = each
}

// Series is one row or column of values.
type Series struct {
	Name       string // a reference
	Categories string // a reference
	Values     string // a reference
	Colour     Tint
	Points     []Tint // of a doughnut's parts
}

// Tint is the part a colour plays, the same in every picture.
type Tint uint8

// The tints.
const (
	TintNeutral Tint = iota
	TintCompleted
	TintPending
	TintProcessing
	TintRejected
	TintFailed
	TintUnknown
	TintA
	TintB
	TintC
	TintD
	TintE
	TintF
)
