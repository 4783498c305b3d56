package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"payrecon/internal/payout"
	"payrecon/reconcile"
	payoutsync "payrecon/sync"
)

// providerAsker asks the API for references, through the syncer, and remembers what was answered.
type providerAsker struct {
	syncer   *payoutsync.Syncer
	run      int64
	commit   bool
	answered map[string]bool
	held     func(ctx context.Context, id string) (payout.PayoutRef, bool, error) // a payout as the mirror holds it
	new      []payout.Payout                                                      // shown, and not held before
	owners   map[string]string                                                    // shown on behalf of whom, of those that the mirror holds on behalf of nobody, by id
	shown    []payout.Payout
	why      error // not every reference was answered; nil: all were
}

// asker returns the way to the provider, or nil when the run is offline: because it was told so, or because nothing is
// configured to ask with.
func (s *session) asker(f *reconcileFlags) (*providerAsker, error) {
	if f.offline {
		return nil, nil
	}
	client, err := s.client()
	if err != nil {
		s.log.Warn("the provider is not asked for references: entries without a payout are shown missing only on days that are complete", "why", err.Error())
		return nil, nil
	}
	if bound, err := s.m.BaseURL(context.Background()); err != nil || bound != "" && bound != s.cfg.API.BaseURL {
		return nil, errors.Join(err, payout.Errorf(payout.KindInput, "the mirror %s holds payouts of %s, not of %s: use another --db", s.cfg.Database, bound, s.cfg.API.BaseURL))
	}
	return &providerAsker{
		syncer: s.syncer(client, nil), run: s.run.ID, commit: s.run.ID != 0, answered: map[string]bool{}, owners: map[string]string{}, held: s.holds,
	}, nil
}

// holds returns a payout as the mirror holds it, and whether it does.
func (s *session) holds(ctx context.Context, id string) (payout.PayoutRef, bool, error) {
	refs, err := s.m.Details(ctx, 0, []string{id})
	if payout.KindOf(err) == payout.KindNotFound {
		return payout.PayoutRef{}, false, nil
	}
	if err != nil {
		return payout.PayoutRef{}, false, err
	}
	return refs[0], true, nil
}

// AskRefs asks the API for payouts by reference. First only looks, then, where something was shown and the run is recorded,
// commits.
func (p *providerAsker) AskRefs(ctx context.Context, refs []string) payout.RefAnswer {
	answer := p.syncer.AskRefs(ctx, p.run, refs, false)
	if err := p.compare(ctx, answer.Payouts); err != nil {
		p.why = err
		return payout.RefAnswer{Requests: answer.Requests, Err: err}
	}
	p.shown = append(p.shown, answer.Payouts...)
	if p.commit && len(answer.Payouts) > 0 {
		p.keep(ctx, &answer)
	}
	for ref, ok := range answer.Answered {
		p.answered[ref] = p.answered[ref] || ok
	}
	p.why = answer.Err
	return answer
}

// compare notes what of the payouts that were shown is news to the mirror.
func (p *providerAsker) compare(ctx context.Context, shown []payout.Payout) error {
	for _, one := range shown {
		held, ok, err := p.held(ctx, one.ID)
		switch {
		case err != nil:
			return err
		case !ok:
			p.new = append(p.new, one)
		case held.OnBehalfOf == "" && one.OnBehalfOf != "":
			p.owners[one.ID] = one.OnBehalfOf
		}
	}
	return nil
}

// keep asks once more, to commit what was shown. A payout that does not lie in the mirror as it was shown after that is taken out
// of the answer, and its reference counts as not answered: a recorded run rests on nothing that the mirror does not hold.
func (p *providerAsker) keep(ctx context.Context, answer *payout.RefAnswer) {
	committed := p.syncer.AskRefs(ctx, p.run, refsOf(answer.Payouts), true)
	answer.Requests += committed.Requests
	lost := map[payout.Key]bool{} // in any letter case: a reference is asked for in several
	inAnyCase := func(ref string) payout.Key {
		key, _ := payout.KeyOf(ref, "", true)
		return key
	}
	now := map[string]*payout.Payout{} // a payout may have moved on in between
	for i := range committed.Payouts {
		now[committed.Payouts[i].ID] = &committed.Payouts[i]
	}
	why := committed.Err
	answer.Payouts = slices.DeleteFunc(answer.Payouts, func(one payout.Payout) bool {
		held, ok, err := p.held(ctx, one.ID)
		if err == nil && ok && (heldAsShown(&held, &one) || now[one.ID] != nil && heldAsShown(&held, now[one.ID])) {
			return false
		}
		why = cmp.Or(why, err)
		lost[inAnyCase(one.RefID)] = true
		return true
	})
	maps.DeleteFunc(answer.Answered, func(ref string, _ bool) bool { return lost[inAnyCase(ref)] })
	switch {
	case len(lost) == 0:
		answer.Err = cmp.Or(answer.Err, why)
	case why == nil:
		answer.Err = payout.Errorf(payout.KindTransport, "what was shown could not be kept: asked once more, the API did not show it")
	default:
		answer.Err = fmt.Errorf("what was shown could not be kept: %w", why)
	}
}

// heldAsShown reports whether the mirror knows at least as much of a payout as an answer that showed it.
func heldAsShown(held *payout.PayoutRef, one *payout.Payout) bool {
	return (held.Status == one.Status || held.Changed > one.Updated) && (held.OnBehalfOf != "" || one.OnBehalfOf == "")
}

func refsOf(payouts []payout.Payout) (refs []string) {
	for i := range payouts {
		if !slices.Contains(refs, payouts[i].RefID) {
			refs = append(refs, payouts[i].RefID)
		}
	}
	return refs
}

// disproved lists the days, taken for complete, on which the provider showed what the mirror lacked.
func (p *providerAsker) disproved(c payout.Coverage) (days []payout.Day) {
	complete := c.Complete()
	for i := range p.new {
		if d := p.new[i].Created.Day(); complete(d) {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// again answers as the provider did, without asking it once more.
func (p *providerAsker) again() reconcile.Provider { return &answeredBefore{p} }

type answeredBefore struct{ asked *providerAsker }

func (p *answeredBefore) AskRefs(ctx context.Context, refs []string) payout.RefAnswer {
	answer := replayProvider(p.asked.answered).AskRefs(ctx, refs)
	if answer.Err = p.asked.why; answer.Err == nil && len(answer.Answered) < len(refs) {
		answer.Err = errors.New("some references came up only after it was asked")
	}
	if !p.asked.commit { // else they lie in the mirror by now
		answer.Payouts = p.asked.shown
	}
	return answer
}

// ownedSource is the mirror as it would be if what was shown had been committed: an asked-for onBehalfOfId wins over none.
type ownedSource struct {
	reconcile.Source
	owners map[string]string // by id
}

func (s *ownedSource) Blocks(ctx context.Context, maxSeq int64, fn func(worker int, rows []payout.Row) error) error {
	return s.Source.Blocks(ctx, maxSeq, func(worker int, rows []payout.Row) error {
		for i := range rows {
			if owner, known := s.owners[rows[i].ID]; known {
				rows[i].OnBehalfOf = owner
			}
		}
		return fn(worker, rows)
	})
}

func (p *providerAsker) answeredRefs() []string {
	if p == nil {
		return nil
	}
	return sortedKeys(p.answered)
}

// refused returns the error of a look-up whose authorization was refused: the run is done, but its exit code says so.
func (p *providerAsker) refused() error {
	if p == nil || payout.KindOf(p.why) != payout.KindAuth {
		return nil
	}
	return p.why
}
