package mirror

import (
	"context"
	"errors"
	"strings"

	"github.com/jmoiron/sqlx"
)

// bulkSizes are the numbers of rows that one statement inserts, largest first. More rows a statement than the first
// gain nothing that can be measured.
var bulkSizes = [...]int{25, 5, 1}

// bulk inserts rows with few statements, each prepared once.
type bulk struct {
	width int
	stmts [len(bulkSizes)]*sqlx.Stmt
}

// prepare prepares "insert" (INSERT INTO t (columns) VALUES) with width columns, of which the last is bound as last says.
func (b *bulk) prepare(ctx context.Context, db sqlx.PreparerContext, insert string, width int, last string) (err error) {
	b.width = width
	row := "(" + strings.Repeat("?, ", width-1) + last + ")"
	for i, size := range bulkSizes {
		if b.stmts[i], err = sqlx.PreparexContext(ctx, db, insert+" "+row+strings.Repeat(", "+row, size-1)); err != nil {
			return err
		}
	}
	return nil
}

// insert writes rows in their order. values holds them one after the other, each of the prepared width.
func (b *bulk) insert(ctx context.Context, tx *sqlx.Tx, values []any) error {
	for i, size := range bulkSizes {
		if len(values) < size*b.width {
			continue
		}
		stmt := tx.StmtxContext(ctx, b.stmts[i])
		for len(values) >= size*b.width {
			if _, err := stmt.ExecContext(ctx, values[:size*b.width]...); err != nil {
				return err
			}
			values = values[size*b.width:]
		}
	}
	return nil
}

// insertRows writes count rows at once, with statements of its own. row appends the values of row i.
func insertRows(ctx context.Context, tx *sqlx.Tx, insert string, width, count int, row func(values []any, i int) []any) (err error) {
	if count == 0 {
		return nil
	}
	var b bulk
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.prepare(ctx, tx, insert, width, "?"); err != nil {
		return err
	}
	gathered := 20 * bulkSizes[0] // rows
	values := make([]any, 0, gathered*width)
	for i := range count {
		values = row(values, i)
		if len(values) == gathered*width || i == count-1 {
			if err := b.insert(ctx, tx, values); err != nil {
				return err
			}
			values = values[:0]
		}
	}
	return nil
}

func (b *bulk) close() error {
	var errs []error
	for i, stmt := range b.stmts {
		if stmt != nil {
			errs = append(errs, stmt.Close())
		}
		b.stmts[i] = nil
	}
	return errors.Join(errs...)
}

// placeholders returns n placeholders for an IN list. A list of fixed length is filled up by repeating its last value.
func placeholders(n int) string { return "?" + strings.Repeat(", ?", n-1) }
