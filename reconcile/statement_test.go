package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func statementText(r *payout.Reconciliation) string {
	var b strings.Builder
	for _, s := range r.Statements {
		f := func(units int64) string { return money.FormatUnits(units, s.Currency) }
		fmt.Fprintf(&b, "%s ledger %s", s.Currency, f(s.LedgerCash))
		for _, line := range s.Lines {
			name := line.Outcome.String()
			if line.CutOff {
				name = "cut-off"
			}
			fmt.Fprintf(&b, " | %s %d+%d %s", name, line.Payouts, line.Entries, f(line.Amount))
		}
		fmt.Fprintf(&b, " | provider %s, net %s, gross %s, unexplained %s\n", f(s.ProviderCash), f(s.Net), f(s.Gross), f(s.Unexplained))
	}
	return strings.TrimSpace(b.String())
}

func TestStatement(t *testing.T) {
	for _, c := range []struct{ name, records, want string }{
		{
			"agreed", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05",
			"EUR ledger 100.00 | matched 1+1 0.00 | provider 100.00, net 0.00, gross 0.00, unexplained 0.00",
		},
		{
			"net 0 with gross 200", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05 ref=OTHER",
			"EUR ledger 100.00 | missing_in_ledger 1+0 100.00 | missing_at_provider 0+1 -100.00 | provider 100.00, net 0.00, gross 200.00, unexplained 0.00",
		},
		{
			"each in its class", `P p1 100 COMPLETED 01-05
			E e1 90 paid 01-05
			P p2 50 PENDING 01-06 ref=S
			E e2 50 - 01-06 ref=S
			P p3 7 COMPLETED 01-07 ref=T
			E e3 7 failed 01-07 ref=T
			E e4 8 gebucht 01-08 ref=U
			P p4 8 COMPLETED 01-08 ref=U
			E e5 9 pending 01-09 ref=V
			P p5 9 COMPLETED 01-09 ref=V`,
			"EUR ledger 148.00 | amount_mismatch 1+1 10.00 | status_mismatch 3+3 16.00 | stuck 1+1 -50.00 | provider 124.00, net -24.00, gross 76.00, unexplained 0.00",
		},
		{
			"returned and offset", `P p1 100 COMPLETED 01-05
			E e1 100 paid 01-05
			E e2 -100 returned 01-07
			E e3 20 paid 01-08
			E e4 -20 paid 01-08`,
			"EUR ledger 100.00 | offset_in_ledger 0+2 0.00 | returned 1+2 0.00 | provider 100.00, net 0.00, gross 0.00, unexplained 0.00",
		},
		{
			"offset beside a payout that failed", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05\nE e2 -100 paid 01-07",
			"EUR ledger 0.00 | failed_attempt 1+0 0.00 | offset_in_ledger 0+2 0.00 | provider 0.00, net 0.00, gross 0.00, unexplained 0.00",
		},
		{
			"offset by what is called returned, and is no cash", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05\nE e2 -100 returned 01-07",
			"EUR ledger 100.00 | failed_attempt 1+0 0.00 | offset_in_ledger 0+2 -100.00 | provider 0.00, net -100.00, gross 100.00, unexplained 0.00",
		},
		{
			"by currency", "P p1 100 COMPLETED 01-05\nE e1 110USD paid 01-05",
			"EUR ledger 0.00 | currency_mismatch 1+0 100.00 | provider 100.00, net 100.00, gross 100.00, unexplained 0.00\n" +
				"USD ledger 110.00 | currency_mismatch 0+1 -110.00 | provider 0.00, net -110.00, gross 110.00, unexplained 0.00",
		},
		{
			"across the period's edge", "P p1 100 COMPLETED 2025-12-31\nE e1 100 paid 01-01\nP p2 70 COMPLETED 01-31 ref=S\nE e2 70 paid 02-01 ref=S",
			"EUR ledger 100.00 | cut-off 1+1 -30.00 | provider 70.00, net -30.00, gross 170.00, unexplained 0.00",
		},
		{
			"a group across the edge, its in-period part", "P p1 100 COMPLETED 01-31\nE e1 60 paid 01-31\nE e2 40 paid 02-01",
			"EUR ledger 60.00 | cut-off 1+1 40.00 | provider 100.00, net 40.00, gross 40.00, unexplained 0.00",
		},
		{
			"without a date it is in the period", "P p1 100 COMPLETED 01-05\nE e1 100 paid -",
			"EUR ledger 100.00 | matched 1+1 0.00 | provider 100.00, net 0.00, gross 0.00, unexplained 0.00",
		},
		{
			"a payout without an amount", "P p1 ? COMPLETED 01-05 ref=\nE e1 1 failed 01-05",
			"? ledger 0.00 | missing_in_ledger 1+0 0.00 | provider 0.00, net 0.00, gross 0.00, unexplained 0.00\n" +
				"EUR ledger 0.00 | not_sent 0+1 0.00 | provider 0.00, net 0.00, gross 0.00, unexplained 0.00",
		},
		{
			"a matched difference within tolerance", "P p1 100 COMPLETED 01-05\nE e1 100.01 paid 01-05",
			"EUR ledger 100.01 | matched 1+1 -0.01 | provider 100.00, net -0.01, gross 0.01, unexplained 0.00",
		},
		{"nothing at all", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.Tolerance = map[string]int64{"EUR": 100}
			s.records(t, c.records)
			r := s.run(t)
			if got := statementText(r); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if !r.Accounted {
				t.Error("not accounted for")
			}
		})
	}
}

