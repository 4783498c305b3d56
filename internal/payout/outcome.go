package payout

// Outcome is where a record ends: every payout and every ledger row has exactly one. The order of the constants is the
// order of the reports.
type Outcome uint8

// The outcomes of the design, by class.
const (
	NoOutcome Outcome = iota

	Matched
	MatchedGroup

	InFlight
	Timing
	FailedAttempt
	NotSent
	OffsetInLedger
	Returned

	NotFetched
	NotInExtract
	Unreadable // rejected_row

	MissingInLedger
	MissingAtProvider
	AmountMismatch
	CurrencyMismatch
	StatusMismatch
	DuplicatePayout
	DuplicateLedgerEntry
	Ambiguous
	Stuck
	UnmatchedReversal

	numOutcomes
)

// OutcomeClass says what an outcome means for the conclusion.
type OutcomeClass uint8

// Agreed and Reconciling explain themselves; Unverified says that we do not know; Break says that a person must act.
const (
	Agreed OutcomeClass = iota + 1
	Reconciling
	Unverified
	Break
)

var outcomeClassNames = []string{"", "agreed", "reconciling", "unverified", "break"}

func (c OutcomeClass) String() string { return outcomeClassNames[c] }

// OutcomeInfo is one row of the table of outcomes.
type OutcomeInfo struct {
	Outcome  Outcome
	Code     string // in CSV and JSON
	Class    OutcomeClass
	Severity Severity // before status cells, materiality and trivial; NoSeverity for agreed and reconciling ones
	Words    string   // for people, as a controller says it
	Meaning  string   // one sentence for the guide
}

// Outcomes is the table of outcomes, in the order of the constants.
var Outcomes = []OutcomeInfo{
	{Matched, "matched", Agreed, NoSeverity, "Agreed", "One payout and one ledger entry with the same reference, amount, currency and compatible status."},
	{MatchedGroup, "matched_group", Agreed, NoSeverity, "Agreed as a group", "One payout against several entries, or the other way round, with the same sum and compatible status."},
	{InFlight, "in_flight", Reconciling, NoSeverity, "Outstanding, in transit", "Booked in the ledger; the payout is still on its way at the bank."},
	{Timing, "timing", Reconciling, NoSeverity, "Timing difference", "Younger than the grace period: the other side may simply not have caught up yet."},
	{FailedAttempt, "failed_attempt", Reconciling, NoSeverity, "Failed attempt, no effect", "A payout that was rejected or failed and that no entry of the ledger holds as paid."},
	{NotSent, "not_sent", Reconciling, NoSeverity, "Failed in the ledger, never sent", "The ledger calls it failed and the mirror holds no payout that answers it."},
	{OffsetInLedger, "offset_in_ledger", Reconciling, NoSeverity, "Reversed in the ledger", "An entry and its reversal in the ledger cancel each other."},
	{Returned, "returned", Reconciling, NoSeverity, "Returned per ledger", "The payout was initiated and the ledger says that the money came back. The API knows no returns: check the bank statement."},
	{NotFetched, "not_fetched", Unverified, Low, "Not verified, source incomplete", "No payout that answers the entry was found, but the mirror cannot show that it has them all."},
	{NotInExtract, "not_in_extract", Unverified, Low, "Not verified, beyond the ledger extract", "The payout's day lies outside the days the ledger file covers."},
	{Unreadable, "rejected_row", Unverified, Medium, "Unreadable ledger row", "A row of the ledger could not be read, so it could not be compared."},
	{MissingInLedger, "missing_in_ledger", Break, High, "Unrecorded payout", "The provider has the payout, the ledger does not."},
	{MissingAtProvider, "missing_at_provider", Break, High, "Ledger entry without payout", "The ledger has the entry; the provider, asked for the reference or shown complete for the days around it, has no payout that answers it."},
	{AmountMismatch, "amount_mismatch", Break, High, "Amount differs", "Same reference and currency, another amount."},
	{CurrencyMismatch, "currency_mismatch", Break, High, "Currency differs", "Same reference, another currency."},
	{StatusMismatch, "status_mismatch", Break, Medium, "Status differs", "Same reference and amount, but the two sides do not agree on whether it was paid."},
	{DuplicatePayout, "duplicate_payout", Break, Critical, "Possible duplicate payout", "The same reference and amount stand on more than one payout, to a payee that is not known to differ."},
	{DuplicateLedgerEntry, "duplicate_ledger_entry", Break, High, "Duplicate ledger entry", "The ledger holds the same entry more often than there are payouts known for it."},
	{Ambiguous, "ambiguous", Break, High, "Needs manual matching", "Several payouts and several entries share a reference and no pairing is certain."},
	{Stuck, "stuck", Break, Medium, "Overdue at the bank", "The payout has been in flight for longer than expected."},
	{UnmatchedReversal, "unmatched_reversal", Break, High, "Reversal without original", "The ledger reverses something that it does not hold, or that another reversal has cancelled already."},
}

// Info returns the outcome's row of the table.
func (o Outcome) Info() OutcomeInfo {
	if o == NoOutcome || o >= numOutcomes {
		return OutcomeInfo{Outcome: o, Code: "none"}
	}
	return Outcomes[o-1]
}

func (o Outcome) String() string { return o.Info().Code }

// Class returns the class of the outcome.
func (o Outcome) Class() OutcomeClass { return o.Info().Class }

