#!/bin/bash
# deploy/container/closure.sh: gathers what txtd and txtctl need to run, and nothing else, in a directory that becomes an
# image's root: no shell, no package manager.
#
#   closure.sh ROOT TXTD TXTCTL
#
# The libraries come from this machine, which has to be the Debian that the programs were built on. ROOT/var/lib/dpkg/status.d
# says which packages they are from, for those who look for known flaws in images.
set -euo pipefail
[ $# -eq 3 ] || { echo "usage: closure.sh ROOT TXTD TXTCTL" >&2; exit 2; }
root=$1
export LC_ALL=C
uid=10053

install -D -m 755 "$2" "$root/usr/sbin/txtd"
install -D -m 755 "$3" "$root/usr/bin/txtctl"
mapfile -t libraries < <(ldd "$2" "$3" | grep -o '/[^ ]* (0x' | sed 's/ (0x$//' | sort -u)
[ ${#libraries[@]} -gt 10 ] || { echo "closure.sh: ldd names no libraries" >&2; exit 1; }
for library in "${libraries[@]}"; do
    install -D -m 755 "$library" "$root$library"
done
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
install -D -m 644 /etc/os-release "$root/etc/os-release"
printf 'root:x:0:0:root:/:/sbin/nologin\ntxtd:x:%d:%d:txtd:/var/lib/txtd:/sbin/nologin\n' $uid $uid >"$root/etc/passwd"
printf 'root:x:0:\ntxtd:x:%d:\n' $uid >"$root/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 644 "$root/etc/passwd" "$root/etc/group" "$root/etc/nsswitch.conf"
install -d -m 755 "$root/etc/txtd" "$root/run" "$root/proc" "$root/sys" "$root/dev"
install -d -m 1777 "$root/tmp"

# A package knows a file as /lib/... or as /usr/lib/..., and by its full name.
owners() {
    local file names=()
    for file in "${libraries[@]}" /etc/ssl/certs/ca-certificates.crt; do
        file=$(realpath "$file")
        names+=("$file" "${file#/usr}")
    done
    dpkg-query -S "${names[@]}" 2>/dev/null | sed 's/: .*//' | sort -u
    echo ca-certificates
}
mkdir -p "$root/var/lib/dpkg/status.d"
for package in $(owners); do
    name=${package%%:*}
    dpkg-query -s "$package" >"$root/var/lib/dpkg/status.d/$name"
    [ ! -r "/usr/share/doc/$name/copyright" ] ||
        install -D -m 644 "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/copyright"
done
