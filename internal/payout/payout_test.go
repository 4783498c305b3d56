package payout

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"
)

func TestKeyOf(t *testing.T) {
	for _, tt := range []struct {
		ref, onBehalfOf string
		fold            bool
		key             Key
		ok              bool
	}{
		{"INV-1", "", false, "INV-1", true},
		{" \t\u00a0INV-1\u2003\n", "", false, "INV-1", true},
		{"inv-1", "", false, "inv-1", true},
		{"Inv-1", "", true, "inv-1", true},
		{"a b", "", false, "a b", true},
		{"", "", false, "", false},
		{" \u3000 ", "", false, "", false},
		{"-", "", false, "", false},
		{"0", "", false, "", false},
		{"N/a", "", false, "", false},
		{"None", "", false, "", false},
		{"00", "", false, "00", true},
		{"none-1", "", false, "none-1", true},
		{"INV-1", "sub", false, "\x003:subINV-1", true},
	} {
		key, ok := KeyOf(tt.ref, tt.onBehalfOf, tt.fold)
		if key != tt.key || ok != tt.ok {
			t.Errorf("KeyOf(%q, %q, %v) = %q, %v; want %q, %v", tt.ref, tt.onBehalfOf, tt.fold, key, ok, tt.key, tt.ok)
		}
	}
}

// TestKeysDiffer: two pairs of reference and onBehalfOf share a key only if they are the same, whatever bytes they hold.
func TestKeysDiffer(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune("a1:\x00-")))
	rapid.Check(t, func(t *rapid.T) {
		ref1, of1, ref2, of2 := text.Draw(t, "ref1"), text.Draw(t, "of1"), text.Draw(t, "ref2"), text.Draw(t, "of2")
		k1, ok1 := KeyOf(ref1, of1, false)
		k2, ok2 := KeyOf(ref2, of2, false)
		same := strings.TrimFunc(ref1, unicode.IsSpace) == strings.TrimFunc(ref2, unicode.IsSpace) && of1 == of2
		if ok1 && ok2 && (k1 == k2) != same {
			t.Fatalf("KeyOf(%q, %q) = %q, KeyOf(%q, %q) = %q", ref1, of1, k1, ref2, of2, k2)
		}
	})
}

func TestAccount(t *testing.T) {
	for _, tt := range []struct {
		c            Creditor
		want, masked string
	}{
		{Creditor{IBAN: "de89 3704 0044 0532 0130 00"}, "DE89370400440532013000", "DE****************3000"},
		{Creditor{SortCode: "04-00-04", AccountNumber: "1234 5678"}, "040004 12345678", "****** ****5678"},
		{Creditor{AccountNumber: "12345678"}, "12345678", "****5678"},
		{Creditor{AccountNumber: "1234"}, "1234", "****"},
		{Creditor{}, "", ""},
	} {
		got := tt.c.Account()
		if got != tt.want || MaskAccount(got) != tt.masked {
			t.Errorf("account of %+v = %q, masked %q; want %q, %q", tt.c, got, MaskAccount(got), tt.want, tt.masked)
		}
	}
}

func TestDays(t *testing.T) {
	for _, text := range []string{"1900-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"} {
		d, err := ParseDay(text)
		if err != nil || d.String() != text || DayOf(d.Start()) != d || MillisOf(d.Start()).Day() != d || MillisOf((d+1).Start().Add(-time.Millisecond)).Day() != d {
			t.Errorf("day %s = %s, %v; want it to come back", text, d, err)
		}
	}
	for _, bad := range []string{"", "2026-02-29", "2026-1-1", "0001-01-01", "2026-01-01 ", "01.02.2026"} {
		if d, err := ParseDay(bad); err == nil {
			t.Errorf("ParseDay(%q) = %s, want an error", bad, d)
		}
	}
	p := Period{From: 10, To: 12}
	if !p.Contains(10) || !p.Contains(12) || p.Contains(13) || !p.Contains(NoDay) || p.Days() != 3 {
		t.Errorf("period %v does not hold what it should", p)
	}
}

