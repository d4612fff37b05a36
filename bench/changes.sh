#!/bin/bash
# What changes cost: durable updates and registrations over HTTPS, TLS handshakes, and what all that does to DNS.
#
#     bench/changes.sh BUILD_DIR [ACCOUNTS] [ROUNDS] [SECONDS] [CONNECTIONS] [QUERIES]
#
# One txtd with two threads for the API and one DNS worker, nothing pinned; the clients (bench_changes, dnsperf) run on the same
# cores. Each round measures in turn: updates over connections that stay, registrations, updates with a connection and a full TLS
# handshake each (ECDSA P-256), the same with the session taken up, handshakes alone; then dnsperf at QUERIES a second with nothing
# else, with a loop that does nothing on each CPU (as nice as the API's threads: what a busy machine costs by itself), with
# 20,000 updates/s (evenly; p50 and p99 count from when each was due), with as many updates as go, with registrations, with a
# flood of handshakes. Prints a row a measurement, then medians; and what the disk and the store alone do.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 1 ] && [ $# -le 6 ] || usage
build=$1 accounts=${2:-10000} rounds=${3:-3} seconds=${4:-4} connections=${5:-64} dns_rate=${6:-60000}
load=$build/bench/bench_changes
check_build "$build" control/txtd bench/bench_changes bench/bench_store
check_numbers "$accounts" "$rounds" "$seconds" "$connections" "$dns_rate"
need dnsperf dnsperf
update_rate=20000
hz=$(getconf CLK_TCK)
dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}")
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

cat >"$dir/txtd.yaml" <<YAML
zones:
  - name: auth.example
    nameservers: [{name: ns1.auth.example, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:0"], workers: 1, pin: false, rrl: {enabled: false}}
api:
  listen: ["127.0.0.1:0"]
  threads: 2
  limits: {connections_per_client: 4096, registrations_per_minute: 0, registrations_per_second_total: 0, updates_per_minute: 0}
store: {reserve: 64MiB}
process: {state_directory: $dir/state}
YAML
"$build/control/txtd" -c "$dir/txtd.yaml" 2>"$dir/log" &
pid=$!
for _ in $(seq 100); do
    grep -q start.end "$dir/log" && break
    sleep 0.1
done
port_of() { sed -n "s/.*event=$1 address=127.0.0.1:\([0-9]*\) .*/\1/p" "$dir/log" | head -n 1; }
dns_port=$(port_of dns.listening) api_port=$(port_of api.listening)
"$load" prepare "$api_port" "$dir/accounts" "$accounts"
awk '{ print $1 "." $4 " TXT" }' "$dir/accounts" | shuf >"$dir/names"

process_ticks() { sed 's/(.*)/x/' "/proc/$pid/stat" | awk '{ print $14 + $15 }'; }
# Nanoseconds that threads of these names have run.
thread_ns() { # PATTERN
    local task sum=0 ran
    for task in /proc/"$pid"/task/*; do
        if grep -qE "$1" "$task/comm"; then
            read -r ran _ <"$task/schedstat"
            sum=$((sum + ran))
        fi
    done
    echo $sum
}

changes() { # NAME MODE [FILE]: appends "NAME rate p50 p99 max refused broken us" to the rows
    local name=$1 mode=$2 before after
    shift 2
    before=$(process_ticks)
    "$load" "$mode" "$api_port" "$connections" "$seconds" "$@" >"$dir/figures"
    after=$(process_ticks)
    awk -v name="$name" -v ticks=$((after - before)) -v hz="$hz" -v s="$seconds" \
        '{ printf "%-13s %8.0f /s  p50 %6.2f ms  p99 %6.2f ms  %6.1f us of CPU each  %d refused %d broken %d resumed\n",
           name, $1, $2, $3, ticks / hz / ($1 * s) * 1e6, $5, $6, $7 }' "$dir/figures" | tee -a "$dir/rows"
}

spin() { # SECONDS
    local cpus=
    for _ in $(seq "$(nproc)"); do
        nice -n 10 timeout "$1" sh -c 'while :; do :; done' &
        cpus="$cpus $!"
    done
    # shellcheck disable=SC2086 # a list
    wait $cpus || true
    echo 0 0 0 >"$dir/figures"
}

dns() { # NAME [spin | MODE [FILE [RATE]]]: dnsperf while the load runs
    local name=$1 loader='' before after
    shift
    if [ "${1:-}" = spin ]; then
        spin $((seconds + 2)) &
        loader=$!
        sleep 1
    elif [ $# -gt 0 ]; then
        local mode=$1
        shift
        "$load" "$mode" "$api_port" "$connections" $((seconds + 2)) "$@" >"$dir/figures" &
        loader=$!
        sleep 1
    fi
    before=$(thread_ns '^dns-')
    dnsperf -s 127.0.0.1 -p "$dns_port" -d "$dir/names" -c 4 -T 1 -q 100 -Q "$dns_rate" -l "$seconds" >"$dir/dnsperf" 2>&1
    after=$(thread_ns '^dns-')
    [ -z "$loader" ] || wait "$loader"
    awk -v name="$name" -v ns=$((after - before)) -v load="${loader:+beside $(awk '{ print $1 "/s, p99 " $3 " ms" }' "$dir/figures")}" '
        /Queries completed/ { answers = $3 } /Queries lost/ { lost = $3 } /Queries per second/ { rate = $4 }
        /Average Latency/ { mean = $4 * 1e3 }
        END { printf "%-13s %8.0f answers/s  %6.2f us of CPU each  mean %.2f ms  %d lost  %s\n",
              name, rate, ns / answers / 1e3, mean, lost, load }' \
        "$dir/dnsperf" | tee -a "$dir/rows"
}

for _ in $(seq "$rounds"); do
    changes updates update "$dir/accounts"
    changes registrations register
    changes reconnects reconnect "$dir/accounts"
    changes resumed resume "$dir/accounts"
    changes handshakes handshake
    dns dns-idle
    dns dns-spin spin
    dns dns-updates update "$dir/accounts" "$update_rate"
    dns dns-upd-full update "$dir/accounts"
    dns dns-registers register
    dns dns-flood handshake
done
kill "$pid"
wait "$pid" || true
pid=
"$build/bench/bench_store" "$dir" 100000 >"$dir/store"

median_of() { # NAME FIELD
    awk -v name="$1" -v field="$2" '$1 == name { print $field }' "$dir/rows" | median
}
echo
echo "medians of $rounds rounds, $accounts accounts, $connections connections:"
echo
echo "| over HTTPS | a second | p50 ms | p99 ms | CPU us each |"
echo "|---|---|---|---|---|"
for name in updates registrations reconnects resumed handshakes; do
    echo "| $name | $(median_of $name 2) | $(median_of $name 5) | $(median_of $name 8) | $(median_of $name 10) |"
done
echo
echo "| DNS at $dns_rate queries/s | CPU us an answer | to idle | to spin | mean ms |"
echo "|---|---|---|---|---|"
idle=$(median_of dns-idle 4) spin=$(median_of dns-spin 4)
for name in dns-idle dns-spin dns-updates dns-upd-full dns-registers dns-flood; do
    each=$(median_of $name 4)
    echo "| $name | $each | $(awk -v a="$each" -v b="$idle" -v c="$spin" 'BEGIN { printf "%.2f | %.2f", a / b, a / c }') | $(median_of $name 10) |"
done
echo
head -n 3 "$dir/store"
