package mirror

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// benchPage makes a page of 200 payouts with about 780 bytes of JSON each, in created order, with random ids.
func benchPage(page int) []payout.Payout {
	rows := make([]payout.Payout, payout.MaxLimit)
	for i := range rows {
		n := page*payout.MaxLimit + i
		sum := sha256.Sum256(fmt.Appendf(nil, "%d", n))
		id := "po:" + hex.EncodeToString(sum[:])[:27] + ":2gFUX1NDdqr"
		p := &rows[i]
		*p = payout.Payout{
			ID: id, MemberID: "m:2gFUX1NDdqr", Created: payout.Millis(1_700_000_000_000 + n*1000), Updated: payout.Millis(1_700_000_000_000 + n*1000 + 500),
			Status: payout.Completed, RefID: fmt.Sprintf("REF-%012d", n), Amount: money.New(int64(n)*100, "EUR"),
			Description: "invoice 12345678", DebtorAccount: "a:settlement-account-1", BankTransactionID: fmt.Sprintf("TX%010d", n),
			Creditor: payout.Creditor{Name: "Example Payee GmbH", IBAN: fmt.Sprintf("DE89370400440532%06d", n%1000000)},
			Raw:      fmt.Appendf(nil, `{"id":%q,"refId":"REF-%012d","x":%q}`, id, n, strings.Repeat("0123456789", 68)),
		}
		p.Hash = md5.Sum(p.Raw)
	}
	return rows
}

// BenchmarkCommitPage writes pages of new payouts, each with its version and its walk, durably.
func BenchmarkCommitPage(b *testing.B) {
	m := openTest(b)
	w := &payout.Walk{Task: "backfill", Days: payout.Period{From: 19000, To: 19000}}
	pages := make([][]payout.Payout, b.N)
	for i := range pages {
		pages[i] = benchPage(i)
	}
	b.ResetTimer()
	before := processorTime()
	for i := range pages {
		c := &payout.PageCommit{Run: 1, Payouts: pages[i], Asked: 1, Walk: w, Next: "next"}
		for j := range pages[i] {
			c.Seen = append(c.Seen, payout.Seen{Hash: payout.HashID(pages[i][j].ID), Day: pages[i][j].Created.Day()})
		}
		if _, err := m.CommitPage(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	rows := float64(b.N * payout.MaxLimit)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(processorTime()-before)/rows, "cpu-ns/row")
}

// BenchmarkFloor writes the same payouts with nothing but an 11-column table and its raw JSON, UNIQUE(created, id), 20 rows a
// statement and a page a transaction: what CommitPage is measured against, whatever the machine is doing besides.
func BenchmarkFloor(b *testing.B) {
	m := openTest(b)
	if _, err := m.w.Exec(`CREATE TABLE floor (created INTEGER, id TEXT, updated INTEGER, status TEXT, ref TEXT, units INTEGER, currency TEXT,
		description TEXT, debtor TEXT, payee TEXT, raw TEXT, UNIQUE (created, id)) STRICT`); err != nil {
		b.Fatal(err)
	}
	stmt, err := m.w.Preparex("INSERT INTO floor VALUES (" + placeholders(11) + ")" + strings.Repeat(", ("+placeholders(11)+")", 19))
	if err != nil {
		b.Fatal(err)
	}
	pages := make([][]payout.Payout, b.N)
	for i := range pages {
		pages[i] = benchPage(i)
	}
	b.ResetTimer()
	before := processorTime()
	for _, page := range pages {
		err := m.write(context.Background(), func(tx *sqlx.Tx) error {
			s := tx.Stmtx(stmt)
			args := make([]any, 0, 220)
			for i := range page {
				p := &page[i]
				args = append(args, int64(p.Created), p.ID, int64(p.Updated), string(p.Status), p.RefID, p.Amount.Units(), p.Amount.Currency(),
					p.Description, p.DebtorAccount, p.Creditor.Name, string(p.Raw))
				if len(args) == 220 {
					if _, err := s.Exec(args...); err != nil {
						return err
					}
					args = args[:0]
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	rows := float64(b.N * payout.MaxLimit)
	b.ReportMetric(rows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(processorTime()-before)/rows, "cpu-ns/row")
}

// processorTime is what this process has used of both cores: it says more than the clock where others work too.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
