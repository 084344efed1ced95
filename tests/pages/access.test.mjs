// Who gets in: every operation of the description without a token, with wrong ones and with limited ones; sessions; and
// that a limited token sees no more of the database than it may, by no way round.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const require = createRequire(import.meta.url);
const yaml = require("js-yaml");
const description = yaml.load(readFileSync(new URL("../../schema/openapi.yaml", import.meta.url), "utf8"));
const methods = ["get", "post", "put", "patch", "delete"];
const operations = Object.entries(description.paths).flatMap(([path, of]) => methods.filter((method) => of[method])
  .map((method) => ({ path, method, ...of[method] })));

let place;
let site;
let uuids;

before(async () => {
  place = makeFolder();
  makeFixture(place.path("access.db"));
  alter(place.path("access.db"), [
    tokenRows("viewer", { role: "viewer" }),
    tokenRows("reader", { role: "admin", scopes: "read metrics tokens audit-log" }),
    tokenRows("metrics", { role: "viewer", scopes: "metrics" }),
    tokenRows("expired", { expires_at: Date.now() - 1000 }),
    tokenRows("revoked", { revoked_at: 5 }),
    tokenRows("office", { role: "admin", realms: ["office"] }),
    tokenRows("nowhere", { role: "viewer", realms: ["no-such-realm"] }),
    tokenRows("tagged", { role: "viewer", tags: ["app=shop"] }),
    tokenRows("both", { role: "viewer", realms: ["prod-eu"], tags: ["app=shop", "app=other"] }),
    "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT asset_id, 'person', 'app', 'shop', 1 FROM asset_identity WHERE value = '10.20.2.8';",
  ].join("\n"));
  site = await startSite(place.path("access.db"), { more: ["--failures", "0"] });
  const read = async (path) => (await ask(path)).json();
  const { items: [finding] } = await read("/api/v1/findings?realm=prod-eu");
  const { items: [scan] } = await read("/api/v1/scans?realm=prod-eu");
  uuids = { finding: finding.uuid, host: finding.host.uuid, scan: scan.uuid };
});
after(async () => {
  assert.deepEqual(await site.stop(), { status: 0, signal: null, errors: "" });
  place.remove();
});

const bearer = (name) => ({ Authorization: `Bearer ${tokenOf(name)}` });
const ask = (path, { headers = signedIn, ...options } = {}) => fetch(site.url + path, { redirect: "manual", headers, ...options });
const fill = (path) => path.replace("{uuid}", path.includes("/scans/") ? uuids.scan : path.includes("/hosts/") ? uuids.host : uuids.finding);
const send = ({ path, method, requestBody }, headers, filled = fill(path)) => ask(filled, { method: method.toUpperCase(),
  headers: { ...(requestBody ? { "Content-Type": "application/json" } : {}), ...headers }, ...(requestBody ? { body: "{}" } : {}) });

async function refuses(operation, headers, status) {
  const answer = await send(operation, headers);
  assert.equal(answer.status, status, `${operation.method} ${operation.path}`);
  assert.match(answer.headers.get("content-type"), /^application\/problem\+json/);
  const body = await answer.json();
  assert.equal(body.status, status);
  assert.ok(body.detail.length > 10);
  assert.equal(answer.headers.get("www-authenticate"), status === 401 ? 'Bearer realm="leastport"' : null);
}

