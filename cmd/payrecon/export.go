package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"payrecon/internal/mirror"
	"payrecon/internal/payout"
)

// The formats of an export.
const (
	exportCSV     = "csv"
	exportParquet = "parquet"
)

// exportTo writes payouts, versions, items and runs into the folder dir, which must be new or empty, for warehouses and for whoever
// outgrows one machine. The files appear all together when everything has been written, mode 0600:
//
//	csv      payouts.csv, versions.csv, items.csv, runs.csv
//	parquet  payouts/day=YYYY-MM-DD/part-N.parquet by day of creation, versions/day=... by day heard, items.parquet, runs.parquet;
//	         amounts are DECIMAL(18,4), instants are UTC milliseconds
//
// Payouts and versions are those of one version of the mirror.
func exportTo(ctx context.Context, m *mirror.Mirror, dir, format string) error {
	if format != exportCSV && format != exportParquet {
		return payout.Errorf(payout.KindInput, "export: unknown format %q: want csv or parquet", format)
	}
	if err := checkNewFolder(dir); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), "."+filepath.Base(dir)+".*")
	if err != nil {
		return payout.Errorf(payout.KindInput, "export to %s: %w", dir, err)
	}
	defer os.RemoveAll(temp) // after the rename there is nothing by this name
	if err := exportTables(ctx, m, temp, format); err != nil {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return fmt.Errorf("export to %s: %w", dir, err)
	}
	return nil
}

// checkNewFolder refuses a folder that holds anything: an export is never mixed with an older one.
func checkNewFolder(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return payout.Errorf(payout.KindInput, "export to %s: %w", dir, err)
	}
	if !info.IsDir() {
		return payout.Errorf(payout.KindInput, "export to %s: it is not a folder: name a new one", dir)
	}
	folder, err := os.Open(dir)
	if err != nil {
		return payout.Errorf(payout.KindInput, "export to %s: %w", dir, err)
	}
	defer folder.Close()
	if _, err := folder.Readdirnames(1); !errors.Is(err, io.EOF) {
		return payout.Errorf(payout.KindInput, "export to %s: the folder is not empty: name a new one", dir)
	}
	return nil
}

func exportTables(ctx context.Context, m *mirror.Mirror, dir, format string) error {
	sequence, err := m.Sequence(ctx)
	if err != nil {
		return err
	}
	if err := exportTable(dir, "payouts", format, true, convert(m.ExportPayouts(ctx, sequence), payoutRowOf)); err != nil {
		return err
	}
	if err := exportTable(dir, "versions", format, true, convert(m.ExportVersions(ctx, sequence), versionRowOf)); err != nil {
		return err
	}
	if err := exportTable(dir, "items", format, false, convert(m.ExportItems(ctx), itemRowOf)); err != nil {
		return err
	}
	runs, err := m.Runs(ctx, 0)
	if err != nil {
		return err
	}
	return exportTable(dir, "runs", format, false, func(yield func(runRow, error) bool) {
		for i := len(runs) - 1; i >= 0; i-- { // oldest first
			if row := runRowOf(runs[i]); !yield(row, nil) {
				return
			}
		}
	})
}

// convert turns the rows of a sequence into rows of an export.
func convert[From, To any](rows iter.Seq2[From, error], to func(From) (To, error)) iter.Seq2[To, error] {
	return func(yield func(To, error) bool) {
		for row, err := range rows {
			var converted To
			if err == nil {
				converted, err = to(row)
			}
			if !yield(converted, err) || err != nil {
				return
			}
		}
	}
}

// exportTable writes one table. By day means a Parquet file (or more) for each day; CSV is always one file.
func exportTable[R exportRow](dir, name, format string, byDay bool, rows iter.Seq2[R, error]) error {
	var w tableWriter[R]
	switch {
	case format == exportCSV:
		w = &csvTable[R]{path: filepath.Join(dir, name+".csv")}
	case byDay:
		w = &dayTable[R]{dir: filepath.Join(dir, name)}
	default:
		w = &parquetTable[R]{path: filepath.Join(dir, name+".parquet")}
	}
	if err := w.open(); err != nil {
		return err
	}
	for row, err := range rows {
		if err == nil {
			err = w.write(row)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), w.close())
		}
	}
	if err := w.close(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
