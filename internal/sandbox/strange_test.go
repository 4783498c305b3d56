package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"payrecon/internal/payout"
)

func TestPayoutsLookStrange(t *testing.T) {
	bare := func(t *testing.T, f Faults) []map[string]any {
		s := newSandbox(t, Options{Payouts: 600, Breaks: -1, Faults: f})
		_, _, body := ask(t, s, "GET", "/payouts?limit=200", "")
		var p struct{ Payouts []map[string]any }
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		return p.Payouts
	}
	count := func(all []map[string]any, is func(p map[string]any) bool) (n int) {
		for _, p := range all {
			if is(p) {
				n++
			}
		}
		return n
	}
	some := func(what string, n int) {
		t.Helper()
		if n == 0 || n == 200 {
			t.Errorf("%s: %d of 200", what, n)
		}
	}
	some("unknown status", count(bare(t, Faults{UnknownStatus: 4}), func(p map[string]any) bool { return p["status"] == "INITIATION_ON_HOLD" }))
	some("no initiation", count(bare(t, Faults{NoInitiation: 4}), func(p map[string]any) bool { return p["initiation"] == nil }))
	some("numeric sort code", count(bare(t, Faults{NumericSort: true}), func(p map[string]any) bool {
		_, isNumber := p["initiation"].(map[string]any)["creditor"].(map[string]any)["sortCode"].(json.Number)
		return isNumber
	}))
	forms := map[string]bool{}
	for _, p := range bare(t, Faults{TimeForms: true}) {
		text := p["createdDateTime"].(string)
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			t.Errorf("time %q: %v", text, err)
		}
		forms[fmt.Sprint(len(text), text[len(text)-6:])] = true
	}
	if len(forms) < 6 {
		t.Errorf("%d forms of times, want 6 and more", len(forms))
	}
	if n := count(bare(t, Faults{UnknownFields: true}), func(p map[string]any) bool { return p["settlement"] != nil }); n != 200 {
		t.Errorf("unknown fields: %d of 200", n)
	}
	some("empty optionals", count(bare(t, Faults{EmptyOptionals: true}), func(p map[string]any) bool { return p["bankPaymentStatus"] == "" }))
}

func TestTimeFormsNameTheSameInstant(t *testing.T) {
	for form := range timeForms {
		for _, ms := range []int64{1_774_924_200_000, 1_774_924_200_007, 1_772_323_199_999, 951_782_400_123} {
			text := string(appendTime(nil, ms, form))
			if got, err := time.Parse(time.RFC3339, text); err != nil || got.UnixMilli() != ms {
				t.Errorf("form %d of %d: %q is %d, %v", form, ms, text, got.UnixMilli(), err)
			}
		}
	}
}

func TestPayoutsVanishAndFlip(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 600, Breaks: -1, FutureDays: 2, Faults: Faults{Vanish: 10, VanishAfter: 36 * time.Hour, Flip: 10, FlipAfter: 36 * time.Hour}})
	s.Advance(24 * time.Hour)
	before := map[string]payout.Payout{}
	for _, p := range s.Truth() {
		if p.Created > payout.MillisOf(DemoNow) {
			before[p.ID] = p
		}
	}
	s.Advance(48 * time.Hour)
	gone, flipped := len(before), 0
	for _, p := range s.Truth() {
		old, there := before[p.ID]
		if !there {
			continue
		}
		gone--
		if old.Status.Final() && p.Status != old.Status {
			flipped++
			if !p.Status.Final() || p.Updated <= old.Updated {
				t.Errorf("%s went from %s at %s to %s at %s", p.ID, old.Status, old.Updated, p.Status, p.Updated)
			}
		}
	}
	if gone == 0 || flipped == 0 || gone > len(before)/2 || flipped > len(before)/2 {
		t.Errorf("of %d payouts %d vanished and %d flipped; want some of each", len(before), gone, flipped)
	}
}

func TestAddedPayoutsStandStill(t *testing.T) {
	s := newSandbox(t, Options{Payouts: -1})
	p := payout.Payout{Created: payout.MillisOf(DemoNow.Add(-time.Hour)), Status: payout.Processing, RefID: "my-ref"}
	bare, err := s.Add(p) // no amount: without initiation
	if err != nil {
		t.Fatal(err)
	}
	s.Advance(1000 * time.Hour)
	if all := s.Truth(); len(all) != 1 || all[0].ID != bare || all[0].Status != payout.Processing {
		t.Errorf("Truth() = %+v", all)
	}
	if _, err := s.Add(payout.Payout{ID: bare, Status: payout.Failed}); err == nil {
		t.Error("an id was added twice")
	}
	if _, err := s.Add(payout.Payout{Status: "WHAT"}); err == nil {
		t.Error("a status that cannot be shown was added")
	}
	if _, err := s.Add(payout.Payout{Status: payout.Failed, OnBehalfOf: "nobody"}); err == nil {
		t.Error("a payout of an unknown sub-member was added")
	}
	if err := s.SetStatus("po:none", payout.Failed, ""); payout.KindOf(err) != payout.KindNotFound {
		t.Errorf("SetStatus of nothing: %v", err)
	}
}
