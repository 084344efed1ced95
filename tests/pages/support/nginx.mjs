// A real nginx in front of a site: this machine's, or the lab's tree's by its own loader. Listens on a loopback port.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { fileURLToPath } from "node:url";

const LAB = fileURLToPath(new URL("../../lab/lab", import.meta.url));

// The command that runs it, or null where there is none.
export function nginxCommand() {
  const own = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));
  if (own) {
    return [own];
  }
  if (process.getuid() !== 0) {
    return null;
  }
  const { status, stdout } = spawnSync(LAB, ["build"], { encoding: "utf8", timeout: 600e3 });
  const tree = status === 0 ? stdout.trim().split("\n").at(-1) : "";
  const loader = `${tree}/lib64/ld-linux-x86-64.so.2`;
  return tree !== "" && existsSync(`${tree}/usr/sbin/nginx`) && existsSync(loader)
    ? [loader, "--library-path", `${tree}/usr/lib/x86_64-linux-gnu:${tree}/lib/x86_64-linux-gnu`, `${tree}/usr/sbin/nginx`] : null;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

// users: {name: password}. `location` is what the site's location says besides where to pass requests to. With `shared`
// the connections to the site are kept, and serve one client's requests after another's.
export async function startNginx(command, place, site, { users = {}, location = "", shared = false } = {}) {
  const port = await freePort();
  const hashes = Object.entries(users).map(([name, password]) => `${name}:${execFileSync("openssl", ["passwd", "-apr1", password], { encoding: "utf8" }).trim()}`);
  writeFileSync(place.path("users"), `${hashes.join("\n")}\n`, { mode: 0o644 });
  writeFileSync(place.path("nginx.conf"), `
daemon off; master_process off; pid ${place.path("nginx.pid")}; error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${place.path("body")}; proxy_temp_path ${place.path("proxy")}; fastcgi_temp_path ${place.path("fastcgi")};
  uwsgi_temp_path ${place.path("uwsgi")}; scgi_temp_path ${place.path("scgi")};
  ${shared ? `upstream site { server 127.0.0.1:${site.port}; keepalive 1; }` : ""}
  server {
    listen 127.0.0.1:${port};
    location / { ${location} proxy_pass ${shared ? "http://site" : site.url}; }
  }
}
`);
  const child = spawn(command[0], [...command.slice(1), "-p", place.folder, "-c", place.path("nginx.conf")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (data) => { said += data; });
  const ended = new Promise((resolve) => { child.on("exit", resolve); });
  for (const end = Date.now() + 30e3; ;) {
    const isOpen = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); });
      socket.on("error", () => resolve(false));
    });
    if (isOpen) {
      break;
    }
    if (Date.now() > end || child.exitCode !== null) {
      throw new Error(`nginx does not listen: ${said}`);
    }
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  return { port, url: `http://127.0.0.1:${port}`, said: () => said, stop: () => { child.kill("SIGTERM"); return ended; } };
}
