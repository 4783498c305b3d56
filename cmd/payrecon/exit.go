package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// The exit codes. Where several apply, the first of 130, 1, 2, 5, 6, 3, 4 wins.
const (
	exitDone        = 0
	exitFailed      = 1
	exitInput       = 2
	exitIncomplete  = 3
	exitBreaks      = 4
	exitAuth        = 5
	exitBusy        = 6
	exitInterrupted = 130
)

// exitCodesHelp stands at the end of every command's help.
const exitCodesHelp = `Exit codes:
  0    done
  1    failed
  2    bad usage, configuration or input
  3    done, but the source is incomplete on ended days
  4    breaks at or above --fail-on without a disposition
  5    the API refused the authorization (401, 403)
  6    another run holds the lease
  130  interrupted; state is safe, the same command goes on`

// outcomeError ends a command that did its work with an exit code that says what it found (3 or 4).
type outcomeError struct {
	code int
	err  error
}

func (e *outcomeError) Error() string { return e.err.Error() }
func (e *outcomeError) Unwrap() error { return e.err }

// exitCode decides the exit code of one error.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	var o *outcomeError
	if errors.As(err, &o) {
		return o.code
	}
	switch payout.KindOf(err) {
	case payout.KindInput:
		return exitInput
	case payout.KindNotFound:
		var remote *payapi.Error
		if !errors.As(err, &remote) {
			return exitInput // a run or an item that the mirror does not hold was asked for
		}
	case payout.KindAuth:
		return exitAuth
	case payout.KindBusy:
		return exitBusy
	case payout.KindInterrupted:
		return exitInterrupted
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	return exitFailed
}

// worst returns the error whose exit code comes first in the order of precedence; nil errors do not count.
func worst(errs ...error) error {
	order := []int{exitInterrupted, exitFailed, exitInput, exitAuth, exitBusy, exitIncomplete, exitBreaks}
	for _, code := range order {
		for _, err := range errs {
			if err != nil && exitCode(err) == code {
				return err
			}
		}
	}
	return nil
}

// finish says the last word on stderr and returns the exit code.
func (a *app) finish(ctx context.Context, err error) int {
	if err == nil {
		return exitDone
	}
	code := exitCode(err)
	var sent *sentError
	if ctx.Err() != nil && code == exitFailed && !errors.As(err, &sent) {
		code = exitInterrupted // whatever broke, broke because we were told to stop
	}
	text := strings.TrimSpace(err.Error())
	if code == exitInterrupted && payout.KindOf(err) != payout.KindInterrupted {
		text = "interrupted; nothing is half-written: the same command goes on (" + text + ")"
	}
	fmt.Fprintln(a.stderr, "payrecon: "+printableLines(text))
	return code
}
