#!/bin/bash
# AF_XDP in two network namespaces joined by a veth pair: floors, txtd and Knot, over AF_XDP and over kernel UDP, in turn.
#
#     [ROWS="..."] [CLIENTS="dnsperf kxdpgun latency"] bench/xdp.sh BUILD_DIR [DELEGATES] [ROUNDS] [SECONDS]   default: 100000 3 5
#
# The server runs on CPU 0, the client on CPU 1: `dnsperf -c 8 -q 300`, and for a second table kxdpgun, which goes past the kernel as
# well and asks KXDPGUN_RATE (100000) times a second whatever comes back. Prints a row a run, then the medians: CPU seconds of
# the server per million answers, and with dnsperf those of the whole machine. Each row takes 8 s a round and client. Needs root. The
# rows:
#
#   xdp-floor          AF_XDP, turns the headers round and sets a bit (bench_xdp_floor)
#   xdp-txtd-ungather  txtd with gathering off: to be compared with xdp-floor
#   xdp-floor-gather   the floor, letting queries gather as txtd does (dataplane/io/gather.h)
#   xdp-txtd           txtd as it comes: to be compared with xdp-floor-gather, and with the others
#   xdp-knot           Knot's `xdp: listen:`
#   udp-floor udp-txtd-ungather udp-floor-gather udp-txtd udp-knot    the same over the kernel's sockets, on the same veth pair
#
# CLIENTS=latency is a third table, of txtd's rows only: dnsperf asks LATENCY_RATE (80000; queries gather from 67,000 on) times a
# second, and a second dnsperf beside it on CPU 1 500 times, which does not wait for the first one to leave the CPU (real-time); p50
# and p99 are those of the second one's queries.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
# shellcheck source=bench/dns_servers.sh
. "$here/dns_servers.sh"
[ $# -ge 1 ] && [ $# -le 4 ] || usage
build=$1 delegates=${2:-100000} rounds=${3:-3} seconds=${4:-5}
gun_rate=${KXDPGUN_RATE:-100000} latency_rate=${LATENCY_RATE:-80000}
all="xdp-floor xdp-txtd-ungather xdp-floor-gather xdp-txtd xdp-knot udp-floor udp-txtd-ungather udp-floor-gather udp-txtd udp-knot"
rows=${ROWS-$all} clients=${CLIENTS-dnsperf kxdpgun latency}
check_build "$build" bench/bench_xdp_floor bench/bench_xdp_server bench/bench_udp_floor bench/bench_udp_server
check_numbers "$delegates" "$rounds" "$seconds" "$gun_rate" "$latency_rate"
check_words "$rows" "$all"
check_words "$clients" "dnsperf kxdpgun latency"
need ip iproute2
need chrt util-linux
need dnsperf dnsperf
need kdig knot-dnsutils
! has_word "$clients" kxdpgun || need kxdpgun knot-dnsutils
[[ " $rows " != *-knot* ]] || need knotd knot
need_root "make network namespaces and open AF_XDP sockets"
need_cpus 2
xdp_floor=$build/bench/bench_xdp_floor xdp_server=$build/bench/bench_xdp_server
udp_floor=$build/bench/bench_udp_floor udp_server=$build/bench/bench_udp_server
address=10.78.0.1
dir=$(mktemp -d)
inside=txtd-bench-s-$$ outside=txtd-bench-c-$$
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    ip netns del "$inside" 2>/dev/null || true
    ip netns del "$outside" 2>/dev/null || true
    rm -rf "$dir"
}
trap cleanup EXIT

ip netns add "$inside"
ip netns add "$outside"
ip link add xb0 netns "$inside" type veth peer name xb1 netns "$outside"
ip -n "$inside" address add "$address/24" dev xb0
ip -n "$outside" address add 10.78.0.2/24 dev xb1
ip -n "$inside" link set lo up
ip -n "$inside" link set xb0 up
ip -n "$outside" link set xb1 up
"$udp_server" names "$delegates" 100000 >"$dir/names"
write_zone >"$dir/zone"
write_knot 127.0.0.1@5353 xb0 >"$dir/knot-xdp.conf"
write_knot "$address@53" >"$dir/knot-udp.conf"
chmod -R a+rwX "$dir"
touch "$dir/rows-dnsperf" "$dir/rows-kxdpgun" "$dir/rows-latency"

outside() { ip netns exec "$outside" taskset -c 1 "$@"; }

# --- Clients: each leaves "answers rate lost p50 p99" in $dir/asked ---

perf_figures() { # FILE
    awk '/Queries completed/ { answers = $3 } /Queries lost/ { lost = $3 } /Queries per second/ { rate = $4 }
        END { print answers, rate, lost }' "$1"
}

ask_dnsperf() {
    outside dnsperf -s "$address" -d "$dir/names" -c 8 -q 300 -T 1 -l "$seconds" >"$dir/dnsperf" 2>&1
    echo "$(perf_figures "$dir/dnsperf") - -" >"$dir/asked"
}

ask_kxdpgun() {
    outside kxdpgun -t "$seconds" -Q "$gun_rate" -b 10 -F 1 -i "$dir/names" -I xb1 "$address" >"$dir/kxdpgun" 2>&1 || true
    ip -n "$outside" link set dev xb1 xdp off # it leaves its program behind
    awk -v s="$seconds" '/^total queries:/ { asked = $3 } /^total replies:/ { answers = $3 }
        END { print answers + 0, answers / s, asked - answers, "- -" }' "$dir/kxdpgun" >"$dir/asked"
}

