package schedules

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/payout"
)

// memory is a State: records in the order in which the mirror would list them.
type memory struct {
	mu   sync.Mutex
	runs []payout.JobRun
	fail int // so many calls fail
}

func (m *memory) LastJob(_ context.Context, name string) (last payout.JobRun, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.runs {
		if r.Job == name && (!ok || r.DueDay > last.DueDay || r.DueDay == last.DueDay && r.Started >= last.Started) {
			last, ok = r, true
		}
	}
	return last, ok, nil
}

func (m *memory) SaveJob(_ context.Context, run payout.JobRun) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail > 0 {
		m.fail--
		return errors.New("disk full")
	}
	for i, r := range m.runs {
		if r.Job == run.Job && r.DueDay == run.DueDay && r.Started == run.Started {
			m.runs[i] = run
			return nil
		}
	}
	m.runs = append(m.runs, run)
	return nil
}

// starts lists the recorded starts of the job but the first "new" one: local date and outcome.
func (m *memory) starts(name string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for _, r := range m.runs {
		if r.Job == name && r.Outcome != FirstSeen {
			out = append(out, r.DueDay.String()+" "+r.Outcome)
		}
	}
	return out
}

// world is one bubble of fake time: the clock, which tests may step, and what the jobs do.
type world struct {
	t     *testing.T
	state *memory
	shift time.Duration // of the clock against the bubble's
	do    func(ctx context.Context, job Job) (string, string)
	lock  string

	mu    sync.Mutex
	began []string // times at which jobs began, in UTC
}

func inBubble(t *testing.T, start string, test func(w *world)) {
	lock := filepath.Join(t.TempDir(), "db")
	synctest.Test(t, func(t *testing.T) {
		at, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, state: &memory{}, shift: time.Until(at), lock: lock}
		w.do = func(context.Context, Job) (string, string) { return "ok", "" }
		test(w)
	})
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.shift).UTC()
}

// step moves the clock without time passing: what a suspended machine, NTP or a person does.
func (w *world) step(by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shift += by
}

// scheduler returns a new one, as a new process would have it.
func (w *world) scheduler(jobs ...Job) *Scheduler {
	w.t.Helper()
	s, err := New(jobs, w.state, func(ctx context.Context, job Job) (string, string) {
		w.mu.Lock()
		w.began = append(w.began, time.Now().Add(w.shift).UTC().Format("2006-01-02T15:04:05"))
		w.mu.Unlock()
		return w.do(ctx, job)
	}, Options{Clock: w.now, Tick: 15 * time.Minute, Lock: w.lock, Seed: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// runFor lets the schedule run for so long, then stops it as SIGTERM would.
func (w *world) runFor(s *Scheduler, d time.Duration) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		w.t.Errorf("Run: %v", err)
	}
}

func (w *world) wantBegan(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.began, want) {
		w.t.Errorf("began\n%s\nwant\n%s", strings.Join(w.began, "\n"), strings.Join(want, "\n"))
	}
	w.began = nil
}

