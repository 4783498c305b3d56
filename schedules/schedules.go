package schedules

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"time"

	"payrecon/internal/payout"
)

// Job is one thing to run at certain times.
type Job struct {
	Name     string        // unique; letters, digits, point, dash and underscore
	Cron     string        // five fields, @daily and the like, or @every D; may begin with CRON_TZ=Zone
	Timezone string        // IANA name; "" = UTC, or the zone in Cron
	Run      string        // what to run: opaque here
	CatchUp  bool          // whether due times missed are made up for by one start
	Timeout  time.Duration // 0 = none
	Jitter   time.Duration // the start is delayed by up to this much, another delay every time
	Place    string        // where the job stands in the configuration, for error messages
}

// The outcomes that this package puts on record; all others are the words of the function that runs the jobs.
const (
	FirstSeen    = "new"           // never started yet: what was due before this record is not missed
	Running      = "running"       // it runs, or it ran when the process was killed
	RunningAgain = "running_again" // likewise, for the one repetition after an interruption
	Interrupted  = "interrupted"   // the process was told to stop; the start is repeated, once. Also for run to return
	Abandoned    = "abandoned"     // interrupted or killed twice, or not to be repeated
	Missed       = "missed"        // it was due while nothing ran the schedule, and it does not catch up
	TimedOut     = "timeout"       // stopped after Job.Timeout
	Panicked     = "panic"         // a defect in the program
)

// State is where starts are put on record. LastJob returns the latest start, ok false when there is none. SaveJob adds
// a start, or replaces the one of the same job, due day and start time.
type State interface {
	LastJob(ctx context.Context, name string) (last payout.JobRun, ok bool, err error)
	SaveJob(ctx context.Context, run payout.JobRun) error
}

// RunFunc does what a job is for and says how it ended, in a code and a sentence. It must heed its context, which the
// job's timeout and the end of the program cancel, and return Interrupted when that stopped it: Run waits for it.
type RunFunc func(ctx context.Context, job Job) (outcome, words string)

// Options are the things that a Scheduler needs from outside. The zero value works.
type Options struct {
	Clock  func() time.Time // time.Now
	Tick   time.Duration    // how often due-ness is looked at, at least; 15s
	Logger *slog.Logger     // discards
	Seed   uint64           // of the jitter; 0 = random, so that installations with one configuration differ
	// Lock is the path of the lock files, to which ".NAME.lock" is added; "" = no lock against other processes.
	Lock string
	// Ended is told of every start that ended, also of those that a person asked for, and of those missed. Its context is
	// not cancelled when the program is stopped: it must bound itself.
	Ended func(ctx context.Context, job Job, run payout.JobRun)
}

// Scheduler runs jobs when they are due. Its methods may be called from several goroutines.
type Scheduler struct {
	jobs  []*task
	state State
	run   RunFunc
	o     Options
}

// task is a job with what this process knows of it.
type task struct {
	Job
	spec *spec

	mu      sync.Mutex
	running bool
	known   bool      // the record was read or begun
	handled time.Time // due times up to here need nothing more
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// New checks the jobs and returns their scheduler. A job that cannot be scheduled is an error of payout.KindInput that
// names its place, name, expression and what is wrong with it.
func New(jobs []Job, state State, run RunFunc, o Options) (*Scheduler, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Tick <= 0 {
		o.Tick = 15 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	s := &Scheduler{state: state, run: run, o: o}
	names := map[string]bool{}
	for _, job := range jobs {
		t, err := newTask(job)
		if err == nil && names[job.Name] {
			err = fmt.Errorf("the name is taken by an earlier job")
		}
		if err != nil {
			place := job.Place
			if place != "" {
				place += ": "
			}
			return nil, payout.Errorf(payout.KindInput, "%sjob %q: %w", place, job.Name, err)
		}
		names[job.Name] = true
		s.jobs = append(s.jobs, t)
	}
	return s, nil
}

func newTask(job Job) (*task, error) {
	if !nameForm.MatchString(job.Name) {
		return nil, fmt.Errorf("the name must be letters, digits, points, dashes and underscores, 64 at most")
	}
	parsed, err := parseSpec(job.Cron, job.Timezone)
	if err != nil {
		return nil, fmt.Errorf("cron: %w", err)
	}
	if job.Timeout < 0 || job.Jitter < 0 {
		return nil, fmt.Errorf("timeout and jitter must not be negative")
	}
	if job.Jitter > 0 {
		if shortest := parsed.shortest(); job.Jitter >= shortest {
			return nil, fmt.Errorf("jitter %s must be shorter than the time between two starts, which can be %s", job.Jitter, shortest)
		}
	}
	return &task{Job: job, spec: parsed}, nil
}

// shortest returns the shortest time between two due times among the first hundreds.
func (s *spec) shortest() time.Duration {
	if s.every > 0 {
		return s.every
	}
	shortest := time.Duration(1<<63 - 1)
	for w, n := s.wall.Next(searchFrom), 0; n < 500; n++ {
		following := s.wall.Next(w)
		if following.IsZero() {
			break
		}
		shortest = min(shortest, following.Sub(w))
		w = following
	}
	return shortest
}

// Status is what a list of schedules shows of one job.
type Status struct {
	Job  Job
	Next time.Time      // in the job's zone, without jitter; zero when it never comes again
	Last *payout.JobRun // nil when it was never started
}

// Statuses returns the jobs in the order given, with their next and last times.
func (s *Scheduler) Statuses(ctx context.Context) ([]Status, error) {
	out := make([]Status, 0, len(s.jobs))
	for _, t := range s.jobs {
		st := Status{Job: t.Job}
		if d, ok := t.spec.next(s.o.Clock()); ok {
			st.Next = d.at
		}
		last, ok, err := s.state.LastJob(ctx, t.Name)
		if err != nil {
			return nil, err
		}
		if ok && last.Outcome != FirstSeen {
			st.Last = &last
		}
		out = append(out, st)
	}
	return out, nil
}

// Next returns when the job is due next, in its zone and without jitter.
func (s *Scheduler) Next(name string) (time.Time, error) {
	t, err := s.find(name)
	if err != nil {
		return time.Time{}, err
	}
	d, ok := t.spec.next(s.o.Clock())
	if !ok {
		return time.Time{}, payout.Errorf(payout.KindNotFound, "job %q is not due again in the next years", name)
	}
	return d.at, nil
}

func (s *Scheduler) find(name string) (*task, error) {
	names := make([]string, 0, len(s.jobs))
	for _, t := range s.jobs {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return nil, payout.Errorf(payout.KindInput, "no job %q: no schedules are configured", name)
	}
	return nil, payout.Errorf(payout.KindInput, "no job %q (there are: %s)", name, strings.Join(names, ", "))
}

// delay is the jitter of one due time: the same whenever it is asked for in this process.
func (s *Scheduler) delay(t *task, d due) time.Duration {
	if t.Jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	fmt.Fprint(h, s.o.Seed, t.Name, d.at.Unix())
	return time.Duration(h.Sum64() % uint64(t.Jitter))
}
