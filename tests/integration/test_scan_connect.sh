#!/usr/bin/env bash
# leastport-scan by plain connects, against namespaces of its own; prints TAP. Nothing leaves them.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
export BIN
SCAN=$HERE/scan-connect

# shellcheck source=tests/integration/place.sh
. "$HERE/place.sh"

# ---- states and reasons ---------------------------------------------------------------------------------------------------

test_states() {
    local got
    "$SCAN" 10.77.0.2 -p 22,79-89 -o jsonl:v4 2>v4.err
    tap_is "IPv4: exit 0" "$?" 0
    got=$(ports_of v4)
    tap_is "IPv4: open, closed, dropped, rejected in each way" "$got" "10.77.0.2 22 open syn-ack
10.77.0.2 79 closed conn-refused
10.77.0.2 80 open syn-ack
10.77.0.2 81 filtered no-response
10.77.0.2 82 filtered port-unreach
10.77.0.2 83 filtered admin-prohibited
10.77.0.2 84 filtered host-unreach
10.77.0.2 85 filtered net-unreach
10.77.0.2 86 filtered host-prohibited
10.77.0.2 87 filtered net-prohibited
10.77.0.2 88 filtered proto-unreach
10.77.0.2 89 closed conn-refused"
    tap_is "IPv4: the last line" "$(end_of v4 '[.type, .complete, .cause, .open, .hosts_up]')" '["scan_end",true,"done",2,1]'
    "$SCAN" fd77::2 -p 22,79-85,89 -o jsonl:v6 2>v6.err
    tap_is "IPv6: open, closed, dropped, rejected in each way" "$(ports_of v6)" "fd77::2 22 open syn-ack
fd77::2 79 closed conn-refused
fd77::2 80 closed conn-refused
fd77::2 81 filtered no-response
fd77::2 82 filtered port-unreach
fd77::2 83 filtered admin-prohibited
fd77::2 84 filtered host-unreach
fd77::2 85 filtered net-unreach
fd77::2 89 closed conn-refused"
    got=$(target_link_local)
    "$SCAN" "$got%cable" -p 22,23 -o jsonl:zone 2>zone.err
    tap_is "IPv6 with a zone" "$(ports_of zone)" "$got%cable 22 open syn-ack
$got%cable 23 closed conn-refused"
}

