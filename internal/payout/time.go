package payout

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Day is a calendar day: days since 1970-01-01.
type Day int32

// NoDay is the day of an entry that has no date.
const NoDay Day = math.MinInt32

// DayOf returns the calendar day of t in t's own zone.
func DayOf(t time.Time) Day {
	y, m, d := t.Date()
	return Day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

// ParseDay reads YYYY-MM-DD, years 1900 to 9999.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1900 {
		return NoDay, fmt.Errorf("%q is not a date (want YYYY-MM-DD)", s)
	}
	return DayOf(t), nil
}

// String returns YYYY-MM-DD, or "" for NoDay.
func (d Day) String() string {
	if d == NoDay {
		return ""
	}
	return d.Start().Format(time.DateOnly)
}

// Start returns 00:00 UTC of the day.
func (d Day) Start() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// MarshalText is String; UnmarshalText is ParseDay, with "" for NoDay.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Day) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = NoDay
		return nil
	}
	*d, err = ParseDay(string(text))
	return err
}

// Millis is an instant: milliseconds since 1970-01-01T00:00Z. Zero means "not known".
type Millis int64

// MillisOf returns the instant t.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time returns the instant in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Day returns the UTC day of the instant.
func (m Millis) Day() Day {
	d := m / 86_400_000
	if m%86_400_000 < 0 {
		d--
	}
	return Day(d)
}

// String returns RFC 3339 in UTC with milliseconds only where there are any, or "" for an unknown instant.
func (m Millis) String() string {
	if m == 0 {
		return ""
	}
	return m.Time().Format("2006-01-02T15:04:05.999Z07:00")
}

// MarshalText is String.
func (m Millis) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (m *Millis) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*m = 0
		return nil
	}
	t, err := time.Parse(time.RFC3339, string(text))
	*m = MillisOf(t)
	return err
}

// Period is a range of days, both inclusive.
type Period struct {
	From Day `json:"from"`
	To   Day `json:"to"`
}

// DaysInWords names a sorted list of days as ranges, at most five of them: "2026-03-01 to 2026-03-04, 2026-03-09".
func DaysInWords(days []Day) string {
	var ranges []string
	for i := 0; i < len(days); {
		j := i
		for j+1 < len(days) && days[j+1] == days[j]+1 {
			j++
		}
		ranges = append(ranges, Period{From: days[i], To: days[j]}.String())
		i = j + 1
	}
	if len(ranges) > 5 {
		ranges = append(ranges[:4], "... "+ranges[len(ranges)-1])
	}
	return strings.Join(ranges, ", ")
}

// Contains reports whether d lies in the period. NoDay lies in every period: an undated entry is always in scope.
func (p Period) Contains(d Day) bool { return d == NoDay || p.From <= d && d <= p.To }

// Days returns the number of days, 0 for an empty period.
func (p Period) Days() int { return max(0, int(p.To-p.From)+1) }

// String returns "2026-01-01 to 2026-01-31", or the one day.
func (p Period) String() string {
	if p.From == p.To {
		return p.From.String()
	}
	return p.From.String() + " to " + p.To.String()
}