// Listed reports whether findings of this outcome become items: breaks and unverified ones.
func (o Outcome) Listed() bool { return o.Class() >= Unverified }

// MarshalText is the code; UnmarshalText reads it back.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads an outcome's code.
func (o *Outcome) UnmarshalText(text []byte) error {
	names := make([]string, numOutcomes)
	for i := range names {
		names[i] = Outcome(i).String()
	}
	return unmarshalName(o, names, text, "outcome")
}

// Severity says how urgent an item is.
type Severity uint8

// The severities, least first.
const (
	NoSeverity Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = []string{"none", "low", "medium", "high", "critical"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText is String; UnmarshalText reads it back.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a severity's name.
func (s *Severity) UnmarshalText(text []byte) error {
	return unmarshalName(s, severityNames, text, "severity (none, low, medium, high, critical)")
}

// Cell names a status difference: a cell of the table of ledger class against payout class. NoCell for everything else.
type Cell uint8

// The cells that have words of their own.
const (
	NoCell            Cell = iota
	PaidButFailed          // booked as paid, payout failed
	LedgerLags             // payout completed, ledger still pending
	PendingButFailed       // still pending in the ledger, payout failed
	UnrecordedOutflow      // the ledger says failed, the payout completed
	MayStillPay            // the ledger says failed, the payout is in flight
	ReturnedNotPaid        // the ledger says returned, the payout never completed
	UnknownStatus          // the payout's status is none of the documented ones
	UnmappedWord           // the ledger's status word is not mapped
)

// CellInfo is one row of the table of status differences.
type CellInfo struct {
	Cell     Cell
	Code     string
	Severity Severity
	Words    string
}

// Cells is the table of status differences, in the order of the constants.
var Cells = []CellInfo{
	{PaidButFailed, "booked_as_paid", High, "Booked as paid, payout failed"},
	{LedgerLags, "ledger_lags", Medium, "Ledger lags, payout completed"},
	{PendingButFailed, "still_pending", Medium, "Still pending in the ledger, payout failed"},
	{UnrecordedOutflow, "unrecorded_outflow", Critical, "Unrecorded outflow: failed in the ledger, payout completed"},
	{MayStillPay, "may_still_pay", High, "Failed in the ledger, payout may still pay out"},
	{ReturnedNotPaid, "returned_not_paid", Medium, "Returned per ledger, payout not completed"},
	{UnknownStatus, "unknown_status", Medium, "Payout status unknown to payrecon"},
	{UnmappedWord, "unmapped_word", Medium, "Ledger status word is not mapped"},
}

// Info returns the cell's row of the table.
func (c Cell) Info() CellInfo {
	if c == NoCell || int(c) > len(Cells) {
		return CellInfo{Cell: c}
	}
	return Cells[c-1]
}

// MarshalText is the code, "" for NoCell; UnmarshalText reads it back.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.Info().Code), nil }

// UnmarshalText reads a cell's code.
func (c *Cell) UnmarshalText(text []byte) error {
	names := make([]string, len(Cells)+1)
	for i := range names {
		names[i] = Cell(i).Info().Code
	}
	return unmarshalName(c, names, text, "status difference")
}

// Verdict is what the status table says of one pair of equal amount.
type Verdict struct {
	Outcome   Outcome // Matched, InFlight (Stuck when older than stuck_after), Returned or StatusMismatch
	Cell      Cell    // set for StatusMismatch
	AgesStuck bool    // older than stuck_after it is Stuck instead
	Grace     bool    // younger than the ledger's grace it is Timing instead
}

// StatusTable is the table of the design: rows are entry classes, columns payout classes.
var StatusTable = map[EntryClass][4]Verdict{ // columns: ClassCompleted, ClassInFlight, ClassDead, ClassUnknown
	EntryPaid:     {{Outcome: Matched}, {Outcome: InFlight, AgesStuck: true}, {StatusMismatch, PaidButFailed, false, true}, {Outcome: StatusMismatch, Cell: UnknownStatus}},
	EntryNone:     {{Outcome: Matched}, {Outcome: InFlight, AgesStuck: true}, {StatusMismatch, PaidButFailed, false, true}, {Outcome: StatusMismatch, Cell: UnknownStatus}},
	EntryPending:  {{StatusMismatch, LedgerLags, false, true}, {Outcome: Matched, AgesStuck: true}, {StatusMismatch, PendingButFailed, false, true}, {Outcome: StatusMismatch, Cell: UnknownStatus}},
	EntryFailed:   {{Outcome: StatusMismatch, Cell: UnrecordedOutflow}, {Outcome: StatusMismatch, Cell: MayStillPay}, {Outcome: Matched}, {Outcome: StatusMismatch, Cell: UnknownStatus}},
	EntryReturned: {{Outcome: Returned}, {Outcome: StatusMismatch, Cell: ReturnedNotPaid}, {Outcome: StatusMismatch, Cell: ReturnedNotPaid}, {Outcome: StatusMismatch, Cell: UnknownStatus}},
	EntryUnmapped: {{Outcome: StatusMismatch, Cell: UnmappedWord}, {Outcome: StatusMismatch, Cell: UnmappedWord}, {Outcome: StatusMismatch, Cell: UnmappedWord}, {Outcome: StatusMismatch, Cell: UnmappedWord}},
}
