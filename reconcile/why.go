package reconcile

import (
	"fmt"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// explain writes a finding's sentence, if anybody reads it: both sides' figures and dates, the bank's reason, the hint, and what
// to do next.
func (r *run) explain(f *finding) {
	if r.in.Brief {
		return
	}
	what, next := r.words(f)
	f.sentence = upperFirst(steps(what, f.hint, next)) + "."
	f.next = upperFirst(next)
}

func (r *run) words(f *finding) (what, next string) {
	switch f.outcome {
	case payout.MissingInLedger:
		return r.missingInLedgerWords(f)
	case payout.MissingAtProvider, payout.NotFetched:
		return r.missingAtProviderWords(f)
	case payout.AmountMismatch:
		return r.amountWords(f)
	case payout.StatusMismatch:
		return r.statusWords(f)
	case payout.Timing:
		return r.timingWords(f)
	case payout.Unreadable:
		return unreadableWords(f)
	}
	if len(f.ents) == 0 {
		return r.payoutWords(f)
	}
	if len(f.pays) == 0 {
		return r.entryWords(f)
	}
	return r.bothWords(f)
}

func (r *run) missingInLedgerWords(f *finding) (string, string) {
	p := f.pays[0]
	what := fmt.Sprintf("the provider has %s; %s%s", payPhrase(p), r.notInLedger(f), r.voidPhrase(f))
	next, before := "book it if it was meant", settled(f)
	switch {
	case p.class != payout.ClassCompleted:
	case f.void != nil:
		next, before = "find out why it was reversed, and undo that, or call the reversal returned if the money came back", "that is known"
	default:
		next, before = "find out who initiated it and book it", "that is known"
	}
	if f.partner {
		next = "if that entry means this payout, correct the entry instead of booking it twice, else " + next
	}
	return what, steps(next, r.doNotPay(f, nil, before))
}

func (r *run) notInLedger(f *finding) string {
	if f.g.key == "" {
		return "it bears no reference, so no ledger entry can answer it"
	}
	return fmt.Sprintf("the ledger%s has no entry left for %s", r.extract(), r.keyPhrase(f))
}

// extract says which days the ledger covers.
func (r *run) extract() string {
	in := &r.out.Ledger
	switch {
	case in.Reach != nil:
		return ", which covers " + in.Reach.String() + ","
	case in.Empty:
		return ", an extract without entries,"
	}
	return ""
}

func (r *run) missingAtProviderWords(f *finding) (string, string) {
	e := f.ents[0]
	found, atProvider, inMirror := "no payout was found", "no such payout", "none"
	if f.other != nil {
		found, atProvider, inMirror = "no payout that answers it was found", "none that answers it", "none that answers it"
	}
	because, next, before := r.notProvenWords(f), "sync the missing days or reconcile online", "the provider has answered"
	switch f.why {
	case askedProvider:
		because = fmt.Sprintf("asked for this reference on %s, the provider has %s", r.now.Day(), atProvider) // the sentence may be carried on
	case daysComplete:
		window := payout.Day(r.m.o.MatchWindowDays)
		because = fmt.Sprintf("the mirror is complete from %s to %s and has %s", e.Day-window, min(r.m.asOf.Day(), e.Day+window), inMirror)
	case otherCase:
		next, before = "sync the missing days", "they are complete"
	}
	if f.outcome == payout.MissingAtProvider {
		found, next, before = "no payout answers it", "find out whether it was ever sent", "the bank statement shows that no money left"
		if f.partner {
			next = "if that payout is meant, correct the entry, else " + next
		}
	}
	what := fmt.Sprintf("the ledger has %s for %s and %s: %s", entPhrase(e), r.keyPhrase(f), found, because)
	if f.other == nil || f.apart == otherTime && f.hint != "" { // the hint says which time
		return what, steps(next, r.doNotPay(f, nil, before))
	}
	return what + r.thereIs(f), steps(next, r.doNotPay(f, f.other, before))
}

// thereIs names the finding's other payout, if there is one.
func (r *run) thereIs(f *finding) string {
	if f.other == nil {
		return ""
	}
	return "; there is " + r.otherPhrase(f)
}

func (r *run) notProvenWords(f *finding) string {
	e := f.ents[0]
	why := "the provider did not answer for this reference"
	switch {
	case r.out.Lookup.Asked == 0:
		why = "the provider was not asked"
	case f.why == otherCase && f.other != nil:
		why = "the provider has none that answers it in this letter case, nor in lower or upper case, which leaves others,"
	case f.why == otherCase:
		why = "the provider has no such payout in this letter case, nor in lower or upper case, which leaves others,"
	}
	if e.Day == payout.NoDay {
		return why + " and the entry has no date"
	}
	window := payout.Day(r.m.o.MatchWindowDays)
	return fmt.Sprintf("%s and the mirror is not complete from %s to %s", why, e.Day-window, min(r.m.asOf.Day(), e.Day+window))
}

func (r *run) amountWords(f *finding) (string, string) {
	if f.adds != noAddition {
		return r.additionWords(f)
	}
	next, before := "correct the ledger or claim the difference", "it is explained"
	for _, p := range f.pays {
		if p.class != payout.ClassCompleted {
			next, before = "find out which amount is meant, while the payout is not final", settled(f)+" and the difference explained"
		}
	}
	difference := f.sums.exposure.String()
	paid, booked := f.sums.pays[0], f.sums.ents[0]
	over := "short of the ledger by " + difference
	if paid.Units() > booked.Units() {
		over = "over the ledger by " + difference
	}
	return fmt.Sprintf("for %s the provider has %s and the ledger %s: the provider is %s", refPhrase(f), sidePays(f), sideEnts(f), over),
		steps(next, r.doNotPay(f, nil, before))
}

// additionWords is for an entry that adds to live pairs and groups. A fee is only likely where those agree with more than it.
func (r *run) additionWords(f *finding) (string, string) {
	what := fmt.Sprintf("the ledger has %s for %s on top of what it holds against %s", entPhrase(f.ents[0]), refPhrase(f), payPhrase(f.twin))
	if f.adds == toAgreed {
		what = fmt.Sprintf("the ledger has %s for %s beside what agrees with %s", entPhrase(f.ents[0]), refPhrase(f), payPhrase(f.twin))
	}
	gap, next := r.gap(f)
	switch {
	case gap != "":
		return what + ", and no payout is left for it: " + gap, steps(next, notBefore(f, r.unlessShown(f)))
	case f.ents[0].Class == payout.EntryReturned:
		return what + ", and calls it returned",
			steps("check the bank statement: the API knows no returns", r.doNotPay(f, f.twin, "it shows that the money is back", r.unlessShown(f)))
	case f.adds == toAgreed && f.mayBeFee():
		return what + ", perhaps a fee", "book a fee under a reference of its own, or reverse the entry"
	}
	return what, steps("find out what it is for, and correct or reverse it", notBefore(f, "that is known"))
}

// mayBeFee reports whether an added entry is smaller than the payout that it stands beside.
func (f *finding) mayBeFee() bool {
	e, p := f.ents[0], f.twin
	return e.Amount.Currency() == p.Currency && e.units() < p.Units
}

// statusNext is what to do about a status difference, and what must be before anybody pays again.
var statusNext = map[payout.Cell]struct{ do, before string }{
	payout.PaidButFailed:     {"reverse the booking", "it is reversed"},
	payout.LedgerLags:        {"mark the entry as paid", ""},
	payout.PendingButFailed:  {"mark the entry as failed", "that is done"},
	payout.UnrecordedOutflow: {"book the outflow", ""},
	payout.MayStillPay:       {"wait for the payout's final status", "it is final"},
	payout.ReturnedNotPaid:   {"find out what the ledger says was returned", "that is known"},
	payout.UnknownStatus:     {"look the payout up at the provider", "its status is known"},
	payout.UnmappedWord:      {"map the word in ledger.statuses and reconcile again", ""},
}

// mayStay reports whether a status may never become final: the API says that in the reason of a payout that is at the bank
// for good. What the reason says beside is for people: its words are not fixed.
func mayStay(f *finding) bool {
	return slices.ContainsFunc(f.pays, func(p *pay) bool {
		return p.Status == payout.Processing && p.detail != nil && p.detail.Reason != ""
	})
}

// settled is what must be of payouts in flight before anybody pays again.
func settled(f *finding) string {
	if mayStay(f) {
		return "its fate is known"
	}
	return "its status is final"
}

func (r *run) statusWords(f *finding) (string, string) {
	what := fmt.Sprintf("for %s the ledger has %s and the provider %s: %s", refPhrase(f), sideEnts(f), sidePays(f), lowerFirst(f.cell.Info().Words))
	next := statusNext[f.cell]
	if f.cell == payout.MayStillPay && mayStay(f) {
		next.do, next.before = "wait for the payout's final status, or ask the provider for its fate if the bank's reason rules a final status out", settled(f)
	}
	if done, rest := completedOf(f.pays); f.cell == payout.LedgerLags && len(rest) > 0 {
		what += fmt.Sprintf("; of these %s completed so far, and %s did not", somePays(done), somePays(rest))
		next.do, next.before = "wait until all of them are final before marking the entry as paid", "they are final"
		if mayStay(f) {
			next.do, next.before = "wait until all of them are final, or ask the provider for their fate if the bank's reason rules that out, before marking the entry as paid", "their fate is known"
		}
	}
	shown := ""
	if next.before != "" && !isLive(foremost(f.pays)) {
		shown = r.unlessShown(f)
	}
	tail := r.doNotPay(f, nil, next.before, shown)
	if f.cell == payout.UnrecordedOutflow {
		tail = fmt.Sprintf("do not pay %s again: payout %s completed", refPhrase(f), f.pays[0].ID)
	}
	return what, steps(next.do, tail)
}

func (r *run) timingWords(f *finding) (string, string) {
	switch {
	case len(f.ents) == 0:
		return fmt.Sprintf("%s is not in the ledger yet%s, within the grace of %s", payPhrase(f.pays[0]), r.voidPhrase(f), r.m.o.GraceLedger), ""
	case len(f.pays) == 0 && f.why == waiting:
		return fmt.Sprintf("the ledger has %s for %s, not due or still pending; a payout may follow until %s past its day",
			entPhrase(f.ents[0]), refPhrase(f), r.m.o.StuckAfter), ""
	case len(f.pays) == 0:
		return fmt.Sprintf("the ledger has %s for %s and no payout answers it yet, within the grace of %s",
			entPhrase(f.ents[0]), refPhrase(f), r.m.o.GraceProvider), ""
	}
	return fmt.Sprintf("for %s the provider has %s and the ledger %s, within the grace of %s",
		refPhrase(f), sidePays(f), sideEnts(f), r.m.o.GraceLedger), ""
}

func unreadableWords(f *finding) (string, string) {
	row := f.rejected[0]
	what := fmt.Sprintf("the ledger row %q could not be read: column %s holds %q, %s", clipText(row.Text), row.Column, clipText(row.Value), row.Reason)
	if row.Column == ledgerWholeRow {
		what = fmt.Sprintf("the ledger row %q could not be read: %s", clipText(row.Text), row.Reason)
	}
	if n := len(f.rejected); n > 1 {
		what += fmt.Sprintf(" (and %s of this reference)", plural(n-1, "more row", "more rows"))
	}
	if len(f.pays) == 0 {
		return what, "correct the row and reconcile again"
	}
	return what + fmt.Sprintf("; %s bears its reference", sidePays(f)),
		fmt.Sprintf("correct the row and reconcile again; do not pay %s again before that", refPhrase(f))
}

// payoutWords is for findings of payouts alone.
func (r *run) payoutWords(f *finding) (string, string) {
	p := f.pays[0]
	switch f.outcome {
	case payout.DuplicatePayout:
		return fmt.Sprintf("%s repeats %s of %s: same reference, currency and amount, payee not known to differ",
				payPhrase(p), payPhrase(f.twin), refPhrase(f)),
			steps("find out whether both were meant and recall one if not", notBefore(f, "that is settled"))
	case payout.NotInExtract:
		return fmt.Sprintf("%s is of a day that the ledger extract%s does not cover", payPhrase(p), r.extract()),
			"export the ledger for that day and reconcile again"
	}
	return fmt.Sprintf("%s failed; %s", payPhrase(p), r.deadInLedger(f)), r.doNotPay(f, nil)
}

// deadInLedger says what is known of the ledger's side of a payout that failed and that no entry answers.
// That the ledger is right takes that nothing of the reference could mean the payout.
func (r *run) deadInLedger(f *finding) string {
	p := f.pays[0]
	switch {
	case bareKey(p.RefID, r.m.o.CaseInsensitive) == "":
		return "it bears no reference, so no ledger entry can answer it"
	case r.m.unread.bears(p.RefID):
		return "whether the ledger holds it as paid is not known: a row of its reference could not be read"
	case !r.m.reach(p.day):
		return fmt.Sprintf("whether the ledger holds it as paid is not known: the extract%s does not cover its day", r.extract())
	}
	if r.join.byOBO || slices.ContainsFunc(f.g.ents, func(e *ent) bool { return e.Class != payout.EntryFailed }) {
		return "no entry of the ledger answers it"
	}
	return "the ledger rightly does not hold it as paid"
}

func (r *run) entryWords(f *finding) (string, string) {
	e := f.ents[0]
	switch f.outcome {
	case payout.DuplicateLedgerEntry:
		return r.duplicateEntryWords(f)
	case payout.UnmatchedReversal:
		return fmt.Sprintf("the ledger has the reversal %s for %s and no entry of that amount is left that it could cancel", entPhrase(e), refPhrase(f)),
			steps("find the entry that it reverses, or correct it", r.doNotPay(f, nil, "that is settled"))
	case payout.OffsetInLedger:
		what := fmt.Sprintf("for %s the ledger has %s, which cancel each other (%s)", refPhrase(f), sideEnts(f), r.linesPhrase(f.ents))
		if d := f.sums.difference; d != nil && !d.IsZero() {
			what += fmt.Sprintf("; by their statuses only one of them counts as cash, which leaves %s in the statement", d)
		}
		return what, ""
	}
	return r.notSentWords(f)
}

// duplicateEntryWords calls for a reversal only where no second payout can be missing from what is known.
func (r *run) duplicateEntryWords(f *finding) (string, string) {
	named, there := f.twin, ""
	switch {
	case f.twin != nil:
		there = "there is " + payPhrase(f.twin)
	case f.other != nil:
		named, there = f.other, "there is "+r.otherPhrase(f)
	}
	has := fmt.Sprintf("the ledger has %s for %s more", entPhrase(f.ents[0]), r.keyPhrase(f))
	if gap, next := r.gap(f); gap != "" {
		return steps(fmt.Sprintf("%s than once, and no payout is left for this one: %s", has, gap), there), steps(next, r.doNotPay(f, named, r.unlessShown(f)))
	}
	if there == "" {
		there = "there is none"
	}
	before := "that is done"
	if !isLive(f.other) || f.apart != sameEpisode {
		before = "that is done and the first one is settled"
	}
	return fmt.Sprintf("%s often than there are payouts: %s", has, there), steps("reverse the second booking", r.doNotPay(f, named, before, r.unlessShown(f)))
}

// notSentWords says what the mirror shows of an entry that the ledger calls failed: nobody asked the provider for it.
func (r *run) notSentWords(f *finding) (string, string) {
	none := "no payout for it"
	if f.other != nil {
		none = "none that answers it"
	}
	what := fmt.Sprintf("the ledger calls %s for %s failed, and the mirror holds %s%s", entPhrase(f.ents[0]), r.keyPhrase(f), none, r.thereIs(f))
	gap, next := r.gap(f)
	return steps(what, gap), steps(next, r.doNotPay(f, f.other, r.unlessShown(f)))
}

// bothWords is for findings with records of both sides.
func (r *run) bothWords(f *finding) (string, string) {
	both := fmt.Sprintf("for %s the provider has %s and the ledger %s", refPhrase(f), sidePays(f), sideEnts(f))
	switch f.outcome {
	case payout.CurrencyMismatch:
		if f.pays[0].Currency == money.NoCurrency {
			return both + ": the payout's amount could not be read",
				steps("look the payout up at the provider", r.doNotPay(f, nil, "its amount is known"))
		}
		return both + ": the currencies differ", steps("correct the ledger's currency", r.doNotPay(f, nil, "it is explained"))
	case payout.Ambiguous:
		return both + ": no pairing of them is certain", steps("match them by hand and give each payout a reference of its own", r.doNotPay(f, nil, "that is done"))
	case payout.Stuck:
		return both + ": " + r.overdueWords(f), steps("ask the provider for its fate", r.doNotPay(f, nil, settled(f)))
	case payout.InFlight:
		return both + ": booked, and still on its way at the bank", ""
	case payout.Returned:
		return both + ": initiated, and returned per ledger", steps("check the bank statement: the API knows no returns", r.doNotPay(f, nil, "it shows that the money is back", r.unlessShown(f)))
	}
	return both + ": failed on the provider's side, and not paid in the ledger", r.doNotPay(f, nil)
}

// overdueWords says for how long the oldest payout has been in flight, and what the limit is.
func (r *run) overdueWords(f *finding) string {
	oldest := r.m.asOf
	for _, p := range f.pays {
		if p.class == payout.ClassInFlight {
			oldest = min(oldest, p.Created)
		}
	}
	hours := int((r.m.asOf - oldest) / millisHour)
	age := plural(hours, "hour", "hours")
	if hours >= 48 {
		age = plural(hours/24, "day", "days")
		if hours < 10*24 && hours%24 > 0 {
			age += " and " + plural(hours%24, "hour", "hours")
		}
	}
	return fmt.Sprintf("in flight for %s, longer than %s", age, r.m.o.StuckAfter.inHours())
}
