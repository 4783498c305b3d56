package reconcile

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"payrecon/internal/payout"
)

// The rules once more, as slowly and plainly as they can be written: every step looks at all pairs of all records. It shares
// no code with the product but the vocabulary. What it says of evidence is the offline case.

type refPay struct {
	payout.Row
	used bool
}

type refEnt struct {
	payout.Entry
	used, offset bool
}

type reference struct {
	s        *scene
	findings []string
}

func (ref *reference) run() []string {
	fold := ref.s.CaseInsensitive
	obo := false
	for _, e := range ref.s.entries {
		obo = obo || e.OnBehalfOf != ""
	}
	keyOf := func(r, of string) (payout.Key, bool) {
		if !obo {
			of = ""
		}
		return payout.KeyOf(r, of, fold)
	}
	pays, ents := map[payout.Key][]*refPay{}, map[payout.Key][]*refEnt{}
	keys := map[payout.Key]bool{}
	for _, r := range ref.s.rows {
		key, ok := keyOf(r.RefID, r.OnBehalfOf)
		if !ok {
			ref.episode([]*refPay{{Row: r}}, nil)
			continue
		}
		keys[key] = true
		pays[key] = append(pays[key], &refPay{Row: r})
	}
	for _, e := range ref.s.entries {
		key, _ := keyOf(e.Ref, e.OnBehalfOf)
		keys[key] = true
		ents[key] = append(ents[key], &refEnt{Entry: e})
	}
	for key := range keys {
		ref.cut(pays[key], ents[key])
	}
	slices.Sort(ref.findings)
	return ref.findings
}

func (ref *reference) cut(pays []*refPay, ents []*refEnt) {
	slices.SortFunc(pays, func(a, b *refPay) int { return cmp.Or(cmp.Compare(a.Created, b.Created), cmp.Compare(a.ID, b.ID)) })
	slices.SortFunc(ents, func(a, b *refEnt) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Amount.Currency(), b.Amount.Currency()),
			cmp.Compare(a.Amount.Units(), b.Amount.Units()), cmp.Compare(a.Status, b.Status), cmp.Compare(a.Text, b.Text),
			cmp.Compare(a.Document, b.Document), cmp.Compare(a.Line, b.Line))
	})
	occupied := map[payout.Day]bool{}
	for _, p := range pays {
		occupied[p.Created.Day()] = true
	}
	for _, e := range ents {
		if e.Day != payout.NoDay {
			occupied[e.Day] = true
		}
	}
	if len(occupied) == 0 {
		ref.episode(nil, ents)
		return
	}
	var days []payout.Day
	for d := range occupied {
		days = append(days, d)
	}
	slices.Sort(days)
	for len(days) > 0 {
		n := 1
		for n < len(days) && int(days[n]-days[n-1]) <= ref.s.MatchWindowDays {
			n++
		}
		first, last := days[0], days[n-1]
		days = days[n:]
		var p []*refPay
		var e []*refEnt
		for _, x := range pays {
			if d := x.Created.Day(); first <= d && d <= last {
				p = append(p, x)
			}
		}
		for _, x := range ents {
			if first <= x.Day && x.Day <= last || x.Day == payout.NoDay && len(days) == 0 {
				e = append(e, x)
			}
		}
		ref.episode(p, e)
	}
}

func (ref *reference) say(outcome string, pays []*refPay, ents []*refEnt) {
	in := false
	var names []string
	for _, p := range pays {
		p.used = true
		names = append(names, p.ID)
		in = in || ref.s.Period.Contains(p.Created.Day())
	}
	for _, e := range ents {
		e.used = true
		names = append(names, e.Document)
		in = in || ref.s.Period.Contains(e.Day)
	}
	if in {
		slices.Sort(names)
		ref.findings = append(ref.findings, outcome+" "+strings.Join(names, " "))
	}
}

func left[T any](list []*T, pass func(*T) bool) []*T {
	var out []*T
	for _, x := range list {
		if pass(x) {
			out = append(out, x)
		}
	}
	return out
}

