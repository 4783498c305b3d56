package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"

	"payrecon/internal/payout"
)

// digest stands for a set of findings whatever their order: two sums over a 64-bit hash of each finding's outcome and
// records. It notices any accidental difference between two runs; it is no shield against someone who forges records to
// fit, which the database's owner could do anyway.
type digest struct{ a, b, n uint64 }

const (
	mix1 = 0xa0761d6478bd642f
	mix2 = 0xe7037ed1a0b428db
	mix3 = 0x8ebc6af09c88c6e3
)

func mix(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func hashText(h uint64, s string) uint64 {
	h ^= uint64(len(s)) * mix3
	for len(s) >= 8 {
		word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		h = mix(h^word, mix1)
		s = s[8:]
	}
	var tail uint64
	for i := range len(s) {
		tail |= uint64(s[i]) << (8 * i)
	}
	return mix(h^tail^mix2, mix1^h)
}

func hashNumber(h uint64, n int64) uint64 { return mix(h^uint64(n), mix2) }

func hashOutcome(o payout.Outcome, c payout.Cell) uint64 {
	return mix(uint64(o)+mix1, uint64(c)+mix2)
}

func hashEntry(h uint64, ref, currency, word, text string, units int64, day payout.Day, class payout.EntryClass) uint64 {
	h = hashText(h, ref)
	h = hashText(h, currency)
	h = hashText(h, word)
	h = hashText(h, text)
	return hashNumber(hashNumber(h, units), int64(day)<<8|int64(class))
}

func (d *digest) add(h uint64) {
	d.a += h
	d.b += mix(h^mix3, mix1)
	d.n++
}

func (d *digest) merge(with digest) {
	d.a += with.a
	d.b += with.b
	d.n += with.n
}

// addFinding adds a finding that concerns the period, so that a run performed again without the items of its night gives the
// same digest. Its records must be in their orders.
func (d *digest) addFinding(f *finding) {
	h := hashOutcome(f.outcome, f.cell)
	for _, p := range f.pays {
		if p.in || len(f.rejected) == 0 {
			h = hashText(h, p.ID)
		}
	}
	for _, e := range f.ents {
		h = hashEntry(h, e.Ref, e.Amount.Currency(), e.Status, e.Text, e.units(), e.Day, e.Class)
	}
	for _, r := range f.rejected {
		h = hashText(h, r.Text)
	}
	d.add(h)
}

// addPair is addFinding for a simple pair, from its records.
func (d *digest) addPair(j *join, p, e []byte) {
	id := payHead + u32(p, recKeyLen) + u32(p, recRawLen)
	h := hashText(hashOutcome(payout.Matched, payout.NoCell), peek(p[id:id+u32(p, payIDLen)]))
	ref := e[entHead : entHead+u32(e, recKeyLen)]
	at := entHead + u32(e, recKeyLen)
	if n := u32(e, recRawLen); n > 0 {
		ref = e[at : at+n]
		at += n
	}
	text := at + u32(e, entWordLen)
	word := peek(e[at:text])
	if word == "" {
		word = j.word.words[u32(e, entWord)]
	}
	d.add(hashEntry(h, peek(ref), j.cur.words[u32(e, recCur)], word, peek(e[text:text+u32(e, entTextLen)]),
		int64(le.Uint64(e[recUnits:])), payout.Day(int32(le.Uint32(e[entDay:]))), payout.EntryClass(u32(e, entClass))))
}

// outcomeHash is what a reviewer signs: SHA-256 over the period, the totals and the digest of all findings.
func outcomeHash(period payout.Period, totals []payout.Total, all digest) string {
	h := sha256.New()
	fmt.Fprintf(h, "payrecon outcomes 1\n%d %d\n", period.From, period.To)
	for _, t := range totals {
		fmt.Fprintf(h, "%q %d %s %t %d %d %d %d %d %d\n", t.Currency, t.Day, t.Outcome, t.CutOff,
			t.Payouts, t.PayoutAmount, t.Entries, t.EntryAmount, t.PayoutCash, t.EntryCash)
	}
	fmt.Fprintf(h, "%d %016x %016x\n", all.n, all.a, all.b)
	return hex.EncodeToString(h.Sum(nil))
}
