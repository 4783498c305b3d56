package main

import "payrecon/internal/payout"

// lastEndedDay is the last day that has ended in UTC: no period reaches further.
func (a *app) lastEndedDay() payout.Day { return payout.DayOf(a.clock().UTC()) - 1 }

// period decides the days a command works on: --from and --to, else the configured period. It ends with the last ended
// day; when that cuts something off, it says so.
func (a *app) period(from, to string) (payout.Period, error) {
	last := a.lastEndedDay()
	p, given, err := rangeFlags(from, to)
	switch {
	case err != nil:
		return p, err
	case !given:
		cfg, err := a.configuration()
		if err != nil {
			return p, err
		}
		return cfg.Reconcile.Period.period(last), nil
	case p.From > last:
		return p, payout.Errorf(payout.KindInput, "--from %s: no day of this period has ended yet (the last ended day, UTC, is %s)", p.From, last)
	case p.To > last:
		a.log.Info("the period ends with the last ended day", "day", last, "instead_of", p.To)
		p.To = last
	}
	return p, nil
}