// greedy takes, again and again, the best of all pairs that are allowed.
func greedy(pays []*refPay, ents []*refEnt, diff func(*refPay, *refEnt) (int64, bool), take func(*refPay, *refEnt)) {
	for {
		best := [4]int64{math.MaxInt64}
		var bp *refPay
		var be *refEnt
		for i, p := range pays {
			for k, e := range ents {
				d, ok := diff(p, e)
				if p.used || e.used || !ok {
					continue
				}
				days := int64(math.MaxInt64 - 1)
				if e.Day != payout.NoDay {
					days = int64(p.Created.Day() - e.Day)
					days = max(days, -days)
				}
				this := [4]int64{d, days, int64(i), int64(k)}
				if bp == nil || slices.Compare(this[:], best[:]) < 0 {
					best, bp, be = this, p, e
				}
			}
		}
		if bp == nil {
			return
		}
		bp.used, be.used = true, true
		take(bp, be)
	}
}

// refDiffer: accounts differ for sure only if they are compared in a form that both have.
func refDiffer(a, b string) bool {
	const iban, sort, number = 0, 1, 2
	parts := func(account string) (have [3]string) {
		code, rest, sorted := strings.Cut(account, " ")
		switch {
		case account == "":
		case sorted:
			have[sort], have[number] = code+rest, rest
		case strings.HasPrefix(account, "GB"):
			have[iban], have[sort], have[number] = account, account[8:], account[14:]
		case len(account) > 14:
			have[iban] = account
		default:
			have[number] = account
		}
		return have
	}
	x, y := parts(a), parts(b)
	for _, form := range []int{iban, sort, number} {
		if x[form] != "" && y[form] != "" {
			return x[form] != y[form]
		}
	}
	return false
}

