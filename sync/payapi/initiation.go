package payapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// Initiation is the request to make one payout. Amount and the rest are text, as a person wrote them: Validate reads
// them as the provider does.
type Initiation struct {
	RefID         string
	Amount        string // such as 10.23
	Currency      string // ISO 4217
	Description   string // bank reference
	DebtorAccount string // id of the settlement account that pays
	Creditor      payout.Creditor
	OnBehalfOf    string
}

// The wire form: {"initiation": {...}}.
type (
	initiationBody struct {
		Initiation initiationFields `json:"initiation"`
	}
	initiationFields struct {
		RefID       string         `json:"refId"`
		OnBehalfOf  string         `json:"onBehalfOfId,omitempty"`
		Description string         `json:"description"`
		Amount      amountFields   `json:"amount"`
		Debtor      debtorFields   `json:"debtor"`
		Creditor    creditorFields `json:"creditor"`
	}
	amountFields struct {
		Value    string `json:"value"`
		Currency string `json:"currency"`
	}
	debtorFields struct {
		AccountID string `json:"accountId"`
	}
	creditorFields struct {
		Name           string `json:"name,omitempty"`
		UltimateName   string `json:"ultimateCreditorName,omitempty"`
		BankName       string `json:"bankName,omitempty"`
		IBAN           string `json:"iban,omitempty"`
		BIC            string `json:"bic,omitempty"`
		AccountNumber  string `json:"accountNumber,omitempty"`
		SortCode       string `json:"sortCode,omitempty"`
		VerificationID string `json:"accountVerificationId,omitempty"`
	}
)

// ParseInitiation reads {"initiation":{...}}, or the inner object alone. It is strict: an unknown or repeated member is
// an error, because what is misspelt would be left out of a payment in silence.
func ParseInitiation(text []byte) (Initiation, error) {
	s := newScanner(text)
	if err := s.value(); err != nil {
		return Initiation{}, payout.Errorf(payout.KindInput, "the request cannot be read: %w", err)
	}
	if err := s.end(); err != nil {
		return Initiation{}, payout.Errorf(payout.KindInput, "the request cannot be read: %w", err)
	}
	if _, err := s.hash(); err != nil {
		return Initiation{}, payout.Errorf(payout.KindInput, "the request cannot be read: %w", err)
	}
	var in Initiation
	c := &in.Creditor
	fields := shape{
		"refId": &in.RefID, "onBehalfOfId": &in.OnBehalfOf, "description": &in.Description,
		"amount": shape{"value": &in.Amount, "currency": &in.Currency},
		"debtor": shape{"accountId": &in.DebtorAccount},
		"creditor": shape{
			"name": &c.Name, "ultimateCreditorName": &c.UltimateName, "bankName": &c.BankName, "iban": &c.IBAN, "bic": &c.BIC,
			"accountNumber": &c.AccountNumber, "sortCode": &c.SortCode, "accountVerificationId": &c.VerificationID,
		},
	}
	s.eachMember(0, func(name string, _ int32) {
		if name == "initiation" {
			fields = shape{name: fields}
		}
	})
	if err := s.fill(0, "", fields); err != nil {
		return Initiation{}, payout.Errorf(payout.KindInput, "the request cannot be read: %w", err)
	}
	return in, nil
}

// shape says what an object may hold: *string for text, shape for an object.
type shape map[string]any

// fill reads the object at node i into the targets of sh, and refuses everything else.
func (s *scanner) fill(i int32, path string, sh shape) (err error) {
	if s.nodes[i].kind != kindObject {
		return fmt.Errorf("%q: want an object in braces", cmp.Or(strings.TrimSuffix(path, "."), "the whole"))
	}
	s.eachMember(i, func(name string, v int32) {
		field := path + clip(name, 40)
		switch target := sh[name].(type) {
		case shape:
			err = cmp.Or(err, s.fill(v, field+".", target))
		case *string:
			if *target = s.scalar(v); s.nodes[v].kind != kindString {
				err = cmp.Or(err, fmt.Errorf("%q: want text in quotes", field))
			}
		default:
			err = cmp.Or(err, fmt.Errorf("%q is not a field of an initiation", field))
		}
	})
	return err
}

// body writes the request's JSON. Spaces and dashes of accounts are for people, and left out.
func (in Initiation) body() ([]byte, error) {
	var w initiationBody
	f := &w.Initiation
	f.RefID, f.OnBehalfOf, f.Description = in.RefID, in.OnBehalfOf, in.Description
	f.Amount = amountFields{in.Amount, in.Currency}
	f.Debtor.AccountID = in.DebtorAccount
	f.Creditor = creditorFields(in.Creditor)
	f.Creditor.IBAN, f.Creditor.BIC = plainAccount(in.Creditor.IBAN), strings.ToUpper(in.Creditor.BIC)
	f.Creditor.SortCode = plainAccount(in.Creditor.SortCode)
	f.Creditor.AccountNumber = plainAccount(in.Creditor.AccountNumber)
	return json.Marshal(w)
}

// plainAccount leaves out the spaces and dashes that make an account readable.
func plainAccount(text string) string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(text))
}

