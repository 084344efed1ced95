// Starts leastport-web on a free loopback port and ends it by its process id; knows where the programs are.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
export const BIN = process.env.LEASTPORT_BIN ?? join(ROOT, "build/dev/bin");
// A build without sanitizers, where there is one: for what measures memory.
export const PLAIN_BIN = process.env.LEASTPORT_PLAIN_BIN ?? BIN;
export const SCREENSHOTS = join(ROOT, "build/screenshots");

export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "leastport-pages-"));
  return { folder, path: (name) => join(folder, name), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

// Resolves once it listens. `stop()` resolves to its exit status.
export async function startSite(db, { listen = "127.0.0.1:0", more = [], bin = BIN } = {}) {
  const child = spawn(join(bin, "leastport-web"), ["--db", db, "--listen", listen, ...more],
    { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (data) => { errors += data; });
  // Kernels without Landlock are told of, which is no error of a test's.
  const told = () => errors.replace(/^.*this kernel has no Landlock.*\n/m, "");
  const ended = new Promise((resolve) => { child.on("exit", (status, signal) => resolve({ status, signal, errors: told() })); });
  const url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
      const match = /^listening (https?:\S+)\/\n/.exec(said);
      if (match) {
        resolve(match[1]);
      }
    });
    child.on("error", reject);
    ended.then(({ status }) => reject(new Error(`leastport-web ended with ${status}: ${errors}`)));
  });
  return { url, port: Number(new URL(url).port), pid: child.pid, said: () => errors, stop: () => { child.kill("SIGTERM"); return ended; } };
}
