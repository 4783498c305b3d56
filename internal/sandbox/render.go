package sandbox

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"payrecon/internal/money"
)

// stateOf returns where the payout stands now, faults included.
func (s *Sandbox) stateOf(num uint32, now int64) state {
	g := s.store.givenOf(num)
	if g != nil && g.fixed != nil {
		return *g.fixed
	}
	created := s.store.rows[num].created
	l := s.store.life(num)
	f := &s.o.Faults
	if f.UnknownStatus|f.Flip == 0 {
		return l.at(created, now)
	}
	h := s.store.hash(num)
	if l.toFinal != never && oneIn(f.UnknownStatus, h, saltStatus) {
		l.final = unknown
	}
	st := l.at(created, now)
	if flipped := st.updated + f.FlipAfter.Milliseconds(); st.status.final() && now >= flipped && oneIn(f.Flip, h, saltFlip) {
		l.final = completed
		if st.status == completed {
			l.final = rejected
		}
		return l.ended(flipped)
	}
	return st
}

// shown reports whether the payout is there at all.
func (s *Sandbox) shown(num uint32, now int64) bool {
	created := s.store.rows[num].created
	if created > now {
		return false
	}
	if g := s.store.givenOf(num); g != nil && g.gone {
		return false
	}
	f := &s.o.Faults
	return f.Vanish == 0 || now-created < f.VanishAfter.Milliseconds() || !oneIn(f.Vanish, s.store.hash(num), saltVanish)
}

// bare reports whether the payout is sent without its initiation.
func (s *Sandbox) bare(num uint32) bool {
	if g := s.store.givenOf(num); g != nil && g.bare {
		return true
	}
	f := &s.o.Faults
	return f.NoInitiation > 0 && oneIn(f.NoInitiation, s.store.hash(num), saltBare)
}

// appendPayout writes one payout object, members in the order of the API's documentation.
func (s *Sandbox) appendPayout(dst []byte, num uint32, now int64) []byte {
	st, f := s.store, &s.o.Faults
	at := s.stateOf(num, now)
	form := 0
	if f.TimeForms {
		form = int(st.hash(num) % timeForms)
	}
	dst = append(dst, `{"id":`...)
	dst = st.appendQuoted(dst, num, (*store).appendID)
	if tx := s.transaction(num, at); tx != "" || f.EmptyOptionals {
		dst = append(dst, `,"bankTransactionId":`...)
		dst = appendText(dst, tx)
	}
	dst = append(dst, `,"memberId":`...)
	dst = appendText(dst, st.member)
	dst = append(dst, `,"createdDateTime":"`...)
	dst = appendTime(dst, st.rows[num].created, form)
	dst = append(dst, `","updatedDateTime":"`...)
	dst = appendTime(dst, at.updated, form)
	dst = append(dst, `","status":"`...)
	dst = append(dst, at.status.String()...)
	dst = append(dst, '"')
	if at.bank != "" || f.EmptyOptionals {
		dst = append(dst, `,"bankPaymentStatus":`...)
		dst = appendText(dst, at.bank)
	}
	switch {
	case at.reason != "":
		dst = append(dst, `,"statusReasonInformation":`...)
		dst = appendText(dst, at.reason)
	case f.EmptyOptionals:
		dst = append(dst, `,"statusReasonInformation":null`...)
	}
	if f.UnknownFields {
		dst = append(dst, `,"settlement":{"batch":null,"hints":["a",{"b":[1,2.5e3,true]}]},"version":7`...)
	}
	if !s.bare(num) {
		dst = append(dst, `,"initiation":`...)
		dst = s.appendInitiation(dst, num)
	}
	return append(dst, '}')
}

