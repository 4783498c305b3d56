package payapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"payrecon/internal/payout"
)

func TestStatuses(t *testing.T) {
	tests := []struct {
		status int
		kind   payout.Kind
		tries  int64
		want   string
	}{
		{400, payout.KindInput, 1, "bad day"},
		{401, payout.KindAuth, 1, "check that the token or key"},
		{403, payout.KindAuth, 1, "not permitted"},
		{404, payout.KindNotFound, 1, "check the base URL"},
		{414, payout.KindTransport, 1, "ask for fewer"},
		{418, payout.KindTransport, 1, "418"},
		{429, payout.KindTransport, 3, "too many requests"},
		{500, payout.KindTransport, 3, "after 3 tries"},
		{501, payout.KindFailed, 1, "does not implement"},
		{502, payout.KindTransport, 3, "after 3 tries"},
		{503, payout.KindTransport, 3, "after 3 tries"},
		{504, payout.KindTransport, 3, "after 3 tries"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status), func(t *testing.T) {
			t.Parallel()
			c := serve(t, answerWith(tt.status, `{"error":{"errorCode":"CODE","message":"bad day for Bearer `+secret+`","tokenTraceId":"trace-1"}}`))
			_, err := walkAll(t, c.Client, payout.Query{}, "")
			if payout.KindOf(err) != tt.kind {
				t.Errorf("kind of %v = %d, want %d", err, payout.KindOf(err), tt.kind)
			}
			for _, part := range []string{tt.want, "trace-1", "bad day for Bearer [secret]", "CODE", strings.TrimPrefix(c.url, "http://")} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error = %v, want %q in it", err, part)
				}
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != tt.status || e.TraceID != "trace-1" {
				t.Errorf("errors.As = %+v, want status %d and trace-1", e, tt.status)
			}
			if requests, _ := c.Stats(); requests != tt.tries {
				t.Errorf("%d requests, want %d", requests, tt.tries)
			}
			if IsInvalidArgument(err) != (tt.status == 400) || IsInvalidCursor(err) {
				t.Errorf("IsInvalidArgument, IsInvalidCursor = %v, %v", IsInvalidArgument(err), IsInvalidCursor(err))
			}
		})
	}
	for _, status := range []int{400, 404, 410} {
		c := serve(t, answerWith(status, ``))
		if _, err := walkAll(t, c.Client, payout.Query{}, "old"); !IsInvalidCursor(err) || payout.KindOf(err) != payout.KindInput || strings.Contains(err.Error(), "base URL") {
			t.Errorf("%d to a cursor: %v, want IsInvalidCursor, KindInput", status, err)
		}
	}
}

func TestErrorBodies(t *testing.T) {
	tests := []struct{ name, body, code, message, trace string }{
		{"documented", `{"error":{"errorCode":"C","message":"M","tokenTraceId":"T"}}`, "C", "M", "T"},
		{"without code", `{"error":{"message":"M"}}`, "", "M", ""},
		{"flat", `{"message":"M","errorCode":"C"}`, "C", "M", ""},
		{"mere text", `{"error":"M"}`, "", "M", ""},
		{"HTML", `<html><body>Bad gateway</body></html>`, "", "", ""},
		{"empty", ``, "", "", ""},
		{"torn", `{"error":{"message":"M"`, "", "", ""},
		{"a list", `["M"]`, "", "", ""},
		{"numbers", `{"error":{"errorCode":7,"message":null,"tokenTraceId":5678912345}}`, "7", "", "5678912345"},
		{"long", `{"error":{"message":"` + strings.Repeat("é", 500) + `"}}`, "", strings.Repeat("é", 150) + "...", ""},
		{"control characters", `{"error":{"message":"a\u001b[31mb\nc"}}`, "", "a [31mb c", ""},
		{"marks of direction", `{"error":{"message":"a\u202eb\u2066c\u200fd"}}`, "", "a b c d", ""},
	}
	for _, tt := range tests {
		var e Error
		e.decodeError([]byte(tt.body))
		if e.Code != tt.code || e.Message != tt.message || e.TraceID != tt.trace {
			t.Errorf("%s: %q, %q, %q, want %q, %q, %q", tt.name, e.Code, e.Message, e.TraceID, tt.code, tt.message, tt.trace)
		}
	}
}

