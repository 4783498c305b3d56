package main

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestBreaksList: each filter leaves out what it says, and the three formats show the same items.
func TestBreaksList(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.pay("PART-2", "90.00", payout.Completed, 20)
	s.pay("LONE-3", "7.00", payout.Processing, 6)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	rows := []string{"PART-2 80.00 paid " + day(20), "EDGE-9 9.00 paid " + day(1)}
	s.ledger(rows...)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))
	s.now = s.now.AddDate(0, 0, 1)
	s.ledger(append(rows, "LONE-3 7.00 pending "+day(7), "NONE-4 3.00 paid "+day(9))...)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))

	for _, c := range []struct {
		filter string
		want   string // references, most urgent first
	}{
		{"", "LONE-1 PART-2 NONE-4 LONE-3"},
		{"--severity high", "LONE-1 PART-2 NONE-4"},
		{"--severity critical", "LONE-1"},
		{"--outcome amount_mismatch,missing_at_provider", "PART-2 NONE-4"},
		{"--state new", "NONE-4"},
		{"--state open --older-than 14", "PART-2"},
		{"--ref LONE", "LONE-1 LONE-3"},
		{"--ref LONE --state cleared", ""},
		{"--run 1", "LONE-1 PART-2 LONE-3"},
		{"--run 1 --outcome stuck", ""},
		{"--outcome stuck --all", "LONE-3"},
	} {
		var list struct {
			Breaks []breakJSON `json:"breaks"`
		}
		args := append([]string{"breaks", "list"}, strings.Fields(c.filter)...)
		unmarshal(t, s.do(exitDone, append(args, "--json")...), &list)
		var refs []string
		for _, b := range list.Breaks {
			refs = append(refs, b.RefID)
		}
		if got := strings.Join(refs, " "); got != c.want {
			t.Errorf("breaks list %s: %q, want %q", c.filter, got, c.want)
			continue
		}
		rows, err := csv.NewReader(strings.NewReader(s.do(exitDone, append(args, "--format", "csv")...))).ReadAll()
		if err != nil || len(rows) != len(refs)+1 {
			t.Fatalf("breaks list %s --format csv: %v, %v; want %d rows", c.filter, rows, err, len(refs)+1)
		}
		table := s.do(exitDone, args...)
		for i, b := range list.Breaks {
			if row := rows[i+1]; row[0] != fmt.Sprint(b.ID) || row[5] != b.RefID || row[11] != strings.Fields(b.Exposure.String())[0] {
				t.Errorf("breaks list %s: the CSV's row %d is %q, want item %d of %s, %s", c.filter, i, row, b.ID, b.RefID, b.Exposure)
			}
			if !strings.Contains(table, b.RefID) {
				t.Errorf("breaks list %s: the table lacks %s:\n%s", c.filter, b.RefID, table)
			}
		}
	}
}

// TestBreaksListRefuses: a filter that no item can pass is a mistake, not an empty list.
func TestBreaksListRefuses(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.do(exitDone, "sync")
	for _, c := range []struct{ filter, says string }{
		{"--outcome none", "--outcome none: no item has it"},
		{"--outcome stuck,matched", "--outcome matched: no item has it"},
		{"--outcome lost", "`payrecon help outcomes` lists them"},
		{"--state gone", "--state"},
		{"--severity urgent", "--severity"},
	} {
		code, _, words := s.try(append([]string{"breaks", "list"}, strings.Fields(c.filter)...)...)
		if code != exitInput || !strings.Contains(words, c.says) {
			t.Errorf("breaks list %s: exit %d, want %d and %q\n%s", c.filter, code, exitInput, c.says, words)
		}
	}
}

// TestBreaksListAll lists also what was cleared so long ago that no run looks at it any more.
func TestBreaksListAll(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.now = s.now.AddDate(-6, 0, 0)
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	edge, old := "EDGE-9 9.00 paid "+day(1), "OLD-0 1.00 failed "+day(20)
	s.ledger(edge, old)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	s.ledger(edge, old, "LONE-1 100.00 paid "+day(12))
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	for filter, want := range map[string]int{"": 0, "--all": 1, "--state cleared": 1} {
		var list struct {
			Breaks []breakJSON `json:"breaks"`
		}
		unmarshal(t, s.do(exitDone, append([]string{"breaks", "list", "--json"}, strings.Fields(filter)...)...), &list)
		if len(list.Breaks) != want {
			t.Errorf("breaks list %s: %+v, want %d", filter, list.Breaks, want)
		}
	}
}

