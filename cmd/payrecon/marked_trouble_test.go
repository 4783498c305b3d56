package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// echoing answers requests of one method in its own way, which repeats their authorization; all others reach the sandbox.
type echoing struct {
	http.RoundTripper
	method string // "" = all
	answer func(r *http.Request, auth string) (*http.Response, error)
}

func (e echoing) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.method != "" && e.method != r.Method {
		return e.RoundTripper.RoundTrip(r)
	}
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	return e.answer(r, r.Header.Get("Authorization"))
}

// status answers with a body in which %[1]s is the authorization.
func status(code int, body string) func(*http.Request, string) (*http.Response, error) {
	return func(r *http.Request, auth string) (*http.Response, error) {
		_, secret, _ := strings.Cut(auth, " ")
		header := http.Header{"Location": {"https://" + secret + ".example.com/?token=" + secret}, "Date": {secret}}
		return &http.Response{
			StatusCode: code, Header: header, Request: r, ContentLength: -1, Body: io.NopCloser(strings.NewReader(strings.ReplaceAll(body, "AUTH", auth))),
		}, nil
	}
}

// TestSecretsStaySecretInTrouble runs what talks to the API through everything that can go wrong there, with answers and
// errors that repeat the authorization. A fake clock makes the repeated tries cost nothing.
func TestSecretsStaySecretInTrouble(t *testing.T) {
	const documented = `{"error":{"errorCode":"AUTH","message":"you sent AUTH, that is AUTH","tokenTraceId":"AUTH"}}`
	torn := func(r *http.Request, auth string) (*http.Response, error) {
		resp, _ := status(200, "")(r, auth)
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"payouts":[{"id":"`+auth), failing{errors.New("unexpected EOF after " + auth)}))
		return resp, nil
	}
	lost := func(op string, err error) func(*http.Request, string) (*http.Response, error) {
		return func(_ *http.Request, auth string) (*http.Response, error) {
			return nil, &net.OpError{Op: op, Net: "tcp", Err: fmt.Errorf("%w (%s)", err, auth)}
		}
	}
	troubles := map[string]struct {
		answer func(*http.Request, string) (*http.Response, error)
		exit   int // of what only reads
		asked  int // of a reconciliation that asks for a reference: a failure leaves it to the days' completeness
	}{
		"JSON":         {status(503, documented), exitFailed, exitDone},
		"HTML":         {status(502, "<html><body>AUTH</body></html>"), exitFailed, exitDone},
		"refused":      {status(401, documented), exitAuth, exitAuth},
		"redirect":     {status(307, documented), exitFailed, exitDone},
		"no time":      {status(200, `{"payouts":[{"id":"x","createdDateTime":"AUTH"}],"payout":{"id":"AUTH"}}`), exitFailed, exitDone},
		"twice":        {status(200, `{"AUTH":1,"AUTH":2}`), exitFailed, exitDone},
		"torn":         {torn, exitFailed, exitDone},
		"reset":        {lost("read", syscall.ECONNRESET), exitFailed, exitDone},
		"unreachable":  {lost("dial", &net.DNSError{Err: "no such host", Name: "api.example.com"}), exitFailed, exitDone},
		"other paging": {status(200, `{"payouts":"AUTH"}`), exitFailed, exitDone},
	}
	s := newMarkedSite(t)
	s.write("extra.csv", "ref_id,amount,currency,date\nNOT-THERE,1.00,EUR,2026-03-20\n")
	s.configure("token: 'file:"+s.path("secrets/token")+"'", "")
	s.env[envURL], s.transport = "https://api.example.com", s.box.Transport()
	s.run(t.Context(), exitDone, "sync")
	_, stop := signal.NotifyContext(t.Context(), os.Interrupt) // the first one starts what may not start in a bubble
	stop()
	for name, c := range troubles {
		auth := "token: 'cred:token'"
		if len(name)%2 == 0 {
			auth = s.signing()
		}
		s.configure(auth, "database: unused\n")
		synctest.Test(t, func(t *testing.T) {
			ctx, all := t.Context(), echoing{s.box.Transport(), "", c.answer}
			s.transport = all
			s.run(ctx, c.exit, "sync")
			s.run(ctx, c.exit, "payouts", "list")
			s.run(ctx, c.exit, "payouts", "get", s.id(0))
			s.run(ctx, c.exit, initiating("INV-1", "--yes")...)
			s.run(ctx, c.exit, "doctor", "--json")
			s.run(ctx, c.asked, "reconcile", "--ledger", s.path("extra.csv"), "--no-record")
			all.method = http.MethodPost
			s.transport = all
			before := len(s.box.Truth())
			s.run(ctx, c.exit, initiating(fmt.Sprint("INV-", s.searched), "--yes")...)
			if len(s.box.Truth()) != before {
				t.Errorf("%s: a payout was made", name)
			}
		})
	}
	s.searchFiles()
	if want := 7 * len(troubles); s.searched < want {
		t.Errorf("searched %d outputs only, want %d", s.searched, want)
	}
}

// failing is a reader that breaks off.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
