package mirror

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

func TestItemsAreOpenOrClearedLately(t *testing.T) {
	now := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	m, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), Options{Clock: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := sampleReconciliation(beginRun(t, m), 1, 6)
	for i, state := range []payout.ItemState{payout.ItemNew, payout.ItemOpen, payout.ItemCarried, payout.ItemReopened} {
		r.Items[i].State = state
	}
	r.Items[4].State, r.Items[4].ClearedAt = payout.ItemCleared, payout.MillisOf(now.AddDate(0, 0, -399))
	r.Items[5].State, r.Items[5].ClearedAt = payout.ItemCleared, payout.MillisOf(now.AddDate(0, 0, -401))
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	items, next, err := m.Items(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "items", items, r.Items[:5])
	if next != 7 {
		t.Errorf("the next id is %d, want 7: the number of an item that is left out is not given again", next)
	}
	all, err := m.AllItems(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "all items", all, r.Items)
	if last, _, err := m.Item(t.Context(), 6); err != nil || last.State != payout.ItemCleared {
		t.Errorf("Item(6) = %+v, %v; want the one cleared long ago", last, err)
	}
	if _, _, err := m.Item(t.Context(), 7); payout.KindOf(err) != payout.KindNotFound || !strings.Contains(err.Error(), "item 7") {
		t.Errorf("Item(7) = %v, want not found, naming it", err)
	}
}

func TestDecideTakesWhatAPersonDecides(t *testing.T) {
	m := openTest(t)
	r := sampleReconciliation(beginRun(t, m), 1, 2)
	r.Items[1].State, r.Items[1].ClearedBy, r.Items[1].ClearedAt = payout.ItemCleared, "payout", payout.MillisOf(time.Now())
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	want := r.Items[0]
	want.Disposition = &payout.Disposition{Kind: payout.DispositionAccepted, Until: 20800, Reason: "known", By: "Kim", At: 5}
	want.Due, want.Owner, want.Note = 20790, "treasury", "see \xff"
	asked := want
	asked.Why, asked.State, asked.Exposure = "edited", payout.ItemCleared, r.Items[1].Exposure // nobody decides about facts
	event := payout.ItemEvent{Run: 99, At: 5, Kind: payout.EventDisposition, To: payout.DispositionAccepted, By: "Kim", Text: "known"}
	if err := m.Decide(t.Context(), Decision{asked, event}); err != nil {
		t.Fatal(err)
	}
	got, events, err := m.Item(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "item", got, want)
	event.Item, event.Run = 1, 0
	equal(t, "events", events, []payout.ItemEvent{r.Events[0], event})

	asked.ID = 2
	if err := m.Decide(t.Context(), Decision{asked, event}); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "item 2 was cleared by payout") {
		t.Errorf("a decision about a cleared item = %v, want it refused", err)
	}
	asked.ID = 3
	if err := m.Decide(t.Context(), Decision{asked, event}); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("a decision about no item = %v, want not found", err)
	}
	other := want
	other.Owner = "nobody"
	if err := m.Decide(t.Context(), Decision{other, event}, Decision{asked, event}); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("two decisions, one about no item = %v, want not found", err)
	}
	if got, events, err := m.Item(t.Context(), 1); err != nil || got.Owner != want.Owner || len(events) != 2 {
		t.Errorf("of decisions that are refused together one was kept: owner %q, %d events, %v", got.Owner, len(events), err)
	}
	before, _, err := m.Reconciliation(t.Context(), r.Run)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the run after a person's decision", before, r)
}

// TestDispositionTakenBack: nothing replaces something, be it what a person decided since or what a run left.
func TestDispositionTakenBack(t *testing.T) {
	m := openTest(t)
	r := sampleReconciliation(beginRun(t, m), 1, 1)
	r.Items[0].Disposition = &payout.Disposition{Kind: payout.DispositionAccepted, Until: 20800, Reason: "known", By: "Kim", At: 5}
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	item := r.Items[0]
	for _, decided := range []*payout.Disposition{nil, r.Items[0].Disposition, nil} {
		item.Disposition = decided
		if err := m.Decide(t.Context(), Decision{Item: item}); err != nil {
			t.Fatal(err)
		}
		got, _, err := m.Item(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "item", got, item)
	}
}

