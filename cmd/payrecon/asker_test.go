package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// between puts a handler between payrecon and the API, which hands on what it does not answer itself.
func (s *site) between(answers func(w http.ResponseWriter, r *http.Request) bool) {
	s.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !answers(w, r) {
			s.box.ServeHTTP(w, r)
		}
	}))
	s.t.Cleanup(server.Close)
	s.url = server.URL
}

// outcomesIn reads the outcomes of a reconciliation as `reconcile --json` prints it.
func outcomesIn(t *testing.T, text string) (list []string, doc reconcileJSON) {
	t.Helper()
	unmarshal(t, text, &doc)
	for _, o := range doc.Outcomes {
		list = append(list, fmt.Sprintf("%s %d %d", o.Outcome, o.Payouts, o.Entries))
	}
	slices.Sort(list)
	return list, doc
}

// TestPassesChanged: the mirror was filled under other onBehalfOfIds than the provider is asked under now. Whoever a payout is
// for, it is one payout, recorded or not, and the run can be performed again.
func TestPassesChanged(t *testing.T) {
	const plain, sub = "api: {rate_limit: none}\n", "api: {rate_limit: none, on_behalf_of: [O1]}\n"
	for _, c := range []struct {
		name, synced, asked string
		entry               string // on whose behalf
		want                []string
	}{
		{"an id was taken out", sub, plain, "", []string{"missing_at_provider 0 1", "missing_in_ledger 1 0"}},
		{"an id was added", plain, sub, "O1", []string{"matched 1 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Payouts: -1, OnBehalfOf: []string{"O1"}})
			s.pay("SUB-1", "100.00", payout.Completed, 3)
			s.write("payrecon.yaml", c.synced)
			s.do(exitDone, "sync")
			s.write("payrecon.yaml", c.asked)
			s.write("ledger.csv", "ref_id,amount,currency,status,date,on_behalf_of\nSUB-1,100.00,EUR,paid,"+payout.DayOf(s.now.AddDate(0, 0, -3)).String()+","+c.entry+"\n")
			for _, record := range []string{"--no-record", ""} {
				args := slices.DeleteFunc([]string{"reconcile", "--ledger", s.path("ledger.csv"), "--json", record}, func(arg string) bool { return arg == "" })
				_, out, words := s.try(args...)
				got, doc := outcomesIn(t, out)
				if !slices.Equal(got, c.want) || doc.Payouts.InPeriod != 1 {
					t.Errorf("%s: outcomes %q of %d payouts, want %q of 1\n%s", record, got, doc.Payouts.InPeriod, c.want, words)
				}
			}
			s.again(s.reconciliation().Run)
			s.do(exitDone, "report", "--out", s.path("book.xlsx"))
		})
	}
}

// TestShownButNotKept: a payout that the look-up shows and that then cannot be committed is none that a recorded run could rest
// on, and its reference is not answered.
func TestShownButNotKept(t *testing.T) {
	for _, c := range []struct {
		name   string
		second func(w http.ResponseWriter, r *http.Request) bool // what becomes of the request that is to commit
		exit   int
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, `{}`, http.StatusForbidden)
			return true
		}, exitAuth},
		{"not shown any more", func(_ http.ResponseWriter, r *http.Request) bool {
			r.URL.RawQuery = "limit=200&refIds=OTHER"
			return false
		}, exitIncomplete},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, sandbox.Options{Payouts: 30, Days: 20, Seed: 5})
			asked, counts := 0, false
			s.between(func(w http.ResponseWriter, r *http.Request) bool {
				if !counts || !r.URL.Query().Has("refIds") {
					return false
				}
				asked++
				return asked > 1 && c.second(w, r)
			})
			s.do(exitDone, "sync")
			s.pay("LATE-1", "100.00", payout.Completed, 3)
			s.ledger("LATE-1 100.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -3)).String())
			counts = true
			code, out, words := s.try("reconcile", "--ledger", s.path("ledger.csv"), "--json")
			if code != c.exit || asked != 2 {
				t.Fatalf("exit %d after %d requests, want %d after 2\n%s", code, asked, c.exit, words)
			}
			got, doc := outcomesIn(t, out)
			if !slices.Contains(got, "not_fetched 0 1") || doc.Lookup.Found != 0 {
				t.Errorf("outcomes %q, %d found; want the entry not_fetched and none found\n%s", got, doc.Lookup.Found, words)
			}
			if !strings.Contains(doc.Lookup.Skipped, "could not be kept") {
				t.Errorf("the look-up says %q", doc.Lookup.Skipped)
			}
			s.again(s.reconciliation().Run)
			s.do(exitDone, "report", "--out", s.path("book.xlsx"))
		})
	}
}

