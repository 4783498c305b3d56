package mirror

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// equal compares what was saved with what was read. A list that is empty and one that is nil are the same to every reader.
func equal(t interface {
	Helper()
	Errorf(string, ...any)
}, what string, got, want any,
) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.AllowUnexported(money.Amount{})); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

// anyBytes are texts as people and banks write them, and as nobody should.
var anyBytes = rapid.OneOf(
	rapid.String(),
	rapid.SampledFrom([]string{"", "\xff\xfe", "a\x00b", "it's \"quoted\"", "1;2\r\n3\t4", "\ufffd", `\ufffd`, "Žluťoučký \U0001f600", "\x1e\x1f", "caf\xe9", "\u2028<>&"}),
	rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }),
)

// fill sets v and everything in it to random values that the program could have made.
func fill(t *rapid.T, v reflect.Value) {
	switch to := v.Addr().Interface().(type) {
	case *money.Amount:
		*to = money.New(rapid.Int64().Draw(t, "units"), rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "?", ""}).Draw(t, "currency"))
		return
	case *payout.Outcome:
		*to = rapid.SampledFrom(payout.Outcomes).Draw(t, "outcome").Outcome
		return
	case *payout.Severity:
		*to = payout.Severity(rapid.IntRange(0, int(payout.Critical)).Draw(t, "severity"))
		return
	case *payout.Cell:
		*to = payout.Cell(rapid.IntRange(0, len(payout.Cells)).Draw(t, "cell"))
		return
	case *payout.ItemState:
		*to = payout.ItemState(rapid.IntRange(int(payout.ItemNew), int(payout.ItemReopened)).Draw(t, "state"))
		return
	case *payout.EntryClass:
		*to = payout.EntryClass(rapid.IntRange(0, int(payout.EntryFailed)).Draw(t, "class"))
		return
	case *payout.Day:
		*to = payout.Day(rapid.OneOf(rapid.Just(int(payout.NoDay)), rapid.IntRange(-20000, 40000)).Draw(t, "day"))
		return
	case *payout.Millis:
		*to = payout.Millis(rapid.Int64Range(-1e12, 4e12).Draw(t, "instant"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(anyBytes.Draw(t, "text"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 2).Draw(t, "length"), 2))
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[payout.Severity]int{payout.High: 3, payout.Low: rapid.Int().Draw(t, "count")}))
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

func TestReconciliationComesBackEqual(t *testing.T) {
	m := openTest(t)
	if _, err := m.w.Exec("PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	nextItem := int64(1)
	rapid.Check(t, func(t *rapid.T) {
		run, err := m.BeginRun(t.Context(), payout.Run{Command: "reconcile"})
		if err != nil {
			t.Fatal(err)
		}
		var want payout.Reconciliation
		fill(t, reflect.ValueOf(&want).Elem())
		want.Run = run
		for i := range want.Items {
			want.Items[i].ID = nextItem
			nextItem++
		}
		if len(want.Items) == 0 {
			want.Events = nil
		}
		for i := range want.Events {
			want.Events[i].Run, want.Events[i].Item = run, want.Items[0].ID
		}
		replay := []byte(anyBytes.Draw(t, "replay"))
		if err := m.SaveReconciliation(t.Context(), &want, nil, replay, nothingLeft); err != nil {
			t.Fatal(err)
		}
		for _, ask := range []int64{run, 0} {
			got, gotReplay, err := m.Reconciliation(t.Context(), ask)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "reconciliation", got, &want)
			equal(t, "replay", gotReplay, replay)
		}
		for _, item := range want.Items {
			got, events, err := m.Item(t.Context(), item.ID)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "item", got, item)
			if item.ID == want.Items[0].ID {
				equal(t, "events", events, want.Events)
			}
		}
	})
}

// sampleReconciliation is a run with n explained findings and n open items, the first of which has the id first.
func sampleReconciliation(run, first int64, n int) *payout.Reconciliation {
	r := &payout.Reconciliation{
		Run: run, Period: payout.Period{From: 20700, To: 20730}, AsOf: payout.Millis(run) * 86_400_000, Sequence: run * 10,
		Conclusion: payout.NotReconciled, OutcomeHash: fmt.Sprint("hash ", run), Breaks: payout.BreakCounts{Total: n},
	}
	for i := range n {
		f := payout.Finding{
			Outcome: payout.MissingInLedger, Severity: payout.High, RefID: fmt.Sprint("R-", i), Exposure: money.New(int64(i)*100, "EUR"),
			Payouts: []payout.PayoutRef{{ID: fmt.Sprint("po:", i), Amount: money.New(int64(i)*100, "EUR"), Status: payout.Completed}},
			Why:     strings.Repeat("it is not there; ", 5),
		}
		id := first + int64(i)
		r.Items = append(r.Items, payout.Item{ID: id, Finding: f, State: payout.ItemNew, FirstRun: run, LastRun: run, Due: payout.NoDay})
		r.Events = append(r.Events, payout.ItemEvent{Item: id, Run: run, At: r.AsOf, Kind: payout.EventNew})
		f.Outcome = payout.InFlight
		r.Explained = append(r.Explained, f)
	}
	return r
}

