#!/usr/bin/env bash
# The daemon deletes what is old and over by itself: what is open stays, the file gets smaller, and it is told what went.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "retention by the daemon, in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db

# start_daemon RETENTION: sets daemon; what it says is in $DIR/log.
start_daemon() {
    printf 'version: 1\nretention: {%s}\n' "$1" >"$DIR/config.yaml"
    : >"$DIR/log"
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 30 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

end_daemon() {
    kill -TERM "$daemon"
    wait "$daemon"
    tap_is "the daemon ends in order" "$?" 0
}

# upkeep FILTER: of what the daemon says of its last pass.
upkeep() {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b"{\"op\":\"status\"}\n"); print(s.makefile().readline())' \
        "$DB.sock" | jq -r ".upkeep | $1"
}

# upkeep_is FILTER
upkeep_is() {
    [[ $(upkeep "$1") == true ]]
}

# old_scores DB: 8 MiB of what is old and over, and before what stands now, as it is in life: of all scores the newest one
# never goes.
old_scores() {
    sqlite3 -cmd '.timeout 20000' "$1" "BEGIN IMMEDIATE;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms, policy_id, first_at, last_at,
            ended_at) SELECT 'host', 'gone', 1, 'A', '[]', 0, 0, 1, printf('[%.*c]', 4000, ' '), (SELECT min(id) FROM policy),
            i * 10, i * 10 + 9, i * 10 + 10 FROM n;
        UPDATE score SET id = id + 10000 WHERE ended_at IS NULL;
        COMMIT;
        PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
}

kib() {
    echo $(($(stat -c %s "$1") / 1024))
}

# open_things DB: all that must stay.
open_things() {
    sql "$1" "SELECT uuid, presence, disposition, penalty, first_seen FROM finding ORDER BY id;
        SELECT * FROM finding_event ORDER BY id; SELECT * FROM endpoint_state ORDER BY id;
        SELECT * FROM score WHERE ended_at IS NULL"
}

AGES='intervals: 1s, events: 1s, scores: 1h, certificates: 1h, alerts: 1h, plans: 1h, audit_log: 52w, every: 1s'

# ---- a database that this version made ----
serve_ports there "$THERE" 22 6379
audit "$THERE" -p 22,6379 --db "$DB"
tap_is "an audit makes a database that can give room back" "$status $(sql "$DB" 'PRAGMA auto_vacuum')" '1 2'
empty_kib=$(kib "$DB")
old_scores "$DB"
full_kib=$(kib "$DB")
before=$(open_things "$DB")
start_daemon "$AGES"
tap_ok "a pass runs by itself, and ends" wait_for 60 upkeep_is '.rows == 2000'
tap_is "and says how much of the file it freed" \
    "$(upkeep "[.freed_bytes / 1024 >= $full_kib - $empty_kib - 64, .file_bytes / 1024 <= $empty_kib + 64, .error] | @csv")" \
    'true,true,'
ended=$(upkeep .ended_at)
tap_ok "another one follows, which finds nothing" wait_for 60 upkeep_is ".ended_at > \"$ended\" and .rows == 2000"
tap_is "the file is as small as before: $empty_kib KiB, $full_kib, $(kib "$DB")" \
    "$(($(kib "$DB") <= empty_kib + 64))" 1
tap_is "what is open stands as it stood" "$(open_things "$DB")" "$before"
tap_is "the audit log has one entry of it" "$(sql "$DB" "SELECT actor, outcome, substr(detail, 1, 12) FROM audit_log
    WHERE what = 'retention'")" 'leastport-auditd|done|2000 scores;'
tap_is "and so has the log" "$(grep -c 'what was over and old is deleted: 2000 scores; the database has' "$DIR/log")" 1

# Audits go on beside it.
old_scores "$DB"
audit "$THERE" -p 22,6379 --db "$DB"
tap_is "an audit beside a pass is well" "$status" 1
tap_ok "and so is the pass" wait_for 60 upkeep_is '.rows == 4000'

end_daemon
"$BIN/leastport" check --db "$DB" >"$DIR/out" 2>&1
tap_is "the database is whole" "$? $(grep -c ' is whole' "$DIR/out")" '0 1'

# Nothing is old where all is kept.
old_scores "$DB"
start_daemon 'intervals: forever, events: forever, scores: forever, certificates: forever, alerts: forever, plans: forever, audit_log: forever, every: 1s'
tap_ok "a pass that is to keep all ends" wait_for 60 upkeep_is '.ended_at != null'
tap_is "and deletes nothing" "$(upkeep '.rows') $(sql "$DB" "SELECT count(*) FROM score WHERE subject = 'gone'")" '0 2000'
end_daemon

# ---- one from before ----
application=$(sql "$DB" 'PRAGMA application_id')
sqlite3 "$DB" '.dump' >"$DIR/dump.sql"
rm -f -- "$DB"*
{
    echo "PRAGMA application_id = $application;"
    echo "PRAGMA user_version = $(find "$ROOT/schema/migrations" -name '*.sql' | wc -l);"
    cat "$DIR/dump.sql"
} | sqlite3 "$DB"
start_daemon "$AGES"
tap_ok "of an older file, too, what is old goes" wait_for 60 upkeep_is '.rows == 2000'
tap_is "which does not get smaller" "$(($(kib "$DB") > full_kib - 64)) $(upkeep .freed_bytes)" '1 0'
tap_like "as the log says, with what to do" "$(<"$DIR/log")" 'made by an earlier version.*leastport retain --compact'
end_daemon
"$BIN/leastport" retain --compact --dry-run --db "$DB" >/dev/null 2>"$DIR/err"
tap_like "to count and to compact are two wishes" "$? $(<"$DIR/err")" '^2 .*choose one'
before=$(open_things "$DB")
"$BIN/leastport" retain --compact --db "$DB" >"$DIR/out" 2>"$DIR/err"
tap_like "it is made smaller once: $(<"$DIR/err")" "$? $(kib "$DB")" "^0 [0-9]+$"
tap_is "and is small, and gives back from then on" "$(($(kib "$DB") <= empty_kib + 64)) $(sql "$DB" 'PRAGMA auto_vacuum')" '1 2'
tap_is "with all that it had" "$(open_things "$DB")" "$before"
tap_is "that, too, stands in the audit log" "$(sql "$DB" "SELECT count(*), max(actor LIKE '$(id -un) %') FROM audit_log
    WHERE what = 'retention' AND actor <> 'leastport-auditd'")" '1|1'
"$BIN/leastport" check --db "$DB" >"$DIR/out" 2>&1
tap_is "and is whole" "$? $(grep -c ' is whole' "$DIR/out")" '0 1'
tap_done
