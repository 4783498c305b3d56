package reconcile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// bulk makes n payouts and a ledger of n rows in another order: 1% missing either way, 0.5% wrong amounts, 0.2% twice.
func bulk(n int) ([]payout.Row, []payout.Entry) {
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([]payout.Row, n)
	entries := make([]payout.Entry, 0, n+n/500)
	start := payout.Millis(20454) * millisDay // 2026-01-01
	for i := range rows {
		rows[i] = payout.Row{
			ID: fmt.Sprintf("po:%027d:%011d", i, i), RefID: fmt.Sprintf("PAY-%010d", i), Account: "DE89370400440532013000",
			Units: 10_000 + random.Int64N(10_000_000), Currency: "EUR", Status: payout.Completed,
			Created: start + payout.Millis(random.Int64N(31*millisDay)),
		}
		rows[i].Changed = rows[i].Created
		e := payout.Entry{
			Line: i + 2, Ref: rows[i].RefID, Amount: money.New(rows[i].Units, "EUR"), Class: payout.EntryPaid, Status: "paid",
			Day: rows[i].Created.Day(),
		}
		switch k := random.IntN(1000); {
		case k < 10:
			e.Ref = fmt.Sprintf("MISSING-%d", i)
		case k < 15:
			e.Amount = money.New(rows[i].Units+100, "EUR")
		case k < 17:
			entries = append(entries, e)
		}
		entries = append(entries, e)
	}
	random.Shuffle(len(entries), func(i, k int) { entries[i], entries[k] = entries[k], entries[i] })
	return rows, entries
}

// blocks is a Source whose details cost nothing.
type blocks struct{ memory }

func (b *blocks) DetailsOf(_ context.Context, rows []payout.Row) ([]payout.Detail, error) {
	return make([]payout.Detail, len(rows)), nil
}

func (b *blocks) Blocks(_ context.Context, _ int64, fn func(int, []payout.Row) error) error {
	errs := make(chan error, 2)
	for worker := range 2 {
		go func() {
			for from := worker * 4096; from < len(b.rows); from += 2 * 4096 {
				if err := fn(worker, b.rows[from:min(from+4096, len(b.rows))]); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	if err := <-errs; err != nil {
		return err
	}
	return <-errs
}

// BenchmarkPairing is everything but reading: both sides are in memory.
func BenchmarkPairing(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rows, entries := bulk(n)
			source := &blocks{memory{rows: rows}}
			period := payout.Period{From: 20454, To: 20454 + 30}
			sums, _ := source.Sums(b.Context(), 0, period)
			intake := intakeOf(entries, nil, period)
			in := Input{Options: Options{Period: period, AsOf: time.Unix(20500*86400, 0)}, SpillDir: b.TempDir()}
			for d := payout.Day(20400); d < 20500; d++ {
				in.Coverage.Days = append(in.Coverage.Days, payout.DayEvidence{Day: d, State: payout.DayComplete})
			}
			in.Coverage.OnBehalfOf = []string{""}
			in.Source = &summed{source, sums}
			runtime.GC()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				r, err := reconcile(b.Context(), in, nil, func(_ context.Context, emit func(int, []payout.Entry) error) (payout.Intake, error) {
					for from := 0; from < len(entries); from += 4096 {
						if err := emit(from/4096%2, entries[from:min(from+4096, len(entries))]); err != nil {
							return payout.Intake{}, err
						}
					}
					return intake, nil
				})
				if err != nil {
					b.Fatal(err)
				}
				if r.Breaks.Total == 0 {
					b.Fatal("no breaks")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)+len(entries)), "ns/record")
		})
	}
}

// summed answers Sums from what was computed before.
type summed struct {
	Source
	sums []payout.Sum
}

func (s *summed) Sums(context.Context, int64, payout.Period) ([]payout.Sum, error) {
	return s.sums, nil
}
