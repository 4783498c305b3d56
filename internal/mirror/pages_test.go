package mirror

import (
	"crypto/md5"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

const testDay = payout.Millis(1_770_000_000_000)

// shownAs is a payout as an answer shows it.
func shownAs(id string, status payout.Status, updated payout.Millis) payout.Payout {
	p := payout.Payout{
		ID: id, MemberID: "m:1", Created: testDay, Updated: updated, Status: status, RefID: "ref-" + id, Amount: money.New(10000, "EUR"),
		Raw: fmt.Appendf(nil, `{"id":%q,"status":%q,"updated":%d}`, id, status, updated),
	}
	p.Hash = md5.Sum(p.Raw)
	return p
}

// commitPage writes payouts shown to a pass at an instant.
func commitPage(t *testing.T, m *Mirror, pass string, asked payout.Millis, rows ...payout.Payout) payout.PageResult {
	t.Helper()
	r, err := m.CommitPage(t.Context(), &payout.PageCommit{Run: 1, OnBehalfOf: pass, Payouts: rows, Asked: asked})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// view lists the current view as "id status onBehalfOf seq".
func view(t *testing.T, m *Mirror, query string, args ...any) []string {
	t.Helper()
	got := []string{}
	if err := m.read().SelectContext(t.Context(), &got, query, args...); err != nil {
		t.Fatal(err)
	}
	return got
}

const viewNow = `SELECT p.id || ' ' || s.word || ' ' || o.word || ' ' || p.seq FROM payouts p JOIN words s ON s.n = p.status
	JOIN words o ON o.n = p.on_behalf_of ORDER BY p.id`

const viewThen = `SELECT p.id || ' ' || s.word || ' ' || o.word || ' ' || p.seq FROM (
		SELECT id, status, on_behalf_of, seq FROM payouts WHERE seq <= ?1
		UNION ALL SELECT id, status, on_behalf_of, seq FROM payout_past WHERE until > ?1 AND seq <= ?1
	) p JOIN words s ON s.n = p.status JOIN words o ON o.n = p.on_behalf_of ORDER BY p.id`

func TestOrderOfFacts(t *testing.T) {
	m := openTest(t)
	steps := []struct {
		name    string
		updated payout.Millis
		asked   payout.Millis
		status  payout.Status
		want    payout.Status // of the current view
		counts  payout.PageResult
	}{
		{"first", 100, 1, payout.Pending, payout.Pending, payout.PageResult{New: 1}},
		{"the same again", 100, 2, payout.Pending, payout.Pending, payout.PageResult{Unchanged: 1}},
		{"newer", 200, 3, payout.Processing, payout.Processing, payout.PageResult{Changed: 1}},
		{"an older fact that came late", 150, 4, payout.Pending, payout.Processing, payout.PageResult{Unchanged: 1, Alerts: []string{
			"payout po:1: the API now shows INITIATION_PENDING, updated at 1970-01-01T00:00:00.15Z, but INITIATION_PROCESSING, " +
				"updated at 1970-01-01T00:00:00.2Z, was shown before and stands because it is dated later: ask the provider",
		}}},
		{"the late fact again", 150, 5, payout.Pending, payout.Processing, payout.PageResult{Unchanged: 1}},
		{"equally old, asked later", 200, 6, payout.Completed, payout.Completed, payout.PageResult{Changed: 1}},
		{"equally old, asked earlier", 200, 5, payout.Pending, payout.Completed, payout.PageResult{Unchanged: 1}},
	}
	for _, s := range steps {
		r := commitPage(t, m, "", s.asked, shownAs("po:1", s.status, s.updated))
		if d := cmp.Diff(s.counts, r); d != "" {
			t.Errorf("%s: counts (-want +got)\n%s", s.name, d)
		}
		if got := view(t, m, "SELECT s.word FROM payouts p JOIN words s ON s.n = p.status"); len(got) != 1 || got[0] != string(s.want) {
			t.Errorf("%s: current view is %q, want %s", s.name, got, s.want)
		}
	}
	versions, err := m.History(t.Context(), "po:1")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range versions {
		got = append(got, fmt.Sprintf("%d %v %s %d", v.Seq, v.Applied, v.Status, v.Asked))
	}
	want := []string{
		"1 true INITIATION_PENDING 1", "2 true INITIATION_PROCESSING 3", "3 false INITIATION_PENDING 4",
		"4 true INITIATION_COMPLETED 6", "5 false INITIATION_PENDING 5",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("history (-want +got)\n%s", d)
	}
}

// TestViewAsOfSequence compares every earlier view with the one that was there.
func TestViewAsOfSequence(t *testing.T) {
	m := openTest(t)
	views := map[int64][]string{}
	for i, rows := range [][]payout.Payout{
		{shownAs("po:1", payout.Pending, 100), shownAs("po:2", payout.Completed, 100)},
		{shownAs("po:1", payout.Processing, 200), shownAs("po:3", payout.Pending, 150)},
		{shownAs("po:1", payout.Pending, 120)}, // late
		{shownAs("po:3", payout.Failed, 300), shownAs("po:1", payout.Completed, 300)},
		{shownAs("po:4", payout.Pending, 300), shownAs("po:4", payout.Failed, 400)}, // twice in one page
	} {
		commitPage(t, m, "", payout.Millis(i+1), rows...)
		seq, err := m.Sequence(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		views[seq] = view(t, m, viewNow)
	}
	if len(views) != 5 {
		t.Fatalf("%d views, want 5", len(views))
	}
	for seq, want := range views {
		if d := cmp.Diff(want, view(t, m, viewThen, seq)); d != "" {
			t.Errorf("view as of %d (-want +got)\n%s", seq, d)
		}
	}
}

func TestOnBehalfOf(t *testing.T) {
	m := openTest(t)
	commitPage(t, m, "", 1, shownAs("po:1", payout.Pending, 100))
	first := view(t, m, viewNow)
	commitPage(t, m, "sub-1", 2, shownAs("po:1", payout.Pending, 100)) // the asked-for one wins over plain
	commitPage(t, m, "", 3, shownAs("po:1", payout.Pending, 100))
	commitPage(t, m, "sub-2", 4, shownAs("po:1", payout.Pending, 100)) // the first asked-for one stays
	if d := cmp.Diff([]string{"po:1 INITIATION_PENDING sub-1 2"}, view(t, m, viewNow)); d != "" {
		t.Errorf("current view (-want +got)\n%s", d)
	}
	if d := cmp.Diff(first, view(t, m, viewThen, 1)); d != "" {
		t.Errorf("view as of the first version (-want +got)\n%s", d)
	}
	for _, pass := range []string{"", "sub-1", "sub-2"} {
		ids, err := m.DayIDs(t.Context(), pass, testDay.Day())
		if err != nil || len(ids) != 1 {
			t.Errorf("payouts shown to %q: %q, %v; want the one", pass, ids, err)
		}
		records, err := m.DayRecords(t.Context(), pass, payout.Period{From: testDay.Day(), To: testDay.Day()})
		if err != nil || records[0].Known != 1 {
			t.Errorf("known to %q: %+v, %v; want 1", pass, records, err)
		}
	}
}

func TestCreatedNeverChanges(t *testing.T) {
	m := openTest(t)
	commitPage(t, m, "", 1, shownAs("po:1", payout.Pending, 100))
	other := shownAs("po:1", payout.Completed, 200)
	other.Created += 1000
	r := commitPage(t, m, "", 2, other)
	if len(r.Alerts) != 1 || !strings.Contains(r.Alerts[0], "po:1") {
		t.Errorf("alerts are %q, want one that names the payout", r.Alerts)
	}
	if r = commitPage(t, m, "", 3, other); len(r.Alerts) != 0 {
		t.Errorf("the same again: alerts are %q, want none", r.Alerts)
	}
	if got := view(t, m, "SELECT CAST(created AS TEXT) FROM payouts"); len(got) != 1 || got[0] != fmt.Sprint(int64(testDay)) {
		t.Errorf("created is %q, want the first one, once", got)
	}
}

// TestUndatedFactsGoByTheRequest shows a payout without a date of its update after it was shown with one.
func TestUndatedFactsGoByTheRequest(t *testing.T) {
	for _, c := range []struct {
		undated bool
		asked   payout.Millis
		want    payout.Status
	}{
		{true, 2, payout.Failed},
		{true, 0, payout.Completed},
		{false, 2, payout.Completed}, // the update is dated, and at the creation
		{false, 0, payout.Completed},
	} {
		m := openTest(t)
		commitPage(t, m, "", 1, shownAs("po:1", payout.Completed, testDay+500))
		p := shownAs("po:1", payout.Failed, testDay)
		p.Undated = c.undated
		commitPage(t, m, "", c.asked, p)
		if got := view(t, m, "SELECT s.word FROM payouts p JOIN words s ON s.n = p.status"); got[0] != string(c.want) {
			t.Errorf("%+v: %q stands", c, got)
		}
		commitPage(t, m, "", 3, shownAs("po:1", payout.Pending, testDay+400))
		if got := view(t, m, "SELECT s.word FROM payouts p JOIN words s ON s.n = p.status"); got[0] != string(c.want) {
			t.Errorf("%+v, then a dated fact older than the first: %q stands", c, got)
		}
	}
}

// TestLaterRunsAskLater shows a payout after another run had shown it by a clock that was ahead. What the API dates alike goes by
// the request, and that of a later run is later, whatever the clock said; what it dates earlier then contradicts.
func TestLaterRunsAskLater(t *testing.T) {
	for _, c := range []struct {
		name    string
		run     int64
		asked   payout.Millis
		updated payout.Millis
		want    payout.Status
		alerts  int
	}{
		{"a later run, by a right clock", 3, 20, 100, payout.Completed, 0},
		{"the same run, asked earlier", 2, 20, 100, payout.Processing, 0},
		{"a backfill that gave way, asked earlier", 1, 20, 100, payout.Processing, 0},
		{"a backfill that gave way, asked later", 1, 60, 100, payout.Completed, 0},
		{"a later run, dated earlier", 3, 20, 90, payout.Processing, 1},
		{"the same run, dated earlier", 2, 20, 90, payout.Processing, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openTest(t)
			show := func(run int64, asked payout.Millis, p payout.Payout) payout.PageResult {
				t.Helper()
				r, err := m.CommitPage(t.Context(), &payout.PageCommit{Run: run, Payouts: []payout.Payout{p}, Asked: asked, Detail: true})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			show(1, 10, shownAs("po:1", payout.Pending, 80))
			show(2, 50, shownAs("po:1", payout.Processing, 100))
			r := show(c.run, c.asked, shownAs("po:1", payout.Completed, c.updated))
			if got := view(t, m, "SELECT s.word FROM payouts p JOIN words s ON s.n = p.status"); got[0] != string(c.want) {
				t.Errorf("%s stands, want %s", got[0], c.want)
			}
			if differs := c.want == payout.Completed || c.alerts > 0; len(r.Alerts) != c.alerts || differs != (len(r.ChangedIDs) == 1) {
				t.Errorf("alerts %q, changed %q; want %d alerts, changed: %v", r.Alerts, r.ChangedIDs, c.alerts, differs)
			}
		})
	}
}

func TestVersionsAreAppendOnly(t *testing.T) {
	m := openTest(t)
	commitPage(t, m, "", 1, shownAs("po:1", payout.Pending, 100))
	for _, statement := range []string{"DELETE FROM payout_versions", "UPDATE payout_versions SET asked = 0"} {
		if _, err := m.w.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v, want a refusal", statement, err)
		}
	}
}

// TestTailJoinsTheIndex writes more payouts than the tail may hold, over several openings of the file.
func TestTailJoinsTheIndex(t *testing.T) {
	m := openTest(t)
	pages := minTail/payout.MaxLimit + 3
	for page := range pages {
		if page == pages/2 { // another process has written: what the writer remembers is out of date
			m.writer.loaded = false
		}
		commitPage(t, m, "", 1, benchPage(page)...)
	}
	indexed := view(t, m, "SELECT CAST(count(*) AS TEXT) FROM payout_ids")
	if indexed[0] == "0" || indexed[0] == fmt.Sprint(pages*payout.MaxLimit) {
		t.Errorf("%s ids are in the index, want most but not all of %d", indexed[0], pages*payout.MaxLimit)
	}
	var ids []string
	for page := range pages {
		rows := benchPage(page)
		ids = append(ids, rows[7].ID)
		if r := commitPage(t, m, "", 2, rows...); r.Unchanged != len(rows) {
			t.Fatalf("page %d again: %+v, want %d unchanged", page, r, len(rows))
		}
	}
	found, err := numbersOf(t.Context(), m.read(), append(ids, "po:none"))
	if err != nil || len(found) != len(ids) {
		t.Errorf("found %d of %d ids, %v", len(found), len(ids), err)
	}
}

func TestOneBadPageDoesNotSpoilTheOthers(t *testing.T) {
	m := openTest(t)
	commitPage(t, m, "", 1, shownAs("po:0", payout.Pending, 1))
	if err := m.BindMembers(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	bad := shownAs("po:2", payout.Pending, 1)
	bad.MemberID = "m:other"
	batch := []*waitingPage{
		{c: &payout.PageCommit{Run: 2, Payouts: []payout.Payout{shownAs("po:1", payout.Pending, 1)}}},
		{c: &payout.PageCommit{Run: 2, Payouts: []payout.Payout{bad}}},
		{c: &payout.PageCommit{Run: 2, Payouts: []payout.Payout{shownAs("po:3", payout.Pending, 1)}}},
	}
	m.commitTogether(t.Context(), batch)
	if batch[0].err != nil || batch[2].err != nil || payout.KindOf(batch[1].err) != payout.KindInput {
		t.Errorf("errors are %v, %v, %v; want none, an input error, none", batch[0].err, batch[1].err, batch[2].err)
	}
	want := []string{"po:0 INITIATION_PENDING  1", "po:1 INITIATION_PENDING  2", "po:3 INITIATION_PENDING  3"}
	if d := cmp.Diff(want, view(t, m, viewNow)); d != "" {
		t.Errorf("current view (-want +got)\n%s", d)
	}
}
