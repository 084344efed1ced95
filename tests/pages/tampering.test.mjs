// Cursors, filters, paths, headers and contents that nobody's page sends: each is refused in words or means what it says,
// nothing breaks, and others are answered meanwhile. Driven by the description: a parameter that is added is tried.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDaemon } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { BIN, makeFolder } from "./support/site.mjs";

const require = createRequire(import.meta.url);
const yaml = require("js-yaml");
const description = yaml.load(readFileSync(new URL("../../schema/openapi.yaml", import.meta.url), "utf8"));
const resolve = (node) => (node?.$ref ? node.$ref.slice(2).split("/").reduce((at, name) => at[name.replaceAll("~1", "/")], description) : node);
const operations = Object.entries(description.paths).flatMap(([path, of]) => ["get", "post", "put", "patch", "delete"].filter((method) => of[method])
  .map((method) => ({ path, method, id: of[method].operationId, content: of[method].requestBody?.content["application/json"].schema,
    queries: [...(of.parameters ?? []), ...(of[method].parameters ?? [])].map(resolve).filter((one) => one.in === "query") })));
const reading = operations.filter(({ method, id }) => method === "get" && id !== "streamEvents");
const lists = reading.filter(({ queries }) => queries.some(({ name }) => name === "cursor"));
const writing = operations.filter(({ content, id }) => content && id !== "beginSession");
const LONG = process.env.LEASTPORT_TEST_LONG === "1";
const CONFIG = `version: 1
targets: 127.0.0.1
ports: "1"
web: {token_requests: 1000000}
schedules: [{name: yearly, cron: "0 0 1 1 *"}]
`;

let place;
let daemon;
let ids;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  cpSync(fileURLToPath(new URL("../integration/reach", import.meta.url)), place.path("cloud"), { recursive: true });
  const groups = JSON.parse(readFileSync(place.path("cloud/security-groups.json"), "utf8"));
  groups.SecurityGroups.push(...["sg-a", "sg-b"].map((id) => ({ ...groups.SecurityGroups[0], GroupId: id, GroupName: id })));
  writeFileSync(place.path("cloud/security-groups.json"), JSON.stringify(groups)); // two that nothing holds
  execFileSync(join(BIN, "leastport"), ["import", "aws", place.path("cloud"), "--db", place.path("audit.db")], { stdio: "ignore" });
  writeFileSync(place.path("config.yaml"), CONFIG);
  alter(place.path("audit.db"), [...Array.from({ length: 4 }, (_, i) => tokenRows(`token ${i}`, { role: "viewer" })), tokenRows("office", { realms: ["office"] }), tokenRows("office too", { realms: ["office"], role: "viewer" }), tokenRows("staging", { realms: ["staging"] }),
    ...Array.from({ length: 3 }, (_, i) => `INSERT INTO policy (hash, name, source, baseline, loaded_at) VALUES ('${i}${"0".repeat(63)}', 'policy ${i}', '', 1, ${i + 1});`),
    ...Array.from({ length: 3 }, (_, i) => `INSERT INTO audit_log (at, actor, address, what, outcome, detail) VALUES (${i + 1}, 'somebody', '', 'something', 'done', '');`)].join("\n"));
  daemon = await startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml")] });
  const { items: [finding] } = await (await ask("/api/v1/findings?presence=OPEN&limit=1")).json();
  const { items: waived } = await (await ask("/api/v1/findings?presence=OPEN&limit=4")).json();
  for (const { uuid } of waived.slice(1)) {
    assert.equal((await ask(`/api/v1/findings/${uuid}/waive`, { method: "POST", headers: { ...signedIn, "Content-Type": "application/json" }, body: JSON.stringify({ owner: "o", reason: "r", until: "2097-03-31" }) })).status, 200);
  }
  const scans = await Promise.all(["-started_at", "started_at"].map(async (sort) => (await (await ask(`/api/v1/scans?realm=prod-eu&sort=${sort}&limit=1`)).json()).items[0].uuid));
  ids = { finding: finding.uuid, host: finding.host.uuid, scans };
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  assert.doesNotMatch(daemon.log, /ERROR: AddressSanitizer|runtime error|"level":"error"/);
  place.remove();
});