// Validate checks what the provider documents that it checks, and returns all that is wrong in one error
// (payout.KindInput), each with field, value and what is wanted.
func (in Initiation) Validate() error {
	var wrong []string
	add := func(field, value, want string) {
		if want != "" {
			wrong = append(wrong, fmt.Sprintf("%s %q: %s", field, clip(value, 60), want))
		}
	}
	add("refId", in.RefID, wantRef(in.RefID))
	add("amount.value", in.Amount, wantAmount(in.Amount, in.Currency))
	if !money.Known(in.Currency) {
		add("amount.currency", in.Currency, "want an ISO 4217 code in capital letters, such as EUR")
	}
	if strings.TrimSpace(in.DebtorAccount) == "" {
		add("debtor.accountId", in.DebtorAccount, "is missing: the settlement account that pays")
	}
	c := in.Creditor
	domestic := c.SortCode != "" || c.AccountNumber != ""
	longest := 140
	if domestic {
		longest = 18
		add("creditor.sortCode", c.SortCode, wantDigits(plainAccount(c.SortCode), 6))
		add("creditor.accountNumber", c.AccountNumber, wantDigits(plainAccount(c.AccountNumber), 8))
	}
	if c.IBAN != "" {
		add("creditor.iban", c.IBAN, wantIBAN(plainAccount(c.IBAN)))
	}
	if c.IBAN == "" && !domestic {
		add("creditor", "", "needs an iban, or a sortCode and an accountNumber")
	}
	if n := len(c.BIC); n != 0 && (n != 8 && n != 11 || !alphanumeric(c.BIC)) {
		add("creditor.bic", c.BIC, "want 8 or 11 letters and digits")
	}
	add("description", in.Description, wantDescription(in.Description, longest))
	if wrong == nil {
		return nil
	}
	return payout.Errorf(payout.KindInput, "the initiation is not valid: %s", strings.Join(wrong, "; "))
}

// Advice returns, in words, what the provider recommends and the request does not follow. None of it stops a payout.
func (in Initiation) Advice() []string {
	var advice []string
	if len(in.RefID) > 18 || strings.Trim(in.RefID, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		advice = append(advice, fmt.Sprintf("refId %q: at most 18 of A-Z a-z 0-9 - are recommended", in.RefID))
	}
	if strings.Trim(in.Description, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 -.&/") != "" {
		advice = append(advice, fmt.Sprintf("description %q: only letters, digits, spaces and - . & / are documented", clip(in.Description, 140)))
	}
	if in.Currency == "EUR" && in.Creditor.VerificationID == "" {
		advice = append(advice, "creditor.accountVerificationId is missing: the provider requires it for payments in EUR")
	}
	return advice
}

// The want functions return what is wanted instead of the value, or "".

func wantRef(ref string) string {
	switch {
	case strings.TrimSpace(ref) == "":
		return "is missing: the reference by which the payout is found again"
	case utf8.RuneCountInString(ref) > 35:
		return "want at most 35 characters"
	case ref != strings.TrimSpace(ref) || strings.ContainsFunc(ref, unseen) || !utf8.ValidString(ref):
		return "want no white space at its ends, and no control or invisible characters"
	}
	return ""
}

func wantAmount(value, currency string) string {
	units, err := money.ParseUnits(value)
	switch {
	case err != nil || strings.HasPrefix(value, "+"):
		return "want digits with at most four decimals, such as 10.23"
	case units <= 0:
		return "want more than nothing"
	}
	digits := money.Digits(currency)
	if text := money.FormatUnits(units, currency); money.Known(currency) && decimals(text) > digits {
		return fmt.Sprintf("%s has %d decimals", currency, digits)
	}
	return ""
}

func decimals(text string) int {
	_, fraction, _ := strings.Cut(text, ".")
	return len(fraction)
}

func wantDigits(text string, n int) string {
	if len(text) != n || strings.Trim(text, "0123456789") != "" {
		return fmt.Sprintf("want %d digits", n)
	}
	return ""
}

// wantIBAN checks form and check digits (ISO 13616: the remainder by 97 is 1).
func wantIBAN(iban string) string {
	if len(iban) < 15 || len(iban) > 34 || !alphanumeric(iban) || strings.Trim(iban[:2], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(iban[2:4], "0123456789") != "" {
		return "want two letters, two digits and 11 to 30 letters and digits"
	}
	remainder := 0
	for _, c := range iban[4:] + iban[:4] {
		if c >= 'A' {
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		} else {
			remainder = (remainder*10 + int(c-'0')) % 97
		}
	}
	if remainder != 1 {
		return "its check digits do not fit: is a character wrong?"
	}
	return ""
}

func wantDescription(text string, longest int) string {
	var first rune
	count, differ := 0, false
	for _, r := range text {
		switch {
		case unseen(r) || r == utf8.RuneError:
			return "want no control or invisible characters"
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if count == 0 {
				first = r
			}
			count++
			differ = differ || r != first
		}
	}
	switch {
	case count < 6:
		return fmt.Sprintf("want at least 6 letters and digits, this has %d", count)
	case !differ:
		return "want letters and digits that are not all the same"
	case utf8.RuneCountInString(text) > longest:
		return fmt.Sprintf("want at most %d characters for this kind of account, this has %d", longest, utf8.RuneCountInString(text))
	}
	return ""
}

func alphanumeric(text string) bool {
	return strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") == ""
}
