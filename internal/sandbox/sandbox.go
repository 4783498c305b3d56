package sandbox

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"payrecon/internal/payout"
)

// Sandbox is the API. It is an http.Handler, safe for concurrent use.
type Sandbox struct {
	o     Options
	start time.Time // the clock when it was made: the instant the ledger is exported at
	clock atomic.Pointer[func() time.Time]

	mu    sync.RWMutex // guards store
	store *store
	cases []*plantCase

	limit   *rate.Limiter
	memory  memory
	traces  atomic.Uint64
	counter counter
}

var _ http.Handler = (*Sandbox)(nil)

// New lays out the payouts of o. A million take about a second and 25 MB.
func New(o Options) (*Sandbox, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Sandbox{o: o, start: o.Now().UTC()}
	s.clock.Store(&o.Now)
	if o.Faults.RateLimit > 0 {
		s.limit = rate.NewLimiter(rate.Limit(o.Faults.RateLimit), o.Faults.RateLimit)
	}
	s.store = &store{
		seed: o.Seed, member: o.MemberID, owners: o.OnBehalfOf, currencies: o.Currencies,
		payees: newPayees(o.Seed, o.Payouts), byID: make(map[string]uint32), byRef: make(map[string][]uint32),
	}
	s.lay()
	return s, nil
}

// Now returns the API's clock.
func (s *Sandbox) Now() time.Time { return (*s.clock.Load())().UTC() }

// SetNow stops the clock at t.
func (s *Sandbox) SetNow(t time.Time) {
	fixed := func() time.Time { return t }
	s.clock.Store(&fixed)
}

// Advance moves the clock on by d; it runs or stands as before.
func (s *Sandbox) Advance(d time.Duration) {
	before := s.clock.Load()
	moved := func() time.Time { return (*before)().Add(d) }
	s.clock.Store(&moved)
}

// Options returns what the sandbox was made with, defaults filled in.
func (s *Sandbox) Options() Options { return s.o }

// Period is the period that the planted breaks are for: the 35 days before the day of the start.
func (s *Sandbox) Period() payout.Period {
	today := payout.DayOf(s.start)
	return payout.Period{From: today - 35, To: today - 1}
}
