package money

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseUnits(t *testing.T) {
	tests := []struct {
		text string
		want int64
	}{
		{"0", 0},
		{"-0", 0},
		{"+0.0000", 0},
		{"10", 100000},
		{"10.2", 102000},
		{"10.23", 102300},
		{"10.2300", 102300},
		{"0.0001", 1},
		{"-0.0001", -1},
		{"+12.5", 125000},
		{"007.50", 75000},
		{"922337203685477.5807", math.MaxInt64},
		{"-922337203685477.5807", -math.MaxInt64},
		{"-922337203685477.5808", math.MinInt64},
		{"0000000000000000000000000000000000000000000000001", 10000},
	}
	for _, tt := range tests {
		if got, err := ParseUnits(tt.text); err != nil || got != tt.want {
			t.Errorf("ParseUnits(%q) = %d, %v, want %d", tt.text, got, err, tt.want)
		}
		if got, err := ParseUnits([]byte(tt.text)); err != nil || got != tt.want {
			t.Errorf("ParseUnits([]byte(%q)) = %d, %v, want %d", tt.text, got, err, tt.want)
		}
	}
}

func TestParseUnitsRefuses(t *testing.T) {
	tests := []struct {
		text string
		want error
	}{
		{"", ErrSyntax},
		{"-", ErrSyntax},
		{"+", ErrSyntax},
		{".", ErrSyntax},
		{".5", ErrSyntax},
		{"-.5", ErrSyntax},
		{"5.", ErrSyntax},
		{"1.2.3", ErrSyntax},
		{"1.23456", ErrSyntax},
		{"1.00000", ErrSyntax},
		{"--1", ErrSyntax},
		{"+-1", ErrSyntax},
		{"1-", ErrSyntax},
		{"1,5", ErrSyntax},
		{"1,000.00", ErrSyntax},
		{"1 000", ErrSyntax},
		{" 1", ErrSyntax},
		{"1 ", ErrSyntax},
		{"1\n", ErrSyntax},
		{"1e3", ErrSyntax},
		{"1E2000000", ErrSyntax},
		{"0x10", ErrSyntax},
		{"1_000", ErrSyntax},
		{"NaN", ErrSyntax},
		{"Inf", ErrSyntax},
		{"١٢", ErrSyntax}, // Arabic digits
		{"１２", ErrSyntax}, // full width
		{"€5", ErrSyntax},
		{"(5)", ErrSyntax},
		{"922337203685477.5808", ErrOverflow},
		{"-922337203685477.5809", ErrOverflow},
		{"922337203685478", ErrOverflow},
		{"9223372036854775807", ErrOverflow},
		{"9223372036854775808", ErrOverflow},
		{strings.Repeat("9", 500), ErrOverflow},
	}
	for _, tt := range tests {
		got, err := ParseUnits(tt.text)
		if !errors.Is(err, tt.want) || got != 0 {
			t.Errorf("ParseUnits(%q) = %d, %v, want 0, %v", tt.text, got, err, tt.want)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("ParseUnits(%q): a message of %d bytes, want a readable one", tt.text, len(err.Error()))
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct {
		units    int64
		currency string
		want     string
	}{
		{0, "EUR", "0.00 EUR"},
		{102300, "EUR", "10.23 EUR"},
		{100000, "EUR", "10.00 EUR"},
		{1, "EUR", "0.0001 EUR"},
		{10, "EUR", "0.001 EUR"},
		{-1, "EUR", "-0.0001 EUR"},
		{-50, "EUR", "-0.005 EUR"},
		{100000, "JPY", "10 JPY"},
		{105000, "JPY", "10.5 JPY"},
		{105050, "JPY", "10.505 JPY"},
		{100000, "KWD", "10.000 KWD"},
		{100001, "KWD", "10.0001 KWD"},
		{100000, "CLF", "10.0000 CLF"},
		{100000, "XXX", "10.00 XXX"},
		{0, NoCurrency, "0.00 ?"},
		{102300, "", "10.23"},
		{math.MaxInt64, "EUR", "922337203685477.5807 EUR"},
		{math.MinInt64, "EUR", "-922337203685477.5808 EUR"},
	}
	for _, tt := range tests {
		if got := New(tt.units, tt.currency).String(); got != tt.want {
			t.Errorf("New(%d, %q) = %q, want %q", tt.units, tt.currency, got, tt.want)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, want := range []Amount{{}, New(0, NoCurrency), New(-102301, "EUR"), New(math.MinInt64, "JPY")} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Amount
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%s reads as %v, %v, want %v", text, got, err, want)
		}
	}
	got := New(5, "EUR")
	if err := got.UnmarshalText([]byte("1e3 EUR")); !errors.Is(err, ErrSyntax) || got != New(5, "EUR") {
		t.Errorf("UnmarshalText of 1e3 EUR = %v and leaves %v, want ErrSyntax and what was there", err, got)
	}
}

func TestCurrenciesDoNotMix(t *testing.T) {
	eur, gbp := New(1, "EUR"), New(1, "GBP")
	if _, err := eur.Add(gbp); !errors.Is(err, ErrCurrency) {
		t.Errorf("EUR + GBP = %v, want ErrCurrency", err)
	}
	if _, err := eur.Sub(gbp); !errors.Is(err, ErrCurrency) {
		t.Errorf("EUR - GBP = %v, want ErrCurrency", err)
	}
	if _, err := eur.Cmp(gbp); !errors.Is(err, ErrCurrency) {
		t.Errorf("EUR compared with GBP = %v, want ErrCurrency", err)
	}
	if sum, err := eur.Add(New(2, "EUR")); err != nil || sum != New(3, "EUR") {
		t.Errorf("1 + 2 = %v, %v, want 3", sum, err)
	}
	if diff, err := eur.Sub(New(2, "EUR")); err != nil || diff != New(-1, "EUR") {
		t.Errorf("1 - 2 = %v, %v, want -1", diff, err)
	}
	for _, tt := range []struct {
		other int64
		want  int
	}{{0, 1}, {1, 0}, {2, -1}} {
		if got, err := eur.Cmp(New(tt.other, "EUR")); err != nil || got != tt.want {
			t.Errorf("1 compared with %d = %d, %v, want %d", tt.other, got, err, tt.want)
		}
	}
}

func TestDigits(t *testing.T) {
	for currency, want := range map[string]int{"EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "CLF": 4, "XXX": 2, "": 2, "SLE": 2, "VES": 2, "XCG": 2} {
		if got := Digits(currency); got != want {
			t.Errorf("Digits(%q) = %d, want %d", currency, got, want)
		}
	}
	for _, code := range []string{"EUR", "AED", "ZWG", "JPY", "BHD", "SLE", "XCG", "VED"} {
		if !Known(code) {
			t.Errorf("Known(%q) = false, want true", code)
		}
	}
	for _, code := range []string{"", "E", "EU", "EURO", "eur", "XXX", "DA ", " AF", "D A", NoCurrency, "???"} {
		if Known(code) {
			t.Errorf("Known(%q) = true, want false", code)
		}
	}
}

// The table has each code once, in three capital letters.
func TestCurrencyTable(t *testing.T) {
	seen := map[string]bool{}
	codes := strings.Fields(twoDigits)
	for code, digits := range otherDigits {
		codes = append(codes, code)
		if digits < 0 || digits > 4 || digits == 2 {
			t.Errorf("%s has %d digits in the table of those that have not two", code, digits)
		}
	}
	for _, code := range codes {
		if len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || seen[code] {
			t.Errorf("code %q: want three capital letters, once", code)
		}
		seen[code] = true
	}
}

// exact is the arithmetic that cannot overflow, and inRange whether its result is an amount.
func exact(op func(z, x, y *big.Int) *big.Int, a, b int64) (result int64, inRange bool) {
	z := op(new(big.Int), big.NewInt(a), big.NewInt(b))
	return z.Int64(), z.IsInt64()
}

func units() *rapid.Generator[int64] {
	edges := rapid.SampledFrom([]int64{0, 1, -1, Scale, math.MaxInt64, math.MaxInt64 - 1, math.MinInt64, math.MinInt64 + 1, math.MaxInt64 / 2, math.MinInt64 / 2})
	return rapid.OneOf(rapid.Int64(), edges)
}

func TestArithmeticAgreesWithBig(t *testing.T) {
	ops := []struct {
		name string
		ours func(a, b int64) (int64, error)
		big  func(z, x, y *big.Int) *big.Int
	}{
		{"AddUnits", AddUnits, (*big.Int).Add},
		{"SubUnits", SubUnits, (*big.Int).Sub},
		{"AbsUnits", func(a, _ int64) (int64, error) { return AbsUnits(a) }, func(z, x, _ *big.Int) *big.Int { return z.Abs(x) }},
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := units().Draw(t, "a"), units().Draw(t, "b")
		for _, op := range ops {
			want, inRange := exact(op.big, a, b)
			got, err := op.ours(a, b)
			if inRange && (err != nil || got != want) {
				t.Errorf("%s(%d, %d) = %d, %v, want %d", op.name, a, b, got, err, want)
			}
			if !inRange && (!errors.Is(err, ErrOverflow) || got != 0) {
				t.Errorf("%s(%d, %d) = %d, %v, want ErrOverflow", op.name, a, b, got, err)
			}
		}
		if got, err := New(a, "EUR").Cmp(New(b, "EUR")); err != nil || got != big.NewInt(a).Cmp(big.NewInt(b)) {
			t.Errorf("%d compared with %d = %d, %v", a, b, got, err)
		}
	})
}

// reference reads an amount with math/big, given that its form is right.
func reference(text string) (units *big.Int) {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil
	}
	r.Mul(r, big.NewRat(Scale, 1))
	if !r.IsInt() {
		return nil
	}
	return r.Num()
}

