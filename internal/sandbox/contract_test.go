package sandbox

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// The contract: the client, which knows only what the provider documents, against every option of the sandbox. It runs in
// process on a fake clock, so that waits cost nothing.

// client makes the client for a sandbox.
func client(t testing.TB, s *Sandbox, auth payapi.Authorizer) *payapi.Client {
	t.Helper()
	if auth == nil {
		auth = payapi.Bearer(s.o.Token)
	}
	c, err := payapi.New(payapi.Options{BaseURL: "https://sandbox.example", Auth: auth, Transport: s.Transport(), Attempts: 8, MaxElapsed: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// walked is what a walk saw.
type walked struct {
	payouts []payout.Payout
	end     payout.PageEnd
	starts  int // how often it began, because a cursor was refused
}

// walkAll walks a query to its end, from the start again where a cursor is refused, as a sync would.
func walkAll(c *payapi.Client, q payout.Query) (w walked, err error) {
	for w.starts = 1; w.starts < 20; w.starts++ {
		w.payouts, err = nil, nil
		for page, failed := range c.Pages(context.Background(), q, "") {
			if err = failed; err != nil {
				break
			}
			w.payouts, w.end = append(w.payouts, page.Payouts...), page.End
		}
		if !payapi.IsInvalidCursor(err) {
			return w, err
		}
	}
	return w, err
}

// distinct returns the ids of a walk, each once, sorted.
func (w walked) distinct() []string {
	var ids []string
	for i := range w.payouts {
		ids = append(ids, w.payouts[i].ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func sortedTruth(s *Sandbox) []string {
	ids := truthIDs(s, func(payout.Payout) bool { return true })
	slices.Sort(ids)
	return ids
}

// contractCase is one way the sandbox can be, and who asks.
type contractCase struct {
	o     Options
	token string                   // "": the sandbox's own
	shows func(payout.Payout) bool // nil: everything
}

// throughTrouble are the options through which the client sees all that is shown.
func throughTrouble() map[string]contractCase {
	cases := map[string]contractCase{
		"another world": {o: Options{Seed: 7, Payouts: 500, Days: 20, FutureDays: 3, Breaks: 2, Currencies: []string{"KWD", "EUR"}, MemberID: "m:one"}},
		"sub-members":   {o: Options{OnBehalfOf: []string{"", "sub-a"}}},
		"own payouts":   {o: Options{OnBehalfOf: []string{"", "sub-a"}, OwnOnly: true}, shows: func(p payout.Payout) bool { return p.OnBehalfOf == "" }},
		"own token":     {o: Options{Token: "other"}},
		"reader":        {o: Options{ReadToken: "reader"}, token: "reader"},
	}
	for name, f := range map[string]Faults{
		"none":                {},
		"latency and jitter":  {Latency: 2 * time.Second, Jitter: 3 * time.Second},
		"rate limit":          {RateLimit: 2},
		"rate limit, seconds": {RateLimit: 2, RetryAfter: "seconds"},
		"rate limit, date":    {RateLimit: 2, RetryAfter: "date"},
		"503 with a date":     {Errors: 1, ErrorCode: "503", RetryAfter: "date", Skew: time.Hour},
		"500":                 {Errors: 2, ErrorCode: "500", BankFault: true},
		"504 in HTML":         {Errors: 1, ErrorCode: "504", ErrorBody: "html"},
		"503 empty":           {Errors: 1, ErrorCode: "503", ErrorBody: "empty"},
		"5xx of all kinds":    {Errors: 1, ErrorBody: "mix", InARow: 4},
		"torn bodies":         {Torn: 1},
		"resets":              {Reset: 1},
		"slow bodies":         {Slow: 1, SlowFor: 20 * time.Second},
		"everything at once":  {Errors: 3, Torn: 3, Reset: 3, Slow: 3, Jitter: time.Second, RateLimit: 20, InARow: 4},
		"no Date":             {NoDate: true},
		"skewed Date":         {Skew: -26 * time.Hour},
		"refused cursors":     {RefuseCursors: 3},
		"short-lived cursors": {CursorTTL: time.Minute, Latency: time.Second},
		"by position":         {Cursor: "position"},
		"newest first":        {Order: "newest"},
		"newest, by position": {Order: "newest", Cursor: "position"},
		"short pages go on":   {ShortCursor: true},
		"rows repeat":         {RepeatRows: 3},
		"endDate is midnight": {EndDate: "midnight"},
		"unknown statuses":    {UnknownStatus: 3},
		"unknown fields":      {UnknownFields: true, EmptyOptionals: true},
		"no initiation":       {NoInitiation: 3},
		"numeric sort codes":  {NumericSort: true},
		"odd times":           {TimeForms: true},
		"vanished":            {Vanish: 5, VanishAfter: time.Hour},
		"flipped":             {Flip: 3, FlipAfter: time.Hour},
	} {
		cases[name] = contractCase{o: Options{Faults: f}}
	}
	return cases
}

// TestClientSeesEverythingThroughEveryTrouble: whatever the option, the client shows every payout, with every field as it
// is, and ends.
func TestClientSeesEverythingThroughEveryTrouble(t *testing.T) {
	for name, c := range throughTrouble() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.o.Payouts == 0 {
					c.o.Payouts = 900
				}
				s := newSandbox(t, c.o)
				w, err := walkAll(client(t, s, payapi.Bearer(cmp.Or(c.token, s.o.Token))), payout.Query{})
				if err != nil || w.end != payout.PageRegular {
					t.Fatalf("the walk ends with %v, %v; want a regular end", w.end, err)
				}
				want := sortedTruth(s)
				if c.shows != nil {
					want = truthIDs(s, c.shows)
					slices.Sort(want)
				}
				if got := w.distinct(); !slices.Equal(got, want) {
					t.Fatalf("%d payouts seen, want %d", len(got), len(want))
				}
				sameAsTruth(t, s, w.payouts)
				if n := c.o.Faults.RefuseCursors; n > 0 && w.starts != n+1 {
					t.Errorf("%d walks, want %d", w.starts, n+1)
				}
			})
		})
	}
}

// sameAsTruth compares what the client decoded with what the sandbox knows, field by field.
func sameAsTruth(t *testing.T, s *Sandbox, seen []payout.Payout) {
	t.Helper()
	truth := make(map[string]payout.Payout)
	for _, p := range s.Truth() {
		truth[p.ID] = p
	}
	for _, got := range seen {
		if want := truth[got.ID]; len(got.Raw) == 0 || got.Hash == ([16]byte{}) || !samePayout(got, want) {
			t.Fatalf("the client reads\n%+v from\n%s; want\n%+v", got, got.Raw, want)
		}
	}
}

// samePayout compares all that the API says.
func samePayout(a, b payout.Payout) bool {
	return a.ID == b.ID && a.MemberID == b.MemberID && a.Created == b.Created && a.Updated == b.Updated && a.Status == b.Status &&
		a.Reason == b.Reason && a.BankStatus == b.BankStatus && a.BankTransactionID == b.BankTransactionID && a.RefID == b.RefID &&
		a.Amount == b.Amount && a.Description == b.Description && a.DebtorAccount == b.DebtorAccount && a.Creditor == b.Creditor
}

func fullLastPages() []Options {
	return []Options{{Payouts: 600, Faults: Faults{LastCursor: "none"}}, {Payouts: 600, Faults: Faults{LastCursor: "repeat"}}}
}

// TestClientIsUnsureOfAFullLastPage: a full page without a cursor, or with the same one again, proves nothing. With a
// limit that does not divide the number of rows the end is regular.
func TestClientIsUnsureOfAFullLastPage(t *testing.T) {
	for _, o := range fullLastPages() {
		for _, order := range []string{"oldest", "newest"} {
			o.Faults.Order = order
			s, last := newSandbox(t, o), o.Faults.LastCursor
			c := client(t, s, nil)
			w, err := walkAll(c, payout.Query{Limit: 200})
			if err != nil || w.end != payout.PageUnsure || len(w.payouts) != 600 {
				t.Errorf("%s %s: %d rows, end %v, %v; want 600, unsure", last, order, len(w.payouts), w.end, err)
			}
			w, err = walkAll(c, payout.Query{Limit: 199})
			if err != nil || w.end != payout.PageRegular || len(w.payouts) != 600 {
				t.Errorf("%s %s, limit 199: %d rows, end %v, %v; want 600, regular", last, order, len(w.payouts), w.end, err)
			}
		}
	}
}

// lowered is a way to an API that gives at most 70 rows, whatever limit is asked for.
type lowered struct{ http.RoundTripper }

func (l lowered) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	q.Set("limit", "70")
	in := r.Clone(r.Context())
	in.URL.RawQuery = q.Encode()
	return l.RoundTripper.RoundTrip(in)
}

