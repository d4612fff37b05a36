#!/bin/bash
# Kernel UDP over loopback: the floor, txtd's dataplane, a look-up in SQLite a query, Knot DNS and NSD in turn.
#
#     [ROWS="floor txtd ..."] bench/udp.sh BUILD_DIR [DELEGATES] [ROUNDS] [SECONDS]          default: 100000 3 8
#
# Server on CPU 0, `dnsperf -c 10 -T 1 -q 100` on CPU 1, 100,000 random names with two live values each; no rate limiting but where
# it says so. Prints a row a run, then medians: CPU seconds of the server per million answers, which is what counts; the client often
# limits the rate. All rows take 11 s each and round, with 10,000,000 delegates 5 s more where txtd holds them. The rows:
#
#   floor          recvmmsg, turn a bit, append, sendmmsg (bench_udp_floor)
#   txtd-ungather  txtd with gathering off: to be compared with floor
#   floor-gather   the floor, letting queries gather as txtd does (dataplane/io/gather.h)
#   txtd           txtd as it comes: to be compared with floor-gather, and with the others
#   txtd-rrl       txtd with rate limiting that nobody reaches
#   txtd-two       txtd with two workers, on CPUs 0 and 1, where dnsperf is, too: only the CPU seconds tell
#   single         one query at a time, a look-up in SQLite each: a lower bound for acme-dns (bench_udp_single.c says why)
#   knot nsd       one worker each; they hold the names that are asked for, and no more
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
# shellcheck source=bench/dns_servers.sh
. "$here/dns_servers.sh"
[ $# -ge 1 ] && [ $# -le 4 ] || usage
build=$1 delegates=${2:-100000} rounds=${3:-3} seconds=${4:-8}
floor=$build/bench/bench_udp_floor server=$build/bench/bench_udp_server single=$build/bench/bench_udp_single
all="floor txtd-ungather floor-gather txtd txtd-rrl txtd-two single knot nsd"
rows=${ROWS-$all}
check_build "$build" bench/bench_udp_floor bench/bench_udp_server bench/bench_udp_single
check_numbers "$delegates" "$rounds" "$seconds"
check_words "$rows" "$all"
need dnsperf dnsperf
need kdig knot-dnsutils
! has_word "$rows" knot || need knotd knot
! has_word "$rows" nsd || need nsd nsd
need_cpus 2
port=$((20000 + RANDOM % 10000))
dir=$(mktemp -d)
chmod 755 "$dir"
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

"$server" names "$delegates" 100000 >"$dir/names"
write_zone >"$dir/zone"
write_knot "127.0.0.1@$port" >"$dir/knot.conf"
write_nsd "127.0.0.1@$port" >"$dir/nsd.conf"
! has_word "$rows" single || "$single" fill "$dir/database" <"$dir/names"

run() { # NAME CPUS COMMAND...
    local name=$1 cpus=$2 before after
    shift 2
    has_word "$rows" "$name" || return 0
    setsid taskset -c "$cpus" "$@" >"$dir/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 600); do # until it answers
        kdig +retry=0 +timeout=1 @127.0.0.1 -p "$port" auth.example SOA 2>/dev/null | grep -q Received && break
        sleep 0.1
    done
    before=$(group_ticks "$pid")
    taskset -c 1 dnsperf -s 127.0.0.1 -p "$port" -d "$dir/names" -c 10 -T 1 -q 100 -l "$seconds" >"$dir/dnsperf" 2>&1
    after=$(group_ticks "$pid")
    [ -e "/proc/$pid/stat" ] || { echo "$name is gone:" && cat "$dir/server.log" && exit 1; }
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    awk -v name="$name" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        /Queries completed/ { answers = $3 } /Queries lost/ { lost = $3 } /Queries per second/ { rate = $4 }
        END { printf "%-13s %8.0f answers/s  %6.3f CPU-s/M  %d lost\n", name, rate, ticks / hz / answers * 1e6, lost }' \
        "$dir/dnsperf" | tee -a "$dir/rows"
}

for _ in $(seq "$rounds"); do
    run floor 0 "$floor" "$port"
    run txtd-ungather 0 "$server" -g 0 "$port" "$delegates"
    run floor-gather 0 "$floor" -g 100 "$port"
    run txtd 0 "$server" "$port" "$delegates"
    run txtd-rrl 0 "$server" -r "$port" "$delegates"
    run txtd-two 0,1 "$server" -w 2 "$port" "$delegates"
    run single 0 "$single" "$port" "$dir/database"
    run knot 0 knotd -c "$dir/knot.conf"
    run nsd 0 nsd -d -c "$dir/nsd.conf"
done

cost() { median_of "$dir/rows" "$1" 4; }
echo
echo "medians of $rounds rounds of $seconds s, $delegates delegates; CPU seconds of the server per million answers"
echo
echo "| server | answers/s | CPU-s/M | to floor | to floor-gather | to knot | to nsd |"
echo "|---|---|---|---|---|---|---|"
for row in $rows; do
    each=$(cost "$row")
    echo "| $row | $(median_of "$dir/rows" "$row" 2) | $each | $(ratio "$each" "$(cost floor)") |" \
        "$(ratio "$each" "$(cost floor-gather)") | $(ratio "$each" "$(cost knot)") | $(ratio "$each" "$(cost nsd)") |"
done
echo
echo "targets: txtd-ungather to floor and txtd to floor-gather <= 1.10; txtd to knot and to nsd <= 0.67"
