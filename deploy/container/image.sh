#!/bin/bash
# deploy/container/image.sh: builds and runs txtd's image with buildah and podman, without a registry and without a daemon; as
# root, or as a user who has entries in /etc/subuid and /etc/subgid.
#
#   image.sh build [BUILD]                builds txtd (or takes the programs built in BUILD by cmake) and makes the image
#   image.sh run CONFIG [OPTIONS]         runs it in the foreground with this configuration; options go to `podman run`, e.g.
#                                         --detach --publish 53:53/udp --publish 53:53 --publish 443:443 or --network host
#
# TXTD_IMAGE: the image's name (localhost/txtd:VERSION); TXTD_VOLUME: the volume for the state, or a directory (txtd-state)
set -euo pipefail
top=$(realpath "$(dirname "$0")/../..")
version=$(sed -n 's/^project(txtd VERSION \([0-9.]*\).*/\1/p' "$top/CMakeLists.txt")
image=${TXTD_IMAGE:-localhost/txtd:$version}

usage() {
    sed -n 's/^#   \(image.sh .*\)/\1/p' "$0" >&2
    exit 2
}

build() { # [BUILD]
    local built=${1:-}
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    if [ -z "$built" ]; then
        built=$work/build
        cmake -S "$top" -B "$built" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTXTD_TESTS=OFF -DTXTD_BENCH=OFF
        cmake --build "$built"
    fi
    strip -o "$work/txtd" "$built/control/txtd"
    strip -o "$work/txtctl" "$built/control/txtctl"
    mkdir -p "$work/stage/state-of-image"
    "$top/deploy/container/closure.sh" "$work/stage/root-of-image" "$work/txtd" "$work/txtctl"
    # The last stage is Containerfile's own; what its first one does in Debian has just been done here.
    {
        printf 'FROM scratch AS build\nCOPY . /\n'
        sed -n '/^FROM scratch/,$p' "$top/deploy/container/Containerfile"
    } >"$work/Containerfile"
    # Docker's format has health checks.
    buildah build --format docker --layers=false --network none --file "$work/Containerfile" --tag "$image" \
        --label org.opencontainers.image.title=txtd --label "org.opencontainers.image.version=$version" "$work/stage"
}

# Another user, a root that cannot be written, one capability, which txtd gives up once its ports are bound.
run() { # CONFIG [OPTIONS]
    local config
    config=$(realpath "$1")
    shift
    exec podman run --rm --name txtd --read-only --cap-drop all --cap-add NET_BIND_SERVICE \
        --security-opt no-new-privileges --volume "$config:/etc/txtd/txtd.yaml:ro" \
        --volume "${TXTD_VOLUME:-txtd-state}:/var/lib/txtd" --stop-timeout 90 "$@" "$image"
}

case "${1:-}" in
build)
    [ $# -le 2 ] || usage
    build "${2:-}"
    ;;
run)
    [ $# -ge 2 ] || usage
    shift
    run "$@"
    ;;
*) usage ;;
esac
