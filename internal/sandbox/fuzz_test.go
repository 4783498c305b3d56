package sandbox

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequests sends anything: the sandbox answers with JSON and a documented status, and never makes a payout that its own
// checks would refuse.
func FuzzRequests(f *testing.F) {
	f.Add("limit=10&startDate=2026-03-01&ids=a&ids=b", "", "")
	f.Add("limit=200&offset=AAABnGAKlkEAAAABAAAAAFaSFh0QCwXlAAAAAAAAAAAAAAAAAAAAAMDo47U&statuses=INITIATION_FAILED", "Bearer e30..AA", "")
	f.Add("", "Bearer "+DemoToken, goodInitiation)
	f.Add("limit=1&refIds=PAY-00000000000000", "Bearer "+DemoToken, "")
	s := newSandbox(f, Options{Payouts: 200})
	f.Fuzz(func(t *testing.T, query, authorization, body string) {
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		r := httptest.NewRequest(method, "/payouts", strings.NewReader(body))
		r.URL = &url.URL{Path: "/payouts", RawQuery: query}
		r.Header.Set("Content-Type", "application/json")
		if authorization == "" {
			authorization = "Bearer " + DemoToken
		}
		r.Header.Set("Authorization", authorization)
		before := s.Counts().Made
		w := answerTo(s, r)
		switch w.Code {
		case 200, 400, 401:
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("%s %q: %q is not JSON", method, query, w.Body)
			}
		case 414:
		default:
			t.Errorf("%s %q: status %d", method, query, w.Code)
		}
		if made := s.Counts().Made - before; made != 0 && (method != http.MethodPost || w.Code != 200 || made != 1) {
			t.Errorf("%s %q: status %d made %d payouts", method, query, w.Code, made)
		}
	})
}
