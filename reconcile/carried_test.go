package reconcile

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/payout"
)

// TestACarriedBreakHidesNothing: what stands with the records of a carried break on an unreadable row is open on its own.
func TestACarriedBreakHidesNothing(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{
			"a new payout of its reference", "P p1 100 COMPLETED 01-05",
			"P p1 100 COMPLETED 01-05\nP p2 9000 COMPLETED 01-08\nX R R;1o;2026-01-08",
			[]string{"1 carried missing_in_ledger 100.00 EUR accepted", "2 new rejected_row 9000.00 EUR"},
		},
		{
			"a row that can be read as money", "P p1 1 COMPLETED 01-05",
			"P p1 1 COMPLETED 01-05\nX R R;5000;EUR;soon 5000",
			[]string{"1 carried missing_in_ledger 1.00 EUR accepted", "2 new rejected_row 5000.00 EUR"},
		},
		{
			"several breaks of its reference", "P p1 100 COMPLETED 01-05\nP p2 200 COMPLETED 01-05",
			"P p1 100 COMPLETED 01-05\nP p2 200 COMPLETED 01-05\nP p3 300 COMPLETED 01-05\nX R R;1o",
			[]string{"1 carried missing_in_ledger 100.00 EUR accepted", "2 carried missing_in_ledger 200.00 EUR", "3 new rejected_row 300.00 EUR"},
		},
		{
			"a payout that its break goes on without", "P p1 100 COMPLETED 01-02\nP p2 500 COMPLETED 01-18\nE e1 490 paid -",
			"P p1 100 COMPLETED 01-02\nP p2 500 COMPLETED 01-18\nE e1 490 paid 01-31\nX R R;1o",
			[]string{"1 carried missing_in_ledger 100.00 EUR accepted", "2 open missing_at_provider 490.00 EUR", "3 new rejected_row 500.00 EUR"},
		},
		{
			"an entry that is written on the row", "E e1 100 paid 01-05",
			"P p1 100 COMPLETED 01-05\nX R R;1o",
			[]string{"1 carried missing_at_provider 100.00 EUR accepted", "2 new rejected_row 100.00 EUR"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", edge+c.before)
			n.dispose(1, payout.DispositionAccepted, payout.NoDay)
			n.play("2026-02-04", edge+c.after)
			n.want(c.want...)
			if n.last.Conclusion != payout.NoConclusion {
				t.Errorf("%s %s", n.last.Conclusion, n.last.ConclusionWhy)
			}
			n.play("2026-02-05", edge+c.after)
			for i, line := range c.want {
				c.want[i] = strings.Replace(line, " new ", " open ", 1)
			}
			n.want(c.want...)
		})
	}
}

// TestACarriedSentenceSaysOfWhen: what was asked and found in one run is not said of a later one.
func TestACarriedSentenceSaysOfWhen(t *testing.T) {
	n := newNights(t)
	n.Provider = &provider{}
	n.play("2026-02-03", edge+"E e1 100 paid 01-05")
	n.reach = &payout.Period{From: ymd(t, "2026-01-20"), To: ymd(t, "2026-01-31")}
	const sentence = "ledger has 100.00 EUR (dated 2026-01-05, paid, document e1) for reference R and no payout answers it: asked for this reference on 2026-02-03, the provider has no such payout; find out whether it was ever sent; do not pay reference R again before the bank statement shows that no money left."
	const carried = "Carried over from run 1 (as of 2026-02-03): the " + sentence
	for _, night := range []struct{ asOf, records, state, want string }{
		{"2026-02-04", "", "1 carried missing_at_provider 100.00 EUR", carried},
		{"2026-02-05", "", "1 carried missing_at_provider 100.00 EUR", carried},
		{"2026-02-06", "E e1 100 paid 01-05", "1 open missing_at_provider 100.00 EUR", "The " + strings.Replace(sentence, "2026-02-03", "2026-02-06", 1)},
	} {
		n.play(night.asOf, edge+night.records)
		n.want(night.state)
		if got := n.last.Items[0].Why; got != night.want {
			t.Errorf("%s: got\n%s\nwant\n%s", night.asOf, got, night.want)
		}
	}
}

