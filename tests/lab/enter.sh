# shellcheck shell=bash
# How a lab begins and ends. Outside, lab_enter makes the namespaces and waits; inside, lab_init is process 1: it builds the
# lab, runs the command and ends, and the kernel takes down all that is left. Whoever dies first, all die: the outer process
# by a signal kills unshare (a parent-death signal, so SIGKILL counts too), unshare kills process 1, and with it go the
# processes, mounts, networks and shared memory of the lab.

lab_check_enter() {
    need_command unshare util-linux nsenter util-linux setpriv util-linux flock util-linux ip iproute2 ss iproute2 \
        nft nftables jq jq chroot coreutils
    if [[ -n ${LAB_DIR:-} ]]; then
        die "this is inside a running lab already (LAB_DIR is set): a lab in a lab is not supported"
    fi
    if [[ $LAB_CACHE == *[,:\\]* ]]; then
        die "the path of the cache folder, $LAB_CACHE, has a comma, colon or backslash, which an overlay mount takes for syntax:" \
            "name another in LEASTPORT_LAB_CACHE"
    fi
    tree_build
    if [[ ! -d $LAB_CACHE/run ]]; then
        die "the cache folder $LAB_CACHE lacks its folder \"run\": make it with mkdir"
    fi
}

# Waits for the process that holds the lab; a signal ends the lab: TERM and HUP at once, INT after the command had 3 s to
# end by itself (a terminal sends INT to the command as well).
lab_wait() {
    local pid=$1 init rc tries=0
    while true; do
        wait "$pid"
        rc=$?
        if [[ -z $LAB_SIGNAL ]]; then
            return "$rc"
        fi
        break
    done
    init=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
    while [[ $LAB_SIGNAL == 2 ]] && kill -0 "$pid" 2>/dev/null && ((tries < 60)); do
        sleep 0.05
        tries=$((tries + 1))
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    tries=0
    while [[ -n $init ]] && kill -0 "${init%% *}" 2>/dev/null && ((tries < 200)); do
        sleep 0.05
        tries=$((tries + 1))
    done
    return $((128 + LAB_SIGNAL))
}

