// While people browse: the daemon is killed and started again, another process locks the database, the disk is full, a
// backup is restored. The page says so in words and recovers by itself; what is asked for is answered rightly or by a problem.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { freePort, startDaemon, until } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn } from "./support/fixture.mjs";
import { BIN, makeFolder, startSite } from "./support/site.mjs";

const skip = missingBrowser() ?? false;
let browser;
let place;

before(async () => {
  if (!skip) {
    browser = await launch();
    place = makeFolder();
    makeFixture(place.path("fixture.db"));
  }
});
after(async () => {
  await browser?.close();
  place?.remove();
});

// A database of one's own, a page on it that is marked, and what the page has to say.
function folderOf(name) {
  mkdirSync(place.path(name));
  copyFileSync(place.path("fixture.db"), place.path(`${name}/audit.db`));
  return place.path(`${name}/audit.db`);
}
async function browse(site, path) {
  const opened = await openPage(browser, { site, expectErrors: true });
  await opened.page.goto(`${site}${path}`);
  await settle(opened.page);
  await opened.page.evaluate(() => { window.isSamePage = true; });
  const says = (text) => opened.page.waitForSelector(`.trouble:has-text("${text}")`, { timeout: 60e3 });
  const isCalm = async () => {
    await until(() => opened.page.evaluate(() => (document.querySelector(".trouble")?.textContent ?? "") === "" && document.getElementById("content").getAttribute("aria-busy") === "false" &&
      document.querySelector("#content section.state[role=alert]") === null), (calm) => calm);
    assert.equal(await opened.page.evaluate(() => window.isSamePage), true, "without loading the page anew");
  };
  const done = async () => {
    assert.deepEqual(opened.said.filter((line) => !/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED/.test(line)), []);
    await opened.close();
  };
  return { ...opened, says, isCalm, done };
}
const ask = (site, path, content) => fetch(site + path, { method: content ? "POST" : "GET", headers: { ...signedIn, ...(content ? { "Content-Type": "application/json" } : {}) }, ...(content ? { body: JSON.stringify(content) } : {}) });
const openFinding = async (site) => (await (await ask(site, "/api/v1/findings?presence=OPEN&disposition=NONE&limit=1")).json()).items[0].uuid;
const write = async (site, path, content) => {
  const answer = await ask(site, path, content);
  const body = await answer.json();
  assert.equal(answer.headers.get("content-type").split(";")[0], answer.ok ? "application/json" : "application/problem+json");
  return { status: answer.status, detail: body.detail ?? "" };
};
const acknowledge = (site, uuid) => write(site, `/api/v1/findings/${uuid}/acknowledge`, { reason: "it is known" });
const scan = (site) => write(site, "/api/v1/scans", { targets: ["127.0.0.1"], ports: "1", probe: "connect" });
const sessions = (db) => JSON.parse(execFileSync("sqlite3", ["-readonly", db, ".timeout 5000", "SELECT json_group_array(hash) FROM (SELECT hash, begun_at FROM session ORDER BY begun_at)"]));
const inOrder = (counts) => JSON.stringify(Object.entries(counts).sort());
const countOf = async (site) => Object.fromEntries((await (await ask(site, "/api/v1/findings?group_by=presence")).json()).groups.map(({ presence, count }) => [presence, count]));

