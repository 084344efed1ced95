#!/usr/bin/env bash
# Discovery from outside: hosts behind a router that answer one kind of question only, hosts that answer nothing, many addresses
# without a host; with loss, with shards, interrupted, and without discovery. Prints TAP; nothing leaves the test's own namespaces.
# test_scan_discovery.sh STEP...: only these, of those at the end of this file.
set -uo pipefail
SCRIPT=$(readlink -f -- "${BASH_SOURCE[0]}")
HERE=$(dirname -- "$SCRIPT")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
export BIN

# Each line of steps has a place of its own, and all run side by side: they wait more than they work.
if (($# == 0)); then
    # shellcheck source=tests/tap.sh
    . "$HERE/../tap.sh"
    tap_parts_of "$SCRIPT" <<'END'
kinds routers few_ports near proxy_arp shards
resume kill many
loss
lossy_link older_state memory
END
fi

# shellcheck source=tests/integration/place.sh
. "$HERE/place.sh"

# Whose memory is measured: a sanitizer's is its own.
PLAIN_BIN=${LEASTPORT_PLAIN_BIN:-$BIN}
KILLS=$((4 * ${LEASTPORT_TEST_REPEATS:-2}))
RANDOM=$((${LEASTPORT_TEST_SEED:-1} % 32768))

# Ports that the scans ask, none of them discovery's; 6001 is open at every host that is there.
PORTS=6001-6040

scan() {
    "$BIN/leastport-scan" "$@"
}

# 10.78.1.N, and fd78::1:N: 10-19 answer echoes only, 20-29 ACKs to 80, 30-39 datagrams to 161, 40-49 SYNs to 443, 50-59 the plan's own
# ports and nothing else, 60-69 everything, 70-79 nothing at all but port 6001, which nobody can know. No other is there.
# The firewall lets 6001 in for all of them.
hosts_create() {
    target_create || return 1
    target ip -6 route add local fd78::/64 dev lo
    ip -6 route add fd78::/64 via fd77::2
    # An ICMPv6 error comes from the address that was asked only where that is one of an interface.
    for host in {30..39}; do
        target ip -6 addr add "fd78::1:$host/128" dev lo nodad
    done
    target nft -f - <<'END'
table inet box {
    chain input { type filter hook input priority 0; }
}
delete table inet box
table inet hosts {
    set gone4 { type ipv4_addr; flags interval; elements = { 10.78.0.0/24, 10.78.1.0-10.78.1.9, 10.78.1.80-10.78.1.255, 10.78.2.0-10.78.255.255 } }
    chain input {
        type filter hook input priority 0;
        iif lo accept
        ip daddr 10.77.0.2 accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        jump lossy
        ip daddr @gone4 drop
        ip6 daddr fd78::/112 drop
        tcp dport 6001 jump late
        ip daddr 10.78.1.10-10.78.1.19 icmp type echo-request accept
        ip6 daddr fd78::1:10-fd78::1:19 icmpv6 type echo-request accept
        ip daddr 10.78.1.20-10.78.1.29 tcp dport 80 tcp flags & (syn | ack) == ack accept
        ip6 daddr fd78::1:20-fd78::1:29 tcp dport 80 tcp flags & (syn | ack) == ack accept
        ip daddr 10.78.1.30-10.78.1.39 udp dport 161 accept
        ip6 daddr fd78::1:30-fd78::1:39 udp dport 161 accept
        ip daddr 10.78.1.40-10.78.1.49 tcp dport 443 accept
        ip6 daddr fd78::1:40-fd78::1:49 tcp dport 443 accept
        ip daddr 10.78.1.50-10.78.1.59 tcp dport 6001-6100 accept
        ip6 daddr fd78::1:50-fd78::1:59 tcp dport 6001-6100 accept
        ip daddr 10.78.1.60-10.78.1.69 accept
        ip6 daddr fd78::1:60-fd78::1:69 accept
        drop
    }
    chain late { tcp dport 6001 accept; }
    chain lossy { }
    chain output {
        type filter hook output priority 0;
        oif lo accept
        ip saddr 10.77.0.2 accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        jump lossy
    }
}
END
}

# Hosts' last numbers, as the scan tells of them.
hosts_that_are() {
    jq -r --arg state "$1" 'select(.type == "host" and .state == $state) | .host | split("[.:]"; "") | .[-1] | tonumber' "$2" |
        sort -n | paste -sd,
}

reason_of() {
    jq -r --arg host "$2" 'select(.type == "host" and .host == $host) | "\(.state) \(.reason) \(.unasked // 0)"' "$1"
}

notices() {
    jq -r --arg code "$2" 'select(.type == "notice" and .code == $code) | .message' "$1"
}

UP=$(seq 10 69 | paste -sd,)

open_hosts() {
    jq -r 'select(.type == "port" and .state == "open") | .host | split("[.:]"; "") | .[-1] | tonumber' "$1" | sort -n | paste -sd,
}

test_kinds() {
    local family net
    for family in "10.78.1.0-127 10.78.1." "fd78::1:0-fd78::1:99 fd78::1:"; do
        net=${family#* }
        scan --syn -p "$PORTS" "${family%% *}" -o jsonl:kinds 2>kinds.err
        tap_is "$net complete" "$(end_of kinds .complete)" true
        tap_is "$net whoever answers anything is up" "$(hosts_that_are up kinds)" "$UP"
        tap_is "$net silence is a line of its own" "$(reason_of kinds "${net}75")" "down no-response 40"
        tap_is "$net ports of those that are there, and of nobody else" "$(open_hosts kinds)" "$UP"
        tap_is "$net one that opens and answers discovery no more than silence is found without it" \
            "$(scan --syn --no-discovery -p "$PORTS" "${net}75" -o jsonl:- 2>/dev/null |
                jq -r 'select(.type == "port") | .port')" 6001
    done
    tap_like "how many did not answer" "$(notices kinds undiscovered)" \
        '^[0-9]+ hosts did not answer discovery: [0-9]+ ports were not asked; --no-discovery asks them all the same$'
    tap_like "on stderr too" "$(cat kinds.err)" 'hosts did not answer discovery'
    tap_is "what was not asked is counted" "$(end_of kinds '.probes_unasked == .hosts_down * 40')" true
    scan --syn -p "$PORTS" 10.78.1.60-79 -o table:told -o xml:told.xml 2>/dev/null
    tap_like "the table says so" "$(<told)" '10 hosts gave no answer and are not shown. 400 ports of hosts that did not answer discovery were not asked.'
    tap_like "and claims nothing of them" "$(<told)" 'open port missed of those asked|may have missed .* of those asked'
    tap_like "XML counts them as down" "$(<told.xml)" '<hosts up="10" down="10" total="20"/>'
    scan --syn -p 7001-7040 10.78.1.15 10.78.1.25 10.78.1.35 10.78.1.45 10.78.1.65 -o jsonl:reasons 2>/dev/null
    tap_is "up by what answered" "$(jq -r 'select(.type == "host") | "\(.host) \(.reason)"' reasons | sort | cut -d' ' -f2 | paste -sd' ')" \
        "echo-reply reset port-unreach reset reset"
    scan --udp -p 7001-7040 10.78.1.0-127 -o jsonl:udp 2>/dev/null
    tap_is "a scan of UDP asks the same" "$(hosts_that_are up udp)" "$(seq 10 49 | paste -sd,),$(seq 60 69 | paste -sd,)"
}

# A router that rejects says the same of hosts that are there and of those that are not.
test_routers() {
    target ip route add unreachable 10.79.1.0/24
    scan --syn -p "$PORTS" 10.79.1.0/30 -o jsonl:rejected 2>/dev/null
    tap_is "a router's word makes nobody be there" "$(reason_of rejected 10.79.1.1)" "down host-unreach 40"
    target ip route del unreachable 10.79.1.0/24
}

test_few_ports() {
    scan --syn -p 6001-6016 10.78.1.75 -o jsonl:few 2>/dev/null
    tap_is "a handful of ports is asked at once" "$(open_hosts few)" 75
    tap_is "without counting anything as not asked" "$(end_of few .probes_unasked)" null
    jq -n '{schema: "leastport.plan/1", realm: "r", vantage: "v", targets: ["10.78.1.70-79"], ports: "6001-6040", probes: ["syn"],
        watch: [{host: "10.78.1.77", proto: "tcp", port: 6030}]}' | scan --plan - -o jsonl:watched 2>/dev/null
    tap_is "a host with a watched port is asked all the same" "$(open_hosts watched)" 77
    tap_is "and the watched port has its line" "$(jq -r 'select(.watch) | "\(.host) \(.port) \(.state)"' watched)" "10.78.1.77 6030 filtered"
    tap_is "the plan says how it is" "$(jq -c 'select(.type == "scan_start") | .plan.discovery' watched)" true
}

# Whoever is near needs no question: ARP, neighbour discovery or this machine has answered it.
test_near() {
    scan --syn -p 6001-6040 10.77.0.0/28 127.0.0.1 10.77.0.1 -o jsonl:near 2>/dev/null
    tap_is "nobody near is asked twice" "$(end_of near .probes_unasked)" null
    tap_is "on link: the one that is there" "$(open_hosts near)" 2
}

# A router that answers ARP for a whole network, in which few are there.
test_proxy_arp() {
    ip addr add 10.74.0.1/24 dev cable
    target ip route add local 10.74.0.0/24 dev lo table main
    target ip route add 10.74.0.1/32 dev cable
    target nft insert rule inet hosts input ip daddr 10.74.0.20-10.74.0.29 accept
    scan --syn -p "$PORTS" 10.74.0.2-10.74.0.254 -o jsonl:proxy 2>/dev/null
    tap_is "one that answers ARP for all: who answers otherwise is up" "$(hosts_that_are up proxy)" "$(seq 20 29 | paste -sd,)"
    tap_is "and of the others no port was asked" "$(end_of proxy .probes_unasked)" $((40 * 243))
    scan --syn -p "$PORTS" 10.74.0.72-10.74.0.79 -o jsonl:proxy 2>/dev/null
    tap_is "one that answers for eight may be eight" "$(open_hosts proxy) $(end_of proxy .probes_unasked)" "$(seq 72 79 | paste -sd,) null"
    scan --syn -p "$PORTS" 10.74.0.71-10.74.0.79 -o jsonl:proxy 2>/dev/null
    tap_is "for nine not" "$(open_hosts proxy) $(end_of proxy .probes_unasked)" " $((9 * 40))"
    ip addr del 10.74.0.1/24 dev cable
}

test_shards() {
    local shard
    for shard in 1 2; do
        scan --syn -p 6001-6080 10.78.1.0-99 --shard "$shard/2" -o "jsonl:shard$shard" 2>/dev/null
    done
    tap_is "shards: each open port once" "$(cat shard1 shard2 | jq -r 'select(.type == "port") | .host' | sort | uniq -c |
        awk '$1 != 1' | wc -l) $(cat shard1 shard2 | jq -r 'select(.type == "port") | .host' | wc -l)" "0 60"
    tap_is "shards: what was not asked adds up" "$(jq -s 'map(select(.type == "scan_end") | .probes_unasked) | add' shard1 shard2)" \
        $((40 * 80))
}

