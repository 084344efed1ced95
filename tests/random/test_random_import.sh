#!/usr/bin/env bash
# Random scans with hostile texts in every field: import(export) has the same endpoints, in both directions, and what one
# scanner's formats say is the same. Prints TAP.
set -uo pipefail
ROOT=$(dirname "$(readlink -f -- "$0")")/../..
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$ROOT/build/dev/bin}")
# shellcheck source=tests/tap.sh
. "$ROOT/tests/tap.sh"
DIR=$(mktemp -d)
trap 'rm -rf -- "$DIR"' EXIT
cd "$DIR" || exit
seed=${LEASTPORT_TEST_SEED:-1}
repeats=$((${LEASTPORT_TEST_REPEATS:-2} * 3))
tap_diag "LEASTPORT_TEST_SEED=$seed"

# endpoints DB COLUMNS: what is open, one a line.
endpoints() {
    "$BIN/leastport" export jsonl --endpoints --state open --db "$1" >rows.jsonl || return
    jq -c "[$2]" rows.jsonl | LC_ALL=C sort
}
ALL='.host, .proto, .port, .state, .reason, .service, .facts.product, .facts.version, .facts.tls'
BARE='.host, .proto, .port, .state, .reason'

take() {
    "$BIN/leastport" import --db "$@" >said 2>&1
}

# there_and_back: a database made of the file, its export imported, and that one's export again.
there_and_back() {
    take first.db scan.xml &&
        "$BIN/leastport" export xml --db first.db >first.xml &&
        take second.db first.xml &&
        "$BIN/leastport" export xml --db second.db >second.xml &&
        take third.db second.xml
}

# same NAME GOT WANTED
same() {
    if [[ -n $2 && $2 == "$3" ]]; then
        return 0
    fi
    tap_fail "$1, seed $at_seed" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | head -n 20)"
    return 1
}

compare() {
    same "the export of an import" "$(endpoints second.db "$ALL")" "$(endpoints first.db "$ALL")" &&
        same "and once more" "$(endpoints third.db "$ALL")" "$(endpoints first.db "$ALL")" &&
        same "masscan's list" "$(endpoints list.db "$BARE")" "$(endpoints first.db "$BARE")" &&
        same "masscan's JSON" "$(endpoints json.db "$BARE")" "$(endpoints first.db "$BARE")"
}

for ((i = 0; i < repeats; i++)); do
    at_seed=$((seed + i))
    rm -f -- ./*
    # Not "now", which no later look may have.
    awk -v seed="$at_seed" -v at="$(($(date +%s) - 100))" -v xml=scan.xml -v list=scan.list -v json=scan.json -f "$ROOT/tests/random/scan_file.awk"
    if there_and_back && take list.db scan.list && take json.db scan.json; then
        if compare; then
            tap_pass "import and export agree, seed $at_seed: $(endpoints first.db "$ALL" | wc -l) endpoints"
        fi
        tap_ok "ndiff sees no difference, seed $at_seed" ndiff first.xml second.xml
    else
        tap_fail "the files are taken, seed $at_seed" "$(<said)"
    fi
done
tap_done
