package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"payrecon/internal/payout"
)

// jobResult is what happened, as far as somebody who was not there wants to know. Rec, Workbook and Run are zero when
// the job did not get so far.
type jobResult struct {
	Job      string // name of the schedule, or of the command
	Outcome  string // ok, breaks, incomplete, interrupted, or a trouble: failed, input, refused, busy, timeout, panic ...
	Words    string // its last word
	Run      int64
	Rec      *payout.Reconciliation
	Workbook string // path
}

// notification says what was told to whom. A notification that fails never fails the job.
type notification struct {
	Events      []string `json:"events"`                // none = nothing to tell
	Subject     string   `json:"subject,omitempty"`     // of the message
	Undelivered []string `json:"undelivered,omitempty"` // "webhook: why", one for each channel that failed
}

// toldStore remembers what was told last: the records of jobs, under names of their own. *mirror.Mirror is one.
type toldStore interface {
	LastJob(ctx context.Context, name string) (last payout.JobRun, ok bool, err error)
	SaveJob(ctx context.Context, run payout.JobRun) error
	MovedAfter(ctx context.Context, run int64) (items []int64, err error)
}

// The outcomes of a record of a notification.
const (
	told        = "told"
	undelivered = "undelivered" // the message did not reach every channel: the next run tells again
	unheard     = "unheard"     // only the heartbeat could not be delivered
)

// notifyDeadline bounds all notifications of one job, retries included.
const notifyDeadline = 3 * time.Minute

// notifier tells people and monitors how jobs ended.
type notifier struct {
	cfg   *config
	store toldStore // nil: nothing is remembered, so every trouble is told
	clock func() time.Time
	log   *slog.Logger
	host  string // the machine's name, for messages

	http  *http.Client
	pause time.Duration // before the first retry
	tls   *tls.Config   // of mail servers; nil = the system's authorities
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
}

// newNotifier returns the notifier of a configuration, or nil when it names nobody to tell.
func newNotifier(cfg *config, store toldStore, clock func() time.Time, log *slog.Logger, host string) *notifier {
	if n := cfg.Notify; n.Webhook == "" && n.Heartbeat == "" && n.Email.Host == "" {
		return nil
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the addresses are secrets
	return &notifier{
		cfg: cfg, store: store, clock: clock, log: log, host: host, pause: 2 * time.Second,
		http: &http.Client{Timeout: 20 * time.Second, CheckRedirect: refuse},
	}
}

// notifyRecord is the name under which the notifications of a job are on record.
func notifyRecord(job string) string { return "notify:" + job }

// tell decides what is to be told of a job that ended, tells it, and puts on record what was told. After an interruption it
// is silent and what was to be told stays so: the job is made up for, or the silence itself is the alarm.
func (n *notifier) tell(ctx context.Context, r jobResult) notification {
	if n == nil || r.Outcome == outcomeInterrupted {
		return notification{}
	}
	ctx, cancel := context.WithTimeout(ctx, notifyDeadline)
	defer cancel()
	last := n.lastTold(ctx, r.Job)
	cfg := n.cfg.Notify
	if cfg.Webhook == "" && cfg.Email.Host == "" {
		cfg.On = nil // a heartbeat alone carries no message: nothing counts as told
	}
	d := decide(cfg, last, r, n.untold(ctx, r.Rec), n.clock())
	out := notification{Events: d.events}
	if len(d.events) > 0 {
		m := n.compose(r, d)
		out.Subject = m.subject
		out.Undelivered = n.deliver(ctx, m)
		if len(d.breaks) > 0 && len(out.Undelivered) == 0 {
			n.rememberBreaks(ctx, r.Rec.Run)
		}
	}
	outcome := told
	if len(out.Undelivered) > 0 {
		outcome = undelivered
	}
	if err := n.beat(ctx, r); err != nil {
		out.Undelivered = append(out.Undelivered, "heartbeat: "+err.Error())
		if outcome == told {
			outcome = unheard
		}
	}
	if len(d.events) > 0 || outcome != told || last.Outcome == undelivered || last.Outcome == unheard {
		n.remember(ctx, r.Job, outcome, d.head, out.Undelivered)
	}
	return out
}

// lastTold returns the record of the last notification of a job; the zero value when there is none.
func (n *notifier) lastTold(ctx context.Context, job string) payout.JobRun {
	if n.store == nil {
		return payout.JobRun{}
	}
	last, _, err := n.store.LastJob(ctx, notifyRecord(job))
	if err != nil {
		n.log.Warn("what was told last cannot be read: telling again", "job", job, "error", err.Error())
	}
	return last
}

func (n *notifier) remember(ctx context.Context, job, outcome, head string, failures []string) {
	if n.store == nil {
		return
	}
	words := head
	if len(failures) > 0 {
		words += undeliveredMark + strings.Join(failures, "; ")
	}
	now := payout.MillisOf(n.clock())
	run := payout.JobRun{Job: notifyRecord(job), DueDay: now.Day(), Started: now, Ended: now, Outcome: outcome, Words: words}
	if err := n.store.SaveJob(ctx, run); err != nil {
		n.log.Warn("what was told cannot be put on record", "job", job, "error", err.Error())
	}
}

// deliver sends one message through every channel and returns what went wrong, by channel.
func (n *notifier) deliver(ctx context.Context, m message) []string {
	var failures []string
	if ref := n.cfg.Notify.Webhook; ref != "" {
		if err := n.postWebhook(ctx, ref, m); err != nil {
			failures = append(failures, "webhook: "+err.Error())
		}
	}
	if n.cfg.Notify.Email.Host != "" {
		if err := n.sendMail(ctx, m); err != nil {
			failures = append(failures, "email: "+err.Error())
		}
	}
	return failures
}

// beat calls the heartbeat address: as it is after a job that did its work, with /fail after one that did not.
func (n *notifier) beat(ctx context.Context, r jobResult) error {
	ref := n.cfg.Notify.Heartbeat
	if ref == "" {
		return nil
	}
	done := r.Outcome == outcomeOK || r.Outcome == outcomeBreaks
	return n.getHeartbeat(ctx, ref, done)
}

// try sends a message that says it is a test through every channel, for doctor --notify.
func (n *notifier) try(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, notifyDeadline)
	defer cancel()
	m := message{
		subject: n.about("this is a test"),
		lines:   []string{"Somebody asked payrecon on " + n.host + " to try its notifications. They work; nothing else happened."},
	}
	failures := n.deliver(ctx, m)
	if ref := n.cfg.Notify.Heartbeat; ref != "" {
		if err := n.getHeartbeat(ctx, ref, true); err != nil {
			failures = append(failures, "heartbeat: "+err.Error())
		}
	}
	return failures
}

// channels names what is configured, for people.
func (n notifyConfig) channels() string {
	var names []string
	if n.Webhook != "" {
		names = append(names, "webhook")
	}
	if n.Email.Host != "" {
		names = append(names, fmt.Sprintf("e-mail to %s", strings.Join(n.Email.To, ", ")))
	}
	if n.Heartbeat != "" {
		names = append(names, "heartbeat")
	}
	return strings.Join(names, ", ")
}

func (n notifyConfig) wants(event string) bool { return slices.Contains(n.On, event) }
