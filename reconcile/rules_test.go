package reconcile

import (
	"slices"
	"strings"
	"testing"
)

// ruleCases are the rules, one story each. "want" names every finding.
var ruleCases = []struct {
	name    string
	records string
	set     func(*scene)
	want    string
}{
	{name: "one to one", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-06`, want: `matched p1 e1`},
	{name: "REJECTED 100 then COMPLETED 90 with paid 100", records: `
		P p1 100 REJECTED 01-05
		P p2 90 COMPLETED 01-06
		E e1 100 paid 01-06`, want: `
		amount_mismatch p2 e1
		failed_attempt p1`},
	{name: "+100 -100 with REJECTED", records: `
		P p1 100 REJECTED 01-05
		E e1 100 paid 01-05
		E e2 -100 paid 01-06`, want: `
		failed_attempt p1
		offset_in_ledger e1 e2`},
	{name: "+100 -100 +90 with COMPLETED 90", records: `
		P p1 90 COMPLETED 01-07
		E e1 100 paid 01-05
		E e2 -100 paid 01-06
		E e3 90 paid 01-07`, want: `
		matched p1 e3
		offset_in_ledger e1 e2`},
	{name: "FAILED then COMPLETED is a retry", records: `
		P p1 100 FAILED 01-05
		P p2 100 COMPLETED 01-06
		E e1 100 paid 01-06`, want: `
		failed_attempt p1
		matched p2 e1`},
	{name: "a reversal takes the latest entry before it", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 100 paid 01-07
		E e3 -100 paid 01-08`, want: `
		matched p1 e1
		offset_in_ledger e2 e3`},
	{name: "a reversal before the entry is left over", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 -100 paid 01-04`, want: `
		matched p1 e1
		unmatched_reversal e2`},
	{name: "a negative payout does not agree with a reversal", records: `
		P p1 -100 COMPLETED 01-05
		E e1 -100 paid 01-05`, want: `
		missing_in_ledger p1
		unmatched_reversal e1`},
	{name: "a reversal of another currency is left over", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 -100USD paid 01-06`, want: `
		matched p1 e1
		unmatched_reversal e2`},
	{name: "reversals without dates", records: `
		P p1 90 COMPLETED 01-05
		E e1 100 paid -
		E e2 -100 paid -
		E e3 90 paid -`, want: `
		matched p1 e3
		offset_in_ledger e1 e2`},
	{name: "returned reversal with a COMPLETED payout", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 -100 returned 01-09`, want: `returned p1 e1 e2`},
	{name: "returned reversal with a PENDING payout", records: `
		E e1 100 paid 01-25
		E e2 -100 returned 01-29
		P p1 100 PENDING 01-25`, want: `
		missing_in_ledger p1
		offset_in_ledger e1 e2`},
	{name: "returned reversal, COMPLETED payout of another amount", records: `
		P p1 90 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 -100 returned 01-09`, want: `
		missing_in_ledger p1
		offset_in_ledger e1 e2`},
	{name: "two returns, one payout", records: `
		P p1 100 COMPLETED 01-07
		E e1 100 paid 01-05
		E e2 -100 returned 01-06
		E e3 100 paid 01-07
		E e4 -100 returned 01-08`, want: `
		offset_in_ledger e1 e2
		returned p1 e3 e4`},
	{name: "nearest day wins", records: `
		P p1 100 COMPLETED 01-05
		P p2 100 COMPLETED 01-09
		E e1 100 paid 01-09
		E e2 100 paid 01-06`, want: `
		matched p1 e2
		matched p2 e1`},
	{name: "an undated entry is the farthest", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid -
		E e2 100 paid 01-14`, want: `
		duplicate_ledger_entry e1
		matched p1 e2`},
	{name: "matched cells before others", records: `
		P p1 100 PENDING 02-20T11
		P p2 100 COMPLETED 02-19
		E e1 100 pending 02-19
		E e2 100 paid 02-20`, set: func(s *scene) { s.Period.To += 20 }, want: `
		matched p1 e1
		matched p2 e2`},
	{name: "failed entries come last", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 failed 01-05
		E e2 100 unheard 01-07`, want: `
		not_sent e1
		status_mismatch/unmapped_word p1 e2`},
	{name: "unrecorded outflow", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 failed 01-05`, want: `status_mismatch/unrecorded_outflow p1 e1`},
	{name: "within tolerance", records: `
		P p1 100 COMPLETED 01-05
		E e1 99.99 paid 01-05`, set: func(s *scene) { s.Tolerance = map[string]int64{"EUR": 100} }, want: `matched p1 e1`},
	{name: "beyond tolerance", records: `
		P p1 100 COMPLETED 01-05
		E e1 99.98 paid 01-05`, set: func(s *scene) { s.Tolerance = map[string]int64{"EUR": 100} }, want: `amount_mismatch p1 e1`},
	{name: "tolerance of another currency", records: `
		P p1 100 COMPLETED 01-05
		E e1 99.99 paid 01-05`, set: func(s *scene) { s.Tolerance = map[string]int64{"GBP": 100} }, want: `amount_mismatch p1 e1`},
	{name: "exact before tolerance, smallest difference first", records: `
		P p1 100.00 COMPLETED 01-05
		P p2 100.02 COMPLETED 01-05
		E e1 100.01 paid 01-05
		E e2 100.02 paid 01-09`, set: func(s *scene) { s.Tolerance = map[string]int64{"EUR": 300} }, want: `
		matched p1 e1
		matched p2 e2`},
	{name: "amount differs", records: `
		P p1 100 COMPLETED 01-05
		E e1 90 paid 01-05`, want: `amount_mismatch p1 e1`},
	{name: "one payout, two entries, equal sum", records: `
		P p1 100 COMPLETED 01-05
		E e1 60 paid 01-05
		E e2 40 - 01-06`, want: `matched_group p1 e1 e2`},
	{name: "two payouts, one entry, equal sum", records: `
		P p1 60 COMPLETED 01-05
		P p2 40 COMPLETED 01-06
		E e1 100 paid 01-06`, want: `matched_group p1 p2 e1`},
	{name: "a group within tolerance", records: `
		P p1 60 COMPLETED 01-05
		P p2 40 COMPLETED 01-06
		E e1 100.01 paid 01-06`, set: func(s *scene) { s.Tolerance = map[string]int64{"EUR": 100} }, want: `matched_group p1 p2 e1`},
	{name: "a group by its worst cell", records: `
		P p1 60 COMPLETED 01-05
		P p2 40 PENDING 01-06
		E e1 100 paid 01-06`, set: func(s *scene) { s.StuckAfter = Span{100 * millisDay, spanClock} }, want: `in_flight p1 p2 e1`},
	{name: "a group with an old payout in flight", records: `
		P p1 60 COMPLETED 01-05
		P p2 40 PENDING 01-06
		E e1 100 paid 01-06`, want: `stuck p1 p2 e1`},
	{name: "a group with an unmapped word", records: `
		P p1 100 COMPLETED 01-05
		E e1 60 paid 01-05
		E e2 40 unheard 01-05`, want: `status_mismatch/unmapped_word p1 e1 e2`},
	{name: "a group that falls short", records: `
		P p1 60 COMPLETED 01-05
		P p2 30 COMPLETED 01-06
		E e1 100 paid 01-06`, want: `amount_mismatch p1 p2 e1`},
	{name: "many to many", records: `
		P p1 60 COMPLETED 01-05
		P p2 40 COMPLETED 01-05
		E e1 50 paid 01-05
		E e2 50.50 paid 01-05`, want: `ambiguous p1 p2 e1 e2`},
	{name: "across currencies", records: `
		P p1 60EUR COMPLETED 01-05
		E e1 60USD paid 01-05`, want: `currency_mismatch p1 e1`},
	{name: "across currencies, several", records: `
		P p1 60EUR COMPLETED 01-05
		P p2 60GBP COMPLETED 01-05
		E e1 60USD paid 01-05`, want: `ambiguous p1 p2 e1`},
	{name: "by currency before across", records: `
		P p1 60EUR COMPLETED 01-05
		P p2 60GBP COMPLETED 01-05
		E e1 61EUR paid 01-05
		E e2 60USD paid 01-05`, want: `
		amount_mismatch p1 e1
		currency_mismatch p2 e2`},
	{name: "a payout without an amount", records: `
		P p1 ? COMPLETED 01-05
		E e1 60EUR paid 01-05`, want: `currency_mismatch p1 e1`},
	{name: "a second payout", records: `
		P p1 100 COMPLETED 01-05
		P p2 100 COMPLETED 01-06
		E e1 100 paid 01-05`, want: `
		duplicate_payout p2
		matched p1 e1`},
	{name: "a second payout to another payee", records: `
		P p1 100 COMPLETED 01-05 acct=A
		P p2 100 COMPLETED 01-06 acct=B
		E e1 100 paid 01-05
		E e2 1 paid 01-06 ref=O
		P p9 1 COMPLETED 01-06 ref=O`, want: `
		matched p1 e1
		matched p9 e2
		missing_in_ledger p2`},
	{name: "a second payout to a payee not known", records: `
		P p1 100 COMPLETED 01-05 acct=A
		P p2 100 COMPLETED 01-06
		E e1 100 paid 01-05`, want: `
		duplicate_payout p2
		matched p1 e1`},
	{name: "unpaired twins: the first is missing", records: `
		P p1 100 COMPLETED 01-06
		P p2 100 PENDING 01-05
		P p3 100 COMPLETED 01-07
		E e1 1 paid 01-01 ref=OTHER
		P p9 1 COMPLETED 01-01 ref=OTHER
		E e9 1 paid 01-31 ref=LAST
		P p8 1 COMPLETED 01-31 ref=LAST`, want: `
		duplicate_payout p1
		duplicate_payout p3
		matched p8 e9
		matched p9 e1
		missing_in_ledger p2`},
	{name: "a dead payout is nobody's twin", records: `
		P p1 100 REJECTED 01-05
		P p2 100 COMPLETED 01-06
		E e1 1 paid 01-01 ref=O1
		P p9 1 COMPLETED 01-01 ref=O1
		E e2 1 paid 01-31 ref=O2
		P p8 1 COMPLETED 01-31 ref=O2`, want: `
		failed_attempt p1
		matched p8 e2
		matched p9 e1
		missing_in_ledger p2`},
	{name: "one reference, another amount later, is no duplicate", records: `
		P p1 100 COMPLETED 01-05
		P p2 101 COMPLETED 01-06
		E e1 100 paid 01-05
		E e2 1 paid 01-31 ref=O2
		P p8 1 COMPLETED 01-31 ref=O2`, want: `
		matched p1 e1
		matched p8 e2
		missing_in_ledger p2`},
	{name: "booked as paid, payout failed", records: `
		P p1 100 REJECTED 01-05
		E e1 100 paid 01-05`, want: `status_mismatch/booked_as_paid p1 e1`},
	{name: "booked as paid, payout of another sum failed", records: `
		P p1 100 REJECTED 01-05
		E e1 90 paid 01-05`, want: `status_mismatch/booked_as_paid p1 e1`},
	{name: "booked takes the dead payout before a failed entry of another sum", records: `
		P p1 100 REJECTED 01-05
		E e1 90 failed 01-05
		E e2 80 paid 01-09`, want: `
		not_sent e1
		status_mismatch/booked_as_paid p1 e2`},
	{name: "equal amount first, though farther", records: `
		P p1 100 REJECTED 01-05
		P p2 90 REJECTED 01-09
		E e1 90 paid 01-05
		E e2 70 paid 01-05`, want: `
		status_mismatch/booked_as_paid p1 e2
		status_mismatch/booked_as_paid p2 e1`},
	{name: "dead payouts, the latest first", records: `
		P p1 100 REJECTED 01-05T01
		P p2 100 REJECTED 01-05T02
		E e1 100 failed 01-05`, want: `
		failed_attempt p1
		matched p2 e1`},
	{name: "failed entry with a dead payout of another sum", records: `
		P p1 100 REJECTED 01-05
		E e1 90 failed 01-05`, want: `failed_attempt p1 e1`},
	{name: "failed entry, nothing sent", records: `
		E e1 90 failed 01-05`, want: `not_sent e1`},
	{name: "the same entry twice", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 100 paid 01-06`, want: `
		duplicate_ledger_entry e2
		matched p1 e1`},
	{name: "the same entry twice without a payout", records: `
		E e1 100 paid 01-05
		E e2 100 paid 01-06`, want: `
		duplicate_ledger_entry e2
		missing_at_provider e1`},
	{name: "another class is no twin", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 100 - 01-05`, want: `
		amount_mismatch e2
		matched p1 e1`},
	{name: "an offset entry is nobody's twin", records: `
		E e1 100 paid 01-05
		E e2 -100 paid 01-06
		E e3 100 paid 01-07`, want: `
		missing_at_provider e3
		offset_in_ledger e1 e2`},
	{name: "a fee on a paid reference", records: `
		P p1 100 COMPLETED 01-05
		E e1 100 paid 01-05
		E e2 1.50 paid 01-05 text=fee`, want: `
		amount_mismatch e2
		matched p1 e1`},
	{name: "no fee without a live pair", records: `
		P p1 100 REJECTED 01-05
		E e1 100 failed 01-05
		E e2 1.50 paid 01-05 text=fee`, want: `
		matched p1 e1
		missing_at_provider e2`},
	{name: "a rent reference reused a year later, paid", records: `
		P p1 100 COMPLETED 2025-01-05
		P p2 100 COMPLETED 2026-01-05
		E e1 100 paid 2026-01-05`, want: `matched p2 e1`},
	{name: "a rent reference reused a year later, not paid", records: `
		P p1 100 COMPLETED 2025-01-05
		E e1 100 paid 2026-01-05`, want: `missing_at_provider e1`},
	{name: "one sub-member's reference is not another's", records: `
		P p1 100 COMPLETED 01-05 obo=a
		P p2 100 COMPLETED 01-05 obo=b
		E e1 100 paid 01-05 obo=b
		E e2 100 paid 01-05 obo=a`, want: `
		matched p1 e2
		matched p2 e1`},
	{name: "without the column sub-members share a reference", records: `
		P p1 100 COMPLETED 01-05 obo=a
		P p2 90 COMPLETED 01-05 obo=b
		E e1 90 paid 01-05
		E e2 100 paid 01-05`, want: `
		matched p1 e2
		matched p2 e1`},
	{name: "blank references match nothing", records: `
		P p1 100 COMPLETED 01-05 ref=
		P p2 100 COMPLETED 01-05 ref=N/A
		P p3 100 FAILED 01-05 ref=-
		E e1 5 paid 01-05
		P p4 5 COMPLETED 01-05`, want: `
		failed_attempt p3
		matched p4 e1
		missing_in_ledger p1
		missing_in_ledger p2`},
	{name: "case is kept", records: `
		P p1 100 COMPLETED 01-05 ref=abc
		E e1 100 paid 01-05 ref=ABC`, want: `
		missing_at_provider e1
		missing_in_ledger p1`},
	{name: "case is folded when asked for", records: `
		P p1 100 COMPLETED 01-05 ref=abc
		E e1 100 paid 01-05 ref=ABC`, set: func(s *scene) { s.CaseInsensitive = true }, want: `matched p1 e1`},
	{name: "white space is trimmed", records: `
		P p1 100 COMPLETED 01-05 ref=R_
		E e1 100 paid 01-05 ref=_R`, want: `matched p1 e1`},
	{name: "a rejected row bears the reference", records: `
		P p1 100 COMPLETED 01-05
		P p2 100 COMPLETED 02-20
		E e1 1 paid 01-05 ref=O
		P p9 1 COMPLETED 01-05 ref=O
		X R R;1o
		X "" ;2o`, want: `
		matched p9 e1
		rejected_row ;2o
		rejected_row R;1o p1`},
	{name: "a rejected row before timing", records: `
		P p1 100 COMPLETED 01-05
		X R R;1o`, set: func(s *scene) { s.AsOf = s.Period.From.Start().AddDate(0, 0, 4).Add(11 * 3600e9) }, want: `
		rejected_row R;1o p1`},
	{name: "beyond the extract", records: `
		P p1 100 COMPLETED 01-30
		E e1 1 paid 01-05 ref=O
		P p9 1 COMPLETED 01-05 ref=O`, want: `
		matched p9 e1
		not_in_extract p1`},
	{name: "a ledger without dates reaches everywhere", records: `
		P p1 100 COMPLETED 01-30
		E e1 1 paid - ref=O
		P p9 1 COMPLETED 01-05 ref=O`, want: `
		matched p9 e1
		missing_in_ledger p1`},
	{name: "an extract without entries reaches nowhere", records: `
		P p1 100 COMPLETED 01-30`, want: `not_in_extract p1`},
	{name: "a young payout beyond the extract is timing", records: `
		P p1 100 COMPLETED 01-30
		E e1 1 paid 01-05 ref=O
		P p9 1 COMPLETED 01-05 ref=O`, set: func(s *scene) { s.AsOf = s.Period.To.Start() }, want: `
		matched p9 e1
		timing p1`},
	{name: "out of the period, unmatched: not reported", records: `
		P p1 100 COMPLETED 2025-12-20
		E e1 1 paid 2025-12-20 ref=O`, want: ``},
	{name: "across the period's edge: shown whole", records: `
		P p1 100 COMPLETED 2025-12-31
		E e1 100 paid 01-01`, want: `matched p1 e1`},
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.records(t, c.records)
			if c.set != nil {
				c.set(s)
			}
			r := s.run(t)
			if got, want := s.briefs(r), wantLines(c.want); !slices.Equal(got, sortedWords(want)) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(sortedWords(want), "\n\t"))
			}
		})
	}
}

// sortedWords sorts the names after the outcome, as brief does.
func sortedWords(lines []string) []string {
	for i, line := range lines {
		words := strings.Fields(line)
		slices.Sort(words[1:])
		lines[i] = strings.Join(words, " ")
	}
	slices.Sort(lines)
	return lines
}