test_nmap() {
    local host
    local -a family
    # Without raw sockets nmap cannot tell a port-unreachable (82) from a RST, and calls it closed.
    for host in 10.77.0.2 fd77::2; do
        "$SCAN" "$host" -p 1-81,83-200 -o jsonl:ours 2>ours.err
        family=()
        if [[ $host == *:* ]]; then
            family=(-6)
        fi
        nmap -n -Pn -sT "${family[@]}" -p 1-81,83-200 --unprivileged -oX theirs.xml "$host" >nmap.out 2>&1
        tap_is "nmap -sT sees the same open ports of $host" \
            "$(ports_of ours | awk '$3 == "open" { print $2 }' | sort -n | xargs)" \
            "$(grep -oP '<port protocol="tcp" portid="\K\d+(?="><state state="open")' theirs.xml | xargs)"
        tap_is "nmap -sT counts as many filtered ports of $host" "$(ports_of ours | grep -c ' filtered ')" \
            "$(($(grep -oP '<port protocol="tcp" portid="\K\d+(?="><state state="filtered")' theirs.xml | wc -l) + \
                $(grep -oP '<extraports state="filtered" count="\K\d+' theirs.xml || echo 0)))"
    done
}

test_self() {
    "$SCAN" 127.0.0.1 10.77.0.1 -p 2222 -o jsonl:self 2>self.err
    tap_is "own addresses say so, and what the listener is bound to" \
        "$(jq -r 'select(.type == "port") | "\(.host) \(.self) \(.bound)"' self | sort)" "10.77.0.1 true 0.0.0.0
127.0.0.1 true 0.0.0.0"
    "$SCAN" localhost -p 2222 -o jsonl:name 2>name.err
    tap_is "the name that a target was given by stands in its lines" \
        "$(jq -r 'select(.type == "port") | "\(.host) \(.name)"' name | sort -u | grep -F 127.0.0.1)" "127.0.0.1 localhost"
    echo "40000 40001" >/proc/sys/net/ipv4/ip_local_port_range
    for _ in {1..12}; do
        "$SCAN" 127.0.0.1 10.77.0.1 -p 40000-40001 -o jsonl:- 2>>self.err
    done >meets
    echo "32768 60999" >/proc/sys/net/ipv4/ip_local_port_range
    tap_is "a connect that meets itself is no open port" "$(ports_of meets | grep -c ' open ')" 0
    tap_ok "and this did happen" grep -q self-connect meets
}

# ---- threads ---------------------------------------------------------------------------------------------------------------

test_threads() {
    local threads
    for threads in 1 2 5; do
        "$SCAN" 10.77.0.2 10.78.5.1-10.78.5.3 -p 22,79-89,90-4000 --threads "$threads" -o "jsonl:threads.$threads" \
            2>"threads.$threads.err"
        tap_is "$threads threads: complete" "$(end_of "threads.$threads" .complete)" true
        tap_is "$threads threads: nothing to say about it" \
            "$(jq -c 'select(.type == "notice" and (.code == "threads" or .code == "exhausted"))' "threads.$threads")" ""
    done
    for threads in 2 5; do
        tap_is "$threads threads: the result of one" "$(result_of "threads.$threads")" "$(result_of threads.1)"
    done
    (
        ulimit -n 200
        exec "$SCAN" 10.77.0.2 -p 22,79-89,90-4000 --threads 5 -o jsonl:threads.few 2>threads.few.err
    )
    tap_is "fewer threads where descriptors are few: the same result" "$(result_of threads.few)" \
        "$(result_of threads.1 | grep -F '"10.77.0.2"')"
    tap_ok "fewer threads where descriptors are few: said so" \
        jq -se 'any(.[]; .type == "notice" and .code == "threads")' threads.few
}

test_unreachable() {
    "$SCAN" 10.99.0.1 -p 22 -o jsonl:noroute 2>noroute.err
    tap_is "no route: filtered, and no error" "$? $(ports_of noroute)" "0 10.99.0.1 22 filtered net-unreach"
    tap_ok "no route: said by name" jq -se 'any(.[]; .type == "notice" and .host == "10.99.0.1")' noroute
    "$SCAN" 10.99.0.1-7 -p 22 -o jsonl:noroutes 2>noroutes.err
    tap_is "seven without a route: five said, the rest counted, all in the lines" \
        "$(grep -c 'cannot send to it' noroutes.err) $(grep -c 'and 2 more hosts: this machine' noroutes.err) $(
            jq -s 'map(select(.code == "unreachable")) | length' noroutes)" "6 1 7"
    # The neighbour's address is asked for three times, a second each, and then every waiting probe fails at once.
    "$SCAN" 10.77.0.2 10.77.0.100-107 -p 1-30 -o jsonl:nobody 2>nobody.err
    tap_is "where nobody is nobody is eased off" "$(grep -c 'easing off' nobody.err) $(end_of nobody .hosts_down)" "0 8"
    "$SCAN" 192.0.2.1 -p 22 -o jsonl:out 2>out.err
    tap_is "outside the scope: exit 2" "$?" 2
    tap_like "outside the scope: says the line that would allow it" "$(cat out.err)" '192\.0\.2\.1.*--scope'
    echo "10.77.0.2 # fragile" >never
    forget_syns
    "$SCAN" 10.77.0.2 -p 22 --never-scan never --scope 10.0.0.0/8 -o jsonl:never.out 2>never.err
    tap_is "never-scan: nothing is sent, whatever the scope says" "$(syns syn4)" 0
    "$SCAN" 10.77.0.2-3 -p 22 --never-scan never -o jsonl:never.out 2>never.err
    tap_like "never-scan: few that are left out are named" "$(cat never.err)" 'scan: 10.77.0.2: on the never-scan list'
    "$SCAN" --targets-file . -p 22 2>never.err
    tap_is "a folder is no list of targets: exit $?, with the reason" "$(cat never.err)" \
        "leastport-scan: error: .: reading failed at line 1: Is a directory"
    printf '127.0.0.0/8\n::1\n' >never
    for addr in 0.0.0.0 "[::]" "[::ffff:0.0.0.0]"; do
        "$SCAN" "$addr:2222" --never-scan never --scope 0.0.0.0/0 --scope ::/0 -o jsonl:zero 2>zero.err
        tap_is "never-scan: no way around it by $addr" "$? $(grep -c 'unspecified address is no host' zero.err)" "2 1"
    done
    "$SCAN" 0.0.0.0/31 ::/127 ::fffe:ffff:ffff-::1:0:0:0 --retries 0 --never-scan never \
        --scope 0.0.0.0/0 --scope ::/0 -p 2222 -o jsonl:zero 2>zero.err
    tap_is "never-scan: nor within ranges" "$? $(jq -r 'select(.type == "scan_end") | "\(.open) \(.probes)"' zero)" "0 0 3"
}

# ---- pace -------------------------------------------------------------------------------------------------------------------

test_rate() {
    local begun elapsed_ms worst=0 before now pid rate looked look
    forget_syns
    begun=${EPOCHREALTIME/./}
    "$SCAN" 10.77.0.2 -p 1001-1600 --rate 200 -o jsonl:rate 2>rate.err &
    pid=$!
    before=0
    looked=$begun
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.5
        now=$(syns syn4)
        look=${EPOCHREALTIME/./}
        # By the time that did pass: on a busy machine a nap of half a second is longer.
        rate=$(((now - before) * 1000000 / (look - looked)))
        worst=$((rate > worst ? rate : worst))
        before=$now looked=$look
    done
    elapsed_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    tap_is "--rate 200: every probe was sent once" "$(syns syn4)" 600
    tap_ok "--rate 200: 600 probes took at least 2.9 s (took $elapsed_ms ms)" test "$elapsed_ms" -ge 2900
    tap_ok "--rate 200: in no half second more than 250 a second (most: $worst)" test "$worst" -le 250
    forget_syns
    begun=${EPOCHREALTIME/./}
    "$SCAN" 10.77.0.2 -p 1001-1100 --host-rate 50 -o jsonl:host-rate 2>rate.err
    elapsed_ms=$(((${EPOCHREALTIME/./} - begun) / 1000))
    forget_syns
    "$SCAN" 10.77.0.2 -p 81 --retries 3 -o jsonl:silent-port 2>rate.err
    tap_is "a silent port gets one SYN for each try, and none of the kernel's own" "$(syns syn4)" 4
    tap_ok "--host-rate 50: 100 probes took at least 1.9 s (took $elapsed_ms ms)" test "$elapsed_ms" -ge 1900
}

# A fifth of the packets gets lost: 3,000 ports, three tries, so about 24 are missed; bounds at six standard deviations.
test_loss() {
    local found
    "$SCAN" 10.77.0.2 -p 10001-13000 -o jsonl:lossy 2>lossy.err
    found=$(ports_of lossy | grep -c ' closed ')
    tap_ok "a fifth lost: three tries find $found of 3000" test "$found" -ge 2946
    tap_ok "a fifth lost: the estimate is near ($(end_of lossy .loss))" jq -se 'last.loss | . > 0.15 and . < 0.25' lossy
    tap_ok "a fifth lost: it does not collapse ($(end_of lossy .elapsed_ms) ms)" jq -se 'last.elapsed_ms < 10000' lossy
    tap_ok "a fifth lost: it eases off and says so" jq -se 'any(.[]; .type == "notice" and .code == "eased")' lossy
}

# ---- stopping and going on -----------------------------------------------------------------------------------------------

test_interrupt() {
    local pid status command sent
    "$SCAN" 10.77.0.2 -p 1001-3000,22,80 -o jsonl:whole 2>whole.err
    forget_syns
    "$SCAN" 10.77.0.2 -p 1001-3000,22,80 --rate 1000 --state st -o jsonl:part -o xml:part.xml \
        -o table:part.table 2>part.err &
    pid=$!
    await_sent 700
    kill -INT "$pid"
    wait "$pid"
    status=$?
    sent=$(syns syn4)
    tap_is "SIGINT: exit 130" "$status" 130
    tap_is "SIGINT: the last line says so" "$(end_of part '[.complete, .cause, .missed]')" '[false,"interrupted",null]'
    tap_is "SIGINT: the table and the XML have what was found" "$(grep -c '/tcp *open' part.table) $(
        grep -c 'state="open"' part.xml)" "$(end_of part .open) $(end_of part .open)"
    tap_ok "SIGINT: it had sent a part ($sent)" test "$sent" -gt 100 -a "$sent" -lt 1900
    tap_ok "SIGINT: the XML is whole" xmllint --noout part.xml
    command=$(sed -n 's/.*to go on: //p' part.err)
    tap_like "SIGINT: says the command that resumes" "$command" ' --resume st '
    "$SCAN" 10.77.0.2 -p 70000 -o jsonl:none 2>none.err
    tap_is "a bad port is said without words of the plan's" "$? $(cat none.err)" \
        '2 leastport-scan: error: ports "70000", column 1: 70000 is not a port: ports are 0 to 65535'
    bash -c "$command" 2>resume.err
    tap_is "resume: exit 0" "$?" 0
    tap_is "resume: what was left, and nothing twice" "$(syns syn4)" 2002
    tap_is "resume: the result of an undisturbed run" "$(result_of part)" "$(result_of whole)"
    tap_is "resume: the last line" "$(end_of part '[.complete, .probes_done, .probes_sent, .open]')" '[true,2002,2002,2]'
    tap_ok "resume: the state file is gone" test ! -e st
}

