package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"payrecon/internal/payout"
)

// Provider is asked for references by refIds=, under every onBehalfOfId. A nil Provider means offline.
type Provider interface {
	// AskRefs asks for references exactly as given. What it shows may be committed to the mirror meanwhile.
	AskRefs(ctx context.Context, refs []string) payout.RefAnswer
}

// An entry without a payout is "missing at the provider" only on evidence: the provider itself, asked for the reference in
// this run, shows no further payout (its "no" to ABC says nothing of abc, where letter case does not count); or every day on which such a payout could have been created is complete in the mirror.
// Without either nothing is known: not_fetched. What the provider shows joins its key, and the key is matched again whole.

// prove settles the keys that wait for evidence, and keeps their findings.
func (r *run) prove(ctx context.Context, all *joined) error {
	r.shownFrom = r.shownSince()
	answered, err := r.ask(ctx, all)
	if err != nil {
		return err
	}
	for _, u := range all.pending {
		for _, f := range u.findings {
			if len(f.pays) == 0 && f.outcome != payout.Timing {
				f.why = r.proofFor(f.ents[0], answered)
			}
			if f.outcome == payout.MissingAtProvider && f.why != askedProvider && f.why != daysComplete {
				f.outcome = payout.NotFetched
			}
			if err := all.keep(r.join, f); err != nil {
				return err
			}
		}
	}
	all.pending = nil
	if r.join.byOBO {
		for _, f := range all.findings {
			r.elsewhere(all, f)
		}
	}
	return nil
}

// proofFor says how far it is known that no further payout answers an entry.
func (r *run) proofFor(e *ent, answered map[string]bool) proof {
	why := askedProvider
	for _, form := range r.forms(e.Ref) {
		if !answered[form] {
			why = notProven
		}
	}
	if why == askedProvider && r.m.o.CaseInsensitive && hasCase(e.Ref) {
		why = otherCase
	}
	if why != askedProvider && r.daysShown(e.Day) {
		return daysComplete
	}
	return why
}

// hasCase reports whether a reference can be written in another letter case.
func hasCase(ref string) bool {
	return strings.ContainsFunc(ref, func(c rune) bool { return unicode.SimpleFold(c) != c })
}

// daysShown reports whether every day on which a payout could stand that joins an entry of the day is complete under every
// onBehalfOfId. Where the first of them has not come nothing is shown.
func (r *run) daysShown(day payout.Day) bool {
	if day == payout.NoDay {
		return false
	}
	window := payout.Day(r.m.o.MatchWindowDays)
	first, last := day-window, min(r.m.asOf.Day(), day+window)
	for d := first; d <= last; d++ {
		if !r.m.complete(d) {
			return false
		}
	}
	return first <= last
}

