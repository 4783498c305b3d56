package xlsx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// headingWithin is how far down a sheet its heading row is looked for; payrecon writes it into row 5.
const headingWithin = 100

// ReadBreaks reads what people filled in on the Breaks sheet of a workbook of ours; text is the file, name what to call it.
// That it is one of ours is told by a hidden column, which names the run and carries a hash of each cell. Rows may have been
// sorted, filtered or deleted, columns moved or added, the sheet renamed; the headings may not have been changed. A row whose
// figures were edited, or whose new content makes no sense, says so in its Problems.
//
// The error is of payout.KindInput when the file is no workbook, or none of ours.
func ReadBreaks(name string, text []byte) (book *report.BreaksBook, err error) {
	if err := checkContainer(name, text); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "payrecon-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	f, err := excelize.OpenReader(bytes.NewReader(text), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: unpackedLimit, UnzipXMLSizeLimit: inMemory, TmpDir: temp,
	})
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "%s cannot be read as an Excel workbook: %w", name, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := reader{book: &report.BreaksBook{}, proofs: map[string]string{}}
	for _, sheet := range f.GetSheetList() {
		if err := r.read(f, sheet); err != nil {
			return nil, payout.Errorf(payout.KindInput, "%s, sheet %s: %w", name, sheet, err)
		}
	}
	for _, row := range r.rows {
		r.book.Rows = append(r.book.Rows, report.InterpretRow(row.sheet, row.number, row.cells, r.proofs[row.cells[0].Value]))
	}
	if r.book.Run == 0 {
		return nil, payout.Errorf(payout.KindInput, "%s holds no %s sheet that payrecon made (its hidden column is missing): give the workbook that payrecon wrote, edited in place", name, report.SheetBreaks)
	}
	return r.book, nil
}

// reader collects the rows of a workbook, and what its hidden columns say of them.
type reader struct {
	book   *report.BreaksBook
	rows   []rawRow
	proofs map[string]string // hashes by the item's number
}

type rawRow struct {
	sheet  string
	number int
	cells  []report.RawCell // in the order of report.BreaksColumns, of which the item's number is the first
}

// read collects the rows of a sheet, if it is one of ours.
func (r *reader) read(f *excelize.File, sheet string) (err error) {
	rows, err := f.Rows(sheet)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var l *layout
	for n := 1; rows.Next() && (l != nil || n <= headingWithin); n++ {
		values, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return err
		}
		if l == nil {
			if l, err = findLayout(values, n, r.book); err != nil {
				return err
			}
			continue
		}
		item, hashes := report.ParseProof(at(values, l.proof))
		if item != "" {
			r.proofs[item] = hashes
		}
		if cells, said := l.cells(values, item != ""); said {
			r.rows = append(r.rows, rawRow{sheet, n, cells})
		}
	}
	return rows.Error()
}

// layout says where the columns of the Breaks sheet stand in a sheet that people have worked with.
type layout struct {
	at    []int // in the order of report.BreaksColumns
	proof int
}

// findLayout reads the heading row, and returns nil if this is another row.
func findLayout(values []string, row int, book *report.BreaksBook) (*layout, error) {
	var l *layout
	places := map[string][]int{}
	for i, v := range values {
		if run, hash, ok := report.ParseProofHeading(v); ok {
			if l != nil || book.Run != 0 && (book.Run != run || book.OutcomeHash != hash) {
				return nil, errors.New("the workbook holds breaks of different runs: give them one by one")
			}
			book.Run, book.OutcomeHash = run, hash
			l = &layout{proof: i}
		}
		places[v] = append(places[v], i)
	}
	if l == nil {
		return nil, nil
	}
	for _, c := range report.BreaksColumns() {
		switch found := places[c.Heading]; len(found) {
		case 0:
			return nil, fmt.Errorf("no cell of the heading row %d says %q: it was renamed or deleted, or another version of payrecon made the workbook", row, c.Heading)
		case 1:
			l.at = append(l.at, found[0])
		default:
			return nil, fmt.Errorf("the cells %[1]s%[2]d and %[3]s%[2]d both say %[4]q: rename the column that you added", columnName(found[0]), row, columnName(found[1]), c.Heading)
		}
	}
	return l, nil
}

func at(values []string, column int) string {
	if column < len(values) {
		return values[column]
	}
	return ""
}

// cells returns a row's cells in the order of report.BreaksColumns, and whether they say something of an item: in a row of
// ours anything, else a number or a decision. A row that was cleared says nothing, nor does a remark below the table.
func (l *layout) cells(values []string, ours bool) (cells []report.RawCell, said bool) {
	for i, c := range report.BreaksColumns() {
		cell := canonical(c.Code, at(values, l.at[i]))
		cell.Column = l.at[i]
		cells = append(cells, cell)
		said = said || cell.Raw != "" && (ours || c.Input) || c.Code == "id" && cell.Number
	}
	return cells, said
}

// scales of the numbers that a column may hold, from what Excel stores to the column's unit.
var scales = map[string]func(float64) (float64, bool){
	"payout_amount": toUnits, "ledger_amount": toUnits, "difference": toUnits, "exposure": toUnits,
	"id": whole, "age_days": whole, "first_run": whole, "created": toSeconds,
	"ledger_date": toDay, "first_seen": toDay, "until": toDay, "due": toDay,
}

func toUnits(x float64) (float64, bool)   { return math.Round(x * 10000), true }
func whole(x float64) (float64, bool)     { return math.Round(x), x == math.Trunc(x) }
func toDay(x float64) (float64, bool)     { return math.Floor(x) - epochDay, x >= 1 && x < 2958466 } // to 9999-12-31
func toSeconds(x float64) (float64, bool) { return math.Round((x - epochDay) * 86400), true }

// canonical brings a stored value into the form in which report hashes and interprets it. Programs store a number as
// binary floating point: 10.1 may come back as 10.1 or as 10.099999999999999; both are 101000 ten-thousandths.
func canonical(code, raw string) report.RawCell {
	cell := report.RawCell{Raw: raw, Value: raw}
	scale := scales[code]
	if scale == nil || raw == "" {
		return cell
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1e15 {
		return cell
	}
	if n, ok := scale(x); ok {
		cell.Value, cell.Number = strconv.FormatFloat(n, 'f', 0, 64), true
	}
	return cell
}
