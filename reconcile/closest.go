package reconcile

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"sort"

	"payrecon/internal/payout"
)

// Pairing is greedy over an order: smallest difference of amounts, fewest days apart, then the order of payouts, then that
// of entries. For the few records that a key usually has, all pairs are sorted. For a key with many records that would be
// quadratic, so records of equal amount and day are taken together, and each group of payouts looks for its nearest
// groups of entries: n log n for n records, whatever they are.

// spot is where a record stands for pairing. Records of different buckets never pair.
type spot struct {
	bucket string
	units  int64
	day    payout.Day // NoDay is the farthest from every day
}

// couple is a pair, by the indices of its records.
type couple struct{ p, e int }

// few is the number of possible pairs up to which sorting them all is fastest.
const few = 64

// farAway is the number of days between a payout and an undated entry.
const farAway = math.MaxInt64

func daysApart(a, b payout.Day) int64 {
	if a == payout.NoDay || b == payout.NoDay {
		return farAway
	}
	return int64(absDiff(int64(a), int64(b)))
}

func absDiff(a, b int64) uint64 {
	if a > b {
		a, b = b, a
	}
	return uint64(b) - uint64(a)
}

// closest pairs payouts and entries of equal bucket whose units differ by at most the bucket's tolerance (nil: not at all).
// The indices are the orders of payouts and entries.
func closest(pays, ents []spot, tolerance map[string]int64) []couple {
	if len(pays) == 0 || len(ents) == 0 {
		return nil
	}
	if len(pays)*len(ents) <= few {
		return closestOfFew(pays, ents, tolerance)
	}
	return closestOfMany(pays, ents, tolerance)
}

func closestOfMany(pays, ents []spot, tolerance map[string]int64) []couple {
	byBucket := map[string]*crowd{}
	for i, s := range ents {
		c := byBucket[s.bucket]
		if c == nil {
			c = &crowd{tolerance: uint64(tolerance[s.bucket])}
			byBucket[s.bucket] = c
		}
		c.ents = append(c.ents, i)
	}
	for i, s := range pays {
		if c := byBucket[s.bucket]; c != nil {
			c.pays = append(c.pays, i)
		}
	}
	var couples []couple
	for _, c := range byBucket {
		if len(c.pays) > 0 {
			couples = c.pair(pays, ents, couples)
		}
	}
	slices.SortFunc(couples, func(a, b couple) int { return cmp.Compare(a.p, b.p) })
	return couples
}

func closestOfFew(pays, ents []spot, tolerance map[string]int64) []couple {
	type candidate struct {
		couple
		diff uint64
		days int64
	}
	var candidates []candidate
	for p, a := range pays {
		for e, b := range ents {
			diff := absDiff(a.units, b.units)
			if a.bucket == b.bucket && diff <= uint64(tolerance[a.bucket]) {
				candidates = append(candidates, candidate{couple{p, e}, diff, daysApart(a.day, b.day)})
			}
		}
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.diff, b.diff), cmp.Compare(a.days, b.days), cmp.Compare(a.p, b.p), cmp.Compare(a.e, b.e))
	})
	var couples []couple
	var usedP, usedE uint64 // few is at most 64 records a side
	for _, c := range candidates {
		if usedP&(1<<c.p) == 0 && usedE&(1<<c.e) == 0 {
			usedP |= 1 << c.p
			usedE |= 1 << c.e
			couples = append(couples, c.couple)
		}
	}
	slices.SortFunc(couples, func(a, b couple) int { return cmp.Compare(a.p, b.p) })
	return couples
}

// crowd pairs the many records of one bucket.
type crowd struct {
	tolerance  uint64
	pays, ents []int
	amounts    []*amountNode // of entries, by amount
	alive      living        // of amounts
}

// heapOf records of one amount and day, in their order.
type pile struct {
	units int64
	day   payout.Day
	list  []int

	// of payouts: the nearest piles of entries, all at the same distance
	diff uint64
	days int64
	near []*pile
}

func (p *pile) empty() bool { return len(p.list) == 0 }

// amountNode is the entries of one amount, by day; undated ones apart.
type amountNode struct {
	units   int64
	piles   []*pile
	alive   living
	undated *pile
}

func (n *amountNode) empty() bool {
	return n.undated.empty() && n.alive.next(0) == len(n.piles)
}

func (c *crowd) pair(pays, ents []spot, couples []couple) []couple {
	c.index(ents)
	nearest := &pileHeap{less: func(a, b *pile) bool { return a.diff < b.diff || a.diff == b.diff && a.days < b.days }}
	for _, pile := range piles(pays, c.pays) {
		if c.look(pile) {
			nearest.list = append(nearest.list, pile)
		}
	}
	heap.Init(nearest)
	for nearest.Len() > 0 {
		// One round: all piles of payouts whose nearest entries are equally far. The payouts choose in their own order.
		first := nearest.list[0]
		round := &pileHeap{less: func(a, b *pile) bool { return a.list[0] < b.list[0] }}
		diff, days := first.diff, first.days
		for nearest.Len() > 0 && nearest.list[0].diff == diff && nearest.list[0].days == days {
			heap.Push(round, heap.Pop(nearest))
		}
		for round.Len() > 0 {
			p := heap.Pop(round).(*pile)
			e := firstOf(p.near)
			if e == nil {
				if c.look(p) {
					heap.Push(nearest, p)
				}
				continue
			}
			couples = append(couples, couple{p.list[0], e.list[0]})
			p.list, e.list = p.list[1:], e.list[1:]
			if !p.empty() {
				heap.Push(round, p)
			}
		}
	}
	return couples
}

