#!/usr/bin/env bash
# Our UDP questions against the servers that they are meant for, in the lab; prints TAP. Without an argument it is the outside, which
# starts a lab; `inside` runs in it: the servers stand on addresses of the host herd, and avahi, which answers by only one of a host's
# addresses, on stream.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=${LEASTPORT_BIN:-$HERE/../../build/dev/bin}
LAB=${LAB:-$HERE/lab}
LONG=${LEASTPORT_TEST_LONG:-0}
# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"

# server | last part of its addresses | families | port | the name of the service | what its answer proves itself by | what nmap may
# think otherwise
SERVERS=(
    'avahi|120|46|5353|mdns|id'
    'dnsmasq|131|46|53|domain|id'
    'chrony|132|46|123|ntp|id'
    'snmpd|133|46|161|snmp|id'
    'memcached|134|46|11211|memcache|id'
    'tftpd|135|46|69|tftp|port'
    'charon|136|46|500|isakmp|id'
    # nmap's question lacks the four zeros in front (RFC 3948, section 2.2): the kernel takes it for ESP of a connection that it does not
    # have, and says so by an ICMP error. The answer to ours has come from the server, with our id.
    'charon|136|46|4500|ipsec-nat-t|id|closed'
    'coturn|137|46|3478|stun|id'
    'coap|138|46|5683|coap|id'
    'rpcbind|139|4|111|sunrpc|id'
    'minissdpd|130|4|1900|ssdp|port'
)
# What is large to download.
SERVERS_LONG=(
    'nmbd|140|4|137|netbios-ns|id'
    'kamailio|141|46|5060|sip|id'
    'caddy|142|46|443|https|id'
)
if ((LONG)); then
    SERVERS+=("${SERVERS_LONG[@]}")
fi

# ---- in the lab -----------------------------------------------------------------------------------------------------

# begin NAME COMMAND...: a server on the host BOX, from the lab's tree. It ends with the lab.
begin() {
    local name=$1
    shift
    nsenter --net="$LAB_DIR/ns/${BOX:-herd}" -- setsid chroot "$LAB_DIR/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        HOME=/lab/udp "$@" </dev/null >>"$LAB_DIR/log/udp.$name.log" 2>&1 &
}

configure() {
    local folder=$LAB_DIR/root/lab/udp
    mkdir -p "$folder/tftp" "$LAB_DIR/root/run/avahi-daemon" "$LAB_DIR/root/run/samba" "$LAB_DIR/root/etc/avahi/services"
    printf '[server]\nenable-dbus=no\nallow-interfaces=eth0\n' >"$folder/avahi.conf"
    # A responder without any service has nothing to say to a question for services.
    printf '<service-group><name>herd</name><service><type>_http._tcp</type><port>80</port></service></service-group>\n' \
        >"$LAB_DIR/root/etc/avahi/services/http.service"
    printf 'bindaddress 10.77.0.132\nbindaddress fd77::132\nallow all\nlocal stratum 8\ncmdport 0\npidfile /lab/udp/chrony.pid\n' \
        >"$folder/chrony.conf"
    printf 'rocommunity public\nagentaddress udp:10.77.0.133:161,udp6:[fd77::133]:161\n' >"$folder/snmpd.conf"
    printf 'charon {\nfilelog { stderr { default = 1 } }\n}\n' >"$folder/strongswan.conf"
    printf '[global]\nworkgroup = LAB\nnetbios name = HERD\ninterfaces = 10.77.0.140/24\nbind interfaces only = yes\n%s\n' \
        $'lock directory = /lab/udp\nstate directory = /lab/udp\ncache directory = /lab/udp\npid directory = /lab/udp\nprivate dir = /lab/udp' \
        >"$folder/smb.conf"
    printf '%s\n' 'listen=udp:10.77.0.141:5060' 'listen=udp:[fd77::141]:5060' 'children=1' 'loadmodule "sl.so"' \
        'request_route { sl_send_reply("200", "OK"); }' >"$folder/kamailio.cfg"
    printf '{\nskip_install_trust\nadmin off\nauto_https disable_redirects\n}\nhttps://10.77.0.142, https://[fd77::142] {\nbind 10.77.0.142 fd77::142\n%s\n}\n' \
        $'tls internal\nrespond "caddy"' >"$folder/Caddyfile"
}

start() {
    BOX=stream begin avahi avahi-daemon -f /lab/udp/avahi.conf --no-drop-root --no-chroot --no-rlimits
    begin dnsmasq dnsmasq --no-daemon --conf-file=/dev/null --user=root --bind-interfaces --listen-address=10.77.0.131 \
        --listen-address=fd77::131 --no-resolv --no-hosts
    begin chrony chronyd -x -d -u root -f /lab/udp/chrony.conf
    begin snmpd snmpd -f -Lo -C -c /lab/udp/snmpd.conf
    begin memcached memcached -u root -m 8 -t 1 -U 11211 -p 0 -l 10.77.0.134,fd77::134
    begin tftpd in.tftpd -L --address 10.77.0.135:69 -s /lab/udp/tftp
    begin tftpd6 in.tftpd -L --address '[fd77::135]:69' -s /lab/udp/tftp
    begin charon STRONGSWAN_CONF=/lab/udp/strongswan.conf /usr/lib/ipsec/charon
    begin coturn turnserver -n --no-cli -L 10.77.0.137 -L fd77::137 --pidfile /lab/udp/turn.pid --log-file stdout --no-tls --no-dtls
    begin coap coap-server-notls -A 10.77.0.138
    begin coap6 coap-server-notls -A fd77::138
    begin rpcbind rpcbind -f -w -h 10.77.0.139
    begin minissdpd minissdpd -d -i eth0 -s /lab/udp/minissdpd -p /lab/udp/minissdpd.pid
    if ((LONG)); then
        begin nmbd nmbd --foreground --debug-stdout --no-process-group -s /lab/udp/smb.conf
        begin kamailio kamailio -DD -E -f /lab/udp/kamailio.cfg -m 32 -M 8 -Y /lab/udp -P /lab/udp/kamailio.pid
        begin caddy caddy run --config /lab/udp/Caddyfile --adapter caddyfile
    fi
}

