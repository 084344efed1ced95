# shellcheck shell=bash
# Sourced by run-tests: runs test programs, judges their TAP and keeps the counts. Knows nothing of what they test.
# The caller sets:
#   RUNNER_RESULTS   a folder for what the programs write
#   RUNNER_SKIPS     the file of expected skips
#   CI               "true": a skip that the file does not name is a failure
# A line in a program's head says how it is run beside others: "Runner: alone, …" when no other runs (one that measures time or
# memory of the whole machine), "Runner: first, …" before the rest of its group (one that takes long).

runner_folder=$(dirname -- "${BASH_SOURCE[0]}")
runner_passed=0
runner_failed=0
runner_skipped=0
# What is started carries this in its environment, and so do its children, whatever becomes of their parents.
runner_mark=run-$$-$EPOCHREALTIME
# What the next group runs, "LIMIT_S PROGRAM" each, and the processes of what runs.
runner_queue=()
declare -A runner_running=()
# What runs behind the groups: the processes, and the names of the programs.
runner_behind=()
runner_behind_names=()

runner_heading() {
    printf '\n== %s\n' "$1"
}

# runner_command PROGRAM: prints how a test program is started, one word a line.
runner_command() {
    case $1 in
    *.sh) printf '%s\n' bash "$1" ;;
    *.js | *.mjs) printf '%s\n' node --test-reporter=tap "$1" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

# runner_skip_expected TEXT: whether a line of RUNNER_SKIPS ("GLOB  # reason") matches.
runner_skip_expected() {
    local pattern
    while read -r pattern; do
        # The right side is a glob on purpose.
        # shellcheck disable=SC2053
        if [[ $1 == $pattern ]]; then
            return 0
        fi
    done < <(sed -e 's/  *#.*//' -e '/^#/d' -e '/^ *$/d' "$RUNNER_SKIPS")
    return 1
}

