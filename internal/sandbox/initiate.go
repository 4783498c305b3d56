package sandbox

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// initiation is the documented body of POST /payouts. Members that are not documented are ignored.
type initiation struct {
	Description string `json:"description"`
	RefID       string `json:"refId"`
	OnBehalfOf  string `json:"onBehalfOfId"`
	Amount      *struct {
		Value    string `json:"value"`
		Currency string `json:"currency"`
	} `json:"amount"`
	Debtor *struct {
		AccountID string `json:"accountId"`
	} `json:"debtor"`
	Creditor *struct {
		Name           string `json:"name"`
		UltimateName   string `json:"ultimateCreditorName"`
		BankName       string `json:"bankName"`
		IBAN           string `json:"iban"`
		BIC            string `json:"bic"`
		AccountNumber  string `json:"accountNumber"`
		SortCode       string `json:"sortCode"`
		VerificationID string `json:"accountVerificationId"`
	} `json:"creditor"`
}

// What a payout may carry, in characters.
const (
	maxRef                 = 35 // 18 are recommended, of A-Z a-z 0-9 -
	maxDescriptionSortCode = 18
	maxDescriptionIBAN     = 140
	minDescription         = 6 // letters and digits
)

// initiate answers POST /payouts. It does not ask whether the reference is in use: nor does the provider promise to.
func (s *Sandbox) initiate(r *http.Request, body []byte) answer {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return s.refuse(http.StatusBadRequest, "the body should be application/json", "")
	}
	if r.URL.RawQuery != "" {
		return s.refuse(http.StatusBadRequest, "POST /payouts takes no parameters", "")
	}
	var request struct {
		Initiation *initiation `json:"initiation"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return s.refuse(http.StatusBadRequest, "the body is not the documented JSON object", "")
	}
	if request.Initiation == nil {
		return s.refuse(http.StatusBadRequest, "`initiation` is required", "")
	}
	g, owner, err := s.accept(request.Initiation)
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error(), "")
	}
	now := millis(s.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	g.life = lifeOf(draw(s.o.Seed+uint64(len(s.store.rows))*golden, saltRow))
	num := s.store.add(now, owner, g)
	s.counter.made()
	return answer{status: http.StatusOK, kind: jsonType, body: append(s.appendPayout([]byte(`{"payout":`), num, now), '}')}
}

// accept checks an initiation as documented.
func (s *Sandbox) accept(in *initiation) (*given, uint16, error) {
	if err := checkRef(in.RefID); err != nil {
		return nil, 0, err
	}
	if in.Amount == nil || in.Debtor == nil || in.Creditor == nil {
		return nil, 0, fmt.Errorf("`amount`, `debtor` and `creditor` are required")
	}
	amount, err := money.Parse(in.Amount.Value, in.Amount.Currency)
	switch {
	case err != nil || strings.ContainsAny(in.Amount.Value, "+-"):
		return nil, 0, fmt.Errorf("`amount.value` should be a number with up to four digits after the decimal point")
	case amount.Units() <= 0:
		return nil, 0, fmt.Errorf("`amount.value` should be positive")
	case !money.Known(in.Amount.Currency):
		return nil, 0, fmt.Errorf("`amount.currency` should be an ISO 4217 code")
	case in.Debtor.AccountID == "":
		return nil, 0, fmt.Errorf("`debtor.accountId` is required")
	}
	owner, err := s.ownerOf(in.OnBehalfOf)
	if err != nil {
		return nil, 0, err
	}
	c := in.Creditor
	payee := payout.Creditor{
		Name: c.Name, UltimateName: c.UltimateName, BankName: c.BankName, IBAN: c.IBAN, BIC: c.BIC,
		AccountNumber: c.AccountNumber, SortCode: c.SortCode, VerificationID: c.VerificationID,
	}
	if err := checkAccount(&payee); err != nil {
		return nil, 0, err
	}
	longest := maxDescriptionIBAN
	if payee.IBAN == "" {
		longest = maxDescriptionSortCode
	}
	if err := checkDescription(in.Description, longest); err != nil {
		return nil, 0, err
	}
	return &given{
		ref: in.RefID, value: in.Amount.Value, units: amount.Units(), currency: amount.Currency(), payee: newCreditor(payee),
		description: in.Description, debtor: in.Debtor.AccountID,
	}, owner, nil
}

func (s *Sandbox) ownerOf(id string) (uint16, error) {
	if id == "" && s.o.Unregulated {
		return 0, fmt.Errorf("`onBehalfOfId` is mandatory for unregulated members")
	}
	i := slices.Index(s.store.owners, id)
	switch {
	case i >= 0:
		return uint16(i), nil
	case id == "":
		return 0, nil // the member itself, where it is not listed, counts as its first sub-member
	}
	return 0, fmt.Errorf("`onBehalfOfId` is no sub-member of this member")
}

func checkRef(ref string) error {
	if ref == "" {
		return fmt.Errorf("`refId` is required")
	}
	if utf8.RuneCountInString(ref) > maxRef {
		return fmt.Errorf("`refId` should not be longer than %d symbols", maxRef)
	}
	return nil
}

func checkAccount(c *payout.Creditor) error {
	switch {
	case c.IBAN != "":
		if !validIBAN(c.IBAN) {
			return fmt.Errorf("`creditor.iban` is not a valid IBAN")
		}
	case c.SortCode == "" || c.AccountNumber == "":
		return fmt.Errorf("`creditor` should have an `iban`, or a `sortCode` and an `accountNumber`")
	case len(c.SortCode) != 6 || !isDigits(c.SortCode):
		return fmt.Errorf("`creditor.sortCode` should have six digits")
	case len(c.AccountNumber) != 8 || !isDigits(c.AccountNumber):
		return fmt.Errorf("`creditor.accountNumber` should have eight digits")
	}
	if c.BIC != "" && len(c.BIC) != 8 && len(c.BIC) != 11 {
		return fmt.Errorf("`creditor.bic` should have 8 or 11 characters")
	}
	return nil
}

// checkDescription: at least six letters and digits that are not all the same; space - . & / beside them; all together
// no longer than longest.
func checkDescription(text string, longest int) error {
	counted, differ, first := 0, false, byte(0)
	for i := range len(text) {
		c := text[i]
		switch {
		case alphanumeric(c):
			if counted++; counted == 1 {
				first = c
			}
			differ = differ || c != first
		case !strings.ContainsRune(" -.&/", rune(c)):
			return fmt.Errorf("`description` should consist of letters, digits, space, hyphen, full stop, ampersand and slash")
		}
	}
	switch {
	case counted < minDescription || !differ:
		return fmt.Errorf("`description` should have at least %d letters or digits that are not all the same", minDescription)
	case len(text) > longest:
		return fmt.Errorf("`description` should not be longer than %d symbols for this kind of account", longest)
	}
	return nil
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
