package sync

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"payrecon/internal/payout"
)

// passDay is a day under one onBehalfOfId.
type passDay struct {
	onBehalfOf string
	day        payout.Day
}

// shortDay is a day whose list lacked payouts that the mirror knows of it. Lists may leave out what exists: a payout has vanished
// only if the API does not return it when asked for by its id, twice. So the walks name candidates, which are asked for when
// all days have been walked, and a person is told what came of it rather than of each doubt on the way.
type shortDay struct {
	doubt    string              // what to tell of a walk of this run that contradicted its proof
	missing  []payout.HeldPayout // not shown by the last walk of this run that could prove the day
	complete bool                // without them
	standing bool                // likewise, and that was so before this run
}

// noteShort notes what a walk made of its days. The caller holds r.mu.
func (r *run) noteShort(onBehalfOf string, judged []payout.DayJudged) {
	for _, j := range judged {
		key := passDay{onBehalfOf, j.Tally.Day}
		if j.Counts {
			r.listsDay[key] = j.State == payout.DayComplete
		}
		s := r.short[key]
		if !j.Counts || s == nil && !j.Missed && j.Doubt == "" {
			continue
		}
		if s == nil {
			s = &shortDay{}
			r.short[key] = s
		}
		s.missing, s.complete, s.standing = j.NotShown, j.State == payout.DayComplete, j.Standing
		if j.Doubt != "" {
			s.doubt = j.Doubt + named(idsOf(j.NotShown))
		}
	}
}

// shortDays returns the days of r.short in order.
func (r *run) shortDays() []passDay {
	return slices.SortedFunc(maps.Keys(r.short), func(a, b passDay) int {
		return cmp.Or(cmp.Compare(a.day, b.day), cmp.Compare(a.onBehalfOf, b.onBehalfOf))
	})
}

// askMissing asks by id for the payouts without which days are shown complete and, in a verification, for all that it has not
// been shown. What the API does not return twice has vanished.
func (r *run) askMissing(ctx context.Context) error {
	var held []payout.HeldPayout
	for _, s := range r.short {
		if s.complete {
			held = append(held, s.missing...)
		}
	}
	if err := r.findListed(ctx, held); err != nil {
		return err
	}
	if r.details != nil {
		more, err := r.notCompared(ctx)
		if err != nil {
			return err
		}
		held = append(held, more...)
	}
	held = once(slices.DeleteFunc(held, func(h payout.HeldPayout) bool {
		_, asked := r.asked[h.ID]
		return asked || r.listed[payout.HashID(h.ID)]
	}))
	if len(held) == 0 {
		return nil
	}
	r.phase("sweep")
	a, err := r.askEverywhere(ctx, held)
	if err != nil {
		return err
	}
	if err := r.vanished(ctx, a.missing, byDay); err != nil {
		return err
	}
	return r.notAnswered(ctx, a.unknown)
}

// findListed adds to r.listed what the list of a day lacked and that of another pass has shown: the last one of this run that
// proved the day under a pass that knows the payout, if it did not lack it too.
func (r *run) findListed(ctx context.Context, held []payout.HeldPayout) error {
	also, err := r.store.AlsoShownTo(ctx, held)
	if err != nil {
		return err
	}
	for _, h := range held {
		for _, pass := range append(also[h.N], h.OnBehalfOf) {
			key := passDay{pass, h.Created.Day()}
			s := r.short[key]
			lacked := s != nil && slices.ContainsFunc(s.missing, func(one payout.HeldPayout) bool { return one.N == h.N })
			if r.listsDay[key] && !lacked {
				r.listed[payout.HashID(h.ID)] = true
			}
		}
	}
	return nil
}

// byDay tells, by day, of payouts that have vanished from the lists of their days.
func byDay(fresh []payout.HeldPayout) (alerts []string) {
	for len(fresh) > 0 {
		d, n := fresh[0].Created.Day(), 1
		for n < len(fresh) && fresh[n].Created.Day() == d {
			n++
		}
		alerts = append(alerts, fmt.Sprintf("day %s: the API had shown payouts that it shows no more, neither in its list of the day nor when asked for twice by their ids: they stay in the mirror, ask the provider%s",
			d, named(idsOf(fresh[:n]))))
		fresh = fresh[n:]
	}
	return alerts
}

// tellShort tells of the days whose lists lacked payouts what has not been told as those that vanished, and keeps with it that
// it was told.
func (r *run) tellShort(ctx context.Context) error {
	var alerts []string
	told := map[string][]payout.Day{}
	for _, key := range r.shortDays() {
		s := r.short[key]
		if s.complete {
			told[key.onBehalfOf] = append(told[key.onBehalfOf], key.day)
		}
		switch {
		case s.complete && len(s.missing) > 0:
			alerts = append(alerts, r.wordsOf(key, s)...)
		case s.doubt != "":
			alerts = append(alerts, s.doubt)
		}
	}
	if len(r.short) == 0 {
		return nil
	}
	r.tellInSummary(alerts)
	return r.store.TellOfDays(ctx, r.id, alerts, told)
}

// wordsOf is what to tell of a day that is shown complete without payouts, but for those that vanished.
func (r *run) wordsOf(key passDay, s *shortDay) (alerts []string) {
	if s.standing && r.details == nil { // told by the run that found it
		return nil
	}
	var leftOut, listed, unasked []payout.HeldPayout
	for _, h := range s.missing {
		shown, answered := r.asked[h.ID]
		switch {
		case shown:
			leftOut = append(leftOut, h)
		case answered: // told as vanished
		case r.listed[payout.HashID(h.ID)]:
			listed = append(listed, h)
		default:
			unasked = append(unasked, h)
		}
	}
	day := fmt.Sprintf("day %s%s", key.day, under(key.onBehalfOf))
	if len(leftOut) > 0 {
		alerts = append(alerts, day+": the API shows payouts when asked for by their ids that its list of the day leaves out: they are kept as shown, ask the provider; not listed: "+namesOf(idsOf(leftOut)))
	}
	if len(listed) > 0 {
		alerts = append(alerts, day+": another list of the API shows payouts that its list of the day leaves out: they are kept as shown, ask the provider; not listed: "+namesOf(idsOf(listed)))
	}
	if len(unasked) > 0 {
		alerts = append(alerts, day+" is shown complete without payouts that the API had shown before; whether it shows them when asked for by their ids is not known: sync verify of the day asks"+named(idsOf(unasked)))
	}
	return alerts
}

// named names payouts that were not shown, as the end of a sentence.
func named(ids []string) string {
	if len(ids) == 0 {
		return ""
	}
	return "; not shown: " + namesOf(ids)
}

func idsOf(held []payout.HeldPayout) []string {
	ids := make([]string, len(held))
	for i, h := range held {
		ids[i] = h.ID
	}
	return ids
}