// firstOf returns the pile whose first record comes first.
func firstOf(piles []*pile) *pile {
	var first *pile
	for _, p := range piles {
		if !p.empty() && (first == nil || p.list[0] < first.list[0]) {
			first = p
		}
	}
	return first
}

// piles gathers records of equal amount and day, by amount and day.
func piles(spots []spot, members []int) []*pile {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b int) int {
		return cmp.Or(cmp.Compare(spots[a].units, spots[b].units), cmp.Compare(spots[a].day, spots[b].day), cmp.Compare(a, b))
	})
	var all []*pile
	for from := 0; from < len(sorted); {
		s := spots[sorted[from]]
		to := from
		for to < len(sorted) && spots[sorted[to]].units == s.units && spots[sorted[to]].day == s.day {
			to++
		}
		all = append(all, &pile{units: s.units, day: s.day, list: sorted[from:to:to]})
		from = to
	}
	return all
}

func (c *crowd) index(ents []spot) {
	for _, p := range piles(ents, c.ents) {
		if n := len(c.amounts); n == 0 || c.amounts[n-1].units != p.units {
			c.amounts = append(c.amounts, &amountNode{units: p.units, undated: &pile{}})
		}
		node := c.amounts[len(c.amounts)-1]
		if p.day == payout.NoDay {
			node.undated = p
		} else {
			node.piles = append(node.piles, p)
		}
	}
	c.alive = newLiving(len(c.amounts), func(i int) bool { return c.amounts[i].empty() })
	for _, node := range c.amounts {
		node.alive = newLiving(len(node.piles), func(i int) bool { return node.piles[i].empty() })
	}
}

// look finds the nearest piles of entries for a pile of payouts: first by amount, then by day. False: there is none.
func (c *crowd) look(p *pile) bool {
	p.near, p.diff, p.days = p.near[:0], math.MaxUint64, farAway
	at := sort.Search(len(c.amounts), func(i int) bool { return c.amounts[i].units >= p.units })
	var nodes []*amountNode
	for _, i := range [2]int{c.alive.prev(at - 1), c.alive.next(at)} {
		if i < 0 || i == len(c.amounts) {
			continue
		}
		diff := absDiff(p.units, c.amounts[i].units)
		if diff > c.tolerance || diff > p.diff {
			continue
		}
		if diff < p.diff {
			nodes = nodes[:0]
		}
		p.diff = diff
		nodes = append(nodes, c.amounts[i])
	}
	for _, node := range nodes {
		node.look(p)
	}
	return len(p.near) > 0
}

func (n *amountNode) look(p *pile) {
	at := sort.Search(len(n.piles), func(i int) bool { return n.piles[i].day >= p.day })
	found := false
	for _, i := range [2]int{n.alive.prev(at - 1), n.alive.next(at)} {
		if i >= 0 && i < len(n.piles) {
			p.consider(n.piles[i], daysApart(p.day, n.piles[i].day))
			found = true
		}
	}
	if !found && !n.undated.empty() {
		p.consider(n.undated, farAway)
	}
}

func (p *pile) consider(e *pile, days int64) {
	if days > p.days {
		return
	}
	if days < p.days {
		p.near = p.near[:0]
	}
	p.days = days
	p.near = append(p.near, e)
}

// living finds the next and the previous of n things that are not dead, in nearly constant time: links over the dead ones
// are shortened whenever they are followed.
type living struct {
	dead   func(int) bool
	up, dn []int32
}

func newLiving(n int, dead func(int) bool) living {
	l := living{dead, make([]int32, n+1), make([]int32, n+1)}
	for i := range l.up {
		l.up[i], l.dn[i] = int32(i), int32(i)
	}
	return l
}

// next returns the first living index from i on, or n.
func (l *living) next(i int) int {
	end := len(l.up) - 1
	for at := i; ; {
		if at >= end || !l.dead(at) {
			for i < at {
				following := max(int(l.up[i]), i+1)
				l.up[i] = int32(at)
				i = following
			}
			return at
		}
		at = max(int(l.up[at]), at+1)
	}
}

// prev returns the last living index up to i, or -1.
func (l *living) prev(i int) int {
	for at := i; ; {
		if at < 0 || !l.dead(at) {
			for i > at {
				following := min(int(l.dn[i]), i-1)
				l.dn[i] = int32(at)
				i = following
			}
			return at
		}
		at = min(int(l.dn[at]), at-1)
	}
}

// pileHeap is a heap of piles for container/heap.
type pileHeap struct {
	list []*pile
	less func(a, b *pile) bool
}

func (h *pileHeap) Len() int           { return len(h.list) }
func (h *pileHeap) Less(i, j int) bool { return h.less(h.list[i], h.list[j]) }
func (h *pileHeap) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *pileHeap) Push(x any)         { h.list = append(h.list, x.(*pile)) }
func (h *pileHeap) Pop() any {
	last := len(h.list) - 1
	p := h.list[last]
	h.list = h.list[:last]
	return p
}
