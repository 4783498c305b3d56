package reconcile

import (
	"strings"
	"time"

	"payrecon/internal/payout"
)

// ledgerDates reads the date column: a date alone is a day of the ledger's zone, a timestamp is converted to it.
type ledgerDates struct {
	layout string // Go's; "" = YYYY-MM-DD or RFC 3339
	format string // as configured
	zone   *time.Location
}

// The days that a ledger may hold, as payout.ParseDay has them: 1900-01-01 to 9999-12-31.
var (
	ledgerFirstDay = payout.DayOf(time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC))
	ledgerLastDay  = payout.DayOf(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
)

func newLedgerDates(format, zone string) (ledgerDates, error) {
	d := ledgerDates{format: format, zone: time.UTC}
	if zone != "" {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			return d, ledgerBadKey("timezone", zone, "an IANA name such as Europe/Berlin")
		}
		d.zone = loc
	}
	if format == "" {
		return d, nil
	}
	d.layout = ledgerLayout(format)
	for _, probe := range []time.Time{time.Date(2026, 11, 23, 13, 14, 15, 0, time.UTC), time.Date(2031, 4, 5, 1, 2, 3, 0, time.UTC)} {
		t, err := time.ParseInLocation(d.layout, probe.Format(d.layout), time.UTC)
		if err != nil || payout.DayOf(t) != payout.DayOf(probe) {
			return d, ledgerBadKey("date_format", format, "year, month and day, as in DD.MM.YYYY, MM/DD/YYYY hh:mm or 02.01.2006")
		}
	}
	return d, nil
}

// ledgerLayout turns DD.MM.YYYY into 02.01.2006. A format with digits in it is a Go layout already.
func ledgerLayout(format string) string {
	if strings.ContainsAny(format, "0123456789") {
		return format
	}
	if !strings.Contains(format, "M") && !strings.ContainsAny(format, "hH") { // dd.mm.yyyy
		format = strings.ReplaceAll(format, "m", "M")
	}
	var out strings.Builder
	for i := 0; i < len(format); {
		n := 1
		for i+n < len(format) && format[i+n] == format[i] {
			n++
		}
		run := format[i : i+n]
		i += n
		switch {
		case n == 4 && (run[0] == 'Y' || run[0] == 'y'):
			run = "2006"
		case n == 2 && (run[0] == 'Y' || run[0] == 'y'):
			run = "06"
		case run[0] == 'M' && n <= 3:
			run = []string{"1", "01", "Jan"}[n-1]
		case (run[0] == 'D' || run[0] == 'd') && n <= 2:
			run = []string{"2", "02"}[n-1]
		case (run[0] == 'h' || run[0] == 'H') && n <= 2:
			run = "15"
		case run == "mm":
			run = "04"
		case run == "ss" || run == "SS":
			run = "05"
		case run == "Z":
			run = "Z07:00"
		}
		out.WriteString(run)
	}
	return out.String()
}

// words says how dates are read, for people.
func (d *ledgerDates) words() string {
	format := d.format
	if format == "" {
		format = "YYYY-MM-DD or RFC 3339"
	}
	return "dates " + format + " in " + d.zone.String()
}

// want says what a date that could not be read should look like.
func (d *ledgerDates) want() string {
	if d.format == "" {
		return "not a date (want YYYY-MM-DD or RFC 3339, or set ledger.date_format)"
	}
	return "not a date (want " + d.format + ")"
}

// parse reads v, which is trimmed and not empty.
func (d *ledgerDates) parse(v string) (payout.Day, bool) {
	if d.layout != "" {
		t, err := time.ParseInLocation(d.layout, v, d.zone)
		return d.day(t, err)
	}
	if len(v) == len(time.DateOnly) {
		return ledgerISODay(v)
	}
	t, err := time.Parse(time.RFC3339, v)
	return d.day(t, err)
}

func (d *ledgerDates) day(t time.Time, err error) (payout.Day, bool) {
	if err != nil {
		return payout.NoDay, false
	}
	if d.zone != time.UTC || d.layout != "" {
		day := payout.DayOf(t.In(d.zone))
		return day, day >= ledgerFirstDay && day <= ledgerLastDay
	}
	day := payout.MillisOf(t).Day()
	return day, day >= ledgerFirstDay && day <= ledgerLastDay
}

// ledgerISODay reads the ten characters of YYYY-MM-DD, years 1900 to 9999, at about a tenth of what time.Parse costs.
func ledgerISODay(v string) (payout.Day, bool) {
	_ = v[9]
	if v[4] != '-' || v[7] != '-' {
		return payout.NoDay, false
	}
	var bad byte
	digit := func(i int) int {
		c := v[i] - '0'
		if c > 9 {
			bad = 1
		}
		return int(c)
	}
	y := digit(0)*1000 + digit(1)*100 + digit(2)*10 + digit(3)
	m := digit(5)*10 + digit(6)
	day := digit(8)*10 + digit(9)
	if bad != 0 || y < 1900 || m < 1 || m > 12 || day < 1 || day > 31 || day > 28 && day > ledgerDaysIn(y, m) {
		return payout.NoDay, false
	}
	// Days before the year, with January and February counted to the year before: the leap day comes last.
	if m <= 2 {
		y--
		m += 12
	}
	return payout.Day(365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + day - 1 - 719468), true
}

func ledgerDaysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
