package reconcile

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func TestReadLedgerAsksAboutAmounts(t *testing.T) {
	for _, tt := range []struct {
		name    string
		o       LedgerOptions
		amounts []string
		want    string // amounts as understood ("-" = rejected), or the error
	}{
		{"only a point can be", LedgerOptions{}, []string{"10.00", "1.234"}, "10.00 1.234"},
		{"only a comma can be", LedgerOptions{}, []string{"10,00", "1,234", "1.234"}, "10.00 1.234 1234.00"},
		{"ambiguous point", LedgerOptions{}, []string{"5", "1.234"}, `line 3: the amount "1.234" can be read as 1.234 or as 1234.00 and nothing in the file tells which: set ledger.decimal`},
		{"ambiguous comma", LedgerOptions{}, []string{"1,234", "-7,000"}, `line 2: the amount "1,234" can be read as 1234.00 or as 1.234 and nothing in the file tells which: set ledger.decimal`},
		{"told by grouping", LedgerOptions{}, []string{"1,234", "1,234,567"}, "1234.00 1234567.00"},
		{"told by both marks", LedgerOptions{}, []string{"1,234", "1,234.5"}, "1234.00 1234.50"},
		{"told by a leading zero", LedgerOptions{}, []string{"1,234", "0,500"}, "1.234 0.50"},
		{"told by four digits", LedgerOptions{}, []string{"1.234", "1234.567"}, "1.234 1234.567"},
		{"configured point", LedgerOptions{Decimal: "."}, []string{"1.234", "1,234"}, "1.234 1234.00"},
		{"configured comma", LedgerOptions{Decimal: ","}, []string{"1.234", "1,234"}, "1234.00 1.234"},
		{"configured, no thousands", LedgerOptions{Decimal: ".", Thousands: "none"}, []string{"1.234", "1,234", "1 234"}, "1.234 - -"},
		{"configured thousands tell", LedgerOptions{Thousands: "."}, []string{"1.234", "1.5", "1,5"}, "1234.00 - 1.50"},
		{"thousands by space", LedgerOptions{Thousands: " "}, []string{"1.234", "1 234.5"}, "1.234 1234.50"},
		{"whole figures", LedgerOptions{}, []string{"5", "1 000", "-0", "+7"}, "5.00 1000.00 0.00 7.00"},
		{"a stray comma among points", LedgerOptions{}, []string{"10.00", "2.50", "1,5"}, "10.00 2.50 -"},
		{"as many of either", LedgerOptions{}, []string{"10.00", "1,5"}, "10.00 -"},
		{"a stray point among commas", LedgerOptions{}, []string{"10,00", "2,50", "1.5"}, `the amounts use both decimal marks, as in "10,00" on line 2 and "1.5" on line 4: set ledger.decimal`},
		{"mixed and unsure", LedgerOptions{}, []string{"10.00", "1,5", "1.234"}, `line 4: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, as in "1,5" on line 3 and "10.00" on line 2: set ledger.decimal`},
		{"badly grouped", LedgerOptions{}, []string{"1.00", "1,23,456.00", "12,34.5", "1234,567.8", ",5", "1,234,56", "1,", "1,,000"}, "1.00 - - - - - - -"},
		{"mixed groups", LedgerOptions{}, []string{"1.00", "1,234'567.00"}, "1.00 -"},
		{"signs", LedgerOptions{}, []string{"+1.00", "-1.00", "--1.00", "1.00-", "- 1.00", "-", "-1,000.00"}, "1.00 -1.00 - - - - -1000.00"},
		{"no digits", LedgerOptions{}, []string{"1.00", ".", ".5", "5.", "''"}, "1.00 - - - -"},
		{
			"beyond the sample, unsure",
			LedgerOptions{sampleSize: 40},
			[]string{"5", "6", "7", "8", "9", "10", "1.234"},
			`line 8: the amount "1.234" can be read as 1.234 or as 1234.00 and the beginning of the file does not tell which: set ledger.decimal`,
		},
		{
			"beyond the sample, the other mark",
			LedgerOptions{sampleSize: 40},
			[]string{"10.00", "2.50", "3.75", "4.00", "1.234,56", "1.234"},
			`line 7: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, as in "1.234,56" on line 6 and "10.00" on line 2: set ledger.decimal`,
		},
		{
			"beyond the sample, the other mark after the unsure amount",
			LedgerOptions{sampleSize: 40},
			[]string{"10.00", "2.50", "3.75", "1.234", "4.00", "1,234", "1.234,56"},
			`line 5: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, as in "1.234,56" on line 8 and "10.00" on line 2: set ledger.decimal`,
		},
		{
			"beyond the sample, unsure in it",
			LedgerOptions{sampleSize: 40},
			[]string{"1.234", "2.50", "3.75", "4.00", "1,5"},
			`line 2: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, as in "1,5" on line 6 and "2.50" on line 3: set ledger.decimal`,
		},
		{"beyond the sample, a comma's file", LedgerOptions{sampleSize: 40}, []string{"10,00", "2,50", "3,75", "4,00", "1.5"}, "10.00 2.50 3.75 4.00 -"},
		{"beyond the sample, more commas", LedgerOptions{sampleSize: 40}, []string{"10.00", "2", "3", "4", "1,5", "2,5"}, "10.00 2.00 3.00 4.00 - -"},
		{
			"beyond the sample, a comma's file and unsure",
			LedgerOptions{sampleSize: 40},
			[]string{"10,00", "2,50", "3,75", "1.234", "1.5"},
			`line 5: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, as in "10,00" on line 2 and "1.5" on line 6: set ledger.decimal`,
		},
		{"beyond the sample, a stray comma", LedgerOptions{sampleSize: 40}, []string{"10.00", "2.50", "3.75", "4.00", "1,5"}, "10.00 2.50 3.75 4.00 -"},
		{"beyond the sample, one mark", LedgerOptions{sampleSize: 40}, []string{"10.00", "2.50", "3.75", "4.00", "1.234", "1,234", "1,234.5"}, "10.00 2.50 3.75 4.00 1.234 1234.00 1234.50"},
		{"beyond the sample, configured", LedgerOptions{sampleSize: 40, Decimal: "."}, []string{"10.00", "2.50", "3.75", "4.00", "1.234,56", "1.234"}, "10.00 2.50 3.75 4.00 - 1.234"},
		{"beyond the sample, sure", LedgerOptions{sampleSize: 40}, []string{"5", "6", "7", "8", "9", "10", "1,23", "1.234,5"}, "5.00 6.00 7.00 8.00 9.00 10.00 1.23 1234.50"},
		{
			"beyond the sample, both marks and none before",
			LedgerOptions{sampleSize: 40},
			[]string{"5", "6", "7", "8", "9", "10", "10.00", "10,00"},
			`the amounts use both decimal marks, as in "10,00" on line 9 and "10.00" on line 8: set ledger.decimal`,
		},
		{"smallest and largest", LedgerOptions{Sign: "negative"}, []string{"-922337203685477.5807", "922337203685477.5807", "-922337203685477.5808"}, "922337203685477.5807 -922337203685477.5807 -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var text strings.Builder
			text.WriteString("ref;amount;ccy\n")
			for i, a := range tt.amounts {
				fmt.Fprintf(&text, "R%d;%s;EUR\n", i, a)
			}
			path := ledgerFile(t, text.String())
			_, entries, err := readFiles(t, tt.o, always, path)
			if err != nil {
				if want := "ledger " + path + ": " + tt.want; err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
				return
			}
			got := make([]string, len(tt.amounts))
			for i := range got {
				got[i] = "-"
			}
			for _, e := range entries {
				got[e.Line-2] = e.Amount.Text()
			}
			if joined := strings.Join(got, " "); joined != tt.want {
				t.Errorf("got  %s\nwant %s", joined, tt.want)
			}
		})
	}
}

