package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// LastJob returns the latest start of the job: the latest date it was due, and of that date the latest start. ok is false
// when it has never been started.
func (m *Mirror) LastJob(ctx context.Context, job string) (last payout.JobRun, ok bool, err error) {
	err = m.read().GetContext(ctx, &last, `
		SELECT job, due_day, due, started, ended, outcome, words
		FROM job_runs
		WHERE job = ?
		ORDER BY due_day DESC, started DESC
		LIMIT 1`, job)
	if errors.Is(err, sql.ErrNoRows) {
		return payout.JobRun{}, false, nil
	}
	if err != nil {
		return payout.JobRun{}, false, fmt.Errorf("last start of job %q: %w", job, err)
	}
	return last, true, nil
}

// SaveJob records a start of a job, and how it ended when it is called again with the same job, due day and start.
func (m *Mirror) SaveJob(ctx context.Context, j payout.JobRun) error {
	return m.write(ctx, func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO job_runs (job, due_day, started, due, ended, outcome, words)
			VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (job, due_day, started) DO UPDATE SET
				due = excluded.due,
				ended = excluded.ended,
				outcome = excluded.outcome,
				words = excluded.words`,
			j.Job, int64(j.DueDay), int64(j.Started), int64(j.Due), int64(j.Ended), j.Outcome, j.Words)
		if err != nil {
			return fmt.Errorf("job %q: %w", j.Job, err)
		}
		return nil
	})
}

// JobRuns returns the latest starts of the job, newest first, at most limit of them.
func (m *Mirror) JobRuns(ctx context.Context, job string, limit int) ([]payout.JobRun, error) {
	var runs []payout.JobRun
	err := m.read().SelectContext(ctx, &runs, `
		SELECT job, due_day, due, started, ended, outcome, words
		FROM job_runs
		WHERE job = ?
		ORDER BY due_day DESC, started DESC
		LIMIT ?`, job, limit)
	if err != nil {
		return nil, fmt.Errorf("starts of job %q: %w", job, err)
	}
	return runs, nil
}
