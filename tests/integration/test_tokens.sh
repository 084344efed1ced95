#!/usr/bin/env bash
# Who gets in: tokens without a daemon and beside one, the link of the first start, last use, and the audit log.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "tokens and logins on a loopback of its own" "$0" "$@"
begin

DB=$DIR/audit.db

# token WORD ARGUMENT...: sets out, err, status
token() {
    out=$("$BIN/leastport" token "$1" --db "$DB" "${@:2}" 2>"$DIR/err")
    status=$?
    err=$(<"$DIR/err")
}

# get TOKEN PATH: the status
get() {
    curl -sS -o "$DIR/body" -w '%{http_code}' -H "Authorization: Bearer $1" "$url$2"
}

logged() {
    sql "$DB" "SELECT count(*) FROM audit_log WHERE $1"
}

is_logged() {
    [[ $(logged "$1") != 0 ]]
}

is_used() {
    [[ -n $(sql "$DB" "SELECT last_used_at FROM token WHERE name = 'ci'") ]]
}

# ---- without a daemon ----
token create
tap_like "a token has a name" "$status $err" '^2 .*--name'
token create --name ci --role boss
tap_like "there are three roles" "$status $err" '^2 .*viewer, operator or admin'
token create --name ci --scope tokens
tap_like "a viewer cannot have what only admins may" "$status $err" '^2 .*a viewer cannot have the scope "tokens"'
token create --name ci --expires 2020-01-01
tap_like "an end is not in the past" "$status $err" '^2 .*in the past'
token create --name ci --tag app
tap_like "a tag has a value" "$status $err" '^2 .*KEY=VALUE'
tap_is "and nothing was made" "$(sql "$DB" 'SELECT count(*) FROM token')" 0
token create --name ci
viewer=$out
tap_like "a token is printed, and it alone" "$status $out" '^0 lstp_[0-9a-f]{12}_[0-9a-f]{64}$'
tap_like "with a word that it is shown once" "$err" 'shown this once'
tap_is "what is stored is a hash, no secret" "$(sql "$DB" "SELECT count(*) FROM token WHERE hash LIKE '%${viewer: -20}%'") $(sql "$DB" \
    'SELECT length(hash) FROM token')" '0 128'
tap_is "the file has none of it either" "$(cat "$DB"* | grep -c -a "${viewer: -40}")" 0
token create --name ci
tap_like "a name is given once" "$status $err" '^2 .*already'
token create --name gone --realm x --tag a=b --expires never
gone=$out
token list
tap_like "the list shows them" "$out" 'ci +token +viewer .*every host.*gone +token +viewer .*x, a=b +never'
tap_is "and no secret" "$(grep -c -e "${viewer: -20}" -e "${gone: -20}" <<<"$out")" 0
token list --json
tap_is "as JSON too" "$(jq -r 'select(.name == "gone") | "\(.realms[0]) \(.tags[0]) \(.expires_at)"' <<<"$out")" 'x a=b null'
token revoke nobody
tap_like "what there is not cannot be revoked" "$status $err" '^2 .*no token "nobody"'
token link
tap_like "a link needs the daemon" "$status $err" '^2 .*leastport serve'

