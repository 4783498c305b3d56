package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/reconcile"
)

// The types of configuration values. Each reads itself from the text that stands in the file and prints itself in the
// same form; the error of UnmarshalText names the value and what is allowed, the reader adds file, line and key.

// duration is a length of time: a number and s, m, h or d (24 hours), such as 30s, 15m, 36h, 2d, 1h30m.
type duration time.Duration

func (d *duration) UnmarshalText(text []byte) error {
	if n, ok := strings.CutSuffix(string(text), "d"); ok {
		if count, err := strconv.Atoi(n); err == nil && count >= 0 && count <= 3660 {
			*d = duration(count) * duration(24*time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(string(text))
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a length of time (want a number and a unit, such as 30s, 15m, 36h or 2d)", text)
	}
	*d = duration(v)
	return nil
}

// MarshalText prints whole days, hours and minutes without zeros: 36h, not 36h0m0s.
func (d duration) MarshalText() ([]byte, error) {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return []byte(text), nil
}

// days is a whole number of calendar days: 7d.
type days int

func (d *days) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "d"))
	if err != nil || n < 0 || n > 3660 {
		return fmt.Errorf("%q is not a number of days (want 0d to 3660d, such as 7d)", text)
	}
	*d = days(n)
	return nil
}

func (d days) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(int(d)) + "d"), nil }

// span is an age limit in the words of package reconcile: hours, days or business days (24h, 3d, 2bd).
type span string

func (s *span) UnmarshalText(text []byte) error {
	if _, err := reconcile.ParseSpan(string(text)); err != nil {
		return err
	}
	*s = span(text)
	return nil
}

// amounts holds one amount per currency, in money units (1/10000).
type amounts map[string]int64

// set reads one amount; the decoder calls it with the currency as key.
func (a *amounts) set(currency, text string) error {
	if !currencyForm.MatchString(currency) {
		return fmt.Errorf("%q is not a currency (want three capital letters, such as EUR)", currency)
	}
	units, err := money.ParseUnits(text)
	if err != nil {
		return err
	}
	if *a == nil {
		*a = amounts{}
	}
	(*a)[currency] = units
	return nil
}

// MarshalYAML shows the amounts as the decimal strings that they were.
func (a amounts) MarshalYAML() (any, error) {
	out := make(map[string]string, len(a))
	for currency, units := range a {
		out[currency] = money.FormatUnits(units, currency)
	}
	return out, nil
}

// currencyCode is an ISO 4217 code.
type currencyCode string

var currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)

func (c *currencyCode) UnmarshalText(text []byte) error {
	if !currencyForm.Match(text) {
		return fmt.Errorf("%q is not a currency (want three capital letters, such as EUR)", text)
	}
	*c = currencyCode(text)
	return nil
}

// zone is the name of an IANA time zone.
type zone string

func (z *zone) UnmarshalText(text []byte) error {
	if _, err := time.LoadLocation(string(text)); err != nil || len(text) == 0 || string(text) == "Local" {
		return fmt.Errorf("%q is not a time zone (want a name such as UTC or Europe/Berlin)", text)
	}
	*z = zone(text)
	return nil
}

// rate is so many requests per second, minute or hour; the zero value is no limit.
type rate struct {
	count int
	per   time.Duration
}

var rateUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}

func (r *rate) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*r = rate{}
		return nil
	}
	n, unit, _ := strings.Cut(string(text), "/")
	count, err := strconv.Atoi(n)
	if err != nil || count < 1 || count > 100_000 || rateUnits[unit] == 0 {
		return fmt.Errorf("%q is not a rate (want requests per second, minute or hour, such as 5/s or 200/m, or none)", text)
	}
	*r = rate{count, rateUnits[unit]}
	return nil
}

func (r rate) MarshalText() ([]byte, error) {
	for unit, per := range rateUnits {
		if per == r.per {
			return fmt.Appendf(nil, "%d/%s", r.count, unit), nil
		}
	}
	return []byte("none"), nil
}

