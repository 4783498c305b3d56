package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/reconcile"
	"payrecon/schedules"
	"payrecon/sync/payapi"
)

// The limits of doctor's judgement.
const (
	skewWarn   = 30 * time.Second // Date headers are whole seconds, and requests take time
	skewFail   = 5 * time.Minute  // signatures expire, and a day may be taken for ended too early
	staleAfter = 36 * time.Hour   // a nightly sync that is older did not run
	spaceWarn  = 2 << 30          // bytes
	spaceFail  = 200 << 20
)

// checkConfiguration says where the configuration comes from, and looks for names that people mistake for ours.
func checkConfiguration(cfg *config) []check {
	from := "no file, defaults and environment"
	if cfg.path != "" {
		from = cfg.path
	}
	checks := []check{ok("configuration", "read: %s", from)}
	for _, name := range []struct{ wrong, right string }{
		{"PAYRECON_TOKEN", envToken},
		{"PAYRECON_API_KEY", envBasic},
		{"PAYRECON_BASIC", envBasic},
		{"PAYRECON_URL", envURL},
		{"PAYRECON_BASE_URL", envURL},
		{"PAYRECON_API_BASE_URL", envURL},
		{"PAYRECON_DATABASE", envDB},
		{"PAYRECON_CONFIG_FILE", envConfig},
	} {
		if cfg.getenv(name.wrong) != "" {
			checks = append(checks, warn("configuration", "set "+name.right, "%s is set, but payrecon does not read it", name.wrong))
		}
	}
	return checks
}

// checkSecrets reads every secret that the configuration refers to.
func checkSecrets(cfg *config) []check {
	n := cfg.Notify
	var checks []check
	found := 0
	for _, s := range []struct {
		key string
		ref secretRef
	}{
		{"api.auth.token", cfg.API.Auth.Token},
		{"api.auth.basic", cfg.API.Auth.Basic},
		{"api.auth.key.file", cfg.API.Auth.Key.File},
		{"notify.webhook", n.Webhook},
		{"notify.heartbeat", n.Heartbeat},
		{"notify.email.password", n.Email.Password},
	} {
		if s.ref == "" {
			continue
		}
		if _, err := cfg.secret(s.key, s.ref); err != nil {
			checks = append(checks, fail("secrets", "put the secret where the reference points to", err))
			continue
		}
		found++
	}
	if found > 0 {
		checks = append(checks, ok("secrets", "%s", plural(int64(found), "secret")+" readable, not in the configuration itself"))
	}
	return checks
}

// checkAPI asks for one row under each onBehalfOfId, which proves address and authorization, and compares the clocks.
func (a *app) checkAPI(ctx context.Context) []check {
	cfg, err := a.configuration()
	if err != nil {
		return nil
	}
	authorizer, err := cfg.authorizer(a.clock)
	if err != nil {
		return []check{fail("api", "set "+envToken+", or api.auth in payrecon.yaml", payout.Errorf(payout.KindInput, "not asked: %w", err))}
	}
	client, err := payapi.New(payapi.Options{
		BaseURL: cfg.API.BaseURL, Auth: authorizer, Timeout: time.Duration(cfg.API.Timeout), Attempts: 1,
		Transport: a.transport, Clock: a.clock, Logger: a.log, UserAgent: "payrecon/" + versionText(),
	})
	if err != nil {
		return []check{fail("api", "correct api.base_url", err)}
	}
	defer client.Close()
	var checks []check
	var reading payapi.ClockReading
	for _, id := range (&session{app: a, cfg: cfg}).onBehalfOf() {
		reading, err = client.ServerClock(ctx, id)
		if err != nil {
			checks = append(checks, apiFailure(id, err))
			continue
		}
		checks = append(checks, ok("api", "%s answers in %s%s and takes the credential", cfg.API.BaseURL, reading.Took.Round(time.Millisecond), forID(id)))
	}
	if err == nil {
		checks = append(checks, checkClock(reading))
	}
	return checks
}

func forID(id string) string {
	if id == "" {
		return ""
	}
	return " for " + id
}

// apiFailure says what to do about an answer of the API.
func apiFailure(id string, err error) check {
	do := "look at the address, the network and the proxy; the provider's status page"
	switch {
	case payout.KindOf(err) == payout.KindAuth:
		do = "check the credential, its expiry, this machine's clock, and that it is one for this API (sandbox or production)"
	case payapi.IsInvalidArgument(err):
		do = "check api.on_behalf_of" + forID(id) + ": unregulated members must name one"
	}
	return fail("api", do, err)
}

