// Every operation of the description, asked of a real server over a real daemon: an answer has the status and the shape
// that it says, and every error that it names is provoked.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startDaemon, until } from "./support/daemon.mjs";
import { alter, makeEmpty, makeFixture, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { BIN, makeFolder, startSite } from "./support/site.mjs";

const require = createRequire(import.meta.url);
const yaml = require("js-yaml");
const Ajv = require("ajv/dist/2020.js");
const addFormats = require("ajv-formats");
const description = yaml.load(readFileSync(new URL("../../schema/openapi.yaml", import.meta.url), "utf8"));
const CLOUD = fileURLToPath(new URL("../integration/reach", import.meta.url));
const BASE = "https://leastport.example/openapi";
const CONFIG = `version: 1
targets: 127.0.0.1
ports: "1"
schedules: [{name: yearly, cron: "0 0 1 1 *"}, {name: asleep, cron: "0 0 1 1 *"}]
inventories: [{name: few, hosts: [{address: 127.0.0.1, name: self.example}]}]
alerts:
  receivers: [{name: hook, kind: webhook, url: "http://127.0.0.1:9/"}]
  rules: [{name: all, to: [hook]}]
`;
const at = (pointer) => pointer.slice(2).split("/").reduce((node, name) => node[name.replaceAll("~1", "/").replaceAll("~0", "~")], description);
const resolve = (node) => (node?.$ref ? { ...resolve(at(node.$ref)), ...Object.fromEntries(Object.entries(node).filter(([name]) => name !== "$ref")) } : node);
const operations = Object.entries(description.paths).flatMap(([path, of]) => ["get", "post", "put", "patch", "delete"].filter((method) => of[method])
  .map((method) => ({ path, method, shared: of.parameters ?? [], ...of[method], pointer: `#/paths/${path.replaceAll("~", "~0").replaceAll("/", "~1")}/${method}` })));
const parametersOf = (operation) => [...operation.shared, ...(operation.parameters ?? [])].map(resolve);
const isOpen = (operation) => operation.security?.length === 0;

let place;
let daemon;
let strict; // one request of a token in a minute
let blind; // has no database
let empty; // has one with nothing in it
let ids;
let serial = 0;
const ajv = new Ajv({ strict: false });
addFormats(ajv);
ajv.addSchema({ $id: BASE, ...description });

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  writeFileSync(place.path("config.yaml"), CONFIG);
  execFileSync(join(BIN, "leastport"), ["import", "aws", CLOUD, "--db", place.path("audit.db")], { stdio: "ignore" });
  alter(place.path("audit.db"), [tokenRows("viewer", { role: "viewer" }), tokenRows("reader", { role: "viewer", scopes: "read" }), tokenRows("metrics", { role: "viewer", scopes: "metrics" }), tokenRows("office", { role: "admin", realms: ["office"] })].join("\n"));
  daemon = await startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml")] });
  strict = await startSite(place.path("audit.db"), { more: ["--token-requests", "1", "--failures", "1"] });
  makeEmpty(place.path("empty.db"));
  empty = await startSite(place.path("empty.db"));
  blind = await startSite(place.path("none.db"));
  const read = async (path) => (await ask({ method: "get" }, path)).json();
  const scans = (await read("/api/v1/scans?realm=prod-eu&sort=started_at&limit=2")).items;
  ids = { scans: scans.map(({ uuid }) => uuid), host: (await read("/api/v1/hosts?limit=1")).items[0].uuid,
    fixed: (await read("/api/v1/findings?presence=FIXED")).items[0].uuid, findings: (await read("/api/v1/findings?presence=OPEN&limit=60")).items };
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  for (const site of [strict, blind, empty]) {
    assert.equal((await site.stop()).status, 0);
  }
  place.remove();
});

