# shellcheck shell=bash
# Sourced from the root of the tree: which harnesses there are, and how one is fuzzed.

# shellcheck disable=SC2034
mapfile -t fuzz_harnesses < <(find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | LC_ALL=C sort)

# Port expressions are of one language.
declare -A fuzz_dictionaries=([port_expression]=ports [ingest]=observation [report]=observation [outputs]=observation
    [handover]=control [daemon_answer]=control [cursor]=api [plan_echo]=plan)

# Harnesses that read what another one reads have its corpus too.
declare -A fuzz_also=([report]=ingest [outputs]=ingest)

# What is kept of inputs in the corpus may be so long, in bytes; 4096 where nothing stands.
# shellcheck disable=SC2034
declare -A fuzz_kept_bytes=([ingest]=1200 [report]=1200 [outputs]=1200 [dialogue]=1200)

# fuzz_corpora HARNESS: the folders, its own first, one a line.
fuzz_corpora() {
    printf 'tests/fuzz/corpus/%s\n' "$1" ${fuzz_also[$1]+"${fuzz_also[$1]}"}
}

# fuzz_parameters: every parameter that the API's description has in a query, "PATH NAME" a line.
fuzz_parameters() {
    awk '
        FNR == 1 { pass++; path = "" }
        pass == 1 && /^    [A-Za-z]+: \{name: .*in: query/ { name = $3; sub(/,.*/, "", name); sub(/:$/, "", $1); names[$1] = name }
        pass == 2 && /^components:/ { exit }
        pass == 2 && /^  \/.*:$/ { path = substr($1, 1, length($1) - 1) }
        pass == 2 && match($0, /^        - \{?name: [a-z0-9_]+/) { print path, substr($0, RSTART + 10, RLENGTH - 10) }
        pass == 2 && match($0, /^        - \{\$ref: "#\/components\/parameters\/[A-Za-z]+/) {
            sub(/.*\//, "", $3)
            sub(/".*/, "", $3)
            if ($3 in names) {
                print path, names[$3]
            }
        }' schema/openapi.yaml schema/openapi.yaml | sed 's/ {*name: / /'
}

# fuzz_run HARNESS SECONDS ARTIFACT-PREFIX FOLDER...: what libFuzzer says in the end; its status is libFuzzer's. New inputs
# go to the first folder. An input may take 512 MiB in one piece (AddressSanitizer's quarantine is most of what a
# process holds) and ten seconds by the wall clock, of which a busy machine may give it little: it is the replayer that
# holds each input to one second of processor time.
fuzz_run() {
    local name=$1 seconds=$2 prefix=$3 status=0
    shift 3
    "build/fuzz/fuzz/$name" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=512 -use_value_profile=1 \
        -max_len=4096 -print_final_stats=1 \
        -dict="tests/fuzz/dict/${fuzz_dictionaries[$name]-$name}.dict" -artifact_prefix="$prefix" "$@" \
        >"$prefix.log" 2>&1 || status=$?
    if ((status != 0)); then
        grep -v -E '^#[0-9]+\s+(NEW|REDUCE|RELOAD|pulse)|NEW_FUNC|Recommended|^"' "$prefix.log" | tail -n 60
    fi
    grep -E 'DONE|stat::(number_of_executed|average_exec|peak_rss|slowest)' "$prefix.log" || true
    return "$status"
}
