#!/usr/bin/env bash
# A fault at each write of what keeps the database: backup, restore (over a database that can be read, and over a damaged
# one), the steps of the schema, retention, the file written anew, and the daemon's own retention. Nothing that was stored is
# lost, what was cut off is taken up by the next run, and what went wrong is said. Then the same on small real disks
# that are full. A few points of each; all of them with --long.
set -uo pipefail
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of keeping in a namespace" "$0" "$@"
if [[ -z ${KEEPING_MOUNTS-} ]]; then
    KEEPING_MOUNTS=1 exec unshare -m --propagation private bash "$0" "$@"
fi
begin
if [[ -z ${LEASTPORT_TEST_POINTS-} && ${LEASTPORT_TEST_LONG:-0} != 1 ]]; then
    FAULT_POINTS=6
    DISKS_KIB=(0 100 600 1400 8000)
else
    DISKS_KIB=(0 16 40 100 200 400 600 800 1000 1400 2000 4000 8000)
fi
MASTER=$DIR/master
mkdir "$MASTER"

paths_in() {
    FOLDER=$1/kept
    DB=$FOLDER/audit.db
    COPY=$FOLDER/copy
    mkdir -p "$FOLDER"
}

# ---- what is compared ----

# contents DB: every row and the schema, but the audit log; a copy is read, with what a writer that died had begun.
contents() {
    rm -rf -- "$DIR/look"
    mkdir "$DIR/look"
    local part
    for part in '' -wal -journal; do
        [[ ! -e $1$part ]] || cp -- "$1$part" "$DIR/look/db$part"
    done
    sqlite3 "$DIR/look/db" "SELECT 'integrity_check: ' || integrity_check FROM pragma_integrity_check
        WHERE integrity_check <> 'ok'; PRAGMA user_version" .dump 2>&1 | grep -v -E '^INSERT INTO (audit_log|sqlite_sequence|stream_key) '
}

# is_one_of FOUND WANTED...
is_one_of() {
    local wanted
    for wanted in "${@:2}"; do
        ! cmp -s "$1" "$wanted" || return 0
    done
    return 1
}

# judge_end KIND STATUS: what is wrong with how a run with a fault ended.
judge_end() {
    [[ -e $DIR/acted ]] || return 0
    case $1/$2 in
    count/0 | before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT" | short/0) ;;
    # What fails after a commit (the log's way into the database) takes nothing away.
    enospc/0 | eio/0) ;;
    enospc/2 | eio/2)
        grep -q -E "error: .*$FOLDER.*(disk is full|disk reports an error|No space left|Input/output error|cannot be opened).*(; |make room)" \
            "$DIR/err" || echo "does not say which file, why and what to do: $(<"$DIR/err")"
        ;;
    *) echo "status $2: $(<"$DIR/err")" ;;
    esac
}

# run COMMAND...: of leastport; its status, what it says is in $DIR/err.
run() {
    "$BIN/leastport" "$@" >"$DIR/out" 2>"$DIR/err"
}

# run_with KIND N COMMAND...: with a fault in whatever lies in the folder; SQLite's own temporary files, too.
run_with() {
    local kind=$1 at=$2
    shift 2
    with_fault "$kind" "$at" "$FOLDER*" run "$@"
}

# begin_with FILE...: these as the folder's files, and no others.
begin_with() {
    rm -rf -- "$FOLDER"
    mkdir "$FOLDER"
    cp -- "$@" "$FOLDER/"
}

# again COMMAND...: the next run, without a fault, must end well.
again() {
    run "$@" || echo "the next: status $?: $(<"$DIR/err")"
}

# ends_as FILE: the database is at last as an undisturbed run leaves it, and whole.
ends_as() {
    contents "$DB" | LC_ALL=C sort >"$DIR/found"
    LC_ALL=C sort "$1" | diff - "$DIR/found" | sed 's/^/other than undisturbed: /' | cut -c 1-200 | head -n 5
    run check --db "$DB" || echo "not whole: $(cat "$DIR/out" "$DIR/err")"
}

# ---- the databases ----

zcat "$HERE/../integration/versions/0003.sql.gz" | sqlite3 "$MASTER/old"
zcat "$HERE/../integration/versions/0009.sql.gz" | sqlite3 "$MASTER/backup"
run restore "$MASTER/backup" --db "$MASTER/audit.db" || tap_fail "a database is made" "$(<"$DIR/err")"
printf 'version: 1\nretention: {%s}\n' \
    'intervals: 1s, events: 1s, scores: 1h, certificates: 1s, alerts: 1h, plans: 1s, audit_log: 1h, every: 1s' >"$MASTER/config.yaml"
# What lies before what stands now, as in life, and takes some room.
sqlite3 "$MASTER/audit.db" "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
    INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms, policy_id, first_at, last_at,
        ended_at) SELECT 'host', 'gone', 1, 'A', '[]', 0, 0, 1, printf('[%.*c]', 9000, ' '), (SELECT min(id) FROM policy),
        i * 10, i * 10 + 9, i * 10 + 10 FROM n;
    UPDATE score SET id = id + 10000 WHERE ended_at IS NULL;
    PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
