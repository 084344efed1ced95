// What a person does with the pages, in a real browser, on a real server that asks a real daemon.
// Runner: first, a browser takes its time.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { violations } from "./support/axe.mjs";
import { launch, missingBrowser, openPage, settle, shoot } from "./support/browser.mjs";
import { startDaemon, until } from "./support/daemon.mjs";
import { alter, makeFixture, signedIn, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { addFleet } from "./support/fleet.mjs";
import { makeFolder } from "./support/site.mjs";

const skip = missingBrowser() ?? false;
const redis = `/findings/${uuidOf(`finding ${uuidOf("host prod-eu 10.20.1.14")} 6379`)}`;
// Once more with a fleet beside it, where the run is a long one.
const sizes = process.env.LEASTPORT_TEST_LONG === "1" ? [0, 20_000] : [0];
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
let browser;

// Opens a page as somebody, runs `body`, and fails on anything that the console or the policy complained about.
async function visit(path, as, body, options = {}) {
  const { page, said, close } = await openPage(browser, { site: daemon.url, token: tokenOf(as), ...options });
  try {
    await page.goto(daemon.url + path);
    await settle(page);
    await body(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
}

const button = (page, name) => page.getByRole("button", { name, exact: true });

for (const hosts of sizes) {
  describe(`a person can, with ${hosts === 0 ? "few hosts" : `${hosts} hosts and ${5 * hosts} findings more`}`, { skip }, () => {
    before(async () => {
      if (skip) {
        return;
      }
      place = makeFolder();
      makeFixture(place.path("audit.db"));
      if (hosts > 0) {
        addFleet(place.path("audit.db"), { hosts });
      }
      alter(place.path("audit.db"), [tokenRows("operator", { role: "operator" }), tokenRows("viewer", { role: "viewer" })].join("\n"));
      writeFileSync(place.path("config.yaml"), CONFIG);
      daemon = await startDaemon(place.path("audit.db"), { more: ["--config", place.path("config.yaml")] });
      browser = await launch();
    });
    after(async () => {
      await browser?.close();
      if (daemon) {
        assert.deepEqual(await daemon.stop(), { status: 0, signal: null });
        place.remove();
      }
    });

    test("find everything that Redis exposes, and follow it to its evidence, its rule and its fix", async () => {
      await visit("/", "viewer", async (page) => {
        await page.getByRole("link", { name: "All findings" }).click();
        await page.getByLabel("Service").selectOption("redis");
        await page.waitForURL(/service=redis/);
        const titles = page.locator(".findings-table .opener");
        await settle(page);
        assert.equal(await titles.count(), 2);
        await titles.first().click();
        await page.getByRole("link", { name: "Evidence and history" }).first().click();
        await page.waitForURL(/\/findings\/[0-9a-f-]{36}$/);
        await settle(page);
        const text = await page.innerText("main");
        assert.match(text, /Redis on 6379\/tcp is open to the world and answers without a credential/);
        assert.match(text, /How to fix it\n\w+/);
        assert.match(text, /Matched by baseline\/[a-z-]+ of policy/);
        assert.match(text, /Received, 7 bytes\n\+PONG/);
        assert.equal(await button(page, "Waive").count(), 0, "a viewer decides nothing");
      });
    });

    test("see at once whether today is worse than a day ago, and why", async () => {
      await visit("/", "viewer", async (page) => {
        const ask = async (path) => (await fetch(`${daemon.url}/api/v1/${path}`, { headers: signedIn })).json();
        const ago = Date.now() - 24 * 3600e3;
        const { items } = await ask(`score?scope=fleet&history=true&sort=first_at&since=${new Date(ago).toISOString()}`);
        const [then, now] = [items[0], items.at(-1)].map((interval) => Math.round(interval.score));
        assert.ok(Date.parse(items[0].first_at) <= ago && then !== now, `${then} and ${now}`);
        const said = (await page.locator(".today").innerText()).replaceAll(/\s+/g, " ");
        assert.match(said, new RegExp(`^${now < then ? "Worse" : "Better"} than a day ago ${then} then, ${now} now\\. Opened since then: `));
        await page.locator(".today li", { hasText: "Opened since then" }).getByRole("link").click();
        await page.waitForURL(/\/findings\?first_seen_since=/);
        await settle(page);
        assert.match(await page.innerText("#summary"), /^\d+ findings?, /);
      });
    });

    test("read the score's every term", async () => {
      await visit("/", "viewer", async (page) => {
        await page.getByText("Every term of the score").click();
        const costs = await page.locator("table", { hasText: "the sum of what the terms cost" }).locator("tbody tr td:last-child").allInnerTexts();
        const score = Number(/^(\d+) of 100$/m.exec(await page.innerText(".score"))[1]);
        const sum = costs.reduce((total, cost) => total + Number(cost), 0);
        assert.ok(costs.length > 3 && Math.abs(Math.max(0, 100 - sum) - score) < 0.5 + 0.005 * costs.length, `100 - ${sum} is shown as ${score}`);
      });
    });

    test("export what they see", async () => {
      await visit("/findings?service=redis", "viewer", async (page) => {
        await page.getByText(/^Export these \d+ findings$/).click();
        const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^CSV/ }).click()]);
        const lines = readFileSync(await download.path(), "utf8").trim().split("\r\n");
        assert.equal(lines.length, 3, "a head and two findings");
        assert.ok(lines.slice(1).every((line) => line.includes("redis") && line.includes("6379")), lines.join("\n"));
      });
    });

    test("waive a finding until a date by keyboard alone, and end the waiver", async () => {
      await visit(redis, "operator", async (page) => {
        await button(page, "Waive").focus();
        await page.keyboard.press("Enter");
        await page.keyboard.type("platform");
        await page.keyboard.press("Tab");
        await page.keyboard.type("until the move");
        await page.getByLabel("Until").fill("2097-03-31");
        await page.getByLabel("Reason").press("Enter");
        await page.waitForSelector(".badge:text('Waived')");
        assert.match(await page.innerText("main"), /Undecided → Waived[^]*until the move · by operator/);
        await button(page, "End the waiver").click();
        await page.getByLabel("Reason").fill("it was moved");
        await page.getByRole("form").getByRole("button", { name: "End the waiver" }).click();
        await page.getByText("Waived → Undecided").waitFor();
      });
    });

    test("be told what is wrong with what was typed", async () => {
      await visit(redis, "operator", async (page) => {
        await button(page, "Waive").click();
        await page.getByLabel("Who answers for it").fill("platform");
        await page.getByLabel("Reason").fill("a day that is over");
        await page.getByLabel("Until").evaluate((input) => { input.min = ""; input.value = "2020-01-01"; });
        await page.getByLabel("Reason").press("Enter");
        await page.waitForSelector(".said:not(:empty)");
        assert.match(await page.innerText(".said"), /past|until/i);
        assert.ok(await page.getByLabel("Reason").inputValue(), "what was typed stays");
      }, { expectErrors: true });
    });

    test("acknowledge all that fit a filter at once", async () => {
      await visit("/findings?realm=staging", "operator", async (page) => {
        const total = Number(/^(\d+) findings/.exec(await page.innerText("#summary"))[1]);
        await page.locator("summary", { hasText: "Acknowledge or waive several" }).click();
        await page.getByLabel(`All ${total} findings that fit the filters`).check();
        await button(page, "Acknowledge").click();
        await page.getByLabel("Reason").fill("tickets are open");
        await page.getByRole("form", { name: "Acknowledge" }).getByRole("button", { name: "Acknowledge" }).click();
        await page.waitForSelector(`[role=status]:text('${total} acknowledged.')`);
        assert.equal(await page.locator(".badge:text('Acknowledged')").count(), total);
      });
    });

    test("see what one scan changed, compare two, and send the comparison to somebody", async () => {
      let link;
      await visit("/scans", "viewer", async (page) => {
        const ticks = page.getByRole("checkbox", { name: /prod-eu/ });
        assert.ok(await button(page, "Compare the two").isDisabled());
        await ticks.last().check();
        await ticks.first().check();
        await button(page, "Compare the two").click();
        await page.waitForURL(/\/changes\?from=[0-9a-f-]{36}&to=[0-9a-f-]{36}$/);
        await settle(page);
        link = new URL(page.url());
        assert.match(await page.innerText("#summary"), /From the scan .* to the scan .*: \d+ opened, \d+ closed, \d+ otherwise\./);
        assert.match(await page.innerText("main"), /Opened \(\d+\)\n/);
      });
      await visit(link.pathname + link.search, "operator", async (page) => {
        assert.match(await page.innerText("main"), /PostgreSQL on 5432\/tcp shows a certificate/);
        assert.equal(await page.getByLabel("Time").isVisible(), false, "two scans, not a span of days");
      });
    });

    test("go from a field of the map to its findings", async () => {
      await visit("/map", "viewer", async (page) => {
        await page.getByRole("link", { name: /^prod-eu, port 6379: 1 finding, worst critical$/ }).click();
        await page.waitForURL(/\/findings\?/);
        await settle(page);
        assert.equal(await page.locator(".findings-table .opener").count(), 1);
        assert.match(await page.innerText(".findings-table"), /Redis on 6379\/tcp is open to the world/);
      });
    });

    test("edit a policy, see what it would change, and apply it", async () => {
      const { page, said, close } = await openPage(browser, { site: daemon.url });
      await page.goto(`${daemon.url}/policy`);
      await settle(page);
      const text = page.getByLabel("The policy’s text");
      await text.fill("version: 1\nbaseline: 1\nallow:\n  - {id: cache, to: any, prots: 6379, from: world, why: it is public}\n");
      await button(page, "Check").click();
      await page.getByText("It cannot be applied").waitFor();
      await button(page, "line 4, column 26").click();
      assert.deepEqual(await text.evaluate((area) => [document.activeElement === area, area.value.slice(area.selectionStart, area.selectionStart + 5)]), [true, "prots"]);
      assert.ok(await button(page, "Apply").isDisabled());
      await text.fill("version: 1\nbaseline: 1\nallow:\n  - {id: backends, to: any, ports: 8080, from: any, why: they are public}\n");
      await button(page, "See what it would change").click();
      await page.getByText(/\d+ would be allowed/).waitFor();
      const allowed = Number(/(\d+) would be allowed/.exec(await page.innerText("main"))[1]);
      assert.ok(allowed > 10, `${allowed} are allowed`);
      await button(page, "Apply").click();
      await page.locator("#outcome", { hasText: `${allowed} are allowed` }).waitFor();
      assert.match(await page.innerText("main"), /edited on the page\s+Judges now/);
      assert.deepEqual(said, []);
      await close();
      await visit("/findings?presence=ALLOWED&port=8080", "viewer", async (list) => {
        assert.match(await list.innerText("#summary"), new RegExp(`^${allowed.toLocaleString("en-GB")} findings`));
      });
      await visit("/policy", "viewer", async (mine) => {
        assert.equal(await button(mine, "Apply").count(), 0);
      });
    });

    test("start a scan, watch it end, and see what it found", async () => {
      const server = createServer((socket) => { socket.on("error", () => {}); socket.end(); });
      await new Promise((resolve) => { server.listen(0, "127.0.0.1", resolve); });
      await visit("/scans", "operator", async (page) => {
        await page.locator("summary", { hasText: "Start a scan" }).click();
        const form = page.getByRole("form", { name: "Start a scan" });
        await form.getByLabel("Targets").fill("127.0.0.1");
        await form.getByLabel("Ports").fill(String(server.address().port));
        await form.getByLabel("Realm").fill("here");
        await button(page, "Start").click();
        const link = page.getByRole("row", { name: /here from/ }).first().getByRole("link");
        await link.waitFor();
        await page.getByRole("row", { name: /here from .*Complete/ }).first().waitFor();
        await link.click();
        await page.waitForURL(/\/scans\/[0-9a-f-]{36}$/);
        await settle(page);
        assert.match(await page.innerText("main"), /Scan of here[^]*Complete[^]*Open ports\n1\n/);
      });
      server.close();
    });

    test("bring in another scanner's file, be told what is wrong with one, and see the scan that it became", async () => {
      const second = Math.floor(Date.now() / 1000) - 600;
      const file = (text, name = "seen.list") => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) });
      const good = file(`#masscan\nopen tcp 6379 10.77.0.9 ${second}\nopen tcp 22 10.77.0.9 ${second}\n# end\n`);
      await visit("/scans", "viewer", async (page) => assert.equal(await page.getByText("Bring in another").count(), 0));
      await visit("/scans#import", "operator", async (page) => {
        const form = page.getByRole("form", { name: "Bring in another scanner’s file" });
        assert.ok(await form.isVisible(), "the address opens it");
        assert.ok(await page.evaluate(() => document.getElementById("import").getBoundingClientRect().top < innerHeight), "and brings it in sight");
        const asked = [];
        page.on("request", (request) => request.method() === "POST" && asked.push(request.url()));
        const said = form.getByRole("alert");
        const bring = async (what) => {
          await form.getByLabel("File").setInputFiles(what);
          await button(page, "Bring it in").click();
        };
        await form.getByLabel("File").setInputFiles(file(`#masscan\n${"#".repeat(600 * 1024)}\n`, "huge.list"));
        await said.filter({ hasText: "huge.list has 600 KiB, and at most 512 come in here. leastport import takes it" }).waitFor();
        await bring(file(`#masscan\n${"\n".repeat(300 * 1024)}`));
        await said.filter({ hasText: "a request of 601 KiB, and the server takes at most 512" }).waitFor();
        assert.deepEqual(asked, [], "what is too long is not sent");
        await bring(file("hello"));
        await said.filter({ hasText: "neither nmap's XML" }).waitFor();
        assert.equal(await page.evaluate(() => document.activeElement.textContent), "Bring it in", "the focus stays with the work");
        await bring(file("#masscan\nopen tcp 70000 10.0.0.5 1\n# end\n"));
        await said.filter({ hasText: "line 2: 70000 is no port" }).waitFor();
        assert.equal(asked.length, 2);
        await form.getByLabel("Realm").fill("foreign");
        await form.getByLabel("Seen from").fill("office");
        await form.getByLabel("What that place is").selectOption("The internet");
        await bring(good);
        const result = page.locator("#import").getByRole("status");
        await result.filter({ hasText: "Taken from masscan’s list: 1 host with 2 open ports, seen from office in foreign" }).waitFor();
        assert.match(await result.innerText(), /opens findings and closes none/);
        assert.equal(await said.innerText(), "");
        await page.getByRole("row", { name: /foreign from office/ }).waitFor();
        assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth));
        assert.deepEqual(await violations(page), []);
        await shoot(page, "import");
        await form.getByLabel("Realm").fill("foreign");
        await form.getByLabel("Seen from").fill("office");
        await bring(good);
        await said.filter({ hasText: "imported already" }).waitFor();
        await bring(file(`#masscan\nopen tcp 6379 10.77.0.9 ${second + 60}\n# end\n`));
        const link = result.getByRole("link", { name: "See the scan that it became" });
        await link.click();
        await page.waitForURL(/\/scans\/[0-9a-f-]{36}$/);
        await settle(page);
        assert.match(await page.innerText("main"), /Scan of foreign[^]*Open ports\n1\n/);
      }, { size: "phone", colorScheme: "dark", expectErrors: true });
    });

    test("watch a scan that runs without asking again, cancel it, and see that it ended", async () => {
      const post = (path, content) => fetch(`${daemon.url}/api/v1/${path}`, { method: "POST", headers: { ...signedIn, "Content-Type": "application/json" }, body: content && JSON.stringify(content) });
      const job = await (await post("scans", { targets: ["127.0.0.1"], ports: "1-19,512-600", rate_pps: 5, realm: "slow", probe: "connect", services: false })).json();
      const { scan } = await until(async () => (await fetch(`${daemon.url}/api/v1/jobs/${job.uuid}`, { headers: signedIn })).json(), (one) => one.scan !== null);
      // Nothing answers there, so that nothing but progress is told. Until the bar has moved `times` more; what was asked for meanwhile is told.
      const moves = async (page, times) => {
        const asked = [];
        const note = (request) => request.resourceType() === "fetch" && /\/(jobs|scans)/.test(request.url()) && asked.push(request.url());
        page.on("request", note);
        for (let i = 0; i < times; i++) {
          await page.evaluate(() => new Promise((resolve, reject) => {
            const now = () => document.querySelector("progress")?.value ?? 0;
            const was = now();
            setTimeout(() => reject(new Error(`it stands at ${now()}`)), 20e3);
            new MutationObserver((_, observer) => {
              if (now() > was) {
                observer.disconnect();
                resolve();
              }
            }).observe(document, { subtree: true, attributes: true, childList: true });
          }));
        }
        page.off("request", note);
        return asked;
      };
      await Promise.all([visit("/scans", "operator", async (page) => {
        await page.locator("summary", { hasText: "Start a scan" }).click();
        await page.getByLabel("Targets").fill("half an addr");
        await moves(page, 2); // with the stream's beginning the page reads once more
        assert.deepEqual(await moves(page, 3), [], "the server tells, nobody asks");
        assert.match(await page.locator("li", { has: page.locator("progress") }).innerText(), /^\s*127\.0\.0\.1\s+\d+ % of \d+ probes, \d+ probes\/s, .* left, \d+ open ports? so far/);
        assert.match(await page.getByRole("row", { name: /slow from/ }).innerText(), /Running\s+\d+ %/);
        await button(page, "Cancel the scan of 127.0.0.1").click();
        await page.getByRole("row", { name: /slow from .*Incomplete/ }).waitFor();
        assert.equal(await page.getByLabel("Targets").inputValue(), "half an addr", "what was typed stays");
        assert.equal(await page.locator("progress").count(), 0);
      }), visit(`/scans/${scan}`, "viewer", async (page) => {
        assert.match(await page.innerText("#progress"), / % of /);
        await page.getByText(/Incomplete/).first().waitFor();
        assert.equal(await page.locator("progress").count(), 0);
      })]);
    });

    test("pause a schedule and let it run again", async () => {
      await visit("/schedules", "operator", async (page) => {
        assert.match(await page.innerText("main"), /nightly[^]*Waits for its time[^]*30 2 \* \* \* Europe\/Berlin/);
        await button(page, "Pause nightly").click();
        await button(page, "Resume nightly").click();
        await button(page, "Pause nightly").waitFor();
      });
    });

    test("send a test alert, see that nobody takes it, and drop it", async () => {
      await visit("/alerts", "operator", async (page) => {
        await button(page, "Send a test").click();
        await page.getByText("1 test on the way.").waitFor();
        const row = page.getByRole("row", { name: /test/i }).filter({ has: page.getByRole("button", { name: /^Drop/ }) });
        await row.getByRole("button", { name: /^Drop/ }).first().click();
        await page.locator(".badge", { hasText: "Dropped" }).waitFor();
      });
    });

    test("adopt the present state of a realm, told before of how many findings and what it means", async () => {
      const ask = async (query) => (await fetch(`${daemon.url}/api/v1/findings?${query}`, { headers: signedIn })).json();
      const waiting = async (realm) => (await ask(`adopted=false&realm=${realm}&group_by=realm`)).groups[0]?.count ?? 0;
      const [office, staging] = [await waiting("office"), await waiting("staging")];
      assert.ok(office > 1 && staging > 0);
      await visit("/findings#adopt", "viewer", async (page) => assert.equal(await page.getByText("Adopt the present state").count(), 0));
      await visit("/findings?severity=critical#adopt", "operator", async (page) => {
        const asked = [];
        page.on("request", (request) => request.method() === "POST" && asked.push(request.postData()));
        const card = page.locator("#adopt");
        const choice = card.getByLabel("Findings of");
        await choice.waitFor();
        assert.match(await choice.locator("option").first().innerText(), /^every realm \(\d+\)$/);
        await choice.selectOption(`office (${office})`);
        const opener = card.getByRole("button", { name: "Adopt…" });
        const form = page.getByRole("form", { name: "Adopt the present state" });
        await opener.focus();
        await page.keyboard.press("Enter");
        assert.match(await form.innerText(), new RegExp(`^${office} findings of office become the state that you begin with[^]*It cannot be taken back`));
        await page.keyboard.press("Escape");
        assert.equal(await form.count(), 0);
        assert.deepEqual([await opener.evaluate((one) => one === document.activeElement), asked], [true, []], "nothing is done, and the focus is back");
        await page.keyboard.press("Enter");
        assert.equal(await page.evaluate(() => document.activeElement.textContent), `Adopt ${office} findings`);
        assert.ok(await page.evaluate(() => document.scrollingElement.scrollWidth <= innerWidth));
        assert.deepEqual(await violations(page), []);
        await shoot(page, "adopt");
        await page.keyboard.press("Enter");
        await card.getByRole("status").filter({ hasText: `${office} findings adopted.` }).waitFor();
        assert.deepEqual(asked, ['{"realm":"office"}']);
        assert.deepEqual([await waiting("office"), await waiting("staging")], [0, staging]);
        await choice.waitFor();
        assert.equal(await choice.getByText(/^office /).count(), 0, "there is no more of it to adopt");
        await choice.selectOption(`staging (${staging})`);
        // Somebody else was quicker: that is said, and nothing else happens.
        const other = await fetch(`${daemon.url}/api/v1/findings/adopt`, { method: "POST", headers: { ...signedIn, "Content-Type": "application/json" }, body: '{"realm":"staging"}' });
        assert.deepEqual(await other.json(), { adopted: staging });
        await opener.click();
        await form.getByRole("button", { name: /^Adopt \d+ finding/ }).click();
        await card.getByRole("alert").filter({ hasText: "no open finding in the realm staging that was not adopted already" }).waitFor();
      }, { size: "phone", colorScheme: "dark", expectErrors: true });
    });

    test("make a token, which lets in and is shown once, and revoke it", async () => {
      const { page, said, close } = await openPage(browser, { site: daemon.url });
      await page.goto(`${daemon.url}/access`);
      await settle(page);
      await page.locator("summary", { hasText: "Make a token" }).click();
      await page.getByLabel("Name").fill("ci");
      await button(page, "Make it").click();
      const secret = await page.locator("#secret").innerText();
      const ask = () => fetch(`${daemon.url}/api/v1/findings?limit=1`, { headers: { Authorization: `Bearer ${secret}` } });
      assert.equal((await ask()).status, 200);
      await page.reload();
      await settle(page);
      assert.equal(await page.locator("#secret").count(), 0);
      await button(page, "Revoke ci").click();
      await button(page, "Revoke ci").waitFor({ state: "detached" });
      assert.equal((await ask()).status, 401);
      assert.deepEqual(said, []);
      await close();
    });

    test("read the audit log only as an admin", async () => {
      await visit("/access", "viewer", async (page) => {
        assert.match(await page.innerText("main"), /for admins/);
      });
      const { page, close } = await openPage(browser, { site: daemon.url });
      await page.goto(`${daemon.url}/access`);
      await settle(page);
      assert.match(await page.innerText("main"), /Audit log[^]*operator/);
      await close();
    });
  });
}
