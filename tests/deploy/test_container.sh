#!/bin/bash
# The image: made without a registry, holds no shell, answers DNS and HTTPS as another user with a root that cannot be written
# and without any capability but the one for port 53, is healthy, stops cleanly and keeps its state.
#
#   test_container.sh TXTD TXTCTL
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/deploy/podman_scene.sh
. "$top/tests/deploy/podman_scene.sh"
podman_scene_enter "$0" "$@"
podman_scene_make
built=$(dirname "$(dirname "$(realpath "$1")")")
export TXTD_IMAGE=localhost/txtd:test
image=$top/deploy/container/image.sh

"$image" build "$built" >"$directory/build.log" 2>&1 || fail "the image cannot be built"
podman image save --format docker-archive -o "$directory/image.tar" "$TXTD_IMAGE" >/dev/null 2>&1
tar -x -C "$directory" -f "$directory/image.tar" --wildcards '*.tar'
rm "$directory/image.tar"
tar -t -f "$(find "$directory" -maxdepth 2 -name '*.tar' -size +100k | head -1)" >"$directory/files"
grep -qx 'usr/sbin/txtd' "$directory/files" || fail "the image lacks txtd"
! grep -Eq '(^|/)(ba|da|)sh$|busybox|perl|apt|python3$' "$directory/files" || fail "the image holds more than txtd needs"
[ "$(podman image inspect --format '{{.Config.User}}' "$TXTD_IMAGE")" = 10053:10053 ] || fail "the image's user"
echo "ok: an image of $(wc -l <"$directory/files") files"

cat >"$directory/txtd.yaml" <<'YAML'
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1"], workers: 1, pin: false}
api: {listen: ["127.0.0.1"], internal_listen: ["127.0.0.1:9153"], self_signed: true, public_url: "https://127.0.0.1"}
store: {reserve: 0}
YAML
chmod 644 "$directory/txtd.yaml"
start() {
    "$image" run "$directory/txtd.yaml" --network host >"$directory/txtd.log" 2>&1 &
    wait_for podman exec txtd /usr/bin/txtctl health
}
stop() {
    podman stop --time 60 txtd >/dev/null 2>&1 || fail "podman stop"
    wait $! || fail "it ended with $?"
    grep -q 'event=stop.end' "$directory/txtd.log" || fail "it did not stop cleanly"
    wait_for gone
}
gone() { [ -z "$(podman ps -aq)" ]; }

start
volume=$(podman volume inspect --format '{{.Mountpoint}}' txtd-state)
expect_unprivileged "$(podman inspect --format '{{.State.Pid}}' txtd)"
[ "$(podman inspect --format '{{.BoundingCaps}}' txtd)" = '[CAP_NET_BIND_SERVICE]' ] || fail "more capabilities than one"
podman healthcheck run txtd || fail "the health check fails"
curl -sS --fail --max-time 20 --cacert "$volume/self-signed.pem" https://127.0.0.1/health >/dev/null || fail "the API"
export TXTD_CREDENTIALS=$directory/credentials.json
value=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
"$2" --ca "$volume/self-signed.pem" --url https://127.0.0.1 --domain www.example.com register >/dev/null
"$2" --ca "$volume/self-signed.pem" update "$value" >/dev/null
name=$(sed -n 's/.*"fulldomain": *"\([^"]*\)".*/\1/p' "$TXTD_CREDENTIALS")
[ "$(dig +short +time=5 @127.0.0.1 "$name" TXT)" = "\"$value\"" ] || fail "the value is not served"
[ "$(dig +short +time=5 +tcp @127.0.0.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "TCP"
stop
status=0
"$2" health 2>/dev/null || status=$?
[ $status -eq 2 ] || fail "txtctl health ended with $status though nobody is there"
echo "ok: it answers, as a user without privileges, and ends when told to"

start
[ "$(dig +short +time=5 @127.0.0.1 "$name" TXT)" = "\"$value\"" ] || fail "the value did not survive"
stop
echo "ok: its state is kept"
