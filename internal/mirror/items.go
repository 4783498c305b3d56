package mirror

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// clearedKept is how long a cleared item stays in what a run is given: until then it can be reopened under its own number.
const clearedKept = 400 * 24 * time.Hour

// selectPlaces reads itemPlaces from a table.
const selectPlaces = `SELECT id, run, position, place, decided FROM `

const selectItems = selectPlaces + `items
	WHERE state IN ('new', 'open', 'carried', 'reopened') OR state = 'cleared' AND cleared_at >= ?
	ORDER BY run, position, place`

// itemPlace says where an item is found: as the run left it in record place of its part at position, and with what a person
// decided since.
type itemPlace struct {
	ID       int64  `db:"id"`
	Run      int64  `db:"run"`
	Position int64  `db:"position"`
	Place    int    `db:"place"`
	Decided  []byte `db:"decided"` // archiveDecision; empty = nothing
}

func archivePlace(a *archive, v *itemPlace) {
	number(a, &v.ID)
	number(a, &v.Run)
	number(a, &v.Position)
	number(a, &v.Place)
	decided := string(v.Decided)
	text(a, &decided)
	v.Decided = []byte(decided)
}

// Items returns the items that are open and those cleared in the last 400 days, by id, and the first id that no item has
// ever had.
func (m *Mirror) Items(ctx context.Context) (items []payout.Item, nextID int64, err error) {
	tx, err := m.read().BeginTxx(ctx, nil) // one view for both questions
	if err != nil {
		return nil, 0, wrap("items", err)
	}
	defer tx.Rollback()
	var places []itemPlace
	err = tx.SelectContext(ctx, &places, selectItems, m.clock().Add(-clearedKept).UnixMilli())
	if err == nil {
		err = tx.GetContext(ctx, &nextID, `SELECT coalesce(max(id), 0) + 1 FROM items`)
	}
	if err == nil {
		items, err = itemsAt(ctx, tx, places)
	}
	if err != nil {
		return nil, 0, wrap("items", err)
	}
	return items, nextID, nil
}

// AllItems returns every item there ever was, by id: also those cleared longer ago than Items goes back.
func (m *Mirror) AllItems(ctx context.Context) ([]payout.Item, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return nil, wrap("all items", err)
	}
	defer tx.Rollback()
	var places []itemPlace
	if err := tx.SelectContext(ctx, &places, selectPlaces+`items ORDER BY run, position, place`); err != nil {
		return nil, wrap("all items", err)
	}
	items, err := itemsAt(ctx, tx, places)
	return items, wrap("all items", err)
}

// itemsAt returns the items found at places, which are in their order, by id.
func itemsAt(ctx context.Context, tx *sqlx.Tx, places []itemPlace) ([]payout.Item, error) {
	items := make([]payout.Item, 0, len(places))
	err := readParts(ctx, tx, func(read func(run int64, part string, position int64) ([]byte, error)) error {
		for len(places) > 0 {
			n := 1
			for n < len(places) && places[n].Run == places[0].Run && places[n].Position == places[0].Position {
				n++
			}
			body, err := read(places[0].Run, partItems, places[0].Position)
			if err != nil {
				return err
			}
			if items, err = appendItems(items, body, places[:n]); err != nil {
				return err
			}
			places = places[n:]
		}
		return nil
	})
	slices.SortFunc(items, func(a, b payout.Item) int { return cmp.Compare(a.ID, b.ID) })
	return items, err
}

// appendItems adds the items of one part that are found at places.
func appendItems(items []payout.Item, body []byte, places []itemPlace) ([]payout.Item, error) {
	next := 0
	some, err := unarchive(body, func(place int) bool {
		if next == len(places) || places[next].Place != place {
			return false
		}
		next++
		return true
	}, archiveItem)
	if err != nil {
		return nil, err
	}
	for i, p := range places {
		if i >= len(some) || some[i].ID != p.ID {
			return nil, fmt.Errorf("item %d is not where run %d put it: the database is damaged, restore a backup", p.ID, p.Run)
		}
		if len(p.Decided) > 0 {
			a := &archive{in: p.Decided, text: string(p.Decided)}
			if archiveDecision(a, &some[i]); a.err != nil {
				return nil, a.err
			}
		}
	}
	return append(items, some...), nil
}

// Item returns an item as it is now and its life, oldest event first. An unknown id is KindNotFound.
func (m *Mirror) Item(ctx context.Context, id int64) (payout.Item, []payout.ItemEvent, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return payout.Item{}, nil, fmt.Errorf("item %d: %w", id, err)
	}
	defer tx.Rollback()
	item, err := itemNow(ctx, tx, id)
	if err != nil {
		return item, nil, err
	}
	events, err := selectEvents(ctx, tx, `WHERE item = ?`, id)
	return item, events, err
}

