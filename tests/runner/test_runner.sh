#!/usr/bin/env bash
# The runner counts what passes, and calls a failure whatever only looks like a pass.
# The programs under test stand in single quotes on purpose.
# shellcheck disable=SC2016
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/runner/runner.sh

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
RUNNER_RESULTS=$scratch/results
RUNNER_SKIPS=$scratch/skips
mkdir "$RUNNER_RESULTS"
printf '# expected\nknown.sh: no raw sockets*  # this place has none\n' >"$RUNNER_SKIPS"

# judged NAME LIMIT_S SCRIPT: "passed failed skipped" of a test program of that name.
judged() {
    printf '%s\n' "$3" >"$scratch/$1"
    runner_run_one "$1" "$2" bash "$scratch/$1" >/dev/null
    head -n 1 "$RUNNER_RESULTS/$1.result"
}

says() {
    tail -n +2 "$RUNNER_RESULTS/$1.result"
}

unset CI
tap_is "counts passes" "$(judged a.sh 5 'echo "ok 1 - a"; echo "ok 2"; echo "1..2"')" "2 0 0"
tap_is "counts failures" "$(judged b.sh 5 'echo "1..2"; echo "ok 1 - a"; echo "not ok 2 - b"; exit 1')" "1 1 0"
tap_like "names the failure" "$(says b.sh)" "not ok: b"
tap_is "a missing plan fails" "$(judged c.sh 5 'echo "ok 1 - a"')" "1 1 0"
tap_is "an early end fails" "$(judged d.sh 5 'echo "1..3"; echo "ok 1 - a"')" "1 1 0"
tap_is "more tests than planned fail" "$(judged e.sh 5 'echo "1..1"; echo "ok 1"; echo "ok 2"')" "2 1 0"
tap_is "an exit status fails" "$(judged f.sh 5 'echo "1..1"; echo "ok 1"; exit 3')" "1 1 0"
tap_is "a death by signal fails" "$(judged g.sh 5 'echo "1..1"; echo "ok 1"; kill -SEGV $$')" "1 1 0"
tap_is "bailing out fails" "$(judged h.sh 5 'echo "1..1"; echo "ok 1"; echo "Bail out! no disk"')" "1 1 0"
tap_is "no test at all fails" "$(judged i.sh 5 'echo "1..0"')" "0 1 0"
tap_is "silence fails" "$(judged j.sh 5 ':')" "0 1 0"
tap_is "a wrong number fails" "$(judged k.sh 5 'echo "1..2"; echo "ok 1"; echo "ok 3"')" "2 1 0"
tap_is "over the time limit fails" "$(judged l.sh 1 'echo "1..1"; echo "ok 1"; exec sleep 30')" "1 1 0"
tap_like "says that it was over" "$(says l.sh)" "time limit of 1 s"
tap_is "a test that is put off fails" "$(judged m.sh 5 'echo "1..1"; echo "ok 1 - a # TO""DO later"')" "1 1 0"
tap_is "a sanitizer's report fails" \
    "$(judged n.sh 5 'echo "1..1"; echo "ok 1"; echo "a.c:1:2: runtime error: shift" >&2')" "1 1 0"
tap_is "a child's sanitizer report fails" \
    "$(judged o.sh 5 'echo "1..1"; echo "ok 1"; p=${ASAN_OPTIONS#log_path=}; echo x >"${p%%:*}.77"')" "1 1 0"
tap_is "counts skips" "$(judged p.sh 5 'echo "1..2"; echo "ok 1 - a # SKIP none here"; echo "ok 2 # SKIP b"')" "0 0 2"
tap_is "counts a program that is skipped whole" "$(judged q.sh 5 'echo "1..0 # SKIP none here"')" "0 0 1"
tap_is "counts a skip as cmocka 1.1.5 writes it" "$(judged t.sh 5 'echo "1..1"; echo "not ok 1 # SKIP b"')" "0 0 1"
tap_is "indented subtests are their parent's" "$(judged r.sh 5 'echo "    not ok 1"; echo "ok 1"; echo "1..1"')" "1 0 0"
CI=true
tap_is "in CI an unexpected skip fails" "$(judged s.sh 5 'echo "1..1"; echo "ok 1 - a # SKIP none here"')" "0 1 1"
tap_is "in CI an expected skip is none" "$(judged known.sh 5 'echo "1..1"; echo "ok 1 - no raw sockets # SKIP why"')" "0 0 1"
unset CI

