package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// roll carries the items from the nights before to this one: it continues, reclassifies, carries, clears, reopens and
// opens, and rolls count and value forward by currency.
func (r *run) roll(findings []*finding) error {
	dates, err := newLedgerDates(r.in.Ledger.DateFormat, r.in.Ledger.Timezone)
	if err != nil {
		return err
	}
	n := &night{
		run: r, dates: dates, next: max(r.in.NextItem, 1), forward: map[string]*payout.RollForward{}, seen: map[string]*finding{},
		booked: map[known]*finding{}, back: map[int]bool{}, held: map[string]bool{},
	}
	n.index(findings)
	n.items, n.events = make([]*payout.Item, 0, len(n.listed)), make([]payout.ItemEvent, 0, len(n.listed))
	n.settle()
	n.publish()
	return n.sums.err
}

// night is one run's change of items.
type night struct {
	*run
	dates   ledgerDates // as the ledger writes them
	next    int64
	forward map[string]*payout.RollForward
	sums    checked

	fresh map[keyed][]payout.Day // of listed entries that no item has had, without their dates

	// Where the records of open items ended this time.
	seen   map[string]*finding // by payout id
	booked map[known]*finding  // by entry
	texts  map[string][]int    // listed findings of unreadable rows, by text
	number map[*finding]int    // of listed findings
	taken  []bool              // listed findings that continue an item
	back   map[int]bool        // cleared items that were reopened
	held   map[string]bool     // payouts of carried breaks
	items  []*payout.Item
	events []payout.ItemEvent
}

// index notes where each record ended. Records of keys without items are only looked for by cleared items.
func (n *night) index(findings []*finding) {
	n.number, n.texts = map[*finding]int{}, map[string][]int{}
	for _, f := range findings {
		if f.outcome.Listed() {
			n.number[f] = len(n.listed)
			for _, row := range f.rejected {
				n.texts[plain(row.Text)] = append(n.texts[plain(row.Text)], len(n.listed))
			}
			n.listed = append(n.listed, f)
		}
		if len(n.in.Items) == 0 {
			continue
		}
		for _, p := range f.pays {
			n.seen[p.ID] = f
		}
	}
	n.findEntries(findings)
	n.taken = make([]bool, len(n.listed))
	n.fresh = n.freshDays()
}

// settle goes through the open items by id, breaks first, because they say more of a record than an unverified item does;
// then it opens or reopens items for the findings that continue none.
func (n *night) settle() {
	n.goOnWith(payout.Break)
	n.letGo()
	n.goOnWith(payout.Unverified)
	for i, f := range n.listed {
		if !n.taken[i] {
			n.open(f)
		}
	}
	slices.SortStableFunc(n.events, func(a, b payout.ItemEvent) int { return cmp.Compare(a.Item, b.Item) })
}

func (n *night) goOnWith(class payout.OutcomeClass) {
	for i := range n.run.items.list {
		if item := n.run.items.list[i]; n.run.items.open(i) && item.Outcome.Class() == class { // a copy
			n.goOn(&item)
		}
	}
}

// goOn takes an open item to this night.
func (n *night) goOn(item *payout.Item) {
	n.count(item.Exposure, func(f *payout.RollForward) *payout.RollCount { return &f.Opening }, 1)
	shared := n.shared(item)
	best := n.best(item, shared)
	switch {
	case best < 0:
		n.unseen(item)
	case n.lessKnown(item, n.listed[best]): // and so is all the rest
		for i := range shared {
			n.taken[i] = true
		}
		n.carry(item)
	default:
		n.taken[best] = true
		n.proceed(item, n.listed[best])
	}
	n.lapse(item, item.State != payout.ItemCleared && n.dispositionOver(item), "its date has passed")
	n.items = append(n.items, item)
}

// shared counts the records that the item shares with the listed findings that continue no item yet.
func (n *night) shared(item *payout.Item) map[int]int {
	shared := make(map[int]int)
	note := func(f *finding) {
		if i, ok := n.number[f]; ok && f != nil && !n.taken[i] {
			shared[i]++
		}
	}
	for _, p := range item.Payouts {
		note(n.seen[p.ID])
	}
	for i := range item.Entries {
		note(n.bookedIn(item, &item.Entries[i]))
	}
	for _, row := range item.Rejected {
		if list := n.untaken(plain(row.Text)); len(list) > 0 {
			shared[list[0]]++
		}
	}
	return shared
}

