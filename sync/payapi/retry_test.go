package payapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"payrecon/internal/payout"
)

// inProcess calls a handler without a socket: under synctest, sockets and the fake clock exclude each other.
type inProcess http.HandlerFunc

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h(w, r)
	return w.Result(), nil
}

// timed runs a walk in synctest's clock, and returns the instants of the requests, from the start.
func timed(t *testing.T, o Options, h http.HandlerFunc) (at []time.Duration, err error) {
	t.Helper()
	start := time.Now()
	o.BaseURL, o.Auth = "https://api.example.com", Bearer(secret)
	o.Transport = inProcess(func(w http.ResponseWriter, r *http.Request) {
		at = append(at, time.Since(start))
		h(w, r)
	})
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, perr := range c.Pages(t.Context(), payout.Query{Limit: 1}, "") {
		err = perr
	}
	return at, err
}

func TestBackoffGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at, err := timed(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		if len(at) != 6 || err == nil || !strings.Contains(err.Error(), "after 6 tries") {
			t.Fatalf("%d tries, %v, want 6 and an error that says so", len(at), err)
		}
		mean := 300 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if wait := at[i] - at[i-1]; wait < mean/2 || wait > mean*3/2 {
				t.Errorf("wait %d = %s, want %s give or take a half", i, wait, mean)
			}
			mean *= 2
		}
	})
}

func TestMaxElapsedEndsTheTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		at, err := timed(t, Options{Attempts: 1000, MaxElapsed: 20 * time.Second}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
		if err == nil || len(at) < 4 || len(at) > 12 || at[len(at)-1] > 20*time.Second {
			t.Errorf("tries at %v, %v, want an end within 20s", at, err)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC) // the server's clock is not ours
	tests := []struct {
		name, value string
		least, most time.Duration
	}{
		{"seconds", "17", 17 * time.Second, 18 * time.Second},
		{"a date, by the server's clock", date.Add(40 * time.Second).Format(http.TimeFormat), 40 * time.Second, 41 * time.Second},
		{"a date in the past", date.Add(-time.Hour).Format(http.TimeFormat), 0, time.Second},
		{"zero", "0", 0, time.Second},
		{"nonsense", "soon", 0, time.Second},
		{"negative", "-5", 0, time.Second},
	}
	for _, status := range []int{429, 503} {
		for _, tt := range tests {
			t.Run(fmt.Sprint(status, " ", tt.name), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					first := true
					at, err := timed(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
						w.Header().Set("Date", date.Format(http.TimeFormat))
						if first {
							first = false
							w.Header().Set("Retry-After", tt.value)
							w.WriteHeader(status)
							return
						}
						_, _ = io.WriteString(w, pageOf(0, 0, ""))
					})
					if err != nil || len(at) != 2 || at[1] < tt.least || at[1] > tt.most {
						t.Errorf("requests at %v, %v, want a second one after %s to %s", at, err, tt.least, tt.most)
					}
				})
			})
		}
	}
}

// Without a Date there is only our clock to measure a date by.
func TestRetryAfterDateWithoutServerDate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		at, err := timed(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			if first {
				first = false
				w.Header().Set("Retry-After", time.Now().UTC().Add(40*time.Second).Format(http.TimeFormat))
				w.WriteHeader(429)
				return
			}
			_, _ = io.WriteString(w, pageOf(0, 0, ""))
		})
		if err != nil || len(at) != 2 || at[1] < 39*time.Second || at[1] > 41*time.Second {
			t.Errorf("requests at %v, %v, want a second one after 40s", at, err)
		}
	})
}

// While one request waits for its Retry-After, the others of the client wait too; and the rate is halved.
func TestOneJamSlowsAllRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, tries := time.Now(), 0
		c, err := New(Options{BaseURL: "https://api.example.com", Auth: Bearer(secret), RateLimit: 8, Attempts: 1, Transport: inProcess(func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries == 1 {
				w.Header().Set("Retry-After", "30")
				w.WriteHeader(429)
				return
			}
			_, _ = io.WriteString(w, pageOf(0, 0, ""))
		})})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := walkAll(t, c, payout.Query{}, ""); err == nil || c.pace.limiter.Limit() != 4 {
			t.Errorf("error = %v, rate %v, want an error and 4", err, c.pace.limiter.Limit())
		}
		if _, err := walkAll(t, c, payout.Query{}, ""); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("the next request went out after %s, %v, want 30s", time.Since(start), err)
		}
		if got := c.pace.limiter.Limit(); got <= 4 || got > 5 {
			t.Errorf("rate after a good answer = %v, want a little more than 4", got)
		}
	})
}

// Workers that share a client find the rate that the server bears, whatever rate they were given, and none gives up.
func TestWorkersFindTheRate(t *testing.T) {
	for _, ours := range []float64{0, 2, 5, 50} {
		synctest.Test(t, func(t *testing.T) {
			var pages atomic.Int64
			bearable := rate.NewLimiter(2, 2)
			c, err := New(Options{BaseURL: "https://api.example.com", Auth: Bearer(secret), RateLimit: ours, Transport: inProcess(func(w http.ResponseWriter, _ *http.Request) {
				if !bearable.Allow() {
					w.WriteHeader(429)
					return
				}
				n := int(pages.Add(1))
				_, _ = io.WriteString(w, pageOf(n, 1, fmt.Sprint(n)))
			})})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			var workers sync.WaitGroup
			for range 8 {
				workers.Go(func() {
					n := 0
					for _, err := range c.Pages(t.Context(), payout.Query{Limit: 1}, "") {
						if err != nil {
							t.Errorf("our rate %v, after %s: %v", ours, time.Since(start), err)
							return
						}
						if n++; n == 25 {
							return
						}
					}
				})
			}
			workers.Wait()
			if took := time.Since(start); took > 3*time.Minute {
				t.Errorf("our rate %v: 200 pages took %s, want not much more than the 100s that the server needs", ours, took)
			}
			t.Logf("our rate %v: %s", ours, time.Since(start))
		})
	}
}

