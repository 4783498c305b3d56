package mirror

import (
	"crypto/md5"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"payrecon/internal/money"
	"payrecon/internal/payout"
)

// A backup taken while pages are committed is whole, private, alone in its folder, and holds one view.
func TestBackupWhileAWriterCommits(t *testing.T) {
	m := openTest(t)
	manyPayouts(t, m, 2000)
	if err := m.SumDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.SaveReconciliation(t.Context(), sampleReconciliation(beginRun(t, m), 1, 3), nil, nil, nothingLeft); err != nil {
		t.Fatal(err)
	}
	stop, done := make(chan bool), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			row := payout.Payout{
				ID: fmt.Sprint("new:", i), MemberID: "m:1", Created: 1, Updated: 1, Status: payout.Pending,
				Amount: money.New(1, "EUR"), Raw: []byte("{}"), Hash: md5.Sum(fmt.Append(nil, i)),
			}
			if _, err := m.CommitPage(testContext, &payout.PageCommit{Run: 1, Payouts: []payout.Payout{row}, Asked: 1}); err != nil {
				<-stop
				done <- err
				return
			}
		}
	}()
	folder := t.TempDir()
	file := filepath.Join(folder, "copy.db")
	if err := m.Backup(t.Context(), file); err != nil {
		t.Error(err)
	}
	stop <- true
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 || entries[0].Name() != "copy.db" {
		t.Errorf("the folder holds %v, %v; want the backup alone", entries, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup is %v, %v; want mode 600", info, err)
	}
	backup, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close()
	seq, err := backup.Sequence(t.Context())
	if err != nil || seq < 2000 {
		t.Fatalf("the backup stands at version %d, %v; want 2000 or later", seq, err)
	}
	if !maps.Equal(readBlocks(t, backup, 0), readBlocks(t, m, seq)) {
		t.Error("the backup's payouts are not those of its version")
	}
	want, _, _ := m.Reconciliation(t.Context(), 0)
	got, _, err := backup.Reconciliation(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "reconciliation", got, want)
}

func TestBackupRefuses(t *testing.T) {
	m := openTest(t)
	folder := t.TempDir()
	there := filepath.Join(folder, "there.db")
	if err := os.WriteFile(there, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Backup(t.Context(), there); payout.KindOf(err) != payout.KindInput || !strings.Contains(err.Error(), there) {
		t.Errorf("Backup over a file = %v, want it refused", err)
	}
	if text, _ := os.ReadFile(there); string(text) != "precious" {
		t.Errorf("the file that was there is now %q", text)
	}
	if err := m.Backup(t.Context(), filepath.Join(folder, "none", "copy.db")); payout.KindOf(err) != payout.KindInput {
		t.Errorf("Backup into a folder that is not there = %v, want payout.KindInput", err)
	}
	readOnly, err := OpenReadOnly(t.Context(), m.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	if err := readOnly.Backup(t.Context(), filepath.Join(folder, "copy.db")); err != nil {
		t.Errorf("Backup of a mirror that is open for reading = %v", err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 {
		t.Errorf("the folder holds %v, %v; want the file that was there and one backup", entries, err)
	}
}

func TestIntegrityFindsDamage(t *testing.T) {
	for damage, want := range map[string]string{
		`UPDATE payout_days SET units = units + 1`:               "days whose sums",
		`UPDATE payouts SET seq = 9999999 WHERE n = 3`:           "without the version",
		`UPDATE payouts SET units = units + 1 WHERE n = 3`:       "days whose sums",
		`PRAGMA foreign_keys = OFF; DELETE FROM reconciliations`: "refer to missing",
	} {
		m := openTest(t)
		manyPayouts(t, m, 400)
		if err := m.SumDays(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := m.SaveReconciliation(t.Context(), sampleReconciliation(beginRun(t, m), 1, 1), nil, nil, nothingLeft); err != nil {
			t.Fatal(err)
		}
		if err := m.Integrity(t.Context()); err != nil {
			t.Fatalf("before the damage: %v", err)
		}
		if _, err := m.w.Exec(damage); err != nil {
			t.Fatalf("%s: %v", damage, err)
		}
		if err := m.Integrity(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: Integrity() = %v, want %q", damage, err, want)
		}
		if err := m.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")); err == nil {
			t.Errorf("%s: a backup of it was called good", damage)
		}
	}
}

func TestIntegrityFindsBrokenPages(t *testing.T) {
	m := openTest(t)
	manyPayouts(t, m, 2000)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := m.Backup(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(copied, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(8192 * 4); at < info.Size(); at += 8192 * 7 { // the heads of some pages
		if _, err := file.WriteAt([]byte("broken broken broken"), at); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
	broken, err := OpenReadOnly(t.Context(), copied)
	if err != nil {
		return // also found
	}
	defer broken.Close()
	if err := broken.Integrity(t.Context()); err == nil {
		t.Error("Integrity() of a database with broken pages = nil")
	}
	if err := broken.Blocks(t.Context(), 1<<60, func(int, []payout.Row) error { return nil }); err == nil {
		t.Error("Blocks() of a database with broken pages = nil")
	}
}
