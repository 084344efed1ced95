#!/usr/bin/env bash
# What answers at the ports of real servers, each on its own port and on a strange one, against the truth; prints TAP. Without an argument
# it is the outside, which starts a lab; `inside` runs in it.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
LAB=${LAB:-$HERE/lab}
LONG=${LEASTPORT_TEST_LONG:-0}
# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
# shellcheck source=tests/lab/services.sh
. "$HERE/services.sh"

# ---- in the lab -----------------------------------------------------------------------------------------------------

test_truth() {
    local probe began
    local -a hosts
    mapfile -t hosts < <(services_addresses)
    for probe in connect syn; do
        began=$EPOCHREALTIME
        services_scan "$probe" "$(services_ports)" "$probe" "${hosts[@]}"
        tap_is "$probe: the scan is complete" "$? $(tail -n 1 "$WORK/$probe" | jq .complete)" "0 true"
        tap_diag "$probe: $(awk -v from="$began" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", to - from }')"
        services_answers "$WORK/$probe" >"$WORK/$probe.answers"
        services_differences "$WORK/$probe.answers" >"$WORK/$probe.differences"
        tap_is "$probe: every server is identified on both ports, with its version, encryption and door" \
            "$(cat "$WORK/$probe.differences")" ''
    done
}

# Who answers to a name only is told as what it is without one, and is asked by it where it is the target.
test_name() {
    local at=$SERVICES_NET.12 facts='.facts | [.service, .product, .tls, .cleartext, .["tls.alert"], .["http.status"], .["cert.subject"]]'
    printf '%s named.lab\n' "$at" >>"$LAB_DIR/hosts"
    services_scan connect 8443,2443 unnamed "$at"
    tap_is "by its address: TLS, refused by an alert, and who says so in clear" \
        "$(jq -c "select(.type == \"service\") | $facts" "$WORK/unnamed")" \
        "$(printf '["http","nginx",true,false,"unrecognized_name",null,null]\n%.0s' 1 2)"
    services_scan connect 8443,2443 named named.lab
    tap_is "by its name: its page and its certificate" "$(jq -c "select(.type == \"service\") | $facts" "$WORK/named")" \
        "$(printf '["http","nginx",true,false,null,200,"CN=services.lab"]\n%.0s' 1 2)"
}

# Asked over and over, by what the servers themselves count and write. MariaDB shuts an address out after 100 handshakes that are broken off,
# TightVNC after five in a row without a password; OpenSSH writes what tools look for that ban addresses.
test_patience() {
    local round names=(sshd mariadb vnc_password)
    local -a hosts=()
    for round in "${names[@]}"; do
        hosts+=("$(services_address "$round")")
    done
    for round in 1 2 3 4; do
        services_scan connect 22,2222,80,3306,5900 "patience.$round" "${hosts[@]}"
    done
    tap_is "MariaDB has counted no broken handshake" \
        "$(services_mariadb 'SELECT IP, SUM_CONNECT_ERRORS, COUNT_HANDSHAKE_ERRORS, COUNT_HOST_BLOCKED_ERRORS FROM performance_schema.host_cache')" \
        "$(printf '%s.1\t0\t0\t0' "$SERVICES_NET")"
    tap_is "and answers as at first, as the others do" \
        "$(services_answers "$WORK/patience.4" | jq -c '[.[] | select(.server | IN("sshd", "mariadb", "vnc_password")) | .service]')" \
        '["ssh","ssh","mysql","mysql","vnc","vnc"]'
    tap_is "VNC's list of ways in is told still" \
        "$(jq -r 'select(.type == "service" and .facts.service == "vnc") | .facts["auth.methods"]' "$WORK/patience.4" | xargs)" "VncAuth Tight VncAuth Tight"
    tap_is "OpenSSH has written of each that it left in order, and of no error" \
        "$(grep -c 'Received disconnect' "$LAB_DIR/log/services.sshd.log") $(grep -v -e 'Received disconnect' -e 'Disconnected from' \
            -e 'Server listening' "$LAB_DIR/log/services.sshd.log" | head -n 3)" "12 "
}

# One that accepts every port and says nothing is one notice; all 65,535 take half a minute, so that CI asks fewer.
test_every_port() {
    local probe ports=1-$((LAB_LARGE ? 65535 : 9999))
    for probe in connect syn; do
        services_scan "$probe" "$ports" "every.$probe" "$SERVICES_NET.250"
        tap_is "$probe: a host with every port open is scanned" "$?" 0
        tap_is "$probe: and one notice says so" \
            "$(jq -r 'select(.type == "notice" and .code == "every-port") | .host' "$WORK/every.$probe")" "$SERVICES_NET.250"
        tap_is "$probe: nothing else is said of its services" "$(jq -c 'select(.type == "service" and .facts.service)' "$WORK/every.$probe")" ''
    done
}

inside() {
    local said
    if ! services_begin >"$LAB_DIR/log/services.place"; then
        tap_fail "the servers listen" "$(cat "$LAB_DIR/log/services.place")"
        tap_done
        return
    fi
    said=$(cat "$LAB_DIR/log/services.place")
    tap_pass "the servers listen"
    tap_diag "$said"
    test_truth
    test_name
    test_patience
    test_every_port
    if ! ((LAB_LARGE)); then
        printf '%s\n' "${SERVICES_LARGE[@]}" | cut -d '|' -f 1 | while read -r said; do
            tap_diag "not asked, as its package is large: $said (with --long it is)"
        done
    fi
    if [[ -n ${SERVICES_KEEP-} ]]; then
        cp -r "$WORK" "$LAB_DIR/log" "$SERVICES_KEEP"
    fi
    tap_done
}

case ${1:-} in
'') services_outside test_services.sh ;;
inside) inside ;;
*)
    printf 'usage: test_services.sh\n' >&2
    exit 2
    ;;
esac
