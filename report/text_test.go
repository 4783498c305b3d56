package report

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"Müller 山田 😀", "Müller 山田 😀"},
		{"a\x00b\x1bc", "a␀b␛c"},
		{"a\r\nb\rc\td\x7f", "a\nb␍c\td␡"},
		{"\xff\u0085\ufffe", "\ufffd\ufffd\ufffd"},
	} {
		if got := Clean(c.in); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	long := Clean(strings.Repeat("😀", 40_000))
	if n := len(utf16.Encode([]rune(long))); n > 32_767 || n < 32_700 || !strings.HasSuffix(long, "[cut: 40000 characters in all]") {
		t.Errorf("40,000 emoji became %d UTF-16 units that end %q", n, long[len(long)-40:])
	}
}

// TestCleanFits: whatever comes in, what goes out is valid, fits a cell, holds no control character, and is stable.
func TestCleanFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "text")
		got := Clean(strings.Repeat(in, rapid.IntRange(1, 50).Draw(t, "times")))
		if !utf8.ValidString(got) || len(utf16.Encode([]rune(got))) > maxText {
			t.Fatalf("%q became %q", in, got)
		}
		for _, r := range got {
			if r < 0x20 && r != '\n' && r != '\t' {
				t.Fatalf("%q keeps %U", in, r)
			}
		}
		if again := Clean(got); again != got {
			t.Fatalf("cleaned twice: %q, then %q", got, again)
		}
	})
}

func TestGuard(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"=1+1", "'=1+1"},
		{"+44", "'+44"},
		{"-5", "'-5"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"\tx", "'\tx"},
		{"\rx", "'\rx"},
		{"-", "-"},
		{"", ""},
		{"INV=1", "INV=1"},
	} {
		if got := guard(c.in); got != c.want {
			t.Errorf("guard(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := units(-50_000, "EUR").csvField(); got != "-5.00" {
		t.Errorf("an amount became %q, want -5.00: numbers are not guarded", got)
	}
}

func TestRatio(t *testing.T) {
	for _, c := range []struct{ part, whole, want int64 }{
		{1, 4, 2500}, {1, 3, 3333}, {2, 3, 6667}, {1, 20000, 1}, {-1, 20000, -1}, {1, 20001, 0}, {-2, 3, -6667}, {5, -10, -5000}, {1 << 62, 1 << 62, 10000},
	} {
		if got := ratio(c.part, c.whole); got != c.want {
			t.Errorf("ratio(%d, %d) = %d, want %d", c.part, c.whole, got, c.want)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{thousands(0), "0"},
		{thousands(999), "999"},
		{thousands(1000), "1,000"},
		{thousands(-1234567), "-1,234,567"},
		{thousands(-123), "-123"},
		{plural(1, "day"), "1 day"},
		{plural(2, "day"), "2 days"},
		{plural(0, "entry"), "0 entries"},
		{plural(1, "entry"), "1 entry"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestReferences(t *testing.T) {
	for i, want := range map[int]string{0: "A", 25: "Z", 26: "AA", 701: "ZZ", 702: "AAA", 16383: "XFD"} {
		if got := columnName(i); got != want {
			t.Errorf("columnName(%d) = %q, want %q", i, got, want)
		}
	}
	a := area{[]piece{{"It's", 6, 10}, {"It's 2", 6, 5}}}
	want := `SUMIFS('It''s'!$C$6:$C$10,'It''s'!$A$6:$A$10,"=a~*""b")+SUMIFS('It''s 2'!$C$6:$C$6,'It''s 2'!$A$6:$A$6,"=a~*""b")`
	if got := a.sumifs(2, is(0, `a*"b`)); got != want {
		t.Errorf("sumifs = %s\nwant     %s", got, want)
	}
	for i, want := range []int{6, 7, 10} {
		if _, row := a.row([]int{0, 1, 4}[i]); row != want {
			t.Errorf("row %d, want %d", row, want)
		}
	}
}

func TestChangedLines(t *testing.T) {
	got := strings.Join(changedLines("a: 1\nb: 2\nc: 3", "a: 1\nb: 4\nc: 3\nd: 5"), "; ")
	if want := "removed: b: 2; added: b: 4; added: d: 5"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := changedLines("a\nb", "a\nb\n"); got != nil {
		t.Errorf("%q, want nothing", got)
	}
}

// TestGroupAmounts groups amounts in a sentence and leaves counts, days and short amounts as they are.
func TestGroupAmounts(t *testing.T) {
	for sentence, want := range map[string]string{
		"2 breaks are open without a disposition: 30124.40 EUR, 1234567 JPY, 999.00 USD.": "2 breaks are open without a disposition: 30,124.40 EUR, 1,234,567 JPY, 999.00 USD.",
		"12345 breaks are open: 0.12345 CLF, 1.2345 CLF.":                                 "12345 breaks are open: 0.12345 CLF, 1.2345 CLF.",
		"1 day of the period is not shown complete in the mirror: 2026-03-01.":            "1 day of the period is not shown complete in the mirror: 2026-03-01.",
		"1 item could not be verified: 100000.000 KWD; 1 item: 9999 JPY":                  "1 item could not be verified: 100,000.000 KWD; 1 item: 9,999 JPY",
	} {
		if got := groupAmounts(sentence); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
