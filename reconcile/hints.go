package reconcile

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"unicode"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// A hint says what a missing record may belong to after all: a record of the other side that is missing too, whose
// reference differs by letter case, by white space or by a cut at 18 or 35 characters, or which has the amount and names the
// payee within the match window; or the same reference at another time. Hints inform. They never match.
//
// A hint costs a few look-ups, however alike references are: what is looked through is sorted or bounded.
type hints struct {
	m    *matcher
	pays loners
	ents loners

	mu   sync.Mutex
	days map[sideOf][]dated
}

// loners is one side's findings of a single record that found no partner, by what they may be recognised by.
type loners struct {
	byForm   map[string][]*finding // by the whole reference
	byCut    map[string][]*finding // by what a cut leaves of a longer one
	byAmount map[amountKey][]*finding
}

// sideOf is the payouts or the entries of a key.
type sideOf struct {
	g    *group
	side int
}

// dated is one record of a key.
type dated struct {
	day    payout.Day
	amount money.Amount
}

// The lengths at which references are known to be cut: by UK bank references, and by ISO 20022.
var cuts = []int{18, 35}

// maxHinted bounds the candidates that are looked at for one hint: many equal amounts say nothing.
const maxHinted = 50

func lonely(f *finding) bool {
	switch f.outcome {
	case payout.MissingInLedger, payout.MissingAtProvider, payout.NotFetched, payout.NotInExtract, payout.Timing:
		return len(f.pays)+len(f.ents) == 1
	}
	return false
}

func newHints(m *matcher, findings []*finding) *hints {
	h := &hints{m: m, pays: newLoners(), ents: newLoners(), days: map[sideOf][]dated{}}
	for _, f := range findings {
		switch {
		case !lonely(f):
		case len(f.pays) == 1:
			h.pays.add(f, amountKey{f.pays[0].Currency, f.pays[0].Units})
		default:
			h.ents.add(f, amountKey{f.ents[0].Amount.Currency(), f.ents[0].units()})
		}
	}
	return h
}

func newLoners() loners {
	return loners{map[string][]*finding{}, map[string][]*finding{}, map[amountKey][]*finding{}}
}

func (l *loners) add(f *finding, amount amountKey) {
	l.byAmount[amount] = append(l.byAmount[amount], f)
	ref := f.ref()
	if _, ok := payout.KeyOf(ref, "", false); !ok {
		return
	}
	l.byForm[loose(ref)] = append(l.byForm[loose(ref)], f)
	for _, n := range cuts {
		if cut := cutAt(ref, n); cut != "" {
			l.byCut[loose(cut)] = append(l.byCut[loose(cut)], f)
		}
	}
}

// loose is a reference without white space, in lower case.
func loose(ref string) string {
	return strings.ToLower(strings.Join(strings.FieldsFunc(ref, unicode.IsSpace), ""))
}

// cutAt returns the first n characters of a longer reference, else "".
func cutAt(ref string, n int) string {
	runes := []rune(strings.TrimSpace(ref))
	if len(runes) <= n {
		return ""
	}
	return string(runes[:n])
}

// of returns the hint for a finding, or "", and whether it names a record that may be the other side of this one.
func (h *hints) of(f *finding) (hint string, partner bool) {
	if !lonely(f) {
		return "", false
	}
	other, what := &h.ents, "the ledger entry with reference"
	if len(f.ents) == 1 {
		other, what = &h.pays, "the payout with reference"
	}
	if hint := h.byReference(f, other, what); hint != "" {
		return hint, true
	}
	if hint := h.elsewhen(f); hint != "" {
		return hint, false
	}
	hint = h.byPayee(f, other)
	return hint, hint != ""
}

func (h *hints) byReference(f *finding, other *loners, what string) string {
	ref := f.ref()
	if _, ok := payout.KeyOf(ref, "", false); !ok {
		return ""
	}
	look := func(candidates []*finding) string {
		for _, candidate := range candidates[:min(len(candidates), maxHinted)] {
			if candidate.g == f.g {
				continue
			}
			if difference := howDifferent(ref, candidate.ref()); difference != "" {
				return fmt.Sprintf("%s %q differs only %s", what, strings.TrimSpace(candidate.ref()), difference)
			}
		}
		return ""
	}
	form := loose(ref)
	for _, candidates := range [][]*finding{other.byForm[form], other.byCut[form]} {
		if hint := look(candidates); hint != "" {
			return hint
		}
	}
	for _, n := range cuts {
		if cut := cutAt(ref, n); cut != "" {
			if hint := look(other.byForm[loose(cut)]); hint != "" {
				return hint
			}
		}
	}
	return ""
}

