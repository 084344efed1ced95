#!/usr/bin/env bash
# Databases of every version, with what an audit of that version left in them (make_version.sh): brought to the newest
# they are whole and say what that version said; one from the future is refused; a backup comes back, also in place of a
# damaged file; what is old and over goes, and each invariant that is broken is named.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
DIR=$(mktemp -d)
trap harness_end EXIT
NEWEST=$(find "$ROOT/schema/migrations" -name '*.sql' | wc -l)

lp() {
    "$BIN/leastport" "$@" >"$DIR/out" 2>"$DIR/err"
    status=$?
    out=$(<"$DIR/out")
    err=$(<"$DIR/err")
}

# count_of GLOB: how many files of DIR have such a name.
count_of() {
    find "$DIR" -maxdepth 1 -name "$1" | wc -l
}

# says DB: what is held against what the version said, in the same words.
says() {
    sql "$1" "SELECT '-- says: ' || f.port || ' ' || f.presence || ' ' || f.disposition || ' ' || f.sight || ' ' ||
        f.severity || ' ' || f.rule_id || ' ' || f.penalty FROM finding f ORDER BY f.port"
    sql "$1" "SELECT '-- score: ' || score || ' ' || grade FROM score WHERE scope = 'fleet' AND ended_at IS NULL"
    "$BIN/leastport" report --db "$1" -o jsonl:- | jq -r 'select(.type == "finding")
        | "-- report: \(.host) \(.port) \(.presence) \(.severity) \(.rule_id)"' | LC_ALL=C sort
}