# A host that is found fragile while the scan rests.
test_narrowed_resume() {
    local pid command before
    "$SCAN" 10.77.0.2 10.78.0.0/30 -p 1001-3000,22,80 --rate 1000 --state narrowed -o jsonl:narrow.part 2>narrow.err &
    pid=$!
    await_sent 700
    kill -INT "$pid"
    wait "$pid"
    echo 10.77.0.2 >narrow.never
    before=$(syns syn4)
    "$SCAN" --resume narrowed --never-scan narrow.never --scope 10.77.0.0/24 --scope 10.78.0.0/31 \
        -o jsonl:narrow.part 2>narrow.err &
    pid=$!
    until grep -q 'out of bounds' narrow.err || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.02
    done
    kill -INT "$pid"
    wait "$pid"
    command=$(sed -n 's/.*to go on: //p' narrow.err)
    tap_like "a narrowed resume that is interrupted stays narrow" "$command" \
        '--resume narrowed --scope 10.77.0.0/24 --scope 10.78.0.0/31 --never-scan narrow.never -o jsonl:narrow.part$'
    bash -c "$command" 2>narrow.err
    tap_is "a narrowed resume: exit 0, and not a packet to the fragile host" "$? $(($(syns syn4) - before))" "0 0"
    tap_is "the hosts that are left are done" \
        "$(jq -r 'select(.type == "host") | .host' narrow.part | sort | xargs)" "10.78.0.0 10.78.0.1"
    "$SCAN" --plan none --never-scan narrow.never 2>narrow.err
    tap_like "a plan that is handed over is not narrowed: exit $?" "$(cat narrow.err)" 'never-scan does not go with --plan'
}

