package mirror

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// walkRow is a row of table walks.
type walkRow struct {
	ID         int64  `db:"id"`
	Run        int64  `db:"run"`
	Task       string `db:"task"`
	OnBehalfOf string `db:"on_behalf_of"`
	From       int64  `db:"from_day"`
	To         int64  `db:"to_day"`
	Query      string `db:"query"`
	Began      int64  `db:"began"`
	Cursor     string `db:"cursor"`
	CursorAt   int64  `db:"cursor_at"`
	Pages      int    `db:"pages"`
	Rows       int    `db:"rows"`
}

// walkState is how a walk stands after a page.
func walkState(end payout.PageEnd) string {
	switch end {
	case payout.PageRegular:
		return "regular"
	case payout.PageUnsure:
		return "unsure"
	}
	return "open"
}

// moveWalk writes where the page's walk stands after it, and returns that. A walk's first page creates it.
func (p *pageTx) moveWalk(now payout.Millis) (payout.Walk, error) {
	if p.c.Walk == nil {
		return payout.Walk{}, nil
	}
	w := *p.c.Walk
	w.Pages++
	w.Rows += len(p.c.Payouts)
	w.Cursor, w.CursorAt = p.c.Next, p.c.Asked
	state, ended := walkState(p.c.End), payout.Millis(0)
	if state != "open" {
		ended = now
	}
	if err := p.storeWalk(&w, state, ended); err != nil {
		return w, err
	}
	p.walk = w.ID
	if state == "open" {
		_, err := p.stmt(insertWalkPage).ExecContext(p.ctx, w.ID, w.Pages, packSeen(p.c.Seen))
		return w, err
	}
	_, err := p.stmt(deleteWalkPages).ExecContext(p.ctx, w.ID)
	return w, err
}

const (
	insertWalk = `INSERT INTO walks (run, task, on_behalf_of, from_day, to_day, query, began, cursor, cursor_at,
		pages, rows, state, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`

	updateWalk = `UPDATE walks SET to_day = ?, cursor = ?, cursor_at = ?, pages = ?, rows = ?, state = ?, ended = ?
		WHERE id = ? AND pages = ? AND state = 'open'`

	insertWalkPage  = "INSERT INTO walk_pages (walk, page, seen) VALUES (?, ?, ?)"
	deleteWalkPages = "DELETE FROM walk_pages WHERE walk = ?"
)

func (p *pageTx) storeWalk(w *payout.Walk, state string, ended payout.Millis) error {
	if w.ID == 0 {
		query, err := json.Marshal(w.Query)
		if err != nil {
			return err
		}
		return p.stmt(insertWalk).GetContext(p.ctx, &w.ID, w.Run, w.Task, w.OnBehalfOf,
			w.Days.From, w.Days.To, string(query), w.Began, w.Cursor, w.CursorAt, w.Pages, w.Rows, state, ended)
	}
	result, err := p.stmt(updateWalk).ExecContext(p.ctx, w.Days.To, w.Cursor, w.CursorAt, w.Pages, w.Rows, state, ended, w.ID, w.Pages-1)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("walk %d: %w", w.ID, payout.ErrWalkLost)
	}
	return nil
}

const seenSize = 20

func packSeen(seen []payout.Seen) []byte {
	blob := make([]byte, 0, seenSize*len(seen))
	for _, s := range seen {
		blob = append(blob, s.Hash[:]...)
		blob = binary.LittleEndian.AppendUint32(blob, uint32(s.Day))
	}
	return blob
}

func unpackSeen(seen []payout.Seen, blob []byte) []payout.Seen {
	for ; len(blob) >= seenSize; blob = blob[seenSize:] {
		seen = append(seen, payout.Seen{
			Hash: payout.IDHash(blob[:16]),
			Day:  payout.Day(int32(binary.LittleEndian.Uint32(blob[16:]))),
		})
	}
	return seen
}

