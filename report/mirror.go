package report

import (
	"cmp"
	"slices"

	"payrecon/internal/payout"
)

// changeCounts is what Summary says of prior-day changes, and where they stand.
type changeCounts struct {
	payouts int
	alerts  int
	area    area
}

// The columns of the changed payouts that formulas read.
const (
	changesFrom     = 0
	changesTo       = 1
	changesCurrency = 2
	changesAlert    = 3
	changesAmount   = 4
)

// addChanges shows which payouts of earlier days stand elsewhere than in the last report.
func (b *builder) addChanges() {
	note := "Payouts of days before the last report whose status moved since then."
	if b.facts.Previous == nil {
		note = "Payouts of earlier days whose status moved. There is no earlier report to compare with yet."
	}
	p := b.newPage(SheetChanges, note, 34, 34, 10, 14, 17, 42, 19, 19, 22, 10)
	p.Columns[0].Wrap, p.Columns[1].Wrap = true, true
	p.Wide = true
	changes := b.facts.Changes
	b.changes.payouts = len(changes)
	for _, c := range changes {
		if c.Alert {
			b.changes.alerts++
		}
	}
	moves := movesOf(changes)
	first := len(p.Rows) + 3 + max(1, len(moves)) + 4 // of the payouts below
	shown := changes[:fit(len(changes), first, b.maxRows)]
	b.changes.area = area{[]piece{{p.Name, first, first + len(shown) - 1}}}
	p.whatMoved(moves, changes, b.changes.area, len(shown) == len(changes))
	p.section("Payouts")
	p.Filter = p.headings("From", "To", "Currency", "Alert", "Amount", "Payout id", "Created (UTC)", "Seen (UTC)", "Reference", "Days later")
	p.Repeat = p.Filter
	for _, c := range shown {
		alert := Cell{}
		if c.Alert {
			alert = word("Final changed", "final_changed").Styled(Bad)
		}
		p.data(word(c.Old.Words(), string(c.Old)), word(c.New.Words(), string(c.New)), text(c.Payout.Amount.Currency()), alert, amount(c.Payout.Amount),
			text(c.Payout.ID), instant(c.Payout.Created), instant(c.At), text(c.Payout.RefID), count(ageDays(c.Payout.Created, c.At)))
	}
	p.left(len(shown), len(changes), "Nothing moved.")
}

// move is a way from one status to another, by currency.
type move struct {
	from, to payout.Status
	currency string
}

func moveOf(c payout.StatusChange) move { return move{c.Old, c.New, c.Payout.Amount.Currency()} }

// movesOf lists the ways that occur, in the order of a payout's life.
func movesOf(changes []payout.StatusChange) (moves []move) {
	seen := map[move]bool{}
	for _, c := range changes {
		if m := moveOf(c); !seen[m] {
			seen[m] = true
			moves = append(moves, m)
		}
	}
	slices.SortFunc(moves, func(x, y move) int {
		return cmp.Or(cmp.Compare(statusRank(x.from), statusRank(y.from)), cmp.Compare(statusRank(x.to), statusRank(y.to)), cmp.Compare(x.from, y.from),
			cmp.Compare(x.to, y.to), cmp.Compare(x.currency, y.currency))
	})
	return moves
}

// whatMoved counts and values the payouts of each way, which stand in rows further down; by formula where all of them do.
func (p page) whatMoved(moves []move, changes []payout.StatusChange, rows area, whole bool) {
	p.section("What moved")
	p.headings("From", "To", "Currency", "Payouts", "Amount")
	for _, m := range moves {
		var n, sum int64
		for _, c := range changes {
			if moveOf(c) == m {
				n++
				sum += c.Payout.Amount.Units()
			}
		}
		conds := []cond{is(changesFrom, m.from.Words()), is(changesTo, m.to.Words()), is(changesCurrency, m.currency)}
		moved, value := count(n), units(sum, m.currency)
		if whole {
			moved, value = moved.By(rows.countifs(conds...)), value.By(rows.sumifs(changesAmount, conds...))
		}
		p.data(word(m.from.Words(), string(m.from)), word(m.to.Words(), string(m.to)), text(m.currency), moved, value)
	}
	if len(moves) == 0 {
		p.note("Nothing moved.")
	}
}

