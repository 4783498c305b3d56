package mirror

import (
	"strings"
	"testing"

	"payrecon/internal/payout"
)

// TestFullDiskSaysWhatToDo lets the file grow no more: the page is refused whole, in words, and written once there is room.
func TestFullDiskSaysWhatToDo(t *testing.T) {
	m := openTest(t)
	var pages int
	if err := m.w.Get(&pages, "PRAGMA max_page_count = 1"); err != nil { // it takes the present size
		t.Fatal(err)
	}
	w := &payout.Walk{Task: "backfill", Days: payout.Period{From: 19000, To: 19000}}
	c := &payout.PageCommit{Run: 1, Payouts: benchPage(0), Asked: 1, Walk: w, Next: "next"}
	_, err := m.CommitPage(t.Context(), c)
	if err == nil {
		t.Fatal("a page was written to a full disk")
	}
	for _, want := range []string{m.Path(), "full", "make room", "the same command goes on"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "no transaction") {
		t.Errorf("error %q speaks of SQLite's own undoing", err)
	}
	if n, err := m.Sequence(t.Context()); n != 0 || w.ID != 0 || err != nil {
		t.Errorf("after the refusal: sequence %d, walk %d, %v; want nothing written", n, w.ID, err)
	}
	if _, err := m.w.Exec("PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if got, err := m.CommitPage(t.Context(), c); err != nil || got.New != payout.MaxLimit {
		t.Errorf("with room again: %+v, %v; want the page written", got, err)
	}
}
