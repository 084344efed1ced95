// Behind a reverse proxy, a real nginx: what it says of who asks is believed, from its address and from nowhere else.
import assert from "node:assert/strict";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows } from "./support/fixture.mjs";
import { nginxCommand, startNginx } from "./support/nginx.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const command = nginxCommand();
const skip = command === null && "no nginx: neither this machine's nor the lab's";
const OIDC = ["--trusted-proxy", "127.0.0.1", "--user-header", "X-Forwarded-User", "--name", "audit.example.com"];
const PASSES = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto https;
  auth_basic "who"; auth_basic_user_file users; proxy_set_header X-Forwarded-User $remote_user;`;
const users = { alice: "a", bob: "b", carol: "c" };
const basic = (name) => ({ Authorization: `Basic ${Buffer.from(`${name}:${users[name]}`).toString("base64")}` });

let place;

before(() => {
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  alter(place.path("fixture.db"), [tokenRows("alice", { role: "operator", realms: ["staging"] }), tokenRows("everybody", { role: "viewer" }),
    tokenRows("carol", { role: "admin", revoked_at: 5 })].join("\n"));
});
after(() => place.remove());

// From loopback's seventh address, which no proxy has.
function ask(url, path, { headers = {}, method = "GET", body, localAddress = "127.0.0.7" } = {}) {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { method, headers: { Host: "audit.example.com", ...headers }, localAddress, agent: false }, (answer) => {
      let text = "";
      answer.on("data", (data) => { text += data; });
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text, json: () => JSON.parse(text) }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

describe("a proxy that signs people in", { skip }, () => {
  let site;
  let nginx;

  before(async () => {
    site = await startSite(place.path("fixture.db"), { more: [...OIDC, "--user-default", "everybody", "--failures", "2"] });
    nginx = await startNginx(command, place, site, { users, location: PASSES });
  });
  after(async () => {
    await nginx?.stop();
    assert.equal((await site.stop()).status, 0);
  });

  test("whom it names may what the token of that name may, limits and all", async () => {
    const answer = await ask(nginx.url, "/api/v1/session", { headers: basic("alice") });
    assert.equal(answer.status, 200);
    const { name, role, realms, csrf_token: csrf } = answer.json();
    assert.deepEqual([name, role, realms], ["alice", "operator", ["staging"]]);
    assert.match(csrf, /^[0-9a-f]{32}$/);
    assert.equal((await ask(nginx.url, "/api/v1/tokens", { headers: basic("alice") })).status, 403);
    assert.equal((await ask(nginx.url, "/", { headers: basic("alice") })).status, 200);
  });

  test("whom no token is named after may what the default may, in his own name", async () => {
    const { name, role } = (await ask(nginx.url, "/api/v1/session", { headers: basic("bob") })).json();
    assert.deepEqual([name, role], ["bob", "viewer"]);
    const revoked = (await ask(nginx.url, "/api/v1/session", { headers: basic("carol") })).json();
    assert.deepEqual([revoked.name, revoked.role], ["carol", "viewer"], "a revoked token names nobody");
  });

  test("who is not signed in there does not get here", async () => {
    assert.equal((await ask(nginx.url, "/api/v1/findings")).status, 401);
    assert.equal((await ask(nginx.url, "/api/v1/findings", { headers: { "X-Forwarded-User": "alice" } })).status, 401);
  });

  test("a user in a request that does not come from the proxy is nobody", async () => {
    for (const headers of [{ "X-Forwarded-User": "alice" }, { "x-forwarded-user": "alice", "X-Forwarded-For": "127.0.0.1" }]) {
      assert.equal((await ask(site.url, "/api/v1/findings", { headers })).status, 401);
    }
    assert.equal((await ask(site.url, "/api/v1/findings", { headers: { "X-Forwarded-User": "alice" }, localAddress: "127.0.0.1" })).status, 200,
      "and the same from the proxy's address is somebody");
  });

  test("the proxy says whom it means once, and plainly", async () => {
    for (const [value, status] of [["", 401], ["a\u0001b", 401], ["x".repeat(128), 401], [["alice", "bob"], 400]]) {
      const raw = Array.isArray(value) ? value : [value];
      const { status: got } = await ask(site.url, "/api/v1/findings", { localAddress: "127.0.0.1",
        headers: { "X-Forwarded-User": raw.map((text) => Buffer.from(text).toString("latin1").replace(/[\u0001]/g, "\u00a0\u0080")) } }).catch(() => ({ status: 400 }));
      assert.equal(got, status, JSON.stringify(value));
    }
  });

  test("what a browser shows the proxy for itself is not taken for a token; a token is", async () => {
    const own = { "X-Forwarded-User": "alice", Authorization: "Bearer ey.of.the.proxy" };
    assert.equal((await ask(site.url, "/api/v1/session", { headers: own, localAddress: "127.0.0.1" })).json().name, "alice");
    const token = { "X-Forwarded-User": "alice", ...signedIn };
    assert.equal((await ask(site.url, "/api/v1/session", { headers: token, localAddress: "127.0.0.1" })).json().name, "tests");
  });

  test("what changes something asks for the CSRF token, and for a page of this server", async () => {
    const { csrf_token: csrf } = (await ask(nginx.url, "/api/v1/session", { headers: basic("alice") })).json();
    const bobs = (await ask(nginx.url, "/api/v1/session", { headers: basic("bob") })).json().csrf_token;
    const end = (headers) => ask(nginx.url, "/api/v1/session", { method: "DELETE", headers: { ...basic("alice"), ...headers } });
    assert.equal((await end({})).status, 403);
    assert.equal((await end({ "X-CSRF-Token": bobs })).status, 403);
    assert.equal((await end({ "X-CSRF-Token": csrf, Origin: "https://evil.example" })).status, 403);
    assert.equal((await end({ "X-CSRF-Token": csrf, "Sec-Fetch-Site": "cross-site" })).status, 403);
    assert.equal((await end({ "X-CSRF-Token": csrf, Origin: "https://audit.example.com" })).status, 204);
  });

  test("its TLS is ours: cookies are Secure, and only then", async () => {
    const content = { method: "POST", body: JSON.stringify({ token: TOKEN }) };
    const json = { "Content-Type": "application/json", "Content-Length": content.body.length };
    const behind = await ask(nginx.url, "/api/v1/session", { ...content, headers: { ...json, ...basic("alice") } });
    assert.match(behind.headers["set-cookie"][0], new RegExp(`^__Host-leastport-${site.port}=[0-9a-f]{64}; .*Secure`));
    const direct = await ask(site.url, "/api/v1/session", { ...content, headers: { ...json, "X-Forwarded-Proto": "https" } });
    assert.match(direct.headers["set-cookie"][0], new RegExp(`^leastport-${site.port}=[0-9a-f]{64}; (?!.*Secure)`));
  });

  test("failures are counted by who asked the proxy, whatever he writes into the header himself", async () => {
    const guess = (localAddress, forged) => ask(nginx.url, "/api/v1/findings", { localAddress,
      headers: { ...basic("bob"), "X-Forwarded-For": forged } }).then(() => ask(site.url, "/api/v1/findings", { localAddress: "127.0.0.1",
      headers: { "X-Forwarded-For": `${forged}, ${localAddress}`, Authorization: `Bearer ${tokenOf("nobody")}` } }));
    const statuses = [];
    for (const forged of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) {
      statuses.push((await guess("127.0.0.9", forged)).status);
    }
    assert.deepEqual(statuses, [401, 401, 429]);
    assert.equal((await guess("127.0.0.10", "198.51.100.1")).status, 401, "and another address is another");
  });

  test("it answers to its names, to addresses and to loopback's names", async () => {
    for (const [host, status] of [["audit.example.com", 200], ["AUDIT.example.com:8443", 200], ["localhost", 200], ["10.0.0.1:80", 200], ["[2001:db8::1]", 200],
      ["evil.example", 421], ["audit.example.com.evil.example", 421]]) {
      assert.equal((await ask(site.url, "/healthz", { headers: { Host: host } })).status, status, host);
    }
    const forwarded = (name) => ask(site.url, "/healthz", { localAddress: "127.0.0.1", headers: { Host: "localhost", "X-Forwarded-Host": name } });
    assert.equal((await forwarded("audit.example.com")).status, 200);
    assert.equal((await forwarded("evil.example")).status, 421);
  });
});

test("without a default a user without a token is told what is missing", { skip }, async () => {
  const site = await startSite(place.path("fixture.db"), { more: OIDC });
  const as = (name) => ask(site.url, "/api/v1/findings", { localAddress: "127.0.0.1", headers: { "X-Forwarded-User": name } });
  const nobody = await as("dave");
  assert.equal(nobody.status, 403);
  assert.match(nobody.json().detail, /"dave", and there is no token of that name.*leastport token create --name/);
  assert.equal((await site.stop()).status, 0);
});

test("Forwarded is believed where it is what the proxy writes, and only there", async () => {
  const site = await startSite(place.path("fixture.db"), { more: ["--trusted-proxy", "127.0.0.1", "--proxy-fields", "forwarded", "--name", "audit.example.com"] });
  const cookieOf = async (headers) => {
    const body = JSON.stringify({ token: TOKEN });
    const answer = await ask(site.url, "/api/v1/session", { localAddress: "127.0.0.1", method: "POST", body,
      headers: { "Content-Type": "application/json", "Content-Length": body.length, ...headers } });
    return answer.headers["set-cookie"]?.[0].slice(0, 9) ?? answer.status;
  };
  assert.equal(await cookieOf({ Forwarded: 'for="[2001:db8::1]:4711";proto=https;host=audit.example.com' }), "__Host-le");
  assert.equal(await cookieOf({ "X-Forwarded-Proto": "https" }), "leastport");
  assert.equal(await cookieOf({ Forwarded: "for=192.0.2.1;host=evil.example" }), 421);
  assert.equal(await cookieOf({ Forwarded: 'for="192.0.2.1' }), 400);
  assert.equal((await site.stop()).status, 0);
});
