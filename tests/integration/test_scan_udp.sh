#!/usr/bin/env bash
# The scan of UDP ports from outside: on link, behind a router and on this machine, IPv4 and IPv6; what answers, what refuses, what
# a firewall says, what stays silent; hosts that limit their ICMP errors; answers that are none. Prints TAP; nothing leaves the
# test's own namespaces.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
export BIN
# shellcheck source=tests/integration/place.sh
. "$HERE/place.sh"

SERVICES=53,69,111,123,137,161,443,500,1900,3478,5060,5353,5683,7777,11211

scan() {
    "$BIN/leastport-scan" "$@"
}

# serve COMMAND... ADDRESS...: the servers, through `target` or `here`.
serve() {
    local where=$1 line
    shift
    exec {servers}< <("$where" node "$HERE/udp_servers.mjs" "$@")
    read -r -t 20 line <&"$servers" && [[ $line == ready ]]
}

udp_place() {
    target_create && serve target 10.77.0.2 fd77::2 10.78.0.5 && serve here 127.0.0.1 ::1 &&
        target nft -f - <<'END'
table inet answers {
    chain input {
        type filter hook input priority 0;
        udp dport 9001 drop
        meta nfproto ipv4 udp dport 9002 reject with icmp admin-prohibited
        meta nfproto ipv6 udp dport 9002 reject with icmpv6 admin-prohibited
        meta nfproto ipv4 udp dport 9003 reject with icmp host-unreachable
        meta nfproto ipv6 udp dport 9003 reject with icmpv6 addr-unreachable
    }
}
END
}

# What the ports of one host are to be: "port state reason".
truth() {
    local port
    for port in ${SERVICES//,/ }; do
        echo "$port open udp-response"
    done
    echo "8888 open|filtered no-response"
    echo "9000 closed port-unreach"
    if [[ $1 == firewall ]]; then
        echo "9001 open|filtered no-response"
        echo "9002 filtered admin-prohibited"
        echo "9003 filtered host-unreach"
    else
        echo "9001 closed port-unreach"
        echo "9002 closed port-unreach"
        echo "9003 closed port-unreach"
    fi
}

seen() {
    ports_of "$1" | sed -n "s/^$2 //p" | sort -n
}

# Each step says how long it took.
timed() {
    local begun=$SECONDS
    "$@"
    tap_diag "$1: $((SECONDS - begun)) s"
}

test_states() {
    local host
    scan --udp -p "$SERVICES,8888,9000-9003" 10.77.0.2 fd77::2 10.78.0.5 127.0.0.1 ::1 -o jsonl:states -o xml:states.xml \
        -o table:states.txt 2>states.err
    tap_is "complete" "$(end_of states .complete)" true
    for host in 10.77.0.2 fd77::2 10.78.0.5; do
        tap_is "$host: each port as it is" "$(seen states "$host")" "$(truth firewall | sort -n)"
    done
    for host in 127.0.0.1 ::1; do
        tap_is "$host: each port as it is" "$(seen states "$host")" "$(truth none | sort -n)"
    done
    tap_is "what an answer proves itself by" \
        "$(jq -r 'select(.type == "port" and .host == "10.77.0.2" and .proof != "id") | "\(.port) \(.proof)"' states | sort -n)" \
        $'69 port\n1900 port\n7777 port'
    tap_is "the agent that speaks version 1 only was asked in it" \
        "$(jq -r 'select(.host == "10.77.0.2" and .port == 161) | .tries' states)" 2
    tap_is "XML: what was asked, and how" "$(xmllint --xpath 'string(/nmaprun/scaninfo/@type)' states.xml) $(
        xmllint --xpath 'string(/nmaprun/scaninfo/@protocol)' states.xml)" "udp udp"
    tap_is "XML: ports of UDP" "$(xmllint --xpath 'count(//port[@protocol="udp"]/state[@state="open"])' states.xml)" 75
    tap_like "the table" "$(cat states.txt)" $'53/udp +open +domain +udp-response'
}

