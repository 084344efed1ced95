#!/usr/bin/env bash
# One-shot audits of servers that the test starts: exit statuses, lives of findings, bad input, interrupted scans.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "audits of servers in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db

# ---- exit statuses and what is found ----
serve_ports there 0.0.0.0 22 443 6379 8080
first=$server
audit $THERE --db "$DB"
tap_is "findings from medium on exit with 1" "$status" 1
tap_is "what is open is found, and a second probe makes it OPEN" "$(findings "$DB")" \
    $'22 OPEN FRESH low\n443 OPEN FRESH low\n6379 OPEN FRESH medium\n8080 OPEN FRESH low'
tap_like "a new database is named" "$err" "made the database $DB"
tap_like "the report says the score" "$out" 'Score [0-9.]+, grade [A-F]'
tap_is "the second look is a scan of its own" "$(sql "$DB" "SELECT count(*) FROM scan WHERE state = 'complete'")" 2

before=$(state_of "$DB")
rows=$(sql "$DB" 'SELECT count(*) FROM endpoint_state')
audit $THERE --db "$DB" --fail-on critical -o "jsonl:$DIR/findings.jsonl" -o table:-
tap_is "nothing at or above --fail-on exits with 0" "$status" 0
tap_is "an equal audit changes nothing" "$(state_of "$DB")" "$before"
tap_is "an equal audit adds no interval" "$(sql "$DB" 'SELECT count(*) FROM endpoint_state')" "$rows"
tap_is "-o jsonl writes valid lines" \
    "$(jq -r 'select(.type == "finding") | .port' "$DIR/findings.jsonl" | sort -n | paste -sd' ')" "22 443 6379 8080"
tap_like "-o table:- stands beside it" "$out" 'Score'

audit $THERE --db "$DIR/clean.db" -p 9999 --no-verify
tap_is "a clean host exits with 0" "$status" 0

# ---- the lives of findings ----
end_server "$first"
serve_ports there 0.0.0.0 22 443 8080
second=$server
audit $THERE --db "$DB"
tap_is "a port that answers RST twice is FIXED" "$(findings "$DB" | grep ^6379)" '6379 FIXED FRESH medium'
tap_is "a fixed finding does not fail the audit" "$status" 0
end_server "$second"
serve_ports there 0.0.0.0 22 443 6379 8080
audit $THERE --db "$DB"
tap_is "one that opens again has REAPPEARED" "$(findings "$DB" | grep ^6379)" '6379 REAPPEARED FRESH medium'
tap_is "a reappeared finding fails the audit" "$status" 1
nsenter -t "$there" -n ip link set v0 down
audit $THERE --db "$DB" -p 22,443,6379,8080 --retries 0
audit 10.99.0.3 --db "$DIR/silent.db" -p 22 --retries 0
tap_is "when no host answers, it is incomplete and not clean" "$status" 3
tap_like "and says so" "$err" 'incomplete: no host answered'
nsenter -t "$there" -n ip link set v0 up
tap_is "a host that is down is STALE, not FIXED" "$(findings "$DB" | awk '{print $2, $3}' | sort -u)" \
    $'OPEN STALE\nREAPPEARED STALE'
audit $THERE --db "$DB"
tap_is "and FRESH when it is back" "$(findings "$DB" | awk '{print $3}' | sort -u)" FRESH
tap_like "history says when and why" \
    "$(sql "$DB" "SELECT became, reason FROM finding_event e JOIN finding f ON f.id = e.finding_id
                  WHERE f.port = 6379 AND what = 'presence' ORDER BY e.id")" 'NEW.*FIXED\|refused.*REAPPEARED\|'

audit $THERE --db "$DB" --realm other
tap_is "the same address in another realm is another asset" "$(sql "$DB" 'SELECT count(*) FROM asset')" 2

# ---- how ports are asked ----
# probes DB: how the ports of its scans were asked.
probes() { sql "$1" "SELECT DISTINCT json_extract(plan, '$.probes') FROM scan"; }
asked='22 OPEN FRESH low
443 OPEN FRESH low
6379 OPEN FRESH medium
8080 OPEN FRESH low'
audit $THERE --db "$DIR/auto.db"
tap_is "raw SYNs ask where CAP_NET_RAW is, the second look too" "$(probes "$DIR/auto.db")" '["syn"]'
tap_like "and that is said, with why" "$err" 'scanning by raw SYNs, as CAP_NET_RAW is there'
audit $THERE --db "$DIR/connect.db" --connect
tap_is "--connect: plain connects, which find the same" \
    "$(probes "$DIR/connect.db") $(findings "$DIR/connect.db")" "[\"connect\"] $asked"
