package sync_test

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
	"weak"

	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// TestInterruptedVerifyComparesAnew interrupts a verification that has found a missing payout, in the middle of another walk.
// The next one compares everything, and knows of the day.
func TestInterruptedVerifyComparesAnew(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40)}
	a.fill(day0, 6, 300)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+5); err != nil {
		t.Fatal(err)
	}
	late := day0 + 4
	a.add("po:missing", payout.MillisOf(noon(late)), payout.Completed)
	ctx, cancel := context.WithCancel(t.Context())
	a.before = func(_ int, q payout.Query, cursor string) error {
		if q.HasFrom() && q.From == day0 && strings.HasSuffix(cursor, "#200") {
			cancel()
		}
		return ctx.Err()
	}
	report, err := s.Verify(ctx, 2, day0, day0+5)
	if payout.KindOf(err) != payout.KindInterrupted || strings.Contains(err.Error(), "goes on") || !strings.Contains(err.Error(), "anew") {
		t.Errorf("Verify: %v, want interrupted, and that it begins anew", err)
	}
	if !slices.Equal(report.Missing, []string{"po:missing"}) || !slices.Equal(report.Disproved, []payout.Day{late}) || report.Complete {
		t.Errorf("Verify: %+v, want what it found until then", report)
	}
	if got := stateOf(t, m, late); got.State == payout.DayComplete {
		t.Error("the disproved day is complete after the interruption")
	}
	a.before = nil
	report, err = s.Verify(t.Context(), 3, day0, day0+5)
	if err != nil || report.Compared != 1801 || len(report.Gone) != 0 || !report.Complete {
		t.Errorf("Verify again: %d compared, %d gone, complete %v, %v; want all compared and none gone", report.Compared, len(report.Gone), report.Complete, err)
	}
	if !slices.Equal(report.Disproved, []payout.Day{late}) {
		t.Errorf("Verify again: disproved %v, want the day that the interrupted one disproved", report.Disproved)
	}
	if report, err = s.Verify(t.Context(), 4, day0, day0+5); err != nil || len(report.Disproved) != 0 {
		t.Errorf("the third Verify: %v, %v; want nothing disproved any more", report.Disproved, err)
	}
}

// TestVerifyTellsWhatIsDatedEarlier has a payout whose content changed while its date went back: what stands is kept, and
// every verification says that the API shows something else. The alert comes once.
func TestVerifyTellsWhatIsDatedEarlier(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	a.setStatus(4, payout.Completed, a.rows[4].Created+1000)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	a.setStatus(4, payout.Failed, a.rows[4].Created)
	for run := range 2 {
		a.now = a.now.Add(time.Hour)
		report, err := s.Verify(t.Context(), int64(2+run), day0, day0+8)
		if err != nil || !slices.Equal(report.Differs, []string{a.rows[4].ID}) {
			t.Errorf("Verify: differs %v, %v; want the payout", report.Differs, err)
		}
		if len(report.Alerts) != 1-run {
			t.Errorf("run %d: alerts %q, want one, once", run, report.Alerts)
		}
	}
}

// TestVerifyOfToday has a payout created after the walks of a verification: only its sweep brings it. It is not gone, and one
// of today that is not shown any more is no gap.
func TestVerifyOfToday(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 11, 5)
	today := day0 + 10
	a.add("po:today", payout.MillisOf(a.now)-2, payout.Completed)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1, StartDay: day0})
	if _, err := s.Nightly(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	a.rows = a.rows[:len(a.rows)-1]
	a.before = func(_ int, q payout.Query, _ string) error {
		if q.InvertStatuses && a.rows[len(a.rows)-1].ID != "po:fresh" {
			a.add("po:fresh", payout.MillisOf(a.now)-1, payout.Pending)
		}
		return nil
	}
	report, err := s.Verify(t.Context(), 2, day0+8, today)
	if err != nil || !report.Complete || !slices.Equal(report.Gone, []string{"po:today"}) || len(report.GoneDays) != 0 {
		t.Errorf("Verify: gone %q on %v, complete=%v, %v; want only the one that is not shown any more, on no ended day", report.Gone, report.GoneDays, report.Complete, err)
	}
	if got := vanishedIDs(t, m); !slices.Equal(got, []string{"po:today"}) {
		t.Errorf("vanished are %q, want the one that is not shown when asked for by its id either", got)
	}
	if versions, err := m.History(t.Context(), "po:fresh"); err != nil || len(versions) != 1 {
		t.Errorf("the history of the new one is %+v, %v; want it in the mirror", versions, err)
	}
}

