#!/usr/bin/env bash
# A vantage that is reached by ssh, as the README has it: a real sshd on the other host, with keys and a port of its own.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "a vantage by ssh in a namespace" "$0" "$@"
sshd=$(PATH=$PATH:/usr/sbin:/sbin command -v sshd)
if [[ -z $sshd ]]; then
    tap_skip "a vantage by ssh" "no sshd on this machine"
    tap_done
    exit
fi
begin

DB=$DIR/audit.db
serve_ports here 0.0.0.0 6379
ssh-keygen -q -t ed25519 -N '' -f "$DIR/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$DIR/key"
printf '[%s]:2222 %s\n' "$THERE" "$(<"$DIR/host_key.pub")" >"$DIR/known"
: >"$DIR/unknown"
cat >"$DIR/sshd.conf" <<CONF
Port 2222
ListenAddress $THERE
HostKey $DIR/host_key
AuthorizedKeysFile $DIR/key.pub
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
PidFile none
CONF
# sshd wants a user and a folder that a machine without its package lacks: both in a place of its own.
{
    cat /etc/passwd
    id sshd >/dev/null 2>&1 || echo 'sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin'
} >"$DIR/passwd"
# shellcheck disable=SC2016 # for the shell in there
nsenter -t "$there" -n unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd && mount -t tmpfs -o mode=755 run /run &&
    mkdir /run/sshd && exec "$2" -D -e -f "$1/sshd.conf"' sh "$DIR" "$sshd" 2>"$DIR/sshd.log" &
server=$!
harness_pids+=("$server")
ssh=(ssh -F none -T -o BatchMode=yes -i "$DIR/key" -p 2222)
if ! wait_for 20 "${ssh[@]}" -o UserKnownHostsFile="$DIR/known" "root@$THERE" true; then
    # An unprivileged namespace cannot give sshd the second user that it wants.
    if ((EUID == 0)) && [[ $(awk '{ print $3 }' /proc/self/uid_map) == 1 ]]; then
        tap_skip "a vantage by ssh" "no user for sshd in an unprivileged namespace"
    else
        tap_fail "sshd lets us in" "$(<"$DIR/sshd.log")"
    fi
    tap_done
    exit
fi

# command_of KNOWN: the words of a vantage's `run`, by that file of known hosts.
command_of() {
    local words
    printf -v words '"%s", ' "${ssh[@]}" -o UserKnownHostsFile="$DIR/$1" "root@$THERE"
    printf '[%s%s]' "$words" "$BIN/leastport-scan"
}
cat >"$DIR/config.yaml" <<YAML
version: 1
targets: 10.99.0.1
services: false
verify: false
vantages:
  - {name: outside, class: world, run: $(command_of known)}
  - {name: stranger, run: $(command_of unknown)}
schedules:
  - {name: out, cron: "0 0 1 1 *", vantage: outside, ports: 6379}
  - {name: slow, cron: "0 0 1 1 *", vantage: outside, ports: 1-1200}
  - {name: unknown, cron: "0 0 1 1 *", vantage: stranger, ports: 6379}
rate: 300
host_rate: 0
YAML

start_daemon() {
    : >"$DIR/log"
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

begin_scan() {
    "$BIN/leastport" schedule run "$1" --db "$DB" 2>"$DIR/err" || tap_fail "schedule run $1" "$(<"$DIR/err")"
}

# state NAME: of its newest run.
state() {
    sql "$DB" "SELECT r.state || ' ' || r.message FROM schedule_run r JOIN schedule s ON s.id = r.schedule_id
        WHERE s.name = '$1' ORDER BY r.id DESC LIMIT 1"
}

has_state() {
    [[ $(state "$1") == "$2"* ]]
}

# over_there: the scanners of the other host.
over_there() {
    local pid found=
    for pid in $(pgrep -x leastport-scan); do
        [[ $(readlink "/proc/$pid/ns/net") == "$(readlink "/proc/$there/ns/net")" ]] && found+=" $pid"
    done
    [[ -n $found ]] && echo "$found"
}

nobody_there() {
    ! over_there
}

# is_under_way: over there, and known over here.
is_under_way() {
    over_there && [[ $(sql "$DB" "SELECT count(*) FROM scan WHERE state = 'running'") == 1 ]]
}

start_daemon
begin_scan out
tap_ok "a scan by ssh ends" wait_for 30 has_state out complete
tap_is "and saw the port as a stranger" "$(sql "$DB" "SELECT e.port || ' ' || s.state || ' ' || s.self FROM endpoint e
    JOIN endpoint_state s ON s.endpoint_id = e.id JOIN vantage v ON v.id = e.vantage_id WHERE v.name = 'outside'")" \
    '6379 open 0'
begin_scan unknown
tap_ok "a host whose key is not known fails the run" wait_for 30 has_state unknown failed
tap_like "with ssh's reason in the log" "$(<"$DIR/log")" 'Host key verification failed'
tap_is "which the run keeps" "$(state unknown)" \
    "failed the scanner failed with status 255: Host key verification failed."

begin_scan slow
wait_for 30 is_under_way || tap_fail "the scan is under way" "$(<"$DIR/log")"
kill "$(pgrep -P "$server" | head -n 1)"
tap_ok "a connection that breaks cuts the scan off" wait_for 30 has_state slow incomplete
tap_like "as the run says" "$(state slow)" 'status 255: .*closed'
tap_ok "and nothing goes on over there" wait_for 30 nobody_there
begin_scan slow
wait_for 30 is_under_way || tap_fail "the next scan is under way" "$(<"$DIR/log")"
scan=$(sql "$DB" "SELECT uuid FROM scan WHERE state = 'running'")
kill -TERM "$daemon"
wait "$daemon"
tap_is "a daemon ends in order while one is under way" "$?" 0
tap_ok "and its scanner over there does, too" wait_for 30 nobody_there
start_daemon
tap_ok "the next daemon goes on with it" wait_for 60 has_state slow complete
tap_is "as the same scan" "$(sql "$DB" "SELECT state FROM scan WHERE uuid = '$scan'")" complete
kill -TERM "$daemon"
wait "$daemon"
tap_done
