package reconcile

import (
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
)

func TestWhy(t *testing.T) {
	const quiet = "E x1 1 paid 2026-01-01 ref=X\nP y1 1 COMPLETED 2026-01-01 ref=X\nE x2 1 paid 2026-01-31 ref=Y\nP y2 1 COMPLETED 2026-01-31 ref=Y\n"
	for _, c := range []struct {
		name, records string
		set           func(*testing.T, *scene)
		want          []string
	}{
		{"missing in the ledger", "P p1 100 COMPLETED 01-05 payee=ACME_Ltd", nil, []string{
			"The provider has payout p1 of 100.00 EUR to ACME Ltd (created 2026-01-05, initiation completed); the ledger, which covers 2026-01-01 to 2026-01-31, has no entry left for reference R; find out who initiated it and book it; do not pay reference R again before that is known.",
		}},
		{"missing in the ledger, in flight", "P p1 100 PENDING 01-05", nil, []string{
			"The provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation pending); the ledger, which covers 2026-01-01 to 2026-01-31, has no entry left for reference R; book it if it was meant; do not pay reference R again before its status is final.",
		}},
		{"no reference", "P p1 100 COMPLETED 01-05 ref=", nil, []string{
			"The provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed); it bears no reference, so no ledger entry can answer it; find out who initiated it and book it; do not pay this payee again before that is known.",
		}},
		{"missing at the provider, asked", "E e1 100 paid 01-15", func(_ *testing.T, s *scene) { s.Provider = &provider{} }, []string{
			"The ledger has 100.00 EUR (dated 2026-01-15, paid, document e1) for reference R and no payout answers it: asked for this reference on 2026-02-20, the provider has no such payout; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left.",
		}},
		{"missing at the provider, complete", "E e1 100 - 01-15", nil, []string{
			"The ledger has 100.00 EUR (dated 2026-01-15, document e1) for reference R and no payout answers it: the mirror is complete from 2026-01-05 to 2026-01-25 and has none; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left.",
		}},
		{"not fetched", "E e1 100 paid -", nil, []string{
			"The ledger has 100.00 EUR (without a date, paid, document e1) for reference R and no payout was found: the provider was not asked and the entry has no date; sync the missing days or reconcile online; do not pay reference R again before the provider has answered.",
		}},
		{"not in the extract", "P p1 100 COMPLETED 01-05", func(t *testing.T, s *scene) {
			s.reach = &payout.Period{From: ymd(t, "2026-01-06"), To: ymd(t, "2026-01-31")}
			s.rows = s.rows[len(s.rows)-1:]
			s.entries = nil
		}, []string{
			"Payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) is of a day that the ledger extract, which covers 2026-01-06 to 2026-01-31, does not cover; export the ledger for that day and reconcile again.",
		}},
		{"amount", "P p1 100 COMPLETED 01-05\nE e1 90 paid 01-06", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 90.00 EUR (dated 2026-01-06, paid, document e1): the provider is over the ledger by 10.00 EUR; correct the ledger or claim the difference; do not pay reference R again before it is explained.",
		}},
		{"a group falls short", "P p1 60 COMPLETED 01-05\nP p2 30 COMPLETED 01-07\nE e1 100 paid 01-06", nil, []string{
			"For reference R the provider has 2 payouts (p1, p2) of together 90.00 EUR (created 2026-01-05 to 2026-01-07) and the ledger 100.00 EUR (dated 2026-01-06, paid, document e1): the provider is short of the ledger by 10.00 EUR; correct the ledger or claim the difference; do not pay reference R again before it is explained.",
		}},
		{"a group that completed in part", "P p1 60 COMPLETED 01-05\nP p2 40 PROCESSING 01-06\nE e1 100 pending 01-12", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-12, pending, document e1) and the provider 2 payouts (p1, p2) of together 100.00 EUR (created 2026-01-05 to 2026-01-06): ledger lags, payout completed; of these p1 of 60.00 EUR completed so far, and p2 of 40.00 EUR did not; wait until all of them are final before marking the entry as paid; do not pay reference R again before they are final.",
		}},
		{"a group of which one payout may stay", "P p1 50 COMPLETED 01-05\nP p2 30 PROCESSING 01-05 reason=stays\nP p3 20 COMPLETED 01-06\nE e1 100 pending 01-12", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-12, pending, document e1) and the provider 3 payouts (p1, p2, p3) of together 100.00 EUR (created 2026-01-05 to 2026-01-06): ledger lags, payout completed; of these p1, p3 of together 70.00 EUR completed so far, and p2 of 30.00 EUR did not; wait until all of them are final, or ask the provider for their fate if the bank's reason rules that out, before marking the entry as paid; do not pay reference R again before their fate is known.",
		}},
		{"a group that completed", "P p1 60 COMPLETED 01-05\nP p2 40 COMPLETED 01-06\nE e1 100 pending 01-12", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-12, pending, document e1) and the provider 2 payouts (p1, p2) of together 100.00 EUR (created 2026-01-05 to 2026-01-06): ledger lags, payout completed; mark the entry as paid.",
		}},
		{"the bank's reason", "P p1 100 REJECTED 01-05 bank=RJCT reason=Closed_account\nE e1 100 paid 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank, bank status RJCT, the bank's reason: \"Closed account\"): booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed.",
		}},
		{"completed once, and failed since", "P p1 100 FAILED 01-05 was=COMPLETED changed=01-09\nE e1 100 paid 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation failed, shown as initiation completed before 2026-01-09): booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and the provider has confirmed that no money left.",
		}},
		{"failed once, and completed since", "P p1 100 COMPLETED 01-05 was=FAILED changed=01-09\nE e1 100 failed 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, failed, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation completed, shown as initiation failed before 2026-01-09): unrecorded outflow: failed in the ledger, payout completed; book the outflow; do not pay reference R again: payout p1 completed.",
		}},
		{"an added entry", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 3 paid 01-06", nil, []string{
			"The ledger has 3.00 EUR (dated 2026-01-06, paid, document e2) for reference R beside what agrees with payout p1 of 100.00 EUR (created 2026-01-05, initiation completed), perhaps a fee; book a fee under a reference of its own, or reverse the entry.",
		}},
		{"an added entry, in a later episode of its reference", "P p0 100 COMPLETED 2025-11-05\nE e0 100 paid 2025-11-05\nP p1 120 COMPLETED 01-05\nE e1 120 paid 01-05\nE e2 3 paid 01-06", nil, []string{
			"The ledger has 3.00 EUR (dated 2026-01-06, paid, document e2) for reference R beside what agrees with payout p1 of 120.00 EUR (created 2026-01-05, initiation completed), perhaps a fee; book a fee under a reference of its own, or reverse the entry.",
		}},
		{"an added entry that the ledger calls returned", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 returned 01-06", nil, []string{
			"The ledger has 100.00 EUR (dated 2026-01-06, returned, document e2) for reference R beside what agrees with payout p1 of 100.00 EUR (created 2026-01-05, initiation completed), and calls it returned; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and it is clear that no other payout of this reference, such as payout p1, paid it.",
		}},
		{"an added entry larger than what agrees", "P p1 90 COMPLETED 01-05\nE e1 90 paid 01-05\nE e2 100 pending 01-06", nil, []string{
			"The ledger has 100.00 EUR (dated 2026-01-06, pending, document e2) for reference R beside what agrees with payout p1 of 90.00 EUR (created 2026-01-05, initiation completed); find out what it is for, and correct or reverse it; do not pay reference R again before that is known.",
		}},
		{"an added entry of another currency", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 3USD paid 01-06", nil, []string{
			"The ledger has 3.00 USD (dated 2026-01-06, paid, document e2) for reference R beside what agrees with payout p1 of 100.00 EUR (created 2026-01-05, initiation completed); find out what it is for, and correct or reverse it; do not pay reference R again before that is known.",
		}},
		{"an added entry beside a break", "P p1 100 COMPLETED 01-05\nE e1 100 failed 01-05\nE e2 90 paid 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, failed, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation completed): unrecorded outflow: failed in the ledger, payout completed; book the outflow; do not pay reference R again: payout p1 completed.",
			"The ledger has 90.00 EUR (dated 2026-01-05, paid, document e2) for reference R on top of what it holds against payout p1 of 100.00 EUR (created 2026-01-05, initiation completed); find out what it is for, and correct or reverse it; do not pay reference R again before that is known.",
		}},
		{"an added entry beside an overdue payout", "P p1 80 PROCESSING 01-05\nE e1 80 paid 01-05\nE e2 3 paid 01-05", nil, []string{
			"The ledger has 3.00 EUR (dated 2026-01-05, paid, document e2) for reference R on top of what it holds against payout p1 of 80.00 EUR (created 2026-01-05, initiation processing at the bank); find out what it is for, and correct or reverse it; do not pay reference R again before that is known.",
			"For reference R the provider has payout p1 of 80.00 EUR (created 2026-01-05, initiation processing at the bank) and the ledger 80.00 EUR (dated 2026-01-05, paid, document e1): in flight for 46 days, longer than 72h; ask the provider for its fate; do not pay reference R again before its status is final.",
		}},
		{"an added entry, days missing", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 3 paid 01-06", func(t *testing.T, s *scene) { s.covered(ymd(t, "2026-01-02"), ymd(t, "2026-02-20")) }, []string{
			"The ledger has 3.00 EUR (dated 2026-01-06, paid, document e2) for reference R beside what agrees with payout p1 of 100.00 EUR (created 2026-01-05, initiation completed), and no payout is left for it: the provider was not asked for this reference and the mirror is not complete from 2025-12-27 to 2026-01-16; sync the missing days; do not pay reference R again before the mirror is complete from 2025-12-27 on.",
		}},
		{"currency", "P p1 100 COMPLETED 01-05\nE e1 100USD paid 01-05", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 USD (dated 2026-01-05, paid, document e1): the currencies differ; correct the ledger's currency; do not pay reference R again before it is explained.",
		}},
		{"a duplicate payout", "P p1 100 COMPLETED 01-05\nP p2 100 COMPLETED 01-06\nE e1 100 paid 01-05", nil, []string{
			"Payout p2 of 100.00 EUR (created 2026-01-06, initiation completed) repeats payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) of reference R: same reference, currency and amount, payee not known to differ; find out whether both were meant and recall one if not; do not pay reference R again before that is settled.",
		}},
		{"a duplicate entry", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 paid 01-06", nil, []string{
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more often than there are payouts: there is payout p1 of 100.00 EUR (created 2026-01-05, initiation completed); reverse the second booking; do not pay reference R again: payout p1 completed.",
		}},
		{"a reversal", "E e1 -100 paid 01-05", nil, []string{
			"The ledger has the reversal -100.00 EUR (dated 2026-01-05, paid, document e1) for reference R and no entry of that amount is left that it could cancel; find the entry that it reverses, or correct it; do not pay reference R again before that is settled.",
		}},
		{"a duplicate entry, days missing", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 100 paid 01-06", func(t *testing.T, s *scene) { s.covered(ymd(t, "2026-01-02"), ymd(t, "2026-02-20")) }, []string{
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more than once, and no payout is left for this one: the provider was not asked for this reference and the mirror is not complete from 2025-12-27 to 2026-01-16; there is payout p1 of 100.00 EUR (created 2026-01-05, initiation completed); sync the missing days; do not pay reference R again: payout p1 completed.",
		}},
		{"a duplicate entry, today is no gap", "P p1 100 COMPLETED 01-25\nE e1 100 paid 01-25\nE e2 100 paid 01-26", func(t *testing.T, s *scene) {
			s.at(t, "2026-01-28T12:00:00Z")
			s.covered(ymd(t, "2026-01-02"), ymd(t, "2026-01-27"))
		}, []string{
			"The ledger has 100.00 EUR (dated 2026-01-26, paid, document e2) for reference R more often than there are payouts: there is payout p1 of 100.00 EUR (created 2026-01-25, initiation completed); reverse the second booking; do not pay reference R again: payout p1 completed.",
		}},
		{"a duplicate entry, without a date", "P p1 100 PENDING 01-05\nE e1 100 pending 01-05\nE e2 100 pending -", func(t *testing.T, s *scene) { s.at(t, "2026-01-06T12:00:00Z") }, []string{
			"The ledger has 100.00 EUR (without a date, pending, document e2) for reference R more than once, and no payout is left for this one: the provider was not asked for this reference and the entry has no date; there is payout p1 of 100.00 EUR (created 2026-01-05, initiation pending); give the entry a date and reconcile again; do not pay reference R again: payout p1 may still pay out.",
		}},
		{"a reversal of what is cancelled", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 -100 returned 01-06\nE e3 -100 paid 01-07", nil, []string{
			"The ledger has the reversal -100.00 EUR (dated 2026-01-07, paid, document e3) for reference R and no entry of that amount is left that it could cancel; find the entry that it reverses, or correct it; do not pay reference R again before that is settled and it is clear that no other payout of this reference, such as payout p1 of 100.00 EUR (created 2026-01-05, initiation completed), paid it.",
		}},
		{"a completed payout whose booking was reversed", "P p1 67.70 COMPLETED 01-05\nE e1 67.70 paid 01-05\nE e2 -67.70 paid 01-06", nil, []string{
			"The provider has payout p1 of 67.70 EUR (created 2026-01-05, initiation completed); the ledger, which covers 2026-01-01 to 2026-01-31, has no entry left for reference R: it has 67.70 EUR (dated 2026-01-05, paid, document e1) and -67.70 EUR (dated 2026-01-06, paid, document e2), which cancel each other (lines 4 and 5); find out why it was reversed, and undo that, or call the reversal returned if the money came back; do not pay reference R again before that is known.",
		}},
		{"a payout whose booking of another amount was reversed", "P p1 67.70 PENDING 01-05\nE e1 67 paid 01-05\nE e2 -67 paid 01-06", nil, []string{
			"The provider has payout p1 of 67.70 EUR (created 2026-01-05, initiation pending); the ledger, which covers 2026-01-01 to 2026-01-31, has no entry left for reference R; book it if it was meant; do not pay reference R again before its status is final.",
		}},
		{"failed in the ledger, in flight", "P p1 100 PROCESSING 01-05\nE e1 100 failed 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, failed, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank): failed in the ledger, payout may still pay out; wait for the payout's final status; do not pay reference R again before it is final.",
		}},
		{"failed in the ledger, in flight for good", "P p1 100 PROCESSING 01-05 reason=The_status_will_not_be_updated_any_more.\nE e1 100 failed 01-05", nil, []string{
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, failed, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank, the bank's reason: \"The status will not be updated any more.\"): failed in the ledger, payout may still pay out; wait for the payout's final status, or ask the provider for its fate if the bank's reason rules a final status out; do not pay reference R again before its fate is known.",
		}},
		{"stuck for good", "P p1 100 PROCESSING 01-05 reason=No_more_updates.\nE e1 100 paid 01-05", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank, the bank's reason: \"No more updates.\") and the ledger 100.00 EUR (dated 2026-01-05, paid, document e1): in flight for 46 days, longer than 72h; ask the provider for its fate; do not pay reference R again before its fate is known.",
		}},
		{"an amount in flight for good", "P p1 100 PROCESSING 01-05 reason=No_more_updates.\nE e1 90 paid 01-06", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank, the bank's reason: \"No more updates.\") and the ledger 90.00 EUR (dated 2026-01-06, paid, document e1): the provider is over the ledger by 10.00 EUR; find out which amount is meant, while the payout is not final; do not pay reference R again before its fate is known and the difference explained.",
		}},
		{"ambiguous", "P p1 60 COMPLETED 01-05\nP p2 70 COMPLETED 01-05\nE e1 50 paid 01-05\nE e2 55 paid 01-05\nE e3 5 paid -", nil, []string{
			"For reference R the provider has 2 payouts (p1, p2) of together 130.00 EUR (created 2026-01-05) and the ledger 3 entries of together 110.00 EUR (dated 2026-01-05): no pairing of them is certain; match them by hand and give each payout a reference of its own; do not pay reference R again before that is done.",
		}},
		{"stuck", "P p1 100 PROCESSING 01-05\nE e1 100 paid 01-05", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank) and the ledger 100.00 EUR (dated 2026-01-05, paid, document e1): in flight for 46 days, longer than 72h; ask the provider for its fate; do not pay reference R again before its status is final.",
		}},
		{"stuck for some days", "P p1 100 PROCESSING 01-05\nE e1 100 paid 01-05", func(t *testing.T, s *scene) { s.at(t, "2026-01-08T12:00:00Z") }, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank) and the ledger 100.00 EUR (dated 2026-01-05, paid, document e1): in flight for 3 days and 2 hours, longer than 72h; ask the provider for its fate; do not pay reference R again before its status is final.",
		}},
		{"an amount in flight", "P p1 100 PENDING 01-05\nE e1 90 paid 01-06", nil, []string{
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation pending) and the ledger 90.00 EUR (dated 2026-01-06, paid, document e1): the provider is over the ledger by 10.00 EUR; find out which amount is meant, while the payout is not final; do not pay reference R again before its status is final and the difference explained.",
		}},
		{"a payout whose amount cannot be read", "P p1 ? COMPLETED 01-05\nE e1 90 paid 01-06", nil, []string{
			"For reference R the provider has payout p1 of an unknown amount (created 2026-01-05, initiation completed) and the ledger 90.00 EUR (dated 2026-01-06, paid, document e1): the payout's amount could not be read; look the payout up at the provider; do not pay reference R again before its amount is known.",
		}},
		{"many payouts", "P p1 10 COMPLETED 01-05\nP p2 20 COMPLETED 01-06\nP p3 30 COMPLETED 01-07\nP p4 31 COMPLETED 01-08\nP p5 32 COMPLETED 01-09\nE e1 90 paid 01-06", nil, []string{
			"For reference R the provider has 5 payouts (p1, p2, p3 and 2 more) of together 123.00 EUR (created 2026-01-05 to 2026-01-09) and the ledger 90.00 EUR (dated 2026-01-06, paid, document e1): the provider is over the ledger by 33.00 EUR; correct the ledger or claim the difference; do not pay reference R again before it is explained.",
		}},
		{"a row that cannot be read", "X T T;1o", nil, []string{
			"The ledger row \"T;1o\" could not be read: column amount holds \"1o\", not an amount; correct the row and reconcile again.",
		}},
		{"a row of the wrong width, twice", "X R R;1\nX R R;2\nP p1 100 COMPLETED 01-05", func(_ *testing.T, s *scene) {
			for i := range s.rejected {
				s.rejected[i].Column, s.rejected[i].Value, s.rejected[i].Reason = "(row)", "2", "the row has 2 fields, the header has 6"
			}
		}, []string{
			"The ledger row \"R;1\" could not be read: the row has 2 fields, the header has 6 (and 1 more row of this reference); payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) bears its reference; correct the row and reconcile again; do not pay reference R again before that.",
		}},
		{"a row that cannot be read, with its payout", "P p1 100 COMPLETED 01-05\nX R R;1o", nil, []string{
			"The ledger row \"R;1o\" could not be read: column amount holds \"1o\", not an amount; payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) bears its reference; correct the row and reconcile again; do not pay reference R again before that.",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.records(t, quiet+c.records)
			if c.set != nil {
				c.set(t, s)
			}
			r := s.run(t)
			var got []string
			for _, item := range r.Items {
				got = append(got, item.Why)
				if item.Next == "" || !strings.Contains(strings.ToLower(item.Why), strings.ToLower(item.Next)) {
					t.Errorf("the next step %q is not in %q", item.Next, item.Why)
				}
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestWhyAnOffsetLeavesANet: a reversal that is no cash by its status leaves the entry's cash in the statement, and says so.
func TestWhyAnOffsetLeavesANet(t *testing.T) {
	for word, want := range map[string]string{
		"paid":     "For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and -100.00 EUR (dated 2026-01-07, paid, document e2), which cancel each other (lines 2 and 3).",
		"returned": "For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and -100.00 EUR (dated 2026-01-07, returned, document e2), which cancel each other (lines 2 and 3); by their statuses only one of them counts as cash, which leaves -100.00 EUR in the statement.",
	} {
		s := newScene(t)
		s.records(t, "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05\nE e2 -100 "+word+" 01-07")
		explained := s.run(t).Explained
		if i := slices.IndexFunc(explained, func(f payout.Finding) bool { return f.Outcome == payout.OffsetInLedger }); i < 0 || explained[i].Why != want {
			t.Errorf("%s: %+v, want %q", word, explained, want)
		}
	}
}

// TestWhyOfAFailedPayout: the ledger is only called right where nothing of the reference could mean the payout.
func TestWhyOfAFailedPayout(t *testing.T) {
	const right, open = "the ledger rightly does not hold it as paid", "no entry of the ledger answers it"
	for _, c := range []struct{ name, records, want string }{
		{"no entry", "P p1 100 REJECTED 01-05", right},
		{"failed entries at another time", "P p1 100 REJECTED 01-05\nE e1 100 failed 01-20", right},
		{"its amount is booked for another payout", "P p1 100 REJECTED 01-05\nP p2 90 COMPLETED 01-06\nE e1 100 paid 01-06", open},
		{"its amount is booked in parts", "P p1 100 REJECTED 01-05\nP p2 90 COMPLETED 01-06\nE e1 60 paid 01-06\nE e2 40 paid 01-06", open},
		{"its amount is booked at another time", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-16", open},
		{"its amount was booked and cancelled", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05\nE e2 -100 paid 01-06", open},
		{"its amount is booked on another's behalf", "P p1 100 REJECTED 01-05 obo=O1\nE e1 100 paid 01-05 obo=O2", open},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.records(t, edge+c.records)
			r := s.run(t)
			i := slices.IndexFunc(r.Explained, func(f payout.Finding) bool { return brief(&f) == "failed_attempt p1" })
			if i < 0 {
				t.Fatalf("no failed attempt among %q", s.briefs(r))
			}
			want := "Payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank) failed; " + c.want
			if got := r.Explained[i].Why; got != want+"." && !strings.HasPrefix(got, want+"; ") {
				t.Errorf("got\n\t%s\nwant\n\t%s", got, want)
			}
		})
	}
}

func TestLinesOfSeveralFiles(t *testing.T) {
	r := &run{}
	r.out.Ledger.Files = []payout.LedgerFile{{Path: "exports/may.csv"}, {Path: "exports/june.csv"}}
	got := r.linesPhrase([]*ent{{Entry: payout.Entry{File: 0, Line: 7}}, {Entry: payout.Entry{File: 1, Line: 2}}})
	if want := "line 7 of may.csv and line 2 of june.csv"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHints(t *testing.T) {
	for _, c := range []struct{ name, records, pay, entry string }{
		{
			"letter case", "P p1 100 COMPLETED 01-05 ref=Inv-7\nE e1 90 paid 01-05 ref=INV-7",
			`the ledger entry with reference "INV-7" differs only in letter case`, `the payout with reference "Inv-7" differs only in letter case`,
		},
		{
			"white space", "P p1 100 COMPLETED 01-05 ref=INV_7\nE e1 90 paid 01-05 ref=INV7",
			`the ledger entry with reference "INV7" differs only in white space`, `the payout with reference "INV 7" differs only in white space`,
		},
		{
			"both", "P p1 100 COMPLETED 01-05 ref=inv_7\nE e1 90 paid 01-05 ref=INV7",
			`the ledger entry with reference "INV7" differs only in white space and letter case`, `the payout with reference "inv 7" differs only in white space and letter case`,
		},
		{
			"cut at 18", "P p1 100 COMPLETED 01-05 ref=INVOICE-2026-00012\nE e1 90 paid 01-05 ref=INVOICE-2026-000123",
			`the ledger entry with reference "INVOICE-2026-000123" differs only by a cut at 18 characters`, `the payout with reference "INVOICE-2026-00012" differs only by a cut at 18 characters`,
		},
		{
			"cut at 35", "P p1 100 COMPLETED 01-05 ref=INVOICE-2026-000123-PART-4-OF-99-XYZ\nE e1 90 paid 01-05 ref=INVOICE-2026-000123-PART-4-OF-99-XY",
			`the ledger entry with reference "INVOICE-2026-000123-PART-4-OF-99-XY" differs only by a cut at 35 characters`, `the payout with reference "INVOICE-2026-000123-PART-4-OF-99-XYZ" differs only by a cut at 35 characters`,
		},
		{"cut at 19 says nothing", "P p1 100 COMPLETED 01-05 ref=INVOICE-2026-000123\nE e1 90 paid 01-05 ref=INVOICE-2026-0001234", "", ""},
		{
			"amount and payee", "P p1 100 COMPLETED 01-05 ref=A1 payee=ACME_Ltd\nE e1 100 paid 01-12 ref=B2 text=Rent_acme_ltd_May",
			`the ledger entry with reference "B2" has the same amount and names the payee`, `payout p1 with reference "A1" has the same amount and payee`,
		},
		{
			"amount and payee's account", "P p1 100 COMPLETED 01-05 ref=A1 acct=DE893704\nE e1 100 paid 01-12 ref=B2 text=to_DE89_3704",
			`the ledger entry with reference "B2" has the same amount and names the payee`, `payout p1 with reference "A1" has the same amount and payee`,
		},
		{"amount and payee, too long ago", "P p1 100 COMPLETED 01-05 ref=A1 payee=ACME_Ltd\nE e1 100 paid 01-16 ref=B2 text=acme_ltd", "", ""},
		{
			"the same reference at another time", "P p1 100 COMPLETED 2025-01-15\nE e1 100 paid 01-15\nP p2 5 COMPLETED 01-20 ref=S\nE e2 5 paid 2026-02-15 ref=S",
			"the same reference stands on the ledger entry over 5.00 EUR of 2026-02-15, 26 days later", "the same reference stands on the payout over 100.00 EUR of 2025-01-15, 365 days earlier",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.reach = &s.Period
			s.records(t, c.records)
			r := s.run(t)
			if len(r.Items) != 2 {
				t.Fatalf("%d items, want 2: hints never match", len(r.Items))
			}
			for _, item := range r.Items {
				want := c.pay
				if len(item.Entries) == 1 {
					want = c.entry
				}
				if item.Hint != want {
					t.Errorf("%s: got %q, want %q", brief(&item.Finding), item.Hint, want)
				}
				if !strings.Contains(item.Why, want) {
					t.Errorf("the hint %q is not in %q", want, item.Why)
				}
				partner := want != "" && !strings.HasPrefix(want, "the same reference stands")
				if strings.Contains(item.Next, "correct the entry") != partner {
					t.Errorf("the next step of %s with the hint %q: %q", brief(&item.Finding), want, item.Next)
				}
			}
		})
	}
}

// TestEverySentence: whatever the outcome, the sentence names every record's figure (of up to two a side), and reads as one.
func TestEverySentence(t *testing.T) {
	seen := map[payout.Outcome]bool{}
	for _, c := range ruleCases {
		s := newScene(t)
		s.records(t, c.records)
		if c.set != nil {
			c.set(s)
		}
		for _, f := range s.all(s.run(t)) {
			seen[f.Outcome] = true
			if f.Outcome.Class() == payout.Agreed {
				continue
			}
			for _, ugly := range []string{"  ", "..", ";.", " .", " ,", ",:", "%!", "()", " ;"} {
				if strings.Contains(f.Why, ugly) {
					t.Errorf("%q in %q", ugly, f.Why)
				}
			}
			if !strings.HasSuffix(f.Why, ".") || f.Why[:1] != strings.ToUpper(f.Why[:1]) {
				t.Errorf("no sentence: %q", f.Why)
			}
			if len(f.Payouts) == 1 && f.Payouts[0].Amount.Currency() != "?" && !strings.Contains(f.Why, f.Payouts[0].Amount.String()) {
				t.Errorf("%s is not in %q", f.Payouts[0].Amount, f.Why)
			}
			for _, e := range f.Entries {
				if len(f.Entries) <= 2 && !strings.Contains(f.Why, e.Amount.String()) {
					t.Errorf("%s is not in %q", e.Amount, f.Why)
				}
			}
			if f.Outcome.Class() == payout.Break && f.Next == "" {
				t.Errorf("no next step: %q", f.Why)
			}
		}
	}
	for o := payout.Matched; o <= payout.UnmatchedReversal; o++ {
		if !seen[o] && o != payout.NotFetched {
			t.Errorf("no rule case ends as %s", o)
		}
	}
}
