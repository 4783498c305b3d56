package reconcile

import (
	"testing"

	"payrecon/internal/payout"
)

// TestNames: a payee is named by whole words of a text, not by letters within them.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		payee, account, text string
		want                 bool
	}{
		{"ACME Ltd", "", "Rent acme ltd, May", true},
		{"ACME Ltd", "", "RENT/ACME LTD./MAY", true},
		{"ACME Ltd", "", "rent ac me ltd", true}, // banks break lines within words
		{"ACME Ltd", "", "rent acme limited", false},
		{"ING", "", "Rent, ING-0815", true},
		{"ING", "", "Booking 4711 other supplier", false},
		{"ING", "", "Zahlung an Ingrid", false},
		{"Müller & Söhne", "", "MÜLLER SÖHNE, Rechnung 7", true},
		{"Al", "", "to Al", false}, // too short to say anything
		{"", "", "", false},
		{"-", "", "- -", false},
		{"", "DE89370400440532013000", "to DE89 3704 0044 0532 0130 00", true},
		{"", "12345678", "account 12345678", true},
		{"", "12345678", "invoice 9123456780", false},
		{"", "12345", "account 12345", false},
	} {
		p := &pay{Row: payout.Row{Account: c.account}, detail: &payout.Detail{Payee: c.payee}}
		if got := names(c.text, p); got != c.want {
			t.Errorf("%q names %q %q: got %v, want %v", c.text, c.payee, c.account, got, c.want)
		}
	}
}
