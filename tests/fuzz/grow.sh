#!/usr/bin/env bash
# Makes inputs by real runs, fuzzes each harness with them and leaves in corpus/ the smallest set that reaches as much.
#   tests/fuzz/grow.sh SECONDS [HARNESS...]
# Sends probes to loopback addresses only. What was found once (corpus/*/found-*) and each of the API's
# parameters (corpus/api/every-*) always stay.
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
        sed -E 's/^\{"schema":"[^"]*","type":"([a-z_]+)","scan_id":"[^"]*","ts":"[^"]*",(.*)\}$/\1 \2/' "$output" | tee >(seed report) >(seed outputs) | seed ingest
        jq -c 'select(.type == "scan_start") | .plan' "$output" | seed plan
        jq -c '.plan? // empty | .targets[]' "$output" | jq -r . | seed targets
        while read -r line; do
            printf '%s' "$line" | seed observation
        done < <(head -n 40 "$output")
    done
}

# value PATH PARAMETER: one that the list takes.
value() {
    case $2 in
    limit) echo 1 ;;
    cursor) echo AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ;;
    since | before | as_of | *_since | *_before) echo 2025-11-21T10:00:00Z ;;
    host | finding | scan) echo "{$2}" ;;
    since_scan) echo '{scan}' ;;
    with_ended | with_unseen | weak | history) echo true ;;
    auth) echo none,required ;;
    fact) echo service,version ;;
    sha256) echo 00ff ;;
    issuer) echo CN=authority ;;
    verdict) echo expired,self-signed ;;
    realm) echo site ;;
    vantage) echo here ;;
    vantage_class) echo own-vpc,world ;;
    proto) echo tcp,udp ;;
    port) echo 22,6379 ;;
    service | rule_id | owner) echo ssh,x ;;
    address) echo 10.0.0.5 ;;
    tag) echo app=shop ;;
    from | to | run) echo '{scan}' ;;
    inventory) echo production ;;
    network) echo vpc-1 ;;
    name) echo db.example ;;
    grade) echo A,F ;;
    presence) echo OPEN,FIXED ;;
    disposition) echo NONE,WAIVED ;;
    sight) echo FRESH,STALE ;;
    adopted) echo false ;;
    severity) echo low,high ;;
    severity_min) echo medium ;;
    breadth_class) echo own,world ;;
    group_by) echo realm,severity,host ;;
    format) echo jsonl ;;
    scope) echo fleet,host ;;
    what) echo presence ;;
    became) echo OPEN,FIXED ;;
    turn) echo opened,confirmed ;;
    *) value_by_list "$1" "$2" ;;
    esac
}

value_by_list() {
    case $2:$1 in
    kind:*/flaws) echo unused-group,dead-reference ;;
    kind:*) echo ssh,x ;;
    uuid:*/hosts) echo '{host}' ;;
    uuid:*) echo '{finding}' ;;
    subject:*/certificates) echo CN=shop ;;
    subject:*) echo 'site,{host}' ;;
    state:*/scans) echo complete ;;
    state:*/hosts) echo up,down ;;
    state:*) echo 'open,open|filtered' ;;
    sort:*/scans) echo -started_at ;;
    sort:*/policies) echo -loaded_at ;;
    sort:*/waivers) echo -until ;;
    sort:*/certificates) echo not_after ;;
    sort:*/changes | sort:*/services | sort:*/events) echo at ;;
    sort:*) echo -id ;;
    esac
}

