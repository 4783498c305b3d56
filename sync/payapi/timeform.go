package payapi

import (
	"fmt"
	"time"

	"payrecon/internal/payout"
)

// parseTime reads an instant in the forms of ISO 8601 that name a whole day: the documented
// 2017-04-05T10:43:07.000+00:00, and also Z, +0000, +00, no or a long fraction (cut to milliseconds), a comma for the
// point, a space for the T, no seconds, the basic form without dashes and colons, and a lone date. Without an offset it
// is UTC. 24:00 and leap seconds are the next instant. Years 1900 to 9999.
func parseTime(text string) (payout.Millis, error) {
	p := timeText{text: text}
	year, month, day := p.date()
	var hour, minute, second, millis, offset int
	if p.rest() && p.oneOf("Tt ") {
		hour, minute, second, millis = p.clock()
		offset = p.zone()
	}
	if p.bad || p.rest() || hour > 24 || hour == 24 && minute+second+millis > 0 || minute > 59 || second > 60 {
		return 0, badTime(text)
	}
	if year < 1900 || month < 1 || month > 12 || day < 1 {
		return 0, badTime(text)
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if midnight.Day() != day {
		return 0, badTime(text)
	}
	seconds := midnight.Unix() + int64(hour*3600+minute*60+second-offset)
	return payout.Millis(seconds*1000 + int64(millis)), nil
}

func badTime(text string) error {
	return fmt.Errorf("%q is not a time (want ISO 8601, such as 2017-04-05T10:43:07.000+00:00)", clip(text, 60))
}

// timeText is a reading position in the text of a time. What does not fit sets bad.
type timeText struct {
	text string
	pos  int
	bad  bool
}

func (p *timeText) rest() bool { return p.pos < len(p.text) }

// oneOf skips the next byte if it is one of set.
func (p *timeText) oneOf(set string) bool {
	if p.rest() {
		for i := range len(set) {
			if p.text[p.pos] == set[i] {
				p.pos++
				return true
			}
		}
	}
	return false
}

// number reads exactly n digits.
func (p *timeText) number(n int) (v int) {
	if len(p.text)-p.pos < n {
		p.bad = true
		return 0
	}
	for range n {
		c := p.text[p.pos]
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = v*10 + int(c-'0')
		p.pos++
	}
	return v
}

func (p *timeText) date() (year, month, day int) {
	year = p.number(4)
	dashed := p.oneOf("-")
	month = p.number(2)
	if dashed != p.oneOf("-") {
		p.bad = true
	}
	return year, month, p.number(2)
}

func (p *timeText) clock() (hour, minute, second, millis int) {
	hour = p.number(2)
	colons := p.oneOf(":")
	minute = p.number(2)
	if colons && p.oneOf(":") || !colons && p.digit() {
		second = p.number(2)
	}
	if !p.oneOf(".,") {
		return hour, minute, second, 0
	}
	if !p.digit() {
		p.bad = true
	}
	for scale := 100; p.digit(); scale /= 10 {
		millis += scale * int(p.text[p.pos]-'0')
		p.pos++
	}
	return hour, minute, second, millis
}

func (p *timeText) digit() bool {
	return p.rest() && p.text[p.pos] >= '0' && p.text[p.pos] <= '9'
}

// zone reads the offset from UTC, in seconds east of it.
func (p *timeText) zone() int {
	if !p.rest() || p.oneOf("Zz") {
		return 0
	}
	sign := 1
	if p.oneOf("-") {
		sign = -1
	} else if !p.oneOf("+") {
		p.bad = true
	}
	hours, minutes := p.number(2), 0
	if p.oneOf(":") || p.rest() {
		minutes = p.number(2)
	}
	if hours > 18 || minutes > 59 {
		p.bad = true
	}
	return sign * (hours*3600 + minutes*60)
}