func (w *world) wantRecord(want ...string) {
	w.t.Helper()
	if got := w.state.starts("nightly"); !slices.Equal(got, want) {
		w.t.Errorf("record\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var nightly = Job{Name: "nightly", Cron: "30 2 * * *", CatchUp: true}

const day = 24 * time.Hour

// A year of nights in each zone: every local date once, also on the dates that change the clocks, although the process
// is started anew every 40 hours.
func TestExactlyOncePerDate(t *testing.T) {
	for _, tc := range []struct{ zone, cron, start string }{
		{"Europe/London", "30 1 * * *", "2026-01-01T12:00:00Z"},
		{"Europe/Berlin", "30 2 * * *", "2026-01-01T12:00:00Z"},
		{"America/Sao_Paulo", "0 0 * * *", "2018-01-01T12:00:00Z"},
		{"America/Sao_Paulo", "30 23 * * *", "2018-01-01T12:00:00Z"},
	} {
		t.Run(tc.zone+" "+tc.cron, func(t *testing.T) {
			inBubble(t, tc.start, func(w *world) {
				job := Job{Name: "nightly", Cron: tc.cron, Timezone: tc.zone, CatchUp: true}
				first := payout.DayOf(w.now()) + 1
				if strings.HasPrefix(tc.cron, "30 23") {
					first--
				}
				for range 220 {
					s := w.scheduler(job)
					s.o.Tick = 3 * time.Hour
					w.runFor(s, 40*time.Hour)
				}
				got := w.state.starts("nightly")
				for i, line := range got {
					if want := (first + payout.Day(i)).String() + " ok"; line != want {
						t.Fatalf("start %d: got %s, want %s", i, line, want)
					}
				}
				if len(got) < 365 {
					t.Errorf("%d starts in 366 days", len(got))
				}
			})
		})
	}
}

func TestPunctual(t *testing.T) {
	inBubble(t, "2026-03-01T12:07:00Z", func(w *world) {
		w.runFor(w.scheduler(nightly), 2*day)
		w.wantBegan("2026-03-02T02:30:00", "2026-03-03T02:30:00")
	})
}

func TestMissedNightsAreCaughtUpOnce(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.runFor(w.scheduler(nightly), time.Hour) // known, nothing due
		time.Sleep(3*day - time.Hour)             // off for three nights
		w.runFor(w.scheduler(nightly), 2*time.Hour)
		w.runFor(w.scheduler(nightly), 2*time.Hour)
		w.wantBegan("2026-03-04T12:00:00")
		w.wantRecord("2026-03-04 ok")
	})
}

func TestMissedNightsAreRecordedWithoutCatchUp(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		job := nightly
		job.CatchUp = false
		w.runFor(w.scheduler(job), time.Hour)
		time.Sleep(3*day - time.Hour)
		w.runFor(w.scheduler(job), day)
		w.wantBegan("2026-03-05T02:30:00")
		w.wantRecord("2026-03-04 missed", "2026-03-05 ok")
	})
}

// What was due before the schedule existed was not missed.
func TestFirstStartCatchesNothingUp(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.runFor(w.scheduler(nightly), 2*time.Hour)
		w.wantBegan()
	})
}

// A suspended machine and a clock that is put forward look the same: hours are gone between two ticks.
func TestClockSteps(t *testing.T) {
	inBubble(t, "2026-03-01T23:00:00Z", func(w *world) {
		s := w.scheduler(nightly)
		ctx, cancel := context.WithCancel(w.t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		time.Sleep(time.Hour)
		w.step(8 * time.Hour) // asleep over 02:30
		time.Sleep(time.Hour)
		w.step(-7 * time.Hour) // the clock was wrong: back to before 02:30
		time.Sleep(5 * time.Hour)
		w.step(-day) // a whole day back, and through the night again
		time.Sleep(2 * day)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.wantRecord("2026-03-02 ok", "2026-03-03 ok")
	})
}

func TestClockOnceFarInTheFuture(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.state.runs = []payout.JobRun{{Job: "nightly", DueDay: 20_000 + 9999, Due: payout.MillisOf(w.now().AddDate(20, 0, 0)), Started: 1, Outcome: Running}}
		w.runFor(w.scheduler(nightly), 2*day)
		w.wantBegan("2026-03-02T02:30:00", "2026-03-03T02:30:00")
	})
}

func TestRunningJobIsNotStartedTwice(t *testing.T) {
	inBubble(t, "2026-03-01T12:05:00Z", func(w *world) {
		w.do = func(context.Context, Job) (string, string) { time.Sleep(149 * time.Minute); return "ok", "" }
		w.runFor(w.scheduler(Job{Name: "nightly", Cron: "@hourly", CatchUp: true}), 6*time.Hour)
		// 13:00 runs to 15:29; 14:00 and 15:00 are made up for by one start, and so on.
		w.wantBegan("2026-03-01T13:00:00", "2026-03-01T15:30:00", "2026-03-01T18:00:00")
	})
}

func TestTwoProcesses(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.do = func(context.Context, Job) (string, string) { time.Sleep(40 * time.Minute); return "ok", "" }
		a, b := w.scheduler(nightly), w.scheduler(nightly)
		var wait sync.WaitGroup
		wait.Go(func() { w.runFor(a, 5*day) })
		wait.Go(func() { time.Sleep(time.Minute); w.runFor(b, 5*day) })
		time.Sleep(14*time.Hour + 35*time.Minute) // 02:35: one of them runs it
		for _, s := range []*Scheduler{a, b, w.scheduler(nightly)} {
			if _, err := s.RunNow(w.t.Context(), "nightly"); payout.KindOf(err) != payout.KindBusy {
				t.Errorf("RunNow while it runs: got %v, want busy", err)
			}
		}
		wait.Wait()
		w.wantBegan("2026-03-02T02:30:00", "2026-03-03T02:30:00", "2026-03-04T02:30:00", "2026-03-05T02:30:00", "2026-03-06T02:30:00")
	})
}

