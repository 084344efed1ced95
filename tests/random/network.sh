# shellcheck shell=bash
# Sourced by the tests of random networks: a place for one of them, and how many are made side by side. Wants HERE, BIN, FIRST and
# NETWORKS.

LISTENER=$BIN/../integration/listener
AT_ONCE=4

# ---- one network, inside namespaces of its own that end with it --------------------------------------------------------------

target() {
    nsenter --net=/proc/"$TARGET_PID"/ns/net -- "$@"
}

# A cable between us and the target, which holds the hosts near (on the cable) and behind it. Every probe is answered: no
# thinning out of ICMP errors, no waiting for addresses or neighbours' good time.
cable() {
    unshare --net sleep infinity &
    TARGET_PID=$!
    until [[ $(readlink /proc/"$TARGET_PID"/ns/net) != "$(readlink /proc/self/ns/net)" ]]; do
        sleep 0.01
    done
    ip link add cable type veth peer name cable netns "/proc/$TARGET_PID/ns/net" || return 1
    echo 0 >/proc/sys/net/ipv6/conf/cable/accept_dad
    target bash -ec 'cd /proc/sys/net
        echo 0 >ipv6/conf/cable/accept_dad
        echo 0 >ipv4/icmp_ratelimit
        echo 0 >ipv4/icmp_ratemask
        echo 0 >ipv6/icmp/ratelimit
        echo 255 >ipv6/icmp/ratemask
        echo 1 >ipv4/ip_forward
        echo 1 >ipv6/conf/all/forwarding' || return 1
    ip -batch - <<'BATCH' || return 1
link set lo up
link set cable up
addr add 10.77.0.1/24 dev cable
addr add fd77::1/64 dev cable nodad
BATCH
    # Where the target forwards what it does not hold itself.
    target ip -batch - <<'BATCH' || return 1
link add beyond type veth peer name nobody
link set beyond up
link set lo up
link set cable up
addr add 10.77.0.2/24 dev cable
addr add fd77::2/64 dev cable nodad
route add 10.78.0.0/24 dev beyond
route add fd78::/64 dev beyond
BATCH
    ip route add 10.78.0.0/24 via 10.77.0.2 && ip -6 route add fd78::/64 via fd77::2
}

listen_all() {
    local host ports line
    while read -r host ports; do
        # shellcheck disable=SC2086 # a list of ports
        exec {ready}< <(target "$LISTENER" "$host" $ports)
        read -r -t 20 line <&"$ready" && [[ $line == ready ]] || return 1
        exec {ready}<&-
    done <listeners
}

# The same of each port, whether it has a line of its own or is summed up in its host's.
ports_of() {
    jq -r 'if .type == "port" then "\(.host) \(.port) \(.state) \(.reason)"
           elif .type == "host" then .host as $host | .not_shown[] | .state as $state | .reason as $reason
                | .ports | split(",")[] | split("-") | map(tonumber) | range(.[0]; .[-1] + 1)
                | "\($host) \(.) \($state) \($reason)"
           else empty end' "$1"
}

# ---- all of them -------------------------------------------------------------------------------------------------------------

# networks_possible: WORK is a folder that ends with the script; else it is skipped as a whole. Nothing but namespaces is made, so what
# stops it here is the place.
networks_possible() {
    FLAGS=(--net --mount --pid --fork --kill-child --mount-proc)
    if ((EUID != 0)); then
        FLAGS+=(--user --map-root-user)
    fi
    if ! unshare "${FLAGS[@]}" -- true 2>/dev/null; then
        tap_skip "random networks" "this place lets nobody make namespaces"
        tap_done
        return 1
    fi
    WORK=$(mktemp -d)
    trap 'rm -rf -- "$WORK"' EXIT
}

# networks_start: "SCRIPT network SEED FOLDER" for each; its output is FOLDER/verdict.
networks_start() {
    local number
    for ((number = 0; number < NETWORKS; number++)); do
        mkdir "$WORK/$number"
        while (($(jobs -rp | wc -l) >= AT_ONCE)); do
            wait -n
        done
        unshare "${FLAGS[@]}" -- "$BASH" "$0" network "$((FIRST + number))" "$WORK/$number" \
            >"$WORK/$number/verdict" 2>"$WORK/$number/err" &
    done
    wait
}