// addFailures ranks the reasons why payouts failed.
func (b *builder) addFailures() {
	all := map[string]int64{}
	for _, x := range b.facts.Failures {
		all[x.Currency] += x.Count
	}
	t := table{
		name: SheetFailures, wide: true,
		note:  "Payouts of the period that were rejected or failed, by the reason the provider gave, most frequent first.",
		empty: "No payout of the period was rejected or failed.",
		columns: []Column{
			{Heading: "Rank", Code: "rank", Width: 8},
			{Heading: "Status", Code: "status", Width: 34},
			{Heading: "Reason", Code: "reason", Width: 60, Wrap: true},
			{Heading: "Bank status code", Code: "bank_status", Width: 12},
			{Heading: "Currency", Code: "currency", Width: 10},
			{Heading: "Payouts", Code: "payouts", Width: 12},
			{Heading: "Amount", Code: "amount", Width: 18},
			{Heading: "Share of the currency's failures", Code: "share", Width: 16},
		},
	}
	const currency, payouts = 4, 5
	a := area{[]piece{{SheetFailures, tableHead + 1, tableHead + len(b.facts.Failures)}}}
	for i, x := range b.facts.Failures {
		reason := text(x.Reason)
		if x.Reason == "" {
			reason = word("(no reason given)", "")
		}
		whole := a.sumifs(payouts, is(currency, x.Currency))
		t.rows = append(t.rows, []Cell{
			count(i + 1), word(x.Status.Words(), string(x.Status)), reason, text(x.BankStatus), text(x.Currency), count(x.Count), units(x.Units, x.Currency),
			share(x.Count, all[x.Currency]).By("ROUND(" + at(tableHead+1+i, payouts) + "/(" + whole + "),4)"),
		})
	}
	b.addTable(t)
}

// addTwins lists payouts that look as if one debt had been paid twice. It is advice: nothing else depends on it.
func (b *builder) addTwins() {
	t := table{
		name: SheetTwins, wide: true, printed: 11, tab: Warning,
		note:  "Advisory: live payouts to the same payee account over the same amount within 7 days, whatever their references. Regular payments look like this too. Payout ids are not printed.",
		empty: "None found.",
		columns: []Column{
			{Heading: "Set", Code: "set", Width: 8},
			{Heading: "Payee", Code: "payee", Width: 30, Wrap: true},
			{Heading: "Payee account", Code: "account", Width: 30},
			{Heading: "Amount", Code: "amount", Width: 18},
			{Heading: "Currency", Code: "currency", Width: 10},
			{Heading: "Created (UTC)", Code: "created", Width: 20},
			{Heading: "Days after the first", Code: "days_after", Width: 10},
			{Heading: "Reference", Code: "ref_id", Width: 22},
			{Heading: "Status", Code: "status", Width: 30, Wrap: true},
			{Heading: "Debtor account", Code: "debtor_account", Width: 26},
			{Heading: "Bank reference", Code: "bank_reference", Width: 26, Wrap: true},
			{Heading: "Payout id", Code: "payout_id", Width: 44},
		},
	}
	for i, twin := range b.facts.Twins {
		for _, x := range twin.Payouts {
			t.rows = append(t.rows, []Cell{
				count(i + 1), text(x.Payee), text(b.account(twin.Account)), amount(twin.Amount), text(twin.Amount.Currency()), instant(x.Created),
				count(ageDays(twin.Payouts[0].Created, x.Created)), text(x.RefID), word(x.Status.Words(), string(x.Status)), text(b.account(x.DebtorAccount)),
				text(x.Description), text(x.ID),
			})
		}
	}
	_, b.twins = b.addTable(t)
}
