#!/bin/bash
# The responder alone: nanoseconds and instructions a query.
#
#     bench/respond.sh BUILD_DIR [DELEGATES ...]          default: 1000 100000 1000000 10000000
#
# Nanoseconds as bench_respond takes them, on CPU 0; instructions by callgrind, with and without EDNS, at 100,000 delegates.
# 10,000,000 delegates take 1.6 GiB.
set -eu
build=$1
shift
bench=$build/bench/bench_respond
[ $# -gt 0 ] || set -- 1000 100000 1000000 10000000
"$bench" "$@"
command -v valgrind >/dev/null || {
    echo "no valgrind: no instructions counted" >&2
    exit 1
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
printf '%-11s %12s\n' case instructions
for case in hit hit-edns miss miss-edns mixed mixed-edns; do
    valgrind --tool=callgrind --toggle-collect=respond_burst --callgrind-out-file="$dir/out" "$bench" -c "$case" 32768 \
        >"$dir/asked" 2>"$dir/log"
    awk -v case="$case" -v asked="$(cat "$dir/asked")" '/Collected/ { printf "%-11s %12.0f\n", case, $4 / asked }' "$dir/log"
done