test_kill() {
    local pid
    "$SCAN" 10.78.0.0/16 -p 22 -o jsonl:whole 2>whole.err
    tap_is "65536 hosts in four groups: complete" "$(end_of whole '[.complete, .hosts_up]')" '[true,65536]'
    forget_syns
    "$SCAN" 10.78.0.0/16 -p 22 --rate 20000 --state killed -o jsonl:torn 2>torn.err &
    pid=$!
    until grep -q '"type":"slab"' torn 2>/dev/null || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.02
    done
    kill -KILL "$pid"
    wait "$pid" 2>/dev/null
    tap_ok "kill -9: what was written is valid JSON Lines, but for a torn end" jq -es 'length > 16384' \
        <(grep -a '}$' torn)
    tap_is "kill -9: the first group had been sent" "$(syns slab0)" 16384
    "$SCAN" --resume killed -o jsonl:again 2>again.err
    tap_is "kill -9, resumed: exit 0" "$?" 0
    tap_is "kill -9, resumed: the first group was not sent again" "$(syns slab0)" 16384
    tap_is "kill -9, resumed: the last group was sent once" "$(syns slab3)" 16384
    tap_ok "kill -9, resumed: the result of an undisturbed run" cmp <(result_of again) <(result_of whole)
}

# A name that has lost one of its addresses meanwhile: that address is no longer the name's, and nothing is sent to it.
test_moved_name() {
    local pid sent
    printf '%s\n' "127.0.0.1 localhost" "10.78.0.9 moving" "10.78.200.9 moving" >hosts
    mount --bind hosts /etc/hosts
    "$SCAN" moving -p 1001-2000 --rate 1000 --state moved -o jsonl:moved.out 2>moved.err &
    pid=$!
    await_sent 500
    kill -INT "$pid"
    wait "$pid"
    sent=$(end_of moved.out .probes_sent)
    printf '%s\n' "127.0.0.1 localhost" "10.78.0.9 moving" >hosts
    forget_syns
    "$SCAN" --resume moved -o jsonl:moved.out 2>moved.err
    tap_is "a name's lost address: exit 0" "$?" 0
    tap_is "a name's lost address gets no probe more" "$(syns slab3)" 0
    tap_ok "the address that it kept does (before: $sent in all)" test "$(syns slab0)" -gt 0
    tap_ok "a name's lost address: said so" jq -se 'any(.[]; .type == "notice" and .host == "10.78.200.9")' moved.out
    tap_is "a name's lost address: only the other host has a line" \
        "$(jq -r 'select(.type == "host") | "\(.host) \(.name)"' moved.out)" "10.78.0.9 moving"
    umount /etc/hosts
}

