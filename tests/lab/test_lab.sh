#!/usr/bin/env bash
# Tests of the lab itself; prints TAP. Without an argument it is the outside, which starts labs; the inside_* functions run as a
# lab's command and print "ok - …" lines that the outside numbers.
# Runner: first, it starts more than sixty labs.
# The checks are strings for bool(), which evaluates them later, and jq programs: their $ is not for now.
# shellcheck disable=SC2016
set -uo pipefail

HERE=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
LAB=${LAB:-$HERE/lab}
CACHE=${LEASTPORT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/leastport/lab}
# What is open somewhere, and some that are not.
OPEN_PORTS=21,22,23,80,443,3306,3389,5432,5900,6379,8080,8090,9092,11211
ODD_PORTS=1,20-25,79-81,442-444,3305-3307,3388-3390,5431-5433,5899-5902,6378-6380,8079-8081,8089-8091,9091-9093,11210-11212,65535

# ---- inside a lab ------------------------------------------------------------------------------------------------------

report() {
    if [[ $1 == 0 ]]; then
        printf 'ok - %s\n' "$2"
    else
        printf 'not ok - %s\n' "$2"
    fi
}

# bool NAME EXPRESSION: evaluates EXPRESSION.
bool() {
    eval "$2"
    report $? "$1"
}

# same NAME EXPECTED GOT: shows the difference as TAP comments.
same() {
    local rc
    diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed 's/^/# /'
    rc=${PIPESTATUS[0]}
    report "$rc" "$1"
}

# What a scan by connects sees: `address port state` of all that is not closed. The time-out leaves room for the second SYN
# that a connect needs to learn of an ICMPv6 error (README.md).
scan() {
    nmap_scan -sT "$@"
}

# nmap_scan -sT|-sS PORTS ADDRESS...
nmap_scan() {
    local kind=$1 ports=$2
    shift 2
    if [[ $1 == *:* ]]; then
        set -- -6 "$@"
    fi
    nmap "$kind" -n -Pn -T4 --min-rtt-timeout 1300ms --max-retries 1 -p "$ports" -oG - "$@" | awk '
        /Ports:/ {
            address = $2
            sub(/.*Ports: /, ""); sub(/\t.*/, "")
            count = split($0, ports, ", ")
            for (i = 1; i <= count; i++) {
                split(ports[i], field, "/")
                if (field[2] != "closed") { print address, field[1], field[2] }
            }
        }' | sort
}

# The same from the truth, for the hosts that are up (or the ADDRESS... given).
expected() {
    jq -r --args '.hosts[] | select(.state == "up") | .ports[] | select($ARGS.positional == [] or
        (.address | IN($ARGS.positional[]))) | (.connect_state // .state) as $state | select($state != "closed") |
        "\(.address) \(.port) \($state)"' "$@" <"$LAB_TRUTH" | sort
}

up_addresses() {
    jq -r --arg family "$1" '.hosts[] | select(.state == "up") | .addresses[] |
        select(contains(":") == ($family == "6"))' "$LAB_TRUTH"
}

# A change of the lab that must succeed.
change() {
    "$LAB" "$@" || report 1 "lab $* succeeds"
}

truth_of() {
    jq -r --arg name "$1" ".hosts[] | select(.name == \$name) | $2" "$LAB_TRUTH"
}

inside_truth() {
    local addresses
    mapfile -t addresses < <(up_addresses 4)
    same "all IPv4 hosts are as the truth says" "$(expected "${addresses[@]}")" "$(scan "$ODD_PORTS" "${addresses[@]}")"
    mapfile -t addresses < <(up_addresses 6)
    same "all IPv6 hosts are as the truth says" "$(expected "${addresses[@]}")" "$(scan "$ODD_PORTS" "${addresses[@]}")"
    bool "the truth names its schema and the scanner's addresses" \
        'jq -e ".schema == \"leastport.lab-truth/1\" and .scanner == {ipv4: \"10.77.0.1\", ipv6: \"fd77::1\"}" "$LAB_TRUTH" >/dev/null'
    bool "the scanner has these addresses" '[[ $(ip -br addr show dev eth0) == *10.77.0.1/24*fd77::1/64* ]]'
}

