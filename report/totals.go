package report

import "payrecon/internal/payout"

// The columns of Totals. The design of every formula over it depends on them.
const (
	totalsCurrency = iota
	totalsDay
	totalsOutcome
	totalsPayouts
	totalsPayoutAmount
	totalsEntries
	totalsEntryAmount
	totalsPayoutCash
	totalsEntryCash
	totalsCutOff
)

// addTotals lays out the in-period records by currency, day and outcome: plain values, from which all else is summed.
func (b *builder) addTotals() {
	t := table{
		name: SheetTotals, fixed: 3, wide: true, tab: Label,
		note:  "What the formulas of this workbook sum: every in-period payout and ledger entry, once, by its own currency and day (payouts: UTC day).",
		empty: "No payout and no ledger entry in the period.",
		columns: []Column{
			{Heading: "Currency", Code: "currency", Width: 10},
			{Heading: "Day", Code: "day", Width: 12},
			{Heading: "Outcome", Code: "outcome", Width: 36},
			{Heading: "Payouts", Code: "payouts", Width: 10},
			{Heading: "Payout amount", Code: "payout_amount", Width: 18},
			{Heading: "Entries", Code: "entries", Width: 10},
			{Heading: "Entry amount", Code: "entry_amount", Width: 18},
			{Heading: "Payout cash", Code: "payout_cash", Width: 18},
			{Heading: "Entry cash", Code: "entry_cash", Width: 18},
			{Heading: "Cut-off", Code: "cut_off", Width: 10},
		},
	}
	for _, x := range b.rec.Totals {
		info := x.Outcome.Info()
		t.rows = append(t.rows, []Cell{
			text(x.Currency), date(x.Day), word(info.Words, info.Code), count(x.Payouts), units(x.PayoutAmount, x.Currency),
			count(x.Entries), units(x.EntryAmount, x.Currency), units(x.PayoutCash, x.Currency), units(x.EntryCash, x.Currency),
			yesNo(x.CutOff),
		})
	}
	_, b.totals = b.addTable(t)
}

func yesNo(yes bool) Cell {
	if yes {
		return word("yes", "yes")
	}
	return word("no", "no")
}

// pick chooses rows of Totals, for a formula and for the value it gives alike.
type pick struct {
	currency string         // "" = all, for counts
	outcome  payout.Outcome // NoOutcome = all
	cutOff   string         // "yes", "no" or "" for both
}

func (p pick) conds() []cond {
	var conds []cond
	if p.currency != "" {
		conds = append(conds, is(totalsCurrency, p.currency))
	}
	if p.outcome != payout.NoOutcome {
		conds = append(conds, is(totalsOutcome, p.outcome.Info().Words))
	}
	if p.cutOff != "" {
		conds = append(conds, is(totalsCutOff, p.cutOff))
	}
	return conds
}

func (p pick) holds(t payout.Total) bool {
	return (p.currency == "" || t.Currency == p.currency) && (p.outcome == payout.NoOutcome || t.Outcome == p.outcome) && (p.cutOff == "" || (p.cutOff == "yes") == t.CutOff)
}

// total sums one column of Totals over a choice of rows: the formula together with its value.
func (b *builder) total(column int, p pick) Cell {
	var sum int64
	for _, t := range b.rec.Totals {
		if p.holds(t) {
			sum += [...]int64{
				totalsPayouts: t.Payouts, totalsPayoutAmount: t.PayoutAmount, totalsEntries: t.Entries, totalsEntryAmount: t.EntryAmount,
				totalsPayoutCash: t.PayoutCash, totalsEntryCash: t.EntryCash,
			}[column]
		}
	}
	formula := b.totals.sumifs(column, p.conds()...)
	if column == totalsPayouts || column == totalsEntries {
		return count(sum).By(formula)
	}
	return units(sum, p.currency).By(formula)
}

// step is payout cash - entry cash over a choice of rows.
func (b *builder) step(p pick) Cell {
	paid, booked := b.total(totalsPayoutCash, p), b.total(totalsEntryCash, p)
	return units(paid.Number-booked.Number, p.currency).By(paid.Formula + "-(" + booked.Formula + ")")
}
