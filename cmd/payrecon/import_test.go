package main

import (
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
		cell, err := excelize.CoordinatesToCellName(column+1, at+2)
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
	s.do(exitDone, "report", "--out", book)
	fillIn(t, book, map[string]string{"Exposure": "1", "Owner": "nobody"})
	if code, _, words := s.try("breaks", "import", book, "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, `Breaks!K6: "1" is not what payrecon wrote under Exposure`) {
		t.Errorf("an edited figure: exit %d, %s", code, words)
	}
	if code, _, words := s.try("breaks", "import", s.path("ledger.csv"), "--by", "A. Reviewer"); code != exitInput || !strings.Contains(words, "ledger.csv") {
		t.Errorf("a file that is no workbook: exit %d, %s", code, words)
	}
}
