package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"payrecon/internal/payout"
)

// tableWriter writes the rows of one table. After open, close is called once, whatever happened.
type tableWriter[R exportRow] interface {
	open() error
	write(R) error
	close() error
}

func createExport(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
}

// csvTable is one CSV file (RFC 4180, UTF-8, the header first).
type csvTable[R exportRow] struct {
	path   string
	file   *os.File
	buffer *bufio.Writer
	csv    *csv.Writer
}

func (t *csvTable[R]) open() (err error) {
	if t.file, err = createExport(t.path); err != nil {
		return err
	}
	t.buffer = bufio.NewWriterSize(t.file, 1<<16)
	t.csv = csv.NewWriter(t.buffer)
	var row R
	return t.csv.Write(row.header())
}

func (t *csvTable[R]) write(row R) error { return t.csv.Write(row.csv()) }

func (t *csvTable[R]) close() error {
	t.csv.Flush()
	return errors.Join(t.csv.Error(), t.buffer.Flush(), t.file.Sync(), t.file.Close())
}

const (
	parquetBatch    = 512    // rows handed to the writer at once
	parquetRowGroup = 50_000 // rows that are held in memory until they are written
)

// parquetTable is one Parquet file.
type parquetTable[R exportRow] struct {
	path    string
	file    *os.File
	parquet *parquet.GenericWriter[R]
	batch   []R
}

func (t *parquetTable[R]) open() (err error) {
	if t.file, err = createExport(t.path); err != nil {
		return err
	}
	t.parquet = parquet.NewGenericWriter[R](t.file, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(parquetRowGroup),
		parquet.CreatedBy("payrecon", versionText(), ""))
	return nil
}

func (t *parquetTable[R]) write(row R) error {
	t.batch = append(t.batch, row)
	if len(t.batch) < parquetBatch {
		return nil
	}
	return t.flush()
}

func (t *parquetTable[R]) flush() error {
	_, err := t.parquet.Write(t.batch)
	t.batch = t.batch[:0]
	return err
}

func (t *parquetTable[R]) close() error {
	return errors.Join(t.flush(), t.parquet.Close(), t.file.Sync(), t.file.Close())
}

// dayTable is a folder with a folder for each day. A day that comes again after others gets one more file.
type dayTable[R exportRow] struct {
	dir     string
	current *parquetTable[R] // nil before the first row
	day     payout.Day
	parts   map[payout.Day]int
}

func (t *dayTable[R]) open() error {
	t.parts = map[payout.Day]int{}
	return os.Mkdir(t.dir, 0o700)
}

func (t *dayTable[R]) write(row R) error {
	if day := row.day(); t.current == nil || day != t.day {
		if err := t.close(); err != nil {
			return err
		}
		dir := filepath.Join(t.dir, "day="+day.String())
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		next := &parquetTable[R]{path: filepath.Join(dir, fmt.Sprintf("part-%d.parquet", t.parts[day]))}
		if err := next.open(); err != nil {
			return err
		}
		t.parts[day]++
		t.day, t.current = day, next
	}
	return t.current.write(row)
}

// close closes the current file; the folder needs nothing more.
func (t *dayTable[R]) close() error {
	if t.current == nil {
		return nil
	}
	current := t.current
	t.current = nil
	return current.close()
}
