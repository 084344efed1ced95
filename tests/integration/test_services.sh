#!/usr/bin/env bash
# What the scan says of services: real and hostile servers by both engines, a host that accepts every port, what becomes of it when
# the scan is interrupted or killed. Prints TAP; nothing leaves the test's own namespaces.
# test_services.sh STEP...: only these, of those below.
set -uo pipefail
SCRIPT=$(readlink -f -- "${BASH_SOURCE[0]}")
HERE=$(dirname -- "$SCRIPT")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
PLAIN_BIN=$(readlink -f -- "${LEASTPORT_PLAIN_BIN:-$BIN}")
REPEATS=${LEASTPORT_TEST_REPEATS:-2}
export BIN

# Each line of steps has a place and servers of its own, and all run side by side: they wait for servers that take their time.
if (($# == 0)); then
    # shellcheck source=tests/tap.sh
    . "$HERE/../tap.sh"
    tap_parts_of "$SCRIPT" <<'END'
hostile
truth options printers
every_port
interruption
kill
END
fi

# shellcheck source=tests/integration/place.sh
. "$HERE/place.sh"

# Of a host that accepts every port some 200 are asked, those where a protocol is likely; all of them would be 65,535 at least.
EVERY_PORT_QUESTIONS=1500
TRUE_PORTS=22,80,443,2022,3306,8998,8999
DULL_PORTS=7001-7005
HOSTILE_PORTS=7101-7110

# plan FILE PROBE PORTS TARGET...: one that asks for services.
plan() {
    local file=$1 probe=$2 ports=$3
    shift 3
    jq -n --arg probe "$probe" --arg ports "$ports" '{schema: "leastport.plan/1", realm: "default", vantage: "local",
        targets: $ARGS.positional, ports: $ports, probes: [$probe], slab: {probes: 65536, hosts: 16},
        services: {doors: true}}' --args "$@" >"$file"
}

# What is said of each endpoint: "host port service tls versions behaviour".
services_of() {
    jq -r 'select(.type == "service") | .facts as $f | [.host, .port, ($f.service // "-"), ($f.tls // false), ($f["tls.versions"] // "-"),
        ($f.behaviour // "-")] | map(tostring) | join(" ")' "$1" | LC_ALL=C sort
}

# The lines whose order is fixed, one letter each: a port's, a service's, a host's.
disorder_of() {
    jq -r 'select(.type == "port" or .type == "service" or .type == "host") | "\(.type) \(.host)"' "$1" | awk '
        $1 == "port" && (($2 in service) || ($2 in host)) { print "a port after " $2 }
        $1 == "service" && ($2 in host) { print "a service after its host " $2 }
        $1 == "service" { service[$2] = 1 }
        $1 == "host" { host[$2] = 1 }'
}

counted() {
    target nft -j list counter ip middlebox "$1" | jq '.nftables[] | .counter? // empty | .packets'
}

place() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 \
        -subj /CN=test.example 2>openssl.err && target_create || return 1
    exec {servers}< <(target node "$HERE/service_servers.mjs" 0.0.0.0 "$WORK")
    local line
    read -r -t 20 line <&"$servers" && [[ $line == ready ]] || return 1
    # A middlebox that answers for 10.78.9.10, with an SSH server behind it.
    target nft -f - <<'END'
table ip middlebox {
    counter asked { }
    counter printed { }
    chain count {
        type filter hook prerouting priority -300;
        ip daddr 10.78.9.10 tcp flags & psh == psh counter name asked
        tcp dport 9100-9107 tcp flags & (psh | ack) == psh | ack counter name printed
    }
    chain before {
        type nat hook prerouting priority dstnat;
        ip daddr 10.78.9.10 tcp dport != 22 redirect to :7001
        ip daddr 10.78.9.11 tcp dport 10000-11099 redirect to :7002
    }
}
END
}

truth() {
    sed "s/^/$1 /" <<'END'
2022 ssh false - -
22 ssh false - -
3306 http false - -
443 http true 1.2 1.3 -
7001 - false - silent
7002 - false - closes
7003 - false - resets
7004 - false - silent
7005 - false - closes
80 http false - -
8998 ssh true 1.2 -
8999 http true 1.2 1.3 -
END
}

test_truth() {
    local probe said ports=$TRUE_PORTS,$DULL_PORTS,9
    for probe in connect syn; do
        plan plan.json "$probe" "$ports" 10.77.0.2
        timeout 120 "$BIN/leastport-scan" --plan plan.json -o "jsonl:$probe" 2>"$probe.err"
        tap_is "$probe: exit 0, nothing on stderr but how it sends" "$? $(grep -v -e 'link driver' "$probe.err")" "0 "
        said=$(services_of "$probe")
        tap_is "$probe: each service is found on each port, and what is none is told as what it is" "$said" \
            "$(truth 10.77.0.2 | LC_ALL=C sort | awk -v ports="$ports" 'index("," ports ",", "," $2 ",") || ports ~ /-/')"
        tap_is "$probe: ports, services, hosts" "$(disorder_of "$probe")" ""
        tap_is "$probe: the certificate is told once, before who shows it" \
            "$(jq -r 'select(.type == "certificate" or (.facts["cert.sha256"]? // "") != "") | .type' "$probe" | uniq -c | xargs)" \
            "1 certificate $(jq -c 'select(.type == "service")' "$probe" | grep -c '"cert.sha256"') service"
        # What is silent needs its time once.
        ports=22,80,443,2022,3306,8998,8999,7002,9
    done
}

test_hostile() {
    local bounded
    plan floods.json connect 7101,7102,7105,7106 10.77.0.2
    (
        ulimit -v 400000
        exec timeout 200 "$PLAIN_BIN/leastport-scan" --plan floods.json -o jsonl:bounded 2>bounded.err
    ) &
    bounded=$!
    plan plan.json connect "$HOSTILE_PORTS" 10.77.0.2
    timeout 200 "$BIN/leastport-scan" --plan plan.json -o jsonl:hostile 2>hostile.err
    tap_is "hostile servers: exit 0" "$?" 0
    tap_is "hostile servers: each is told of once" \
        "$(services_of hostile | awk '{ print $2 }' | sort -n | xargs)" "7101 7102 7103 7104 7105 7106 7107 7108 7109 7110"
    tap_ok "hostile servers: within two minutes ($(end_of hostile .elapsed_ms) ms)" test "$(end_of hostile .elapsed_ms)" -le 120000
    tap_is "hostile servers: nothing of theirs is written as it stands" "$(grep -c -P '[\x00-\x08\x0b-\x1f\x7f]' hostile)" 0
    tap_is "what greets in an unknown tongue is quoted" \
        "$(jq -r 'select(.type == "service" and .port == 7110) | .facts.banner' hostile)" "nobody knows this"
    wait "$bounded"
    tap_is "floods: in bounded memory" "$? $(services_of bounded | wc -l)" "0 4"
}

test_every_port() {
    local asked
    plan plan.json syn 1-65535 10.78.9.10
    timeout 200 "$BIN/leastport-scan" --plan plan.json -o jsonl:middlebox 2>middlebox.err
    tap_is "a host with every port open: exit 0" "$?" 0
    # How long it takes is for bench/ to say.
    asked=$(counted asked)
    tap_ok "a host with every port open: is asked few questions ($asked)" test "$asked" -ge 1 -a "$asked" -le "$EVERY_PORT_QUESTIONS"
    tap_is "a host with every port open: all are told as open" \
        "$(jq -r 'select(.type == "port") | .state' middlebox | sort | uniq -c | xargs)" "65535 open"
    tap_is "a host with every port open: one result, and the real service" \
        "$(services_of middlebox)" "10.78.9.10 1 - false - every-port"$'\n'"10.78.9.10 22 ssh false - -"
    tap_is "a host with every port open: one notice of it" \
        "$(jq -r 'select(.type == "notice") | .code' middlebox | grep -c every-port)" 1
    # So many ports that they hardly are all real, and they are: control ports decide.
    plan plan.json connect 10000-11099 10.78.9.11
    timeout 200 "$BIN/leastport-scan" --plan plan.json -o jsonl:real 2>real.err
    tap_is "many open ports of a host that does not accept every one are asked each" "$(services_of real | awk '{ print $3, $6 }' | uniq -c | xargs)" \
        "1100 - closes"
    # So few ports that they may all be real: control ports decide.
    plan plan.json connect 22,4001,4002 10.78.9.10 10.77.0.2
    timeout 200 "$BIN/leastport-scan" --plan plan.json -o jsonl:few 2>few.err
    tap_is "control ports tell a middlebox by three ports" \
        "$(services_of few)" \
        "10.77.0.2 22 ssh false - -"$'\n'"10.78.9.10 22 ssh false - -"$'\n'"10.78.9.10 4001 - false - every-port"
}

# The same endpoints told, each once, whatever happened. By one engine, which chance chooses; a release asks both.
test_interruption() {
    local probe pid command
    local -a probes=(connect syn)
    if ((REPEATS < 10)); then
        probes=("${probes[RANDOM % 2]}")
    fi
    for probe in "${probes[@]}"; do
        plan plan.json "$probe" 22,80,443,2022,3306,8998,8999,7002 10.78.0.1-8
        timeout 300 "$BIN/leastport-scan" --plan plan.json -o jsonl:whole 2>whole.err
        # Slowly, so that there is something left to be interrupted.
        jq '.rate_pps = 60' plan.json >slow.json
        rm -f st part
        "$BIN/leastport-scan" --plan slow.json --state st -o jsonl:part 2>part.err &
        pid=$!
        until grep -q '"type":"service"' part 2>/dev/null; do
            sleep 0.05
        done
        kill -INT "$pid"
        wait "$pid"
        tap_is "$probe: SIGINT while services are asked: exit 130, and the last line says so" \
            "$? $(end_of part '[.complete, .cause]')" '130 [false,"interrupted"]'
        tap_ok "$probe: not all was told by then" test "$(services_of part | wc -l)" -lt "$(services_of whole | wc -l)"
        command=$(sed -n 's/.*to go on: //p' part.err)
        bash -c "$command" 2>resume.err
        tap_is "$probe: resumed: exit 0, each endpoint once, the result of an undisturbed run" \
            "$? $(diff <(services_of part) <(services_of whole))" "0 "
        tap_is "$probe: resumed: ports and hosts as undisturbed" "$(result_of part | md5sum)" "$(result_of whole | md5sum)"
        tap_is "$probe: resumed: ports, services, hosts" "$(disorder_of part)" ""
    done
}

test_kill() {
    local i pid said=""
    plan plan.json connect 22,80,443,8998 10.78.0.1-48
    timeout 300 "$BIN/leastport-scan" --plan plan.json -o jsonl:whole 2>whole.err
    for ((i = 0; i < REPEATS; i++)); do
        rm -f killed torn again
        "${TAP_NO_LEAKS[@]}" "$BIN/leastport-scan" --plan plan.json --state killed -o jsonl:torn 2>torn.err &
        pid=$!
        sleep "$((RANDOM % 2)).$((RANDOM % 10))"
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        [[ -s killed ]] || continue
        "$BIN/leastport-scan" --resume killed -o jsonl:again 2>again.err || said+="exit $? "
        [[ $(services_of again) == "$(services_of whole)" ]] || said+="other services "
        [[ $(result_of again) == "$(result_of whole)" ]] || said+="other ports "
        said+=$(disorder_of again)
    done
    tap_is "kill -9 at $REPEATS moments, resumed: the same result" "$said" ""
}

# Printers print whatever comes to these ports.
test_printers() {
    local probe ports=7001,9100,9103,9107,9108
    for probe in connect syn; do
        plan plan.json "$probe" "$ports" 10.77.0.2
        timeout 200 "$BIN/leastport-scan" --plan plan.json -o jsonl:spared 2>spared.err
        tap_is "$probe: ports where printers print are told as not asked" "$(services_of spared)" \
            "10.77.0.2 7001 - false - silent"$'\n'"10.77.0.2 9100 - false - not-asked"$'\n'"10.77.0.2 9103 - false - not-asked"$'\n'"10.77.0.2 9107 - false - not-asked"$'\n'"10.77.0.2 9108 ssh false - -"
        tap_is "$probe: and nothing is sent there" "$(counted printed)" 0
    done
    "$BIN/leastport-scan" 10.77.0.2 -p 9100 --connect --services -o table:- >spared.table 2>spared.err
    tap_ok "the table says why" grep -q 'not asked: printers print what they are sent' spared.table
    "$BIN/leastport-scan" 10.77.0.2 -p "$ports" --connect --services --ask-printers -o jsonl:printed 2>printed.err
    tap_is "--ask-printers: they are asked as others are" "$(services_of printed | awk '{ print $2, $3 }' | xargs)" \
        "7001 - 9100 http 9103 ssh 9107 ssh 9108 ssh"
    tap_ok "--ask-printers: by what they would print ($(counted printed) segments)" test "$(counted printed)" -ge 1
}

# The same by the command line; without --services nobody is asked.
test_options() {
    "$BIN/leastport-scan" 10.77.0.2 -p 22,80 --connect -o jsonl:plain 2>options.err
    tap_is "without --services: ports and no services" "$(jq -r .type plain | grep -c -e '^service$')" 0
    "$BIN/leastport-scan" 10.77.0.2 -p 22,80 --connect --services -o jsonl:asked 2>options.err
    tap_is "--services: what answers, doors too" \
        "$(services_of asked | awk '{ print $2, $3 }' | xargs) $(jq -c 'select(.type == "scan_start") | .plan.services' asked)" \
        '22 ssh 80 http {"doors":true}'
    "$BIN/leastport-scan" 10.77.0.2 -p 22,80 --connect --services --no-door-checks -o jsonl:closed 2>options.err
    tap_is "--no-door-checks: the same without doors" \
        "$(services_of closed | awk '{ print $2, $3 }' | xargs) $(jq -c 'select(.type == "scan_start") | .plan.services' closed)" \
        '22 ssh 80 http {"doors":false}'
}

if place; then
    for step in "$@"; do
        "test_$step"
    done
else
    tap_fail "the test's place can be made" "$(cat openssl.err)"
fi
tap_done