func TestRetryAfterThatIsTooLongEndsAtOnce(t *testing.T) {
	for _, value := range []string{"301", "86400", "99999999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		synctest.Test(t, func(t *testing.T) {
			at, err := timed(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", value)
				w.WriteHeader(429)
			})
			if len(at) != 1 || err == nil || payout.KindOf(err) != payout.KindTransport || !strings.Contains(err.Error(), "longer than the 5m0s") {
				t.Errorf("Retry-After %s: %d requests, %v (kind %d), want one, and an error that says so", value, len(at), err, payout.KindOf(err))
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Wed, 04 Mar 2026 05:06:07 GMT")
	f.Add("99999999999999999999")
	f.Add("-1")
	date := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		if d, ok := retryAfter(value, date, date); d < 0 || d > 365*24*time.Hour || !ok && d != 0 {
			t.Errorf("retryAfter(%q) = %s, %v, want 0 to a year", value, d, ok)
		}
	})
}

func TestRateLimitIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		at, err := timed(t, Options{RateLimit: 5}, func(w http.ResponseWriter, _ *http.Request) {
			n++
			_, _ = io.WriteString(w, pageOf(n, min(1, 11-n), fmt.Sprint(n)))
		})
		if err != nil || len(at) != 11 || at[10] < 1999*time.Millisecond || at[10] > 2100*time.Millisecond {
			t.Errorf("%d requests, the last at %v, %v, want 11 within 2s", len(at), at, err)
		}
	})
}

func TestPaceHalvesAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(8)
		start := time.Now()
		time.Sleep(time.Second)
		p.refused(start, 0)
		time.Sleep(2 * time.Second)
		p.refused(start, 0) // another worker, of the same jam
		if got := p.limiter.Limit(); got != 4 {
			t.Errorf("rate after a 429 = %v, want 4", got)
		}
		for range 100 {
			time.Sleep(2 * time.Second)
			p.refused(time.Now(), 0)
		}
		if got := p.limiter.Limit(); got != slowest {
			t.Errorf("rate after a hundred 429s = %v, want %v", got, slowest)
		}
		last := p.limiter.Limit()
		for i := range 300 {
			p.answered()
			now := p.limiter.Limit()
			if now < last || now > 8 || i == 0 && now > 1 {
				t.Fatalf("rate after %d answers = %v, was %v: want it to grow slowly up to 8", i+1, now, last)
			}
			last = now
		}
		if last != 8 {
			t.Errorf("rate after 300 answers = %v, want 8", last)
		}
	})
}

func TestPaceWithoutALimitGetsOneAndLosesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0)
		if p.answered(); p.limiter.Limit() != rate.Inf {
			t.Errorf("rate = %v, want none", p.limiter.Limit())
		}
		if p.refused(time.Now(), 0); p.limiter.Limit() != unlimitedSlow {
			t.Errorf("rate after a 429 = %v, want %v", p.limiter.Limit(), unlimitedSlow)
		}
		for range 100 {
			p.answered()
		}
		if p.limiter.Limit() != rate.Inf {
			t.Errorf("rate after 100 answers = %v, want none", p.limiter.Limit())
		}
	})
}

// One worker's Retry-After holds for all of them.
func TestPauseIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(0)
		start := time.Now()
		p.refused(start, 30*time.Second)
		p.refused(start, 10*time.Second)
		if _, err := p.wait(t.Context()); err != nil || time.Since(start) < 30*time.Second {
			t.Errorf("wait = %v after %s, want 30s", err, time.Since(start))
		}
	})
}

// At the default level a request that is tried again says so when it begins and when it is given up, and no more.
func TestRetriesAreToldTwice(t *testing.T) {
	c := serve(t, answerWith(503, "{}"), func(o *Options) { o.Attempts = 6 })
	var said bytes.Buffer
	c.Client.log = slog.New(slog.NewTextHandler(&said, nil))
	if _, err := walkAll(t, c.Client, payout.Query{}, ""); err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "trying again") || !strings.Contains(lines[1], "given up") {
		t.Errorf("said\n%swant the first new try and the end", said.String())
	}
}

// TestTurnBeyondTheDeadline: a request whose turn comes after the context's end waits for that end, and has its cause.
func TestTurnBeyondTheDeadline(t *testing.T) {
	cause := errors.New("the job's timeout")
	for _, want := range []error{context.DeadlineExceeded, cause} {
		synctest.Test(t, func(t *testing.T) {
			p := newPace(0.5)
			if _, err := p.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, want)
			defer cancel()
			if _, err := p.wait(ctx); !errors.Is(err, want) || ctx.Err() == nil {
				t.Errorf("wait = %v while the context says %v; want %v once it has ended", err, ctx.Err(), want)
			}
			start := time.Now()
			if _, err := p.wait(t.Context()); err != nil || time.Since(start) > time.Second {
				t.Errorf("the next turn came after %s, %v; want the one that was given back", time.Since(start), err)
			}
		})
	}
}
