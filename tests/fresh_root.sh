#!/usr/bin/env bash
# Both commands of README in a fresh Debian 12 root that holds nothing but a base system. Needs root, debootstrap and
# some minutes; ./run-tests --long runs it. What the commands print is kept in build/fresh-root/.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
. tests/tap.sh

if ((EUID != 0)); then
    tap_skip "a fresh Debian root" "only root may make one"
    tap_done
    exit
fi

base=$(mktemp -d /var/tmp/leastport-fresh.XXXXXX)
tree=$base/root
logs=$PWD/build/fresh-root
mkdir -p "$logs"

clean_up() {
    umount "$tree/proc" "$tree" 2>/dev/null || true
    # A mount that something left inside would be emptied with the tree.
    if grep -q " $base/" /proc/mounts; then
        printf 'something is still mounted under %s: it is left in place\n' "$base" >&2
    else
        rm -rf --one-file-system -- "$base"
    fi
}
trap clean_up EXIT

# The sources of this machine's own apt, one a line: "deb URI RELEASE COMPONENT", the release itself first.
sources() {
    # shellcheck disable=SC2016 # apt's placeholders, not the shell's
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 ~ /^bookworm/ { print length($2), "deb", $3, $4, $5 }' | sort -n -u | cut -d' ' -f2-
}

# Packages come from where this machine's come from, by the same way (proxy, certificates).
make_tree() {
    local list
    list=$(sources)
    debootstrap --variant=minbase bookworm "$tree" "$(head -n 1 <<<"$list" | cut -d' ' -f2)" || return 1
    printf '%s\n' "$list" >"$tree/etc/apt/sources.list"
    apt-config dump Acquire >"$tree/etc/apt/apt.conf.d/99host"
    cp -L /etc/resolv.conf /etc/hosts "$tree/etc/" || return 1
    copy_npm_settings
    # Namespaces of mounts can be made only where the root is a mount.
    mount --bind "$tree" "$tree" && mount --make-private "$tree" || return 1
    mount -t proc proc "$tree/proc" || return 1
    mkdir "$tree/checkout"
    tar -c --exclude=./build --exclude=./.git --exclude=node_modules . | tar -x -C "$tree/checkout"
}

# npm's settings and this machine's own certificates; the package ca-certificates takes these up when it comes.
copy_npm_settings() {
    local file
    for file in /etc/npmrc "$HOME/.npmrc" /usr/local/share/ca-certificates/*.crt; do
        if [[ -f $file ]]; then
            mkdir -p "$tree$(dirname -- "$file")"
            cp -L "$file" "$tree$file"
        fi
    done
}

# inside NAME COMMAND: runs it in the tree's checkout as root, without what this machine's environment says.
inside() {
    local name=$1
    shift
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb \
        chroot "$tree" /bin/bash -c "cd /checkout && $*" >"$logs/$name.out" 2>"$logs/$name.err" </dev/null
}

ends_well() {
    local name=$1 began=$SECONDS
    if inside "$@"; then
        tap_pass "$2 ends well ($((SECONDS - began)) s)"
    else
        tap_fail "$2 ends well" "status $?"$'\n'"$(tail -n 60 "$logs/$name.out" "$logs/$name.err")"
    fi
}

tap_ok "a fresh root is made" make_tree
ends_well quickstart './quickstart --once 127.0.0.1'
tap_like "the report names the score" "$(cat "$logs/quickstart.out")" '[Ss]core'
began=$SECONDS
ends_well again './quickstart --once 127.0.0.1'
tap_ok "a second call takes seconds" test $((SECONDS - began)) -le 30
ends_well tests './run-tests'
tap_like "the last line holds the counts" "$(tail -n 1 "$logs/tests.out")" '^[0-9]+ passed, 0 failed, [0-9]+ skipped$'
tap_diag "$(tail -n 1 "$logs/tests.out")"
tap_done
