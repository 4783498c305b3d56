package sync

import (
	"context"
	"slices"

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
	Gone     []string      `json:"gone"`     // ids that the mirror holds and the API does not show under those days

	// Disproved are the days that were shown complete and were not: an id was missing or gone. What was made of them is
	// in doubt, also when new walks have shown them complete since. Days that an earlier run left disproved, such as a
	// verification that was interrupted, are among them.
	Disproved []payout.Day `json:"disproved"`

	compared map[string]bool
}

// Verify walks the days from from to to again and compares what the API shows with what the mirror holds, by id and by
// content. A day that was shown complete and differs in its ids is walked again; it is complete only if that proves it.
func (s *Syncer) Verify(ctx context.Context, runID int64, from, to payout.Day) (*VerifyReport, error) {
	r, err := s.rangeRun(taskVerify, runID, from, to)
	if err != nil {
		return nil, err
	}
	report := &VerifyReport{
		Period: r.passes[0].days, Missing: []string{}, Differs: []string{}, Gone: []string{}, Disproved: []payout.Day{},
		compared: map[string]bool{},
	}
	if err := r.leftDisproved(context.WithoutCancel(ctx), report); err != nil {
		return nil, err
	}
	r.details = report
	summary, err := r.sync(ctx)
	report.SyncSummary, report.Compared = *summary, len(report.compared)
	slices.Sort(report.Disproved)
	report.Disproved = slices.Compact(report.Disproved)
	if err != nil {
		return report, err
	}
	for _, p := range r.passes {
		for d := p.days.From; d <= p.days.To; d++ {
			if !p.walked[d] { // only a walk with a regular end can tell
				continue
			}
			ids, err := s.store.DayIDs(ctx, p.onBehalfOf, d)
			if err != nil {
				return report, err
			}
			report.Gone = append(report.Gone, slices.DeleteFunc(ids, func(id string) bool { return report.compared[id] })...)
		}
	}
	return report, nil
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

// add notes what a page of a walk changed in the mirror.
func (v *VerifyReport) add(c *payout.PageCommit, result *payout.PageResult) {
	if c.Walk == nil {
		return
	}
	for i := range c.Payouts {
		v.compared[c.Payouts[i].ID] = true
	}
	v.Missing = append(v.Missing, result.NewIDs...)
	v.Differs = append(v.Differs, result.ChangedIDs...)
	v.Disproved = append(v.Disproved, result.Disproved...)
}
