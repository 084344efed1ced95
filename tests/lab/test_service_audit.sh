#!/usr/bin/env bash
# Audits of what answers: real servers, each on its own port and on a strange one, against the findings that each must bring, which stand in a
# table here; prints TAP. Without an argument it is the outside, which starts a lab; `inside` runs in it.
set -uo pipefail
HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
BIN=$(readlink -f -- "${LEASTPORT_BIN:-$HERE/../../build/dev/bin}")
LAB=${LAB:-$HERE/lab}
LONG=${LEASTPORT_TEST_LONG:-0}
# shellcheck source=tests/tap.sh
. "$HERE/../tap.sh"
# shellcheck source=tests/lab/services.sh
. "$HERE/services.sh"

# server | port ("*": each) | rule and severity from its own network | the same from the world | further findings there: "kind severity" from its
# own network, with commas | the same from the world. The strange port is as its own one, but where a row of its own says otherwise. "-": none.
# One that lets strangers in is critical whoever sees it; a database is for its application alone; a certificate of one's own is right at home.
AUDIT=(
    'sshd|*|default low|baseline/ssh critical|-|-'
    'dropbear|*|default low|baseline/ssh critical|-|-'
    'nginx|80|-|-|-|-'
    'nginx|443|default low|default low|-|certificate medium'
    'nginx|8443|default low|default low|-|-'
    'apache|*|baseline/http low|baseline/http medium|-|-'
    'lighttpd|*|baseline/http low|baseline/http medium|-|-'
    'vsftpd|*|baseline/open-door critical|baseline/open-door critical|-|certificate medium'
    'proftpd|*|default low|baseline/ftp critical|-|-'
    'pureftpd|*|default low|baseline/ftp critical|-|certificate medium'
    'telnetd|*|baseline/telnet high|baseline/telnet critical|-|-'
    'postfix|*|default low|default low|old-tls low|old-tls medium,certificate medium'
    'exim|*|default low|default low|-|-'
    'dovecot|*|default low|default low|-|certificate medium'
    'mariadb|*|baseline/mysql medium|baseline/mysql critical|-|-'
    'postgres|*|baseline/postgresql medium|baseline/postgresql critical|-|certificate medium'
    'redis|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'redis_password|*|baseline/redis medium|baseline/redis critical|-|-'
    'redis_tls|*|baseline/open-door critical|baseline/open-door critical|-|certificate medium'
    'memcached|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'etcd|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'slapd|*|default low|baseline/ldap medium|old-tls low|old-tls medium,certificate medium'
    'xrdp|*|baseline/rdp medium|baseline/rdp critical|-|certificate medium'
    'vnc|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'vnc_password|*|baseline/vnc medium|baseline/vnc critical|-|-'
    'rsync|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'mosquitto|*|baseline/open-door critical|baseline/open-door critical|-|-'
    'mosquitto_password|1883|default low|default low|-|-'
    'mosquitto_password|8883|default low|default low|-|certificate medium'
    'bind|*|default low|baseline/dns medium|-|-'
    'unbound|*|default low|baseline/dns medium|-|-'
    'dnsmasq|*|default low|baseline/dns medium|-|-'
    'squid|*|default low|default low|-|-'
    'tinyproxy|*|default low|default low|-|-'
    'rpcbind|*|default low|default low|-|-'
    'front|*|default low|default low|-|certificate medium'
    'backend|8080|baseline/backend low|baseline/backend medium|proxy-bypass low|proxy-bypass high'
    'backend|18080|baseline/http low|baseline/http medium|proxy-bypass low|proxy-bypass high'
)
AUDIT_LARGE=(
    'rabbitmq|*|baseline/rabbitmq low|baseline/rabbitmq medium|-|-'
    'zookeeper|*|baseline/zookeeper medium|baseline/zookeeper critical|-|-'
    'samba|*|default low|baseline/smb critical|-|-'
    'ganesha|*|default low|baseline/nfs medium|-|-'
    'xvfb|*|baseline/open-door critical|baseline/open-door critical|-|-'
)

# ---- in the lab -----------------------------------------------------------------------------------------------------

# The row of SERVER's PORT, whose other number is STRANGE.
row_of() {
    printf '%s\n' "${AUDIT[@]}" | awk -F '|' -v server="$1" -v own="$2" -v port="$3" '$1 == server {
        if ($2 == port) { exact = $0 } else if ($2 == own) { same = $0 } else if ($2 == "*") { any = $0 } }
        END { print exact != "" ? exact : same != "" ? same : any }'
}

