#!/usr/bin/env bash
# Does a warehouse read what we export? A mirror with versions, items and several currencies, exported as Parquet, read by
# DuckDB (the duckdb shell, or node with @duckdb/node-api on NODE_PATH) and compared with what the sqlite3 shell reads from
# the mirror: counts and exact decimal sums of payouts by day, status and currency; versions by day and status, with the
# length of the raw JSON; items by state; runs by command and exit code.
#
#   bench/export.sh [PAYOUTS, default 20000] [FOLDER to keep the work in]
#
# It ends with 1 when they differ.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
payouts=${1:-20000}
work=${2:-}
if [ -z "$work" ]; then work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; fi
mkdir -p "$work" && cd "$work"
. "$bench/lib.sh"

# The same payouts a day and a half later: statuses have moved on, so there are second versions.
start=$(date -u -d '-36 hours' +%FT%TZ 2>/dev/null || date -u -v -36H +%FT%TZ)
serve --payouts "$payouts" --days 60 --on-behalf-of m:one,m:two --now "$start"
./payrecon backfill --from "$(ago 59)" --to "$(ago 3)" -q >/dev/null
address=$(grep -oE '127[0-9.]+:[0-9]+' payrecon.yaml)
serve_end
serve --payouts "$payouts" --days 60 --on-behalf-of m:one,m:two --since "$start" --addr "$address" --ledger ledger.csv
./payrecon run --ledger ledger.csv -q >/dev/null
serve_end
rm -rf exported && ./payrecon export --out exported --format parquet

# Every line: the table, its group, the count, an exact sum.
sqlite3 -separator ' ' payrecon.db >sqlite3.txt <<'SQL'
SELECT 'payouts', date(p.created / 1000, 'unixepoch') AS day, s.word, c.word, count(*), printf('%d.%04d', sum(p.units) / 10000, sum(p.units) % 10000)
  FROM payouts p JOIN words s ON s.n = p.status JOIN words c ON c.n = p.currency GROUP BY day, s.word, c.word;
SELECT 'versions', date(v.asked / 1000, 'unixepoch') AS day, s.word, count(*), sum(length(v.raw))
  FROM payout_versions v JOIN words s ON s.n = v.status GROUP BY day, s.word;
SELECT 'items', state, count(*) FROM items GROUP BY state;
SELECT 'runs', command, exit, count(*) FROM runs GROUP BY command, exit;
SQL

cat >duckdb.sql <<'SQL'
SELECT concat_ws(' ', 'payouts', day, status, currency, count(*), sum(amount)) FROM read_parquet('exported/payouts/*/*.parquet', hive_partitioning = true)
  WHERE day = strftime(created, '%Y-%m-%d') GROUP BY day, status, currency
UNION ALL SELECT concat_ws(' ', 'versions', day, status, count(*), sum(length(raw))) FROM read_parquet('exported/versions/*/*.parquet', hive_partitioning = true)
  WHERE day = strftime(asked, '%Y-%m-%d') GROUP BY day, status
UNION ALL SELECT concat_ws(' ', 'items', state, count(*)) FROM 'exported/items.parquet' GROUP BY state
UNION ALL SELECT concat_ws(' ', 'runs', command, exit, count(*)) FROM 'exported/runs.parquet' GROUP BY command, exit
SQL
if has duckdb; then
  duckdb -noheader -list -c ".read duckdb.sql" >duckdb.txt
else
  node "$bench/duckdb.cjs" query duckdb.sql >duckdb.txt
fi

for reader in sqlite3 duckdb; do LC_ALL=C sort "$reader.txt" -o "$reader.txt"; done
if ! diff sqlite3.txt duckdb.txt >differences; then
  head -20 differences
  echo "the export is not what the mirror holds" && exit 1
fi
for table in payouts versions items runs; do
  printf '%s: %d groups agree\n' "$table" "$(grep -c "^$table " duckdb.txt)"
done
