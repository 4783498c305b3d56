package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
	"payrecon/schedules"
)

// TestYearOfNights lives through a year with `payrecon schedule start`, on a fake clock, against the sandbox: nights on
// which the API is away, the machine is off, the job is interrupted, or two processes run the same schedule; payouts
// whose status changes late, a ledger that lags, is wrong and is corrected. Every night is accounted for, once; every
// planted break is found on the first night that it could be, and nothing else is; the mirror ends equal to the API.
func TestYearOfNights(t *testing.T) {
	nights := 365
	if testing.Short() {
		nights = 25
	}
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.write("payrecon.yaml", fmt.Sprintf(`
api: {rate_limit: none}
ledger: {path: %q}
report: {dir: %q, format: [csv]}
schedules: [{name: nightly, cron: "30 1 * * *", timezone: Europe/London, run: run, timeout: 2h}]
`, s.path("ledger.csv"), s.path("reports")))
	synctest.Test(t, func(t *testing.T) {
		s.t = t
		y := &year{site: s, t: t, outcomes: map[payout.Day]string{}, ways: s.box.Transport()}
		// Before a day on which nothing is due yet, so that the first night is like the others.
		time.Sleep(time.Until(time.Date(2026, 1, 5, 3, 0, 0, 0, time.UTC)))
		s.box.SetNow(time.Now())
		y.live(time.Minute, schedule(y, func(context.CancelFunc) {}))
		for n := range nights {
			y.night(n)
		}
		y.accounts()
		y.truth()
		y.foundAll()
	})
}

// year is the world of the test. A day is counted from 0; what happens on day n is in the ledger of the night after it.
type year struct {
	*site
	t     *testing.T
	first payout.Day
	made  []*made

	ways  http.RoundTripper
	mu    sync.Mutex
	away  bool
	onAsk func() // called, once, when the API is asked next

	outcomes map[payout.Day]string // due date of the job -> how it must have ended
	missed   payout.Day            // due date that was missed while the machine was off; 0 = none
	found    map[string]bool       // kinds of breaks that were seen
}

// made is one payout with its row in the ledger, and what is wrong with them until the ledger is corrected.
type made struct {
	ref    string
	day    payout.Day
	id     string // "" = the API has no such payout
	amount string
	kind   string
	fixed  payout.Day // the morning from which on nothing is wrong any more; 0 = never
}

// RoundTrip is the network: it may be down, and it notices when somebody asks.
func (y *year) RoundTrip(r *http.Request) (*http.Response, error) {
	y.mu.Lock()
	away, notice := y.away, y.onAsk
	y.onAsk = nil
	y.mu.Unlock()
	if notice != nil {
		notice()
	}
	if away {
		return nil, fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)
	}
	y.box.SetNow(time.Now())
	return y.ways.RoundTrip(r)
}

// schedule returns a process that runs the schedule until it is told to stop.
func schedule(y *year, before func(stop context.CancelFunc)) func(until time.Time) {
	return func(until time.Time) {
		ctx, stop := context.WithDeadlineCause(context.Background(), until, context.Canceled)
		defer stop()
		before(stop)
		var words bytes.Buffer
		env := map[string]string{envURL: "http://127.0.0.1", envToken: sandbox.DemoToken}
		a := &app{getenv: func(k string) string { return env[k] }, stdout: &words, stderr: &words, clock: time.Now, transport: y}
		root := a.rootCommand()
		root.SetArgs([]string{"schedule", "start", "-q", "--config", y.path("payrecon.yaml"), "--db", y.path("payrecon.db")})
		if err := root.ExecuteContext(ctx); err != nil && !errors.Is(err, context.Canceled) {
			y.t.Errorf("schedule start: %v\n%s", err, words.String())
		}
	}
}

// live runs processes, all at once, for so long.
func (y *year) live(span time.Duration, processes ...func(time.Time)) {
	until := time.Now().Add(span)
	var all sync.WaitGroup
	for _, p := range processes {
		all.Go(func() { p(until) })
	}
	all.Wait()
}

