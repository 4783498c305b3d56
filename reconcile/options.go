package reconcile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"payrecon/internal/payout"
)

// Options are the rules' settings: the reconcile section of the configuration. The zero value of a field means its default.
type Options struct {
	Period payout.Period // payouts by UTC day of creation, entries by ledger day
	AsOf   time.Time     // moves the clock of ages, nothing else; default Clock()

	MatchWindowDays int // a gap of more days between the records of a key starts a new episode; default 10, below 0: none
	GraceLedger     Span
	GraceProvider   Span // both default 1bd
	StuckAfter      Span // default 72h, counted from creation

	Tolerance   map[string]int64 // money units by currency: smaller differences count as equal; default 0
	Materiality map[string]int64 // money units by currency: from here on one severity up
	Trivial     map[string]int64 // money units by currency: below it severity low
	Holidays    []payout.Day     // no business days, beside Saturdays and Sundays

	CaseInsensitive bool // references are compared in lower case
	ConfirmMax      int  // more references than this to ask the provider for: none is asked; default 2000, below 0: never ask
	MinOverlap      int  // percent of entries that must have a payout, from 100 entries on; default 50, below 0: no guard

	MemoryBound int64            // bytes of records held in memory before they go to a spill file; default 24 MiB
	Clock       func() time.Time // what time it is; default time.Now
}

// withDefaults fills in what is not set.
func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.AsOf.IsZero() {
		o.AsOf = o.Clock()
	}
	or := func(field *int, otherwise int) {
		if *field == 0 {
			*field = otherwise
		}
		*field = max(*field, 0)
	}
	or(&o.MatchWindowDays, 10)
	if o.ConfirmMax == 0 {
		o.ConfirmMax = 2000
	}
	or(&o.MinOverlap, 50)
	o.GraceLedger = o.GraceLedger.or(Span{1, spanBusiness})
	o.GraceProvider = o.GraceProvider.or(Span{1, spanBusiness})
	o.StuckAfter = o.StuckAfter.or(Span{int64(72 * time.Hour / time.Millisecond), spanClock})
	if o.MemoryBound == 0 {
		o.MemoryBound = 24 << 20
	}
	return o
}

// Span is a length of time as people set it: a duration ("24h"), days of 24 hours ("3d") or business days ("2bd": 48 hours
// that count on UTC business days only). The zero Span is "not set"; "0h" is a set span of no length.
type Span struct {
	n    int64 // milliseconds, or business days
	kind spanKind
}

type spanKind uint8

const (
	spanUnset spanKind = iota
	spanClock
	spanBusiness
)

const (
	millisHour = 3_600_000
	millisDay  = 24 * millisHour
	maxSpanDay = 36_500 // a hundred years: more is a slip of the hand
)

// ParseSpan reads "24h" and other non-negative Go durations, "3d" and "2bd"; at most 36500 days.
func ParseSpan(text string) (Span, error) {
	bad := func() (Span, error) {
		return Span{}, fmt.Errorf("%q is not a length of time (want such as 24h, 3d or 2bd)", text)
	}
	if count, ok := strings.CutSuffix(text, "d"); ok {
		count, business := strings.CutSuffix(count, "b")
		n, err := strconv.ParseUint(count, 10, 32)
		if err != nil || n > maxSpanDay {
			return bad()
		}
		if business {
			return Span{int64(n), spanBusiness}, nil
		}
		return Span{int64(n) * millisDay, spanClock}, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > maxSpanDay*24*time.Hour {
		return bad()
	}
	return Span{d.Milliseconds(), spanClock}, nil
}

// IsZero reports whether the span is not set.
func (s Span) IsZero() bool { return s.kind == spanUnset }

// String prints what ParseSpan reads.
func (s Span) String() string {
	switch {
	case s.kind == spanBusiness:
		return strconv.FormatInt(s.n, 10) + "bd"
	case s.kind == spanClock && s.n >= millisDay && s.n%millisDay == 0:
		return strconv.FormatInt(s.n/millisDay, 10) + "d"
	case s.kind == spanClock && s.n%millisHour == 0:
		return strconv.FormatInt(s.n/millisHour, 10) + "h"
	case s.kind == spanClock:
		return (time.Duration(s.n) * time.Millisecond).String()
	}
	return ""
}

// inHours is String, but in hours for spans of up to ten days, as people set limits.
func (s Span) inHours() string {
	if s.kind == spanClock && s.n > 0 && s.n <= 10*millisDay && s.n%millisHour == 0 {
		return strconv.FormatInt(s.n/millisHour, 10) + "h"
	}
	return s.String()
}

func (s Span) or(otherwise Span) Span {
	if s.IsZero() {
		return otherwise
	}
	return s
}

// calendar knows which days are business days: Monday to Friday, less the holidays.
type calendar map[payout.Day]bool

func newCalendar(holidays []payout.Day) calendar {
	c := make(calendar, len(holidays))
	for _, d := range holidays {
		c[d] = true
	}
	return c
}

func (c calendar) business(d payout.Day) bool {
	weekday := (int(d)%7 + 7 + 4) % 7 // day 0, 1970-01-01, was a Thursday; Sunday is 0
	return weekday != 0 && weekday != 6 && !c[d]
}

// after returns the instant at which the span that begins at t is over. Business days run only on business days: Saturday
// 10:00 + 1bd is Tuesday 00:00.
func (c calendar) after(t payout.Millis, s Span) payout.Millis {
	if s.kind != spanBusiness {
		return t + payout.Millis(s.n)
	}
	for left := payout.Millis(s.n) * millisDay; left > 0; {
		midnight := payout.Millis(t.Day()+1) * millisDay
		if c.business(t.Day()) {
			step := min(left, midnight-t)
			left -= step
			t += step
		} else {
			t = midnight
		}
	}
	return t
}
