package reconcile

import (
	"fmt"
	"testing"

	"payrecon/internal/payout"
)

// TestItemsKnowTheirEntriesUnderAnotherKey: an entry that stands in the file as it did settles no item, whatever part of its
// reference counts now.
func TestItemsKnowTheirEntriesUnderAnotherKey(t *testing.T) {
	const (
		one    = "E e1 100 paid 01-05 ref=ABC"
		ofOne  = "E e1 100 paid 01-05 ref=ABC obo=O1"
		twoOBO = "E e1 100 paid 01-05 obo=O1\nE e2 100 paid 01-05 obo=O2"
		open   = "1 open missing_at_provider 100.00 EUR with_provider"
	)
	for _, c := range []struct {
		name          string
		fold          [2]bool // on the first night, and on the second
		from          string  // of the second night's period
		before, after string
		want          []string
	}{
		{name: "letter case does not count any more", fold: [2]bool{false, true}, before: one, after: one, want: []string{open}},
		{name: "letter case counts again", fold: [2]bool{true, false}, before: one, after: one, want: []string{open}},
		{name: "of a day before the period", fold: [2]bool{false, true}, from: "2026-01-20", before: one, after: one, want: []string{open}},
		{
			name: "agreed before the period", fold: [2]bool{false, true}, from: "2026-01-20", before: one, after: one + "\nP p1 100 COMPLETED 01-05 ref=abc",
			want: []string{"1 cleared missing_at_provider 100.00 EUR by payout with_provider"},
		},
		{name: "the ledger says on whose behalf", before: one, after: ofOne, want: []string{open}},
		{name: "on whose behalf, before the period", from: "2026-01-20", before: one, after: ofOne, want: []string{open}},
		{name: "the ledger does not say any more on whose behalf", before: ofOne, after: one, want: []string{open}},
		{name: "not any more, before the period", from: "2026-01-20", before: ofOne, after: one, want: []string{open}},
		{
			name: "on behalf of another", before: ofOne, after: "E e1 100 paid 01-05 ref=ABC obo=O2",
			want: []string{"1 cleared missing_at_provider 100.00 EUR by ledger with_provider", "2 new missing_at_provider 100.00 EUR"},
		},
		{
			name: "equal entries come together", fold: [2]bool{false, true},
			before: "E e1 100 paid 01-05 ref=ABC\nE e2 100 paid 01-05 ref=abc", after: "E e1 100 paid 01-05 ref=ABC\nE e2 100 paid 01-05 ref=abc",
			want: []string{open, "2 open duplicate_ledger_entry 100.00 EUR"},
		},
		{
			name: "equal entries come apart", before: "E e1 100 paid 01-05\nE e2 100 paid 01-05", after: twoOBO,
			want: []string{open, "2 open missing_at_provider 100.00 EUR"},
		},
		{
			name: "equal entries on several behalves come together", before: twoOBO, after: "E e1 100 paid 01-05\nE e2 100 paid 01-05",
			want: []string{open, "2 open duplicate_ledger_entry 100.00 EUR"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.CaseInsensitive = c.fold[0]
			n.play("2026-02-03", edge+c.before)
			n.dispose(1, payout.DispositionWithProvider, payout.NoDay)
			n.CaseInsensitive = c.fold[1]
			if c.from != "" {
				n.Period.From = ymd(t, c.from)
			}
			n.play("2026-02-04", edge+c.after)
			n.want(c.want...)
		})
	}
}

// TestReopenedUnderAnotherKey: what was cleared is known again too.
func TestReopenedUnderAnotherKey(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"E e1 100 paid 01-05 ref=ABC")
	n.play("2026-02-04", edge)
	n.want("1 cleared missing_at_provider 100.00 EUR by ledger")
	n.CaseInsensitive = true
	n.play("2026-02-05", edge+"E e1 100 paid 01-05 ref=ABC obo=O1")
	n.want("1 reopened missing_at_provider 100.00 EUR")
}

