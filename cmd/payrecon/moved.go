package main

import (
	"context"
	"slices"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// movedSample is how many payouts the API is asked for at its new address.
const movedSample = 5

// moved ties the mirror to api.base_url after the API has moved there from another address. It must show that it is the
// same API: it knows the newest payouts of the mirror, and they are the same.
func (s *session) moved(ctx context.Context, from string) error {
	bound, err := s.m.BaseURL(ctx)
	to := s.cfg.API.BaseURL
	if oneAddress(from) == oneAddress(bound) {
		from = bound // however either is written
	}
	switch {
	case err != nil:
		return err
	case bound == to:
		return nil // it was said before
	case bound != from:
		return payout.Errorf(payout.KindInput, "--moved-from %s: database %s holds the payouts of %s", from, s.cfg.Database, bound)
	}
	held, err := s.newest(ctx)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	defer client.Close()
	vanished, err := s.m.Vanished(ctx)
	if err != nil {
		return err
	}
	known := 0
	for _, p := range held {
		if slices.ContainsFunc(vanished, func(v payout.HeldPayout) bool { return v.ID == p.ID }) {
			continue
		}
		same, err := showsSame(ctx, client, p)
		if err != nil {
			return err
		}
		if !same {
			return payout.Errorf(payout.KindInput, "--moved-from %s: the API at %s does not know payout %s, which %s showed: it is another API, name another database with --db",
				from, to, p.ID, from)
		}
		known++
	}
	if known == 0 && len(held) > 0 {
		return payout.Errorf(payout.KindInput, "--moved-from %s: the newest payouts of the mirror have all vanished, so nothing shows that %s is the same API", from, to)
	}
	s.log.Info("the API has moved", "from", from, "to", to, "payouts_compared", known)
	return s.m.Move(ctx, from, to)
}

// newest returns some payouts of the newest day that has any.
func (s *session) newest(ctx context.Context) ([]payout.PayoutRef, error) {
	span, ok, err := s.m.Span(ctx)
	if err != nil || !ok {
		return nil, err
	}
	for day := span.To; day >= span.From; day-- {
		for _, id := range s.onBehalfOf() {
			ids, err := s.m.DayIDs(ctx, id, day)
			if err != nil {
				return nil, err
			}
			if len(ids) > 0 {
				return s.m.Details(ctx, 0, ids[max(0, len(ids)-movedSample):])
			}
		}
	}
	return nil, nil
}

// showsSame asks for a payout; false when it is not known. One that differs where payouts never change is an error.
func showsSame(ctx context.Context, client *payapi.Client, held payout.PayoutRef) (bool, error) {
	p, err := client.Get(ctx, held.ID)
	switch {
	case payout.KindOf(err) == payout.KindNotFound:
		return false, nil
	case err != nil:
		return false, err
	case p.RefID != held.RefID, p.Amount != held.Amount, p.Created != held.Created:
		return false, payout.Errorf(payout.KindInput, "payout %s is %s for %s there, and %s for %s in the mirror: it is another API, name another database with --db",
			held.ID, p.Amount, p.RefID, held.Amount, held.RefID)
	}
	return true, nil
}
