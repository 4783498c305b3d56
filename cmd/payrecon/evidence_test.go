package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// reconciled runs a night and returns the reconciliation that it printed.
func (s *site) reconciled(want int, args ...string) string {
	s.t.Helper()
	var printed struct {
		Reconcile json.RawMessage `json:"reconcile"`
	}
	unmarshal(s.t, s.do(want, append([]string{"run", "--json", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")}, args...)...), &printed)
	return compact(s.t, string(printed.Reconcile))
}

func (s *site) again(run int64) string {
	s.t.Helper()
	return compact(s.t, s.do(exitDone, "reconcile", "--again", fmt.Sprint(run), "--json"))
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var v any
	unmarshal(t, text, &v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestAgainPrintsTheSame: a run performed again prints what it printed then, whatever the mirror, the items, the clock, the
// configuration and the ledger have come to since.
func TestAgainPrintsTheSame(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := func(ago int) string { return payout.DayOf(s.now.AddDate(0, 0, -ago)).String() }
	lone := s.pay("LONE-1", "100.00", payout.Processing, 12)
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("OLD-0 1.00 paid "+day(20), "EDGE-9 9.00 paid "+day(1))
	printed := map[int64]string{}
	night := func(want int, args ...string) {
		t.Helper()
		out := s.reconciled(want, args...)
		printed[s.reconciliation().Run] = out
	}
	night(exitDone)
	s.do(exitDone, "breaks", "set", "1", "--disposition", "accepted", "--until", day(-1), "--reason", "known", "--by", "A. Reviewer")
	s.do(exitDone, "breaks", "set", "2", "--disposition", "written_off", "--reason", "journal 7", "--by", "A. Reviewer")
	night(exitDone)
	s.now = s.now.AddDate(0, 0, 1)
	s.token = "expired"
	night(exitAuth) // no conclusion, because the sync failed
	s.token = sandbox.DemoToken
	s.now = s.now.AddDate(0, 0, 1) // a disposition lapses, and a payout fails
	if err := s.box.SetStatus(lone, payout.Failed, "account closed"); err != nil {
		t.Fatal(err)
	}
	night(exitDone)
	night(exitDone, "--from", day(10), "--to", day(2))

	s.now = s.now.AddDate(0, 0, 40)
	s.write("payrecon.yaml", "api: {rate_limit: none}\nreconcile: {stuck_after: 1h, materiality: {EUR: \"1.00\"}}\n")
	s.ledger("OTHER-3 5.00 paid " + day(3))
	for run, want := range printed {
		if got := s.again(run); got != want {
			t.Errorf("run %d performed again prints\n%s\nit printed\n%s", run, got, want)
		}
	}
	if len(printed) != 5 {
		t.Errorf("%d runs, want 5", len(printed))
	}
}

// TestAgainNeedsARun: nothing is reconciled anew because the number of a run is none.
func TestAgainNeedsARun(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.do(exitDone, "sync")
	s.ledger("OLD-0 1.00 failed " + payout.DayOf(s.now.AddDate(0, 0, -20)).String())
	for _, run := range []string{"0", "-1"} {
		if code, out, words := s.try("reconcile", "--again", run, "--ledger", s.path("ledger.csv")); code != exitInput || !strings.Contains(words, "--again "+run) {
			t.Errorf("--again %s: exit %d, want %d\n%s%s", run, code, exitInput, out, words)
		}
	}
}

// TestEvidenceThatIsGone: what a run needs is found in the copy or where it lay; when neither serves, both are named.
func TestEvidenceThatIsGone(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	day := payout.DayOf(s.now.AddDate(0, 0, -1)).String()
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + day)
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	copies, err := filepath.Glob(s.path("evidence/*.gz"))
	if err != nil || len(copies) != 1 {
		t.Fatalf("copies %v, %v; want one", copies, err)
	}
	if info, err := os.Stat(copies[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy's mode is %v, %v; want 0600", info.Mode(), err)
	}
	text, err := os.ReadFile(copies[0])
	if err != nil {
		t.Fatal(err)
	}
	ledger, kept := s.path("ledger.csv"), copies[0]
	write := func(path string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	original, err := os.ReadFile(ledger)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(words ...string) {
		t.Helper()
		code, _, said := s.try("reconcile", "--again", "1")
		if code != exitInput {
			t.Errorf("exit %d, want 2: %s", code, said)
		}
		for _, want := range append(words, kept, ledger, "cannot be performed again") {
			if !strings.Contains(said, want) {
				t.Errorf("the refusal does not say %q: %s", want, said)
			}
		}
	}
	write(kept, text[:len(text)-9]) // cut off; the original serves
	s.do(exitDone, "reconcile", "--again", "1")
	write(ledger, append(original, "MORE-1,1.00,EUR,paid,2026-03-30\n"...))
	refused("unexpected EOF", "it is another file now")
	write(kept, []byte("no archive"))
	refused("the copy is damaged")
	write(kept, text)
	s.do(exitDone, "reconcile", "--again", "1")
	for _, path := range []string{kept, ledger} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	refused("there is no such file")
	if left, err := filepath.Glob(s.path(".payrecon-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestEvidenceCommandsWork: what the sheet Evidence says makes a run again does so as it stands there, wherever the mirror and
// the configuration lie.
func TestEvidenceCommandsWork(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.dir = filepath.Join(s.dir, "it's here")
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("payrecon.yaml", "api: {rate_limit: none}\n")
	s.pay("LONE-1", "100.00", payout.Completed, 12)
	s.ledger("OLD-0 1.00 failed " + payout.DayOf(s.now.AddDate(0, 0, -20)).String())
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	s.do(exitDone, "report", "--format", "csv", "--out", s.path("twins"))
	sheet, err := os.ReadFile(s.path("twins/evidence.csv"))
	if err != nil {
		t.Fatal(err)
	}
	_, commands, _ := strings.Cut(string(sheet), "How to make it again")
	lines := strings.Split(strings.TrimSpace(commands), "\n")
	if len(lines) != 2 {
		t.Fatalf("Evidence says: %q", commands)
	}
	quote := "'" + strings.ReplaceAll(s.dir, "'", `'\''`) + "/"
	for i, line := range lines {
		want := []string{"payrecon reconcile --again 1", "payrecon report --run 1 --matched"}[i] + " --config " + quote + "payrecon.yaml' --db " + quote + "payrecon.db'"
		if got := strings.Trim(line, `",`); got != want {
			t.Errorf("Evidence says %s, want %s", got, want)
		}
	}
}

// TestWhereFlags names the mirror and the configuration only where payrecon does not find them by itself.
func TestWhereFlags(t *testing.T) {
	for _, c := range []struct{ path, flag, database, want string }{
		{"", "", "payrecon.db", ""},
		{"payrecon.yaml", "", "payrecon.db", ""},
		{"payrecon.yaml", "payrecon.db", "payrecon.db", " --db payrecon.db"}, // the file may name another
		{"", "", "out/demo.db", " --db out/demo.db"},
		{"etc/eu.yaml", "", "payrecon.db", " --config etc/eu.yaml"},
		{"", "", "my books/$HOME.db", " --db 'my books/$HOME.db'"},
	} {
		cfg := defaultConfig()
		cfg.path, cfg.Database = c.path, c.database
		if got := (&app{dbPath: c.flag, cfg: cfg}).whereFlags(); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestAgainComparesRecords: the same outcome, at the same value, of other records is another item.
func TestAgainComparesRecords(t *testing.T) {
	result := func(change func(f *payout.Finding)) *payout.Reconciliation {
		f := payout.Finding{
			Outcome: payout.AmountMismatch, Exposure: money.New(10_0000, "EUR"),
			Payouts:  []payout.PayoutRef{{ID: "p1", Status: payout.Completed, Amount: money.New(100_0000, "EUR")}},
			Entries:  []payout.Entry{{Line: 2, Ref: "R", Day: 20000, Amount: money.New(90_0000, "EUR"), Status: "paid"}},
			Rejected: []payout.RejectedRow{{Line: 3, Text: "R;1o"}},
		}
		change(&f)
		return &payout.Reconciliation{Run: 7, Items: []payout.Item{{ID: 1, State: payout.ItemOpen, Finding: f}}}
	}
	then := result(func(*payout.Finding) {})
	if err := sameResult(then, result(func(f *payout.Finding) { f.Why = "in better words" })); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name   string
		change func(f *payout.Finding)
	}{
		{"another payout", func(f *payout.Finding) { f.Payouts[0].ID = "p2" }},
		{"a payout more", func(f *payout.Finding) { f.Payouts = append(f.Payouts, payout.PayoutRef{ID: "p2"}) }},
		{"another status", func(f *payout.Finding) { f.Payouts[0].Status = payout.Failed }},
		{"another entry", func(f *payout.Finding) { f.Entries[0].Day++ }},
		{"another row", func(f *payout.Finding) { f.Rejected[0].Text = "R;2o" }},
	} {
		if err := sameResult(then, result(c.change)); err == nil || !strings.Contains(err.Error(), "does not give the stored records of item 1:") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// TestSameSentences: a sentence that names another payout is another result.
func TestSameSentences(t *testing.T) {
	told := func(why string) *payout.Reconciliation {
		return &payout.Reconciliation{Run: 3, Items: []payout.Item{{ID: 7, Finding: payout.Finding{Why: why}}}}
	}
	if err := sameSentences(told("There is payout p1."), told("There is payout p1.")); err != nil {
		t.Error(err)
	}
	err := sameSentences(told("There is payout p1."), told("There is none."))
	if err == nil || !strings.Contains(err.Error(), `item 7, "There is payout p1.": it says "There is none."`) {
		t.Errorf("got %v", err)
	}
}
