#!/usr/bin/env bash
# leastport-scan against random networks, each made from a seed together with its truth; prints TAP. Nothing leaves them.
# Even seeds are scanned by plain connects, odd ones by raw SYNs.
# LEASTPORT_TEST_SEED is the first seed. The number of networks is ten times LEASTPORT_TEST_REPEATS; with
# LEASTPORT_TEST_NETWORKS it is that. One network again: LEASTPORT_TEST_SEED=N LEASTPORT_TEST_NETWORKS=1 test_random.sh
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
export BIN
LIMIT_S=120

# shellcheck source=tests/random/network.sh
. "$HERE/network.sh"

# ---- one network, inside namespaces of its own that end with it --------------------------------------------------------------

# nft_family FAMILY CODE...: sets and rules that are alike for both families but for the address and the codes of rejects.
nft_family() {
    local family=$1 ip=ip icmp=icmp code set
    shift
    if [[ $family == 6 ]]; then
        ip=ip6 icmp=icmpv6
    fi
    for set in down- hidden- firewalled-; do
        printf 'set %s%s { type ipv%s_addr; }\n' "$set" "$family" "$family"
    done
    for set in hidden-port- allowed- reset- drop- "${@/%/-}"; do
        printf 'set %s%s { type ipv%s_addr . inet_service; }\n' "$set" "$family" "$family"
    done
    printf 'chain hosts%s {\n' "$family"
    printf '%s daddr @%s%s drop\n' $ip down- "$family" $ip hidden- "$family"
    printf '%s daddr . tcp dport @%s%s drop\n' $ip hidden-port- "$family" $ip drop- "$family"
    printf '%s daddr @firewalled-%s %s daddr . tcp dport != @allowed-%s drop\n' $ip "$family" $ip "$family"
    printf '%s daddr . tcp dport @reset-%s reject with tcp reset\n' $ip "$family"
    for code in "$@"; do
        printf '%s daddr . tcp dport @%s-%s reject with %s type %s\n' $ip "$code" "$family" $icmp "$code"
    done
    printf '}\n'
}

# LOSS_IN and LOSS_OUT are in thousandths; neighbour discovery is spared, as ARP is.
nft_rules() {
    printf 'table inet box {\n'
    nft_family 4 net-unreachable host-unreachable prot-unreachable port-unreachable net-prohibited host-prohibited \
        admin-prohibited
    nft_family 6 no-route admin-prohibited addr-unreachable port-unreachable policy-fail reject-route
    printf 'chain input { type filter hook input priority 0;\n'
    printf 'meta l4proto tcp numgen random mod 1000 < %s drop\n' "$LOSS_IN"
    printf 'meta l4proto tcp meta nfproto ipv4 jump hosts4\nmeta l4proto tcp meta nfproto ipv6 jump hosts6\n}\n'
    printf 'chain forward { type filter hook forward priority 0;\n'
    printf 'ip daddr 10.78.0.0/24 reject with icmp type host-unreachable\n'
    printf 'ip6 daddr fd78::/64 reject with icmpv6 type addr-unreachable\n}\n'
    printf 'chain output { type filter hook output priority 0;\n'
    printf 'meta l4proto tcp numgen random mod 1000 < %s drop\n' "$LOSS_OUT"
    printf 'icmp type destination-unreachable numgen random mod 1000 < %s drop\n' "$LOSS_OUT"
    printf 'icmpv6 type destination-unreachable numgen random mod 1000 < %s drop\n}\n}\n' "$LOSS_OUT"
    cat elements
}

# What has been hidden appears.
appear() {
    sleep "$((APPEAR_MS / 1000)).$(printf '%03d' "$((APPEAR_MS % 1000))")"
    target nft 'flush set inet box hidden-4; flush set inet box hidden-6
        flush set inet box hidden-port-4; flush set inet box hidden-port-6'
}

# way_of SEED: how the network of that seed is scanned.
way_of() {
    if (($1 % 2 == 0)); then
        printf 'connect'
    else
        printf 'syn'
    fi
}

