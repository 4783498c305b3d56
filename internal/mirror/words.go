package mirror

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// wordsByNumber reads the table words: what the integers in payouts.currency, status and on_behalf_of mean.
func wordsByNumber(ctx context.Context, q sqlx.QueryerContext) (map[int64]string, error) {
	var rows []struct {
		N    int64  `db:"n"`
		Word string `db:"word"`
	}
	if err := sqlx.SelectContext(ctx, q, &rows, "SELECT n, word FROM words ORDER BY n"); err != nil {
		return nil, wrap("read words", err)
	}
	words := make(map[int64]string, len(rows))
	for _, r := range rows {
		words[r.N] = r.Word
	}
	return words, nil
}
