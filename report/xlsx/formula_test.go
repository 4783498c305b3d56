package xlsx

import (
	"archive/zip"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/payout"
	"payrecon/report"
)

// expected is what a formula cell must give: the value that we cached.
func expected(c report.Cell) (text string, number float64) {
	if c.Kind == report.Text {
		return c.Text, 0
	}
	number, _ = strconv.ParseFloat(string(appendNumber(nil, &c)), 64)
	return "", number
}

// sameValue compares a calculated value with a cached one, to the fourth decimal.
func sameValue(c report.Cell, got string) bool {
	text, number := expected(c)
	if c.Kind == report.Text {
		return got == text
	}
	if got == "" {
		got = "0"
	}
	x, err := strconv.ParseFloat(got, 64)
	return err == nil && math.Abs(x-number) < 0.00005+math.Abs(number)*1e-14
}

// formulas calls f for every cell of the book that has one.
func formulas(b *report.Book, f func(sheet, cell string, c report.Cell)) (n int) {
	for _, s := range b.Sheets {
		for i, r := range s.Rows {
			for j, c := range r.Cells {
				if c.Formula != "" {
					n++
					f(s.Name, columnName(j)+strconv.Itoa(i+1), c)
				}
			}
		}
	}
	return n
}

// variant is a sample, laid out in a certain way.
type variant struct {
	sample     string
	mirrorOnly bool
	maxRows    int // of a sheet; 0 = Excel's limit
}

func (v variant) String() string {
	return fmt.Sprintf("%s mirror-only=%t rows=%d", v.sample, v.mirrorOnly, v.maxRows)
}

func (v variant) build(t testing.TB, s sample) *report.Book {
	t.Helper()
	o := report.Options{MaxRows: v.maxRows, Matched: matchedOf(s)}
	if v.mirrorOnly {
		s.Rec, o.Matched = nil, nil
	}
	return build(t, s, o)
}

// variants are what every formula is calculated in: with a ledger and without, with breaks and without, and with tables that
// go on over several sheets.
var variants = []variant{
	{"day", false, 0}, {"only-breaks", false, 0}, {"empty", false, 0}, {"clean", false, 0}, {"clean", false, 20}, {"day", true, 0}, {"empty", true, 0},
}

// TestFormulasInGo evaluates every formula with the library's own engine.
func TestFormulasInGo(t *testing.T) {
	list := variants
	if testing.Short() {
		list = list[:4]
	}
	for _, v := range list {
		b := v.build(t, load(t, v.sample))
		f, err := excelize.OpenFile(written(t, b))
		if err != nil {
			t.Fatal(err)
		}
		n := formulas(b, func(sheet, cell string, c report.Cell) {
			got, err := f.CalcCellValue(sheet, cell, excelize.Options{RawCellValue: true})
			if err != nil || !sameValue(c, got) {
				t.Errorf("%s: %s!%s = %q (%v), cached %q: =%s", v, sheet, cell, got, err, c.Plain(), c.Formula)
			}
		})
		if v.maxRows > 0 && b.Sheet(report.SheetMatched+" 2") == nil {
			t.Errorf("%s: Matched is on one sheet, want several", v)
		}
		t.Logf("%s: %d formulas", v, n)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// matchedOf makes agreed findings that add up to the sample's totals: one for each row of them.
func matchedOf(s sample) func(yield func(payout.Finding, error) bool) {
	return func(yield func(payout.Finding, error) bool) {
		for i, total := range s.Rec.Totals {
			if total.Outcome != payout.Matched {
				continue
			}
			if !yield(matchedFinding(i, total), nil) {
				return
			}
		}
	}
}

// TestLibreOffice takes the cached values out of the file, has LibreOffice calculate them, and compares.
func TestLibreOffice(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	dir := t.TempDir()
	list := []variant{{"month", false, 0}, {"month", true, 0}, {"clean", false, 20}} // each takes seconds
	var books []*report.Book
	var paths []string
	for i, v := range list {
		s := load(t, v.sample)
		for i := range s.Facts.Breakdown { // a status that looks like a pattern; the library's engine knows no escapes
			if c := &s.Facts.Breakdown[i]; c.Status.Class() == payout.ClassUnknown {
				c.Status = "ODD*~?\"STATUS\""
			}
		}
		b := v.build(t, s)
		bare := filepath.Join(dir, fmt.Sprintf("%d.xlsx", i))
		withoutValues(t, written(t, b), bare)
		books, paths = append(books, b), append(paths, bare)
	}
	filled, check := filledIn(t)
	saved := office(t, append(paths, filled)...)
	check(filepath.Join(saved, filepath.Base(filled)))
	for i, v := range list {
		s := load(t, v.sample)
		if v.mirrorOnly {
			s.Rec = nil
		}
		t.Log(v)
		checkSaved(t, books[i], s, filepath.Join(saved, filepath.Base(paths[i])))
	}
}

func checkSaved(t *testing.T, b *report.Book, s sample, saved string) {
	f, err := excelize.OpenFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	n := formulas(b, func(sheet, cell string, c report.Cell) {
		got, err := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
		if err != nil || !sameValue(c, got) {
			t.Errorf("%s!%s = %q (%v), cached %q: =%s", sheet, cell, got, err, c.Plain(), c.Formula)
		}
	})
	t.Logf("%d formulas", n)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Rec != nil { // what LibreOffice saved must still read back as ours: every row's proof holds
		checkReadBack(t, saved, s)
	}
}

// office opens workbooks with LibreOffice, saves them, and returns the folder of the new ones.
func office(t testing.TB, paths ...string) string {
	t.Helper()
	program, err := exec.LookPath("soffice")
	if err != nil {
		t.Skip("LibreOffice (soffice) is not installed")
	}
	out := t.TempDir()
	arguments := []string{"-env:UserInstallation=file://" + t.TempDir(), "--headless", "--convert-to", "xlsx", "--outdir", out}
	cmd := exec.Command(program, append(arguments, paths...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("soffice: %v\n%s", err, text)
	}
	return out
}

var cachedValue = regexp.MustCompile(`</f><v>[^<]*</v>`)

// withoutValues copies a workbook without the values of its formulas.
func withoutValues(t testing.TB, from, to string) {
	t.Helper()
	r, err := zip.OpenReader(from)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	for _, part := range r.File {
		content := readPart(t, part)
		if strings.HasPrefix(part.Name, "xl/worksheets/sheet") {
			content = cachedValue.ReplaceAll(content, []byte("</f>"))
		}
		p, err := w.Create(part.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func readPart(t testing.TB, part *zip.File) []byte {
	t.Helper()
	r, err := part.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}
