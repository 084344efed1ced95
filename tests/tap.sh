# shellcheck shell=bash
# Sourced by shell tests: prints TAP on stdout. A test ends with tap_done; without it the plan is missing, which fails.

tap_count=0
tap_failed=0

tap_diag() {
    local text=$*
    printf '# %s\n' "${text//$'\n'/$'\n'# }"
}

tap_pass() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s\n' "$tap_count" "$1"
}

# tap_fail DESCRIPTION [DIAGNOSTIC]
tap_fail() {
    tap_count=$((tap_count + 1))
    tap_failed=$((tap_failed + 1))
    printf 'not ok %d - %s\n' "$tap_count" "$1"
    if [[ -n ${2-} ]]; then
        tap_diag "$2"
    fi
}

# tap_skip DESCRIPTION REASON
tap_skip() {
    tap_count=$((tap_count + 1))
    printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

# tap_ok DESCRIPTION COMMAND...: passes when the command does; its output is the diagnostic of a failure.
tap_ok() {
    local description=$1 output
    shift
    if output=$("$@" 2>&1); then
        tap_pass "$description"
    else
        tap_fail "$description" "status $? of $(head -c 200 <<<"$*")"$'\n'"$output"
    fi
}

# tap_is DESCRIPTION GOT WANTED
tap_is() {
    if [[ $2 == "$3" ]]; then
        tap_pass "$1"
    else
        tap_fail "$1" "got:    $2"$'\n'"wanted: $3"
    fi
}

# tap_like DESCRIPTION TEXT EXTENDED-REGEX
tap_like() {
    if [[ $2 =~ $3 ]]; then
        tap_pass "$1"
    else
        tap_fail "$1" "no match of: $3"$'\n'"in: $2"
    fi
}

# Prints the plan; the status is 1 when a test failed, so it is a script's last command.
tap_done() {
    printf '1..%d\n' "$tap_count"
    ((tap_failed == 0))
}
