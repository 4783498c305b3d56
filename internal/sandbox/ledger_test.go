package sandbox

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// ledgerRow is a row of the CSV as another reader sees it.
type ledgerRow struct {
	line int
	ref, amount, currency, status,
	date string
}

func readLedger(t testing.TB, s *Sandbox) map[int]ledgerRow {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteLedger(&b); err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(&b)
	rows := make(map[int]ledgerRow)
	for {
		fields, err := r.Read()
		if err != nil {
			if err.Error() != "EOF" {
				t.Fatal(err)
			}
			return rows
		}
		if line, _ := r.FieldPos(0); line > 1 {
			rows[line] = ledgerRow{line, fields[0], fields[1], fields[2], fields[3], fields[4]}
		} else if got := strings.Join(fields, ","); got+"\n" != ledgerHeader {
			t.Fatalf("header %q", got)
		}
	}
}

func TestKeyTellsEveryRecordOnce(t *testing.T) {
	for _, o := range []Options{
		{},
		{Seed: 2, Payouts: 250},
		{Seed: 3, Payouts: 12_000},
		{Payouts: 400, Days: 14},
		{Payouts: 400, Days: 100},
		{Payouts: 300, Breaks: -1},
		{Payouts: -1},
		{Payouts: 1, Days: 1},
		{Payouts: 500, FutureDays: 3, OnBehalfOf: []string{"a", "b"}},
		{Payouts: 400, Currencies: []string{"EUR"}},
		{Payouts: 400, Now: func() time.Time { return time.Date(2026, 3, 29, 23, 59, 0, 0, time.UTC) }},
	} {
		s := newSandbox(t, o)
		rows, created := readLedger(t, s), map[string]payout.Day{}
		for _, p := range s.Truth() {
			created[p.ID] = p.Created.Day()
		}
		ids, lines := map[string]bool{}, map[int]bool{}
		for _, e := range s.Key() {
			inPeriod := false
			for _, id := range e.Payouts {
				if ids[id] {
					t.Fatalf("%s is told twice", id)
				}
				ids[id] = true
				inPeriod = inPeriod || s.Period().Contains(created[id])
			}
			for _, line := range e.Lines {
				if _, there := rows[line]; !there || lines[line] {
					t.Fatalf("line %d of %q is not there, or told twice", line, e.Story)
				}
				lines[line] = true
				d, err := payout.ParseDay(rows[line].date)
				inPeriod = inPeriod || err != nil || s.Period().Contains(d)
			}
			if e.InPeriod != inPeriod {
				t.Errorf("%+v: InPeriod should be %v", e, inPeriod)
			}
			if e.Outcome == payout.NoOutcome || len(e.Payouts)+len(e.Lines) == 0 || (e.Cell != payout.NoCell) != (e.Outcome == payout.StatusMismatch) {
				t.Fatalf("%+v", e)
			}
		}
		if truth := len(s.Truth()); len(ids) != truth || len(lines) != len(rows) {
			t.Errorf("%+v: the key tells %d of %d payouts and %d of %d rows", o, len(ids), truth, len(lines), len(rows))
		}
	}
}

func TestEveryOutcomeAndStatusDifferenceIsPlanted(t *testing.T) {
	for _, o := range []Options{{}, {Seed: 99, Payouts: 200}, {Payouts: 5000, Days: 20}, {Payouts: 300, Now: func() time.Time { return time.Date(2026, 8, 3, 0, 0, 1, 0, time.UTC) }}} {
		s := newSandbox(t, o)
		outcomes, cells := map[payout.Outcome]int{}, map[payout.Cell]int{}
		for _, e := range s.Key() {
			if e.InPeriod {
				outcomes[e.Outcome]++
				cells[e.Cell]++
			}
		}
		for _, info := range payout.Outcomes {
			if outcomes[info.Outcome] < max(s.o.Breaks, 1) && info.Outcome != payout.NotFetched {
				t.Errorf("%+v: %d of %s", o, outcomes[info.Outcome], info.Code)
			}
		}
		for _, info := range payout.Cells {
			if cells[info.Cell] < s.o.Breaks {
				t.Errorf("%+v: %d of %s", o, cells[info.Cell], info.Code)
			}
		}
	}
}

