#!/bin/bash
# deploy/container/image.sh by a user who is not root: builds the image and runs it; it answers DNS and HTTPS and stops cleanly. The
# user is made in an overlay over /etc, of which nothing changes.
#
#   test_rootless.sh TXTD TXTCTL
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/deploy/podman_scene.sh
. "$top/tests/deploy/podman_scene.sh"
podman_scene_enter "$0" "$@"
podman_scene_make
txtctl=$2
built=$(dirname "$(dirname "$(realpath "$1")")")

mkdir "$directory/upper" "$directory/work"
mount -t overlay -o "lowerdir=/etc,upperdir=$directory/upper,workdir=$directory/work" overlay /etc
useradd --create-home --home-dir "$directory/home" txtd-nobody
sed -i '/^txtd-nobody:/d' /etc/subuid /etc/subgid
echo txtd-nobody:200000:65536 | tee -a /etc/subuid >>/etc/subgid
install -d -m 700 -o txtd-nobody "$directory/own"
mkdir "$directory/own/podman"
# The scene's settings, for this user: storage and what podman remembers of its own.
sed -i "s,$directory,$directory/own," "$CONTAINERS_CONF" "$CONTAINERS_STORAGE_CONF"
cat >"$directory/txtd.yaml" <<'YAML'
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1:5353"], workers: 1, pin: false}
api: {listen: ["127.0.0.1:8443"], internal_listen: ["127.0.0.1:9153"], self_signed: true, public_url: "https://127.0.0.1"}
store: {reserve: 0}
YAML
chown -R txtd-nobody "$directory/own" "$directory/txtd.yaml"
# The checkout and what is built may lie where only root looks.
install -D -m 755 -t "$directory/built/control" "$built/control/txtd" "$built/control/txtctl"
mkdir "$directory/source" "$directory/source/deploy"
cp "$top/CMakeLists.txt" "$directory/source/"
cp -r "$top/deploy/container" "$directory/source/deploy/"
image=$directory/source/deploy/container/image.sh
as_user() {
    (cd / && exec runuser -u txtd-nobody -- env HOME="$directory/home" XDG_RUNTIME_DIR="$directory/own" TMPDIR="$directory/own" \
        TXTD_IMAGE=localhost/txtd:rootless "$@")
}
podman_scene_before_end() { as_user podman rm -fa -t 2 >/dev/null 2>&1; }

as_user "$image" build "$directory/built" >"$directory/build.log" 2>&1 || fail "a user cannot build the image"
as_user "$image" run "$directory/txtd.yaml" --network host >"$directory/txtd.log" 2>&1 &
running=$!
wait_for as_user podman exec txtd /usr/bin/txtctl health
process=$(as_user podman inspect --format '{{.State.Pid}}' txtd)
[ "$(awk '/^Uid:/ {print $2}' "/proc/$process/status")" = 210052 ] || fail "txtd is user $(grep Uid "/proc/$process/status")"
state=$(as_user podman volume inspect --format '{{.Mountpoint}}' txtd-state)
[ "$(dig +short +time=5 -p 5353 @127.0.0.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "dig"
"$txtctl" --ca "$state/self-signed.pem" --url https://127.0.0.1:8443 health >/dev/null || fail "HTTPS"
as_user podman stop --time 60 txtd >"$directory/stop.log" 2>&1 || fail "podman stop"
wait $running || fail "it ended with $?"
grep -q 'event=stop.end' "$directory/txtd.log" || fail "it did not stop cleanly"
echo "ok: built and run by a user"
