package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	"payrecon/sync/payapi"
)

// patient is a set-up to examine: a working directory, an API, an environment and a clock.
type patient struct {
	t   *testing.T
	env map[string]string
	now time.Time
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	t.Chdir(t.TempDir())
	p := &patient{t: t, now: time.Now().UTC().Truncate(time.Second)}
	s, err := sandbox.New(sandbox.Options{Seed: 5, Payouts: 300, Days: 20, Now: time.Now, Token: "hush"})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	p.env = map[string]string{envURL: server.URL, envToken: "hush"}
	return p
}

func (p *patient) run(args ...string) (exit int, stdout, stderr string) {
	var out, errs bytes.Buffer
	exit = run(p.t.Context(), args, func(name string) string { return p.env[name] }, &out, &errs, func() time.Time { return p.now })
	return exit, out.String(), errs.String()
}

// doctor returns the levels of the checks by name, the worst of each.
func (p *patient) doctor(args ...string) (exit int, levels map[string]level, page string) {
	p.t.Helper()
	exit, page, stderr := p.run(append([]string{"doctor", "--json"}, args...)...)
	var d diagnosis
	if err := json.Unmarshal([]byte(page), &d); err != nil {
		p.t.Fatalf("%v\n%s\n%s", err, page, stderr)
	}
	levels = map[string]level{}
	for _, c := range d.Checks {
		if levels[c.Name] == "" || c.Level == levelFail || c.Level == levelWarn && levels[c.Name] == levelOK {
			levels[c.Name] = c.Level
		}
		if c.Level != levelOK && c.Do == "" {
			p.t.Errorf("%s says %q but not what to do", c.Name, c.Says)
		}
	}
	if strings.Contains(page+stderr, "hush") {
		p.t.Errorf("the page shows a secret:\n%s", page)
	}
	return exit, levels, page
}

func (p *patient) write(name, text string, mode os.FileMode) {
	p.t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		p.t.Fatal(err)
	}
}

// wants compares the level of each named check, "name level".
func wants(t *testing.T, levels map[string]level, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		name, l, _ := strings.Cut(w, "=")
		if levels[name] != level(l) {
			t.Errorf("%s is %q, want %q\n%s", name, levels[name], l, page)
		}
	}
}

// An operator's first hour: one thing after the other is found and mended.
func TestDoctorFindsOneThingAfterTheOther(t *testing.T) {
	p := newPatient(t)
	delete(p.env, envToken)
	p.write("payrecon.yaml", "report: {dirr: x}\n", 0o600)
	exit, levels, page := p.doctor()
	wants(t, levels, page, "configuration=fail")
	if exit != exitInput || !strings.Contains(page, `did you mean \"dir\"`) {
		t.Errorf("exit %d\n%s", exit, page)
	}

	p.write("payrecon.yaml", "api: {auth: {token: 'file:token'}, rate_limit: none}\nledger: {path: ledger.csv}\nschedules: [{name: nightly, cron: '0 0 30 2 *', run: run}]\nmetrics: {textfile: nowhere/payrecon.prom}\n", 0o600)
	p.write("token", "wrong\n", 0o644)
	exit, levels, page = p.doctor()
	wants(t, levels, page, "configuration=ok", "secrets=fail", "api=fail", "database=warn", "ledger=fail", "schedules=fail", "notifications=warn", "reports=ok", "metrics=fail")
	if exit != exitInput {
		t.Errorf("exit %d", exit)
	}

	p.write("token", "wrong\n", 0o600)
	p.write("ledger.csv", "ref_id,amount,currency,date\nR1,oops,EUR,2026-01-01\n", 0o600)
	p.write("payrecon.yaml", "api: {auth: {token: 'file:token'}, rate_limit: none}\nledger: {path: ledger.csv}\nschedules: [{name: nightly, cron: '30 2 * * *', run: run}]\nmetrics: {textfile: payrecon.prom}\n", 0o600)
	exit, levels, page = p.doctor()
	wants(t, levels, page, "metrics=ok", "secrets=ok", "api=fail", "ledger=warn", "schedules=ok")
	if exit != exitAuth {
		t.Errorf("exit %d, want %d", exit, exitAuth)
	}

	p.write("token", "hush\n", 0o600)
	if exit, _, stderr := p.run("sync", "-q"); exit != exitDone {
		t.Fatalf("sync: exit %d\n%s", exit, stderr)
	}
	p.write("ledger.csv", "ref_id,amount,currency,date\nR1,1.00,EUR,2026-01-01\n", 0o600)
	exit, levels, page = p.doctor()
	wants(t, levels, page, "configuration=ok", "secrets=ok", "api=ok", "clock=ok", "database=ok", "mirror=", "freshness=ok", "coverage=ok", "ledger=ok",
		"reports=ok", "evidence=ok", "schedules=ok", "notifications=warn")
	if exit != exitDone {
		t.Errorf("exit %d\n%s", exit, page)
	}

	exit, text, _ := p.run("doctor")
	if exit != exitDone || !strings.Contains(text, "It works; look at the warnings.") || !strings.Contains(text, "payrecon.yaml:1") {
		t.Errorf("exit %d\n%s", exit, text)
	}
	if _, err := os.Stat("reports"); err == nil {
		t.Error("doctor made the reports folder")
	}
}

