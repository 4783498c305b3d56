package payapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func goodInitiation() Initiation {
	return Initiation{
		RefID: "INV-1", Amount: "10.23", Currency: "EUR", Description: "INVOICE 1", DebtorAccount: "a:1",
		Creditor: payout.Creditor{Name: "Sample Payee", IBAN: "DE89 3704 0044 0532 0130 00", BIC: "COBADEFF", VerificationID: "av:1"},
	}
}

func TestInitiateSendsWhatIsDocumented(t *testing.T) {
	var body, kind string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		body, kind = r.Method+" "+r.RequestURI+" "+string(raw), r.Header.Get("Content-Type")
		_, _ = io.WriteString(w, `{"payout":{"id":"po:1","createdDateTime":"2026-03-04T00:00:00Z","status":"INITIATION_PENDING","initiation":{"refId":"INV-1","amount":{"value":"10.23","currency":"EUR"}}}}`)
	})
	in := goodInitiation()
	in.OnBehalfOf, in.Creditor.BIC = "sub", "cobadeff"
	p, err := c.Initiate(t.Context(), in)
	if err != nil || p.ID != "po:1" || p.Amount != money.New(102300, "EUR") || p.OnBehalfOf != "sub" {
		t.Errorf("Initiate = %+v, %v, want po:1 over 10.23 EUR for sub", p, err)
	}
	want := `POST /payouts {"initiation":{"refId":"INV-1","onBehalfOfId":"sub","description":"INVOICE 1","amount":{"value":"10.23","currency":"EUR"},"debtor":{"accountId":"a:1"},` +
		`"creditor":{"name":"Sample Payee","iban":"DE89370400440532013000","bic":"COBADEFF","accountVerificationId":"av:1"}}}`
	if body != want || kind != "application/json" {
		t.Errorf("sent %s as %s\nwant %s", body, kind, want)
	}
}

func TestInitiateIsSentOnce(t *testing.T) {
	accepted := `{"payout":{"id":"po:1","createdDateTime":"2026-03-04T00:00:00Z","initiation":{"refId":%q}}}`
	tests := []struct {
		name    string
		server  http.HandlerFunc
		unknown bool
		kind    payout.Kind
	}{
		{"400", answerWith(400, ""), false, payout.KindInput},
		{"401", answerWith(401, ""), false, payout.KindAuth},
		{"403", answerWith(403, ""), false, payout.KindAuth},
		{"404", answerWith(404, ""), false, payout.KindNotFound},
		{"429", answerWith(429, ""), false, payout.KindTransport},
		{"501", answerWith(501, ""), false, payout.KindFailed},
		{"413", answerWith(413, "<html>"), false, payout.KindTransport},
		{"408", answerWith(408, ""), true, payout.KindTransport},
		{"409", answerWith(409, ""), true, payout.KindTransport},
		{"499", answerWith(499, ""), true, payout.KindTransport},
		{"500", answerWith(500, ""), true, payout.KindTransport},
		{"502", answerWith(502, "<html>"), true, payout.KindTransport},
		{"503", answerWith(503, ""), true, payout.KindTransport},
		{"504", answerWith(504, ""), true, payout.KindTransport},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusSeeOther) }, true, payout.KindTransport},
		{"204", answerWith(204, ""), true, payout.KindTransport},
		{"empty", answerWith(200, ""), true, payout.KindTransport},
		{"HTML", answerWith(200, "<html>"), true, payout.KindTransport},
		{"another payout", answerWith(200, fmt.Sprintf(accepted, "OTHER")), true, payout.KindTransport},
		{"reset", func(w http.ResponseWriter, _ *http.Request) {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		}, true, payout.KindTransport},
		{"timeout", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body) // else the server does not notice that the client left
			<-r.Context().Done()
		}, true, payout.KindTransport},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := serve(t, tt.server, func(o *Options) { o.Timeout = 300 * time.Millisecond })
			_, err := c.Initiate(t.Context(), goodInitiation())
			var fate *FateUnknown
			if errors.As(err, &fate) != tt.unknown || payout.KindOf(err) != tt.kind {
				t.Errorf("error = %v (kind %d), want fate unknown = %v, kind %d", err, payout.KindOf(err), tt.unknown, tt.kind)
			}
			if tt.unknown && (fate.RefID != "INV-1" || !strings.Contains(err.Error(), "INV-1")) {
				t.Errorf("error = %v, want the refId in it", err)
			}
			if requests, _ := c.Stats(); requests != 1 {
				t.Errorf("%d requests, want 1", requests)
			}
		})
	}
}

