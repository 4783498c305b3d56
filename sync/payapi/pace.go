package payapi

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace is the one rate limit that all requests of a client share. After a 429 it halves, once for all requests that were
// under way by then, because they hear of the same jam; each good answer raises it by a twentieth, so that a halving is
// made good within some fifteen answers. Its clock is the computer's: it measures waits, not dates.
type pace struct {
	full    rate.Limit
	burst   int
	limiter *rate.Limiter

	mu     sync.Mutex
	slowed time.Time // when the rate was last halved
	until  time.Time // nobody sends before
}

// unlimitedSlow is the rate after the first 429 of a client without a rate limit, in requests per second. Above
// unlimitedAgain a rate is the full one again, and slowest is as far as it falls.
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
	burst := max(1, int(perSecond/10))
	return &pace{full: full, burst: burst, limiter: rate.NewLimiter(full, burst)}
}

// wait returns when the next request may be sent, or when the context has ended, with its cause; not before that, even if it
// can be foreseen: whoever hears of an end looks at the context. It says when it began to wait.
func (p *pace) wait(ctx context.Context) (since time.Time, err error) {
	since = time.Now()
	for {
		p.mu.Lock()
		pause := time.Until(p.until)
		p.mu.Unlock()
		if pause <= 0 {
			break
		}
		if err := sleep(ctx, pause); err != nil {
			return since, err
		}
	}
	turn := p.limiter.Reserve()
	if err := sleep(ctx, turn.Delay()); err != nil {
		turn.Cancel()
		return since, err
	}
	return since, nil
}

// sleep returns after d, or when the context has ended, with its cause.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refused notes a 429 to a request that waited since then: half the rate, and nobody sends for pause.
func (p *pace) refused(since time.Time, pause time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(pause); until.After(p.until) {
		p.until = until
	}
	if !since.After(p.slowed) {
		return
	}
	p.slowed = now
	p.limiter.SetBurst(1)
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
	if now == p.full {
		return
	}
	if now *= 1.05; now < p.full && now < unlimitedAgain {
		p.limiter.SetLimit(now)
		return
	}
	p.limiter.SetLimit(p.full)
	p.limiter.SetBurst(p.burst)
}
