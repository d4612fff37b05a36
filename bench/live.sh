#!/bin/bash
# Live changes under load: no lost or torn answer, and what they do to the latency of DNS.
#
#     bench/live.sh BUILD_DIR [DIRECTORY] [QUERIES] [ROUNDS] [SECONDS]
#
# bench_live serves 100,000 delegates and changes 20,000 a second through the committer, the store in DIRECTORY (/var/tmp; synced)
# and the feed, half of them on 64 delegates; its checker asks 5,000 times a second and holds every answer against the history of
# values. Beside it dnsperf asks QUERIES a second (30,000). In turn: without changes, without but beside as much work for nothing
# (fdatasync and an idle loop, as nice), with changes. Prints a row each, medians, and dnsperf's words.
#
# With APART=1 the DNS worker has CPU 0 for itself, and all else, clients too, is on CPU 1.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 1 ] && [ $# -le 5 ] || usage
build=$1 queries=${3:-30000} rounds=${4:-5} seconds=${5:-2}
check_build "$build" bench/bench_live bench/bench_udp_server
check_numbers "$queries" "$rounds" "$seconds"
need dnsperf dnsperf
dir=$(mktemp -d -p "${2:-/var/tmp}")
port=$((20000 + RANDOM % 10000))
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

"$build/bench/bench_udp_server" names 100000 100000 >"$dir/names"
"$build/bench/bench_live" "$dir/store" "$port" 100000 20000 5000 "$seconds" "$rounds" >"$dir/rows" &
pid=$!
until grep -q ready "$dir/rows"; do
    kill -0 "$pid"
    sleep 0.1
done
aside=()
if [ -n "${APART:-}" ]; then
    aside=(taskset -c 1)
    while sleep 0.2 && kill -0 "$pid" 2>/dev/null; do # threads come and go
        for task in /proc/"$pid"/task/*; do
            grep -qx dns-udp-0 "$task/comm" 2>/dev/null || taskset -p -c 1 "${task##*/}" >/dev/null 2>&1 || true
        done
    done &
fi
"${aside[@]}" dnsperf -s 127.0.0.1 -p "$port" -d "$dir/names" -c 4 -T 1 -q 100 -Q "$queries" -l $((3 * rounds * seconds)) >"$dir/dnsperf" 2>&1
status=0
wait "$pid" || status=$?
pid=
cat "$dir/rows"
grep -E "Queries (completed|lost|per second)|Average Latency" "$dir/dnsperf"
exit "$status"