func FuzzDecodeError(f *testing.F) {
	f.Add([]byte(`{"error":{"errorCode":"C","message":"M","tokenTraceId":"T"}}`))
	f.Add([]byte(`<html>`))
	f.Add([]byte(`{"error":[{"message":"\ud83d"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var e Error
		e.decodeError(body)
		if len(e.Message) > 304 || len(e.Code) > 64 || len(e.TraceID) > 104 || strings.ContainsAny(e.Error(), "\n\r\x1b\x00") {
			t.Errorf("error %q", e.Error())
		}
	})
}

func TestExternalErrorsAreNamed(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("token-external-error", "true")
		w.WriteHeader(500)
	})
	_, err := walkAll(t, c.Client, payout.Query{}, "")
	var e *Error
	if !errors.As(err, &e) || !e.External || !strings.Contains(err.Error(), "the bank failed") {
		t.Errorf("error = %v, want an external one", err)
	}
}

func TestUnauthorizedHintsAtTheClock(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	tests := []struct {
		ahead time.Duration // the server's
		want  string
	}{
		{7 * time.Minute, "clock is 7m0s behind"},
		{-7 * time.Minute, "clock is 7m0s ahead"},
		{100 * time.Hour, "clock is 4 days behind"},
		{2 * time.Second, "clocks of this computer and the server agree"},
	}
	for _, tt := range tests {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", now.Add(tt.ahead).Format(http.TimeFormat))
			w.WriteHeader(401)
		}, func(o *Options) { o.Clock = func() time.Time { return now } })
		if _, err := walkAll(t, c.Client, payout.Query{}, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("server %s ahead: %v, want %q in it", tt.ahead, err, tt.want)
		}
	}
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", now.Add(time.Minute).Format(http.TimeFormat))
		_, _ = io.WriteString(w, pageOf(0, 1, ""))
	}, func(o *Options) { o.Clock = func() time.Time { return now } })
	if r, err := c.ServerClock(t.Context(), ""); err != nil || r.Skew() != time.Minute {
		t.Errorf("ServerClock = %+v, %v, want a skew of a minute", r, err)
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	var leaked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked.Add(1) }))
	t.Cleanup(other.Close)
	host := strings.TrimPrefix(other.URL, "http://")
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/x?token="+secret, http.StatusTemporaryRedirect)
	})
	_, err := walkAll(t, c.Client, payout.Query{}, "")
	if err == nil || !strings.Contains(err.Error(), "redirect to "+host) || strings.Contains(err.Error(), "/x") || leaked.Load() != 0 {
		t.Errorf("error = %v, %d requests to the target, want one that names the host alone, and none", err, leaked.Load())
	}
	if requests, _ := c.Stats(); requests != 1 {
		t.Errorf("%d requests, want 1", requests)
	}
}

func TestUnusableAnswers(t *testing.T) {
	tests := []struct {
		name   string
		server http.HandlerFunc
		tries  int64
		want   string
	}{
		{"204", answerWith(204, ""), 1, "status 204"},
		{"206", answerWith(206, pageOf(0, 0, "")), 1, "status 206"},
		{"empty", answerWith(200, ""), 3, "the answer is empty"},
		{"HTML", answerWith(200, "<!DOCTYPE html><html></html>"), 1, "HTML page"},
		{"no payouts", answerWith(200, "{}"), 1, "no payouts array"},
		{"torn JSON", answerWith(200, `{"payouts":[{"id":"x"`), 3, "ends early"},
		{"deep JSON", answerWith(200, `{"payouts":[{"id":"x","y":`+strings.Repeat("[", 1<<20)), 1, "levels"},
		{"a cursor of 3 KB", answerWith(200, pageOf(0, 200, strings.Repeat("c", 3000))), 1, "cursor of 3000 bytes"},
		{"torn body", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"payouts":[`)
		}, 3, "broke off"},
		{"reset", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}
		}, 3, "after 3 tries"},
		{"an unknown encoding", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = io.WriteString(w, "x")
		}, 1, `encoded as "br"`},
		{"gzip that is none", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = io.WriteString(w, "no gzip at all")
		}, 3, "gzip"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, tt.server)
			pages, err := walkAll(t, c.Client, payout.Query{}, "")
			if len(pages) != 0 || err == nil || !strings.Contains(err.Error(), tt.want) || payout.KindOf(err) != payout.KindTransport {
				t.Errorf("%d pages, error = %v (kind %d), want %q, KindTransport", len(pages), err, payout.KindOf(err), tt.want)
			}
			if requests, _ := c.Stats(); requests != tt.tries {
				t.Errorf("%d requests, want %d", requests, tt.tries)
			}
		})
	}
}

