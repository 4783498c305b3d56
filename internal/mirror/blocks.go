package mirror

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

const (
	blockWorkers = 2    // connections that read at once
	blockRows    = 4096 // rows a block: small enough to stay in a processor's cache
)

// Blocks gives all payouts as they stood at version maxSeq (0 = the newest) to fn, in blocks, from two connections at once:
// worker is 0 or 1, and fn is called by one goroutine per worker. The order of payouts is not defined. The slice is used
// again for the worker's next block; the strings stay valid, and keep the pages alive of which they are parts. An error of
// fn ends the reading and is returned.
//
// The view is exact also while a writer commits. The version is fixed first; each worker then reads in a transaction of its
// own, leaves out rows that stand at a later version, and takes for those what stood before from payout_past.
func (m *Mirror) Blocks(ctx context.Context, maxSeq int64, fn func(worker int, rows []payout.Row) error) error {
	maxSeq, err := m.fixSequence(ctx, maxSeq)
	if err != nil {
		return err
	}
	var last int64
	if err := m.read().GetContext(ctx, &last, `SELECT ifnull(max(n), 0) FROM payouts`); err != nil {
		return wrap("read payouts", err)
	}
	words, err := wordList(ctx, m.read())
	if err != nil {
		return err
	}
	var next atomic.Int64 // payouts.n up to which ranges have been handed out
	group, ctx := errgroup.WithContext(ctx)
	for worker := range blockWorkers {
		group.Go(func() error {
			r := &blockReader{maxSeq: maxSeq, words: words}
			if err := r.begin(ctx, m.read()); err != nil {
				return wrap("read payouts", err)
			}
			defer r.end()
			for {
				through := next.Add(blockRows)
				if through-blockRows >= last {
					return nil
				}
				if err := r.block(ctx, through-blockRows, through); err != nil {
					return wrap("read payouts", err)
				}
				if err := fn(worker, r.rows); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

// fixSequence turns 0 into the newest version there is now.
func (m *Mirror) fixSequence(ctx context.Context, maxSeq int64) (int64, error) {
	if maxSeq != 0 {
		return maxSeq, nil
	}
	return m.Sequence(ctx)
}

// wordList is wordsByNumber as a slice: the look-up is needed three times a row.
func wordList(ctx context.Context, q sqlx.QueryerContext) ([]string, error) {
	byNumber, err := wordsByNumber(ctx, q)
	if err != nil {
		return nil, err
	}
	top := int64(-1)
	for n := range byNumber {
		top = max(top, n)
	}
	words := make([]string, top+1)
	for n, word := range byNumber {
		words[n] = word
	}
	return words, nil
}

// blockReader is one worker's transaction and what it reads into.
type blockReader struct {
	maxSeq int64
	words  []string
	tx     *sqlx.Tx
	pages  *tablePages // nil: everything is read in SQL
	column rowColumns
	record fields
	rows   []payout.Row
	newer  int // rows of this block that stand at a later version
}

// rowColumns says where in a record of table payouts the fields of a payout.Row stand.
type rowColumns struct {
	id, refID, account, units, currency, status, created, changed, onBehalfOf, seq int
	count                                                                          int // columns to take apart
}

func (r *blockReader) begin(ctx context.Context, db *sqlx.DB) (err error) {
	if r.tx, err = db.BeginTxx(ctx, nil); err != nil {
		return err
	}
	r.rows = make([]payout.Row, 0, blockRows)
	pages, err := openTablePages(ctx, r.tx, "payouts")
	if errors.Is(err, errLayout) && ctx.Err() == nil {
		return nil
	}
	if err != nil {
		return errors.Join(err, r.tx.Rollback())
	}
	c := &r.column
	for name, to := range map[string]*int{
		"id": &c.id, "ref_id": &c.refID, "account": &c.account, "units": &c.units, "currency": &c.currency, "status": &c.status,
		"created": &c.created, "changed": &c.changed, "on_behalf_of": &c.onBehalfOf, "seq": &c.seq,
	} {
		position, ok := pages.column[name]
		if !ok {
			return errors.Join(fmt.Errorf("table payouts has no column %s", name), pages.close(), r.tx.Rollback())
		}
		*to, c.count = position, max(c.count, position+1)
	}
	r.pages = pages
	return nil
}

func (r *blockReader) end() {
	if r.pages != nil {
		r.pages.close()
	}
	r.tx.Rollback() // nothing was written
}

// block fills r.rows with the payouts whose n lies in (after, through].
func (r *blockReader) block(ctx context.Context, after, through int64) error {
	r.rows, r.newer = r.rows[:0], 0
	err := errLayout
	if r.pages != nil {
		err = r.pages.records(ctx, after, through, r.take)
	}
	if errors.Is(err, errLayout) {
		r.rows, r.newer = r.rows[:0], 0
		err = r.selectRows(ctx, `FROM payouts WHERE n > ? AND n <= ?`, after, through)
	}
	if err != nil || r.newer == 0 {
		return err
	}
	return r.selectRows(ctx, `FROM payout_past WHERE n > ? AND n <= ? AND until > ? AND seq <= ?`, after, through, r.maxSeq, r.maxSeq)
}

// take adds the payout in a record.
func (r *blockReader) take(_ int64, record string) error {
	f, c := &r.record, &r.column
	if !f.split(record, c.count) {
		return errLayout
	}
	seq, ok := f.integer(c.seq)
	if !ok {
		return errLayout
	}
	if seq > r.maxSeq {
		r.newer++
		return nil
	}
	r.rows = append(r.rows, payout.Row{})
	row := &r.rows[len(r.rows)-1]
	var ok1, ok2, ok3, ok4, ok5, ok6, ok7, ok8, ok9 bool
	row.ID, ok1 = f.text(c.id)
	row.RefID, ok2 = f.text(c.refID)
	row.Account, ok3 = f.text(c.account)
	row.Units, ok4 = f.integer(c.units)
	currency, ok5 := f.integer(c.currency)
	status, ok6 := f.integer(c.status)
	created, ok7 := f.integer(c.created)
	changed, ok8 := f.integer(c.changed)
	onBehalfOf, ok9 := f.integer(c.onBehalfOf)
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7 && ok8 && ok9) {
		return errLayout
	}
	row.Created, row.Changed, row.Version = payout.Millis(created), payout.Millis(changed), seq
	return r.setWords(row, currency, status, onBehalfOf)
}

// setWords fills in what stands in table words.
func (r *blockReader) setWords(row *payout.Row, currency, status, onBehalfOf int64) error {
	top := uint64(len(r.words))
	if uint64(currency) >= top || uint64(status) >= top || uint64(onBehalfOf) >= top {
		return fmt.Errorf("payout %s: currency, status or on_behalf_of is not in table words: the database is damaged, restore a backup", row.ID)
	}
	row.Currency, row.Status, row.OnBehalfOf = r.words[currency], payout.Status(r.words[status]), r.words[onBehalfOf]
	return nil
}

// selectRows adds the payouts that the rest of the statement chooses, in SQL.
func (r *blockReader) selectRows(ctx context.Context, from string, args ...any) error {
	rows, err := r.tx.QueryContext(ctx, `
		SELECT id, ref_id, account, units, currency, status, created, changed, on_behalf_of, seq `+from+` ORDER BY n`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row payout.Row
		var currency, status, onBehalfOf, seq int64
		if err := rows.Scan(&row.ID, &row.RefID, &row.Account, &row.Units, &currency, &status, &row.Created, &row.Changed, &onBehalfOf, &seq); err != nil {
			return err
		}
		if seq > r.maxSeq {
			r.newer++
			continue
		}
		row.Version = seq
		if err := r.setWords(&row, currency, status, onBehalfOf); err != nil {
			return err
		}
		r.rows = append(r.rows, row)
	}
	return rows.Err()
}
