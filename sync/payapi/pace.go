package payapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace is the one rate limit that all requests of a client share. After a 429 it halves, at most once a second, because
// several workers hear of the same jam at once; each good answer gives back a twentieth of what is missing, so that the
// full rate returns within some sixty answers. Its clock is the computer's: it measures waits, not dates.
type pace struct {
	full    rate.Limit
	limiter *rate.Limiter

	mu     sync.Mutex
	slowed time.Time // when the rate was last halved
	until  time.Time // nobody sends before
}

// unlimitedSlow is the rate after the first 429 of a client without a rate limit, in requests per second; above
// unlimitedAgain it has none again.
const (
	unlimitedSlow  rate.Limit = 20
	unlimitedAgain rate.Limit = 500
	slowest        rate.Limit = 0.1
)

func newPace(perSecond float64) *pace {
	full := rate.Limit(perSecond)
	if perSecond <= 0 {
		full = rate.Inf
	}
	// A tenth of a second's requests may go out together: below that, timers are coarser than the rate.
	return &pace{full: full, limiter: rate.NewLimiter(full, max(1, int(perSecond/10)))}
}

// wait returns when the next request may be sent, or the context's error.
func (p *pace) wait(ctx context.Context) error {
	for {
		p.mu.Lock()
		pause := time.Until(p.until)
		p.mu.Unlock()
		if pause <= 0 {
			break
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	if err := p.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return context.DeadlineExceeded // the limiter sees ahead that the deadline comes first
	}
	return nil
}

// refused notes a 429: half the rate, and nobody sends for pause.
func (p *pace) refused(pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(pause); until.After(p.until) {
		p.until = until
	}
	if now.Sub(p.slowed) < time.Second {
		return
	}
	p.slowed = now
	if p.limiter.Limit() == rate.Inf {
		p.limiter.SetLimit(unlimitedSlow)
		return
	}
	p.limiter.SetLimit(max(p.limiter.Limit()/2, min(slowest, p.full)))
}

// answered notes a good answer: the rate recovers a little.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.limiter.Limit()
	switch {
	case now == p.full:
	case p.full == rate.Inf && now*1.05 >= unlimitedAgain:
		p.limiter.SetLimit(rate.Inf)
	case p.full == rate.Inf:
		p.limiter.SetLimit(now * 1.05)
	case now >= p.full*0.99:
		p.limiter.SetLimit(p.full)
	default:
		p.limiter.SetLimit(now + (p.full-now)/20)
	}
}
