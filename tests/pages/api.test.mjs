// The API's conventions, each by requests as scripts send them, and what hostile clients send over raw sockets.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { until } from "./support/daemon.mjs";
import { alter, makeEmpty, makeFixture, signedIn, TOKEN, uuidOf } from "./support/fixture.mjs";
import { get, hostile, request } from "./support/hostile.mjs";
import { BIN, makeFolder, startSite } from "./support/site.mjs";
import { Validator } from "@seriousme/openapi-schema-validator";

const require = createRequire(import.meta.url);
const yaml = require("js-yaml");
const Ajv = require("ajv/dist/2020.js");
const addFormats = require("ajv-formats");
const { createConfig, lint } = require("@redocly/openapi-core");
const SCHEMA = readdirSync(new URL("../../schema/migrations", import.meta.url)).length;

let place;
let site;

before(() => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
});
before(async () => {
  site = await startSite(place.path("fixture.db"));
});
after(async () => {
  const ended = await site.stop();
  assert.equal(ended.status, 0);
  assert.equal(ended.errors, "");
  place.remove();
});

const ask = (path, options = {}) => fetch(site.url + path, { ...options, headers: { ...signedIn, ...options.headers } });
const read = async (path) => (await ask(path)).json();

async function problem(path, status, pointer, options) {
  const response = await ask(path, options);
  assert.equal(response.status, status, path);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const body = await response.json();
  assert.equal(body.status, status);
  assert.equal(body.instance, path);
  for (const name of ["type", "title", "detail"]) {
    assert.equal(typeof body[name], "string");
  }
  if (pointer) {
    assert.ok(body.errors.some((error) => error.pointer === pointer && error.message), JSON.stringify(body));
  }
  return { response, body };
}

// Sends bytes as they are; resolves to everything that came until the server closed, or `ms` passed.
function raw(bytes, { ms = 3000, port = site.port } = {}) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const chunks = [];
    const timer = setTimeout(() => { socket.destroy(); resolve({ text: Buffer.concat(chunks).toString("latin1"), closed: false }); }, ms);
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("error", (error) => (error.code === "ECONNRESET" || error.code === "EPIPE" ? null : reject(error)));
    socket.on("close", () => { clearTimeout(timer); resolve({ text: Buffer.concat(chunks).toString("latin1"), closed: true }); });
    socket.write(bytes);
  });
}

const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));