func TestParseAgreesWithBig(t *testing.T) {
	form := rapid.StringMatching(`[+-]?[0-9]{1,20}(\.[0-9]{1,4})?`)
	rapid.Check(t, func(t *rapid.T) {
		text := form.Draw(t, "text")
		want := reference(text)
		got, err := ParseUnits(text)
		if want.IsInt64() && (err != nil || got != want.Int64()) {
			t.Errorf("ParseUnits(%q) = %d, %v, want %d", text, got, err, want)
		}
		if !want.IsInt64() && !errors.Is(err, ErrOverflow) {
			t.Errorf("ParseUnits(%q) = %d, %v, want ErrOverflow", text, got, err)
		}
	})
}

func TestTextAgreesWithBigAndReadsBack(t *testing.T) {
	currencies := rapid.SampledFrom([]string{"EUR", "JPY", "KWD", "CLF", NoCurrency, ""})
	rapid.Check(t, func(t *rapid.T) {
		a := New(units().Draw(t, "units"), currencies.Draw(t, "currency"))
		text := a.Text()
		if back := reference(text); back == nil || !back.IsInt64() || back.Int64() != a.Units() {
			t.Errorf("%d units print as %s, which math/big reads as %v", a.Units(), text, back)
		}
		if back, err := Parse(text, a.Currency()); err != nil || back != a {
			t.Errorf("%d units print as %s, which reads as %v, %v", a.Units(), text, back, err)
		}
		_, decimals, _ := strings.Cut(text, ".")
		least := Digits(a.Currency())
		if len(decimals) < least || len(decimals) > 4 || len(decimals) > least && strings.HasSuffix(decimals, "0") {
			t.Errorf("%d units of %q print as %s: want %d decimals, more only when needed", a.Units(), a.Currency(), text, least)
		}
		if got := string(AppendUnits([]byte("x"), a.Units(), a.Currency())); got != "x"+text {
			t.Errorf("AppendUnits = %s, want x%s", got, text)
		}
	})
}