describe("while people browse", { skip, concurrency: 4 }, () => {
  test("the daemon is killed and started again, and with it the web server that it started", async () => {
    const listen = `127.0.0.1:${await freePort()}`;
    const db = folderOf("killed");
    let daemon = await startDaemon(db, { listen });
    const site = await startSite(db, { more: ["--control", `${db}.sock`] });
    const whole = await browse(daemon.url, "/findings?severity=critical");
    const beside = await browse(site.url, "/findings?severity=critical");
    const rows = "#content .findings-table tbody tr:not(.more)";
    const { items } = await (await ask(site.url, "/api/v1/findings?severity=medium&limit=50")).json();
    assert.ok(items.length > 0);
    const begun = await until(() => sessions(db), (kept) => kept.length === 2);
    try {
      await daemon.kill("SIGKILL");
      await whole.says("The server does not answer");
      await beside.says("leastport-auditd does not run");
      // Who goes on clicking sees what is stored, or is told why not.
      for (const { page } of [whole, beside]) {
        await page.selectOption("#filter-severity", "medium");
      }
      await whole.page.waitForSelector('[role=alert]:has-text("The data could not be read")');
      await until(() => beside.page.locator(rows).count(), (count) => count === items.length);
    } finally {
      daemon = await startDaemon(db, { listen });
    }
    try {
      await beside.isCalm();
      // The session outlasts the web server that it was begun at, and its CSRF token does.
      await whole.isCalm();
      await until(() => whole.page.locator(rows).count(), (count) => count === items.length);
      assert.equal(new URL(whole.page.url()).search, "?severity=medium");
      await whole.page.click("text=Sign out");
      await whole.page.waitForURL(/\/login$/, { timeout: 60e3 });
      await until(() => sessions(db), (kept) => kept.length === 1);
      assert.notDeepEqual(await sessions(db), begun, "the one of the page beside is left");
      await whole.done();
      await beside.done();
    } finally {
      assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
      assert.deepEqual(await site.stop(), { status: 0, signal: null, errors: "" });
    }
  });

  const restored = async () => {
    const db = folderOf("restored");
    execFileSync(join(BIN, "leastport"), ["backup", "--db", db, place.path("restored/backup.db")], { stdio: "ignore" });
    const kept = JSON.parse(execFileSync("sqlite3", [place.path("restored/backup.db"), `SELECT json_group_object(presence, n) FROM (SELECT presence, count(*) AS n FROM finding
      WHERE presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED') AND sight <> 'RETIRED' GROUP BY 1)`]));
    alter(db, "UPDATE finding SET presence = 'FIXED', fixed_at = last_seen WHERE presence = 'OPEN' AND severity <> 'critical';");
    let daemon = await startDaemon(db);
    const site = await startSite(db, { more: ["--control", `${db}.sock`] });
    const { page, says, isCalm, done } = await browse(site.url, "/findings");
    const was = await countOf(site.url);
    const seen = new Set();
    let looks = true;
    // Whatever is told at whatever moment is the one or the other, or a problem.
    const looker = (async () => {
      while (looks) {
        const answer = await ask(site.url, "/api/v1/findings?group_by=presence");
        const body = await answer.json();
        assert.ok(answer.ok || (answer.status === 503 && body.detail.length > 10), JSON.stringify(body));
        seen.add(answer.ok ? inOrder(Object.fromEntries(body.groups.map(({ presence, count }) => [presence, count]))) : "503");
        await new Promise((resolve) => { setTimeout(resolve, 20); });
      }
    })();
    try {
      const uuid = await openFinding(site.url);
      assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
      await says("leastport-auditd does not run");
      const refused = await acknowledge(site.url, uuid);
      assert.equal(refused.status, 503);
      assert.match(refused.detail, /leastport-auditd does not answer/);
      execFileSync(join(BIN, "leastport"), ["restore", place.path("restored/backup.db"), "--db", db], { stdio: "ignore" });
      daemon = await startDaemon(db);
      await isCalm();
      const is = await countOf(site.url);
      assert.ok(is.OPEN > was.OPEN, JSON.stringify([was, is]));
      const total = Object.values(is).reduce((sum, count) => sum + count, 0);
      await page.waitForSelector(`#summary:has-text("${total} findings")`);
      assert.equal((await acknowledge(site.url, uuid)).status, 200);
      looks = false;
      await looker;
      // What the backup holds is judged anew when the daemon starts.
      const known = ["503", ...[was, kept, is].map(inOrder)];
      assert.deepEqual([...seen].filter((one) => !known.includes(one)), []);
      assert.ok(seen.has(inOrder(was)) && seen.has(inOrder(is)));
      await done();
    } finally {
      looks = false;
      await looker.catch(() => null);
      assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
      assert.deepEqual(await site.stop(), { status: 0, signal: null, errors: "" });
    }
  };

  test("another process locks the database", async () => {
    const db = folderOf("locked");
    const daemon = await startDaemon(db);
    const { page, says, isCalm, done } = await browse(daemon.url, "/findings");
    const shell = spawn("sqlite3", [db], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const uuid = await openFinding(daemon.url);
      const held = new Promise((resolve) => { shell.stdout.once("data", resolve); });
      shell.stdin.write("BEGIN IMMEDIATE;\nSELECT 'held';\n");
      await held;
      await says("Another process holds the database's lock");
      // Nobody waits for the lock: neither who decides, nor who asks how the daemon is.
      const refused = await Promise.all([acknowledge(daemon.url, uuid), acknowledge(daemon.url, uuid), scan(daemon.url)]);
      for (const { status, detail } of refused) {
        assert.equal(status, 503);
        assert.match(detail, /^the database \S+audit\.db: another process holds the database's lock/);
      }
      const ready = await (await fetch(`${daemon.url}/readyz`)).json();
      assert.match(JSON.stringify(ready), /Another process holds the database's lock/);
      // What is stored can be read all the same.
      await page.selectOption("#filter-severity", "critical");
      await page.waitForSelector(".findings-table");
      shell.stdin.write("ROLLBACK;\n");
      await isCalm();
      assert.equal((await acknowledge(daemon.url, uuid)).status, 200);
      // What was refused is in the audit log, too, once that can be written.
      const logged = await until(async () => (await (await ask(daemon.url, "/api/v1/audit-log?limit=100")).json()).items
        .filter(({ outcome, detail }) => outcome === "refused" && /holds the database's lock/.test(detail)).map(({ what }) => what).sort(), (items) => items.length === 3);
      assert.deepEqual(logged, ["audit", "disposition acknowledge", "disposition acknowledge"]);
      await done();
    } finally {
      shell.stdin.end();
      assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
    }
  });

  // This one takes longest: with --long alone.
  if (process.env.LEASTPORT_TEST_LONG === "1") {
    test("the daemon is away, and a backup is restored meanwhile", restored);
  }

  const namespace = skip || spawnSync("unshare", ["-m", "true"]).status === 0 ? false : "mount namespaces cannot be made";
  test("the disk is full", { skip: namespace }, async () => {
    const disk = place.path("full");
    mkdirSync(disk);
    const db = join(disk, "audit.db");
    const within = ["unshare", "-m", "--propagation", "private", "sh", "-c",
      'mount -t tmpfs -o size=32m none "$0" && cp "$1" "$0/audit.db" && shift && exec "$@"', disk, place.path("fixture.db")];
    const daemon = await startDaemon(db, { within });
    const inside = `/proc/${daemon.pid}/root${disk}`;
    const filler = `${inside}/filler`;
    const { page, says, isCalm, done } = await browse(daemon.url, "/findings");
    try {
      const uuid = await openFinding(daemon.url);
      const free = () => { const { bfree, bsize } = statfsSync(inside); return bfree * bsize; };
      assert.ok(free() < 32 << 20, "it is that disk");
      try {
        writeFileSync(filler, Buffer.alloc(32 << 20));
      } catch (error) {
        assert.equal(error.code, "ENOSPC");
      }
      assert.equal(free(), 0);
      await says("The disk is full");
      const refused = await until(() => acknowledge(daemon.url, uuid), ({ status }) => status !== 200);
      for (const { status, detail } of [refused, await scan(daemon.url)]) {
        assert.equal(status, 503);
        assert.match(detail, /^the database \S+audit\.db: the disk is full/);
      }
      await page.selectOption("#filter-severity", "critical");
      await page.waitForSelector(".findings-table");
      rmSync(filler);
      await isCalm();
      assert.equal((await acknowledge(daemon.url, uuid)).status, 200);
      await done();
    } finally {
      assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
    }
  });
});
