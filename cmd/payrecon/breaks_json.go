package main

import (
	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/report"
)

// breakJSON is one item as `breaks list --format json` shows it: the columns of the CSV, with lists as lists, and the
// fields that a person set.
type breakJSON struct {
	ID             int64            `json:"id"`
	Outcome        payout.Outcome   `json:"outcome"`
	Cell           payout.Cell      `json:"cell"`
	Severity       payout.Severity  `json:"severity"`
	State          payout.ItemState `json:"state"`
	Disposition    string           `json:"disposition"`
	RefID          string           `json:"ref_id"`
	PayoutIDs      []string         `json:"payout_ids"`
	LedgerLines    []int            `json:"ledger_lines"`
	PayoutAmount   []money.Amount   `json:"payout_amount"`
	LedgerAmount   []money.Amount   `json:"ledger_amount"`
	LedgerCurrency []string         `json:"ledger_currency"` // of unreadable rows also where their amounts could not be read
	Difference     *money.Amount    `json:"difference"`
	Exposure       *money.Amount    `json:"exposure"` // null where no amount could be read
	PayoutStatuses []payout.Status  `json:"payout_status"`
	LedgerStatuses []string         `json:"ledger_status"`
	Created        payout.Millis    `json:"created"`
	LedgerDate     payout.Day       `json:"ledger_date"`
	AgeDays        int              `json:"age_days"`
	FirstRun       int64            `json:"first_run"`
	Why            string           `json:"why"`
	Next           string           `json:"next"`
	Hint           string           `json:"hint"`
	Owner          string           `json:"owner"`
	Until          payout.Day       `json:"until"`  // of the disposition, as are
	Reason         string           `json:"reason"` // and
	By             string           `json:"by"`
	Due            payout.Day       `json:"due"`
	Note           string           `json:"note"`
}

func breaksJSON(items []payout.Item) any {
	out := make([]breakJSON, 0, len(items))
	for i := range items {
		it := &items[i]
		b := breakJSON{
			ID: it.ID, Outcome: it.Outcome, Cell: it.Cell, Severity: it.Severity, State: it.State, RefID: it.RefID,
			PayoutIDs: []string{}, LedgerLines: []int{}, PayoutAmount: orEmpty(it.PayoutSums),
			Difference: it.Difference, Exposure: it.ExposureRead(), PayoutStatuses: []payout.Status{}, LedgerStatuses: []string{},
			LedgerDate: payout.NoDay, AgeDays: it.AgeDays, FirstRun: it.FirstRun, Why: it.Why, Next: it.Next, Hint: it.Hint,
			Owner: it.Owner, Due: it.Due, Note: it.Note, Until: payout.NoDay,
		}
		booked, currencies := report.LedgerSide(&it.Finding)
		b.LedgerAmount, b.LedgerCurrency = orEmpty(booked), orEmpty(currencies)
		if d := it.Disposition; d != nil {
			b.Disposition, b.Until, b.Reason, b.By = d.Kind, d.Until, d.Reason, d.By
		}
		for _, p := range it.Payouts {
			b.PayoutIDs = append(b.PayoutIDs, p.ID)
			b.PayoutStatuses = append(b.PayoutStatuses, p.Status)
			if b.Created == 0 || p.Created < b.Created {
				b.Created = p.Created
			}
		}
		for _, e := range it.Entries {
			b.LedgerLines = append(b.LedgerLines, e.Line)
			b.LedgerStatuses = append(b.LedgerStatuses, e.Status)
			if e.Day != payout.NoDay && (b.LedgerDate == payout.NoDay || e.Day < b.LedgerDate) {
				b.LedgerDate = e.Day
			}
		}
		for _, r := range it.Rejected {
			b.LedgerLines = append(b.LedgerLines, r.Line)
			if r.Day != 0 && (b.LedgerDate == payout.NoDay || r.Day < b.LedgerDate) {
				b.LedgerDate = r.Day
			}
		}
		out = append(out, b)
	}
	return map[string]any{"breaks": out}
}
