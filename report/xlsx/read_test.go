package xlsx

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// open returns the items of a sample that the Breaks sheet shows, in its order.
func (s sample) open() (items []payout.Item) {
	for _, it := range s.Rec.Items {
		if it.State != payout.ItemCleared {
			items = append(items, it)
		}
	}
	slices.SortFunc(items, report.MostUrgentFirst)
	return items
}

func readBack(t *testing.T, path string) *report.BreaksBook {
	t.Helper()
	book, err := readFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func readFile(path string) (*report.BreaksBook, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return ReadBreaks(path, text)
}

// checkReadBack reads an unedited workbook back: every row is as it was written.
func checkReadBack(t *testing.T, path string, s sample) {
	t.Helper()
	book := readBack(t, path)
	want := s.open()
	if book.Run != 42 || book.OutcomeHash != s.Rec.OutcomeHash || len(book.Rows) != len(want) {
		t.Fatalf("run %d, hash %s, %d rows; want 42, %s, %d", book.Run, book.OutcomeHash, len(book.Rows), s.Rec.OutcomeHash, len(want))
	}
	for i, r := range book.Rows {
		it := want[i]
		if len(r.Problems) > 0 || r.Item != it.ID {
			t.Errorf("%s: item %d, problems %v; want item %d, none", r.Place("id"), r.Item, r.Problems, it.ID)
		}
		if code, shows, moved := r.Moved(it); moved {
			t.Errorf("%s moved on to %q", r.Place(code), shows)
		}
		if code, filled := r.Filled(); filled {
			t.Errorf("%s was filled in", r.Place(code))
		}
		kind := ""
		if it.Disposition != nil {
			kind = it.Disposition.Kind
		}
		if r.Disposition != kind || r.Owner != it.Owner || r.Note != it.Note || r.Due != it.Due || r.Until != payout.NoDay {
			t.Errorf("%s: %q %q %q %s %s, want %q %q %q", r.Place("id"), r.Disposition, r.Owner, r.Note, r.Due, r.Until, kind, it.Owner, it.Note)
		}
	}
}

// tempt gives items texts, numbers and instants that tempt a spreadsheet.
func tempt(s sample) {
	for i := range s.Rec.Items {
		it := &s.Rec.Items[i]
		switch i % 5 {
		case 0:
			it.RefID, it.Note = "_x0041_<&>\"'", "two\nlines"
		case 1:
			it.RefID, it.Owner = "000123456789012345678", "=1+1"
		case 2:
			it.RefID = " a\x00\x1b\u200b\U0001F600 b " // blanks around, control characters, an emoji
		case 3:
			it.RefID = strings.Repeat("😀x", 20_000)
		}
		if len(it.Payouts) > 0 {
			it.Payouts[0].Created += 499
		}
	}
}

// TestReadBack reads workbooks back that nobody edited.
func TestReadBack(t *testing.T) {
	for _, name := range samples {
		s := load(t, name)
		tempt(s)
		checkReadBack(t, written(t, build(t, s, report.Options{})), s)
	}
}

// filledIn is a workbook in which people wrote, and the check of what is read from it after another program has saved it:
// only what was filled in is told.
func filledIn(t *testing.T) (path string, check func(path string)) {
	s := load(t, "only-breaks")
	tempt(s)
	col := func(code string) string { return columnOf(t, code) }
	filled := edit(t, written(t, build(t, s, report.Options{Unmask: true})), map[string]any{
		col("disposition") + "7": "Accepted", col("until") + "7": time.Date(2026, 6, 30, 0, 0, 0, 0, time.UTC), col("reason") + "7": 4711,
		col("due") + "8": "2026-07-01", col("note") + "8": "two\nlines, and ümläute",
		col("account") + "9": "GB00",
	})
	return filled, func(path string) { checkFilled(t, readBack(t, path), s) }
}

func checkFilled(t *testing.T, book *report.BreaksBook, s sample) {
	if len(book.Rows) != len(s.open()) {
		t.Fatalf("%d rows, want %d", len(book.Rows), len(s.open()))
	}
	for i := range book.Rows {
		r := &book.Rows[i]
		got := fmt.Sprint(r.Disposition, r.Until, r.Reason, r.Problems)
		code, ok := r.Filled()
		switch i {
		case 1:
			if want := "accepted2026-06-304711[]"; got != want || r.Item != s.open()[1].ID {
				t.Errorf("row 7: %s, want %s", got, want)
			}
		case 2:
			if r.Due.String() != "2026-07-01" || r.Note != "two\nlines, and ümläute" || len(r.Problems) > 0 {
				t.Errorf("row 8: due %s, note %q, %v", r.Due, r.Note, r.Problems)
			}
		case 3:
			if len(r.Problems) != 1 || r.Problems[0].Cell != "Breaks!"+columnOf(t, "account")+"9" {
				t.Errorf("row 9: %v, want its payee account", r.Problems)
			}
		default:
			if ok || len(r.Problems) > 0 {
				t.Errorf("%s: nobody touched the row: filled %s, %v", r.Place("id"), code, r.Problems)
			}
		}
	}
}

// edit changes cells of the Breaks sheet as a person would, and saves.
func edit(t *testing.T, path string, cells map[string]any) string {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for cell, v := range cells {
		if err := f.SetCellValue(report.SheetBreaks, cell, v); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), "edited.xlsx")
	if err := f.SaveAs(out); err != nil {
		t.Fatal(err)
	}
	return out
}

