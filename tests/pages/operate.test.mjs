// What the command line tells of policies, holds and scanners, over the API of a real daemon: the same words, and limited
// as tokens are.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { startDaemon, until } from "./support/daemon.mjs";
import { alter, makeFixture, TOKEN, tokenOf, tokenRows } from "./support/fixture.mjs";
import { BIN, makeFolder } from "./support/site.mjs";

const CONFIG = `version: 1
realm: prod-eu
vantage: {name: here, class: own-vpc}
targets: 127.0.0.1
ports: "1"
rate: 50
vantages:
  - {name: outside, class: world, realm: office, address: [192.0.2.7], run: [ssh, outside]}
  - {name: elsewhere, run: [ssh, elsewhere]}
schedules:
  - {name: yearly, cron: "0 3 1 1 *", zone: Europe/Berlin, jitter: 10m, deadline: 2h}
  - {name: from-outside, cron: "0 4 1 1 *", realm: office, vantage: outside, targets: [127.0.0.1]}
`;
const POLICY = `version: 1
groups: {web: {tags: {role: web}}}
allow:
  - {id: web, to: web, from: world, ports: 443, why: it serves the world, owner: web}
tests:
  - {to: web, port: 443, from: world, expect: allowed}
  - {to: web, port: 22, from: world, expect: allowed}
`;

let place;
let daemon;
let open; // a finding of a port that is known to be open

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  writeFileSync(place.path("config.yaml"), CONFIG);
  writeFileSync(place.path("policy.yaml"), POLICY);
  alter(place.path("audit.db"), [tokenRows("viewer", { role: "viewer" }), tokenRows("operator", { role: "operator" }),
    tokenRows("office", { role: "operator", realms: ["office"] }), tokenRows("tagged", { role: "viewer", tags: ["app=shop"] })].join("\n"));
  daemon = await startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml")] });
  [open] = (await (await ask("/api/v1/findings?presence=OPEN&realm=prod-eu&service=postgresql&limit=1")).json()).items;
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

const ask = (path, { as, content } = {}) => fetch(daemon.url + path, { method: content ? "POST" : "GET", ...(content ? { body: JSON.stringify(content) } : {}),
  headers: { Authorization: `Bearer ${as ? tokenOf(as) : TOKEN}`, ...(content ? { "Content-Type": "application/json" } : {}) } });
