#!/bin/sh
# shellcheck finds nothing in the shell scripts of the tree.
set -eu
cd "$1"
grep -rlE '^#!/bin/(ba)?sh' .ci bench deploy tests | sort | xargs shellcheck -x --severity=warning
