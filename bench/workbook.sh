#!/usr/bin/env bash
# How fast is the workbook? A typical month (50,000 agreed payouts, 200 breaks) and 1,000,000 agreed rows: our writer, all
# sheets, beside Python's XlsxWriter (Debian: python3-xlsxwriter) in constant-memory mode, which writes the rows of Matched
# only. Whole processes: time and peak of resident memory.
#
#   bench/workbook.sh [ROWS, default 1000000] [ROUNDS, default 3]
#
# PYTHON names another interpreter. That both wrote every row is checked by counting rows in the files.
set -euo pipefail
bench=$(cd "$(dirname "$0")" && pwd)
million=${1:-1000000}
rounds=${2:-3}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cd "$work"
. "$bench/lib.sh"
go build -C "$bench/.." -o "$work/workbook" bench/workbook.go
sample=$bench/../report/testdata/samples/month.json
for python in "${PYTHON:-}" python3 /usr/bin/python3 ""; do
  [ -n "$python" ] && "$python" -c 'import xlsxwriter' 2>/dev/null && break
done
[ -n "$python" ] || echo "XlsxWriter is not installed: only our own figures"

# rows_in BOOK SHEET-PART: the rows of one sheet of a workbook.
rows_in() { unzip -p "$1" "$2" | tr '>' '\n' | grep -c '^<row ' || true; }
# largest_part BOOK: our sheet Matched is the one with the most bytes.
largest_part() { unzip -lqq "$1" 'xl/worksheets/*.xml' | sort -n | awk 'END {print $4}'; }

echo "load before: $(load)"
for size in "50000 200" "$million 200"; do
  read -r rows breaks <<<"$size"
  ours=ours-$rows theirs=xlsxwriter-$rows reading=reading-$rows
  [ -z "$python" ] || ./workbook rows "$sample" "$rows" "$breaks" rows.tsv
  for _ in $(seq "$rounds"); do
    measured "$ours" ./workbook write "$sample" "$rows" "$breaks" ours.xlsx
    [ -n "$python" ] || continue
    measured "$theirs" "$python" "$bench/workbook.py" rows.tsv theirs.xlsx
    measured "$reading" "$python" "$bench/workbook.py" rows.tsv
  done
  table_head "rows in the file, bytes"
  for one in "$ours ours.xlsx" ${python:+"$theirs theirs.xlsx"}; do
    read -r name book <<<"$one"
    found=$(rows_in "$book" "$(largest_part "$book")")
    table_row "$name" "$ours" "$found, $(wc -c <"$book")"
    if [ "$found" -lt "$rows" ]; then echo "  rows are missing: $found of $rows" && failed=1; fi
  done
  [ -z "$python" ] || table_row "$reading" "$ours" "of which reading the rows in Python"
done
echo "load after: $(load)"
exit "${failed:-0}"
