package reconcile

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
	"pgregory.net/rapid"
)

// drawScene draws a month with few keys, amounts and days, so that everything meets.
func drawScene(t *rapid.T, base *scene) *scene {
	s := &scene{Input: base.Input}
	s.details = map[string]payout.Detail{}
	s.CaseInsensitive = rapid.Bool().Draw(t, "fold")
	s.MatchWindowDays = rapid.SampledFrom([]int{3, 10}).Draw(t, "window")
	if rapid.Bool().Draw(t, "tolerant") {
		s.Tolerance = map[string]int64{"EUR": 10_000, "GBP": 20_000}
	}
	s.AsOf = s.Period.To.Start().Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "asOf")) * time.Hour)
	s.Clock = func() time.Time { return s.AsOf }
	s.GraceLedger = Span{int64(rapid.IntRange(0, 2).Draw(t, "grace")), spanBusiness}
	s.GraceProvider = Span{int64(rapid.IntRange(0, 80).Draw(t, "grace2")) * 3_600_000, spanClock}
	s.StuckAfter = Span{72 * 3_600_000, spanClock}
	s.Holidays = []payout.Day{s.Period.To, s.Period.To + 2}
	s.covered(s.Period.From-20, s.Period.To+payout.Day(rapid.IntRange(-15, 20).Draw(t, "complete")))
	keys := rapid.SampledFrom([][]string{
		{"R"}, {"R", "r", " R "}, {"A,B", `A"B`, "A\x00B", "\x00A", "A\xffB", "A\xfeB", "n/a", "A B", "A;B\n"}, {"1", "2", "3", "4", "5", "6", "7", "8"},
	}).Draw(t, "keys")
	ofs := rapid.SampledFrom([][]string{{""}, {"", "a", "b"}}).Draw(t, "onBehalfOf")
	payOfs := rapid.SampledFrom([][]string{{""}, {"", "a", "b"}}).Draw(t, "payouts' onBehalfOf")
	amounts := rapid.SampledFrom([][]int64{{10_000, 20_000}, {10_000, 15_000, 20_000, 25_000, 30_000}, {0, 10_000, 20_000}}).Draw(t, "amounts")
	span := rapid.SampledFrom([]int{2, 12, 60}).Draw(t, "days")
	date := func() payout.Day { return s.Period.From - 5 + payout.Day(rapid.IntRange(0, span).Draw(t, "day")) }
	most := rapid.SampledFrom([]int{3, 8, 30}).Draw(t, "most")
	accounts := rapid.SampledFrom([][]string{{"", "X", "Y"}, testAccounts}).Draw(t, "accounts")
	for i := range rapid.IntRange(0, most).Draw(t, "payouts") {
		currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "GBP"}).Draw(t, "currency")
		r := payout.Row{
			ID: fmt.Sprintf("p%d", i), RefID: rapid.SampledFrom(keys).Draw(t, "ref"), OnBehalfOf: rapid.SampledFrom(payOfs).Draw(t, "of"),
			Account: rapid.SampledFrom(accounts).Draw(t, "account"), Units: rapid.SampledFrom(amounts).Draw(t, "units"), Currency: currency,
			Status:  rapid.SampledFrom([]payout.Status{payout.Completed, payout.Completed, payout.Pending, payout.Processing, payout.Rejected, payout.Failed, "NEW"}).Draw(t, "status"),
			Created: payout.Millis(date())*millisDay + payout.Millis(rapid.IntRange(0, 23).Draw(t, "hour"))*3_600_000,
		}
		r.Changed = r.Created + payout.Millis(rapid.IntRange(0, 3).Draw(t, "changed"))*millisDay
		s.rows = append(s.rows, r)
	}
	words := map[payout.EntryClass]string{payout.EntryPaid: "paid", payout.EntryNone: "", payout.EntryUnmapped: "gebucht", payout.EntryPending: "pending", payout.EntryReturned: "returned", payout.EntryFailed: "failed"}
	for i := range rapid.IntRange(0, most).Draw(t, "entries") {
		class := rapid.SampledFrom([]payout.EntryClass{0, 0, 0, 0, 1, 2, 3, 4, 5}).Draw(t, "class")
		amount := rapid.SampledFrom(amounts).Draw(t, "units")
		if rapid.IntRange(0, 4).Draw(t, "sign") == 0 {
			amount = -amount
		}
		e := payout.Entry{
			Line: 2 + i, Ref: rapid.SampledFrom(keys).Draw(t, "ref"), OnBehalfOf: rapid.SampledFrom(ofs).Draw(t, "of"),
			Amount: money.New(amount, rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "GBP", "USD"}).Draw(t, "currency")),
			Class:  class, Status: words[class], Day: date(), Text: rapid.SampledFrom([]string{"", "fee"}).Draw(t, "text"), Document: fmt.Sprintf("e%02d", i),
		}
		if rapid.IntRange(0, 9).Draw(t, "dated") == 0 {
			e.Day = payout.NoDay
		}
		if e.Ref != "n/a" {
			s.entries = append(s.entries, e)
		}
	}
	return s
}