func (ref *reference) episode(pays []*refPay, ents []*refEnt) {
	live := func(p *refPay) bool { return !p.used && p.Status != payout.Rejected && p.Status != payout.Failed }
	dead := func(p *refPay) bool { return !p.used && (p.Status == payout.Rejected || p.Status == payout.Failed) }
	notFailed := func(e *refEnt) bool { return !e.used && e.Class != payout.EntryFailed && e.Amount.Units() >= 0 }
	failed := func(e *refEnt) bool { return !e.used && e.Class == payout.EntryFailed && e.Amount.Units() >= 0 }
	agreed := false // a live pair or group

	// 1. Offsets.
	type cancelled struct{ plus, minus *refEnt }
	var cancels []cancelled
	reversals := left(ents, func(e *refEnt) bool { return e.Amount.Units() < 0 })
	for {
		var plus, minus *refEnt
		best := int64(math.MaxInt64)
		for _, r := range reversals {
			for _, e := range ents {
				if r.used || e.used || e.Amount.Units() != -r.Amount.Units() || e.Amount.Currency() != r.Amount.Currency() {
					continue
				}
				days := int64(1 << 40)
				if r.Day != payout.NoDay && e.Day != payout.NoDay {
					days = int64(r.Day - e.Day)
				}
				if days < 0 {
					continue
				}
				// Equally far: the first reversal in order; for it the latest entry, the first in order.
				if plus == nil || days < best || days == best && r == minus && e.Day > plus.Day {
					best, plus, minus = days, e, r
				}
			}
		}
		if plus == nil {
			break
		}
		plus.used, minus.used = true, true
		cancels = append(cancels, cancelled{plus, minus})
	}
	var returned []*refEnt
	minusOf := map[*refEnt]*refEnt{}
	for _, e := range ents {
		for _, c := range cancels {
			if c.plus == e && c.minus.Class == payout.EntryReturned {
				e.used = false
				returned, minusOf[e] = append(returned, e), c.minus
			}
		}
	}
	greedy(left(pays, func(p *refPay) bool { return p.Status == payout.Completed }), returned,
		func(p *refPay, e *refEnt) (int64, bool) {
			return 0, p.Units == e.Amount.Units() && p.Currency == e.Amount.Currency()
		},
		func(p *refPay, e *refEnt) {
			agreed = true
			ref.say("returned", []*refPay{p}, []*refEnt{e, minusOf[e]})
			delete(minusOf, e)
		})
	for _, c := range cancels {
		if c.minus.Class != payout.EntryReturned || minusOf[c.plus] != nil {
			c.plus.offset, c.minus.offset = true, true
			ref.say("offset_in_ledger", nil, []*refEnt{c.plus, c.minus})
		}
	}
	for _, r := range reversals {
		if !r.used {
			ref.say("unmatched_reversal", nil, []*refEnt{r})
		}
	}

	// 2. Pairs.
	within := func(tolerant bool) func(*refPay, *refEnt) (int64, bool) {
		return func(p *refPay, e *refEnt) (int64, bool) {
			d := max(p.Units, e.Amount.Units()) - min(p.Units, e.Amount.Units())
			limit := int64(0)
			if tolerant {
				limit = ref.s.Tolerance[p.Currency]
			}
			return d, p.Currency == e.Amount.Currency() && d <= limit
		}
	}
	backwards := func(list []*refPay) []*refPay {
		slices.Reverse(list)
		return list
	}
	for _, tolerant := range []bool{false, true} {
		diff := within(tolerant)
		take := func(p *refPay, e *refEnt) { ref.judge([]*refPay{p}, []*refEnt{e}) }
		greedy(left(pays, func(p *refPay) bool { return !p.used && p.Status == payout.Completed }),
			left(ents, func(e *refEnt) bool {
				return notFailed(e) && (e.Class == payout.EntryPaid || e.Class == payout.EntryNone)
			}), diff, func(p *refPay, e *refEnt) { agreed = true; take(p, e) })
		greedy(left(pays, func(p *refPay) bool { return !p.used && (p.Status == payout.Pending || p.Status == payout.Processing) }),
			left(ents, func(e *refEnt) bool { return notFailed(e) && e.Class == payout.EntryPending }), diff,
			func(p *refPay, e *refEnt) { agreed = true; take(p, e) })
		greedy(backwards(left(pays, dead)), left(ents, failed), diff, take)
		greedy(left(pays, live), left(ents, notFailed), diff, func(p *refPay, e *refEnt) { agreed = true; take(p, e) })
		greedy(left(pays, live), left(ents, failed), diff, func(p *refPay, e *refEnt) { agreed = true; take(p, e) })
	}

	// 3. Left over.
	currencies := map[string]bool{}
	for _, p := range pays {
		currencies[p.Currency] = true
	}
	for currency := range currencies {
		p := left(pays, func(p *refPay) bool { return live(p) && p.Currency == currency })
		e := left(ents, func(e *refEnt) bool { return notFailed(e) && e.Amount.Currency() == currency })
		if len(p) == 0 || len(e) == 0 {
			continue
		}
		agreed = true
		var sp, se int64
		for _, x := range p {
			sp += x.Units
		}
		for _, x := range e {
			se += x.Amount.Units()
		}
		equal := max(sp, se)-min(sp, se) <= ref.s.Tolerance[currency]
		switch {
		case len(p) > 1 && len(e) > 1:
			ref.say("ambiguous", p, e)
		case len(p)+len(e) > 2 && equal:
			ref.judge(p, e)
		default:
			ref.say("amount_mismatch", p, e)
		}
	}
	if p, e := left(pays, live), left(ents, notFailed); len(p) > 0 && len(e) > 0 {
		agreed = true
		if len(p) == 1 && len(e) == 1 {
			ref.say("currency_mismatch", p, e)
		} else {
			ref.say("ambiguous", p, e)
		}
	}

	// 4. Live payouts left.
	unpaired := map[*refPay]bool{}
	for _, p := range left(pays, live) {
		unpaired[p] = true
	}
	gone := map[*refPay]bool{}
	for _, p := range pays {
		if !unpaired[p] {
			continue
		}
		twin := false
		for _, q := range pays {
			if q != p && q.Status != payout.Rejected && q.Status != payout.Failed && (!unpaired[q] || gone[q]) &&
				q.Currency == p.Currency && q.Units == p.Units && !refDiffer(p.Account, q.Account) {
				twin = true
			}
		}
		gone[p] = true
		switch {
		case twin:
			ref.say("duplicate_payout", []*refPay{p}, nil)
		case ref.young(p):
			ref.say("timing", []*refPay{p}, nil)
		case !ref.reached(p.Created.Day()):
			ref.say("not_in_extract", []*refPay{p}, nil)
		default:
			ref.say("missing_in_ledger", []*refPay{p}, nil)
		}
	}

	// 5. Entries left.
	booked := func(p *refPay, e *refEnt) { ref.judge([]*refPay{p}, []*refEnt{e}) }
	anyOf := func(*refPay, *refEnt) (int64, bool) { return 0, true }
	greedy(backwards(left(pays, dead)), left(ents, notFailed), within(false), booked)
	greedy(backwards(left(pays, dead)), left(ents, notFailed), within(true), booked)
	greedy(backwards(left(pays, dead)), left(ents, notFailed), anyOf, booked)
	greedy(backwards(left(pays, dead)), left(ents, failed), anyOf, func(p *refPay, e *refEnt) {
		ref.say("failed_attempt", []*refPay{p}, []*refEnt{e})
	})
	for _, e := range left(ents, failed) {
		ref.say("not_sent", nil, []*refEnt{e})
	}
	rest := left(ents, notFailed)
	for i, e := range rest {
		twin := false
		for _, o := range ents {
			later := slices.Index(rest, o) >= i
			if o != e && !later && !o.offset && o.Class == e.Class && o.Amount == e.Amount {
				twin = true
			}
		}
		switch {
		case twin:
			ref.say("duplicate_ledger_entry", nil, []*refEnt{e})
		case agreed:
			ref.say("amount_mismatch", nil, []*refEnt{e})
		default:
			ref.say(ref.missing(e), nil, []*refEnt{e})
		}
	}

	// 6. Dead payouts left.
	for _, p := range left(pays, dead) {
		ref.say("failed_attempt", []*refPay{p}, nil)
	}
}