// A body of a gigabyte is refused by its length, or after the first 8 MiB of it. What is allocated in all, ours and the
// server's, is more than what is held at any time: 13 MiB, and twice that under the race detector.
func TestGiantBodies(t *testing.T) {
	var written atomic.Int64
	zeros, spaces := make([]byte, 1<<20), bytes.Repeat([]byte(" "), 1<<20)
	tests := []struct {
		name   string
		server http.HandlerFunc
	}{
		{"announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(1<<30))
			n, _ := w.Write(zeros)
			written.Add(int64(n))
		}},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 10 {
				n, err := w.Write(spaces)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		}},
		{"gzip bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
			for range 1 << 10 {
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
			_ = z.Close()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			written.Store(0)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c := serve(t, tt.server, func(o *Options) { o.Timeout = 30 * time.Second })
			_, err := walkAll(t, c.Client, payout.Query{}, "")
			if err == nil || !strings.Contains(err.Error(), "more than 8 MiB") {
				t.Errorf("error = %v, want that it is too long", err)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 40<<20 {
				t.Errorf("%d MiB allocated in all, want at most 40", grown>>20)
			}
			if requests, _ := c.Stats(); requests != 1 || written.Load() > 200<<20 {
				t.Errorf("%d requests, %d bytes written, want 1 and far fewer than a gigabyte", requests, written.Load())
			}
		})
	}
}

// largeBody is a body without an end, which counts how many of its kind are read beyond usualBody at once.
type largeBody struct {
	given        int
	active, most *atomic.Int64
}

func (b *largeBody) Read(p []byte) (int, error) {
	if b.given == usualBody {
		if n := b.active.Add(1); n > b.most.Load() {
			b.most.Store(n)
		}
	}
	n := min(len(p), 4096)
	if b.given < usualBody {
		n = min(n, usualBody-b.given)
	}
	if b.given += n; b.given == maxBody+1 { // as much as is wanted of it
		b.active.Add(-1)
	}
	runtime.Gosched()
	return n, nil
}

// However many workers there are, one of them reads a large body.
func TestLargeBodiesAreReadOneAtATime(t *testing.T) {
	c := serve(t, answerWith(200, ""))
	var active, most atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			body := &largeBody{active: &active, most: &most}
			_, err := c.readBody(t.Context(), &http.Response{ContentLength: -1, Body: io.NopCloser(body)})
			if !errors.Is(err, errTooLong) || body.given != maxBody+1 {
				t.Errorf("%v after %d bytes, want that it is too long", err, body.given)
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d large bodies at once, want 1", most.Load())
	}
	c.large <- struct{}{} // somebody reads for ever
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.readBody(ctx, &http.Response{ContentLength: -1, Body: io.NopCloser(&largeBody{active: &active, most: &most})}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted while waiting: %v", err)
	}
}

func TestGzipIsRead(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("Accept-Encoding = %q, want gzip", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, pageOf(0, 3, ""))
		_ = z.Close()
	})
	if pages, err := walkAll(t, c.Client, payout.Query{}, ""); err != nil || len(pages) != 1 || len(pages[0].Payouts) != 3 {
		t.Errorf("%d pages, %v, want one of three rows", len(pages), err)
	}
}
