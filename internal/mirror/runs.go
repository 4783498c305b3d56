package mirror

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

const runColumns = "id, command, version, config, started, ended, exit, words, sequence"

// BeginRun records that a command began and returns the run's number. Exit and ended are set by EndRun.
func (m *Mirror) BeginRun(ctx context.Context, r payout.Run) (id int64, err error) {
	err = m.write(ctx, func(tx *sqlx.Tx) error {
		return tx.GetContext(ctx, &id,
			"INSERT INTO runs (command, version, config, started) VALUES (?, ?, ?, ?) RETURNING id",
			r.Command, r.Version, r.Config, r.Started)
	})
	return id, wrap("begin run", err)
}

// EndRun records how the run r.ID ended: Ended, Exit and Words. The sequence is filled in here.
func (m *Mirror) EndRun(ctx context.Context, r payout.Run) error {
	err := m.write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE runs SET ended = ?, exit = ?, words = ?,
			sequence = (SELECT ifnull(max(seq), 0) FROM payout_versions) WHERE id = ?`,
			r.Ended, r.Exit, r.Words, r.ID)
		return err
	})
	return wrap("end run", err)
}

// Runs returns the latest runs, newest first; all of them when limit is 0.
func (m *Mirror) Runs(ctx context.Context, limit int) ([]payout.Run, error) {
	if limit <= 0 {
		limit = -1
	}
	runs := []payout.Run{}
	err := m.r.SelectContext(ctx, &runs, "SELECT "+runColumns+" FROM runs ORDER BY id DESC LIMIT ?", limit)
	return runs, wrap("read runs", err)
}

// Run returns one run, or payout.KindNotFound.
func (m *Mirror) Run(ctx context.Context, id int64) (payout.Run, error) {
	var run payout.Run
	err := m.r.GetContext(ctx, &run, "SELECT "+runColumns+" FROM runs WHERE id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return run, payout.Errorf(payout.KindNotFound, "there is no run %d in %s", id, m.path)
	}
	return run, wrap("read run", err)
}

// SaveSync keeps what the sync of a run did, for the report of the same run.
func (m *Mirror) SaveSync(ctx context.Context, s *payout.SyncSummary) error {
	text, err := json.Marshal(s)
	if err != nil {
		return wrap("keep sync summary", err)
	}
	return wrap("keep sync summary", m.write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE runs SET sync = ? WHERE id = ?", string(text), s.Run)
		return err
	}))
}

// SyncOf returns what the sync of a run did, or nil when the run did not sync.
func (m *Mirror) SyncOf(ctx context.Context, run int64) (*payout.SyncSummary, error) {
	var text string
	err := m.r.GetContext(ctx, &text, "SELECT sync FROM runs WHERE id = ?", run)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return nil, nil
	}
	if err != nil {
		return nil, wrap("read sync summary", err)
	}
	s := new(payout.SyncSummary)
	return s, wrap("read sync summary", json.Unmarshal([]byte(text), s))
}

// metaLastNight is the name in table meta of when the nightly work began that came to its end last.
const metaLastNight = "last_night"

// LastNight returns when the nightly work began that came to its end last (EndNight), 0 when none has. Where several runs were
// needed for it, it began with the first of them. How these ended says neither: a run may go on without its sync, and fail for
// another reason after it.
func (m *Mirror) LastNight(ctx context.Context) (began payout.Millis, err error) {
	text, err := getMeta(ctx, m.r, metaLastNight)
	if err != nil || text == "" {
		return 0, wrap("read the last night", err)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return payout.Millis(n), wrap("read the last night", err)
}

// Sequence returns the number of the newest payout version, 0 when there is none.
func (m *Mirror) Sequence(ctx context.Context) (seq int64, err error) {
	err = m.r.GetContext(ctx, &seq, "SELECT ifnull(max(seq), 0) FROM payout_versions")
	return seq, wrap("read sequence", err)
}

// Alert is what a person should know, with the run that found it.
type Alert struct {
	Run  int64         `json:"run"  db:"run"`
	At   payout.Millis `json:"at"   db:"at"`
	Text string        `json:"text" db:"text"`
}

// Alerts returns the latest alerts, newest first.
func (m *Mirror) Alerts(ctx context.Context, limit int) ([]Alert, error) {
	alerts := []Alert{}
	err := m.r.SelectContext(ctx, &alerts, "SELECT run, at, text FROM alerts ORDER BY id DESC LIMIT ?", limit)
	return alerts, wrap("read alerts", err)
}

// RunAlerts returns the alerts of one run, in the order they were raised.
func (m *Mirror) RunAlerts(ctx context.Context, run int64) ([]string, error) {
	texts := []string{}
	err := m.r.SelectContext(ctx, &texts, "SELECT text FROM alerts WHERE run = ? ORDER BY id", run)
	return texts, wrap("read alerts", err)
}

// wrap says which operation failed, and keeps the kind of the cause.
func wrap(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", operation, storageTrouble("", err))
}
