package reconcile

import "testing"

// testAccounts has every form of an account: three of them are the same one.
var testAccounts = []string{
	"", "GB29NWBK60161331926819", "601613 31926819", "31926819",
	"GB94BARC10201530093459", "102015 31926819", "30093459", "DE89370400440532013000", "FR7630006000011234567890189",
}

func TestAccountsDiffer(t *testing.T) {
	const (
		british  = "GB29NWBK60161331926819"
		short    = "GB33BUKB20201500012345"
		german   = "DE89370400440532013000"
		sorted   = "601613 31926819"
		lone     = "31926819"
		american = "000123456789"
	)
	for _, c := range []struct {
		name, a, b string
		want       bool
	}{
		{"nothing and nothing", "", "", false},
		{"nothing and an IBAN", "", german, false},
		{"nothing and a number", "", lone, false},
		{"the same IBAN", german, german, false},
		{"two IBANs", german, "DE02120300000000202051", true},
		{"IBANs of two countries", german, british, true},
		{"the same sort code and number", sorted, sorted, false},
		{"another sort code", sorted, "601614 31926819", true},
		{"another number", sorted, "601613 31926818", true},
		{"a lone number and the same with a sort code", lone, sorted, false},
		{"a lone number and another with a sort code", "31926818", sorted, true},
		{"lone numbers", lone, "31926818", true},
		{"the same lone number", lone, lone, false},
		{"a British IBAN and its own sort code and number", british, sorted, false},
		{"a British IBAN and another sort code", british, "601614 31926819", true},
		{"a British IBAN and another number", british, "601613 31926818", true},
		{"a British IBAN and its own number", british, lone, false},
		{"a British IBAN and another lone number", british, "31926818", true},
		{"a number shorter than its IBAN fills it up to", short, "202015 12345", false},
		{"a lone number shorter than its IBAN fills it up to", short, "12345", false},
		{"another IBAN and a domestic account", german, sorted, false},
		{"another IBAN and a lone number", german, american, false},
		{"a British IBAN that is none", "GB29NWBK6016133192681", sorted, false},
	} {
		if got := accountsDiffer(c.a, c.b); got != c.want {
			t.Errorf("%s: accountsDiffer(%q, %q) = %t, want %t", c.name, c.a, c.b, got, c.want)
		}
		if got := accountsDiffer(c.b, c.a); got != c.want {
			t.Errorf("%s: accountsDiffer(%q, %q) = %t, want %t", c.name, c.b, c.a, got, c.want)
		}
	}
	for _, a := range testAccounts {
		for _, b := range testAccounts {
			if got, want := accountsDiffer(a, b), refDiffer(a, b); got != want {
				t.Errorf("accountsDiffer(%q, %q) = %t, want %t", a, b, got, want)
			}
		}
	}
}
