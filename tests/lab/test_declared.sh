#!/usr/bin/env bash
# What a cloud declares against what is observed: network namespaces whose packet filters are made from a stored snapshot of an AWS
# account (declared/ and hosts that a seed draws, by cloud_net.py), scanned for real from the internet's side and from within. Prints TAP.
set -uo pipefail
LAB_HERE=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=tests/integration/harness.sh
. "$LAB_HERE/../integration/harness.sh"
NAME="what is declared against what is observed"
enter "$NAME" "$0" "$@"
if ! nft list tables >/dev/null 2>&1; then
    tap_skip "$NAME" "no packet filter that nft can set here"
    tap_done
    exit
fi
DIR=$(mktemp -d)
trap harness_end EXIT
cd "$DIR" || exit
export XDG_STATE_HOME=$DIR
WORLD=198.51.100.7
OFFICE=203.0.113.9
PORTS=22,80,443,2222,3306,3389,5432,6379,8080,8443
SEED=${LEASTPORT_TEST_SEED:-$RANDOM}
DRAWN=$((${LEASTPORT_TEST_LONG:-0} ? 48 : 6))
tap_diag "seed $SEED"
cp -r "$LAB_HERE/declared" cloud
python3 "$LAB_HERE/cloud_draw.py" cloud "$SEED" "$DRAWN" || tap_fail "hosts are drawn"

# ---- the network ----
declare -A place=() own=()
owns=() publics=() drawn=()

# A network namespace of that name, held by a process.
place_create() {
    unshare -n sleep 3600 >/dev/null &
    place[$1]=$!
    harness_pids+=("$!")
}

in_place() {
    local name=$1
    shift
    nsenter -t "${place[$name]}" -n -- "$@"
}

# While a program starts its links cannot be read: only a name that differs will do.
is_apart() {
    local net
    net=$(readlink "/proc/${place[$1]}/ns/net") && [[ -n $net && $net != "$(readlink /proc/self/ns/net)" ]]
}

# plug NAME BRIDGE: a cable to the router.
plug() {
    in_place router ip link add "$1" type veth peer name eth0 netns "${place[$1]}" &&
        in_place router ip link set "$1" master "$2" up && in_place "$1" ip link set eth0 up && in_place "$1" ip link set lo up
}

# outside NAME ADDRESS: a host of the internet.
outside() {
    plug "$1" igw && in_place "$1" ip -batch - <<LINKS
addr add $2/32 dev eth0
route add 192.0.2.0/24 via 169.254.77.1 dev eth0 onlink
LINKS
}

# interface ID NAME ADDRESS LENGTH GATEWAY BRIDGE PUBLIC: of the snapshot.
interface() {
    plug "$2" "$6" && in_place "$2" ip -batch - <<LINKS && python3 "$LAB_HERE/cloud_net.py" interface cloud "$1" | in_place "$2" nft -f -
addr add $3/$4 dev eth0
route add default via $5
LINKS
}

net_create() {
    local name line
    local -a lines words
    mapfile -t lines < <(python3 "$LAB_HERE/cloud_net.py" places cloud)
    for name in router world office $(printf '%s\n' "${lines[@]}" | cut -d' ' -f2); do
        place_create "$name"
    done
    for name in "${!place[@]}"; do
        wait_for 20 is_apart "$name" || return 1
    done
    in_place router bash -c 'ip link set lo up; echo 1 >/proc/sys/net/ipv4/ip_forward' &&
        python3 "$LAB_HERE/cloud_net.py" links cloud | in_place router ip -batch - &&
        python3 "$LAB_HERE/cloud_net.py" router cloud | in_place router nft -f - &&
        outside world "$WORLD" && outside office "$OFFICE" || return 1
    for line in "${lines[@]}"; do
        read -ra words <<<"$line"
        interface "${words[@]}" || return 1
        own[${words[1]}]=${words[2]}
        owns+=("${words[2]}")
        [[ ${words[6]} == - ]] || publics+=("${words[6]}")
        [[ ${words[1]} != drawn* ]] || drawn+=("${words[1]}")
    done
}

