package mirror

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"payrecon/internal/payout"
)

// Migrations are few, forward only and in one file each, so PRAGMA user_version counts them: the file NNNN_name.sql
// brings the schema from version NNNN-1 to NNNN in one transaction. PRAGMA application_id tells our files from others.

//go:embed migrations/*.sql
var migrationFiles embed.FS

const (
	applicationID  = 0x70617972 // "payr"
	openedByNobody = 0
)

// migrationNames lists the migrations in order; their number is the schema version of this program.
func migrationNames() ([]string, error) { return fs.Glob(migrationFiles, "migrations/*.sql") }

// schemaState reads what kind of file db is: its version, and whether it is ours or holds nothing yet.
func schemaState(ctx context.Context, db *sqlx.DB, path string) (version int, empty bool, err error) {
	var app, tables int
	for _, q := range []struct {
		to  *int
		sql string
	}{
		{&app, "PRAGMA application_id"},
		{&version, "PRAGMA user_version"},
		{&tables, "SELECT count(*) FROM sqlite_schema"},
	} {
		if err := db.GetContext(ctx, q.to, q.sql); err != nil {
			return 0, false, openError(path, err)
		}
	}
	if app == openedByNobody && version == 0 && tables == 0 {
		return 0, true, nil
	}
	if app != applicationID {
		return 0, false, payout.Errorf(payout.KindInput,
			"%s is not a payrecon database: name another file with --db, or move this one away", path)
	}
	names, err := migrationNames()
	if err != nil {
		return 0, false, err
	}
	if version > len(names) {
		return 0, false, payout.Errorf(payout.KindInput,
			"database %s has schema version %d, this payrecon knows %d: use the newer payrecon that wrote it", path, version, len(names))
	}
	return version, false, nil
}

// errUnfinished says that the file was left in the middle of a write, which only a connection that may write can undo.
var errUnfinished = errors.New("left in the middle of a write")

// openError tells a file that SQLite cannot read from other trouble.
func openError(path string, err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("open database %s: %w", path, err)
	}
	switch e.Code() {
	case sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY:
		return payout.Errorf(payout.KindInput, "database %s was %w: run payrecon sync, it goes on from there", path, errUnfinished)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return payout.Errorf(payout.KindInput, "database %s cannot be opened: %w: name another file with --db, or restore a copy", path, err)
	}
	return storageTrouble("", fmt.Errorf("open database %s: %w", path, err))
}

func (m *Mirror) migrate(ctx context.Context) error {
	version, empty, err := schemaState(ctx, m.w, m.path)
	if err != nil {
		return err
	}
	names, err := migrationNames()
	if err != nil {
		return err
	}
	if version == len(names) && !empty {
		return nil
	}
	if !empty {
		if err := m.keepCopy(ctx, version); err != nil {
			return err
		}
	}
	for i := version; i < len(names); i++ {
		text, err := migrationFiles.ReadFile(names[i])
		if err != nil {
			return err
		}
		err = m.write(ctx, func(tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, string(text))
			if err == nil {
				_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", i+1))
			}
			if err == nil {
				_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("database %s: migration %s: %w", m.path, names[i], err)
		}
	}
	return nil
}

// keepCopy writes the database as it is to <path>.before-vN before a migration changes it.
func (m *Mirror) keepCopy(ctx context.Context, version int) error {
	target := fmt.Sprintf("%s.before-v%d", m.path, version+1)
	if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("copy before migration: %w", err)
	}
	if err := createPrivate(target); err != nil {
		return err
	}
	if _, err := m.w.ExecContext(ctx, "VACUUM INTO ?", target); err != nil {
		return fmt.Errorf("copy database %s to %s before migration: %w", m.path, target, err)
	}
	m.log.Info("schema brought up to date", "database", m.path, "copy", target)
	return nil
}

// checkSchema makes sure that a database opened for reading has this program's schema.
func (m *Mirror) checkSchema(ctx context.Context) error {
	version, empty, err := schemaState(ctx, m.r, m.path)
	if err != nil {
		return err
	}
	names, err := migrationNames()
	switch {
	case err != nil:
		return err
	case empty:
		return payout.Errorf(payout.KindInput, "database %s is empty: run payrecon sync first", m.path)
	case version < len(names):
		return payout.Errorf(payout.KindInput,
			"database %s has schema version %d, this payrecon needs %d: run payrecon sync once, it brings it up to date", m.path, version, len(names))
	}
	return nil
}