rm -f -- "$MASTER"/audit.db-*
paths_in "$DIR"
contents "$MASTER/audit.db" >"$MASTER/is.audit"

begin_with "$MASTER/audit.db"
run backup "$COPY" --db "$DB"
contents "$COPY" >"$MASTER/is.copy"
begin_with "$MASTER/backup"
run restore "$FOLDER/backup" --db "$DB"
contents "$DB" >"$MASTER/is.restored"
begin_with "$MASTER/old"
mv -- "$FOLDER/old" "$DB"
run retain --db "$DB"
contents "$DB" >"$MASTER/is.migrated"
begin_with "$MASTER/audit.db"
run retain --db "$DB" --config "$MASTER/config.yaml"
contents "$DB" >"$MASTER/is.retained"
tap_is "retention has what to delete" "$(awk '$2 > 0 { n++ } END { print (n >= 3) }' "$DIR/out") $(wc -l <"$MASTER/is.retained")" \
    "1 $(($(wc -l <"$MASTER/is.audit") - $(awk '$1 != "audit_log" && $1 != "plans" { n += $2 } END { print n }' "$DIR/out")))"
for name in audit copy restored migrated retained; do
    tap_is "what an undisturbed run leaves is there: $name" \
        "$(grep -c 'INSERT INTO finding ' "$MASTER/is.$name") $(grep -c integrity_check "$MASTER/is.$name")" '5 0'
done

# ---- a fault at each write ----

# at_backup KIND N: over a backup that is there, which stays until the new one is whole.
at_backup() {
    begin_with "$MASTER/audit.db" "$MASTER/backup"
    mv -- "$FOLDER/backup" "$COPY"
    run_with "$1" "$2" backup "$COPY" --db "$DB"
    judge_backup "$1" "$?"
}
judge_backup() {
    judge_end "$1" "$2"
    contents "$COPY" >"$DIR/found"
    if (($2 == 0)); then
        is_one_of "$DIR/found" "$MASTER/is.copy" || echo "status 0, and the backup is another"
    else
        cmp -s "$COPY" "$MASTER/backup" || is_one_of "$DIR/found" "$MASTER/is.copy" || echo "neither the old nor the new backup"
    fi
    if [[ -e $COPY.part && $1 != @(before|after|torn) ]]; then
        echo "a part is left behind"
    fi
    again backup "$COPY" --db "$DB"
    [[ ! -e $COPY.part ]] || echo "a part stays"
    contents "$COPY" >"$DIR/found"
    is_one_of "$DIR/found" "$MASTER/is.copy" || echo "the next backup is another"
    ends_as "$MASTER/is.audit"
}

# at_restore KIND N: an older backup over a database that can be read.
at_restore() {
    begin_with "$MASTER/audit.db" "$MASTER/backup"
    run_with "$1" "$2" restore "$FOLDER/backup" --db "$DB"
    judge_restore "$1" "$?" "$MASTER/is.audit"
}
# judge_restore KIND STATUS BEFORE
judge_restore() {
    local kept has_kept=0
    judge_end "$1" "$2"
    for kept in "$DB".before-*; do
        if [[ $kept != *.part && -e $kept ]]; then
            contents "$kept" >"$DIR/found"
            ! is_one_of "$DIR/found" "$3" "$MASTER/is.copy" || has_kept=1
        fi
    done
    contents "$DB" >"$DIR/found"
    if ! is_one_of "$DIR/found" "$3"; then
        ((has_kept)) || echo "the database is another, and the old one is not kept"
        # From the backup's version on, a step at a time.
        grep -q '^INSERT INTO finding ' "$DIR/found" && ! grep -q integrity_check "$DIR/found" || echo "it is no whole database"
    fi
    again restore "$FOLDER/backup" --db "$DB"
    ends_as "$MASTER/is.restored"
}

# at_replace KIND N: a backup in place of a damaged database.
at_replace() {
    begin_with "$MASTER/audit.db" "$MASTER/backup"
    printf 'this is not a database' | dd of="$DB" conv=notrunc status=none
    echo log >"$DB-wal"
    cp -- "$DB" "$DIR/damaged"
    run_with "$1" "$2" restore "$FOLDER/backup" --db "$DB"
    judge_replace "$1" "$?"
}
judge_replace() {
    local kept
    judge_end "$1" "$2"
    if ! cmp -s "$DB" "$DIR/damaged"; then
        kept=$(find "$FOLDER" -name 'audit.db.damaged-*Z' | head -n 1)
        cmp -s "${kept:-/dev/null}" "$DIR/damaged" || echo "the damaged file is not kept"
        [[ $(cat "$kept-wal") == log ]] || echo "nor its log"
    fi
    again restore "$FOLDER/backup" --db "$DB"
    ends_as "$MASTER/is.restored"
    [[ ! -e $DB.restored.part && ! -e $DB.restored ]] || echo "a part stays: $(ls "$FOLDER")"
}

