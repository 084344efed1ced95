#!/usr/bin/env bash
# The second audit: whom it asks again, and what it says of servers that are others by then. Prints TAP; in namespaces of its own.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "audits of servers that change" "$0" "$@"
begin
DB=$DIR/again.db

# speak WORD...: the servers, in $server; whom they were asked by is in $DIR/asked.
speak() {
    : >"$DIR/asked"
    nsenter -t "$there" -n node "$HERE/asked_servers.mjs" 10.99.0.2 "$DIR" "$@" >"$DIR/asked" 2>&1 &
    server=$!
    harness_pids+=("$server")
    wait_for 20 grep -q ready "$DIR/asked" || tap_fail "servers that are asked" "$(cat "$DIR/asked")"
}

# ask ARGUMENT...: an audit of them; sets out, asked (how often each port was).
ask() {
    local lines
    lines=$(wc -l <"$DIR/asked")
    "$BIN/leastport" audit $THERE -p 2022,3306,8443 --rate 0 --host-rate 0 --db "$DB" "$@" >"$DIR/out" 2>"$DIR/err"
    out=$(tr -s ' \n' ' ' <"$DIR/out")
    asked=$(tail -n +$((lines + 1)) "$DIR/asked" | sort | uniq -c | awk '$2 == "asked" { printf "%s%s", sep, $3; sep = " " }')
}

# facts PORT: those that live, of a few.
facts() {
    sql "$DB" "SELECT f.name || '=' || f.value FROM endpoint_fact f JOIN endpoint e ON e.id = f.endpoint_id WHERE f.ended_at IS NULL
        AND e.port = $1 AND f.name IN ('service', 'product', 'version', 'auth', 'behaviour') ORDER BY f.name" | paste -sd' '
}

ended() {
    sql "$DB" "SELECT count(*) FROM endpoint_fact WHERE ended_at IS NOT NULL"
}

known() {
    sql "$DB" "SELECT plan FROM scan ORDER BY id DESC LIMIT 1" |
        jq -r '.services.known // [] | map("\(.host) \(.port) \(.service)") | join(",")'
}

for name in old new; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 90 -subj "/CN=$name.example" \
        -keyout "$DIR/$name.key.pem" -out "$DIR/$name.cert.pem" 2>/dev/null
done

# ---- who locks out is asked once ----
speak mysql redis tls=old
ask --no-verify
tap_is "all are asked the first time" "$asked" "2022 3306 8443"
tap_is "MySQL is known" "$(facts 3306)" "auth=required product=MariaDB service=mysql version=10.11.4"
asked_at=$(sql "$DB" "SELECT last_seen FROM endpoint_answer a JOIN endpoint e ON e.id = a.endpoint_id WHERE e.port = 3306")
ask --no-verify
tap_is "the second audit finds all open" "$(sql "$DB" "SELECT count(*) FROM endpoint_state WHERE ended_at IS NULL AND state = 'open'
    AND last_scan_id = (SELECT max(id) FROM scan)")" 3
tap_is "and asks MySQL nothing" "$asked" "2022 8443"
tap_is "as its plan says" "$(known)" "10.99.0.2 3306 mysql"
tap_like "and the audit" "$(cat "$DIR/err")" '1 server that shuts out who asks often answered less than 7 days ago and is not asked again'
tap_is "what is known of it stays" "$(facts 3306) $(ended)" "auth=required product=MariaDB service=mysql version=10.11.4 0"
tap_is "and was asked when it was" \
    "$(sql "$DB" "SELECT last_seen FROM endpoint_answer a JOIN endpoint e ON e.id = a.endpoint_id WHERE e.port = 3306")" "$asked_at"
tap_like "the report still has it" "$out" 'mysql \(MariaDB 10\.11\.4\)'
ask --no-verify --ask-again
tap_is "--ask-again asks it" "$asked $(known)" "2022 3306 8443 "
ask --no-verify --no-door-checks
tap_is "what was asked with door checks need not be asked without" "$asked" "2022 8443"
sqlite3 "$DB" "UPDATE endpoint_answer SET last_seen = last_seen - 8 * 86400000, first_seen = first_seen - 8 * 86400000;
    UPDATE endpoint_fact SET since = since - 8 * 86400000; UPDATE endpoint_state SET first_seen = first_seen - 9 * 86400000"
ask --no-verify
tap_is "after eight days it is asked" "$asked" "2022 3306 8443"
end_server "$server"
speak redis tls=old
ask --no-verify
tap_is "while it is closed nobody asks" "$asked" "2022 8443"
end_server "$server"
speak mysql redis tls=old
ask --no-verify
tap_is "a port that was closed and is open is asked" "$asked" "2022 3306 8443"
tap_is "the same server answers: nothing changed" "$(ended)" 0
tap_is "and the report says nothing of it" "$(grep -c 'What answers otherwise' "$DIR/out")" 0
end_server "$server"

# ---- others by now ----
speak mysql silent tls=old
ask --no-verify
tap_is "a server that says nothing is asked" "$asked" "2022 8443"
tap_is "and is no other for that" "$(facts 2022) $(ended)" "auth=required service=redis 0"
end_server "$server"
speak mysql ssh tls=new
ask --no-verify
tap_is "a server in another's place is one" "$(facts 2022)" "product=OpenSSH service=ssh version=9.2p1"
tap_like "the report says what became of what" "$out" \
    'What answers otherwise.* 2022/tcp at 10\.99\.0\.2: .*service changed from redis to ssh'
tap_like "and that a certificate was renewed" "$out" '8443/tcp at 10\.99\.0\.2: certificate renewed'
tap_is "both certificates are kept" "$(sql "$DB" "SELECT group_concat(subject, ' ') FROM (SELECT subject FROM certificate ORDER BY id)")" \
    "CN=old.example CN=new.example"
"$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 30 grep -q 'http://' "$DIR/log"
url=$(grep -o 'http://[0-9.:]*/' "$DIR/log" | head -n 1)
wait_for 30 curl -fsS -o /dev/null "${url}readyz"
token=$("$BIN/leastport" token create --db "$DB" --name test 2>/dev/null)
api=(curl -fsS -H "Authorization: Bearer $token")
"${api[@]}" "${url}api/v1/changes/services" >"$DIR/changes"
tap_is "the interface has both, and nothing else but what belongs to them" \
    "$(jq -r '.items[] | "\(.port) \(.what) \(.service)"' "$DIR/changes" | sort | paste -sd,)" \
    "2022 authentication changed ssh,2022 product changed ssh,2022 service changed ssh,2022 version changed ssh,8443 certificate renewed http"
tap_is "with what it was and became" "$(jq -r '.items[] | select(.fact == "service") | "\(.was) \(.became)"' "$DIR/changes")" "redis ssh"
tap_is "each certificate has its endpoint, the old one none" \
    "$("${api[@]}" "${url}api/v1/certificates" | jq -r '.items[] | "\(.subject) \(.endpoints | length)"' | sort | paste -sd,)" "CN=new.example 1"
kill "$daemon"
wait "$daemon" 2>/dev/null
ask --no-verify
tap_is "the next audit's report does not say it again" "$(grep -c 'What answers otherwise' "$DIR/out")" 0
end_server "$server"
tap_done