// TestFailOnSaysWhatIsListed: the items that end a run with 4 are on record for breaks list, among others, or nowhere.
func TestFailOnSaysWhatIsListed(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid "+payout.DayOf(s.now.AddDate(0, 0, -1)).String(), "OLD-0 1.00 failed "+payout.DayOf(s.now.AddDate(0, 0, -20)).String())
	s.do(exitDone, "sync")
	for _, c := range []struct {
		more string
		want string
	}{
		{"--no-record", "payrecon: 1 open break at or above low without a disposition\n"},
		{"--no-record=false", "lists them, with unverified items and those under a disposition\n"},
	} {
		code, _, words := s.try("reconcile", "--ledger", s.path("ledger.csv"), "--fail-on", "low", c.more)
		if code != exitBreaks || !strings.HasSuffix(words, c.want) {
			t.Errorf("reconcile %s: exit %d, want %d and %q\n%s", c.more, code, exitBreaks, c.want, words)
		}
	}
}

// TestBreaksShow shows all that is known and decided of an item, account numbers masked.
func TestBreaksShow(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	created := payout.MillisOf(s.now.AddDate(0, 0, -12))
	if _, err := s.box.Add(payout.Payout{
		RefID: "LONE-1", Amount: money.New(1_000_000, "EUR"), Status: payout.Completed, Created: created, Updated: created,
		Creditor: payout.Creditor{Name: "Sandbox Bakery", IBAN: "DE89370400440532013000"},
	}); err != nil {
		t.Fatal(err)
	}
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("OLD-0 1.00 failed "+payout.DayOf(s.now.AddDate(0, 0, -20)).String(), "EDGE-9 9.00 paid "+payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))
	s.do(exitDone, "breaks", "set", "1", "--disposition", "correction", "--until", "2026-04-30", "--reason", "posted twice", "--by", "A. Reviewer")
	s.do(exitDone, "breaks", "set", "1", "--owner", "treasury", "--due", "2026-04-15", "--note", "see mail", "--by", "B. Reviewer")
	words, program := s.do(exitDone, "breaks", "show", "1"), s.do(exitDone, "breaks", "show", "1", "--json")
	for _, want := range []string{"correction until 2026-04-30", "posted twice, by A. Reviewer", "treasury", "2026-04-15", "see mail", "DE****************3000", "B. Reviewer"} {
		if !strings.Contains(words, want) {
			t.Errorf("breaks show does not say %q:\n%s", want, words)
		}
	}
	for _, text := range []string{words, program} {
		if strings.Contains(text, "DE8937") {
			t.Errorf("the account is not masked:\n%s", text)
		}
	}
}

// TestUnreadableRowShowsWhatCouldBeRead: an amount that could not be read is not shown as nothing, and what could be read is.
func TestUnreadableRowShowsWhatCouldBeRead(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -9)).String()
	s.pay("PAID-1", "20.00", payout.Completed, 9)
	s.ledger("PAID-1 20.00 paid "+day, "ODD-2 1o paid "+day)
	s.tryOut("run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	table, list, shown := s.do(exitDone, "breaks", "list"), s.do(exitDone, "breaks", "list", "--format", "csv"), s.do(exitDone, "breaks", "show", "1")
	for _, text := range []string{table, list, shown} {
		if strings.Contains(text, "0.00") {
			t.Errorf("an amount is shown that nobody could read:\n%s", text)
		}
	}
	if !strings.Contains(table, "not readable  9d") {
		t.Errorf("breaks list says\n%s", table)
	}
	if want := "1,rejected_row,medium,new,,ODD-2,,3,,,,,EUR,EUR,,,," + day + ",9,"; !strings.Contains(list, want) {
		t.Errorf("the CSV is\n%s\nwant %s in it", list, want)
	}
	var got struct {
		Breaks []struct {
			Exposure   *money.Amount  `json:"exposure"`
			Amounts    []money.Amount `json:"ledger_amount"`
			Currencies []string       `json:"ledger_currency"`
			Date       string         `json:"ledger_date"`
		} `json:"breaks"`
	}
	unmarshal(t, s.do(exitDone, "breaks", "list", "--json"), &got)
	if len(got.Breaks) != 1 || got.Breaks[0].Exposure != nil || len(got.Breaks[0].Amounts) != 0 || !slices.Equal(got.Breaks[0].Currencies, []string{"EUR"}) || got.Breaks[0].Date != day {
		t.Errorf("the JSON is %+v", got.Breaks)
	}
}
