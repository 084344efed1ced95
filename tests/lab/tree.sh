# shellcheck shell=bash
# The cached Debian tree that the servers run from: made once, never written by a lab. It knows packages, not hosts.

tree_hash() {
    printf '%s\n' "$LAB_DEBIAN_SUITE" "${LAB_PACKAGES[@]}" "${LAB_UNPACKED[@]}" \
        "$(declare -f tree_install tree_install_mariadb tree_unpack)" \
        "$(cat "$LAB_FOLDER/kafka.pl")" | sha256sum | cut -c1-16
}

tree_path() {
    printf '%s/tree-%s' "$LAB_CACHE" "$(tree_hash)"
}

tree_is_ready() {
    [[ -f $(tree_path)/.leastport-lab-stamp ]]
}

# Prints `URI release component` of each Debian package index that apt is configured with on this machine.
tree_sources() {
    if [[ -n ${LEASTPORT_LAB_MIRROR:-} ]]; then
        printf '%s %s main\n' "$LEASTPORT_LAB_MIRROR" "$LAB_DEBIAN_SUITE"
        return 0
    fi
    # The release's own index first: debootstrap takes its mirror from the first line.
    # shellcheck disable=SC2016 # apt's placeholders, not the shell's
    apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$LAB_DEBIAN_SUITE" '$1 == "Debian" && index($2, suite) == 1 && $5 == "main" {
            print length($2), $3, $4, $5 }' | sort -n | uniq | cut -d' ' -f2-
}

# MariaDB's data directory, once for all labs, which copy it. With Aria tables alone it is small and starts at once. It holds no
# secret, and labs without root have to read it.
tree_install_mariadb() {
    chroot "$1" useradd --system --no-create-home --shell /usr/sbin/nologin mysql &&
        chroot "$1" mariadb-install-db --no-defaults --user=mysql --datadir=/var/lib/lab-mysql --skip-test-db \
            --skip-name-resolve --skip-innodb --default-storage-engine=Aria &&
        chmod -R a+rX "$1/var/lib/lab-mysql"
}

# Puts the files of packages into ROOT beside others that they conflict with.
tree_unpack() {
    local root=$1 package
    shift
    mkdir "$root/var/lib/lab-unpacked" || return 1
    # shellcheck disable=SC2016 # the inner shell's arguments
    # As root: the folder's files are nobody's secret, and the user that apt would fetch as cannot write there.
    chroot "$root" sh -c 'cd /var/lib/lab-unpacked && apt-get -o APT::Sandbox::User=root download "$@"' sh "$@" || return 1
    for package in "$root"/var/lib/lab-unpacked/*.deb; do
        # shellcheck disable=SC2016
        # Debian's /bin, /lib and /sbin are links, for which a package may have folders.
        chroot "$root" sh -c 'dpkg-deb --fsys-tarfile "$1" | tar --extract --keep-directory-symlink --directory /' sh "${package#"$root"}" ||
            return 1
        # shellcheck disable=SC2016
        chroot "$root" dpkg-deb --show --showformat '${Package} ${Version}\n' "${package#"$root"}" >>"$root/var/lib/lab-unpacked/versions" ||
            return 1
    done
    rm "$root"/var/lib/lab-unpacked/*.deb
}

# Fills ROOT. Runs as root in mount and pid namespaces of its own, so nothing it mounts or starts outlives it.
tree_install() {
    local root=$1 sources=$2 mirror proxy
    mirror=$(head -n1 <<<"$sources" | cut -d' ' -f1)
    proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy)
    if [[ -n $proxy && $proxy != DIRECT ]]; then
        export http_proxy=$proxy
    fi
    debootstrap --variant=minbase "$LAB_DEBIAN_SUITE" "$root" "$mirror" || return 1
    awk '{ print "deb", $1, $2, $3 }' <<<"$sources" >"$root/etc/apt/sources.list"
    apt-config dump Acquire >"$root/etc/apt/apt.conf.d/99leastport-lab"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" || return 1
    chroot "$root" apt-get update || return 1
    DEBIAN_FRONTEND=noninteractive chroot "$root" \
        apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io "${LAB_PACKAGES[@]}" || return 1
    tree_unpack "$root" "${LAB_UNPACKED[@]}" || return 1
    tree_install_mariadb "$root" || return 1
    cp "$LAB_FOLDER/kafka.pl" "$root/usr/local/bin/kafka" && chmod 755 "$root/usr/local/bin/kafka" || return 1
    chroot "$root" apt-get clean
    rm -rf "$root"/var/lib/apt/lists/* "$root/etc/apt/apt.conf.d/99leastport-lab" "$root"/etc/ssh/ssh_host_*
    date -u +%FT%TZ >"$root/.leastport-lab-stamp"
}

# Trees of older package lists go once no lab runs from them (a running lab holds a shared lock).
tree_remove_stale() {
    local keep=$1 tree fd
    for tree in "$LAB_CACHE"/tree-*; do
        if [[ ! -d $tree || $tree == "$keep" ]]; then
            continue
        fi
        exec {fd}<"$tree"
        if flock -xn "$fd"; then
            rm -rf --one-file-system "$tree"
        fi
        exec {fd}<&-
    done
}

tree_build() {
    local target new sources fd
    target=$(tree_path)
    if tree_is_ready; then
        return 0
    fi
    if [[ $(id -u) != 0 ]]; then
        die "no Debian tree at $target, and making one needs root: run" \
            "\"sudo LEASTPORT_LAB_CACHE=$LAB_CACHE $LAB_SCRIPT build\""
    fi
    need_command debootstrap debootstrap apt-get apt flock util-linux unshare util-linux
    mkdir -p "$LAB_CACHE/run" || die "cannot make the cache folder $LAB_CACHE"
    exec {fd}>"$LAB_CACHE/build.lock"
    flock "$fd"
    if tree_is_ready; then
        exec {fd}>&-
        return 0
    fi
    sources=$(tree_sources)
    if [[ -z $sources ]]; then
        die "apt on this machine has no index of Debian $LAB_DEBIAN_SUITE: run \"apt-get update\"; on another distribution" \
            "name a mirror in LEASTPORT_LAB_MIRROR"
    fi
    rm -rf --one-file-system "$LAB_CACHE"/new.*
    new=$(mktemp -d "$LAB_CACHE/new.XXXXXX")
    chmod 755 "$new"
    say "making the Debian tree in $target (about a minute, once)"
    if ! setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc \
        bash "$LAB_SCRIPT" __install "$new" "$sources" </dev/null >"$LAB_CACHE/build.log" 2>&1; then
        tail -n 20 "$LAB_CACHE/build.log" >&2
        rm -rf --one-file-system "$new"
        die "making the Debian tree failed; the whole log is $LAB_CACHE/build.log"
    fi
    mv -T "$new" "$target"
    tree_remove_stale "$target"
    exec {fd}>&-
}
