package report

import (
	"slices"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// TestBreaksOrder: amounts of different currencies are never ranked against each other, and cleared items come last.
func TestBreaksOrder(t *testing.T) {
	item := func(id int64, s payout.Severity, units int64, currency string) payout.Item {
		return payout.Item{ID: id, Finding: payout.Finding{Severity: s, Exposure: money.New(units, currency)}}
	}
	cleared := item(7, payout.Critical, 1, "EUR")
	cleared.State = payout.ItemCleared
	items := []payout.Item{
		cleared, item(1, payout.High, 23_353_000, "JPY"), item(2, payout.High, 3_942_900, "USD"), item(3, payout.Low, 9, "EUR"),
		item(4, payout.High, 4_000_000, "USD"), item(5, payout.Critical, 1, "USD"), item(6, payout.High, 4_000_000, "USD"),
	}
	slices.SortFunc(items, MostUrgentFirst)
	var got []int64
	for _, it := range items {
		got = append(got, it.ID)
	}
	if want := []int64{5, 1, 4, 6, 2, 3, 7}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// TestAge: what has no date has no age until it has been known for a day, and nothing on the sheet says that it is of today.
func TestAge(t *testing.T) {
	undated := &payout.Finding{Rejected: []payout.RejectedRow{{Line: 3}}, Entries: []payout.Entry{{Day: payout.NoDay}}}
	today := &payout.Finding{Entries: []payout.Entry{{Day: 20_000}}}
	if a, b := age(undated), age(today); a.Kind != Blank || b.Kind != Integer || b.Number != 0 {
		t.Errorf("undated %+v, of today %+v", a, b)
	}
	undated.AgeDays = 3
	if a := age(undated); a.Kind != Integer || a.Number != 3 {
		t.Errorf("undated, known for 3 days: %+v", a)
	}
}
