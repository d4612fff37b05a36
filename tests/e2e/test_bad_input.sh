#!/bin/bash
# What an operator can get wrong: each time one line that names the thing, an exit status other than 0, nothing touched.
# Then what signals do: SIGTERM drains, SIGHUP takes over what is right and keeps what runs when it is not.
#
#   test_bad_input.sh TXTD TXTCTL
set -euo pipefail
txtd=$1
directory=$(mktemp -d)
chmod 755 "$directory"
pids=()
finish() {
    local status=$?
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    [ $status -eq 0 ] || tail -n 20 "$directory"/*.log >&2 2>/dev/null || true
    rm -rf "$directory"
}
trap finish EXIT
cd "$directory"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

# --- Configurations: a good one, and one line or block of it replaced ---

zone_lines() {
    cat <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
YAML
}
dns_lines() {
    echo 'dns: {listen: ["127.0.0.1:0"], workers: 1, pin: false}'
}
api_lines() {
    cat <<YAML
api:
  listen: ["127.0.0.1:0"]
  certificate: $directory/good.pem
  key: $directory/good.key
YAML
}
store_lines() {
    echo "store: {directory: $directory/state/store, reserve: 0}"
    echo "process: {state_directory: $directory/state}"
}
write_config() { # FILE [SECTION TEXT]...: SECTION is zones, dns, api, store or more
    local file=$1 zones dns api store more=""
    zones=$(zone_lines) dns=$(dns_lines) api=$(api_lines) store=$(store_lines)
    shift
    while [ $# -gt 0 ]; do
        printf -v "$1" '%s' "$2"
        shift 2
    done
    printf '%s\n' "$zones" "$dns" "$api" "$store" "$more" >"$file"
}
certificate() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=localhost" \
        -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
# What is there and what is in it, times of directories apart.
snapshot() {
    find . -type f ! -name '*.log' ! -name 'snapshot.*' -printf '%p %m %U %s %T@\n' -o -type d -printf '%p %m %U\n' | sort
}

refused() { # NAME PATTERN [--no-check] FILE: it says so in one line, at the start and (unless told) with --check-config
    local name=$1 pattern=$2 check=yes status=0 lines
    shift 2
    if [ "$1" = --no-check ]; then
        check=
        shift
    fi
    snapshot >snapshot.before
    timeout 20 "$txtd" -c "$1" >out.log 2>err.log || status=$?
    [ "$status" -ne 0 ] || fail "$name: txtd ended with 0"
    [ "$status" -lt 124 ] || fail "$name: status $status: $(cat err.log)"
    lines=$(wc -l <err.log)
    [ "$lines" -eq 1 ] || fail "$name: $lines lines: $(cat err.log)"
    grep -Eq -- "$pattern" err.log || fail "$name: \"$(cat err.log)\" does not match \"$pattern\""
    snapshot >snapshot.after
    diff snapshot.before snapshot.after || fail "$name: something was touched"
    if [ -n "$check" ]; then
        status=0
        timeout 20 "$txtd" --check-config -c "$1" >out.log 2>err.log || status=$?
        [ "$status" -eq 1 ] || fail "$name: --check-config ended with $status"
        grep -Eq -- "$pattern" err.log || fail "$name: --check-config says \"$(cat err.log)\""
    fi
    echo "ok: $name"
}

certificate good
certificate other

# --- Command line ---
[ "$("$txtd" --version)" != "" ] || fail "--version says nothing"
"$txtd" --help | grep -q -- --check-config || fail "--help does not help"
for arguments in --no-such-option "-c" "extra"; do
    status=0
    # shellcheck disable=SC2086 # one word each
    "$txtd" $arguments >out.log 2>err.log || status=$?
    [ "$status $(wc -l <err.log)" = "2 1" ] || fail "$arguments: status $status, $(cat err.log)"
done
echo "ok: command line"

# --- Configuration ---
write_config good.yaml
"$txtd" --check-config -c good.yaml | grep -q 'good.yaml is fine' || fail "a good configuration is not fine"
[ ! -e state ] || fail "--check-config made something"
refused "no such file" 'nowhere\.yaml: cannot be opened' nowhere.yaml
write_config bad.yaml dns 'dns: {lisen: ["127.0.0.1:0"]}'
refused "wrong key" 'bad\.yaml:4: dns\.lisen: there is no such key' bad.yaml
write_config bad.yaml dns 'dns: {workers: many}'
refused "wrong value" 'bad\.yaml:4: dns\.workers: .*many.* is not a number' bad.yaml
write_config bad.yaml more 'process: {user: no-such-user}' store "store: {directory: $directory/state/store}"
refused "no such user" 'bad\.yaml:10: process\.user: there is no user no-such-user' bad.yaml
write_config bad.yaml more 'process: {group: no-such-group}' store "store: {directory: $directory/state/store}"
refused "no such group" 'bad\.yaml:10: process\.group: there is no group no-such-group' bad.yaml

# --- Places that are not there: --check-config only looks ---
only_check() { # NAME PATTERN FILE
    local status=0
    snapshot >snapshot.before
    "$txtd" --check-config -c "$3" >out.log 2>err.log || status=$?
    [ "$status $(wc -l <err.log)" = "1 1" ] || fail "$1: status $status: $(cat err.log)"
    grep -Eq -- "$2" err.log || fail "$1: --check-config says \"$(cat err.log)\""
    snapshot >snapshot.after
    diff snapshot.before snapshot.after || fail "$1: something was touched"
    echo "ok: $1"
}
write_config bad.yaml more "log: {audit_file: $directory/none/audit.json}"
only_check "an audit file in no directory" 'bad\.yaml:11: log\.audit_file: there is no directory .*/none; make it' bad.yaml
write_config bad.yaml more "log: {audit_file: $directory}"
only_check "an audit file that is a directory" 'bad\.yaml:11: log\.audit_file: .* is a directory' bad.yaml
paths="store: {directory: $directory/state/store}
process: {state_directory: $directory/state, control_socket: "
write_config bad.yaml store "$paths $directory/none/control.sock}"
only_check "a control socket in no directory" 'bad\.yaml:10: process\.control_socket: there is no directory' bad.yaml
for socket in "$directory/state/control.sock" /run/no-such-directory/control.sock; do
    write_config good2.yaml store "$paths $socket}"
    "$txtd" --check-config -c good2.yaml >out.log 2>err.log || fail "$socket: $(cat err.log)"
done
write_config bad.yaml dns 'dns: {xdp: [{interface: nosuchcard0}], listen: ["127.0.0.1:0"]}'
if ! "$txtd" --check-config -c bad.yaml 2>&1 | grep -q 'built without XDP'; then
    only_check "no such interface" 'bad\.yaml:4: dns\.xdp\[0\]\.interface: there is no interface nosuchcard0' bad.yaml
fi

# --- Taken ports ---
cat >taken.py <<'PYTHON'
import socket, sys, time
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
taken = socket.socket(socket.AF_INET, kind)
taken.bind(("127.0.0.1", 0))
if kind == socket.SOCK_STREAM:
    taken.listen()
print(taken.getsockname()[1], flush=True)
time.sleep(170)
PYTHON
take_port() { # tcp|udp: leaves $port
    python3 taken.py "$1" >port.log &
    pids+=($!)
    disown $!
    for _ in $(seq 100); do
        [ -s port.log ] && break
        sleep 0.05
    done
    port=$(cat port.log)
    : >port.log
}
take_port udp
write_config bad.yaml dns "dns: {listen: [\"127.0.0.1:$port\"]}"
refused "taken UDP port" "127\.0\.0\.1[:@]$port.*(in use|taken)" --no-check bad.yaml
take_port tcp
write_config bad.yaml dns "dns: {listen: [\"127.0.0.1:$port\"]}"
refused "taken TCP port" "127\.0\.0\.1[:@]$port.*(in use|taken)" --no-check bad.yaml
write_config bad.yaml api "api: {listen: [\"127.0.0.1:$port\"], certificate: $directory/good.pem, key: $directory/good.key}"
refused "taken API port" "127\.0\.0\.1[:@]$port.*(in use|taken)" --no-check bad.yaml
write_config bad.yaml api "api: {listen: [\"127.0.0.1:$port\"]}"
refused "taken API port, certificate to be made" "127\.0\.0\.1[:@]$port.*(in use|taken)" --no-check bad.yaml
write_config bad.yaml dns 'dns: {listen: ["192.0.2.1:5353"]}'
refused "an address of somebody else" '192\.0\.2\.1[:@]5353' --no-check bad.yaml

# --- Certificate ---
set_certificate() { # CERTIFICATE KEY
    write_config bad.yaml api "api: {listen: [\"127.0.0.1:0\"], certificate: $1, key: $2}"
}
set_certificate "$directory/none.pem" "$directory/good.key"
refused "no certificate" 'bad\.yaml:5: api\.certificate: .*none\.pem' bad.yaml
set_certificate "$directory/good.pem" "$directory/none.key"
refused "no key" 'bad\.yaml:5: api\.key: .*none\.key' bad.yaml
set_certificate "$directory/good.pem" "$directory/other.key"
refused "a key that does not fit" 'bad\.yaml:5: api\.certificate: .*(good\.pem|other\.key)' bad.yaml
echo "no certificate" >garbage.pem
set_certificate "$directory/garbage.pem" "$directory/good.key"
refused "a certificate that is none" 'garbage\.pem' bad.yaml
set_certificate "$directory/good.pem" "$directory/garbage.pem"
refused "a key that is none" 'garbage\.pem' bad.yaml

# --- Zone file ---
zone_file() { # a zone with the file zone.db
    printf '%s\n    zone_file: %s\n' "$(zone_lines)" "$directory/zone.db"
}
printf '@ 60 IN TXT "fine"\nwww 60 IN A 192.0.2.300\n' >zone.db
write_config bad.yaml zones "$(zone_file)"
refused "a bad record" 'zone\.db:2' bad.yaml
printf '%s other.db\n' "\$INCLUDE" >zone.db
refused "an include" 'zone\.db:1' bad.yaml
rm zone.db
refused "no zone file" 'bad\.yaml:4: zones\[0\]\.zone_file: .*zone\.db' bad.yaml
write_config bad.yaml zones "$(zone_lines)"$'\n    records: ["www 60 IN CNAME"]'
refused "a bad line" 'www' bad.yaml
write_config bad.yaml zones "$(zone_lines)"$'\n    records: ["@ 60 IN CNAME www.example.test."]'
refused "a CNAME at the apex" 'bad\.yaml:[0-9]+: .*CNAME' bad.yaml

# --- Store ---
set_store() { # DIRECTORY [more]
    write_config bad.yaml store "store: {directory: $1, reserve: 0}" more "${2:-}"
}
mkdir foreign
echo "somebody's" >foreign/thesis.txt
set_store "$directory/foreign"
refused "a directory of somebody else" 'foreign' --no-check bad.yaml
set_store "$directory/foreign/thesis.txt"
refused "a file" 'thesis\.txt' --no-check bad.yaml
write_config bad.yaml store "process: {state_directory: $directory/foreign/thesis.txt}" api 'api: {listen: ["127.0.0.1:0"]}'
refused "a file as state directory" 'state_directory .*thesis\.txt: is not a directory' bad.yaml
set_store "$directory/none/store"
refused "no parent directory" 'none' --no-check bad.yaml
mkdir -m 700 closed
cp good.key nobody.key && chown nobody nobody.key
set_store "$directory/closed/store" 'process: {user: nobody}'
refused "a directory that may not be written" 'closed/store' --no-check bad.yaml

# --- It runs, and another one wants its store ---
running=
start() { # FILE: leaves $running and $dns_port
    : >run.log
    "$txtd" -c "$1" 2>run.log &
    running=$!
    pids+=("$running")
    wait_line 'event=start.end'
    dns_port=$(grep -o 'event=dns.listening address=127.0.0.1:[0-9]*' run.log | grep -o '[0-9]*$')
}
wait_line() { # PATTERN [COUNT]
    for _ in $(seq 200); do
        [ "$(grep -Ec -- "$1" run.log)" -ge "${2:-1}" ] && return 0
        kill -0 "$running" 2>/dev/null || fail "txtd ended while waiting for $1"
        sleep 0.05
    done
    fail "the log never said $1"
}
stop() { # SIGNAL
    local status=0
    kill "-$1" "$running"
    wait "$running" || status=$?
    [ "$status" -eq 0 ] || fail "SIG$1 ended txtd with $status"
    grep -q 'event=stop.end' run.log || fail "SIG$1: the log does not say stop.end"
}
answer() { # NAME TYPE
    dig +short +time=2 +tries=1 "@127.0.0.1" -p "$dns_port" "$1" "$2"
}
start good.yaml
refused "a store in use" 'state/store' --no-check good.yaml
stop TERM
echo "ok: SIGTERM"
start good.yaml
stop INT
echo "ok: SIGINT"

# --- Started with its standard descriptors closed, its log goes nowhere, and into no socket or file of the store ---
"$txtd" -c good.yaml <&- >&- 2>&- &
closed=$!
pids+=("$closed")
for _ in $(seq 200); do
    [ "$(readlink "/proc/$closed/fd/2")" = /dev/null ] && break
    sleep 0.05
done
for fd in 0 1 2; do
    target=$(readlink "/proc/$closed/fd/$fd")
    [ "$target" = /dev/null ] || fail "descriptor $fd is $target"
done
kill -TERM "$closed"
status=0
wait "$closed" || status=$?
[ "$status" -eq 0 ] || fail "with closed descriptors txtd ended with $status"
echo "ok: closed standard descriptors"

# --- SIGHUP ---
printf '@ 60 IN TXT "one"\n' >zone.db
cp good.pem served.pem && cp good.key served.key
api="api: {listen: [\"127.0.0.1:0\"], certificate: $directory/served.pem, key: $directory/served.key}"
write_config run.yaml zones "$(zone_file)" api "$api"
start run.yaml
[ "$(answer auth.example.test TXT)" = '"one"' ] || fail "the zone file is not served"

printf '@ 60 IN TXT "two"\nwww 60 IN A 192.0.2.300\n' >zone.db
kill -HUP "$running"
wait_line 'level=error event=reload.failed error=.*zone\.db:2'
[ "$(answer auth.example.test TXT)" = '"one"' ] || fail "a broken zone file changed what is served"
echo "ok: SIGHUP keeps the zone when the file is broken"

printf '@ 60 IN TXT "three"\n' >zone.db
kill -HUP "$running"
wait_line 'event=reload.end'
[ "$(answer auth.example.test TXT)" = '"three"' ] || fail "SIGHUP did not take over the zone file"
echo "ok: SIGHUP takes over the zone file"

cp run.yaml keep.yaml
echo "nonsense: true" >>run.yaml
kill -HUP "$running"
wait_line 'event=reload.failed error=.*nonsense'
cp keep.yaml run.yaml
echo "garbage" >served.pem
kill -HUP "$running"
wait_line 'event=reload.certificate_failed error=.*served\.pem'
api_port=$(grep -o 'event=api.listening address=127.0.0.1:[0-9]*' run.log | grep -o '[0-9]*$')
served() {
    openssl s_client -connect "127.0.0.1:$api_port" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}
fingerprint() {
    openssl x509 -in "$1" -noout -fingerprint
}
[ "$(served)" = "$(fingerprint good.pem)" ] || fail "a bad certificate replaced the good one"
echo "ok: SIGHUP keeps the certificate when the file is broken"
cp other.pem served.pem && cp other.key served.key
kill -HUP "$running"
wait_line 'event=reload.end' 3
[ "$(served)" = "$(fingerprint other.pem)" ] || fail "SIGHUP did not take over the certificate"
echo "ok: SIGHUP takes over the certificate"

write_config run.yaml zones "$(zone_file)" api "$api" dns 'dns: {listen: ["127.0.0.1:0"], workers: 2, pin: false}'
kill -HUP "$running"
wait_line 'event=reload.needs_restart key=dns.workers'
[ "$(answer auth.example.test TXT)" = '"three"' ] || fail "txtd no longer answers"
echo "ok: SIGHUP names what needs a restart"
stop TERM
echo "ok: all"
