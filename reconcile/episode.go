package reconcile

import (
	"cmp"
	"slices"
	"sort"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// pay is a payout in matching.
type pay struct {
	payout.Row
	class  payout.StatusClass
	day    payout.Day
	in     bool // its day is in the period
	scoped bool // in the period, or a record of an open item
	used   bool

	returned bool           // by the ledger's word, when the rules are through
	answer   *payout.Payout // as the provider just showed it; nil when it comes from the mirror
	detail   *payout.Detail // in full, once that was asked for
}

func (p *pay) payee() string {
	if p.detail == nil {
		return ""
	}
	return p.detail.Payee
}

// was is the other final status that it was shown with before, "" when there is none.
func (p *pay) was() payout.Status {
	if p.detail == nil {
		return ""
	}
	return p.detail.Was
}

func (p *pay) amount() money.Amount { return money.New(p.Units, p.Currency) }

func (p *pay) ref() payout.PayoutRef {
	return payout.PayoutRef{
		ID: p.ID, RefID: p.RefID, OnBehalfOf: p.OnBehalfOf, Amount: p.amount(),
		Status: p.Status, Created: p.Created, Changed: p.Changed, Account: p.Account,
	}
}

// ent is a ledger entry in matching.
type ent struct {
	payout.Entry
	in     bool
	scoped bool
	used   bool
	offset bool // cancelled by a reversal: nobody's twin
}

func (p *pay) live() bool   { return p.class != payout.ClassDead }
func (e *ent) units() int64 { return e.Amount.Units() }

// cash of a payout is its amount once it is completed; of an entry what a cash class says.
func (p *pay) cash() int64 {
	if p.class == payout.ClassCompleted {
		return p.Units
	}
	return 0
}

func (e *ent) cash() int64 {
	if e.Class.IsCash() {
		return e.Amount.Units()
	}
	return 0
}

// group is all records of one key.
type group struct {
	key   payout.Key
	pays  []*pay // in the order of payouts
	ents  []*ent // in the order of entries
	items []int  // open items of this key, by index into the run's items
}

// comparePays is the order of payouts: by creation, then id.
func comparePays(a, b *pay) int {
	return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID))
}

// compareEntries is the order of entries. The line comes last, so that outcomes do not depend on the order of the file.
func compareEntries(a, b *ent) int {
	return cmp.Or(
		cmp.Compare(a.Class, b.Class),
		cmp.Compare(a.Day, b.Day), // NoDay is the smallest: none first
		cmp.Compare(a.Amount.Currency(), b.Amount.Currency()),
		cmp.Compare(a.units(), b.units()),
		cmp.Compare(a.Status, b.Status),
		cmp.Compare(a.Text, b.Text),
		cmp.Compare(a.Document, b.Document),
		cmp.Compare(a.Ref, b.Ref),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
	)
}

// sort puts the records in their orders and numbers equal entries.
func (g *group) sort() {
	slices.SortFunc(g.pays, comparePays)
	slices.SortFunc(g.ents, compareEntries)
	if len(g.ents) > 1 {
		g.number()
	}
}

// number numbers equal entries, by document first: an entry that has one keeps its number, by which items know it, when it is
// marked as failed.
func (g *group) number() {
	count, equal := make(map[fingerprint]int, len(g.ents)), false
	for _, e := range g.ents {
		f := fingerprintOf(&e.Entry)
		e.Nth = 0
		equal = equal || count[f] > 0
		count[f]++
	}
	if !equal {
		return
	}
	clear(count)
	ents := slices.Clone(g.ents)
	slices.SortStableFunc(ents, func(a, b *ent) int { return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Ref, b.Ref)) })
	for _, e := range ents {
		f := fingerprintOf(&e.Entry)
		e.Nth = count[f]
		count[f]++
	}
}

// episodes cuts the records of a key by day where a gap exceeds the window: references are reused. Undated entries join the
// latest episode. It visits the episodes from the oldest to the latest, their records in order.
func (g *group) episodes(window int, visit func(pays []*pay, ents []*ent)) {
	days := make([]payout.Day, 0, len(g.pays)+len(g.ents))
	for _, p := range g.pays {
		days = append(days, p.day)
	}
	for _, e := range g.ents {
		if e.Day != payout.NoDay {
			days = append(days, e.Day)
		}
	}
	slices.Sort(days)
	var starts []payout.Day // first day of each episode but the first
	for i := 1; i < len(days); i++ {
		if int(days[i])-int(days[i-1]) > window {
			starts = append(starts, days[i])
		}
	}
	if len(starts) == 0 {
		visit(g.pays, g.ents)
		return
	}
	pays := make([][]*pay, len(starts)+1)
	ents := make([][]*ent, len(starts)+1)
	number := func(d payout.Day) int { return sort.Search(len(starts), func(i int) bool { return starts[i] > d }) }
	for _, p := range g.pays {
		n := number(p.day)
		pays[n] = append(pays[n], p)
	}
	for _, e := range g.ents {
		n := len(starts)
		if e.Day != payout.NoDay {
			n = number(e.Day)
		}
		ents[n] = append(ents[n], e)
	}
	for n := range pays {
		visit(pays[n], ents[n])
	}
}
