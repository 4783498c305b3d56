package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"payrecon/internal/mirror"
	"payrecon/internal/money"
	"payrecon/internal/payout"
)

func breakItem(id int64, severity payout.Severity, state payout.ItemState) payout.Item {
	return payout.Item{ID: id, State: state, Finding: payout.Finding{
		Outcome: payout.MissingInLedger, Severity: severity, RefID: fmt.Sprintf("INV-%d", id), Exposure: money.New(12_345_600_00, "EUR"),
		Why: "The provider has it, the ledger does not.", Next: "Book it.",
	}}
}

func reconciliationWith(items ...payout.Item) *payout.Reconciliation {
	return &payout.Reconciliation{
		Run: 7, Period: payout.Period{From: 20_454, To: 20_488}, Conclusion: payout.NotReconciled, ConclusionWhy: "Breaks are open.", Items: items,
		Statements: []payout.Statement{{Currency: "EUR", LedgerCash: 1_234_567_8900, ProviderCash: 1_234_000_0000, Net: -567_8900, Gross: 567_8900}},
		Breaks:     payout.BreakCounts{Total: len(items), New: len(items)},
	}
}

func anyItem(int64) bool { return true }

func TestDecide(t *testing.T) {
	cfg := defaultConfig().Notify
	now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	yesterday := payout.MillisOf(now.Add(-24 * time.Hour))
	failed := func(outcome, words string) payout.JobRun {
		return payout.JobRun{Started: yesterday, Outcome: outcome, Words: words}
	}
	accepted := breakItem(4, payout.Critical, payout.ItemNew)
	accepted.Disposition = &payout.Disposition{Kind: payout.DispositionAccepted}
	const toldBefore = 9 // the item that was told
	for _, tc := range []struct {
		name string
		last payout.JobRun
		r    jobResult
		want string // events and number of breaks
	}{
		{"all quiet", payout.JobRun{}, jobResult{Outcome: "ok"}, "[] 0"},
		{"first failure", payout.JobRun{}, jobResult{Outcome: "failed", Words: "disk full"}, "[failure] 0"},
		{"same failure", failed(told, "failure: disk full"), jobResult{Outcome: "failed", Words: "disk full"}, "[] 0"},
		{"same failure, other figures", failed(told, "failure: trace 8f2a at 02:30 no answer"), jobResult{Outcome: "failed", Words: "trace 11bc at 02:31 no answer"}, "[] 0"},
		{"another failure", failed(told, "failure: disk full"), jobResult{Outcome: "refused", Words: "401"}, "[failure] 0"},
		{"same failure that nobody heard of", failed(undelivered, "failure: disk full | not delivered: webhook: x"), jobResult{Outcome: "failed", Words: "disk full"}, "[failure] 0"},
		{"same failure, a week later", payout.JobRun{Started: yesterday - 7*86_400_000, Outcome: told, Words: "failure: disk full"}, jobResult{Outcome: "failed", Words: "disk full"}, "[failure] 0"},
		{"failure becomes incomplete", failed(told, "failure: disk full"), jobResult{Outcome: "incomplete", Words: "gaps"}, "[incomplete] 0"},
		{"recovery", failed(told, "failure: disk full"), jobResult{Outcome: "ok"}, "[recovery] 0"},
		{"recovery from what nobody heard of", failed(undelivered, "incomplete: gaps | not delivered: x"), jobResult{Outcome: "breaks"}, "[recovery] 0"},
		{"after a recovery", failed(told, "recovery: done"), jobResult{Outcome: "ok"}, "[] 0"},
		{"recovery that nobody heard of", failed(undelivered, "recovery: done | not delivered: x"), jobResult{Outcome: "ok"}, "[recovery] 0"},
		{"missed", payout.JobRun{}, jobResult{Outcome: "missed", Words: "off"}, "[failure] 0"},
		{"a new break", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(1, payout.High, payout.ItemNew))}, "[breaks] 1"},
		{"a reopened break", payout.JobRun{}, jobResult{Outcome: "breaks", Rec: reconciliationWith(breakItem(1, payout.Critical, payout.ItemReopened))}, "[breaks] 1"},
		{"an old break that nobody was told", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(1, payout.High, payout.ItemOpen))}, "[breaks] 1"},
		{"an old break", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(toldBefore, payout.High, payout.ItemOpen))}, "[] 0"},
		{"below the severity", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(1, payout.Medium, payout.ItemNew))}, "[] 0"},
		{"under a disposition", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(accepted)}, "[] 0"},
		{"cleared", payout.JobRun{}, jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(1, payout.High, payout.ItemCleared))}, "[] 0"},
		{"recovery with breaks", failed(told, "failure: x"), jobResult{Outcome: "ok", Rec: reconciliationWith(breakItem(1, payout.High, payout.ItemNew))}, "[recovery breaks] 1"},
	} {
		d := decide(cfg, tc.last, tc.r, func(item int64) bool { return item != toldBefore }, now)
		if got := fmt.Sprint(d.events, " ", len(d.breaks)); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
	cfg.On = []string{"breaks"}
	if d := decide(cfg, payout.JobRun{}, jobResult{Outcome: "failed"}, anyItem, now); len(d.events) > 0 {
		t.Errorf("a failure is told although notify.on does not name it: %v", d.events)
	}
}

