#!/usr/bin/env bash
# The pages on a database that real scans of the lab have filled: what a person does with them, in Chromium; prints TAP.
# Without an argument it is the outside, which starts a lab; inside it is the command of one.
set -uo pipefail

HERE=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
LAB=${LAB:-$HERE/lab}
# shellcheck source=tests/tap.sh
source "$HERE/../tap.sh"

skip() {
    tap_skip "the pages on a database of the lab" "$1"
    tap_done
    exit
}

if [[ ${1-} != inside ]]; then
    if ! unshare --net --mount true 2>/dev/null && ! unshare -Urnm true 2>/dev/null; then
        skip "no network namespaces here"
    fi
    if ((EUID != 0)) && ! "$LAB" run -- true 2>/dev/null; then
        skip "no Debian tree for the servers, and making it needs root"
    fi
    if [[ ! -x ${LEASTPORT_CHROMIUM:-/usr/bin/chromium} ]]; then
        skip "no Chromium here"
    fi
    if [[ ! -d $HERE/../pages/node_modules/playwright-core ]]; then
        skip "the page tests' npm packages are not installed"
    fi
    "$LAB" build >/dev/null || {
        tap_fail "the lab's Debian tree can be made"
        tap_done
        exit
    }
    exec "$LAB" run -- bash "$0" inside
fi
exec node --test-reporter=tap "$HERE/pages.mjs"