inside_single() {
    inside_truth
    same "what cannot run with one uid is named in the truth" "apache at twins, postgres at db, sshd at bastion, sshd at nomad, sshd at six, sshd at wall" \
        "$(jq -r '[.skipped[] | "\(.server) at \(.host)"] | sort | join(", ")' "$LAB_TRUTH")"
    misuse "a skipped server cannot be started" 'is skipped' "$LAB" service db postgres start
    change tenant edge
    same "a tenant comes without what is skipped" "$(expected 10.77.0.20)" "$(scan 22,80,443 10.77.0.20)"
}

# Whether each open port of the truth accepts a connection.
inside_glance() {
    local address port
    while read -r address port _; do
        answers "$address" "$port" || return 1
    done < <(expected | grep ' open$')
}

inside_all_ports() {
    same "edge and wall are as the truth says on all 65,535 ports" "$(expected 10.77.0.20 10.77.0.60)" \
        "$(scan 1-65535 10.77.0.20 10.77.0.60)"
    same "an address that nobody holds has no open and no closed port" "10.77.0.70 22 filtered" "$(scan 22 10.77.0.70)"
    bool "nobody's address is down in the truth, without ports" '[[ $(truth_of ghost "[.state, .ports] | tostring") == "[\"down\",[]]" ]]'
    same "a raw scan sees the reasons that the truth has" \
        "$(truth_of wall '.ports[] | select(.address == "10.77.0.60") | "\(.port) \(.state) \(.reason)"')" \
        "$(nmap -sS -n -Pn --reason -p 22,3306,3389,5900,5901 10.77.0.60 | awk '/^[0-9]+\/tcp/ { sub("/tcp", "", $1); print $1, $2, $4 }')"
}

# What a scan by raw SYNs sees, in the words of the truth: `address port state reason` of all that is not closed.
raw_scan() {
    local ports=$1
    shift
    "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}/leastport-scan" --syn "$@" -p "$ports" --state "$LAB_DIR/raw.state" -o jsonl:- \
        2>"$LAB_DIR/raw.err" |
        jq -r 'if .type == "port" then "\(.host) \(.port) \(.state) \(.reason)"
            elif .type == "host" then .host as $host | .not_shown[] | select(.state != "closed") | .state as $state
                | .reason as $reason | .ports | split(",")[] | split("-") | map(tonumber) | range(.[0]; .[-1] + 1)
                | "\($host) \(.) \($state) \($reason)"
            else empty end' | sort
}

# opinion NAME HOST ADDRESSES: which of OPEN_PORTS that scanner sees open there, "address port". Both send to one hardware address only,
# so each host is a run of its own.
opinion() {
    local mac port
    mac=$(truth_of "$2" .mac)
    case $1 in
    masscan)
        timeout 30 masscan "$3" -p "$OPEN_PORTS" -e eth0 --source-ip 10.77.0.1 --router-mac "$mac" --rate 1000 --wait 2 -oL - \
            2>/dev/null </dev/null | awk '$1 == "open" { print $4, $3 }'
        ;;
    zmap)
        for port in ${OPEN_PORTS//,/ }; do
            tr , '\n' <<<"$3" >"$LAB_DIR/zmap.$2"
            timeout 30 zmap -q -v 0 -p "$port" -i eth0 -G "$mac" -S 10.77.0.1 -r 1000 -c 1 -b /dev/null -w "$LAB_DIR/zmap.$2" \
                2>/dev/null </dev/null | sed "s/$/ $port/"
        done
        ;;
    esac
}

# Side by side: each of them waits most of the time.
opinions() {
    local name=$1 host addresses
    while read -r host addresses; do
        if [[ -n $addresses ]]; then
            opinion "$name" "$host" "$addresses" >"$LAB_DIR/opinion.$host" &
        fi
    done < <(jq -r '.hosts[] | select(.state == "up") | "\(.name) \([.addresses[] | select(contains(":") | not)] | join(","))"' "$LAB_TRUTH")
    wait
}

