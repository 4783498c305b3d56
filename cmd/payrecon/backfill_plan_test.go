package main

import (
	"strings"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// TestBackfillPlan: what is not known is not estimated, and how long it takes rests on what is said.
func TestBackfillPlan(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	check := func(name, limit string, known bool, each int64, pace string) { // milliseconds
		t.Helper()
		s.write("payrecon.yaml", "api: {rate_limit: "+limit+"}\n")
		args := []string{"backfill", "--from", "2026-01-01", "--to", "2026-01-20", "--dry-run"}
		var plan planJSON
		unmarshal(t, s.do(exitDone, append(args, "--json")...), &plan)
		seconds := (int64(plan.Requests)*each + 999) / 1000
		if plan.Requests < 10 || plan.Seconds != seconds || plan.Pace != pace || (plan.Rows != nil) != known {
			t.Errorf("%s: %+v; want %d seconds, %s; rows known: %v", name, plan, seconds, pace, known)
		}
		text := s.do(exitDone, args...)
		if strings.Contains(text, "That takes about ") != known || strings.Contains(text, " and at least ") == known || !strings.Contains(text, pace) || strings.Contains(text, "an unknown number of payouts") == known {
			t.Errorf("%s: payouts known: %v\n%s", name, known, text)
		}
	}
	const assumed = "assuming 500ms a request and 4 workers"
	check("before the first sync", "none", false, 125, assumed)
	check("with a limit", "2/s", false, 500, "at 2/s (api.rate_limit)")
	check("with a generous limit", "100/s", false, 125, assumed)

	s.do(exitDone, "sync", "--from", "2026-03-30", "--to", "2026-03-30")
	m, err := mirror.Open(t.Context(), s.path("payrecon.db"), mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := payout.Run{Command: "backfill", Started: payout.MillisOf(s.now), Ended: payout.MillisOf(s.now) + 50_000}
	if r.ID, err = m.BeginRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := m.EndRun(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := m.SaveSync(t.Context(), &payout.SyncSummary{Run: r.ID, Requests: 50}); err != nil {
		t.Fatal(err)
	}
	check("after a backfill", "none", true, 1000, "as run 2, backfill, took for 50 requests")
	check("that had no limit", "30/m", true, 2000, "at 30/m (api.rate_limit)")
}
