package payapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"payrecon/internal/payout"
)

// get sends a GET until it gets an answer that decode accepts, a refusal that will not change, or the bounds of
// Options: Attempts, MaxElapsed, ctx. Each try is a request of its own. It returns the answer and the number of tries.
func get[T any](ctx context.Context, c *Client, r call, decode func(*answer) (T, error)) (value T, tries int, err error) {
	waits, began := newWaits(c.firstWait), time.Now()
	var last error // why the last try failed that ended before ctx did
	try := func() (T, error) {
		tries++
		if tries > 1 {
			c.retries.Add(1)
		}
		got, f := c.send(ctx, r)
		if f == nil {
			v, err := decode(got)
			if err == nil {
				return v, nil
			}
			// An answer that ends early was torn on its way; any other defect would come again.
			f = &failure{err: c.unusable(r, got, err), again: errors.Is(err, errTorn)}
		}
		var none T
		if f.after > c.maxWait {
			return none, backoff.Permanent(fmt.Errorf("%w (longer than the %s that are waited for)", f.err, c.maxWait))
		}
		if !f.again {
			return none, backoff.Permanent(f.err)
		}
		if waits.after = f.after; ctx.Err() == nil {
			last = f.err
		}
		return none, f.err
	}
	value, err = backoff.Retry(ctx, try,
		backoff.WithBackOff(waits), backoff.WithMaxTries(uint(c.attempts)), backoff.WithMaxElapsedTime(c.maxElapsed),
		backoff.WithNotify(func(err error, wait time.Duration) {
			level := slog.LevelDebug
			if tries == 1 {
				level = slog.LevelInfo
			}
			c.log.Log(ctx, level, "payouts API: trying again", "try", tries, "wait", wait.Round(time.Millisecond), "error", err)
		}))
	if err != nil && tries > 1 && ctx.Err() == nil {
		c.log.Info("payouts API: given up", "tries", tries, "path", r.path)
	}
	word := &LastWord{Tries: tries, Took: time.Since(began)}
	return value, tries, c.lastWord(ctx, r, word, last, err)
}

// LastWord is the error of a GET that is not tried again, after more than one try or because the time is over: what became of
// the last whole try, how many were made, and for how long.
type LastWord struct {
	Tries int
	Took  time.Duration
	Err   error
}

func (w *LastWord) Error() string {
	tries, unit := "1 try", time.Millisecond
	if w.Tries > 1 {
		tries = fmt.Sprintf("%d tries", w.Tries)
	}
	if w.Took > time.Second {
		unit = 100 * time.Millisecond
	}
	return fmt.Sprintf("%v, after %s in %s", w.Err, tries, w.Took.Round(unit))
}

// Unwrap returns what became of the last try.
func (w *LastWord) Unwrap() error { return w.Err }

// lastWord turns what the retries ended with into the error of the whole request. last is why the last whole try failed.
func (c *Client) lastWord(ctx context.Context, r call, word *LastWord, last, err error) error {
	var permanent *backoff.PermanentError
	if errors.As(err, &permanent) {
		err = permanent.Unwrap()
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		cut := c.interrupted(r, context.Cause(ctx))
		if last == nil || payout.KindOf(cut) == payout.KindInterrupted {
			return cut
		}
		word.Err = last // says more than that the time was over
		return payout.Errorf(payout.KindTransport, "%w: %w", word, context.Cause(ctx))
	case word.Tries > 1:
		word.Err = err
		return word
	}
	return err
}

// waits says how long to wait before the next try: what the server asked for, else exponentially longer times, half of
// them by chance, so that workers that failed together do not return together.
type waits struct {
	backoff.ExponentialBackOff
	after time.Duration // what the last answer asked for; 0 = nothing
}

func newWaits(first time.Duration) *waits {
	w := &waits{}
	w.InitialInterval = first
	w.Multiplier = 2
	w.RandomizationFactor = 0.5
	w.MaxInterval = 30 * time.Second
	return w
}

// NextBackOff returns the wait before the next try: the longer of both, so that nobody returns earlier than asked.
func (w *waits) NextBackOff() time.Duration { return max(w.after, w.ExponentialBackOff.NextBackOff()) }

// retryAfter reads a Retry-After header: whole seconds, or an HTTP date, which is measured against the server's own
// Date (ours, when it sent none), because only the difference is meant. It reports false for anything else.
func retryAfter(value string, date, ours time.Time) (time.Duration, bool) {
	value = strings.TrimSpace(value)
	const longest = 365 * 24 * time.Hour
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds := time.Duration(0)
		for _, digit := range value {
			if seconds = seconds*10 + time.Duration(digit-'0'); seconds > longest/time.Second {
				return longest, true
			}
		}
		return seconds * time.Second, true
	}
	when, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if date.IsZero() {
		date = ours
	}
	return min(max(when.Sub(date), 0), longest), true
}
