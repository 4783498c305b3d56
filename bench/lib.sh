# What the benchmark scripts share. Sourced in the working folder, with $bench and $work set; builds payrecon and measure there.
export PAYRECON_API_TOKEN=sandbox-token
go build -C "$bench/.." -o "$work/payrecon" ./cmd/payrecon
go build -C "$bench/.." -o "$work/measure" bench/measure.go

has() { command -v "$1" >/dev/null; }
load() { cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null || uptime | sed 's/.*average[s]*: //'; }
ago() { date -u -d "-$1 days" +%F 2>/dev/null || date -u -v "-$1d" +%F; }

# measured NAME COMMAND...: adds a line to NAME.measured: wall ms, processor ms, peak KiB. Exit 3, an incomplete source, is
# a result too.
measured() {
  ./measure "$1.measured" "${@:2}" || [ $? = 3 ] || { echo "$1 failed" >&2 && return 1; }
}
# middle NAME COLUMN: the median of one column of NAME.measured.
middle() {
  cut -d ' ' -f "$2" "$1.measured" | sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}
table_head() { printf '%-12s %9s %6s %9s %6s %8s   %s\n' "" "wall ms" ratio "cpu ms" ratio "peak MB" "$1"; }
# table_row NAME BASE REMARK: medians of NAME, and their ratio to those of BASE.
table_row() {
  local wall cpu peak wall0 cpu0
  wall=$(middle "$1" 1) cpu=$(middle "$1" 2) peak=$(middle "$1" 3) wall0=$(middle "$2" 1) cpu0=$(middle "$2" 2)
  awk -v name="$1" -v w="$wall" -v c="$cpu" -v p="$peak" -v w0="$wall0" -v c0="$cpu0" -v remark="$3" 'BEGIN {
    printf "%-12s %9d %6.2f %9d %6.2f %8d   %s\n", name, w, w / w0, c, c / c0, p / 1024, remark}'
}

# serve FLAGS...: a sandbox on a free port, and payrecon.yaml for it. serve_end ends it.
serve() {
  rm -f sandbox.out sandbox.err
  ./payrecon sandbox --addr 127.0.0.1:0 "$@" >sandbox.out 2>sandbox.err &
  sandbox=$!
  for _ in $(seq 600); do
    grep -qs http sandbox.out && break
    kill -0 "$sandbox" || { cat sandbox.err && return 1; }
    sleep 0.1
  done
  printf 'api: {base_url: "%s", rate_limit: none}\n' "$(grep -hoE 'http://127[0-9.]+:[0-9]+' sandbox.out | head -1)" >payrecon.yaml
}
serve_end() { kill "$sandbox" && { wait "$sandbox" || true; } 2>/dev/null; }
