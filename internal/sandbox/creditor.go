package sandbox

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// creditor is a payee with its JSON written once: a million payouts share a few thousand of them.
type creditor struct {
	payout.Creditor
	json    []byte
	numeric []byte // the same with sortCode as a JSON number, as some gateways send it
}

// creditorJSON has the members in the order of the API's documentation.
type creditorJSON struct {
	Name           string `json:"name,omitempty"`
	UltimateName   string `json:"ultimateCreditorName,omitempty"`
	BankName       string `json:"bankName,omitempty"`
	IBAN           string `json:"iban,omitempty"`
	BIC            string `json:"bic,omitempty"`
	AccountNumber  string `json:"accountNumber,omitempty"`
	SortCode       any    `json:"sortCode,omitempty"`
	VerificationID string `json:"accountVerificationId,omitempty"`
}

func newCreditor(c payout.Creditor) *creditor {
	form := creditorJSON{c.Name, c.UltimateName, c.BankName, c.IBAN, c.BIC, c.AccountNumber, nil, c.VerificationID}
	if c.SortCode != "" {
		form.SortCode = c.SortCode
	}
	made := &creditor{Creditor: c}
	made.json, _ = json.Marshal(form) // strings only: cannot fail
	made.numeric = made.json
	if n, err := strconv.Atoi(c.SortCode); err == nil {
		form.SortCode = n
		made.numeric, _ = json.Marshal(form)
	}
	return made
}

// payees are the creditors of one seed: those with an IBAN and those with a sort code and account number.
type payees struct {
	iban, sortCode []*creditor
}

// of returns the payee of a payout: pounds go to sort codes, three in four of them; all else to IBANs.
func (p *payees) of(currency string, h uint64) *creditor {
	if currency == "GBP" && h%4 != 0 {
		return p.sortCode[(h>>8)%uint64(len(p.sortCode))]
	}
	return p.iban[(h>>8)%uint64(len(p.iban))]
}

// newPayees invents one payee for every four payouts, at least 60 and at most 20,000, a third of them with sort codes.
func newPayees(seed uint64, payouts int) *payees {
	rng := rand.New(rand.NewPCG(seed, saltCreditor))
	p := &payees{}
	for n := range min(max(payouts/4, 60), 20_000) {
		name := inventName(rng, n)
		if n%3 == 0 {
			p.sortCode = append(p.sortCode, newCreditor(payout.Creditor{
				Name: name, BankName: "Sandbox Bank", SortCode: digits(rng, '1', 6), AccountNumber: digits(rng, '0', 8),
			}))
			continue
		}
		c := payout.Creditor{Name: name, IBAN: inventIBAN(rng)}
		c.BIC = "SAND" + c.IBAN[:2] + "2X"
		if n%5 == 0 {
			c.UltimateName = inventName(rng, n+1)
		}
		p.iban = append(p.iban, newCreditor(c))
	}
	return p
}

var (
	nameHeads = []string{"Sandbox", "Sample", "Example", "Demo", "Test", "Training", "Specimen", "Placeholder"}
	nameTails = []string{"Bakery", "Timber & Sons", "Logistics", "Garden Centre", "Print, Copy and Bind", "Müller", "Café", "Freight", "\"Best\" Tools", "Hôtel"}
	nameForms = []string{"Ltd", "GmbH", "S.A.", "B.V.", "plc", "AB"}
)

func inventName(rng *rand.Rand, n int) string {
	return fmt.Sprintf("%s %s %d %s", nameHeads[rng.IntN(len(nameHeads))], nameTails[rng.IntN(len(nameTails))], n, nameForms[rng.IntN(len(nameForms))])
}

// ibanForms are country codes with the form of the rest: A a capital letter, 9 a digit.
var ibanForms = []string{"DE999999999999999999", "NLAAAA9999999999", "ES99999999999999999999", "GBAAAA99999999999999", "BE999999999999", "AT9999999999999999", "PT999999999999999999999"}

func inventIBAN(rng *rand.Rand) string {
	form := ibanForms[rng.IntN(len(ibanForms))]
	var b strings.Builder
	for _, c := range form[2:] {
		if c == 'A' {
			b.WriteByte(byte('A' + rng.IntN(26)))
		} else {
			b.WriteByte(byte('0' + rng.IntN(10)))
		}
	}
	check := 98 - ibanRemainder(b.String()+form[:2]+"00")
	return fmt.Sprintf("%s%02d%s", form[:2], check, b.String())
}

// ibanRemainder is ISO 7064 mod 97-10 over letters (A = 10) and digits; -1 for any other character.
func ibanRemainder(text string) int {
	r := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9':
			r = (r*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			r = (r*100 + int(c-'A') + 10) % 97
		default:
			return -1
		}
	}
	return r
}

// validIBAN checks length, characters and check digits. Spaces are not taken: the API documents none.
func validIBAN(iban string) bool {
	if len(iban) < 15 || len(iban) > 34 || !isLetters(iban[:2]) || !isDigits(iban[2:4]) {
		return false
	}
	return ibanRemainder(iban[4:]+iban[:4]) == 1
}

func digits(rng *rand.Rand, lead byte, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + rng.IntN(10))
	}
	b[0] = lead + byte(rng.IntN(int('9'-lead)+1))
	return string(b)
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isLetters(s string) bool {
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return s != ""
}
