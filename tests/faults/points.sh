# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# Sourced by tests of faults: runs a program with a fault at its N-th write, sync, truncation, rename, removal or creation of
# certain files (fault.c), at all of these points one by one, or at some of them that LEASTPORT_TEST_SEED chooses. As
# many workers as there are processors share the points; each has a folder of its own. The place is as small as it can be
# with several slabs: every point costs one or two runs.

LEASTPORT_BIN=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/../../build/dev/bin
PLACE_TARGETS=10.78.0.1-3
PLACE_PORTS=22,6379,8080,9001-9003
PLACE_SLAB='{"probes": 65536, "hosts": 1}'
PLACE_SLABS=3
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
FAULT_JOBS=${LEASTPORT_TEST_JOBS:-$(nproc)}
# All points where what is repeated is repeated as often as a release asks for.
if ((${LEASTPORT_TEST_REPEATS:-2} >= 10)); then
    FAULT_POINTS=${LEASTPORT_TEST_POINTS:-all}
else
    FAULT_POINTS=${LEASTPORT_TEST_POINTS:-$((30 * ${LEASTPORT_TEST_REPEATS:-2}))}
fi

# with_fault KIND N PATTERN COMMAND...
with_fault() {
    local kind=$1 at=$2 pattern=$3
    shift 3
    rm -f -- "$DIR/acted"
    LEASTPORT_FAULT_KIND=$kind LEASTPORT_FAULT_AT=$at LEASTPORT_FAULT_PATH=$pattern LEASTPORT_FAULT_LOG=$DIR/acted \
        LD_PRELOAD=$FAULT_LIBRARY "$@"
}

# fault_calls: what was acted on, without folders: "pwrite64 audit.db-wal", once each. What mkostemp() chose is XXXXXX.
fault_calls() {
    sed -E 's/^[0-9]+ //; s| /.*/| |; s/\.[A-Za-z0-9]{6}$/.XXXXXX/' "$DIR/acted" | LC_ALL=C sort -u
}

# fault_numbers MOST: the points to try, one a line: some, or all there may be. A run may make more calls than the one that
# was counted did, so all goes on behind MOST until one is not reached.
fault_numbers() {
    local number tried=0
    if [[ $FAULT_POINTS == all ]]; then
        seq 1 $((10 * $1))
        return
    fi
    while ((tried * ${#FAULT_KINDS[@]} < FAULT_POINTS)); do
        printf '%d\n' $((1 + (RANDOM * 32768 + RANDOM) % $1))
        tried=$((tried + 1))
    done
}

# fault_worker WORKER KIND MOST FUNCTION: takes every FAULT_JOBS-th of the points in $DIR/numbers. In a subshell: the
# folder is its own from here on.
fault_worker() {
    local kind=$2 most=$3 check=$4 number
    local -a numbers
    mapfile -t numbers < <(awk -v jobs="$FAULT_JOBS" -v mine="$1" 'NR % jobs == mine' "$DIR/numbers")
    DIR=$DIR/worker$1
    paths_in "$DIR"
    : >"$DIR/wrong"
    : >"$DIR/tried"
    for number in "${numbers[@]}"; do
        "$check" "$kind" "$number" >"$DIR/problems" 2>&1
        if [[ -s $DIR/problems ]]; then
            printf 'at %s\n' "$number: $(cat "$DIR/acted" 2>&1)" >>"$DIR/wrong"
            sed 's/^/    /' "$DIR/problems" >>"$DIR/wrong"
        fi
        # How much is written depends on times: not every point is reached by each run.
        if [[ -e $DIR/acted ]]; then
            printf '%s\n' "$number" >>"$DIR/tried"
        elif [[ $FAULT_POINTS == all ]] && ((number >= most)); then
            return
        fi
    done
    [[ $FAULT_POINTS != all ]] || echo "points without end" >>"$DIR/wrong"
}

# each_point COUNT-ALL COUNT-WRITES FUNCTION: calls FUNCTION KIND N for every point, or for some. It prints what was wrong,
# and leaves $DIR/acted only when N was reached. One test for each kind; with all points each must have had its turn.
# The test defines paths_in FOLDER, which makes the files' names there.
each_point() {
    local all=$1 writes=$2 check=$3 kind most worker began
    local -a pids
    RANDOM=${LEASTPORT_TEST_SEED:-$$}
    tap_diag "$all points, $writes of them writes; tried: $FAULT_POINTS; LEASTPORT_TEST_SEED=${LEASTPORT_TEST_SEED:-$$}"
    for kind in "${FAULT_KINDS[@]}"; do
        most=$all
        if [[ $kind == @(torn|short|enospc) ]]; then
            most=$writes
        fi
        fault_numbers "$most" >"$DIR/numbers"
        pids=()
        began=$SECONDS
        for ((worker = 0; worker < FAULT_JOBS; worker++)); do
            rm -rf -- "$DIR/worker$worker"
            mkdir -- "$DIR/worker$worker"
            (fault_worker "$worker" "$kind" "$most" "$check") &
            pids+=("$!")
        done
        wait "${pids[@]}"
        tap_is "$kind, at $(cat "$DIR"/worker*/tried | sort -u | wc -l) points, in $((SECONDS - began)) s" \
            "$(cat "$DIR"/worker*/wrong)" ''
    done
}