ask_latency() {
    outside dnsperf -s "$address" -d "$dir/names" -c 8 -q 300 -T 1 -Q "$latency_rate" -l "$((seconds + 2))" >"$dir/dnsperf" 2>&1 &
    local load=$!
    sleep 1
    outside chrt -f 1 dnsperf -v -s "$address" -d "$dir/names" -c 1 -q 10 -T 1 -Q 500 -l "$seconds" >"$dir/probe" 2>&1
    wait "$load"
    read -r p50 p99 _ <<<"$(latencies "$dir/probe")"
    echo "$(perf_figures "$dir/dnsperf") $p50 $p99" >"$dir/asked"
}

run() { # CLIENT NAME COMMAND...
    local client=$1 name=$2 s0 s1 m0 m1
    shift 2
    ip netns exec "$inside" taskset -c 0 "$@" >"$dir/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 600); do # until it answers; the floor's answers have no meaning, but they come
        if outside kdig +retry=0 +timeout=1 "@$address" auth.example SOA 2>/dev/null | grep -q Received; then
            break
        fi
        sleep 0.1
    done
    s0=$(process_ticks "$pid") m0=$(machine_ticks)
    "ask_$client"
    if [ ! -e "/proc/$pid/stat" ]; then
        echo "$name is gone:" && cat "$dir/server.log"
        exit 1
    fi
    s1=$(process_ticks "$pid") m1=$(machine_ticks)
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    ip -n "$inside" link set dev xb0 xdp off # Knot leaves its program behind
    awk -v name="$name" -v s=$((s1 - s0)) -v m=$((m1 - m0)) -v hz="$(getconf CLK_TCK)" '
        $1 == 0 { print name, "no answers"; exit }
        { printf "%-17s %8.0f answers/s  %6.3f CPU-s/M  (machine %6.3f)  %d lost  p50 %s p99 %s us\n",
              name, $2, s / hz / $1 * 1e6, m / hz / $1 * 1e6, $3, $4, $5 }' "$dir/asked" | tee -a "$dir/rows-$client"
}

run_row() { # CLIENT NAME
    case $2 in
    xdp-floor) run "$@" "$xdp_floor" xb0 ;;
    xdp-txtd-ungather) run "$@" "$xdp_server" -g 0 xb0 "$delegates" ;;
    xdp-floor-gather) run "$@" "$xdp_floor" -g 100 xb0 ;;
    xdp-txtd) run "$@" "$xdp_server" xb0 "$delegates" ;;
    xdp-knot) run "$@" knotd -c "$dir/knot-xdp.conf" ;;
    udp-floor) run "$@" "$udp_floor" -a "$address" 53 ;;
    udp-txtd-ungather) run "$@" "$udp_server" -a "$address" -g 0 53 "$delegates" ;;
    udp-floor-gather) run "$@" "$udp_floor" -a "$address" -g 100 53 ;;
    udp-txtd) run "$@" "$udp_server" -a "$address" 53 "$delegates" ;;
    udp-knot) run "$@" knotd -c "$dir/knot-udp.conf" ;;
    esac
}

# kxdpgun reads its names for seconds before it begins: with it the machine's figure says nothing.
machine_of() { # CLIENT NAME
    [ "$1" = kxdpgun ] && echo - || median_of "$dir/rows-$1" "$2" 7 | tr -d ')'
}

print_table() { # CLIENT
    local row each file=$dir/rows-$1
    echo "| client $1 | answers/s | CPU-s/M | whole machine | to xdp-floor | to xdp-floor-gather | to xdp-knot | lost |"
    echo "|---|---|---|---|---|---|---|---|"
    for row in $rows; do
        each=$(median_of "$file" "$row" 4)
        echo "| $row | $(median_of "$file" "$row" 2) | $each | $(machine_of "$1" "$row") |" \
            "$(ratio "$each" "$(median_of "$file" xdp-floor 4)") |" \
            "$(ratio "$each" "$(median_of "$file" xdp-floor-gather 4)") |" \
            "$(ratio "$each" "$(median_of "$file" xdp-knot 4)") | $(median_of "$file" "$row" 8) |"
    done
    echo
}

print_latency() {
    local row file=$dir/rows-latency
    echo "| at $latency_rate queries/s | answers/s | CPU-s/M | p50 us | p99 us |"
    echo "|---|---|---|---|---|"
    for row in $rows; do
        [[ $row != *-txtd* ]] ||
            echo "| $row | $(median_of "$file" "$row" 2) | $(median_of "$file" "$row" 4) | $(median_of "$file" "$row" 11) |" \
                "$(median_of "$file" "$row" 13) |"
    done
    echo
}

for _ in $(seq "$rounds"); do
    for client in $clients; do
        for row in $rows; do
            [ "$client" = latency ] && [[ $row != *-txtd* ]] || run_row "$client" "$row"
        done
    done
done
echo
echo "medians of $rounds rounds of $seconds s, $delegates delegates; CPU seconds per million answers"
echo
for client in $clients; do
    if [ "$client" = latency ]; then
        print_latency
    else
        print_table "$client"
    fi
done
echo "targets: xdp-txtd-ungather to xdp-floor and xdp-txtd to xdp-floor-gather <= 1.15; xdp-txtd to xdp-knot <= 0.70"
