#!/usr/bin/env bash
# `leastport policy suggest --groups`: what scans saw and the policy allows, as security groups; what nobody could see
# stays; commands and Terraform are safe whatever names hold. Prints TAP.
set -uo pipefail
cd -- "$(dirname -- "$0")/../.." || exit 1
. tests/tap.sh
bin=$(readlink -f -- "${LEASTPORT_BIN:-build/asan/bin}")
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
cp -r tests/integration/reach "$work/cloud"

# As it was: sg-web is shared by eni-web and eni-trap. Its name is hostile here, and its rules have ids but for 9000's.
hostile=$'web\n$(touch '"$work"$'/struck) `x` ${y} "\'; # \e[31m'
jq --arg name "$hostile" '.SecurityGroups |= map(if .GroupId == "sg-web" then .GroupName = $name else . end)' \
    tests/integration/reach/security-groups.json >"$work/cloud/security-groups.json"

# port PORT STATE REASON
port() {
    printf '<port protocol="tcp" portid="%s"><state state="%s" reason="%s" reason_ttl="0"/></port>' "$@"
}
now=$(date +%s)
{
    printf '<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap" start="%d" version="7.93" xmloutputversion="1.05">' "$((now - 60))"
    printf '<scaninfo type="syn" protocol="tcp" numservices="4" services="22,80,443,9000"/>'
    for host in 10.0.1.5 10.0.4.5; do
        printf '<host starttime="%d" endtime="%d"><status state="up" reason="echo-reply" reason_ttl="0"/>' "$((now - 50))" "$((now - 40))"
        printf '<address addr="%s" addrtype="ipv4"/><ports>' "$host"
        port 443 open syn-ack
        port 22 "$([ $host = 10.0.1.5 ] && echo open || echo closed)" "$([ $host = 10.0.1.5 ] && echo syn-ack || echo reset)"
        port 9000 closed reset
        port 80 closed reset
        printf '</ports></host>'
    done
    printf '<runstats><finished time="%d" elapsed="1" exit="success"/><hosts up="2" down="0" total="2"/></runstats></nmaprun>' "$((now - 30))"
} >"$work/seen.xml"
"$bin/leastport" import --db "$work/db" --realm vpc-1 --vantage agents:self "$work/seen.xml" >"$work/out" 2>&1
tap_is "what was seen is there" "$?" 0

cat >"$work/policy.yaml" <<'EOF'
version: 1
allow:
  - {id: https, to: any, ports: 443, from: world, why: the shop}
  - {id: ssh, to: any, ports: 22, from: 203.0.113.128/25, why: the office}
EOF

# suggest ARGUMENT...
suggest() {
    status=0
    "$bin/leastport" policy suggest --groups --db "$work/db" --aws "$work/cloud" --policy "$work/policy.yaml" "$@" \
        >"$work/out" 2>"$work/err" || status=$?
}

# rules MEMBER: of sg-web, a line each.
rules() {
    jq -r --arg member "$1" 'select(.id == "sg-web") | .[$member][]
        | "\(.IpProtocol) \(.FromPort) \(.ToPort) \((.IpRanges // .Ipv6Ranges // .PrefixListIds // .UserIdGroupPairs)[0][])"' \
        "$work/out" | LC_ALL=C sort
}

suggest --format json
tap_is "a proposal" "$status" 0
tap_is "a group that changes; the others' interfaces nobody looked at" \
    "$(jq -r '"\(.id) \(.advice)"' "$work/out")" \
    'sg-web change
sg-alb unknown
sg-app unknown
sg-db unknown
sg-cache unknown'
tap_is "what stays of it, and what is cut down" "$(rules rules)" \
    'icmp 3 4 0.0.0.0/0
