package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// dayRow is a row of table coverage.
type dayRow struct {
	OnBehalfOf  string `db:"on_behalf_of"`
	Day         int64  `db:"day"`
	Known       int    `db:"known"`
	KnownPrint  []byte `db:"known_print"`
	State       uint8  `db:"state"`
	Walk        int64  `db:"walk"`
	Began       int64  `db:"began"`
	Count       int    `db:"count"`
	Fingerprint []byte `db:"fingerprint"`
	Contest     uint8  `db:"contest"`
	ContestedBy int64  `db:"contested_by"`
	Why         string `db:"why"`
}

const (
	dayColumns = "on_behalf_of, day, known, known_print, state, walk, began, count, fingerprint, contest, contested_by, why"
	selectDay  = "SELECT " + dayColumns + " FROM coverage WHERE on_behalf_of = ? AND day = ?"
	upsertDay  = `INSERT INTO coverage (` + dayColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (on_behalf_of, day) DO UPDATE SET known = excluded.known, known_print = excluded.known_print,
		state = excluded.state, walk = excluded.walk, began = excluded.began, count = excluded.count,
		fingerprint = excluded.fingerprint, contest = excluded.contest, contested_by = excluded.contested_by, why = excluded.why`
)

func (r *dayRow) record() payout.DayRecord {
	d := payout.DayRecord{
		DayEvidence: payout.DayEvidence{
			Day: payout.Day(r.Day), OnBehalfOf: r.OnBehalfOf, State: payout.DayState(r.State), Walk: r.Walk,
			Began: payout.Millis(r.Began), Count: r.Count, Why: r.Why,
		},
		Known: r.Known, Contest: payout.Contest(r.Contest), ContestedBy: r.ContestedBy,
	}
	copy(d.Print[:], r.Fingerprint)
	copy(d.KnownPrint[:], r.KnownPrint)
	if d.Walk != 0 {
		d.Fingerprint = d.Print.String()
	}
	return d
}

// day returns the page's working copy of a coverage row. Rows are written back by saveDays.
func (p *pageTx) day(day payout.Day) (*dayRow, error) {
	if r, ok := p.days[day]; ok {
		return r, nil
	}
	r := new(dayRow)
	err := p.stmt(selectDay).GetContext(p.ctx, r, p.c.OnBehalfOf, day)
	if errors.Is(err, sql.ErrNoRows) {
		var none payout.Fingerprint
		*r, err = dayRow{
			OnBehalfOf: p.c.OnBehalfOf, Day: int64(day), State: uint8(payout.DayPartial), KnownPrint: none[:], Fingerprint: none[:],
			Why: "single payouts of it were read, not yet the whole day",
		}, nil
	}
	if err != nil {
		return nil, err
	}
	p.days[day] = r
	return r, nil
}

// addToDay records that this pass showed one more payout of the day. In a day that was shown complete, be it in doubt since,
// there can be no more: the proof was wrong.
func (p *pageTx) addToDay(id string, day payout.Day, hash payout.IDHash) error {
	r, err := p.day(day)
	if err != nil {
		return err
	}
	print := payout.Fingerprint(r.KnownPrint).Add(hash)
	r.Known++
	r.KnownPrint = print[:]
	if payout.DayState(r.State) != payout.DayComplete && !payout.Contest(r.Contest).IsDoubted() {
		return nil
	}
	r.State, r.Contest, r.ContestedBy = uint8(payout.DayPartial), uint8(payout.Disproved), p.walk
	r.Why = fmt.Sprintf("it was shown complete by walk %d, then payout %s turned up", r.Walk, id)
	p.alert("day %s%s was shown complete, but payout %s created that day has turned up since: the day is walked again",
		day, under(p.c.OnBehalfOf), id)
	p.result.Disproved = append(p.result.Disproved, day)
	return nil
}

// under names an onBehalfOfId in a sentence.
func under(onBehalfOf string) string {
	if onBehalfOf == "" {
		return ""
	}
	return " (on behalf of " + onBehalfOf + ")"
}

// prove writes, on a walk's last page, what the walk proves of each of its days, and the coverage rows of the page.
func (p *pageTx) prove() error {
	if p.c.Walk != nil && p.c.End != payout.PageMore {
		for d := p.c.Walk.Days.From; d <= p.c.Walk.Days.To; d++ {
			r, err := p.day(d)
			if err != nil {
				return err
			}
			if err := p.judge(r, p.c.Judge(p.walk, r.record())); err != nil {
				return err
			}
		}
	}
	for _, r := range p.days {
		_, err := p.stmt(upsertDay).ExecContext(p.ctx, r.OnBehalfOf, r.Day, r.Known, r.KnownPrint, r.State, r.Walk, r.Began, r.Count,
			r.Fingerprint, r.Contest, r.ContestedBy, r.Why)
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pageTx) judge(r *dayRow, v payout.DayVerdict) (err error) {
	if v.Contest != payout.Uncontested && (payout.Contest(r.Contest) == payout.Uncontested || payout.Contest(r.Contest) != v.Contest) {
		r.ContestedBy = p.walk
	}
	r.State, r.Contest, r.Why = uint8(v.State), uint8(v.Contest), v.Why
	if v.Counts {
		r.Walk, r.Began, r.Count, r.Fingerprint = p.walk, int64(p.c.Walk.Began), v.Tally.Count, v.Tally.Print[:]
	}
	judged := payout.DayJudged{DayVerdict: v}
	if v.Missed {
		if judged.NotShown, err = p.notShown(r); err != nil {
			return err
		}
	}
	p.result.Judged = append(p.result.Judged, judged)
	return nil
}

// notShown returns the payouts that the mirror knows of a day and the walk has not shown.
func (p *pageTx) notShown(r *dayRow) ([]payout.HeldPayout, error) {
	var rows []heldRow
	from := r.Day * dayMillis
	if err := p.tx.SelectContext(p.ctx, &rows, selectDayHeld, from, from+dayMillis, r.OnBehalfOf, r.OnBehalfOf); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(heldOf(rows), func(h payout.HeldPayout) bool { return p.c.Shown(payout.HashID(h.ID)) }), nil
}

// Coverage tells what is proven of the days of p under each of onBehalfOf; a day that no walk touched is DayNever.
func (m *Mirror) Coverage(ctx context.Context, onBehalfOf []string, p payout.Period) (payout.Coverage, error) {
	c := payout.Coverage{OnBehalfOf: onBehalfOf}
	for _, pass := range onBehalfOf {
		records, err := m.DayRecords(ctx, pass, p)
		if err != nil {
			return payout.Coverage{}, err
		}
		for _, r := range records {
			c.Days = append(c.Days, r.DayEvidence)
		}
	}
	return c, nil
}

// DayRecords returns what is stored of each day of p under one onBehalfOfId, in order, also of days never touched.
func (m *Mirror) DayRecords(ctx context.Context, onBehalfOf string, p payout.Period) ([]payout.DayRecord, error) {
	var rows []dayRow
	err := m.r.SelectContext(ctx, &rows, "SELECT "+dayColumns+" FROM coverage WHERE on_behalf_of = ? AND day BETWEEN ? AND ? ORDER BY day",
		onBehalfOf, p.From, p.To)
	if err != nil {
		return nil, wrap("read coverage", err)
	}
	records := make([]payout.DayRecord, 0, p.Days())
	for d := p.From; d <= p.To; d++ {
		if len(rows) > 0 && payout.Day(rows[0].Day) == d {
			records = append(records, rows[0].record())
			rows = rows[1:]
			continue
		}
		records = append(records, payout.DayRecord{DayEvidence: payout.DayEvidence{
			Day: d, OnBehalfOf: onBehalfOf, State: payout.DayNever, Why: "never asked for",
		}})
	}
	return records, nil
}

// ContestedDays returns the days under one onBehalfOfId whose proof was contradicted, or put in doubt by a walk that was cut
// short, and not yet renewed, in order.
func (m *Mirror) ContestedDays(ctx context.Context, onBehalfOf string) ([]payout.Day, error) {
	days := []payout.Day{}
	err := m.r.SelectContext(ctx, &days, "SELECT day FROM coverage WHERE on_behalf_of = ? AND contest IN (?, ?, ?) ORDER BY day",
		onBehalfOf, payout.Disproved, payout.Doubted, payout.UntoldDoubted)
	return days, wrap("read coverage", err)
}

// UntoldDays returns the days under one onBehalfOfId that are payout.Untold, in order.
func (m *Mirror) UntoldDays(ctx context.Context, onBehalfOf string) ([]payout.Day, error) {
	days := []payout.Day{}
	err := m.r.SelectContext(ctx, &days, "SELECT day FROM coverage WHERE on_behalf_of = ? AND contest = ? ORDER BY day", onBehalfOf, payout.Untold)
	return days, wrap("read coverage", err)
}

// tellOfDay keeps what else speaks against the day.
const tellOfDay = `UPDATE coverage SET contest = CASE contest WHEN ? THEN ? ELSE ? END,
	contested_by = CASE contest WHEN ? THEN 0 ELSE contested_by END WHERE on_behalf_of = ? AND day = ? AND contest IN (?, ?)`

// TellOfDays keeps alerts and, in the same transaction, that days by onBehalfOfId are untold no more: payout.Untold becomes
// payout.Uncontested, and payout.UntoldDoubted payout.Doubted.
func (m *Mirror) TellOfDays(ctx context.Context, run int64, alerts []string, told map[string][]payout.Day) error {
	ctx = context.WithoutCancel(ctx)
	return wrap("keep alerts", m.write(ctx, func(tx *sqlx.Tx) error {
		if err := addAlerts(ctx, tx, run, payout.MillisOf(m.clock()), alerts); err != nil {
			return err
		}
		for pass, days := range told {
			for _, d := range days {
				if _, err := tx.ExecContext(ctx, tellOfDay, payout.Untold, payout.Uncontested, payout.Doubted,
					payout.Untold, pass, d, payout.Untold, payout.UntoldDoubted); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// Span returns the first and the last day of which anything is known under any onBehalfOfId; ok is false when nothing is.
func (m *Mirror) Span(ctx context.Context) (p payout.Period, ok bool, err error) {
	var row struct {
		From sql.NullInt64 `db:"first"`
		To   sql.NullInt64 `db:"last"`
	}
	err = m.r.GetContext(ctx, &row, "SELECT min(day) AS first, max(day) AS last FROM coverage")
	return payout.Period{From: payout.Day(row.From.Int64), To: payout.Day(row.To.Int64)}, row.From.Valid, wrap("read coverage", err)
}

// selectDayHeld lists what one pass has shown of the payouts created in a range of instants.
const selectDayHeld = `SELECT p.n, p.id, w.word AS on_behalf_of, p.created
	FROM payouts p INDEXED BY payouts_created CROSS JOIN words w ON w.n = p.on_behalf_of WHERE p.created >= ? AND p.created < ?
	AND (p.on_behalf_of = (SELECT n FROM words WHERE word = ?)
		OR EXISTS (SELECT 1 FROM payout_also a WHERE a.n = p.n AND a.on_behalf_of = (SELECT n FROM words WHERE word = ?)))
	ORDER BY p.created, p.id`

// DayHeld returns the payouts created on a day that one onBehalfOfId has shown, by creation.
func (m *Mirror) DayHeld(ctx context.Context, onBehalfOf string, day payout.Day) ([]payout.HeldPayout, error) {
	from := int64(day) * dayMillis
	return m.held(ctx, selectDayHeld, from, from+dayMillis, onBehalfOf, onBehalfOf)
}

// DayIDs returns the ids of DayHeld.
func (m *Mirror) DayIDs(ctx context.Context, onBehalfOf string, day payout.Day) ([]string, error) {
	held, err := m.DayHeld(ctx, onBehalfOf, day)
	ids := make([]string, len(held))
	for i, h := range held {
		ids[i] = h.ID
	}
	return ids, err
}