// TestClientReadsThroughALoweredLimit: a page that is shorter than was asked for is not the end while its cursor leads on.
func TestClientReadsThroughALoweredLimit(t *testing.T) {
	for _, payouts := range []int{600, 630} { // 630: the last page is full, too
		for _, f := range []Faults{{}, {LastCursor: "none"}, {LastCursor: "repeat"}, {ShortCursor: true, Cursor: "position"}} {
			s := newSandbox(t, Options{Payouts: payouts, Faults: f})
			c, err := payapi.New(payapi.Options{BaseURL: "https://sandbox.example", Auth: payapi.Bearer(s.o.Token), Transport: lowered{s.Transport()}})
			if err != nil {
				t.Fatal(err)
			}
			w, err := walkAll(c, payout.Query{})
			if err != nil || w.end != payout.PageRegular || len(w.payouts) != payouts {
				t.Errorf("%+v: %d rows, end %v, %v; want %d, regular", f, len(w.payouts), w.end, err, payouts)
			}
		}
	}
}

func shiftedRows() Options { return Options{Payouts: 600, Faults: Faults{ShiftRows: 2}} }

// TestClientShowsShiftedRowsAtTheNextWalk: a row that slipped between two pages cannot be seen in that walk.
func TestClientShowsShiftedRowsAtTheNextWalk(t *testing.T) {
	s := newSandbox(t, shiftedRows())
	c := client(t, s, nil)
	for _, want := range []int{598, 600} {
		if w, err := walkAll(c, payout.Query{}); err != nil || len(w.payouts) != want || w.end != payout.PageRegular {
			t.Errorf("walk of %d rows, end %v, %v; want %d", len(w.payouts), w.end, err, want)
		}
	}
}