describe("every operation of the description", () => {
  const closed = operations.filter(({ security }) => security === undefined);
  test("some are anybody's, and those tell nothing of any host", () => {
    assert.deepEqual(operations.filter(({ security }) => security !== undefined).map(({ operationId }) => operationId).sort(),
      ["beginSession", "getDescription", "getLiveness", "getReadiness"]);
    assert.ok(closed.length > 15);
  });

  const wrong = {
    "without a token": {}, "with an unknown one": { Authorization: `Bearer lstp_${"0".repeat(12)}_${"0".repeat(64)}` },
    "with the right name and the wrong secret": { Authorization: `Bearer ${TOKEN.slice(0, 18)}${"0".repeat(64)}` },
    "with one cut short": { Authorization: `Bearer ${TOKEN.slice(0, -1)}` }, "with one and a byte more": { Authorization: `Bearer ${TOKEN}0` },
    "with another scheme": { Authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString("base64")}` },
    "with an expired one": bearer("expired"), "with a revoked one": bearer("revoked"),
    "with a user's name and no proxy": { "X-Forwarded-User": "alice@example.org", "X-Remote-User": "alice@example.org" },
    "with a session that nobody began": { Cookie: `leastport-1=${"0".repeat(64)}; __Host-leastport=${"0".repeat(64)}` },
    "with the token as a cookie": { Cookie: `token=${TOKEN}` },
  };
  for (const [name, headers] of Object.entries(wrong)) {
    test(`${name}: 401`, async () => {
      for (const operation of closed) {
        await refuses(operation, headers, 401);
      }
    });
  }

  test("with a token in the query: it is not looked at", async () => {
    for (const name of ["token", "access_token", "key"]) {
      assert.equal((await ask(`/api/v1/findings?${name}=${TOKEN}`, { headers: {} })).status, 401);
    }
  });

  test("with the wrong role or scope: 403; with the right ones not", async () => {
    const admins = ["listTokens", "listAuditLog"];
    for (const operation of closed.filter(({ path, method }) => path !== "/api/v1/session" && method !== "get")) {
      const looks = ["checkPolicy", "tryPolicy", "explainPolicy", "testPolicy", "suggestPolicy", "tryReach"].includes(operation.operationId);
      await refuses(operation, bearer("metrics"), 403);
      await (looks ? Promise.resolve() : refuses(operation, bearer("viewer"), 403));
      await (looks || operation.path.startsWith("/api/v1/tokens") ? Promise.resolve() : refuses(operation, bearer("reader"), 403));
      assert.ok([400, 503].includes((await send(operation, signedIn)).status), operation.path);
    }
    for (const operation of closed.filter(({ path, method }) => path !== "/api/v1/session" && method === "get")) {
      const isAdmin = admins.includes(operation.operationId);
      const good = operation.operationId === "compareScans" ? 400 : /\/jobs|\/schedules|\/scanners|\/inventories|\/alerts|\/reach/.test(operation.path) ? 503 : 200;
      await (isAdmin ? refuses(operation, bearer("viewer"), 403) : send(operation, bearer("viewer")).then(({ status }) => assert.equal(status, good, operation.path)));
      await (operation.path === "/metrics" ? send(operation, bearer("metrics")).then(({ status }) => assert.equal(status, 200))
        : refuses(operation, bearer("metrics"), 403));
      assert.equal((await send(operation, signedIn)).status, good, operation.path);
    }
  });

  test("what tells of all is not for who is limited, whatever the role", async () => {
    for (const path of ["/api/v1/tokens", "/api/v1/audit-log"]) {
      assert.equal((await ask(path, { headers: bearer("office") })).status, 403);
    }
  });
});

describe("a limited token", () => {
  const lists = operations.filter(({ method, parameters = [] }) => method === "get" && parameters.some((one) => one.$ref?.endsWith("/limit")))
    .filter(({ path }) => !/tokens|audit-log|compare|policies|reach/.test(path));
  const foreign = /prod-eu|staging|10\.20\.|10\.30\.|prod\.example|staging\.|2001:db8/;

  async function walk(path, headers) {
    const items = [];
    for (let cursor = ""; cursor !== null;) {
      const answer = await ask(`${path}${path.includes("?") ? "&" : "?"}limit=3${cursor && `&cursor=${cursor}`}`, { headers });
      assert.equal(answer.status, 200, path);
      const page = await answer.json();
      items.push(...page.items);
      cursor = page.next_cursor;
    }
    return items;
  }

  test("sees its realm, whole, and nothing of another, in any list, by any way of asking", async () => {
    assert.ok(lists.length >= 8);
    const more = { "/api/v1/findings": ["?presence=NEW,OPEN,VERIFYING,FIXED,REAPPEARED,ALLOWED,FOLDED&sight=FRESH,STALE,RETIRED", "?changed_since=1970-01-02T00:00:00Z"],
      "/api/v1/hosts": ["?with_ended=true", `?as_of=${new Date(Date.now() - 864e5).toISOString()}`], "/api/v1/endpoints": ["?with_ended=true"],
      "/api/v1/certificates": ["?with_unseen=true"], "/api/v1/score": ["?history=true"] };
    for (const { path } of lists.filter(({ path: one }) => !one.includes("{"))) {
      for (const query of ["", ...(more[path] ?? [])]) {
        const own = await walk(path + query, bearer("office"));
        assert.doesNotMatch(JSON.stringify(own), foreign, path + query);
        assert.deepEqual(await walk(path + query, bearer("nowhere")), [], path + query);
        if (/hosts|findings|endpoints|scans|changes$/.test(path)) {
          assert.ok(own.length > 0, path);
          assert.deepEqual(own, await walk(`${path}${query || "?"}${query && "&"}realm=office`, signedIn), path + query);
        }
      }
    }
  });

  test("finds nothing of another realm by name, address or id: it is as if it were not there", async () => {
    for (const query of ["findings?realm=prod-eu", "findings?address=10.20.1.14", "hosts?address=10.20.1.14&realm=prod-eu", `hosts?uuid=${uuids.host}`,
      `findings?uuid=${uuids.finding}`, `endpoints?host=${uuids.host}`, `changes?finding=${uuids.finding}`, `changes?scan=${uuids.scan}`,
      "scans?realm=prod-eu", "score?scope=fleet", `score?scope=host&subject=${uuids.host}`, "score?scope=realm&subject=prod-eu", "certificates?realm=prod-eu"]) {
      assert.deepEqual((await (await ask(`/api/v1/${query}`, { headers: bearer("office") })).json()).items, [], query);
    }
    for (const path of ["/api/v1/scans/{uuid}", "/api/v1/hosts/{uuid}", "/api/v1/findings/{uuid}", "/api/v1/findings/{uuid}/events"]) {
      const [there, not] = await Promise.all([fill(path), path.replace("{uuid}", uuidOf("nobody"))].map((one) => ask(one, { headers: bearer("office") })));
      assert.equal(there.status, 404, path);
      assert.equal(not.status, 404);
    }
    const since = await ask(`/api/v1/changes?since_scan=${uuids.scan}`, { headers: bearer("office") });
    assert.equal(since.status, 404);
  });

  test("counts, means and metrics are of its hosts alone", async () => {
    const groups = async (headers, more = "") => (await (await ask(`/api/v1/findings?group_by=severity,realm${more}`, { headers })).json()).groups;
    assert.deepEqual(await groups(bearer("office")), await groups(signedIn, "&realm=office"));
    assert.deepEqual(await groups(bearer("nowhere")), []);
    const sum = async (headers) => [...(await (await ask("/metrics", { headers })).text()).matchAll(/^leastport_findings\{.*\} (\d+)$/gm)].reduce((all, [, n]) => all + Number(n), 0);
    assert.equal(await sum(bearer("nowhere")), 0);
    assert.ok(await sum(bearer("office")) < await sum(signedIn));
    assert.doesNotMatch(await (await ask("/metrics", { headers: bearer("office") })).text(), /leastport_score |leastport_exposure /);
    assert.equal((await (await ask("/api/v1/health", { headers: bearer("nowhere") })).json()).database.last_scan, null);
  });

  test("a cursor tells nothing of how much there is, and is no other reader's", async () => {
    const cursor = async (headers, realm = "") => (await (await ask(`/api/v1/findings?sort=id&limit=1${realm}`, { headers })).json()).next_cursor;
    const own = await cursor(bearer("office"));
    const same = await cursor(signedIn);
    const id = (text) => Buffer.from(text, "base64url").readBigInt64LE(8);
    assert.ok(id(same) < 1000n, "without limits an id may be read");
    assert.ok(id(own) > 1000n || id(own) < 0n, "with limits it is sealed");
    assert.equal((await ask(`/api/v1/findings?sort=id&cursor=${same}`, { headers: bearer("office") })).status, 400);
    assert.equal((await ask(`/api/v1/findings?sort=id&cursor=${own}`)).status, 400);
  });

  test("limited to tags: its hosts, no scan, no realm's score", async () => {
    const hosts = await walk("/api/v1/hosts", bearer("tagged"));
    assert.deepEqual(hosts.map(({ address }) => address), ["10.20.2.8"]);
    assert.deepEqual(await walk("/api/v1/scans", bearer("tagged")), []);
    assert.deepEqual((await walk("/api/v1/score", bearer("tagged"))).map(({ scope }) => scope), ["host"]);
    assert.deepEqual((await walk("/api/v1/hosts", bearer("both"))).map(({ address }) => address), ["10.20.2.8"]);
    alter(place.path("access.db"), "UPDATE asset_tag SET valid_to = 2;");
    assert.deepEqual(await walk("/api/v1/hosts", bearer("tagged")), [], "a tag that ended opens nothing");
  });
});

describe("sessions", () => {
  const signIn = async (token, headers = {}) => {
    const answer = await ask("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify({ token }) });
    const cookie = answer.headers.get("set-cookie") ?? "";
    return { answer, cookie, headers: { Cookie: cookie.split(";")[0] }, body: await answer.json() };
  };

  test("a cookie that scripts cannot read, that goes nowhere else, and that is no other server's", async () => {
    const { answer, cookie, headers, body } = await signIn(TOKEN);
    assert.equal(answer.status, 200);
    assert.match(cookie, new RegExp(`^leastport-${site.port}=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict$`));
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.match(body.csrf_token, /^[0-9a-f]{32}$/);
    assert.equal((await ask("/api/v1/findings", { headers })).status, 200);
    const who = await (await ask("/api/v1/session", { headers })).json();
    assert.deepEqual([who.name, who.role, who.csrf_token], ["tests", "admin", body.csrf_token]);
    assert.doesNotMatch(JSON.stringify([body, who]), /lstp_/);
  });

  test("what changes something needs the CSRF token, and comes from here", async () => {
    const { headers, body } = await signIn(TOKEN);
    const other = await signIn(TOKEN);
    const end = (more) => ask("/api/v1/session", { method: "DELETE", headers: { ...headers, ...more } });
    for (const more of [{}, { "X-CSRF-Token": "" }, { "X-CSRF-Token": other.body.csrf_token }, { "X-CSRF-Token": `${body.csrf_token}0` },
      { "X-CSRF-Token": body.csrf_token, "Sec-Fetch-Site": "cross-site" }, { "X-CSRF-Token": body.csrf_token, "Sec-Fetch-Site": "same-site" },
      { "X-CSRF-Token": body.csrf_token, Origin: "https://evil.example" }, { "X-CSRF-Token": body.csrf_token, Origin: "null" }]) {
      assert.equal((await end(more)).status, 403, JSON.stringify(more));
    }
    const ended = await end({ "X-CSRF-Token": body.csrf_token, Origin: site.url });
    assert.equal(ended.status, 204);
    assert.match(ended.headers.get("set-cookie"), /=; Path=\/; Max-Age=0;/);
    assert.equal((await ask("/api/v1/findings", { headers })).status, 401);
    assert.equal((await ask("/api/v1/findings", { headers: other.headers })).status, 200, "another login goes on");
  });

  test("a foreign page cannot sign anybody in, and a form cannot either", async () => {
    assert.equal((await signIn(TOKEN, { Origin: "https://evil.example" })).answer.status, 403);
    assert.equal((await signIn(TOKEN, { "Sec-Fetch-Site": "cross-site" })).answer.status, 403);
    assert.equal((await signIn(TOKEN, { "Content-Type": "text/plain" })).answer.status, 415);
    assert.equal((await signIn(TOKEN, { "Content-Type": "application/x-www-form-urlencoded" })).answer.status, 415);
  });

  test("wrong content, wrong tokens", async () => {
    for (const body of ["", "{", "[]", "null", '{"token":1}', '{"token":"a","token":"b"}', '{"tokens":"a"}']) {
      assert.equal((await ask("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body })).status, 400, body);
    }
    for (const token of ["", "x", "lstp_", `${TOKEN} `, TOKEN.toUpperCase(), tokenOf("revoked"), tokenOf("expired"), "x".repeat(9000)]) {
      const { answer, cookie } = await signIn(token);
      assert.equal(answer.status, 401, token.slice(0, 90));
      assert.equal(cookie, "");
    }
    assert.equal((await ask("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: `"${"x".repeat(20000)}"` })).status, 413);
  });

  test("a revoked token ends its sessions at once, a limited one limits them", async () => {
    const viewer = await signIn(tokenOf("office"));
    const { items } = await (await ask("/api/v1/hosts", { headers: viewer.headers })).json();
    assert.deepEqual([...new Set(items.map(({ realm }) => realm))], ["office"]);
    alter(place.path("access.db"), "UPDATE token SET revoked_at = 5 WHERE name = 'office';");
    assert.equal((await ask("/api/v1/hosts", { headers: viewer.headers })).status, 401);
    assert.equal((await ask("/api/v1/hosts", { headers: bearer("office") })).status, 401);
    alter(place.path("access.db"), "UPDATE token SET revoked_at = NULL WHERE name = 'office';");
  });

  test("pages lead to the login and back; scripts and styles need none", async () => {
    for (const path of ["/", "/findings?realm=a&port=22", `/hosts/${uuidOf("x")}`]) {
      const answer = await ask(path, { headers: {} });
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.get("location"), `/login?next=${encodeURIComponent(path).replaceAll("%2F", "/")}`);
    }
    for (const path of ["/login", "/assets/login.js", "/assets/style.css", "/assets/favicon.svg"]) {
      assert.equal((await ask(path, { headers: {} })).status, 200, path);
    }
  });
});

describe("too many", () => {
  test("failures are slowed down by address; the right token always gets in", async () => {
    const own = await startSite(place.path("access.db"), { more: ["--failures", "5"] });
    const go = (headers) => fetch(`${own.url}/api/v1/findings`, { headers });
    const answers = [];
    for (let i = 0; i < 8; i++) {
      answers.push(await go({ Authorization: `Bearer ${TOKEN.slice(0, -1)}x` }));
    }
    assert.deepEqual(answers.map(({ status }) => status), [401, 401, 401, 401, 401, 429, 429, 429]);
    const wait = Number(answers[7].headers.get("retry-after"));
    assert.ok(wait >= 1 && wait <= 60, `${wait}`);
    assert.equal((await go(signedIn)).status, 200);
    assert.equal((await own.stop()).status, 0);
  });

  test("requests of one token: 429 with Retry-After, and another token goes on", async () => {
    const own = await startSite(place.path("access.db"), { more: ["--token-requests", "5"] });
    const statuses = [];
    let last;
    for (let i = 0; i < 7; i++) {
      last = await fetch(`${own.url}/api/v1/session`, { headers: signedIn });
      statuses.push(last.status);
    }
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
    assert.ok(Number(last.headers.get("retry-after")) >= 1);
    assert.equal((await fetch(`${own.url}/api/v1/session`, { headers: bearer("viewer") })).status, 200);
    assert.equal((await own.stop()).status, 0);
  });
});

describe("in a browser", { skip: missingBrowser() ?? false }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  test("sign in by hand, arrive where one wanted to go, sign out", async () => {
    const { page, said, close } = await openPage(browser, { expectErrors: true });
    await page.goto(`${site.url}/findings?realm=office`);
    await page.getByLabel("Token").fill("lstp_wrong");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#said:not(:empty)");
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${site.url}/findings?realm=office`);
    await settle(page);
    assert.ok((await page.locator("tbody tr").count()) > 0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${site.url}/login`);
    await page.goto(`${site.url}/hosts`);
    assert.match(page.url(), /\/login\?next=/);
    assert.deepEqual(said, []);
    await close();
  });

  test("no address of another server is where one arrives", async () => {
    for (const next of ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "/login?next=/login"]) {
      const { page, close } = await openPage(browser, { expectErrors: true });
      await page.goto(`${site.url}/login?next=${encodeURIComponent(next)}`);
      await page.getByLabel("Token").fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.waitForURL((url) => url.pathname !== "/login");
      assert.equal(new URL(page.url()).origin, site.url);
      await close();
    }
  });
});
