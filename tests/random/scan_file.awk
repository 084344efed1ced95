# Writes the same random scan thrice: -v seed=N -v at=UNIX-SECONDS -v xml=FILE -v list=FILE -v json=FILE. Services'
# texts are what hostile hosts send; masscan's formats hold none of them.

function any(texts, count) { return texts[1 + int(rand() * count)] }

function escaped(text,    i, character, out) {
    for (i = 1; i <= length(text); i++) {
        character = substr(text, i, 1)
        out = out (character ~ /[&<>"']/ ? sprintf("&#%d;", ord[character]) : character)
    }
    return out
}

function address(number) {
    return rand() < 0.8 ? sprintf("10.%d.%d.%d", int(rand() * 4), int(rand() * 256), number) : sprintf("fd00::%x:%x", int(rand() * 65535), number)
}

BEGIN {
    srand(seed)
    ord["&"] = 38; ord["<"] = 60; ord[">"] = 62; ord["\""] = 34; ord["'"] = 39
    hostile = split("OpenSSH 9.2|<script>alert(1)</script>|\"' onload=x|]]><!--|&#x26;&amp;|=cmd()|@SUM(1)|-1+2|a,b;c|%s%n%x|${jndi:ldap://x}|../../etc|\\x1b[31m|caf\303\251|\342\202\254|x y  z|;DROP TABLE finding|{{7*7}}|`id`|--><port portid=\"1\"/>", texts, "|")
    services = split("ssh|http|postgresql|redis|x-y.z|mysql||ms-wbt-server", names, "|")
    printf "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" args=\"%s\" start=\"%d\">\n", escaped(any(texts, hostile)), at >xml
    print "#masscan" >list
    print "[" >json
    hosts = 1 + int(rand() * 60)
    for (h = 1; h <= hosts; h++) {
        where = address(h)
        printf "<host endtime=\"%d\"><status state=\"up\" reason=\"%s\"/><address addr=\"%s\" addrtype=\"%s\"/>", at + 1, escaped(any(texts, hostile)), where, (where ~ /:/ ? "ipv6" : "ipv4") >xml
        printf "<hostnames><hostname name=\"%s\" type=\"%s\"/></hostnames><ports>", escaped(any(texts, hostile)), (rand() < 0.5 ? "user" : "PTR") >xml
        ports = int(rand() * 12)
        split("", used)
        for (p = 1; p <= ports; p++) {
            port = int(rand() * 65536)
            if (port in used) {
                continue
            }
            used[port]
            proto = rand() < 0.8 ? "tcp" : "udp"
            state = rand() < 0.6 ? "open" : "closed"
            printf "<port protocol=\"%s\" portid=\"%d\"><state state=\"%s\" reason=\"%s\"/>", proto, port, state, (proto == "udp" ? (state == "open" ? "udp-response" : "port-unreach") : (state == "open" ? "syn-ack" : "reset")) >xml
            if (rand() < 0.8) {
                printf "<service name=\"%s\" product=\"%s\" version=\"%s\" extrainfo=\"%s\" hostname=\"%s\" method=\"%s\"%s/>", escaped(rand() < 0.7 ? any(names, services) : any(texts, hostile)), escaped(any(texts, hostile)), escaped(any(texts, hostile)), escaped(any(texts, hostile)), escaped(any(texts, hostile)), (rand() < 0.7 ? "probed" : "table"), (rand() < 0.3 ? " tunnel=\"ssl\"" : "") >xml
            }
            printf "<script id=\"x\" output=\"%s\"/></port>\n", escaped(any(texts, hostile)) >xml
            printf "%s %s %d %s %d\n", state, proto, port, where, at + 1 >list
            printf "{\"ip\":\"%s\",\"timestamp\":\"%d\",\"ports\":[{\"port\":%d,\"proto\":\"%s\",\"status\":\"%s\",\"reason\":\"%s\",\"ttl\":64}]},\n", where, at + 1, port, proto, state, (proto == "udp" ? (state == "open" ? "udp-response" : "port-unreach") : (state == "open" ? "syn-ack" : "reset")) >json
        }
        print "</ports></host>" >xml
    }
    # One at least, so that no file is empty.
    printf "<host endtime=\"%d\"><status state=\"up\"/><address addr=\"10.9.9.9\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"22\"><state state=\"open\" reason=\"syn-ack\"/></port></ports></host>\n", at + 1 >xml
    printf "open tcp 22 10.9.9.9 %d\n# end\n", at + 1 >list
    printf "{\"ip\":\"10.9.9.9\",\"timestamp\":\"%d\",\"ports\":[{\"port\":22,\"proto\":\"tcp\",\"status\":\"open\",\"reason\":\"syn-ack\",\"ttl\":64}]}\n]\n", at + 1 >json
    printf "<runstats><finished time=\"%d\" exit=\"success\"/></runstats></nmaprun>\n", at + 2 >xml
}
