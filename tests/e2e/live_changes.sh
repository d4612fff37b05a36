#!/bin/sh
# A short run of bench_live: changes while a checker holds every answer over UDP against the history of values; and the same with
# a table that leaves changes out, which must not pass. Usage: live_changes.sh BENCH_LIVE BENCH_LIVE_LOSING
set -eu
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/txtd-live-XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$1" "$dir/store" 0 2000 3000 1000 1 1
if "$2" "$dir/losing" 0 2000 3000 1000 1 1; then
    echo "FAIL: the checker has not noticed that changes were left out" >&2
    exit 1
fi
