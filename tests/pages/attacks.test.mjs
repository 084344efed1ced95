// Attacks on the web server while other clients ask: slowhttptest's four, and requests that want to be read in two ways,
// sent through a real nginx that keeps its connections.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { makeFixture, signedIn } from "./support/fixture.mjs";
import { get, hostile, request } from "./support/hostile.mjs";
import { nginxCommand, startNginx } from "./support/nginx.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

let place;
let site;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  site = await startSite(place.path("fixture.db"));
});
after(async () => {
  const ended = await site.stop();
  assert.deepEqual([ended.status, ended.errors], [0, ""]);
  place.remove();
});

async function metric(name) {
  const text = await (await fetch(`${site.url}/metrics`, { headers: signedIn })).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

describe("slow clients", { skip: spawnSync("slowhttptest", ["-h"]).error && "no slowhttptest" }, () => {
  const CLIENTS = 100;
  const MODES = [["headers", "/healthz", ["-H", "-i", "1"]],
    ["bodies", "/api/v1/session", ["-B", "-i", "1", "-s", "4096", "-f", "application/json"]],
    ["ranges", "/assets/style.css", ["-R", "-a", "5", "-b", "3000"]],
    ["reading", "/assets/style.css", ["-X", "-w", "10", "-y", "20", "-n", "1", "-z", "4", "-k", "3"]]];

  function attack(path, flags) {
    const child = spawn("slowhttptest", [...flags, "-c", String(CLIENTS), "-r", "200", "-l", "60", "-u", `${site.url}${path}`], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (data) => { said += data; });
    child.stderr.on("data", (data) => { said += data; });
    const ended = new Promise((resolve) => { child.on("exit", resolve); });
    return { said: () => said, stop: () => { child.kill("SIGTERM"); return ended; } };
  }

  test("of headers, bodies, ranges and reading, all at once, keep nobody out", async () => {
    const attacks = MODES.map(([, path, flags]) => attack(path, flags));
    try {
      // Ranges are not taken, so those are answered at once; all others stay.
      for (const end = Date.now() + 40e3; !(await metric("leastport_http_connections") > 3 * CLIENTS);) {
        assert.ok(Date.now() < end, attacks.map(({ said }) => said()).join("\n"));
        await new Promise((resolve) => { setTimeout(resolve, 50); });
      }
      for (const path of ["/api/v1/findings", "/", "/api/v1/hosts?limit=5", "/healthz", "/metrics"]) {
        const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(site.url + path, { headers: signedIn })));
        assert.deepEqual(await Promise.all(answers.map(async (answer) => (await answer.text(), answer.status))), Array(8).fill(200), path);
      }
      assert.ok(await metric("leastport_http_connections") > 3 * CLIENTS, "the attack goes on");
    } finally {
      await Promise.all(attacks.map(({ stop }) => stop()));
    }
  });

  test("a range is not taken: the whole comes once, however many are asked for", async () => {
    const ranges = `bytes=${Array.from({ length: 1000 }, (_, i) => `5-${i + 6}`).join(",")}`;
    const [whole, ranged] = await Promise.all([{}, { Range: ranges }].map((headers) => fetch(`${site.url}/assets/style.css`, { headers })));
    assert.deepEqual([ranged.status, await ranged.text()], [200, await whole.text()]);
  });
});

const command = nginxCommand();

describe("behind nginx", { skip: command === null && "no nginx: neither this machine's nor the lab's" }, () => {
  let nginx;

  before(async () => {
    nginx = await startNginx(command, place, site, { shared: true, location: `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off;
      lingering_close off; client_body_timeout 1s;` });
  });
  after(() => nginx?.stop());

  // All that comes until nginx ends it: at a request that says so, when it takes offence, or content does not come.
  function send(bytes) {
    return new Promise((resolve, reject) => {
      let text = "";
      const socket = connect(nginx.port, "127.0.0.1", () => socket.write(bytes, "latin1"));
      socket.on("data", (data) => { text += data.toString("latin1"); });
      socket.on("error", (error) => (["ECONNRESET", "EPIPE"].includes(error.code) ? null : reject(error)));
      socket.on("close", () => resolve(text));
      socket.setTimeout(30e3, () => { socket.destroy(); reject(new Error(`nothing more in 30 s: ${text}`)); });
    });
  }

  const victim = () => send(request(["GET /assets/style.css HTTP/1.1", "Host: localhost", "Connection: close"]));
  const body = (text) => text.slice(text.indexOf("\r\n\r\n") + 4);

  test(`none of ${hostile.length} hostile requests gets another client another answer`, async () => {
    const own = body(await victim());
    assert.match(own, /\{/);
    assert.match(await send(get("/healthz", "Host: localhost") + get("/smuggled", "Host: localhost", "Connection: close")), /"instance": ?"\/smuggled"/,
      "what is a request is answered, so that another's can be told");
    for (const [name, bytes] of hostile) {
      // What is smuggled asks for what the victim does not.
      await send(bytes + get("/smuggled", "Host: localhost", "Connection: close"));
      for (let i = 0; i < 3; i++) {
        const text = await victim();
        assert.match(text, /^HTTP\/1\.1 200 /, name);
        assert.ok(body(text) === own, `${name}: another's answer: ${text.slice(0, 300)}`);
      }
    }
  });

  test("content that is cut short or goes on is nobody else's request", async () => {
    const own = body(await victim());
    const smuggled = get("/smuggled", "Host: localhost");
    const last = get("/smuggled", "Host: localhost", "Connection: close");
    for (const lines of [["Content-Length: 5"], [`Content-Length: ${smuggled.length}`], ["Transfer-Encoding: chunked"]]) {
      for (const target of ["/healthz", "/api/v1/session", "/nowhere"]) {
        await send(request([`POST ${target} HTTP/1.1`, "Host: localhost", "Content-Type: application/json", ...lines], smuggled) + last);
        assert.ok(body(await victim()) === own, `${target} ${lines}`);
      }
    }
  });
});
