package mirror

import (
	"slices"
	"strings"
	"testing"
)

// plan returns how SQLite would run the query, one step a line.
func plan(t *testing.T, m *Mirror, query string, args ...any) string {
	t.Helper()
	rows, err := m.read().Query("EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, "\n")
}

// Queries that run on large tables find their rows by an index or by key: nothing scans the versions, ever, nor payouts where
// few are wanted.
func TestQueriesUseIndexes(t *testing.T) {
	m := openTest(t)
	for _, c := range []struct {
		name, query string
		args        []any
		scans       string // the one table that may be scanned
	}{
		{"in flight", selectInFlight, []any{1}, ""},
		{"changes", selectChanges, []any{2, 1, 0}, ""},
		{"few failures", selectFailures(false), []any{1, 0, 1, "a", "b"}, ""},
		{"many failures", selectFailures(true), []any{1, 0, 1, "a", "b"}, "payouts"},
		{"few moved", moved(false), []any{1, 2, 1, -1}, ""},
		{"many moved", moved(true), []any{1, 2, 1, -1}, "payouts"},
		{"exported payouts", selectExportedPayouts, []any{1}, "payouts USING INDEX payouts_created"},
		{"exported versions", selectExportedVersions, []any{1}, ""},
		{"details", `SELECT * FROM (` + viewAt(`payouts`, `n IN (?2, ?3)`) + `) AS p JOIN payout_versions AS v ON v.seq = p.seq`, []any{1, 2, 3}, ""},
		{"details of versions", selectVersions, slices.Repeat([]any{1}, versionsAtOnce), ""},
		{"view before", `SELECT * FROM payout_past WHERE n > ? AND n <= ? AND until > ? AND seq <= ?`, []any{1, 2, 3, 3}, ""},
		{"items", selectItems, []any{1}, ""},
		{"events of an item", `SELECT * FROM item_events WHERE item = ? ORDER BY sequence`, []any{1}, ""},
		{"events of a run", `SELECT * FROM item_events WHERE run = ? ORDER BY sequence`, []any{1}, ""},
		{"moved after a run", selectMoved, []any{1}, ""},
		{"totals", `SELECT * FROM totals WHERE run = ? ORDER BY position`, []any{1}, ""},
		{"parts", selectPart, []any{1, "items", 0}, ""},
		{"last job", `SELECT * FROM job_runs WHERE job = ? ORDER BY due_day DESC, started DESC LIMIT 1`, []any{"nightly"}, ""},
	} {
		steps := plan(t, m, c.query, c.args...)
		for step := range strings.SplitSeq(steps, "\n") {
			table, isScan := strings.CutPrefix(step, "SCAN ")
			if isScan && table != c.scans && table != "p" && table != "payouts USING INDEX payouts_open" { // p: what was found before
				t.Errorf("%s scans %s:\n%s", c.name, table, steps)
			}
		}
	}
}