lab_enter() {
    local verb=$1 mode=root flags=(--net --mount --pid --ipc --fork --kill-child --mount-proc) command tree_fd begun_fd rc
    shift
    if [[ $(id -u) != 0 ]]; then
        mode=user
    fi
    while (($# > 0)); do
        case $1 in
        --userns) mode=user ;;
        --)
            shift
            break
            ;;
        -*) die "lab $verb does not know the option \"$1\"" ;;
        *) break ;;
        esac
        shift
    done
    command=("$@")
    if [[ $verb == shell ]]; then
        (($# == 0)) || die "usage: lab shell [--userns]"
        command=(bash --norc -i)
    elif (($# == 0)); then
        die "usage: lab run [--userns] [--] CMD [ARGUMENT...]"
    fi
    lab_check_enter
    if [[ $mode == user ]]; then
        flags+=(--user --map-root-user)
    fi
    exec {tree_fd}<"$(tree_path)" || die "cannot read the Debian tree $(tree_path)"
    flock -sn "$tree_fd" || die "the Debian tree $(tree_path) is being replaced: try again"
    LAB_SIGNAL=
    trap 'LAB_SIGNAL=2' INT
    trap 'LAB_SIGNAL=15' TERM
    trap 'LAB_SIGNAL=1' HUP
    # A pipe into which process 1 writes as it begins: without that, it is unshare that failed.
    exec {begun_fd}<> <(:)
    # An asynchronous command of a shell starts with INT and QUIT ignored; the lab's command must not.
    LAB_BEGUN_FD=$begun_fd env --default-signal=INT,QUIT setpriv --pdeathsig KILL unshare "${flags[@]}" -- \
        bash "$LAB_SCRIPT" __init "$verb" "$mode" "$(tree_path)" "${command[@]}" <&0 &
    lab_wait $!
    rc=$?
    if [[ -z $LAB_SIGNAL ]] && ! read -r -t 0 -u "$begun_fd"; then
        die "the namespaces of a lab cannot be made here, for the reason that unshare names above; inside a chroot," \
            "bind-mount its root on itself before entering it"
    fi
    exit "$rc"
}

# The root folder of all servers: the tree, read-only below, and a layer in memory above it.
lab_mount_root() {
    local tree=$1 root=$LAB_DIR/root options node
    mkdir "$LAB_DIR"/{root,upper,work,ns,log,pid}
    mkdir -p "$LAB_DIR"/upper/{lab,run/sshd}
    options=lowerdir=$tree,upperdir=$LAB_DIR/upper,workdir=$LAB_DIR/work
    if [[ $LAB_MODE != root ]]; then
        options+=,userxattr
    fi
    mount -t overlay -o "$options" overlay "$root" || return 1
    mount -t tmpfs -o mode=755 tmpfs "$root/run" || return 1
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" || return 1
    mount -t tmpfs -o mode=755 tmpfs "$root/dev" || return 1
    mkdir -m 755 "$root/run/sshd" "$root/dev/pts"
    mkdir -m 1777 "$root/dev/shm"
    for node in null zero full random urandom tty; do
        : >"$root/dev/$node"
        mount --bind "/dev/$node" "$root/dev/$node" || return 1
    done
    mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$root/dev/pts" || return 1
    ln -s pts/ptmx "$root/dev/ptmx"
    mount --rbind /proc "$root/proc"
}

# So that names work as targets, and servers know who connects: in the lab /etc/hosts has the lab's hosts.
lab_mount_hosts() {
    local host address
    {
        printf '127.0.0.1 localhost\n::1 localhost\n'
        printf '%s scanner.lab scanner\n' "$LAB_SCANNER4" "$LAB_SCANNER6"
        for host in $(plan_host_names); do
            for address in $(plan_addresses "$host"); do
                printf '%s %s.lab %s\n' "$address" "$host" "$host"
            done
        done
    } >"$LAB_DIR/hosts"
    mount --bind "$LAB_DIR/hosts" "$LAB_DIR/root/etc/hosts" || die "cannot mount the servers' /etc/hosts"
    if [[ ! -e /etc/hosts ]]; then
        say "this machine has no /etc/hosts: the lab's hosts have addresses only, no names"
        return 0
    fi
    mount --bind "$LAB_DIR/hosts" /etc/hosts
}

# Makes BOX with its servers listening; its link is still down.
box_create() {
    net_box "$1" || die "$1: cannot make its network"
    server_configure "$1"
    server_start_all "$1"
}

lab_start() {
    local host pids=() pid failed=0
    if ! net_switch || ! net_scanner; then
        die "cannot make the lab's network"
    fi
    for host in $(plan_host_names); do
        if [[ ${STATE_LINK[$host]} != absent ]]; then
            { box_create "$host" && net_link "$host" "${STATE_LINK[$host]}"; } &
            pids+=($!)
        fi
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || failed=1
    done
    if ((failed)); then
        die "the lab did not start"
    fi
}

# Process 1 of the lab. LAB_MODE: root; user (a user namespace in which servers can have further ones); single (one in which
# they cannot, so that uid 0 is all there is).
lab_init() {
    local verb=$1 tree=$3 host server checkout
    LAB_MODE=$2
    shift 3
    printf 'begun\n' >&"$LAB_BEGUN_FD"
    exec {LAB_BEGUN_FD}>&-
    unset LAB_BEGUN_FD
    if [[ $LAB_MODE == user ]] && ! unshare --user --map-user=1 --map-group=1 --keep-caps true 2>/dev/null; then
        LAB_MODE=single
    fi
    export LAB_DIR=$LAB_CACHE/run LAB_TRUTH=$LAB_CACHE/run/truth.json LAB=$LAB_SCRIPT LAB_MODE
    mount -t tmpfs -o mode=755,size=1g tmpfs "$LAB_DIR" || die "cannot mount a tmpfs on $LAB_DIR"
    lab_mount_root "$tree" || die "cannot mount the servers' root folder (overlay of $tree)"
    lab_mount_hosts || die "cannot mount the lab's /etc/hosts"
    state_from_plan "$LAB_MODE"
    state_skipped | while read -r host server; do
        say "skipped: $server at $host: ${STATE_SKIPPED[$server]}"
    done
    lab_start
    state_save
    truth_write
    trap : INT TERM HUP
    # What this checkout has built is found last, so that who tests another build names it in PATH.
    checkout=$(readlink -f "$LAB_FOLDER/../..")
    PATH=$PATH:$checkout/build/release/bin:$checkout/build/dev/bin
    if [[ $verb == shell ]]; then
        PATH=$LAB_FOLDER:$PATH
        export PS1='lab:\w\$ '
        verb_list >&2
        say "\"lab --help\" says what can be changed; exit ends the lab"
    fi
    "$@"
    exit
}
