#!/usr/bin/env bash
# clang-format would change nothing.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/tap.sh
. tests/gates/sources.sh

mapfile -t files < <(sources '*.c' '*.h')
tap_ok "clang-format would change nothing in ${#files[@]} sources" clang-format --dry-run -Werror "${files[@]}"
tap_done
