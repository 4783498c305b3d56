package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"payrecon/internal/payout"
)

// When is an item settled? Only when this run saw all of its records: a payout that is agreed or explained now, that lives on
// in another item, or that is of a day that the extract covers; an entry that is in the file, or that is gone from a day that
// the extract covers and does not stand on an unreadable row. Looking back to when a record was young settles nothing.

// unseen settles an item that no listed finding continues: cleared if this run saw all of its records, else carried.
func (n *night) unseen(item *payout.Item) {
	for _, p := range item.Payouts {
		f := n.seen[p.ID]
		if n.lessKnown(item, f) || n.wasYounger(item, f) || f == nil && !n.m.reach(p.Created.Day()) {
			n.carry(item)
			return
		}
	}
	for i := range item.Entries {
		e := &item.Entries[i]
		f := n.bookedIn(item, e)
		if n.lessKnown(item, f) || n.wasYounger(item, f) || f == nil && !n.gone(e) {
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
	if item.ClearedBy == clearedByPerson {
		n.events[len(n.events)-1].Text = "neither its payouts nor its entries have changed, only how they are judged"
	}
}

// asItWas says of which run the sentence of a carried item is: what it says of the ledger, the mirror and the provider may
// not hold any more.
func (n *night) asItWas(item *payout.Item) string {
	if asOf, known := n.in.AsOfs[item.LastRun]; known {
		return fmt.Sprintf("Carried over from run %d (as of %s): ", item.LastRun, asOf.Day())
	}
	return fmt.Sprintf("Carried over from run %d: ", item.LastRun)
}

// lessKnown reports whether a break's record ended as unverified: that says less than is known.
func (n *night) lessKnown(item *payout.Item, f *finding) bool {
	return f != nil && f.outcome.Class() == payout.Unverified && item.Outcome.Class() == payout.Break
}

// letGo leaves with carried breaks what is theirs. Of the unverified findings that were taken with them, the other payouts of
// the reference and the rows that could not be read are findings of their own: nothing goes unseen behind a break.
func (n *night) letGo() {
	for i, f := range n.listed {
		if !n.taken[i] || f.outcome.Class() != payout.Unverified {
			continue
		}
		rest := &finding{g: f.g, outcome: f.outcome, rejected: f.rejected}
		for _, p := range f.pays {
			if !n.held[p.ID] {
				rest.pays = append(rest.pays, p)
				n.seen[p.ID] = rest
			}
		}
		if len(rest.pays)+len(rest.rejected) == 0 {
			continue
		}
		if err := rest.measure(); err != nil && n.sums.err == nil {
			n.sums.err = err
		}
		rest.severity = n.m.severity(rest)
		n.explain(rest)
		shown := n.m.finding(rest)
		rest.shown = &shown
		delete(n.number, f)
		n.number[rest], n.listed[i], n.taken[i] = i, rest, false
	}
}

// wasYounger reports whether a record explains itself only because ages count from a time before the item was looked at last.
// A payout that is in flight may be overdue by that time; this is no reason to keep a break that its age did not make.
func (n *night) wasYounger(item *payout.Item, f *finding) bool {
	if f == nil || f.outcome.Listed() || n.m.asOf >= n.lookedAt(item) {
		return false
	}
	return f.outcome == payout.Timing ||
		madeByAge(&item.Finding) && slices.ContainsFunc(f.pays, func(p *pay) bool { return p.class == payout.ClassInFlight })
}

// lookedAt is the latest as-of of the runs that saw the item last and first: the last may itself have looked back. The first
// counts no later than the clock did, so that a run that looked ahead holds nothing for long.
func (n *night) lookedAt(item *payout.Item) payout.Millis {
	return max(n.in.AsOfs[item.LastRun], min(n.in.AsOfs[item.FirstRun], item.FirstSeen))
}

// madeByAge reports whether a younger record would not have been a break.
func madeByAge(f *payout.Finding) bool {
	switch f.Outcome {
	case payout.Stuck, payout.MissingInLedger, payout.MissingAtProvider:
		return true
	}
	for _, row := range payout.StatusTable {
		for _, v := range row {
			if v.Grace && v.Outcome == f.Outcome && v.Cell == f.Cell {
				return true
			}
		}
	}
	return false
}

// gone reports whether an entry that is not in the file was taken out of it. One whose reference stands on an unreadable row
// may be that row, unless it was given another date.
func (n *night) gone(e *payout.Entry) bool {
	return n.covers(e.Day) && (!n.m.unread.mayBear(e.Ref) || n.redated(e))
}

// redated reports whether an entry stands in the file with another date: one of no item yet, of the same key, amount and text,
// no further away than records of one episode. It takes that one.
func (n *night) redated(e *payout.Entry) bool {
	like := keyedOf(e, n.in.CaseInsensitive)
	like.day, like.nth = payout.NoDay, 0
	days := n.fresh[like]
	i := slices.IndexFunc(days, func(d payout.Day) bool { return max(d-e.Day, e.Day-d) <= payout.Day(n.in.MatchWindowDays) })
	if e.Day == payout.NoDay || i < 0 {
		return false
	}
	n.fresh[like] = slices.Delete(days, i, i+1)
	return true
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
// reference stands on a row that can be read; or the row is gone, and the extract covers its day, or it held neither a
// reference nor a figure, and so no money and no day either.
func (n *night) corrected(item *payout.Item) bool {
	for _, row := range item.Rejected {
		if _, here := n.texts[plain(row.Text)]; here || n.covers(payout.NoDay) || n.coversDatesOf(row.Text) {
			continue
		}
		key, ok := payout.KeyOf(row.Ref, "", n.in.CaseInsensitive)
		if ok && !n.run.items.read[key] || !ok && strings.ContainsFunc(row.Text, unicode.IsDigit) {
			return false
		}
	}
	return true
}

// coversDatesOf reports whether fields of a row are dates, as this ledger writes them, and the extract covers all of these
// days. A row that could not be read has no other day.
func (n *night) coversDatesOf(text string) bool {
	shown := false
	for _, field := range fieldsOf(text) {
		if d, ok := n.dates.parse(field); ok {
			if !n.covers(d) {
				return false
			}
			shown = true
		}
	}
	return shown
}

// clearedBy says which side's change settled an item, or that none did: then it is what people set, such as a tolerance, the
// meaning of a status word or the as-of.
func (n *night) clearedBy(item *payout.Item) string {
	if n.unchanged(item) {
		return clearedByPerson
	}
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
	clearedByPerson = "person"
)

// unchanged reports whether the payouts and entries of a settled item are as they were, and all that there is of their key.
func (n *night) unchanged(item *payout.Item) bool {
	groups := map[*group]bool{}
	for _, p := range item.Payouts {
		if f := n.seen[p.ID]; f != nil {
			groups[f.g] = true
		}
	}
	for i := range item.Entries {
		if f := n.bookedIn(item, &item.Entries[i]); f != nil {
			groups[f.g] = true
		}
	}
	pays, ents := map[string]*pay{}, map[keyed]*ent{}
	for g := range groups {
		for _, p := range g.pays {
			pays[p.ID] = p
		}
		for _, e := range g.ents {
			ents[keyedOf(&e.Entry, n.in.CaseInsensitive)] = e
		}
	}
	if len(item.Rejected) > 0 || len(pays) != len(item.Payouts) || len(ents) != len(item.Entries) {
		return false
	}
	for i := range item.Payouts {
		p := &item.Payouts[i]
		now := pays[p.ID]
		if now == nil || now.Status != p.Status || now.Changed != p.Changed || now.amount() != p.Amount || now.Account != p.Account {
			return false
		}
	}
	for i := range item.Entries {
		e := &item.Entries[i]
		now := ents[keyedOf(e, n.in.CaseInsensitive)]
		if now == nil || plain(now.Status) != plain(e.Status) {
			return false
		}
	}
	return true
}
