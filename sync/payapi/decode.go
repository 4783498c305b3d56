package payapi

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// maxRows bounds the rows of one page, whatever the server sends. The API documents at most 200.
const maxRows = 10_000

// Decode reads one payout object. It is lenient as the API needs it: an unknown status is kept verbatim, unknown
// members are kept in Raw, initiation may be missing, a text field may be a number (sortCode), an amount that cannot be
// read is zero of money.NoCurrency. It insists on what the mirror cannot do without: an id and a readable
// createdDateTime. updatedDateTime, when it is missing or unreadable, is taken to be createdDateTime, and the payout is
// Undated. Raw is raw itself, not a copy.
func Decode(raw []byte) (payout.Payout, error) {
	if len(raw) > maxBody {
		return payout.Payout{}, fmt.Errorf("%w: longer than %d bytes", errMalformed, maxBody)
	}
	s := newScanner(raw)
	p, err := s.payout()
	if err != nil {
		return p, err
	}
	return p, s.end()
}

// decodePage reads the answer of GET /payouts: the rows, in order, and paging.offset. It does not look at paging.limit.
// The strings of all rows share one text, their Raw one array.
func decodePage(body []byte, onBehalfOf string) (rows []payout.Payout, next string, err error) {
	s := newScanner(body)
	found := false
	err = s.envelope(func(name string) error {
		switch name {
		case "payouts":
			found = true
			rows, err = s.payouts(onBehalfOf)
			return err
		case "paging":
			if err := s.value(); err != nil {
				return err
			}
			next = s.member(0, "offset")
			_, err := s.hash()
			return err
		}
		return s.value()
	})
	if err == nil && !found {
		err = errors.New("the answer has no payouts array")
	}
	if err != nil {
		return nil, "", err
	}
	return rows, next, nil
}

// decodeOne reads the answer of GET /payouts/{id} and of POST /payouts.
func decodeOne(body []byte) (p payout.Payout, err error) {
	s := newScanner(body)
	found := false
	err = s.envelope(func(name string) error {
		if name == "payout" {
			found = true
			p, err = s.payout()
			return err
		}
		return s.value()
	})
	if err == nil && !found {
		err = errors.New("the answer has no payout")
	}
	return p, err
}

