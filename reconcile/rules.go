package reconcile

import (
	"maps"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// finding is a result in the making: the records that belong together, or the one that is alone.
type finding struct {
	g        *group
	outcome  payout.Outcome
	cell     payout.Cell
	pays     []*pay
	ents     []*ent
	rejected []payout.RejectedRow

	adds  addition // AmountMismatch of an entry that adds to a live pair or group
	why   proof    // what the outcome rests on
	apart distance // how other stands to the finding's records
	twin  *pay     // the payout that a duplicate repeats, or that an addition stands beside
	other *pay     // a payout of the reference outside of the finding, the one that matters most (beside.go)
	void  *finding // what the ledger booked for the amount of a lone payout and cancelled itself, if it did

	// Filled in when all findings are known.
	sums                 sums
	severity             payout.Severity
	sentence, next, hint string
	partner              bool // the hint names a record that may be the other side of this one
	shown                *payout.Finding
}

// episode is the records of one key that belong to one story, on their way through the rules.
//
//  1. Offsets: a reversal cancels an entry.
//  2. Pairs of equal amount.
//  3. What is left over of live payouts and entries that are not failed: differences, groups, ambiguity.
//  4. Live payouts left: duplicates, missing in the ledger.
//  5. Entries left: against dead payouts, duplicates, additions, missing at the provider.
//  6. Dead payouts left: failed attempts.
//
// Each record is used by the first rule that takes it, once.
type episode struct {
	m    *matcher
	g    *group
	pays []*pay
	ents []*ent
	live bool // it has a live pair or group
	out  []*finding
	err  error
}

func (e *episode) run() ([]*finding, error) {
	if len(e.ents) > 0 {
		e.offsets()
		e.pairs()
		e.leftOver()
	}
	e.livePayouts()
	if len(e.ents) > 0 {
		e.entries()
	}
	e.deadPayouts()
	e.beside()
	return e.out, e.err
}

// take makes a finding of records and marks them used.
func (e *episode) take(outcome payout.Outcome, pays []*pay, ents []*ent) *finding {
	f := &finding{g: e.g, outcome: outcome, pays: pays, ents: ents}
	live := false
	for _, p := range pays {
		p.used = true
		live = live || p.live()
	}
	for _, n := range ents {
		n.used = true
	}
	e.live = e.live || live && len(ents) > 0
	e.out = append(e.out, f)
	return f
}

// paysLeft and entsLeft are the unused records that pass, in order.
func (e *episode) paysLeft(pass func(*pay) bool) []*pay {
	var left []*pay
	for _, p := range e.pays {
		if !p.used && pass(p) {
			left = append(left, p)
		}
	}
	return left
}

// deadLeft is the dead payouts left, the latest first.
func (e *episode) deadLeft() []*pay {
	dead := e.paysLeft(func(p *pay) bool { return !p.live() })
	slices.Reverse(dead)
	return dead
}

func (e *episode) entsLeft(pass func(*ent) bool) []*ent {
	var left []*ent
	for _, n := range e.ents {
		if !n.used && pass(n) {
			left = append(left, n)
		}
	}
	return left
}

func notFailed(n *ent) bool { return n.Class != payout.EntryFailed }
func isFailed(n *ent) bool  { return n.Class == payout.EntryFailed }

type amountKey struct {
	currency string
	units    int64
}

func entrySpot(n *ent) spot { return spot{n.Amount.Currency(), n.units(), n.Day} }

func entrySpots(ents []*ent) []spot {
	spots := make([]spot, len(ents))
	for i, n := range ents {
		spots[i] = entrySpot(n)
	}
	return spots
}

func paySpots(pays []*pay) []spot {
	spots := make([]spot, len(pays))
	for i, p := range pays {
		spots[i] = spot{p.Currency, p.Units, p.day}
	}
	return spots
}

// pairs takes pairs of equal currency: of exactly equal amount, then again within the tolerance, each time those that the
// status table calls matched before live payouts with entries that are not failed before live payouts with failed ones.
func (e *episode) pairs() {
	for _, tolerance := range []map[string]int64{nil, e.m.o.Tolerance} {
		for class := payout.ClassCompleted; class <= payout.ClassUnknown; class++ {
			agrees := func(n *ent) bool { return payout.StatusTable[n.Class][class].Outcome == payout.Matched }
			pays := e.paysLeft(func(p *pay) bool { return p.class == class })
			if class == payout.ClassDead {
				slices.Reverse(pays)
			}
			e.pairUp(pays, e.entsLeft(agrees), tolerance)
		}
		e.pairUp(e.paysLeft((*pay).live), e.entsLeft(notFailed), tolerance)
		e.pairUp(e.paysLeft((*pay).live), e.entsLeft(isFailed), tolerance)
		if len(e.m.o.Tolerance) == 0 {
			return
		}
	}
}

func (e *episode) pairUp(pays []*pay, ents []*ent, tolerance map[string]int64) {
	if len(pays) == 0 || len(ents) == 0 {
		return
	}
	for _, c := range closest(paySpots(pays), entrySpots(ents), tolerance) {
		p, n := pays[c.p], ents[c.e]
		e.m.byStatus(e.take(payout.NoOutcome, []*pay{p}, []*ent{n}))
	}
}

// leftOver takes the live payouts and the entries that are not failed and found no partner, by currency, then across.
func (e *episode) leftOver() {
	pays := e.paysLeft((*pay).live)
	ents := e.entsLeft(notFailed)
	if len(pays) == 0 || len(ents) == 0 {
		return
	}
	paysOf, entsOf := map[string][]*pay{}, map[string][]*ent{}
	for _, p := range pays {
		paysOf[p.Currency] = append(paysOf[p.Currency], p)
	}
	for _, n := range ents {
		entsOf[n.Amount.Currency()] = append(entsOf[n.Amount.Currency()], n)
	}
	for _, currency := range slices.Sorted(maps.Keys(paysOf)) {
		if len(entsOf[currency]) > 0 {
			e.sameCurrency(currency, paysOf[currency], entsOf[currency])
		}
	}
	pays = e.paysLeft((*pay).live)
	ents = e.entsLeft(notFailed)
	switch {
	case len(pays) == 0 || len(ents) == 0:
	case len(pays) == 1 && len(ents) == 1:
		e.take(payout.CurrencyMismatch, pays, ents)
	default:
		e.take(payout.Ambiguous, pays, ents)
	}
}

func (e *episode) sameCurrency(currency string, pays []*pay, ents []*ent) {
	if len(pays) > 1 && len(ents) > 1 {
		e.take(payout.Ambiguous, pays, ents)
		return
	}
	if len(pays) == 1 && len(ents) == 1 {
		e.take(payout.AmountMismatch, pays, ents)
		return
	}
	var paid, booked int64
	for _, p := range pays {
		paid = e.add(paid, p.Units)
	}
	for _, n := range ents {
		booked = e.add(booked, n.units())
	}
	if absDiff(paid, booked) > uint64(e.m.o.Tolerance[currency]) {
		e.take(payout.AmountMismatch, pays, ents)
		return
	}
	e.m.byStatus(e.take(payout.NoOutcome, pays, ents))
}

// add sums up; an overflow ends the run.
func (e *episode) add(a, b int64) int64 {
	sum, err := money.AddUnits(a, b)
	if err != nil && e.err == nil {
		e.err = err
	}
	return sum
}

// livePayouts: a live payout left is a duplicate of another one of the episode, or missing in the ledger. Of several twins
// that are all left, the first is the missing one.
func (e *episode) livePayouts() {
	left := e.paysLeft((*pay).live)
	if len(left) == 0 {
		return
	}
	if len(e.pays) == 1 {
		e.m.missingInLedger(e.take(payout.MissingInLedger, left, nil))
		return
	}
	seen := map[amountKey]twins{}
	add := func(p *pay) {
		k := amountKey{p.Currency, p.Units}
		if seen[k] == nil {
			seen[k] = twins{}
		}
		seen[k].add(p)
	}
	for _, p := range e.pays {
		if p.used && p.live() {
			add(p)
		}
	}
	for _, p := range left {
		twin := seen[amountKey{p.Currency, p.Units}].of(p.Account)
		add(p)
		if twin != nil {
			e.take(payout.DuplicatePayout, []*pay{p}, nil).twin = twin
			continue
		}
		e.m.missingInLedger(e.take(payout.MissingInLedger, []*pay{p}, nil))
	}
}

// entries settles what is left of the ledger's side.
func (e *episode) entries() {
	e.bookedButFailed()
	failed := e.entsLeft(isFailed)
	dead := e.deadLeft()
	for _, c := range closest(anywhere(paySpots(dead)), anywhere(entrySpots(failed)), nil) {
		e.take(payout.FailedAttempt, []*pay{dead[c.p]}, []*ent{failed[c.e]})
	}
	for _, n := range e.entsLeft(isFailed) {
		e.take(payout.NotSent, nil, []*ent{n})
	}
	e.others()
}

// anywhere lets records pair whatever their amounts and currencies.
func anywhere(spots []spot) []spot {
	for i := range spots {
		spots[i].bucket, spots[i].units = "", 0
	}
	return spots
}

// bookedButFailed pairs entries that are not failed with dead payouts: of equal amount first, then any.
func (e *episode) bookedButFailed() {
	for step := range 3 {
		dead, others := e.deadLeft(), e.entsLeft(notFailed)
		if len(dead) == 0 || len(others) == 0 {
			return
		}
		p, n := paySpots(dead), entrySpots(others)
		var tolerance map[string]int64
		switch step {
		case 1:
			tolerance = e.m.o.Tolerance
		case 2:
			p, n = anywhere(p), anywhere(n)
		}
		for _, c := range closest(p, n, tolerance) {
			e.m.byStatus(e.take(payout.NoOutcome, []*pay{dead[c.p]}, []*ent{others[c.e]}))
		}
	}
}

// others settles the entries that found no payout at all.
func (e *episode) others() {
	type twinKey struct {
		amountKey
		class payout.EntryClass
	}
	key := func(n *ent) twinKey { return twinKey{amountKey{n.Amount.Currency(), n.units()}, n.Class} }
	left := e.entsLeft(notFailed)
	if len(left) == 0 {
		return
	}
	if len(e.ents) == 1 && !e.live {
		e.m.missingAtProvider(e.take(payout.MissingAtProvider, nil, left))
		return
	}
	pair, adds := e.livePair()
	seen := map[twinKey]bool{}
	for _, n := range e.ents {
		if n.used && !n.offset {
			seen[key(n)] = true
		}
	}
	for _, n := range left {
		twin := seen[key(n)]
		seen[key(n)] = true
		switch {
		case twin:
			e.take(payout.DuplicateLedgerEntry, nil, []*ent{n})
		case e.live:
			f := e.take(payout.AmountMismatch, nil, []*ent{n})
			f.adds, f.twin = adds, pair
		default:
			e.m.missingAtProvider(e.take(payout.MissingAtProvider, nil, []*ent{n}))
		}
	}
}

func (e *episode) deadPayouts() {
	for _, p := range e.deadLeft() {
		e.take(payout.FailedAttempt, []*pay{p}, nil)
	}
}
