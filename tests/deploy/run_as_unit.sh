#!/bin/bash
# txtd as deploy/systemd/txtd.service starts it, as far as that goes without systemd: as a user, with CAP_NET_BIND_SERVICE alone,
# with the unit's limits, in a network of its own. It must serve ports 53 and 443 and keep no capability.
#
#   run_as_unit.sh TXTD TXTCTL
set -euo pipefail
if [ -z "${RUN_AS_UNIT_INSIDE:-}" ]; then
    RUN_AS_UNIT_INSIDE=1 exec unshare --net -- "$0" "$@"
fi
txtd=$1
unit=$(dirname "$0")/../../deploy/systemd/txtd.service
directory=$(mktemp -d)
pid=
finish() {
    local status=$?
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    [ $status -eq 0 ] || tail -n 20 "$directory"/log >&2 2>/dev/null || true
    rm -rf "$directory"
}
trap finish EXIT
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
setting() { sed -n "s/^$1=//p" "$unit"; }

ip link set lo up
cp "$txtd" "$directory/txtd" # where the user can reach it
chmod 755 "$directory" "$directory/txtd"
install -d -o nobody -g nogroup -m "$(setting StateDirectoryMode)" "$directory/state"
cat >"$directory/txtd.yaml" <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1"]}
api: {listen: ["127.0.0.1"], self_signed: true}
store: {reserve: 0}
process: {state_directory: $directory/state}
YAML
capability=$(setting AmbientCapabilities | sed 's/CAP_/+/' | tr '[:upper:]' '[:lower:]')
[ "$(setting AmbientCapabilities)" = "$(setting CapabilityBoundingSet)" ] || fail "the unit's two sets differ"
files=$(setting LimitNOFILE)
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge "$files" ] || files=$(ulimit -Hn)
(
    umask "$(setting UMask)"
    ulimit -n "$files" -c "$(setting LimitCORE)"
    exec setpriv --reuid nobody --regid nogroup --clear-groups --no-new-privs --inh-caps "-all,$capability" \
        --ambient-caps "-all,$capability" --bounding-set "-all,$capability" \
        "$directory/txtd" -c "$directory/txtd.yaml"
) 2>"$directory/log" &
pid=$!
for _ in $(seq 600); do
    grep -q 'event=start.end' "$directory/log" && break
    kill -0 "$pid" 2>/dev/null || fail "txtd ended"
    sleep 0.1
done
grep -q 'event=start.end' "$directory/log" || fail "txtd did not start"
[ "$files" != "$(setting LimitNOFILE)" ] || ! grep -q 'event=start.fewer_connections' "$directory/log" || fail "LimitNOFILE= is too small"
for status in /proc/"$pid"/task/*/status; do
    [ "$(awk '/^Uid:/ {print $2, $3, $4}' "$status")" = "65534 65534 65534" ] || fail "a thread is not the user's"
    [ "$(awk '/^Cap(Inh|Prm|Eff|Amb):/ {print $2}' "$status" | sort -u)" = 0000000000000000 ] ||
        fail "a thread has capabilities: $(grep Cap "$status")"
done
[ "$(dig +short +time=5 @127.0.0.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "port 53 does not answer"
curl -sS --fail --max-time 20 --cacert "$directory/state/self-signed.pem" https://127.0.0.1/health >/dev/null || fail "port 443"
status=0
kill -TERM "$pid"
wait "$pid" || status=$?
pid=
[ "$status" -eq 0 ] || fail "SIGTERM ended txtd with $status"
echo "ok: ports 53 and 443 as a user, without a capability left"
