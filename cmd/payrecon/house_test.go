package main

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The arrows of ARCHITECTURE.md: what each package may import of the others. A package that is not named here fails the
// test, and so does one that is named and gone.
var arrows = map[string][]string{
	"payrecon/internal/money":   {},
	"payrecon/internal/payout":  {"payrecon/internal/money"},
	"payrecon/sync":             {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/sync/payapi":      {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/reconcile":        {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/report":           {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/report/xlsx":      {"payrecon/internal/money", "payrecon/internal/payout", "payrecon/report"},
	"payrecon/schedules":        {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/internal/mirror":  {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/internal/sandbox": {"payrecon/internal/money", "payrecon/internal/payout"},
	"payrecon/cmd/payrecon": {
		"payrecon/internal/money", "payrecon/internal/payout", "payrecon/sync", "payrecon/sync/payapi", "payrecon/reconcile",
		"payrecon/report", "payrecon/report/xlsx", "payrecon/schedules", "payrecon/internal/mirror", "payrecon/internal/sandbox",
	},
}

// onlyIn names packages that may be imported, tests aside, from one place only.
var onlyIn = map[string]string{
	"github.com/xuri/excelize/v2": "payrecon/report/xlsx",
	"github.com/jmoiron/sqlx":     "payrecon/internal/mirror",
	"modernc.org/sqlite":          "payrecon/internal/mirror",
	"github.com/robfig/cron/v3":   "payrecon/schedules",
	"payrecon/sync":               "payrecon/cmd/payrecon",
}

type listed struct {
	ImportPath string
	Imports    []string
}

func TestImportArrows(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = moduleRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := map[string]bool{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		seen[p.ImportPath] = true
		allowed, known := arrows[p.ImportPath]
		if !known {
			t.Errorf("package %s is not in the picture: add it to ARCHITECTURE.md and here, with a reason", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if strings.HasPrefix(imported, "payrecon/") && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s: the arrows do not allow it", p.ImportPath, imported)
			}
			if only, ok := onlyIn[imported]; ok && p.ImportPath != only {
				t.Errorf("%s imports %s: only %s may", p.ImportPath, imported, only)
			}
		}
	}
	for path := range arrows {
		if !seen[path] {
			t.Errorf("package %s of the picture does not exist", path)
		}
	}
}

// TestNoFloats looks for everything that is or makes a floating-point number: the types, constants with a point or an
// exponent, package math but for the limits of integers, big.Float. The files named here have some, away from money.
func TestNoFloats(t *testing.T) {
	awayFromMoney := map[string]string{
		"sync/payapi/client.go":        "requests per second",
		"sync/payapi/pace.go":          "requests per second",
		"sync/payapi/retry.go":         "the spread of pauses",
		"cmd/payrecon/metrics.go":      "what Prometheus reads: counts and times",
		"cmd/payrecon/config_types.go": "rate_limit",
	}
	found := map[string]bool{}
	eachGoFile(t, func(path string, file *ast.File, fset *token.FileSet) {
		if strings.HasPrefix(path, "report/xlsx/") { // cells are floats
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			what := floating(n)
			if what == "" {
				return true
			}
			if found[path] = true; awayFromMoney[path] == "" {
				t.Errorf("%s: %s: money is int64 ten-thousandths", fset.Position(n.Pos()), what)
			}
			return true
		})
	})
	for path, reason := range awayFromMoney {
		if !found[path] {
			t.Errorf("%s has no floats (%s): take it from the list", path, reason)
		}
	}
}

// floating names what is floating-point about a node; "" for nothing.
func floating(n ast.Node) string {
	switch n := n.(type) {
	case *ast.Ident:
		if slices.Contains([]string{"float64", "float32", "complex128", "complex64", "ParseFloat", "FormatFloat"}, n.Name) {
			return n.Name
		}
	case *ast.BasicLit:
		if n.Kind == token.FLOAT || n.Kind == token.IMAG {
			return n.Value
		}
	case *ast.SelectorExpr:
		if slices.Contains([]string{"Seconds", "Minutes", "Hours", "Float64"}, n.Sel.Name) {
			return n.Sel.Name
		}
		of, _ := n.X.(*ast.Ident)
		switch {
		case of == nil:
		case of.Name == "math" && !strings.Contains(n.Sel.Name, "Int") && !strings.Contains(n.Sel.Name, "Uint"):
			return "math." + n.Sel.Name
		case of.Name == "big" && strings.Contains(n.Sel.Name, "Float"), of.Name == "big" && strings.Contains(n.Sel.Name, "Rat"):
			return "big." + n.Sel.Name
		}
	}
	return ""
}

// What TestNoFloats must see.
func TestFloatingIsSeen(t *testing.T) {
	for source, want := range map[string]string{
		"x * 0.5": "0.5", "x * 1e3": "1e3", "math.Round(x)": "math.Round", "new(big.Float)": "big.Float", "a.Sub(b).Seconds()": "Seconds",
		"float64(x)": "float64", "strconv.ParseFloat(s, 64)": "ParseFloat", "math.MaxInt64 - x": "", "x * 5000 / 10_000": "",
	} {
		e, err := parser.ParseExpr(source)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		ast.Inspect(e, func(n ast.Node) bool {
			got = cmp.Or(got, floating(n))
			return true
		})
		if got != want {
			t.Errorf("%s: sees %q, want %q", source, got, want)
		}
	}
}

// TestNoInitFunctions: wiring happens in cmd, in the open.
func TestNoInitFunctions(t *testing.T) {
	eachGoFile(t, func(_ string, file *ast.File, fset *token.FileSet) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: func init", fset.Position(f.Pos()))
			}
		}
	})
}

// TestLibcPin: modernc.org/sqlite works only with exactly the modernc.org/libc that its own go.mod names.
func TestLibcPin(t *testing.T) {
	cmd := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", "modernc.org/sqlite")
	cmd.Dir = moduleRoot(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	want := libcVersion(t, strings.TrimSpace(string(out)))
	got := libcVersion(t, filepath.Join(moduleRoot(t), "go.mod"))
	if got != want {
		t.Errorf("modernc.org/libc is %s, modernc.org/sqlite wants exactly %s", got, want)
	}
}

func libcVersion(t *testing.T, goMod string) string {
	t.Helper()
	text, err := os.ReadFile(goMod)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`modernc\.org/libc (v\S+)`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s names no modernc.org/libc", goMod)
	}
	return string(m[1])
}

// eachGoFile parses every non-test Go file of the module.
func eachGoFile(t *testing.T, look func(path string, file *ast.File, fset *token.FileSet)) {
	t.Helper()
	root := moduleRoot(t)
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "." || rel == "tools" || rel == "bench") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		files++
		look(filepath.ToSlash(rel), file, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("looked at %d files only", files)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
