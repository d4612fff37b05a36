#!/bin/bash
# What a request costs before any of txtd's own work: libh2o, the request guard and TLS, with a handler that does nothing.
#
#     bench/http.sh BUILD_DIR [ROUNDS] [SECONDS]          default: 3 4
#
# One bench_http with one thread, `h2load --h1 -c 64 -t 1` beside it on the same cores; in turn in plain text, over TLS, and over TLS with
# the answer from a second thread, as an update's. Prints a row a run, then medians: requests a second, and CPU of the server for each.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 1 ] && [ $# -le 3 ] || usage
build=$1 rounds=${2:-3} seconds=${3:-4}
check_build "$build" bench/bench_http
check_numbers "$rounds" "$seconds"
need h2load nghttp2-client
dir=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT
mkfifo "$dir/input"

run() { # NAME SCHEME [keep]
    local name=$1 scheme=$2 ports
    : >"$dir/server"
    "$build/bench/bench_http" 1 ${3:+"$3"} <"$dir/input" >"$dir/server" &
    pid=$!
    exec 3>"$dir/input" # the server ends with it
    until [ -s "$dir/server" ]; do
        kill -0 "$pid"
        sleep 0.05
    done
    read -r -a ports <"$dir/server"
    [ "$scheme" = http ] && ports[1]=${ports[0]}
    h2load --h1 -c 64 -t 1 -D "$seconds" "$scheme://127.0.0.1:${ports[1]}/" >"$dir/h2load" 2>&1
    exec 3>&-
    wait "$pid"
    pid=
    awk -v name="$name" -v rate="$(awk '/^finished in/ { print $4 }' "$dir/h2load")" \
        '/^requests/ { printf "%-9s %8.0f requests/s  %6.2f us of CPU each\n", name, rate, $6 }' "$dir/server" | tee -a "$dir/rows"
}

for _ in $(seq "$rounds"); do
    run plain http
    run tls https
    run tls-keep https keep
done
echo
echo "| | requests/s | CPU us each |"
echo "|---|---|---|"
for name in plain tls tls-keep; do
    echo "| $name | $(awk -v name="$name" '$1 == name { print $2 }' "$dir/rows" | median) |" \
        "$(awk -v name="$name" '$1 == name { print $4 }' "$dir/rows" | median) |"
done
