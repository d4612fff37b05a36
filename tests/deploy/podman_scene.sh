# shellcheck shell=bash
# podman_scene.sh: podman and buildah for one test alone: their storage in memory, a network and mounts of its own. Sourced by
# the tests, after podman_scene_enter has put them into their namespaces. $directory is the scene's, and memory only.

# Starts the test again in namespaces of its own, unless it is there already.
podman_scene_enter() { # SCRIPT ARGUMENTS...
    [ -n "${PODMAN_SCENE_INSIDE:-}" ] || PODMAN_SCENE_INSIDE=1 exec unshare --net --mount -- "$@"
}

podman_scene_make() {
    directory=$(mktemp -d)
    trap podman_scene_end EXIT
    mount -t tmpfs -o mode=755 tmpfs "$directory"
    mount -t tmpfs -o mode=755 tmpfs /run # what the container runtime keeps about running containers
    ip link set lo up
    # A machine that does not let limits be raised would refuse the defaults; locks of other podmans are not ours.
    cat >"$directory/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$(ulimit -Hn):$(ulimit -Hn)", "nproc=1024:1024"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "$directory/podman"
CONF
    cat >"$directory/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$directory/images"
runroot = "$directory/run"
CONF
    export CONTAINERS_CONF=$directory/containers.conf CONTAINERS_STORAGE_CONF=$directory/storage.conf
}

# A test may define podman_scene_before_end, for what it has started besides.
podman_scene_end() {
    local status=$?
    set +e
    for job in $(jobs -p); do kill "$job" 2>/dev/null; done
    if [ $status -ne 0 ]; then
        podman ps -a >&2
        for container in $(podman ps -aq); do podman logs --tail 30 "$container" >&2; done
        tail -n 20 "$directory"/*.log >&2 2>/dev/null
    fi
    ! declare -F podman_scene_before_end >/dev/null || podman_scene_before_end
    podman pod rm -fa -t 2 >/dev/null 2>&1
    podman rm -fa -t 2 >/dev/null 2>&1
    umount -R -l "$directory" /run
    rmdir "$directory"
    # Podman leaves its control groups; those that are empty are nobody else's.
    find /sys/fs/cgroup/libpod_parent /sys/fs/cgroup/*/libpod_parent -depth -type d -exec rmdir {} + 2>/dev/null
    exit $status
}

fail() {
    echo "FAIL: $*" >&2
    exit 1
}

wait_for() { # COMMAND...: until it succeeds, for a minute
    for _ in $(seq 300); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.2
    done
    fail "this never succeeded: $*"
}

# The process on this machine is somebody else without a capability, and cannot write its root.
expect_unprivileged() { # PID
    local status
    for status in /proc/"$1"/task/*/status; do
        [ "$(awk '/^Uid:/ {print $2, $3, $4, $5}' "$status")" = "10053 10053 10053 10053" ] || fail "a thread is not user 10053"
        [ "$(awk '/^Cap(Inh|Prm|Eff|Amb):/ {print $2}' "$status" | sort -u)" = 0000000000000000 ] ||
            fail "a thread has capabilities: $(grep Cap "$status")"
        [ "$(awk '/^NoNewPrivs:/ {print $2}' "$status")" = 1 ] || fail "a thread may gain privileges"
    done
    awk '$5 == "/" {exit $6 ~ /(^|,)ro(,|$)/ ? 0 : 1}' "/proc/$1/mountinfo" || fail "the root can be written"
}
