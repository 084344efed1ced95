# Makes a random network from a seed: awk -v seed=N -v folder=DIR -f topology.awk. Pure: the same seed, the same files.
#   truth       HOST PORT ALLOWED...   each ALLOWED is STATE/REASON; the first is the state that stays
#   addresses   for ip -batch          elements   for nft -f          listeners  ADDRESS PORT...
#   targets     one a line             settings   NAME=VALUE, for the shell

# Lehmer's generator in Park and Miller's form (CACM 31 (1988) 1192): exact in awk's doubles, and alike in every awk.
function random(below) {
    state = (state * 16807) % 2147483647
    return int(state / 2147483647 * below)
}

function chance(percent) {
    return random(100) < percent
}

function element(set, host, port) {
    printf "add element inet box %s%d { %s . %d }\n", set, family[host], host, port >(folder "/elements")
}

function whole_host(set, host) {
    printf "add element inet box %s%d { %s }\n", set, family[host], host >(folder "/elements")
}

function truth(host, port, allowed) {
    printf "%s %d %s\n", host, port, allowed >(folder "/truth")
}

function truth_of_all(host, allowed,   i) {
    for (i = 1; i <= port_count; i++) {
        truth(host, ports[i], allowed)
    }
}

# How an answer that names a reject reads: the code's name in nftables, then what the scan must say of it.
function tables() {
    split("net-unreachable host-unreachable prot-unreachable port-unreachable net-prohibited host-prohibited admin-prohibited",
        codes4)
    split("net-unreach host-unreach proto-unreach port-unreach net-prohibited host-prohibited admin-prohibited", reasons4)
    split("no-route admin-prohibited addr-unreachable port-unreachable policy-fail reject-route", codes6)
    split("net-unreach admin-prohibited host-unreach port-unreach admin-prohibited net-unreach", reasons6)
}

function rejected(host, port,   code) {
    if (family[host] == 4) {
        code = 1 + random(7)
        element(codes4[code] "-", host, port)
        truth(host, port, "filtered/" reasons4[code])
    } else {
        code = 1 + random(6)
        element(codes6[code] "-", host, port)
        truth(host, port, "filtered/" reasons6[code])
    }
}

# A port of a host that is there. `late`: what the host says before it appears stays allowed.
function port_of(host, port, late,   die, before) {
    die = random(100)
    before = late ? " filtered/no-response" : ""
    if (die < 15) {
        opened[host] = opened[host] " " port
        if (!late && chance(4)) {
            element("hidden-port-", host, port)
            before = " filtered/no-response"
        }
        truth(host, port, "open/syn-ack" before)
    } else if (die < 60) {
        truth(host, port, "closed/conn-refused" before)
    } else if (late) {
        truth(host, port, "closed/conn-refused" before)
    } else if (die < 64) {
        element("reset-", host, port)
        truth(host, port, "closed/conn-refused")
    } else if (die < 80) {
        element("drop-", host, port)
        truth(host, port, "filtered/no-response")
    } else {
        rejected(host, port)
    }
}

# Answers on a few ports only, all else is dropped.
function firewalled(host,   i) {
    whole_host("firewalled-", host)
    for (i = 1; i <= port_count; i++) {
        if (chance(6)) {
            element("allowed-", host, ports[i])
            opened[host] = opened[host] " " ports[i]
            truth(host, ports[i], "open/syn-ack")
        } else {
            truth(host, ports[i], "filtered/no-response")
        }
    }
}

function present(host, late,   i) {
    for (i = 1; i <= port_count; i++) {
        port_of(host, ports[i], late)
    }
}

function held(host, near) {
    printf "addr add %s dev %s%s\n", host, near ? "cable" : "lo", family[host] == 6 ? " nodad" : "" >(folder "/addresses")
}

function host_of(number,   host, near, die) {
    near = chance(50)
    if (chance(60)) {
        host = sprintf("10.%d.0.%d", near ? 77 : 78, number)
        family[host] = 4
    } else {
        host = sprintf("fd%d::%x", near ? 77 : 78, number)
        family[host] = 6
    }
    print host >(folder "/targets")
    die = random(100)
    if (die < 8 && near) {
        # Nobody holds it: neighbour discovery fails, which the kernel tells in its own time.
        truth_of_all(host, "filtered/no-response filtered/host-unreach")
        return
    }
    if (die < 8) {
        # Behind the target, which as a router says that nobody is there.
        truth_of_all(host, "filtered/host-unreach")
        return
    }
    held(host, near)
    if (die < 16) {
        whole_host("down-", host)
        truth_of_all(host, "filtered/no-response")
    } else if (die < 24) {
        whole_host("hidden-", host)
        present(host, 1)
    } else if (die < 36) {
        firewalled(host)
    } else {
        present(host, 0)
    }
}

function draw_ports(   port, list) {
    port = 1 + random(2000)
    port_count = 30 + random(90)
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
    tables()
    draw_ports()
    lossy = chance(60)
    printf "LOSS_IN=%d\nLOSS_OUT=%d\nAPPEAR_MS=%d\n", lossy ? random(51) : 0, lossy ? random(51) : 0,
        100 + random(1500) >(folder "/settings")
    hosts = 6 + random(20)
    for (i = 0; i < hosts; i++) {
        host_of(10 + i)
    }
    for (host in opened) {
        print host opened[host] >(folder "/listeners")
    }
}
