package sync

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

const (
	idsAtOnce  = 50 // ids or references in one request, if Options.Split is not set: about 2.5 KB of URL
	pagesOfIDs = 50 // pages after which an answer to a list of ids or references is given up
	toldAtMost = 20 // vanished payouts that are named one by one
	namedOnce  = 5  // ids that one alert names
	maxSilent  = 10 // ids that are not answered alone either, in a run, before cut answers are left as they are
)

// askAll asks for payouts by id, each under the pass that shows it.
func (r *run) askAll(ctx context.Context, held []payout.HeldPayout) error {
	byPass, err := r.askWhere(ctx, held)
	if err != nil {
		return err
	}
	for _, pass := range slices.Sorted(maps.Keys(byPass)) {
		if err := r.surviveSweep(ctx, r.passOf(pass), r.askFor(ctx, pass, byPass[pass])); err != nil {
			return err
		}
	}
	return nil
}

// askWhere sorts payouts by the pass under which to ask for them: their own, or another one that has shown them. Those that
// no pass in force has shown cannot be asked for, and that is an alert.
func (r *run) askWhere(ctx context.Context, held []payout.HeldPayout) (map[string][]payout.HeldPayout, error) {
	byPass := map[string][]payout.HeldPayout{}
	var strange []payout.HeldPayout
	for _, h := range held {
		if r.passOf(h.OnBehalfOf) == nil {
			strange = append(strange, h)
			continue
		}
		byPass[h.OnBehalfOf] = append(byPass[h.OnBehalfOf], h)
	}
	if len(strange) == 0 {
		return byPass, nil
	}
	also, err := r.store.AlsoShownTo(ctx, strange)
	if err != nil {
		return nil, err
	}
	nowhere := map[string]int{}
	for _, h := range strange {
		i := slices.IndexFunc(also[h.N], func(pass string) bool { return r.passOf(pass) != nil })
		if i < 0 {
			nowhere[h.OnBehalfOf]++
			continue
		}
		byPass[also[h.N][i]] = append(byPass[also[h.N][i]], h)
	}
	var alerts []string
	for _, pass := range slices.Sorted(maps.Keys(nowhere)) {
		alerts = append(alerts, fmt.Sprintf("%s not asked for: shown on behalf of %q only, which is not configured any more",
			plural(nowhere[pass], "open or late payout"), pass))
	}
	return byPass, r.raise(ctx, alerts)
}

// askFor asks for payouts by id, and keeps and tells which of them have vanished.
func (r *run) askFor(ctx context.Context, pass string, held []payout.HeldPayout) error {
	a, err := r.askTwice(ctx, pass, held)
	if err != nil {
		return err
	}
	if err := r.vanished(ctx, a.missing); err != nil {
		return err
	}
	return r.notAnswered(ctx, pass, a.unknown)
}

// askTwice asks for payouts by id, and again for those that were not returned, until an answer shows none of them. What is not
// returned twice has vanished, but where the second answer shows some of the missing, the first one was cut without a sign.
func (r *run) askTwice(ctx context.Context, pass string, held []payout.HeldPayout) (all heldAnswer, err error) {
	for times := 1; len(held) > 0; times++ {
		a, err := r.askOnce(ctx, pass, held)
		if err != nil {
			return heldAnswer{}, err
		}
		all.shown, all.unknown = append(all.shown, a.shown...), append(all.unknown, a.unknown...)
		held = a.missing
		if times > 1 && len(a.shown) == 0 {
			break
		}
	}
	all.missing = held
	return all, nil
}

// vanished keeps and tells that the API does not show payouts any more.
func (r *run) vanished(ctx context.Context, gone []payout.HeldPayout) error {
	fresh, err := r.store.MarkVanished(ctx, r.id, gone)
	if err != nil {
		return err
	}
	for _, h := range gone {
		r.asked[h.ID] = false
	}
	var alerts []string
	for _, h := range fresh[:min(len(fresh), toldAtMost)] {
		alerts = append(alerts, fmt.Sprintf("payout %s, created %s, was asked for twice by its id, but the API does not show it any more: it stays in the mirror, ask the provider",
			h.ID, h.Created.Day()))
	}
	if more := len(fresh) - toldAtMost; more > 0 {
		alerts = append(alerts, fmt.Sprintf("%s not shown any more either: see payrecon status", plural(more, "payout")))
	}
	return r.raise(ctx, alerts)
}

