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
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"payrecon/internal/payout"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "SECRET-0f7c1d-DO-NOT-SHOW"

// rig is a client of a server of the test's own, with waits short enough for tests.
type rig struct {
	*Client
	url string
	log bytes.Buffer
}

func serve(t *testing.T, h http.HandlerFunc, change ...func(*Options)) *rig {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	r := &rig{url: srv.URL}
	o := Options{BaseURL: srv.URL, Auth: Bearer(secret), Attempts: 3, Timeout: 5 * time.Second}
	o.Logger = slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, c := range change {
		c(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.firstWait = time.Millisecond
	t.Cleanup(c.Close)
	t.Cleanup(func() {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log shows the secret:\n%s", r.log.String())
		}
	})
	r.Client = c
	return r
}

func answerWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestGet(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.EscapedPath() {
		case "/payouts/po:1:2":
			_, _ = io.WriteString(w, `{"payout":`+fullPayout+`}`)
		case "/payouts/po:other":
			_, _ = io.WriteString(w, `{"payout":`+fullPayout+`}`)
		case "/payouts/po:none":
			_, _ = io.WriteString(w, `{}`)
		default:
			w.WriteHeader(404)
			_, _ = io.WriteString(w, `{"error":{"errorCode":"NOT_FOUND","message":"no such payment","tokenTraceId":"t-9"}}`)
		}
	})
	p, err := c.Get(t.Context(), "po:1:2")
	if err != nil || p.ID != "po:1:2" || p.RefID != "INV-1" {
		t.Errorf("Get = %+v, %v, want po:1:2", p, err)
	}
	_, err = c.Get(t.Context(), "po:9")
	if payout.KindOf(err) != payout.KindNotFound || !strings.Contains(err.Error(), "po:9") || !strings.Contains(err.Error(), "t-9") {
		t.Errorf("Get of an unknown id = %v, want KindNotFound with id and trace", err)
	}
	if _, err = c.Get(t.Context(), "po:other"); err == nil || !strings.Contains(err.Error(), "answered with po:1:2") {
		t.Errorf("Get answered with another payout = %v, want an error", err)
	}
	if _, err = c.Get(t.Context(), "po:none"); err == nil || !strings.Contains(err.Error(), "no payout") {
		t.Errorf("Get answered without a payout = %v, want an error", err)
	}
	before, _ := c.Stats()
	for _, id := range []string{"", ".", "..", "a/b", "a\nb", "a b", strings.Repeat("x", 300)} {
		if _, err := c.Get(t.Context(), id); payout.KindOf(err) != payout.KindInput {
			t.Errorf("Get(%q) = %v, want KindInput", id, err)
		}
	}
	if after, _ := c.Stats(); after != before {
		t.Errorf("%d requests for impossible ids, want none", after-before)
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct{ url, want string }{
		{"", "is empty"},
		{"api.token.io", "is not the address"},
		{"ftp://api.token.io", "is not the address"},
		{"https://", "is not the address"},
		{"http://api.token.io", "plain http"},
		{"http://localhost.example.com", "plain http"},
		{"http://128.0.0.1", "plain http"},
		{"https://user:" + secret + "@api.token.io", "user or a password"},
		{"https://user:" + secret + "@api token.io", "cannot be read"},
		{"https://" + secret + "@api.token.io", "user or a password"},
		{"https://api.token.io?key=" + secret, "query or a fragment"},
		{"https://api.token.io#" + secret, "query or a fragment"},
		{"https://api.token.io:x", "cannot be read"},
	}
	for _, tt := range tests {
		_, err := New(Options{BaseURL: tt.url, Auth: Bearer("x")})
		if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("New(%q) = %v, want %q, KindInput, and no secret", tt.url, err, tt.want)
		}
	}
	for _, ok := range []string{"https://api.token.io", "HTTPS://api.token.io/", "http://localhost:8099", "http://LOCALHOST", "http://127.1.2.3:1", "http://[::1]:8099/base/"} {
		if _, err := New(Options{BaseURL: ok, Auth: Bearer("x")}); err != nil {
			t.Errorf("New(%q) = %v, want no error", ok, err)
		}
	}
	if _, err := New(Options{BaseURL: "https://api.token.io"}); payout.KindOf(err) != payout.KindInput {
		t.Errorf("New without Auth = %v, want KindInput", err)
	}
}

func TestBasePathIsKept(t *testing.T) {
	var got []string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.EscapedPath())
		_, _ = io.WriteString(w, pageOf(0, 0, ""))
	})
	for _, base := range []string{"/gw/v%201", "/gw/v%201/"} {
		u, _ := url.Parse(c.url + base)
		b, err := parseBase(u.String())
		if err != nil {
			t.Fatal(err)
		}
		c.base = b
		_, _ = walkAll(t, c.Client, payout.Query{}, "")
		_, _ = c.Get(t.Context(), "po:a%2Fb")
	}
	want := "[/gw/v%201/payouts /gw/v%201/payouts/po:a%252Fb /gw/v%201/payouts /gw/v%201/payouts/po:a%252Fb]"
	if fmt.Sprint(got) != want {
		t.Errorf("paths = %v, want %v", got, want)
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := New(Options{BaseURL: srv.URL, Auth: Bearer(secret), Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	_, err = walkAll(t, c, payout.Query{}, "")
	if payout.KindOf(err) != payout.KindTransport || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "after 2 tries") {
		t.Errorf("error = %v, want connection refused after 2 tries", err)
	}
	var u *url.Error
	if errors.As(err, &u) {
		t.Errorf("the error wraps a *url.Error, which prints the whole URL")
	}
}

// untrustedServer has a certificate that nobody vouches for.
func untrustedServer(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(answerWith(200, pageOf(0, 0, "")))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestCertificatesAreChecked(t *testing.T) {
	srv := untrustedServer(t)
	c, err := New(Options{BaseURL: srv.URL, Auth: Bearer(secret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	_, err = walkAll(t, c, payout.Query{}, "")
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error = %v, want one about the certificate", err)
	}
	if requests, _ := c.Stats(); requests != 1 {
		t.Errorf("%d requests, want 1: another would meet the same certificate", requests)
	}
}

func TestContextEndsEverything(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("limit") == "1" {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(429)
			return
		}
		<-r.Context().Done()
	})
	for _, q := range []payout.Query{{Limit: 200}, {Limit: 1}, {Limit: 1}} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		for _, err := range c.Pages(ctx, q, "") {
			if !errors.Is(err, context.Canceled) || payout.KindOf(err) != payout.KindInterrupted {
				t.Errorf("limit %d: error = %v, want canceled, KindInterrupted", q.Limit, err)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, err := range c.Pages(ctx, payout.Query{}, "") {
		if !errors.Is(err, context.DeadlineExceeded) || payout.KindOf(err) != payout.KindTransport {
			t.Errorf("error = %v, want deadline exceeded, KindTransport", err)
		}
	}
}

func TestSlowAnswersTimeOutAndAreTriedAgain(t *testing.T) {
	var n atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) < 3 {
			_, _ = io.WriteString(w, `{"payouts":[`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, pageOf(0, 1, ""))
	}, func(o *Options) { o.Timeout = 100 * time.Millisecond })
	if pages, err := walkAll(t, c.Client, payout.Query{}, ""); err != nil || len(pages) != 1 {
		t.Errorf("%d pages, %v, want one", len(pages), err)
	}
	n.Store(-10)
	_, err := walkAll(t, c.Client, payout.Query{}, "")
	if err == nil || !strings.Contains(err.Error(), "no whole answer within 100ms") || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want no whole answer, and not the caller's deadline", err)
	}
}
