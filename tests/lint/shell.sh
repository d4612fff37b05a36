#!/bin/sh
# Nothing in the shell scripts of the tree is found fault with.
set -eu
cd "$1"
grep -rlE '^#!/bin/(ba)?sh' .ci bench deploy tests | sort | xargs shellcheck -x --severity=warning
