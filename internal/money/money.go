// Package money holds exact amounts: an int64 count of 1/10000 of a currency unit and an ISO 4217 code.
//
// Nothing here ever rounds. Arithmetic that leaves the range of int64 (about 922 trillion units) or mixes
// currencies is an error, never a wrong figure. Text is digits, one point, at most four decimals and a sign:
// what a payouts API and a ledger mean by an amount, and nothing else (no exponents, no grouping, no spaces).
package money

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Scale is the number of units in one unit of currency: amounts are exact to the fourth decimal.
const Scale = 10000

// NoCurrency is the code under which payouts without an amount are counted.
const NoCurrency = "?"

var (
	// ErrOverflow says that a result does not fit into int64 ten-thousandths.
	ErrOverflow = errors.New("amount out of range (about 922 trillion)")
	// ErrCurrency says that two amounts of different currencies met.
	ErrCurrency = errors.New("amounts of different currencies")
	// ErrSyntax says that a text is not an amount.
	ErrSyntax = errors.New("not an amount")
)

// Amount is an exact sum of money. The zero value is zero of no currency. Amounts are comparable with ==.
type Amount struct {
	units    int64
	currency string
}

// New returns units ten-thousandths of currency: New(102300, "EUR") is 10.23 EUR.
func New(units int64, currency string) Amount { return Amount{units, currency} }

// Units returns the amount in ten-thousandths.
func (a Amount) Units() int64 { return a.units }

// Currency returns the ISO 4217 code.
func (a Amount) Currency() string { return a.currency }

// IsZero reports whether the amount is nothing, in any currency.
func (a Amount) IsZero() bool { return a.units == 0 }

// String prints the figure with the currency's digits and the code: "10.23 EUR".
func (a Amount) String() string {
	if a.currency == "" {
		return a.Text()
	}
	return a.Text() + " " + a.currency
}

// Text prints the figure alone, with the currency's digits, and more of them only when needed: "10.23", "0.0001".
func (a Amount) Text() string { return FormatUnits(a.units, a.currency) }

// Add returns a + b, or ErrCurrency or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, fmt.Errorf("%w: %s + %s", ErrCurrency, a, b)
	}
	sum, err := AddUnits(a.units, b.units)
	return Amount{sum, a.currency}, err
}

// Sub returns a - b, or ErrCurrency or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, fmt.Errorf("%w: %s - %s", ErrCurrency, a, b)
	}
	diff, err := SubUnits(a.units, b.units)
	return Amount{diff, a.currency}, err
}

// Cmp returns -1, 0 or +1 as a is less than, equal to or greater than b, or ErrCurrency.
func (a Amount) Cmp(b Amount) (int, error) {
	switch {
	case a.currency != b.currency:
		return 0, fmt.Errorf("%w: %s and %s", ErrCurrency, a, b)
	case a.units < b.units:
		return -1, nil
	case a.units > b.units:
		return 1, nil
	}
	return 0, nil
}

// AddUnits returns a + b, or ErrOverflow.
func AddUnits(a, b int64) (int64, error) {
	sum := a + b
	if (sum > a) != (b > 0) && b != 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

// SubUnits returns a - b, or ErrOverflow.
func SubUnits(a, b int64) (int64, error) {
	diff := a - b
	if (diff < a) != (b > 0) && b != 0 {
		return 0, ErrOverflow
	}
	return diff, nil
}

// AbsUnits returns |a|, or ErrOverflow for the one value without an opposite.
func AbsUnits(a int64) (int64, error) {
	if a >= 0 {
		return a, nil
	}
	return SubUnits(0, a)
}

// Parse reads text as an amount of currency. It takes an optional sign, digits, and at most one point with one to four
// decimals: "10", "10.2", "-10.2300", "+0.0001". Everything else is ErrSyntax, too many digits ErrOverflow.
func Parse(text, currency string) (Amount, error) {
	units, err := ParseUnits(text)
	return Amount{units, currency}, err
}

// ParseUnits is Parse for callers that keep the currency elsewhere. It allocates only when it fails.
func ParseUnits[T string | []byte](text T) (int64, error) {
	i, n := 0, len(text)
	negative := false
	if n > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		i++
	}
	var units int64 // kept negative: the range of int64 reaches one further down
	digits, decimals := 0, -1
	for ; i < n; i++ {
		c := text[i]
		if c == '.' && decimals < 0 && digits > 0 {
			decimals = 0
			continue
		}
		if c < '0' || c > '9' || decimals == 4 {
			return 0, syntaxError(string(text))
		}
		digits++
		if decimals >= 0 {
			decimals++
		}
		d := int64(c - '0')
		if units < (minInt64+d)/10 {
			return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(string(text)))
		}
		units = units*10 - d
	}
	if digits == 0 || decimals == 0 {
		return 0, syntaxError(string(text))
	}
	for decimals = max(decimals, 0); decimals < 4; decimals++ {
		if units < minInt64/10 {
			return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(string(text)))
		}
		units *= 10
	}
	if negative {
		return units, nil
	}
	if units == minInt64 {
		return 0, fmt.Errorf("%w: %q", ErrOverflow, clip(string(text)))
	}
	return -units, nil
}

const minInt64 = -1 << 63

func syntaxError(text string) error {
	return fmt.Errorf("%w: %q (want digits with at most four decimals, such as 10.23)", ErrSyntax, clip(text))
}

// clip keeps an error message readable, whatever was in the field.
func clip(text string) string {
	if len(text) > 40 {
		return text[:40] + "..."
	}
	return text
}

// FormatUnits prints units ten-thousandths with the digits of currency, and more only when needed.
func FormatUnits(units int64, currency string) string {
	return string(AppendUnits(make([]byte, 0, 24), units, currency))
}

// AppendUnits appends what FormatUnits prints to dst.
func AppendUnits(dst []byte, units int64, currency string) []byte {
	magnitude := uint64(units)
	if units < 0 {
		dst = append(dst, '-')
		magnitude = -magnitude
	}
	dst = strconv.AppendUint(dst, magnitude/Scale, 10)
	fraction := magnitude % Scale
	digits := Digits(currency)
	for d, rest := 4, fraction; d > digits; d-- {
		if rest%10 != 0 {
			digits = d
			break
		}
		rest /= 10
	}
	if digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	for d, div := 0, uint64(Scale/10); d < digits; d, div = d+1, div/10 {
		dst = append(dst, byte('0'+fraction/div%10))
	}
	return dst
}

// MarshalText writes "10.23 EUR"; UnmarshalText reads it back.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes. Text that it cannot read leaves the amount as it was.
func (a *Amount) UnmarshalText(text []byte) error {
	value, currency, _ := strings.Cut(string(text), " ")
	read, err := Parse(value, currency)
	if err == nil {
		*a = read
	}
	return err
}