# at_migration KIND N: an old database that a newer program opens.
at_migration() {
    begin_with "$MASTER/old"
    mv -- "$FOLDER/old" "$DB"
    run_with "$1" "$2" retain --db "$DB"
    judge_migration "$1" "$?"
}
judge_migration() {
    judge_end "$1" "$2"
    contents "$DB" >"$DIR/found"
    [[ $(grep -c '^INSERT INTO finding ' "$DIR/found") == 5 ]] && ! grep -q integrity_check "$DIR/found" ||
        echo "not whole between two versions: $(head -n 3 "$DIR/found")"
    again retain --db "$DB"
    ends_as "$MASTER/is.migrated"
}

# at_retention KIND N
at_retention() {
    begin_with "$MASTER/audit.db"
    run_with "$1" "$2" retain --db "$DB" --config "$MASTER/config.yaml"
    judge_retention "$1" "$?"
}
# What is gone is of what was to go, and nothing else is changed.
judge_between() {
    contents "$DB" | LC_ALL=C sort -u >"$DIR/found"
    LC_ALL=C sort "$MASTER/is.audit" >"$DIR/was"
    LC_ALL=C sort -u "$MASTER/is.retained" >"$DIR/stays"
    LC_ALL=C comm -23 "$DIR/stays" "$DIR/found" | grep -v '^INSERT INTO scan VALUES' | sed 's/^/gone too soon: /' | cut -c 1-200 | head -n 3
    LC_ALL=C comm -13 <(LC_ALL=C sort -u "$DIR/was" "$DIR/stays") "$DIR/found" | sed 's/^/never was: /' | cut -c 1-200 | head -n 3
}
judge_retention() {
    judge_end "$1" "$2"
    judge_between
    again retain --db "$DB" --config "$MASTER/config.yaml"
    ends_as "$MASTER/is.retained"
}

# at_compact KIND N: a file that an older version made.
at_compact() {
    begin_with "$MASTER/loose.db"
    mv -- "$FOLDER/loose.db" "$DB"
    run_with "$1" "$2" retain --compact --db "$DB" --config "$MASTER/config.yaml"
    judge_compact "$1" "$?"
}
judge_compact() {
    judge_end "$1" "$2"
    judge_between
    again retain --compact --db "$DB" --config "$MASTER/config.yaml"
    ends_as "$MASTER/is.retained"
    [[ $(sqlite3 -readonly "$DB" 'PRAGMA auto_vacuum; PRAGMA freelist_count' | tr '\n' ' ') == '2 0 ' ]] || echo "not written anew"
}

# points_of FUNCTION: counts them and tries them.
points_of() {
    "$1" count 0 >"$DIR/problems"
    tap_is "all is well where only calls are counted" "$(<"$DIR/problems")" ''
    each_point "$(wc -l <"$DIR/acted")" "$(grep -c -E 'write|open' "$DIR/acted")" "$1"
}

cp -- "$MASTER/audit.db" "$MASTER/loose.db"
sqlite3 "$MASTER/loose.db" 'PRAGMA journal_mode = DELETE; PRAGMA auto_vacuum = NONE; VACUUM' >/dev/null
JOBS=(backup restore replace migration retention compact)
for job in "${JOBS[@]}"; do
    tap_diag "in $job"
    points_of "at_$job"
done

# ---- disks that are full ----

# on_disk JOB KIB: the job on a disk with so much room beside what is there at first. Then the disk grows.
on_disk() {
    local kind=enospc real=$FOLDER
    mkdir -p "$real"
    mount -t tmpfs -o "size=64m" none "$real"
    rm -f -- "$DIR/acted"
    # begin_with and what follows it in at_JOB, on the mount: the folder itself stays.
    ROOM_KIB=$2 "at_$1" "$kind" 0
    umount "$real"
}

for job in "${JOBS[@]}"; do
    begin_with() {
        find "$FOLDER" -mindepth 1 -delete
        cp -- "$@" "$FOLDER/"
    }
    run_with() {
        local used status
        shift 2
        used=$(du -sk --apparent-size "$FOLDER" | cut -f1)
        mount -o "remount,size=$((used + ROOM_KIB))k" "$FOLDER"
        run "$@"
        status=$?
        mount -o remount,size=64m "$FOLDER"
        ((status == 0)) || touch "$DIR/acted"
        return "$status"
    }
    problems='' refused=0 done=0
    for kib in "${DISKS_KIB[@]}"; do
        found=$(on_disk "$job" "$kib" 2>&1)
        [[ -z $found ]] || problems+="with $kib KiB: $found"$'\n'
        if [[ -e $DIR/acted ]]; then
            refused=$((refused + 1))
        else
            done=$((done + 1))
        fi
    done
    tap_is "$job on a disk that is full: nothing is lost, it is said, and goes on with room" "$problems" ''
    tap_ok "some disks were too small and some were not: $refused and $done" test "$refused" -gt 0 -a "$done" -gt 0
done
tap_done
