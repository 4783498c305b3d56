package reconcile

import (
	"strings"
	"testing"
)

// TestReadLedgerSpans: a quote that is left open and closed rows later is legal CSV, but its rows are gone: the intake says so.
func TestReadLedgerSpans(t *testing.T) {
	const header = "ref,amount,ccy,text\n"
	for _, tt := range []struct{ name, text, want string }{
		{"none", header + "R1,1.00,EUR,\"one line, \"\"quoted\"\"\"\n\nR2,2.00,EUR,\"ok\"\n", ""},
		{
			"rows taken in", header + "R0,1.00,EUR,ok\nR1,1.00,EUR,\"left open\nR2,9000.00,EUR,ok\nR3,2.00,EUR,closed here\"\nR4,1.00,EUR,ok\n",
			": 1 record spans more than one line, the first on line 3; where that is not meant, a quote is left open and takes in the rows after it",
		},
		{
			"an unreadable row", header + "R1,x,EUR,\"two\nlines\"\n\"R\n2\",2.00\n",
			": 2 records span more than one line, the first on line 2; where that is not meant, a quote is left open and takes in the rows after it",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{1, 1 << 20} {
				path := ledgerFile(t, tt.text)
				in, _, err := readFiles(t, LedgerOptions{chunkSize: size}, always, path)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.ReplaceAll(strings.Join(in.Notes, "\n"), path, ""); got != tt.want {
					t.Errorf("chunks of %d: got  %s\nwant %s", size, got, tt.want)
				}
			}
		})
	}
}

// TestReadLedgerRejectsSigned: what can be read of an unreadable row is signed like an entry, whichever sign means money out.
func TestReadLedgerRejectsSigned(t *testing.T) {
	const text = "ref,amount,ccy,date\nR1,-100.00,EUR,2026-01-05\nR2,-50.00,EUR,soon\nR3,7.00,EUR,soon\n"
	for sign, want := range map[string][2]string{"negative": {"50.00", "-7.00"}, "positive": {"-50.00", "7.00"}} {
		in, _ := readText(t, text, LedgerOptions{Sign: sign})
		if len(in.Rejected) != 2 || [2]string{in.Rejected[0].Amount.Text(), in.Rejected[1].Amount.Text()} != want {
			t.Errorf("%s: rejected %+v, want amounts %v", sign, in.Rejected, want)
		}
	}
}

// TestReadLedgerReferencesOfOddRows: in a row that has more or fewer fields than the header any column may be shifted. Its
// reference is told only where no other field could be it.
func TestReadLedgerReferencesOfOddRows(t *testing.T) {
	for _, tt := range []struct{ name, header, row, want string }{
		{"text before", "text,ref,amount,ccy,date", "Acme, Ltd,R1,100.00,EUR,2026-01-05", "R1"},
		{"text before, twice", "text,ref,amount,ccy,date", "a,b,c,R1,100.00,EUR,", "R1"},
		{"text before, amount first", "amount,ccy,text,ref", "100.00,EUR,Acme, Ltd,R1", "R1"},
		{"text before, and quotes", "text,ref,amount,ccy,date", `Acme, "Big" Ltd,R1,100.00,EUR,2026-01-05`, "R1"},
		{"text behind", "document,ref,amount,ccy,text", "D1,R1,100.00,EUR,rent, May", "R1"},
		{"texts before and behind", "text,ref,amount,ccy,memo", "Acme, Ltd,R1,100.00,EUR,rent, May", "R1"},
		{"text between", "ref,text,amount,ccy", "R1,a,b,c,100.00,EUR", "R1"},
		{"text on either side", "text,ref,memo,amount,ccy", "Acme,R1,rent, May,100.00,EUR", ""},
		{"the amount's own comma", "ref,amount,ccy,text", "R1,1,234.50,EUR,rent", "R1"},
		{"the amount's own comma or the text's", "text,ref,amount,ccy", "Acme,R1,1,234.50,EUR", ""},
		{"two figures", "text,ref,amount,memo", "Acme, 500,4711,300,rent", ""},
		{"two figures, one unreadable", "text,ref,amount,memo", "Acme, 500,4711,3o0,rent", ""},
		{"text before, and the amount is none", "text,ref,amount,ccy,date", "Acme, Ltd,R1,1o0.00,EUR,2026-01-05", ""},
		{"text before, and the date is none", "text,ref,amount,ccy,date", "Acme, Ltd,R1,100.00,EUR,soon", ""},
		{"far too wide", "text,ref,amount,ccy", strings.Repeat("a,", 40) + "R1,100.00,EUR", ""},
		{"wider than is kept", "text,ref,amount,ccy", strings.Repeat("a,", 400) + "R1,100.00,EUR", ""},
		{"cut off behind", "ref,amount,ccy,status,text", "R1,100.00,EUR", "R1"},
		{"cut off in front", "text,ref,amount,ccy", "R1,100.00,EUR", ""},
		{"cut off, no amount left", "ref,text,amount,ccy", "R1,a", ""},
		{"cut off, amount or reference", "ref,amount,text", "4711,100.00", ""},
		{"the reference is left out", "ref,amount,ccy,text", "100.00,EUR,rent", ""},
		{"a placeholder", "text,ref,amount,ccy,date", "Acme, Ltd,n/a,100.00,EUR,2026-01-05", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := LedgerOptions{}
			if !strings.Contains(tt.header, "ccy") {
				o.Currency = "EUR"
			}
			in, _ := readText(t, tt.header+"\n"+tt.row+"\n", o)
			if len(in.Rejected) != 1 || in.Rejected[0].Ref != tt.want {
				t.Errorf("got %+v, want the reference %q", in.Rejected, tt.want)
			}
		})
	}
}

// TestReadLedgerOddRowsOfManyWays would take long if all ways were tried in which columns can lie over fields.
func TestReadLedgerOddRowsOfManyWays(t *testing.T) {
	const rows = 5_000
	text := "f1,ref_id,f2,amount,f3,date,f4,status,f5,currency,f6\n" + strings.Repeat("a,R1"+strings.Repeat(",", 25)+"\n", rows)
	in, _ := readText(t, text, LedgerOptions{Currency: "EUR"})
	if len(in.Rejected) != rows || in.Rejected[0].Ref != "" {
		t.Errorf("%d rejected rows, the first of reference %q, want %d of none", len(in.Rejected), in.Rejected[0].Ref, rows)
	}
}
