#!/usr/bin/env bash
# Many open ports that vanish at once: nothing turns FIXED until a later scan confirms it or somebody lifts the hold; who
# asks is told, and so is a receiver of alerts, once.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "a hold in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db
place=site/here
ports=()
for port in {7001..7010}; do
    ports+=("$port")
done

node -e '
    require("http").createServer((request, response) => {
        let body = "";
        request.on("data", (part) => (body += part)).on("end", () => {
            console.log(body);
            response.end();
        });
    }).listen(8201, "127.0.0.1", () => console.log("ready"));' >"$DIR/told" &
harness_pids+=($!)
wait_for 20 grep -q ready "$DIR/told" || tap_fail "a receiver of alerts" "$(<"$DIR/told")"
cat >"$DIR/config.yaml" <<END
version: 1
realm: site
vantage: here
targets: [$THERE]
ports: 22,7001-7010
services: false
schedules: [{name: all, cron: "0 0 1 1 *"}]
alerts:
  receivers: [{name: well, kind: webhook, url: "http://127.0.0.1:8201/"}]
  rules: [{name: self, on: [self], severity: low, to: [well]}]
END
# One that stays: the host is there.
serve_ports there 0.0.0.0 22
serve_ports there 0.0.0.0 "${ports[@]}"
vanishing=$server
"$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
harness_pids+=($!)
wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"

# scan: the schedule runs to its end, with its second look at what changed.
scan() {
    local before
    before=$(sql "$DB" "SELECT count(*) FROM schedule_run WHERE ended_at IS NOT NULL")
    "$BIN/leastport" schedule run all --db "$DB" 2>"$DIR/err" || tap_fail "schedule run" "$(<"$DIR/err")"
    has_ended() {
        [[ $(sql "$DB" "SELECT count(*) FROM schedule_run WHERE ended_at IS NOT NULL") -gt $before ]]
    }
    wait_for 60 has_ended || tap_fail "the scan ends" "$(<"$DIR/log")"
}

# presences: "PRESENCE COUNT" of the ports that may vanish.
presences() {
    sql "$DB" "SELECT group_concat(p, ', ') FROM (SELECT presence || ' ' || count(*) AS p FROM finding WHERE port > 7000
        GROUP BY presence ORDER BY 1)"
}

amiss() {
    "$BIN/leastport" alert amiss "$@" --db "$DB" 2>&1
}

scan
scan
tap_is "ten ports are known to be open" "$(presences)" "OPEN 10"
tap_is "and nothing is amiss" "$(sql "$DB" "SELECT count(*) FROM alert_condition")" 0
end_server "$vanishing"
scan
tap_is "when they vanish at once none is FIXED, second look or not" "$(presences)" "VERIFYING 10"
tap_like "who asks is told why, and what to do" "$(amiss)" \
    "fewer-open.*$place: 10 of 11 open endpoints are gone at once.*leastport alert lift $place"
tap_like "scripts too" "$(amiss --json)" "\"kind\":\"fewer-open\",\"subject\":\"$place\""
tap_like "each finding keeps that it was held" \
    "$(sql "$DB" "SELECT evidence FROM finding_event WHERE became = 'VERIFYING' LIMIT 1")" '"held":true'
tap_ok "a receiver is told" wait_for 20 grep -q '10 of 11 open endpoints are gone' "$DIR/told"
tap_like "a report counts them as findings still, to be verified" "$("$BIN/leastport" report --db "$DB" 2>&1)" \
    '11 findings.*10 answering no more, to be verified'
report_in_a_line() { "$BIN/leastport" report --db "$DB" 2>&1 | tr -s '\n ' ' '; }
tap_like "and why none turns FIXED" "$(report_in_a_line)" \
    "Held at VERIFYING: $place: 10 of 11 open endpoints are gone at once.*leastport alert lift $place"

"$BIN/leastport" alert lift site/nowhere --db "$DB" >"$DIR/out" 2>"$DIR/err"
tap_is "a place that is not held cannot be lifted" "$?" 2
tap_ok "lift" "$BIN/leastport" alert lift "$place" --db "$DB"
says_nothing_held() { ! report_in_a_line | grep -q "Held at VERIFYING"; }
tap_ok "a report says no more of it" says_nothing_held
tap_is "it is known who did" "$(sql "$DB" "SELECT ended_by <> '' AND ended_at IS NOT NULL FROM alert_condition")" 1
tap_is "that alone fixes nothing" "$(presences)" "VERIFYING 10"
scan
tap_is "the next scan does" "$(presences)" "FIXED 10"
tap_is "and begins no other hold" "$(sql "$DB" "SELECT count(*) FROM alert_condition")" 1

# ---- an outage, and one that a scan confirms ----
serve_ports there 0.0.0.0 "${ports[@]}"
vanishing=$server
scan
tap_is "they are back" "$(presences)" "REAPPEARED 10"
end_server "$vanishing"
scan
tap_is "and gone again: held" "$(presences)" "VERIFYING 10"
tap_like "as the list says" "$(amiss)" fewer-open
scan
tap_is "a later scan that finds the same confirms it" "$(presences)" "FIXED 10"
tap_is "nobody had to lift that" \
    "$(sql "$DB" "SELECT count(*) FROM alert_condition WHERE ended_at IS NOT NULL AND ended_by = ''")" 1
held_twice() {
    [[ $(grep -c 'open endpoints are gone' "$DIR/told") == 2 ]]
}
tap_ok "each hold was told of once" wait_for 20 held_twice
tap_done