// howDifferent says in which way two references are nearly the same, or "".
func howDifferent(a, b string) string {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	squeeze := func(s string) string { return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), "") }
	switch {
	case a == b:
		return "in on-behalf-of"
	case strings.EqualFold(a, b):
		return "in letter case"
	case squeeze(a) == squeeze(b):
		return "in white space"
	case strings.EqualFold(squeeze(a), squeeze(b)):
		return "in white space and letter case"
	}
	for _, n := range cuts {
		for _, pair := range [][2]string{{a, b}, {b, a}} {
			if cut := strings.TrimSpace(cutAt(pair[0], n)); cut != "" && strings.EqualFold(cut, pair[1]) {
				return fmt.Sprintf("by a cut at %d characters", n)
			}
		}
	}
	return ""
}

// elsewhen looks for the other side of the same reference at another time.
func (h *hints) elsewhen(f *finding) string {
	day := f.day()
	if f.g.key == "" || day == payout.NoDay {
		return ""
	}
	what, others := "the ledger entry over", h.records(f.g, entrySide)
	if len(f.ents) == 1 {
		what, others = "the payout over", h.records(f.g, payoutSide)
	}
	window := payout.Day(h.m.o.MatchWindowDays)
	before := sort.Search(len(others), func(i int) bool { return others[i].day >= day-window }) - 1
	after := sort.Search(len(others), func(i int) bool { return others[i].day > day+window })
	say := func(d dated, when string) string {
		return fmt.Sprintf("the same reference stands on %s %s of %s, %s %s", what, d.amount, d.day, plural(int(daysApart(d.day, day)), "day", "days"), when)
	}
	switch earlier, later := before >= 0, after < len(others); {
	case earlier && (!later || daysApart(others[before].day, day) <= daysApart(others[after].day, day)):
		return say(others[before], "earlier")
	case later:
		return say(others[after], "later")
	}
	return ""
}

// records returns the dated records of one side of a key, by day.
func (h *hints) records(g *group, side int) []dated {
	if side == payoutSide && len(g.pays) == 0 || side == entrySide && len(g.ents) == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	list, known := h.days[sideOf{g, side}]
	if known {
		return list
	}
	if side == payoutSide {
		for _, p := range g.pays {
			list = append(list, dated{p.day, p.amount()})
		}
	} else {
		for _, e := range g.ents {
			if e.Day != payout.NoDay {
				list = append(list, dated{e.Day, e.Amount})
			}
		}
	}
	slices.SortFunc(list, func(a, b dated) int {
		return cmp.Or(cmp.Compare(a.day, b.day), strings.Compare(a.amount.Currency(), b.amount.Currency()), cmp.Compare(a.amount.Units(), b.amount.Units()))
	})
	h.days[sideOf{g, side}] = list
	return list
}

// byPayee looks for a record of the amount within the window where the ledger's text names the payout's payee.
func (h *hints) byPayee(f *finding, other *loners) string {
	var amount amountKey
	if len(f.pays) == 1 {
		amount = amountKey{f.pays[0].Currency, f.pays[0].Units}
	} else {
		amount = amountKey{f.ents[0].Amount.Currency(), f.ents[0].units()}
	}
	candidates := other.byAmount[amount]
	if len(candidates) > maxHinted {
		return ""
	}
	for _, c := range candidates {
		p, e := f, c
		if len(f.ents) == 1 {
			p, e = c, f
		}
		if daysApart(p.pays[0].day, e.ents[0].Day) > int64(h.m.o.MatchWindowDays) || !names(e.ents[0].Text, p.pays[0]) {
			continue
		}
		if len(f.pays) == 1 {
			return fmt.Sprintf("the ledger entry with reference %q has the same amount and names the payee", c.ref())
		}
		return fmt.Sprintf("payout %s with reference %q has the same amount and payee", c.pays[0].ID, c.ref())
	}
	return ""
}

// names reports whether a ledger text names the payee, by name or account.
func names(text string, p *pay) bool {
	words := wordsOf(text)
	return mentions(words, p.payee(), 3) || mentions(words, p.Account, 6)
}

// wordsOf returns the words of a text in lower case, without what stands between them.
func wordsOf(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
}

// mentions reports whether some of the words, one after the other, are the name, however either is cut into words: accounts
// are often written in groups of four. A name of fewer than least bytes says nothing.
func mentions(words []string, name string, least int) bool {
	name = strings.Join(wordsOf(name), "")
	if len(name) < least {
		return false
	}
	for i := range words {
		rest := name
		for _, word := range words[i:] {
			var is bool
			if rest, is = strings.CutPrefix(rest, word); !is {
				break
			}
			if rest == "" {
				return true
			}
		}
	}
	return false
}
