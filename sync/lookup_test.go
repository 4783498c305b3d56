package sync_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
	payoutsync "payrecon/sync"
)

// TestAskRefsOfAnAPIThatIgnoresThem has an API that shows everything when asked for references that it does not index.
func TestAskRefsOfAnAPIThatIgnoresThem(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 1, 30)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{Split: func(q payout.Query) (parts []payout.Query) { // one reference at a time
		for _, ref := range q.RefIDs {
			parts = append(parts, payout.Query{RefIDs: []string{ref}, OnBehalfOf: q.OnBehalfOf})
		}
		return parts
	}})
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if q.RefIDs[0] == "nobody" {
			return slices.Clone(a.rows)
		}
		return rows
	}
	known := a.rows[4].RefID
	answer := s.AskRefs(t.Context(), 1, []string{"nobody", known}, true)
	if answer.Answered["nobody"] || !answer.Answered[known] || len(answer.Payouts) != 1 {
		t.Errorf("answered %v with %d payouts, want %s alone", answer.Answered, len(answer.Payouts), known)
	}
	if answer.Err == nil || !strings.Contains(answer.Err.Error(), "ignored refIds") {
		t.Errorf("error %v, want that the API ignored refIds", answer.Err)
	}
}

func TestAskRefsOfALenientAPI(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 1, 30)
	s := newSyncer(a, openMirror(t), payoutsync.Options{})
	a.bend = func(payout.Query, []payout.Payout) []payout.Payout {
		row := a.rows[2]
		row.RefID = " " + strings.ToUpper(row.RefID)
		return []payout.Payout{row}
	}
	if answer := s.AskRefs(t.Context(), 1, []string{a.rows[2].RefID}, true); answer.Err != nil || len(answer.Answered) != 1 || len(answer.Payouts) != 1 {
		t.Errorf("AskRefs: %+v, want the payout and an answer", answer)
	}
}

// TestAskRefsDoesNotTalkOfWalks: a look-up has no days, and no command goes on with it.
func TestAskRefsDoesNotTalkOfWalks(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		kind payout.Kind
		stop bool
	}{
		{"refused", payout.Errorf(payout.KindAuth, "401"), payout.KindAuth, false},
		{"failed", payout.Errorf(payout.KindTransport, "503"), payout.KindTransport, false},
		{"interrupted", context.Canceled, payout.KindInterrupted, true},
	} {
		a := &fakeAPI{now: noon(day0)}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		a.before = func(int, payout.Query, string) error {
			if c.stop {
				cancel()
			}
			return c.err
		}
		answer := newSyncer(a, openMirror(t), payoutsync.Options{}).AskRefs(ctx, 1, []string{"R1"}, true)
		if payout.KindOf(answer.Err) != c.kind || strings.Contains(answer.Err.Error(), "walked") || strings.Contains(answer.Err.Error(), "goes on") {
			t.Errorf("%s: %v, want kind %d without a word of walks", c.name, answer.Err, c.kind)
		}
	}
}

// TestFoundByReferenceDisprovesADay looks at the coverage as soon as a look-up has brought a payout of a complete day.
func TestFoundByReferenceDisprovesADay(t *testing.T) {
	a := &fakeAPI{now: noon(day0 + 10)}
	a.fill(day0, 9, 30)
	m := openMirror(t)
	s := newSyncer(a, m, payoutsync.Options{})
	if _, err := s.Backfill(t.Context(), 1, day0, day0+8); err != nil {
		t.Fatal(err)
	}
	a.add("po:late", payout.MillisOf(noon(day0+3)), payout.Completed)
	p := payout.Period{From: day0, To: day0 + 8}
	s.AskRefs(t.Context(), 2, []string{"ref-po:late"}, false)
	wantGaps(t, m, p, nil)
	s.AskRefs(t.Context(), 2, []string{"ref-po:late"}, true)
	wantGaps(t, m, p, []payout.Day{day0 + 3})
	if alerts, err := m.RunAlerts(t.Context(), 2); err != nil || len(alerts) != 1 || !strings.Contains(alerts[0], "po:late") {
		t.Errorf("alerts %q, %v; want one that names the payout", alerts, err)
	}
}

// wantGaps compares the days that a mirror's coverage leaves open.
func wantGaps(t *testing.T, m *mirror.Mirror, p payout.Period, want []payout.Day) {
	t.Helper()
	c, err := m.Coverage(t.Context(), []string{""}, p)
	if got := c.Gaps(p, p.To); err != nil || !slices.Equal(got, want) {
		t.Errorf("gaps %v, %v; want %v", got, err, want)
	}
}

// TestIgnoredIDsAreNoAnswer has an API that shows other payouts when asked by id: nothing has vanished, and the night has failed,
// because nobody knows what has changed.
func TestIgnoredIDsAreNoAnswer(t *testing.T) {
	a, s, m, _ := lateWorld(t, payoutsync.Options{})
	a.rows = slices.Delete(a.rows, 123, 124) // the late one: the list of open ones does not show it
	a.bend = func(q payout.Query, rows []payout.Payout) []payout.Payout {
		if len(q.IDs) > 0 {
			return slices.Clone(a.rows[:20])
		}
		return rows
	}
	sum, err := s.Nightly(t.Context(), 3)
	if payout.KindOf(err) != payout.KindTransport || sum.Complete || len(sum.Gaps) == 0 || sum.Windows == 0 {
		t.Errorf("Nightly: %+v, %v; want a failure of the API, and the windows walked", sum, err)
	}
	if len(sum.Alerts) != 1 || !strings.Contains(sum.Alerts[0], "ignored ids") {
		t.Errorf("Nightly: alerts %q, want one, that the API ignored ids", sum.Alerts)
	}
	if vanished, err := m.Vanished(t.Context()); err != nil || len(vanished) != 0 {
		t.Errorf("Vanished() = %+v, %v; want none", vanished, err)
	}
}
