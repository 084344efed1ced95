# shellcheck shell=bash
# What has been changed in a running lab since its plan: links, tenants, port actions, stopped servers. One file in LAB_DIR,
# written whole and renamed, changed only under state_lock.

declare -gA STATE_LINK=()    # host → up, down, absent
declare -gA STATE_TENANT=()  # host → 1 for the first, 2 for the next …
declare -gA STATE_ACTION=()  # host:port → drop, reject, reject-port, reset
declare -gA STATE_STOPPED=() # host:server → 1
declare -gA STATE_SKIPPED=() # server → why it does not run in this lab

state_from_plan() {
    local mode=$1 row host link port action server why
    for row in "${LAB_HOSTS[@]}"; do
        IFS='|' read -r host _ _ link <<<"$row"
        STATE_LINK[$host]=$link
        STATE_TENANT[$host]=1
    done
    for row in "${LAB_FILTERS[@]}"; do
        IFS='|' read -r host port action <<<"$row"
        STATE_ACTION[$host:$port]=$action
    done
    if [[ $mode != single ]]; then
        return 0
    fi
    for row in "${LAB_NEVER_ROOT[@]}"; do
        IFS='|' read -r server why <<<"$row"
        STATE_SKIPPED[$server]=$why
    done
}

# Prints `host server` of each server that is skipped at the present tenants.
state_skipped() {
    local host server
    for host in $(plan_host_names); do
        for server in $(plan_servers "$(state_box "$host")"); do
            if [[ -n ${STATE_SKIPPED[$server]:-} ]]; then
                printf '%s %s\n' "$host" "$server"
            fi
        done
    done
}

state_lock() {
    exec {LAB_STATE_LOCK_FD}>"$LAB_DIR/state.lock"
    flock -w 60 "$LAB_STATE_LOCK_FD" || die "another lab command has held the lab's state for 60 s"
}

state_load() {
    # shellcheck source=/dev/null # written by state_save
    source "$LAB_DIR/state"
}

state_save() {
    declare -p STATE_LINK STATE_TENANT STATE_ACTION STATE_STOPPED STATE_SKIPPED |
        sed 's/^declare -A/declare -gA/' >"$LAB_DIR/state.new"
    mv "$LAB_DIR/state.new" "$LAB_DIR/state"
}

# Prints the name of the box that holds HOST's addresses now.
state_box() {
    if [[ ${STATE_TENANT[$1]} == 1 ]]; then
        printf '%s' "$1"
    else
        printf '%s.%s' "$1" "${STATE_TENANT[$1]}"
    fi
}
