package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// clearedKept is how long a cleared item stays in what a run is given: until then it can be reopened under its own number.
const clearedKept = 400 * 24 * time.Hour

const selectItems = `
	SELECT body
	FROM items
	WHERE state IN ('new', 'open', 'carried', 'reopened') OR state = 'cleared' AND cleared_at >= ?
	ORDER BY id`

// Items returns the items that are open and those cleared in the last 400 days, by id, and the first id that no item has
// ever had.
func (m *Mirror) Items(ctx context.Context) (items []payout.Item, nextID int64, err error) {
	tx, err := m.read().BeginTxx(ctx, nil) // one view for both questions
	if err != nil {
		return nil, 0, fmt.Errorf("items: %w", err)
	}
	defer tx.Rollback()
	var bodies [][]byte
	err = tx.SelectContext(ctx, &bodies, selectItems, m.clock().Add(-clearedKept).UnixMilli())
	if err == nil {
		err = tx.GetContext(ctx, &nextID, `SELECT coalesce(max(id), 0) + 1 FROM items`)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("items: %w", err)
	}
	items = make([]payout.Item, len(bodies))
	for i, body := range bodies {
		if err := unmarshalLossless(body, &items[i]); err != nil {
			return nil, 0, fmt.Errorf("items: %w", err)
		}
	}
	return items, nextID, nil
}

// Item returns an item as it is now and its life, oldest event first. An unknown id is KindNotFound.
func (m *Mirror) Item(ctx context.Context, id int64) (payout.Item, []payout.ItemEvent, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return payout.Item{}, nil, fmt.Errorf("item %d: %w", id, err)
	}
	defer tx.Rollback()
	var item payout.Item
	var body []byte
	if err := tx.GetContext(ctx, &body, `SELECT body FROM items WHERE id = ?`, id); err != nil {
		return item, nil, itemError(id, err)
	}
	if err := unmarshalLossless(body, &item); err != nil {
		return item, nil, itemError(id, err)
	}
	events, err := selectEvents(ctx, tx, `WHERE item = ?`, id)
	return item, events, err
}

// UpdateItem stores what a person decided about an item (disposition, due, owner, note; nothing else of item is taken),
// and the event that tells it, in one transaction. The event belongs to no run. An unknown id is KindNotFound; a cleared
// item is KindInput, because there is nothing left to decide.
func (m *Mirror) UpdateItem(ctx context.Context, item payout.Item, ev payout.ItemEvent) error {
	return m.write(ctx, func(tx *sqlx.Tx) error {
		var stored payout.Item
		var body []byte
		if err := tx.GetContext(ctx, &body, `SELECT body FROM items WHERE id = ?`, item.ID); err != nil {
			return itemError(item.ID, err)
		}
		if err := unmarshalLossless(body, &stored); err != nil {
			return itemError(item.ID, err)
		}
		if stored.State == payout.ItemCleared {
			return payout.Errorf(payout.KindInput, "item %d was cleared by %s on %s: there is nothing to decide about it",
				item.ID, stored.ClearedBy, stored.ClearedAt.Day())
		}
		stored.Disposition, stored.Due, stored.Owner, stored.Note = item.Disposition, item.Due, item.Owner, item.Note
		if err := putItem(ctx, tx, &stored); err != nil {
			return err
		}
		ev.Item, ev.Run = item.ID, 0
		return appendEvents(ctx, tx, []payout.ItemEvent{ev})
	})
}

func itemError(id int64, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return payout.Errorf(payout.KindNotFound, "there is no item %d: `breaks list --all` shows those there are", id)
	}
	return fmt.Errorf("item %d: %w", id, err)
}

// putItem inserts the item, or replaces what is known of it.
func putItem(ctx context.Context, tx *sqlx.Tx, item *payout.Item) error {
	body, err := marshalLossless(item)
	if err != nil {
		return fmt.Errorf("item %d: %w", item.ID, err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO items (id, state, outcome, severity, first_run, last_run, cleared_at, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			state = excluded.state,
			outcome = excluded.outcome,
			severity = excluded.severity,
			first_run = excluded.first_run,
			last_run = excluded.last_run,
			cleared_at = excluded.cleared_at,
			body = excluded.body`,
		item.ID, item.State.String(), item.Outcome.String(), item.Severity.String(),
		item.FirstRun, item.LastRun, int64(item.ClearedAt), string(body))
	if err != nil {
		return fmt.Errorf("item %d: %w", item.ID, err)
	}
	return nil
}

// appendEvents adds events to the lives of items, in order.
func appendEvents(ctx context.Context, tx *sqlx.Tx, events []payout.ItemEvent) error {
	if len(events) == 0 {
		return nil
	}
	insert, err := tx.PreparexContext(ctx, `
		INSERT INTO item_events (item, run, at, kind, was, became, by, text)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return fmt.Errorf("item events: %w", err)
	}
	defer insert.Close()
	for _, e := range events {
		if _, err := insert.ExecContext(ctx, e.Item, e.Run, int64(e.At), e.Kind, e.From, e.To, e.By, e.Text); err != nil {
			return fmt.Errorf("event of item %d: %w", e.Item, err)
		}
	}
	return nil
}

// selectEvents returns the events that the condition chooses, in the order they were appended.
func selectEvents(ctx context.Context, tx *sqlx.Tx, where string, arg any) ([]payout.ItemEvent, error) {
	rows, err := tx.QueryContext(ctx, `SELECT item, run, at, kind, was, became, by, text FROM item_events `+where+` ORDER BY sequence`, arg)
	if err != nil {
		return nil, fmt.Errorf("item events: %w", err)
	}
	defer rows.Close()
	var events []payout.ItemEvent
	for rows.Next() {
		var e payout.ItemEvent
		if err := rows.Scan(&e.Item, &e.Run, &e.At, &e.Kind, &e.From, &e.To, &e.By, &e.Text); err != nil {
			return nil, fmt.Errorf("item events: %w", err)
		}
		events = append(events, e)
	}
	return events, rows.Err()
}
