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
    "$bin/$1" "tests/fuzz/corpus/$1" >"$work/out" 2>"$work/err" || status=$?
    if ((status != 0)); then
        grep -v -E '^tests/fuzz/corpus/' "$work/err" | tail -n 60
        printf 'the last input was %s\n' "$(grep -E '^(tests/fuzz/corpus/|the empty input)' "$work/err" | tail -n 1)"
    fi
    cat "$work/out"
    return "$status"
}

# fuzz HARNESS: what was found is kept.
fuzz() {
    mkdir -p build/fuzz/found "$work/grown/$1"
    fuzz_run "$1" "$LEASTPORT_FUZZ_SECONDS" "build/fuzz/found/$1-" "$work/grown/$1" "tests/fuzz/corpus/$1"
}

for name in "${fuzz_harnesses[@]}"; do
    if said=$(replay "$name"); then
        tap_pass "$name bears its corpus: $said"
    else
        tap_fail "$name bears its corpus" "$said"
    fi
done
if [[ ${LEASTPORT_FUZZ_SECONDS:-0} -gt 0 ]]; then
    { cmake --preset fuzz && cmake --build --preset fuzz; } >"$work/build" 2>&1 || tap_fail "the harnesses build" "$(tail -n 40 "$work/build")"
    for name in "${fuzz_harnesses[@]}"; do
        if said=$(fuzz "$name"); then
            tap_pass "$name bears $LEASTPORT_FUZZ_SECONDS s of fuzzing"
            tap_diag "$said"
        else
            tap_fail "$name bears $LEASTPORT_FUZZ_SECONDS s of fuzzing" "$said"
        fi
    done
fi
tap_done
