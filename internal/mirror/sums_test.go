package mirror

import (
	"errors"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// A sum that cannot be held says so, whichever step meets it: bringing the daily sums up to date in one go or bit by bit,
// adding up one day, or several.
func TestSumsTooLarge(t *testing.T) {
	const huge = 9_000_000_000_000_000_000 // 900 trillion
	for _, tt := range []struct {
		name    string
		days    int64 // between the two payouts
		sumDays int   // how often: before the second payout is there, and after
	}{
		{"one day, not summed", 0, 0},
		{"one day, summed at once", 0, 1},
		{"one day, summed one by one", 0, 2},
		{"two days", 1, 0},
		{"two days, summed", 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := openTest(t)
			var err error
			for i, id := range []string{"po:1", "po:2"} {
				created := payout.Millis(int64(i) * tt.days * 86_400_000)
				commit(t, m, "", payout.Millis(1000+i), payout.Payout{
					ID: id, RefID: id, Amount: money.New(huge, "EUR"), Status: payout.Completed, Created: created, Updated: created,
					Raw: []byte(`{"id":"` + id + `"}`), Hash: [16]byte{byte(i)},
				})
				if err == nil && (tt.sumDays == 2 || tt.sumDays == 1 && i == 1) {
					err = m.SumDays(t.Context())
				}
			}
			if err == nil {
				_, err = m.Sums(t.Context(), 0, payout.Period{From: 0, To: 9})
			}
			if want := "exceeds what can be held: the largest is po:1, "; !errors.Is(err, money.ErrOverflow) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q in it", err, want)
			}
			facts, err := m.Facts(t.Context(), FactsQuery{Period: payout.Period{From: 0, To: 9}, CountsOnly: true})
			count := int64(0)
			for _, c := range facts.Breakdown {
				count += c.Count
			}
			if err != nil || count != 2 {
				t.Errorf("%d payouts counted, %v; want both", count, err)
			}
		})
	}
}
