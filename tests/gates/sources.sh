# shellcheck shell=bash
# Sourced by the gates: lists the project's own files. Needs no git, so that an unpacked archive can be tested too.

# sources NAME-GLOB...: every file of the tree whose name matches one of the globs, sorted, without what builds leave.
sources() {
    local glob
    local -a names=()
    for glob in "$@"; do
        names+=(-o -name "$glob")
    done
    find . \( -path ./build -o -path ./.git -o -name node_modules \) -prune -o \
        -type f \( "${names[@]:1}" \) -print | sed 's|^\./||' | LC_ALL=C sort
}

# sources_scripts: every shell script, by name or by its first line.
sources_scripts() {
    {
        sources '*.sh'
        sources '*' | xargs grep -l -s -m1 -E '^#!/(usr/)?bin/(env )?(ba)?sh' --
    } | LC_ALL=C sort -u
}
