package sandbox

import (
	"time"

	"payrecon/internal/payout"
)

// stuckAfter and grace are the default rules that the key is for.
const (
	stuckAfter = 72 * hour
	grace      = 1 // business days
)

// Expected says how records must end under the default rules, as of the clock's start, when every payout is mirrored, every
// ended day is complete and the provider can be asked for references. It comes from the planting and from the seed.
type Expected struct {
	RefID    string         // the payout's, or the ledger's where there is no payout
	Payouts  []string       // ids
	Lines    []int          // lines of the ledger where the rows start; the header is line 1
	Outcome  payout.Outcome //
	Cell     payout.Cell    // for status_mismatch
	InPeriod bool           // one of the records lies in Period, or is undated, or cannot be read; else it is not reported
	Story    string         // what was planted, "" for ordinary records
}

// Key returns the expected outcome of every payout that existed at the start, and of every row of the ledger, each once.
// Faults that change what payouts look like, and changes by tests, are not in it.
func (s *Sandbox) Key() []Expected {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.layLedger()
	lineOf := make([]int32, len(s.store.rows))
	planted := make(map[*plantLine]int)
	for _, x := range l.lines {
		if x.plant != nil {
			planted[x.plant] = int(x.line)
		} else {
			lineOf[x.num] = x.line
		}
	}
	key := make([]Expected, 0, len(s.store.rows))
	told := make(map[*given]bool)
	for _, c := range s.cases {
		for _, x := range c.expects {
			key = append(key, s.expectPlanted(c, &x, planted))
			for _, g := range x.payouts {
				told[g] = true
			}
		}
	}
	for num := range uint32(len(s.store.rows)) {
		if g := s.store.givenOf(num); s.store.rows[num].created > millis(s.start) || told[g] {
			continue
		}
		key = append(key, s.expectOrdinary(num, int(lineOf[num]), l))
	}
	return key
}

// KeyOffline is the key where the provider is not asked for references and the mirror is shown complete only on the days
// that complete says: an entry without a payout is then not_fetched, unless every day is complete on which its payout could
// stand, ten days around its own and not beyond the clock's start. Every payout is still taken to be in the mirror.
func (s *Sandbox) KeyOffline(complete func(payout.Day) bool) []Expected {
	days := make(map[int]payout.Day)
	for _, p := range s.plantedRows() {
		days[p.line] = p.day
	}
	key := s.Key()
	for i := range key {
		if e := &key[i]; e.Outcome == payout.MissingAtProvider && !s.shownComplete(days[e.Lines[0]], complete) {
			e.Outcome = payout.NotFetched
		}
	}
	return key
}

// matchWindow is how many days an entry and its payout may be apart.
const matchWindow = 10

func (s *Sandbox) shownComplete(d payout.Day, complete func(payout.Day) bool) bool {
	for at := d - matchWindow; at <= min(d+matchWindow, payout.DayOf(s.start)); at++ {
		if !complete(at) {
			return false
		}
	}
	return true
}

type plantedRow struct {
	line int
	day  payout.Day
}

// plantedRows returns where the planted rows of the ledger are, and their days.
func (s *Sandbox) plantedRows() []plantedRow {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var rows []plantedRow
	for _, x := range s.layLedger().lines {
		if x.plant != nil {
			rows = append(rows, plantedRow{int(x.line), x.plant.day})
		}
	}
	return rows
}

func (s *Sandbox) expectPlanted(c *plantCase, x *plantExpect, lines map[*plantLine]int) Expected {
	e := Expected{RefID: c.ref, Outcome: x.outcome, Cell: x.cell, Story: c.title}
	period := s.Period()
	for _, g := range x.payouts {
		e.RefID = g.ref
		e.Payouts = append(e.Payouts, s.store.id(g.num))
		e.InPeriod = e.InPeriod || period.Contains(s.store.created(g.num).Day())
	}
	for _, p := range x.lines {
		if len(x.payouts) == 0 {
			e.RefID = p.ref
		}
		e.Lines = append(e.Lines, lines[p])
		e.InPeriod = e.InPeriod || p.unreadable || period.Contains(p.day)
	}
	return e
}

func (s *Sandbox) expectOrdinary(num uint32, line int, l *ledger) Expected {
	created := s.store.created(num)
	e := Expected{RefID: s.store.ref(num), Payouts: []string{s.store.id(num)}, InPeriod: s.Period().Contains(created.Day())}
	if line == 0 {
		e.Outcome = s.unbooked(num, l)
		return e
	}
	e.Lines, e.Outcome = []int{line}, s.book(num).outcome // booked no earlier than paid out: in the period only if that is
	return e
}

// unbooked is how a payout without an entry ends.
func (s *Sandbox) unbooked(num uint32, l *ledger) payout.Outcome {
	now, created := millis(s.start), s.store.rows[num].created
	at := s.stateAt(num, now)
	d := payout.Millis(created).Day()
	switch {
	case !at.status.live():
		return payout.FailedAttempt
	case businessAge(max(created, at.updated), now) < grace*day:
		return payout.Timing
	case l.first == payout.NoDay || d < l.first || d > l.last:
		return payout.NotInExtract
	}
	return payout.MissingInLedger
}

// stateAt is where a payout stands without faults.
func (s *Sandbox) stateAt(num uint32, now int64) state {
	if g := s.store.givenOf(num); g != nil && g.fixed != nil {
		return *g.fixed
	}
	return s.store.life(num).at(s.store.rows[num].created, now)
}

// businessAge is how many milliseconds of Mondays to Fridays (UTC) lie in [from, to).
func businessAge(from, to int64) int64 {
	age := int64(0)
	for d := payout.Millis(from).Day(); d <= payout.Millis(to).Day() && age < 10*day; d++ {
		if w := d.Start().Weekday(); w != time.Saturday && w != time.Sunday {
			start := millis(d.Start())
			age += max(0, min(to, start+day)-max(from, start))
		}
	}
	return age
}