func TestPanicDoesNotEndTheSchedule(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		nights := 0
		w.do = func(context.Context, Job) (string, string) {
			if nights++; nights == 1 {
				panic("boom")
			}
			return "ok", ""
		}
		w.runFor(w.scheduler(nightly), 2*day)
		w.wantRecord("2026-03-02 panic", "2026-03-03 ok")
		if last, _, _ := w.state.LastJob(w.t.Context(), "nightly"); last.Ended == 0 {
			t.Error("the last start has no end")
		}
		if got := w.state.runs[1].Words; !strings.Contains(got, "boom") || strings.Contains(got, "goroutine") {
			t.Errorf("words: %q", got)
		}
	})
}

func TestTimeout(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		job := nightly
		job.Timeout = 2 * time.Hour
		w.do = func(ctx context.Context, _ Job) (string, string) { <-ctx.Done(); return Interrupted, "state is safe" }
		w.runFor(w.scheduler(job), day)
		w.wantRecord("2026-03-02 timeout")
		last, _, _ := w.state.LastJob(w.t.Context(), "nightly")
		if got := last.Ended - last.Started; got != payout.Millis(job.Timeout.Milliseconds()) {
			t.Errorf("ran for %d ms", got)
		}
		if want := "stopped after its timeout of 2h0m0s: state is safe"; last.Words != want {
			t.Errorf("words %q, want %q", last.Words, want)
		}
		w.runFor(w.scheduler(job), time.Hour) // not repeated
		w.wantRecord("2026-03-02 timeout")
	})
}

// SIGTERM while a job runs: Run waits for it, the next process repeats it once, and only once.
func TestInterruptedNightIsRepeatedOnce(t *testing.T) {
	inBubble(t, "2026-03-02T02:00:00Z", func(w *world) {
		w.do = func(ctx context.Context, _ Job) (string, string) {
			<-ctx.Done()
			time.Sleep(time.Minute)
			return Interrupted, ""
		}
		w.runFor(w.scheduler(nightly), time.Hour)
		w.wantRecord("2026-03-02 interrupted")
		w.runFor(w.scheduler(nightly), time.Hour)
		w.wantRecord("2026-03-02 interrupted", "2026-03-02 abandoned")
		w.runFor(w.scheduler(nightly), time.Hour)
		w.wantRecord("2026-03-02 interrupted", "2026-03-02 abandoned")
		w.do = func(context.Context, Job) (string, string) { return "ok", "" }
		w.runFor(w.scheduler(nightly), day)
		w.wantRecord("2026-03-02 interrupted", "2026-03-02 abandoned", "2026-03-03 ok")
	})
}

// A killed process leaves "running" behind.
func TestKilledNightIsRepeatedOnce(t *testing.T) {
	for _, tc := range []struct {
		outcome string
		catchUp bool
		want    []string
	}{
		{Running, true, []string{"2026-03-02 interrupted", "2026-03-02 ok"}},
		{RunningAgain, true, []string{"2026-03-02 abandoned"}},
		{Running, false, []string{"2026-03-02 abandoned"}},
	} {
		inBubble(t, "2026-03-02T02:40:00Z", func(w *world) {
			due := w.now().Add(-10 * time.Minute)
			w.state.runs = []payout.JobRun{{Job: "nightly", DueDay: payout.DayOf(due), Due: payout.MillisOf(due), Started: payout.MillisOf(due), Outcome: tc.outcome}}
			job := nightly
			job.CatchUp = tc.catchUp
			w.runFor(w.scheduler(job), 2*time.Hour)
			w.runFor(w.scheduler(job), 2*time.Hour)
			w.wantRecord(tc.want...)
		})
	}
}

func TestStartThatCannotBeRecordedIsNotMade(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		s := w.scheduler(nightly)
		var wait sync.WaitGroup
		wait.Go(func() { w.runFor(s, day) })
		time.Sleep(time.Hour)
		w.state.mu.Lock()
		w.state.fail = 2
		w.state.mu.Unlock()
		wait.Wait()
		w.wantBegan("2026-03-02T03:00:00") // two ticks later
		w.wantRecord("2026-03-02 ok")
	})
}

