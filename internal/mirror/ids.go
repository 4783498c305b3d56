package mirror

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// From payout id to payouts.n.
//
// Ids are random. An index on them, kept row by row, would touch a page of the file for every payout that arrives:
// measured, the cost of everything else together. So payout_ids takes new ids in sorted batches, each of which goes
// through the index once from left to right. Until then they are the tail: payouts with n above meta 'ids_through'.
// The writer keeps the tail in memory; readers scan it, it is short.

// minTail and tailShare say when the tail joins the index: above minTail rows and above one tailShare-th of all rows, so
// that the cost of a payout stays the same however many there are.
const (
	minTail   = 16384
	tailShare = 16
)

// lookUp is the number of ids that one prepared look-up takes.
const lookUp = payout.MaxLimit

// indexKey is the part of an id's hash that is in payout_ids.
func indexKey(h payout.IDHash) int64 { return int64(binary.LittleEndian.Uint64(h[:8])) }

func (w *pageWriter) loadTail(ctx context.Context, db *sqlx.DB) error {
	text, err := getMeta(ctx, db, metaIDsThrough)
	if err != nil {
		return err
	}
	w.idsThrough = 0
	if text != "" {
		if w.idsThrough, err = strconv.ParseInt(text, 10, 64); err != nil {
			return err
		}
	}
	rows, err := db.QueryContext(ctx, "SELECT n, id FROM payouts WHERE n > ? ORDER BY n", w.idsThrough)
	if err != nil {
		return err
	}
	defer rows.Close()
	w.tail = map[payout.IDHash]int64{}
	w.indexed.bits = nil
	for rows.Next() {
		var n int64
		var id string
		if err := rows.Scan(&n, &id); err != nil {
			return err
		}
		w.tail[payout.HashID(id)] = n
	}
	return rows.Err()
}

// mergeTail moves the tail into payout_ids when it has grown long.
func (w *pageWriter) mergeTail(ctx context.Context, m *Mirror) error {
	if len(w.tail) < minTail || int64(len(w.tail)) < w.idsThrough/tailShare {
		return nil
	}
	type entry struct{ key, n int64 }
	entries := make([]entry, 0, len(w.tail))
	for h, n := range w.tail {
		entries = append(entries, entry{indexKey(h), n})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.n, b.n)) })
	through := w.nextN - 1
	err := m.write(ctx, func(tx *sqlx.Tx) error {
		values := make([]any, 0, 2*bulkSizes[0])
		for part := range slices.Chunk(entries, bulkSizes[0]) {
			values = values[:0]
			for _, e := range part {
				values = append(values, e.key, e.n)
			}
			if err := w.ids.insert(ctx, tx, values); err != nil {
				return err
			}
		}
		return setMeta(ctx, tx, metaIDsThrough, strconv.FormatInt(through, 10))
	})
	if err != nil {
		return err
	}
	w.idsThrough = through
	for h := range w.tail {
		w.indexed.add(indexKey(h))
	}
	clear(w.tail)
	return nil
}

// idFilter answers most questions for ids that are not in payout_ids without asking the database: a Bloom filter of two
// bits an id. It says "may be" of all ids until it has been filled.
type idFilter struct {
	bits   []uint64
	misses int // ids that the index did not hold since the file was opened
}

const (
	filterBits   = 1 << 25 // 4 MB: one wrong "may be" in 280 at a million payouts, one in five at ten million
	filterMisses = 10_000  // so many new ids show that this is no ordinary night, and that filling the filter pays
)

func (f *idFilter) places(key int64) (a, b uint64) {
	return uint64(key) % filterBits, uint64(key) >> 32 % filterBits
}

func (f *idFilter) add(key int64) {
	if f.bits == nil {
		return
	}
	a, b := f.places(key)
	f.bits[a/64] |= 1 << (a % 64)
	f.bits[b/64] |= 1 << (b % 64)
}

func (f *idFilter) mayHold(key int64) bool {
	if f.bits == nil {
		return true
	}
	a, b := f.places(key)
	return f.bits[a/64]&(1<<(a%64)) != 0 && f.bits[b/64]&(1<<(b%64)) != 0
}

// fill reads the index into the filter. An index that is empty costs nothing.
func (f *idFilter) fill(ctx context.Context, db *sqlx.DB) error {
	f.bits, f.misses = make([]uint64, filterBits/64), 0
	rows, err := db.QueryContext(ctx, "SELECT hash FROM payout_ids")
	if err != nil {
		return err
	}
	defer rows.Close()
	var key int64
	for rows.Next() {
		if err := rows.Scan(&key); err != nil {
			return err
		}
		f.add(key)
	}
	return rows.Err()
}

const (
	selectIndexed = "SELECT p.n, p.id FROM payout_ids i CROSS JOIN payouts p ON p.n = i.n WHERE i.hash IN ("

	selectTail = "SELECT n, id FROM payouts WHERE n > (SELECT ifnull(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = '" +
		metaIDsThrough + "') AND id IN ("
)

// numbersOf returns payouts.n of the ids that the mirror holds. It works on every connection, in a transaction or not.
func numbersOf(ctx context.Context, q sqlx.QueryerContext, ids []string) (map[string]int64, error) {
	found := make(map[string]int64, len(ids))
	keys := make(map[string]int64, len(ids))
	for _, id := range ids {
		keys[id] = indexKey(payout.HashID(id))
	}
	inOrder := slices.SortedFunc(slices.Values(ids), func(a, b string) int { return cmp.Compare(keys[a], keys[b]) })
	for part := range slices.Chunk(inOrder, 500) { // in the order of the index: each of its pages is read once
		args := make([]any, 0, 2*len(part))
		for _, id := range part {
			args = append(args, keys[id])
		}
		for _, id := range part {
			args = append(args, id)
		}
		marks := placeholders(len(part))
		err := collectNumbers(ctx, q, found, selectIndexed+marks+") AND p.id IN ("+marks+")", args)
		if err != nil {
			return nil, err
		}
	}
	rest := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { _, ok := found[id]; return ok })
	for part := range slices.Chunk(rest, 20000) {
		args := make([]any, 0, len(part))
		for _, id := range part {
			args = append(args, id)
		}
		err := collectNumbers(ctx, q, found, selectTail+placeholders(len(part))+")", args)
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

func collectNumbers(ctx context.Context, q sqlx.QueryerContext, found map[string]int64, query string, args []any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return wrap("look up ids", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		var id string
		if err := rows.Scan(&n, &id); err != nil {
			return wrap("look up ids", err)
		}
		found[id] = n
	}
	return wrap("look up ids", rows.Err())
}
