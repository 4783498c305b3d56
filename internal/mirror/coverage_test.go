package mirror

import (
	"slices"
	"testing"

	"payrecon/internal/payout"
)

// TestWhatIsUntoldOfADay goes through what can speak against a day: whether the day is to be proven again, what is left when it
// was told of, and what a new payout makes of it.
func TestWhatIsUntoldOfADay(t *testing.T) {
	day := testDay.Day()
	for _, c := range []struct {
		name            string
		state           payout.DayState
		contest         payout.Contest
		contested       bool
		told, newPayout payout.Contest
	}{
		{"nothing", payout.DayComplete, payout.Uncontested, false, payout.Uncontested, payout.Disproved},
		{"untold", payout.DayComplete, payout.Untold, false, payout.Uncontested, payout.Disproved},
		{"doubted", payout.DayPartial, payout.Doubted, true, payout.Doubted, payout.Disproved},
		{"doubted while untold", payout.DayPartial, payout.UntoldDoubted, true, payout.Doubted, payout.Disproved},
		{"cut short", payout.DayPartial, payout.CutShort, false, payout.CutShort, payout.CutShort},
		{"disproved", payout.DayPartial, payout.Disproved, true, payout.Disproved, payout.Disproved},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openTest(t)
			commitDay(t, m, day, c.state, c.contest)
			days, err := m.ContestedDays(t.Context(), "")
			if err != nil || slices.Contains(days, day) != c.contested {
				t.Errorf("ContestedDays: %v, %v; want the day among them: %v", days, err, c.contested)
			}
			days, err = m.UntoldDays(t.Context(), "")
			if err != nil || slices.Contains(days, day) != (c.contest == payout.Untold) {
				t.Errorf("UntoldDays: %v, %v; want the day only when it is complete and untold", days, err)
			}
			if err := m.TellOfDays(t.Context(), 1, nil, map[string][]payout.Day{"": {day}}); err != nil {
				t.Fatal(err)
			}
			if got := contestOf(t, m, day); got != c.told {
				t.Errorf("told of, the day is %d, want %d", got, c.told)
			}
			commitDay(t, m, day, c.state, c.contest)
			commitPage(t, m, "", testDay+2000, shownAs("po:new", payout.Completed, testDay))
			if got := contestOf(t, m, day); got != c.newPayout {
				t.Errorf("after a new payout the day is %d, want %d", got, c.newPayout)
			}
		})
	}
}

// commitDay has a walk make that of a day.
func commitDay(t *testing.T, m *Mirror, d payout.Day, state payout.DayState, contest payout.Contest) {
	t.Helper()
	w := &payout.Walk{Run: 1, Task: "range", Days: payout.Period{From: d, To: d}, Began: testDay}
	_, err := m.CommitPage(t.Context(), &payout.PageCommit{
		Run: 1, Asked: testDay, Walk: w, End: payout.PageRegular,
		Judge: func(int64, payout.DayRecord) payout.DayVerdict {
			return payout.DayVerdict{Tally: payout.DayTally{Day: d}, State: state, Counts: true, Contest: contest}
		},
		Shown: func(payout.IDHash) bool { return false },
	})
	if err != nil {
		t.Fatal(err)
	}
}

func contestOf(t *testing.T, m *Mirror, d payout.Day) payout.Contest {
	t.Helper()
	records, err := m.DayRecords(t.Context(), "", payout.Period{From: d, To: d})
	if err != nil {
		t.Fatal(err)
	}
	return records[0].Contest
}
