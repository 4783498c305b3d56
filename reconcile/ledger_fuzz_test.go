package reconcile

import (
	"os"
	"path/filepath"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzReadLedger: whatever a file holds, reading it ends with entries that add up or with one error of KindInput, and does
// not depend on where chunks end.
func FuzzReadLedger(f *testing.F) {
	f.Add([]byte(checkedLedger), byte(0))
	f.Add([]byte("ref_id,amount,currency,status,date\nR1,10.00,EUR,paid,2026-01-02\nR2,\"1,234.50\",EUR,,2026-01-02T10:00:00Z\n"), byte(3))
	f.Add([]byte("\xff\xfer\x00e\x00f\x00"), byte(9))
	f.Add([]byte("ref\tamount\tccy\r1\t2,5\tEUR\r\"\r\"\t1\tEUR"), byte(20))
	f.Add([]byte(packed(f, []byte("ref,amount,ccy\nR1,1.00,EUR\n"))), byte(1))
	f.Add([]byte("ref,amount,ccy\n\"R\"x,1.00,EUR\n\"R\"\"1\",-.5,\n,,,\n"), byte(7))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, options byte) {
		o := LedgerOptions{AllowEmpty: options&1 != 0, maxRecord: 4096, sampleSize: 4096}
		if options&2 != 0 {
			o.Encoding = "windows-1252"
		}
		if options&4 != 0 {
			o.Currency, o.Sign = "GBP", "negative"
		}
		if options&8 != 0 {
			o.Decimal = ","
		}
		if options&16 != 0 {
			o.Filters = []LedgerFilter{{Column: "1", Values: []string{"R1"}, Not: true}, {Sign: "positive"}}
		}
		path := filepath.Join(dir, "ledger.csv")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		in, entries, err := readFiles(t, o, always, path)
		o.chunkSize = 1 + int(options>>5)*9
		cutIn, cutEntries, cutErr := readFiles(t, o, always, path)
		if (err == nil) != (cutErr == nil) || err != nil && err.Error() != cutErr.Error() {
			t.Fatalf("whole: %v\nin chunks of %d: %v", err, o.chunkSize, cutErr)
		}
		if err != nil {
			return
		}
		if diff := gocmp.Diff(in, cutIn, sameEntries) + gocmp.Diff(entries, cutEntries, sameEntries, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("-whole +in chunks\n%s", diff)
		}
	})
}
