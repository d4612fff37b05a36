#!/bin/bash
# The Containerfile itself, all of its stages: built with the packages that it names and no others, on a Debian base made of this
# machine's own packages. The image holds what image.sh's does. Then the chart's renewal: the CronJob's pod, of the stage `renew`, gets a
# certificate from a test authority through the zone of the chart's txtd, which serves it.
#
#   test_containerfile.sh TXTD TXTCTL
# shellcheck disable=SC2034,SC2154 # scene.sh's variables
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/deploy/podman_scene.sh
. "$top/tests/deploy/podman_scene.sh"
podman_scene_enter "$0" "$@"
podman_scene_make
sed -i 's/^driver = .*/driver = "overlay"/' "$CONTAINERS_STORAGE_CONF" # no copies of the compiler
# shellcheck source=tests/e2e/acme/scene.sh
. "$top/tests/e2e/acme/scene.sh"
txtctl=$(realpath "$2")
scene=$directory/scene
mkdir -m 755 "$scene" "$directory/root" "$directory/pool"
scene_certificates
file=$top/deploy/container/Containerfile

# --- The images ---

mapfile -t packages < <(
    sed -e 's/#.*//' "$top/deploy/packages-build.txt" | xargs -n 1
    sed -n 's/.*apt-get install -y --no-install-recommends \(.*\) && .*/\1/p' "$file" | xargs -n 1
)
"$top/tests/deploy/debian_root.py" "$directory/root" "$directory/pool" "${packages[@]}"
cp "$scene/ca.pem" "$directory/root/etc/ssl/certs/ca-certificates.crt" # whom the renewal trusts
tar -C "$directory/root" -c -f "$directory/root.tar" .
podman import "$directory/root.tar" localhost/base:host >"$directory/import.log" 2>&1 || fail "podman import"
rm -rf "$directory/root" "$directory/root.tar"
for image in txtd:containerfile txtd-renew:containerfile; do
    target=()
    [ $image = txtd:containerfile ] || target=(--target renew)
    buildah build --format docker --layers --network none --build-arg BASE=localhost/base:host --volume "$directory/pool:/packages:ro" \
        --file "$file" --tag "localhost/$image" "${target[@]}" "$top" >"$directory/build-${image%:*}.log" 2>&1 || fail "$image cannot be built"
done
echo "ok: all stages are built, with the packages that they name"

mounted=$(podman image mount localhost/txtd:containerfile)
install -D -t "$directory/built/control" "$mounted/usr/sbin/txtd" "$mounted/usr/bin/txtctl"
podman image unmount localhost/txtd:containerfile >/dev/null
TXTD_IMAGE=localhost/txtd:script "$top/deploy/container/image.sh" build "$directory/built" >"$directory/image.log" 2>&1 || fail "image.sh"
files() { # TAG: what the image holds and how it is started
    local mounted
    mounted=$(podman image mount "localhost/txtd:$1")
    (cd "$mounted" && find . -printf '%M %U:%G %p\n' | sort)
    podman image inspect "localhost/txtd:$1" | jq '.[0] | .Config + {HealthCheck: .HealthCheck} | del(.Labels)'
    podman image unmount "localhost/txtd:$1" >/dev/null
}
diff <(files containerfile) <(files script) >"$directory/difference.log" || fail "image.sh makes another image than the Containerfile"
echo "ok: image.sh makes the same image"

# --- The renewal ---

cat >"$directory/values.yaml" <<YAML
image: {repository: localhost/txtd, tag: containerfile}
config:
  zones:
    - name: auth.delegate.test
      nameservers: [{name: ns1.auth.delegate.test, addresses: [127.0.0.2]}]
      records: ['@ 60 IN TXT "the zone of the scene"']
  dns: {workers: 1, pin: false}
  api: {public_url: "https://auth.delegate.test"}
  store: {reserve: 0}
bindAddresses: [127.0.0.2]
hostNetwork: {enabled: true}
tls: {source: acme}
renewal:
  name: auth.delegate.test
  acmeUrl: https://127.0.0.1:14000/dir
  image: {repository: localhost/txtd-renew, tag: containerfile}
YAML
"$top/tests/deploy/chart_for_podman.py" "$directory/values.yaml" >"$directory/pod.yaml"
"$top/tests/deploy/chart_for_podman.py" "$directory/values.yaml" txtd-renewal >"$directory/job.yaml"
podman kube play "$directory/pod.yaml" >"$directory/play.log" 2>&1 || fail "podman kube play"
wait_for 60 "txtd" "$txtctl" health
scene_unbound
scene_pebble
served() { openssl s_client -connect 127.0.0.2:443 -servername auth.delegate.test </dev/null 2>/dev/null | openssl x509 -noout -issuer; }
issued() { served | grep -qi pebble; }
! issued || fail "there is a certificate before the renewal"
podman kube play "$directory/job.yaml" >"$directory/job.log" 2>&1 || fail "podman kube play of the CronJob"
[ "$(timeout 60 podman wait txtd-renewal-renewal)" = 0 ] || fail "the renewal: $(podman logs txtd-renewal-renewal 2>&1)"
wait_for 30 "the new certificate" issued
podman pod rm -f txtd-renewal >/dev/null 2>&1
podman kube play "$directory/job.yaml" >"$directory/job.log" 2>&1 || fail "podman kube play of the CronJob, again"
[ "$(timeout 60 podman wait txtd-renewal-renewal)" = 0 ] || fail "not due, but: $(podman logs txtd-renewal-renewal 2>&1)"
echo "ok: the CronJob's pod gets the certificate, and txtd serves it"
