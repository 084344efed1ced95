#!/usr/bin/env bash
# `leastport aws`: keys from every place, the policy, and an endpoint with faults: what was not read is said, and stays UNKNOWN.
# Prints TAP.
set -uo pipefail
cd -- "$(dirname -- "$0")/../.." || exit 1
. tests/tap.sh
bin=$(readlink -f -- "${LEASTPORT_BIN:-build/asan/bin}")
server=$PWD/tests/integration/aws/server.mjs
work=$(mktemp -d)
pids=()
finish() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
    rm -rf -- "$work"
}
trap finish EXIT
cd -- "$work" || exit 1

# serve LOG: starts an endpoint, and leaves its address in $base.
serve() {
    node "$server" "$1" >"$1.port" &
    pids+=($!)
    for ((i = 0; i < 600; i++)); do
        [[ -s $1.port ]] && break
        sleep 0.05
    done
    base=http://127.0.0.1:$(cat "$1.port")
}

# read_cloud MODE [VARIABLE=VALUE]... -- [ARGUMENT]...: reads into the folder MODE; the status is left in $status.
read_cloud() {
    local mode=$1
    local -a variables=()
    shift
    while [[ $1 != -- ]]; do
        variables+=("$1")
        shift
    done
    shift
    status=0
    rm -rf -- "$mode"
    env -i PATH="$PATH" HOME="$work/home" AWS_ENDPOINT_URL="$base/$mode" AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=3 \
        "${variables[@]}" "$bin/leastport" aws read --output "$mode" "$@" >"$mode.out" 2>"$mode.err" || status=$?
}
own=(AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=secret/of+the/environment)

# gaps MODE: what is not there, a line each.
gaps() {
    jq -r '.LeastportGaps[] | "\(.Action) \(.List): \(.Reason)"' "$1"/gaps.*.json
}

# who MODE: who asked EC2.
who() {
    jq -r --arg mode "$1" 'select(.mode == $mode and .service == "ec2") | .who' log | sort -u
}

mkdir home
serve "$work/log"

# ---- keys ----
read_cloud fine "${own[@]}" -- --region eu-west-1
tap_is "keys of the environment, every signature right: nothing is missing" "$status $(gaps fine)$(who fine)" "0 AKIATEST"
read_cloud nobody -- --region eu-west-1
tap_like "without keys it is said what to do" "$status $(cat nobody.err)" '^2 .*no AWS keys: set AWS_ACCESS_KEY_ID'
read_cloud wrong AWS_ACCESS_KEY_ID=AKIATEST AWS_SECRET_ACCESS_KEY=another-secret -- --region eu-west-1
tap_like "with a wrong secret nothing is read" "$status $(cat wrong.err)" '^2 .*GetCallerIdentity: SignatureDoesNotMatch'
cat >config <<END
[profile chain]
role_arn = arn:aws:iam::123456789012:role/outer
external_id = who+we are
source_profile = middle
region = eu-west-1
services = local
[profile middle]
role_arn = arn:aws:iam::123456789012:role/middle
source_profile = base
[profile circle]
role_arn = arn:aws:iam::123456789012:role/circle
source_profile = round
[profile round]
role_arn = arn:aws:iam::123456789012:role/round
source_profile = circle
[profile web]
role_arn = arn:aws:iam::123456789012:role/web
web_identity_token_file = $work/web-token
[profile machine]
role_arn = arn:aws:iam::123456789012:role/boxed
credential_source = Ec2InstanceMetadata
[profile program]
credential_process = /bin/false
[services local]
ec2 =
  endpoint_url = $base/of-the-profile
