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

runner_group group 2 5 "$scratch/a.sh" "$scratch/b.sh" "$scratch/p.sh" >/dev/null
tap_is "a group adds up" "$runner_passed $runner_failed $runner_skipped" "3 1 2"
tap_is "the last line is the counts" "$(runner_summary | tail -n 1)" "3 passed, 1 failed, 2 skipped"
tap_ok "a run with a failure fails" bash -c '! (. tests/runner/runner.sh; RUNNER_RESULTS='"$RUNNER_RESULTS"'; runner_count 3 1 0; runner_summary)'
tap_done
