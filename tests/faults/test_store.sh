#!/usr/bin/env bash
# A fault at each write of the database and of what lies beside it: the audit says what happened, the database stays whole,
# what was committed stays, and the next audit ends as an undisturbed one does.
set -uo pipefail
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of the store in a namespace" "$0" "$@"
place_begin
BEFORE=$DIR/before
mkdir "$BEFORE"

paths_in() {
    DB=$1/kept/audit.db
    AUDIT=("$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 0 --host-rate 0 --db "$DB")
    mkdir -p "$1/kept"
}

# begin_with NAME: the database is what was kept by that name; with "nothing", none.
begin_with() {
    place_forget
    rm -f -- "$DB"*
    [[ $1 == nothing ]] || cp -- "$BEFORE/$1"/* "${DB%/*}/"
}

# keep_as NAME: what is there now, as that name.
keep_as() {
    mkdir "$BEFORE/$1"
    cp -- "$DB"* "$BEFORE/$1/"
}

# judge_open KIND: SQLite loses why a file could not be opened; a disk that is well again a moment later cannot be asked.
judge_open() {
    [[ $1 == eio && $err == *"the database $DB: it cannot be opened; "* ]] && grep -q " open $DB-" "$DIR/acted"
}

# judge_audit KIND: what is wrong with how the audit with a fault ended, and with the next.
judge_audit() {
    if [[ -e $DIR/acted ]]; then
        case $1/$status in
        count/1 | before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT") ;;
        # What fails after a commit (the log's way into the database) takes nothing away.
        short/1 | enospc/1 | eio/1) place_check_store "$DB" | sed 's/^/status 1, but /' ;;
        enospc/2 | eio/2)
            grep -q "error: .*$DB.*\(disk is full\|disk reports an error\|No space left\|Input/output error\)" \
                <<<"$err" || judge_open "$1" || echo "does not say which file and why: $err"
            ;;
        *) echo "status $status: $err" ;;
        esac
    fi
    place_keep "$DB"
    if ((status != 1)); then
        audit "${AUDIT[@]}"
        ((status == 1)) || echo "the next: status $status: $err"
    fi
    place_check_store "$DB"
}

at_first() {
    begin_with nothing
    with_fault "$1" "$2" "${DB%/*}*" audit "${AUDIT[@]}"
    judge_audit "$1"
}

at_resume() {
    begin_with half
    with_fault "$1" "$2" "${DB%/*}*" audit "${AUDIT[@]}"
    judge_audit "$1"
}

# The log has few pages: it goes back into the database while the audit runs, and begins again.
at_change() {
    begin_with other
    LEASTPORT_FAULT_LOG_PAGES=20 with_fault "$1" "$2" "${DB%/*}*" audit "${AUDIT[@]}"
    judge_audit "$1"
}

# points_of FUNCTION: counts them and tries them.
points_of() {
    "$1" count 0 >"$DIR/problems"
    tap_is "all is well where only calls are counted" "$(<"$DIR/problems")" ''
    CALLS=$(fault_calls)
    each_point "$(wc -l <"$DIR/acted")" "$(grep -c -E 'write|open|bind' "$DIR/acted")" "$1"
}

paths_in "$DIR"

tap_diag "in an audit that makes the database"
begin_with nothing
audit "${AUDIT[@]}"
PLACE_WHOLE=$(place_state "$DB")
tap_is "an undisturbed audit finds what is there" \
    "$status $(place_sql "$DB" "SELECT count(*), sum(presence = 'OPEN') FROM finding")" '1 9|9'
points_of at_first
tap_is "every kind of call is among them" "$CALLS" "fdatasync audit.db
fdatasync audit.db-journal
fdatasync audit.db-wal
fdatasync kept
ftruncate audit.db.lock
ftruncate64 audit.db
ftruncate64 audit.db-shm
ftruncate64 audit.db-wal
open audit.db
open audit.db-journal
open audit.db-shm
open audit.db-wal
open audit.db.lock
pwrite audit.db.lock
pwrite64 audit.db
pwrite64 audit.db-journal
pwrite64 audit.db-shm
pwrite64 audit.db-wal
unlink audit.db-journal"

# To SQLite a file that it cannot make is not a full disk: these are tried whatever the sample.
begin_with nothing
with_fault count 0 "${DB%/*}*" audit "${AUDIT[@]}"
cp -- "$DIR/acted" "$DIR/calls"
for part in -journal -wal -shm; do
    begin_with nothing
    number=$(grep -E 'write|open' "$DIR/calls" | grep -n -m 1 "open $DB$part" | cut -d: -f1)
    with_fault enospc "$number" "${DB%/*}*" audit "${AUDIT[@]}"
    tap_is "a full disk where audit.db$part is made" "$(cat "$DIR/acted") $(judge_audit enospc)" \
        "$number open $DB$part "
done

tap_diag "in an audit that goes on with a scan"
begin_with nothing
# Half-way the audit has stored some parts and not all.
for ((number = 20; number < 2000; number += 4)); do
    rm -f -- "$DB"*
    with_fault before "$number" "${DB%/*}*" audit "${AUDIT[@]}"
    keep_as half
    if [[ $(sqlite3 "$DB" "SELECT slabs_done BETWEEN 1 AND $PLACE_SLABS - 1 FROM scan" 2>/dev/null) == 1 ]]; then
        break
    fi
    rm -r -- "$BEFORE/half"
done
begin_with half
audit "${AUDIT[@]}"
tap_like "one that died leaves a scan to go on with" "$err" 'going on with the interrupted scan .* from part [23] of 3'
points_of at_resume

tap_diag "in an audit that finds other ports than the last"
begin_with nothing
audit "${AUDIT[@]}"
keep_as other
place_listen 22 6379 9003
audit "${AUDIT[@]}"
PLACE_WHOLE=$(place_state "$DB")
tap_is "an undisturbed audit finds what has changed" "$(place_sql "$DB" "SELECT group_concat(what, ' ') FROM
    (SELECT port || ' ' || presence || ' ' || count(*) AS what FROM finding GROUP BY port, presence)")" \
    '22 OPEN 3 6379 OPEN 3 8080 FIXED 3 9003 OPEN 3'
begin_with other
LEASTPORT_FAULT_LOG_PAGES=20 with_fault count 0 "${DB%/*}*" audit "${AUDIT[@]}"
# The log goes back into the database once for each time that this one is put on disk.
tap_ok "the log goes back before the end, too" test "$(grep -c 'fdatasync .*audit.db$' "$DIR/acted")" -gt 2
points_of at_change
tap_done