// TestOrdinaryRecordsAgree looks at the rows without a story as a reader would: reference, amount and currency are the
// payout's, and the outcome follows from the table of statuses and the age.
func TestOrdinaryRecordsAgree(t *testing.T) {
	seen := ordinaryOutcomes(t, newSandbox(t, Options{Payouts: 4000}))
	for _, o := range []payout.Outcome{payout.Matched, payout.InFlight, payout.Timing, payout.FailedAttempt, payout.NotInExtract} {
		if seen[o] == 0 {
			t.Errorf("no ordinary record ends as %s", o)
		}
	}
	dense := ordinaryOutcomes(t, newSandbox(t, Options{Payouts: 8000, Days: 8, Breaks: -1})) // many about 72 hours old
	if dense[payout.Stuck] == 0 || len(seen) > 6 || len(dense) > 6 {
		t.Errorf("ordinary records end as %v and %v: want some stuck, and no break beside", seen, dense)
	}
}

// ordinaryOutcomes checks every record without a story and counts the outcomes.
func ordinaryOutcomes(t *testing.T, s *Sandbox) map[payout.Outcome]int {
	t.Helper()
	now := payout.MillisOf(DemoNow)
	rows := readLedger(t, s)
	truth := map[string]payout.Payout{}
	for _, p := range s.Truth() {
		truth[p.ID] = p
	}
	seen := map[payout.Outcome]int{}
	for _, e := range s.Key() {
		if e.Story != "" {
			continue
		}
		seen[e.Outcome]++
		p := truth[e.Payouts[0]]
		if len(e.Lines) == 0 {
			if want := unbookedOutcome(s, p, now); e.Outcome != want {
				t.Errorf("%s %s of %s without entry: %s, want %s", p.ID, p.Status, p.Created, e.Outcome, want)
			}
			continue
		}
		row := rows[e.Lines[0]]
		amount, err := money.Parse(row.amount, row.currency)
		if err != nil || amount != p.Amount || strings.TrimSpace(row.ref) != p.RefID {
			t.Fatalf("row %+v for %s %s %s", row, p.ID, p.RefID, p.Amount)
		}
		d, err := payout.ParseDay(row.date)
		if err != nil || d < p.Created.Day() || d > p.Created.Day()+1 || d > payout.DayOf(DemoNow) || d <= s.firstDay() {
			t.Errorf("row %+v for a payout of %s", row, p.Created)
		}
		if want := pairOutcome(row, p, now); e.Outcome != want {
			t.Errorf("row %+v for %s of %s, changed %s: %s, want %s", row, p.Status, p.Created, p.Updated, e.Outcome, want)
		}
	}
	return seen
}

func pairOutcome(row ledgerRow, p payout.Payout, now payout.Millis) payout.Outcome {
	class := payout.EntryNone
	if row.status != "" {
		class = payout.StatusWords[strings.ToLower(row.status)]
	}
	v := payout.StatusTable[class][p.Status.Class()]
	switch {
	case v.AgesStuck && now-p.Created > 72*3600_000:
		return payout.Stuck
	case v.Grace && now-p.Updated < 24*3600_000:
		return payout.Timing
	}
	return v.Outcome
}

func unbookedOutcome(s *Sandbox, p payout.Payout, now payout.Millis) payout.Outcome {
	switch {
	case !p.Status.Live():
		return payout.FailedAttempt
	case now-max(p.Created, p.Updated) < 24*3600_000:
		return payout.Timing
	case p.Created.Day() <= s.firstDay():
		return payout.NotInExtract
	}
	return payout.MissingInLedger
}

