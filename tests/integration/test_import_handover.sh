#!/usr/bin/env bash
# Imports beside a running daemon, and imports that are killed: nothing is lost, nothing stands there twice. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "imports beside a daemon" "$0" "$@"
begin
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit
DB=$DIR/daemon.db
HOSTS=2200 # more than two scans hold

# take ARGUMENT...: an import; its status and what it said.
take() {
    "$BIN/leastport" import "$@" >out 2>err
    status=$?
    said=$(tr -s '\n' ' ' <err)
}

# open_ports DB: one a line.
open_ports() {
    "$BIN/leastport" export csv --endpoints --state open --realm default --db "$1" | tr -d '\r' | cut -d, -f7-14 | tail -n +2 | LC_ALL=C sort
}

start_daemon() {
    rm -f log
    "$BIN/leastport" serve "$@" --listen 127.0.0.1:0 2>log >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 60 grep -q '"dashboard at' log || tap_fail "the daemon starts" "$(<log)"
}

stop_daemon() {
    kill -TERM "$daemon"
    wait "$daemon"
    tap_is "the daemon ends well" "$?" 0
}

# scan HOSTS: nmap's file of so many, each with one port open and one closed.
scan() {
    awk -v hosts="$1" -v at="$(($(date +%s) - 100))" 'BEGIN {
        printf "<nmaprun scanner=\"nmap\" start=\"%d\">\n", at
        for (i = 0; i < hosts; i++) {
            printf "<host endtime=\"%d\"><status state=\"up\"/><address addr=\"10.%d.%d.%d\" addrtype=\"ipv4\"/><ports>", at, 50 + i / 62500, i / 250 % 250, 1 + i % 250
            printf "<port protocol=\"tcp\" portid=\"%d\"><state state=\"open\" reason=\"syn-ack\"/><service name=\"ssh\"/></port>", 22 + i % 7
            printf "<port protocol=\"tcp\" portid=\"8080\"><state state=\"closed\" reason=\"reset\"/></port></ports></host>\n"
        }
        printf "<runstats><finished time=\"%d\" exit=\"success\"/></runstats></nmaprun>\n", at + 9
    }'
}
scan $HOSTS >many.xml
scan 3 >few.xml

# ---- the same file in one go, without a daemon ----
take --db "$DIR/alone.db" many.xml
tap_like "without a daemon" "$status $said" "^0 .*imported $HOSTS hosts with $HOSTS open ports"

# ---- beside it ----
start_daemon --db "$DB"
take --db "$DB" --vantage other:world --realm site few.xml
tap_like "a daemon takes a file" "$status $said" '^0 .*imported 3 hosts with 3 open ports.*from the vantage other in the realm site, by the daemon'
tap_is "it is judged" "$(sql "$DB" "SELECT count(*), min(breadth_class) FROM finding")" "3|world"
take --db "$DB" --vantage other --realm site few.xml
tap_like "the same file once more" "$status $said" '^2 .*few.xml was imported already'
sed 's/endtime/note="" endtime/' few.xml >same.xml
take --db "$DB" --vantage other --realm site same.xml
tap_like "another one of the same time" "$status $said" '^2 .*would undo what is known'
sed 's/10\.50\./192.0.2./; s/192.0.2.0./192.0.2./' few.xml >foreign.xml
take --db "$DB" --vantage third foreign.xml
tap_like "what is out of the daemon's scope" "$status $said" '^2 .*foreign.xml:2: 192.0.2.1 is outside the daemon.s scope'
take --db "$DB" --vantage third --scope 192.0.2.0/24 foreign.xml
tap_like "--scope is the daemon's" "$status $said" "^2 .*--scope are the daemon's to set"
tap_is "nothing of them is stored" "$(sql "$DB" "SELECT count(*) FROM scan")" 1

# ---- whoever is killed ----
# between: stands between clients and the daemon, and keeps the answer to the first scan to itself. Says "sent" when that
# scan is the daemon's, and "answered" when it is stored.
between() {
    rm -f -- said
    node -e '
        const net = require("net");
        net.createServer((client) => {
            const daemon = net.connect(process.argv[1]);
            let held = false;
            client.on("data", (text) => {
                daemon.write(text);
                if (!held && text.includes("\"do\":\"store\"")) {
                    held = true;
                    console.log("sent");
                }
            });
            daemon.on("data", (text) => (held ? console.log("answered") : client.write(text)));
            for (const [one, other] of [[client, daemon], [daemon, client]]) {
                one.setEncoding("latin1").on("error", () => {}).on("close", () => other.destroy());
            }
        }).listen(process.argv[2], () => console.log("ready"));' "$DIR/real.sock" "$DB.sock" >said &
    between=$!
    harness_pids+=("$between")
    wait_for 60 grep -q ready said
}

end_between() {
    kill -9 $between
    wait $between 2>/dev/null
    rm -f -- "$DB.sock"
}

