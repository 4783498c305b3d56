package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// provider answers by refIds from what it holds.
type provider struct {
	holds []payout.Payout
	down  error
	asked [][]string
}

func (p *provider) AskRefs(_ context.Context, refs []string) payout.RefAnswer {
	p.asked = append(p.asked, refs)
	answer := payout.RefAnswer{Requests: 1, Answered: map[string]bool{}, Err: p.down}
	if p.down != nil {
		return answer
	}
	for _, ref := range refs {
		answer.Answered[ref] = true
		for _, held := range p.holds {
			if held.RefID == ref {
				answer.Payouts = append(answer.Payouts, held)
			}
		}
	}
	return answer
}

func (p *provider) hold(t *testing.T, id, ref, amount string, status payout.Status, created string) {
	t.Helper()
	p.holds = append(p.holds, payout.Payout{
		ID: id, RefID: ref, Amount: money.New(units(t, amount), "EUR"), Status: status,
		Created: instant(t, created), Updated: instant(t, created), Creditor: payout.Creditor{Name: "Found Ltd"},
	})
}

func TestEvidence(t *testing.T) {
	for _, c := range []struct {
		name    string
		records string
		days    [2]string // complete days
		online  bool
		set     func(*testing.T, *scene, *provider)
		want    string
		lookup  string // candidates asked found
	}{
		{name: "offline, all days complete", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-25"}, want: "missing_at_provider e1", lookup: "1 0 0"},
		{name: "offline, the first day not complete", records: "E e1 100 paid 01-15", days: [2]string{"01-06", "01-25"}, want: "not_fetched e1", lookup: "1 0 0"},
		{name: "offline, the last day not complete", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-24"}, want: "not_fetched e1", lookup: "1 0 0"},
		{name: "offline, days only up to as-of", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-18"}, set: func(t *testing.T, s *scene, _ *provider) {
			s.at(t, "2026-01-18T23:00:00Z")
		}, want: "missing_at_provider e1", lookup: "1 0 0"},
		{name: "offline, without a date", records: "E e1 100 paid -", days: [2]string{"01-01", "01-31"}, want: "not_fetched e1", lookup: "1 0 0"},
		{name: "under one onBehalfOfId only", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-25"}, set: func(_ *testing.T, s *scene, _ *provider) {
			s.Coverage.OnBehalfOf = []string{"", "sub"}
		}, want: "not_fetched e1", lookup: "1 0 0"},
		{name: "the provider's own no", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, want: "missing_at_provider e1", lookup: "1 1 0"},
		{name: "the provider's own no, without a date", records: "E e1 100 paid -", days: [2]string{"01-30", "01-30"}, online: true, want: "missing_at_provider e1", lookup: "1 1 0"},
		{name: "found and matched", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(t *testing.T, _ *scene, p *provider) {
			p.hold(t, "new", "R", "100", payout.Completed, "01-14")
		}, want: "matched e1 new", lookup: "1 1 1"},
		{name: "found, in another episode", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(t *testing.T, _ *scene, p *provider) {
			p.hold(t, "new", "R", "100", payout.Completed, "2025-01-14")
		}, want: "missing_at_provider e1", lookup: "1 1 1"},
		{name: "found, of another amount", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(t *testing.T, _ *scene, p *provider) {
			p.hold(t, "new", "R", "90", payout.Completed, "01-14")
		}, want: "amount_mismatch e1 new", lookup: "1 1 1"},
		{
			name: "the key is matched again whole", records: "P p1 90 FAILED 01-15\nE e1 90 failed 01-15\nE e2 100 paid 01-15\nE e3 100 paid 01-16", days: [2]string{"01-30", "01-30"}, online: true,
			set:  func(t *testing.T, _ *scene, p *provider) { p.hold(t, "new", "R", "200", payout.Completed, "01-14") },
			want: "matched e1 p1|matched_group e2 e3 new", lookup: "1 1 1",
		},
		{
			name: "a payout known by another status is brought up to date", records: "P p1 90 FAILED 01-15\nE e1 90 failed 01-15\nE e2 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true,
			set:  func(t *testing.T, _ *scene, p *provider) { p.hold(t, "p1", "R", "90", payout.Completed, "01-16") },
			want: "amount_mismatch e2|status_mismatch/unrecorded_outflow e1 p1", lookup: "1 1 0",
		},
		{
			name: "an older answer changes nothing", records: "P p1 90 FAILED 01-15\nE e1 90 failed 01-15\nE e2 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true,
			set:  func(t *testing.T, _ *scene, p *provider) { p.hold(t, "p1", "R", "90", payout.Completed, "01-14") },
			want: "matched e1 p1|missing_at_provider e2", lookup: "1 1 0",
		},
		{name: "the API is down, days complete", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-25"}, online: true, set: func(_ *testing.T, _ *scene, p *provider) {
			p.down = errors.New("no route to host")
		}, want: "missing_at_provider e1", lookup: "1 1 0"},
		{name: "the API is down, days not complete", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(_ *testing.T, _ *scene, p *provider) {
			p.down = errors.New("no route to host")
		}, want: "not_fetched e1", lookup: "1 1 0"},
		{name: "a no in one letter case, days not complete", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(_ *testing.T, s *scene, _ *provider) {
			s.CaseInsensitive = true
		}, want: "not_fetched e1", lookup: "1 2 0"},
		{name: "a no in one letter case, days complete", records: "E e1 100 paid 01-15", days: [2]string{"01-05", "01-25"}, online: true, set: func(_ *testing.T, s *scene, _ *provider) {
			s.CaseInsensitive = true
		}, want: "missing_at_provider e1", lookup: "1 2 0"},
		{name: "a no to what has no letter case", records: "E e1 100 paid 01-15 ref=1-7", days: [2]string{"01-30", "01-30"}, online: true, set: func(_ *testing.T, s *scene, _ *provider) {
			s.CaseInsensitive = true
		}, want: "missing_at_provider e1", lookup: "1 1 0"},
		{name: "found in another letter case", records: "E e1 100 paid 01-15 ref=Ab", days: [2]string{"01-30", "01-30"}, online: true, set: func(t *testing.T, s *scene, p *provider) {
			s.CaseInsensitive = true
			p.hold(t, "new", "AB", "100", payout.Completed, "01-14")
		}, want: "matched e1 new", lookup: "1 3 1"},
		{name: "timing is not asked for", records: "E e1 100 paid 01-15", days: [2]string{"01-30", "01-30"}, online: true, set: func(t *testing.T, s *scene, _ *provider) {
			s.at(t, "2026-01-16T01:00:00Z")
		}, want: "timing e1", lookup: "0 0 0"},
		{name: "too many candidates: none is asked", records: "E e1 100 paid 01-15\nE e2 100 paid 01-15 ref=S", days: [2]string{"01-30", "01-30"}, online: true, set: func(_ *testing.T, s *scene, _ *provider) {
			s.ConfirmMax = 1
		}, want: "not_fetched e1|not_fetched e2", lookup: "2 0 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			p := &provider{}
			s.covered(ymd(t, "2026-"+c.days[0]), ymd(t, "2026-"+c.days[1]))
			s.records(t, c.records)
			if c.set != nil {
				c.set(t, s, p)
			}
			if c.online {
				s.Provider = p
			}
			r := s.run(t)
			if got, want := s.briefs(r), strings.Split(c.want, "|"); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := fmt.Sprint(r.Lookup.Candidates, r.Lookup.Asked, r.Lookup.Found); got != c.lookup {
				t.Errorf("look-up: candidates, asked, found = %s, want %s", got, c.lookup)
			}
			if r.Lookup.Asked == 0 && len(p.asked) > 0 {
				t.Errorf("the provider was asked for %q", p.asked)
			}
		})
	}
}

