#!/usr/bin/env bash
# No shell script has anything that shellcheck would say.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/gates/sources.sh

mapfile -t scripts < <(sources_scripts)
# SC1091: a sourced file that is not found from here is checked by itself.
tap_ok "shellcheck finds nothing in ${#scripts[@]} scripts" shellcheck -x --exclude=SC1091 "${scripts[@]}"
tap_done
