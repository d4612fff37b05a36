#!/bin/bash
# run_client.sh CLIENT TXTD: one real client gets one real (test) certificate, apex and wildcard in one order, through txtd, by the
# commands of deploy/clients/README.md as they stand there.
# CLIENT is lego, certbot, uacme or dehydrated. lego and uacme validate one name after the other; certbot and
# dehydrated publish both values first, so they prove that two values are served at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
client=$1
# shellcheck disable=SC2034 # read by scene.sh
txtd=$2
hooks=$(cd "$here/../../../deploy/clients" && pwd)

if [ "${TXTD_SCENE_INSIDE:-}" != 1 ]; then
    for tool in pebble unbound knotd kdig dig jq curl openssl unshare "$client"; do
        command -v "$tool" >/dev/null || { echo "run_client.sh: $tool is missing: see deploy/packages-test.txt" >&2; exit 1; }
    done
    scene=$(mktemp -d)
    trap 'rm -rf "$scene"' EXIT
    status=0
    TXTD_SCENE_INSIDE=1 SCENE_DIRECTORY=$scene timeout --signal=KILL 100 \
        unshare --net --mount --pid --fork --kill-child --mount-proc bash "$0" "$@" || status=$?
    [ "$status" -eq 0 ] || tail -n 30 "$scene"/*.log >&2
    exit "$status"
fi

scene=$SCENE_DIRECTORY
# shellcheck source=tests/e2e/acme/scene.sh
. "$here/scene.sh"
ip link set lo up
domain=$client-customer.test
directory=https://127.0.0.1:14000/dir
scene_certificates
scene_txtd
scene_register "$domain"
scene_knot "$domain"
scene_unbound "$domain"
scene_pebble

# The client's commands as deploy/clients/README.md has them, for this domain and these hooks.
recipe() {
    awk -v title="### $client" '$0 == title { here = 1 } /^###? / && $0 != title { here = 0 }
        /^```$/ && block { exit } block { print } here && /^```sh$/ { block = 1 }' "$hooks/README.md" |
        sed "s,/usr/share/txtd/clients,$hooks,g; s/example\.com/$domain/g"
}

# What they cannot know: the test's authority, resolver and folders. A recipe calls these instead of the programs.
lego() {
    EXEC_POLLING_INTERVAL=1 EXEC_PROPAGATION_TIMEOUT=20 LEGO_CA_CERTIFICATES=$scene/ca.pem \
        command lego --server "$directory" --path "$scene/lego" --dns.resolvers 127.0.0.1:53 "$@"
}
certbot() {
    REQUESTS_CA_BUNDLE=$scene/ca.pem command certbot "$@" --non-interactive --agree-tos --email scene@example.test \
        --server "$directory" --config-dir "$scene/certbot" --work-dir "$scene/certbot" --logs-dir "$scene/certbot"
}
uacme() {
    command uacme --confdir "$scene/uacme" --acme-url "$directory" --no-ocsp "$@"
}
dehydrated() {
    mkdir -p "$scene/dehydrated"
    cat >"$scene/dehydrated/config" <<CONF
CA="$directory"
BASEDIR="$scene/dehydrated"
HOOK_CHAIN=${hook_chain:-no}
KEY_ALGO=prime256v1
CURL_OPTS="--cacert $scene/ca.pem"
CONF
    command dehydrated --config "$scene/dehydrated/config" "$@"
}
certificate() {
    case $client in
    lego) echo "$scene/lego/certificates/$domain.crt" ;;
    certbot) echo "$scene/certbot/live/$domain/cert.pem" ;;
    uacme) echo "$scene/uacme/$domain/cert.pem" ;;
    dehydrated) echo "$scene/dehydrated/certs/$domain/cert.pem" ;;
    esac
}

two_values() { # after an order with apex and wildcard both values are still served
    local count
    count=$(dig +short @127.0.0.2 "$(jq -r --arg domain "$domain" '.[$domain].fulldomain' "$scene/credentials.json")" TXT |
        sort -u | wc -l)
    [ "$count" -eq 2 ] || { echo "run_client.sh: $count values are served, not 2" >&2; return 1; }
    echo "ok: two values are served at once"
}

commands=$(recipe)
[ -n "$commands" ] || { echo "run_client.sh: deploy/clients/README.md has no commands for $client" >&2; exit 1; }
printf '%s\n' "$commands"
eval "$commands"
scene_verify "$(certificate)" "$domain" "*.$domain"
case $client in
certbot | dehydrated) two_values ;;
esac
if [ "$client" = dehydrated ]; then # all challenges of an order in one call of the hook
    # shellcheck disable=SC2034 # read by dehydrated()
    hook_chain=yes
    eval "${commands##*$'\n'} --force --force-validation"
fi
# shellcheck disable=SC2154 # set by scene_txtd
kill -TERM "$txtd_pid"
wait "$txtd_pid"
echo "ok: txtd stopped cleanly"
