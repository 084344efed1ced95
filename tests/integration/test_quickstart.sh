#!/usr/bin/env bash
# ./quickstart, as far as it goes without installing anything or auditing more than the loopback.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh

# status COMMAND...: prints its exit status; its words go to $scratch/out and $scratch/err.
status() {
    local rc=0
    "$@" >"$scratch/out" 2>"$scratch/err" || rc=$?
    printf '%s' "$rc"
}

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
export XDG_STATE_HOME=$scratch/state

tap_is "an unknown option is misuse" "$(status ./quickstart --oonce)" 2
tap_like "the option is named" "$(cat "$scratch/err")" 'unknown option "--oonce"'
tap_like "the usage is shown" "$(cat "$scratch/err")" 'Usage: ./quickstart \[--once\] \[TARGET\.\.\.\]'
tap_is "an empty target is misuse" "$(status ./quickstart --once '')" 2
tap_is "--help is no error" "$(status ./quickstart --help)" 0
tap_is "--once ends after the report, whatever it found" "$(status ./quickstart --once 127.0.0.1)" 0
tap_like "the report names the score" "$(cat "$scratch/out")" '[Ss]core'
tap_is "an error of the audit is passed on" "$(status ./quickstart --once 'no such target')" 2
tap_done
