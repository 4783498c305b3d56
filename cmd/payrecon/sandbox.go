package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	"payrecon/report"
)

func (a *app) sandboxCommand() *cobra.Command {
	var addr, now, since, ledger, key string
	var publicKeys []string
	var o sandbox.Options
	cmd := &cobra.Command{
		Use:   "sandbox",
		Short: "A local payouts API, for training, tests and load tests",
		Args:  a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			clock, start, err := a.sandboxClock(now, since)
			if err != nil {
				return err
			}
			var laid atomic.Bool
			o.Now = func() time.Time {
				if laid.Load() {
					return clock()
				}
				return start
			}
			if o.Keys, err = readPublicKeys(publicKeys); err != nil {
				return err
			}
			s, err := sandbox.New(o)
			if err != nil {
				return payout.Errorf(payout.KindInput, "%w", err)
			}
			laid.Store(true)
			if err := writeSandboxFiles(s, ledger, key); err != nil {
				return err
			}
			return a.serveSandbox(cmd.Context(), s, addr, start)
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.StringVar(&addr, "addr", "127.0.0.1:8099", "address to listen on; port 0 takes a free one")
	fl.StringVar(&now, "now", "", "stop the clock at this instant (YYYY-MM-DDTHH:MM:SSZ); default: it runs, from now")
	fl.StringVar(&since, "since", "", "lay the payouts out as of this instant, as it is said at the start: the same ones again; the clock runs")
	fl.StringVar(&ledger, "ledger", "", "write the matching ledger CSV, with breaks planted in it, to this file")
	fl.StringVar(&key, "key", "", "write the expected outcome of every record, as CSV, to this file")
	fl.StringArrayVar(&publicKeys, "public-key", nil, "accept requests signed by this key: ID=FILE (PEM); repeat the flag")
	cmd.Long = sandboxMenu(fl, o.Flags())
	cmd.Example = `  payrecon sandbox --ledger ledger.csv
  PAYRECON_API_URL=http://127.0.0.1:8099 PAYRECON_API_TOKEN=sandbox-token payrecon run --ledger ledger.csv

  payrecon sandbox --latency 50ms --errors 20 --error-body html --rate-limit 20 --retry-after seconds
  payrecon sandbox --payouts 1000000 --days 365`
	return cmd
}

// sandboxMenu binds the sandbox's own options beside those of the command, and returns a menu of all: what there is, and what
// can go wrong with it.
func sandboxMenu(fl *pflag.FlagSet, options []*sandbox.Flag) string {
	var b strings.Builder
	b.WriteString("Serve a faithful payouts API over data that follows from a seed, until Ctrl-C. It writes the matching ledger\n" +
		"too. Everything below can be combined, but for --now and --since.\n\nServing\n")
	line := func(f *pflag.Flag) { fmt.Fprintf(&b, "  --%-18s %s\n", f.Name, f.Usage) }
	fl.VisitAll(line)
	group := ""
	for _, o := range options {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "\n%s\n", group)
		}
		fl.Var(o, o.Name, o.Help)
		f := fl.Lookup(o.Name)
		f.NoOptDefVal = o.Bare
		line(f)
	}
	return b.String()
}

// sandboxClock returns a clock that stands at the instant now, or runs, and the instant that the payouts are laid out for.
func (a *app) sandboxClock(now, since string) (clock func() time.Time, start time.Time, err error) {
	instant := func(flag, value string) (t time.Time) {
		if t, err = time.Parse(time.RFC3339, value); err != nil {
			err = payout.Errorf(payout.KindInput, "%s %q: want an instant such as 2026-03-31T02:30:00Z", flag, value)
		}
		return t.UTC()
	}
	switch {
	case now != "" && since != "":
		return nil, start, payout.Errorf(payout.KindInput, "--now and --since exclude each other: the clock stands, or it runs")
	case now != "":
		start = instant("--now", now)
		return func() time.Time { return start }, start, err
	case since != "":
		start = instant("--since", since)
		return a.clock, start, err
	}
	return a.clock, a.clock().UTC().Truncate(time.Second), nil
}

// writeSandboxFiles writes the ledger and its key where they were asked for.
func writeSandboxFiles(s *sandbox.Sandbox, ledger, key string) error {
	if ledger != "" {
		if err := report.WriteWhole(ledger, "", s.WriteLedger); err != nil {
			return payout.Errorf(payout.KindInput, "--ledger %s: %w", ledger, err)
		}
	}
	if key != "" {
		if err := report.WriteWhole(key, "", func(w io.Writer) error { return writeKey(w, s.Key()) }); err != nil {
			return payout.Errorf(payout.KindInput, "--key %s: %w", key, err)
		}
	}
	return nil
}

func writeKey(w io.Writer, key []sandbox.Expected) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{"ref_id", "payout_ids", "ledger_lines", "outcome", "cell", "in_period", "story"}) // Error below
	for _, e := range key {
		lines := make([]string, len(e.Lines))
		for i, n := range e.Lines {
			lines[i] = strconv.Itoa(n)
		}
		_ = c.Write([]string{
			e.RefID, strings.Join(e.Payouts, " "), strings.Join(lines, " "), e.Outcome.String(), e.Cell.Info().Code,
			strconv.FormatBool(e.InPeriod), e.Story,
		})
	}
	c.Flush()
	return c.Error()
}

// serveSandbox listens and says how to reach it, until the context ends.
func (a *app) serveSandbox(ctx context.Context, s *sandbox.Sandbox, addr string, start time.Time) error {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return payout.Errorf(payout.KindInput, "--addr %s: %w", addr, err)
	}
	url := "http://" + l.Addr().String()
	fmt.Fprintln(a.stdout, url)
	if f, ok := a.stdout.(*os.File); ok {
		_ = f.Sync() // scripts wait for this line; a pipe cannot be synced, and need not be
	}
	o := s.Options()
	a.say("The sandbox serves %s at %s (OpenAPI at %s/openapi.yaml). In another shell:", plural(int64(o.Payouts), "payout"), url, url)
	a.say("  export PAYRECON_API_URL=%s", url)
	switch {
	case o.Token != "":
		a.say("  export PAYRECON_API_TOKEN=%s", o.Token)
	case o.Basic != "":
		a.say("  export PAYRECON_API_BASIC=%s", o.Basic)
	}
	for _, id := range sortedKeys(o.Keys) {
		a.say("  and in payrecon.yaml, api.auth: {key: {member_id: %q, key_id: %q, file: \"file:PRIVATE.pem\"}}", o.MemberID, id)
	}
	a.say("Ctrl-C ends it; the same payouts again: add --since %s", start.Format(time.RFC3339))
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	_ = server.Close() // requests under way are cut: it is a sandbox
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
