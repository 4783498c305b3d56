package payapi

import (
	"testing"

	"payrecon/internal/payout"
)

func TestTimeForms(t *testing.T) {
	const at = 1491388987000 // 2017-04-05T10:43:07Z
	tests := []struct {
		text string
		want payout.Millis
	}{
		{"2017-04-05T10:43:07.000+00:00", at},
		{"2017-04-05T10:43:07Z", at},
		{"2017-04-05t10:43:07z", at},
		{"2017-04-05 10:43:07", at},
		{"2017-04-05T10:43:07", at},
		{"2017-04-05T10:43:07+0000", at},
		{"2017-04-05T10:43:07+00", at},
		{"2017-04-05T12:43:07+02:00", at},
		{"2017-04-05T12:43:07+0200", at},
		{"2017-04-05T05:13:07-05:30", at},
		{"2017-04-04T23:43:07-11", at},
		{"20170405T104307Z", at},
		{"2017-04-05T10:43:07.5Z", at + 500},
		{"2017-04-05T10:43:07,25Z", at + 250},
		{"2017-04-05T10:43:07.123456789Z", at + 123},
		{"2017-04-05T10:43:07.9999999999999999999999Z", at + 999},
		{"2017-04-05T10:43Z", at - 7000},
		{"2017-04-05T24:00:00Z", at - 38587000 + 86400000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"2017-04-05", at - 38587000},
		{"1969-12-31T23:59:59.500Z", -500},
	}
	for _, tt := range tests {
		if got, err := parseTime(tt.text); err != nil || got != tt.want {
			t.Errorf("parseTime(%q) = %d, %v, want %d", tt.text, got, err, tt.want)
		}
	}
	for _, bad := range []string{
		"", "now", "2017", "2017-04", "2017-0405", "201704-05", "2017-02-29", "2017-13-01", "2017-04-05T", "2017-04-05T10", "2017-04-05T10:43:07+",
		"2017-04-05T10:43:07.Z", "2017-04-05T25:00:00Z", "2017-04-05T24:00:01Z", "2017-04-05T10:60Z", "2017-04-05T10:43:61Z", "1491388987000",
		"2017-04-05T10:43:07ZZ", "2017-04-05T10:43:07 Z", "2017-04-05T10:43:07+19:00", "1899-12-31T00:00:00Z", " 2017-04-05", "2017-04-05T10:4307",
	} {
		if got, err := parseTime(bad); err == nil {
			t.Errorf("parseTime(%q) = %d, want an error", bad, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add("2017-04-05T10:43:07.000+00:00")
	f.Add("20170405T104307,5-1130")
	f.Add("2016-12-31 23:59:60")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parseTime(text)
		if err != nil || m == 0 {
			return
		}
		if again, err := parseTime(m.String()); err != nil || again != m {
			if day := m.Day(); day.Start().Year() >= 1900 && day.Start().Year() <= 9999 {
				t.Errorf("parseTime(%q) = %d = %s, which reads as %d, %v", text, m, m, again, err)
			}
		}
	})
}