# What no snapshot tells: web and trap have firewalls of their own, the gateway forwards a port of web's, and front is a balancer.
deviate() {
    local name
    for name in web trap; do
        in_place "$name" nft -f - <<'RULES' || return 1
table ip own {
    chain in {
        type filter hook input priority 0;
        tcp dport { 3389, 6379 } drop
        ip saddr != 10.20.0.0/16 tcp dport 80 drop
    }
}
RULES
    done
    in_place router nft -f - <<'RULES' || return 1
table ip forwarding {
    chain in {
        type nat hook prerouting priority -110;
        iifname igw ip daddr 192.0.2.10 tcp dport 2222 dnat to 10.20.1.10:443
    }
}
RULES
    in_place front nft -f - <<'RULES' && in_place front bash -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
table ip balancer {
    chain in {
        type nat hook prerouting priority dstnat;
        ip daddr 10.20.1.50 tcp dport 80 dnat to 10.20.1.20:8443
    }
    chain out {
        type nat hook postrouting priority srcnat;
        ip daddr 10.20.1.20 masquerade
    }
}
RULES
}

# listens NAME PORTS: a word for cloud_listen.py.
listens() {
    printf '%s:%s:%s ' "${place[$1]}" "${own[$1]}" "$2"
}

listen_all() {
    local -a words
    local name
    read -ra words < <(listens web 22,80,443,3306,5432,6379; listens app 22,5432,8443; listens lone 22; listens trap 80,443
        listens back 22; listens guard 22,443,3306,8080; listens hole 443
        for name in "${drawn[@]}"; do listens "$name" 443,3306,5432; done; echo)
    python3 "$LAB_HERE/cloud_listen.py" "${words[@]}" >listening 2>&1 &
    harness_pids+=("$!")
    wait_for 20 grep -q ready listening
}

# sweep PLACE TARGET...: a scan that is not stored; says PLACE.jsonl.
sweep() {
    in_place "$1" "$BIN/leastport" scan "${@:2}" -p "$PORTS" --scope 10.20.0.0/16 --scope 192.0.2.0/24 --no-discovery --state "$1.state" \
        -o "jsonl:$1.jsonl" 2>"$1.err"
}

{ net_create && deviate; } 2>net.err || tap_fail "the network is made" "$(<net.err)"
listen_all || tap_fail "servers listen" "$(<listening)"

# Beside all that follows: what is scanned stays as it is.
sweep world "${publics[@]}" &
sweeps=($!)
sweep office "${publics[@]}" &
sweeps+=($!)
sweep probe "${owns[@]}" &
sweeps+=($!)

# ---- the daemon ----
DB=$DIR/lab.db
cat >config.yaml <<YAML
version: 1
scope: [10.20.0.0/16, 192.0.2.0/24]
services: false
vantages:
  - {name: world, class: world, address: $WORLD, run: [nsenter, -t, "${place[world]}", -n, $BIN/leastport-scan]}
  - {name: inside, class: own-vpc, address: ${own[probe]}, run: [nsenter, -t, "${place[probe]}", -n, $BIN/leastport-scan]}
YAML
ip link set lo up
"$BIN/leastport" serve --config config.yaml --db "$DB" --listen 127.0.0.1:0 2>log >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 60 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
url=$(grep -o 'http://127[^"]*' log | head -n 1)
token=$("$BIN/leastport" token create --db "$DB" --name test 2>/dev/null)

take() {
    "$BIN/leastport" import aws cloud --db "$DB" 2>err || tap_fail "the snapshot is imported" "$(<err)"
}

# look VANTAGE TARGET...: an audit from there, of the VPC's realm. 1: it has findings.
look() {
    local status
    "$BIN/leastport" audit "${@:2}" -p "$PORTS" --no-services --realm vpc-lab --vantage "$1" --db "$DB" >out 2>err
    status=$?
    ((status <= 1)) || tap_fail "an audit from $1" "status $status: $(<err)"
}

# truth PLACE FROM SIDE: where what is declared and what the sweep saw differ; how much was held goes to the log.
truth() {
    python3 "$LAB_HERE/cloud_truth.py" cloud "$url" "$token" "$2" "$3" "$PORTS" "$1.jsonl" >"$1.truth" 2>&1
    tap_diag "$1: $(tail -n 1 "$1.truth")" >&3
    head -n -1 "$1.truth"
}