END
printf '[base]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret/of+the/environment\n' >credentials
printf 'the web token\n' >web-token
files=(AWS_CONFIG_FILE="$work/config" AWS_SHARED_CREDENTIALS_FILE="$work/credentials")
read_cloud chain "${files[@]}" -- --profile chain --region eu-west-1
tap_is "a chain of roles, the last with an external id" "$status $(gaps chain)$(who chain)" "0 ASIAOUTER1"
read_cloud unknown "${files[@]}" -- --profile missing --region eu-west-1
tap_like "a profile that is not there" "$status $(cat unknown.err)" '^2 .*no profile missing'
read_cloud circles "${files[@]}" -- --profile circle --region eu-west-1
tap_like "profiles that go round end" "$status $(cat circles.err)" '^2 .*a circle'
read_cloud program "${files[@]}" -- --profile program --region eu-west-1
tap_like "keys from a program are refused with a way out" "$status $(cat program.err)" '^2 .*export-credentials --profile program'
read_cloud web "${files[@]}" -- --profile web --region eu-west-1
tap_is "a web identity, by profile" "$status $(gaps web)$(who web)" "0 ASIAWEB1"
read_cloud webenv AWS_ROLE_ARN=arn:aws:iam::123456789012:role/pod AWS_WEB_IDENTITY_TOKEN_FILE="$work/web-token" -- --region eu-west-1
tap_is "a web identity, by environment" "$status $(gaps webenv)$(who webenv)" "0 ASIAPOD1"
box=(AWS_CONTAINER_CREDENTIALS_FULL_URI="$base/container" "AWS_CONTAINER_AUTHORIZATION_TOKEN=the container's token")
read_cloud box "${box[@]}" -- --region eu-west-1 --role arn:aws:iam::123456789012:role/outer --external-id 'who+we are'
tap_is "a container's role, and another account's taken on with it" "$status $(gaps box)$(who box)" "0 ASIAOUTER2"
read_cloud refused "${own[@]}" -- --region eu-west-1 --role arn:aws:iam::123456789012:role/outer
tap_like "a role without its external id" "$status $(cat refused.err)" '^2 .*role/outer: AccessDenied'
read_cloud elsewhere AWS_CONTAINER_CREDENTIALS_FULL_URI=http://192.0.2.1/keys -- --region eu-west-1
tap_like "a container's service is never somebody else's" "$status $(cat elsewhere.err)" '^2 .*must begin with https'
read_cloud machine AWS_EC2_METADATA_DISABLED=false AWS_EC2_METADATA_SERVICE_ENDPOINT="$base/imds" -- --region eu-west-1
tap_is "an instance's role, by IMDSv2" "$status $(gaps machine)$(who machine)" "0 ASIAMACHINE1"
env -i PATH="$PATH" HOME="$work/home" "${files[@]}" AWS_ENDPOINT_URL_STS="$base/services" \
    AWS_ENDPOINT_URL_RDS="$base/services" AWS_ENDPOINT_URL_ELASTICACHE="$base/services" AWS_ENDPOINT_URL_SSM="$base/services" \
    AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2="$base/services" AWS_PROFILE=chain AWS_MAX_ATTEMPTS=1 \
    "$bin/leastport" aws read --output services --region eu-west-1 >services.out 2>services.err
tap_is "an endpoint of one service by the profile, of others by the environment" "$(gaps services)$(who of-the-profile)" "ASIAOUTER3"

# ---- the policy ----
"$bin/leastport" aws policy >policy.json
actions=$(jq -r '.Statement[].Action[]' policy.json | sort)
tap_is "the policy only reads" "$(grep -v -E ':(Describe|Get)[A-Za-z]+$' <<<"$actions")" ""
first=$base
ALLOWED=$(tr '\n' ' ' <<<"$actions") serve "$work/policed"
read_cloud allowed "${own[@]}" --
tap_is "with the policy and nothing else all is read" "$status $(gaps allowed)" "0 ec2:DescribeRegions null: the region is off for this account"
tap_is "every action of the policy is needed" "$(jq -r 'select(.service != "sts") | "\(.service):\(.action)"' policed | sort -u)" "$actions"
ALLOWED="" serve "$work/forbidden"
read_cloud allowed "${own[@]}" -- --region eu-west-1
tap_is "without it nothing is read, and each list is missing" "$status $(gaps allowed | grep -c 'leastport aws policy')" "0 24"
"$bin/leastport" reach --aws allowed --all >reach.out 2>reach.err
tap_like "what was denied is said where verdicts are asked for" "$(cat reach.err)" 'account 123456789012, region eu-west-1: ec2:DescribeVpcs was not read .denied'
base=$first

