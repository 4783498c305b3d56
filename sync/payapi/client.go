package payapi

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"payrecon/internal/payout"
)

// payoutsPath is where the API keeps payouts, below its base URL (documented).
const payoutsPath = "/payouts"

// Options say how to reach the API and how to behave. Zero values mean the defaults.
type Options struct {
	BaseURL    string            // https://HOST[/PATH]; http only to this machine; no user, query or fragment
	Auth       Authorizer        // required
	RateLimit  float64           // requests per second over all goroutines; 0 = none
	Timeout    time.Duration     // of one request, answer included; default 30s
	Attempts   int               // tries per GET; default 6
	MaxElapsed time.Duration     // of one GET with all its tries; default 10m
	MaxWait    time.Duration     // the longest Retry-After that is waited for, a longer one is an error; default 5m
	MaxPages   int               // pages of one walk; default 100,000
	Transport  http.RoundTripper // default: one of its own, HTTP_PROXY and its kin are honoured
	Clock      func() time.Time  // default time.Now; for Page.Asked, signatures have their own
	Logger     *slog.Logger      // requests and repeated tries at Debug, the first of these and the last word at Info; nil = none
	UserAgent  string            // default payrecon
}

// Client talks to one payouts API. It is safe for use by several goroutines, which share its rate limit.
type Client struct {
	base       *url.URL
	auth       Authorizer
	timeout    time.Duration
	attempts   int
	firstWait  time.Duration // before the second try, give or take a half; then twice as long each time
	maxElapsed time.Duration
	maxWait    time.Duration
	maxPages   int
	http       *http.Client
	clock      func() time.Time
	log        *slog.Logger
	userAgent  string
	pace       *pace
	large      chan struct{} // held by the one that reads a large body

	requests, retries atomic.Int64
}

// New returns a client. It refuses, as payout.KindInput, a base URL that would show the credentials to others: plain
// http to another machine, or a URL that holds a password.
func New(o Options) (*Client, error) {
	base, err := parseBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if o.Auth == nil {
		return nil, payout.Errorf(payout.KindInput, "no authorization for %s: set a token, a basic key or a signing key", base.Host)
	}
	if o.RateLimit < 0 {
		return nil, payout.Errorf(payout.KindInput, "the rate limit %g is negative", o.RateLimit)
	}
	c := &Client{
		base:       base,
		auth:       o.Auth,
		timeout:    orDefault(o.Timeout, 30*time.Second),
		attempts:   orDefault(o.Attempts, 6),
		firstWait:  300 * time.Millisecond,
		maxElapsed: orDefault(o.MaxElapsed, 10*time.Minute),
		maxWait:    orDefault(o.MaxWait, 5*time.Minute),
		maxPages:   orDefault(o.MaxPages, 100_000),
		clock:      o.Clock,
		log:        o.Logger,
		userAgent:  o.UserAgent,
		pace:       newPace(o.RateLimit),
		large:      make(chan struct{}, 1),
	}
	if c.clock == nil {
		c.clock = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.userAgent == "" {
		c.userAgent = "payrecon"
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	// A redirect is handed back as an answer: following it would show the credentials, or a signature, to another place.
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

func orDefault[T int | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// newTransport is net/http's own with connections enough for all workers of a sync, so that none is opened per request.
func newTransport() http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// parseBase reads a base URL. Its errors do not repeat one that may hold a password.
func parseBase(text string) (*url.URL, error) {
	bad := func(format string, args ...any) error {
		return payout.Errorf(payout.KindInput, "the API's base URL "+format+" (want https://HOST, such as https://api.token.io)", args...)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, bad("is empty")
	}
	u, err := url.Parse(text)
	if err != nil {
		if strings.Contains(text, "@") {
			return nil, bad("cannot be read")
		}
		return nil, bad("%q cannot be read", clip(text, 200))
	}
	if u.User != nil || strings.Contains(text, "@") {
		return nil, bad("holds a user or a password, which would end up in logs: remove them, and use api.auth")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return nil, bad("%q is not the address of an API", clip(text, 200))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, bad("for %s has a query or a fragment: remove it", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, bad("http://%s is plain http to another machine, which would show the credentials to the network: use https", u.Host)
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// loopback reports whether host names this machine: localhost, 127.0.0.0/8 or ::1.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Stats returns how many requests were sent, and how many of them repeated an earlier one.
func (c *Client) Stats() (requests, retries int64) { return c.requests.Load(), c.retries.Load() }

// Close ends the connections that wait for further requests. The client remains usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Get returns one payout: GET /payouts/{id}. An id that the API does not know is payout.KindNotFound. The answer does
// not say for whom the payout was made: OnBehalfOf is empty.
func (c *Client) Get(ctx context.Context, id string) (payout.Payout, error) {
	if strings.Trim(id, ".") == "" || len(id) > 200 || id != clip(id, 200) || strings.ContainsAny(id, " /\\") {
		return payout.Payout{}, payout.Errorf(payout.KindInput, "%q is not the id of a payout (want one such as po:28oivvd3iFhBrcbNj4tmtLEhxRTk:2gFUX1NE1T6)", clip(id, 60))
	}
	p, _, err := get(ctx, c, call{method: http.MethodGet, path: payoutsPath + "/" + id}, func(a *answer) (payout.Payout, error) {
		return decodeOne(a.body)
	})
	switch {
	case payout.KindOf(err) == payout.KindNotFound:
		return p, payout.Errorf(payout.KindNotFound, "payout %s: the API does not know it: %w", id, err)
	case err != nil:
		return p, err
	case p.ID != id:
		return payout.Payout{}, payout.Errorf(payout.KindTransport, "GET %s at %s was asked for payout %s and answered with %s: is this the right API?", payoutsPath, c.base.Host, id, clip(p.ID, 60))
	}
	return p, nil
}

// ClockReading is the server's clock, from the Date header of an answer (whole seconds), beside ours.
type ClockReading struct {
	Server time.Time // zero when the answer has no Date
	Ours   time.Time // in the middle of the request
	Took   time.Duration
}

// Skew returns how far the server's clock is ahead of ours, 0 when the server did not say.
func (r ClockReading) Skew() time.Duration {
	if r.Server.IsZero() {
		return 0
	}
	return r.Server.Sub(r.Ours)
}

// ServerClock asks for one row, which proves address and authorization, and compares the clocks. An empty onBehalfOf
// asks plainly.
func (c *Client) ServerClock(ctx context.Context, onBehalfOf string) (ClockReading, error) {
	r := call{method: http.MethodGet, path: payoutsPath, query: encode(payout.Query{Limit: 1, OnBehalfOf: onBehalfOf}, "")}
	var reading ClockReading
	_, _, err := get(ctx, c, r, func(a *answer) (struct{}, error) {
		took := c.clock().Sub(a.asked)
		reading = ClockReading{Server: a.date, Ours: a.asked.Add(took / 2), Took: took}
		_, _, err := decodePage(a.body, onBehalfOf)
		return struct{}{}, err
	})
	return reading, err
}
