package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"payrecon/internal/payout"
)

// TestAbsurdAmountsStopOnlySums: payouts whose sum nothing can hold are kept, shown and warned of. Only what adds them up fails,
// and names the largest.
func TestAbsurdAmountsStopOnlySums(t *testing.T) {
	s, door := siteBehind(t)
	day := payout.DayOf(s.now) - 2
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", s.now.UTC().Format(http.TimeFormat))
		q := r.URL.Query()
		from, _ := payout.ParseDay(q.Get("startDate"))
		to, _ := payout.ParseDay(q.Get("endDate"))
		var rows []string
		for i := range 2 {
			if from <= day && day <= to {
				rows = append(rows, fmt.Sprintf(`{"id":"po:%d","memberId":"m","createdDateTime":"%sT10:00:00Z","updatedDateTime":"%sT10:00:00Z","status":"INITIATION_COMPLETED","initiation":{"refId":"R%d","amount":{"value":"900000000000000.00","currency":"EUR"}}}`, i, day, day, i))
			}
		}
		fmt.Fprintf(w, `{"payouts":[%s],"paging":{}}`, strings.Join(rows, ","))
	})
	door.Store(&h)
	s.ledger("R0 900000000000000.00 paid " + day.String())
	const largest = "the largest is po:0, created 2026-03-29, of 900000000000000.00 EUR: ask the provider about it"
	if code, _, words := s.try("sync"); code != exitDone || !strings.Contains(words, largest) {
		t.Errorf("sync: exit %d, want 0 and %q\n%s", code, largest, words)
	}
	if text := s.do(exitDone, "status"); !strings.Contains(text, "Payouts    2 created in the days below") {
		t.Errorf("status:\n%s", text)
	}
	if text := s.do(exitDone, "payouts", "history", "po:1"); !strings.Contains(text, "INITIATION_COMPLETED") {
		t.Errorf("history:\n%s", text)
	}
	code, out, words := s.try("reconcile", "--offline", "--ledger", s.path("ledger.csv"))
	if code != exitFailed || !strings.Contains(words, largest) || out != "" {
		t.Errorf("reconcile: exit %d, want 1 and %q\n%s%s", code, largest, out, words)
	}
}
