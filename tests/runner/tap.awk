# Reads what one test program wrote and judges it as TAP, strictly. Prints
#   count PASSED FAILED SKIPPED
#   fail DESCRIPTION, skip DESCRIPTION, problem TEXT   (one line each; a problem is not among the counts)

function problem(text) {
    print "problem " text
}

function point(line,    failed, number, directive) {
    failed = line ~ /^not /
    sub(/^(not )?ok */, "", line)
    seen++
    if (match(line, /^[0-9]+/)) {
        number = substr(line, 1, RLENGTH) + 0
        line = substr(line, RLENGTH + 1)
        if (number != seen) {
            problem("test " number " came where " seen " was due")
        }
    }
    sub(/^ *(- *)?/, "", line)
    directive = ""
    if (match(line, /# *[Ss][Kk][Ii][Pp]/)) {
        directive = "skip"
    } else if (match(line, /# *[Tt][Oo][Dd][Oo]/)) {
        problem("a test that is put off is no test: " line)
    }
    # cmocka 1.1.5, Debian 12's, writes "not ok" before a skip.
    if (failed && directive != "skip") {
        failures++
        print "fail " line
    } else if (directive == "skip") {
        skips++
        print "skip " line
    } else {
        passes++
    }
}

BEGIN {
    seen = passes = failures = skips = 0
    planned = -1
}

{ sub(/\r$/, "") }

/^1\.\.[0-9]+/ {
    if (planned >= 0) {
        problem("a second plan: " $0)
        next
    }
    planned = substr($1, 4) + 0
    if (planned == 0 && match($0, /# *[Ss][Kk][Ii][Pp]/)) {
        skips++
        print "skip all of it " substr($0, RSTART)
    } else if (planned == 0) {
        problem("the plan holds no test")
    }
    next
}

/^(not )?ok( |$)/ { point($0); next }

/^Bail out!/ { problem($0) }

END {
    if (planned < 0) {
        problem("no plan: it ended early, or speaks no TAP")
    } else if (seen != planned) {
        problem(planned " tests planned, " seen " ran")
    }
    print "count " passes " " failures " " skips
}
