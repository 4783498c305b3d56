package main

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"payrecon/internal/payout"
)

// The outcomes of a job that notifications tell apart; every other one is a trouble.
const (
	outcomeOK          = "ok"
	outcomeBreaks      = "breaks" // done, with breaks at or above --fail-on
	outcomeIncomplete  = "incomplete"
	outcomeInterrupted = "interrupted"
)

// The events of notify.on.
const (
	onFailure    = "failure"
	onIncomplete = "incomplete"
	onBreaks     = "breaks"
	onRecovery   = "recovery"
)

// remindAfter is how long a trouble that goes on unchanged is not told again.
const remindAfter = 7 * 24 * time.Hour

// undeliveredMark separates, in a record's words, what was to be told from why it did not arrive.
const undeliveredMark = " | not delivered: "

// notice is what is to be told after one job.
type notice struct {
	events []string
	breaks []payout.Item // the ones to tell of, most urgent first
	since  time.Time     // for recovery: when the trouble was last told of; zero = not known any more
	head   string        // "event: sentence", what the record keeps to compare with next time
}

// decide compares how a job ended with what was told last, so that a trouble is told when it begins, when it changes,
// once a week while it goes on, and when it is over; and the breaks that are untold. What did not reach everybody last
// time is told again.
func decide(cfg notifyConfig, last payout.JobRun, r jobResult, untold func(item int64) bool, now time.Time) notice {
	lastHead, _, _ := strings.Cut(last.Words, undeliveredMark)
	lastKind, _, _ := strings.Cut(lastHead, ":")
	wasTrouble := lastKind == onFailure || lastKind == onIncomplete
	trouble := troubleOf(r)
	var d notice
	switch {
	case trouble != "":
		d.head = trouble + ": " + r.Words
		same := fold(d.head) == fold(lastHead) && last.Outcome != undelivered && now.Sub(last.Started.Time()) < remindAfter
		if same {
			d.head = lastHead
		} else if cfg.wants(trouble) {
			d.events = append(d.events, trouble)
		}
	case wasTrouble && cfg.wants(onRecovery):
		d.events, d.since, d.head = append(d.events, onRecovery), last.Started.Time(), onRecovery+": "+r.Words
	case lastKind == onRecovery && last.Outcome == undelivered && cfg.wants(onRecovery):
		d.events, d.head = append(d.events, onRecovery), onRecovery+": "+r.Words
	}
	if cfg.wants(onBreaks) && r.Rec != nil {
		if d.breaks = breaksToTell(r.Rec, cfg.severity(), untold); len(d.breaks) > 0 {
			d.events = append(d.events, onBreaks)
			if d.head == "" {
				d.head = onBreaks + ": " + r.Words
			}
		}
	}
	if d.head == "" {
		d.head = "quiet: " + r.Words
	}
	return d
}

// troubleOf returns the event that an outcome is, "" for a job that did its work.
func troubleOf(r jobResult) string {
	switch r.Outcome {
	case outcomeOK, outcomeBreaks:
		return ""
	case outcomeIncomplete:
		return onIncomplete
	}
	return onFailure
}

// severity returns the severity from which on breaks are told.
func (n notifyConfig) severity() payout.Severity {
	var s payout.Severity
	if s.UnmarshalText([]byte(n.Severity)) != nil {
		return payout.High
	}
	return s
}

// breaksToTell lists the untold items that are open, at or above the severity and without a disposition.
func breaksToTell(rec *payout.Reconciliation, from payout.Severity, untold func(item int64) bool) []payout.Item {
	var out []payout.Item
	for _, item := range rec.Items {
		if item.State != payout.ItemCleared && item.Severity >= from && item.Disposition == nil && untold(item.ID) {
			out = append(out, item)
		}
	}
	slices.SortStableFunc(out, func(a, b payout.Item) int { return int(b.Severity) - int(a.Severity) })
	return out
}

// fold leaves out of a sentence what changes from night to night although the trouble is the same: figures, dates,
// trace ids. A word with a digit in it is one of those.
func fold(sentence string) string {
	words := strings.Fields(sentence)
	words = slices.DeleteFunc(words, func(w string) bool { return strings.ContainsFunc(w, unicode.IsDigit) })
	return strings.Join(words, " ")
}
