#!/usr/bin/env bash
# What opened, closed and changed between scans and dates; a first scan that is adopted.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "changes between audits of servers in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db

# leastport VERB ARGUMENT...: sets out, err, status
ask() {
    local verb=$1
    shift
    out=$("$BIN/leastport" "$verb" --db "$DB" "$@" 2>"$DIR/err")
    status=$?
    err=$(<"$DIR/err")
}

last_scan() {
    sql "$DB" "SELECT uuid FROM scan WHERE judged_at IS NOT NULL ORDER BY id DESC LIMIT 1"
}

# kind, port and both states, one a line
kinds() {
    jq -r 'select(.type == "change") | "\(.kind) \(.port) \(.was)>\(.became)"' <<<"$out"
}

serve_ports there 0.0.0.0 22 6379
first=$server
audit $THERE --db "$DB" -p 22,80,6379 --no-verify
one=$(last_scan)
ask changes
tap_like "the first audit has none before it" "$status $err" '^2 .*no audit before the last one'
ask adopt
tap_like "a first scan is adopted" "$status $err" '^0 .*2 findings adopted'
tap_is "its findings are OPEN, with a mark for alerts" \
    "$(sql "$DB" "SELECT port, presence, adopted_at > 0 FROM finding ORDER BY port" | tr '\n' ' ')" '22|OPEN|1 6379|OPEN|1 '
tap_is "who adopted is kept" "$(sql "$DB" "SELECT DISTINCT actor, became FROM finding_event WHERE what = 'adopted'")" \
    "$(id -un)|adopted"
ask adopt
tap_like "once" "$status $err" '^2 .*no open finding that was not adopted already'

end_server "$first"
serve_ports there 0.0.0.0 22 80
second=$server
audit $THERE --db "$DB" -p 22,80,6379
two=$(last_scan)
tap_is "what comes later is not adopted" "$(sql "$DB" "SELECT adopted_at IS NULL FROM finding WHERE port = 80")" 1
ask changes --json --since "$one"
tap_is "what opened and what closed since a scan" "$status $(kinds | paste -sd,)" '0 opened 80 >OPEN,closed 6379 NEW>FIXED'
tap_like "with the time that it took to fix" "$(tail -n1 <<<"$out")" '"opened":1,"closed":1,"changed":0,"fixed":1,"mean_time_to_fix_s":[0-9.]+\}$'
ask changes
tap_like "since the audit before, for a person" "$status $out" \
    "^0 \\+ opened .*80/tcp .* at $THERE.*- closed .*6379/tcp redis .*NEW -> FIXED; seen .* to .*1 opened, 1 closed, 0 changed.*1 fixed, on average"

end_server "$second"
serve_ports there 0.0.0.0 22 6379
printf 'version: 1\nforbid:\n  - {id: no-ssh, to: any, ports: 22, severity: high}\n' >"$DIR/policy.yaml"
audit $THERE --db "$DB" -p 22,80,6379 --policy "$DIR/policy.yaml"
ask changes --json --since "$two"
tap_is "what changed, what is back" "$(kinds | paste -sd,)" \
    'opened 6379 FIXED>REAPPEARED,closed 80 OPEN>FIXED,changed 22 OPEN>OPEN'
tap_is "which of it changed" "$(jq -r 'select(.kind == "changed") | .changed' <<<"$out" | tr ',' '\n' | sort | paste -sd,)" 'rule,severity'
ask changes --json --since "$one" --until "$two"
tap_is "between any two scans" "$(kinds | paste -sd,)" 'opened 80 >OPEN,closed 6379 NEW>FIXED'
ask changes --json --since 2020-01-01 --until 2020-12-31
tap_is "between dates when nothing was" "$status $(jq -r '"\(.opened) \(.closed) \(.mean_time_to_fix_s)"' <<<"$out")" '0 0 0 null'
ask changes --json --since 2020-01-01
tap_is "all that is open opened since the beginning" "$(kinds | paste -sd,)" 'opened 22 >OPEN,opened 6379 >REAPPEARED'
ask changes --since soon
tap_like "what is no moment is said" "$status $err" '^2 .*"soon" is no date'
ask changes --since 2026-01-02 --until 2026-01-01
tap_like "and what is the wrong way round" "$status $err" '^2 .*--until is before --since'

