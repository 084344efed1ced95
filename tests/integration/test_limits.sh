#!/usr/bin/env bash
# What limits a scan in production, each limit lowered until it bites: the scan is complete all the same, slower where it must
# be, and says so. Prints TAP; nothing leaves the test's own namespaces.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
export BIN
SCAN=$HERE/scan-connect
# Whose memory is measured: a sanitizer's is its own.
PLAIN_BIN=${LEASTPORT_PLAIN_BIN:-$BIN}

# shellcheck source=tests/integration/place.sh
. "$HERE/place.sh"

CONNTRACK=/proc/sys/net/netfilter/nf_conntrack

# says FILE CODE: whether the scan gave this notice.
says() {
    jq -se --arg code "$2" 'any(.[]; .type == "notice" and .code == $code)' "$1"
}

elapsed() {
    end_of "$1" .elapsed_ms
}

# doctor CHECK FILTER: what the doctor says of one limit, as JSON.
doctor() {
    "$SCAN" --doctor --json | jq -c --arg check "$1" ".[] | select(.check == \$check) | $2"
}

# equals WANTED COMMAND...: compares what the command prints.
equals() {
    [[ $("${@:2}") == "$1" ]]
}

at_least() {
    (($("${@:2}") >= $1))
}

# await SECONDS COMMAND...: until it succeeds.
await() {
    local until=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < until)) || return 1
        sleep 0.02
    done
}

# ---- open files -----------------------------------------------------------------------------------------------------------

test_descriptors() {
    "$SCAN" 10.77.0.2 -p 90-3000 -o jsonl:many 2>many.err
    (
        ulimit -n 64
        exec "$SCAN" 10.77.0.2 -p 90-3000 -o jsonl:few 2>few.err
    )
    tap_is "64 descriptors: complete" "$(end_of few .complete)" true
    tap_is "64 descriptors: the same result" "$(result_of few)" "$(result_of many)"
    tap_ok "64 descriptors: said so" says few descriptors
    tap_like "64 descriptors: on stderr too, with what helps" "$(cat few.err)" 'limit of open files is 64; "ulimit -n 65536"'
    # A silent host holds a descriptor for about a second.
    "$SCAN" 10.79.0.1-120 -p 1 --retries 0 -o jsonl:many.silent 2>many.err
    (
        ulimit -n 64
        exec "$SCAN" 10.79.0.1-120 -p 1 --retries 0 -o jsonl:few.silent 2>few.err
    )
    tap_ok "64 descriptors: 120 silent hosts take twice as long ($(elapsed many.silent), $(elapsed few.silent) ms)" \
        test "$(elapsed few.silent)" -ge "$((2 * $(elapsed many.silent)))"
    (
        ulimit -n 20
        exec "$SCAN" 10.77.0.2 -p 90 -o jsonl:none 2>none.err
    )
    tap_is "20 descriptors are too few for anything: exit $?, with what helps" \
        "$(grep -c 'only 20 open files are allowed.*ulimit -n' none.err)" 1
    if (($(ulimit -Hn) < 1024)); then
        tap_skip "a low soft limit is raised" "the hard limit here is $(ulimit -Hn)"
        return
    fi
    (
        ulimit -Sn 64
        exec "$SCAN" 10.77.0.2 -p 90-3000 -o jsonl:raised 2>raised.err
    )
    tap_is "64 descriptors, more allowed: the same result" "$(result_of raised)" "$(result_of many)"
    tap_like "64 descriptors, more allowed: raised, and said" "$(cat raised.err)" \
        "limit of open files was 64, raised to $(ulimit -Hn): up to [0-9]{3,} connections"
}

# ---- local ports ------------------------------------------------------------------------------------------------------------