inside_raw() {
    local family name ours wanted seen look
    local -a addresses
    mapfile -t addresses < <(up_addresses 4; up_addresses 6)
    ours=$(raw_scan "$ODD_PORTS" "${addresses[@]}")
    same "by raw SYNs all hosts are as the truth says, reasons too" \
        "$(jq -r '.hosts[] | select(.state == "up") | .ports[] | select(.state != "closed") | "\(.address) \(.port) \(.state) \(.reason)"' \
            "$LAB_TRUTH" | sort)" "$ours"
    for family in 4 6; do
        mapfile -t addresses < <(up_addresses "$family")
        same "nmap -sS agrees about each port of all hosts (IPv$family)" \
            "$(grep "^[^ ]*$([[ $family == 4 ]] && printf '[.]' || printf :)" <<<"$ours" | cut -d ' ' -f 1-3)" \
            "$(nmap_scan -sS "$ODD_PORTS" "${addresses[@]}")"
    done
    for name in masscan zmap; do
        if ! command -v "$name" >/dev/null; then
            printf 'ok - %s agrees about all hosts # SKIP %s is not installed\n' "$name" "$name"
            continue
        fi
        # They ask each port once and lose an answer now and then: what they have seen in up to five looks counts.
        wanted=$(awk '$3 == "open" && $1 !~ /:/ { print $1, $2 }' <<<"$ours")
        seen=
        for look in 1 2 3 4 5; do
            opinions "$name"
            seen=$(sort -u - "$LAB_DIR"/opinion.* <<<"$seen" | grep .)
            rm "$LAB_DIR"/opinion.*
            if [[ $seen == "$wanted" ]]; then
                break
            fi
        done
        same "$name agrees about all hosts" "$wanted" "$seen"
        printf '# looks that it took: %s\n' "$look"
    done
}

answers() {
    timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null
}

banner() {
    timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2; ${3:-:}; IFS= read -r -n \${4:-60} line <&3; printf %s \"\$line\"" 2>/dev/null
}

page() {
    timeout 5 bash -c "exec 3<>/dev/tcp/$1/$2; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"
}

shop() {
    chroot "$LAB_DIR/root" mariadb --no-defaults -h 10.77.0.110 -u shop -N "$@" -e 'SELECT 1' 2>/dev/null
}

# kafka VERSION: what stream answers to ApiVersions (key 18, correlation id 0x01020304, client id "lp"), as hexadecimal digits.
kafka() {
    timeout 5 bash -c "exec 3<>/dev/tcp/10.77.0.120/9092
        printf '\0\0\0\x0c\0\x12\0\x0$1\1\2\3\4\0\2lp' >&3; head -c $2 <&3" | od -An -v -tx1 | tr -d ' \n'
}

herd_answers() {
    local address count=0
    while read -r address; do
        if answers "$address" 80; then
            count=$((count + 1))
        fi
    done < <(jq -r '.hosts[] | select(.name == "herd") | .addresses[]' "$LAB_TRUTH")
    printf '%s' "$count"
}

inside_servers() {
    bool "bastion speaks SSH" '[[ $(banner 10.77.0.10 22) == SSH-2.0-OpenSSH* ]]'
    bool "six speaks SSH over IPv6" '[[ $(banner fd77::90 22) == SSH-2.0-OpenSSH* ]]'
    bool "edge redirects port 80" '[[ $(banner 10.77.0.20 80 "printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3") == "HTTP/1.1 301"* ]]'
    bool "edge serves its back end on 8080" '[[ $(banner 10.77.0.20 8080 "printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3") == "HTTP/1.1 200"* ]]'
    bool "edge proxies to its back end over TLS" \
        '[[ $(printf "GET / HTTP/1.0\r\n\r\n" | chroot "$LAB_DIR/root" timeout 5 openssl s_client -quiet -connect 10.77.0.20:443 2>/dev/null) == *"back end of edge"* ]]'
    bool "cache answers PING without a password" '[[ $(banner 10.77.0.30 6379 "printf \"PING\\r\\n\" >&3") == +PONG* ]]'
    bool "files greets as vsFTPd" '[[ $(banner 10.77.0.50 21) == "220 "*vsFTPd* ]]'
    bool "files' Telnet server negotiates (IAC first)" \
        '[[ $(timeout 5 bash -c "exec 3<>/dev/tcp/10.77.0.50/23; head -c1 <&3" | od -An -tx1) == " ff" ]]'
    # An SSLRequest (PostgreSQL 15 manual, 55.2.10): 8 bytes, code 80877103; the answer is one byte, S or N.
    bool "db speaks PostgreSQL" \
        '[[ $(timeout 5 bash -c "exec 3<>/dev/tcp/10.77.0.40/5432; printf \"\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f\" >&3; head -c1 <&3") == [SN] ]]'
    bool "twins has nginx and Apache side by side" \
        '[[ $(page 10.77.0.100 80) == *"Server: nginx"* && $(page fd77::100 8090) == *"Server: Apache"*"apache of twins" ]]'
    # A server's first packet is protocol version 10, then its own version (MariaDB's protocol documentation).
    bool "shop speaks MySQL" \
        '[[ $(timeout 5 bash -c "exec 3<>/dev/tcp/10.77.0.110/3306; head -c40 <&3" | tail -c +5 | tr -d "\0") == $(printf "\n")*MariaDB* ]]'
    bool "shop lets its user in, with a password only" \
        '[[ $(shop -pleastport) == 1 ]] && ! shop -pwrong >/dev/null 2>&1'
    bool "shop answers Memcached over both families" \
        '[[ $(banner 10.77.0.110 11211 "printf \"version\r\n\" >&3") == VERSION* && $(banner fd77::110 11211 "printf \"version\r\n\" >&3") == VERSION* ]]'
    same "stream answers ApiVersions 0 with its correlation id, no error and five rows" "00000028 01020304 0000 00000005" \
        "$(kafka 0 14 | sed -E 's/^(.{8})(.{8})(.{4})(.{8}).*/\1 \2 \3 \4/')"
    same "stream answers ApiVersions 3 in the flexible form" "0000002f 01020304 0000 06" \
        "$(kafka 3 14 | sed -E 's/^(.{8})(.{8})(.{4})(.{2}).*/\1 \2 \3 \4/')"
    same "stream answers a version that it does not know with error 35 in version 0" "0023" \
        "$(kafka 9 14 | cut -c17-20)"
    same "stream ends what is no Kafka" "" "$(timeout 5 bash -c 'exec 3<>/dev/tcp/10.77.0.120/9092; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3' 2>/dev/null | od -An -tx1)"
    same "herd answers on each of its 128 addresses" 128 "$(herd_answers)"
    bool "names of hosts resolve" 'answers edge.lab 80 && answers six 80'
}

