package sandbox

import (
	"slices"
	"strings"
	"sync"
	"time"

	"payrecon/internal/payout"
)

// Faults are the troubles that can be switched on; the zero value is an API without any. "One in N" is drawn from the seed
// and the request (or the payout) itself, so that the same requests meet the same troubles, in whatever order they come.
// A request that is sent again meets at most InARow troubles before it gets its answer.
type Faults struct {
	// The way to the API.
	Latency    time.Duration // each answer waits
	Jitter     time.Duration // and up to so much more
	RateLimit  int           // requests per second, of the wall clock; beyond it 429. 0: no limit
	RetryAfter string        // what a 429 or 503 says of Retry-After: none (default), seconds, date
	Errors     int           // one request in N is answered 5xx
	ErrorCode  string        // 500, 501, 503, 504, or mix (default: 500, 503 and 504)
	ErrorBody  string        // json (default), html, empty, mix
	BankFault  bool          // 5xx carry token-external-error: true
	Torn       int           // one body in N breaks off in the middle
	Reset      int           // one request in N: the connection is cut without an answer
	Slow       int           // one body in N arrives in drips
	SlowFor    time.Duration // over so long; default 2s
	LostPosts  int           // one POST in N is performed and its answer never arrives
	InARow     int           // troubles that one request meets in a row, at most; default 2
	Forbid     bool          // everything is answered 403
	Skew       time.Duration // the Date header is wrong by so much
	NoDate     bool          // there is no Date header

	// How lists are read.
	Cursor        string        // key (default) or position: then rows shift when payouts come or leave the list
	CursorTTL     time.Duration // cursors older than this are refused with 400; 0: never
	RefuseCursors int           // the first N cursors that are used are refused with 400
	Order         string        // oldest (default) or newest first
	LastCursor    string        // of a full last page: next (default: it leads to an empty page), none, repeat
	ShortCursor   bool          // short pages carry a cursor too
	EndDate       string        // day (default: the whole of it) or midnight (its first instant)
	RepeatRows    int           // the first N following pages begin with the last row of the page before
	ShiftRows     int           // the first N following pages leave out one row

	// What payouts look like.
	UnknownStatus  int           // one payout in N ends with a status that is documented nowhere
	UnknownFields  bool          // answers carry members that are documented nowhere
	NoInitiation   int           // one payout in N comes without initiation
	NumericSort    bool          // sortCode is a JSON number
	TimeForms      bool          // times come with other offsets, with no and with long fractions
	Vanish         int           // one payout in N is not shown any more
	VanishAfter    time.Duration // so long after its creation; default 24h
	Flip           int           // one final payout in N changes to another final status
	FlipAfter      time.Duration // so long after it became final; default 24h
	EmptyOptionals bool          // optional texts that are not known are sent as "" and null instead of left out
}

func (f *Faults) complete() {
	for _, d := range []struct {
		to *string
		or string
	}{{&f.RetryAfter, "none"}, {&f.ErrorCode, "mix"}, {&f.ErrorBody, "json"}, {&f.Cursor, "key"}, {&f.Order, "oldest"}, {&f.LastCursor, "next"}, {&f.EndDate, "day"}} {
		if *d.to == "" {
			*d.to = d.or
		}
	}
	for _, d := range []struct {
		to *time.Duration
		or time.Duration
	}{{&f.SlowFor, 2 * time.Second}, {&f.VanishAfter, 24 * time.Hour}, {&f.FlipAfter, 24 * time.Hour}} {
		if *d.to == 0 {
			*d.to = d.or
		}
	}
	if f.InARow == 0 {
		f.InARow = 2
	}
}

// choices are the words that the worded faults take.
var choices = map[string][]string{
	"retry-after": {"none", "seconds", "date"},
	"error-code":  {"mix", "500", "501", "503", "504"},
	"error-body":  {"json", "html", "empty", "mix"},
	"cursor":      {"key", "position"},
	"order":       {"oldest", "newest"},
	"last-cursor": {"next", "none", "repeat"},
	"end-date":    {"day", "midnight"},
}

func (f *Faults) check() error {
	f.complete()
	words := map[string]string{
		"retry-after": f.RetryAfter, "error-code": f.ErrorCode, "error-body": f.ErrorBody, "cursor": f.Cursor,
		"order": f.Order, "last-cursor": f.LastCursor, "end-date": f.EndDate,
	}
	for name, word := range words {
		if !slices.Contains(choices[name], word) {
			return payout.Errorf(payout.KindInput, "%s %q (want one of %s)", name, word, strings.Join(choices[name], ", "))
		}
	}
	for _, n := range []int{f.RateLimit, f.Errors, f.Torn, f.Reset, f.Slow, f.LostPosts, f.InARow, f.RefuseCursors, f.RepeatRows, f.ShiftRows, f.UnknownStatus, f.NoInitiation, f.Vanish, f.Flip} {
		if n < 0 {
			return payout.Errorf(payout.KindInput, "a fault of one in %d (want 0 for never, or a positive number)", n)
		}
	}
	for _, d := range []time.Duration{f.Latency, f.Jitter, f.SlowFor, f.CursorTTL, f.VanishAfter, f.FlipAfter} {
		if d < 0 {
			return payout.Errorf(payout.KindInput, "a fault of %s (want a positive duration)", d)
		}
	}
	return nil
}

// trouble is what one request meets.
type trouble struct {
	wait  time.Duration
	error bool
	torn  bool
	reset bool
	slow  bool
	lost  bool
	draw  uint64 // for the choice among codes and bodies
}

// memory remembers how often each request was seen and troubled, by the hash of what it asks for.
type memory struct {
	mu      sync.Mutex
	seen    map[uint64]requestCount
	budgets map[string]int
}

type requestCount struct{ seen, inARow uint32 }

// spend takes one from a budget of n under the name, and reports whether there was one left.
func (m *memory) spend(name string, n int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.budgets[name] >= n {
		return false
	}
	if m.budgets == nil {
		m.budgets = make(map[string]int)
	}
	m.budgets[name]++
	return true
}

// meet draws the troubles of one more try of the request with this hash.
func (m *memory) meet(f *Faults, h uint64, post bool) trouble {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.seen[h]
	d := draw(h, uint64(c.seen))
	t := trouble{draw: d, slow: oneIn(f.Slow, d, saltSlow), wait: f.Latency}
	if f.Jitter > 0 {
		t.wait += time.Duration(draw(d, saltLatency) % uint64(f.Jitter))
	}
	if int(c.inARow) < f.InARow {
		switch {
		case oneIn(f.Errors, d, saltError):
			t.error = true
		case oneIn(f.Reset, d, saltReset):
			t.reset = true
		case post && oneIn(f.LostPosts, d, saltLost):
			t.lost = true
		case oneIn(f.Torn, d, saltTorn):
			t.torn = true
		}
	}
	if !f.troubles() {
		return t
	}
	c.seen++
	c.inARow++
	if !t.error && !t.reset && !t.lost && !t.torn {
		c.inARow = 0
	}
	if m.seen == nil || len(m.seen) > 1<<20 { // bounded, whatever is asked for
		m.seen = make(map[uint64]requestCount)
	}
	m.seen[h] = c
	return t
}

func (f *Faults) troubles() bool {
	return f.Errors|f.Torn|f.Reset|f.Slow|f.LostPosts != 0 || f.Jitter != 0
}
