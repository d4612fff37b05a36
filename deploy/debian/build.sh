#!/bin/bash
# deploy/debian/build.sh: makes the Debian package.
#
#   deploy/debian/build.sh OUTPUT_DIRECTORY               builds txtd and packages it
#   deploy/debian/build.sh OUTPUT_DIRECTORY BUILD         packages what is built in BUILD (by cmake)
#
# Needs debhelper and the packages in deploy/packages-build.txt. The checkout is not changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: deploy/debian/build.sh OUTPUT_DIRECTORY [BUILD]" >&2
    exit 2
fi
mkdir -p "$1"
output=$(realpath "$1")
[ $# -lt 2 ] || TXTD_BUILT=$(realpath "$2")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/txtd"
if [ -n "${TXTD_BUILT:-}" ]; then
    export TXTD_BUILT
    cp -r README.md deploy "$work/txtd/"
else
    tar -c --exclude-vcs --exclude='./build*' . | tar -x -C "$work/txtd"
fi
cp -r deploy/debian "$work/txtd/debian"
rm "$work/txtd/debian/build.sh" "$work/txtd/debian/README.md"
cd "$work/txtd"
debian/rules binary
mv "$work"/txtd*.deb "$output/"
