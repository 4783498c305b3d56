package sync_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// day0 is the first day of the tests' world, and noon the time of day at which they run.
const day0 = payout.Day(20500) // 2026-02-16

// fakeAPI is a payouts API in memory: the truth, and the ways in which showing it can go wrong.
type fakeAPI struct {
	mu   gosync.Mutex
	now  time.Time
	rows []payout.Payout // in the order of listing

	endMeansStart bool                      // endDate covers the first instant of its day only
	lastFull      string                    // how a full last page ends: "" = a cursor to an empty page, "none", "repeated"
	loseCursor    func(q payout.Query) bool // whether a page with more to come gives no cursor to it
	serverBehind  time.Duration             // how far the server's clock is behind
	visible       func(onBehalfOf string, p *payout.Payout) bool
	before        func(call int, q payout.Query, cursor string) error // an error instead of an answer
	during        func(call int)                                      // changes the truth between pages; holds mu
	bend          func(q payout.Query, rows []payout.Payout) []payout.Payout
	cut           func(q payout.Query, page *payout.Page) // has the last word on a page and on how it ends
	latency       time.Duration
	memberID      string
	inOrder       bool // rows stand in the order of creation and of ids, so that they are found without looking at all

	calls   int
	queries []payout.Query
}

func (a *fakeAPI) Pages(ctx context.Context, q payout.Query, cursor string) iter.Seq2[*payout.Page, error] {
	return func(yield func(*payout.Page, error) bool) {
		for {
			page, err := a.page(ctx, q, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) || page.End != payout.PageMore {
				return
			}
			cursor = page.Next
		}
	}
}