// TestTables: the tables are in the order of their constants, codes are unique, and the status table knows every cell.
func TestTables(t *testing.T) {
	seen := map[string]bool{}
	for i, info := range Outcomes {
		if int(info.Outcome) != i+1 || info.Outcome.Info().Code != info.Code || seen[info.Code] || info.Words == "" || info.Meaning == "" {
			t.Errorf("row %d of Outcomes is %+v", i, info)
		}
		if info.Outcome.Listed() != (info.Severity != NoSeverity) {
			t.Errorf("%s: listed %v with severity %s", info.Code, info.Outcome.Listed(), info.Severity)
		}
		seen[info.Code] = true
	}
	if len(Outcomes) != int(numOutcomes)-1 {
		t.Errorf("%d outcomes in the table, %d constants", len(Outcomes), numOutcomes-1)
	}
	for i, info := range Cells {
		if int(info.Cell) != i+1 || info.Severity == NoSeverity {
			t.Errorf("row %d of Cells is %+v", i, info)
		}
	}
	for class := range EntryClass(len(entryClassNames)) {
		row, ok := StatusTable[class]
		if !ok {
			t.Errorf("the status table has no row for %s", class)
		}
		for column, v := range row {
			if (v.Outcome == StatusMismatch) != (v.Cell != NoCell) || v.Outcome == NoOutcome {
				t.Errorf("cell %s, %d of the status table is %+v", class, column, v)
			}
		}
	}
	for word := range StatusWords {
		if word != strings.ToLower(word) {
			t.Errorf("status word %q is not in lower case", word)
		}
	}
}

func TestFindingSurvivesJSON(t *testing.T) {
	for _, info := range Outcomes {
		in := Item{ID: 7, Finding: Finding{Outcome: info.Outcome, Cell: LedgerLags, Severity: High}, State: ItemReopened, Due: NoDay}
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out Item
		if err := json.Unmarshal(text, &out); err != nil || out.Outcome != in.Outcome || out.Cell != in.Cell || out.Severity != in.Severity || out.State != in.State || out.Due != in.Due {
			t.Errorf("%s came back as %+v, %v", text, out, err)
		}
	}
}

func TestCoverage(t *testing.T) {
	c := Coverage{OnBehalfOf: []string{"", "sub"}, Days: []DayEvidence{
		{Day: 1, State: DayComplete},
		{Day: 1, OnBehalfOf: "sub", State: DayComplete},
		{Day: 2, State: DayComplete},
		{Day: 2, OnBehalfOf: "sub", State: DayPartial},
		{Day: 3, State: DayComplete},
		{Day: 3, OnBehalfOf: "gone", State: DayComplete},
	}}
	if gaps := c.Gaps(Period{1, 5}, 4); len(gaps) != 3 || gaps[0] != 2 || gaps[2] != 4 {
		t.Errorf("gaps = %v, want days 2, 3 and 4", gaps)
	}
	if (Coverage{}).Complete()(1) {
		t.Error("without any pass in force a day is complete")
	}
}

func TestDaysInWords(t *testing.T) {
	day := func(text string) Day {
		d, err := ParseDay("2026-03-" + text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, tc := range []struct{ days, want string }{
		{"", ""},
		{"01", "2026-03-01"},
		{"01 02 03 09", "2026-03-01 to 2026-03-03, 2026-03-09"},
		{"01 03 05 07 09", "2026-03-01, 2026-03-03, 2026-03-05, 2026-03-07, 2026-03-09"},
		{"01 03 05 07 09 11 12", "2026-03-01, 2026-03-03, 2026-03-05, 2026-03-07, ... 2026-03-11 to 2026-03-12"},
	} {
		var days []Day
		for _, text := range strings.Fields(tc.days) {
			days = append(days, day(text))
		}
		if got := DaysInWords(days); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.days, got, tc.want)
		}
	}
}
