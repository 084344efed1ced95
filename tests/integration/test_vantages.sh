#!/usr/bin/env bash
# Several vantages: each schedule scans from its own, another machine's scanner by a command of the configuration.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "vantages in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db
serve_ports here 0.0.0.0 6379
# A process that sees the network as the other host does; it leaves a line for each time that it is used.
cat >"$DIR/outside" <<SCRIPT
#!/bin/sh
echo "\$@" >>"$DIR/used"
exec nsenter -t "$there" -n "\$@"
SCRIPT
chmod +x "$DIR/outside"
cat >"$DIR/config.yaml" <<YAML
version: 1
targets: 10.99.0.1
ports: 6379
services: false
vantage: inside
vantages:
  - {name: outside, class: world, address: 203.0.113.9, tags: {site: other}, run: [$DIR/outside, $BIN/leastport-scan]}
  - {name: broken, run: [$DIR/nobody, leastport-scan]}
  - {name: cut, run: [sh, -c, "printf 'connection refused\\\\r\\\\n' >&2; exit 255"]}
schedules:
  - {name: in, cron: "0 0 1 1 *"}
  - {name: out, cron: "0 0 1 1 *", vantage: outside}
  - {name: connects, cron: "0 0 1 1 *", probe: connect}
  - {name: bad, cron: "0 0 1 1 *", vantage: broken}
  - {name: cut, cron: "0 0 1 1 *", vantage: cut}
YAML

"$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"

# scan NAME: runs the schedule; its state is in $state.
scan() {
    local before
    before=$(sql "$DB" "SELECT count(*) FROM schedule_run WHERE ended_at IS NOT NULL")
    "$BIN/leastport" schedule run "$1" --db "$DB" 2>"$DIR/err" || tap_fail "schedule run $1" "$(<"$DIR/err")"
    has_ended() {
        [[ $(sql "$DB" "SELECT count(*) FROM schedule_run WHERE ended_at IS NOT NULL") -gt $before ]]
    }
    wait_for 30 has_ended || tap_fail "the run of $1 ends" "$(<"$DIR/log")"
    state=$(sql "$DB" "SELECT state || ' ' || message FROM schedule_run ORDER BY id DESC LIMIT 1")
}

seen() {
    sql "$DB" "SELECT v.name || ' ' || e.port || ' ' || s.self FROM endpoint e JOIN vantage v ON v.id = e.vantage_id
        JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL WHERE s.state = 'open' ORDER BY v.name"
}

scan in
tap_is "a schedule without a vantage scans from the configuration's" "$state" "complete "
tap_is "as what is its own" "$(seen)" "inside 6379 1"
probes() { sql "$DB" "SELECT json_extract(plan, '$.probes') FROM scan WHERE request <> '' ORDER BY id DESC LIMIT 1"; }
tap_is "by SYNs, which this place can send" "$(probes)" '["syn"]'
scan connects
tap_is "a schedule may want connects" "$state $(probes)" 'complete  ["connect"]'
before=$(sql "$DB" "SELECT penalty FROM finding")
scan out
tap_is "one with another scans from there" "$state" "complete "
tap_is "by the command that it names" "$(head -n 1 "$DIR/used" | cut -d' ' -f1-3)" "$BIN/leastport-scan --plan -"
tap_is "and sees the port as a stranger" "$(seen)" $'inside 6379 1\noutside 6379 0'
tap_is "its class is the declared one" "$(sql "$DB" "SELECT declared_class FROM vantage WHERE name = 'outside'")" world
tap_like "where it stands is known" "$(sql "$DB" "SELECT stands FROM vantage WHERE name = 'outside'")" \
    '203\.0\.113\.9.*"site":"other"'
tap_is "what the world reaches weighs more" \
    "$(sql "$DB" "SELECT penalty > $before AND severity = 'critical' FROM finding")" 1
scan bad
tap_like "a command that cannot be run fails" "$state" "^failed "
tap_like "and the log says why" "$(<"$DIR/log")" "cannot start $DIR/nobody: No such file"
scan cut
tap_is "what the command said last is why" "$state" "failed the scanner failed with status 255: connection refused"
audit 10.99.0.1 --db "$DB" -p 6379 --vantage outside --fresh
tap_is "a person's audit can go there, too" "$(sql "$DB" "SELECT v.name FROM scan s JOIN vantage v ON v.id = s.vantage_id
    WHERE s.request <> '' ORDER BY s.id DESC LIMIT 1")" outside
printf 'version: 1\ntargets: x\nvantages: [{name: a}]\nschedules: [{name: s, cron: "@daily", vantage: b}]\n' >"$DIR/wrong.yaml"
tap_like "a vantage that nobody listed is an error with its place" \
    "$("$BIN/leastport" schedule check --config "$DIR/wrong.yaml" 2>&1)" 'wrong\.yaml:4:48: error: there is no vantage of this name'
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0
tap_done
