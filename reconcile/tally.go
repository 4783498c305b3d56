package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// totalKey is one row of the totals.
type totalKey struct {
	currency string
	day      payout.Day
	outcome  payout.Outcome
	cut      bool
}

// grossKey is a line of a statement.
type grossKey struct {
	currency string
	outcome  payout.Outcome // NoOutcome: what reaches across the period's edge
}

// tally counts and sums the in-period records by their own currency and day and their finding's outcome, and the gross.
type tally struct {
	cells map[totalKey]*payout.Total
	gross map[grossKey]int64
	checked
}

func newTally() tally {
	return tally{cells: map[totalKey]*payout.Total{}, gross: map[grossKey]int64{}}
}

// cell is one row of the totals; what is summed next is of its currency.
func (t *tally) cell(k totalKey) *payout.Total {
	t.of = k.currency
	c := t.cells[k]
	if c == nil {
		c = &payout.Total{Currency: k.currency, Day: k.day, Outcome: k.outcome, CutOff: k.cut}
		t.cells[k] = c
	}
	return c
}

// cutOff reports whether a finding reaches across the period's edge.
func (f *finding) cutOff() bool {
	in, out := false, false
	for _, p := range f.pays {
		in, out = in || p.in, out || !p.in
	}
	for _, e := range f.ents {
		in, out = in || e.in, out || !e.in
	}
	return in && out
}

// add counts the in-period records of a finding.
func (t *tally) add(f *finding) {
	cut := f.cutOff()
	differences := map[string]int64{}
	for _, p := range f.pays {
		if !p.in {
			continue
		}
		c := t.cell(totalKey{p.Currency, p.day, f.outcome, cut})
		c.Payouts++
		t.checked.add(&c.PayoutAmount, p.Units)
		t.checked.add(&c.PayoutCash, p.cash())
		t.difference(differences, p.Currency, p.cash())
	}
	for _, e := range f.ents {
		if !e.in {
			continue
		}
		c := t.cell(totalKey{e.Amount.Currency(), e.Day, f.outcome, cut})
		c.Entries++
		t.checked.add(&c.EntryAmount, e.units())
		t.checked.add(&c.EntryCash, e.cash())
		t.difference(differences, e.Amount.Currency(), t.sub(0, e.cash()))
	}
	line := f.outcome
	if cut {
		line = payout.NoOutcome
	}
	for currency, units := range differences {
		t.addGross(grossKey{currency, line}, units)
	}
}

func (t *tally) difference(of map[string]int64, currency string, units int64) {
	sum := of[currency]
	t.checked.add(&sum, units)
	of[currency] = sum
}

func (t *tally) addGross(k grossKey, units int64) {
	t.of = k.currency
	if units < 0 {
		units = t.sub(0, units)
	}
	sum := t.gross[k]
	t.checked.add(&sum, units)
	t.gross[k] = sum
}

func (t *tally) merge(with *tally) {
	for k, c := range with.cells {
		to := t.cell(k)
		to.Payouts += c.Payouts
		to.Entries += c.Entries
		t.checked.add(&to.PayoutAmount, c.PayoutAmount)
		t.checked.add(&to.EntryAmount, c.EntryAmount)
		t.checked.add(&to.PayoutCash, c.PayoutCash)
		t.checked.add(&to.EntryCash, c.EntryCash)
	}
	for k, units := range with.gross {
		t.addGross(k, units)
	}
	if t.err == nil {
		t.err = with.err
	}
}

// totals returns the rows in order of currency, day, outcome, cut-off last.
func (t *tally) totals() []payout.Total {
	keys := slices.SortedFunc(maps.Keys(t.cells), func(a, b totalKey) int {
		return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.day, b.day), cmp.Compare(a.outcome, b.outcome), compareBools(a.cut, b.cut))
	})
	totals := make([]payout.Total, len(keys))
	for i, k := range keys {
		totals[i] = *t.cells[k]
	}
	return totals
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// fastTally counts the simple pairs, all of outcome matched: one addition to a row of an array.
type fastTally struct {
	rows  [2][][]fastRow // by cut-off, currency code, day (0 = undated, 1 = first day of the period)
	gross []int64        // by currency code, of pairs across the period's edge
}

type fastRow struct {
	payouts, payoutAmount, payoutCash int64
	entries, entryAmount, entryCash   int64
}

// fastSide is one side of a simple pair: its day, and whether that is in the period.
type fastSide struct {
	day payout.Day
	in  bool
}

func (t *fastTally) add(j *join, cur int, units int64, cash bool, p, e fastSide) error {
	cut := 0
	if p.in != e.in {
		cut = 1
	}
	if len(t.gross) == 0 {
		t.gross = make([]int64, len(j.cur.words))
		t.rows[0], t.rows[1] = make([][]fastRow, len(j.cur.words)), make([][]fastRow, len(j.cur.words))
	}
	rows := t.rows[cut][cur]
	if rows == nil {
		rows = make([]fastRow, j.m.o.Period.Days()+1)
		t.rows[cut][cur] = rows
	}
	var err error
	add := func(to *int64, units int64) {
		sum, failed := money.AddUnits(*to, units)
		if failed != nil {
			err = tooMuch(j.cur.words[cur], failed)
		}
		*to = sum
	}
	paid := int64(0)
	if cash {
		paid = units
	}
	if p.in {
		r := &rows[p.row(j)]
		r.payouts++
		add(&r.payoutAmount, units)
		r.payoutCash += paid
	}
	if e.in {
		r := &rows[e.row(j)]
		r.entries++
		add(&r.entryAmount, units)
		r.entryCash += paid
	}
	if cut == 1 {
		add(&t.gross[cur], paid)
	}
	return err
}

func (s fastSide) row(j *join) int {
	if s.day == payout.NoDay {
		return 0
	}
	return int(s.day-j.m.o.Period.From) + 1
}

// addTo adds everything to a tally.
func (t *fastTally) addTo(j *join, to *tally) {
	for cut, byCurrency := range t.rows {
		for cur, rows := range byCurrency {
			for i, r := range rows {
				if r.payouts == 0 && r.entries == 0 {
					continue
				}
				day := payout.NoDay
				if i > 0 {
					day = j.m.o.Period.From + payout.Day(i-1)
				}
				c := to.cell(totalKey{j.cur.words[cur], day, payout.Matched, cut == 1})
				c.Payouts += r.payouts
				c.Entries += r.entries
				to.checked.add(&c.PayoutAmount, r.payoutAmount)
				to.checked.add(&c.EntryAmount, r.entryAmount)
				to.checked.add(&c.PayoutCash, r.payoutCash)
				to.checked.add(&c.EntryCash, r.entryCash)
			}
		}
	}
	for cur, units := range t.gross {
		to.addGross(grossKey{j.cur.words[cur], payout.NoOutcome}, units) // a simple pair that is whole has no difference
	}
}
