#!/usr/bin/env bash
# A fault at each write of the state file: the scan says what happened, and going on ends as an undisturbed scan does.
set -uo pipefail
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of the state file in a namespace" "$0" "$@"
place_begin

jq -c '.rate_pps = 0' "$DIR/plan.json" >"$DIR/fast.json"
PLAN=$DIR/fast.json
WHOLE=$DIR/whole.result
HALF=$DIR/half

paths_in() {
    FOLDER=$1/kept
    STATE=$FOLDER/scan.state
    mkdir -p "$FOLDER"
}

# scan_once FILE: goes on where there is something to go on with.
scan_once() {
    if [[ -e $STATE ]]; then
        "$SCANNER" --resume "$STATE" -o "jsonl:$1" 2>"$DIR/err"
    else
        "$SCANNER" --plan "$PLAN" --state "$STATE" -o "jsonl:$1" 2>"$DIR/err"
    fi
}

# judge_scan KIND STATUS: what is wrong with how a run with a fault ended, and with the one that goes on.
judge_scan() {
    local status=$2
    touch "$DIR/torn"
    place_committed "$DIR/torn" >"$DIR/committed"
    if [[ -e $DIR/acted ]]; then
        case $1 in
        count) ((status == 0)) || echo "status $status: $(<"$DIR/err")" ;;
        before | after | torn) ((status == FAULT_EXIT)) || echo "died with status $status" ;;
        short) ((status == 0)) || echo "status $status: $(<"$DIR/err")" ;;
        *)
            ((status == 2)) || echo "status $status"
            grep -q "error: .*$STATE: \(No space left on device\|Input/output error\)" "$DIR/err" ||
                echo "does not say which file and why: $(<"$DIR/err")"
            ;;
        esac
    fi
    if grep -q 'cannot create the state file' "$DIR/err" && [[ -e $STATE ]]; then
        echo "a state is left that was not begun"
    fi
    if ((status != 0)); then
        scan_once "$DIR/torn"
        status=$?
        ((status == 0)) || echo "going on: status $status: $(<"$DIR/err")"
    fi
    place_result "$DIR/torn" >"$DIR/result"
    diff "$DIR/result" "$WHOLE" | head -n 10
    comm -23 "$DIR/committed" "$DIR/result" | sed 's/^/told and gone: /' | head -n 10
    [[ ! -e $STATE ]] || echo "the state file is left behind"
}

# at_first KIND N: the fault comes in a scan that begins.
at_first() {
    rm -f -- "$FOLDER"/* "$DIR/torn"
    with_fault "$1" "$2" "$FOLDER*" "$SCANNER" --plan "$PLAN" --state "$STATE" -o "jsonl:$DIR/torn" \
        2>"$DIR/err"
    judge_scan "$1" $?
}

# at_resume KIND N: the fault comes in a scan that goes on after its third slab.
at_resume() {
    rm -f -- "$FOLDER"/* "$DIR/torn"
    cp -- "$HALF" "$STATE"
    with_fault "$1" "$2" "$FOLDER*" "$SCANNER" --resume "$STATE" -o "jsonl:$DIR/torn" 2>"$DIR/err"
    judge_scan "$1" $?
}

# at_default KIND N: the fault comes in a state that nobody asked for: the scan goes on without it, and says so.
at_default() {
    local status
    rm -rf -- "$FOLDER" "$DIR/torn"
    mkdir "$FOLDER"
    XDG_STATE_HOME=$FOLDER with_fault "$1" "$2" "$FOLDER*" "$SCANNER" --connect "$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 1000000 \
        --host-rate 1000000 -o "jsonl:$DIR/torn" 2>"$DIR/err"
    status=$?
    if [[ $1 == @(before|after|torn) && -e $DIR/acted ]]; then
        ((status == FAULT_EXIT)) || echo "died with status $status"
        return
    fi
    ((status == 0)) || echo "status $status: $(<"$DIR/err")"
    place_result "$DIR/torn" | jq -c 'del(.slab)' | LC_ALL=C sort >"$DIR/result"
    jq -c 'del(.slab)' "$WHOLE" | LC_ALL=C sort | diff "$DIR/result" - | head -n 10
    if [[ $1 == @(enospc|eio) && -e $DIR/acted ]]; then
        grep -q "warning: .*$FOLDER/leastport/scan-.*\(No space left on device\|Input/output error\)" "$DIR/err" ||
            echo "does not say which file and why: $(<"$DIR/err")"
    fi
    grep -q ' unlink ' "$DIR/acted" 2>/dev/null || [[ -z $(ls "$FOLDER/leastport") ]] ||
        echo "the state file is left behind"
}

# points_of FUNCTION: counts them and tries them.
points_of() {
    "$1" count 0 >"$DIR/problems"
    tap_is "all is well where only calls are counted" "$(<"$DIR/problems")" ''
    CALLS=$(fault_calls)
    each_point "$(wc -l <"$DIR/acted")" "$(grep -c -E 'write|open' "$DIR/acted")" "$1"
}

paths_in "$DIR"
scan_once "$DIR/whole"
place_result "$DIR/whole" >"$WHOLE"
tap_is "an undisturbed scan finds what is there" "$(grep -c '"type":"port"' "$WHOLE")" 9
tap_diag "in a scan that begins"
points_of at_first
tap_is "every kind of call is among them" "$CALLS" "fdatasync scan.state
fsync kept
fsync scan.state.XXXXXX
open scan.state.XXXXXX
pwrite scan.state
pwrite scan.state.XXXXXX
rename scan.state
unlink scan.state"
tap_diag "in a scan that goes on"
# Half-way: it has told of a slab and died within the write of another.
for ((number = 1; number < 20; number++)); do
    rm -f -- "$FOLDER"/* "$DIR/torn"
    with_fault torn "$number" "$FOLDER*" scan_once "$DIR/torn"
    if grep -a -s -q '"type":"slab"' "$DIR/torn"; then
        break
    fi
done
tap_like "one that died within a write leaves a state to go on with" "$(cat "$DIR/acted")" "pwrite $STATE"
mv -- "$STATE" "$HALF"
points_of at_resume
tap_diag "in a state that nobody asked for"
points_of at_default
tap_done
