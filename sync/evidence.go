package sync

import (
	"fmt"
	"time"

	"payrecon/internal/payout"
)

// tally counts what one walk sees, by day.
type tally struct {
	seen map[payout.IDHash]struct{}
	days map[payout.Day]*payout.DayTally
}

func newTally() *tally {
	return &tally{map[payout.IDHash]struct{}{}, map[payout.Day]*payout.DayTally{}}
}

func (t *tally) add(seen []payout.Seen) {
	for _, s := range seen {
		d := t.days[s.Day]
		if d == nil {
			d = &payout.DayTally{Day: s.Day}
			t.days[s.Day] = d
		}
		if _, repeated := t.seen[s.Hash]; repeated {
			d.Repeats++
			continue
		}
		t.seen[s.Hash] = struct{}{}
		d.Count++
		d.Print = d.Print.Add(s.Hash)
	}
}

func (t *tally) of(day payout.Day) payout.DayTally {
	if d := t.days[day]; d != nil {
		return *d
	}
	return payout.DayTally{Day: day}
}

// walkFacts is what judging a day must know of the walk.
type walkFacts struct {
	id     int64
	began  payout.Millis
	end    payout.PageEnd
	settle time.Duration
}

// judge says what a walk that came to an end proves of one of its days.
//
// A day becomes complete by a walk with a regular end that began after the day had ended and settled, if the walk
//
//   - repeated none of the day's ids, or agrees with the walk before it: rows that shift between pages are seen twice or not
//     at all, and not in the same way two times;
//   - and shows every payout of the day that the mirror knows, or agrees with the walk before it.
//
// "The walk before" is the last one that began late enough, whatever it proved. After a walk without a regular end
// (payout.PageUnsure), only agreement counts.
//
// A complete day from which a payout is gone is complete no more, until a new walk has shown which of the two walks was
// right. (That something new turned up in it is found where payouts are written.) After a walk over it without a regular end it
// is in doubt, and complete no more either: what is new or has changed may lie beyond that end. A walk that comes to a regular
// end is then held against its proof.
func judge(w walkFacts, d payout.DayRecord, t payout.DayTally) payout.DayVerdict {
	v := payout.DayVerdict{Tally: t, State: max(d.State, payout.DayPartial), Contest: d.Contest, Why: d.Why}
	proven := d.State == payout.DayComplete || d.Contest.IsDoubted()
	if proven && w.end == payout.PageUnsure {
		v.State, v.Contest = payout.DayPartial, doubted(d.Contest)
		v.Why = fmt.Sprintf("it was shown complete by walk %d, then walk %d over it ended with a full page, or a refused cursor, and no way on", d.Walk, w.id)
		return v
	}
	if w.began < settled(d.Day, w.settle) {
		if v.State != payout.DayComplete && d.Contest == payout.Uncontested {
			v.Why = fmt.Sprintf("walked at %s, before it had ended and settled for %s", w.began, w.settle)
		}
		return v
	}
	agrees := d.Walk != 0 && d.Count == t.Count && d.Print == t.Print
	whole := d.Known == t.Count && d.KnownPrint == t.Print
	if proven {
		return judgeProven(w, v, d, agrees || whole)
	}
	v.Counts = true
	missing := d.Known - t.Count
	switch {
	case d.Contest == payout.Disproved && d.ContestedBy == w.id:
		v.Why = fmt.Sprintf("walk %d showed that an earlier walk over it had missed a payout", w.id)
	case w.end == payout.PageUnsure:
		v.Why = fmt.Sprintf("walk %d ended with a full page, or a refused cursor, and no way on", w.id)
		if d.Contest == payout.Uncontested {
			v.Contest = payout.CutShort
		}
	case agrees, d.Contest != payout.CutShort && whole && t.Repeats == 0:
		v.State, v.Contest, v.Why, v.Missed = payout.DayComplete, untoldIf(missing > 0), "", missing > 0
	case t.Repeats > 0:
		v.Why = fmt.Sprintf("walk %d showed %s twice: the pages had shifted", w.id, plural(t.Repeats, "payout"))
	case missing > 0:
		v.Why = fmt.Sprintf("walk %d did not show %d of the %s known of that day", w.id, missing, plural(d.Known, "payout"))
	default:
		v.Why = fmt.Sprintf("walk %d did not show the same payouts as the walk before", w.id)
	}
	return v
}

// judgeProven is judge for a day that was shown complete before, and is so still unless that is in doubt.
func judgeProven(w walkFacts, v payout.DayVerdict, d payout.DayRecord, same bool) payout.DayVerdict {
	v.Counts, v.Missed = true, d.Known > v.Tally.Count
	if same {
		v.State, v.Contest, v.Why = payout.DayComplete, untoldIf(v.Missed && d.Contest.IsUntold()), ""
		v.Standing = !d.Contest.IsUntold()
		return v
	}
	v.State, v.Contest = payout.DayPartial, payout.Disproved
	v.Why = fmt.Sprintf("it was shown complete with %s by walk %d, then walk %d showed %d", plural(d.Count, "payout"), d.Walk, w.id, v.Tally.Count)
	v.Doubt = fmt.Sprintf("day %s%s was shown complete with %s, now the API shows %d of them: the day is walked again",
		d.Day, under(d.OnBehalfOf), plural(d.Known, "payout"), v.Tally.Count)
	return v
}

// untoldIf marks a complete day without payouts that the API had shown before: a kill must not keep that from being told.
func untoldIf(missed bool) payout.Contest {
	if missed {
		return payout.Untold
	}
	return payout.Uncontested
}

// doubted is what speaks against a complete day after a walk without a regular end: what is untold of it stays so.
func doubted(c payout.Contest) payout.Contest {
	if c.IsUntold() {
		return payout.UntoldDoubted
	}
	return payout.Doubted
}

// under names an onBehalfOfId in a sentence.
func under(onBehalfOf string) string {
	if onBehalfOf == "" {
		return ""
	}
	return " (on behalf of " + onBehalfOf + ")"
}