// TestReadLedgerJudgesAmountsWherever: rows beyond the sample have a file refused exactly when an amount that reads both ways
// and an amount that reads only with the other mark stand in it, wherever they stand and however the file is cut into chunks.
// Else every amount is what the detected mark makes of it, and one that does not fit it is a rejected row.
func TestReadLedgerJudgesAmountsWherever(t *testing.T) {
	path := ledgerFile(t, "")
	rapid.Check(t, func(t *rapid.T) {
		mark, telling := byte('.'), []string{"10.00", "2.5", "5", "1,234.5", "1.234", "1,234"}
		if rapid.Bool().Draw(t, "comma") {
			mark, telling = ',', []string{"10,00", "2,5", "5", "1.234,5", "1.234", "1,234"}
		}
		first := append(telling[:1:1], rapid.SliceOfN(rapid.SampledFrom(telling), 0, 5).Draw(t, "first")...)
		others := rapid.SliceOfN(rapid.SampledFrom([]string{
			"10.00", "10,00", "7.5", "7,5", "1.234", "1,234", "-1.234,56", "1,234.56", "1 234", "6", "x", "",
		}), 1, 8).Draw(t, "others")
		all := slices.Concat(first, others)
		filtered := rapid.SliceOfN(rapid.Bool(), len(all), len(all)).Draw(t, "filtered")
		filtered[0] = false // it tells the mark
		thousands, err := newLedgerThousands("")
		if err != nil {
			t.Fatal(err)
		}
		want, unsure, stray := map[string]money.Amount{}, false, false
		for i, a := range all {
			point, _, okPoint := thousands.units(a, '.')
			comma, _, okComma := thousands.units(a, ',')
			units, ok := point, okPoint
			if mark == ',' {
				units, ok = comma, okComma
			}
			switch {
			case filtered[i]:
				continue
			case ok:
				want[amountRef(i, a)] = money.New(units, "EUR")
			case okPoint || okComma:
				stray = true
			}
			unsure = unsure || okPoint && okComma && point != comma
		}
		o := LedgerOptions{sampleSize: len(filteredText(first, filtered)), Filters: []LedgerFilter{{Column: "type", Values: []string{"PAY"}}}}
		got, err := readAmounts(t, path, o, filteredText(all, filtered))
		if refused := unsure && stray; (err != nil) != refused {
			t.Fatalf("%q, filtered %v: got %v, want refused: %v", all, filtered, err, refused)
		}
		if err == nil && !maps.Equal(got, want) {
			t.Fatalf("%q, filtered %v: got %v, want %v", all, filtered, got, want)
		}
		o.chunkSize = rapid.IntRange(1, 40).Draw(t, "chunk")
		if _, errCut := readAmounts(t, path, o, filteredText(all, filtered)); fmt.Sprint(errCut) != fmt.Sprint(err) {
			t.Fatalf("%q: whole %v, in chunks of %d %v", all, err, o.chunkSize, errCut)
		}
	})
}

