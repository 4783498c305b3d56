package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/payout"
)

// try sends one request and says what came of it: a status, or what happened to the connection.
func try(client *http.Client, base, method, path, body string) (string, []byte) {
	r, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		return err.Error(), nil
	}
	r.Header.Set("Authorization", "Bearer "+DemoToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(r)
	if err != nil {
		return "cut", nil
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return "torn", b
	}
	return fmt.Sprint(response.StatusCode), b
}

// both runs a test over a socket and in process: the faults must arrive the same way.
func both(t *testing.T, s func() *Sandbox, test func(t *testing.T, s *Sandbox, client *http.Client, base string)) {
	t.Run("socket", func(t *testing.T) {
		made := s()
		server := httptest.NewServer(made)
		defer server.Close()
		test(t, made, server.Client(), server.URL)
	})
	t.Run("in process", func(t *testing.T) {
		made := s()
		test(t, made, &http.Client{Transport: made.Transport()}, "http://sandbox")
	})
}

func TestTroublesAreBoundedAndFollowTheSeed(t *testing.T) {
	for name, faults := range map[string]Faults{
		"errors": {Errors: 1}, "resets": {Reset: 1}, "torn": {Torn: 1}, "rare": {Errors: 4, Reset: 4, Torn: 4}, "three": {Errors: 2, Torn: 2, InARow: 3},
	} {
		t.Run(name, func(t *testing.T) {
			var stories []string
			both(t, func() *Sandbox { return newSandbox(t, Options{Payouts: 300, Faults: faults}) },
				func(t *testing.T, s *Sandbox, client *http.Client, base string) {
					story, row := "", 0
					for i := range 60 {
						client.CloseIdleConnections()
						got, body := try(client, base, "GET", fmt.Sprintf("/payouts?limit=%d", 1+i%10), "")
						story += got + " "
						if got == "200" {
							row = 0
							if !json.Valid(body) {
								t.Fatalf("a whole answer is not JSON: %.100s", body)
							}
							continue
						}
						if row++; i%10 == 9 {
							row = 0
						}
					}
					if strings.Count(story, "200") == 60 {
						t.Errorf("no trouble in 60 requests")
					}
					stories = append(stories, story)
				})
			if stories[0] != stories[1] {
				t.Errorf("socket and in process differ:\n%s\n%s", stories[0], stories[1])
			}
			s := newSandbox(t, Options{Payouts: 300, Faults: faults})
			client := &http.Client{Transport: s.Transport()}
			row := 0
			for range 100 {
				if got, _ := try(client, "http://sandbox", "GET", "/payouts?limit=77", ""); got == "200" {
					row = 0
				} else if row++; row > s.o.Faults.InARow {
					t.Fatalf("%d troubles in a row, want at most %d", row, s.o.Faults.InARow)
				}
			}
		})
	}
}

func TestErrorBodies(t *testing.T) {
	for _, c := range []struct {
		faults Faults
		check  func(status int, h http.Header, body string) bool
	}{
		{Faults{Errors: 1, ErrorCode: "503", RetryAfter: "seconds"}, func(status int, h http.Header, body string) bool {
			return status == 503 && h.Get("Retry-After") == "1" && strings.Contains(body, `"errorCode":"UNAVAILABLE"`)
		}},
		{Faults{Errors: 1, ErrorCode: "504", ErrorBody: "html", BankFault: true}, func(status int, h http.Header, body string) bool {
			return status == 504 && strings.HasPrefix(body, "<!DOCTYPE html>") && strings.HasPrefix(h.Get("Content-Type"), "text/html") && h.Get("token-external-error") == "true"
		}},
		{Faults{Errors: 1, ErrorCode: "500", ErrorBody: "empty"}, func(status int, h http.Header, body string) bool {
			return status == 500 && body == "" && h.Get("token-external-error") == ""
		}},
		{Faults{Errors: 1, ErrorCode: "501"}, func(status int, _ http.Header, body string) bool {
			return status == 501 && strings.Contains(body, "UNIMPLEMENTED") && strings.Contains(body, "tokenTraceId")
		}},
		{Faults{Errors: 1, ErrorCode: "503", RetryAfter: "date"}, func(_ int, h http.Header, _ string) bool {
			return h.Get("Retry-After") == "Tue, 31 Mar 2026 02:30:01 GMT"
		}},
		{Faults{Forbid: true}, func(status int, _ http.Header, body string) bool {
			return status == 403 && strings.Contains(body, "PermissionDenied")
		}},
		{Faults{Skew: time.Hour}, func(status int, h http.Header, _ string) bool {
			return status == 200 && h.Get("Date") == "Tue, 31 Mar 2026 03:30:00 GMT"
		}},
		{Faults{NoDate: true}, func(status int, h http.Header, _ string) bool { return status == 200 && h.Values("Date") == nil }},
	} {
		s := newSandbox(t, Options{Payouts: 10, Faults: c.faults})
		status, h, body := ask(t, s, "GET", "/payouts?limit=1", "")
		if !c.check(status, h, string(body)) {
			t.Errorf("%+v: %d %v %s", c.faults, status, h, body)
		}
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSandbox(t, Options{Payouts: 10, Faults: Faults{RateLimit: 5, RetryAfter: "seconds"}})
		count := func() (ok int) {
			for range 20 {
				status, h, body := ask(t, s, "GET", "/payouts?limit=1", "")
				switch {
				case status == 200:
					ok++
				case status != 429 || h.Get("Retry-After") != "1" || errorOf(t, body).Code != "RESOURCE_EXHAUSTED":
					t.Errorf("%d %v %s", status, h, body)
				}
			}
			return ok
		}
		if got := count(); got != 5 {
			t.Errorf("%d of 20 requests at once let through, want 5", got)
		}
		time.Sleep(time.Second)
		if got := count(); got != 5 {
			t.Errorf("%d of 20 requests a second later, want 5", got)
		}
	})
}

func TestLatencyAndDripsTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSandbox(t, Options{Payouts: 10, Faults: Faults{Latency: time.Second, Slow: 1, SlowFor: 10 * time.Second}})
		client := &http.Client{Transport: s.Transport()}
		start := time.Now()
		if got, body := try(client, "http://sandbox", "GET", "/payouts?limit=10", ""); got != "200" || !json.Valid(body) {
			t.Errorf("slow answer: %s %s", got, body)
		}
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("took %s, want 11s", took)
		}
		client.Timeout = 5 * time.Second
		start = time.Now()
		if got, _ := try(client, "http://sandbox", "GET", "/payouts?limit=10", ""); got != "torn" || time.Since(start) != 5*time.Second {
			t.Errorf("with a timeout of 5s: %s after %s", got, time.Since(start))
		}
		client.Timeout = 500 * time.Millisecond
		if got, _ := try(client, "http://sandbox", "GET", "/payouts?limit=10", ""); got != "cut" {
			t.Errorf("with a timeout of 0.5s: %s", got)
		}
	})
}

func TestTransportReportsWhatANetworkWould(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10, Faults: Faults{Reset: 1}})
	r := httptest.NewRequest("GET", "/payouts?limit=1", nil)
	r.Header.Set("Authorization", "Bearer "+DemoToken)
	if _, err := s.Transport().RoundTrip(r); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("RoundTrip: %v, want a reset connection", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Transport().RoundTrip(r.WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("RoundTrip with a dead context: %v", err)
	}
}

func TestLostPostsArePerformed(t *testing.T) {
	both(t, func() *Sandbox { return newSandbox(t, Options{Payouts: 50, Breaks: -1, Faults: Faults{LostPosts: 1}}) },
		func(t *testing.T, s *Sandbox, client *http.Client, base string) {
			if got, _ := try(client, base, "POST", "/payouts", goodInitiation); got != "cut" {
				t.Errorf("POST: %s, want no answer", got)
			}
			if got := len(listIDs(pages(t, s, url.Values{"limit": {"9"}, "refIds": {"9htio4a1sp2akdr1aa"}}))); got != 1 {
				t.Errorf("%d payouts after a lost answer, want 1", got)
			}
			if got, _ := try(client, base, "GET", "/payouts?limit=1", ""); got != "200" {
				t.Errorf("GET: %s; only POSTs are lost", got)
			}
		})
	s := newSandbox(t, Options{Payouts: 50, Breaks: -1, Faults: Faults{Errors: 1}})
	if got, _ := try(&http.Client{Transport: s.Transport()}, "http://sandbox", "POST", "/payouts", goodInitiation); got[0] != '5' || len(s.Truth()) != 50 {
		t.Errorf("a POST that met a 5xx: %s, %d payouts; want none made", got, len(s.Truth()))
	}
}

func TestCursorsExpire(t *testing.T) {
	query := url.Values{"limit": {"100"}}
	s := newSandbox(t, Options{Payouts: 300, Faults: Faults{CursorTTL: time.Hour}})
	cursor := pages(t, s, query)[0].Paging.Offset
	s.Advance(59 * time.Minute)
	if status, _, _ := ask(t, s, "GET", "/payouts?limit=100&offset="+cursor, ""); status != 200 {
		t.Errorf("after 59 minutes: %d", status)
	}
	s.Advance(2 * time.Minute)
	if status, _, body := ask(t, s, "GET", "/payouts?limit=100&offset="+cursor, ""); status != 400 || !strings.Contains(string(body), "expired") {
		t.Errorf("after 61 minutes: %d %s", status, body)
	}
	s = newSandbox(t, Options{Payouts: 300, Faults: Faults{RefuseCursors: 2}})
	cursor = firstPage(t, s, query).Paging.Offset
	for i, want := range []int{400, 400, 200, 200} {
		if status, _, _ := ask(t, s, "GET", "/payouts?limit=100&offset="+cursor, ""); status != want {
			t.Errorf("use %d of a cursor: %d, want %d", i+1, status, want)
		}
	}
}

