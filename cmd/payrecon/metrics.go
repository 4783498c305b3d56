package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/schedules"
)

// What is watched comes from the mirror alone, read anew each time. So the file that a command leaves behind and the
// answer of a running schedule say the same, whoever did the work, and a restart forgets nothing. All metrics are gauges:
// they tell of the last run, and nothing in them is money.

// measured are the commands whose last run is shown.
var measured = []string{"run", "sync", "backfill", "reconcile"}

const (
	runsMeasured = 1000 // among how many of the latest runs the last one of each command, and its last success, is sought
	daysMeasured = 400  // how far back the newest complete day is sought
	scrapeLimit  = 20 * time.Second
)

// gauge is one figure with its labels, in pairs of name and value.
type gauge struct {
	name, help string
	value      float64
	labels     []string
}

// metrics reads the figures of a mirror. It is a prometheus.Collector.
type metrics struct {
	*app
	cfg *config
	m   *mirror.Mirror
	ctx context.Context // a scrape's own context does not reach a Collector
}

// Describe says nothing in advance: which commands, outcomes and jobs there are is known when they are read.
func (*metrics) Describe(chan<- *prometheus.Desc) {}

// Collect reads all figures. What cannot be read makes the whole collection fail: half of the truth would look well.
func (w *metrics) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(w.ctx, scrapeLimit)
	defer cancel()
	send := func(g gauge) {
		var names, values []string
		for i := 0; i+1 < len(g.labels); i += 2 {
			names, values = append(names, g.labels[i]), append(values, g.labels[i+1])
		}
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc("payrecon_"+g.name, g.help, names, nil), prometheus.GaugeValue, g.value, values...)
	}
	send(gauge{"build_info", "Always 1; the version is a label.", 1, []string{"version", versionText()}})
	for _, read := range []func(context.Context, func(gauge)) error{w.runs, w.coverage, w.items, w.conclusion, w.notifications} {
		if err := read(ctx, send); err != nil {
			to <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
		}
	}
}

// runs shows how the last run of each command ended, and when one last did its work: with exit code 0, or 4, breaks
// found.
func (w *metrics) runs(ctx context.Context, send func(gauge)) error {
	runs, err := w.m.Runs(ctx, runsMeasured)
	if err != nil {
		return err
	}
	for _, command := range measured {
		label := []string{"command", command}
		of := func(r payout.Run) bool { return r.Command == command && r.Ended > 0 }
		last := slices.IndexFunc(runs, of)
		if last < 0 {
			continue
		}
		if err := w.lastRun(ctx, runs[last], label, send); err != nil {
			return err
		}
		done := slices.IndexFunc(runs, func(r payout.Run) bool { return of(r) && (r.Exit == exitDone || r.Exit == exitBreaks) })
		if done >= 0 {
			send(gauge{"last_success_timestamp_seconds", "When the command last ended having done its work (exit code 0 or 4).", seconds(runs[done].Ended), label})
		}
	}
	return nil
}

func (w *metrics) lastRun(ctx context.Context, r payout.Run, label []string, send func(gauge)) error {
	send(gauge{"last_run_timestamp_seconds", "When the last run of the command ended.", seconds(r.Ended), label})
	send(gauge{"last_run_duration_seconds", "How long it took.", r.Ended.Time().Sub(r.Started.Time()).Seconds(), label})
	send(gauge{"last_run_exit_code", "How it ended; see payrecon --help for the codes.", float64(r.Exit), label})
	s, err := w.m.SyncOf(ctx, r.ID)
	if err != nil || s == nil {
		return err
	}
	send(gauge{"last_run_rows", "Rows it read from the API: a payout counts each time that it was shown.", float64(s.Rows), label})
	send(gauge{"last_run_requests", "Requests it sent to the API.", float64(s.Requests), label})
	send(gauge{"last_run_retries", "Requests it sent again.", float64(s.Retries), label})
	return nil
}

