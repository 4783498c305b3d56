package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
)

// itemDecision is what a person says about an item; nil and unset fields leave the item's as they are.
type itemDecision struct {
	kind   string // "" = leave, dispositionNone = take away
	until  payout.Day
	reason string
	by     string
	owner  *string
	note   *string
	setDue bool
	due    payout.Day
	source string // where it came from, such as a workbook's hash
}

const dispositionNone = "none"

func (d *itemDecision) empty() bool {
	return d.kind == "" && d.owner == nil && d.note == nil && !d.setDue
}

// problem says which field keeps the decision from being taken, and why; "" when nothing does. Its words fit the flags of
// `breaks set` and the columns of the workbook.
func (d *itemDecision) problem(today payout.Day) (field, words string) {
	kinds := []string{payout.DispositionAccepted, payout.DispositionCorrection, payout.DispositionWithProvider, payout.DispositionWrittenOff}
	taken := d.kind != "" && d.kind != dispositionNone
	switch {
	case strings.TrimSpace(d.by) == "":
		return "by", "say who decides"
	case taken && !slices.Contains(kinds, d.kind):
		return "disposition", fmt.Sprintf("%q is not known: want %s, or none", d.kind, strings.Join(kinds, ", "))
	case d.kind == "" && strings.TrimSpace(d.reason) != "":
		return "reason", "it goes with a disposition: give one, or write a note"
	case !taken && d.until != payout.NoDay:
		return "until", "it goes with a disposition: give one, or a due date"
	case d.empty():
		return "disposition", "nothing to set: give a disposition, an owner, a due date or a note"
	case !taken:
		return "", ""
	case strings.TrimSpace(d.reason) == "":
		return "reason", "a disposition needs one"
	case (d.kind == payout.DispositionAccepted || d.kind == payout.DispositionCorrection) && d.until == payout.NoDay:
		return "until", fmt.Sprintf("%q needs a date, so that it comes back to somebody", d.kind)
	case d.until != payout.NoDay && d.until < today:
		return "until", d.until.String() + " has passed already"
	}
	return "", ""
}

// about applies the decision to an item, and tells it as an event.
func (d *itemDecision) about(item payout.Item, now payout.Millis) mirror.Decision {
	ev := payout.ItemEvent{Item: item.ID, At: now, Kind: payout.EventNote, By: d.by}
	var words []string
	if d.kind != "" {
		ev.Kind, ev.From = payout.EventDisposition, dispositionWords(item.Disposition)
		item.Disposition = nil
		if d.kind != dispositionNone {
			item.Disposition = &payout.Disposition{Kind: d.kind, Until: d.until, Reason: d.reason, By: d.by, At: now}
		}
		ev.To = dispositionWords(item.Disposition)
		if d.kind == dispositionNone && ev.From != ev.To {
			ev.Kind = payout.EventWithdrawn
		}
		words = append(words, d.reason)
	}
	if d.owner != nil {
		item.Owner = *d.owner
		words = append(words, "owner: "+orDash(*d.owner))
	}
	if d.setDue {
		item.Due = d.due
		words = append(words, "due: "+orDash(d.due.String()))
	}
	if d.note != nil {
		item.Note = *d.note
		words = append(words, "note: "+orDash(*d.note))
	}
	words = append(words, d.source)
	ev.Text = strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), "; ")
	return mirror.Decision{Item: item, Event: ev}
}

// decide is write for commands that decide about items which a mirror holds: where there is none, none is made.
func (a *app) decide(ctx context.Context, command string, wait time.Duration, work func(ctx context.Context, s *session) error) error {
	if err := a.read(ctx, func(*mirror.Mirror) error { return nil }); err != nil {
		return err
	}
	return a.write(ctx, command, wait, work)
}

// words says what a decision sets.
func (d *itemDecision) words() string {
	var parts []string
	if d.kind != "" {
		text := d.kind
		if d.until != payout.NoDay {
			text += " until " + d.until.String()
		}
		if d.reason != "" {
			text += " (" + d.reason + ")"
		}
		parts = append(parts, text)
	}
	if d.owner != nil {
		parts = append(parts, "owner "+orDash(*d.owner))
	}
	if d.setDue {
		parts = append(parts, "due "+orDash(d.due.String()))
	}
	if d.note != nil {
		parts = append(parts, "note "+orDash(*d.note))
	}
	return strings.Join(parts, ", ")
}