# answer: what is found now, and what the pages of the hosts say.
answer() {
    curl -fsS -H "Authorization: Bearer $token" "${url}api/v1/findings?presence=NEW,OPEN,REAPPEARED&limit=500" >findings.json ||
        tap_fail "findings are told"
    tap_is "all findings are on one page" "$(jq .next_cursor findings.json)" null
    node "$LAB_HERE/declared_words.mjs" "$url" "$token" >words 2>err || tap_fail "the pages' words are told" "$(<err)"
}

# kinds HOST PORT: "kind evidence" of what is found there, with commas.
kinds() {
    jq -r --arg host "$1" --argjson port "$2" '[.items[] | select((.host.name // .host.address) == $host and .port == $port)
        | "\(.kind) \(.terms.evidence.value)"] | sort | join(", ")' findings.json
}

# where KIND: "host port" of all that are found, with commas.
where() {
    jq -r --arg kind "$1" '[.items[] | select(.kind == $kind) | "\(.host.name // .host.address) \(.port)"] | sort | join(", ")' findings.json
}

# says HOST PORT: what its page says of it, a line for each place that saw it.
says() {
    awk -F ' [|] ' -v host="$1" -v port="$2/tcp" '$1 == host && $2 == port { print $3 " | " $4 " | " $5 }' words
}
# ---- nobody has looked ----
exec 3>&1
take
answer
tap_is "reachable, and nobody looked" "$(kinds web 443); $(kinds web 6379); $(kinds web 8080)" \
    "declared-unlooked 0.7; declared-unlooked 0.7; declared-unlooked 0.7"
tap_is "as its page says" "$(says web 443)" \
    "reachable | nobody has looked from where it is let in | Declared open, and what answers there is not known."
tap_is "nothing else is found of hosts yet" "$(jq -r '[.items[] | select(.port > 0).kind] | unique | join(" ")' findings.json)" \
    "declared-unlooked plain-listener"
tap_like "of the rules themselves, routes that lead nowhere" "$(jq -r '.items[] | select(.kind == "dead-reference").title' findings.json)" \
    "vpc-lab: (a rule or route leads|[0-9]+ rules and routes lead) to what is gone"

# ---- from within ----
look inside "${owns[@]}"
answer
tap_is "reachable, and open within" "$(kinds web 443); $(kinds 10.20.1.50 80)" \
    "declared-exposure 0.7, exposure 1; declared-exposure 0.7, exposure 1, plain-listener 1"
tap_is "reachable, and closed" "$(where empty-room | grep -o '\(web\|guard\) [0-9]*' | xargs)" "guard 80 web 8080"
tap_is "reachable, and silent within, which says nothing of the internet" "$(kinds web 6379)" "declared-unlooked 0.7"
tap_is "a target's balancer is gone around" "$(kinds app 8443)" "balancer-bypass 0.7, declared-exposure 0.7, exposure 1"

# ---- from the world ----
look world "${publics[@]}"
answer
tap_is "reachable and open: exposed" "$(kinds web 443) $(says web 443 | tail -n 1)" \
    "exposure 1 reachable | open, from world | Exposed: the internet may reach it, and it answers."
tap_is "through the balancer, too" "$(says 192.0.2.80 80 | tail -n 1)" "reachable | open, from world | Exposed: the internet may reach it, and it answers."
tap_is "reachable and closed: an empty room" "$(kinds web 8080) $(says web 8080)" \
    "empty-room 0.4 reachable | closed | A rule without a listener: close it before something moves in."
tap_is "also within a range, of which the rest was not looked at" "$(says guard 23-1023 | cut -d '|' -f 2,3)" \
    " nobody has looked from where it is let in: 999 ports (23-79,81-442,444-1023), Telnet on 23/tcp among them | Declared open, and what answers there is not known.
 closed: HTTP in clear on 80/tcp | A rule without a listener: close it before something moves in."
tap_is "reachable and silent" "$(kinds web 6379) $(says web 6379)" \
    "declared-silent 0.4 reachable | no answer to the internet | Declared open and silent: a firewall of the host's own, or something on the way that is not declared."
