package sync

import (
	"context"
	"errors"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// AskRefs asks the API for references by refIds=, each as written and, where that differs, without the white space round it,
// under every onBehalfOfId. A reference is answered when all of these answers came to a regular end and showed payouts of
// asked references only. What is found is committed to the mirror if commit is set. Errors are in the answer, beside what was answered before them.
func (s *Syncer) AskRefs(ctx context.Context, runID int64, refs []string, commit bool) payout.RefAnswer {
	r := s.newRun("look-up", runID)
	answer := payout.RefAnswer{Answered: map[string]bool{}}
	whole := map[string]int{} // how many passes have answered a form of a reference
	forms := formsOf(refs)
	byID := map[string]int{}
	for _, pass := range s.o.OnBehalfOf {
		for _, q := range s.o.Split(payout.Query{RefIDs: forms, OnBehalfOf: pass}) {
			regular, err := r.askRefs(ctx, q, commit, &answer, byID)
			if errors.Is(err, errFilterIgnored) {
				answer.Err = payout.Errorf(payout.KindTransport, "the API ignored refIds: asked for %s, it showed payouts of others, so its answer says nothing", plural(len(q.RefIDs), "reference"))
				continue
			}
			if err != nil {
				answer.Err = stopped(ctx, err)
				return answer
			}
			if !regular {
				answer.Err = payout.Errorf(payout.KindTransport, "the API's answer for %s came to no regular end", plural(len(q.RefIDs), "reference"))
				continue
			}
			for _, form := range q.RefIDs {
				whole[form]++
			}
		}
	}
	for _, ref := range refs {
		if n := len(s.o.OnBehalfOf); whole[ref] == n && whole[strings.TrimSpace(ref)] == n {
			answer.Answered[ref] = true
		}
	}
	return answer
}

// stopped is the error of a look-up that did not come to its end.
func stopped(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil:
		return err
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return payout.Errorf(payout.KindFailed, "out of time while references were looked up: %w", err)
	}
	return payout.Errorf(payout.KindInterrupted, "interrupted while references were looked up")
}

// errFilterIgnored says that an answer shows what nobody asked for. Such an answer is not one to the question: what it does
// not show may well exist.
var errFilterIgnored = errors.New("the API ignored the filter")

// filter is what a query asked for, compared without white space and letter case, because servers may be lenient.
type filter map[string]bool

func filterOf(asked []string) filter {
	f := make(filter, len(asked))
	for _, one := range asked {
		f[lenient(one)] = true
	}
	return f
}

func (f filter) has(one string) bool { return f[lenient(one)] }

func lenient(s string) string { return strings.ToLower(strings.ToUpper(strings.TrimSpace(s))) }

// formsOf lists each reference as written and trimmed, once.
func formsOf(refs []string) []string {
	seen := make(map[string]bool, len(refs))
	var forms []string
	for _, ref := range refs {
		for _, form := range []string{ref, strings.TrimSpace(ref)} {
			if !seen[form] && form != "" {
				seen[form] = true
				forms = append(forms, form)
			}
		}
	}
	return forms
}

// askRefs adds the whole answer to one query. A payout shown by several passes is added once, with an asked-for
// onBehalfOfId rather than the plain one.
func (r *run) askRefs(ctx context.Context, q payout.Query, commit bool, answer *payout.RefAnswer, byID map[string]int) (regular bool, err error) {
	asked := filterOf(q.RefIDs)
	return pageThrough(ctx, r.api, q, pagesOfIDs, func(page *payout.Page) error {
		answer.Requests += max(page.Requests, 1)
		if slices.ContainsFunc(page.Payouts, func(one payout.Payout) bool { return !asked.has(one.RefID) }) {
			return errFilterIgnored
		}
		for _, one := range page.Payouts {
			i, known := byID[one.ID]
			switch {
			case !known:
				byID[one.ID] = len(answer.Payouts)
				answer.Payouts = append(answer.Payouts, one)
			case answer.Payouts[i].OnBehalfOf == "":
				answer.Payouts[i] = one
			}
		}
		if !commit || len(page.Payouts) == 0 {
			return nil
		}
		c := &payout.PageCommit{Run: r.id, OnBehalfOf: q.OnBehalfOf, Payouts: page.Payouts, Asked: page.Asked, End: page.End}
		return r.write(ctx, c, page)
	})
}
