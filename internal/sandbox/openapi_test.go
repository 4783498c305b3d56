package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// describedAPI is the router of openapi.yaml, as the sandbox serves it.
func describedAPI(t testing.TB, s *Sandbox) routers.Router {
	t.Helper()
	w := answerTo(s, httptest.NewRequest("GET", "/openapi.yaml", nil)) // needs no authorization
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "http://example.com"}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// validAnswer sends a request and holds the answer, and the request if it was taken, against the description.
func validAnswer(t testing.TB, s *Sandbox, router routers.Router, r *http.Request, body string) *httptest.ResponseRecorder {
	t.Helper()
	r.Body = io.NopCloser(strings.NewReader(body))
	w := answerTo(s, r)
	r.Body = io.NopCloser(strings.NewReader(body))
	route, params, err := router.FindRoute(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if w.Code == http.StatusOK {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s %s was answered 200, but is not as described: %v", r.Method, r.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options,
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
	}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s %s: the answer is not as described: %v\n%.600s", r.Method, r.URL, err, w.Body)
	}
	return w
}

func described(method, target, token string) *http.Request {
	r := httptest.NewRequest(method, "http://example.com"+target, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func TestAnswersAreAsDescribed(t *testing.T) {
	for name, faults := range map[string]Faults{
		"none":          {},
		"payouts":       {UnknownStatus: 3, UnknownFields: true, NoInitiation: 4, TimeForms: true, EmptyOptionals: true, Flip: 5},
		"lists":         {Cursor: "position", Order: "newest", LastCursor: "repeat", ShortCursor: true, EndDate: "midnight"},
		"forbidden":     {Forbid: true},
		"not available": {Errors: 1, RetryAfter: "date"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSandbox(t, Options{Payouts: 700, OnBehalfOf: []string{"", "sub-a"}, Faults: faults})
			s.Advance(3 * time.Hour)
			router := describedAPI(t, s)
			some := s.Truth()[10]
			for _, query := range []string{
				"limit=200", "limit=1", "limit=500", "limit=200&startDate=2026-03-01&endDate=2026-03-02", "limit=5&ids=" + url.QueryEscape(some.ID),
				"limit=200&invertIds=true&ids=x&ids=y", "limit=200&statuses=INITIATION_PENDING&statuses=INITIATION_PROCESSING",
				"limit=200&statuses=INITIATION_COMPLETED&invertStatuses=true", "limit=9&refIds=" + url.QueryEscape(some.RefID), "limit=9&onBehalfOfId=sub-a",
				"", "limit=0", "limit=10&offset=wrong", "limit=10&statuses=X", "limit=10&startDate=today",
			} {
				validAnswer(t, s, router, described("GET", "/payouts?"+query, DemoToken), "")
			}
			validAnswer(t, s, router, described("GET", "/payouts/"+some.ID, DemoToken), "")
			validAnswer(t, s, router, described("GET", "/payouts/po:none:none", DemoToken), "")
			validAnswer(t, s, router, described("GET", "/payouts?limit=1", "wrong"), "")
			validAnswer(t, s, router, described("POST", "/payouts", DemoToken), goodInitiation)
			validAnswer(t, s, router, described("POST", "/payouts", DemoToken), strings.Replace(goodInitiation, "10.23", "-1", 1))
			validAnswer(t, s, router, described("POST", "/payouts", "wrong"), goodInitiation)
		})
	}
}

func TestEveryPayoutIsAsDescribed(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 2000})
	router := describedAPI(t, s)
	offset := ""
	for {
		r := described("GET", "/payouts?limit=200&offset="+offset, DemoToken)
		if offset == "" {
			r = described("GET", "/payouts?limit=200", DemoToken)
		}
		w := validAnswer(t, s, router, r, "")
		_, after, more := strings.Cut(w.Body.String(), `"offset":"`)
		if !more {
			return
		}
		offset, _, _ = strings.Cut(after, `"`)
	}
}

func TestNumericSortCodesAreNotAsDescribed(t *testing.T) { // proves that the description is looked at
	s := newSandbox(t, Options{Payouts: 500, Faults: Faults{NumericSort: true}})
	fake := &quietTB{TB: t}
	validAnswer(fake, s, describedAPI(t, s), described("GET", "/payouts?limit=200", DemoToken), "")
	if !fake.failed {
		t.Error("a number for sortCode passed for a string")
	}
}

type quietTB struct {
	testing.TB
	failed bool
}

func (q *quietTB) Errorf(string, ...any) { q.failed = true }

// checkedTransport holds every request of the client, and every answer to it, against the description.
type checkedTransport struct {
	t      testing.TB
	s      *Sandbox
	router routers.Router
	seen   map[string]int
}

func (c *checkedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	in := r.Clone(r.Context())
	in.Host, in.URL.Scheme, in.URL.Host = "example.com", "http", "example.com"
	w := validAnswer(c.t, c.s, c.router, in, body)
	if w.Code != http.StatusOK {
		c.t.Errorf("%s %s: %d %s", r.Method, r.URL, w.Code, w.Body)
	}
	for name := range r.URL.Query() {
		c.seen[name]++
	}
	c.seen[r.Method]++
	return w.Result(), nil
}

// TestClientAsksAsDescribed uses every parameter and every endpoint.
func TestClientAsksAsDescribed(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 700, OnBehalfOf: []string{"", "sub-a"}})
	transport := &checkedTransport{t, s, describedAPI(t, s), map[string]int{}}
	c, err := payapi.New(payapi.Options{BaseURL: "https://sandbox.example", Auth: payapi.Bearer(DemoToken), Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	some := s.Truth()[:60]
	var ids, refs []string
	for _, p := range some {
		ids, refs = append(ids, p.ID), append(refs, p.RefID)
	}
	for _, q := range []payout.Query{
		{From: some[0].Created.Day(), To: some[59].Created.Day() + 5, Limit: 50},
		{IDs: ids},
		{IDs: ids, InvertIDs: true},
		{RefIDs: refs},
		{Statuses: payout.FinalStatuses(), InvertStatuses: true},
		{Statuses: []payout.Status{payout.Pending}, OnBehalfOf: "sub-a"},
	} {
		if _, err := walkAll(c, q); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Get(context.Background(), ids[0]); err != nil {
		t.Error(err)
	}
	in := newInitiation("as-described")
	in.OnBehalfOf = "sub-a"
	if _, err := c.Initiate(context.Background(), in); err != nil {
		t.Error(err)
	}
	if _, err := c.ServerClock(context.Background(), ""); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"limit", "offset", "startDate", "endDate", "ids", "invertIds", "statuses", "invertStatuses", "refIds", "onBehalfOfId", "GET", "POST"} {
		if transport.seen[want] == 0 {
			t.Errorf("the client never used %s", want)
		}
	}
}
