package reconcile

import (
	"cmp"
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
	if err := f.addUp(); err != nil {
		return payout.Errorf(payout.KindFailed, "add up the records of reference %q: %w", f.ref(), err)
	}
	return nil
}

func (f *finding) addUp() (err error) {
	var s sums
	var cash int64
	for _, p := range f.pays {
		if s.pays, err = addAmount(s.pays, p.Units, p.Currency); err != nil {
			return err
		}
		if cash, err = money.AddUnits(cash, p.cash()); err != nil {
			return err
		}
	}
	for _, e := range f.ents {
		if s.ents, err = addAmount(s.ents, e.units(), e.Amount.Currency()); err != nil {
			return err
		}
		if cash, err = money.SubUnits(cash, e.cash()); err != nil {
			return err
		}
	}
	if one, ok := onlyCurrency(s.pays, s.ents); ok {
		difference := money.New(cash, one)
		s.difference = &difference
	}
	f.sums = s
	f.sums.exposure, err = f.exposure()
	return err
}

// addAmount adds to a list of one amount per currency, sorted by code.
func addAmount(list []money.Amount, units int64, currency string) ([]money.Amount, error) {
	i, found := slices.BinarySearchFunc(list, currency, func(a money.Amount, c string) int { return cmp.Compare(a.Currency(), c) })
	if !found {
		return slices.Insert(list, i, money.New(units, currency)), nil
	}
	sum, err := money.AddUnits(list[i].Units(), units)
	list[i] = money.New(sum, currency)
	return list, err
}

// onlyCurrency is the one currency of two lists.
func onlyCurrency(a, b []money.Amount) (string, bool) {
	switch {
	case len(a) > 1 || len(b) > 1 || len(a)+len(b) == 0:
		return "", false
	case len(a) == 0:
		return b[0].Currency(), true
	}
	return a[0].Currency(), len(b) == 0 || a[0].Currency() == b[0].Currency()
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
func (f *finding) unread() (list []money.Amount, err error) {
	for _, row := range f.rejected {
		if currency := row.Amount.Currency(); currency != "" {
			if list, err = addAmount(list, row.Amount.Units(), currency); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
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
func ageDays(asOf payout.Millis, f *payout.Finding) int {
	oldest := asOf
	for _, p := range f.Payouts {
		if p.Created > 0 {
			oldest = min(oldest, p.Created)
		}
	}
	for _, e := range f.Entries {
		if e.Day != payout.NoDay {
			oldest = min(oldest, payout.Millis(e.Day)*millisDay)
		}
	}
	for _, row := range f.Rejected {
		if row.Day != 0 {
			oldest = min(oldest, payout.Millis(row.Day)*millisDay)
		}
	}
	return int((asOf - oldest) / millisDay)
}
