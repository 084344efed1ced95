#!/usr/bin/env bash
# Alerts at receivers of each kind, good and bad: what arrives, what is said of what does not, and that a hostile text stays a
# text in headers, logs and mentions.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "receivers of alerts in a namespace" "$0" "$@"
begin
DB=$DIR/audit.db
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>/dev/null
node "$HERE/alert_receivers.mjs" "$DIR" topsecret >>"$DIR/arrived" 2>"$DIR/receivers" &
harness_pids+=("$!")
wait_for 20 grep -q '"ready"' "$DIR/arrived" || tap_fail "the receivers start" "$(<"$DIR/receivers")"

echo topsecret >"$DIR/secret"
printf '  http://127.0.0.1:8306/T0/urlsecret \nmore\n' >"$DIR/slack.url"
echo mailsecret >"$DIR/password"
echo wrongsecret >"$DIR/wrong"
MAIL='kind: email, from: leastport@example.org, to: [a@example.org, b@example.org]'
cat >"$DIR/config.yaml" <<END
version: 1
targets: [$THERE]
ports: 22,6379
services: false
policy: policy.yaml
alerts:
  receivers:
    - {name: well, kind: webhook, url: "http://127.0.0.1:8301/", secret_file: secret}
    - {name: team, kind: slack, url_file: slack.url}
    - {name: mail, $MAIL, url: "smtp://127.0.0.1:8321", ca_file: cert.pem, user: ada, password_file: password}
    - {name: log, kind: syslog, url: "udp://127.0.0.1:8331", facility: audit}
    - {name: broken, kind: webhook, url: "http://127.0.0.1:8302/"}
    - {name: silent, kind: webhook, url: "http://127.0.0.1:8303/", timeout: 1s}
    - {name: moved, kind: webhook, url: "http://127.0.0.1:8304/"}
    - {name: endless, kind: webhook, url: "http://127.0.0.1:8305/"}
    - {name: heady, kind: webhook, url: "http://127.0.0.1:8311/"}
    - {name: secure, kind: webhook, url: "https://127.0.0.1:8310/", ca_file: cert.pem}
    - {name: unknown, kind: webhook, url: "https://127.0.0.1:8310/"}
    - {name: trusting, kind: webhook, url: "https://127.0.0.1:8310/", verify: false}
    - {name: stranger, $MAIL, url: "smtp://127.0.0.1:8321", ca_file: cert.pem, user: ada, password_file: wrong}
    - {name: untrusted, $MAIL, url: "smtp://127.0.0.1:8321"}
    - {name: refusing, $MAIL, url: "smtp://127.0.0.1:8322", ca_file: cert.pem}
    - {name: bare, $MAIL, url: "smtp://127.0.0.1:8323"}
    - {name: plain, $MAIL, url: "smtp://127.0.0.1:8323", tls: none}
    - {name: tcp, kind: syslog, url: "tcp://127.0.0.1:8332"}
    - {name: tls, kind: syslog, url: "tls://127.0.0.1:8333", ca_file: cert.pem}
    - {name: fake, kind: syslog, url: "tls://127.0.0.1:8333"}
    - {name: unix, kind: syslog, url: "unix://$DIR/log.sock"}
    - {name: gone, kind: syslog, url: "unix://$DIR/none.sock"}
  rules: [{name: all, severity: low, to: [well, team, mail, log]}]
  retry: {first: 1h, longest: 1h, for: 1d}
END
# Whatever a file or a host says must stay a text.
cat >"$DIR/policy.yaml" <<'END'
version: 1
baseline: 1
groups:
  all: {cidr: [0.0.0.0/0]}
forbid:
  - {id: none, to: all, ports: 6379, severity: high, owner: "<!channel> @here",
     fix: "stop\r\nBcc: all@example.org\r\n.\r\nRCPT TO:<x@example.org>\n<13>1 - forged\u202e\u0085"}
END

arrived() {
    jq -c --arg at "$1" 'select(.at == $at)' "$DIR/arrived"
}

# ---- a test to each ----
out=$("$BIN/leastport" alert test --config "$DIR/config.yaml" --db "$DB" 2>"$DIR/err")
tap_is "a test fails where one is not delivered" $? 2
for name in well team mail log endless heady secure trusting plain tcp tls unix; do
    tap_like "$name: delivered" "$out" "(^|"$'\n'")$name: delivered"
