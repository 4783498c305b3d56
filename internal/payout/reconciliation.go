package payout

// Conclusion is the verdict of a run, the first of these that applies.
type Conclusion string

// The conclusions.
const (
	NoConclusion  Conclusion = "no_conclusion"
	NotReconciled Conclusion = "not_reconciled"
	Explained     Conclusion = "explained"
	Reconciled    Conclusion = "reconciled"
)

// Title is the conclusion as the workbook, the command line and the documents show it.
func (c Conclusion) Title() string {
	switch c {
	case NoConclusion:
		return "NO CONCLUSION"
	case NotReconciled:
		return "NOT RECONCILED"
	case Explained:
		return "RECONCILED BUT FOR EXPLAINED ITEMS"
	case Reconciled:
		return "RECONCILED"
	}
	return ""
}

// Caveat goes with every conclusion.
const Caveat = "agreed to the provider's initiation records; not proof that cash left the bank"

// Total is one row of the Totals sheet: the in-period records of one currency, day and outcome. Everything else is summed
// from these.
type Total struct {
	Currency     string  `json:"currency"`
	Day          Day     `json:"day"` // the record's own day; NoDay = undated entries
	Outcome      Outcome `json:"outcome"`
	Payouts      int64   `json:"payouts"`
	PayoutAmount int64   `json:"payout_amount"` // money units, face
	Entries      int64   `json:"entries"`
	EntryAmount  int64   `json:"entry_amount"` // money units, signed
	PayoutCash   int64   `json:"payout_cash"`  // money units: amount if COMPLETED, else 0
	EntryCash    int64   `json:"entry_cash"`   // money units: signed amount if paid, none or unmapped, else 0
	// CutOff is set for the in-period part of pairs and groups that reach across the period's edge: the statement shows
	// them on a line of their own.
	CutOff bool `json:"cut_off,omitempty"`
}

// StatementLine is one step from the ledger's cash to the provider's: sum over an outcome of payout cash - entry cash.
type StatementLine struct {
	Outcome Outcome `json:"outcome"` // NoOutcome for the cut-off line
	CutOff  bool    `json:"cut_off,omitempty"`
	Payouts int64   `json:"payouts"`
	Entries int64   `json:"entries"`
	Amount  int64   `json:"amount"` // money units
	Gross   int64   `json:"gross"`  // money units: the single differences in it, without their signs
}

// Statement leads, for one currency, from the ledger's cash to the provider's. All figures are money units.
type Statement struct {
	Currency     string          `json:"currency"`
	LedgerCash   int64           `json:"ledger_cash"`   // summed by the intake
	ProviderCash int64           `json:"provider_cash"` // summed by the mirror
	Lines        []StatementLine `json:"lines"`
	Net          int64           `json:"net"`         // provider cash - ledger cash
	Gross        int64           `json:"gross"`       // sum over single differences of their absolute value
	Unexplained  int64           `json:"unexplained"` // must be 0
}

// Sum is a count and a sum of one currency and status, computed by the mirror in SQL and not by matching.
type Sum struct {
	Currency string `db:"currency"`
	Status   Status `db:"status"`
	Count    int64  `db:"count"`
	Units    int64  `db:"units"`
}

// FilteredSum says what a ledger filter took out.
type FilteredSum struct {
	Column   string `json:"column"`
	Value    string `json:"value"`
	Currency string `json:"currency,omitempty"`
	Rows     int64  `json:"rows"`
	Units    int64  `json:"units"`            // 0 with Unread set when amounts could not be read
	Unread   int64  `json:"unread,omitempty"` // rows among them whose amount could not be read
}

// LedgerFile is one file that was read.
type LedgerFile struct {
	Path     string `json:"path"`
	SHA256   string `json:"sha256"` // of the file as it lies there (compressed, if it is)
	Bytes    int64  `json:"bytes"`
	Modified Millis `json:"modified"`
}

// CurrencySum is a count and a signed sum of entries of one currency.
type CurrencySum struct {
	Currency string `json:"currency"`
	Count    int64  `json:"count"`
	Units    int64  `json:"units"`
	Cash     int64  `json:"cash"` // of entry classes that are cash
}

