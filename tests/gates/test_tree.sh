#!/usr/bin/env bash
# What must not stand in the tree, and what must.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/gates/sources.sh

# absent DESCRIPTION REGEX FILE...: fails with the lines that match.
absent() {
    local description=$1 regex=$2 found
    shift 2
    found=$(grep -n -I -E -e "$regex" -- "$@" || true)
    if [[ -z $found ]]; then
        tap_pass "$description"
    else
        tap_fail "$description" "$found"
    fi
}

# A header's guard is its path: lib/addr.h has LEASTPORT_LIB_ADDR_H.
wrong_guards() {
    local header guard
    for header in "$@"; do
        guard=LEASTPORT_$(tr 'a-z/.-' 'A-Z___' <<<"$header")
        if ! grep -q -x "#ifndef $guard" "$header" || ! grep -q -x "#define $guard" "$header"; then
            printf '%s: its guard should be %s\n' "$header" "$guard"
        fi
        if [[ $(head -c 2 "$header") != '/*' ]]; then
            printf '%s: begins with no comment that says what it is\n' "$header"
        fi
    done
}

wrong_json() {
    local file said
    for file in "$@"; do
        if ! said=$(jq empty "$file" 2>&1); then
            printf '%s: %s\n' "$file" "$said"
        fi
    done
}

# Links of the documents to files of the tree.
broken_links() {
    local file link
    for file in "$@"; do
        while read -r link; do
            if [[ ! -e $(dirname -- "$file")/$link ]]; then
                printf '%s: there is no %s\n' "$file" "$link"
            fi
        done < <(grep -o -E '\]\([^):#]+\)' "$file" | sed 's/^](//; s/)$//')
    done
}

mapfile -t all < <(sources '*')
mapfile -t code < <(sources '*.c' '*.h' '*.sh' '*.awk' '*.js' '*.mjs' '*.sql' '*.yaml' '*.css' '*.html' 'CMakeLists.txt')
mapfile -t sources < <(sources '*.c' '*.h')
mapfile -t headers < <(sources '*.h')
mapfile -t json < <(sources '*.json')

# The patterns are written so that they do not match themselves.
absent "nothing is put off" '\b(TO''DO|FIX''ME|XX''X)\b' "${code[@]}"
absent "no path of a developer's machine" '(^|[^A-Za-z0-9_.])/(wo''rk|ho''me/[a-z]{2,}|ro''ot)/' "${all[@]}"
absent "no package registry's host" '(registry\.npm''js\.org|deb\.deb''ian\.org|security\.deb''ian\.org|npm''\.pkg|pypi\.o''rg)' "${all[@]}"
# In clang-format's layout a function's own lines stand at 4 columns, those of the third level at 16.
absent "control flow nests at most three deep" '^ {16,}(if|for|while|switch|do)\b.*\{$' "${sources[@]}"
absent "no sign that turns the direction of text" $'\u202a|\u202b|\u202d|\u202e|\u2066|\u2067|\u2068' "${all[@]}"
absent "no merge mark" '^(<<<''<<<<|>>>''>>>>)( |$)' "${all[@]}"
tap_is "headers have guard and head" "$(wrong_guards "${headers[@]}")" ""
tap_is "JSON files are JSON" "$(wrong_json "${json[@]}")" ""
mapfile -t documents < <(sources '*.md')
tap_is "documents link to files that are there" "$(broken_links "${documents[@]}")" ""
tap_done
