package payapi

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"payrecon/internal/payout"
)

func TestFixedAuthorization(t *testing.T) {
	tests := []struct {
		auth Authorizer
		want string
	}{
		{Bearer("abc.def"), "Bearer abc.def"},
		{Bearer(" Bearer abc\n"), "Bearer abc"},
		{Bearer("bearer abc"), "Bearer abc"},
		{Basic("bTozanh=="), "Basic bTozanh=="},
		{Basic("Basic bTozanh=="), "Basic bTozanh=="},
	}
	for _, tt := range tests {
		req, _ := http.NewRequest(http.MethodGet, "https://x/", nil)
		if err := tt.auth.Authorize(req, nil); err != nil || req.Header.Get("Authorization") != tt.want {
			t.Errorf("Authorization = %q, %v, want %q", req.Header.Get("Authorization"), err, tt.want)
		}
	}
	for _, bad := range []string{"", "  ", secret + "\nX: y", secret + " " + secret, secret + "é"} {
		for _, auth := range []Authorizer{Bearer(bad), Basic(bad)} {
			req, _ := http.NewRequest(http.MethodGet, "https://x/", nil)
			err := auth.Authorize(req, nil)
			if payout.KindOf(err) != payout.KindInput || strings.Contains(err.Error(), "SECRET") || req.Header.Get("Authorization") != "" {
				t.Errorf("Authorize with %q = %v, want KindInput that does not show it", bad, err)
			}
		}
	}
	req, _ := http.NewRequest(http.MethodGet, "https://x/", nil)
	if err := Bearer("Bearer ").Authorize(req, nil); payout.KindOf(err) != payout.KindInput {
		t.Errorf("Authorize with the scheme alone = %v, want KindInput", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", Bearer(secret), Basic(secret), Bearer(secret)); strings.Contains(text, secret) {
		t.Errorf("printing an Authorizer shows its secret: %s", text)
	}
}

// keys returns one key of each kind, as private PEM and public half.
func keys(t *testing.T) map[string]struct {
	pem    []byte
	public crypto.PublicKey
} {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]struct {
		pem    []byte
		public crypto.PublicKey
	}{}
	for name, k := range map[string]crypto.Signer{"EdDSA": ed, "ES256": ec, "RS256": rs} {
		out[name] = struct {
			pem    []byte
			public crypto.PublicKey
		}{pkcs8(t, k), k.Public()}
	}
	return out
}