func TestAskedAsWrittenAndTrimmed(t *testing.T) {
	s := newScene(t)
	p := &provider{}
	s.Provider = p
	s.records(t, `E e1 100 paid 01-15 ref=_R
		E e2 100 paid 01-15 ref=S`)
	s.run(t)
	if got, want := fmt.Sprintf("%q", p.asked), `[[" R" "R" "S"]]`; got != want {
		t.Errorf("asked for %s, want %s", got, want)
	}
}

func TestWithheldWhenTooMany(t *testing.T) {
	s := newScene(t)
	s.Provider, s.ConfirmMax = &provider{}, 1
	s.records(t, "E e1 100 paid 01-15\nE e2 100 paid 01-15 ref=S")
	r := s.run(t)
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "confirm_max (1)") {
		t.Errorf("warnings %q", r.Warnings)
	}
}

func TestGuardBothLegs(t *testing.T) {
	legs := func(netted, others int) string {
		var b strings.Builder
		for i := range netted {
			fmt.Fprintf(&b, "E a%d 100 paid 01-05 ref=N%d\nE b%d -100 paid 01-05 ref=N%d\n", i, i, i, i)
		}
		for i := range others {
			fmt.Fprintf(&b, "E c%d 100 paid 01-05 ref=O%d\n", i, i)
		}
		return b.String()
	}
	for _, c := range []struct {
		netted, others int
		refused        bool
	}{{20, 0, true}, {19, 0, false}, {11, 9, true}, {10, 10, false}, {100, 99, true}, {100, 100, false}} {
		s := newScene(t)
		s.MinOverlap = -1
		s.records(t, legs(c.netted, c.others))
		_, err := s.try()
		if refused := err != nil && payout.KindOf(err) == payout.KindInput; refused != c.refused {
			t.Errorf("%d netted, %d others: %v", c.netted, c.others, err)
		}
	}
}

