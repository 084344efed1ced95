# shellcheck shell=bash
# Sourced by bench/raw: the place where it all happens. We are 10.79.255.1, behind a cable stands 10.79.255.2, and behind
# it three ranges: 10.80.0.0/16, answered by its kernel; 10.81.0.0/16, answered or swallowed by a BPF program at the ingress of
# its end of the cable while one is in place; nothing else is reachable from here.

CABLE=cable
SOURCE=10.79.255.1
NEXT=10.79.255.2
KERNEL_NET=10.80.0.0/16
BPF_NET=10.81.0.0/16
LISTENER=

# place_create: fails where a namespace, a link or a route cannot be made.
place_create() {
    ip link set lo up
    unshare --net sleep infinity &
    TARGET_PID=$!
    until [[ $(readlink "/proc/$TARGET_PID/ns/net") != "$(readlink /proc/self/ns/net)" ]]; do
        sleep 0.01
    done
    TARGET=(nsenter "--net=/proc/$TARGET_PID/ns/net" --)
    ip link add "$CABLE" type veth peer name "$CABLE" netns "/proc/$TARGET_PID/ns/net" || return 1
    # Router solicitations would count as probes.
    echo 1 >"/proc/sys/net/ipv6/conf/$CABLE/disable_ipv6"
    "${TARGET[@]}" "$BASH" -c "echo 1 >/proc/sys/net/ipv6/conf/$CABLE/disable_ipv6"
    ip addr add "$SOURCE/30" dev "$CABLE"
    ip link set "$CABLE" up
    "${TARGET[@]}" ip link set lo up
    "${TARGET[@]}" ip addr add "$NEXT/30" dev "$CABLE"
    "${TARGET[@]}" ip link set "$CABLE" up
    SOURCE_MAC=$(mac_of)
    NEXT_MAC=$(mac_of "${TARGET[@]}")
    ip neigh replace "$NEXT" dev "$CABLE" nud permanent lladdr "$NEXT_MAC"
    "${TARGET[@]}" ip neigh replace "$SOURCE" dev "$CABLE" nud permanent lladdr "$SOURCE_MAC"
    "${TARGET[@]}" ip route add local "$KERNEL_NET" dev lo
    "${TARGET[@]}" ip route add 224.0.0.0/4 dev "$CABLE"
    ip route add "$KERNEL_NET" via "$NEXT" && ip route add "$BPF_NET" via "$NEXT"
    # 256 hosts would be 256 kernels, each with limits of its own.
    "${TARGET[@]}" "$BASH" -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit'
    "${TARGET[@]}" "$BASH" -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
    place_closed
}

mac_of() {
    "$@" ip -j link show dev "$CABLE" | jq -r '.[0].address'
}

# No way out: the cable is the only link beside loopback, and no route is wider than what is behind it.
place_closed() {
    local links routes
    links=$(ip -j link show | jq -r '[.[].ifname] | sort | join(" ")')
    routes=$(ip -j route show table all | jq -r '[.[] | select(.type == null or .type == "unicast") | .dst | select(test("^10\\.(79|80|81)\\.") | not)] | join(" ")')
    [[ $links == "$CABLE lo" && -z $routes ]] || die "there is a way out of the namespace: links $links, routes $routes"
}

# What stands at the target's ingress and softens the figures, or does not.
place_describe() {
    local rps gro
    rps=$("${TARGET[@]}" unshare --mount "$BASH" -c "mount -t sysfs sys /sys && cat /sys/class/net/$CABLE/queues/rx-0/rps_cpus" 2>/dev/null)
    gro=$("${TARGET[@]}" ethtool -k "$CABLE" 2>/dev/null | sed -n 's/^generic-receive-offload: //p')
    printf 'veth: RPS CPUs %s, GRO (and with it NAPI) %s: with neither, the target works inline on the sender'\''s core\n' \
        "${rps:-unknown}" "${gro:-unknown (no ethtool)}"
}

# beat_begin, beat_end: ten times a second a datagram comes from the target that nobody answers. Some are lost where the job
# drops packets, and the shell would say so.
beat_begin() {
    "${TARGET[@]}" "$BASH" -c 'while :; do echo beat >/dev/udp/224.0.0.1/9; sleep 0.1; done' 2>/dev/null &
    BEAT_PID=$!
}

beat_end() {
    kill "$BEAT_PID"
    wait "$BEAT_PID" 2>/dev/null
}

# ---- what answers ------------------------------------------------------------------------------------------------------

# kernel_listen FIRST HOSTS LOW COUNT EACH: real sockets; the truth is what the target's kernel says listens.
kernel_listen() {
    local ready held
    exec {ready}< <(exec "${TARGET[@]}" "$BIN/raw_listen" "$@" truth)
    LISTENER=$!
    read -r -t 20 held <&"$ready" || die "nothing listens: $*"
    exec {ready}<&-
    LC_ALL=C sort -o truth truth
    "${TARGET[@]}" ss -Hltn | awk '{ sub(/:/, " ", $4); print $4 }' | LC_ALL=C sort | cmp -s - truth ||
        die "what listens at the target is not what was asked for ($held)"
}

kernel_quiet() {
    if [[ -n $LISTENER ]]; then
        kill "$LISTENER"
        wait "$LISTENER" 2>/dev/null
        LISTENER=
    fi
}

# bpf_possible: or the reason why not, in WHY.
bpf_possible() {
    WHY=
    if ! type -P clang >/dev/null; then
        WHY='clang is missing (package clang)'
    elif ! type -P tc >/dev/null; then
        WHY='tc is missing (package iproute2)'
    elif ! bpf_place -DSINK; then
        WHY="the kernel takes no BPF program from us (root in the first user namespace?): $(tail -n 1 bpf.err)"
    fi
    bpf_remove
    [[ -z $WHY ]]
}

# bpf_place DEFINE...: answer.bpf.c at the target's ingress.
bpf_place() {
    clang -target bpf -O2 -Wall -Wextra -Werror "-I$HERE/.." "-I/usr/include/$(uname -m)-linux-gnu" "$@" \
        -c "$HERE/rawlab/answer.bpf.c" -o answer.o 2>bpf.err &&
        "${TARGET[@]}" tc qdisc add dev "$CABLE" clsact 2>bpf.err &&
        "${TARGET[@]}" tc filter add dev "$CABLE" ingress bpf direct-action object-file answer.o section classifier 2>bpf.err
}

bpf_remove() {
    "${TARGET[@]}" tc qdisc del dev "$CABLE" clsact 2>/dev/null
}

# loss_place PER_MILLE: of what comes in and of what goes out.
loss_place() {
    "${TARGET[@]}" nft -f - <<END
table ip loss {
    chain in { type filter hook input priority 0; numgen random mod 1000 < $1 drop; }
    chain out { type filter hook output priority 0; numgen random mod 1000 < $1 drop; }
}
END
}

# limit_place PER_SECOND: SYNs above it are not heard.
limit_place() {
    "${TARGET[@]}" nft -f - <<END
table ip limit_syn {
    chain in { type filter hook input priority 0; tcp flags & (syn | ack) == syn limit rate over $1/second drop; }
}
END
}

firewall_remove() {
    "${TARGET[@]}" nft flush ruleset
}
