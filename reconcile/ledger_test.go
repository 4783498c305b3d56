package reconcile

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// always is a period that holds every day.
var always = payout.Period{From: ledgerFirstDay, To: ledgerLastDay}

// ledgerFile writes a file for a test.
func ledgerFile(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.csv")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// readFiles reads ledger files and returns the entries in the order of the files. It checks what holds for every intake.
func readFiles(t testing.TB, o LedgerOptions, period payout.Period, files ...string) (payout.Intake, []payout.Entry, error) {
	t.Helper()
	var (
		mutex   sync.Mutex
		entries []payout.Entry
	)
	in, err := ReadLedger(t.Context(), files, o, period, func(worker int, block []payout.Entry) error {
		if worker < 0 || worker >= LedgerWorkers {
			t.Errorf("worker %d", worker)
		}
		mutex.Lock()
		defer mutex.Unlock()
		entries = append(entries, block...)
		return nil
	})
	slices.SortFunc(entries, func(a, b payout.Entry) int { return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line)) })
	if err != nil {
		if k := payout.KindOf(err); k != payout.KindInput {
			t.Errorf("error of kind %d: %v", k, err)
		}
		if strings.Contains(err.Error(), "\n") {
			t.Errorf("error of more than one line: %v", err)
		}
		return in, entries, err
	}
	checkIntake(t, in, entries, period)
	return in, entries, nil
}

// checkIntake adds everything up again.
func checkIntake(t testing.TB, in payout.Intake, entries []payout.Entry, period payout.Period) {
	t.Helper()
	if in.Rows != in.Entries+int64(len(in.Rejected))+in.FilteredN || in.Entries != int64(len(entries)) {
		t.Errorf("%d rows, %d entries (%d emitted), %d rejected, %d filtered", in.Rows, in.Entries, len(entries), len(in.Rejected), in.FilteredN)
	}
	all, inPeriod := map[string]payout.CurrencySum{}, map[string]payout.CurrencySum{}
	outOf := int64(0)
	add := func(to map[string]payout.CurrencySum, e payout.Entry) {
		s := to[e.Amount.Currency()]
		s.Currency = e.Amount.Currency()
		s.Count++
		s.Units += e.Amount.Units()
		if e.Class.IsCash() {
			s.Cash += e.Amount.Units()
		}
		to[s.Currency] = s
	}
	for _, e := range entries {
		add(all, e)
		if period.Contains(e.Day) {
			add(inPeriod, e)
		} else {
			outOf++
		}
	}
	for _, s := range []struct {
		got  []payout.CurrencySum
		want map[string]payout.CurrencySum
	}{{in.Sums, all}, {in.InPeriod, inPeriod}} {
		if len(s.got) != len(s.want) {
			t.Errorf("sums %v, want %v", s.got, s.want)
		}
		for _, g := range s.got {
			if g != s.want[g.Currency] {
				t.Errorf("sum %v, want %v", g, s.want[g.Currency])
			}
		}
	}
	if outOf != in.OutOf {
		t.Errorf("%d entries out of the period, want %d", in.OutOf, outOf)
	}
}

