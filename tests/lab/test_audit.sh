#!/usr/bin/env bash
# Audits of the lab's real servers against its truth; prints TAP. Without an argument it is the outside, which starts labs; inside
# it is the command of a lab.
set -uo pipefail

HERE=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
LAB=${LAB:-$HERE/lab}
# shellcheck source=tests/tap.sh
source "$HERE/../tap.sh"
PORTS=common,1-30,3389,5901,65535

if [[ ${1-} != inside ]]; then
    if ! unshare --net --mount true 2>/dev/null && ! unshare -Urnm true 2>/dev/null; then
        tap_skip "audits of the lab" "no network namespaces here"
        tap_done
        exit
    fi
    if ((EUID != 0)) && ! "$LAB" run -- true 2>/dev/null; then
        tap_skip "audits of the lab" "no Debian tree for the servers, and making it needs root"
        tap_done
        exit
    fi
    "$LAB" build >/dev/null || {
        tap_fail "the lab's Debian tree can be made"
        tap_done
        exit
    }
    exec "$LAB" run -- bash "$0" inside
fi

DIR=$(mktemp -d)
trap 'rm -rf -- "$DIR"' EXIT
DB=$DIR/lab.db
mapfile -t ADDRESSES < <(jq -r '.hosts[].addresses[]' "$LAB_TRUTH")

sql() {
    sqlite3 -readonly "$1" "$2"
}

# audit DB ARGUMENT...: an audit of ports alone; sets status; what it says is in $DIR/err.
audit() {
    local db=$1
    shift
    "$BIN/leastport" audit --no-services "${ADDRESSES[@]}" -p "$PORTS" --db "$db" "$@" >"$DIR/out" 2>"$DIR/err"
    status=$?
}

truth_open() {
    jq -r '.hosts[] | select(.state == "up") | .ports[] | select(.state == "open") | "\(.address) \(.port)"' "$LAB_TRUTH" | sort
}

seen_open() {
    sql "$1" "SELECT e.address || ' ' || e.port FROM endpoint e JOIN endpoint_state s ON s.endpoint_id = e.id
              WHERE s.ended_at IS NULL AND s.state = 'open'" | sort
}

# findings DB WHERE: "address port presence sight", one a line.
findings() {
    sql "$1" "SELECT i.value || ' ' || f.port || ' ' || f.presence || ' ' || f.sight FROM finding f
              JOIN asset_identity i ON i.asset_id = f.asset_id AND i.kind = 'address' WHERE ${2:-1} ORDER BY 1"
}

nmap_open() {
    local family
    for family in 4 6; do
        local -a flags=(-sT -n -Pn -T4 --min-rtt-timeout 1300ms --max-retries 1 -oG - -p "$1") targets
        mapfile -t targets < <(printf '%s\n' "${ADDRESSES[@]}" | grep "$([[ $family == 6 ]] && echo : || echo '\.')")
        if [[ $family == 6 ]]; then
            flags+=(-6)
        fi
        nmap "${flags[@]}" "${targets[@]}"
    done | awk '/Ports:/ { host = $2; sub(/.*Ports: /, ""); sub(/\t.*/, ""); n = split($0, ports, ", ")
        for (i = 1; i <= n; i++) { split(ports[i], field, "/"); if (field[2] == "open") print host, field[1] } }' | sort
}

# What the baseline says of each port that is open in the lab, seen from the own network (docs: domain of ports).
verdicts() {
    truth_open | while read -r address port; do
        case $port in
        23) printf '%s %s high baseline/telnet\n' "$address" "$port" ;;
        6379) printf '%s %s medium baseline/redis\n' "$address" "$port" ;;
        5432) printf '%s %s medium baseline/postgresql\n' "$address" "$port" ;;
        3306) printf '%s %s medium baseline/mysql\n' "$address" "$port" ;;
        11211) printf '%s %s medium baseline/memcached\n' "$address" "$port" ;;
        9092) printf '%s %s low baseline/kafka\n' "$address" "$port" ;;
        80) printf '%s %s low baseline/http\n' "$address" "$port" ;;
        8080 | 8090) printf '%s %s low baseline/backend\n' "$address" "$port" ;;
        *) printf '%s %s low default\n' "$address" "$port" ;;
        esac
    done
}

# ---- the ground truth, again and again ----
repeats=${LEASTPORT_TEST_REPEATS:-2}
for ((round = 1; round <= repeats; round++)); do
    audit "$DIR/round.db"
    tap_is "round $round: exit status 1" "$status" 1
    tap_is "round $round: exactly the ground truth" "$(seen_open "$DIR/round.db")" "$(truth_open)"
    tap_is "round $round: the findings are the baseline's verdicts" \
        "$(sql "$DIR/round.db" "SELECT i.value, f.port, f.severity, f.rule_id FROM finding f JOIN asset_identity i
            ON i.asset_id = f.asset_id AND i.kind = 'address'" | tr '|' ' ' | sort)" "$(verdicts)"
    rm -f -- "$DIR"/round.db*
done

audit "$DB"
plan=$(sql "$DB" "SELECT json_extract(plan, '\$.ports') FROM scan ORDER BY id LIMIT 1")
tap_is "nmap -sT agrees port by port" "$(nmap_open "$plan")" "$(seen_open "$DB")"
tap_is "every finding is OPEN and FRESH after the second look" "$(findings "$DB" | cut -d' ' -f3- | sort -u)" 'OPEN FRESH'

