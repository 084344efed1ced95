# shellcheck shell=bash
# Sourced by run-tests: runs test programs, judges their TAP and keeps the counts. Knows nothing of what they test.
# The caller sets:
#   RUNNER_RESULTS   a folder for what the programs write
#   RUNNER_SKIPS     the file of expected skips
#   CI               "true": a skip that the file does not name is a failure

runner_folder=$(dirname -- "${BASH_SOURCE[0]}")
runner_passed=0
runner_failed=0
runner_skipped=0

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

# runner_run_one NAME LIMIT_S COMMAND...: leaves NAME.result and prints the program's lines in one piece.
runner_run_one() {
    local name=$1 limit_s=$2 base=$RUNNER_RESULTS/$1 status=0 began=$EPOCHREALTIME took counts verdict=ok
    shift 2
    ASAN_OPTIONS="log_path=$base.san:detect_stack_use_after_return=1:${ASAN_OPTIONS-}" \
        UBSAN_OPTIONS="log_path=$base.san:print_stacktrace=1:${UBSAN_OPTIONS-}" \
        TSAN_OPTIONS="log_path=$base.san:${TSAN_OPTIONS-}" \
        timeout --kill-after=10 "$limit_s" "$@" >"$base.tap" 2>"$base.err" </dev/null || status=$?
    took=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    runner_judge "$base" "$status" "$limit_s" >"$base.result"
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
    cat "$base.said"
}

# runner_group HEADING JOBS LIMIT_S PROGRAM...: runs the programs, at most JOBS at once, and adds up their counts.
# A program's name is its path without the checkout's.
runner_group() {
    local heading=$1 jobs=$2 limit_s=$3 program name counts
    local -a command names=()
    shift 3
    runner_heading "$heading"
    for program in "$@"; do
        name=${program#"$PWD"/}
        name=${name//\//.}
        names+=("$name")
        while (($(jobs -rp | wc -l) >= jobs)); do
            wait -n || true
        done
        mapfile -t command < <(runner_command "$program")
        runner_run_one "$name" "$limit_s" "${command[@]}" &
    done
    wait
    for name in "${names[@]}"; do
        read -r -a counts <"$RUNNER_RESULTS/$name.result"
        runner_count "${counts[@]}"
    done
}

# runner_skip NAME REASON: counts a program that cannot run here at all as one skip.
runner_skip() {
    local counts
    runner_run_one "$1" 5 printf '1..0 # SKIP %s\n' "$2"
    read -r -a counts <"$RUNNER_RESULTS/$1.result"
    runner_count "${counts[@]}"
}

# runner_count PASSED FAILED SKIPPED
runner_count() {
    runner_passed=$((runner_passed + $1))
    runner_failed=$((runner_failed + $2))
    runner_skipped=$((runner_skipped + $3))
}

# runner_summary: what failed and what was skipped, then the line that scripts read. Its status is the run's.
runner_summary() {
    local result
    runner_heading "In all"
    for result in "$RUNNER_RESULTS"/*.result; do
        if [[ $(wc -l <"$result") -gt 1 ]]; then
            tail -n +2 "$result" | sed "s|^|$(basename -- "$result" .result): |"
        fi
    done
    printf '%d passed, %d failed, %d skipped\n' "$runner_passed" "$runner_failed" "$runner_skipped"
    ((runner_failed == 0 && runner_passed > 0))
}
