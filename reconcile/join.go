package reconcile

import (
	"bytes"
	"context"
	"hash/maphash"
	"math/bits"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"payrecon/internal/payout"
)

// The join brings payouts and entries of equal key together. With n payouts and m entries it costs n+m hashes, one copy of
// each record, and one probe of a small table for each:
//
//  1. Both sides stream in, in blocks, from several goroutines at once. A record's key is hashed to 64 bits (maphash, with a
//     seed of its own each run, so that nobody can prepare collisions); its top 7 bits choose one of 128 partitions, to
//     which the record is appended as bytes (records.go). Beyond a bound of memory partitions go to a spill file
//     (spill.go), in chunks, at the speed of the page cache.
//  2. When both sides are in, workers take partition by partition. A partition is small enough for a core's cache, so that
//     building and probing its table, which is where one big table waits for memory, is cheap. Records with equal hash are
//     told apart by comparing keys: a collision costs a step, never a wrong pair.
//  3. A simple key is decided on the spot, from the bytes: exactly one payout and one entry, of equal currency and amount,
//     in one episode, with a pair of statuses that is agreed whatever its age. That is nearly all of a healthy month, and
//     nothing of it is kept but sums. So is what lies out of the period on one side alone. Everything else is decoded and goes
//     through the rules (rules.go), whose cost is n log n in the records of one key.
//
// The order in which records arrive, the seed and the partitions never show in a result: sums commute, and findings are put
// in a defined order in the end.
type join struct {
	m       *matcher
	in      *Input
	items   *openItems
	hash    func(string) uint64 // tests make it collide; nil = maphash
	seed    maphash.Seed
	store   *store
	matched *matchedLog // nil: agreed findings are only counted

	cur, status, obo, word *codes

	taken   atomic.Int64 // records of both sides so far
	mu      sync.Mutex
	writers [sides][]*writer
	blank   []payout.Row // payouts in scope without a usable reference

	// Known when both sides are in.
	byOBO   bool // the ledger has a column onBehalfOf: it is part of the key
	classes []payout.StatusClass
	agrees  [payout.EntryFailed + 1][payout.ClassUnknown + 1]bool
	written [sides]int64 // records
}

func newJoin(m *matcher, in *Input, items *openItems) *join {
	return &join{
		m: m, in: in, items: items,
		seed: maphash.MakeSeed(), store: newStore(in.SpillDir, m.o.MemoryBound),
		cur: newCodes(), status: newCodes(), obo: newCodes(), word: newCodes(),
	}
}

// writer returns the worker's own writer of a side.
func (j *join) writer(side, worker int) *writer {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.writers[side]) <= worker {
		j.writers[side] = append(j.writers[side], &writer{
			coder: j.coder(), store: j.store, side: side, seed: j.seed, hash: j.hash, fold: j.m.o.CaseInsensitive,
		})
	}
	return j.writers[side][worker]
}

// payouts takes a block of payouts.
func (j *join) payouts(worker int, rows []payout.Row) error {
	j.in.progress(Progress{Phase: "read", Done: j.taken.Add(int64(len(rows)))})
	w := j.writer(payoutSide, worker)
	for i := range rows {
		r := &rows[i]
		key, hash, ok := w.key(r.RefID)
		if !ok {
			j.withoutReference(r)
			continue
		}
		if err := w.payout(r, key, hash); err != nil {
			return err
		}
	}
	return nil
}

// withoutReference keeps a payout that matches nothing, if it is in scope.
func (j *join) withoutReference(r *payout.Row) {
	if !j.m.o.Period.Contains(r.Created.Day()) && !j.items.hasPayout(r.ID) {
		return
	}
	row := *r
	row.ID, row.RefID, row.OnBehalfOf = strings.Clone(r.ID), strings.Clone(r.RefID), strings.Clone(r.OnBehalfOf)
	row.Account, row.Currency, row.Status = strings.Clone(r.Account), strings.Clone(r.Currency), payout.Status(strings.Clone(string(r.Status)))
	j.mu.Lock()
	defer j.mu.Unlock()
	j.blank = append(j.blank, row)
}

// entries takes a block of ledger entries.
func (j *join) entries(worker int, block []payout.Entry) error {
	j.in.progress(Progress{Phase: "read", Done: j.taken.Add(int64(len(block)))})
	w := j.writer(entrySide, worker)
	for i := range block {
		e := &block[i]
		key, hash, ok := w.key(e.Ref)
		if !ok {
			return payout.Errorf(payout.KindFailed, "ledger line %d has no usable reference (%q) and was not rejected", e.Line, e.Ref)
		}
		if err := w.entry(e, key, hash); err != nil {
			return err
		}
	}
	return nil
}

