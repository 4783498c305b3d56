package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// sums is what a finding amounts to, all its records, in period or not.
type sums struct {
	pays, ents []money.Amount // face amounts and signed amounts, one per currency, sorted by code
	difference *money.Amount  // payout cash - entry cash; nil across currencies and without records
	exposure   money.Amount
}

// measure sums a finding up.
func (f *finding) measure() error {
	pays, ents := map[string]int64{}, map[string]int64{}
	currencies := map[string]bool{}
	var cash int64
	var failed error
	add := func(to, units int64) int64 {
		sum, err := money.AddUnits(to, units)
		if err != nil {
			failed = err
		}
		return sum
	}
	for _, p := range f.pays {
		pays[p.Currency] = add(pays[p.Currency], p.Units)
		cash = add(cash, p.cash())
		currencies[p.Currency] = true
	}
	for _, e := range f.ents {
		currency := e.Amount.Currency()
		ents[currency] = add(ents[currency], e.units())
		minus, err := money.SubUnits(cash, e.cash())
		if err != nil {
			failed = err
		}
		cash = minus
		currencies[currency] = true
	}
	f.sums = sums{pays: amounts(pays), ents: amounts(ents)}
	if len(currencies) == 1 {
		for currency := range currencies {
			difference := money.New(cash, currency)
			f.sums.difference = &difference
		}
	}
	exposure, err := f.exposure()
	f.sums.exposure = exposure
	if failed == nil {
		failed = err
	}
	if failed != nil {
		return payout.Errorf(payout.KindFailed, "add up the records of reference %q: %w", f.ref(), failed)
	}
	return nil
}

func amounts(by map[string]int64) []money.Amount {
	var list []money.Amount
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		list = append(list, money.New(by[currency], currency))
	}
	return list
}

// exposure is what is at stake: of an amount difference with a payout the difference, of all else the larger side.
func (f *finding) exposure() (money.Amount, error) {
	if f.outcome == payout.AmountMismatch && len(f.pays) > 0 && len(f.sums.pays) == 1 && len(f.sums.ents) == 1 {
		difference, err := f.sums.pays[0].Sub(f.sums.ents[0])
		if err != nil {
			return money.Amount{}, err
		}
		units, err := money.AbsUnits(difference.Units())
		return money.New(units, difference.Currency()), err
	}
	largest := money.New(0, money.NoCurrency)
	first := true
	unread, err := f.unread()
	if err != nil {
		return money.Amount{}, err
	}
	for _, side := range [][]money.Amount{f.sums.pays, f.sums.ents, unread} {
		for _, a := range side {
			units, err := money.AbsUnits(a.Units())
			if err != nil {
				return money.Amount{}, err
			}
			if first || units > largest.Units() {
				largest, first = money.New(units, a.Currency()), false
			}
		}
	}
	return largest, nil
}

// unread sums up the unreadable rows whose amount could be read all the same.
func (f *finding) unread() ([]money.Amount, error) {
	by := map[string]int64{}
	for _, row := range f.rejected {
		if currency := row.Amount.Currency(); currency != "" {
			sum, err := money.AddUnits(by[currency], row.Amount.Units())
			if err != nil {
				return nil, err
			}
			by[currency] = sum
		}
	}
	return amounts(by), nil
}

// ref is the reference as written on the first record.
func (f *finding) ref() string {
	switch {
	case len(f.pays) > 0:
		return f.pays[0].RefID
	case len(f.ents) > 0:
		return f.ents[0].Ref
	case len(f.rejected) > 0:
		return f.rejected[0].Ref
	}
	return ""
}

func (f *finding) onBehalfOf() string {
	if len(f.pays) > 0 {
		return f.pays[0].OnBehalfOf
	}
	if len(f.ents) > 0 {
		return f.ents[0].OnBehalfOf
	}
	return ""
}

// day is the day of the oldest dated record, or NoDay.
func (f *finding) day() payout.Day {
	oldest := payout.NoDay
	consider := func(d payout.Day) {
		if d != payout.NoDay && (oldest == payout.NoDay || d < oldest) {
			oldest = d
		}
	}
	for _, p := range f.pays {
		consider(p.day)
	}
	for _, e := range f.ents {
		consider(e.Day)
	}
	return oldest
}

// sortFindings puts findings in their defined order: outcome, day, reference, records.
func sortFindings(list []*finding) {
	type keyed struct {
		*finding
		day payout.Day
		ref string
	}
	order := make([]keyed, len(list))
	for i, f := range list {
		order[i] = keyed{f, f.day(), f.ref()}
	}
	slices.SortFunc(order, func(a, b keyed) int {
		c := cmp.Or(cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.day, b.day), cmp.Compare(a.ref, b.ref))
		if c != 0 {
			return c
		}
		return compareRecords(a.finding, b.finding)
	})
	for i := range order {
		list[i] = order[i].finding
	}
}

func compareRecords(a, b *finding) int {
	c := cmp.Or(
		cmp.Compare(a.onBehalfOf(), b.onBehalfOf()),
		slices.CompareFunc(a.pays, b.pays, comparePays),
		slices.CompareFunc(a.ents, b.ents, compareEntries),
	)
	if c != 0 {
		return c
	}
	return slices.CompareFunc(a.rejected, b.rejected, func(x, y payout.RejectedRow) int {
		return cmp.Or(cmp.Compare(x.Text, y.Text), cmp.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line))
	})
}

// ageDays is the number of whole days from the oldest record to the as-of instant. What has no date has no age.
func ageDays(asOf payout.Millis, payouts []payout.PayoutRef, entries []payout.Entry) int {
	oldest := asOf
	for _, p := range payouts {
		if p.Created > 0 {
			oldest = min(oldest, p.Created)
		}
	}
	for _, e := range entries {
		if e.Day != payout.NoDay {
			oldest = min(oldest, payout.Millis(e.Day)*millisDay)
		}
	}
	return int((asOf - oldest) / millisDay)
}
