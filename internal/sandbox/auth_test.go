package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// answerTo serves one request as it is.
func answerTo(s *Sandbox, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestAuthorization(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10, Token: "the-token", ReadToken: "the-reader", Basic: "bS0zOmU1MQ=="})
	for _, c := range []struct {
		method, header string
		want           int
	}{
		{"GET", "", 401},
		{"GET", "Bearer the-token", 200},
		{"GET", "bearer the-token", 200},
		{"GET", "Bearer the-toke", 401},
		{"GET", "Bearer ", 401},
		{"GET", "the-token", 401},
		{"GET", "Basic bS0zOmU1MQ==", 200},
		{"GET", "Basic the-token", 401},
		{"GET", "Basic", 401},
		{"GET", "Bearer a.b.c", 401},
		{"GET", "Bearer the-reader", 200},
		{"POST", "Bearer the-reader", 403},
		{"POST", "Bearer the-token", 400}, // let in, and then without a body
	} {
		r := httptest.NewRequest(c.method, "/payouts?limit=1", nil)
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		w := answerTo(s, r)
		if w.Code != c.want {
			t.Errorf("%s with %q: %d, want %d", c.method, c.header, w.Code, c.want)
		}
		if w.Code == 200 {
			continue
		}
		e := errorOf(t, w.Body.Bytes())
		if (e.Code != "") != (w.Code == 403) || e.Trace == "" || strings.Contains(w.Body.String(), "the-token") {
			t.Errorf("%s with %q: %s; want a code for 403 only, a trace and no secret", c.method, c.header, w.Body)
		}
	}
}

// signedRequest makes a request with a JWT that golang-jwt signed, after change has altered its header.
func signedRequest(t *testing.T, s *Sandbox, method jwt.SigningMethod, key any, target, body string, change func(map[string]any)) *http.Request {
	t.Helper()
	verb := http.MethodGet
	if body != "" {
		verb = http.MethodPost
	}
	r := httptest.NewRequest(verb, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	h := map[string]any{
		"alg": method.Alg(), "typ": "JWT", "kid": "k1", "mid": s.o.MemberID, "host": r.Host, "method": verb,
		"path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "exp": s.Now().Add(time.Minute).UnixMilli(),
	}
	if change != nil {
		change(h)
	}
	header, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	signature, err := method.Sign(b64(header)+"."+b64([]byte(body)), key)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+b64(header)+".."+b64(signature))
	return r
}

func TestSignedRequests(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	for _, c := range []struct {
		method jwt.SigningMethod
		key    any
		public crypto.PublicKey
	}{
		{jwt.SigningMethodEdDSA, private, public},
		{jwt.SigningMethodES256, ecKey, &ecKey.PublicKey},
		{jwt.SigningMethodRS256, rsaKey, &rsaKey.PublicKey},
	} {
		t.Run(c.method.Alg(), func(t *testing.T) {
			s := newSandbox(t, Options{Payouts: 10, Keys: map[string]crypto.PublicKey{"k1": c.public}})
			target := "/payouts?limit=1&ids=po%3Aa&ids=b+c"
			good := []func(map[string]any){
				nil,
				func(h map[string]any) { h["exp"] = s.Now().Add(time.Minute).Unix() },
				func(h map[string]any) { h["exp"] = "1774924300" }, // a string of seconds, a minute and a half ahead
				func(h map[string]any) { h["host"] = "example.com" },
			}
			for i, change := range good {
				if w := answerTo(s, signedRequest(t, s, c.method, c.key, target, "", change)); w.Code != 200 {
					t.Errorf("good %d: %d %s", i, w.Code, w.Body)
				}
			}
			bad := map[string]func(map[string]any){
				"it expired":                func(h map[string]any) { h["exp"] = s.Now().Add(-time.Second).UnixMilli() },
				"more than a day ahead":     func(h map[string]any) { h["exp"] = s.Now().Add(48 * time.Hour).UnixMilli() },
				"exp is missing":            func(h map[string]any) { delete(h, "exp") },
				"method is not":             func(h map[string]any) { h["method"] = "POST" },
				"path is not":               func(h map[string]any) { h["path"] = "/payout" },
				"query is not":              func(h map[string]any) { h["query"] = "limit=1&ids=po:a&ids=b+c" },
				"host is not":               func(h map[string]any) { h["host"] = "elsewhere.example" },
				"mid is not":                func(h map[string]any) { h["mid"] = "m:other" },
				"kid":                       func(h map[string]any) { h["kid"] = "k2" },
				"the signature does not":    func(h map[string]any) { h["alg"] = "none" },
				"its header is not JSON":    nil,
				"the signature does not 2":  nil,
				"its payload is not the re": nil,
			}
			for want := range maps.Keys(bad) {
				r := signedRequest(t, s, c.method, c.key, target, "", bad[want])
				token := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
				switch want {
				case "its header is not JSON":
					token[0] = "e30x"
				case "the signature does not 2":
					want, token[2] = "the signature does not", token[2][:10]+strings.Repeat("A", 40)+token[2][50:]
				case "its payload is not the re":
					token[1] = "e30"
				}
				r.Header.Set("Authorization", "Bearer "+strings.Join(token, "."))
				w := answerTo(s, r)
				if w.Code != 401 || !strings.Contains(w.Body.String(), want) {
					t.Errorf("%s: %d %s; want 401", want, w.Code, w.Body)
				}
			}
		})
	}
}

func TestSignatureCoversTheBody(t *testing.T) {
	public, private, _ := ed25519.GenerateKey(rand.Reader)
	s := newSandbox(t, Options{Payouts: 10, Keys: map[string]crypto.PublicKey{"k1": public}})
	r := signedRequest(t, s, jwt.SigningMethodEdDSA, private, "/payouts", goodInitiation, nil)
	if w := answerTo(s, r); w.Code != 200 {
		t.Fatalf("signed POST: %d %s", w.Code, w.Body)
	}
	r = signedRequest(t, s, jwt.SigningMethodEdDSA, private, "/payouts", goodInitiation, nil)
	other := httptest.NewRequest("POST", "/payouts", strings.NewReader(strings.Replace(goodInitiation, "10.23", "99.23", 1)))
	other.Header = r.Header
	if w := answerTo(s, other); w.Code != 401 {
		t.Errorf("another body under the same signature: %d %s; want 401", w.Code, w.Body)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	wrong, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	for _, key := range []crypto.PublicKey{&wrong.PublicKey, "text", nil, (*rsa.PublicKey)(nil), ed25519.PublicKey{1}} {
		if _, err := New(Options{Payouts: 1, Keys: map[string]crypto.PublicKey{"k": key}}); err == nil {
			t.Errorf("New accepted a key of type %T", key)
		}
	}
	if small != nil {
		if _, err := New(Options{Payouts: 1, Keys: map[string]crypto.PublicKey{"k": &small.PublicKey}}); err == nil {
			t.Error("New accepted an RSA key of 1024 bits")
		}
	}
}
