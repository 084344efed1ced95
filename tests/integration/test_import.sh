#!/usr/bin/env bash
# Imports of what nmap and masscan saw: as they are, hostile, cut off; and what an export of ours says. Prints TAP.
set -uo pipefail
# shellcheck source=tests/integration/harness.sh
. "$(dirname "$(readlink -f -- "$0")")/harness.sh"
enter "imports" "$0" "$@"
begin
# shellcheck disable=SC2154 # harness.sh sets DIR
cd "$DIR" || exit

# take DB ARGUMENT...: an import; its status and what it said.
take() {
    local db=$1
    shift
    "$BIN/leastport" import --db "$DIR/$db" "$@" >out 2>err
    status=$?
    said=$(tr -s '\n' ' ' <err)
}

# open_ports DB: host, port, protocol, state, reason, service, product and version, a line each.
open_ports() {
    "$BIN/leastport" export csv --endpoints --state open --db "$DIR/$1" | tr -d '\r' | cut -d, -f7-14 | tail -n +2 | LC_ALL=C sort
}

# refused NAME FILE PATTERN ARGUMENT...: it is, with the pattern, and nothing is stored.
refused() {
    local name=$1 file=$2 pattern=$3
    shift 3
    rm -f none.db*
    take none.db "$@" "$file"
    tap_is "$name: refused" "$status" 2
    tap_like "$name: says what and where" "$said" "$pattern"
    tap_ok "$name: nothing was stored" test ! -e none.db
}

nsenter -t "$there" -n python3 -m http.server 8080 --bind "$THERE" >/dev/null 2>&1 &
harness_pids+=($!)
wait_for 20 bash -c "echo >/dev/tcp/$THERE/8080"
"$BIN/leastport" audit $THERE -p 22,8080 --rate 0 --host-rate 0 --db "$DIR/own.db" >out 2>err

# What we export is what we import.
"$BIN/leastport" export xml --db "$DIR/own.db" >own.xml
take again.db own.xml
tap_is "our own export is imported" "$status" 0
tap_like "it says what was imported" "$said" 'imported 1 hosts with 1 open ports.*vantage nmap in the realm default'
tap_is "import(export) has the same endpoints" "$(open_ports again.db)" "$(open_ports own.db)"
"$BIN/leastport" export xml --db "$DIR/again.db" >again.xml
tap_ok "and ndiff sees no difference" ndiff own.xml again.xml
tap_is "it is judged" "$("$BIN/leastport" export jsonl --db "$DIR/again.db" | jq -r '"\(.port) \(.rule_id)"')" "8080 baseline/backend"
take again.db own.xml
tap_is "the same file once more is refused" "$status" 2
tap_like "with the reason" "$said" 'own.xml was imported already, from the vantage nmap in the realm default'
sed 's,<nmaprun ,&note="" ,' own.xml >other.xml
take again.db other.xml
tap_is "another file of the same time is refused" "$status" 2
tap_like "with its reason" "$said" 'would undo what is known'
take again.db --vantage other:world --realm site own.xml
tap_is "another vantage, class and realm" "$("$BIN/leastport" export jsonl --endpoints --db "$DIR/again.db" --realm site |
    jq -r '"\(.vantage) \(.vantage_class)"')" "other world"

# nmap itself.
nmap -n -Pn -p 22,8080 -oX nmap.xml $THERE >out 2>&1
take nmap.db nmap.xml
tap_is "nmap's file" "$(open_ports nmap.db | cut -d, -f1-5)" "$THERE,8080,tcp,open,syn-ack"
tap_is "a port that is closed and never was open is no endpoint" "$("$BIN/leastport" export jsonl --endpoints --state closed --db "$DIR/nmap.db" | jq -r .port)" ""
take nmap2.db --vantage x - <nmap.xml
tap_is "standard input" "$(open_ports nmap2.db | cut -d, -f1-5)" "$THERE,8080,tcp,open,syn-ack"

tap_like "a report of what was only imported tells it" "$("$BIN/leastport" report --db "$DIR/nmap.db")" 'audit of .* from the vantage nmap.*Score '

