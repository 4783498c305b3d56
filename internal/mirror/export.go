package mirror

import (
	"context"
	"iter"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// ExportedPayout is a payout as it stands, for a warehouse.
type ExportedPayout struct {
	ID                string        `db:"id"`
	RefID             string        `db:"ref_id"`
	OnBehalfOf        string        `db:"on_behalf_of"`
	MemberID          string        `db:"member_id"`
	Created           payout.Millis `db:"created"`
	Changed           payout.Millis `db:"changed"` // when its present status was reached, as the API says
	Updated           payout.Millis `db:"updated"`
	Status            payout.Status `db:"status"`
	Units             int64         `db:"units"` // money units
	Currency          string        `db:"currency"`
	Account           string        `db:"account"`
	Payee             string        `db:"payee"`
	DebtorAccount     string        `db:"debtor_account"`
	Description       string        `db:"description"`
	Reason            string        `db:"reason"`
	BankStatus        string        `db:"bank_status"`
	BankTransactionID string        `db:"bank_transaction_id"`
	Sequence          int64         `db:"sequence"` // the version that stands
}

// ExportedVersion is one thing the API said of a payout.
type ExportedVersion struct {
	Sequence   int64         `db:"sequence"`
	PayoutID   string        `db:"payout_id"`
	Applied    bool          `db:"applied"` // false: an older fact that came late
	Run        int64         `db:"run"`
	Asked      payout.Millis `db:"asked"`
	Updated    payout.Millis `db:"updated"`
	Status     payout.Status `db:"status"`
	OnBehalfOf string        `db:"on_behalf_of"`
	Raw        string        `db:"raw"` // the JSON object as received
}

// ExportPayouts gives the payouts as they stood at version maxSeq (0 = the newest), by time of creation and id, all of one view of
// the database.
func (m *Mirror) ExportPayouts(ctx context.Context, maxSeq int64) iter.Seq2[ExportedPayout, error] {
	return export[ExportedPayout](ctx, m, maxSeq, selectExportedPayouts)
}

// ExportVersions gives every version up to maxSeq (0 = the newest), in the order they were heard.
func (m *Mirror) ExportVersions(ctx context.Context, maxSeq int64) iter.Seq2[ExportedVersion, error] {
	return export[ExportedVersion](ctx, m, maxSeq, selectExportedVersions)
}

// ExportItems gives every item there ever was, by id, as it is now.
func (m *Mirror) ExportItems(ctx context.Context) iter.Seq2[payout.Item, error] {
	return func(yield func(payout.Item, error) bool) {
		tx, err := m.read().BeginTxx(ctx, nil)
		if err != nil {
			yield(payout.Item{}, wrap("export", err))
			return
		}
		defer tx.Rollback()
		for after := int64(0); ; {
			items, err := itemsAfter(ctx, tx, after)
			if err != nil {
				yield(payout.Item{}, wrap("export", err))
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
				after = item.ID
			}
			if len(items) == 0 {
				return
			}
		}
	}
}

// itemsAfter returns the next few thousand items by id.
func itemsAfter(ctx context.Context, tx *sqlx.Tx, after int64) ([]payout.Item, error) {
	var places []itemPlace
	err := tx.SelectContext(ctx, &places, selectPlaces+`
			(SELECT * FROM items WHERE id > ? ORDER BY id LIMIT 5000)
		ORDER BY run, position, place`, after)
	if err != nil {
		return nil, err
	}
	return itemsAt(ctx, tx, places)
}

var selectExportedPayouts = `
	SELECT ` + refColumns + `,
		(SELECT word FROM words WHERE n = v.member) AS member_id,
		v.updated,
		p.seq AS sequence
	FROM (` + viewAt(`payouts INDEXED BY payouts_created`, `created IS NOT NULL`) + `) AS p
	JOIN payout_versions AS v ON v.seq = p.seq
	ORDER BY p.created, p.id`

const selectExportedVersions = `
	SELECT
		v.seq AS sequence,
		p.id AS payout_id,
		v.applied,
		v.run,
		v.asked,
		v.updated,
		(SELECT word FROM words WHERE n = v.status) AS status,
		(SELECT word FROM words WHERE n = v.on_behalf_of) AS on_behalf_of,
		v.raw
	FROM payout_versions AS v
	JOIN payouts AS p ON p.n = v.payout
	WHERE v.seq <= ?1
	ORDER BY v.seq`

// export runs a query about one version and gives out its rows one by one; after an error it ends.
func export[T any](ctx context.Context, m *Mirror, maxSeq int64, query string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		maxSeq, err := m.fixSequence(ctx, maxSeq)
		if err != nil {
			yield(none, err)
			return
		}
		rows, err := m.read().QueryxContext(ctx, query, maxSeq)
		if err != nil {
			yield(none, wrap("export", err))
			return
		}
		defer rows.Close()
		scanRows(rows, yield)
	}
}

func scanRows[T any](rows *sqlx.Rows, yield func(T, error) bool) {
	var none T
	for rows.Next() {
		var row T
		if err := rows.StructScan(&row); err != nil {
			yield(none, wrap("export", err))
			return
		}
		if !yield(row, nil) {
			return
		}
	}
	if err := rows.Err(); err != nil {
		yield(none, wrap("export", err))
	}
}
