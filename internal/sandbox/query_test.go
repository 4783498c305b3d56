package sandbox

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"payrecon/internal/payout"
)

func TestBadParametersAreRefused(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 20})
	for _, c := range []struct{ query, want string }{
		{"", "`limit` is required"},
		{"limit=", "`limit` should be a whole number"},
		{"limit=0", "`limit` should be a whole number"},
		{"limit=-1", "`limit` should be a whole number"},
		{"limit=ten", "`limit` should be a whole number"},
		{"limit=3000000000", "`limit` should be a whole number"},
		{"limit=10&limit=10", "`limit` is given more than once"},
		{"limit=10&page=2", "unknown parameter `page`"},
		{"limit=10&status=INITIATION_PENDING", "unknown parameter `status`"},
		{"limit=10&startDate=2026-02-30", "`startDate` should be a date"},
		{"limit=10&startDate=", "`startDate` should be a date"},
		{"limit=10&endDate=31.03.2026", "`endDate` should be a date"},
		{"limit=10&startDate=2026-03-03&endDate=2026-03-01", "`startDate` should not be after `endDate`"},
		{"limit=10&statuses=COMPLETED", "`statuses` should be among INITIATION_PENDING"},
		{"limit=10&statuses=INITIATION_ON_HOLD", "`statuses` should be among"},
		{"limit=10&statuses=", "`statuses` should not be empty"},
		{"limit=10&ids=", "`ids` should not be empty"},
		{"limit=10&refIds=a&refIds=", "`refIds` should not be empty"},
		{"limit=10&invertIds=yes", "`invertIds` should be true or false"},
		{"limit=10&invertStatuses=1", "`invertStatuses` should be true or false"},
		{"limit=10&onBehalfOfId=", "`onBehalfOfId` should not be empty"},
		{"limit=10&offset=LerV6Jmex", "`offset` is not valid"},
		{"limit=%zz", "cannot be read"},
	} {
		status, _, body := ask(t, s, "GET", "/payouts?"+c.query, "")
		if status != http.StatusBadRequest || !strings.Contains(string(body), c.want) {
			t.Errorf("GET /payouts?%s: %d %s; want 400 with %q", c.query, status, body, c.want)
		}
		e := errorOf(t, body)
		if e.Code != "" || e.Trace == "" {
			t.Errorf("GET /payouts?%s: errorCode %q, tokenTraceId %q; want none and some", c.query, e.Code, e.Trace)
		}
	}
}

type wireError struct {
	Code    string `json:"errorCode"`
	Message string `json:"message"`
	Payment string `json:"paymentId"`
	Trace   string `json:"tokenTraceId"`
}

func errorOf(t testing.TB, body []byte) wireError {
	t.Helper()
	var e struct{ Error wireError }
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("error body %q: %v", body, err)
	}
	return e.Error
}

func TestLimitIsClampedInSilence(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 450})
	for _, limit := range []string{"200", "201", "500", "2147483647"} {
		p := pages(t, s, url.Values{"limit": {limit}})[0]
		if len(p.Payouts) != 200 || p.Paging.Limit != 200 || p.Paging.Offset == "" {
			t.Errorf("limit=%s: %d rows, paging.limit %d, offset %q; want 200, 200 and a cursor", limit, len(p.Payouts), p.Paging.Limit, p.Paging.Offset)
		}
	}
}

