#!/usr/bin/env bash
# A fault at each thing that the daemon writes: database, lock, control socket. A daemon that lives on takes the next audit
# as if nothing had been, one that died starts again; what was committed stays.
set -uo pipefail
# shellcheck source=tests/faults/points.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/points.sh"
enter "faults of the daemon in a namespace" "$0" "$@"
# Mounts of its own, for a disk that is really full.
if [[ -z ${FAULT_MOUNTS-} ]] && ! unshare -m true 2>/dev/null; then
    printf '1..0 # SKIP this place lets nobody make mount namespaces\n'
    exit 0
fi
[[ -n ${FAULT_MOUNTS-} ]] || FAULT_MOUNTS=1 exec unshare -m bash "$0" "$@"
place_begin
OTHER=$DIR/other
mkdir "$OTHER"

paths_in() {
    DB=$1/kept/audit.db
    AUDIT=("$PLACE_TARGETS" -p "$PLACE_PORTS" --rate 0 --host-rate 0 --db "$DB")
    mkdir -p "$1/kept"
    export LEASTPORT_FAULT_END=$1/room
}

# start_daemon [COMMAND...]: sets daemon; what it says is in $DIR/log. Fails when it ends instead.
start_daemon() {
    : >"$DIR/log"
    "$@" "$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    until grep -q '"dashboard at' "$DIR/log"; do
        kill -0 "$daemon" 2>/dev/null || return 1
        sleep 0.01
    done
}

# Sets ended to the daemon's status.
stop_daemon() {
    kill -TERM "$daemon" 2>/dev/null
    wait "$daemon"
    ended=$?
}

# judge_words WHO TEXT
judge_words() {
    grep -q "$DB.*\(disk is full\|disk reports an error\|[Nn]o space left on device\|[Ii]nput/output error\)" <<<"$2" ||
        echo "$1 does not say which file and why: $2"
}

# judge_start KIND: what is wrong with a daemon that did not start.
judge_start() {
    wait "$daemon"
    case $1/$? in
    before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT") ;;
    enospc/2 | eio/2) judge_words "the daemon" "$(<"$DIR/log")" ;;
    *) echo "ends at its start: $(<"$DIR/log")" ;;
    esac
}

# judge_job KIND: what is wrong with how an audit ended that was handed to the daemon with a fault.
judge_job() {
    case $1/$status in
    */1) ;;
    enospc/2 | eio/2) judge_words "the audit" "$err" ;;
    before/2 | after/2 | torn/2) [[ $err == *error:* ]] || echo "the audit does not say that the daemon died: $err" ;;
    *) echo "the audit: status $status: $err" ;;
    esac
}

# at_daemon KIND N
at_daemon() {
    local first
    place_forget
    rm -f -- "$DB"* "$DIR/room"
    cp -- "$OTHER"/* "${DB%/*}/"
    if start_daemon with_fault "$1" "$2" "${DB%/*}*" exec; then
        audit "${AUDIT[@]}"
        judge_job "$1"
        first="status $status: $err"
        # From here on there is room again; where nothing has failed yet, the end is still to come.
        ((status == 1)) || : >"$DIR/room"
        if [[ $status == 2 && $1 == @(before|after|torn) ]]; then
            wait "$daemon"
            [[ $? == "$FAULT_EXIT" ]] || echo "the daemon did not die: $(<"$DIR/log")"
            daemon=
        fi
    else
        judge_start "$1"
        first="no daemon"
        status=
        daemon=
    fi
    if [[ -z $daemon ]]; then
        place_keep "$DB"
        : >"$DIR/room"
        start_daemon || echo "does not start again: $(<"$DIR/log")"
    fi
    if [[ $status != 1 ]]; then
        audit "${AUDIT[@]}"
        ((status == 1)) || echo "the next: status $status: $err; before it: $first"
    fi
    stop_daemon
    case $1/$ended in
    */0 | before/"$FAULT_EXIT" | after/"$FAULT_EXIT" | torn/"$FAULT_EXIT") ;;
    *) echo "the daemon ends with $ended: $(<"$DIR/log")" ;;
    esac
    place_check_store "$DB"
}

# ---- what is written at all ----
paths_in "$DIR"
audit "${AUDIT[@]}"
PLACE_WHOLE=$(place_state "$DB")
cp -- "$DB"* "$OTHER/"
start_daemon with_fault count 0 '/*' exec
audit "${AUDIT[@]}"
curl -fsS -o /dev/null "$(grep -o 'http://[0-9.:]*' "$DIR/log" | tail -n 1)/healthz"
stop_daemon
tap_is "daemon, scanner and web write to no other files than the database's" \
    "$(awk -v said="$DIR/log" '$3 != said && $3 ~ "^/" && $3 !~ "^/dev/" { print $3 }' "$DIR/acted" | sort -u)" "${DB%/*}
$DB
$DB-shm
$DB-wal
$DB.lock
$DB.sock"

at_daemon count 0 >"$DIR/problems"
tap_is "all is well where only calls are counted" "$(<"$DIR/problems")" ''
tap_is "every kind of call is among them" "$(fault_calls)" "bind audit.db.sock
fdatasync audit.db
fdatasync audit.db-wal
fdatasync kept
ftruncate audit.db.lock
ftruncate64 audit.db
ftruncate64 audit.db-shm
ftruncate64 audit.db-wal
pwrite audit.db.lock
pwrite64 audit.db
pwrite64 audit.db-shm
pwrite64 audit.db-wal
unlink audit.db.sock"
each_point "$(wc -l <"$DIR/acted")" "$(grep -c -E 'write|open|bind' "$DIR/acted")" at_daemon

# ---- a disk that is really full ----
mkdir "$DIR/small"
mount -t tmpfs -o size=4m tmpfs "$DIR/small"
paths_in "$DIR/small"
cp -- "$OTHER"/* "${DB%/*}/"
place_forget
start_daemon
url=$(grep -o 'http://[0-9.:]*' "$DIR/log" | tail -n 1)
token=$("$BIN/leastport" token create --db "$DB" --name test 2>/dev/null)
cat /dev/zero >"$DIR/small/filler" 2>/dev/null
tap_is "there is no room left" "$(df --output=avail "$DIR/small" | tail -n 1 | tr -d ' ')" 0
audit "${AUDIT[@]}"
tap_is "an audit on a full disk ends with 2" "$status" 2
tap_like "and says which file and why" "$err" "the database $DB: the disk is full"
tap_is "pages are served from it" "$(curl -sS -o /dev/null -w '%{http_code}' "$url/healthz") $(curl -sS \
    -H "Authorization: Bearer $token" "$url/api/v1/findings" | jq '.items | length')" "200 9"
place_keep "$DB"
rm -- "$DIR/small/filler"
audit "${AUDIT[@]}"
tap_is "once there is room the same daemon does the next audit" "$status" 1
stop_daemon
tap_is "and ends in order" "$ended" 0
tap_is "and all is as if nothing had been" "$(place_check_store "$DB")" ''
umount "$DIR/small"
tap_done