tap_is "an audit by SYNs found it, too" "$(findings "$DIR/auto.db")" "$asked"
audit_unprivileged() {
    setpriv --bounding-set=-net_raw --inh-caps=-net_raw "$BIN/leastport" audit --no-services "$@" >"$DIR/out" 2>"$DIR/err"
    status=$?
    err=$(<"$DIR/err")
}
audit_unprivileged $THERE --db "$DIR/unprivileged.db"
tap_is "without the capability: plain connects" \
    "$status $(probes "$DIR/unprivileged.db") $(findings "$DIR/unprivileged.db")" "1 [\"connect\"] $asked"
tap_like "and that is said, with how to get SYNs" "$err" 'scanning by plain connects: raw SYNs.*need CAP_NET_RAW.*doctor'
audit_unprivileged $THERE --db "$DIR/refused.db" --syn
tap_like "--syn without it is an error that says why, and asks nothing in its place" \
    "$status $(sql "$DIR/refused.db" 'SELECT count(*) FROM endpoint') $err" '^2 0 .*error: raw packets need CAP_NET_RAW'
printf 'version: 1\nprobe: connect\n' >"$DIR/connects.yaml"
audit $THERE --db "$DIR/configured.db" --config "$DIR/connects.yaml"
tap_is "the configuration decides where nothing is asked for" "$(probes "$DIR/configured.db")" '["connect"]'
audit $THERE --db "$DIR/configured.db" --config "$DIR/connects.yaml" --syn
tap_is "a finding that connects saw is the same when SYNs see it" "$(findings "$DIR/configured.db")" "$asked"
printf 'version: 1\nprobe: udp\n' >"$DIR/wrong.yaml"
audit $THERE --db "$DIR/configured.db" --config "$DIR/wrong.yaml"
tap_like "a way that is none is named" "$status $err" '^2 .*wrong.yaml:2.*probe.*auto'

# ---- another policy ----
# Another policy judges all that is known anew, whichever host the scan looks at.
printf "version: 1\nallow:\n  - {id: web, to: any, ports: [443, 8080], from: any, why: it is the web}\n" >"$DIR/web.yaml"
audit $THERE --db "$DIR/judged.db" -p 22,443,8080
tap_is "one policy judges all: nothing is judged anew" "$(grep -c 'judged anew' <<<"$err")" 0
run_policy() { out=$("$BIN/leastport" policy "$@" 2>"$DIR/err"); status=$?; err=$(<"$DIR/err"); }
run_policy apply "$DIR/web.yaml" --dry-run --db "$DIR/judged.db"
tap_like "a dry run shows what another policy would change" "$status $out" \
    '0 .* 443/tcp \(default\): low by default -> no finding.*3 open ports looked at, nothing written: 0 findings would open, 2 would be allowed, 0 altered'
tap_is "and writes nothing" "$(findings "$DIR/judged.db" | awk '{print $2}' | sort -u) $(sql "$DIR/judged.db" 'SELECT count(*) FROM policy')" 'OPEN 1'
audit 10.99.0.1 --db "$DIR/judged.db" -p 9999 --policy "$DIR/web.yaml"
tap_like "what another policy judges otherwise is said" "$err" 'the policy changed: 3 open ports judged anew, without a scan: 0 findings opened, 2 allowed, 0 altered'
tap_is "and judged by it without a scan" "$(findings "$DIR/judged.db")" \
    $'22 OPEN FRESH low\n443 ALLOWED FRESH low\n8080 ALLOWED FRESH low'
run_policy explain 10.99.0.2 443 --db "$DIR/judged.db"
tap_like "explain takes what is known, and the policy that judged" "$status $out" \
    '^0 10\.99\.0\.2.*443/tcp seen open from local \(own-vpc\) in the realm default, under .*web\.yaml.*allow +user/web \(line 3\): it applies.*decided by user/web: allowed'
run_policy explain 10.99.0.2 444 --db "$DIR/judged.db"
tap_like "what is not known to be open is supposed" "$status $out" '^0 not known to be open; if it were:.*decided by default: a finding'
cat >"$DIR/tags.yaml" <<END
version: 1
db: $DIR/tags.db
realm: shop
targets: [{target: 10.99.0.2, tags: {app: shop}}]
ports: 22
services: false
END
"$BIN/leastport" audit --config "$DIR/tags.yaml" >/dev/null 2>&1
printf 'version: 1\ngroups: {shop: {tags: {app: shop}, realm: shop}}\nforbid: [{id: no-echo, to: shop, ports: 7}]\n' >"$DIR/shop.yaml"
run_policy explain 10.99.0.2 7 --db "$DIR/tags.db" --policy "$DIR/shop.yaml"
tap_like "by what is known of its host: tags, realm" "$status $out" \
    '^0 not known to be open; if it were:.*in the realm shop.*forbid +user/no-echo .*: it applies.*decided by user/no-echo'