func TestPlantedRecordsLieInThePast(t *testing.T) {
	for _, hour := range []int{0, 2, 13, 23} {
		for weekday := range 7 {
			now := time.Date(2026, 3, 23+weekday, hour, 7*hour%60, 0, 0, time.UTC)
			s := newSandbox(t, Options{Payouts: 200, Now: func() time.Time { return now }})
			truth := map[string]payout.Payout{}
			for _, p := range s.Truth() {
				truth[p.ID] = p
			}
			for _, e := range s.Key() {
				for _, id := range e.Payouts {
					if _, there := truth[id]; !there {
						t.Fatalf("%s: %q: payout %s is not there", now, e.Story, id)
					}
				}
				if e.Story != "" && !e.InPeriod {
					t.Errorf("%s: %q does not lie in the period", now, e.Story)
				}
			}
		}
	}
}

func TestLedgerIsTheSameEveryTime(t *testing.T) {
	var a, b bytes.Buffer
	if err := newSandbox(t, Options{Payouts: 3000}).WriteLedger(&a); err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t, Options{Payouts: 3000})
	s.Advance(100 * time.Hour) // the ledger is of the start
	if err := s.WriteLedger(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two ledgers of one seed differ")
	}
	if !bytes.Contains(a.Bytes(), []byte("\nsecond line")) || !bytes.Contains(a.Bytes(), []byte(`""Best""`)) {
		t.Error("no row with a line break or with quotes in it")
	}
}

func TestBusinessAge(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     time.Duration
	}{
		{"2026-03-28T10:00:00Z", "2026-03-31T00:00:00Z", 24 * time.Hour}, // Saturday to Tuesday
		{"2026-03-27T10:00:00Z", "2026-03-30T10:00:00Z", 24 * time.Hour}, // Friday to Monday
		{"2026-03-31T01:00:00Z", "2026-03-31T02:30:00Z", 90 * time.Minute},
		{"2026-03-31T02:30:00Z", "2026-03-31T02:30:00Z", 0},
	} {
		from, _ := time.Parse(time.RFC3339, c.from)
		to, _ := time.Parse(time.RFC3339, c.to)
		if got := businessAge(millis(from), millis(to)); got != c.want.Milliseconds() {
			t.Errorf("businessAge(%s, %s) = %d ms, want %s", c.from, c.to, got, c.want)
		}
	}
}

func TestChangesByTestsLeaveTheLedgerAlone(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 600})
	before := fmt.Sprint(readLedger(t, s))
	for i, p := range s.Truth() {
		if i%10 == 0 {
			if err := s.SetStatus(p.ID, payout.Failed, "for the test"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := fmt.Sprint(readLedger(t, s)); after != before {
		t.Error("the ledger changed with the payouts")
	}
}

func TestOfflineNothingIsMissingThatWasNotFetched(t *testing.T) {
	s := newSandbox(t, Options{Payouts: 3000})
	rows := readLedger(t, s)
	hole := s.Period().To - 20
	online, offline := s.Key(), s.KeyOffline(func(d payout.Day) bool { return d != hole })
	missing, unknown := 0, 0
	for i, e := range offline {
		if online[i].Outcome != payout.MissingAtProvider {
			if e.Outcome != online[i].Outcome {
				t.Errorf("%q: %s offline, %s online", e.Story, e.Outcome, online[i].Outcome)
			}
			continue
		}
		d, err := payout.ParseDay(rows[e.Lines[0]].date)
		if err != nil {
			t.Fatal(err)
		}
		want := payout.MissingAtProvider
		if d-hole <= 10 && hole-d <= 10 {
			want = payout.NotFetched
			unknown++
		} else {
			missing++
		}
		if e.Outcome != want {
			t.Errorf("%q of %s with a hole at %s: %s, want %s", e.Story, d, hole, e.Outcome, want)
		}
	}
	if missing == 0 || unknown == 0 {
		t.Errorf("%d missing, %d not fetched: want some of each", missing, unknown)
	}
}
