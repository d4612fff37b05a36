#!/bin/bash
# What the running process may still do: another user, no capabilities, the filter on every thread; and what it tells a
# service manager while it starts, reloads and stops.
#
#   test_privileges.sh TXTD TXTCTL
set -euo pipefail
txtd=$1
directory=$(mktemp -d)
chmod 755 "$directory"
running=
listener=
finish() {
    local status=$?
    for pid in $running $listener; do kill -KILL "$pid" 2>/dev/null || true; done
    [ $status -eq 0 ] || tail -n 20 "$directory"/*.log >&2 2>/dev/null || true
    rm -rf "$directory"
}
trap finish EXIT
cd "$directory"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}
wait_line() { # FILE PATTERN
    for _ in $(seq 200); do
        grep -Eq -- "$2" "$1" && return 0
        sleep 0.05
    done
    fail "$1 never said $2: $(cat "$1")"
}

cat >manager.py <<'PYTHON'
import os, socket, sys
path = sys.argv[1]
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
manager.bind(path)
os.chmod(path, 0o777)
manager.settimeout(120)
print("listening", flush=True)
while True:
    print(manager.recv(4096).decode().replace("\n", " "), flush=True)
PYTHON
python3 manager.py "$directory/notify" >manager.log &
listener=$!
disown
wait_line manager.log listening

# As root: the state directory and the certificate are made for the user that txtd becomes.
cat >run.yaml <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:0"], workers: 2}
api: {listen: ["127.0.0.1:0"], self_signed: true}
store: {reserve: 0}
process: {state_directory: $directory/state, user: nobody}
YAML
: >run.log
NOTIFY_SOCKET=$directory/notify "$txtd" -c run.yaml 2>run.log &
running=$!
wait_line run.log 'event=start.end'
wait_line manager.log 'READY=1'

for status in /proc/"$running"/task/*/status; do
    [ "$(awk '/^Uid:/ {print $2, $3, $4, $5}' "$status")" = "65534 65534 65534 65534" ] || fail "a thread is not nobody"
    [ "$(awk '/^Gid:/ {print $2, $3, $4, $5}' "$status")" = "65534 65534 65534 65534" ] || fail "a thread has another group"
    [ "$(awk '/^Groups:/ {print $2}' "$status")" = "" ] || fail "a thread has supplementary groups"
    [ "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb):/ {print $2}' "$status" | sort -u)" = 0000000000000000 ] ||
        fail "a thread has capabilities: $(grep Cap "$status")"
    [ "$(awk '/^NoNewPrivs:/ {print $2}' "$status")" = 1 ] || fail "a thread may gain privileges"
    [ "$(awk '/^Seccomp:/ {print $2}' "$status")" = 2 ] || fail "a thread is not filtered"
done
[ "$(stat -c '%U %a' state state/store)" = $'nobody 700\nnobody 700' ] || fail "$(stat -c '%n %U %a' state state/store)"
[ "$(stat -c '%U' state/self-signed.pem)" = nobody ] || fail "the certificate is not its user's"
[ "$(stat -c '%U %a' state/self-signed.key)" = "nobody 600" ] || fail "the key: $(stat -c '%U %a' state/self-signed.key)"
echo "ok: $(find /proc/"$running"/task -maxdepth 1 -mindepth 1 | wc -l) threads without privileges"

kill -HUP "$running"
wait_line run.log 'event=reload.end'
wait_line manager.log 'RELOADING=1 MONOTONIC_USEC=[0-9]+ '
echo "ok: reload as nobody"
status=0
kill -TERM "$running"
wait "$running" || status=$?
running=
[ "$status" -eq 0 ] || fail "SIGTERM ended txtd with $status"
wait_line manager.log 'STOPPING=1'
[ "$(grep -c 'READY=1' manager.log)" -eq 2 ] || fail "the manager heard: $(cat manager.log)"
echo "ok: the service manager is told"

# Again, with what is there.
: >run.log
"$txtd" -c run.yaml 2>run.log &
running=$!
wait_line run.log 'event=start.end'
kill -TERM "$running"
wait "$running" || fail "the second run ended with $?"
running=
echo "ok: all"
