package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

func TestUnmixInvertsMix(t *testing.T) {
	for _, x := range []uint64{0, 1, 2, golden, 1 << 63, ^uint64(0), 123456789} {
		if got := unmix(mix(x)); got != x {
			t.Errorf("unmix(mix(%d)) = %d", x, got)
		}
	}
}

// newSandbox makes a sandbox for a test.
func newSandbox(t testing.TB, o Options) *Sandbox {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request in process, with the sandbox's own token, and returns status, headers and body.
func ask(t testing.TB, s *Sandbox, method, target, body string) (int, http.Header, []byte) {
	t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.o.Token)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := s.Transport().RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: reading the body: %v", method, target, err)
	}
	return response.StatusCode, response.Header, b
}

type wirePayout struct {
	ID         string                  `json:"id"`
	Created    time.Time               `json:"createdDateTime"`
	Updated    time.Time               `json:"updatedDateTime"`
	Status     payout.Status           `json:"status"`
	Reason     string                  `json:"statusReasonInformation"`
	Initiation *struct{ RefID string } `json:"initiation"`
}

type wirePage struct {
	Payouts []wirePayout
	Paging  struct {
		Limit  int
		Offset string
	}
}

// pages walks a list to its end and returns its pages.
func pages(t testing.TB, s *Sandbox, query url.Values) []wirePage {
	t.Helper()
	var all []wirePage
	for len(all) < 10_000 {
		status, _, body := ask(t, s, "GET", "/payouts?"+query.Encode(), "")
		if status != http.StatusOK {
			t.Fatalf("GET /payouts?%s: status %d: %s", query.Encode(), status, body)
		}
		var p wirePage
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatalf("GET /payouts?%s: %v", query.Encode(), err)
		}
		all = append(all, p)
		if p.Paging.Offset == "" {
			return all
		}
		query = cloneWith(query, "offset", p.Paging.Offset)
	}
	t.Fatal("the list does not end")
	return nil
}

func cloneWith(v url.Values, name, value string) url.Values {
	c := make(url.Values)
	for k, values := range v {
		c[k] = slices.Clone(values)
	}
	c.Set(name, value)
	return c
}

func listIDs(all []wirePage) []string {
	var ids []string
	for _, p := range all {
		for _, q := range p.Payouts {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

func truthIDs(s *Sandbox, keep func(payout.Payout) bool) []string {
	var ids []string
	for _, p := range s.Truth() {
		if keep(p) {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func TestListShowsEveryPayoutOnce(t *testing.T) {
	s := newSandbox(t, Options{Seed: 7, Payouts: 1000})
	all := pages(t, s, url.Values{"limit": {"200"}})
	got, want := listIDs(all), truthIDs(s, func(payout.Payout) bool { return true })
	if len(want) != 1000 || !slices.Equal(got, want) {
		t.Fatalf("list has %d payouts, truth %d (want 1000, and the same in order)", len(got), len(want))
	}
	if last := all[len(all)-1]; len(all) != 6 || len(last.Payouts) != 0 {
		t.Errorf("%d pages, the last with %d rows; want 6 and 0: a full page does not know that it is the last", len(all), len(last.Payouts))
	}
}
