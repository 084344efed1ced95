#!/usr/bin/env bash
# An audit asks what answers, and tells: facts in the store, findings, the report, the score. Prints TAP; in namespaces of its own.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "audits of servers that answer" "$0" "$@"
begin

# speak [password]: the servers, in $server.
speak() {
    local log
    log=$(mktemp -p "$DIR")
    nsenter -t "$there" -n node "$HERE/answering_servers.mjs" 10.99.0.2 "$@" >"$log" 2>&1 &
    server=$!
    harness_pids+=("$server")
    wait_for 20 grep -q ready "$log" || tap_fail "servers that answer" "$(cat "$log")"
}

# ask DB ARGUMENT...: an audit of them from the world, as a person types it.
ask() {
    local db=$1
    shift
    "$BIN/leastport" audit $THERE -p 2022,4444 --rate 0 --host-rate 0 --vantage out:world --db "$DIR/$db" "$@" >"$DIR/out" 2>"$DIR/err"
    status=$?
    out=$(tr -s ' \n' ' ' <"$DIR/out")
}

facts() {
    sql "$DIR/$1" "SELECT e.port || ' ' || f.name || '=' || f.value FROM endpoint_fact f JOIN endpoint e ON e.id = f.endpoint_id
        WHERE f.ended_at IS NULL AND f.name IN ('service', 'auth', 'door', iif(e.port = 4444, 'version', '')) ORDER BY e.port, f.name" | paste -sd' '
}

# reported DB JQ: of the report's lines.
reported() {
    "$BIN/leastport" report --db "$DIR/$1" -o jsonl:- | jq -r "$2"
}

# Each audit hears other greetings, which say nothing else of the server.
greetings() {
    sql "$DIR/dated.db" "SELECT group_concat(value, ' ') FROM (SELECT value FROM endpoint_fact WHERE name = 'banner' AND ended_at IS NULL ORDER BY value)"
}

# Each time anew, where servers are not asked at each audit.
again=()
"$BIN/leastport" audit --ask-again --help >"$DIR/out" 2>"$DIR/err" && again=(--ask-again)
dated() {
    "$BIN/leastport" audit $THERE -p 2110,2525 --rate 0 --host-rate 0 --vantage out:world --db "$DIR/dated.db" --no-verify "${again[@]}" \
        >"$DIR/out" 2>"$DIR/err"
}

speak
dated
first=$(greetings)
dated
tap_like "servers greet with the time" "$first | $(greetings)" 'POP3 .*Exim.*GMT \| .*POP3 .*Exim.*GMT'
tap_ok "and with another each time" test "$first" != "$(greetings)"
tap_is "that is no change of the service: no fact but the greeting has a history" \
    "$(sql "$DIR/dated.db" "SELECT count(*), group_concat(DISTINCT name) FROM endpoint_fact WHERE ended_at IS NOT NULL")" "0|"
ask asked.db
tap_is "findings are there: 1" "$status" 1
tap_is "what answers is stored, and which door stood open" "$(facts asked.db)" \
    "2022 service=ssh 4444 auth=none 4444 door=INFO 4444 service=redis 4444 version=7.0.15"
tap_is "a server is asked once: the second look at its port asks nothing" \
    "$(sql "$DIR/asked.db" "SELECT group_concat(json_extract(plan, '\$.services'), ' ') FROM scan")" '{"doors":true}'
tap_like "the report says what answers, and that it wants no credential" "$out" \
    'What answers redis \(Redis 7\.0\.15\), answers without a credential; in clear: 10\.99\.0\.2 4444/tcp ssh.*: 10\.99\.0\.2 2022/tcp Changes'
tap_like "the open door is a finding" "$(reported asked.db 'select(.rule_id == "baseline/open-door") | "\(.port) \(.service) \(.severity) \(.facts.auth) \(.facts.version)"')" \
    '^4444 redis critical none 7\.0\.15$'
tap_like "a database open to the world caps the grade whatever its port" "$out" 'Score [0-9.]+, grade F.* Held down: a database is open to the world: F at best\.'
tap_is "each open port that was asked has a line, with the bytes that prove it" \
    "$(reported asked.db 'select(.type == "service") | "\(.port) \(.service) \(.evidence | map(.received // empty) | join("") | contains("redis_version:7.0.15"))"' | paste -sd' ')" \
    "2022 ssh false 4444 redis true"
tap_is "what a server says reaches no terminal as it is" \
    "$(cat "$DIR/out" <("$BIN/leastport" report --db "$DIR/asked.db" -o jsonl:-) | grep -c -P '\x1b|\xe2\x80\xae')" 0

ask asked.db --no-verify
tap_is "what answers the same makes no change" "$(sql "$DIR/asked.db" "SELECT count(*) FROM endpoint_fact WHERE ended_at IS NOT NULL")" 0
end_server "$server"
speak password
ask asked.db --no-verify
tap_is "a password is a change, and the door is shut" "$(facts asked.db)" \
    "2022 service=ssh 4444 auth=required 4444 service=redis"
tap_like "and a database open to the world is capped for still" "$out" 'grade F.* Held down: a database is open to the world: F at best\.'

ask doors.db --no-verify --no-door-checks
tap_is "--no-door-checks stands in the plan" "$(sql "$DIR/doors.db" "SELECT json_extract(plan, '\$.services') FROM scan")" '{"doors":false}'
ask none.db --no-verify --no-services
tap_is "--no-services asks nothing" "$(facts none.db) $(sql "$DIR/none.db" "SELECT json_extract(plan, '\$.services') IS NULL FROM scan")" " 1"
printf 'version: 1\nservices: false\n' >"$DIR/quiet.yaml"
ask quiet.db --no-verify --config "$DIR/quiet.yaml"
tap_is "nor does a configuration that says so" "$(facts quiet.db)" ""
tap_done
