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

// knownOf returns an entry of an item: on nobody's behalf, if the ledger does not say that any more.
func knownOf(item *payout.Item, e *payout.Entry, fold, byOBO bool) known {
	k := known{keyed: keyedOf(e, fold), key: plain(string(item.Key))}
	if !byOBO {
		k.of = ""
	}
	now, _ := payout.KeyOf(plain(e.Ref), k.of, fold)
	k.moved = k.key != string(now)
	return k
}

// rekeyed reports whether an entry of this run may be the known one under another key.
func (k *known) rekeyed(to *keyed) bool {
	return k.of == to.of && k.moved || k.of == "" && to.of != ""
}

// standing is an entry of this run that an item may have known.
type standing struct {
	keyed
	f     *finding
	taken bool
}

// findEntries finds where the entries of open items ended this time: first those that stand as they did; then those whose key
// changed, or whose place among equals went to an item of what was another key; then those that had no date and were given one.
func (n *night) findEntries(findings []*finding) {
	equals, exact := map[keyed][]*standing{}, map[keyed]*standing{}
	var all []known
	for i := range n.run.items.list {
		if !n.run.items.open(i) {
			continue
		}
		item := &n.run.items.list[i]
		for e := range item.Entries {
			k := n.known(item, &item.Entries[e])
			if _, here := n.booked[k]; !here {
				n.booked[k], equals[k.equals()] = nil, nil
				all = append(all, k)
			}
		}
	}
	for _, f := range findings {
		if len(all) > 0 {
			n.stand(f, equals, exact)
		}
	}
	for _, k := range all {
		if s := exact[k.keyed]; s != nil && !s.taken {
			n.booked[k], s.taken = s.f, true
		}
	}
	n.claim(all, equals, func(k *known, s *standing) bool {
		return k.day == s.day && (k.rekeyed(&s.keyed) || k.of == s.of && exact[k.keyed] != nil)
	})
	n.claim(all, equals, func(k *known, s *standing) bool {
		return k.day == payout.NoDay && (k.of == s.of && k.nth == s.nth || k.rekeyed(&s.keyed))
	})
}

// stand notes the entries of a finding that some item may have known.
func (n *night) stand(f *finding, equals map[keyed][]*standing, exact map[keyed]*standing) {
	for _, e := range f.ents {
		s := &standing{keyed: keyedOf(&e.Entry, n.in.CaseInsensitive), f: f}
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
func (n *night) claim(all []known, equals map[keyed][]*standing, fits func(*known, *standing) bool) {
	for _, k := range all {
		if n.booked[k] != nil {
			continue
		}
		free := slices.DeleteFunc(equals[k.equals()], func(s *standing) bool { return s.taken })
		equals[k.equals()] = free
		var best *standing
		for _, s := range free {
			if fits(&k, s) && (best == nil || s.f.outcome.Listed() && !best.f.outcome.Listed()) {
				best = s
			}
		}
		if best != nil {
			n.booked[k], best.taken = best.f, true
		}
	}
}

func (n *night) known(item *payout.Item, e *payout.Entry) known {
	return knownOf(item, e, n.in.CaseInsensitive, n.join.byOBO)
}

// bookedIn finds where an entry of an item ended this time.
func (n *night) bookedIn(item *payout.Item, e *payout.Entry) *finding {
	return n.booked[n.known(item, e)]
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