# hold COUNT: so many connections of another program's to 10.77.0.2:22, from as many local ports, until `let_go`.
hold() {
    local fd
    held=()
    while ((${#held[@]} < $1)) && exec {fd}<>/dev/tcp/10.77.0.2/22; do
        held+=("$fd")
    done 2>/dev/null
}

let_go() {
    local fd
    for fd in "${held[@]}"; do
        exec {fd}>&-
    done
    held=()
}

test_ports() {
    local pid began
    echo "40000 40099" >/proc/sys/net/ipv4/ip_local_port_range
    "$SCAN" 10.77.0.2 -p 90-3000 -o jsonl:hundred 2>hundred.err
    tap_is "a hundred local ports: the same result" "$(result_of hundred)" "$(result_of many)"
    tap_is "a hundred local ports: each serves many targets at once, so nothing runs out" "$(says hundred exhausted)" false
    # All of them are taken, for this target and port, by another program's connections.
    hold 100
    tap_is "a hundred connections hold the hundred ports" "${#held[@]}" 100
    began=${EPOCHREALTIME/./}
    (
        let_go
        exec "$SCAN" 10.77.0.2 -p 22,90-3000 -o jsonl:held 2>held.err
    ) &
    pid=$!
    await 10 grep -qs '"code":"exhausted"' held
    sleep 1
    let_go
    wait "$pid"
    tap_is "a hundred local ports, all taken: complete once there is one" \
        "$(end_of held .complete) $(ports_of held | md5sum)" \
        "true $({ echo '10.77.0.2 22 open syn-ack' && ports_of many; } | LC_ALL=C sort | md5sum)"
    tap_ok "a hundred local ports, all taken: slower ($(((${EPOCHREALTIME/./} - began) / 1000)) ms)" \
        test "$((${EPOCHREALTIME/./} - began))" -ge 1000000
    tap_ok "a hundred local ports, all taken: said so" says held exhausted
    tap_like "a hundred local ports, all taken: on stderr too" "$(cat held.err)" 'no local port is free'
    echo "40000 40009" >/proc/sys/net/ipv4/ip_local_port_range
    "$SCAN" 10.77.0.2 -p 90-3000 -o jsonl:narrow 2>narrow.err
    tap_is "ten local ports: the same result" "$(result_of narrow)" "$(result_of many)"
    echo "32768 60999" >/proc/sys/net/ipv4/ip_local_port_range
}

# Sockets in the namespaces of both sides that are neither listening nor unconnected.
lingering() {
    { ss -Htan state all && target ss -Htan state all; } | grep -vE '^(LISTEN|UNCONN) '
}

test_time_wait() {
    listen target 10.77.0.3 {20001..20200} || tap_fail "the target listens on 200 ports"
    for _ in 1 2 3; do
        "$SCAN" 10.77.0.3 -p 20001-20200 -o jsonl:open 2>open.err
    done
    tap_is "three scans of 200 open ports find them" "$(end_of open .open)" 200
    tap_is "and leave no socket in TIME_WAIT or any other state, here or there" "$(lingering)" ""
}

# ---- connection tracking --------------------------------------------------------------------------------------------------

# A tracking table that is nearly full, as far as anybody in this mount namespace can read.
test_conntrack() {
    local begun elapsed_ms pid
    if [[ ! -e ${CONNTRACK}_count ]]; then
        tap_skip "near the tracking table's limit it slows down" "this kernel tracks no connections"
        return
    fi
    echo 950 >count
    echo 1000 >max
    mount --bind count ${CONNTRACK}_count
    mount --bind max ${CONNTRACK}_max
    begun=${EPOCHREALTIME/./}
    "$SCAN" 10.77.0.2 -p 3001-5000 --rate 500 -o jsonl:tracked 2>tracked.err &
    pid=$!
    sleep 1.5
    forget_syns
    sleep 1
    tap_ok "near the tracking table's limit only a trickle is sent ($(syns syn4) in a second)" \
        test "$(syns syn4)" -le 30
    echo 10 >count
    wait "$pid"
    elapsed_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    tap_is "with room again it ends" "$(end_of tracked .complete)" true
    tap_ok "and at its own pace (took $elapsed_ms ms)" test "$elapsed_ms" -lt 15000
    tap_ok "it says so" jq -se 'any(.[]; .type == "notice" and .code == "conntrack")' tracked
    umount ${CONNTRACK}_count ${CONNTRACK}_max
}

# A tracking table of 256, the connections and their count the kernel's own. It lets no namespace have a limit of its own, so
# the limit is a rule: a packet that begins a connection is dropped without a word when more than 256 are tracked.
test_small_conntrack() {
    local began fd
    if [[ ! -e ${CONNTRACK}_count ]]; then
        tap_skip "a tracking table of 256" "this kernel tracks no connections"
        return
    fi
    "$SCAN" 10.78.9.9 -p 6001-6300 --retries 1 -o jsonl:ample 2>ample.err
    nft -f - <<'END'
table ip tracking {
    counter overrun { }
    chain output {
        type filter hook output priority 0
        tcp flags & (syn | ack | rst) != syn accept
        ct state new ct count over 256 counter name overrun drop
    }
}
END
    if ! echo 2 >${CONNTRACK}_tcp_timeout_syn_sent || ! echo 2 >${CONNTRACK}_tcp_timeout_close; then
        tap_fail "this namespace has time-outs of its own"
    fi
    echo 256 >max
    mount --bind max ${CONNTRACK}_max
    # One connection of another program's: the kernel does track here.
    exec {fd}<>/dev/tcp/10.77.0.2/22
    began=${EPOCHREALTIME/./}
    "$SCAN" 10.78.9.9 -p 6001-6300 --retries 1 -o jsonl:tracked 2>tracked.err
    began=$(((${EPOCHREALTIME/./} - began) / 1000))
    exec {fd}>&-
    tap_is "a tracking table of 256: complete, the same result" "$(end_of tracked .complete) $(result_of tracked)" \
        "true $(result_of ample)"
    tap_is "a tracking table of 256: not overrun once" \
        "$(nft -j list counter ip tracking overrun | jq '.nftables[] | .counter? // empty | .packets')" 0
    tap_ok "a tracking table of 256: slower ($(elapsed ample), $began ms)" test "$began" -gt "$(elapsed ample)"
    tap_ok "a tracking table of 256: said so" says tracked conntrack
    tap_like "a tracking table of 256: said before the first probe that there may be too little room" "$(cat tracked.err)" \
        'tracking table has room for 25[0-9] more, and this scan may need 600'
    tap_is "the doctor says that it is low, and what mends it" "$(doctor conntrack '[.verdict, .mend]')" \
        '["low","sudo sysctl -w net.netfilter.nf_conntrack_max=262144"]'
    umount ${CONNTRACK}_max
    nft delete table ip tracking
    echo 120 >${CONNTRACK}_tcp_timeout_syn_sent
    echo 10 >${CONNTRACK}_tcp_timeout_close
}

lost_packets() {
    nft -j list counter ip lossy lost | jq '.nftables[] | .counter? // empty | .packets'
}

# What a full table does, for a while and from the first packet on: this machine drops what begins a connection.
begin_loss() {
    nft -f - <<'END'
table ip lossy {
    counter lost { }
    chain output {
        type filter hook output priority 0
        tcp flags & (syn | ack | rst) == syn counter name lost drop
    }
}
END
}

# Before COMMAND the /proc of its own mount namespace gets the file "stat" as the kernel's counts of tracking.
with_stat() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount bash -c '
        mkdir -p proc && mount --rbind /proc proc && mount -t tmpfs tmpfs /proc && mkdir -p /proc/net/stat &&
            ln -s "$PWD/proc/self" "$PWD/proc/sys" "$PWD/proc/$$" /proc && ln -s "$PWD"/proc/self/net/[a-rt-z]* /proc/net &&
            ln -s "$PWD/proc/self/net/sockstat" /proc/net && ln -s "$PWD/stat" /proc/net/stat/nf_conntrack && exec "$@"' \
        with_stat "$@"
}

publish() {
    printf 'entries drop early_drop\n00000000 %08x 00000000\n' "$1" >stat.new && mv stat.new stat
}

# lossy_scan FILE PUBLISH: a scan whose first 150 packets or more get lost on this machine; with 1 the kernel counts them.
lossy_scan() {
    local pid
    publish 0
    begin_loss
    with_stat "$SCAN" 10.77.0.2 -p 90-1500 --rate 1000 --retries 0 -o "jsonl:$1" 2>"$1.err" &
    pid=$!
    until (($(lost_packets) >= 150)) || ! kill -0 "$pid" 2>/dev/null; do
        if (($2)); then
            publish "$(lost_packets)"
        fi
        sleep 0.02
    done
    nft flush chain ip lossy output
    if (($2)); then
        publish "$(lost_packets)"
    fi
    wait "$pid"
    nft delete table ip lossy
}

test_lost_packets() {
    "$SCAN" 10.77.0.2 -p 90-1500 --retries 0 -o jsonl:well 2>well.err
    lossy_scan blind 0
    tap_ok "packets lost here that nothing counts leave ports unseen: $(ports_of blind | grep -c no-response)" \
        test "$(ports_of blind | grep -c no-response)" -ge 150
    lossy_scan counted 1
    tap_is "those that tracking counts are sent again: complete, the same result" \
        "$(end_of counted .complete) $(result_of counted)" "true $(result_of well)"
    tap_ok "and said" says counted conntrack-lost
    tap_ok "slower than without the loss ($(elapsed blind), $(elapsed counted) ms)" \
        test "$(elapsed counted)" -gt "$(elapsed blind)"
}

# ---- thousands of connections ---------------------------------------------------------------------------------------------

# Fields of /proc/PID/status, kB.
status_of() {
    awk -v field="$2:" '$1 == field { print $2 }' "/proc/$1/status"
}

in_flight() {
    awk '$1 == "TCP:" { print $3 }' /proc/net/sockstat
}

# Stacks of a thread each would be 80 GB.
test_ten_thousand() {
    local pid idle_kb busy_kb threads count
    if (($(ulimit -Hn) < 16384)); then
        tap_skip "10,000 connections at once" "needs 16384 descriptors, $(ulimit -Hn) are allowed"
        return
    fi
    BIN=$PLAIN_BIN "$SCAN" 10.79.0.0/16 -p 80 --retries 0 --state flight.state -o jsonl:flight 2>flight.err &
    pid=$!
    await 5 at_least 200 in_flight
    idle_kb=$(status_of "$pid" VmRSS)
    await 30 at_least 10000 in_flight
    count=$(in_flight)
    busy_kb=$(status_of "$pid" VmRSS)
    threads=$(status_of "$pid" Threads)
    kill -TERM "$pid"
    wait "$pid"
    tap_ok "10,000 connections to silent hosts are on their way at once ($count)" test "$count" -ge 10000
    tap_ok "10,000 connections take no thread each ($threads threads, $(nproc) processors)" \
        test "$threads" -le "$(($(nproc) + 1))"
    tap_ok "10,000 connections take under 1 KiB of memory each ($idle_kb kB before, $busy_kb kB now)" \
        test "$(((busy_kb - idle_kb) * 1024))" -lt "$((1024 * count))"
}

test_silent() {
    local begun elapsed_ms
    if (($(ulimit -Hn) < 16384)); then
        tap_skip "254 silent hosts end soon" "needs 16384 descriptors, $(ulimit -Hn) are allowed"
        return
    fi
    begun=${EPOCHREALTIME/./}
    "$SCAN" 10.79.0.1-254 -o jsonl:silent 2>silent.err
    elapsed_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    tap_is "254 silent hosts: all down" "$(end_of silent '[.complete, .hosts_up, .hosts_down, .open]')" '[true,0,254,0]'
    tap_ok "254 silent hosts end soon (took $elapsed_ms ms)" test "$elapsed_ms" -le 20000
}

# ---- the way back, the far side --------------------------------------------------------------------------------------------

# A network ACL without ephemeral ports outbound: the SYN goes through, the SYN-ACK never returns. That the way back is to blame
# only declared rules can tell; seen from here the port is filtered, and silent.
test_return_path() {
    target nft -f - <<'END'
table inet acl {
    counter arrived { }
    chain input {
        type filter hook input priority -10;
        ip daddr 10.77.0.3 tcp flags & (syn | ack | rst) == syn counter name arrived
    }
    chain output {
        type filter hook output priority 0;
        ip saddr 10.77.0.3 tcp dport 1024-65535 drop
    }
}
END
    "$SCAN" 10.77.0.3 -p 20001-20005 -o jsonl:oneway 2>oneway.err
    tap_is "a way back that is shut: filtered, no response" "$(ports_of oneway)" "$(printf '10.77.0.3 %s filtered no-response\n' {20001..20005})"
    tap_is "a way back that is shut: the probes did arrive, three tries for each port" \
        "$(target nft -j list counter inet acl arrived | jq '.nftables[] | .counter? // empty | .packets')" 15
    tap_is "a way back that is shut: a host that never answered is not called up" \
        "$(end_of oneway '[.complete, .hosts_up, .hosts_down, .open]')" '[true,0,1,0]'
    target nft delete table inet acl
}

far_drops() {
    target nstat -az TcpExtListenDrops TcpExtTCPReqQFullDrop | awk 'NR > 1 { sum += $2 } END { print sum }'
}

half_open() {
    target ss -Htn state syn-recv | wc -l
}

under_way() {
    ss -Htn state syn-sent | wc -l
}

# Other clients, whose answers get lost on their way, hold all places in the listen queues of 60 ports (one or two each, as
# kernels count): over there a half-open connection is given up after a second.
occupy() {
    local client
    ip route add 10.77.0.3 dev cable src 10.77.0.9
    nft 'table ip other { chain input { type filter hook input priority 0; ip daddr 10.77.0.9 drop; }; }'
    occupiers=()
    for client in 1 2 3; do
        "$SCAN" 10.77.0.3 -p 21001-21060 --retries 0 -o "jsonl:other.$client" 2>"other.err.$client" &
        occupiers+=($!)
    done
    await 5 equals 180 under_way || tap_fail "the queues are full"
    ip route del 10.77.0.3 dev cable src 10.77.0.9
}

test_backlog() {
    local before
    target bash -c 'echo 1 >/proc/sys/net/core/somaxconn; echo 0 >/proc/sys/net/ipv4/tcp_synack_retries
        echo 0 >/proc/sys/net/ipv4/tcp_syncookies'
    listen target 10.77.0.3 {21001..21060} || tap_fail "the target listens with a queue of one"
    ip addr add 10.77.0.9/32 dev lo
    occupy
    before=$(far_drops)
    "$SCAN" 10.77.0.3 -p 21001-21060 -o jsonl:full 2>full.err
    wait "${occupiers[@]}"
    tap_ok "full listen queues: probes were dropped over there ($(($(far_drops) - before)))" \
        test "$(far_drops)" -ge "$((before + 60))"
    tap_is "full listen queues: retransmission finds all" "$(end_of full '[.complete, .open]')" '[true,60]'
    tap_ok "full listen queues: the loss is measured and told ($(end_of full .loss))" jq -se 'last.loss > 0' full
    tap_ok "full listen queues: the host is asked more gently, and that is said" says full eased
    nft delete table ip other
    await 10 equals 0 half_open
    target bash -c 'echo 1 >/proc/sys/net/ipv4/tcp_syncookies'
    occupy
    "$SCAN" 10.77.0.3 -p 21001-21060 -o jsonl:cookies 2>cookies.err
    wait "${occupiers[@]}"
    tap_is "full listen queues and SYN cookies: all found at the first try" \
        "$(end_of cookies '[.complete, .open, .probes_sent]')" '[true,60,60]'
    nft delete table ip other
    ip addr del 10.77.0.9/32 dev lo
}

# ---- the doctor ------------------------------------------------------------------------------------------------------------

# heals CHECK: the command that the doctor names makes it well.
heals() {
    local mend
    mend=$(doctor "$1" .mend)
    mend=$(jq -r . <<<"$mend")
    bash -c "${mend#sudo }" >/dev/null && [[ $(doctor "$1" .verdict) == '"well"' ]]
}

test_doctor() {
    local fd
    tap_is "the doctor: few descriptors" "$(ulimit -n 64 && doctor open-files-hard '[.verdict, .found]')" '["low","64"]'
    tap_is "the doctor: few local ports" "$(
        echo "40000 40099" >/proc/sys/net/ipv4/ip_local_port_range
        doctor ephemeral-ports '[.verdict, .found]'
    )" '["low","40000-40099 (100)"]'
    tap_ok "the doctor: its command mends few local ports" heals ephemeral-ports
    echo 4 >/proc/sys/net/ipv4/tcp_max_tw_buckets
    for _ in 1 2 3; do
        exec {fd}<>/dev/tcp/127.0.0.1/2222
        exec {fd}>&-
    done
    await 5 equals '"low"' doctor time-wait .verdict
    tap_is "the doctor: a table of closed connections nearly full" "$(doctor time-wait .verdict)" '"low"'
    tap_ok "the doctor: its command mends that" heals time-wait
    tap_is "the doctor: no right to raw sockets, and the command" "$(
        setpriv --bounding-set=-net_raw --inh-caps=-net_raw "$BIN/leastport-scan" --doctor --json |
            jq -r '.[] | select(.check == "raw-sockets") | .verdict, .mend'
    )" "low
sudo setcap cap_net_raw=ep $(readlink -f "$BIN/leastport-scan")"
    tap_is "the doctor: what is low is the exit status" "$(
        ulimit -n 64
        "$SCAN" --doctor >doctor.out
        echo "$?"
    )" 1
    tap_like "the doctor: the table has the command, too" "$(cat doctor.out)" 'prlimit --pid \$\$ --nofile=65536:65536'
}

if ! target_create || ! target ip addr add 10.77.0.3/24 dev cable; then
    tap_fail "the namespaces can be made"
    tap_done
    exit
fi
listen target 10.77.0.2 22 || tap_fail "the target listens"
listen target 10.78.9.9 6001 6002 6003 6004 6005 6101 6102 6103 6296 6300 || tap_fail "the silent target listens"
listen here 127.0.0.1 2222 || tap_fail "we listen"
test_descriptors
test_time_wait
test_ports
test_conntrack
test_small_conntrack
test_lost_packets
test_silent
test_ten_thousand
test_return_path
test_backlog
test_doctor
tap_done
