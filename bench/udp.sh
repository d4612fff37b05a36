#!/bin/bash
# Kernel UDP over loopback: the floor, txtd's dataplane, Knot DNS and NSD in turn.
#
#     bench/udp.sh BUILD_DIR [DELEGATES] [ROUNDS] [SECONDS]
#
# Server with one worker on CPU 0, `dnsperf -c 10 -T 1 -q 100` on CPU 1, 100,000 random names with two live values each. No rate
# limiting, but for the row txtd-rrl. Knot and NSD hold only the names that are asked for. Prints a row a run, then medians: CPU
# seconds of the server per million answers, which is what counts; the client often limits the rate.
set -eu
build=$1 delegates=${2:-100000} rounds=${3:-3} seconds=${4:-8}
floor=$build/bench/bench_udp_floor server=$build/bench/bench_udp_server
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
{
    # shellcheck disable=SC2016 # a directive of the zone file
    echo '$ORIGIN auth.example.'
    echo '@ 1 SOA ns root 1 3600 600 86400 1'
    echo '@ 1 NS ns'
    echo 'ns 1 A 127.0.0.1'
    a=$(printf 'a%.0s' {1..43}) b=$(printf 'b%.0s' {1..43})
    sed 's/\.auth.*//' "$dir/names" | sort -u |
        awk -v a="$a" -v b="$b" '{ print $1, "1 TXT", a; print $1, "1 TXT", b }'
} >"$dir/zone"
cat >"$dir/knot.conf" <<CONF
server:
    rundir: $dir
    listen: [127.0.0.1@$port]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
database:
    storage: $dir
zone:
  - domain: auth.example
    file: $dir/zone
CONF
cat >"$dir/nsd.conf" <<CONF
server:
  ip-address: 127.0.0.1@$port
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: $dir
  database: ""
  pidfile: $dir/nsd.pid
  xfrdfile: $dir/nsd.xfrd
  zonelistfile: $dir/nsd.zonelist
  xfrdir: $dir
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: auth.example
  zonefile: $dir/zone
CONF

# CPU ticks of the server and what it forked (NSD does): its process group.
server_ticks() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/x/' | awk -v group="$pid" '$5 == group { sum += $14 + $15 } END { print sum + 0 }'
}

run() { # NAME COMMAND...
    local name=$1 before after
    shift
    setsid taskset -c 0 "$@" >"$dir/server.log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do # until it answers
        kdig +retry=0 +timeout=1 @127.0.0.1 -p "$port" auth.example SOA 2>/dev/null | grep -q Received && break
        sleep 0.1
    done
    before=$(server_ticks)
    taskset -c 1 dnsperf -s 127.0.0.1 -p "$port" -d "$dir/names" -c 10 -T 1 -q 100 -l "$seconds" >"$dir/dnsperf" 2>&1
    after=$(server_ticks)
    [ -e "/proc/$pid/stat" ] || { echo "$name is gone:" && cat "$dir/server.log" && exit 1; }
    kill -TERM "$pid"
    wait "$pid" || true
    pid=
    awk -v name="$name" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        /Queries completed/ { answers = $3 } /Queries lost/ { lost = $3 } /Queries per second/ { rate = $4 }
        END { printf "%-9s %8.0f answers/s  %6.3f CPU-s/M  %d lost\n", name, rate, ticks / hz / answers * 1e6, lost }' \
        "$dir/dnsperf" | tee -a "$dir/rows"
}

for _ in $(seq "$rounds"); do
    run floor "$floor" "$port"
    run txtd "$server" "$port" "$delegates"
    run txtd-rrl "$server" "$port" "$delegates" rrl
    run knot knotd -c "$dir/knot.conf"
    run nsd nsd -d -c "$dir/nsd.conf"
done

median() { awk -v name="$1" '$1 == name { print $4 }' "$dir/rows" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
echo
echo "medians of $rounds rounds, $delegates delegates, CPU seconds of the server per million answers:"
awk -v f="$(median floor)" -v t="$(median txtd)" -v r="$(median txtd-rrl)" -v k="$(median knot)" -v n="$(median nsd)" 'BEGIN {
    printf "floor %.3f  txtd %.3f  txtd with rate limiting %.3f  knot %.3f  nsd %.3f\n", f, t, r, k, n
    printf "txtd / floor = %.2f (target 1.10)  txtd / knot = %.2f (target 0.67)  txtd / nsd = %.2f (target 0.67)\n", t / f, t / k, t / n
}'