// envelope reads the whole source as one object, and calls member at the value of each member, which it must read.
func (s *scanner) envelope(member func(name string) error) error {
	if err := describe(s.src); err != nil {
		return err
	}
	if err := s.expect('{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for first := true; ; first = false {
		c := s.space()
		if c == '}' && first {
			s.pos++
			break
		}
		if c != '"' {
			return s.malformed("want the name of a member")
		}
		if err := s.value(); err != nil {
			return err
		}
		name := s.stringAt(0)
		if seen[name] || len(seen) == 100 {
			return fmt.Errorf("%w: the member %q occurs twice, or is one of too many", errMalformed, clip(name, 40))
		}
		seen[name] = true
		if err := s.expect(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		if c := s.space(); c == '}' {
			s.pos++
			break
		}
		if err := s.expect(','); err != nil {
			return err
		}
	}
	return s.end()
}

// describe refuses, in words, answers that are no JSON object at all.
func describe(body []byte) error {
	body = bytes.TrimLeft(body, " \t\r\n")
	switch {
	case len(body) == 0:
		return fmt.Errorf("%w: the answer is empty", errTorn)
	case body[0] == '<':
		return fmt.Errorf("%w: the answer is an HTML page (a proxy, a log-in page, or a wrong base URL?)", errMalformed)
	case body[0] != '{':
		return fmt.Errorf("%w: the answer is not a JSON object", errMalformed)
	}
	return nil
}

// payouts reads the array of payouts.
func (s *scanner) payouts(onBehalfOf string) ([]payout.Payout, error) {
	if c := s.space(); c != '[' && c != 0 {
		return nil, errors.New("the answer's payouts is not an array")
	}
	if err := s.expect('['); err != nil {
		return nil, err
	}
	if s.space() == ']' {
		s.pos++
		return nil, nil
	}
	rows := make([]payout.Payout, 0, payout.MaxLimit)
	for {
		if len(rows) == maxRows {
			return nil, fmt.Errorf("%w: more than %d payouts in one answer", errMalformed, maxRows)
		}
		p, err := s.payout()
		if err != nil {
			return nil, fmt.Errorf("payout %d of the page: %w", len(rows)+1, err)
		}
		p.OnBehalfOf = onBehalfOf
		rows = append(rows, p)
		if s.space() == ']' {
			s.pos++
			return rows, nil
		}
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
}

// payout reads the payout at the present position.
func (s *scanner) payout() (p payout.Payout, err error) {
	if c := s.space(); c != '{' && c != 0 {
		return p, fmt.Errorf("%w: byte %d: a payout is not an object", errMalformed, s.pos)
	}
	if err := s.value(); err != nil {
		return p, err
	}
	root := s.nodes[0]
	if p.Hash, err = s.hash(); err != nil {
		return p, err
	}
	p.Raw = s.src[root.start:root.end:root.end]
	p.Amount = money.New(0, money.NoCurrency)
	created, updated := "", ""
	s.eachMember(0, func(name string, v int32) {
		switch name {
		case "id":
			p.ID = s.scalar(v)
		case "memberId":
			p.MemberID = s.scalar(v)
		case "createdDateTime":
			created = s.scalar(v)
		case "updatedDateTime":
			updated = s.scalar(v)
		case "status":
			p.Status = payout.Status(s.scalar(v))
		case "statusReasonInformation":
			p.Reason = s.scalar(v)
		case "bankPaymentStatus":
			p.BankStatus = s.scalar(v)
		case "bankTransactionId":
			p.BankTransactionID = s.scalar(v)
		case "initiation":
			s.initiation(&p, v)
		}
	})
	if strings.TrimSpace(p.ID) == "" {
		return p, errors.New("a payout has no id")
	}
	if p.Created, err = parseTime(created); err != nil {
		return p, fmt.Errorf("payout %s: createdDateTime: %w", clip(p.ID, 60), err)
	}
	if p.Updated, err = parseTime(updated); err != nil {
		p.Updated, p.Undated = p.Created, true
	}
	return p, nil
}

func (s *scanner) initiation(p *payout.Payout, at int32) {
	s.eachMember(at, func(name string, v int32) {
		switch name {
		case "refId":
			p.RefID = s.scalar(v)
		case "amount":
			p.Amount = s.amount(v)
		case "description":
			p.Description = s.scalar(v)
		case "debtor":
			p.DebtorAccount = s.member(v, "accountId")
		case "creditor":
			s.creditor(&p.Creditor, v)
		}
	})
}

func (s *scanner) creditor(c *payout.Creditor, at int32) {
	s.eachMember(at, func(name string, v int32) {
		switch name {
		case "name":
			c.Name = s.scalar(v)
		case "ultimateCreditorName":
			c.UltimateName = s.scalar(v)
		case "bankName":
			c.BankName = s.scalar(v)
		case "iban":
			c.IBAN = s.scalar(v)
		case "bic":
			c.BIC = s.scalar(v)
		case "accountNumber":
			c.AccountNumber = s.scalar(v)
		case "sortCode":
			c.SortCode = s.sortCode(v)
		case "accountVerificationId":
			c.VerificationID = s.scalar(v)
		}
	})
}

// sortCode reads a sort code. As a JSON number it has lost its leading zeros: six digits are what it has.
func (s *scanner) sortCode(v int32) string {
	code := s.scalar(v)
	if s.nodes[v].kind == kindNumber && len(code) < 6 && !strings.ContainsAny(code, "-.eE") {
		return strings.Repeat("0", 6-len(code)) + code
	}
	return code
}

// amount reads {"value","currency"}; whatever is not exactly an amount of three letters is zero of money.NoCurrency.
func (s *scanner) amount(at int32) money.Amount {
	currency := strings.ToUpper(s.member(at, "currency"))
	amount, err := money.Parse(s.member(at, "value"), currency)
	if err != nil || len(currency) != 3 {
		return money.New(0, money.NoCurrency)
	}
	for i := range len(currency) {
		if c := currency[i]; c < 'A' || c > 'Z' {
			return money.New(0, money.NoCurrency)
		}
	}
	return amount
}

// eachMember calls fn for each member of the value at node i, if it is an object.
func (s *scanner) eachMember(i int32, fn func(name string, value int32)) {
	if s.nodes[i].kind != kindObject {
		return
	}
	for k := i + 1; k < s.nodes[i].after; k = s.nodes[k+1].after {
		fn(s.stringAt(k), k+1)
	}
}

// member returns the scalar of one member of the value at node i, "" when there is none.
func (s *scanner) member(i int32, name string) (text string) {
	if int(i) >= len(s.nodes) {
		return ""
	}
	s.eachMember(i, func(n string, v int32) {
		if n == name {
			text = s.scalar(v)
		}
	})
	return text
}

// scalar returns a string's text, a number or boolean as it is written, and "" for everything else.
func (s *scanner) scalar(i int32) string {
	switch n := &s.nodes[i]; n.kind {
	case kindString:
		return s.stringAt(i)
	case kindNumber, kindBool:
		return s.text[n.start:n.end]
	}
	return ""
}

// clip keeps an error message readable: at most n bytes of text, cut at a whole character, without anything that a
// terminal would act upon or not show (control characters, marks that turn the direction of writing).
func clip(text string, n int) string {
	if len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "..."
	}
	return strings.Map(func(r rune) rune {
		if unseen(r) {
			return ' '
		}
		return r
	}, text)
}

// unseen reports whether a character does something else than show itself.
func unseen(r rune) bool { return !unicode.IsGraphic(r) }