// TestAConclusionNamesWhatIsCarried: a break whose entry is not_fetched by now stays the break that it was, also to the
// conclusion, which says that this run did not verify it.
func TestAConclusionNamesWhatIsCarried(t *testing.T) {
	const carried = "; 1 break is carried over from earlier runs, not verified by this one."
	for _, c := range []struct {
		disposition string
		conclusion  payout.Conclusion
		why         string
	}{
		{"", payout.NotReconciled, "1 break is open without a disposition: 100.00 EUR" + carried},
		{payout.DispositionAccepted, payout.Explained, "1 break is open, all under a disposition" + carried},
	} {
		n := newNights(t)
		n.Provider = &provider{}
		n.play("2026-02-03", edge+"E e1 100 paid -")
		state := "1 carried missing_at_provider 100.00 EUR"
		if c.disposition != "" {
			n.dispose(1, c.disposition, payout.NoDay)
			state += " " + c.disposition
		}
		n.Provider = nil
		n.play("2026-02-04", edge+"E e1 100 paid -")
		n.want(state)
		if n.last.Conclusion != c.conclusion || n.last.ConclusionWhy != c.why {
			t.Errorf("got %s: %q\nwant %s: %q", n.last.Conclusion, n.last.ConclusionWhy, c.conclusion, c.why)
		}
	}
}

// TestARowBecomesUnreadable: an entry whose reference stands on an unreadable row is not gone.
func TestARowBecomesUnreadable(t *testing.T) {
	for _, row := range []string{
		"X R R;9o00;2026-01-05",
		// Of the wrong width: any field may be the reference.
		`X "" Acme;Ltd;R;9000;2026-01-05`,
		`X "" R;9000;EUR`,
		`X "" Acme,Ltd,_"R",9000,EUR`,
		`X "" 'R'|9000`,
	} {
		n := newNights(t)
		n.play("2026-02-03", edge+"E e1 9000 paid 01-05")
		n.dispose(1, payout.DispositionWithProvider, payout.NoDay)
		n.play("2026-02-04", edge+row)
		n.want("1 carried missing_at_provider 9000.00 EUR with_provider", "2 new rejected_row 0.00 ?")
		if strings.Contains(row, "2026") {
			n.play("2026-02-05", edge+"E e1 9000 paid 01-05")
			n.want("1 open missing_at_provider 9000.00 EUR with_provider", "2 cleared rejected_row 0.00 ? by ledger")
		}
	}
	n := newNights(t) // a reference may hold what delimits elsewhere
	n.play("2026-02-03", edge+"E e1 9000 paid 01-05 ref=R,1|A")
	n.play("2026-02-04", edge+`X "" R,1|A;9000`)
	n.want("1 carried missing_at_provider 9000.00 EUR", "2 new rejected_row 0.00 ?")
}