func TestAgreesWithReference(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		switch rapid.IntRange(0, 2).Draw(t, "hash") {
		case 1:
			s.hash = func(string) uint64 { return 7 }
		case 2:
			s.hash = func(key string) uint64 { return uint64(len(key)) << 57 }
		}
		r, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		want := (&reference{s: s}).run()
		if got := s.briefs(r); !slices.Equal(got, want) {
			t.Fatalf("got\n\t%s\nthe reference says\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
		oneOutcome(t, s, r)
	})
}

// oneOutcome checks that every record in the period stands in exactly one finding, and no record in two.
func oneOutcome(t *rapid.T, s *scene, r *payout.Reconciliation) {
	times := map[string]int{}
	for _, f := range s.all(r) {
		for _, p := range f.Payouts {
			times[p.ID]++
		}
		for _, e := range f.Entries {
			times[e.Document]++
		}
	}
	check := func(name string, in bool) {
		if n := times[name]; n > 1 || in && n != 1 {
			t.Errorf("%s has %d outcomes", name, n)
		}
	}
	for _, p := range s.rows {
		check(p.ID, s.Period.Contains(p.Created.Day()))
	}
	for _, e := range s.entries {
		check(e.Document, s.Period.Contains(e.Day))
	}
	if !r.Accounted {
		t.Error("not accounted for")
	}
}

// TestOneOutcomeWhateverTheProviderShows: it shows payouts that the mirror holds, moved on, and on behalf of whomever it likes,
// and some that the mirror lacks.
func TestOneOutcomeWhateverTheProviderShows(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s, p := drawScene(t, base), &provider{}
		show := func(r payout.Row) {
			p.holds = append(p.holds, payout.Payout{
				ID: r.ID, RefID: r.RefID, Amount: money.New(r.Units, r.Currency), Created: r.Created,
				OnBehalfOf: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "shown on behalf of"),
				Status:     rapid.SampledFrom([]payout.Status{r.Status, payout.Completed, payout.Failed}).Draw(t, "shown status"),
				Updated:    r.Changed + payout.Millis(rapid.IntRange(0, 1).Draw(t, "later"))*millisDay,
			})
		}
		for i, r := range s.rows {
			if rapid.Bool().Draw(t, "shown") {
				show(r)
			}
			if r.ID = fmt.Sprintf("new%d", i); rapid.IntRange(0, 3).Draw(t, "lacked") == 0 {
				show(r)
			}
		}
		s.Provider = p
		r, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		oneOutcome(t, s, r)
	})
}

var linesNamed = regexp.MustCompile(`\(lines \d+ and \d+\)`)

// unordered is what must not depend on the order of the inputs. Lines do.
func unordered(s *scene, r *payout.Reconciliation) string {
	c := *r
	text := fmt.Sprintf("%v %v %v %v %v %s\n", c.Totals, c.Statements, c.Breaks, c.RollForward, c.Lookup, c.OutcomeHash)
	for _, f := range s.all(r) {
		for i := range f.Entries {
			f.Entries[i].Line = 0
		}
		f.Why = linesNamed.ReplaceAllString(f.Why, "")
		text += fmt.Sprintf("%+v\n", f)
	}
	return text
}

