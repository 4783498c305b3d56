package schedules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"time"

	"github.com/gofrs/flock"

	"payrecon/internal/payout"
)

// RunNow runs one job now, with the same lock, record, timeout and care as the schedule, and returns its record. A job
// that runs already is an error of payout.KindBusy.
func (s *Scheduler) RunNow(ctx context.Context, name string) (payout.JobRun, error) {
	t, err := s.find(name)
	if err != nil {
		return payout.JobRun{}, err
	}
	t.mu.Lock()
	if t.running {
		t.mu.Unlock()
		return payout.JobRun{}, payout.Errorf(payout.KindBusy, "job %q runs already", name)
	}
	t.running = true
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		t.running = false
		t.mu.Unlock()
	}()
	release, held, err := s.lockSoon(ctx, t)
	if err != nil {
		return payout.JobRun{}, err
	}
	if !held {
		return payout.JobRun{}, payout.Errorf(payout.KindBusy, "job %q is being run by another process; wait for its end (see `payrecon schedule list`)", name)
	}
	defer release()
	now := s.o.Clock()
	return s.performRun(ctx, t, s.record(t, due{time.UnixMilli(0), payout.DayOf(now.In(t.spec.zone))}, now, Running, ""))
}

// perform runs the job for one due time.
func (s *Scheduler) perform(ctx context.Context, t *task, d due, as string) error {
	t.settle(d.at)
	_, err := s.performRun(ctx, t, s.record(t, d, s.o.Clock(), as, ""))
	return err
}

// performRun puts the start on record, runs the job and puts the end on record. What cannot be recorded is not started:
// nobody could tell afterwards that it was.
func (s *Scheduler) performRun(ctx context.Context, t *task, run payout.JobRun) (payout.JobRun, error) {
	run.Ended = 0
	repeated := run.Outcome == RunningAgain
	if err := s.state.SaveJob(ctx, run); err != nil {
		t.unsettle(run)
		return run, fmt.Errorf("job %q: its start cannot be put on record: %w", t.Name, err)
	}
	about := []any{"job", t.Name}
	if run.Due != 0 {
		about = append(about, "due", run.Due.String())
	}
	s.o.Logger.Info("job started", about...)
	run.Outcome, run.Words = s.guarded(ctx, t.Job)
	if repeated && run.Outcome == Interrupted {
		run.Outcome = Abandoned
	}
	run.Ended = payout.MillisOf(s.o.Clock())
	return run, s.finish(ctx, t, run)
}

// unsettle makes the due time due again: its start could not be put on record.
func (t *task) unsettle(run payout.JobRun) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if run.Due != 0 && !t.handled.After(run.Due.Time()) {
		t.handled = run.Due.Time().Add(-time.Millisecond)
	}
}

// finish puts an end on record, also when the program is being stopped, and tells whoever wants to know.
func (s *Scheduler) finish(ctx context.Context, t *task, run payout.JobRun) error {
	ended := context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeout(ended, time.Minute)
	defer cancel()
	err := s.state.SaveJob(ctx, run)
	for try := 0; err != nil && try < 3; try++ {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
			err = s.state.SaveJob(ctx, run)
		}
	}
	if s.o.Ended != nil {
		s.o.Ended(ended, t.Job, run)
	}
	if err != nil {
		return fmt.Errorf("job %q: its end cannot be put on record: %w", t.Name, err)
	}
	return nil
}

var errTimeout = errors.New("the job's timeout has passed")

// guarded runs the job under its timeout and turns a panic into an outcome.
func (s *Scheduler) guarded(ctx context.Context, job Job) (outcome, words string) {
	if job.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, job.Timeout, errTimeout)
		defer cancel()
	}
	defer func() {
		if p := recover(); p != nil {
			s.o.Logger.Error("job panicked", "job", job.Name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			outcome, words = Panicked, fmt.Sprintf("a defect in the program stopped the job: %v", p)
		}
	}()
	outcome, words = s.run(ctx, job)
	if outcome == Interrupted && errors.Is(context.Cause(ctx), errTimeout) {
		return TimedOut, fmt.Sprintf("stopped after its timeout of %s: %s", job.Timeout, words)
	}
	return outcome, words
}

// lock takes the job's lock against other processes. The file stays: removing it would let two processes lock two files.
func (s *Scheduler) lock(t *task) (release func(), held bool, err error) {
	if s.o.Lock == "" {
		return func() {}, true, nil
	}
	f := flock.New(s.o.Lock+"."+t.Name+".lock", flock.SetPermissions(fs.FileMode(0o600)))
	held, err = f.TryLock()
	if err != nil {
		return nil, false, fmt.Errorf("job %q: lock %s: %w", t.Name, f.Path(), err)
	}
	return func() { _ = f.Close() }, held, nil
}

// lockSoon is lock with some patience: a schedule in another process holds the lock for a moment while it looks whether
// the job is due.
func (s *Scheduler) lockSoon(ctx context.Context, t *task) (release func(), held bool, err error) {
	for try := 0; ; try++ {
		release, held, err = s.lock(t)
		if held || err != nil || try == 20 {
			return release, held, err
		}
		select {
		case <-ctx.Done():
			return nil, false, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// record is a start of the job at now, for one due time; it is written as ended until it runs.
func (s *Scheduler) record(t *task, d due, now time.Time, outcome, words string) payout.JobRun {
	at := payout.MillisOf(now)
	return payout.JobRun{Job: t.Name, DueDay: d.day, Due: payout.MillisOf(d.at), Started: at, Ended: at, Outcome: outcome, Words: words}
}