// best is the finding that shares most records, the first of equals; -1 = none. One that says less than is known is the last
// choice.
func (n *night) best(item *payout.Item, shared map[int]int) int {
	if len(shared) == 0 {
		return -1
	}
	return slices.MinFunc(slices.Collect(maps.Keys(shared)), func(a, b int) int {
		return cmp.Or(compareBools(n.lessKnown(item, n.listed[a]), n.lessKnown(item, n.listed[b])), cmp.Compare(shared[b], shared[a]), cmp.Compare(a, b))
	})
}

// untaken returns the findings of unreadable rows of a text that continue no item yet.
func (n *night) untaken(text string) []int {
	list, here := n.texts[text]
	for len(list) > 0 && n.taken[list[0]] {
		list = list[1:]
	}
	if here {
		n.texts[text] = list
	}
	return list
}

// proceed continues an item with this run's finding.
func (n *night) proceed(item *payout.Item, f *finding) {
	if item.State == payout.ItemCarried {
		n.event(item, payout.EventSeen, item.State.String(), payout.ItemOpen.String(), "")
	}
	old := item.Finding
	item.Finding = *f.shown
	item.State, item.LastRun = payout.ItemOpen, n.in.Run
	item.AgeDays = n.age(item)
	if old.Outcome != item.Outcome || old.Cell != item.Cell {
		n.event(item, payout.EventReclassified, outcomeCode(&old), outcomeCode(&item.Finding), "")
	}
	if old.Outcome != item.Outcome {
		n.out.Breaks.Reclassified++
	}
	if old.Exposure != item.Exposure {
		n.event(item, payout.EventRemeasured, old.Exposure.String(), item.Exposure.String(), "")
		n.count(old.Exposure, remeasured, -1)
		n.count(item.Exposure, remeasured, 1)
	}
	if item.Severity > old.Severity {
		n.event(item, payout.EventRaised, old.Severity.String(), item.Severity.String(), "")
	}
	n.lapse(item, item.Disposition != nil && !sameFigures(&old, &item.Finding), "a figure, a status or a record has changed")
	n.countState(item)
}

func outcomeCode(f *payout.Finding) string {
	if f.Cell != payout.NoCell {
		return f.Outcome.String() + "/" + f.Cell.Info().Code
	}
	return f.Outcome.String()
}

func (n *night) carry(item *payout.Item) {
	if item.State != payout.ItemCarried {
		n.event(item, payout.EventCarried, item.State.String(), payout.ItemCarried.String(), "")
		item.Why = n.asItWas(item) + lowerFirst(item.Why)
	}
	item.State, item.LastRun = payout.ItemCarried, n.in.Run
	item.AgeDays = n.age(item)
	if item.Outcome.Class() == payout.Break {
		for _, p := range item.Payouts {
			n.held[p.ID] = true
		}
	}
	n.countState(item)
}

// age is the age of an item in days: of its oldest record, or, where none has a date, since it was first seen.
func (n *night) age(item *payout.Item) int {
	if !item.Dated() {
		return max(0, int((n.m.asOf-item.FirstSeen)/millisDay))
	}
	return ageDays(n.m.asOf, &item.Finding)
}

// open makes an item of a finding: one that was cleared before and shares a record is reopened, else it is new.
func (n *night) open(f *finding) {
	if item := n.reopened(f); item != nil {
		again := *item
		again.Finding = *f.shown
		again.State, again.LastRun = payout.ItemReopened, n.in.Run
		again.ClearedBy, again.ClearedAt = "", 0
		again.Disposition = nil
		again.AgeDays = n.age(&again)
		n.count(again.Exposure, func(f *payout.RollForward) *payout.RollCount { return &f.Reopened }, 1)
		n.event(&again, payout.EventReopened, "", outcomeCode(&again.Finding), "")
		n.countState(&again)
		n.items = append(n.items, &again)
		return
	}
	item := payout.Item{
		ID: n.next, Finding: *f.shown, State: payout.ItemNew, Due: payout.NoDay,
		FirstRun: n.in.Run, FirstSeen: n.now, LastRun: n.in.Run,
	}
	n.next++
	n.count(item.Exposure, func(f *payout.RollForward) *payout.RollCount { return &f.New }, 1)
	n.event(&item, payout.EventNew, "", outcomeCode(&item.Finding), "")
	n.countState(&item)
	n.items = append(n.items, &item)
}

