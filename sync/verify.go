package sync

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"payrecon/internal/payout"
)

// VerifyReport is how the mirror compared with the API. The mirror holds what the API shows afterwards, but for payouts that the
// API dates earlier than what it had shown of them: those differ every time, until the API dates them later.
type VerifyReport struct {
	payout.SyncSummary
	Period   payout.Period `json:"period"`
	Compared int           `json:"compared"` // different payouts that the API showed
	Missing  []string      `json:"missing"`  // ids that the mirror did not hold
	Differs  []string      `json:"differs"`  // ids whose content was another
	Gone     []string      `json:"gone"`     // ids that the mirror holds and the API does not show any more
	Vanished []string      `json:"vanished"` // likewise, but known to have vanished before

	// GoneDays are the ended days of Gone. What was made of them rests on payouts that the API does not show.
	GoneDays []payout.Day `json:"gone_days"`

	// Disproved are the days that were shown complete and were not: an id was missing or gone. What was made of them is
	// in doubt, also when new walks have shown them complete since. Days that an earlier run left disproved, such as a
	// verification that was interrupted, are among them.
	Disproved []payout.Day `json:"disproved"`

	today           payout.Day // by the clock, when it began
	compared, swept idSet      // shown by walks, and by the sweep
	notShown        []payout.HeldPayout
	held            bool // notShown is what the mirror holds
}

// idSet is a set of ids by their hashes: an id is part of the text of its page, and would keep all of it.
type idSet map[payout.IDHash]struct{}

func (s idSet) has(id string) bool {
	_, ok := s[payout.HashID(id)]
	return ok
}

// Verify walks the days from from to to again and compares what the API shows with what the mirror holds, by id and by
// content. A day that was shown complete and differs in its ids is walked again; it is complete only if that proves it.
func (s *Syncer) Verify(ctx context.Context, runID int64, from, to payout.Day) (*VerifyReport, error) {
	r, err := s.rangeRun(taskVerify, runID, from, to)
	if err != nil {
		return nil, err
	}
	report := &VerifyReport{
		Period: r.passes[0].days, Missing: []string{}, Differs: []string{}, Gone: []string{}, Vanished: []string{},
		GoneDays: []payout.Day{}, Disproved: []payout.Day{}, today: r.today, compared: idSet{}, swept: idSet{},
	}
	if err := r.leftDisproved(context.WithoutCancel(ctx), report); err != nil {
		return nil, err
	}
	vanished, err := r.store.Vanished(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	known := make(map[string]bool, len(vanished))
	for _, h := range vanished {
		known[h.ID] = true
	}
	r.details = report
	summary, err := r.sync(ctx)
	report.SyncSummary, report.Compared = *summary, len(report.compared)
	report.Disproved = sorted(report.Disproved)
	report.Missing, report.Differs = sorted(report.Missing), sorted(report.Differs) // which may have been shown more than once
	if err != nil {
		return report, err
	}
	err = r.listGone(context.WithoutCancel(ctx), report, known)
	report.Alerts = r.sum.Alerts
	return report, err
}

// listGone compares the other way round: what the mirror holds of the days, and the API shows neither in its lists nor by id.
// known are the ids that had vanished before.
func (r *run) listGone(ctx context.Context, report *VerifyReport, known map[string]bool) error {
	held, err := r.notCompared(ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		shown, answered := r.asked[h.ID]
		switch d := h.Created.Day(); {
		case known[h.ID]:
			report.Vanished = append(report.Vanished, h.ID)
		case answered && !shown:
			report.Gone = append(report.Gone, h.ID)
			if d < r.today {
				report.GoneDays = append(report.GoneDays, d)
			}
		}
	}
	report.GoneDays = sorted(report.GoneDays)
	return nil
}

// sorted sorts a list and leaves out repetitions.
func sorted[T cmp.Ordered](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// notCompared returns the payouts that the mirror holds of the days of a verification and the API has not shown in this run.
// That can be told of days that a walk with a regular end went over under each pass, once all have been walked.
func (r *run) notCompared(ctx context.Context) ([]payout.HeldPayout, error) {
	report := r.details
	shown := func(h payout.HeldPayout) bool { return report.compared.has(h.ID) || report.swept.has(h.ID) }
	if report.held { // the mirror is read once; what was asked for by id since is left out
		report.notShown = slices.DeleteFunc(report.notShown, shown)
		return slices.Clone(report.notShown), nil
	}
	for d := report.Period.From; d <= report.Period.To; d++ {
		if slices.ContainsFunc(r.passes, func(p *pass) bool { return !p.walked[d] }) {
			continue
		}
		for _, p := range r.passes {
			of, err := r.store.DayHeld(ctx, p.onBehalfOf, d)
			if err != nil {
				return nil, err
			}
			report.notShown = append(report.notShown, slices.DeleteFunc(of, shown)...)
		}
	}
	report.notShown, report.held = once(report.notShown), true
	return slices.Clone(report.notShown), nil
}

// leftDisproved notes the days of the range whose proof an earlier run contradicted and nothing has renewed.
func (r *run) leftDisproved(ctx context.Context, report *VerifyReport) error {
	for _, p := range r.passes {
		records, err := r.store.DayRecords(ctx, p.onBehalfOf, p.days)
		if err != nil {
			return err
		}
		for _, d := range records {
			if d.Contest == payout.Disproved {
				report.Disproved = append(report.Disproved, d.Day)
			}
		}
	}
	return nil
}

// add notes what a page changed in the mirror, and what it showed.
func (v *VerifyReport) add(c *payout.PageCommit, result *payout.PageResult) {
	if c.Walk == nil {
		v.addSwept(c.Payouts, result)
		return
	}
	for _, one := range c.Seen {
		v.compared[one.Hash] = struct{}{}
	}
	for _, id := range result.NewIDs {
		v.Missing = append(v.Missing, strings.Clone(id))
	}
	for _, id := range result.ChangedIDs {
		v.Differs = append(v.Differs, strings.Clone(id))
	}
	v.Disproved = append(v.Disproved, result.Disproved...)
}

// addSwept notes what the sweep, or an answer to ids, showed of the days and their walks had not shown. A new payout of a day
// that has not ended may have been created since its walk: nothing was missing then.
func (v *VerifyReport) addSwept(rows []payout.Payout, result *payout.PageResult) {
	for i := range rows {
		id, day := rows[i].ID, rows[i].Created.Day()
		v.swept[payout.HashID(id)] = struct{}{}
		switch {
		case day < v.Period.From || day > v.Period.To || v.compared.has(id):
		case slices.Contains(result.ChangedIDs, id):
			v.Differs = append(v.Differs, strings.Clone(id))
		case day < v.today && slices.Contains(result.NewIDs, id):
			v.Missing = append(v.Missing, strings.Clone(id))
		}
	}
	for _, d := range result.Disproved {
		if v.Period.From <= d && d <= v.Period.To {
			v.Disproved = append(v.Disproved, d)
		}
	}
}
