// Small and hostile TCP servers for tests of what the scan says of services.
// node service_servers.mjs ADDRESS FOLDER   prints "ready" when all ports are bound. FOLDER holds key.pem and cert.pem.
import fs from "node:fs";
import net from "node:net";
import tls from "node:tls";

const [address, folder] = process.argv.slice(2);
const pem = {key: fs.readFileSync(`${folder}/key.pem`), cert: fs.readFileSync(`${folder}/cert.pem`)};

// Whoever is asked too much goes away; that is no error here.
const calm = (socket) => socket.on("error", () => socket.destroy());

const ssh = (socket) => socket.write("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n");

const http = (socket) => socket.once("data", () => {
    const page = "<html><head><title>hello</title></head></html>";
    socket.end(`HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\nContent-Length: ${page.length}\r\nConnection: close\r\n\r\n${page}`);
});

// Says what it has for as long as it is heard.
const flood = (bytes) => (socket) => {
    const more = () => {
        while (!socket.destroyed && socket.write(bytes)) {
            // the socket takes more
        }
    };
    socket.on("drain", more);
    more();
};

const drip = (byte) => (socket) => {
    const timer = setInterval(() => socket.write(byte), 1000);
    socket.on("close", () => clearInterval(timer));
};

const quiet = (socket) => socket.resume();

const plain = {
    22: ssh,
    2022: ssh,
    80: http,
    3306: http,
    // Where printers are.
    9100: http,
    9103: ssh,
    9107: ssh,
    9108: ssh,
    // What is no service.
    7001: quiet,
    7002: (socket) => socket.end(),
    7003: (socket) => socket.once("data", () => socket.resetAndDestroy()),
    7004: (socket) => socket.pause(),
    7005: (socket) => socket.once("data", () => socket.end()),
    // What is hostile.
    7101: flood(Buffer.alloc(65536, "A")),
    7102: flood("SSH-is-not-what-this-is\r\n"),
    7103: drip("S"),
    7104: (socket) => socket.resetAndDestroy(),
    7105: (socket) => socket.once("data", () => flood(Buffer.alloc(65536, "HTTP/1.1 "))(socket)),
    7106: (socket) => socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\n");
        flood("X-Header: \u001b[31m<script>\u0000\r\n")(socket);
    }),
    7107: (socket) => socket.once("data", () => socket.write("\u0016\u0003\u0003\u00ff\u00ff" + "\u0002".repeat(70000))),
    7108: drip("\n"),
    7109: (socket) => socket.write("SSH-2.0-\u001b]0;owned\u0007<b>&'\"\u0001\r\n"),
    7110: (socket) => socket.write("nobody knows this\r\n"),
};

const secured = {
    443: {handle: http},
    8999: {handle: http},
    8998: {handle: ssh, minVersion: "TLSv1.2", maxVersion: "TLSv1.2"},
};

const servers = [
    ...Object.entries(plain).map(([port, handle]) => [port, net.createServer((socket) => {
        calm(socket);
        handle(socket);
    })]),
    ...Object.entries(secured).map(([port, {handle, ...options}]) => {
        const server = tls.createServer({...pem, ...options}, (socket) => {
            calm(socket);
            handle(socket);
        });
        server.on("tlsClientError", () => {});
        server.on("connection", calm);
        return [port, server];
    }),
];

await Promise.all(servers.map(([port, server]) => new Promise((bound, failed) => {
    server.on("error", failed);
    server.listen({port: Number(port), host: address, backlog: 4096}, bound);
})));
console.log("ready");