func amountRef(i int, amount string) string { return fmt.Sprintf("R%d %s", i, amount) }

// filteredText is a ledger of the amounts, some of them in rows that a filter takes out.
func filteredText(amounts []string, filtered []bool) string {
	var text strings.Builder
	text.WriteString("ref;amount;ccy;type\n")
	for i, a := range amounts {
		kind := "PAY"
		if filtered[i] {
			kind = "FEE"
		}
		fmt.Fprintf(&text, "%s;%s;EUR;%s\n", amountRef(i, a), a, kind)
	}
	return text.String()
}

func amountsText(amounts []string) string {
	var text strings.Builder
	text.WriteString("ref;amount;ccy\n")
	for _, a := range amounts {
		fmt.Fprintf(&text, "R %s;%s;EUR\n", a, a)
	}
	return text.String()
}

// readAmounts reads a ledger of the text; it returns the entries' amounts by their references.
func readAmounts(t *rapid.T, path string, o LedgerOptions, text string) (map[string]money.Amount, error) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var mutex sync.Mutex
	read := map[string]money.Amount{}
	_, err := ReadLedger(context.Background(), []string{path}, o, always, func(_ int, block []payout.Entry) error {
		mutex.Lock()
		defer mutex.Unlock()
		for _, e := range block {
			read[e.Ref] = e.Amount
		}
		return nil
	})
	return read, err
}