mv -- "$DB.sock" real.sock
between
"$BIN/leastport" import --db "$DB" many.xml >out 2>err &
client=$!
wait_for 120 grep -q answered said
kill -9 $client
wait $client 2>/dev/null
end_between
tap_is "the client is killed midway" "$(sql "$DB" "SELECT count(*) FROM finding")" 1003
# scored HOSTS: whether so many have a score.
scored() {
    [[ $(sql "$DB" "SELECT count(*) FROM score WHERE scope = 'host' AND ended_at IS NULL") == "$1" ]]
}
wait_for 60 scored 1003 || tap_fail "what came in of it is scored by the daemon" "$(sql "$DB" "SELECT count(*) FROM score")"
between
"$BIN/leastport" import --db "$DB" many.xml >out 2>err &
client=$!
wait_for 120 grep -q sent said
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
wait $client
tap_is "the daemon is killed midway: the import fails" "$?" 2
tap_like "it says where it stands and what to do" "$(tr -s '\n' ' ' <err)" \
    "imported up to host 1000 of $HOSTS before; it goes on there.*up to host 1000 of $HOSTS: the daemon went away. Import it again to go on"
end_between
"$BIN/leastport" import --db "$DB" many.xml >out 2>err
tap_like "without a daemon it goes on" "$? $(tr -s '\n' ' ' <err)" "^0 .*it goes on there.*imported $HOSTS hosts"
tap_is "nothing is lost, nothing doubled" "$(open_ports "$DB" | cksum)" "$(open_ports alone.db | cksum)"
tap_is "each host is one asset" "$(sql "$DB" "SELECT count(*) FROM asset")" $((HOSTS + 3))
tap_is "each scan is whole" "$(sql "$DB" "SELECT DISTINCT state FROM scan")" complete
tap_is "each open port is judged" "$(sql "$DB" "SELECT count(*) FROM finding")" $((HOSTS + 3))
tap_is "the findings are the same" "$(sql "$DB" "SELECT count(*), severity, presence FROM finding WHERE breadth_class <> 'world' GROUP BY 2, 3")" \
    "$(sql alone.db "SELECT count(*), severity, presence FROM finding GROUP BY 2, 3")"
tap_is "each host is scored" "$(sql "$DB" "SELECT count(*) FROM score WHERE scope = 'host' AND ended_at IS NULL")" $((HOSTS + 3))
tap_is "with all of its findings" "$(sql "$DB" "SELECT round(s.exposure, 6) = (SELECT round(sum(penalty), 6) FROM finding)
    FROM score s WHERE s.scope = 'fleet' AND s.ended_at IS NULL")" 1
take --db "$DB" many.xml
tap_like "then it is known as a whole" "$status $said" '^2 .*many.xml was imported already'

# ---- what the daemon is asked ----
printf 'version: 1\nrealm: home\nscope: [192.0.2.0/24]\ndb: %s\n' "$DIR/scoped.db" >scoped.yaml
start_daemon --config scoped.yaml
take --db "$DIR/scoped.db" foreign.xml
tap_like "its own scope and realm" "$status $said" '^0 .*in the realm home, by the daemon'
# ask REQUEST...: over one connection; the answers.
ask() {
    node -e '
        const requests = process.argv.slice(2);
        const socket = require("net").connect(process.argv[1]);
        socket.setEncoding("utf8");
        const next = () => (requests.length ? socket.write(requests.shift() + "\n") : socket.end());
        socket.on("connect", next);
        socket.on("data", (text) => { process.stdout.write(text); next(); });' "$DIR/scoped.db.sock" "$@"
}
begin_import='{"op":"import","do":"begin","vantage":"x","digest":"d","begun_ms":1600000000000}'
tap_like "no lines before an import begins" "$(ask '{"op":"import","do":"lines","text":""}')" 'begins with \\"begin\\"'
tap_like "what it may do" "$(ask '{"op":"import","do":"end"}')" 'begin, cloud, file, lines or store'
tap_like "a beginning without a vantage" "$(ask '{"op":"import","do":"begin","digest":"d","begun_ms":1}')" 'begins with \\"vantage\\"'
tap_like "lines that are none" "$(ask "$begin_import" '{"op":"import","do":"lines","text":"no\n"}' '{"op":"import","do":"store"}')" '"ok":false,"error":'
tap_like "no lines" "$(ask "$begin_import" '{"op":"import","do":"store"}')" 'the scan has no end'
# What goes in by the socket is held against the scope too.
line() { printf '{"schema":"leastport.observation/1","scan_id":"10000000-0000-4000-8000-000000000001","ts":"2020-09-13T12:30:00.000Z","type":%s}' "$1"; }
lines=$(line '"scan_start","plan":{"schema":"leastport.plan/1","realm":"home","vantage":"x","targets":["10.1.1.1:22"],"ports":"","probes":["connect"],"watch":[],"import":{"digest":"d","to":1}},"plan_hash":"00","slabs":1,"from_slab":0,"hosts":1,"probes":0' &&
    echo && line '"port","host":"10.1.1.1","proto":"tcp","port":22,"state":"open","reason":"syn-ack","service":"ssh"' && echo)
tap_like "a host outside its scope" "$(ask "$begin_import" "$(jq -cn --arg text "$lines"$'\n' '{op: "import", do: "lines", text: $text}')" '{"op":"import","do":"store"}')" \
    '10.1.1.1 is outside the scope'
tap_is "nothing of it is stored" "$(sql scoped.db 'SELECT count(*) FROM scan')" 1
stop_daemon
tap_done