// seal ends the intake of both sides.
func (j *join) seal(intake *payout.Intake) error {
	for side := range j.writers {
		for _, w := range j.writers[side] {
			if err := w.finish(); err != nil {
				return err
			}
			j.written[side] += w.count
		}
		j.writers[side] = nil
	}
	for _, c := range intake.Columns {
		j.byOBO = j.byOBO || c.Part == "on_behalf_of"
	}
	for _, s := range j.status.words {
		j.classes = append(j.classes, payout.Status(s).Class())
	}
	for class := range j.agrees {
		for column := range j.agrees[class] {
			v := payout.StatusTable[payout.EntryClass(class)][column]
			j.agrees[class][column] = v.Outcome == payout.Matched && !v.AgesStuck
		}
	}
	return nil
}

// run joins all partitions and returns what the workers found, put together.
func (j *join) run(ctx context.Context) (*joined, error) {
	workers := min(runtime.GOMAXPROCS(0), partitions)
	results := make([]*joined, workers)
	var next, done atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		results[i] = newJoined()
		group.Go(func() error {
			w := joinWorker{join: j, out: results[i]}
			for {
				part := int(next.Add(1)) - 1
				if part >= partitions {
					w.fast.addTo(j, &w.out.tally)
					return w.out.tally.err
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := w.partition(part); err != nil {
					return err
				}
				j.in.progress(Progress{Phase: "match", Done: done.Add(1), Of: partitions})
			}
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := results[0]
	for _, r := range results[1:] {
		if err := all.merge(r); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// slot is one key of a partition's table: the lists of its payouts and entries (numbers of records from 1, 0 = none).
type slot struct {
	hash     uint64
	head     [sides]int32
	count    [sides]int32
	anyone   int32 // a record that has the key
	anySide  int32
	occupied bool
}

// joinWorker joins one partition after the other, with the same memory.
type joinWorker struct {
	*join
	out  *joined
	fast fastTally

	data  [sides][]byte
	at    []int   // where record n begins in its side's data
	next  []int32 // the next record of its key and side
	slots []slot
}

func (w *joinWorker) partition(part int) error {
	w.at, w.next = w.at[:0], w.next[:0]
	n := 0
	for side := range w.data {
		data, err := w.store.load(side, part, w.data[side])
		if err != nil {
			return err
		}
		w.data[side] = data
		for at := 0; at < len(data); at += u32(data[at:], recSize) {
			n++
		}
	}
	w.clearSlots(n)
	for side := range w.data {
		w.insert(side)
	}
	findings, pending := len(w.out.findings), len(w.out.pending)
	for i := range w.slots {
		s := &w.slots[i]
		if !s.occupied {
			continue
		}
		if err := w.decide(s); err != nil {
			return err
		}
	}
	if w.byOBO {
		w.namesakes(w.out.findings[findings:], w.out.pending[pending:])
	}
	return nil
}

// clearSlots makes an empty table for up to n keys.
func (w *joinWorker) clearSlots(n int) {
	size := 1 << bits.Len(uint(n+n/2+4))
	if cap(w.slots) < size {
		w.slots = make([]slot, size)
		return
	}
	w.slots = w.slots[:size]
	clear(w.slots)
}

func (w *joinWorker) insert(side int) {
	data := w.data[side]
	for at := 0; at < len(data); {
		b := data[at:]
		s := w.find(side, b)
		w.at = append(w.at, at)
		w.next = append(w.next, s.head[side])
		s.head[side] = int32(len(w.at))
		s.count[side]++
		at += u32(b, recSize)
	}
}

// find returns the key's slot, an empty one when the key is new.
func (w *joinWorker) find(side int, b []byte) *slot {
	hash := le.Uint64(b[recHash:])
	if w.byOBO {
		hash ^= uint64(u32(b, recOBO)) * 0x9e3779b97f4a7c15
	}
	mask := uint64(len(w.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &w.slots[i]
		if !s.occupied {
			s.occupied, s.hash, s.anyone, s.anySide = true, hash, int32(len(w.at)), int32(side)
			return s
		}
		if s.hash == hash && w.sameKey(s, side, b) {
			return s
		}
	}
}

func (w *joinWorker) sameKey(s *slot, side int, b []byte) bool {
	other := w.data[s.anySide][w.at[s.anyone]:]
	return bytes.Equal(keyBytes(int(s.anySide), other), keyBytes(side, b)) &&
		(!w.byOBO || u32(other, recOBO) == u32(b, recOBO))
}

// record returns record n (from 1) of the side.
func (w *joinWorker) record(side int, n int32) []byte { return w.data[side][w.at[n-1]:] }

// decide settles one key.
func (w *joinWorker) decide(s *slot) error {
	special := w.special(s)
	if s.count[entrySide] > 0 {
		w.out.guards.keys++
	}
	if !special && s.count[payoutSide] == 1 && s.count[entrySide] == 1 {
		done, err := w.simple(s)
		if done || err != nil {
			return err
		}
	}
	if s.count[entrySide] > 1 && w.netsToZero(s) {
		w.out.guards.netted++
	}
	if !special && !w.anyInPeriod(s) {
		return nil
	}
	return w.rules(s)
}

// special reports whether the key may have an open item: its records are in scope whatever their day.
func (w *joinWorker) special(s *slot) bool {
	return w.items.hashes.has(le.Uint64(w.data[s.anySide][w.at[s.anyone]:][recHash:]))
}

// simple settles a key of one payout and one entry if nothing of the rules is needed but "agreed".
func (w *joinWorker) simple(s *slot) (bool, error) {
	p, e := w.record(payoutSide, s.head[payoutSide]), w.record(entrySide, s.head[entrySide])
	units := int64(le.Uint64(p[recUnits:]))
	if units != int64(le.Uint64(e[recUnits:])) || units < 0 || u32(p, recCur) != u32(e, recCur) {
		return false, nil
	}
	class, column := payout.EntryClass(u32(e, entClass)), w.classes[u32(p, payStatus)]
	if !w.agrees[class][column] {
		return false, nil
	}
	created := payout.Millis(le.Uint64(p[payCreated:])).Day()
	booked := payout.Day(int32(le.Uint32(e[entDay:])))
	if booked != payout.NoDay && daysApart(created, booked) > int64(w.m.o.MatchWindowDays) {
		return false, nil
	}
	period := w.m.o.Period
	pIn, eIn := period.Contains(created), period.Contains(booked)
	if !pIn && !eIn {
		return true, nil
	}
	if eIn && booked != payout.NoDay && w.m.complete(booked) {
		w.out.guards.entries++
		w.out.guards.withPayout++
	}
	w.out.agreed.addPair(w.join, p, e)
	cash := column == payout.ClassCompleted
	err := w.fast.add(w.join, u32(p, recCur), units, cash, fastSide{created, pIn}, fastSide{booked, eIn})
	if err == nil && w.matched != nil {
		f := &finding{outcome: payout.Matched, pays: []*pay{w.pay(p)}, ents: []*ent{w.ent(e)}}
		err = w.matched.add(f)
	}
	return true, err
}

func (w *joinWorker) anyInPeriod(s *slot) bool {
	for n := s.head[payoutSide]; n != 0; n = w.next[n-1] {
		if w.m.o.Period.Contains(payout.Millis(le.Uint64(w.record(payoutSide, n)[payCreated:])).Day()) {
			return true
		}
	}
	for n := s.head[entrySide]; n != 0; n = w.next[n-1] {
		if w.m.o.Period.Contains(payout.Day(int32(le.Uint32(w.record(entrySide, n)[entDay:])))) {
			return true
		}
	}
	return false
}

// rules decodes all records of a key and puts them through the rules.
func (w *joinWorker) rules(s *slot) error {
	g := &group{
		pays: make([]*pay, 0, s.count[payoutSide]),
		ents: make([]*ent, 0, s.count[entrySide]),
	}
	for n := s.head[payoutSide]; n != 0; n = w.next[n-1] {
		g.pays = append(g.pays, w.pay(w.record(payoutSide, n)))
	}
	for n := s.head[entrySide]; n != 0; n = w.next[n-1] {
		e := w.ent(w.record(entrySide, n))
		g.ents = append(g.ents, e)
		if e.in && e.Day != payout.NoDay && w.m.complete(e.Day) {
			w.out.guards.entries++
			if len(g.pays) > 0 {
				w.out.guards.withPayout++
			}
		}
	}
	g.key = w.keyOf(g)
	return w.out.settle(w.join, g)
}

// keyOf returns the whole key of a group.
func (j *join) keyOf(g *group) payout.Key {
	ref, of := "", ""
	if len(g.pays) > 0 {
		ref, of = g.pays[0].RefID, g.pays[0].OnBehalfOf
	} else {
		ref, of = g.ents[0].Ref, g.ents[0].OnBehalfOf
	}
	if !j.byOBO {
		of = ""
	}
	key, _ := payout.KeyOf(ref, of, j.m.o.CaseInsensitive)
	return key
}

func (j *join) pay(b []byte) *pay { return j.payOf(j.decodePayout(b)) }

func (j *join) payOf(r payout.Row) *pay {
	p := &pay{Row: r, class: r.Status.Class(), day: r.Created.Day()}
	p.in = j.m.o.Period.Contains(p.day)
	p.scoped = p.in
	return p
}

func (j *join) ent(b []byte) *ent {
	e := &ent{Entry: j.decodeEntry(b)}
	e.in = j.m.o.Period.Contains(e.Day)
	e.scoped = e.in
	return e
}
