# Makes a random network for discovery from a seed: awk -v seed=N -v folder=DIR -f discovery.awk. Pure: the same seed, the same files.
#   hosts       HOST up|down|either WHAT      truth   HOST PORT STATE/REASON   of hosts that are to be found up
#   addresses   for ip -batch                 elements  for nft -f             listeners  ADDRESS PORT...
#   targets     one a line                    settings  NAME=VALUE, for the shell
# Hosts behind the router are nobody (who is silent, or whose router rejects, or resets, in his place), silent, answer one of discovery's
# questions and nothing else, drop echoes, reject everything, or keep nothing back. Those on link answer ARP or neighbour discovery.

# Lehmer's generator, as in topology.awk.
function random(below) {
    state = (state * 16807) % 2147483647
    return int(state / 2147483647 * below)
}

function chance(percent) {
    return random(100) < percent
}

function in_set(set, host) {
    printf "add element inet box %s-%d { %s }\n", set, family[host], host >(folder "/elements")
}

function is(host, what, word) {
    printf "%s %s %s\n", host, what, word >(folder "/hosts")
    kinds[word]++
}

function truth_of_all(host, allowed,   i) {
    for (i = 1; i <= port_count; i++) {
        printf "%s %d %s\n", host, ports[i], allowed >(folder "/truth")
    }
}

function present(host,   i, die, allowed) {
    for (i = 1; i <= port_count; i++) {
        die = random(100)
        allowed = "closed/reset"
        if (die < 15) {
            opened[host] = opened[host] " " ports[i]
            allowed = "open/syn-ack"
        } else if (die < 45) {
            printf "add element inet box drop-%d { %s . %d }\n", family[host], host, ports[i] >(folder "/elements")
            allowed = "filtered/no-response"
        }
        printf "%s %d %s\n", host, ports[i], allowed >(folder "/truth")
    }
}

function held(host, near) {
    printf "addr add %s dev %s%s\n", host, near ? "cable" : "lo", family[host] == 6 ? " nodad" : "" >(folder "/addresses")
}

# The router's word for who is not there proves nothing; only a reset looks like the host's own.
function nobody(host,   word) {
    word = places[1 + random(4)]
    if (word != "silence") {
        in_set("gone-" word, host)
    }
    is(host, word == "reset" ? "either" : "down", "nobody:" word)
}

function one_question(host,   kind) {
    kind = questions[1 + random(8)]
    in_set("kind-" kind, host)
    is(host, "up", "only:" kind)
    if (kind == "plan") {
        # At least one of its ports answers whichever of them is asked.
        truth_of_all(host, "closed/reset")
    } else {
        in_set("only", host)
        truth_of_all(host, "filtered/no-response")
    }
}

function far(host,   die) {
    die = random(100)
    if (die < 20) {
        nobody(host)
        return
    }
    held(host, 0)
    if (die < 28) {
        in_set("only", host)
        is(host, "down", "silent")
    } else if (die < 72) {
        one_question(host)
    } else if (die < 82) {
        in_set("no-echo", host)
        is(host, "up", "no-echo")
        present(host)
    } else if (die < 90) {
        in_set("rejecting", host)
        is(host, "up", "rejecting")
        truth_of_all(host, "filtered/admin-prohibited")
    } else {
        is(host, "up", "open")
        present(host)
    }
}

function near(host) {
    if (chance(30)) {
        is(host, "down", "nobody:link")
        return
    }
    held(host, 1)
    if (chance(30)) {
        in_set("only", host)
        is(host, "either", "silent:link") # who gives no word on any port is not called up, but asked
        truth_of_all(host, "filtered/no-response")
    } else {
        is(host, "up", "open:link")
        present(host)
    }
}

function host_of(number,   host, on_link) {
    on_link = chance(15)
    if (chance(60)) {
        host = sprintf("10.%d.0.%d", on_link ? 77 : 78, number)
        family[host] = 4
    } else {
        host = sprintf("fd%d::%x", on_link ? 77 : 78, number)
        family[host] = 6
    }
    print host >(folder "/targets")
    if (on_link) {
        near(host)
    } else {
        far(host)
    }
}

# None of discovery's own; enough of them for discovery to be worth while.
function draw_ports(   port, list) {
    port = 1000 + random(2000)
    port_count = 20 + random(40)
    for (i = 1; i <= port_count; i++) {
        ports[i] = port
        list = list (i > 1 ? "," : "") port
        port += 1 + (chance(80) ? 0 : random(500))
    }
    printf "PORTS=%s\n", list >(folder "/settings")
}

BEGIN {
    state = 1 + (seed * 7919 + 104729) % 2147483646
    for (i = 0; i < 10; i++) {
        random(2)
    }
    split("silence unreachable prohibited reset", places)
    split("echo syn443 ack80 syn80 syn22 udp53 udp161 plan", questions)
    draw_ports()
    lossy = chance(50)
    printf "LOSS_IN=%d\nLOSS_OUT=%d\nPORT_COUNT=%d\n", lossy ? random(51) : 0, lossy ? random(51) : 0, port_count >(folder "/settings")
    hosts = 20 + random(60)
    for (i = 0; i < hosts; i++) {
        host_of(10 + i)
    }
    for (host in opened) {
        print host opened[host] >(folder "/listeners")
    }
    for (word in kinds) {
        print word, kinds[word] >(folder "/kinds")
    }
}