// OpenWalks returns the walks of a task that were begun and neither ended nor dropped, oldest first.
func (m *Mirror) OpenWalks(ctx context.Context, task string) ([]payout.Walk, error) {
	var rows []walkRow
	err := m.r.SelectContext(ctx, &rows, `SELECT id, run, task, on_behalf_of, from_day, to_day, query, began, cursor, cursor_at, pages, rows
		FROM walks WHERE state = 'open' AND task = ? ORDER BY id`, task)
	if err != nil {
		return nil, wrap("read walks", err)
	}
	walks := make([]payout.Walk, 0, len(rows))
	for _, r := range rows {
		w := payout.Walk{
			ID: r.ID, Run: r.Run, Task: r.Task, OnBehalfOf: r.OnBehalfOf, Days: payout.Period{From: payout.Day(r.From), To: payout.Day(r.To)},
			Began: payout.Millis(r.Began), Cursor: r.Cursor, CursorAt: payout.Millis(r.CursorAt), Pages: r.Pages, Rows: r.Rows,
		}
		if err := json.Unmarshal([]byte(r.Query), &w.Query); err != nil {
			return nil, wrap(fmt.Sprintf("read query of walk %d", r.ID), err)
		}
		walks = append(walks, w)
	}
	return walks, nil
}

// OpenNight returns when the nightly work began that has not come to its end, and the last walk begun before it; began is 0
// when there is none. Walks are told apart by number because their instants may be another clock's.
func (m *Mirror) OpenNight(ctx context.Context) (began payout.Millis, lastWalk int64, err error) {
	text, err := getMeta(ctx, m.r, metaNight)
	if err != nil || text == "" {
		return 0, 0, wrap("read the night's beginning", err)
	}
	_, err = fmt.Sscanf(text, "%d %d", &began, &lastWalk)
	return began, lastWalk, wrap("read the night's beginning", err)
}

// BeginNight remembers that nightly work began.
func (m *Mirror) BeginNight(ctx context.Context, at payout.Millis) error {
	return wrap("keep the night's beginning", m.write(ctx, func(tx *sqlx.Tx) error {
		var lastWalk int64
		if err := tx.GetContext(ctx, &lastWalk, "SELECT ifnull(max(id), 0) FROM walks"); err != nil {
			return err
		}
		return setMeta(ctx, tx, metaNight, fmt.Sprintf("%d %d", at, lastWalk))
	}))
}

// EndNight keeps that nightly work came to its end, and when it had begun: see LastNight.
func (m *Mirror) EndNight(ctx context.Context) error {
	return wrap("keep the night's end", m.write(ctx, func(tx *sqlx.Tx) error {
		text, err := getMeta(ctx, tx, metaNight)
		began, _, open := strings.Cut(text, " ")
		if err != nil || !open {
			return err
		}
		if err := setMeta(ctx, tx, metaLastNight, began); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM meta WHERE name = ?", metaNight)
		return err
	}))
}

// WalkSeen returns what an open walk has seen so far, in order.
func (m *Mirror) WalkSeen(ctx context.Context, walk int64) ([]payout.Seen, error) {
	rows, err := m.r.QueryContext(ctx, "SELECT seen FROM walk_pages WHERE walk = ? ORDER BY page", walk)
	if err != nil {
		return nil, wrap("read walk", err)
	}
	defer rows.Close()
	var seen []payout.Seen
	for rows.Next() {
		var blob []byte
		if err := rows.Scan(&blob); err != nil {
			return nil, wrap("read walk", err)
		}
		seen = unpackSeen(seen, blob)
	}
	return seen, wrap("read walk", rows.Err())
}

// DropWalk gives up an open walk: its cursor is of no use any more. What it brought stays.
func (m *Mirror) DropWalk(ctx context.Context, walk int64) error {
	return wrap("drop walk", m.write(context.WithoutCancel(ctx), func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE walks SET state = 'dropped', ended = ? WHERE id = ? AND state = 'open'", payout.MillisOf(m.clock()), walk)
		if err == nil {
			_, err = tx.ExecContext(ctx, deleteWalkPages, walk)
		}
		return err
	}))
}