func FuzzParseUnits(f *testing.F) {
	for _, seed := range []string{"10.23", "-0.0001", "+922337203685477.5807", "-922337203685477.5808", "1e3", "1.", ".1", "", "0x1p-2", "1/3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseUnits(text)
		fromBytes, errBytes := ParseUnits([]byte(text))
		if got != fromBytes || (err == nil) != (errBytes == nil) {
			t.Fatalf("ParseUnits(%q) = %d, %v from text and %d, %v from bytes", text, got, err, fromBytes, errBytes)
		}
		if err != nil {
			if got != 0 || !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrOverflow) {
				t.Fatalf("ParseUnits(%q) = %d, %v, want 0 and one of the two errors", text, got, err)
			}
			return
		}
		if strings.Trim(text, "+-.0123456789") != "" {
			t.Fatalf("ParseUnits accepted %q", text)
		}
		if want := reference(text); want == nil || !want.IsInt64() || want.Int64() != got {
			t.Fatalf("ParseUnits(%q) = %d, math/big says %v", text, got, want)
		}
		for _, currency := range []string{"EUR", "JPY", "KWD"} {
			if back, err := ParseUnits(FormatUnits(got, currency)); err != nil || back != got {
				t.Fatalf("%d prints as %s, which reads as %d, %v", got, FormatUnits(got, currency), back, err)
			}
		}
	})
}

func BenchmarkParseUnits(b *testing.B) {
	texts := [][]byte{[]byte("10.23"), []byte("-123456.7890"), []byte("0.01"), []byte("99999999.99")}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := ParseUnits(texts[i%len(texts)]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendUnits(b *testing.B) {
	dst := make([]byte, 0, 32)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		dst = AppendUnits(dst[:0], i*12300, "EUR")
	}
}
