package mirror

import (
	"testing"

	"payrecon/internal/payout"
)

// TestLateFinalsByHearing has payouts whose status changes without a change of their date, and asks which became final
// within the lookback.
func TestLateFinalsByHearing(t *testing.T) {
	m := openTest(t)
	const since = testDay + 90*dayMillis
	old := payout.Millis(100)
	heard := func(id string, status payout.Status, asked payout.Millis) {
		commitPage(t, m, "", asked, shownAs(id, status, old))
	}
	heard("po:long-ago", payout.Pending, since-9)
	heard("po:lately", payout.Pending, since-9)
	heard("po:always", payout.Completed, since-9)
	heard("po:open", payout.Pending, since-9)
	heard("po:long-ago", payout.Completed, since-8)
	run := beginRun(t, m)
	seq, err := m.Sequence(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.EndRun(t.Context(), payout.Run{ID: run, Ended: since - 5, Sequence: seq}); err != nil {
		t.Fatal(err)
	}
	heard("po:before", payout.Pending, since-4)
	heard("po:before", payout.Completed, since-3) // after the run that ended before, but not lately
	heard("po:lately", payout.Completed, since+1)
	heard("po:open", payout.Processing, since+1)
	heard("po:new", payout.Completed, since+1) // was final when it was first heard of
	for _, c := range []struct {
		walked payout.Period
		want   int
	}{
		{payout.Period{From: 0, To: -1}, 1},
		{payout.Period{From: testDay.Day() + 1, To: testDay.Day() + 9}, 1},
		{payout.Period{From: testDay.Day(), To: testDay.Day()}, 0},
	} {
		late, err := m.LateFinals(t.Context(), since, c.walked)
		if err != nil || len(late) != c.want || c.want == 1 && late[0].ID != "po:lately" {
			t.Errorf("with %s walked: %+v, %v; want %d, the one that was heard to be final lately", c.walked, late, err, c.want)
		}
	}
}

// TestVanishings: who vanished, and since when; a payout that shows again has not.
func TestVanishings(t *testing.T) {
	m := openTest(t)
	commitPage(t, m, "", 3, shownAs("po:1", payout.Pending, 200), shownAs("po:2", payout.Pending, 100), shownAs("po:3", payout.Pending, 300))
	held, err := m.HeldOpen(t.Context())
	if err != nil || len(held) != 3 {
		t.Fatalf("%+v, %v; want three", held, err)
	}
	run := beginRun(t, m)
	if _, err := m.MarkVanished(t.Context(), run, held, func([]payout.HeldPayout) []string { return nil }); err != nil {
		t.Fatal(err)
	}
	commitPage(t, m, "", 4, shownAs("po:3", payout.Pending, 300))
	list, err := m.Vanishings(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v; want two", list, err)
	}
	for i, want := range []string{held[0].ID, held[1].ID} {
		if v := list[i]; v.ID != want || v.Run != run || v.At == 0 || v.Created != held[i].Created {
			t.Errorf("vanished %d: %+v, want %s by run %d", i, v, want, run)
		}
		one, err := m.VanishingOf(t.Context(), want)
		if err != nil || one == nil || *one != list[i] {
			t.Errorf("VanishingOf(%s) = %+v, %v; want %+v", want, one, err, list[i])
		}
	}
	for _, id := range []string{"po:3", "po:unknown"} {
		if v, err := m.VanishingOf(t.Context(), id); err != nil || v != nil {
			t.Errorf("VanishingOf(%s) = %+v, %v; want none", id, v, err)
		}
	}
}

// TestLastNight keeps when the last night began that came to its end.
func TestLastNight(t *testing.T) {
	m := openTest(t)
	var last payout.Millis
	want := func(after string) {
		t.Helper()
		if got, err := m.LastNight(t.Context()); err != nil || got != last {
			t.Errorf("after %s LastNight() = %d, %v; want %d", after, got, err, last)
		}
	}
	end := func() {
		t.Helper()
		if err := m.EndNight(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	end()
	want("the end of none")
	for _, began := range []payout.Millis{1_700_000_000_000, 1_700_086_400_000} {
		if err := m.BeginNight(t.Context(), began); err != nil {
			t.Fatal(err)
		}
		want("a beginning")
		end()
		last = began
		want("an end")
		if open, _, err := m.OpenNight(t.Context()); err != nil || open != 0 {
			t.Errorf("OpenNight() = %d, %v; want none", open, err)
		}
	}
	end()
	want("another end")
}
