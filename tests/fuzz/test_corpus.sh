#!/usr/bin/env bash
# Every input that was ever of interest, through every reader of hostile input; with LEASTPORT_FUZZ_SECONDS new ones too.
set -uo pipefail
cd -- "$(dirname -- "$0")/../.." || exit 1
. tests/tap.sh
. tests/fuzz/harnesses.sh
bin=$(readlink -f -- "${LEASTPORT_BIN:-build/asan/bin}/../fuzz")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export TMPDIR=$work

# replay HARNESS: the last line of what it says, and when it fails all that stands around its end.
replay() {
    local status=0
    local -a corpora
    mapfile -t corpora < <(fuzz_corpora "$1")
    "$bin/$1" "${corpora[@]}" >"$work/out" 2>"$work/err" || status=$?
    if ((status != 0)); then
        grep -v -E '^tests/fuzz/corpus/' "$work/err" | tail -n 60
        printf 'the last input was %s\n' "$(grep -E '^(tests/fuzz/corpus/|the empty input)' "$work/err" | tail -n 1)"
    fi
    cat "$work/out"
    return "$status"
}

# fuzz HARNESS: what was found is kept, and what reached anything new is replayed, within its time. Leaves what was said in
# NAME.said, the status in NAME.status.
fuzz() {
    local status=0
    local -a corpora
    mapfile -t corpora < <(fuzz_corpora "$1")
    mkdir -p "$work/grown/$1"
    fuzz_run "$1" "$LEASTPORT_FUZZ_SECONDS" "build/fuzz/found/$1-" "$work/grown/$1" "${corpora[@]}" \
        >"$work/$1.said" || status=$?
    if ((status == 0)); then
        "$bin/$1" "$work/grown/$1" >>"$work/$1.said" 2>"$work/$1.replayed" || status=$?
    fi
    printf '%d\n' "$status" >"$work/$1.status"
}

# fuzz_all: as many at a time as there are processors.
fuzz_all() {
    local name jobs=${LEASTPORT_FUZZ_JOBS:-$(nproc)}
    mkdir -p build/fuzz/found
    for name in "${fuzz_harnesses[@]}"; do
        while (($(jobs -rp | wc -l) >= jobs)); do
            wait -n || true
        done
        fuzz "$name" &
    done
    wait
}

# The parameters that no input has.
unseen_parameters() {
    local path parameter
    while read -r path parameter; do
        grep -q -a -F -e "GET ${path/'{uuid}'/'{finding}'}?$parameter=" -- tests/fuzz/corpus/api/* ||
            printf '%s %s\n' "$path" "$parameter"
    done < <(fuzz_parameters)
}

for name in "${fuzz_harnesses[@]}"; do
    if said=$(replay "$name"); then
        tap_pass "$name bears its corpus: $said"
    else
        tap_fail "$name bears its corpus" "$said"
    fi
done
tap_ok "the API's description has parameters" test "$(fuzz_parameters | wc -l)" -gt 50
tap_is "each of them is among the inputs" "$(unseen_parameters)" ""
if [[ ${LEASTPORT_FUZZ_SECONDS:-0} -gt 0 ]]; then
    { cmake --preset fuzz && cmake --build --preset fuzz; } >"$work/build" 2>&1 || tap_fail "the harnesses build" "$(tail -n 40 "$work/build")"
    fuzz_all
    for name in "${fuzz_harnesses[@]}"; do
        if [[ $(cat "$work/$name.status") == 0 ]]; then
            tap_pass "$name bears $LEASTPORT_FUZZ_SECONDS s of fuzzing"
            tap_diag "$(cat "$work/$name.said")"
        else
            tap_fail "$name bears $LEASTPORT_FUZZ_SECONDS s of fuzzing" "$(cat "$work/$name.said")"
        fi
    done
fi
tap_done
