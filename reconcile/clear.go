package reconcile

import (
	"strings"

	"payrecon/internal/payout"
)

// When is an item settled? Only when this run saw all of its records: a payout that is agreed or explained now, that lives on
// in another item, or that is of a day that the extract covers; an entry that is in the file, or that is gone from a day that
// the extract covers.

// unseen settles an item that no listed finding continues: cleared if this run saw all of its records, else carried.
func (n *night) unseen(item *payout.Item) {
	for _, p := range item.Payouts {
		f := n.seen[p.ID]
		if n.lessKnown(item, f) || f == nil && !n.m.reach(p.Created.Day()) {
			n.carry(item)
			return
		}
	}
	for i := range item.Entries {
		e := &item.Entries[i]
		f := n.bookedIn(item, e)
		if n.lessKnown(item, f) || f == nil && !n.covers(e.Day) {
			n.carry(item)
			return
		}
	}
	if len(item.Rejected) > 0 && !n.corrected(item) {
		n.carry(item)
		return
	}
	item.State, item.LastRun = payout.ItemCleared, n.in.Run
	item.ClearedBy, item.ClearedAt = n.clearedBy(item), n.now
	n.out.Breaks.Cleared++
	n.count(item.Exposure, func(f *payout.RollForward) *payout.RollCount { return &f.Cleared }, 1)
	n.event(item, payout.EventCleared, outcomeCode(&item.Finding), "", item.ClearedBy)
}

// lessKnown reports whether a break's record ended as unverified: that says less than is known.
func (n *night) lessKnown(item *payout.Item, f *finding) bool {
	return f != nil && f.outcome.Class() == payout.Unverified && item.Outcome.Class() == payout.Break
}

// covers reports whether the extract would hold an entry of the day. An undated entry can only be missed in a ledger
// without any date.
func (n *night) covers(d payout.Day) bool {
	if d == payout.NoDay {
		return n.out.Ledger.Reach == nil && !n.out.Ledger.Empty
	}
	return n.m.reach(d)
}

// corrected reports whether this run saw what became of an unreadable row: its text is still there (for another item); its
// reference stands on a row that can be read; or the extract covers the day of the row, so that it is gone.
func (n *night) corrected(item *payout.Item) bool {
	for _, row := range item.Rejected {
		if _, here := n.texts[plain(row.Text)]; here || n.covers(payout.NoDay) || n.coversDatesOf(row.Text) {
			continue
		}
		key, ok := payout.KeyOf(row.Ref, "", n.in.CaseInsensitive)
		if !ok || !n.run.items.read[key] {
			return false
		}
	}
	return true
}

// coversDatesOf reports whether fields of a row are dates, as this ledger writes them, and the extract covers all of these
// days. A row that could not be read has no other day.
func (n *night) coversDatesOf(text string) bool {
	dates, err := newLedgerDates(n.in.Ledger.DateFormat, n.in.Ledger.Timezone)
	if err != nil {
		return false
	}
	shown := false
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",;\t|", r) }) {
		if d, ok := dates.parse(strings.TrimSpace(field)); ok {
			if !n.covers(d) {
				return false
			}
			shown = true
		}
	}
	return shown
}

// clearedBy says which side's change settled an item.
func (n *night) clearedBy(item *payout.Item) string {
	for i := range item.Entries {
		e := &item.Entries[i]
		f := n.bookedIn(item, e)
		if f == nil {
			return clearedByLedger
		}
		for _, now := range f.ents {
			if numberedFingerprint(&now.Entry) == numberedFingerprint(e) && now.Class != e.Class {
				return clearedByLedger
			}
		}
		if len(item.Payouts) == 0 && len(f.pays) > 0 {
			return clearedByPayout
		}
	}
	if len(item.Entries) > 0 && len(item.Payouts) > 0 {
		return clearedByPayout
	}
	for _, p := range item.Payouts {
		if f := n.seen[p.ID]; f != nil && len(f.ents) == 0 {
			return clearedByPayout
		}
	}
	return clearedByLedger
}

const (
	clearedByPayout = "payout"
	clearedByLedger = "ledger"
)