func TestInitiateThatNeverLeft(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	untrusted := untrustedServer(t)
	for _, u := range []string{closed.URL, strings.Replace(plain.URL, "http:", "https:", 1), untrusted.URL, "https://host.invalid"} {
		c, err := New(Options{BaseURL: u, Auth: Bearer(secret)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Initiate(t.Context(), goodInitiation())
		c.Close()
		var fate *FateUnknown
		if err == nil || errors.As(err, &fate) || payout.KindOf(err) != payout.KindTransport {
			t.Errorf("%s: error = %v, want a known end, KindTransport", u, err)
		}
	}
	c := serve(t, answerWith(200, ""), func(o *Options) { o.Auth = Bearer("") })
	if _, err := c.Initiate(t.Context(), goodInitiation()); payout.KindOf(err) != payout.KindInput {
		t.Errorf("without a token: %v, want KindInput", err)
	}
	if requests, _ := c.Stats(); requests != 0 {
		t.Errorf("%d requests without a token, want 0", requests)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := serve(t, answerWith(200, "")).Initiate(ctx, goodInitiation())
	var fate *FateUnknown
	if errors.As(err, &fate) || payout.KindOf(err) != payout.KindInterrupted {
		t.Errorf("interrupted before it was sent: %v, want a known end, KindInterrupted", err)
	}
}

// A connection that the server has closed in the meantime: whatever net/http does, the payout is asked for once.
func TestInitiateOverAStaleConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	posts := make(chan string, 10)
	srv := &http.Server{
		IdleTimeout: time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				posts <- r.URL.Path
			}
			_, _ = io.WriteString(w, pageOf(0, 0, ""))
		}),
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	c, err := New(Options{BaseURL: "http://" + ln.Addr().String(), Auth: Bearer(secret)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := walkAll(t, c, payout.Query{}, ""); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	_, err = c.Initiate(t.Context(), goodInitiation())
	if n := len(posts); err == nil || n > 1 {
		t.Errorf("%d POSTs reached the server, error %v, want at most one, and an error", n, err)
	}
}

func TestValidate(t *testing.T) {
	scan := func(in *Initiation) {
		in.Currency, in.Creditor = "GBP", payout.Creditor{SortCode: "12-34-56", AccountNumber: "1234 5678"}
	}
	tests := []struct {
		name   string
		change func(*Initiation)
		want   string // "" = valid
	}{
		{"good", func(*Initiation) {}, ""},
		{"good, sort code", scan, ""},
		{"no reference", func(in *Initiation) { in.RefID = " " }, `refId " ": is missing`},
		{"long reference", func(in *Initiation) { in.RefID = strings.Repeat("x", 36) }, "at most 35"},
		{"35 characters", func(in *Initiation) { in.RefID = strings.Repeat("é", 35) }, ""},
		{"reference with a line break", func(in *Initiation) { in.RefID = "a\nb" }, "control or invisible characters"},
		{"reference with an invisible character", func(in *Initiation) { in.RefID = "INV\u200b-1" }, "control or invisible characters"},
		{"reference with a space at its end", func(in *Initiation) { in.RefID = "ab " }, `refId "ab "`},
		{"no amount", func(in *Initiation) { in.Amount = "" }, `amount.value ""`},
		{"zero", func(in *Initiation) { in.Amount = "0.00" }, `amount.value "0.00": want more than nothing`},
		{"negative", func(in *Initiation) { in.Amount = "-1" }, "want more than nothing"},
		{"plus", func(in *Initiation) { in.Amount = "+1" }, "want digits"},
		{"five decimals", func(in *Initiation) { in.Amount = "1.00000" }, "at most four decimals"},
		{"three decimals of EUR", func(in *Initiation) { in.Amount = "1.005" }, "EUR has 2 decimals"},
		{"four decimals of which two are zero", func(in *Initiation) { in.Amount = "1.0500" }, ""},
		{"yen with decimals", func(in *Initiation) { in.Amount, in.Currency = "1.5", "JPY" }, "JPY has 0 decimals"},
		{"grouped", func(in *Initiation) { in.Amount = "1,000.00" }, "want digits"},
		{"no currency", func(in *Initiation) { in.Currency = "" }, `amount.currency ""`},
		{"small letters", func(in *Initiation) { in.Currency = "eur" }, `amount.currency "eur"`},
		{"no debtor", func(in *Initiation) { in.DebtorAccount = "" }, "debtor.accountId"},
		{"no creditor", func(in *Initiation) { in.Creditor = payout.Creditor{Name: "x"} }, "needs an iban"},
		{"IBAN with a wrong digit", func(in *Initiation) { in.Creditor.IBAN = "DE89370400440532013001" }, `creditor.iban "DE89370400440532013001": its check digits`},
		{"IBAN of two changed places", func(in *Initiation) { in.Creditor.IBAN = "DE89370400440532010300" }, "check digits"},
		{"IBAN in small letters", func(in *Initiation) { in.Creditor.IBAN = "gb29nwbk60161331926819" }, ""},
		{"short IBAN", func(in *Initiation) { in.Creditor.IBAN = "DE89" }, "want two letters"},
		{"IBAN of signs", func(in *Initiation) { in.Creditor.IBAN = "DE8937040044053201300!" }, "want two letters"},
		{"IBAN without a country", func(in *Initiation) { in.Creditor.IBAN = "1289370400440532013000" }, "want two letters"},
		{"BIC", func(in *Initiation) { in.Creditor.BIC = "COBA" }, `creditor.bic "COBA"`},
		{"sort code alone", func(in *Initiation) { scan(in); in.Creditor.AccountNumber = "" }, `creditor.accountNumber "": want 8 digits`},
		{"account number alone", func(in *Initiation) { scan(in); in.Creditor.SortCode = "" }, `creditor.sortCode "": want 6 digits`},
		{"sort code of five", func(in *Initiation) { scan(in); in.Creditor.SortCode = "12345" }, "want 6 digits"},
		{"account number of letters", func(in *Initiation) { scan(in); in.Creditor.AccountNumber = "1234567x" }, "want 8 digits"},
		{"five letters", func(in *Initiation) { in.Description = "ab-c d/e" }, "this has 5"},
		{"six of one", func(in *Initiation) { in.Description = "aaa aaa" }, "not all the same"},
		{"19 characters for a sort code", func(in *Initiation) { scan(in); in.Description = "INVOICE 1234567 890" }, "at most 18"},
		{"18 characters for a sort code", func(in *Initiation) { scan(in); in.Description = "INVOICE 1234567 89" }, ""},
		{"141 characters for an IBAN", func(in *Initiation) { in.Description = strings.Repeat("ab", 70) + "c" }, "at most 140"},
		{"140 characters for an IBAN", func(in *Initiation) { in.Description = strings.Repeat("ab", 70) }, ""},
		{"two faults", func(in *Initiation) { in.Amount, in.Currency = "x", "y" }, `amount.value "x": want digits with at most four decimals, such as 10.23; amount.currency "y"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := goodInitiation()
			tt.change(&in)
			err := in.Validate()
			if tt.want == "" && err != nil {
				t.Errorf("Validate = %v, want valid", err)
			}
			if tt.want != "" && (payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("Validate = %v, want %q, KindInput", err, tt.want)
			}
		})
	}
}

func TestInvalidInitiationsAreNotSent(t *testing.T) {
	c := serve(t, answerWith(200, ""))
	in := goodInitiation()
	in.Amount = "0"
	if _, err := c.Initiate(t.Context(), in); payout.KindOf(err) != payout.KindInput {
		t.Errorf("Initiate = %v, want KindInput", err)
	}
	if requests, _ := c.Stats(); requests != 0 {
		t.Errorf("%d requests, want 0", requests)
	}
}

func TestParseInitiation(t *testing.T) {
	in := goodInitiation()
	in.Creditor.IBAN = "DE89370400440532013000"
	whole, err := in.body()
	if err != nil {
		t.Fatal(err)
	}
	var w map[string]json.RawMessage
	if err := json.Unmarshal(whole, &w); err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{whole, w["initiation"]} {
		got, err := ParseInitiation(text)
		if diff := cmp.Diff(in, got); err != nil || diff != "" {
			t.Errorf("ParseInitiation(%s): %v\n%s", text, err, diff)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{``, "ends early"},
		{`{"initiation":{"refid2":"x"}}`, "refid2"},
		{`{"initiation":{"refId":"a","refId":"b"}}`, `"refId" occurs twice`},
		{`{"initiation":{}} {}`, "text after the end"},
		{`{"initiation":{"amount":{"value":10.23}}}`, `"initiation.amount.value": want text`},
		{`{"initiation":{"amount":"10.23"}}`, `"initiation.amount": want an object`},
		{`{"initiation":{"refID":"a"}}`, `"initiation.refID" is not a field`},
		{`{"refId":"a","REFID":"b"}`, `"REFID" is not a field`},
		{`[]`, "want an object"},
		{`{"initiation":{},"other":1}`, `"other" is not a field`},
	} {
		if _, err := ParseInitiation([]byte(tt.text)); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseInitiation(%s) = %v, want %q, KindInput", tt.text, err, tt.want)
		}
	}
}

func TestAdvice(t *testing.T) {
	in := goodInitiation()
	if got := in.Advice(); len(got) != 0 {
		t.Errorf("Advice = %v, want none", got)
	}
	in.RefID, in.Creditor.VerificationID, in.Description = "INV_1", "", "INVOICE #1001"
	if got := in.Advice(); len(got) != 3 || in.Validate() != nil {
		t.Errorf("Advice = %v, want three, and a valid request", got)
	}
}
