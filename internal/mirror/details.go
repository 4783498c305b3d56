package mirror

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// viewAt selects the payouts that meet the condition as they stood at version ?1: see payout_past in
// migrations/0001_mirror.sql. from names table payouts, with a hint which index to take or none.
func viewAt(from, condition string) string {
	const columns = `n, id, ref_id, account, units, currency, status, created, changed, on_behalf_of, final, seq`
	return `
		SELECT ` + columns + `
		FROM ` + from + `
		WHERE seq <= ?1 AND ` + condition + `
		UNION ALL
		SELECT ` + columns + `
		FROM payout_past
		WHERE until > ?1 AND seq <= ?1 AND ` + condition
}

// refColumns are what a payout.PayoutRef is made of, of a payout p with its version v.
const refColumns = `
		p.id,
		p.ref_id,
		(SELECT word FROM words WHERE n = p.on_behalf_of) AS on_behalf_of,
		p.units,
		(SELECT word FROM words WHERE n = p.currency) AS currency,
		(SELECT word FROM words WHERE n = p.status) AS status,
		p.created,
		p.changed,
		p.account,
		v.payee,
		v.debtor_account,
		v.description,
		v.reason,
		v.bank_status,
		v.bank_transaction_id`

// refRow is a row of refColumns.
type refRow struct {
	ID                string        `db:"id"`
	RefID             string        `db:"ref_id"`
	OnBehalfOf        string        `db:"on_behalf_of"`
	Units             int64         `db:"units"`
	Currency          string        `db:"currency"`
	Status            payout.Status `db:"status"`
	Created           payout.Millis `db:"created"`
	Changed           payout.Millis `db:"changed"`
	Account           string        `db:"account"`
	Payee             string        `db:"payee"`
	DebtorAccount     string        `db:"debtor_account"`
	Description       string        `db:"description"`
	Reason            string        `db:"reason"`
	BankStatus        string        `db:"bank_status"`
	BankTransactionID string        `db:"bank_transaction_id"`
}

func (r *refRow) ref() payout.PayoutRef {
	return payout.PayoutRef{
		ID: r.ID, RefID: r.RefID, OnBehalfOf: r.OnBehalfOf, Amount: money.New(r.Units, r.Currency), Status: r.Status,
		Created: r.Created, Changed: r.Changed, Account: r.Account, Payee: r.Payee, DebtorAccount: r.DebtorAccount,
		Description: r.Description, Reason: r.Reason, BankStatus: r.BankStatus, BankTransactionID: r.BankTransactionID,
	}
}

// Details returns the payouts with these ids, in this order, as they stood at version maxSeq (0 = the newest). An id that the
// mirror did not hold then is KindNotFound.
func (m *Mirror) Details(ctx context.Context, maxSeq int64, ids []string) ([]payout.PayoutRef, error) {
	maxSeq, err := m.fixSequence(ctx, maxSeq)
	if err != nil {
		return nil, err
	}
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return nil, wrap("read payouts", err)
	}
	defer tx.Rollback()
	return details(ctx, tx, maxSeq, ids)
}

func details(ctx context.Context, tx *sqlx.Tx, maxSeq int64, ids []string) ([]payout.PayoutRef, error) {
	numbers, err := numbersOf(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]payout.PayoutRef, len(ids))
	for part := range slices.Chunk(sortedNumbers(numbers), 500) {
		args := []any{maxSeq}
		for _, n := range part {
			args = append(args, n)
		}
		var rows []refRow
		err := tx.SelectContext(ctx, &rows, `
			SELECT `+refColumns+`
			FROM (`+viewAt(`payouts`, `n IN (`+placeholdersFrom(2, len(part))+`)`)+`) AS p
			JOIN payout_versions AS v ON v.seq = p.seq
			ORDER BY p.n`, args...)
		if err != nil {
			return nil, wrap("read payouts", err)
		}
		for i := range rows {
			byID[rows[i].ID] = rows[i].ref()
		}
	}
	refs := make([]payout.PayoutRef, len(ids))
	for i, id := range ids {
		ref, ok := byID[id]
		if !ok {
			return nil, payout.Errorf(payout.KindNotFound, "the mirror held no payout %s at version %d", id, maxSeq)
		}
		refs[i] = ref
	}
	return refs, nil
}

// DetailsOf returns what the versions at which the rows stand say for people, in the order of the rows.
func (m *Mirror) DetailsOf(ctx context.Context, rows []payout.Row) ([]payout.Detail, error) {
	inOrder := make([]int, len(rows)) // of the versions, so that each page is read once
	for i := range inOrder {
		inOrder[i] = i
	}
	slices.SortFunc(inOrder, func(a, b int) int { return cmp.Compare(rows[a].Version, rows[b].Version) })
	found := make([]payout.Detail, len(rows))
	query, err := m.read().PreparexContext(ctx, selectVersions)
	if err != nil {
		return nil, wrap("read payouts", err)
	}
	defer query.Close()
	args := make([]any, versionsAtOnce)
	for some := range slices.Chunk(inOrder, versionsAtOnce) {
		for i := range args {
			args[i] = rows[some[min(i, len(some)-1)]].Version
		}
		if err := readDetails(ctx, query, args, rows, some, found); err != nil {
			return nil, wrap("read payouts", err)
		}
	}
	return found, nil
}

const versionsAtOnce = 500

// selectVersions looks back only where a payout has a version before: the look-up is for those alone.
var selectVersions = `
	SELECT v.seq, v.payee, v.debtor_account, v.description, v.reason, v.bank_status, v.bank_transaction_id,
		CASE WHEN v.previous IS NULL THEN '' ELSE ifnull((
			SELECT (SELECT word FROM words WHERE n = old.status)
			FROM payout_past AS old
			WHERE old.n = v.payout AND old.until <= v.seq AND old.final = 1 AND old.status <> v.status
			ORDER BY old.until DESC
			LIMIT 1), '') END AS was
	FROM payout_versions AS v
	WHERE v.seq IN (` + placeholders(versionsAtOnce) + `)
	ORDER BY v.seq`

// readDetails fills in found at some places, which are in the order of their rows' versions.
func readDetails(ctx context.Context, query *sqlx.Stmt, args []any, rows []payout.Row, some []int, found []payout.Detail) error {
	versions, err := query.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer versions.Close()
	var seq int64
	var d payout.Detail
	for versions.Next() {
		if err := versions.Scan(&seq, &d.Payee, &d.DebtorAccount, &d.Description, &d.Reason, &d.BankStatus, &d.BankTransactionID, &d.Was); err != nil {
			return err
		}
		for len(some) > 0 && rows[some[0]].Version == seq {
			found[some[0]] = d
			some = some[1:]
		}
	}
	if err := versions.Err(); err != nil {
		return err
	}
	if len(some) > 0 {
		return fmt.Errorf("payout %s: version %d is not there: the database is damaged, restore a backup", rows[some[0]].ID, rows[some[0]].Version)
	}
	return nil
}

func sortedNumbers(numbers map[string]int64) []int64 {
	sorted := make([]int64, 0, len(numbers))
	for _, n := range numbers {
		sorted = append(sorted, n)
	}
	slices.Sort(sorted)
	return sorted
}

// placeholdersFrom returns count numbered placeholders for an IN list that stands in a statement more than once.
func placeholdersFrom(first, count int) string {
	list := []byte{}
	for i := range count {
		if i > 0 {
			list = append(list, ", "...)
		}
		list = strconv.AppendInt(append(list, '?'), int64(first+i), 10)
	}
	return string(list)
}
