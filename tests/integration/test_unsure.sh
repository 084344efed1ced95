#!/usr/bin/env bash
# What is allowed by a rule of which it is not known whether it holds, unproven or unverified: listed everywhere, by the
# report, exports and the API, and neither alert nor failure; what a change of owner alone is called.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "what is unsure in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db
serve_ports there 0.0.0.0 22 443 6379
cat >"$DIR/policy.yaml" <<'YAML'
version: 1
defaults: {owner: alpha}
groups: {app: {cidr: [10.99.0.0/24]}}
allow:
  - {id: web, to: any, ports: 443, from: world, when: {tls.version: ">=1.2"}, why: shop}
  - {id: cache, to: app, ports: 6379, from: app, why: cache}
YAML
cat >"$DIR/config.yaml" <<YAML
version: 1
targets: [$THERE]
ports: "443,6379"
services: false
policy: $DIR/policy.yaml
alerts:
  receivers: [{name: all, kind: webhook, url: "http://127.0.0.1:9/"}]
  rules: [{name: all, severity: low, to: all}]
schedules: [{name: all, cron: "0 0 1 1 *"}]
YAML

"$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
has_ended() {
    [[ $(sql "$DB" "SELECT state FROM schedule_run") == complete ]]
}
"$BIN/leastport" schedule run all --db "$DB" 2>"$DIR/err" || tap_fail "schedule run" "$(<"$DIR/err")"
tap_ok "the scan is complete" wait_for 30 has_ended
unsure='443 unproven user/web
6379 unverified user/cache'
tap_is "both are findings" "$(sql "$DB" "SELECT port || ' ' || need_kind || ' ' || rule_id FROM finding ORDER BY port")" "$unsure"
tap_is "an alert is made of neither" "$(sql "$DB" "SELECT count(*) FROM alert")" 0
report=$("$BIN/leastport" report --db "$DB" | tr -s '\n ' ' ')
tap_like "the report lists what is unproven" "$report" 'the rule web allows it, which is unproven on 10\.99\.0\.2'
tap_like "and what is unverified" "$report" 'the rule cache allows it, which is unverified on 10\.99\.0\.2'
tap_is "an export has both" "$("$BIN/leastport" export jsonl --db "$DB" |
    jq -r 'select(.type == "finding") | "\(.port) \(.need_kind) \(.rule_id)"' | sort -n)" "$unsure"
token=$("$BIN/leastport" token create --name test --db "$DB" 2>/dev/null)
page=$(grep -o 'http://127[^"]*' "$DIR/log" | head -n 1)
tap_is "the API lists both" "$(curl -s -H "Authorization: Bearer $token" "${page}api/v1/findings?sort=port" |
    jq -r '.items[] | "\(.port) \(.terms.need.because) \(.rule_id)"' | sort -n)" "$unsure"
audit "$THERE" --db "$DB" -p 443,6379 --fail-on low
tap_is "no audit fails by them" "$status" 0
audit "$THERE" --db "$DB" -p 22
is_told() {
    [[ $(sql "$DB" "SELECT count(*) FROM alert") == 1 ]]
}
tap_ok "what nobody allows is told" wait_for 20 is_told

sed 's/alpha/beta/' "$DIR/policy.yaml" >"$DIR/others.yaml"
tap_is "where the owner alone changes a dry run says whose it is" \
    "$("$BIN/leastport" policy apply "$DIR/others.yaml" --db "$DB" --dry-run | grep 443)" \
    "$THERE 443/tcp (default): unproven by user/web, of alpha -> unproven by user/web, of beta"
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0
tap_done
