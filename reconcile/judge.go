package reconcile

import (
	"time"

	"payrecon/internal/payout"
)

// matcher judges records by the options of one run. It keeps no state: workers share it.
type matcher struct {
	o        Options
	asOf     payout.Millis
	calendar calendar
	zone     *time.Location        // the ledger's, in which an entry's day ends
	reach    func(payout.Day) bool // whether the ledger's extract covers a payout's day
	unread   *unreadRows
	complete func(payout.Day) bool // whether the mirror is shown to hold all payouts of a day
}

// proof says what an outcome rests on, for the sentence.
type proof uint8

const (
	noProof       proof = iota
	askedProvider       // the provider itself has no such payout
	daysComplete        // every day on which such a payout could stand is complete
	notProven
	otherCase // the provider has no such payout in the letter cases asked for, which leaves others
	inGrace   // timing: younger than the grace period
	waiting   // timing: a pending or future-dated entry
)

// match puts all records of a key through the rules, episode by episode.
func (m *matcher) match(g *group) ([]*finding, error) {
	g.sort()
	var all []*finding
	var parts []part
	var err error
	g.episodes(m.o.MatchWindowDays, func(pays []*pay, ents []*ent) {
		e := episode{m: m, g: g, pays: pays, ents: ents}
		found, failed := e.run()
		if failed != nil && err == nil {
			err = payout.Errorf(payout.KindFailed, "add up the records of reference %q: %w", g.key, failed)
		}
		all = append(all, found...)
		parts = append(parts, part{pays, found})
	})
	otherTimes(parts)
	return all, err
}

// byStatus judges a pair of equal amount by the status table, a group of equal sums by its worst cell.
func (m *matcher) byStatus(f *finding) {
	worst := -1
	for _, p := range f.pays {
		for _, n := range f.ents {
			outcome, cell := m.cell(p, n)
			if rank := cellRank(outcome, cell); rank > worst {
				worst, f.outcome, f.cell = rank, outcome, cell
			}
		}
	}
	if f.outcome == payout.Timing {
		f.why = inGrace
	}
	if f.outcome == payout.Matched && len(f.pays)+len(f.ents) > 2 {
		f.outcome = payout.MatchedGroup
	}
}

// cell looks one payout and one entry up in the status table, with the ages that the table asks for.
func (m *matcher) cell(p *pay, n *ent) (payout.Outcome, payout.Cell) {
	v := payout.StatusTable[n.Class][p.class]
	switch {
	case v.AgesStuck && m.asOf > m.calendar.after(p.Created, m.o.StuckAfter):
		return payout.Stuck, payout.NoCell
	case v.Grace && m.young(p):
		return payout.Timing, payout.NoCell
	}
	return v.Outcome, v.Cell
}

// cellRank orders what cells say, the worst highest: differences by severity, then what is overdue, then what explains itself.
func cellRank(o payout.Outcome, c payout.Cell) int {
	switch o {
	case payout.StatusMismatch:
		return 100*int(c.Info().Severity) + 50 - int(c)
	case payout.Stuck:
		return 100 * int(payout.Medium)
	case payout.Timing:
		return 4
	case payout.InFlight:
		return 3
	case payout.Returned:
		return 2
	}
	return 1
}

// young reports whether the ledger may still be catching up with a payout.
func (m *matcher) young(p *pay) bool {
	return m.asOf < m.calendar.after(max(p.Created, p.Changed), m.o.GraceLedger)
}

// missingInLedger judges a live payout that nothing in the ledger answers: its reference may stand on a row that could not
// be read; it may be young; the extract may not cover its day.
func (m *matcher) missingInLedger(f *finding) {
	p := f.pays[0]
	if m.unread.bears(p.RefID) {
		f.outcome = payout.Unreadable
		return
	}
	switch {
	case m.young(p):
		f.outcome, f.why = payout.Timing, inGrace
	case !m.reach(p.day):
		f.outcome = payout.NotInExtract
	}
}

// missingAtProvider judges an entry that no payout answers: it may be young, or not due yet. Whether the provider really
// has no such payout is settled later (evidence.go).
func (m *matcher) missingAtProvider(f *finding) {
	n := f.ents[0]
	if n.Day == payout.NoDay {
		return
	}
	end := m.dayEnd(n.Day)
	ahead := n.Class == payout.EntryPending || n.Day > m.today()
	switch {
	case m.asOf < m.calendar.after(end, m.o.GraceProvider):
		f.outcome, f.why = payout.Timing, inGrace
	case ahead && m.asOf < m.calendar.after(end, m.o.StuckAfter):
		f.outcome, f.why = payout.Timing, waiting
	}
}

// today is the ledger's day of the as-of instant.
func (m *matcher) today() payout.Day { return payout.DayOf(m.asOf.Time().In(m.zone)) }

// dayEnd is the instant at which a ledger day is over.
func (m *matcher) dayEnd(d payout.Day) payout.Millis {
	y, month, day := d.Start().Date()
	return payout.MillisOf(time.Date(y, month, day+1, 0, 0, 0, 0, m.zone))
}

// ledgerReach returns which days the extract covers: what the intake found or was told; a ledger without any date covers
// every day, an extract without entries none.
func ledgerReach(in *payout.Intake) func(payout.Day) bool {
	switch {
	case in.Reach != nil:
		reach := *in.Reach
		return func(d payout.Day) bool { return reach.From <= d && d <= reach.To }
	case in.Empty:
		return func(payout.Day) bool { return false }
	}
	return func(payout.Day) bool { return true }
}

// baseSeverity is the severity of an outcome before its size counts.
func baseSeverity(f *finding) payout.Severity {
	severity := f.outcome.Info().Severity
	switch f.outcome {
	case payout.StatusMismatch:
		severity = f.cell.Info().Severity
	case payout.MissingInLedger:
		if f.pays[0].class == payout.ClassCompleted {
			severity = payout.Critical
		}
	case payout.AmountMismatch:
		for _, p := range f.pays {
			for _, n := range f.ents {
				if payout.StatusTable[n.Class][p.class].Cell == payout.UnrecordedOutflow {
					severity = payout.Critical
				}
			}
		}
	}
	return severity
}

// severity of an item: at or above materiality one step up, below trivial low; duplicate payouts are never trivial.
func (m *matcher) severity(f *finding) payout.Severity {
	severity := baseSeverity(f)
	if !f.outcome.Listed() {
		return payout.NoSeverity
	}
	currency, units := f.sums.exposure.Currency(), f.sums.exposure.Units()
	if limit, ok := m.o.Materiality[currency]; ok && units >= limit {
		severity = min(severity+1, payout.Critical)
	}
	if limit, ok := m.o.Trivial[currency]; ok && units < limit && f.outcome != payout.DuplicatePayout {
		severity = payout.Low
	}
	return severity
}
