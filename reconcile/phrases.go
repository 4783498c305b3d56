package reconcile

import (
	"fmt"
	"path/filepath"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// The phrases of sentences: how a payout, an entry, a reference and many of them are named.

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
	s := statusWord(p.Status)
	if p.detail == nil {
		return s
	}
	if was := p.was(); was != "" {
		s += fmt.Sprintf(", shown as %s before %s", statusWord(was), p.Changed.Day())
	}
	if p.detail.BankStatus != "" {
		s += ", bank status " + clipText(p.detail.BankStatus)
	}
	if p.detail.Reason != "" {
		s += fmt.Sprintf(", the bank's reason: %q", p.detail.Reason)
	}
	return s
}

func statusWord(status payout.Status) string {
	s, _, _ := strings.Cut(lowerFirst(status.Words()), " (")
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

// completedOf parts the payouts of a group by whether they completed: its cell is that of the worst.
func completedOf(pays []*pay) (done, rest []*pay) {
	for _, p := range pays {
		if p.class == payout.ClassCompleted {
			done = append(done, p)
		} else {
			rest = append(rest, p)
		}
	}
	return done, rest
}

// somePays names some payouts of a group, which are of one currency, by id and sum.
func somePays(pays []*pay) string {
	ids, sum := make([]string, len(pays)), int64(0)
	for i, p := range pays {
		ids[i] = p.ID
		sum += p.Units
	}
	together := ""
	if len(pays) > 1 {
		together = "together "
	}
	return fmt.Sprintf("%s of %s%s", firstFew(ids), together, money.New(sum, pays[0].Currency))
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

// voidPhrase names what the ledger booked for a lone payout and cancelled itself.
func (r *run) voidPhrase(f *finding) string {
	if f.void == nil {
		return ""
	}
	return fmt.Sprintf(": it has %s, which cancel each other (%s)", sideEnts(f.void), r.linesPhrase(f.void.ents))
}

// linesPhrase says where two entries stand, as people find them: by line, and by file where there are several.
func (r *run) linesPhrase(ents []*ent) string {
	a, b, files := ents[0], ents[1], r.out.Ledger.Files
	if len(files) < 2 {
		return fmt.Sprintf("lines %d and %d", a.Line, b.Line)
	}
	file := func(e *ent) string { return filepath.Base(files[e.File].Path) }
	return fmt.Sprintf("line %d of %s and line %d of %s", a.Line, file(a), b.Line, file(b))
}

func sumPhrase(sums []money.Amount) string {
	parts := make([]string, len(sums))
	for i, a := range sums {
		parts[i] = amountPhrase(a)
	}
	return strings.Join(parts, " and ")
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
