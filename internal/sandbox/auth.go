package sandbox

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// authorize checks the Authorization header: a basic key, a bearer token, or a JWT signed for this very request.
// The zero status is permission; else it is 401 or 403 with a message.
func (s *Sandbox) authorize(r *http.Request, body []byte) (status int, message string) {
	header := r.Header.Get("Authorization")
	scheme, key, _ := strings.Cut(header, " ")
	switch {
	case header == "":
		return http.StatusUnauthorized, "The authorization header is missing."
	case strings.EqualFold(scheme, "Basic") && same(key, s.o.Basic):
		return 0, ""
	case !strings.EqualFold(scheme, "Bearer"):
		return http.StatusUnauthorized, ""
	case same(key, s.o.Token):
		return 0, ""
	case same(key, s.o.ReadToken):
		if r.Method != http.MethodGet {
			return http.StatusForbidden, "This token may read only."
		}
		return 0, ""
	case strings.Count(key, ".") == 2 && len(s.o.Keys) > 0:
		if err := s.verify(key, r, body); err != nil {
			return http.StatusUnauthorized, "The JWT is not valid: " + err.Error() + "."
		}
		return 0, ""
	}
	return http.StatusUnauthorized, ""
}

func same(got, want string) bool {
	return want != "" && subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// jwtHeader is the documented header of a request's JWT. The payload is detached: it is the request's body, empty for a
// GET, and left out of the token.
type jwtHeader struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	MemberID  string          `json:"mid"`
	Host      string          `json:"host"`
	Method    string          `json:"method"`
	Path      string          `json:"path"`
	Query     *string         `json:"query"`
	Expires   json.RawMessage `json:"exp"`
}

// longest is how far ahead a JWT may expire: one is meant for one request.
const longest = 24 * time.Hour

func (s *Sandbox) verify(token string, r *http.Request, body []byte) error {
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil {
		return fmt.Errorf("its header is not base64url")
	}
	var h jwtHeader
	if err := json.Unmarshal(raw, &h); err != nil {
		return fmt.Errorf("its header is not JSON")
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return fmt.Errorf("its signature is not base64url")
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	if parts[1] != "" && parts[1] != payload {
		return fmt.Errorf("its payload is not the request's body")
	}
	key, ok := s.o.Keys[h.KeyID]
	if !ok {
		return fmt.Errorf("kid %q is not known", h.KeyID)
	}
	if !checkSignature(h.Algorithm, key, []byte(parts[0]+"."+payload), signature) {
		return fmt.Errorf("the signature does not fit")
	}
	return s.checkClaims(&h, r)
}

func (s *Sandbox) checkClaims(h *jwtHeader, r *http.Request) error {
	expires, err := readExpiry(h.Expires)
	if err != nil {
		return err
	}
	query := ""
	if h.Query != nil {
		query = *h.Query
	}
	bare, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		bare = r.Host
	}
	now := s.Now()
	switch {
	case !expires.After(now):
		return fmt.Errorf("it expired at %s, it is %s", expires.UTC().Format(time.RFC3339), now.Format(time.RFC3339))
	case expires.After(now.Add(longest)):
		return fmt.Errorf("exp lies more than a day ahead")
	case h.MemberID != s.o.MemberID:
		return fmt.Errorf("mid is not this member")
	case !strings.EqualFold(h.Method, r.Method):
		return fmt.Errorf("method is not the request's")
	case h.Path != r.URL.EscapedPath():
		return fmt.Errorf("path is not the request's")
	case query != r.URL.RawQuery:
		return fmt.Errorf("query is not the request's, byte for byte")
	case h.Host != r.Host && h.Host != bare:
		return fmt.Errorf("host is not the request's")
	}
	return nil
}

// readExpiry takes both published forms: a string or number of seconds, a number of milliseconds.
func readExpiry(raw json.RawMessage) (time.Time, error) {
	n, err := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}, fmt.Errorf("exp is missing or no number")
	case n > 100_000_000_000: // the year 5138 in seconds, 1973 in milliseconds
		return time.UnixMilli(n), nil
	}
	return time.Unix(n, 0), nil
}

func usableKey(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return len(k) == ed25519.PublicKeySize
	case *ecdsa.PublicKey:
		return k != nil && k.Curve == elliptic.P256()
	case *rsa.PublicKey:
		return k != nil && k.N.BitLen() >= 2048
	}
	return false
}

// checkSignature checks by the key's own algorithm: a header that names another one is refused.
func checkSignature(algorithm string, key crypto.PublicKey, signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	switch k := key.(type) {
	case ed25519.PublicKey:
		return algorithm == "EdDSA" && ed25519.Verify(k, signed, signature)
	case *ecdsa.PublicKey:
		if algorithm != "ES256" || len(signature) != 64 {
			return false
		}
		return ecdsa.Verify(k, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	case *rsa.PublicKey:
		return algorithm == "RS256" && rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}
