#!/bin/bash
# AF_XDP in two network namespaces joined by a veth pair: the floor, txtd's dataplane and Knot's XDP in turn.
#
#     bench/xdp.sh BUILD_DIR [DELEGATES] [ROUNDS] [SECONDS]
#
# The server runs on CPU 0, dnsperf (-c 8 -q 300) on CPU 1. Prints a row a run, then the medians: CPU seconds of the server
# per million answers, and in the ratio what counts. Needs root, iproute2, dnsperf, and knotd for the comparison.
set -eu
build=$1 delegates=${2:-100000} rounds=${3:-3} seconds=${4:-5}
floor=$build/bench/bench_xdp_floor server=$build/bench/bench_xdp_server
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
ip -n "$inside" address add 10.78.0.1/24 dev xb0
ip -n "$outside" address add 10.78.0.2/24 dev xb1
ip -n "$inside" link set lo up
ip -n "$inside" link set xb0 up
ip -n "$outside" link set xb1 up
"$server" names "$delegates" 100000 >"$dir/names"

have_knot=
if command -v knotd >/dev/null; then
    have_knot=1
    # Knot's zone holds the names that are asked for, and no more: to its favour.
    {
        # shellcheck disable=SC2016 # a directive of the zone file
        echo '$ORIGIN auth.example.'
        echo '@ 1 SOA ns root 1 3600 600 86400 1'
        echo '@ 1 NS ns'
        a=$(printf 'a%.0s' {1..43}) b=$(printf 'b%.0s' {1..43})
        sed 's/\.auth.*//' "$dir/names" | sort -u |
            awk -v a="$a" -v b="$b" '{ print $1, "1 TXT", a; print $1, "1 TXT", b }'
    } >"$dir/zone"
    cat >"$dir/knot.conf" <<CONF
server:
    rundir: $dir
    listen: [127.0.0.1@5353]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
xdp:
    listen: xb0
log:
  - target: stderr
    any: error
database:
    storage: $dir
zone:
  - domain: auth.example
    file: $dir/zone
CONF
    chmod -R a+rwX "$dir"
fi

server_ticks() { [ ! -e "/proc/$pid/stat" ] || awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
machine_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $6 + $7 + $8 }' /proc/stat; }

run() { # NAME COMMAND...
    local name=$1 s0 s1 m0 m1 answers rate
    shift
    ip netns exec "$inside" taskset -c 0 "$@" >"$dir/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 100); do # until it answers; the floor's answers have no meaning, but they come
        if ip netns exec "$outside" kdig +retry=0 +timeout=1 @10.78.0.1 auth.example SOA 2>/dev/null | grep -q Received; then
            break
        fi
        sleep 0.1
    done
    s0=$(server_ticks) m0=$(machine_ticks)
    ip netns exec "$outside" taskset -c 1 dnsperf -s 10.78.0.1 -d "$dir/names" -c 8 -q 300 -T 1 -l "$seconds" >"$dir/dnsperf" 2>&1
    if [ ! -e "/proc/$pid/stat" ]; then
        echo "$name is gone:" && cat "$dir/server.log"
        exit 1
    fi
    s1=$(server_ticks) m1=$(machine_ticks)
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    ip -n "$inside" link set dev xb0 xdp off # Knot leaves its program behind
    answers=$(awk '/Queries completed/ { print $3 }' "$dir/dnsperf")
    rate=$(awk '/Queries per second/ { print $4 }' "$dir/dnsperf")
    awk -v name="$name" -v s=$((s1 - s0)) -v m=$((m1 - m0)) -v n="$answers" -v rate="$rate" -v hz="$(getconf CLK_TCK)" \
        'BEGIN { printf "%-6s %8.0f answers/s  %6.2f CPU-s/M  (machine %6.2f)\n", name, rate, s / hz / n * 1e6, m / hz / n * 1e6 }' |
        tee -a "$dir/rows"
}

for _ in $(seq "$rounds"); do
    run floor "$floor" xb0
    run txtd "$server" xb0 "$delegates"
    [ -z "$have_knot" ] || run knot knotd -c "$dir/knot.conf"
done

median() { awk -v name="$1" '$1 == name { print $4 }' "$dir/rows" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
echo
echo "medians of $rounds rounds, $delegates delegates, CPU seconds of the server per million answers:"
f=$(median floor) t=$(median txtd)
awk -v f="$f" -v t="$t" 'BEGIN { printf "floor %.2f, txtd %.2f: txtd / floor = %.2f (target 1.15)\n", f, t, t / f }'
if [ -n "$have_knot" ]; then
    k=$(median knot)
    awk -v k="$k" -v t="$t" 'BEGIN { printf "knot  %.2f: txtd / knot = %.2f (target 0.70)\n", k, t / k }'
fi
