package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

func (a *app) syncCommand() *cobra.Command {
	var from, to, movedFrom string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "sync",
		Short: "Bring the mirror up to date with the API",
		Long: `Read what is new, what may have been missed, and every payout that is not final, whatever its age.
Interrupted work goes on where it was. With --from and --to: exactly that range.

A mirror belongs to one API. When the provider moves it to another address, say so once, with --moved-from and
the old address; the new one must know the payouts of the mirror.`,
		Example: `  payrecon sync
  payrecon sync --from 2026-03-01 --to 2026-03-31
  payrecon sync --json --wait 10m`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, given, err := rangeFlags(from, to)
			if err != nil {
				return err
			}
			if err := a.canBegin(); err != nil {
				return err
			}
			return a.write(cmd.Context(), "sync", wait, func(ctx context.Context, s *session) error {
				if movedFrom != "" {
					if err := s.moved(ctx, movedFrom); err != nil {
						return err
					}
				}
				summary, err := s.sync(ctx, func(ctx context.Context, sy *payoutsync.Syncer) (*payout.SyncSummary, error) {
					if given {
						return sy.Range(ctx, s.run.ID, p.From, p.To)
					}
					return sy.Nightly(ctx, s.run.ID)
				})
				return s.reportSync(summary, err)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first UTC day (YYYY-MM-DD)")
	cmd.Flags().StringVar(&to, "to", "", "last UTC day (YYYY-MM-DD)")
	cmd.Flags().StringVar(&movedFrom, "moved-from", "", "the API has moved from this address to api.base_url: check that it is the same one, and go on with the mirror")
	waitFlag(cmd, &wait)
	a.deadlineFlag(cmd, deadlineEnds)
	cmd.AddCommand(a.verifyCommand())
	return cmd
}

// sync connects, syncs and keeps the summary with the run, also when the sync did not get to its end.
func (s *session) sync(ctx context.Context, work func(context.Context, *payoutsync.Syncer) (*payout.SyncSummary, error)) (*payout.SyncSummary, error) {
	client, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	if s.getenv("GOGC") == "" {
		debug.SetGCPercent(50) // pages come and go: a smaller heap costs little and keeps a million payouts under 150 MB
	}
	bar := s.newProgress("sync")
	defer bar.done()
	summary, err := work(ctx, s.syncer(client, bar.sync))
	if summary == nil {
		return nil, err
	}
	for _, alert := range summary.Alerts {
		s.log.Warn(alert)
	}
	after := context.WithoutCancel(ctx)
	if !s.mayWrite(after, "the summary of this sync") {
		return summary, err
	}
	sumErr := s.m.SumDays(after)
	if errors.Is(sumErr, money.ErrOverflow) { // everything is in the mirror; what adds it up says so for itself
		s.log.Warn("the daily sums are not brought up to date", "why", sumErr)
		sumErr = nil
	}
	return summary, errors.Join(err, s.m.SaveSync(after, summary), sumErr)
}

// sync shows the progress of a sync.
func (p *progress) sync(now payoutsync.Progress) {
	if now.Task == "backfill" || now.Task == "verify" {
		p.what = now.Task
	}
	p.show(now.DaysDone, now.Days, "days", syncPieces(now)...)
}

// syncPieces are those of "asking for open payouts, 982 payouts, 7 windows, 120/s, 2 requests sent again".
func syncPieces(now payoutsync.Progress) (more []string) {
	switch now.Phase {
	case "sweep":
		more = append(more, "asking for open payouts")
	case "again":
		more = append(more, "walking days again")
	}
	more = append(more, plural(int64(now.Rows), "payout"))
	if now.Windows > 0 {
		more = append(more, plural(int64(now.Windows), "window"))
	}
	if seconds := now.Elapsed / time.Second; seconds > 0 && now.Rows > 0 {
		more = append(more, fmt.Sprintf("%d/s", now.Rows/int(seconds)))
	}
	if now.Retries > 0 {
		more = append(more, plural(int64(now.Retries), "request")+" sent again")
	}
	return more
}

// verify walks a range again and prints how the mirror compared.
func (s *session) verify(ctx context.Context, p payout.Period) error {
	var report *payoutsync.VerifyReport
	summary, err := s.sync(ctx, func(ctx context.Context, sy *payoutsync.Syncer) (_ *payout.SyncSummary, err error) {
		if report, err = sy.Verify(ctx, s.run.ID, p.From, p.To); report == nil {
			return nil, err
		}
		return &report.SyncSummary, err
	})
	if summary == nil {
		return err
	}
	if s.asJSON {
		if printed := s.printJSON(report); printed != nil {
			return printed
		}
	} else {
		if err != nil {
			fmt.Fprint(s.stdout, "Stopped before its end: ")
		}
		s.printVerified(report)
	}
	return worst(err, incomplete(report.Gaps), disproved(report))
}

func (s *session) printVerified(report *payoutsync.VerifyReport) {
	fmt.Fprintf(s.stdout, "%s compared, %s. Missing in the mirror: %d; different: %d; in the mirror and not shown by the API any more: %d.\n",
		plural(int64(report.Compared), "payout"), report.Period, len(report.Missing), len(report.Differs), len(report.Gone))
	if n := len(report.Vanished); n > 0 {
		fmt.Fprintf(s.stdout, "Known to have vanished before, and still not shown: %d.\n", n)
	}
	for _, part := range []struct {
		what string
		ids  []string
	}{{"missing", report.Missing}, {"differed", report.Differs}, {"gone", report.Gone}, {"vanished", report.Vanished}} {
		for _, id := range part.ids {
			fmt.Fprintf(s.stdout, "  %-8s %s\n", part.what, printable(id))
		}
	}
}

// disproved is the end of a verification that found days to have been shown complete and not to be so, or payouts of ended
// days to be shown no more. The days may be complete by now, but nobody knew when reports were made of them.
func disproved(report *payoutsync.VerifyReport) error {
	var words []string
	switch days := report.Disproved; len(days) {
	case 0:
	case 1:
		words = append(words, fmt.Sprintf("%s had been shown complete and was not: reconcile and report that day again", days[0]))
	default:
		words = append(words, fmt.Sprintf("%s had been shown complete and were not: reconcile and report those days again", daysInWords(days)))
	}
	switch days := report.GoneDays; {
	case len(days) == 0:
	case len(report.Gone) == 1:
		words = append(words, fmt.Sprintf("a payout of %s is in the mirror and not shown by the API any more: ask the provider what became of it", days[0]))
	default:
		words = append(words, fmt.Sprintf("payouts of %s are in the mirror and not shown by the API any more: ask the provider what became of them", daysInWords(days)))
	}
	if len(words) == 0 {
		return nil
	}
	return &outcomeError{exitIncomplete, errors.New(strings.Join(words, "; "))}
}

// canBegin refuses to begin a mirror that nothing could fill, for want of an address or a secret: it would look like that of
// an API without payouts.
func (a *app) canBegin() error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if !cfg.noMirrorYet() {
		return nil
	}
	_, err = a.client()
	return err
}

// backfill reads a range of history.
func (a *app) backfill(ctx context.Context, p payout.Period, wait time.Duration) error {
	if err := a.canBegin(); err != nil {
		return err
	}
	return a.write(ctx, "backfill", wait, func(ctx context.Context, s *session) error {
		summary, err := s.sync(ctx, func(ctx context.Context, sy *payoutsync.Syncer) (*payout.SyncSummary, error) {
			return sy.Backfill(ctx, s.run.ID, p.From, p.To)
		})
		return s.reportSync(summary, err)
	})
}

// reportSync prints what a sync did and turns gaps into an exit code.
func (s *session) reportSync(summary *payout.SyncSummary, err error) error {
	if summary != nil {
		if s.asJSON {
			if printed := s.printJSON(summary); printed != nil {
				return printed
			}
		} else {
			fmt.Fprintln(s.stdout, syncInWords(summary))
		}
	}
	if err != nil {
		return err
	}
	return incomplete(summary.Gaps)
}

func syncInWords(s *payout.SyncSummary) string {
	text := fmt.Sprintf("%s read in %s (%s, of which sent again: %d): %d new, %d changed, %d unchanged; open or late ones asked for again: %d.",
		plural(int64(s.Rows), "payout"), plural(int64(s.Pages), "page"), plural(int64(s.Requests), "request"), s.Retries, s.New, s.Changed, s.Unchanged, s.Swept)
	switch {
	case s.Complete:
		return text + " Every ended day of this run is complete."
	case len(s.Gaps) == 0:
		return text + " It did not come to its end."
	}
	return text + " Not shown complete: " + daysInWords(s.Gaps) + "."
}

func (a *app) verifyCommand() *cobra.Command {
	var from, to string
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Walk a range again and compare it with the mirror",
		Long: `Walk a range again and compare ids and content with the mirror. Differences are reported, new facts are kept, and the
days' evidence changes accordingly. Payouts missing from a day that had been shown complete, or gone from a day that has ended,
end it with 3; one that was known to have vanished, or whose content alone has changed, does not: payouts change.`,
		Example: "  payrecon sync verify --from 2026-03-01 --to 2026-03-31",
		Args:    a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, given, err := rangeFlags(from, to)
			if err != nil {
				return err
			}
			if !given {
				return payout.Errorf(payout.KindInput, "--from and --to: say which days to verify")
			}
			return a.write(cmd.Context(), "sync verify", wait, func(ctx context.Context, s *session) error { return s.verify(ctx, p) })
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first UTC day (YYYY-MM-DD)")
	cmd.Flags().StringVar(&to, "to", "", "last UTC day (YYYY-MM-DD)")
	waitFlag(cmd, &wait)
	a.deadlineFlag(cmd, deadlineEnds)
	return cmd
}

func (a *app) backfillCommand() *cobra.Command {
	var from, to string
	var workers int
	var dryRun bool
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Read history: a range of days, by several workers, resumably",
		Long: `Read a range of history. Interrupted work goes on where it was, also with other flags and on another
day. A backfill never moves the start of nightly runs, and gives way to a command that waits.`,
		Example: `  payrecon backfill --from 2025-01-01 --to 2025-12-31 --dry-run
  payrecon backfill --from 2025-01-01 --to 2025-12-31 --workers 8`,
		Args: a.noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, given, err := rangeFlags(from, to)
			if err != nil {
				return err
			}
			if !given {
				return payout.Errorf(payout.KindInput, "--from and --to: say which days to read")
			}
			if cmd.Flags().Changed("workers") && (workers < 1 || workers > 64) {
				return payout.Errorf(payout.KindInput, "--workers %d: want 1 to 64", workers)
			}
			cfg, err := a.configuration()
			if err != nil {
				return err
			}
			if workers > 0 {
				cfg.Sync.Workers = workers
			}
			if dryRun {
				return a.planBackfill(cmd.Context(), p)
			}
			return a.backfill(cmd.Context(), p, wait)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first UTC day (YYYY-MM-DD)")
	cmd.Flags().StringVar(&to, "to", "", "last UTC day (YYYY-MM-DD)")
	cmd.Flags().IntVar(&workers, "workers", 0, "windows read at once, 1 to 64 (default sync.workers)")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, ask the API for nothing, write nothing")
	waitFlag(cmd, &wait)
	a.deadlineFlag(cmd, deadlineEnds)
	return cmd
}
