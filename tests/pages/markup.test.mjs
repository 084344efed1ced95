// Markup and what terminals obey, in every text of the database that a scanned host, an inventory, a person or another
// program can choose: on every page and in the report of one file it is text, in tables of the command line it is harmless.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { startDaemon } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn } from "./support/fixture.mjs";
import { BIN, makeFolder } from "./support/site.mjs";

const MARK = "\"'><b class=injected data-injected=1>INJECTED</b><img src=/injected onerror=owned()><script>owned()</script></style></textarea></title><svg/onload=owned()>\u202e\u2066\u009b31m\u001b]0;owned\u0007\u001b[2J";
const LONG = process.env.LEASTPORT_TEST_LONG === "1";
const TAG = "<b class=injected>";
// What the program chooses from words of its own, by their tables; and numbers and hashes of its own.
const OWN = Object.entries({ alert: "uuid key state", alert_condition: "kind subject ended_by", alert_item: "receiver change", alert_line: "key change kind proto", asset: "uuid kind end_reason", asset_identity: "kind source", asset_state: "address state", asset_tag: "source", canary: "host proto",
  certificate: "sha256 key signature", cloud_list: "document list", cloud_record: "document list key body end_reason", cloud_source: "name", coverage: "proto ports", due: "severity", endpoint: "address proto", endpoint_fact: "name", endpoint_state: "state",
  finding: "uuid fingerprint proto kind presence disposition sight severity breadth_class evidence_kind need_kind", finding_event: "what was became", finding_vantage: "class", handed_over: "uuid request scan_uuid", inventory_host: "key", policy: "hash",
  scan: "uuid plan plan_hash request state", scan_event: "what", schedule: "spec", schedule_run: "state scan_uuid", score: "scope grade terms", session: "hash", token: "public_id kind hash role scopes", token_limit: "kind", vantage: "declared_class", waiver_grant: "uuid", audit_log: "outcome", judgement: "" })
  .flatMap(([table, names]) => names.split(" ").map((name) => `${table}.${name}`));
const quoted = (text) => `'${text.replaceAll("'", "''")}'`;
const list = quoted(JSON.stringify([MARK]));
// What is JSON in itself.
const STRUCTURED = { "endpoint_answer.evidence": quoted(JSON.stringify([{ sent: MARK, bytes: 3 }, { received: MARK, bytes: 70 }])), "finding_event.evidence": quoted(JSON.stringify({ state: MARK, reason: MARK, tries: 2 })), "score.caps": list,
  "scan.canary": quoted("answered"), "waiver_grant.hosts": quoted(JSON.stringify({ cidr: [MARK] })), "waiver_grant.accepted_services": list, "inventory_host.addresses": quoted("[]"), "inventory_host.tags": quoted("{}"), "finding.controls": list };
// A realm's score goes by its name; a host's by its id.
const ONLY = { "score.subject": "scope = 'realm'" };
const CONFIG = `version: 1
targets: 127.0.0.1
ports: "1"
schedules: [{name: yearly, cron: "0 0 1 1 *"}]
inventories: [{name: few, hosts: [{address: 127.0.0.1, name: self.example, tags: {app: ${JSON.stringify(`${TAG}v`)}}}]}]
alerts:
  receivers: [{name: hook, kind: webhook, url: "http://127.0.0.1:9/"}]
  rules: [{name: all, to: [hook]}]
`;

let place;
let db;
let daemon;
let ids;

