# shellcheck shell=bash
# The ground truth, from the plan and the state: what was configured, never what a scan saw.

# Prints one JSON object for each port of HOST that is not plain closed.
truth_ports() {
    local host=$1 box server address port service key state reason connect
    box=$(state_box "$host")
    while read -r server address port _ service; do
        if [[ -n $server && -z ${STATE_ACTION[$host:$port]:-}${STATE_STOPPED[$host:$server]:-}${STATE_SKIPPED[$server]:-} ]]
        then
            printf '{"address":"%s","proto":"tcp","port":%s,"state":"open","reason":"syn-ack","service":"%s","server":"%s"}\n' \
                "$address" "$port" "$service" "$server"
        fi
    done < <(plan_sockets "$box")
    for key in "${!STATE_ACTION[@]}"; do
        if [[ ${key%%:*} != "$host" ]]; then
            continue
        fi
        IFS='|' read -r _ state reason connect < <(plan_row "${STATE_ACTION[$key]}" "${LAB_ACTIONS[@]}")
        for address in $(plan_addresses "$host"); do
            printf '{"address":"%s","proto":"tcp","port":%s,"state":"%s","reason":"%s"%s}\n' "$address" "${key##*:}" \
                "$state" "$reason" "${connect:+,\"connect_state\":\"$connect\"}"
        done
    done
}

truth_host() {
    local host=$1 box mac='' key='' state=down
    box=$(state_box "$host")
    if [[ ${STATE_LINK[$host]} != absent ]]; then
        mac=$(net_mac "$box")
        if [[ -n ${LAB_DIR:-} && -f $LAB_DIR/root$(server_folder "$box")/ssh_host_key.pub ]]; then
            key=$(in_tree ssh-keygen -lf "$(server_folder "$box")/ssh_host_key.pub" | cut -d' ' -f2)
        fi
    fi
    if [[ ${STATE_LINK[$host]} == up ]]; then
        state=up
    fi
    {
        if [[ $state == up ]]; then
            truth_ports "$host"
        fi
    } | jq -cs --arg name "$host" --arg state "$state" --arg mac "$mac" --arg key "$key" \
        --argjson tenant "${STATE_TENANT[$host]}" --arg addresses "$(plan_addresses "$host")" '
        sort_by(.address, .port) as $ports |
        {name: $name, addresses: ($addresses | split("\n")), state: $state, tenant: $tenant} +
        (if $mac != "" then {mac: $mac} else {} end) +
        (if $key != "" then {ssh_host_key: $key} else {} end) + {ports: $ports}'
}

truth_skipped() {
    local host server
    state_skipped | while read -r host server; do
        jq -cn --arg host "$host" --arg server "$server" --arg reason "${STATE_SKIPPED[$server]}" '$ARGS.named'
    done
}

truth_print() {
    local host
    for host in $(plan_host_names); do
        truth_host "$host"
    done | jq -s --arg ipv4 "$LAB_SCANNER4" --arg ipv6 "$LAB_SCANNER6" --slurpfile skipped <(truth_skipped) \
        '{schema: "leastport.lab-truth/1", scanner: {$ipv4, $ipv6}, hosts: ., skipped: ($skipped | sort_by(.host, .server))}'
}

truth_write() {
    truth_print >"$LAB_DIR/truth.json.new"
    mv "$LAB_DIR/truth.json.new" "$LAB_DIR/truth.json"
}

truth_table() {
    jq -r '(["HOST", "STATE", "ADDRESS", "PORTS"], (.hosts[] | . as $host | .addresses[] | . as $address |
        [$host.name, $host.state, $address,
         ([$host.ports[] | select(.address == $address) |
           "\(.port)/\(if .state == "open" then .service else .reason end)"] | join(" "))])) | @tsv' |
        awk -F '\t' '{ printf "%-9s%-7s%-12s%s\n", $1, $2, $3, $4 }'
}
