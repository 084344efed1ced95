# shellcheck shell=bash
# Sourced by quickstart and run-tests: installs by apt what the lists name and the machine lacks, and nothing otherwise.

# packages_missing LIST...: prints the packages of the lists that are neither installed nor replaced by a command.
packages_missing() {
    local package keyword command
    local -A installed=()
    # dpkg-query fills in the braces.
    # shellcheck disable=SC2016
    local format='${Package} ${db:Status-Status}\n'
    while read -r package keyword; do
        if [[ $keyword == installed ]]; then
            installed[$package]=1
        fi
    done < <(sed -e 's/#.*//' -e '/^ *$/d' -e 's/ .*//' "$@" |
        xargs dpkg-query -W -f="$format" 2>/dev/null)
    while read -r package keyword command; do
        if [[ -n ${installed[$package]-} ]]; then
            continue
        fi
        if [[ $keyword == or ]] && command -v "$command" >/dev/null; then
            continue
        fi
        printf '%s\n' "$package"
    done < <(sed -e 's/#.*//' -e '/^ *$/d' "$@")
}

# packages_as_root COMMAND...: runs it as root, through sudo where we are not root. 2 when there is no way.
packages_as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        printf 'This needs root, and there is no sudo here. As root, run:\n    %s\n' "$*" >&2
        return 2
    fi
}

# packages_require LIST...: 0 when everything is there or was installed.
packages_require() {
    local -a missing
    mapfile -t missing < <(packages_missing "$@")
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        printf 'Missing: %s\nThere is no apt-get here: install them by your own package manager.\n' "${missing[*]}" >&2
        return 2
    fi
    printf 'Installing with apt-get: %s\n' "${missing[*]}" >&2
    packages_as_root apt-get -q update >&2 || return 2
    packages_as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install "${missing[@]}" </dev/null >&2 || return 2
}