test_resume() {
    interrupt_after 0.5
    interrupt_after 2
}

interrupt_after() {
    "$BIN/leastport-scan" --syn -p 6001-6100 10.78.1.0-127 --rate 4000 -o jsonl:cut --state cut.state 2>/dev/null &
    sleep "$1"
    kill -TERM $!
    wait $!
    tap_is "interrupted after $1 s: resumable" $? 130
    scan --resume cut.state -o jsonl:resumed 2>/dev/null
    tap_is "after $1 s: resumed, the same are up" "$(hosts_that_are up resumed)" "$UP"
    tap_is "after $1 s: each host is told once" "$(jq -r 'select(.type == "host") | .host' resumed | sort | uniq -d)" ""
    tap_is "after $1 s: what was not asked" "$(end_of resumed .probes_unasked)" $((68 * 100))
}

# What a scan found, in order.
result_of() {
    jq -cS 'select(.type == "port" or .type == "host") | del(.ts, .scan_id, .rtt_us, .slab, .tries)' "$1" | sort
}

# Killed at random moments, in its discovery as well as behind it.
test_kill() {
    local turn said="" within=0
    scan --syn -p 6001-6100 10.78.1.0-127 -o jsonl:undisturbed 2>/dev/null
    for ((turn = 0; turn < KILLS; turn++)); do
        rm -f killed.state
        "${TAP_NO_LEAKS[@]}" "$BIN/leastport-scan" --syn -p 6001-6100 10.78.1.0-127 -o jsonl:torn --state killed.state 2>/dev/null &
        sleep "$(printf '0.%03d' $((RANDOM % 1000)))"
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        [[ -s killed.state ]] || continue
        within=$((within + 1))
        scan --resume killed.state -o jsonl:again 2>/dev/null || said+=" $turn: exit status"
        cmp -s <(result_of again) <(result_of undisturbed) || said+=" $turn: another result"
        [[ $(end_of again .probes_unasked) == $((68 * 100)) ]] || said+=" $turn: not asked: $(end_of again .probes_unasked)"
    done
    tap_is "kill -9 at $KILLS moments, $within with something to go on from: the same result" "$said" ""
}

