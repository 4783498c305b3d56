package main

import (
	"testing"
	"time"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

func TestSyncInWords(t *testing.T) {
	for _, c := range []struct {
		sum  payout.SyncSummary
		want string
	}{
		{
			payout.SyncSummary{Rows: 1, Pages: 1, Requests: 1, New: 1, Complete: true},
			"1 payout read in 1 page (1 request, of which sent again: 0): 1 new, 0 changed, 0 unchanged; open or late ones asked for again: 0. Every ended day of this run is complete.",
		},
		{
			payout.SyncSummary{Rows: 3, Pages: 2, Requests: 4, Retries: 1, Unchanged: 3, Swept: 1, Gaps: []payout.Day{20000, 20001}},
			"3 payouts read in 2 pages (4 requests, of which sent again: 1): 0 new, 0 changed, 3 unchanged; open or late ones asked for again: 1. Not shown complete: 2024-10-04 to 2024-10-05 (2 days).",
		},
	} {
		if got := syncInWords(&c.sum); got != c.want {
			t.Errorf("syncInWords(%+v)\n%s\nwant\n%s", c.sum, got, c.want)
		}
	}
}

// TestDisprovedInWords: a verification says what it found of days and of payouts, of one as of many, and nothing of the rest.
func TestDisprovedInWords(t *testing.T) {
	one, many := []payout.Day{20000}, []payout.Day{20000, 20001, 20003}
	for _, c := range []struct {
		report payoutsync.VerifyReport
		want   string
	}{
		{payoutsync.VerifyReport{}, ""},
		{payoutsync.VerifyReport{Disproved: one}, "2024-10-04 had been shown complete and was not: reconcile and report that day again"},
		{
			payoutsync.VerifyReport{Disproved: many},
			"2024-10-04 to 2024-10-05, 2024-10-07 (3 days) had been shown complete and were not: reconcile and report those days again",
		},
		{
			payoutsync.VerifyReport{Gone: []string{"po:1"}, GoneDays: one},
			"a payout of 2024-10-04 is in the mirror and not shown by the API any more: ask the provider what became of it",
		},
		{
			payoutsync.VerifyReport{Disproved: one, Gone: []string{"po:1", "po:2", "po:3"}, GoneDays: many},
			"2024-10-04 had been shown complete and was not: reconcile and report that day again; " +
				"payouts of 2024-10-04 to 2024-10-05, 2024-10-07 (3 days) are in the mirror and not shown by the API any more: ask the provider what became of them",
		},
	} {
		err := disproved(&c.report)
		if c.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != c.want || exitCode(err) != exitIncomplete {
			t.Errorf("disproved: %v\nwant %s", err, c.want)
		}
	}
}

func TestAgeInWords(t *testing.T) {
	for age, want := range map[time.Duration]string{
		-time.Hour: "less than a minute", 59 * time.Second: "less than a minute", time.Minute: "1 minute", 119 * time.Minute: "119 minutes",
		2 * time.Hour: "2 hours", 47*time.Hour + 59*time.Minute: "47 hours", 48 * time.Hour: "2 days", 5676*time.Hour + 56*time.Minute: "236 days",
	} {
		if got := ageInWords(age); got != want {
			t.Errorf("ageInWords(%s) = %q, want %q", age, got, want)
		}
	}
}
