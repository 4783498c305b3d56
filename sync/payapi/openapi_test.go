package payapi

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// described is the way to a sandbox that holds every request of the client, and every answer to it, against the
// sandbox's openapi.yaml.
func described(t *testing.T, s *sandbox.Sandbox) http.RoundTripper {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(sandbox.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: "https://sandbox.example"}}
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		var body []byte
		if r.Body != nil {
			body, _ = io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		route, params, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			return nil, err
		}
		options := &openapi3filter.Options{
			IncludeResponseStatus: true,
			AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc, // the sandbox checks it
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			t.Errorf("%s %s is not as described: %v", r.Method, r.URL, err)
		}
		resp, err := s.Transport().RoundTrip(withBody(r, body))
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(answer))
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: options}
		out.SetBodyBytes(answer)
		if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
			t.Errorf("the answer %d to %s %s is not as described: %v", resp.StatusCode, r.Method, r.URL, err)
		}
		return resp, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func withBody(r *http.Request, body []byte) *http.Request {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

func TestRequestsAreAsDescribed(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{Payouts: 450, Token: secret, OnBehalfOf: []string{"", "sub"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{BaseURL: "https://sandbox.example", Auth: Bearer(secret), Transport: described(t, s)})
	if err != nil {
		t.Fatal(err)
	}
	all, err := walkAll(t, c, payout.Query{}, "")
	if err != nil || len(all) < 2 {
		t.Fatalf("%d pages, %v, want several", len(all), err)
	}
	some := all[0].Payouts[:3]
	ids, refs := []string{some[0].ID, some[1].ID}, []string{some[0].RefID, some[2].RefID}
	p := s.Period()
	for _, q := range []payout.Query{
		{From: p.From, To: p.To, Limit: 17},
		{IDs: ids},
		{IDs: ids, InvertIDs: true},
		{Statuses: payout.FinalStatuses(), InvertStatuses: true},
		{Statuses: []payout.Status{payout.Pending, payout.Processing}},
		{RefIDs: refs},
		{OnBehalfOf: "sub", From: p.To},
		{From: p.From, To: p.To, IDs: ids, Statuses: payout.FinalStatuses(), RefIDs: refs, OnBehalfOf: "sub", Limit: 1},
	} {
		if _, err := walkAll(t, c, q, ""); err != nil {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if got, err := c.Get(t.Context(), some[0].ID); err != nil || got.Hash != some[0].Hash {
		t.Errorf("Get = %+v, %v, want what the list shows", got, err)
	}
	if _, err := c.Get(t.Context(), "po:none"); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("Get of an unknown id = %v, want KindNotFound", err)
	}
	in := goodInitiation()
	in.DebtorAccount = some[0].DebtorAccount
	made, err := c.Initiate(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Get(t.Context(), made.ID); err != nil || got.RefID != in.RefID || got.Amount != made.Amount {
		t.Errorf("Get of the new payout = %+v, %v, want %+v", got, err, made)
	}
	if r, err := c.ServerClock(t.Context(), ""); err != nil || r.Server.IsZero() {
		t.Errorf("ServerClock = %+v, %v, want a date", r, err)
	}
}

// Pages over a real socket, from one goroutine: what one worker of a sync can get at most.
func BenchmarkPages(b *testing.B) {
	body := testPage(200)
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n++
		_, _ = w.Write(bytes.Replace(body, []byte("LerV6Jmex"), []byte{byte('a' + n%26), byte('a' + n/26%26), byte('a' + n/676%26), byte('a' + n/17576%26)}, 1))
	}))
	defer srv.Close()
	c, err := New(Options{BaseURL: srv.URL, Auth: Bearer("x"), MaxPages: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for b.Loop() {
		page, _, err := c.page(b.Context(), payout.Query{}, "")
		if err != nil || len(page.Payouts) != 200 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(200*b.N)/b.Elapsed().Seconds(), "rows/s")
}
