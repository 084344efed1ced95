// Scans over the API, of this machine's own loopback: started, watched, cancelled, compared; by a real daemon.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon, until } from "./support/daemon.mjs";
import { alter, makeEmpty, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { BIN, makeFolder } from "./support/site.mjs";

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

describe("another scanner's file", () => {
  const SEEN = Math.floor(Date.now() / 1000) - 600;
  const nmap = (hosts, { at = SEEN, net = "10.60" } = {}) => `<nmaprun scanner="nmap" start="${at}">\n${hosts.map((host) => `<host endtime="${at + 5}"><status state="up"/><address addr="${net}.${host >> 8}.${host & 255}" addrtype="ipv4"/><ports>`
    + `<port protocol="tcp" portid="${22 + (host % 7)}"><state state="open" reason="syn-ack"/></port><port protocol="sctp" portid="9"><state state="open"/></port></ports></host>\n`).join("")}`
    + `<runstats><finished time="${at + 9}" exit="success"/></runstats></nmaprun>\n`;
  const send = (content, options) => post("/api/v1/imports", content, { as: "operator", ...options });
  const taken = async (content, options) => { const answer = await send(content, options); const body = await answer.json(); assert.equal(answer.status, 200, JSON.stringify(body)); return body; };
  const stored = (db, realm) => execFileSync(join(BIN, "leastport"), ["export", "csv", "--endpoints", "--state", "open", "--realm", realm, "--db", db], { encoding: "utf8" })
    .split("\r\n").slice(1).filter(Boolean).map((line) => line.split(",").slice(6, 14).join(",")).sort();
  const beside = (file, text, ...words) => { writeFileSync(place.path(file), text); return spawnSync(join(BIN, "leastport"), ["import", place.path(file), ...words], { encoding: "utf8" }); };

  test("comes in as the command line takes it: the same ports, a scan for each 1,000 hosts, judged and scored", async () => {
    const text = nmap([...Array(1100).keys()].map((host) => host + 1));
    const told = await taken({ text, realm: "taken", vantage: "office", vantage_class: "world" });
    assert.deepEqual({ ...told, scans: told.scans.length }, { realm: "taken", vantage: "office", format: "nmap", scanned_at: new Date(SEEN * 1000).toISOString(), hosts: 1100, open: 1100, left_out: 1100, finished: true, scans: 2 });
    for (const uuid of told.scans) {
      const scan = await read(`/api/v1/scans/${uuid}`);
      assert.deepEqual([scan.realm, scan.vantage, scan.state], ["taken", "office", "complete"]);
    }
    assert.equal(beside("alone.xml", text, "--db", place.path("alone.db"), "--realm", "taken", "--vantage", "office:world").status, 0);
    const rows = stored(place.path("audit.db"), "taken");
    assert.equal(rows.length, 1100);
    assert.deepEqual(rows, stored(place.path("alone.db"), "taken"));
    assert.equal((await read("/api/v1/findings?realm=taken&group_by=realm")).groups[0].count, 1100);
    const { status, stderr } = beside("again.xml", text, "--db", place.path("audit.db"), "--realm", "taken", "--vantage", "office");
    assert.equal(status, 2);
    assert.match(stderr, /was imported already, from the vantage office/, "known again by what it holds");
    const { items: [entry] } = await read("/api/v1/audit-log?what=import%20file&limit=1");
    assert.match(entry.actor, /^operator \(token/);
  });

  test("is taken once: again it is refused, by its key it is answered again, and an older one undoes nothing", async () => {
    const content = { text: nmap([1, 2]), realm: "sent" };
    const headers = { "Idempotency-Key": "import-once" };
    const first = await taken(content, { headers });
    assert.deepEqual([first.vantage, first.scans.length], ["nmap", 1]);
    assert.deepEqual(await taken(content, { headers }), first);
    assert.match((await refused(send(content), 409)).detail, /imported already, from the vantage nmap in the realm sent/);
    assert.match((await refused(send({ ...content, text: nmap([3], { at: SEEN - 900 }) }), 409)).detail, /would undo what is known/);
    const masscan = await taken({ text: `#masscan\nopen tcp 6379 10.60.0.9 ${SEEN}\n# end\n`, realm: "sent", format: "masscan-list" });
    assert.deepEqual([masscan.vantage, masscan.format, masscan.finished, masscan.hosts], ["masscan", "masscan-list", false, 1]);
    assert.equal(stored(place.path("audit.db"), "sent").length, 3);
  });

  test("that is not right is refused with its line, and nothing of it is stored", async () => {
    for (const [text, says] of [["hello", /neither nmap's XML/], [nmap([1]).slice(0, -20), /^line \d+: .*Nothing was imported/], ["#masscan\nopen tcp 70000 10.0.0.5 1\n# end\n", /^line 2: 70000 is no port/],
      ['<!DOCTYPE a [<!ENTITY b "c">]><nmaprun start="1">&b;</nmaprun>', /^line 1: /], [nmap([1], { at: SEEN + 864e3 }), /still to come/], ["#masscan\n\u0000# end\n", /./]]) {
      assert.match((await refused(send({ text, realm: "bad" }), 400)).detail, says);
    }
    assert.match((await refused(send({ text: nmap([1, 2], { net: "192.0" }), realm: "bad" }), 409)).detail, /^line 2: 192\.0\.0\.1 is outside the daemon's scope/);
    for (const [member, value] of [["text", undefined], ["text", ""], ["text", 5], ["format", "csv"], ["vantage_class", "moon"], ["realm", ""], ["scope", ["0.0.0.0/0"]], ["digest", "0"]]) {
      await refused(send({ text: nmap([1]), realm: "bad", [member]: value }), 400, `#/body/${member}`);
    }
    assert.equal((await send({ text: `#masscan\n${"#".repeat(520 * 1024)}\n# end\n` })).status, 413);
    for (const as of ["viewer", "shop", "tagged"]) {
      await refused(send({ text: nmap([1]), realm: as === "shop" ? "shop" : "bad" }, { as }), 403);
    }
    assert.deepEqual((await read("/api/v1/scans?realm=bad")).items, []);
  });

  test("of more hosts than others shall wait for is refused", async () => {
    const list = (count) => `#masscan\n${[...Array(count).keys()].map((host) => `open tcp 22 10.61.${host >> 8}.${host & 255} ${SEEN}\n`).join("")}# end\n`;
    assert.match((await refused(send({ text: list(2001), realm: "long" }), 400)).detail, /2001 hosts, and at most 2000 come in so: `leastport import` takes more/);
    assert.deepEqual((await read("/api/v1/scans?realm=long")).items, []);
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