# runner_judge BASE STATUS LIMIT_S: prints "passed N", "failed N", "skipped N" and what was wrong, from BASE.tap and BASE.err.
runner_judge() {
    local base=$1 status=$2 limit_s=$3 word rest passed=0 failed=0 skipped=0
    local -a said=()
    while read -r word rest; do
        case $word in
        count) read -r passed count_failed skipped <<<"$rest" && failed=$((failed + count_failed)) ;;
        fail) said+=("not ok: $rest") ;;
        skip)
            said+=("skipped: $rest")
            if [[ ${CI-} == true ]] && ! runner_skip_expected "$(basename -- "$base"): $rest"; then
                said+=("a skip that tests/expected-skips does not name") && failed=$((failed + 1))
            fi
            ;;
        problem) said+=("$rest") && failed=$((failed + 1)) ;;
        esac
    done < <(awk -f "$runner_folder/tap.awk" "$base.tap")
    if ((status == 124 || status == 137)); then
        said+=("ended: over its time limit of $limit_s s") && failed=$((failed + 1))
    elif ((status != 0 && failed == 0)); then
        said+=("exit status $status, with no test failed") && failed=$((failed + 1))
    fi
    if runner_sanitizer_spoke "$base"; then
        said+=("a sanitizer's report") && failed=$((failed + 1))
    fi
    while read -r rest; do
        said+=("$rest") && failed=$((failed + 1))
    done <"$base.left"
    printf '%d %d %d\n' "$passed" "$failed" "$skipped"
    if ((${#said[@]} > 0)); then
        printf '%s\n' "${said[@]}"
    fi
}

# Reports go to BASE.san.PID; a program that closed its stderr is caught so too.
runner_sanitizer_spoke() {
    compgen -G "$1.san.*" >/dev/null || grep -q -E 'ERROR: [A-Za-z]+Sanitizer|runtime error: |WARNING: ThreadSanitizer' "$1.tap" "$1.err"
}

# runner_show BASE: the program's own words, cut to a screenful or two.
runner_show() {
    local file
    for file in "$1.tap" "$1.err" "$1".san.*; do
        if [[ -s $file ]]; then
            printf '   -- %s\n' "${file##*/}"
            grep -v -E '^ok ' "$file" | tail -n 80 | sed 's/^/   | /'
        fi
    done
}

# runner_processes MARK: the processes that carry it, one a line.
runner_processes() {
    grep -l -z -F -e ":$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true
}

# runner_await_none MARK: until no process carries it; fails after five seconds.
runner_await_none() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        if [[ -z $(runner_processes "$1") ]]; then
            return 0
        fi
        sleep 0.05
    done
    return 1
}

# runner_end SIGNAL MARK: sends it to all processes that carry the mark. Fails when some are left five seconds later.
runner_end() {
    local -a pids
    mapfile -t pids < <(runner_processes "$2")
    if ((${#pids[@]} > 0)); then
        kill "-$1" "${pids[@]}" 2>/dev/null || true
    fi
    runner_await_none "$2"
}

# runner_on_signal: from now on INT, TERM and HUP end all that was started, and then this shell.
runner_on_signal() {
    local signal
    for signal in INT TERM HUP; do
        # The signal's name is for now.
        # shellcheck disable=SC2064
        trap "runner_interrupted $signal" "$signal"
    done
}

runner_interrupted() {
    local -a pids
    trap '' INT TERM HUP
    printf '\n%s: ending what runs\n' "$1" >&2
    # First those that would say of the others that they failed.
    mapfile -t pids < <(jobs -p)
    if ((${#pids[@]} > 0)); then
        disown -a
        kill -KILL "${pids[@]}" 2>/dev/null || true
    fi
    runner_end TERM "$runner_mark/" || runner_end KILL "$runner_mark/" || true
    trap - "$1"
    kill "-$1" "$BASHPID"
}

# runner_leftovers MARK: names what a program left running, one a line, and ends it.
runner_leftovers() {
    local pid
    if runner_await_none "$1"; then
        return 0
    fi
    for pid in $(runner_processes "$1"); do
        printf 'left running: %s\n' "$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null | head -c 120)"
    done
    runner_end KILL "$1" || true
}

# runner_start MARK COMMAND...: the command, marked.
runner_start() {
    local mark=$1
    shift
    RUNNER_MARKS="${RUNNER_MARKS-}:$runner_mark/$mark:" "$@"
}

# runner_run_one NAME LIMIT_S COMMAND...: leaves NAME.result and NAME.seconds, and prints the program's lines in one piece.
runner_run_one() {
    local name=$1 limit_s=$2 base=$RUNNER_RESULTS/$1 status=0 began=$EPOCHREALTIME took counts verdict=ok
    shift 2
    ASAN_OPTIONS="log_path=$base.san:detect_stack_use_after_return=1:${ASAN_OPTIONS-}" \
        UBSAN_OPTIONS="log_path=$base.san:print_stacktrace=1:${UBSAN_OPTIONS-}" \
        TSAN_OPTIONS="log_path=$base.san:${TSAN_OPTIONS-}" \
        runner_start "$name" timeout --kill-after=10 "$limit_s" "$@" >"$base.tap" 2>"$base.err" </dev/null || status=$?
    took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    printf '%s %s\n' "$took" "$name" >"$base.seconds"
    runner_leftovers "$runner_mark/$name:" >"$base.left"
    runner_judge "$base" "$status" "$limit_s" >"$base.judged"
    mv -- "$base.judged" "$base.result"
    read -r -a counts <"$base.result"
    if ((counts[1] > 0)); then
        verdict=FAILED
    fi
    {
        printf '%-6s %s: %d tests, %s s\n' "$verdict" "$name" \
            "$((counts[0] + counts[1] + counts[2]))" "$took"
        tail -n +2 "$base.result" | sed 's/^/   /'
        if ((counts[1] > 0)); then
            runner_show "$base"
        fi
    } >"$base.said"
    # What is long is written in pieces, between which others could speak.
    flock "$RUNNER_RESULTS" cat "$base.said"
}

# runner_says PROGRAM WORD: whether its head says "Runner: WORD".
runner_says() {
    [[ $1 == *.sh || $1 == *.mjs ]] && head -n 20 -- "$1" | grep -q -E "^(#|//) Runner: $2(,|\$)"
}

# runner_add LIMIT_S PROGRAM...: the next group runs them, each for so long at most.
runner_add() {
    local limit_s=$1 program
    shift
    for program in "$@"; do
        runner_queue+=("$limit_s $program")
    done
}

# runner_name PROGRAM: what a program is called: its path without the checkout's.
runner_name() {
    local name=${1#"$PWD"/}
    printf '%s' "${name//\//.}"
}

# runner_begin "LIMIT_S PROGRAM" [PREFIX...]: in the background, as $!. The program's name is in $name.
runner_begin() {
    local limit_s=${1%% *} program=${1#* }
    local -a command
    shift
    name=$(runner_name "$program")
    mapfile -t command < <(runner_command "$program")
    runner_run_one "$name" "$limit_s" "$@" "${command[@]}" &
}

# runner_begin_behind: starts what was added, all at once and at a low priority. The groups that follow run beside it.
runner_begin_behind() {
    local entry name
    for entry in "${runner_queue[@]}"; do
        runner_begin "$entry" nice -n 10
        runner_behind+=("$!")
        runner_behind_names+=("$name")
    done
    runner_queue=()
}

# runner_await_behind: waits for what runs behind, and counts it.
runner_await_behind() {
    local pid name
    for pid in "${runner_behind[@]}"; do
        wait "$pid" || true
    done
    for name in "${runner_behind_names[@]}"; do
        runner_take "$name"
    done
    runner_behind=()
    runner_behind_names=()
}

# runner_room JOBS: waits until fewer than JOBS run.
runner_room() {
    local pid
    while ((${#runner_running[@]} >= $1)); do
        wait -n -p pid "${!runner_running[@]}" || true
        unset "runner_running[$pid]"
    done
}

# runner_group HEADING JOBS: runs what was added, at most JOBS at once, and adds up the counts. Those that want it run first,
# those that want to be alone at the end, when what ran behind the groups has ended, too.
runner_group() {
    local heading=$1 jobs=$2 entry name counts began=$SECONDS
    local -a names=() first=() rest=() alone=()
    for entry in "${runner_queue[@]}"; do
        if runner_says "${entry#* }" alone; then
            alone+=("$entry")
        elif runner_says "${entry#* }" first; then
            first+=("$entry")
        else
            rest+=("$entry")
        fi
    done
    runner_queue=()
    runner_heading "$heading"
    for entry in "${first[@]}" "${rest[@]}"; do
        runner_room "$jobs"
        runner_begin "$entry"
        runner_running[$!]=1
        names+=("$name")
    done
    if ((${#alone[@]} > 0)); then
        runner_await_behind
    fi
    for entry in "${alone[@]}"; do
        runner_room 1
        runner_begin "$entry"
        runner_running[$!]=1
        names+=("$name")
    done
    runner_room 1
    for name in "${names[@]}"; do
        runner_take "$name"
    done
    printf '       %s: %d s\n' "$heading" "$((SECONDS - began))"
}

# runner_take NAME: counts what the program left. What left nothing was ended from outside.
runner_take() {
    local counts
    if [[ ! -s $RUNNER_RESULTS/$1.result ]]; then
        printf '0 1 0\nended before it was judged\n' >"$RUNNER_RESULTS/$1.result"
        printf 'FAILED %s: ended before it was judged\n' "$1"
    fi
    read -r -a counts <"$RUNNER_RESULTS/$1.result"
    runner_count "${counts[@]}"
}

# runner_skip NAME REASON: counts a program that cannot run here at all as one skip.
runner_skip() {
    runner_run_one "$1" 5 printf '1..0 # SKIP %s\n' "$2"
    runner_take "$1"
}

# runner_count PASSED FAILED SKIPPED
runner_count() {
    runner_passed=$((runner_passed + $1))
    runner_failed=$((runner_failed + $2))
    runner_skipped=$((runner_skipped + $3))
}

# runner_slowest COUNT: the programs that took longest, one a line.
runner_slowest() {
    if compgen -G "$RUNNER_RESULTS/*.seconds" >/dev/null; then
        cat -- "$RUNNER_RESULTS"/*.seconds | LC_ALL=C sort -k1,1nr | head -n "$1" | awk '{ printf "%8.1f s  %s\n", $1, $2 }'
    fi
}

# runner_summary: what failed and what was skipped, what took longest, then the line that scripts read. Its status is the run's.
runner_summary() {
    local result
    runner_heading "In all"
    for result in "$RUNNER_RESULTS"/*.result; do
        if [[ $(wc -l <"$result") -gt 1 ]]; then
            tail -n +2 "$result" | sed "s|^|$(basename -- "$result" .result): |"
        fi
    done
    printf 'The slowest, of %d s:\n%s\n' "$SECONDS" "$(runner_slowest 10)"
    printf '%d passed, %d failed, %d skipped\n' "$runner_passed" "$runner_failed" "$runner_skipped"
    ((runner_failed == 0 && runner_passed > 0))
}