breaks=()
for fixture in "$HERE"/versions/*.sql.gz; do
    name=$(basename -- "$fixture" .sql.gz)
    number=$((10#$name))
    gzip -dc "$fixture" >"$DIR/$name.sql"
    sqlite3 "$DIR/$name.db" <"$DIR/$name.sql"
    tap_is "version $number: so its database says" "$(sql "$DIR/$name.db" 'PRAGMA user_version')" "$number"
    cp -- "$DIR/$name.db" "$DIR/backup.db"
    lp restore "$DIR/backup.db" --db "$DIR/new.db"
    tap_is "version $number: comes to version $NEWEST" "$status $(sql "$DIR/new.db" 'PRAGMA user_version')" "0 $NEWEST"
    lp check --db "$DIR/new.db"
    tap_is "version $number: is whole then" "$status $out" "0 $(readlink -f "$DIR/new.db") is whole: ${out##* is whole: }"
    tap_is "version $number: says what it said" "$(says "$DIR/new.db")" "$(grep '^-- ' "$DIR/$name.sql")"
    rm -f -- "$DIR"/new.db*
done

# A schema from the future.
cp -- "$DIR/backup.db" "$DIR/future.db"
sqlite3 "$DIR/future.db" "PRAGMA user_version = $((NEWEST + 1))"
for verb in check report; do
    lp "$verb" --db "$DIR/future.db"
    tap_is "$verb: a newer database is refused" "$status $out" '2 '
    tap_like "$verb: and says so" "$err" "newer Leastport|schema version $((NEWEST + 1)), this program reads version $NEWEST"
done
lp restore "$DIR/future.db" --db "$DIR/new.db"
tap_is "restore: a newer backup is refused, and nothing is made" "$status $(count_of new.db)" '2 0'

# ---- backup and the way back ----

DB=$DIR/live.db
lp restore "$DIR/backup.db" --db "$DB"
before=$(says "$DB")
lp backup "$DIR/kept" --db "$DB"
tap_is "a backup is one file, whole" "$status $(sql "$DIR/kept" 'PRAGMA integrity_check') $(count_of 'kept*')" \
    '0 ok 1'
tap_is "nobody else may read it" "$(stat -c %a "$DIR/kept")" "$(stat -c %a "$DB")"
sqlite3 "$DB" "UPDATE finding SET penalty = 0; DELETE FROM score"
lp restore "$DIR/kept" --db "$DB"
tap_is "it comes back in the place of what changed" "$status $(says "$DB")" "0 $before"
kept=$(sed -n 's/.* is kept as //p' "$DIR/err")
tap_is "what was there is kept" "$(sql "$kept" 'SELECT count(*), sum(penalty) FROM finding')" "$(sql "$DIR/kept" 'SELECT count(*) FROM finding')|0.0"

# While somebody writes: each backup is one moment.
sqlite3 "$DB" 'CREATE TABLE pair (a INTEGER, b INTEGER)'
(while [[ ! -e $DIR/enough ]]; do
    sqlite3 -cmd '.timeout 20000' "$DB" \
        'BEGIN; INSERT INTO pair SELECT count(*), 0 FROM pair; UPDATE pair SET b = (SELECT count(*) FROM pair); COMMIT'
done) &
writer=$!
harness_pids+=("$writer")
written() {
    (($(sql "$DB" 'SELECT count(*) FROM pair') > $1))
}
torn=0
for ((round = 0; round < 5; round++)); do
    wait_for 20 written $((round * 2)) || torn=$((torn + 1))
    lp backup "$DIR/moment" --db "$DB"
    [[ $status == 0 && $(sql "$DIR/moment" 'SELECT count(*) FROM pair WHERE b <> (SELECT count(*) FROM pair)') == 0 ]] ||
        torn=$((torn + 1))
done
touch "$DIR/enough"
wait "$writer"
tap_is "beside a writer each backup is one moment" "$torn $(sql "$DIR/moment" 'SELECT count(*) > 8 FROM pair')" '0 1'

# Beside a daemon's lock.
flock --no-fork "$DB.lock" sleep 600 &
holder=$!
harness_pids+=("$holder")
held() {
    ! flock -n "$DB.lock" true
}
wait_for 20 held
lp backup "$DIR/beside" --db "$DB"
tap_is "a backup needs no lock" "$status" 0
lp check --db "$DB"
tap_is "nor does a check" "$status" 0
lp restore "$DIR/kept" --db "$DB"
tap_is "nothing comes back under a daemon's feet" "$status $(sql "$DB" 'SELECT count(*) > 0 FROM pair')" '2 1'
kill "$holder"
wait "$holder" 2>/dev/null

# What is refused.
lp backup "$DB" --db "$DB"
tap_is "a backup onto the database itself is refused" "$status" 2
tap_like "and says why" "$err" 'is the database itself'
lp backup "$DIR/none/at/all" --db "$DB"
tap_is "a folder that is not there" "$status" 2
echo "no database" >"$DIR/text"
lp backup "$DIR/copy" --db "$DIR/text"
tap_is "a file that is no database makes no backup" "$status $(count_of 'copy*')" '2 0'
sqlite3 "$DIR/foreign.db" 'CREATE TABLE t (a)'
lp restore "$DIR/foreign.db" --db "$DB"
tap_is "another program's database does not come back" "$status $(sql "$DB" 'SELECT count(*) > 0 FROM pair')" '2 1'
head -c 20000 "$DIR/kept" >"$DIR/half"
lp restore "$DIR/half" --db "$DB"
tap_is "nor does half a backup" "$status $(sql "$DB" 'SELECT count(*) > 0 FROM pair')" '2 1'
tap_like "with what to do then" "$err" "$DIR/half is damaged, cut short, or .*; use an older backup"
lp restore "$DIR" --db "$DB"
tap_like "a folder is no backup" "$status $err" '^2 .* no plain file; name '
lp backup "$DIR/copy" --db "$DIR"
tap_like "nor a database to copy" "$status $err" '^2 .* no plain file; name '
lp check --db "$DIR"
tap_like "nor to look at" "$status $err" '^2 .*it is a folder; name a file in it'

# A damaged database.
DB=$DIR/hurt.db
for damage in "head" "middle"; do
    rm -f -- "$DB"*
    cp -- "$DIR/kept" "$DB"
    if [[ $damage == head ]]; then
        printf 'this is not a database' | dd of="$DB" conv=notrunc status=none
    else
        head -c 8192 /dev/zero | tr '\0' '\377' | dd of="$DB" bs=4096 seek=20 conv=notrunc status=none
    fi
    lp check --db "$DB"
    tap_is "damage at its $damage is found" "$status" 1
    tap_like "and said what to do" "$err" 'leastport restore BACKUP'
    lp restore "$DIR/kept" --db "$DB"
    tap_is "a backup takes the place of it" "$status $(says "$DB")" "0 $before"
    tap_ok "the damaged file is kept" test -n "$(find "$DIR" -name 'hurt.db.damaged-*')"
    rm -f -- "$DIR"/hurt.db.damaged-*
done

# ---- what is old and over goes ----

DB=$DIR/aged.db
cp -- "$DIR/kept" "$DB"
sqlite3 "$DB" "INSERT INTO alert (id, uuid, rule, receiver, key, severity_rank, title, created_at, state, next_at,
        delivered_at) VALUES (1, 'old', 'r', 'r', '', 1, 't', 1, 'delivered', 1, 2), (2, 'dead', 'r', 'r', '', 1, 't', 1,
        'dead', 1, NULL);
    INSERT INTO alert_line SELECT id, id, 'k', 'new', 1, 'exposure', 's', 'tcp', 1, '', '', 't', '', 1, '[]' FROM alert;
    INSERT INTO alert_item SELECT (SELECT min(id) FROM finding), 'r', 'new', id, id FROM alert_line;
    INSERT INTO audit_log VALUES (1, 1, 'somebody', '', 'did', 'done', ''), (2, 9e12, 'somebody', '', 'will', 'done', '');
    INSERT INTO certificate SELECT 1000, 'unseen', der, subject, issuer, names, not_before, not_after, key, key_bits,
        signature, 1 FROM certificate LIMIT 1"
printf 'version: 1\nretention: {%s}\n' \
    'intervals: 1s, events: 1s, scores: 1s, certificates: 1s, alerts: 1d, plans: 1s, audit_log: 1d' >"$DIR/short.yaml"
before=$(says "$DB")
lp retain --db "$DB" --dry-run
tap_is "by default what is young stays" \
    "$status $(awk '$1 != "alerts" && $1 != "certificates" && $1 != "audit_log" { n += $2 } END { print n }' <<<"$out")" '0 0'
lp retain --db "$DB" --config "$DIR/short.yaml" --dry-run
counted=$(awk '{ print $1, $2 }' <<<"$out")
tap_is "a dry run deletes nothing" "$status $(sql "$DB" 'SELECT count(*) FROM alert')" '0 2'
tap_is "each kind has what goes" "$(awk '$2 > 0 { n++ } END { print n }' <<<"$counted")" 7
lp retain --db "$DB" --config "$DIR/short.yaml"
tap_is "as much goes as was counted" "$status $(awk '{ print $1, $2 }' <<<"$out")" "0 $counted"
tap_is "what is open says what it said" "$(says "$DB")" "$before"
tap_is "who did not get an alert is not forgotten" "$(sql "$DB" 'SELECT group_concat(uuid) FROM alert')" dead
tap_is "nor the certificate that is shown" "$(sql "$DB" 'SELECT count(*), sum(id = 1000) FROM certificate')" '1|0'
lp check --db "$DB"
tap_is "and the database is whole" "$status" 0
lp retain --db "$DB" --config "$DIR/short.yaml"
tap_is "nothing goes twice" "$status $(awk '{ n += $2 } END { print n }' <<<"$out")" '0 0'
printf 'version: 1\nretention: {interval: 1s}\n' >"$DIR/wrong.yaml"
lp retain --db "$DB" --config "$DIR/wrong.yaml"
tap_like "a slip of the pen in an age is said" "$status $err" '^2 .*wrong.yaml:2:13: .*interval'

# ---- every invariant, broken ----

while IFS='|' read -r name change; do
    breaks+=("$name")
    cp -- "$DIR/kept" "$DIR/broken.db"
    sqlite3 "$DIR/broken.db" "PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON; $change" 2>"$DIR/sql.err"
    lp check --db "$DIR/broken.db"
    tap_is "check names $name $(<"$DIR/sql.err")" "$status $(cut -d: -f1 <<<"$out" | grep -c "^$name\$")" '1 1'
    rm -f -- "$DIR"/broken.db*
done <<'END'
references|DELETE FROM vantage
legal-moves|UPDATE finding_event SET became = 'FIXED' WHERE id = (SELECT max(id) FROM finding_event WHERE what = 'presence' AND was = 'NEW')
event-chain|UPDATE finding_event SET was = 'ALLOWED' WHERE id = (SELECT max(id) FROM finding_event WHERE what = 'presence' AND became = 'VERIFYING')
state-has-event|UPDATE finding SET presence = 'ALLOWED' WHERE port = 5432
fingerprint|UPDATE finding SET fingerprint = 'x' || fingerprint WHERE port = 80
policy-hash|UPDATE policy SET source = source || ' ' WHERE source <> ''
endpoint-intervals|DROP INDEX endpoint_state_living; UPDATE endpoint_state SET ended_at = NULL
asset-intervals|DROP INDEX asset_state_living; INSERT INTO asset_state SELECT id + 1000, asset_id, vantage_id, address, state, reason, first_seen, last_seen, ended_at, first_scan_id, last_scan_id FROM asset_state
fact-intervals|DROP INDEX endpoint_fact_living; INSERT INTO endpoint_fact SELECT id + 1000, endpoint_id, name, value, since, ended_at, scan_id FROM endpoint_fact
score-intervals|DROP INDEX score_living; UPDATE score SET ended_at = NULL
interval-order|UPDATE endpoint_state SET last_seen = first_seen - 1
severity-rank|UPDATE finding SET severity_rank = 4 WHERE port = 80
penalty|UPDATE finding SET penalty = penalty + 1 WHERE port = 80
seen-order|UPDATE finding SET last_seen = first_seen - 1 WHERE port = 80
fixed-date|UPDATE finding SET fixed_at = NULL WHERE port = 22
open-seen|DELETE FROM endpoint_state WHERE endpoint_id = (SELECT id FROM endpoint WHERE port = 80)
fixed-closed|UPDATE endpoint_state SET state = 'open' WHERE ended_at IS NULL AND endpoint_id = (SELECT id FROM endpoint WHERE port = 22)
vantage-order|UPDATE finding_vantage SET until = since - 1
waived-has-waiver|UPDATE waiver SET ended_at = until
waiver-terms|UPDATE waiver SET owner = ''
waiver-grant|INSERT INTO waiver_grant VALUES (1, 'u', 'r', '{}', 'o', 'r', 9e12, 1, '[]', 'a', 1, 2, 'x'); UPDATE waiver SET grant_id = 1
acknowledged-as|UPDATE finding SET acknowledged_breadth = NULL WHERE disposition = 'ACKNOWLEDGED'
identity-ended|UPDATE asset SET ended_at = created_at
identity-order|UPDATE asset_identity SET valid_to = valid_from - 1
scan-ended|UPDATE scan SET ended_at = NULL
alert-lines|INSERT INTO alert (uuid, rule, receiver, key, severity_rank, title, created_at, state, next_at) VALUES ('u', 'r', 'r', '', 1, '', 1, 'waiting', 1)
alert-cursor|INSERT OR REPLACE INTO alert_cursor VALUES (1, 1000000)
END
cp -- "$DIR/kept" "$DIR/broken.db"
sqlite3 "$DIR/broken.db" "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 1000000 WHERE name = 'alert_to_send'"
lp check --db "$DIR/broken.db"
tap_is "an index that is not there is damage" "$status" 1
lp check --list
tap_is "each that is looked at was broken here" "$(awk '{ print $1 }' <<<"$out" | grep -vx integrity | LC_ALL=C sort)" \
    "$(printf '%s\n' "${breaks[@]}" | LC_ALL=C sort)"
tap_done
