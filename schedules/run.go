package schedules

import (
	"context"
	"errors"
	"sync"
	"time"

	"payrecon/internal/payout"
)

// punctual is how late a job without catch-up may start: enough for a slow tick, not for a machine that was off.
const punctual = 5 * time.Minute

// farFuture is how far ahead of the clock a record may lie before it is taken for one of a wrong clock.
const farFuture = 48 * time.Hour

// Run starts jobs as they fall due until ctx is cancelled, then waits for those that run: they see the same
// cancellation. It returns nil then. A job that fails, panics or cannot be put on record never ends it.
func (s *Scheduler) Run(ctx context.Context) error {
	var wait sync.WaitGroup
	defer wait.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := s.o.Clock()
		pause := s.o.Tick
		for _, t := range s.jobs {
			s.tick(ctx, t, now, wait.Go)
			pause = min(pause, s.untilNext(t, now))
		}
		timer.Reset(pause)
	}
}

// untilNext returns the time until the job's next start, so that it is punctual between two ticks.
func (s *Scheduler) untilNext(t *task, now time.Time) time.Duration {
	wait := s.o.Tick
	if d, ok := t.spec.next(now); ok {
		wait = min(wait, d.at.Add(s.delay(t, d)).Sub(now))
	}
	if d, ok := t.spec.newest(now); ok { // due, but delayed by its jitter
		if left := d.at.Add(s.delay(t, d)).Sub(now); left > 0 {
			wait = min(wait, left)
		}
	}
	return max(wait, time.Millisecond)
}

// tick looks whether the job may be due, and if so starts it in a goroutine of its own.
func (s *Scheduler) tick(ctx context.Context, t *task, now time.Time, spawn func(func())) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d, ok := t.spec.newest(now)
	delayed := ok && d.at.Add(s.delay(t, d)).After(now)
	if t.running || t.known && (!ok || delayed || !d.at.After(t.handled)) {
		return
	}
	t.running = true
	spawn(func() {
		defer func() {
			t.mu.Lock()
			t.running = false
			t.mu.Unlock()
		}()
		if err := s.startDue(ctx, t, now); err != nil && ctx.Err() == nil {
			s.o.Logger.Error("job cannot be started; it will be tried again", "job", t.Name, "error", err)
		}
	})
}

// startDue takes the job's lock, reads the record again, and does what is to be done now, if anything.
func (s *Scheduler) startDue(ctx context.Context, t *task, now time.Time) error {
	release, held, err := s.lock(t)
	if err != nil || !held {
		return err // another process runs it; the next tick looks again
	}
	defer release()
	last, recorded, err := s.state.LastJob(ctx, t.Name)
	if err != nil {
		return err
	}
	if !recorded {
		d := due{at: now, day: payout.DayOf(now.In(t.spec.zone))}
		if err := s.state.SaveJob(ctx, s.record(t, d, now, FirstSeen, "known from now on")); err != nil {
			return err
		}
		t.settle(now)
		return nil
	}
	handled, trusted := s.handledBy(t, last, now)
	t.settle(handled)
	if !trusted {
		last = payout.JobRun{}
	}
	d, ok := t.spec.newest(now)
	ok = ok && d.at.After(handled)
	if ok && sameDate(t, last, d) {
		t.settle(d.at)
		ok = false
	}
	if repeatable := last.Outcome == Running || last.Outcome == Interrupted; !ok && repeatable && t.CatchUp && last.Due != 0 {
		return s.repeat(ctx, t, last)
	}
	err = s.closeOpen(ctx, t, last)
	if !ok || d.at.Add(s.delay(t, d)).After(now) {
		return err
	}
	return errors.Join(err, s.startOrMiss(ctx, t, d, now))
}

// repeat makes up, once, for a start that the end of the program cut short.
func (s *Scheduler) repeat(ctx context.Context, t *task, last payout.JobRun) error {
	s.o.Logger.Warn("job was interrupted and is repeated", "job", t.Name, "due", last.Due.String())
	if last.Outcome == Running {
		last.Outcome, last.Words, last.Ended = Interrupted, goneWords, payout.MillisOf(s.o.Clock())
		if err := s.state.SaveJob(ctx, last); err != nil {
			return err
		}
	}
	return s.perform(ctx, t, due{at: last.Due.Time(), day: last.DueDay}, RunningAgain)
}

// settle remembers that due times up to handled need nothing more from this process.
func (t *task) settle(handled time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = true
	if handled.After(t.handled) {
		t.handled = handled
	}
}

// handledBy returns the instant up to which the record takes care of due times. A start by hand takes care of what was
// due before it. A record far in the future is not trusted: it comes from a clock that was wrong, and must not silence
// the job until then.
func (s *Scheduler) handledBy(t *task, last payout.JobRun, now time.Time) (handled time.Time, trusted bool) {
	at := last.Due
	if last.Due == 0 {
		at = last.Started
	}
	if !at.Time().After(now.Add(farFuture)) {
		return at.Time(), true
	}
	s.o.Logger.Warn("the last start on record lies in the future: the clock was wrong then, or is now", "job", t.Name, "recorded", at.String())
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		return t.handled, false
	}
	return now, false
}

// sameDate reports whether a daily job had its start of the date already, although the due time is a new one: its
// expression or zone was changed since.
func sameDate(t *task, last payout.JobRun, d due) bool {
	return t.spec.daily && last.Due != 0 && last.Outcome != FirstSeen && last.DueDay == d.day
}

const goneWords = "the program ended before the job did"

// closeOpen puts an end to a record that says running although its process is gone.
func (s *Scheduler) closeOpen(ctx context.Context, t *task, last payout.JobRun) error {
	if last.Outcome != Running && last.Outcome != RunningAgain {
		return nil
	}
	last.Outcome, last.Words, last.Ended = Abandoned, goneWords, payout.MillisOf(s.o.Clock())
	return s.finish(ctx, t, last)
}

// startOrMiss starts the job, unless it is late and does not catch up.
func (s *Scheduler) startOrMiss(ctx context.Context, t *task, d due, now time.Time) error {
	late := now.Sub(d.at.Add(s.delay(t, d)))
	if late > punctual && !t.CatchUp {
		defer t.settle(d.at)
		return s.finish(ctx, t, s.record(t, d, now, Missed, "due while the schedule was not running; catch_up is off"))
	}
	if late > punctual {
		s.o.Logger.Info("job missed its time and is made up for", "job", t.Name, "due", d.at, "late", late.Round(time.Second))
	}
	return s.perform(ctx, t, d, Running)
}
