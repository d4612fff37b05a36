#!/bin/bash
# From exec to the first right answer, and memory: txtd on a store of DELEGATES delegates, the first LIVE of them with two values.
#
#     bench/start.sh BUILD_DIR DIRECTORY DELEGATES [LIVE] [ROUNDS]
#
# The store is made below DIRECTORY when it is not there yet, and stays: 100 million idle delegates take about 2.5 GB. Each round starts
# once with the page cache dropped (cold; needs root) and once with what the start before left in it (warm).
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 3 ] && [ $# -le 5 ] || usage
build=$1 dir=$2 delegates=$3 live=${4:-0} rounds=${5:-3}
check_build "$build" control/txtd bench/bench_start
check_numbers "$delegates" "$rounds"
[ "$live" = 0 ] || check_numbers "$live"
store=$dir/start-$delegates-$live
port=$((20000 + RANDOM % 10000))
mkdir -p "$dir"
config=$(mktemp -d)
trap 'rm -rf "$config"' EXIT

if [ ! -e "$store/filled" ]; then
    rm -rf "$store"
    mkdir "$store"
    "$build/bench/bench_start" fill "$store/db" "$delegates" "$live"
    touch "$store/filled"
fi
cat >"$config/txtd.yaml" <<YAML
zones:
  - name: auth.example
    nameservers: [{name: ns1.auth.example, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:$port"]}
api: {listen: ["127.0.0.1:$((port + 1))"], internal_listen: ["127.0.0.1:$((port + 2))"], self_signed: true}
store: {directory: $store/db}
process: {state_directory: $config/state}
log: {level: warning}
YAML
echo "| delegates ($live live) | exec to answer | resident | peak |"
echo "|---|---|---|---|"
for round in $(seq "$rounds"); do
    sync
    [ ! -w /proc/sys/vm/drop_caches ] || echo 3 >/proc/sys/vm/drop_caches
    echo "round $round, cold:"
    "$build/bench/bench_start" run "$delegates" "$build/control/txtd" "$config/txtd.yaml" "$port"
    echo "round $round, warm:"
    "$build/bench/bench_start" run "$delegates" "$build/control/txtd" "$config/txtd.yaml" "$port"
done
