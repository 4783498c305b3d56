package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// answer is what goes out.
type answer struct {
	status int
	kind   string // content type
	body   []byte
	pooled bool // body goes back to the pool once it is sent
}

const jsonType = "application/json; charset=utf-8"

// errorCodes are the documented ones. 400 and 401 carry none.
var errorCodes = map[int]string{
	http.StatusForbidden:           "PermissionDenied",
	http.StatusNotFound:            "NOT_FOUND",
	http.StatusTooManyRequests:     "RESOURCE_EXHAUSTED",
	http.StatusInternalServerError: "InternalServerError",
	http.StatusNotImplemented:      "UNIMPLEMENTED",
	http.StatusServiceUnavailable:  "UNAVAILABLE",
	http.StatusGatewayTimeout:      "DEADLINE_EXCEEDED",
}

// errorMessages are what a person reads where the sandbox has nothing to say in particular.
var errorMessages = map[int]string{
	http.StatusUnauthorized:        "The authorization information is missing or invalid.",
	http.StatusForbidden:           "Permission to access this endpoint is denied.",
	http.StatusTooManyRequests:     "Too many requests.",
	http.StatusInternalServerError: "Something went wrong.",
	http.StatusNotImplemented:      "This operation is not implemented.",
	http.StatusServiceUnavailable:  "The service is not available at the moment.",
	http.StatusGatewayTimeout:      "The bank did not answer in time.",
}

type errorBody struct {
	Error struct {
		Code    string `json:"errorCode,omitempty"`
		Message string `json:"message"`
		Payment string `json:"paymentId,omitempty"`
		Trace   string `json:"tokenTraceId"`
	} `json:"error"`
}

// refuse makes the documented error body. The message "" stands for the usual one; payment is the id that was not found.
func (s *Sandbox) refuse(status int, message, payment string) answer {
	var b errorBody
	b.Error.Code, b.Error.Message, b.Error.Payment = errorCodes[status], message, payment
	if message == "" {
		b.Error.Message = errorMessages[status]
	}
	b.Error.Trace = strconv.FormatUint(draw(s.o.Seed+s.traces.Add(1), saltTrace)%9_000_000_000+1_000_000_000, 10)
	body, _ := json.Marshal(b) // strings only: cannot fail
	return answer{status: status, kind: jsonType, body: body}
}

// outage is an injected 5xx, in the form that the faults ask for.
func (s *Sandbox) outage(t trouble) answer {
	f := &s.o.Faults
	codes := []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	status := codes[t.draw>>8%3]
	if n, err := strconv.Atoi(f.ErrorCode); err == nil {
		status = n
	}
	form := f.ErrorBody
	if form == "mix" {
		form = []string{"json", "html", "empty"}[t.draw>>16%3]
	}
	switch form {
	case "html":
		page := "<!DOCTYPE html>\n<html><head><title>" + strconv.Itoa(status) + "</title></head><body><h1>" + http.StatusText(status) + "</h1></body></html>\n"
		return answer{status: status, kind: "text/html; charset=utf-8", body: []byte(page)}
	case "empty":
		return answer{status: status}
	}
	return s.refuse(status, "", "")
}

// retryAfter sets the header of a 429 or 503, where the faults ask for it.
func (s *Sandbox) retryAfter(h http.Header) {
	switch s.o.Faults.RetryAfter {
	case "seconds":
		h.Set("Retry-After", "1")
	case "date":
		h.Set("Retry-After", s.Now().Add(s.o.Faults.Skew+time.Second).Format(http.TimeFormat))
	}
}