func TestOrderOfInputsChangesNothing(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		for i := range s.entries { // so that equal entries are equal but for their line
			s.entries[i].Document = ""
		}
		first, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		want := unordered(s, first)
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		random.Shuffle(len(s.rows), func(i, k int) { s.rows[i], s.rows[k] = s.rows[k], s.rows[i] })
		random.Shuffle(len(s.entries), func(i, k int) { s.entries[i], s.entries[k] = s.entries[k], s.entries[i] })
		for i := range s.entries {
			s.entries[i].Line = 2 + i
		}
		second, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		if got := unordered(s, second); got != want {
			t.Fatalf("after shuffling\n%s\nbefore\n%s", got, want)
		}
	})
}

func TestUnrelatedKeyChangesNothingElse(t *testing.T) {
	base := newScene(t)
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t, base)
		if len(s.entries) == 0 {
			return // the extract would reach somewhere all of a sudden
		}
		first, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		want := s.briefs(first)
		dated := slices.MaxFunc(s.entries, func(a, b payout.Entry) int { return int(a.Day) - int(b.Day) }).Day
		if dated == payout.NoDay {
			return // likewise
		}
		s.rows = append(s.rows, payout.Row{ID: "new", RefID: "unrelated", Units: 5, Currency: "EUR", Status: payout.Completed, Created: payout.Millis(dated) * millisDay})
		s.entries = append(s.entries, payout.Entry{Line: 999, Ref: "unrelated", Amount: money.New(5, "EUR"), Day: dated, Document: "new entry", OnBehalfOf: s.entries[0].OnBehalfOf})
		s.rows[len(s.rows)-1].OnBehalfOf = s.entries[0].OnBehalfOf
		second, err := s.try()
		if err != nil {
			t.Fatal(err)
		}
		got := s.briefs(second)
		got = slices.DeleteFunc(got, func(line string) bool { return line == "matched new new entry" })
		got = slices.DeleteFunc(got, func(line string) bool { return strings.Contains(line, "new") })
		if !slices.Equal(got, want) {
			t.Fatalf("with an unrelated key\n\t%s\nwithout\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
		}
	})
}

// TestClosestOfManyIsClosestOfFew: both ways of pairing give the same pairs.
func TestClosestOfManyIsClosestOfFew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, undated bool) []spot {
			spots := make([]spot, rapid.IntRange(1, 8).Draw(t, name))
			for i := range spots {
				spots[i] = spot{
					rapid.SampledFrom([]string{"EUR", "GBP"}).Draw(t, "bucket"),
					rapid.Int64Range(0, 6).Draw(t, "units"), payout.Day(rapid.IntRange(0, 6).Draw(t, "day")),
				}
				if undated && rapid.IntRange(0, 5).Draw(t, "dated") == 0 {
					spots[i].day = payout.NoDay
				}
			}
			return spots
		}
		pays, ents := draw("payouts", false), draw("entries", true)
		tolerance := rapid.SampledFrom([]map[string]int64{nil, {"EUR": 1}, {"EUR": 2, "GBP": 3}}).Draw(t, "tolerance")
		want := closestOfFew(pays, ents, tolerance)
		got := closestOfMany(pays, ents, tolerance)
		if !slices.Equal(got, want) {
			t.Fatalf("payouts %v\nentries %v\ntolerance %v\nmany: %v\nfew:  %v", pays, ents, tolerance, got, want)
		}
	})
}

// TestEquallyFar: of entries that are equally far, in days or in amount, the first in order is taken.
func TestEquallyFar(t *testing.T) {
	tolerance := map[string]int64{"": 2}
	for _, c := range []struct {
		name string
		ents []spot
		want int
	}{
		{"later first", []spot{{"", 10, 6}, {"", 10, 4}}, 0},
		{"earlier first", []spot{{"", 10, 4}, {"", 10, 6}}, 0},
		{"more first", []spot{{"", 11, 5}, {"", 9, 5}}, 0},
		{"less first", []spot{{"", 9, 5}, {"", 11, 5}}, 0},
		{"the nearer day of equal differences", []spot{{"", 9, 7}, {"", 11, 6}}, 1},
		{"the smaller difference, though farther", []spot{{"", 9, 5}, {"", 10, payout.NoDay}}, 1},
	} {
		for i, pair := range []func(pays, ents []spot, tolerance map[string]int64) []couple{closestOfFew, closestOfMany} {
			if got := pair([]spot{{"", 10, 5}}, c.ents, tolerance); len(got) != 1 || got[0].e != c.want {
				t.Errorf("%s (%d): got %v, want entry %d", c.name, i, got, c.want)
			}
		}
	}
}
