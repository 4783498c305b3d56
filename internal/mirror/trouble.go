package mirror

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// storageError is trouble with the file or the disk it lies on, and what to do about it. Whatever it met is undone.
type storageError struct {
	err    error
	advice string
}

func (e *storageError) Error() string { return e.err.Error() + ": " + e.advice }
func (e *storageError) Unwrap() error { return e.err }

// storageTrouble adds what to do to an error of SQLite's that has nothing to do with what was asked of it. path may be "".
func storageTrouble(path string, err error) error {
	var told *storageError
	var e *sqlite.Error
	if errors.As(err, &told) || !errors.As(err, &e) {
		return err
	}
	advice := ""
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		advice = "the disk, or a quota, is full: make room; nothing is half-written, the same command goes on"
	case sqlite3.SQLITE_IOERR:
		advice = "the disk failed, or is full: look at `df` and at the system's log, and run payrecon doctor; nothing is half-written, the same command goes on"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		advice = "the file is damaged: keep it, and restore a copy"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		advice = "it cannot be written to: look at the owner and the mode of the file and of its folder, and at the mount"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		advice = fmt.Sprintf("another program has held it for %s, such as a backup or the sqlite3 shell: end that, and run the same command again", busyTimeout)
	default:
		return err
	}
	if path != "" {
		err = fmt.Errorf("database %s: %w", path, err)
	}
	return &storageError{err, advice}
}
