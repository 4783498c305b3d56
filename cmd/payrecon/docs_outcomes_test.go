package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// section is one part of docs/outcomes.md that ends in a code: its words, its example, and what the program says of it.
type section struct {
	words, code, severity string
	payouts               []payout.Payout
	ledger                []string // rows of the ledger file
	ref                   string   // the last row's
	quote                 string   // the line after "> "
	quoteLine             int
}

// sectionsOf reads the examples of a Markdown text: headings such as "### Words (`code`)", tables of records, quotes.
func sectionsOf(t *testing.T, lines []string) (sections []section) {
	t.Helper()
	for n, line := range lines {
		if words, code, ok := strings.Cut(strings.TrimLeft(line, "# "), " (`"); ok && strings.HasPrefix(line, "###") {
			sections = append(sections, section{words: words, code: strings.TrimSuffix(code, "`)")})
			continue
		}
		if len(sections) == 0 {
			continue
		}
		s := &sections[len(sections)-1]
		switch {
		case strings.HasPrefix(line, "Severity: "):
			s.severity = line
		case strings.HasPrefix(line, "> "):
			s.quote, s.quoteLine = strings.TrimPrefix(line, "> "), n
		case strings.HasPrefix(line, "| payout ") || strings.HasPrefix(line, "| ledger "):
			s.record(t, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return sections
}

// record reads one row of an example: side, reference, amount, currency, day, status.
func (s *section) record(t *testing.T, f []string) {
	t.Helper()
	if len(f) != 6 {
		t.Fatalf("%s: row %q", s.code, f)
	}
	s.ref = f[1]
	id, isPayout := strings.CutPrefix(f[0], "payout ")
	if !isPayout {
		s.ledger = append(s.ledger, strings.Join(f[1:], ","))
		return
	}
	sum, err := money.Parse(f[2], f[3])
	if err != nil {
		t.Fatal(err)
	}
	day, err := payout.ParseDay(f[4])
	if err != nil {
		t.Fatal(err)
	}
	created := payout.MillisOf(day.Start().Add(12 * time.Hour))
	s.payouts = append(s.payouts, payout.Payout{ID: id, RefID: f[1], Amount: sum, Status: payout.Status(f[5]), Created: created})
}

// stage puts examples into a new site: payouts into its sandbox, rows into ledger.csv.
func stage(t *testing.T, examples ...section) *site {
	t.Helper()
	s := newSite(t, sandbox.Options{Payouts: -1})
	text := "ref_id,amount,currency,date,status\n"
	for _, e := range examples {
		for _, p := range e.payouts {
			if _, err := s.box.Add(p); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range e.ledger {
			text += row + "\n"
		}
	}
	s.write("ledger.csv", text)
	return s
}

// TestOutcomesPage runs the examples of docs/outcomes.md and compares what the page says: every outcome and every cell
// stands in it with its words, every example ends as its heading says, every quote is the program's own sentence.
// PAYRECON_UPDATE=1 writes the sentences anew.
func TestOutcomesPage(t *testing.T) {
	path := filepath.Join(moduleRoot(t), "docs", "outcomes.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	all := sectionsOf(t, lines)
	known := map[string]*section{}
	for i := range all {
		known[all[i].code] = &all[i]
	}
	var outcomes []section
	expect := func(code, words string) {
		e, ok := known[code]
		if !ok {
			t.Errorf("docs/outcomes.md has no section for %s (%q)", code, words)
			return
		}
		if e.words != words {
			t.Errorf("docs/outcomes.md calls %s %q, want %q", code, e.words, words)
		}
		outcomes = append(outcomes, *e)
	}
	for _, o := range payout.Outcomes {
		expect(o.Code, o.Words)
	}
	for _, c := range payout.Cells {
		expect(c.Code, c.Words)
	}
	update := func(e section, want string) {
		if e.quote == want {
			return
		}
		if os.Getenv("PAYRECON_UPDATE") == "" {
			t.Errorf("docs/outcomes.md, %s: says\n%s\nthe program says\n%s\n(PAYRECON_UPDATE=1 go test writes it anew)", e.code, e.quote, want)
			return
		}
		lines[e.quoteLine] = "> " + want
	}
	compareOutcomes(t, outcomes, update)
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []payout.Conclusion{payout.NoConclusion, payout.NotReconciled, payout.Explained, payout.Reconciled} {
		if row := "\n| " + code.Title(); !strings.Contains(strings.ToUpper(string(readme)), row+" | ") && !strings.Contains(strings.ToUpper(string(readme)), row+" (") {
			t.Errorf("README.md has no row for %q", code.Title())
		}
		e, ok := known[string(code)]
		if !ok || e.words != code.Title() {
			t.Errorf("docs/outcomes.md has no section %s (%q)", code, code.Title())
			continue
		}
		update(*e, concludeExample(t, *e))
	}
	if os.Getenv("PAYRECON_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// compareOutcomes runs all examples as one night without the API, with the days before March unread.
func compareOutcomes(t *testing.T, examples []section, update func(section, string)) {
	t.Helper()
	s := stage(t, examples...)
	s.do(exitDone, "sync", "--from", "2026-03-01", "--to", "2026-03-30")
	s.do(exitIncomplete, "reconcile", "--ledger", s.path("ledger.csv"), "--offline")
	r := s.reconciliation()
	found := map[string]payout.Finding{}
	for i := range r.Items {
		found[r.Items[i].RefID] = r.Items[i].Finding
	}
	for _, f := range r.Explained {
		found[f.RefID] = f
	}
	for _, e := range examples {
		if e.ref == "" && e.code == payout.StatusMismatch.String() {
			continue // its cells have the examples
		}
		f, ok := found[e.ref]
		agreed := e.code == payout.Matched.String() || e.code == payout.MatchedGroup.String()
		switch got := f.Outcome.String(); {
		case agreed && ok:
			t.Errorf("example of %s: %s", e.code, got)
		case !agreed && got != e.code && f.Cell.Info().Code != e.code:
			t.Errorf("example of %s: %s %s", e.code, got, f.Cell.Info().Code)
		case !agreed:
			update(e, f.Why)
			if f.Outcome.Class() >= payout.Unverified && !strings.HasPrefix(e.severity, "Severity: "+f.Severity.String()) {
				t.Errorf("example of %s is of severity %s; the page says %q", e.code, f.Severity, e.severity)
			}
		}
	}
	for _, o := range []payout.Outcome{payout.Matched, payout.MatchedGroup} {
		n := int64(0)
		for _, sum := range r.Totals {
			if sum.Outcome == o {
				n += sum.Payouts
			}
		}
		if n == 0 {
			t.Errorf("no example ended as %s", o)
		}
	}
}

// concludeExample runs the example of one conclusion and returns the sentence that goes with it.
func concludeExample(t *testing.T, e section) string {
	t.Helper()
	s := stage(t, e)
	want := exitDone
	if e.code == string(payout.NoConclusion) {
		want = exitIncomplete
		s.do(exitDone, "sync", "--from", "2026-02-24", "--to", "2026-03-11")
		s.do(exitDone, "sync", "--from", "2026-03-13", "--to", "2026-03-30")
	} else {
		s.do(exitDone, "sync")
	}
	s.do(want, "reconcile", "--ledger", s.path("ledger.csv"))
	if e.code == string(payout.Explained) {
		id := fmt.Sprint(s.reconciliation().Items[0].ID)
		s.do(exitDone, "breaks", "set", id, "--disposition", "with_provider", "--reason", "case 4711", "--by", "A. Reviewer")
		s.do(exitDone, "reconcile", "--ledger", s.path("ledger.csv"))
	}
	r := s.reconciliation()
	if string(r.Conclusion) != e.code {
		t.Errorf("example of %s: %s (%s)", e.code, r.Conclusion, r.ConclusionWhy)
	}
	return r.ConclusionWhy
}

// TestOutcomesFilter: the filter of the page takes the last row out of the ledger of the page, and no other.
func TestOutcomesFilter(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "docs", "outcomes.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, sandbox.Options{Payouts: -1})
	for fence, name := range map[string]string{"csv": "footer.csv", "yaml": "filter.yaml"} {
		_, rest, _ := strings.Cut(string(text), "```"+fence+"\n")
		block, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("docs/outcomes.md has no example in %s", fence)
		}
		if err := os.WriteFile(s.path(name), []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	none := func(string) string { return "" }
	code := run(t.Context(), []string{"ledger", "check", s.path("footer.csv"), "--config", s.path("filter.yaml")}, none, &out, &out, time.Now)
	want := "rows 2 entries 1 rejected 0 filtered 1"
	if got := strings.Join(strings.Fields(out.String()), " "); code != exitDone || !strings.Contains(got, want) {
		t.Errorf("exit %d, want %q in\n%s", code, want, out.String())
	}
}