// checkClock judges how far our clock is from the API's.
func checkClock(r payapi.ClockReading) check {
	skew := r.Skew().Round(time.Second)
	size := skew.Abs()
	words := fmt.Sprintf("this machine's clock is %s ahead of the API's", size)
	if skew > 0 {
		words = fmt.Sprintf("this machine's clock is %s behind the API's", size)
	}
	const do = "let the clock be set by NTP (timedatectl set-ntp true)"
	switch {
	case r.Server.IsZero():
		return warn("clock", "compare the clock by hand", "the API's answer has no date")
	case size >= skewFail:
		return fail("clock", do, payout.Errorf(payout.KindInput, "%s: signatures fail, and days are taken for ended too early or too late", words))
	case size >= skewWarn:
		return warn("clock", do, "%s", words)
	}
	return ok("clock", "agrees with the API's")
}

// checkMirror looks at what the mirror holds: whose it is, how fresh, which days are missing, what alerts there are.
func (a *app) checkMirror(ctx context.Context, cfg *config, m *mirror.Mirror) []check {
	period := cfg.Reconcile.Period.period(a.lastEndedDay())
	st, err := a.gatherStatus(ctx, m, period)
	if err != nil {
		return []check{fail("mirror", "restore the last backup", err)}
	}
	var checks []check
	if st.BaseURL != "" && st.BaseURL != cfg.API.BaseURL {
		checks = append(checks, fail("mirror", "use another database for this API, or correct api.base_url; if the API has moved: `payrecon sync --moved-from "+st.BaseURL+"`",
			payout.Errorf(payout.KindInput, "%s belongs to %s, the configuration says %s", cfg.Database, st.BaseURL, cfg.API.BaseURL)))
	}
	return append(checks, checkFreshness(st.Fresh, a.clock()), checkCoverage(st.Gaps, period), checkAlerts(len(st.Alerts)))
}

// checkFreshness judges the age of the last nightly sync that came to its end.
func checkFreshness(fresh payout.Millis, now time.Time) check {
	const do = "see `payrecon schedule list` or cron's mail, then run `payrecon sync`"
	if fresh == 0 {
		return warn("freshness", do, noNight)
	}
	age := now.Sub(fresh.Time())
	if age > staleAfter {
		return warn("freshness", do, "the last nightly sync that came to its end began %s ago", ageInWords(age))
	}
	return ok("freshness", "the last nightly sync that came to its end began %s ago", ageInWords(age))
}

// checkCoverage judges the days of the configured period that are not shown complete.
func checkCoverage(gaps []payout.Day, period payout.Period) check {
	if len(gaps) == 0 {
		return ok("coverage", "every day of %s is complete", period)
	}
	do := fmt.Sprintf("run `payrecon backfill --from %s --to %s`", gaps[0], gaps[len(gaps)-1])
	return warn("coverage", do, "%s of %s not complete, the first %s", plural(int64(len(gaps)), "day"), period, gaps[0])
}

func checkAlerts(count int) check {
	if count == 0 {
		return ok("alerts", "none")
	}
	return warn("alerts", "read them: `payrecon status`", "%s on record", plural(int64(count), "alert"))
}

// checkLedger looks for the ledger as a night would, and reads it.
func (a *app) checkLedger(ctx context.Context, cfg *config) []check {
	if cfg.Ledger.Path == "" {
		if job := jobWithoutLedger(cfg); job != "" {
			return []check{fail("ledger", "set ledger.path", payout.Errorf(payout.KindInput, "no ledger is configured, and the schedule %q needs one", job))}
		}
		return []check{warn("ledger", "set ledger.path, or give --ledger every time", "no ledger is configured")}
	}
	files, err := a.findLedger(cfg)
	if err != nil {
		return []check{fail("ledger", "look at the export that writes it, and at ledger.path", err)}
	}
	var checks []check
	for _, file := range files {
		found, err := reconcile.CheckLedger(ctx, file, cfg.ledgerOptions())
		switch {
		case err != nil:
			checks = append(checks, fail("ledger", "see `payrecon ledger check "+file+"`", err))
		case len(found.Rejected) > 0:
			checks = append(checks, warn("ledger", "see `payrecon ledger check "+file+"`", "%s: %s of %d cannot be read", file, plural(int64(len(found.Rejected)), "row"), found.Rows))
		default:
			checks = append(checks, ok("ledger", "%s: %s, %s to %s", file, plural(found.Entries, "row"), found.Intake.First, found.Last))
		}
	}
	return checks
}

// jobWithoutLedger names the first schedule that reconciles and does not say with which ledger; "" when there is none.
func jobWithoutLedger(cfg *config) string {
	for _, j := range cfg.Schedules {
		named := slices.ContainsFunc(j.Run, func(word string) bool { return strings.HasPrefix(word, "--ledger") })
		if (j.Run[0] == "run" || j.Run[0] == "reconcile") && !named {
			return j.Name
		}
	}
	return ""
}

