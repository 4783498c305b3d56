package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	"payrecon/sync/payapi"
)

// initiateWait is how long a payout waits for another one that is being initiated with the same mirror: between looking a
// reference up and sending it nobody else may do the same.
const initiateWait = time.Minute

// fateWait bounds the look-up after a lost answer: whoever waits at a terminal is told within it what is known.
const fateWait = time.Minute

// initiate makes one payout, after every check that can be made before money moves. The order matters: what is free
// comes first, the only step that cannot be taken back comes last and once.
func (a *app) initiate(ctx context.Context, in payapi.Initiation, yes bool) (err error) {
	cfg, err := a.configuration()
	if err != nil {
		return err
	}
	if !cfg.API.AllowInitiate {
		return payout.Errorf(payout.KindInput, "initiating payouts is switched off: set api.allow_initiate: true in payrecon.yaml, on machines that may pay")
	}
	if err := in.Validate(); err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	lock, err := mirror.Acquire(ctx, cfg.Database+".initiate", "payrecon payouts initiate", initiateWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	a.announce(&in, cfg.API.BaseURL)
	note := newNote(cfg.Database, cfg.API.BaseURL, &in)
	if err := mustBeNew(ctx, client, &in, note); err != nil {
		return err
	}
	if !yes {
		return payout.Errorf(payout.KindInput, "nothing was sent: the API knows no payout with reference %q; add --yes to send it", in.RefID)
	}
	if err := note.write(a.clock()); err != nil {
		return err
	}
	p, err := client.Initiate(ctx, in)
	var unknown *payapi.FateUnknown
	if errors.As(err, &unknown) {
		return a.sayFate(ctx, client, &in, note, unknown)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("nothing was paid: %w", err), note.remove())
	}
	return a.sayMade(&p, note)
}

// mustBeNew refuses a reference that the API knows, and one whose earlier request has an unknown fate.
func mustBeNew(ctx context.Context, client *payapi.Client, in *payapi.Initiation, note *sentNote) error {
	known, err := lookUp(ctx, client, in)
	if err != nil {
		return fmt.Errorf("nothing was sent: whether reference %q is new could not be checked: %w", in.RefID, err)
	}
	standing, err := note.standing()
	switch {
	case len(known) > 0:
		err = payout.Errorf(payout.KindInput, "nothing was sent: the API already knows reference %q: %s", in.RefID, payoutsInWords(known))
		if standing != nil && standing.answeredBy(note) {
			err = errors.Join(err, standing.remove())
		}
		return err
	case standing != nil:
		return standing.refusal()
	}
	return err
}

// sayMade shows a payout that was made. Its note stays when that fails: whoever saw no success may try again.
func (a *app) sayMade(p *payout.Payout, note *sentNote) error {
	made := payoutsInWords([]payout.Payout{*p})
	err := a.showPayout(p, false)
	if err == nil {
		err = note.remove()
	}
	if err != nil {
		return &sentError{fmt.Sprintf("the payout was made (%s), and then something failed: %v; do not send it again", made, err)}
	}
	if !p.Status.Live() {
		return &sentError{fmt.Sprintf("the payout was made (%s), and has come to nothing already (%s): no money moves", made, orDash(printable(p.Reason)))}
	}
	a.say("Initiated: %s. `payrecon sync` brings it into the mirror.", p.ID)
	return nil
}

// announce says what is about to be done, on stderr.
func (a *app) announce(in *payapi.Initiation, baseURL string) {
	account := payout.MaskAccount(in.Creditor.Account())
	a.say("Payout of %s %s to %s (%s), reference %s, description %q, from account %s, at %s",
		in.Amount, in.Currency, orDash(in.Creditor.Name), account, in.RefID, in.Description, in.DebtorAccount, baseURL)
	if in.OnBehalfOf != "" {
		a.say("on behalf of %s", in.OnBehalfOf)
	}
	for _, advice := range in.Advice() {
		a.say("Note: %s", advice)
	}
}

// lookUp asks the API for the payouts with the request's reference, to a regular end.
func lookUp(ctx context.Context, client *payapi.Client, in *payapi.Initiation) ([]payout.Payout, error) {
	var found []payout.Payout
	ended := false
	for page, err := range client.Pages(ctx, payout.Query{RefIDs: []string{in.RefID}, OnBehalfOf: in.OnBehalfOf}, "") {
		if err != nil {
			return found, err
		}
		for _, p := range page.Payouts {
			if !strings.EqualFold(strings.TrimSpace(p.RefID), strings.TrimSpace(in.RefID)) {
				return found, fmt.Errorf("the API was asked for reference %q and shows payout %s with reference %q: it ignores the filter, so its answer proves nothing", in.RefID, p.ID, p.RefID)
			}
			found = append(found, p)
		}
		ended = page.End == payout.PageRegular
	}
	if !ended && len(found) == 0 {
		return nil, errors.New("the API's list did not come to a regular end")
	}
	return found, nil
}

// sentError ends an initiation whose request was sent: exit 1 whatever stopped it, and never "run it again".
type sentError struct{ text string }

func (e *sentError) Error() string { return e.text }

// sayFate looks a reference up whose request was sent and whose answer was lost, and says what is known. It never sends
// again, and the note stays until the API shows the payout. The Ctrl-C that may have cut off the answer does not end the look-up, the next one does.
func (a *app) sayFate(ctx context.Context, client *payapi.Client, in *payapi.Initiation, note *sentNote, cause *payapi.FateUnknown) error {
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, fateWait)
	defer cancel()
	a.say("The answer was lost: asking the API for reference %s, for up to %s ...", in.RefID, fateWait)
	ask := "`payrecon payouts list --ref-id " + in.RefID
	if in.OnBehalfOf != "" {
		ask += " --on-behalf-of " + in.OnBehalfOf
	}
	ask += "`"
	found, err := lookUp(ctx, client, in)
	switch {
	case err != nil:
		return &sentError{fmt.Sprintf("the request was sent, its answer was lost (%v), and looking reference %q up failed too (%v): it may have been paid; do not send it again before %s has answered; the note %s keeps it from being sent", cause.Err, in.RefID, err, ask, note.path)}
	case len(found) > 0:
		_ = note.remove() // if it stays, the next look-up of the reference removes it
		return &sentError{fmt.Sprintf("the answer was lost (%v), but the payout exists: %s; do not send it again", cause.Err, payoutsInWords(found))}
	}
	return &sentError{fmt.Sprintf("the answer was lost (%v) and the API shows no payout with reference %q so far: it may still appear; ask again with %s before sending anything; until the API shows it, the note %s keeps it from being sent", cause.Err, in.RefID, ask, note.path)}
}

func payoutsInWords(list []payout.Payout) string {
	text := ""
	for i := range list {
		p := &list[i]
		if i > 0 {
			text += "; "
		}
		text += printable(fmt.Sprintf("%s, %s, %s, created %s", p.ID, p.Amount, p.Status, p.Created))
	}
	return text
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
