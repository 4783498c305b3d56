package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
	"github.com/klauspost/compress/zstd"

	"payrecon/internal/payout"
)

// The parts of a reconciliation that are kept a few hundred findings to a row.
const (
	partExplained = "explained"
	partItems     = "items"
	partSize      = 500
)

// SaveReconciliation records what run r.Run found: figures, totals, explained findings, the items as they are after it, and
// what it did to them, all in one transaction. Items become what r says of them; an item that r does not name stays as it
// is. replay is what the caller needs to perform the run again, given back as it is by Reconciliation. A run is recorded
// once.
func (m *Mirror) SaveReconciliation(ctx context.Context, r *payout.Reconciliation, replay []byte) error {
	if r.Run == 0 {
		return errors.New("mirror: a reconciliation without a run is not recorded")
	}
	err := m.write(ctx, func(tx *sqlx.Tx) error {
		if err := putSummary(ctx, tx, r, replay); err != nil {
			return err
		}
		if err := putTotals(ctx, tx, r); err != nil {
			return err
		}
		if err := putParts(ctx, tx, r.Run, partExplained, r.Explained); err != nil {
			return err
		}
		if err := putParts(ctx, tx, r.Run, partItems, r.Items); err != nil {
			return err
		}
		for i := range r.Items {
			if err := putItem(ctx, tx, &r.Items[i]); err != nil {
				return err
			}
		}
		for _, e := range r.Events {
			if e.Run != r.Run {
				return fmt.Errorf("event %q of item %d belongs to run %d", e.Kind, e.Item, e.Run)
			}
		}
		return appendEvents(ctx, tx, r.Events)
	})
	return wrap(fmt.Sprintf("record reconciliation of run %d", r.Run), err)
}

// putSummary writes everything of r that has no table of its own.
func putSummary(ctx context.Context, tx *sqlx.Tx, r *payout.Reconciliation, replay []byte) error {
	summary := *r
	summary.Totals, summary.Explained, summary.Items, summary.Events = nil, nil, nil, nil
	body, err := marshalLossless(&summary)
	if err != nil {
		return err
	}
	if replay == nil {
		replay = []byte{}
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO reconciliations (run, period_from, period_to, as_of, sequence, conclusion, outcome_hash, items_open, summary, replay)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Run, int64(r.Period.From), int64(r.Period.To), int64(r.AsOf), r.Sequence, string(r.Conclusion), r.OutcomeHash,
		r.Breaks.Total, string(body), replay)
	return err
}

func putTotals(ctx context.Context, tx *sqlx.Tx, r *payout.Reconciliation) error {
	insert, err := tx.PreparexContext(ctx, `
		INSERT INTO totals (run, position, currency, day, outcome, cut_off, payouts, payout_amount, entries, entry_amount, payout_cash, entry_cash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return err
	}
	defer insert.Close()
	for i, t := range r.Totals {
		_, err := insert.ExecContext(ctx, r.Run, i, t.Currency, int64(t.Day), t.Outcome.String(), t.CutOff,
			t.Payouts, t.PayoutAmount, t.Entries, t.EntryAmount, t.PayoutCash, t.EntryCash)
		if err != nil {
			return err
		}
	}
	return nil
}

// putParts writes a list of findings or items, compressed, partSize to a row.
func putParts[T any](ctx context.Context, tx *sqlx.Tx, run int64, part string, all []T) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	defer encoder.Close()
	position := 0
	for some := range slices.Chunk(all, partSize) {
		body, err := marshalLossless(&some)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO reconciliation_parts (run, part, position, count, body) VALUES (?, ?, ?, ?, ?)`,
			run, part, position, len(some), encoder.EncodeAll(body, nil))
		if err != nil {
			return err
		}
		position++
	}
	return nil
}

