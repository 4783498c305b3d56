package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"payrecon/internal/payout"
	"payrecon/internal/sandbox"
)

// leave makes a folder with a ledger in it, as a process leaves it that is killed; with the lock, which its end has freed.
func leave(t *testing.T, dir string, lock bool, age time.Duration) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	files := []string{"0-ledger.csv"}
	if lock {
		files = append(files, folderLock)
	}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("ref_id\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	then := time.Now().Add(-age)
	if err := os.Chtimes(dir, then, then); err != nil {
		t.Fatal(err)
	}
}

// TestLeftFoldersAreRemoved: what a killed process left goes, what a living one holds stays, and so does what is not ours.
func TestLeftFoldersAreRemoved(t *testing.T) {
	base := t.TempDir()
	database := filepath.Join(base, "payrecon.db")
	held, remove, err := tempFolder(database, againFolder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(held); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder's mode is %v, %v; want 0700", info.Mode(), err)
	}
	day := 24 * time.Hour
	for _, c := range []struct {
		name  string
		lock  bool
		age   time.Duration
		stays bool
	}{
		{spillFolder + "1", true, 0, false},
		{againFolder + "1", true, 0, false},
		{againFolder + "2", false, 2 * day, false}, // of a version without locks
		{againFolder + "3", false, 0, true},        // maybe another's, about to make its lock
		{".payrecon-other-1", true, 2 * day, true},
		{"payrecon-again-1", true, 2 * day, true},
	} {
		leave(t, filepath.Join(base, c.name), c.lock, c.age)
		defer func() {
			if _, err := os.Stat(filepath.Join(base, c.name)); (err == nil) != c.stays {
				t.Errorf("%s: %v; want that it stays: %v", c.name, err, c.stays)
			}
		}()
	}
	if err := os.WriteFile(filepath.Join(base, againFolder+"file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, removeSecond, err := tempFolder(database, spillFolder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{held, dir, filepath.Join(base, againFolder+"file")} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s was removed", path)
		}
	}
	remove()
	removeSecond()
	for _, path := range []string{held, dir} {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was not removed", path)
		}
	}
}

// TestCommandsRemoveLeftFolders: those that make such folders do.
func TestCommandsRemoveLeftFolders(t *testing.T) {
	s := newSite(t, sandbox.Options{Payouts: -1})
	s.pay("EDGE-9", "9.00", payout.Completed, 1)
	s.ledger("EDGE-9 9.00 paid " + payout.DayOf(s.now.AddDate(0, 0, -1)).String())
	s.do(exitDone, "run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx"))
	for _, args := range [][]string{
		{"reconcile", "--again", "1"},
		{"reconcile", "--ledger", s.path("ledger.csv"), "--no-record"},
		{"run", "--ledger", s.path("ledger.csv"), "--out", s.path("book.xlsx")},
		{"report", "--run", "1", "--matched", "--out", s.path("again.xlsx")},
	} {
		leave(t, s.path(againFolder+"1"), true, 0)
		s.do(exitDone, args...)
		if left, err := filepath.Glob(s.path(".payrecon-*")); err != nil || len(left) > 0 {
			t.Errorf("%v left %v, %v", args, left, err)
		}
	}
}