# network SEED FOLDER: leaves FOLDER/verdict, the last line being compare.awk's with the scan's own claims behind it.
network() {
    local status
    cd "$2" || return 1
    touch elements addresses listeners
    awk -v seed="$1" -v folder=. -f "$HERE/topology.awk" || return 1
    # shellcheck source=/dev/null # written by topology.awk
    . ./settings
    cable && target ip -batch addresses && nft_rules >rules && target nft -f rules && listen_all || return 1
    appear &
    # Who answers no discovery would have no ports to compare; it has a test of its own.
    # shellcheck disable=SC2153 # not a misspelling of ports
    XDG_STATE_HOME=$PWD/state timeout "$LIMIT_S" "$BIN/leastport-scan" "--$(way_of "$1")" --no-discovery --targets-file targets -p "$PORTS" -o jsonl:scan 2>scan.err
    status=$?
    if ((status != 0)); then
        printf 'wrong: exit status %s: %s\n' "$status" "$(tail -n 1 scan.err)"
    fi
    # The truth has a connect's word for what a SYN calls a reset.
    ports_of scan | sed 's/ closed reset$/ closed conn-refused/' >seen
    awk -v lossy="$((LOSS_IN + LOSS_OUT > 0))" -f "$HERE/compare.awk" truth seen
    tail -n 1 scan | jq -r '"\(.complete) \(.loss) \(.missed.low // -1) \(.missed.high // -1) \(.elapsed_ms) \(.probes_sent)"'
    printf '%s %s %s\n' "$LOSS_IN" "$LOSS_OUT" "$(wc -l <truth)"
}

if [[ ${1-} == network ]]; then
    network "$2" "$3"
    exit
fi

# ---- all of them -------------------------------------------------------------------------------------------------------------

# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
FIRST=${LEASTPORT_TEST_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
NETWORKS=${LEASTPORT_TEST_NETWORKS:-$((10 * ${LEASTPORT_TEST_REPEATS:-2}))}
inside() {
    awk -v low="$1" -v high="$2" -v value="$3" 'BEGIN { exit !(low <= value && value <= high) }'
}

# judge NUMBER: one network's test, and its part of the sums.
judge() {
    local folder=$WORK/$1 seed=$((FIRST + $1)) wrong open missed lost complete loss low high elapsed_ms sent in out probes name
    { read -r _ wrong _ open _ missed _ lost && read -r complete loss low high elapsed_ms sent && read -r in out probes; } \
        < <(tail -n 3 "$folder/verdict")
    if [[ ${probes:-} == '' ]]; then
        tap_fail "seed $seed: the network is made and scanned" "$(cat "$folder/verdict" "$folder/err")"
        return
    fi
    name="seed $seed by $(way_of "$seed"): $probes ports, loss $in+$out thousandths"
    tap_diag "seed $seed: $open open, $missed of them missed, $lost closed ones missed; measured loss $loss, said to have" \
        "missed $low to $high; $sent probes, $elapsed_ms ms"
    if ((wrong == 0)) && [[ $complete == true ]]; then
        tap_pass "$name: complete, nothing invented, every state and reason right"
    else
        tap_fail "$name: complete, nothing invented, every state and reason right" "$(grep '^wrong: ' "$folder/verdict" | head -n 20)"
    fi
    OPEN=$((OPEN + open)) MISSED=$((MISSED + missed)) LOST=$((LOST + lost))
    JUDGED=$((JUDGED + 1)) LOSSY=$((LOSSY + (in + out > 0 ? 1 : 0))) INCOMPLETE=$((INCOMPLETE + (missed + lost > 0 ? 1 : 0)))
    if [[ $low == -1 && $open == 0 ]] || inside "$low" "$high" "$missed"; then
        COVERED=$((COVERED + 1))
    else
        tap_diag "seed $seed: the interval does not cover the truth"
    fi
}

networks_possible || exit 0
tap_diag "LEASTPORT_TEST_SEED=$FIRST, $NETWORKS networks"
OPEN=0 MISSED=0 LOST=0 JUDGED=0 LOSSY=0 INCOMPLETE=0 COVERED=0
networks_start
for ((number = 0; number < NETWORKS; number++)); do
    judge "$number"
done
tap_diag "$JUDGED networks, $LOSSY with loss; $OPEN open ports, $MISSED missed; $LOST closed ones missed; in $INCOMPLETE networks"
# Tries go on until a miss in a network has a chance of about 1 %.
tap_ok "nothing is missed, save in one network of thirty at most" test "$INCOMPLETE" -le $(((JUDGED + 29) / 30))
tap_ok "the loss interval covers the truth in at least 90 % of the networks ($COVERED of $JUDGED)" \
    test "$((10 * COVERED))" -ge "$((9 * JUDGED))" -a "$JUDGED" -gt 0
tap_done
