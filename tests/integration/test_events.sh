#!/usr/bin/env bash
# Events of real audits: who listens gets every one, in order and once, as the database has them, while the web server is
# killed and the daemon is started again; a limited token's listener hears of its realm alone; a revoked one's is cut off.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "events of a daemon's audits" "$0" "$@"
begin
DB=$DIR/audit.db

serve() {
    "$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:8480 >/dev/null 2>>"$DIR/log" &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 30 curl -sf http://127.0.0.1:8480/readyz || tap_fail "the server answers" "$(cat "$DIR/log")"
}

# listener NAME ARGUMENT...: with a token of that name; what it hears is in DIR/NAME.
listener() {
    TOKEN=$("$BIN/leastport" token create --db "$DB" --name "$@" 2>/dev/null) \
        node "$HERE/event_listener.mjs" http://127.0.0.1:8480/api/v1/events >"$DIR/$1" 2>"$DIR/$1.err" &
    harness_pids+=($!)
    wait_for 20 grep -q '^ready ' "$DIR/$1" || tap_fail "$1 listens" "$(cat "$DIR/$1.err")"
}

web_pid() {
    pgrep -P "$daemon" leastport-web
}

has_other_web() {
    [[ $(web_pid) != "$1" ]] && curl -sf http://127.0.0.1:8480/readyz
}

# heard NAME EVENT PART: the numbers of that kind, out of ids that can be read.
heard() {
    awk -v event="$2" -v part="$3" '$1 == event { split($2, id, "-"); print id[part] }' "$DIR/$1"
}

# content NAME: what was told, by kind: of each event what stays as it was, without the ids and the fleet's scores.
content() {
    of "$1" finding '[.finding, .at, .what, .was, .became, .reason]'
    of "$1" score 'select(.scope != "fleet") | [.subject, .exposure, .first_at]'
    of "$1" scan '[.scan.uuid, .what]'
}

# of NAME EVENT FILTER
of() {
    sed -n "s/^$2 [^ ]* //p" "$DIR/$1" | jq -c "$3"
}

has_all() {
    [[ $(heard "$1" scan 3 | wc -l) == $(sql "$DB" 'SELECT count(*) FROM scan_event') ]]
}

has_as_much() {
    [[ $(content "$1" | wc -l) == $(content "$2" | wc -l) ]]
}

serve_ports there "$THERE" 22 6379
serve
listener everything
listener default --realm default
listener nowhere --realm nowhere

audit "$THERE" -p 22,5432,6379 --db "$DB"
tap_is "an audit that the daemon does" "$status" 1
end_server "$server"
old=$(web_pid)
kill -9 "$old"
audit "$THERE" -p 22,5432,6379 --db "$DB"
wait_for 30 has_other_web "$old"
kill "$daemon"
wait "$daemon" 2>/dev/null
serve_ports there "$THERE" 5432 6379
serve
audit "$THERE" -p 22,5432,6379 --db "$DB"
wait_for 30 has_all everything
tap_is "who listens hears of every scan what it did" "$(heard everything scan 3)" \
    "$(sql "$DB" 'SELECT id FROM scan_event ORDER BY id')"
tap_is "of every change of a finding" "$(heard everything finding 1)" \
    "$(sql "$DB" 'SELECT id FROM finding_event ORDER BY id')"
tap_is "of every score" "$(heard everything score 2)" \
    "$(sql "$DB" "SELECT id FROM score WHERE scope IN ('fleet', 'realm') ORDER BY id")"
tap_is "there was something" "$(sql "$DB" 'SELECT count(*) > 5 FROM finding_event')" 1
tap_is "and nothing had to be begun anew" "$(cut -d' ' -f1 "$DIR/everything" | grep -c -e ready -e reset)" 1
wait_for 30 has_as_much default everything
tap_is "a token of a realm hears the same of it" "$(content default)" "$(content everything)"
tap_is "and cannot read how many rows there are" "$(cut -d' ' -f2 "$DIR/default" | grep -c -E '^[0-9]+-[0-9]+-[0-9]+-')" 0
tap_is "a token of another hears nothing" "$(content nowhere)" ''

"$BIN/leastport" token revoke everything --db "$DB" >/dev/null 2>&1
wait_for 30 grep -q '^refused' "$DIR/everything"
tap_is "a token that is revoked ends its stream" "$(tail -n 1 "$DIR/everything")" refused
finding=$(sql "$DB" 'SELECT uuid FROM finding WHERE port = 6379')
"$BIN/leastport" acknowledge "$finding" --reason "a person's word" --db "$DB" >/dev/null 2>&1
tap_ok "others go on" wait_for 30 grep -q "^finding .*a person's word" "$DIR/default"
tap_done
