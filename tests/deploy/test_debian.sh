#!/bin/bash
# The Debian package: made from what is built, found faultless by lintian, and then installed, upgraded, removed and purged in
# an overlay over this machine's own root, of which nothing changes.
#
#   test_debian.sh TXTD TXTCTL
set -euo pipefail
if [ -z "${TEST_DEBIAN_INSIDE:-}" ]; then
    TEST_DEBIAN_INSIDE=1 exec unshare --net --mount -- "$0" "$@"
fi
txtd=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
directory=$(mktemp -d)
root=$directory/root
upper=$directory/upper
pid=
finish() {
    local status=$?
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
    [ $status -eq 0 ] || tail -n 20 "$directory"/*.log >&2 2>/dev/null || true
    umount -R -l "$directory" 2>/dev/null || true
    rm -rf --one-file-system "$directory"
}
trap finish EXIT
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
enter=(chroot "$root" env -u TMPDIR PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive)
inside() { "${enter[@]}" "$@"; }

mount -t tmpfs -o mode=755 tmpfs "$directory"
ip link set lo up

# --- The package itself ---

DEB_BUILD_OPTIONS=noautodbgsym "$top/deploy/debian/build.sh" "$directory" "$(dirname "$(dirname "$txtd")")" \
    >"$directory/build.log" 2>&1 || fail "the package cannot be built"
deb=$(echo "$directory"/txtd_*.deb)
version=$(dpkg-deb -f "$deb" Version)
[ "$("$txtd" --version)" = "txtd $version" ] || fail "the changelog has version $version, $("$txtd" --version)"
dpkg-deb -c "$deb" | awk '{print $1, $2, $6}' >"$directory/contents"
while read -r line; do
    grep -qxF -- "$line" "$directory/contents" || fail "the package lacks: $line"
done <<'CONTENTS'
-rwxr-xr-x root/root ./usr/sbin/txtd
-rwxr-xr-x root/root ./usr/bin/txtctl
-rw-r--r-- root/root ./usr/share/man/man8/txtd.8.gz
-rw-r--r-- root/root ./usr/share/man/man1/txtctl.1.gz
-rw-r--r-- root/root ./usr/share/man/man5/txtd.yaml.5.gz
-rw-r--r-- root/root ./lib/systemd/system/txtd.service
-rw-r--r-- root/root ./lib/systemd/system/txtd-renew.service
-rw-r--r-- root/root ./lib/systemd/system/txtd-renew.timer
-rw-r--r-- root/root ./lib/systemd/system/txtd-backup.service
-rw-r--r-- root/root ./lib/systemd/system/txtd-backup.timer
-rw-r--r-- root/root ./usr/lib/sysusers.d/txtd.conf
-rw-r--r-- root/root ./usr/lib/tmpfiles.d/txtd.conf
-rw-r--r-- root/root ./usr/share/doc/txtd/examples/txtd.yaml
-rw-r--r-- root/root ./usr/share/doc/txtd/CLIENTS.md
-rw-r--r-- root/root ./usr/share/bash-completion/completions/txtctl
-rw-r--r-- root/root ./usr/share/zsh/vendor-completions/_txtctl
-rw-r--r-- root/root ./usr/share/fish/vendor_completions.d/txtctl.fish
-rwxr-xr-x root/root ./usr/share/txtd/clients/txtd-renew
drwxr-xr-x root/root ./etc/txtd/
CONTENTS
for file in $(grep -rhoE '/usr/share/(doc/)?txtd/[A-Za-z0-9./-]*[A-Za-z0-9]' "$top/deploy/systemd" "$top/deploy/clients" "$top/deploy/man" \
    "$top/deploy/debian/README.md" "$top/deploy/PRODUCTION.md" | sort -u); do
    awk '{print $3}' "$directory/contents" | grep -qxE -- "\.$file/?" || fail "the package lacks $file, which is named"
done
LC_ALL=C.UTF-8 lintian --allow-root --fail-on error "$deb" >"$directory/lintian.log" 2>&1 || fail "lintian: $(cat "$directory/lintian.log")"
echo "ok: $(basename "$deb"), $(grep -c ^W: "$directory/lintian.log") warnings of lintian"

# --- Installed ---

mkdir "$root" "$upper" "$directory/work"
mount -t overlay -o "lowerdir=/,upperdir=$upper,workdir=$directory/work" overlay "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run" # no service manager runs here
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
install_package() { # DEB
    cp "$1" "$root/tmp/package.deb"
    inside dpkg -i /tmp/package.deb >>"$directory/dpkg.log" 2>&1 || fail "dpkg -i fails"
}
start() { # as txtd.service does
    : >"$directory/txtd.log"
    "${enter[@]}" setpriv --reuid txtd --regid txtd --clear-groups --inh-caps -all,+net_bind_service \
        --ambient-caps -all,+net_bind_service /usr/sbin/txtd -c /etc/txtd/txtd.yaml 2>"$directory/txtd.log" &
    pid=$!
    for _ in $(seq 600); do
        grep -q 'event=start.end' "$directory/txtd.log" && return
        kill -0 "$pid" 2>/dev/null || fail "txtd ended"
        sleep 0.1
    done
    fail "txtd did not start"
}
stop() {
    local status=0
    kill -TERM "$pid"
    wait "$pid" || status=$?
    pid=
    [ $status -eq 0 ] || fail "SIGTERM ended txtd with $status"
}
owner() { inside stat -c '%U:%G %a' "$1"; }

install_package "$deb"
[ "$(owner /var/lib/txtd)" = "txtd:txtd 700" ] || fail "/var/lib/txtd: $(owner /var/lib/txtd)"
[ -L "$root/etc/systemd/system/multi-user.target.wants/txtd.service" ] || fail "the service is not enabled"
[ -z "$(find "$upper/etc/systemd/system" -path '*/timers.target.wants/txtd-*')" ] || fail "renewal or backups are enabled unasked"
for package in curl jq uacme; do # what the hooks and the renewal call
    dpkg-deb -f "$deb" Recommends | tr -d ' ' | tr , '\n' | grep -qx $package || fail "$package is not recommended"
done
inside txtd --check-config -c /usr/share/doc/txtd/examples/txtd.yaml >/dev/null || fail "the example is not right"
cat >"$root/etc/txtd/txtd.yaml" <<'YAML'
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1"]}
api: {listen: ["127.0.0.1"], self_signed: true, public_url: "https://127.0.0.1"}
store: {reserve: 0}
YAML
start
credentials=/tmp/credentials.json
value=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
client() { inside env TXTD_CREDENTIALS=$credentials txtctl "$@"; }
client --ca /var/lib/txtd/self-signed.pem --url https://127.0.0.1 --domain www.example.com register >/dev/null
client --ca /var/lib/txtd/self-signed.pem update $value >/dev/null
client --server 127.0.0.1 check $value >/dev/null || fail "the value is not served"
stop
echo "ok: installed, and it serves"

# --- Upgraded: the same with a higher version ---

dpkg-deb -R "$deb" "$directory/next"
sed -i "s/^Version: .*/Version: $version.1/" "$directory/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$directory/next" "$directory/next.deb" >/dev/null
sum=$(sha256sum <"$root/etc/txtd/txtd.yaml")
install_package "$directory/next.deb"
[ "$(inside dpkg-query -W -f '${Status} ${Version}' txtd)" = "install ok installed $version.1" ] || fail "it is not upgraded"
[ "$(sha256sum <"$root/etc/txtd/txtd.yaml")" = "$sum" ] || fail "the upgrade changed the configuration"
start
client --server 127.0.0.1 check $value >/dev/null || fail "the value did not survive the upgrade"
stop
echo "ok: upgraded"

# --- Removed, then purged ---

inside dpkg -r txtd >>"$directory/dpkg.log" 2>&1 || fail "dpkg -r fails"
[ ! -e "$root/usr/sbin/txtd" ] || fail "the program is still there"
[ -e "$root/var/lib/txtd/store" ] || fail "removing the package removed its data"
inside dpkg -P txtd >>"$directory/dpkg.log" 2>&1 || fail "dpkg -P fails"
left=$(find "$upper" ! -type c -path '*txtd*' ! -type d -printf '/%P\n'; find "$upper" -type d -name '*txtd*' -printf '/%P\n')
[ "$(sort <<<"$left")" = "$(printf '%s\n' /etc/txtd /etc/txtd/txtd.yaml)" ] || fail "this is left after the purge: $left"
if inside dpkg-query -W -f '${Status}' txtd 2>/dev/null | grep -q installed; then
    fail "dpkg still knows it"
fi
echo "ok: removed and purged; what is left is the operator's own"
