package reconcile

import (
	"maps"
	"slices"

	"payrecon/internal/payout"
)

// Where the ledger names on whose behalf it pays, a payout of the reference under another onBehalfOf is of another key and
// answers nothing. For paying again it matters all the same: the retry may have been made on behalf of another. So findings
// that know no live payout of their key look further, by reference alone, in what the mirror holds and the provider showed.

// namesakes is the two payouts of a reference that matter most, under different onBehalfOf: whoever a finding is on behalf of,
// one of them is the foremost that is beyond its key.
type namesakes struct {
	first, second *pay
	owners        map[string]string // of all the mirror holds, by id, where a key of the reference waits for evidence; else nil
}

func (n *namesakes) add(p *pay) {
	switch {
	case n.first == nil || p.OnBehalfOf == n.first.OnBehalfOf:
		if p.before(n.first) {
			n.first = p
		}
	case p.before(n.first):
		n.first, n.second = p, n.first
	case p.before(n.second):
		n.second = p
	}
}

// update adds a payout as the provider showed it. The mirror's word on whose behalf it was made stands.
func (n *namesakes) update(p *pay) {
	for _, known := range []**pay{&n.first, &n.second} {
		if *known != nil && (*known).ID == p.ID {
			if p.Changed >= (*known).Changed {
				p.OnBehalfOf = (*known).OnBehalfOf
				*known = p
			}
			if n.second.before(n.first) {
				n.first, n.second = n.second, n.first
			}
			return
		}
	}
	n.add(p)
}

// beyond returns the foremost payout that is not on behalf of the one given, or nil.
func (n *namesakes) beyond(onBehalfOf string) *pay {
	if n.first != nil && n.first.OnBehalfOf != onBehalfOf {
		return n.first
	}
	return n.second
}

// stray keeps the foremost live payout of each key that the provider showed and that did not wait for it: its records are
// matched and gone.
func (o *joined) stray(j *join, shown map[payout.Key][]*payout.Payout) {
	o.strays = map[payout.Key]*pay{}
	for key, list := range shown {
		for _, p := range list {
			if found := j.payOf(rowOf(p)); found.live() && found.before(o.strays[key]) {
				o.strays[key] = found
			}
		}
	}
}

// namesakes looks for the payouts of the references of findings, all of which lie in the partition, in one pass.
func (w *joinWorker) namesakes(findings []*finding, pending []*unproven) {
	wanted := map[payout.Key]*namesakes{}
	want := func(ref string) *namesakes {
		key, ok := payout.KeyOf(ref, "", w.m.o.CaseInsensitive)
		if ok && wanted[key] == nil {
			wanted[key] = &namesakes{}
		}
		return wanted[key]
	}
	for _, f := range findings {
		if f.seeks() {
			want(f.ref())
		}
	}
	for _, u := range pending { // what is known of these keys may change yet
		want(u.g.ents[0].Ref).owners = map[string]string{}
	}
	if len(wanted) == 0 {
		return
	}
	data := w.data[payoutSide]
	for at := 0; at < len(data); at += u32(data[at:], recSize) {
		if n := wanted[payout.Key(keyBytes(payoutSide, data[at:]))]; n != nil {
			p := w.pay(data[at:])
			n.add(p)
			if n.owners != nil {
				n.owners[p.ID] = p.OnBehalfOf
			}
		}
	}
	maps.Copy(w.out.namesakes, wanted)
}

// seeks reports whether a finding knows no live payout, neither its own nor another one.
func (f *finding) seeks() bool { return !isLive(f.other) && f.paying() == nil }

// elsewhere points a finding that knows no live payout at one of its reference that is beyond the records of its key.
func (r *run) elsewhere(all *joined, f *finding) {
	if !f.seeks() {
		return
	}
	ref, _ := payout.KeyOf(f.ref(), "", r.m.o.CaseInsensitive)
	found := all.strays[f.g.key]
	if found != nil && slices.ContainsFunc(f.pays, func(p *pay) bool { return p.ID == found.ID }) {
		found = nil // its own, as it is known
	}
	if n := all.namesakes[ref]; n != nil && found == nil {
		found = n.beyond(f.onBehalfOf())
	}
	if found != nil && (f.other == nil || found.live()) {
		f.other, f.apart = found, otherOBO
	}
}
