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

// Greetings that are never the same twice: a date, as Exim and Sendmail have it, and APOP's timestamp (RFC 1939).
let turn = 0;
const date = () => new Date(Date.now() + 60000 * ++turn).toUTCString();
const in_lines = (greeting, answer) => (socket) => {
    socket.write(greeting());
    socket.on("data", (bytes) => bytes.toString("latin1").split(/\r?\n/).filter(Boolean).forEach((line) => socket.writable && answer(socket, line)));
};
const smtp = in_lines(() => `220 mail.test ESMTP Exim 4.96 ${date()}\r\n`, (socket, line) => {
    if (/^QUIT/i.test(line)) {
        socket.end("221 closing\r\n");
    } else {
        socket.write(/^EHLO/i.test(line) ? "250-mail.test Hello\r\n250 HELP\r\n" : "250 Reset OK\r\n");
    }
});
const pop3 = in_lines(() => `+OK POP3 server ready <${++turn}.${Date.now()}@mail.test>\r\n`, (socket, line) => {
    if (/^QUIT/i.test(line)) {
        socket.end("+OK\r\n");
    } else {
        socket.write(/^CAPA/i.test(line) ? "+OK\r\nUSER\r\n.\r\n" : "-ERR no\r\n");
    }
});

const servers = { 4444: redis, 2022: ssh, 2525: smtp, 2110: pop3 };
let left = Object.keys(servers).length;
for (const [port, serve] of Object.entries(servers)) {
    net.createServer((socket) => {
        socket.on("error", () => socket.destroy());
        serve(socket);
    }).listen({ host: address, port: Number(port) }, () => --left || console.log("ready"));
}
