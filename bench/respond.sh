#!/bin/bash
# The responder alone, without sockets: nanoseconds and instructions a query, workers side by side, what counting costs.
#
#     [PARTS="ns instructions workers counting"] bench/respond.sh BUILD_DIR [DELEGATES ...]     default: 1000 100000 1000000 10000000
#
# ns            hits, misses and both, with and without EDNS, at each size, on CPU 0 (bench_respond)
# instructions  the same by callgrind, which drifts with nobody; making 10,000,000 delegates takes it half a minute a case
# workers       one worker and one on every CPU over one table, without a writer, beside 20,000 changes/s and beside as many as go
#               (bench_workers), at each size
# counting      counters, usage notes and latency samples against a build without them, at 100,000 delegates (bench_counting)
#
# 10,000,000 delegates take 1.6 GiB.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -gt 0 ] || usage
build=$1
shift
[ $# -gt 0 ] || set -- 1000 100000 1000000 10000000
check_build "$build" bench/bench_respond bench/bench_workers bench/bench_counting
check_numbers "$@"
parts=${PARTS-ns instructions workers counting}
check_words "$parts" "ns instructions workers counting"
! has_word "$parts" instructions && ! has_word "$parts" counting || need valgrind valgrind
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

instructions() { # FUNCTION PROGRAM ARGUMENT...: an answer, of those whose number the program prints
    local function=$1
    shift
    valgrind --tool=callgrind --toggle-collect="$function" --callgrind-out-file="$dir/out" "$@" >"$dir/asked" 2>"$dir/log"
    awk -v asked="$(cat "$dir/asked")" '/Collected/ { printf "%.0f", $4 / asked }' "$dir/log"
}

if has_word "$parts" ns; then
    "$build/bench/bench_respond" "$@"
    echo
fi
if has_word "$parts" instructions; then
    echo "| delegates | hit | hit-edns | miss | miss-edns | mixed | mixed-edns |   instructions a query"
    echo "|---|---|---|---|---|---|---|"
    for delegates; do
        row="| $delegates |"
        for case in hit hit-edns miss miss-edns mixed mixed-edns; do
            row="$row $(instructions respond_burst "$build/bench/bench_respond" -c "$case" 32768 "$delegates") |"
        done
        echo "$row"
    done
    echo
fi
if has_word "$parts" workers; then
    "$build/bench/bench_workers" "$@"
    echo
fi
if has_word "$parts" counting; then
    "$build/bench/bench_counting"
    counted() { instructions "$1" "$build/bench/bench_counting" -c "$1" 32768; }
    awk -v a="$(counted counted)" -v b="$(counted unnoted)" -v c="$(counted uncounted)" 'BEGIN {
        printf "| instructions | %d | %d | %+.1f %% | %+.1f %% | %+.1f %% |\n", a, c, (a - c) / c * 100, (a - b) / c * 100, (b - c) / c * 100
    }'
fi
