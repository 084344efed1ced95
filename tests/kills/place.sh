# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# Sourced by tests that disturb scans and audits: a place to scan, what an undisturbed run finds there, and how to compare.
# 24 addresses "there", three ports open on each, 200 asked for: six slabs of 800 probes, so that checkpoints come often.
# Where no time is needed between them, the place is smaller: set what stands below before this is sourced.

# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../integration/harness.sh"

PLACE_TARGETS=${PLACE_TARGETS:-10.78.0.1-24}
PLACE_PORTS=${PLACE_PORTS:-22,6379,8080,9001-9197}
# A second or so, so that there are moments to choose from; retries that wait for nobody.
PLACE_PACE=(--rate 6000 --host-rate 0)
PLACE_SLAB=${PLACE_SLAB:-'{"probes": 65536, "hosts": 4}'}
PLACE_SLABS=${PLACE_SLABS:-6}

# place_begin: the namespaces, the listeners, and the programs beside a scanner that gets its plan cut into small slabs.
place_begin() {
    LISTENER=$(readlink -f -- "$BIN/../integration/listener")
    begin
    ip route add 10.78.0.0/24 via $THERE
    nsenter -t "$there" -n ip route add local 10.78.0.0/24 dev lo
    place_listen 22 6379 8080
    SCANNER=$BIN/leastport-scan
    cut_plans "$PLACE_SLAB"
    jq -n --arg target "$PLACE_TARGETS" --arg ports "$PLACE_PORTS" --argjson slab "$PLACE_SLAB" \
        '{schema: "leastport.plan/1", realm: "default", vantage: "local", targets: [$target], ports: $ports, watch: [],
          probes: ["connect"], rate_pps: 6000, host_rate_pps: 0, retries: 2, seed: "00112233445566778899aabbccddeeff",
          slab: $slab}' >"$DIR/plan.json"
}

# place_listen PORT...: from now on these are open and no others.
place_listen() {
    if [[ -n ${place_listener-} ]]; then
        end_server "$place_listener"
    fi
    : >"$DIR/listener"
    nsenter -t "$there" -n "$LISTENER" 0.0.0.0 "$@" >"$DIR/listener" 2>&1 &
    place_listener=$!
    harness_pids+=("$place_listener")
    wait_for 20 grep -q ready "$DIR/listener" || tap_fail "the listeners start" "$(<"$DIR/listener")"
}

# ---- the scanner's results ----

# place_result FILE: ports and hosts as they stand in JSON Lines, without what differs from run to run.
place_result() {
    jq -Sc 'select(.type == "port" or .type == "host") | del(.ts, .scan_id, .rtt_us, .tries)' "$1" | LC_ALL=C sort
}

# place_committed FILE: the same of what a torn file tells before its last slab line.
place_committed() {
    local lines
    lines=$(grep -a -n '"type":"slab"' "$1" | tail -n 1 | cut -d: -f1)
    head -n "${lines:-0}" "$1" >"$1.committed"
    place_result "$1.committed"
}

# ---- the store ----

# place_sql DB SQL: waits for a writer's lock.
place_sql() {
    sqlite3 -readonly -cmd '.timeout 5000' "$1" "$2"
}

# Every interval that is stored, in order: none of them may ever be gone.
PLACE_SEEN="SELECT 'seen|' || e.address || '|' || e.proto || '|' || e.port || '|' || s.state || '|' || s.reason || '|' ||
    s.first_seen FROM endpoint_state s JOIN endpoint e ON e.id = s.endpoint_id
    UNION ALL SELECT 'seen|' || address || '|||' || state || '|' || reason || '|' || first_seen FROM asset_state ORDER BY 1;"

# What stands more than once although it is one thing.
PLACE_TWICE="SELECT 'twice: endpoint ' || address || ' ' || port FROM endpoint GROUP BY vantage_id, address, proto, port
        HAVING count(*) > 1
    UNION ALL SELECT 'twice: interval ' || endpoint_id FROM endpoint_state GROUP BY endpoint_id, state, reason, service
        HAVING count(*) > 1
    UNION ALL SELECT 'twice: finding ' || asset_id || ' ' || port FROM finding GROUP BY asset_id, proto, port
        HAVING count(*) > 1;"

# What an undisturbed run leaves, and every state that it ever saw: a disturbed one must not have seen another.
PLACE_STATE="SELECT DISTINCT 'was', e.address, e.port, s.state, s.reason FROM endpoint_state s
        JOIN endpoint e ON e.id = s.endpoint_id
    UNION SELECT 'was', address, '', state, reason FROM asset_state ORDER BY 2, 3, 4, 5;
    $STATE_SQL"

place_state() {
    place_sql "$1" "$PLACE_STATE"
}

# place_check_store DB: prints what is wrong with a store after the last run, compared with PLACE_WHOLE and what
# place_keep() kept; nothing when all is well. One process reads it all: it is called thousands of times.
place_check_store() {
    local out
    out=$(place_sql "$1" "SELECT 'integrity_check: ' || integrity_check FROM pragma_integrity_check
        WHERE integrity_check <> 'ok'; $PLACE_TWICE $PLACE_SEEN $PLACE_STATE" 2>&1)
    grep -E '^(integrity_check|twice): ' <<<"$out"
    comm -23 "$DIR/seen" <(grep '^seen|' <<<"$out") | sed 's/^seen|/committed and gone: /' | head -n 10
    out=$(grep -v -E '^(seen[|]|integrity_check: |twice: )' <<<"$out")
    [[ $out == "$PLACE_WHOLE" ]] ||
        diff - <(printf '%s\n' "$PLACE_WHOLE") <<<"$out" | sed 's/^/other than undisturbed: /' | head -n 10
}

place_forget() {
    : >"$DIR/seen"
}

# place_keep DB: keeps what is committed after a disturbance; prints what is wrong with the file. Looks at a copy: a reader
# that may not write cannot take back what a writer that died had begun, and one that may would do the next writer's work.
place_keep() {
    local copy=$DIR/copy/audit.db out part
    local -a parts=()
    if [[ -s $1 ]]; then
        mkdir -p "$DIR/copy"
        rm -f -- "$DIR/copy"/*
        for part in '' -wal -journal; do
            [[ ! -e $1$part ]] || parts+=("$1$part")
        done
        cp -- "${parts[@]}" "$DIR/copy/"
        # A file without tables yet is well: what was to be seen in it is asked for last.
        out=$(sqlite3 "$copy" "SELECT 'integrity_check after the disturbance: ' || integrity_check
            FROM pragma_integrity_check WHERE integrity_check <> 'ok';
            SELECT 'whole' FROM sqlite_schema WHERE name = 'asset_state'; $PLACE_SEEN" 2>&1)
        if grep -q '^whole$' <<<"$out"; then
            grep '^seen|' <<<"$out" | LC_ALL=C sort -o "$DIR/seen" -u -m - "$DIR/seen"
            grep -v -E '^(whole$|seen[|])' <<<"$out"
        else
            sed -e '/no such table: /,$d' -e '/^$/d' <<<"$out"
        fi
    fi
}

PLACE_AUDIT=(--no-services "$PLACE_TARGETS" -p "$PLACE_PORTS" "${PLACE_PACE[@]}")