// ear is a server for webhooks and heartbeats that remembers what it heard.
type ear struct {
	*httptest.Server
	mu     sync.Mutex
	heard  []string // "POST /hook body"
	status []int    // of the next answers; 200 when there are none left
}

func newEar(t *testing.T, status ...int) *ear {
	e := &ear{status: status}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.heard = append(e.heard, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
		if len(e.status) > 0 {
			if e.status[0] == http.StatusFound {
				w.Header().Set("Location", "/elsewhere")
			}
			w.WriteHeader(e.status[0])
			e.status = e.status[1:]
		}
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard := e.heard
	e.heard = nil
	return heard
}

func testNotifier(t *testing.T, store toldStore, env ...string) *notifier {
	t.Helper()
	cfg := defaultConfig()
	cfg.getenv = envOf(env...)
	cfg.Report.Entity = "Example Ltd"
	for i := 0; i < len(env); i += 2 {
		switch env[i] {
		case "HOOK":
			cfg.Notify.Webhook = "env:HOOK"
		case "BEAT":
			cfg.Notify.Heartbeat = "env:BEAT"
		case "MAIL":
			cfg.Notify.Email = emailConfig{Host: "example.com", From: "payrecon@example.com", To: []string{"finance@example.com", "ops@example.com"}}
		}
	}
	now := time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC)
	n := newNotifier(cfg, store, func() time.Time { return now }, slog.New(slog.DiscardHandler), "host-a")
	n.pause = time.Millisecond
	return n
}

func TestNobodyToTell(t *testing.T) {
	if n := newNotifier(defaultConfig(), nil, time.Now, slog.Default(), ""); n != nil {
		t.Error("a notifier without channels")
	}
	var n *notifier
	if got := n.tell(t.Context(), jobResult{Outcome: "failed"}); len(got.Events) > 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWebhookReadsWell(t *testing.T) {
	e := newEar(t)
	n := testNotifier(t, nil, "HOOK", e.URL+"/hook")
	item := breakItem(12, payout.Critical, payout.ItemNew)
	item.RefID = "<!channel>\n& co"
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "breaks", Words: "done", Run: 7, Rec: reconciliationWith(item), Workbook: "reports/x.xlsx"})
	if len(got.Undelivered) > 0 || !slices.Equal(got.Events, []string{"breaks"}) {
		t.Fatalf("got %+v", got)
	}
	heard := e.take()
	if len(heard) != 1 || !strings.HasPrefix(heard[0], "POST /hook {") {
		t.Fatalf("heard %q", heard)
	}
	var body struct{ Text string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(heard[0], "POST /hook ")), &body); err != nil {
		t.Fatal(err)
	}
	want := `*payrecon Example Ltd: 1 new break, critical: Unrecorded payout*
Conclusion for 2026-01-01 to 2026-02-04: not reconciled.
Breaks are open.
EUR: ledger 1,234,567.89, provider 1,234,000.00, net difference -567.89, gross 567.89.
Open items: 1 (1 new, 0 reopened, 0 from before); 0 cleared.
(Agreed to the provider's initiation records; not proof that cash left the bank.)

New or changed, and not told before:
- #12, critical: Unrecorded payout, reference &lt;!channel&gt; &amp; co, 123,456.00 EUR. The provider has it, the ledger does not.
  Next: Book it.
What to do: work through the sheet Breaks of the workbook; note a decision with payrecon breaks set ID.

Workbook: reports/x.xlsx on host-a
From payrecon on host-a, run 7, Mon, 02 Mar 2026 03:00:00 UTC.
`
	if body.Text != want {
		t.Errorf("got\n%s\nwant\n%s", body.Text, want)
	}
}

