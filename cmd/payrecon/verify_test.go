package main

import (
	"database/sql"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestVerifyTellsOfGonePayoutsOnce has a payout gone that the night has told of, and one that nothing is known of, as in a mirror
// that an older version has filled.
func TestVerifyTellsOfGonePayoutsOnce(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	id := s.pay("INV-1", "10.00", payout.Completed, 3)
	s.pay("INV-2", "20.00", payout.Completed, 3)
	s.do(exitDone, "sync")
	if err := s.box.Hide(id); err != nil {
		t.Fatal(err)
	}
	s.do(exitDone, "sync")
	day := payout.DayOf(s.now.AddDate(0, 0, -3)).String()
	verify := []string{"sync", "verify", "--from", day, "--to", day}
	known := func(when string) {
		if out := s.do(exitDone, verify...); !strings.Contains(out, "; in the mirror and not shown by the API any more: 0.") ||
			!strings.Contains(out, "Known to have vanished before, and still not shown: 1.") || !strings.Contains(out, "  vanished "+id+"\n") {
			t.Errorf("%s:\n%swant the payout among those that had vanished before", when, out)
		}
	}
	known("after a night that told of it")
	db, err := sql.Open("sqlite", s.path("payrecon.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM vanished"); err != nil {
		t.Fatal(err)
	}
	code, out, words := s.try(verify...)
	if code != exitIncomplete || !strings.Contains(out, "  gone     "+id+"\n") || !strings.Contains(words, "a payout of "+day+" is in the mirror and not shown by the API any more: ask the provider what became of it") {
		t.Errorf("nothing known: exit %d, want 3 and the payout\n%s%s", code, out, words)
	}
	if !strings.Contains(words, "day "+day+": the API had shown payouts that it shows no more") {
		t.Errorf("no alert in\n%s", words)
	}
	known("after a verification that told of it")
	if out := s.do(exitDone, append(verify, "--json")...); !strings.Contains(out, `"gone": []`) || !strings.Contains(out, `"gone_days": []`) || !strings.Contains(out, `"`+id+`"`) {
		t.Errorf("JSON:\n%s", out)
	}
}