// night n begins at five past midnight, when the ledger of the day before is exported; the job is due at 01:30 in London.
func (y *year) night(n int) {
	if n == 0 {
		y.first = payout.DayOf(time.Now())
	}
	tonight := y.first + payout.Day(n) + 1
	time.Sleep(time.Until(tonight.Start().Add(5 * time.Minute)))
	y.box.SetNow(time.Now())
	y.daylight(n)
	y.export(tonight)

	off := n%31 == 11 || n%150 >= 50 && n%150 < 53
	y.away = n%23 == 7 || n%97 >= 40 && n%97 < 44
	if off {
		y.missed = tonight // of several, the newest is made up for
		return
	}
	want := "ok"
	if y.away {
		want = "incomplete"
	}
	if y.outcomes[tonight] = want; y.missed != 0 {
		y.outcomes[y.missed], y.missed = want, 0
	}
	time.Sleep(15 * time.Minute)
	quiet := func(context.CancelFunc) {}
	switch {
	case n%29 == 17:
		y.live(80*time.Minute, schedule(y, func(stop context.CancelFunc) { y.onAsk = stop })) // told to stop while it works ...
		time.Sleep(time.Minute)
		y.live(10*time.Minute, schedule(y, quiet)) // ... and started again
	case n%13 == 5:
		y.live(80*time.Minute, schedule(y, quiet), schedule(y, quiet))
	default:
		y.live(80*time.Minute, schedule(y, quiet))
	}
	y.judge(tonight)
}

// The kinds of stories, told in turn. What is not named a break here never is one.
var stories = []string{
	"missing_in_ledger", "missing_at_provider", "amount_mismatch", "status_mismatch", "stuck", "ledger a night late",
	"duplicate_ledger_entry", "currency_mismatch", "turned into a failure", "duplicate_payout", "ledger never hears",
}

// daylight makes the payouts of day n, and lets the lives of earlier ones go on.
func (y *year) daylight(n int) {
	day := y.first + payout.Day(n)
	for i := range 5 {
		m := &made{ref: fmt.Sprintf("P%03d-%d", n, i), day: day, amount: fmt.Sprintf("%d.%02d", 10+(n*7+i*13)%90, (n*31+i)%100)}
		if i == 2 && n%2 == 0 {
			m.kind, m.fixed = stories[n/2%len(stories)], day+9
		}
		if m.kind == "duplicate_payout" {
			m.fixed = 0
		}
		y.begin(m)
		y.made = append(y.made, m)
	}
	for _, m := range y.made[max(0, len(y.made)-60):] {
		y.goOn(m, day)
	}
}

func (y *year) begin(m *made) {
	status := payout.Completed
	switch {
	case m.kind == "missing_at_provider":
		return
	case m.kind == "status_mismatch":
		status = payout.Failed
	case m.kind == "stuck", m.kind == "ledger never hears", m.slow():
		status = payout.Processing
	case m.rejected():
		status = payout.Rejected
	}
	m.id = y.add(m, status, 10)
	if m.kind == "duplicate_payout" {
		y.add(m, status, 11)
	}
}

func (y *year) add(m *made, status payout.Status, hour int) string {
	sum, err := money.Parse(m.amount, "EUR")
	if err != nil {
		y.t.Fatal(err)
	}
	created := payout.MillisOf(m.day.Start().Add(time.Duration(hour) * time.Hour))
	id, err := y.box.Add(payout.Payout{RefID: m.ref, Amount: sum, Status: status, Created: created, Updated: created + 60_000})
	if err != nil {
		y.t.Fatal(err)
	}
	return id
}

func (m *made) number() int    { return int(m.day)*5 + int(m.ref[len(m.ref)-1]-'0') }
func (m *made) slow() bool     { return m.kind == "" && m.number()%6 == 0 }
func (m *made) rejected() bool { return m.kind == "" && !m.slow() && m.number()%17 == 1 }

