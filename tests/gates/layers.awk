# Fails on an include in the wrong direction. The files come as arguments, named from the root of the tree:
# prints "FILE:LINE: …" for each wrong line; the status is 1 when there is one.

BEGIN {
    allowed["lib"] = "lib/"
    allowed["scanner"] = "scanner/ lib/"
    allowed["auditd"] = "auditd/ lib/ scanner/protocol.h"
    allowed["web"] = "web/ lib/ auditd/protocol.h auditd/store/read.h auditd/export/export.h"
    allowed["cli"] = "cli/ lib/ scanner/protocol.h auditd/protocol.h web/protocol.h"
    allowed["bench"] = "bench/ lib/ auditd/ scanner/packet/ scanner/protocol.h scanner/report.h"
    allowed["tests"] = "lib/ tests/"
    wrong = 0
}

# The layer whose rules a file follows: its folder, or, for a unit test and a fuzzing harness, the folder that it tests.
function layer_of(path,    parts) {
    split(path, parts, "/")
    return path ~ /^tests\/(unit|fuzz)\/[^\/]*\// ? parts[3] : parts[1]
}

function may_include(layer, path,    prefixes, count, i) {
    count = split(allowed[layer], prefixes, " ")
    for (i = 1; i <= count; i++) {
        if (prefixes[i] ~ /\/$/ ? index(path, prefixes[i]) == 1 : path == prefixes[i]) {
            return 1
        }
    }
    return FILENAME ~ /^tests\// && index(path, "tests/") == 1
}

function complain(text) {
    print FILENAME ":" FNR ": " text
    wrong = 1
}

match($0, /^[ \t]*#[ \t]*include[ \t]*"/) {
    path = substr($0, RLENGTH + 1)
    sub(/".*/, "", path)
    layer = layer_of(FILENAME)
    if (path !~ /\//) {
        complain("\"" path "\" lacks its folder: write the whole path from the root")
    } else if (path ~ /(^|\/)\.\.?\//) {
        complain("\"" path "\" is relative: write the whole path from the root")
    } else if (!(layer in allowed)) {
        complain("the folder " layer " is in no layer: add it to tests/gates/layers.awk")
    } else if (!may_include(layer, path)) {
        complain(layer " may not include \"" path "\"; it may: " allowed[layer])
    }
}

END { exit wrong }
