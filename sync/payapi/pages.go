package payapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"maps"
	"net/http"
	"slices"

	"payrecon/internal/payout"
)

// maxCursor is the longest cursor that is sent back; the documented example has nine bytes.
const maxCursor = 2048

// maxSights is how many times a walk may show a page of exactly the same ids. A list that shifts under a cursor by position can
// show a page twice; three times is a server that does not page, or whose cursors lead in a circle.
const maxSights = 2

// Pages walks through the answer to q, from cursor on ("" = from the start). It ends after the first page whose End is
// not payout.PageMore, or with one error:
//
//   - fewer rows than the limit: PageRegular (documented). A new cursor on such a page is followed once, for a server that
//     clamps the limit below what was asked for: when it leads to nothing new, that was the end; when it is refused, that was
//     the end where other cursors of this server are good, else PageUnsure. The short page is shown after that, because its
//     End is not known before;
//   - a full page with a new cursor: PageMore;
//   - a full page without a cursor, or with a cursor seen before in this walk: PageUnsure;
//   - a page, full or short, that has a cursor and the same ids as two before it in this walk: PageUnsure.
//
// A page with more rows than the limit is kept whole and counts as full. A walk of more than Options.MaxPages pages is an
// error, as is a cursor of more than 2048 bytes. All rows carry q.OnBehalfOf.
func (c *Client) Pages(ctx context.Context, q payout.Query, cursor string) iter.Seq2[*payout.Page, error] {
	return func(yield func(*payout.Page, error) bool) {
		if q.Limit < 0 {
			yield(nil, payout.Errorf(payout.KindInput, "limit %d: want 1 to %d", q.Limit, payout.MaxLimit))
			return
		}
		w := walk{limit: limit(q), cursors: map[uint64]bool{}, sights: map[uint64]uint8{}}
		w.isNew(cursor)
		page, next, err := c.page(ctx, q, cursor)
		for pages := 1; ; pages++ {
			if err == nil && pages > c.maxPages {
				err = payout.Errorf(payout.KindTransport, "the API at %s came to no end after %d pages: ask for a shorter range of days (GET %s)", c.base.Host, c.maxPages, payoutsPath)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			page.End = w.judge(page.Payouts, next)
			var after *payout.Page
			var afterNext string
			var afterErr error // of following a short page's cursor: the page itself was read, and is shown first
			if page.End == payout.PageRegular && len(page.Payouts) > 0 && next != "" && w.isNew(next) {
				after, afterNext, afterErr = c.beyond(ctx, q, page, next)
			}
			if page.End == payout.PageMore || after != nil || afterErr != nil {
				page.End, page.Next = payout.PageMore, next
			}
			if !yield(page, nil) || page.End != payout.PageMore {
				return
			}
			if page, err = after, afterErr; page == nil && err == nil {
				page, afterNext, err = c.page(ctx, q, next)
			}
			next = afterNext
		}
	}
}

// beyond returns the page that the cursor of a short page leads to, nil when there is nothing new on it: then the short
// page's End says what that proves.
func (c *Client) beyond(ctx context.Context, q payout.Query, short *payout.Page, cursor string) (*payout.Page, string, error) {
	page, next, err := c.page(ctx, q, cursor)
	known := idsOf(short.Payouts)
	if err == nil && slices.ContainsFunc(page.Payouts, func(p payout.Payout) bool { return !known[p.ID] }) {
		return page, next, nil
	}
	short.Requests += page.Requests
	if IsInvalidCursor(err) {
		err = nil
		if !c.pagesWhole(ctx, q, short) {
			short.End = payout.PageUnsure
		}
	}
	return nil, "", err
}

// pagesWhole reports whether a short page whose cursor was refused is the whole all the same, because the server's cursors
// are good: that of the page before was, or the same rows come in two pages. A server that clamps the limit and refuses its
// own cursors shows neither. A single row cannot be parted; no server pages by one.
func (c *Client) pagesWhole(ctx context.Context, q payout.Query, short *payout.Page) bool {
	rows := len(short.Payouts)
	if short.Cursor != "" || rows == 1 {
		return true
	}
	q.Limit = rows - 1
	first, next, err := c.page(ctx, q, "")
	short.Requests += first.Requests
	if err != nil || next == "" || len(first.Payouts) >= rows {
		return false
	}
	rest, _, err := c.page(ctx, q, next)
	short.Requests += rest.Requests
	return err == nil && maps.Equal(idsOf(append(first.Payouts, rest.Payouts...)), idsOf(short.Payouts))
}

func idsOf(rows []payout.Payout) map[string]bool {
	ids := make(map[string]bool, len(rows))
	for i := range rows {
		ids[rows[i].ID] = true
	}
	return ids
}

// page asks for one page, and returns it with the cursor that its paging holds.
func (c *Client) page(ctx context.Context, q payout.Query, cursor string) (*payout.Page, string, error) {
	r := call{method: http.MethodGet, path: payoutsPath, query: encode(q, cursor), cursor: cursor != ""}
	page := &payout.Page{Cursor: cursor}
	next, tries, err := get(ctx, c, r, func(a *answer) (next string, err error) {
		page.Payouts, next, err = decodePage(a.body, q.OnBehalfOf)
		page.Asked = payout.MillisOf(a.asked)
		if !a.date.IsZero() {
			page.ServerDate = payout.MillisOf(a.date)
		}
		return next, err
	})
	page.Requests = tries
	if err == nil && len(next) > maxCursor {
		err = payout.Errorf(payout.KindTransport, "the API at %s gave an unusable answer: a cursor of %d bytes (GET %s)", c.base.Host, len(next), payoutsPath)
	}
	return page, next, err
}

// walk is what one walk remembers of its pages: hashes, because a walk may have very many.
type walk struct {
	limit   int
	cursors map[uint64]bool  // those given so far
	sights  map[uint64]uint8 // how often a page was shown, by its ids in order
}

// judge says how a page ended.
func (w *walk) judge(rows []payout.Payout, next string) payout.PageEnd {
	again := w.sight(rows) > maxSights
	switch {
	case len(rows) < w.limit && (!again || next == ""):
		return payout.PageRegular
	case again || next == "" || !w.isNew(next):
		return payout.PageUnsure
	}
	return payout.PageMore
}

// isNew reports whether a cursor was not given before, and remembers it.
func (w *walk) isNew(cursor string) bool {
	sum := sha256.Sum256([]byte(cursor))
	key := binary.LittleEndian.Uint64(sum[:])
	known := w.cursors[key]
	w.cursors[key] = true
	return !known
}

// sight returns how often the walk has shown a page of these ids, this time included.
func (w *walk) sight(rows []payout.Payout) uint8 {
	if len(rows) == 0 {
		return 0
	}
	h := sha256.New()
	for i := range rows {
		h.Write([]byte(rows[i].ID))
		h.Write([]byte{0})
	}
	key := binary.LittleEndian.Uint64(h.Sum(nil))
	w.sights[key]++
	return w.sights[key]
}
