#!/bin/bash
# tests/run.sh: installs what is needed, builds, runs every test. Debian 12, root. Idempotent.
#
#   tests/run.sh                  everything: the quick start, the whole suite in a release build, fuzzers briefly,
#                                 ThreadSanitizer, then the suite under AddressSanitizer + UndefinedBehaviorSanitizer;
#                                 ends with ctest's summary of that last run
#   tests/run.sh quickstart|release|fuzz|tsan|asan ...   only these stages
#   TXTD_SKIP_INSTALL=1           do not call apt-get (everything is installed already)
set -euo pipefail
cd "$(dirname "$0")/.."

stage="start"
report() {
    local status=$?
    [ "$status" -eq 0 ] || echo "tests/run.sh: FAILED in stage: $stage" >&2
}
trap report EXIT

packages() {
    sed -e 's/#.*//' deploy/packages-build.txt deploy/packages-test.txt | grep -v '^\s*$' | sort -u
}

install_packages() {
    stage="install packages"
    [ "${TXTD_SKIP_INSTALL:-}" != 1 ] || return 0
    local missing
    mapfile -t missing < <(packages | while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done)
    [ ${#missing[@]} -gt 0 ] || return 0
    # No server package may start itself: the tests start what they need, in namespaces or on free ports.
    local policy=/usr/sbin/policy-rc.d ours=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        ours=1
    fi
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
    [ -z "$ours" ] || rm -f $policy
}

build() { # PRESET
    stage="build $1"
    cmake --preset "$1" >/dev/null
    cmake --build --preset "$1" -- -k 0
}

suite() { # PRESET [ctest options]
    local preset=$1
    shift
    stage="tests $preset"
    # Two at a time: most wait more than they work. Those that load the machine, or measure, say that they take both CPUs.
    ctest --test-dir "build/$preset" -j 2 --output-on-failure --no-tests=error --timeout 180 "$@"
}

install_packages
[ $# -gt 0 ] || set -- quickstart release fuzz tsan asan
for what in "$@"; do
    case $what in
    quickstart)
        stage="quick start"
        TXTD_SKIP_INSTALL=1 deploy/quickstart.sh
        # What --keep leaves must not hold the pipe of who reads it.
        TXTD_SKIP_INSTALL=1 timeout 120 sh -c 'deploy/quickstart.sh --keep | tail -n 4'
        kill -TERM "$(cat build/quickstart/run/txtd.pid)"
        ;;
    release)
        build release
        suite release
        ;;
    fuzz)
        build fuzz
        suite fuzz -L fuzz
        ;;
    # liburcu publishes with barriers that ThreadSanitizer cannot see through in every place: the tests it can judge carry
    # the label tsan.
    tsan)
        build tsan
        suite tsan -L tsan
        ;;
    asan)
        build asan
        suite asan -LE 'lint|own_build'
        ;;
    *)
        echo "usage: tests/run.sh [quickstart|release|fuzz|tsan|asan ...]" >&2
        exit 2
        ;;
    esac
done
stage="end"