func (a *fakeAPI) page(ctx context.Context, q payout.Query, cursor string) (*payout.Page, error) {
	if a.latency > 0 {
		time.Sleep(a.latency)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a.calls++
	a.queries = append(a.queries, q)
	if a.before != nil {
		if err := a.before(a.calls, q, cursor); err != nil {
			return nil, err
		}
	}
	start, key := 0, queryKey(q)
	if cursor != "" {
		of, position, _ := strings.Cut(cursor, "#")
		if of != key {
			return nil, payout.Errorf(payout.KindInput, "cursor of another query")
		}
		start, _ = strconv.Atoi(position)
	}
	rows := a.answer(q)
	limit := q.Limit
	if limit == 0 || limit > payout.MaxLimit {
		limit = payout.MaxLimit
	}
	end := min(start+limit, len(rows))
	page := &payout.Page{
		Cursor: cursor, Asked: payout.MillisOf(a.now), ServerDate: payout.MillisOf(a.now.Add(-a.serverBehind)), Requests: 1,
		Payouts: slices.Clone(rows[min(start, end):end]),
	}
	for i := range page.Payouts {
		page.Payouts[i].OnBehalfOf = q.OnBehalfOf
	}
	if a.bend != nil {
		page.Payouts = a.bend(q, page.Payouts)
	}
	switch {
	case len(page.Payouts) < limit:
		page.End = payout.PageRegular
	case end == len(rows) && a.lastFull != "":
		page.End = payout.PageUnsure
	case a.loseCursor != nil && a.loseCursor(q):
		page.End = payout.PageUnsure
	default:
		page.End, page.Next = payout.PageMore, key+"#"+strconv.Itoa(end)
	}
	if a.cut != nil {
		a.cut(q, page)
	}
	if a.during != nil {
		a.during(a.calls)
	}
	return page, nil
}

func queryKey(q payout.Query) string { return fmt.Sprintf("%+v", q) }

func (a *fakeAPI) answer(q payout.Query) []payout.Payout {
	var rows []payout.Payout
	for _, part := range a.within(q) {
		for i := range part {
			if a.matches(q, &part[i]) {
				rows = append(rows, part[i])
			}
		}
	}
	return rows
}

// within returns the rows among which the answer to q is.
func (a *fakeAPI) within(q payout.Query) [][]payout.Payout {
	switch {
	case a.inOrder && q.HasFrom():
		first := sort.Search(len(a.rows), func(i int) bool { return a.rows[i].Created.Day() >= q.From })
		end := sort.Search(len(a.rows), func(i int) bool { return a.rows[i].Created.Day() > q.To })
		return [][]payout.Payout{a.rows[first:end]}
	case a.inOrder && len(q.IDs) > 0:
		var parts [][]payout.Payout
		for _, id := range q.IDs {
			i := sort.Search(len(a.rows), func(i int) bool { return a.rows[i].ID >= id })
			parts = append(parts, a.rows[i:min(i+1, len(a.rows))])
		}
		return parts
	}
	return [][]payout.Payout{a.rows}
}

func (a *fakeAPI) matches(q payout.Query, p *payout.Payout) bool {
	day := p.Created.Day()
	inDays := (!q.HasFrom() || day >= q.From) && (!q.HasTo() || day <= q.To)
	if a.endMeansStart && q.HasTo() {
		inDays = inDays && p.Created <= payout.MillisOf(q.To.Start())
	}
	return inDays &&
		(len(q.IDs) == 0 || slices.Contains(q.IDs, p.ID)) &&
		(len(q.RefIDs) == 0 || slices.Contains(q.RefIDs, p.RefID)) &&
		(len(q.Statuses) == 0 || slices.Contains(q.Statuses, p.Status) != q.InvertStatuses) &&
		(a.visible == nil || a.visible(q.OnBehalfOf, p))
}

// add puts a payout into the truth.
func (a *fakeAPI) add(id string, created payout.Millis, status payout.Status) {
	p := payout.Payout{
		ID: id, MemberID: "m:1", Created: created, RefID: "ref-" + id, Amount: money.New(int64(len(a.rows)+1)*100, "EUR"),
	}
	if a.memberID != "" {
		p.MemberID = a.memberID
	}
	a.rows = append(a.rows, p)
	a.setStatus(len(a.rows)-1, status, created)
}

// setStatus moves a payout of the truth on.
func (a *fakeAPI) setStatus(i int, status payout.Status, at payout.Millis) {
	p := &a.rows[i]
	p.Status, p.Updated = status, at
	p.Raw = fmt.Appendf(nil, `{"id":%q,"status":%q,"updatedDateTime":%q}`, p.ID, status, at)
	p.Hash = md5.Sum(p.Raw)
}

// fill adds n payouts a day for days days, every seventh of them still processing, spread over the whole day.
func (a *fakeAPI) fill(first payout.Day, days, n int) {
	for d := range payout.Day(days) {
		for i := range n {
			created := payout.MillisOf((first + d).Start()) + payout.Millis(i*86_399_000/max(n-1, 1))
			status := payout.Completed
			if i%7 == 3 {
				status = payout.Processing
			}
			a.add(fmt.Sprintf("po:%s-%04d", first+d, i), created, status)
		}
	}
}

func noon(d payout.Day) time.Time { return d.Start().Add(12 * time.Hour) }

func openMirror(t testing.TB) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func newSyncer(a *fakeAPI, store payoutsync.Store, o payoutsync.Options) *payoutsync.Syncer {
	o.Clock = func() time.Time {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.now
	}
	return payoutsync.New(a, store, o)
}

// wantTruth makes sure that the mirror holds exactly what the API would show.
func wantTruth(t testing.TB, m *mirror.Mirror, a *fakeAPI) {
	t.Helper()
	if diff := truthDiff(t.Context(), m, a.rows); diff != "" {
		t.Error(diff)
	}
}

// rowsOf returns what a mirror holds, by id, and an id that it holds twice.
func rowsOf(ctx context.Context, m *mirror.Mirror) (held map[string]payout.Row, doubled string, err error) {
	held = map[string]payout.Row{}
	var mu gosync.Mutex
	err = m.Blocks(ctx, 0, func(_ int, rows []payout.Row) error {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range rows {
			if _, twice := held[r.ID]; twice {
				doubled = r.ID
			}
			held[r.ID] = r
		}
		return nil
	})
	return held, doubled, err
}

// truthDiff compares a mirror with the truth, "" = equal.
func truthDiff(ctx context.Context, m *mirror.Mirror, rows []payout.Payout) string {
	got, doubled, err := rowsOf(ctx, m)
	if err != nil {
		return err.Error()
	}
	if doubled != "" {
		return "the mirror holds payout " + doubled + " twice"
	}
	for _, want := range rows {
		r, ok := got[want.ID]
		if !ok {
			return fmt.Sprintf("the mirror holds %d of %d payouts: %s is missing", len(got), len(rows), want.ID)
		}
		if r.Status != want.Status || r.RefID != want.RefID || r.Units != want.Amount.Units() || r.Created != want.Created {
			return fmt.Sprintf("payout %s: mirror has %+v, want %+v", want.ID, r, want)
		}
	}
	if len(got) != len(rows) {
		return fmt.Sprintf("the mirror holds %d payouts, want %d", len(got), len(rows))
	}
	return ""
}
