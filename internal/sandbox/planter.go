package sandbox

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// plantLine is a row of the ledger that was planted, field by field as written.
type plantLine struct {
	ref, amount, currency, word, date, text, document string
	day                                               payout.Day // NoDay: undated
	unreadable                                        bool
}

// plantExpect is what must become of some of a case's records.
type plantExpect struct {
	outcome payout.Outcome
	cell    payout.Cell
	payouts []*given
	lines   []*plantLine
}

// plantCase is one planted story under one reference.
type plantCase struct {
	title   string
	ref     string
	expects []plantExpect
}

type plantedPayout struct {
	created int64
	owner   uint16
	*given
}

// planter plants every story of plantings, several times over, each time under a fresh reference.
type planter struct {
	s       *Sandbox
	rng     *rand.Rand
	now     int64
	first   payout.Day // the first day of the period with payouts; its own entries are booked a day later
	last    payout.Day // the last ended day
	payouts []plantedPayout
	cases   []*plantCase
}

func plant(s *Sandbox) ([]*plantCase, []plantedPayout) {
	p := &planter{s: s, rng: rand.New(rand.NewPCG(s.o.Seed, saltPlants)), now: millis(s.start), first: s.firstDay(), last: s.Period().To}
	for range s.o.Breaks {
		for _, story := range plantings {
			if p.last-p.first >= story.days {
				story.plant(p.open(story.title))
			}
		}
	}
	return p.cases, p.payouts
}

// episode is one story being planted: what its records share unless it says otherwise.
type episode struct {
	p        *planter
	c        *plantCase
	ref      string
	currency string
	units    int64
	payee    *creditor
	owner    uint16
	at       int64 // an instant on a day that is old enough for every grace: more than four days ago
}

func (p *planter) open(title string) *episode {
	st := p.s.store
	e := &episode{p: p, currency: st.currencies[p.rng.IntN(len(st.currencies))], owner: uint16(p.rng.IntN(len(st.owners)))}
	e.units = amountUnits(p.rng.Uint64(), e.currency) + 100*e.step()
	e.payee = st.payees.of(e.currency, p.rng.Uint64())
	e.ref = refHeads[p.rng.IntN(len(refHeads))] + string(appendDigits62(appendDigits62(nil, p.rng.Uint64(), 11), p.rng.Uint64(), 3))
	e.at = p.instant(p.first+2, p.last-5)
	e.c = &plantCase{title: title, ref: e.ref}
	p.cases = append(p.cases, e.c)
	return e
}

// instant draws an instant of office hours on a day in [from, to].
func (p *planter) instant(from, to payout.Day) int64 {
	d := from + payout.Day(p.rng.IntN(int(max(to-from, 0))+1))
	return millis(d.Start()) + 8*hour + p.rng.Int64N(9*hour)
}

// young is an instant of the last ended day that is less than 24 hours ago: inside every grace.
func (p *planter) young() int64 { return (p.now - day + millis((p.last + 1).Start())) / 2 }

// step is the smallest sum of the currency, in units of package money.
func (e *episode) step() int64 {
	step := int64(money.Scale)
	for range money.Digits(e.currency) {
		step /= 10
	}
	return step
}

// part is about a third of the amount, a whole number of steps, at least one.
func (e *episode) part() int64 { return e.units / (3 * e.step()) * e.step() }

func (e *episode) day() payout.Day { return payout.Millis(e.at).Day() }

// ended is a life that reaches its final status within the hour.
func (e *episode) ended(final statusCode) life {
	return life{toProcessing: minute, toFinal: 2*minute + e.p.rng.Int64N(50*minute), final: final, cause: e.p.rng.Uint64() >> 1}
}

// endless is the life of a payout that the bank never reports on.
func (e *episode) endless() life { return life{toProcessing: minute, toFinal: never} }

// until is the life of a payout created at created that becomes final at an instant.
func (e *episode) until(created, at int64, final statusCode) life {
	return life{toProcessing: minute, toFinal: at - created, final: final, cause: e.p.rng.Uint64() >> 1}
}

// pay plants a payout of the episode.
func (e *episode) pay(at, units int64, l life) *given {
	g := &given{
		ref: e.ref, units: units, currency: e.currency, payee: e.payee, life: l, debtor: debtorAccounts[0],
		description: fmt.Sprintf("Order %07d", 1_000_000+e.p.rng.IntN(9_000_000)),
	}
	e.p.payouts = append(e.p.payouts, plantedPayout{at, e.owner, g})
	return g
}

// entry plants a row of the ledger; d may be payout.NoDay.
func (e *episode) entry(d payout.Day, units int64, word string) *plantLine {
	return &plantLine{
		ref: e.ref, amount: money.FormatUnits(units, e.currency), currency: e.currency, word: word, date: d.String(), day: d,
		text: "Payout to " + e.payee.Name, document: fmt.Sprintf("DOC-%06d", e.p.rng.IntN(1_000_000)),
	}
}

// word draws a status word of the class from those a ledger may use.
func (e *episode) word(class payout.EntryClass) string {
	words := ledgerWords[class]
	return words[e.p.rng.IntN(len(words))]
}

func (e *episode) paid() string { return e.word(payout.EntryPaid) }

// expect says how records must end. Every line of the story has to be expected: that is what puts it into the ledger.
func (e *episode) expect(outcome payout.Outcome, records ...any) *plantExpect {
	x := plantExpect{outcome: outcome}
	for _, r := range records {
		switch r := r.(type) {
		case *given:
			x.payouts = append(x.payouts, r)
		case *plantLine:
			x.lines = append(x.lines, r)
		}
	}
	e.c.expects = append(e.c.expects, x)
	return &e.c.expects[len(e.c.expects)-1]
}

// differ expects a status difference.
func (e *episode) differ(cell payout.Cell, records ...any) {
	e.expect(payout.StatusMismatch, records...).cell = cell
}

// firstDay is the first day of the period on which there can be payouts.
func (s *Sandbox) firstDay() payout.Day {
	return max(s.Period().From, payout.DayOf(s.start)-payout.Day(s.o.Days)+1)
}

func (s *Sandbox) plantedLines() []*plantLine {
	var lines []*plantLine
	for _, c := range s.cases {
		for _, x := range c.expects {
			lines = append(lines, x.lines...)
		}
	}
	return slices.Clip(lines)
}