runner_add 5 "$scratch/a.sh" "$scratch/b.sh" "$scratch/p.sh"
runner_group group 2 >"$scratch/group"
tap_is "a group adds up" "$runner_passed $runner_failed $runner_skipped" "3 1 2"
tap_like "a group says how long it took" "$(tail -n 1 "$scratch/group")" '^ +group: [0-9]+ s$'
tap_is "the last line is the counts" "$(runner_summary | tail -n 1)" "3 passed, 1 failed, 2 skipped"
tap_like "the summary names what took longest first" "$(runner_slowest 1)" '^ +[0-9]+\.[0-9] s  l\.sh$'
tap_ok "a run with a failure fails" bash -c '! (. tests/runner/runner.sh; RUNNER_RESULTS='"$RUNNER_RESULTS"'; runner_count 3 1 0; runner_summary)'

# ---- side by side ----

# program NAME SCRIPT: a test program whose body is the script.
program() {
    printf '%s\n' "$2" >"$scratch/$1"
}

# group JOBS NAME...: runs them as a group; "passed failed skipped" is in $sums, what was printed in $scratch/group.
group() {
    local jobs=$1 name
    shift
    for name in "$@"; do
        runner_add 20 "$scratch/$name"
    done
    runner_passed=0 runner_failed=0 runner_skipped=0
    runner_group group "$jobs" >"$scratch/group"
    sums="$runner_passed $runner_failed $runner_skipped"
}

# Passes when the other one runs, too, which it waits for.
meets() {
    printf 'touch %q; echo "1..1"; for _ in {1..60}; do if [[ -e %q ]]; then echo "ok 1"; exit; fi; sleep 0.05; done; echo "not ok 1"; exit 1\n' \
        "$scratch/here.$1" "$scratch/here.$2"
}
program left.sh "$(meets left right)"
program right.sh "$(meets right left)"
group 2 left.sh right.sh
tap_is "two jobs run side by side" "$sums" "2 0 0"
rm -f "$scratch"/here.*
group 1 left.sh right.sh
tap_is "one job at a time is one" "$sums" "1 1 0"

# busy NAME [HEAD]: notes its beginning, and how many ran beside it then.
busy() {
    printf '%s\necho %q >>%q; ls %q | grep -c -v %q >%q; touch %q; sleep 0.4; rm %q; echo "ok 1"; echo "1..1"\n' "${2-}" \
        "$1" "$scratch/order" "$scratch/now" "$1" "$scratch/beside.$1" "$scratch/now/$1" "$scratch/now/$1"
}
mkdir "$scratch/now"
program one.sh "$(busy one '# Runner: alone, it measures time')"
program two.sh "$(busy two)"
program three.sh "$(busy three)"
program four.sh "$(busy four '# Runner: first')"
group 1 one.sh two.sh three.sh four.sh
tap_is "all of them run" "$sums" "4 0 0"
tap_is "who takes long runs first, who wants to be alone last" "$(xargs <"$scratch/order")" "four two three one"
program five.sh "$(busy five)"
runner_add 20 "$scratch/five.sh"
runner_begin_behind >"$scratch/behind"
group 3 one.sh two.sh three.sh four.sh
tap_is "alone means that nothing runs behind, either" "$(cat "$scratch/beside.one")" 0
tap_is "what ran behind is counted once it has ended" "$sums" "5 0 0"
program six.sh 'nice; echo "ok 1"; echo "1..1"'
runner_add 20 "$scratch/six.sh"
runner_begin_behind >"$scratch/behind"
runner_await_behind
tap_ok "and has a low priority" test "$(head -n 1 "$RUNNER_RESULTS/$(tr / . <<<"$scratch").six.sh.tap")" -gt "$(nice)"

# More than is written in one piece.
long_lines() {
    printf 'for _ in {1..60}; do printf "%s%%03000d\\n" 0; done; echo "not ok 1"; echo "1..1"; exit 1\n' "$1"
}
for name in s t u v; do
    program "long_$name.sh" "$(long_lines "$name")"
