package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Folders for what a reconciliation puts aside lie beside the database: there is room, and ledgers do not leave the folder
// that is theirs. A process that is killed leaves its folder behind, with copies of ledgers in it maybe. So each is held by
// a lock of the operating system, which ends with its process, and the next command that makes one removes those that
// nobody holds.
const (
	spillFolder = ".payrecon-spill-" // of a reconciliation
	againFolder = ".payrecon-again-" // of one that is performed again: ledgers as they were then
	folderLock  = ".lock"            // in each of them

	// unlockedKept is how long a folder without a lock is left alone: it may be another process's that is about to make it.
	unlockedKept = 24 * time.Hour
)

// tempFolder makes a folder beside the database, for the caller alone, until it calls remove.
func tempFolder(database, kind string, log *slog.Logger) (dir string, remove func(), err error) {
	beside := filepath.Dir(database)
	removeLeft(beside, log)
	for range 3 {
		if dir, err = os.MkdirTemp(beside, kind); err != nil {
			break
		}
		lock := flock.New(filepath.Join(dir, folderLock))
		held, failed := lock.TryLock()
		if _, gone := os.Stat(lock.Path()); held && gone == nil {
			return dir, func() { _ = lock.Close(); _ = os.RemoveAll(dir) }, nil
		}
		// Another process took the folder for one that was left, between its lock's making and its locking.
		err = errors.Join(errors.New("it cannot be locked"), failed, lock.Close(), os.RemoveAll(dir))
	}
	return "", nil, fmt.Errorf("a folder for temporary files beside the database: %w", err)
}

// removeLeft removes the folders that processes have left which were killed. Whatever goes wrong is left for the next time:
// it keeps nobody from working.
func removeLeft(beside string, log *slog.Logger) {
	entries, err := os.ReadDir(beside)
	if err != nil {
		return
	}
	for _, e := range entries {
		ours := strings.HasPrefix(e.Name(), spillFolder) || strings.HasPrefix(e.Name(), againFolder)
		if dir := filepath.Join(beside, e.Name()); ours && e.IsDir() && removeUnheld(dir) {
			log.Info("removed what a killed payrecon had left", "folder", dir)
		}
	}
}

// removeUnheld removes a folder unless a process holds it. The lock is held meanwhile, so that two do not see the same one
// free; where a file that is open cannot be removed, its lock goes last.
func removeUnheld(dir string) bool {
	path := filepath.Join(dir, folderLock)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		info, err := os.Stat(dir)
		return err == nil && time.Since(info.ModTime()) > unlockedKept && os.RemoveAll(dir) == nil
	}
	lock := flock.New(path)
	if held, err := lock.TryLock(); err != nil || !held {
		return false
	}
	err := os.RemoveAll(dir)
	if closed := lock.Close(); err != nil && closed == nil {
		err = os.RemoveAll(dir)
	}
	return err == nil
}
