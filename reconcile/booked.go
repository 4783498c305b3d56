package reconcile

import (
	"slices"

	"payrecon/internal/payout"
)

// Which entry of this file is the one that an item knew? It is looked for by its reference as this run reads it and not by the
// key that the item was filed under: keys change when letter case begins or ceases to count, and when the ledger gains or loses
// a column onBehalfOf. No entry settles or continues two items that knew different ones.

// keyed is an entry's fingerprint under its reference, and on whose behalf it is.
type keyed struct {
	ref, of string
	fingerprint
}

func keyedOf(e *payout.Entry, fold bool) keyed {
	return keyed{bareKey(e.Ref, fold), plain(e.OnBehalfOf), numberedFingerprint(e)}
}

// bareKey is the key of a reference without an onBehalfOf, as it comes back from JSON.
func bareKey(ref string, fold bool) string {
	key, _ := payout.KeyOf(plain(ref), "", fold)
	return string(key)
}

// equals is what an entry has in common with the equal ones of its reference.
func (k keyed) equals() keyed {
	k.of, k.nth = "", 0
	return k
}

// known is an entry as an item knew it, and as this run must look for it.
type known struct {
	keyed
	key   string // the item's
	moved bool   // its key is another one now, and so may be its number among equals
}

// sought is a known entry with what tells it from equal ones of others.
type sought struct {
	known
	written  string // its reference
	document string
	was      string // on whose behalf
	unsaid   bool   // on nobody's, and maybe only because the ledger did not say on whose then
}

// soughtOf returns an entry of an item: on nobody's behalf, if the ledger does not say that any more.
func (i *openItems) soughtOf(item *payout.Item, e *payout.Entry, byOBO bool) sought {
	k := sought{known: known{keyed: keyedOf(e, i.fold), key: plain(string(item.Key))}, written: e.Ref, document: plain(e.Document)}
	k.was, k.unsaid = k.of, k.of == "" && byOBO && !i.named
	if !byOBO {
		k.of = ""
	}
	now, _ := payout.KeyOf(plain(e.Ref), k.of, i.fold)
	k.moved = k.key != string(now)
	return k
}

// rekeyed reports whether an entry of this run may be the known one under another key.
func (k *sought) rekeyed(to *keyed) bool {
	return k.of == to.of && k.moved || k.of == "" && to.of != ""
}

// renumbered reports whether an entry of this run is the known one by its document number, while equal ones that were before it
// may have keys of their own now.
func (k *sought) renumbered(to *keyed, document string) bool {
	return k.unsaid && k.of == to.of && document != "" && k.document == document
}

// mayBe reports whether an entry of this run may be the known one by whom it is for. That changes only where the ledger
// gained the column since, or lost it: where it was there all along, nobody's entry is not somebody's. And then document
// numbers, which not every ledger has, must not tell the two apart.
func (k *sought) mayBe(to *keyed, document string) bool {
	return k.was == to.of ||
		(k.unsaid || k.was != k.of) && (k.document == "" || document == "" || k.document == document)
}

// standing is an entry of this run that an item may have known.
type standing struct {
	keyed
	document string
	f        *finding
	taken    bool
}

