package report

import "payrecon/internal/payout"

// A picture is drawn only where there is something to draw: an empty chart says nothing and looks broken.

var statusTints = map[payout.Status]Tint{
	payout.Completed: TintCompleted, payout.Pending: TintPending, payout.Processing: TintProcessing,
	payout.Rejected: TintRejected, payout.Failed: TintFailed,
}

func statusTint(s payout.Status) Tint {
	if t, ok := statusTints[s]; ok {
		return t
	}
	return TintUnknown
}

// slot is where a picture lies. It ends where a column ends, so that pictures and tables are flush in every program.
type slot struct{ row, column, right, gap, height int }

// shareChart shows how many payouts stand where.
func (b *builder) shareChart(at slot) []Chart {
	r := b.status.share
	if r.points == 0 {
		return nil
	}
	s := Series{Categories: r.categories, Values: r.values[0]}
	for _, status := range b.status.statuses {
		s.Points = append(s.Points, statusTint(status))
	}
	return []Chart{{Kind: Doughnut, Title: "Payouts by status", Row: at.row, Column: at.column, Right: at.right, Gap: at.gap, Height: at.height, Series: []Series{s}}}
}

// dailyChart shows the volume of each day, by status.
func (b *builder) dailyChart(at slot) []Chart {
	r := b.status.daily
	if r.points == 0 {
		return nil
	}
	c := Chart{Kind: StackedColumns, Title: "Payouts by day (UTC) and status", Row: at.row, Column: at.column, Right: at.right, Gap: at.gap, Height: at.height}
	for i, status := range b.status.statuses {
		c.Series = append(c.Series, Series{Name: r.names[i], Categories: r.categories, Values: r.values[i], Colour: statusTint(status)})
	}
	c.Crowded = r.points > 10
	if r.points > 45 {
		c.SkipLabels = (r.points + 30) / 31
	}
	return []Chart{c}
}

// ageingChart shows how long payouts have been in flight.
func (b *builder) ageingChart(at slot) []Chart {
	r := b.ageing
	if r.points == 0 {
		return nil
	}
	return []Chart{{
		Kind: Columns, Title: "In flight at the provider, by age", Row: at.row, Column: at.column, Right: at.right, Gap: at.gap, Height: at.height, Labels: true,
		Series: []Series{{Name: r.names[0], Categories: r.categories, Values: r.values[0], Colour: TintPending}},
	}}
}

// kindsChart shows the value of open items by kind: as amounts where there is one currency. Amounts of different
// currencies have no common axis, so several are shown as shares, each of its own.
func (b *builder) kindsChart(at slot) []Chart {
	k := b.kinds
	if len(k.rows) == 0 {
		return nil
	}
	c := Chart{Row: at.row, Column: at.column, Right: at.right, Gap: at.gap, Height: at.height}
	if len(k.currencies) == 1 {
		c.Kind, c.Title, c.Money = Bars, "Open items by kind, exposure in "+k.currencies[0], true
		c.Series = []Series{{
			Name:       place(SheetRollForward, k.heading, 1),
			Categories: block(SheetRollForward, k.rows[0], 0, k.rows[len(k.rows)-1], 0),
			Values:     block(SheetRollForward, k.rows[0], 1, k.rows[len(k.rows)-1], 1), Colour: TintA,
		}}
		return []Chart{c}
	}
	c.Kind, c.Title = StackedShares, "Open items by kind, share of each currency's exposure"
	for i, r := range k.rows {
		c.Series = append(c.Series, Series{
			Name:       place(SheetRollForward, r, 0),
			Categories: block(SheetRollForward, k.heading, 1, k.heading, len(k.currencies)),
			Values:     block(SheetRollForward, r, 1, r, len(k.currencies)), Colour: TintA + Tint(i%6),
		})
	}
	return []Chart{c}
}

func (p *statusPage) pictures() {
	p.Charts = append(p.b.shareChart(slot{p.chartRow, 0, 1, 0, 306}), p.b.dailyChart(slot{p.chartRow, 2, 7, 12, 306})...)
}
