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
// shrinks and grows, rows cannot be read, people decide and look back. Whatever happens, no item is lost, no number given
// twice, no record stands in two items that were seen or in none, what is young or unreadable clears nothing, the
// roll-forward goes from closing to closing, and the conclusion is that of the open items.
func TestItemsOverNights(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		s.NextItem, s.AsOfs = 1, map[int64]payout.Millis{}
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
			checkBrief(t, s, r)
			before, s.AsOfs[s.Run] = r, r.AsOf
			s.Items = keptItems(t, s.Items, r)
			for i := range s.Items {
				s.NextItem = max(s.NextItem, s.Items[i].ID+1)
			}
		}
	})
}

// checkBrief: what nobody reads is the same but for the words and for what only they need.
func checkBrief(t *rapid.T, s *scene, r *payout.Reconciliation) {
	s.Brief = true
	brief, err := s.try()
	s.Brief = false
	if err != nil {
		t.Fatal(err)
	}
	for i := range brief.Items {
		if it := &brief.Items[i]; it.LastRun == s.Run && it.State != payout.ItemCarried && it.State != payout.ItemCleared && it.Why+it.Hint+it.Next != "" {
			t.Fatalf("item %d of a brief run says %q", it.ID, it.Why)
		}
	}
	if got, want := wordless(t, brief), wordless(t, r); got != want {
		t.Fatalf("a brief run\n%s\nwant\n%s", got, want)
	}
}

// wordless is a reconciliation without what only readers need.
func wordless(t *rapid.T, r *payout.Reconciliation) string {
	quiet := func(f *payout.Finding) {
		f.Why, f.Next, f.Hint = "", "", ""
		f.Payouts = slices.Clone(f.Payouts)
		for i := range f.Payouts {
			p := &f.Payouts[i]
			p.Payee, p.DebtorAccount, p.Description, p.Reason, p.BankStatus, p.BankTransactionID = "", "", "", "", "", ""
		}
	}
	out := *r
	out.Items, out.Explained = slices.Clone(r.Items), slices.Clone(r.Explained)
	for i := range out.Items {
		quiet(&out.Items[i].Finding)
	}
	for i := range out.Explained {
		quiet(&out.Explained[i])
	}
	text, err := json.Marshal(&out)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// drawNight changes the records, as a day does.
func drawNight(t *rapid.T, s *scene) {
	now := s.Clock().Add(24 * time.Hour)
	s.Clock = func() time.Time { return now }
	s.AsOf = now.AddDate(0, 0, -rapid.SampledFrom([]int{0, 0, 0, 4}).Draw(t, "looking back"))
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
		s.rejected = append(s.rejected, payout.RejectedRow{Line: 900 + i, Column: "amount", Reason: "not an amount", Ref: ref, Text: ref + rapid.SampledFrom([]string{";1o", ";1o;2026-01-20", ";;"}).Draw(t, "row")})
	}
	s.entries = slices.DeleteFunc(s.entries, func(e payout.Entry) bool {
		damaged := rapid.IntRange(0, 7).Draw(t, "damaged") == 0
		if damaged {
			s.rejected = append(s.rejected, payout.RejectedRow{Line: e.Line, Column: "amount", Reason: "not an amount", Ref: e.Ref, Text: e.Ref + ";9o;" + e.Document})
		}
		return damaged
	})
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
	nothingUnseen(t, s, r)
	notCleared(t, s, r, now)
	concludes(t, s, r)
	rollsForward(t, s, before, r)
}

// booking is an entry without what changes while it stays the same: its date, its status word, its number among equals.
func (s *scene) booking(e *payout.Entry) string {
	key, _ := payout.KeyOf(e.Ref, e.OnBehalfOf, s.CaseInsensitive)
	return plain(string(key)) + " " + e.Amount.String() + " " + e.Text
}

// nothingUnseen: every payout and entry of the period is agreed, explained or in an open item, every unreadable row in one.
func nothingUnseen(t *rapid.T, s *scene, r *payout.Reconciliation) {
	seen := map[string]bool{}
	for _, f := range s.all(r) {
		for _, p := range f.Payouts {
			seen[p.ID] = true
		}
		for i := range f.Entries {
			seen[s.booking(&f.Entries[i])] = true
		}
		for _, row := range f.Rejected {
			seen["row "+plain(row.Text)] = true
		}
	}
	check := func(record string, in bool) {
		if in && !seen[record] {
			t.Errorf("night %d: %q is in no finding and in no open item", s.Run, record)
		}
	}
	for _, p := range s.rows {
		check(p.ID, s.Period.Contains(p.Created.Day()))
	}
	for i := range s.entries {
		check(s.booking(&s.entries[i]), s.Period.Contains(s.entries[i].Day))
	}
	for _, row := range s.rejected {
		check("row "+plain(row.Text), true)
	}
}

// notCleared: an entry whose reference stands on an unreadable row is not gone, and looking back settles nothing.
func notCleared(t *rapid.T, s *scene, r *payout.Reconciliation, now map[int64]*payout.Item) {
	present, unreadable, young := map[string]bool{}, map[payout.Key]bool{}, map[string]payout.Outcome{}
	lookingBack := r.AsOf < s.AsOfs[s.Run-1]
	for i := range s.entries {
		present[s.booking(&s.entries[i])] = true
	}
	for _, row := range s.rejected {
		if key, ok := payout.KeyOf(row.Ref, "", s.CaseInsensitive); ok {
			unreadable[key] = true
		}
	}
	for _, f := range r.Explained {
		for _, p := range f.Payouts {
			young[p.ID] = f.Outcome
		}
	}
	for i := range s.Items {
		was := &s.Items[i]
		if it := now[was.ID]; was.State == payout.ItemCleared || it == nil || it.State != payout.ItemCleared {
			continue
		}
		for _, p := range was.Payouts {
			if now := young[p.ID]; lookingBack && (now == payout.Timing || now == payout.InFlight && was.Outcome == payout.Stuck) {
				t.Errorf("night %d, as of %s: item %d (%s) is cleared, because payout %s was young", s.Run, s.AsOf, was.ID, was.Outcome, p.ID)
			}
		}
		for k := range was.Entries {
			e := &was.Entries[k]
			if key, _ := payout.KeyOf(e.Ref, "", s.CaseInsensitive); unreadable[key] && !present[s.booking(e)] {
				t.Errorf("night %d: item %d (%s) is cleared, though a row of %q cannot be read", s.Run, was.ID, was.Outcome, e.Ref)
			}
		}
	}
}

// concludes: what could not be verified, and every break, counts until somebody decides about it.
func concludes(t *rapid.T, s *scene, r *payout.Reconciliation) {
	open, decided := map[payout.OutcomeClass]bool{}, map[payout.OutcomeClass]bool{}
	for i := range r.Items {
		if it := &r.Items[i]; it.State != payout.ItemCleared {
			by := open
			if it.Disposition != nil {
				by = decided
			}
			by[it.Outcome.Class()] = true
		}
	}
	want := payout.Reconciled
	switch {
	case !r.Complete || open[payout.Unverified]:
		want = payout.NoConclusion
	case open[payout.Break]:
		want = payout.NotReconciled
	case decided[payout.Break]:
		want = payout.Explained
	}
	if r.Conclusion != want {
		t.Errorf("night %d: %s (%s), want %s", s.Run, r.Conclusion, r.ConclusionWhy, want)
	}
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
