package sync

import (
	"context"

	"payrecon/internal/payout"
)

// Plan is what a backfill would do.
type Plan struct {
	Period   payout.Period `json:"period"`
	Passes   int           `json:"passes"`
	Days     int           `json:"days"`     // to walk, over all passes; the others are shown complete
	Windows  int           `json:"windows"`  // estimate
	Rows     int           `json:"rows"`     // estimate
	Requests int           `json:"requests"` // estimate, one a page
	Basis    string        `json:"basis"`    // what the estimate rests on
	Known    bool          `json:"-"`        // whether days of every pass with something to walk are known: otherwise Rows is none
}

// Plan tells what Backfill from from to to would do. It asks the API for nothing: it estimates from the days that the
// mirror knows.
func (s *Syncer) Plan(ctx context.Context, from, to payout.Day) (Plan, error) {
	r := s.newRun(taskBackfill, 0)
	p, err := r.period(from, to)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Period: p, Passes: len(s.o.OnBehalfOf), Basis: "nothing is known of this API yet: one page a window", Known: true}
	for _, onBehalfOf := range s.o.OnBehalfOf {
		known, rows, err := s.density(ctx, onBehalfOf, p, r.today)
		if err != nil {
			return Plan{}, err
		}
		records, err := s.store.DayRecords(ctx, onBehalfOf, p)
		if err != nil {
			return Plan{}, err
		}
		r.passes = nil
		r.want(onBehalfOf, p, func(d payout.Day) bool { return records[d-p.From].State == payout.DayComplete })
		one := r.passes[0]
		if one.done, one.rows = known, rows; known > 0 {
			plan.Basis = "the days that the mirror knows"
		} else if len(one.todo) > 0 {
			plan.Known = false
		}
		plan.Days += len(one.todo)
		for len(one.todo) > 0 {
			days := one.cut(s.o.Workers).Days()
			estimate := rows * days / max(known, 1)
			plan.Windows++
			plan.Rows += estimate
			plan.Requests += 1 + estimate/payout.MaxLimit
		}
	}
	return plan, nil
}

// density returns how many complete days the mirror knows near p, and how many payouts they have.
func (s *Syncer) density(ctx context.Context, onBehalfOf string, p payout.Period, today payout.Day) (days, rows int, err error) {
	records, err := s.store.DayRecords(ctx, onBehalfOf, payout.Period{From: p.From, To: max(p.To, today)})
	for _, d := range records {
		if d.State == payout.DayComplete {
			days++
			rows += d.Count
		}
	}
	return days, rows, err
}
