package mirror

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// benchRows is the size of the mirror that benchmarks read; PAYRECON_BENCH_ROWS makes it larger.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("PAYRECON_BENCH_ROWS")); err == nil {
		return n
	}
	return 50_000
}

// openBench returns a mirror of benchRows payouts of 35 days from 2026-01-01, evenly spread. Its pages were committed as those of
// the API are, but for waiting for the disk.
func openBench(b *testing.B) *Mirror {
	b.Helper()
	m, err := Open(b.Context(), filepath.Join(b.TempDir(), "bench.db"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { m.Close() })
	if _, err := m.w.Exec("PRAGMA synchronous = OFF"); err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		s := make([]byte, n)
		for i := range s {
			s[i] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[r.IntN(58)]
		}
		return string(s)
	}
	raw := []byte(`{"filler":"` + word(600) + `"}`)
	total := benchRows()
	for first := 0; first < total; first += payout.MaxLimit {
		rows := make([]payout.Payout, min(payout.MaxLimit, total-first))
		for i := range rows {
			n := first + i
			p := payout.Payout{
				ID: "po:" + word(27) + ":" + word(11), MemberID: "m:1", Created: at(1, 0) + payout.Millis(n*35)*day/payout.Millis(total),
				Status: [...]payout.Status{payout.Completed, payout.Pending, payout.Processing, payout.Rejected, payout.Failed}[max(0, r.IntN(100)-95)], RefID: fmt.Sprintf("PAY-%08d", n),
				Amount:   money.New(r.Int64N(1_000_000)*100, []string{"EUR", "GBP"}[r.IntN(2)]),
				Creditor: payout.Creditor{IBAN: fmt.Sprintf("DE%020d", r.Int64N(1e18)), Name: "Example GmbH"}, Raw: raw,
			}
			p.Updated = p.Created + 90_000
			p.Hash = md5.Sum([]byte(p.ID))
			rows[i] = p
		}
		if _, err := m.CommitPage(b.Context(), &payout.PageCommit{Run: 1, Payouts: rows, Asked: 1}); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

var benchPeriod = payout.Period{From: at(1, 0).Day(), To: at(35, 0).Day()}

// BenchmarkRead measures what one reconciliation and one report read.
func BenchmarkRead(b *testing.B) {
	m := openBench(b)
	measure := func(name string, read func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(benchRows())*float64(b.N)/b.Elapsed().Seconds(), "payouts/s")
		})
	}
	sums := func() error {
		_, err := m.Sums(b.Context(), 0, benchPeriod)
		return err
	}
	measure("Blocks", func() error {
		return m.Blocks(b.Context(), 0, func(int, []payout.Row) error { return nil })
	})
	measure("Sums, days not summed", sums)
	b.Run("SumDays", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.w.Exec("DELETE FROM payout_days; DELETE FROM meta WHERE name = '" + metaSummedThrough + "'"); err != nil {
				b.Fatal(err)
			}
			if err := m.SumDays(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	measure("Sums", sums)
	measure("Facts", func() error {
		_, err := m.Facts(b.Context(), FactsQuery{Period: benchPeriod})
		return err
	})
}
