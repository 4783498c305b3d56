package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// fillIn writes values under headings of the Breaks sheet, in its first row of data, as a person would.
func fillIn(t *testing.T, path string, values map[string]string) {
	t.Helper()
	fillInRow(t, path, 0, values)
}

// fillInRow fills in a row of data, counted from 0.
func fillInRow(t *testing.T, path string, row int, values map[string]string) {
	t.Helper()
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	rows, err := book.GetRows("Breaks")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(rows, func(row []string) bool { return slices.Contains(row, "Disposition") })
	if at < 0 {
		t.Fatal("the sheet Breaks has no heading Disposition")
	}
	for heading, value := range values {
		column := slices.Index(rows[at], heading)
		if column < 0 {
			t.Fatalf("the sheet Breaks has no heading %q: %q", heading, rows[at])
		}
		cell, err := excelize.CoordinatesToCellName(column+1, at+2+row)
		if err != nil {
			t.Fatal(err)
		}
		if err := book.SetCellValue("Breaks", cell, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Save(); err != nil {
		t.Fatal(err)
	}
}

// TestBreaksImport brings a decision back from the workbook, refuses an edited figure, and refuses a workbook that is older
// than what somebody decided since.
func TestBreaksImport(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	s.ledger("OLD-0 1.00 failed "+day(20), "EDGE-9 9.00 paid "+day(1))
	book := s.path("book.xlsx")
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", book)
	fillIn(t, book, map[string]string{"Disposition": "With the provider", "Reason": "case 4711", "Owner": "treasury"})

	if out := s.do(exitDone, "breaks", "import", book, "--by", "A. Reviewer", "--dry-run"); !strings.Contains(out, "with_provider (case 4711), owner treasury") {
		t.Errorf("dry run says %q", out)
	}
	if out := s.do(exitDone, "breaks", "show", "1"); strings.Contains(out, "treasury") {
		t.Errorf("a dry run changed the item: %s", out)
	}
	s.now = s.now.Add(time.Hour)
	s.do(exitDone, "breaks", "import", book, "--by", "A. Reviewer")
	out := s.do(exitDone, "breaks", "show", "1")
	for _, want := range []string{"with_provider", "case 4711", "by A. Reviewer", "treasury", "workbook "} {
		if !strings.Contains(out, want) {
			t.Errorf("after the import the item does not say %q:\n%s", want, out)
		}
	}

	// Somebody decides anew; the old workbook must not undo that.
	s.now = s.now.Add(time.Hour)
	s.do(exitDone, "breaks", "set", "1", "--owner", "Carol", "--by", "B. Reviewer")
	if code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, "has changed since the workbook was written") {
		t.Errorf("an old workbook: exit %d, %s", code, words)
	}
	if out := s.do(exitDone, "breaks", "show", "1"); !strings.Contains(out, "Carol") {
		t.Errorf("the old workbook undid a newer decision:\n%s", out)
	}

	// A figure that was edited is refused.
	s.do(exitDone, "report", "--out", book, "--unmask")
	fillIn(t, book, map[string]string{"Exposure": "1", "Owner": "nobody"})
	if code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, `Breaks!K6: "1" is not what payrecon wrote under Exposure`) || !strings.Contains(words, `(it said "100.00")`) {
		t.Errorf("an edited figure: exit %d, %s", code, words)
	}
	if code, _, words := s.try("breaks", "import", s.path("ledger.csv"), "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, "ledger.csv") {
		t.Errorf("a file that is no workbook: exit %d, %s", code, words)
	}
}

// copyRow writes a workbook anew with a row of the Breaks sheet twice.
func copyRow(t *testing.T, from, to string, row int) {
	t.Helper()
	book, err := excelize.OpenFile(from)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	if err := errors.Join(book.DuplicateRow("Breaks", row), book.SaveAs(to)); err != nil {
		t.Fatal(err)
	}
}

