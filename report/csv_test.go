package report

import (
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func TestBreaksCSV(t *testing.T) {
	day, _ := payout.ParseDay("2026-03-02")
	created := payout.MillisOf(day.Start()) + 3_600_500
	difference := money.New(-125_000, "EUR")
	ref := func(id string, units int64, currency string) payout.PayoutRef {
		return payout.PayoutRef{ID: id, Amount: money.New(units, currency), Status: payout.Completed, Created: created}
	}
	items := []payout.Item{
		{ID: 7, State: payout.ItemOpen, FirstRun: 3, Disposition: &payout.Disposition{Kind: payout.DispositionAccepted}, Finding: payout.Finding{
			Outcome: payout.AmountMismatch, Severity: payout.High, RefID: "=INV,1", Payouts: []payout.PayoutRef{ref("po:1", 100_000, "EUR"), ref("po:2", 50_000, "EUR")},
			Entries: []payout.Entry{{Line: 4, Amount: money.New(275_000, "EUR"), Status: "BOOKED", Day: day}}, Difference: &difference, Exposure: money.New(125_000, "EUR"), AgeDays: 5,
			Why: "The ledger has 12.50 more.",
		}},
		{ID: 8, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{
			Outcome: payout.CurrencyMismatch, Severity: payout.High, RefID: "X", Payouts: []payout.PayoutRef{ref("po:3", 10_000, "EUR")},
			Entries: []payout.Entry{{Line: 9, Amount: money.New(10_000, "GBP"), Day: payout.NoDay}}, Exposure: money.New(10_000, "GBP"),
		}},
		{ID: 9, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{
			Outcome: payout.Unreadable, Severity: payout.Medium, Rejected: []payout.RejectedRow{{Line: 12}}, Exposure: money.New(0, money.NoCurrency),
		}},
		{ID: 11, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{
			Outcome: payout.Unreadable, Severity: payout.Medium, RefID: "Z", Rejected: []payout.RejectedRow{{Line: 14, Ref: "Z", Currency: "EUR", Day: day}}, Exposure: money.New(0, money.NoCurrency),
		}},
		{ID: 12, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{
			Outcome: payout.Unreadable, Severity: payout.Medium, RefID: "Z", Rejected: []payout.RejectedRow{{Line: 15, Ref: "Z", Currency: "EUR", Amount: money.New(30_000, "EUR")}}, Exposure: money.New(30_000, "EUR"),
		}},
		{ID: 10, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{
			Outcome: payout.MissingAtProvider, Severity: payout.High, RefID: "Y", Entries: []payout.Entry{{Line: 13, Amount: money.New(10_000_000, "JPY"), Status: "PAID", Day: day}},
			Difference: ptrTo(money.New(-10_000_000, "JPY")), Exposure: money.New(10_000_000, "JPY"),
		}},
		{ID: 13, State: payout.ItemNew, FirstRun: 4, Finding: payout.Finding{ // a payout without an amount is known to have none
			Outcome: payout.MissingInLedger, Severity: payout.High, RefID: "W", Payouts: []payout.PayoutRef{ref("po:4", 0, money.NoCurrency)}, Exposure: money.New(0, money.NoCurrency),
		}},
	}
	var out strings.Builder
	if err := BreaksCSV(&out, items); err != nil {
		t.Fatal(err)
	}
	want := `id,outcome,severity,state,disposition,ref_id,payout_ids,ledger_lines,payout_amount,ledger_amount,difference,exposure,currency,ledger_currency,payout_status,ledger_status,created,ledger_date,age_days,first_run,why
7,amount_mismatch,high,open,accepted,"'=INV,1",po:1 po:2,4,15.00,27.50,-12.50,12.50,EUR,EUR,INITIATION_COMPLETED INITIATION_COMPLETED,BOOKED,2026-03-02T01:00:00.5Z,2026-03-02,5,3,The ledger has 12.50 more.
8,currency_mismatch,high,new,,X,po:3,9,1.00,1.00,,1.00,EUR,GBP,INITIATION_COMPLETED,,2026-03-02T01:00:00.5Z,,0,4,
9,rejected_row,medium,new,,,,12,,,,,?,,,,,,0,4,
11,rejected_row,medium,new,,Z,,14,,,,,EUR,EUR,,,,2026-03-02,0,4,
12,rejected_row,medium,new,,Z,,15,,3.00,,3.00,EUR,EUR,,,,,0,4,
10,missing_at_provider,high,new,,Y,,13,,1000,-1000,1000,JPY,JPY,,PAID,,2026-03-02,0,4,
13,missing_in_ledger,high,new,,W,po:4,,0.00,,,0.00,?,,INITIATION_COMPLETED,,2026-03-02T01:00:00.5Z,,0,4,
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func ptrTo[T any](v T) *T { return &v }

// TestWriteCSV writes every sheet, privately, and every file can be read with one number of fields per table.
func TestWriteCSV(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "twins")
	b := buildSample(t, "month", Options{})
	if err := WriteCSV(t.Context(), dir, b, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(b.Sheets) {
		t.Errorf("%d files, want %d", len(entries), len(b.Sheets))
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", e.Name(), info.Mode())
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(f)
		if e.Name() != "totals.csv" && e.Name() != "breaks.csv" {
			r.FieldsPerRecord = -1
		}
		if records, err := r.ReadAll(); err != nil || len(records) == 0 {
			t.Errorf("%s: %d records, %v", e.Name(), len(records), err)
		}
		f.Close()
	}
	data, err := os.ReadFile(filepath.Join(dir, "breaks.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"DE000000370400440532", ",=HYPERLINK", ",\"=HYPERLINK"} {
		if strings.Contains(string(data), forbidden) {
			t.Errorf("breaks.csv holds %q", forbidden)
		}
	}
}

// TestCSVOfSplitSheet: a sheet that goes on is one CSV file with one heading.
func TestCSVOfSplitSheet(t *testing.T) {
	dir := t.TempDir()
	b := buildSample(t, "month", Options{MaxRows: 60})
	if err := WriteCSV(t.Context(), dir, b, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "totals.csv"))
	if err != nil {
		t.Fatal(err)
	}
	s := generate(scenarios["month"])
	if lines := strings.Count(string(data), "\n"); lines != len(s.Rec.Totals)+1 {
		t.Errorf("%d lines, want %d", lines, len(s.Rec.Totals)+1)
	}
}

// TestOneReportInAFolder: what an earlier report left in the folder goes, what is not ours stays, and a folder in nowhere is
// refused.
func TestOneReportInAFolder(t *testing.T) {
	dir := t.TempDir()
	s := generate(scenarios["month"])
	whole, err := Build(s.Facts, s.Rec, sampleOptions(s, Options{Matched: matchedOf(s)}))
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	if err := WriteCSV(t.Context(), dir, whole, func(done, total int) {
		if last = done; done > total {
			t.Errorf("progress %d of %d", done, total)
		}
	}); err != nil || last == 0 {
		t.Fatalf("%v, progress %d", err, last)
	}
	foreign := []string{"guide.csv", "notes.csv"}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("id,outcome,mine\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Rec = nil
	status, err := Build(s.Facts, nil, sampleOptions(s, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteCSV(t.Context(), dir, status, nil); err != nil {
		t.Fatal(err)
	}
	want := append([]string{}, foreign...)
	for _, sheet := range status.Sheets {
		want = append(want, CSVName(sheet.Name))
	}
	slices.Sort(want)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	err = WriteCSV(t.Context(), filepath.Join(dir, "none", "report"), status, nil)
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("a folder in nowhere: %v, want an input error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WriteCSV(ctx, dir, whole, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}
