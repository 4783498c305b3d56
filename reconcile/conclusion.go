package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// verdict draws the conclusion: the first that applies of no_conclusion, not_reconciled, explained, reconciled.
func (r *run) verdict() {
	o := &r.out
	lastEnded := r.now.Day() - 1 // today is never a gap
	o.Gaps = r.in.Coverage.Gaps(o.Period, lastEnded)
	for _, d := range r.in.BehindOn {
		if o.Period.Contains(d) && d <= lastEnded {
			o.Gaps = append(o.Gaps, d)
		}
	}
	slices.Sort(o.Gaps)
	o.Gaps = slices.Compact(o.Gaps)
	o.Complete = len(o.Gaps) == 0
	open := openSums{m: r.m}
	for i := range o.Items {
		open.add(&o.Items[i])
	}
	o.Conclusion, o.ConclusionWhy = r.first(&open)
	if o.Warnings == nil {
		o.Warnings = []string{}
	}
}

func (r *run) first(open *openSums) (payout.Conclusion, string) {
	o := &r.out
	switch {
	case r.in.Behind != "":
		return payout.NoConclusion, "The mirror may be behind the provider: " + r.in.Behind + "."
	case !o.Complete:
		return payout.NoConclusion, fmt.Sprintf("%s not shown complete in the mirror: %s.",
			plural(len(o.Gaps), "day of the period is", "days of the period are"), payout.DaysInWords(o.Gaps))
	case open.unverified > 0:
		return payout.NoConclusion, fmt.Sprintf("%s could not be verified: %s.",
			plural(open.unverified, "item", "items"), open.value(open.weight))
	case open.breaks > 0 && !open.immaterial():
		return payout.NotReconciled, fmt.Sprintf("%s open without a disposition: %s%s.",
			plural(open.breaks, "break is", "breaks are"), open.value(open.gross), open.unverifiedToo())
	case open.breaks > 0:
		return payout.Explained, fmt.Sprintf("%s open, together below materiality: %s%s.",
			plural(open.breaks, "break is", "breaks are"), open.value(open.gross), open.unverifiedToo())
	case open.disposed > 0:
		return payout.Explained, fmt.Sprintf("%s open, all under a disposition%s.", plural(open.disposed, "break is", "breaks are"), open.unverifiedToo())
	}
	return payout.Reconciled, "Both sources are complete and no break is open" + open.unverifiedToo() + "."
}

// openSums is what is open after the run and under no disposition.
type openSums struct {
	m          *matcher
	breaks     int
	gross      map[string]int64 // exposure of breaks by currency
	unverified int              // at or above materiality, or where none is set
	weight     map[string]int64
	small      int // unverified below materiality
	smallSums  map[string]int64
	disposed   int // breaks under a disposition
	carried    int // breaks that this run could not look at again, under a disposition or not
	setAside   int // unverified under a disposition
	asideSums  map[string]int64
	sums       checked
}

func (s *openSums) add(item *payout.Item) {
	if s.gross == nil {
		s.gross, s.weight, s.smallSums, s.asideSums = map[string]int64{}, map[string]int64{}, map[string]int64{}, map[string]int64{}
	}
	if item.State == payout.ItemCleared {
		return
	}
	limit, set := s.m.o.Materiality[item.Exposure.Currency()]
	isBreak := item.Outcome.Class() == payout.Break
	if isBreak && item.State == payout.ItemCarried {
		s.carried++
	}
	switch {
	case isBreak && item.Disposition != nil:
		s.disposed++
	case isBreak:
		s.count(&s.breaks, s.gross, item)
	case item.Disposition != nil:
		s.count(&s.setAside, s.asideSums, item)
	case set && item.Exposure.Units() < limit:
		s.count(&s.small, s.smallSums, item)
	default:
		s.count(&s.unverified, s.weight, item)
	}
}

func (s *openSums) count(n *int, by map[string]int64, item *payout.Item) {
	*n++
	currency := item.Exposure.Currency()
	total := by[currency]
	s.sums.add(&total, item.Exposure.Units())
	by[currency] = total
}

// unverifiedToo mentions what was not verified and does not stand in the way of a conclusion: breaks that were carried over, and
// unverified items.
func (s *openSums) unverifiedToo() string {
	var words string
	if s.carried > 0 {
		words += fmt.Sprintf("; %s carried over from earlier runs, not verified by this one", plural(s.carried, "break is", "breaks are"))
	}
	if s.small > 0 {
		words += fmt.Sprintf("; %s below materiality could not be verified: %s", plural(s.small, "item", "items"), s.value(s.smallSums))
	}
	if s.setAside > 0 {
		words += fmt.Sprintf("; %s under a disposition could not be verified: %s", plural(s.setAside, "item", "items"), s.value(s.asideSums))
	}
	return words
}

// immaterial reports whether the breaks of every currency together stay below its materiality, where one is set.
func (s *openSums) immaterial() bool {
	for currency, units := range s.gross {
		if limit, set := s.m.o.Materiality[currency]; !set || units >= limit {
			return false
		}
	}
	return s.sums.err == nil
}

// value names sums by currency.
func (s *openSums) value(by map[string]int64) string {
	var parts []string
	for _, currency := range slices.Sorted(maps.Keys(by)) {
		if currency != money.NoCurrency {
			parts = append(parts, money.New(by[currency], currency).String())
		}
	}
	if _, unknown := by[money.NoCurrency]; unknown {
		parts = append(parts, "some of unknown amount")
	}
	return strings.Join(parts, ", ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
