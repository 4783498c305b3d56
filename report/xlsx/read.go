package xlsx

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// readLimit is how large a workbook may be when unpacked. Breaks sheets are small; this keeps a crafted file from filling
// the memory.
const readLimit = 2 << 30

// ReadBreaks reads what people filled in on the Breaks sheet of a workbook of ours. That it is one of ours is told by a
// hidden column, which names the run and carries a hash of each row. Rows may have been sorted, filtered or deleted, columns
// may not have been moved. A row whose figures were edited, or whose new content makes no sense, says so in its Problems.
//
// The error is of payout.KindInput when the file is no workbook, or none of ours.
func ReadBreaks(path string) (book *report.BreaksBook, err error) {
	temp, err := os.MkdirTemp("", "payrecon-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	f, err := excelize.OpenFile(path, excelize.Options{RawCellValue: true, UnzipSizeLimit: readLimit, TmpDir: temp})
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "%s cannot be read as an Excel workbook: %w", path, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	book = &report.BreaksBook{}
	if props, err := f.GetDocProps(); err == nil && props != nil {
		if made, err := time.Parse(time.RFC3339, props.Created); err == nil {
			book.Made = payout.MillisOf(made)
		}
	}
	found := false
	for _, sheet := range f.GetSheetList() {
		if sheet != report.SheetBreaks && !strings.HasPrefix(sheet, report.SheetBreaks+" ") {
			continue
		}
		ours, err := readSheet(f, sheet, book)
		if err != nil {
			return nil, payout.Errorf(payout.KindInput, "%s, sheet %s: %w", path, sheet, err)
		}
		found = found || ours
	}
	if !found {
		return nil, payout.Errorf(payout.KindInput, "%s holds no %s sheet that payrecon made (its hidden column is missing): give the workbook that payrecon wrote, edited in place", path, report.SheetBreaks)
	}
	return book, nil
}

// readSheet reads one sheet and reports whether it is one of ours.
func readSheet(f *excelize.File, sheet string, book *report.BreaksBook) (ours bool, err error) {
	rows, err := f.Rows(sheet)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	columns := report.BreaksColumns()
	hidden := len(columns)
	for n := 1; rows.Next(); n++ {
		values, err := rows.Columns(excelize.Options{RawCellValue: true})
		if err != nil {
			return ours, err
		}
		at := func(i int) string {
			if i < len(values) {
				return values[i]
			}
			return ""
		}
		if !ours {
			if run, hash, ok := report.ParseProofHeading(at(hidden)); ok {
				if err := sameLayout(columns, at); err != nil {
					return false, err
				}
				if book.Run != 0 && (book.Run != run || book.OutcomeHash != hash) {
					return false, errors.New("its sheets come from different runs")
				}
				ours, book.Run, book.OutcomeHash = true, run, hash
			}
			continue
		}
		if at(hidden) == "" && at(0) == "" {
			continue // a blank row, or a remark below the table
		}
		cells := make([]report.RawCell, len(columns))
		for i := range columns {
			cells[i] = canonical(columns[i].Code, at(i))
		}
		book.Rows = append(book.Rows, report.InterpretRow(sheet, n, cells, at(hidden)))
	}
	return ours, nil
}

func sameLayout(columns []report.Column, at func(int) string) error {
	for i, c := range columns {
		if at(i) != c.Heading {
			return fmt.Errorf("cell in the heading row, column %s: %q, want %q: its columns were moved, or another version of payrecon made it", columnName(i), at(i), c.Heading)
		}
	}
	return nil
}

// scales of the numbers that a column may hold, from what Excel stores to the column's unit.
var scales = map[string]func(float64) (float64, bool){
	"payout_amount": toUnits, "ledger_amount": toUnits, "difference": toUnits, "exposure": toUnits,
	"id": whole, "until": toDay, "due": toDay, "ledger_date": toDay, "created": toSeconds,
}

func toUnits(x float64) (float64, bool)   { return math.Round(x * 10000), true }
func whole(x float64) (float64, bool)     { return math.Round(x), x == math.Trunc(x) }
func toDay(x float64) (float64, bool)     { return math.Floor(x) - epochDay, x >= 1 && x < 2958466 } // to 9999-12-31
func toSeconds(x float64) (float64, bool) { return math.Round((x - epochDay) * 86400), true }

// canonical brings a stored value into the form in which report hashes and interprets it. Programs store a number as
// binary floating point: 10.1 may come back as 10.1 or as 10.099999999999999; both are 101000 ten-thousandths.
func canonical(code, raw string) report.RawCell {
	scale := scales[code]
	if scale == nil || raw == "" {
		return report.RawCell{Value: raw}
	}
	x, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.IsNaN(x) || math.Abs(x) > 1e15 {
		return report.RawCell{Value: raw}
	}
	n, ok := scale(x)
	if !ok {
		return report.RawCell{Value: raw, Bad: true}
	}
	return report.RawCell{Value: strconv.FormatFloat(n, 'f', 0, 64), Number: true}
}