// goOn changes the status of a payout on the night after the day.
func (y *year) goOn(m *made, day payout.Day) {
	to := payout.Completed
	switch age := day - m.day; {
	case m.slow() && age == 1, m.kind == "ledger never hears" && age == 1, m.kind == "stuck" && age == 8:
	case m.kind == "turned into a failure" && age == 2:
		to = payout.Failed
	default:
		return
	}
	if err := y.box.SetStatus(m.id, to, ""); err != nil {
		y.t.Fatal(err)
	}
}

// export writes the ledger of the last sixty days, as it stands on the morning of tonight.
func (y *year) export(tonight payout.Day) {
	text := "ref_id,amount,currency,status,date\n"
	for _, m := range y.made {
		if m.day < tonight-60 {
			continue
		}
		amount, currency, status, times := m.amount, "EUR", "paid", 1
		right := m.fixed != 0 && tonight >= m.fixed
		switch age := tonight - m.day; {
		case m.slow() && age < 3, m.kind == "stuck" && !right, m.kind == "ledger never hears" && !right:
			status = "pending"
		case m.rejected(), right && (m.kind == "status_mismatch" || m.kind == "turned into a failure"):
			status = "failed"
		case m.kind == "missing_in_ledger" && !right, m.kind == "ledger a night late" && age < 2, m.kind == "missing_at_provider" && right:
			times = 0
		case m.kind == "duplicate_ledger_entry" && !right:
			times = 2
		case m.kind == "amount_mismatch" && !right:
			amount = "1" + amount
		case m.kind == "currency_mismatch" && !right:
			currency = "USD"
		}
		text += strings.Repeat(fmt.Sprintf("%s,%s,%s,%s,%s\n", m.ref, amount, currency, status, m.day), times)
	}
	y.write("ledger.csv", text)
}

// due returns the break that a story is at the instant, if it is one by then: not while the ledger or the provider may
// still be catching up, not after it was corrected.
func (m *made) due(at time.Time) (outcome string, ok bool) {
	if m.fixed != 0 && payout.DayOf(at) >= m.fixed {
		return "", false
	}
	noon := m.day.Start().Add(10 * time.Hour)
	switch m.kind {
	case "amount_mismatch", "currency_mismatch", "duplicate_ledger_entry", "duplicate_payout":
		return m.kind, true
	case "missing_in_ledger", "status_mismatch":
		return m.kind, !at.Before(businessDayAfter(noon))
	case "missing_at_provider":
		return m.kind, !at.Before(businessDayAfter((m.day + 1).Start()))
	case "stuck":
		return m.kind, at.After(noon.Add(72 * time.Hour))
	case "turned into a failure":
		return "status_mismatch", !at.Before(businessDayAfter((m.day + 3).Start().Add(5 * time.Minute)))
	case "ledger never hears":
		return "status_mismatch", !at.Before(businessDayAfter((m.day + 2).Start().Add(5 * time.Minute)))
	}
	return "", false
}

// businessDayAfter adds 24 hours, of which those of Saturdays and Sundays do not count.
func businessDayAfter(t time.Time) time.Time {
	for left := 24 * 60; left > 0; t = t.Add(time.Minute) {
		if t.Weekday() != time.Saturday && t.Weekday() != time.Sunday {
			left--
		}
	}
	return t
}

