package main

import (
	"bytes"
	"context"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/sandbox"
)

// pages are the README and the pages of docs.
func pages(t *testing.T) (paths []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(moduleRoot(t), "docs", "*.md"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("pages %v, %v", paths, err)
	}
	return append(paths, filepath.Join(moduleRoot(t), "README.md"))
}

// TestDocumentedCommands runs every payrecon command in the shell blocks of the README and of docs, page by page, in order,
// in an empty folder, against a sandbox on the demo's clock. A YAML block is the configuration of the commands after it.
func TestDocumentedCommands(t *testing.T) {
	ran := map[string]int{}
	for _, page := range pages(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(page)
		commands := shellCommands(string(text))
		if len(commands) == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) { ran[name] = runCommands(t, commands) })
	}
	if ran["README.md"] < 8 || ran["operations.md"] < 10 {
		t.Errorf("ran few commands only: %v", ran)
	}
}

// runCommands runs the commands of one page.
func runCommands(t *testing.T, commands [][]string) (ran int) {
	t.Helper()
	s := newSite(t, sandbox.Options{Payouts: 400})
	t.Chdir(t.TempDir())
	if err := os.Mkdir("exports", 0o700); err != nil {
		t.Fatal(err)
	}
	ledger, err := os.Create("exports/ledger.csv")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.box.WriteLedger(ledger); err != nil {
		t.Fatal(err)
	}
	ledger.Close()
	env := map[string]string{envURL: s.url, envToken: sandbox.DemoToken, "PAYRECON_WEBHOOK_URL": newEar(t).URL}
	unhurried := func(config string) { // the sandbox needs no rate limit
		if err := os.WriteFile(defaultConfigPath, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.ContainsFunc(commands, func(args []string) bool { return args[0] == "init" }) {
		unhurried("api: {rate_limit: none}\n")
	}
	for _, args := range commands {
		if args[0] == yamlBlock {
			unhurried("api: {rate_limit: none}\n" + args[1])
			continue
		}
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		if strings.Join(args, " ") == "schedule start" { // which stays until it is told to stop
			ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
		}
		code := run(ctx, args, func(k string) string { return env[k] }, &out, &out, func() time.Time { return s.now })
		cancel()
		switch {
		case args[0] == "backfill" && code == exitIncomplete: // the sandbox has 45 days, the README reads a quarter
		case slices.Contains(args, "other.db") && code == exitIncomplete: // a new mirror of a part of the days
		case code != exitDone:
			t.Errorf("payrecon %s: exit %d\n%s", strings.Join(args, " "), code, out.String())
		}
		if args[0] == "init" {
			unhurried(strings.Replace(configTemplate, "#- rate_limit: 5/s", "rate_limit: none", 1))
		}
		ran++
	}
	return ran
}

// TestOperationsMessages: each message that docs/operations.md quotes stands in the program, whole and in one piece; dots
// stand for what differs.
func TestOperationsMessages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(literals(t), "\n")
	quoted := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		quoted++
		whole := strings.ReplaceAll(regexp.QuoteMeta(strings.Trim(m[1], ". ")), `\.\.\.`, "[^\n]+")
		if !regexp.MustCompile(whole).MatchString(said) {
			t.Errorf("docs/operations.md quotes %q, which the program does not say", m[1])
		}
	}
	if quoted < 15 {
		t.Errorf("found %d quotes only", quoted)
	}
}

// literals are the texts that stand in the program, one line each; those that are put together with + are one.
func literals(t *testing.T) (texts []string) {
	var text func(e ast.Expr) (string, bool)
	text = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			value, err := strconv.Unquote(e.Value)
			return value, e.Kind == token.STRING && err == nil
		case *ast.BinaryExpr:
			left, isText := text(e.X)
			right, alsoText := text(e.Y)
			return left + right, isText || alsoText
		}
		return "", false
	}
	eachGoFile(t, func(_ string, file *ast.File, _ *token.FileSet) {
		ast.Inspect(file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			value, ok := text(e)
			if ok {
				texts = append(texts, strings.ReplaceAll(value, "\n", " "))
			}
			return !ok
		})
	})
	return texts
}

// TestLinksInDocs: every relative link of a page leads to a file.
func TestLinksInDocs(t *testing.T) {
	root := moduleRoot(t)
	for _, page := range append(pages(t), filepath.Join(root, "ARCHITECTURE.md"), filepath.Join(root, "SECURITY.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", filepath.Base(page), err)
			}
		}
	}
}

// yamlBlock stands in place of a command, before the text of a configuration.
const yamlBlock = "```yaml"