async function told(path, options, status = 200) {
  const answer = await ask(path, options);
  const body = await answer.json();
  assert.equal(answer.status, status, JSON.stringify(body));
  return body;
}
const explain = (content, options) => told("/api/v1/policy/explain", { content, ...options });
// What the command line prints, whatever its exit status.
function leastport(...words) {
  try {
    return execFileSync(join(BIN, "leastport"), words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch (error) {
    return error.stdout;
  }
}

describe("a policy", () => {
  test("is explained for what is known to be open, as the command line does", async () => {
    const { address, realm } = open.host;
    const { known, ports } = await explain({ host: address, port: open.port, realm }, { as: "viewer" });
    assert.equal(known, true);
    assert.deepEqual([ports.length, ports[0].realm, ports[0].port, ports[0].proto], [1, realm, open.port, "tcp"]);
    const [, ...printed] = leastport("policy", "explain", address, String(open.port), "--realm", realm, "--config", place.path("config.yaml"), "--db", place.path("audit.db")).split("\n");
    assert.equal(ports[0].text, printed.join("\n"));
    assert.match(ports[0].text, /baseline\/postgresql/);
    // By its name as well.
    assert.deepEqual((await explain({ host: open.host.name, port: open.port, realm })).ports, ports);
  });

  test("is explained for what is not, as if it were; and by a draft", async () => {
    const asIf = { host: "198.51.100.9", port: 6379, from: "world" };
    const { known, ports: [port] } = await explain(asIf);
    assert.deepEqual([known, port.address, port.name, port.verdict, port.severity], [false, "198.51.100.9", null, "finding", "critical"]);
    assert.equal(port.text, leastport("policy", "explain", "198.51.100.9", "6379", "--from", "world"));
    const allow = "version: 1\nallow:\n  - {id: cache, to: any, from: world, ports: 4321, why: it is a test, owner: o}\n";
    const draft = { ...asIf, port: 4321, policy: allow };
    assert.deepEqual((await explain(draft)).ports.map(({ verdict, rule_id: rule }) => [verdict, rule]), [["allowed", "user/cache"]]);
    assert.equal((await explain({ ...draft, policy: undefined })).ports[0].verdict, "finding");
  });

  test("has its cases run", async () => {
    const { passed, failed, text } = await told("/api/v1/policy/test", { content: { policy: POLICY, name: "policy.yaml" }, as: "viewer" });
    assert.deepEqual([passed, failed], [1, 1]);
    assert.equal(text.replaceAll("policy.yaml", place.path("policy.yaml")), leastport("policy", "test", place.path("policy.yaml")));
  });

  test("is drafted for what is open, and the draft is good", async () => {
    const { policy, rules, hosts } = await told("/api/v1/policy/suggest", { content: {}, as: "viewer" });
    assert.ok(rules > 0 && hosts > 0, policy);
    const lines = (text) => text.split("\n").filter((line) => !line.startsWith("#"));
    assert.deepEqual(lines(policy), lines(leastport("policy", "suggest", "--db", place.path("audit.db"))));
    assert.equal((await told("/api/v1/policy/check", { content: { policy } })).good, true);
  });

  test("that is wrong is refused with its place; what is no question, by its member", async () => {
    for (const path of ["/api/v1/policy/test", "/api/v1/policy/suggest", "/api/v1/policy/explain"]) {
      const content = { policy: "version: 1\nallow: 7\n", ...(path.endsWith("explain") ? { host: "10.0.0.1", port: 1 } : {}) };
      assert.match((await told(path, { content }, 400)).detail, /^line 2, column 8: /, path);
      await told(path, { content, as: "office" }, 403);
    }
    for (const [member, value] of [["port", 0], ["port", 65536], ["proto", "sctp"], ["from", "mars"], ["host", ""]]) {
      const { status, detail, errors = [] } = await told("/api/v1/policy/explain", { content: { host: "10.0.0.1", port: 1, [member]: value } }, 400);
      assert.ok(status === 400 && JSON.stringify([detail, errors]).includes(member), `${member}: ${detail}`);
    }
    assert.match((await told("/api/v1/policy/explain", { content: { host: "nobody.example", port: 1 } }, 404)).detail, /nobody\.example/);
  });
});

describe("a hold", () => {
  test("is listed, lifted by who may, and then no longer there", async () => {
    alter(place.path("audit.db"), "INSERT INTO alert_condition (kind, subject, text, since) VALUES ('fewer-open', 'prod-eu/held', '10 of 11 are gone', 1700000000000);");
    const held = async () => (await told("/api/v1/alerts/amiss", { as: "viewer" })).items.filter(({ kind }) => kind === "fewer-open");
    assert.deepEqual(await held(), [{ kind: "fewer-open", subject: "prod-eu/held", text: "10 of 11 are gone", since: "2023-11-14T22:13:20.000Z" }]);
    await told("/api/v1/alerts/amiss", { as: "office" }, 403);
    for (const as of ["viewer", "office", "tagged"]) {
      await told("/api/v1/alerts/lift", { content: { place: "prod-eu/held" }, as }, 403);
    }
    assert.match((await told("/api/v1/alerts/lift", { content: { place: "prod-eu/other" } }, 404)).detail, /nothing is held at "prod-eu\/other"/);
    assert.equal((await held()).length, 1);
    assert.deepEqual(await told("/api/v1/alerts/lift", { content: { place: "prod-eu/held" }, as: "operator" }), { count: 1 });
    assert.deepEqual(await held(), []);
    const [{ actor, what }] = await until(async () => (await told("/api/v1/audit-log?what=alert%20lift&outcome=done")).items, ({ length }) => length > 0);
    assert.deepEqual([/^operator \(token/.test(actor), what], [true, "alert lift"]);
  });
});

describe("the scanners", () => {
  const scanners = async (options) => (await told("/api/v1/scanners", options)).items;

  test("say from where they scan and when", async () => {
    const items = await scanners({ as: "viewer" });
    assert.deepEqual(items.map(({ realm, vantage, known_by: by, is_local: here }) => [realm, vantage, by, here]),
      [["prod-eu", "here", "machine", true], ["office", "outside", "configuration", false], ["prod-eu", "elsewhere", "nobody", false]]);
    const [here, outside, elsewhere] = items;
    const own = Object.values(networkInterfaces()).flat().filter(({ internal, address }) => !internal && !address.startsWith("fe80:")).map(({ address }) => address);
    assert.deepEqual([...here.sources].sort(), [...new Set(own)].sort());
    assert.deepEqual([outside.sources, outside.vantage_class, outside.rate_pps, elsewhere.sources, elsewhere.vantage_class], [["192.0.2.7"], "world", 50, [], null]);
    const [yearly] = here.windows;
    assert.deepEqual([yearly.schedule, yearly.cron, yearly.zone, yearly.paused, yearly.jitter_s, yearly.deadline_s, yearly.targets], ["yearly", "0 3 1 1 *", "Europe/Berlin", false, 600, 7200, ["127.0.0.1"]]);
    assert.deepEqual(yearly.next.map(({ due }) => due.slice(4)), Array(3).fill("-01-01T02:00:00.000Z"));
    assert.deepEqual(outside.windows.map(({ schedule, jitter_s: jitter, deadline_s: deadline }) => [schedule, jitter, deadline]), [["from-outside", null, null]]);
  });

  test("say what they send now", async () => {
    const { uuid } = await told("/api/v1/scans", { content: { targets: ["127.0.0.1"], ports: "1-65535", rate_pps: 5, probe: "connect", realm: "lab" } }, 202);
    const [lab] = await until(async () => (await scanners()).filter(({ realm }) => realm === "lab"), (rows) => rows.length > 0);
    assert.deepEqual([lab.vantage, lab.running.map(({ job, targets }) => [job, targets])], ["here", [[uuid, ["127.0.0.1"]]]]);
    assert.match(lab.running[0].actor, /^tests \(token/);
    assert.equal((await ask(`/api/v1/jobs/${uuid}/cancel`, { content: undefined })).status, 405);
    assert.equal((await fetch(`${daemon.url}/api/v1/jobs/${uuid}/cancel`, { method: "POST", headers: { Authorization: `Bearer ${TOKEN}` } })).status, 202);
    await until(scanners, (rows) => !rows.some(({ realm }) => realm === "lab"));
  });

  test("are shown as far as a token reaches", async () => {
    assert.deepEqual((await scanners({ as: "office" })).map(({ realm, vantage }) => [realm, vantage]), [["office", "outside"]]);
    assert.deepEqual(await scanners({ as: "tagged" }), []);
    assert.equal((await told("/api/v1/scanners?x=1", {}, 400)).errors[0].pointer, "#/query/x");
  });
});
