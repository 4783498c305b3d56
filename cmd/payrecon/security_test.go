package main

import (
	"encoding/csv"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/xuri/excelize/v2"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestSecurityPageNamesTests: every test that SECURITY.md names exists.
func TestSecurityPageNamesTests(t *testing.T) {
	root := moduleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "SECURITY.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			exists[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(text, -1)
	for _, m := range named {
		if !exists[string(m[1])] {
			t.Errorf("SECURITY.md names %s, which is no test", m[1])
		}
	}
	if len(named) < 30 {
		t.Errorf("SECURITY.md names %d tests only", len(named))
	}
}

// hostileTexts are references, names and status words as an attacker would choose them.
var hostileTexts = []string{
	`=HYPERLINK("http://example.com","click")`, "+1+cmd|'/C calc'!A0", "-2+3", "@SUM(1)", "\t=1+1", "../../../escaped", "/etc/escaped",
	"\x1b[2J\x1b]0;owned\a", "<script>alert(1)</script>", "'; DROP TABLE payouts; --", "%s%n%d", "\u202etxt.exe", "INV\u200b-1\u2066", "..\\..\\escaped",
}

// hostileSite is a site whose payouts and ledger hold nothing but hostile texts.
func hostileSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, sandbox.Options{Payouts: -1})
	var ledger strings.Builder
	rows := csv.NewWriter(&ledger)
	write := func(fields ...string) {
		if err := rows.Write(fields); err != nil {
			t.Fatal(err)
		}
	}
	write("ref_id", "amount", "currency", "date", "status", "text")
	created := payout.MillisOf(s.now.AddDate(0, 0, -10))
	for i, text := range hostileTexts {
		add := func(ref string, units int64) {
			_, err := s.box.Add(payout.Payout{
				RefID: ref, Amount: money.New(units, "EUR"), Status: payout.Failed, Reason: text, BankStatus: text, Description: text,
				BankTransactionID: text, Created: created, Creditor: payout.Creditor{Name: text, IBAN: text},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		add(text, 100_000)
		add("REF-"+string(rune('A'+i)), 200_000)
		write(text, "10.00", "EUR", "2026-03-21", "paid", text)
		write("REF-"+string(rune('A'+i)), "20.00", "EUR", "2026-03-21", text, text)
		write("BAD-"+string(rune('A'+i)), text, "EUR", "2026-03-21", "paid", text)
	}
	write("LAST-1", "1.00", "EUR", "2026-03-30", "paid", "")
	rows.Flush()
	s.write("ledger.csv", ledger.String())
	return s
}

// TestHostileTexts runs everything that prints or writes over hostile texts: nothing is written outside the folders that
// were named, nothing reaches a terminal raw, no cell becomes a formula.
func TestHostileTexts(t *testing.T) {
	s := hostileSite(t)
	s.write("payrecon.yaml", "api: {rate_limit: none}\nreport: {dir: '"+s.path("reports")+"', entity: '../../escaped', unmask: true}\n")
	for _, args := range [][]string{
		{"run", "--ledger", s.path("ledger.csv")},
		{"report", "--matched", "--format", "csv", "--out", s.path("twins")},
		{"export", "--format", "csv", "--out", s.path("export")},
		{"sync", "-v"},
		{"breaks", "list"},
		{"breaks", "show", "1"},
		{"payouts", "list", "--unmask"},
		{"payouts", "history", s.id(0)},
		{"payouts", "get", s.id(0)},
		{"ledger", "check", s.path("ledger.csv")},
		{"status"},
		{"reconcile", "--ledger", s.path("ledger.csv"), "--no-record"},
	} {
		code, out, words := s.try(args...)
		if code != exitDone {
			t.Errorf("payrecon %s: exit %d\n%s", strings.Join(args, " "), code, words)
		}
		for _, r := range out + words {
			if r != '\n' && !unicode.IsGraphic(r) {
				t.Errorf("payrecon %s prints the character %U", strings.Join(args, " "), r)
				break
			}
		}
	}
	books, err := filepath.Glob(s.path("reports/*.xlsx"))
	if err != nil || len(books) != 1 {
		t.Fatalf("workbooks %v, %v; want one in the folder reports", books, err)
	}
	noHostileFormula(t, books[0])
	s.write("twins/listed.csv", s.do(exitDone, "breaks", "list", "--format", "csv"))
	noFormulaInCSV(t, s.path("twins")) // the export is for machines, and is as the API sent it
	err = filepath.WalkDir(filepath.Dir(s.dir), func(path string, _ fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(s.dir, path); strings.Contains(filepath.Base(path), "escaped") && filepath.Dir(rel) != "reports" {
			t.Errorf("%s was written", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func noHostileFormula(t *testing.T, path string) {
	t.Helper()
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	hostile := 0
	for _, sheet := range book.GetSheetList() {
		rows, err := book.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for r, row := range rows {
			for c, text := range row {
				if !strings.Contains(text, "HYPERLINK(\"http") && !strings.Contains(text, "cmd|") && !strings.Contains(text, "@SUM(1)") {
					continue
				}
				hostile++
				cell, err := excelize.CoordinatesToCellName(c+1, r+1)
				if err != nil {
					t.Fatal(err)
				}
				kind, err := book.GetCellType(sheet, cell)
				formula, _ := book.GetCellFormula(sheet, cell)
				if err != nil || formula != "" || kind == excelize.CellTypeFormula {
					t.Errorf("%s!%s holds %q as a formula", sheet, cell, text)
				}
			}
		}
	}
	if hostile < 5 {
		t.Errorf("%s holds %d hostile texts; want all of them, as text", path, hostile)
	}
}

// noFormulaInCSV looks for fields that a spreadsheet would take for a formula; numbers are none.
func noFormulaInCSV(t *testing.T, dir string) {
	t.Helper()
	number := regexp.MustCompile(`^[-+]?[0-9.]+$`)
	files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
	if err != nil || len(files) == 0 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r := csv.NewReader(f)
		r.FieldsPerRecord = -1
		records, err := r.ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range records {
			for _, field := range record {
				if field != "" && strings.ContainsAny(field[:1], "=+-@\t\r") && !number.MatchString(field) && field != "-" {
					t.Errorf("%s holds the field %q", filepath.Base(path), field)
				}
			}
		}
	}
}

// TestFilesArePrivate: nobody else may read what payrecon writes.
func TestFilesArePrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	s := hostileSite(t)
	s.write("payrecon.yaml", "api: {rate_limit: none}\nreport: {dir: '"+s.path("reports")+"', format: [xlsx, csv]}\n")
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))
	s.do(exitDone, "backup", s.path("copy.db"))
	for _, format := range []string{"csv", "parquet"} {
		s.do(exitDone, "export", "--format", format, "--out", s.path(format))
	}
	files := 0
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		files++
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("looked at %d files only", files)
	}
}

// TestOutputThroughSymlinks: a link that somebody else put where a file is to be written is replaced or refused, and what it
// points to stays as it was.
func TestOutputThroughSymlinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs rights on Windows")
	}
	s := hostileSite(t)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("first.xlsx"))
	copies, err := filepath.Glob(s.path("evidence/ledger-*.csv.gz"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("evidence %v, %v", copies, err)
	}
	if err := os.Remove(copies[0]); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("twins"), 0o700); err != nil {
		t.Fatal(err)
	}
	links := []string{"book.xlsx", "twins/breaks.csv", "copy.db", "export", "evidence/" + filepath.Base(copies[0]), "new.yaml"}
	for i, link := range links {
		if err := os.Symlink(s.path("victim-"+string(rune('0'+i))), s.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	s.do(exitDone, "report", "--format", "csv", "--out", s.path("twins"))
	s.refuse("backup", s.path("copy.db"))
	s.refuse("export", "--format", "csv", "--out", s.path("export"))
	if code, _, _ := s.try("init", "--config", s.path("new.yaml")); code == exitDone {
		t.Error("init wrote through a link")
	}
	made, err := filepath.Glob(s.path("victim-*"))
	if err != nil || len(made) != 0 {
		t.Errorf("written through links: %v, %v", made, err)
	}
	for _, link := range links[:2] {
		if info, err := os.Lstat(s.path(link)); err != nil || !info.Mode().IsRegular() {
			t.Errorf("%s is %v, %v; want a file in the link's place", link, info, err)
		}
	}
}

// refuse runs a command that must end with exitInput.
func (s *site) refuse(args ...string) {
	s.t.Helper()
	s.do(exitInput, args...)
}

// TestDependenciesArePinned: every module has one version and its hashes in go.sum, and none is replaced by another.
func TestDependenciesArePinned(t *testing.T) {
	for _, module := range []string{".", "tools"} {
		mod, err := os.ReadFile(filepath.Join(moduleRoot(t), module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		sum, err := os.ReadFile(filepath.Join(moduleRoot(t), module, "go.sum"))
		if err != nil {
			t.Fatal(err)
		}
		if regexp.MustCompile(`(?m)^(replace|exclude|retract)\b`).Match(mod) {
			t.Errorf("%s/go.mod replaces or excludes a module", module)
		}
		required := regexp.MustCompile(`(?m)^(?:require)?\s+([\w./~-]+\.[\w./~-]+ v\S+)`).FindAllSubmatch(mod, -1)
		lines := strings.Split(string(sum), "\n")
		for _, m := range required {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, string(m[1])+" h1:") }) {
				t.Errorf("%s/go.sum has no hash of %s", module, m[1])
			}
		}
		if len(required) < 2 {
			t.Errorf("%s/go.mod requires %d modules", module, len(required))
		}
	}
}