// findEntries finds where the entries of open items ended this time: first those that a document number shows to be on another
// behalf; then those that stand as they did; then those whose key changed, or whose place among equals went to an item of what
// was another key; then those that had no date and were given one.
func (n *night) findEntries(findings []*finding) {
	equals, exact := map[keyed][]*standing{}, map[keyed]*standing{}
	var all, apart []sought // apart: those that may be on another behalf now
	for i := range n.run.items.list {
		if !n.run.items.open(i) {
			continue
		}
		item := &n.run.items.list[i]
		for e := range item.Entries {
			k := n.sought(item, &item.Entries[e])
			if _, here := n.booked[k.known]; !here {
				n.booked[k.known], equals[k.equals()] = nil, nil
				all = append(all, k)
				if k.unsaid || k.was != k.of {
					apart = append(apart, k)
				}
			}
		}
	}
	for _, f := range findings {
		if len(all) > 0 {
			n.stand(f, equals, exact)
		}
	}
	n.claim(apart, equals, func(k *sought, s *standing) bool {
		return k.day == s.day && k.was != s.of && k.rekeyed(&s.keyed) && s.document != "" && s.document == k.document
	})
	for i := range all {
		k := &all[i]
		if s := exact[k.keyed]; s != nil && n.booked[k.known] == nil && n.mayBe(k, s) {
			n.booked[k.known], s.taken = s.f, true
		}
	}
	n.claim(all, equals, func(k *sought, s *standing) bool {
		return k.day == s.day && (k.rekeyed(&s.keyed) || k.renumbered(&s.keyed, s.document) || k.of == s.of && exact[k.keyed] != nil)
	})
	n.claim(all, equals, func(k *sought, s *standing) bool {
		return k.day == payout.NoDay && (k.of == s.of && k.nth == s.nth || k.rekeyed(&s.keyed))
	})
}

// mayBe reports whether an entry that no item has is the known one. Under another key it may be another one, which is agreed
// and no item's: while the known one may stand on an unreadable row, that settles nothing.
func (n *night) mayBe(k *sought, s *standing) bool {
	return !s.taken && k.mayBe(&s.keyed, s.document) &&
		(s.f.outcome.Listed() || !k.moved && k.was == s.of || !n.m.unread.mayBear(k.written))
}

// stand notes the entries of a finding that some item may have known.
func (n *night) stand(f *finding, equals map[keyed][]*standing, exact map[keyed]*standing) {
	for _, e := range f.ents {
		s := &standing{keyed: keyedOf(&e.Entry, n.in.CaseInsensitive), document: plain(e.Document), f: f}
		dated, undated := s.equals(), s.equals()
		undated.day = payout.NoDay
		if list, wanted := equals[dated]; wanted {
			equals[dated], exact[s.keyed] = append(list, s), s
		}
		if list, wanted := equals[undated]; wanted && dated != undated {
			equals[undated] = append(list, s)
		}
	}
}

// claim gives the entries that were not found yet the first one that fits and nobody has: an open one before others.
func (n *night) claim(all []sought, equals map[keyed][]*standing, fits func(*sought, *standing) bool) {
	for i := range all {
		k := &all[i]
		if n.booked[k.known] != nil {
			continue
		}
		free := slices.DeleteFunc(equals[k.equals()], func(s *standing) bool { return s.taken })
		equals[k.equals()] = free
		var best *standing
		for _, s := range free {
			if fits(k, s) && (best == nil || s.f.outcome.Listed() && !best.f.outcome.Listed()) && n.mayBe(k, s) {
				best = s
			}
		}
		if best != nil {
			n.booked[k.known], best.taken = best.f, true
		}
	}
}

func (n *night) sought(item *payout.Item, e *payout.Entry) sought {
	return n.run.items.soughtOf(item, e, n.join.byOBO)
}

// bookedIn finds where an entry of an item ended this time.
func (n *night) bookedIn(item *payout.Item, e *payout.Entry) *finding {
	return n.booked[n.sought(item, e).known]
}

// freshDays returns the days of the listed entries that no item has had yet, by all that an entry keeps when it is given
// another date. Only where rows cannot be read does it matter.
func (n *night) freshDays() map[keyed][]payout.Day {
	fresh := map[keyed][]payout.Day{}
	if len(n.out.Ledger.Rejected) == 0 || len(n.in.Items) == 0 {
		return fresh
	}
	had := map[keyed]bool{}
	for i := range n.in.Items {
		for k := range n.in.Items[i].Entries {
			had[keyedOf(&n.in.Items[i].Entries[k], n.in.CaseInsensitive)] = true
		}
	}
	for _, f := range n.listed {
		for _, e := range f.ents {
			key := keyedOf(&e.Entry, n.in.CaseInsensitive)
			if had[key] || e.Day == payout.NoDay {
				continue
			}
			key.day, key.nth = payout.NoDay, 0
			fresh[key] = append(fresh[key], e.Day)
		}
	}
	return fresh
}