// checkWritable makes a file in the folder, or in the nearest one above it that exists, and takes it away again.
func checkWritable(name, dir string) check {
	at := dir
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return fail(name, "name a folder", payout.Errorf(payout.KindInput, "%s is a file, not a folder", at))
		}
		if err == nil {
			break
		}
		if !errors.Is(err, os.ErrNotExist) || at == filepath.Dir(at) {
			return fail(name, "give this user the right to write there, or name another folder", payout.Errorf(payout.KindInput, "%w", err))
		}
		at = filepath.Dir(at)
	}
	f, err := os.CreateTemp(at, ".payrecon-doctor-*")
	if err != nil {
		return fail(name, "give this user the right to write there, or name another folder", payout.Errorf(payout.KindInput, "%w", err))
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return fail(name, "look at the folder's rights", err)
	}
	if at != dir {
		return ok(name, "%s will be made and can be written", dir)
	}
	return ok(name, "%s can be written", dir)
}

// checkTextfile looks at the folder of metrics.textfile, which belongs to the node exporter: nobody makes it.
func checkTextfile(file string) check {
	dir := filepath.Dir(file)
	if _, err := os.Stat(dir); err != nil {
		return fail("metrics", "make the folder that the node exporter reads, or correct metrics.textfile", payout.Errorf(payout.KindInput, "%w", err))
	}
	return checkWritable("metrics", dir)
}

// checkSchedules builds the schedules as `schedule start` would, and says when each is due next.
func (a *app) checkSchedules(ctx context.Context, cfg *config, m *mirror.Mirror) []check {
	if len(cfg.Schedules) == 0 {
		return []check{ok("schedules", "none configured: cron, systemd or Kubernetes must start `payrecon run`")}
	}
	if _, err := schedules.New(cfg.jobs(), nil, nil, schedules.Options{}); err != nil {
		return []check{fail("schedules", "correct the expression; five fields, such as \"30 2 * * *\"", err)}
	}
	var checks []check
	for _, bad := range a.checkJobs(cfg) {
		checks = append(checks, fail("schedules", "correct the words of run: they are a command line without `payrecon`", bad))
	}
	list, err := a.jobStatuses(ctx, m, cfg)
	if err != nil {
		return append(checks, fail("schedules", "see the database above", err))
	}
	for _, st := range list {
		next := "is never due again"
		if !st.Next.IsZero() {
			next = "is due next on " + st.Next.Format("Mon 2 January 2006 15:04 MST")
		}
		last := st.Last
		if last != nil && troubleOf(jobResult{Outcome: last.Outcome}) != "" && last.Outcome != schedules.Running && last.Outcome != schedules.RunningAgain {
			checks = append(checks, warn("schedules", "see `payrecon schedule list`", "%s %s; it last ended as %s: %s", st.Job.Name, next, last.Outcome, shorten(last.Words, 100)))
			continue
		}
		checks = append(checks, ok("schedules", "%s %s", st.Job.Name, next))
	}
	return checks
}

// recordedJobs reads the record of jobs in a mirror that may not be there yet.
type recordedJobs struct{ m *mirror.Mirror }

func (n recordedJobs) LastJob(ctx context.Context, name string) (last payout.JobRun, ok bool, err error) {
	if n.m == nil {
		return payout.JobRun{}, false, nil
	}
	return n.m.LastJob(ctx, name)
}

// SaveJob refuses: who only looks changes nothing.
func (recordedJobs) SaveJob(context.Context, payout.JobRun) error {
	return errors.New("opened for reading only")
}

// checkNotifications says who is told, whether the last notifications arrived, and with try sends a test.
func (a *app) checkNotifications(ctx context.Context, cfg *config, m *mirror.Mirror, try bool) []check {
	n := newNotifier(cfg, nil, a.clock, a.log, hostName())
	if n == nil {
		return []check{warn("notifications", "configure notify, or watch the exit codes yourself", "nobody is told when a night fails")}
	}
	var checks []check
	lost, err := undeliveredNotifications(ctx, recordedJobs{m}, cfg)
	if err != nil {
		checks = append(checks, fail("notifications", "restore the last backup", err))
	}
	for _, last := range lost {
		checks = append(checks, warn("notifications", "try them: `payrecon doctor --notify`", "the last of %s did not reach everybody: %s", last.Job, shorten(last.Words, 200)))
	}
	if !try {
		return append(checks, ok("notifications", "%s (not tried: --notify sends a test)", cfg.Notify.channels()))
	}
	failures := n.try(ctx)
	for _, failure := range failures {
		checks = append(checks, fail("notifications", "look at notify in the configuration", errors.New(failure)))
	}
	if len(failures) == 0 {
		checks = append(checks, ok("notifications", "a test went to %s", cfg.Notify.channels()))
	}
	return checks
}

// hostName is the machine's name for messages.
func hostName() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "this machine"
}