func TestGuardsNameTheLedger(t *testing.T) {
	var legs, foreign strings.Builder
	for i := range 100 {
		fmt.Fprintf(&legs, "E a%d 100 paid 01-05 ref=N%d\nE b%d -100 paid 01-05 ref=N%d\n", i, i, i, i)
		fmt.Fprintf(&foreign, "E a%d 100 paid 01-05 ref=N%d\n", i, i)
	}
	for _, c := range []struct {
		records string
		files   []string
		want    string
	}{
		{legs.String(), []string{"jan.csv"}, "ledger jan.csv: 100 of the ledger's 100 references net to zero"},
		{foreign.String(), []string{"jan.csv"}, "ledger jan.csv: only 0 of 100"},
		{foreign.String(), []string{"a.csv", "b.csv", "c.csv", "d.csv"}, "ledger a.csv, b.csv, c.csv and 1 more: only 0 of 100"},
	} {
		s := newScene(t)
		s.LedgerFiles = c.files
		s.records(t, c.records)
		if _, err := s.try(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q in it", err, c.want)
		}
	}
}

func TestGuardOverlap(t *testing.T) {
	for _, c := range []struct {
		with, without int
		day           string
		percent       int
		refused       bool
	}{
		{49, 51, "01-05", 0, true},
		{50, 50, "01-05", 0, false},
		{49, 50, "01-05", 0, false},
		{0, 99, "01-05", 0, false},
		{0, 100, "01-05", 0, true},
		{0, 100, "2025-12-20", 0, false},
		{0, 100, "-", 0, false},
		{9, 91, "01-05", 10, true},
		{10, 90, "01-05", 10, false},
		{0, 100, "01-05", -1, false},
		{0, 100, "01-30", 0, false}, // the day is not complete
	} {
		s := newScene(t)
		s.MinOverlap = c.percent
		s.covered(ymd(t, "2025-12-01"), ymd(t, "2026-01-29"))
		var b strings.Builder
		for i := range c.with {
			fmt.Fprintf(&b, "E a%d 100 paid %s ref=W%d\nP p%d 100 COMPLETED 01-05 ref=W%d\n", i, c.day, i, i, i)
		}
		for i := range c.without {
			fmt.Fprintf(&b, "E b%d 100 paid %s ref=O%d\n", i, c.day, i)
		}
		s.records(t, b.String())
		_, err := s.try()
		if refused := err != nil && payout.KindOf(err) == payout.KindInput; refused != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOneHugeKeyAsked: a provider that shows 40,000 payouts of one reference, twice, would take a minute if each were looked for
// among all others.
func TestOneHugeKeyAsked(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n = 2_000
	}
	s := newScene(t)
	p := &provider{}
	s.Provider = p
	for i := range n {
		s.payout(t, fmt.Sprintf("p%d", i), 10_000, "EUR", "COMPLETED", "01-05", map[string]string{"ref": "R"})
		s.entry(t, fmt.Sprintf("e%d", i), 10_000, "EUR", "paid", "01-05", map[string]string{"ref": "R"})
		p.hold(t, fmt.Sprintf("p%d", i), "R", "1", payout.Completed, "01-05")
		p.hold(t, fmt.Sprintf("new%d", i), "R", "1", payout.Completed, "01-06")
	}
	p.holds = slices.Concat(p.holds, p.holds)
	s.records(t, "E x 7 paid 01-28")
	r := s.run(t)
	if r.Lookup.Found != n {
		t.Errorf("%d payouts found, want %d", r.Lookup.Found, n)
	}
}

// TestAnAnswerThatChangesAFinalStatus: what the mirror held until then is not forgotten.
func TestAnAnswerThatChangesAFinalStatus(t *testing.T) {
	s, p := newScene(t), &provider{}
	s.Provider = p
	s.records(t, "P p1 90 FAILED 01-15\nE e1 90 failed 01-15\nE e2 100 paid 01-15")
	p.hold(t, "p1", "R", "90", payout.Completed, "01-16")
	s.covered(ymd(t, "2026-01-30"), ymd(t, "2026-01-30"))
	const want = "initiation completed, shown as initiation failed before 2026-01-16"
	var got []string
	for _, item := range s.run(t).Items {
		got = append(got, item.Why)
	}
	if all := strings.Join(got, "\n"); !strings.Contains(all, want) {
		t.Errorf("got\n%s\nwant %q in it", all, want)
	}
}

// TestShownOnBehalfOfAnother: whomever the provider shows a payout on behalf of, it is counted once, where the mirror has it.
func TestShownOnBehalfOfAnother(t *testing.T) {
	const others = "P p2 5 COMPLETED 01-20 obo=O2 ref=S\nE e2 5 paid 01-20 obo=O2 ref=S\n"
	for _, c := range []struct {
		name         string
		records      string
		shown        string // on whose behalf
		want         string
		cash, ledger string
	}{
		{
			"the mirror knows whose, the provider shows it plain", "P p1 100 COMPLETED 01-15 obo=O1\nE e1 100 paid 01-15", "",
			"matched e2 p2|missing_at_provider e1|missing_in_ledger p1", "105.00", "105.00",
		},
		{
			"it is agreed where the mirror has it", "P p1 100 COMPLETED 01-15 obo=O1\nE e1 100 paid 01-15\nE e3 100 paid 01-15 obo=O1", "",
			"matched e2 p2|matched e3 p1|missing_at_provider e1", "105.00", "205.00",
		},
		{
			"the provider names another", "P p1 100 COMPLETED 01-15\nE e1 100 paid 01-15 obo=O1", "O1",
			"matched e2 p2|missing_at_provider e1|missing_in_ledger p1", "105.00", "105.00",
		},
		{
			"what has become of it is learned there", "P p1 100 PROCESSING 01-15 obo=O1\nE e1 100 paid 01-15\nE e3 100 paid 01-15 obo=O1\nE e4 70 paid 01-29 obo=O1", "",
			"matched e2 p2|matched e3 p1|missing_at_provider e1|missing_at_provider e4", "105.00", "275.00",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := newScene(t), &provider{}
			p.hold(t, "p1", "R", "100", payout.Completed, "01-16")
			p.holds[0].Created, p.holds[0].OnBehalfOf = instant(t, "01-15"), c.shown
			s.Provider = p
			s.records(t, others+c.records)
			r := s.run(t)
			if got, want := s.briefs(r), strings.Split(c.want, "|"); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := r.Statements[0]; got.ProviderCash != units(t, c.cash) || got.LedgerCash != units(t, c.ledger) {
				t.Errorf("provider cash %d, ledger cash %d; want %s and %s", got.ProviderCash, got.LedgerCash, c.cash, c.ledger)
			}
			if r.PayoutsInPeriod != 2 || r.Lookup.Found != 0 {
				t.Errorf("%d payouts in the period, %d of them found; want 2 and 0", r.PayoutsInPeriod, r.Lookup.Found)
			}
			if p.holds[0].OnBehalfOf != c.shown {
				t.Errorf("the answer was changed to %q", p.holds[0].OnBehalfOf)
			}
		})
	}
}

