package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// BreaksBook is what people filled in on the Breaks sheet of a workbook.
type BreaksBook struct {
	Run         int64  // the run that made the workbook
	OutcomeHash string // of that run
	Rows        []BreaksRow
}

// BreaksRow is one item as it stands in an edited workbook. Figures that were changed, a decision nobody knows and a date
// that is none are told in Problems, with their cell; such a row must not be imported.
type BreaksRow struct {
	Item int64

	Disposition string // a code of payout.Disposition*, "" = none
	Until       payout.Day
	Reason      string
	Due         payout.Day
	Owner       string
	Note        string

	Problems []CellProblem

	sheet string
	row   int
	cells []RawCell // in the order of BreaksColumns
	proof string    // the hashes of these cells as they were written
}

// Place names the row's cell of a column: Breaks!AC7.
func (r *BreaksRow) Place(code string) string {
	return cellName(r.sheet, r.cells[breaksColumnOf(code)].Column, r.row)
}

func cellName(sheet string, column, row int) string {
	if strings.ContainsAny(sheet, " '!") {
		sheet = "'" + strings.ReplaceAll(sheet, "'", "''") + "'"
	}
	return sheet + "!" + columnName(column) + strconv.Itoa(row)
}

// wrote is the hash of a cell as it was written; "" in a row that carries none.
func (r *BreaksRow) wrote(column int) string {
	if len(r.proof) != proofDigits*len(breaksLayout) {
		return ""
	}
	return r.proof[proofDigits*column:][:proofDigits]
}

// Filled reports whether a person changed one of the columns since the workbook was written, and which. Without codes it
// looks at all that people fill in.
func (r *BreaksRow) Filled(codes ...string) (code string, ok bool) {
	for i, c := range breaksLayout {
		looked := slices.Contains(codes, c.Code) || len(codes) == 0 && c.Input
		if looked && cellProof(c.Code, r.cells[i].Value) != r.wrote(i) {
			return c.Code, true
		}
	}
	return "", false
}

// Moved reports whether the item, as it stands now, shows something else in one of the columns than when the workbook was
// written, in which, and what. Without codes it looks at figures, statuses and members.
func (r *BreaksRow) Moved(now payout.Item, codes ...string) (code, shows string, ok bool) {
	b := &builder{}
	cells := b.breakRow(&now)
	for i, c := range breaksLayout {
		looked := slices.Contains(codes, c.Code) || len(codes) == 0 && c.Proof
		if looked && cellProof(c.Code, cells[i].Canonical()) != r.wrote(i) {
			return c.Code, cells[i].shown(), true
		}
	}
	return "", "", false
}

// Wrote returns what the workbook showed in a column, given the item as it stood then.
func (r *BreaksRow) Wrote(then payout.Item, code string) (shows string, ok bool) {
	i := breaksColumnOf(code)
	for _, unmask := range []bool{false, true} {
		b := &builder{}
		b.opts.Unmask = unmask
		cell := b.breakRow(&then)[i]
		if cellProof(code, cell.Canonical()) == r.wrote(i) {
			return cell.shown(), true
		}
	}
	return "", false
}

// shown is the cell's value for a sentence.
func (c Cell) shown() string {
	if c.Kind == Text {
		return c.Text
	}
	return c.Plain()
}

// CellProblem names one cell, what is in it, and what is wrong with that.
type CellProblem struct {
	Cell  string // Breaks!AC7
	Code  string // of its column
	Value string
	Words string
}

func (p CellProblem) String() string { return fmt.Sprintf("%s: %q %s", p.Cell, p.Value, p.Words) }

// RawCell is one cell of an edited row: where it stands, what the file holds, and that in the canonical form of its column
// (see Cell.Canonical), or why it has none.
type RawCell struct {
	Column int // 0 = A
	Raw    string
	Value  string
	Number bool // the value is a whole number in the column's unit
}

// day reads a date that a spreadsheet stores as a number, or that somebody wrote as text.
func (c RawCell) day() (d payout.Day, ok bool) {
	if c.Value == "" {
		return payout.NoDay, true
	}
	if c.Number {
		n, err := strconv.ParseInt(c.Value, 10, 32)
		return payout.Day(n), err == nil
	}
	d, err := payout.ParseDay(strings.TrimSpace(c.Value))
	return d, err == nil
}

// InterpretRow makes a row of the edited sheet speak: cells are in the order of BreaksColumns; hashes are what the hidden
// column holds for the item, "" when it has nothing.
func InterpretRow(sheet string, row int, cells []RawCell, hashes string) BreaksRow {
	r := BreaksRow{sheet: sheet, row: row, cells: cells, proof: hashes, Until: payout.NoDay, Due: payout.NoDay}
	r.Item, _ = strconv.ParseInt(cells[breaksID].Value, 10, 64)
	if r.wrote(breaksID) == "" {
		r.problem(breaksID, "is not an item of this workbook: the number was edited, the row was added by hand, or another version of payrecon made it")
		return r
	}
	for i, c := range breaksLayout {
		text := strings.TrimSpace(cells[i].Value)
		switch c.Code {
		case "disposition":
			code, ok := ParseDisposition(text)
			if !ok {
				r.problem(i, "is no disposition; choose one of: "+dispositionList())
			}
			r.Disposition = code
		case "until":
			r.Until = r.day(i)
		case "due":
			r.Due = r.day(i)
		case "reason":
			r.Reason = text
		case "owner":
			r.Owner = text
		case "note":
			r.Note = text
		default:
			if cellProof(c.Code, cells[i].Value) != r.wrote(i) {
				r.problem(i, "is not what payrecon wrote under "+c.Heading+": put it back, or take the row anew from the report; remarks go under Note")
			}
		}
	}
	return r
}

// problem notes what is wrong with a cell. One of figures is enough: a row that was sorted apart has many.
func (r *BreaksRow) problem(column int, words string) {
	if breaksLayout[column].Input || len(r.Problems) == 0 {
		r.Problems = append(r.Problems, CellProblem{r.Place(breaksLayout[column].Code), breaksLayout[column].Code, r.cells[column].Raw, words})
	}
}

// The dates that a person may mean; a number such as 2026 or 31012026 is none.
const (
	firstNearDay payout.Day = 10957 // 2000-01-01
	lastNearDay  payout.Day = 47481 // 2099-12-31
)

// day reads the date that a person put into a column.
func (r *BreaksRow) day(column int) payout.Day {
	cell := &r.cells[column]
	d, ok := cell.day()
	near := d == payout.NoDay || d >= firstNearDay && d <= lastNearDay || cellProof(breaksLayout[column].Code, cell.Value) == r.wrote(column)
	if !ok || !near {
		r.problem(column, "is not a date; write it like 2026-01-31")
	}
	return d
}

func dispositionList() string {
	var words []string
	for _, d := range Dispositions {
		words = append(words, d.Words)
	}
	return strings.Join(words, ", ")
}
