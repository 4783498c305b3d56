package sandbox

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the description of the API that the sandbox serves at /openapi.yaml.
func OpenAPI() []byte { return append([]byte(nil), openAPI...) }

var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 256<<10); return &b }}

// ServeHTTP answers one request.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil // net/http adds none of its own then
	if !s.o.Faults.NoDate {
		w.Header().Set("Date", s.Now().Add(s.o.Faults.Skew).Format(http.TimeFormat))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			s.send(w, r, trouble{}, s.refuse(http.StatusBadRequest, fmt.Sprintf("the body is larger than %d bytes", maxBody), ""))
			return
		}
		panic(http.ErrAbortHandler) // the client went away
	}
	t := s.memory.meet(&s.o.Faults, requestHash(s.o.Seed, r, body), r.Method == http.MethodPost)
	if t.wait > 0 && !pause(r, t.wait) {
		panic(http.ErrAbortHandler)
	}
	if a, refused := s.gate(r, body); refused {
		s.send(w, r, trouble{}, a)
		return
	}
	switch {
	case t.reset:
		s.counter.add(r, 0)
		panic(http.ErrAbortHandler)
	case t.error:
		if s.o.Faults.BankFault {
			w.Header().Set("token-external-error", "true")
		}
		s.send(w, r, t, s.outage(t))
	default:
		s.send(w, r, t, s.route(r, body))
	}
}

// gate lets a request in, or says why not.
func (s *Sandbox) gate(r *http.Request, body []byte) (answer, bool) {
	switch {
	case r.URL.Path == "/openapi.yaml":
		return answer{status: http.StatusOK, kind: "application/yaml", body: openAPI}, true
	case len(r.URL.RequestURI()) > maxURL:
		return answer{status: http.StatusRequestURITooLong, kind: "text/html; charset=utf-8", body: []byte("<html><body><h1>414 Request-URI Too Large</h1></body></html>\n")}, true
	case s.limit != nil && !s.limit.Allow():
		return s.refuse(http.StatusTooManyRequests, "", ""), true
	case s.o.Faults.Forbid:
		return s.refuse(http.StatusForbidden, "", ""), true
	}
	if status, message := s.authorize(r, body); status != 0 {
		return s.refuse(status, message, ""), true
	}
	return answer{}, false
}

func (s *Sandbox) route(r *http.Request, body []byte) answer {
	id, single := strings.CutPrefix(r.URL.EscapedPath(), "/payouts/")
	switch {
	case r.URL.Path == "/payouts" && r.Method == http.MethodGet:
		return s.list(r)
	case r.URL.Path == "/payouts" && r.Method == http.MethodPost:
		return s.initiate(r, body)
	case single && r.Method == http.MethodGet:
		id, err := url.PathUnescape(id)
		if err != nil || id == "" || strings.Contains(id, "/") {
			return s.refuse(http.StatusBadRequest, "the payout id cannot be read", "")
		}
		return s.get(id)
	case single || r.URL.Path == "/payouts":
		return s.refuse(http.StatusNotImplemented, r.Method+" is not implemented here.", "")
	}
	return s.refuse(http.StatusNotFound, "There is nothing at "+r.URL.Path+".", "")
}

// list answers GET /payouts.
func (s *Sandbox) list(r *http.Request) answer {
	q, err := s.readQuery(r.URL.RawQuery)
	if err != nil {
		return s.refuse(http.StatusBadRequest, err.Error(), "")
	}
	now := millis(s.Now())
	var from mark
	if q.cursor != "" {
		if from, err = s.readCursor(q, now); err != nil {
			return s.refuse(http.StatusBadRequest, err.Error(), "")
		}
	}
	buffer := *bodies.Get().(*[]byte)
	s.mu.RLock()
	defer s.mu.RUnlock()
	p := s.cut(q, from, now)
	b := append(buffer[:0], `{"payouts":[`...)
	for i, num := range p.nums {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.appendPayout(b, num, now)
	}
	return answer{http.StatusOK, jsonType, appendPaging(b, q.limit, p.next), true}
}

// get answers GET /payouts/{id}.
func (s *Sandbox) get(id string) answer {
	now := millis(s.Now())
	s.mu.RLock()
	defer s.mu.RUnlock()
	num, ok := s.store.numberOf(id)
	if !ok || !s.shown(num, now) {
		return s.refuse(http.StatusNotFound, "The payout was not found.", id)
	}
	return answer{status: http.StatusOK, kind: jsonType, body: append(s.appendPayout([]byte(`{"payout":`), num, now), '}')}
}

// send writes the answer, or as much of it as its trouble lets through.
func (s *Sandbox) send(w http.ResponseWriter, r *http.Request, t trouble, a answer) {
	if a.pooled {
		defer bodies.Put(&a.body)
	}
	if t.lost {
		s.counter.add(r, 0)
		panic(http.ErrAbortHandler)
	}
	s.counter.add(r, a.status)
	h := w.Header()
	if a.kind != "" {
		h.Set("Content-Type", a.kind)
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		s.retryAfter(h)
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	switch {
	case t.torn:
		_, _ = w.Write(a.body[:len(a.body)/2]) // an error is the client's going away
		flush(w)
		panic(http.ErrAbortHandler)
	case t.slow:
		s.drip(w, r, a.body)
	default:
		_, _ = w.Write(a.body)
	}
}

// drips is how many pieces a slow body comes in.
const drips = 20

func (s *Sandbox) drip(w http.ResponseWriter, r *http.Request, body []byte) {
	for i := range drips {
		lo, hi := len(body)*i/drips, len(body)*(i+1)/drips
		if _, err := w.Write(body[lo:hi]); err != nil {
			return
		}
		flush(w)
		if !pause(r, s.o.Faults.SlowFor/drips) {
			panic(http.ErrAbortHandler)
		}
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// pause waits, unless the client goes away.
func pause(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// requestHash is the same for a request that is sent again. A cursor that carries its time is cut to what it points at.
func requestHash(seed uint64, r *http.Request, body []byte) uint64 {
	query := r.URL.RawQuery
	if values, err := url.ParseQuery(query); err == nil {
		if offset := values.Get("offset"); len(offset) > 32 {
			values.Set("offset", offset[:32]) // 24 bytes: the mark and the query
		}
		query = values.Encode()
	}
	return textHash(seed, r.Method, r.URL.Path, query, string(body))
}

// Counts says what was asked of the sandbox. A status of 0 is a connection that was cut without an answer.
type Counts struct {
	Lists    int
	Gets     int
	Posts    int
	Made     int // payouts that POST made, whether or not the answer arrived
	Other    int
	ByStatus map[int]int
}

type counter struct {
	mu sync.Mutex
	n  Counts
}

func (c *counter) add(r *http.Request, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case r.URL.Path == "/payouts" && r.Method == http.MethodGet:
		c.n.Lists++
	case r.URL.Path == "/payouts" && r.Method == http.MethodPost:
		c.n.Posts++
	case strings.HasPrefix(r.URL.Path, "/payouts/"):
		c.n.Gets++
	default:
		c.n.Other++
	}
	if c.n.ByStatus == nil {
		c.n.ByStatus = make(map[int]int)
	}
	c.n.ByStatus[status]++
}

func (c *counter) made() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n.Made++
}

// Counts returns what was asked since the start.
func (s *Sandbox) Counts() Counts {
	s.counter.mu.Lock()
	defer s.counter.mu.Unlock()
	n := s.counter.n
	n.ByStatus = make(map[int]int, len(s.counter.n.ByStatus))
	for k, v := range s.counter.n.ByStatus {
		n.ByStatus[k] = v
	}
	return n
}
