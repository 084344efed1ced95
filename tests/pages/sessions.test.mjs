// Sessions outlast the web server: what was begun goes on after the daemon was started again, and what has ended does not.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { freePort, startDaemon, until } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows } from "./support/fixture.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

let place;
let db;
let listen;
let daemon;

before(async () => {
  place = makeFolder();
  db = place.path("audit.db");
  makeFixture(db);
  alter(db, [tokenRows("revoked later", { role: "viewer" }), tokenRows("expires later", { role: "viewer" })].join("\n"));
  listen = `127.0.0.1:${await freePort()}`;
  daemon = await startDaemon(db, { listen });
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

const ask = (path, headers, options = {}) => fetch(daemon.url + path, { redirect: "manual", headers, ...options });
const rows = () => Number(execFileSync("sqlite3", ["-readonly", db, ".timeout 5000", "SELECT count(*) FROM session"]));
const whoIs = async (session) => ask("/api/v1/session", session.cookie);

async function begin(token) {
  const answer = await ask("/api/v1/session", { "Content-Type": "application/json" }, { method: "POST", body: JSON.stringify({ token }) });
  assert.equal(answer.status, 200);
  return { cookie: { Cookie: answer.headers.get("set-cookie").split(";")[0] }, ...(await answer.json()) };
}
// The one row that there is now and was not before.
async function beginKept(token) {
  const was = rows();
  const session = await begin(token);
  await until(rows, (count) => count === was + 1);
  session.hash = execFileSync("sqlite3", ["-readonly", db, ".timeout 5000", "SELECT hash FROM session ORDER BY begun_at DESC LIMIT 1"], { encoding: "utf8" }).trim();
  return session;
}

test("what was begun goes on after a restart; what was signed out, revoked or is over does not", async () => {
  const kept = await beginKept(TOKEN);
  const end = Date.parse((await (await whoIs(kept)).json()).expires_at);
  const left = await beginKept(TOKEN);
  const revoked = await beginKept(tokenOf("revoked later"));
  const expired = await beginKept(tokenOf("expires later"));
  const old = await beginKept(TOKEN);
  const idle = await beginKept(TOKEN);
  const ahead = await beginKept(TOKEN);
  assert.doesNotMatch(execFileSync("sqlite3", [db, ".dump session"], { encoding: "utf8" }), new RegExp(kept.cookie.Cookie.split("=")[1]), "a hash is stored, and no cookie");

  assert.equal((await ask("/api/v1/session", { ...left.cookie, "X-CSRF-Token": left.csrf_token }, { method: "DELETE" })).status, 204);
  assert.equal((await whoIs(left)).status, 401);
  assert.equal((await ask("/api/v1/tokens/revoke", { ...signedIn, "Content-Type": "application/json" }, { method: "POST", body: JSON.stringify({ token: "revoked later" }) })).status, 200);
  await until(rows, (count) => count === 5);
  assert.equal((await whoIs(revoked)).status, 401);

  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  alter(db, [`UPDATE session SET begun_at = begun_at - 43200000 WHERE hash = '${old.hash}';`, `UPDATE session SET begun_at = begun_at - 7200000, seen_at = seen_at - 3600000 WHERE hash = '${idle.hash}';`,
    `UPDATE session SET begun_at = begun_at + 3600000, seen_at = seen_at + 3600000 WHERE hash = '${ahead.hash}';`, "UPDATE token SET expires_at = 5 WHERE name = 'expires later';"].join("\n"));
  daemon = await startDaemon(db, { listen });

  const answer = await whoIs(kept);
  assert.equal(answer.status, 200);
  const again = await answer.json();
  assert.ok(Math.abs(Date.parse(again.expires_at) - end) < 60e3, "its end is where it was");
  assert.deepEqual([again.name, again.role, again.csrf_token], [kept.name, kept.role, kept.csrf_token]);
  for (const [name, session] of Object.entries({ left, revoked, expired, old, idle, ahead })) {
    assert.equal((await whoIs(session)).status, 401, name);
  }
  assert.equal((await ask("/api/v1/session", { ...kept.cookie, "X-CSRF-Token": kept.csrf_token }, { method: "DELETE" })).status, 204);
  assert.equal((await whoIs(kept)).status, 401);
  await begin(TOKEN);
  await until(rows, (count) => count === 1);
});

test("a session is one server's: another that reads the same database does not take its cookie", async () => {
  const session = await beginKept(TOKEN);
  const beside = await startSite(db, { more: ["--control", `${db}.sock`] });
  const [, value] = session.cookie.Cookie.split("=");
  try {
    assert.equal((await fetch(`${beside.url}/api/v1/session`, { headers: { Cookie: `leastport-${beside.port}=${value}` } })).status, 401);
    assert.equal((await whoIs(session)).status, 200);
  } finally {
    assert.deepEqual(await beside.stop(), { status: 0, signal: null, errors: "" });
  }
});
