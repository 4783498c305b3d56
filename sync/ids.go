package sync

import (
	"cmp"
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

// askAll asks for payouts by id, and keeps and tells which of them have vanished.
func (r *run) askAll(ctx context.Context, held []payout.HeldPayout) error {
	a, err := r.askEverywhere(ctx, held)
	if err != nil {
		return err
	}
	if err := r.vanished(ctx, a.missing, oneByOne); err != nil {
		return err
	}
	return r.notAnswered(ctx, a.unknown)
}

// askEverywhere asks for payouts by id: under the pass that each belongs to and, for what that does not show, under every other
// pass in force that has shown it. Missing are those that none of these shows, unknown those that one of them did not answer
// for. It notes in r.asked what is known then. Those that no pass in force has shown cannot be asked for, and that is an alert.
func (r *run) askEverywhere(ctx context.Context, held []payout.HeldPayout) (heldAnswer, error) {
	var all heldAnswer
	shown, unknown, asked := map[string]bool{}, map[string]bool{}, map[string]bool{}
	ask := func(p *pass, under func(payout.HeldPayout) bool) error {
		of := slices.DeleteFunc(slices.Clone(held), func(h payout.HeldPayout) bool { return shown[h.ID] || !under(h) })
		a, err := r.askTwice(ctx, p.onBehalfOf, of)
		if err != nil {
			return err
		}
		for _, h := range of {
			asked[h.ID] = true
		}
		for _, id := range a.shown {
			shown[id], r.asked[id] = true, true
		}
		for _, u := range a.unknown {
			unknown[u.id] = true
		}
		all.missing, all.unknown = append(all.missing, a.missing...), append(all.unknown, a.unknown...)
		return nil
	}
	for _, p := range r.passes {
		if err := ask(p, func(h payout.HeldPayout) bool { return h.OnBehalfOf == p.onBehalfOf }); err != nil {
			return all, err
		}
	}
	held = slices.DeleteFunc(slices.Clone(held), func(h payout.HeldPayout) bool { return shown[h.ID] })
	also, err := r.store.AlsoShownTo(ctx, held)
	if err != nil {
		return all, err
	}
	for _, p := range r.passes {
		if err := ask(p, func(h payout.HeldPayout) bool {
			return h.OnBehalfOf != p.onBehalfOf && slices.Contains(also[h.N], p.onBehalfOf)
		}); err != nil {
			return all, err
		}
	}
	all.unknown = slices.DeleteFunc(all.unknown, func(u unanswered) bool { return shown[u.id] })
	all.missing = once(slices.DeleteFunc(all.missing, func(h payout.HeldPayout) bool { return shown[h.ID] || unknown[h.ID] }))
	for _, h := range all.missing {
		r.asked[h.ID] = false
	}
	return all, r.tellNotAsked(ctx, slices.DeleteFunc(held, func(h payout.HeldPayout) bool { return asked[h.ID] }))
}

// tellNotAsked tells of payouts that no pass in force has shown.
func (r *run) tellNotAsked(ctx context.Context, held []payout.HeldPayout) error {
	nowhere := map[string]int{}
	for _, h := range held {
		nowhere[h.OnBehalfOf]++
	}
	var alerts []string
	for _, pass := range slices.Sorted(maps.Keys(nowhere)) {
		alerts = append(alerts, fmt.Sprintf("%s not asked for: shown on behalf of %q only, which is not configured any more",
			plural(nowhere[pass], "open or late payout"), pass))
	}
	return r.raise(ctx, alerts)
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
func (r *run) vanished(ctx context.Context, gone []payout.HeldPayout, tell func(fresh []payout.HeldPayout) []string) error {
	alerts, err := r.store.MarkVanished(ctx, r.id, gone, tell)
	if err == nil {
		r.tellInSummary(alerts)
	}
	return err
}

// oneByOne tells of payouts that have vanished.
func oneByOne(fresh []payout.HeldPayout) (alerts []string) {
	for _, h := range fresh[:min(len(fresh), toldAtMost)] {
		alerts = append(alerts, fmt.Sprintf("payout %s, created %s, was asked for twice by its id, but the API does not show it any more: it stays in the mirror, ask the provider",
			h.ID, h.Created.Day()))
	}
	if more := len(fresh) - toldAtMost; more > 0 {
		alerts = append(alerts, fmt.Sprintf("%s not shown any more either: see payrecon status", plural(more, "payout")))
	}
	return alerts
}

// silence is why it is not known whether the API shows a payout.
type silence uint8

const (
	cutOff    silence = iota // no answer came to a regular end
	strangers                // the answers showed payouts that nobody had asked for
	refused                  // the API refused to answer
)

// unanswered is a payout that was asked for by its id without an answer.
type unanswered struct {
	id, pass string
	why      silence
	err      error // the refusal
}

// notAnswered tells of payouts that were asked for without an answer, and lets the run go on as one that failed. It is none of
// the failures that end a run: the days are read all the same.
func (r *run) notAnswered(ctx context.Context, unknown []unanswered) error {
	slices.SortStableFunc(unknown, func(a, b unanswered) int {
		return cmp.Or(cmp.Compare(a.pass, b.pass), cmp.Compare(a.why, b.why))
	})
	var first error
	var alerts []string
	for len(unknown) > 0 {
		u, ids := unknown[0], []string{}
		for len(unknown) > 0 && unknown[0].pass == u.pass && unknown[0].why == u.why {
			ids = append(ids, unknown[0].id)
			unknown = unknown[1:]
		}
		err := u.tell(ids)
		alerts = append(alerts, err.Error())
		first = cmp.Or(first, err)
	}
	if err := r.raise(ctx, alerts); err != nil || first == nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.firstFailure = cmp.Or(r.firstFailure, first)
	return nil
}

// tell says of ids why there was no answer for them.
func (u unanswered) tell(ids []string) error {
	pass, names := under(u.pass), namesOf(ids)
	switch u.why {
	case strangers:
		return payout.Errorf(payout.KindTransport, "the API%s ignored ids and showed other payouts than those asked for: whether %s changed is not known, ask the provider", pass, names)
	case refused:
		return payout.Errorf(payout.KindTransport, "the API%s refuses to answer for payouts asked for by id: whether %s changed is not known: %w", pass, names, u.err)
	}
	return payout.Errorf(payout.KindTransport, "the API's answers%s for payouts asked for by id came to no regular end: whether %s changed is not known", pass, names)
}

// namesOf names ids in a sentence.
func namesOf(ids []string) string {
	if more := len(ids) - namedOnce; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:namedOnce], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// heldAnswer is what asking for payouts by id led to.
type heldAnswer struct {
	shown   []string
	missing []payout.HeldPayout // an answer to the question, with a regular end, did not show them
	unknown []unanswered        // there was no such answer
}

// askOnce asks for payouts by id. Lists without a proper answer are asked for in parts one after the other, so that an API that
// never answers properly is found out by the first of them.
func (r *run) askOnce(ctx context.Context, pass string, held []payout.HeldPayout) (all heldAnswer, err error) {
	byID := make(map[string]payout.HeldPayout, len(held))
	ids := make([]string, len(held))
	for i, h := range held {
		byID[h.ID], ids[i] = h, h.ID
	}
	group, within := errgroup.WithContext(ctx)
	if r.task != taskBackfill { // in which other workers may still be at their windows
		group.SetLimit(r.o.Workers)
	} else {
		group.SetLimit(1)
	}
	queries := r.o.Split(payout.Query{IDs: ids, OnBehalfOf: pass})
	answers := make([]idAnswer, len(queries))
	for i, q := range queries {
		group.Go(func() (err error) {
			answers[i], err = r.askIDs(within, q)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return heldAnswer{}, err
	}
	for i, q := range queries {
		if err := r.askParts(ctx, q, answers[i], &all, byID); err != nil {
			return heldAnswer{}, err
		}
	}
	return all, nil
}

// idAnswer is the answer to one list of ids.
type idAnswer struct {
	shown, rest []string // the asked-for ids that it showed, and the others
	whole       bool     // it came to a regular end, and was one to the question
	why         silence  // if it was not whole
	err         error    // the refusal
}

// askIDs asks for the ids of q.
func (r *run) askIDs(ctx context.Context, q payout.Query) (a idAnswer, err error) {
	returned := map[string]bool{}
	a.whole, err = r.list(ctx, q, pagesOfIDs, func(one *payout.Payout) { returned[one.ID] = true })
	switch {
	case errors.Is(err, errFilterIgnored):
		a.why, err = strangers, nil
	case refuses(err):
		a.why, a.err, err = refused, err, nil
	}
	for _, id := range q.IDs {
		if returned[id] {
			a.shown = append(a.shown, id)
		} else {
			a.rest = append(a.rest, id)
		}
	}
	return a, err
}

// askParts adds the answer to q to all. What an answer that was not whole does not show is asked for in halves, down to one id:
// the answers become shorter than whatever cuts them, and what is refused or no answer comes from fewer and fewer of the ids.
func (r *run) askParts(ctx context.Context, q payout.Query, a idAnswer, all *heldAnswer, byID map[string]payout.HeldPayout) error {
	all.shown = append(all.shown, a.shown...)
	switch {
	case a.whole:
		for _, id := range a.rest {
			all.missing = append(all.missing, byID[id])
		}
		return nil
	case len(a.rest) == 0:
		return nil
	case len(q.IDs) == 1 || !r.partsMayHelp(q.OnBehalfOf, a.why):
		for _, id := range a.rest {
			all.unknown = append(all.unknown, unanswered{id, q.OnBehalfOf, a.why, a.err})
		}
		r.unanswered++
		r.idsIgnored = r.idsIgnored || a.why == strangers && len(q.IDs) == 1
		return nil
	}
	for half := range slices.Chunk(a.rest, (len(a.rest)+1)/2) {
		q.IDs = half
		part, err := r.askIDs(ctx, q)
		if err != nil {
			return err
		}
		if err := r.askParts(ctx, q, part, all, byID); err != nil {
			return err
		}
	}
	return nil
}

// refuses reports whether err is the API's refusal of what was asked: it may know one of the ids no more.
func refuses(err error) bool {
	kind := payout.KindOf(err)
	return (kind == payout.KindInput || kind == payout.KindNotFound) && !errors.Is(err, errStore)
}

// partsMayHelp reports whether to ask in parts for what a list did not answer: not after many that were not answered alone
// either, not when one id alone has led to other payouts, and not under a pass that is refused whatever it is asked for. Such an
// API must not cost a request for every payout, night after night.
func (r *run) partsMayHelp(pass string, why silence) bool {
	switch {
	case r.unanswered >= maxSilent:
		return false
	case why == strangers:
		return !r.idsIgnored
	case why == refused:
		r.mu.Lock()
		defer r.mu.Unlock()
		p := r.passOf(pass)
		return p == nil || p.refusals == 0
	}
	return true
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