const sqlite = (sql) => execFileSync("sqlite3", ["-readonly", "-json", db, ".timeout 5000", sql], { encoding: "utf8" });
const ask = async (path, content) => {
  const answer = await fetch(daemon.url + path, { method: content ? "POST" : "GET", headers: { ...signedIn, ...(content ? { "Content-Type": "application/json" } : {}) }, ...(content ? { body: JSON.stringify(content) } : {}) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${answer.ok ? "" : await answer.text()}`);
  return answer.json();
};

// Every text of every table that has rows, but those that nobody else chooses.
function poison() {
  const columns = JSON.parse(sqlite("SELECT m.name AS \"table\", c.name AS \"column\" FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT GLOB 'sqlite_*' AND c.type = 'TEXT'"));
  const chosen = columns.map(({ table, column }) => `${table}.${column}`).filter((name) => !OWN.includes(name));
  assert.deepEqual(OWN.filter((name) => !name.endsWith(".") && !columns.some(({ table, column }) => name === `${table}.${column}`)), [], "what is said to be our own is there");
  alter(db, `PRAGMA foreign_keys = OFF;\n${chosen.map((name) => {
    const [table, column] = name.split(".");
    return `UPDATE ${table} SET ${column} = ${STRUCTURED[name] ?? `${column} || ${quoted(MARK)}`} WHERE ${ONLY[name] ?? "1"};`;
  }).join("\n")}`);
  return chosen;
}

before(async () => {
  place = makeFolder();
  db = place.path("audit.db");
  makeFixture(db);
  writeFileSync(place.path("config.yaml"), CONFIG);
  alter(db, "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT id, 'person', 'app', 'shop', 1 FROM asset;");
  daemon = await startDaemon(db, { more: ["--config", place.path("config.yaml")] });
  const { items } = await ask("/api/v1/findings?presence=OPEN&limit=3");
  await ask(`/api/v1/findings/${items[0].uuid}/waive`, { owner: `${TAG}o`, reason: MARK, until: "2097-03-31" });
  await ask(`/api/v1/findings/${items[1].uuid}/acknowledge`, { reason: MARK });
  await ask("/api/v1/waivers", { rule: items[2].rule_id, hosts: { cidr: [`${items[2].host.address}/32`] }, owner: `${TAG}o`, reason: MARK, until: "2097-03-31" });
  await ask("/api/v1/tokens", { name: `${TAG}t`, realms: [`${TAG}r`], tags: [`${TAG}=${TAG}`] });
  await ask("/api/v1/alerts/test", { receiver: "hook" });
  const answered = JSON.parse(sqlite("SELECT a.uuid FROM endpoint_answer n JOIN endpoint e ON e.id = n.endpoint_id JOIN asset a ON a.id = e.asset_id WHERE n.certificate_id IS NOT NULL LIMIT 1"))[0].uuid;
  const scans = JSON.parse(sqlite("SELECT uuid FROM scan WHERE realm_id = 1 ORDER BY id"));
  const found = JSON.parse(sqlite(`SELECT f.uuid FROM finding f JOIN asset a ON a.id = f.asset_id WHERE a.uuid = '${answered}' LIMIT 1`))[0].uuid;
  ids = { finding: found, waived: items[0].uuid, host: answered, scan: scans.at(-1).uuid, first: scans[0].uuid };
  assert.ok(poison().length > 60);
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

// What came of the mark: nothing but text. Controls and what turns writing show as what they are.
async function looksInto(page) {
  return page.evaluate(() => ({
    injected: document.querySelectorAll(".injected, [data-injected], img:not([src='/assets/favicon.svg']), iframe, object, embed, base, svg[onload], meta[http-equiv=refresh]").length,
    handlers: [...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")),
    scripts: [...document.scripts].filter((script) => !script.src || new URL(script.src).origin !== location.origin).length,
    links: [...document.querySelectorAll("a[href], form[action]")].map((node) => node.href ?? node.action).filter((href) => !/^https?:|^file:/.test(href)),
    raw: [...new Set([...document.querySelectorAll("body *")].filter((node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(child.data))).map((node) => node.outerHTML.slice(0, 60)))],
    controls: (document.body.innerText.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g) ?? []).length + (document.title.match(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g) ?? []).length,
    shown: document.body.innerText.includes("class=injected"), owned: window.isOwned === true,
  }));
}
const CLEAN = { injected: 0, handlers: [], scripts: 0, links: [], raw: [], controls: 0, owned: false };

describe("in a browser", { skip: missingBrowser() ?? false }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(() => browser?.close());

  async function visit(url, { site = null, act } = {}) {
    const { page, said, close } = await openPage(browser, { site });
    const dialogs = [];
    const strange = [];
    page.on("dialog", (dialog) => { dialogs.push(dialog.message()); dialog.dismiss(); });
    page.on("request", (request) => {
      const { origin, pathname } = new URL(request.url());
      if (site === null ? request.url() !== url : origin !== site || (!request.isNavigationRequest() && !/^\/(assets|api\/v1|readyz)/.test(pathname))) {
        strange.push(request.url());
      }
    });
    await page.addInitScript(() => { window.owned = () => { window.isOwned = true; }; });
    await page.goto(url);
    await (site === null ? null : settle(page));
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    await act?.(page);
    const { shown, ...rest } = await looksInto(page);
    assert.deepEqual([rest, said, dialogs, strange], [CLEAN, [], [], []], url);
    await close();
    return shown;
  }

  const pages = () => ({ overview: "/", findings: "/findings", waived: "/findings?disposition=WAIVED", finding: `/findings/${ids.finding}`, "waived finding": `/findings/${ids.waived}`, hosts: "/hosts", host: `/hosts/${ids.host}`, map: "/map?rows=tag", certificates: "/certificates", changes: "/changes?hours=2160",
    comparison: `/changes?from=${ids.first}&to=${ids.scan}`, scans: "/scans", scan: `/scans/${ids.scan}`, policy: "/policy", schedules: "/schedules", alerts: "/alerts", access: "/access" });
  // Where nothing is shown that others choose, there is nothing to see.
  const QUIET = new Set(["schedules", "alerts", "comparison"]);

  // The others with --long: a page takes its time to settle.
  const OFTEN = new Set(["finding", "findings", "host", "access"]);

  test("every page shows it as text", async () => {
    const all = Object.entries(pages()).filter(([name]) => LONG || OFTEN.has(name));
    const known = readFileSync(new URL("../../web/routes.c", import.meta.url), "utf8").match(/PAGE\("/g).length;
    assert.ok(new Set(Object.entries(pages()).map(([, path]) => path.split("?")[0])).size >= known, "all pages there are");
    const shown = {};
    for (let i = 0; i < all.length; i += 4) {
      await Promise.all(all.slice(i, i + 4).map(async ([name, path]) => { shown[name] = await visit(daemon.url + path, { site: daemon.url }); }));
    }
    assert.deepEqual(Object.keys(shown).filter((name) => !shown[name] && !QUIET.has(name)), [], "it is there to be seen");
  });

  test("the report of one file shows it as text", async () => {
    const { status, stderr } = spawnSync(join(BIN, "leastport"), ["export", "--db", db, "-o", `html:${place.path("report.html")}`], { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const url = pathToFileURL(place.path("report.html")).href;
    assert.equal(await visit(url), true);
  });
});

describe("in a terminal", () => {
  const verbs = [["report"], ["report", "--explain"], ["score"], ["score", "--explain"], ["changes", "--since", "1970-01-02"], ["waive", "--list"], ["token", "list"], ["inventory"], ["schedule"], ["alert"], ["policy", "explain", "10.20.1.14:22"]];
  // Line feeds aside, nothing that a terminal obeys, that turns writing or hides it.
  const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/;

  test("no verb prints what a terminal obeys, on either stream", () => {
    let shown = 0;
    for (const words of verbs) {
      const { status, stdout, stderr } = spawnSync(join(BIN, "leastport"), [...words, "--db", db], { encoding: "utf8", env: { ...process.env, NO_COLOR: "1", COLUMNS: "200" } });
      assert.ok(status !== null && !/Usage|unrecognized/.test(stderr), `${words.join(" ")}: ${stderr}`);
      assert.doesNotMatch(stdout + stderr, obeyed, words.join(" "));
      shown += stdout.includes("class=injected") ? 1 : 0;
    }
    assert.ok(shown >= 4, `${shown} verbs show it`);
  });
});