const ask = (path, { headers = signedIn, ...options } = {}) => fetch(daemon.url + path, { redirect: "manual", headers, ...options });
const fill = (path, uuid) => path.replace("{uuid}", uuid ?? (path.includes("/hosts/") ? ids.host : path.includes("/scans/") ? ids.scans[0] : ids.finding));
const addressOf = (operation, more) => `${fill(operation.path)}${operation.id === "compareScans" ? `?from=${ids.scans[1]}&to=${ids.scans[0]}&` : "?"}${more}`;
const bearer = (name) => ({ Authorization: `Bearer ${tokenOf(name)}` });
const each = (list, act) => Promise.all(Array.from({ length: 8 }, async (_, lane) => {
  for (let i = lane; i < list.length; i += 8) {
    await act(list[i]);
  }
}));

// Its status, which is none of the server's own faults, and what it says, which can be read.
async function answer(path, options, what) {
  const got = await ask(path, { ...options, signal: AbortSignal.timeout(60e3) });
  const text = await got.text();
  assert.ok(got.status < 500, `${what}: ${got.status} ${text}`);
  assert.ok(got.headers.get("content-type") !== null || text === "", what);
  if (/json/.test(got.headers.get("content-type") ?? "")) {
    const body = JSON.parse(text);
    assert.ok(got.status < 400 || (body.status === got.status && body.detail.length > 5), `${what}: ${text}`);
    return { status: got.status, body, text };
  }
  return { status: got.status, text };
}

describe("cursors", () => {
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const cursorOf = async (operation, more = "", headers = signedIn) => (await (await ask(addressOf(operation, `limit=1${more}`), { headers })).json()).next_cursor;
  const refuses = async (operation, cursor, more = "", headers = signedIn) => {
    const { status, body } = await answer(addressOf(operation, `cursor=${encodeURIComponent(cursor)}${more}`), { headers }, `${operation.id} ${cursor.slice(0, 60)}`);
    assert.deepEqual([status, body.errors?.[0].pointer ?? body], [400, "#/query/cursor"], `${operation.id}${more}: ${cursor.slice(0, 80)}`);
  };
  let cursors;

  before(async () => {
    cursors = [];
    for (const operation of lists) {
      const cursor = await cursorOf(operation);
      if (cursor) {
        cursors.push([operation, cursor]);
      }
    }
  });

  test("each list has one to tamper with", () => {
    const without = lists.filter((operation) => !cursors.some(([one]) => one === operation)).map(({ id }) => id);
    assert.deepEqual(without, [], "the fixture has two rows for each");
  });

  test("a bit that is another, what is cut off, what is added: 400", async () => {
    for (const [operation, cursor] of cursors) {
      const bytes = Buffer.from(cursor, "base64url");
      assert.equal(bytes.length, 32);
      const bits = Array.from({ length: 256 }, (_, bit) => bit).filter((bit) => LONG || bit % 8 === operation.id.length % 8);
      const tampered = bits.map((bit) => { const copy = Buffer.from(bytes); copy[bit >> 3] ^= 1 << (bit & 7); return copy.toString("base64url"); });
      tampered.push(...[0, 1, 20, 42].map((length) => cursor.slice(0, length)), ...["A", "=", "==", "\u0000", " ", "\n", ",", cursor].map((more) => cursor + more), cursor.toUpperCase(), ` ${cursor}`, "A".repeat(43), "A".repeat(7000),
        "null", "-1", "0", "../../etc", Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0xf8, 0x7f]), bytes.subarray(8)]).toString("base64url"), Buffer.concat([bytes, bytes]).toString("base64url"));
      // The last digit has two bits to spare: another text of the same bytes is no other cursor.
      tampered.push(...[1, 2, 3].map((more) => cursor.slice(0, -1) + DIGITS[DIGITS.indexOf(cursor.at(-1)) + more]));
      await each(tampered.filter((text) => !/\u0000/.test(text)), (text) => refuses(operation, text));
      assert.equal((await answer(addressOf(operation, `cursor=${cursor}%00`), {}, "a zero byte")).status, 400);
      assert.equal((await answer(addressOf(operation, `cursor=${cursor}&cursor=${cursor}`), {}, "twice")).status, 400);
    }
  });

  test("another list's, another order's, another filter's, another reader's: 400", async () => {
    for (const [operation, cursor] of cursors) {
      for (const [other] of cursors.filter(([one]) => one !== operation)) {
        await refuses(other, cursor);
      }
      const sorts = resolve(operation.queries.find(({ name }) => name === "sort")?.schema)?.enum ?? [];
      for (const sort of sorts) {
        const own = await cursorOf(operation, `&sort=${sort}`);
        const theirs = sorts.find((one) => one !== sort);
        await (own && theirs ? refuses(operation, own, `&sort=${theirs}`) : null);
      }
      const filter = operation.queries.find(({ name }) => name.endsWith("_since"));
      await (filter ? refuses(operation, cursor, `&${filter.name}=2001-01-01T00:00:00Z`) : null);
    }
    const findings = lists.find(({ id }) => id === "listFindings");
    // Those of one token and of another with the same limits are alike.
    const same = await cursorOf(findings, "", bearer("office too"));
    assert.equal((await answer(addressOf(findings, `cursor=${same}`), { headers: bearer("office") }, "the same limits")).status, 200);
    const [office, staging] = await Promise.all(["office", "staging"].map((name) => cursorOf(findings, "", bearer(name))));
    await refuses(findings, office, "", bearer("staging"));
    await refuses(findings, staging, "", bearer("office"));
    await refuses(findings, office);
  });

  test("a filter that is written otherwise is another; one of two equal ones goes on", async () => {
    const findings = lists.find(({ id }) => id === "listFindings");
    const cursor = await cursorOf(findings, "&realm=prod-eu&presence=OPEN");
    assert.equal((await answer(addressOf(findings, `presence=OPEN&limit=7&realm=prod-eu&cursor=${cursor}`), {}, "in another order")).status, 200);
    for (const more of ["&realm=prod-eu", "&realm=prod-eu&presence=OPEN,NEW", "&realm=prod-eu&presence=NEW", "&realm=staging&presence=OPEN", "&realm=prod-eu&presence=OPEN&port=22"]) {
      await refuses(findings, cursor, more);
    }
  });
});

