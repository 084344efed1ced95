#!/usr/bin/env bash
# Inventories: files that change, are cut off or broken; hosts that come, go, move and come back; names.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "inventories in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db
for host in 3 4 5 6 7; do
    nsenter -t "$there" -n ip addr add "10.99.0.$host/24" dev v0
done
serve_ports there 0.0.0.0 22
serve_ports here 127.0.0.1 22

cat >"$DIR/config.yaml" <<'YAML'
version: 1
ports: 22
services: false
verify: false
inventories:
  - {name: fleet, file: fleet.json, tags: {env: prod}}
  - {name: names, dns: localhost, tags: {role: self}}
  - {name: few, hosts: [{address: 10.99.0.2, name: two.example, tags: {app: shop}}]}
schedules:
  - {name: fleet, cron: "0 0 1 1 *", inventory: fleet}
  - {name: names, cron: "0 0 1 1 *", inventory: names}
  - {name: few, cron: "0 0 1 1 *", inventory: few}
YAML

# fleet HOST...: the file anew, put into its place at once. A host is the last number of its address, or number=id.
fleet() {
    local host separator=
    {
        printf '{"hosts": ['
        for host in "$@"; do
            printf '%s\n{"address": "10.99.0.%s", "id": "i-%s", "name": "n%s.example", "tags": {"app": "shop", "n": "%s"}}' \
                "$separator" "${host%=*}" "${host#*=}" "${host#*=}" "${host#*=}"
            separator=,
        done
        printf ']}\n'
    } >"$DIR/fleet.new"
    mv "$DIR/fleet.new" "$DIR/fleet.json"
}

start_daemon() {
    : >"$DIR/log"
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

inventory() {
    "$BIN/leastport" inventory "$@" --db "$DB" 2>&1
}

# scan NAME: runs the schedule and waits for its end.
scan() {
    local before
    before=$(sql "$DB" "SELECT count(*) FROM schedule_run WHERE state IN ('complete', 'unanswered', 'failed')")
    "$BIN/leastport" schedule run "$1" --db "$DB" 2>"$DIR/err" || tap_fail "schedule run $1" "$(<"$DIR/err")"
    has_ended() {
        [[ $(sql "$DB" "SELECT count(*) FROM schedule_run WHERE state IN ('complete', 'unanswered', 'failed')") -gt $before ]]
    }
    wait_for 30 has_ended || tap_fail "the run of $1 ends" "$(<"$DIR/log")"
}

# sights: "ADDRESS SIGHT" of the findings, one a line.
sights() {
    sql "$DB" "SELECT (SELECT value FROM asset_identity i WHERE i.asset_id = f.asset_id AND kind = 'address'
        ORDER BY valid_to IS NULL DESC, i.id DESC LIMIT 1) || ' ' || f.sight FROM finding f ORDER BY 1"
}

hosts() {
    sql "$DB" "SELECT group_concat(key, ' ') FROM (SELECT key FROM inventory_host h JOIN inventory i
        ON i.id = h.inventory_id WHERE i.name = '$1' AND h.gone_at IS NULL ORDER BY key)"
}

hosts_are() {
    [[ $(hosts "$1") == "$2" ]]
}

shows() {
    inventory list --json | grep -q -E -- "$1"
}

tags() {
    sql "$DB" "SELECT group_concat(t.key || '=' || t.value, ' ') FROM (SELECT * FROM asset_tag ORDER BY key) t
        JOIN asset_identity i ON i.asset_id = t.asset_id AND i.valid_to IS NULL
        WHERE i.value = '$1' AND t.valid_to IS NULL AND t.source = 'inventory'"
}

all=$'10.99.0.2 FRESH\n10.99.0.3 FRESH\n10.99.0.4 FRESH\n10.99.0.5 FRESH\n10.99.0.6 FRESH\n10.99.0.7 FRESH'

# ---- from file to findings ----
fleet 2 3 4 5 6 7
start_daemon
tap_is "the file is read at start" "$(hosts fleet)" "i-2 i-3 i-4 i-5 i-6 i-7"
tap_is "its hosts are known before any scan, with their tags" "$(tags i-4)" "app=shop env=prod n=4"
tap_like "the list shows it" "$(inventory list)" 'fleet +default +6 '
scan fleet
tap_is "a schedule scans them all" "$(sights)" "$all"
tap_is "as few targets" "$(sql "$DB" "SELECT json_extract(plan, '\$.targets') FROM scan LIMIT 1")" '["10.99.0.2-10.99.0.7"]'
tap_is "a scan makes no second asset" "$(sql "$DB" "SELECT count(*) FROM asset WHERE ended_at IS NULL")" 6