tcp 22 22 203.0.113.128/25
tcp 443 443 0.0.0.0/0
tcp 443 443 ::/0'
tap_is "what is added" "$(rules add)" 'tcp 22 22 203.0.113.128/25'
tap_is "what goes" "$(rules remove)" 'tcp 22 22 203.0.113.0/24
tcp 9000 9000 pl-partners'
tap_is "who shares it" "$(jq -c 'select(.id == "sg-web") | [.held_by, .needed_by]' "$work/out")" '[["eni-web","eni-trap"],2]'
tap_is "its name is text" "$(jq -r 'select(.id == "sg-web") | .name' "$work/out")" "$hostile"
tap_like "it is summed up" "$(cat "$work/err")" 'ports open there: 3, of which nothing allows 0; groups that could admit less: 1 of 5'

# The commands, run against something that writes down what it was called with.
mkdir "$work/path"
cat >"$work/path/aws" <<'EOF'
#!/bin/sh
printf '<%s>' "$@"
echo
EOF
chmod +x "$work/path/aws"
suggest
tap_is "commands" "$status" 0
tap_is "the commands are what they seem" "$(PATH="$work/path:$PATH" sh "$work/out")" \
    '<ec2><authorize-security-group-ingress><--group-id><sg-web><--ip-permissions><[{"IpProtocol":"tcp","IpRanges":[{"CidrIp":"203.0.113.128/25"}],"FromPort":22,"ToPort":22}]>
<ec2><revoke-security-group-ingress><--group-id><sg-web><--ip-permissions><[{"IpProtocol":"tcp","IpRanges":[{"CidrIp":"203.0.113.0/24"}],"FromPort":22,"ToPort":22},{"IpProtocol":"tcp","PrefixListIds":[{"PrefixListId":"pl-partners"}],"FromPort":9000,"ToPort":9000}]>'
tap_ok "a hostile name runs nothing" test ! -e "$work/struck"
tap_like "sharing is said" "$(cat "$work/out")" 'held by 2 interfaces: eni-web, eni-trap.# shared: it keeps the union of what they need; 2 of 2'
tap_like "what nobody looked at is said" "$(cat "$work/out")" '# sg-db \(db\): no look counts at an interface that holds it'

suggest --format terraform
tap_is "Terraform" "$status" 0
tap_is "a resource for each rule" "$(grep -c '^resource "aws_vpc_security_group_ingress_rule" "leastport_sg_web_[0-9]*" {$' "$work/out")" 4
tap_like "a rule with an id is taken over" "$(cat "$work/out")" 'to = aws_vpc_security_group_ingress_rule\.leastport_sg_web_1.  id = "sgr-web443"'
tap_like "what goes is said" "$(cat "$work/out")" '# goes: tcp 9000 from pl-partners'
tap_is "lines of names are comments" "$(grep -vcE '^(#|resource|import|  [a-z_0-9]+ = |\})' "$work/out")" 0

# What the policy does not allow is not needed; what was not looked at stays.
printf 'version: 1\n' >"$work/policy.yaml"
suggest --format json
tap_is "nothing is allowed, nothing but ICMP stays of what was looked at" "$(rules rules)" 'icmp 3 4 0.0.0.0/0'
jq '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions += [{"IpProtocol":"tcp","FromPort":1000,"ToPort":1001,"IpRanges":[{"CidrIp":"10.0.0.0/8"}]}] else . end)' \
    "$work/cloud/security-groups.json" >"$work/more.json"
mv "$work/more.json" "$work/cloud/security-groups.json"
suggest --format json
tap_is "ports at which nobody looked stay" "$(rules rules)" 'icmp 3 4 0.0.0.0/0
tcp 1000 1001 10.0.0.0/8'

# A policy that names groups of the cloud: sg-db's reference stays although nobody looked from there; its range goes.
cat >"$work/policy.yaml" <<'EOF'
version: 1
groups:
  db: {security_group: db}
allow:
  - {id: db, to: db, ports: 5432, from: sg-app, why: orders}
  - {id: https, to: {security_group: sg-web}, ports: 443, from: [sg-alb, own-vpc], why: the shop}
