#!/usr/bin/env bash
# Discovery in random networks, each made from a seed together with its truth: nobody who is there and answers any of its questions is
# missed, nobody is made up, and the ports of those that are there are right; prints TAP. Nothing leaves the networks.
# LEASTPORT_TEST_SEED is the first seed. The number of networks is five times LEASTPORT_TEST_REPEATS; with LEASTPORT_TEST_NETWORKS it is
# that. One network again: LEASTPORT_TEST_SEED=N LEASTPORT_TEST_NETWORKS=1 test_random_discovery.sh
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
export BIN
LIMIT_S=120

# shellcheck source=tests/random/network.sh
. "$HERE/network.sh"

# ---- one network, inside namespaces of its own that end with it --------------------------------------------------------------

# nft_family FAMILY: what its hosts let in and what they say to it. Neighbour discovery has been let in before.
nft_family() {
    local family=$1 ip=ip icmp=icmp echo="icmp type echo-request" set
    if [[ $family == 6 ]]; then
        ip=ip6 icmp=icmpv6 echo="icmpv6 type echo-request"
    fi
    for set in only no-echo rejecting gone-unreachable gone-prohibited gone-reset \
        kind-{echo,syn443,ack80,syn80,syn22,udp53,udp161,plan}; do
        printf 'set %s-%s { type ipv%s_addr; }\n' "$set" "$family" "$family"
    done
    printf 'set drop-%s { type ipv%s_addr . inet_service; }\n' "$family" "$family"
    cat <<END
chain hosts$family {
    $ip daddr @no-echo-$family $echo drop
    $ip daddr @rejecting-$family reject with $icmp type admin-prohibited
    $ip daddr @kind-echo-$family $echo accept
    $ip daddr @kind-syn443-$family tcp dport 443 tcp flags & (syn | ack) == syn accept
    $ip daddr @kind-ack80-$family tcp dport 80 tcp flags & (syn | ack) == ack accept
    $ip daddr @kind-syn80-$family tcp dport 80 tcp flags & (syn | ack) == syn accept
    $ip daddr @kind-syn22-$family tcp dport 22 tcp flags & (syn | ack) == syn accept
    $ip daddr @kind-udp53-$family udp dport 53 accept
    $ip daddr @kind-udp161-$family udp dport 161 accept
    $ip daddr @kind-plan-$family tcp dport { 22, 80, 443 } drop
    $ip daddr @kind-plan-$family meta l4proto != tcp drop
    $ip daddr @only-$family drop
    $ip daddr . tcp dport @drop-$family drop
}
chain router$family {
    $ip daddr @gone-unreachable-$family reject with $icmp type $([[ $family == 6 ]] && echo addr || echo host)-unreachable
    $ip daddr @gone-prohibited-$family reject with $icmp type admin-prohibited
    $ip daddr @gone-reset-$family meta l4proto tcp reject with tcp reset
    drop
}
END
}

# LOSS_IN and LOSS_OUT are in thousandths; neighbour discovery is spared, as ARP is.
nft_rules() {
    printf 'table inet box {\n'
    nft_family 4
    nft_family 6
    cat <<END
    chain input { type filter hook input priority 0;
        iif lo accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        numgen random mod 1000 < $LOSS_IN drop
        meta nfproto ipv4 jump hosts4
        meta nfproto ipv6 jump hosts6
    }
    chain forward { type filter hook forward priority 0;
        numgen random mod 1000 < $LOSS_IN drop
        meta nfproto ipv4 jump router4
        meta nfproto ipv6 jump router6
    }
    chain output { type filter hook output priority 0;
        oif lo accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        numgen random mod 1000 < $LOSS_OUT drop
    }
}
END
    cat elements
}

# network SEED FOLDER: leaves FOLDER/verdict: lines of what is wrong, then one of figures.
network() {
    local status
    cd "$2" || return 1
    touch addresses elements listeners truth
    awk -v seed="$1" -v folder=. -f "$HERE/discovery.awk" || return 1
    # shellcheck source=/dev/null # written by discovery.awk
    . ./settings
    cable && target ip -batch addresses && nft_rules >rules && target nft -f rules && listen_all || return 1
    # shellcheck disable=SC2153 # not a misspelling of ports
    XDG_STATE_HOME=$PWD/state timeout "$LIMIT_S" "$BIN/leastport-scan" --syn --targets-file targets -p "$PORTS" -o jsonl:scan 2>scan.err
    status=$?
    if ((status != 0)); then
        printf 'wrong: exit status %s: %s\n' "$status" "$(tail -n 1 scan.err)"
    fi
    jq -r 'select(.type == "host") | "\(.host) \(.state) \(.reason) \(.unasked // 0)"' scan >found
    ports_of scan >seen
    awk -v lossy="$((LOSS_IN + LOSS_OUT > 0))" -v ports="$PORT_COUNT" -f "$HERE/compare_hosts.awk" hosts truth found seen
    tail -n 1 scan | jq -r --arg loss "$LOSS_IN+$LOSS_OUT" '"\(.complete) \($loss) \(.elapsed_ms) \(.probes_sent)"'
}

if [[ ${1-} == network ]]; then
    network "$2" "$3"
    exit
fi

# ---- all of them -------------------------------------------------------------------------------------------------------------

# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
FIRST=${LEASTPORT_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
NETWORKS=${LEASTPORT_TEST_NETWORKS:-$((5 * ${LEASTPORT_TEST_REPEATS:-2}))}
UP=0 DOWN=0 MISSED=0

# judge NUMBER: one network's test, and its part of the sums.
judge() {
    local folder=$WORK/$1 seed=$((FIRST + $1)) wrong up down missed lost complete loss elapsed_ms sent
    { read -r _ wrong _ up _ down _ missed _ lost && read -r complete loss elapsed_ms sent; } < <(tail -n 2 "$folder/verdict")
    if [[ ${sent:-} == '' ]]; then
        tap_fail "seed $seed: the network is made and scanned" "$(cat "$folder/verdict" "$folder/err")"
        return
    fi
    tap_diag "seed $seed: $up hosts answer, $missed of them missed, $down do not; $lost ports lost; $sent packets, $elapsed_ms ms"
    if ((wrong == 0)) && [[ $complete == true ]]; then
        tap_pass "seed $seed, loss $loss thousandths: complete, who is there and who is not, every state and reason right"
    else
        tap_fail "seed $seed, loss $loss thousandths: complete, who is there and who is not, every state and reason right" \
            "$(grep '^wrong: ' "$folder/verdict" | head -n 20)"
    fi
    UP=$((UP + up)) DOWN=$((DOWN + down)) MISSED=$((MISSED + missed))
}

networks_possible || exit 0
tap_diag "LEASTPORT_TEST_SEED=$FIRST, $NETWORKS networks"
networks_start
for ((number = 0; number < NETWORKS; number++)); do
    judge "$number"
done
tap_diag "$(cat "$WORK"/*/kinds | awk '{ n[$1] += $2 } END { for (kind in n) { printf "%s %d, ", kind, n[kind] } }')"
tap_is "of $UP hosts that answer a question none is missed ($DOWN answer none)" "$MISSED" 0
tap_done
