// Servers that say who asked them, and can be others the next time they start.
// node asked_servers.mjs ADDRESS FOLDER WORD...   prints "ready" when all ports are bound, "asked PORT" for each connection that said or heard
// something or was closed by the other side. FOLDER holds NAME.key.pem and NAME.cert.pem. Words: mysql, ssh, redis, silent (of these the port
// 2022), tls=NAME (the port 8443).
import fs from "node:fs";
import net from "node:net";
import tls from "node:tls";

const [address, folder, ...words] = process.argv.slice(2);

const packet = (sequence, ...parts) => {
    const body = Buffer.concat(parts.map((part) => Buffer.isBuffer(part) ? part : Buffer.from(part, "latin1")));
    const head = Buffer.from([body.length & 255, body.length >> 8, 0, sequence]);
    return Buffer.concat([head, body]);
};

// Protocol::HandshakeV10 of the MySQL client/server protocol, and the ERR packet that ends a login.
const mysql = (socket) => {
    socket.write(packet(0, "\x0a", "10.11.4-MariaDB-1~deb12u1\0", "\x07\0\0\0", "saltsalt", "\0", "\x0e\xa2", "\x21", "\x02\0", "\x1b\0", "\x15",
        "\0".repeat(10), "saltsaltsalt\0", "mysql_native_password\0"));
    socket.once("data", () => socket.end(packet(2, "\xff", "\x15\x04", "#28000", "Access denied for user 'leastport'@'there'")));
};

const redis = (socket) => socket.on("data", (bytes) => {
    const command = /\$\d+\r\n([A-Za-z]+)/.exec(bytes.toString("latin1"))?.[1].toUpperCase();
    if (command === undefined) {
        socket.end("-ERR Protocol error: what is this\r\n");
    } else {
        socket.write("-NOAUTH Authentication required.\r\n");
    }
});

const ssh = (socket) => socket.write("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n");
const silent = (socket) => socket.resume();

const page = "<title>shop</title>";
const http = (socket) => socket.once("data", () =>
    socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${page.length}\r\nConnection: close\r\n\r\n${page}`));

const kinds = { ssh, redis, silent };
const name = words.find((word) => word.startsWith("tls="))?.slice(4);
const servers = [];
const kind = words.find((word) => kinds[word]);
if (words.includes("mysql")) {
    servers.push([3306, net.createServer(mysql)]);
}
if (kind) {
    servers.push([2022, net.createServer(kinds[kind])]);
}
if (name) {
    const pem = { key: fs.readFileSync(`${folder}/${name}.key.pem`), cert: fs.readFileSync(`${folder}/${name}.cert.pem`) };
    const server = tls.createServer(pem, http);
    server.on("tlsClientError", () => {});
    servers.push([8443, server]);
}

let left = servers.length;
for (const [port, server] of servers) {
    server.on(name && port === 8443 ? "secureConnection" : "connection", (socket) => {
        console.log(`asked ${port}`);
        socket.on("error", () => socket.destroy());
    });
    server.on("connection", (socket) => socket.on("error", () => socket.destroy()));
    server.listen({ host: address, port }, () => --left || console.log("ready"));
}
