package schedules

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"payrecon/internal/payout"
)

func mustSpec(t testing.TB, cron, zone string) *spec {
	t.Helper()
	s, err := parseSpec(cron, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDueAcrossClockChanges(t *testing.T) {
	for _, tc := range []struct {
		name, cron, zone, from, to string
		want                       []string // instants in UTC, with the local date they stand for
	}{
		{
			"London, in the spring gap", "30 1 * * *", "Europe/London", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z",
			[]string{"2026-03-28T01:30:00Z 2026-03-28", "2026-03-29T01:00:00Z 2026-03-29", "2026-03-30T00:30:00Z 2026-03-30"},
		},
		{
			"London, in the autumn overlap", "30 1 * * *", "Europe/London", "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z",
			[]string{"2026-10-24T00:30:00Z 2026-10-24", "2026-10-25T00:30:00Z 2026-10-25", "2026-10-26T01:30:00Z 2026-10-26"},
		},
		{
			"Berlin, in the spring gap", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z",
			[]string{"2026-03-29T01:00:00Z 2026-03-29", "2026-03-30T00:30:00Z 2026-03-30"},
		},
		{
			"Berlin, in the autumn overlap", "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z",
			[]string{"2026-10-25T00:30:00Z 2026-10-25", "2026-10-26T01:30:00Z 2026-10-26"},
		},
		{
			"Sao Paulo, midnight does not exist", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z",
			[]string{"2018-11-04T03:00:00Z 2018-11-04", "2018-11-05T02:00:00Z 2018-11-05"},
		},
		{
			"Sao Paulo, the hour before midnight comes twice", "30 23 * * *", "America/Sao_Paulo", "2018-02-17T12:00:00Z", "2018-02-19T12:00:00Z",
			[]string{"2018-02-18T01:30:00Z 2018-02-17", "2018-02-19T02:30:00Z 2018-02-18"},
		},
		{
			"Apia, a date that did not exist", "0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", "2011-12-31T12:00:00Z",
			[]string{"2011-12-29T22:00:00Z 2011-12-29", "2011-12-30T22:00:00Z 2011-12-31"},
		},
		{
			"hourly over the gap: the times in it fall together", "0,30 * * * *", "Europe/London", "2026-03-29T00:15:00Z", "2026-03-29T01:45:00Z",
			[]string{"2026-03-29T00:30:00Z 2026-03-29", "2026-03-29T01:00:00Z 2026-03-29", "2026-03-29T01:30:00Z 2026-03-29"},
		},
		{
			"hourly over the overlap: the second pass is not due", "0 * * * *", "Europe/London", "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z",
			[]string{"2026-10-25T00:00:00Z 2026-10-25", "2026-10-25T02:00:00Z 2026-10-25"},
		},
		{
			"every six hours, whatever the zone", "@every 6h", "Europe/London", "2026-03-28T20:00:00Z", "2026-03-29T12:00:00Z",
			[]string{"2026-03-29T00:00:00Z 2026-03-29", "2026-03-29T06:00:00Z 2026-03-29", "2026-03-29T12:00:00Z 2026-03-29"},
		},
		{"a leap day", "0 6 29 2 *", "UTC", "2024-03-01T00:00:00Z", "2028-03-01T00:00:00Z", []string{"2028-02-29T06:00:00Z 2028-02-29"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := mustSpec(t, tc.cron, tc.zone)
			from, _ := time.Parse(time.RFC3339, tc.from)
			to, _ := time.Parse(time.RFC3339, tc.to)
			var got []string
			for d, ok := s.next(from); ok && !d.at.After(to); d, ok = s.next(d.at) {
				got = append(got, d.at.UTC().Format(time.RFC3339)+" "+d.day.String())
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

var zones = []string{
	"UTC", "Europe/London", "Europe/Berlin", "America/Sao_Paulo", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia",
	"Asia/Tehran", "Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kwajalein",
}

// A daily job is due exactly once on every local date that exists, at an instant of that date, at its wall-clock time
// or, where the clock skips that, at the end of the gap.
func TestDailyIsOncePerDate(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom(zones).Draw(r, "zone")
		hour, minute := rapid.IntRange(0, 23).Draw(r, "hour"), rapid.IntRange(0, 59).Draw(r, "minute")
		year := rapid.IntRange(1990, 2030).Draw(r, "year")
		s := mustSpec(t, time.Date(0, 1, 1, hour, minute, 0, 0, time.UTC).Format("4 15 * * *"), name)
		if !s.daily {
			r.Fatal("not recognised as daily")
		}
		from := time.Date(year, 1, 1, 0, 0, 0, 0, s.zone)
		seen := map[payout.Day]int{}
		for d, ok := s.next(from.Add(-time.Second)); ok && d.at.Year() == year; d, ok = s.next(d.at) {
			seen[d.day]++
			if payout.DayOf(d.at) != d.day {
				r.Fatalf("%s is not on %s", d.at, d.day)
			}
			if shown := wallOf(d.at, s.zone); shown.Hour() != hour || shown.Minute() != minute {
				if _, before := d.at.Add(-time.Second).Zone(); before == offset(d.at) {
					r.Fatalf("%s is neither %d:%02d nor the end of a gap", d.at, hour, minute)
				}
			}
		}
		dates := map[payout.Day]bool{}
		for at := from; at.Year() == year; at = at.Add(time.Hour) {
			dates[payout.DayOf(at)] = true
		}
		for day := range dates {
			if seen[day] != 1 {
				r.Fatalf("%s: due %d times", day, seen[day])
			}
		}
	})
}

func offset(t time.Time) int {
	_, o := t.Zone()
	return o
}

// newest and next look at the same series of due times, from both sides.
func TestNewestAndNextAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		cron := rapid.SampledFrom([]string{"30 2 * * *", "*/15 * * * *", "0 */4 * * *", "@hourly", "0 0 * * *", "5 1 1 * *", "@every 90m", "0 6 * * 1-5", "@weekly", "59 23 31 12 *"}).Draw(r, "cron")
		s := mustSpec(t, cron, rapid.SampledFrom(zones).Draw(r, "zone"))
		now := time.Unix(rapid.Int64Range(631152000, 1924992000).Draw(r, "now"), 0)
		if rapid.Bool().Draw(r, "near a clock change") {
			if _, end := now.In(s.zone).ZoneBounds(); !end.IsZero() {
				now = end.Add(time.Duration(rapid.Int64Range(-10800, 10800).Draw(r, "seconds")) * time.Second)
			}
		}
		before, ok1 := s.newest(now)
		after, ok2 := s.next(now)
		if !ok1 || !ok2 || before.at.After(now) || !after.at.After(now) {
			r.Fatalf("now %s: newest %v %s, next %v %s", now, ok1, before.at, ok2, after.at)
		}
		if d, ok := s.next(before.at); !ok || !d.at.Equal(after.at) {
			r.Fatalf("next after the newest %s is %s, want %s", before.at, d.at, after.at)
		}
		if d, ok := s.newest(after.at); !ok || !d.at.Equal(after.at) {
			r.Fatalf("newest at the next %s is %s", after.at, d.at)
		}
	})
}

// Sunday is 0 and 7, as in every crontab, alone, in lists and at the end of ranges.
func TestSundayIsSevenToo(t *testing.T) {
	for with7, with0 := range map[string]string{
		"0 1 * * 7": "0 1 * * 0", "0 1 * * 1,7": "0 1 * * 0,1", "0 1 * * 5-7": "0 1 * * 0,5,6", "0 1 * * fri-7": "0 1 * * 0,5,6",
		"0 1 * * 1-7/2": "0 1 * * 0,1,3,5", "0 1 * * 2-7/2": "0 1 * * 2,4,6", "0 1 * * 0-7": "0 1 * * 0-6", "0 1 * * 7-7": "0 1 * * 0",
		"0 1 7 7 7": "0 1 7 7 0", "0 1 * * 2,5-7,3": "0 1 * * 0,2,3,5,6", "0 1 * * 7/2": "0 1 * * 0",
	} {
		got, want := mustSpec(t, with7, "UTC"), mustSpec(t, with0, "UTC")
		a := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		b := a
		for range 10 {
			a, b = got.wall.Next(a), want.wall.Next(b)
			if !a.Equal(b) {
				t.Fatalf("%q is due at %s, %q at %s", with7, a, with0, b)
			}
		}
	}
}

func TestBadSpecs(t *testing.T) {
	for _, tc := range []struct{ cron, zone, want string }{
		{"", "", "is empty"},
		{"  ", "", "is empty"},
		{"CRON_TZ=Zone", "", "nothing follows CRON_TZ=Zone"},
		{"CRON_TZ=Europe/London", "", "nothing follows"},
		{"TZ=0", "", "nothing follows TZ=0"},
		{"TZ=", "", "names no time zone"},
		{"TZ=0 30 2 * * *", "", `"0" is not a time zone`},
		{"CRON_TZ=UTC 30 2 * * *", "Europe/London", "the zone is given twice: CRON_TZ=UTC in the expression and timezone Europe/London"},
		{"CRON_TZ=UTC TZ=UTC 30 2 * * *", "", "names a second time zone"},
		{"30 2 * * *", "Mars/Olympus", `"Mars/Olympus" is not a time zone`},
		{"30 2 * * *", "Local", `"Local" is not a time zone`},
		{"0 0 30 2 *", "", `"0 0 30 2 *" never comes`},
		{"0 0 31 4,6,9,11 *", "", "never comes"},
		{"0 0 , * *", "", "never comes"},
		{"@every 500ms", "", "the step must be at least a minute"},
		{"@every 30s", "", "the step must be at least a minute"},
		{"@every 90.5s", "", "in whole seconds"},
		{"@every -1h", "", "the step must be at least a minute"},
		{"@every", "", "is not a cron expression"},
		{"@reboot", "", "is not a cron expression"},
		{"30 2 * *", "", "expected exactly 5 fields"},
		{"0 30 2 * * *", "", "expected exactly 5 fields"},
		{"60 2 * * *", "", "above maximum"},
		{"30 2 * * 8", "", "above maximum"},
		{"30 2 7 7 5-8", "", "above maximum"},
		{"30 2 * * xyz-7", "", "failed to parse int"},
		{"*/0 * * * *", "", "should be a positive number"},
	} {
		t.Run(tc.cron+" "+tc.zone, func(t *testing.T) {
			_, err := New([]Job{{Name: "a", Cron: tc.cron, Timezone: tc.zone, Place: "payrecon.yaml:7: schedules[0]"}}, nil, nil, Options{})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), `payrecon.yaml:7: schedules[0]: job "a": cron: `) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if payout.KindOf(err) != payout.KindInput {
				t.Errorf("kind %d", payout.KindOf(err))
			}
		})
	}
}