# ---- down, back ----
ADDRESSES=(10.77.0.80 10.77.0.30 10.77.0.40)
"$LAB" host nomad down
audit "$DB"
tap_is "a host that is down: STALE, not FIXED" "$(findings "$DB" "i.value = '10.77.0.80'")" \
    $'10.77.0.80 22 OPEN STALE\n10.77.0.80 6379 OPEN STALE'
tap_is "others stay FRESH" "$(findings "$DB" "i.value = '10.77.0.30'")" '10.77.0.30 6379 OPEN FRESH'
"$LAB" host nomad up
audit "$DB"
tap_is "it comes back: FRESH" "$(findings "$DB" "i.value = '10.77.0.80'")" \
    $'10.77.0.80 22 OPEN FRESH\n10.77.0.80 6379 OPEN FRESH'

# ---- closed, open again ----
"$LAB" service nomad redis stop
audit "$DB"
tap_is "a port that answers RST: FIXED" "$(findings "$DB" "i.value = '10.77.0.80' AND port = 6379")" \
    '10.77.0.80 6379 FIXED FRESH'
"$LAB" service nomad redis start
audit "$DB"
tap_is "open again: REAPPEARED" "$(findings "$DB" "i.value = '10.77.0.80' AND port = 6379")" \
    '10.77.0.80 6379 REAPPEARED FRESH'
tap_like "its history says when and why" "$(sql "$DB" "SELECT group_concat(became || ' ' || (at > 0) || ' ' || reason, '; ')
    FROM (SELECT e.* FROM finding_event e JOIN finding f ON f.id = e.finding_id JOIN asset_identity i
    ON i.asset_id = f.asset_id AND i.value = '10.77.0.80' WHERE f.port = 6379 AND what = 'presence' ORDER BY e.id)")" \
    'NEW 1 .*; OPEN 1 .*; VERIFYING 1 refused.*; FIXED 1 refused.*; REAPPEARED 1 '

# ---- a firewall that is silent ----
"$LAB" port nomad 6379 drop
audit "$DB"
one=$(findings "$DB" "i.value = '10.77.0.80' AND port = 6379")
tap_ok "silent in one complete scan: not FIXED" test "${one/FIXED/}" = "$one"
audit "$DB"
tap_is "silent in two complete scans while its host answers: FIXED" \
    "$(findings "$DB" "i.value = '10.77.0.80' AND port = 6379")" '10.77.0.80 6379 FIXED FRESH'
"$LAB" port nomad 6379 allow
audit "$DB"

# ---- another tenant ----
"$LAB" tenant nomad
audit "$DB" --new-tenant 10.77.0.80
tap_is "another tenant of the address inherits nothing" "$(sql "$DB" "SELECT f.port, f.presence FROM finding f
    JOIN asset a ON a.id = f.asset_id AND a.ended_at IS NULL JOIN asset_identity i ON i.asset_id = a.id
    AND i.value = '10.77.0.80' AND i.valid_to IS NULL ORDER BY 1" | paste -sd' ')" '22|OPEN 80|OPEN'
tap_is "what was found on the old one is RETIRED" "$(sql "$DB" "SELECT DISTINCT sight FROM finding f JOIN asset a
    ON a.id = f.asset_id AND a.ended_at IS NOT NULL")" RETIRED
tap_like "and the history says who said so" \
    "$(sql "$DB" "SELECT actor || ': ' || reason FROM finding_event WHERE became = 'RETIRED' LIMIT 1")" \
    "^$(id -un) .*another machine"

# ---- a server's patience ----
shop_as_root() {
    chroot "$LAB_DIR/root" mariadb --no-defaults -S /lab/shop/mysql/socket -N -e "$1"
}

shop_as_user() {
    chroot "$LAB_DIR/root" mariadb --no-defaults -h "$1" -u shop -pleastport -N -e 'SELECT 1' 2>&1
}

shop_broken() {
    shop_as_root "SHOW GLOBAL STATUS LIKE 'Aborted_connects'" | cut -f2
}

shop_as_root 'FLUSH HOSTS; SET GLOBAL max_connect_errors = 3'
broken=$(shop_broken)
"$LAB" counters shop reset
for ((round = 0; round < 30; round++)); do
    "$BIN/leastport" scan --connect 10.77.0.110 fd77::110 -p 3306 -o jsonl:- 2>/dev/null
done | jq -r 'select(.type == "port") | "\(.host) \(.state)"' >"$DIR/patience"
tap_is "MariaDB is found open by 30 scans over each family" "$(sort "$DIR/patience" | uniq -c | awk '{$1 = $1} 1')" \
    $'30 10.77.0.110 open\n30 fd77::110 open'
tap_is "whose probes did arrive" "$("$LAB" counters shop | jq '.ports."3306"')" 60
tap_is "MariaDB counts none of them as a broken connect" "$(($(shop_broken) - broken))" 0
tap_is "and lets in who comes from the same addresses" "$(shop_as_user 10.77.0.110) $(shop_as_user fd77::110)" '1 1'
for ((round = 0; round < 8; round++)); do
    timeout 5 bash -c 'exec 3<>/dev/tcp/10.77.0.110/3306; head -c 1 <&3' >/dev/null
done
tap_like "which it does not after broken handshakes (error 1129)" "$(shop_as_user 10.77.0.110)" 1129
shop_as_root 'FLUSH HOSTS'

# ---- two realms ----
audit "$DB" --realm elsewhere
tap_is "the same address in two realms is two assets" "$(sql "$DB" "SELECT count(DISTINCT a.id) FROM asset a
    JOIN asset_identity i ON i.asset_id = a.id AND i.valid_to IS NULL WHERE i.value = '10.77.0.30'")" 2

tap_done
