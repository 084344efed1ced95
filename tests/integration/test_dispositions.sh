#!/usr/bin/env bash
# What people decide about findings, typed as a person types it: without a daemon, and beside one.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "decisions about findings of servers in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db

# leastport VERB ARGUMENT...: sets out, err, status
decide() {
    local verb=$1
    shift
    out=$("$BIN/leastport" "$verb" --db "$DB" "$@" 2>"$DIR/err")
    status=$?
    err=$(<"$DIR/err")
}

dispositions() {
    sql "$DB" "SELECT port, disposition FROM finding WHERE sight <> 'RETIRED' ORDER BY port" | tr '|\n' ' ,'
}

score() {
    sql "$DB" "SELECT printf('%.2f %.2f', exposure, waived) FROM score WHERE scope = '$1' AND ended_at IS NULL LIMIT 1"
}

serve_ports there 0.0.0.0 22 6379
audit $THERE --db "$DB" -p 22,6379
before=$(score fleet)

decide acknowledge $THERE:22 --reason "ticket 7"
tap_like "a finding is acknowledged by address and port" "$status $out" "^0 ACKNOWLEDGED $THERE:22/tcp ssh \\(exposure, "
tap_is "and keeps its penalty" "$(score fleet)" "$before"
tap_is "who did it and why is kept" "$(sql "$DB" "SELECT actor, was, became, reason FROM finding_event WHERE what = 'disposition'")" \
    "$(id -un)|NONE|ACKNOWLEDGED|ticket 7"
audit $THERE --db "$DB" -p 22,6379
tap_like "the report says so" "$out" acknowledged
decide unacknowledge $THERE:22 --reason "not ours"
tap_is "an acknowledgement is taken back" "$status $(dispositions)" '0 22 NONE,6379 NONE,'

decide waive $THERE:6379 --owner shop --reason "until the move"
tap_like "a waiver has an end" "$status $err" '^2 .*needs --until'
decide waive $THERE:6379 --owner shop --reason "until the move" --until 2020-01-01
tap_like "which is not in the past" "$status $err" '^2 .*2020-01-01 is in the past'
decide waive $THERE:6380 $THERE:6379 --owner shop --reason "until the move" --until 2099-01-01
tap_like "what is no finding is said" "$status $err" "^2 .*there is no finding at $THERE:6380"
tap_is "and nothing is done" "$(dispositions)" '22 NONE,6379 NONE,'
decide waive $THERE:6379 --owner shop --reason "until the move" --until 2099-01-01
tap_is "a finding is waived" "$status $(dispositions)" '0 22 NONE,6379 WAIVED,'
tap_is "and summed apart" "$(awk '{printf "%.2f", $1 + $2}' <<<"$(score fleet)") $(score fleet | awk '{print ($2 > 0)}')" \
    "$(awk '{print $1}' <<<"$before") 1"
decide waive --list
tap_like "the list shows it with owner, end and reason" "$out" "$THERE:6379/tcp redis.* shop .*2099-01-02 00:00.*until the move"
decide waive --list --json
tap_is "as JSON too" "$(jq -r '"\(.host) \(.port) \(.owner) \(.until)"' <<<"$out")" "$THERE 6379 shop 2099-01-02T00:00:00.000Z"
decide unwaive $THERE:6379 --reason "moved"
tap_is "a waiver is ended" "$status $(dispositions) $(score fleet)" "0 22 NONE,6379 NONE, $before"

printf 'finding,owner,reason,until\n%s:22,a,b,2099-01-01\n%s:6379,a,,2099-01-01\n' $THERE $THERE >"$DIR/bad.csv"
decide waive --import "$DIR/bad.csv"
tap_like "errors of a file have line and column" "$status $err" '^2 .*line 3, column 18: no reason'
tap_is "and nothing of it is done" "$(dispositions)" '22 NONE,6379 NONE,'
printf 'owner,reason,until,rule,cidr,finding\na,"b, c",2099-01-01,,,%s:22\na,b,2099-01-01,baseline/redis,10.99.0.0/24,\n' $THERE >"$DIR/good.csv"
decide waive --import "$DIR/good.csv"
tap_is "a file is imported" "$status $(dispositions)" '0 22 WAIVED,6379 WAIVED,'
decide unwaive --waiver "$(sql "$DB" 'SELECT uuid FROM waiver_grant')" --reason r
tap_is "a waiver by rule is ended as a whole" "$status $(dispositions)" '0 22 WAIVED,6379 NONE,'
decide unwaive $THERE:22 --reason r