# 5 % each way, and two hosts of three answer one kind of question only.
test_loss() {
    local run missed="" runs=20 twice
    twice=$(for host in {10..69}; do printf '%s\n%s\n' "$host" "$host"; done | paste -sd,)
    target nft add rule inet hosts lossy numgen random mod 100 '<' 5 drop
    for ((run = 1; run <= runs; run++)); do
        scan --syn -p "$PORTS" 10.78.1.10-79 fd78::1:10-fd78::1:79 -o jsonl:lossy 2>/dev/null
        [[ $(hosts_that_are up lossy) == "$twice" && $(open_hosts lossy) == "$twice" ]] || missed+=" $run: $(hosts_that_are up lossy)"
    done
    tap_is "5 % loss each way: nobody is missed in $runs runs" "$missed" ""
    target nft flush chain inet hosts lossy
}

# Those on link are found by ARP and neighbour discovery, of which 5 % are lost each way, before their slab as well as ahead of it.
test_lossy_link() {
    local run missed="" runs=5 there plan
    there=$(for host in {100..159}; do printf '%s\n%s\n' "$host" "$host"; done | paste -sd,)
    for host in {100..159}; do
        printf 'addr add 10.77.0.%s/32 dev cable\naddr add fd77::%s/128 dev cable nodad\n' "$host" "$host"
    done | target ip -batch -
    target nft -f - <<'END'
table arp link {
    chain in { type filter hook input priority 0; numgen random mod 100 < 5 drop; }
    chain out { type filter hook output priority 0; numgen random mod 100 < 5 drop; }
}
END
    target nft insert rule inet hosts input icmpv6 type nd-neighbor-solicit numgen random mod 100 '<' 5 drop
    target nft insert rule inet hosts output icmpv6 type nd-neighbor-advert numgen random mod 100 '<' 5 drop
    target nft insert rule inet hosts input tcp dport 6001 accept
    for ((run = 1; run <= runs; run++)); do
        for plan in '{}' '{slab: {probes: 65536, hosts: 16}}'; do
            jq -n '{schema: "leastport.plan/1", realm: "r", vantage: "v", targets: ["10.77.0.96-10.77.0.170", "fd77::96-fd77::170"],
                ports: "6001", probes: ["syn"]} + '"$plan" | scan --plan - -o jsonl:link 2>/dev/null
            [[ $(open_hosts link) == "$there" ]] || missed+=" $run: $(open_hosts link)"
        done
    done
    tap_is "5 % of ARP and neighbour discovery lost each way: nobody is missed in $((2 * runs)) runs" "$missed" ""
    target nft delete table arp link
}