# ---- faults ----
read_cloud throttle "${own[@]}" -- --region eu-west-1
tap_is "throttled twice each: all is read in the end" "$status $(gaps throttle)" "0 "
# fault MODE NAME WANTED [ARGUMENT...]: the gaps match WANTED, and are said.
fault() {
    local mode=$1 name=$2 wanted=$3
    shift 3
    read_cloud "$mode" "${own[@]}" -- --region eu-west-1 "$@"
    tap_like "$name" "$status $(gaps "$mode") $(cat "$mode.err")" "^0 $wanted.*not all was read"
}
fault broken "status 500, always" 'ec2:DescribeSubnets Subnets: .*status 500'
fault half "a connection that breaks off" 'ec2:DescribeSubnets Subnets: no whole answer came'
fault cut "half an answer" 'ec2:DescribeSubnets Subnets: the answer is not what the service prints'
fault endless "pages without end" 'ec2:DescribeVpcs Vpcs: .*too many pages'
tap_is "what was read of them counts" "$(jq '.Vpcs | length' endless/vpcs.*.json)" 1000
fault circle "a page that names itself" 'ec2:DescribeVpcs Vpcs: .*names itself'
fault denied "one call denied" 'ec2:DescribeNetworkAcls NetworkAcls: denied'
fault off "a region that is off" 'ec2:DescribeAddresses Addresses: the region is off|ec2:.*the region is off'
fault dead "keys that expired, and no others" 'ec2:DescribeSubnets Subnets: the keys expired'
read_cloud expired "${box[@]}" -- --region eu-west-1
tap_is "keys that expire on the way: new ones are had, and all is read" "$status $(gaps expired)" "0 "
tap_is "the newer keys were used" "$(jq -r 'select(.mode == "expired" and .action == "DescribeSubnets") | .who' log | tail -n 1)" ASIACONTAINER3
"$bin/leastport" reach --aws denied --all >reach.out 2>reach.err
tap_like "a gap is UNKNOWN, not blocked" "$(cat reach.err)" 'describe-network-acls. is missing or cut short: what it hides is UNKNOWN'

if [[ ${LEASTPORT_TEST_LONG:-0} == 1 ]]; then
    fault page "another server's page" 'ec2:DescribeSubnets Subnets: .*this is another answer: html'
    fault entities "a document type" 'ec2:DescribeSubnets Subnets: .*document type'
    fault silent "no answer" 'ec2:DescribeSubnets Subnets: (no whole answer came|the time for reading was up)' --timeout 2
fi

# ---- secrets ----
rm -f credentials web-token log* policed* forbidden*
tap_is "no secret is in anything that was written" "$(grep -r -l -E 'secret[-/]of|token-of|imds-token|the web token|another-secret|container.s token' . | grep -v '^./server')" ""

# ---- an emulator ----
# compare_moto REGION: what was read of it against what boto3 has of it, and the verdicts of both.
compare_moto() {
    rm -rf cli
    mkdir cli
    env "${moto[@]}" python3 "$cloud" print "$endpoint" cli "$1" 2>cli.err
    read_moto --region "$1"
    tap_like "$1: every record of the emulator's is there, member by member" "$(python3 "${cloud%/*}/compare.py" live cli)" \
        '^[1-9][0-9]+ records are the same$'
    "$bin/leastport" reach --aws live --all --json 2>/dev/null | sort >live.out
    "$bin/leastport" reach --aws cli --all --json 2>/dev/null | sort >cli.out
    tap_is "$1: the same verdicts" "$(cat live.out)" "$(cat cli.out)"
}
read_moto() {
    rm -rf live
    env -i PATH="$PATH" HOME="$work/home" "${moto[@]}" AWS_ENDPOINT_URL="$endpoint" AWS_MAX_ATTEMPTS=2 \
        "$bin/leastport" aws read --output live "$@" >live.said 2>&1
}
if [[ ${LEASTPORT_TEST_LONG:-0} != 1 ]]; then
    :
elif ! command -v moto_server >/dev/null || ! python3 -c 'import boto3' 2>/dev/null; then
    tap_skip "an emulator" "moto_server or boto3 is missing"
else
    cloud=${server%/*}/cloud.py
    moto=(AWS_ACCESS_KEY_ID=AKIAMOTO AWS_SECRET_ACCESS_KEY=moto AWS_EC2_METADATA_DISABLED=true AWS_MAX_ATTEMPTS=1)
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    endpoint=http://127.0.0.1:$port
    moto_server -H 127.0.0.1 -p "$port" >moto.log 2>&1 &
    pids+=($!)
    for ((i = 0; i < 600; i++)); do
        curl -s -o moto.page "$endpoint/" && break
        sleep 0.1
    done
    tap_ok "the emulator is filled" env "${moto[@]}" python3 "$cloud" fill "$endpoint" .
    compare_moto eu-west-1
    compare_moto us-east-1
    tap_ok "the emulator is changed" env "${moto[@]}" python3 "$cloud" change "$endpoint" .
    compare_moto eu-west-1
    tap_is "the change was read" "$(jq -s '[.[].SecurityGroups[]?.IpPermissions[]? | select(.FromPort == 8443)] | length' live/security-groups.*.json)" 1
fi

read_cloud fine "${own[@]}" -- --region eu-west-1 --timeout x
tap_is "misuse" "$status" 2
tap_done