// Intake is what the reader of the ledger says about the file(s).
type Intake struct {
	Files     []LedgerFile  `json:"files"`
	Dialect   string        `json:"dialect"` // encoding, delimiter, decimal mark, date format, zone, as used, in words
	Columns   []ColumnUse   `json:"columns"`
	Rows      int64         `json:"rows"` // data rows: entries + rejected + filtered
	Blank     int64         `json:"blank"`
	Entries   int64         `json:"entries"`
	Rejected  []RejectedRow `json:"rejected"`
	Filtered  []FilteredSum `json:"filtered"`
	FilteredN int64         `json:"filtered_rows"`
	First     Day           `json:"first_date"` // of entries; NoDay when none is dated
	Last      Day           `json:"last_date"`
	Reach     *Period       `json:"reach,omitempty"` // the days the extract covers; nil = everywhere (no dates at all)
	Empty     bool          `json:"empty,omitempty"` // no entries: reaches no day
	Sums      []CurrencySum `json:"sums"`            // of all entries
	InPeriod  []CurrencySum `json:"in_period"`       // of in-period entries, summed while reading
	OutOf     int64         `json:"out_of_period"`
	Words     []StatusWord  `json:"status_words,omitempty"`
	Control   []string      `json:"control,omitempty"` // control totals that were checked, in words
	Notes     []string      `json:"notes,omitempty"`   // e.g. same file as last time
}

// ColumnUse says which column of the file plays which part.
type ColumnUse struct {
	Part   string `json:"part"`   // ref_id, amount, currency, status, date, text, document, on_behalf_of
	Header string `json:"header"` // as written
	Number int    `json:"number"` // 1 = first
}

// StatusWord counts one word of the ledger's status column.
type StatusWord struct {
	Word  string     `json:"word"`
	Class EntryClass `json:"class"`
	Count int64      `json:"count"`
}

// Lookup counts what the provider was asked by refId.
type Lookup struct {
	Candidates int    `json:"candidates"`
	Asked      int    `json:"asked"`
	Found      int    `json:"found"` // payouts that the mirror did not have
	Requests   int    `json:"requests"`
	Skipped    string `json:"skipped,omitempty"` // why nothing, or not everything, was asked
}

// RollForward is one currency's way from the items open before a run to those open after it.
// Opening + New + Reopened + Remeasured - Cleared = Closing, in count and in value (money units of exposure).
type RollForward struct {
	Currency   string    `json:"currency"`
	Opening    RollCount `json:"opening"`
	New        RollCount `json:"new"`
	Reopened   RollCount `json:"reopened"`
	Remeasured RollCount `json:"remeasured"` // reclassified and remeasured, signed; counts move only with the currency
	Cleared    RollCount `json:"cleared"`
	Closing    RollCount `json:"closing"`
}

// RollCount is a number of items and their exposure in money units.
type RollCount struct {
	Count int64 `json:"count"`
	Units int64 `json:"units"`
}

// BreakCounts counts the open items after a run, and how they got there.
type BreakCounts struct {
	Total        int              `json:"total"` // New + Open + Carried + Reopened
	New          int              `json:"new"`
	Open         int              `json:"open"`
	Carried      int              `json:"carried"`
	Cleared      int              `json:"cleared"`
	Reopened     int              `json:"reopened"`
	Reclassified int              `json:"reclassified"`
	BySeverity   map[Severity]int `json:"by_severity"`
}

// Reconciliation is everything one run of matching found, in a defined order: whatever the order of the inputs, equal
// inputs give an equal Reconciliation.
type Reconciliation struct {
	Run      int64  `json:"run"` // 0 with --no-record
	Period   Period `json:"period"`
	AsOf     Millis `json:"as_of"`
	Sequence int64  `json:"sequence"` // the highest payout version read

	Conclusion    Conclusion `json:"conclusion"`
	ConclusionWhy string     `json:"conclusion_why"` // one sentence
	Complete      bool       `json:"complete"`       // every ended day of the period is complete
	Gaps          []Day      `json:"gaps"`

	Ledger          Intake        `json:"ledger"`
	PayoutsInPeriod int64         `json:"payouts_in_period"`
	Totals          []Total       `json:"totals"`     // by currency, day, outcome, cut-off
	Statements      []Statement   `json:"statements"` // by currency
	Explained       []Finding     `json:"explained"`  // reconciling items, in the order of outcomes, days, references
	Items           []Item        `json:"items"`      // open after this run, and those it cleared; most urgent first
	Events          []ItemEvent   `json:"events"`     // what this run did to items
	RollForward     []RollForward `json:"roll_forward"`
	Breaks          BreakCounts   `json:"breaks"`
	Lookup          Lookup        `json:"lookup"`
	Accounted       bool          `json:"accounted"`    // the invariant held
	OutcomeHash     string        `json:"outcome_hash"` // SHA-256 over all outcomes in order: what a reviewer signs
	Warnings        []string      `json:"warnings"`
}