// TestExtractTwoDaysShort: payouts of days that the extract does not cover are not missing in the ledger, and not reconciled.
func TestExtractTwoDaysShort(t *testing.T) {
	s := newScene(t)
	s.records(t, `
		E x1 1 paid 01-01 ref=X
		P y1 1 COMPLETED 01-01 ref=X
		E x2 1 paid 01-29 ref=Y
		P y2 1 COMPLETED 01-29 ref=Y
		P p1 100 COMPLETED 01-30
		P p2 100 COMPLETED 01-31 ref=S
		P p3 7 PENDING 01-30 ref=Z
		P p4 9 REJECTED 01-31 ref=U`)
	r := s.run(t)
	if got, want := s.briefs(r), wantLines("failed_attempt p4\nmatched x1 y1\nmatched x2 y2\nnot_in_extract p1\nnot_in_extract p2\nnot_in_extract p3"); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if r.Conclusion != payout.NoConclusion || r.ConclusionWhy != "3 items could not be verified: 207.00 EUR." {
		t.Errorf("%s: %s", r.Conclusion, r.ConclusionWhy)
	}
}

// TestDaysToComeShowNothing: as of a day long before that of an entry, no day is complete on which its payout could stand.
func TestDaysToComeShowNothing(t *testing.T) {
	s := newScene(t)
	s.covered(ymd(t, "2025-12-01"), ymd(t, "2026-01-04"))
	s.records(t, "E e0 100 paid 01-01\nE e1 100 paid 01-25\nE e2 100 paid 01-26")
	s.at(t, "2026-01-05T12:00:00Z")
	r := s.run(t)
	const want = "The ledger has 100.00 EUR (dated 2026-01-26, paid, document e2) for reference R more than once, and no payout is left for this one: the provider was not asked for this reference and the entry's day is not over; reconcile again when its day is over; do not pay reference R again before its day is over."
	if i := slices.IndexFunc(r.Items, func(i payout.Item) bool { return brief(&i.Finding) == "duplicate_ledger_entry e2" }); i < 0 || r.Items[i].Why != want {
		t.Errorf("got %+v, want\n%s", r.Items, want)
	}
}