func TestFiguresThatDoNotTie(t *testing.T) {
	s := newScene(t)
	s.records(t, "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05")
	s.skew = 1
	r, err := s.try()
	if err == nil || payout.KindOf(err) != payout.KindFailed || r != nil {
		t.Fatalf("the mirror's sum is off: got %v, %v", r, err)
	}
	if want := "do not tie out, nothing is published"; !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
	if len(s.agreed) > 0 {
		t.Error("agreed findings were published")
	}
}

func TestOverflowIsAnError(t *testing.T) {
	const most = "922337203685477.5807"
	for _, records := range []string{
		"P p1 " + most + " COMPLETED 01-05\nE e1 " + most + " paid 01-05\nP p2 1 COMPLETED 01-05 ref=S\nE e2 1 paid 01-05 ref=S",
		"P p1 " + most + " COMPLETED 01-05\nE e1 " + most + " paid 01-05\nE e2 1 paid 01-05",
		"P p1 " + most + " COMPLETED 01-05\nP p2 1 COMPLETED 01-06\nE e1 5 paid 01-05",
	} {
		s := newScene(t)
		s.records(t, records)
		r, err := s.try()
		if err == nil {
			t.Errorf("%s\ngot %s, want an error", records, statementText(r))
			continue
		}
		if want := "EUR"; !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), `reference "R"`) {
			t.Errorf("%s\ngot %q, which names neither currency nor reference", records, err)
		}
		if want := "shorter period"; !strings.Contains(err.Error(), want) && !strings.Contains(err.Error(), `reference "R"`) {
			t.Errorf("%s\ngot %q, want %q in it", records, err, want)
		}
	}
}

// TestBehindOnDays: the days that the sync before was to show and did not are gaps, as far as they are of the period and ended.
func TestBehindOnDays(t *testing.T) {
	s := newScene(t)
	s.records(t, "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\n")
	s.Behind = "the sync failed"
	s.BehindOn = []payout.Day{s.Period.From - 1, s.Period.From, s.Period.From + 1, payout.DayOf(s.Clock()), payout.DayOf(s.Clock()) + 1}
	s.covered(s.Period.From+1, s.Period.To)
	r := s.run(t)
	if want := []payout.Day{s.Period.From, s.Period.From + 1}; r.Complete || !slices.Equal(r.Gaps, want) {
		t.Errorf("complete %v with gaps %v, want %v", r.Complete, r.Gaps, want)
	}
	s.BehindOn = []payout.Day{s.Period.From - 1}
	s.covered(s.Period.From, s.Period.To)
	if r := s.run(t); !r.Complete || len(r.Gaps) > 0 || r.Conclusion != payout.NoConclusion {
		t.Errorf("complete %v with gaps %v, %s; want the period complete, and no conclusion", r.Complete, r.Gaps, r.Conclusion)
	}
}

