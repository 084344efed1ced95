#!/usr/bin/env bash
# Makes the database of a version for test_versions.sh: run with the programs of that version in LEASTPORT_BIN, it prints
# a real audit's database as SQL, and what that version says about it as comments. A release adds its own:
#   LEASTPORT_BIN=build/release/bin tests/integration/make_version.sh | gzip -9n >tests/integration/versions/NNNN.sql.gz
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
source "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/harness.sh"
enter "a version's database" "$0" "$@"
begin
DB=$DIR/audit.db

cat >"$DIR/policy.yaml" <<'END'
version: 1
baseline: 1
groups: {shop: {cidr: [10.99.0.0/24]}}
allow:
  - {id: web, to: shop, ports: 443, from: own-vpc, why: the shop}
END
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=shop.example -keyout "$DIR/key" -out "$DIR/cert" \
    2>/dev/null
nsenter -t "$there" -n node -e '
    const fs = require("fs");
    const [key, cert] = process.argv.slice(1).map((path) => fs.readFileSync(path));
    const say = (_, response) => response.end("hello");
    require("https").createServer({ key, cert }, say).listen(443, "10.99.0.2", () =>
        require("http").createServer(say).listen(80, "10.99.0.2", () => console.log("ready")));' \
    "$DIR/key" "$DIR/cert" >"$DIR/web" &
harness_pids+=($!)
wait_for 20 grep -q ready "$DIR/web"
serve_ports there "$THERE" 22 6379
redis=$server
serve_ports there "$THERE" 5432

# look ARGUMENT...: an audit that must end well.
look() {
    "$BIN/leastport" audit "$THERE" -p 22,80,443,5432,6379 --db "$DB" "$@" >/dev/null 2>"$DIR/err"
    (($? <= 1)) || { cat "$DIR/err" >&2 && exit 1; }
}

# try VERB ARGUMENT...: what older versions do not have is left out.
try() {
    "$BIN/leastport" "$@" --db "$DB" >/dev/null 2>&1
}

look
end_server "$redis"
look
look
# Its language came with version 3.
if "$BIN/leastport" policy check "$DIR/policy.yaml" >/dev/null 2>&1; then
    policy=(--policy "$DIR/policy.yaml")
else
    policy=()
fi
look "${policy[@]}"
finding=$(sql "$DB" "SELECT uuid FROM finding WHERE port = 5432")
try waive "$finding" --owner dba --reason "moves in spring" --until 2099-12-31
finding=$(sql "$DB" "SELECT uuid FROM finding WHERE port = 80")
try acknowledge "$finding" --reason "known"
serve_ports there "$THERE" 6379
look "${policy[@]}"
# AWS came with version 16.
try import aws "$HERE/reach"

sql "$DB" "SELECT '-- says: ' || f.port || ' ' || f.presence || ' ' || f.disposition || ' ' || f.sight || ' ' ||
    f.severity || ' ' || f.rule_id || ' ' || f.penalty FROM finding f ORDER BY f.port"
sql "$DB" "SELECT '-- score: ' || score || ' ' || grade FROM score WHERE scope = 'fleet' AND ended_at IS NULL"
"$BIN/leastport" report --db "$DB" -o jsonl:- | jq -r 'select(.type == "finding")
    | "-- report: \(.host) \(.port) \(.presence) \(.severity) \(.rule_id)"' | LC_ALL=C sort
sql "$DB" "SELECT 'PRAGMA application_id = ' || (SELECT * FROM pragma_application_id) || '; PRAGMA user_version = ' ||
    (SELECT * FROM pragma_user_version) || ';'"
sqlite3 -readonly "$DB" .dump