func TestItemEventsAreAppendOnly(t *testing.T) {
	m := openTest(t)
	if err := m.SaveReconciliation(t.Context(), sampleReconciliation(beginRun(t, m), 1, 1), nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`UPDATE item_events SET text = 'x'`, `DELETE FROM item_events`} {
		if _, err := m.w.Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want it refused", statement, err)
		}
	}
}

// News of an item is what a run did to it, except that it only went on or went away.
func TestMovedAfter(t *testing.T) {
	m := openTest(t)
	for kind, news := range map[string]bool{
		payout.EventNew: true, payout.EventReopened: true, payout.EventReclassified: true, payout.EventRemeasured: true, payout.EventRaised: true,
		payout.EventLapsed:  true,
		payout.EventCarried: false, payout.EventCleared: false, payout.EventDisposition: false, payout.EventNote: false,
	} {
		r := sampleReconciliation(beginRun(t, m), 1, 1)
		r.Events = []payout.ItemEvent{{Item: 1, Run: r.Run, Kind: kind}, {Item: 1, Run: r.Run, Kind: kind}}
		if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
			t.Fatal(err)
		}
		got, err := m.MovedAfter(t.Context(), r.Run-1)
		if later, _ := m.MovedAfter(t.Context(), r.Run); err != nil || len(got) == 1 != news || len(later) > 0 {
			t.Errorf("after an event %q: items %v, and %v after its run; want one item %v, %v", kind, got, later, news, err)
		}
	}
}

// A disposition that a person took back since a run is news, until a later run is told.
func TestMovedByAPerson(t *testing.T) {
	m := openTest(t)
	save := func(started payout.Millis) int64 {
		run, err := m.BeginRun(t.Context(), payout.Run{Command: "run", Started: started})
		if err == nil {
			r := sampleReconciliation(run, 1, 2)
			r.Events = nil
			err = m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft)
		}
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	first := save(1000)
	for id, kind := range map[int64]string{1: payout.EventWithdrawn, 2: payout.EventDisposition} {
		item, _, err := m.Item(t.Context(), id)
		if err == nil {
			err = m.Decide(t.Context(), Decision{item, payout.ItemEvent{At: 2000, Kind: kind, By: "Kim"}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	second := save(3000)
	for run, want := range map[int64][]int64{first: {1}, second: nil} {
		if got, err := m.MovedAfter(t.Context(), run); err != nil || !slices.Equal(got, want) {
			t.Errorf("moved after run %d: %v, %v; want %v", run, got, err, want)
		}
	}
}

func TestJobs(t *testing.T) {
	m := openTest(t)
	if _, ok, err := m.LastJob(t.Context(), "nightly"); ok || err != nil {
		t.Errorf("LastJob of a job that never ran = %v, %v; want none", ok, err)
	}
	runs := []payout.JobRun{
		{Job: "nightly", DueDay: 20600, Due: 100, Started: 101, Ended: 102, Outcome: "ok", Words: "done"},
		{Job: "nightly", DueDay: 20601, Due: 200, Started: 201, Outcome: "running"},
		{Job: "nightly", DueDay: 20601, Due: 205, Started: 206, Outcome: "running"},
		{Job: "other", DueDay: 20700, Due: 300, Started: 301, Ended: 302, Outcome: "failed", Words: "no"},
	}
	for _, r := range runs {
		if err := m.SaveJob(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	runs[2].Ended, runs[2].Outcome, runs[2].Words = 207, "breaks", "2 breaks"
	if err := m.SaveJob(t.Context(), runs[2]); err != nil {
		t.Fatal(err)
	}
	if last, ok, err := m.LastJob(t.Context(), "nightly"); err != nil || !ok || last != runs[2] {
		t.Errorf("LastJob = %+v, %v, %v; want %+v", last, ok, err, runs[2])
	}
	list, err := m.JobRuns(t.Context(), "nightly", 2)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "starts", list, []payout.JobRun{runs[2], runs[1]})
}
