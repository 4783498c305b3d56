package schedules

import (
	"time"

	"payrecon/internal/payout"
)

// due is one due time: the instant, and the local date that it stands for.
type due struct {
	at  time.Time
	day payout.Day
}

// lookBack are the spans in which the newest due time is sought, one after the other: a search forward through a short
// span is cheap for a job of every minute, and a job of every 29 February is found in the last.
var lookBack = []time.Duration{2 * time.Hour, 26 * time.Hour, 9 * 24 * time.Hour, 33 * 24 * time.Hour, 367 * 24 * time.Hour, 4 * 367 * 24 * time.Hour}

// clockShift is more than any change of clocks: zones have moved by up to a day.
const clockShift = 25 * time.Hour

// newest returns the newest due time at or before now; ok is false when there was none in about four years.
func (s *spec) newest(now time.Time) (newest due, ok bool) {
	if s.every > 0 {
		return s.step(now.Truncate(0), 0), true
	}
	for _, span := range lookBack {
		for w := s.wall.Next(wallOf(now.Add(-span), s.zone)); !w.IsZero(); w = s.wall.Next(w) {
			d, exists := s.dueAt(w)
			if exists && d.at.After(now) {
				break
			}
			if exists {
				newest, ok = d, true
			}
		}
		if ok {
			return newest, true
		}
	}
	return due{}, false
}

// next returns the first due time after now; ok is false when there is none in the next years.
func (s *spec) next(now time.Time) (due, bool) {
	if s.every > 0 {
		return s.step(now, 1), true
	}
	for w := s.wall.Next(wallOf(now, s.zone).Add(-clockShift)); !w.IsZero(); w = s.wall.Next(w) {
		if d, exists := s.dueAt(w); exists && d.at.After(now) {
			return d, true
		}
	}
	return due{}, false
}

// step returns the n-th step of @every after the one at or before now.
func (s *spec) step(now time.Time, n int64) due {
	seconds := int64(s.every / time.Second)
	at := time.Unix((floorDiv(now.Unix(), seconds)+n)*seconds, 0).In(s.zone)
	return due{at, payout.DayOf(at)}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// dueAt returns the instant of the wall-clock time. exists is false for a date that the zone skipped as a whole.
func (s *spec) dueAt(wall time.Time) (d due, exists bool) {
	at, inGap := instantOf(wall, s.zone)
	day := payout.DayOf(wall)
	if inGap && payout.DayOf(at) != day {
		y, m, d := wall.Date()
		midnight, _ := instantOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), s.zone)
		if payout.DayOf(midnight) != day {
			return due{}, false
		}
	}
	return due{at, day}, true
}

// wallOf returns what the clock on the wall shows at t, written as if it were UTC.
func wallOf(t time.Time, zone *time.Location) time.Time {
	t = t.In(zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// instantOf returns the instant at which the clock of the zone first shows wall, or, when it never does because the
// clock is put forward over it, the first instant after the gap.
func instantOf(wall time.Time, zone *time.Location) (at time.Time, inGap bool) {
	y, m, d := wall.Date()
	at = time.Date(y, m, d, wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	start, end := at.ZoneBounds()
	switch shown := wallOf(at, zone); {
	case shown.After(wall): // time.Date used the offset from before the gap and landed behind it
		return start.In(zone), true
	case shown.Before(wall): // it used the offset from after the gap and landed before it
		return end.In(zone), true
	}
	if start.IsZero() {
		return at, false
	}
	_, before := start.Add(-time.Second).In(zone).Zone()
	first := time.Unix(wall.Unix()-int64(before), 0).In(zone)
	if first.Before(start) && wallOf(first, zone).Equal(wall) {
		return first, false
	}
	return at, false
}
