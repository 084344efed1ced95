#!/usr/bin/env bash
# clang-tidy finds nothing. What was clean is remembered by the hash of all that went in, so a second run takes seconds. Its
# analyzer takes longer than all the rest: as far as it goes by itself, and over the tests' own paths, with LEASTPORT_TEST_LONG=1
# only; else it leaves a function after 20,000 steps of 225,000, which takes a fifth of the time.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/gates/sources.sh

export LEASTPORT_TEST_LONG=${LEASTPORT_TEST_LONG:-0}
build=build/asan
cache=build/tidy-cache
mkdir -p "$cache"

# The keys of all the files: "HASH FILE" a line. A key covers the tool, its rules, the flags, the file and the headers that it includes.
keys() {
    local rules file
    local -a inputs
    rules=$({ echo "$LEASTPORT_TEST_LONG"; clang-tidy --version; cat .clang-tidy tests/.clang-tidy CMakeLists.txt ./*/CMakeLists.txt CMakePresets.json; } | sha256sum)
    for file in "$@"; do
        mapfile -t inputs < <(clang -MM -MG -D_GNU_SOURCE -I. -I"$build" "$file" | tr -s ' ' '\n' | grep -E '\.[ch]$')
        printf '%s %s\n' "$({ cat -- "${inputs[@]}" 2>/dev/null; echo "$rules"; } | sha256sum | cut -d' ' -f1)" "$file"
    done
}

# Only what is not known to be clean is looked at; a clean file leaves an empty file named by its key.
tidy_one() {
    local -a less=()
    if [[ $LEASTPORT_TEST_LONG == 1 ]]; then
        :
    elif [[ $2 == tests/* ]]; then
        less=(--checks=-clang-analyzer-*)
    else
        less=(--extra-arg={-Xclang,-analyzer-config,-Xclang,max-nodes=20000})
    fi
    if clang-tidy --quiet "${less[@]}" -p "$build" "$2" 2>/dev/null; then
        : >"$cache/$1"
    else
        printf '%s is not clean\n' "$2"
    fi
}
export -f tidy_one
export build cache

if [[ ! -f $build/compile_commands.json ]]; then
    tap_fail "the flags are known" "No $build/compile_commands.json: configure first (cmake --preset asan), or use ./run-tests."
    tap_done
    exit
fi
mapfile -t files < <(jq -r '.[].file' "$build/compile_commands.json" | sed "s|^$PWD/||" | grep -v "^build/" | LC_ALL=C sort -u)
found=$(keys "${files[@]}" | while read -r key file; do
    if [[ ! -e $cache/$key ]]; then
        printf '%s %s\n' "$key" "$file"
    fi
done | xargs -r -L1 -P"$(nproc)" bash -c 'tidy_one "$@"' tidy_one)
if [[ -z $found ]]; then
    tap_pass "clang-tidy finds nothing in ${#files[@]} sources"
else
    tap_fail "clang-tidy finds nothing in ${#files[@]} sources" "$found"
fi
tap_done
