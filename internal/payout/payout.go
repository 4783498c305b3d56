package payout

import (
	"strings"

	"payrecon/internal/money"
)

// Payout is one payout as the API showed it, with the sub-member it was asked for.
type Payout struct {
	ID         string
	MemberID   string
	OnBehalfOf string // the onBehalfOfId it was asked with; the API's answer does not carry it. "" = the plain pass
	Created    Millis // immutable
	Updated    Millis
	Undated    bool   // the API did not say, in words that can be read, when it updated the payout: Updated is Created
	Status     Status // verbatim, also when unknown to us

	Reason            string // statusReasonInformation, at most 256 characters
	BankStatus        string // bankPaymentStatus, a raw ISO 20022 code
	BankTransactionID string

	// From initiation, which the API may leave out whole.
	RefID         string
	Amount        money.Amount // Currency is money.NoCurrency and Units 0 when the payout has no (readable) amount
	Description   string       // bank reference
	DebtorAccount string
	Creditor      Creditor

	Raw  []byte   // the JSON object as received
	Hash [16]byte // of the canonical form of Raw: equal content, equal hash, whatever the order of members
}

// Creditor is the payee. Every field is optional.
type Creditor struct {
	Name           string
	UltimateName   string
	BankName       string
	IBAN           string
	BIC            string
	AccountNumber  string
	SortCode       string
	VerificationID string
}

// Account returns the payee's account in one comparable form: the IBAN, else "sort code account number", with spaces,
// dashes and letter case ironed out, else "".
func (c Creditor) Account() string {
	if iban := compact(c.IBAN); iban != "" {
		return iban
	}
	if number := compact(c.AccountNumber); number != "" {
		return strings.TrimSpace(compact(c.SortCode) + " " + number)
	}
	return ""
}

func compact(s string) string {
	return strings.ToUpper(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' {
			return -1
		}
		return r
	}, s))
}

// MaskAccount keeps the last four characters of an account, and of an IBAN also its country: "DE************4321".
func MaskAccount(account string) string {
	r := []rune(account)
	keepFront := 0
	if len(r) > 8 && r[0] >= 'A' && r[0] <= 'Z' && r[1] >= 'A' && r[1] <= 'Z' {
		keepFront = 2
	}
	for i := keepFront; i < len(r)-4 || i < len(r) && len(r) <= 4; i++ {
		if r[i] != ' ' {
			r[i] = '*'
		}
	}
	return string(r)
}

// Row is the part of a payout that matching needs, small enough to read a million of them. Its strings may share one
// text: keep a copy of what must live long.
type Row struct {
	ID         string
	RefID      string
	OnBehalfOf string
	Account    string // Creditor.Account
	Units      int64  // money units, 0 when Currency is money.NoCurrency
	Currency   string
	Status     Status
	Created    Millis
	Changed    Millis // last status change known: when the version that brought the present status says it was updated
	Version    int64  // sequence of the version that it stands at; 0 = it does not come from a mirror
}

// Detail is what people read of a payout beside its Row.
type Detail struct {
	Payee             string
	DebtorAccount     string
	Description       string // bank reference
	Reason            string
	BankStatus        string
	BankTransactionID string
	Was               Status // the last other final status that it was shown with before; "" = none
}