func beginRun(t testing.TB, m *Mirror) int64 {
	t.Helper()
	run, err := m.BeginRun(t.Context(), payout.Run{Command: "reconcile"})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestReconciliationOfAnOldRunShowsItemsAsTheyWere(t *testing.T) {
	m := openTest(t)
	first := sampleReconciliation(beginRun(t, m), 1, partSize+3)
	if err := m.SaveReconciliation(t.Context(), first, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	given := slices.Clone(first.Items)
	given[1].Disposition, given[1].Owner = &payout.Disposition{Kind: payout.DispositionAccepted, Reason: "known", By: "Kim", At: 5}, "treasury"
	if err := m.Decide(t.Context(), Decision{Item: given[1]}); err != nil {
		t.Fatal(err)
	}
	second := sampleReconciliation(beginRun(t, m), 1, 2)
	second.Items[0].State, second.Items[0].ClearedBy = payout.ItemCleared, "ledger"
	second.Items[0].ClearedAt = payout.MillisOf(m.clock())
	refused := errors.New("no space left")
	if err := m.SaveReconciliation(t.Context(), second, nil, nil, func() error { return refused }); !errors.Is(err, refused) {
		t.Fatalf("recorded although the caller was not ready: %v", err)
	}
	before := []int64{}
	for i := range given {
		before = append(before, given[i].ID)
	}
	if err := m.SaveReconciliation(t.Context(), second, before, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	then, err := m.ItemsBefore(t.Context(), second.Run)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "items that the second run was given", then, given)
	for _, want := range []*payout.Reconciliation{first, second} {
		got, _, err := m.Reconciliation(t.Context(), want.Run)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "reconciliation", got, want)
	}
	list, err := m.Reconciliations(t.Context(), 0)
	if err != nil || len(list) != 2 || list[0].Run != second.Run || list[1].OutcomeHash != "hash 1" || list[1].Open != partSize+3 {
		t.Errorf("Reconciliations() = %+v, %v; want the second, then the first", list, err)
	}
	_, events, err := m.Item(t.Context(), 1)
	if err != nil || len(events) != 2 {
		t.Errorf("item 1 has events %+v, %v; want one of each run", events, err)
	}
}

func TestSaveReconciliationIsAllOrNothing(t *testing.T) {
	m := openTest(t)
	r := sampleReconciliation(beginRun(t, m), 1, 3)
	r.Events = append(r.Events, payout.ItemEvent{Item: 1, Run: r.Run + 1, Kind: payout.EventNew})
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err == nil {
		t.Fatal("an event of another run was saved, want an error")
	}
	r.Events[3] = payout.ItemEvent{Item: 99, Run: r.Run, Kind: payout.EventNew}
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err == nil {
		t.Fatal("an event of an unknown item was saved, want an error")
	}
	if _, _, err := m.Reconciliation(t.Context(), 0); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("Reconciliation() = %v, want not found: nothing was saved", err)
	}
	if items, next, err := m.Items(t.Context()); err != nil || len(items) != 0 || next != 1 {
		t.Errorf("Items() = %v, %d, %v; want none, 1", items, next, err)
	}
	r.Events = r.Events[:3]
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err == nil {
		t.Error("one run was recorded twice, want an error")
	}
	if _, _, err := m.Reconciliation(t.Context(), 77); payout.KindOf(err) != payout.KindNotFound || !strings.Contains(err.Error(), "77") {
		t.Errorf("Reconciliation(77) = %v, want not found, naming the run", err)
	}
	if err := m.SaveReconciliation(t.Context(), sampleReconciliation(0, 1, 1), nil, nil, nothingLeft); err == nil {
		t.Error("a reconciliation without a run was recorded, want an error")
	}
}

func FuzzLossless(f *testing.F) {
	f.Add("a", "\xff", "\ufffd")
	f.Add("\x00", `\ufffd`, "caf\xe9 \U0001f600")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		want := []payout.Finding{{RefID: a, Rejected: []payout.RejectedRow{{Value: b, Text: c}}}, {Key: payout.Key(b), Why: a}}
		for i := range want {
			want[i].Outcome = payout.Unreadable
		}
		body, err := marshalLossless(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got []payout.Finding
		if err := unmarshalLossless(body, &got); err != nil {
			t.Fatal(err)
		}
		equal(t, "findings", got, want)
	})
}

func BenchmarkSaveReconciliation(b *testing.B) {
	m, err := Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for b.Loop() {
		if err := m.SaveReconciliation(b.Context(), sampleReconciliation(beginRun(b, m), 1, 10_000), nil, nil, nothingLeft); err != nil {
			b.Fatal(err)
		}
	}
}

// nothingLeft is a caller that has nothing else to do before a run is recorded.
func nothingLeft() error { return nil }

// Items that version 1 stored are read, without what it did not know.
func TestListsOfVersionOneAreRead(t *testing.T) {
	row := payout.RejectedRow{Line: 3, Column: "amount", Ref: "R", Text: "R;1o", Currency: "EUR", Day: 20_700}
	items := []payout.Item{{ID: 1, Finding: payout.Finding{Outcome: payout.Unreadable, Severity: payout.Medium, Rejected: []payout.RejectedRow{row}, Why: "why"}, State: payout.ItemNew}}
	old := archived(nil, &archive{writing: true, version: 1}, items, archiveItem)
	old[0] = 1
	got, err := unarchive(old, nil, archiveItem)
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(items)
	want[0].Rejected = []payout.RejectedRow{{Line: 3, Column: "amount", Ref: "R", Text: "R;1o"}}
	equal(t, "items of version 1", got, want)
	if got, err = unarchive(archived(nil, &archive{writing: true}, items, archiveItem), nil, archiveItem); err != nil {
		t.Fatal(err)
	}
	equal(t, "items", got, items)
}
