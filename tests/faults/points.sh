# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# Sourced by tests of faults: runs a program with a fault at its N-th write, sync, truncation, rename or removal of certain
# files (fault.c), at all of these points one by one, or at some of them that LEASTPORT_TEST_SEED chooses.

LEASTPORT_BIN=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../build/dev/bin
# shellcheck source=tests/kills/place.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../kills/place.sh"

FAULT_LIBRARY=$(readlink -f -- "$LEASTPORT_BIN/../faults/fault.so")
if [[ ! -r $FAULT_LIBRARY ]]; then
    tap_fail "the preset dev is built" "there is no build/dev/faults/fault.so"
    tap_done
    exit 1
fi
FAULT_KINDS=(before after torn short enospc eio)
FAULT_EXIT=70
# All points where what is repeated is repeated as often as a release asks for.
if ((${LEASTPORT_TEST_REPEATS:-2} >= 10)); then
    FAULT_POINTS=${LEASTPORT_TEST_POINTS:-all}
else
    FAULT_POINTS=${LEASTPORT_TEST_POINTS:-$((10 * ${LEASTPORT_TEST_REPEATS:-2}))}
fi

# with_fault KIND N PATTERN COMMAND...
with_fault() {
    local kind=$1 at=$2 pattern=$3
    shift 3
    rm -f -- "$DIR/acted"
    LEASTPORT_FAULT_KIND=$kind LEASTPORT_FAULT_AT=$at LEASTPORT_FAULT_PATH=$pattern LEASTPORT_FAULT_LOG=$DIR/acted \
        LD_PRELOAD=$FAULT_LIBRARY "$@"
}

# each_point COUNT-ALL COUNT-WRITES FUNCTION: calls FUNCTION KIND N for every point, or for some. It prints what was wrong,
# and leaves $DIR/acted only when N was reached. One test for each kind.
each_point() {
    local all=$1 writes=$2 check=$3 kind number problems most tried sampled=()
    RANDOM=${LEASTPORT_TEST_SEED:-$$}
    tap_diag "$all points, $writes of them writes; tried: $FAULT_POINTS; LEASTPORT_TEST_SEED=${LEASTPORT_TEST_SEED:-$$}"
    for kind in "${FAULT_KINDS[@]}"; do
        problems='' tried=0
        most=$all
        if [[ $kind == @(torn|short|enospc) ]]; then
            most=$writes
        fi
        number=0
        while :; do
            number=$((number + 1))
            if [[ $FAULT_POINTS != all ]]; then
                ((tried * ${#FAULT_KINDS[@]} < FAULT_POINTS)) || break
                number=$((1 + (RANDOM * 32768 + RANDOM) % most))
            fi
            "$check" "$kind" "$number" >"$DIR/problems"
            tried=$((tried + 1))
            if [[ -s $DIR/problems ]]; then
                problems+="at $number: $(<"$DIR/acted")"$'\n'"$(sed 's/^/    /' "$DIR/problems")"$'\n'
            fi
            # How much is written depends on times: a sampled point may lie behind the last one.
            if [[ ! -e $DIR/acted && $FAULT_POINTS == all ]]; then
                break
            fi
        done
        tap_is "$kind, at $tried points" "$problems" ''
    done
}
