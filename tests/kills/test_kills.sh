#!/usr/bin/env bash
# kill -9 at random moments: of the scanner, of auditd, of web, of all. What runs next ends as if nothing had been: the
# same result, a whole database, nothing lost that was committed, nothing told twice. LEASTPORT_TEST_SEED chooses the
# moments; the number of kills is ten times LEASTPORT_TEST_REPEATS.
set -uo pipefail
# shellcheck source=tests/kills/place.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/place.sh"
enter "kills in a namespace" "$0" "$@"
place_begin

KILLS=${LEASTPORT_TEST_KILLS:-$((10 * ${LEASTPORT_TEST_REPEATS:-2}))}
SEED=${LEASTPORT_TEST_SEED:-$$}
RANDOM=$SEED
tap_diag "$KILLS kills, LEASTPORT_TEST_SEED=$SEED"
DB=$DIR/audit.db

now_ms() {
    printf '%d' "$((${EPOCHREALTIME/./} / 1000))"
}

# wait_random MS: somewhere between now and a little after MS; the moment is in $moment.
wait_random() {
    moment=$((RANDOM * $1 * 11 / 327680))
    sleep "$((moment / 1000)).$(printf %03d $((moment % 1000)))"
}

child() {
    pgrep -P "$1" -x "$2"
}

# kill_hard PID...: those of them that still are.
kill_hard() {
    local pid
    for pid in "$@"; do
        kill -9 "$pid" 2>/dev/null
    done
}

# ---- the scanner by itself ----

"$SCANNER" --plan "$DIR/plan.json" --state "$DIR/whole.state" -o "jsonl:$DIR/whole" 2>"$DIR/err"
place_result "$DIR/whole" >"$DIR/whole.result"
tap_is "an undisturbed scan finds what is there" \
    "$(grep -c '"type":"port"' "$DIR/whole.result") $(grep -c '"type":"slab"' "$DIR/whole")" "72 $PLACE_SLABS"
scan_ms=$(tail -n 1 "$DIR/whole" | jq .elapsed_ms)

# scan_once FILE [PREFIX...]: goes on where there is something to go on with.
scan_once() {
    if [[ -e $DIR/state ]]; then
        exec "${@:2}" "$SCANNER" --resume "$DIR/state" -o "jsonl:$1" 2>"$DIR/err"
    fi
    exec "${@:2}" "$SCANNER" --plan "$DIR/plan.json" --state "$DIR/state" -o "jsonl:$1" 2>"$DIR/err"
}

kill_scan() {
    local round pid problems='' moments=''
    rm -f -- "$DIR/state" "$DIR/committed"
    touch "$DIR/committed"
    for round in 1 2 3; do
        rm -f -- "$DIR/torn"
        if ((round < 3)); then
            scan_once "$DIR/torn" "${TAP_NO_LEAKS[@]}" &
            pid=$!
            wait_random "$scan_ms"
            moments+=" $moment"
            kill_hard "$pid"
        else
            scan_once "$DIR/torn" &
            pid=$!
        fi
        wait "$pid" 2>/dev/null
        status=$?
        if ((status != 0 && status != 137)); then
            problems+="run $round: status $status: $(<"$DIR/err")"$'\n'
        fi
        if ((status == 0)); then
            break
        fi
        if [[ -e $DIR/torn ]]; then
            place_committed "$DIR/torn" | LC_ALL=C sort -o "$DIR/committed" -u -m - "$DIR/committed"
        fi
    done
    place_result "$DIR/torn" >"$DIR/result"
    problems+=$(diff "$DIR/result" "$DIR/whole.result" | head -n 10)
    problems+=$(comm -23 "$DIR/committed" "$DIR/result" | sed 's/^/told and gone: /' | head -n 10)
    problems+=$(jq -r 'select(.type == "port") | "\(.host) \(.port)"' "$DIR/torn" | sort | uniq -d | sed 's/^/twice: /')
    [[ ! -e $DIR/state ]] || problems+="the state file is left behind"$'\n'
    tap_is "kill $1: a scan, at$moments ms" "$problems" ''
}

# ---- an audit by itself ----

begun=$(now_ms)
audit "${PLACE_AUDIT[@]}" --db "$DIR/whole.db"
audit_ms=$(($(now_ms) - begun))
PLACE_WHOLE=$(place_state "$DIR/whole.db")
tap_is "an undisturbed audit finds what is there" \
    "$status $(place_sql "$DIR/whole.db" "SELECT count(*), sum(presence = 'OPEN') FROM finding")" '1 72|72'
tap_is "in so many slabs" "$(place_sql "$DIR/whole.db" "SELECT slabs_done FROM scan ORDER BY id LIMIT 1")" "$PLACE_SLABS"

