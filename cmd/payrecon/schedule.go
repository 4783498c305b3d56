package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/schedules"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Run the configured jobs when they are due: list, run one now, start",
		Args:  a.noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use:     "list",
			Short:   "The jobs, when they run next, and how they ended last",
			Example: "  payrecon schedule list",
			Args:    a.noArgs,
			RunE:    func(cmd *cobra.Command, _ []string) error { return a.listSchedules(cmd.Context()) },
		},
		&cobra.Command{
			Use:     "run NAME",
			Short:   "Run one job now, exactly as the schedule would",
			Example: "  payrecon schedule run nightly",
			Args:    exactly(1, "a job's name, as in `payrecon schedule list`"),
			RunE:    func(cmd *cobra.Command, args []string) error { return a.runScheduled(cmd.Context(), args[0]) },
		},
		a.scheduleStartCommand(),
	)
	return cmd
}

func (a *app) scheduleStartCommand() *cobra.Command {
	var address string
	var anywhere bool
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Stay and run the jobs when they are due, until SIGTERM",
		Long: `Stay and run the configured jobs: exactly once per local date, also when the clocks change; a night that
was missed while the machine was off is made up for once. What is due comes from the mirror, so restarts do not
matter. SIGTERM interrupts a running job cleanly.

With --listen, two pages are served meanwhile, to this machine only unless --listen-anywhere is added:
  /metrics   figures for Prometheus: last success, duration, exit code, rows, requests and retries of each
             command, age and gaps of what is complete, open items by severity, the latest conclusion
  /healthz   200 while the schedule looks at its jobs and none is overdue; else 503, and what is wrong in words
"payrecon run", from cron say, and every job leave the same figures in the file that metrics.textfile names.`,
		Example: "  payrecon schedule start\n  payrecon schedule start --listen 127.0.0.1:9108",
		Args:    a.noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.startSchedules(cmd.Context(), address, anywhere) },
	}
	cmd.Flags().StringVar(&address, "listen", "", "serve /metrics and /healthz at this address, such as 127.0.0.1:9108")
	cmd.Flags().BoolVar(&anywhere, "listen-anywhere", false, "allow --listen at an address that other machines reach")
	return cmd
}

// scheduledWait is how long a scheduled job waits for the lease.
const scheduledWait = 30 * time.Minute

