#!/bin/bash
# Builds the TLS layer against mbedtls 3.6 (TLS 1.3) in a Debian 13 root and runs its unit tests there. Root; needs the network
# once.
#
#     tests/tls36.sh [DIRECTORY]
#
# DIRECTORY (/var/cache/txtd/debian13) keeps the root between runs; delete it to begin anew. Not a part of tests/run.sh, which
# builds with Debian 12's mbedtls 2.28.
set -euo pipefail
cd "$(dirname "$0")/.."
directory=${1:-/var/cache/txtd/debian13}
packages=gcc,libc6-dev,cmake,ninja-build,libmbedtls-dev,libssl-dev,libcmocka-dev

command -v debootstrap >/dev/null || {
    echo "tests/tls36.sh: debootstrap is missing: apt-get install debootstrap" >&2
    exit 1
}
if [ ! -e "$directory/complete" ]; then
    rm -rf "$directory"
    mkdir -p "$directory"
    debootstrap --variant=minbase --include="$packages" trixie "$directory/root" >"$directory/log" 2>&1 || {
        tail -n 20 "$directory/log" >&2
        exit 1
    }
    touch "$directory/complete"
fi

work=$directory/root/tmp/txtd
rm -rf "$work"
mkdir -p "$work/tests/unit/control" "$work/control" "$work/dataplane"
cp control/tls*.[ch] "$work/control/"
cp dataplane/error.[ch] "$work/dataplane/"
cp tests/unit/control/test_tls*.c "$work/tests/unit/control/"
cp -r tests/tls36 "$work/tests/"
# shellcheck disable=SC2016 # expanded inside
chroot "$directory/root" /bin/sh -euc '
    version=$(dpkg-query -W libmbedtls-dev | cut -f 2)
    echo "mbedtls $version"
    case $version in 3.*) ;; *) exit 1 ;; esac
    cmake -S /tmp/txtd/tests/tls36 -B /tmp/txtd/build -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build /tmp/txtd/build
    ctest --test-dir /tmp/txtd/build --output-on-failure --no-tests=error
'
