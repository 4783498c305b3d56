package main

import (
	"context"
	"slices"

	"payrecon/internal/payout"
	"payrecon/schedules"
)

// nightlyName is what the nightly run calls itself where it is on record what was told, whoever started it.
const nightlyName = "run"

// tellNightly tells whoever notify names how a nightly run ended. store is where it is remembered what was told; nil when
// the mirror could not be opened. A notification that fails is logged and seen in status; it never fails the run.
func (a *app) tellNightly(ctx context.Context, store toldStore, n *nightly, err error) {
	workbook := ""
	if len(n.paths) > 0 {
		workbook = n.paths[0]
	}
	a.tell(ctx, store, jobResult{
		Job: nightlyName, Outcome: jobOutcomes[exitCode(err)], Words: lastWord(err), Run: n.run, Rec: n.rec, Workbook: workbook,
	})
}

func (a *app) tell(ctx context.Context, store toldStore, r jobResult) {
	cfg, err := a.configuration()
	if err != nil {
		return // there is nobody to tell: the configuration that would name them cannot be read
	}
	n := newNotifier(cfg, store, a.clock, a.log, hostName())
	if n == nil {
		return
	}
	for _, failure := range n.tell(ctx, r).Undelivered {
		a.log.Warn("notification not delivered", "channel", failure)
	}
}

func lastWord(err error) string {
	if err == nil {
		return "done"
	}
	return err.Error()
}

// tellOfJob tells of scheduled jobs. A `run` tells of itself, unless it did not live to do so.
func (a *app) tellOfJob(store toldStore) func(ctx context.Context, job schedules.Job, run payout.JobRun) {
	return func(ctx context.Context, job schedules.Job, run payout.JobRun) {
		diedSilently := []string{schedules.TimedOut, schedules.Panicked, schedules.Abandoned, schedules.Missed}
		if commandOf(job) == "run" && !slices.Contains(diedSilently, run.Outcome) {
			return
		}
		name := job.Name
		if commandOf(job) == "run" {
			name = nightlyName // as it calls itself when it lives, so that its recovery is told
		}
		a.tell(ctx, store, jobResult{Job: name, Outcome: run.Outcome, Words: run.Words})
	}
}
