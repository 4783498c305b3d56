package sync_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// interrupted runs a backfill of one day with 900 payouts, cancelled after two of its pages.
func interrupted(t *testing.T, a *fakeAPI, m *mirror.Mirror) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a.during = func(call int) {
		if call == 2 {
			cancel()
		}
	}
	sum, err := newSyncer(a, m, payoutsync.Options{Workers: 1}).Backfill(ctx, 1, day0, day0)
	if payout.KindOf(err) != payout.KindInterrupted || !strings.Contains(err.Error(), "goes on from there") {
		t.Fatalf("Backfill: %v, want interrupted, with how to go on", err)
	}
	if sum.Rows != 400 || sum.Complete {
		t.Fatalf("summary %+v, want the 400 rows of two whole pages, not complete", sum)
	}
	a.during = nil
	a.queries, a.calls = nil, 0
}

func TestInterruptedWalkGoesOn(t *testing.T) {
	for _, c := range []struct {
		name  string
		later time.Duration
		spoil func(a *fakeAPI)
		again payoutsync.Options
		pages int // of the day, that the second run fetches
	}{
		{"at once", 0, nil, payoutsync.Options{}, 3},
		{"with other options", time.Minute, nil, payoutsync.Options{Workers: 7, Settle: time.Minute}, 3},
		{"on another day, in time", 13 * time.Hour, nil, payoutsync.Options{}, 3},
		{"when the cursor is old", 25 * time.Hour, nil, payoutsync.Options{}, 5},
		{"when the cursor is refused", time.Hour, func(a *fakeAPI) {
			refused := false
			a.before = func(_ int, _ payout.Query, cursor string) error {
				if cursor != "" && !refused {
					refused = true
					return payout.Errorf(payout.KindInput, "400: unknown offset")
				}
				return nil
			}
		}, payoutsync.Options{}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &fakeAPI{now: noon(day0 + 40)}
			a.fill(day0, 1, 900)
			m := openMirror(t)
			interrupted(t, a, m)
			a.now = a.now.Add(c.later)
			if c.spoil != nil {
				c.spoil(a)
			}
			sum, err := newSyncer(a, m, c.again).Backfill(t.Context(), 2, day0, day0)
			if err != nil || !sum.Complete {
				t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
			}
			wantTruth(t, m, a)
			pages := 0
			for _, q := range a.queries {
				if q.HasFrom() {
					pages++
				}
			}
			if pages != c.pages {
				t.Errorf("the second run asked for %d pages of the day, want %d", pages, c.pages)
			}
		})
	}
}

// TestWalkBegunTooEarlyBeginsAgain interrupts a walk over today and goes on when today has ended: only a new walk can
// prove the day.
func TestWalkBegunTooEarlyBeginsAgain(t *testing.T) {
	a := &fakeAPI{now: noon(day0)}
	a.fill(day0, 1, 900)
	m := openMirror(t)
	interrupted(t, a, m)
	a.now = a.now.Add(13 * time.Hour)
	sum, err := newSyncer(a, m, payoutsync.Options{}).Backfill(t.Context(), 2, day0, day0)
	if err != nil || !sum.Complete {
		t.Errorf("Backfill: %+v, %v; want complete", sum, err)
	}
	if got := stateOf(t, m, day0); got.State != payout.DayComplete || got.Count != 900 {
		t.Errorf("the day is %+v, want complete with 900", got)
	}
}

// TestWalkBegunAgainClaimsOnlyWhatItAsksFor has one worker's cursor refused when another one has found out what endDate
// means: the walk that begins again asks for a day less, and must not vouch for that day.
func TestWalkBegunAgainClaimsOnlyWhatItAsksFor(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40), latency: 5 * time.Millisecond} // time for both to begin
	a.fill(day0, 4, 900)
	a.fill(day0+4, 4, 3) // all final: the sweep shows none of them
	refused := 0
	a.before = func(_ int, q payout.Query, cursor string) error {
		if q.To == day0+4 && strings.HasSuffix(cursor, "#800") && refused == 0 {
			refused++
			return payout.Errorf(payout.KindInput, "400: unknown offset")
		}
		return nil
	}
	m := openMirror(t)
	sum, err := newSyncer(a, m, payoutsync.Options{Workers: 2}).Backfill(t.Context(), 1, day0, day0+7)
	if err != nil || !sum.Complete || refused != 1 {
		t.Errorf("Backfill: %+v, %v, %d cursors refused; want complete after one", sum, err, refused)
	}
	wantTruth(t, m, a)
}