# kill_audit NUMBER VICTIM: VICTIM is scanner, auditd or all; at most two of the runs are disturbed.
kill_audit() {
    local round pid problems='' moments=''
    rm -f -- "$DB"*
    place_forget
    for round in 1 2 3; do
        if ((round < 3)); then
            "${TAP_NO_LEAKS[@]}" "$BIN/leastport" audit "${PLACE_AUDIT[@]}" --db "$DB" >"$DIR/out" 2>"$DIR/err" &
            pid=$!
            wait_random "$audit_ms"
            moments+=" $moment"
            case $2 in
            scanner) kill_hard "$(child "$pid" leastport-scan)" ;;
            auditd) kill_hard "$pid" ;;
            all) kill_hard "$(child "$pid" leastport-scan)" "$pid" ;;
            esac
        else
            "$BIN/leastport" audit "${PLACE_AUDIT[@]}" --db "$DB" >"$DIR/out" 2>"$DIR/err" &
            pid=$!
        fi
        wait "$pid" 2>/dev/null
        status=$?
        # 2: the scanner died before it had said what it scans.
        if ((status != 1)) && { ((round == 3)) || [[ $status/$2 != @(137/*|[23]/scanner) ]]; }; then
            problems+="run $round: status $status: $(<"$DIR/err")"$'\n'
        fi
        problems+=$(place_keep "$DB")
        if ((round < 3 && RANDOM % 2)); then
            round=2
        fi
    done
    problems+=$(place_check_store "$DB")
    tap_is "kill $1: $2 of an audit, at$moments ms" "$problems" ''
}

# ---- the daemon ----

# start_daemon [PREFIX...]: sets daemon; what it says is in $DIR/log.
start_daemon() {
    : >"$DIR/log"
    "$@" "$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    wait_for 20 grep -q '"dashboard at' "$DIR/log"
}

healthy() {
    local url
    url=$(grep -o 'http://[0-9.:]*' "$DIR/log" | tail -n 1)
    curl -fsS -o /dev/null "$url/healthz"
}

# kill_daemon NUMBER VICTIM: VICTIM is scanner, auditd, web or all.
kill_daemon() {
    local client problems=''
    rm -f -- "$DB"*
    place_forget
    start_daemon "${TAP_NO_LEAKS[@]}" || problems+="the daemon does not start: $(<"$DIR/log")"$'\n'
    "${TAP_NO_LEAKS[@]}" "$BIN/leastport" audit "${PLACE_AUDIT[@]}" --db "$DB" >"$DIR/out" 2>"$DIR/err" &
    client=$!
    wait_random "$audit_ms"
    case $2 in
    scanner) kill_hard "$(child "$daemon" leastport-scan)" ;;
    auditd) kill_hard "$daemon" ;;
    web) kill_hard "$(child "$daemon" leastport-web)" ;;
    all) kill_hard "$client" "$(child "$daemon" leastport-web)" "$(child "$daemon" leastport-scan)" "$daemon" ;;
    esac
    wait "$client" 2>/dev/null
    status=$?
    if [[ $2 == web && $status != 1 ]]; then
        problems+="an audit ends with $status when web is killed: $(<"$DIR/err")"$'\n'
    fi
    if [[ $2 == auditd || $2 == all ]]; then
        wait "$daemon" 2>/dev/null
        problems+=$(place_keep "$DB")
        start_daemon || problems+="the daemon does not start again: $(<"$DIR/log")"$'\n'
    fi
    "$BIN/leastport" audit "${PLACE_AUDIT[@]}" --db "$DB" >"$DIR/out" 2>"$DIR/err"
    status=$?
    ((status == 1)) || problems+="the audit after it: status $status: $(<"$DIR/err")"$'\n'
    wait_for 20 healthy || problems+="web does not answer: $(tail -n 5 "$DIR/log")"$'\n'
    kill -TERM "$daemon"
    wait "$daemon"
    status=$?
    ((status == 0)) || problems+="the daemon ends with $status"$'\n'
    problems+=$(place_check_store "$DB")
    tap_is "kill $1: $2 of a daemon, at $moment ms" "$problems" ''
}

for ((number = 1; number <= KILLS; number++)); do
    case $((number % 8)) in
    1) kill_scan $number ;;
    2) kill_audit $number scanner ;;
    3) kill_audit $number auditd ;;
    4) kill_audit $number all ;;
    5) kill_daemon $number scanner ;;
    6) kill_daemon $number auditd ;;
    7) kill_daemon $number web ;;
    0) kill_daemon $number all ;;
    esac
done

tap_done
