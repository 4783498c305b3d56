package sandbox

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

const goodInitiation = `{"initiation":{"description":"e49j-2145-sp17-k3h0","refId":"9htio4a1sp2akdr1aa","amount":{"value":"10.23","currency":"EUR"},` +
	`"debtor":{"accountId":"a12345"},"creditor":{"name":"Customer Inc.","iban":"GB29NWBK60161331926819","bic":"BOFIIE2D"}}}`

func TestInitiateChecksWhatIsDocumented(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10, OnBehalfOf: []string{"", "sub-a"}})
	sortCode := `"sortCode":"123456","accountNumber":"12345678"`
	iban := `"iban":"GB29NWBK60161331926819"`
	for _, c := range []struct{ replace, with, want string }{
		{"", "", ""},
		{iban, sortCode, "should not be longer than 18"},
		{`"e49j-2145-sp17-k3h0"`, `"` + strings.Repeat("Invoice 12345 ", 10) + `"`, ""},
		{`"e49j-2145-sp17-k3h0"`, `"` + strings.Repeat("Invoice 12345 ", 10) + `x"`, "should not be longer than 140"},
		{`"e49j-2145-sp17-k3h0"`, `"a-b.c & d/e"`, "at least 6 letters or digits"},
		{`"e49j-2145-sp17-k3h0"`, `"aaaaaaaaa"`, "not all the same"},
		{`"e49j-2145-sp17-k3h0"`, `"Invoice_12345"`, "should consist of"},
		{`"9htio4a1sp2akdr1aa"`, `""`, "`refId` is required"},
		{`"9htio4a1sp2akdr1aa"`, `"` + strings.Repeat("x", 36) + `"`, "`refId` should not be longer than 35"},
		{`"10.23"`, `"10.2345"`, ""},
		{`"10.23"`, `"10.23456"`, "up to four digits"},
		{`"10.23"`, `"1e3"`, "up to four digits"},
		{`"10.23"`, `"-10.23"`, "up to four digits"},
		{`"10.23"`, `"0.00"`, "should be positive"},
		{`"10.23"`, `10.23`, "not the documented JSON"},
		{`"EUR"`, `"eur"`, "ISO 4217"},
		{`"a12345"`, `""`, "`debtor.accountId` is required"},
		{`GB29`, `GB28`, "not a valid IBAN"},
		{iban + ",", "", "should have an `iban`"},
		{iban, `"sortCode":"12345","accountNumber":"12345678"`, "six digits"},
		{iban, `"sortCode":"123456","accountNumber":"1234567"`, "eight digits"},
		{`"BOFIIE2D"`, `"BOFI"`, "8 or 11 characters"},
		{`{"initiation":`, `{"initialisation":`, "`initiation` is required"},
		{`"refId"`, `"onBehalfOfId":"sub-a","refId"`, ""},
		{`"refId"`, `"onBehalfOfId":"sub-b","refId"`, "no sub-member"},
		{`}}}`, `}}`, "not the documented JSON"},
	} {
		body := strings.Replace(goodInitiation, c.replace, c.with, 1)
		status, _, answer := ask(t, s, "POST", "/payouts", body)
		switch {
		case c.want == "" && status != 200:
			t.Errorf("%s for %s: %d %s; want 200", c.with, c.replace, status, answer)
		case c.want != "" && (status != 400 || !strings.Contains(string(answer), c.want)):
			t.Errorf("%s for %s: %d %s; want 400 with %q", c.with, c.replace, status, answer, c.want)
		}
	}
}

func TestInitiateWantsJSON(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10})
	for _, c := range []struct{ kind, target, body string }{
		{"", "/payouts", goodInitiation},
		{"text/plain", "/payouts", goodInitiation},
		{"application/json", "/payouts?limit=1", goodInitiation},
		{"application/json", "/payouts", strings.Repeat(" ", maxBody) + goodInitiation},
	} {
		r := httptest.NewRequest("POST", c.target, strings.NewReader(c.body))
		r.Header.Set("Authorization", "Bearer "+DemoToken)
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		if w := answerTo(s, r); w.Code != 400 {
			t.Errorf("POST %s as %q: %d %s; want 400", c.target, c.kind, w.Code, w.Body)
		}
	}
}

func TestInitiatedPayoutsLive(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 500, OnBehalfOf: []string{"", "sub-a"}})
	made := make(map[string]bool)
	for range 3 { // the same reference again: nothing forbids it
		status, _, body := ask(t, s, "POST", "/payouts", strings.Replace(goodInitiation, `"refId"`, `"onBehalfOfId":"sub-a","refId"`, 1))
		var answer struct{ Payout wirePayout }
		if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
			t.Fatalf("POST: %d %s", status, body)
		}
		p := answer.Payout
		if p.Status != payout.Pending || !p.Created.Equal(DemoNow) || p.Initiation.RefID != "9htio4a1sp2akdr1aa" || made[p.ID] || strings.Contains(string(body), "sub-a") {
			t.Errorf("POST made %s", body)
		}
		made[p.ID] = true
	}
	found := listIDs(pages(t, s, url.Values{"limit": {"10"}, "refIds": {"9htio4a1sp2akdr1aa"}, "onBehalfOfId": {"sub-a"}}))
	if len(found) != 3 {
		t.Errorf("refIds finds %d of 3 payouts", len(found))
	}
	s.Advance(400 * 24 * time.Hour)
	for id := range made {
		status, _, body := ask(t, s, "GET", "/payouts/"+id, "")
		var answer struct{ Payout wirePayout }
		if err := json.Unmarshal(body, &answer); err != nil || status != 200 || answer.Payout.Status == payout.Pending {
			t.Errorf("GET /payouts/%s a year later: %d %s", id, status, body)
		}
	}
	if got := s.Counts(); got.Posts != 3 || got.Made != 3 || got.Gets != 3 || got.Lists != 1 || got.ByStatus[200] != 7 {
		t.Errorf("Counts() = %+v", got)
	}
}

func TestGetSaysNotFound(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10})
	id := s.Truth()[3].ID
	if status, _, _ := ask(t, s, "GET", "/payouts/"+url.PathEscape(id), ""); status != 200 {
		t.Errorf("escaped id: %d", status)
	}
	if err := s.Hide(id); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{id, "po:none", "x"} {
		status, _, body := ask(t, s, "GET", "/payouts/"+gone, "")
		if e := errorOf(t, body); status != 404 || e.Code != "NOT_FOUND" || e.Payment != gone || e.Trace == "" {
			t.Errorf("GET /payouts/%s: %d %s", gone, status, body)
		}
	}
	for _, c := range []struct {
		method, target string
		want           int
	}{
		{"DELETE", "/payouts", 501},
		{"PUT", "/payouts/x", 501},
		{"GET", "/payouts/", 400},
		{"GET", "/payouts/a/b", 400},
		{"GET", "/refunds", 404},
		{"GET", "/payouts?limit=1&ids=" + strings.Repeat("x", 9000), 414},
	} {
		if status, _, body := ask(t, s, c.method, c.target, ""); status != c.want {
			t.Errorf("%s %.40s: %d %s; want %d", c.method, c.target, status, body, c.want)
		}
	}
}