inside_host() {
    change host nomad down
    bool "a host that is down is down in the truth" '[[ $(truth_of nomad .state) == down ]]'
    bool "a host that is down does not answer" '! answers 10.77.0.80 22'
    bool "another host still answers" 'answers 10.77.0.10 22'
    change host nomad up
    bool "a host that is back answers at once, over both families" 'answers 10.77.0.80 22 && answers fd77::80 6379'
    same "a host that is back is as the truth says" "$(expected 10.77.0.80)" "$(scan "$ODD_PORTS" 10.77.0.80)"
}

inside_port() {
    local action
    for action in drop reject reject-port reset; do
        change port bastion 22 "$action"
        same "port 22 under $action is as the truth says" "$(expected 10.77.0.10)" "$(scan 21-23 10.77.0.10)"
    done
    bool "a reset port is listed as closed by reset" '[[ $(truth_of bastion ".ports[0].state + .ports[0].reason") == closedreset ]]'
    change port bastion 22 allow
    same "port 22 is open again" "10.77.0.10 22 open" "$(scan 21-23 10.77.0.10)"
    change port wall 3306 allow
    same "a filter of the plan can be lifted" "$(expected 10.77.0.60)" "$(scan 22,3306 10.77.0.60)
10.77.0.60 5900 filtered"
    change service nomad redis stop
    same "a stopped server's port is closed" "10.77.0.80 22 open" "$(scan 22,6379 10.77.0.80)"
    same "and not in the truth" "10.77.0.80 22 open" "$(expected 10.77.0.80)"
    change service nomad redis start
    same "a started server's port is open" "$(expected 10.77.0.80)" "$(scan 22,6379 10.77.0.80)"
}

served_key() {
    chroot "$LAB_DIR/root" bash -c "ssh-keyscan -t ed25519 $1 2>/dev/null | ssh-keygen -lf - | cut -d' ' -f2"
}

seen_mac() {
    ip -j neigh show to "$1" dev eth0 | jq -r '.[0].lladdr'
}

inside_tenant() {
    local key mac
    change port nomad 22 drop
    change port nomad 22 allow
    answers 10.77.0.80 22
    key=$(truth_of nomad .ssh_host_key)
    mac=$(truth_of nomad .mac)
    same "the first tenant's host key is the truth's" "$key" "$(served_key 10.77.0.80)"
    same "the first tenant's hardware address is the truth's" "$mac" "$(seen_mac 10.77.0.80)"
    change tenant nomad
    same "the next tenant is as the truth says" "$(expected 10.77.0.80)" "$(scan "$ODD_PORTS" 10.77.0.80)"
    same "it has other services" "22 80" "$(truth_of nomad '[.ports[] | select(.address == "10.77.0.80") | .port] | join(" ")')"
    same "its host key is the truth's" "$(truth_of nomad .ssh_host_key)" "$(served_key 10.77.0.80)"
    same "its hardware address is the truth's" "$(truth_of nomad .mac)" "$(seen_mac 10.77.0.80)"
    bool "neither is the first tenant's" '[[ $key != "$(truth_of nomad .ssh_host_key)" && $mac != "$(truth_of nomad .mac)" ]]'
    bool "it answers over IPv6" 'answers fd77::80 80 && ! answers fd77::80 6379'
    change host nomad down
    change tenant nomad
    bool "a third tenant takes over from one that is down" 'answers 10.77.0.80 80 && [[ $(truth_of nomad .tenant) == 3 ]]'
}

