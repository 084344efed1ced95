"""What the daemon's /api/v1/reach declares of every port of every interface, held against a real scan: prints where they differ.

    cloud_truth.py FOLDER URL TOKEN FROM inside|outside PORTS SCAN

FROM is what the question names as the source. SCAN is what `leastport scan` printed there (jsonl), of own addresses (inside) or of public
ones (outside). A line for each port that differs, "place port: declared, observed", and a last one: how many were held, and how many of those
got an answer.
"""
import json
import sys
import urllib.parse
import urllib.request

import cloud_net


def reach(url, token, target, source):
    """Rows for the target directly, not by way of a balancer."""
    query = urllib.parse.urlencode({"to": target, "from": source, "limit": 500})
    request = urllib.request.Request(f"{url}api/v1/reach?{query}", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        page = json.load(answer)
    if page["next_cursor"] is not None:
        raise ValueError(f"{target}: more rows than a page has")
    return [row for row in page["items"] if row["balancer"] is None and row["proto"] == "tcp"]


def ports_of(text):
    for part in text.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def covers(row, address, port):
    return row["address"] == f"{address}/32" and (row["ports"] == "all" or port in ports_of(row["ports"]))


def observed(file):
    """State by address and port; what is not in it gave no answer."""
    states, is_whole = {}, False
    with open(file, encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["type"] == "port":
                states[line["host"], line["port"]] = line["state"]
            elif line["type"] == "host":
                for part in line.get("not_shown", []):
                    states |= {(line["host"], port): part["state"] for port in ports_of(part["ports"])}
            is_whole = is_whole or (line["type"] == "scan_end" and line["complete"])
    if not is_whole:
        raise ValueError(f"{file}: not a whole scan")
    return states


def targets(cloud, source, side):
    """Each interface with the address that it has within, and the one that is scanned."""
    for interface in cloud["NetworkInterfaces"]:
        for address in cloud_net.addresses_of(interface):
            scanned = address if side == "inside" else cloud_net.publics_of(interface).get(address)
            if scanned is not None and cloud_net.place_of(interface) != source.removeprefix("i-"):
                yield interface, address, scanned


def main():
    folder, url, token, source, side, ports, scan = sys.argv[1:]
    cloud, states = cloud_net.load(folder), observed(scan)
    held, answered = 0, 0
    for interface, address, scanned in targets(cloud, source, side):
        rows = reach(url, token, interface["NetworkInterfaceId"], source)
        for port in ports_of(ports):
            verdicts = sorted({row["verdict"] for row in rows if covers(row, address, port)})
            state = states.get((scanned, port), "filtered")
            held, answered = held + 1, answered + (state != "filtered")
            # Who is let in gets an answer, be it a refusal, and who is not gets none.
            if verdicts != ["REACHABLE"] and (state != "filtered" or verdicts not in (["BLOCKED"], ["BLOCKED_RETURN"])) or (
                verdicts == ["REACHABLE"] and state == "filtered"
            ):
                print(f"{cloud_net.place_of(interface)} {port}: {' '.join(verdicts) or 'nothing'}, {state}")
    print(f"{held} held, {answered} answered")


if __name__ == "__main__":
    main()
