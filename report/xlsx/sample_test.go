package xlsx

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/report"
)

// samples are the inputs of which package report keeps the generator.
var samples = []string{"month", "day", "clean", "only-breaks", "empty"}

type sample struct {
	Facts *payout.Facts          `json:"facts"`
	Rec   *payout.Reconciliation `json:"reconciliation"`
}

func load(t testing.TB, name string) sample {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", "samples", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var s sample
	if err := json.Unmarshal(data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func build(t testing.TB, s sample, o report.Options) *report.Book {
	t.Helper()
	o.Generated, o.Version, o.Command, o.ConfigHash = s.Facts.AsOf+60_000, "1.0.0", "payrecon run", "ab12"
	o.PerformAgain = []string{"payrecon reconcile --again 42"}
	o.Settings = []report.Setting{{Name: "reconcile.match_window", Value: "10d", Meaning: "Records of one reference further apart than this are not matched."}}
	b, err := report.Build(s.Facts, s.Rec, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// written writes the book and returns its path.
func written(t testing.TB, b *report.Book) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.xlsx")
	if err := Write(context.Background(), path, b, Options{}); err != nil {
		t.Fatal(err)
	}
	return path
}

// matchedFinding is an agreed finding that holds all records of one row of Totals.
func matchedFinding(i int, total payout.Total) payout.Finding {
	f := payout.Finding{Outcome: payout.Matched, RefID: fmt.Sprintf("REF-%07d", i)}
	for n := range total.Payouts {
		p := payout.PayoutRef{ID: fmt.Sprintf("po:%07d-%d", i, n), RefID: f.RefID, Amount: money.New(0, total.Currency), Created: payout.MillisOf(total.Day.Start()), Status: payout.Completed}
		if n == 0 {
			p.Amount = money.New(total.PayoutAmount, total.Currency)
		}
		f.Payouts = append(f.Payouts, p)
	}
	for n := range total.Entries {
		e := payout.Entry{Line: i*1000 + int(n), Ref: f.RefID, Amount: money.New(0, total.Currency), Day: total.Day}
		if n == 0 {
			e.Amount = money.New(total.EntryAmount, total.Currency)
		}
		f.Entries = append(f.Entries, e)
	}
	return f
}
