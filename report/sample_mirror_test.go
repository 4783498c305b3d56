package report

import (
	"cmp"
	"slices"

	"payrecon/internal/payout"
)

// mirrorOnly derives what the mirror alone knows: reasons of failure, what moved, payouts that look alike.
func (g *generator) mirrorOnly() {
	reasons := map[payout.FailureCount]*payout.FailureCount{}
	record := func(p payout.PayoutRef) {
		if p.Status.Class() != payout.ClassDead {
			return
		}
		key := payout.FailureCount{Status: p.Status, Reason: p.Reason, BankStatus: p.BankStatus, Currency: p.Amount.Currency()}
		if reasons[key] == nil {
			c := key
			reasons[key] = &c
		}
		reasons[key].Count++
		reasons[key].Units += p.Amount.Units()
	}
	for _, f := range g.rec.Explained {
		for _, p := range f.Payouts {
			record(p)
		}
	}
	for _, it := range g.rec.Items {
		for _, p := range it.Payouts {
			record(p)
		}
	}
	for _, c := range reasons {
		g.facts.Failures = append(g.facts.Failures, *c)
	}
	slices.SortFunc(g.facts.Failures, func(a, b payout.FailureCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Status, b.Status))
	})
	if g.breaks && !g.only && len(g.facts.InFlight) > 0 {
		p := g.facts.InFlight[0]
		g.facts.Changes = append(g.facts.Changes,
			payout.StatusChange{Payout: p, Old: payout.Pending, New: payout.Completed, At: p.Created + 3*86_400_000},
			payout.StatusChange{Payout: p, Old: payout.Completed, New: payout.Failed, At: p.Created + 4*86_400_000, Alert: true})
		twin := p
		twin.ID, twin.RefID, twin.Created = p.ID+"2", p.RefID+"-B", p.Created+2*86_400_000
		g.facts.Twins = append(g.facts.Twins, payout.Twin{Account: p.Account, Amount: p.Amount, Payouts: []payout.PayoutRef{p, twin}})
	}
}
