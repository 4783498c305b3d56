package reconcile

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

const (
	detailReaders = 2      // batches of payouts asked for at a time
	detailBatch   = 50_000 // payouts in a batch at most: the larger, the fewer pages of the mirror are read twice
	describers    = 4      // goroutines that write sentences
)

// describe fills in what a person reads: severity and, unless nobody reads on, the payouts in full, hints and the sentences;
// and lists what explains itself.
func (r *run) describe(ctx context.Context, findings []*finding) error {
	var group errgroup.Group
	var hints *hints
	if !r.in.Brief {
		group.Go(func() error { return r.details(ctx, findings) })
		group.Go(func() error {
			hints = newHints(r.m, findings)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for part := range slices.Chunk(findings, max(1, (len(findings)+describers-1)/describers)) {
		group.Go(func() error {
			for _, f := range part {
				if f.outcome.Class() != payout.Agreed {
					f.severity = r.m.severity(f)
					if hints != nil {
						f.hint, f.partner = hints.of(f)
					}
					r.explain(f)
					shown := r.m.finding(f)
					f.shown = &shown
				}
			}
			return nil
		})
	}
	_ = group.Wait() // sentences cannot fail
	r.out.Explained = []payout.Finding{}
	for _, f := range findings {
		if f.outcome.Class() == payout.Reconciling {
			r.out.Explained = append(r.out.Explained, *f.shown)
		}
	}
	return nil
}

// details asks the source for the payouts of everything that is shown. What the provider showed in this run is taken from its
// answer.
func (r *run) details(ctx context.Context, findings []*finding) error {
	var need []*pay
	for _, f := range findings {
		if f.outcome.Class() == payout.Agreed {
			continue
		}
		for _, p := range f.pays {
			if p.answer != nil {
				a := p.answer
				p.detail = &payout.Detail{
					Payee: a.Creditor.Name, DebtorAccount: a.DebtorAccount, Description: a.Description,
					Reason: a.Reason, BankStatus: a.BankStatus, BankTransactionID: a.BankTransactionID, Was: p.was(),
				}
			} else if p.detail == nil {
				need = append(need, p)
			}
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(detailReaders)
	size := max(min((len(need)+detailReaders-1)/detailReaders, detailBatch), 1)
	for batch := range slices.Chunk(need, size) {
		group.Go(func() error {
			rows := make([]payout.Row, len(batch))
			for i, p := range batch {
				rows[i] = p.Row
			}
			details, err := r.in.Source.DetailsOf(ctx, rows)
			if err != nil {
				return err
			}
			for i, p := range batch {
				p.detail = &details[i]
			}
			return nil
		})
	}
	return group.Wait()
}

// finding turns a result into what leaves the package.
func (m *matcher) finding(f *finding) payout.Finding {
	out := payout.Finding{
		Outcome: f.outcome, Cell: f.cell, Severity: f.severity, Key: f.g.key, RefID: f.ref(), OnBehalfOf: f.onBehalfOf(),
		Rejected: f.rejected, PayoutSums: f.sums.pays, EntrySums: f.sums.ents, Difference: f.sums.difference,
		Exposure: f.sums.exposure, Why: f.sentence, Next: f.next, Hint: f.hint,
	}
	for _, p := range f.pays {
		out.Payouts = append(out.Payouts, p.shown())
	}
	for _, e := range f.ents {
		out.Entries = append(out.Entries, e.Entry)
	}
	out.AgeDays = ageDays(m.asOf, &out)
	return out
}

// shown is the payout in full where that was asked for. What matching saw is never overwritten.
func (p *pay) shown() payout.PayoutRef {
	ref := p.ref()
	d := p.detail
	if d == nil {
		return ref
	}
	ref.Payee, ref.DebtorAccount, ref.Description = d.Payee, d.DebtorAccount, d.Description
	ref.Reason, ref.BankStatus, ref.BankTransactionID = d.Reason, d.BankStatus, d.BankTransactionID
	return ref
}