run_policy suggest --db "$DIR/judged.db"
tap_is "suggest drafts a policy" "$status" 0
printf '%s\n' "$out" >"$DIR/draft.yaml"
run_policy check "$DIR/draft.yaml" --db "$DIR/judged.db"
tap_like "which passes the check, and all of its groups have hosts" "$status $out" '^0 .*: good: 3 allow, 0 forbid, 1 group, baseline 1; 0 warnings'
run_policy apply "$DIR/draft.yaml" --db "$DIR/judged.db"
tap_like "and allows what is open" "$status $out" '0 3 open ports judged anew'
tap_is "so that nothing is left to find" "$(findings "$DIR/judged.db" | awk '$2 != "ALLOWED"')" ''
run_policy apply "$DIR/web.yaml" --db "$DIR/judged.db"
tap_like "back to the other" "$status $out" '1 findings open, 0 allowed'
run_policy apply "$DIR/web.yaml" --db "$DIR/judged.db"
tap_like "the same once more has nothing to do" "$status $out" '0 nothing to judge'

# ---- what ports are called ----
# The judge's names: all ports of a service, and what a configuration may hold a scan can take.
for expression in kafka any smb rdp docker '22, 80'; do
    printf 'version: 1\nrate: 0\nhost_rate: 0\nports: "%s"\n' "$expression" >"$DIR/ports.yaml"
    audit $THERE --db "$DIR/ports.db" --config "$DIR/ports.yaml" --no-verify --fresh --fail-on critical
    tap_is "ports: \"$expression\" is scanned" "$status" 0
done
tap_is "as the numbers that it stands for" \
    "$(sql "$DIR/ports.db" "SELECT json_extract(plan, '$.ports') FROM scan ORDER BY id" | paste -sd' ')" \
    '9092,9094,9096,9098 1-65535 445 3389 2375-2376 22,80'

# ---- bad input ----
refuses() {
    local description=$1 text=$2
    shift 2
    audit "$@"
    tap_is "$description: exits with 2" "$status" 2
    tap_like "$description: says so" "$err" "$text"
}
refuses "an address outside the scope" '8\.8\.8\.8' 8.8.8.8 --db "$DIR/x.db"
tap_is "and once" "$(grep -c 'outside the scope' <<<"$err")" 1
refuses "a target that is none" '10\.0\.0\.300' 10.0.0.300 --db "$DIR/x.db"
refuses "a port that is none" '99999' $THERE -p 99999 --db "$DIR/port.db"
tap_is "and makes no database" "$(find "$DIR" -name 'port.db*' | wc -l)" 0
refuses "a new tenant that is no address" '--new-tenant "shs" is no address' $THERE --new-tenant shs
refuses "a severity that is none" '"loud"' $THERE --fail-on loud
refuses "a rate that is none" '"fast"' $THERE --rate fast
refuses "an output format that is none" '"pdf:x"' $THERE -o pdf:x
refuses "an unknown option" 'frsh' $THERE --frsh
refuses "a missing configuration" 'nothere.yaml' $THERE --config "$DIR/nothere.yaml"
printf 'version: 1\nrelm: x\n' >"$DIR/bad.yaml"
refuses "a wrong configuration" 'bad.yaml:2:1' $THERE --config "$DIR/bad.yaml"
printf 'version: 1\nrules: 7\n' >"$DIR/policy.yaml"
refuses "a wrong policy" 'policy.yaml:2:' $THERE --policy "$DIR/policy.yaml"
head -c 9000 /dev/urandom >"$DIR/noise.db"
refuses "a file that is no database" 'noise.db' $THERE --db "$DIR/noise.db"
refuses "a folder that cannot be made" '/proc/nope' $THERE --db /proc/nope/a.db

refuses "a database in folders that are not there" "folder $DIR/no/such cannot be made" $THERE --db "$DIR/no/such/a.db"
tap_ok "and makes none of them" test ! -e "$DIR/no"
XDG_STATE_HOME=/proc/nobody refuses "a home that is none" 'folder /proc/nobody cannot be made' $THERE
exec {gone}> >(:)
wait $!
"$BIN/leastport" report --db "$DB" 1>&"$gone" 2>"$DIR/err"
tap_is "a reader that goes away is no error" "$? $(<"$DIR/err")" '0 '
exec {gone}>&-
exec {lock}>"$DB.lock"
flock "$lock"
refuses "a database that is locked" 'audit.db' $THERE --db "$DB"
exec {lock}>&-

