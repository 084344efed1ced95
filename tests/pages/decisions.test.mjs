// What is decided about findings over the API: by a real server that asks a real daemon.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { startDaemon } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const waiver = { owner: "platform", reason: "until the move", until: "2097-03-31" };
let place;
let daemon;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  alter(place.path("audit.db"), [
    tokenRows("operator", { role: "operator" }), tokenRows("viewer", { role: "viewer" }), tokenRows("reader", { role: "operator", scopes: "read metrics" }),
    tokenRows("office", { role: "operator", realms: ["office"] }), tokenRows("tagged", { role: "operator", tags: ["app=shop"] })].join("\n"));
  daemon = await startDaemon(place.path("audit.db"));
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  assert.doesNotMatch(daemon.log, /"level":"error"/);
  place.remove();
});

const bearer = (name) => ({ Authorization: `Bearer ${name ? tokenOf(name) : TOKEN}` });
const ask = (path, { as, headers, ...options } = {}) => fetch(daemon.url + path, { ...options, headers: { ...bearer(as), ...headers } });
const read = async (path, options) => (await ask(path, options)).json();
const post = (path, content, { headers, ...options } = {}) => ask(path, { method: "POST", body: JSON.stringify(content), headers: { "Content-Type": "application/json", ...headers }, ...options });

async function refused(path, content, status, { pointer, says = /./, ...options } = {}) {
  const answer = await post(path, content, options);
  const body = await answer.json();
  assert.equal(answer.status, status, JSON.stringify(body));
  assert.match(answer.headers.get("content-type"), /^application\/problem\+json/);
  assert.match(body.detail, says);
  if (pointer) {
    assert.ok(body.errors.some((error) => error.pointer === pointer), JSON.stringify(body));
  }
  return body;
}

// Findings that are open and that nobody has decided about, in prod-eu.
const open = async (count) => (await read(`/api/v1/findings?realm=prod-eu&presence=OPEN&disposition=NONE&limit=${count}`)).items;
const eventsOf = async (uuid) => (await read(`/api/v1/findings/${uuid}/events?limit=5`)).items;

