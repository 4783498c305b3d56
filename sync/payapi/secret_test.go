package payapi

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"payrecon/internal/payout"
)

func TestStripURL(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{errors.New("plain words"), "plain words"},
		{&url.Error{Op: "Get", URL: "https://u:" + secret + "@h/?t=" + secret, Err: errors.New("connection refused")}, "connection refused"},
		{fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: "https://" + secret, Err: io.ErrUnexpectedEOF}), "unexpected EOF"},
		{errors.New(`invalid proxy address "http://me:` + secret + `@proxy:99999": bad port`), `invalid proxy address "http://[secret]@proxy:99999": bad port`},
		{errors.New("see https://host/path@x"), "see https://[secret]@x"},
	}
	for _, tt := range tests {
		if got := stripURL(tt.err); got != tt.want {
			t.Errorf("stripURL(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// TestPlainly: the step that failed is left out, but for a proxy's: it is not the API that failed then.
func TestPlainly(t *testing.T) {
	refused := &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}
	to := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
	tests := []struct {
		err  error
		want string
	}{
		{&url.Error{Op: "Get", URL: "http://h/" + secret, Err: &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: refused}}, "connection refused"},
		{&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "api.example", Server: "10.0.0.1:53"}}, "the name api.example cannot be looked up: no such host"},
		{&net.OpError{Op: "proxyconnect", Net: "tcp", Err: &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: refused}}, "proxyconnect tcp: dial tcp 127.0.0.1:1: connect: connection refused"},
		{&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, "read tcp: connection reset by peer"},
		{io.ErrUnexpectedEOF, "unexpected EOF"},
	}
	for _, tt := range tests {
		if got := plainly(tt.err); got != tt.want {
			t.Errorf("plainly(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
}

// failingTransport fails as net/http does when the proxy's address is wrong.
type failingTransport struct{ err error }

func (f failingTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// Whatever goes wrong, and wherever a server or a library repeats the credentials: no error and no log line has them.
// The log is searched by serve.
func TestNothingShowsTheSecret(t *testing.T) {
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			token := r.Header.Get("Authorization")
			w.Header().Set("Location", "https://"+strings.TrimPrefix(token, "Bearer ")+".example.com/"+token)
			w.Header().Set("Retry-After", token)
			w.Header().Set("Date", token)
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"error":{"errorCode":%q,"message":"you sent %s","tokenTraceId":%q}}`, token, token, token)
		}
	}
	check := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: no error, want one", what)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, secret) {
				t.Errorf("%s: %T shows the secret: %s", what, e, text)
			}
		}
	}
	for _, status := range []int{302, 400, 401, 403, 404, 418, 429, 500, 501, 503} {
		c := serve(t, echo(status))
		_, err := walkAll(t, c.Client, payout.Query{}, "c")
		check(fmt.Sprint("GET ", status), err)
		_, err = c.Get(t.Context(), "po:1")
		check(fmt.Sprint("GET one ", status), err)
		_, err = c.Initiate(t.Context(), goodInitiation())
		check(fmt.Sprint("POST ", status), err)
	}
	for _, body := range []string{`{"payouts":[{"id":"x","createdDateTime":"` + secret + `"}]}`, `{"` + secret + `":1,"` + secret + `":2}`} {
		_, err := walkAll(t, serve(t, answerWith(200, body)).Client, payout.Query{}, "")
		check("malformed", err)
		_, err = serve(t, answerWith(200, body)).Initiate(t.Context(), goodInitiation())
		check("malformed POST", err)
	}
	c := serve(t, answerWith(200, ""), func(o *Options) {
		o.Transport = failingTransport{fmt.Errorf(`invalid proxy address "http://me:%s@proxy": Authorization: Bearer %s`, secret, secret)}
	})
	_, err := walkAll(t, c.Client, payout.Query{}, "")
	check("proxy", err)
	long := "opaque-" + strings.Repeat("0123456789abcdef", 40) // messages are cut before they are through with it
	for _, status := range []int{200, 302, 403} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "https://"+long+".example.com/")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"payouts":[{"id":"x","createdDateTime":%q}],"error":{"errorCode":%q,"message":"you sent %s","tokenTraceId":%q}}`, long, long, long, long)
		}, func(o *Options) { o.Auth = Bearer(long) })
		if _, err := walkAll(t, c.Client, payout.Query{}, ""); err == nil || strings.Contains(err.Error(), long[:shownAtMost+1]) || !strings.Contains(err.Error(), "[secret]") {
			t.Errorf("%d: %v; want an error without any part of the secret", status, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v", c.auth, c.auth, c.auth); strings.Contains(text, secret) {
		t.Errorf("the authorizer prints its secret: %s", text)
	}
}
