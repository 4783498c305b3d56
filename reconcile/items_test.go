package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// nights plays one night after the other on the same items, as the mirror keeps them: through JSON.
type nights struct {
	*scene
	t     *testing.T
	items []payout.Item
	next  int64
	night int64
	last  *payout.Reconciliation

	change func(*scene) // of what the records of a night do not say
}

func newNights(t *testing.T) *nights {
	n := &nights{scene: newScene(t), t: t, next: 1}
	n.AsOfs = map[int64]payout.Millis{}
	return n
}

// play reconciles the records as they stand on a day.
func (n *nights) play(asOf, records string) *payout.Reconciliation {
	n.t.Helper()
	n.rows, n.entries, n.rejected = nil, nil, nil
	n.records(n.t, records)
	if n.change != nil {
		n.change(n.scene)
	}
	n.at(n.t, asOf+"T03:00:00Z")
	n.night++
	n.Run, n.Items, n.NextItem = n.night, n.items, n.next
	r := n.run(n.t)
	n.last = r
	n.AsOfs[n.night] = r.AsOf
	raw, err := json.Marshal(r.Items)
	if err != nil {
		n.t.Fatal(err)
	}
	var kept []payout.Item
	if err := json.Unmarshal(raw, &kept); err != nil {
		n.t.Fatal(err)
	}
	for _, old := range n.items { // cleared ones stay known
		if old.State == payout.ItemCleared && !slices.ContainsFunc(kept, func(i payout.Item) bool { return i.ID == old.ID }) {
			kept = append(kept, old)
		}
	}
	n.items = kept
	for _, item := range kept {
		n.next = max(n.next, item.ID+1)
	}
	n.ties()
	return r
}

// ties checks that the roll-forward rolls, and closes on the open items.
func (n *nights) ties() {
	n.t.Helper()
	count, value := map[string]int64{}, map[string]int64{}
	open := 0
	for _, item := range n.last.Items {
		if item.State != payout.ItemCleared {
			open++
			count[item.Exposure.Currency()]++
			value[item.Exposure.Currency()] += item.Exposure.Units()
		}
	}
	for _, f := range n.last.RollForward {
		if f.Opening.Count+f.New.Count+f.Reopened.Count+f.Remeasured.Count-f.Cleared.Count != f.Closing.Count ||
			f.Opening.Units+f.New.Units+f.Reopened.Units+f.Remeasured.Units-f.Cleared.Units != f.Closing.Units {
			n.t.Errorf("night %d does not roll: %+v", n.night, f)
		}
		if f.Closing.Count != count[f.Currency] || f.Closing.Units != value[f.Currency] {
			n.t.Errorf("night %d closes at %+v, open are %d of %d", n.night, f.Closing, count[f.Currency], value[f.Currency])
		}
	}
	b := n.last.Breaks
	if b.Total != b.New+b.Open+b.Carried+b.Reopened || b.Total != open {
		n.t.Errorf("night %d: %+v, open are %d", n.night, b, open)
	}
}

