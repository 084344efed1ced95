// Servers with something to say, for tests of what an audit makes of it.
// node answering_servers.mjs ADDRESS [password]   prints "ready" when all ports are bound.
import net from "node:net";

const [address, secret] = process.argv.slice(2);
const information = "# Server\r\nredis_version:7.0.15\r\nos:<b>\u001b[31m\u202ered\r\n";

// RESP, as far as it is asked: INFO and PING, and with a password neither.
const redis = (socket) => socket.on("data", (bytes) => {
    const command = /\$\d+\r\n([A-Za-z]+)/.exec(bytes.toString("latin1"))?.[1].toUpperCase();
    if (command === undefined) {
        socket.end("-ERR Protocol error: what is this\r\n");
    } else if (secret) {
        socket.write("-NOAUTH Authentication required.\r\n");
    } else {
        socket.write(command === "PING" ? "+PONG\r\n" : `$${information.length}\r\n${information}\r\n`);
    }
});

const ssh = (socket) => socket.write(`SSH-2.0-OpenSSH_9.${secret ? 6 : 2}p1 Debian-2\r\n`);

const servers = { 4444: redis, 2022: ssh };
let left = Object.keys(servers).length;
for (const [port, serve] of Object.entries(servers)) {
    net.createServer((socket) => {
        socket.on("error", () => socket.destroy());
        serve(socket);
    }).listen({ host: address, port: Number(port) }, () => --left || console.log("ready"));
}