done
# says NAME PATTERN: what is said of it, and listed for who looks.
says() {
    tap_like "$1: not delivered" "$out" "(^|"$'\n'")$1: not delivered[^"$'\n'"]*$2"
}
says broken 'HTTP status 500'
says silent '[Tt]ime'
says moved 'redirect, which is not followed'
says unknown 'certificate'
says stranger '[Ll]ogin denied|535'
says untrusted 'certificate'
says refusing '550'
says bare 'STARTTLS|TLS|SSL'
says fake 'certificate'
says gone 'No such file'
tap_is "a redirect's target is told nothing" "$(arrived well | wc -l)" 1
tap_is "those that did not arrive wait" "$("$BIN/leastport" alert list --json --state waiting --db "$DB" | wc -l)" 10
tap_is "the signature is right" "$(arrived well | jq .signed)" true
tap_is "its body names itself" "$(arrived well | jq -r '(.body | fromjson | .id) == .id and (.body | fromjson | .version) == 1')" true
tap_is "mail goes by TLS, with who sends it" "$(arrived mail | jq -c '[.isSafe, .user, .envelope]')" \
    '[true,"ada",["MAIL FROM:<leastport@example.org>","RCPT TO:<a@example.org>","RCPT TO:<b@example.org>"]]'
for name in tcp tls unix; do
    wait_for 20 arrived "$name"
done
tap_like "syslog by TCP counts its octets" "$(arrived tcp | jq -r .frame)" '^[0-9]+ <133>1 [0-9T:.-]+Z [^ ]+ leastport [0-9]+ test - id='
tap_is "and counts right" "$(arrived tls | jq -r '.frame | (split(" ")[0] | tonumber) == (.[index(" ") + 1:] | utf8bytelength)')" true

# ---- hostile texts ----
serve_ports there 0.0.0.0 6379
: >"$DIR/arrived"
"$BIN/leastport" audit --config "$DIR/config.yaml" --db "$DB" >"$DIR/out" 2>>"$DIR/err"
"$BIN/leastport" alert retry --config "$DIR/config.yaml" --db "$DB" 2>>"$DIR/err"
all_told() {
    [[ -n $(arrived well) && -n $(arrived slack) && -n $(arrived mail) && -n $(arrived udp) ]]
}
tap_ok "what an audit found arrives at each" wait_for 20 all_told
tap_like "its fix is one line" "$(arrived well | jq -r '.body | fromjson | .lines[0].fix')" '^stop\\x0d\\x0aBcc: .*forged\\xe2\\x80\\xae\\xc2\\x85$'
tap_is "no header of it" "$(arrived mail | jq -r .head | grep -c -i '^bcc')" 0
tap_is "nobody else is mail for" "$(arrived mail | jq '.envelope | length')" 3
tap_is "its lines are its own" "$(arrived mail | jq -r .text | grep -c '^  fix: stop.*RCPT TO')" 1
tap_is "a log line is one" "$(arrived udp | jq -r .frame | wc -l)" 1
tap_is "nobody is called" "$(arrived slack | jq -r '.body | fromjson | .text' | grep -c -e '<!channel>' -e '@here')" 0
tap_like "what would call somebody is said" "$(arrived slack | jq -r '.body | fromjson | .text')" '&lt;!channel&gt; @.?.?.?here'

# ---- what a person decides ----
id=$("$BIN/leastport" alert list --json --state waiting --db "$DB" | jq -r 'select(.receiver == "broken") | .id')
tap_ok "one is dropped" "$BIN/leastport" alert drop "$id" --db "$DB"
tap_like "and says by whom" "$("$BIN/leastport" alert show "$id" --json --db "$DB" | jq -r '.state + " " + .actor')" '^dropped [^ ]+'
"$BIN/leastport" alert drop "$id" --db "$DB" >/dev/null 2>"$DIR/twice"
tap_is "but once" "$? $(grep -c 'no alert whose id begins with' "$DIR/twice")" '2 1'
sqlite3 "$DB" "UPDATE alert SET state = 'dead' WHERE receiver = 'silent'"
"$BIN/leastport" alert retry --db "$DB" 2>"$DIR/without"
tap_is "without receivers nothing is tried" "$? $(grep -c -- '--config FILE' "$DIR/without")" '2 1'
"$BIN/leastport" alert retry --config "$DIR/config.yaml" --db "$DB" 2>/dev/null
tap_is "what is dead is tried again" "$(sql "$DB" "SELECT state || attempts FROM alert WHERE receiver = 'silent'")" waiting2
"$BIN/leastport" alert lift site/here --db "$DB" 2>"$DIR/lift"
tap_is "nothing is held" "$? $(grep -c 'nothing is held' "$DIR/lift")" '2 1'
tap_is "no secret is in database or messages" "$(cat "$DB" "$DB-wal" "$DIR/err" "$DIR/out" 2>/dev/null |
    grep -a -c -E 'topsecret|urlsecret|mailsecret|wrongsecret')" 0
tap_done
