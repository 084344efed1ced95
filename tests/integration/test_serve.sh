#!/usr/bin/env bash
# The daemon: starts, answers on its control socket, audits what is handed over, keeps the dashboard running, ends in order.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "the daemon in a namespace" "$0" "$@"
begin

DB=$DIR/audit.db

# Sets daemon; what it says is in $DIR/log.
start_daemon() {
    : >"$DIR/log"
    "$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
    daemon=$!
    harness_pids+=("$daemon")
    wait_for 20 grep -q '"dashboard at' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
}

# control REQUEST...: sends the lines, prints what comes back until as many answers with "ok" have come.
control() {
    node -e '
        const [path, ...requests] = process.argv.slice(1);
        const socket = require("net").connect(path);
        let left = requests.length, text = "";
        socket.on("error", (error) => { console.log(error.code); process.exit(1); });
        socket.on("close", () => process.exit(0));
        socket.on("data", (data) => {
            const lines = (text + data).split("\n");
            text = lines.pop();
            for (const line of lines) {
                console.log(line);
                if ("ok" in JSON.parse(line) && --left === 0) process.exit(0);
            }
        });
        for (const request of requests) socket.write(request + "\n");' "$DB.sock" "$@"
}

web_status() {
    control '{"op":"status"}' | jq -r ".web.$1"
}

children() {
    pgrep -P "$1" | wc -l
}

# ---- start ----
start_daemon
url=$(web_status url)
tap_like "says where the dashboard is, as JSON" "$(jq -r 'select(.message | startswith("dashboard")).message' "$DIR/log")" \
    '^dashboard at http://127\.0\.0\.1:[0-9]+/$'
tap_ok "the dashboard answers there" curl -fsS -o /dev/null "${url}healthz"
web=$(web_status pid)
tap_is "each of its threads is confined for good" \
    "$(awk '/^(Seccomp|NoNewPrivs):/ { print $1 $2 }' "/proc/$web/task/"*/status | sort -u | xargs)" 'NoNewPrivs:1 Seccomp:2'
tap_is "and has no capability but to read" \
    "$(awk '/^Cap(Eff|Prm|Amb):/ && $2 !~ /^0+[04]$/' "/proc/$web/task/"*/status)" ''
curl -fsS -o /dev/null "${url}readyz"
tap_is "the database is open, its log and the log's index are, and none for writing" \
    "$(for fd in "/proc/$web/fd/"*; do
        file=$(readlink "$fd")
        [[ $file == *.db* ]] && echo "${file##*.} $(awk '/^flags:/ { print $2 % 10 }' "${fd/fd/fdinfo}")"
    done | sort -u | xargs)" 'db 0 db-shm 0 db-wal 0'
tap_is "the control socket is for owner and group" "$(stat -c %a "$DB.sock")" 660
tap_is "status names database and process" "$(control '{"op":"status"}' | jq -r '"\(.db) \(.pid)"')" "$DB $daemon"
tap_is "web holds nothing of the writer: no lock, no open file for writing but the readers' index" \
    "$(for fd in "/proc/$(web_status pid)/fdinfo/"*; do
        file=$(readlink "${fd/fdinfo/fd}")
        if [[ $file == "$DB"* && $file != *-shm && $(awk '/flags/ {print substr($2, length($2))}' "$fd") != 0 ]] ||
            [[ $file == *.lock || $file == *.sock ]]; then
            printf '%s\n' "$file"
        fi
    done)" ''

# ---- misuse of the socket ----
tap_like "an unknown operation is refused" "$(control '{"op":"reboot"}')" '"ok":false.*reboot'
tap_like "a scope by request is refused" \
    "$(control '{"op":"audit","targets":["8.8.8.8"],"scope":["0.0.0.0/0"]}')" '"ok":false.*scope'
tap_like "what is no JSON is refused, and the next request is answered" \
    "$(control 'hello' '{"op":"status"}' | paste -sd' ')" '"ok":false.*"ok":true'
tap_like "an unknown audit cannot be cancelled" "$(control '{"op":"cancel","job":"x"}')" '"ok":false'

# ---- audits that are handed over ----
serve_ports there 0.0.0.0 22 6379
audit $THERE --db "$DB"
tap_is "an audit beside the daemon has its exit status" "$status" 1
tap_like "and its report" "$out" 'Score [0-9.]+, grade'
tap_is "and is in the daemon's database" "$(findings "$DB")" $'22 OPEN FRESH low\n6379 OPEN FRESH medium'
tap_like "the daemon's log names who asked" "$(<"$DIR/log")" "asked for by $(id -un)"
audit $THERE --db "$DB" --scope 0.0.0.0/0
tap_is "its scope cannot be widened by a client" "$status" 2
audit 8.8.8.8 --db "$DB" -p 22
tap_is "an address outside its scope is an error" "$status" 2
tap_like "that is named" "$err" '8\.8\.8\.8'
audit 10.99.0.3 --db "$DB" -p 22 --retries 0
tap_is "an audit that no host answers is incomplete" "$status" 3
tap_like "and says so" "$err" 'incomplete: no host answered'

