package report

import (
	"fmt"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// BreaksBook is what people filled in on the Breaks sheet of a workbook.
type BreaksBook struct {
	Run         int64         // the run that made the workbook
	OutcomeHash string        // of that run
	Made        payout.Millis // when the workbook was written: what it shows is as people had decided by then
	Rows        []BreaksRow
}

// BreaksRow is one item as it stands in an edited workbook. Figures that were changed, a decision nobody knows and a date
// that is none are told in Problems, with their cell; such a row must not be imported.
type BreaksRow struct {
	Sheet string
	Row   int
	Item  int64
	Proof string // the hash the workbook carries: equal to Proof(item) as long as the item stands as it did

	Disposition string // a code of payout.Disposition*, "" = none
	Until       payout.Day
	Reason      string
	Due         payout.Day
	Owner       string
	Note        string

	Problems []CellProblem
}

// FiguresOK reports whether nothing is wrong with the row.
func (r *BreaksRow) FiguresOK() bool { return len(r.Problems) == 0 }

// CellProblem names one cell, what is in it, and what is wrong with that.
type CellProblem struct {
	Cell  string // Breaks!AC7
	Value string
	Words string
}

func (p CellProblem) String() string { return fmt.Sprintf("%s: %q %s", p.Cell, p.Value, p.Words) }

// RawCell is one cell of an edited row: its value in the canonical form of its column (see Cell.Canonical), or why it has
// none.
type RawCell struct {
	Value  string
	Number bool // the value is a whole number in the column's unit
	Bad    bool // the column wants a date, and this is none
}

// day reads a date that a spreadsheet stores as a number, or that somebody wrote as text.
func (c RawCell) day() (d payout.Day, ok bool) {
	if c.Value == "" {
		return payout.NoDay, true
	}
	if c.Number && !c.Bad {
		n, err := strconv.ParseInt(c.Value, 10, 32)
		return payout.Day(n), err == nil
	}
	d, err := payout.ParseDay(strings.TrimSpace(c.Value))
	return d, err == nil
}

// InterpretRow makes a row of the edited sheet speak: cells are in the order of BreaksColumns, the stored proof comes from
// the hidden column.
func InterpretRow(sheet string, row int, cells []RawCell, stored string) BreaksRow {
	r := BreaksRow{Sheet: sheet, Row: row, Proof: stored, Until: payout.NoDay, Due: payout.NoDay}
	problem := func(column int, value, words string) {
		r.Problems = append(r.Problems, CellProblem{sheet + "!" + columnName(column) + fmt.Sprint(row), value, words})
	}
	day := func(column int) payout.Day {
		d, ok := cells[column].day()
		if !ok {
			problem(column, cells[column].Value, "is not a date; write it like 2026-01-31")
		}
		return d
	}
	values := make([]string, len(breaksLayout))
	for i, c := range breaksLayout {
		values[i] = cells[i].Value
		switch c.Code {
		case "id":
			r.Item, _ = strconv.ParseInt(cells[i].Value, 10, 64) // else 0, and the proof fails
		case "disposition":
			code, ok := ParseDisposition(cells[i].Value)
			if !ok {
				problem(i, cells[i].Value, "is no disposition; choose one of: "+dispositionList())
			}
			r.Disposition = code
		case "until":
			r.Until = day(i)
		case "due":
			r.Due = day(i)
		case "reason":
			r.Reason = strings.TrimSpace(cells[i].Value)
		case "owner":
			r.Owner = strings.TrimSpace(cells[i].Value)
		case "note":
			r.Note = strings.TrimSpace(cells[i].Value)
		}
	}
	if ProofOf(values) != stored {
		problem(breaksID, values[breaksID], "is a row whose figures, references or statuses were edited; take it anew from the report")
	}
	return r
}

func dispositionList() string {
	var words []string
	for _, d := range Dispositions {
		words = append(words, d.Words)
	}
	return strings.Join(words, ", ")
}
