#!/bin/bash
# An upgrade under load: for how long changes are refused while one txtd takes over from another, and whether queries are lost.
#
#     [LIVE=COUNT] bench/takeover.sh BUILD_DIR DIRECTORY [ROUNDS] [DELEGATES ...]       default: 3 rounds; 0 100000 1000000 10000000
#
# The stores are those of bench/start.sh, made below DIRECTORY when they are not there yet, and stay; of the delegates the first LIVE
# have two values (0; all: as many as there are). For each size one txtd starts and dnsperf asks 20,000 times a second; then ROUNDS
# successors, one after another, take over (txtd --take-over), and one more after the page cache was dropped (needs root). Prints
# a row each and a table: `takeover.end changes_refused_ms` of the log, what it takes from exec to the end of the predecessor, memory of
# both at the most, queries lost. Rate limiting is off, and names are asked for that are there; of 0 delegates the zone's SOA.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 2 ] || usage
build=$1 directory=$2 rounds=${3:-3}
shift $(($# < 3 ? $# : 3))
[ $# -gt 0 ] || set -- 0 100000 1000000 10000000
txtd=$build/control/txtd
check_build "$build" control/txtd bench/bench_start bench/bench_udp_server
check_numbers "$rounds"
for delegates; do
    [ "$delegates" = 0 ] || check_numbers "$delegates"
done
case ${LIVE:=0} in 0 | all) ;; *) check_numbers "$LIVE" ;; esac
need dnsperf dnsperf
rate=20000
port=$((20000 + RANDOM % 10000))
mkdir -p "$directory"
dir=$(mktemp -d)
pid='' successor='' perf=''
cleanup() {
    for each in $perf $successor $pid; do
        kill "$each" 2>/dev/null || true
    done
    wait
    rm -rf "$dir"
}
trap cleanup EXIT

write_config() { # STORE
    cat <<YAML
zones:
  - name: auth.example
    nameservers: [{name: ns1.auth.example, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:$port"], workers: 2, pin: false, rrl: {enabled: false}}
api: {listen: ["127.0.0.1:$((port + 1))"], internal_listen: ["127.0.0.1:$((port + 2))"], self_signed: true}
store: {directory: $1}
process: {state_directory: $dir/state, control_socket: $dir/control.sock}
YAML
}

await() { # PID LOG EVENT
    until grep -q "event=$3" "$2"; do
        kill -0 "$1" 2>/dev/null || { cat "$2" >&2 && exit 1; }
        sleep 0.05
    done
}

rss_kib() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null || true; }

# One successor; afterwards $pid is it. Appends "kind refused_ms seconds gib" to the rows.
take_over() { # KIND LOG
    local begin peak=0 sum
    : >"$2"
    begin=$(date +%s.%N)
    "$txtd" --take-over -c "$dir/txtd.yaml" 2>"$2" &
    successor=$!
    until grep -q "event=takeover.end" "$2" && ! kill -0 "$pid" 2>/dev/null; do
        kill -0 "$successor" 2>/dev/null || { cat "$2" >&2 && exit 1; }
        sum=$(($(rss_kib "$pid") + $(rss_kib "$successor") + 0))
        peak=$((sum > peak ? sum : peak))
        sleep 0.02
    done
    wait "$pid" || { echo "the predecessor ended with $?" && cat "$dir"/log.* && exit 1; }
    pid=$successor successor=
    awk -v kind="$1" -v begin="$begin" -v end="$(date +%s.%N)" -v peak="$peak" '
        match($0, /event=takeover.end changes_refused_ms=[0-9]+/) { split(substr($0, RSTART, RLENGTH), part, "="); refused = part[3] }
        END { printf "%-5s refused %6d ms  exec to end of the predecessor %6.2f s  both at most %.2f GiB\n",
              kind, refused, end - begin, peak / 1048576 }' "$2" | tee -a "$dir/rows"
}

run() { # DELEGATES LIVE
    local delegates=$1 live=$2 store=$directory/start-$1-$2 number
    if [ ! -e "$store/filled" ]; then
        rm -rf "$store"
        mkdir "$store"
        "$build/bench/bench_start" fill "$store/db" "$delegates" "$live"
        touch "$store/filled"
    fi
    if [ "$delegates" = 0 ]; then
        echo "auth.example SOA" >"$dir/names"
    else
        "$build/bench/bench_udp_server" names "$delegates" 100000 >"$dir/names"
    fi
    rm -rf "$dir/state" "$dir/rows" "$dir"/log.*
    write_config "$store/db" >"$dir/txtd.yaml"
    : >"$dir/log.0"
    "$txtd" -c "$dir/txtd.yaml" 2>"$dir/log.0" &
    pid=$!
    await "$pid" "$dir/log.0" start.end
    dnsperf -s 127.0.0.1 -p "$port" -d "$dir/names" -c 20 -T 1 -Q "$rate" -l 100000 >"$dir/dnsperf" 2>&1 &
    perf=$!
    sleep 1
    for number in $(seq "$rounds"); do
        take_over warm "$dir/log.$number"
        sleep 1
    done
    if [ -w /proc/sys/vm/drop_caches ]; then
        sync
        echo 3 >/proc/sys/vm/drop_caches
        take_over cold "$dir/log.cold"
        sleep 1
    fi
    kill -INT "$perf"
    wait "$perf" || true
    perf=
    kill "$pid"
    wait "$pid" || true
    pid=
    grep -E "Queries (completed|lost)|Response codes" "$dir/dnsperf"
    local field
    row="| $delegates | $live |"
    for field in warm cold; do
        row="$row $(awk -v kind="$field" '$1 == kind { print $3 }' "$dir/rows" | median) |"
    done
    row="$row $(awk '{ print $11 }' "$dir/rows" | median) | $(awk '{ print $(NF - 1) }' "$dir/rows" | sort -g | tail -n 1) |"
    row="$row $(awk '/Queries completed/ { completed = $3 } /Queries lost/ { lost = $3 } END { print lost " of " completed + lost }' "$dir/dnsperf") |"
    echo "$row" >>"$dir/table"
}

for delegates; do
    echo "$delegates delegates"
    run "$delegates" "$([ "$LIVE" = all ] && echo "$delegates" || echo "$LIVE")"
done
echo
echo "| delegates | live | changes refused, ms | cold | exec to end, s | both, GiB | queries lost |"
echo "|---|---|---|---|---|---|---|"
cat "$dir/table"