# ---- another policy while it runs ----
printf 'version: 1\nallow:\n- {id: all, to: any, ports: [22, 6379], from: any, why: w}\n' >"$DIR/allow.yaml"
printf 'version: 1\n' >"$DIR/none.yaml"
tap_like "another policy judges at once" "$("$BIN/leastport" policy apply "$DIR/allow.yaml" --db "$DB" 2>&1)" \
    'until it ends.*2 open ports judged anew: 0 findings open, 2 allowed, 0 altered'
tap_is "what it allows is no finding any more" "$(findings "$DB")" $'22 ALLOWED FRESH low\n6379 ALLOWED FRESH medium'
audit $THERE --db "$DB"
tap_is "an audit goes by it" "$status" 0
tap_like "one that is wrong is refused, with its place" "$(control '{"op":"policy","name":"n","policy":"version: 1\nalow: []"}')" \
    '"ok":false.*line 2, column 1: unknown key.*did you mean'
tap_like "and so is none" "$(control '{"op":"policy","policy":7}')" '"ok":false.*must be texts'
tap_like "and the other is back" "$("$BIN/leastport" policy apply "$DIR/none.yaml" --db "$DB" 2>&1)" '2 findings open, 0 allowed'

# ---- readers are kept, not opened for each request ----
readers() {
    find "/proc/$(web_status pid)/fd" -lname "$DB" | wc -l
}

token=$("$BIN/leastport" token create --db "$DB" --name test 2>/dev/null)
curl -fsS -Z --parallel-max 16 -H "Authorization: Bearer $token" -o "$DIR/answer.#1" -w '%{http_code}\n' "${url}api/v1/findings?limit=[1-200]" \
    >"$DIR/codes" 2>"$DIR/curl.err"
tap_is "200 requests, 16 at a time, are answered" "$(sort "$DIR/codes" | uniq -c | xargs)" "200 200"
tap_ok "by at most one reader of the database for each of web's four threads ($(readers))" \
    test "$(readers)" -ge 1 -a "$(readers)" -le 4

# ---- audits that are cut short ----
slow=(--rate 20 -p 1000-3000)
"$BIN/leastport" audit --no-services $THERE --db "$DB" "${slow[@]}" >/dev/null 2>"$DIR/slow" &
client=$!
job_runs() {
    [[ $(control '{"op":"status"}' | jq -r '.jobs[0].probes_done // 0') -gt 0 ]]
}
tap_ok "status tells how far an audit is" wait_for 30 job_runs
tap_like "no other policy while it runs" "$("$BIN/leastport" policy apply "$DIR/allow.yaml" --db "$DB" 2>&1)" 'audits run or wait'
second=$(control '{"op":"audit","targets":["10.99.0.2"],"ports":"22"}')
tap_is "a second one waits" "$(jq -r .state <<<"$second")" queued
tap_like "and can be cancelled" "$(control "{\"op\":\"cancel\",\"job\":$(jq .job <<<"$second")}")" '"ok":true'
kill -INT "$client"
wait "$client"
tap_is "SIGINT at the client ends the audit early: findings are there, 1" "$?" 1
tap_like "and it says so" "$(<"$DIR/slow")" 'incomplete'
"$BIN/leastport" audit --no-services $THERE --db "$DB" "${slow[@]}" --fresh >/dev/null 2>&1 &
client=$!
wait_for 30 job_runs
kill -9 "$client"
wait "$client" 2>/dev/null
tap_like "an audit goes on when its client is killed" "$(control '{"op":"status"}' | jq -r '.jobs[0].state')" running
job=$(control '{"op":"status"}' | jq '.jobs[0].job')
tap_like "until it is cancelled" "$(control "{\"op\":\"cancel\",\"job\":$job}")" '"ok":true'
no_job() {
    [[ $(control '{"op":"status"}' | jq '.jobs | length') == 0 ]]
}
tap_ok "which ends it" wait_for 20 no_job
tap_is "nothing runs then" "$(control '{"op":"status"}' | jq '.jobs | length')" 0

# ---- one daemon for one database ----
"$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 >/dev/null 2>"$DIR/other"
tap_is "a second daemon ends with 2" "$?" 2
tap_like "and names the process that holds the lock" "$(<"$DIR/other")" "$daemon"

# ---- web dies ----
web=$(web_status pid)
kill -9 "$web"
web_is_back() {
    [[ $(web_status state) == listening && $(web_status pid) != "$web" ]]
}
tap_ok "web is started again when it is killed" wait_for 20 web_is_back
tap_ok "and answers" curl -fsS -o /dev/null "$(web_status url)healthz"
tap_is "restarts are counted" "$(web_status restarts)" 1

