package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"payrecon/internal/sandbox"
)

// initiating are the flags of a payout that the provider takes; flags that follow override them.
func initiating(ref string, more ...string) []string {
	return append([]string{
		"payouts", "initiate", "--ref-id", ref, "--amount", "10.23", "--currency", "EUR", "--debtor-account", "a:1",
		"--iban", "DE89370400440532013000", "--name", "Sample Payee", "--description", "INVOICE 1001",
	}, more...)
}

// payingSite is a site that may pay.
func payingSite(t *testing.T, f sandbox.Faults) *site {
	t.Helper()
	s := newSite(t, sandbox.Options{Payouts: -1, Faults: f})
	s.write("payrecon.yaml", "api: {rate_limit: none, allow_initiate: true}\n")
	return s
}

// refuses runs a command that must end with the code, say every one of the words, and leave so many payouts behind.
func (s *site) refuses(code, payouts int, args []string, words ...string) {
	s.t.Helper()
	got, _, said := s.try(args...)
	if got != code {
		s.t.Errorf("payrecon %s: exit %d, want %d\n%s", strings.Join(args, " "), got, code, said)
	}
	for _, w := range words {
		if !strings.Contains(said, w) {
			s.t.Errorf("payrecon %s: said\n%swant %q", strings.Join(args, " "), said, w)
		}
	}
	if n := len(s.box.Truth()); n != payouts {
		s.t.Errorf("payrecon %s: the provider holds %d payouts, want %d", strings.Join(args, " "), n, payouts)
	}
}

// TestInitiateGuards meets the guards in their order: what is wrong at once is said by the first of them.
func TestInitiateGuards(t *testing.T) {
	s := payingSite(t, sandbox.Faults{})
	badIBAN := []string{"--iban", "DE89370400440532013001"}

	s.write("payrecon.yaml", "api: {rate_limit: none}\n")
	s.refuses(exitInput, 0, initiating("INV-1", append(badIBAN, "--yes")...), "switched off", "api.allow_initiate: true")

	s.write("payrecon.yaml", "api: {rate_limit: none, allow_initiate: true}\n")
	s.refuses(exitInput, 0, initiating("INV-1", append(badIBAN, "--amount", "0", "--yes")...), "creditor.iban", "check digits", "amount.value")
	for flag, wrong := range map[string]string{
		"--description": "short", "--ref-id": strings.Repeat("x", 36), "--amount": "10.234", "--currency": "EURO",
		"--debtor-account": "", "--bic": "BOFI", "--sort-code": "12345",
	} {
		s.refuses(exitInput, 0, initiating("INV-1", flag, wrong, "--yes"), "not valid")
	}

	s.refuses(exitInput, 0, initiating("INV-1"), "Payout of 10.23 EUR to Sample Payee", "nothing was sent", "--yes")
	if got := len(s.do(exitDone, initiating("INV-1", "--yes")...)); got == 0 {
		t.Error("the payout that was made is not shown")
	}
	s.refuses(exitInput, 1, initiating("INV-1", "--yes"), "nothing was sent", `already knows reference "INV-1"`)
	s.refuses(exitInput, 1, initiating("inv-1"), "nothing was sent")
}

// TestInitiateNeedsAnAnswerFirst: when the API cannot say whether a reference is new, nothing is sent.
func TestInitiateNeedsAnAnswerFirst(t *testing.T) {
	s := payingSite(t, sandbox.Faults{Forbid: true})
	s.refuses(exitAuth, 0, initiating("INV-1", "--yes"), "nothing was sent")
}

// TestInitiateThenSync: what was initiated comes into the mirror with the next sync, and goes on with its life there.
func TestInitiateThenSync(t *testing.T) {
	s := payingSite(t, sandbox.Faults{})
	s.do(exitDone, "sync")
	s.do(exitDone, initiating("INV-1", "--yes")...)
	made := s.box.Truth()[0]
	s.do(exitInput, "payouts", "history", made.ID)
	s.do(exitDone, "sync")
	if history := s.do(exitDone, "payouts", "history", made.ID); !strings.Contains(history, string(made.Status)) {
		t.Errorf("after a sync the mirror says\n%swant the status %s", history, made.Status)
	}
	s.now = s.now.Add(20 * 24 * time.Hour)
	now := s.box.Truth()[0]
	if now.Status == made.Status {
		t.Fatalf("the payout still is %s after 20 days", now.Status)
	}
	s.do(exitDone, "sync")
	if history := s.do(exitDone, "payouts", "history", made.ID); !strings.Contains(history, string(now.Status)) {
		t.Errorf("20 days later the mirror says\n%swant the status %s", history, now.Status)
	}
}

