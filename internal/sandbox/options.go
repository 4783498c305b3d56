package sandbox

import (
	"crypto"
	"fmt"
	"slices"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// DemoNow is the fixed clock of demonstrations and tests: a Tuesday, 02:30 UTC, when a nightly job runs. The day before
// is a business day, so one business day of grace is one calendar day.
var DemoNow = time.Date(2026, 3, 31, 2, 30, 0, 0, time.UTC)

// What a demonstration uses.
const (
	DemoSeed    = 1
	DemoPayouts = 2000
	DemoDays    = 45
	DemoToken   = "sandbox-token" // the bearer token when Options names no way of authorization
)

// maxBody bounds a request's body, maxURL a request's line: gateways refuse longer ones.
const (
	maxBody = 1 << 20
	maxURL  = 8192
)

// Options say what the sandbox holds and how it behaves. The zero value, with New's defaults, is a faithful API with two
// thousand payouts.
type Options struct {
	Seed       uint64           // 0: DemoSeed
	Payouts    int              // how many exist when the clock stands at its start, planted ones included; 0: DemoPayouts, negative: none
	Days       int              // over how many days, today included; 0: DemoDays
	FutureDays int              // so many more days of payouts that show up as the clock gets there
	Now        func() time.Time // the API's clock; nil: DemoNow for ever
	Breaks     int              // how often each kind of break is planted; 0: by size (none below 200 payouts), negative: never

	Token     string                      // bearer token
	ReadToken string                      // another one, that may read and not pay
	Basic     string                      // basic key, exactly as issued
	Keys      map[string]crypto.PublicKey // by key id: ed25519.PublicKey, *ecdsa.PublicKey (P-256), *rsa.PublicKey

	MemberID string // "": made from the seed
	// OnBehalfOf are the sub-members that payouts belong to; "" among them is the member itself. The parameter
	// onBehalfOfId is a filter: a request without it shows the payouts of all of them, an unknown id none.
	OnBehalfOf  []string
	OwnOnly     bool // a request without onBehalfOfId shows only the payouts that belong to no sub-member
	Unregulated bool // onBehalfOfId is mandatory, as it is for unregulated members

	Currencies []string // ISO 4217; empty: EUR, GBP, USD, JPY. The first is the most frequent one
	Faults     Faults
}

func (o *Options) complete() error {
	if o.Seed == 0 {
		o.Seed = DemoSeed
	}
	switch {
	case o.Payouts == 0:
		o.Payouts = DemoPayouts
	case o.Payouts < 0:
		o.Payouts, o.Breaks = 0, -1
	}
	if o.Days == 0 {
		o.Days = DemoDays
	}
	if o.Now == nil {
		o.Now = func() time.Time { return DemoNow }
	}
	if o.Token == "" && o.Basic == "" && len(o.Keys) == 0 {
		o.Token = DemoToken
	}
	if o.MemberID == "" {
		o.MemberID = string(appendDigits58(append(appendDigits58([]byte("m:"), draw(o.Seed, saltMember), 11), ':'), draw(o.Seed, saltOwner), 8))
	}
	if len(o.OnBehalfOf) == 0 {
		o.OnBehalfOf = []string{""}
	}
	if len(o.Currencies) == 0 {
		o.Currencies = []string{"EUR", "GBP", "USD", "JPY"}
	}
	if o.Breaks == 0 && o.Payouts >= 200 && o.Days >= 14 {
		o.Breaks = min(max(o.Payouts/1000, 1), 50)
	}
	return o.check()
}

func (o *Options) check() error {
	switch {
	case o.Payouts > 50_000_000:
		return payout.Errorf(payout.KindInput, "sandbox: %d payouts are too many (at most 50,000,000)", o.Payouts)
	case o.Days < 1 || o.Days > 3660:
		return payout.Errorf(payout.KindInput, "sandbox: %d days of history (want 1 to 3660)", o.Days)
	case o.FutureDays < 0 || o.FutureDays > 3660:
		return payout.Errorf(payout.KindInput, "sandbox: %d days of future (want 0 to 3660)", o.FutureDays)
	case o.Breaks > 1000 || o.Breaks > 0 && (o.Days < 14 || o.Payouts < 100*o.Breaks):
		return payout.Errorf(payout.KindInput, "sandbox: %d breaks of each kind need at least 14 days and %d payouts", o.Breaks, 100*o.Breaks)
	}
	for _, c := range o.Currencies {
		if !money.Known(c) {
			return payout.Errorf(payout.KindInput, "sandbox: %q is not an ISO 4217 currency code", c)
		}
	}
	seen := slices.Clone(o.OnBehalfOf)
	slices.Sort(seen)
	if len(slices.Compact(seen)) != len(o.OnBehalfOf) || len(o.OnBehalfOf) > 1000 {
		return payout.Errorf(payout.KindInput, "sandbox: on-behalf-of ids must differ, and be at most 1000")
	}
	for id, key := range o.Keys {
		if !usableKey(key) {
			return payout.Errorf(payout.KindInput, "sandbox: public key %q is a %T (want Ed25519, ECDSA P-256 or RSA of 2048 bits or more)", id, key)
		}
	}
	if err := o.Faults.check(); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}
