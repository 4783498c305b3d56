package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestWorkbookJSONAndDatabaseAgree holds every figure that the workbook of a night, its --json and the mirror have in common
// against each other, cell by cell: a night of breaks, a short period without some of
// them, and a night when they are back.
func TestWorkbookJSONAndDatabaseAgree(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: 600})
	var ledger strings.Builder
	if err := s.box.WriteLedger(&ledger); err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(ledger.String(), "\n")
	for night, text := range []string{ledger.String(), strings.Join(slices.Delete(slices.Clone(lines), 100, 110), ""), ledger.String()} {
		s.write("ledger.csv", text)
		var period []string
		if night == 1 { // records, pairs and open items lie beyond its edges
			period = []string{"--from", "2026-03-08", "--to", "2026-03-20"}
		}
		if c := s.agree(period...); c != payout.NoConclusion { // rows that cannot be read
			t.Errorf("night %d: %s, want %s", night, c, payout.NoConclusion)
		}
		s.now = s.now.AddDate(0, 0, 1)
	}
}

// TestReconciledAgrees is a night without a break, and the one after it, when one has turned up.
func TestReconciledAgrees(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	var rows []string
	for i := range 30 {
		ref, amount := fmt.Sprintf("OK-%d", i), fmt.Sprintf("%d.50", 10+i)
		s.pay(ref, amount, payout.Completed, 1+i)
		rows = append(rows, fmt.Sprintf("%s %s paid %s", ref, amount, day(1+i)))
	}
	s.pay("DEAD-1", "7.00", payout.Rejected, 9)
	s.ledger(rows...)
	if c := s.agree(); c != payout.Reconciled {
		t.Errorf("%s, want %s", c, payout.Reconciled)
	}
	s.ledger(append(rows[:29:29], "OK-29 39.00 paid "+day(30))...)
	if c := s.agree(); c != payout.NotReconciled {
		t.Errorf("%s, want %s", c, payout.NotReconciled)
	}
}

