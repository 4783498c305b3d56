package payapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"payrecon/internal/payout"
)

// Error is an answer of the API that is not a success. Code, Message and TraceID are what the body says
// ({"error":{"errorCode","message","tokenTraceId"}}, documented; 400 and 401 carry no code) and empty when it says
// nothing readable. Support asks for TraceID. errors.As finds an Error in what the client returns, and payout.KindOf
// its kind.
type Error struct {
	Method, Path, Host string
	Status             int // HTTP status
	Code               string
	Message            string
	TraceID            string
	External           bool          // token-external-error: the bank failed, not the provider (documented for 5xx)
	Cursor             bool          // the request carried a cursor
	RetryAfter         time.Duration // what a 429 or 503 asked for; 0 = nothing readable
	Skew               time.Duration // the server's Date less our clock; 0 without a Date
	Target             string        // host a redirect points to
}

// kind tells what kind of end a status is.
func (e *Error) kind() payout.Kind {
	switch {
	case e.refusesCursor():
		return payout.KindInput
	case e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden:
		return payout.KindAuth
	case e.Status == http.StatusNotFound:
		return payout.KindNotFound
	case e.Status == http.StatusBadRequest:
		return payout.KindInput
	case e.Status == http.StatusNotImplemented:
		return payout.KindFailed
	}
	return payout.KindTransport
}

// Transient reports whether the same request may succeed later: 429, 408, and every 5xx but 501.
func (e *Error) Transient() bool {
	switch e.Status {
	case http.StatusTooManyRequests, http.StatusRequestTimeout:
		return true
	case http.StatusNotImplemented:
		return false
	}
	return e.Status >= 500
}

// Error says what was asked, what was answered, and what to do about it.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the API at %s answered %d %s", e.Host, e.Status, http.StatusText(e.Status))
	if e.Code != "" {
		b.WriteString(" (" + e.Code + ")")
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.TraceID != "" {
		b.WriteString(" [trace " + e.TraceID + "]")
	}
	if advice := e.advice(); advice != "" {
		b.WriteString(": " + advice)
	}
	b.WriteString(" (" + e.Method + " " + e.Path + ")")
	return b.String()
}

func (e *Error) advice() string {
	switch {
	case e.Status == http.StatusUnauthorized:
		return "the authorization was refused: check that the token or key is whole, not expired, and meant for this host; " + e.clockAdvice()
	case e.Status == http.StatusForbidden:
		return "not permitted: check that the member may use payouts, and the on_behalf_of ids"
	case e.Status == http.StatusNotFound && e.Path == payoutsPath && !e.Cursor:
		return "there are no payouts under this address: check the base URL"
	case e.Status == http.StatusTooManyRequests && e.RetryAfter > 0:
		return fmt.Sprintf("too many requests; the API asks to come back in %s", e.RetryAfter)
	case e.Status == http.StatusTooManyRequests:
		return "too many requests: lower the rate limit, or go on later"
	case e.Status == http.StatusRequestURITooLong:
		return "too many ids or references for one request: ask for fewer"
	case e.Status == http.StatusNotImplemented:
		return "the API does not implement this operation"
	case e.External:
		return "the bank failed, not the provider (token-external-error)"
	case e.Status >= 300 && e.Status < 400 && e.Target != "":
		return "a redirect to " + e.Target + ", not followed, because the credentials are for " + e.Host + " alone: check the base URL"
	case e.Status >= 300 && e.Status < 400:
		return "a redirect, not followed: check the base URL"
	}
	return ""
}

// clockAdvice says whether the clocks explain a 401: signed requests expire within minutes.
func (e *Error) clockAdvice() string {
	const tolerable = 30 * time.Second
	skew := e.Skew.Round(time.Second)
	switch {
	case e.Skew == 0:
		return "and that this computer's clock is right, because signed requests expire"
	case skew > tolerable:
		return fmt.Sprintf("this computer's clock is %s behind the server's, and signed requests expire: set the clock right", inWords(skew))
	case skew < -tolerable:
		return fmt.Sprintf("this computer's clock is %s ahead of the server's, and signed requests expire: set the clock right", inWords(-skew))
	}
	return "the clocks of this computer and the server agree"
}

// inWords says how far clocks are apart: to the second, but for a wrong date.
func inWords(skew time.Duration) string {
	const day = 24 * time.Hour
	if skew < 2*day {
		return skew.String()
	}
	return fmt.Sprintf("%d days", skew/day)
}

// IsInvalidArgument reports whether the API refused the request's parameters (400).
func IsInvalidArgument(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusBadRequest
}

// IsInvalidCursor reports whether the API refused a request that carried a cursor (400, or 404 or 410, in which a server may
// say that it knows the cursor no more): it may have expired, so the walk has to begin again.
func IsInvalidCursor(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.refusesCursor()
}

func (e *Error) refusesCursor() bool {
	return e.Cursor && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// FateUnknown says that a POST was sent, or may have been, and that nobody knows whether the payout was made. The
// payout may exist, so nothing may be sent again before its reference was looked up.
type FateUnknown struct {
	RefID string
	Err   error
}

func (e *FateUnknown) Error() string {
	return fmt.Sprintf("it is not known whether the payout with refId %q was made (%v): look the refId up before anything is sent again", e.RefID, e.Err)
}

// Unwrap returns why the answer is not known.
func (e *FateUnknown) Unwrap() error { return e.Err }

// decodeError reads the body of an error answer as far as it can be read: gateways send HTML, or nothing.
func (e *Error) decodeError(body []byte) {
	s := newScanner(body)
	if s.value() != nil || s.nodes[0].kind != kindObject {
		return
	}
	at := int32(0) // gateways leave out the outer object, or give a mere text
	text := ""
	s.eachMember(0, func(name string, v int32) {
		if name == "error" {
			at, text = v, s.scalar(v)
		}
	})
	e.Code = clip(s.member(at, "errorCode"), 60)
	e.Message = clip(s.member(at, "message")+text, 300)
	e.TraceID = clip(s.member(at, "tokenTraceId"), 100)
}