func itemNow(ctx context.Context, tx *sqlx.Tx, id int64) (payout.Item, error) {
	var at itemPlace
	err := tx.GetContext(ctx, &at, selectPlaces+`items WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		return payout.Item{}, payout.Errorf(payout.KindNotFound, "there is no item %d: `breaks list --all` shows those there are", id)
	}
	var items []payout.Item
	if err == nil {
		items, err = itemsAt(ctx, tx, []itemPlace{at})
	}
	if err != nil {
		return payout.Item{}, fmt.Errorf("item %d: %w", id, err)
	}
	return items[0], nil
}

// selectMoved names the items with news after a run: what a run only carried on or cleared is none, and of what a person did
// only that a disposition was taken back. People decide between runs, never during one.
const selectMoved = `
	SELECT item
	FROM item_events INDEXED BY item_events_by_run
	WHERE run > ?1 AND kind IN ('new', 'reopened', 'reclassified', 'remeasured', 'raised', 'lapsed')
	UNION
	SELECT item
	FROM item_events INDEXED BY item_events_by_run
	WHERE run = 0 AND kind = 'withdrawn' AND at >= (SELECT started FROM runs WHERE id = ?1)`

// MovedAfter returns the items that runs after this one opened, reopened, gave another outcome, another exposure or a higher
// severity, and those that runs or people took the disposition from.
func (m *Mirror) MovedAfter(ctx context.Context, run int64) (items []int64, err error) {
	err = m.read().SelectContext(ctx, &items, selectMoved, run)
	return items, wrap("item events", err)
}

// ItemsBefore returns the items that a recorded reconciliation was given, as they stood then, by id.
func (m *Mirror) ItemsBefore(ctx context.Context, run int64) ([]payout.Item, error) {
	tx, err := m.read().BeginTxx(ctx, nil)
	if err != nil {
		return nil, wrap("items before a run", err)
	}
	defer tx.Rollback()
	var packed []byte
	err = tx.GetContext(ctx, &packed, `SELECT items_before FROM reconciliations WHERE run = ?`, run)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, notReconciled(run)
	}
	var places []itemPlace
	if err == nil {
		places, err = unarchive(packed, nil, archivePlace)
	}
	var items []payout.Item
	if err == nil {
		items, err = itemsAt(ctx, tx, places)
	}
	return items, wrap(fmt.Sprintf("items before run %d", run), err)
}

// placesOf returns where items are found now.
func placesOf(ctx context.Context, tx *sqlx.Tx, items []int64) ([]itemPlace, error) {
	if len(items) == 0 {
		return nil, nil
	}
	ids, err := json.Marshal(items)
	if err != nil {
		return nil, err
	}
	var places []itemPlace
	err = tx.SelectContext(ctx, &places, selectPlaces+`items
		WHERE id IN (SELECT value FROM json_each(?))
		ORDER BY run, position, place`, string(ids))
	if err == nil && len(places) != len(items) {
		err = fmt.Errorf("the run was given %d items, of which %d are stored", len(items), len(places))
	}
	return places, err
}

// Decision is what a person decided about an item (of Item, its disposition, due, owner and note; nothing else is taken),
// and the event that tells it.
type Decision struct {
	Item  payout.Item
	Event payout.ItemEvent
}

// Decide stores decisions, all of them or none, in one transaction. Their events belong to no run. An unknown id is
// KindNotFound; a cleared item is KindInput, because there is nothing left to decide.
func (m *Mirror) Decide(ctx context.Context, decisions ...Decision) error {
	return m.write(ctx, func(tx *sqlx.Tx) error {
		for i := range decisions {
			if err := decide(ctx, tx, &decisions[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func decide(ctx context.Context, tx *sqlx.Tx, d *Decision) error {
	stored, err := itemNow(ctx, tx, d.Item.ID)
	if err != nil {
		return err
	}
	if stored.State == payout.ItemCleared {
		return payout.Errorf(payout.KindInput, "item %d was cleared by %s on %s: there is nothing to decide about it",
			stored.ID, stored.ClearedBy, stored.ClearedAt.Day())
	}
	a := &archive{writing: true}
	archiveDecision(a, &d.Item)
	if _, err := tx.ExecContext(ctx, `UPDATE items SET decided = ? WHERE id = ?`, a.out, stored.ID); err != nil {
		return fmt.Errorf("item %d: %w", stored.ID, err)
	}
	event := d.Event
	event.Item, event.Run = stored.ID, 0
	return appendEvents(ctx, tx, []payout.ItemEvent{event})
}

// putItems stores the items as a run left them: their records go to its parts, and their rows say where.
func putItems(ctx context.Context, tx *sqlx.Tx, run int64, items []payout.Item) error {
	if err := putParts(ctx, tx, run, partItems, items, archiveItem); err != nil {
		return err
	}
	return insertRows(ctx, tx, `
		INSERT OR REPLACE INTO items (id, state, cleared_at, run, position, place)
		VALUES`, 6, len(items), func(values []any, i int) []any {
		item := &items[i]
		return append(values, item.ID, item.State.String(), int64(item.ClearedAt), run, i/partSize, i%partSize)
	})
}

// appendEvents adds events to the lives of items, in order.
func appendEvents(ctx context.Context, tx *sqlx.Tx, events []payout.ItemEvent) error {
	return insertRows(ctx, tx, `
		INSERT INTO item_events (item, run, at, kind, was, became, by, text)
		VALUES`, 8, len(events), func(values []any, i int) []any {
		e := &events[i]
		return append(values, e.Item, e.Run, int64(e.At), e.Kind, e.From, e.To, e.By, e.Text)
	})
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