// TestAnEntryIsGivenAnotherDate: while another row of its reference cannot be read, it is not open twice.
func TestAnEntryIsGivenAnotherDate(t *testing.T) {
	const row = "\nX R R;1o;2026-01-20"
	for _, c := range []struct {
		name, before, after string
		want                []string
	}{
		{
			"another date", "E e1 9000 paid 01-05", "E e1 9000 paid 01-06",
			[]string{"1 cleared missing_at_provider 9000.00 EUR by ledger", "2 new rejected_row 0.00 ?", "3 new missing_at_provider 9000.00 EUR"},
		},
		{
			"another amount", "E e1 9000 paid 01-05", "E e1 8000 paid 01-06",
			[]string{"1 carried missing_at_provider 9000.00 EUR", "2 new rejected_row 0.00 ?", "3 new missing_at_provider 8000.00 EUR"},
		},
		{
			"another text", "E e1 9000 paid 01-05 text=rent", "E e1 9000 paid 01-06 text=fee",
			[]string{"1 carried missing_at_provider 9000.00 EUR", "2 new rejected_row 0.00 ?", "3 new missing_at_provider 9000.00 EUR"},
		},
		{
			"one of two", "E e1 9000 paid 01-05\nE e2 9000 paid 01-05", "E e1 9000 paid 01-06",
			[]string{
				"1 cleared missing_at_provider 9000.00 EUR by ledger", "2 carried duplicate_ledger_entry 9000.00 EUR",
				"3 new rejected_row 0.00 ?", "4 new missing_at_provider 9000.00 EUR",
			},
		},
		{
			"the other was there before", "E e1 9000 paid 01-05\nE e2 9000 paid 01-06", "E e2 9000 paid 01-06",
			[]string{"1 carried missing_at_provider 9000.00 EUR", "2 open missing_at_provider 9000.00 EUR", "3 new rejected_row 0.00 ?"},
		},
		{
			"at another time", "E e1 9000 paid 01-05", "E e1 9000 paid 01-25",
			[]string{"1 carried missing_at_provider 9000.00 EUR", "2 new rejected_row 0.00 ?", "3 new missing_at_provider 9000.00 EUR"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", edge+c.before)
			n.play("2026-02-04", edge+c.after+row)
			n.want(c.want...)
		})
	}
}

// TestAPayoutOfARowOfTheWrongWidth: which field is the reference of such a row is not known, so any may be that of a payout.
func TestAPayoutOfARowOfTheWrongWidth(t *testing.T) {
	pays := "P p7 77 COMPLETED 01-05 ref=R7\nP p8 88 COMPLETED 01-05 ref=R8\nP p9 99 COMPLETED 01-05 ref=R9\n"
	for _, c := range []struct{ name, rows, want string }{
		{"too narrow", `X "" R7;77;EUR`, "missing_in_ledger p8\nmissing_in_ledger p9\nrejected_row R7;77;EUR p7"},
		{"in quotes", `X "" _"R7"_;77;EUR`, "missing_in_ledger p8\nmissing_in_ledger p9\nrejected_row  \"R7\" ;77;EUR p7"},
		{"too wide, of two references", `X "" Acme;R7;R8;77;EUR`, "missing_in_ledger p9\nrejected_row Acme;R7;R8;77;EUR p7\nrejected_row Acme;R7;R8;77;EUR p8"},
		{"its text twice", `X "" R7;R7;EUR`, "missing_in_ledger p8\nmissing_in_ledger p9\nrejected_row R7;R7;EUR p7"},
		{"of no reference", `X "" Acme;77;EUR`, "missing_in_ledger p7\nmissing_in_ledger p8\nmissing_in_ledger p9\nrejected_row Acme;77;EUR"},
		{"of the right width, and no reference", `X - R7;-;77;EUR`, "missing_in_ledger p7\nmissing_in_ledger p8\nmissing_in_ledger p9\nrejected_row R7;-;77;EUR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			s.records(t, edge+pays+c.rows)
			got := slices.DeleteFunc(s.briefs(s.run(t)), func(line string) bool { return strings.HasPrefix(line, "matched") })
			if want := strings.Split(c.want, "\n"); !slices.Equal(got, want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
			}
		})
	}
}

