#!/usr/bin/env bash
# leastport policy, typed as a person types it; prints TAP. Sends nothing anywhere.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
cd "$WORK" || exit 1

# run ARGUMENT...: output in OUT, exit status in STATUS
run() {
    OUT=$("$BIN/leastport" policy "$@" 2>&1)
    STATUS=$?
}

cat >good.yaml <<'YAML'
version: 1
groups:
  web: {cidr: 10.0.0.0/24}
allow:
  - {id: ssh, to: web, ports: ssh, from: vpn, why: break-glass}
forbid:
  - {id: bypass, to: {not: web}, ports: any, from: world, severity: critical}
YAML
cat >bad.yaml <<'YAML'
version: 1
alow: []
forbid:
  - {id: a, to: any, prots: 22}
YAML
cat >unproven.yaml <<'YAML'
version: 1
allow:
  - {id: tls, to: any, ports: 443, from: world, when: {tls.version: ">=1.2"}, why: shop}
YAML

run check good.yaml
tap_is "a good policy is good" "$STATUS $OUT" "0 good.yaml: good: 1 allow, 1 forbid, 1 group, baseline 1; 0 warnings"
run check bad.yaml
tap_is "a bad one exits with 2" "$STATUS" 2
tap_like "each error has line and column" "$OUT" \
    'bad.yaml:2:1: error: unknown key "alow"; did you mean "allow"\?.*bad.yaml:4:22: error: unknown key "prots"; did you mean "ports"\?'
tap_like "and they are counted" "$OUT" 'bad.yaml: 3 errors, 0 warnings'
run check unproven.yaml
tap_like "a condition is no warning" "$STATUS $OUT" '^0 unproven.yaml: good: 1 allow, .* 0 warnings'
cat >fact.yaml <<'YAML'
version: 1
allow:
  - {id: tls, to: any, ports: 443, from: world, when: {tls.versoin: 1.2}, why: shop}
YAML
run check fact.yaml
tap_like "a fact that there is not is an error" "$STATUS $OUT" '^2 fact.yaml:3:56: error: there is no fact "tls.versoin"; did you mean "tls.version"'
run check missing.yaml
tap_like "a missing file is named" "$STATUS $OUT" '^2 missing.yaml: error: cannot read the policy: No such file'

cat >shop.yaml <<'YAML'
version: 1
groups:
  app: {tags: {tier: app}}
  db: {tags: {tier: db}}
allow:
  - {id: app-db, to: db, ports: 5432, from: app, why: orders}
forbid:
  - {id: all, to: db, ports: any, from: app, severity: high}
tests:
  - {to: db, port: 5432, from: world, expect: finding}
YAML
run test shop.yaml
tap_is "tests that pass exit with 0" "$STATUS $OUT" "0 shop.yaml: 1 of 1 tests passed"
echo '  - {to: db, port: 5432, from: app, expect: allowed}' >>shop.yaml
run test shop.yaml
tap_like "one that fails is named, with its place, and exits with 1" "$STATUS $OUT" \
    '^1 shop.yaml:11:5: 5432/tcp from app is a finding, by user/all; expected: allowed.*1 of 2 tests passed'
run check shop.yaml
tap_like "rules that contradict each other are a warning" "$STATUS $OUT" \
    '^0 shop.yaml:6:5: warning: the rule "app-db" contradicts the rule "all" \(line 8\), which forbids all of it from app'
run test bad.yaml
tap_like "a bad policy is not tested" "$STATUS $OUT" '^2 bad.yaml:2:1: error'
run check shop.yaml --db missing.db
tap_like "a database that is not there is said" "$STATUS $OUT" '^2 .*missing.db'
run suggest --db missing.db
tap_like "nothing is drafted from nothing" "$STATUS $OUT" '^2 .*missing.db'
run apply bad.yaml --db missing.db
tap_like "a bad policy is not applied" "$STATUS $OUT" '^2 .*did you mean "allow"'
run apply good.yaml --dry-run --db missing.db
tap_like "a dry run makes no database" "$STATUS $OUT $(ls missing.db 2>&1)" '^2 .*missing.db.*No such file'
run sugest
tap_like "a misspelt action is refused" "$STATUS $OUT" '^2 .*there is no "policy sugest": check, explain, test, suggest or apply'

run explain 10.0.0.5 22 --policy good.yaml --from vpn
tap_like "explain names the rule that allows" "$STATUS $OUT" '^0 .*decided by user/ssh: allowed'
run explain 10.0.0.5:22 --policy good.yaml --from world
tap_like "explain names the baseline's rule" "$STATUS $OUT" 'decided by baseline/ssh: a finding.*severity critical; penalty 30.00'
run explain fd00::1 8443 --policy good.yaml --from world
tap_like "explain takes IPv6 and raises the severity" "$STATUS $OUT" 'decided by user/bypass: a finding.*severity critical; penalty 5.00'
run explain 10.0.0.5 443 --policy unproven.yaml --from world
tap_like "an unknown fact allows nothing" "$STATUS $OUT" 'decided by user/tls: unproven .*The rule tls allows this port but is unproven'
run explain 10.0.0.5 161/udp --from public-range
tap_like "explain takes UDP" "$STATUS $OUT" '^0 161/udp.*decided by baseline/snmp: a finding'
run explain 10.0.0.5 70000
tap_like "a wrong port is refused" "$STATUS $OUT" '^2 .*"10.0.0.5 70000" is no address and port of 0 to 65535'
run explain 10.0.0.5 22 --policy bad.yaml
tap_like "a bad policy explains nothing" "$STATUS $OUT" '^2 .*did you mean "allow"'
tap_done
