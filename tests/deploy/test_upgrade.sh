#!/bin/bash
# The Debian package under systemd: the unit serves with all its hardening; an upgrade under load loses no query; a configuration
# that is not right, or lacks what taking over needs, does what the documentation says; a reload is a reload.
#
#   test_upgrade.sh TXTD TXTCTL
set -euo pipefail
if [ -z "${TEST_UPGRADE_INSIDE:-}" ]; then
    TEST_UPGRADE_INSIDE=1 exec unshare --net --mount -- "$0" "$@"
fi
txtd=$(realpath "$1")
top=$(realpath "$(dirname "$0")/../..")
directory=$(mktemp -d)
group=$(basename "$directory")
scene=
systemd=
finish() {
    local status=$?
    if [ $status -ne 0 ] && [ -n "$systemd" ]; then
        inside sh -c 'systemctl status --no-pager txtd; tail -n 40 /run/txtd.log' >&2 || true
    fi
    [ -z "$scene" ] || kill -KILL "$scene" 2>/dev/null || true # and with it all that is inside
    [ -z "$scene" ] || wait "$scene" 2>/dev/null || true
    mkdir -p "$directory/cgroup"
    if mount -t cgroup2 cgroup2 "$directory/cgroup" 2>/dev/null && [ -d "$directory/cgroup/$group" ]; then
        for _ in $(seq 50); do # the last process may take a moment
            find "$directory/cgroup/$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
            sleep 0.1
        done
    fi
    [ $status -eq 0 ] || tail -n 20 "$directory"/*.log >&2 2>/dev/null || true
    umount -R -l "$directory" 2>/dev/null || true
    rm -rf --one-file-system "$directory"
}
trap finish EXIT
fail() {
    echo "FAIL: $*" >&2
    exit 1
}
inside() {
    nsenter -t "$systemd" --pid --mount --net --uts --ipc --cgroup --root --wd -- env -i LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
mount -t tmpfs -o mode=755 tmpfs "$directory"

# --- Packages, and systemd ---

DEB_BUILD_OPTIONS=noautodbgsym "$top/deploy/debian/build.sh" "$directory" "$(dirname "$(dirname "$txtd")")" \
    >"$directory/build.log" 2>&1 || fail "the package cannot be built"
dpkg-deb -R "$(echo "$directory"/txtd_*.deb)" "$directory/next"
version=$(sed -n 's/^Version: //p' "$directory/next/DEBIAN/control")
for number in 1 2 3 4; do
    sed -i "s/^Version: .*/Version: $version.$number/" "$directory/next/DEBIAN/control"
    dpkg-deb --root-owner-group -b "$directory/next" "$directory/$number.deb" >/dev/null
done

unshare --pid --mount --net --uts --ipc --fork --kill-child -- "$top/tests/deploy/systemd_scene.sh" "$directory" "$group" \
    >"$directory/scene.log" 2>&1 &
scene=$!
for _ in $(seq 300); do
    kill -0 "$scene" 2>/dev/null || fail "systemd ended"
    systemd=$(pgrep -P "$scene" || true)
    [ -z "$systemd" ] || [ "$(tr '\0' ' ' <"/proc/$systemd/cmdline" | cut -d ' ' -f 1)" != /lib/systemd/systemd ] ||
        [ "$(inside systemctl is-system-running 2>/dev/null)" != running ] || break
    sleep 0.1
done
[ "$(inside systemctl is-system-running)" = running ] || fail "systemd does not run: $(inside systemctl --failed)"

install_package() { # NUMBER
    inside sh -c 'cat >/tmp/package.deb' <"$directory/$1.deb"
    inside dpkg -i /tmp/package.deb >"$directory/dpkg-$1.log" 2>&1 || fail "dpkg -i fails"
}
main_pid() { inside systemctl show -p MainPID --value txtd; }
settled() { # PID: the service's one process is another than PID, runs the installed program, and is active
    local now
    now=$(main_pid)
    [ "$now" != "$1" ] && [ "$(inside systemctl is-active txtd)" = active ] &&
        inside test "/proc/$now/exe" -ef /usr/sbin/txtd &&
        [ "$(inside cat /sys/fs/cgroup/system.slice/txtd.service/cgroup.procs)" = "$now" ]
}
await() { # WHAT COMMAND...
    local what=$1
    shift
    for _ in $(seq 300); do
        "$@" && return
        sleep 0.1
    done
    fail "$what"
}
has_logged() { [ "$(logged "$1")" != 0 ]; }
logged() { inside grep -c "event=$1" /run/txtd.log || true; }
configure() { # LINE: the last one
    inside sh -c 'cat >/etc/txtd/txtd.yaml' <<YAML
zones:
  - name: auth.example.test
    nameservers: [{name: ns1.auth.example.test, addresses: [127.0.0.1]}]
dns: {listen: ["127.0.0.1"], workers: 1, rrl: {enabled: false}}
api: {listen: ["127.0.0.1"], self_signed: true, public_url: "https://127.0.0.1"}
store: {reserve: 0}
$1
YAML
}
client() { inside env TXTD_CREDENTIALS=/tmp/credentials.json txtctl "$@"; }

# --- Installed ---

install_package 1
# LeakSanitizer, in a build that has it, needs what the unit forbids.
inside sh -c 'mkdir /etc/systemd/system/txtd.service.d && cat >/etc/systemd/system/txtd.service.d/test.conf' <<'UNIT'
[Service]
StandardError=append:/run/txtd.log
StandardOutput=append:/run/txtd.log
Environment=ASAN_OPTIONS=detect_leaks=0
UNIT
for unit in txtd-renew txtd-backup; do
    inside sh -c "mkdir /etc/systemd/system/$unit.service.d && cat >/etc/systemd/system/$unit.service.d/test.conf" <<'UNIT'
[Service]
Environment=ASAN_OPTIONS=detect_leaks=0
UNIT
done
inside systemctl daemon-reload
configure 'process: {control_socket: /run/txtd/control.sock}'
inside systemctl start txtd || fail "systemctl start"
value=LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
client --ca /var/lib/txtd/self-signed.pem --url https://127.0.0.1 --domain www.example.com register >/dev/null
client --ca /var/lib/txtd/self-signed.pem update $value >/dev/null
client --server 127.0.0.1 check $value >/dev/null || fail "the value is not served"
echo "ok: the unit serves, hardened as it is"

# --- The renewal and the backup, as their timers start them ---

configure 'process: {control_socket: /run/txtd/control.sock}'
inside sed -i -e 's,^api: {,&certificate: /var/lib/txtd/api.pem\, key: /var/lib/txtd/api.key\, acme_name: auth.example.test\, ,' \
    -e 's,^store: {,&backup_directory: /var/lib/txtd/backups\, ,' /etc/txtd/txtd.yaml
inside systemctl restart txtd || fail "txtd does not start with acme_name"
# In the place of uacme, whose part against an authority is tested elsewhere: calls the hook, and issues.
inside sh -c 'cat >/usr/bin/uacme && chmod 755 /usr/bin/uacme' <<'UACME'
#!/bin/sh
set -eu
confdir=$3
shift 3
if [ "$1" = new ]; then
    [ "$2" = hostmaster@example.test ]
    mkdir -p "$confdir/private" && : >"$confdir/private/key.pem"
    exit
fi
[ "$1" = --hook ] && [ "$6" = issue ]
"$2" begin dns-01 "$7" token LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo
[ "$(dig +short @127.0.0.1 "_acme-challenge.$7" TXT | tail -n 1)" = '"LPsIwTo7o8BoG0-vjCyGQGBWSVIPxI-i_X336eUOQZo"' ]
mkdir -p "$confdir/$7" "$confdir/private/$7"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj "/CN=$7" -addext "subjectAltName=DNS:$7" \
    -keyout "$confdir/private/$7/key.pem" -out "$confdir/$7/cert.pem" 2>/dev/null
UACME
inside sh -c 'echo TXTD_ACME_EMAIL=hostmaster@example.test >/etc/txtd/renew.env'
inside systemctl start txtd-renew || fail "the renewal: $(inside journalctl -u txtd-renew 2>&1 | tail -n 5)"
inside openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | grep -q 'CN = auth.example.test' || fail "not the new certificate"
inside systemctl start txtd-backup || fail "the backup"
inside test -d /var/lib/txtd/backups/meta/1 -o -e /var/lib/txtd/backups/meta/1 || fail "there is no backup"
inside systemctl start txtd-renew.timer txtd-backup.timer
next=$(inside systemctl list-timers --output=json txtd-renew.timer | jq '.[0].next / 1000000 - now | floor')
[ "$next" -le 120 ] || fail "the first certificate comes in $next seconds"
echo "ok: renewal and backup, hardened as they are"
configure 'process: {control_socket: /run/txtd/control.sock}'
inside systemctl restart txtd

# --- Reload ---

old=$(main_pid)
inside systemctl reload txtd || fail "systemctl reload"
await "the reload" has_logged reload.end
[ "$(main_pid)" = "$old" ] || fail "a reload without an upgrade started another process"
echo "ok: reload"

# --- Upgraded under load ---

inside sh -c 'echo auth.example.test NS >/tmp/queries'
inside dnsperf -s 127.0.0.1 -d /tmp/queries -l 5 -Q 300 -t 20 -c 10 >"$directory/dnsperf.log" 2>&1 &
dnsperf=$!
sleep 0.5
install_package 2
await "the new program to be the service" settled "$old"
wait "$dnsperf" || fail "dnsperf"
[ "$(grep -c '\(Queries completed\|NOERROR\).*(100.00%)' "$directory/dnsperf.log")" = 2 ] || fail "queries were lost"
[ "$(logged takeover.end)" = 1 ] || fail "the new program did not take over"
[ "$(inside systemctl show -p NRestarts --value txtd)" = 0 ] || fail "the service restarted"
client --server 127.0.0.1 check $value >/dev/null || fail "the value did not survive the upgrade"
echo "ok: upgraded, $(sed -n 's/.*Queries sent: *//p' "$directory/dnsperf.log") queries, none lost"

# --- Started from a shell, a successor would be no part of the service, and systemd would end it with the old one ---

old=$(main_pid)
for user in txtd root; do
    ! inside timeout 60 runuser -u $user -- txtd --take-over -c /etc/txtd/txtd.yaml >"$directory/by-hand-$user.log" 2>&1 ||
        fail "a successor from outside ended well"
    grep -q 'systemctl reload' "$directory/by-hand-$user.log" || fail "it does not say what to do instead"
done
[ "$(main_pid) $(inside systemctl is-active txtd)" = "$old active" ] || fail "a successor from outside ended the service"
client --server 127.0.0.1 check $value >/dev/null || fail "DNS after a successor from outside"
echo "ok: nobody from outside takes over"

# --- With a configuration that is not right any more, the running one goes on until it is mended ---

old=$(main_pid)
configure 'nonsense: true'
install_package 3
grep -q 'the running txtd goes on' "$directory/dpkg-3.log" || fail "dpkg does not say that the configuration is wrong"
[ "$(main_pid)" = "$old" ] || fail "a configuration that is not right ended the service"
client --server 127.0.0.1 check $value >/dev/null || fail "the running txtd did not go on"
! inside systemctl reload txtd 2>/dev/null || fail "a reload with a wrong configuration succeeds"
[ "$(main_pid) $(inside systemctl is-active txtd)" = "$old active" ] || fail "a failed reload ended the service"
configure 'process: {}' # no control socket: what runs still has one, but nothing can find it
! inside systemctl reload txtd 2>/dev/null || fail "taken over without a control socket"
[ "$(main_pid) $(inside systemctl is-active txtd)" = "$old active" ] || fail "a failed take-over ended the service"
configure 'process: {control_socket: /run/txtd/control.sock}'
inside systemctl reload txtd || fail "systemctl reload after an upgrade"
await "the mended service" settled "$old"
[ "$(logged takeover.end)" = 2 ] || fail "the new program did not take over at the reload"
echo "ok: what is wrong keeps the old one"

# --- Without a control socket an upgrade restarts ---

old=$(main_pid)
configure 'process: {}'
install_package 4
grep -q 'it restarts' "$directory/dpkg-4.log" || fail "dpkg does not say that it restarts"
await "the restarted service" settled "$old"
client --server 127.0.0.1 check $value >/dev/null || fail "the value did not survive the restart"
inside systemctl stop txtd
[ "$(inside systemctl show -p Result --value txtd)" = success ] || fail "it did not stop cleanly"
echo "ok: without a control socket it restarts"

# --- AF_XDP, with what deploy/systemd/xdp.conf allows ---

ip link set lo up
ip link add eth0 type veth peer name txtd0 netns "$systemd" # a wire from here to the service
ip address add 192.0.2.2/24 dev eth0
ip link set eth0 up
inside ip address add 192.0.2.1/24 dev txtd0
inside ip link set txtd0 up
inside sh -c 'cat >/etc/systemd/system/txtd.service.d/xdp.conf' <"$top/deploy/systemd/xdp.conf"
inside systemctl daemon-reload
inside sed -i 's/^dns: {listen: \["127.0.0.1"\]/dns: {listen: ["127.0.0.1", "192.0.2.1"], xdp: [{interface: txtd0}]/' /etc/txtd/txtd.yaml
inside sed -i 's,^process: .*,process: {control_socket: /run/txtd/control.sock},' /etc/txtd/txtd.yaml
inside systemctl start txtd || fail "txtd does not start with dns.xdp"
has_logged dns.xdp || fail "txtd serves without AF_XDP"
[ "$(dig +short +time=5 @192.0.2.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "no answer by AF_XDP"
! inside sh -c "grep -h '^Cap[IPEA]' /proc/$(main_pid)/task/*/status" | grep -v 0000000000000000 || fail "capabilities are left"
old=$(main_pid)
attached=$(logged dns.xdp)
inside sh -c 'cp -p /usr/sbin/txtd /usr/sbin/txtd.new && mv /usr/sbin/txtd.new /usr/sbin/txtd'
inside systemctl reload txtd || fail "no take-over with dns.xdp"
await "the new program to be the service" settled "$old"
[ "$(logged dns.xdp)" -gt "$attached" ] || fail "the new program serves without AF_XDP"
[ "$(dig +short +time=5 @192.0.2.1 auth.example.test NS)" = ns1.auth.example.test. ] || fail "no answer by AF_XDP after the take-over"
inside systemctl stop txtd
echo "ok: AF_XDP with the unit's hardening, and a take-over of it"
