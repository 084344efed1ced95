#!/usr/bin/env bash
# A fault at each write of the database and of what lies beside it: the audit says what happened, the database stays whole,
# what was committed stays, and the next audit ends as an undisturbed one does.
set -uo pipefail
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of the store in a namespace" "$0" "$@"
place_begin

DB=$DIR/kept/audit.db
AUDIT=("$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 0 --host-rate 0 --db "$DB")
mkdir "$DIR/kept"

# judge_audit KIND: what is wrong with how the audit with a fault ended, and with the next.
judge_audit() {
    if [[ -e $DIR/acted ]]; then
        case $1/$status in
        before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT") ;;
        # What fails after a commit (the log's way into the database) takes nothing away.
        short/1 | enospc/1 | eio/1) place_check_store "$DB" | sed 's/^/status 1, but /' ;;
        enospc/2 | eio/2)
            grep -q "error: .*$DB.*\(disk is full\|disk reports an error\)" <<<"$err" ||
                echo "does not say which file and why: $err"
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

# at_first KIND N: the fault comes in an audit that makes the database.
at_first() {
    place_forget
    rm -f -- "$DB"*
    with_fault "$1" "$2" "$DB*" audit "${AUDIT[@]}"
    judge_audit "$1"
}

# at_resume KIND N: the fault comes in an audit that finds what another left when it died.
at_resume() {
    place_forget
    rm -f -- "$DB"*
    cp -- "$DIR/half"/* "$DIR/kept/"
    with_fault "$1" "$2" "$DB*" audit "${AUDIT[@]}"
    judge_audit "$1"
}

tap_diag "in an audit that makes the database"
audit "${AUDIT[@]}"
PLACE_WHOLE=$(state_of "$DB")
tap_is "an undisturbed audit finds what is there" \
    "$status $(place_sql "$DB" "SELECT count(*), sum(presence = 'OPEN') FROM finding")" '1 72|72'
rm -f -- "$DB"*
with_fault count 0 "$DB*" audit "${AUDIT[@]}"
each_point "$(wc -l <"$DIR/acted")" "$(grep -c write "$DIR/acted")" at_first
tap_diag "in an audit that goes on with a scan"
rm -f -- "$DB"*
with_fault before 280 "$DB*" audit "${AUDIT[@]}"
mkdir "$DIR/half"
cp -- "$DB"* "$DIR/half/"
with_fault count 0 "$DB*" audit "${AUDIT[@]}"
tap_like "one that died leaves a scan to go on with" "$err" 'going on with the interrupted scan .* from part [2-6] of 6'
each_point "$(wc -l <"$DIR/acted")" "$(grep -c write "$DIR/acted")" at_resume
tap_done