// Reconciliation returns what a run found, equal to what was saved (items as they were then, whatever became of them), and
// what is needed to perform it again. run 0 is the latest. A run that was not recorded is KindNotFound.
func (m *Mirror) Reconciliation(ctx context.Context, run int64) (*payout.Reconciliation, []byte, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return nil, nil, wrap("read reconciliation", err)
	}
	defer tx.Rollback()
	var stored struct {
		Summary []byte `db:"summary"`
		Replay  []byte `db:"replay"`
	}
	err = tx.GetContext(ctx, &stored, `
		SELECT summary, replay
		FROM reconciliations
		WHERE run = CASE ?1 WHEN 0 THEN (SELECT max(run) FROM reconciliations) ELSE ?1 END`, run)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, notReconciled(run)
	}
	if err != nil {
		return nil, nil, wrap("read reconciliation", err)
	}
	r := &payout.Reconciliation{}
	if err := unmarshalLossless(stored.Summary, r); err != nil {
		return nil, nil, wrap("read reconciliation", err)
	}
	if err := getDetails(ctx, tx, r); err != nil {
		return nil, nil, wrap(fmt.Sprintf("read reconciliation of run %d", r.Run), err)
	}
	return r, stored.Replay, nil
}

func notReconciled(run int64) error {
	if run == 0 {
		return payout.Errorf(payout.KindNotFound, "nothing has been reconciled yet: run payrecon reconcile first")
	}
	return payout.Errorf(payout.KindNotFound, "run %d recorded no reconciliation: payrecon status shows those that did", run)
}

// getDetails fills in what putSummary left out.
func getDetails(ctx context.Context, tx *sqlx.Tx, r *payout.Reconciliation) (err error) {
	if r.Totals, err = selectTotals(ctx, tx, r.Run); err != nil {
		return err
	}
	if r.Explained, err = selectParts[payout.Finding](ctx, tx, r.Run, partExplained); err != nil {
		return err
	}
	if r.Items, err = selectParts[payout.Item](ctx, tx, r.Run, partItems); err != nil {
		return err
	}
	r.Events, err = selectEvents(ctx, tx, `WHERE run = ?`, r.Run)
	return err
}

func selectTotals(ctx context.Context, tx *sqlx.Tx, run int64) ([]payout.Total, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT currency, day, outcome, cut_off, payouts, payout_amount, entries, entry_amount, payout_cash, entry_cash
		FROM totals
		WHERE run = ?
		ORDER BY position`, run)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var totals []payout.Total
	for rows.Next() {
		var t payout.Total
		var outcome string
		err := rows.Scan(&t.Currency, &t.Day, &outcome, &t.CutOff,
			&t.Payouts, &t.PayoutAmount, &t.Entries, &t.EntryAmount, &t.PayoutCash, &t.EntryCash)
		if err != nil {
			return nil, err
		}
		if err := t.Outcome.UnmarshalText([]byte(outcome)); err != nil {
			return nil, err
		}
		totals = append(totals, t)
	}
	return totals, rows.Err()
}

func selectParts[T any](ctx context.Context, tx *sqlx.Tx, run int64, part string) ([]T, error) {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	rows, err := tx.QueryContext(ctx, `SELECT body FROM reconciliation_parts WHERE run = ? AND part = ? ORDER BY position`, run, part)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var packed []byte
		if err := rows.Scan(&packed); err != nil {
			return nil, err
		}
		body, err := decoder.DecodeAll(packed, nil)
		if err != nil {
			return nil, err
		}
		var some []T
		if err := unmarshalLossless(body, &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, rows.Err()
}

// Reconciled is one line of the list of reconciliations.
type Reconciled struct {
	Run         int64             `json:"run"          db:"run"`
	From        payout.Day        `json:"from"         db:"period_from"`
	To          payout.Day        `json:"to"           db:"period_to"`
	AsOf        payout.Millis     `json:"as_of"        db:"as_of"`
	Sequence    int64             `json:"sequence"     db:"sequence"`
	Conclusion  payout.Conclusion `json:"conclusion"   db:"conclusion"`
	OutcomeHash string            `json:"outcome_hash" db:"outcome_hash"`
	Open        int               `json:"open"         db:"items_open"`
}

// Reconciliations lists what was recorded, newest first; all of it when limit is 0.
func (m *Mirror) Reconciliations(ctx context.Context, limit int) ([]Reconciled, error) {
	if limit <= 0 {
		limit = -1
	}
	list := []Reconciled{}
	err := m.read().SelectContext(ctx, &list, `
		SELECT run, period_from, period_to, as_of, sequence, conclusion, outcome_hash, items_open
		FROM reconciliations
		ORDER BY run DESC
		LIMIT ?`, limit)
	return list, wrap("list reconciliations", err)
}