describe("one finding", () => {
  test("is acknowledged, opened again, waived, waived no more; each in the name of the token", async () => {
    const [{ uuid, fingerprint }] = await open(1);
    const of = (verb, content) => post(`/api/v1/findings/${uuid}/${verb}`, content, { as: "operator" });
    for (const [verb, content, became] of [["acknowledge", { reason: "a ticket is open" }, "ACKNOWLEDGED"], ["unacknowledge", { reason: "closed" }, "NONE"],
      ["waive", waiver, "WAIVED"]]) {
      const answer = await of(verb, content);
      const body = await answer.json();
      assert.equal(answer.status, 200, JSON.stringify(body));
      assert.equal(body.disposition, became);
      assert.equal(body.uuid, uuid);
      const [{ actor, reason, what }] = await eventsOf(uuid);
      assert.deepEqual([what, actor, reason], ["disposition", `operator (token ${tokenOf("operator").slice(5, 17)})`, content.reason]);
    }
    const { items } = await read(`/api/v1/waivers?uuid=${fingerprint}`);
    assert.deepEqual(items.map(({ owner, reason, findings, rule_id }) => [owner, reason, findings, rule_id]), [["platform", "until the move", 1, null]]);
    assert.match(items[0].until, /^2097-03-31T23:59:59|^2097-04-01T00:00:00/, "to the end of that day");
    assert.equal((await (await of("unwaive", { reason: "moved" })).json()).disposition, "NONE");
    assert.deepEqual((await read(`/api/v1/waivers?uuid=${fingerprint}`)).items, []);
    const { items: log } = await read("/api/v1/audit-log?what=disposition%20waive");
    assert.deepEqual([log[0].actor, log[0].address, log[0].outcome], [`operator (token ${tokenOf("operator").slice(5, 17)})`, "127.0.0.1", "done"]);
  });

  test("what cannot be is 409, what is not there 404, what is not right 400 with its place", async () => {
    const [{ uuid }] = await open(1);
    const { items: [fixed] } = await read("/api/v1/findings?presence=FIXED");
    await refused(`/api/v1/findings/${fixed.uuid}/acknowledge`, { reason: "r" }, 409, { says: /FIXED/ });
    await refused(`/api/v1/findings/${uuid}/unwaive`, { reason: "r" }, 409, { says: /not waived/ });
    await refused(`/api/v1/findings/${uuidOf("nobody")}/acknowledge`, { reason: "r" }, 404);
    const waive = `/api/v1/findings/${uuid}/waive`;
    await refused(waive, { ...waiver, until: "2001-01-01" }, 400, { says: /past/ });
    await refused(waive, { ...waiver, until: "tomorrow, maybe" }, 400, { says: /2027-03-31/ });
    for (const [member, wrong] of [["owner", undefined], ["reason", undefined], ["until", undefined], ["owner", ""], ["reason", "x".repeat(501)], ["until", 5], ["owner", null],
      ["reason", ["a"]], ["ovner", "x"]]) {
      await refused(waive, { ...waiver, [member]: wrong }, 400, { pointer: `#/body/${member}` });
    }
    for (const body of ["", "{", "[]", "1", '{"reason":"a","reason":"b"}', '{"reason":"nul\\u0000within"}', '{"reason":"\\ud800"}']) {
      const answer = await ask(waive, { method: "POST", body, headers: { "Content-Type": "application/json" } });
      assert.equal(answer.status, 400, body);
    }
    assert.equal((await ask(waive, { method: "POST", body: "{}" })).status, 415);
    assert.equal((await ask(waive)).status, 405);
    assert.deepEqual((await eventsOf(uuid)).filter(({ reason }) => reason === "r"), [], "nothing was done");
  });

  test("If-Match: only what was seen is decided about", async () => {
    const [{ uuid }] = await open(1);
    const path = `/api/v1/findings/${uuid}`;
    const tag = (await ask(path)).headers.get("etag");
    await refused(`${path}/acknowledge`, { reason: "r" }, 412, { headers: { "If-Match": '"00000000000000000000000000000000"' }, pointer: "#/header/If-Match" });
    const first = await post(`${path}/acknowledge`, { reason: "first" }, { headers: { "If-Match": tag } });
    assert.equal(first.status, 200);
    await refused(`${path}/waive`, waiver, 412, { headers: { "If-Match": tag } });
    assert.equal((await post(`${path}/unacknowledge`, { reason: "r" }, { headers: { "If-Match": "*" } })).status, 200);
  });

  test("Idempotency-Key: the same request is answered the same, and done once", async () => {
    const [{ uuid }] = await open(1);
    const path = `/api/v1/findings/${uuid}`;
    const headers = { "Idempotency-Key": "a-key-1" };
    const count = async () => (await read(`${path}/events?limit=500`)).items.length;
    const before = await count();
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(`${path}/acknowledge`, { reason: "once" }, { headers })));
    for (const answer of answers) {
      assert.ok([200, 409].includes(answer.status), "409 while the first is under way");
    }
    const [once, again] = [await (await post(`${path}/acknowledge`, { reason: "once" }, { headers })).text(), await (await post(`${path}/acknowledge`, { reason: "once" }, { headers })).text()];
    assert.equal(once, again);
    assert.equal(await count(), before + 1);
    await refused(`${path}/acknowledge`, { reason: "another" }, 422, { headers, pointer: "#/header/Idempotency-Key" });
    await post(`${path}/unacknowledge`, { reason: "r" }, { headers });
    assert.equal((await (await post(`${path}/acknowledge`, { reason: "once" }, { headers })).json()).disposition, "ACKNOWLEDGED", "an answer of then");
    assert.equal((await read(path)).disposition, "NONE");
    assert.equal((await (await post(`${path}/acknowledge`, { reason: "once" }, { headers, as: "operator" })).json()).disposition, "ACKNOWLEDGED", "another's key is another key");
    await post(`${path}/unacknowledge`, { reason: "r" });
    await refused(`${path}/acknowledge`, { reason: "r" }, 400, { headers: { "Idempotency-Key": "x".repeat(129) } });
    await refused(`${path}/acknowledge`, { reason: "r" }, 400, { headers: { "Idempotency-Key": "with blanks" } });
  });

  test("is only for who may: role, scope, limits, and pages of this server", async () => {
    const [{ uuid }] = await open(1);
    const path = `/api/v1/findings/${uuid}/acknowledge`;
    await refused(path, { reason: "r" }, 403, { as: "viewer", says: /role operator/ });
    await refused(path, { reason: "r" }, 403, { as: "reader", says: /scope write/ });
    await refused(path, { reason: "r" }, 404, { as: "office" });
    await refused("/api/v1/findings/bulk", { action: "acknowledge", findings: [uuid], reason: "r" }, 404, { as: "office" });
    const session = await fetch(`${daemon.url}/api/v1/session`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token: tokenOf("operator") }) });
    const { csrf_token } = await session.json();
    const cookie = { Cookie: session.headers.get("set-cookie").split(";")[0], Authorization: undefined, "Content-Type": "application/json" };
    const byPage = (headers) => fetch(daemon.url + path, { method: "POST", body: JSON.stringify({ reason: "by a page" }), headers: { Cookie: cookie.Cookie, "Content-Type": "application/json", ...headers } });
    assert.equal((await byPage({})).status, 403);
    assert.equal((await byPage({ "X-CSRF-Token": "0".repeat(32) })).status, 403);
    assert.equal((await byPage({ "X-CSRF-Token": csrf_token, Origin: "http://evil.example" })).status, 403);
    assert.equal((await eventsOf(uuid))[0].reason === "by a page", false);
    assert.equal((await byPage({ "X-CSRF-Token": csrf_token })).status, 200);
    assert.match((await eventsOf(uuid))[0].actor, /^operator \(token/);
  });
});

