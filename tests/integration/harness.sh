# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the tests
# Sourced by integration tests: runs the rest of the script in network namespaces of its own, with servers that the test
# starts and stops. "here" is the scanner's place (10.99.0.1), "there" another host (10.99.0.2, fd99::2).

HERE=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
ROOT=$HERE/../..
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$ROOT/build/dev/bin}")
# shellcheck source=tests/tap.sh
source "$ROOT/tests/tap.sh"

THERE=10.99.0.2

# enter NAME SCRIPT ARGUMENT...: starts the script again within a namespace; one skip when that is impossible here.
enter() {
    local name=$1 flags=-Urn
    shift
    if [[ -n ${HARNESS_INSIDE-} ]]; then
        return 0
    fi
    if ((EUID == 0)); then
        flags=-n
    fi
    if ! unshare "$flags" true 2>/dev/null; then
        tap_skip "$name" "no network namespaces here"
        tap_done
        exit
    fi
    HARNESS_INSIDE=1 exec unshare "$flags" bash "$@"
}

harness_pids=()

harness_end() {
    local pid
    for pid in "${harness_pids[@]}"; do
        kill -9 "$pid"
        wait "$pid"
    done 2>/dev/null
    rm -rf -- "$DIR"
}

# begin: two hosts joined by a link, and a folder DIR that ends with the test.
begin() {
    local other
    DIR=$(mktemp -d)
    trap harness_end EXIT
    unshare -n sleep 3600 &
    there=$!
    harness_pids+=("$there")
    ip link set lo up
    # While a program starts its links cannot be read: only a name that differs will do.
    until other=$(readlink "/proc/$there/ns/net") && [[ -n $other && $other != "$(readlink /proc/self/ns/net)" ]]; do
        sleep 0.02
    done
    nsenter -t "$there" -n ip link add v0 type veth peer name v1 netns $$
    ip addr add 10.99.0.1/24 dev v1
    ip -6 addr add fd99::1/64 dev v1 nodad
    ip link set v1 up
    nsenter -t "$there" -n bash -c 'ip link set lo up; ip addr add 10.99.0.2/24 dev v0
        ip -6 addr add fd99::2/64 dev v0 nodad; ip link set v0 up'
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local until=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        if ((SECONDS >= until)); then
            return 1
        fi
        sleep 0.05
    done
}

# serve_ports there|here ADDRESS PORT...: servers that accept and say nothing; the process is in $server.
serve_ports() {
    local place=$1 log
    shift
    log=$(mktemp -p "$DIR")
    local -a command=(node -e '
        const [address, ...ports] = process.argv.slice(1);
        let left = ports.length;
        for (const port of ports) {
            const server = require("net").createServer((socket) => socket.on("error", () => {}));
            server.listen({ host: address, port: Number(port), ipv6Only: address.includes(":") },
                          () => --left || console.log("ready"));
        }' "$@")
    if [[ $place == there ]]; then
        command=(nsenter -t "$there" -n "${command[@]}")
    fi
    "${command[@]}" >"$log" 2>&1 &
    server=$!
    harness_pids+=("$server")
    wait_for 20 grep -q ready "$log" || tap_fail "servers on $*" "$(cat "$log")"
}

end_server() {
    kill -9 "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

# cut_plans SLAB: from now on BIN has the programs beside a scanner that gets its plan cut into slabs like this one.
cut_plans() {
    mkdir "$DIR/bin"
    cp -- "$BIN"/leastport{,-auditd,-web} "$DIR/bin/"
    # A plan that goes on with a scan has its slabs already.
    cat >"$DIR/bin/leastport-scan" <<END
#!/usr/bin/env bash
read -r plan
[[ \$plan == *'"slab":'* ]] || plan='{"slab":$1,'"\${plan#?}"
exec "$BIN/leastport-scan" "\$@" <<<"\$plan"
END
    chmod +x "$DIR/bin/leastport-scan"
    BIN=$DIR/bin
}

# audit ARGUMENT...: sets status, out and err. The servers of these tests say nothing, which is not asked about.
audit() {
    "$BIN/leastport" audit --no-services "$@" >"$DIR/out" 2>"$DIR/err"
    status=$?
    out=$(<"$DIR/out")
    err=$(<"$DIR/err")
}

# sql DB SQL: reads. A test that would write by it is wrong and ends here; sqlite3 DB SQL writes.
sql() {
    local said rc
    # Its output is the caller's, its error ours: 3 is the caller's stdout.
    { said=$(sqlite3 -readonly "$1" "$2" 2>&1 >&3); rc=$?; } 3>&1
    [[ -z $said ]] || printf '%s\n' "$said" >&2
    if [[ $said == *'attempt to write a readonly database'* ]]; then
        printf 'sql only reads, and was to run: %s\n' "$2" >&2
        # Its caller is mostly a subshell, whose end nobody would see.
        kill -TERM "$$"
    fi
    return "$rc"
}

# findings DB: "port presence sight severity", one a line.
findings() {
    sql "$1" "SELECT port || ' ' || presence || ' ' || sight || ' ' || severity FROM finding ORDER BY asset_id, port"
}

# What two databases must agree on when they saw the same: no ids, no times.
STATE_SQL="SELECT 'finding', i.value, f.port, f.presence, f.sight, f.severity, f.rule_id, f.penalty FROM finding f
    JOIN asset_identity i ON i.asset_id = f.asset_id AND i.kind = 'address' AND i.valid_to IS NULL
    UNION ALL SELECT 'endpoint', e.address, e.port, s.state, s.reason, s.bound, '', '' FROM endpoint e
    JOIN endpoint_state s ON s.endpoint_id = e.id AND s.ended_at IS NULL
    UNION ALL SELECT 'score', scope, '', grade, score, exposure, coverage, terms FROM score
    WHERE ended_at IS NULL AND scope <> 'host' ORDER BY 1, 2, 3;"

state_of() {
    sql "$1" "$STATE_SQL"
}
