package payout

// MaxLimit is the largest page the API gives: it clamps larger limits in silence (documented).
const MaxLimit = 200

// Query is what GET /payouts is asked for. The zero value asks for everything.
type Query struct {
	From, To       Day // creation days (UTC), both inclusive; NoDay and 0 mean open: see HasFrom, HasTo
	IDs            []string
	InvertIDs      bool
	Statuses       []Status
	InvertStatuses bool
	RefIDs         []string
	OnBehalfOf     string
	Limit          int // 1..MaxLimit; 0 = MaxLimit
}

// HasFrom reports whether the query has a first day.
func (q Query) HasFrom() bool { return q.From != NoDay && q.From != 0 }

// HasTo reports whether the query has a last day.
func (q Query) HasTo() bool { return q.To != NoDay && q.To != 0 }

// PageEnd says how a page ended, as far as one page can tell.
type PageEnd uint8

// More: a full page with a new cursor, or a short one whose cursor leads to more. Regular: fewer rows than the limit, which the
// provider documents as the end, and no cursor that leads on.
// Unsure: a full page without a cursor or with a repeated one, or a short one whose cursor was refused where none is known to
// be good: neither a loop to follow nor a proven end of data.
const (
	PageMore PageEnd = iota
	PageRegular
	PageUnsure
)

// Page is one answer of GET /payouts.
type Page struct {
	Payouts    []Payout
	Cursor     string // the cursor it was asked with; "" = first page
	Next       string // the cursor of the next page, set only when End is PageMore
	End        PageEnd
	Asked      Millis // our clock just before the request that was answered
	ServerDate Millis // the answer's Date header; 0 when there was none
	Requests   int    // requests sent for this page, retries included
}