// Nothing is said twice: neither the reason of an incomplete night nor the next step of a break.
func TestMessagesOfTheNightlyRun(t *testing.T) {
	n := testNotifier(t, nil, "HOOK", "https://example.com/hook")
	down := reconciliationWith()
	down.Conclusion, down.ConclusionWhy = payout.NoConclusion, "The mirror may be behind the provider: the sync failed: no answer."
	item := breakItem(12, payout.High, payout.ItemNew)
	item.Why = "The ledger has it, the provider does not; book it."
	for _, tc := range []struct {
		last payout.JobRun
		r    jobResult
		want string
	}{
		{payout.JobRun{}, jobResult{Outcome: "incomplete", Words: "the sync failed, so there is no conclusion: no answer", Rec: down, Run: 7}, `payrecon Example Ltd: the nightly run is done, but the source is incomplete
What happened: the sync failed, so there is no conclusion: no answer
What to do: The mirror is not complete for days that have ended, so what is missing there cannot be called missing. The next night tries again by itself; if that does not help, payrecon doctor finds out why.

Conclusion for 2026-01-01 to 2026-02-04: no conclusion is possible.
EUR: ledger 1,234,567.89, provider 1,234,000.00, net difference -567.89, gross 567.89.
Open items: 0 (0 new, 0 reopened, 0 from before); 0 cleared.
(Agreed to the provider's initiation records; not proof that cash left the bank.)

From payrecon on host-a, run 7, Mon, 02 Mar 2026 03:00:00 UTC.
`},
		{payout.JobRun{Outcome: told, Words: "failure: no answer", Started: payout.MillisOf(n.clock().Add(-24 * time.Hour))}, jobResult{Outcome: "ok", Words: "done", Rec: reconciliationWith(item), Run: 8}, `payrecon Example Ltd: 1 new break, high: Unrecorded payout
What happened: the nightly run works again; its trouble was last told on 1 March 2026.

Conclusion for 2026-01-01 to 2026-02-04: not reconciled.
Breaks are open.
EUR: ledger 1,234,567.89, provider 1,234,000.00, net difference -567.89, gross 567.89.
Open items: 1 (1 new, 0 reopened, 0 from before); 0 cleared.
(Agreed to the provider's initiation records; not proof that cash left the bank.)

New or changed, and not told before:
- #12, high: Unrecorded payout, reference INV-12, 123,456.00 EUR. The ledger has it, the provider does not.
  Next: Book it.
What to do: work through the sheet Breaks of the workbook; note a decision with payrecon breaks set ID.

From payrecon on host-a, run 8, Mon, 02 Mar 2026 03:00:00 UTC.
`},
		{payout.JobRun{}, jobResult{Outcome: "refused", Words: "401 Unauthorized"}, `payrecon Example Ltd: the nightly run failed
What happened: 401 Unauthorized
What to do: The API refused the credential. Ask the operator to check it (payrecon doctor) and the machine's clock.

From payrecon on host-a, Mon, 02 Mar 2026 03:00:00 UTC.
`},
	} {
		tc.r.Job = nightlyName
		m := n.compose(tc.r, decide(n.cfg.Notify, tc.last, tc.r, anyItem, n.clock()))
		if got := m.subject + "\n" + m.text(0); got != tc.want {
			t.Errorf("got\n%s\nwant\n%s", got, tc.want)
		}
	}
}

// Slack cuts long messages: what is left of one still says where the workbook is.
func TestLongMessagesKeepTheirEnd(t *testing.T) {
	n := testNotifier(t, nil, "HOOK", "https://example.com/hook")
	items := make([]payout.Item, 10)
	for i := range items {
		items[i] = breakItem(int64(i), payout.High, payout.ItemNew)
		items[i].Why = strings.Repeat("because ", 60)
	}
	r := jobResult{Job: nightlyName, Outcome: "ok", Rec: reconciliationWith(items...), Run: 7, Workbook: "reports/x.xlsx"}
	got := n.compose(r, decide(n.cfg.Notify, payout.JobRun{}, r, anyItem, n.clock())).text(maxWebhookText)
	end := `... (the rest is in the workbook)

Workbook: reports/x.xlsx on host-a
From payrecon on host-a, run 7, Mon, 02 Mar 2026 03:00:00 UTC.
`
	if n := utf8.RuneCountInString(got); n < maxWebhookText || n > maxWebhookText+50 || !strings.HasSuffix(got, end) {
		t.Errorf("%d characters:\n%s", n, got)
	}
}

