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
// is. before is the ids of the items that the run was given, which still stand as they were; replay is what else the caller
// needs to perform the run again, given back as it is by Reconciliation. ready is called last, and may still refuse. A run is
// recorded once.
func (m *Mirror) SaveReconciliation(ctx context.Context, r *payout.Reconciliation, before []int64, replay []byte, ready func() error) error {
	if r.Run == 0 {
		return errors.New("mirror: a reconciliation without a run is not recorded")
	}
	err := m.write(ctx, func(tx *sqlx.Tx) error {
		places, err := placesOf(ctx, tx, before)
		if err != nil {
			return err
		}
		if err := putSummary(ctx, tx, r, places, replay); err != nil {
			return err
		}
		if err := putTotals(ctx, tx, r); err != nil {
			return err
		}
		if err := putParts(ctx, tx, r.Run, partExplained, r.Explained, archiveFinding); err != nil {
			return err
		}
		if err := putItems(ctx, tx, r.Run, r.Items); err != nil {
			return err
		}
		for _, e := range r.Events {
			if e.Run != r.Run {
				return fmt.Errorf("event %q of item %d belongs to run %d", e.Kind, e.Item, e.Run)
			}
		}
		if err := appendEvents(ctx, tx, r.Events); err != nil {
			return err
		}
		return ready()
	})
	return wrap(fmt.Sprintf("record reconciliation of run %d", r.Run), err)
}

// putSummary writes everything of r that has no table of its own.
func putSummary(ctx context.Context, tx *sqlx.Tx, r *payout.Reconciliation, before []itemPlace, replay []byte) error {
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
		INSERT INTO reconciliations (run, period_from, period_to, as_of, sequence, conclusion, outcome_hash, items_open, summary, items_before, replay)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		r.Run, int64(r.Period.From), int64(r.Period.To), int64(r.AsOf), r.Sequence, string(r.Conclusion), r.OutcomeHash,
		r.Breaks.Total, string(body), archived(nil, &archive{writing: true}, before, archivePlace), replay)
	return err
}

func putTotals(ctx context.Context, tx *sqlx.Tx, r *payout.Reconciliation) error {
	return insertRows(ctx, tx, `
		INSERT INTO totals (run, position, currency, day, outcome, cut_off, payouts, payout_amount, entries, entry_amount, payout_cash, entry_cash)
		VALUES`, 12, len(r.Totals), func(values []any, i int) []any {
		t := &r.Totals[i]
		return append(values, r.Run, i, t.Currency, int64(t.Day), t.Outcome.String(), t.CutOff,
			t.Payouts, t.PayoutAmount, t.Entries, t.EntryAmount, t.PayoutCash, t.EntryCash)
	})
}

// putParts writes a list of findings or items, compressed, partSize to a row.
func putParts[T any](ctx context.Context, tx *sqlx.Tx, run int64, part string, all []T, record func(*archive, *T)) error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	defer encoder.Close()
	a, position := &archive{writing: true}, 0
	var records, packed []byte
	for some := range slices.Chunk(all, partSize) {
		records = archived(records[:0], a, some, record)
		packed = encoder.EncodeAll(records, packed[:0])
		_, err = tx.ExecContext(ctx, `INSERT INTO reconciliation_parts (run, part, position, body) VALUES (?, ?, ?, ?)`,
			run, part, position, packed)
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
	r, replay, err := summary(ctx, tx, run)
	if err != nil {
		return nil, nil, err
	}
	if err := getDetails(ctx, tx, r); err != nil {
		return nil, nil, wrap(fmt.Sprintf("read reconciliation of run %d", r.Run), err)
	}
	return r, replay, nil
}

// Summary is Reconciliation without totals, findings, items and events.
func (m *Mirror) Summary(ctx context.Context, run int64) (*payout.Reconciliation, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return nil, wrap("read reconciliation", err)
	}
	defer tx.Rollback()
	r, _, err := summary(ctx, tx, run)
	return r, err
}

func summary(ctx context.Context, tx *sqlx.Tx, run int64) (*payout.Reconciliation, []byte, error) {
	var stored struct {
		Summary []byte `db:"summary"`
		Replay  []byte `db:"replay"`
	}
	err := tx.GetContext(ctx, &stored, `
		SELECT summary, replay
		FROM reconciliations
		WHERE run = CASE ?1 WHEN 0 THEN (SELECT max(run) FROM reconciliations) ELSE ?1 END`, run)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, notReconciled(run)
	}
	r := &payout.Reconciliation{}
	if err == nil {
		err = unmarshalLossless(stored.Summary, r)
	}
	return r, stored.Replay, wrap("read reconciliation", err)
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
	if r.Explained, err = selectParts(ctx, tx, r.Run, partExplained, archiveFinding); err != nil {
		return err
	}
	if r.Items, err = selectParts(ctx, tx, r.Run, partItems, archiveItem); err != nil {
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

// selectParts reads all that putParts wrote.
func selectParts[T any](ctx context.Context, tx *sqlx.Tx, run int64, part string, record func(*archive, *T)) (all []T, err error) {
	var positions int64
	if err := tx.GetContext(ctx, &positions, `SELECT count(*) FROM reconciliation_parts WHERE run = ? AND part = ?`, run, part); err != nil {
		return nil, err
	}
	err = readParts(ctx, tx, func(read func(run int64, part string, position int64) ([]byte, error)) error {
		for position := range positions {
			body, err := read(run, part, position)
			if err != nil {
				return err
			}
			some, err := unarchive(body, nil, record)
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	return all, err
}

// readParts lets use read parts one by one. A body is good until the next one is read.
func readParts(ctx context.Context, tx *sqlx.Tx, use func(read func(run int64, part string, position int64) ([]byte, error)) error) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer decoder.Close()
	query, err := tx.PreparexContext(ctx, selectPart)
	if err != nil {
		return err
	}
	defer query.Close()
	var packed, body []byte
	return use(func(run int64, part string, position int64) ([]byte, error) {
		if err := query.GetContext(ctx, &packed, run, part, position); err != nil {
			return nil, err
		}
		body, err = decoder.DecodeAll(packed, body[:0])
		return body, err
	})
}

const selectPart = `SELECT body FROM reconciliation_parts WHERE run = ? AND part = ? AND position = ?`

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
