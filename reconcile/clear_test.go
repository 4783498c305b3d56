package reconcile

import (
	"testing"

	"payrecon/internal/payout"
)

// TestClearedByPerson: where no record has changed, what people set has. What is out of sight is not cleared, whatever they
// decided about it.
func TestClearedByPerson(t *testing.T) {
	const both = "P p1 100 COMPLETED 01-05\nE e1 90 paid 01-06"
	tolerant := func(s *scene) { s.Tolerance = map[string]int64{"EUR": units(t, "10")} }
	for _, c := range []struct {
		name, before, after string
		set                 func(*scene)
		want                string
	}{
		{"a tolerance", both, both, tolerant, "1 cleared amount_mismatch 10.00 EUR by person with_provider"},
		{"a tolerance, and another payout", both, both + "\nP p2 100 REJECTED 01-05", tolerant, "1 cleared amount_mismatch 10.00 EUR by payout with_provider"},
		{"a longer wait", "P p1 100 PENDING 01-29\nE e1 100 paid 01-29", "P p1 100 PENDING 01-29\nE e1 100 paid 01-29", func(s *scene) {
			s.StuckAfter = Span{30 * millisDay, spanClock}
		}, "1 cleared stuck 100.00 EUR by person with_provider"},
		{"a longer grace", "P p1 100 COMPLETED 01-29", "P p1 100 COMPLETED 01-29", func(s *scene) {
			s.GraceLedger = Span{30 * millisDay, spanClock}
		}, "1 cleared missing_in_ledger 100.00 EUR by person with_provider"},
		{"a longer wait, and the payout moved", "P p1 100 PENDING 01-29\nE e1 100 paid 01-29", "P p1 100 PROCESSING 01-29\nE e1 100 paid 01-29", func(s *scene) {
			s.StuckAfter = Span{30 * millisDay, spanClock}
		}, "1 cleared stuck 100.00 EUR by payout with_provider"},
		{"the meaning of a word", "P p1 100 COMPLETED 01-05\nE e1 100 gebucht 01-05", "P p1 100 COMPLETED 01-05\nE e1 100 gebucht 01-05", func(s *scene) {
			s.entries[len(s.entries)-1].Class = payout.EntryPaid
		}, "1 cleared status_mismatch/unmapped_word 100.00 EUR by person with_provider"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", edge+c.before)
			n.dispose(1, payout.DispositionWithProvider, payout.NoDay)
			n.change = c.set
			n.play("2026-02-04", edge+c.after)
			n.want(c.want)
		})
	}
	n := newNights(t)
	n.play("2026-02-03", edge+both)
	tolerant(n.scene)
	n.play("2026-02-04", edge+both)
	n.events("1 cleared amount_mismatch> person")
	if got := n.last.Events[0].Text; got != "neither its payouts nor its entries have changed, only how they are judged" {
		t.Errorf("the event says %q", got)
	}
	n = newNights(t)
	n.play("2026-02-03", edge+"E e1 100 paid 01-05")
	n.dispose(1, payout.DispositionWrittenOff, payout.NoDay)
	n.reach = &payout.Period{From: ymd(t, "2026-01-20"), To: ymd(t, "2026-01-31")}
	n.play("2026-02-04", edge)
	n.want("1 carried missing_at_provider 100.00 EUR written_off")
	n.reach = nil // an extract of the day, or ledger.covers, settles it
	n.play("2026-02-05", edge)
	n.want("1 cleared missing_at_provider 100.00 EUR by ledger written_off")
}