test_second_signal() {
    local pid status begun
    "$SCAN" 10.79.0.0/22 -p common --rate 500 --state twice -o jsonl:twice.out 2>twice.err &
    pid=$!
    await_sent 100
    begun=${EPOCHREALTIME/./}
    kill -TERM "$pid"
    sleep 0.3
    kill -TERM "$pid"
    wait "$pid"
    status=$?
    tap_is "a second SIGTERM ends it" "$status" 143
    tap_ok "at once" test $(((${EPOCHREALTIME/./} - begun) / 1000)) -lt 600
}

# What `leastport scan` says to resume with is typed as it stands.
test_resume_words() {
    local pid command
    PATH=$BIN:$PATH leastport scan --connect 10.79.0.0/24 -p 22 --rate 100 --state words -o "jsonl:a b" 2>words.err &
    pid=$!
    until [[ -s words ]] || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.02
    done
    kill -INT "$pid"
    wait "$pid"
    command=$(sed -n 's/.*to go on: //p' words.err)
    tap_is "the command that resumes, by the verb" "$command" "leastport scan --resume words -o 'jsonl:a b'"
    PATH=$BIN:$PATH bash -c "$command --help" >words.help 2>&1
    tap_like "a shell finds it" "$(head -1 words.help)" '^Usage: leastport scan'
}

# ---- outputs, plan, canary --------------------------------------------------------------------------------------------------

test_outputs() {
    local dtd=/usr/share/nmap/nmap.dtd
    "$SCAN" 10.77.0.2 fd77::2 -p 20-90 -o table:- -o jsonl:both -o xml:both.xml >both.table 2>both.err
    tap_is "three outputs at once: exit 0" "$?" 0
    tap_like "the table has the open port" "$(cat both.table)" '22/tcp +open'
    tap_is "XML and JSON Lines agree on open ports" "$(grep -c 'state="open"' both.xml)" \
        "$(jq -s '[.[] | select(.type == "port")] | length' both)"
    if [[ -r $dtd ]]; then
        tap_ok "the XML is valid against nmap's DTD" xmllint --noout --dtdvalid "$dtd" both.xml
    else
        tap_skip "the XML is valid against nmap's DTD" "no $dtd"
    fi
}

