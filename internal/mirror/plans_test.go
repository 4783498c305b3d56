package mirror

import (
	"regexp"
	"strings"
	"testing"
)

// whole is a step that reads a whole large table, or a whole index of one. The partial indexes are small.
var (
	whole   = regexp.MustCompile(`SCAN (payouts|payout_versions|payout_past|payout_ids|payout_also|p|v|i|a)\b`)
	partial = regexp.MustCompile(`payouts_open|payouts_slow`)
)

// TestPlansUseIndexes asks SQLite how it would run every query that touches a large table: none may read all of it.
func TestPlansUseIndexes(t *testing.T) {
	m := openTest(t)
	for page := range 3 {
		commitPage(t, m, "", 1, benchPage(page)...)
	}
	for name, query := range map[string]string{
		"open payouts":        selectOpen,
		"late finals":         selectLateFinals,
		"history":             selectHistory,
		"payouts of a day":    selectDayHeld,
		"candidates of ids":   selectCandidates + placeholders(lookUp) + ")",
		"rows that stand":     selectStanding + placeholders(lookUp) + ")",
		"numbers by index":    selectIndexed + placeholders(3) + ") AND p.id IN (" + placeholders(3) + ")",
		"numbers in the tail": selectTail + placeholders(3) + ")",
		"older facts":         selectKept,
		"vanished":            selectVanished,
		"past of a payout":    insertPast,
		"also shown":          selectAlso,
		"sequence":            "SELECT ifnull(max(seq), 0) FROM payout_versions",
		"update":              updatePayout,
	} {
		var plan []struct {
			ID     int    `db:"id"`
			Parent int    `db:"parent"`
			Unused int    `db:"notused"`
			Detail string `db:"detail"`
		}
		args := make([]any, strings.Count(query, "?"))
		for i := range args {
			args[i] = 1
		}
		if err := m.read().SelectContext(t.Context(), &plan, "EXPLAIN QUERY PLAN "+query, args...); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, step := range plan {
			// vanished is a small table
			ofVanished := name == "vanished" && strings.HasPrefix(step.Detail, "SCAN v") || name == "late finals" && step.Detail == "SCAN g"
			if whole.MatchString(step.Detail) && !partial.MatchString(step.Detail) && !ofVanished {
				t.Errorf("%s: %q reads a whole table", name, step.Detail)
			}
			if strings.Contains(step.Detail, "AUTOMATIC") {
				t.Errorf("%s: %q builds an index each time", name, step.Detail)
			}
		}
	}
}
