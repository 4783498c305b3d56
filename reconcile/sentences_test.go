package reconcile

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/payout"
	"pgregory.net/rapid"
)

var againWord = regexp.MustCompile(`\bagain\b`)

var namedPayout = regexp.MustCompile(`payout (p\d+)( of [^()]*\([^()]*\))?( at another time| on behalf of (\w+))?`)

// TestSentencesAreTrue: whatever the records, no sentence denies a live payout of its reference that is known, none speaks of
// paying again but to forbid it, and what it names is a payout of its episode or is said not to be.
func TestSentencesAreTrue(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		p := hide(s, rapid.IntRange(0, 4).Draw(t, "hidden"))
		r, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		all, known := s.all(r), slices.Clone(s.rows)
		for i := range p.holds {
			if slices.Contains(slices.Concat(p.asked...), p.holds[i].RefID) {
				known = append(known, rowOf(&p.holds[i]))
			}
		}
		for i := range all {
			if f := &all[i]; f.Why != "" && f.Key != "" {
				c := newClaim(t, s, f, known)
				c.says()
				c.names()
				c.advises(all)
			}
		}
	})
}

// hide leaves payouts to the provider that the mirror does not hold.
func hide(s *scene, hidden int) *provider {
	p := &provider{}
	if hidden == 0 {
		return p
	}
	for _, r := range s.rows[:min(hidden, len(s.rows))] {
		p.holds = append(p.holds, payout.Payout{
			ID: r.ID, RefID: r.RefID, OnBehalfOf: r.OnBehalfOf, Status: r.Status, Created: r.Created, Updated: r.Changed,
			Amount: (&pay{Row: r}).amount(), Creditor: payout.Creditor{AccountNumber: r.Account},
		})
	}
	s.rows, s.Provider = s.rows[len(p.holds):], p
	return p
}

// answers is a provider that has answered before: what it showed lies in the mirror by now.
type answers map[string]bool

func (a answers) AskRefs(_ context.Context, _ []string) payout.RefAnswer {
	return payout.RefAnswer{Answered: a}
}

// TestPerformedAgainSaysTheSame: a run on a mirror that holds what the provider shows says the same whether it is shown or only
// answered.
func TestPerformedAgainSaysTheSame(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		rows := s.rows
		p := hide(s, rapid.IntRange(1, 30).Draw(t, "hidden"))
		if _, err := s.try(); err != nil {
			t.Fatal(err)
		}
		asked, answered := slices.Concat(p.asked...), answers{}
		for _, ref := range asked {
			answered[ref] = true
		}
		s.rows = slices.DeleteFunc(slices.Clone(rows), func(r payout.Row) bool {
			return slices.ContainsFunc(p.holds, func(h payout.Payout) bool { return h.ID == r.ID }) && !slices.Contains(asked, r.RefID)
		})
		first, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		want := s.all(first)
		s.Provider = answered
		again, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range s.all(again) {
			if f.Why != want[i].Why {
				t.Fatalf("at first\n%s\nagain\n%s", want[i].Why, f.Why)
			}
		}
	})
}

// claim is a finding's sentence, with what is known beside it.
type claim struct {
	*scene
	f     *payout.Finding
	said  string            // without the hint
	byOBO bool              // the ledger names on whose behalf
	known []payout.Row      // by the mirror or the provider
	live  int               // live payouts of the reference, outside of the finding
	named map[string]string // payouts outside of the finding by id: how they are said to stand apart
	fail  func(format string, args ...any)
}

func newClaim(t *rapid.T, s *scene, f *payout.Finding, known []payout.Row) *claim {
	c := &claim{scene: s, f: f, said: strings.Replace(f.Why, f.Hint, "", 1), known: known, named: map[string]string{}}
	c.byOBO = slices.ContainsFunc(s.entries, func(e payout.Entry) bool { return e.OnBehalfOf != "" })
	own := func(id string) bool {
		return slices.ContainsFunc(f.Payouts, func(p payout.PayoutRef) bool { return p.ID == id })
	}
	for i := range known {
		if k := &known[i]; (c.keyOf(k) == f.Key || c.byOBO && c.sameRef(k)) && k.Status.Live() && !own(k.ID) {
			c.live++
		}
	}
	for _, m := range namedPayout.FindAllStringSubmatch(c.said, -1) {
		if !own(m[1]) && c.named[m[1]] == "" {
			c.named[m[1]] = m[3]
		}
	}
	c.fail = func(format string, args ...any) {
		t.Fatalf("%s; of %s, %d live payouts outside of it:\n%s", fmt.Sprintf(format, args...), brief(f), c.live, f.Why)
	}
	return c
}

func (c *claim) keyOf(r *payout.Row) payout.Key {
	of := ""
	if c.byOBO {
		of = r.OnBehalfOf
	}
	key, _ := payout.KeyOf(r.RefID, of, c.CaseInsensitive)
	return key
}

// sameRef reports whether a payout bears the finding's reference, on behalf of whomever.
func (c *claim) sameRef(r *payout.Row) bool {
	key, ok := payout.KeyOf(r.RefID, "", c.CaseInsensitive)
	own, _ := payout.KeyOf(c.f.RefID, "", c.CaseInsensitive)
	return ok && key == own
}

