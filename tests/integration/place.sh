# shellcheck shell=bash
# Sourced by tests of the scanner: runs the rest of the script in namespaces of its own, in a folder WORK that ends with it, with a
# target behind a cable. Wants HERE and BIN; what the script was called with is in "$@".

if [[ ${PLACE_INSIDE-} != 1 ]]; then
    flags=(--net --mount --pid --fork --kill-child --mount-proc)
    if ((EUID != 0)); then
        flags+=(--user --map-root-user)
    fi
    if ! unshare "${flags[@]}" -- true 2>/dev/null; then
        printf '1..0 # SKIP this place lets nobody make namespaces\n'
        exit 0
    fi
    PLACE_INSIDE=1 exec unshare "${flags[@]}" -- "$BASH" "$0" "$@"
fi

LISTENER=$BIN/../integration/listener
# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
export XDG_STATE_HOME=$WORK/state-home
cd "$WORK" || exit 1

# ---- the place: us at 10.77.0.1, the target behind a cable at 10.77.0.2 with whole networks behind it ------------------

target() {
    nsenter --net=/proc/"$TARGET_PID"/ns/net -- "$@"
}

# packets_sent DEVICE
packets_sent() {
    awk -v device="$1:" '$1 == device { print $11 }' /proc/net/dev
}

# await_sent COUNT [DEVICE]: until our end of the cable, or DEVICE, has sent so many packets more; twenty seconds at most.
await_sent() {
    local device=${2-cable} enough round
    enough=$(($(packets_sent "$device") + $1))
    for ((round = 0; round < 2000; round++)); do
        if (($(packets_sent "$device") >= enough)); then
            return
        fi
        sleep 0.01
    done
    tap_fail "$1 packets are sent by $device"
}

target_create() {
    unshare --net sleep infinity &
    TARGET_PID=$!
    until [[ $(readlink /proc/"$TARGET_PID"/ns/net) != "$(readlink /proc/self/ns/net)" ]]; do
        sleep 0.01
    done
    ip link set lo up
    ip link add cable type veth peer name cable netns "/proc/$TARGET_PID/ns/net" || return 1
    # Addresses are usable at once.
    echo 0 >/proc/sys/net/ipv6/conf/cable/accept_dad
    target bash -c 'echo 0 >/proc/sys/net/ipv6/conf/cable/accept_dad'
    ip link set cable up
    target ip link set cable up
    target ip link set lo up
    ip addr add 10.77.0.1/24 dev cable
    ip -6 addr add fd77::1/64 dev cable nodad
    target ip addr add 10.77.0.2/24 dev cable
    target ip -6 addr add fd77::2/64 dev cable nodad
    target ip route add local 10.78.0.0/16 dev lo
    ip route add 10.78.0.0/15 via 10.77.0.2
    # Every probe is answered: no thinning out of ICMP errors.
    target bash -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv4/icmp_ratemask
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit; echo 1 >/proc/sys/net/ipv4/ip_forward'
    target nft -f - <<'END'
table inet box {
    counter syn4 { }
    counter slab0 { }
    counter slab3 { }
    chain input {
        type filter hook input priority 0;
        tcp flags & (syn | ack | rst) == syn ip daddr 10.77.0.2 counter name syn4
        ip daddr 10.78.0.0/18 tcp flags & (syn | ack | rst) == syn counter name slab0
        ip daddr 10.78.192.0/18 tcp flags & (syn | ack | rst) == syn counter name slab3
        tcp dport 81 drop
        meta nfproto ipv4 tcp dport 82 reject with icmp port-unreachable
        meta nfproto ipv4 tcp dport 83 reject with icmp admin-prohibited
        meta nfproto ipv4 tcp dport 84 reject with icmp host-unreachable
        meta nfproto ipv4 tcp dport 85 reject with icmp net-unreachable
        meta nfproto ipv4 tcp dport 86 reject with icmp host-prohibited
        meta nfproto ipv4 tcp dport 87 reject with icmp net-prohibited
        meta nfproto ipv4 tcp dport 88 reject with icmp prot-unreachable
        meta nfproto ipv6 tcp dport 82 reject with icmpv6 port-unreachable
        meta nfproto ipv6 tcp dport 83 reject with icmpv6 admin-prohibited
        meta nfproto ipv6 tcp dport 84 reject with icmpv6 addr-unreachable
        meta nfproto ipv6 tcp dport 85 reject with icmpv6 no-route
        tcp dport 89 reject with tcp reset
        ip daddr 10.78.9.9 tcp dport 6001-6300 tcp dport != { 6001-6005, 6101-6103, 6296, 6300 } drop
        tcp dport 10001-13000 numgen random mod 100 < 20 drop
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
    }
}
END
}

target_link_local() {
    target ip -6 -j addr show dev cable | jq -r '.[].addr_info[]? | select(.scope == "link") | .local' | head -n 1
}

listen() {
    local where=$1 line
    shift
    exec {ready}< <("$where" "$LISTENER" "$@")
    read -r -t 10 line <&"$ready" && [[ $line == ready ]]
}

here() {
    "$@"
}

syns() {
    target nft -j list counter inet box "$1" | jq '.nftables[] | .counter? // empty | .packets'
}

forget_syns() {
    target nft reset counters >/dev/null
}

# What a jsonl file says, free of what differs from run to run: "host port state reason" of each port.
ports_of() {
    jq -r 'if .type == "port" then "\(.host) \(.port) \(.state) \(.reason)"
           elif .type == "host" then .host as $host | .not_shown[] | .state as $state | .reason as $reason
                | .ports | split(",")[] | split("-") | map(tonumber) | range(.[0]; .[-1] + 1)
                | "\($host) \(.) \($state) \($reason)"
           else empty end' "$1" | LC_ALL=C sort
}

# The same, with the lines for hosts as they stand, as JSON.
result_of() {
    jq -Sc 'select(.type == "port" or .type == "host") | del(.ts, .scan_id, .rtt_us, .tries)' "$1" | LC_ALL=C sort
}

end_of() {
    tail -n 1 "$1" | jq -c "$2"
}
