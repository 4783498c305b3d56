package main

import (
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestWorkbookJSONAndDatabaseAgree holds the statement of two nights, as the workbook shows it, against --json and the
// mirror, and no check cell of the workbook may fail.
func TestWorkbookJSONAndDatabaseAgree(t *testing.T) {
	s := newSite(t, sandbox.Options{})
	var ledger strings.Builder
	if err := s.box.WriteLedger(&ledger); err != nil {
		t.Fatal(err)
	}
	for night := range 2 {
		text := ledger.String()
		if night == 1 { // some breaks of the first night are gone in the second
			lines := strings.SplitAfter(text, "\n")
			text = strings.Join(append(lines[:200:200], lines[210:]...), "")
			s.now = s.now.AddDate(0, 0, 1)
		}
		s.write("ledger.csv", text)
		var doc struct {
			Reconcile reconcileJSON `json:"reconcile"`
		}
		unmarshal(t, s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"), "--json"), &doc)
		stored := s.reconciliation()
		book, err := excelize.OpenFile(s.path("book.xlsx"))
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		sheet := cellsOf(t, book, "Reconciliation")
		for i, st := range stored.Statements {
			want := statementJSON{
				st.Currency, units(st.LedgerCash, st.Currency), units(st.ProviderCash, st.Currency), units(st.Net, st.Currency),
				units(st.Gross, st.Currency), units(st.Unexplained, st.Currency),
			}
			if got := doc.Reconcile.Statement[i]; got != want {
				t.Errorf("night %d: --json says %+v, the mirror %+v", night, got, want)
			}
			for _, figure := range []int64{st.LedgerCash, st.ProviderCash} {
				if !sheet[figure] {
					t.Errorf("night %d: the sheet Reconciliation does not hold %s %s", night, units(figure, st.Currency), st.Currency)
				}
			}
		}
		for _, name := range book.GetSheetList() {
			rows, err := book.GetRows(name)
			if err != nil {
				t.Fatal(err)
			}
			for r, row := range rows {
				for _, cell := range row {
					if strings.Contains(cell, "CHECK FAILED") || strings.HasPrefix(cell, "DIFFERENCE") {
						t.Errorf("night %d: sheet %s, row %d says %q", night, name, r+1, cell)
					}
				}
			}
		}
		if got := book.GetSheetList(); len(got) != 15 {
			t.Errorf("night %d: %d sheets, want 15: %v", night, len(got), got)
		}
		if stored.Conclusion != payout.NoConclusion {
			t.Errorf("night %d: %s", night, stored.Conclusion)
		}
	}
}

// cellsOf returns every number of a sheet, in money units.
func cellsOf(t *testing.T, book *excelize.File, sheet string) map[int64]bool {
	t.Helper()
	rows, err := book.GetRows(sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	figures := map[int64]bool{}
	for _, row := range rows {
		for _, cell := range row {
			if n, err := money.ParseUnits(cell); err == nil {
				figures[n] = true
			}
		}
	}
	return figures
}
