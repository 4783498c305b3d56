package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// listedPayouts is payouts list --json.
type listedPayouts struct {
	Payouts []struct {
		ID string `json:"id"`
	} `json:"payouts"`
	Complete *bool   `json:"complete"`
	Next     *string `json:"next"`
}

func (s *site) list(code int, args ...string) (l listedPayouts, words string) {
	s.t.Helper()
	got, out, words := s.try(append([]string{"payouts", "list", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &l); err != nil || got != code || l.Complete == nil || l.Next == nil {
		s.t.Fatalf("payouts list %s: exit %d, want %d; %v\n%s%s", strings.Join(args, " "), got, code, err, out, words)
	}
	return l, words
}

// TestPayoutsListIsOnePayoutForEver: against a server that always answers the same payout, always with the same cursor, the
// list ends, shows the payout once, and claims to be whole only where a page was not full.
func TestPayoutsListIsOnePayoutForEver(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		fmt.Fprint(w, `{"payouts":[{"id":"po:1","createdDateTime":"2026-03-04T00:00:00Z","status":"INITIATION_PENDING"}],"paging":{"limit":17,"offset":"LerV6Jmex"}}`)
	}))
	defer server.Close()
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.url = server.URL
	for limit, code := range map[string]int{"1": exitIncomplete, "2": exitDone, "200": exitDone} {
		l, words := s.list(code, "--limit", limit)
		if len(l.Payouts) != 1 || *l.Complete != (code == exitDone) || *l.Next != "" || strings.Contains(words, "may not be all") == *l.Complete {
			t.Errorf("--limit %s: %d payouts, complete %v, next %q\n%s", limit, len(l.Payouts), *l.Complete, *l.Next, words)
		}
		for _, format := range []string{"csv", "table"} {
			if out := s.do(code, "payouts", "list", "--limit", limit, "--format", format); strings.Count(out, "po:1") != 1 {
				t.Errorf("--limit %s --format %s:\n%swant the payout once", limit, format, out)
			}
		}
	}
	if requests > 30 {
		t.Errorf("%d requests", requests)
	}
}

// TestPayoutsListGoesOn: a list that --max stops says so, and its cursor leads through everything that is left.
func TestPayoutsListGoesOn(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: 25, Faults: sandbox.Faults{RepeatRows: 1}})
	seen, next := map[string]bool{}, ""
	for range 2 {
		l, words := s.list(exitDone, "--max", "10", "--offset", next)
		for _, p := range l.Payouts {
			seen[p.ID] = true
		}
		if next = *l.Next; len(l.Payouts) != 10 || *l.Complete || next == "" || !strings.Contains(words, "--offset "+next) {
			t.Fatalf("%d payouts, complete %v, next %q\n%s", len(l.Payouts), *l.Complete, next, words)
		}
	}
	l, _ := s.list(exitDone, "--offset", next, "--limit", "10")
	for _, p := range l.Payouts {
		seen[p.ID] = true
	}
	if len(seen) != 25 || !*l.Complete || *l.Next != "" {
		t.Errorf("%d payouts in all, complete %v, next %q; want 25, and the end", len(seen), *l.Complete, *l.Next)
	}
	l, words := s.list(exitDone, "--max", "15", "--limit", "10")
	if len(l.Payouts) != 15 || *l.Complete || *l.Next != "" || !strings.Contains(words, "more than --max 15") {
		t.Errorf("in the middle of a page: %d payouts, complete %v, next %q\n%s", len(l.Payouts), *l.Complete, *l.Next, words)
	}
	if l, _ := s.list(exitDone, "--max", "25"); len(l.Payouts) != 25 {
		t.Errorf("exactly --max: %d payouts", len(l.Payouts))
	}
}

// TestPayoutsListSettlesAFullLastPage: where a full last page has no cursor, or the same one again, smaller pages show the end.
func TestPayoutsListSettlesAFullLastPage(t *testing.T) {
	for _, last := range []string{"none", "repeat"} {
		s := newSite(t, sandbox.Options{Payouts: 40, Faults: sandbox.Faults{LastCursor: last}})
		if l, _ := s.list(exitDone, "--limit", "20"); len(l.Payouts) != 40 || !*l.Complete {
			t.Errorf("%s: %d payouts, complete %v; want 40, and the end", last, len(l.Payouts), *l.Complete)
		}
	}
}

// TestPayoutsGet: one payout with all that the API says of it, its account masked unless asked for.
func TestPayoutsGet(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: 200})
	truth := s.box.Truth()
	i := slices.IndexFunc(truth, func(p payout.Payout) bool { return p.Status == payout.Completed && p.Creditor.IBAN != "" })
	p := truth[i]
	for _, format := range []string{"--quiet", "--json"} {
		masked, open := s.do(exitDone, "payouts", "get", p.ID, format), s.do(exitDone, "payouts", "get", p.ID, format, "--unmask")
		for _, text := range []string{p.ID, p.RefID, p.Creditor.Name, p.Description, p.DebtorAccount, p.BankStatus, p.BankTransactionID} {
			if text == "" || !strings.Contains(masked, text) {
				t.Errorf("%s lacks %q:\n%s", format, text, masked)
			}
		}
		if strings.Contains(masked, p.Creditor.IBAN) || !strings.Contains(open, p.Creditor.IBAN) {
			t.Errorf("%s shows the account\n%sand with --unmask\n%s", format, masked, open)
		}
	}
	if _, _, words := s.try("payouts", "get", "po:none"); !strings.Contains(words, "the API does not know it") {
		t.Errorf("of an unknown id it says\n%s", words)
	}
	s.do(exitFailed, "payouts", "get", "po:none")
	s.do(exitInput, "payouts", "get", "../payouts")
	s.do(exitInput, "payouts", "get")
}