# ---- beside the daemon, which has no administrator yet ----
"$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"log in, once' "$DIR/log" || tap_fail "the daemon starts" "$(<"$DIR/log")"
first=$(grep -o 'http://127[^" ]*/login#lstp_[0-9a-f_]*' "$DIR/log")
url=${first%login#*}
tap_is "the first start prints a link, its secret where no browser sends it" "${first//[0-9a-f]/}" \
    "${url//[0-9a-f]/}login#lstp__"
tap_is "a viewer's token reads" "$(get "$viewer" api/v1/findings)" 200
tap_is "and no more" "$(get "$viewer" api/v1/tokens) $(get "$viewer" api/v1/audit-log)" '403 403'
tap_ok "its use is noted" wait_for 20 is_used
token revoke gone
tap_is "a token is revoked by name" "$status" 0
tap_is "and opens nothing from then on" "$(get "$gone" api/v1/findings)" 401

# sign_in TOKEN: the status; the cookie's name and value in $cookie
sign_in() {
    local code
    code=$(curl -sS -o "$DIR/body" -D "$DIR/head" -w '%{http_code}' -H 'Content-Type: application/json' \
        -d "{\"token\":\"$1\"}" "${url}api/v1/session")
    cookie=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/p' "$DIR/head")
    printf '%s' "$code" >"$DIR/code"
}

sign_in "${first#*#}"
session=$cookie
tap_is "the link logs in" "$(<"$DIR/code")" 200
tap_is "as administrator" "$(curl -sS -o /dev/null -w '%{http_code}' -H "Cookie: $session" "${url}api/v1/tokens")" 200
tap_is "it is no token for requests" "$(get "${first#*#}" api/v1/findings)" 401
sign_in "${first#*#}"
tap_like "and logs in once" "$(<"$DIR/code") $(<"$DIR/body")" '^401 .*used already'
token link
second=${out#*#}
tap_is "another link is printed on demand" "$status ${out%#*}" "0 ${url}login"
token link
sign_in "$second"
tap_is "and the one before it is void" "$(<"$DIR/code")" 401
sqlite3 -cmd ".timeout 5000" "$DB" "UPDATE token SET expires_at = 1 WHERE kind = 'link' AND taken_at IS NULL"
sign_in "${out#*#}"
tap_like "a link has an end" "$(<"$DIR/code") $(<"$DIR/body")" "^401 .*time is over"
# Ten at once, and one gets in.
token link
printf '%s\n' {1..10} | xargs -P 10 -I{} curl -sS -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
    -d "{\"token\":\"${out#*#}\"}" "${url}api/v1/session" >"$DIR/codes"
tap_is "of many at once one gets in" "$(grep -c 200 "$DIR/codes")" 1

# ---- the audit log ----
tap_ok "failures are logged, with address and what was tried" wait_for 20 is_logged \
    "what = 'sign-in failed' AND outcome = 'refused' AND address = '127.0.0.1' AND detail LIKE '%/api/v1/%'"
tap_ok "logins are" wait_for 20 is_logged "what = 'signed in by link' AND outcome = 'done'"
tap_is "what was typed is, with who the kernel says it was" "$(logged "what = 'token created' AND actor = '$(id -un)'") $(logged \
    "what = 'token revoked' AND detail LIKE '%(gone)' AND actor LIKE '$(id -un) (process %'")" '2 1'
tap_is "no secret stands there" "$(sql "$DB" "SELECT count(*) FROM audit_log WHERE detail || actor GLOB '*_[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]*'")" 0
"$BIN/leastport" acknowledge 10.0.0.1:1 --reason r --db "$DB" 2>/dev/null
tap_ok "so is what was refused elsewhere" wait_for 10 is_logged "what = 'disposition acknowledge' AND outcome = 'refused'"
curl -sS -o /dev/null -H $'Authorization: Bearer \x1b[2J\xff' "${url}api/v1/findings"
curl -sS -o /dev/null -H 'Authorization: Bearer x' "${url}api/v1/findings?realm=%1b%5b2J%c2%9b" --path-as-is
tap_is "control characters of strangers stand nowhere as such" "$(sql "$DB" "SELECT count(*) FROM audit_log WHERE instr(detail, char(27)) OR instr(detail, char(155))")" 0
token create --name boss --role admin
boss=$out
tap_is "an administrator reads it over the API" "$(get "$boss" 'api/v1/audit-log?what=token%20created') $(jq -r '.items[0].detail' "$DIR/body" |
    grep -c boss)" '200 1'
kill -TERM "$daemon"
wait "$daemon"
tap_is "the daemon ends in order" "$?" 0

# ---- later starts ----
"$BIN/leastport" serve --db "$DB" --listen 127.0.0.1:0 2>"$DIR/log" >/dev/null &
daemon=$!
harness_pids+=("$daemon")
wait_for 20 grep -q '"dashboard at' "$DIR/log"
url=$(grep -o 'http://127[^" ]*' "$DIR/log" | tail -n 1)
tap_is "with an administrator no link is printed" "$(grep -c 'login#' "$DIR/log")" 0
tap_is "tokens go on" "$(get "$boss" api/v1/tokens)" 200
tap_is "sessions do not" "$(curl -sS -o /dev/null -w '%{http_code}' -H "Cookie: $session" "${url}api/v1/tokens")" 401
kill -TERM "$daemon"
wait "$daemon"
tap_done
