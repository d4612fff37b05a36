#!/bin/bash
# txtctl doctor as a customer runs it: domains whose delegation is right, and one for each thing that can be wrong with it.
# Everything lives in namespaces of its own: Knot DNS has the customers' zones, unbound is the resolver.
#
#   test_doctor.sh TXTD TXTCTL
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # read by scene.sh
txtd=$1 txtctl=$2
if [ "${TXTD_SCENE_INSIDE:-}" != 1 ]; then
    for tool in unbound knotd kdig dig jq curl openssl unshare; do
        command -v "$tool" >/dev/null || { echo "test_doctor.sh: $tool is missing: see deploy/packages-test.txt" >&2; exit 1; }
    done
    scene=$(mktemp -d)
    trap 'rm -rf "$scene"' EXIT
    status=0
    TXTD_SCENE_INSIDE=1 SCENE_DIRECTORY=$scene timeout --signal=KILL 120 \
        unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" || status=$?
    [ "$status" -eq 0 ] || tail -n 30 "$scene"/*.log >&2
    exit "$status"
fi
scene=$SCENE_DIRECTORY
# shellcheck source=tests/e2e/acme/scene.sh
. "$here/acme/scene.sh"
ip link set lo up
domains="good plain wrong txt none bogus gone caa http01 lame dead self octets hop astray circle long closed signed island detour wild accounts account"
# Of the operator of another delegate service, without accounts here: a zone whose SOA has a long minimum.
others="slow slowly"
scene_certificates
scene_txtd
names=()
for domain in $domains; do
    names+=("$domain.test")
done
scene_register "${names[@]}"
delegate() { # DOMAIN
    jq -r --arg domain "$1" '.[$domain].fulldomain' "$scene/credentials.json"
}

zone() { # DOMAIN RECORD...: a zone at 127.0.0.3 with these records
    local domain=$1
    shift
    printf '  - domain: %s\n    file: %s/%s.zone\n' "$domain" "$scene" "$domain" >>"$scene/knot.conf"
    printf '%s\n' "@ 60 IN SOA ns.$domain. hostmaster.$domain. 1 60 60 600 60" "@ 60 IN NS ns.$domain." "ns 60 IN A 127.0.0.3" \
        "$@" >"$scene/$domain.zone"
}
sign() { # the zone just made
    printf '    dnssec-signing: on\n    zonefile-sync: -1\n    journal-content: none\n' >>"$scene/knot.conf"
}
cname() { # NAME
    echo "_acme-challenge 60 IN CNAME $1."
}
mkdir -p "$scene/knot"
cat >"$scene/knot.conf" <<CONF
server:
  rundir: $scene/knot
  listen: 127.0.0.3@53
  udp-workers: 1
  tcp-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: $scene/knot
zone:
CONF
zone good.test "$(cname "$(delegate good.test)")"
zone plain.test # without the CNAME
zone wrong.test "$(cname "$(delegate good.test)")"
zone txt.test '_acme-challenge 60 IN TXT "left over"'
zone bogus.test "$(cname "$(delegate bogus.test)")"
sign
zone gone.test "$(cname 00000000-0000-4000-8000-000000000000.auth.delegate.test)"
zone caa.test "$(cname "$(delegate caa.test)")" '@ 60 IN CAA 0 issue "other.test"' '@ 60 IN CAA 0 issuewild ";"'
zone http01.test "$(cname "$(delegate http01.test)")" \
    '@ 60 IN CAA 0 issue "authority.test; validationmethods=http-01; accounturi=https://authority.test/1"'
zone wild.test "$(cname "$(delegate wild.test)")" '@ 60 IN CAA 0 issue ";"' '@ 60 IN CAA 0 issuewild "authority.test"'
zone accounts.test "$(cname "$(delegate accounts.test)")" \
    '@ 60 IN CAA 0 issue "authority.test; accounturi=https://authority.test/1"' \
    '@ 60 IN CAA 0 issue "authority.test; accounturi=https://authority.test/2"' \
    '@ 60 IN CAA 0 issue "authority.test; accounturi=https://authority.test/3; validationmethods=http-01"'
zone account.test "$(cname "$(delegate account.test)")" '@ 60 IN CAA 0 issue "authority.test"' \
    '@ 60 IN CAA 0 issue "AUTHORITY.test; accounturi=https://authority.test/2"' \
    '@ 60 IN CAA 0 issue "authority.test; accounturi=https://authority.test/1"'
zone self.test "$(cname _acme-challenge.self.test)"
zone octets.test "$(cname "$(delegate octets.test)")" '@ 60 IN CAA 0 issue "other\027[31m\200.test"'
zone lame.test "$(cname "$(delegate lame.test)")" '@ 60 IN NS other.good.test.'
zone hop.test "$(cname hop.hop.test)" "hop 60 IN CNAME $(delegate hop.test)."
zone astray.test "$(cname hop.astray.test)" "hop 60 IN CNAME $(delegate good.test)."
zone circle.test "$(cname hop.circle.test)" "hop 60 IN CNAME other" "other 60 IN CNAME hop"
zone long.test "$(cname hop1.long.test)" "hop1 60 IN CNAME hop2" "hop2 60 IN CNAME hop3" "hop3 60 IN CNAME hop4" \
    "hop4 60 IN CNAME hop5" "hop5 60 IN CNAME hop6" "hop6 60 IN CNAME hop7" "hop7 60 IN CNAME hop8" \
    "hop8 60 IN CNAME $(delegate long.test)."
zone closed.test "$(cname "$(delegate closed.test)")" '@ 60 IN CAA 0 issue ";"'
zone slow.test 'delegate 60 IN TXT "a value"'
sed -i 's/ 1 60 60 600 60$/ 1 60 60 600 1800/; s/^@ 60 IN SOA/@ 3600 IN SOA/' "$scene/slow.test.zone"
zone slowly.test "$(cname delegate.slow.test)"
zone signed.test "$(cname "$(delegate signed.test)")"
sign
zone island.test "$(cname "$(delegate island.test)")"
sign
zone detour.test "$(cname hop.bogus.test)"
echo "hop 60 IN CNAME $(delegate detour.test)." >>"$scene/bogus.test.zone"
zone dead.test "$(cname "$(delegate dead.test)")" '@ 60 IN NS ns2' 'ns2 60 IN A 127.0.0.9'
echo 'other 60 IN A 127.0.0.2' >>"$scene/good.test.zone" # txtd, which serves no such zone
knotd -c "$scene/knot.conf" >"$scene/knot.log" 2>&1 &
wait_for 20 knotd sh -c 'kdig +short +retry=0 +timeout=1 @127.0.0.3 good.test SOA | grep -q .'
wait_for 20 signatures sh -c 'kdig +short @127.0.0.3 signed.test DNSKEY | grep -q ^257'
anchor=$(kdig +short @127.0.0.3 signed.test DNSKEY | grep ^257)

{
    cat <<CONF
server:
  interface: 127.0.0.1
  port: 53
  username: ""
  chroot: ""
  directory: "$scene"
  pidfile: "$scene/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  trust-anchor: "bogus.test. DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  trust-anchor: "signed.test. DNSKEY $anchor"
  local-zone: "test." static
  local-data: "island.test. 60 IN DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
CONF
    for domain in $domains $others; do
        printf '  local-zone: "%s.test." transparent\n' "$domain"
    done
    printf '  local-zone: "delegate.test." transparent\nremote-control:\n  control-enable: no\n'
    printf 'stub-zone:\n  name: auth.delegate.test\n  stub-addr: 127.0.0.2\n'
    for domain in $domains $others; do
        [ "$domain" = none ] || printf 'stub-zone:\n  name: %s.test\n  stub-addr: 127.0.0.3\n' "$domain"
    done
} >"$scene/unbound.conf"
unbound -d -c "$scene/unbound.conf" >"$scene/unbound.log" 2>&1 &
wait_for 20 unbound sh -c 'dig +short +time=1 +tries=1 @127.0.0.1 good.test SOA | grep -q .'

failures=0
expect() { # STATUS PATTERN|!PATTERN doctor's arguments...
    local wanted=$1 pattern=$2 status=0 output
    shift 2
    output=$("$txtctl" doctor "$@" 2>&1) || status=$?
    if [ "$status" -ne "$wanted" ]; then
        echo "FAIL: doctor $* ended with $status, not $wanted: $output" >&2
        failures=$((failures + 1))
    elif [ "${pattern#!}" != "$pattern" ]; then
        ! grep -Eq -- "${pattern#!}" <<<"$output" || { echo "FAIL: doctor $* says: $output" >&2; failures=$((failures + 1)); }
    elif ! grep -Eq -- "$pattern" <<<"$output"; then
        echo "FAIL: doctor $* does not say '$pattern' but: $output" >&2
        failures=$((failures + 1))
    fi
}
value=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
expect 0 'good\.test\.: 0 problems, 0 warnings' good.test
expect 0 'ok +cname +ns\.good\.test\. \(127\.0\.0\.3\) has the CNAME' good.test
expect 0 'answers for .*, 0 values now' '*.good.test'
expect 1 'ns1\.auth\.delegate\.test\. \(127\.0\.0\.2\) does not answer the value' --value $value good.test
"$txtctl" --ca "$scene/ca.pem" --url https://127.0.0.2 --domain good.test update $value
expect 0 'answers the value' --value $value _acme-challenge.good.test.
expect 0 'every authority may issue' --issuer authority.test good.test
expect 1 "-> add to the zone: _acme-challenge\.plain\.test\. IN CNAME $(delegate plain.test)\." plain.test
expect 1 'remember it for up to 60 s' plain.test
expect 1 "is not the account's delegate" wrong.test
expect 1 'has TXT records at _acme-challenge.txt.test' txt.test
expect 1 'problem +cname +ns\.self\.test\. .*circle, back to _acme-challenge\.self\.test\.' self.test
# CNAMEs one behind the other.
expect 0 "has the CNAME to $(delegate hop.test)\. by 2 CNAMEs" hop.test
expect 1 "leads to $(delegate good.test)\. by 2 CNAMEs, which is not the account's delegate" astray.test
expect 1 'circle, back to hop\.circle\.test\.' circle.test
expect 1 'more than 8 CNAMEs' long.test
# Negative caching, also while there is a value.
expect 0 'warning +delegate +ns\.slow\.test\. \(127\.0\.0\.3\): .* for 1800 s that there was nothing' slowly.test
expect 1 'slowly\.test\.: 0 problems, 1 warning' --strict slowly.test
expect 0 '0 problems, 0 warnings' --strict good.test
# What somebody put into the zone neither reaches the terminal as it is, nor hides what is found.
expect 1 'allow certificates not to authority\.test, only to other\\027\[31m\\200\.test' --issuer authority.test octets.test
expect 1 '"finding": ".*other.*027\[31m' --json --issuer authority.test octets.test
expect 1 'no zone was found|SOA|root|SERVFAIL|NXDOMAIN|REFUSED' none.test
expect 1 'knows no delegate 00000000-0000-4000-8000-000000000000' gone.test
# DNSSEC.
expect 0 'ok +dnssec +good\.test\. .* is not signed' good.test
expect 0 'ok +dnssec +auth\.delegate\.test\. .* is not signed' good.test
expect 0 'ok +dnssec +signed\.test\. .* is signed, and it validates' --strict signed.test
expect 0 'warning +dnssec +island\.test\. .* is signed, but this resolver does not validate it' island.test
expect 1 'problem +dnssec +bogus\.test\. .*signatures do not validate' bogus.test
expect 1 'problem +dnssec +the signatures of a name between _acme-challenge\.detour\.test\.' detour.test
expect 0 'warning +cname +ns2\.dead\.test\. \(127\.0\.0\.9\)' --timeout 2 dead.test
expect 1 'problem +cname +other\.good\.test\. \(127\.0\.0\.2\) answers REFUSED' lame.test
expect 0 'allow certificates: other\.test' caa.test
expect 1 'allow certificates not to authority\.test, only to other\.test' --issuer authority.test caa.test
# issuewild rules wildcards alone, and issue all else (RFC 8659 section 4.3): what nobody asked for is told, and is no problem.
expect 0 'note +caa .*allow wildcards not to other\.test, only to nobody' --issuer other.test caa.test
expect 0 'ok +caa .*allow certificates to other\.test' --issuer other.test caa.test
expect 1 'problem +caa .*allow wildcards not to other\.test, only to nobody' --issuer other.test '*.caa.test'
expect 1 'add to the zone: caa\.test\. IN CAA 0 issuewild "other\.test"' --issuer other.test '*.caa.test'
expect 0 'note +caa .*allow certificates not to authority\.test, only to nobody' --issuer authority.test '*.wild.test'
expect 0 'ok +caa .*allow wildcards to authority\.test' --issuer authority.test '*.wild.test'
expect 1 'problem +caa .*allow certificates not to authority\.test, only to nobody' --issuer authority.test wild.test
expect 0 'note +caa .*let no authority issue certificates' '*.wild.test'
expect 1 'problem +caa .*let no authority issue certificates' wild.test
# Every account that a record allows, whatever their order; all of them once one record names none (RFC 8657 section 3).
expect 0 'only the ACME accounts https://authority\.test/[12], https://authority\.test/[12] may order' --issuer authority.test \
    accounts.test
expect 0 '!only the ACME account' --issuer authority.test account.test
expect 1 'but not by dns-01' --issuer authority.test http01.test
expect 1 'problem +caa .*let no authority issue certificates by dns-01 \(they name nobody\)' closed.test
expect 1 'problem +caa .*let no authority issue certificates by dns-01 \(they name authority\.test\)' http01.test
expect 0 'note +caa .*let no authority issue wildcards' caa.test
expect 1 'problem +caa .*let no authority issue wildcards' '*.caa.test'
expect 2 'is no domain name' 'a..b'
expect 2 'give it as xn--' 'ünïcode.test'
for issuer in "Let's Encrypt" https://authority.test authority.test/ 'authority.test;' ''; do
    expect 2 "--issuer takes the authority's domain, e\\.g\\. letsencrypt\\.org" --issuer "$issuer" good.test
done
expect 2 'doctor needs DOMAIN' --json
expect 0 '^Exit status: 0 no problem.* with --strict a warning; 2 nothing could be looked at' --help
# What cannot be asked is no finding: a resolver that is not there, and one that refuses.
expect 2 'name a resolver .* --server' --server 127.0.0.8 --timeout 2 good.test
expect 2 'answers REFUSED' --server 127.0.0.2 good.test
[ -z "$("$txtctl" doctor --json --server 127.0.0.8 --timeout 2 good.test 2>/dev/null || true)" ]
# Without the account a note, unless its file was named, or is there and cannot be used.
(TXTD_CREDENTIALS=$scene/none.json && expect 0 'note +account .*right delegate cannot be told' --strict good.test && [ "$failures" -eq 0 ])
echo '{' >"$scene/broken.json"
echo '{"good.test": {"username": "u"}}' >"$scene/half.json"
echo '{}' >"$scene/empty.json"
for file in none broken half empty; do
    expect 0 "warning +account .*$file\.json.*right delegate cannot be told" --credentials "$scene/$file.json" good.test
    expect 1 '1 warning' --strict --credentials "$scene/$file.json" good.test
done
for file in broken half; do
    (TXTD_CREDENTIALS=$scene/$file.json && expect 0 'warning +account' good.test && [ "$failures" -eq 0 ])
done
"$txtctl" doctor --json good.test | jq -e '.problems == 0 and (.findings | length) > 4 and .domain == "good.test."' >/dev/null
"$txtctl" doctor --json plain.test >"$scene/plain.json" && { echo "FAIL: plain.test passed" >&2; exit 1; }
jq -e '.problems == 1 and (.findings[] | select(.level == "problem") | .advice | startswith("add to the zone"))' \
    "$scene/plain.json" >/dev/null
[ "$failures" -eq 0 ]
echo "doctor: ok"
