package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	"payrecon/schedules"
)

// TestTextfile runs two nights, the second without authorization, and reads what was left for the node exporter.
func TestTextfile(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.write("payrecon.yaml", fmt.Sprintf("api: {rate_limit: none}\nmetrics: {textfile: %q}\nreport: {dir: %q, format: [csv]}\n", s.path("payrecon.prom"), s.dir))
	s.pay("AGREED-1", "100.00", payout.Completed, 10)
	s.pay("LONE-2", "20.00", payout.Completed, 12)
	day := payout.DayOf(s.now.AddDate(0, 0, -10)).String()
	s.ledger("AGREED-1 100.00 paid "+day, "AGREED-0 1.00 returned "+payout.DayOf(s.now.AddDate(0, 0, -20)).String())
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"))
	first := s.metrics()
	ended := fmt.Sprintf("%g", float64(s.now.Unix()))
	for _, want := range []string{
		`payrecon_last_success_timestamp_seconds{command="run"} ` + ended,
		`payrecon_last_run_exit_code{command="run"} 0`,
		`payrecon_last_run_duration_seconds{command="run"} 0`,
		`payrecon_last_run_retries{command="run"} 0`,
		`payrecon_coverage_age_seconds 9000`, // half past two in the night
		`payrecon_coverage_gap_days 0`,
		`payrecon_open_items{disposition="none",severity="critical"} 1`,
		`payrecon_open_items{disposition="set",severity="critical"} 0`,
		`payrecon_conclusion{conclusion="not_reconciled"} 1`,
		`payrecon_conclusion{conclusion="reconciled"} 0`,
		`payrecon_notifications_undelivered 0`,
	} {
		if !strings.Contains(first, want+"\n") {
			t.Errorf("want %s in\n%s", want, first)
		}
	}
	if !strings.Contains(first, `payrecon_last_run_requests{command="run"} `) || !strings.Contains(first, `payrecon_last_run_rows{command="run"} `) || !strings.Contains(first, "payrecon_build_info{version=") {
		t.Errorf("no requests or no version in\n%s", first)
	}
	for _, secret := range []string{sandbox.DemoToken, "LONE-2", "20.00"} {
		if strings.Contains(first, secret) {
			t.Errorf("%q stands in\n%s", secret, first)
		}
	}
	if info, err := os.Stat(s.path("payrecon.prom")); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v: want 0644, for the exporter's user", info.Mode(), err)
	}

	// The next night without authorization: the last success and the coverage grow old.
	s.now = s.now.AddDate(0, 0, 1)
	env := map[string]string{envURL: s.url, envToken: "refused"}
	args := []string{"run", "--ledger", s.path("ledger.csv"), "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db")}
	if code := run(t.Context(), args, func(k string) string { return env[k] }, io.Discard, io.Discard, func() time.Time { return s.now }); code != exitAuth {
		t.Fatalf("run without authorization: exit %d, want %d", code, exitAuth)
	}
	second := s.metrics()
	for _, want := range []string{
		`payrecon_last_success_timestamp_seconds{command="run"} ` + ended,
		`payrecon_last_run_exit_code{command="run"} 5`,
		`payrecon_coverage_age_seconds 95400`,
		`payrecon_coverage_gap_days 1`,
		`payrecon_conclusion{conclusion="no_conclusion"} 1`,
	} {
		if !strings.Contains(second, want+"\n") {
			t.Errorf("second night: want %s in\n%s", want, second)
		}
	}
	left, err := filepath.Glob(s.path("*payrecon.prom*"))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A textfile that cannot be written is a warning, never a failure of the run.
func TestTextfileNotWritable(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.write("payrecon.yaml", fmt.Sprintf("api: {rate_limit: none}\nmetrics: {textfile: %q}\n", s.path("nowhere/payrecon.prom")))
	s.write("ledger.csv", "ref_id,amount,currency,status,date\nGONE-1,1.00,EUR,returned,2026-03-01\n")
	code, _, words := s.try("run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	if code != exitDone || !strings.Contains(words, "metrics.textfile could not be written") {
		t.Errorf("exit %d\n%s", code, words)
	}
}

func (s *site) metrics() string {
	s.t.Helper()
	text, err := os.ReadFile(s.path("payrecon.prom"))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func TestListenAddress(t *testing.T) {
	for _, tc := range []struct {
		address  string
		anywhere bool
		want     string // "" = it listens
	}{
		{"127.0.0.1:0", false, ""},
		{"localhost:0", false, ""},
		{"0.0.0.0:0", false, "other machines could reach this address"},
		{":0", false, "other machines could reach this address"},
		{"[::]:0", false, "other machines could reach this address"},
		{"192.0.2.1:9108", false, "other machines could reach this address"},
		{"example.com:9108", false, "other machines could reach this address"},
		{"0.0.0.0:0", true, ""},
		{"9108", false, "want HOST:PORT"},
		{"127.0.0.1:99999", false, "--listen 127.0.0.1:99999: "},
	} {
		l, err := listen(t.Context(), tc.address, tc.anywhere)
		if err == nil {
			l.Close()
		}
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("--listen %s: got %v, want %q", tc.address, err, tc.want)
		}
		if err != nil && payout.KindOf(err) != payout.KindInput {
			t.Errorf("--listen %s: kind %d, want KindInput", tc.address, payout.KindOf(err))
		}
	}
}

