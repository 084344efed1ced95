#!/usr/bin/env bash
# One address has so many connections and no more, and others are served meanwhile; what the configuration says of the pages
# arrives at the server.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "a crowd in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db
nsenter -t "$there" -n ip addr add 10.99.0.3/24 dev v0
cat >"$DIR/leastport.yaml" <<END
version: 1
db: $DB
listen: 10.99.0.1:8480
cleartext_exposes_tokens: true
web: {address_connections: 3, trusted_proxies: 10.99.0.4, names: audit.example.com}
END
"$BIN/leastport" serve --config "$DIR/leastport.yaml" 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q 'dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
token=$("$BIN/leastport" token create --db "$DB" --name crowd --role admin 2>/dev/null | grep -o 'lstp_[0-9a-f_]*')

# status ADDRESS HOST: what /healthz answers to that address; 000 when it is let go without an answer.
status() {
    nsenter -t "$there" -n curl -s -o /dev/null -m 10 -w '%{http_code}' --interface "$1" -H "Host: $2" http://10.99.0.1:8480/healthz
}

# hold ADDRESS COUNT: so many connections that say nothing are held open from there; the process is in $holder.
hold() {
    nsenter -t "$there" -n node -e '
        const [address, count] = process.argv.slice(1);
        let open = 0;
        for (let i = 0; i < Number(count); i++) {
            const socket = require("net").connect({ host: "10.99.0.1", port: 8480, localAddress: address }, () => {
                socket.write("GET /healthz HTTP/1.1\r\n");
                if (++open === Number(count)) { console.log("open"); }
            });
            socket.on("error", () => {});
        }' "$1" "$2" >"$DIR/held" 2>&1 &
    holder=$!
    harness_pids+=("$holder")
    wait_for 20 grep -q open "$DIR/held" || tap_fail "$2 connections from $1 are held" "$(<"$DIR/held")"
}

# Whether the second address is served.
test_served() {
    [[ $(status 10.99.0.2 audit.example.com) == 200 ]]
}

# refused: how many connections the server counted as refused.
refused() {
    curl -s -m 10 -H "Authorization: Bearer $token" http://10.99.0.1:8480/metrics |
        sed -n 's/^leastport_http_refusals_total{limit="address_connections"} //p'
}

tap_is "before: an answer to a name of its own, and none to another" "$(status 10.99.0.2 audit.example.com) $(status 10.99.0.2 evil.example)" "200 421"
hold 10.99.0.2 3
tap_is "the fourth connection of an address is let go" "$(status 10.99.0.2 audit.example.com)" "000"
tap_is "another address is served" "$(status 10.99.0.3 audit.example.com)" "200"
tap_ok "and it is counted" test "$(refused)" -ge 1
end_server "$holder"
tap_ok "when they have ended it is served again" wait_for 20 test_served
nsenter -t "$there" -n ip addr add 10.99.0.4/24 dev v0
hold 10.99.0.4 20
tap_is "a trusted proxy has no such limit" "$(status 10.99.0.4 audit.example.com)" "200"
end_server "$holder"
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends well" "$?" 0
tap_done
