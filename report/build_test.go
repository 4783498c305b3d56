package report

import (
	"bytes"
	"encoding/csv"
	"path/filepath"
	"testing"

	"payrecon/internal/payout"
)

func buildSample(t testing.TB, name string, o Options) *Book {
	t.Helper()
	s := generate(scenarios[name])
	b, err := Build(s.Facts, s.Rec, sampleOptions(s, o))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sampleOptions(s sample, o Options) Options {
	o.Generated, o.Version, o.Command = s.Facts.AsOf+60_000, "1.0.0", "payrecon run --ledger exports/ledger-2026-03.csv"
	o.ConfigHash = "ab12"
	o.PerformAgain = []string{"payrecon reconcile --again 42", "payrecon report --run 42 --matched"}
	o.Settings = []Setting{{"reconcile.match_window", "10d", "Records of one reference further apart than this are not matched."}, {"reconcile.stuck_after", "72h", "In flight longer than this is overdue."}}
	return o
}

// TestGoldenTwins compares the CSV twin of every sheet of the month with what it was.
func TestGoldenTwins(t *testing.T) {
	b := buildSample(t, "month", Options{})
	for _, s := range b.Sheets {
		var out bytes.Buffer
		w := csv.NewWriter(&out)
		if err := EncodeCSV(w, s); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		compare(t, filepath.Join("testdata", "month", CSVName(s.Name)), out.Bytes())
	}
}

// TestChecksSayOK is the proof of the proof: in consistent data no check shows a difference.
func TestChecksSayOK(t *testing.T) {
	for name := range scenarios {
		b := buildSample(t, name, Options{})
		n := 0
		for _, s := range b.Sheets {
			for i, r := range s.Rows {
				for _, c := range r.Cells {
					if c.Look != CheckLook {
						continue
					}
					n++
					if c.Text != "OK" {
						t.Errorf("%s: %s row %d: check shows %s, want OK", name, s.Name, i+1, c.Plain())
					}
				}
			}
		}
		if name != "empty" && n < 10 {
			t.Errorf("%s: %d checks, want at least 10", name, n)
		}
	}
}

// TestCheckFails changes one total: the workbook must notice.
func TestCheckFails(t *testing.T) {
	s := generate(scenarios["month"])
	s.Rec.Totals[0].PayoutCash += 100
	b, err := Build(s.Facts, s.Rec, sampleOptions(s, Options{}))
	if err != nil {
		t.Fatal(err)
	}
	verdict := b.Sheet(SheetSummary).Rows[3].Cells[0]
	if verdict.Look != Verdict || verdict.Text != "CHECK FAILED: no conclusion, see the checks on Reconciliation" {
		t.Errorf("verdict = %q (look %d), want CHECK FAILED", verdict.Text, verdict.Look)
	}
}

func TestSheetNames(t *testing.T) {
	matched := func(yield func(payout.Finding, error) bool) {}
	for _, c := range []struct {
		name string
		rec  bool
		want []string
	}{
		{"with a ledger", true, sheetOrder},
		{"mirror only", false, []string{SheetSummary, SheetStatus, SheetReconciling, SheetChanges, SheetFailures, SheetEvidence}},
	} {
		s := generate(scenarios["month"])
		if !c.rec {
			s.Rec = nil
		}
		b, err := Build(s.Facts, s.Rec, sampleOptions(s, Options{Matched: matched}))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if i >= len(b.Sheets) || b.Sheets[i].Name != want {
				t.Fatalf("%s: sheet %d is not %q", c.name, i+1, want)
			}
		}
		if len(b.Sheets) != len(c.want) {
			t.Errorf("%s: %d sheets, want %d", c.name, len(b.Sheets), len(c.want))
		}
	}
}
