package mirror

import (
	"crypto/md5"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

const (
	hour = payout.Millis(3_600_000)
	day  = 24 * hour
)

// at is an instant: the day of the test's January 2026, and an hour of it.
func at(dayOfJanuary, hourOfDay int) payout.Millis {
	first, _ := payout.ParseDay("2026-01-01")
	return payout.MillisOf(first.Start()) + payout.Millis(dayOfJanuary-1)*day + payout.Millis(hourOfDay)*hour
}

// said is a payout as the API says it at an instant.
func said(id string, created, updated payout.Millis, status payout.Status, units int64, account, reason string) payout.Payout {
	p := payout.Payout{
		ID: id, MemberID: "m:1", Created: created, Updated: updated, Status: status, RefID: "R-" + id,
		Amount: money.New(units, "EUR"), Reason: reason, Creditor: payout.Creditor{IBAN: account}, Raw: []byte("{}"),
	}
	p.Hash = md5.Sum(fmt.Appendf(nil, "%+v", p))
	return p
}

func ids(refs []payout.PayoutRef) []string {
	list := []string{}
	for _, r := range refs {
		list = append(list, r.ID)
	}
	return list
}

// endedRun begins and ends a run.
func endedRun(t *testing.T, m *Mirror, command string, started payout.Millis) int64 {
	t.Helper()
	id, err := m.BeginRun(t.Context(), payout.Run{Command: command, Started: started})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.EndRun(t.Context(), payout.Run{ID: id, Ended: started + 1, Words: "done"}); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestFacts(t *testing.T) {
	m := openTest(t)
	if err := m.Bind(t.Context(), "https://api.example.com"); err != nil {
		t.Fatal(err)
	}
	commit(t, m, "", at(10, 2),
		said("old", at(1, 9), at(1, 9), payout.Processing, 500, "A", ""),
		said("late", at(5, 9), at(5, 9), payout.Pending, 700, "B", ""),
		said("back", at(6, 9), at(6, 10), payout.Completed, 900, "C", ""),
		said("odd", at(8, 9), at(8, 9), "INITIATION_ODD", 100, "", ""),
		said("dead", at(9, 9), at(9, 9), payout.Rejected, 100, "", "no such account"),
		said("same", at(7, 9), at(7, 9), payout.Completed, 300, "D", ""),
		said("young", at(10, 1), at(10, 1), payout.Pending, 300, "E", ""), // of the day of the first report
	)
	first := endedRun(t, m, "run", at(10, 2))
	commit(t, m, "", at(11, 2),
		said("late", at(5, 9), at(10, 9), payout.Processing, 700, "B", ""),
		said("today", at(10, 1), at(10, 1), payout.Pending, 700, "B", ""),
	)
	commit(t, m, "", at(12, 2),
		said("late", at(5, 9), at(11, 9), payout.Failed, 700, "B", "bank closed"),
		said("back", at(6, 9), at(11, 9), payout.Rejected, 900, "C", "no such account"),
		said("today", at(10, 1), at(11, 1), payout.Completed, 700, "B", ""),
		said("same", at(7, 9), at(11, 9), payout.Completed, 300, "D", "another text"),
		said("young", at(10, 1), at(11, 1), payout.Completed, 300, "E", ""),
	)
	second := endedRun(t, m, "run", at(12, 2))
	if err := m.AddAlerts(t.Context(), second, []string{"look here"}); err != nil {
		t.Fatal(err)
	}

	q := FactsQuery{Period: payout.Period{From: at(5, 0).Day(), To: at(11, 0).Day()}, AsOf: at(12, 2), OnBehalfOf: []string{""}, Run: second, Previous: first}
	f, err := m.Facts(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if f.BaseURL != "https://api.example.com" || len(f.Members) != 1 || f.Run.ID != second || f.Previous == nil || f.Previous.ID != first || f.Sequence != 14 {
		t.Errorf("Facts() names %s, members %v, run %d, previous %+v, sequence %d", f.BaseURL, f.Members, f.Run.ID, f.Previous, f.Sequence)
	}
	equal(t, "in flight", ids(f.InFlight), []string{"old", "odd"})
	equal(t, "failures", f.Failures, []payout.FailureCount{
		{Status: payout.Rejected, Reason: "no such account", Currency: "EUR", Count: 2, Units: 1000},
		{Status: payout.Failed, Reason: "bank closed", Currency: "EUR", Count: 1, Units: 700},
	})
	if len(f.Changes) != 2 {
		t.Fatalf("Changes = %+v, want late and back, not what kept its status nor what is no older than the first report", f.Changes)
	}
	for i, want := range []payout.StatusChange{
		{Payout: payout.PayoutRef{ID: "late"}, Old: payout.Pending, New: payout.Failed, At: at(12, 2)},
		{Payout: payout.PayoutRef{ID: "back"}, Old: payout.Completed, New: payout.Rejected, At: at(12, 2), Alert: true},
	} {
		got := f.Changes[i]
		got.Payout = payout.PayoutRef{ID: got.Payout.ID}
		equal(t, "change", got, want)
	}
	equal(t, "alerts since the previous run", f.Alerts, []string{"look here"})
	then, err := m.Facts(t.Context(), FactsQuery{Period: q.Period, AsOf: at(10, 2), Sequence: 7})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "in flight as of the first run", ids(then.InFlight), []string{"old", "late", "odd", "young"})
	equal(t, "failures as of the first run", len(then.Failures), 1)
	equal(t, "changes without a previous run", then.Changes, []payout.StatusChange{})
	for _, b := range f.Breakdown {
		if b.Status == payout.Failed && (b.Day != at(5, 0).Day() || b.Count != 1 || b.Units != 700) {
			t.Errorf("Breakdown has %+v, want one payout of 700 on the fifth", b)
		}
	}
}

func TestPreviousRun(t *testing.T) {
	m := openTest(t)
	want := func(before, want int64) {
		t.Helper()
		if got, err := m.PreviousRun(t.Context(), before); err != nil || got != want {
			t.Errorf("PreviousRun(%d) = %d, %v; want %d", before, got, err, want)
		}
	}
	want(0, 0)
	first := endedRun(t, m, "run", at(1, 0))
	endedRun(t, m, "sync", at(2, 0))
	killed := beginRun(t, m)
	want(killed, first)
	if err := m.SaveReconciliation(t.Context(), sampleReconciliation(killed, 1, 1), nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	last := endedRun(t, m, "run", at(4, 0))
	want(last, killed)
	want(killed, first)
}

func TestTwins(t *testing.T) {
	m := openTest(t)
	commit(t, m, "", at(31, 0),
		said("a1", at(3, 9), 1, payout.Completed, 1000, "A", ""), // before the period, a twin of a2
		said("a2", at(10, 9), 1, payout.Pending, 1000, "A", ""),  // exactly seven days later
		said("a3", at(17, 10), 1, payout.Completed, 1000, "A", ""),
		said("b1", at(12, 9), 1, payout.Completed, 1000, "B", ""),
		said("b2", at(12, 10), 1, payout.Failed, 1000, "B", ""), // dead: not a twin
		said("c1", at(12, 9), 1, payout.Completed, 2000, "C", ""),
		said("c2", at(12, 10), 1, payout.Completed, 2000, "C", ""),
		said("c3", at(13, 10), 1, payout.Processing, 2000, "C", ""),
		said("c4", at(13, 10), 1, payout.Processing, 2001, "C", ""),
		said("d1", at(1, 9), 1, payout.Completed, 3000, "D", ""), // both before the period
		said("d2", at(2, 9), 1, payout.Completed, 3000, "D", ""),
		said("e1", at(12, 9), 1, payout.Completed, 1000, "", ""), // no account: nothing is known
		said("e2", at(12, 9), 1, payout.Completed, 1000, "", ""),
	)
	f, err := m.Facts(t.Context(), FactsQuery{Period: payout.Period{From: at(10, 0).Day(), To: at(20, 0).Day()}})
	if err != nil {
		t.Fatal(err)
	}
	got := [][]string{}
	for _, twin := range f.Twins {
		got = append(got, ids(twin.Payouts))
	}
	equal(t, "twins", got, [][]string{{"c1", "c2", "c3"}, {"a1", "a2"}})
	if f.Twins[0].Payouts[0].RefID != "R-c1" || f.Twins[0].Account != "C" || f.Twins[0].Amount != money.New(2000, "EUR") {
		t.Errorf("the first twin is %+v, want what is known of its payouts", f.Twins[0])
	}
}

// The breakdown has every payout of the period once.
func TestBreakdownAddsUp(t *testing.T) {
	m := openTest(t)
	if _, err := m.w.Exec("PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		rows := make([]payout.Payout, rapid.IntRange(1, 8).Draw(t, "rows"))
		for i := range rows {
			rows[i] = drawPayout(t, i)
		}
		commit(t, m, "", 1, rows...)
		period := payout.Period{From: -1, To: payout.Day(rapid.IntRange(-1, 3).Draw(t, "to"))}
		f, err := m.Facts(testContext, FactsQuery{Period: period})
		if err != nil {
			t.Fatal(err)
		}
		byDay := map[payout.Day]int64{}
		for _, b := range f.Breakdown {
			byDay[b.Day] += b.Count
		}
		want := map[payout.Day]int64{}
		for _, r := range currentView(t, m) {
			if period.Contains(r.Created.Day()) {
				want[r.Created.Day()]++
			}
		}
		equal(t, "payouts a day", byDay, want)
	})
}
