// Every operation of the description with every kind of credential: what its x-access says is what it asks for. And what
// a limited token is told of another's things is what it is told of things that there are not.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { makeFolder } from "./support/site.mjs";

const require = createRequire(import.meta.url);
const yaml = require("js-yaml");
const description = yaml.load(readFileSync(new URL("../../schema/openapi.yaml", import.meta.url), "utf8"));
const resolve = (node) => (node?.$ref ? node.$ref.slice(2).split("/").reduce((at, name) => at[name.replaceAll("~1", "/")], description) : node);
const operations = Object.entries(description.paths).flatMap(([path, of]) => ["get", "post", "put", "patch", "delete"].filter((method) => of[method])
  .map((method) => ({ path, method, access: of[method]["x-access"], id: of[method].operationId, content: of[method].requestBody,
    queries: [...(of.parameters ?? []), ...(of[method].parameters ?? [])].map(resolve).filter((one) => one.in === "query").map(({ name }) => name) })));
const ROLES = ["viewer", "operator", "admin"];
const SCOPES = { viewer: ["read", "metrics"], operator: ["read", "metrics", "write"], admin: ["read", "metrics", "tokens", "audit-log", "write"] };
const CONFIG = `version: 1
realm: prod-eu
targets: 127.0.0.1
ports: "1"
web: {failures: 100000, token_requests: 100000}
schedules: [{name: of-prod-eu, cron: "0 0 1 1 *"}]
inventories: [{name: of-prod-eu, realm: prod-eu, hosts: [{address: 127.0.0.1, name: self.prod.example}]}]
alerts:
  receivers: [{name: hook-of-prod-eu, kind: webhook, url: "http://127.0.0.1:9/"}]
  rules: [{name: all-of-prod-eu, to: [hook-of-prod-eu]}]
`;