func pkcs8(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// verify checks a detached token over body with golang-jwt, and returns its header.
func verify(t *testing.T, authorization string, body []byte, public crypto.PublicKey) map[string]any {
	t.Helper()
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	parts := strings.Split(token, ".")
	if !ok || len(parts) != 3 || parts[1] != "" {
		t.Fatalf("Authorization = %q, want Bearer HEADER..SIGNATURE", authorization)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		t.Fatal(err)
	}
	header := map[string]any{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&header); err != nil {
		t.Fatal(err)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	method := jwt.GetSigningMethod(fmt.Sprint(header["alg"]))
	if method == nil {
		t.Fatalf("alg = %v, which golang-jwt does not know", header["alg"])
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	if err := method.Verify(parts[0]+"."+payload, signature, public); err != nil {
		t.Errorf("golang-jwt: %v", err)
	}
	if err := method.Verify(parts[0]+"."+payload+"AA", signature, public); err == nil {
		t.Errorf("the signature holds for another body too")
	}
	return header
}

func TestSignerIsVerifiedByGolangJWT(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for name, k := range keys(t) {
		t.Run(name, func(t *testing.T) {
			auth, err := NewSigner(SignerOptions{MemberID: "m:1", KeyID: "k1", PEM: k.pem, Clock: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			var sent []string
			var host string
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				header := verify(t, r.Header.Get("Authorization"), body, k.public)
				sent, host = append(sent, r.Header.Get("Authorization")), r.Host
				want := map[string]any{
					"alg": name, "typ": "JWT", "kid": "k1", "mid": "m:1", "host": host, "method": r.Method, "path": r.URL.EscapedPath(),
					"exp": json.Number(fmt.Sprint(now.Add(5 * time.Minute).UnixMilli())),
				}
				if r.URL.RawQuery != "" {
					want["query"] = r.URL.RawQuery
				}
				if fmt.Sprint(header) != fmt.Sprint(want) {
					t.Errorf("header = %v\nwant     %v", header, want)
				}
				if len(sent) == 1 {
					w.WriteHeader(503)
					return
				}
				if r.Method == http.MethodPost {
					_, _ = io.WriteString(w, `{"payout":{"id":"po:1","createdDateTime":"2026-03-04","initiation":{"refId":"INV-1"}}}`)
					return
				}
				_, _ = io.WriteString(w, pageOf(0, 0, ""))
			}, func(o *Options) { o.Auth = auth })
			if _, err := walkAll(t, c.Client, payout.Query{RefIDs: []string{"a&b <c>", "d"}}, "x"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Initiate(t.Context(), goodInitiation()); err != nil {
				t.Fatal(err)
			}
			if len(sent) != 3 || name == "ES256" && sent[0] == sent[1] {
				t.Errorf("%d requests, want 3, each signed anew", len(sent))
			}
		})
	}
}

func TestEveryTryIsSignedAnew(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	auth, err := NewSigner(SignerOptions{MemberID: "m:1", KeyID: "k1", PEM: keys(t)["EdDSA"].pem, Clock: func() time.Time {
		now = now.Add(time.Minute)
		return now
	}})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen[r.Header.Get("Authorization")] = true
		w.WriteHeader(503)
	}, func(o *Options) { o.Auth = auth })
	_, _ = walkAll(t, c.Client, payout.Query{}, "")
	if len(seen) != 3 {
		t.Errorf("%d different signatures in 3 tries, want 3", len(seen))
	}
}

func TestSignerChoices(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	k := keys(t)["EdDSA"]
	tests := []struct {
		o         SignerOptions
		host, exp string // as JSON
	}{
		{SignerOptions{}, `"api.example.com:8443"`, fmt.Sprint(now.Add(5 * time.Minute).UnixMilli())},
		{SignerOptions{Exp: "milliseconds", Lifetime: time.Minute}, `"api.example.com:8443"`, fmt.Sprint(now.Add(time.Minute).UnixMilli())},
		{SignerOptions{Exp: "seconds"}, `"api.example.com:8443"`, fmt.Sprintf("%q", fmt.Sprint(now.Add(5*time.Minute).Unix()))},
		{SignerOptions{Host: "api.example.com", Algorithm: "EdDSA"}, `"api.example.com"`, fmt.Sprint(now.Add(5 * time.Minute).UnixMilli())},
	}
	for _, tt := range tests {
		tt.o.MemberID, tt.o.KeyID, tt.o.PEM, tt.o.Clock = "m", "k", k.pem, func() time.Time { return now }
		auth, err := NewSigner(tt.o)
		if err != nil {
			t.Fatal(err)
		}
		req, _ := http.NewRequest(http.MethodGet, "https://api.example.com:8443/payouts?a=b%20c&d=e", nil)
		if err := auth.Authorize(req, nil); err != nil {
			t.Fatal(err)
		}
		verify(t, req.Header.Get("Authorization"), nil, k.public)
		raw, _ := base64.RawURLEncoding.DecodeString(strings.Split(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "), ".")[0])
		want := `{"alg":"EdDSA","typ":"JWT","kid":"k","mid":"m","host":` + tt.host + `,"method":"GET","path":"/payouts","query":"a=b%20c&d=e","exp":` + tt.exp + `}`
		if string(raw) != want {
			t.Errorf("header = %s\nwant     %s", raw, want)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	good := keys(t)["ES256"].pem
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	ec, _ := x509.ParsePKCS8PrivateKey(mustBlock(good))
	der, _ := x509.MarshalECPrivateKey(ec.(*ecdsa.PrivateKey))
	public, _ := x509.MarshalPKIXPublicKey(ec.(*ecdsa.PrivateKey).Public())
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	tests := []struct {
		name string
		o    SignerOptions
		want string
	}{
		{"no member", SignerOptions{KeyID: "k", PEM: good}, "id of the member"},
		{"no key id", SignerOptions{MemberID: "m", PEM: good}, "id of the key"},
		{"exp", SignerOptions{MemberID: "m", KeyID: "k", PEM: good, Exp: "minutes"}, `"minutes"`},
		{"another algorithm", SignerOptions{MemberID: "m", KeyID: "k", PEM: good, Algorithm: "RS256"}, `for ES256, not for "RS256"`},
		{"no PEM", SignerOptions{MemberID: "m", KeyID: "k", PEM: []byte(secret)}, "not in PEM"},
		{"damaged", SignerOptions{MemberID: "m", KeyID: "k", PEM: block("PRIVATE KEY", []byte(secret))}, "damaged"},
		{"encrypted", SignerOptions{MemberID: "m", KeyID: "k", PEM: block("ENCRYPTED PRIVATE KEY", []byte(secret))}, "encrypted"},
		{"public", SignerOptions{MemberID: "m", KeyID: "k", PEM: block("PUBLIC KEY", public)}, "public half"},
		{"another block", SignerOptions{MemberID: "m", KeyID: "k", PEM: block("OPENSSH PRIVATE KEY", nil)}, "another kind"},
		{"P-384", SignerOptions{MemberID: "m", KeyID: "k", PEM: pkcs8(t, p384)}, "P-256"},
	}
	for _, tt := range tests {
		_, err := NewSigner(tt.o)
		if payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want %q and KindInput", tt.name, err, tt.want)
		}
	}
	auth, err := NewSigner(SignerOptions{MemberID: "m", KeyID: "k", PEM: block("EC PRIVATE KEY", der)})
	if err != nil {
		t.Fatalf("SEC 1 key: %v", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", auth, auth, auth); text != "ES256 key k of m ES256 key k of m ES256 key k of m" {
		t.Errorf("printing a signer = %s, want its names alone", text)
	}
}

func mustBlock(text []byte) []byte {
	b, _ := pem.Decode(text)
	return b.Bytes
}