done
group 4 long_s.sh long_t.sh long_u.sh long_v.sh
tap_is "the words of each stay together" "$(cut -c1-7 "$scratch/group" | grep -o '| [stuv]' | uniq -c | awk '{ print $1 }' | xargs)" "60 60 60 60"

# ---- ends ----

marked() {
    grep -l -z -F -e "TOKEN=$scratch/" /proc/[0-9]*/environ 2>/dev/null | wc -l
}

program leaves.sh 'TOKEN='"$scratch"'/ setsid sleep 60 & echo "ok 1"; echo "1..1"'
group 1 leaves.sh
tap_is "what leaves a process behind fails" "$sums" "1 1 0"
tap_like "by name" "$(cat "$scratch/group")" 'left running: (setsid )?sleep 60'
tap_is "and what it left is ended" "$(marked)" 0

runner_passed=0 runner_failed=0 runner_skipped=0
runner_take nobody >/dev/null
tap_is "who leaves no result fails" "$runner_passed $runner_failed $runner_skipped" "0 1 0"

program waits.sh 'TOKEN='"$scratch"'/ setsid sleep 60 & TOKEN='"$scratch"'/ sleep 60; wait'
cp "$scratch/waits.sh" "$scratch/waits_too.sh"
for signal in INT TERM HUP; do
    setsid env --default-signal=INT bash -c 'set -euo pipefail; . tests/runner/runner.sh; RUNNER_RESULTS=$1 RUNNER_SKIPS=$2; runner_on_signal
        runner_add 60 "$3/waits.sh" "$3/waits_too.sh"; runner_group group 2; echo never' \
        runner "$RUNNER_RESULTS" "$RUNNER_SKIPS" "$scratch" >"$scratch/interrupted" 2>&1 &
    runner=$!
    for _ in {1..100}; do
        [[ $(marked) == 4 ]] && break
        sleep 0.05
    done
    tap_is "four processes run" "$(marked)" 4
    kill "-$signal" "$runner"
    status=0
    wait "$runner" 2>/dev/null || status=$?
    tap_is "$signal ends them all, and the runner by the signal" "$status $(marked)" "$((128 + $(kill -l "$signal"))) 0"
    tap_is "$signal: nobody is said to have failed" "$(grep -c -e FAILED -e Killed -e never "$scratch/interrupted" || true)" 0
done

# ---- parts of a script, side by side ----

# Two that wait for each other, and one that ends before its end.
program parts.sh '. tests/tap.sh; cd "$(dirname "$0")"
    meet() { touch ../here.$1; for _ in {1..200}; do [[ -e ../here.$2 ]] && break; sleep 0.05; done; tap_ok "$1 - met" test -e ../here.$2; }
    begun() { meet begun other; tap_diag "a word"; tap_is "fails" 1 2; }
    other() { meet other begun; tap_skip "a skip" "a reason"; }
    broken() { tap_pass "first"; exit 3; }
    tap_pass "before"; tap_begin begun begun; tap_begin other other; tap_begin "a broken one" broken
    tap_begin "a script" bash -c "echo ok 1 - by itself; echo 1..1"
    tap_begin "what cannot run here" bash -c "echo \"1..0 # SKIP no place\""; tap_await; tap_pass "after"; tap_done'
group 1 parts.sh
tap_is "parts are told of one after the other" "$(<"$RUNNER_RESULTS/$(tr / . <<<"$scratch").parts.sh.tap")" "ok 1 - before
ok 2 - begun - met
# a word
not ok 3 - fails
# got:    1
# wanted: 2
ok 4 - other - met
ok 5 - a skip # SKIP a reason
ok 6 - first
not ok 7 - a broken one: runs to its end
# 1 tests, planned: none
ok 8 - by itself
ok 9 - what cannot run here # SKIP no place
ok 10 - after
1..10"

# ---- the command line ----

refused() {
    local status=0
    ./run-tests "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    printf '%d %s' "$status" "$(head -n 1 "$scratch/err")"
}
tap_is "an unknown option is misuse, by name" "$(refused --jbos 2)" '2 run-tests: unknown option "--jbos"'
tap_is "--jobs without a number is misuse" "$(refused --jobs)" '2 run-tests: --jobs wants a number'
tap_is "no jobs is misuse" "$(refused --jobs=0)" '2 run-tests: "0" is no number of jobs: 1 to 99 are'
tap_done