tap_ok "its help fits a screen" test "$("$BIN/leastport" audit --help | wc -l)" -le 24
tap_like "and the whole of it tells the rest" "$("$BIN/leastport" audit --help-all)" '--new-tenant=ADDRESS'

# ---- this machine's own addresses ----
serve_ports here 127.0.0.1 5432
audit --db "$DIR/own.db" -p 22,5432
tap_like "without TARGET it audits this machine's own addresses" "$err" "own [0-9]+ addresses"
tap_is "each of them is looked at" \
    "$(sql "$DIR/own.db" "SELECT value FROM asset_identity WHERE kind = 'address' ORDER BY value" | paste -sd' ')" \
    "10.99.0.1 127.0.0.1 ::1 fd99::1"
tap_is "what listens on loopback alone is no finding" "$(findings "$DIR/own.db")" ''

# ---- a host name ----
serve_ports here 0.0.0.0 2222
named=$server
audit localhost:2222,ssh --db "$DIR/name.db"
tap_is "a host name with ports of its own is audited, and looked at twice" "$(findings "$DIR/name.db")" '2222 OPEN FRESH low'
end_server "$named"
audit localhost:2222,ssh --db "$DIR/name.db"
tap_is "what was open there is watched" "$(findings "$DIR/name.db")" '2222 FIXED FRESH low'

# ---- a scan that is cut off ----
# 18 own addresses are two slabs of about two seconds; the cut comes within the second. They are one asset: 6379 on two of
# them is one finding.
cut_plans '{"probes": 65536, "hosts": 9}'
many=(10.99.7.1-18 -p 1-7000 --rate 30000 --host-rate 0)
for last in {1..18}; do
    ip addr add "10.99.7.$last/32" dev lo
done
serve_ports here 10.99.7.3 6379
serve_ports here 10.99.7.17 22 6379
serve_ports here 10.99.7.18 3306
audit "${many[@]}" --db "$DIR/whole.db"
whole=$(state_of "$DIR/whole.db")
tap_is "the undisturbed audit finds all" "$(sql "$DIR/whole.db" "SELECT count(*) FROM finding")" 3
tap_is "at each address" "$(sql "$DIR/whole.db" "SELECT count(*) FROM endpoint")" 4

running_scanner() {
    pgrep -P "$1" -x leastport-scan
}
slab_is_stored() {
    [[ $(sql "$1" "SELECT max(slabs_done) FROM scan" 2>/dev/null) == 1 ]]
}

# cut NAME WHAT SIGNAL: an audit whose scanner or auditd gets the signal within the second slab, then the same again.
cut() {
    local name=$1 what=$2 signal=$3 db=$DIR/$1.db pid victim
    "$BIN/leastport" audit --no-services "${many[@]}" --db "$db" >"$DIR/out" 2>"$DIR/err" &
    pid=$!
    wait_for 120 slab_is_stored "$db" || tap_fail "$name: the first slab is stored"
    victim=$pid
    if [[ $what == scanner ]]; then
        victim=$(running_scanner "$pid")
    fi
    kill "-$signal" "$victim"
    wait "$pid"
    status=$?
    if [[ $what == auditd && $signal == KILL ]]; then
        tap_is "$name: auditd is killed" "$status" 137
    else
        tap_ok "$name: exits with 1 or 3" test "$status" = 1 -o "$status" = 3
        tap_like "$name: says that it is incomplete" "$(<"$DIR/err")" 'the audit is incomplete'
        tap_is "$name: the scan is stored as incomplete" \
            "$(sql "$db" "SELECT state FROM scan ORDER BY id LIMIT 1")" incomplete
    fi
    if [[ $what == auditd && $signal == INT ]]; then
        audit_unprivileged "${many[@]}" --db "$db"
        tap_like "$name: what began by SYNs goes on by SYNs, else it says the ways out" "$status $err" \
            '^2 .*error: raw packets need CAP_NET_RAW.*goes on only as it began \(--fresh starts over\)$'
    fi
    audit "${many[@]}" --db "$db"
    tap_like "$name: the next audit goes on with the second slab" "$err" 'from part 2 of 2'
    tap_is "$name: and ends as if nothing had been" "$(state_of "$db")" "$whole"
    tap_is "$name: it is one scan, complete" "$(sql "$db" "SELECT state FROM scan ORDER BY id LIMIT 1")" complete
}
cut scanner-killed scanner KILL
cut auditd-killed auditd KILL
cut interrupted auditd INT

tap_done