# ---- by the policy's groups ----
printf 'version: 1\ngroups:\n  there: {cidr: 10.99.0.0/24}\n  else: {cidr: 192.0.2.0/24}\n' >"$DIR/groups.yaml"
tap_ok "a policy with groups judges" "$BIN/leastport" policy apply --db "$DB" "$DIR/groups.yaml"
decide waive --rule baseline/redis --group others --owner o --reason r --until 2099-01-01
tap_like "a group that the policy does not have is said" "$status $err" '^2 .*no group "others"'
decide waive --rule baseline/redis --group else --owner o --reason r --until 2099-01-01
tap_like "one that has no host with such a finding, too" "$status $err" '^2 .*nothing would be waived'
decide waive --rule baseline/redis --group there --owner o --reason r --until 2099-01-01
tap_is "a group's findings are waived" "$status $(dispositions)" '0 22 NONE,6379 WAIVED,'
decide waive --list --json
tap_is "and the list names it" "$(jq -c .hosts <<<"$out")" '{"group":["there"]}'
decide unwaive --waiver "$(jq -r .waiver <<<"$out")" --reason r

# ---- beside the daemon ----
printf 'version: 1\nallow:\n  - {id: old, to: any, ports: 22, from: own-vpc, why: w, until: %s}\n' \
    "$(date -u -d '-2 days' +%F)" >"$DIR/policy.yaml"
printf 'version: 1\npolicy: policy.yaml\n' >"$DIR/config.yaml"
"$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
decide waive $THERE:6379 --owner shop --reason "for a moment" --until "$(date -u -d '+3 seconds' +%FT%TZ)"
tap_is "the daemon does it" "$status $(dispositions)" '0 22 NONE,6379 WAIVED,'
tap_like "and says who asked, by what the kernel knows" "$(sql "$DB" "SELECT actor FROM finding_event ORDER BY id DESC LIMIT 1")" \
    "^$(id -un) \(process [0-9]+\)$"
decide acknowledge $THERE:6379 --reason r
tap_like "its refusals are told" "$status $err" '^2 .*6379/tcp .* is waived'
# As it was while the rule held, when all was judged last.
sqlite3 -cmd ".timeout 10000" "$DB" "UPDATE finding SET presence = 'ALLOWED' WHERE port = 22; UPDATE scan SET judged_at = 1 WHERE judged_at > 1; UPDATE judgement SET at = id + $(date -u -d '-3 days' +%s)000"
tap_is "a port is allowed by a rule that has ended since" "$(sql "$DB" "SELECT presence FROM finding WHERE port = 22")" ALLOWED
is_open_again() { [[ $(dispositions) == '22 NONE,6379 NONE,' ]]; }
tap_ok "at the end of the waiver the finding is open again" wait_for 40 is_open_again
tap_like "by itself" "$(sql "$DB" "SELECT actor, reason FROM finding_event WHERE became = 'NONE' ORDER BY id DESC LIMIT 1")" '^auditd\|the waiver ended at'
rule_ended() { [[ $(sql "$DB" "SELECT presence FROM finding WHERE port = 22") == OPEN ]]; }
tap_ok "a rule that ends while the daemon runs ends by itself, too" wait_for 40 rule_ended
tap_is "and all is judged anew, once" "$(sql "$DB" "SELECT count(*) FROM judgement WHERE reason = 'a rule ended'")" 1
rescored() { [[ $(score fleet) == "$before" ]]; }
tap_ok "and counts" wait_for 20 rescored
tap_done
