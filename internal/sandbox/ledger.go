package sandbox

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// The ledger is the company's side of the same story, exported when the clock stood at its start: an entry for nearly
// every payout of the period, booked on the day or a day later, in the words that such files use, in an order that
// means nothing. Entries begin one day after the period does, so that the first day shows what lies beyond an extract.

const ledgerHeader = "ref_id,amount,currency,status,date,text,document\n"

// ledgerWords are words that the default configuration knows, in the spellings of real exports.
var ledgerWords = map[payout.EntryClass][]string{
	payout.EntryPaid:     {"paid", "settled", "BOOKED", "Completed", "INITIATION_COMPLETED", "success"},
	payout.EntryNone:     {""},
	payout.EntryPending:  {"pending", "Processing", "scheduled", "in_progress", "INITIATION_PENDING"},
	payout.EntryFailed:   {"failed", "REJECTED", "Cancelled", "INITIATION_FAILED"},
	payout.EntryReturned: {"returned", "Refunded", "REVERSED", "recalled"},
}

// ordinary is what the company booked for a payout that has no story of its own, and what must become of it.
type ordinary struct {
	booked  bool
	class   payout.EntryClass
	day     payout.Day
	outcome payout.Outcome
}

// book decides on the entry of a payout from the seed and from where the payout stands at the start. It keeps clear of
// everything that would be a break: only payouts that the bank never finishes become one (stuck).
func (s *Sandbox) book(num uint32) ordinary {
	now := millis(s.start)
	created := s.store.rows[num].created
	h := draw(s.store.hash(num), saltEntry)
	at := s.store.life(num).at(created, now)
	d, age := payout.Millis(created).Day(), now-created
	o := ordinary{booked: d >= s.firstDay(), day: d}
	switch {
	case !at.status.live() && h%5 < 2, age < 12*hour && h%4 == 0:
		o.booked = false
	}
	if !o.booked {
		return o
	}
	if o.day == s.firstDay() || h>>20%4 == 0 {
		o.day = min(o.day+1, payout.DayOf(s.start))
	}
	o.class, o.outcome = payout.EntryPaid, payout.Matched
	stuck := age > stuckAfter
	switch pick := h >> 8; {
	case !at.status.live():
		o.class = payout.EntryFailed
	case at.status == completed && now-at.updated < 20*hour && pick%3 == 0:
		o.class, o.outcome = payout.EntryPending, payout.Timing
	case at.status == completed && pick%20 == 0:
		o.class = payout.EntryNone
	case at.status == completed:
	case pick%2 == 0:
		o.class = payout.EntryPending
	default:
		o.outcome = payout.InFlight
	}
	if stuck && at.status.live() && at.status != completed {
		o.outcome = payout.Stuck
	}
	return o
}

// ledger is the order of the file: numbers of ordinary payouts, and planted rows.
type ledger struct {
	s     *Sandbox
	lines []ledgerLine
	first payout.Day // the first and the last day of an entry
	last  payout.Day
}

type ledgerLine struct {
	num   uint32
	line  int32 // physical line where the row starts
	plant *plantLine
}

// layLedger decides on every row and its place. The caller holds the lock.
func (s *Sandbox) layLedger() *ledger {
	l := &ledger{s: s, first: payout.NoDay, last: payout.NoDay}
	l.lines = make([]ledgerLine, 0, len(s.store.rows)+len(s.cases))
	for num := range uint32(len(s.store.rows)) {
		if g := s.store.givenOf(num); g != nil && !g.booked || s.store.rows[num].created > millis(s.start) {
			continue
		}
		if o := s.book(num); o.booked {
			l.lines = append(l.lines, ledgerLine{num: num})
			l.cover(o.day)
		}
	}
	for _, p := range s.plantedLines() {
		l.lines = append(l.lines, ledgerLine{plant: p})
		if !p.unreadable {
			l.cover(p.day)
		}
	}
	rng := rand.New(rand.NewPCG(s.o.Seed, saltShuffle))
	rng.Shuffle(len(l.lines), func(i, j int) { l.lines[i], l.lines[j] = l.lines[j], l.lines[i] })
	line := int32(2)
	for i := range l.lines {
		l.lines[i].line = line
		if l.lines[i].plant == nil && s.twoLined(l.lines[i].num) {
			line++
		}
		line++
	}
	return l
}

func (l *ledger) cover(d payout.Day) {
	if d == payout.NoDay {
		return
	}
	if l.first == payout.NoDay || d < l.first {
		l.first = d
	}
	l.last = max(l.last, d)
}

// twoLined reports whether the text of a payout's row has a line break in it: one in five hundred.
func (s *Sandbox) twoLined(num uint32) bool {
	return draw(s.store.hash(num), saltText)>>20%500 == 7
}

// WriteLedger writes the company's ledger as CSV, as it was exported when the clock stood at its start: ref_id, amount
// (money out is positive), currency, status, date (YYYY-MM-DD), text, document.
func (s *Sandbox) WriteLedger(w io.Writer) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.layLedger()
	b := bufio.NewWriterSize(w, 1<<16)
	row := make([]byte, 0, 512)
	row = append(row, ledgerHeader...)
	for i := range l.lines {
		if _, err := b.Write(row); err != nil {
			return fmt.Errorf("sandbox: writing the ledger: %w", err)
		}
		if p := l.lines[i].plant; p != nil {
			row = p.append(row[:0])
		} else {
			row = s.appendEntry(row[:0], l.lines[i].num)
		}
	}
	if _, err := b.Write(row); err != nil {
		return fmt.Errorf("sandbox: writing the ledger: %w", err)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("sandbox: writing the ledger: %w", err)
	}
	return nil
}

func (s *Sandbox) appendEntry(dst []byte, num uint32) []byte {
	st := s.store
	o := s.book(num)
	h := draw(st.hash(num), saltEntry)
	dst = st.appendRef(dst, num)
	if h%97 == 3 {
		dst = append(dst, ' ')
	}
	dst = append(dst, ',')
	a, _ := st.amount(num)
	dst = money.AppendUnits(dst, a.Units(), a.Currency())
	dst = append(append(append(dst, ','), a.Currency()...), ',')
	words := ledgerWords[o.class]
	dst = append(append(dst, words[h>>32%uint64(len(words))]...), ',')
	dst = append(append(dst, o.day.String()...), ',')
	text := "Payout to " + st.payee(num).Name
	if s.twoLined(num) {
		text += "\nsecond line of the text"
	}
	dst = append(appendField(dst, text), ",DOC-"...)
	return append(strconv.AppendUint(dst, h>>24%1_000_000, 10), '\n')
}

func (p *plantLine) append(dst []byte) []byte {
	for _, field := range []string{p.ref, p.amount, p.currency, p.word, p.date, p.text} {
		dst = append(appendField(dst, field), ',')
	}
	return append(appendField(dst, p.document), '\n')
}

// appendField quotes as RFC 4180 asks.
func appendField(dst []byte, text string) []byte {
	plain := true
	for i := range len(text) {
		switch text[i] {
		case ',', '"', '\n', '\r':
			plain = false
		}
	}
	if plain {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		if text[i] == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, text[i])
	}
	return append(dst, '"')
}
