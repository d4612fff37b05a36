#!/bin/bash
# How long `txtctl import acme-dns` takes for many accounts with two values each, from an SQLite file.
#
#   bench/import.sh BUILD [ACCOUNTS]        default: 1000000
#
# Everything is made in a directory of its own below TMPDIR and removed at the end.
set -eu
here=$(dirname "$0")
# shellcheck source=bench/begin.sh
. "$here/begin.sh"
[ $# -ge 1 ] && [ $# -le 2 ] || usage
build=$1
accounts=${2:-1000000}
check_build "$build" control/txtctl
check_numbers "$accounts"
need python3 python3
directory=$(mktemp -d "${TMPDIR:-/tmp}/txtd-import.XXXXXX")
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/state"
cat >"$directory/txtd.yaml" <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
process: {state_directory: $directory/state}
YAML
"$here/make_acmedns.py" "$directory/acme-dns.db" "$accounts"
run() {
    begin=$(date +%s.%N)
    "$build/control/txtctl" import acme-dns -c "$directory/txtd.yaml" "$directory/acme-dns.db"
    end=$(date +%s.%N)
    echo "$1: $(echo "$end $begin" | awk '{printf "%.1f", $1 - $2}') s"
}
run "import of $accounts accounts"
run "the same once more"
du -sh "$directory/acme-dns.db" "$directory/state/store" | sed "s|$directory/||"
