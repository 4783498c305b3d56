package reconcile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"payrecon/internal/payout"
)

// renderCheck prints the tables as a terminal would show them.
func renderCheck(c *LedgerCheck) string {
	var out strings.Builder
	for _, table := range c.Tables() {
		fmt.Fprintf(&out, "%s\n", table.Title)
		w := tabwriter.NewWriter(&out, 0, 8, 2, ' ', 0)
		if len(table.Header) > 0 {
			fmt.Fprintln(w, "  "+strings.Join(table.Header, "\t"))
		}
		for _, row := range table.Rows {
			fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
		}
		w.Flush()
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

const checkedLedger = "Beleg;Buchung;Betrag;Whg;Stand;Art;Zweck\n" +
	"R-1;02.01.2026;1.234,50;EUR;gebucht;Z;\"Miete; Januar\"\n" +
	"R-2;03.01.2026;-10,00;eur;gebucht;Z;\n" +
	"\n" +
	"R-3;04.01.2026;7,00;EUR;storno;Z;\"zwei\nZeilen\"\n" +
	"n/a;04.01.2026;8,00;EUR;offen;Z;\n" +
	"R-5;2026-01-04;8,00;EUR;offen;Z;\n" +
	"R-6;04.01.2026;0,99;EUR;gebucht;G;\n"

func TestCheckLedger(t *testing.T) {
	path := ledgerFile(t, checkedLedger)
	c, err := CheckLedger(t.Context(), path, LedgerOptions{
		Columns:    map[string]string{"ref_id": "Beleg", "amount": "Betrag", "currency": "Whg", "status": "Stand", "date": "Buchung", "text": "Zweck"},
		Statuses:   map[string][]string{"paid": {"GEBUCHT"}},
		DateFormat: "DD.MM.YYYY", Timezone: "Europe/Berlin",
		Filters: []LedgerFilter{{Column: "Art", Values: []string{"Z"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `Ledger
  file         PATH
  bytes        281
  sha-256      SHA
  changed      TIME
  read as      UTF-8
               delimiter semicolon (detected)
               decimal comma, thousands marked by point (detected)
               dates DD.MM.YYYY in Europe/Berlin
               positive amounts are money out
  rows         6
  entries      3
  rejected     2
  filtered     1
  blank lines  1
  covers       2026-01-02 to 2026-01-04
  note         PATH: 1 record spans more than one line, the first on line 5; where that is not meant, a quote is left open and takes in the rows after it
Columns
  part      column  header
  ref_id    1       Beleg
  amount    3       Betrag
  currency  4       Whg
  status    5       Stand
  date      2       Buchung
  text      7       Zweck
  filter    6       Art
First entries
  line  ref_id  amount   currency  date        status   class     text            document  on_behalf_of
  2     R-1     1234.50  EUR       2026-01-02  gebucht  paid      Miete; Januar
  3     R-2     -10.00   EUR       2026-01-03  gebucht  paid
  5     R-3     7.00     EUR       2026-01-04  storno   unmapped  "zwei\nZeilen"
Status words
  word     class                                entries
  gebucht  paid                                 2
  storno   unmapped: add it to ledger.statuses  1
Filtered
  column  value  rows  amount  currency  amount unreadable
  Art     G      1     0.99    EUR       0
Rejected
  line  column   value         reason                                   row
  7     Beleg    "n/a"         the reference is blank or a placeholder  n/a;04.01.2026;8,00;EUR;offen;Z;
  8     Buchung  "2026-01-04"  not a date (want DD.MM.YYYY)             R-5;2026-01-04;8,00;EUR;offen;Z;
Sums
  currency  entries  amount   of which cash
  EUR       3        1231.50  1231.50
`
	got := strings.NewReplacer(path, "PATH", c.Files[0].SHA256, "SHA", c.Files[0].Modified.String(), "TIME").Replace(renderCheck(c))
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	data, err := json.Marshal(c)
	if err != nil || !strings.Contains(string(data), `"dialect":`) || !strings.Contains(string(data), `"first_entries":[{"line":2,"ref":"R-1"`) {
		t.Errorf("JSON %s, %v", data, err)
	}
}

// TestCheckLedgerRowsOfAnotherWidth: what is wrong with such a row is the row, not a number.
func TestCheckLedgerRowsOfAnotherWidth(t *testing.T) {
	c, err := CheckLedger(t.Context(), ledgerFile(t, "ref_id,amount,currency\nR1,1.00\nR2,1,000.00,EUR\nR3,3.00,EUR\n"), LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := `Rejected
  line  column  value    reason                                  row
  2     (row)   see row  the row has 2 fields, the header has 3  R1,1.00
  3     (row)   see row  the row has 4 fields, the header has 3  R2,1,000.00,EUR
`
	if got := renderCheck(c); !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
	for _, row := range c.Rejected {
		if row.Value != row.Text {
			t.Errorf("line %d: value %q, want the row %q", row.Line, row.Value, row.Text)
		}
	}
}

// TestCheckLedgerShowsTheFirst: the first entries are the file's first, whichever worker was faster, and long lists are cut.
func TestCheckLedgerShowsTheFirst(t *testing.T) {
	var text strings.Builder
	text.WriteString("ref,amount,ccy,extra\n")
	for i := range 2000 {
		fmt.Fprintf(&text, "R%d,1.00,EUR,\nR%d,x,EUR,\n", i, i)
	}
	c, err := CheckLedger(t.Context(), ledgerFile(t, text.String()), LedgerOptions{chunkSize: 100})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.First) != ledgerCheckFirst {
		t.Fatalf("%d first entries", len(c.First))
	}
	for i, e := range c.First {
		if e.Line != 2+2*i {
			t.Errorf("entry %d is from line %d, want %d", i, e.Line, 2+2*i)
		}
	}
	if len(c.Unused) != 1 || c.Unused[0] != (payout.ColumnUse{Header: "extra", Number: 4}) {
		t.Errorf("unused columns %v", c.Unused)
	}
	rendered := renderCheck(c)
	for _, want := range []string{"...", "and 1900 more", "covers       every day: no entry has a date", "(not used)  4       extra"} {
		if !strings.Contains(rendered, want) {
			t.Errorf("want %q in\n%s", want, rendered[:2000])
		}
	}
	if _, err := CheckLedger(t.Context(), t.TempDir(), LedgerOptions{}); payout.KindOf(err) != payout.KindInput {
		t.Errorf("a directory: got %v", err)
	}
}