// TestInitiateLostAnswer: a payout whose answer is lost is made once, and the program says what it found.
func TestInitiateLostAnswer(t *testing.T) {
	s := payingSite(t, sandbox.Faults{LostPosts: 1})
	s.refuses(exitFailed, 1, initiating("INV-1", "--yes"), "the answer was lost", "but the payout exists", s.id(0), "do not send it again")
	s.refuses(exitInput, 1, initiating("INV-1", "--yes"), "nothing was sent", "already knows")
}

// id returns the id of the n-th payout, "" before there is one.
func (s *site) id(n int) string {
	if all := s.box.Truth(); n < len(all) {
		return all[n].ID
	}
	return ""
}

// TestInitiateFailedRequest: a server error says nothing of the payout's fate; the request is not sent again.
func TestInitiateFailedRequest(t *testing.T) {
	s := payingSite(t, sandbox.Faults{Errors: 1, InARow: 1})
	s.refuses(exitFailed, 0, initiating("INV-1", "--yes"), "the API shows no payout with reference", "ask again", ".initiate.")
}

// TestInitiateSaysThatItPaid: once a payout was made, whatever goes wrong says so, and invites nobody to send it again.
func TestInitiateSaysThatItPaid(t *testing.T) {
	s := payingSite(t, sandbox.Faults{})
	status := "INITIATION_PENDING"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"payouts":[]}`)
			return
		}
		fmt.Fprintf(w, `{"payout":{"id":"po:1","createdDateTime":"2026-03-04T00:00:00Z","status":%q,"initiation":{}}}`, status)
	}))
	defer server.Close()
	s.url = server.URL
	full, err := os.OpenFile(os.DevNull, os.O_RDONLY, 0) // a stdout that cannot be written to
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{initiating("INV-1", "--yes"), initiating("INV-2", "--yes", "--json")} {
		var words bytes.Buffer
		env := map[string]string{envURL: s.url, envToken: "t"}
		args = append(args, "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db"), "--quiet")
		code := run(t.Context(), args, func(k string) string { return env[k] }, full, &words, func() time.Time { return s.now })
		if said := words.String(); code != exitFailed || !strings.Contains(said, "the payout was made (po:1") || !strings.Contains(said, "do not send it again") {
			t.Errorf("exit %d\n%swant 1, and that po:1 was made", code, said)
		}
	}
	s.refuses(exitInput, 0, initiating("INV-1", "--yes"), "nothing was sent", "was sent already")
	status = "INITIATION_REJECTED"
	s.refuses(exitFailed, 0, initiating("INV-3", "--yes"), "the payout was made (po:1", "INITIATION_REJECTED", "no money moves")
}

// TestInitiateFromFile: --file holds the whole request, without unknown and without repeated members.
func TestInitiateFromFile(t *testing.T) {
	s := payingSite(t, sandbox.Faults{})
	const request = `{"initiation":{"refId":"INV-7","description":"INVOICE 1007","amount":{"value":"7.00","currency":"EUR"},` +
		`"debtor":{"accountId":"a:1"},"creditor":{"name":"Sample Payee","iban":"DE89370400440532013000"}}}`
	file := s.path("request.json")
	from := func(text string, more ...string) []string {
		s.write("request.json", text)
		return append([]string{"payouts", "initiate", "--file", file}, more...)
	}
	s.refuses(exitInput, 0, from(request, "--amount", "8.00", "--yes"), "leave out --amount")
	s.refuses(exitInput, 0, from(strings.Replace(request, "refId", "refID", 1), "--yes"), "refID")
	s.refuses(exitInput, 0, from(strings.Replace(request, `"refId"`, `"refId":"INV-6","refId"`, 1), "--yes"), "refId")
	s.refuses(exitInput, 0, from(request[:40], "--yes"), "request.json")
	s.refuses(exitInput, 0, []string{"payouts", "initiate", "--file", s.path("none.json"), "--yes"}, "none.json")
	s.do(exitDone, from(request, "--yes")...)
	made := s.box.Truth()
	if len(made) != 1 || made[0].RefID != "INV-7" || made[0].Amount.String() != "7.00 EUR" {
		t.Errorf("made %+v, want INV-7 of 7.00 EUR", made)
	}
}

// TestInitiateTwoAtOnce: of several that send the same reference at once, one sends.
func TestInitiateTwoAtOnce(t *testing.T) {
	s := payingSite(t, sandbox.Faults{Latency: 20 * time.Millisecond})
	const tries = 4
	codes := make([]int, tries)
	said := make([]string, tries)
	var all sync.WaitGroup
	for i := range tries {
		all.Go(func() { codes[i], _, said[i] = s.try(initiating("INV-1", "--yes")...) })
	}
	all.Wait()
	done := 0
	for i, code := range codes {
		switch code {
		case exitDone:
			done++
		case exitInput:
		default:
			t.Errorf("exit %d\n%s", code, said[i])
		}
	}
	if n := len(s.box.Truth()); n != 1 || done != 1 {
		t.Errorf("%d payouts made, %d commands say so; want 1 and 1", n, done)
	}
}