// TestRepeatsCountAcrossAnInterruption repeats, after the interruption, a payout that was shown before it.
func TestRepeatsCountAcrossAnInterruption(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40)}
	a.fill(day0, 1, 900)
	m := openMirror(t)
	interrupted(t, a, m)
	repeated := a.rows[0]
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if q.HasFrom() && q.Limit == payout.MaxLimit && len(rows) < payout.MaxLimit {
			rows = append(rows, repeated)
		}
		return rows
	}
	sum, err := newSyncer(a, m, payoutsync.Options{}).Backfill(t.Context(), 2, day0, day0)
	if err != nil || !sum.Complete {
		t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
	}
	if sum.Windows != 2 {
		t.Errorf("%d walks, want a second one because the first showed a payout twice", sum.Windows)
	}
}

func TestBackfillGivesWay(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 40)}
	a.fill(day0, 3, 500)
	m := openMirror(t)
	yields := 0
	s := newSyncer(a, m, payoutsync.Options{Workers: 2, Yield: func(ctx context.Context) error {
		if yields++; yields == 2 { // a nightly run, in the middle of everything
			if _, err := newSyncer(a, m, payoutsync.Options{}).Nightly(ctx, 2); err != nil {
				t.Error(err)
			}
		}
		return nil
	}})
	sum, err := s.Backfill(t.Context(), 1, day0, day0+2)
	if err != nil || !sum.Complete {
		t.Fatalf("Backfill: %+v, %v; want complete", sum, err)
	}
	if yields < 3 {
		t.Errorf("the backfill looked %d times whether to give way, want more", yields)
	}
	wantTruth(t, m, a)
}

func TestDeadlineIsNotAnInterruption(t *testing.T) {
	a := &fakeAPI{now: noon(day0)}
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := newSyncer(a, openMirror(t), payoutsync.Options{}).Nightly(ctx, 1)
	if payout.KindOf(err) != payout.KindFailed || err == nil || !strings.Contains(err.Error(), "out of time") {
		t.Errorf("Nightly: %v, want failed, out of time", err)
	}
}

func TestSubMembers(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0+8, 2, 30)
	a.visible = func(pass string, p *payout.Payout) bool {
		odd := (p.ID[len(p.ID)-1]-'0')%2 == 1
		return pass == "" || pass == "sub-odd" && odd
	}
	m := openMirror(t)
	for run, passes := range [][]string{nil, {"", "sub-odd"}, {"sub-odd"}} {
		sum, err := newSyncer(a, m, payoutsync.Options{OnBehalfOf: passes}).Nightly(t.Context(), int64(run+1))
		if err != nil || !sum.Complete {
			t.Fatalf("%q: %+v, %v; want complete", passes, sum, err)
		}
		if last := run == 2; last != (len(sum.Alerts) > 0) {
			t.Errorf("%q: alerts %q, want one only about open payouts that no configured id shows", passes, sum.Alerts)
		}
		wantTruth(t, m, a)
	}
	odd, err := m.DayIDs(t.Context(), "sub-odd", day0+9)
	if err != nil || len(odd) != 15 {
		t.Errorf("%d payouts of the day were shown to sub-odd, %v; want 15", len(odd), err)
	}
	plain := slices.ContainsFunc(a.queries, func(q payout.Query) bool { return q.OnBehalfOf == "" })
	a.queries = nil
	if _, err := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"sub-odd"}}).Nightly(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	if !plain || slices.ContainsFunc(a.queries, func(q payout.Query) bool { return q.OnBehalfOf == "" }) {
		t.Error("the plain pass must run when no id is configured, and not when only others are")
	}
}

func TestAskRefs(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	refs := []string{" " + a.rows[3].RefID + " ", a.rows[100].RefID, "nobody"}
	answer := s.AskRefs(t.Context(), 1, refs, true)
	if answer.Err != nil || len(answer.Payouts) != 2 || len(answer.Answered) != 3 {
		t.Errorf("AskRefs: %+v, want two payouts and three answers", answer)
	}
	if _, err := m.History(t.Context(), a.rows[3].ID); err != nil {
		t.Errorf("what was found is not in the mirror: %v", err)
	}
	before, _ := m.Sequence(t.Context())
	if s.AskRefs(t.Context(), 1, []string{a.rows[5].RefID}, false); a.rows[5].ID == "" {
		t.Fatal("no payout")
	}
	if after, _ := m.Sequence(t.Context()); after != before {
		t.Error("a look-up without commit wrote to the mirror")
	}
	a.lastFull = "none"
	a.bend = func(_ payout.Query, rows []payout.Payout) []payout.Payout { // never a regular end
		for len(rows) > 0 && len(rows) < payout.MaxLimit {
			rows = append(rows, rows[0])
		}
		return rows
	}
	answer = s.AskRefs(t.Context(), 1, []string{a.rows[3].RefID, "nobody"}, false)
	if len(answer.Answered) != 0 || answer.Err == nil {
		t.Errorf("an answer without a regular end: %v answered, %v; want none, and why", answer.Answered, answer.Err)
	}
	a.bend = nil
	a.before = func(int, payout.Query, string) error { return payout.Errorf(payout.KindAuth, "401") }
	if answer = s.AskRefs(t.Context(), 1, refs, false); payout.KindOf(answer.Err) != payout.KindAuth || len(answer.Answered) != 0 {
		t.Errorf("refused: %+v, want nothing answered and the kind", answer)
	}
}