# wanted own|world: "address port kind rule severity", one a line.
wanted() {
    local place=$1 line server own strange address port rule further name part
    local -a kinds
    for line in "${SERVICES[@]}"; do
        IFS='|' read -r server part own strange _ <<<"$line"
        address=$SERVICES_NET.$part
        for port in "$own" "$strange"; do
            IFS='|' read -r name _ home world home_more world_more <<<"$(row_of "$server" "$own" "$port")"
            if [[ -z $name ]]; then
                printf '%s has no row\n' "$server"
                continue
            fi
            if [[ $place == own ]]; then
                rule=$home further=$home_more
            else
                rule=$world further=$world_more
            fi
            [[ $rule == - ]] || printf '%s %s exposure %s\n' "$address" "$port" "$rule"
            [[ $further != - ]] || continue
            IFS=, read -ra kinds <<<"$further"
            for name in "${kinds[@]}"; do
                printf '%s %s %s baseline/%s\n' "$address" "$port" "${name% *}" "$name"
            done
        done
    done | sort
}

# findings DB: as wanted() has them. The port mapper is there for every address, and asked for at its own.
findings() {
    sqlite3 -readonly "$1" "SELECT i.value || ' ' || f.port || ' ' || f.kind || ' ' || f.rule_id || ' ' || f.severity FROM finding f
        JOIN asset_identity i ON i.asset_id = f.asset_id AND i.kind = 'address' WHERE f.presence IN ('NEW', 'OPEN', 'REAPPEARED')
        AND NOT (f.port = 111 AND i.value <> '$(services_address rpcbind)')" | sort
}

# audit DB ARGUMENT...: of all servers, at all ports of the truth.
audit() {
    local db=$1
    shift
    timeout 300 "$BIN/leastport" audit "${hosts[@]}" -p "$(services_ports)" --rate 0 --host-rate 0 --db "$WORK/$db" "$@" \
        >"$WORK/$db.out" 2>"$WORK/$db.err"
    status=$?
}

differences() {
    diff <(findings "$WORK/$1") <(wanted "$2") | grep '^[<>]' | sed 's/^</found, not wanted:/; s/^>/wanted, not found:/'
}

test_table() {
    local place
    for place in own world; do
        if [[ $place == own ]]; then
            audit own.db
        else
            audit world.db --vantage out:world
        fi
        tap_is "$place: there are findings" "$status" 1
        tap_is "$place: they are exactly those of the table" "$(differences "$place.db" "$place")" ''
        tap_diag "$place: $(findings "$WORK/$place.db" | wc -l) findings"
    done
    tap_like "the back end's finding names its front" \
        "$(sqlite3 -readonly "$WORK/own.db" "SELECT title FROM finding WHERE kind = 'proxy-bypass' AND port = 8080")" \
        "answers around its proxy: HTTPS on 443/tcp of $(services_address front) serves the same page"
    hosts=("$(services_address front)" "$(services_address backend)")
    audit bypass.db --vantage out:world
    tap_like "the report shows it with what to do" "$(tr -s ' \n' ' ' <"$WORK/bypass.db.out")" \
        'An application back end on 8080/tcp answers around its proxy.*Let only the proxy reach this port'
    mapfile -t hosts < <(services_addresses)
    tap_like "a database that the world reaches holds the grade down" "$(tr -s ' \n' ' ' <"$WORK/world.db.out")" \
        'grade F.* a database is open to the world: F at best'
}