describe("the description", () => {
  test("is valid OpenAPI 3.1, served, and the same as in the schema folder", async () => {
    const response = await ask("/api/v1/openapi.yaml");
    assert.match(response.headers.get("content-type"), /^application\/yaml/);
    const text = await response.text();
    assert.equal(text, readFileSync(new URL("../../schema/openapi.yaml", import.meta.url), "utf8"));
    const description = yaml.load(text);
    assert.match(description.openapi, /^3\.1\./);
    assert.deepEqual(await new Validator().validate(description), { valid: true });
  });

  test("has nothing that a lint finds", async () => {
    // What anybody may ask, and takes nothing, has no error of its own.
    const config = await createConfig({ extends: ["recommended"], rules: { "operation-4xx-response": "off" } });
    const found = await lint({ ref: fileURLToPath(new URL("../../schema/openapi.yaml", import.meta.url)), config });
    assert.deepEqual(found.map(({ ruleId, message, location }) => `${location[0].pointer}: ${message} (${ruleId})`), []);
  });

  test("names every route of the table and no other, each with an id, a summary and a default answer", async () => {
    const table = readFileSync(new URL("../../web/routes.c", import.meta.url), "utf8");
    const routes = [...table.matchAll(/^ +\{"(\/[^"]*)", (?:NULL|media_(\w+)),/gm)].filter((match) => match[2] !== "html").map((match) => match[1]);
    const methods = ["get", "post", "put", "patch", "delete"];
    const { paths } = yaml.load(await (await ask("/api/v1/openapi.yaml")).text());
    assert.ok(routes.length > 10);
    assert.deepEqual(Object.keys(paths).sort(), [...new Set(routes)].sort());
    const operations = Object.values(paths).flatMap((path) => methods.filter((method) => path[method]).map((method) => path[method]));
    for (const operation of operations) {
      assert.ok(operation.operationId && operation.summary && operation.tags.length === 1 && operation.responses.default, operation.operationId);
    }
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, routes.length);
  });

  test("names every parameter that is taken, and each is taken", async () => {
    const description = yaml.load(await (await ask("/api/v1/openapi.yaml")).text());
    for (const [path, { get }] of Object.entries(description.paths).filter(([, of]) => of.get)) {
      const names = (get.parameters ?? []).map((one) => (one.$ref ? description.components.parameters[one.$ref.split("/").at(-1)] : one))
        .filter((one) => one.in !== "header").map((one) => one.name);
      for (const name of names) {
        const response = await ask(`${path.replace("{uuid}", uuidOf("x"))}?${name}=%01`);
        const { errors = [] } = response.status === 400 ? await response.json() : {};
        assert.ok(!errors.some((error) => error.message === "is not known here"), `${path}?${name}`);
      }
      const files = { "/api/v1/scans": "scan", "/api/v1/hosts": "host", "/api/v1/endpoints": "endpoint",
        "/api/v1/certificates": "certificate", "/api/v1/changes/services": "service_change",
        "/api/v1/findings": "finding", "/api/v1/changes": "change", "/api/v1/score": "score", "/api/v1/tokens": "token",
        "/api/v1/audit-log": "audit_log", "/api/v1/waivers": "waiver", "/api/v1/policies": "policy" };
      if (files[path]) {
        const source = readFileSync(new URL(`../../web/api_${files[path]}.c`, import.meta.url), "utf8");
        const taken = [...source.matchAll(/^ +\{"(\w+)", PARAM_/gm)].map((match) => match[1]);
        const common = ["limit", "cursor", "sort", ...(path === "/api/v1/findings" ? ["group_by"] : [])];
        assert.deepEqual([...names].sort(), [...taken, ...common].sort(), path);
      }
    }
  });

  test("every answer has the shape that it says", async () => {
    const description = yaml.load(await (await ask("/api/v1/openapi.yaml")).text());
    const ajv = new Ajv({ strict: false });
    addFormats(ajv);
    ajv.addSchema({ $id: "https://leastport.example/openapi", ...description });
    const { items: [finding] } = await read("/api/v1/findings");
    const { items: [scan] } = await read("/api/v1/scans");
    const uuids = { "/api/v1/scans/{uuid}": scan.uuid, "/api/v1/hosts/{uuid}": finding.host.uuid };
    // What asks the daemon, or must be told what to compare, walk.test.mjs asks.
    for (const path of Object.keys(description.paths).filter((one) => description.paths[one].get && !/jobs|compare|schedules|scanners|inventories|alerts|reach/.test(one))) {
      const pointer = `#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/get/responses/200/content/application~1json/schema`;
      if (!description.paths[path].get.responses["200"].content["application/json"]) {
        continue;
      }
      const body = await read(path.replace("{uuid}", uuids[path] ?? finding.uuid) + (path === "/api/v1/findings/export" ? "?format=defectdojo" : ""));
      const check = ajv.compile({ $ref: `https://leastport.example/openapi${encodeURI(pointer)}` });
      assert.ok(check(body), `${path}: ${ajv.errorsText(check.errors)}`);
      if (path === "/api/v1/findings") {
        assert.ok(check(await read(`${path}?as_of=${new Date(Date.now() - 24 * 3600e3).toISOString()}`)), ajv.errorsText(check.errors));
      }
    }
    const check = ajv.compile({ $ref: "https://leastport.example/openapi#/components/schemas/Groups" });
    assert.ok(check(await read("/api/v1/findings?group_by=realm,severity")), ajv.errorsText(check.errors));
  });
});

describe("lists", () => {
  const lists = ["findings", "hosts", "endpoints", "certificates", "scans", "changes", "changes/services", "score", "tokens", "audit-log", "waivers", "policies"];
  const sorts = { findings: ["id", "severity", "penalty", "port", "first_seen", "last_seen", "changed_at"],
    hosts: ["id", "exposure", "score", "last_up"], endpoints: ["id", "port", "last_seen"], scans: ["started_at"], changes: ["at"],
    "changes/services": ["at"], certificates: ["not_after", "first_seen", "id"], score: ["id", "first_at", "score", "exposure"], tokens: ["id"], "audit-log": ["at"], waivers: ["until", "created_at"], policies: ["loaded_at"] };

  for (const list of lists) {
    test(`${list}: pages of every order add up to the whole, none lost, none doubled`, async () => {
      for (const sort of sorts[list].flatMap((key) => [key, `-${key}`])) {
        const whole = (await read(`/api/v1/${list}?sort=${sort}&limit=500`));
        assert.equal(whole.next_cursor, null);
        const walked = [];
        let cursor = "";
        do {
          const page = await read(`/api/v1/${list}?sort=${sort}&limit=17${cursor && `&cursor=${cursor}`}`);
          assert.ok(page.items.length <= 17);
          walked.push(...page.items);
          cursor = page.next_cursor;
        } while (cursor !== null);
        assert.deepEqual(walked, whole.items, `${list} by ${sort}`);
      }
    });
  }

  test("limits outside 1 to 500 are refused", async () => {
    for (const limit of ["0", "501", "-1", "x", "", "1.5", "99999999999999999999"]) {
      await problem(`/api/v1/findings?limit=${limit}`, 400, "#/query/limit");
    }
  });

  test("unknown, doubled and empty parameters are refused, all of them named", async () => {
    const { body } = await problem("/api/v1/hosts?colour=red&limit=0&realm=", 400, "#/query/colour");
    assert.deepEqual(body.errors.map((error) => error.pointer), ["#/query/colour", "#/query/limit", "#/query/realm"]);
    await problem("/api/v1/hosts?realm=a&realm=b", 400, "#/query/realm");
    await problem("/api/v1/findings?severity=dreadful", 400, "#/query/severity");
    await problem("/api/v1/findings?port=70000", 400, "#/query/port");
    await problem("/api/v1/findings?changed_since=yesterday", 400, "#/query/changed_since");
    await problem("/api/v1/findings?group_by=colour", 400, "#/query/group_by");
    await problem("/api/v1/findings?as_of=2026-01-01T00:00:00Z&sort=-penalty", 400, "#/query/sort");
    await problem("/api/v1/findings?as_of=2026-01-01T00:00:00Z&group_by=realm&last_seen_since=2025-01-01T00:00:00Z", 400, "#/query/last_seen_since");
    await problem("/api/v1/findings/export?as_of=2026-01-01T00:00:00Z", 400, "#/query/as_of");
    await problem("/api/v1/endpoints?as_of=2026-01-01T00:00:00Z&with_ended=true", 400, "#/query/with_ended");
    await problem(`/api/v1/findings?realm=${Array(200).fill("a").join(",")}`, 400, "#/query/realm");
  });

  test("a cursor that was changed, or given under other filters, another order or another list, is refused", async () => {
    const { next_cursor: cursor } = await read("/api/v1/findings?limit=3&severity=low");
    const changed = (cursor[4] === "A" ? "B" : "A");
    await problem(`/api/v1/findings?limit=3&severity=low&cursor=${cursor.slice(0, 4)}${changed}${cursor.slice(5)}`, 400, "#/query/cursor");
    await problem(`/api/v1/findings?limit=3&severity=high&cursor=${cursor}`, 400, "#/query/cursor");
    await problem(`/api/v1/findings?limit=3&severity=low&sort=port&cursor=${cursor}`, 400, "#/query/cursor");
    await problem(`/api/v1/hosts?cursor=${cursor}`, 400, "#/query/cursor");
    await problem("/api/v1/hosts?cursor=x", 400, "#/query/cursor");
    await problem("/api/v1/findings?group_by=realm&cursor=x", 400, "#/query/cursor");
    const next = await read(`/api/v1/findings?severity=low&limit=5&cursor=${cursor}`);
    assert.equal(next.items.length, 5, "another limit goes on with the same cursor");
  });

  test("a comma means or; _min, _since and _before bound; defaults show what counts now", async () => {
    const every = "presence=NEW,OPEN,VERIFYING,FIXED,REAPPEARED,ALLOWED";
    const count = async (query) => (await read(`/api/v1/findings?limit=500&${query}`)).items.length;
    assert.equal(await count("severity=critical,high"), await count("severity_min=high"));
    assert.equal(await count("port=22,3389"), await count("port=22") + await count("port=3389"));
    assert.ok(await count(every) > await count(""));
    const { items } = await read(`/api/v1/findings?${every}&limit=500&sort=changed_at`);
    const middle = items[Math.floor(items.length / 2)].changed_at;
    assert.equal(await count(`${every}&changed_since=${middle}`), items.filter((one) => one.changed_at >= middle).length);
    assert.equal(await count(`${every}&changed_before=${middle}`), items.filter((one) => one.changed_at < middle).length);
    const recent = await read(`/api/v1/findings?changed_since=${middle}&limit=500`);
    assert.ok(recent.items.some((one) => one.presence === "FIXED"), "changed_since includes what was fixed");
  });

  test("as_of reads the intervals: who held an address then, what was open, what the score was", async () => {
    const then = new Date(Date.now() - 20 * 24 * 3600e3).toISOString();
    const before = new Date(Date.now() - 80 * 24 * 3600e3).toISOString();
    const ssh = `/api/v1/endpoints?host=${uuidOf(`host prod-eu 10.20.1.21`)}&port=22`;
    assert.deepEqual((await read(`${ssh}&as_of=${then}`)).items.map((one) => one.state), ["open"]);
    assert.deepEqual((await read(ssh)).items.map((one) => one.state), ["closed"]);
    assert.equal((await read(`${ssh}&with_ended=true`)).items.length, 2);
    assert.equal((await read(`${ssh}&as_of=${before}`)).items.length, 0);
    const held = await read(`/api/v1/hosts?address=10.20.1.14&realm=prod-eu&as_of=${then}`);
    assert.deepEqual(held.items.map((one) => [one.name, one.ports_open, one.findings.low]), [["cache-1.prod.example", 1, null]]);
    assert.equal((await read(`/api/v1/hosts?address=10.20.1.14&as_of=${before}`)).items.length, 0);
    const [now, past] = await Promise.all(["", `&as_of=${then}`].map((query) => read(`/api/v1/score?scope=fleet${query}`)));
    assert.ok(past.items[0].score > now.items[0].score);
  });

  const day = (ago) => new Date(Date.now() - ago * 24 * 3600e3).toISOString();
  const cache = uuidOf("host prod-eu 10.20.1.14");

  test("endpoints say what answers: service, product, version, TLS, authentication, every fact, the bytes", async () => {
    const { items: [redis] } = await read(`/api/v1/endpoints?host=${cache}&port=6379`);
    assert.deepEqual([redis.service, redis.recognised, redis.product, redis.version, redis.tls, redis.auth],
      ["redis", true, "Redis", "7.0.15", false, "none"]);
    assert.deepEqual(redis.evidence, [{ sent: "*1\\x0D\\x0A$4\\x0D\\x0APING\\x0D\\x0A", bytes: 14 }, { received: "+PONG\\x0D\\x0A", bytes: 7 }]);
    assert.deepEqual([redis.facts.door, redis.facts.cleartext], ["PING", true]);
    const { items: [database] } = await read(`/api/v1/endpoints?address=10.20.1.21&port=5432`);
    assert.deepEqual([database.facts["cert.days_left"], database.facts["cert.key_bits"], database.facts["tls.required"]], [9, 2048, false]);
    const { items: [unasked] } = await read(`/api/v1/endpoints?host=${uuidOf("host staging 10.20.1.14")}&port=7443`);
    assert.deepEqual([unasked.recognised, unasked.tls, unasked.asked_at, unasked.facts, unasked.evidence], [false, null, null, null, null]);
    const { items: [closed] } = await read(`/api/v1/endpoints?host=${uuidOf("host staging 10.20.1.14")}&port=22`);
    assert.deepEqual([closed.state, closed.facts], ["closed", null]);
  });

  test("endpoints: service is what answers, and the number's name only where nobody asked; auth", async () => {
    const ports = async (query) => (await read(`/api/v1/endpoints?limit=500&${query}`)).items.map((one) => `${one.address}:${one.port}`).sort();
    assert.deepEqual(await ports("vantage_class=world&state=open&service=redis,postgresql"), ["10.20.1.14:6379", "10.20.1.21:5432"]);
    // A Jetty on 8080 speaks HTTP, whatever 8080 is registered for; a silent port 80 speaks nothing.
    assert.ok((await ports("service=http")).includes("10.20.1.30:8080"));
    assert.ok(!(await ports("service=http-alt")).includes("10.20.1.30:8080"));
    assert.ok((await ports("service=http-alt")).includes("10.20.9.10:8080"), "nobody asked there");
    assert.ok(!(await ports("service=http")).includes("192.168.4.2:80"), "asked, and nothing was recognised");
    const { items: [silent] } = await read("/api/v1/endpoints?address=192.168.4.2&port=80");
    assert.deepEqual([silent.service, silent.recognised, silent.facts], [null, false, { behaviour: "silent" }]);
    assert.deepEqual(await ports("auth=none"), ["10.20.1.14:6379", "10.20.1.14:6379", "10.20.2.8:9092"]);
    assert.deepEqual(await ports("auth=none&realm=prod-eu&service=redis"), ["10.20.1.14:6379"]);
    assert.deepEqual(await ports("auth=none,required"), [...await ports("auth=none"), ...await ports("auth=required")].sort());
    await problem("/api/v1/endpoints?auth=perhaps", 400, "#/query/auth");
  });

  test("facts at a past moment: what answered then, and nothing before anybody asked", async () => {
    const jetty = "/api/v1/endpoints?address=10.20.1.30&port=8080";
    const [then, now] = await Promise.all([`${jetty}&as_of=${day(10)}`, jetty].map(read));
    assert.notEqual(then.items[0].facts["cert.sha256"], now.items[0].facts["cert.sha256"]);
    assert.equal(then.items[0].facts["cert.days_left"], 12);
    assert.equal(then.items[0].evidence, null, "the bytes are those of the last change");
    const long = (await read(`/api/v1/endpoints?address=10.20.1.21&port=5432&as_of=${day(35)}`)).items[0];
    assert.deepEqual([long.state, long.service, long.facts], ["open", "postgresql", null]);
    const kafka = async (query) => (await read(`/api/v1/endpoints?address=10.20.2.8&port=9092&${query}`)).items.length;
    assert.deepEqual(await Promise.all(["required", "none"].map((auth) => kafka(`auth=${auth}&as_of=${day(10)}`))), [1, 0]);
    assert.deepEqual(await Promise.all(["required", "none"].map((auth) => kafka(`auth=${auth}&as_of=${day(0.5)}`))), [0, 1]);
    assert.equal(await kafka(`service=kafka&as_of=${day(40)}`), 1, "open, and nobody had asked: the number's name");
    assert.equal(await kafka(`auth=none,required&as_of=${day(40)}`), 0);
    assert.deepEqual((await read("/api/v1/endpoints?with_ended=true&auth=none&limit=500")).items, (await read("/api/v1/endpoints?auth=none&limit=500")).items);
  });

  test("certificates: soonest to end first, with names, days and who shows them", async () => {
    const { items } = await read("/api/v1/certificates");
    assert.deepEqual(items.map((one) => [one.subject, one.days_left]), [["CN=app.prod.example", -6], ["CN=db-2.prod.example", 9], ["CN=edge-1.prod.example", 74]]);
    assert.deepEqual(items[1].names, ["db-2.prod.example", "db.prod.example"]);
    assert.deepEqual(items[1].endpoints.map((one) => [one.host, one.address, one.port, one.verdict]),
      [[uuidOf("host prod-eu 10.20.1.21"), "10.20.1.21", 5432, "trusted"]]);
    assert.deepEqual([items[0].endpoint_count, items[0].key_bits, items[0].endpoints[0].verdict, items[0].endpoints[0].weak], [1, 1024, "expired", true]);
    const subjects = async (query) => (await read(`/api/v1/certificates?${query}`)).items.map((one) => one.subject);
    assert.deepEqual(await subjects("name=DB.prod.example"), ["CN=db-2.prod.example"]);
    assert.deepEqual(await subjects("name=prod.example"), [], "a name is a whole one");
    assert.deepEqual(await subjects("issuer=issuing ca 3"), ["CN=db-2.prod.example", "CN=edge-1.prod.example"]);
    assert.deepEqual(await subjects(`not_after_before=${new Date().toISOString()}`), ["CN=app.prod.example"]);
    assert.deepEqual(await subjects("verdict=expired,bad"), ["CN=app.prod.example"]);
    assert.deepEqual(await subjects("weak=true"), ["CN=app.prod.example"]);
    assert.equal((await subjects("weak=false")).length, 3);
    assert.deepEqual(await subjects(`host=${uuidOf("host prod-eu 10.20.1.30")}`), ["CN=edge-1.prod.example"]);
    assert.deepEqual(await subjects("realm=office"), []);
    assert.equal((await subjects("with_unseen=true")).length, 4);
    await problem("/api/v1/certificates?verdict=dubious", 400, "#/query/verdict");
  });

  test("changes of what answers: a version, a door that opened, a certificate renewed; no first answer", async () => {
    const { items } = await read("/api/v1/changes/services");
    assert.deepEqual(items.map((one) => [one.what, one.fact, one.was, one.became, one.port].map((x) => (/^[0-9a-f]{64}$/.test(x) ? "…" : x))), [
      ["authentication changed", "auth", "required", "none", 9092],
      ["certificate renewed", "cert.sha256", "…", "…", 8080],
      ["version changed", "version", "3.4", "3.6", 9092]]);
    const broker = uuidOf("host prod-eu 10.20.2.8");
    assert.equal(items[0].host.uuid, broker);
    assert.ok(items.every((one, i) => i === 0 || one.at <= items[i - 1].at));
    assert.deepEqual((await read(`/api/v1/changes/services?at_since=${day(2.5)}`)).items, items.slice(0, 2));
    assert.deepEqual((await read(`/api/v1/changes/services?at_before=${day(2.5)}`)).items, items.slice(2));
    assert.deepEqual((await read("/api/v1/changes/services?fact=version,service")).items, items.slice(2));
    assert.deepEqual((await read(`/api/v1/changes/services?host=${broker}&port=9092&limit=500`)).items, [items[0], items[2]]);
    assert.deepEqual((await read("/api/v1/changes/services?realm=office")).items, []);
  });

  test("the same address in two realms is two hosts", async () => {
    const { items } = await read("/api/v1/hosts?address=10.20.1.14");
    assert.deepEqual(items.map((one) => one.realm).sort(), ["prod-eu", "staging"]);
    assert.notEqual(items[0].uuid, items[1].uuid);
  });

  test("as_of lists and counts findings as they stood", async () => {
    const { items: [back] } = await read("/api/v1/findings?presence=REAPPEARED");
    const at = (ms) => encodeURIComponent(new Date(Date.parse(back.changed_at) + ms).toISOString());
    const [then] = (await read(`/api/v1/findings?uuid=${back.uuid}&as_of=${at(-3600e3)}`)).items;
    assert.deepEqual([then.presence, then.penalty, then.terms, then.policy, then.last_seen], ["FIXED", null, null, null, null]);
    assert.ok(Date.parse(then.fixed_at) < Date.parse(back.changed_at) && then.changed_at === then.fixed_at);
    assert.equal((await read(`/api/v1/findings?uuid=${back.uuid}&as_of=${at(0)}`)).items[0].presence, "REAPPEARED");
    assert.deepEqual((await read("/api/v1/findings?as_of=2001-01-01T00:00:00Z")).items, []);
    const { groups } = await read(`/api/v1/findings?group_by=severity&as_of=${at(-3600e3)}`);
    const { items } = await read(`/api/v1/findings?limit=500&as_of=${at(-3600e3)}`);
    assert.equal(groups.reduce((sum, group) => sum + group.count, 0), items.length);
    assert.ok(items.length > 5 && groups.every((group) => group.exposure === null));
    const walked = [];
    for (let cursor = ""; cursor !== null;) {
      const page = await read(`/api/v1/findings?limit=3&as_of=${at(-3600e3)}${cursor && `&cursor=${cursor}`}`);
      walked.push(...page.items.map((item) => item.uuid));
      cursor = page.next_cursor;
    }
    assert.deepEqual(walked, items.map((item) => item.uuid));
  });

  test("group_by counts what the list lists", async () => {
    const { groups, is_complete } = await read("/api/v1/findings?group_by=realm,severity");
    const { items } = await read("/api/v1/findings?limit=500");
    assert.equal(is_complete, true);
    assert.equal(groups.reduce((sum, group) => sum + group.count, 0), items.length);
    const one = groups.find((group) => group.realm === "prod-eu" && group.severity === "critical");
    assert.equal(one.count, 2);
    assert.equal(one.exposure, 70);
    assert.equal((await read("/api/v1/findings?group_by=host&limit=2")).is_complete, false);
  });

  test("findings by the tags of their hosts, and by owner: each tag counts, a host without one is null", async () => {
    const { items } = await read("/api/v1/findings?limit=500&realm=office");
    const [{ host: { uuid } }] = items;
    alter(place.path("fixture.db"), `INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT id, source, key, value, 1 FROM asset,
      (SELECT 'inventory' AS source, 'app' AS key, 'shop' AS value UNION SELECT 'person', 'app', 'shop' UNION SELECT 'person', 'tier', 'a=b, c') WHERE uuid = '${uuid}'`);
    const mine = items.filter((one) => one.host.uuid === uuid);
    const { groups } = await read("/api/v1/findings?group_by=tag&realm=office");
    const counted = Object.fromEntries(groups.map((group) => [group.tag, group.count]));
    assert.deepEqual(counted, { "app=shop": mine.length, "tier=a=b, c": mine.length, ...(items.length > mine.length ? { null: items.length - mine.length } : {}) });
    const listed = await read("/api/v1/findings?tag=app%3Dshop&limit=500");
    assert.deepEqual(listed.items.map((one) => one.uuid).sort(), mine.map((one) => one.uuid).sort());
    assert.equal((await read("/api/v1/findings?tag=app%3Dshops")).items.length, 0);
    const owners = (await read("/api/v1/findings?group_by=owner")).groups;
    assert.equal(owners.reduce((sum, group) => sum + group.count, 0), (await read("/api/v1/findings?limit=500")).items.length);
  });

  test("what is overdue, by owner, and when each is due", async () => {
    const now = new Date().toISOString();
    const all = (await read("/api/v1/findings?limit=500")).items;
    const overdue = all.filter((one) => one.due_at !== null && one.due_at < now);
    assert.ok(overdue.length > 0 && overdue.length < all.length);
    assert.deepEqual((await read(`/api/v1/findings?due_before=${now}&limit=500`)).items.map((one) => one.uuid).sort(), overdue.map((one) => one.uuid).sort());
    assert.deepEqual((await read(`/api/v1/findings?due_since=${now}&limit=500`)).items.map((one) => one.uuid).sort(),
      all.filter((one) => one.due_at >= now).map((one) => one.uuid).sort());
    const { groups } = await read(`/api/v1/findings?due_before=${now}&group_by=owner`);
    assert.deepEqual(Object.fromEntries(groups.map(({ owner, count }) => [owner, count])),
      overdue.reduce((counts, { owner }) => ({ ...counts, [owner]: (counts[owner] ?? 0) + 1 }), {}));
    assert.ok((await read("/api/v1/findings?disposition=WAIVED")).items.every((one) => one.due_at === null));
    await problem(`/api/v1/findings?due_before=${now}&as_of=${now}`, 400);
  });

  test("coverage: each realm and vantage, of the last day unless it is said otherwise", async () => {
    const { items } = await read("/api/v1/coverage");
    assert.deepEqual((await read(`/api/v1/coverage?since=${new Date(Date.now() - 864e5).toISOString()}`)).items, items);
    assert.deepEqual([...new Set(items.map((one) => one.realm))], (await read("/api/v1/findings?group_by=realm")).groups.map((one) => one.realm).sort());
    for (const one of items) {
      assert.equal(one.hosts_known, (await read(`/api/v1/hosts?realm=${one.realm}&limit=500`)).items.length);
      assert.equal(one.share, one.ports_planned === 0 ? null : one.ports_judged / one.ports_planned);
    }
    assert.deepEqual((await read("/api/v1/coverage?realm=office")).items, items.filter((one) => one.realm === "office"));
    await problem("/api/v1/coverage?limit=3", 400);
  });

  test("changes: what a scan changed, what changed after it, one finding's events", async () => {
    const { items } = await read("/api/v1/scans?realm=prod-eu&limit=5");
    assert.deepEqual(items.map((scan) => scan.verifies), [true, false, false, false, false]);
    const scans = items.filter((scan) => !scan.verifies);
    const changed = await read(`/api/v1/changes?scan=${scans[0].uuid}&what=presence`);
    assert.deepEqual(changed.items.map((one) => one.became).sort(), ["FIXED", "NEW", "REAPPEARED"]);
    const after = await read(`/api/v1/changes?since_scan=${scans[1].uuid}&realm=prod-eu`);
    assert.deepEqual(after.items.map((one) => one.became).sort(), ["FIXED", "NEW", "REAPPEARED"]);
    await problem(`/api/v1/changes?since_scan=${uuidOf("no scan")}`, 404);
    const turned = async (turn) => (await read(`/api/v1/changes?scan=${scans[0].uuid}&turn=${turn}`)).items;
    assert.deepEqual((await turned("opened")).map((one) => one.became).sort(), ["NEW", "REAPPEARED"]);
    assert.deepEqual((await turned("closed")).map((one) => one.became), ["FIXED"]);
    const all = (await read("/api/v1/changes?limit=500")).items;
    const turns = await Promise.all(["opened", "closed", "confirmed", "otherwise"].map((turn) => read(`/api/v1/changes?turn=${turn}&limit=500`)));
    assert.deepEqual(turns.flatMap((page) => page.items.map((one) => JSON.stringify(one))).sort(), all.map((one) => JSON.stringify(one)).sort());
    const isOpen = (state) => ["NEW", "OPEN", "VERIFYING", "REAPPEARED"].includes(state);
    assert.ok(turns[0].items.every((one) => one.what === "presence" && !isOpen(one.was) && isOpen(one.became)));
    assert.ok(turns[2].items.length > 0 && turns[2].items.every((one) => one.what === "presence" && isOpen(one.was) && isOpen(one.became)));
    await problem("/api/v1/changes?turn=twisted", 400);
    const back = changed.items.find((one) => one.became === "REAPPEARED");
    const { events } = await read(`/api/v1/findings/${back.finding}`);
    assert.deepEqual(events.map((event) => event.became), ["REAPPEARED", "FIXED", "OPEN", "NEW"]);
    assert.equal(events[0].evidence.reason, "syn-ack");
    assert.deepEqual((await read(`/api/v1/findings/${back.finding}/events`)).items, events);
    assert.equal((await read(`/api/v1/findings/${back.finding}/events?limit=1`)).items.length, 1);
  });
});

describe("HTTP", () => {
  test("ETag: the same while nothing changes, 304 for it, weak and in a list too", async () => {
    const first = await ask("/api/v1/findings?limit=2");
    const tag = first.headers.get("etag");
    assert.match(tag, /^"[0-9a-f]{32}-gz"$/, "fetch takes gzip");
    for (const header of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const second = await ask("/api/v1/findings?limit=2", { headers: { "If-None-Match": header } });
      assert.equal(second.status, 304);
      assert.equal(second.headers.get("etag"), tag);
      assert.equal(await second.text(), "");
    }
    assert.equal((await ask("/api/v1/findings?limit=3", { headers: { "If-None-Match": tag } })).status, 200);
    const page = await ask("/");
    assert.equal((await ask("/", { headers: { "If-None-Match": page.headers.get("etag") } })).status, 304);
  });

  test("HEAD has the headers of GET and no body", async () => {
    const get = await ask("/api/v1/score");
    const head = await ask("/api/v1/score", { method: "HEAD" });
    assert.equal(head.status, 200);
    for (const name of ["content-length", "content-type", "etag"]) {
      assert.equal(head.headers.get(name), get.headers.get(name), name);
    }
    assert.equal(await head.text(), "");
  });

  test("one connection serves on, pipelined too, until its client closes it", async () => {
    const one = (method, path, ...headers) => request([`${method} ${path} HTTP/1.1`, "Host: localhost", `Authorization: Bearer ${TOKEN}`, ...headers]);
    const tag = (await ask("/api/v1/findings", { headers: { "Accept-Encoding": "identity" } })).headers.get("etag");
    const bytes = [one("GET", "/healthz"), one("HEAD", "/api/v1/score"), one("OPTIONS", "/api/v1/hosts"), one("DELETE", "/api/v1/hosts"),
      one("GET", "/nothing"), one("GET", "/api/v1/findings", `If-None-Match: ${tag}`), one("GET", "/healthz", "Content-Length: 0"),
      one("GET", "/healthz", "Connection: close"), one("GET", "/healthz")].join("");
    const { text, closed } = await raw(bytes);
    assert.deepEqual(statuses(text), [200, 200, 204, 405, 404, 304, 200, 200]);
    assert.equal([...text.matchAll(/^Connection: close\r$/gmi)].length, 1, "only the last one closes");
    assert.ok(closed);
    assert.equal((await raw(one("GET", "/healthz"), { ms: 500 })).closed, false);
  });

  test("a request with content, or with doubtful framing, is the connection's last", async () => {
    const first = request(["GET /healthz HTTP/1.1", "Host: localhost"]);
    const heads = [["Content-Length: 44"], ["Transfer-Encoding: chunked"], ["Content-Length: 0", "Transfer-Encoding: chunked"], ["Content-Length: 0", "Content-Length: 0"],
      ["Content-Length: 0", "Content-Length: 44"], ["Host: localhost"]];
    for (const method of ["GET", "HEAD", "POST"]) {
      for (const lines of heads) {
        const bytes = first + request([`${method} /healthz HTTP/1.1`, "Host: localhost", ...lines]) + first;
        const { text, closed } = await raw(bytes);
        const answers = statuses(text);
        assert.equal(answers.length, 2, `${method} ${lines}: ${text}`);
        assert.equal(answers[0], 200);
        assert.ok([400, 405, 413].includes(answers[1]), `${method} ${lines}: ${answers[1]}`);
        assert.ok(closed, `${method} ${lines}`);
      }
    }
  });

  test("OPTIONS and 405 name the methods", async () => {
    const options = await ask("/api/v1/findings", { method: "OPTIONS" });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("allow"), "GET, HEAD, OPTIONS");
    for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
      const { response } = await problem("/api/v1/findings", 405, null, { method });
      assert.equal(response.headers.get("allow"), "GET, HEAD, OPTIONS");
    }
    assert.deepEqual(statuses((await raw(request(["OPTIONS * HTTP/1.1", "Host: localhost", "Connection: close"]))).text), [204]);
  });

  test("406 for what nothing here is, also by q=0", async () => {
    for (const accept of ["image/png", "text/html", "application/json;q=0", "*/*;q=0.0"]) {
      await problem("/api/v1/findings", 406, "#/header/Accept", { headers: { accept } });
    }
    for (const accept of ["*/*", "application/*", "text/html, application/json;q=0.1", "*/*;q=0, application/json"]) {
      assert.equal((await ask("/api/v1/findings", { headers: { accept } })).status, 200, accept);
    }
  });

  test("health: each part, the age of the last scan, and the conventions of every resource", async () => {
    const answer = await ask("/api/v1/health");
    const health = await answer.json();
    const { items: [youngest] } = await read("/api/v1/scans?limit=1");
    const since = (Date.now() - Date.parse(youngest.ended_at)) / 1000;
    assert.equal(answer.status, 200);
    assert.equal(health.web.status, "running");
    assert.equal(health.database.schema, SCHEMA);
    assert.equal(health.database.last_scan.uuid, youngest.uuid);
    assert.ok(Math.abs(health.database.last_scan.age_s - since) < 5, `${health.database.last_scan.age_s}, not ${since}`);
    assert.deepEqual(health.auditd, { status: "unknown", hindrance: null });
    const head = await ask("/api/v1/health", { method: "HEAD" });
    assert.equal(head.status, 200);
    assert.match(head.headers.get("etag"), /^"[0-9a-f]{32}"$/);
    assert.equal((await ask("/api/v1/health", { headers: { "If-None-Match": "*" } })).status, 304);
    assert.equal((await ask("/api/v1/health", { headers: { "If-None-Match": `"${"0".repeat(32)}"` } })).status, 200);
    const options = await ask("/api/v1/health", { method: "OPTIONS" });
    assert.equal(options.status, 204);
    assert.equal(options.headers.get("allow"), "GET, HEAD, OPTIONS");
    await problem("/api/v1/health", 405, null, { method: "POST" });
    await problem("/api/v1/health", 406, "#/header/Accept", { headers: { accept: "text/html" } });
    assert.equal((await ask("/healthz")).status, 200);
  });

  test("404 for what there is not", async () => {
    for (const path of ["/nothing", "/api/v1/", "/api/v1/findings/", "/api/v1/findings/x", `/api/v1/hosts/${uuidOf("x")}`,
      `/api/v1/scans/${uuidOf("x")}`, `/api/v1/findings/${uuidOf("x")}`, `/api/v1/findings/${uuidOf("x")}/events`,
      "/assets/", "/assets/none.js", "/assets/api.js/"]) {
      await problem(path, 404);
    }
  });

  test("security headers stand on pages, scripts, data and problems", async () => {
    for (const path of ["/", "/findings", "/assets/api.js", "/api/v1/score", "/nothing"]) {
      const { headers } = await ask(path);
      assert.match(headers.get("content-security-policy"), /^default-src 'none';.*frame-ancestors 'none'$/);
      assert.doesNotMatch(headers.get("content-security-policy"), /unsafe|\*|https?:/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.equal(headers.get("access-control-allow-origin"), null);
    }
  });

  test("metrics: HELP and TYPE for each, counters end in _total, no address or port in a label", async () => {
    const response = await ask("/metrics");
    assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    const lines = (await response.text()).trimEnd().split("\n");
    const samples = lines.filter((line) => !line.startsWith("#"));
    for (const line of samples) {
      const name = /^[a-z_]+/.exec(line)[0];
      const type = lines.find((other) => other.startsWith(`# TYPE ${name} `))?.split(" ").at(-1);
      assert.ok(lines.some((other) => other.startsWith(`# HELP ${name} `)), name);
      assert.equal(type, name.endsWith("_total") ? "counter" : "gauge", name);
      assert.doesNotMatch(line, /\d+\.\d+\.\d+\.\d+|example|host=|port=/);
      assert.ok(Number.isFinite(Number(line.split(" ").at(-1))), line);
    }
    assert.ok(samples.includes('leastport_findings{severity="critical",sight="fresh"} 2'));
    assert.ok(samples.includes("leastport_database_ready 1"));
  });

  test("bytes that are no UTF-8 come out as U+FFFD, hostile text as JSON text", async () => {
    const response = await ask("/api/v1/endpoints?port=7443");
    const bytes = Buffer.from(await response.arrayBuffer());
    const { items } = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    assert.equal(items[0].service, "foo\ufffd\ufffd<b>");
  });
});

