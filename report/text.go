package report

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// maxText is what a cell of Excel holds, in UTF-16 units.
const maxText = 32767

// Clean makes a text fit for a cell, visibly: control characters become their pictures (U+2400 and up), what is no
// character becomes U+FFFD, line ends become line feeds, and a text beyond Excel's 32,767 UTF-16 units is cut and says
// how long it was.
func Clean(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r < 0x20:
			return 0x2400 + r
		case r == 0x7f:
			return 0x2421
		case r >= 0x80 && r < 0xa0, r == 0xfffe, r == 0xffff:
			return 0xfffd
		}
		return r
	}, s)
	return cut(s)
}

// isClean answers for the many short texts that need no work.
func isClean(s string) bool {
	if len(s) > maxText {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return false
		}
	}
	return true
}

func cut(s string) string {
	length := 0
	for _, r := range s {
		length += utf16.RuneLen(r)
	}
	if length <= maxText {
		return s
	}
	mark := fmt.Sprintf(" ... [cut: %d characters in all]", utf8.RuneCountInString(s))
	room := maxText - len(mark)
	for i, r := range s {
		if room -= utf16.RuneLen(r); room < 0 {
			return s[:i] + mark
		}
	}
	return s
}

// Plain returns the cell as the CSV twin writes it: codes for words, plain decimals, ISO dates, shares as decimals.
func (c Cell) Plain() string {
	switch c.Kind {
	case Text:
		if c.Code != "" {
			return c.Code
		}
		return c.Text
	case Integer:
		return strconv.FormatInt(c.Number, 10)
	case Money:
		return money.FormatUnits(c.Number, c.Currency)
	case Date:
		return payout.Day(c.Number).String()
	case Instant:
		return payout.Millis(c.Number).String()
	case Share:
		return money.FormatUnits(c.Number, "CLF") // four decimals
	}
	return ""
}

// guard keeps a spreadsheet from taking a free text for a formula: an apostrophe in front of = + - @, tab and carriage
// return. One such character alone is no formula.
func guard(s string) string {
	if len(s) > 1 && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// csvField is Plain, guarded where the cell is a text.
func (c Cell) csvField() string {
	if c.Kind == Text {
		return guard(c.Plain())
	}
	return c.Plain()
}

// ratio returns part/whole in ten-thousandths, rounded half away from zero.
func ratio(part, whole int64) int64 {
	n := new(big.Int).Mul(big.NewInt(part), big.NewInt(20000))
	d := big.NewInt(whole)
	half := new(big.Int).Set(d)
	if n.Sign()*d.Sign() < 0 {
		half.Neg(half)
	}
	n.Add(n, half)
	return n.Quo(n, d.Mul(d, big.NewInt(2))).Int64()
}

// thousands prints a count for a sentence: 12,345.
func thousands[T ~int | ~int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

var amountInSentence = regexp.MustCompile(`\b\d+(?:\.\d+)? [A-Z]{3}\b`)

// groupAmounts groups the digits of amounts in a sentence, as those beside it are: 30124.40 EUR becomes 30,124.40 EUR.
func groupAmounts(sentence string) string {
	return amountInSentence.ReplaceAllStringFunc(sentence, func(amount string) string {
		for i := strings.IndexAny(amount, ". ") - 3; i > 0; i -= 3 {
			amount = amount[:i] + "," + amount[i:]
		}
		return amount
	})
}

// plural prints a count with its noun: "1 day", "2 days", "2 entries".
func plural[T ~int | ~int64](n T, noun string) string {
	switch stem, isY := strings.CutSuffix(noun, "try"); {
	case n == 1:
		return "1 " + noun
	case isY:
		return thousands(n) + " " + stem + "tries"
	}
	return thousands(n) + " " + noun + "s"
}