// coverage shows how far the mirror is proven complete, and the gaps in the days that a nightly run reconciles.
func (w *metrics) coverage(ctx context.Context, send func(gauge)) error {
	last := w.lastEndedDay()
	s := &session{app: w.app, cfg: w.cfg, m: w.m}
	c, err := w.m.Coverage(ctx, s.onBehalfOf(), payout.Period{From: last - daysMeasured, To: last})
	if err != nil {
		return err
	}
	complete := c.Complete()
	for d := last; d >= last-daysMeasured; d-- {
		if complete(d) {
			end := (d + 1).Start()
			send(gauge{"coverage_timestamp_seconds", "The end of the newest day that is complete.", float64(end.Unix()), nil})
			send(gauge{"coverage_age_seconds", "How long ago the newest complete day ended, when this was read.", w.clock().Sub(end).Seconds(), nil})
			break
		}
	}
	send(gauge{"coverage_gap_days", "Ended days of reconcile.period that are not complete.", float64(len(c.Gaps(w.cfg.Reconcile.Period.period(last), last))), nil})
	return nil
}

// items counts what is open, those under a disposition apart: these no longer wait for anybody.
func (w *metrics) items(ctx context.Context, send func(gauge)) error {
	items, _, err := w.m.Items(ctx)
	if err != nil {
		return err
	}
	var open [payout.Critical + 1][2]int
	for i := range items {
		if it := &items[i]; it.State != payout.ItemCleared {
			disposed := 0
			if it.Disposition != nil {
				disposed = 1
			}
			open[it.Severity][disposed]++
		}
	}
	for severity := payout.Low; severity <= payout.Critical; severity++ {
		for i, disposition := range []string{"none", "set"} {
			send(gauge{
				"open_items", "Breaks and unverified items that are open, by severity, and whether somebody set a disposition.",
				float64(open[severity][i]),
				[]string{"severity", severity.String(), "disposition", disposition},
			})
		}
	}
	return nil
}

// conclusion shows the verdict of the latest reconciliation: 1 for the one that it is, 0 for the others.
func (w *metrics) conclusion(ctx context.Context, send func(gauge)) error {
	list, err := w.m.Reconciliations(ctx, 1)
	if err != nil || len(list) == 0 {
		return err
	}
	send(gauge{"reconciled_as_of_timestamp_seconds", "The instant that the latest reconciliation looked at.", seconds(list[0].AsOf), nil})
	for _, c := range []payout.Conclusion{payout.NoConclusion, payout.NotReconciled, payout.Explained, payout.Reconciled} {
		is := 0.0
		if list[0].Conclusion == c {
			is = 1
		}
		send(gauge{"conclusion", "The conclusion of the latest reconciliation: 1 for the one that it is.", is, []string{"conclusion", string(c)}})
	}
	return nil
}

func (w *metrics) notifications(ctx context.Context, send func(gauge)) error {
	list, err := undeliveredNotifications(ctx, recordedJobs{w.m}, w.cfg)
	if err == nil {
		send(gauge{"notifications_undelivered", "Jobs whose last notification did not arrive everywhere.", float64(len(list)), nil})
	}
	return err
}

func seconds(at payout.Millis) float64 { return float64(at) / 1000 }

// leaveMetrics writes the textfile for the node exporter's collector, if one is configured. It replaces the file as a
// whole, so that it is never read half-written. The file gets mode 0644, unlike all others that payrecon writes: the
// exporter is another user, and there are counts and times in it, no amounts, names or accounts. What goes wrong is a
// warning: a run does not fail because it cannot be watched.
func (a *app) leaveMetrics(ctx context.Context) {
	cfg, err := a.configuration()
	if err != nil || cfg.Metrics.Textfile == "" {
		return
	}
	path, ctx := cfg.Metrics.Textfile, context.WithoutCancel(ctx)
	err = a.read(ctx, func(m *mirror.Mirror) error {
		registry := prometheus.NewRegistry()
		return errors.Join(registry.Register(&metrics{a, cfg, m, ctx}), prometheus.WriteToTextfile(path, registry))
	})
	if err != nil {
		a.log.Warn("metrics.textfile could not be written", "path", path, "error", err.Error())
	}
}

// watch is how a running schedule is looked at from outside.
type watch struct {
	*app
	cfg    *config
	m      *mirror.Mirror
	began  time.Time
	ticked atomic.Pointer[time.Time] // when the schedule last looked at its jobs
}

// How late things may be before the schedule counts as unwell.
const (
	tickSlack = time.Minute     // it looks at its jobs every quarter of a minute
	jobSlack  = 5 * time.Minute // after the due time and the jitter
)