# A SYN scan of 10.78.1.60-63 and 10.78.2.1, interrupted in its slab by a version that knew no discovery.
test_older_state() {
    cp "$HERE/state-before-discovery" older.state
    scan --resume older.state -o jsonl:older 2>older.err
    tap_is "the state of a scan from before discovery is resumed: $(tail -n 1 older.err)" "$? $(end_of older .complete)" "0 true"
    tap_is "by the plan that it had" "$(jq -r 'select(.type == "scan_start") | .plan_hash' older)" \
        dcd5fe9db7e212ec1f2090f6f9ed06661e9d33d0d21b7b1501ab66737de062ae
    tap_is "and each of its ports has a state" "$(ports_of older | wc -l) $(end_of older .probes_unasked)" "200 null"
}

# peak TARGETS PORTS: the most memory of its first two seconds without the rings, in KiB.
peak() {
    local pid rings
    "$PLAIN_BIN/leastport-scan" --syn "$1" -p "$2" -o jsonl:large --state large.state 2>large.err &
    pid=$!
    sleep 2
    awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status" >peak
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    rm -f large large.state
    rings=$(grep -oP 'receive rings of \K\d+' large.err | awk '{ sum += $1 } END { print sum + 0 }')
    printf '%d\n' $(($(<peak) - rings))
}

