// Package mirror is the SQLite file that holds what the payouts API said, what is proven of it, and what became of it.
//
// # How it is kept
//
// A payout arrives as part of a page. In one transaction the page's rows, their versions, the ids that the walk has now
// seen and the walk's next cursor are written (CommitPage): after a kill at any instant the file holds whole pages, and
// the cursor that leads to the next one.
//
// The table payouts is the current view, narrow enough to read a million rows in a fraction of a second. What the API
// really said stands in payout_versions, which nothing ever changes; a row of the current view that a newer fact
// replaces moves to payout_past. So every earlier view can be read again exactly: see the comment on payout_past in
// migrations/0001_mirror.sql.
//
// What is proven, day by day, stands in coverage; how it was proven in walks.
//
// # Who may write
//
// One process at a time, by the lease (lease.go), and in it one connection. Readers have their own pool, which the
// database itself keeps from writing.
package mirror

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"

	"payrecon/internal/payout"
)

// Options of Open. The zero value is good.
type Options struct {
	Clock  func() time.Time // default time.Now
	Logger *slog.Logger     // default: nothing is logged
}

// Mirror is an open database. It is safe for concurrent use.
type Mirror struct {
	path   string
	r      *sqlx.DB
	w      *sqlx.DB // nil when opened read-only
	clock  func() time.Time
	log    *slog.Logger
	writer *pageWriter // what the single writer remembers between transactions
}

// busyTimeout is how long SQLite waits for a lock. The lease keeps writers apart; what is left are checkpoints.
const busyTimeout = 10 * time.Second

// Open opens the database at path for reading and writing, creates it (mode 0600) when it is missing and brings its
// schema up to date, after keeping a copy of an older one beside it. A database that is not ours, or that a newer
// version has written, is payout.KindInput. The caller holds the lease (Acquire).
func Open(ctx context.Context, path string, o Options) (*Mirror, error) {
	if err := createPrivate(path); err != nil {
		return nil, err
	}
	m := newMirror(path, o)
	if err := m.refuseForeign(ctx); err != nil {
		return nil, err
	}
	if err := m.openPools(ctx); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Mirror) openPools(ctx context.Context) (err error) {
	if m.w, err = openPool(m.path, false); err != nil {
		return err
	}
	m.w.SetMaxOpenConns(1)
	if err := m.migrate(ctx); err != nil {
		return err
	}
	var mode string
	if err := m.w.GetContext(ctx, &mode, "PRAGMA journal_mode"); err != nil {
		return fmt.Errorf("open database %s: %w", m.path, err)
	}
	if mode != "wal" {
		m.log.Warn("no write-ahead log: is this a network file system? move the database to a local disk", "database", m.path, "journal_mode", mode)
	}
	m.r, err = openPool(m.path, true)
	return err
}

// OpenReadOnly opens an existing database for reading. It never creates, never migrates and needs no lease. A missing
// file, one that is not ours, or one whose schema is not this version's is payout.KindInput and says what to run.
func OpenReadOnly(ctx context.Context, path string) (*Mirror, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, payout.Errorf(payout.KindInput, "there is no database %s: run payrecon sync first, or name another with --db", path)
	case err != nil:
		return nil, payout.Errorf(payout.KindInput, "database %s: %w", path, err)
	case info.IsDir():
		return nil, folderError(path)
	}
	m := newMirror(path, Options{})
	if m.r, err = openPool(path, true); err != nil {
		return nil, err
	}
	if err := m.checkSchema(ctx); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func newMirror(path string, o Options) *Mirror {
	m := &Mirror{path: path, clock: o.Clock, log: o.Logger, writer: newPageWriter()}
	if m.clock == nil {
		m.clock = time.Now
	}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	return m
}

// createPrivate makes sure that the file exists before SQLite opens it, because SQLite would create it world-readable. A file
// without content that somebody has put there is as good as none, and becomes private too.
func createPrivate(path string) error {
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return folderError(path)
		}
		if info.Mode().IsRegular() && info.Size() == 0 {
			if err := os.Chmod(path, 0o600); err != nil {
				return payout.Errorf(payout.KindInput, "create database %s: %w", path, err)
			}
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return payout.Errorf(payout.KindInput, "create database %s: %w", path, err)
	}
	return file.Close()
}

func folderError(path string) error {
	return payout.Errorf(payout.KindInput, "database %s is a folder: name a file with --db", path)
}

// refuseForeign looks at the file without a chance to change it: a connection that may write turns any database it
// opens into one with a write-ahead log.
func (m *Mirror) refuseForeign(ctx context.Context) error {
	db, err := openPool(m.path, true)
	if err != nil {
		return err
	}
	_, _, err = schemaState(ctx, db, m.path)
	if errors.Is(err, errUnfinished) { // it will be looked at again once that is undone
		err = nil
	}
	return errors.Join(err, db.Close())
}

// openPool opens one pool. Everything a connection must know stands in the DSN: a pragma set later by a statement would
// reach one connection of the pool only.
func openPool(path string, readOnly bool) (*sqlx.DB, error) {
	sqlite.StrictPragmas(true)
	sqlx.BindDriver("sqlite", sqlx.QUESTION)
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	q := url.Values{"_pragma": {fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())}}
	if readOnly {
		q.Set("mode", "ro")
		q.Add("_pragma", "query_only(1)")
		q.Add("_pragma", "cache_size(-2000)")
	} else {
		q.Set("_txlock", "immediate")
		q.Set("_journal_mode", "WAL") // the driver sets it after the pragmas below: afterwards the page size is fixed
		for _, pragma := range []string{
			"page_size(8192)",
			"synchronous(FULL)",
			"foreign_keys(1)",
			"wal_autocheckpoint(4000)", // pages of 8 KB: 32 MB
			"journal_size_limit(67108864)",
			"cache_size(-8000)",
			"temp_store(MEMORY)",
		} {
			q.Add("_pragma", pragma)
		}
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: q.Encode()}
	db, err := sqlx.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return db, nil
}

// Close closes the database. The last connection that closes writes the log back into the file.
func (m *Mirror) Close() error {
	var errs []error
	if m.r != nil {
		errs = append(errs, m.r.Close())
	}
	if m.w != nil {
		errs = append(errs, m.writer.close(), m.w.Close())
	}
	return errors.Join(errs...)
}

// Path returns the path the database was opened with.
func (m *Mirror) Path() string { return m.path }

// read is the pool of read-only connections.
func (m *Mirror) read() *sqlx.DB { return m.r }

// write runs fn in a transaction of the single writing connection and commits, unless fn fails. Inside fn only tx may
// be used: the writing connection is the transaction's.
func (m *Mirror) write(ctx context.Context, fn func(tx *sqlx.Tx) error) error {
	if m.w == nil {
		return errors.New("mirror: opened read-only")
	}
	tx, err := m.w.BeginTxx(ctx, nil)
	if err != nil {
		return storageTrouble("", fmt.Errorf("database %s: %w", m.path, err))
	}
	if err := fn(tx); err != nil {
		return undo(tx, storageTrouble(m.path, err))
	}
	if err := tx.Commit(); err != nil {
		return undo(tx, storageTrouble("", fmt.Errorf("database %s: commit: %w", m.path, err)))
	}
	return nil
}

// undo rolls a transaction back because of err. When the disk is full SQLite has done so already, and says that there is
// no transaction: that says nothing new.
func undo(tx *sqlx.Tx, err error) error {
	if back := ignoreDone(tx.Rollback()); back != nil && !errors.As(err, new(*storageError)) {
		return errors.Join(err, back)
	}
	return err
}

// ignoreDone drops the error that says that a transaction is over already: its context ended it.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
