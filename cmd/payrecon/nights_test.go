package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// site is an installation of payrecon whose nights a test can walk through: a folder, a sandbox behind a socket, and one
// clock for both.
type site struct {
	t   *testing.T
	dir string
	box *sandbox.Sandbox
	url string
	now time.Time

	token string
}

func newSite(t *testing.T, o sandbox.Options) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), now: sandbox.DemoNow}
	o.Now = func() time.Time { return s.now }
	box, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(box)
	t.Cleanup(server.Close)
	s.box, s.url, s.token = box, server.URL, sandbox.DemoToken
	s.write("payrecon.yaml", "api: {rate_limit: none}\n")
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// try runs one command and returns its exit code and output.
func (s *site) try(args ...string) (code int, stdout, stderr string) {
	env := map[string]string{envURL: s.url, envToken: s.token}
	var out, words bytes.Buffer
	args = append(args, "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"))
	code = run(s.t.Context(), args, func(k string) string { return env[k] }, &out, &words, func() time.Time { return s.now })
	return code, out.String(), words.String()
}

// do runs one command that must end with the code.
func (s *site) do(want int, args ...string) string {
	s.t.Helper()
	code, out, words := s.try(args...)
	if code != want {
		s.t.Fatalf("payrecon %s: exit %d, want %d\n%s%s", strings.Join(args, " "), code, want, out, words)
	}
	return out
}

