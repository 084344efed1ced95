# shellcheck shell=bash
# Namespaces, links, packet filters and SYN counters of the boxes. It knows no servers.
# The namespaces have no global names: each is a bind mount in LAB_DIR, a tmpfs that only this lab's mount namespace sees.

in_box() {
    local box=$1
    shift
    nsenter --net="$LAB_DIR/ns/$box" -- "$@"
}

# Addresses are usable at once (no duplicate address detection), and ICMP errors are not thinned out: the truth says that
# every probe of a rejected port is answered, which Linux's defaults (one error a second to a peer, and a ceiling for the
# whole machine that only types outside the mask escape) would break.
net_tune() {
    in_box "$1" bash -ec '
        echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad
        echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
        echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra
        echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
        echo 0 >/proc/sys/net/ipv4/icmp_ratemask
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
        echo 255 >/proc/sys/net/ipv6/icmp/ratemask'
}

net_create() {
    : >"$LAB_DIR/ns/$1" && unshare --net="$LAB_DIR/ns/$1" true && net_tune "$1"
}

# Joins a network namespace to the switch. NETNS: what ip(8) takes. The port at the switch stays down.
net_plug() {
    local port=$1 netns=$2 mac=$3
    in_box switch ip link add "$port" type veth peer name eth0 address "$mac" netns "$netns" &&
        in_box switch ip link set "$port" master br0
}

net_switch() {
    net_create switch || return 1
    in_box switch ip -batch - <<'END'
link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0
link set br0 up
END
}

# The scanner lives in the namespace that the lab itself was started in.
net_scanner() {
    ln -s /proc/1/ns/net "$LAB_DIR/ns/scanner"
    net_tune scanner && net_plug scanner "$LAB_DIR/ns/scanner" 02:4c:50:00:00:01 || return 1
    ip -batch - <<END || return 1
link set lo up
link set eth0 up
addr add $LAB_SCANNER4/$LAB_PREFIX4 dev eth0
addr add $LAB_SCANNER6/$LAB_PREFIX6 dev eth0 nodad
END
    net_link scanner up
}

# Every tenant has a hardware address of its own.
net_mac() {
    local host=${1%%.*} number=1 index=0 name
    if [[ $1 == *.* ]]; then
        number=${1##*.}
    fi
    for name in $(plan_host_names); do
        index=$((index + 1))
        if [[ $name == "$host" ]]; then
            break
        fi
    done
    printf '02:4c:50:00:%02x:%02x' "$((number & 255))" "$((index * 16))"
}

# Makes BOX with its addresses, filters and counters; its port at the switch is down.
net_box() {
    local box=$1 host=${1%%.*}
    net_create "$box" || return 1
    if [[ $LAB_MODE == user ]]; then
        # A server in a user namespace of its own has no right to low ports here (server_enter_as).
        in_box "$box" bash -c 'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start' || return 1
    fi
    net_plug "$box" "$LAB_DIR/ns/$box" "$(net_mac "$box")" || return 1
    {
        printf 'link set lo up\nlink set eth0 up\n'
        plan_address "$host" 4 | sed "s|.*|addr add &/$LAB_PREFIX4 dev eth0|"
        plan_address "$host" 6 | sed "s|.*|addr add &/$LAB_PREFIX6 dev eth0 nodad|"
    } | in_box "$box" ip -batch - || return 1
    in_box "$box" nft -f - <<'END' || return 1
table inet lab {
    set syns { type inet_service; size 65536; flags dynamic; counter; }
    set by-drop { type inet_service; }
    set by-reject { type inet_service; }
    set by-reject-port { type inet_service; }
    set by-reset { type inet_service; }
    chain count {
        type filter hook prerouting priority raw;
        iifname "eth0" tcp flags & (fin | syn | rst | ack) == syn update @syns { tcp dport }
    }
    chain guard {
        type filter hook input priority filter;
        iifname != "eth0" accept
        tcp dport @by-drop drop
        tcp dport @by-reject reject with icmpx type admin-prohibited
        tcp dport @by-reject-port reject with icmpx type port-unreachable
        tcp dport @by-reset reject with tcp reset
    }
}
END
    net_filter "$box"
}

# Loads the port actions of BOX's host into its packet filter, in one transaction.
net_filter() {
    local box=$1 host=${1%%.*} key
    {
        printf 'flush set inet lab by-%s\n' drop reject reject-port reset
        for key in "${!STATE_ACTION[@]}"; do
            if [[ ${key%%:*} == "$host" ]]; then
                printf 'add element inet lab by-%s { %s }\n' "${STATE_ACTION[$key]}" "${key##*:}"
            fi
        done
    } | in_box "$box" nft -f -
}

# Sets the switch's port of BOX up or down. Up returns once the switch forwards: from then on no packet is lost.
net_link() {
    local box=$1 direction=$2 deadline=$((SECONDS + LAB_WAIT_S))
    in_box switch ip link set "$box" "$direction" || die "cannot set the link of $box $direction"
    if [[ $direction == down ]]; then
        return 0
    fi
    until in_box switch bridge link show dev "$box" | grep -q 'state forwarding'; do
        if ((SECONDS >= deadline)); then
            die "the link of $box did not come up in $LAB_WAIT_S s"
        fi
        sleep 0.02
    done
}

# Forgets what the scanner's kernel has learnt of HOST's hardware address, as the newcomer's own announcement would.
net_announce() {
    local address
    for address in $(plan_addresses "$1"); do
        ip neigh flush to "$address" dev eth0 2>/dev/null
    done
}

net_remove() {
    in_box switch ip link del "$1"
    umount "$LAB_DIR/ns/$1"
    rm "$LAB_DIR/ns/$1"
}

# Prints the TCP SYNs that arrived at BOX from outside since the last reset, as JSON.
net_counters() {
    local box=$1
    # shellcheck disable=SC2016 # jq's variable, not the shell's
    in_box "$box" nft -j list set inet lab syns |
        jq -c --arg host "${box%%.*}" '
            [.nftables[].set? // empty | .elem[]?.elem | {key: (.val | tostring), value: .counter.packets}] |
            {host: $host, total: (map(.value) | add // 0), ports: from_entries}'
}

net_counters_reset() {
    in_box "$1" nft flush set inet lab syns
}