# Each list with each of its parameters: these stay in the corpus whatever else reaches as much.
seed_parameters() {
    local path parameter
    while read -r path parameter; do
        printf 'GET %s?%s=%s\r\nHost: localhost\r\n' "${path/'{uuid}'/'{finding}'}" "$parameter" "$(value "$path" "$parameter")" \
            >"tests/fuzz/corpus/api/every-$(tr -c 'a-z0-9_' - <<<"${path#/api/v1/}" | tr -s -)$parameter"
    done < <(fuzz_parameters)
}

seed_requests() {
    local list
    printf 'GET /api/v1/findings?sort=-severity&limit=1&port=22,23&severity_min=low\r\nHost: [::1]:8480\r\nAccept: */*\r\n' | seed api
    printf 'HEAD / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: W/"0", *\r\nAccept: text/html;q=0.5, */*;q=0\r\n' | seed api
    for list in '*;q=0.1, gzip;q=0' 'gzip, identity;q=0' ' x-gzip ; q=0.5,br' 'gzip;q=1.5,*;q=0'; do
        printf 'GET /api/v1/findings?limit=5\r\nHost: localhost\r\nAccept-Encoding: %s\r\nAccept-Encoding: deflate\r\n' "$list" | seed api
    done
    for list in 'scans/{scan}' 'hosts/{host}' 'findings/{finding}' 'findings/{finding}/events'; do
        printf 'GET /api/v1/%s\r\nHost: localhost\r\n' "$list" | seed api
    done
    for list in 'findings/{finding}/events' 'scans?sort=started_at' hosts 'endpoints?port=22' 'findings?sort=port' changes \
        'score?history=true'; do
        printf '\0\0\0\0\0\0\xf0?\1\0\0\0\0\0\0\0/api/v1/%s' "$list" | seed cursor
    done
}

# A plan as it is sent and as a scanner repeats it.
seed_echoes() {
    local told='"realm":"r","vantage":"v","ports":"22,80-90","exclude":["10.0.0.9"],"never_scan":[],"watch":[],"seed":"00"'
    printf '%s\n' '{"realm":"r","vantage":"v","ports":"22,80-90","targets":["10.0.0.1:ssh","DB.","[fd00::1]/120:22"],"exclude":["10.0.0.9"]}' \
        "{$told"',"targets":["10.0.0.1:22","db","[fd00::1/120]:22"],"resolved":{"db":["::1"]}}' | seed plan_echo
    printf '%s\n' "{$told"',"targets":["10.0.0.0/24","db"],"scope":["10.0.0.0/8"],"resolved":{"db":["::1"]}}'{,} | seed plan_echo
}

# What a daemon answers to an audit and to the question for its state.
seed_answers() {
    printf '%s\n' '{"event":"accepted","job":"10000000-0000-4000-8000-000000000001","state":"queued"}' \
        '{"event":"progress","phase":"scan","probes_done":3,"probes":10,"rate_pps":5,"open":1,"eta_s":4}' \
        '{"event":"notice","level":"warning","message":"a host is down"}' '{"ok":true,"state":"cancelling"}' \
        '{"ok":true,"state":"complete","findings":{"low":1,"high":2},"message":""}' | seed handover
    printf '{"ok":false,"error":"no"}\n' | tee >(seed handover) | seed daemon_answer
    printf '{"ok":true,"schema":"leastport.control/1","version":"0.1.0","jobs":[]}\n' | seed daemon_answer
}

# The README's policy and configuration, and every text in double quotes that the unit tests hand to the readers.
seed_texts() {
    awk '/^```/ { within = $0 == "```yaml"; count += within; next } within && count == 1' README.md | seed policy
    awk '/^```/ { within = $0 == "```yaml"; count += within; next } within && count == 2' README.md | seed config
    printf '{"op":"status"}\n{"op":"audit","targets":["10.0.0.1","[fd00::]/120:22"],"ports":"22,ssh","follow":true}\n' | seed control
    printf '{"op":"cancel","job":"10000000-0000-4000-8000-000000000001"}\n{"op":' | seed control
    printf '22,80-90,https,common,!25,-1024,60000-' | tee >(seed ports) | seed port_expression
    printf 'address,id,name,tags,tag:zone\n10.0.0.1,"i-1",db,app=shop;tier=db,a\n#end,1\n' | seed inventory
    printf '[{"addresses":["10.0.0.1","fd00::1"],"id":"i-1","name":"db","tags":{"app":"shop"}}]' | seed inventory
    printf 'R30 2 * jan-jun/2 fri' | seed cron
    printf 's*/15 0-23/3 29 2 */7' | seed cron
    printf '10.0.0.0/24 10.0.0.1-50:22,80 [fd00::1-fd00::ff]:443 fe80::1%%lo\ndb.example:https # no\n' | seed targets
    printf '# fragile\n10.0.0.0/8 10.1.2.3\r\nfd00::/8 # all\nfe80::1%%lo\n' | seed prefix_list
}

# Bytes given in hex.
unhex() {
    local at
    for ((at = 0; at < ${#1}; at += 2)); do
        printf '%b' "\\x${1:at:2}"
    done
}

# Captured frames with and without Ethernet, and each answer to a probe of ours as it is and cut short.
seed_packets() {
    local hex kind
    while read -r hex; do
        unhex "01$hex" | seed packet
        unhex "02${hex:28}" | seed packet
    done < <(tr -d '\n' <tests/unit/scanner/packet/captured.h |
        grep -o -E '\{"[a-z0-9-]+", *("[0-9a-f]+" *)+\}' | sed -E 's/^\{"[^"]*"//; s/[^0-9a-f]//g')
    for kind in {0..15}; do
        unhex "$(printf '04%02x00' "$kind")" | seed packet
        unhex "$(printf '06%02x1400000000000000000000000000000001' "$kind")" | seed packet
    done
}

# The answers that the unit test knows, behind the row of their question and a place for the cookie.
seed_payloads() {
    local row hex
    while read -r row hex; do
        unhex "$(printf '%02xff' "$row")$hex" | seed payload
        unhex "$(printf '%02x00' "$row")$hex" | seed payload
    done < <(sed -n -E 's/^ *\{"[a-z-]+", ([0-9]+), "([0-9a-f]+)".*/\1 \2/p' tests/unit/scanner/packet/answered.h)
}

# certificate OPENSSL-ARGUMENT...: a new one that signs itself, as DER.
certificate() {
    openssl req -x509 -nodes -keyout /dev/null -outform DER -subj '/C=XX/O=Example, Inc./CN=www.example' "$@" 2>>"$work/log"
}

seed_certificates() {
    local der=$work/der
    local -a kinds=('-newkey rsa:1024 -sha1' '-newkey rsa:2048' '-newkey ed25519' '-newkey ed448'
        '-newkey ec -pkeyopt ec_paramgen_curve:P-256' '-newkey ec -pkeyopt ec_paramgen_curve:P-192 -sha1'
        '-newkey rsa-pss -pkeyopt rsa_keygen_bits:1024') names kind
    local -a uses=('-addext subjectAltName=DNS:www.example,IP:192.0.2.1,IP:2001:db8::1,email:a@example,URI:https://example/'
        '-addext keyUsage=critical,keyCertSign -addext nameConstraints=permitted;DNS:example'
        '-addext extendedKeyUsage=clientAuth -addext certificatePolicies=1.2.3.4' '-days 400000' '-set_serial -1')
    for kind in "${kinds[@]}" "${uses[@]/#/-newkey ed25519 }"; do
        read -r -a names <<<"$kind"
        certificate "${names[@]}" >"$der" || continue
        { printf '\377\377' && cat "$der"; } | seed certificate
        { printf '%b' "\\x00\\x$(printf %02x "$(($(stat -c %s "$der") > 255 ? 255 : 9))")" && cat "$der"; } | seed certificate
    done
    certificate -newkey ed25519 >"$der"
    unhex "$(printf '%04x' "$(stat -c %s "$der")")" >"$work/length"
    cat "$work/length" "$der" "$work/length" "$der" | seed certificate
}

# flight CIPHER: what a server of TLS 1.2 says to a hello, in one record, as hex.
flight() {
    local der hello list
    der=$(certificate -newkey rsa:1024 | od -An -v -tx1 | tr -d ' \n')
    hello=020000260303$(printf '%064d' 0)00${1}00
    list=$(printf '%06x%s' "$((${#der} / 2))" "$der")
    list=$(printf '0b%06x%06x%s' "$((${#list} / 2 + 3))" "$((${#list} / 2))" "$list")
    printf '160303%04x%s' "$(((${#hello} + ${#list} + 8) / 2))" "$hello${list}0e000000"
}

# Whole flights and single records, and damage to a good server's.
seed_handshakes() {
    local versions record
    for versions in 00 01 02 03 0c 09 2c ec; do
        unhex "$versions" | seed tls
        unhex "${versions}000501000401002001000a80" | seed tls
        unhex "${versions}004000" | seed tls
    done
    for record in 15030300020228 1503030002016e 160303000400000000 140303000101 1703030001ff 18030300030140ff \
        485454502f312e3120343030; do
        unhex "1c$record$record" | seed tls
    done
    for versions in 1c 5c 12 fc; do
        unhex "$versions$(flight 002f)" | seed tls
        unhex "$versions$(flight c02f)" | seed tls
        unhex "$versions$(flight 0033)140303000101" | seed tls
    done
}

# The conversations of the protocols' unit tests.
seed_dialogues() {
    local source
    mkdir -p "$seeds/dialogue"
    grep -l -E '/(talk|exchange|hostile)\.h"' tests/unit/scanner/service/test_*.c | while read -r source; do
        LEASTPORT_SEEDS=$seeds/dialogue "build/asan/unit/unit_scanner_$(basename -- "$source" .c)" >"$work/log" 2>&1 ||
            { cat "$work/log" && exit 1; }
    done
}

cmake --preset fuzz >"$work/log" || { cat "$work/log" && exit 1; }
cmake --build --preset fuzz >"$work/log" || { cat "$work/log" && exit 1; }
seed_scans
seed_parameters
seed_requests
seed_answers
seed_echoes
seed_texts
seed_packets
seed_payloads
seed_dialogues
seed_certificates
seed_handshakes
if (($# == 0)); then
    set -- "${fuzz_harnesses[@]}"
fi
# grow HARNESS: fuzzes, then keeps the fewest inputs that reach, beside another's corpus that it has too, as much.
grow() {
    local own=tests/fuzz/corpus/$1 least=$work/least/$1
    local -a corpora
    mkdir -p "$work/grown/$1" "$least" "$seeds/$1" "$own"
    mapfile -t corpora < <(fuzz_corpora "$1")
    TMPDIR=$work fuzz_run "$1" "$seconds" "$work/found-$1-" "$work/grown/$1" "${corpora[@]}" "$seeds/$1"
    mkdir "$least.also"
    if ((${#corpora[@]} > 1)); then
        cp -- "${corpora[1]}"/* "$least.also/"
        cp -- "${corpora[1]}"/* "$least/"
    fi
    TMPDIR=$work "build/fuzz/fuzz/$1" -set_cover_merge=1 -max_len="${fuzz_kept_bytes[$1]-4096}" "$least" "$own" \
        "$seeds/$1" "$work/grown/$1" >"$work/log" 2>&1
    (cd "$least.also" && find . -type f -exec rm -f -- "$least"/{} ';')
    cp -n -- "$own"/{found,every}-* "$least/" 2>/dev/null || true
    rm -rf -- "$own"
    cp -r -- "$least" "$own"
}

for name in "$@"; do
    printf '== %s\n' "$name"
    grow "$name"
    printf '%s files, %s bytes\n' "$(find "tests/fuzz/corpus/$name" -type f | wc -l)" \
        "$(cat "tests/fuzz/corpus/$name"/* | wc -c)"
done