// TestManyRowsOfTheWrongWidth: what is kept of the fields of such rows, any of which may be a reference, is little beside the
// rows themselves.
func TestManyRowsOfTheWrongWidth(t *testing.T) {
	const n, fields = 4000, 60
	s := newScene(t)
	s.Brief = true
	s.records(t, edge+"P p1 77 COMPLETED 01-05 ref=3999-59")
	for i := range n {
		var text strings.Builder
		for k := range fields {
			fmt.Fprintf(&text, "%d-%d,", i, k)
		}
		s.rejected = append(s.rejected, payout.RejectedRow{Line: 100 + i, Column: ledgerWholeRow, Reason: "the row has 61 fields, the header has 4", Text: text.String()})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := s.run(t)
	runtime.ReadMemStats(&after)
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 100 {
		t.Errorf("%d rows of %d fields took %d MB", n, fields, mb)
	}
	if f := r.Items[slices.IndexFunc(r.Items, func(i payout.Item) bool { return len(i.Payouts) > 0 })]; len(r.Items) != n || !strings.HasPrefix(f.Rejected[0].Text, "3999-0,") {
		t.Errorf("%d items, want %d, the payout with the last row", len(r.Items), n)
	}
}

// TestLookingBackClearsNothing: as of a time before it was last looked at, a break may be young enough to explain itself.
func TestLookingBackClearsNothing(t *testing.T) {
	for _, c := range []struct{ name, records, carried string }{
		{"grace of the ledger", "P p1 100 COMPLETED 01-29", "1 carried missing_in_ledger 100.00 EUR accepted"},
		{"grace of the provider", "E e1 100 paid 01-29", "1 carried missing_at_provider 100.00 EUR accepted"},
		{"stuck", "P p1 100 PROCESSING 01-29\nE e1 100 paid 01-29", "1 carried stuck 100.00 EUR accepted"},
		{"stuck, pending in the ledger", "P p1 100 PENDING 01-29\nE e1 100 pending 01-29", "1 carried stuck 100.00 EUR accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.Provider = &provider{}
			n.play("2026-02-03", edge+c.records)
			n.dispose(1, payout.DispositionAccepted, payout.NoDay)
			clock := n.Clock
			n.Clock = func() time.Time { return time.Date(2026, 2, 4, 3, 0, 0, 0, time.UTC) }
			n.play("2026-01-30", edge+c.records)
			n.want(c.carried)
			if n.last.Conclusion != payout.Explained {
				t.Error(n.last.Conclusion, n.last.ConclusionWhy)
			}
			n.Clock = clock
			n.play("2026-02-05", edge+c.records)
			n.want(strings.Replace(c.carried, "carried", "open", 1))
		})
	}
	n := newNights(t) // what settles it at any age clears it
	n.play("2026-02-03", edge+"P p1 100 COMPLETED 01-29")
	n.Clock = func() time.Time { return time.Date(2026, 2, 4, 3, 0, 0, 0, time.UTC) }
	n.play("2026-01-30", edge+"P p1 100 COMPLETED 01-29\nE e1 100 paid 01-29")
	n.want("1 cleared missing_in_ledger 100.00 EUR by ledger")
}

// TestAnAsOfBehindTheClockIsNoLookingBack: a run as of the end of yesterday, every night, looks on.
func TestAnAsOfBehindTheClockIsNoLookingBack(t *testing.T) {
	for _, c := range []struct{ name, before, asOf, after, want string }{
		{
			"failed, and within its grace", "P p1 100 PROCESSING 01-28\nE e1 100 paid 01-28",
			"2026-02-04", "P p1 100 REJECTED 01-28 changed=02-03\nE e1 100 paid 01-28", "1 cleared stuck 100.00 EUR by payout",
		},
		{
			"corrected, and in flight", "P p1 100 PROCESSING 02-01\nE e1 90 paid 01-30",
			"2026-02-03", "P p1 100 PROCESSING 02-01\nE e1 100 paid 01-30", "1 cleared amount_mismatch 10.00 EUR by ledger",
		},
		{
			"corrected, and in flight, as of a day before", "P p1 100 PROCESSING 01-29\nE e1 90 paid 01-30",
			"2026-01-31", "P p1 100 PROCESSING 01-29\nE e1 100 paid 01-30", "1 cleared amount_mismatch 10.00 EUR by ledger",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.Clock = func() time.Time { return n.AsOf.Add(50 * time.Hour) }
			n.play("2026-02-03", edge+c.before)
			n.play(c.asOf, edge+c.after)
			n.want(c.want)
		})
	}
}

