#!/usr/bin/env bash
# Includes flow one way: lib under scanner, auditd, web and cli, which meet in protocol headers only.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/gates/sources.sh

# judged PATH INCLUDE: what the gate says of a file that holds the one include.
judged() {
    mkdir -p "$scratch/$(dirname -- "$1")"
    printf '#include "%s"\n' "$2" >"$scratch/$1"
    (cd "$scratch" && awk -f "$OLDPWD/tests/gates/layers.awk" "$1")
}

refuses() {
    if judged "$1" "$2" >/dev/null; then
        tap_fail "refuses $2 in $1"
    else
        tap_pass "refuses $2 in $1"
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

mapfile -t files < <(sources '*.c' '*.h')
tap_ok "all ${#files[@]} sources include in the right direction" awk -f tests/gates/layers.awk "${files[@]}"
refuses lib/addr.c scanner/plan.h
refuses scanner/plan.c auditd/policy/judge.h
refuses scanner/plan.c auditd/protocol.h
refuses auditd/job.c scanner/plan.h
refuses web/page.c scanner/protocol.h
refuses web/page.c auditd/policy/judge.h
refuses cli/main.c scanner/plan.h
refuses tests/unit/lib/test_addr.c scanner/plan.h
refuses scanner/plan.c pacer.h
refuses scanner/plan.c ../lib/addr.h
refuses util/strings.c lib/addr.h
tap_ok "allows the scanner's protocol header in auditd" judged auditd/job.c scanner/protocol.h
tap_ok "allows its own layer in a unit test" judged tests/unit/web/test_page.c web/page.h
tap_done