const ask = (operation, path, { content, headers, token = TOKEN, url = daemon.url } = {}) => fetch(url + path, { method: operation.method.toUpperCase(), redirect: "manual",
  headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(content === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
  ...(content === undefined ? {} : { body: typeof content === "string" ? content : JSON.stringify(content) }) });

// What a schema takes: its example, its only value, or the least that it requires.
function example(node) {
  const schema = resolve(node);
  if (schema.examples || schema.const !== undefined || schema.enum) {
    return schema.examples?.[0] ?? schema.const ?? schema.enum[0];
  }
  if (schema.type === "object") {
    return Object.fromEntries((schema.required ?? []).map((name) => [name, example(schema.properties[name])]));
  }
  const plain = { string: "example", integer: schema.minimum ?? 1, boolean: false };
  return schema.type === "array" ? [example(schema.items)] : plain[schema.type];
}
const contentOf = (operation) => (operation.requestBody ? example(operation.requestBody.content["application/json"].schema) : undefined);

// What cannot be known from the description: which finding is open, what a scan is called.
const finding = () => ids.findings[serial++ % ids.findings.length].uuid;
// One that nobody has decided about yet.
const undecided = async () => {
  const { items } = await (await ask({ method: "get" }, "/api/v1/findings?presence=OPEN&disposition=NONE&limit=500")).json();
  return items[serial++ % items.length].uuid;
};
const decide = async (uuid, verb, content) => assert.equal((await ask({ method: "post" }, `/api/v1/findings/${uuid}/${verb}`, { content })).status, 200);
const waiver = { owner: "o", reason: "r", until: "2097-03-31" };
const startSlow = async () => (await (await ask({ method: "post" }, "/api/v1/scans", { content: { targets: ["127.0.0.1"], ports: "1-65535", rate_pps: 5, probe: "connect", realm: `slow-${serial++}` } })).json()).uuid;
const cancel = async (uuid) => {
  await ask({ method: "post" }, `/api/v1/jobs/${uuid}/cancel`);
  await until(async () => (await ask({ method: "get" }, `/api/v1/jobs/${uuid}`)).json(), ({ state }) => !["queued", "running"].includes(state));
};
const idle = () => until(async () => (await (await ask({ method: "get" }, "/api/v1/jobs")).json()).items, (jobs) => !jobs.some(({ state }) => ["queued", "running"].includes(state)));
const hold = (where) => alter(place.path("audit.db"), `INSERT INTO alert_condition (kind, subject, text, since) VALUES ('fewer-open', '${where}', 'fewer are open', 1);`);
const live = {
  getScan: () => ({ uuid: ids.scans[0] }), getHost: () => ({ uuid: ids.host }),
  compareScans: () => ({ query: `?from=${ids.scans[0]}&to=${ids.scans[1]}` }),
  beginSession: () => ({ content: { token: TOKEN } }),
  unacknowledgeFinding: async () => { const uuid = await undecided(); await decide(uuid, "acknowledge", { reason: "r" }); return { uuid }; },
  unwaiveFinding: async () => { const uuid = await undecided(); await decide(uuid, "waive", waiver); return { uuid }; },
  decideFindings: () => ({ content: { action: "acknowledge", findings: [finding(), finding()], reason: "r" } }),
  adoptFindings: () => { alter(place.path("audit.db"), "UPDATE finding SET adopted_at = NULL WHERE presence = 'OPEN';"); return { content: { all: true } }; },
  importFile: () => ({ content: { text: `#masscan\nopen tcp 22 10.77.0.1 ${Math.floor(Date.now() / 1000)}\n# end\n`, realm: "walked", vantage: `walked-${serial++}` } }),
  giveWaiver: async () => { const { items: [{ rule_id: rule, host }] } = await (await ask({ method: "get" }, "/api/v1/findings?presence=OPEN&disposition=NONE&limit=1")).json(); return { content: { rule, hosts: { cidr: [`${host.address}/32`] }, ...waiver } }; },
  endWaiver: async () => ({ uuid: (await (await ask({ method: "get" }, "/api/v1/waivers")).json()).items.find(({ rule_id }) => rule_id).uuid }),
  getJob: async () => ({ uuid: (await (await ask({ method: "get" }, "/api/v1/jobs")).json()).items[0].uuid }),
  cancelJob: async () => ({ uuid: await startSlow() }),
  runSchedule: () => ({ content: { schedule: "yearly" } }), pauseSchedule: () => ({ content: { schedule: "asleep" } }), resumeSchedule: () => ({ content: { schedule: "asleep" } }),
  confirmInventory: () => ({ content: { inventory: "few" } }), testAlert: () => ({ content: { receiver: "hook" } }), retryAlert: () => ({ content: {} }),
  dropAlert: async () => ({ content: { alert: (await (await ask({ method: "get" }, "/api/v1/alerts")).json()).items.find(({ state }) => state === "waiting" || state === "dead").id } }),
  applyPolicy: async () => { await idle(); return {}; },
  liftHold: () => { const held = `prod-eu/held-${serial++}`; hold(held); return { content: { place: held } }; },
  createToken: () => ({ content: { name: `walked-${serial++}`, role: "viewer" } }),
  revokeToken: async () => { const name = `revoked-${serial++}`; await ask({ method: "post" }, "/api/v1/tokens", { content: { name } }); return { content: { token: name } }; },
};

// A request that is answered as the description says.
async function prepare(operation) {
  const { uuid = finding(), query = "", content = contentOf(operation) } = (await live[operation.operationId]?.()) ?? {};
  return { path: operation.path.replace("{uuid}", uuid) + query, content };
}

// All of an answer; of one without an end what comes first.
async function bodyOf(answer) {
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) {
    return answer.text();
  }
  const reader = answer.body.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

async function answersAs(operation, status, path, options) {
  const answer = await ask(operation, path, options);
  const text = await bodyOf(answer);
  assert.equal(answer.status, Number(status), `${operation.operationId}: ${text}`);
  const said = resolve(operation.responses[status]);
  assert.ok(said, `${operation.operationId} names ${status}`);
  for (const [name, header] of Object.entries(said.headers ?? {})) {
    const value = answer.headers.get(name);
    const { schema } = resolve(header);
    assert.ok(value !== null && ajv.validate(schema, schema.type === "integer" ? Number(value) : value), `${operation.operationId} ${status} ${name}: ${value}`);
  }
  const [media] = Object.keys(said.content ?? {});
  if (!media) {
    assert.equal(text, "");
    return undefined;
  }
  assert.equal(answer.headers.get("content-type").split(";")[0], media, operation.operationId);
  if (media.endsWith("json")) {
    const body = JSON.parse(text);
    const place = operation.responses[status].$ref ?? `${operation.pointer}/responses/${status}`;
    const check = ajv.compile({ $ref: `${BASE}${encodeURI(`${place}/content/${media.replaceAll("/", "~1")}/schema`)}` });
    assert.ok(check(body), `${operation.operationId} ${status}: ${ajv.errorsText(check.errors)} ${text.slice(0, 300)}`);
    return body;
  }
  return undefined;
}

describe("every operation", () => {
  const inOrder = [...operations].sort((a, b) => (["endSession"].includes(a.operationId) ? 1 : 0) - (["endSession"].includes(b.operationId) ? 1 : 0));
  for (const operation of inOrder) {
    test(`${operation.operationId}: answers as it says, to the least that it takes`, async () => {
      const { path, content } = await prepare(operation);
      const status = Object.keys(operation.responses).find((code) => code.startsWith("2"));
      await answersAs(operation, status, path, { content });
      if (operation.operationId === "cancelJob") {
        await idle();
      }
    });
  }
});

// How each error is brought about; by the operation's own way where it has one.
const unknownUuid = (operation) => operation.path.replace("{uuid}", uuidOf("nobody"));
const conflicts = {
  compareScans: async () => {
    alter(place.path("audit.db"), `UPDATE scan SET judged_at = NULL WHERE uuid = '${ids.scans[1]}';`);
    return { path: `/api/v1/scans/compare?from=${ids.scans[0]}&to=${ids.scans[1]}` };
  },
  cancelJob: async () => { const uuid = await startSlow(); await cancel(uuid); return { path: `/api/v1/jobs/${uuid}/cancel` }; },
  createToken: () => ({ path: "/api/v1/tokens", content: { name: "tests" } }),
  applyPolicy: async (operation) => { const uuid = await startSlow(); return { path: operation.path, content: contentOf(operation), done: () => cancel(uuid) }; },
};
const missing = {
  listReach: () => ({ path: "/api/v1/reach?to=nobody" }), listFlaws: () => ({ path: "/api/v1/reach/flaws?inventory=nobody" }),
  compareScans: () => ({ path: `/api/v1/scans/compare?from=${uuidOf("nobody")}&to=${ids.scans[1]}` }),
  decideFindings: () => ({ path: "/api/v1/findings/bulk", content: { action: "acknowledge", findings: [uuidOf("nobody")], reason: "r" } }),
  tryReach: () => ({ path: "/api/v1/reach/what-if", content: { change: { SecurityGroups: [] }, to: "nobody" } }),
  adoptFindings: () => ({ path: "/api/v1/findings/adopt", content: { realm: "nowhere" } }),
  giveWaiver: () => ({ path: "/api/v1/waivers", content: { rule: "no/rule", ...waiver } }),
  revokeToken: () => ({ path: "/api/v1/tokens/revoke", content: { token: "nobody's" } }),
  retryAlert: () => ({ path: "/api/v1/alerts/retry", content: { alert: "ffffffff" } }), dropAlert: () => ({ path: "/api/v1/alerts/drop", content: { alert: "ffffffff" } }),
  testAlert: () => ({ path: "/api/v1/alerts/test", content: { receiver: "nobody" } }),
  explainPolicy: () => ({ path: "/api/v1/policy/explain", content: { host: "nobody.example", port: 22 } }),
  liftHold: () => ({ path: "/api/v1/alerts/lift", content: { place: "no/where" } }),
  confirmInventory: () => ({ path: "/api/v1/inventories/confirm", content: { inventory: "none" } }),
};
// Two requests with one key while the daemon is held: whichever comes second is told so at once.
async function twice(operation) {
  const { path, content } = await prepare(operation);
  const headers = { "Idempotency-Key": `twice-${serial++}` };
  process.kill(daemon.pid, "SIGSTOP");
  try {
    const both = [ask(operation, path, { content, headers }), ask(operation, path, { content, headers })];
    const first = await Promise.race(both);
    assert.equal(first.status, 409, operation.operationId);
    assert.equal((await first.json()).status, 409);
    process.kill(daemon.pid, "SIGCONT");
    await Promise.all(both);
  } finally {
    process.kill(daemon.pid, "SIGCONT");
  }
  await idle();
}
const provoke = {
  304: async (operation) => {
    const { path } = await prepare(operation);
    const tag = (await ask(operation, path)).headers.get("etag");
    const answer = await ask(operation, path, { headers: { "If-None-Match": tag } });
    assert.equal(answer.status, 304, operation.operationId);
  },
  400: async (operation) => answersAs(operation, 400, operation.requestBody ? operation.path.replace("{uuid}", finding()) : `${operation.path.replace("{uuid}", finding())}?no_such_parameter=1`,
    { content: operation.requestBody ? { "no such member": 1 } : undefined }),
  401: async (operation) => answersAs(operation, 401, operation.path.replace("{uuid}", finding()), { token: operation.operationId === "beginSession" ? undefined : null,
    content: operation.operationId === "beginSession" ? { token: `lstp_${"0".repeat(12)}_${"0".repeat(64)}` } : contentOf(operation) }),
  403: async (operation) => {
    if (operation.path === "/api/v1/session") {
      const { headers } = await ask({ method: "post" }, "/api/v1/session", { content: { token: TOKEN } });
      const page = { Cookie: headers.get("set-cookie").split(";")[0], "Sec-Fetch-Site": "cross-site" };
      return answersAs(operation, 403, operation.path, { token: null, headers: page, content: operation.requestBody ? { token: TOKEN } : undefined });
    }
    return answersAs(operation, 403, operation.path.replace("{uuid}", finding()), { token: tokenOf(operation.path === "/metrics" ? "reader" : "metrics"), content: contentOf(operation) });
  },
  404: async (operation) => {
    const { path, content } = (missing[operation.operationId]?.()) ?? { path: unknownUuid(operation), content: operation.path.includes("/schedules/") ? { schedule: "none" } : contentOf(operation) };
    return answersAs(operation, 404, path, { content, url: operation.operationId === "getPolicy" ? empty.url : daemon.url });
  },
  409: async (operation) => {
    if (!conflicts[operation.operationId]) {
      return twice(operation);
    }
    const { path, content, done } = await conflicts[operation.operationId](operation);
    await answersAs(operation, 409, path, { content });
    return done?.();
  },
  412: async (operation) => answersAs(operation, 412, operation.path.replace("{uuid}", finding()), { content: contentOf(operation), headers: { "If-Match": '"0"' } }),
  422: async (operation) => {
    const { path, content } = await prepare(operation);
    const headers = { "Idempotency-Key": `other-${serial++}` };
    await (await ask(operation, path, { content, headers })).text();
    await answersAs(operation, 422, path, { content: `${JSON.stringify(content)} `, headers });
    await idle();
  },
  429: async (operation) => {
    const wrong = { token: `lstp_${"0".repeat(12)}_${"0".repeat(64)}` };
    const path = operation.path.replace("{uuid}", finding());
    const content = operation.operationId === "beginSession" ? wrong : contentOf(operation);
    for (let i = 0; i < 2; i++) {
      await bodyOf(await ask(operation, path, { url: strict.url, content }));
    }
    return answersAs(operation, 429, path, { url: strict.url, content });
  },
  503: async (operation) => answersAs(operation, 503, operation.path.replace("{uuid}", finding()), { url: blind.url, content: contentOf(operation) }),
};

describe("every error that is named", () => {
  const codes = [...new Set(operations.flatMap(({ responses }) => Object.keys(responses)))].filter((code) => /^[345]/.test(code));
  for (const code of codes.sort()) {
    // Those that hold the daemon, or are about what another may be about, come one by one.
    const concurrency = ["404", "409", "422"].includes(code) ? 1 : 8;
    test(`${code}`, { concurrency }, async (context) => {
      await Promise.all(operations.filter(({ responses }) => responses[code]).map((operation) => context.test(operation.operationId, () => provoke[code](operation))));
    });
  }

  test("what needs a key or a tag names what comes of it", () => {
    for (const operation of operations) {
      const names = parametersOf(operation).map(({ name }) => name);
      assert.equal(names.includes("Idempotency-Key"), operation.responses["422"] !== undefined, operation.operationId);
      assert.equal(names.includes("If-Match"), operation.responses["412"] !== undefined, operation.operationId);
      assert.ok(isOpen(operation) || (operation.responses["401"] && operation.responses["429"]), operation.operationId);
    }
  });
});