inside_counters() {
    change counters edge reset
    for _ in 1 2 3 4 5 6 7; do
        answers 10.77.0.20 443
    done
    answers fd77::20 443
    answers 10.77.0.20 80
    answers 10.77.0.20 81
    same "counters are exact" '{"host":"edge","total":10,"ports":{"80":1,"81":1,"443":8}}' "$("$LAB" counters edge)"
    change counters edge reset
    same "counters can be reset" '{"host":"edge","total":0,"ports":{}}' "$("$LAB" counters edge)"
    change counters bastion reset
    nmap -sT -n -Pn --max-retries 0 -p 1-2000 10.77.0.10 >/dev/null
    same "one connect to each of 2,000 ports is one SYN each" '[2000,2000,1]' \
        "$("$LAB" counters bastion | jq -c '[.total, (.ports | length), (.ports | map(.) | max)]')"
    change port cache 6379 drop
    change counters cache reset
    answers 10.77.0.30 6379
    bool "a SYN that a filter drops is counted" '(($("$LAB" counters cache | jq .total) >= 1))'
    change counters db reset
    change service six nginx stop
    change service six nginx start
    same "starting a server sends no SYN" 0 "$("$LAB" counters six | jq .total)"
    same "an address that nobody holds gets none" '{"host":"ghost","total":0,"ports":{}}' "$("$LAB" counters ghost)"
}

# misuse NAME WORD COMMAND...: exit status 2 and WORD in the message.
misuse() {
    local name=$1 word=$2 text rc
    shift 2
    text=$("$@" 2>&1 >/dev/null </dev/null)
    rc=$?
    if [[ $rc != 2 || $text != *"$word"* ]]; then
        printf '# exit status %s, message: %s\n' "$rc" "$text"
        rc=1
    else
        rc=0
    fi
    report "$rc" "$name"
}

inside_misuse() {
    local text
    misuse "an unknown host is refused by name" '"nowhere"' "$LAB" host nowhere up
    misuse "the address that nobody holds cannot be brought up" 'nobody holds' "$LAB" host ghost up
    misuse "port 0 is refused" '"0"' "$LAB" port edge 0 drop
    misuse "port 65536 is refused" '"65536"' "$LAB" port edge 65536 drop
    misuse "a port that is no number is refused" '"http"' "$LAB" port edge http drop
    misuse "an unknown action is refused" '"explode"' "$LAB" port edge 80 explode
    misuse "an unknown server is refused, the known are named" 'there are: nginx' "$LAB" service edge apache stop
    misuse "a lab in a lab is refused" 'inside a running lab' "$LAB" run true
    change service cache redis stop
    printf 'port nonsense\n' >"$LAB_DIR/root/lab/cache/redis.conf"
    text=$("$LAB" service cache redis start 2>&1)
    report "$(($? == 0))" "a server that does not start is an error"
    bool "the error names the server and shows the end of its log" '[[ $text == *"cache: redis ended"*nonsense* ]]'
}

# One of two labs at once: A changes itself, then B looks whether it is untouched.
inside_parallel_a() {
    change port cache 6379 drop
    change host bastion down
    : >"$1/changed"
    await "$1/looked" || report 1 "the second lab never looked"
    bool "the first of two labs is changed" '! answers 10.77.0.10 22 && ! answers 10.77.0.30 6379'
}

inside_parallel_b() {
    await "$1/changed" || report 1 "the first lab never started"
    bool "the second of two labs is untouched" 'answers 10.77.0.10 22 && answers 10.77.0.30 6379'
    same "the second lab's truth is untouched" up "$(truth_of bastion .state)"
    same "no SYN of the first lab is counted in the second" 1 "$("$LAB" counters bastion | jq .total)"
    : >"$1/looked"
}

