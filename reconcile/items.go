package reconcile

import (
	"cmp"
	"slices"
	"sync"

	"payrecon/internal/payout"
)

// Breaks and unverified findings live on from night to night as items. A finding continues the open item with which it
// shares a record: a payout by its id, an entry by its fingerprint, an unreadable row by its text. An item whose records
// were not seen is carried; only a run that saw them clears it.

// fingerprint knows an entry again in another file, whatever its line and status word.
type fingerprint struct {
	day      payout.Day
	units    int64
	currency string
	text     string
	nth      int
}

// fingerprintOf returns an entry's fingerprint without its number among equals.
func fingerprintOf(e *payout.Entry) fingerprint {
	return fingerprint{e.Day, e.Amount.Units(), e.Amount.Currency(), plain(e.Text), 0}
}

func numberedFingerprint(e *payout.Entry) fingerprint {
	f := fingerprintOf(e)
	f.nth = e.Nth
	return f
}

// plain is a text as it comes back from JSON, where bytes that are no UTF-8 become U+FFFD.
func plain(s string) string {
	for _, r := range s {
		if r == '\uFFFD' {
			return string([]rune(s))
		}
	}
	return s
}

// openItems is the items before the run, found by their records.
type openItems struct {
	list     []payout.Item // by id; never changed
	fold     bool          // letter case does not count in references
	named    bool          // some item knows on whose behalf it is: the ledger has said that before
	hashes   hashSet       // of the references of open items, in the join
	byRef    map[string][]int
	byPayout map[string][]int // open items only

	// Cleared items by their records: the latest of each.
	wasPayout map[string]int
	wasEntry  map[keyed]wasEntry
	wasText   map[string]int

	// References of unreadable rows that were waited for, and those that could be read this time.
	mu      sync.Mutex
	awaited map[payout.Key]bool
	read    map[payout.Key]bool
}

// wasEntry is an entry of a cleared item.
type wasEntry struct {
	sought
	item int
}

func (i *openItems) open(n int) bool { return i.list[n].State != payout.ItemCleared }

func newOpenItems(items []payout.Item, fold bool) *openItems {
	byID := func(a, b payout.Item) int { return cmp.Compare(a.ID, b.ID) }
	if !slices.IsSortedFunc(items, byID) {
		items = slices.SortedFunc(slices.Values(items), byID)
	}
	i := &openItems{
		list: items, fold: fold, byRef: map[string][]int{}, byPayout: map[string][]int{},
		wasPayout: map[string]int{}, wasEntry: map[keyed]wasEntry{}, wasText: map[string]int{},
		awaited: map[payout.Key]bool{}, read: map[payout.Key]bool{},
	}
	for n := range i.list {
		i.named = i.named || named(&i.list[n])
	}
	for n := range i.list {
		if !i.open(n) {
			i.cleared(n)
			continue
		}
		for _, ref := range refs(&i.list[n]) {
			key := bareKey(ref, fold)
			if known := i.byRef[key]; key != "" && (len(known) == 0 || known[len(known)-1] != n) {
				i.byRef[key] = append(known, n)
			}
		}
		for _, p := range i.list[n].Payouts {
			i.byPayout[p.ID] = append(i.byPayout[p.ID], n)
		}
	}
	return i
}

// named reports whether the key of an item says on whose behalf it is, as it does where the ledger has that column.
func named(item *payout.Item) bool {
	key := plain(string(item.Key))
	return item.OnBehalfOf != "" && key != bareKey(item.RefID, false) && key != bareKey(item.RefID, true)
}

func (i *openItems) cleared(n int) {
	item := &i.list[n]
	for _, p := range item.Payouts {
		i.wasPayout[p.ID] = n
	}
	for k := range item.Entries {
		i.wasEntry[keyedOf(&item.Entries[k], i.fold)] = wasEntry{i.soughtOf(item, &item.Entries[k], true), n}
	}
	for _, row := range item.Rejected {
		i.wasText[plain(row.Text)] = n
	}
}