tap_like "which of both is likelier, is said" "$(jq -r '.items[] | select(.kind == "declared-silent") | .why' findings.json)" "more likely a firewall of the host's own"
tap_is "nothing else is silent: who is not let in hears nothing by right" "$(where declared-silent)" "web 6379"
tap_is "which is told as what nobody has looked at" "$(kinds web 3389)" "declared-unlooked 0.7"
tap_is "blocked and open: both are told, and it is the only one" "$(where undeclared-exposure); $(kinds web 2222); $(says web 2222)" \
    "web 2222; exposure 1, undeclared-exposure 1; blocked | open, from world | Contradiction: it answers the internet, and nothing that is declared lets it. The model, the scan or an undeclared path is wrong."
tap_is "it is the loudest of its page" "$(grep -m 1 '^web ' words | cut -d '|' -f 2)" " 2222/tcp "
tap_is "blocked return and silent: the network ACL trap, open within or silent there" "$(kinds trap 443); $(kinds trap 6379); $(says trap 443)" \
    "acl-trap 1, exposure 1; acl-trap 1; answers blocked | open, from inside | The network ACL trap: what comes in gets no answer out."
tap_is "blocked and silent is nothing" "$(kinds lone 22)$(kinds hole 22)$(kinds back 443)" ""
tap_is "nor is what only the VPC reaches" "$(kinds hole 443) $(says hole 443)" "exposure 1 blocked | open, from inside | Open inside; the internet does not reach it."
look inside "${owns[@]}"
answer
tap_is "open within, and the world, which is let in, heard nothing" "$(kinds web 80)" "declared-exposure 0.4, exposure 1"
tap_is "of whom only ranges are let in, nobody of the world knows" "$(kinds web 22); $(kinds guard 3306)" "declared-exposure 0.7, exposure 1; declared-exposure 0.7, exposure 1"

# ---- the truth: every port of every interface, from three places ----
for pid in "${sweeps[@]}"; do
    wait "$pid" || tap_fail "sweeps from three places" "$(cat world.err office.err probe.err)"
done
tap_is "the world gets an answer from what is declared reachable and from nothing else, but where something was not declared" \
    "$(truth world $WORLD outside)" "web 80: REACHABLE, filtered
web 2222: BLOCKED, open
web 6379: REACHABLE, filtered"
tap_is "so does an office that has rules of its own" "$(truth office $OFFICE outside)" "web 80: REACHABLE, filtered
web 2222: BLOCKED, open
web 3389: REACHABLE, filtered
web 6379: REACHABLE, filtered"
tap_is "and so does a host within" "$(truth probe i-probe inside)" "web 3389: REACHABLE, filtered
web 6379: REACHABLE, filtered
trap 3389: REACHABLE, filtered
trap 6379: REACHABLE, filtered"
# shellcheck disable=SC2016 # awk's
tap_ok "each of them was held at every interface, and got answers" awk -v ports="$(tr ',' '\n' <<<"$PORTS" | wc -l)" \
    -v publics=${#publics[@]} -v owns=${#owns[@]} 'function fail() { print FILENAME, $0; bad = 1 }
    / held, / { files++; wanted = ports * (FILENAME == "probe.truth" ? owns - 1 : publics); if ($1 != wanted || $3 < 7) fail() }
    END { exit bad || files != 3 }' world.truth office.truth probe.truth

# ---- a list that was not read ----
events() {
    sql "$DB" "SELECT count(*) FROM finding_event"
}
before=$(events)
: >cloud/network-acls.json
take
answer
tap_is "unknown, whatever was observed" "$(says web 443 | tail -n 1); $(says web 2222 | cut -d '|' -f 1); $(says trap 443)" \
    "not known | open, from world | Something on the way was not read: whether the internet reaches it is not known.; blocked ; not known | open, from inside | Something on the way was not read: whether the internet reaches it is not known."
tap_is "nothing of that is found, and nothing is over" "$(events)" "$before"
tap_like "what would have to be read is said" "$("$BIN/leastport" reach --to web:443 --db "$DB" 2>&1 >/dev/null)" "describe-network-acls"
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0
tap_done
