package mirror

import (
	"testing"

	"payrecon/internal/payout"
)

// TestLateFinalsByHearing has payouts whose status changes without a change of their date, and asks which became final
// within the lookback.
func TestLateFinalsByHearing(t *testing.T) {
	m := openTest(t)
	const since = testDay + 90*dayMillis
	old := payout.Millis(100)
	heard := func(id string, status payout.Status, asked payout.Millis) {
		commitPage(t, m, "", asked, shownAs(id, status, old))
	}
	heard("po:long-ago", payout.Pending, since-9)
	heard("po:lately", payout.Pending, since-9)
	heard("po:always", payout.Completed, since-9)
	heard("po:open", payout.Pending, since-9)
	heard("po:long-ago", payout.Completed, since-8)
	run := beginRun(t, m)
	seq, err := m.Sequence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.EndRun(t.Context(), payout.Run{ID: run, Ended: since - 5, Sequence: seq}); err != nil {
		t.Fatal(err)
	}
	heard("po:before", payout.Pending, since-4)
	heard("po:before", payout.Completed, since-3) // after the run that ended before, but not lately
	heard("po:lately", payout.Completed, since+1)
	heard("po:open", payout.Processing, since+1)
	heard("po:new", payout.Completed, since+1) // was final when it was first heard of
	for _, c := range []struct {
		walked payout.Period
		want   int
	}{
		{payout.Period{From: 0, To: -1}, 1},
		{payout.Period{From: testDay.Day() + 1, To: testDay.Day() + 9}, 1},
		{payout.Period{From: testDay.Day(), To: testDay.Day()}, 0},
	} {
		late, err := m.LateFinals(t.Context(), since, c.walked)
		if err != nil || len(late) != c.want || c.want == 1 && late[0].ID != "po:lately" {
			t.Errorf("with %s walked: %+v, %v; want %d, the one that was heard to be final lately", c.walked, late, err, c.want)
		}
	}
}
