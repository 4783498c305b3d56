#!/usr/bin/env bash
# How fast is the pairing? Payouts in a mirror against a ledger CSV in random order, as a whole process, beside the peers
# that are installed: the sqlite3 shell (.import + FULL OUTER JOIN), csvdiff, and DuckDB (the duckdb shell, or node with
# @duckdb/node-api on NODE_PATH).
#
#   bench/pairing.sh [PAYOUTS, default 1000000] [FOLDER to keep the inputs in] [ROUNDS, default 3]
#
# It builds the inputs from the sandbox (fetched through the real sync), runs everybody in turn, checks that all agree on
# the counts, exactly, and prints medians and ratios. Machines are noisy: read the ratios of one run.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
payouts=${1:-1000000}
work=${2:-}
rounds=${3:-3}
if [ -z "$work" ]; then work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; fi
mkdir -p "$work" && cd "$work"
. "$bench/lib.sh"

if [ ! -f payrecon.db ]; then
  echo "building the mirror: $payouts payouts"
  serve --payouts "$payouts" --days 365 --breaks -1
  ./payrecon backfill --from "$(ago 364)" --to "$(ago 1)" -q
  serve_end
fi
# Not only what is asked for is fetched: the mirror holds some payouts of the day after. The period says what counts.
if [ ! -f period ]; then
  (cd "$bench/.." && go run bench/inputs.go "$work/payrecon.db" "$(ago 364)" "$(ago 1)" "$work")
  echo "$(ago 364) $(ago 1)" >period
fi
read -r from to <period

# Each peer leaves: agreed, other amount, only payout, only entry (a duplicate entry counts as agreed, as in a join).
run_ours() {
  measured ours ./payrecon reconcile --ledger ledger.csv --offline --no-record --from "$from" --to "$to" --json -q >ours.json 2>/dev/null
}
# The same, recorded as a first night is: every break becomes an item, and the ledger is kept. The copy of the mirror is not
# part of the time, nor is its way to the disk, which the run's own commit would wait for.
run_recorded() {
  rm -rf recorded && mkdir recorded && cp payrecon.db recorded/ && sync
  measured recorded ./payrecon reconcile --db recorded/payrecon.db --ledger ledger.csv --offline --from "$from" --to "$to" --json -q >recorded.json 2>/dev/null
  rm -rf recorded
}
# matched: the status agrees too. stuck: reference, amount and status agree, and it has been under way for days.
counts_recorded() { counts_ours recorded.json; }
counts_ours() {
  awk -F'[:,]' '/"outcome":/ {gsub(/[" ]/, "", $2); o = $2}
    /"payouts":/ && o {p = $2 + 0} /"entries":/ && o {e = $2 + 0
      if (o == "matched" || o == "stuck" || o == "duplicate_ledger_entry") agreed += e
      else if (o == "amount_mismatch") other += p
      else if (o == "missing_in_ledger") left += p
      else if (o == "missing_at_provider") right += e
      else unforeseen = unforeseen " " o
      o = ""}
    END {print agreed + 0, other + 0, left + 0, right + 0 unforeseen}' "${1:-ours.json}"
}
run_sqlite3() {
  rm -f shell.db
  measured sqlite3 sqlite3 shell.db >shell.out <<SQL
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-200000;
CREATE TABLE l (ref TEXT, amount TEXT, currency TEXT, status TEXT, date TEXT, text TEXT);
CREATE TABLE p (ref TEXT, amount TEXT, currency TEXT, status TEXT);
.import --csv --skip 1 ledger.csv l
.import --csv --skip 1 payouts.csv p
CREATE INDEX li ON l (ref, amount); CREATE INDEX pi ON p (ref, amount);
SELECT sum(p.ref IS NOT NULL AND l.ref IS NOT NULL AND p.amount = l.amount), sum(p.amount <> l.amount), sum(l.ref IS NULL), sum(p.ref IS NULL)
FROM p FULL OUTER JOIN l ON p.ref = l.ref;
SQL
}
counts_sqlite3() { tail -1 shell.out | tr '|' ' '; }
run_duckdb() {
  measured duckdb duckdb -c "COPY (SELECT count(*) FILTER (p.amount = l.amount), count(*) FILTER (p.amount <> l.amount), count(*) FILTER (l.ref_id IS NULL),
    count(*) FILTER (p.ref_id IS NULL) FROM read_csv('payouts.csv', types={'amount': 'DECIMAL(18,4)'}) p
    FULL OUTER JOIN read_csv('ledger.csv', types={'amount': 'DECIMAL(18,4)'}) l ON p.ref_id = l.ref_id) TO 'duckdb.out' (HEADER false, DELIMITER ' ')"
}
counts_duckdb() { cat duckdb.out; }
run_duck_csv() { measured duck_csv node "$bench/duckdb.cjs" csv >duck_csv.out; }
counts_duck_csv() { cat duck_csv.out; }
run_duck_table() { measured duck_table node "$bench/duckdb.cjs" table >duck_table.out; }
counts_duck_table() { cat duck_table.out; }
# csvdiff says what differs, not what agrees, and knows a reference once.
run_csvdiff() {
  measured csvdiff csvdiff payouts-wide.csv ledger.csv --primary-key 0 --columns 1 --include 0 -o rowmark >csvdiff.out 2>/dev/null
}
counts_csvdiff() {
  awk -F, '{n[$NF]++} END {print "-", n["MODIFIED"] + 0, n["DELETED"] + 0, n["ADDED"] + 0}' csvdiff.out
}

peers=(ours recorded)
has sqlite3 && peers+=(sqlite3)
has csvdiff && peers+=(csvdiff)
has duckdb && peers+=(duckdb)
if has node && node -e "require('@duckdb/node-api')" 2>/dev/null; then
  [ -f duck.db ] || node "$bench/duckdb.cjs" load
  peers+=(duck_csv duck_table)
fi
rm -f ./*.measured
echo "load before: $(load)"
for _ in $(seq "$rounds"); do
  for peer in "${peers[@]}"; do "run_$peer"; done
done
echo "load after: $(load)"
want=$(counts_ours)
table_head "agreed, other amount, only payout, only entry"
for peer in "${peers[@]}"; do
  got=$(counts_"$peer")
  table_row "$peer" ours "$got"
  case "$peer" in csvdiff) wanted="- ${want#* }" ;; *) wanted=$want ;; esac
  if [ "$got" != "$wanted" ]; then echo "  the counts differ from ours ($want)" && failed=1; fi
done
exit "${failed:-0}"
