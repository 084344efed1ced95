#!/usr/bin/env bash
# Scanners that do not keep to their protocol, in the place of leastport-scan: none hurts the audit or the daemon, and
# what each did wrong is said. Sends nothing anywhere.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "rogue scanners in a namespace" "$0" "$@"
begin

# The programs stand beside a leastport-scan that is the rogue.
mkdir "$DIR/bin"
cp -- "$BIN"/leastport{,-auditd,-web} "$DIR/bin/"
cp -- "$BIN/../integration/rogue" "$DIR/bin/leastport-scan"
BIN=$DIR/bin
DB=$DIR/audit.db

# rogue WAY: one audit by a scanner that goes that way, into a new database; sets status, out and err.
rogue() {
    rm -f -- "$DB"*
    LEASTPORT_ROGUE=$1 audit 10.99.0.2 -p 22,80 --db "$DB" --no-verify --fail-on low
}

# What stands in the database afterwards: scans by state, endpoints, assets, and whether it is whole.
stands() {
    sql "$DB" "SELECT (SELECT group_concat(state) FROM scan), (SELECT count(*) FROM endpoint),
        (SELECT count(*) FROM asset), (SELECT count(*) FROM finding), (SELECT * FROM pragma_integrity_check)"
}

# The most memory that the last audit's auditd had used, in KiB; the scanner tells as its last word.
peak_kib() {
    grep -o 'parent VmHWM:.*' <<<"$err" | grep -o '[0-9]* kB' | tail -n 1 | cut -d' ' -f1
}

rogue honest
tap_is "one that keeps to it is believed" "$status $(stands)" '1 complete|1|1|1|ok'
honest_kib=$(peak_kib)

rogue garbage
tap_is "16 MiB of garbage between its lines change nothing" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "the first lines of it are named" "$err" 'line 3 of the scanner was left out: no JSON object'
tap_like "the others are counted" "$err" '[0-9]{5} more lines of the scanner were left out'
rogue garbage-alone
tap_is "nothing but garbage is an error" "$status" 2
tap_like "that is said" "$err" "error: the scanner's output ended before its scan did"
rogue garbage-aside
tap_is "garbage on its stderr changes nothing" "$status $(stands)" '1 complete|1|1|1|ok'
tap_ok "what it said is shown as text" iconv -f UTF-8 -t UTF-8 -o /dev/null "$DIR/err"
tap_like "and not all of it" "$err" 'more messages of the scanner were left out'

rogue half
tap_is "half a line leaves an incomplete scan with what stood before" "$status $(stands)" '1 incomplete|1|1|1|ok'
tap_like "and is said" "$err" "the scanner's last line is cut off after 24 bytes"

rogue endless
tap_is "a gibibyte without a newline changes nothing" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "it was written" "$err" 'wrote 1073741824 bytes'
tap_like "and is said" "$err" '1 lines of the scanner were longer than 1048576 bytes'
endless_kib=$(peak_kib)
tap_ok "memory stays within 16 MiB of the honest one's: $endless_kib KiB after $honest_kib KiB" \
    test "$((endless_kib - honest_kib))" -lt 16384
rogue endless-aside
tap_is "nor does one on its stderr" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "which is said" "$err" '1 messages of the scanner were too long'
tap_ok "in as little memory: $(peak_kib) KiB" test "$(($(peak_kib) - honest_kib))" -lt 16384

rogue outside
tap_is "a thousand observations outside its plan are not believed" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "a host that is not in it is named" "$err" 'port: 192\.0\.2\.0 tcp/6379 is not in the plan'
tap_like "a port that is not in it is named" "$err" 'port: 10\.99\.0\.2 tcp/50001 is not in the plan'
tap_like "a canary that is not its own is named" "$err" "canary: 192\.0\.2\.2 port 22 is not the plan's canary"
tap_like "another scan is named" "$err" 'a line of another scan, 20000000-'
tap_like "the others are counted" "$err" '995 more lines of the scanner were left out'