// items returns what stands about the open items now: number, disposition, owner, note.
func (s *site) items() string {
	s.t.Helper()
	var list struct {
		Breaks []breakJSON `json:"breaks"`
	}
	unmarshal(s.t, s.do(exitDone, "breaks", "list", "--json"), &list)
	var all []string
	for _, b := range list.Breaks {
		all = append(all, fmt.Sprintf("%d %s/%s/%s", b.ID, b.Disposition, b.Owner, b.Note))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestBreaksImportIsWholeOrNothing: rows that cannot be taken are told with their cell, and keep the others out unless asked.
func TestBreaksImportIsWholeOrNothing(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -12)).String()
	for i := range 5 {
		s.pay(fmt.Sprint("LONE-", i), fmt.Sprint(900-i, ".00"), payout.Completed, 12)
	}
	s.ledger("OLD-0 1.00 failed "+day, "OLD-1 2.00 failed "+payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	book := s.path("book.xlsx")
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", book)
	fillInRow(t, book, 0, map[string]string{"Disposition": "FORGOTTEN", "Reason": "?"})
	fillInRow(t, book, 1, map[string]string{"Reason": "bank fee"})
	fillInRow(t, book, 2, map[string]string{"Disposition": "accepted", "Reason": "fee"})
	fillInRow(t, book, 3, map[string]string{"Payee account": "GB33BUKB20201555555555", "Owner": "Ann"})
	fillInRow(t, book, 4, map[string]string{"Owner": "Bob", "Due": "2026-05-01"})
	before := s.items()
	code, out, words := s.try("breaks", "import", book, "--by", "A. Reviewer")
	if code != exitInput || s.items() != before {
		t.Errorf("exit %d, items %s; want 2 and nothing recorded: %s", code, s.items(), before)
	}
	for _, want := range []string{
		`Breaks!AC6: "FORGOTTEN" is no disposition; choose one of: Accepted, Correction expected, With the provider, Written off`,
		"Breaks!AE7: it goes with a disposition",
		`Breaks!AD8: "accepted" needs a date`,
		`Breaks!N9: "GB33BUKB20201555555555" is not what payrecon wrote under Payee account`,
		"4 cells refused, nothing was recorded",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("the refusal does not say %s:\n%s", want, words)
		}
	}
	if !strings.Contains(out, "Breaks!AG10") {
		t.Errorf("what would change is not shown with its cell:\n%s", out)
	}
	twice := s.path("twice.xlsx")
	copyRow(t, book, twice, 10)
	if code, _, words := s.try("breaks", "import", twice, "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, "Breaks!A11: item 5 stands in Breaks!A10 already") {
		t.Errorf("a row twice: exit %d, %s", code, words)
	}
	if code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer", "--partly", "--dry-run"); code != exitInput || s.items() != before || !strings.Contains(words, "1 other row would be recorded") {
		t.Errorf("dry run: exit %d, items %s, %s", code, s.items(), words)
	}
	if code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer", "--partly"); code != exitInput || !strings.Contains(words, "1 other row recorded") {
		t.Errorf("--partly: exit %d, %s", code, words)
	}
	if want := strings.Replace(before, "5 //", "5 /Bob/", 1); s.items() != want {
		t.Errorf("items %s, want %s", s.items(), want)
	}
}

// TestBreaksImportTheDayAfter: a workbook filled in over the day is good after another night, though the lines of the extract
// have moved and others have decided about other columns; what has moved on is told with its cell.
func TestBreaksImportTheDayAfter(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	for i := range 3 {
		s.pay(fmt.Sprint("PART-", i), "90.00", payout.Completed, 12)
	}
	rows := []string{"PART-0 100.00 paid " + day(12), "PART-1 100.00 paid " + day(12), "PART-2 100.00 paid " + day(12), "OLD-0 1.00 failed " + day(20), "OLD-1 1.00 failed " + day(1)}
	s.ledger(rows...)
	book := s.path("book.xlsx")
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", book)
	for i := range 3 {
		fillInRow(t, book, i, map[string]string{"Owner": "Ann"})
	}
	s.do(exitDone, "breaks", "set", "1", "--note", "asked the bank", "--by", "B. Reviewer")
	s.now = s.now.AddDate(0, 0, 1)
	rows[2] = "PART-2 101.00 paid " + day(13)
	s.ledger(append([]string{"NEW-9 1.00 failed " + day(1)}, rows...)...)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))

	code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer", "--partly")
	if want := `Breaks!H8: item 3 has moved on since the workbook was written, this is "101.00" now`; code != exitInput || !strings.Contains(words, want) {
		t.Errorf("exit %d, %s; want 2 and %s", code, words, want)
	}
	if got, want := s.items(), "1 /Ann/asked the bank, 2 /Ann/, 3 //"; got != want {
		t.Errorf("items %s, want %s", got, want)
	}
	// Twice is once; and more may be filled in afterwards.
	fillInRow(t, book, 2, map[string]string{"Owner": ""})
	if out, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer"); out != exitDone || !strings.Contains(words, "Nobody wrote anything new") {
		t.Errorf("the second time: exit %d, %s", out, words)
	}
	fillIn(t, book, map[string]string{"Disposition": "written_off", "Reason": "journal 7"})
	s.do(exitDone, "breaks", "import", book, "--by", "A. Reviewer")
	if got, want := s.items(), "1 written_off/Ann/asked the bank, 2 /Ann/, 3 //"; got != want {
		t.Errorf("items %s, want %s", got, want)
	}
}

// TestDecideWithoutMirror: commands that decide about items make no database where there is none, and say what is missing.
func TestDecideWithoutMirror(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.ledger("OLD-0 1.00 failed " + payout.DayOf(s.now.AddDate(0, 0, -20)).String())
	book := s.path("book.xlsx")
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", book)

	empty := *s
	empty.dir = t.TempDir()
	empty.write("payrecon.yaml", "api: {rate_limit: none}\n")
	_, _, want := empty.try("reconcile", "--again", "1")
	for _, args := range [][]string{
		{"breaks", "set", "1", "--owner", "treasury", "--by", "A. Reviewer"},
		{"breaks", "import", book, "--by", "A. Reviewer"},
		{"breaks", "import", book, "--by", "A. Reviewer", "--dry-run"},
	} {
		code, _, words := empty.try(args...)
		if code != exitInput || !strings.Contains(words, "there is no database "+empty.path("payrecon.db")) || words != want {
			t.Errorf("%q: exit %d, %q, want %q", args, code, words, want)
		}
		if left, err := filepath.Glob(empty.path("*")); err != nil || len(left) != 1 {
			t.Errorf("%q left %q, %v", args, left, err)
		}
	}
}
