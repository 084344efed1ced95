# Compares a scan with the truth: awk -v lossy=0|1 -f compare.awk TRUTH SEEN, where a line of SEEN is "HOST PORT STATE REASON".
# Prints what is wrong, then the last line "wrong N open N missed N lost N": ports with a state or reason that the truth
# does not allow; open ports of the truth; of these, those that all tries were lost of; and closed ports of that kind. (With
# ICMP errors lost, a rejected port is filtered all the same.)

function wrong(text) {
    print "wrong: " text
    wrongs++
}

FNR == NR {
    truth[$1 " " $2] = $0
    next
}

{
    key = $1 " " $2
    if (key in seen) {
        wrong(key " is told of twice")
    }
    seen[key] = $3 "/" $4
}

function judge(key,   count, field, got, stays, i) {
    count = split(truth[key], field, " ")
    got = key in seen ? seen[key] : "nothing"
    stays = field[3]
    # One that changes under the scan proves nothing of loss.
    opens += count == 3 && stays ~ /^open/
    for (i = 3; i <= count; i++) {
        if (got == field[i]) {
            return
        }
    }
    if (lossy && got == "filtered/no-response") {
        missed += stays ~ /^open/
        lost += stays ~ /^closed/
        return
    }
    wrong(key " is " got ", not " stays)
}

END {
    for (key in seen) {
        if (!(key in truth)) {
            wrong(key " is told of, but was not asked for")
        }
    }
    for (key in truth) {
        judge(key)
    }
    printf "wrong %d open %d missed %d lost %d\n", wrongs, opens, missed, lost
}