// notAnswered tells of payouts whose answers were cut, and lets the run go on as one that failed.
func (r *run) notAnswered(ctx context.Context, pass string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	err := payout.Errorf(payout.KindTransport, "the API's answers for payouts asked for by id%s came to no regular end: whether %s changed is not known",
		under(pass), namesOf(ids))
	if err := r.raise(ctx, []string{err.Error()}); err != nil {
		return err
	}
	return r.survive(ctx, nil, "", err)
}

// namesOf names ids in a sentence.
func namesOf(ids []string) string {
	if more := len(ids) - namedOnce; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:namedOnce], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// heldAnswer is what asking for payouts by id led to. Those of an answer that is none to the question are in none of the lists.
type heldAnswer struct {
	shown   []string
	missing []payout.HeldPayout // an answer with a regular end did not show them
	unknown []string            // no answer came to a regular end
}

// askOnce asks for payouts by id.
func (r *run) askOnce(ctx context.Context, pass string, held []payout.HeldPayout) (all heldAnswer, err error) {
	byID := make(map[string]payout.HeldPayout, len(held))
	ids := make([]string, len(held))
	for i, h := range held {
		byID[h.ID], ids[i] = h, h.ID
	}
	group, ctx := errgroup.WithContext(ctx)
	if r.task != taskBackfill { // in which other workers may still be at their windows
		group.SetLimit(r.o.Workers)
	} else {
		group.SetLimit(1)
	}
	queries := r.o.Split(payout.Query{IDs: ids, OnBehalfOf: pass})
	answers := make([]idAnswer, len(queries))
	for i, q := range queries {
		group.Go(func() error { return r.askIDs(ctx, q, &answers[i]) })
	}
	if err := group.Wait(); err != nil {
		return heldAnswer{}, err
	}
	for _, a := range answers {
		for _, id := range a.missing {
			all.missing = append(all.missing, byID[id])
		}
		all.shown, all.unknown = append(all.shown, a.shown...), append(all.unknown, a.unknown...)
	}
	return all, nil
}

// idAnswer is heldAnswer by ids.
type idAnswer struct {
	shown, missing, unknown []string
}

// askIDs asks for the ids of q. What an answer without a regular end does not show is asked for in halves, down to one id: the
// answers become shorter than whatever cuts them.
func (r *run) askIDs(ctx context.Context, q payout.Query, a *idAnswer) error {
	returned := map[string]bool{}
	whole, err := r.list(ctx, q, pagesOfIDs, func(one *payout.Payout) { returned[one.ID] = true })
	if errors.Is(err, errFilterIgnored) {
		return r.tellOnce(ctx, "the API ignored ids and showed other payouts: whether those that may still change have changed or vanished is not known, ask the provider")
	}
	if err != nil {
		return err
	}
	var rest []string
	for _, id := range q.IDs {
		if returned[id] {
			a.shown = append(a.shown, id)
		} else {
			rest = append(rest, id)
		}
	}
	switch {
	case whole:
		a.missing = append(a.missing, rest...)
		return nil
	case len(rest) == 0:
		return nil
	case len(q.IDs) == 1 || r.unanswered.Load() >= maxSilent:
		a.unknown = append(a.unknown, rest...)
		r.unanswered.Add(1)
		return nil
	}
	for half := range slices.Chunk(rest, (len(rest)+1)/2) {
		q.IDs = half
		if err := r.askIDs(ctx, q, a); err != nil {
			return err
		}
	}
	return nil
}

// splitLists cuts a query with many ids or references into several.
func splitLists(q payout.Query) []payout.Query {
	var parts []payout.Query
	for ids := range slices.Chunk(q.IDs, idsAtOnce) {
		part := q
		part.IDs = ids
		parts = append(parts, part)
	}
	for refs := range slices.Chunk(q.RefIDs, idsAtOnce) {
		part := q
		part.RefIDs = refs
		parts = append(parts, part)
	}
	return parts
}
