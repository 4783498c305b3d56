package reconcile

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// ledgerTotals is what one worker counted, and, merged, what the intake says.
type ledgerTotals struct {
	rows, blank, entries, filtered, outOf int64

	first, last payout.Day // of dated entries; NoDay = none
	undated     int64
	sums        map[string]*ledgerSum
	words       map[string]*payout.StatusWord
	taken       map[ledgerTaken]*ledgerTook
	rejected    []payout.RejectedRow
}

// ledgerSum is one currency's part of the totals: each entry is added in one place only, by in or out of the period and by
// cash or not.
type ledgerSum struct {
	parts [4]ledgerWide
}

// The parts of a ledgerSum.
const (
	ledgerCash     = 1
	ledgerInPeriod = 2
)

// ledgerWide is a count and a sum of 128 bits, which no number of entries overflows.
type ledgerWide struct {
	count  int64
	hi, lo uint64
}

func (w *ledgerWide) add(units int64) {
	var carry uint64
	w.count++
	w.lo, carry = bits.Add64(w.lo, uint64(units), 0)
	w.hi += uint64(units>>63) + carry
}

func (w *ledgerWide) merge(o ledgerWide) {
	var carry uint64
	w.count += o.count
	w.lo, carry = bits.Add64(w.lo, o.lo, 0)
	w.hi += o.hi + carry
}

// units returns the sum, or an error when an amount cannot hold it.
func (w ledgerWide) units(currency string) (int64, error) {
	if sum := int64(w.lo); w.hi == uint64(sum>>63) {
		return sum, nil
	}
	return 0, payout.Errorf(payout.KindInput, "the ledger's amounts of %s add up to more than can be held; look for amounts that are too large, or split the file: %w",
		cmp.Or(currency, "one column"), money.ErrOverflow)
}

// figures returns the sums of all entries of the currency, and of those in the period.
func (s *ledgerSum) figures(currency string) (all, in payout.CurrencySum, err error) {
	p := &s.parts
	for _, to := range []struct {
		sum   *payout.CurrencySum
		parts []int
	}{{&all, []int{0, ledgerCash, ledgerInPeriod, ledgerInPeriod | ledgerCash}}, {&in, []int{ledgerInPeriod, ledgerInPeriod | ledgerCash}}} {
		var whole, cash ledgerWide
		for _, i := range to.parts {
			whole.merge(p[i])
			if i&ledgerCash != 0 {
				cash.merge(p[i])
			}
		}
		*to.sum = payout.CurrencySum{Currency: currency, Count: whole.count}
		if to.sum.Units, err = whole.units(currency); err != nil {
			return all, in, err
		}
		if to.sum.Cash, err = cash.units(currency); err != nil {
			return all, in, err
		}
	}
	return all, in, nil
}

// ledgerTaken names what a filter took out.
type ledgerTaken struct{ column, value, currency string }

// ledgerTook is how much that was.
type ledgerTook struct {
	sum    ledgerWide // of the rows whose amount could be read
	unread int64
}

// So many different status words or filtered values are told apart; the rest are counted together.
const (
	ledgerMaxWords  = 1000
	ledgerMaxTaken  = 1000
	ledgerRestWords = "(other words)"
	ledgerRestTaken = "(other values)"
)

func newLedgerTotals() *ledgerTotals {
	return &ledgerTotals{
		first: payout.NoDay, last: payout.NoDay, sums: map[string]*ledgerSum{},
		words: map[string]*payout.StatusWord{}, taken: map[ledgerTaken]*ledgerTook{},
	}
}

// sum returns the totals of a currency.
func (t *ledgerTotals) sum(currency string) *ledgerSum {
	s := t.sums[currency]
	if s == nil {
		s = &ledgerSum{}
		t.sums[currency] = s
	}
	return s
}

// word returns the count of a status word; past ledgerMaxWords that of all others of its class.
func (t *ledgerTotals) word(word string, class payout.EntryClass) *payout.StatusWord {
	w := t.words[word]
	if w == nil {
		if len(t.words) >= ledgerMaxWords && !strings.HasPrefix(word, ledgerRestWords) {
			return t.word(ledgerRestWords+" "+class.String(), class)
		}
		w = &payout.StatusWord{Word: strings.Clone(word), Class: class}
		t.words[w.Word] = w
	}
	return w
}

// take returns the count of what a filter takes out.
func (t *ledgerTotals) take(k ledgerTaken) *ledgerTook {
	f := t.taken[k]
	if f == nil {
		if len(t.taken) >= ledgerMaxTaken {
			k.value = ledgerRestTaken
			if f = t.taken[k]; f != nil {
				return f
			}
		}
		k = ledgerTaken{strings.Clone(k.column), strings.Clone(k.value), strings.Clone(k.currency)}
		f = &ledgerTook{}
		t.taken[k] = f
	}
	return f
}

// day notes an entry's day.
func (t *ledgerTotals) day(d payout.Day) {
	switch {
	case d == payout.NoDay:
		t.undated++
	case t.last == payout.NoDay:
		t.first, t.last = d, d
	default:
		t.first, t.last = min(t.first, d), max(t.last, d)
	}
}

// merge adds another worker's totals.
func (t *ledgerTotals) merge(o *ledgerTotals) {
	t.rows += o.rows
	t.blank += o.blank
	t.entries += o.entries
	t.filtered += o.filtered
	t.outOf += o.outOf
	t.undated += o.undated
	if o.last != payout.NoDay {
		t.day(o.first)
		t.day(o.last)
	}
	for currency, s := range o.sums {
		to := t.sum(currency)
		for i := range to.parts {
			to.parts[i].merge(s.parts[i])
		}
	}
	for _, k := range slices.Sorted(maps.Keys(o.words)) {
		t.word(k, o.words[k].Class).Count += o.words[k].Count
	}
	for k, f := range o.taken {
		to := t.take(k)
		to.unread += f.unread
		to.sum.merge(f.sum)
	}
	t.rejected = append(t.rejected, o.rejected...)
}

// fill writes the totals into the intake, everything in a defined order.
func (t *ledgerTotals) fill(in *payout.Intake) error {
	in.Rows, in.Blank, in.Entries, in.FilteredN, in.OutOf = t.rows, t.blank, t.entries, t.filtered, t.outOf
	in.First, in.Last = t.first, t.last
	in.Rejected = t.rejected
	slices.SortFunc(in.Rejected, func(a, b payout.RejectedRow) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	for _, currency := range slices.Sorted(maps.Keys(t.sums)) {
		all, period, err := t.sums[currency].figures(currency)
		if err != nil {
			return err
		}
		if all.Count > 0 {
			in.Sums = append(in.Sums, all)
		}
		if period.Count > 0 {
			in.InPeriod = append(in.InPeriod, period)
		}
	}
	for _, w := range t.words {
		if w.Count > 0 {
			in.Words = append(in.Words, *w)
		}
	}
	slices.SortFunc(in.Words, func(a, b payout.StatusWord) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Word, b.Word))
	})
	for k, f := range t.taken {
		units, err := f.sum.units(k.currency)
		if err != nil {
			return err
		}
		in.Filtered = append(in.Filtered, payout.FilteredSum{
			Column: k.column, Value: k.value, Currency: k.currency, Rows: f.sum.count + f.unread, Units: units, Unread: f.unread,
		})
	}
	slices.SortFunc(in.Filtered, func(a, b payout.FilteredSum) int {
		return cmp.Or(cmp.Compare(a.Column, b.Column), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Currency, b.Currency))
	})
	return nil
}
