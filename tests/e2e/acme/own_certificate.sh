#!/bin/bash
# own_certificate.sh TXTD TXTCTL: txtd starts with a certificate that it made itself, uacme gets it a real (test) one from pebble
# through txtd's own zone and control socket, txtd serves it without a signal, and renews it while it serves requests, none of
# which fails. A bad certificate changes nothing. All of it with privileges dropped and the system call filter on.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2034 # read by scene.sh
txtd=$1
txtctl=$2
clients=$(cd "$here/../../../deploy/clients" && pwd)

if [ "${TXTD_SCENE_INSIDE:-}" != 1 ]; then
    for tool in pebble unbound dig curl openssl unshare uacme; do
        command -v "$tool" >/dev/null || { echo "own_certificate.sh: $tool is missing: see deploy/packages-test.txt" >&2; exit 1; }
    done
    scene=$(mktemp -d)
    trap 'rm -rf "$scene"' EXIT
    status=0
    TXTD_SCENE_INSIDE=1 SCENE_DIRECTORY=$scene timeout 150 \
        unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" || status=$?
    [ "$status" -eq 0 ] || tail -n 30 "$scene"/*.log >&2
    exit "$status"
fi

scene=$SCENE_DIRECTORY
name=auth.delegate.test
# shellcheck source=tests/e2e/acme/scene.sh
. "$here/scene.sh"
ip link set lo up
scene_certificates
chmod 0711 "$scene" # for the user that txtd becomes
mkdir -m 0755 "$scene/own"
chown nobody "$scene/own"
cat >"$scene/txtd.yaml" <<YAML
zones:
  - name: $name
    nameservers: [{name: ns1.$name, addresses: [127.0.0.2]}]
    records:
      - '@ 60 IN A 127.0.0.2'
      - '@ 60 IN TXT "the zone of the scene"'
dns: {listen: ["127.0.0.2:53"], workers: 1, pin: false}
api:
  listen: ["127.0.0.2:443"]
  certificate: $scene/own/api.pem
  key: $scene/own/api.key
  self_signed: true
  acme_name: $name
store: {reserve: 0}
process:
  state_directory: $scene/own/state
  user: nobody
  control_socket: $scene/own/control.sock
  control_group: $(id -gn nobody)
YAML
export TXTD_CONTROL_SOCKET=$scene/own/control.sock TXTCTL=$txtctl
"$txtd" -c "$scene/txtd.yaml" 2>"$scene/txtd.log" &
txtd_pid=$!
wait_for 60 "txtd" grep -q event=start.end "$scene/txtd.log"
scene_unbound
scene_pebble

fail() {
    echo "own_certificate.sh: $*" >&2
    exit 1
}
served() { # the serial number of the certificate that is served
    openssl s_client -connect 127.0.0.2:443 -servername "$name" </dev/null 2>/dev/null | openssl x509 -noout -serial
}
serves_file() {
    [ "$(served)" = "$(openssl x509 -in "$scene/own/api.pem" -noout -serial)" ]
}
request() {
    curl -fsS --max-time 20 --cacert "$scene/root.pem" "https://$name/health" >/dev/null
}
renew() { # DAYS [FOLDER]: the name is txtd's to say
    TXTD_ACME_URL=https://127.0.0.1:14000/dir TXTD_ACME_DIR=$scene/uacme TXTD_RENEW_DAYS=$1 \
        TXTD_CERTIFICATE=${2:-$scene/own}/api.pem TXTD_KEY=${2:-$scene/own}/api.key \
        "$clients/txtd-renew" >>"$scene/renew.log" 2>&1
}

# The socket: its mode, and what it says.
[ "$(stat -c '%a %U' "$TXTD_CONTROL_SOCKET")" = "660 nobody" ] || fail "the control socket is $(stat -c '%a %U' "$TXTD_CONTROL_SOCKET")"
"$txtctl" control status | grep -q "_acme-challenge.$name. IN CNAME .*answered by txtd" || fail "status: $("$txtctl" control status)"
install -m 0755 "$txtctl" "$scene/txtctl" # where strangers can run it
stranger() { # what somebody with this group is told
    setpriv --reuid 12345 --regid "$1" --clear-groups "$scene/txtctl" -S "$TXTD_CONTROL_SOCKET" control status 2>&1 || true
}
stranger 12345 | grep -q "Permission denied" || fail "a stranger: $(stranger 12345)"
stranger "$(id -g nobody)" | grep -q '^pid' || fail "a member of the group: $(stranger "$(id -g nobody)")"
chmod 0666 "$TXTD_CONTROL_SOCKET"
stranger 12345 | grep -q "hung up" || fail "a stranger who gets as far as the socket: $(stranger 12345)"
chmod 0660 "$TXTD_CONTROL_SOCKET"
target=$(dig +short @127.0.0.2 "_acme-challenge.$name" CNAME)
[ -n "$target" ] || fail "no CNAME"
"$txtctl" acme-hook --settle 0 -- begin dns-01 "$name" token -value-with-a-dash
[ "$(dig +short @127.0.0.2 "$target" TXT)" = '"-value-with-a-dash"' ] || fail "published: $(dig +short @127.0.0.2 "$target" TXT)"
"$txtctl" acme-hook -- "done" dns-01 "$name" token -value-with-a-dash
[ -z "$(dig +short @127.0.0.2 "$target" TXT)" ] || fail "not cleared"
status=0
"$txtctl" acme-hook -- begin http-01 "$name" token value || status=$?
[ "$status" -eq 1 ] || fail "http-01 was not declined: $status"
echo "ok: the control socket"

# The first certificate.
self_made=$(served)
! request 2>/dev/null || fail "the self-made certificate is trusted"
renew 30 || fail "uacme failed: $(cat "$scene/renew.log")"
wait_for 30 "the new certificate" serves_file
[ "$(served)" != "$self_made" ] || fail "the self-made certificate is still served"
request || fail "the new certificate is not trusted"
echo "ok: a certificate through txtd's own zone"

# Renewal under requests, each over a connection of its own.
(
    count=0
    while [ ! -e "$scene/enough" ]; do
        request || echo failed >>"$scene/failures"
        count=$((count + 1))
    done
    echo "$count" >"$scene/requests"
) &
requests=$!
first=$(served)
renew 100000 || fail "uacme failed: $(cat "$scene/renew.log")"
wait_for 30 "the renewed certificate" serves_file
[ "$(served)" != "$first" ] || fail "nothing was renewed"
sleep 1
touch "$scene/enough"
wait "$requests"
[ ! -e "$scene/failures" ] || fail "$(wc -l <"$scene/failures") of $(cat "$scene/requests") requests failed"
echo "ok: renewed; none of $(cat "$scene/requests") requests failed"
renew 30 || fail "not due, but: $(tail -n 3 "$scene/renew.log")"
mkdir "$scene/elsewhere"
! renew 100000 "$scene/elsewhere" || fail "nobody serves the certificate, and nobody says so"
grep -q "does not serve the new certificate" "$scene/renew.log" || fail "it does not say why: $(tail -n 3 "$scene/renew.log")"

# A bad certificate, put in place by renaming: the old one stays, and the log has one line about it.
good=$(served)
cp -p "$scene/own/api.pem" "$scene/own/good.pem"
cp -p "$scene/server.pem" "$scene/own/bad.pem"
chmod 0644 "$scene/own/bad.pem"
mv "$scene/own/bad.pem" "$scene/own/api.pem"
wait_for 30 "the refusal" grep -q event=reload.certificate_failed "$scene/txtd.log"
sleep 2.5
[ "$(grep -c event=reload.certificate_failed "$scene/txtd.log")" -eq 1 ] || fail "not one line about the bad certificate"
[ "$(served)" = "$good" ] || fail "the bad certificate is served"
loaded=$(grep -c event=certificate.loaded "$scene/txtd.log")
mv "$scene/own/good.pem" "$scene/own/api.pem"
wait_for 30 "the good certificate again" sh -c "[ \$(grep -c event=certificate.loaded '$scene/txtd.log') -gt $loaded ]"
request || fail "the good certificate is not served again"
echo "ok: a bad certificate changes nothing"

kill -TERM "$txtd_pid"
wait "$txtd_pid" || fail "txtd ended with $?"
[ ! -e "$TXTD_CONTROL_SOCKET" ] || fail "the control socket is left"
echo "ok: txtd stopped cleanly"