func columnOf(t *testing.T, code string) string {
	t.Helper()
	for i, c := range report.BreaksColumns() {
		if c.Code == code {
			return columnName(i)
		}
	}
	t.Fatalf("no column %s", code)
	return ""
}

func TestReadEdited(t *testing.T) {
	s := load(t, "only-breaks")
	path := written(t, build(t, s, report.Options{}))
	col := func(code string) string { return columnOf(t, code) }
	edited := edit(t, path, map[string]any{
		col("disposition") + "6": "ACCEPTED", col("until") + "6": 46200, col("reason") + "6": "fee", col("owner") + "6": " Dana ",
		col("disposition") + "7": "Written off", col("due") + "7": " 2026-06-30", col("note") + "7": "journal 7",
		col("disposition") + "8": "forget it",
		col("until") + "9":       "soon",
		col("due") + "10":        -5,
		col("due") + "11":        2026,
		col("id") + "12":         "",
		col("until") + "13":      "30.06.2026", col("exposure") + "13": 1.0,
		columnName(len(report.BreaksColumns())) + "14": "",
	})
	book := readBack(t, edited)
	day := func(s string) payout.Day { d, _ := payout.ParseDay(s); return d }
	if r := book.Rows[0]; r.Disposition != payout.DispositionAccepted || r.Until != day("2026-06-27") || r.Reason != "fee" || r.Owner != "Dana" || len(r.Problems) > 0 {
		t.Errorf("row 6 = %+v", r)
	}
	if r := book.Rows[1]; r.Disposition != payout.DispositionWrittenOff || r.Due != day("2026-06-30") || r.Note != "journal 7" || len(r.Problems) > 0 {
		t.Errorf("row 7 = %+v", r)
	}
	if code, filled := book.Rows[1].Filled(); !filled || code != "disposition" {
		t.Errorf("row 7: filled %t, first %s", filled, code)
	}
	for row, want := range map[int][]string{
		8:  {col("disposition") + `8: "forget it" is no disposition; choose one of: Accepted, Correction expected, With the provider, Written off`},
		9:  {col("until") + `9: "soon" is not a date; write it like 2026-01-31`},
		10: {col("due") + `10: "-5" is not a date`},
		11: {col("due") + `11: "2026" is not a date`},
		12: {col("id") + `12: "" is not an item of this workbook`},
		13: {col("exposure") + `13: "1" is not what payrecon wrote under Exposure`, col("until") + `13: "30.06.2026" is not a date`},
		14: {col("id") + `14: "` + fmt.Sprint(s.open()[8].ID) + `" is not an item of this workbook`},
	} {
		got := book.Rows[row-6].Problems
		if len(got) != len(want) {
			t.Errorf("row %d: problems %v, want %q", row, got, want)
			continue
		}
		for i := range want {
			if !strings.HasPrefix(got[i].String(), "Breaks!"+want[i]) {
				t.Errorf("row %d: %s, want %q", row, got[i], want[i])
			}
		}
	}
}

// TestReadEveryEditedCell: a change in any cell that is not for people to fill in is told with its cell.
func TestReadEveryEditedCell(t *testing.T) {
	s := load(t, "only-breaks")
	path := written(t, build(t, s, report.Options{Unmask: true}))
	for half := range 2 {
		cells, places := map[string]any{}, []string{}
		for i, c := range report.BreaksColumns() {
			if !c.Input && i%2 == half {
				cell := fmt.Sprint(columnName(i), 6+len(places))
				cells[cell], places = 77.25, append(places, "Breaks!"+cell)
			}
		}
		book := readBack(t, edit(t, path, cells))
		for i, place := range places {
			if problems := book.Rows[i].Problems; len(problems) != 1 || problems[0].Cell != place {
				t.Errorf("problems of the row in which %s was edited: %v", place, problems)
			}
		}
	}
}

// rebuilt changes the Breaks sheet of a workbook as a person would, and reads it back.
func rebuilt(t *testing.T, path string, change func(f *excelize.File) error) (*report.BreaksBook, error) {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := change(f); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "changed.xlsx")
	if err := f.SaveAs(out); err != nil {
		t.Fatal(err)
	}
	return readFile(out)
}

