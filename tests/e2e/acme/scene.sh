#!/bin/bash
# The scene in which real ACME clients get certificates: pebble as the authority, unbound as its resolver, Knot DNS with
# the customer's zone and its CNAMEs, txtd with the delegates. Everything lives in network, mount and process namespaces
# of its own, so port 53 is free, /etc/resolv.conf can be ours, and nothing outlives the scene.
#
#   127.0.0.1:53 unbound    127.0.0.2:53,443 txtd    127.0.0.3:53 Knot DNS    127.0.0.1:14000 pebble
#
# shellcheck disable=SC2154,SC2034 # scene and txtd come from, txtd_pid goes to, the script that sources this
#
# Sourced by run_client.sh, after it has entered the namespaces.  Needs: $txtd (binary), $scene (empty directory).

wait_for() { # SECONDS WHAT COMMAND...
    local tries=$(($1 * 10)) what=$2
    shift 2
    for ((; tries > 0; tries--)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "scene: timed out waiting for $what" >&2
    tail -n 20 "$scene"/*.log >&2 || true
    return 1
}

scene_certificates() {
    # One private authority for the API and for pebble's own HTTPS; the clients find it where they look for the system's.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=scene authority" \
        -keyout "$scene/ca.key" -out "$scene/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=scene" \
        -keyout "$scene/server.key" -out "$scene/server.csr" 2>/dev/null
    printf 'subjectAltName=DNS:localhost,DNS:api.delegate.test,IP:127.0.0.1,IP:127.0.0.2\n' >"$scene/server.ext"
    openssl x509 -req -in "$scene/server.csr" -CA "$scene/ca.pem" -CAkey "$scene/ca.key" -CAcreateserial -days 2 \
        -extfile "$scene/server.ext" -out "$scene/server.pem" 2>/dev/null
    mount --bind "$scene/ca.pem" /etc/ssl/certs/ca-certificates.crt
    printf 'nameserver 127.0.0.1\n' >"$scene/resolv.conf"
    mount --bind "$scene/resolv.conf" /etc/resolv.conf
}

scene_txtd() {
    cat >"$scene/txtd.yaml" <<YAML
zones:
  - name: auth.delegate.test
    nameservers:
      - name: ns1.auth.delegate.test
        addresses: [127.0.0.2]
    records:
      - "@ 60 IN TXT \"the zone of the scene\""
dns:
  listen: ["127.0.0.2:53"]
  workers: 1
api:
  listen: ["127.0.0.2:443"]
  certificate: $scene/server.pem
  key: $scene/server.key
  public_url: https://127.0.0.2
store:
  directory: $scene/store
YAML
    "$txtd" -c "$scene/txtd.yaml" 2>"$scene/txtd.log" &
    txtd_pid=$!
    wait_for 20 "txtd" curl -fsS https://127.0.0.2/health
}

scene_register() { # DOMAIN...: one delegate each; leaves $scene/credentials.json
    local domain answer
    printf '{}' >"$scene/credentials.json"
    for domain in "$@"; do
        answer=$(curl -fsS -X POST https://127.0.0.2/register)
        jq --arg domain "$domain" --argjson account "$answer" '.[$domain] = $account' "$scene/credentials.json" \
            >"$scene/credentials.new"
        mv "$scene/credentials.new" "$scene/credentials.json"
    done
    export TXTD_CREDENTIALS=$scene/credentials.json TXTD_CA=$scene/ca.pem
}

scene_knot() { # DOMAIN...: the customers' zones, with the one CNAME that txtd asks of them
    local domain
    mkdir -p "$scene/knot"
    {
        printf 'server:\n  rundir: %s/knot\n  listen: 127.0.0.3@53\n  udp-workers: 1\n  tcp-workers: 1\n' "$scene"
        printf 'log:\n  - target: stderr\n    any: warning\ndatabase:\n  storage: %s/knot\nzone:\n' "$scene"
        for domain in "$@"; do
            printf '  - domain: %s\n    file: %s/%s.zone\n' "$domain" "$scene" "$domain"
            cat >"$scene/$domain.zone" <<ZONE
@ 60 IN SOA ns.$domain. hostmaster.$domain. 1 60 60 600 60
@ 60 IN NS ns.$domain.
ns 60 IN A 127.0.0.3
@ 60 IN A 127.0.0.1
_acme-challenge 60 IN CNAME $(jq -r --arg domain "$domain" '.[$domain].fulldomain' "$scene/credentials.json").
ZONE
        done
    } >"$scene/knot.conf"
    knotd -c "$scene/knot.conf" >"$scene/knot.log" 2>&1 &
    wait_for 20 "knotd" sh -c "kdig +short +retry=0 +timeout=1 @127.0.0.3 $1 SOA | grep -q ."
}

scene_unbound() { # DOMAIN...
    local domain
    {
        cat <<CONF
server:
  interface: 127.0.0.1
  port: 53
  username: ""
  chroot: ""
  directory: "$scene"
  pidfile: "$scene/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  qname-minimisation: yes
  qname-minimisation-strict: yes
  use-caps-for-id: yes
  harden-below-nxdomain: yes
  harden-referral-path: yes
  harden-short-bufsize: yes
  harden-large-queries: yes
  local-zone: "test." nodefault
stub-zone:
  name: auth.delegate.test
  stub-addr: 127.0.0.2
remote-control:
  control-enable: no
CONF
        for domain in "$@"; do
            printf 'stub-zone:\n  name: %s\n  stub-addr: 127.0.0.3\n' "$domain"
        done
    } >"$scene/unbound.conf"
    unbound -d -c "$scene/unbound.conf" >"$scene/unbound.log" 2>&1 &
    wait_for 20 "unbound" sh -c "dig +short +time=1 +tries=1 @127.0.0.1 auth.delegate.test TXT | grep -q scene"
}

scene_pebble() {
    cat >"$scene/pebble.json" <<JSON
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
 "certificate": "$scene/server.pem", "privateKey": "$scene/server.key", "httpPort": 5002, "tlsPort": 5001,
 "ocspResponderURL": "", "externalAccountBindingRequired": false}}
JSON
    PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0 \
        pebble -config "$scene/pebble.json" -dnsserver 127.0.0.1:53 >"$scene/pebble.log" 2>&1 &
    wait_for 20 "pebble" curl -fsS https://127.0.0.1:14000/dir
    curl -fsS https://127.0.0.1:15000/roots/0 >"$scene/root.pem"
    curl -fsS https://127.0.0.1:15000/intermediates/0 >"$scene/intermediate.pem"
}

scene_verify() { # CERTIFICATE NAME...: issued by pebble's root, for exactly these names
    local certificate=$1 name names
    shift
    openssl verify -CAfile "$scene/root.pem" -untrusted "$scene/intermediate.pem" "$certificate" >/dev/null
    names=$(openssl x509 -in "$certificate" -noout -ext subjectAltName | grep -o 'DNS:[^, ]*' | sort | tr '\n' ' ')
    for name in "$@"; do
        case " $names" in
        *" DNS:$name "*) ;;
        *)
            echo "scene: $certificate is for $names, not for $name" >&2
            return 1
            ;;
        esac
    done
    echo "ok: certificate for $*"
}