# Waits, bounded, for a file that another process makes.
await() {
    local tries=0
    until [[ -e $1 ]]; do
        tries=$((tries + 1))
        if ((tries > 600)); then
            return 1
        fi
        sleep 0.05
    done
}

# The command of a lab that is about to be ended: says where it is, then waits.
inside_wait() {
    stat -Lc %i "$LAB_DIR"/ns/* >"$1/namespaces"
    printf '%s\n' "$LAB_DIR" >"$1/lab_dir"
    trap ': >"$1/got_int"; exit 0' INT
    : >"$1/ready"
    while true; do
        sleep 0.1
    done
}

# ---- outside -----------------------------------------------------------------------------------------------------------

COUNT=0
FAILED=0

# Numbers the lines of an inside.
tap() {
    local line
    while IFS= read -r line; do
        case $line in
        'ok - '*)
            COUNT=$((COUNT + 1))
            printf 'ok %d%s\n' "$COUNT" "${line#ok}"
            ;;
        'not ok - '*)
            COUNT=$((COUNT + 1))
            FAILED=$((FAILED + 1))
            printf 'not ok %d%s\n' "$COUNT" "${line#not ok}"
            ;;
        *) printf '# %s\n' "${line#\# }" ;;
        esac
    done
}

# lab_suite NAME FLAG...: prints what inside_NAME says in a lab of its own.
lab_suite() {
    local name=$1 output rc
    shift
    output=$("$LAB" run "$@" -- bash "$HERE/test_lab.sh" "inside_$name" 2>"$SCRATCH/stderr")
    rc=$?
    if [[ $rc != 0 ]]; then
        output+=$'\n'"not ok - the lab for $name runs (exit status $rc): $(tail -n 3 "$SCRATCH/stderr" | paste -sd' ')"
    fi
    printf '%s\n' "$output"
}

descendants() {
    local child
    # The kernel's list is one line of numbers.
    tr ' ' '\n' <"/proc/$1/task/$1/children" 2>/dev/null | while read -r child; do
        printf '%s\n' "$child"
        descendants "$child"
    done
}

# Prints PID's command line, nothing once it has ended.
command_line() {
    { tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null
}

# Whether none of the processes PID... lives; waits up to 10 s.
all_gone() {
    local pid tries=0
    for pid in "$@"; do
        while kill -0 "$pid" 2>/dev/null; do
            tries=$((tries + 1))
            if ((tries > 200)); then
                printf '# process %s is left: %s\n' "$pid" "$(command_line "$pid")"
                return 1
            fi
            sleep 0.05
        done
    done
}

# hold_namespaces COMMAND: opens the lab's network namespaces, as the lab's process COMMAND sees them, and lists the descriptors in held. While
# they are open the kernel gives their inode numbers to no other test's namespace. The scanner's is COMMAND's own: its file is a link by way of
# a process id, which names another process out here.
hold_namespaces() {
    local file fd
    held=()
    for file in "/proc/$1/root$(<"$folder/lab_dir")"/ns/* "/proc/$1/ns/net"; do
        if [[ ! -L $file || $file == "/proc/$1/ns/net" ]]; then
            exec {fd}<"$file" && held+=("$fd")
        fi
    done
}

# The kernel takes its time with the last processes of a namespace: five seconds at most.
no_namespace_left() {
    local round left
    for ((round = 0; round < 100; round++)); do
        left=$(still_in "$1")
        if [[ -z $left ]]; then
            return 0
        fi
        sleep 0.05
    done
    printf '# %s is still in a namespace of the lab\n' "$left"
    return 1
}

# still_in FILE: a process that is in one of the namespaces that the file names.
still_in() {
    local inode link
    for link in /proc/[0-9]*/ns/net; do
        inode=$(readlink "$link" 2>/dev/null) || continue
        inode=${inode#net:[}
        if grep -qxF "${inode%]}" "$1"; then
            printf '%s' "$link"
            return
        fi
    done
}

machine_state() {
    cat /proc/self/mountinfo
    ip -br link
    find "$CACHE" -mindepth 1 -maxdepth 1 | sort
    find "$CACHE/run"
    ls /run/netns 2>/dev/null
}

# ending NAME SIGNAL WHOM EXPECTED_STATUS FLAG...: starts a lab, sends SIGNAL to WHOM (lab, group, command) and looks for leftovers.
ending() {
    local name=$1 signal=$2 whom=$3 expected=$4 folder=$SCRATCH/$1 before lab pids rc command held fd
    shift 4
    mkdir "$folder"
    before=$(machine_state)
    setsid env --default-signal=INT "$LAB" run "$@" -- bash "$HERE/test_lab.sh" inside_wait "$folder" </dev/null 2>/dev/null &
    lab=$!
    if ! await "$folder/ready"; then
        report 1 "$name: the lab starts"
        return
    fi
    mapfile -t pids < <(descendants "$lab")
    # The command is the first child of the lab's process 1, which is unshare's only child.
    command=$(for pid in "${pids[@]}"; do
        if [[ $(command_line "$pid") == "bash $HERE/test_lab.sh inside_wait "* ]]; then
            printf '%s' "$pid"
        fi
    done)
    hold_namespaces "$command"
    case $whom in
    lab) kill "-$signal" "$lab" ;;
    group) kill "-$signal" -- "-$lab" ;;
    command) kill "-$signal" "$command" ;;
    esac
    wait "$lab" 2>/dev/null
    rc=$?
    same "$name: exit status" "$expected" "$rc"
    bool "$name: more than ten processes ran, none is left" '((${#pids[@]} > 10)) && all_gone "${pids[@]}"'
    bool "$name: nothing is left in its network namespaces" '((${#held[@]} > 2)) && no_namespace_left "$folder/namespaces"'
    for fd in "${held[@]}"; do
        exec {fd}<&-
    done
    same "$name: no mount, link or file is left" "$before" "$(machine_state)"
    if [[ $whom == group ]]; then
        bool "$name: the command got the signal" '[[ -e $folder/got_int ]]'
    fi
}