// TestFiltersAgreeWithTruth compares random queries, in random page sizes, with a filter of the truth that is written
// another way.
func TestFiltersAgreeWithTruth(t *testing.T) {
	boxes := []*Sandbox{
		newSandbox(t, Options{Payouts: 600, OnBehalfOf: []string{"", "sub-a", "sub-b"}}),
		newSandbox(t, Options{Payouts: 600, OnBehalfOf: []string{"", "sub-a", "sub-b"}, OwnOnly: true, Faults: Faults{Cursor: "position"}}),
		newSandbox(t, Options{Payouts: 600, OnBehalfOf: []string{"", "sub-a", "sub-b"}, Faults: Faults{Order: "newest", LastCursor: "none"}}),
		newSandbox(t, Options{Payouts: 600, OnBehalfOf: []string{"", "sub-a", "sub-b"}, Faults: Faults{Order: "newest", Cursor: "position", ShortCursor: true}}),
	}
	truth := boxes[0].Truth() // the same for all: faults change only how it is listed
	rapid.Check(t, func(rt *rapid.T) {
		s := boxes[rapid.IntRange(0, len(boxes)-1).Draw(rt, "sandbox")]
		q, keep := drawQuery(rt, truth, s.o.OwnOnly)
		got := listIDs(pages(t, s, q))
		var want []string
		for _, p := range truth {
			if keep(p) {
				want = append(want, p.ID)
			}
		}
		if s.o.Faults.Order == "newest" {
			slices.Reverse(want)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%s: got %d payouts, want %d", q.Encode(), len(got), len(want))
		}
	})
}

// drawQuery draws a query and the test that a payout must pass.
func drawQuery(rt *rapid.T, truth []payout.Payout, ownOnly bool) (url.Values, func(payout.Payout) bool) {
	q := url.Values{"limit": {rapid.SampledFrom([]string{"200", "50", "7", "199"}).Draw(rt, "limit")}}
	some := rapid.SliceOfN(rapid.SampledFrom(truth), 1, 20)
	var tests []func(payout.Payout) bool
	chance := func(label string) bool { return rapid.IntRange(0, 3).Draw(rt, label) == 0 }
	if chance("from") {
		d := some.Draw(rt, "from")[0].Created.Day()
		q.Set("startDate", d.String())
		tests = append(tests, func(p payout.Payout) bool { return p.Created.Day() >= d })
	}
	if from, err := payout.ParseDay(q.Get("startDate")); chance("to") {
		d := some.Draw(rt, "to")[0].Created.Day()
		if err == nil {
			d = max(d, from)
		}
		q.Set("endDate", d.String())
		tests = append(tests, func(p payout.Payout) bool { return p.Created.Day() <= d })
	}
	if chance("ids") {
		ids := []string{"po:none:none"}
		for _, p := range some.Draw(rt, "ids") {
			ids = append(ids, p.ID)
		}
		inverted := rapid.Bool().Draw(rt, "invertIds")
		q["ids"], q["invertIds"] = ids, []string{map[bool]string{true: "true", false: "false"}[inverted]}
		tests = append(tests, func(p payout.Payout) bool { return slices.Contains(ids, p.ID) != inverted })
	}
	if chance("refs") {
		refs := []string{"no such reference"}
		for _, p := range some.Draw(rt, "refs") {
			refs = append(refs, p.RefID)
		}
		q["refIds"] = refs
		tests = append(tests, func(p payout.Payout) bool { return slices.Contains(refs, p.RefID) })
	}
	if chance("statuses") {
		words := rapid.SliceOfNDistinct(rapid.SampledFrom(documentedStatuses()), 1, 4, rapid.ID[string]).Draw(rt, "statuses")
		inverted := rapid.Bool().Draw(rt, "invertStatuses")
		q["statuses"] = words
		if inverted {
			q.Set("invertStatuses", "true")
		}
		tests = append(tests, func(p payout.Payout) bool { return slices.Contains(words, string(p.Status)) != inverted })
	}
	switch {
	case chance("owner"):
		owner := rapid.SampledFrom([]string{"sub-a", "sub-b", "sub-c"}).Draw(rt, "onBehalfOf")
		q.Set("onBehalfOfId", owner)
		tests = append(tests, func(p payout.Payout) bool { return p.OnBehalfOf == owner })
	case ownOnly:
		tests = append(tests, func(p payout.Payout) bool { return p.OnBehalfOf == "" })
	}
	return q, func(p payout.Payout) bool {
		for _, pass := range tests {
			if !pass(p) {
				return false
			}
		}
		return true
	}
}

