// Small UDP servers for tests of the scan: each port answers as its protocol's specification has it, as far as a scanner can tell.
// node udp_servers.mjs ADDRESS…   prints "ready" when all ports are bound on each address.
import dgram from "node:dgram";

const ascii = (text) => Buffer.from(text, "latin1");

// RFC 1035, section 4.1.1: the same question back, as a response.
const dns = (query) => {
    const answer = Buffer.from(query);
    answer[2] |= 0x80;
    return answer;
};

const servers = {
    53: dns,
    137: dns,
    5353: dns,
    // RFC 1350: a transfer goes on from a port of its own.
    69: (_, from, address) => {
        const other = dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
        other.bind(0, address, () => other.send(ascii("\0\x05\0\x01no such file\0"), from.port, from.address,
                                                () => other.close()));
    },
    // RFC 5531, section 9: accepted, and done.
    111: (call) => Buffer.concat([call.subarray(0, 4), Buffer.from([0, 0, 0, 1, 0, 0, 0, 0]), Buffer.alloc(12)]),
    // RFC 5905, section 7.3: a server's packet, whose origin is the client's transmit timestamp.
    123: (request) => {
        const answer = Buffer.alloc(48);
        answer[0] = 0x24;
        request.copy(answer, 24, 40, 48);
        return answer;
    },
    // RFC 1157: an agent of version 1 only. The request's value as it stands, as a GetResponse.
    161: (request) => {
        const answer = Buffer.from(request);
        if (request[4] !== 0) {
            return undefined;
        }
        answer[13] = 0xa2;
        return answer;
    },
    // RFC 9000, section 17.2.1: version negotiation; the connection ids change places.
    443: (initial) => {
        const destination = initial.subarray(5, 6 + initial[5]);
        const source = initial.subarray(6 + initial[5], 7 + initial[5] + initial[6 + initial[5]]);
        return Buffer.concat([Buffer.from([0x80, 0, 0, 0, 0]), source, destination, Buffer.from([0, 0, 0, 1])]);
    },
    // RFC 7296, section 3.1: a response; no proposal chosen.
    500: (request) => {
        const answer = Buffer.alloc(36);
        request.copy(answer, 0, 0, 8);
        answer.set([1, 2, 3, 4, 5, 6, 7, 8, 41, 0x20, 34, 0x20], 8);
        answer.writeUInt32BE(36, 24);
        answer.set([0, 0, 0, 8, 0, 0, 0, 14], 28);
        return answer;
    },
    // UPnP Device Architecture 2.0: there is nothing of the question in it.
    1900: () => ascii("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n"),
    // RFC 8489: a success response with the request's transaction id.
    3478: (request) => Buffer.concat([Buffer.from([1, 1, 0, 0]), request.subarray(4, 20)]),
    // RFC 3261, section 8.2.6.2.
    5060: (request) => {
        const via = /^Via:.*\r\n/m.exec(request.toString("latin1"));
        return via === null ? undefined : ascii(`SIP/2.0 200 OK\r\n${via[0]}\r\n`);
    },
    // RFC 7252: 4.04, as an acknowledgement with id and token.
    5683: (request) => Buffer.concat([Buffer.from([0x64, 0x84]), request.subarray(2, 8)]),
    // memcached's protocol.txt.
    11211: (request) => Buffer.concat([request.subarray(0, 8), ascii("VERSION 1.6.18\r\n")]),
    // Nobody's protocol: it answers anything; and one that takes all and says nothing.
    7777: () => ascii("hello"),
    8888: () => undefined,
};

const addresses = process.argv.slice(2);
let left = addresses.length * Object.keys(servers).length;

for (const address of addresses) {
    for (const [port, answer] of Object.entries(servers)) {
        const socket = dgram.createSocket(address.includes(":") ? { type: "udp6", ipv6Only: true } : "udp4");
        socket.on("message", (message, from) => {
            const bytes = message.length < 8 && Number(port) !== 7777 ? undefined : answer(message, from, address);
            if (bytes !== undefined) {
                socket.send(bytes, from.port, from.address);
            }
        });
        socket.bind(Number(port), address, () => {
            left -= 1;
            if (left === 0) {
                console.log("ready");
            }
        });
    }
}
