#!/bin/bash
# deploy/quickstart.sh: from a fresh Debian 12 and a checkout to a working txtd, shown once from end to end.
#
#   deploy/quickstart.sh          install packages, build, run txtd on loopback, register - update - dig, stop it
#   deploy/quickstart.sh --keep   the same, and leave it running
#   TXTD_SKIP_INSTALL=1           do not call apt-get (everything is installed already)
#
# Run it as root. Nothing outside the checkout's build/quickstart is changed but for the packages; running it again is fine.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=
case "${1:-}" in
"") ;;
--keep) keep=1 ;;
*)
    echo "usage: deploy/quickstart.sh [--keep]" >&2
    exit 2
    ;;
esac

build=$PWD/build/quickstart
run=$build/run
zone=auth.example.test
pid=
step="begin"

finish() {
    local status=$?
    [ "$status" -eq 0 ] && return
    echo >&2
    echo "quickstart: FAILED at: $step" >&2
    if [ -s "$run/txtd.log" ]; then
        echo "quickstart: the end of $run/txtd.log:" >&2
        tail -n 20 "$run/txtd.log" >&2
    fi
    [ -z "$pid" ] || kill -TERM "$pid" 2>/dev/null || true
}
trap finish EXIT

say() {
    step=$*
    printf '\n== %s\n' "$*"
}

# What is run, and what it says.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

install_packages() {
    local missing
    mapfile -t missing < <(sed -e 's/#.*//' deploy/packages-build.txt | grep -v '^\s*$' | while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done)
    if [ ${#missing[@]} -eq 0 ] || [ "${TXTD_SKIP_INSTALL:-}" = 1 ]; then
        echo "nothing to install"
        return
    fi
    [ "$(id -u)" -eq 0 ] || { echo "quickstart: run it as root, or install: ${missing[*]}" >&2; return 1; }
    apt-get -q update
    DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "${missing[@]}"
}

build_txtd() {
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTXTD_TESTS=OFF -DTXTD_BENCH=OFF >/dev/null
    cmake --build "$build"
    txtd=$build/control/txtd
    txtctl=$build/control/txtctl
}

is_txtd() { # PID: still runs, and is the program that is built here, maybe an older one
    [ "$(readlink "/proc/$1/exe" 2>/dev/null | sed 's/ (deleted)$//')" = "$txtd" ]
}

# A txtd that an earlier run with --keep left.
stop_earlier() {
    local earlier
    [ -s "$run/txtd.pid" ] || { rm -f "$run/txtd.log"; return 0; }
    earlier=$(cat "$run/txtd.pid")
    if is_txtd "$earlier"; then
        echo "stopping txtd of an earlier run (pid $earlier)"
        kill -TERM "$earlier"
        for _ in $(seq 200); do
            is_txtd "$earlier" || break
            sleep 0.1
        done
    fi
    rm -f "$run/txtd.pid" "$run/txtd.log"
}

# Nobody listens on this port, as far as one can see from here. If it is taken all the same, txtd says so.
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 10000))
        if ! grep -qi ":$(printf '%04X' "$port") " /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

write_config() {
    cat >"$run/txtd.yaml" <<YAML
# Written by deploy/quickstart.sh. deploy/txtd.example.yaml explains every key.
zones:
  - name: $zone
    nameservers:
      - name: ns1.$zone
        addresses: [127.0.0.1]
dns:
  listen: ["127.0.0.1:$dns_port"]
api:
  listen: ["127.0.0.1:$api_port"]
  public_url: $url
  self_signed: true
process:
  state_directory: $run/state
YAML
}

start_txtd() {
    : >"$run/txtd.log"
    # Nothing of ours: what --keep leaves would hold the pipe that somebody reads this through.
    "$txtd" -c "$run/txtd.yaml" </dev/null >>"$run/txtd.log" 2>&1 &
    pid=$!
    for _ in $(seq 300); do
        grep -q 'event=start.end' "$run/txtd.log" && break
        kill -0 "$pid" 2>/dev/null || { echo "quickstart: txtd ended" >&2; return 1; }
        sleep 0.1
    done
    grep -q 'event=start.end' "$run/txtd.log"
    echo "$pid" >"$run/txtd.pid"
    echo "txtd runs as process $pid; DNS at 127.0.0.1 port $dns_port, HTTPS at $url"
}

# What a dns-01 value looks like: 32 octets in base64url (RFC 8555 section 8.4).
random_value() {
    openssl rand 32 | openssl base64 -A | tr '+/' '-_' | tr -d '='
}

field() { # JSON NAME: the string of that name in one line of JSON
    sed -n "s/.*\"$2\":\"\\([^\"]*\\)\".*/\\1/p" <<<"$1"
}

say "install packages"
install_packages
say "build"
build_txtd
mkdir -p "$run"
stop_earlier
dns_port=$(free_port)
api_port=$(free_port)
url=https://127.0.0.1:$api_port
ca=$run/state/self-signed.pem
write_config

say "check the configuration"
show "$txtd" --check-config -c "$run/txtd.yaml"
say "start txtd"
start_txtd
show curl -sS --fail-with-body --cacert "$ca" "$url/health"
echo

say "register a delegate"
account=$(curl -sS --fail-with-body --cacert "$ca" -X POST "$url/register")
fulldomain=$(field "$account" fulldomain)
echo "$ curl -X POST $url/register"
echo "${account//$(field "$account" password)/(not shown)}"
echo "A customer now adds:  _acme-challenge.example.com. CNAME $fulldomain."

say "update its value"
value=$(random_value)
echo "$ curl -X POST $url/update --data '{\"subdomain\":...,\"txt\":\"$value\"}'"
# The key goes through a pipe: command lines can be read by other users.
printf 'header = "X-Api-User: %s"\nheader = "X-Api-Key: %s"\n' "$(field "$account" username)" \
    "$(field "$account" password)" |
    curl -sS --fail-with-body --cacert "$ca" --config - \
        --data "{\"subdomain\":\"$(field "$account" subdomain)\",\"txt\":\"$value\"}" "$url/update"
echo

say "ask for it over DNS, as a certificate authority does"
answer=$(dig +short +time=2 +tries=2 @127.0.0.1 -p "$dns_port" "$fulldomain" TXT)
echo "$ dig @127.0.0.1 -p $dns_port $fulldomain TXT"
echo "$answer"
[ "$answer" = "\"$value\"" ] || { echo "quickstart: that is not the value" >&2; exit 1; }

say "the same with txtctl"
export TXTD_CREDENTIALS=$run/credentials.json
rm -f "$TXTD_CREDENTIALS"
value=$(random_value)
show "$txtctl" --ca "$ca" --url "$url" --domain www.example.com register
show "$txtctl" --ca "$ca" update "$value"
show "$txtctl" --ca "$ca" show
show "$txtctl" --server "127.0.0.1:$dns_port" check "$value"

if [ -n "$keep" ]; then
    say "it keeps running"
    echo "configuration $run/txtd.yaml, log $run/txtd.log; stop it with: kill $pid"
    disown "$pid"
else
    say "stop it"
    kill -TERM "$pid"
    wait "$pid"
    rm -f "$run/txtd.pid"
    pid=
    echo "txtd has ended cleanly"
fi
printf '\nquickstart: everything worked\n'
