package payapi

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"strconv"
	"time"

	"payrecon/internal/payout"
)

// SignerOptions describe a signing key and the choices that published samples of the provider leave open.
type SignerOptions struct {
	MemberID  string // mid
	KeyID     string // kid
	PEM       []byte // the private key: PKCS #8, or SEC 1 (EC), or PKCS #1 (RSA); not encrypted
	Algorithm string // EdDSA, ES256 or RS256; "" = what the key is for
	Exp       string // form of the expiry: milliseconds (an integer, the default) or seconds (a string)
	Host      string // host to sign for; "" = the one the request is sent to, with the port its URL carries
	Lifetime  time.Duration
	Clock     func() time.Time // default time.Now
}

// signer signs each request: a JWS in compact form (RFC 7515) whose protected header holds what is asked of whom, and
// whose payload, the body of the request, is detached (appendix F): the part between the points is left out.
type signer struct {
	o   SignerOptions
	key crypto.Signer
}

// jwtHeader holds the published header fields, in the order of the provider's samples.
type jwtHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	KeyID     string `json:"kid"`
	MemberID  string `json:"mid"`
	Host      string `json:"host"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Query     string `json:"query,omitempty"`
	Expires   any    `json:"exp"`
}

// NewSigner returns an Authorizer that signs each request anew, for Lifetime (default 5 minutes) from now. Errors never
// show the key.
func NewSigner(o SignerOptions) (Authorizer, error) {
	if o.MemberID == "" || o.KeyID == "" {
		return nil, payout.Errorf(payout.KindInput, "the signing key needs the id of the member and the id of the key")
	}
	switch o.Exp {
	case "":
		o.Exp = "milliseconds"
	case "seconds", "milliseconds":
	default:
		return nil, payout.Errorf(payout.KindInput, "the signing key's exp %q is not known (want seconds or milliseconds)", o.Exp)
	}
	o.Lifetime = orDefault(o.Lifetime, 5*time.Minute)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	key, algorithm, err := parseKey(o.PEM)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "the signing key: %w", err)
	}
	if o.Algorithm == "" {
		o.Algorithm = algorithm
	}
	if o.Algorithm != algorithm {
		return nil, payout.Errorf(payout.KindInput, "the signing key is for %s, not for %q", algorithm, o.Algorithm)
	}
	o.PEM = nil
	return &signer{o, key}, nil
}

// parseKey reads a private key in PEM, and says for which algorithm it is.
func parseKey(text []byte) (crypto.Signer, string, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", errors.New("not in PEM (want a block that begins with -----BEGIN PRIVATE KEY-----)")
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "ENCRYPTED PRIVATE KEY":
		return nil, "", errors.New("is encrypted: decrypt it into a file that only you can read")
	case "PUBLIC KEY", "CERTIFICATE":
		return nil, "", errors.New("is the public half: the private one signs")
	default:
		return nil, "", errors.New("is another kind of PEM block (want PRIVATE KEY)")
	}
	if err != nil {
		return nil, "", errors.New("is damaged: it cannot be read as a private key")
	}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return k, "EdDSA", nil
	case *ecdsa.PrivateKey:
		if k.Curve != elliptic.P256() {
			return nil, "", errors.New("is on another curve than P-256")
		}
		return k, "ES256", nil
	case *rsa.PrivateKey:
		if k.N.BitLen() < 2048 {
			return nil, "", errors.New("is an RSA key of fewer than 2048 bits")
		}
		return k, "RS256", nil
	}
	return nil, "", errors.New("is none of Ed25519, ECDSA P-256 and RSA")
}

// Authorize signs the request as it will be sent: host, method, escaped path, raw query, body.
func (s *signer) Authorize(req *http.Request, body []byte) error {
	expires := s.o.Clock().Add(s.o.Lifetime)
	h := jwtHeader{
		Algorithm: s.o.Algorithm, Type: "JWT", KeyID: s.o.KeyID, MemberID: s.o.MemberID,
		Host: s.o.Host, Method: req.Method, Path: req.URL.EscapedPath(), Query: req.URL.RawQuery,
		Expires: expires.UnixMilli(),
	}
	if h.Host == "" {
		h.Host = req.URL.Host
	}
	if s.o.Exp == "seconds" {
		h.Expires = strconv.FormatInt(expires.Unix(), 10)
	}
	var header bytes.Buffer
	enc := json.NewEncoder(&header)
	enc.SetEscapeHTML(false) // the query's & stays an &
	if err := enc.Encode(h); err != nil {
		return payout.Errorf(payout.KindFailed, "signing the request: %w", err)
	}
	b64 := base64.RawURLEncoding
	protected := b64.EncodeToString(bytes.TrimSpace(header.Bytes()))
	signature, err := s.sign([]byte(protected + "." + b64.EncodeToString(body)))
	if err != nil {
		return payout.Errorf(payout.KindFailed, "signing the request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+protected+".."+b64.EncodeToString(signature))
	return nil
}

// sign returns the signature of RFC 7518 (ES256, RS256) or RFC 8037 (EdDSA).
func (s *signer) sign(input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	switch k := s.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input), nil
	case *ecdsa.PrivateKey:
		r, v, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return nil, err
		}
		signature := make([]byte, 64)
		r.FillBytes(signature[:32])
		v.FillBytes(signature[32:])
		return signature, nil
	}
	return s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// String keeps the key out of anything that prints its owner.
func (s *signer) String() string { return s.o.Algorithm + " key " + s.o.KeyID + " of " + s.o.MemberID }

// GoString is String.
func (s *signer) GoString() string { return s.String() }