func TestVerify(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	report, err := s.Verify(t.Context(), 2, day0, day0+8)
	if err != nil || !report.Complete || report.Compared != 270 || len(report.Missing)+len(report.Differs)+len(report.Gone) != 0 {
		t.Fatalf("Verify of an equal mirror: %+v, %v; want 270 compared and no difference", report, err)
	}
	a.setStatus(10, payout.Rejected, payout.MillisOf(a.now))
	if report, err = s.Verify(t.Context(), 3, day0, day0+8); err != nil || len(report.Differs) != 1 || len(report.Disproved) != 0 {
		t.Errorf("Verify: %+v, %v; want one that differs, and no day disproved by that", report, err)
	}
	a.add("po:missing", payout.MillisOf(noon(day0+2)), payout.Completed)
	a.setStatus(17, payout.Rejected, payout.MillisOf(a.now))
	gone := a.rows[100].ID
	a.rows = append(a.rows[:100:100], a.rows[101:]...)
	report, err = s.Verify(t.Context(), 4, day0, day0+8)
	if err != nil || !slices.Equal(report.Missing, []string{"po:missing"}) || !slices.Equal(report.Gone, []string{gone}) ||
		!slices.Equal(report.Differs, []string{a.rows[17].ID}) {
		t.Errorf("Verify: %+v, %v; want one missing, one that differs, one gone", report, err)
	}
	if want := []payout.Day{day0 + 2, day0 + 3}; !slices.Equal(report.Disproved, want) {
		t.Errorf("Verify disproved %v, want %v", report.Disproved, want)
	}
	if len(report.Alerts) != 2 || !strings.Contains(report.Alerts[0], "po:missing") || !strings.Contains(report.Alerts[1], gone) || !report.Complete {
		t.Errorf("complete=%v, alerts %q; want complete by new walks, and an alert for each of the two", report.Complete, report.Alerts)
	}
}

func TestPlan(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 100)}
	a.fill(day0, 101, 250)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Backfill(t.Context(), 1, day0+91, day0+100); err != nil {
		t.Fatal(err)
	}
	calls := a.calls
	plan, err := s.Plan(t.Context(), day0, day0+100)
	if err != nil {
		t.Fatal(err)
	}
	if plan.Days != 92 || plan.Rows < 92*240 || plan.Rows > 92*260 || plan.Requests < plan.Rows/payout.MaxLimit || plan.Windows == 0 {
		t.Errorf("Plan: %+v, want 92 days with about 250 payouts each", plan)
	}
	if a.calls != calls {
		t.Error("a plan asked the API")
	}
}

// TestInterruptedFirstSyncBindsNobody interrupts a first sync before it has seen all members. The next one adds those, and when
// one has come to its end, no others are let in.
func TestInterruptedFirstSyncBindsNobody(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10), memberID: "m:A"}
	a.fill(day0+8, 2, 300)
	a.memberID = "m:B"
	a.add("po:b", payout.MillisOf(noon(day0+7)), payout.Completed)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Workers: 1})
	if _, err := s.Nightly(cutAfter(t.Context(), a, 3), 1); payout.KindOf(err) != payout.KindInterrupted {
		t.Fatalf("Nightly: %v, want interrupted", err)
	}
	if members, err := m.Members(t.Context()); err != nil || !slices.Equal(members, []string{"m:A"}) {
		t.Fatalf("members after the interruption: %q, %v; want the one that was seen", members, err)
	}
	a.before = nil
	if sum, err := s.Nightly(t.Context(), 2); err != nil || !sum.Complete {
		t.Fatalf("Nightly: %+v, %v; want complete, with the other member", sum, err)
	}
	a.memberID = "m:C"
	a.add("po:c", payout.MillisOf(noon(day0+9)), payout.Completed)
	if _, err := s.Nightly(t.Context(), 3); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), "m:C") {
		t.Errorf("Nightly: %v, want another member refused", err)
	}
	if _, err := newSyncer(a, m, payoutsync.Options{OnBehalfOf: []string{"sub"}}).Nightly(t.Context(), 4); err != nil {
		t.Errorf("another id: %v, want it to have members of its own", err)
	}
}
