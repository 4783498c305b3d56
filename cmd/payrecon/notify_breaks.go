package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"payrecon/internal/payout"
)

// breaksRecord is the name under which it is on record through which run breaks were told: one record, in words "run 12".
// No job can have that name. Whatever command found a break, it is told after the next nightly run, and again until a message reached every channel.
const breaksRecord = "notified:breaks"

const throughRun = "run "

// untold tells the items that somebody is still to hear of: those that a run later than the last one told brought, brought
// back, or gave another outcome, another exposure or a higher severity, and those whose disposition lapsed or was taken back.
// When no run was told yet, or it cannot be read which, every item is.
func (n *notifier) untold(ctx context.Context, rec *payout.Reconciliation) func(item int64) bool {
	everyItem := func(int64) bool { return true }
	if n.store == nil || rec == nil {
		return everyItem
	}
	through, err := n.toldThrough(ctx)
	var moved []int64
	if err == nil && through > 0 {
		moved, err = n.store.MovedAfter(ctx, through)
	}
	if err != nil {
		n.log.Warn("which breaks were told cannot be read: telling all that are open", "error", err.Error())
	}
	if err != nil || through == 0 {
		return everyItem
	}
	slices.Sort(moved)
	return func(item int64) bool {
		_, found := slices.BinarySearch(moved, item)
		return found
	}
}

// toldThrough returns the last run whose breaks reached every channel; 0 when there is none.
func (n *notifier) toldThrough(ctx context.Context) (int64, error) {
	last, found, err := n.store.LastJob(ctx, breaksRecord)
	if err != nil || !found {
		return 0, err
	}
	run, err := strconv.ParseInt(strings.TrimPrefix(last.Words, throughRun), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the record %s says %q (want %sN)", breaksRecord, last.Words, throughRun)
	}
	return run, nil
}

// rememberBreaks puts on record that the breaks of the run, and of those before it, were told. It is always the same record,
// of no date, so that a clock that was wrong once does not hide it.
func (n *notifier) rememberBreaks(ctx context.Context, run int64) {
	if n.store == nil {
		return
	}
	record := payout.JobRun{Job: breaksRecord, Ended: payout.MillisOf(n.clock()), Outcome: told, Words: throughRun + strconv.FormatInt(run, 10)}
	if err := n.store.SaveJob(ctx, record); err != nil {
		n.log.Warn("what was told cannot be put on record: it will be told again", "error", err.Error())
	}
}
