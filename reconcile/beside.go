package reconcile

import (
	"slices"

	"payrecon/internal/payout"
)

// What a sentence may say about paying again depends on the other payouts of the reference: the retry that completed makes
// "pay again" a second payment. So every finding knows one payout outside of it, the one that matters most: of its own
// episode before others, live before dead, completed before in flight, of its amount before others. It is chosen when the
// rules are through, in one pass, however many records the key has.

// distance is how a finding's other payout stands to its records.
type distance uint8

const (
	sameEpisode distance = iota
	otherTime            // of another episode of the key
	otherOBO             // beyond the records of the key, by and large under another onBehalfOf (namesakes.go)
)

// addition is what an added entry stands beside.
type addition uint8

const (
	noAddition   addition = iota
	toAgreed              // all live pairs and groups of the episode are agreed
	toUnresolved          // one of them is not
)

// rank orders payouts by what they mean for paying again, the most urgent first.
func (p *pay) rank() int {
	switch {
	case p.class == payout.ClassDead:
		return 4
	case p.returned:
		return 3
	case p.class == payout.ClassCompleted:
		return 0
	case p.class == payout.ClassInFlight:
		return 1
	}
	return 2
}

// before reports whether a payout matters more than another one; nil matters least.
func (p *pay) before(q *pay) bool {
	if p == nil || q == nil {
		return p != nil
	}
	if p.rank() != q.rank() {
		return p.rank() < q.rank()
	}
	return comparePays(p, q) < 0
}

// foremost returns the payout that matters most, or nil.
func foremost(pays []*pay) *pay {
	var first *pay
	for _, p := range pays {
		if p.before(first) {
			first = p
		}
	}
	return first
}

func isLive(p *pay) bool { return p != nil && p.live() }

// paying returns the live payout of a finding itself that speaks against paying again, or nil. One that the ledger calls
// returned does not: there the retry, which is another payout, decides.
func (f *finding) paying() *pay {
	if p := foremost(f.pays); isLive(p) && f.outcome != payout.Returned {
		return p
	}
	return nil
}

// amountKey is the currency and amount of a finding's first record.
func (f *finding) amountKey() amountKey {
	if len(f.pays) > 0 {
		return amountKey{f.pays[0].Currency, f.pays[0].Units}
	}
	return amountKey{f.ents[0].Amount.Currency(), f.ents[0].units()}
}

// beside gives the findings of an episode their other payouts, and duplicate entries the payout of their amount.
func (e *episode) beside() {
	for _, f := range e.out {
		for _, p := range f.pays {
			p.returned = f.outcome == payout.Returned
		}
	}
	if len(e.out) < 2 || len(e.pays) == 0 {
		return
	}
	e.voided()
	var first, second *pay // of different findings
	var owner *finding
	for _, f := range e.out {
		switch p := foremost(f.pays); {
		case p.before(first):
			first, second, owner = p, first, f
		case p.before(second):
			second = p
		}
	}
	var equal map[amountKey]*pay
	for _, f := range e.out {
		f.other = first
		if f == owner {
			f.other = second
		}
		if f.paying() != nil {
			continue
		}
		if equal == nil {
			equal = e.foremostByAmount()
		}
		same := equal[f.amountKey()]
		if isLive(same) && !slices.Contains(f.pays, same) {
			f.other = same
		}
		if f.outcome == payout.DuplicateLedgerEntry {
			f.twin = same
		}
	}
}

// voided points lone payouts at the entries of their amount that the ledger cancelled itself: to finance it had them.
func (e *episode) voided() {
	var by map[amountKey]*finding
	for _, f := range e.out {
		if f.outcome != payout.OffsetInLedger {
			continue
		}
		if by == nil {
			by = map[amountKey]*finding{}
		}
		if k := f.amountKey(); by[k] == nil {
			by[k] = f
		}
	}
	if by == nil {
		return
	}
	for _, f := range e.out {
		if len(f.pays) == 1 && len(f.ents) == 0 {
			f.void = by[f.amountKey()]
		}
	}
}

func (e *episode) foremostByAmount() map[amountKey]*pay {
	by := map[amountKey]*pay{}
	for _, p := range e.pays {
		k := amountKey{p.Currency, p.Units}
		if p.before(by[k]) {
			by[k] = p
		}
	}
	return by
}

// livePair returns a payout of the episode's live pairs and groups: of one that is not agreed, if there is any.
func (e *episode) livePair() (*pay, addition) {
	var pair *pay
	for _, f := range e.out {
		p := foremost(f.pays)
		if len(f.ents) == 0 || !isLive(p) {
			continue
		}
		if f.outcome.Class() != payout.Agreed {
			return p, toUnresolved
		}
		if pair == nil {
			pair = p
		}
	}
	return pair, toAgreed
}

// part is one episode of a key, when the rules are through.
type part struct {
	pays     []*pay
	findings []*finding
}

// otherTimes points findings at payouts of other episodes where their own has no live one: at the next live payout after
// them, which may be the retry, else at the last one before.
func otherTimes(parts []part) {
	if len(parts) < 2 {
		return
	}
	var near *pay
	point := func(at part) {
		for _, f := range at.findings {
			if near != nil && (f.other == nil || !f.other.live() && near.live()) {
				f.other, f.apart = near, otherTime
			}
		}
		if p := foremost(at.pays); p != nil && (p.live() || !isLive(near)) {
			near = p
		}
	}
	for i := len(parts) - 1; i >= 0; i-- {
		point(parts[i])
	}
	near = nil
	for _, at := range parts {
		point(at)
	}
}
