package reconcile

import (
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// A record is one payout or entry as bytes: a head of fixed size, then its texts. Both sides begin alike, so that the join
// can compare keys without knowing the side:
//
//	payout: size, key length, hash, units, created, changed, currency, status, onBehalfOf, raw length, id length, version | key raw id account
//	entry:  size, key length, hash, units, day, file, line, class, currency, word, onBehalfOf, raw length, word length, text length | key raw word text document
//
// The key is the normalised reference; raw, the reference as written, is empty when it is the same. Currencies, statuses and
// onBehalfOf are numbers of a code table; so are an entry's status words, but for those that are not mapped: there may be as
// many of them as entries.
const (
	recSize   = 0
	recKeyLen = 4
	recHash   = 8
	recUnits  = 16

	payCreated = 24
	payChanged = 32
	recCur     = 40 // both
	payStatus  = 44
	recOBO     = 48 // both
	recRawLen  = 52 // both
	payIDLen   = 56
	payVersion = 60
	payHead    = 68

	entDay     = 24
	entFile    = 28
	entLine    = 32
	entClass   = 36
	entWord    = 44
	entWordLen = 56
	entTextLen = 60
	entHead    = 64
)

var le = binary.LittleEndian

func u32(b []byte, at int) int { return int(le.Uint32(b[at:])) }

// codes numbers the few distinct words of a column, for all workers. Numbers depend on the order of arrival and so never
// decide anything.
type codes struct {
	mu    sync.RWMutex
	of    map[string]uint32
	words []string
}

func newCodes() *codes { return &codes{of: map[string]uint32{}} }

func (c *codes) code(word string) uint32 {
	c.mu.RLock()
	n, ok := c.of[word]
	c.mu.RUnlock()
	if ok {
		return n
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if n, ok := c.of[word]; ok {
		return n
	}
	word = strings.Clone(word)
	n = uint32(len(c.words))
	c.of[word] = n
	c.words = append(c.words, word)
	return n
}

// lastCode remembers words that a worker saw lately, each in the place that its length and two of its letters give it: most
// rows repeat a few words.
type lastCode struct {
	words *codes
	known [32]struct {
		word string
		code uint32
		set  bool
	}
}

func (l *lastCode) code(word string) uint32 {
	place := 0
	if n := len(word); n > 0 {
		place = n + 5*int(word[n/2]) + 11*int(word[0])
	}
	at := &l.known[place%len(l.known)]
	if !at.set || at.word != word {
		at.word, at.code, at.set = strings.Clone(word), l.words.code(word), true
	}
	return at.code
}

// coder turns rows into records.
type coder struct{ cur, status, of, word lastCode }

func (j *join) coder() coder {
	return coder{lastCode{words: j.cur}, lastCode{words: j.status}, lastCode{words: j.obo}, lastCode{words: j.word}}
}

// writer turns one worker's rows of one side into records and gathers them by partition.
type writer struct {
	coder
	store  *store
	side   int
	seed   maphash.Seed
	hash   func(string) uint64 // nil = maphash
	fold   bool
	chunks [partitions][]byte
	count  int64
}

// key normalises a reference. The onBehalfOf part of a key is compared apart, because whether the ledger has that column is
// known only when it has been read.
func (w *writer) key(ref string) (key string, hash uint64, ok bool) {
	key = ref
	if w.fold || !plainRef(ref) {
		k, ok := payout.KeyOf(ref, "", w.fold)
		if !ok {
			return "", 0, false
		}
		key = string(k)
	}
	if w.hash != nil {
		return key, w.hash(key), true
	}
	return key, maphash.String(w.seed, key), true
}

// plainRef reports whether a reference is its own key for sure: long enough to be no placeholder, with a visible ASCII
// character at both ends.
func plainRef(ref string) bool {
	n := len(ref)
	return n > 4 && ref[0] > ' ' && ref[0] < 0x7f && ref[n-1] > ' ' && ref[n-1] < 0x7f
}

// room makes room for a record of up to n bytes in the chunk of the hash's partition.
func (w *writer) room(hash uint64, n int) (part int, err error) {
	part = int(hash >> 57)
	chunk := w.chunks[part]
	if len(chunk)+n <= cap(chunk) {
		return part, nil
	}
	if len(chunk) > 0 {
		if chunk, err = w.store.put(w.side, part, chunk); err != nil {
			return 0, err
		}
	}
	if cap(chunk) < n {
		chunk = make([]byte, 0, max(chunkSize, n))
	}
	w.chunks[part] = chunk
	return part, nil
}

// finish hands over what is left.
func (w *writer) finish() error {
	for part, chunk := range w.chunks {
		if len(chunk) > 0 {
			if _, err := w.store.put(w.side, part, chunk); err != nil {
				return err
			}
		}
	}
	return nil
}

// rawOf returns the reference as written where it is not the key.
func rawOf(ref, key string) string {
	if ref == key {
		return ""
	}
	return ref
}

// payout appends a payout to its partition.
func (w *writer) payout(r *payout.Row, key string, hash uint64) error {
	part, err := w.room(hash, payHead+len(key)+len(r.RefID)+len(r.ID)+len(r.Account))
	if err != nil {
		return err
	}
	w.chunks[part] = w.appendPayout(w.chunks[part], r, key, hash)
	w.count++
	return nil
}

func (w *coder) appendPayout(b []byte, r *payout.Row, key string, hash uint64) []byte {
	raw := rawOf(r.RefID, key)
	b, head := withHead(b, payHead)
	le.PutUint32(head[recSize:], uint32(payHead+len(key)+len(raw)+len(r.ID)+len(r.Account)))
	le.PutUint32(head[recKeyLen:], uint32(len(key)))
	le.PutUint64(head[recHash:], hash)
	le.PutUint64(head[recUnits:], uint64(r.Units))
	le.PutUint64(head[payCreated:], uint64(r.Created))
	le.PutUint64(head[payChanged:], uint64(r.Changed))
	le.PutUint32(head[recCur:], w.cur.code(r.Currency))
	le.PutUint32(head[payStatus:], w.status.code(string(r.Status)))
	le.PutUint32(head[recOBO:], w.of.code(r.OnBehalfOf))
	le.PutUint32(head[recRawLen:], uint32(len(raw)))
	le.PutUint32(head[payIDLen:], uint32(len(r.ID)))
	le.PutUint64(head[payVersion:], uint64(r.Version))
	b = append(b, key...)
	b = append(b, raw...)
	b = append(b, r.ID...)
	return append(b, r.Account...)
}

// withHead makes b longer by a head, which is returned apart to be filled in.
func withHead(b []byte, size int) (longer, head []byte) {
	n := len(b)
	longer = slices.Grow(b, size)[:n+size]
	return longer, longer[n:]
}

// entry appends a ledger entry to its partition.
func (w *writer) entry(e *payout.Entry, key string, hash uint64) error {
	part, err := w.room(hash, entHead+len(key)+len(e.Ref)+len(e.Status)+len(e.Text)+len(e.Document))
	if err != nil {
		return err
	}
	w.chunks[part] = w.appendEntry(w.chunks[part], e, key, hash)
	w.count++
	return nil
}

func (w *coder) appendEntry(b []byte, e *payout.Entry, key string, hash uint64) []byte {
	raw, known, word := rawOf(e.Ref, key), e.Status, ""
	if e.Class == payout.EntryUnmapped {
		known, word = "", e.Status
	}
	b, head := withHead(b, entHead)
	le.PutUint32(head[recSize:], uint32(entHead+len(key)+len(raw)+len(word)+len(e.Text)+len(e.Document)))
	le.PutUint32(head[recKeyLen:], uint32(len(key)))
	le.PutUint64(head[recHash:], hash)
	le.PutUint64(head[recUnits:], uint64(e.Amount.Units()))
	le.PutUint32(head[entDay:], uint32(e.Day))
	le.PutUint32(head[entFile:], uint32(e.File))
	le.PutUint32(head[entLine:], uint32(e.Line))
	le.PutUint32(head[entClass:], uint32(e.Class))
	le.PutUint32(head[recCur:], w.cur.code(e.Amount.Currency()))
	le.PutUint32(head[entWord:], w.word.code(known))
	le.PutUint32(head[recOBO:], w.of.code(e.OnBehalfOf))
	le.PutUint32(head[recRawLen:], uint32(len(raw)))
	le.PutUint32(head[entWordLen:], uint32(len(word)))
	le.PutUint32(head[entTextLen:], uint32(len(e.Text)))
	b = append(b, key...)
	b = append(b, raw...)
	b = append(b, word...)
	b = append(b, e.Text...)
	return append(b, e.Document...)
}

// keyBytes is the key part of a record of the side.
func keyBytes(side int, b []byte) []byte {
	head := payHead
	if side == entrySide {
		head = entHead
	}
	return b[head : head+u32(b, recKeyLen)]
}

// text cuts strings off the front of one text, so that a record's strings are one allocation.
type text struct{ rest string }

func (t *text) take(n int) string {
	s := t.rest[:n]
	t.rest = t.rest[n:]
	return s
}

// decodePayout returns a record in full, with strings of its own.
func (j *join) decodePayout(b []byte) payout.Row {
	t := text{string(b[payHead:u32(b, recSize)])}
	key := t.take(u32(b, recKeyLen))
	raw := t.take(u32(b, recRawLen))
	if raw == "" {
		raw = key
	}
	return payout.Row{
		RefID:      raw,
		ID:         t.take(u32(b, payIDLen)),
		Account:    t.rest,
		Units:      int64(le.Uint64(b[recUnits:])),
		Created:    payout.Millis(le.Uint64(b[payCreated:])),
		Changed:    payout.Millis(le.Uint64(b[payChanged:])),
		Version:    int64(le.Uint64(b[payVersion:])),
		Currency:   j.cur.words[u32(b, recCur)],
		Status:     payout.Status(j.status.words[u32(b, payStatus)]),
		OnBehalfOf: j.obo.words[u32(b, recOBO)],
	}
}

// decodeEntry returns a record in full, with strings of its own.
func (j *join) decodeEntry(b []byte) payout.Entry {
	t := text{string(b[entHead:u32(b, recSize)])}
	key := t.take(u32(b, recKeyLen))
	raw := t.take(u32(b, recRawLen))
	if raw == "" {
		raw = key
	}
	word := t.take(u32(b, entWordLen))
	if word == "" {
		word = j.word.words[u32(b, entWord)]
	}
	return payout.Entry{
		Ref:        raw,
		Status:     word,
		Text:       t.take(u32(b, entTextLen)),
		Document:   t.rest,
		File:       u32(b, entFile),
		Line:       u32(b, entLine),
		Amount:     money.New(int64(le.Uint64(b[recUnits:])), j.cur.words[u32(b, recCur)]),
		Class:      payout.EntryClass(u32(b, entClass)),
		Day:        payout.Day(int32(le.Uint32(b[entDay:]))),
		OnBehalfOf: j.obo.words[u32(b, recOBO)],
	}
}

// peek reads bytes as a string for the length of a call.
func peek(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