describe("parameters", () => {
  // What no row has: of a filter by text it finds nothing, whatever a pattern or a statement would make of it.
  const nothing = ["' OR 1=1 --", "'; DROP TABLE finding; --", "\" OR \"\"=\"", ") UNION SELECT hash FROM token --", "%", "_", "%%%", "*", "?", "[a-z]*", "*".repeat(3000), "%".repeat(2500), "*a".repeat(1500), "\\", "\\'", "${7*7}", "{{7*7}}", "$(id)", "`id`",
    "\r\nX-Injected: yes", "\t", "a\u0001b", "\u202e", "\u2028", "💥", "\u{10ffff}", "\ufeff", "x".repeat(7000), "../../../etc/passwd", "prod-eu\u00a0", " prod-eu", "PROD-EU ", "NULL", "null", "undefined", "rowid", "1;2", "0x7f", "<script>alert(1)</script>"];
  const numbers = ["-1", "0", "+5", " 5", "5 ", "05", "1.5", "1e3", "1e309", "NaN", "Infinity", "-0", "501", "65536", "2147483648", "4294967297", "9223372036854775807", "9223372036854775808", "18446744073709551616", "9".repeat(400), "٣", "0x10", "1_000", "true,false", "TRUE"];
  const times = ["1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999Z", "10000-01-01T00:00:00Z", "99999999-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T00:00:00+99:99", "2026-01-01T00:00:00-23:59",
    "2026-01-01", "2026-01-01T00:00:00", "-2026-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789012345678901234567890Z", "now", "-1d"];
  const forms = ["", ",", ",,", "a,", ",a", Array.from({ length: 129 }, (_, i) => `v${i}`).join(","), ",".repeat(5000)];
  const raw = ["%00", "a%00b", "%ff%fe", "%c0%af", "%ed%a0%80", "%f4%90%80%80", "%e2%82", "%zz", "%", "%2", "%u0041", "+", "a+b", "%2B"];
  const hostile = [...[...nothing, ...numbers, ...times, ...forms].map(encodeURIComponent), ...raw];
  const isPlainText = ({ schema }) => { const { type, enum: choices, format, items, pattern } = resolve(schema) ?? {}; return type === "string" && !choices && !format && !items && !pattern; };

  test("each parameter with each hostile value, alone and twice: refused in words, or what it says", async () => {
    const all = reading.flatMap((operation) => operation.queries.map((query) => [operation, query]));
    assert.ok(all.length > 100);
    // All values are sent in each run, and each parameter gets a sixth of them; with --long all.
    const sent = all.flatMap(([operation, query], i) => hostile.filter((_, n) => LONG || (n + i) % 6 === 0).map((value) => [operation, query, value]));
    const seen = { 200: 0, 400: 0 };
    let other = 0;
    let goes_on = true;
    const meanwhile = (async () => {
      while (goes_on) {
        assert.equal((await ask("/api/v1/findings?limit=5", { headers: bearer("token 0") })).status, 200, "others are answered meanwhile");
        other++;
      }
    })();
    await each(sent, async ([operation, query, value]) => {
      const { status, body, text } = await answer(addressOf(operation, `${query.name}=${value}`), {}, `${operation.id} ${query.name}=${value.slice(0, 60)}`);
      assert.ok([200, 400, 404, 409, 414].includes(status), `${operation.id} ${query.name}=${value}: ${status}`);
      assert.doesNotMatch(status === 200 ? "" : text.replaceAll("PostgreSQL", ""), /SQL|sqlite|syntax error|no such (table|column)/i, `${operation.id} ${query.name}=${value}`);
      seen[status] = (seen[status] ?? 0) + 1;
      const isNowhere = nothing.some((one) => encodeURIComponent(one) === value);
      if (status === 200 && isNowhere && isPlainText(query) && body?.items) {
        assert.deepEqual(body.items, [], `${operation.id} ${query.name}=${value}`);
      }
    });
    goes_on = false;
    await meanwhile;
    assert.ok(seen[200] > 100 && seen[400] > 300 && other > 10, JSON.stringify([seen, other]));
    await each(all, async ([operation, query]) => assert.equal((await answer(addressOf(operation, `${query.name}=1&${query.name}=1`), {}, `${operation.id} ${query.name} twice`)).status, 400, `${operation.id} ${query.name}`));
    await each(reading, async (operation) => {
      for (const more of ["no_such=1", "a[]=1", "a%5B$ne%5D=1", "=1", "&", "&&&", "limit", "LIMIT=1", "__proto__=1", "%6cimit=1%26sort=x"]) {
        assert.ok([200, 400, 404].includes((await answer(addressOf(operation, more), {}, `${operation.id}?${more}`)).status), `${operation.id}?${more}`);
      }
    });
  });

  test("all parameters of an operation at once, each as long as there is room", async () => {
    await each(reading.filter(({ queries }) => queries.length > 0), async (operation) => {
      const room = Math.floor(7000 / operation.queries.length);
      for (const filler of ["%", "*a", "[!a]", "x,", "'"]) {
        const query = operation.queries.map(({ name }) => `${name}=${encodeURIComponent(filler).repeat(Math.max(1, Math.floor((room - name.length) / encodeURIComponent(filler).length)))}`).join("&");
        assert.ok([400, 414].includes((await answer(addressOf(operation, query), {}, operation.id)).status), operation.id);
      }
    });
  });

  test("what stands for a thing in the path: 404 or 400, however it is written", async () => {
    const uuid = ids.finding;
    for (const operation of operations.filter(({ path }) => path.includes("{uuid}"))) {
      for (const text of [uuid.slice(1), `${uuid}0`, `{${uuid}}`, uuid.replaceAll("-", ""), `${uuid}%00`, `${uuid}%0a`, "..%2f..%2f", "-".repeat(36), "0".repeat(36), "%ff".repeat(36), "x".repeat(6000), `${uuid};jsessionid=1`, `${uuid}%3flimit=1`, "'%20OR%201=1--", uuid.replace(/.$/, "g")]) {
        const { status } = await answer(fill(operation.path, text), { method: operation.method.toUpperCase(), headers: { ...signedIn, ...(operation.content ? { "Content-Type": "application/json" } : {}) }, ...(operation.content ? { body: "{}" } : {}) }, `${operation.id} ${text}`);
        assert.ok([400, 404, 405, 414].includes(status), `${operation.id} ${text}: ${status}`);
      }
    }
  });
});

