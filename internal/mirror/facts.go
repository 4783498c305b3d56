package mirror

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// FactsQuery says which facts.
type FactsQuery struct {
	Period     payout.Period
	AsOf       payout.Millis
	Sequence   int64    // the version to look at; 0 = the newest
	OnBehalfOf []string // the onBehalfOfIds that are synced now, for coverage
	Run        int64    // the run that reports; 0 = none
	CountsOnly bool     // no sums and no failures: payouts of absurd amounts are no reason to show nothing

	// What changed since: the run of the last report (0 = none), and where it stood. PreviousSequence and PreviousAsOf are
	// taken from that run's reconciliation, or from the run itself, when they are 0.
	Previous         int64
	PreviousSequence int64
	PreviousAsOf     payout.Millis
}

// Facts tells what the mirror alone knows of a period, for a report: with or without a ledger, now or as of an earlier version.
// Every list has a defined order. Entity is left empty.
func (m *Mirror) Facts(ctx context.Context, q FactsQuery) (*payout.Facts, error) {
	var err error
	if q.Sequence, err = m.fixSequence(ctx, q.Sequence); err != nil {
		return nil, err
	}
	f := &payout.Facts{Period: q.Period, AsOf: q.AsOf, Sequence: q.Sequence}
	if err := m.runFacts(ctx, &q, f); err != nil {
		return nil, err
	}
	if f.BaseURL, err = m.BaseURL(ctx); err != nil {
		return nil, err
	}
	if f.Members, err = m.Members(ctx); err != nil {
		return nil, err
	}
	if f.Coverage, err = m.Coverage(ctx, q.OnBehalfOf, q.Period); err != nil {
		return nil, err
	}
	if err := m.payoutFacts(ctx, &q, f); err != nil {
		return nil, err
	}
	f.Twins, err = m.twins(ctx, q.Sequence, q.Period)
	return f, err
}

// runFacts fills in the run, the previous one, and what they left to say; and in q where the previous one stood.
func (m *Mirror) runFacts(ctx context.Context, q *FactsQuery, f *payout.Facts) (err error) {
	if q.Run != 0 {
		if f.Run, err = m.Run(ctx, q.Run); err != nil {
			return err
		}
		if f.Sync, err = m.SyncOf(ctx, q.Run); err != nil {
			return err
		}
	}
	if q.Previous != 0 {
		previous, err := m.Run(ctx, q.Previous)
		if err != nil {
			return err
		}
		f.Previous = &previous
		if err := m.whereItStood(ctx, previous, q); err != nil {
			return err
		}
	}
	f.Alerts = []string{}
	err = m.read().SelectContext(ctx, &f.Alerts, `
		SELECT text
		FROM alerts
		WHERE run > ?1 AND (run <= ?2 OR ?2 = 0)
		ORDER BY id`, q.Previous, q.Run)
	return wrap("read alerts", err)
}

func (m *Mirror) whereItStood(ctx context.Context, previous payout.Run, q *FactsQuery) error {
	var stood struct {
		Sequence int64         `db:"sequence"`
		AsOf     payout.Millis `db:"as_of"`
	}
	err := m.read().GetContext(ctx, &stood, `SELECT sequence, as_of FROM reconciliations WHERE run = ?`, previous.ID)
	if errors.Is(err, sql.ErrNoRows) {
		stood.Sequence, stood.AsOf, err = previous.Sequence, previous.Started, nil
	}
	if q.PreviousSequence == 0 {
		q.PreviousSequence = stood.Sequence
	}
	if q.PreviousAsOf == 0 {
		q.PreviousAsOf = stood.AsOf
	}
	return wrap("read the previous run", err)
}

// PreviousRun returns the run whose figures the report of run before compares with: the latest earlier one that reconciled, or
// else that was a nightly run and ended. 0 = there is none. With before 0 it is the latest of all.
func (m *Mirror) PreviousRun(ctx context.Context, before int64) (run int64, err error) {
	err = m.read().GetContext(ctx, &run, `
		SELECT coalesce(
			(SELECT max(run) FROM reconciliations WHERE run < ?1 OR ?1 = 0),
			(SELECT max(id) FROM runs WHERE (id < ?1 OR ?1 = 0) AND command = 'run' AND exit >= 0),
			0)`, before)
	return run, wrap("find the previous run", err)
}

// payoutFacts fills in what stands in the payouts, in one view of the database.
func (m *Mirror) payoutFacts(ctx context.Context, q *FactsQuery, f *payout.Facts) error {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return wrap("read facts", err)
	}
	defer tx.Rollback()
	sum := sumUnits
	if q.CountsOnly {
		sum = noUnits
	}
	if f.Breakdown, err = daySums(ctx, tx, sum, q.Sequence, q.Period); err != nil {
		return wrap("status breakdown", err)
	}
	if f.InFlight, err = inFlight(ctx, tx, q.Sequence); err != nil {
		return wrap("payouts in flight", err)
	}
	if !q.CountsOnly {
		if f.Failures, err = failures(ctx, tx, q.Sequence, q.Period, f.Breakdown); err != nil {
			return wrap("failed payouts", tooLarge(ctx, tx, err))
		}
	}
	f.Changes, err = changes(ctx, tx, q)
	return wrap("changed payouts", err)
}

