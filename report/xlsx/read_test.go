package xlsx

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// open returns the items of a sample that the Breaks sheet shows.
func (s sample) open() (items []payout.Item) {
	for _, it := range s.Rec.Items {
		if it.State != payout.ItemCleared {
			items = append(items, it)
		}
	}
	return items
}

// checkReadBack reads an unedited workbook back: every row is as it was written.
func checkReadBack(t *testing.T, path string, s sample) {
	t.Helper()
	book, err := ReadBreaks(path)
	if err != nil {
		t.Fatal(err)
	}
	want := s.open()
	if book.Run != 42 || book.OutcomeHash != s.Rec.OutcomeHash || len(book.Rows) != len(want) {
		t.Fatalf("run %d, hash %s, %d rows; want 42, %s, %d", book.Run, book.OutcomeHash, len(book.Rows), s.Rec.OutcomeHash, len(want))
	}
	for i, r := range book.Rows {
		it := want[i]
		if !r.FiguresOK() || r.Item != it.ID || r.Proof != report.Proof(it) {
			t.Errorf("row %d: item %d, problems %v, proof %s; want item %d, none, %s", r.Row, r.Item, r.Problems, r.Proof, it.ID, report.Proof(it))
		}
		kind := ""
		if it.Disposition != nil {
			kind = it.Disposition.Kind
		}
		if r.Disposition != kind || r.Owner != it.Owner || r.Note != it.Note || r.Due != it.Due || r.Until != payout.NoDay {
			t.Errorf("row %d: %q %q %q %s %s, want %q %q %q", r.Row, r.Disposition, r.Owner, r.Note, r.Due, r.Until, kind, it.Owner, it.Note)
		}
	}
}

// TestReadBack reads workbooks back that nobody edited, with texts that tempt a spreadsheet.
func TestReadBack(t *testing.T) {
	for _, name := range samples {
		s := load(t, name)
		for i := range s.Rec.Items {
			it := &s.Rec.Items[i]
			switch i % 5 {
			case 0:
				it.RefID, it.Note = "_x0041_<&>\"'", "two\nlines"
			case 1:
				it.RefID, it.Owner = "000123456789012345678", "=1+1"
			case 2:
				it.RefID = "a\x00\x1b\u200b\U0001F600 b" // a trailing and an inner control character, an emoji
			case 3:
				it.RefID = strings.Repeat("😀x", 20_000)
			}
			if len(it.Payouts) > 0 {
				it.Payouts[0].Created += 499
			}
		}
		checkReadBack(t, written(t, build(t, s, report.Options{})), s)
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
		col("disposition") + "6": "accepted", col("until") + "6": 46200, col("reason") + "6": "fee", col("owner") + "6": " Dana ",
		col("disposition") + "7": "Written off", col("due") + "7": "2026-06-30", col("note") + "7": "journal 7",
		col("disposition") + "8": "forget it",
		col("until") + "9":       "soon",
		col("exposure") + "10":   1.0,
		col("ref_id") + "11":     "OTHER",
		col("why") + "12":        "I know better", // not a figure: allowed
		col("due") + "13":        -5,
	})
	book, err := ReadBreaks(edited)
	if err != nil {
		t.Fatal(err)
	}
	day := func(s string) payout.Day { d, _ := payout.ParseDay(s); return d }
	if r := book.Rows[0]; r.Disposition != payout.DispositionAccepted || r.Until != day("2026-06-27") || r.Reason != "fee" || r.Owner != "Dana" || !r.FiguresOK() {
		t.Errorf("row 6 = %+v", r)
	}
	if r := book.Rows[1]; r.Disposition != payout.DispositionWrittenOff || r.Due != day("2026-06-30") || r.Note != "journal 7" || !r.FiguresOK() {
		t.Errorf("row 7 = %+v", r)
	}
	for row, want := range map[int]string{
		8: "Breaks!" + col("disposition") + "8: \"forget it\" is no disposition", 9: "Breaks!" + col("until") + "9: \"soon\" is not a date",
		10: "Breaks!A10", 11: "Breaks!A11", 13: "Breaks!" + col("due") + "13: \"-5\" is not a date",
	} {
		r := book.Rows[row-6]
		if len(r.Problems) != 1 || !strings.HasPrefix(r.Problems[0].String(), want) {
			t.Errorf("row %d: problems %v, want one that begins %q", row, r.Problems, want)
		}
	}
	if r := book.Rows[6]; !r.FiguresOK() {
		t.Errorf("row 12: problems %v, want none", r.Problems)
	}
}

func TestReadForeign(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.xlsx")
	if err := os.WriteFile(text, []byte("id,outcome\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.xlsx")
	f := excelize.NewFile()
	if err := f.SaveAs(other); err != nil {
		t.Fatal(err)
	}
	s := load(t, "day")
	moved := edit(t, written(t, build(t, s, report.Options{})), map[string]any{"B5": "Urgency"})
	s.Rec = nil
	mirror := written(t, build(t, s, report.Options{}))
	for path, want := range map[string]string{
		text: "cannot be read as an Excel workbook", other: "holds no Breaks sheet", mirror: "holds no Breaks sheet", moved: `column B: "Urgency", want "Severity"`,
		filepath.Join(dir, "none.xlsx"): "no such file",
	} {
		_, err := ReadBreaks(path)
		if err == nil || payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an input error with %q", filepath.Base(path), err, want)
		}
	}
}
