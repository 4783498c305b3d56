// Command payrecon mirrors payouts from a payouts API, ties them out against the company's own ledger, and hands finance
// a workbook that proves itself.
//
// This package is the only one that wires the others together, prints and exits: one file per command, and beside them
// config.go (YAML, environment, flags), exit.go (exit codes), progress.go and the sessions that commands work in.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr, time.Now))
}

// run is the whole program but for the process: it never exits by itself, so that tests can call it.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer, clock func() time.Time) int {
	a := &app{getenv: getenv, stdout: stdout, stderr: stderr, clock: clock}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	return a.finish(ctx, err)
}