// says checks the words for what they deny, and for what they say of paying again.
func (c *claim) says() {
	for _, denial := range []string{"no such payout", "never", "and has none;", "there is none;", "no payout for it", "no payout was found", "no payout yet"} {
		if c.live > 0 && strings.Contains(c.said, denial) {
			c.fail("says %q", denial)
		}
	}
	if len(againWord.FindAllString(c.said, -1)) != strings.Count(c.said, "do not pay ")+strings.Count(c.said, "reconcile again") {
		c.fail("speaks of paying again, or of something else, without forbidding it")
	}
	if i := strings.LastIndex(c.said, "; do not pay "); i > 0 && strings.Contains(c.said[i+2:], "; ") {
		c.fail("goes on after the ban")
	}
	if c.live == 0 || c.f.Outcome != payout.Returned && slices.ContainsFunc(c.f.Payouts, func(p payout.PayoutRef) bool { return p.Status.Live() }) {
		return
	}
	forbids := strings.Contains(c.said, "do not pay ")
	if forbids && c.f.Outcome != payout.Unreadable && c.f.Outcome != payout.AmountMismatch && len(c.named) == 0 {
		c.fail("names no other payout")
	}
	if !forbids && c.f.Outcome.Class() == payout.Break && c.f.Cell != payout.UnmappedWord && !strings.Contains(c.said, "perhaps a fee") {
		c.fail("does not forbid to pay again")
	}
}

// names checks the payouts that are named.
func (c *claim) names() {
	for id, apart := range c.named {
		i := slices.IndexFunc(c.known, func(k payout.Row) bool { return k.ID == id })
		switch {
		case strings.HasPrefix(apart, " on behalf of "):
			k := &c.known[i]
			if !c.byOBO || !c.sameRef(k) || c.keyOf(k) == c.f.Key && c.Provider == nil || apart != onBehalf(k.OnBehalfOf) {
				c.fail("names %s%s, which it is not", id, apart)
			}
		case i < 0 || c.keyOf(&c.known[i]) != c.f.Key:
			c.fail("names %s, a payout of another reference", id)
		case c.byOBO && c.Provider != nil: // what it shows joins only keys that wait for it
		case (apart == "") != c.sameStory(c.known[i].Created.Day()):
			c.fail("names %s, said to stand %q", id, apart)
		}
	}
}

// advises checks what is built on days that are complete, and on what agrees.
func (c *claim) advises(all []payout.Finding) {
	if strings.Contains(c.said, "reverse the second booking") || strings.Contains(c.said, "perhaps a fee") {
		if e := c.f.Entries[0]; !c.shownAround(e.Day) && (c.Provider == nil || !slices.Contains(slices.Concat(c.Provider.(*provider).asked...), e.Ref)) {
			c.fail("acts on days that are not shown complete")
		}
	}
	if !strings.Contains(c.said, "agrees with") {
		return
	}
	for id := range c.named {
		agrees := slices.ContainsFunc(all, func(g payout.Finding) bool {
			return g.Outcome.Class() == payout.Agreed && slices.ContainsFunc(g.Payouts, func(p payout.PayoutRef) bool { return p.ID == id })
		})
		inPeriod := slices.ContainsFunc(c.known, func(k payout.Row) bool { return k.ID == id && c.Period.Contains(k.Created.Day()) })
		if !agrees && inPeriod {
			c.fail("%s does not agree", id)
		}
	}
}

func (c *claim) shownAround(day payout.Day) bool {
	complete, window := c.Coverage.Complete(), payout.Day(c.MatchWindowDays)
	yesterday := payout.DayOf(c.Clock()) - 1
	for d := day - window; day != payout.NoDay && d <= min(day+window, yesterday); d++ {
		if !complete(d) {
			return false
		}
	}
	return day != payout.NoDay && day <= yesterday
}

// sameStory reports whether a day belongs to the episode of a finding, told by walking from day to day.
func (c *claim) sameStory(day payout.Day) bool {
	occupied := map[payout.Day]bool{}
	last := payout.NoDay
	note := func(d payout.Day) {
		if d != payout.NoDay {
			occupied[d] = true
			last = max(last, d)
		}
	}
	for i := range c.known {
		if c.keyOf(&c.known[i]) == c.f.Key {
			note(c.known[i].Created.Day())
		}
	}
	for _, e := range c.entries {
		if key, _ := payout.KeyOf(e.Ref, e.OnBehalfOf, c.CaseInsensitive); key == c.f.Key {
			note(e.Day)
		}
	}
	own := last
	for _, p := range c.f.Payouts {
		own = p.Created.Day()
	}
	for _, e := range c.f.Entries {
		if e.Day != payout.NoDay {
			own = e.Day
		}
	}
	gap := 0
	for d := min(own, day); d <= max(own, day); d++ {
		gap++
		if occupied[d] {
			gap = 0
		}
		if gap >= c.MatchWindowDays {
			return false
		}
	}
	return true
}