func TestConclusion(t *testing.T) {
	agreed := "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\n"
	for _, c := range []struct {
		name, records string
		set           func(*scene)
		want          payout.Conclusion
		why           string
	}{
		{"reconciled", agreed, nil, payout.Reconciled, "Both sources are complete and no break is open."},
		{"explained items do not matter", agreed + "P p2 5 FAILED 01-06 ref=S", nil, payout.Reconciled, "Both sources are complete and no break is open."},
		{"a break", agreed + "E e2 5 paid 01-05 ref=S", nil, payout.NotReconciled, "1 break is open without a disposition: 5.00 EUR."},
		{
			"a gap", agreed, func(s *scene) { s.covered(s.Period.From+2, s.Period.To) }, payout.NoConclusion,
			"2 days of the period are not shown complete in the mirror: 2026-01-01 to 2026-01-02.",
		},
		{"behind", agreed, func(s *scene) { s.Behind = "the sync failed" }, payout.NoConclusion, "The mirror may be behind the provider: the sync failed."},
		{
			"a gap before a break", agreed + "E e2 5 paid 01-05 ref=S", func(s *scene) { s.covered(s.Period.From, s.Period.To-1) }, payout.NoConclusion,
			"1 day of the period is not shown complete in the mirror: 2026-01-31.",
		},
		{"not verified", agreed + "E e2 5 paid - ref=S", nil, payout.NoConclusion, "1 item could not be verified: 5.00 EUR."},
		{
			"not verified, below materiality", agreed + "E e2 5 paid - ref=S", func(s *scene) { s.Materiality = map[string]int64{"EUR": 60_000} }, payout.Reconciled,
			"Both sources are complete and no break is open; 1 item below materiality could not be verified: 5.00 EUR.",
		},
		{
			"not verified and a break, both below materiality", agreed + "E e2 5 paid - ref=S\nE e3 4 paid 01-05 ref=T", func(s *scene) { s.Materiality = map[string]int64{"EUR": 60_000} }, payout.Explained,
			"1 break is open, together below materiality: 4.00 EUR; 1 item below materiality could not be verified: 5.00 EUR.",
		},
		{"not verified, at materiality", agreed + "E e2 5 paid - ref=S", func(s *scene) { s.Materiality = map[string]int64{"EUR": 50_000} }, payout.NoConclusion, "1 item could not be verified: 5.00 EUR."},
		{"an unreadable row below materiality", agreed + "X S S;4;soon 4", func(s *scene) { s.Materiality = map[string]int64{"EUR": 50_000} }, payout.Reconciled, "Both sources are complete and no break is open; 1 item below materiality could not be verified: 4.00 EUR."},
		{"an unreadable row has no amount", agreed + "X S S;1o", func(s *scene) { s.Materiality = map[string]int64{"EUR": 50_000} }, payout.NoConclusion, "1 item could not be verified: some of unknown amount."},
		{
			"breaks below materiality", agreed + "E e2 5 paid 01-05 ref=S", func(s *scene) { s.Materiality = map[string]int64{"EUR": 50_001} }, payout.Explained,
			"1 break is open, together below materiality: 5.00 EUR.",
		},
		{
			"breaks together at materiality", agreed + "E e2 5 paid 01-05 ref=S\nE e3 5 paid 01-05 ref=T", func(s *scene) { s.Materiality = map[string]int64{"EUR": 100_000} }, payout.NotReconciled,
			"2 breaks are open without a disposition: 10.00 EUR.",
		},
		{
			"breaks of a currency without materiality", agreed + "E e2 5USD paid 01-05 ref=S", func(s *scene) { s.Materiality = map[string]int64{"EUR": 100_000} }, payout.NotReconciled,
			"1 break is open without a disposition: 5.00 USD.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.records(t, c.records)
			if c.set != nil {
				c.set(s)
			}
			r := s.run(t)
			if r.Conclusion != c.want || r.ConclusionWhy != c.why {
				t.Errorf("got %s: %q\nwant %s: %q", r.Conclusion, r.ConclusionWhy, c.want, c.why)
			}
		})
	}
}

func TestTodayIsNeverAGap(t *testing.T) {
	s := newScene(t)
	s.at(t, "2026-01-31T15:00:00Z")
	s.covered(s.Period.From, s.Period.To-1)
	if r := s.run(t); !r.Complete || len(r.Gaps) > 0 {
		t.Errorf("gaps %v", r.Gaps)
	}
}