func TestUnregulatedMembersMustSayForWhom(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 50, OnBehalfOf: []string{"sub-a"}, Unregulated: true})
	if status, _, body := ask(t, s, "GET", "/payouts?limit=10", ""); status != http.StatusBadRequest || !strings.Contains(string(body), "mandatory") {
		t.Errorf("without onBehalfOfId: %d %s; want 400, mandatory", status, body)
	}
	if got := len(listIDs(pages(t, s, url.Values{"limit": {"200"}, "onBehalfOfId": {"sub-a"}}))); got != 50 {
		t.Errorf("with onBehalfOfId: %d payouts, want 50", got)
	}
}

func TestCursorBelongsToItsQuery(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 300})
	cursor := pages(t, s, url.Values{"limit": {"100"}})[0].Paging.Offset
	if status, _, body := ask(t, s, "GET", "/payouts?limit=100&startDate=2026-03-01&offset="+cursor, ""); status != http.StatusBadRequest || !strings.Contains(string(body), "another query") {
		t.Errorf("another query: %d %s; want 400", status, body)
	}
	if status, _, _ := ask(t, s, "GET", "/payouts?limit=50&offset="+cursor, ""); status != http.StatusOK {
		t.Errorf("another limit: %d; want 200", status)
	}
	tampered := "B" + cursor[1:]
	if status, _, body := ask(t, s, "GET", "/payouts?limit=100&offset="+tampered, ""); status != http.StatusBadRequest || !strings.Contains(string(body), "not valid") {
		t.Errorf("tampered: %d %s; want 400", status, body)
	}
	other := newSandbox(t, Options{Payouts: 300, Seed: 2})
	if status, _, _ := ask(t, other, "GET", "/payouts?limit=100&offset="+cursor, ""); status != http.StatusBadRequest {
		t.Errorf("another sandbox: %d; want 400", status)
	}
}

func TestOffsetByKeySurvivesWhatPositionDoesNot(t *testing.T) {
	query := url.Values{"limit": {"100"}, "statuses": {"INITIATION_COMPLETED"}}
	for _, kind := range []string{"key", "position"} {
		s := newSandbox(t, Options{Payouts: 400, Breaks: -1, Faults: Faults{Cursor: kind}})
		_, _, body := ask(t, s, "GET", "/payouts?"+query.Encode(), "")
		var first wirePage
		if err := json.Unmarshal(body, &first); err != nil {
			t.Fatal(err)
		}
		if err := s.SetStatus(first.Payouts[0].ID, payout.Rejected, "for the test"); err != nil {
			t.Fatal(err)
		}
		rest := pages(t, s, cloneWith(query, "offset", first.Paging.Offset))
		all := append(listIDs([]wirePage{first}), listIDs(rest)...)
		want := 1 + len(truthIDs(s, func(p payout.Payout) bool { return p.Status == payout.Completed }))
		if kind == "position" {
			want-- // the list shrank under the cursor: one payout was never shown
		}
		if len(all) != want {
			t.Errorf("cursor by %s: %d payouts seen, want %d", kind, len(all), want)
		}
	}
}

func TestPostedAndFuturePayoutsShowUpInTime(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 300, FutureDays: 3, Breaks: -1})
	before := len(s.Truth())
	s.Advance(48 * time.Hour)
	after := len(s.Truth())
	listed := len(listIDs(pages(t, s, url.Values{"limit": {"200"}})))
	if before != 300 || after <= before || listed != after {
		t.Errorf("before %d, two days later %d, listed %d; want 300, more, and the same", before, after, listed)
	}
	for _, p := range s.Truth() {
		if p.Created > payout.MillisOf(s.Now()) {
			t.Fatalf("%s was created at %s, after now", p.ID, p.Created)
		}
	}
}
