package reconcile

import (
	"fmt"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// explain writes a finding's sentence: both sides' figures and dates, the bank's reason, the hint, and what to do next.
func (r *run) explain(f *finding) {
	what, next := r.words(f)
	f.next = next
	parts := []string{what}
	if f.hint != "" {
		parts = append(parts, f.hint)
	}
	if next != "" {
		parts = append(parts, next)
	}
	f.sentence = upperFirst(strings.Join(parts, "; ")) + "."
	f.next = upperFirst(next)
}

func (r *run) words(f *finding) (what, next string) {
	switch f.outcome {
	case payout.MissingInLedger:
		return r.missingInLedgerWords(f)
	case payout.MissingAtProvider, payout.NotFetched:
		return r.missingAtProviderWords(f)
	case payout.AmountMismatch:
		return amountWords(f)
	case payout.StatusMismatch:
		return statusWords(f)
	case payout.Timing:
		return r.timingWords(f)
	case payout.Unreadable:
		return unreadableWords(f)
	}
	if len(f.ents) == 0 {
		return r.payoutWords(f)
	}
	if len(f.pays) == 0 {
		return entryWords(f)
	}
	return r.bothWords(f)
}

func (r *run) missingInLedgerWords(f *finding) (string, string) {
	p := f.pays[0]
	what := fmt.Sprintf("the provider has %s; %s", payPhrase(p), r.notInLedger(f))
	if p.class == payout.ClassCompleted {
		return what, fmt.Sprintf("find out who initiated it and book it; do not pay %s again before that is known", refPhrase(f))
	}
	return what, fmt.Sprintf("book it if it was meant; do not pay %s again before its status is final", refPhrase(f))
}

func (r *run) notInLedger(f *finding) string {
	if f.g.key == "" {
		return "it bears no reference, so no ledger entry can answer it"
	}
	return fmt.Sprintf("the ledger%s has no entry left for %s", r.extract(), refPhrase(f))
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
	what := fmt.Sprintf("the ledger has %s for %s and no payout answers it: ", entPhrase(e), refPhrase(f))
	switch f.why {
	case askedProvider:
		what += "asked for this reference in this run, the provider has no such payout"
	case daysComplete:
		window := payout.Day(r.m.o.MatchWindowDays)
		what += fmt.Sprintf("the mirror is complete from %s to %s and has none", e.Day-window, min(r.m.asOf.Day(), e.Day+window))
	default:
		what = strings.Replace(what, "no payout answers it", "no payout was found", 1) + r.notProvenWords(f)
		if f.why == otherCase {
			return what, fmt.Sprintf("sync the missing days; do not pay %s again before they are complete", refPhrase(f))
		}
		return what, fmt.Sprintf("sync the missing days or reconcile online; do not pay %s again before the provider has answered", refPhrase(f))
	}
	return what, fmt.Sprintf("find out whether it was ever sent; do not pay %s again before the bank statement shows that no money left", refPhrase(f))
}

func (r *run) notProvenWords(f *finding) string {
	e := f.ents[0]
	why := "the provider did not answer for this reference"
	switch {
	case r.out.Lookup.Asked == 0:
		why = "the provider was not asked"
	case f.why == otherCase:
		why = "the provider has no such payout in this letter case, nor in lower or upper case, which leaves others,"
	}
	if e.Day == payout.NoDay {
		return why + " and the entry has no date"
	}
	window := payout.Day(r.m.o.MatchWindowDays)
	return fmt.Sprintf("%s and the mirror is not complete from %s to %s", why, e.Day-window, min(r.m.asOf.Day(), e.Day+window))
}

func amountWords(f *finding) (string, string) {
	if f.added {
		return fmt.Sprintf("the ledger has %s for %s beside what agrees with %s, perhaps a fee",
				entPhrase(f.ents[0]), refPhrase(f), livePhrase(f.g)),
			"book a fee under a reference of its own, or reverse the entry"
	}
	next := "correct the ledger or claim the difference; do not pay %s again before it is explained"
	for _, p := range f.pays {
		if p.class != payout.ClassCompleted {
			next = "find out which amount is meant, while the payout is not final; do not pay %s again before its status is final and the difference explained"
		}
	}
	difference := f.sums.exposure.String()
	paid, booked := f.sums.pays[0], f.sums.ents[0]
	over := "short of the ledger by " + difference
	if paid.Units() > booked.Units() {
		over = "over the ledger by " + difference
	}
	return fmt.Sprintf("for %s the provider has %s and the ledger %s: the provider is %s", refPhrase(f), sidePays(f), sideEnts(f), over),
		fmt.Sprintf(next, refPhrase(f))
}

// statusNext is what to do about a status difference.
var statusNext = map[payout.Cell]string{
	payout.PaidButFailed:     "reverse the booking; do not pay %s again before it is reversed",
	payout.LedgerLags:        "mark the entry as paid",
	payout.PendingButFailed:  "mark the entry as failed; do not pay %s again before that is done",
	payout.UnrecordedOutflow: "book the outflow; do not pay %s again before it is booked",
	payout.MayStillPay:       "wait for the payout's final status; do not pay %s again before it is final",
	payout.ReturnedNotPaid:   "find out what the ledger says was returned; do not pay %s again before that is known",
	payout.UnknownStatus:     "look the payout up at the provider; do not pay %s again before its status is known",
	payout.UnmappedWord:      "map the word in ledger.statuses and reconcile again",
}

func statusWords(f *finding) (string, string) {
	next := statusNext[f.cell]
	if strings.Contains(next, "%s") {
		next = fmt.Sprintf(next, refPhrase(f))
	}
	what := fmt.Sprintf("for %s the ledger has %s and the provider %s: %s", refPhrase(f), sideEnts(f), sidePays(f), lowerFirst(f.cell.Info().Words))
	return what, next
}

func (r *run) timingWords(f *finding) (string, string) {
	switch {
	case len(f.ents) == 0:
		return fmt.Sprintf("%s is not in the ledger yet, within the grace of %s", payPhrase(f.pays[0]), r.m.o.GraceLedger), ""
	case len(f.pays) == 0 && f.why == waiting:
		return fmt.Sprintf("the ledger has %s for %s, not due or still pending; a payout may follow until %s past its day",
			entPhrase(f.ents[0]), refPhrase(f), r.m.o.StuckAfter), ""
	case len(f.pays) == 0:
		return fmt.Sprintf("the ledger has %s for %s and no payout yet, within the grace of %s",
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
		return fmt.Sprintf("%s repeats payout %s of %s: same reference, currency and amount, payee not known to differ",
				payPhrase(p), f.twin, refPhrase(f)),
			fmt.Sprintf("find out whether both were meant and recall one if not; do not pay %s again before that is settled", refPhrase(f))
	case payout.NotInExtract:
		return fmt.Sprintf("%s is of a day that the ledger extract%s does not cover", payPhrase(p), r.extract()),
			"export the ledger for that day and reconcile again"
	}
	return fmt.Sprintf("%s failed; the ledger rightly does not hold it as paid", payPhrase(p)), ""
}

// entryWords is for findings of entries alone.
func entryWords(f *finding) (string, string) {
	e := f.ents[0]
	switch f.outcome {
	case payout.DuplicateLedgerEntry:
		return fmt.Sprintf("the ledger has %s for %s more often than there are payouts%s", entPhrase(e), refPhrase(f), beside(f.g)),
			fmt.Sprintf("reverse the second booking; do not pay %s again before that is done", refPhrase(f))
	case payout.UnmatchedReversal:
		return fmt.Sprintf("the ledger has the reversal %s for %s and no entry of that amount before it", entPhrase(e), refPhrase(f)),
			"find the entry that it reverses, or correct it"
	case payout.OffsetInLedger:
		return fmt.Sprintf("for %s the ledger has %s, which cancel each other", refPhrase(f), sideEnts(f)), ""
	}
	return fmt.Sprintf("the ledger calls %s for %s failed, and no payout was ever initiated", entPhrase(e), refPhrase(f)), ""
}

// bothWords is for findings with records of both sides.
func (r *run) bothWords(f *finding) (string, string) {
	both := fmt.Sprintf("for %s the provider has %s and the ledger %s", refPhrase(f), sidePays(f), sideEnts(f))
	switch f.outcome {
	case payout.CurrencyMismatch:
		if f.pays[0].Currency == money.NoCurrency {
			return both + ": the payout's amount could not be read",
				fmt.Sprintf("look the payout up at the provider; do not pay %s again before its amount is known", refPhrase(f))
		}
		return both + ": the currencies differ", fmt.Sprintf("correct the ledger's currency; do not pay %s again before it is explained", refPhrase(f))
	case payout.Ambiguous:
		return both + ": no pairing of them is certain", fmt.Sprintf("match them by hand and give each payout a reference of its own; do not pay %s again before that", refPhrase(f))
	case payout.Stuck:
		return both + ": " + r.overdueWords(f), fmt.Sprintf("ask the provider for its fate; do not pay %s again before its status is final", refPhrase(f))
	case payout.InFlight:
		return both + ": booked, and still on its way at the bank", ""
	case payout.Returned:
		return both + ": initiated, and returned per ledger", "check the bank statement: the API knows no returns"
	}
	return both + ": failed on the provider's side, and not paid in the ledger", ""
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

// Phrases.

func payPhrase(p *pay) string {
	s := "payout " + p.ID + " of " + amountPhrase(p.amount())
	if p.payee() != "" {
		s += " to " + clipText(p.payee())
	}
	return s + " (created " + p.day.String() + ", " + statusPhrase(p) + ")"
}

func amountPhrase(a money.Amount) string {
	if a.Currency() == money.NoCurrency {
		return "an unknown amount"
	}
	return a.String()
}

// statusPhrase is the status in words, with what the bank said about it.
func statusPhrase(p *pay) string {
	s, _, _ := strings.Cut(lowerFirst(p.Status.Words()), " (")
	if p.detail == nil {
		return s
	}
	if p.detail.BankStatus != "" {
		s += ", bank status " + clipText(p.detail.BankStatus)
	}
	if p.detail.Reason != "" {
		s += fmt.Sprintf(", the bank's reason: %q", p.detail.Reason)
	}
	return s
}

func entPhrase(e *ent) string {
	s := e.Amount.String() + " (without a date"
	if e.Day != payout.NoDay {
		s = e.Amount.String() + " (dated " + e.Day.String()
	}
	if e.Status != "" {
		s += ", " + clipText(e.Status)
	}
	if e.Document != "" {
		s += ", document " + clipText(e.Document)
	}
	return s + ")"
}

func refPhrase(f *finding) string {
	if f.g.key == "" {
		return "this payee"
	}
	return "reference " + clipText(strings.TrimSpace(f.ref()))
}

// sidePays and sideEnts name one side's records: one in full, several by number, sum and days.
func sidePays(f *finding) string {
	if len(f.pays) == 1 {
		return payPhrase(f.pays[0])
	}
	first, last := f.pays[0].day, f.pays[0].day
	for _, p := range f.pays {
		first, last = min(first, p.day), max(last, p.day)
	}
	ids := make([]string, len(f.pays))
	for i, p := range f.pays {
		ids[i] = p.ID
	}
	return fmt.Sprintf("%d payouts (%s) of together %s (created %s)", len(f.pays), firstFew(ids), sumPhrase(f.sums.pays), payout.Period{From: first, To: last})
}

func sideEnts(f *finding) string {
	if len(f.ents) == 1 {
		return entPhrase(f.ents[0])
	}
	if len(f.ents) == 2 {
		return entPhrase(f.ents[0]) + " and " + entPhrase(f.ents[1])
	}
	first, last := payout.NoDay, payout.NoDay
	for _, e := range f.ents {
		if e.Day != payout.NoDay && (first == payout.NoDay || e.Day < first) {
			first = e.Day
		}
		last = max(last, e.Day)
	}
	s := fmt.Sprintf("%d entries of together %s", len(f.ents), sumPhrase(f.sums.ents))
	if first != payout.NoDay {
		s += " (dated " + payout.Period{From: first, To: last}.String() + ")"
	}
	return s
}

func sumPhrase(sums []money.Amount) string {
	parts := make([]string, len(sums))
	for i, a := range sums {
		parts[i] = amountPhrase(a)
	}
	return strings.Join(parts, " and ")
}

// livePhrase names the first live payout of a key.
func livePhrase(g *group) string {
	for _, p := range g.pays {
		if p.live() {
			return payPhrase(p)
		}
	}
	return "nothing"
}

// beside names the payouts that the key has.
func beside(g *group) string {
	if len(g.pays) == 0 {
		return ": there is none"
	}
	return ": there is " + payPhrase(g.pays[0])
}

func clipText(s string) string {
	runes := []rune(s)
	if len(runes) > 80 {
		return string(runes[:80]) + "..."
	}
	return s
}

func upperFirst(s string) string { return first(s, strings.ToUpper) }
func lowerFirst(s string) string { return first(s, strings.ToLower) }

func first(s string, change func(string) string) string {
	for i := range s {
		if i > 0 {
			return change(s[:i]) + s[i:]
		}
	}
	return change(s)
}
