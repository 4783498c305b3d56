package reconcile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// reconcileBulk runs n payouts against their ledger, from memory.
func reconcileBulk(t *testing.T, in Input, rows []payout.Row, entries []payout.Entry, rejected ...payout.RejectedRow) *payout.Reconciliation {
	t.Helper()
	in.Period = payout.Period{From: 20454, To: 20484}
	in.AsOf = time.Unix(20500*86400, 0)
	in.Clock = func() time.Time { return in.AsOf }
	for d := payout.Day(20400); d < 20500; d++ {
		in.Coverage.Days = append(in.Coverage.Days, payout.DayEvidence{Day: d, State: payout.DayComplete})
	}
	in.Coverage.OnBehalfOf = []string{""}
	in.Source = &blocks{memory{rows: rows}}
	r, err := reconcile(t.Context(), in, nil, func(_ context.Context, emit func(int, []payout.Entry) error) (payout.Intake, error) {
		for from := 0; from < len(entries); from += 1000 {
			if err := emit(from/1000%2, entries[from:min(from+1000, len(entries))]); err != nil {
				return payout.Intake{}, err
			}
		}
		return intakeOf(entries, rejected, in.Period), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSpillChangesNothing(t *testing.T) {
	rows, entries := bulk(20_000)
	var hashes []string
	for _, bound := range []int64{1, 300_000, 1 << 30} {
		dir := t.TempDir()
		agreed := 0
		in := Input{SpillDir: dir, Options: Options{MemoryBound: bound}}
		in.Matched = func(f payout.Finding) error {
			agreed++
			if agreed == 1 { // in the middle of things: nothing lies about, whatever happens to the process now
				if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
					t.Errorf("spill files can be seen: %q", left)
				}
			}
			return nil
		}
		r := reconcileBulk(t, in, rows, entries)
		hashes = append(hashes, r.OutcomeHash+fmt.Sprint(len(r.Items), agreed))
		if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	if hashes[0] != hashes[1] || hashes[1] != hashes[2] {
		t.Errorf("the memory bound changes outcomes: %q", hashes)
	}
}

func TestSpillFileIsPrivate(t *testing.T) {
	file, err := spillFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer closeSpill(file)
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o, want 600", mode)
	}
}

func TestSpillWithoutRoom(t *testing.T) {
	rows, entries := bulk(5_000)
	in := Input{SpillDir: filepath.Join(t.TempDir(), "missing"), Options: Options{MemoryBound: 1, Period: payout.Period{From: 20454, To: 20484}}}
	in.Source = &blocks{memory{rows: rows}}
	r, err := reconcile(t.Context(), in, nil, func(_ context.Context, emit func(int, []payout.Entry) error) (payout.Intake, error) {
		return payout.Intake{}, emit(0, entries)
	})
	if err == nil || r != nil {
		t.Errorf("got %v, %v, want an error", r, err)
	}
}

func TestMatchedInOrder(t *testing.T) {
	rows, entries := bulk(3_000)
	var days []payout.Day
	var refs []string
	in := Input{SpillDir: t.TempDir()}
	in.Matched = func(f payout.Finding) error {
		days, refs = append(days, f.Payouts[0].Created.Day()), append(refs, f.RefID)
		if f.Outcome != payout.Matched || f.Payouts[0].Account == "" || f.Entries[0].Line == 0 || f.Exposure.IsZero() || f.Key == "" {
			t.Errorf("not whole: %+v", f)
		}
		return nil
	}
	r := reconcileBulk(t, in, rows, entries)
	matched := int64(0)
	for _, total := range r.Totals {
		if total.Outcome.Class() == payout.Agreed {
			matched += total.Payouts
		}
	}
	if int64(len(days)) != matched || matched < 2_900 {
		t.Errorf("%d agreed findings, the totals have %d", len(days), matched)
	}
	if !slices.IsSorted(days) {
		t.Error("not in the order of days")
	}
	for i := range days {
		if i > 0 && days[i] == days[i-1] && refs[i] < refs[i-1] {
			t.Fatalf("not in the order of references: %s before %s", refs[i-1], refs[i])
		}
	}
}

// TestOneHugeKey: 40,000 records of one reference would take minutes if anything were quadratic.
func TestOneHugeKey(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		name   string
		amount func(i int) int64
		booked func(i int) int64
	}{
		{"all amounts differ", func(i int) int64 { return int64(i) * 100 }, func(i int) int64 { return int64(i) * 100 }},
		{"all amounts equal", func(int) int64 { return 100 }, func(int) int64 { return 100 }},
		{"all within tolerance", func(i int) int64 { return int64(i) * 100 }, func(i int) int64 { return int64(i)*100 + 7 }},
		{"all equal but for the tolerance", func(int) int64 { return 100 }, func(int) int64 { return 107 }},
		{"half reversed", func(i int) int64 { return 100 + int64(i%7) }, func(i int) int64 { return (100 + int64(i/2%7)) * int64(1-i%2*2) }},
		{"nothing agrees", func(i int) int64 { return 1_000_000 + int64(i) }, func(i int) int64 { return 1 + int64(i%3) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, entries := make([]payout.Row, n), make([]payout.Entry, n)
			for i := range n {
				created := payout.Millis(20454+i*31/n)*millisDay + payout.Millis(i%1000)
				rows[i] = payout.Row{ID: fmt.Sprintf("p%06d", i), RefID: "ONE", Units: c.amount(i), Currency: "EUR", Status: payout.Completed, Created: created, Changed: created}
				entries[i] = payout.Entry{Line: i + 2, Ref: "ONE", Amount: money.New(c.booked(i), "EUR"), Day: payout.Day(20454 + i*17%31)}
			}
			r := reconcileBulk(t, Input{SpillDir: t.TempDir(), Options: Options{Tolerance: map[string]int64{"EUR": 10}, MinOverlap: -1}}, rows, entries)
			if !r.Accounted {
				t.Error("not accounted for")
			}
		})
	}
}

// TestOneHugeKeyOfAdditions: every added entry names the payout that it stands beside, which comes after all failed ones; every
// failed pair names it too. Looking for it among all payouts, once for each, would be quadratic.
func TestOneHugeKeyOfAdditions(t *testing.T) {
	n := 40_000
	if testing.Short() {
		n = 6_000
	}
	rows := make([]payout.Row, 0, n+1)
	entries := make([]payout.Entry, 0, 2*n+1)
	pair := func(id string, units int64, status payout.Status, hour int) {
		created := 20454*millisDay + payout.Millis(hour*millisHour)
		rows = append(rows, payout.Row{ID: id, RefID: "ONE", Units: units, Currency: "EUR", Status: status, Created: created, Changed: created})
		entries = append(entries, payout.Entry{Line: len(entries) + 2, Ref: "ONE", Amount: money.New(units, "EUR"), Day: 20454})
	}
	for i := range n {
		pair(fmt.Sprintf("d%06d", i), 1000+int64(i), payout.Rejected, 1)
		entries = append(entries, payout.Entry{Line: len(entries) + 2, Ref: "ONE", Amount: money.New(1_000_000+int64(i), "EUR"), Day: 20454})
	}
	pair("live", 7, payout.Completed, 9)
	r := reconcileBulk(t, Input{SpillDir: t.TempDir(), Options: Options{MinOverlap: -1}}, rows, entries)
	if len(r.Items) != 2*n {
		t.Fatalf("%d items, want %d", len(r.Items), 2*n)
	}
	for _, item := range r.Items {
		if !strings.Contains(item.Why, "payout live of") {
			t.Fatalf("the payout that completed is not in %q", item.Why)
		}
	}
}

// TestManyAlike would take hours if hints, or unreadable rows, looked at all pairs of what is alike.
func TestManyAlike(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	payoutAt := func(i int, ref string, day payout.Day) payout.Row {
		created := payout.Millis(day) * millisDay
		return payout.Row{ID: fmt.Sprintf("p%06d", i), RefID: ref, Units: 1_000_000 + int64(i), Currency: "EUR", Status: payout.Completed, Created: created, Changed: created}
	}
	for _, c := range []struct {
		name string
		row  func(i int) payout.Row
		ent  func(i int) payout.Entry
	}{
		{"references with a common beginning", func(i int) payout.Row {
			return payoutAt(i, fmt.Sprintf("PAYROLL-2026-NOVEMBER-THE-WHOLE-GROUP-%06d", i), 20454)
		}, func(i int) payout.Entry {
			return payout.Entry{Ref: fmt.Sprintf("PAYROLL-2026-NOVEMBER-THE-WHOLE-GROUP-9%06d", i), Amount: money.New(int64(i)+1, "EUR"), Day: 20454}
		}},
		{"one reference, used again much later", func(i int) payout.Row { return payoutAt(i, "RENT", 20454) }, func(i int) payout.Entry {
			return payout.Entry{Ref: "RENT", Amount: money.New(int64(i)+1, "EUR"), Day: 20480}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, entries := make([]payout.Row, n), make([]payout.Entry, n)
			for i := range n {
				rows[i], entries[i] = c.row(i), c.ent(i)
				entries[i].Line = i + 2
			}
			r := reconcileBulk(t, Input{SpillDir: t.TempDir(), Options: Options{MinOverlap: -1}}, rows, entries)
			if !r.Accounted || len(r.Items) != 2*n {
				t.Errorf("%d items, want %d", len(r.Items), 2*n)
			}
		})
	}
	t.Run("one reference, on an unreadable row", func(t *testing.T) {
		rows := make([]payout.Row, n)
		for i := range rows {
			rows[i] = payoutAt(i, "RENT", 20454)
		}
		r := reconcileBulk(t, Input{SpillDir: t.TempDir(), Options: Options{MinOverlap: -1}}, rows, []payout.Entry{{Line: 2, Ref: "OTHER", Day: 20400}, {Line: 3, Ref: "OTHER", Day: 20500}},
			payout.RejectedRow{Line: 4, Ref: "RENT", Text: "RENT,?", Amount: money.New(5, "EUR")})
		if len(r.Items) != 1 || len(r.Items[0].Payouts) != n || r.Items[0].Outcome != payout.Unreadable {
			t.Errorf("%d items, want one unreadable row with all %d payouts", len(r.Items), n)
		}
	})
}

// TestManyPayeesOfOneReference: a payroll under one reference, of equal amounts too, lacks one entry.
func TestManyPayeesOfOneReference(t *testing.T) {
	s := newScene(t)
	var text strings.Builder
	for i := range 500 {
		fmt.Fprintf(&text, "P p%03d %d COMPLETED 01-15 acct=A%d\n", i, 1000+i%50, i)
		if i != 250 {
			fmt.Fprintf(&text, "E e%03d %d paid 01-15\n", i, 1000+i%50)
		}
	}
	s.records(t, text.String())
	r := s.run(t)
	agreed := 0
	for _, f := range s.agreed {
		if f.Outcome != payout.Matched || f.Payouts[0].Amount != f.Entries[0].Amount {
			t.Errorf("%s of %v and %v", brief(&f), f.PayoutSums, f.EntrySums)
		}
		agreed++
	}
	if agreed != 499 || len(r.Items) != 1 || len(r.Explained) != 0 {
		t.Fatalf("%d agreed, %d explained, items %+v", agreed, len(r.Explained), r.Items)
	}
	if f := &r.Items[0].Finding; f.Outcome != payout.MissingInLedger || f.Exposure != amount(t, "1000", "EUR") {
		t.Errorf("%s of %s, want one payout of 1000.00 EUR that is not in the ledger", brief(f), f.Exposure)
	}
}

// TestUnreadableRowLeavesItsKeyAlone: what an unreadable row takes out of a key is still there for the key's other findings.
func TestUnreadableRowLeavesItsKeyAlone(t *testing.T) {
	s := newScene(t)
	s.records(t, `P p1 100 COMPLETED 01-01
		E e1 100 paid 01-01
		E e2 70 paid 01-15
		P p2 50 COMPLETED 01-31
		X R R;5o`)
	for _, item := range s.run(t).Items {
		if len(item.Entries) == 1 && !strings.Contains(item.Hint, "of 2026-01-01, 14 days earlier") {
			t.Errorf("the hint of e2 is %q, want p1, the nearest payout of the reference", item.Hint)
		}
	}
}

func TestPlainRefIsItsOwnKey(t *testing.T) {
	for _, ref := range []string{"", "-", "0", "n/a", "none", "None", "abcd", "abcde", " abcde", "abcde ", "abcde\u00a0", "\x00abcde", "a b c", "ab\x00cd", "\u2003abcd", "abcd\xff", "12345"} {
		key, ok := payout.KeyOf(ref, "", false)
		if plainRef(ref) && (!ok || string(key) != ref) {
			t.Errorf("%q is taken for its own key; KeyOf says %q, %t", ref, key, ok)
		}
	}
}

// TestEntriesComeBack: what a record holds is what went in; mapped status words are kept once, not with every entry.
func TestEntriesComeBack(t *testing.T) {
	s := newScene(t)
	s.records(t, `E e1 100 paid 01-05
		E e2 -100 gebucht - ref=_S_ text=Rent
		E e3 1USD - 2025-12-31
		E e4 1USD settled 01-06 obo=sub`)
	m := &matcher{o: s.withDefaults()}
	j := newJoin(m, &s.Input, newOpenItems(nil, false))
	c := j.coder()
	size := map[string]int{}
	for i := range s.entries {
		e := &s.entries[i]
		key, ok := payout.KeyOf(e.Ref, "", false)
		if !ok {
			t.Fatal(e.Ref)
		}
		b := c.appendEntry(nil, e, string(key), 7)
		if got := j.decodeEntry(b); got != *e {
			t.Errorf("got %+v, want %+v", got, *e)
		}
		size[e.Document] = len(b)
	}
	if size["e1"] != size["e4"] {
		t.Errorf("records of %d and %d bytes: the status word is in them", size["e1"], size["e4"])
	}
	if got := len(j.word.words); got != 3 {
		t.Errorf("%d words are kept (%q), want 3: one that is not mapped stays with its entry", got, j.word.words)
	}
}
