package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// How control totals stay cheap and independent.
//
// The control totals of matching must not come from the rows that matching read, and grouping a million rows in SQL takes two
// seconds. So table payout_days keeps counts and sums by day, onBehalfOfId, currency and status as of one version S (meta
// 'summed_through'), and every question is answered as "what stood at S, plus what came, less what went, between S and the
// version asked for".
//
// A row stands from its version seq until the version that replaces it. Between an earlier version A and a later version B,
//
//	came: rows that stand at B and have seq in (A, B]
//	went: rows that stood at A and were replaced by a version in (A, B]
//
// and the other way round when S is the later one.

// metaSummedThrough is the name in table meta of the version that payout_days shows.
const metaSummedThrough = "summed_through"

// sumStep is how many versions SumDays takes into one transaction.
const sumStep = 500_000

// createdDay is the UTC day of payouts.created, also before 1970.
const createdDay = `((created - CASE WHEN created < 0 THEN 86399999 ELSE 0 END) / 86400000)`

// SumDays brings the daily sums to the newest version, so that Sums and Facts need not look at single payouts. It is called
// at the end of whatever committed pages; the figures are right without it, but slower.
func (m *Mirror) SumDays(ctx context.Context) error {
	newest, err := m.Sequence(ctx)
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := m.write(ctx, func(tx *sqlx.Tx) error {
			from, err := summedThrough(ctx, tx)
			if err != nil || from >= newest {
				done = true
				return err
			}
			to := min(newest, from+sumStep)
			if err := addToDays(ctx, tx, from, to); err != nil {
				return err
			}
			return setMeta(ctx, tx, metaSummedThrough, strconv.FormatInt(to, 10))
		})
		if err != nil {
			return wrap("sum days", err)
		}
	}
	return nil
}

// dayGroup is the key of payout_days.
type dayGroup struct {
	day                          payout.Day
	onBehalfOf, currency, status int64
}

type daySumUnits struct{ count, units int64 }

// addToDays adds what moved between two versions to the daily sums.
func addToDays(ctx context.Context, tx *sqlx.Tx, from, to int64) error {
	sums, err := movedSums(ctx, tx, from, to)
	if err != nil {
		return tooLarge(ctx, tx, err)
	}
	upsert, err := tx.PrepareContext(ctx, `
		INSERT INTO payout_days (day, on_behalf_of, currency, status, count, units) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET
			count = count + excluded.count,
			units = units + excluded.units`)
	if err != nil {
		return err
	}
	defer upsert.Close()
	for g, sum := range sums {
		if _, err := upsert.ExecContext(ctx, int64(g.day), g.onBehalfOf, g.currency, g.status, sum.count, sum.units); err != nil {
			return tooLarge(ctx, tx, err)
		}
	}
	return nil
}

// movedSums adds up what moved between two versions. It adds in Go: SQLite would sort the rows to group them, which takes
// twice as long.
func movedSums(ctx context.Context, tx *sqlx.Tx, from, to int64) (map[dayGroup]daySumUnits, error) {
	many, err := isMany(ctx, tx, to-from)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, moved(many), from, to, 1, -1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	sums := map[dayGroup]daySumUnits{}
	for rows.Next() {
		var sign, created, units int64
		var g dayGroup
		if err := rows.Scan(&sign, &created, &g.onBehalfOf, &g.currency, &g.status, &units); err != nil {
			return nil, err
		}
		g.day = payout.Millis(created).Day()
		sum, add := sums[g], money.AddUnits
		if sign < 0 {
			add = money.SubUnits
		}
		if sum.units, err = add(sum.units, units); err != nil {
			return nil, err
		}
		sum.count += sign
		sums[g] = sum
	}
	return sums, rows.Err()
}

// tooLarge says in words that a sum left the range of int64, by a money.ErrOverflow that names the largest payout. SQLite's
// sum() fails then; adding two sums gives a REAL, which the STRICT table refuses.
func tooLarge(ctx context.Context, q sqlx.QueryerContext, err error) error {
	if err == nil || !errors.Is(err, money.ErrOverflow) && !strings.Contains(err.Error(), "integer overflow") &&
		!strings.Contains(err.Error(), "cannot store REAL value in INTEGER column payout_days.units") {
		return err
	}
	var p struct {
		ID       string        `db:"id"`
		Units    int64         `db:"units"`
		Currency string        `db:"currency"`
		Created  payout.Millis `db:"created"`
	}
	if found := sqlx.GetContext(ctx, q, &p, selectLargest); found != nil {
		return errors.Join(err, found)
	}
	return fmt.Errorf("the sum of payouts exceeds what can be held: the largest is %s, created %s, of %s: ask the provider about it, or choose a period without that day: %w",
		p.ID, p.Created.Day(), money.New(p.Units, p.Currency), money.ErrOverflow)
}

const selectLargest = `
	SELECT p.id, p.units, c.word AS currency, p.created
	FROM payouts AS p NOT INDEXED
	JOIN words AS c ON c.n = p.currency
	ORDER BY abs(p.units) DESC, p.n
	LIMIT 1`

