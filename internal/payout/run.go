package payout

import "payrecon/internal/money"

// Run is one recorded command that writes: sync, backfill, reconcile, run.
type Run struct {
	ID       int64  `json:"id"       db:"id"`
	Command  string `json:"command"  db:"command"`
	Version  string `json:"version"  db:"version"`
	Config   string `json:"config"   db:"config"` // YAML as effective, without secrets
	Started  Millis `json:"started"  db:"started"`
	Ended    Millis `json:"ended"    db:"ended"`    // 0 while it runs, and for ever when it was killed
	Exit     int    `json:"exit"     db:"exit"`     // -1 until it ended
	Words    string `json:"words"    db:"words"`    // its last word
	Sequence int64  `json:"sequence" db:"sequence"` // highest payout version when it ended
}

// JobRun is one start of a scheduled job, for the date it was due.
type JobRun struct {
	Job     string `json:"job"      db:"job"`
	DueDay  Day    `json:"due_day"  db:"due_day"` // local date in the job's zone: at most one run a date
	Due     Millis `json:"due"      db:"due"`
	Started Millis `json:"started"  db:"started"`
	Ended   Millis `json:"ended"    db:"ended"`
	Outcome string `json:"outcome"  db:"outcome"` // running, ok, incomplete, failed, breaks, ...
	Words   string `json:"words"    db:"words"`
}

// StatusCount is one cell of the status breakdown.
type StatusCount struct {
	Status     Status `json:"status"       db:"status"`
	Currency   string `json:"currency"     db:"currency"`
	Day        Day    `json:"day"          db:"day"`
	OnBehalfOf string `json:"on_behalf_of" db:"on_behalf_of"`
	Count      int64  `json:"count"        db:"count"`
	Units      int64  `json:"units"        db:"units"`
}

// StatusChange is a payout of an earlier day whose status moved since the last report.
type StatusChange struct {
	Payout PayoutRef `json:"payout"`
	Old    Status    `json:"old"`
	New    Status    `json:"new"`
	At     Millis    `json:"at"`              // when the new status was first seen
	Alert  bool      `json:"alert,omitempty"` // a final status became another final one
}

// FailureCount ranks one reason of failure.
type FailureCount struct {
	Status     Status `json:"status"      db:"status"`
	Reason     string `json:"reason"      db:"reason"`
	BankStatus string `json:"bank_status" db:"bank_status"`
	Currency   string `json:"currency"    db:"currency"`
	Count      int64  `json:"count"       db:"count"`
	Units      int64  `json:"units"       db:"units"`
}

// Twin is a set of live payouts to the same payee account over the same amount within seven days, whatever their references.
type Twin struct {
	Account string       `json:"account"`
	Amount  money.Amount `json:"amount"`
	Payouts []PayoutRef  `json:"payouts"`
}

// Facts is what the mirror alone says about a period: the input of every report, with or without a ledger.
type Facts struct {
	Entity    string         `json:"entity"`
	Period    Period         `json:"period"`
	AsOf      Millis         `json:"as_of"`
	Sequence  int64          `json:"sequence"`
	BaseURL   string         `json:"base_url"`
	Members   []string       `json:"members"`
	Breakdown []StatusCount  `json:"breakdown"`
	InFlight  []PayoutRef    `json:"in_flight"` // any age, oldest first
	Changes   []StatusChange `json:"changes"`
	Failures  []FailureCount `json:"failures"` // of the period, most frequent first
	Twins     []Twin         `json:"twins"`
	Coverage  Coverage       `json:"coverage"`
	Run       Run            `json:"run"`
	Previous  *Run           `json:"previous,omitempty"` // the run of the last report, for what changed since
	Sync      *SyncSummary   `json:"sync,omitempty"`     // of the same run, when it synced
	Alerts    []string       `json:"alerts"`
}
