package sandbox

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// The part of the contract that is about authorization and payments.

func newInitiation(ref string) payapi.Initiation {
	return payapi.Initiation{
		RefID: ref, Amount: "10.23", Currency: "GBP", Description: "Invoice 12345", DebtorAccount: "a12345",
		Creditor: payout.Creditor{Name: "Sample & Sons", SortCode: "12-34-56", AccountNumber: "1234 5678"},
	}
}

func TestClientInitiates(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 50, OnBehalfOf: []string{"", "sub-a"}})
	c := client(t, s, nil)
	in := newInitiation("contract-1")
	in.OnBehalfOf = "sub-a"
	made, err := c.Initiate(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	w, err := walkAll(c, payout.Query{RefIDs: []string{"contract-1"}, OnBehalfOf: "sub-a"})
	if err != nil || len(w.payouts) != 1 || w.payouts[0].ID != made.ID || made.Status != payout.Pending {
		t.Errorf("made %+v, found %d payouts, %v", made, len(w.payouts), err)
	}
	in.OnBehalfOf = "sub-b"
	if _, err := c.Initiate(context.Background(), in); payout.KindOf(err) != payout.KindInput {
		t.Errorf("for an unknown sub-member: %v", err)
	}
}

type postCase struct {
	f       Faults
	made    int
	unknown bool
}

func posts() map[string]postCase {
	return map[string]postCase{
		"answer lost":  {Faults{LostPosts: 1}, 1, true},
		"answer torn":  {Faults{Torn: 1}, 1, true},
		"cut before":   {Faults{Reset: 1}, 0, true},
		"5xx":          {Faults{Errors: 1}, 0, true},
		"too slow":     {Faults{Slow: 1, SlowFor: time.Hour}, 1, true},
		"no permit":    {Faults{Forbid: true}, 0, false},
		"no trouble":   {Faults{}, 1, false},
		"rate limited": {Faults{RateLimit: 1}, 1, false},
	}
}

// TestClientNeverPaysTwice: whatever happens to a POST, there is at most one payout, and the error says whether its fate
// is unknown.
func TestClientNeverPaysTwice(t *testing.T) {
	for name, c := range posts() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSandbox(t, Options{Payouts: -1, Faults: c.f})
				_, err := client(t, s, nil).Initiate(context.Background(), newInitiation("once-only"))
				var fate *payapi.FateUnknown
				if errors.As(err, &fate) != c.unknown || len(s.Truth()) != c.made {
					t.Errorf("%v, %d payouts; want %d, fate unknown %v", err, len(s.Truth()), c.made, c.unknown)
				}
			})
		})
	}
}

func TestClientSignsAndTheSandboxVerifies(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t, Options{Payouts: 500, Keys: map[string]crypto.PublicKey{"k1": public}, Faults: Faults{Torn: 3}, Now: time.Now})
	server := httptest.NewTLSServer(s)
	defer server.Close()
	for _, exp := range []string{"seconds", "milliseconds"} {
		signer, err := payapi.NewSigner(payapi.SignerOptions{
			MemberID: s.o.MemberID, KeyID: "k1", PEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), Exp: exp,
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := payapi.New(payapi.Options{BaseURL: server.URL, Auth: signer, Transport: server.Client().Transport})
		if err != nil {
			t.Fatal(err)
		}
		w, err := walkAll(c, payout.Query{Limit: 199, Statuses: payout.FinalStatuses()})
		if err != nil || len(w.payouts) < 400 {
			t.Errorf("exp in %s: %d payouts, %v", exp, len(w.payouts), err)
		}
		if _, err := c.Get(context.Background(), w.payouts[0].ID); err != nil {
			t.Errorf("exp in %s: %v", exp, err)
		}
		if _, err := c.Initiate(context.Background(), newInitiation("signed-"+exp)); err != nil && !errors.As(err, new(*payapi.FateUnknown)) {
			t.Errorf("exp in %s: %v", exp, err)
		}
	}
	if n := s.Counts().ByStatus[401]; n > 0 {
		t.Errorf("%d requests refused", n)
	}
}

func basicKey() Options {
	return Options{Payouts: 20, Basic: "bS0zanhoS3pqRjRSWFQ1dHZLTlhMQU14cm80d0E1LTV6S3RYRUFxOmU1MWY=="}
}

func TestClientUsesTheBasicKeyAsIssued(t *testing.T) {
	s := newSandbox(t, basicKey())
	if w, err := walkAll(client(t, s, payapi.Basic(s.o.Basic)), payout.Query{}); err != nil || len(w.payouts) != 20 {
		t.Errorf("%d payouts, %v", len(w.payouts), err)
	}
}

// TestReaderMayNotPay: the client knows that a refused payment was not made.
func TestReaderMayNotPay(t *testing.T) {
	s := newSandbox(t, Options{Payouts: -1, ReadToken: "reader"})
	_, err := client(t, s, payapi.Bearer("reader")).Initiate(context.Background(), newInitiation("contract-1"))
	if payout.KindOf(err) != payout.KindAuth || errors.As(err, new(*payapi.FateUnknown)) || len(s.Truth()) != 0 {
		t.Errorf("%v, %d payouts; want a refusal and none", err, len(s.Truth()))
	}
}
