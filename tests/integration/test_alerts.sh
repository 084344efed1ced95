#!/usr/bin/env bash
# Alerts: what a daemon finds arrives, signed, at a receiver that answers; those that refuse, are down, or have no TLS are
# tried again and delay nobody; a daemon that is killed delivers what it had not, with the same id.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "alerts in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db

# receiver PORT STATUS LOG: "ID SIGNATURE-IS-RIGHT BODY" a line. STATUS 0 never answers.
receiver() {
    node -e '
        const { createHmac } = require("crypto");
        const [port, status, secret] = process.argv.slice(1);
        require("http").createServer((request, response) => {
            let body = "";
            request.on("data", (part) => (body += part)).on("end", () => {
                const { "leastport-timestamp": time, "leastport-signature": given, "leastport-alert-id": id } = request.headers;
                const right = "sha256=" + createHmac("sha256", secret).update(time + "." + body).digest("hex");
                console.log(id, given === right, body);
                if (Number(status)) response.writeHead(Number(status)).end();
            });
        }).listen(Number(port), "127.0.0.1", () => console.log("ready"));' "$1" "$2" topsecret >"$3" &
    harness_pids+=($!)
    wait_for 20 grep -q ready "$3"
}
receiver 8201 200 "$DIR/well"
receiver 8202 500 "$DIR/broken"
receiver 8203 0 "$DIR/slow"
echo topsecret >"$DIR/secret"
cat >"$DIR/config.yaml" <<END
version: 1
targets: [$THERE]
ports: 22,6379
services: false
alerts:
  receivers:
    - {name: well, kind: webhook, url: "http://127.0.0.1:8201/", secret_file: secret}
    - {name: broken, kind: webhook, url: "http://127.0.0.1:8202/"}
    - {name: slow, kind: slack, url: "http://127.0.0.1:8203/", timeout: 2s}
    - {name: down, kind: email, url: "smtp://127.0.0.1:8204", from: a@example.org, to: b@example.org}
    - {name: plain, kind: webhook, url: "https://127.0.0.1:8201/"}
    - {name: unread, kind: webhook, url: "http://127.0.0.1:8201/", secret_file: missing}
  rules: [{name: all, severity: low, to: [well, broken]}]
  retry: {first: 1s, longest: 2s, for: 1h}
END
serve_ports there 0.0.0.0 6379

out=$("$BIN/leastport" audit --config "$DIR/config.yaml" --db "$DB" 2>&1)
tap_is "one port is one alert for each receiver" \
    "$(sql "$DB" "SELECT receiver || ' ' || count(*) FROM alert GROUP BY receiver")" $'broken 1\nwell 1'
id=$(sql "$DB" "SELECT uuid FROM alert WHERE receiver = 'broken'")

start_daemon() {
    : >"$DIR/log"
    "$BIN/leastport" serve --config "$DIR/config.yaml" --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log"
}
start_daemon
tap_ok "the daemon delivers what an audit left" wait_for 20 grep -q '^[0-9a-f-]* true .*"new".*10.99.0.2' "$DIR/well"
wait_for 20 grep -q "$id" "$DIR/broken"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
before=$(grep -c "^$id" "$DIR/broken")
start_daemon
more() {
    (($(grep -c "^$id" "$DIR/broken") > before))
}
tap_ok "after a kill it is sent again, with the same id" wait_for 20 more
out=$("$BIN/leastport" alert test --config "$DIR/config.yaml" --db "$DB" 2>&1)
tap_is "a test that some refuse fails" $? 2
tap_like "who is well is told" "$out" 'well: delivered'
tap_like "a status of 500 is no receipt" "$out" 'broken: not delivered.*HTTP status 500'
tap_like "nor is silence" "$out" 'slow: not delivered.*(timed out|Timeout)'
tap_like "nor a mail server that is down" "$out" 'down: not delivered.*connect'
tap_like "nor a server without TLS" "$out" 'plain: not delivered'
tap_like "a secret that cannot be read is said" "$out" 'unread: not delivered.*secret_file: No such file'
tap_like "what waits is seen" "$("$BIN/leastport" alert list --state waiting --db "$DB")" 'broken +waiting'

# ---- a scan while somebody keeps us waiting ----
sed -i 's/timeout: 2s/timeout: 10m/; s/to: \[well, broken\]/to: [well, broken, slow]/' "$DIR/config.yaml"
kill -TERM "$daemon"
wait "$daemon"
start_daemon
"$BIN/leastport" alert retry --config "$DIR/config.yaml" --db "$DB" 2>/dev/null
"$BIN/leastport" alert test slow --config "$DIR/config.yaml" --db "$DB" >/dev/null 2>&1 &
harness_pids+=("$!")
under_way() {
    [[ $(sql "$DB" "SELECT count(*) FROM alert WHERE receiver = 'slow' AND state = 'waiting' AND attempts > 0") != 0 ]]
}
tap_ok "a receiver keeps us waiting" wait_for 20 under_way
serve_ports there 0.0.0.0 22
"$BIN/leastport" audit "$THERE" -p 22,6379 --db "$DB" >"$DIR/out" 2>"$DIR/err"
tap_is "an audit by the daemon goes on meanwhile" $? 1
told() {
    (($(grep -c '"port":22' "$DIR/well") > 0))
}
tap_ok "and others are told of what it found" wait_for 20 told
tap_is "the one that waits holds up its own alone" \
    "$(sql "$DB" "SELECT count(*) FROM alert WHERE receiver = 'slow' AND state = 'delivered'")" 0
tap_is "no secret is in log or database" "$(cat "$DIR/log" "$DB" "$DB-wal" | grep -ac topsecret)" 0
tap_done
