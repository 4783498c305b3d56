package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
Every command that writes to the database, from cron say, leaves the same figures in the file that metrics.textfile names.`,
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

// jobRunner runs jobs as child invocations of this program: same process, own flags, own configuration. It leaves in runs,
// by the job's name, the run that the job is on record as, 0 = none, for whoever is told of its end.
func (a *app) jobRunner(runs *sync.Map) schedules.RunFunc {
	return func(ctx context.Context, job schedules.Job) (outcome, words string) {
		child := a.child()
		defer func() { runs.Store(job.Name, child.recorded) }() // also when it panics
		return a.runJob(ctx, job, child)
	}
}

func (a *app) runJob(ctx context.Context, job schedules.Job, child *app) (outcome, words string) {
	command, err := a.jobWords(job)
	if err == nil {
		root := child.rootCommand()
		root.SetArgs(command)
		root.SetOut(a.stdout)
		root.SetErr(a.stderr)
		err = root.ExecuteContext(ctx)
	}
	code := exitCode(err)
	if ctx.Err() != nil && code != exitDone {
		return schedules.Interrupted, lastWord(err)
	}
	return jobOutcomes[code], lastWord(err)
}

// child is another invocation of the program with the same surroundings.
func (a *app) child() *app {
	child := &app{getenv: a.getenv, stdout: a.stdout, stderr: a.stderr, clock: a.clock, transport: a.transport}
	if a.asJSON {
		child.stdout = a.stderr // stdout is for the one document about the job
	}
	return child
}

// jobWords returns the command line of a job: what this invocation was given, then the job's own words, which win.
func (a *app) jobWords(job schedules.Job) ([]string, error) {
	cfg, err := a.configuration()
	if err != nil {
		return nil, err
	}
	var args []string
	if a.configPath != "" {
		args = append(args, "--config", a.configPath)
	}
	if a.dbPath != "" {
		args = append(args, "--db", a.dbPath)
	}
	if a.verbose {
		args = append(args, "--verbose")
	}
	if a.quiet {
		args = append(args, "--quiet")
	}
	own := cfg.Schedules[slices.IndexFunc(cfg.Schedules, func(j jobConfig) bool { return j.Name == job.Name })].Run
	cmd, err := a.readJob(own)
	if err != nil {
		return nil, err
	}
	args = append(args, own...)
	if wait := cmd.Flags().Lookup("wait"); wait != nil && !wait.Changed {
		args = append(args, "--wait", scheduledWait.String())
	}
	return args, nil
}

// checkJobs reads the words of every job as the command line would, so that what is wrong with them is found when the
// schedule starts and not at night. Nothing is run. Each error names the place in the file.
func (a *app) checkJobs(cfg *config) (bad []error) {
	for i, j := range cfg.Schedules {
		if _, err := a.readJob(j.Run); err != nil {
			bad = append(bad, cfg.inputError(fmt.Sprintf("schedules[%d].run", i), "job %q: %v", j.Name, err))
		}
	}
	return bad
}

// readJob returns the command that the words of a job name, with its flags read and their values looked at.
func (a *app) readJob(words []string) (*cobra.Command, error) {
	cmd, rest, err := a.child().rootCommand().Find(words)
	if err != nil {
		return nil, err
	}
	switch err := cmd.ParseFlags(rest); {
	case errors.Is(err, pflag.ErrHelp):
		return nil, errors.New("--help does no work")
	case err != nil:
		return nil, cmd.FlagErrorFunc()(cmd, err)
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return nil, err
	}
	value := func(name string) string {
		if f := cmd.Flags().Lookup(name); f != nil {
			return f.Value.String()
		}
		return ""
	}
	_, badSeverity := failOn(value("fail-on"))
	_, badInstant := a.asOfFlag(value("as-of"))
	_, dated, badRange := rangeFlags(value("from"), value("to"))
	if dates := cmd.Name() == "backfill" || cmd.Name() == "verify"; dates && !dated && badRange == nil {
		badRange = fmt.Errorf("%s needs --from and --to", cmd.CommandPath())
	}
	return cmd, cmp.Or(badSeverity, badInstant, badRange)
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

// checkedJobs returns the jobs, all of which can be scheduled and run.
func (a *app) checkedJobs(cfg *config) ([]schedules.Job, error) {
	jobs := cfg.jobs()
	if _, err := schedules.New(jobs, nil, nil, schedules.Options{}); err != nil {
		return nil, err
	}
	return jobs, errors.Join(a.checkJobs(cfg)...)
}

// withScheduler opens the mirror for job records, and hands on the scheduler over it, which reads the time from clock. Job
// records are small and rare: they are written beside the lease, in their own transactions.
func (a *app) withScheduler(ctx context.Context, clock func() time.Time, work func(*schedules.Scheduler, *mirror.Mirror) error) (err error) {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if len(cfg.Schedules) == 0 {
		return payout.Errorf(payout.KindInput, "no schedules are configured: see `schedules` in payrecon.yaml (`payrecon init` writes one)")
	}
	jobs, err := a.checkedJobs(cfg)
	if err != nil {
		return err
	}
	m, err := a.openForJobs(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	runs := &sync.Map{}
	s, err := schedules.New(jobs, m, a.jobRunner(runs), schedules.Options{
		Clock: clock, Logger: a.log, Lock: cfg.Database, Ended: a.jobEnded(m, runs),
	})
	if err != nil {
		return err
	}
	return work(s, m)
}

// jobEnded logs and tells how jobs ended.
func (a *app) jobEnded(store toldStore, runs *sync.Map) func(context.Context, schedules.Job, payout.JobRun) {
	tell := a.tellOfJob(store)
	return func(ctx context.Context, job schedules.Job, run payout.JobRun) {
		level := slog.LevelInfo
		switch trouble := troubleOf(jobResult{Outcome: run.Outcome}); {
		case trouble == onIncomplete, run.Outcome == schedules.Interrupted:
			level = slog.LevelWarn
		case trouble != "":
			level = slog.LevelError
		}
		took := run.Ended.Time().Sub(run.Started.Time()).Round(time.Second)
		about := []any{"job", job.Name, "outcome", run.Outcome, "took", took.String(), "words", run.Words}
		if recorded, _ := runs.LoadAndDelete(job.Name); recorded != nil && recorded != int64(0) {
			about = append(about, "run", recorded)
		}
		a.log.Log(ctx, level, "job ended", about...)
		tell(ctx, job, run)
	}
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

// minuteForm shows an instant in the zone of its job.
const minuteForm = "2006-01-02 15:04 MST"

func (a *app) listSchedules(ctx context.Context) error {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if _, err := a.checkedJobs(cfg); err != nil {
		return err
	}
	show := func(m *mirror.Mirror) error {
		list, err := a.jobStatuses(ctx, m, cfg)
		if err != nil {
			return err
		}
		if a.asJSON {
			return a.printJSON(map[string]any{"schedules": schedulesJSON(list)})
		}
		if len(list) == 0 {
			a.say("No schedules are configured: see `schedules` in payrecon.yaml.")
			return nil
		}
		t := table{head: []string{"JOB", "CRON", "RUNS", "NEXT", "LAST", "TOOK", "OUTCOME", "LAST WORD"}}
		for _, st := range list {
			next, last, took, outcome, words := "never", "-", "-", "-", ""
			if !st.Next.IsZero() {
				next = st.Next.Format(minuteForm)
			}
			if l := st.Last; l != nil {
				last, outcome, words = l.Started.Time().In(st.Next.Location()).Format(minuteForm), l.Outcome, shorten(l.Words, 80)
				if l.Ended > 0 {
					took = l.Ended.Time().Sub(l.Started.Time()).Round(time.Second).String()
				}
			}
			t.add(st.Job.Name, st.Job.Cron, st.Job.Run, next, last, took, outcome, words)
		}
		return t.writeText(a.stdout)
	}
	if cfg.noMirrorYet() {
		return show(nil)
	}
	return a.read(ctx, show)
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
	return a.withScheduler(ctx, a.clock, func(s *schedules.Scheduler, _ *mirror.Mirror) error {
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
	return a.withScheduler(ctx, w.tick, func(s *schedules.Scheduler, m *mirror.Mirror) error {
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
		err = s.Run(ctx)
		a.log.Info("the schedule has stopped")
		return err
	})
}