// hashSet is asked about every key of the join: a bit for the top of each hash answers nearly always.
type hashSet struct {
	tops []uint64
	all  map[uint64]bool
}

const topBits = 20

func (s *hashSet) add(hash uint64) {
	if s.all == nil {
		s.all, s.tops = map[uint64]bool{}, make([]uint64, 1<<topBits/64)
	}
	top := hash >> (64 - topBits)
	s.tops[top/64] |= 1 << (top % 64)
	s.all[hash] = true
}

func (s *hashSet) has(hash uint64) bool {
	if s.all == nil {
		return false
	}
	top := hash >> (64 - topBits)
	return s.tops[top/64]&(1<<(top%64)) != 0 && s.all[hash]
}

// refs is the references of an item's records.
func refs(item *payout.Item) []string {
	refs := []string{item.RefID}
	for _, p := range item.Payouts {
		refs = append(refs, p.RefID)
	}
	for k := range item.Entries {
		refs = append(refs, item.Entries[k].Ref)
	}
	for _, row := range item.Rejected {
		refs = append(refs, row.Ref)
	}
	return refs
}

// hash notes the references of open items as the join hashes them.
func (i *openItems) hash(j *join) {
	w := writer{seed: j.seed, hash: j.hash, fold: j.m.o.CaseInsensitive}
	note := func(ref string) {
		if _, hash, ok := w.key(ref); ok {
			i.hashes.add(hash)
		}
	}
	for n := range i.list {
		if !i.open(n) {
			continue
		}
		for _, ref := range refs(&i.list[n]) {
			note(ref)
		}
		for _, row := range i.list[n].Rejected {
			if key, ok := payout.KeyOf(row.Ref, "", j.m.o.CaseInsensitive); ok {
				i.awaited[key] = true
			}
		}
	}
}

func (i *openItems) hasPayout(id string) bool { return len(i.byPayout[id]) > 0 }

// claim finds the open items of a group and brings their records into scope.
func (i *openItems) claim(g *group, byOBO bool) {
	if len(i.list) == 0 {
		return
	}
	if len(g.ents) > 0 && len(i.awaited) > 0 {
		i.readable(g.ents[0].Ref)
	}
	g.items = nil
	if g.key != "" {
		ref := ""
		if len(g.pays) > 0 {
			ref = g.pays[0].RefID
		} else {
			ref = g.ents[0].Ref
		}
		g.items = slices.Clone(i.byRef[bareKey(ref, i.fold)])
	}
	for _, p := range g.pays {
		if open := i.byPayout[p.ID]; len(open) > 0 {
			p.scoped = true
			g.items = append(g.items, open...)
		}
	}
	slices.Sort(g.items)
	g.items = slices.Compact(g.items)
	if len(g.items) > 0 && len(g.ents) > 0 {
		i.claimEntries(g, byOBO)
	}
}

// claimEntries brings the entries into scope that open items know, or may know by another key.
func (i *openItems) claimEntries(g *group, byOBO bool) {
	exact, equals := map[keyed]bool{}, map[keyed][]sought{}
	for _, n := range g.items {
		for k := range i.list[n].Entries {
			e := i.soughtOf(&i.list[n], &i.list[n].Entries[k], byOBO)
			if e.was == e.of {
				exact[e.keyed] = true
			}
			if e.moved || e.unsaid {
				equals[e.equals()] = append(equals[e.equals()], e)
			}
		}
	}
	for _, e := range g.ents {
		k := keyedOf(&e.Entry, i.fold)
		document := plain(e.Document)
		e.scoped = e.scoped || exact[k] || slices.ContainsFunc(equals[k.equals()], func(s sought) bool {
			return (s.rekeyed(&k) || s.renumbered(&k, document)) && s.mayBe(&k, document)
		})
	}
}

// readable notes that a row with an awaited reference could be read.
func (i *openItems) readable(ref string) {
	key, _ := payout.KeyOf(ref, "", i.fold)
	if !i.awaited[key] {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.read[key] = true
}
