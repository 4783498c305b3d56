package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"payrecon/internal/payout"
)

// What --deadline does to a command.
const (
	deadlineEnds  = "end with 1 after this long in all, waiting included, such as 2h; what is written is safe, run the same command again; 0s: no limit"
	deadlineOfRun = "after this long, waiting included, such as 2h, cut the sync off and reconcile what the mirror holds, as after any sync that failed (3);\npast the sync, end with 1; 0s: no limit"
)

// deadlineFlag adds --deadline to a command that syncs; write keeps to it.
func (a *app) deadlineFlag(cmd *cobra.Command, does string) {
	cmd.Flags().TextVar((*duration)(&a.deadline), "deadline", duration(0), does)
}

// outOfTime is the end of a command that its deadline cut short where nobody below has said so: to them it is an interruption,
// or a request that was not answered in time. Other errors stay what they are, and all do once whole, of which ctx is the part
// that the deadline ends, was ended by a person.
func outOfTime(whole, ctx context.Context, err error) error {
	if _, limited := ctx.Deadline(); !limited || err == nil || whole.Err() != nil {
		return err
	}
	cut := errors.Is(err, context.DeadlineExceeded) ||
		payout.KindOf(err) == payout.KindInterrupted && errors.Is(context.Cause(ctx), context.DeadlineExceeded)
	var said *payout.Error
	if !cut || errors.As(err, &said) && said.Kind == payout.KindFailed {
		return err
	}
	return payout.Errorf(payout.KindFailed, "out of time: nothing is half-written, run the same command again (%w)", err)
}