# nmap's questions are not ours, and some services answer only one of the two: what it sees open must be so, and of what refuses it
# must think the same.
nmap_ports() {
    nmap -sU -n -Pn --max-retries 2 -p "$SERVICES,8888,9000-9003" -oX - "$1" | xmllint --xpath '//port' - |
        sed -E 's/.*portid="([0-9]*)".*state="([^"]*)" reason="([^"]*)".*/\1 \2 \3/' | sort -n
}

test_second_opinion() {
    local host opened
    for host in 10.77.0.2 10.78.0.5; do
        nmap_ports "$host" >opinion
        tap_is "nmap on $host: closed and filtered as we see them" "$(grep -v open opinion)" "$(seen states "$host" | grep -v open)"
        opened=$(grep -c ' open ' opinion)
        tap_ok "nmap on $host: its open ports are open to us ($opened)" test "$(
            grep ' open ' opinion | grep -cxFf <(seen states "$host"))" -eq "$opened" -a "$opened" -ge 4
    done
}

# A host that lets an ICMP error go only every so often: silence must not pass for an open port, nor the other way round.
limited_truth() {
    local port
    for ((port = 1; port <= 160; port++)); do
        case ,$SERVICES, in
            *,$port,*) echo "$port open udp-response" ;;
            *) echo "$port closed port-unreach" ;;
        esac
    done
    echo "8888 open|filtered no-response"
    echo "9001 open|filtered no-response"
}

limit_errors() {
    target bash -c "echo $1 >/proc/sys/net/ipv4/icmp_ratelimit; echo 6168 >/proc/sys/net/ipv4/icmp_ratemask
        echo $1 >/proc/sys/net/ipv6/icmp/ratelimit"
}

test_limits() {
    local host
    limit_errors 40
    scan --udp -p 1-160,8888,9001 10.77.0.2 fd77::2 -o jsonl:limited 2>limited.err
    for host in 10.77.0.2 fd77::2; do
        tap_is "25 errors a second: $host" "$(seen limited "$host")" "$(limited_truth)"
    done
    tap_is "retries are what patience is made of: none without" "$(scan --udp -p 1-160 10.77.0.2 --retries 0 -o jsonl:- 2>/dev/null |
        jq -r 'select(.type == "host") | .not_shown[] | select(.state == "open|filtered") | .count > 120')" true
    limit_errors 150
    "$BIN/leastport-scan" --udp -p 1-160 10.77.0.2 -o jsonl:cut --state cut.state 2>cut.err &
    sleep 2
    kill -TERM $!
    wait $!
    tap_is "interrupted while it waits: resumable" $? 130
    limit_errors 20
    scan --resume cut.state -o jsonl:resumed 2>resumed.err
    tap_is "resumed: the same as in one go" "$(seen resumed 10.77.0.2)" "$(limited_truth | head -n 160)"
    tap_is "resumed: each port is told once" "$(jq -r 'select(.type == "port") | .port' resumed | sort | uniq -d)" ""
    # Of one that was not asked just now: whoever has no error left to send says nothing at first.
    limit_errors 400
    "$BIN/leastport-scan" --udp -p 1-160 fd77::2 -o jsonl:slow --state slow.state 2>slow.err &
    until grep -qs 'ICMP errors a second' slow.err || ! kill -0 $! 2>/dev/null; do
        sleep 0.1
    done
    kill -TERM $! 2>/dev/null
    wait $!
    tap_like "a long wait is announced" "$(cat slow.err)" \
        'fd77::2: it sends only about 2\.[0-9] ICMP errors a second: .* silent ports are closed takes up to [0-9]+ s'
    target bash -c 'echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; echo 0 >/proc/sys/net/ipv4/icmp_ratemask
        echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
}