rogue another-plan
tap_is "one that repeats another plan than it got is not believed" "$status $(stands)" '2 |0|0|0|ok'
tap_like "what differs is said" "$err" 'its plan is not the one that was sent: "targets" differs'
rogue another-scan
tap_is "nor one that begins another scan" "$status $(stands)" '2 |0|0|0|ok'
tap_like "which is said" "$err" 'of scan 20000000-.*, which was not asked for'
rogue sweeping
tap_is "nor one that speaks for ports that nobody asked for" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "the first of which is named" "$err" 'host: 10\.99\.0\.2 tcp/0 is not in the plan'
rogue unended
tap_is "one that ends well without having said so leaves an incomplete scan" "$status $(stands)" '1 incomplete|1|1|1|ok'
tap_like "and is said" "$err" "the scanner's output ended before its scan did"
rogue ended-twice
tap_is "what comes after scan_end changes nothing" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "and is said" "$err" 'line 6 of the scanner was left out: a line after scan_end'
rogue begun-twice
tap_is "nor does a second scan_start" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "and is said" "$err" 'scan_start: a scan has begun already'
rogue crooked
tap_is "nor do NUL, bytes that are no UTF-8, numbers past all bounds, keys twice, a million brackets" \
    "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "bytes that are no UTF-8 are said" "$err" 'line 3 of the scanner was left out: .*unable to decode byte 0xc3'
tap_like "so is a number past all bounds" "$err" 'line 6 of the scanner was left out: .*1e999'
tap_like "the others are counted" "$err" '9 more lines of the scanner were left out'
crooked_kib=$(peak_kib)
tap_ok "a million brackets take no memory to speak of: $crooked_kib KiB after $honest_kib KiB" \
    test "${crooked_kib:-none}" -lt "$((honest_kib + 16384))"
rogue survived
tap_is "one that leaves a process behind, which holds its output, does not hold up the audit" "$status $(stands)" '1 complete|1|1|1|ok'
tap_like "and is said" "$err" 'something that it left behind holds its output'

# Goes on for ever and hears no signal; its progress is past what a number can hold.
rm -f -- "$DB"*
has_endpoint() {
    [[ $(sql "$DB" 'SELECT count(*) FROM endpoint' 2>/dev/null) == 1 ]]
}
LEASTPORT_ROGUE=deaf "$BIN/leastport" audit --no-services 10.99.0.2 -p 22,80 --db "$DB" --no-verify 2>"$DIR/err" >/dev/null &
deaf=$!
harness_pids+=("$deaf")
tap_ok "one that never ends has its first lines stored" wait_for 20 has_endpoint
kill -INT "$deaf"
tap_ok "it does not outlive the audit that is interrupted" wait_for 30 test ! -d "/proc/$deaf"
wait "$deaf"
status=$?
err=$(<"$DIR/err")
tap_is "which ends as one that is incomplete, and keeps what it saw" "$status $(stands)" '3 incomplete|1|1|1|ok'
tap_like "and says why" "$err" 'the scanner did not end when asked to and was killed'

# ---- the daemon, one rogue after the other ----
rm -f -- "$DB"*
LEASTPORT_ROGUE=any "$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
tap_ok "the daemon starts" wait_for 20 grep -q '"dashboard at' "$DIR/log"
audit 10.99.0.2 -p 22 --db "$DB" --no-verify
tap_is "its client has the result of a scanner that does everything wrong" "$status" 2
tap_like "and hears what it did" "$err" 'more messages of the scanner were left out'
tap_is "each line of the daemon's log is JSON still" "$(jq -e -R 'fromjson | empty' "$DIR/log" 2>&1)" ''
tap_ok "the daemon serves on" test -d "/proc/$daemon"
tap_is "and is told nothing of what it did not see" "$(stands)" '|0|0|0|ok'
kill -TERM "$daemon"
wait "$daemon"
tap_is "and ends in order" "$?" 0

tap_done
