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

# ---- outside ---------------------------------------------------------------------------------------------------------

outside() {
    if [[ $(id -u) != 0 ]]; then
        printf '1..0 # SKIP these servers want root\n'
        return
    fi
    if ! unshare --net --mount --pid --fork --mount-proc true; then
        printf '1..0 # SKIP this place lets nobody make namespaces\n'
        return
    fi
    if ((LONG)); then
        export LEASTPORT_LAB_LARGE=1
    fi
    if ! "$LAB" build >/dev/null; then
        printf '1..1\nnot ok 1 - the Debian tree is there or can be built\n'
        return 1
    fi
    "$LAB" run -- bash "$HERE/test_services.sh" "$1"
}

case ${1:-} in
'') outside inside ;;
inside) inside ;;
*)
    printf 'usage: test_services.sh\n' >&2
    exit 2
    ;;
esac