# What a build makes or writes to, and when it was made.
built() {
    find "$CACHE" -mindepth 1 -maxdepth 2 \( -name 'tree-*' -o -name build.log -o -name .leastport-lab-stamp \) -printf '%p %i %C@\n' | LC_ALL=C sort
}

outside_build() {
    local before
    "$LAB" build >/dev/null
    before=$(built)
    "$LAB" build >/dev/null
    report $? "a second build succeeds"
    same "and makes nothing" "$before" "$(built)"
}

outside_run() {
    "$LAB" run -- bash -c 'exit 7'
    same "run returns its command's exit status" 7 $?
    "$LAB" run -- /nonexistent/command 2>/dev/null
    same "a command that does not exist is 127" 127 $?
    same "the command has the lab's standard input" hello "$(printf hello | "$LAB" run cat)"
    misuse "no verb is misuse" 'Usage' "$LAB"
    misuse "an unknown verb is refused by name" '"dance"' "$LAB" dance
    misuse "run without a command is misuse" 'usage: lab run' "$LAB" run
    misuse "run refuses an unknown option by name" '"--fast"' "$LAB" run --fast true
    misuse "host outside a lab is refused" 'inside a running lab only' "$LAB" host nomad down
    bool "--help names every verb" 'text=$("$LAB" --help) && for verb in build run shell list truth host port service tenant counters; do
        [[ $text == *"lab $verb "* ]] || { printf "# %s is missing\n" "$verb"; false; break; }; done'
    same "the truth outside a lab has the same ports as at the start of one" \
        "$("$LAB" truth | jq -c '.hosts[] | [.name, .ports]')" \
        "$("$LAB" run -- bash -c 'jq -c ".hosts[] | [.name, .ports]" "$LAB_TRUTH"' 2>/dev/null)"
}

# Four labs at once, again and again: each starts whole.
outside_repeat() {
    local round pid failed=0 pids repeats=${LEASTPORT_TEST_REPEATS:-2}
    for ((round = 0; round < repeats; round++)); do
        pids=()
        for _ in 1 2 3 4; do
            "$LAB" run -- bash "$HERE/test_lab.sh" inside_glance 2>>"$SCRATCH/stderr" &
            pids+=($!)
        done
        for pid in "${pids[@]}"; do
            wait "$pid" || failed=$((failed + 1))
        done
    done
    same "of $((4 * repeats)) labs, four at a time, none fails" 0 "$failed"
}

outside_parallel() {
    local folder=$SCRATCH/parallel
    mkdir "$folder"
    "$LAB" run -- bash "$HERE/test_lab.sh" inside_parallel_a "$folder" >"$folder/a" 2>&1 &
    "$LAB" run -- bash "$HERE/test_lab.sh" inside_parallel_b "$folder" >"$folder/b" 2>&1
    wait $!
    cat "$folder/a" "$folder/b"
}

