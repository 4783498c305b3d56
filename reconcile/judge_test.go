package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

// TestStatusMatrix has every cell of the table, once young and once old: the payout is an hour or ten days old at the as-of
// instant.
func TestStatusMatrix(t *testing.T) {
	cells := []struct{ word, status, young, old string }{
		{"paid", "COMPLETED", "matched", "matched"},
		{"paid", "PENDING", "in_flight", "stuck"},
		{"paid", "PROCESSING", "in_flight", "stuck"},
		{"paid", "REJECTED", "timing", "status_mismatch/booked_as_paid"},
		{"paid", "FAILED", "timing", "status_mismatch/booked_as_paid"},
		{"paid", "NEW_STATUS", "status_mismatch/unknown_status", "status_mismatch/unknown_status"},
		{"-", "COMPLETED", "matched", "matched"},
		{"-", "PENDING", "in_flight", "stuck"},
		{"-", "PROCESSING", "in_flight", "stuck"},
		{"-", "REJECTED", "timing", "status_mismatch/booked_as_paid"},
		{"-", "FAILED", "timing", "status_mismatch/booked_as_paid"},
		{"-", "NEW_STATUS", "status_mismatch/unknown_status", "status_mismatch/unknown_status"},
		{"pending", "COMPLETED", "timing", "status_mismatch/ledger_lags"},
		{"pending", "PENDING", "matched", "stuck"},
		{"pending", "PROCESSING", "matched", "stuck"},
		{"pending", "REJECTED", "timing", "status_mismatch/still_pending"},
		{"pending", "FAILED", "timing", "status_mismatch/still_pending"},
		{"pending", "NEW_STATUS", "status_mismatch/unknown_status", "status_mismatch/unknown_status"},
		{"failed", "COMPLETED", "status_mismatch/unrecorded_outflow", "status_mismatch/unrecorded_outflow"},
		{"failed", "PENDING", "status_mismatch/may_still_pay", "status_mismatch/may_still_pay"},
		{"failed", "PROCESSING", "status_mismatch/may_still_pay", "status_mismatch/may_still_pay"},
		{"failed", "REJECTED", "matched", "matched"},
		{"failed", "FAILED", "matched", "matched"},
		{"failed", "NEW_STATUS", "status_mismatch/unknown_status", "status_mismatch/unknown_status"},
		{"returned", "COMPLETED", "returned", "returned"},
		{"returned", "PENDING", "status_mismatch/returned_not_paid", "status_mismatch/returned_not_paid"},
		{"returned", "PROCESSING", "status_mismatch/returned_not_paid", "status_mismatch/returned_not_paid"},
		{"returned", "REJECTED", "status_mismatch/returned_not_paid", "status_mismatch/returned_not_paid"},
		{"returned", "FAILED", "status_mismatch/returned_not_paid", "status_mismatch/returned_not_paid"},
		{"returned", "NEW_STATUS", "status_mismatch/unknown_status", "status_mismatch/unknown_status"},
		{"gebucht", "COMPLETED", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
		{"gebucht", "PENDING", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
		{"gebucht", "PROCESSING", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
		{"gebucht", "REJECTED", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
		{"gebucht", "FAILED", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
		{"gebucht", "NEW_STATUS", "status_mismatch/unmapped_word", "status_mismatch/unmapped_word"},
	}
	for _, c := range cells {
		for _, age := range []struct {
			name string
			asOf string
			want string
		}{{"young", "2026-01-15T11:00:00Z", c.young}, {"old", "2026-01-25T10:00:00Z", c.old}} {
			t.Run(c.word+" x "+c.status+" "+age.name, func(t *testing.T) {
				s := newScene(t)
				s.at(t, age.asOf)
				s.records(t, fmt.Sprintf("P p1 100 %s 01-15T10\nE e1 100 %s 01-15", c.status, c.word))
				if got, want := s.briefs(s.run(t)), []string{age.want + " e1 p1"}; !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			})
		}
	}
}

func (s *scene) at(t testing.TB, text string) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	s.AsOf = at
}

func mustSpan(t testing.TB, text string) Span {
	t.Helper()
	s, err := ParseSpan(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSpans(t *testing.T) {
	holidays := []payout.Day{ymd(t, "2026-01-06")} // a Tuesday
	for _, c := range []struct{ from, span, want string }{
		{"2026-01-10T10:00:00Z", "1bd", "2026-01-13T00:00:00Z"}, // Saturday 10:00 + 1bd = Tuesday 00:00
		{"2026-01-09T10:00:00Z", "1bd", "2026-01-12T10:00:00Z"}, // Friday to Monday
		{"2026-01-09T00:00:00Z", "1bd", "2026-01-10T00:00:00Z"},
		{"2026-01-05T10:00:00Z", "1bd", "2026-01-07T10:00:00Z"}, // over a holiday
		{"2026-01-05T10:00:00Z", "2bd", "2026-01-08T10:00:00Z"},
		{"2026-01-10T10:00:00Z", "0bd", "2026-01-10T10:00:00Z"},
		{"2026-01-10T10:00:00Z", "3d", "2026-01-13T10:00:00Z"},
		{"2026-01-10T10:00:00Z", "90m", "2026-01-10T11:30:00Z"},
		{"1969-12-27T10:00:00Z", "1bd", "1969-12-30T00:00:00Z"}, // before 1970, too
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		got := newCalendar(holidays).after(payout.MillisOf(from), mustSpan(t, c.span)).String()
		if got != c.want {
			t.Errorf("%s + %s = %s, want %s", c.from, c.span, got, c.want)
		}
	}
	for _, text := range []string{"", "d", "bd", "-1d", "-1h", "1.5d", "1w", "36501d", "876001h", "3 d", "+3d", "1e3h"} {
		if s, err := ParseSpan(text); err == nil {
			t.Errorf("ParseSpan(%q) = %s, want an error", text, s)
		}
	}
	for _, text := range []string{"24h", "3d", "2bd", "0h", "1h30m0s", "500ms"} {
		s := mustSpan(t, text)
		if back := mustSpan(t, s.String()); back != s || s.IsZero() {
			t.Errorf("%q prints as %q", text, s)
		}
	}
}

func TestTiming(t *testing.T) {
	const quiet = "E e9 1 paid 2026-01-01 ref=Q\nP p9 1 COMPLETED 2026-01-01 ref=Q\nE e8 1 paid 2026-01-31 ref=Q2\nP p8 1 COMPLETED 2026-01-31 ref=Q2\n"
	for _, c := range []struct{ name, records, asOf, want string }{
		{"missing in the ledger, one millisecond before grace is over", "P p1 100 COMPLETED 01-07T10", "2026-01-08T09:59:59.999Z", "timing p1"},
		{"missing in the ledger, grace over", "P p1 100 COMPLETED 01-07T10", "2026-01-08T10:00:00Z", "missing_in_ledger p1"},
		{"over a weekend", "P p1 100 COMPLETED 01-09T10", "2026-01-12T09:00:00Z", "timing p1"},
		{"counts from the last status change", "P p1 100 COMPLETED 01-05T10 changed=01-07T10", "2026-01-08T09:00:00Z", "timing p1"},
		{"duplicates are not timing", "P p1 100 COMPLETED 01-07T10\nP p2 100 COMPLETED 01-07T11\nE e1 100 paid 01-07", "2026-01-07T12:00:00Z", "duplicate_payout p2|matched e1 p1"},
		{"ledger lags counts from the status change", "P p1 100 COMPLETED 01-05T10 changed=01-07T10\nE e1 100 pending 01-05", "2026-01-08T09:00:00Z", "timing e1 p1"},
		{"booked, payout failed with another sum", "P p1 100 FAILED 01-07T10\nE e1 90 paid 01-07", "2026-01-08T09:00:00Z", "timing e1 p1"},
		{"missing at the provider, from the end of the day", "E e1 100 paid 01-07", "2026-01-08T23:59:59Z", "timing e1"},
		{"missing at the provider, grace over", "E e1 100 paid 01-07", "2026-01-09T00:00:00Z", "missing_at_provider e1"},
		{"a pending entry waits until stuck_after past its day", "E e1 100 pending 01-07", "2026-01-10T23:59:59Z", "timing e1"},
		{"a pending entry, over", "E e1 100 pending 01-07", "2026-01-11T00:00:00Z", "missing_at_provider e1"},
		{"a future-dated entry", "E e1 100 paid 01-20", "2026-01-09T00:00:00Z", "timing e1"},
		{"in flight at exactly stuck_after", "P p1 100 PENDING 01-07T10\nE e1 100 paid 01-07", "2026-01-10T10:00:00Z", "in_flight e1 p1"},
		{"in flight, past it", "P p1 100 PENDING 01-07T10\nE e1 100 paid 01-07", "2026-01-10T10:00:00.001Z", "stuck e1 p1"},
		{"stuck counts from creation, whatever changed", "P p1 100 PROCESSING 01-07T10 changed=01-10T09\nE e1 100 paid 01-07", "2026-01-10T11:00:00Z", "stuck e1 p1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.at(t, c.asOf)
			s.records(t, c.records+"\n"+quiet)
			got := slices.DeleteFunc(s.briefs(s.run(t)), func(line string) bool { return strings.HasSuffix(line, "e9 p9") || strings.HasSuffix(line, "e8 p8") })
			if want := strings.Split(c.want, "|"); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestTimingInTheLedgersZone(t *testing.T) {
	s := newScene(t)
	s.Ledger.Timezone = "America/New_York"
	s.at(t, "2026-01-09T04:59:59Z") // the ledger's 7 January ended at 05:00 UTC on the 8th
	s.records(t, "E e1 100 paid 01-07")
	if got := s.briefs(s.run(t)); got[0] != "timing e1" {
		t.Errorf("got %q, want timing", got)
	}
}

func TestSeverity(t *testing.T) {
	for _, c := range []struct{ name, records, want string }{
		{"duplicate payout", "P p1 100 COMPLETED 01-05\nP p2 100 PENDING 01-05\nE e1 100 - 01-05", "p2 critical 100.00 EUR"},
		{"unrecorded outflow", "P p1 100 COMPLETED 01-05\nE e1 100 failed 01-05", "p1 critical 100.00 EUR"},
		{"completed, missing in the ledger", "P p1 100 COMPLETED 01-05\nE e1 5 failed 01-05", "p1 critical 100.00 EUR"},
		{"pending, missing in the ledger", "P p1 100 PENDING 01-05\nE e1 5 failed 01-05", "p1 high 100.00 EUR"},
		{"missing at the provider", "E e1 100 paid 01-05", "e1 high 100.00 EUR"},
		{"booked as paid", "P p1 100 FAILED 01-05\nE e1 100 paid 01-05", "p1 high 100.00 EUR"},
		{"failed x in flight", "P p1 100 PENDING 01-05\nE e1 100 failed 01-05", "p1 high 100.00 EUR"},
		{"amount", "P p1 100 COMPLETED 01-05\nE e1 90 paid 01-05", "p1 high 10.00 EUR"},
		{"amount of a group", "P p1 100 COMPLETED 01-05\nE e1 50 paid 01-05\nE e2 45 paid 01-05", "p1 high 5.00 EUR"},
		{"an added entry", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 3 paid 01-05", "e2 high 3.00 EUR"},
		{"currency", "P p1 100 COMPLETED 01-05\nE e1 120USD paid 01-05", "p1 high 120.00 USD"},
		{"duplicate entry", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 paid 01-05", "e2 high 100.00 EUR"},
		{"reversal", "E e1 -100 paid 01-05", "e1 high 100.00 EUR"},
		{"ambiguous", "P p1 60 COMPLETED 01-05\nP p2 70 COMPLETED 01-05\nE e1 50 paid 01-05\nE e2 55 paid 01-05", "p1 high 130.00 EUR"},
		{"ledger lags", "P p1 100 COMPLETED 01-05\nE e1 100 pending 01-05", "p1 medium 100.00 EUR"},
		{"still pending", "P p1 100 FAILED 01-05\nE e1 100 pending 01-05", "p1 medium 100.00 EUR"},
		{"stuck", "P p1 100 PENDING 01-05\nE e1 100 paid 01-05", "p1 medium 100.00 EUR"},
		{"unmapped", "P p1 100 COMPLETED 01-05\nE e1 100 gebucht 01-05", "p1 medium 100.00 EUR"},
		{"returned, not paid", "P p1 100 PENDING 01-05\nE e1 100 returned 01-05", "p1 medium 100.00 EUR"},
		{"unreadable", "X R R;1o", "R;1o medium 0.00 ?"},
		{"unreadable, of a known amount", "X R R;5;soon 5", "R;5;soon medium 5.00 EUR"},
		{"unreadable and material", "X R R;1000;soon -1000", "R;1000;soon high 1000.00 EUR"},
		{"unreadable and trivial", "X R R;1;soon 1", "R;1;soon low 1.00 EUR"},
		{"not in the extract", "P p1 100 COMPLETED 01-05", "p1 low 100.00 EUR"},
		{"not fetched", "E e1 100 paid -", "e1 low 100.00 EUR"},
		{"material: one step up", "P p1 1000 PENDING 01-05\nE e1 1000 paid 01-05", "p1 high 1000.00 EUR"},
		{"material and critical", "P p1 1000 COMPLETED 01-05\nE e1 1000 failed 01-05", "p1 critical 1000.00 EUR"},
		{"material and not verified", "E e1 1000 paid -", "e1 medium 1000.00 EUR"},
		{"trivial", "P p1 1 COMPLETED 01-05\nE e1 1 failed 01-05", "p1 low 1.00 EUR"},
		{"a trivial difference of large amounts", "P p1 5000 COMPLETED 01-05\nE e1 4999 paid 01-05", "p1 low 1.00 EUR"},
		{"at trivial", "P p1 2 COMPLETED 01-05\nE e1 2 failed 01-05", "p1 critical 2.00 EUR"},
		{"a trivial duplicate", "P p1 1 COMPLETED 01-05\nP p2 1 COMPLETED 01-05\nE e1 1 paid 01-05", "p2 critical 1.00 EUR"},
		{"another currency's limits", "P p1 1000USD PENDING 01-05\nE e1 1000USD paid 01-05", "p1 medium 1000.00 USD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.Materiality = map[string]int64{"EUR": 1000_0000}
			s.Trivial = map[string]int64{"EUR": 2_0000}
			s.records(t, c.records)
			r := s.run(t)
			if len(r.Items) != 1 {
				t.Fatalf("%d items, want one", len(r.Items))
			}
			item := &r.Items[0]
			name := strings.Fields(brief(&item.Finding))
			first := name[len(name)-1]
			for _, n := range name[1:] {
				if strings.HasPrefix(n, "p") {
					first = n
					break
				}
			}
			if got := fmt.Sprintf("%s %s %s", first, item.Severity, item.Exposure); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