// inFlight lists the payouts without a final status, oldest first, whatever their age; unknown statuses too, because nobody
// can say that those are over.
func inFlight(ctx context.Context, tx *sqlx.Tx, maxSeq int64) ([]payout.PayoutRef, error) {
	var rows []refRow
	err := tx.SelectContext(ctx, &rows, selectInFlight, maxSeq)
	refs := make([]payout.PayoutRef, len(rows))
	for i := range rows {
		refs[i] = rows[i].ref()
	}
	return refs, err
}

var selectInFlight = `
	SELECT ` + refColumns + `
	FROM (` + viewAt(`payouts`, `final = 0`) + `) AS p
	JOIN payout_versions AS v ON v.seq = p.seq
	ORDER BY p.created, p.id`

// failures counts the dead payouts of the period by status, reason, bank code and currency, most frequent first.
func failures(ctx context.Context, tx *sqlx.Tx, maxSeq int64, p payout.Period, breakdown []payout.StatusCount) ([]payout.FailureCount, error) {
	many, err := isMost(ctx, tx, breakdown)
	if err != nil {
		return nil, err
	}
	list := []payout.FailureCount{}
	err = tx.SelectContext(ctx, &list, selectFailures(many),
		maxSeq, p.From.Start().UnixMilli(), (p.To + 1).Start().UnixMilli(), payout.Rejected, payout.Failed)
	return list, err
}

func selectFailures(many bool) string {
	from := `payouts INDEXED BY payouts_created`
	if many {
		from = `payouts NOT INDEXED`
	}
	return `
	SELECT s.word AS status, v.reason, v.bank_status, c.word AS currency, count(*) AS count, sum(p.units) AS units
	FROM (` + viewAt(from, `created >= ?2 AND created < ?3 AND final = 1 AND status IN (SELECT n FROM words WHERE word IN (?4, ?5))`) + `) AS p
	JOIN payout_versions AS v ON v.seq = p.seq
	JOIN words AS s ON s.n = p.status
	JOIN words AS c ON c.n = p.currency
	GROUP BY s.word, v.reason, v.bank_status, c.word
	ORDER BY count(*) DESC, s.word, v.reason, v.bank_status, c.word`
}

// isMost tells whether the payouts of a breakdown are so many of all that a scan costs less than a look-up each.
func isMost(ctx context.Context, tx *sqlx.Tx, breakdown []payout.StatusCount) (bool, error) {
	var inPeriod, last int64
	for _, b := range breakdown {
		inPeriod += b.Count
	}
	err := tx.GetContext(ctx, &last, `SELECT ifnull(max(n), 0) FROM payouts`)
	return inPeriod > last/4, err
}

// changes lists the payouts of days before the previous report's whose status is another one now than it was then, oldest first.
func changes(ctx context.Context, tx *sqlx.Tx, q *FactsQuery) ([]payout.StatusChange, error) {
	list := []payout.StatusChange{}
	if q.PreviousSequence == 0 || q.PreviousAsOf == 0 {
		return list, nil
	}
	var rows []struct {
		refRow
		Old payout.Status `db:"old"`
		At  payout.Millis `db:"at"`
	}
	err := tx.SelectContext(ctx, &rows, selectChanges, q.Sequence, q.PreviousSequence, q.PreviousAsOf.Day().Start().UnixMilli())
	for i := range rows {
		r := &rows[i]
		list = append(list, payout.StatusChange{
			Payout: r.ref(), Old: r.Old, New: r.Status, At: r.At, Alert: r.Old.Final() && r.Status.Final(),
		})
	}
	return list, err
}

// selectChanges: what stood at version ?2 and was replaced by version ?1, beside what stands at ?1. The present status was first
// seen in the version that replaced the last row with another one.
var selectChanges = `
	SELECT ` + refColumns + `,
		(SELECT word FROM words WHERE n = old.status) AS old,
		(SELECT asked FROM payout_versions WHERE seq = (
			SELECT max(until) FROM payout_past AS x WHERE x.n = p.n AND x.until <= ?1 AND x.status <> p.status)) AS at
	FROM payout_past AS old
	CROSS JOIN (` + viewAt(`payouts`, `true`) + `) AS p ON p.n = old.n
	JOIN payout_versions AS v ON v.seq = p.seq
	WHERE old.until > ?2 AND old.until <= ?1 AND old.seq <= ?2 AND old.created < ?3 AND old.status <> p.status
	ORDER BY p.created, p.id`
