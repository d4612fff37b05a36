#!/bin/bash
# run_client.sh CLIENT TXTD: one real client gets one real (test) certificate, apex and wildcard in one order, through txtd.
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

run_lego() {
    EXEC_PATH=$hooks/lego-hook EXEC_SEQUENCE_INTERVAL=1 EXEC_POLLING_INTERVAL=1 EXEC_PROPAGATION_TIMEOUT=20 \
        LEGO_CA_CERTIFICATES=$scene/ca.pem \
        lego --server "$directory" --path "$scene/lego" --email scene@example.test --accept-tos \
        --dns exec --dns.resolvers 127.0.0.1:53 --domains "$domain" --domains "*.$domain" run
    scene_verify "$scene/lego/certificates/$domain.crt" "$domain" "*.$domain"
}

run_certbot() {
    REQUESTS_CA_BUNDLE=$scene/ca.pem certbot certonly --non-interactive --agree-tos --email scene@example.test \
        --server "$directory" --config-dir "$scene/certbot" --work-dir "$scene/certbot" --logs-dir "$scene/certbot" \
        --manual --preferred-challenges dns --manual-auth-hook "$hooks/certbot-hook" -d "$domain" -d "*.$domain"
    scene_verify "$scene/certbot/live/$domain/cert.pem" "$domain" "*.$domain"
    two_values
}

run_uacme() {
    uacme --yes --confdir "$scene/uacme" --acme-url "$directory" new scene@example.test
    uacme --yes --confdir "$scene/uacme" --acme-url "$directory" --hook "$hooks/uacme-hook" --no-ocsp \
        issue "$domain" "*.$domain"
    scene_verify "$scene/uacme/$domain/cert.pem" "$domain" "*.$domain"
}

run_dehydrated() {
    mkdir -p "$scene/dehydrated"
    cat >"$scene/dehydrated/config" <<CONF
CA="$directory"
BASEDIR="$scene/dehydrated"
CHALLENGETYPE=dns-01
HOOK="$hooks/dehydrated-hook"
HOOK_CHAIN=yes
KEY_ALGO=prime256v1
CURL_OPTS="--cacert $scene/ca.pem"
CONF
    dehydrated --config "$scene/dehydrated/config" --register --accept-terms
    dehydrated --config "$scene/dehydrated/config" --cron --domain "$domain *.$domain" --alias scene
    scene_verify "$scene/dehydrated/certs/scene/cert.pem" "$domain" "*.$domain"
    two_values
}

two_values() { # after an order with apex and wildcard both values are still served
    local count
    count=$(dig +short @127.0.0.2 "$(jq -r --arg domain "$domain" '.[$domain].fulldomain' "$scene/credentials.json")" TXT |
        sort -u | wc -l)
    [ "$count" -eq 2 ] || { echo "run_client.sh: $count values are served, not 2" >&2; return 1; }
    echo "ok: two values are served at once"
}

"run_$client"
# shellcheck disable=SC2154 # set by scene_txtd
kill -TERM "$txtd_pid"
wait "$txtd_pid"
echo "ok: txtd stopped cleanly"
