package mirror

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payrecon/internal/payout"
)

// openTest opens a new mirror in a folder of its own.
func openTest(t testing.TB) *Mirror {
	t.Helper()
	m, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// TestEmptyFileBecomesPrivate opens a database in a file that somebody has made with touch.
func TestEmptyFileBecomesPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 600", file, info, err)
		}
	}
}

func TestOpenSetsEveryConnection(t *testing.T) {
	m := openTest(t)
	info, err := os.Stat(m.Path())
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode of the database is %o, want 600", got)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "page_size": "8192", "foreign_keys": "1"} {
		var got string
		if err := m.w.Get(&got, "PRAGMA "+pragma); err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, want)
		}
	}
	if _, err := m.read().Exec("INSERT INTO words (word) VALUES ('x')"); err == nil {
		t.Error("the read pool wrote a row, want an error")
	}
}

func TestOpenAgainAndReadOnly(t *testing.T) {
	m := openTest(t)
	if _, err := m.BeginRun(t.Context(), payout.Run{Command: "sync", Started: 1}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), m.Path(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	ro, err := OpenReadOnly(t.Context(), m.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer ro.Close()
	runs, err := ro.Runs(t.Context(), 0)
	if err != nil || len(runs) != 1 || runs[0].Command != "sync" || runs[0].Exit != -1 {
		t.Errorf("Runs() = %+v, %v; want the one run that began", runs, err)
	}
	if _, err := ro.BeginRun(t.Context(), payout.Run{}); err == nil {
		t.Error("BeginRun on a read-only mirror succeeded, want an error")
	}
}

func TestOpenRefuses(t *testing.T) {
	foreign := func(t *testing.T, path string) {
		db, err := openPool(path, false)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("CREATE TABLE other (x)"); err != nil {
			t.Fatal(err)
		}
	}
	newer := func(t *testing.T, path string) {
		m, err := Open(context.Background(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if _, err := m.w.Exec("PRAGMA user_version = 1000"); err != nil {
			t.Fatal(err)
		}
	}
	text := func(t *testing.T, path string) {
		if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := func(t *testing.T, path string) {
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		prepare func(*testing.T, string)
		want    string
	}{
		{"another program's database", foreign, "not a payrecon database"},
		{"a newer version", newer, "schema version 1000"},
		{"no database at all", text, "cannot be opened"},
		{"a folder", folder, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c.prepare(t, path)
			_, err := Open(t.Context(), path, Options{})
			if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Open: %v, want an input error with %q", err, c.want)
			}
			_, err = OpenReadOnly(t.Context(), path)
			if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), c.want) {
				t.Errorf("OpenReadOnly: %v, want an input error with %q", err, c.want)
			}
		})
	}
	_, err := OpenReadOnly(t.Context(), filepath.Join(t.TempDir(), "missing.db"))
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "run payrecon sync") {
		t.Errorf("OpenReadOnly of nothing: %v, want an input error that says what to run", err)
	}
}

func TestMigrationKeepsACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	m, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	// A file of ours of version 0 cannot exist; an empty one that says it is ours migrates like an older one would.
	var tables []string
	if err := m.w.Select(&tables, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"); err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if _, err := m.w.Exec("DROP TABLE " + table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.w.Exec("PRAGMA user_version = 0"); err != nil {
		t.Fatal(err)
	}
	m.Close()
	if m, err = Open(t.Context(), path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	info, err := os.Stat(path + ".before-v1")
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() == 0 {
		t.Errorf("copy has mode %o and %d bytes, want 600 and some", info.Mode().Perm(), info.Size())
	}
}

func TestBind(t *testing.T) {
	m := openTest(t)
	if err := m.Bind(t.Context(), "https://a.example"); err != nil {
		t.Fatal(err)
	}
	if err := m.Bind(t.Context(), "https://a.example"); err != nil {
		t.Errorf("the same API again: %v", err)
	}
	err := m.Bind(t.Context(), "https://b.example")
	if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "https://a.example") {
		t.Errorf("another API: %v, want an input error that names the first", err)
	}
}
