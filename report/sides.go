package report

import (
	"slices"
	"strconv"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// sides is a finding as one row shows it: what the provider says, what the ledger says.
type sides struct {
	ids, lines, documents          string // separated by spaces
	payoutSums, entrySums          []money.Amount
	booked                         []money.Amount // entrySums; of unreadable rows alone what could be read of them
	payoutAmount, ledgerAmount     string         // plain decimals, one per currency
	payoutCurrency, ledgerCurrency string
	payoutStatus, ledgerStatus     string
	created                        payout.Millis // the earliest; 0 = no payout
	ledgerDay                      payout.Day    // the earliest; NoDay = no dated entry
	payee, account, debtor         string
	description, reason, bank      string
}

func sidesOf(f *payout.Finding) sides {
	s := sides{ledgerDay: payout.NoDay, payoutSums: f.PayoutSums, entrySums: f.EntrySums}
	var ids, lines, documents, paid, booked, payees, accounts, debtors, texts, reasons, banks []string
	for _, p := range f.Payouts {
		ids = append(ids, p.ID)
		paid = append(paid, string(p.Status))
		payees, accounts, debtors = add(payees, p.Payee), add(accounts, p.Account), add(debtors, p.DebtorAccount)
		texts, reasons, banks = add(texts, p.Description), add(reasons, p.Reason), add(banks, p.BankStatus)
		if s.created == 0 || p.Created < s.created {
			s.created = p.Created
		}
	}
	for _, e := range f.Entries {
		lines = append(lines, strconv.Itoa(e.Line))
		documents = add(documents, e.Document)
		if e.Status != "" {
			booked = append(booked, e.Status)
		}
		if e.Day != payout.NoDay && (s.ledgerDay == payout.NoDay || e.Day < s.ledgerDay) {
			s.ledgerDay = e.Day
		}
	}
	for _, r := range f.Rejected {
		lines = append(lines, strconv.Itoa(r.Line))
		if r.Day != 0 && (s.ledgerDay == payout.NoDay || r.Day < s.ledgerDay) {
			s.ledgerDay = r.Day
		}
	}
	if s.payoutSums == nil {
		s.payoutSums = sumsOf(len(f.Payouts), func(i int) money.Amount { return f.Payouts[i].Amount })
	}
	if s.entrySums == nil {
		s.entrySums = sumsOf(len(f.Entries), func(i int) money.Amount { return f.Entries[i].Amount })
	}
	s.payoutAmount, s.payoutCurrency = figures(s.payoutSums)
	var currencies []string
	s.booked, currencies = LedgerSide(f)
	s.ledgerAmount, _ = figures(s.booked)
	s.ledgerCurrency = join(currencies)
	s.ids, s.lines, s.documents = join(ids), join(lines), join(documents)
	s.payoutStatus, s.ledgerStatus = join(paid), join(booked)
	s.payee, s.account, s.debtor = strings.Join(payees, "; "), strings.Join(accounts, "; "), strings.Join(debtors, "; ")
	s.description, s.reason, s.bank = strings.Join(texts, "; "), strings.Join(reasons, "; "), join(banks)
	return s
}

// LedgerSide returns the ledger's sums of a finding, and their currencies. Of unreadable rows it is what could be read: their
// currencies, and the amounts only where all could be, because a sum of some would be taken for all.
func LedgerSide(f *payout.Finding) (sums []money.Amount, currencies []string) {
	switch {
	case f.EntrySums != nil:
		sums = f.EntrySums
	case len(f.Entries) > 0:
		sums = sumsOf(len(f.Entries), func(i int) money.Amount { return f.Entries[i].Amount })
	case !slices.ContainsFunc(f.Rejected, func(r payout.RejectedRow) bool { return r.Amount.Currency() == "" }):
		sums = sumsOf(len(f.Rejected), func(i int) money.Amount { return f.Rejected[i].Amount })
	}
	for _, a := range sums {
		currencies = append(currencies, a.Currency())
	}
	for _, r := range f.Rejected {
		currencies = add(currencies, r.Currency)
	}
	return sums, currencies
}

// pairOf is sidesOf, as far as Matched needs it, without the work that one payout against one entry does not need: a
// report may hold a million of them.
func pairOf(f *payout.Finding) sides {
	if len(f.Payouts) != 1 || len(f.Entries) != 1 {
		return sidesOf(f)
	}
	p, e := &f.Payouts[0], &f.Entries[0]
	s := sides{
		ids: p.ID, lines: strconv.Itoa(e.Line), created: p.Created, ledgerDay: e.Day, payoutCurrency: p.Amount.Currency(), ledgerCurrency: e.Amount.Currency(),
		payoutSums: f.PayoutSums, entrySums: f.EntrySums,
	}
	if s.payoutSums == nil {
		s.payoutSums = []money.Amount{p.Amount}
	}
	if s.entrySums == nil {
		s.entrySums = []money.Amount{e.Amount}
	}
	return s
}

func join(s []string) string { return strings.Join(s, " ") }

// add appends what is not empty and not there yet.
func add(to []string, s string) []string {
	if s == "" || slices.Contains(to, s) {
		return to
	}
	return append(to, s)
}

// sumsOf adds n amounts up by currency, sorted by code. A sum out of range is left at the last one that fits; matching
// refuses such inputs long before.
func sumsOf(n int, at func(int) money.Amount) []money.Amount {
	var sums []money.Amount
	for i := range n {
		a := at(i)
		j, found := slices.BinarySearchFunc(sums, a.Currency(), func(s money.Amount, c string) int { return strings.Compare(s.Currency(), c) })
		if !found {
			sums = slices.Insert(sums, j, a)
			continue
		}
		if sum, err := sums[j].Add(a); err == nil {
			sums[j] = sum
		}
	}
	return sums
}

func figures(sums []money.Amount) (amounts, currencies string) {
	var a, c []string
	for _, s := range sums {
		a, c = append(a, s.Text()), append(c, s.Currency())
	}
	return join(a), join(c)
}

// sideCell shows one side's sum: an amount where there is one currency, else the sums as text.
func sideCell(sums []money.Amount) Cell {
	switch len(sums) {
	case 0:
		return Cell{}
	case 1:
		return amount(sums[0])
	}
	words := make([]string, len(sums))
	for i, s := range sums {
		words[i] = s.String()
	}
	return text(strings.Join(words, "; "))
}
