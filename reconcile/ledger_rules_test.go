package reconcile

import (
	"fmt"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"payrecon/internal/payout"
)

func TestLedgerOptionsValidate(t *testing.T) {
	minus := int64(-1)
	for _, tt := range []struct {
		name string
		o    LedgerOptions
		want string // "" = valid
	}{
		{"zero", LedgerOptions{}, ""},
		{"words for delimiters", LedgerOptions{Delimiter: "Semicolon", Encoding: "CP1252", Thousands: "space", Sign: "Negative"}, ""},
		{"delimiter", LedgerOptions{Delimiter: ":"}, `ledger.delimiter: ":" is not known (want one of "," ";" "|" or tab)`},
		{"encoding", LedgerOptions{Encoding: "latin1"}, `ledger.encoding: "latin1" is not known (want utf-8, utf-16 or windows-1252)`},
		{"decimal", LedgerOptions{Decimal: "'"}, `ledger.decimal: "'" is not known (want "." or ",")`},
		{"thousands", LedgerOptions{Thousands: "x"}, `ledger.thousands: "x" is not known (want one of "." "," "'" " " or none)`},
		{"one mark for both", LedgerOptions{Decimal: ",", Thousands: ","}, `ledger.decimal and ledger.thousands are both ",": one mark cannot be both`},
		{"sign", LedgerOptions{Sign: "debit"}, `ledger.sign: "debit" is not known (want positive or negative: the sign of money out)`},
		{"currency", LedgerOptions{Currency: "EURO"}, `ledger.currency: "EURO" is not known (want a three-letter code such as EUR)`},
		{"part", LedgerOptions{Columns: map[string]string{"refid": "x"}}, `ledger.columns: "refid" is not known (want ref_id, amount, currency, status, date, text, document, on_behalf_of)`},
		{"class", LedgerOptions{Statuses: map[string][]string{"done": {"x"}}}, `ledger.statuses: "done" is not known (want paid, pending, failed, returned or none)`},
		{"word twice", LedgerOptions{Statuses: map[string][]string{"paid": {"OK"}, "failed": {" ok "}}}, `ledger.statuses: the word "OK" stands under failed and under paid`},
		{"zone", LedgerOptions{Timezone: "Mars/Base"}, `ledger.timezone: "Mars/Base" is not known (want an IANA name such as Europe/Berlin)`},
		{"date without year", LedgerOptions{DateFormat: "DD.MM."}, `ledger.date_format: "DD.MM." is not known (want year, month and day, as in DD.MM.YYYY, MM/DD/YYYY hh:mm or 02.01.2006)`},
		{"date of letters", LedgerOptions{DateFormat: "TT.MM.JJJJ"}, `ledger.date_format: "TT.MM.JJJJ" is not known (want year, month and day, as in DD.MM.YYYY, MM/DD/YYYY hh:mm or 02.01.2006)`},
		{"filter without column", LedgerOptions{Filters: []LedgerFilter{{Values: []string{"x"}}}}, "ledger.filter: a filter by values needs the name of its column"},
		{"filter without values", LedgerOptions{Filters: []LedgerFilter{{Column: "Type"}}}, `ledger.filter: the filter on "Type" has neither values nor a sign`},
		{"filter sign", LedgerOptions{Filters: []LedgerFilter{{Sign: "+"}}}, `ledger.filter: "+" is not known (want sign: positive or negative)`},
		{"covers", LedgerOptions{Covers: &payout.Period{From: 2, To: 1}}, "ledger.covers: from 1970-01-03 is after to 1970-01-02"},
		{"control rows", LedgerOptions{Control: LedgerControl{Rows: &minus}}, "ledger.control.rows: -1 is negative"},
		{"control currency", LedgerOptions{Control: LedgerControl{Sums: map[string]string{"E": "1"}}}, `ledger.control.sums: "E" is not known (want three-letter currency codes)`},
		{"control sum", LedgerOptions{Control: LedgerControl{Sums: map[string]string{"EUR": "1,5"}}}, `ledger.control.sums.EUR: not an amount: "1,5" (want digits with at most four decimals, such as 10.23)`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.o.Validate(); err != nil {
				got = err.Error()
				if payout.KindOf(err) != payout.KindInput {
					t.Errorf("kind %d, want KindInput", payout.KindOf(err))
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestLedgerDates(t *testing.T) {
	for _, tt := range []struct {
		format, zone, value string
		want                string // "" = not a date
	}{
		{"", "", "2026-01-02", "2026-01-02"},
		{"", "America/New_York", "2026-01-02", "2026-01-02"}, // a date is a local day
		{"", "", "2026-01-02T23:30:00Z", "2026-01-02"},
		{"", "", "2026-01-02T23:30:00-01:00", "2026-01-03"},
		{"", "", "1969-12-31T23:59:59.999Z", "1969-12-31"},
		{"", "Europe/Berlin", "2026-01-02T23:30:00Z", "2026-01-03"},
		{"", "America/New_York", "2026-01-02T04:30:00.123456Z", "2026-01-01"},
		{"", "Europe/Berlin", "2026-07-01T22:00:00+00:00", "2026-07-02"},
		{"", "Europe/Berlin", "2026-07-01T21:59:59+00:00", "2026-07-01"},
		{"", "", "2024-02-29", "2024-02-29"},
		{"", "", "2025-02-29", ""},
		{"", "", "2000-02-29", "2000-02-29"},
		{"", "", "2100-02-29", ""},
		{"", "", "1900-01-01", "1900-01-01"},
		{"", "", "1899-12-31", ""},
		{"", "", "9999-12-31", "9999-12-31"},
		{"", "", "2026-1-2", ""},
		{"", "", "2026/01/02", ""},
		{"", "", "02.01.2026", ""},
		{"", "", "2026-01-02 10:00:00", ""},
		{"", "", "2026-01-02T10:00:00", ""},
		{"", "", "2026-13-01", ""},
		{"", "", "2026-00-01", ""},
		{"", "", "2026-01-00", ""},
		{"", "", "2026-04-31", ""},
		{"", "", "20:6-01-02", ""},
		{"", "", "-026-01-02", ""},
		{"", "", "x", ""},
		{"DD.MM.YYYY", "", "02.01.2026", "2026-01-02"},
		{"DD.MM.YYYY", "", "2026-01-02", ""},
		{"DD.MM.YYYY", "", "31.02.2026", ""},
		{"dd.mm.yyyy", "", "02.01.2026", "2026-01-02"},
		{"D.M.YYYY", "", "2.1.2026", "2026-01-02"},
		{"MM/DD/YYYY", "", "01/02/2026", "2026-01-02"},
		{"YYYYMMDD", "", "20260102", "2026-01-02"},
		{"DD-MMM-YY", "", "02-Jan-26", "2026-01-02"},
		{"YYYY-MM-DD hh:mm:ss", "Europe/Berlin", "2026-01-02 00:30:00", "2026-01-02"},
		{"dd.MM.yyyy HH:mm", "", "02.01.2026 23:59", "2026-01-02"},
		{"YYYY-MM-DDThh:mm:ssZ", "Europe/Berlin", "2026-01-02T23:30:00Z", "2026-01-03"},
		{"YYYY-MM-DDThh:mm:ssZ", "", "2026-01-02T23:30:00-02:00", "2026-01-03"},
		{"02.01.2006", "", "03.02.2026", "2026-02-03"},
		{"2 Jan 2006", "", "3 Feb 2026", "2026-02-03"},
		{"DD.MM.YYYY", "", "01.01.1899", ""},
	} {
		d, err := newLedgerDates(tt.format, tt.zone)
		if err != nil {
			t.Fatalf("%s %s: %v", tt.format, tt.zone, err)
		}
		got, ok := d.parse(tt.value)
		if !ok {
			got = payout.NoDay
		}
		if got.String() != tt.want {
			t.Errorf("%q in %q, %q: got %s, want %s", tt.value, tt.format, tt.zone, got, tt.want)
		}
	}
}

// TestISODayAgreesWithTheVocabulary: the fast reading of dates is payout.ParseDay.
func TestISODayAgreesWithTheVocabulary(t *testing.T) {
	for d := ledgerFirstDay; d <= ledgerLastDay; d += 1 + d&3 {
		text := d.String()
		if got, ok := ledgerISODay(text); !ok || got != d {
			t.Fatalf("%s: got %v, %v", text, got, ok)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{4}[-/.][0-9x]{2}-[0-9]{2}`).Draw(t, "date")
		want, err := payout.ParseDay(text)
		got, ok := ledgerISODay(text)
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%s: got %v, %v, want %v, %v", text, got, ok, want, err)
		}
	})
}

func TestReadLedgerStatuses(t *testing.T) {
	in, entries := readText(t, "ref,amount,ccy,state\nA1,1,EUR, GeBucht \nA2,1,EUR,paid\nA3,1,EUR,Paid\nA4,1,EUR,storno\nA5,1,EUR,\nA6,1,EUR,booked\nA7,1,EUR,-\n",
		LedgerOptions{Statuses: map[string][]string{"Paid": {"gebucht"}, "failed": {"Booked"}, "none": {"-"}}})
	want := []payout.EntryClass{
		payout.EntryPaid, payout.EntryPaid, payout.EntryPaid, payout.EntryUnmapped, payout.EntryNone,
		payout.EntryFailed, // a configured word wins over the default
		payout.EntryNone,
	}
	for i, e := range entries {
		if e.Class != want[i] {
			t.Errorf("%s %q: got %s, want %s", e.Ref, e.Status, e.Class, want[i])
		}
	}
	wantWords := []payout.StatusWord{
		{Word: "", Class: payout.EntryNone, Count: 1},
		{Word: "-", Class: payout.EntryNone, Count: 1},
		{Word: "GeBucht", Class: payout.EntryPaid, Count: 1},
		{Word: "Paid", Class: payout.EntryPaid, Count: 1},
		{Word: "booked", Class: payout.EntryFailed, Count: 1},
		{Word: "paid", Class: payout.EntryPaid, Count: 1},
		{Word: "storno", Class: payout.EntryUnmapped, Count: 1},
	}
	if diff := gocmp.Diff(wantWords, in.Words); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestReadLedgerManyWords(t *testing.T) {
	var text strings.Builder
	text.WriteString("ref,amount,ccy,status,type\n")
	const rows = 3 * ledgerMaxWords
	for i := range rows {
		fmt.Fprintf(&text, "R%d,1,EUR,word %d,type %d\n", i, i, i%(2*ledgerMaxTaken))
	}
	in, entries := readText(t, text.String(), LedgerOptions{chunkSize: 500, Filters: []LedgerFilter{{Column: "type", Values: []string{"type 0"}, Not: true}}})
	if len(entries) != rows-2 || entries[0].Status != "word 1" {
		t.Errorf("got %d entries", len(entries))
	}
	if n := len(in.Words); n > ledgerMaxWords+1 {
		t.Errorf("%d words were kept", n)
	}
	total := int64(0)
	for _, w := range in.Words {
		total += w.Count
	}
	if total != rows-2 {
		t.Errorf("the words add up to %d, want %d", total, rows-2)
	}
	in, _ = readText(t, text.String(), LedgerOptions{chunkSize: 500, Filters: []LedgerFilter{{Column: "type", Values: []string{"none of them"}}}})
	if n := len(in.Filtered); n > ledgerMaxTaken+1 || in.FilteredN != rows || in.Notes[0] != "the filters take out every row" || !in.Empty {
		t.Errorf("%d filtered values, %d rows, notes %v", n, in.FilteredN, in.Notes)
	}
}

func TestReadLedgerFilters(t *testing.T) {
	const text = "Type,ref,amount,ccy\n" +
		"PAYOUT,A1,10.00,EUR\n" + // line 2
		" payout ,A2,-4.00,EUR\n" +
		"FEE,A3,0.50,EUR\n" +
		"FEE,,oops,E\n" + // filtered before it is judged
		"FEE,\"A\"5,0.25,GBP\n" + // likewise
		"PAYOUT,A6,x,EUR\n" + // rejected
		"FEE,A7\n" + // the field count comes first
		"PAYOUT,A8,0,EUR\n"
	for _, tt := range []struct {
		name    string
		filters []LedgerFilter
		sign    string
		lines   []int // of entries
		reject  []int
		want    []payout.FilteredSum
	}{
		{"list", []LedgerFilter{{Column: "type", Values: []string{"Payout"}}}, "", []int{2, 3, 9}, []int{7, 8}, []payout.FilteredSum{
			{Column: "Type", Value: "FEE", Rows: 1, Unread: 1},
			{Column: "Type", Value: "FEE", Currency: "EUR", Rows: 1, Units: 5000},
			{Column: "Type", Value: "FEE", Currency: "GBP", Rows: 1, Units: 2500},
		}},
		{"not", []LedgerFilter{{Column: "1", Values: []string{"FEE", "X"}, Not: true}}, "", []int{2, 3, 9}, []int{7, 8}, []payout.FilteredSum{
			{Column: "Type", Value: "FEE", Rows: 1, Unread: 1},
			{Column: "Type", Value: "FEE", Currency: "EUR", Rows: 1, Units: 5000},
			{Column: "Type", Value: "FEE", Currency: "GBP", Rows: 1, Units: 2500},
		}},
		{"sign", []LedgerFilter{{Sign: "positive"}}, "", []int{2, 4, 9}, []int{5, 6, 7, 8}, []payout.FilteredSum{
			{Column: "amount", Value: "negative", Currency: "EUR", Rows: 1, Units: -40000},
		}},
		{"sign, as in the file", []LedgerFilter{{Column: "amount", Sign: "negative"}}, "negative", []int{3, 9}, []int{5, 7, 8}, []payout.FilteredSum{
			{Column: "amount", Value: "positive", Currency: "EUR", Rows: 2, Units: -105000},
			{Column: "amount", Value: "positive", Currency: "GBP", Rows: 1, Units: -2500},
		}},
		{"both must pass", []LedgerFilter{{Column: "type", Values: []string{"payout"}}, {Column: "ref", Values: []string{"A1", "A6"}}}, "", []int{2}, []int{7, 8}, []payout.FilteredSum{
			{Column: "Type", Value: "FEE", Rows: 1, Unread: 1},
			{Column: "Type", Value: "FEE", Currency: "EUR", Rows: 1, Units: 5000},
			{Column: "Type", Value: "FEE", Currency: "GBP", Rows: 1, Units: 2500},
			{Column: "ref", Value: "A2", Currency: "EUR", Rows: 1, Units: -40000},
			{Column: "ref", Value: "A8", Currency: "EUR", Rows: 1},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, entries := readText(t, text, LedgerOptions{Filters: tt.filters, Sign: tt.sign})
			var lines, rejected []int
			for _, e := range entries {
				lines = append(lines, e.Line)
			}
			for _, r := range in.Rejected {
				rejected = append(rejected, r.Line)
			}
			if diff := gocmp.Diff([][]int{tt.lines, tt.reject}, [][]int{lines, rejected}); diff != "" {
				t.Errorf("lines of entries and rejected rows: -want +got\n%s", diff)
			}
			if diff := gocmp.Diff(tt.want, in.Filtered); diff != "" {
				t.Errorf("filtered: -want +got\n%s", diff)
			}
		})
	}
}

func TestReadLedgerControl(t *testing.T) {
	rows := func(n int64) *int64 { return &n }
	path := ledgerFile(t, "ref,amount,ccy,type\nA1,50.00,GBP,P\nA2,-10.00,GBP,P\nA3,5,EUR,P\nA4,x,GBP,P\nA5,1,GBP,FEE\n")
	for _, tt := range []struct {
		name    string
		control LedgerControl
		want    string // the error, or the words
	}{
		{"none", LedgerControl{}, ""},
		{
			"agrees",
			LedgerControl{rows(5), map[string]string{"gbp": "40.00", "EUR": "5", "USD": "0"}},
			"5 data rows, as the control says; 5.00 EUR in 1 entry, as the control says; 40.00 GBP in 2 entries, as the control says; 0.00 USD in 0 entries, as the control says",
		},
		{"not all currencies", LedgerControl{nil, map[string]string{"GBP": "40.00"}}, "40.00 GBP in 2 entries, as the control says; 5.00 EUR in 1 entry: no control"},
		{"rows differ", LedgerControl{rows(4), nil}, "control totals disagree: ledger.control.rows is 4, but the ledger has 5 data rows (entries 3, rejected 1, filtered 1)"},
		{
			"sum differs",
			LedgerControl{rows(5), map[string]string{"GBP": "41.00"}},
			"control totals disagree: ledger.control.sums.GBP is 41.00 GBP, but the entries add up to 40.00 GBP (1 row was rejected, 1 filtered)",
		},
		{
			"currency missing",
			LedgerControl{nil, map[string]string{"USD": "1.00"}},
			"control totals disagree: ledger.control.sums.USD is 1.00 USD, but the entries add up to 0.00 USD (1 row was rejected, 1 filtered)",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, _, err := readFiles(t, LedgerOptions{Control: tt.control, Filters: []LedgerFilter{{Column: "type", Values: []string{"P"}}}}, always, path)
			got, want := strings.Join(in.Control, "; "), tt.want
			if err != nil {
				got, want = err.Error(), "ledger "+path+": "+tt.want
			}
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestReadLedgerColumnNumbers: numbers find columns, and tell delimiters apart where no name does.
func TestReadLedgerColumnNumbers(t *testing.T) {
	_, entries := readText(t, "a;b,c;d\nR1;5,00;EUR\nR2;6,00;EUR\n", LedgerOptions{Columns: map[string]string{"ref_id": "1", "amount": "2", "currency": "3"}})
	if len(entries) != 2 || entries[1].Amount != amount(t, "6", "EUR") {
		t.Errorf("got %v", entries)
	}
	for _, figure := range []string{"5.00", "1\u00a0234,00", "1\u202f234,00", "1\u2009234,00", "1\u2019234.00", "-1'234.00", "\u22125,00", "(5.00)"} {
		text := fmt.Sprintf("R1;%s;EUR\nR2;6.00;EUR\n", figure)
		_, _, err := readFiles(t, LedgerOptions{Columns: map[string]string{"ref_id": "1", "amount": "2", "currency": "3"}}, always, ledgerFile(t, text))
		if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), fmt.Sprintf("column 2, whose heading reads %q", figure)) {
			t.Errorf("a file without a header = %v, want it refused: its first row would be lost", err)
		}
	}
	_, entries = readText(t, "2,1,3\nR1,5.00,EUR\n", LedgerOptions{Columns: map[string]string{"ref_id": "2", "amount": "1", "currency": "3"}})
	if len(entries) != 1 || entries[0].Ref != "R1" {
		t.Errorf("a header name that is a number goes first: got %v", entries)
	}
	_, entries = readText(t, "reference,ref,amount,ccy\nR1,X1,5.00,EUR\n", LedgerOptions{})
	if len(entries) != 1 || entries[0].Ref != "R1" {
		t.Errorf("default names go in their order: got %v", entries)
	}
}