func TestDoctorOnASyncedMirror(t *testing.T) {
	p := newPatient(t)
	p.write("payrecon.yaml", "api: {rate_limit: none}\n", 0o600)
	if exit, _, stderr := p.run("sync", "-q"); exit != exitDone {
		t.Fatalf("sync: exit %d\n%s", exit, stderr)
	}
	for _, tc := range []struct {
		name  string
		spoil func()
		exit  int
		want  []string
	}{
		{"two days later", func() { p.now = p.now.Add(48 * time.Hour) }, exitInput, []string{"freshness=warn", "coverage=warn", "clock=fail"}},
		{"back again, readable by others", func() { p.now = p.now.Add(-48 * time.Hour); _ = os.Chmod("payrecon.db", 0o644) }, exitDone, []string{"database=warn", "clock=ok"}},
		{"a name that is not ours", func() { p.env["PAYRECON_TOKEN"] = "x" }, exitDone, []string{"configuration=warn"}},
		{"no folder for reports", func() { p.write("reports", "", 0o600) }, exitInput, []string{"reports=fail"}},
		{"another API", func() { p.env[envURL] = "http://127.0.0.1:1" }, exitFailed, []string{"api=fail", "mirror=fail"}},
		{"a schedule without a ledger", func() {
			p.write("payrecon.yaml", "schedules: [{name: a, cron: '@daily', run: sync}, {name: b, cron: '@daily', run: run --fail-on high}]\n", 0o600)
		}, exitFailed, []string{"ledger=fail", "schedules=ok"}},
		{"not a database", func() { p.write("other.db", strings.Repeat("no database\n", 100), 0o600); p.env[envDB] = "other.db" }, exitFailed, []string{"database=fail"}},
	} {
		tc.spoil()
		exit, levels, page := p.doctor()
		wants(t, levels, page, tc.want...)
		if exit != tc.exit {
			t.Errorf("%s: exit %d, want %d\n%s", tc.name, exit, tc.exit, page)
		}
	}
}

func TestDoctorTriesNotifications(t *testing.T) {
	p := newPatient(t)
	e := newEar(t)
	p.env["HOOK"] = e.URL + "/hush"
	p.write("payrecon.yaml", "notify: {webhook: 'env:HOOK', heartbeat: 'env:HOOK'}\n", 0o600)
	_, levels, page := p.doctor()
	wants(t, levels, page, "notifications=ok")
	if heard := e.take(); len(heard) > 0 {
		t.Errorf("without --notify it sent %q", heard)
	}
	_, levels, page = p.doctor("--notify")
	wants(t, levels, page, "notifications=ok")
	if heard := e.take(); len(heard) != 2 || !strings.Contains(heard[0], "this is a test") {
		t.Errorf("heard %q", heard)
	}
	e.mu.Lock()
	e.status = []int{404, 404}
	e.mu.Unlock()
	exit, levels, page := p.doctor("--notify")
	wants(t, levels, page, "notifications=fail")
	if exit != exitFailed {
		t.Errorf("exit %d", exit)
	}
}

func TestCheckClock(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		ahead time.Duration
		want  level
		says  string
	}{
		{0, levelOK, "agrees"},
		{29 * time.Second, levelOK, "agrees"},
		{time.Minute, levelWarn, "1m0s ahead of"},
		{-time.Minute, levelWarn, "1m0s behind"},
		{time.Hour, levelFail, "1h0m0s ahead of"},
	} {
		got := checkClock(payapi.ClockReading{Server: at, Ours: at.Add(tc.ahead)})
		if got.Level != tc.want || !strings.Contains(got.Says, tc.says) {
			t.Errorf("%s: got %+v", tc.ahead, got)
		}
	}
	if got := checkClock(payapi.ClockReading{Ours: at}); got.Level != levelWarn {
		t.Errorf("without a date: got %+v", got)
	}
}

func TestJudgeDisk(t *testing.T) {
	for _, tc := range []struct {
		d    disk
		want string
	}{
		{disk{free: 100 << 30}, "ok 100 GB are free in data"},
		{disk{free: 1 << 30}, "warn 1024 MB are free in data"},
		{disk{free: 5 << 10}, "fail 5 KB are free in data"},
		{disk{free: 100 << 30, kind: "NFS"}, "warn data lies on a network file system (NFS)"},
	} {
		c := judgeDisk("database", "data", tc.d)[0]
		if got := string(c.Level) + " " + c.Says; got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	if d, err := diskOf("."); err != nil || !d.unknown && d.free == 0 {
		t.Errorf("this disk: %+v, %v", d, err)
	}
}

func TestVerdictIsTheWorst(t *testing.T) {
	var d diagnosis
	d.add(ok("a", "well"), warn("b", "do", "so so"))
	if d.Level != levelWarn || d.verdict() != nil {
		t.Errorf("level %s, %v", d.Level, d.verdict())
	}
	d.add(fail("c", "do", payout.Errorf(payout.KindAuth, "401")), fail("d", "do", payout.Errorf(payout.KindInput, "x")))
	if got := exitCode(d.verdict()); got != exitInput {
		t.Errorf("exit %d, want %d", got, exitInput)
	}
	d.add(fail("e", "do", errors.New("broken")), ok("f", "well"))
	if got := exitCode(d.verdict()); got != exitFailed || d.Level != levelFail {
		t.Errorf("exit %d, level %s", got, d.Level)
	}
}