// tick is the clock of the schedule: whoever reads the time is alive.
func (w *watch) tick() time.Time {
	now := w.clock()
	w.ticked.Store(&now)
	return now
}

// listen opens the address, and refuses one that other machines reach unless anywhere says that this is meant.
func listen(ctx context.Context, address string, anywhere bool) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "--listen %s: want HOST:PORT, such as 127.0.0.1:9108", address)
	}
	ip := net.ParseIP(host)
	if local := host == "localhost" || ip != nil && ip.IsLoopback(); !local && !anywhere {
		return nil, payout.Errorf(payout.KindInput,
			"--listen %s: other machines could reach this address, and nothing asks them who they are; use 127.0.0.1, or add --listen-anywhere if a firewall stands before it", address)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, payout.Errorf(payout.KindInput, "--listen %s: %w", address, err)
	}
	return l, nil
}

// serve answers at the listener until ctx ends; the function that is returned waits for that.
func (w *watch) serve(ctx context.Context, l net.Listener) (wait func()) {
	server := &http.Server{Handler: w.handler(ctx), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: scrapeLimit + 10*time.Second, MaxHeaderBytes: 16 << 10}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			w.log.Error("metrics and health are not served any more", "error", err.Error())
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	return func() {
		stop()
		_ = server.Close()
		<-done
	}
}

func (w *watch) handler(ctx context.Context) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&metrics{w.app, w.cfg, w.m, ctx})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2, ErrorHandling: promhttp.HTTPErrorOnError}))
	mux.HandleFunc("GET /healthz", func(to http.ResponseWriter, r *http.Request) {
		to.Header().Set("Content-Type", "text/plain; charset=utf-8")
		troubles := w.troubles(r.Context())
		if len(troubles) == 0 {
			_, _ = io.WriteString(to, "ok\n")
			return
		}
		to.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(to, strings.Join(troubles, "\n")+"\n")
	})
	return mux
}

// troubles says what is wrong with the schedule itself: it does not tick, or a job is overdue. How jobs ended is not its
// health: that is told by notifications, and stands in the metrics.
func (w *watch) troubles(ctx context.Context) (out []string) {
	switch ticked := w.ticked.Load(); {
	case ticked == nil:
		out = append(out, "the schedule has not looked at its jobs yet")
	case w.clock().Sub(*ticked) > tickSlack:
		out = append(out, fmt.Sprintf("the schedule has not looked at its jobs for %s", w.clock().Sub(*ticked).Round(time.Second)))
	}
	for _, job := range w.cfg.jobs() {
		last, known, err := w.m.LastJob(ctx, job.Name)
		if err != nil {
			return append(out, "the mirror cannot be read: "+err.Error())
		}
		if due := w.dueSince(job, last); known && w.clock().After(due.Add(job.Jitter+jobSlack)) {
			out = append(out, fmt.Sprintf("job %q was due at %s and has not started", job.Name, due.UTC().Format(time.RFC3339)))
		}
	}
	return out
}

// dueSince returns when the job is due after its last start on record.
func (w *watch) dueSince(job schedules.Job, last payout.JobRun) time.Time {
	from := max(last.Due, last.Started).Time()
	if from.After(w.clock()) {
		from = w.began // the record is of a clock that was wrong
	}
	first, second := nextAfter(job, from), time.Time{}
	if !first.IsZero() {
		second = nextAfter(job, first)
	}
	// The expression of a daily job was changed, and it had its start of the date already: its turn comes tomorrow.
	daily := payout.DayOf(second) == payout.DayOf(first)+1 && second.Format(time.TimeOnly) == first.Format(time.TimeOnly)
	if daily && last.Due != 0 && last.Outcome != schedules.FirstSeen && last.DueDay == payout.DayOf(first) {
		return second
	}
	return first
}

// nextAfter returns the first due time of the job after t, in a far future when there is none.
func nextAfter(job schedules.Job, t time.Time) time.Time {
	s, err := schedules.New([]schedules.Job{job}, nil, nil, schedules.Options{Clock: func() time.Time { return t }})
	if err == nil {
		var next time.Time
		if next, err = s.Next(job.Name); err == nil {
			return next
		}
	}
	return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
}