// reconciliation returns what the latest run stored.
func (s *site) reconciliation() *payout.Reconciliation {
	s.t.Helper()
	m, err := mirror.OpenReadOnly(s.t.Context(), s.path("payrecon.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer m.Close()
	r, _, err := m.Reconciliation(s.t.Context(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// pay adds a payout of so many days ago.
func (s *site) pay(ref, amount string, status payout.Status, daysAgo int) string {
	s.t.Helper()
	sum, err := money.Parse(amount, "EUR")
	if err != nil {
		s.t.Fatal(err)
	}
	created := payout.MillisOf(s.now.AddDate(0, 0, -daysAgo))
	id, err := s.box.Add(payout.Payout{RefID: ref, Amount: sum, Status: status, Created: created, Updated: created + 60_000})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// ledger writes the ledger: rows of reference, amount, status word, date.
func (s *site) ledger(rows ...string) {
	text := "ref_id,amount,currency,status,date\n"
	for _, r := range rows {
		f := strings.Split(r, " ")
		text += fmt.Sprintf("%s,%s,EUR,%s,%s\n", f[0], f[1], f[2], f[3])
	}
	s.write("ledger.csv", text)
}

// opensAsClosed asserts that the roll-forward of a run begins where that of the run before ended.
func opensAsClosed(t *testing.T, before, r *payout.Reconciliation) {
	t.Helper()
	closed := map[string]payout.RollCount{}
	for _, f := range before.RollForward {
		closed[f.Currency] = f.Closing
	}
	for _, f := range r.RollForward {
		if f.Opening != closed[f.Currency] {
			t.Errorf("run %d: %s opens with %+v, the run before closed with %+v", r.Run, f.Currency, f.Opening, closed[f.Currency])
		}
	}
}

// tiesForward asserts that the roll-forward of a run adds up, in count and value.
func tiesForward(t *testing.T, r *payout.Reconciliation) {
	t.Helper()
	for _, f := range r.RollForward {
		count := f.Opening.Count + f.New.Count + f.Reopened.Count + f.Remeasured.Count - f.Cleared.Count
		units := f.Opening.Units + f.New.Units + f.Reopened.Units + f.Remeasured.Units - f.Cleared.Units
		if count != f.Closing.Count || units != f.Closing.Units {
			t.Errorf("run %d: the roll-forward of %s does not tie: %+v", r.Run, f.Currency, f)
		}
	}
}

// TestManyNights walks items through their lives: new, open, accepted, lapsed, reclassified, carried, cleared, reopened.
func TestManyNights(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	lone := s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.pay("PAID-2", "20.00", payout.Completed, 12)
	moving := s.pay("MOVE-3", "30.00", payout.Processing, 12)
	night := func(want map[string]string, rows ...string) *payout.Reconciliation {
		t.Helper()
		before := &payout.Reconciliation{}
		if _, err := os.Stat(s.path("payrecon.db")); err == nil {
			before = s.reconciliation()
		}
		s.ledger(rows...)
		code, out, words := s.try("run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
		if code != exitDone {
			t.Fatalf("run: exit %d\n%s%s", code, out, words)
		}
		r := s.reconciliation()
		tiesForward(t, r)
		opensAsClosed(t, before, r)
		got := map[string]string{}
		for i := range r.Items {
			it := &r.Items[i]
			got[it.RefID] = it.Outcome.String() + " " + it.State.String()
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("night of %s: items %v, want %v", s.now.Format(time.DateOnly), got, want)
		}
		return r
	}
	paid := "PAID-2 20.00 paid " + day(12)
	move := "MOVE-3 30.00 paid " + day(12)
	last := "EDGE-9 9.00 paid " + day(1)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)

	first := night(map[string]string{"LONE-1": "missing_in_ledger new", "MOVE-3": "stuck new"}, paid, move, last)
	if first.Conclusion != payout.NotReconciled {
		t.Errorf("first night: %s (%s), want %s", first.Conclusion, first.ConclusionWhy, payout.NotReconciled)
	}
	s.now = s.now.AddDate(0, 0, 1)
	night(map[string]string{"LONE-1": "missing_in_ledger open", "MOVE-3": "stuck open"}, paid, move, last)

	// A person accepts both; the conclusion changes, the items stay.
	for i := range s.reconciliation().Items {
		it := &s.reconciliation().Items[i]
		until := map[string]string{"LONE-1": day(-2), "MOVE-3": "2026-12-31"}[it.RefID]
		s.do(exitDone, "breaks", "set", fmt.Sprint(it.ID), "--disposition", "accepted", "--until", until, "--reason", "agreed", "--by", "A. Reviewer")
	}
	r := night(map[string]string{"LONE-1": "missing_in_ledger open", "MOVE-3": "stuck open"}, paid, move, last)
	if r.Conclusion != payout.Explained {
		t.Errorf("after acceptance: %s (%s), want %s", r.Conclusion, r.ConclusionWhy, payout.Explained)
	}
	s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--fail-on", "low")

	// The payout fails: the item changes its outcome, keeps its identity, and loses its disposition; the date of the other's
	// has passed.
	if err := s.box.SetStatus(moving, payout.Failed, "account closed"); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.AddDate(0, 0, 5)
	r = night(map[string]string{"LONE-1": "missing_in_ledger open", "MOVE-3": "status_mismatch open"}, paid, move, last)
	if r.Breaks.Reclassified != 1 {
		t.Errorf("reclassified %d, want 1", r.Breaks.Reclassified)
	}
	lapsed := map[string]string{"LONE-1": "its date has passed", "MOVE-3": "a figure, a status or a record has changed"}
	for i := range r.Items {
		it := &r.Items[i]
		if it.RefID == "MOVE-3" && !strings.Contains(it.Why, "account closed") {
			t.Errorf("MOVE-3 says %q; want the bank's reason", it.Why)
		}
		if out := s.do(exitDone, "breaks", "show", fmt.Sprint(it.ID)); it.Disposition != nil || !strings.Contains(out, "lapsed  accepted  "+lapsed[it.RefID]) {
			t.Errorf("%s has disposition %v; want that it lapsed because %s:\n%s", it.RefID, it.Disposition, lapsed[it.RefID], out)
		}
	}
	s.do(exitBreaks, "reconcile", "--ledger", s.path("ledger.csv"), "--fail-on", "high")

	// An extract that begins later shows nothing of either: they are carried, and still breaks.
	r = night(map[string]string{"LONE-1": "missing_in_ledger carried", "MOVE-3": "status_mismatch carried", "PAID-2": "not_in_extract new"}, last)
	if r.Breaks.Carried != 2 || r.Breaks.Cleared != 0 {
		t.Errorf("carried %d, cleared %d; want 2 and 0", r.Breaks.Carried, r.Breaks.Cleared)
	}
	night(map[string]string{"LONE-1": "missing_in_ledger open", "MOVE-3": "status_mismatch open", "PAID-2": "not_in_extract cleared"}, paid, move, last)

	// The ledger catches up: one is cleared by the ledger's new row, the other by its removal.
	lone1 := "LONE-1 100.00 paid " + day(18)
	r = night(map[string]string{"LONE-1": "missing_in_ledger cleared", "MOVE-3": "status_mismatch cleared"}, paid, last, lone1, "MOVE-3 30.00 failed "+day(18))
	if r.Conclusion != payout.Reconciled || r.Breaks.Cleared != 2 {
		t.Errorf("after the corrections: %s (%s), %d cleared; want %s and 2", r.Conclusion, r.ConclusionWhy, r.Breaks.Cleared, payout.Reconciled)
	}

	// It comes back under its old number.
	r = night(map[string]string{"LONE-1": "missing_in_ledger reopened"}, paid, last, "MOVE-3 30.00 failed "+day(18))
	if r.Items[0].FirstRun != first.Run || r.Items[0].Payouts[0].ID != lone {
		t.Errorf("reopened item is of run %d with payout %s, want run %d, %s", r.Items[0].FirstRun, r.Items[0].Payouts[0].ID, first.Run, lone)
	}

	// Every run can be performed again from what was known then.
	for run := first.Run; run <= r.Run; run++ {
		if code, _, words := s.try("reconcile", "--again", fmt.Sprint(run)); code != exitDone && !strings.Contains(words, "no reconciliation") {
			t.Errorf("reconcile --again %d: exit %d, %s", run, code, words)
		}
	}
}

// TestLookUpFindsWhatTheMirrorLacks: an entry whose payout the mirror does not hold is matched by asking for its reference.
func TestLookUpFindsWhatTheMirrorLacks(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -20)).String()
	s.pay("KNOWN-1", "5.00", payout.Completed, 5)
	s.do(exitDone, "sync", "--from", "2026-03-20", "--to", "2026-03-30")
	s.pay("LATE-2", "7.00", payout.Completed, 20)
	s.ledger("LATE-2 7.00 paid "+day, "GONE-3 8.00 paid "+day)
	ledger := s.path("ledger.csv")

	var offline reconcileJSON
	unmarshal(t, s.tryOut("reconcile", "--ledger", ledger, "--offline", "--no-record", "--json"), &offline)
	if got := countOf(offline, payout.NotFetched); got != 2 {
		t.Errorf("offline: %d entries not_fetched, want 2: %+v", got, offline.Outcomes)
	}
	var online reconcileJSON
	unmarshal(t, s.tryOut("reconcile", "--ledger", ledger, "--json"), &online)
	if m, a := countOf(online, payout.Matched), countOf(online, payout.MissingAtProvider); m != 1 || a != 1 {
		t.Errorf("online: %d matched, %d missing_at_provider; want 1 and 1: %+v", m, a, online.Outcomes)
	}
}

func (s *site) tryOut(args ...string) string {
	_, out, _ := s.try(args...)
	return out
}

func unmarshal(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

// countOf counts the entries of an outcome.
func countOf(r reconcileJSON, o payout.Outcome) (n int64) {
	for _, sum := range r.Outcomes {
		if sum.Outcome == o {
			n += sum.Entries
		}
	}
	return n
}

// TestLookUpDisprovesACompleteDay: what the provider shows by reference, and never showed in a list, takes the proof of its
// day away in the same run.
func TestLookUpDisprovesACompleteDay(t *testing.T) {
	for _, record := range []string{"--no-record=false", "--no-record"} {
		s := newSite(t, sandbox.Options{Payouts: -1})
		s.pay("KNOWN-1", "5.00", payout.Completed, 5)
		s.do(exitDone, "sync", "--from", "2026-03-10", "--to", "2026-03-30")
		s.pay("HIDDEN-2", "7.00", payout.Completed, 8)
		day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
		s.ledger("KNOWN-1 5.00 paid "+day(5), "HIDDEN-2 7.00 paid "+day(8))
		code, out, words := s.try("reconcile", "--ledger", s.path("ledger.csv"), "--from", "2026-03-15", "--to", "2026-03-30", "--json", record)
		var r reconcileJSON
		unmarshal(t, out, &r)
		if code != exitIncomplete || r.Complete || len(r.Gaps) != 1 || r.Gaps[0].String() != day(8) || r.Conclusion != payout.NoConclusion {
			t.Errorf("%s: exit %d, complete %v, gaps %v, %s; want 3 and the day of HIDDEN-2 as a gap\n%s", record, code, r.Complete, r.Gaps, r.Conclusion, words)
		}
		if got := countOf(r, payout.Matched); got != 2 {
			t.Errorf("%s: %d matched, want 2", record, got)
		}
		if record != "--no-record" {
			s.do(exitDone, "reconcile", "--again", "2")
		}
	}
}

// TestWhatTheLookUpShowsIsKept: what the provider shows when it is asked for a reference, be it a new status of a payout
// that the mirror holds or a payout of another sub-member, is in the mirror and in the run, so that the run can be
// performed again.
func TestWhatTheLookUpShowsIsKept(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	id := s.pay("RENT", "100.00", payout.Processing, 2)
	s.pay("KNOWN-1", "9.00", payout.Completed, 3)
	s.do(exitDone, "sync", "--from", "2026-03-20", "--to", "2026-03-31")
	if err := s.box.SetStatus(id, payout.Completed, ""); err != nil {
		t.Fatal(err)
	}
	s.ledger("RENT 100.00 paid "+day(2), "RENT 100.00 paid "+day(30), "KNOWN-1 9.00 paid "+day(3))
	s.tryOut("reconcile", "--ledger", s.path("ledger.csv"))
	if history := s.do(exitDone, "payouts", "history", id); !strings.Contains(history, string(payout.Completed)) {
		t.Errorf("the status that the look-up showed was not kept:\n%s", history)
	}
	s.do(exitDone, "reconcile", "--again", "2")

	s = newSite(t, sandbox.Options{Payouts: -1, OnBehalfOf: []string{"a", "b"}})
	s.write("payrecon.yaml", "api: {rate_limit: none, on_behalf_of: [a, b]}\n")
	payAs := func(of, ref string, units int64, daysAgo int) {
		created := payout.MillisOf(s.now.AddDate(0, 0, -daysAgo))
		if _, err := s.box.Add(payout.Payout{RefID: ref, OnBehalfOf: of, Amount: money.New(units, "EUR"), Status: payout.Completed, Created: created}); err != nil {
			t.Fatal(err)
		}
	}
	payAs("a", "KNOWN-1", 90_000, 3)
	s.do(exitDone, "sync", "--from", "2026-03-29", "--to", "2026-03-31")
	payAs("b", "TWO-2", 500_000, 10)
	s.write("ledger.csv", "ref_id,amount,currency,status,date,on_behalf_of\nKNOWN-1,9.00,EUR,paid,"+day(3)+",a\nTWO-2,40.00,EUR,paid,"+day(10)+",a\n")
	s.tryOut("reconcile", "--ledger", s.path("ledger.csv"))
	if r := s.reconciliation(); r.PayoutsInPeriod != 2 {
		t.Errorf("%d payouts in the run, want 2: one was shown by the look-up and committed", r.PayoutsInPeriod)
	}
	s.do(exitDone, "reconcile", "--again", "2")
}

// TestSameLedgerTwiceIsSaid: an export that did not run looks like a quiet day.
func TestSameLedgerTwiceIsSaid(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("KNOWN-1", "5.00", payout.Completed, 5)
	s.do(exitDone, "sync", "--from", "2026-03-20", "--to", "2026-03-31")
	s.ledger("KNOWN-1 5.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -5)).String())
	for n, args := range [][]string{{}, {}, {"--no-record"}} {
		_, out, words := s.try(append([]string{"reconcile", "--ledger", s.path("ledger.csv"), "--json"}, args...)...)
		var r reconcileJSON
		unmarshal(t, out, &r)
		said := strings.Contains(strings.Join(r.Warnings, "\n"), "byte for byte the file of the last run") && strings.Contains(words, "byte for byte")
		if said != (n > 0) {
			t.Errorf("reconciliation %d %v: warnings %q\n%s", n+1, args, r.Warnings, words)
		}
	}
}
