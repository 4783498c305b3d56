package reconcile

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"pgregory.net/rapid"
)

// TestItemsOverNights plays drawn nights on the same items: entries come, go and are changed, payouts move on, the extract
// shrinks and grows, rows cannot be read, people decide. Whatever happens, no item is lost, no number given twice, no record
// stands in two items that were seen, and the roll-forward goes from closing to closing.
func TestItemsOverNights(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		s.NextItem = 1
		var before *payout.Reconciliation
		for night := range rapid.IntRange(2, 5).Draw(t, "nights") {
			if night > 0 {
				drawNight(t, s)
			}
			s.Run = int64(night + 1)
			r, err := s.try()
			if err != nil {
				t.Fatal(err)
			}
			checkNight(t, s, before, r)
			before = r
			s.Items = keptItems(t, s.Items, r)
			for i := range s.Items {
				s.NextItem = max(s.NextItem, s.Items[i].ID+1)
			}
		}
	})
}

// drawNight changes the records, as a day does.
func drawNight(t *rapid.T, s *scene) {
	s.AsOf = s.AsOf.Add(24 * time.Hour)
	s.entries = slices.Clone(s.entries)
	for i := range s.entries {
		e := &s.entries[i]
		switch rapid.IntRange(0, 11).Draw(t, "change") {
		case 0:
			e.Amount = money.New(e.Amount.Units()+5_000, e.Amount.Currency())
		case 1:
			e.Class, e.Status = payout.EntryFailed, "failed"
		case 2:
			e.Day = s.Period.From + 3
		}
	}
	s.entries = slices.DeleteFunc(s.entries, func(payout.Entry) bool { return rapid.IntRange(0, 9).Draw(t, "gone") == 0 })
	for i := range s.rows {
		if p := &s.rows[i]; rapid.IntRange(0, 5).Draw(t, "moved") == 0 && p.Status.Class() != payout.ClassDead {
			p.Status, p.Changed = rapid.SampledFrom([]payout.Status{payout.Completed, payout.Failed}).Draw(t, "to"), payout.MillisOf(s.AsOf)-millisDay
		}
	}
	s.reach = nil
	if rapid.IntRange(0, 2).Draw(t, "extract") == 0 {
		s.reach = &payout.Period{From: s.Period.From + 10, To: s.Period.To}
		s.entries = slices.DeleteFunc(s.entries, func(e payout.Entry) bool { return e.Day != payout.NoDay && e.Day < s.reach.From })
	}
	s.rejected = nil
	for i := range rapid.IntRange(0, 2).Draw(t, "unreadable") {
		ref := rapid.SampledFrom([]string{"R", "1", ""}).Draw(t, "unreadable reference")
		s.rejected = append(s.rejected, payout.RejectedRow{Line: 900 + i, Column: "amount", Reason: "not an amount", Ref: ref, Text: ref + rapid.SampledFrom([]string{";1o", ";1o;2026-01-20"}).Draw(t, "row")})
	}
	for i := range s.Items {
		if rapid.IntRange(0, 4).Draw(t, "decided") == 0 {
			s.Items[i].Disposition = &payout.Disposition{Kind: payout.DispositionWrittenOff, Until: payout.NoDay, Reason: "because", By: "Ann"}
		}
	}
}

// keptItems is what the mirror gives the next run: open items, and cleared ones of whatever night, through JSON.
func keptItems(t *rapid.T, old []payout.Item, r *payout.Reconciliation) (kept []payout.Item) {
	raw, err := json.Marshal(r.Items)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &kept); err != nil {
		t.Fatal(err)
	}
	for _, was := range old {
		if !slices.ContainsFunc(kept, func(i payout.Item) bool { return i.ID == was.ID }) {
			kept = append(kept, was)
		}
	}
	return kept
}

func checkNight(t *rapid.T, s *scene, before, r *payout.Reconciliation) {
	now, records := map[int64]*payout.Item{}, map[string]int64{}
	for i := range r.Items {
		it := &r.Items[i]
		if now[it.ID] != nil {
			t.Fatalf("night %d: two items have the number %d", s.Run, it.ID)
		}
		now[it.ID] = it
		if it.State == payout.ItemNew && it.ID < s.NextItem {
			t.Errorf("night %d: the number %d was given before", s.Run, it.ID)
		}
		if it.State == payout.ItemCleared {
			continue
		}
		for _, p := range it.Payouts {
			if other, twice := records[p.ID]; twice && !mayShare(now[other], it) {
				t.Errorf("night %d: payout %s stands in the items %d (%s) and %d (%s)", s.Run, p.ID, other, now[other].State, it.ID, it.State)
			}
			records[p.ID] = it.ID
		}
	}
	for i := range s.Items {
		if was := &s.Items[i]; was.State != payout.ItemCleared && now[was.ID] == nil {
			t.Errorf("night %d: item %d (%s %s) is gone", s.Run, was.ID, was.State, was.Outcome)
		}
	}
	rollsForward(t, s, before, r)
}

// mayShare: an item is carried as it was when only a part of it was seen, though that part is in another break now. What could
// not be verified of it is no second item.
func mayShare(a, b *payout.Item) bool {
	if a.State == payout.ItemCarried {
		a, b = b, a
	}
	return b.State == payout.ItemCarried && (a.State == payout.ItemCarried || a.Outcome.Class() == payout.Break || b.Outcome.Class() == payout.Unverified)
}

func rollsForward(t *rapid.T, s *scene, before, r *payout.Reconciliation) {
	open, closed := map[string]payout.RollCount{}, map[string]payout.RollCount{}
	for i := range r.Items {
		if it := &r.Items[i]; it.State != payout.ItemCleared {
			c := open[it.Exposure.Currency()]
			open[it.Exposure.Currency()] = payout.RollCount{Count: c.Count + 1, Units: c.Units + it.Exposure.Units()}
		}
	}
	if before != nil {
		for _, f := range before.RollForward {
			closed[f.Currency] = f.Closing
		}
	}
	for _, f := range r.RollForward {
		sum := payout.RollCount{
			Count: f.Opening.Count + f.New.Count + f.Reopened.Count + f.Remeasured.Count - f.Cleared.Count,
			Units: f.Opening.Units + f.New.Units + f.Reopened.Units + f.Remeasured.Units - f.Cleared.Units,
		}
		if f.Opening != closed[f.Currency] || sum != f.Closing || f.Closing != open[f.Currency] {
			t.Errorf("night %d: %+v; closed before with %+v, open now %+v", s.Run, f, closed[f.Currency], open[f.Currency])
		}
		delete(open, f.Currency)
	}
	if len(open) > 0 {
		t.Errorf("night %d: the roll-forward lacks %s", s.Run, fmt.Sprint(open))
	}
}