describe("hostile requests", () => {
  for (const [name, bytes, status] of hostile) {
    test(`${name}: ${status}, and only one answer`, async () => {
      const ends = bytes.replace("\r\n", status === 404 || status === 414 || (status === 400 && /%| http:/.test(bytes)) ? "\r\nConnection: close\r\n" : "\r\n");
      const { text, closed } = await raw(ends);
      // What the HTTP library refuses by itself, before any handler, it heads twice (0.9.75); it closes after it.
      const answers = text.includes("<html>") ? statuses(text).slice(0, -1) : statuses(text);
      assert.deepEqual(answers, [status], text.slice(0, 300));
      if (status !== 431) {
        assert.ok(closed, "the connection stays open");
      }
    });
  }

  test("a header of 1 MB is refused or cut off, and the server goes on", async () => {
    const { text } = await raw(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${"y".repeat(1024 * 1024)}\r\n\r\n`);
    assert.ok(["", "431", "413", "414"].includes(String(statuses(text)[0] ?? "")), text.slice(0, 200));
    assert.equal((await ask("/healthz")).status, 200);
  });

  test("what is no HTTP is closed, and the server goes on", async () => {
    for (const bytes of ["\x16\x03\x01\x02\x00\x01", "GET\r\n\r\n", get("/healthz", "Host: localhost", "X\0Y: b"), "\0\0\0\0\r\n\r\n", "SSH-2.0-x\r\n\r\n"]) {
      const { text } = await raw(bytes, { ms: 500 });
      assert.ok(!text.includes(" 200 "), text);
    }
    assert.equal((await ask("/healthz")).status, 200);
  });

  test("a head that trickles is cut off in about ten seconds, though it is never idle, be it the first or a later one", async () => {
    const first = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    const times = await Promise.all([first, `${first}\r\n${first}`].map((bytes) => new Promise((resolve) => {
      const started = Date.now();
      const socket = connect(site.port, "127.0.0.1");
      const drip = setInterval(() => socket.write("y"), 200);
      socket.on("error", () => {});
      socket.on("close", () => { clearInterval(drip); resolve(Date.now() - started); });
      socket.resume();
      socket.write(`${bytes}X: `);
    })));
    for (const took of times) {
      assert.ok(took > 8000 && took < 15000, `it took ${took} ms`);
    }
    assert.match(await (await ask("/metrics")).text(), /leastport_http_late_connections_total [2-9]/);
  });

  test("200 connections that say nothing keep nobody out", async () => {
    const sockets = Array.from({ length: 200 }, () => connect(site.port, "127.0.0.1"));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("connect", resolve))));
    assert.equal((await ask("/api/v1/findings?limit=1")).status, 200);
    sockets.forEach((socket) => socket.destroy());
  });

  test("many at once get the same answer", async () => {
    const bodies = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(["/api/v1/findings", "/api/v1/hosts?limit=5"][i % 2]).then((answer) => answer.text())));
    assert.equal(new Set(bodies).size, 2);
  });
});

describe("the database", () => {
  async function withSite(db, body, options) {
    const own = await startSite(db, options);
    try {
      await body((path) => fetch(own.url + path, { headers: signedIn }), own);
    } finally {
      assert.equal((await own.stop()).status, 0);
    }
  }

  const says = async (ask, status, pattern) => {
    for (const path of ["/readyz", "/api/v1/health", "/api/v1/findings"]) {
      const answer = await ask(path);
      assert.equal(answer.status, status);
      assert.match((await answer.json()).detail, pattern);
      assert.equal(answer.headers.get("retry-after"), "5");
    }
    assert.equal((await ask("/healthz")).status, 200);
    assert.equal((await ask("/")).status, 200);
    assert.equal((await ask("/metrics")).status, 503);
  };

  test("not there yet: starts, says so, and serves it when it comes", async () => {
    const path = place.path("comes.db");
    await withSite(path, async (ask) => {
      await says(ask, 503, /No audit has run yet.*leastport audit/);
      makeEmpty(path);
      assert.equal((await ask("/readyz")).status, 200);
      const { database } = await (await ask("/api/v1/health")).json();
      assert.deepEqual(database, { status: "readable", schema: SCHEMA, last_scan: null });
      assert.deepEqual(await (await ask("/api/v1/findings")).json(), { items: [], next_cursor: null });
    });
  });

  test("replaced by another file: serves the new one", async () => {
    const path = place.path("replaced.db");
    makeEmpty(path);
    await withSite(path, async (ask) => {
      assert.equal((await (await ask("/api/v1/findings")).json()).items.length, 0);
      makeFixture(place.path("replacement.db"));
      execFileSync("sqlite3", [place.path("replacement.db"), ".filectrl persist_wal 1", "PRAGMA wal_checkpoint(TRUNCATE)"]);
      for (const end of ["-wal", "-shm"]) {
        renameSync(path + end, place.path(`old${end}`));
      }
      renameSync(place.path("replacement.db"), path);
      await says(ask, 503, /-wal and -shm.*run one audit/);
      for (const end of ["-wal", "-shm"]) {
        renameSync(place.path(`replacement.db${end}`), path + end);
      }
      assert.ok((await (await ask("/api/v1/findings")).json()).items.length > 0);
    });
  });

  test("of a newer version, of another program, no database, cut short, a folder: each says what it is", async () => {
    makeEmpty(place.path("newer.db"));
    execFileSync("sqlite3", [place.path("newer.db"), "PRAGMA user_version = 999"]);
    execFileSync("sqlite3", [place.path("foreign.db"), "CREATE TABLE x (y); PRAGMA user_version = 1"]);
    writeFileSync(place.path("text.db"), "this is no database at all, ".repeat(100));
    writeFileSync(place.path("nothing.db"), "");
    mkdirSync(place.path("folder.db"));
    const cases = [["newer.db", /version 999.*install the newer/], ["foreign.db", /not a Leastport database/],
      ["text.db", /not a Leastport database/], ["nothing.db", /No audit has run yet/], ["folder.db", /is not a file/]];
    for (const [name, pattern] of cases) {
      await withSite(place.path(name), (ask) => says(ask, 503, pattern));
    }
  });

  test("corrupt in the middle: 500 that says so, and the server lives", async () => {
    const path = place.path("corrupt.db");
    makeFixture(path);
    execFileSync("sqlite3", [path, "PRAGMA wal_checkpoint(TRUNCATE)"]);
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 8192);
    writeFileSync(path, bytes);
    await withSite(path, async (ask) => {
      const answer = await ask("/api/v1/findings");
      assert.ok([500, 503].includes(answer.status));
      assert.match((await answer.json()).detail, /corrupt|malformed/);
      const health = await ask("/api/v1/health");
      assert.equal(health.status, 503);
      assert.match((await health.json()).errors[0].message, /corrupt|malformed/);
      assert.equal((await ask("/healthz")).status, 200);
    });
  });

  test("while a writer writes, readers see whole states and nothing locks", async () => {
    const path = place.path("written.db");
    makeFixture(path);
    await withSite(path, async (ask) => {
      const before = await (await ask("/api/v1/findings?group_by=realm")).json();
      const sql = "BEGIN IMMEDIATE; UPDATE finding SET presence = 'FIXED'; SELECT 'busy'; ";
      execFileSync("sqlite3", [path, `${sql} ROLLBACK;`]);
      assert.deepEqual(await (await ask("/api/v1/findings?group_by=realm")).json(), before);
      const tag = (await ask("/api/v1/findings")).headers.get("etag");
      execFileSync("sqlite3", [path, "UPDATE finding SET presence = 'FIXED' WHERE id = 1"]);
      assert.notEqual((await ask("/api/v1/findings")).headers.get("etag"), tag);
    });
  });

  test("says how the daemon is, by its control socket", async () => {
    const socket = place.path("control.sock");
    let answer = '{"ok":true,"version":"0","pid":1,"db":"x","jobs":[]}\n';
    const daemon = createServer((client) => client.on("data", () => client.end(answer)));
    await new Promise((resolve) => daemon.listen(socket, resolve));
    await withSite(place.path("fixture.db"), async (ask) => {
      const isSaid = async (status) => {
        // Who asks often gets what was said a moment before.
        assert.equal((await until(async () => (await ask("/readyz")).json(), ({ auditd }) => auditd === status)).hindrance, null);
        assert.deepEqual(await until(async () => (await ask("/api/v1/health")).json(), ({ auditd }) => auditd.status === status).then(({ auditd }) => auditd), { status, hindrance: null });
      };
      await isSaid("running");
      answer = "rubbish\n";
      await isSaid("silent");
      await new Promise((resolve) => daemon.close(resolve));
      await isSaid("stopped");
    }, { more: ["--control", socket] });
  });
});

describe("the program", () => {
  const start = (...args) => spawnSync(`${BIN}/leastport-web`, args, { encoding: "utf8", timeout: 10e3 });

  test("misuse ends with 2 and says what to do", () => {
    const cases = [[[], /--db FILE is missing/], [["--db", "x", "--listen", "0.0.0.0:1"], /only loopback addresses/],
      [["--db", "x", "--listen", "[::]:1"], /only loopback/], [["--db", "x", "--listen", "192.0.2.1:80"], /only loopback/],
      [["--db", "x", "--listen", "here"], /must be ADDR:PORT/], [["--db", "x", "--listen", "127.0.0.1:70000"], /must be ADDR:PORT/],
      [["--db", "x", "more"], /unexpected argument/], [["--colour"], /unrecognized option/]];
    for (const [args, pattern] of cases) {
      const { status, stderr } = start(...args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, pattern);
    }
  });

  test("a port in use ends with 2 and names it", () => {
    const { status, stderr } = start("--db", "x", "--listen", `127.0.0.1:${site.port}`);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`port ${site.port} on 127\\.0\\.0\\.1 is in use.*--listen`));
  });

  test("help fits a screen, version says it", () => {
    const help = start("--help");
    assert.equal(help.status, 0);
    assert.ok(help.stdout.split("\n").length <= 30, help.stdout);
    assert.ok(help.stdout.split("\n").every((line) => line.length <= 80), help.stdout);
    assert.match(start("--version").stdout, /^leastport-web \d/);
  });

  test("listens on IPv6 loopback and on localhost", async () => {
    for (const listen of ["[::1]:0", "localhost:0"]) {
      const own = await startSite(place.path("fixture.db"), { listen });
      assert.equal((await fetch(`${own.url}/healthz`)).status, 200);
      assert.equal((await own.stop()).status, 0);
    }
  });

  test("SIGTERM ends it cleanly while clients are connected", async () => {
    const own = await startSite(place.path("fixture.db"));
    const sockets = Array.from({ length: 20 }, () => connect(own.port, "127.0.0.1"));
    sockets.forEach((socket) => socket.on("error", () => {}));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on("connect", resolve))));
    await fetch(`${own.url}/api/v1/findings`, { headers: signedIn });
    assert.deepEqual(await own.stop(), { status: 0, signal: null, errors: "" });
    sockets.forEach((socket) => socket.destroy());
  });
});
