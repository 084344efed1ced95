// What the cloud declares, over the API of a real daemon: the same as the command line says, page by page of one moment; and
// beside what was observed on the host's page.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { violations } from "./support/axe.mjs";
import { launch, missingBrowser, openPage, settle, shoot } from "./support/browser.mjs";
import { startDaemon } from "./support/daemon.mjs";
import { alter, makeFixture, TOKEN, tokenOf, tokenRows } from "./support/fixture.mjs";
import { BIN, makeFolder } from "./support/site.mjs";

const CLOUD = fileURLToPath(new URL("../integration/reach", import.meta.url));
const LAB = fileURLToPath(new URL("../lab/declared", import.meta.url));

let place;
let daemon;

const leastport = (...words) => execFileSync(join(BIN, "leastport"), words, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

// What nmap would write of a machine; without more, of web's own, seen from the internet: 443 and 3306 open, 22 closed.
function seenFromOutside(file, address = "10.0.1.5", states = { 443: "open", 3306: "open", 22: "closed" }) {
  const ports = Object.keys(states);
  const second = Math.floor(Date.now() / 1000);
  const port = ([number, state]) => `<port protocol="tcp" portid="${number}"><state state="${state}" reason="${state === "open" ? "syn-ack" : "reset"}" reason_ttl="0"/></port>`;
  writeFileSync(file, `<?xml version="1.0"?><nmaprun scanner="nmap" args="nmap" start="${second - 60}" version="7.93" xmloutputversion="1.05">
<scaninfo type="syn" protocol="tcp" numservices="${ports.length}" services="${ports}"/>
<host starttime="${second - 50}" endtime="${second - 40}"><status state="up" reason="echo-reply" reason_ttl="0"/><address addr="${address}" addrtype="ipv4"/>
<ports>${Object.entries(states).map(port).join("")}</ports></host>
<runstats><finished time="${second - 30}" elapsed="1" exit="success"/><hosts up="1" down="0" total="1"/></runstats></nmaprun>`);
}

before(async () => {
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  cpSync(CLOUD, place.path("cloud"), { recursive: true });
  seenFromOutside(place.path("seen.xml"));
  leastport("import", "--db", place.path("audit.db"), "--realm", "vpc-1", "--vantage", "outside:world", place.path("seen.xml"));
  leastport("import", "aws", place.path("cloud"), "--db", place.path("audit.db"), "--inventory", "prod");
  alter(place.path("audit.db"), [tokenRows("viewer", { role: "viewer" }), tokenRows("limited", { role: "viewer", realms: ["vpc-1"] })].join("\n"));
  daemon = await startDaemon(place.path("audit.db"));
});
after(async () => {
  assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  place.remove();
});

async function told(query, { as, content, status = 200 } = {}) {
  const answer = await fetch(`${daemon.url}/api/v1/reach${query}`, { ...(content ? { method: "POST", body: JSON.stringify(content) } : {}),
    headers: { Authorization: `Bearer ${as ? tokenOf(as) : TOKEN}`, ...(content ? { "Content-Type": "application/json" } : {}) } });
  const body = await answer.json();
  assert.equal(answer.status, status, JSON.stringify(body));
  return body;
}
// The command line's rows, without what only they have; it writes numbers shorter.
const printed = (...words) => leastport("reach", "--json", "--db", place.path("audit.db"), ...words).trim().split("\n")
  .map((line) => JSON.parse(line)).map(({ type: _type, share: _share, return_share: _return, sources, ...rest }) => ({ ...rest, sources: sources.slice(0, 64) }));
const bare = (rows) => rows.map(({ share: _share, return_share: _return, ...rest }) => rest);

async function pages(query, limit) {
  const rows = [];
  let count = 0;
  for (let cursor = ""; cursor !== null && count < 50; count++) {
    const page = await told(`?limit=${limit}${query}${cursor && `&cursor=${cursor}`}`);
    rows.push(...page.items);
    cursor = page.next_cursor;
  }
  return { rows, count };
}

describe("what the cloud declares", () => {
  test("one port, with its proof, as the command line has it", async () => {
    const { items, inventory, next_cursor: next } = await told("?to=192.0.2.80:443", { as: "viewer" });
    assert.equal(inventory, "prod");
    assert.equal(next, null);
    assert.deepEqual(bare(items), printed("--to", "192.0.2.80:443"));
    assert.equal(items[0].verdict, "REACHABLE");
    assert.deepEqual(items[0].proof.filter((step) => !step.answer).map((step) => [step.stage, step.id, step.passes]).filter(([stage]) => stage !== "address"),
      printed("--to", "192.0.2.80:443")[0].proof.filter((step) => !step.answer).map((step) => [step.stage, step.id, step.passes]).filter(([stage]) => stage !== "address"));
    assert.ok(items[0].proof.some((step) => step.stage === "group" && step.id === "sg-web" && /sgr-web443/.test(step.text)));
  });

  test("from a range, an asset, and by way of a balancer", async () => {
    for (const [to, from] of [["orders:5432", "app"], ["orders:5432", "10.9.1.0/24"], ["app:8080", "world"], ["trap:443", "world"], ["i-web", "203.0.113.9"]]) {
      const { items } = await told(`?to=${to}&from=${encodeURIComponent(from)}&limit=500`);
      assert.deepEqual(bare(items), printed("--to", to, "--from", from));
    }
  });

  test("all that the internet reaches, page by page", async () => {
    const whole = printed("--all");
    for (const limit of [1, 3, whole.length, 500]) {
      const { rows, count } = await pages("", limit);
      assert.deepEqual(bare(rows), whole);
      assert.equal(count, Math.max(1, Math.ceil(whole.length / limit)));
    }
  });

  test("what cannot be asked is refused", async () => {
    assert.match((await told("?to=nobody:22", { status: 404 })).detail, /no interface, instance, balancer, database or address "nobody:22"/);
    assert.match((await told("?to=web:22x", { status: 400 })).detail, /no port, range/);
    assert.match((await told("?to=web&from=nowhere", { status: 404 })).detail, /neither world, nor a CIDR, nor an asset/);
    assert.match((await told("?from=world", { status: 400 })).detail, /from goes with to/);
    assert.match((await told("?inventory=none", { status: 404 })).detail, /no cloud "none" is stored/);
    assert.match((await told("?as_of=2020-01-01T00:00:00Z", { status: 404 })).detail, /nothing was stored of the cloud "prod" then/);
    await told("?to=web&what=1", { status: 400 });
    await told("?cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", { status: 400 });
  });

  test("what a change would open and close, as the command line has it", async () => {
    const { SecurityGroups: groups } = JSON.parse(readFileSync(join(CLOUD, "security-groups.json"), "utf8"));
    const web = structuredClone(groups.find((group) => group.GroupId === "sg-web"));
    web.IpPermissions = web.IpPermissions.filter((rule) => rule.FromPort !== 9000).map((rule) => (rule.FromPort === 22 ? { ...rule, ToPort: 23 } : rule));
    const change = { SecurityGroups: [web] };
    writeFileSync(place.path("change.json"), JSON.stringify(change));
    const lines = (...words) => leastport("reach", "--json", "--db", place.path("audit.db"), "--what-if", place.path("change.json"), ...words).trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
    const ask = (content, options) => told("/what-if", { content, ...options });
    for (const [to, words] of [[undefined, []], ["web", ["--to", "web"]], ["web:23", ["--to", "web:23"]], ["orders", ["--to", "orders"]]]) {
      const found = await ask({ change, to });
      const printed = lines(...words);
      for (const [type, rows, count] of [["opens", found.opens, found.open_count], ["closes", found.closes, found.close_count]]) {
        const wanted = printed.filter((line) => line.type === type).map(({ type: _type, share: _share, return_share: _return, ...rest }) => rest);
        assert.deepEqual(bare(rows), wanted, `${to} ${type}`);
        assert.equal(count, wanted.length);
      }
    }
    const { opens, closes, inventory } = await ask({ change }, { as: "viewer" });
    assert.deepEqual([inventory, opens.map((row) => row.ports), closes.map((row) => row.ports)], ["prod", ["23"], ["9000"]]);
    const deciding = ({ proof }) => proof.filter(({ stage, id, passes }) => stage === "group" && id === "sg-web" && passes === "yes").map(({ text }) => text).join();
    assert.match(deciding(opens[0]), /22-23/, "by which rule it would be reached");
    assert.match(deciding(closes[0]), /9000/, "by which rule it is reached now");
    assert.deepEqual((await ask({ change: { SecurityGroups: groups } })).open_count, 0);
    await ask({ change }, { as: "limited", status: 403 });
    await ask({ change, to: "nobody" }, { status: 404 });
    await ask({ change, inventory: "none" }, { status: 404 });
    for (const [bad, says] of [[{}, /holds nothing that/], [{ Instances: 5 }, /./], [{ SecurityGroups: [{ GroupId: "sg-web", IpPermissions: [{ IpProtocol: "tcp", FromPort: "x" }] }] }, /./],
      [JSON.parse(readFileSync(join(CLOUD, "network-interfaces.json"), "utf8").replaceAll("eni-web", "eni-wob")), /security groups and network ACLs only/]]) {
      assert.match((await ask({ change: bad }, { status: 400 })).detail, says, JSON.stringify(bad).slice(0, 100));
    }
    assert.deepEqual(bare((await told("?to=192.0.2.80:443")).items), printed("--to", "192.0.2.80:443"), "and nothing was changed");
  });

  test("a limited token sees none of it", async () => {
    await told("", { as: "limited", status: 403 });
    await told("?to=web", { as: "limited", status: 403 });
  });

  test("pages stay at their moment, and the past can be asked", async () => {
    const before = await told("?limit=2");
    const groups = JSON.parse(readFileSync(place.path("cloud/security-groups.json"), "utf8"));
    groups.SecurityGroups.find((group) => group.GroupId === "sg-web").IpPermissions[0].FromPort = 442;
    writeFileSync(place.path("cloud/security-groups.json"), JSON.stringify(groups));
    leastport("import", "aws", place.path("cloud"), "--db", place.path("audit.db"), "--inventory", "prod");
    const now = await told("?to=192.0.2.80:442");
    assert.equal(now.items[0].verdict, "REACHABLE");
    assert.ok(now.as_of > before.as_of);
    const next = await told(`?limit=2&cursor=${before.next_cursor}`);
    assert.equal(next.as_of, before.as_of);
    assert.equal((await told(`?to=192.0.2.80:442&as_of=${before.as_of}`)).items[0].verdict, "BLOCKED");
  });
});

describe("the host's page", { skip: missingBrowser() ?? false }, () => {
  test("declared beside observed, contradictions first, with the path that proves it", async () => {
    const answer = await fetch(`${daemon.url}/api/v1/hosts?realm=vpc-1&address=10.0.1.5`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const [{ uuid }] = (await answer.json()).items;
    const browser = await launch();
    for (const size of ["desktop", "phone"]) {
      const { page, said, close } = await openPage(browser, { site: daemon.url, size });
      await page.goto(`${daemon.url}/hosts/${uuid}`);
      await settle(page);
      const rows = await page.locator("#declared tbody tr").allInnerTexts();
      assert.match(rows[0], /3306/);
      assert.match(rows[0], /Contradiction/);
      assert.ok(rows.some((row) => /443/.test(row) && /Exposed/.test(row)), rows.join("\n"));
      await page.locator("#declared tbody tr", { hasText: "Exposed" }).locator("summary").click();
      const path = await page.locator("#declared details[open] ol").first().innerText();
      assert.match(path, /internet[\s\S]*igw-1[\s\S]*acl-open[\s\S]*sg-web[\s\S]*eni-web/);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
      assert.deepEqual(said, []);
      await close();
    }
    await browser.close();
  });

  test("what if the rules were others: what would open and close, each with its path, and what is wrong said by the box", async () => {
    const answer = await fetch(`${daemon.url}/api/v1/hosts?realm=vpc-1&address=10.0.1.5`, { headers: { Authorization: `Bearer ${TOKEN}` } });
    const [{ uuid }] = (await answer.json()).items;
    const browser = await launch();
    const { page, said, close } = await openPage(browser, { site: daemon.url, size: "phone", colorScheme: "dark", token: tokenOf("viewer"), expectErrors: true });
    await page.goto(`${daemon.url}/hosts/${uuid}#what-if`);
    await settle(page);
    const part = page.locator("#what-if");
    const area = part.getByLabel("Groups or ACLs, as JSON");
    assert.ok(await area.isVisible(), "the address opens it");
    assert.match(await part.innerText(), /describe-security-groups --group-ids sg-web/);
    const ask = part.getByRole("button", { name: "See what would open and close" });
    const told = () => part.locator("[aria-live]").innerText();
    const rows = async (title) => (await part.getByRole("region", { name: title }).locator("tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " "));
    // The example, as it stands: 443 alone, of this host alone.
    await ask.press("Enter");
    await part.getByText(/would open to the internet/).waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "See what would open and close", "the focus stays with the work");
    assert.match(await told(), /^\d+ rows? would open to the internet, \d+ would close, by the cloud prod as it was read .* Nothing was changed\./);
    const closed = await rows("Would close");
    assert.ok(closed.some((row) => row.startsWith("9000/tcp") && row.includes("198.51.100.0/25") && row.includes("i-web")), closed.join("\n"));
    assert.ok(closed.every((row) => !row.includes("i-trap")), "of this host alone");
    await part.getByLabel("Tell of").selectOption("The whole cloud");
    await ask.click();
    await part.getByRole("row", { name: /i-trap/ }).first().waitFor({ timeout: 5000 });
    assert.ok((await rows("Would close")).length > closed.length, "the group is held by others, too");
    await part.getByLabel("Tell of").selectOption("This host alone");
    // All ports of a part of the internet, and one of all of it: the worst comes first.
    const change = JSON.parse(await area.inputValue());
    change.SecurityGroups[0].IpPermissions = [{ IpProtocol: "tcp", FromPort: 20, ToPort: 20, IpRanges: [{ CidrIp: "198.51.0.0/16" }] },
      ...JSON.parse(readFileSync(join(CLOUD, "security-groups.json"), "utf8")).SecurityGroups.find((group) => group.GroupId === "sg-web").IpPermissions,
      { IpProtocol: "tcp", FromPort: 6379, ToPort: 6379, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
    await area.fill(JSON.stringify(change));
    await ask.click();
    await part.getByRole("row", { name: /^6379/ }).first().waitFor();
    const opened = await rows("Would open");
    assert.deepEqual(opened.map((row) => row.split(" ")[0]), ["6379/tcp", "20/tcp"]);
    assert.match(opened[0], /all of the internet.* reachable /);
    assert.match(opened[1], /198\.51\.0\.0\/16.* reachable in part /);
    const first = part.getByRole("region", { name: "Would open" }).locator("tbody tr").first();
    await first.locator("summary").click();
    assert.match(await first.locator("ol").first().innerText(), /internet[^]*igw-1[^]*acl-open[^]*sg-web[^]*6379[^]*eni-web/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
    assert.deepEqual(await violations(page), []);
    await shoot(page, "what-if");
    // What is wrong.
    const alert = part.getByRole("alert");
    for (const [text, says] of [['{"SecurityGroups": [}', /^That is no JSON: /], ["[]", /^What changes is an object, such as/], ["{}", /holds nothing that/],
      ['{"SecurityGroups": [{"GroupId": "sg-web", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": "x"}]}]}', /FromPort|sg-web|SecurityGroups/], [JSON.stringify({ SecurityGroups: "x".repeat(600 * 1024) }), /601 KiB, and the server takes at most 512/]]) {
      await area.fill(text);
      await ask.click();
      await alert.filter({ hasText: says }).waitFor();
      assert.deepEqual([await area.getAttribute("aria-invalid"), await told()], ["true", ""]);
    }
    await area.fill("{}");
    assert.equal(await area.getAttribute("aria-invalid"), null);
    assert.deepEqual(said, []);
    await close();
    await browser.close();
  });

  test("the overview begins with what contradicts the cloud, and its list opens by a link", async () => {
    const browser = await launch();
    const { page, said, close } = await openPage(browser, { site: daemon.url, size: "desktop" });
    await page.goto(`${daemon.url}/`);
    await settle(page);
    const worst = page.locator("ol.worst > li");
    assert.match(await worst.first().innerText(), /3306/);
    assert.match(await worst.first().innerText(), /no rule of the cloud lets it/);
    assert.ok(await worst.count() > 1);
    await page.getByRole("link", { name: "all such findings" }).click();
    await settle(page);
    assert.match(page.url(), /kind=undeclared-exposure/);
    const rows = await page.locator("tbody tr").allInnerTexts();
    assert.match(rows[0], /3306/);
    assert.equal(rows.join("\n").match(/no rule of the cloud lets it/g).length, 1);
    assert.deepEqual(said, []);
    await close();
    await browser.close();
  });
});

describe("a cloud that nobody has scanned", { skip: missingBrowser() ?? false }, () => {
  test("the overview tells what is declared", async () => {
    const fresh = makeFolder();
    leastport("import", "aws", CLOUD, "--db", fresh.path("audit.db"));
    alter(fresh.path("audit.db"), tokenRows("viewer", { role: "viewer" }));
    const other = await startDaemon(fresh.path("audit.db"));
    const browser = await launch();
    const { page, said, close } = await openPage(browser, { site: other.url, size: "phone", token: tokenOf("viewer") });
    await page.goto(`${other.url}/`);
    await settle(page);
    assert.match(await page.locator("ol.worst > li").first().innerText(), /SSH on 22\/tcp: the cloud's rules let ranges of the internet reach it/i);
    assert.deepEqual(said, []);
    await close();
    await browser.close();
    await other.stop();
    fresh.remove();
  });

  test("ranges of which some ports were looked at are told by what was found of each, and fit a phone", async () => {
    const fresh = makeFolder();
    const db = fresh.path("audit.db");
    leastport("import", "aws", LAB, "--db", db);
    seenFromOutside(fresh.path("seen.xml"), "10.20.4.10", { 443: "open", ...Object.fromEntries([...Array(40).keys()].map((i) => [100 + 7 * i, "closed"])) });
    leastport("import", "--db", db, "--realm", "vpc-lab", "--vantage", "inside", fresh.path("seen.xml"));
    alter(db, tokenRows("viewer", { role: "viewer" }));
    const other = await startDaemon(db);
    const headers = { Authorization: `Bearer ${tokenOf("viewer")}` };
    const [{ uuid }] = (await (await fetch(`${other.url}/api/v1/hosts?realm=vpc-lab&address=10.20.4.10`, { headers })).json()).items;
    const browser = await launch();
    const { page, said, close } = await openPage(browser, { site: other.url, size: "phone", token: tokenOf("viewer") });
    await page.goto(`${other.url}/hosts/${uuid}`);
    await settle(page);
    const rows = (await page.locator("#declared tbody tr").allInnerTexts()).map((row) => row.replace(/\s+/g, " ")).filter((row) => row.includes("23-1023/tcp"));
    assert.equal(rows.length, 2);
    assert.match(rows[0], /nobody has looked from where it is let in: 960 ports \(23-99,101-106,.*Declared open, and what answers there is not known/i);
    assert.match(rows[1], /closed: 40 ports \(100,107,114,.*A rule without a listener/i);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
    assert.deepEqual(said, []);
    await close();
    await browser.close();
    await other.stop();
    fresh.remove();
  });
});

describe("what is wrong with a network's rules", () => {
  let other;
  let fresh;
  const edit = (file, change) => {
    const document = JSON.parse(readFileSync(join(CLOUD, file), "utf8"));
    change(document);
    writeFileSync(fresh.path(`cloud/${file}`), JSON.stringify(document));
  };
  const ask = async (path, { as = "viewer", status = 200 } = {}) => {
    const answer = await fetch(`${other.url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${tokenOf(as)}` } });
    assert.equal(answer.status, status);
    return answer.json();
  };

  before(async () => {
    fresh = makeFolder();
    cpSync(CLOUD, fresh.path("cloud"), { recursive: true });
    edit("network-acls.json", ({ NetworkAcls: [acl] }) => acl.Entries.push({ RuleNumber: 900, Protocol: "6", RuleAction: "deny", Egress: false,
      CidrBlock: "198.51.100.0/24", PortRange: { From: 22, To: 22 } }));
    edit("security-groups.json", ({ SecurityGroups: groups }) => groups.push(...["sg-old", "sg-<b>odd</b>"].map((id) => ({ ...groups[0], GroupId: id, GroupName: id }))));
    leastport("import", "aws", fresh.path("cloud"), "--db", fresh.path("audit.db"));
    alter(fresh.path("audit.db"), [tokenRows("viewer", { role: "viewer" }), tokenRows("limited", { role: "viewer", realms: ["vpc-1"] })].join("\n"));
    other = await startDaemon(fresh.path("audit.db"));
  });
  after(async () => {
    await other.stop();
    fresh.remove();
  });

  test("is told as the command line tells it, page by page and by kind", async () => {
    const lines = leastport("reach", "--flaws", "--json", "--db", fresh.path("audit.db")).trim().split("\n").map((line) => JSON.parse(line));
    const { items, untold, next_cursor: next } = await ask("reach/flaws");
    assert.deepEqual(items.map((flaw) => ({ ...flaw, type: "flaw" })), lines);
    assert.deepEqual(items.map(({ network, kind, record }) => [network, kind, record]), [["vpc-1", "shadowed-rule", "acl-open"],
      ["vpc-1", "unused-group", "sg-<b>odd</b>"], ["vpc-1", "unused-group", "sg-old"]]);
    assert.deepEqual([untold, next], [[], null]);
    const first = await ask("reach/flaws?limit=2");
    const second = await ask(`reach/flaws?limit=2&cursor=${first.next_cursor}`);
    assert.deepEqual([...first.items, ...second.items], items);
    assert.equal(second.next_cursor, null);
    assert.deepEqual((await ask("reach/flaws?network=vpc-1&kind=unused-group")).items, items.slice(1));
    assert.deepEqual((await ask("reach/flaws?network=vpc-2&kind=unused-group,dead-reference")).items, []);
    await ask("reach/flaws?kind=exposure", { status: 400 });
    await ask("reach/flaws?inventory=none", { status: 404 });
    await ask("reach/flaws", { as: "limited", status: 403 });
  });

  test("belongs to the network, which is no host", async () => {
    const { items: findings } = await ask("findings?kind=unused-group");
    assert.equal(findings.length, 1);
    const { uuid, name } = findings[0].host;
    assert.deepEqual([name, findings[0].port, findings[0].severity], ["vpc-1", 0, "low"]);
    assert.equal((await ask(`hosts/${uuid}`)).kind, "network");
    const { items: hosts } = await ask("hosts?limit=500");
    assert.ok(hosts.length > 0 && hosts.every((host) => host.kind === "host" && host.uuid !== uuid));
    assert.equal((await ask("coverage")).items.find(({ realm }) => realm === "vpc-1").hosts_known, hosts.filter(({ realm }) => realm === "vpc-1").length);
    assert.equal((await ask(`score?scope=host&subject=${uuid}`)).items.length, 0);
    assert.ok((await ask("findings?kind=unused-group,shadowed-rule", { as: "limited" })).items.length === 2);
  });

  test("has a page that lists each record", { skip: missingBrowser() ?? false }, async () => {
    const browser = await launch();
    const { items: [finding] } = await ask("findings?kind=unused-group");
    for (const [size, token] of [["phone", "viewer"], ["desktop", "limited"]]) {
      const { page, said, close } = await openPage(browser, { site: other.url, size, token: tokenOf(token) });
      await page.goto(`${other.url}/findings/${finding.uuid}`);
      await settle(page);
      assert.match(await page.locator("h1").innerText(), /^vpc-1: 2 security groups are held by nothing$/);
      assert.match(await page.locator("#finding-place").innerText(), /^In the rules of vpc-1$/);
      if (token === "viewer") {
        assert.deepEqual((await page.locator("table .mono").allInnerTexts()), ["sg-<b>odd</b>", "sg-old"]);
      } else {
        assert.match(await page.locator("main").innerText(), /The cloud's rules cannot be asked now/);
      }
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
      if (process.env.LEASTPORT_SHOTS) {
        await page.screenshot({ path: `${process.env.LEASTPORT_SHOTS}/flaw-${size}.png`, fullPage: true });
      }
      await page.getByRole("link", { name: "vpc-1" }).first().click();
      await settle(page);
      assert.match(await page.locator("#host-lead").innerText(), /not a host/);
      assert.match(await page.locator("main").innerText(), /a rule of a network ACL is never asked/);
      if (process.env.LEASTPORT_SHOTS) {
        await page.screenshot({ path: `${process.env.LEASTPORT_SHOTS}/network-${size}.png`, fullPage: true });
      }
      assert.deepEqual(said.filter((line) => !/403/.test(line)), []);
      await close();
    }
    await browser.close();
  });
});