// TestAnotherOwnerIsNoDifference: payouts that a member's id shows now, and that are as they were, do not differ.
func TestAnotherOwnerIsNoDifference(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	m := openMirror(t)
	if _, err := newSyncer(a, m, payoutsync.Options{}).Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	report, err := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"", "sub"}}).Verify(t.Context(), 2, day0, day0+8)
	if err != nil || report.Compared == 0 || len(report.Differs) != 0 {
		t.Errorf("of %d payouts %d differ, %v; want none", report.Compared, len(report.Differs), err)
	}
}

// TestVerifySweepFinds has days whose lists leave out what the sweep shows: a payout that the mirror lacks, and one that has
// changed. Neither is passed over because no walk brought it; what the sweep brings of other days is not the question.
func TestVerifySweepFinds(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 20)}
	a.fill(day0, 9, 30)
	a.add("po:changed", payout.MillisOf(noon(day0+2)), payout.Pending)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if sum, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil || !sum.Complete {
		t.Fatalf("Backfill: %+v, %v", sum, err)
	}
	a.setStatus(len(a.rows)-1, payout.Processing, payout.MillisOf(noon(day0+3)))
	a.add("po:hidden", payout.MillisOf(noon(day0+4)), payout.Processing)
	a.add("po:elsewhere", payout.MillisOf(noon(day0+8)), payout.Processing)
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if q.Limit != payout.MaxLimit || !q.HasFrom() {
			return rows
		}
		return slices.DeleteFunc(rows, func(p payout.Payout) bool { return p.ID == "po:hidden" || p.ID == "po:changed" })
	}
	report, err := s.Verify(t.Context(), 2, day0, day0+6)
	if err != nil || !slices.Equal(report.Missing, []string{"po:hidden"}) || !slices.Equal(report.Disproved, []payout.Day{day0 + 2, day0 + 4}) {
		t.Errorf("Verify: missing %q, disproved %v, %v; want what only the sweep showed, and both days", report.Missing, report.Disproved, err)
	}
	if !slices.Equal(report.Differs, []string{"po:changed"}) || len(report.Gone) != 0 {
		t.Errorf("Verify: differs %q, gone %q; want the one that only the sweep showed changed", report.Differs, report.Gone)
	}
	wantTruth(t, m, a)
}

// TestVerifyKeepsNoPages has ids that are parts of large texts, as those of decoded pages are. A verification keeps what it says
// of them, equal or not, and not the texts.
func TestVerifyKeepsNoPages(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	a.setStatus(0, payout.Failed, payout.MillisOf(a.now))
	a.add("po:missing", payout.MillisOf(noon(day0+4)), payout.Completed)
	a.add("po:swept", payout.MillisOf(noon(day0+4)), payout.Pending)
	var texts []weak.Pointer[byte]
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if q.HasFrom() && q.Limit == payout.MaxLimit {
			rows = leaveOut("po:swept")(q, rows)
		}
		for i := range rows {
			text := strings.Clone(rows[i].ID + strings.Repeat(" ", 4096))
			rows[i].ID = text[:len(rows[i].ID)]
			texts = append(texts, weak.Make(unsafe.StringData(text)))
		}
		return rows
	}
	report, err := s.Verify(t.Context(), 2, day0, day0+8)
	if err != nil || len(report.Missing) != 2 || len(report.Differs) != 1 {
		t.Errorf("Verify: missing %q, differs %q, %v; want two, and one", report.Missing, report.Differs, err)
	}
	runtime.GC()
	kept := 0
	for _, text := range texts {
		if text.Value() != nil {
			kept++
		}
	}
	const page = 40 // the one written last may still be in the hands of the mirror
	if kept > page {
		t.Errorf("%d of %d texts are kept, want those of one page at most", kept, len(texts))
	}
	runtime.KeepAlive(report)
}
