package main

import (
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

// TestNoFloats looks for float32 and float64 outside report/xlsx. The files named here hold rates, progress or durations
// and no money.
func TestNoFloats(t *testing.T) {
	awayFromMoney := []string{
		"sync/payapi/", // requests per second, backoff
		"internal/sandbox/faults.go",
		"cmd/payrecon/progress.go",
		"cmd/payrecon/metrics.go",
		"cmd/payrecon/config", // rate_limit
	}
	eachGoFile(t, func(path string, file *ast.File, fset *token.FileSet) {
		if strings.HasPrefix(path, "report/xlsx/") || slices.ContainsFunc(awayFromMoney, func(p string) bool { return strings.HasPrefix(path, p) }) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && (id.Name == "float64" || id.Name == "float32" || id.Name == "ParseFloat") {
				t.Errorf("%s: %s: money is int64 ten-thousandths", fset.Position(id.Pos()), id.Name)
			}
			return true
		})
	})
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
