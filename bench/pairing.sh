#!/usr/bin/env bash
# How fast is the pairing? Payouts in a mirror against a ledger CSV in random order, as a whole process, beside the peers
# that are installed: the sqlite3 shell (.import + FULL OUTER JOIN), csvdiff, DuckDB.
#
#   bench/pairing.sh [PAYOUTS, default 1000000] [FOLDER to keep the inputs in]
#
# It builds the inputs from the sandbox (fetched through the real sync), runs everybody three times in turn, checks that
# all agree on the counts, and prints medians and ratios. Machines are noisy: read the ratios of one run.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
payouts=${1:-1000000}
work=${2:-}
if [ -z "$work" ]; then work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; fi
mkdir -p "$work" && cd "$work"
go build -C "$root" -o "$work/payrecon" ./cmd/payrecon
export PAYRECON_API_TOKEN=sandbox-token
from=$(date -u -d '-364 days' +%F) to=$(date -u -d '-1 day' +%F)

if [ ! -f ledger.csv ]; then
  echo "building the inputs: $payouts payouts"
  ./payrecon sandbox --addr 127.0.0.1:8098 --payouts "$payouts" --days 365 --breaks -1 >sandbox.out 2>&1 &
  sandbox=$!
  until grep -q http sandbox.out; do sleep 0.2; done
  printf 'api: {base_url: "http://127.0.0.1:8098", rate_limit: none}\n' >payrecon.yaml
  time ./payrecon backfill --from "$from" --to "$to" -q
  kill $sandbox
  (cd "$root" && go run bench/inputs.go "$work/payrecon.db" "$work")
fi

# Each peer prints: agreed, other amount, only payout, only entry (a duplicate entry counts as agreed).
ours() {
  ./payrecon reconcile --ledger ledger.csv --offline --no-record --from "$from" --to "$to" --json -q >ours.json 2>/dev/null || [ $? = 3 ]
}
counts_ours() {
  awk -F'[:,]' '/"outcome":/ {gsub(/[" ]/, "", $2); o = $2}
    /"payouts":/ && o {p = $2 + 0} /"entries":/ && o {e = $2 + 0
      if (o == "amount_mismatch") other += p
      else if (o == "missing_in_ledger") left += p
      else if (o == "missing_at_provider" || o == "not_fetched") right += e
      else agreed += e
      o = ""}
    END {print agreed + 0, other + 0, left + 0, right + 0}' ours.json
}
shell() {
  rm -f shell.db
  sqlite3 shell.db >shell.out <<SQL
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
counts_shell() { tail -1 shell.out | tr '|' ' '; }
duck() {
  duckdb -c "COPY (SELECT count(*) FILTER (p.amount = l.amount), count(*) FILTER (p.amount <> l.amount), count(*) FILTER (l.ref_id IS NULL),
    count(*) FILTER (p.ref_id IS NULL) FROM read_csv('payouts.csv', types={'amount': 'DECIMAL(18,4)'}) p
    FULL OUTER JOIN read_csv('ledger.csv', types={'amount': 'DECIMAL(18,4)'}) l ON p.ref_id = l.ref_id) TO 'duck.out' (HEADER false, DELIMITER ' ')"
}
counts_duck() { cat duck.out; }
csvdiffer() { csvdiff payouts.csv ledger.csv --primary-key 0 --columns 1 -o json >csvdiff.out 2>/dev/null; }
counts_csvdiffer() { echo "(csvdiff reports rows, not counts)"; }

peers=(ours)
command -v sqlite3 >/dev/null && peers+=(shell)
command -v duckdb >/dev/null && peers+=(duck)
command -v csvdiff >/dev/null && peers+=(csvdiffer)
declare -A times
for round in 1 2 3; do
  for peer in "${peers[@]}"; do
    start=$(date +%s%N)
    $peer
    times[$peer]+="$(( ($(date +%s%N) - start) / 1000000 )) "
  done
done
echo
printf '%-10s %10s %7s   %s\n' peer "median ms" ratio "agreed, other amount, only payout, only entry"
median() { tr ' ' '\n' <<<"$1" | grep . | sort -n | sed -n 2p; }
base=$(median "${times[ours]}")
want=$(counts_ours)
for peer in "${peers[@]}"; do
  ms=$(median "${times[$peer]}")
  got=$(counts_$peer)
  printf '%-10s %10s %6s%%   %s\n' "$peer" "$ms" "$((ms * 100 / base))" "$got"
  case "$got" in "$want"|\(*) ;; *) echo "  the counts differ from ours ($want)"; failed=1;; esac
done
if [ -x /usr/bin/time ]; then
  /usr/bin/time -f 'ours: peak %M KB' ./payrecon reconcile --ledger ledger.csv --offline --no-record --from "$from" --to "$to" --json -q >/dev/null || true
fi
exit "${failed:-0}"