func TestBadJobs(t *testing.T) {
	good := Job{Name: "a", Cron: "@daily"}
	for _, tc := range []struct {
		jobs []Job
		want string
	}{
		{[]Job{good, good}, "the name is taken"},
		{[]Job{{Name: "../a", Cron: "@daily"}}, "the name must be"},
		{[]Job{{Cron: "@daily"}}, "the name must be"},
		{[]Job{{Name: "a", Cron: "@hourly", Jitter: time.Hour}}, "jitter 1h0m0s must be shorter than the time between two starts, which can be 1h0m0s"},
		{[]Job{{Name: "a", Cron: "0,5 2 * * *", Jitter: 6 * time.Minute}}, "can be 5m0s"},
		{[]Job{{Name: "a", Cron: "@daily", Timeout: -1}}, "must not be negative"},
	} {
		if _, err := New(tc.jobs, nil, nil, Options{}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

func FuzzSpec(f *testing.F) {
	for _, s := range []string{"30 2 * * *", "TZ=0", "CRON_TZ=Zone", "@every 1h", "CRON_TZ=Asia/Tokyo 0 0 29 2 *", "0 0 30 2 *", "*/7 1-3,5 ? jan-mar mon"} {
		f.Add(s, "Europe/London", int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, cron, zone string, at int64) {
		if at < 0 || at > 4e9 {
			return
		}
		s, err := parseSpec(cron, zone)
		if err != nil {
			return
		}
		now := time.Unix(at, 0)
		if d, ok := s.next(now); ok && !d.at.After(now) {
			t.Errorf("%q: next after %s is %s", cron, now, d.at)
		}
		if d, ok := s.newest(now); ok && d.at.After(now) {
			t.Errorf("%q: newest at %s is %s", cron, now, d.at)
		}
	})
}