// TestAnothersEntryIsNotOurs: in a ledger that says on whose behalf its entries are, an equal entry of another settles, keeps and
// reopens nothing of nobody's. What shows that the column is not new: a document number, or an item that knew it.
func TestAnothersEntryIsNotOurs(t *testing.T) {
	const (
		knew    = "E k1 7 paid 01-06 ref=K obo=O9\n" // an item of its own
		column  = "E z1 5 paid 01-05 ref=Z obo=O9\nP z2 5 COMPLETED 01-05 ref=Z obo=O9\n"
		cleared = "1 cleared missing_at_provider 100.00 EUR by ledger written_off"
		carried = "1 carried missing_at_provider 100.00 EUR written_off"
		row     = "2 new rejected_row 0.00 ?"
		unread  = "X R R;1o\n"
		agreed  = "E e2 100 paid 01-05 obo=O2\nP p2 100 COMPLETED 01-05 obo=O2\n"
		nobody  = "E e1 100 paid 01-05\n"
	)
	for _, c := range []struct {
		name          string
		from          string // of the second night's period
		noDocuments   bool
		before, after string
		want          []string
	}{
		{
			name: "another document", before: column + nobody, after: column + "E e2 100 paid 01-05 obo=O2",
			want: []string{cleared, "2 new missing_at_provider 100.00 EUR"},
		},
		{
			name: "another document, before the period", from: "2026-01-20", before: column + nobody, after: column + "E e2 100 paid 01-05 obo=O2",
			want: []string{cleared},
		},
		{
			name: "an item knew the column", noDocuments: true, before: nobody + knew, after: "E e2 100 paid 01-05 obo=O2\n" + knew,
			want: []string{cleared, "2 open missing_at_provider 7.00 EUR", "3 new missing_at_provider 100.00 EUR"},
		},
		{
			name: "a payout's item knew the column", noDocuments: true,
			before: column + nobody + "P k1 7 COMPLETED 01-06 ref=K obo=O9", after: column + "E e2 100 paid 01-05 obo=O2\nP k1 7 COMPLETED 01-06 ref=K obo=O9",
			want: []string{"1 open missing_in_ledger 7.00 EUR written_off", "2 cleared missing_at_provider 100.00 EUR by ledger", "3 new missing_at_provider 100.00 EUR"},
		},
		{
			name: "a payout's item did not know the column", noDocuments: true,
			before: nobody + "P k1 7 COMPLETED 01-06 ref=K obo=O9", after: column + "E e2 100 paid 01-05 obo=O2\nP k1 7 COMPLETED 01-06 ref=K obo=O9",
			want: []string{"1 open missing_in_ledger 7.00 EUR written_off", "2 open missing_at_provider 100.00 EUR"},
		},
		{name: "it stands on an unreadable row", before: agreed + nobody, after: unread + agreed, want: []string{carried, row}},
		{name: "it may stand there, without documents", noDocuments: true, before: agreed + nobody, after: unread + agreed, want: []string{carried, row}},
		{
			name: "the column is gone and it may stand there", noDocuments: true,
			before: "E e1 100 paid 01-05 obo=O1\nE e2 100 paid 01-05\nP p2 100 COMPLETED 01-05",
			after:  unread + "E e2 100 paid 01-05\nP p2 100 COMPLETED 01-05", want: []string{carried, row},
		},
		{
			name: "the column is gone, another document", before: "E e1 100 paid 01-05 obo=O1\n" + agreed, after: "E e2 100 paid 01-05\n",
			want: []string{cleared, "2 new missing_at_provider 100.00 EUR"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.change = func(s *scene) {
				for i := range s.entries {
					if c.noDocuments {
						s.entries[i].Document = ""
					}
				}
			}
			n.play("2026-02-03", edge+c.before)
			n.dispose(1, payout.DispositionWrittenOff, payout.NoDay)
			if c.from != "" {
				n.Period.From = ymd(t, c.from)
			}
			n.play("2026-02-04", edge+c.after)
			n.want(c.want...)
		})
	}
}