# As somebody who is not root, with a copy of the lab and a cache that this user can read.
outside_nobody() {
    local folder=$SCRATCH/nobody
    mkdir -p "$folder/cache"
    cp -r "$HERE" "$folder/lab"
    chmod -R go+rX "$SCRATCH"
    unshare --mount bash -c 'mount --bind "$1" "$2/cache" && cd / &&
        exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH="$PATH" HOME=/nonexistent \
            LEASTPORT_LAB_CACHE="$2/cache" "$2/lab/lab" run -- bash "$2/lab/test_lab.sh" inside_truth' \
        nobody "$CACHE" "$folder" 2>"$folder/stderr" | sed '/ok - /s/$/ (as nobody)/'
    report "${PIPESTATUS[0]}" "the lab runs as nobody"
    bool "nothing is skipped then" '! grep skipped "$folder/stderr" | sed "s/^/# /" | grep .'
}

# Where the kernel allows no user namespace inside the lab's: the limit of an outer one holds for all inside it.
outside_single() {
    unshare --user --map-root-user --mount bash -c 'echo 1 >/proc/sys/user/max_user_namespaces && exec "$@"' single \
        "$LAB" run --userns -- bash "$HERE/test_lab.sh" inside_single 2>"$SCRATCH/stderr"
    report $? "the lab runs with one uid"
    bool "what is skipped is named on stderr" 'grep -q "skipped: postgres at db: refuses" "$SCRATCH/stderr"'
}

user_namespaces_work() {
    unshare --user --map-root-user --net --mount true 2>/dev/null
}

skip() {
    printf 'ok - %s # SKIP %s\n' "$1" "$2"
}

outside_suites() {
    local name
    for name in truth all_ports raw servers host port tenant counters misuse; do
        lab_suite "$name"
    done
}

outside_ends() {
    outside_repeat
    outside_parallel
    ending "kill -9 of the lab" KILL lab 137
    ending "kill -9 of the command" KILL command 137
    ending "SIGTERM" TERM lab 143
    ending "SIGINT to the lab alone" INT lab 130
    ending "SIGINT from the terminal" INT group 130
}

outside_without_root() {
    local name
    if [[ $(id -u) != 0 ]]; then
        skip "the lab runs as nobody" "this run has no root to become nobody from; all of it ran without root"
        return
    fi
    if ! user_namespaces_work; then
        skip "the lab runs as nobody" "this kernel gives no user namespaces"
        return
    fi
    for name in truth servers port tenant counters; do
        lab_suite "$name" --userns
    done
    ending "kill -9 of a lab in a user namespace" KILL lab 137 --userns
    outside_nobody
    outside_single
}

# side_by_side FUNCTION...: each with a folder of its own, told one after the other.
side_by_side() {
    local part
    local -A started=()
    # Nobody has to get to what is below.
    chmod go+x "$SCRATCH"
    for part in "$@"; do
        mkdir "$SCRATCH/$part"
        SCRATCH=$SCRATCH/$part "$part" >"$SCRATCH/$part/said" &
        started[$part]=$!
    done
    for part in "$@"; do
        wait "${started[$part]}"
        tap <"$SCRATCH/$part/said"
    done
}

outside() {
    local command user=()
    if [[ $(id -u) != 0 ]]; then
        user=(--user --map-root-user)
    fi
    for command in jq nmap nft ip; do
        if ! command -v "$command" >/dev/null; then
            printf '1..0 # SKIP %s is not installed\n' "$command"
            exit 0
        fi
    done
    if ! unshare --net --mount --pid --fork --mount-proc "${user[@]}" true; then
        printf '1..0 # SKIP this place lets nobody make namespaces\n'
        exit 0
    fi
    if ! "$LAB" build >/dev/null; then
        if ((${#user[@]} > 0)); then
            printf '1..0 # SKIP there is no Debian tree for the servers, and making it needs root\n'
            exit 0
        fi
        printf '1..1\nnot ok 1 - the Debian tree is there or can be built\n'
        exit 1
    fi
    SCRATCH=$(mktemp -d)
    trap 'rm -rf "$SCRATCH"' EXIT
    tap < <(outside_build)
    tap < <(outside_run)
    side_by_side outside_suites outside_ends outside_without_root
    printf '1..%d\n' "$COUNT"
    ((FAILED == 0))
}

case ${1:-} in
'') outside ;;
inside_*) "$@" ;;
*)
    printf 'usage: test_lab.sh\n' >&2
    exit 2
    ;;
esac