let place;
let daemon;
let foreign; // what is of other realms than the limited token's

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  writeFileSync(place.path("config.yaml"), CONFIG);
  alter(place.path("audit.db"), [...ROLES.map((role) => tokenRows(role, { role })), ...SCOPES.admin.map((scope) => tokenRows(`only ${scope}`, { role: "admin", scopes: scope })),
    tokenRows("office", { realms: ["office"] }), tokenRows("tagged", { tags: ["app=shop"] }),
    tokenRows("expired", { expires_at: Date.now() - 1000 }), tokenRows("revoked", { revoked_at: 5 })].join("\n"));
  daemon = await startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml")] });
  const read = async (path) => (await ask(path)).json();
  const started = await ask("/api/v1/scans", { method: "POST", body: JSON.stringify({ targets: ["127.0.0.1"], ports: "1-65535", rate_pps: 1, probe: "connect", realm: "prod-eu" }), headers: { ...signedIn, "Content-Type": "application/json" } });
  const { items: [finding] } = await read("/api/v1/findings?realm=prod-eu&presence=OPEN");
  foreign = { job: (await started.json()).uuid, finding: finding.uuid, host: finding.host.uuid, scan: (await read("/api/v1/scans?realm=prod-eu&limit=1")).items[0].uuid, rule: finding.rule_id };
});
after(async () => {
  const cancelled = await ask(`/api/v1/jobs/${foreign.job}/cancel`, { method: "POST" });
  assert.ok(cancelled.ok, await cancelled.text());
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

const bearer = (name) => ({ Authorization: `Bearer ${tokenOf(name)}` });
const ask = (path, { headers = signedIn, ...options } = {}) => fetch(daemon.url + path, { redirect: "manual", headers, ...options });
const fill = (path) => path.replace("{uuid}", path.includes("/jobs/") ? foreign.job : path.includes("/hosts/") ? foreign.host : path.includes("/scans/") ? foreign.scan : foreign.finding);
const name = ({ method, path }) => `${method} ${path}`;

// Nothing that an operation takes for a deed: who is let in is told that something is missing.
async function send(operation, headers, { path = fill(operation.path), method = operation.method, body = "{}" } = {}) {
  const answer = await ask(path, { method: method.toUpperCase(), headers: { ...(operation.content ? { "Content-Type": "application/json" } : {}), ...headers }, ...(operation.content ? { body } : {}) });
  assert.equal(answer.headers.get("access-control-allow-origin"), null, name(operation));
  assert.ok(answer.status < 500, `${name(operation)}: ${answer.status}`);
  if (answer.headers.get("content-type")?.startsWith("text/event-stream")) {
    await answer.body.cancel();
    return { status: answer.status, text: "" };
  }
  return { status: answer.status, text: await answer.text() };
}
const isLetIn = ({ status }) => status !== 401 && status !== 403;
// A job that is let be cancelled is not there any more, and a session that is ended either.
const closed = operations.filter(({ access }) => access !== "anybody");
const lasting = closed.filter(({ id }) => !["cancelJob", "endSession"].includes(id));

async function refuses(operation, headers, status, more) {
  const answer = await send(operation, headers, more);
  assert.equal(answer.status, status, `${name(operation)}: ${answer.text}`);
  if (more?.method !== "head") {
    const { detail, status: said } = JSON.parse(answer.text);
    assert.ok(said === status && detail.length > 10, answer.text);
  }
}
const each = (list, act) => Promise.all(Array.from({ length: 8 }, async (_, lane) => {
  for (let i = lane; i < list.length; i += 8) {
    await act(list[i]);
  }
}));

describe("who may", () => {
  test("every operation says it, and the whole is as the description has it", () => {
    for (const { access, id, path } of operations) {
      const isSaid = access === "anybody" || access === "somebody" ||
        (ROLES.includes(access?.role) && SCOPES[access.role].includes(access.scope) && [undefined, "refused"].includes(access.limited) && Object.keys(access).every((key) => ["role", "scope", "limited"].includes(key)));
      assert.ok(isSaid, `${id} has no x-access: ${JSON.stringify(access)}`);
      assert.equal(access === "anybody", (path === "/api/v1/session" && id === "beginSession") || description.paths[path].get?.security?.length === 0, id);
    }
    assert.ok(closed.length > 50);
  });

  const wrong = { "no token": {}, "one that never was": { Authorization: `Bearer lstp_${"0".repeat(12)}_${"0".repeat(64)}` }, garbage: { Authorization: "Bearer ���%00\\" },
    "an empty one": { Authorization: "Bearer " }, expired: bearer("expired"), revoked: bearer("revoked"), "a session that nobody began": { Cookie: `leastport-PORT=${"0".repeat(64)}` } };
  for (const [title, headers] of Object.entries(wrong)) {
    test(`${title}: 401 everywhere, HEAD too`, async () => {
      const sent = Object.fromEntries(Object.entries(headers).map(([key, value]) => [key, Buffer.from(value.replace("PORT", new URL(daemon.url).port)).toString("latin1")]));
      await each(closed, async (operation) => {
        for (const method of operation.method === "get" ? ["get", "head"] : [operation.method]) {
          await refuses(operation, sent, 401, { method });
        }
      });
    });
  }

  test("each role and each scope: as said, 403 below, let in from there on", async () => {
    await each(lasting.filter(({ access }) => access !== "somebody"), async (operation) => {
      const { role: least, scope, limited } = operation.access;
      for (const role of ROLES) {
        const may = ROLES.indexOf(role) >= ROLES.indexOf(least);
        await (may ? send(operation, bearer(role)).then((answer) => assert.ok(isLetIn(answer), `${name(operation)} for ${role}: ${answer.text}`)) : refuses(operation, bearer(role), 403));
      }
      for (const one of SCOPES.admin) {
        await (one === scope ? send(operation, bearer(`only ${one}`)).then((answer) => assert.ok(isLetIn(answer), `${name(operation)} with ${one}: ${answer.text}`)) : refuses(operation, bearer(`only ${one}`), 403));
      }
      for (const who of ["office", "tagged"]) {
        await (limited === "refused" ? refuses(operation, bearer(who), 403) : send(operation, bearer(who)).then((answer) => assert.ok(isLetIn(answer) , `${name(operation)} for ${who}: ${answer.text}`)));
      }
    });
  });

  test("a session's cookie alone changes nothing, and from another origin nothing at all", async () => {
    const begun = await ask("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: TOKEN }) });
    const cookie = { Cookie: begun.headers.get("set-cookie").split(";")[0] };
    const csrf = { "X-CSRF-Token": (await begun.json()).csrf_token };
    const changing = closed.filter(({ method }) => method !== "get");
    assert.ok(changing.length > 25);
    const foreignPages = [{ Origin: "https://evil.example" }, { Origin: "null" }, { "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site" }, { Origin: `${daemon.url}.evil.example` }];
    await each(changing, async (operation) => {
      await refuses(operation, cookie, 403);
      await refuses(operation, { ...cookie, "X-CSRF-Token": "0".repeat(32) }, 403);
      for (const from of foreignPages) {
        await refuses(operation, { ...cookie, ...csrf, ...from }, 403);
      }
    });
    await each(lasting, async (operation) => assert.ok(isLetIn(await send(operation, { ...cookie, ...csrf })), name(operation)));
    assert.equal((await ask("/api/v1/session", { method: "DELETE", headers: { ...cookie, ...csrf } })).status, 204);
    await each(closed, (operation) => refuses(operation, { ...cookie, ...csrf }, 401));
  });
});

describe("a limited token learns nothing of another's things", () => {
  const theirs = /prod-eu|prod\.example|staging|10\.20\.|10\.30\.|2001:db8/;
  const limited = operations.filter(({ access }) => typeof access === "object" && access.limited !== "refused");

  test("in no answer to what it may read, whole", async () => {
    for (const operation of limited.filter(({ method, path }) => method === "get" && !path.includes("{"))) {
      for (const who of ["office", "tagged"]) {
        const { text } = await send(operation, bearer(who));
        assert.doesNotMatch(text, theirs, `${name(operation)} for ${who}`);
        assert.ok(!Object.values(foreign).some((one) => one !== foreign.rule && text.includes(one)), name(operation));
      }
    }
  });

  // The same question of a thing of another's and of one that there is not: each answer's own words for it are its only difference.
  const pairs = () => [[foreign.finding, uuidOf("no finding")], [foreign.host, uuidOf("no host")], [foreign.scan, uuidOf("no scan")], [foreign.job, uuidOf("no job")],
    ["prod-eu", "prod-xx"], ["10.20.1.14", "10.20.1.99"], ["postgresql", "postgresqx"], ["db-2.prod.example", "db-9.prod.example"], ["data", "dbta"], ["app=shop", "app=shoq"], ["5432", "5433"], ["prod-eu-scanner", "prod-xx-scanner"],
    ["CN=app.prod.example", "CN=apq.prod.example"]];
  const alike = async (operation, path, body, [there, not]) => {
    const [one, other] = await Promise.all([there, not].map(async (value) => {
      const { status, text } = await send(operation, bearer("office"), { path: path(value), body: body?.(value) });
      return { status, text: text.replaceAll(encodeURIComponent(value), "THING").replaceAll(value, "THING") };
    }));
    assert.deepEqual(one, other, `${name(operation)} of ${there}`);
  };

  test("by no parameter of any operation, counted and grouped too", async () => {
    const asked = limited.filter(({ method, id }) => method === "get" && id !== "streamEvents");
    let count = 0;
    await each(asked.flatMap((operation) => operation.queries.filter((query) => !["cursor", "limit", "sort"].includes(query)).map((query) => [operation, query])), async ([operation, query]) => {
      for (const pair of pairs()) {
        for (const more of ["", ...(operation.queries.includes("group_by") && query !== "group_by" ? ["&group_by=severity"] : [])]) {
          await alike(operation, (value) => `${fill(operation.path)}?${query}=${encodeURIComponent(value)}${more}`, null, pair);
          count++;
        }
      }
    });
    assert.ok(count > 500, `${count}`);
  });

  test("by no path, whatever is asked to be done", async () => {
    const example = (node) => {
      const schema = resolve(node);
      if (schema.examples || schema.const !== undefined || schema.enum) {
        return schema.examples?.[0] ?? schema.const ?? schema.enum[0];
      }
      const of = { object: () => Object.fromEntries((schema.required ?? []).map((key) => [key, example(schema.properties[key])])), array: () => [example(schema.items)], string: () => "example", integer: () => 1, boolean: () => false };
      return of[schema.type]();
    };
    const kinds = { "/jobs/": "job", "/hosts/": "host", "/scans/": "scan", "/findings/": "finding", "/waivers/": "finding" };
    const paths = limited.filter(({ path }) => path.includes("{uuid}"));
    assert.ok(paths.length >= 9);
    for (const operation of paths) {
      const kind = kinds[Object.keys(kinds).find((part) => operation.path.includes(part))];
      const content = operation.content ? JSON.stringify(example(operation.content.content["application/json"].schema)) : undefined;
      await alike(operation, (value) => operation.path.replace("{uuid}", value), () => content, [foreign[kind], uuidOf("nobody's")]);
      assert.equal((await send(operation, bearer("office"), { body: content })).status, 404, name(operation));
    }
    assert.equal((await (await ask(`/api/v1/jobs/${foreign.job}`)).json()).state, "running", "and nothing was done");
    assert.equal((await (await ask(`/api/v1/findings/${foreign.finding}`)).json()).disposition, "NONE");
  });

  test("by no content that names something", async () => {
    const bulk = { id: "bulk", method: "post", path: "/api/v1/findings/bulk", content: {} };
    await alike(bulk, () => bulk.path, (value) => JSON.stringify({ action: "acknowledge", findings: [value], reason: "r" }), [foreign.finding, uuidOf("no finding")]);
    const filtered = (value) => JSON.stringify({ action: "acknowledge", filter: `realm=${value}`, reason: "r" });
    await alike(bulk, () => bulk.path, filtered, ["prod-eu", "prod-xx"]);
    const scan = { id: "scan", method: "post", path: "/api/v1/scans", content: {} };
    await alike(scan, () => scan.path, (value) => JSON.stringify({ targets: ["127.0.0.1"], ports: "1", realm: value }), ["prod-eu", "prod-xx"]);
    assert.equal((await (await ask(`/api/v1/findings/${foreign.finding}`)).json()).disposition, "NONE");
  });
});