describe("many findings", () => {
  const bulk = async (content, options) => {
    const answer = await post("/api/v1/findings/bulk", content, options);
    const body = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    return body;
  };

  test("by their ids: all of them, each with what became of it", async () => {
    const uuids = (await open(3)).map(({ uuid }) => uuid);
    const { items: [fixed] } = await read("/api/v1/findings?presence=FIXED");
    const { matched, changed, items } = await bulk({ action: "waive", findings: [...uuids, fixed.uuid], ...waiver });
    assert.deepEqual([matched, changed], [4, 3]);
    for (const uuid of uuids) {
      assert.deepEqual(items.find((item) => item.uuid === uuid), { uuid, disposition: "WAIVED", changed: true });
      assert.equal((await read(`/api/v1/findings/${uuid}`)).disposition, "WAIVED");
    }
    assert.deepEqual(items.find((item) => item.uuid === fixed.uuid), { uuid: fixed.uuid, disposition: "NONE", changed: false });
    assert.equal((await bulk({ action: "acknowledge", findings: uuids, reason: "r" })).changed, 0, "what is waived need not be acknowledged");
    assert.equal((await bulk({ action: "unwaive", findings: uuids, reason: "r" })).changed, 3);
  });

  test("one that is not there, or twice, refuses all", async () => {
    const [{ uuid }] = await open(1);
    for (const findings of [[uuid, uuidOf("nobody")], [uuid, uuid], [uuid, "10.20.1.14:22"]]) {
      await refused("/api/v1/findings/bulk", { action: "acknowledge", findings, reason: "r" }, 404, { pointer: "#/body/findings" });
    }
    assert.equal((await read(`/api/v1/findings/${uuid}`)).disposition, "NONE");
  });

  test("by the list's filter: what the list shows, and nothing else", async () => {
    const query = "realm=office&severity=low,medium,high,critical";
    const shown = (await read(`/api/v1/findings?${query}&limit=500`)).items.map(({ uuid }) => uuid);
    const others = await read("/api/v1/findings?disposition=ACKNOWLEDGED&group_by=realm");
    assert.ok(shown.length > 1);
    const { matched, items } = await bulk({ action: "acknowledge", filter: query, reason: "all of the office" });
    assert.equal(matched, shown.length);
    assert.deepEqual(items.map(({ uuid }) => uuid).sort(), shown.sort());
    assert.equal((await read(`/api/v1/findings?${query}&disposition=NONE`)).items.length, 0);
    const groups = await read("/api/v1/findings?disposition=ACKNOWLEDGED&group_by=realm");
    assert.deepEqual(groups.groups.filter(({ realm }) => realm !== "office"), others.groups.filter(({ realm }) => realm !== "office"));
    assert.equal((await bulk({ action: "acknowledge", filter: "address=192.0.2.1", reason: "none" })).matched, 0);
  });

  test("a limited token's filter reaches its hosts alone", async () => {
    const all = (await read("/api/v1/findings?severity=critical,high,medium,low&limit=500")).items;
    const { items } = await bulk({ action: "unacknowledge", filter: "severity=critical,high,medium,low", reason: "mine" }, { as: "office" });
    assert.deepEqual(items.map(({ uuid }) => uuid).sort(), all.filter(({ host }) => host.realm === "office").map(({ uuid }) => uuid).sort());
  });

  test("what would be all, or is no filter, is refused with its place", async () => {
    for (const filter of ["limit=5", "severity=high&cursor=x", "sort=id", "group_by=realm&severity=high", "%zz", "a b", "x#y", "?"]) {
      await refused("/api/v1/findings/bulk", { action: "acknowledge", filter, reason: "r" }, 400);
    }
    await refused("/api/v1/findings/bulk", { action: "acknowledge", filter: "severety=high", reason: "r" }, 400, { pointer: "#/query/severety" });
    await refused("/api/v1/findings/bulk", { action: "acknowledge", filter: "&", reason: "r" }, 400, { pointer: "#/body/filter" });
    const [{ uuid }] = await open(1);
    await refused("/api/v1/findings/bulk", { action: "acknowledge", reason: "r" }, 400);
    await refused("/api/v1/findings/bulk", { action: "acknowledge", findings: [uuid], filter: "severity=high", reason: "r" }, 400);
    await refused("/api/v1/findings/bulk", { action: "acknowledge", findings: [], reason: "r" }, 400);
    await refused("/api/v1/findings/bulk", { action: "delete", findings: [uuid], reason: "r" }, 400, { pointer: "#/body/action" });
    await refused("/api/v1/findings/bulk", { action: "waive", findings: [uuid], reason: "r" }, 400, { pointer: "#/body/owner" });
    await refused("/api/v1/findings/bulk", { action: "acknowledge", findings: [uuid], ...waiver }, 400, { pointer: "#/body/owner" });
    await refused("/api/v1/findings/bulk", { action: "acknowledge", findings: Array(10001).fill(uuid), reason: "r" }, 400, { pointer: "#/body/findings" });
  });

  test("large content is read of nobody but who may send it", async () => {
    const content = { action: "acknowledge", findings: Array(1000).fill(uuidOf("nobody")), reason: "r" };
    await refused("/api/v1/findings/bulk", content, 404);
    await refused("/api/v1/findings/bulk", content, 403, { as: "viewer" });
    await refused("/api/v1/findings/bulk", content, 401, { headers: { Authorization: "Bearer lstp_000000000000_00" } });
    await refused("/api/v1/findings/bulk", { ...content, findings: Array(14000).fill(uuidOf("nobody")) }, 413);
  });
});