// TestLookingBackTwiceClearsNothing: the second look, later than the first, is still before the break was found.
func TestLookingBackTwiceClearsNothing(t *testing.T) {
	n := newNights(t)
	records := edge + "P p1 100 PROCESSING 01-28\nE e1 100 paid 01-28"
	n.play("2026-02-03", records)
	n.Clock = func() time.Time { return time.Date(2026, 2, 4, 3, 0, 0, 0, time.UTC) }
	for _, asOf := range []string{"2026-01-29", "2026-01-30"} {
		n.play(asOf, records)
		n.want("1 carried stuck 100.00 EUR")
	}
	n.play("2026-02-04", records)
	n.want("1 open stuck 100.00 EUR")
}

// TestUnreadableRowsWithoutFiguresAreGone: a row that bears no reference and no figure, such as those a spreadsheet leaves at
// the end, needs no day to be gone.
func TestUnreadableRowsWithoutFiguresAreGone(t *testing.T) {
	n := newNights(t)
	first := edge + "X - ;;;\nX - ;1o;\nX - Total;1; 1\nX T T;;"
	n.play("2026-02-03", first)
	n.want("1 new rejected_row 0.00 ?", "2 new rejected_row 0.00 ?", "3 new rejected_row 1.00 EUR", "4 new rejected_row 0.00 ?")
	n.play("2026-02-04", first)
	n.want("1 open rejected_row 0.00 ?", "2 open rejected_row 0.00 ?", "3 open rejected_row 1.00 EUR", "4 open rejected_row 0.00 ?")
	n.play("2026-02-05", edge)
	n.want("1 carried rejected_row 0.00 ?", "2 cleared rejected_row 0.00 ? by ledger", "3 carried rejected_row 1.00 EUR", "4 carried rejected_row 0.00 ?")
}

// TestWhatHasNoDateAgesFromWhenItWasSeen: an item without a dated record is as old as the run that first saw it.
func TestWhatHasNoDateAgesFromWhenItWasSeen(t *testing.T) {
	n := newNights(t)
	ages := func(want ...int) {
		t.Helper()
		got := make([]int, len(n.last.Items))
		for _, i := range n.last.Items {
			got[i.ID-1] = i.AgeDays
		}
		if !slices.Equal(got, want) {
			t.Errorf("night %d: ages %v, want %v", n.night, got, want)
		}
	}
	first := edge + "X R R;1o\nX - ;1o;\nE e1 100 paid - ref=S\nP p1 100 COMPLETED 01-05 ref=T\n"
	n.play("2026-02-03", first)
	ages(0, 0, 0, 28)
	n.play("2026-02-06", first)
	ages(3, 3, 3, 31)
	n.play("2026-02-07", edge+"P p1 100 COMPLETED 01-05 ref=T\n") // the rows are not seen
	ages(4, 4, 4, 32)
	n.Clock = func() time.Time { return time.Date(2026, 2, 8, 3, 0, 0, 0, time.UTC) }
	n.play("2026-02-01", first) // as of a day before they were seen
	ages(0, 0, 0, 26)
}

// TestManyItemsOfOneReference: what a night does with the items of a reference grows with them, not with their square.
func TestManyItemsOfOneReference(t *testing.T) {
	const k = 4000
	var pays, ents strings.Builder
	for i := range k {
		fmt.Fprintf(&pays, "P p%d %d.10 COMPLETED 01-20\n", i, i+1)
		fmt.Fprintf(&ents, "E e%d %d.20 paid 01-20\n", i, i+1)
	}
	for _, c := range []struct{ name, before, after string }{
		{"an unreadable row of it", edge + pays.String(), edge + pays.String() + "X R R;1o"},
		{"payouts of one break, each beyond the extract", edge + pays.String() + ents.String(), pays.String() + "E s1 1 paid 01-01 ref=S\nP s1 1 COMPLETED 01-01 ref=S\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNights(t)
			n.play("2026-02-03", c.before)
			open := n.last.Breaks.Total
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			n.play("2026-02-04", c.after)
			runtime.ReadMemStats(&after)
			if n.last.Breaks.Carried != open {
				t.Errorf("%d items are carried, want %d", n.last.Breaks.Carried, open)
			}
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 250 {
				t.Errorf("the second night took %d MB", mb)
			}
		})
	}
}
