package reconcile

import (
	"fmt"
	"math/bits"
	"strings"

	"payrecon/internal/payout"
)

// Two guards stop what cannot be meant before it looks like a thousand breaks: an export that holds both legs of each
// booking, and a ledger that belongs to something else.

// guards count what wrong exports look like.
type guards struct {
	keys, netted        int64 // keys of the ledger; those whose entries cancel each other
	entries, withPayout int64 // in-period entries on complete days; those whose key has a payout
}

// guard stops inputs that cannot be meant.
func (r *run) guard(g guards) error {
	if g.keys >= 20 && 2*g.netted > g.keys {
		return payout.Errorf(payout.KindInput,
			"%s: %d of the ledger's %d references net to zero: it holds both legs of each booking; filter it to one (ledger.filter)",
			r.ledgerName(), g.netted, g.keys)
	}
	if g.entries >= 100 && g.withPayout*100 < g.entries*int64(r.m.o.MinOverlap) {
		return payout.Errorf(payout.KindInput,
			"%s: only %d of %d ledger entries on complete days have a payout, fewer than %d%% (reconcile.min_overlap): does this ledger belong to this mirror?",
			r.ledgerName(), g.withPayout, g.entries, r.m.o.MinOverlap)
	}
	return nil
}

// ledgerName names the ledger's files, the first few.
func (r *run) ledgerName() string {
	if len(r.in.LedgerFiles) == 0 {
		return "the ledger"
	}
	return "ledger " + firstFew(r.in.LedgerFiles)
}

// firstFew lists up to three names, and says how many more there are.
func firstFew(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// netsToZero reports whether the key's entries have both signs and sum to zero in every currency: what exporting both legs
// of a booking looks like.
func (w *joinWorker) netsToZero(s *slot) bool {
	var few [4]currencySum
	sums := few[:0]
	negative, positive := false, false
	for n := s.head[entrySide]; n != 0; n = w.next[n-1] {
		e := w.record(entrySide, n)
		units, cur := int64(le.Uint64(e[recUnits:])), u32(e, recCur)
		negative, positive = negative || units < 0, positive || units > 0
		i := 0
		for i < len(sums) && sums[i].cur != cur {
			i++
		}
		if i == len(sums) {
			sums = append(sums, currencySum{cur: cur})
		}
		sums[i].add(units)
	}
	for _, sum := range sums {
		if sum.low != 0 || sum.high != 0 {
			return false
		}
	}
	return negative && positive
}

// currencySum is a sum of 128 bits: it cannot overflow.
type currencySum struct {
	cur  int
	low  uint64
	high int64
}

func (s *currencySum) add(units int64) {
	var carry uint64
	s.low, carry = bits.Add64(s.low, uint64(units), 0)
	s.high += units>>63 + int64(carry)
}
