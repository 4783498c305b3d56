package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	payoutsync "payrecon/sync"
)

// A line of words takes the place of the bar that stands on its line, and the bar goes on below it.
func TestLinesAndBarShareTheScreen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "screen")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &screen{f: f}
	for _, text := range []string{"first\n", "\rsync  10% |#    |", "\rsync  20% |##   |", "warning\n", "\rsync  30% |###  |", "\r      \r", "done\n", "last\n"} {
		if _, err := s.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	want := "first\n\rsync  10% |#    |\rsync  20% |##   |\r\x1b[Kwarning\n\rsync  30% |###  |\r      \r\r\x1b[Kdone\nlast\n"
	if err != nil || string(got) != want {
		t.Errorf("got  %q, %v\nwant %q", got, err, want)
	}
}

func TestProgressInWords(t *testing.T) {
	for _, tc := range []struct {
		done, total int
		more        []string
		elapsed     time.Duration
		want        string
	}{
		{0, 0, []string{"asking for open payouts", "0 payouts"}, 0, "asking for open payouts, 0 payouts"},
		{0, 46, []string{"0 payouts"}, time.Minute, "0 of 46 days, 0 payouts"},
		{6, 46, []string{"413 payouts"}, time.Second, "6 of 46 days, 413 payouts"},
		{12, 46, []string{"982 payouts", "491/s"}, 6 * time.Second, "12 of 46 days, 982 payouts, 491/s, 17s left"},
		{46, 46, []string{"1 payout"}, time.Hour, "46 of 46 days, 1 payout"},
	} {
		if got := strings.Join(pieces(tc.done, tc.total, "days", tc.more, tc.elapsed), ", "); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
	if got := strings.Join(fitting([]string{"12 of 46 dâys", "982 payouts", "491/s", "17s left"}, 26), ", "); got != "12 of 46 dâys, 982 payouts" {
		t.Errorf("on a narrow terminal: %q", got)
	}
}

// TestSyncPieces: what a sync shows of itself beside its days.
func TestSyncPieces(t *testing.T) {
	for _, c := range []struct {
		now  payoutsync.Progress
		want string
	}{
		{payoutsync.Progress{}, "0 payouts"},
		{payoutsync.Progress{Phase: "sweep", Rows: 1}, "asking for open payouts, 1 payout"},
		{payoutsync.Progress{Phase: "windows", Rows: 1000, Windows: 7, Retries: 2, Elapsed: 10 * time.Second}, "1000 payouts, 7 windows, 100/s, 2 requests sent again"},
	} {
		if got := strings.Join(syncPieces(c.now), ", "); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.now, got, c.want)
		}
	}
}