// agree performs a run and compares what it wrote, printed and stored. It returns the conclusion.
func (s *site) agree(args ...string) payout.Conclusion {
	s.t.Helper()
	var doc struct {
		Reconcile reconcileJSON `json:"reconcile"`
	}
	args = append([]string{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"), "--json"}, args...)
	unmarshal(s.t, s.do(exitDone, args...), &doc)
	file, err := excelize.OpenFile(s.path("book.xlsx"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	b, stored, printed := bookOf{s.t, file}, s.reconciliation(), doc.Reconcile
	if got := file.GetSheetList(); len(got) != 15 {
		s.t.Errorf("%d sheets, want 15: %v", len(got), got)
	}
	b.statements(stored, printed)
	b.outcomes(stored, printed)
	b.rollForward(stored)
	b.items(stored, printed)
	verdict := map[payout.Conclusion]string{payout.NoConclusion: "NO CONCLUSION", payout.Reconciled: "RECONCILED", payout.NotReconciled: "NOT RECONCILED"}[stored.Conclusion]
	if got := b.rows("Summary")[3][0]; got != verdict || printed.Conclusion != stored.Conclusion || printed.Hash != stored.OutcomeHash {
		s.t.Errorf("the workbook says %q, --json %s (%s), the mirror %s (%s)", got, printed.Conclusion, printed.Hash, stored.Conclusion, stored.OutcomeHash)
	}
	checks := b.table("Reconciliation", "All checks of this workbook")
	for _, row := range checks[1 : len(checks)-1] {
		if row[3] != "OK" {
			s.t.Errorf("check %q says %q", row[0], row[3])
		}
	}
	return stored.Conclusion
}

// bookOf reads figures of a workbook by the words beside and above them.
type bookOf struct {
	t    *testing.T
	file *excelize.File
}

func (b bookOf) rows(sheet string) [][]string {
	b.t.Helper()
	rows, err := b.file.GetRows(sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

// table returns the headings and the rows of a section of a sheet, all of one length; section "" is a sheet that is one table.
func (b bookOf) table(sheet, section string) [][]string {
	b.t.Helper()
	rows := b.rows(sheet)
	first := 4
	if section != "" {
		first = 1 + slices.IndexFunc(rows, func(r []string) bool { return len(r) > 0 && r[0] == section })
	}
	if first == 0 {
		b.t.Fatalf("sheet %s has no section %q", sheet, section)
	}
	end := first
	for end < len(rows) && len(rows[end]) > 0 {
		end++
	}
	var table [][]string
	for _, r := range rows[first:end] {
		table = append(table, append(r, make([]string, 40-len(r))...))
	}
	return table
}

// at is the figure of a row and a column, in words; "" stands for zero as a blank does.
func (b bookOf) at(table [][]string, row, column string) int64 {
	b.t.Helper()
	i := slices.IndexFunc(table, func(r []string) bool { return r[0] == row })
	j := slices.Index(table[0], column)
	if i < 0 || j < 0 {
		b.t.Errorf("no row %q or no column %q in %v", row, column, table[0])
		return -1
	}
	return b.figure(table[i][j])
}

func (b bookOf) figure(text string) int64 {
	b.t.Helper()
	if text == "" {
		return 0
	}
	n, err := money.ParseUnits(text)
	if err != nil {
		b.t.Errorf("%q is no figure", text)
	}
	return n
}

func (b bookOf) same(what string, got, want int64) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: the workbook says %s, the mirror %s", what, money.FormatUnits(got, ""), money.FormatUnits(want, ""))
	}
}

const perOne = 10_000 // how a count of one reads as a figure

// statements compares cash, net, gross and unexplained, and each step with its counts.
func (b bookOf) statements(stored *payout.Reconciliation, printed reconcileJSON) {
	b.t.Helper()
	if len(printed.Statement) != len(stored.Statements) {
		b.t.Fatalf("--json has %d statements, the mirror %d", len(printed.Statement), len(stored.Statements))
	}
	short := b.table("Summary", "Statement in short: from the ledger's cash to the provider's")
	for i, st := range stored.Statements {
		want := statementJSON{
			st.Currency, units(st.LedgerCash, st.Currency), units(st.ProviderCash, st.Currency), units(st.Net, st.Currency),
			units(st.Gross, st.Currency), units(st.Unexplained, st.Currency),
		}
		if got := printed.Statement[i]; got != want {
			b.t.Errorf("--json says %+v, the mirror %+v", got, want)
		}
		long := b.table("Reconciliation", st.Currency)
		for _, f := range []struct {
			short, long string
			want        int64
		}{
			{"Ledger cash", "Ledger: cash booked in the period", st.LedgerCash},
			{"Provider cash", "Provider: cash initiated in the period", st.ProviderCash},
			{"Net difference", "Net difference", st.Net},
			{"Gross difference", "Gross difference", st.Gross},
			{"Unexplained", "Unexplained", st.Unexplained},
		} {
			b.same("Summary, "+st.Currency+", "+f.short, b.at(short, st.Currency, f.short), f.want)
			b.same("Reconciliation, "+st.Currency+", "+f.long, b.at(long, f.long, "Amount"), f.want)
		}
		for _, line := range st.Lines {
			words := line.Outcome.Info().Words
			if line.CutOff {
				words = "Cut-off"
			}
			b.same(words+", payouts", b.at(long, words, "Payouts"), line.Payouts*perOne)
			b.same(words+", entries", b.at(long, words, "Entries"), line.Entries*perOne)
			b.same(words+", amount", b.at(long, words, "Amount"), line.Amount)
			b.same(words+", gross", b.at(long, words, "Gross: single differences without signs"), line.Gross)
		}
	}
}

// outcomes sums the sheet Totals by outcome and currency, and compares it with --json and with the mirror.
func (b bookOf) outcomes(stored *payout.Reconciliation, printed reconcileJSON) {
	b.t.Helper()
	type sums [4]int64 // payouts, their amount, entries, their amount
	sheet, json, mirror := map[string]sums{}, map[string]sums{}, map[string]sums{}
	add := func(to map[string]sums, words, currency string, by sums) {
		s := to[words+" "+currency]
		for i := range s {
			s[i] += by[i]
		}
		to[words+" "+currency] = s
	}
	for _, r := range b.table("Totals", "")[1:] {
		add(sheet, r[2], r[0], sums{b.figure(r[3]), b.figure(r[4]), b.figure(r[5]), b.figure(r[6])})
	}
	for _, o := range printed.Outcomes {
		add(json, o.Outcome.Info().Words, o.Currency, sums{o.Payouts * perOne, b.figure(o.PayoutAmount), o.Entries * perOne, b.figure(o.EntryAmount)})
	}
	for _, o := range stored.Totals {
		add(mirror, o.Outcome.Info().Words, o.Currency, sums{o.Payouts * perOne, o.PayoutAmount, o.Entries * perOne, o.EntryAmount})
	}
	if fmt.Sprint(sheet) != fmt.Sprint(json) || fmt.Sprint(json) != fmt.Sprint(mirror) {
		b.t.Errorf("outcomes\nworkbook %v\n--json   %v\nmirror   %v", sheet, json, mirror)
	}
}

// rollForward compares every cell of the roll-forward, count and value.
func (b bookOf) rollForward(stored *payout.Reconciliation) {
	b.t.Helper()
	tiesForward(b.t, stored)
	for _, r := range stored.RollForward {
		section := r.Currency
		if section == "" || section == money.NoCurrency {
			section = "Without an amount"
		}
		table := b.table("Roll-forward", section)
		for words, c := range map[string]payout.RollCount{
			"open before this run": r.Opening, "new": r.New, "reopened": r.Reopened, "reclassified and remeasured": r.Remeasured,
			"cleared": {Count: -r.Cleared.Count, Units: -r.Cleared.Units}, "open after this run": r.Closing,
		} {
			for column, want := range map[string]int64{"Items": c.Count * perOne, "Rows: items": c.Count * perOne, "Value": c.Units, "Rows: value": c.Units} {
				b.same("Roll-forward, "+section+", "+words+", "+column, b.at(table, words, column), want)
			}
		}
	}
}

// items compares the open and the cleared items by number, and their counts by severity and state.
func (b bookOf) items(stored *payout.Reconciliation, printed reconcileJSON) {
	b.t.Helper()
	want, cleared := map[string]int{}, 0
	for _, it := range stored.Items {
		if it.State == payout.ItemCleared {
			cleared++
			continue
		}
		want[fmt.Sprintf("%d %s %s", it.ID, it.Severity, it.State)]++
	}
	got, bySeverity := map[string]int{}, map[string]int{}
	states := map[string]string{"New": "new", "Open": "open", "Carried over": "carried", "Reopened": "reopened"}
	table := b.table("Breaks", "")
	state := slices.Index(table[0], "State")
	for _, r := range table[1:] {
		if r[0] == "" {
			continue // the remark that there are none
		}
		severity := strings.ToLower(r[1])
		got[fmt.Sprintf("%s %s %s", r[0], severity, states[r[state]])]++
		bySeverity[severity]++
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("items on Breaks %v\nin the mirror %v", got, want)
	}
	n := printed.Breaks
	if n.Total != len(want) || n.Cleared != cleared || fmt.Sprint(n) != fmt.Sprint(stored.Breaks) {
		b.t.Errorf("--json counts %+v, the mirror %+v", n, stored.Breaks)
	}
	summary := b.table("Summary", "Open items")
	for words, count := range map[string]int{"New": n.New, "Open": n.Open, "Reopened": n.Reopened, "Carried over": n.Carried, "Items": n.Total} {
		b.same("Summary, "+words, b.at(summary, "All", words), int64(count)*perOne)
	}
	for _, severity := range []payout.Severity{payout.Low, payout.Medium, payout.High, payout.Critical} {
		if n.BySeverity[severity] != bySeverity[severity.String()] {
			b.t.Errorf("%s: --json counts %d, Breaks holds %d", severity, n.BySeverity[severity], bySeverity[severity.String()])
		}
	}
	changed := b.table("Summary", "What changed since the last report")
	for words, count := range map[string]int{"New items": n.New, "Cleared": n.Cleared, "Reclassified": n.Reclassified, "Reopened": n.Reopened, "Carried over unseen": n.Carried} {
		b.same("Summary, "+words, b.figure(changed[1][slices.Index(changed[0], words)]), int64(count)*perOne)
	}
}
