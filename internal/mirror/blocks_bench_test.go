package mirror

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// benchRows is the size of the mirror that benchmarks read; PAYRECON_BENCH_ROWS makes it larger.
func benchRows() int {
	if n, err := strconv.Atoi(os.Getenv("PAYRECON_BENCH_ROWS")); err == nil {
		return n
	}
	return 100_000
}

// openBench opens a mirror of benchRows payouts of 35 days, one every few seconds. Only the current view is filled.
func openBench(b *testing.B) *Mirror {
	b.Helper()
	rows := benchRows()
	path := filepath.Join(os.TempDir(), fmt.Sprintf("payrecon-bench-%d.db", rows))
	_, err := os.Stat(path)
	m, openErr := Open(b.Context(), path, Options{})
	if openErr != nil {
		b.Fatal(openErr)
	}
	b.Cleanup(func() { m.Close() })
	if err == nil {
		return m
	}
	r := rand.New(rand.NewPCG(1, 2))
	letters := "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	word := func(n int) string {
		s := make([]byte, n)
		for i := range s {
			s[i] = letters[r.IntN(len(letters))]
		}
		return string(s)
	}
	step := int64(35*86_400_000) / int64(rows)
	err = m.write(b.Context(), func(tx *sqlx.Tx) error {
		for n, w := range []string{"", "EUR", "GBP", string(payout.Completed), string(payout.Rejected), string(payout.Processing)} {
			if _, err := tx.Exec(`INSERT INTO words (n, word) VALUES (?, ?)`, n+1, w); err != nil {
				return err
			}
		}
		insert, err := tx.Prepare(`INSERT INTO payouts (n, id, ref_id, account, units, currency, status, created, changed, on_behalf_of, final, seq, last)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?)`)
		if err != nil {
			return err
		}
		for i := range int64(rows) {
			status := 4 + max(0, r.Int64N(40)-37)
			created := 1_790_000_000_000 + i*step
			_, err := insert.Exec(i+1, "po:"+word(27)+":"+word(11), fmt.Sprintf("PAY-%08d", i), fmt.Sprintf("DE%020d", r.Int64N(1e18)),
				r.Int64N(10_000_000), 2+r.Int64N(2), status, created, created+90_000, min(1, 6-status), i+1, i+1)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

func BenchmarkBlocks(b *testing.B) {
	m := openBench(b)
	b.ReportAllocs()
	for b.Loop() {
		var count [blockWorkers]int
		err := m.Blocks(b.Context(), 1<<60, func(worker int, rows []payout.Row) error {
			count[worker] += len(rows)
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		if got := count[0] + count[1]; got != benchRows() {
			b.Fatalf("read %d rows, want %d", got, benchRows())
		}
	}
	b.ReportMetric(float64(benchRows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
