package payapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"payrecon/internal/payout"
)

// What is read of an answer at most, decompressed. A documented page of 200 payouts is about 200 KB.
const (
	maxBody      = 8 << 20
	maxErrorBody = 64 << 10
	usualBody    = 1 << 20 // a larger one waits for its turn, so that many workers do not hold many of them
)

// call is one request as it will be sent, all but its authorization.
type call struct {
	method string
	path   string // below the base URL, not escaped
	query  string // byte for byte as sent and signed
	body   []byte
	cursor bool // the query carries a cursor
}

// answer is the success that a request met.
type answer struct {
	asked time.Time // our clock, just before the request
	date  time.Time // the Date header; zero without one
	body  []byte
	sent  http.Header // what the request carried: to be kept out of errors about the answer
}

// failure is one try that failed, and what may be done about it.
type failure struct {
	err     error
	again   bool          // the same GET may succeed later
	after   time.Duration // not before; 0 = as the backoff says
	refused bool          // known: the server did not act on the request, or never saw it
}

// send makes one try: it waits for its turn, authorizes, sends and reads. ctx bounds the waiting, and with the timeout
// the request.
func (c *Client) send(ctx context.Context, r call) (*answer, *failure) {
	since, err := c.pace.wait(ctx)
	if err != nil {
		return nil, &failure{err: c.interrupted(r, err), refused: true}
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(limited, r)
	if err != nil {
		return nil, &failure{err: err, refused: true}
	}
	c.requests.Add(1)
	asked := c.clock()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.lost(ctx, r, req, err)
	}
	defer func() { _ = resp.Body.Close() }()
	got := &answer{asked: asked, sent: req.Header}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		got.date = date
	}
	c.log.Debug("payouts API", "method", r.method, "path", r.path, "query", clip(r.query, 300), "status", resp.StatusCode, "took", c.clock().Sub(asked))
	success := resp.StatusCode == http.StatusOK || r.method == http.MethodPost && resp.StatusCode == http.StatusCreated
	if !success {
		f := c.refusal(r, req, resp, got)
		if resp.StatusCode == http.StatusTooManyRequests {
			c.pace.refused(since, min(f.after, c.maxWait))
		}
		return nil, f
	}
	if enc := resp.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, &failure{err: c.unusable(r, got, fmt.Errorf("the answer is encoded as %q", clip(enc, 40)))}
	}
	if got.body, err = c.readBody(limited, resp); err != nil {
		if errors.Is(err, errTooLong) {
			return nil, &failure{err: c.unusable(r, got, err)}
		}
		return nil, c.lost(ctx, r, req, fmt.Errorf("%w: %w", errBrokeOff, err))
	}
	c.pace.answered()
	return got, nil
}

// request builds and authorizes one request. Its query is r.query, untouched.
func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	u := *c.base
	u.RawPath = c.base.EscapedPath() + (&url.URL{Path: r.path}).EscapedPath()
	u.Path = c.base.Path + r.path
	u.RawQuery = r.query
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "%s %s at %s: the request cannot be built", r.method, r.path, c.base.Host)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := c.auth.Authorize(req, r.body); err != nil {
		return nil, err
	}
	return req, nil
}

var (
	errTooLong  = errors.New("the answer is too long")
	errBrokeOff = errors.New("broke off its answer")
)