# masscan.
mac=$(ip neigh show $THERE | awk '{print $5}')
masscan -p8080,22 $THERE --wait 1 --rate 1000 -e v1 --router-mac "$mac" -oJ masscan.json >out 2>&1
masscan -p8080,22 $THERE --wait 1 --rate 1000 -e v1 --router-mac "$mac" -oL masscan.list >out 2>&1
for file in masscan.json masscan.list; do
    take "$file.db" "$file"
    tap_is "$file" "$(open_ports "$file.db" | cut -d, -f1-5)" "$THERE,8080,tcp,open,syn-ack"
    tap_like "$file: closes nothing" "$said" 'only what is open was taken'
done

# A scan that did not end never closes anything, though it says closed twice.
past=$(($(date +%s) + 10))
for i in 1 2 3; do
    sed -e "s/start=\"[0-9]*\"/start=\"$((past + i))\"/; s/endtime=\"[0-9]*\"/endtime=\"$((past + i))\"/; s/time=\"[0-9]*\" timestr/time=\"$((past + i))\" timestr/" \
        -e 's/state="open" reason="syn-ack"/state="closed" reason="reset"/; s/exit="success"/exit="error"/' nmap.xml >later.xml
    take nmap.db later.xml
done
tap_is "a file of an unfinished scan is taken" "$status" 0
tap_is "and closes nothing" "$(open_ports nmap.db | cut -d, -f1-5)" "$THERE,8080,tcp,open,syn-ack"
tap_is "the finding stays as it was" "$("$BIN/leastport" export jsonl --db "$DIR/nmap.db" | jq -r '"\(.port) \(.presence) \(.sight)"')" "8080 NEW FRESH"
sed -e 's/exit="error"/exit="success"/' -e "s/start=\"$((past + 3))\"/start=\"$((past + 4))\"/; s/time=\"$((past + 3))\"/time=\"$((past + 4))\"/g" later.xml >closed.xml
take nmap.db closed.xml
tap_is "one of a finished scan does close" "$(open_ports nmap.db)" ""

# What is refused, and where.
head -c 700 nmap.xml >cut.xml
refused "cut XML" cut.xml 'cut.xml:[0-9]+:[0-9]+: the file is cut off'
grep -v '# end' masscan.list >cut.list
refused "cut list" cut.list 'cut.list:3: the file is cut off'
grep -v '^]' masscan.json >cut.json
refused "cut JSON" cut.json 'cut.json:[0-9]+: the file is cut off'
printf '#masscan\nopen tcp 99999 10.0.0.5 1\n# end\n' >port.list
refused "no port" port.list 'port.list:2: 99999 is no port'
printf '<!DOCTYPE nmaprun [<!ENTITY a "aa">]>\n<nmaprun>&a;</nmaprun>\n' >entities.xml
refused "entities" entities.xml 'entities.xml:1:[0-9]+: the document type declares'
printf '<nmaprun>\n' >deep.xml
printf '<a>%.0s' {1..1000} >>deep.xml
refused "depth" deep.xml 'deep.xml:2:97: more than 32 elements'
{
    printf '<nmaprun>\n<host a="'
    head -c 4000000 /dev/zero | tr '\0' x
    printf '"/></nmaprun>'
} >huge.xml
refused "an attribute without end" huge.xml 'huge.xml:2:[0-9]+: one tag is longer'
sed "s/$THERE/192.0.2.7/" nmap.xml >foreign.xml
refused "out of scope" foreign.xml 'foreign.xml:[0-9]+: 192.0.2.7 is outside the scope.*--scope 192.0.2.7/32'
take foreign.db --scope 192.0.2.0/24 foreign.xml
tap_is "with the scope it is taken" "$status" 0
printf 'hello\n' >hello
refused "some other file" hello "neither nmap's XML"
refused "a name that is no UTF-8" nmap.xml 'no name of 1 to 128 bytes of UTF-8' --vantage $'x\xff'
refused "no file" missing 'missing: No such file'
refused "a wrong format" masscan.list 'masscan.list:1:1: is no XML' --format nmap
tap_done
