#!/bin/bash
# txtctl against a running txtd, as a customer uses it: register, update, show, check, and what it says when things go wrong.
#
#   test_txtctl.sh TXTD TXTCTL
set -euo pipefail
txtd=$1 txtctl=$2
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
expect() { # STATUS PATTERN txtctl arguments...: output and errors together hold the pattern
    local wanted=$1 pattern=$2 status=0 output
    shift 2
    output=$("$txtctl" "$@" 2>&1) || status=$?
    [ "$status" -eq "$wanted" ] || fail "txtctl $* ended with $status, not $wanted: $output"
    grep -Eq -- "$pattern" <<<"$output" || fail "txtctl $* does not say '$pattern' but: $output"
}

cat >run.yaml <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:0"], workers: 1, pin: false}
store: {reserve: 0}
process: {state_directory: $directory/state}
api: {listen: ["127.0.0.1:0"]}
YAML
"$txtd" -c run.yaml 2>run.log &
running=$!
for _ in $(seq 600); do
    grep -q 'event=start.end' run.log && break
    sleep 0.05
done
dns=$(sed -n 's/.*event=dns.listening address=\([0-9.:]*\).*/\1/p' run.log)
api=$(sed -n 's/.*event=api.listening address=\([0-9.:]*\).*/\1/p' run.log)
[ -n "$dns" ] && [ -n "$api" ] || fail "txtd did not start"

export TXTD_CREDENTIALS=$directory/credentials.json
ca=$directory/state/self-signed.pem
first=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
second=n5hJh7MAXpVvxOC8dhtjIzAh3zqAbAzGQ1JjVdrDv4c
third=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA

expect 0 '_acme-challenge\.www\.example\.com\. IN CNAME [0-9a-f-]{36}\.auth\.example\.test\.' \
    --ca "$ca" --url "https://$api" --domain www.example.com register
[ "$(stat -c %a credentials.json)" = 600 ] || fail "the credentials are readable by others"
key=$(sed -n 's/.*"password": *"\([^"]*\)".*/\1/p' credentials.json)
[ ${#key} -eq 40 ] || fail "no key was kept"

# server_url of the default configuration names the zone, which does not resolve here: --url says where the API is.
export TXTD_URL=https://$api
expect 1 'not|does not' --server "$dns" check "$first"
expect 0 '' --ca "$ca" update "$first"
expect 0 'answers the value' --server "$dns" check "$first"
expect 0 '' --ca "$ca" --domain www.example.com update "$second"
expect 0 "$first" --ca "$ca" show
expect 0 "$second" --ca "$ca" show
expect 0 '' --ca "$ca" update "$third"
expect 1 '' --server "$dns" check "$first" # rotated out
expect 0 "\"$third\"|$third" --ca "$ca" --json show

expect 1 'bad_txt|43|value' --ca "$ca" update short
expect 2 'www\.other\.example|account|domain' --ca "$ca" --domain www.other.example update "$first"
expect 2 'certificate|SSL|trust|verify' update "$first" # its authority is unknown without --ca
expect 0 '' --insecure update "$first"
expect 2 '' --ca "$ca" --url https://127.0.0.1:1 update "$first"
expect 2 'no command frobnicate' --ca "$ca" frobnicate
expect 2 'show takes no --server' --server "$dns" show
expect 2 'update needs VALUE' update
expect 2 'update takes 1 argument, VALUE, not 2; see txtctl update --help' update "$first" extra
expect 2 'show takes at most 1 argument, .DELEGATE., not 2' show a b
expect 2 'token takes no argument, not extra' token extra
expect 2 'see txtctl --help' --frobnicate
expect 2 'see txtctl --help' show --url
expect 2 "client's hook, by" acme-hook
expect 2 'no ACME client that is known' acme-hook -- deploy_challenge a
expect 1 '400 bad_txt \(update takes a dns-01 value, 43 characters' --ca "$ca" update x
expect 1 '400 invalid_allowfrom_cidr \(a prefix is needed' --ca "$ca" --domain a.example register -a 192.0.2.1
for url in http://127.0.0.1:1/t/SeCrEt https://127.0.0.1:1/t/SeCrEt/ https://user:SeCrEt@127.0.0.1:1 \
    "https://127.0.0.1:1/t/SeCrEt$(printf '%3000s' '' | tr ' ' x)"; do
    expect 2 'txtctl: https?://[^/]*127\.0\.0\.1:1[^ ]*: ' --url "$url" --domain a.example register
    expect 2 '(/t/|//)\.\.\.' --url "$url" --domain a.example register
    ! "$txtctl" --url "$url" --domain a.example register 2>&1 | grep -q SeCrEt || fail "the registration token of $url is shown"
done
expect 0 'usage: txtctl' --help
expect 0 'check: ask the DNS server' check --help
expect 0 '^  control status +what the txtd of this machine' control --help
expect 0 '^  import acme-dns SOURCE +take over' import --help
[ "$("$txtctl" import --help | grep -c '^  [a-z]')" -eq 1 ] || fail "import --help prints other commands"
[ -z "$("$txtctl" import acme-dns --help 2>&1 >/dev/null)" ] || fail "help complains"
expect 2 'import needs another word.* import --help' import
expect 2 'import needs another word.* import --help' import bind
expect 2 'no command frobnicate' frobnicate --help
expect 2 'no command impor;' impor --help

for words in token --version --help 'show --help' 'completion bash' "--ca $ca show" "--ca $ca --json show"; do
    status=0
    # shellcheck disable=SC2086 # words
    "$txtctl" $words >/dev/full 2>full.log || status=$?
    [ "$status" -eq 2 ] || fail "txtctl $words with a full disk ended with $status"
    grep -q 'txtctl: the output cannot be written: No space left' full.log || fail "txtctl $words: $(cat full.log)"
done
for words in --version --help "--check-config -c run.yaml"; do
    status=0
    # shellcheck disable=SC2086
    "$txtd" $words >/dev/full 2>full.log || status=$?
    [ "$status" -eq 2 ] || fail "txtd $words with a full disk ended with $status"
    grep -q 'txtd: the output cannot be written: No space left' full.log || fail "txtd $words: $(cat full.log)"
done
expect 2 'not for tcsh' completion tcsh
echo '{"example.com":5}' >number.json
expect 2 'under "example.com" is no account' --credentials number.json --ca "$ca" show
expect 2 'under "example.com" is no account' --credentials number.json --ca "$ca" --domain example.com register
[ "$(cat number.json)" = '{"example.com":5}' ] || fail "register wrote over what it does not understand"
jq 'del(.[].server_url)' credentials.json >bare.json
(unset TXTD_URL && expect 2 'no server_url: give --url' --credentials bare.json --ca "$ca" show)
expect 0 '' --credentials bare.json --ca "$ca" show
sed -i 's/"password": *"./"password":"!/' credentials.json
expect 1 'forbidden|401' --ca "$ca" update "$first"
grep -qF "$key" run.log && fail "the key is in the log"

kill -TERM "$running"
wait "$running" || fail "txtd ended with status $?"
running=
echo "txtctl: ok"
