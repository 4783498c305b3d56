package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
