# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# Sourced by tests that disturb scans and audits: a place to scan, what an undisturbed run finds there, and how to compare.
# 24 addresses "there", three ports open on each, 200 asked for: six slabs of 800 probes, so that checkpoints come often.

# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../integration/harness.sh"

PLACE_TARGETS=10.78.0.1-24
PLACE_PORTS=22,6379,8080,9001-9197
# A second or so, so that there are moments to choose from; retries that wait for nobody.
PLACE_PACE=(--rate 6000 --host-rate 0)
PLACE_SLAB='{"probes": 65536, "hosts": 4}'
PLACE_SLABS=6

# place_begin: the namespaces, the listeners, and the programs beside a scanner that gets its plan cut into small slabs.
place_begin() {
    local listener=$BIN/../integration/listener
    begin
    ip route add 10.78.0.0/24 via $THERE
    nsenter -t "$there" -n ip route add local 10.78.0.0/24 dev lo
    nsenter -t "$there" -n "$listener" 0.0.0.0 22 6379 8080 >"$DIR/listener" 2>&1 &
    harness_pids+=("$!")
    wait_for 20 grep -q ready "$DIR/listener" || tap_fail "the listeners start" "$(<"$DIR/listener")"
    SCANNER=$BIN/leastport-scan
    mkdir "$DIR/bin"
    cp -- "$BIN"/leastport{,-auditd,-web} "$DIR/bin/"
    cat >"$DIR/bin/leastport-scan" <<END
#!/usr/bin/env bash
exec "$SCANNER" "\$@" <<<"\$(jq -c '.slab = $PLACE_SLAB')"
END
    chmod +x "$DIR/bin/leastport-scan"
    BIN=$DIR/bin
    jq -n --arg target "$PLACE_TARGETS" --arg ports "$PLACE_PORTS" --argjson slab "$PLACE_SLAB" \
        '{schema: "leastport.plan/1", realm: "default", vantage: "local", targets: [$target], ports: $ports, watch: [],
          probes: ["connect"], rate_pps: 6000, host_rate_pps: 0, retries: 2, seed: "00112233445566778899aabbccddeeff",
          slab: $slab}' >"$DIR/plan.json"
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

# place_seen DB: every interval that is stored: none of them may ever be gone.
place_seen() {
    place_sql "$1" "SELECT e.address, e.proto, e.port, s.state, s.reason, s.first_seen FROM endpoint_state s
        JOIN endpoint e ON e.id = s.endpoint_id
        UNION ALL SELECT address, '', '', state, reason, first_seen FROM asset_state" | LC_ALL=C sort
}

# place_twice DB: what stands more than once although it is one thing.
place_twice() {
    place_sql "$1" "SELECT 'endpoint ' || address || ' ' || port FROM endpoint GROUP BY vantage_id, address, proto, port
            HAVING count(*) > 1
        UNION ALL SELECT 'interval ' || endpoint_id FROM endpoint_state GROUP BY endpoint_id HAVING count(*) > 1
        UNION ALL SELECT 'finding ' || asset_id || ' ' || port FROM finding GROUP BY asset_id, proto, port
            HAVING count(*) > 1"
}

# place_check_store DB: prints what is wrong with a store after the last run, compared with PLACE_WHOLE and what
# place_keep() kept; nothing when all is well.
place_check_store() {
    local integrity
    integrity=$(place_sql "$1" "PRAGMA integrity_check")
    [[ $integrity == ok ]] || printf 'integrity_check: %s\n' "$integrity"
    diff <(state_of "$1") <(printf '%s\n' "$PLACE_WHOLE") | sed 's/^/other than undisturbed: /' | head -n 10
    comm -23 "$DIR/seen" <(place_seen "$1") | sed 's/^/committed and gone: /' | head -n 10
    place_twice "$1" | sed 's/^/twice: /'
}

place_forget() {
    : >"$DIR/seen"
}

# place_keep DB: keeps what is committed after a disturbance; prints what is wrong with the file. Looks at a copy: a reader
# that may not write cannot take back what a writer that died had begun, and one that may would do the next writer's work.
place_keep() {
    local copy=$DIR/copy/audit.db integrity part
    if [[ -s $1 ]]; then
        mkdir -p "$DIR/copy"
        rm -f -- "$DIR/copy"/*
        for part in '' -wal -journal; do
            [[ ! -e $1$part ]] || cp -- "$1$part" "$copy$part"
        done
        integrity=$(sqlite3 "$copy" "PRAGMA integrity_check")
        [[ $integrity == ok ]] || printf 'integrity_check after the disturbance: %s\n' "$integrity"
        if [[ $(sqlite3 "$copy" "SELECT count(*) FROM sqlite_schema WHERE name = 'asset_state'") == 1 ]]; then
            place_seen "$copy" | LC_ALL=C sort -o "$DIR/seen" -u -m - "$DIR/seen"
        fi
    fi
}

PLACE_AUDIT=("$PLACE_TARGETS" -p "$PLACE_PORTS" "${PLACE_PACE[@]}")