// businessEnd counts a span hour by hour.
func (ref *reference) over(t payout.Millis, s Span) bool {
	at := t.Time()
	if s.kind == spanClock {
		return !ref.s.AsOf.Before(at.Add(time.Duration(s.n) * time.Millisecond))
	}
	for hours := s.n * 24; hours > 0; {
		weekday, holiday := at.Weekday(), slices.Contains(ref.s.Holidays, payout.DayOf(at))
		if weekday != time.Saturday && weekday != time.Sunday && !holiday {
			hours--
		}
		at = at.Add(time.Hour)
		if hours > 0 {
			continue
		}
	}
	return !ref.s.AsOf.Before(at)
}

func (ref *reference) young(p *refPay) bool {
	return !ref.over(max(p.Created, p.Changed), ref.s.GraceLedger)
}

func (ref *reference) reached(d payout.Day) bool {
	in := intakeOf(ref.s.entries, nil, ref.s.Period)
	switch {
	case in.Entries == 0:
		return false
	case in.First == payout.NoDay:
		return true
	}
	return in.First <= d && d <= in.Last
}

func (ref *reference) missing(e *refEnt) string {
	if e.Day == payout.NoDay {
		return "not_fetched"
	}
	end := payout.MillisOf(e.Day.Start().Add(24 * time.Hour))
	ahead := e.Class == payout.EntryPending || e.Day > payout.DayOf(ref.s.AsOf)
	if !ref.over(end, ref.s.GraceProvider) || ahead && !ref.over(end, ref.s.StuckAfter) {
		return "timing"
	}
	complete := ref.s.Coverage.Complete()
	for d := e.Day - payout.Day(ref.s.MatchWindowDays); d <= e.Day+payout.Day(ref.s.MatchWindowDays) && d <= payout.DayOf(ref.s.AsOf); d++ {
		if !complete(d) {
			return "not_fetched"
		}
	}
	return "missing_at_provider"
}

// judge says what the table says of each payout with each entry, and keeps the worst.
func (ref *reference) judge(pays []*refPay, ents []*refEnt) {
	worst, words := -1, ""
	for _, p := range pays {
		for _, e := range ents {
			v := payout.StatusTable[e.Class][p.Status.Class()]
			rank, said := 0, v.Outcome.String()
			stuckAt := p.Created.Time().Add(time.Duration(ref.s.StuckAfter.n) * time.Millisecond)
			switch {
			case v.AgesStuck && ref.s.AsOf.After(stuckAt):
				rank, said = 20, "stuck"
			case v.Grace && ref.young(p):
				rank, said = 8, "timing"
			case v.Outcome == payout.InFlight:
				rank = 6
			case v.Outcome == payout.Returned:
				rank = 4
			case v.Outcome == payout.StatusMismatch:
				said += "/" + v.Cell.Info().Code
				rank = 21 + map[payout.Severity]int{payout.Medium: 0, payout.High: 20, payout.Critical: 40}[v.Cell.Info().Severity] + 10 - int(v.Cell)
			}
			if rank > worst {
				worst, words = rank, said
			}
		}
	}
	if words == "matched" && len(pays)+len(ents) > 2 {
		words = "matched_group"
	}
	ref.say(words, pays, ents)
}