func TestHeldAsShown(t *testing.T) {
	shown := payout.Payout{Status: payout.Completed, OnBehalfOf: "O1", Updated: 20}
	for _, c := range []struct {
		name string
		held payout.PayoutRef
		want bool
	}{
		{"the same", payout.PayoutRef{Status: payout.Completed, OnBehalfOf: "O1", Changed: 20}, true},
		{"of an earlier pass", payout.PayoutRef{Status: payout.Completed, OnBehalfOf: "O2", Changed: 20}, true},
		{"moved on since", payout.PayoutRef{Status: payout.Failed, OnBehalfOf: "O1", Changed: 30}, true},
		{"as it was before", payout.PayoutRef{Status: payout.Processing, OnBehalfOf: "O1", Changed: 10}, false},
		{"for nobody yet", payout.PayoutRef{Status: payout.Completed, Changed: 20}, false},
	} {
		if got := heldAsShown(&c.held, &shown); got != c.want {
			t.Errorf("%s: %t, want %t", c.name, got, c.want)
		}
	}
}

// TestWarnedOfWhatWasNotAnswered: a run that is done over warns of what the provider said when it was asked, once.
func TestWarnedOfWhatWasNotAnswered(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: 30, Days: 20, Seed: 5, OnBehalfOf: []string{"", "O2"}})
	down := false
	s.between(func(w http.ResponseWriter, r *http.Request) bool {
		if down && r.URL.Query().Has("refIds") && r.URL.Query().Get("onBehalfOfId") == "O2" {
			http.Error(w, `{}`, http.StatusForbidden)
			return true
		}
		return false
	})
	s.write("payrecon.yaml", "api: {rate_limit: none, on_behalf_of: [\"\", O2]}\n")
	s.do(exitDone, "sync")
	s.pay("LATE-1", "100.00", payout.Completed, 3)
	day := payout.DayOf(s.now.AddDate(0, 0, -3)).String()
	s.ledger("LATE-1 100.00 paid "+day, "GONE-1 70.00 paid "+day)
	down = true
	for _, record := range []string{"--no-record=true", "--no-record=false"} {
		_, out, words := s.try("reconcile", "--ledger", s.path("ledger.csv"), "--json", record)
		_, doc := outcomesIn(t, out)
		if !slices.ContainsFunc(doc.Warnings, func(w string) bool { return strings.Contains(w, "by reference") && strings.Contains(w, "403") }) ||
			strings.Contains(strings.Join(doc.Warnings, "\n"), "when the run was performed first") {
			t.Errorf("%s: warnings %q", record, doc.Warnings)
		}
		if n := strings.Count(words, "asking the provider by reference"); n != 1 {
			t.Errorf("%s: said %d times\n%s", record, n, words)
		}
	}
	if lookup := s.reconciliation().Lookup; lookup.Found != 1 || strings.Contains(lookup.Skipped, "kept") {
		t.Errorf("what was found and lies in the mirror now: %+v", lookup)
	}
	s.again(s.reconciliation().Run)
}

// TestMovedOnBetweenLookAndKeep: a payout that goes on between the two requests of a look-up, and that the API does not date
// later for that, is kept as it is then.
func TestMovedOnBetweenLookAndKeep(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: 30, Days: 20, Seed: 5})
	asked, counts := 0, false
	s.between(func(w http.ResponseWriter, r *http.Request) bool {
		if !counts || !r.URL.Query().Has("refIds") {
			return false
		}
		if asked++; asked > 1 {
			return false
		}
		first := httptest.NewRecorder()
		s.box.ServeHTTP(first, r)
		w.Header().Set("Date", first.Header().Get("Date"))
		_, _ = io.WriteString(w, strings.ReplaceAll(first.Body.String(), string(payout.Completed), string(payout.Processing)))
		return true
	})
	s.do(exitDone, "sync")
	s.pay("LATE-1", "100.00", payout.Completed, 3)
	s.ledger("LATE-1 100.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -3)).String())
	counts = true
	_, out, words := s.try("reconcile", "--ledger", s.path("ledger.csv"), "--json")
	got, doc := outcomesIn(t, out)
	if !slices.Contains(got, "matched 1 1") || doc.Lookup.Skipped != "" || strings.Contains(words, "could not be kept") {
		t.Errorf("outcomes %q, look-up %+v; want the payout matched and nothing said of it\n%s", got, doc.Lookup, words)
	}
}