test_memory() {
    local plan kib
    ip route add 10.128.0.0/9 via 10.77.0.2
    ip -6 route add fd80::/16 via fd77::2
    target nft add table netdev sink
    target nft 'add chain netdev sink in { type filter hook ingress device "cable" priority 0; }'
    target nft add rule netdev sink in ip daddr 10.128.0.0/9 drop
    target nft add rule netdev sink in ip6 daddr fd80::/16 drop
    for plan in "10.128.0.0/9 1-1000" "10.128.0.0/9 1-64" "fd80::/80 1-17"; do
        if grep -q __asan_init "$PLAIN_BIN/leastport-scan"; then
            tap_skip "$plan: in 64 MiB" "a sanitizer's memory is its own"
            continue
        fi
        # shellcheck disable=SC2086 # targets and ports
        kib=$(peak $plan)
        tap_ok "$plan: in 64 MiB, rings apart ($kib KiB)" test "$kib" -gt 1000 -a "$kib" -le 65536
    done
    target nft delete table netdev sink
}

# 1 % of 65,536 addresses, 40 ports: asking all of them would be 7.8 million probes.
test_many() {
    local begun=$SECONDS
    target nft add set inet hosts there4 '{ type ipv4_addr; }'
    target nft add element inet hosts there4 "{ $(for ((i = 0; i < 655; i++)); do printf '10.78.%d.%d,' $((i * 97 / 256 + 2)) $((i * 97 % 256)); done) }"
    target nft insert rule inet hosts input ip daddr @there4 accept
    scan --syn -p "$PORTS" 10.78.0.0/16 -o jsonl:many 2>/dev/null
    tap_is "65,536 addresses: all that are there" "$(end_of many '"\(.complete) \(.hosts_up) \(.open)"')" '"true 715 715"'
    tap_ok "65,536 addresses: few probes ($(end_of many .probes_sent)), little time ($((SECONDS - begun)) s)" \
        test "$(end_of many .probes_sent)" -lt 2500000
}

# Each step says how long it took.
timed() {
    local begun=$SECONDS
    "$@"
    tap_diag "$*: $((SECONDS - begun)) s"
}

if hosts_create && listen target :: 6001; then
    for step in "$@"; do
        timed "test_$step"
    done
else
    tap_fail "a place to scan in"
fi
tap_done
