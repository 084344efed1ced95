// Receivers of alerts, good and bad: each that a line on standard output names is at a port of 127.0.0.1. What arrives is
// a line of JSON on standard output: {"at": RECEIVER, ...}. Called with a folder that has key.pem and cert.pem (for
// localhost) and with the key of the signatures.
import { createHmac } from "crypto";
import { readFileSync } from "fs";
import dgram from "dgram";
import http from "http";
import https from "https";
import net from "net";
import tls from "tls";

const [folder, secret] = process.argv.slice(2);
const identity = { key: readFileSync(`${folder}/key.pem`), cert: readFileSync(`${folder}/cert.pem`) };
const waited = [];
// That all listen comes before "ready".
const listen = (server, ...where) => waited.push(new Promise((done) => server.on("listening", done).listen(...where)));
const say = (object) => process.stdout.write(JSON.stringify(object) + "\n");
const quiet = (socket) => socket.on("error", () => {});

// ---- webhooks ----

function hooked(at, answer) {
    return (request, response) => {
        let body = "";
        quiet(response);
        request.on("data", (part) => (body += part)).on("end", () => {
            const { "leastport-timestamp": time, "leastport-signature": given, "leastport-alert-id": id } = request.headers;
            const right = "sha256=" + createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
            say({ at, id, signed: given === right, body });
            answer(response);
        });
    };
}

function withoutEnd(response) {
    const part = Buffer.alloc(65536, "x");
    const more = () => {
        while (!response.destroyed && response.write(part));
        if (!response.destroyed) response.once("drain", more);
    };
    response.writeHead(200);
    more();
}

const hooks = {
    well: (response) => response.writeHead(204).end(),
    broken: (response) => response.writeHead(500).end("no"),
    silent: () => {},
    moved: (response) => response.writeHead(302, { location: "http://127.0.0.1:8301/" }).end(),
    endless: withoutEnd,
    slack: (response) => response.writeHead(200).end("ok"),
};
Object.entries(hooks).forEach(([at, answer], i) => listen(http.createServer(hooked(at, answer)), 8301 + i, "127.0.0.1"));
listen(https.createServer(identity, hooked("secure", hooks.well)), 8310, "127.0.0.1");
// A header without end.
const heady = net.createServer((socket) => {
    quiet(socket);
    socket.once("data", () => {
        say({ at: "heady" });
        socket.write("HTTP/1.1 200 OK\r\n");
        const part = "X-More: " + "x".repeat(1000) + "\r\n";
        const more = () => {
            while (!socket.destroyed && socket.write(part));
            if (!socket.destroyed) socket.once("drain", more);
        };
        more();
    });
});
listen(heady, 8311, "127.0.0.1");

// ---- mail ----

function mailed(at, options) {
    const talk = (socket, isSafe) => {
        let data = null;
        let held = "";
        let user = "";
        let asked = false;
        const envelope = [];
        const answer = (text) => socket.write(text + "\r\n");
        quiet(socket);
        const command = (line) => {
            if (/^EHLO/i.test(line)) {
                answer(`250-test${options.starttls && !isSafe ? "\r\n250-STARTTLS" : ""}\r\n250-AUTH PLAIN\r\n250 8BITMIME`);
            } else if (/^STARTTLS/i.test(line) && options.starttls) {
                answer("220 go");
                socket.removeAllListeners("data");
                talk(new tls.TLSSocket(socket, { isServer: true, ...identity }), true);
            } else if (/^AUTH PLAIN$/i.test(line)) {
                asked = true;
                answer("334 ");
            } else if (asked) {
                asked = false;
                const [, name, password] = Buffer.from(line, "base64").toString().split("\0");
                user = password === "mailsecret" ? name : "";
                answer(user ? "235 welcome" : "535 no");
            } else if (/^RCPT/i.test(line) && options.refuses) {
                answer("550 no such person");
            } else if (/^(MAIL|RCPT)/i.test(line)) {
                envelope.push(line);
                answer("250 ok");
            } else if (/^DATA/i.test(line)) {
                data = "";
                answer("354 go on");
            } else if (/^QUIT/i.test(line)) {
                socket.end("221 bye\r\n");
            } else {
                answer("502 what");
            }
        };
        socket.on("data", (part) => {
            held += part;
            for (let end; (end = held.indexOf("\r\n")) >= 0; held = held.slice(end + 2)) {
                const line = held.slice(0, end);
                if (data === null) {
                    command(line);
                    if (/^STARTTLS/i.test(line)) return;
                } else if (line === ".") {
                    const [head, ...rest] = data.split("\r\n\r\n");
                    say({ at, isSafe, user, envelope, head, text: Buffer.from(rest.join("\r\n\r\n"), "base64").toString() });
                    data = null;
                    answer("250 taken");
                } else {
                    data += line + "\r\n";
                }
            }
        });
        if (!isSafe) answer("220 test");
    };
    return net.createServer((socket) => talk(socket, false));
}

listen(mailed("mail", { starttls: true }), 8321, "127.0.0.1");
listen(mailed("refusing", { starttls: true, refuses: true }), 8322, "127.0.0.1");
listen(mailed("plain", {}), 8323, "127.0.0.1");

// ---- syslog ----

const logged = (at) => (socket) => {
    quiet(socket);
    let held = "";
    socket.on("data", (part) => (held += part)).on("end", () => held && say({ at, frame: held }));
};
const udp = dgram.createSocket("udp4");
udp.on("message", (message) => say({ at: "udp", frame: message.toString() }));
waited.push(new Promise((done) => udp.bind(8331, "127.0.0.1", done)));
listen(net.createServer(logged("tcp")), 8332, "127.0.0.1");
listen(tls.createServer(identity, logged("tls")).on("tlsClientError", () => {}), 8333, "127.0.0.1");
listen(net.createServer(logged("unix")), `${folder}/log.sock`);

Promise.all(waited).then(() => say({ at: "ready" }));