func (s *Sandbox) appendInitiation(dst []byte, num uint32) []byte {
	st, f := s.store, &s.o.Faults
	dst = append(dst, `{"description":`...)
	dst = st.appendQuoted(dst, num, (*store).appendDescription)
	dst = append(dst, `,"refId":`...)
	dst = st.appendQuoted(dst, num, (*store).appendRef)
	dst = append(dst, `,"amount":{"value":"`...)
	dst = s.appendValue(dst, num)
	dst = append(dst, `","currency":"`...)
	a, _ := st.amount(num)
	dst = append(dst, a.Currency()...)
	dst = append(dst, `"},"debtor":{"accountId":`...)
	dst = appendText(dst, st.debtor(num))
	dst = append(dst, `},"creditor":`...)
	if f.NumericSort {
		dst = append(dst, st.payee(num).numeric...)
	} else {
		dst = append(dst, st.payee(num).json...)
	}
	if f.UnknownFields {
		dst = append(dst, `,"paymentType":"FASTER","urgency":{"level":1}`...)
	}
	return append(dst, '}')
}

// appendValue writes the amount as the API sends it. One in thirty has another form of the same figure: fewer or more
// decimals than the currency has.
func (s *Sandbox) appendValue(dst []byte, num uint32) []byte {
	a, form := s.store.amount(num)
	if form != "" {
		return append(dst, form...)
	}
	switch draw(s.store.hash(num), saltAmountForm) % 60 {
	case 0:
		whole, decimals, _ := strings.Cut(money.FormatUnits(a.Units(), "CLF"), ".") // four decimals
		return append(append(append(dst, whole...), '.'), decimals...)
	case 1:
		text := strings.TrimRight(strings.TrimRight(money.FormatUnits(a.Units(), "CLF"), "0"), ".")
		return append(dst, text...)
	}
	return money.AppendUnits(dst, a.Units(), a.Currency())
}

// transaction returns the bank's id of the payout, known once the bank has taken it.
func (s *Sandbox) transaction(num uint32, at state) string {
	if g := s.store.givenOf(num); g != nil && g.transaction != "" {
		return g.transaction
	}
	if at.status == pending || at.status == failed {
		return ""
	}
	var b [12]byte
	return string(appendDigits58(b[:0], draw(s.store.hash(num), saltBank), 11))
}

// appendQuoted writes as a JSON string what write writes. Computed texts are plain ASCII; given ones can hold anything.
func (st *store) appendQuoted(dst []byte, num uint32, write func(*store, []byte, uint32) []byte) []byte {
	if st.givenOf(num) != nil {
		return appendText(dst, string(write(st, nil, num)))
	}
	return append(write(st, append(dst, '"'), num), '"')
}

// appendText writes a JSON string. Plain ASCII, nearly all of them, is copied.
func appendText(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // a string: cannot fail
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

// timeForms counts the forms of appendTime. All of them name the same instant.
const timeForms = 6

// appendTime writes an instant; form 0 is the documented one, 2017-04-05T10:43:07.000+00:00.
func appendTime(dst []byte, ms int64, form int) []byte {
	t := time.UnixMilli(ms).UTC()
	switch form {
	case 1:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case 2:
		return t.In(time.FixedZone("", 2*3600)).AppendFormat(dst, "2006-01-02T15:04:05.000-07:00")
	case 3:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.999Z") // no fraction where there is none
	case 4:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.000000000+00:00")
	case 5:
		return t.In(time.FixedZone("", -(5*3600+1800))).AppendFormat(dst, "2006-01-02T15:04:05.000000-07:00")
	}
	year, month, date := t.Date()
	dst = append(appendPadded(dst, year, 4), '-')
	dst = append(appendPadded(dst, int(month), 2), '-')
	dst = append(appendPadded(dst, date, 2), 'T')
	rest := int(((ms % day) + day) % day)
	dst = append(appendPadded(dst, rest/int(hour), 2), ':')
	dst = append(appendPadded(dst, rest/int(minute)%60, 2), ':')
	dst = append(appendPadded(dst, rest/int(second)%60, 2), '.')
	return append(appendPadded(dst, rest%1000, 3), "+00:00"...)
}

func appendPadded(dst []byte, n, width int) []byte {
	for div := [...]int{1, 10, 100, 1000}[width-1]; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

// appendPaging closes a list.
func appendPaging(dst []byte, limit int, offset string) []byte {
	dst = append(dst, `],"paging":{"limit":`...)
	dst = strconv.AppendInt(dst, int64(limit), 10)
	if offset != "" {
		dst = append(dst, `,"offset":`...)
		dst = appendText(dst, offset)
	}
	return append(dst, "}}"...)
}
