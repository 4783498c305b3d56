package reconcile

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payrecon/internal/payout"
)

// benchLedger writes rows of about 70 bytes, as an accounting system would: plain, or with every field quoted.
func benchLedger(b *testing.B, rows int, quoted bool) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "ledger.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"paid", "paid", "paid", "pending", "failed", "Booked"}
	fmt.Fprintln(w, "ref_id,amount,currency,status,date,text,document")
	for i := range rows {
		row := fmt.Sprintf("PAY-%012d,%d.%02d,EUR,%s,2026-01-%02d,supplier %d,INV-%06d",
			i*7919%rows, rng.IntN(9000)+1, rng.IntN(100), words[rng.IntN(len(words))], rng.IntN(28)+1, rng.IntN(1000), rng.IntN(1_000_000))
		if quoted {
			row = `"` + strings.ReplaceAll(row, ",", `","`) + `"`
		}
		fmt.Fprintln(w, row)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

// BenchmarkReadLedger is the whole intake; encoding_csv is what splitting the same file costs the standard library.
func BenchmarkReadLedger(b *testing.B) {
	const rows = 1_000_000
	period := payout.Period{From: 20454, To: 20480}
	for _, quoted := range []bool{false, true} {
		name := map[bool]string{false: "plain", true: "quoted"}[quoted]
		b.Run(name, func(b *testing.B) {
			path := benchLedger(b, rows, quoted)
			b.Run("intake", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					in, err := ReadLedger(b.Context(), []string{path}, LedgerOptions{}, period, func(int, []payout.Entry) error { return nil })
					if err != nil || in.Entries != rows {
						b.Fatal(in.Entries, err)
					}
				}
				b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
			b.Run("split", func(b *testing.B) {
				data, err := os.ReadFile(path)
				if err != nil {
					b.Fatal(err)
				}
				text := string(data)
				for b.Loop() {
					s := newCSVSplitter(',', '\n', 7)
					s.reset(text, quoted)
					n := 0
					for s.next() {
						n += s.count
					}
					if n != 7*(rows+1) {
						b.Fatal(n)
					}
				}
				b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
			b.Run("encoding_csv", func(b *testing.B) {
				for b.Loop() {
					f, err := os.Open(path)
					if err != nil {
						b.Fatal(err)
					}
					r := csv.NewReader(bufio.NewReaderSize(f, 1<<20))
					r.ReuseRecord = true
					for err == nil {
						_, err = r.Read()
					}
					f.Close()
					if !errors.Is(err, io.EOF) {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
			})
		})
	}
}
