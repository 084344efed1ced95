// In the lab: real audits of its servers, and what a person does with the pages that show them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launch, openPage, settle } from "../pages/support/browser.mjs";
import { startDaemon } from "../pages/support/daemon.mjs";
import { BIN, makeFolder } from "../pages/support/site.mjs";

const REALM = "lab";
const HOSTS = ["bastion", "edge", "cache", "db", "files"];
const place = makeFolder();
const db = place.path("audit.db");
const tokens = {};
const truth = JSON.parse(readFileSync(process.env.LAB_TRUTH, "utf8")).hosts.filter((host) => HOSTS.includes(host.name));
const addresses = truth.flatMap((host) => host.addresses.filter((address) => !address.includes(":")));
const open = truth.flatMap((host) => host.ports).filter((port) => port.state === "open" && addresses.includes(port.address));
const ports = [...new Set(open.map((port) => port.port))].join(",");
let daemon;
let browser;

// Ends with 1 where there are findings, as here.
function leastport(...words) {
  try {
    return execFileSync(join(BIN, "leastport"), words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.status === 1) {
      return error.stdout;
    }
    throw new Error(`leastport ${words.join(" ")}: ${error.status}: ${error.stderr}`);
  }
}

const lab = (...words) => execFileSync(process.env.LAB, words, { stdio: "ignore" });
const ask = async (path) => (await fetch(`${daemon.url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${tokens.viewer}` } })).json();
const button = (page, name) => page.getByRole("button", { name, exact: true });

async function visit(path, as, body) {
  const { page, said, close } = await openPage(browser, { site: daemon.url, token: tokens[as] });
  try {
    await page.goto(daemon.url + path);
    await settle(page);
    await body(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
}

before(async () => {
  leastport("audit", ...addresses, "-p", ports, "--realm", REALM, "--db", db);
  for (const role of ["viewer", "operator", "admin"]) {
    tokens[role] = leastport("token", "create", "--db", db, "--name", role, "--role", role).trim().split("\n").at(-1);
  }
  daemon = await startDaemon(db);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  if (daemon) {
    assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
  }
  place.remove();
});

describe("a person can, of the lab's servers", () => {
  test("see how they stand, and every term of it", async () => {
    await visit("/", "viewer", async (page) => {
      const { items: [score] } = await ask("score?scope=fleet");
      const text = await page.innerText("main");
      assert.ok(text.includes(`${Math.round(score.score)} of 100`), text);
      assert.match(text, /Worst exposures[^]*Redis on 6379\/tcp/);
      await page.getByText("Every term of the score").click();
      assert.equal(await page.locator("table", { hasText: "the sum of what the terms cost" }).locator("tbody tr").count(), score.terms.length);
    });
  });

  test("see every open port of the truth, and no other", async () => {
    const { items } = await ask("endpoints?state=open&limit=500");
    const key = ({ address, port }) => `${address} ${port}`;
    assert.deepEqual(items.map(key).sort(), open.map(key).sort());
  });

  test("find everything that Redis exposes, and follow it to its evidence, its rule and its fix", async () => {
    await visit("/findings", "viewer", async (page) => {
      await page.getByLabel("Service").selectOption("redis");
      await page.waitForURL(/service=redis/);
      await settle(page);
      const titles = page.locator(".findings-table .opener");
      assert.equal(await titles.count(), open.filter((port) => port.service === "redis").length);
      await titles.first().click();
      await page.getByRole("link", { name: "Evidence and history" }).first().click();
      await page.waitForURL(/\/findings\/[0-9a-f-]{36}$/);
      await settle(page);
      assert.match(await page.innerText("main"), /answers without a credential[^]*How to fix it\n\w+[^]*Matched by baseline\/open-door of policy/);
      assert.match(await page.innerText("main"), /Received, \d+ bytes\n/);
    });
  });

  test("waive one until a date, and end the waiver", async () => {
    const { items: [finding] } = await ask("findings?service=redis");
    await visit(`/findings/${finding.uuid}`, "operator", async (page) => {
      await button(page, "Waive").click();
      await page.getByLabel("Who answers for it").fill("platform");
      await page.getByLabel("Until").fill("2097-03-31");
      await page.getByLabel("Reason").fill("until the move");
      await page.getByLabel("Reason").press("Enter");
      await page.waitForSelector(".badge:text('Waived')");
      await button(page, "End the waiver").click();
      await page.getByLabel("Reason").fill("it was moved");
      await page.getByRole("form").getByRole("button", { name: "End the waiver" }).click();
      await page.getByText("Waived → Undecided").waitFor();
    });
  });

  test("start a scan, watch it end, compare it with the one before, and send the comparison to somebody", async () => {
    lab("service", "cache", "redis", "stop");
    let link;
    await visit("/scans", "operator", async (page) => {
      const rows = page.getByRole("row", { name: new RegExp(`${REALM} from .*Complete`) });
      const count = await rows.count();
      await page.locator("summary", { hasText: "Start a scan" }).click();
      await page.getByLabel("Targets").fill(addresses.join(" "));
      await page.getByLabel("Ports").fill(ports);
      await page.locator("form", { hasText: "Targets" }).getByLabel("Realm").fill(REALM);
      await button(page, "Start").click();
      await page.getByText(/^A scan is running|^Last scan/).waitFor();
      // The audit, and the scan that asks again where something changed.
      await rows.nth(count + 1).waitFor({ timeout: 60e3 });
      const ticks = rows.getByRole("checkbox");
      await ticks.first().check();
      await ticks.last().check();
      await button(page, "Compare the two").click();
      await page.waitForURL(/\/changes\?from=[0-9a-f-]{36}&to=[0-9a-f-]{36}$/);
      await settle(page);
      link = new URL(page.url());
    });
    await visit(link.pathname + link.search, "viewer", async (page) => {
      assert.match(await page.innerText("main"), /Closed \(1\)[^]*6379\/tcp/);
    });
    const { items } = await ask("findings?presence=FIXED&service=redis");
    assert.equal(items.length, 1);
  });

  test("edit a policy, see what it would change, and apply it", async () => {
    await visit("/policy", "admin", async (page) => {
      await page.getByLabel("The policy’s text").fill("version: 1\nallow:\n  - {id: login, to: any, ports: 22, from: any, why: how we get in}\n");
      await button(page, "See what it would change").click();
      await page.getByText(/\d+ would be allowed/).waitFor();
      const allowed = Number(/(\d+) would be allowed/.exec(await page.innerText("main"))[1]);
      assert.equal(allowed, open.filter((port) => port.port === 22).length);
      await button(page, "Apply").click();
      await page.locator("#outcome", { hasText: `${allowed} are allowed` }).waitFor();
    });
  });

  test("export what they see", async () => {
    const { items } = await ask("findings?limit=500");
    await visit("/findings", "viewer", async (page) => {
      await page.getByText(/^Export these \d+ findings$/).click();
      const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "JSON Lines" }).click()]);
      const lines = readFileSync(await file.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
      assert.equal(lines.length, items.length);
    });
  });
});
