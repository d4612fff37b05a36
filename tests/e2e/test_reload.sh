#!/bin/bash
# SIGHUP and the service: who may register, which zone delegates are made in, what becomes of those in a zone that went away
# and came back. Storms of SIGHUP change nothing.
#
#   test_reload.sh TXTD TXTCTL
set -euo pipefail
txtd=$1
directory=$(mktemp -d)
running=
finish() {
    local status=$?
    [ -z "$running" ] || kill -KILL "$running" 2>/dev/null || true
    [ $status -eq 0 ] || tail -n 30 "$directory/run.log" >&2 2>/dev/null || true
    rm -rf "$directory"
}
trap finish EXIT
cd "$directory"

fail() {
    echo "FAIL: $*" >&2
    exit 1
}
write_config() { # ZONE API-LINE...
    cat >run.yaml <<YAML
zones:
  - name: $1
    nameservers: [{name: ns1.$1, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:0"], workers: 2, pin: false}
store: {reserve: 0}
process: {state_directory: $directory/state}
api:
  listen: ["127.0.0.1:0"]
YAML
    shift
    printf '  %s\n' "$@" >>run.yaml
}
wait_count() { # PATTERN COUNT
    for _ in $(seq 200); do
        [ "$(grep -Ec -- "$1" run.log)" -ge "$2" ] && return 0
        sleep 0.05
    done
    fail "the log does not say $1 $2 times"
}
reloads=0
reload() {
    reloads=$((reloads + 1))
    kill -HUP "$running"
    wait_count 'event=reload.end' "$reloads"
}
api() { # EXPECTED-STATUS PATH [curl options]: leaves $body
    local expected=$1 path=$2 status
    shift 2
    status=$(curl -sS --cacert state/self-signed.pem -o body -w '%{http_code}' "$@" "https://127.0.0.1:$api_port$path")
    body=$(cat body)
    [ "$status" = "$expected" ] || fail "$path answered $status, not $expected: $body"
}
field() {
    sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$body"
}
update() { # EXPECTED-STATUS VALUE
    api "$1" /update -H "X-Api-User: $username" -H "X-Api-Key: $password" \
        --data "{\"subdomain\":\"$subdomain\",\"txt\":\"$2\"}"
}
ask() { # NAME TYPE: the RCODE and the data
    dig +time=2 +tries=1 +norecurse @127.0.0.1 -p "$dns_port" "$1" "$2" |
        sed -n -e 's/.*status: \([A-Z]*\),.*/\1/p' -e "s/^[^;].*[[:space:]]$2[[:space:]]*//p" | tr '\n' ' '
}
one=1111111111111111111111111111111111111111111
two=2222222222222222222222222222222222222222222

write_config one.example.test 'registration: open'
: >run.log
"$txtd" -c run.yaml 2>run.log &
running=$!
wait_count 'event=start.end' 1
dns_port=$(grep -o 'event=dns.listening address=127.0.0.1:[0-9]*' run.log | grep -o '[0-9]*$')
api_port=$(grep -o 'event=api.listening address=127.0.0.1:[0-9]*' run.log | grep -o '[0-9]*$')
api 201 /register -X POST
username=$(field username) password=$(field password) subdomain=$(field subdomain)
update 200 $one
[ "$(ask "$subdomain.one.example.test" TXT)" = "NOERROR \"$one\" " ] || fail "$(ask "$subdomain.one.example.test" TXT)"
echo "ok: open"

token=0123456789abcdefXYZ
echo "$token" >tokens
write_config one.example.test 'registration: token' "registration_tokens_file: $directory/tokens"
reload
api 401 /register -X POST
api 201 "/t/$token/register" -X POST
api 401 "/t/0123456789abcdefxyz/register" -X POST
echo "another-token-of-ours" >tokens
reload
api 401 "/t/$token/register" -X POST
! grep -q "$token" run.log || fail "the log has the token"
echo "ok: token"

write_config one.example.test 'registration: off'
reload
api 404 /register -X POST
update 200 $two
echo "ok: off"

write_config two.example.test 'registration: open'
reload
[ "$(ask "$subdomain.one.example.test" TXT)" = "REFUSED " ] || fail "a zone that is gone is still served"
[ "$(ask two.example.test NS)" = "NOERROR ns1.two.example.test. " ] || fail "the new zone: $(ask two.example.test NS)"
[ "$(ask "$subdomain.two.example.test" TXT)" = "NXDOMAIN " ] || fail "a delegate moved into another zone"
api 201 /register -X POST
case "$(field fulldomain)" in
*.two.example.test) ;;
*) fail "registered in $(field fulldomain)" ;;
esac
echo "ok: another zone"

write_config one.example.test 'registration: open'
reload
[ "$(ask "$subdomain.one.example.test" TXT)" = "NOERROR \"$one\" \"$two\" " ] ||
    fail "the zone is back, its values are not: $(ask "$subdomain.one.example.test" TXT)"
echo "ok: and back"

for _ in $(seq 100); do kill -HUP "$running"; done
update 200 $one
wait_count 'event=reload.end' $((reloads + 1))
grep -q 'event=reload.failed' run.log && fail "a reload failed"
kill -TERM "$running"
wait "$running" || fail "SIGTERM ended txtd with $?"
running=
echo "ok: all"
