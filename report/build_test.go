package report

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"testing"

	"payrecon/internal/money"
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

// TestGoldenTwins compares the CSV twin of every sheet with what it was: of a month, and of one without a ledger.
func TestGoldenTwins(t *testing.T) {
	month := generate(scenarios["month"])
	mirror := generate(scenarios["clean"])
	mirror.Rec = nil
	for name, c := range map[string]struct {
		sample
		o Options
	}{
		"month":  {month, Options{Matched: matchedOf(month)}},
		"mirror": {mirror, Options{NoLedger: "The ledger could not be read."}},
	} {
		b, err := Build(c.Facts, c.Rec, sampleOptions(c.sample, c.o))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range b.Sheets {
			var out bytes.Buffer
			w := csv.NewWriter(&out)
			if err := encodeCSV(w, s, func() error { return nil }); err != nil {
				t.Fatal(err)
			}
			w.Flush()
			compare(t, filepath.Join("testdata", name, CSVName(s.Name)), out.Bytes())
		}
	}
}

// matchedOf makes one agreed finding of each row of the totals that agrees.
func matchedOf(s sample) iter.Seq2[payout.Finding, error] {
	return func(yield func(payout.Finding, error) bool) {
		for i, total := range s.Rec.Totals {
			ref := fmt.Sprintf("REF-%04d", i)
			f := payout.Finding{
				Outcome: payout.Matched, RefID: ref,
				Payouts: []payout.PayoutRef{{ID: "po:" + ref, Amount: money.New(total.PayoutAmount, total.Currency), Created: payout.MillisOf(total.Day.Start()), Status: payout.Completed}},
				Entries: []payout.Entry{{Line: i + 2, Ref: ref, Amount: money.New(total.EntryAmount, total.Currency), Day: total.Day}},
			}
			for n := int64(1); n < total.Payouts; n++ { // the rest of them, of nothing
				f.Payouts = append(f.Payouts, payout.PayoutRef{ID: fmt.Sprintf("po:%s-%d", ref, n), Amount: money.New(0, total.Currency), Created: f.Payouts[0].Created})
				f.Entries = append(f.Entries, payout.Entry{Line: 10_000*int(n) + i, Amount: money.New(0, total.Currency), Day: total.Day})
			}
			if total.Outcome == payout.Matched && !yield(f, nil) {
				return
			}
		}
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

// TestSplit lays the month out on sheets of 60 rows: tables go on, nothing is lost, every formula still reads all of it.
func TestSplit(t *testing.T) {
	s := generate(scenarios["month"])
	b := buildSample(t, "month", Options{MaxRows: 60, Matched: func(yield func(payout.Finding, error) bool) {
		for range 130 {
			if !yield(payout.Finding{Outcome: payout.Matched}, nil) {
				return
			}
		}
	}})
	rows := map[string]int{}
	var names []string
	for _, sheet := range b.Sheets {
		names = append(names, sheet.Name)
		if sheet.Table() && sheet.LastRow() > 60 {
			t.Errorf("%s has %d rows, want at most 60", sheet.Name, sheet.LastRow())
		}
		name, _, _ := strings.Cut(sheet.Name, " ")
		rows[name] += sheet.LastRow() - sheet.Heading
		n := 0
		if sheet.Stream != nil {
			for range sheet.Stream {
				n++
			}
			if n != sheet.StreamRows {
				t.Errorf("%s yields %d rows, announced %d", sheet.Name, n, sheet.StreamRows)
			}
		}
	}
	if rows["Totals"] != len(s.Rec.Totals) || rows["Matched"] != 130 {
		t.Errorf("%d rows of totals, %d matched; want %d, 130", rows["Totals"], rows["Matched"], len(s.Rec.Totals))
	}
	all := strings.Join(names, ",")
	if !strings.Contains(all, "Matched,Matched 2,Matched 3,Totals,Totals 2,") || !strings.Contains(all, "Breaks,Breaks 2,Reconciling items,") {
		t.Errorf("sheets %s", all)
	}
}

// TestMatchedMax shows as many as were asked for, and says so.
func TestMatchedMax(t *testing.T) {
	b := buildSample(t, "day", Options{MatchedMax: 3, Matched: func(yield func(payout.Finding, error) bool) {
		for range 10 {
			if !yield(payout.Finding{Outcome: payout.Matched}, nil) {
				return
			}
		}
	}})
	s := b.Sheet(SheetMatched)
	if s.StreamRows != 3 || !strings.HasPrefix(s.Rows[2].Cells[0].Text, "The first 3 of 10") {
		t.Errorf("%d rows, %q", s.StreamRows, s.Rows[2].Cells[0].Text)
	}
}

func TestMatchedFails(t *testing.T) {
	s := generate(scenarios["day"])
	broken := errors.New("spool is gone")
	_, err := Build(s.Facts, s.Rec, Options{Matched: func(yield func(payout.Finding, error) bool) { yield(payout.Finding{}, broken) }})
	if !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
}

// TestMasked looks for a whole account number anywhere in the book.
func TestMasked(t *testing.T) {
	for _, unmask := range []bool{false, true} {
		found := false
		for _, s := range buildSample(t, "month", Options{Unmask: unmask}).Sheets {
			for _, r := range s.Rows {
				for _, c := range r.Cells {
					found = found || strings.Contains(c.Text, "0000037040044053") || strings.Contains(c.Text, "settlement-account") ||
						strings.Contains(c.Text, "0532 0130") || strings.Contains(c.Text, "60161331926819")
				}
			}
		}
		if found != unmask {
			t.Errorf("unmask %t: account shown %t", unmask, found)
		}
	}
}

// TestMoved: a figure, a status or a member that changes is told with its column; notes, ages and lines of a file are not.
func TestMoved(t *testing.T) {
	item := generate(scenarios["month"]).Rec.Items[0]
	row := func(it payout.Item) BreaksRow {
		cells := (&builder{}).breakRow(&it)
		raw := make([]RawCell, len(breaksLayout))
		for i := range raw {
			raw[i] = RawCell{Column: i, Value: cells[i].Canonical(), Number: cells[i].Kind != Text}
		}
		_, hashes := ParseProof(cells[len(cells)-1].Text)
		return InterpretRow(SheetBreaks, 9, raw, hashes)
	}
	wrote := row(item)
	if len(wrote.Problems) > 0 {
		t.Fatalf("a row as it was written: %v", wrote.Problems)
	}
	same, other := item, item
	same.Note, same.AgeDays, same.Why, same.State, same.Severity = "x", 99, "y", payout.ItemCarried, payout.Low
	same.Entries = append([]payout.Entry(nil), item.Entries...)
	for i := range same.Entries {
		same.Entries[i].Line += 7
	}
	if code, shows, moved := wrote.Moved(same); moved {
		t.Errorf("column %s, %q: taken for another figure", code, shows)
	}
	if code, shows, moved := wrote.Moved(same, "owner", "note"); !moved || code != "note" || shows != "x" {
		t.Errorf("another note: column %s, %q, %t", code, shows, moved)
	}
	other.Payouts = append([]payout.PayoutRef(nil), item.Payouts...)
	other.Payouts[0].Status = payout.Failed
	if code, shows, moved := wrote.Moved(other); !moved || code != "payout_status" || shows != payout.Failed.Words() {
		t.Errorf("another status: column %s, %q, %t", code, shows, moved)
	}
	if run, hash, ok := ParseProofHeading(proofHeading(42, "ab")); run != 42 || hash != "ab" || !ok {
		t.Errorf("heading read back as %d %q %t", run, hash, ok)
	}
}

// TestMaskedText masks what looks like an IBAN in a row of the ledger, and nothing else.
func TestMaskedText(t *testing.T) {
	for in, want := range map[string]string{
		"INV-1;12.00;DE89370400440532013000;paid":                "INV-1;12.00;DE****************3000;paid",
		"DE89 3704 0044 0532 0130 00 Payment of 2026-03-01":      "DE** **** **** **** ***0 00 Payment of 2026-03-01",
		"gb29nwbk60161331926819":                                 "******************6819",
		"INV-2026-000123;1O,00;EUR;BOOKED;2026-03-01;RE12345678": "INV-2026-000123;1O,00;EUR;BOOKED;2026-03-01;RE12345678",
	} {
		if got := (&builder{}).masked(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	f := payout.Finding{Why: `the ledger row "X;DE89370400440532013000" could not be read`, Rejected: []payout.RejectedRow{{}}}
	if got, want := (&builder{}).why(&f), `the ledger row "X;DE****************3000" could not be read`; got != want {
		t.Errorf("the reason became %q, want %q", got, want)
	}
}

// TestFiguresFit: a figure wider than its column is shown as ####.
func TestFiguresFit(t *testing.T) {
	for _, s := range buildSample(t, "month", Options{}).Sheets {
		for i, r := range s.Rows {
			for j, c := range r.Cells {
				if c.Kind == Money && len(thousands(c.Number/10_000)) > s.Columns[j].Width-3 {
					t.Errorf("%s, row %d: %s in %d characters", s.Name, i+1, c.Plain(), s.Columns[j].Width)
				}
			}
		}
	}
}

func TestFileName(t *testing.T) {
	day, _ := payout.ParseDay("2026-01-01")
	for _, c := range []struct {
		book       Book
		reconciled bool
		want       string
	}{
		{Book{Entity: "Example & Sons, Ltd.", Period: payout.Period{From: day, To: day + 30}, Run: 42}, true, "example-sons-ltd_2026-01-01_2026-01-31_reconciliation_run-000042.xlsx"},
		{Book{Period: payout.Period{From: day, To: day}}, false, "payouts_2026-01-01_status_not-recorded.xlsx"},
		{Book{Entity: "../../etc/passwd", Period: payout.Period{From: day, To: day}, Run: 1}, true, "etc-passwd_2026-01-01_reconciliation_run-000001.xlsx"},
	} {
		if got := FileName(&c.book, c.reconciled, ".xlsx"); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestOddInputs builds books of what nearly is nothing, and looks for the words that say so.
func TestOddInputs(t *testing.T) {
	day := func(change func(*sample)) sample {
		s := generate(scenarios["day"])
		change(&s)
		return s
	}
	nothing := generate(scenarios["empty"])
	onlyRejected := generate(scenarios["empty"])
	onlyRejected.Rec.Ledger.Rejected = []payout.RejectedRow{{Line: 2, Column: "amount", Reason: "not an amount"}, {Line: 3, Column: "amount", Reason: "not an amount"}}
	onlyRejected.Rec.Ledger.Rows, onlyRejected.Rec.Ledger.FilteredN = 2, 0
	for name, c := range map[string]struct {
		sample
		want map[string][]string // by sheet
	}{
		"empty period": {nothing, map[string][]string{
			SheetSummary: {"The ledger holds no rows.", "The provider shows no payout in the period.", "Neither side has a record in the period.", "No open items.", "RECONCILED"},
			SheetStatus:  {"No payouts in the period."}, SheetStatement: {"Neither side has a record in the period, so there is nothing to tie out."},
			SheetBreaks: {"No open items."}, SheetTotals: {"No payout and no ledger entry in the period."}, SheetReconciling: {"No reconciling items.", "Nothing is in flight."},
			SheetRollForward: {"No item was open before this run, and none is open after it."}, SheetRejected: {"Every row could be read.", "No filter took a row out."},
		}},
		"no ledger": {day(func(s *sample) { s.Rec = nil }), map[string][]string{
			SheetSummary: {"NOT RECONCILED", "No ledger was compared: this workbook shows what the provider's records say, and nothing else."},
		}},
		"nothing at all": {sample{Facts: &payout.Facts{}}, map[string][]string{SheetSummary: {"No payouts in the period.", "Nothing is in flight."}}},
		"a day that the run's sync did not get to": {day(func(s *sample) { s.Rec.Gaps = []payout.Day{s.Rec.Period.From} }), map[string][]string{
			SheetSummary: {"Provider: 1 of 1 ended day complete; not shown complete to this run: 2026-03-01."},
		}},
		"no payouts": {day(func(s *sample) {
			s.Facts.Breakdown, s.Facts.InFlight, s.Rec.Explained = nil, nil, nil
			s.Rec.Totals = []payout.Total{{Currency: "EUR", Day: s.Rec.Period.From, Outcome: payout.MissingAtProvider, Entries: 2, EntryAmount: 5, EntryCash: 5}}
		}), map[string][]string{SheetSummary: {"The provider shows no payout in the period."}, SheetStatus: {"No payouts in the period."}}},
		"only rejected rows": {onlyRejected, map[string][]string{
			SheetSummary:  {"The ledger holds no entry that could be compared: of 2 rows, 2 are unreadable and 0 are filtered out."},
			SheetRejected: {"not an amount", "amount not readable", "All unreadable rows"},
		}},
		"entries of other days": {day(func(s *sample) {
			for i := range s.Rec.Totals {
				s.Rec.Totals[i].Entries = 0
			}
		}), map[string][]string{SheetSummary: {"The ledger holds no entry of the period: 41 are outside it."}}},
		"another currency": {day(func(s *sample) {
			s.Rec.Totals = s.Rec.Totals[1:] // without the payout that has no amount
			for i := range s.Rec.Totals {
				if x := &s.Rec.Totals[i]; x.Entries > 0 {
					x.Currency, x.Payouts = "USD", 0
				}
			}
		}), map[string][]string{SheetSummary: {"The ledger is in USD and the payouts are in EUR: no currency is on both sides, so nothing can agree."}}},
	} {
		b, err := Build(c.Facts, c.Rec, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for sheet, words := range c.want {
			said := map[string]bool{}
			for _, r := range b.Sheet(sheet).Rows {
				for _, cell := range r.Cells {
					said[cell.Text] = true
				}
			}
			for _, w := range words {
				if !said[w] {
					t.Errorf("%s: no cell of %s says %q", name, sheet, w)
				}
			}
		}
	}
}
