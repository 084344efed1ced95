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

# Parts of a test that run side by side: "PID FOLDER NAME" each.
tap_parts=()

# tap_part COMMAND...: with counts of its own, and a plan. A script's are its own.
tap_part() {
    local tap_count=0 tap_failed=0
    "$@"
    if ((tap_count > 0)); then
        printf '1..%d\n' "$tap_count"
    fi
}

# tap_begin NAME COMMAND...: runs a part of the test, a function or a script that speaks TAP, in the background and in a new folder
# below this one. What it says comes with tap_await.
tap_begin() {
    local name=$1 folder
    shift
    folder=$(mktemp -d -p "$PWD")
    { cd -- "$folder" && tap_part "$@" >"$folder/.said"; } &
    tap_parts+=("$! $folder $name")
}

# tap_await: waits for all parts, and tells of them as if they had run one after the other. One that ended early is a failure.
tap_await() {
    local part pid folder name
    for part in "${tap_parts[@]}"; do
        read -r pid folder name <<<"$part"
        wait "$pid" || true
        tap_tell "$name" "$folder/.said"
        rm -rf -- "$folder"
    done
    tap_parts=()
}

# tap_parts_of SCRIPT: calls the script anew for each line of words on stdin, all side by side, tells of them, and ends this one.
tap_parts_of() {
    local folder
    local -a words
    folder=$(mktemp -d)
    # The folder is known now.
    # shellcheck disable=SC2064
    trap "rm -rf -- '$folder'" EXIT
    cd -- "$folder" || exit 1
    while read -r -a words; do
        tap_begin "${words[*]}" "$BASH" "$1" "${words[@]}"
    done
    tap_await
    tap_done
    exit
}

# tap_tell NAME FILE: a part's words, its tests numbered anew.
tap_tell() {
    local line seen=0 planned=none
    while IFS= read -r line; do
        case $line in
        'ok '* | 'not ok '*)
            seen=$((seen + 1))
            tap_count=$((tap_count + 1))
            printf '%s %d - %s\n' "${line%% [0-9]*}" "$tap_count" "${line#* - }"
            ;;
        '1..0 # SKIP '*)
            planned=0
            tap_skip "$1" "${line#1..0 # SKIP }"
            ;;
        1..*) planned=${line#1..} ;;
        *) printf '%s\n' "$line" ;;
        esac
        if [[ $line == 'not ok '* ]]; then
            tap_failed=$((tap_failed + 1))
        fi
    done <"$2"
    if [[ $planned != "$seen" ]]; then
        tap_fail "$1: runs to its end" "$seen tests, planned: $planned"
    fi
}

# Prints the plan; the status is 1 when a test failed, so it is a script's last command.
tap_done() {
    printf '1..%d\n' "$tap_count"
    ((tap_failed == 0))
}

# shellcheck disable=SC2034 # for who sources this
# What is put before the command of what is killed before it ends: a leak checker looks at a process from another one, which
# complains when the first is killed meanwhile. Who is not killed is looked at.
TAP_NO_LEAKS=(env "ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0")