describe("waivers of a rule", () => {
  test("are given, listed, ended; and are not for limited tokens", async () => {
    const [{ rule_id: rule }] = await open(1);
    const given = await post("/api/v1/waivers", { rule, hosts: { realm: ["prod-eu"] }, ...waiver });
    const { uuid, findings } = await given.json();
    assert.equal(given.status, 201);
    const { items: [listed] } = await read(`/api/v1/waivers?rule_id=${encodeURIComponent(rule)}`);
    assert.deepEqual([listed.uuid, listed.findings, listed.hosts], [uuid, findings, { realm: ["prod-eu"] }]);
    assert.equal((await read(`/api/v1/findings?realm=prod-eu&rule_id=${encodeURIComponent(rule)}&disposition=WAIVED&limit=500`)).items.length, findings);
    await refused("/api/v1/waivers", { rule: "no/rule", ...waiver }, 404);
    await refused("/api/v1/waivers", { rule, hosts: { color: ["blue"] }, ...waiver }, 400);
    await refused("/api/v1/waivers", { rule, ...waiver }, 403, { as: "office" });
    await refused(`/api/v1/waivers/${uuid}/end`, { reason: "r" }, 403, { as: "office" });
    assert.deepEqual((await read("/api/v1/waivers", { as: "office" })).items.filter(({ rule_id }) => rule_id), []);
    assert.equal((await (await post(`/api/v1/waivers/${uuid}/end`, { reason: "over" })).json()).changed, findings);
    await refused(`/api/v1/waivers/${uuid}/end`, { reason: "over" }, 404);
  });
});