# The SSDP daemon answers for others, who tell it what they are by a socket: request 4, then type, name, server and place, each behind
# its length.
announce() {
    # shellcheck disable=SC2016 # perl's variables, not the shell's
    in_tree perl -MSocket -e 'socket($daemon, PF_UNIX, SOCK_STREAM, 0) or die $!;
        connect($daemon, pack_sockaddr_un("/lab/udp/minissdpd")) or die $!;
        syswrite($daemon, pack("C(C/a*)*", 4, "upnp:rootdevice", "uuid:lab::upnp:rootdevice", "lab", "http://10.77.0.130/")) or die $!'
}

in_tree() {
    chroot "$LAB_DIR/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Prints "address port service proof server otherwise" for each socket that is to answer.
wanted() {
    local server part families port service proof otherwise
    while IFS='|' read -r server part families port service proof otherwise; do
        if [[ $families == *4* ]]; then
            printf '10.77.0.%s %s %s %s %s %s\n' "$part" "$port" "$service" "$proof" "$server" "$otherwise"
        fi
        if [[ $families == *6* ]]; then
            printf 'fd77::%s %s %s %s %s %s\n' "$part" "$port" "$service" "$proof" "$server" "$otherwise"
        fi
    done < <(printf '%s\n' "${SERVERS[@]}")
}

# Prints those that do not listen yet, by the kernel's table.
deaf() {
    wanted | awk '!table { heard[$4] = 1; next }
        {
            name = ($1 ~ /:/ ? "[" $1 "]" : $1) ":" $2
            any = ($1 ~ /:/ ? "[::]" : "0.0.0.0") ":" $2
            if (!(name in heard) && !(any in heard) && !(("*:" $2) in heard)) { print $5 " (" name ")" }
        }' <(for box in herd stream; do nsenter --net="$LAB_DIR/ns/$box" -- ss -Hlun; done) table=1 -
}

await_servers() {
    local deadline=$((SECONDS + 30))
    # The responder first makes sure that its names are nobody else's.
    until [[ -z $(deaf) ]] && grep -q 'successfully established' "$LAB_DIR/log/udp.avahi.log"; do
        if ((SECONDS >= deadline)); then
            return 1
        fi
        sleep 0.1
    done
}

scan() {
    local -a addresses
    mapfile -t addresses < <(wanted | cut -d ' ' -f 1 | sort -u)
    "$BIN/leastport-scan" --udp -p "$(wanted | cut -d ' ' -f 2 | sort -un | paste -sd,)" "${addresses[@]}" --state "$LAB_DIR/udp.state" \
        -o jsonl:"$LAB_DIR/udp" 2>"$LAB_DIR/udp.err"
}

# What nmap says of one socket: open, open|filtered, closed.
second_opinion() {
    local -a family=()
    if [[ $1 == *:* ]]; then
        family=(-6)
    fi
    nmap -sU -n -Pn "${family[@]}" --max-retries 2 -p "$2" -oG - "$1" | grep -o 'Ports: [0-9]*/[^/]*' | cut -d / -f 2
}

inside() {
    local address port service proof server otherwise ours theirs
    configure
    start
    if ! await_servers; then
        tap_fail "the servers listen" "$(deaf; tail -n 5 "$LAB_DIR"/log/udp.*.log)"
        tap_done
        return
    fi
    announce || tap_fail "the SSDP daemon hears of a device"
    scan
    tap_is "the scan is complete" "$? $(tail -n 1 "$LAB_DIR/udp" | jq .complete)" "0 true"
    while read -r address port service proof server otherwise; do
        ours=$(jq -r --arg host "$address" --argjson port "$port" \
            'select(.type == "port" and .host == $host and .port == $port) | "\(.state) \(.service) \(.proof)"' "$LAB_DIR/udp")
        tap_is "$server at $address, port $port" "$ours" "open $service $proof"
        if ! command -v nmap >/dev/null; then
            continue
        fi
        theirs=$(second_opinion "$address" "$port")
        case $theirs in
            open | 'open|filtered' | "$otherwise") tap_pass "nmap does not deny it ($theirs)" ;;
            *) tap_fail "nmap does not deny it" "it says \"$theirs\"" ;;
        esac
    done < <(wanted)
    tap_done
}

# ---- outside ---------------------------------------------------------------------------------------------------------

outside() {
    if [[ $(id -u) != 0 ]]; then
        printf '1..0 # SKIP these servers want root\n'
        return
    fi
    if ! unshare --net --mount --pid --fork --mount-proc true; then
        printf '1..0 # SKIP this place lets nobody make namespaces\n'
        return
    fi
    if ((LONG)); then
        export LEASTPORT_LAB_LARGE=1
    fi
    if ! "$LAB" build >/dev/null; then
        printf '1..1\nnot ok 1 - the Debian tree is there or can be built\n'
        return 1
    fi
    "$LAB" run -- bash "$HERE/test_udp.sh" inside
}

case ${1:-} in
'') outside ;;
inside) inside ;;
*)
    printf 'usage: test_udp.sh\n' >&2
    exit 2
    ;;
esac
