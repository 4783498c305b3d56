package payapi

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"payrecon/internal/payout"
)

// pageOf writes a page of rows with the ids from, from+1, ...
func pageOf(from, rows int, cursor string) string {
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"po:%d","createdDateTime":"2026-03-04T05:06:07Z","status":"INITIATION_PENDING"}`, from+i)
	}
	return fmt.Sprintf(`{"payouts":[%s],"paging":{"limit":12,"offset":%q}}`, b.String(), cursor)
}

// walkAll collects a walk. Errors must not show the secret.
func walkAll(t *testing.T, c *Client, q payout.Query, cursor string) (pages []*payout.Page, err error) {
	t.Helper()
	for page, perr := range c.Pages(t.Context(), q, cursor) {
		if perr != nil {
			err = perr
			continue
		}
		pages = append(pages, page)
	}
	if err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the error shows the secret: %v", err)
	}
	return pages, err
}

func TestPagesEnd(t *testing.T) {
	always := func(body string) http.HandlerFunc { return answerWith(200, body) }
	byCursor := func(pages map[string]string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, pages[r.URL.Query().Get("offset")])
		}
	}
	var fresh atomic.Int64
	tests := []struct {
		name   string
		limit  int
		server http.HandlerFunc
		want   []payout.PageEnd
	}{
		{"empty", 2, always(pageOf(0, 0, "")), []payout.PageEnd{payout.PageRegular}},
		{"empty with a cursor", 2, always(pageOf(0, 0, "a")), []payout.PageEnd{payout.PageRegular}},
		{"short with a cursor", 2, always(pageOf(0, 1, "a")), []payout.PageEnd{payout.PageRegular}},
		{"two pages", 2, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(2, 1, "")}), []payout.PageEnd{payout.PageMore, payout.PageRegular}},
		{"the limit clamped to 2", 3, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(2, 2, "b"), "b": pageOf(4, 1, "c"), "c": pageOf(0, 0, "")}), []payout.PageEnd{payout.PageMore, payout.PageMore, payout.PageRegular}},
		{"the limit clamped to 2, no last cursor", 3, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(2, 2, "")}), []payout.PageEnd{payout.PageMore, payout.PageRegular}},
		{"short with a cursor to rows of the same page", 3, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(1, 1, "b")}), []payout.PageEnd{payout.PageRegular}},
		{"full without a cursor", 2, always(pageOf(0, 2, "")), []payout.PageEnd{payout.PageUnsure}},
		{"repeated cursor", 2, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(2, 2, "a")}), []payout.PageEnd{payout.PageMore, payout.PageUnsure}},
		{
			"a cursor of long ago", 2, byCursor(map[string]string{"": pageOf(0, 2, "a"), "a": pageOf(2, 2, "b"), "b": pageOf(4, 2, "c"), "c": pageOf(6, 2, "a")}),
			[]payout.PageEnd{payout.PageMore, payout.PageMore, payout.PageMore, payout.PageUnsure},
		},
		{"more rows than asked for", 2, byCursor(map[string]string{"": pageOf(0, 5, "a"), "a": pageOf(5, 1, "")}), []payout.PageEnd{payout.PageMore, payout.PageRegular}},
		{"one example for ever, one cursor", 200, always(pageOf(0, 1, "LerV6Jmex")), []payout.PageEnd{payout.PageRegular}},
		{"one example for ever, one cursor, limit 1", 1, always(pageOf(0, 1, "LerV6Jmex")), []payout.PageEnd{payout.PageMore, payout.PageUnsure}},
		{"one example for ever, fresh cursors", 1, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, pageOf(0, 1, fmt.Sprint(fresh.Add(1))))
		}, []payout.PageEnd{payout.PageMore, payout.PageMore, payout.PageUnsure}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, tt.server)
			pages, err := walkAll(t, c.Client, payout.Query{Limit: tt.limit}, "")
			if err != nil {
				t.Fatal(err)
			}
			var got []payout.PageEnd
			for i, p := range pages {
				got = append(got, p.End)
				if (p.Next != "") != (p.End == payout.PageMore) {
					t.Errorf("page %d: End %d with Next %q", i, p.End, p.Next)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("page ends = %v, want %v", got, tt.want)
			}
		})
	}
}

// The cursor of a short page is followed before the page is shown, and what that costs is counted; when it cannot be
// followed, the page is not taken for the end.
func TestShortPageIsFollowedFirst(t *testing.T) {
	var n atomic.Int64
	status := 200
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.URL.Query().Has("offset") && status != 200 {
			w.WriteHeader(status)
			return
		}
		_, _ = io.WriteString(w, pageOf(0, 1, "LerV6Jmex"))
	})
	pages, err := walkAll(t, c.Client, payout.Query{}, "")
	if err != nil || len(pages) != 1 || pages[0].End != payout.PageRegular || pages[0].Requests != 2 || n.Load() != 2 {
		t.Errorf("%d pages, %v, %d requests; want one page of 2", len(pages), err, n.Load())
	}
	status = 503
	for range 2 { // the page was read: it is shown, with the cursor to go on from, and then the error
		pages, err := walkAll(t, c.Client, payout.Query{}, "")
		if len(pages) != 1 || pages[0].End != payout.PageMore || pages[0].Next != "LerV6Jmex" || payout.KindOf(err) != payout.KindTransport {
			t.Errorf("%d pages, %v; want one with more to come, KindTransport", len(pages), err)
		}
	}
	if pages, _ := walkAll(t, c.Client, payout.Query{}, "LerV6Jmex"); len(pages) != 0 {
		t.Errorf("%d pages from the cursor on, want none", len(pages))
	}
}

// listing is a server of rows ids po:0, po:1, ... that clamps the limit and gives a cursor on every page. Beyond its last row,
// and after so many uses as are good, it refuses a cursor.
func listing(rows, clamp, good, refusal int, requests *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		from, _ := strconv.Atoi(r.URL.Query().Get("offset"))
		limit = min(limit, clamp)
		if r.URL.Query().Has("offset") && (from >= rows || from > good) {
			w.WriteHeader(refusal)
			return
		}
		n := min(limit, rows-from)
		_, _ = io.WriteString(w, pageOf(from, n, strconv.Itoa(from+n)))
	}
}

// A refused cursor on a short page is the end only where the server's cursors are good: one that clamps the limit and refuses
// its cursors would else seem to have one page.
func TestRefusedCursorOfAShortPage(t *testing.T) {
	const all = 1 << 30
	tests := []struct {
		name              string
		rows, clamp, good int
		want              []payout.PageEnd
		requests          int64
	}{
		{"one row", 1, 200, all, []payout.PageEnd{payout.PageRegular}, 2},
		{"all rows, good cursors", 5, 200, all, []payout.PageEnd{payout.PageRegular}, 4},
		{"two rows, good cursors", 2, 200, all, []payout.PageEnd{payout.PageRegular}, 4},
		{"all rows, no cursor is good", 5, 200, 0, []payout.PageEnd{payout.PageUnsure}, 4},
		{"clamped, no cursor is good", 45, 10, 0, []payout.PageEnd{payout.PageUnsure}, 4},
		{"clamped, but good with a smaller limit", 45, 10, 9, []payout.PageEnd{payout.PageUnsure}, 4},
		{"clamped, good cursors", 25, 10, all, []payout.PageEnd{payout.PageMore, payout.PageMore, payout.PageRegular}, 4},
		{"clamped, good cursors, a full last page", 20, 10, all, []payout.PageEnd{payout.PageMore, payout.PageRegular}, 3},
	}
	for _, tt := range tests {
		for _, refusal := range []int{400, 404, 410} {
			t.Run(fmt.Sprint(tt.name, " ", refusal), func(t *testing.T) {
				var n atomic.Int64
				c := serve(t, listing(tt.rows, tt.clamp, tt.good, refusal, &n))
				pages, err := walkAll(t, c.Client, payout.Query{}, "")
				var got []payout.PageEnd
				var requests int
				for _, p := range pages {
					got = append(got, p.End)
					requests += p.Requests
				}
				if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) || n.Load() != tt.requests || int64(requests) != n.Load() {
					t.Errorf("ends %v, %v, %d requests, %d counted; want %v of %d", got, err, n.Load(), requests, tt.want, tt.requests)
				}
			})
		}
	}
}

// Next links that lead in a circle, each under a new cursor, are not followed for ever. What shifts is shown twice at times.
func TestCircleOfPagesEnds(t *testing.T) {
	tests := []struct {
		name            string
		pages, rows     int // of the circle
		limit, from     int
		want, different int
	}{
		{"one page", 1, 2, 2, 0, 3, 2},
		{"two full pages", 2, 200, 200, 0, 5, 400},
		{"two short pages", 2, 2, 200, 0, 5, 4},
		{"seven pages", 7, 3, 3, 0, 15, 21},
		{"a circle behind other pages", 2, 3, 3, 4, 9, 18},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var n atomic.Int64
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				i := int(n.Add(1)) - 1
				page := i
				if i >= tt.from {
					page = tt.from + (i-tt.from)%tt.pages
				}
				_, _ = io.WriteString(w, pageOf(page*tt.rows, tt.rows, fmt.Sprint("c", i)))
			}, func(o *Options) { o.MaxPages = 30 })
			pages, err := walkAll(t, c.Client, payout.Query{Limit: tt.limit}, "")
			ids := map[string]bool{}
			for i, p := range pages {
				for _, one := range p.Payouts {
					ids[one.ID] = true
				}
				if last := i == len(pages)-1; last != (p.End == payout.PageUnsure) {
					t.Errorf("page %d of %d: End %d, want the last alone unsure", i, len(pages), p.End)
				}
			}
			if err != nil || len(pages) != tt.want || n.Load() != int64(tt.want) || len(ids) != tt.different {
				t.Errorf("%d pages, %d requests, %d different payouts, %v; want %d pages, %d payouts", len(pages), n.Load(), len(ids), err, tt.want, tt.different)
			}
		})
	}
}

// A walk that goes on from a stored cursor knows that cursor too.
func TestStoredCursorIsNotFollowedAgain(t *testing.T) {
	c := serve(t, answerWith(200, pageOf(0, 2, "stored")))
	pages, err := walkAll(t, c.Client, payout.Query{Limit: 2}, "stored")
	if err != nil || len(pages) != 1 || pages[0].End != payout.PageUnsure {
		t.Errorf("%d pages, %v, want one that is unsure", len(pages), err)
	}
}

func TestPagesFillThePage(t *testing.T) {
	date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	ours := date.Add(-90 * time.Second)
	var tries atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", date.Format(http.TimeFormat))
		if tries.Add(1) == 1 {
			w.WriteHeader(503)
			return
		}
		_, _ = io.WriteString(w, pageOf(7, 1, ""))
	}, func(o *Options) { o.Clock = func() time.Time { return ours } })
	pages, err := walkAll(t, c.Client, payout.Query{OnBehalfOf: "sub"}, "start")
	if err != nil || len(pages) != 1 {
		t.Fatalf("%d pages, %v, want one", len(pages), err)
	}
	p := pages[0]
	if p.Cursor != "start" || p.Asked != payout.MillisOf(ours) || p.ServerDate != payout.MillisOf(date) || p.Requests != 2 || p.Payouts[0].OnBehalfOf != "sub" {
		t.Errorf("page = %+v, want cursor start, asked %d, server date %d, 2 requests, onBehalfOf sub", p, payout.MillisOf(ours), payout.MillisOf(date))
	}
	if requests, retries := c.Stats(); requests != 2 || retries != 1 {
		t.Errorf("Stats = %d, %d, want 2 requests, 1 retry", requests, retries)
	}
}

func TestEndlessPagesEnd(t *testing.T) {
	var n atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		i := int(n.Add(1))
		_, _ = io.WriteString(w, pageOf(i, 1, fmt.Sprint("c", i)))
	}, func(o *Options) { o.MaxPages = 5 })
	pages, err := walkAll(t, c.Client, payout.Query{Limit: 1}, "")
	if len(pages) != 5 || err == nil || !strings.Contains(err.Error(), "no end after 5 pages") {
		t.Errorf("%d pages, %v, want 5 and an error", len(pages), err)
	}
}

func TestPagesStopsWithItsReader(t *testing.T) {
	var n atomic.Int64
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		i := int(n.Add(1))
		_, _ = io.WriteString(w, pageOf(i, 1, fmt.Sprint("c", i)))
	})
	for range c.Pages(t.Context(), payout.Query{Limit: 1}, "") {
		break
	}
	if n.Load() != 1 {
		t.Errorf("%d requests, want 1", n.Load())
	}
}

func TestQueryIsStable(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.RawQuery
		_, _ = io.WriteString(w, pageOf(0, 0, ""))
	})
	day := func(s string) payout.Day { d, _ := payout.ParseDay(s); return d }
	q := payout.Query{
		From: day("2026-01-01"), To: day("2026-01-31"), IDs: []string{"po:b", "po:a"}, InvertIDs: true,
		Statuses: payout.FinalStatuses(), InvertStatuses: true, RefIDs: []string{"A B", "c+d&e=ü"}, OnBehalfOf: "x/y", Limit: 500,
	}
	if _, err := walkAll(t, c.Client, q, "cur sor"); err != nil {
		t.Fatal(err)
	}
	want := "endDate=2026-01-31&ids=po%3Ab&ids=po%3Aa&invertIds=true&invertStatuses=true&limit=200&offset=cur%20sor&onBehalfOfId=x%2Fy" +
		"&refIds=A%20B&refIds=c%2Bd%26e%3D%C3%BC&startDate=2026-01-01&statuses=INITIATION_COMPLETED&statuses=INITIATION_REJECTED&statuses=INITIATION_FAILED"
	if got != want {
		t.Errorf("query = %s\nwant    %s", got, want)
	}
	if _, err := walkAll(t, c.Client, payout.Query{From: payout.NoDay, To: payout.NoDay, Limit: 17}, ""); err != nil || got != "limit=17" {
		t.Errorf("query = %s, %v, want limit=17", got, err)
	}
	if _, err := walkAll(t, c.Client, payout.Query{Limit: -1}, ""); payout.KindOf(err) != payout.KindInput {
		t.Errorf("limit -1: error = %v, want KindInput", err)
	}
}

func TestSplit(t *testing.T) {
	list := func(n, size int) []string {
		var l []string
		for i := range n {
			l = append(l, fmt.Sprintf("%0*d", size, i))
		}
		return l
	}
	tests := []struct {
		name string
		q    payout.Query
		want int
	}{
		{"no lists", payout.Query{OnBehalfOf: "x"}, 1},
		{"short", payout.Query{IDs: list(100, 10)}, 1},
		{"by count", payout.Query{RefIDs: list(101, 5)}, 2},
		{"by length", payout.Query{IDs: list(100, 200)}, 6},
		{"one that is too long alone", payout.Query{IDs: list(1, 9000)}, 1},
		{"both", payout.Query{IDs: list(101, 5), RefIDs: list(201, 5)}, 6},
		{"inverted ids stay whole", payout.Query{IDs: list(500, 5), InvertIDs: true}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Split(tt.q)
			if len(got) != tt.want {
				t.Errorf("%d queries, want %d", len(got), tt.want)
			}
			pairs := map[string]bool{}
			for _, q := range got {
				if size := len(encode(q, "")); size > 2*maxListBytes+200 && len(tt.q.IDs) > 1 && !tt.q.InvertIDs {
					t.Errorf("query of %d bytes", size)
				}
				if q.OnBehalfOf != tt.q.OnBehalfOf {
					t.Errorf("OnBehalfOf = %q, want %q", q.OnBehalfOf, tt.q.OnBehalfOf)
				}
				for _, id := range append(q.IDs, "")[:max(1, len(q.IDs))] {
					for _, ref := range append(q.RefIDs, "")[:max(1, len(q.RefIDs))] {
						pairs[id+"/"+ref] = true
					}
				}
			}
			if want := max(1, len(tt.q.IDs)) * max(1, len(tt.q.RefIDs)); len(pairs) != want {
				t.Errorf("the parts cover %d combinations, want %d", len(pairs), want)
			}
		})
	}
}
