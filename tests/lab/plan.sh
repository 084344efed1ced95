# shellcheck shell=bash disable=SC2034 # the tables are used by the files that are sourced beside this one
# The plan of the lab: its addresses, hosts, sockets and filters. It is the one table from which the servers are configured
# and the ground truth is written. It knows nothing of namespaces or processes.

LAB_DEBIAN_SUITE=bookworm
LAB_PACKAGES=(openssh-server nginx-light redis-server postgresql-15 vsftpd inetutils-telnetd openbsd-inetd openssl
    memcached mariadb-server-core mariadb-client-core apache2-bin
    # Of UDP, for test_udp.sh.
    avahi-daemon chrony coturn dnsmasq-base libcoap3-bin minissdpd rpcbind snmpd strongswan-charon tftpd-hpa
    # Of services, for test_services.sh; then the libraries of what is only unpacked.
    bind9 dovecot-imapd dovecot-pop3d dropbear-bin etcd-server lighttpd mosquitto postfix rsync slapd squid tightvncserver tinyproxy-bin
    unbound xfonts-base xrdp
    libgnutls-dane0 libhiredis0.14 libidn12 libmemcached11 libmemcachedutil2 libpcre2-posix3 libsodium23)
# What Debian does not let stand beside these is unpacked and not set up.
LAB_UNPACKED=(exim4-daemon-light proftpd-core pure-ftpd pure-ftpd-common)
# What is large to download is in a tree apart.
LAB_LARGE=${LEASTPORT_LAB_LARGE:-0}
if ((LAB_LARGE)); then
    LAB_CACHE=$LAB_CACHE/large
    LAB_PACKAGES+=(caddy kamailio nfs-ganesha-mem rabbitmq-server samba xvfb zookeeper)
fi

LAB_SCANNER4=10.77.0.1
LAB_SCANNER6=fd77::1
LAB_PREFIX4=24
LAB_PREFIX6=64

# name | IPv4 | IPv6 | link at the start: up, down, or absent (an address that nobody holds)
# FIRST+N stands for N addresses, each one more than the one before (in IPv6 as decimal digits).
LAB_HOSTS=(
    'bastion|10.77.0.10|fd77::10|up'
    'edge|10.77.0.20|fd77::20|up'
    'cache|10.77.0.30|fd77::30|up'
    'db|10.77.0.40|fd77::40|up'
    'files|10.77.0.50|fd77::50|up'
    'wall|10.77.0.60|fd77::60|up'
    'ghost|10.77.0.70|fd77::70|absent'
    'nomad|10.77.0.80|fd77::80|up'
    'six||fd77::90|up'
    'twins|10.77.0.100|fd77::100|up'
    'shop|10.77.0.110|fd77::110|up'
    'stream|10.77.0.120|fd77::120|up'
    'herd|10.77.0.130+64|fd77::130+64|up'
)

# host | server | port | address families it listens on | IANA service name
# The host `tenant` stands for whoever takes over another host's address (lab tenant HOST).
LAB_SOCKETS=(
    'bastion|sshd|22|46|ssh'
    'edge|nginx|80|46|http'
    'edge|nginx|443|46|https'
    'edge|nginx|8080|46|http-alt'
    'cache|redis|6379|4|redis'
    'db|postgres|5432|46|postgresql'
    'files|vsftpd|21|46|ftp'
    'files|telnetd|23|4|telnet'
    'wall|sshd|22|46|ssh'
    'nomad|sshd|22|46|ssh'
    'nomad|redis|6379|46|redis'
    'six|sshd|22|6|ssh'
    'six|nginx|80|6|http'
    'twins|nginx|80|46|http'
    'twins|apache|8090|46|http-alt'
    'shop|mariadb|3306|46|mysql'
    'shop|memcached|11211|46|memcache'
    'stream|kafka|9092|46|kafka'
    'herd|nginx|80|46|http'
    'tenant|sshd|22|46|ssh'
    'tenant|nginx|80|46|http'
)

# host | port | action at the start
LAB_FILTERS=(
    'wall|3306|drop'
    'wall|3389|reset'
    'wall|5900|reject'
    'wall|5901|reject-port'
)

# action | state that a raw scan sees | reason | state that connect() alone sees, where it differs
# Linux turns ICMP port unreachable into ECONNREFUSED for a connecting socket (icmp_err_convert in net/ipv4/icmp.c,
# icmpv6_err_convert in net/ipv6/icmp.c), so a plain connect cannot tell it from a reset.
LAB_ACTIONS=(
    'drop|filtered|no-response|'
    'reject|filtered|admin-prohibited|'
    'reject-port|filtered|port-unreach|closed'
    'reset|closed|reset|'
)

# The servers that do not work as uid 0 of a user namespace with one uid: server | why
LAB_NEVER_ROOT=(
    'apache|insists on another uid for its children, and this user namespace has none'
    'postgres|refuses to run as uid 0, and this user namespace has no other uid'
    'sshd|must change to another uid, and this user namespace has none'
)

# Prints the row of TABLE... whose first field is KEY; 1 if there is none.
plan_row() {
    local key=$1 row
    shift
    for row in "$@"; do
        if [[ ${row%%|*} == "$key" ]]; then
            printf '%s\n' "$row"
            return 0
        fi
    done
    return 1
}

plan_host_names() {
    local row
    for row in "${LAB_HOSTS[@]}"; do
        printf '%s\n' "${row%%|*}"
    done
}

plan_host_exists() {
    plan_row "$1" "${LAB_HOSTS[@]}" >/dev/null
}

# Prints the addresses of HOST in FAMILY (4 or 6), one a line, nothing if it has none.
plan_address() {
    local ipv4 ipv6 text first last
    IFS='|' read -r _ ipv4 ipv6 _ < <(plan_row "$1" "${LAB_HOSTS[@]}")
    text=$([[ $2 == 4 ]] && printf '%s' "$ipv4" || printf '%s' "$ipv6")
    if [[ $text != *+* ]]; then
        printf '%s' "${text:+$text$'\n'}"
        return
    fi
    first=${text%+*}
    last=${first##*[.:]}
    printf "${first%"$last"}%s\n" $(seq "$last" "$((last + ${text#*+} - 1))")
}

plan_addresses() {
    plan_address "$1" 4
    plan_address "$1" 6
}

# A box is one machine: `edge` the first that holds edge's addresses, `edge.2` the next tenant.
plan_box_role() {
    if [[ $1 == *.* ]]; then
        printf tenant
    else
        printf '%s' "$1"
    fi
}

# Prints the servers of BOX, each once, in the order of the table.
plan_servers() {
    local role row host server rest last=
    role=$(plan_box_role "$1")
    for row in "${LAB_SOCKETS[@]}"; do
        IFS='|' read -r host server rest <<<"$row"
        if [[ $host == "$role" && $server != "$last" ]]; then
            printf '%s\n' "$server"
            last=$server
        fi
    done
}

# Prints `server address port family service` for each socket of BOX.
plan_sockets() {
    local role row host server port families service family address
    role=$(plan_box_role "$1")
    for row in "${LAB_SOCKETS[@]}"; do
        IFS='|' read -r host server port families service <<<"$row"
        if [[ $host != "$role" ]]; then
            continue
        fi
        for family in 4 6; do
            if [[ $families != *$family* ]]; then
                continue
            fi
            for address in $(plan_address "${1%%.*}" "$family"); do
                printf '%s %s %s %s %s\n' "$server" "$address" "$port" "$family" "$service"
            done
        done
    done
}