# ---- by when ----
DB=$DIR/due.db
cat >"$DIR/owned.yaml" <<'YAML'
version: 1
defaults: {owner: shop-team}
forbid:
  - {id: no-ssh, to: any, ports: 22, severity: high, owner: ops}
YAML
printf 'version: 1\ndue: {high: 1s, medium: 6d}\n' >"$DIR/config.yaml"
printf 'version: 1\ndue: {high: 1x}\n' >"$DIR/bad.yaml"
audit $THERE --db "$DB" -p 22,80,6379 --config "$DIR/bad.yaml"
tap_like "a wrong time in the configuration is said with its place" "$status $err" '^2 .*bad.yaml:2:13: error'
audit $THERE --db "$DB" -p 22,80,6379 --config "$DIR/config.yaml" --policy "$DIR/owned.yaml"
is_overdue() { ask report && [[ $out == *"Overdue, by owner"* ]]; }
tap_ok "what is open for too long is overdue" wait_for 20 is_overdue
ask report
tap_like "by owner, worst first" "$out" 'ops: 1 overdue \(1 high\), the oldest for 0 days.*shop-team: 1 due within a week'
tap_like "each exposure says whose it is and when it is due" "$(tr -s ' \n' ' ' <<<"$out")" 'owner ops; overdue since 20.*owner shop-team; due 20'
ask report -o jsonl:-
tap_is "for scripts too" "$(jq -r 'select(.type == "finding") | "\(.port) \(.owner) \(.due | type) \(.disposition)"' <<<"$out" | sort -n | paste -sd,)" \
    '22 ops string NONE,6379 shop-team string NONE'
ask waive $THERE:22 --owner ops --reason r --until 2099-01-01
ask report -o jsonl:-
tap_is "what is waived is never due" "$(jq -r 'select(.type == "finding" and .port == 22) | "\(.due) \(.disposition)"' <<<"$out")" 'null WAIVED'
# What comes back begins anew: a finding that was fixed and opened again.
tap_is "what is back is due by the time that it came back" \
    "$(sqlite3 -readonly "$DIR/audit.db" "SELECT opened_at > first_seen FROM finding WHERE presence = 'REAPPEARED'")" 1

# ---- scores ----
ask score --json
tap_is "scores of fleet, realm and host, each with its terms" \
    "$(jq -r '"\(.scope) \(.label) \(.terms | length > 0)"' <<<"$out" | sort | paste -sd,)" "fleet  true,host $THERE true,realm default true"
ask score host $THERE --explain
tap_like "every term, and what would raise it most" "$status $out" '^0 .*host 10.99.0.2; exposure .*- +6\.00  redis.*What would raise it most.*closing 1 redis open to own-vpc: exposure 6\.0 less'
ask score fleet --history --json
tap_ok "with a history" test "$(jq -s 'length' <<<"$out")" -gt 1
tap_is "of which the last is current" "$(jq -s -r '[.[] | select(.current)] | length' <<<"$out")" 1
cat >"$DIR/grouped.yaml" <<'YAML'
version: 1
defaults: {owner: shop-team}
groups:
  edge: {cidr: 10.99.0.0/24}
  nobody: {tags: {app: none}}
YAML
tap_ok "a policy is changed" "$BIN/leastport" policy apply --db "$DB" "$DIR/grouped.yaml"
ask score group --json
tap_is "a group of the policy has one, as soon as the policy names it" \
    "$(jq -r '"\(.subject) \(.terms | length > 0) \(.raise | length > 0)"' <<<"$out")" 'edge true true'
ask score group edge --explain
tap_like "explained as any other" "$status $out" '^0 .*group edge; exposure .*What would raise it most'
ask score team
tap_like "what is no scope is said" "$status $err" '^2 .*"team" is none of it'
ask score host nobody
tap_like "who has none is named" "$status $err" '^2 .*no score of nobody'
tap_done