// TestScheduleListens starts the schedule as a person does, asks for both pages, and stops it.
func TestScheduleListens(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.write("payrecon.yaml", "schedules: [{name: nightly, cron: '0 12 * * *', run: sync}]\n")
	code, _, words := s.try("schedule", "start", "--listen", "0.0.0.0:9108")
	if code != exitInput || !strings.Contains(words, "--listen-anywhere") {
		t.Fatalf("on all addresses: exit %d\n%s", code, words)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	var words2 bytes.Buffer
	go func() {
		args := []string{"schedule", "start", "--listen", address, "--config", s.path("payrecon.yaml"), "--db", s.path("payrecon.db")}
		ended <- run(ctx, args, func(string) string { return "" }, io.Discard, &words2, func() time.Time { return s.now })
	}()
	status, health := 0, ""
	for range 500 {
		if status, health = get(t, "http://"+address+"/healthz"); status == http.StatusOK {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	_, figures := get(t, "http://"+address+"/metrics")
	other, _ := get(t, "http://"+address+"/")
	stop()
	if code := <-ended; code != exitDone && code != exitInterrupted {
		t.Errorf("exit %d\n%s", code, words2.String())
	}
	if status != http.StatusOK || health != "ok\n" || !strings.Contains(figures, "payrecon_coverage_gap_days 35") || other != http.StatusNotFound {
		t.Errorf("healthz %d %q, / %d, metrics\n%s", status, health, other, figures)
	}
	if status, _ := get(t, "http://"+address+"/healthz"); status != 0 {
		t.Errorf("it still answers after its end: %d", status)
	}
}

// get returns the status and body of a page, 0 when nobody answers.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestHealth walks the clock past what a schedule promises.
func TestHealth(t *testing.T) {
	now := time.Date(2026, 3, 10, 1, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "payrecon.db"), mirror.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	cfg := defaultConfig()
	cfg.Schedules = []jobConfig{{Name: "nightly", Cron: "30 2 * * *", Run: words{"run"}, Jitter: duration(10 * time.Minute)}}
	w := &watch{app: &app{clock: clock}, cfg: cfg, m: m, began: now}
	handler := w.handler(t.Context())
	at := func(day, clock string) payout.Millis {
		when, err := time.Parse(time.DateTime, day+" "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return payout.MillisOf(when)
	}
	save := func(outcome string, due, started payout.Millis) {
		t.Helper()
		run := payout.JobRun{Job: "nightly", DueDay: started.Day(), Due: due, Started: started, Outcome: outcome}
		if err := m.SaveJob(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, status int, want string) {
		t.Helper()
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
		if answer.Code != status || !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%s: %d %q, want %d %q", when, answer.Code, answer.Body.String(), status, want)
		}
	}
	check("before the first tick", 503, "has not looked at its jobs yet")
	w.tick()
	check("after it", 200, "ok")
	save(schedules.FirstSeen, at("2026-03-10", "01:00:00"), at("2026-03-10", "01:00:00"))
	now = now.Add(100 * time.Minute) // 02:40
	check("no tick for long", 503, "has not looked at its jobs for 1h40m0s")
	w.tick()
	check("due, within jitter and slack", 200, "ok")
	now = now.Add(6 * time.Minute)
	w.tick()
	check("overdue", 503, `job "nightly" was due at 2026-03-10T02:30:00Z and has not started`)
	save(schedules.Running, at("2026-03-10", "02:30:00"), at("2026-03-10", "02:46:00"))
	check("it runs", 200, "ok")
	now = now.Add(24 * time.Hour)
	w.tick()
	check("it still runs a day later", 503, "was due at 2026-03-11T02:30:00Z")
	save("failed", at("2026-03-11", "02:30:00"), at("2026-03-11", "02:35:00"))
	check("it failed, in time", 200, "ok")

	cfg.Schedules[0].Cron = "0 6 * * *" // put off, after it ran today
	now = now.Add(5 * time.Hour)
	w.tick()
	check("the expression was changed", 200, "ok")
	now = now.Add(24 * time.Hour)
	w.tick()
	check("and a day later", 503, "was due at 2026-03-12T06:00:00Z")
	save("ok", at("2027-01-01", "06:00:00"), at("2027-01-01", "06:00:00"))
	check("a record of a wrong clock", 503, "was due at 2026-03-10T06:00:00Z")
}

// TestStatusShowsSchedules: how jobs ended, and what was not delivered.
func TestStatusShowsSchedules(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.write("payrecon.yaml", fmt.Sprintf(`
api: {rate_limit: none}
report: {dir: %q, format: [csv]}
schedules: [{name: nightly, cron: "30 2 * * *", run: run}, {name: noon, cron: "0 12 * * *", run: sync}]
notify: {webhook: "file:%s"}
`, s.dir, s.path("hook")))
	s.write("hook", "http://127.0.0.1:1/hook")
	s.do(exitInput, "schedule", "run", "nightly") // there is no ledger: a failure, told to nobody
	text := s.do(exitDone, "status")
	for _, want := range []string{"Schedule nightly: input at ", "Schedule noon: not run yet; next 2026-03-31 12:00 UTC", "Not delivered, notification of run, ", "webhook: "} {
		if !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	var st struct {
		Schedules   []jobJSON       `json:"schedules"`
		Undelivered []payout.JobRun `json:"undelivered"`
	}
	unmarshal(t, s.do(exitDone, "status", "--json"), &st)
	if len(st.Schedules) != 2 || st.Schedules[0].Last == nil || st.Schedules[0].Last.Outcome != "input" || st.Schedules[1].Last != nil {
		t.Errorf("schedules %+v", st.Schedules)
	}
	if len(st.Undelivered) != 1 || st.Undelivered[0].Job != "run" || st.Undelivered[0].Outcome != undelivered {
		t.Errorf("undelivered %+v", st.Undelivered)
	}
}