// readBody reads the body, and refuses one of more than maxBody without reading on. What goes beyond usualBody is read of
// one answer at a time.
func (c *Client) readBody(ctx context.Context, resp *http.Response) ([]byte, error) {
	tooLong := fmt.Errorf("%w: more than %d MiB", errTooLong, maxBody>>20)
	if resp.ContentLength > maxBody {
		return nil, tooLong
	}
	var b bytes.Buffer
	b.Grow(int(min(max(resp.ContentLength, 0), usualBody)) + bytes.MinRead)
	n, err := b.ReadFrom(io.LimitReader(resp.Body, usualBody))
	if err != nil || n < usualBody {
		return b.Bytes(), err
	}
	select {
	case c.large <- struct{}{}:
		defer func() { <-c.large }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b.Grow(maxBody - usualBody + bytes.MinRead) // at once: doubling would take twice the memory
	n, err = b.ReadFrom(io.LimitReader(resp.Body, maxBody-usualBody+1))
	if n > maxBody-usualBody {
		return nil, tooLong
	}
	return b.Bytes(), err
}

// refusal reads an answer that is not a success.
func (c *Client) refusal(r call, req *http.Request, resp *http.Response, got *answer) *failure {
	e := &Error{Method: r.method, Path: r.path, Host: c.base.Host, Status: resp.StatusCode, Cursor: r.cursor}
	if !got.date.IsZero() {
		e.Skew = got.date.Sub(got.asked)
	}
	e.External = strings.EqualFold(resp.Header.Get("token-external-error"), "true")
	if target, err := resp.Location(); err == nil {
		e.Target = scrub(clip(target.Host, 100), req.Header)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err == nil {
		e.decodeError(body)
	}
	e.Code, e.Message, e.TraceID = scrub(e.Code, req.Header), scrub(e.Message, req.Header), scrub(e.TraceID, req.Header)
	f := &failure{again: e.Transient(), refused: refused(e.Status)}
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		f.after, _ = retryAfter(resp.Header.Get("Retry-After"), got.date, got.asked)
		e.RetryAfter = f.after
	}
	if e.Status < 300 {
		f.err = c.unusable(r, got, fmt.Errorf("status %d, which has no payouts", e.Status))
		return f
	}
	f.err = payout.Errorf(e.kind(), "%w", e)
	return f
}

// refused reports whether a status says that the server did not act on a request: the documented refusals, and those by
// which HTTP itself says so. Any other leaves open what was done, also a 4xx: a 409 may speak of an earlier try, 499 is a
// gateway's word for a client that left.
func refused(status int) bool {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusNotImplemented,
		http.StatusMethodNotAllowed, http.StatusLengthRequired, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
		http.StatusUnsupportedMediaType, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}

// unusable is the error for a success whose content is not what the API documents.
func (c *Client) unusable(r call, got *answer, err error) error {
	return payout.Errorf(payout.KindTransport, "the API at %s gave an unusable answer: %s (%s %s)", c.base.Host, scrub(err.Error(), got.sent), r.method, r.path)
}

// interrupted is the error for a request that its context ended.
func (c *Client) interrupted(r call, cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return payout.Errorf(payout.KindTransport, "the time was over before the API at %s had answered (%s %s): %w", c.base.Host, r.method, r.path, cause)
	}
	return payout.Errorf(payout.KindInterrupted, "%s %s at %s: %w", r.method, r.path, c.base.Host, cause)
}

// lost is the failure of a request that got no whole answer.
func (c *Client) lost(ctx context.Context, r call, req *http.Request, err error) *failure {
	unsent := neverSent(err)
	if ctx.Err() != nil {
		return &failure{err: c.interrupted(r, context.Cause(ctx)), refused: unsent}
	}
	text := "did not answer: " + scrub(plainly(err), req.Header)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		text = fmt.Sprintf("gave no whole answer within %s", c.timeout)
	case errors.Is(err, errBrokeOff):
		text = scrub(plainly(err), req.Header)
	}
	return &failure{
		err:     payout.Errorf(payout.KindTransport, "the API at %s %s (%s %s)", c.base.Host, clip(text, 400), r.method, r.path),
		again:   !noTLS(err),
		refused: unsent,
	}
}

// neverSent reports whether err proves that no byte of the request left, because no connection came about.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect") || noTLS(err)
}

// noTLS reports whether the server speaks no TLS, or shows a certificate that proves nothing. Another try would meet the
// same server.
func noTLS(err error) bool {
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	return errors.As(err, &cert) || errors.As(err, &plain) || errors.Is(err, http.ErrSchemeMismatch)
}

// plainly says why a request got no whole answer, without the steps that led there: "dial tcp 127.0.0.1:1: connect: connection
// refused" is a connection refused. A proxy's failures keep theirs, which tell them from those of the API.
func plainly(err error) string {
	var op *net.OpError
	var name *net.DNSError
	var number syscall.Errno
	switch direct := !errors.As(err, &op) || op.Op != "proxyconnect"; {
	case direct && errors.As(err, &name):
		return fmt.Sprintf("the name %s cannot be looked up: %s", name.Name, name.Err)
	case direct && op != nil && op.Op == "dial" && errors.As(err, &number):
		return number.Error()
	}
	return stripURL(err)
}

// stripURL returns the text of err without the URL that net/http puts round it, and without the user part of any
// other: that of a proxy holds a password.
func stripURL(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	words := strings.Fields(err.Error())
	for i, w := range words {
		scheme, rest, isURL := strings.Cut(w, "://")
		if at := strings.LastIndexByte(rest, '@'); isURL && at >= 0 {
			words[i] = scheme + "://[secret]" + rest[at:]
		}
	}
	return strings.Join(words, " ")
}
