# shellcheck shell=bash
# Sourced by bench/raw: how each contender is started on a job, and how its output becomes "ADDRESS PORT" lines. A job is in NET (CIDR),
# FIRST, HOSTS, LOW and COUNT. A contender is a function run_NAME [RATE], which starts it under the meter, and found_NAME, which
# prints what it says is open; RATE is packets/s or "max".

# The files that ZMap would read otherwise exclude private addresses.
contenders_prepare() {
    : >empty.conf
    ZMAP=${ZMAP:-zmap}
    ZMAP_VERSION=$("$ZMAP" -C empty.conf --version 2>/dev/null | grep -o -m1 -E '[0-9]+\.[0-9.]+')
}

# versions: what is here, and by name what is not.
versions() {
    printf 'leastport %s\n' "$("$BIN/leastport-scan" --version 2>/dev/null | head -n 1)"
    version_of masscan "$(masscan --version 2>/dev/null | grep -o -m1 -E 'version [0-9.]+')"
    version_of zmap "$ZMAP_VERSION"
    version_of nmap "$(nmap --version 2>/dev/null | grep -o -m1 -E 'version [0-9.]+')"
}

version_of() {
    printf '%s %s\n' "$1" "${2:-not installed: left out}"
}

# meter COMMAND...: figures to the file of that name.
meter() {
    "$BIN/raw_meter" "$LIMIT" "$CABLE" "$@" 3>figures >out 2>err
}

# port_list: LOW-HIGH or LOW
port_list() {
    if ((COUNT == 1)); then
        printf '%s\n' "$LOW"
    else
        printf '%s-%s\n' "$LOW" $((LOW + COUNT - 1))
    fi
}

# ---- bare loops --------------------------------------------------------------------------------------------------------

run_bare() {
    meter "$BIN/raw_bare" "$1" "$2" "$CABLE" "$SOURCE" "$NEXT_MAC" "$FIRST" "$HOSTS" "$LOW" "$COUNT"
}

run_bare1() { run_bare 1 0; }
run_bare2() { run_bare 2 0; }
run_proto1() { run_bare 1 1; }
run_proto2() { run_bare 2 1; }

found_bare1() { cat out; }
found_bare2() { cat out; }
found_proto1() { cat out; }
found_proto2() { cat out; }

# ---- ours --------------------------------------------------------------------------------------------------------------

# As a person starts it, and for the sink without what no answer can come to.
run_leastport() {
    local -a more=("$@")
    if [[ $JOB == sink ]]; then
        more=(--rate max --retries 0 --no-discovery)
    fi
    rm -f state lines
    meter "$BIN/leastport-scan" --syn "$NET" -p "$(port_list)" "${more[@]}" --state state -o jsonl:lines || return
    if [[ $(tail -n 1 lines | jq .complete) != true ]]; then
        echo "the scan says that it is incomplete" >err
        return 3
    fi
}

found_leastport() {
    jq -r 'select(.type == "port" and .state == "open") | "\(.host) \(.port)"' lines
}

# Without asking first who is there: what discovery costs, and what it saves.
run_leastport-all() { run_leastport --no-discovery; }
found_leastport-all() { found_leastport; }
leastport-all_possible() { leastport_possible; }

# leastport_possible: or the reason why not, in WHY.
leastport_possible() {
    rm -f state lines
    if WHY=$("$BIN/raw_meter" 10 "$CABLE" "$BIN/leastport-scan" --syn "$FIRST" -p "$LOW" --state state -o jsonl:lines 3>&1 2>&1 >/dev/null); then
        rm -f state lines
        return 0
    fi
    rm -f state lines; WHY=$(head -n 1 <<<"$WHY")
    return 1
}

# ---- peers -------------------------------------------------------------------------------------------------------------

# masscan's default wait at the end is 10 s; with 0 it misses the last answers. Its reader sleeps in libpcap until a packet comes, so
# on a cable where nothing else happens it would never end: the target says something from time to time.
run_masscan() {
    local rate=$1 status
    [[ $rate != max ]] || rate=100000000
    rm -f listing
    beat_begin
    meter masscan "$NET" -p "$(port_list)" --rate "$rate" --wait 1 -e "$CABLE" --adapter-ip "$SOURCE" --adapter-mac "$SOURCE_MAC" \
        --router-mac "$NEXT_MAC" -oL listing
    status=$?
    beat_end
    return "$status"
}

found_masscan() {
    [[ ! -e listing ]] || awk '$1 == "open" { print $4, $3 }' listing
}

# ZMap's is 8 s. Up to version 3 it scans one port a run.
run_zmap() {
    local rate=$1 port
    local -a command ports
    [[ $rate != max ]] || rate=0
    printf '%s\n' "$NET" >allow
    rm -f csv-*
    command=("$ZMAP" -C empty.conf -q -w allow -b empty.conf -i "$CABLE" -S "$SOURCE" -G "$NEXT_MAC" -r "$rate" -c 1
        -O csv -f 'saddr,sport' '--output-filter=success = 1 && repeat = 0')
    if ((${ZMAP_VERSION%%.*} >= 4)); then
        meter "${command[@]}" -p "$(port_list)" -o csv-all
        return
    fi
    ports=()
    for ((port = LOW; port < LOW + COUNT; port++)); do
        ports+=("$port")
    done
    # shellcheck disable=SC2016 # for the inner shell
    meter "$BASH" -c 'IFS=" "; for port in $1; do "${@:2}" -p "$port" -o "csv-$port" || exit; done' zmaps "${ports[*]}" "${command[@]}"
}

found_zmap() {
    awk -F, '$2 ~ /^[0-9]+$/ { print $1, $2 }' csv-* /dev/null
}

# zmap_possible: or the reason why not, in WHY.
zmap_possible() {
    if ((${ZMAP_VERSION%%.*} < 4 && COUNT > 2)); then
        WHY="version $ZMAP_VERSION scans one port a run, this job has $COUNT"
        return 1
    fi
}

# Told not to look who is there, as the others do, except where just that is the job.
run_nmap() {
    local -a all=(-Pn)
    if [[ $JOB == sparse-ports ]]; then
        all=()
    fi
    rm -f greppable
    meter nmap -sS -T5 -n "${all[@]}" -e "$CABLE" -p "$(port_list)" -oG greppable "$NET"
}

found_nmap() {
    [[ ! -e greppable ]] || awk '/Ports: / {
        host = $2
        sub(/.*Ports: /, "")
        sub(/\t.*/, "")
        count = split($0, ports, ", ")
        for (i = 1; i <= count; i++) {
            split(ports[i], field, "/")
            if (field[2] == "open") {
                print host, field[1]
            }
        }
    }' greppable
}
