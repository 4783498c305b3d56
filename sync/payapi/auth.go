package payapi

import (
	"net/http"
	"strings"

	"payrecon/internal/payout"
)

// Authorizer writes the Authorization header of one request. It is called anew at every try, when everything else of
// the request is final: URL, query, body.
type Authorizer interface {
	Authorize(req *http.Request, body []byte) error
}

// Bearer authorizes with a ready token. A leading "Bearer " and white space around the token are dropped.
func Bearer(token string) Authorizer { return fixed("Bearer", token) }

// Basic authorizes with a key exactly as it was issued: it is not encoded again. A leading "Basic " and white space
// around the key are dropped. The provider offers it for its sandbox only.
func Basic(key string) Authorizer { return fixed("Basic", key) }

type fixedHeader struct{ scheme, secret string }

func fixed(scheme, secret string) fixedHeader {
	secret = strings.TrimSpace(secret)
	if first, rest, _ := strings.Cut(secret, " "); strings.EqualFold(first, scheme) {
		secret = strings.TrimSpace(rest)
	}
	return fixedHeader{scheme, secret}
}

// Authorize sets the header. A secret that is empty or cannot stand in a header is an error that does not show it.
func (f fixedHeader) Authorize(req *http.Request, _ []byte) error {
	if f.secret == "" {
		return payout.Errorf(payout.KindInput, "the API's %s is empty: set it (PAYRECON_API_TOKEN, PAYRECON_API_BASIC, or api.auth in the configuration)", f.noun())
	}
	for i := range len(f.secret) {
		if c := f.secret[i]; c <= ' ' || c >= 0x7f {
			return payout.Errorf(payout.KindInput, "the API's %s holds white space or a character that no header can carry (at position %d): was it copied whole, and alone?", f.noun(), i+1)
		}
	}
	req.Header.Set("Authorization", f.scheme+" "+f.secret)
	return nil
}

func (f fixedHeader) noun() string {
	if f.scheme == "Basic" {
		return "basic key"
	}
	return "token"
}

// String keeps the secret out of anything that prints its owner.
func (f fixedHeader) String() string { return f.scheme + " [secret]" }

// GoString is String.
func (f fixedHeader) GoString() string { return f.String() }

// shownAtMost is how many leading characters of a secret may stay in a message: below it, words would be taken for one.
const shownAtMost = 7

// scrub replaces in text what the request's Authorization header holds, also the beginning of it, where a message was cut:
// some gateways repeat it in their error pages.
func scrub(text string, header http.Header) string {
	scheme, secret, _ := strings.Cut(header.Get("Authorization"), " ")
	if secret == "" {
		secret = scheme
	}
	start := secret[:min(len(secret), shownAtMost+1)]
	if start == "" {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, start)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("[secret]")
		same := len(start)
		for text = rest; same < len(secret) && text != "" && text[0] == secret[same]; same++ {
			text = text[1:]
		}
	}
}