// TestReadLedgerJudgesEachFileAlone: every file has a dialect of its own, and the one whose amounts are unsure is named.
func TestReadLedgerJudgesEachFileAlone(t *testing.T) {
	point, comma := ledgerFile(t, amountsText([]string{"10.00", "1.234"})), ledgerFile(t, amountsText([]string{"10,00", "1.234"}))
	late := ledgerFile(t, amountsText([]string{"10.00", "2.50", "3.75", "1.234,56", "1.234"}))
	o := LedgerOptions{sampleSize: 40}
	_, entries, err := readFiles(t, o, always, point, comma)
	if err != nil || len(entries) != 4 || entries[1].Amount != amount(t, "1.234", "EUR") || entries[3].Amount != amount(t, "1234", "EUR") {
		t.Fatalf("got %v, %v, want each file read with its own mark", entries, err)
	}
	want := "ledger " + late + `: line 6: the amount "1.234" can be read as 1.234 or as 1234.00 and the amounts use both decimal marks, ` +
		`as in "1.234,56" on line 5 and "10.00" on line 2: set ledger.decimal`
	for _, files := range [][]string{{late, point, comma}, {point, comma, late}, {comma, late, point}} {
		for range 5 {
			o.chunkSize = 20
			if _, _, err := readFiles(t, o, always, files...); err == nil || err.Error() != want {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
		}
	}
}

// TestReadLedgerJudgesFilteredAmounts: rows that a filter takes out do not tell the decimal mark, and rows that are not read for
// another reason do, within the sample and beyond it.
func TestReadLedgerJudgesFilteredAmounts(t *testing.T) {
	pay := LedgerFilter{Column: "type", Values: []string{"PAY"}}
	for _, tt := range []struct {
		name   string
		filter LedgerFilter
		rows   string
		want   string // amounts as understood, or a part of the error
	}{
		{"a comma in a total that is filtered", pay, "R4;1.234,56;EUR;SUM\nR5;1.234;EUR;PAY\n", "10.00 5.00 5.00 1.234"},
		{"by what is left out", LedgerFilter{Column: "type", Values: []string{"SUM"}, Not: true}, "R4;1.234,56;EUR;SUM\nR5;1.234;EUR;PAY\n", "10.00 5.00 5.00 1.234"},
		{"an unsure amount that is filtered", pay, "R4;1,5;EUR;PAY\nR5;1.234;EUR;FEE\n", "10.00 5.00 5.00"},
		{"an unsure amount that is filtered by its sign", LedgerFilter{Sign: "positive"}, "R4;1,5;EUR;PAY\nR5;-1.234;EUR;PAY\n", "10.00 5.00 5.00"},
		{"rows that are not read", pay, ";1,5;EUR;PAY\nR5;1.234;E;PAY\n", `: line 6: the amount "1.234" can be read as`},
	} {
		for _, size := range []int{40, 1 << 20} {
			path := ledgerFile(t, "ref;amount;ccy;type\nR1;10.00;EUR;PAY\nR2;5;EUR;PAY\nR3;5;EUR;PAY\n"+tt.rows)
			_, entries, err := readFiles(t, LedgerOptions{sampleSize: size, Filters: []LedgerFilter{tt.filter}}, always, path)
			var amounts []string
			for _, e := range entries {
				amounts = append(amounts, e.Amount.Text())
			}
			if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && strings.Join(amounts, " ") != tt.want {
				t.Errorf("%s, sample of %d: got %v, %v, want %s", tt.name, size, amounts, err, tt.want)
			}
		}
	}
}

// TestReadLedgerAsksDespiteFilteredAmounts: only filtered rows tell the mark, so nobody is told that nothing in the file does.
func TestReadLedgerAsksDespiteFilteredAmounts(t *testing.T) {
	path := ledgerFile(t, "ref;amount;ccy;type\nR1;0,50;EUR;FEE\nR2;-1.234;EUR;PAY\nR3;1.234;EUR;PAY\n")
	pay := LedgerFilter{Column: "type", Values: []string{"PAY"}}
	_, _, err := readFiles(t, LedgerOptions{Filters: []LedgerFilter{pay, {Sign: "positive"}}}, always, path)
	if err == nil || !strings.HasSuffix(err.Error(), `: line 4: the amount "1.234" can be read as 1.234 or as 1234.00 and no amount that the filters leave tells which: set ledger.decimal`) {
		t.Errorf("got %v, want the question of line 4", err)
	}
}