# What the policy allows is none, but for what no rule may allow, and what is wrong with it all the same.
test_policy() {
    local kinds
    cat >"$WORK/policy.yaml" <<'YAML'
version: 1
allow:
  - {id: tls, to: any, ports: any, from: any, when: {tls: true, tls.version: ">=1.2", cert.days_left: ">30"}, why: encrypted}
  - {id: pages, to: any, ports: any, from: any, when: {service: http, redirects_to_https: false, tls: false}, why: read by all}
  - {id: login, to: any, ports: any, from: any, when: {auth: required, service: redis}, why: has a password}
forbid:
  - {id: short, to: any, ports: any, when: {cert.days_left: "<100", service: imap}, severity: high}
YAML
    audit policy.db --policy "$WORK/policy.yaml"
    kinds=$(sqlite3 -readonly "$WORK/policy.db" "SELECT f.rule_id, f.kind, count(*) FROM finding f WHERE f.rule_id = 'user/short'
        OR f.kind IN ('cleartext', 'proxy-bypass') OR f.service = 'redis' GROUP BY 1, 2 ORDER BY 1, 2" | tr '|' ' ' | paste -sd,)
    # Two open Redis servers, one in TLS; IMAP's four ports, with and without TLS; cleartext are Redis with a password and the pages of
    # Apache, lighttpd and the back end, each at two ports.
    tap_is "conditions decide by what answers" "$kinds" \
        'baseline/cleartext cleartext 8,baseline/open-door exposure 4,user/short exposure 4'
}

# Real servers that count: asked once, and locked out nobody.
test_patience() {
    local -a databases
    local broken
    databases=("$(services_address mariadb)" "$(services_address postgres)")
    maria() {
        services_tree mariadb --no-defaults -S /lab/services/mariadb/data/socket -N -e "$1" 2>&1
    }
    broken=$(maria "SHOW GLOBAL STATUS LIKE 'Connections'" | cut -f 2)
    for _ in 1 2 3; do
        hosts=("${databases[@]}")
        audit own.db --no-verify
    done
    # Our own question is one; a scanner that is held up lets a probe through now and then. Asking would be twelve.
    tap_ok "three more audits ask MariaDB nothing" test "$(maria "SHOW GLOBAL STATUS LIKE 'Connections'" | cut -f 2)" -lt "$((broken + 6))"
    tap_is "nor PostgreSQL, as their plans say" "$(sqlite3 -readonly "$WORK/own.db" "SELECT json_array_length(plan, '\$.services.known')
        FROM scan ORDER BY id DESC LIMIT 1")" 4
    tap_is "what is known of both stays" "$(sqlite3 -readonly "$WORK/own.db" "SELECT count(*) FROM endpoint_fact f JOIN endpoint e ON
        e.id = f.endpoint_id WHERE f.name = 'service' AND f.value IN ('mysql', 'postgresql') AND f.ended_at IS NULL")" 4
    audit own.db --no-verify --ask-again
    tap_ok "with --ask-again they are asked" test "$(maria "SHOW GLOBAL STATUS LIKE 'Connections'" | cut -f 2)" -gt "$((broken + 2))"
}

# What answers stands in nmap's XML as well: valid, read by ndiff, the same as in JSON Lines.
test_xml() {
    local dtd=/usr/share/nmap/nmap.dtd
    timeout 300 "$BIN/leastport-scan" --connect --services -p "$(services_ports)" -o "xml:$WORK/all.xml" -o "jsonl:$WORK/all" "${hosts[@]}" 2>"$WORK/all.err"
    tap_is "a scan tells what answers in XML too" "$?" 0
    if [[ -r $dtd ]]; then
        tap_ok "it is valid against nmap's DTD" xmllint --noout --dtdvalid "$dtd" "$WORK/all.xml"
    else
        tap_skip "it is valid against nmap's DTD" "no $dtd"
    fi
    tap_is "as many services are recognised as in JSON Lines" "$(xmllint --xpath 'count(//service[@method="probed"])' "$WORK/all.xml")" \
        "$(jq -s 'map(select(.type == "service" and (.facts.service or .facts.tls))) | length' "$WORK/all")"
    tap_is "and as many of them inside TLS" "$(xmllint --xpath 'count(//service[@tunnel="ssl"])' "$WORK/all.xml")" \
        "$(jq -s 'map(select(.type == "service" and .facts.tls)) | length' "$WORK/all")"
    if command -v ndiff >/dev/null; then
        sed 's/version="7\.0\.15"/version="9.9.9"/' "$WORK/all.xml" >"$WORK/other.xml"
        tap_is "ndiff finds no difference to itself" "$(ndiff "$WORK/all.xml" "$WORK/all.xml" >/dev/null 2>&1; printf '%s' "$?")" 0
        tap_like "and another version of Redis where there is one" "$(ndiff "$WORK/all.xml" "$WORK/other.xml")" \
            '-6379/tcp +open +redis +Redis 7\.0\.15.*\+6379/tcp +open +redis +Redis 9\.9\.9'
    else
        tap_skip "ndiff reads it" "no ndiff"
        tap_skip "ndiff finds another version" "no ndiff"
    fi
}

# A middlebox is one finding, whatever the numbers of its ports are known for, and its report fits a screen.
test_every_port() {
    hosts=("$SERVICES_NET.250")
    timeout 120 "$BIN/leastport" audit "${hosts[@]}" -p 1-2000 --rate 0 --host-rate 0 --db "$WORK/every.db" >"$WORK/every.out" 2>"$WORK/every.err"
    tap_is "a host of which every port accepts is one finding" \
        "$(sqlite3 -readonly "$WORK/every.db" "SELECT port || ' ' || kind || ' ' || severity FROM finding")" '0 every-port low'
    tap_like "and the report says so" "$(tr -s ' \n' ' ' <"$WORK/every.out")" \
        'Every port accepts connections: a middlebox or a tarpit answers.*accepts every port: 10\.78\.0\.250 1999 open ports were not asked'
}

inside() {
    local said
    local -a hosts
    if ((LAB_LARGE)); then
        AUDIT+=("${AUDIT_LARGE[@]}")
    fi
    if ! services_begin >"$LAB_DIR/log/services.place"; then
        tap_fail "the servers listen" "$(cat "$LAB_DIR/log/services.place")"
        tap_done
        return
    fi
    said=$(cat "$LAB_DIR/log/services.place")
    tap_pass "the servers listen"
    tap_diag "$said"
    mapfile -t hosts < <(services_addresses)
    test_table
    test_policy
    test_xml
    test_patience
    test_every_port
    tap_done
}

case ${1:-} in
'') services_outside test_service_audit.sh ;;
inside) inside ;;
*)
    printf 'usage: test_service_audit.sh\n' >&2
    exit 2
    ;;
esac
