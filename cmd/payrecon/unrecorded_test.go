package main

import (
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestNotRecordedNotPrinted: a result that could not be recorded is none: nobody could show it, or set a disposition on its items.
func TestNotRecordedNotPrinted(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	s.do(exitDone, "sync")
	s.write("evidence", "where the folder should be")
	for _, c := range []struct {
		args    []string
		printed string // "" = nothing at all
	}{
		{[]string{"reconcile", "--ledger", s.path("ledger.csv")}, ""},
		{[]string{"reconcile", "--ledger", s.path("ledger.csv"), "--json"}, ""},
		{[]string{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"), "--json"}, `"reconcile": null`},
	} {
		code, out, words := s.try(c.args...)
		if code != exitFailed || !strings.Contains(words, "evidence") {
			t.Errorf("%q: exit %d, want %d\n%s", c.args, code, exitFailed, words)
		}
		if c.printed == "" && out != "" || !strings.Contains(out, c.printed) {
			t.Errorf("%q prints %q, want %q", c.args, out, c.printed)
		}
	}
}
