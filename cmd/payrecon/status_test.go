package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// without runs one command in a network in which nobody answers, and returns its exit code. A fake clock makes the repeated
// tries cost nothing.
func (s *site) without(args ...string) (code int) {
	s.t.Helper()
	synctest.Test(s.t, func(t *testing.T) {
		env := map[string]string{envURL: s.url, envToken: s.token}
		var out, words bytes.Buffer
		a := &app{getenv: func(k string) string { return env[k] }, stdout: &out, stderr: &words, clock: func() time.Time { return s.now }, transport: nobody{}}
		root := a.rootCommand()
		root.SetArgs(append(args, "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db")))
		code = a.finish(t.Context(), root.ExecuteContext(t.Context()))
	})
	return code
}

// status returns what status --json says.
func (s *site) status() (st mirrorStatus) {
	s.t.Helper()
	unmarshal(s.t, s.do(exitDone, "status", "--json"), &st)
	return st
}

// TestFreshIsAWholeNight: the mirror is as fresh as the last nightly sync that came to its end, whatever became of its run,
// and whatever ran since.
func TestFreshIsAWholeNight(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	run := func(more ...string) []string {
		return append([]string{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")}, more...)
	}
	var last payout.Millis
	fresh := func(after string) {
		t.Helper()
		if got := s.status().Fresh; got != last {
			t.Errorf("after %s: fresh is %q, want %q", after, got, last)
		}
		if text := s.do(exitDone, "status"); strings.Contains(text, noNight) != (last == 0) {
			t.Errorf("after %s: fresh is %q\n%s", after, last, text)
		}
	}
	days := []string{"--from", "2026-03-20", "--to", "2026-03-25"}
	s.do(exitDone, append([]string{"sync"}, days...)...)
	fresh("a sync of given days")
	s.do(exitDone, append([]string{"sync", "verify"}, days...)...)
	fresh("a verification")
	if code := s.without(run()...); code != exitIncomplete {
		t.Fatalf("a night without the API: exit %d, want %d", code, exitIncomplete)
	}
	fresh("a night without the API")

	last = payout.MillisOf(s.now)
	s.do(exitInput, "run", "--ledger", s.path("none.csv"), "--out", s.path("book.xlsx"))
	fresh("a night without a ledger")
	s.now = s.now.AddDate(0, 0, 1)
	if code := s.without(run()...); code != exitIncomplete {
		t.Fatalf("a night without the API: exit %d, want %d", code, exitIncomplete)
	}
	fresh("a later night without the API")
	for range 11 {
		s.do(exitDone, append([]string{"sync"}, days...)...)
	}
	fresh("many other runs")
	last = payout.MillisOf(s.now)
	s.now = s.now.Add(3 * time.Hour)
	s.do(exitDone, "sync")
	fresh("a sync that went on with the night three hours later")
	last = payout.MillisOf(s.now)
	s.do(exitDone, "sync")
	fresh("a sync")
}

// TestStatusTellsWhereNightsBegin: gaps before the first day of nightly runs can be told from the others, also by a program.
func TestStatusTellsWhereNightsBegin(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.do(exitDone, "sync", "--from", "2026-03-20", "--to", "2026-03-25")
	if out := s.do(exitDone, "status", "--json"); !strings.Contains(out, `"start": ""`) {
		t.Errorf("before the first night, start is not empty:\n%s", out)
	}
	s.do(exitDone, "sync")
	first := payout.DayOf(s.now) - 45
	st := s.status()
	if st.Start != first || len(st.Gaps) == 0 || st.Gaps[len(st.Gaps)-1] >= first {
		t.Errorf("start %s, gaps %v; want %s, and gaps before it only", st.Start, st.Gaps, first)
	}
}

// TestVanishedAreShown: payouts that the API does not show any more are in status, and in their histories.
func TestVanishedAreShown(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	var ids []string
	for i := range 7 {
		ids = append(ids, s.pay(fmt.Sprintf("GONE-%d", i), "1.00", payout.Processing, 30-i))
	}
	s.do(exitDone, "sync")
	const note = "not shown by the API any more"
	if text := s.do(exitDone, "status") + s.do(exitDone, "payouts", "history", ids[0]); strings.Contains(text, note) {
		t.Errorf("nothing has vanished:\n%s", text)
	}
	for _, id := range ids {
		if err := s.box.Hide(id); err != nil {
			t.Fatal(err)
		}
	}
	s.now = s.now.Add(time.Hour)
	s.do(exitDone, "sync")
	text := s.do(exitDone, "status")
	for _, want := range []string{"7 payouts in the mirror, " + note, ids[0], ids[4], "found out by run 2 at ", "and 2 more"} {
		if !strings.Contains(text, want) {
			t.Errorf("status does not say %q:\n%s", want, text)
		}
	}
	if st := s.status(); len(st.Vanished) != len(ids) || st.Vanished[6].ID != ids[6] || st.Vanished[6].Run != 2 {
		t.Errorf("status --json: vanished %+v, want all seven", st.Vanished)
	}
	if text := s.do(exitDone, "payouts", "history", ids[6]); !strings.Contains(text, "Vanished: "+note+", found out by run 2 at ") {
		t.Errorf("the history of %s does not say that it vanished:\n%s", ids[6], text)
	}
	var history struct{ Vanished *mirror.Vanishing }
	unmarshal(t, s.do(exitDone, "payouts", "history", ids[6], "--json"), &history)
	if history.Vanished == nil || history.Vanished.Run != 2 {
		t.Errorf("the history of %s in JSON: vanished %+v, want run 2", ids[6], history.Vanished)
	}
	day := func(daysAgo int) string { return payout.MillisOf(s.now.AddDate(0, 0, -daysAgo)).Day().String() }
	s.ledger("GONE-0 1.00 pending " + day(30))
	said := s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--json")
	for _, want := range []string{"7 payouts of the period, which the API does not show any more", ids[0], "and 2 more"} {
		if !strings.Contains(said, want) {
			t.Errorf("a reconciliation does not warn of %q:\n%s", want, said)
		}
	}
	if said := s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"), "--json", "--from", day(29), "--to", day(29)); !strings.Contains(said, "1 payout of the period") {
		t.Errorf("a reconciliation of one day does not warn of its payout alone:\n%s", said)
	}
}

// TestStatusSaysHowManyAlertsItLeavesOut: the text names the latest, and no alert is dropped without a word.
func TestStatusSaysHowManyAlertsItLeavesOut(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.do(exitDone, "sync")
	db, err := sql.Open("sqlite", s.path("payrecon.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range 12 {
		if _, err := db.Exec("INSERT INTO alerts (run, at, text) VALUES (1, 0, ?)", fmt.Sprintf("alert %02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	text := s.do(exitDone, "status")
	if strings.Contains(text, "alert 01") || !strings.Contains(text, "alert 02") || !strings.Contains(text, "and 2 earlier alerts: ") {
		t.Errorf("status names other alerts than the latest ten, or does not count the rest:\n%s", text)
	}
	if st := s.status(); len(st.Alerts) != 12 {
		t.Errorf("status --json has %d alerts, want all 12", len(st.Alerts))
	}
	if _, doctor, _ := s.try("doctor"); !strings.Contains(doctor, "12 alerts on record") {
		t.Errorf("doctor counts other alerts:\n%s", doctor)
	}
}