# ---- the end ----
"$BIN/leastport" audit --no-services $THERE --db "$DB" "${slow[@]}" --fresh >/dev/null 2>"$DIR/slow" &
client=$!
wait_for 30 job_runs
web=$(web_status pid)
kill -TERM "$daemon"
wait "$daemon"
tap_is "SIGTERM ends it with 0, in the middle of an audit" "$?" 0
wait "$client"
tap_is "whose client hears of it" "$?" 1
tap_ok "web has ended" test ! -e "/proc/$web"
tap_ok "the socket's file is gone" test ! -e "$DB.sock"
tap_is "the write-ahead log is in the database" "$(stat -c %s "$DB-wal" 2>/dev/null || echo 0)" 0
audit $THERE --db "$DB" "${slow[@]}" --rate 0 --host-rate 0
tap_is "the lock is free for the next" "$status" 1

start_daemon
web=$(web_status pid)
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
tap_ok "web does not outlive a daemon that is killed" wait_for 20 test ! -e "/proc/$web"
tap_ok "its socket is left behind" test -S "$DB.sock"
start_daemon
tap_is "and the next daemon takes it over" "$(web_status state)" listening

# ---- the service manager ----
kill -TERM "$daemon"
wait "$daemon"
perl -MSocket -e '
    socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die;
    bind($socket, sockaddr_un($ARGV[0])) or die;
    $| = 1;
    while (defined recv($socket, my $text, 1000, 0)) { print "$text\n" }' "$DIR/notify" >"$DIR/told" &
harness_pids+=("$!")
wait_for 10 test -S "$DIR/notify"
NOTIFY_SOCKET=$DIR/notify start_daemon
tap_ok "tells the service manager when it is ready" wait_for 10 grep -qx READY=1 "$DIR/told"
kill -TERM "$daemon"
wait "$daemon"
tap_ok "and when it ends" wait_for 10 grep -qx STOPPING=1 "$DIR/told"

# ---- what keeps it from starting ----
# Web says itself what is wrong with where it is to listen, and time does not mend it.
refuses_to_listen() {
    local description=$1 listen=$2 text=$3
    timeout 20 "$BIN/leastport" serve --db "$DIR/listen.db" --listen "$listen" >/dev/null 2>"$DIR/log"
    tap_is "$description: exits with 2" "$?" 2
    tap_is "$description: web says why, once" "$(grep -c "$text" "$DIR/log")" 1
    tap_is "$description: it is not started again" "$(grep -c 'started again' "$DIR/log")" 0
}
refuses_to_listen "an address that is not loopback's" 0.0.0.0:8480 loopback
serve_ports here 127.0.0.1 8481
refuses_to_listen "a port that is taken" 127.0.0.1:8481 'port 8481 on 127.0.0.1 is in use'

# ---- TLS, by the configuration ----
certify() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 10 -subj "/CN=$1" \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$DIR/key.pem" -out "$DIR/certificate.pem" 2>/dev/null
}
shows() {
    [[ $(openssl s_client -connect "${url:8:-1}" </dev/null 2>/dev/null | openssl x509 -noout -subject) == *"= $1" ]]
}
certify before
cat >"$DIR/tls.yaml" <<END
version: 1
db: $DIR/tls.db
listen: "127.0.0.1:8482"
tls_certificate: certificate.pem
tls_key: key.pem
END
"$BIN/leastport" serve --config "$DIR/tls.yaml" >/dev/null 2>"$DIR/tls.log" &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"dashboard at' "$DIR/tls.log" || tap_fail "the daemon starts with TLS" "$(<"$DIR/tls.log")"
url=$(grep -o 'dashboard at https://[^" ]*' "$DIR/tls.log" | cut -c 14-)
tap_is "the dashboard is at an https address" "$url" https://127.0.0.1:8482/
tap_ok "and answers there" curl -fsS -o /dev/null --cacert "$DIR/certificate.pem" "${url}healthz"
tap_ok "with the configured certificate" shows before
certify after
kill -HUP "$daemon"
tap_ok "SIGHUP to the daemon: the new one is shown" wait_for 20 shows after
kill -TERM "$daemon"
wait "$daemon"
tap_is "and the daemon went on until it was ended" "$?" 0

DEEP=$DIR/$(printf 'd%.0s' {1..90})
mkdir "$DEEP"
"$BIN/leastport" serve --db "$DEEP/audit.db" --listen 127.0.0.1:0 >/dev/null 2>"$DIR/other"
tap_is "a socket path that is too long ends with 2" "$?" 2
tap_like "and says what to do" "$(<"$DIR/other")" 'shorter'

tap_done