describe("what is open now", () => {
  test("is adopted, of a realm or of all, once; of a limited token in its own realms", async () => {
    const path = "/api/v1/findings/adopt";
    const of = async (realm) => (await read(`/api/v1/findings?realm=${realm}&limit=500`)).items;
    const counts = (items) => items.filter(({ adopted_at: at }) => at === null).length;
    const waiting = { office: counts(await of("office")), eu: counts(await of("prod-eu")) };
    const grouped = async () => Object.fromEntries((await read("/api/v1/findings?adopted=false&group_by=realm")).groups.map(({ realm, count }) => [realm, count]));
    const listed = async (adopted) => (await read(`/api/v1/findings?adopted=${adopted}&limit=500`)).items;
    const { office, "prod-eu": eu } = await grouped();
    assert.deepEqual({ office, eu }, waiting, "it can be asked before how many they are");
    assert.deepEqual((await read("/api/v1/findings?as_of=2026-01-01T00:00:00Z&adopted=true")).errors[0].pointer, "#/query/adopted");
    assert.equal((await read("/api/v1/findings?adopted=maybe")).errors[0].pointer, "#/query/adopted");
    assert.ok(waiting.office > 0 && waiting.eu > 0);
    await refused(path, { realm: "prod-eu" }, 403, { as: "office", pointer: "#/body/realm" });
    await refused(path, { all: true }, 403, { as: "tagged", says: /limited to hosts with some tags, and all that is open in a realm is adopted/ });
    await refused(path, { all: true }, 403, { as: "viewer" });
    for (const content of [{}, { all: false }, { all: true, realm: "office" }]) {
      await refused(path, content, 400, { pointer: "#/body/realm" });
    }
    await refused(path, { realm: "" }, 400);
    const adopted = await (await post(path, { all: true }, { as: "office" })).json();
    assert.deepEqual(adopted, { adopted: waiting.office });
    assert.equal(counts(await of("office")), 0);
    assert.equal((await grouped()).office, undefined);
    assert.ok((await listed("false")).every(({ adopted_at: at }) => at === null));
    const taken = await listed("true");
    assert.deepEqual([taken.length, taken.filter(({ adopted_at: at, host }) => at === null || host.realm !== "office").length], [waiting.office, 0]);
    assert.equal((await of("office")).filter(({ presence }) => presence === "NEW").length, 0);
    assert.equal(counts(await of("prod-eu")), waiting.eu, "the others wait");
    await refused(path, { realm: "office" }, 404, { as: "office", says: /no open finding in the realm office that was not adopted/ });
    assert.equal((await post(path, { all: true })).status, 200);
    assert.equal(counts(await of("prod-eu")), 0);
  });
});

test("without a daemon nothing is done, and that is said; what is stored can be read", async () => {
  makeFixture(place.path("alone.db"));
  const site = await startSite(place.path("alone.db"), { more: ["--control", place.path("no.sock")] });
  const { items: [{ uuid }] } = await (await fetch(`${site.url}/api/v1/findings`, { headers: signedIn })).json();
  const answer = await fetch(`${site.url}/api/v1/findings/${uuid}/acknowledge`, { method: "POST", body: '{"reason":"r"}', headers: { ...signedIn, "Content-Type": "application/json" } });
  assert.equal(answer.status, 503);
  assert.ok(Number(answer.headers.get("retry-after")) > 0);
  assert.match((await answer.json()).detail, /leastport serve/);
  assert.equal((await site.stop()).status, 0);
});