// TestAnothersEntryReopensNothing: nor is a settled break back with it.
func TestAnothersEntryReopensNothing(t *testing.T) {
	const column = "E z1 5 paid 01-05 ref=Z obo=O9\nP z2 5 COMPLETED 01-05 ref=Z obo=O9\n"
	n := newNights(t)
	n.play("2026-02-03", edge+column+"E e1 100 paid 01-05")
	n.play("2026-02-04", edge+column)
	n.want("1 cleared missing_at_provider 100.00 EUR by ledger")
	n.play("2026-02-05", edge+column+"E e2 100 paid 01-05 obo=O2")
	n.want("2 new missing_at_provider 100.00 EUR")
	n.play("2026-02-06", edge+column)
	n.play("2026-02-07", edge+column+"E e1 100 paid 01-05 obo=O3") // the column is known now, whatever the document says
	n.want("3 new missing_at_provider 100.00 EUR")
}

// TestEqualEntriesComeApartByDocument: some are said to be on somebody's behalf, the others stay on nobody's.
func TestEqualEntriesComeApartByDocument(t *testing.T) {
	const one, two = "E e1 100 paid 01-05", "E e2 100 paid 01-05"
	for _, after := range []string{one + " obo=O1\n" + two, one + "\n" + two + " obo=O1", one + " obo=O2\n" + two + " obo=O1"} {
		for _, from := range []string{"2026-01-01", "2026-01-20"} {
			n := newNights(t)
			n.play("2026-02-03", edge+one+"\n"+two)
			n.dispose(1, payout.DispositionWrittenOff, payout.NoDay)
			n.Period.From = ymd(t, from)
			n.play("2026-02-04", edge+after)
			n.want("1 open missing_at_provider 100.00 EUR written_off", "2 open missing_at_provider 100.00 EUR")
			for _, item := range n.last.Items {
				if want := fmt.Sprintf("e%d", item.ID); item.Entries[0].Document != want {
					t.Errorf("%q from %s: item %d has %s, want %s", after, from, item.ID, item.Entries[0].Document, want)
				}
			}
		}
	}
}

// TestEqualEntriesKeepTheirItems: by document, whatever the ledger calls them now.
func TestEqualEntriesKeepTheirItems(t *testing.T) {
	n := newNights(t)
	n.play("2026-02-03", edge+"E e1 100 paid 01-05\nE e2 100 pending 01-05\nP p1 100 COMPLETED 01-05")
	n.want("1 new amount_mismatch 100.00 EUR")
	n.dispose(1, payout.DispositionWrittenOff, payout.NoDay)
	n.play("2026-02-04", edge+"E e1 100 failed 01-05\nE e2 100 pending 01-05\nP p1 100 COMPLETED 01-05")
	n.want("1 open status_mismatch/ledger_lags 100.00 EUR")
	n.events("1 reclassified amount_mismatch>status_mismatch/ledger_lags", "1 lapsed written_off>")
}

// TestASettledBreakIsNotBackUnverified: a shorter extract says nothing against what an earlier one settled.
func TestASettledBreakIsNotBackUnverified(t *testing.T) {
	const short = "E x1 1 paid 2026-01-01 ref=X\nP y1 1 COMPLETED 2026-01-01 ref=X\nP p1 100 COMPLETED 01-25"
	n := newNights(t)
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-25")
	n.play("2026-02-04", edge+"P p1 100 COMPLETED 01-25\nE e1 100 paid 01-25")
	n.want("1 cleared missing_in_ledger 100.00 EUR by ledger")
	n.play("2026-02-05", short)
	n.want("2 new not_in_extract 100.00 EUR")
	n.play("2026-02-06", edge+"P p1 100 COMPLETED 01-25\nE e1 100 paid 01-25")
	n.want("2 cleared not_in_extract 100.00 EUR by ledger")
	n.play("2026-02-07", short)
	n.want("2 reopened not_in_extract 100.00 EUR")
	n.play("2026-02-08", edge+"P p1 100 COMPLETED 01-25")
	n.want("2 open missing_in_ledger 100.00 EUR")
}
