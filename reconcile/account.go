package reconcile

import (
	"strings"

	"payrecon/internal/payout"
)

// Do two payouts go to one payee? Their accounts come in forms that cannot always be compared (payout.Creditor.Account): an
// IBAN, "sort code and number", a number alone, or nothing. What cannot be compared is not known to differ, and then a
// second payout may be paid twice: that is the side to err on.
//
// So that one of many payouts finds its twins without comparing all of them, an account is filed under some words and looks
// others up. Two accounts are known to differ when the one looks up nothing that the other is filed under:
//
//	filed under    looked up by
//	everything     no account
//	no account     everything
//	IBAN           that IBAN
//	foreign        domestic accounts: an IBAN that is not British says nothing of sort codes
//	domestic       IBANs that are not British
//	sort, number   the same of another form: a British IBAN has both
//	number         a number alone; a number alone is filed under lone, and looked up by all that have one
type accountForm struct{ filed, looked []string }

// The words of a file that are no account numbers. Kinds of numbers are told apart by what stands in front of them.
const (
	fileAll      = "all"
	fileNone     = "none"
	fileForeign  = "foreign"
	fileDomestic = "domestic"
	fileIBAN     = "iban "
	fileBritish  = "british " // sort code and number, out of an IBAN
	fileSort     = "sort "    // sort code and number, as they are
	fileNumber   = "number "  // the number of what has a sort code
	fileLone     = "lone "
)

func formOf(account string) accountForm {
	sort, number, sorted := strings.Cut(account, " ")
	switch {
	case account == "":
		return accountForm{[]string{fileNone, fileAll}, []string{fileAll}}
	case sorted:
		both, number := sort+" "+unpadded(number), unpadded(number)
		return accountForm{
			[]string{fileSort + both, fileNumber + number, fileDomestic, fileAll},
			[]string{fileSort + both, fileBritish + both, fileLone + number, fileForeign, fileNone},
		}
	case !isIBAN(account):
		number := unpadded(account)
		return accountForm{
			[]string{fileLone + number, fileDomestic, fileAll},
			[]string{fileLone + number, fileNumber + number, fileForeign, fileNone},
		}
	case strings.HasPrefix(account, "GB") && len(account) == 22:
		number := unpadded(account[14:])
		both := account[8:14] + " " + number
		return accountForm{
			[]string{fileIBAN + account, fileBritish + both, fileNumber + number, fileAll},
			[]string{fileIBAN + account, fileSort + both, fileLone + number, fileNone},
		}
	}
	return accountForm{
		[]string{fileIBAN + account, fileForeign, fileAll},
		[]string{fileIBAN + account, fileDomestic, fileNone},
	}
}

// isIBAN tells an IBAN from a domestic number by its looks: a country, two check digits, 15 to 34 characters.
func isIBAN(account string) bool {
	if len(account) < 15 || len(account) > 34 {
		return false
	}
	letter := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	return letter(account[0]) && letter(account[1]) && digit(account[2]) && digit(account[3])
}

// unpadded is an account number without the zeros that an IBAN fills it up with.
func unpadded(number string) string {
	if short := strings.TrimLeft(number, "0"); short != "" {
		return short
	}
	return number
}

// accountsDiffer reports whether two accounts, as payout.Creditor.Account gives them, are known to differ.
func accountsDiffer(a, b string) bool {
	twins := twins{}
	twins.add(&pay{Row: payout.Row{ID: "a", Account: a}})
	return twins.of(b) == nil
}

// twins is what live payouts of one amount have been seen: the first that is filed under a word.
type twins map[string]*pay

// of returns a payout to an account that is not known to differ, one to the very account before others, or nil.
func (t twins) of(account string) *pay {
	for _, word := range formOf(account).looked {
		if p := t[word]; p != nil {
			return p
		}
	}
	return nil
}

func (t twins) add(p *pay) {
	for _, word := range formOf(p.Account).filed {
		if t[word] == nil {
			t[word] = p
		}
	}
}
