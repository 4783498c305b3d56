package reconcile

import (
	"fmt"
	"strings"

	"payrecon/internal/payout"
)

// What the next step says of paying again. People act on it, so it never invites a second payment: as long as a live payout
// of the reference is known it is named, and as long as days are missing it says that they are.

// doNotPay forbids to pay the reference again: because another payout of it is the retry by its looks, or before the
// conditions hold and it is clear that another payout of the reference is not the retry. A finding that holds a completed
// payout itself, which did not come back, has its reason in that. A payout that the sentence has named already goes by its id. Without a reason it is "".
func (r *run) doNotPay(f *finding, named *pay, conditions ...string) string {
	p := f.other
	if !isLive(p) || f.completed() {
		return notBefore(f, conditions...)
	}
	name := "payout " + p.ID
	if p != named {
		name = r.otherPhrase(f)
	}
	if !f.retriedBy(p) {
		return notBefore(f, append(conditions, fmt.Sprintf("it is clear that no other payout of this reference, such as %s, paid it", name))...)
	}
	say := fmt.Sprintf("do not pay %s again: %s", refPhrase(f), name)
	switch completed := p.class == payout.ClassCompleted; {
	case completed && p == named:
		return say + " completed"
	case completed:
		return say + " bears it too"
	case p == named:
		return say + " may still pay out"
	}
	return say + " bears it too and may still pay out"
}

// notBefore forbids to pay the reference again before all conditions hold that are not "". A failed payout that was shown as
// completed before may have paid.
func notBefore(f *finding, conditions ...string) string {
	var all []string
	for _, c := range conditions {
		if c != "" {
			all = append(all, c)
		}
	}
	if p := foremost(f.pays); p != nil && p.was() == payout.Completed && !p.live() {
		all = append(all, "the provider has confirmed that no money left")
	}
	if len(all) == 0 {
		return ""
	}
	last := len(all) - 1
	if last > 0 {
		all = []string{strings.Join(all[:last], ", "), all[last]}
	}
	return fmt.Sprintf("do not pay %s again before %s", refPhrase(f), strings.Join(all, " and "))
}

// retriedBy reports whether a live payout outside of a finding without one is its retry by all that is known: of its episode,
// amount and currency, to an account that is not known to differ. One that came back itself settles nothing, and
// what an addition stands beside may be what it returns.
func (f *finding) retriedBy(p *pay) bool {
	if f.apart != sameEpisode || f.adds != noAddition || p.returned || f.paying() != nil || len(f.pays) > 1 || f.amountKey() != (amountKey{p.Currency, p.Units}) {
		return false
	}
	return len(f.pays) == 0 || !accountsDiffer(f.pays[0].Account, p.Account)
}

func (f *finding) completed() bool {
	p := f.paying()
	return p != nil && p.class == payout.ClassCompleted
}

// lastEnded is the last day that was over when the run began: today is never a gap.
func (r *run) lastEnded() payout.Day { return r.now.Day() - 1 }

// shownSince returns the first day from which on every ended day is complete in the mirror.
func (r *run) shownSince() payout.Day {
	day := r.lastEnded() + 1
	for r.m.complete(day - 1) {
		day--
	}
	return day
}

// unlessShown is the condition that a payout which may have been made since is looked for first; "" when there is none, by the
// provider's own word or by the days that the mirror is shown to hold.
func (r *run) unlessShown(f *finding) string {
	day := f.day()
	from := day - payout.Day(r.m.o.MatchWindowDays)
	switch {
	case f.why == askedProvider:
		return ""
	case day == payout.NoDay:
		return "the provider has been asked for it"
	case day > r.lastEnded():
		return "its day is over"
	case from >= r.shownFrom:
		return ""
	}
	return fmt.Sprintf("the mirror is complete from %s on", from)
}

// gap says why payouts that the entry of a finding would join may be missing from what is known, and what to do about it; ""
// when the provider was asked for the reference or every ended day around the entry is complete.
func (r *run) gap(f *finding) (why, next string) {
	day := f.ents[0].Day
	asked := "the provider was not asked for this reference and "
	if f.why == otherCase {
		asked = "the provider was asked for this reference in some letter cases only and "
	} else if f.why == notProven && r.out.Lookup.Asked > 0 {
		asked = "the provider did not answer for this reference and "
	}
	switch {
	case f.why == askedProvider || f.why == daysComplete:
		return "", ""
	case day == payout.NoDay:
		return asked + "the entry has no date", "give the entry a date and reconcile again"
	case day > r.lastEnded():
		return asked + "the entry's day is not over", "reconcile again when its day is over"
	}
	window := payout.Day(r.m.o.MatchWindowDays)
	from, to := day-window, min(day+window, r.lastEnded())
	for d := from; d <= to; d++ {
		if !r.m.complete(d) {
			return fmt.Sprintf("%sthe mirror is not complete from %s to %s", asked, from, to), "sync the missing days"
		}
	}
	return "", ""
}

// otherPhrase names a finding's other payout, and how it stands apart from the finding's records.
func (r *run) otherPhrase(f *finding) string {
	switch f.apart {
	case otherTime:
		return payPhrase(f.other) + " at another time"
	case otherOBO:
		return payPhrase(f.other) + onBehalf(f.other.OnBehalfOf)
	}
	return payPhrase(f.other)
}

// keyPhrase is the reference with whom it is for, where the ledger says so: what is said of the one does not hold for another.
func (r *run) keyPhrase(f *finding) string {
	if r.join.byOBO {
		return refPhrase(f) + onBehalf(f.onBehalfOf())
	}
	return refPhrase(f)
}

func onBehalf(of string) string {
	if of == "" {
		return " on behalf of nobody"
	}
	return " on behalf of " + clipText(of)
}

// steps puts next steps together.
func steps(list ...string) string {
	var all []string
	for _, s := range list {
		if s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, "; ")
}