type deadEnd struct {
	o        Options
	auth     payapi.Authorizer
	kind     payout.Kind
	requests int64
}

func deadEnds() map[string]deadEnd {
	return map[string]deadEnd{
		"wrong token":     {Options{}, payapi.Bearer("wrong"), payout.KindAuth, 1},
		"forbidden":       {Options{Faults: Faults{Forbid: true}}, nil, payout.KindAuth, 1},
		"not implemented": {Options{Faults: Faults{Errors: 1, ErrorCode: "501", InARow: 100}}, nil, payout.KindFailed, 1},
		"down for long":   {Options{Faults: Faults{Errors: 1, ErrorCode: "503", InARow: 100}}, nil, payout.KindTransport, 8},
		"cut for long":    {Options{Faults: Faults{Reset: 1, InARow: 100}}, nil, payout.KindTransport, 8},
		"no sub-member":   {Options{Unregulated: true, OnBehalfOf: []string{"sub-a"}}, nil, payout.KindInput, 1},
		"hanging":         {Options{Faults: Faults{Latency: time.Hour}}, nil, payout.KindTransport, 8},
	}
}

// TestClientSaysClearlyWhatEndsIt: where there is no way through, the error has the right kind and comes at once.
func TestClientSaysClearlyWhatEndsIt(t *testing.T) {
	for name, c := range deadEnds() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSandbox(t, c.o)
				api := client(t, s, c.auth)
				_, err := walkAll(api, payout.Query{})
				requests, _ := api.Stats()
				if err == nil || payout.KindOf(err) != c.kind || requests != c.requests {
					t.Errorf("%v (kind %d) after %d requests; want kind %d after %d", err, payout.KindOf(err), requests, c.kind, c.requests)
				}
			})
		})
	}
}