func firstPage(t testing.TB, s *Sandbox, query url.Values) (p wirePage) {
	t.Helper()
	_, _, body := ask(t, s, "GET", "/payouts?"+query.Encode(), "")
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}

func TestLastCursorOfAFullPage(t *testing.T) {
	for _, order := range []string{"oldest", "newest"} {
		for _, cursor := range []string{"key", "position"} {
			for _, last := range []string{"next", "none", "repeat"} {
				s := newSandbox(t, Options{Payouts: 200, Breaks: -1, Faults: Faults{LastCursor: last, Order: order, Cursor: cursor}})
				whole := firstPage(t, s, url.Values{"limit": {"200"}})
				if len(whole.Payouts) != 200 || (whole.Paging.Offset == "") != (last == "none") {
					t.Errorf("%s %s %s, one page: %d rows, offset %q", order, cursor, last, len(whole.Payouts), whole.Paging.Offset)
				}
				first := firstPage(t, s, url.Values{"limit": {"100"}})
				second := firstPage(t, s, url.Values{"limit": {"100"}, "offset": {first.Paging.Offset}})
				same := second.Paging.Offset == first.Paging.Offset
				if len(second.Payouts) != 100 || same != (last == "repeat") || (second.Paging.Offset == "") != (last == "none") {
					t.Errorf("%s %s %s, two pages: %d rows, offsets %q and %q", order, cursor, last, len(second.Payouts), first.Paging.Offset, second.Paging.Offset)
				}
				if ids := append(listIDs([]wirePage{first}), listIDs([]wirePage{second})...); !slices.Equal(ids, listIDs([]wirePage{whole})) {
					t.Errorf("%s %s %s: two pages are not the one", order, cursor, last)
				}
				if last == "repeat" {
					if again := firstPage(t, s, url.Values{"limit": {"200"}, "offset": {whole.Paging.Offset}}); again.Paging.Offset != whole.Paging.Offset || len(again.Payouts) != 200 {
						t.Errorf("%s %s: the repeated cursor of the first page leads to %d rows and another cursor", order, cursor, len(again.Payouts))
					}
				}
			}
		}
	}
}

func TestEndDateAsMidnight(t *testing.T) {
	d := payout.DayOf(DemoNow) - 10
	count := func(f Faults) int {
		s := newSandbox(t, Options{Payouts: 1000, Faults: f})
		return len(listIDs(pages(t, s, url.Values{"limit": {"200"}, "startDate": {d.String()}, "endDate": {d.String()}})))
	}
	if whole, midnight := count(Faults{}), count(Faults{EndDate: "midnight"}); whole == 0 || midnight != 0 {
		t.Errorf("one day: %d payouts as a whole day, %d as midnight; want some and none", whole, midnight)
	}
}

func TestRowsRepeatOrShiftSoOften(t *testing.T) {
	query := url.Values{"limit": {"50"}}
	for _, order := range []string{"oldest", "newest"} {
		for _, cursor := range []string{"key", "position"} {
			for _, c := range []struct {
				repeat, shift    int
				rows, distinct   int
				laterWalkIsWhole bool
			}{{3, 0, 403, 400, true}, {0, 3, 397, 397, true}, {2, 2, 400, 400, true}} {
				s := newSandbox(t, Options{Payouts: 400, Breaks: -1, Faults: Faults{RepeatRows: c.repeat, ShiftRows: c.shift, Cursor: cursor, Order: order}})
				ids := listIDs(pages(t, s, query))
				seen := map[string]bool{}
				for _, id := range ids {
					seen[id] = true
				}
				if c.repeat > 0 && c.shift > 0 {
					continue // both at once on one page undo each other: nothing to count
				}
				if len(ids) != c.rows || len(seen) != c.distinct {
					t.Errorf("%s %s repeat %d shift %d: %d rows, %d payouts; want %d, %d", order, cursor, c.repeat, c.shift, len(ids), len(seen), c.rows, c.distinct)
				}
				if again := listIDs(pages(t, s, query)); len(again) != 400 {
					t.Errorf("%s %s: a later walk has %d rows, want 400", order, cursor, len(again))
				}
			}
		}
	}
}