# Nobody reads on: `timeout` would end a scan that does not notice.
test_head() {
    local status
    "$SCAN" 10.79.0.0/22 10.77.0.2 -p 22,80 --rate 2000 -o jsonl:- 2>head.err | head -n 1 >head.out
    status=${PIPESTATUS[0]}
    tap_is "a reader that goes away ends the scan quietly: exit 0" "$status" 0
    tap_is "it had its line" "$(jq -r .type head.out)" scan_start
    tap_is "and stderr says nothing of it" "$(grep -v 'state: ' head.err)" ""
    tap_ok "no state is left" test -z "$(ls -A "$XDG_STATE_HOME/leastport")"
    timeout 60 "$SCAN" 10.79.0.0/22 -p 22,80 --rate 2000 --state head.state -o jsonl:- 2>head.err | head -n 1 >head.out
    status=${PIPESTATUS[0]}
    tap_is "with a state of its own too" "$status $(grep -v 'state: ' head.err)" "0 "
    tap_ok "which stays for a resume" test -s head.state
    timeout 60 "$SCAN" 10.77.0.2 -p 20-90 -o jsonl:head.all -o jsonl:- 2>head.err | head -n 1 >head.out
    tap_is "another output gets the whole scan" "$(end_of head.all '[.complete, .open]')" '[true,2]'
}

test_plan() {
    jq -n '{schema: "leastport.plan/1", realm: "r", vantage: "v", targets: ["10.77.0.2"], ports: "22-23", probes: ["connect"],
        watch: [{host: "10.77.0.2", proto: "tcp", port: 81}, {host: "10.77.0.2", proto: "tcp", port: 23}],
        canary: {host: "10.77.0.2", proto: "tcp", port: 22}}' >plan.json
    "$SCAN" --plan - --scan-id 11111111-2222-4333-8444-555555555555 -o jsonl:planned <plan.json 2>planned.err
    tap_is "a plan on standard input: exit 0, nothing on stderr" "$? $(cat planned.err)" "0 "
    tap_is "the canary answered at the start and at the end" \
        "$(jq -c 'select(.type == "canary") | [.phase, .state]' planned | xargs)" '[start,answered] [end,answered]'
    tap_is "watched ports have lines of their own" \
        "$(jq -c 'select(.type == "port") | [.port, .state, .watch, .tries]' planned | sort | xargs)" \
        '[22,open,null,1] [23,closed,true,1] [81,filtered,true,3]'
    tap_is "the scan's id is the given one" "$(jq -r .scan_id planned | sort -u)" 11111111-2222-4333-8444-555555555555
    tap_ok "no state was kept" test ! -e "$XDG_STATE_HOME/leastport" -o -z "$(ls -A "$XDG_STATE_HOME/leastport")"
    "$SCAN" --plan plan.json --from-slab 1 -o jsonl:rest 2>rest.err
    tap_is "--from-slab after the last: nothing is left" "$(end_of rest '[.complete, .probes_sent, .open]')" '[true,0,0]'
}

test_shards() {
    local shard
    for shard in 1 2 3; do
        "$SCAN" 10.77.0.2 -p 20-120 --shard "$shard/3" -o jsonl:- 2>shard.err
    done >shards
    "$SCAN" 10.77.0.2 -p 20-120 -o jsonl:unsharded 2>shard.err
    tap_is "three shards are the whole, each port once" "$(ports_of shards)" "$(ports_of unsharded)"
}

if ! target_create; then
    tap_fail "the namespaces can be made"
    tap_done
    exit
fi
listen target 10.77.0.2 22 80 || tap_fail "the target listens on IPv4"
listen target fd77::2 22 || tap_fail "the target listens on IPv6"
listen target "$(target_link_local)%cable" 22 ||
    tap_fail "the target listens on a link-local address"
listen target 10.78.9.9 6001 6002 6003 6004 6005 6101 6102 6103 6296 6300 || tap_fail "the silent target listens"
listen here 0.0.0.0 2222 || tap_fail "we listen"
test_states
test_nmap
test_self
test_threads
test_unreachable
test_rate
test_loss
test_interrupt
test_narrowed_resume
test_moved_name
test_second_signal
test_resume_words
test_kill
test_outputs
test_head
test_plan
test_shards
tap_done
