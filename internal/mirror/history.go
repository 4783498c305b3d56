package mirror

import (
	"context"

	"payrecon/internal/payout"
)

// Version is one thing the API said of a payout.
type Version struct {
	Seq               int64         `json:"sequence"            db:"seq"`
	Applied           bool          `json:"applied"             db:"applied"` // false: an older fact that came late
	Run               int64         `json:"run"                 db:"run"`
	Asked             payout.Millis `json:"asked"               db:"asked"`
	Updated           payout.Millis `json:"updated"             db:"updated"`
	Status            payout.Status `json:"status"              db:"status"`
	OnBehalfOf        string        `json:"on_behalf_of"        db:"on_behalf_of"`
	Member            string        `json:"member_id"           db:"member"`
	Reason            string        `json:"reason"              db:"reason"`
	BankStatus        string        `json:"bank_status"         db:"bank_status"`
	BankTransactionID string        `json:"bank_transaction_id" db:"bank_transaction_id"`
	Raw               string        `json:"-"                   db:"raw"` // the JSON object as received
}

// selectHistory follows a payout's versions backwards by payout_versions.previous: no index on a large table is needed.
const selectHistory = `WITH RECURSIVE chain (seq) AS (
		SELECT last FROM payouts WHERE n = ?
		UNION ALL
		SELECT v.previous FROM chain CROSS JOIN payout_versions v ON v.seq = chain.seq WHERE v.previous IS NOT NULL
	)
	SELECT v.seq, v.applied, v.run, v.asked, v.updated, s.word AS status, o.word AS on_behalf_of, m.word AS member,
		v.reason, v.bank_status, v.bank_transaction_id, v.raw
	FROM chain
	CROSS JOIN payout_versions v ON v.seq = chain.seq
	CROSS JOIN words s ON s.n = v.status
	CROSS JOIN words o ON o.n = v.on_behalf_of
	CROSS JOIN words m ON m.n = v.member
	ORDER BY v.seq`

// History returns everything the API said of a payout, in the order it was heard. An id that the mirror does not hold
// is payout.KindNotFound.
func (m *Mirror) History(ctx context.Context, id string) ([]Version, error) {
	numbers, err := numbersOf(ctx, m.r, []string{id})
	if err != nil {
		return nil, err
	}
	n, ok := numbers[id]
	if !ok {
		return nil, payout.Errorf(payout.KindNotFound, "the mirror %s holds no payout %s", m.path, id)
	}
	versions := []Version{}
	return versions, wrap("read history", m.r.SelectContext(ctx, &versions, selectHistory, n))
}
