package main

import (
	"fmt"
	"strconv"
	"strings"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// exportRow is a row of one table of an export. Its struct tags are the Parquet schema; header and csv are the same columns.
type exportRow interface {
	day() payout.Day
	header() []string
	csv() []string
}

// maxDecimal is the first amount, in money units, that DECIMAL(18,4) cannot hold: 100 trillion.
const maxDecimal = 1_000_000_000_000_000_000

type payoutRow struct {
	ID                string `parquet:"id"`
	RefID             string `parquet:"ref_id"`
	OnBehalfOf        string `parquet:"on_behalf_of,dict"`
	MemberID          string `parquet:"member_id,dict"`
	Created           int64  `parquet:"created,timestamp(millisecond)"`
	Changed           int64  `parquet:"changed,timestamp(millisecond)"`
	Updated           int64  `parquet:"updated,timestamp(millisecond)"`
	Status            string `parquet:"status,dict"`
	Amount            *int64 `parquet:"amount,optional,decimal(4:18)"` // null: the payout has no readable amount
	Currency          string `parquet:"currency,dict"`                 // "" likewise
	Account           string `parquet:"account"`
	Payee             string `parquet:"payee"`
	DebtorAccount     string `parquet:"debtor_account,dict"`
	Description       string `parquet:"description"`
	Reason            string `parquet:"reason"`
	BankStatus        string `parquet:"bank_status,dict"`
	BankTransactionID string `parquet:"bank_transaction_id"`
	Sequence          int64  `parquet:"sequence"`
}

func payoutRowOf(p mirror.ExportedPayout) (payoutRow, error) {
	row := payoutRow{
		ID: p.ID, RefID: p.RefID, OnBehalfOf: p.OnBehalfOf, MemberID: p.MemberID, Created: int64(p.Created), Changed: int64(p.Changed),
		Updated: int64(p.Updated), Status: string(p.Status), Account: p.Account, Payee: p.Payee, DebtorAccount: p.DebtorAccount,
		Description: p.Description, Reason: p.Reason, BankStatus: p.BankStatus, BankTransactionID: p.BankTransactionID, Sequence: p.Sequence,
	}
	if p.Currency == money.NoCurrency {
		return row, nil
	}
	row.Amount, row.Currency = &p.Units, p.Currency
	return row, fitsDecimal(p.Units, "payout "+p.ID)
}

func fitsDecimal(units int64, of string) error {
	if units <= -maxDecimal || units >= maxDecimal {
		return fmt.Errorf("%s: amount %s does not fit into DECIMAL(18,4)", of, money.FormatUnits(units, ""))
	}
	return nil
}

func (r payoutRow) day() payout.Day { return payout.Millis(r.Created).Day() }

func (payoutRow) header() []string {
	return []string{
		"id", "ref_id", "on_behalf_of", "member_id", "created", "changed", "updated", "status", "amount", "currency", "account",
		"payee", "debtor_account", "description", "reason", "bank_status", "bank_transaction_id", "sequence",
	}
}

func (r payoutRow) csv() []string {
	amount := ""
	if r.Amount != nil {
		amount = money.FormatUnits(*r.Amount, r.Currency)
	}
	return []string{
		r.ID, r.RefID, r.OnBehalfOf, r.MemberID, instant(r.Created), instant(r.Changed), instant(r.Updated), r.Status, amount, r.Currency,
		r.Account, r.Payee, r.DebtorAccount, r.Description, r.Reason, r.BankStatus, r.BankTransactionID, whole(r.Sequence),
	}
}

type versionRow struct {
	Sequence   int64  `parquet:"sequence"`
	PayoutID   string `parquet:"payout_id"`
	Applied    bool   `parquet:"applied"`
	Run        int64  `parquet:"run"`
	Asked      int64  `parquet:"asked,timestamp(millisecond)"`
	Updated    int64  `parquet:"updated,timestamp(millisecond)"`
	Status     string `parquet:"status,dict"`
	OnBehalfOf string `parquet:"on_behalf_of,dict"`
	Raw        string `parquet:"raw"`
}

func versionRowOf(v mirror.ExportedVersion) (versionRow, error) {
	return versionRow{
		Sequence: v.Sequence, PayoutID: v.PayoutID, Applied: v.Applied, Run: v.Run, Asked: int64(v.Asked), Updated: int64(v.Updated),
		Status: string(v.Status), OnBehalfOf: v.OnBehalfOf, Raw: v.Raw,
	}, nil
}

func (r versionRow) day() payout.Day { return payout.Millis(r.Asked).Day() }

func (versionRow) header() []string {
	return []string{"sequence", "payout_id", "applied", "run", "asked", "updated", "status", "on_behalf_of", "raw"}
}

func (r versionRow) csv() []string {
	return []string{
		whole(r.Sequence), r.PayoutID, strconv.FormatBool(r.Applied), whole(r.Run), instant(r.Asked), instant(r.Updated), r.Status, r.OnBehalfOf, r.Raw,
	}
}

type itemRow struct {
	ID          int64  `parquet:"id"`
	Outcome     string `parquet:"outcome,dict"`
	Severity    string `parquet:"severity,dict"`
	State       string `parquet:"state,dict"`
	Disposition string `parquet:"disposition,dict"`
	RefID       string `parquet:"ref_id"`
	OnBehalfOf  string `parquet:"on_behalf_of"`
	PayoutIDs   string `parquet:"payout_ids"`   // separated by spaces
	LedgerLines string `parquet:"ledger_lines"` // likewise
	Exposure    int64  `parquet:"exposure,decimal(4:18)"`
	Currency    string `parquet:"currency,dict"`
	FirstRun    int64  `parquet:"first_run"`
	FirstSeen   int64  `parquet:"first_seen,timestamp(millisecond)"`
	LastRun     int64  `parquet:"last_run"`
	ClearedBy   string `parquet:"cleared_by,dict"`
	ClearedAt   *int64 `parquet:"cleared_at,optional,timestamp(millisecond)"` // null: it is open
	Due         *int32 `parquet:"due,optional,date"`                          // null: none
	Owner       string `parquet:"owner"`
	Note        string `parquet:"note"`
	Why         string `parquet:"why"`
}

func itemRowOf(i payout.Item) (itemRow, error) {
	row := itemRow{
		ID: i.ID, Outcome: i.Outcome.String(), Severity: i.Severity.String(), State: i.State.String(), RefID: readable(i.RefID),
		OnBehalfOf: readable(i.OnBehalfOf), Exposure: i.Exposure.Units(), Currency: i.Exposure.Currency(), FirstRun: i.FirstRun,
		FirstSeen: int64(i.FirstSeen), LastRun: i.LastRun, ClearedBy: i.ClearedBy, Owner: readable(i.Owner), Note: readable(i.Note), Why: readable(i.Why),
	}
	if i.Disposition != nil {
		row.Disposition = i.Disposition.Kind
	}
	if i.ClearedAt != 0 {
		at := int64(i.ClearedAt)
		row.ClearedAt = &at
	}
	if i.Due != payout.NoDay {
		due := int32(i.Due)
		row.Due = &due
	}
	ids, lines := []string{}, []string{}
	for _, p := range i.Payouts {
		ids = append(ids, p.ID)
	}
	for _, e := range i.Entries {
		lines = append(lines, strconv.Itoa(e.Line))
	}
	for _, r := range i.Rejected {
		lines = append(lines, strconv.Itoa(r.Line))
	}
	row.PayoutIDs, row.LedgerLines = strings.Join(ids, " "), strings.Join(lines, " ")
	return row, fitsDecimal(row.Exposure, fmt.Sprintf("item %d", i.ID))
}

// readable replaces what is not UTF-8, which neither format may hold.
func readable(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

func (r itemRow) day() payout.Day { return payout.Millis(r.FirstSeen).Day() }

func (itemRow) header() []string {
	return []string{
		"id", "outcome", "severity", "state", "disposition", "ref_id", "on_behalf_of", "payout_ids", "ledger_lines", "exposure", "currency",
		"first_run", "first_seen", "last_run", "cleared_by", "cleared_at", "due", "owner", "note", "why",
	}
}

func (r itemRow) csv() []string {
	cleared, due := "", ""
	if r.ClearedAt != nil {
		cleared = instant(*r.ClearedAt)
	}
	if r.Due != nil {
		due = payout.Day(*r.Due).String()
	}
	return []string{
		whole(r.ID), r.Outcome, r.Severity, r.State, r.Disposition, r.RefID, r.OnBehalfOf, r.PayoutIDs, r.LedgerLines,
		money.FormatUnits(r.Exposure, r.Currency), r.Currency, whole(r.FirstRun), instant(r.FirstSeen), whole(r.LastRun), r.ClearedBy,
		cleared, due, r.Owner, r.Note, r.Why,
	}
}

type runRow struct {
	ID       int64  `parquet:"id"`
	Command  string `parquet:"command,dict"`
	Version  string `parquet:"version,dict"`
	Started  int64  `parquet:"started,timestamp(millisecond)"`
	Ended    *int64 `parquet:"ended,optional,timestamp(millisecond)"` // null: it runs, or was killed
	Exit     *int32 `parquet:"exit,optional"`                         // likewise
	Words    string `parquet:"words"`
	Sequence int64  `parquet:"sequence"`
	Config   string `parquet:"config"`
}

func runRowOf(r payout.Run) runRow {
	row := runRow{
		ID: r.ID, Command: r.Command, Version: r.Version, Started: int64(r.Started), Words: readable(r.Words), Sequence: r.Sequence, Config: readable(r.Config),
	}
	if r.Ended != 0 {
		ended, exit := int64(r.Ended), int32(r.Exit)
		row.Ended, row.Exit = &ended, &exit
	}
	return row
}

func (r runRow) day() payout.Day { return payout.Millis(r.Started).Day() }

func (runRow) header() []string {
	return []string{"id", "command", "version", "started", "ended", "exit", "words", "sequence", "config"}
}

func (r runRow) csv() []string {
	ended, exit := "", ""
	if r.Ended != nil {
		ended, exit = instant(*r.Ended), strconv.Itoa(int(*r.Exit))
	}
	return []string{whole(r.ID), r.Command, r.Version, instant(r.Started), ended, exit, r.Words, whole(r.Sequence), r.Config}
}

func instant(millis int64) string { return payout.Millis(millis).String() }

func whole(n int64) string { return strconv.FormatInt(n, 10) }