// shellCommands returns the arguments of the payrecon commands in the sh blocks of a Markdown text, and its YAML blocks.
func shellCommands(markdown string) (commands [][]string) {
	block, text := "", ""
	for line := range strings.Lines(markdown) {
		if strings.HasPrefix(line, "```") {
			if block == yamlBlock {
				commands = append(commands, []string{yamlBlock, text})
			}
			if block = strings.TrimSpace(line); block == "```" {
				block = ""
			}
			text = ""
			continue
		}
		text += line
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		for _, program := range []string{"go run ./cmd/payrecon ", "./payrecon ", "payrecon "} {
			if rest, ok := strings.CutPrefix(line, program); ok && block == "```sh" {
				commands = append(commands, shellWords(rest))
				break
			}
		}
	}
	return commands
}

// shellWords cuts a command line at spaces; double quotes keep words together.
func shellWords(line string) (args []string) {
	quoted := false
	for _, f := range strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	}) {
		args = append(args, strings.Trim(f, `"`))
	}
	return args
}

// TestExamplesParse: every example in a command's help names a command and flags that exist.
func TestExamplesParse(t *testing.T) {
	examples := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for line := range strings.Lines(strings.ReplaceAll(cmd.Example, "\\\n", " ")) {
			_, rest, ok := strings.Cut(line, "payrecon ")
			if !ok {
				continue
			}
			rest, _, _ = strings.Cut(strings.TrimSpace(rest), " > ")
			rest, _, _ = strings.Cut(rest, "   ") // what it does
			examples++
			a := &app{getenv: func(string) string { return "" }, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, clock: time.Now}
			found, args, err := a.rootCommand().Find(shellWords(rest))
			if err == nil {
				err = found.ParseFlags(args)
			}
			if err == nil && found.Args != nil {
				err = found.Args(found, found.Flags().Args())
			}
			if err != nil {
				t.Errorf("example of %q: payrecon %s: %v", cmd.CommandPath(), rest, err)
			}
		}
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	a := &app{getenv: func(string) string { return "" }, stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, clock: time.Now}
	walk(a.rootCommand())
	if examples < 30 {
		t.Errorf("found %d examples only", examples)
	}
}

// configurationIntro stands above the configuration's template in docs/configuration.md.
const configurationIntro = `# Configuration

This is what ` + "`payrecon init`" + ` writes: every setting, what it means, and its default or an example. Lines behind ` + "`#- `" + ` are
switched off. A key that is not known is refused, with its line and the nearest known one. ` + "`payrecon doctor -v`" + ` shows each value
that is in force and where it came from.

This page is made from the program's own text by ` + "`PAYRECON_UPDATE=1 go test ./cmd/payrecon -run TestConfigurationPage`" + `.

`

// TestConfigurationPage: docs/configuration.md is the template that init writes. PAYRECON_UPDATE=1 writes it anew.
func TestConfigurationPage(t *testing.T) {
	path := filepath.Join(moduleRoot(t), "docs", "configuration.md")
	want := configurationIntro + "```yaml\n" + configTemplate + "```\n"
	if os.Getenv("PAYRECON_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/configuration.md is not what the program's template makes: PAYRECON_UPDATE=1 go test ./cmd/payrecon -run TestConfigurationPage writes it anew")
	}
}

// TestArchitectureNames: the files and tables that ARCHITECTURE.md names exist.
func TestArchitectureNames(t *testing.T) {
	root := moduleRoot(t)
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	var schema strings.Builder
	for _, name := range []string{"0001_mirror.sql", "0002_reconcile.sql"} {
		part, err := os.ReadFile(filepath.Join(root, "internal", "mirror", "migrations", name))
		if err != nil {
			t.Fatal(err)
		}
		schema.Write(part)
	}
	looked := 0
	for _, m := range regexp.MustCompile("`([a-z_]+/[a-z_/*]+(?:\\.go)?)`").FindAllStringSubmatch(string(text), -1) {
		looked++
		if found, err := filepath.Glob(filepath.Join(root, m[1])); err != nil || len(found) == 0 {
			if m[1] != "evidence/" && m[1] != "payrecon/sync" { // a folder beside the database, an import path
				t.Errorf("ARCHITECTURE.md names %s, which does not exist", m[1])
			}
		}
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.Contains(cells[2], "mirror") {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(cells[3], -1) {
			looked++
			if !strings.Contains(schema.String(), "CREATE TABLE "+m[1]+" ") {
				t.Errorf("ARCHITECTURE.md names the table %s, which does not exist", m[1])
			}
		}
	}
	if looked < 20 {
		t.Errorf("looked at %d names only", looked)
	}
}