# ---- broken files ----
head -c 200 "$DIR/fleet.json" >"$DIR/cut"
cp "$DIR/cut" "$DIR/fleet.json"
tap_ok "a file that is cut off is an error that the list shows" wait_for 20 shows 'fleet.json: line 3, column'
tap_is "what it said last stays" "$(hosts fleet)" "i-2 i-3 i-4 i-5 i-6 i-7"
scan fleet
tap_is "and is scanned" "$(sql "$DB" "SELECT state FROM schedule_run ORDER BY id DESC LIMIT 1")" complete
: >"$DIR/fleet.json"
tap_ok "so is an empty one" wait_for 20 shows 'fleet.*it is empty'
rm "$DIR/fleet.json"
tap_ok "and one that is gone" wait_for 20 shows 'fleet.*No such file'
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
start_daemon
tap_is "also over a restart" "$(hosts fleet)" "i-2 i-3 i-4 i-5 i-6 i-7"
tap_is "nothing is retired by all that" "$(sights)" "$all"

# ---- hosts that go and come back ----
fleet 2 3 4 5 6
tap_ok "a change is noticed" wait_for 20 hosts_are fleet "i-2 i-3 i-4 i-5 i-6"
tap_like "who is gone is retired" "$(sights)" '10\.99\.0\.7 RETIRED$'
tap_is "with the reason" "$(sql "$DB" "SELECT reason FROM finding_event WHERE became = 'RETIRED'")" \
    "the inventory fleet no longer has it"
tap_is "and counts no more for coverage" \
    "$(sql "$DB" "SELECT count(*) FROM coverage c JOIN asset_identity i ON i.asset_id = c.asset_id WHERE i.value = 'i-7'")" 0
fleet 2 3
tap_ok "a loss of more than a fifth waits for somebody" wait_for 20 shows '"name":"fleet".*"withheld":3'
tap_like "as the list says" "$(inventory list)" 'lacks 3'
tap_is "nobody is retired meanwhile" "$(sights | grep -c RETIRED)" 1
tap_ok "confirm" inventory confirm fleet
tap_is "retires them" "$(sights | grep -c RETIRED)" 4
tap_like "an unknown inventory is named" "$(inventory confirm nobody)" 'no inventory "nobody"'
fleet 2 3 4 5 6 7
tap_ok "they come back" wait_for 20 hosts_are fleet "i-2 i-3 i-4 i-5 i-6 i-7"
scan fleet
tap_is "as the same hosts, and are fresh when they are seen" "$(sights)" "$all"

# ---- hosts that move ----
fleet 3=2 2=3 4 5 6 7
moved() {
    [[ $(tags 10.99.0.3) == "app=shop env=prod n=2" ]]
}
tap_ok "two that swapped their addresses keep their ids and tags" wait_for 20 moved
tap_is "nobody is new" "$(sql "$DB" "SELECT count(*) FROM asset WHERE ended_at IS NULL")" 6
fleet 2 3 4 5 6 7=8
replaced() {
    [[ $(sql "$DB" "SELECT a.id > 6 FROM asset a JOIN asset_identity i ON i.asset_id = a.id AND i.valid_to IS NULL
        WHERE i.value = '10.99.0.7'") == 1 ]]
}
tap_ok "another id at an address is another machine" wait_for 20 replaced
tap_is "and the one before it is retired" \
    "$(sql "$DB" "SELECT sight FROM finding f JOIN asset_identity i ON i.asset_id = f.asset_id WHERE i.value = 'i-7'")" RETIRED

# ---- CSV ----
csv() {
    printf 'address,id,name,tag:app,tags\n' >"$DIR/fleet.new"
    for host in "$@"; do
        printf '10.99.0.%s,i-%s,n%s.example,"sh""op",n=%s;zone=a\r\n' "$host" "$host" "$host" "$host"
    done >>"$DIR/fleet.new"
}
csv 2 3 4 5 6 8
mv "$DIR/fleet.new" "$DIR/fleet.json"
in_csv() {
    [[ $(tags i-4) == 'app=sh"op env=prod n=4 zone=a' ]]
}
tap_ok "CSV is read" wait_for 20 in_csv
csv 2 3 4 5 6
mv "$DIR/fleet.new" "$DIR/fleet.json"
tap_ok "without a mark of its end it retires nobody" wait_for 20 shows '"name":"fleet".*"withheld":1'
csv 2 3 4 5 6
printf '#end,6\n' >>"$DIR/fleet.new"
mv "$DIR/fleet.new" "$DIR/fleet.json"
tap_ok "a mark that is wrong is an error" wait_for 20 shows 'line 7: #end,N must be the last line'
csv 2 3 4 5 6
printf '#end,5\n' >>"$DIR/fleet.new"
mv "$DIR/fleet.new" "$DIR/fleet.json"
tap_ok "with the right one who lacks is gone" wait_for 20 hosts_are fleet "i-2 i-3 i-4 i-5 i-6"

# ---- names, and hosts of the configuration ----
scan names
tap_is "a name is resolved when it is scanned" \
    "$(sql "$DB" "SELECT json_extract(plan, '\$.targets') FROM scan ORDER BY id DESC LIMIT 1")" '["localhost"]'
tap_is "and what was found has its tags" "$(tags localhost)" "role=self"
scan few
tap_is "hosts of the configuration are scanned" \
    "$(sql "$DB" "SELECT json_extract(plan, '\$.targets') FROM scan ORDER BY id DESC LIMIT 1")" '["10.99.0.2"]'
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0
tap_done
