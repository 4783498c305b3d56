package mirror

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// schemaOf returns what a database consists of, in SQL, by name.
func schemaOf(t *testing.T, m *Mirror) map[string]string {
	t.Helper()
	rows, err := m.read().Query(`SELECT name, ifnull(sql, '') FROM sqlite_schema ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	schema := map[string]string{}
	for rows.Next() {
		var name, sql string
		if err := rows.Scan(&name, &sql); err != nil {
			t.Fatal(err)
		}
		schema[name] = sql
	}
	return schema
}

// Every schema that was ever written opens, keeps a copy, has what it had, and is the same afterwards as a new database. A
// migration that was released is never edited: its schema stands in testdata.
func TestOlderSchemasOpen(t *testing.T) {
	names, err := migrationNames()
	if err != nil {
		t.Fatal(err)
	}
	fresh := schemaOf(t, openTest(t))
	for version := 1; version < len(names); version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			text, err := os.ReadFile(fmt.Sprintf("testdata/schema-%d.sql", version))
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "old.db")
			old, err := openPool(path, false)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := old.Exec(string(text)); err != nil {
				t.Fatal(err)
			}
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenReadOnly(t.Context(), path); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "schema version") {
				t.Errorf("opening an older schema for reading = %v, want it refused: reading never migrates", err)
			}
			m, err := Open(t.Context(), path, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			if copies, _ := filepath.Glob(path + ".before-*"); len(copies) != 1 {
				t.Errorf("copies kept: %v, want one", copies)
			}
			if got := schemaOf(t, m); !maps.Equal(got, fresh) {
				equal(t, "schema", got, fresh)
			}
			checkOlder(t, m)
		})
	}
}

// checkOlder looks for what the older database held, and writes what is new.
func checkOlder(t *testing.T, m *Mirror) {
	t.Helper()
	for seq, status := range map[int64]payout.Status{2: payout.Pending, 3: payout.Completed, 0: payout.Completed} {
		view := readBlocks(t, m, seq)
		if len(view) != 2 || view["po:1"].Status != status || view["po:1"].Units != 102_300 {
			t.Errorf("view as of %d: %+v", seq, view)
		}
	}
	if err := m.SumDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	day := payout.Millis(1_790_000_000_000).Day()
	sums, err := m.Sums(t.Context(), 2, payout.Period{From: day, To: day})
	if err != nil || !slices.Equal(sums, []payout.Sum{{Currency: "EUR", Status: payout.Pending, Count: 2, Units: 152_300}}) {
		t.Errorf("Sums = %+v, %v", sums, err)
	}
	if err := m.Integrity(t.Context()); err != nil {
		t.Error(err)
	}
	r := sampleReconciliation(beginRun(t, m), 1, 1)
	if err := m.SaveReconciliation(t.Context(), r, nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	refs, err := m.Details(t.Context(), 0, []string{"po:1"})
	if err != nil || refs[0].Payee != "Example GmbH" || refs[0].Amount != money.New(102_300, "EUR") {
		t.Errorf("Details = %+v, %v", refs, err)
	}
}