tests:
  - {to: db, port: 5432, from: sg-app, expect: allowed}
  - {to: db, port: 5432, from: sg-web, expect: finding}
  - {to: {security_group: sg-web}, port: 443, from: world, expect: finding}
  - {to: {security_group: sg-web}, port: 443, from: own-vpc, expect: allowed}
EOF
"$bin/leastport" import aws "$work/cloud" --db "$work/db" >"$work/out" 2>&1
tap_is "the cloud is imported" "$?" 0
"$bin/leastport" policy test "$work/policy.yaml" >"$work/out" 2>&1
tap_is "rules by security groups are played" "$?" 0
"$bin/leastport" policy check "$work/policy.yaml" --db "$work/db" >"$work/out" 2>&1
tap_is "a policy with security groups is right" "$?" 0
"$bin/leastport" policy explain --policy "$work/policy.yaml" --db "$work/db" --realm vpc-1 10.0.1.5:443 >"$work/out" 2>&1
tap_like "which hosts a rule means is known from the cloud" "$(cat "$work/out")" 'rule https'
suggest --format json
tap_is "what is allowed from within alone is cut down to that" "$(rules rules)" 'icmp 3 4 0.0.0.0/0
tcp 1000 1001 10.0.0.0/8
tcp 443 443 10.0.0.0/16
tcp 443 443 2600:1:2:300::/56'

# What the cloud declares decides: now, and when it changes.
cat >"$work/policy.yaml" <<'EOF'
version: 1
allow:
  - {id: https, to: any, ports: 443, from: any, declared: reachable, why: the shop}
forbid:
  - {id: half, to: any, ports: 22, declared: conditional, severity: critical, why: the office alone is not worth it}
EOF
# explained PORT: of web, by that policy.
explained() {
    "$bin/leastport" policy explain --policy "$work/policy.yaml" --db "$work/db" --realm vpc-1 "10.0.1.5:$1" 2>&1
}
# judged: what is a finding of web.
judged() {
    "$bin/leastport" export jsonl --db "$work/db" | jq -r 'select(.host == "10.0.1.5") | "\(.port) \(.rule_id)"' | LC_ALL=C sort
}
tap_like "allowed where it is declared reachable" "$(explained 443)" 'decided by user/https: allowed'
tap_like "forbidden where it is declared so" "$(explained 22)" 'decided by user/half'
"$bin/leastport" import aws "$work/cloud" --db "$work/db" --policy "$work/policy.yaml" >"$work/out" 2>&1
tap_is "findings by what is declared, and a rule without a listener" "$(judged)" '22 cloud/declared-exposure
22 user/half
9000 cloud/empty-room'
jq '.SecurityGroups |= map(if .GroupId == "sg-web" then .IpPermissions |= map(select(.FromPort != 443)) else . end)' \
    "$work/cloud/security-groups.json" >"$work/more.json"
mv "$work/more.json" "$work/cloud/security-groups.json"
"$bin/leastport" import aws "$work/cloud" --db "$work/db" --policy "$work/policy.yaml" >"$work/out" 2>&1
tap_is "a change of the cloud is judged" "$(judged)" '22 cloud/declared-exposure
22 user/half
443 default
9000 cloud/empty-room'
tap_like "what decided is said" "$(explained 443)" 'declared is blocked, and must be reachable'

"$bin/leastport" policy suggest --groups --db "$work/db" >"$work/out" 2>"$work/err"
tap_is "of the stored cloud" "$?$(grep -c '^# sg-' "$work/out")" 05
tap_like "without a policy it is said what that means" "$(cat "$work/err")" 'without --policy FILE nothing is allowed'
suggest --format yaml
tap_is "a format that is none" "$status" 2
"$bin/leastport" policy suggest --aws "$work/cloud" >"$work/out" 2>&1
tap_is "--aws without --groups" "$?" 2
tap_done
