package mirror

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"payrecon/internal/payout"
)

// The names in table meta.
const (
	metaBaseURL    = "base_url"    // the API this mirror is bound to
	metaSyncStart  = "sync_start"  // first day of nightly runs
	metaNight      = "night"       // the nightly run that has not come to its end: when it began, and the highest walks.id then
	metaIDsThrough = "ids_through" // highest payouts.n that is in payout_ids
)

// getMeta returns a value of table meta, "" when it is not set.
func getMeta(ctx context.Context, q sqlx.QueryerContext, name string) (value string, err error) {
	err = sqlx.GetContext(ctx, q, &value, "SELECT value FROM meta WHERE name = ?", name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

func setMeta(ctx context.Context, tx *sqlx.Tx, name, value string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	return err
}

// Bind ties the mirror to the API at baseURL, the first time; later it makes sure that it is the same API, because
// payouts of two APIs in one mirror would never tie out. Another one is payout.KindInput.
func (m *Mirror) Bind(ctx context.Context, baseURL string) error {
	return m.write(ctx, func(tx *sqlx.Tx) error {
		bound, err := getMeta(ctx, tx, metaBaseURL)
		switch {
		case err != nil:
			return err
		case bound == "":
			return setMeta(ctx, tx, metaBaseURL, baseURL)
		case bound != baseURL:
			return payout.Errorf(payout.KindInput,
				"database %s holds the payouts of %s, not of %s: name another database with --db, or mend api.base_url; if that API has moved, `payrecon sync --moved-from %s`",
				m.path, bound, baseURL, bound)
		}
		return nil
	})
}

// Move ties the mirror to the API's new address. The caller has made sure that it is the same API.
func (m *Mirror) Move(ctx context.Context, from, to string) error {
	return m.write(ctx, func(tx *sqlx.Tx) error {
		bound, err := getMeta(ctx, tx, metaBaseURL)
		switch {
		case err != nil:
			return err
		case bound != from:
			return payout.Errorf(payout.KindInput, "database %s holds the payouts of %s, not of %s", m.path, bound, from)
		}
		return setMeta(ctx, tx, metaBaseURL, to)
	})
}

// BaseURL returns the API the mirror is bound to, "" when it never synced.
func (m *Mirror) BaseURL(ctx context.Context) (string, error) {
	url, err := getMeta(ctx, m.r, metaBaseURL)
	return url, wrap("read base URL", err)
}
