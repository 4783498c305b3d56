#!/usr/bin/env bash
# How fast is history read? The real `backfill` against the real sandbox.
#
#   bench/backfill.sh [PAYOUTS, default 1000000] [PAYOUTS far away, default 100000]
#
# First a few payouts with 50 ms per answer, and 1, 4 and 8 windows at once: wall time beside requests x latency /
# workers, the least that is possible. Then many with no latency: a year into a new mirror, and the ten weeks before it
# into the full one: rows a second, and the peak of resident memory of backfill alone. The sandbox shares the machine.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
payouts=${1:-1000000}
distant=${2:-100000}
work=$(mktemp -d)
cd "$work"
. "$bench/lib.sh"
trap '[ -z "${sandbox:-}" ] || kill "$sandbox" 2>/dev/null || true; rm -rf "$work"' EXIT

# backfill NAME FROM TO WORKERS: one backfill, measured; days ago; its summary in NAME.json.
backfill() {
  measured "$1" ./payrecon backfill --from "$(ago "$2")" --to "$(ago "$3")" --json -q --workers "$4" >"$1.json"
}
# told NAME MEMBER: a number of the summary.
told() { awk -F'[:,]' -v member="\"$2\"" '{gsub(/ /, "", $1)} $1 == member {print $2 + 0; exit}' "$1.json"; }

echo "load before: $(load)"
latency=50
echo "$distant payouts, $latency ms an answer"
serve --payouts "$distant" --days 365 --breaks -1 --latency "${latency}ms"
printf '%-12s %9s %9s %9s %6s %9s\n' workers requests "least ms" "wall ms" ratio "cpu ms"
for workers in 1 4 8; do
  rm -f payrecon.db*
  backfill "at-$workers" 364 1 "$workers"
  awk -v n="$workers" -v r="$(told "at-$workers" requests)" -v l=$latency -v w="$(middle "at-$workers" 1)" -v c="$(middle "at-$workers" 2)" 'BEGIN {
    printf "%-12d %9d %9d %9d %6.2f %9d\n", n, r, r * l / n, w, w / (r * l / n), c}'
done
serve_end

echo
echo "$payouts payouts a year, no latency, 4 workers"
rm -f payrecon.db*
serve --payouts "$((payouts * 6 / 5))" --days 438 --breaks -1
printf '%-12s %9s %9s %9s %9s %9s %8s\n' mirror read "wall ms" "rows/s" "cpu ms" "rows/cpu s" "peak MB"
backfill new 364 1 4
backfill full 437 365 4
for mirror in new full; do
  awk -v name="$mirror" -v r="$(told "$mirror" rows)" -v w="$(middle "$mirror" 1)" -v c="$(middle "$mirror" 2)" -v p="$(middle "$mirror" 3)" 'BEGIN {
    printf "%-12s %9d %9d %9d %9d %9d %8d\n", name, r, w, r * 1000 / w, c, r * 1000 / c, p / 1024}'
done
serve_end
echo "load after: $(load)"
