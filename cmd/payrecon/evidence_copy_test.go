package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"payrecon/internal/payout"
)

// TestLedgerCopyFollowsTheRun: the copy is of the files of the run that was done last, however often it was done over, and
// what became of them is what wait says.
func TestLedgerCopyFollowsTheRun(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) []payout.LedgerFile {
		path := filepath.Join(dir, "ledger.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(text))
		return []payout.LedgerFile{{Path: path, SHA256: hex.EncodeToString(sum[:])}}
	}
	c := ledgerCopy{dir: filepath.Join(dir, "evidence")}
	if err := c.wait(); err != nil {
		t.Fatalf("before it has begun: %v", err)
	}
	old := write("ref,amount\nA,1\n")
	c.begin(old)
	c.begin(old)
	if err := c.wait(); err != nil {
		t.Fatal(err)
	}
	files := write("ref,amount\nA,2\n")
	c.begin(files)
	if err := c.wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(evidencePath(c.dir, files[0].SHA256)); err != nil {
		t.Errorf("the files of the last run are not kept: %v", err)
	}
	gone := write("ref,amount\nA,3\n")
	write("ref,amount\nA,4\n")
	c.begin(gone)
	if err := c.wait(); err == nil {
		t.Error("a file that changed since it was read is kept without a word")
	}
}
