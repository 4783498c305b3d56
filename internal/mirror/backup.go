package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"payrecon/internal/payout"
)

// Backup writes a consistent copy of the database to file while it may be in use, checks it, and only then gives it its name:
// mode 0600, compact, without a log beside it. It needs no lease and works on a mirror that is open read-only. A file that
// exists already is payout.KindInput: a backup is never overwritten.
func (m *Mirror) Backup(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return backupExists(file)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return payout.Errorf(payout.KindInput, "backup to %s: %w", file, err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // mode 0600; SQLite fills an empty file
	if err != nil {
		return payout.Errorf(payout.KindInput, "backup to %s: %w", file, err)
	}
	defer os.Remove(temp.Name()) // after the link there is another name
	if err := temp.Close(); err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	if err := m.copyTo(ctx, temp.Name()); err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	if err := verifyCopy(ctx, temp.Name()); err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	if err := syncFile(temp.Name()); err != nil {
		return fmt.Errorf("backup to %s: %w", file, err)
	}
	if err := os.Link(temp.Name(), file); errors.Is(err, fs.ErrExist) { // a rename would overwrite
		return backupExists(file)
	} else if err != nil {
		if err := os.Rename(temp.Name(), file); err != nil { // a file system without links
			return fmt.Errorf("backup to %s: %w", file, err)
		}
	}
	syncFolder(filepath.Dir(file))
	return nil
}

// copyTo writes one view of the database into an empty file. SQLite refuses that to a connection that is held to queries, so one
// is let go for as long; it still has the database open read-only.
func (m *Mirror) copyTo(ctx context.Context, file string) error {
	conn, err := m.read().Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA query_only = 0`); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `VACUUM INTO ?`, file)
	_, restoreErr := conn.ExecContext(context.WithoutCancel(ctx), `PRAGMA query_only = 1`)
	return errors.Join(err, restoreErr)
}

func backupExists(file string) error {
	return payout.Errorf(payout.KindInput, "backup to %s: the file exists: name another one, backups are never overwritten", file)
}

// verifyCopy makes sure that the file is one of ours, of this schema, and whole.
func verifyCopy(ctx context.Context, file string) error {
	m, err := OpenReadOnly(ctx, file)
	if err != nil {
		return err
	}
	return errors.Join(m.Integrity(ctx), m.Close())
}

// Integrity checks the whole file: its pages and indexes, that every reference leads somewhere, and that the daily sums are those
// of the payouts. It reads everything, some seconds for each million payouts.
func (m *Mirror) Integrity(ctx context.Context) error {
	var problems []string
	if err := m.read().SelectContext(ctx, &problems, `PRAGMA integrity_check(10)`); err != nil {
		return wrap("check integrity", err)
	}
	if len(problems) != 1 || problems[0] != "ok" {
		return fmt.Errorf("database %s is damaged: %s: restore a backup", m.path, strings.Join(problems, "; "))
	}
	for _, c := range []struct{ what, query string }{
		{"rows that refer to missing ones", `SELECT count(*) FROM pragma_foreign_key_check`},
		{"payouts without the version they stand at", `SELECT count(*) FROM payouts AS p LEFT JOIN payout_versions AS v ON v.seq = p.seq WHERE v.seq IS NULL`},
		{"days whose sums are not those of their payouts", daysThatDiffer},
	} {
		var count int64
		if err := m.read().GetContext(ctx, &count, c.query); err != nil {
			return wrap("check integrity", err)
		}
		if count > 0 {
			return fmt.Errorf("database %s is damaged: %s: %d: restore a backup", m.path, c.what, count)
		}
	}
	return nil
}

// daysThatDiffer counts the rows of payout_days that a sum over all payouts, as of the same version, contradicts.
const daysThatDiffer = `
	WITH at (seq) AS (SELECT ifnull(max(CAST(value AS INTEGER)), 0) FROM meta WHERE name = '` + metaSummedThrough + `'),
	stood AS (
		SELECT created, on_behalf_of, currency, status, units FROM payouts, at WHERE payouts.seq <= at.seq
		UNION ALL
		SELECT created, on_behalf_of, currency, status, units FROM payout_past, at WHERE until > at.seq AND payout_past.seq <= at.seq
	),
	counted AS (
		SELECT ` + createdDay + ` AS day, on_behalf_of, currency, status, count(*) AS count, sum(units) AS units
		FROM stood
		GROUP BY 1, 2, 3, 4
	)
	SELECT count(*)
	FROM (
		SELECT day, on_behalf_of, currency, status
		FROM (SELECT * FROM counted UNION ALL SELECT day, on_behalf_of, currency, status, -count, -units FROM payout_days)
		GROUP BY day, on_behalf_of, currency, status
		HAVING sum(count) <> 0 OR sum(units) <> 0
	)`

// syncFile flushes a file to the disk.
func syncFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// syncFolder flushes the names in a folder, where the file system can do that.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil {
		folder.Sync()
		folder.Close()
	}
}
