package main

import (
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestPeriod(t *testing.T) {
	for _, tt := range []struct{ word, now, want string }{
		{"last-35d", "2026-03-31T02:30:00Z", "2026-02-24 to 2026-03-30"},
		{"last-1d", "2026-03-01T00:00:00Z", "2026-02-28"},
		{"yesterday", "2026-03-31T23:59:59Z", "2026-03-30"},
		{"yesterday", "2026-03-31T01:00:00+05:00", "2026-03-29"}, // still the 30th in UTC
		{"month-to-date", "2026-03-31T02:30:00Z", "2026-03-01 to 2026-03-30"},
		{"month-to-date", "2026-04-01T02:30:00Z", "2026-03-01 to 2026-03-31"},
		{"last-month", "2026-03-31T02:30:00Z", "2026-02-01 to 2026-02-28"},
		{"last-month", "2026-01-01T00:00:00Z", "2025-12-01 to 2025-12-31"},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		a := &app{cfg: defaultConfig(), clock: func() time.Time { return now }, stderr: io.Discard}
		a.cfg.Reconcile.Period = periodWord(tt.word)
		got, err := a.period("", "")
		if err != nil || got.String() != tt.want {
			t.Errorf("period %q at %s = %s, %v; want %s", tt.word, tt.now, got, err, tt.want)
		}
	}
}

func TestPeriodFromFlags(t *testing.T) {
	now := time.Date(2026, 3, 31, 2, 30, 0, 0, time.UTC)
	var said strings.Builder
	a := &app{cfg: defaultConfig(), clock: func() time.Time { return now }, log: slog.New(slog.NewTextHandler(&said, nil))}
	if got, err := a.period("2026-03-30", "2026-04-05"); err != nil || got.String() != "2026-03-30" || !strings.Contains(said.String(), "day=2026-03-30 instead_of=2026-04-05") {
		t.Errorf("a period into the future = %s, %v, said %q; want it cut at yesterday, and said so", got, err, said.String())
	}
	for _, bad := range [][2]string{{"2026-03-31", "2026-03-31"}, {"2026-03-02", "2026-03-01"}, {"2026-03-01", ""}, {"", "2026-03-01"}, {"2026-02-30", "2026-03-01"}, {"1.3.2026", "2026-03-01"}} {
		if _, err := a.period(bad[0], bad[1]); exitCode(err) != exitInput {
			t.Errorf("period(%q, %q): exit %d (%v), want %d", bad[0], bad[1], exitCode(err), err, exitInput)
		}
	}
}
