package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// replay is what a run needs, beside the mirror with its items and the ledger, to be performed again: everything it was told
// and everything it was answered.
type replay struct {
	Files    []payout.LedgerFile `json:"files"`
	Config   string              `json:"config"` // YAML as effective
	Period   payout.Period       `json:"period"`
	AsOf     payout.Millis       `json:"as_of"`
	Coverage payout.Coverage     `json:"coverage"`
	NextItem int64               `json:"next_item"`
	Answered []string            `json:"answered"` // references that the provider answered
	Offline  bool                `json:"offline"`
	Now      payout.Millis       `json:"now"`                 // what time it was
	Behind   string              `json:"behind,omitempty"`    // why the mirror may have been behind the provider
	BehindOn []payout.Day        `json:"behind_on,omitempty"` // and on which days
	Version  string              `json:"version,omitempty"`   // of payrecon
}

// replayProvider answers as the provider did then: what was found then lies in the mirror by now.
type replayProvider map[string]bool

func (p replayProvider) AskRefs(_ context.Context, refs []string) payout.RefAnswer {
	answer := payout.RefAnswer{Answered: map[string]bool{}}
	for _, ref := range refs {
		if p[ref] {
			answer.Answered[ref] = true
		}
	}
	if len(answer.Answered) < len(refs) {
		answer.Err = errors.New("not answered when the run was performed first")
	}
	return answer
}

// performAgain derives a recorded run anew from what was known then and compares totals and outcomes. matched, where it
// is not nil, receives the agreed findings.
func (a *app) performAgain(ctx context.Context, m *mirror.Mirror, run int64, matched func(payout.Finding) error) (*payout.Reconciliation, error) {
	then, text, err := m.Reconciliation(ctx, run)
	if err != nil {
		return nil, err
	}
	var r replay
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("run %d: what it needs to be performed again cannot be read: %w", then.Run, err)
	}
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	dir, remove, err := tempFolder(cfg.Database, againFolder, a.log)
	if err != nil {
		return nil, err
	}
	defer remove()
	files, err := restoreLedgers(dir, cfg.evidenceDir(), r.Files)
	if err != nil {
		return nil, err
	}
	in, err := r.input(then.Run)
	if err != nil {
		return nil, err
	}
	if in.Items, err = m.ItemsBefore(ctx, then.Run); err != nil {
		return nil, err
	}
	if in.AsOfs, err = asOfsBefore(ctx, m, then.Run); err != nil {
		return nil, err
	}
	in.Source, in.MaxSeq, in.LedgerFiles, in.SpillDir, in.Matched, in.Logger = m, then.Sequence, files, dir, matched, a.log
	now, err := reconcile.Reconcile(ctx, in)
	if err != nil {
		return nil, err
	}
	for i := range now.Ledger.Files { // it was read from a copy
		now.Ledger.Files[i] = then.Ledger.Files[i]
	}
	now.Ledger.Notes, now.Lookup, now.Warnings = then.Ledger.Notes, then.Lookup, then.Warnings // said then, of what was asked then
	if err := sameResult(then, now); err != nil || r.Version != versionText() {
		return now, err
	}
	return now, sameSentences(then, now)
}

// input is what the run was told and answered then.
func (r *replay) input(run int64) (reconcile.Input, error) {
	cfg := defaultConfig()
	if err := decodeConfig(cfg, fmt.Sprintf("the configuration of run %d", run), []byte(r.Config)); err != nil {
		return reconcile.Input{}, err
	}
	options, err := cfg.reconcileOptions(r.Period, r.AsOf.Time())
	if err != nil {
		return reconcile.Input{}, err
	}
	options.Clock = r.Now.Time
	in := reconcile.Input{
		Options: options, Ledger: cfg.ledgerOptions(), Coverage: r.Coverage, NextItem: r.NextItem, Run: run, Behind: r.Behind, BehindOn: r.BehindOn,
	}
	if !r.Offline {
		answered := replayProvider{}
		for _, ref := range r.Answered {
			answered[ref] = true
		}
		in.Provider = answered
	}
	return in, nil
}

// sameResult refuses a run performed again that differs from the stored one in a figure. Sentences may differ: another
// version of payrecon may word them better.
func sameResult(then, now *payout.Reconciliation) error {
	differs := func(format string, args ...any) error {
		return fmt.Errorf("run %d performed again does not give the stored %s: the mirror or the ledger copy was changed, or this version of payrecon judges otherwise",
			then.Run, fmt.Sprintf(format, args...))
	}
	if now.OutcomeHash != then.OutcomeHash {
		return differs("outcomes (hash %s, stored %s)", now.OutcomeHash, then.OutcomeHash)
	}
	if len(now.Totals) != len(then.Totals) {
		return differs("totals (%d, stored %d)", len(now.Totals), len(then.Totals))
	}
	for i := range now.Totals {
		if t := &then.Totals[i]; now.Totals[i] != *t {
			return differs("total of %s, %s, %s", t.Currency, t.Day, t.Outcome)
		}
	}
	if now.Conclusion != then.Conclusion {
		return differs("conclusion (%s, stored %s)", now.Conclusion, then.Conclusion)
	}
	if !reflect.DeepEqual(now.Statements, then.Statements) {
		return differs("statement")
	}
	if !slices.Equal(now.RollForward, then.RollForward) {
		return differs("roll-forward of items")
	}
	return sameItems(then, now, differs)
}

// sameSentences is for a run of this very version of payrecon: what it knew of other payouts shows in sentences alone.
func sameSentences(then, now *payout.Reconciliation) error {
	for i := range then.Items {
		if a, b := &then.Items[i], &now.Items[i]; a.Why != b.Why {
			return fmt.Errorf("run %d performed again does not give the stored sentence of item %d, %q: it says %q", then.Run, a.ID, a.Why, b.Why)
		}
	}
	return nil
}

// sameItems compares where each item stands, at how much, and of which records.
func sameItems(then, now *payout.Reconciliation, differs func(string, ...any) error) error {
	if !reflect.DeepEqual(now.Breaks, then.Breaks) {
		return differs("counts of items (%+v, stored %+v)", now.Breaks, then.Breaks)
	}
	for i := range then.Items {
		a, b := &then.Items[i], &now.Items[i]
		if a.ID != b.ID || a.State != b.State || a.Outcome != b.Outcome || a.Cell != b.Cell || a.Exposure != b.Exposure {
			return differs("item %d (%s %s of %s, stored %s %s of %s)", a.ID, b.State, b.Outcome, b.Exposure, a.State, a.Outcome, a.Exposure)
		}
		if !sameRecords(&a.Finding, &b.Finding) {
			return differs("records of item %d", a.ID)
		}
	}
	return nil
}

// sameRecords reports whether two findings are of the same payouts, in the same states, and of the same rows.
func sameRecords(a, b *payout.Finding) bool {
	return slices.EqualFunc(a.Payouts, b.Payouts, func(x, y payout.PayoutRef) bool {
		return x.ID == y.ID && x.Status == y.Status && x.Amount == y.Amount
	}) && slices.EqualFunc(a.Entries, b.Entries, func(x, y payout.Entry) bool {
		return x.Line == y.Line && x.Ref == y.Ref && x.Day == y.Day && x.Amount == y.Amount && x.Class == y.Class && x.Status == y.Status &&
			x.Text == y.Text && x.Nth == y.Nth
	}) && slices.EqualFunc(a.Rejected, b.Rejected, func(x, y payout.RejectedRow) bool { return x.Line == y.Line && x.Text == y.Text })
}