func TestRunNow(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		var told []string
		job := nightly
		job.Timeout = time.Hour
		s := w.scheduler(job)
		s.o.Ended = func(_ context.Context, _ Job, run payout.JobRun) { told = append(told, run.Outcome) }
		run, err := s.RunNow(w.t.Context(), "nightly")
		if err != nil || run.Outcome != "ok" || run.Due != 0 {
			t.Errorf("got %+v, %v", run, err)
		}
		w.do = func(ctx context.Context, _ Job) (string, string) { <-ctx.Done(); return Interrupted, "" }
		if run, _ = s.RunNow(w.t.Context(), "nightly"); run.Outcome != TimedOut {
			t.Errorf("got %s, want %s", run.Outcome, TimedOut)
		}
		w.do = func(context.Context, Job) (string, string) { panic("boom") }
		if run, _ = s.RunNow(w.t.Context(), "nightly"); run.Outcome != Panicked {
			t.Errorf("got %s, want %s", run.Outcome, Panicked)
		}
		if fmt.Sprint(told) != "[ok timeout panic]" {
			t.Errorf("told of %v", told)
		}
		if _, err := s.RunNow(w.t.Context(), "nigthly"); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "there are: nightly") {
			t.Errorf("unknown job: %v", err)
		}
		// By hand in the afternoon does not take the place of the night.
		w.do = func(context.Context, Job) (string, string) { return "ok", "" }
		w.began = nil
		w.runFor(s, day)
		w.wantBegan("2026-03-02T02:30:00")
	})
}

// A missed night that somebody ran by hand is not made up for a second time.
func TestRunByHandSettlesWhatWasMissed(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.runFor(w.scheduler(nightly), time.Hour)
		time.Sleep(20 * time.Hour)
		if _, err := w.scheduler(nightly).RunNow(w.t.Context(), "nightly"); err != nil {
			t.Fatal(err)
		}
		w.runFor(w.scheduler(nightly), 3*time.Hour)
		w.wantBegan("2026-03-02T09:00:00")
	})
}

// A nightly job moved to a later hour on the same day does not run twice on that date.
func TestChangedHourKeepsOncePerDate(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		w.runFor(w.scheduler(nightly), day)
		later := nightly
		later.Cron = "0 11 * * *"
		w.runFor(w.scheduler(later), 2*time.Hour)
		w.wantRecord("2026-03-02 ok")
		w.runFor(w.scheduler(later), day)
		w.wantRecord("2026-03-02 ok", "2026-03-03 ok")
	})
}

func TestJitter(t *testing.T) {
	inBubble(t, "2026-03-01T12:00:00Z", func(w *world) {
		job := nightly
		job.Jitter = 10 * time.Minute
		w.runFor(w.scheduler(job), 30*day)
		delays := map[time.Duration]bool{}
		for _, r := range w.state.runs[1:] {
			late := r.Started.Time().Sub(r.Due.Time())
			if late < 0 || late > job.Jitter {
				t.Errorf("started %s after it was due", late)
			}
			delays[late.Round(time.Minute)] = true
		}
		if len(w.state.runs) != 31 || len(delays) < 5 {
			t.Errorf("%d starts with %d different delays", len(w.state.runs)-1, len(delays))
		}
	})
}

func TestSeveralJobsAndStatuses(t *testing.T) {
	inBubble(t, "2026-03-28T12:00:00Z", func(w *world) {
		jobs := []Job{nightly, {Name: "noon", Cron: "CRON_TZ=Europe/London 0 12 * * *"}, {Name: "quarter", Cron: "*/15 * * * *", CatchUp: true}}
		s := w.scheduler(jobs...)
		w.runFor(s, day)
		if n := len(w.state.starts("quarter")); n != 96 && n != 95 {
			t.Errorf("quarter: %d starts in a day", n)
		}
		got, err := s.Statuses(w.t.Context())
		if err != nil || len(got) != 3 {
			t.Fatalf("%v, %v", got, err)
		}
		if next := got[1].Next.Format(time.RFC3339); next != "2026-03-30T12:00:00+01:00" {
			t.Errorf("noon is next at %s", next)
		}
		if last := got[1].Last; last == nil || last.Due.String() != "2026-03-29T11:00:00Z" {
			t.Errorf("noon was last %+v", last)
		}
		if next, err := s.Next("nightly"); err != nil || next.Format(time.RFC3339) != "2026-03-30T02:30:00Z" {
			t.Errorf("nightly is next at %s, %v", next, err)
		}
	})
}
