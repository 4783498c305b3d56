package main

import (
	"strconv"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestAgainOverSeveralFiles: a sentence that names the files of a reversed booking is the same when the run is performed again.
func TestAgainOverSeveralFiles(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	s.pay("TWICE-1", "100.00", payout.Completed, 12)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	const head = "ref_id,amount,currency,status,date\n"
	s.write("exports-a.csv", head+"TWICE-1,100.00,EUR,paid,"+day(12)+"\nEDGE-9,9.00,EUR,paid,"+day(1)+"\n")
	s.write("exports-b.csv", head+"TWICE-1,-100.00,EUR,paid,"+day(11)+"\n")
	s.write("payrecon.yaml", "api: {rate_limit: none}\nledger: {path: \""+s.path("exports-*.csv")+"\", take: all}\n")
	s.do(exitDone, "run", "--out", s.path("book.xlsx"))
	if text := s.do(exitDone, "breaks", "list", "--format", "csv"); !strings.Contains(text, "line 2 of exports-a.csv and line 2 of exports-b.csv") {
		t.Fatalf("the files are not named:\n%s", text)
	}
	s.do(exitDone, "reconcile", "--again", strconv.FormatInt(s.reconciliation().Run, 10))
}