// perSecond returns the rate in requests per second, 0 for no limit.
func (r rate) perSecond() float64 {
	if r.per == 0 {
		return 0
	}
	return float64(r.count) / r.per.Seconds()
}

// percent is a whole number from 0 to 100.
type percent int

func (p *percent) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimSuffix(string(text), "%"))
	if err != nil || n < 0 || n > 100 {
		return fmt.Errorf("%q is not a percentage (want 0%% to 100%%)", text)
	}
	*p = percent(n)
	return nil
}

func (p percent) MarshalText() ([]byte, error) { return []byte(strconv.Itoa(int(p)) + "%"), nil }

// delimiter is the character between two fields.
type delimiter string

var delimiterNames = map[string]string{"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

func (d *delimiter) UnmarshalText(text []byte) error {
	s := string(text)
	if named, ok := delimiterNames[s]; ok {
		s = named
	}
	switch s {
	case ",", ";", "\t", "|":
	default:
		return fmt.Errorf("%q is not a delimiter (want comma, semicolon, tab or pipe)", text)
	}
	*d = delimiter(s)
	return nil
}

// thousands is the character between groups of digits; none stands for no such character, "" for: detect it.
type thousands string

func (t *thousands) UnmarshalText(text []byte) error {
	s := string(text)
	switch s {
	case "space":
		s = " "
	case "", "none", ",", ".", "'", " ":
	default:
		return fmt.Errorf("%q is not a mark between thousands (want none, space, comma, point or apostrophe)", text)
	}
	*t = thousands(s)
	return nil
}

// filterRule keeps the rows whose column holds one of In (when given), none of Not, and an amount of the Sign.
type filterRule struct {
	In   []string `yaml:"in,omitempty,flow"`
	Not  []string `yaml:"not,omitempty,flow"`
	Sign string   `yaml:"sign,omitempty" allow:"positive|negative"`
}

// dateRange is a pair of days, both inclusive; NoDay on both sides when it is not set.
type dateRange struct {
	From payout.Day `yaml:"from"`
	To   payout.Day `yaml:"to"`
}

// IsZero reports whether no range was given; the YAML encoder asks.
func (r dateRange) IsZero() bool { return r.From == payout.NoDay && r.To == payout.NoDay }

// period returns the range, or nil when none was given.
func (r dateRange) period() *payout.Period {
	if r.IsZero() {
		return nil
	}
	return &payout.Period{From: r.From, To: r.To}
}

// words is a command with its flags: a list, or a text cut at spaces.
type words []string

func (w *words) UnmarshalText(text []byte) error {
	*w = strings.Fields(string(text))
	return nil
}

// periodWord names a period that moves with the day: last-Nd, yesterday, month-to-date, last-month.
type periodWord string

var lastDaysForm = regexp.MustCompile(`^last-([0-9]{1,4})d$`)

func (w *periodWord) UnmarshalText(text []byte) error {
	s := string(text)
	m := lastDaysForm.FindStringSubmatch(s)
	fixed := slices.Contains([]string{"yesterday", "month-to-date", "last-month"}, s)
	if !fixed && (m == nil || strings.Trim(m[1], "0") == "") {
		return fmt.Errorf("%q is not a period (want last-35d or another number of days, yesterday, month-to-date or last-month)", text)
	}
	*w = periodWord(s)
	return nil
}

// period returns the days that the word names, seen from last, the last day that has ended. month-to-date is the
// month of last; last-month is the calendar month before the month of the day after last.
func (w periodWord) period(last payout.Day) payout.Period {
	if m := lastDaysForm.FindStringSubmatch(string(w)); m != nil {
		n, _ := strconv.Atoi(m[1]) // four digits at most
		return payout.Period{From: last - payout.Day(n) + 1, To: last}
	}
	first := func(d payout.Day) payout.Day { return d - payout.Day(d.Start().Day()) + 1 }
	switch w {
	case "month-to-date":
		return payout.Period{From: first(last), To: last}
	case "last-month":
		end := first(last+1) - 1
		return payout.Period{From: first(end), To: end}
	}
	return payout.Period{From: last, To: last}
}