describe("headers", () => {
  const header = (name, value) => ({ headers: { ...signedIn, [name]: Buffer.from(value).toString("latin1") } });

  test("entity tags, keys and places of streams that are none", async () => {
    const values = ["", "*", "\"", "\"\"", "W/", "W/\"x\"", "\"a\", \"b\", *", ",".repeat(4000), "\"".repeat(4000), "x".repeat(8000), "' OR 1=1 --", "💥", "\u00ff"];
    for (const value of values) {
      assert.ok([200, 304].includes((await answer("/api/v1/findings?limit=1", header("If-None-Match", value), value)).status), value);
      const change = { ...header("If-Match", value), method: "POST", body: "{}" };
      assert.ok([400, 412].includes((await answer(`/api/v1/findings/${ids.finding}/acknowledge`, { ...change, headers: { ...change.headers, "Content-Type": "application/json" } }, value)).status), value);
      const key = { ...header("Idempotency-Key", value), method: "POST", body: "{}" };
      assert.equal((await answer(`/api/v1/findings/${ids.finding}/acknowledge`, { ...key, headers: { ...key.headers, "Content-Type": "application/json" } }, value)).status, 400, value);
      assert.ok([200, 406].includes((await answer("/api/v1/findings?limit=1", header("Accept", value), value)).status), value);
      assert.equal((await answer("/api/v1/findings?limit=1", header("Accept-Encoding", value), value)).status, 200, value);
    }
  });

  test("a stream that is to go on from nowhere begins anew, and says so", async () => {
    for (const place of ["0", "-1", "x", "1-1-1", "1-1-1-0000000000000000", "99999999999999999999-1-1-18ea9582381de954", "-1--1--1-0000000000000000", "9".repeat(3000), "1-2-3-4-5-6", "' OR 1=1"]) {
      const stream = await ask("/api/v1/events", { headers: { ...signedIn, "Last-Event-ID": place } });
      assert.equal(stream.status, 200, place);
      const reader = stream.body.getReader();
      let text = "";
      for (let step = await reader.read(); !step.done && !/data:.*\n/.test(text += new TextDecoder().decode(step.value)); step = await reader.read());
      await reader.cancel();
      assert.match(text, /^(retry: \d+\n+)?(: [^\n]*\n+)?event: reset\n(id: .*\n)?data: \{"reason":"(unknown|gap)"/, place);
    }
  });
});

describe("contents", () => {
  const send = (operation, body) => answer(fill(operation.path), { method: operation.method.toUpperCase(), headers: { ...signedIn, "Content-Type": "application/json" }, body }, `${operation.id} ${body.slice(0, 60)}`);

  test("what is no JSON, or no object, or too deep: 400", async () => {
    const bodies = ["", " ", "null", "true", "0", "\"x\"", "[]", "[{}]", "{", "{}x", "{}{}", "\ufeff{}", "{\"a\":1,\"a\":2}", "[".repeat(100000), "{\"a\":".repeat(50000), "{\"a\":1e999999}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\u0000\"}", "{\"a\":NaN}", "{'a':1}", "{\"a\":1,}", `{"${"k".repeat(100000)}":1}`, `{"a":${"9".repeat(100000)}}`,
      Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), Buffer.from("{}", "utf16le"), "{\"__proto__\":{\"admin\":true}}"];
    await each(writing.flatMap((operation, i) => bodies.filter((_, n) => LONG || (n + i) % 3 === 0).map((body) => [operation, body])), async ([operation, body]) => {
      assert.equal((await send(operation, body)).status, 400, `${operation.id} ${body.slice(0, 40)}`);
    });
  });

  test("each member as something else than it is: 400, and nothing is done", async () => {
    const example = (node) => {
      const schema = resolve(node);
      if (schema.examples || schema.const !== undefined || schema.enum) {
        return schema.examples?.[0] ?? schema.const ?? schema.enum[0];
      }
      const of = { object: () => Object.fromEntries((schema.required ?? []).map((key) => [key, example(schema.properties[key])])), array: () => [example(schema.items)], string: () => "example", integer: () => 1, boolean: () => false };
      return of[[schema.type].flat()[0]]?.() ?? {};
    };
    const values = [null, -1, 1.5, 9007199254740993, 1e308, "", "a\u0000b", "\ud800", {}, [], [[]], [null], { a: 1 }, true];
    const takes = (node, value) => {
      const schema = resolve(node);
      const types = [schema?.type ?? []].flat();
      const type = value === null ? "null" : Array.isArray(value) ? "array" : Number.isInteger(value) ? "integer" : typeof value;
      return types.length === 0 || types.includes(type) || (type === "integer" && types.includes("number"));
    };
    const tried = writing.flatMap((operation) => {
      const schema = resolve(operation.content);
      const properties = schema.properties ?? Object.assign({}, ...(schema.allOf ?? schema.oneOf ?? []).map((one) => resolve(one).properties));
      return Object.entries(properties).flatMap(([name, node]) => values.filter((value) => !takes(node, value)).map((value) => [operation, { ...example(operation.content), [name]: value }, name]));
    });
    assert.ok(tried.length > 300, `${tried.length}`);
    await each(tried, async ([operation, content, name]) => {
      const { status, text } = await send(operation, JSON.stringify(content));
      assert.equal(status, 400, `${operation.id} ${name}: ${JSON.stringify(content).slice(0, 200)} ${text.slice(0, 300)}`);
    });
    assert.equal((await (await ask(`/api/v1/findings/${ids.finding}`)).json()).disposition, "NONE");
    assert.deepEqual((await (await ask("/api/v1/jobs")).json()).items, []);
  });
});
