# Compares what discovery found, and the ports behind it, with the truth:
#   awk -v lossy=0|1 -v ports=N -f compare_hosts.awk HOSTS TRUTH FOUND SEEN
# FOUND has "HOST STATE REASON UNASKED", SEEN "HOST PORT STATE REASON". Prints what is wrong, then the last line "wrong N up N down N
# missed N lost N": hosts that answer some question, those that answer none, those of the first that were not found, and ports whose
# answer was lost in all tries.

function wrong(text) {
    print "wrong: " text
    wrongs++
}

FILENAME == ARGV[1] {
    is[$1] = $2
    what[$1] = $3
    next
}

FILENAME == ARGV[2] {
    truth[$1 " " $2] = $3
    next
}

FILENAME == ARGV[3] {
    if ($1 in found) {
        wrong($1 " is told of twice")
    }
    found[$1] = $2
    unasked[$1] = $4
    next
}

{
    if (($1 " " $2) in seen) {
        wrong($1 " " $2 " is told of twice")
    }
    seen[$1 " " $2] = $3 "/" $4
}

# On link this machine itself says that nobody is there, and of which port.
function judge_host(host,   state) {
    state = host in found ? found[host] : "nothing"
    if (is[host] == "up") {
        ups++
        if (state != "up") {
            missed++
            wrong(host " (" what[host] ") is " state ", not up")
        }
    } else if (is[host] == "down") {
        downs++
        if (state != "down") {
            wrong(host " (" what[host] ") is " state ", not down")
        } else if (what[host] != "nobody:link" && unasked[host] != ports) {
            wrong(host " (" what[host] "): " unasked[host] " of " ports " ports unasked")
        }
    }
}

function judge_port(key,   host, got) {
    host = key
    sub(/ .*/, "", host)
    got = key in seen ? seen[key] : "nothing"
    if ((is[host] == "up" && found[host] != "up") || got == truth[key]) {
        return
    }
    # One of many that share a hardware address, and so discovery's.
    if (is[host] == "either" && got == "nothing" && unasked[host] == ports) {
        return
    }
    if (lossy && got == "filtered/no-response") {
        lost++
        return
    }
    wrong(key " (" what[host] ") is " got ", not " truth[key])
}

END {
    for (host in found) {
        if (!(host in is)) {
            wrong(host " is told of, but was not asked for")
        }
    }
    for (key in seen) {
        host = key
        sub(/ .*/, "", host)
        if (is[host] == "down" && what[host] != "nobody:link") {
            wrong(key " (" what[host] ") is told of, as " seen[key])
        }
    }
    for (host in is) {
        judge_host(host)
    }
    for (key in truth) {
        judge_port(key)
    }
    printf "wrong %d up %d down %d missed %d lost %d\n", wrongs, ups, downs, missed, lost
}
