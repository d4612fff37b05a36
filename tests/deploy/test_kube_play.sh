#!/bin/bash
# The pod of the Helm chart for real: played by podman, it answers dig and curl, as another user without any capability; then
# the one for the node's own network and ports, which starts as root with the chart's capabilities and gives them up.
#
#   test_kube_play.sh TXTD TXTCTL
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
# shellcheck source=tests/deploy/podman_scene.sh
. "$top/tests/deploy/podman_scene.sh"
podman_scene_enter "$0" "$@"
podman_scene_make
txtctl=$2
built=$(dirname "$(dirname "$(realpath "$1")")")
export TXTD_IMAGE=localhost/txtd:played
"$top/deploy/container/image.sh" build "$built" >"$directory/build.log" 2>&1 || fail "the image cannot be built"
container=txtd-pod-0-txtd
value=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
export TXTD_CREDENTIALS=$directory/credentials.json

play() { # HOST_NETWORK XDP
    cat >"$directory/values.yaml" <<YAML
image: {repository: localhost/txtd, tag: played}
backup: {enabled: true, retain: 2}
config:
  zones:
    - name: auth.example.test
      nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
  dns: {workers: 1, pin: false, xdp: $2}
  api: {public_url: "https://localhost"}
  store: {reserve: 0}
hostNetwork: {enabled: $1}
YAML
    "$top/tests/deploy/chart_for_podman.py" "$directory/values.yaml" >"$directory/pod.yaml"
    podman kube play "$directory/pod.yaml" >"$directory/play.log" 2>&1 || fail "podman kube play"
    wait_for "$txtctl" health # from outside: the pod is in this network
    volume=$(podman volume inspect --format '{{.Mountpoint}}' state)
    "$top/tests/deploy/chart_for_podman.py" --probes "$directory/values.yaml" >"$directory/probes"
    [ "$(wc -l <"$directory/probes")" = 3 ] || fail "not three probes"
    while read -r probe url; do
        curl -sS --fail --max-time 5 "$url" >/dev/null || fail "$probe is not answered at $url"
    done <"$directory/probes"
}
run_job() { # NAME: as its controller would, with txtd's own configuration and volume
    "$top/tests/deploy/chart_for_podman.py" "$directory/values.yaml" "$1" >"$directory/job.yaml"
    podman kube play "$directory/job.yaml" >"$directory/job.log" 2>&1 || fail "podman kube play of $1"
    local container=$1-${1#txtd-}
    [ "$(timeout 60 podman wait "$container")" = 0 ] || fail "the job $1: $(podman logs "$container" 2>&1)"
    podman logs "$container" 2>&1
    podman pod rm -f "$1" >/dev/null 2>&1
}
backups() { ls "$volume/backups/meta" | wc -l; }
end() {
    podman stop --time 60 $container >"$directory/stop.log" 2>&1 || fail "podman stop"
    [ "$(podman inspect --format '{{.State.ExitCode}}' $container)" = 0 ] || fail "txtd ended with an error"
    podman kube down "$directory/pod.yaml" >"$directory/down.log" 2>&1 || fail "podman kube down"
}
expect_capabilities() { # NAMES...: all that the container has, in order
    local names
    names=$(podman inspect --format '{{range .BoundingCaps}}{{.}} {{end}}' $container)
    [ "$names" = "${*/#/CAP_}${1:+ }" ] || fail "other capabilities: $names"
}
main_pid() { podman inspect --format '{{.State.Pid}}' $container; }

play false []
expect_unprivileged "$(main_pid)"
expect_capabilities
curl -sS --fail --max-time 20 --cacert "$volume/self-signed.pem" https://localhost:8443/health >/dev/null || fail "curl"
"$txtctl" --ca "$volume/self-signed.pem" --url https://localhost:8443 --domain www.example.com register >/dev/null
"$txtctl" --ca "$volume/self-signed.pem" --url https://localhost:8443 update "$value" >/dev/null
name=$(sed -n 's/.*"fulldomain": *"\([^"]*\)".*/\1/p' "$TXTD_CREDENTIALS")
[ "$(dig +short +time=5 -p 5353 @127.0.0.1 "$name" TXT)" = "\"$value\"" ] || fail "dig"
[ "$(dig +short +time=5 +tcp -p 5353 @127.0.0.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "dig +tcp"
echo "ok: a pod without capabilities answers dig, curl and kubelet's probes"

podman exec $container txtctl backup || fail "no backup of the running pod"
[ "$(backups)" = 1 ] || fail "there are $(backups) backups, not one"
run_job txtd-backup
[ "$(backups)" = 2 ] || fail "the job made no backup"
"$txtctl" --ca "$volume/self-signed.pem" --url https://localhost:8443 set "${value//L/M}" >/dev/null
end
run_job txtd-restore
play false []
[ "$(dig +short +time=5 -p 5353 @127.0.0.1 "$name" TXT)" = "\"$value\"" ] || fail "the restored value"
end
echo "ok: backed up while it runs, by hand and by the job, and restored"

rm "$volume"/self-signed.* # made anew, by root for the other user
for start in first second; do
    play true []
    expect_unprivileged "$(main_pid)"
    expect_capabilities CHOWN DAC_OVERRIDE NET_BIND_SERVICE SETGID SETPCAP SETUID
    [ "$(dig +short +time=5 @127.0.0.1 "$name" TXT)" = "\"$value\"" ] || fail "the value is not there at the $start start"
    podman exec $container txtctl backup --retain 1 || fail "no backup where the container's user is root"
    run_job txtd-backup
    curl -sS --fail --max-time 20 --cacert "$volume/self-signed.pem" https://localhost/health >/dev/null || fail "curl at 443"
    end
done
echo "ok: the one for the node's ports gives up root and its capabilities"

# The profile of system calls of newer runtimes: bpf for who has CAP_BPF. Podman's own is older, and asks for CAP_SYS_ADMIN.
jq '.syscalls |= (map(.names -= ["bpf"]) + [{"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}}])' \
    /usr/share/containers/seccomp.json >"$directory/seccomp.json"
sed -i "s,^\[containers\],&\nseccomp_profile = \"$directory/seccomp.json\"," "$CONTAINERS_CONF"

# A neighbour on a wire, who asks by way of AF_XDP.
unshare --net sleep 170 >"$directory/neighbour.log" 2>&1 &
neighbour=$!
wait_for test "$(readlink /proc/$$/ns/net)" != "$(readlink /proc/$neighbour/ns/net)"
ip link add txtd0 type veth peer name eth0 netns $neighbour
ip address add 192.0.2.1/24 dev txtd0
ip link set txtd0 up
nsenter --net --target $neighbour ip address add 192.0.2.2/24 dev eth0
nsenter --net --target $neighbour ip link set eth0 up
play true "[{interface: txtd0}]"
expect_unprivileged "$(main_pid)"
expect_capabilities BPF CHOWN DAC_OVERRIDE IPC_LOCK NET_ADMIN NET_BIND_SERVICE NET_RAW SETGID SETPCAP SETUID
[ "$(nsenter --net --target $neighbour dig +short +time=5 @192.0.2.1 "$name" TXT)" = "\"$value\"" ] || fail "dig by AF_XDP"
curl -sS --max-time 20 http://127.0.0.1:9153/metrics >"$directory/metrics"
grep -q 'txtd_dns_queries_total{transport="xdp"} [1-9]' "$directory/metrics" || fail "that was not AF_XDP"
end
echo "ok: with the capabilities for AF_XDP it answers by AF_XDP, and gives them up"
