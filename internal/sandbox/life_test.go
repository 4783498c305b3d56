package sandbox

import (
	"net/url"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"payrecon/internal/payout"
)

func TestLifeNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := lifeOf(rapid.Uint64().Draw(rt, "hash"))
		created := int64(1_770_000_000_000)
		ages := rapid.SliceOfN(rapid.Int64Range(0, 80*hour), 2, 30).Draw(rt, "ages")
		slices.Sort(ages)
		last := l.at(created, created)
		if last.status != pending || last.updated != created {
			rt.Fatalf("at creation: %v", last)
		}
		for _, age := range ages {
			now := l.at(created, created+age)
			switch {
			case now.updated < last.updated || now.updated > created+age:
				rt.Fatalf("age %d: updated %d after %d", age, now.updated, last.updated)
			case now.status < last.status:
				rt.Fatalf("age %d: %v after %v", age, now.status, last.status)
			case now.status != last.status && now.updated == last.updated:
				rt.Fatalf("age %d: the status changed and updatedDateTime did not", age)
			case last.status.final() && now != last:
				rt.Fatalf("age %d: a final status changed from %v to %v", age, last, now)
			}
			last = now
		}
		if age := 72 * hour; l.toFinal != never && !l.at(created, created+age).status.final() {
			rt.Fatalf("a payout that ends is not final after 72 hours: %v", l)
		}
	})
}

func TestLifeTurnsOnTime(t *testing.T) {
	l := life{toProcessing: 5 * second, toFinal: minute, final: rejected}
	endless := life{toProcessing: 5 * second, toFinal: never}
	for _, c := range []struct {
		l            life
		age, updated int64
		want         statusCode
	}{
		{l, 0, 0, pending},
		{l, 5*second - 1, 0, pending},
		{l, 5 * second, 5 * second, processing},
		{l, minute - 1, 5 * second, processing},
		{l, minute, minute, rejected},
		{l, 100 * day, minute, rejected},
		{endless, 5*second + bankGivesUp - 1, 5 * second, processing},
		{endless, 5*second + bankGivesUp, 5*second + bankGivesUp, processing},
		{endless, 1000 * day, 5*second + bankGivesUp, processing},
	} {
		if got := c.l.at(1000, 1000+c.age); got.status != c.want || got.updated != 1000+c.updated {
			t.Errorf("age %d ms: %v since %d, want %v since %d", c.age, got.status, got.updated-1000, c.want, c.updated)
		}
	}
}

func TestSomePayoutsProcessForEver(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 8_000, Breaks: -1})
	s.Advance(400 * 24 * 3600e9)
	counts := map[payout.Status]int{}
	for _, p := range s.Truth() {
		counts[p.Status]++
		if p.Status == payout.Processing && p.Reason != reasonForever {
			t.Errorf("%s processes for ever and does not say so: %q", p.ID, p.Reason)
		}
		if len(p.Reason) > 256 {
			t.Errorf("%s: reason of %d characters", p.ID, len(p.Reason))
		}
	}
	if counts[payout.Pending] != 0 || counts[payout.Processing] == 0 || counts[payout.Rejected] == 0 || counts[payout.Failed] == 0 || counts[payout.Completed] < 7_600 {
		t.Errorf("after a year: %v", counts)
	}
}

func TestSameSeedSameWorld(t *testing.T) {
	list := func(seed uint64) []payout.Payout { return newSandbox(t, Options{Seed: seed, Payouts: 500}).Truth() }
	a, b, c := list(1), list(1), list(2)
	for i := range a {
		if string(a[i].Raw) != string(b[i].Raw) {
			t.Fatalf("payout %d differs between two sandboxes of one seed:\n%s\n%s", i, a[i].Raw, b[i].Raw)
		}
		if a[i].ID == c[i].ID || a[i].RefID == c[i].RefID && len(a[i].RefID) == 18 {
			t.Fatalf("payout %d is the same for two seeds", i)
		}
	}
}

func TestIdsAndReferencesAreFoundAndUnique(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 5000, Breaks: -1})
	ids, refs := map[string]bool{}, map[string]bool{}
	for num := range uint32(len(s.store.rows)) {
		id, ref := s.store.id(num), s.store.ref(num)
		if got, ok := s.store.numberOf(id); !ok || got != num {
			t.Fatalf("numberOf(%q) = %d, %v; want %d", id, got, ok, num)
		}
		if got := s.store.numbersOf(ref); !slices.Equal(got, []uint32{num}) {
			t.Fatalf("numbersOf(%q) = %v; want %d", ref, got, num)
		}
		if len(id) != 42 || len(ref) != 18 || checkRef(ref) != nil || ids[id] || refs[ref] {
			t.Fatalf("id %q or reference %q has the wrong form or is there twice", id, ref)
		}
		ids[id], refs[ref] = true, true
		for _, wrong := range []string{id[:41] + "l", "po:" + id[4:] + "1", id[:3] + "1" + id[4:]} {
			if _, ok := s.store.numberOf(wrong); ok && wrong != id {
				t.Fatalf("numberOf(%q) found something", wrong)
			}
		}
	}
}

func TestPayeesHaveValidAccounts(t *testing.T) {
	p := newPayees(3, 4000)
	for _, c := range append(slices.Clone(p.iban), p.sortCode...) {
		if err := checkAccount(&c.Creditor); err != nil {
			t.Errorf("%+v: %v", c.Creditor, err)
		}
	}
	for _, iban := range []string{"GB29NWBK60161331926819", "DE89370400440532013000", "NL91ABNA0417164300"} { // the published examples
		if !validIBAN(iban) {
			t.Errorf("validIBAN(%q) = false", iban)
		}
		if wrong := iban[:8] + "7" + iban[9:]; wrong != iban && validIBAN(wrong) {
			t.Errorf("validIBAN(%q) = true", wrong)
		}
	}
}

func TestTimesFollowTheWeek(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10_000, Breaks: -1})
	weekend, last := 0, payout.Millis(0)
	for _, p := range s.Truth() {
		if d := p.Created.Time().Weekday(); d == 0 || d == 6 {
			weekend++
		}
		if p.Created < last {
			t.Fatalf("%s is out of order", p.ID)
		}
		last = p.Created
	}
	if weekend < 500 || weekend > 2000 {
		t.Errorf("%d of 10,000 payouts on weekends", weekend)
	}
	if last > payout.MillisOf(DemoNow) {
		t.Errorf("the last payout is of %s", last)
	}
}

func TestClock(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 10, Breaks: -1})
	s.Advance(90e9)
	_, header, _ := ask(t, s, "GET", "/payouts?"+url.Values{"limit": {"1"}}.Encode(), "")
	if got, want := header.Get("Date"), "Tue, 31 Mar 2026 02:31:30 GMT"; got != want {
		t.Errorf("Date %q, want %q", got, want)
	}
	s.SetNow(DemoNow.AddDate(1, 0, 0))
	s.Advance(1e9)
	if got, want := s.Now(), DemoNow.AddDate(1, 0, 0).Add(1e9); !got.Equal(want) {
		t.Errorf("Now() = %s, want %s", got, want)
	}
}
