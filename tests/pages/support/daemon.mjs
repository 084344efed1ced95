// Starts the whole: leastport-auditd on a database, and under it leastport-web on a free loopback port. Ends it by its
// process id; what it said is kept.
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { BIN } from "./site.mjs";

// Resolves once the pages are served. `stop()` resolves to how it ended. `within`: words that run the command behind them.
export async function startDaemon(db, { more = [], environment = {}, listen = "127.0.0.1:0", within = [] } = {}) {
  const [program, ...words] = [...within, join(BIN, "leastport"), "serve", "--db", db, "--listen", listen, ...more];
  const child = spawn(program, words,
    { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...environment } });
  const daemon = { pid: child.pid, log: "" };
  const ended = new Promise((resolve) => { child.on("exit", (status, signal) => resolve({ status, signal })); });
  daemon.url = await new Promise((resolve, reject) => {
    child.stderr.on("data", (data) => {
      daemon.log += data;
      const match = /dashboard at (http:[^"\s]+)\//.exec(daemon.log);
      if (match) {
        resolve(match[1]);
      }
    });
    child.on("error", reject);
    ended.then(({ status }) => reject(new Error(`leastport serve ended with ${status}: ${daemon.log}`)));
  });
  daemon.stop = () => { child.kill("SIGTERM"); return ended; };
  daemon.kill = (signal) => { child.kill(signal); return ended; };
  return daemon;
}

// Nobody listens there, and clients are given others.
export async function freePort() {
  const server = createServer();
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = 20000 + Math.floor(Math.random() * 10000);
    if (await new Promise((resolve) => server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true)))) {
      await new Promise((resolve) => server.close(resolve));
      return port;
    }
  }
  throw new Error("no port is free");
}

// Asks until `isSo` of the answer, for a minute at most.
export async function until(ask, isSo) {
  for (const end = Date.now() + 60e3; Date.now() < end;) {
    const answer = await ask();
    if (isSo(answer)) {
      return answer;
    }
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error("it did not come about within a minute");
}