func summedThrough(ctx context.Context, q sqlx.QueryerContext) (int64, error) {
	text, err := getMeta(ctx, q, metaSummedThrough)
	if err != nil || text == "" {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// moved selects what came (with sign ?3) and what went (with sign ?4) between versions ?1 and ?2. When much did, a scan of
// payouts costs less than a look-up each.
func moved(many bool) string {
	const columns = `created, on_behalf_of, currency, status, units`
	standing := `
		SELECT ?3 AS sign, created, p.on_behalf_of, currency, p.status, units
		FROM payout_versions AS v CROSS JOIN payouts AS p ON p.n = v.payout AND p.seq = v.seq
		WHERE v.seq > ?1 AND v.seq <= ?2`
	if many {
		standing = `
		SELECT ?3 AS sign, ` + columns + `
		FROM payouts NOT INDEXED
		WHERE seq > ?1 AND seq <= ?2`
	}
	return standing + `
		UNION ALL
		SELECT ?3 AS sign, ` + columns + `
		FROM payout_past
		WHERE until > ?2 AND seq > ?1 AND seq <= ?2
		UNION ALL
		SELECT ?4 AS sign, ` + columns + `
		FROM payout_past
		WHERE until > ?1 AND until <= ?2 AND seq <= ?1`
}

// isMany tells whether so many versions are better found by a scan of payouts.
func isMany(ctx context.Context, q sqlx.QueryerContext, versions int64) (bool, error) {
	var last int64
	err := sqlx.GetContext(ctx, q, &last, `SELECT ifnull(max(n), 0) FROM payouts`)
	return versions > last/8, err
}

// daySum is a row of payout_days, in words.
type daySum = payout.StatusCount

// What daySums gives as sums.
const (
	sumUnits = `sum(units)`
	noUnits  = `0`
)

// daySums returns the payouts created in p as they stood at version maxSeq, counted and summed by day, onBehalfOfId, currency
// and status; the order is that of the words' numbers, and combinations without a payout are left out.
func daySums(ctx context.Context, q sqlx.QueryerContext, units string, maxSeq int64, p payout.Period) ([]daySum, error) {
	if p.Days() == 0 {
		return nil, nil
	}
	summed, err := summedThrough(ctx, q)
	if err != nil {
		return nil, err
	}
	from, to, came, went := summed, maxSeq, 1, -1
	if maxSeq < summed {
		from, to, came, went = maxSeq, summed, -1, 1
	}
	many, err := isMany(ctx, q, to-from)
	if err != nil {
		return nil, err
	}
	first, end := p.From.Start().UnixMilli(), (p.To + 1).Start().UnixMilli()
	var sums []daySum
	err = sqlx.SelectContext(ctx, q, &sums, `
		SELECT s.word AS status, c.word AS currency, day, o.word AS on_behalf_of, sum(count) AS count, `+units+` AS units
		FROM (
			SELECT day, on_behalf_of, currency, status, count, units
			FROM payout_days
			WHERE day >= ?7 AND day <= ?8
			UNION ALL
			SELECT `+createdDay+`, on_behalf_of, currency, status, sign, sign * units
			FROM (`+moved(many)+`)
			WHERE created >= ?5 AND created < ?6
		) AS d
		JOIN words AS s ON s.n = d.status
		JOIN words AS c ON c.n = d.currency
		JOIN words AS o ON o.n = d.on_behalf_of
		GROUP BY day, d.on_behalf_of, d.currency, d.status
		HAVING sum(count) <> 0
		ORDER BY day, d.on_behalf_of, d.currency, d.status`,
		from, to, came, went, first, end, int64(p.From), int64(p.To))
	return sums, tooLarge(ctx, q, err)
}

// Sums counts and sums the payouts created in p as they stood at version maxSeq (0 = the newest), by currency and status, in
// that order. It reads the daily sums, and nothing that Blocks gives out. A sum that does not fit into an int64 is an error.
func (m *Mirror) Sums(ctx context.Context, maxSeq int64, p payout.Period) ([]payout.Sum, error) {
	tx, err := m.read().BeginTxx(ctx, nil) // one view: summed_through and payout_days go together
	if err != nil {
		return nil, wrap("sum payouts", err)
	}
	defer tx.Rollback()
	if maxSeq == 0 {
		if err := tx.GetContext(ctx, &maxSeq, `SELECT ifnull(max(seq), 0) FROM payout_versions`); err != nil {
			return nil, wrap("sum payouts", err)
		}
	}
	days, err := daySums(ctx, tx, sumUnits, maxSeq, p)
	if err != nil {
		return nil, wrap("sum payouts", err)
	}
	sums, err := sumByStatus(days)
	return sums, tooLarge(ctx, tx, err)
}

// sumByStatus adds days and onBehalfOfIds up.
func sumByStatus(days []daySum) ([]payout.Sum, error) {
	type group struct {
		currency string
		status   payout.Status
	}
	byGroup := map[group]*payout.Sum{}
	for _, d := range days {
		g := group{d.Currency, d.Status}
		s := byGroup[g]
		if s == nil {
			s = &payout.Sum{Currency: d.Currency, Status: d.Status}
			byGroup[g] = s
		}
		var err error
		s.Count += d.Count
		if s.Units, err = money.AddUnits(s.Units, d.Units); err != nil {
			return nil, err
		}
	}
	sums := make([]payout.Sum, 0, len(byGroup))
	for _, s := range byGroup {
		sums = append(sums, *s)
	}
	sortSums(sums)
	return sums, nil
}

func sortSums(sums []payout.Sum) {
	slices.SortFunc(sums, func(a, b payout.Sum) int {
		return cmp.Or(cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Status, b.Status))
	})
}