// TestReadRearranged: a sheet that people have worked with is still the sheet.
func TestReadRearranged(t *testing.T) {
	s := load(t, "only-breaks")
	path := written(t, build(t, s, report.Options{}))
	want := s.open()
	for name, change := range map[string]func(f *excelize.File) error{
		"a renamed sheet":  func(f *excelize.File) error { return f.SetSheetName(report.SheetBreaks, "My breaks") },
		"a column moved":   func(f *excelize.File) error { return moveColumn(f, columnOf(t, "owner"), "B") },
		"a column added":   func(f *excelize.File) error { return addColumn(f, "C", "Ticket") },
		"a column widened": func(f *excelize.File) error { return f.SetColWidth(report.SheetBreaks, "A", "D", 90) },
		"rows above":       func(f *excelize.File) error { return f.InsertRows(report.SheetBreaks, 1, 3) },
		"a remark below":   func(f *excelize.File) error { return f.SetCellValue(report.SheetBreaks, "A60", "checked by me") },
		"a row cleared":    func(f *excelize.File) error { return clearRow(f, 6+len(want)-1) },
		"rows sorted":      sortByArrows,
	} {
		t.Run(name, func(t *testing.T) {
			book, err := rebuilt(t, path, change)
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Clone(want)
			switch name {
			case "a row cleared":
				want = want[:len(want)-1]
			case "rows sorted":
				slices.Reverse(want)
			}
			if len(book.Rows) != len(want) {
				t.Fatalf("%d rows, want %d", len(book.Rows), len(want))
			}
			for i := range book.Rows {
				if r := &book.Rows[i]; len(r.Problems) > 0 || r.Item != want[i].ID || r.Owner != want[i].Owner {
					t.Errorf("%s: item %d, owner %q, %v; want item %d, owner %q", r.Place("id"), r.Item, r.Owner, r.Problems, want[i].ID, want[i].Owner)
				}
			}
			if got, want := book.Rows[0].Place("owner"), map[string]string{"a renamed sheet": "'My breaks'!" + columnOf(t, "owner") + "6", "a column moved": "Breaks!B6"}[name]; want != "" && got != want {
				t.Errorf("the owner's cell is called %s, want %s", got, want)
			}
		})
	}
	for name, c := range map[string]struct {
		change func(f *excelize.File) error
		want   string
	}{
		"a heading renamed":     {func(f *excelize.File) error { return f.SetCellValue(report.SheetBreaks, "B5", "Urgency") }, `heading row 5 says "Severity"`},
		"a heading given twice": {func(f *excelize.File) error { return addColumn(f, "C", "Note") }, `cells C5 and ` + columnName(1+slices.IndexFunc(report.BreaksColumns(), func(c report.Column) bool { return c.Code == "note" })) + `5 both say "Note"`},
	} {
		if _, err := rebuilt(t, path, c.change); err == nil || payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an input error with %q", name, err, c.want)
		}
	}
}

// clearRow empties the cells of a row that people see.
func clearRow(f *excelize.File, row int) (err error) {
	for i := range report.BreaksColumns() {
		err = errors.Join(err, f.SetCellValue(report.SheetBreaks, fmt.Sprint(columnName(i), row), nil))
	}
	return err
}

// sortByArrows turns the rows round as the filter's arrows sort: within the filter's range, which ends before the hidden column.
func sortByArrows(f *excelize.File) error {
	rows, err := f.GetRows(report.SheetBreaks, excelize.Options{RawCellValue: true})
	if err != nil {
		return err
	}
	for n, row := range rows[5:] {
		other := fmt.Sprint(len(rows) - n)
		for i := range report.BreaksColumns() {
			var v any = at(row, i)
			if x, bad := strconv.ParseFloat(at(row, i), 64); bad == nil && len(at(row, i)) < 16 {
				v = x
			}
			err = errors.Join(err, f.SetCellValue(report.SheetBreaks, columnName(i)+other, v))
		}
	}
	return err
}

func addColumn(f *excelize.File, at, heading string) error {
	if err := f.InsertCols(report.SheetBreaks, at, 1); err != nil {
		return err
	}
	return errors.Join(f.SetCellValue(report.SheetBreaks, at+"5", heading), f.SetCellValue(report.SheetBreaks, at+"6", "T-1"))
}

// moveColumn cuts a column out and inserts it elsewhere, further left.
func moveColumn(f *excelize.File, from, to string) error {
	cells, err := f.GetCols(report.SheetBreaks)
	if err != nil {
		return err
	}
	n, err := excelize.ColumnNameToNumber(from)
	if err != nil {
		return err
	}
	err = errors.Join(f.RemoveCol(report.SheetBreaks, from), f.InsertCols(report.SheetBreaks, to, 1))
	for i, v := range cells[n-1] {
		err = errors.Join(err, f.SetCellValue(report.SheetBreaks, fmt.Sprint(to, i+1), v))
	}
	return err
}
