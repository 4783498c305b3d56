package main

import (
	"encoding/json"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// The log of a scheduled job is JSON from the first line to the last, says nothing twice, and its end names the run.
func TestLogOfAScheduledJob(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -12)).String()
	s.pay("PAID-1", "20.00", payout.Completed, 12)
	s.ledger("PAID-1 20.00 paid " + day)
	s.write("payrecon.yaml", "api: {rate_limit: none}\nledger: {path: "+s.path("ledger.csv")+"}\nreport: {dir: "+s.dir+"}\n"+
		"schedules:\n  - {name: nightly, cron: '0 1 * * 7', run: run --to 2099-01-01 --from "+day+"}\n")
	s.do(exitDone, "schedule", "run", "nightly")
	_, _, words := s.try("schedule", "run", "nightly")
	said := map[string]int{}
	warnings := 0 // that the ledger is the file of the night before
	for line := range strings.Lines(words) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not JSON: %s", line)
			continue
		}
		message, _ := entry["msg"].(string)
		said[message]++
		_, hasDue := entry["due"]
		if message == "job started" && hasDue || message == "job ended" && entry["run"] != 2.0 {
			t.Errorf("want no due time of a start by hand, and the run of an end: %s", line)
		}
		if strings.Contains(message, "byte for byte") {
			warnings++
		}
	}
	if said["job started"] != 1 || said["job ended"] != 1 || warnings != 1 {
		t.Errorf("want a start, an end and one warning:\n%s", words)
	}
}