// forms is how a reference is asked for: as written, and trimmed; where letter case does not count, also in lower and in
// upper case, which are the likely ones of all that the provider may hold.
func (r *run) forms(ref string) []string {
	trimmed := strings.TrimFunc(ref, unicode.IsSpace)
	forms := []string{ref, trimmed}
	if r.m.o.CaseInsensitive {
		forms = append(forms, strings.ToLower(trimmed), strings.ToUpper(trimmed))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// ask asks the provider for the references of all keys that wait, and matches those again for which it shows something new.
// It returns the references that were answered.
func (r *run) ask(ctx context.Context, all *joined) (map[string]bool, error) {
	r.out.Lookup.Candidates = len(all.pending)
	limit := r.m.o.ConfirmMax
	switch {
	case len(all.pending) == 0:
		return nil, nil
	case r.in.Provider == nil:
		r.out.Lookup.Skipped = "offline: the provider was not asked"
		return nil, nil
	case limit < 0:
		r.out.Lookup.Skipped = "asking the provider by reference is switched off"
		return nil, nil
	case len(all.pending) > limit:
		r.out.Lookup.Skipped = fmt.Sprintf("%s without a payout, more than confirm_max (%d): none was asked for", plural(len(all.pending), "reference", "references"), limit)
		r.warn("%s", r.out.Lookup.Skipped)
		return nil, nil
	}
	wanted := map[string]bool{}
	for _, u := range all.pending {
		for _, e := range u.g.ents {
			for _, form := range r.forms(e.Ref) {
				wanted[form] = true
			}
		}
	}
	answer := r.in.Provider.AskRefs(ctx, slices.Sorted(maps.Keys(wanted)))
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.out.Lookup.Asked = len(wanted)
	r.out.Lookup.Requests = answer.Requests
	if answer.Err != nil {
		r.out.Lookup.Skipped = fmt.Sprintf("not every reference was answered: %v", answer.Err)
		r.warn("asking the provider by reference: %v", answer.Err)
	}
	return answer.Answered, r.learn(all, answer.Payouts)
}

// learn adds the payouts that the provider showed to their keys, and matches those again. A payout that the mirror holds
// stays under its key there, on whose behalf ever the provider shows it: under two keys it would be counted twice, at both
// ends of the statement.
func (r *run) learn(all *joined, payouts []payout.Payout) error {
	shown := map[payout.Key][]*payout.Payout{}
	for _, one := range payouts {
		p, of := &one, ""
		if r.join.byOBO {
			ref, _ := payout.KeyOf(p.RefID, "", r.m.o.CaseInsensitive)
			if n := all.namesakes[ref]; n != nil {
				if owner, held := n.owners[p.ID]; held {
					p.OnBehalfOf = owner
				}
				n.update(r.join.payOf(rowOf(p)))
			}
			of = p.OnBehalfOf
		}
		if key, ok := payout.KeyOf(p.RefID, of, r.m.o.CaseInsensitive); ok {
			shown[key] = append(shown[key], p)
		}
	}
	for _, u := range all.pending {
		if !r.learnAll(u.g, shown[u.g.key]) {
			continue
		}
		u.g.items = nil
		findings, err := r.join.resolve(u.g)
		if err != nil {
			return err
		}
		u.findings = findings
	}
	for _, u := range all.pending {
		delete(shown, u.g.key)
	}
	all.stray(r.join, shown)
	return nil
}

// learnAll adds payouts to their key. It reports whether anything changed.
func (r *run) learnAll(g *group, shown []*payout.Payout) bool {
	if len(shown) == 0 {
		return false
	}
	at := make(map[string]int, len(g.pays)+len(shown)) // by id, in the group
	for i, known := range g.pays {
		at[known.ID] = i
	}
	changed := false
	for _, p := range shown {
		changed = r.learnOne(g, at, p) || changed
	}
	return changed
}

// learnOne adds a payout to its key, or brings a known one up to date. It reports whether anything changed. The provider's
// end of the statement follows, apart from any matching.
func (r *run) learnOne(g *group, at map[string]int, p *payout.Payout) bool {
	row := rowOf(p)
	if i, ok := at[p.ID]; ok {
		known := g.pays[i]
		if known.Status == row.Status || row.Changed < known.Changed {
			return false
		}
		row.OnBehalfOf = known.OnBehalfOf
		g.pays[i] = r.join.payOf(row)
		g.pays[i].answer = p
		if known.Status.Final() {
			g.pays[i].detail = &payout.Detail{Was: known.Status}
		}
		r.count(known, -1)
		r.count(g.pays[i], 1)
		return true
	}
	found := r.join.payOf(row)
	found.answer = p
	at[p.ID] = len(g.pays)
	g.pays = append(g.pays, found)
	r.count(found, 1)
	r.out.Lookup.Found++
	return true
}

func rowOf(p *payout.Payout) payout.Row {
	return payout.Row{
		ID: p.ID, RefID: p.RefID, OnBehalfOf: p.OnBehalfOf, Account: p.Creditor.Account(),
		Units: p.Amount.Units(), Currency: p.Amount.Currency(), Status: p.Status, Created: p.Created, Changed: p.Updated,
	}
}

// count adds a payout that the provider showed in this run to the sums by the mirror, which does not have it yet.
func (r *run) count(p *pay, sign int64) {
	if p.in {
		r.sums = append(r.sums, payout.Sum{Currency: p.Currency, Status: p.Status, Count: sign, Units: sign * p.Units})
	}
}
