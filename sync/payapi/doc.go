// Package payapi is the HTTP client of the payouts API: GET /payouts, GET /payouts/{id} and POST /payouts.
//
// One request, as it is told by the files of the package:
//
//  1. query.go writes the query string once: names in alphabetical order, the values of a list in the order given. The
//     same bytes are signed and sent.
//  2. pace.go makes the request wait for its turn under one rate limit. A 429 halves the rate, answers let it recover.
//  3. auth.go and signer.go authorize it, anew at every try.
//  4. client.go and send.go send it, follow no redirect, and read the answer in bounded memory.
//  5. errors.go turns everything but a 200 into an Error with a kind; retry.go decides whether and when to try again.
//  6. scan.go, canonical.go and decode.go read the answer: strict about JSON (no duplicate members, no trailing text,
//     bounded depth), lenient about what the API may leave out or spell in its own way.
//  7. pages.go goes from page to page, and says how each page ended. It never loops: a cursor that was seen before in
//     the walk, or a full page without one, is PageUnsure; fewer rows than the limit is the documented end, unless its
//     cursor leads to more.
//
// A POST is sent once. When its answer is lost the error is a *FateUnknown, because the API documents no idempotency
// key: whoever gets it looks the reference up before anything else.
//
// No error and no log line holds a token, a key or a signature: URLs with a password are refused, errors of net/http
// are stripped of their URL, and what a server says is searched for the credentials before it is repeated.
package payapi
