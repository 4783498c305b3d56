package reconcile

import (
	"testing"

	"payrecon/internal/payout"
)

// TestPayAgain: no next step invites a second payment. The other payouts of the reference are named, and so are missing days.
func TestPayAgain(t *testing.T) {
	const (
		e1 = "100.00 EUR (dated 2026-01-05, failed, document e1)"
		p1 = "payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank)"
		p2 = "payout p2 of 100.00 EUR (created 2026-01-06, initiation completed)"
	)
	late := func(t *testing.T, s *scene) { s.covered(ymd(t, "2026-01-02"), ymd(t, "2026-02-20")) }
	for _, c := range []struct {
		name, records string
		set           func(*testing.T, *scene)
		outcome       string // of the finding that is looked at
		want          string
	}{
		{
			"a retry that completed, both booked", "P p1 100 REJECTED 01-05\nP p2 100 COMPLETED 01-06\nE e1 100 paid 01-05\nE e2 100 paid 01-06", nil, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider " + p1 + ": booked as paid, payout failed; reverse the booking; do not pay reference R again: " + p2 + " bears it too.",
		},
		{
			"a retry in flight, both booked", "P p1 100 REJECTED 01-05\nP p2 100 PROCESSING 01-06\nE e1 100 pending 01-05\nE e2 100 pending 01-06", nil, "status_mismatch/still_pending e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, pending, document e1) and the provider " + p1 + ": still pending in the ledger, payout failed; mark the entry as failed; do not pay reference R again: payout p2 of 100.00 EUR (created 2026-01-06, initiation processing at the bank) bears it too and may still pay out.",
		},
		{
			"a payout of another amount", "P p1 100 REJECTED 01-05\nP p2 70 COMPLETED 01-06\nE e1 100 paid 01-05\nE e2 70 paid 01-06", nil, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider " + p1 + ": booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and it is clear that no other payout of this reference, such as payout p2 of 70.00 EUR (created 2026-01-06, initiation completed), paid it.",
		},
		{
			"a payout to another payee", "P p1 100 REJECTED 01-05 acct=A\nP p2 100 COMPLETED 01-06 acct=B\nE e1 100 paid 01-05\nE e2 100 paid 01-06", nil, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider " + p1 + ": booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and it is clear that no other payout of this reference, such as " + p2 + ", paid it.",
		},
		{
			"a retry three weeks later", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05\nP p2 100 COMPLETED 01-26\nE e2 100 paid 01-26", nil, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider " + p1 + ": booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and it is clear that no other payout of this reference, such as payout p2 of 100.00 EUR (created 2026-01-26, initiation completed) at another time, paid it.",
		},
		{
			"days missing on which a retry may stand", "P p1 100 REJECTED 01-05\nE e1 100 paid 01-05", func(t *testing.T, s *scene) { s.covered(ymd(t, "2025-11-01"), ymd(t, "2026-02-10")) }, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider " + p1 + ": booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and the mirror is complete from 2025-12-26 on.",
		},
		{
			"a failed attempt and its retry", "E e9 1 paid 01-01 ref=S\nP p9 1 COMPLETED 01-01 ref=S\nP p1 100 REJECTED 01-05\nP p2 100 COMPLETED 01-06\nE e2 100 paid 01-06", nil, "failed_attempt p1",
			"Payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank) failed; no entry of the ledger answers it; do not pay reference R again: " + p2 + " bears it too.",
		},
		{
			"a failed attempt whose reference stands on an unreadable row", "P p1 100 REJECTED 01-05\nE e9 1 paid 01-01 ref=S\nP p9 1 COMPLETED 01-01 ref=S\nX R R;1o", nil, "failed_attempt p1",
			"Payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank) failed; whether the ledger holds it as paid is not known: a row of its reference could not be read.",
		},
		{
			"a failed attempt beyond the extract", "P p1 100 REJECTED 01-05\nE e9 1 paid 01-01 ref=S\nP p9 1 COMPLETED 01-01 ref=S", nil, "failed_attempt p1",
			"Payout p1 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank) failed; whether the ledger holds it as paid is not known: the extract, which covers 2026-01-01, does not cover its day.",
		},
		{
			"failed in the ledger, all days complete", "E e1 100 failed 01-05", nil, "not_sent e1",
			"The ledger calls " + e1 + " for reference R failed, and the mirror holds no payout for it.",
		},
		{
			"failed in the ledger, days missing", "E e1 100 failed 01-05", late, "not_sent e1",
			"The ledger calls " + e1 + " for reference R failed, and the mirror holds no payout for it; the provider was not asked for this reference and the mirror is not complete from 2025-12-26 to 2026-01-15; sync the missing days; do not pay reference R again before the mirror is complete from 2025-12-26 on.",
		},
		{
			"failed in the ledger, without a date", "E e1 100 failed -", nil, "not_sent e1",
			"The ledger calls 100.00 EUR (without a date, failed, document e1) for reference R failed, and the mirror holds no payout for it; the provider was not asked for this reference and the entry has no date; give the entry a date and reconcile again; do not pay reference R again before the provider has been asked for it.",
		},
		{
			"failed in the ledger, but paid", "P p2 100 COMPLETED 01-06\nE e1 100 failed 01-05\nE e2 100 paid 01-06", nil, "not_sent e1",
			"The ledger calls " + e1 + " for reference R failed, and the mirror holds none that answers it; there is " + p2 + "; do not pay reference R again: payout p2 completed.",
		},
		{
			"failed in the ledger, another amount unrecorded", "P p2 90 COMPLETED 01-06\nE e1 100 failed 01-05", nil, "not_sent e1",
			"The ledger calls " + e1 + " for reference R failed, and the mirror holds none that answers it; there is payout p2 of 90.00 EUR (created 2026-01-06, initiation completed); do not pay reference R again before it is clear that no other payout of this reference, such as payout p2, paid it.",
		},
		{
			"failed in the ledger today", "E e1 100 failed 01-31", func(t *testing.T, s *scene) { s.at(t, "2026-01-31T12:00:00Z") }, "not_sent e1",
			"The ledger calls 100.00 EUR (dated 2026-01-31, failed, document e1) for reference R failed, and the mirror holds no payout for it; the provider was not asked for this reference and the entry's day is not over; reconcile again when its day is over; do not pay reference R again before its day is over.",
		},
		{
			"twice in the ledger, nothing paid", "E e1 100 paid 01-05\nE e2 100 paid 01-06", nil, "duplicate_ledger_entry e2",
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more often than there are payouts: there is none; reverse the second booking; do not pay reference R again before that is done and the first one is settled.",
		},
		{
			"twice in the ledger, nothing known", "E e1 100 paid 01-05\nE e2 100 paid 01-06", late, "duplicate_ledger_entry e2",
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more than once, and no payout is left for this one: the provider was not asked for this reference and the mirror is not complete from 2025-12-27 to 2026-01-16; sync the missing days; do not pay reference R again before the mirror is complete from 2025-12-27 on.",
		},
		{
			"twice in the ledger, the provider asked", "E e1 100 paid 01-05\nE e2 100 paid 01-06", func(t *testing.T, s *scene) {
				late(t, s)
				s.Provider = &provider{}
			}, "duplicate_ledger_entry e2",
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more often than there are payouts: there is none; reverse the second booking; do not pay reference R again before that is done and the first one is settled.",
		},
		{
			"twice in the ledger, paid among others", "P p1 500 COMPLETED 01-04\nP p2 100 COMPLETED 01-06\nE e1 500 paid 01-04\nE e2 100 paid 01-06\nE e3 100 paid 01-06", nil, "duplicate_ledger_entry e3",
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e3) for reference R more often than there are payouts: there is " + p2 + "; reverse the second booking; do not pay reference R again: payout p2 completed.",
		},
		{
			"twice in the ledger, the payout of an earlier time", "P p0 100 REJECTED 2025-11-05\nE e1 100 paid 01-05\nE e2 100 paid 01-06", nil, "duplicate_ledger_entry e2",
			"The ledger has 100.00 EUR (dated 2026-01-06, paid, document e2) for reference R more often than there are payouts: there is payout p0 of 100.00 EUR (created 2025-11-05, initiation rejected by the bank) at another time; reverse the second booking; do not pay reference R again before that is done and the first one is settled.",
		},
		{
			"missing, and shown on behalf of another", "E e1 100 paid 01-15 obo=O2", func(t *testing.T, s *scene) {
				p := &provider{}
				p.hold(t, "px", "R", "100", payout.Completed, "01-15")
				p.holds[0].OnBehalfOf = "O1"
				s.Provider = p
			}, "missing_at_provider e1",
			"The ledger has 100.00 EUR (dated 2026-01-15, paid, document e1) for reference R on behalf of O2 and no payout answers it: asked for this reference on 2026-02-20, the provider has none that answers it; there is payout px of 100.00 EUR (created 2026-01-15, initiation completed) on behalf of O1; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left and it is clear that no other payout of this reference, such as payout px, paid it.",
		},
		{
			"failed in the ledger, and paid on behalf of another", "P p1 100 COMPLETED 01-05 obo=O1\nE e2 100 paid 01-05 obo=O1\nE e1 100 failed 01-05 obo=O2", nil, "not_sent e1",
			"The ledger calls 100.00 EUR (dated 2026-01-05, failed, document e1) for reference R on behalf of O2 failed, and the mirror holds none that answers it; there is payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) on behalf of O1; do not pay reference R again before it is clear that no other payout of this reference, such as payout p1, paid it.",
		},
		{
			"booked as paid, and paid on behalf of another", "P p1 100 COMPLETED 01-05 obo=O1\nE e2 100 paid 01-05 obo=O1\nP p0 100 REJECTED 01-05 obo=O2\nE e1 100 paid 01-05 obo=O2", nil, "status_mismatch/booked_as_paid e1 p0",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) and the provider payout p0 of 100.00 EUR (created 2026-01-05, initiation rejected by the bank): booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and it is clear that no other payout of this reference, such as payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) on behalf of O1, paid it.",
		},
		{
			"twice in the ledger, and paid on behalf of another", "P p1 100 COMPLETED 01-05 obo=O1\nE e2 100 paid 01-05 obo=O1\nE e1 100 paid 01-05 obo=O2\nE e3 100 paid 01-05 obo=O2", nil, "duplicate_ledger_entry e3",
			"The ledger has 100.00 EUR (dated 2026-01-05, paid, document e3) for reference R on behalf of O2 more often than there are payouts: there is payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) on behalf of O1; reverse the second booking; do not pay reference R again before that is done and the first one is settled and it is clear that no other payout of this reference, such as payout p1, paid it.",
		},
		{
			"missing, and paid on behalf of another", "P p1 100 COMPLETED 01-05 obo=O1\nE e2 100 paid 01-05 obo=O1\nE e1 100 paid 01-05 obo=O2", nil, "missing_at_provider e1",
			"The ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) for reference R on behalf of O2 and no payout answers it: the mirror is complete from 2025-12-26 to 2026-01-15 and has none that answers it; there is payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) on behalf of O1; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left and it is clear that no other payout of this reference, such as payout p1, paid it.",
		},
		{
			"returned, and paid on behalf of another", "P p1 100 COMPLETED 01-05 obo=O1\nE e2 100 paid 01-05 obo=O1\nP p0 100 COMPLETED 01-05 obo=O2\nE e1 100 returned 01-05 obo=O2", nil, "returned e1 p0",
			"For reference R the provider has payout p0 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and it is clear that no other payout of this reference, such as payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) on behalf of O1, paid it.",
		},
		{
			"missing, and shown at another time", "E e1 100 paid 01-15", func(t *testing.T, s *scene) {
				p := &provider{}
				p.hold(t, "px", "R", "100", payout.Completed, "2025-12-24")
				p.holds[0].Creditor.Name = ""
				s.Provider = p
			}, "missing_at_provider e1",
			"The ledger has 100.00 EUR (dated 2026-01-15, paid, document e1) for reference R and no payout answers it: asked for this reference on 2026-02-20, the provider has none that answers it; the same reference stands on the payout over 100.00 EUR of 2025-12-24, 22 days earlier; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left and it is clear that no other payout of this reference, such as payout px of 100.00 EUR (created 2025-12-24, initiation completed) at another time, paid it.",
		},
		{
			"missing, and another attempt failed", "P p1 90 REJECTED 01-15\nE e1 90 failed 01-15\nE e2 100 paid 01-15", nil, "missing_at_provider e2",
			"The ledger has 100.00 EUR (dated 2026-01-15, paid, document e2) for reference R and no payout answers it: the mirror is complete from 2026-01-05 to 2026-01-25 and has none that answers it; there is payout p1 of 90.00 EUR (created 2026-01-15, initiation rejected by the bank); find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left.",
		},
		{
			"not fetched, and paid at another time", "P p0 100 COMPLETED 2025-12-01\nE e0 100 paid 2025-12-01\nE e1 100 paid 01-05", late, "not_fetched e1",
			"The ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) for reference R and no payout that answers it was found: the provider was not asked and the mirror is not complete from 2025-12-26 to 2026-01-15; the same reference stands on the payout over 100.00 EUR of 2025-12-01, 35 days earlier; sync the missing days or reconcile online; do not pay reference R again before the provider has answered and it is clear that no other payout of this reference, such as payout p0 of 100.00 EUR (created 2025-12-01, initiation completed) at another time, paid it.",
		},
		{
			"overdue, and paid beside", "P p1 100 PROCESSING 01-05\nE e1 100 paid 01-05\nP p2 100 COMPLETED 01-06\nE e2 100 paid 01-06", nil, "stuck e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation processing at the bank) and the ledger 100.00 EUR (dated 2026-01-05, paid, document e1): in flight for 46 days, longer than 72h; ask the provider for its fate; do not pay reference R again before its status is final and it is clear that no other payout of this reference, such as " + p2 + ", paid it.",
		},
		{
			"returned per ledger", "P p2 100 COMPLETED 01-06\nE e1 100 returned 01-06", nil, "returned e1 p2",
			"For reference R the provider has " + p2 + " and the ledger 100.00 EUR (dated 2026-01-06, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back.",
		},
		{
			"returned per ledger, and paid again", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 70 COMPLETED 01-05\nE e2 70 paid 01-05\nP p3 100 COMPLETED 01-08\nE e3 100 paid 01-08", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again: payout p3 of 100.00 EUR (created 2026-01-08, initiation completed) bears it too.",
		},
		{
			"returned per ledger, the retry in flight", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 100 PROCESSING 01-08\nE e2 100 pending 01-08", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again: payout p2 of 100.00 EUR (created 2026-01-08, initiation processing at the bank) bears it too and may still pay out.",
		},
		{
			"returned per ledger, the retry not in the ledger", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 100 COMPLETED 01-08", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again: payout p2 of 100.00 EUR (created 2026-01-08, initiation completed) bears it too.",
		},
		{
			"returned per ledger, another amount paid", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 70 COMPLETED 01-06\nE e2 70 paid 01-06", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and it is clear that no other payout of this reference, such as payout p2 of 70.00 EUR (created 2026-01-06, initiation completed), paid it.",
		},
		{
			"returned per ledger, and paid at another time", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 100 COMPLETED 01-26\nE e2 100 paid 01-26", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and it is clear that no other payout of this reference, such as payout p2 of 100.00 EUR (created 2026-01-26, initiation completed) at another time, paid it.",
		},
		{
			"returned per ledger, twice", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05\nP p2 100 COMPLETED 01-08\nE e2 100 returned 01-08", nil, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and it is clear that no other payout of this reference, such as payout p2 of 100.00 EUR (created 2026-01-08, initiation completed), paid it.",
		},
		{
			"returned per ledger, days missing on which a retry may stand", "P p1 100 COMPLETED 01-05\nE e1 100 returned 01-05", func(t *testing.T, s *scene) { s.covered(ymd(t, "2025-11-01"), ymd(t, "2026-02-10")) }, "returned e1 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, returned, document e1): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again before it shows that the money is back and the mirror is complete from 2025-12-26 on.",
		},
		{
			"returned per reversal, and paid again", "P p1 100 COMPLETED 01-05\nE e1 100 paid 01-05\nE e2 -100 returned 01-07\nP p2 100 COMPLETED 01-08\nE e3 100 paid 01-08", nil, "returned e1 e2 p1",
			"For reference R the provider has payout p1 of 100.00 EUR (created 2026-01-05, initiation completed) and the ledger 100.00 EUR (dated 2026-01-05, paid, document e1) and -100.00 EUR (dated 2026-01-07, returned, document e2): initiated, and returned per ledger; check the bank statement: the API knows no returns; do not pay reference R again: payout p2 of 100.00 EUR (created 2026-01-08, initiation completed) bears it too.",
		},
		{
			"failed, and the retry returned", "P p1 100 REJECTED 01-04\nE e1 100 paid 01-04\nP p2 100 COMPLETED 01-06\nE e2 100 paid 01-06\nE e3 -100 returned 01-07", nil, "status_mismatch/booked_as_paid e1 p1",
			"For reference R the ledger has 100.00 EUR (dated 2026-01-04, paid, document e1) and the provider payout p1 of 100.00 EUR (created 2026-01-04, initiation rejected by the bank): booked as paid, payout failed; reverse the booking; do not pay reference R again before it is reversed and it is clear that no other payout of this reference, such as " + p2 + ", paid it.",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.Period.From = ymd(t, "2025-11-01")
			s.records(t, c.records)
			if c.set != nil {
				c.set(t, s)
			}
			var others []string
			for _, f := range s.all(s.run(t)) {
				if brief(&f) == c.outcome {
					if f.Why != c.want {
						t.Errorf("got\n%s\nwant\n%s", f.Why, c.want)
					}
					return
				}
				others = append(others, brief(&f))
			}
			t.Errorf("no %s, only %q", c.outcome, others)
		})
	}
}