func readText(t testing.TB, text string, o LedgerOptions) (payout.Intake, []payout.Entry) {
	t.Helper()
	in, entries, err := readFiles(t, o, always, ledgerFile(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return in, entries
}

func day(t testing.TB, text string) payout.Day {
	t.Helper()
	d, err := payout.ParseDay(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func amount(t testing.TB, text, currency string) money.Amount {
	t.Helper()
	a, err := money.Parse(text, currency)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

var sameEntries = gocmp.Comparer(func(a, b money.Amount) bool { return a == b })

func TestReadLedgerPlain(t *testing.T) {
	path := ledgerFile(t, "ref_id,amount,currency,status,date,text,document,on_behalf_of\n"+
		"A1,10.00,EUR,paid,2026-01-02,rent,D1,sub\n"+
		"A2, -2.5 ,eur,PENDING,2026-01-03,,,\n"+
		"\n"+
		"A3,0.0001,GBP,gebucht,,,,\n"+
		"A4,1,GBP,,2025-12-31T23:59:59Z,,,\n")
	in, entries, err := readFiles(t, LedgerOptions{}, payout.Period{From: day(t, "2026-01-01"), To: day(t, "2026-01-31")}, path)
	if err != nil {
		t.Fatal(err)
	}
	want := []payout.Entry{
		{Line: 2, Ref: "A1", Amount: amount(t, "10.00", "EUR"), Class: payout.EntryPaid, Status: "paid", Day: day(t, "2026-01-02"), Text: "rent", Document: "D1", OnBehalfOf: "sub"},
		{Line: 3, Ref: "A2", Amount: amount(t, "-2.5", "EUR"), Class: payout.EntryPending, Status: "PENDING", Day: day(t, "2026-01-03")},
		{Line: 5, Ref: "A3", Amount: amount(t, "0.0001", "GBP"), Class: payout.EntryUnmapped, Status: "gebucht", Day: payout.NoDay},
		{Line: 6, Ref: "A4", Amount: amount(t, "1", "GBP"), Class: payout.EntryNone, Day: day(t, "2025-12-31")},
	}
	if diff := gocmp.Diff(want, entries, sameEntries); diff != "" {
		t.Errorf("entries: -want +got\n%s", diff)
	}
	data, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	sum := sha256.Sum256(data)
	wantIn := payout.Intake{
		Files:   []payout.LedgerFile{{Path: path, SHA256: hex.EncodeToString(sum[:]), Bytes: int64(len(data)), Modified: payout.MillisOf(info.ModTime())}},
		Dialect: "UTF-8; delimiter comma (detected); decimal point, no thousands marks (detected); dates YYYY-MM-DD or RFC 3339 in UTC; positive amounts are money out",
		Columns: []payout.ColumnUse{
			{Part: "ref_id", Header: "ref_id", Number: 1},
			{Part: "amount", Header: "amount", Number: 2},
			{Part: "currency", Header: "currency", Number: 3},
			{Part: "status", Header: "status", Number: 4},
			{Part: "date", Header: "date", Number: 5},
			{Part: "text", Header: "text", Number: 6},
			{Part: "document", Header: "document", Number: 7},
			{Part: "on_behalf_of", Header: "on_behalf_of", Number: 8},
		},
		Rows: 4, Blank: 1, Entries: 4, First: day(t, "2025-12-31"), Last: day(t, "2026-01-03"),
		Reach: &payout.Period{From: day(t, "2025-12-31"), To: day(t, "2026-01-03")}, OutOf: 1,
		Sums:     []payout.CurrencySum{{Currency: "EUR", Count: 2, Units: 75000, Cash: 100000}, {Currency: "GBP", Count: 2, Units: 10001, Cash: 10001}},
		InPeriod: []payout.CurrencySum{{Currency: "EUR", Count: 2, Units: 75000, Cash: 100000}, {Currency: "GBP", Count: 1, Units: 1, Cash: 1}},
		Words: []payout.StatusWord{
			{Word: "", Class: payout.EntryNone, Count: 1},
			{Word: "PENDING", Class: payout.EntryPending, Count: 1},
			{Word: "gebucht", Class: payout.EntryUnmapped, Count: 1},
			{Word: "paid", Class: payout.EntryPaid, Count: 1},
		},
	}
	if diff := gocmp.Diff(wantIn, in, sameEntries); diff != "" {
		t.Errorf("intake: -want +got\n%s", diff)
	}
}

// TestReadLedgerDialects: the same two entries in many guises.
func TestReadLedgerDialects(t *testing.T) {
	utf16 := func(order unicode.Endianness, s string) string {
		b, err := unicode.UTF16(order, unicode.UseBOM).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	latin, err := charmap.Windows1252.NewEncoder().String("ref,amount,ccy,text\nA1,1234.50,EUR,Möbel €\nA2,-3,EUR,ok\n")
	if err != nil {
		t.Fatal(err)
	}
	plain := "ref,amount,ccy,text\nA1,1234.50,EUR,Möbel €\nA2,-3,EUR,ok\n"
	for _, tt := range []struct {
		name, text string
		o          LedgerOptions
		lines      [2]int
		dialect    string // part of it
	}{
		{name: "plain", text: plain},
		{name: "utf-8 with mark", text: "\ufeff" + plain, dialect: "UTF-8 with byte order mark;"},
		{name: "utf-16 le", text: utf16(unicode.LittleEndian, plain), dialect: "UTF-16 LE;"},
		{name: "utf-16 be", text: utf16(unicode.BigEndian, plain), dialect: "UTF-16 BE;", o: LedgerOptions{Encoding: "UTF-16"}},
		{name: "windows-1252", text: latin, o: LedgerOptions{Encoding: "Windows-1252"}, dialect: "Windows-1252 (configured);"},
		{name: "semicolon, decimal comma", text: "ref;amount;ccy;text\nA1;1234,50;EUR;Möbel €\nA2;-3;EUR;ok\n", dialect: "delimiter semicolon (detected); decimal comma, no thousands marks (detected)"},
		{name: "semicolon, thousands point", text: "ref;amount;ccy;text\nA1;1.234,50;EUR;Möbel €\nA2;-3;EUR;ok\n", dialect: "decimal comma, thousands marked by point (detected)"},
		{name: "thousands comma", text: "ref,amount,ccy,text\nA1,\"1,234.50\",EUR,Möbel €\nA2,-3,EUR,ok\n", dialect: "decimal point, thousands marked by comma (detected)"},
		{name: "thousands space", text: "ref;amount;ccy;text\nA1;1\u00a0234,50;EUR;Möbel €\nA2;-3;EUR;ok\n", dialect: "thousands marked by space (detected)"},
		{name: "thousands apostrophe", text: "ref;amount;ccy;text\nA1;1'234.50;EUR;Möbel €\nA2;-3;EUR;ok\n", dialect: "thousands marked by apostrophe (detected)"},
		{name: "tab", text: strings.ReplaceAll(plain, ",", "\t"), dialect: "delimiter tab (detected)"},
		{name: "pipe", text: strings.ReplaceAll(plain, ",", "|"), dialect: "delimiter pipe (detected)"},
		{name: "tab configured", text: strings.ReplaceAll(plain, ",", "\t"), o: LedgerOptions{Delimiter: "tab"}, dialect: "delimiter tab;"},
		{name: "crlf", text: strings.ReplaceAll(plain, "\n", "\r\n")},
		{name: "lone cr", text: strings.ReplaceAll(plain, "\n", "\r"), dialect: "lines end with CR"},
		{name: "no line end at the end", text: strings.TrimSuffix(plain, "\n")},
		{name: "quoted", text: "\"ref\",\"amount\",\"ccy\",\"text\"\n\"A1\",\"1234.50\",\"EUR\",\"Möbel €\"\n\"A2\",\"-3\",\"EUR\",\"ok\"\n"},
		{name: "blank lines", text: "\n\nref,amount,ccy,text\n\nA1,1234.50,EUR,Möbel €\n  \nA2,-3,EUR,ok\n\n", lines: [2]int{5, 7}},
		{name: "header over two lines", text: "\"ref\",amount,ccy,text,\"x\ny\"\nA1,1234.50,EUR,Möbel €,\nA2,-3,EUR,ok,\n", lines: [2]int{3, 4}},
		{name: "fields over two lines", text: "ref,amount,ccy,text,x\nA1,1234.50,EUR,Möbel €,\"x\r\ny\"\nA2,-3,EUR,ok,\n", lines: [2]int{2, 4}},
		{
			name: "other names", text: "Beleg,BETRAG,Whg,Zweck\nA1,1234.50,EUR,Möbel €\nA2,-3,EUR,ok\n",
			o: LedgerOptions{Columns: map[string]string{"ref_id": "beleg", "amount": " Betrag ", "currency": "3", "text": "4"}},
		},
		{name: "currency configured", text: "ref,amount,text\nA1,1234.50,Möbel €\nA2,-3,ok\n", o: LedgerOptions{Currency: "eur"}, dialect: "currency EUR where a row has none"},
		{name: "currency blank", text: "ref,amount,ccy,text\nA1,1234.50, ,Möbel €\nA2,-3,EUR,ok\n", o: LedgerOptions{Currency: "EUR"}},
		{name: "sign", text: "ref,amount,ccy,text\nA1,-1234.50,EUR,Möbel €\nA2,3,EUR,ok\n", o: LedgerOptions{Sign: "negative"}, dialect: "negative amounts are money out"},
		{name: "a status column without words", text: "ref,amount,ccy,text,status\nA1,1234.50,EUR,Möbel €,\nA2,-3,EUR,ok,\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := []payout.Entry{
				{Line: 2, Ref: "A1", Amount: amount(t, "1234.50", "EUR"), Class: payout.EntryNone, Day: payout.NoDay, Text: "Möbel €"},
				{Line: 3, Ref: "A2", Amount: amount(t, "-3", "EUR"), Class: payout.EntryNone, Day: payout.NoDay, Text: "ok"},
			}
			if tt.lines != [2]int{} {
				want[0].Line, want[1].Line = tt.lines[0], tt.lines[1]
			}
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			if _, err := w.Write([]byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{tt.text, packed.String()} {
				in, entries := readText(t, text, tt.o)
				if diff := gocmp.Diff(want, entries, sameEntries); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if strings.Contains(in.Dialect, "gzip") != (text != tt.text) || !strings.Contains(strings.Replace(in.Dialect, ", gzip", "", 1), tt.dialect) {
					t.Errorf("dialect %q, want %q in it", in.Dialect, tt.dialect)
				}
			}
			for size := 1; size < 80; size += 3 { // chunks end everywhere
				o := tt.o
				o.chunkSize = size
				if _, entries := readText(t, tt.text, o); gocmp.Diff(want, entries, sameEntries) != "" {
					t.Fatalf("chunks of %d bytes: %v", size, entries)
				}
			}
		})
	}
}

func TestReadLedgerRejects(t *testing.T) {
	const header = "ref_id,amount,currency,status,date,text\n"
	for _, tt := range []struct {
		name, row, column, value, reason, ref, text string
	}{
		{"blank reference", ",1.00,EUR,,,x", "ref_id", "", "the reference is blank or a placeholder", "", ",1.00,EUR,,,x"},
		{"placeholder", " N/A ,1.00,EUR,,,", "ref_id", " N/A ", "the reference is blank or a placeholder", "", ""},
		{"zero with spaces", "0     ,1.00,EUR,,,", "ref_id", "0     ", "the reference is blank or a placeholder", "", ""},
		{"no-break spaces", "\u00a0\u00a0,1.00,EUR,,,", "ref_id", "\u00a0\u00a0", "the reference is blank or a placeholder", "", ""},
		{"blank amount", "R1,,EUR,,,", "amount", "", "the amount is blank", "R1", "R1,,EUR,,,"},
		{"blank amount, dated", "R1,,eur,,2026-01-05,", "amount", "", "the amount is blank", "R1", ""},
		{"blank reference, dated", ",1.00,EUR,,2026-01-05,", "ref_id", "", "the reference is blank or a placeholder", "", ""},
		{"bad currency, dated", "R1,1.00,E1R,,2026-01-05,", "currency", "E1R", "not a currency (want three letters)", "R1", ""},
		{"letters", "R1,ten,EUR,,,", "amount", "ten", "not an amount (want digits with at most four decimals, decimal point)", "R1", ""},
		{"exponent", "R1,1e3,EUR,,,", "amount", "1e3", "not an amount (want digits with at most four decimals, decimal point)", "R1", ""},
		{"five decimals", "R1,1.00001,EUR,,,", "amount", "1.00001", "not an amount (want digits with at most four decimals, decimal point)", "R1", ""},
		{"the other mark", `R1,"1,50",EUR,,,`, "amount", "1,50", "not an amount (want digits with at most four decimals, decimal point)", "R1", "R1,1,50,EUR,,,"},
		{"too large", "R1,9999999999999999999,EUR,,,", "amount", "9999999999999999999", "the amount is too large (at most about 922 trillion)", "R1", ""},
		{"too large, grouped", `R1,"-9,999,999,999,999,999.99",EUR,,,`, "amount", "-9,999,999,999,999,999.99", "the amount is too large (at most about 922 trillion)", "R1", "R1,-9,999,999,999,999,999.99,EUR,,,"},
		{"as long as a text", "R1," + strings.Repeat("1", 300) + ",EUR,,,", "amount", strings.Repeat("1", 200), "the amount is too large (at most about 922 trillion)", "R1", ""},
		{"brackets", "R1,(5.00),EUR,,,", "amount", "(5.00)", "not an amount (want digits with at most four decimals, decimal point)", "R1", ""},
		{"no currency", "R1,1.00,,,,", "currency", "", "the currency is blank", "R1", ""},
		{"bad currency", "R1,1.00,E1R,,,", "currency", "E1R", "not a currency (want three letters)", "R1", ""},
		{"bad date", "R1,1.00,EUR,,2026-02-30,", "date", "2026-02-30", "not a date (want YYYY-MM-DD or RFC 3339, or set ledger.date_format)", "R1", ""},
		{"date before all", "R1,1.00,EUR,,1899-12-31,", "date", "1899-12-31", "not a date (want YYYY-MM-DD or RFC 3339, or set ledger.date_format)", "R1", ""},
		{"too few fields", "R1,1.00,EUR", "(row)", "R1,1.00,EUR", "the row has 3 fields, the header has 6", "R1", "R1,1.00,EUR"},
		{"one field", "R1", "(row)", "R1", "the row has 1 field, the header has 6", "", "R1"},
		{"too many fields", "R1,1.00,EUR,,,a,b", "(row)", "R1,1.00,EUR,,,a,b", "the row has 7 fields, the header has 6", "R1", "R1,1.00,EUR,,,a,b"},
		{"all fields blank", ",,,,,", "ref_id", "", "the reference is blank or a placeholder", "", ",,,,,"},
		{"text after a quote", `R1,1.00,EUR,"paid"x,,`, "status", `"paid"x`, "text after the closing quote of a field", "R1", `R1,1.00,EUR,"paid"x,,`},
		{"cut at 500", "R1,x,EUR,,," + strings.Repeat("é", 600), "amount", "x", "not an amount (want digits with at most four decimals, decimal point)", "R1", "R1,x,EUR,,," + strings.Repeat("é", 489)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in, entries := readText(t, header+"OK1,5.00,EUR,,,\n"+tt.row+"\nOK2,6.00,EUR,,,\n", LedgerOptions{})
			if len(entries) != 2 || in.Rows != 3 || len(in.Rejected) != 1 {
				t.Fatalf("%d entries, %d rows, rejected %v", len(entries), in.Rows, in.Rejected)
			}
			got := in.Rejected[0]
			if tt.text == "" {
				got.Text = ""
			}
			want := payout.RejectedRow{Line: 3, Column: tt.column, Value: tt.value, Reason: tt.reason, Ref: tt.ref, Text: tt.text}
			if tt.column != ledgerWholeRow && strings.Contains(strings.ToUpper(tt.row), ",EUR,") {
				want.Currency = "EUR"
			}
			if f := strings.Split(tt.row, ","); len(f) == 6 && f[1] == "1.00" && f[2] == "EUR" {
				want.Amount = money.New(1_0000, "EUR")
			}
			if strings.Contains(tt.row, ",2026-01-05,") {
				want.Day = ymd(t, "2026-01-05")
			}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestReadLedgerStopsWithEmit(t *testing.T) {
	var text strings.Builder
	text.WriteString("ref,amount,ccy\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "R%d,1.00,EUR\n", i)
	}
	path := ledgerFile(t, text.String())
	full := errors.New("no more room")
	_, err := ReadLedger(t.Context(), []string{path}, LedgerOptions{chunkSize: 100}, always, func(int, []payout.Entry) error { return full })
	if err != full {
		t.Errorf("got %v, want %v", err, full)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = ReadLedger(ctx, []string{path}, LedgerOptions{chunkSize: 100}, always, func(int, []payout.Entry) error { cancel(); return nil })
	if payout.KindOf(err) != payout.KindInterrupted || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an interruption", err)
	}
}

// TestReadLedgerNumbersLines: line numbers go on over chunks of the usual size.
func TestReadLedgerNumbersLines(t *testing.T) {
	var text strings.Builder
	text.WriteString("ref,amount,ccy,text\n")
	const rows = 30_000
	for i := range rows {
		fmt.Fprintf(&text, "R%d,1.00,EUR,\"over\ntwo lines\"\n", i)
	}
	_, entries := readText(t, text.String(), LedgerOptions{})
	for i, e := range entries {
		if e.Line != 2+2*i || e.Ref != fmt.Sprintf("R%d", i) {
			t.Fatalf("entry %d is %s of line %d", i, e.Ref, e.Line)
		}
	}
	if len(entries) != rows {
		t.Errorf("%d entries, want %d", len(entries), rows)
	}
}

// TestReadLedgerReportsTheFirstError: of many errors the earliest is told, whichever worker met its own first.
func TestReadLedgerReportsTheFirstError(t *testing.T) {
	path := ledgerFile(t, "ref,amount,ccy\n"+strings.Repeat("R1,5,EUR\n", 50)+strings.Repeat("R1,1.234,EUR\n", 200))
	for range 20 {
		_, _, err := readFiles(t, LedgerOptions{sampleSize: 100, chunkSize: 30}, always, path)
		if err == nil || !strings.Contains(err.Error(), ": line 52: the amount") {
			t.Fatalf("got %v, want line 52", err)
		}
	}
}