// reopened finds the cleared item, the latest, that shares a record with the finding. A break that was settled is not back
// because its record cannot be verified this time.
func (n *night) reopened(f *finding) *payout.Item {
	items, latest := n.run.items, -1
	note := func(i int, ok bool) {
		if ok && i > latest && !n.back[i] && !n.lessKnown(&items.list[i], f) {
			latest = i
		}
	}
	for _, p := range f.pays {
		i, ok := items.wasPayout[p.ID]
		note(i, ok)
	}
	for _, e := range f.ents {
		key := keyedOf(&e.Entry, n.in.CaseInsensitive)
		was, ok := items.wasEntry[key]
		note(was.item, ok)
		unsaid := key // before the ledger said on whose behalf
		unsaid.of = ""
		was, ok = items.wasEntry[unsaid]
		note(was.item, ok && was.mayBe(&key, plain(e.Document)))
	}
	for _, row := range f.rejected {
		i, ok := items.wasText[plain(row.Text)]
		note(i, ok)
	}
	if latest < 0 {
		return nil
	}
	n.back[latest] = true
	return &items.list[latest]
}

// dispositionOver reports whether the date of a disposition has passed by what time it is: looking back or ahead by AsOf is
// no reason to forget what a person decided.
func (n *night) dispositionOver(item *payout.Item) bool {
	d := item.Disposition
	return d != nil && d.Until != payout.NoDay && n.now.Day() > d.Until
}

func (n *night) lapse(item *payout.Item, over bool, why string) {
	if !over || item.Disposition == nil {
		return
	}
	n.event(item, payout.EventLapsed, item.Disposition.Kind, "", "")
	n.events[len(n.events)-1].Text = why
	item.Disposition = nil
}

// sameFigures reports whether nothing moved that a disposition was given for.
func sameFigures(a, b *payout.Finding) bool {
	return a.Outcome == b.Outcome && a.Cell == b.Cell && a.Exposure == b.Exposure &&
		slices.Equal(a.PayoutSums, b.PayoutSums) && slices.Equal(a.EntrySums, b.EntrySums) &&
		slices.EqualFunc(a.Payouts, b.Payouts, func(x, y payout.PayoutRef) bool {
			return x.ID == y.ID && x.Status == y.Status && x.Amount == y.Amount
		}) &&
		slices.EqualFunc(a.Entries, b.Entries, func(x, y payout.Entry) bool {
			return numberedFingerprint(&x) == numberedFingerprint(&y) && x.Class == y.Class && x.Status == y.Status
		}) &&
		slices.EqualFunc(a.Rejected, b.Rejected, func(x, y payout.RejectedRow) bool { return plain(x.Text) == plain(y.Text) })
}

func (n *night) event(item *payout.Item, kind, from, to, by string) {
	n.events = append(n.events, payout.ItemEvent{Item: item.ID, Run: n.in.Run, At: n.now, Kind: kind, From: from, To: to, By: by})
}

func remeasured(f *payout.RollForward) *payout.RollCount { return &f.Remeasured }

// count adds an exposure to one step of its currency's roll-forward.
func (n *night) count(exposure money.Amount, step func(*payout.RollForward) *payout.RollCount, sign int64) {
	f := n.forward[exposure.Currency()]
	if f == nil {
		f = &payout.RollForward{Currency: exposure.Currency()}
		n.forward[exposure.Currency()] = f
	}
	to := step(f)
	to.Count += sign
	n.sums.of = exposure.Currency()
	n.sums.add(&to.Units, sign*exposure.Units())
}

// countState counts an open item.
func (n *night) countState(item *payout.Item) {
	b := &n.out.Breaks
	b.Total++
	switch item.State {
	case payout.ItemNew:
		b.New++
	case payout.ItemOpen:
		b.Open++
	case payout.ItemCarried:
		b.Carried++
	case payout.ItemReopened:
		b.Reopened++
	}
	if b.BySeverity == nil {
		b.BySeverity = map[payout.Severity]int{}
	}
	b.BySeverity[item.Severity]++
	n.count(item.Exposure, func(f *payout.RollForward) *payout.RollCount { return &f.Closing }, 1)
}

// publish puts the items in order, most urgent first and cleared ones last, and closes the roll-forward.
func (n *night) publish() {
	slices.SortFunc(n.items, func(a, b *payout.Item) int {
		return cmp.Or(
			compareBools(a.State == payout.ItemCleared, b.State == payout.ItemCleared),
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(b.Exposure.Units(), a.Exposure.Units()),
			cmp.Compare(a.ID, b.ID),
		)
	})
	o := &n.out
	if o.Breaks.BySeverity == nil {
		o.Breaks.BySeverity = map[payout.Severity]int{}
	}
	o.Items, o.Events = make([]payout.Item, len(n.items)), n.events
	for i, item := range n.items {
		o.Items[i] = *item
	}
	if o.Events == nil {
		o.Events = []payout.ItemEvent{}
	}
	o.RollForward = []payout.RollForward{}
	for _, currency := range slices.Sorted(maps.Keys(n.forward)) {
		o.RollForward = append(o.RollForward, *n.forward[currency])
	}
}