# What the command line and a plan say of UDP.
test_words() {
    tap_is "names are those of UDP" "$(scan --udp -p snmp,tftp,1 10.77.0.2 -o jsonl:- 2>/dev/null |
        jq -r 'select(.type == "port") | .port' | sort -n | paste -sd,)" 69,161
    tap_like "no TCP name" "$(scan --udp -p ssh 10.77.0.2 2>&1)" 'no UDP service is called "ssh"'
    tap_is "common ports are those of UDP" "$(scan --udp 127.0.0.1 -o jsonl:- 2>/dev/null |
        jq -r 'select(.type == "port") | .port' | sort -n | paste -sd,)" 53,69,111,123,137,161,443,500,1900,3478,5060,5353,5683,11211
    jq -n '{schema: "leastport.plan/1", realm: "r", vantage: "v", targets: ["10.77.0.2"], ports: "9000", probes: ["udp"],
        watch: [{host: "10.77.0.2", proto: "udp", port: 53}, {host: "10.77.0.2", proto: "udp", port: 8888}],
        canary: {host: "10.77.0.2", proto: "udp", port: 123}}' | scan --plan - -o jsonl:watched 2>watched.err
    tap_is "watched ports have lines, whatever they are" \
        "$(jq -r 'select(.watch) | "\(.port)/\(.proto) \(.state)"' watched | sort -n)" $'53/udp open\n8888/udp open|filtered'
    tap_is "the canary is asked by UDP" "$(jq -r 'select(.type == "canary") | "\(.proto) \(.state) \(.phase)"' watched)" \
        $'udp answered start\nudp answered end'
}

# Answers to somebody else's question, and from somewhere else.
test_forgeries() {
    local line
    exec {forger}< <(target node -e '
        const socket = require("dgram").createSocket("udp4");
        socket.on("message", (query, from) => {
            const answer = Buffer.from(query);
            answer[0] ^= 0x55;
            answer[2] |= 0x80;
            socket.send(answer, from.port, from.address);
        });
        socket.bind(53, "10.78.0.66", () => {
            const elsewhere = require("dgram").createSocket("udp4");
            const other = require("dgram").createSocket("udp4");
            other.bind(7777, "10.78.0.68", () => elsewhere.bind(7777, "10.78.0.67", () => console.log("ready")));
            elsewhere.on("message", (query, from) => other.send("hello", from.port, from.address));
        });')
    read -r -t 20 line <&"$forger"
    scan --udp -p 53 10.78.0.66 -o jsonl:forged 2>/dev/null
    tap_is "the wrong transaction id opens nothing" "$(seen forged 10.78.0.66)" "53 open|filtered no-response"
    scan --udp -p 7777 10.78.0.67 -o jsonl:elsewhere 2>/dev/null
    tap_is "an answer from another address opens nothing" "$(ports_of elsewhere)" \
        "10.78.0.67 7777 open|filtered no-response"
    tap_like "and the scan says so, and from where it came" "$(jq -r 'select(.code == "forged") | .message' elsewhere)" \
        'not taken for answers: [1-9][0-9]* packets .*\(from another address than was asked, .*the first from 10\.78\.0\.68\)'
}

# Below 1280 octets an interface has no IPv6 any more, so this comes last.
test_mtu() {
    ip link set cable mtu 600
    scan --udp 10.77.0.2 -p 53,123,443,9000 -o jsonl:small 2>small.err
    tap_is "a question longer than the MTU leaves no other out" "$? $(seen small 10.77.0.2 | xargs)" \
        "0 53 open udp-response 123 open udp-response 443 open|filtered no-response 9000 closed port-unreach"
    tap_like "and the scan says so" "$(jq -r 'select(.code == "unsendable") | .message' small)" 'Message too long \(longer than the MTU'
}

if udp_place; then
    timed test_states
    timed test_second_opinion
    timed test_words
    timed test_forgeries
    timed test_limits
    timed test_mtu
else
    tap_fail "a place to scan in"
fi
tap_done
