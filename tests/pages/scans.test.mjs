// Scans over the API, of this machine's own loopback: started, watched, cancelled, compared; by a real daemon.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { startDaemon, until } from "./support/daemon.mjs";
import { alter, makeEmpty, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { makeFolder } from "./support/site.mjs";

let place;
let daemon;
let listeners;

// On a port that no client is given (what comes and goes among those is one finding for all), and not on loopback alone,
// which is no exposure. Whoever connects is let go at once.
const listen = () => new Promise((resolve, reject) => {
  const server = createServer((socket) => { socket.on("error", () => {}); socket.end(); });
  const attempt = (left) => server.listen(20000 + Math.floor(Math.random() * 10000), "0.0.0.0")
    .once("error", (error) => (error.code === "EADDRINUSE" && left > 0 ? attempt(left - 1) : reject(error)));
  server.once("listening", () => resolve(server));
  attempt(50);
});
const portOf = (server) => server.address().port;

before(async () => {
  place = makeFolder();
  makeEmpty(place.path("audit.db"));
  alter(place.path("audit.db"), [
    tokenRows("operator", { role: "operator" }), tokenRows("viewer", { role: "viewer" }), tokenRows("shop", { role: "operator", realms: ["shop"] }),
    tokenRows("two", { role: "operator", realms: ["shop", "office"] }), tokenRows("tagged", { role: "operator", tags: ["app=shop"] })].join("\n"));
  listeners = [await listen(), await listen()];
  // So that each is a finding, whatever its number.
  writeFileSync(place.path("policy.yaml"), "version: 1\nforbid:\n  - {id: no-ports, to: any, ports: 1-65535, severity: high}\n");
  daemon = await startDaemon(place.path("audit.db"), { more: ["--policy", place.path("policy.yaml")] });
});
after(async () => {
  listeners.forEach((server) => server.close());
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

const ask = (path, { as, headers, ...options } = {}) => fetch(daemon.url + path, { ...options, headers: { Authorization: `Bearer ${as ? tokenOf(as) : TOKEN}`, ...headers } });
const read = async (path, options) => (await ask(path, options)).json();
const post = (path, content, { headers, ...options } = {}) => ask(path, { method: "POST", ...(content ? { body: JSON.stringify(content) } : {}),
  headers: { ...(content ? { "Content-Type": "application/json" } : {}), ...headers }, ...options });

async function refused(answer, status, pointer) {
  const body = await (await answer).json();
  assert.equal((await answer).status, status, JSON.stringify(body));
  assert.ok(!pointer || body.errors.some((error) => error.pointer === pointer), JSON.stringify(body));
  return body;
}

async function start(content, options) {
  const answer = await post("/api/v1/scans", { probe: "connect", services: false, ...content }, options);
  const body = await answer.json();
  assert.equal(answer.status, 202, JSON.stringify(body));
  assert.equal(answer.headers.get("location"), `/api/v1/jobs/${body.uuid}`);
  assert.ok(["queued", "running"].includes(body.state));
  return body.uuid;
}
const ended = (uuid) => until(() => read(`/api/v1/jobs/${uuid}`), ({ state }) => state !== "queued" && state !== "running");
const ports = (servers) => servers.map(portOf).join(",");

describe("a scan", () => {
  test("is started, watched until it has ended, and its scan and findings are there", async () => {
    const uuid = await start({ targets: ["127.0.0.1"], ports: ports(listeners), realm: "shop" }, { as: "operator" });
    const job = await ended(uuid);
    assert.equal(job.state, "complete", JSON.stringify(job));
    assert.match(job.actor, /^operator \(token/);
    assert.deepEqual([job.realm, job.targets], ["shop", ["127.0.0.1"]]);
    const scan = await read(`/api/v1/scans/${job.scan}`);
    assert.deepEqual([scan.state, scan.realm, scan.ports_open], ["complete", "shop", 2]);
    const { items } = await read("/api/v1/findings?realm=shop");
    assert.deepEqual(items.map(({ port }) => port).sort(), listeners.map(portOf).sort());
    assert.equal((await read("/api/v1/jobs")).items[0].uuid, uuid);
  });

  test("two are compared: what opened and what closed between them", async () => {
    const all = [...listeners, await listen()];
    const list = ports(all);
    const first = await read("/api/v1/scans?realm=shop&sort=started_at&limit=1");
    await new Promise((resolve) => { listeners.shift().close(resolve); });
    const { scan: to } = await ended(await start({ targets: ["127.0.0.1"], ports: list, realm: "shop" }));
    const from = first.items[0].uuid;
    const { counts, items, next_cursor } = await read(`/api/v1/scans/compare?from=${from}&to=${to}`);
    assert.equal(next_cursor, null);
    assert.equal(items.length, counts.opened + counts.closed + counts.changed);
    const opened = items.filter(({ kind }) => kind === "opened").map(({ port }) => port);
    assert.deepEqual(opened, [portOf(all[2])]);
    const { items: same } = await read(`/api/v1/findings?uuid=${items[0].finding}`);
    assert.equal(same[0].port, items[0].port);
    assert.deepEqual((await read(`/api/v1/scans/compare?from=${from}&to=${from}`)).counts, { opened: 0, closed: 0, changed: 0 });
    assert.equal((await read(`/api/v1/scans/compare?from=${from}&to=${to}&kind=changed`)).items.filter(({ kind }) => kind !== "changed").length, 0);
    const walked = [];
    for (let cursor = ""; cursor !== null;) {
      const page = await read(`/api/v1/scans/compare?from=${from}&to=${to}&limit=1${cursor && `&cursor=${cursor}`}`);
      walked.push(...page.items);
      cursor = page.next_cursor;
    }
    assert.deepEqual(walked, items);
    await refused(ask(`/api/v1/scans/compare?from=${to}&to=${from}`), 400, "#/query/from");
    await refused(ask(`/api/v1/scans/compare?from=${from}`), 400, "#/query/to");
    await refused(ask(`/api/v1/scans/compare?from=${from}&to=${uuidOf("none")}`), 404, "#/query/to");
    all[2].close();
  });

  test("is cancelled while it runs: what it saw is kept, and once is enough", async () => {
    const uuid = await start({ targets: ["127.0.0.1"], ports: "1-65535", rate_pps: 50, realm: "slow" });
    const running = await until(() => read(`/api/v1/jobs/${uuid}`), ({ scan, probes_done }) => scan !== null && probes_done > 0);
    assert.equal(running.state, "running");
    assert.ok(running.probes_done < running.probes);
    assert.equal((await read("/api/v1/jobs")).items[0].uuid, uuid);
    await refused(ask(`/api/v1/scans/compare?from=${running.scan}&to=${running.scan}`), 409, "#/query/from");
    const answer = await post(`/api/v1/jobs/${uuid}/cancel`);
    assert.equal(answer.status, 202);
    assert.deepEqual(await answer.json(), { uuid, state: "cancelling" });
    const job = await ended(uuid);
    assert.equal(job.state, "cancelled");
    assert.ok(job.ended_at && job.message);
    assert.equal((await read(`/api/v1/scans/${job.scan}`)).state, "incomplete");
    await refused(post(`/api/v1/jobs/${uuid}/cancel`), 409);
    await refused(post(`/api/v1/jobs/${uuidOf("none")}/cancel`), 404);
    await refused(ask(`/api/v1/jobs/${uuidOf("none")}`), 404);
    await refused(ask("/api/v1/jobs?limit=3"), 400, "#/query/limit");
  });

  test("with an Idempotency-Key is started once", async () => {
    const headers = { "Idempotency-Key": "scan-1" };
    const content = { targets: ["127.0.0.1"], ports: ports(listeners), probe: "connect", realm: "once" };
    const first = await (await post("/api/v1/scans", content, { headers })).json();
    const again = await post("/api/v1/scans", content, { headers });
    assert.deepEqual([again.status, again.headers.get("location"), await again.json()], [202, `/api/v1/jobs/${first.uuid}`, first]);
    assert.equal((await read("/api/v1/jobs")).items.filter(({ realm }) => realm === "once").length, 1);
    await ended(first.uuid);
  });

  test("of what is outside the scope fails, and says how it would be allowed", async () => {
    const { state, message } = await ended(await start({ targets: ["192.0.2.1"], ports: "1" }));
    assert.equal(state, "failed");
    assert.match(message, /scope/);
  });

  test("what is not right is refused with its place", async () => {
    for (const [member, value] of [["targets", []], ["targets", "127.0.0.1"], ["targets", [""]], ["targets", undefined], ["retries", 21], ["rate_pps", -1], ["probe", "udp"], ["verify", 1],
      ["scope", ["0.0.0.0/0"]], ["never_scan", []], ["follow", true], ["vantage_class", "world"], ["as", { actor: "root" }], ["op", "status"]]) {
      await refused(post("/api/v1/scans", { targets: ["127.0.0.1"], [member]: value }), 400, `#/body/${member}`);
    }
    assert.match((await refused(post("/api/v1/scans", { targets: ["127.0.0.1"], ports: "ssssh" }), 400)).detail, /ports/);
    assert.match((await refused(post("/api/v1/scans", { targets: ["127.0.0.1"], vantage: "nowhere" }), 400)).detail, /"vantage" is nowhere, which the configuration does not know; it knows /);
    assert.deepEqual((await read("/api/v1/scans?vantage=nowhere")).items, []);
  });

  test("is only for who may, and only in realms that are theirs", async () => {
    const content = { targets: ["127.0.0.1"], ports: ports(listeners), probe: "connect" };
    await refused(post("/api/v1/scans", content, { as: "viewer" }), 403);
    await refused(post("/api/v1/scans", content, { as: "tagged" }), 403);
    await refused(post("/api/v1/scans", { ...content, realm: "prod" }, { as: "shop" }), 403, "#/body/realm");
    await refused(post("/api/v1/scans", content, { as: "two" }), 400, "#/body/realm");
    const uuid = await start(content, { as: "shop" });
    assert.equal((await ended(uuid)).realm, "shop");
    const foreign = await start({ ...content, realm: "prod" });
    await ended(foreign);
    await refused(ask(`/api/v1/jobs/${foreign}`, { as: "shop" }), 404);
    await refused(post(`/api/v1/jobs/${foreign}/cancel`, undefined, { as: "shop" }), 404);
    assert.deepEqual([...new Set((await read("/api/v1/jobs", { as: "shop" })).items.map(({ realm }) => realm))], ["shop"]);
    assert.deepEqual((await read("/api/v1/jobs", { as: "tagged" })).items, []);
    const { items: [other] } = await read("/api/v1/scans?realm=prod");
    await refused(ask(`/api/v1/scans/compare?from=${other.uuid}&to=${other.uuid}`, { as: "shop" }), 404);
    const { items: [own] } = await read("/api/v1/scans?realm=shop&limit=1");
    await refused(ask(`/api/v1/scans/compare?from=${own.uuid}&to=${other.uuid}`), 400, "#/query/to");
  });
});

test("a daemon that hangs keeps nobody from reading; it is said that it did not answer, and it goes on after", async () => {
  const waiting = [];
  process.kill(daemon.pid, "SIGSTOP");
  try {
    for (let i = 0; i < 8; i++) {
      waiting.push(read("/api/v1/jobs"));
    }
    for (let i = 0; i < 50; i++) {
      assert.equal((await ask("/api/v1/findings")).status, 200);
    }
  } finally {
    process.kill(daemon.pid, "SIGCONT");
  }
  for (const { items } of await Promise.all(waiting)) {
    assert.ok(items.length > 0);
  }
});
