#!/bin/sh
# Kills txtd with SIGKILL ROUNDS times (200) at random points under load, and in between while it starts and recovers: everything
# that was acknowledged must be there after each. The suite does a few rounds of the same (e2e.kill9).
#
#     tests/faults/kill9.sh [ROUNDS]
#
# BUILD (build/release) is where txtd was built. 200 rounds take some ten minutes.
set -eu
cd "$(dirname "$0")/../.."
build=${BUILD:-build/release}
for program in "$build/tests/e2e/strict/txtd" "$build/control/txtctl"; do
    [ -x "$program" ] || {
        echo "tests/faults/kill9.sh: $program is missing: build first (tests/run.sh), or say BUILD=" >&2
        exit 1
    }
done
exec tests/e2e/test_kill9.py "$build/tests/e2e/strict/txtd" "$build/control/txtctl" "${1:-200}"