// want compares the items, in order of id: "id state outcome exposure [by whom]".
func (n *nights) want(lines ...string) {
	n.t.Helper()
	var got []string
	for _, i := range n.last.Items {
		line := fmt.Sprintf("%d %s %s %s", i.ID, i.State, outcomeCode(&i.Finding), i.Exposure)
		if i.ClearedBy != "" {
			line += " by " + i.ClearedBy
		}
		if i.Disposition != nil {
			line += " " + i.Disposition.Kind
		}
		got = append(got, line)
	}
	slices.Sort(got)
	if !slices.Equal(got, lines) {
		n.t.Errorf("night %d: got\n\t%s\nwant\n\t%s", n.night, strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

func (n *nights) events(want ...string) {
	n.t.Helper()
	var got []string
	for _, e := range n.last.Events {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s>%s %s", e.Item, e.Kind, e.From, e.To, e.By)))
	}
	if !slices.Equal(got, want) {
		n.t.Errorf("night %d: events\n\t%s\nwant\n\t%s", n.night, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (n *nights) dispose(id int64, kind string, until payout.Day) {
	for i := range n.items {
		if n.items[i].ID == id {
			n.items[i].Disposition = &payout.Disposition{Kind: kind, Until: until, Reason: "because", By: "Ann"}
			n.items[i].Owner, n.items[i].Note = "Bob", "see mail"
		}
	}
}

const edge = "E x1 1 paid 2026-01-01 ref=X\nP y1 1 COMPLETED 2026-01-01 ref=X\nE x2 1 paid 2026-01-31 ref=Y\nP y2 1 COMPLETED 2026-01-31 ref=Y\n"

func TestNewOpenCleared(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-05")
	n.want("1 new missing_in_ledger 100.00 EUR")
	n.events("1 new >missing_in_ledger")
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-05")
	n.want("1 open missing_in_ledger 100.00 EUR")
	n.events()
	if i := n.last.Items[0]; i.FirstRun != 1 || i.LastRun != 2 || i.FirstSeen.Day() != ymd(t, "2026-02-03") || i.AgeDays != 29 {
		t.Errorf("first run %d, last run %d, first seen %s, age %d", i.FirstRun, i.LastRun, i.FirstSeen, i.AgeDays)
	}
	n.play("2026-02-05", edge+"P p1 100 COMPLETED 01-05\nE e1 100 paid 01-06")
	n.want("1 cleared missing_in_ledger 100.00 EUR by ledger")
	n.events("1 cleared missing_in_ledger> ledger")
	if !slices.ContainsFunc(n.agreed, func(f payout.Finding) bool { return brief(&f) == "matched e1 p1" }) {
		t.Error("what cleared the item is not among the agreed findings")
	}
	if n.last.Conclusion != payout.Reconciled {
		t.Error(n.last.ConclusionWhy)
	}
	n.play("2026-02-06", edge+"P p1 100 COMPLETED 01-05")
	n.want("1 reopened missing_in_ledger 100.00 EUR")
	n.events("1 reopened >missing_in_ledger")
	if i := n.last.Items[0]; i.FirstRun != 1 || i.ClearedAt != 0 {
		t.Errorf("reopened: first run %d, cleared at %s", i.FirstRun, i.ClearedAt)
	}
	n.play("2026-02-07", edge+"P p1 100 COMPLETED 01-05")
	n.want("1 open missing_in_ledger 100.00 EUR")
}

func TestClearedBy(t *testing.T) {
	for _, c := range []struct{ name, before, after, want string }{
		{"the payout failed", "P p1 100 PENDING 01-05", "P p1 100 REJECTED 01-05", "payout"},
		{"the payout came", "E e1 100 paid 01-05", "E e1 100 paid 01-05\nP p1 100 COMPLETED 01-05", "payout"},
		{"the entry is gone", "E e1 100 paid 01-05", "", "ledger"},
		{"the entry was marked failed", "E e1 100 paid 01-05", "E e1 100 failed 01-05", "ledger"},
		{"the payout completed", "P p1 100 PENDING 01-05\nE e1 100 paid 01-05", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05", "payout"},
		{"the entry was corrected", "P p1 100 COMPLETED 01-05\nE e1 90 paid 01-05", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05", "ledger"},
		{"the entry caught up", "P p1 100 COMPLETED 01-05\nE e1 100 pending 01-05", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05", "ledger"},
		{"the row of a day that is covered is gone", "X - ;2026-01-07;1o", "", "ledger"},
		{"the row can be read", "X R R;1o", "E e1 1 paid 01-05\nP p1 1 COMPLETED 01-05", "ledger"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", edge+c.before)
			if len(n.last.Items) != 1 || n.last.Items[0].State != payout.ItemNew {
				t.Fatalf("%+v", n.last.Items)
			}
			n.play("2026-02-04", edge+c.after)
			if i := n.last.Items[0]; i.State != payout.ItemCleared || i.ClearedBy != c.want || i.ClearedAt == 0 {
				t.Errorf("%s by %q, want cleared by %s", i.State, i.ClearedBy, c.want)
			}
		})
	}
}

func TestCarried(t *testing.T) {
	const first = "E e1 100 paid 01-05\nP p2 100 COMPLETED 01-06 ref=S\nX T T;1o\n" // the row shows no date
	n := newNights(t)
	n.play("2026-02-03", edge+first)
	n.want("1 new rejected_row 0.00 ?", "2 new missing_in_ledger 100.00 EUR", "3 new missing_at_provider 100.00 EUR")
	// The next extract begins later: nothing of it was seen. The payout would only be "not in the extract".
	later := "E x2 1 paid 2026-01-31 ref=Y\nP y2 1 COMPLETED 2026-01-31 ref=Y\nP y1 1 COMPLETED 2026-01-01 ref=X\nP p2 100 COMPLETED 01-06 ref=S\n"
	n.play("2026-02-04", later)
	n.want("1 carried rejected_row 0.00 ?", "2 carried missing_in_ledger 100.00 EUR", "3 carried missing_at_provider 100.00 EUR", "4 new not_in_extract 1.00 EUR")
	n.events("1 carried new>carried", "2 carried new>carried", "3 carried new>carried", "4 new >not_in_extract")
	n.play("2026-02-05", later)
	n.events()
	n.play("2026-02-06", edge+first)
	n.want("1 open rejected_row 0.00 ?", "2 open missing_in_ledger 100.00 EUR", "3 open missing_at_provider 100.00 EUR", "4 cleared not_in_extract 1.00 EUR by ledger")
	n.events("1 seen carried>open", "2 seen carried>open", "3 seen carried>open", "4 cleared not_in_extract> ledger")
	n.play("2026-02-07", edge+first)
	n.events()
}

// TestUnreadableRowsGoAsTheLedgerWritesDates: a row without a reference can only be seen to be gone by its date.
func TestUnreadableRowsGoAsTheLedgerWritesDates(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"X - 07.01.2026;1o\nX - 07.12.2025;1o\nX - 07.13.2025;1o")
	n.Ledger.DateFormat = "DD.MM.YYYY"
	n.play("2026-02-04", edge)
	n.want("1 cleared rejected_row 0.00 ? by ledger", "2 carried rejected_row 0.00 ?", "3 carried rejected_row 0.00 ?")
}

// TestAnEntryIsGivenItsDate: an entry that had no date, and has one now, is still that entry.
func TestAnEntryIsGivenItsDate(t *testing.T) {
	n := newNights(t)
	n.Provider = &provider{}
	n.play("2026-02-03", edge+"E e1 100 paid -\nE e2 70 paid - ref=S")
	n.want("1 new missing_at_provider 100.00 EUR", "2 new missing_at_provider 70.00 EUR")
	n.play("2026-02-04", edge+"E e1 100 paid 01-20\nE e2 70 paid 01-20 ref=S\nP p2 70 COMPLETED 01-19 ref=S")
	n.want("1 open missing_at_provider 100.00 EUR", "2 cleared missing_at_provider 70.00 EUR by payout")
	n.play("2026-02-05", edge)
	n.want("1 cleared missing_at_provider 100.00 EUR by ledger")
}

// TestRaised: an item that becomes more urgent is news, although its outcome and figures are what they were.
func TestRaised(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 PENDING 01-05")
	n.events("1 new >missing_in_ledger")
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-05")
	n.want("1 open missing_in_ledger 100.00 EUR")
	n.events("1 raised high>critical")
	n.play("2026-02-05", edge+"P p1 100 PENDING 01-05")
	n.events()
}

func TestReclassified(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"E e1 100 paid -")
	n.want("1 new not_fetched 100.00 EUR")
	n.dispose(1, payout.DispositionAccepted, payout.NoDay)
	n.Provider = &provider{}
	n.play("2026-02-04", edge+"E e1 100 paid -")
	n.want("1 open missing_at_provider 100.00 EUR")
	n.events("1 reclassified not_fetched>missing_at_provider", "1 raised low>high", "1 lapsed accepted>")
	if i := n.last.Items[0]; i.Owner != "Bob" || i.Note != "see mail" || i.FirstRun != 1 || n.last.Breaks.Reclassified != 1 {
		t.Errorf("owner %q, note %q, first run %d, reclassified %d", i.Owner, i.Note, i.FirstRun, n.last.Breaks.Reclassified)
	}
	n.play("2026-02-05", edge+"E e1 100 paid -\nP p1 70 COMPLETED 01-20")
	n.want("1 open amount_mismatch 30.00 EUR")
	n.events("1 reclassified missing_at_provider>amount_mismatch", "1 remeasured 100.00 EUR>30.00 EUR")
	if f := n.last.RollForward[0]; f.Remeasured != (payout.RollCount{Units: -70_0000}) {
		t.Errorf("remeasured %+v", f.Remeasured)
	}
	// A break whose records end as unverified says less than is known.
	n.Provider = nil
	n.play("2026-02-06", edge+"E e1 100 paid -")
	n.want("1 carried amount_mismatch 30.00 EUR")
}

func TestTwoItemsBecomeOne(t *testing.T) {
	n := newNights(t)
	n.Provider = &provider{}
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-05\nE e1 90 paid 01-25")
	n.want("1 new missing_in_ledger 100.00 EUR", "2 new missing_at_provider 90.00 EUR")
	n.MatchWindowDays = 30
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-05\nE e1 90 paid 01-25")
	n.want("1 open amount_mismatch 10.00 EUR", "2 cleared missing_at_provider 90.00 EUR by payout")
}

func TestDispositions(t *testing.T) {
	n := newNights(t)
	broken := edge + "P p1 100 COMPLETED 01-05\nE e1 90 paid 01-05"
	n.play("2026-02-03", broken)
	if n.last.Conclusion != payout.NotReconciled {
		t.Error(n.last.Conclusion)
	}
	n.dispose(1, payout.DispositionAccepted, ymd(t, "2026-02-05"))
	n.play("2026-02-04", broken)
	n.want("1 open amount_mismatch 10.00 EUR accepted")
	if n.last.Conclusion != payout.Explained || n.last.RollForward[0].Closing.Count != 1 {
		t.Errorf("%s, closing %+v", n.last.Conclusion, n.last.RollForward[0].Closing)
	}
	now := n.Clock
	n.Clock = func() time.Time { return time.Date(2026, 2, 5, 23, 0, 0, 0, time.UTC) }
	n.play("2026-03-05", broken) // as of a later day, it stays
	n.want("1 open amount_mismatch 10.00 EUR accepted")
	n.Clock = now
	n.play("2026-02-05", broken) // it holds to the end of its day
	n.want("1 open amount_mismatch 10.00 EUR accepted")
	n.play("2026-02-06", broken)
	n.want("1 open amount_mismatch 10.00 EUR")
	n.events("1 lapsed accepted>")
	if n.last.Conclusion != payout.NotReconciled {
		t.Error(n.last.Conclusion)
	}
	for _, change := range []struct{ name, records string }{
		{"a figure", "P p1 100 COMPLETED 01-05\nE e1 91 paid 01-05"},
		{"a status", "P p1 100 PENDING 01-05\nE e1 90 paid 01-05"},
		{"a member", "P p1 100 COMPLETED 01-05\nE e1 45 paid 01-05\nE e2 45 paid 01-06"},
	} {
		t.Run(change.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", broken)
			n.dispose(1, payout.DispositionCorrection, payout.NoDay)
			n.play("2026-02-04", broken)
			n.want("1 open amount_mismatch 10.00 EUR correction")
			n.play("2026-02-05", edge+change.records)
			if i := n.last.Items[0]; i.Disposition != nil || i.ID != 1 || i.State != payout.ItemOpen {
				t.Errorf("%d %s %+v", i.ID, i.State, i.Disposition)
			}
		})
	}
}

func TestUnverifiedUnderADisposition(t *testing.T) {
	n := newNights(t)
	open := edge + "E e1 90 paid - ref=S"
	n.play("2026-02-03", open)
	if n.last.Conclusion != payout.NoConclusion {
		t.Error(n.last.Conclusion)
	}
	n.dispose(1, payout.DispositionAccepted, payout.NoDay)
	n.play("2026-02-04", open)
	want := "Both sources are complete and no break is open; 1 item under a disposition could not be verified: 90.00 EUR."
	if n.last.Conclusion != payout.Reconciled || n.last.ConclusionWhy != want {
		t.Errorf("got %s: %q\nwant %s: %q", n.last.Conclusion, n.last.ConclusionWhy, payout.Reconciled, want)
	}
}

func TestOpenItemsStayInScope(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-05\nE e1 100 paid 01-20 ref=S")
	n.want("1 new missing_in_ledger 100.00 EUR", "2 new missing_at_provider 100.00 EUR")
	// The period has moved on; the ledger still covers January.
	n.Period = payout.Period{From: ymd(t, "2026-02-01"), To: ymd(t, "2026-02-28")}
	n.covered(ymd(t, "2025-11-01"), ymd(t, "2026-03-05"))
	r := n.play("2026-03-05", edge+"P p1 100 COMPLETED 01-05\nE e1 100 paid 01-20 ref=S")
	n.want("1 open missing_in_ledger 100.00 EUR", "2 open missing_at_provider 100.00 EUR")
	if len(r.Totals) != 0 {
		t.Errorf("records outside the period are in the totals: %+v", r.Totals)
	}
	n.Items = nil
	if again := n.run(t); again.OutcomeHash != r.OutcomeHash {
		t.Error("performed again without the items, the run has another outcome hash")
	}
	n.play("2026-03-06", edge+"P p1 100 COMPLETED 01-05\nE e2 100 paid 01-08\nE e1 100 paid 01-20 ref=S\nP p2 100 COMPLETED 01-20 ref=S")
	n.want("1 cleared missing_in_ledger 100.00 EUR by ledger", "2 cleared missing_at_provider 100.00 EUR by payout")
}

// TestTurnOfTheMonth plays three nights: a payout of the last evening that is booked on the first.
func TestTurnOfTheMonth(t *testing.T) {
	n := newNights(t)
	payouts := "P p1 100 COMPLETED 01-31T23\nP p0 1 COMPLETED 01-02 ref=A\n"
	january := "E e0 1 paid 01-02 ref=A\n"
	n.Period = payout.Period{From: ymd(t, "2026-01-01"), To: ymd(t, "2026-01-31")}
	r := n.play("2026-02-01", payouts+january)
	n.want()
	if got := statementText(r); got != "EUR ledger 1.00 | matched 1+1 0.00 | timing 1+0 100.00 | provider 101.00, net 100.00, gross 100.00, unexplained 0.00" {
		t.Error(got)
	}
	n.Period = payout.Period{From: ymd(t, "2026-02-01"), To: ymd(t, "2026-02-01")}
	r = n.play("2026-02-02", payouts+january+"E e1 100 paid 02-01")
	n.want()
	if got := statementText(r); got != "EUR ledger 100.00 | cut-off 0+1 -100.00 | provider 0.00, net -100.00, gross 100.00, unexplained 0.00" {
		t.Error(got)
	}
	n.Period = payout.Period{From: ymd(t, "2026-01-01"), To: ymd(t, "2026-01-31")}
	r = n.play("2026-02-03", payouts+january+"E e1 100 paid 02-01")
	n.want()
	if got := statementText(r); got != "EUR ledger 1.00 | matched 1+1 0.00 | cut-off 1+0 100.00 | provider 101.00, net 100.00, gross 100.00, unexplained 0.00" {
		t.Error(got)
	}
}

func TestEqualEntriesAreTold(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 paid 01-05\nE e3 100 paid 01-05")
	n.want("1 new duplicate_ledger_entry 100.00 EUR", "2 new duplicate_ledger_entry 100.00 EUR")
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 paid 01-05")
	n.want("1 open duplicate_ledger_entry 100.00 EUR", "2 cleared duplicate_ledger_entry 100.00 EUR by ledger")
}

func TestItemsOfStrangeReferences(t *testing.T) {
	n := newNights(t)
	strange := []payout.Entry{
		{Ref: "A\xffB", Line: 50, Amount: money.New(100, "EUR"), Day: ymd(t, "2026-01-05"), Text: "t\xfe"},
		{Ref: "\x00A", Line: 51, Amount: money.New(200, "EUR"), Day: ymd(t, "2026-01-05")},
	}
	for night := range 2 {
		n.rows, n.entries, n.rejected = nil, slices.Clone(strange), nil
		n.records(t, edge)
		n.at(t, fmt.Sprintf("2026-02-%02dT03:00:00Z", 3+night))
		n.Items, n.NextItem = n.items, n.next
		r := n.run(t)
		raw, _ := json.Marshal(r.Items)
		if err := json.Unmarshal(raw, &n.items); err != nil {
			t.Fatal(err)
		}
		n.next = 3
		want := []payout.ItemState{payout.ItemNew, payout.ItemOpen}[night]
		if len(r.Items) != 2 || r.Items[0].State != want || r.Items[1].State != want {
			t.Errorf("night %d: %+v", night, r.Items)
		}
	}
}

func TestBlankReferencesKeepTheirItems(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-05 ref=\nP p2 100 COMPLETED 01-05 ref=-")
	n.want("1 new missing_in_ledger 100.00 EUR", "2 new missing_in_ledger 100.00 EUR")
	n.Period = payout.Period{From: ymd(t, "2026-01-10"), To: ymd(t, "2026-01-31")}
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-05 ref=\nP p2 100 FAILED 01-05 ref=-")
	n.want("1 open missing_in_ledger 100.00 EUR", "2 cleared missing_in_ledger 100.00 EUR by payout")
}
