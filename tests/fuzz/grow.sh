#!/usr/bin/env bash
# Makes inputs by real runs, fuzzes each harness with them and leaves in corpus/ the smallest set that reaches as much.
#   tests/fuzz/grow.sh SECONDS [HARNESS...]
# Sends probes to loopback addresses only. What was found once (corpus/*/found-*) always stays.
set -euo pipefail
cd -- "$(dirname -- "$0")/../.."
. tests/fuzz/harnesses.sh

seconds=${1:?how many seconds for each harness}
shift
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
export XDG_STATE_HOME=$work/home
seeds=$work/seeds

# seed HARNESS: standard input becomes one of its inputs.
seed() {
    local file
    mkdir -p "$seeds/$1"
    file=$(mktemp "$seeds/$1/XXXXXXXX")
    cat >"$file"
}

# Whole outputs, lines, plans and states of scans that ran: one done, one cut off by SIGINT.
seed_scans() {
    local scan=build/asan/bin/leastport-scan output line pid
    "$scan" 127.0.0.1 ::1 127.0.0.5:443 -p 22,80-90,8000-8050 --exclude 127.0.0.9 -o jsonl:"$work/done.jsonl" \
        --state "$work/unused.state"
    "$scan" 127.0.0.0/28 -p 1-400 --rate 300 -o jsonl:"$work/cut.jsonl" --state "$work/cut.state" &
    pid=$!
    sleep 2
    kill -INT "$pid"
    wait "$pid" || true
    seed state <"$work/cut.state"
    for output in "$work"/{done,cut}.jsonl; do
        sed -E 's/^\{"schema":"[^"]*","type":"([a-z_]+)","scan_id":"[^"]*","ts":"[^"]*",(.*)\}$/\1 \2/' "$output" | seed ingest
        jq -c 'select(.type == "scan_start") | .plan' "$output" | seed plan
        jq -c '.plan? // empty | .targets[]' "$output" | jq -r . | seed targets
        while read -r line; do
            printf '%s' "$line" | seed observation
        done < <(head -n 40 "$output")
    done
}

# Each list with each of its parameters, from the API's description, and a cursor that is good.
seed_requests() {
    local path parameter
    while read -r path parameter; do
        printf 'GET %s?%s=1\r\nHost: localhost\r\n\r\n' "$path" "$parameter" | seed api
    done < <(awk '/^  \/.*:$/ { path = substr($1, 1, length($1) - 1); print path, "limit" }
        match($0, /- \{name: [a-z_]+/) { print path, substr($0, RSTART + 9, RLENGTH - 9) }' schema/openapi.yaml)
    printf 'GET /api/v1/findings?sort=-severity&limit=1&port=22,23&severity_min=low\r\nHost: [::1]:8480\r\nAccept: */*\r\n' | seed api
    printf 'HEAD / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: W/"0", *\r\nAccept: text/html;q=0.5, */*;q=0\r\n' | seed api
}

# The README's policy, and every text in double quotes that the unit tests hand to the readers.
seed_texts() {
    awk '/^```/ { within = $0 == "```yaml"; next } within' README.md | seed policy
    printf '{"op":"status"}\n{"op":"audit","targets":["10.0.0.1","[fd00::]/120:22"],"ports":"22,ssh","follow":true}\n' | seed control
    printf '{"op":"cancel","job":"10000000-0000-4000-8000-000000000001"}\n{"op":' | seed control
    printf '22,80-90,https,common,!25,-1024,60000-' | tee >(seed ports) | seed port_expression
    printf '10.0.0.0/24 10.0.0.1-50:22,80 [fd00::1-fd00::ff]:443 fe80::1%%lo\ndb.example:https # no\n' | seed targets
}

cmake --preset fuzz >"$work/log" || { cat "$work/log" && exit 1; }
cmake --build --preset fuzz >"$work/log" || { cat "$work/log" && exit 1; }
seed_scans
seed_requests
seed_texts
if (($# == 0)); then
    set -- "${fuzz_harnesses[@]}"
fi
for name in "$@"; do
    mkdir -p "$work/grown/$name" "$work/least/$name" "$seeds/$name" "tests/fuzz/corpus/$name"
    printf '== %s\n' "$name"
    TMPDIR=$work fuzz_run "$name" "$seconds" "$work/found-$name-" "$work/grown/$name" "tests/fuzz/corpus/$name" "$seeds/$name"
    TMPDIR=$work "build/fuzz/fuzz/$name" -set_cover_merge=1 -max_len="${fuzz_kept_bytes[$name]-4096}" "$work/least/$name" \
        "tests/fuzz/corpus/$name" "$seeds/$name" "$work/grown/$name" >"$work/log" 2>&1
    cp -n -- "tests/fuzz/corpus/$name"/found-* "$work/least/$name/" 2>/dev/null || true
    rm -rf -- "tests/fuzz/corpus/$name"
    cp -r -- "$work/least/$name" "tests/fuzz/corpus/$name"
    printf '%s files, %s bytes\n' "$(find "tests/fuzz/corpus/$name" -type f | wc -l)" \
        "$(cat "tests/fuzz/corpus/$name"/* | wc -c)"
done
