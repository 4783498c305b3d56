package schedules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"payrecon/internal/payout"
)

// spec is a parsed cron expression in its zone. Exactly one of wall and every is set.
type spec struct {
	zone  *time.Location
	wall  cron.Schedule // over wall-clock times, written as if they were UTC
	every time.Duration // of @every
	daily bool          // at most once per date
}

// searchFrom is where the search begins for whether an expression fires at all: a year with a 29 February.
var searchFrom = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// parseSpec reads a job's expression and zone. The errors say what is wrong with it and what would be right.
func parseSpec(expression, timezone string) (*spec, error) {
	fields := strings.TrimSpace(expression)
	if fields == "" {
		return nil, errors.New(`is empty (want minute, hour, day of month, month and day of week, such as "30 2 * * *")`)
	}
	fields, name, err := splitZone(fields, timezone)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone (want a name such as UTC or Europe/Berlin)", name)
	}
	parsed, err := parseFields(fields)
	if err != nil {
		return nil, err
	}
	if step, ok := parsed.(cron.ConstantDelaySchedule); ok {
		return everySpec(fields, step, zone)
	}
	first := parsed.Next(searchFrom.Add(-time.Second))
	if first.IsZero() {
		return nil, fmt.Errorf("%q never comes: there is no such date", fields)
	}
	return &spec{zone: zone, wall: parsed, daily: isDaily(parsed, first)}, nil
}

// splitZone takes a zone off the front of the expression (CRON_TZ=Zone or TZ=Zone). It may be given there or as the
// job's own zone, not both. The cron library panics on a zone that nothing follows, so it never sees one.
func splitZone(expression, timezone string) (fields, zone string, err error) {
	prefixed := strings.HasPrefix(expression, "CRON_TZ=") || strings.HasPrefix(expression, "TZ=")
	if !prefixed {
		if timezone == "" {
			timezone = "UTC"
		}
		return expression, timezone, nil
	}
	head, rest, _ := strings.Cut(expression, " ")
	_, zone, _ = strings.Cut(head, "=")
	switch rest = strings.TrimSpace(rest); {
	case timezone != "":
		return "", "", fmt.Errorf("the zone is given twice: %s in the expression and timezone %s; keep one", head, timezone)
	case zone == "":
		return "", "", fmt.Errorf("%s names no time zone", head)
	case rest == "":
		return "", "", fmt.Errorf(`nothing follows %s (want five fields after it, such as "30 2 * * *")`, head)
	}
	return rest, zone, nil
}

// parseFields asks the cron library. Wall-clock times are kept as if they were UTC, where every time exists once.
func parseFields(fields string) (parsed cron.Schedule, err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on some texts; none must end the program
			parsed, err = nil, fmt.Errorf("%q is not a cron expression", fields)
		}
	}()
	if strings.Contains(fields, "TZ=") {
		return nil, fmt.Errorf("%q names a second time zone", fields)
	}
	parsed, err = cron.ParseStandard(sundayIsZero(fields))
	if err != nil {
		return nil, fmt.Errorf("%q is not a cron expression: %w", fields, err)
	}
	if s, ok := parsed.(*cron.SpecSchedule); ok {
		s.Location = time.UTC
	}
	return parsed, nil
}

// toSunday is a term of the day-of-week field that names Sunday as 7, alone or as the end of a range.
var toSunday = regexp.MustCompile(`^(?:([0-7]|[A-Za-z]{3})-)?7(?:/([1-9]))?$`)

// sundayIsZero writes out the terms in which Sunday is 7, which every crontab takes and the library does not: 5-7 becomes
// 5,6,0. Everything else stays as it is, for the library to judge.
func sundayIsZero(expression string) string {
	fields := strings.Fields(expression)
	if len(fields) != 5 {
		return expression
	}
	terms := strings.Split(fields[4], ",")
	for i, term := range terms {
		m := toSunday.FindStringSubmatch(term)
		if m == nil {
			continue
		}
		first, step := 7, 1
		if m[1] != "" {
			first = slices.Index(weekdays, strings.ToLower(m[1]))
			if day, err := strconv.Atoi(m[1]); err == nil {
				first = day
			}
		}
		if m[2] != "" {
			step, _ = strconv.Atoi(m[2])
		}
		if first < 0 {
			continue // no day of that name
		}
		var days []string
		for day := first; day <= 7; day += step {
			days = append(days, strconv.Itoa(day%7))
		}
		terms[i] = strings.Join(days, ",")
	}
	fields[4] = strings.Join(terms, ",")
	return strings.Join(fields, " ")
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// everySpec checks the step of @every. The library makes a second of anything shorter.
func everySpec(fields string, step cron.ConstantDelaySchedule, zone *time.Location) (*spec, error) {
	asked, err := time.ParseDuration(strings.TrimSpace(strings.TrimPrefix(fields, "@every")))
	if err != nil || asked < time.Minute || asked != step.Delay {
		return nil, fmt.Errorf("%q: the step must be at least a minute, in whole seconds", fields)
	}
	return &spec{zone: zone, every: step.Delay}, nil
}

// isDaily reports whether the schedule has at most one time on any date. Hours and minutes are the same on every date
// that has any, so the first date tells.
func isDaily(s cron.Schedule, first time.Time) bool {
	second := s.Next(first)
	return second.IsZero() || payout.DayOf(second) != payout.DayOf(first)
}
