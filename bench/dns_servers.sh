# shellcheck shell=bash
# dns_servers.sh: read by udp.sh and xdp.sh: what the other servers are given, and what a server costs.
#
# $dir is the run's directory, where `names` lies.
# shellcheck disable=SC2154 # it is set by whoever reads this

# Knot and NSD hold the names that are asked for, and no more: to their favour.
write_zone() {
    # shellcheck disable=SC2016 # a directive of the zone file
    echo '$ORIGIN auth.example.'
    echo '@ 1 SOA ns root 1 3600 600 86400 1'
    echo '@ 1 NS ns'
    echo 'ns 1 A 127.0.0.1'
    local a b
    a=$(printf 'a%.0s' {1..43}) b=$(printf 'b%.0s' {1..43})
    sed 's/\.auth.*//' "$dir/names" | sort -u |
        awk -v a="$a" -v b="$b" '{ print $1, "1 TXT", a; print $1, "1 TXT", b }'
}

write_knot() { # ADDRESS@PORT [INTERFACE]
    mkdir -p "$dir/knot"
    cat <<CONF
server:
    rundir: $dir/knot
    listen: [$1]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
${2:+xdp:
    listen: $2
}log:
  - target: stderr
    any: error
database:
    storage: $dir/knot
zone:
  - domain: auth.example
    file: $dir/zone
CONF
}

write_nsd() { # ADDRESS@PORT
    cat <<CONF
server:
  ip-address: $1
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
}

# CPU ticks of a process group: of a server and what it forked (NSD does).
group_ticks() { # GROUP
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/x/' | awk -v group="$1" '$5 == group { sum += $14 + $15 } END { print sum + 0 }'
}

process_ticks() { [ ! -e "/proc/$1/stat" ] || sed 's/(.*)/x/' "/proc/$1/stat" | awk '{ print $14 + $15 }'; } # PID

machine_ticks() { awk '/^cpu / { print $2 + $3 + $4 + $6 + $7 + $8 }' /proc/stat; }

# Of the rows of one name: "name answers/s CPU-s/M ...", in a file.
median_of() { awk -v name="$2" -v field="$3" '$1 == name { print $field }' "$1" | median; } # ROWS NAME FIELD

# A / B with two decimals; a dash without either.
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a > 0 && b > 0) printf "%.2f", a / b; else printf "-" }'; }

# What dnsperf -v wrote of each query: p50 and p99 in microseconds, and how many there were.
latencies() { # FILE
    awk '/^> [A-Z]/ { printf "%.0f\n", $NF * 1e6 }' "$1" | sort -n |
        awk '{ v[NR] = $1 } END { if (NR == 0) print "- - 0"; else print v[int((NR + 1) / 2)], v[int(NR * 0.99 + 0.5)], NR }'
}