// judge compares the open items of the night's last run with the stories. When the API was away, the run must say that
// it has no conclusion.
func (y *year) judge(tonight payout.Day) {
	r := y.reconciliation()
	tiesForward(y.t, r)
	if y.away {
		if r.Conclusion != payout.NoConclusion {
			y.t.Errorf("%s: the API was away, and the run concludes %s", tonight, r.Conclusion)
		}
		return
	}
	got, want := map[string]string{}, map[string]string{}
	for i := range r.Items {
		if it := &r.Items[i]; it.State != payout.ItemCleared {
			got[it.RefID] = it.Outcome.String()
		}
	}
	for _, m := range y.made {
		if outcome, ok := m.due(r.AsOf.Time()); ok {
			want[m.ref] = outcome
			y.note(m.kind)
		}
	}
	if !maps.Equal(got, want) {
		y.t.Fatalf("night of %s (as of %s, run %d): open items\n%v, want\n%v", tonight, r.AsOf, r.Run, got, want)
	}
	if r.Conclusion != payout.NotReconciled && len(want) > 0 || r.Conclusion != payout.Reconciled && len(want) == 0 {
		y.t.Errorf("night of %s: %s (%s) with %d open breaks", tonight, r.Conclusion, r.ConclusionWhy, len(want))
	}
}

func (y *year) note(kind string) {
	if y.found == nil {
		y.found = map[string]bool{}
	}
	y.found[kind] = true
}

// foundAll asserts that every kind of story was a break on some night: a test that plants nothing proves nothing.
func (y *year) foundAll() {
	for _, kind := range stories {
		if kind != "ledger a night late" && !y.found[kind] {
			y.t.Errorf("%s was never found", kind)
		}
	}
}

// accounts asserts that every due date has its record, and exactly one besides those of interrupted starts, and that
// every start is a run of the mirror.
func (y *year) accounts() {
	m, err := mirror.OpenReadOnly(y.t.Context(), y.path("payrecon.db"))
	if err != nil {
		y.t.Fatal(err)
	}
	defer m.Close()
	jobs, err := m.JobRuns(y.t.Context(), "nightly", 10_000)
	if err != nil {
		y.t.Fatal(err)
	}
	got := map[payout.Day]string{}
	starts, interrupted := 0, 0
	for _, j := range jobs {
		switch {
		case j.Outcome == schedules.FirstSeen:
			continue
		case j.Outcome == schedules.Interrupted:
			interrupted++
		case got[j.DueDay] != "":
			y.t.Errorf("%s: done twice, %s and %s", j.DueDay, got[j.DueDay], j.Outcome)
		default:
			got[j.DueDay] = j.Outcome
		}
		starts++
	}
	if !maps.Equal(got, y.outcomes) {
		for _, day := range slices.Sorted(maps.Keys(y.outcomes)) {
			if got[day] != y.outcomes[day] {
				y.t.Errorf("%s: the night ended %q, want %q", day, got[day], y.outcomes[day])
			}
		}
		y.t.Errorf("%d nights on record, want %d", len(got), len(y.outcomes))
	}
	if interrupted == 0 {
		y.t.Error("no start was interrupted: the test did not do what it says")
	}
	runs, err := m.Runs(y.t.Context(), 0)
	if err != nil {
		y.t.Fatal(err)
	}
	if len(runs) != starts {
		y.t.Errorf("%d runs in the mirror, %d starts of the job", len(runs), starts)
	}
}

// truth asserts that the mirror holds what the API shows.
func (y *year) truth() {
	m, err := mirror.OpenReadOnly(y.t.Context(), y.path("payrecon.db"))
	if err != nil {
		y.t.Fatal(err)
	}
	defer m.Close()
	got := map[string]string{}
	for p, err := range m.ExportPayouts(y.t.Context(), 0) {
		if err != nil {
			y.t.Fatal(err)
		}
		got[p.ID] = fmt.Sprint(p.RefID, p.Created, p.Updated, p.Status, p.Units, p.Currency)
	}
	want := map[string]string{}
	for _, p := range y.box.Truth() {
		want[p.ID] = fmt.Sprint(p.RefID, p.Created, p.Updated, p.Status, p.Amount.Units(), p.Amount.Currency())
	}
	for id := range want {
		if got[id] != want[id] {
			y.t.Errorf("%s: mirror %q, API %q", id, got[id], want[id])
		}
	}
	if len(got) != len(want) || len(got) == 0 {
		y.t.Errorf("%d payouts in the mirror, %d at the API", len(got), len(want))
	}
}
