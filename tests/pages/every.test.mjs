// Every page that the server has, filled, narrow and wide, light and dark: nothing wider than the screen, no violation of
// accessibility, no more weight than was allotted. Runner: first, a browser takes its time.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { violations } from "./support/axe.mjs";
import { launch, missingBrowser, openPage, settle, shoot, sizes } from "./support/browser.mjs";
import { startDaemon, until } from "./support/daemon.mjs";
import { makeEmpty, makeFixture, signedIn, uuidOf } from "./support/fixture.mjs";
import { sample } from "./support/sample.mjs";
import { makeFolder, startSite } from "./support/site.mjs";
import { PAGE_BYTES, weigh } from "./support/weight.mjs";

const skip = missingBrowser() ?? false;
// What the server serves, from where it says so.
const routes = [...readFileSync(new URL("../../web/routes.c", import.meta.url), "utf8").matchAll(/^ {4}(?:PAGE\(|\{)"([^"]*)", (?:"|media_html)/gm)].map(([, route]) => route);
const host = (name) => uuidOf(`host ${name}`);
// Where each of them has something to show.
const addresses = {
  "/login": ["/login"],
  "/": ["/"],
  "/findings": ["/findings?limit=12", "/findings?port=6379&rule_id=baseline/open-door&first_seen_since=2020-01-01T00:00:00Z"],
  "/findings/{uuid}": [`/findings/${uuidOf(`finding ${host("prod-eu 10.20.1.14")} 6379`)}`, `/findings/${uuidOf(`finding ${host("staging 10.20.1.14")} 6379`)}`],
  "/hosts": ["/hosts?limit=12"],
  "/hosts/{uuid}": [`/hosts/${host("prod-eu 10.20.1.14")}`, `/hosts/${host("prod-eu 10.20.1.30")}`, `/hosts/${host("staging 10.20.1.14")}`],
  "/map": ["/map", "/map?rows=tag"],
  "/certificates": ["/certificates?with_unseen=true"],
  "/changes": ["/changes?hours=168"],
  "/scans": ["/scans"],
  "/scans/{uuid}": [`/scans/${uuidOf("scan prod-eu 0")}`],
  "/policy": ["/policy"],
  "/schedules": ["/schedules"],
  "/alerts": ["/alerts"],
  "/access": ["/access"],
};
const LONG = "because-nobody-ever-asked-who-needs-it-".repeat(6);
const POLICY = `version: 1
baseline: 1
allow:
  - {id: the-shop, to: any, ports: 443, from: world, why: ${LONG}}
`;
const CONFIG = `version: 1
schedules:
  - {name: nightly, cron: "30 2 * * *", zone: Europe/Berlin, targets: 127.0.0.1, ports: "9"}
alerts:
  receivers:
    - {name: ops, kind: webhook, url: "http://127.0.0.1:9/nobody"}
  rules:
    - {name: worst, to: [ops]}
`;

let place;
let daemon;
let empty;
let browser;

async function post(path, content) {
  const answer = await fetch(`${daemon.url}/api/v1/${path}`, { method: "POST", headers: { ...signedIn, "Content-Type": "application/json" }, body: JSON.stringify(content) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

before(async () => {
  if (skip) {
    return;
  }
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  makeEmpty(place.path("empty.db"));
  writeFileSync(place.path("config.yaml"), CONFIG);
  writeFileSync(place.path("policy.yaml"), POLICY);
  [daemon, empty, browser] = await Promise.all([startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml"), "--policy", place.path("policy.yaml")] }),
    startSite(place.path("empty.db")), launch()]);
});

after(async () => {
  await browser?.close();
  if (daemon) {
    assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
    const { status, errors } = await empty.stop();
    assert.deepEqual({ status, errors }, { status: 0, errors: "" });
    place.remove();
  }
});

async function assertFits(page, what) {
  const [wide, room] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  assert.ok(wide <= room, `${what} it is ${wide} wide in ${room}`);
}

// What is folded is not looked at. Of a list's rows, which are alike, the first few.
async function unfold(page) {
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    [...document.querySelectorAll(".opener[aria-expanded=false]")].slice(0, 4).forEach((one) => one.click());
  });
}

// Colours are another in the dark, and nothing else is; columns are others where it is wide, and colours are not.
const looks = [["phone", "light", {}], ["phone", "dark", { only: ["color-contrast"] }], ["desktop", "light", { rules: { "color-contrast": { enabled: false } } }]];

// In a short run each page is looked at in one of them, by the seed another one each time.
async function look(page, name, i) {
  await assertFits(page, "folded");
  await unfold(page);
  for (const [size, colorScheme, what] of sample([...looks.slice(i % looks.length), ...looks.slice(0, i % looks.length)], 1)) {
    await page.setViewportSize(sizes[size]);
    await page.emulateMedia({ colorScheme });
    await assertFits(page, `${colorScheme}, ${size}:`);
    assert.deepEqual(await violations(page, what), [], `${colorScheme}, ${size}`);
    await shoot(page, `${name}-${colorScheme}-${size}`);
  }
}

async function visit(url, site, body) {
  const { page, said, close } = await openPage(browser, { site, size: "phone" });
  try {
    await page.goto(url);
    await settle(page);
    await body(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
}

test("every page that the server has is looked at here", () => {
  assert.deepEqual(Object.keys(addresses).sort(), [...routes].sort());
  assert.ok(routes.length > 14, routes.join());
});

describe("narrow and wide, light and dark: no violation, nothing cut off, no more weight than allotted", { skip }, () => {
  before(async () => {
    const { uuid } = await post("scans", { targets: ["192.0.2.1"], ports: "1" });
    await until(async () => (await fetch(`${daemon.url}/api/v1/jobs/${uuid}`, { headers: signedIn })).json(), ({ state }) => state === "failed");
    await post("alerts/test", {});
  });
  for (const [i, path] of Object.values(addresses).flat().entries()) {
    test(path, async () => {
      await visit(daemon.url + path, path === "/login" ? null : daemon.url, async (page) => {
        const weight = await weigh(page);
        assert.ok(weight.bytes > 0 && weight.bytes <= PAGE_BYTES, `it weighs ${weight.bytes}: ${weight.heaviest.join(", ")}`);
        await look(page, `${i}${path.split("?")[0].split("/").slice(0, 2).join("-")}`, i);
      });
    });
  }
  test("before there is an audit: it says what to run", async () => {
    await visit(empty.url, empty.url, async (page) => {
      assert.match(await page.textContent("#content"), /No audit yet.*leastport audit 127\.0\.0\.1/s);
      await look(page, "empty", 0);
    });
  });
});
