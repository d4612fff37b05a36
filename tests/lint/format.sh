#!/bin/sh
# Every C file of the tree is as clang-format writes it.
set -eu
cd "$1"
find dataplane control storage bench tests -name '*.[ch]' | sort | xargs clang-format --dry-run --Werror
