package payout

import (
	"slices"

	"payrecon/internal/money"
)

// PayoutRef is a payout as a finding shows it. The fields after Changed are filled for everything but agreed findings.
type PayoutRef struct {
	ID         string       `json:"id"`
	RefID      string       `json:"ref_id"`
	OnBehalfOf string       `json:"on_behalf_of,omitempty"`
	Amount     money.Amount `json:"amount"`
	Status     Status       `json:"status"`
	Created    Millis       `json:"created"`
	Changed    Millis       `json:"changed,omitempty"`
	Account    string       `json:"account,omitempty"` // the payee's, unmasked: writers mask

	Payee             string `json:"payee,omitempty"`
	DebtorAccount     string `json:"debtor_account,omitempty"`
	Description       string `json:"description,omitempty"` // bank reference
	Reason            string `json:"reason,omitempty"`
	BankStatus        string `json:"bank_status,omitempty"`
	BankTransactionID string `json:"bank_transaction_id,omitempty"`
}

// Finding is one result of matching: the records that belong together (or the one that is alone), their outcome, and why.
type Finding struct {
	Outcome    Outcome       `json:"outcome"`
	Cell       Cell          `json:"cell,omitempty"`
	Severity   Severity      `json:"severity"`
	Key        Key           `json:"key"` // "" for records without a usable reference
	RefID      string        `json:"ref_id"`
	OnBehalfOf string        `json:"on_behalf_of,omitempty"`
	Payouts    []PayoutRef   `json:"payouts,omitempty"`
	Entries    []Entry       `json:"entries,omitempty"`
	Rejected   []RejectedRow `json:"rejected,omitempty"` // for Unreadable

	PayoutSums []money.Amount `json:"payout_sums,omitempty"` // face amounts, one per currency, sorted by code
	EntrySums  []money.Amount `json:"entry_sums,omitempty"`  // signed, likewise
	Difference *money.Amount  `json:"difference,omitempty"`  // payout cash - entry cash; nil across currencies
	Exposure   money.Amount   `json:"exposure"`

	AgeDays int    `json:"age_days"` // whole days from the oldest record, of an item without a dated one from FirstSeen, to the as-of instant
	Why     string `json:"why"`      // one sentence with figures
	Next    string `json:"next"`     // what to do
	Hint    string `json:"hint,omitempty"`
}

// Words returns the outcome for people: the status difference's own words where there are any.
func (f *Finding) Words() string {
	if f.Cell != NoCell {
		return f.Cell.Info().Words
	}
	return f.Outcome.Info().Words
}

// Dated reports whether a record of the finding has a date.
func (f *Finding) Dated() bool {
	return slices.ContainsFunc(f.Payouts, func(p PayoutRef) bool { return p.Created > 0 }) ||
		slices.ContainsFunc(f.Entries, func(e Entry) bool { return e.Day != NoDay }) ||
		slices.ContainsFunc(f.Rejected, func(r RejectedRow) bool { return r.Day != 0 })
}

// Unread reports whether an exposure of the finding stands for rows whose amounts could not be read: then it is not known, and
// not zero. A payout without an amount has none.
func (f *Finding) Unread(exposure money.Amount) bool {
	return len(f.Payouts)+len(f.Entries) == 0 && exposure.IsZero() && exposure.Currency() == money.NoCurrency
}

// ExposureRead returns the exposure, or nil where it could not be read.
func (f *Finding) ExposureRead() *money.Amount {
	if f.Unread(f.Exposure) {
		return nil
	}
	return &f.Exposure
}

// ItemState is where an item stands after a run.
type ItemState uint8

// The states of an item. Carried: its records were not seen this time, or say less than was known before.
const (
	ItemNew ItemState = iota + 1
	ItemOpen
	ItemCarried
	ItemCleared
	ItemReopened
)

var itemStateNames = []string{"", "new", "open", "carried", "cleared", "reopened"}

func (s ItemState) String() string { return itemStateNames[s] }

// MarshalText is String; UnmarshalText reads it back.
func (s ItemState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a state's name.
func (s *ItemState) UnmarshalText(text []byte) error {
	return unmarshalName(s, itemStateNames, text, "item state")
}

// The dispositions a person can give an item.
const (
	DispositionAccepted     = "accepted"      // until a date
	DispositionCorrection   = "correction"    // expected by a date
	DispositionWithProvider = "with_provider" // a case
	DispositionWrittenOff   = "written_off"   // a journal
)

// Disposition is what a person decided about an open item. The item stays in the closing balance, but is left out of
// --fail-on and of the conclusion, until a figure, a status or a member changes or the date passes.
type Disposition struct {
	Kind   string `json:"kind"`
	Until  Day    `json:"until"` // NoDay = no date; the disposition holds to the end of that day
	Reason string `json:"reason"`
	By     string `json:"by"`
	At     Millis `json:"at"`
}

// Item is a break or an unverified finding that lives from night to night.
type Item struct {
	ID int64 `json:"id"`
	Finding
	State     ItemState `json:"state"`
	FirstRun  int64     `json:"first_run"`
	FirstSeen Millis    `json:"first_seen"`
	LastRun   int64     `json:"last_run"` // the last run that looked at it

	Disposition *Disposition `json:"disposition,omitempty"`
	Due         Day          `json:"due"` // NoDay = none
	Owner       string       `json:"owner,omitempty"`
	Note        string       `json:"note,omitempty"`

	ClearedBy string `json:"cleared_by,omitempty"` // payout, ledger, or person where no record has changed; set when State is ItemCleared
	ClearedAt Millis `json:"cleared_at,omitempty"`
}

// The kinds of item event.
const (
	EventNew          = "new"
	EventReclassified = "reclassified" // another outcome
	EventRemeasured   = "remeasured"   // another exposure
	EventRaised       = "raised"       // a higher severity
	EventCarried      = "carried"
	EventSeen         = "seen" // no more carried: its records are there again
	EventCleared      = "cleared"
	EventReopened     = "reopened"
	EventDisposition  = "disposition" // set by a person
	EventWithdrawn    = "withdrawn"   // a disposition taken back by a person
	EventLapsed       = "lapsed"      // a disposition fell
	EventNote         = "note"        // owner, due or note changed by a person
)

// ItemEvent is one line of an item's life. Events are appended, never changed.
type ItemEvent struct {
	Item int64  `json:"item"`
	Run  int64  `json:"run,omitempty"` // 0 when a person did it between runs
	At   Millis `json:"at"`
	Kind string `json:"kind"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	By   string `json:"by,omitempty"`
	Text string `json:"text,omitempty"`
}