func TestDeliveryIsRetriedWithinBounds(t *testing.T) {
	for _, tc := range []struct {
		name     string
		status   []int
		requests int
		failed   bool
	}{
		{"at once", nil, 1, false},
		{"third time lucky", []int{503, 429}, 3, false},
		{"never", []int{500, 500, 500, 500}, 3, true},
		{"gone", []int{404}, 1, true},
		{"redirected", []int{302}, 1, true},
	} {
		e := newEar(t, tc.status...)
		n := testNotifier(t, nil, "HOOK", e.URL+"/s3cret")
		got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full"})
		if heard := e.take(); len(heard) != tc.requests || (len(got.Undelivered) > 0) != tc.failed {
			t.Errorf("%s: %d requests, %v", tc.name, len(heard), got.Undelivered)
		}
		if strings.Contains(fmt.Sprint(got), "s3cret") {
			t.Errorf("%s: the address is shown: %v", tc.name, got)
		}
	}
}

func TestUnreachableAddressIsNotShown(t *testing.T) {
	n := testNotifier(t, nil, "HOOK", "http://127.0.0.1:1/s3cret", "BEAT", "http://example.com/s3cret")
	got := n.tell(t.Context(), jobResult{Job: "nightly", Outcome: "failed", Words: "disk full"})
	if len(got.Undelivered) != 2 || strings.Contains(fmt.Sprint(got.Undelivered), "s3cret") || !strings.Contains(fmt.Sprint(got.Undelivered), "want https") {
		t.Errorf("got %q", got.Undelivered)
	}
}

func TestHeartbeat(t *testing.T) {
	e := newEar(t)
	n := testNotifier(t, nil, "BEAT", e.URL+"/ping/abc?x=1")
	for _, outcome := range []string{"ok", "breaks", "incomplete", "failed", "interrupted", "refused"} {
		n.tell(t.Context(), jobResult{Job: "nightly", Outcome: outcome})
	}
	ok, fail := "GET /ping/abc?x=1", "GET /ping/abc/fail?x=1"
	if got, want := e.take(), []string{ok, ok, fail, fail, fail}; !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// The life of a trouble over some nights, remembered in the real mirror: told, silent, told again after a failed
// delivery, over.
func TestTroubleIsToldOnce(t *testing.T) {
	m, err := mirror.Open(t.Context(), filepath.Join(t.TempDir(), "payrecon.db"), mirror.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e := newEar(t)
	n := testNotifier(t, m, "HOOK", e.URL+"/hook", "BEAT", e.URL+"/beat")
	now := n.clock()
	n.clock = func() time.Time { return now }
	for i, tc := range []struct {
		outcome, words string
		status         []int // of the answers to the next requests
		told           bool
		record         string
	}{
		{"ok", "done", nil, false, ""},
		{"failed", "no answer 1", nil, true, "told failure: no answer 1"},
		{"failed", "no answer 2", nil, false, "told failure: no answer 1"},
		{"refused", "401", []int{404, 404}, true, "undelivered failure: 401 | not delivered: webhook: the answer was 404 Not Found; heartbeat: the answer was 404 Not Found"},
		{"interrupted", "stopped", nil, false, "undelivered failure: 401 | not delivered: webhook: the answer was 404 Not Found; heartbeat: the answer was 404 Not Found"},
		{"refused", "401", nil, true, "told failure: 401"},
		{"ok", "done", nil, true, "told recovery: done"},
		{"ok", "done", []int{410}, false, "unheard quiet: done | not delivered: heartbeat: the answer was 410 Gone"},
		{"ok", "done", nil, false, "told quiet: done"},
	} {
		now = now.Add(24 * time.Hour)
		e.mu.Lock()
		e.status = tc.status
		e.mu.Unlock()
		n.tell(t.Context(), jobResult{Job: "nightly", Outcome: tc.outcome, Words: tc.words})
		posts := 0
		for _, h := range e.take() {
			if strings.HasPrefix(h, "POST") {
				posts++
			}
		}
		last, _, err := m.LastJob(t.Context(), notifyRecord("nightly"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(last.Outcome + " " + last.Words); (posts > 0) != tc.told || got != tc.record {
			t.Errorf("night %d: %d messages, record %q; want told %v, %q", i, posts, got, tc.told, tc.record)
		}
	}
}

func TestNotificationsEndWithTheContext(t *testing.T) {
	n := testNotifier(t, nil, "HOOK", newEar(t, 500, 500, 500).URL)
	n.pause = time.Hour
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got := n.tell(ctx, jobResult{Job: "nightly", Outcome: "failed"}); len(got.Undelivered) != 1 {
		t.Errorf("got %+v", got)
	}
}
