package mirror

import (
	"context"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// dayMillis is one day in milliseconds.
const dayMillis = 86_400_000

// heldRow is a payout with the pass it belongs to.
type heldRow struct {
	N          int64  `db:"n"`
	ID         string `db:"id"`
	OnBehalfOf string `db:"on_behalf_of"`
	Created    int64  `db:"created"`
}

// The joins are CROSS JOINs because SQLite keeps their order: it has no statistics, and must never read all payouts.
const (
	selectOpen = `SELECT p.n, p.id, w.word AS on_behalf_of, p.created
		FROM payouts p INDEXED BY payouts_open CROSS JOIN words w ON w.n = p.on_behalf_of
		WHERE p.final = 0 ORDER BY p.created, p.id`

	// A payout that is final since less than lookback and was created before the windows took more than a day for it,
	// but for those created shortly before the windows begin. When it became final is what the API dates and, because it
	// may date nothing, when we heard of it: that is found in the past, from the last run on that had ended before.
	// And one that is final and has vanished since less than lookback: the API may show it again.
	selectLateFinals = `SELECT late.n, late.id, w.word AS on_behalf_of, late.created FROM (
			SELECT n, id, on_behalf_of, created FROM payouts INDEXED BY payouts_slow
			WHERE changed > created + 86400000 AND changed >= ? AND final = 1 AND (created < ? OR created >= ?)
			UNION
			SELECT n, id, on_behalf_of, created FROM payouts INDEXED BY payouts_created
			WHERE created >= ? AND created < ? AND changed >= ? AND final = 1
			UNION
			SELECT n, id, on_behalf_of, created FROM payouts INDEXED BY payouts_created
			WHERE created >= ? AND changed >= ? AND final = 1
			UNION
			SELECT p.n, p.id, p.on_behalf_of, p.created FROM payout_past t CROSS JOIN payouts p ON p.n = t.n
			CROSS JOIN payout_versions v ON v.seq = t.until
			WHERE t.until > (SELECT ifnull(max(sequence), 0) FROM runs WHERE ended > 0 AND ended < ?)
				AND (t.created < ? OR t.created >= ?) AND t.status <> p.status AND p.final = 1 AND v.asked >= ?
			UNION
			SELECT p.n, p.id, p.on_behalf_of, p.created FROM vanished g CROSS JOIN payouts p ON p.n = g.payout
			WHERE g.at >= ? AND p.final = 1 AND (p.created < ? OR p.created >= ?)
		) late CROSS JOIN words w ON w.n = late.on_behalf_of
		ORDER BY late.created, late.id`

	selectVanished = `SELECT p.n, p.id, w.word AS on_behalf_of, p.created FROM vanished v CROSS JOIN payouts p ON p.n = v.payout
		CROSS JOIN words w ON w.n = p.on_behalf_of ORDER BY p.created, p.id`

	insertVanished = "INSERT OR IGNORE INTO vanished (payout, run, at) VALUES (?, ?, ?)"

	selectAlso = "SELECT w.word FROM payout_also a JOIN words w ON w.n = a.on_behalf_of WHERE a.n = ? ORDER BY w.word"
)

// HeldOpen returns every payout whose status is not final, whatever its age, oldest first.
func (m *Mirror) HeldOpen(ctx context.Context) ([]payout.HeldPayout, error) {
	return m.held(ctx, selectOpen)
}

// LateFinals returns the payouts that became final at or after since, by the API's date or when it was heard, or are final and
// have vanished since then, and were created outside of the days of walked.
func (m *Mirror) LateFinals(ctx context.Context, since payout.Millis, walked payout.Period) ([]payout.HeldPayout, error) {
	from, to := int64(walked.From)*dayMillis, int64(walked.To+1)*dayMillis
	// created outside the windows and final within a day of that: created at or after since - one day
	return m.held(ctx, selectLateFinals, since, from, to, int64(since)-dayMillis, from, since, max(to, int64(since)-dayMillis), since,
		since, from, to, since, since, from, to)
}

func (m *Mirror) held(ctx context.Context, query string, args ...any) ([]payout.HeldPayout, error) {
	var rows []heldRow
	if err := m.r.SelectContext(ctx, &rows, query, args...); err != nil {
		return nil, wrap("read payouts to ask for", err)
	}
	return heldOf(rows), nil
}

func heldOf(rows []heldRow) []payout.HeldPayout {
	held := make([]payout.HeldPayout, len(rows))
	for i, r := range rows {
		held[i] = payout.HeldPayout{N: r.N, ID: r.ID, OnBehalfOf: r.OnBehalfOf, Created: payout.Millis(r.Created)}
	}
	return held
}

// AlsoShownTo returns which of the payouts another onBehalfOfId has shown too, by number.
func (m *Mirror) AlsoShownTo(ctx context.Context, held []payout.HeldPayout) (map[int64][]string, error) {
	also := map[int64][]string{}
	for _, h := range held {
		var passes []string
		if err := m.r.SelectContext(ctx, &passes, selectAlso, h.N); err != nil {
			return nil, wrap("read onBehalfOfIds", err)
		}
		if len(passes) > 0 {
			also[h.N] = passes
		}
	}
	return also, nil
}

// MarkVanished records payouts that the API does not show any more and, in the same transaction, the alerts that tell makes of
// those that were not recorded before; it returns these alerts. The payouts stay in the mirror; one that shows again is no
// longer vanished.
func (m *Mirror) MarkVanished(ctx context.Context, run int64, gone []payout.HeldPayout, tell func(fresh []payout.HeldPayout) []string) (alerts []string, err error) {
	if len(gone) == 0 {
		return nil, nil
	}
	m.writer.mu.Lock()
	defer m.writer.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	at := payout.MillisOf(m.clock())
	err = m.write(ctx, func(tx *sqlx.Tx) error {
		var fresh []payout.HeldPayout
		for _, h := range gone {
			result, err := tx.ExecContext(ctx, insertVanished, h.N, run, at)
			if err != nil {
				return err
			}
			if added, err := result.RowsAffected(); err != nil {
				return err
			} else if added > 0 {
				fresh = append(fresh, h)
			}
		}
		alerts = tell(fresh)
		return addAlerts(ctx, tx, run, at, alerts)
	})
	m.writer.loaded = false
	return alerts, wrap("mark vanished payouts", err)
}

// Vanished returns the payouts that the API does not show any more, oldest first.
func (m *Mirror) Vanished(ctx context.Context) ([]payout.HeldPayout, error) {
	return m.held(ctx, selectVanished)
}

// Vanishing is a payout that the API does not show any more, and which run found that.
type Vanishing struct {
	ID         string        `json:"id"                     db:"id"`
	OnBehalfOf string        `json:"on_behalf_of,omitempty" db:"on_behalf_of"`
	Created    payout.Millis `json:"created"                db:"created"`
	Run        int64         `json:"run"                    db:"run"`
	At         payout.Millis `json:"at"                     db:"at"`
}

const selectVanishings = `SELECT p.id, w.word AS on_behalf_of, p.created, v.run, v.at FROM vanished v
	CROSS JOIN payouts p ON p.n = v.payout CROSS JOIN words w ON w.n = p.on_behalf_of`

// Vanishings is Vanished with the runs that found it out, oldest payout first.
func (m *Mirror) Vanishings(ctx context.Context) ([]Vanishing, error) {
	list := []Vanishing{}
	return list, wrap("read vanished payouts", m.r.SelectContext(ctx, &list, selectVanishings+" ORDER BY p.created, p.id"))
}

// VanishingOf returns how a payout vanished; nil when the API shows it, or the mirror does not hold it.
func (m *Mirror) VanishingOf(ctx context.Context, id string) (*Vanishing, error) {
	numbers, err := numbersOf(ctx, m.r, []string{id})
	if err != nil {
		return nil, err
	}
	var list []Vanishing
	err = m.r.SelectContext(ctx, &list, selectVanishings+" WHERE v.payout = ?", numbers[id])
	if err != nil || len(list) == 0 {
		return nil, wrap("read vanished payout", err)
	}
	return &list[0], nil
}

// SyncStart returns the first day of nightly runs; ok is false before the first sync.
func (m *Mirror) SyncStart(ctx context.Context) (day payout.Day, ok bool, err error) {
	text, err := getMeta(ctx, m.r, metaSyncStart)
	if err != nil || text == "" {
		return 0, false, wrap("read first day of nightly runs", err)
	}
	day, err = payout.ParseDay(text)
	return day, true, wrap("read first day of nightly runs", err)
}

// SetSyncStart sets the first day of nightly runs.
func (m *Mirror) SetSyncStart(ctx context.Context, day payout.Day) error {
	return wrap("set first day of nightly runs", m.write(ctx, func(tx *sqlx.Tx) error {
		return setMeta(ctx, tx, metaSyncStart, day.String())
	}))
}

// AddAlerts keeps what a person should know, found by a run.
func (m *Mirror) AddAlerts(ctx context.Context, run int64, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	return wrap("keep alerts", m.write(ctx, func(tx *sqlx.Tx) error {
		return addAlerts(ctx, tx, run, payout.MillisOf(m.clock()), texts)
	}))
}

func addAlerts(ctx context.Context, tx *sqlx.Tx, run int64, at payout.Millis, texts []string) error {
	for _, text := range texts {
		if err := addAlert(ctx, tx, run, at, text); err != nil {
			return err
		}
	}
	return nil
}

func addAlert(ctx context.Context, tx *sqlx.Tx, run int64, at payout.Millis, text string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO alerts (run, at, text) VALUES (?, ?, ?)", run, at, text)
	return err
}