// jobRunner runs jobs as child invocations of this program: same process, own flags, own configuration.
func (a *app) jobRunner(ctx context.Context, job schedules.Job) (outcome, words string) {
	fields := strings.Fields(job.Run)
	child := &app{getenv: a.getenv, stdout: a.stdout, stderr: a.stderr, clock: a.clock, transport: a.transport, configPath: a.configPath, dbPath: a.dbPath}
	if a.asJSON {
		child.stdout = a.stderr // stdout is for the one document about the job
	}
	args := append(fields, "--wait", scheduledWait.String())
	if a.configPath != "" {
		args = append(args, "--config", a.configPath)
	}
	if a.dbPath != "" {
		args = append(args, "--db", a.dbPath)
	}
	if commandOf(job) == "report" {
		args = append(fields[:len(fields):len(fields)], args[len(fields)+2:]...) // report takes no lease
	}
	root := child.rootCommand()
	root.SetArgs(args)
	root.SetOut(child.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if commandOf(job) != "run" { // which does this itself
		a.leaveMetrics(ctx)
	}
	code := exitCode(err)
	words = "done"
	if err != nil {
		words = err.Error()
		a.log.Error("job ended", "job", job.Name, "exit", code, "error", words)
	}
	if ctx.Err() != nil && code != exitDone {
		return schedules.Interrupted, words
	}
	return jobOutcomes[code], words
}

// commandOf is the command that a job runs.
func commandOf(job schedules.Job) string {
	command, _, _ := strings.Cut(strings.TrimSpace(job.Run), " ")
	return command
}

// jobOutcomes are the words for exit codes in a job's record.
var jobOutcomes = map[int]string{
	exitDone: "ok", exitFailed: "failed", exitInput: "input", exitIncomplete: "incomplete", exitBreaks: "breaks", exitAuth: "refused",
	exitBusy: "busy", exitInterrupted: schedules.Interrupted,
}

// jobs turns the configuration's schedules into jobs.
func (c *config) jobs() []schedules.Job {
	var jobs []schedules.Job
	for i, j := range c.Schedules {
		jobs = append(jobs, schedules.Job{
			Name: j.Name, Cron: j.Cron, Timezone: string(j.Timezone), Run: strings.Join(j.Run, " "), CatchUp: j.catchUp(),
			Timeout: time.Duration(j.Timeout), Jitter: time.Duration(j.Jitter), Place: c.place(fmt.Sprintf("schedules[%d].cron", i)),
		})
	}
	return jobs
}

// scheduler opens the mirror for job records and returns the scheduler over it. Job records are small and rare: they are
// written beside the lease, in their own transactions.
func (a *app) withScheduler(ctx context.Context, list bool, work func(*schedules.Scheduler) error) error {
	return a.withWatchedScheduler(ctx, list, a.clock, func(s *schedules.Scheduler, _ *mirror.Mirror) error { return work(s) })
}

// withWatchedScheduler is withScheduler for whoever wants to see it read the clock, and the mirror that it works on.
func (a *app) withWatchedScheduler(ctx context.Context, list bool, clock func() time.Time, work func(*schedules.Scheduler, *mirror.Mirror) error) (err error) {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if len(cfg.Schedules) == 0 && !list {
		return payout.Errorf(payout.KindInput, "no schedules are configured: see `schedules` in payrecon.yaml (`payrecon init` writes one)")
	}
	if _, err := schedules.New(cfg.jobs(), nil, a.jobRunner, schedules.Options{}); err != nil {
		return err
	}
	m, err := a.openForJobs(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	s, err := schedules.New(cfg.jobs(), m, a.jobRunner, schedules.Options{
		Clock: clock, Logger: a.log, Lock: cfg.Database, Ended: a.tellOfJob(m),
	})
	if err != nil {
		return err
	}
	return work(s, m)
}

// openForJobs opens the mirror for writing; the lease is held only while the schema may have to be created.
func (a *app) openForJobs(ctx context.Context, cfg *config) (*mirror.Mirror, error) {
	lease, err := mirror.Acquire(ctx, cfg.Database, "payrecon schedule", scheduledWait)
	if err != nil {
		return nil, err
	}
	m, err := mirror.Open(ctx, cfg.Database, mirror.Options{Clock: a.clock, Logger: a.log})
	return m, errors.Join(err, lease.Release())
}

func (a *app) listSchedules(ctx context.Context) error {
	return a.withScheduler(ctx, true, func(s *schedules.Scheduler) error {
		list, err := s.Statuses(ctx)
		if err != nil {
			return err
		}
		if a.asJSON {
			return a.printJSON(map[string]any{"schedules": schedulesJSON(list)})
		}
		t := table{head: []string{"JOB", "CRON", "RUNS", "NEXT", "LAST", "TOOK", "OUTCOME", "LAST WORD"}}
		for _, st := range list {
			next, last, took, outcome, words := "never", "-", "-", "-", ""
			if !st.Next.IsZero() {
				next = st.Next.Format("2006-01-02 15:04 MST")
			}
			if l := st.Last; l != nil {
				last, outcome, words = l.Started.String(), l.Outcome, shorten(l.Words, 80)
				if l.Ended > 0 {
					took = l.Ended.Time().Sub(l.Started.Time()).Round(time.Second).String()
				}
			}
			t.add(st.Job.Name, st.Job.Cron, st.Job.Run, next, last, took, outcome, words)
		}
		return t.writeText(a.stdout)
	})
}

// jobJSON is a job in schedule list --json and status --json.
type jobJSON struct {
	Name string         `json:"name"`
	Cron string         `json:"cron"`
	Run  string         `json:"run"`
	Next payout.Millis  `json:"next"`
	Last *payout.JobRun `json:"last"`
}

func schedulesJSON(list []schedules.Status) []jobJSON {
	out := []jobJSON{}
	for _, st := range list {
		j := jobJSON{Name: st.Job.Name, Cron: st.Job.Cron, Run: st.Job.Run, Last: st.Last}
		if !st.Next.IsZero() {
			j.Next = payout.MillisOf(st.Next)
		}
		out = append(out, j)
	}
	return out
}

func (a *app) runScheduled(ctx context.Context, name string) error {
	return a.withScheduler(ctx, false, func(s *schedules.Scheduler) error {
		run, err := s.RunNow(ctx, name)
		if err != nil {
			return err
		}
		if a.asJSON {
			if err := a.printJSON(run); err != nil {
				return err
			}
		}
		if run.Outcome == "ok" {
			return nil
		}
		for code, outcome := range jobOutcomes {
			if outcome == run.Outcome {
				return &outcomeError{code, fmt.Errorf("job %q ended: %s", name, run.Words)}
			}
		}
		return fmt.Errorf("job %q ended: %s, %s", name, run.Outcome, run.Words)
	})
}

// startSchedules runs the schedule until it is told to stop. address "" = nobody watches.
func (a *app) startSchedules(ctx context.Context, address string, anywhere bool) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	w := &watch{app: a, cfg: cfg, began: a.clock()}
	var l net.Listener
	if address != "" {
		if l, err = listen(ctx, address, anywhere); err != nil {
			return err
		}
		defer l.Close()
	}
	return a.withWatchedScheduler(ctx, false, w.tick, func(s *schedules.Scheduler, m *mirror.Mirror) error {
		list, err := s.Statuses(ctx)
		if err != nil {
			return err
		}
		for _, st := range list {
			a.log.Info("scheduled", "job", st.Job.Name, "cron", st.Job.Cron, "next", st.Next)
		}
		if w.m = m; l != nil {
			a.log.Info("metrics and health are served", "address", l.Addr().String())
			defer w.serve(ctx, l)()
		}
		return s.Run(ctx)
	})
}