func TestClientUsesEveryFilter(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 900, OnBehalfOf: []string{"", "sub-a"}})
	c, truth := client(t, s, nil), s.Truth()
	some := truth[100:400]
	var ids, refs []string
	for _, p := range some {
		ids = append(ids, p.ID)
		refs = append(refs, p.RefID)
	}
	d := truth[450].Created.Day()
	for name, x := range map[string]struct {
		q    payout.Query
		want func(payout.Payout) bool
	}{
		"days":       {payout.Query{From: d, To: d + 2}, func(p payout.Payout) bool { return p.Created.Day() >= d && p.Created.Day() <= d+2 }},
		"statuses":   {payout.Query{Statuses: []payout.Status{payout.Rejected, payout.Failed}}, func(p payout.Payout) bool { return !p.Status.Live() }},
		"sweep":      {payout.Query{Statuses: payout.FinalStatuses(), InvertStatuses: true}, func(p payout.Payout) bool { return !p.Status.Final() }},
		"ids":        {payout.Query{IDs: ids}, func(p payout.Payout) bool { return slices.Contains(ids, p.ID) }},
		"invertIds":  {payout.Query{IDs: ids[:20], InvertIDs: true}, func(p payout.Payout) bool { return !slices.Contains(ids[:20], p.ID) }},
		"refIds":     {payout.Query{RefIDs: refs}, func(p payout.Payout) bool { return slices.Contains(refs, p.RefID) }},
		"onBehalfOf": {payout.Query{OnBehalfOf: "sub-a"}, func(p payout.Payout) bool { return p.OnBehalfOf == "sub-a" }},
		"several, limit": {payout.Query{OnBehalfOf: "sub-a", RefIDs: refs[:30], Limit: 7, Statuses: []payout.Status{payout.Completed}}, func(p payout.Payout) bool {
			return p.OnBehalfOf == "sub-a" && slices.Contains(refs[:30], p.RefID) && p.Status == payout.Completed
		}},
	} {
		var got []string
		for _, part := range payapi.Split(x.q) {
			w, err := walkAll(c, part)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got = append(got, w.distinct()...)
		}
		want := truthIDs(s, x.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%s: %d payouts, want %d", name, len(got), len(want))
		}
	}
}

func TestClientGets(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 300, Faults: Faults{Errors: 2, Torn: 2}})
	synctest.Test(t, func(t *testing.T) {
		c := client(t, s, nil)
		for _, want := range s.Truth()[:20] {
			got, err := c.Get(context.Background(), want.ID)
			if err != nil {
				t.Fatal(err)
			}
			sameAsTruth(t, s, []payout.Payout{got})
		}
		if _, err := c.Get(context.Background(), "po:none:none"); payout.KindOf(err) != payout.KindNotFound {
			t.Errorf("Get of nothing: %v", err)
		}
	})
}

// TestContractMeetsEveryOption: each option, and each word that an option takes, stands in some test of the contract. (Keys
// and Now are no flags: the signed requests and every fake clock meet them.)
func TestContractMeetsEveryOption(t *testing.T) {
	all := append(fullLastPages(), shiftedRows(), basicKey())
	for _, c := range throughTrouble() {
		all = append(all, c.o)
	}
	for _, c := range deadEnds() {
		all = append(all, c.o)
	}
	for _, c := range posts() {
		all = append(all, Options{Faults: c.f})
	}
	met := map[string]bool{}
	for _, o := range all {
		for _, f := range o.Flags() {
			met[f.Name+"="+f.String()] = true
		}
	}
	var defaults Options
	for _, f := range defaults.Flags() {
		if words := choices[f.Name]; words != nil {
			for _, word := range words {
				if !met[f.Name+"="+word] {
					t.Errorf("no test of the contract has --%s=%s", f.Name, word)
				}
			}
			continue
		}
		delete(met, f.Name+"="+f.String())
		if !slices.ContainsFunc(slices.Collect(maps.Keys(met)), func(m string) bool { return strings.HasPrefix(m, f.Name+"=") }) {
			t.Errorf("no test of the contract has --%s other than %q", f.Name, f.String())
		}
	}
}
