// Views that live in their address: what somebody copies, another one opens, and the way back; the certificates' among them.
// Runner: first, a browser takes its time.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { alter, makeFixture, TOKEN, uuidOf } from "./support/fixture.mjs";
import { sample } from "./support/sample.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const skip = missingBrowser() ?? false;
const HOSTILE = "CN=<img src=x onerror=alert(1)>\u202egnp";
const DAY = 24 * 3600e3;
const sha256 = (name) => createHash("sha256").update(name).digest("hex");
const edge = uuidOf("host prod-eu 10.20.1.30");
const redis = uuidOf(`finding ${uuidOf("host prod-eu 10.20.1.14")} 6379`);
const TICKED = "Ask `ss -ltnp` and `<b>who</b>`; one ` alone stays.";
let place;
let site;
let browser;

// 45 certificates more, which end between 100 and 144 days from now, each shown by an open port that showed none.
function addCertificates(path) {
  const rows = Array.from({ length: 45 }, (_, i) => {
    const subject = i === 0 ? HOSTILE : `CN=many-${i}.example`;
    return `INSERT INTO certificate (sha256, der, subject, issuer, names, not_before, not_after, key, key_bits, signature, first_seen)
      VALUES ('${sha256(`many ${i}`)}', X'30', '${subject}', 'CN=Many', 'many-${i}.example', 0, ${Date.now() + (100 + i) * DAY + DAY / 2}, 'RSA', 2048, 'RSA-SHA256', 1);
    INSERT INTO endpoint_fact (endpoint_id, name, value, since, ended_at, scan_id)
      SELECT e.id, 'cert.sha256', '${sha256(`many ${i}`)}', ${i + 1}, NULL, s.last_scan_id FROM endpoint e JOIN endpoint_state s ON s.endpoint_id = e.id
      WHERE s.ended_at IS NULL AND s.state = 'open' AND e.id NOT IN (SELECT endpoint_id FROM endpoint_fact WHERE name = 'cert.sha256') ORDER BY e.id DESC LIMIT 1;`;
  });
  alter(path, `BEGIN;${rows.join("\n")}COMMIT;`);
}

before(async () => {
  if (skip) {
    return;
  }
  place = makeFolder();
  makeFixture(place.path("audit.db"));
  addCertificates(place.path("audit.db"));
  alter(place.path("audit.db"), `UPDATE finding SET why = '${TICKED}', fix = '${TICKED}' WHERE uuid = '${redis}'; UPDATE finding_event SET reason = 'by \`leastport waive\`' WHERE finding_id = (SELECT id FROM finding WHERE uuid = '${redis}');`);
  [site, browser] = await Promise.all([startSite(place.path("audit.db")), launch()]);
});

after(async () => {
  await browser?.close();
  const { status, errors } = await site?.stop() ?? { status: 0, errors: "" };
  assert.deepEqual({ status, errors }, { status: 0, errors: "" });
  place?.remove();
});

// A browser of its own that has just signed in; fails on anything that the console or the policy complained about.
async function visit(path, body, options = {}) {
  const { page, said, close } = await openPage(browser, { site: site.url, ...options });
  try {
    await page.goto(site.url + path);
    await settle(page);
    await body(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
}

const rows = (page) => page.locator("tbody tr").allInnerTexts().then((texts) => texts.map((text) => text.replaceAll(/\s+/g, " ")));

test("words between backticks are shown as what is typed, and nothing else is read into them", { skip }, async () => {
  const words = async (page, place) => {
    await page.goto(site.url + place);
    await settle(page);
    await page.evaluate(() => document.querySelectorAll("tr.more[hidden]").forEach((row) => { row.hidden = false; }));
    const parts = page.locator(".prose, .fix", { hasText: "ss -ltnp" });
    assert.ok(await parts.count() >= 2, `${place}: ${await page.innerText("main")}`);
    assert.deepEqual(await parts.first().locator("code").allTextContents(), ["ss -ltnp", "<b>who</b>"], place);
    assert.equal(await parts.first().textContent(), "Ask ss -ltnp and <b>who</b>; one ` alone stays.");
    assert.equal(await page.locator("main b:text('who')").count(), 0);
  };
  await visit("/login", async (page) => {
    for (const place of ["/", `/findings?uuid=${redis}`, `/findings/${redis}`, `/hosts/${uuidOf("host prod-eu 10.20.1.14")}`]) {
      await words(page, place);
    }
    await page.goto(`${site.url}/findings/${redis}`);
    await settle(page);
    assert.equal(await page.locator(".timeline code").first().textContent(), "leastport waive");
  });
});

describe("certificates", { skip }, () => {
  test("stand by when they end, and what is wrong is said in words", async () => {
    await visit("/", async (page) => {
      await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Certificates" }).click();
      await page.waitForURL(/\/certificates$/);
      await settle(page);
      const lines = await rows(page);
      assert.equal(lines.length, 48);
      assert.match(await page.innerText("#summary"), /^48 certificates$/);
      assert.match(lines[0], /^CN=app\.prod\.example Ended 6 days ago .* Expired Weak CN=app\.prod\.example RSA 1024 RSA-SHA256 10\.20\.9\.11 8080\/tcp prod-eu · findings$/);
      assert.match(lines[1], /^CN=db-2\.prod\.example also db-2\.prod\.example, db\.prod\.example|^CN=db-2\.prod\.example also db\.prod\.example/);
      assert.match(lines[1], /Ends soon 9 days left .* Trusted/);
      assert.match(lines[2], /Valid 74 days left/);
      assert.match(lines[3], /<img src=x onerror=alert\(1\)>\\u202egnp/, "a hostile name is text, and what turns it is seen");
      await page.goto(`${site.url}/certificates?limit=30`);
      await settle(page);
      const first = await rows(page);
      await page.getByRole("link", { name: "Next page" }).click();
      await page.waitForURL(/cursor=/);
      await settle(page);
      assert.deepEqual([...first, ...await rows(page)], lines, "none is lost or doubled");
    });
  });

  test("are filtered by when they end, weakness, verdict and text, and paged within the filter", async () => {
    await visit("/certificates", async (page) => {
      const chosen = async (label, option, url) => {
        await page.getByLabel(label).selectOption({ label: option });
        await page.waitForURL(url);
        await settle(page);
        return (await rows(page)).map((row) => row.split(" ")[0]);
      };
      assert.deepEqual(await chosen("Ends", "Ended", /ends=past/), ["CN=app.prod.example"]);
      assert.deepEqual(await chosen("Ends", "Within 30 days", /ends=30/), ["CN=db-2.prod.example"]);
      assert.deepEqual(await chosen("Ends", "Within 90 days", /ends=90/), ["CN=db-2.prod.example", "CN=edge-1.prod.example"]);
      assert.deepEqual(await chosen("Judged", "Expired", /verdict=expired/), []);
      assert.match(await page.innerText("#content"), /No certificate fits/);
      await page.getByRole("link", { name: "Clear filters" }).click();
      await page.waitForURL(/certificates$/);
      await settle(page);
      assert.deepEqual(await chosen("Key and signature", "Weak", /weak=true/), ["CN=app.prod.example"]);
      await page.goto(`${site.url}/certificates?ends=7&limit=1`);
      await settle(page);
      assert.equal((await rows(page)).length, 0);
      await page.goto(`${site.url}/certificates?ends=90&limit=1`);
      await settle(page);
      await page.getByRole("link", { name: "Next page" }).click();
      await page.waitForURL(/cursor=.*&at=/);
      await settle(page);
      assert.match((await rows(page)).join(), /^CN=edge-1/);
      await page.getByLabel("Subject has").fill("many-7");
      await page.getByLabel("Subject has").press("Enter");
      await page.waitForURL(/subject=many-7/);
    });
  });

  test("lead to the host and the findings of each port that shows them, and the host leads back", async () => {
    await visit(`/certificates?host=${edge}`, async (page) => {
      assert.match(await page.innerText("#filters"), /Host: [0-9a-f-]{36}/);
      await page.getByRole("link", { name: "Findings at 10.20.1.30 8080/tcp" }).click();
      await page.waitForURL(new RegExp(`/findings\\?host=${edge}&port=8080`));
      await settle(page);
      assert.match(await page.innerText(".findings-table"), /edge-1\.prod\.example[\s\S]*8080\/tcp/);
      await page.goBack();
      await settle(page);
      await page.getByRole("link", { name: "10.20.1.30 8080/tcp", exact: true }).click();
      await page.waitForURL(new RegExp(`/hosts/${edge}$`));
      await settle(page);
      await page.getByRole("link", { name: "Valid 74 days left" }).click();
      await page.waitForURL(new RegExp(`/certificates\\?sha256=${sha256("edge")}`));
      await settle(page);
      assert.equal((await rows(page)).length, 1);
    });
  });
});

describe("a copied address", { skip }, () => {
  const views = {
    "a filter": ["/findings", async (page) => page.getByLabel("Service").selectOption("redis"), /service=redis/],
    "a finding": ["/findings", async (page) => { await page.locator(".opener").first().click(); await page.getByRole("link", { name: "Evidence and history" }).first().click(); }, /findings\/[0-9a-f-]{36}$/],
    "a host": ["/hosts", async (page) => page.locator("tbody th a").first().click(), /hosts\/[0-9a-f-]{36}$/],
    "the order of hosts": ["/hosts", async (page) => page.getByRole("button", { name: "Last answer" }).click(), /sort=-last_up/],
    "a place of the map": ["/map", async (page) => page.getByLabel("Rows").selectOption("owner"), /rows=owner/],
    "what two scans differ in": ["/scans", async (page) => {
      const ticks = page.getByRole("checkbox", { name: /prod-eu/ });
      await ticks.last().check();
      await ticks.first().check();
      await page.getByRole("button", { name: "Compare the two" }).click();
    }, /changes\?from=[0-9a-f-]{36}&to=[0-9a-f-]{36}$/],
    "certificates that end soon": ["/certificates", async (page) => page.getByLabel("Ends", { exact: true }).selectOption("30"), /ends=30/],
  };
  // What a reader has before them, but for the times that pass.
  const seen = (page) => page.evaluate(() => `${document.title} ${document.getElementById("main").innerText} ${[...document.querySelectorAll("#filters select, #filters input")].map((field) => field.value)}`
    .replaceAll(/\d+ (seconds?|minutes?) ago|just now/g, "now"));
  for (const [name, [path, act, address]] of sample(Object.entries(views), 3)) {
    test(`of ${name} opens the same for somebody else, and back and forward keep it`, async () => {
      let url;
      let shown;
      const options = { expectErrors: path === "/scans" }; // no daemon runs here, and the list of scans says so
      await visit(path, async (page) => {
        const before = await seen(page);
        await act(page);
        await page.waitForURL(address);
        await settle(page);
        url = new URL(page.url());
        shown = await seen(page);
        assert.notEqual(shown, before);
        await page.goBack();
        await settle(page);
        assert.equal(new URL(page.url()).pathname + new URL(page.url()).search, path);
        await page.goForward();
        await settle(page);
        assert.deepEqual([page.url(), await seen(page)], [url.href, shown]);
      }, options);
      await visit(url.pathname + url.search, async (page) => {
        assert.equal(await seen(page), shown);
      }, options);
    });
  }
  test("survives the login: whoever is not signed in gets there after", async () => {
    const { page, close } = await openPage(browser, { site: null, expectErrors: true });
    try {
      await page.goto(`${site.url}/findings?service=redis&sort=port`);
      await page.waitForURL(/\/login\?next=/);
      await page.getByLabel(/token/i).fill(TOKEN);
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/findings\?service=redis&sort=port$/);
    } finally {
      await close();
    }
  });
});

describe("by keyboard alone", { skip }, () => {
  const focused = (page) => page.evaluate(() => {
    const one = document.activeElement;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    return { name: `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 40)}`, place: [...document.querySelectorAll("*")].indexOf(one),
      isBody: one === document.body, isSeen: outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 2 && box.width > 0 && box.bottom > 0 && box.top < innerHeight };
  });
  // All that can be worked with and is not hidden, as places among all elements.
  const workable = (page) => page.evaluate(() => {
    const all = [...document.querySelectorAll("*")];
    return all.flatMap((one, i) => (one.matches("a[href], button, input, select, textarea, summary, [tabindex='0']") && !one.disabled && one.checkVisibility({ visibilityProperty: true }) ? [i] : []));
  });

  for (const path of sample(["/findings?limit=5", "/hosts?limit=5", "/certificates?limit=5", `/findings/${redis}`, "/policy"], 2)) {
    test(`${path}: everything is reached in its order, in sight and with a frame`, async () => {
      await visit(path, async (page) => {
        const places = await workable(page);
        const reached = [];
        // A date has several stops of its own.
        for (let presses = 0; presses < places.length + 8 && reached.length < places.length; presses++) {
          await page.keyboard.press("Tab");
          const stop = await focused(page);
          assert.ok(stop.isSeen && !stop.isBody, `${presses}: ${JSON.stringify(stop)} after ${reached.length} of ${places.length}`);
          if (reached.at(-1) !== stop.place) {
            reached.push(stop.place);
          }
        }
        assert.deepEqual(reached, places);
      });
    });
  }

  test("a form takes the focus, and gives it back when it is left by Escape or Cancel", async () => {
    await visit(`/findings/${redis}`, async (page) => {
      const waive = page.getByRole("button", { name: "Waive", exact: true }).first();
      for (const leave of [() => page.keyboard.press("Escape"), async () => { await page.getByRole("button", { name: "Cancel" }).focus(); await page.keyboard.press("Enter"); }]) {
        await waive.focus();
        await page.keyboard.press("Enter");
        assert.equal(await page.evaluate(() => document.activeElement.id), "decide-owner");
        assert.equal(await waive.getAttribute("aria-expanded"), "true");
        await leave();
        assert.equal(await page.getByRole("form", { name: "Waive" }).count(), 0);
        assert.match((await focused(page)).name, /^BUTTON Waive$/);
      }
    });
  });

  test("the content is skipped to, a row opened, a filter set and a page turned, and the focus stays where the work is", async () => {
    await visit("/findings?limit=5", async (page) => {
      await page.keyboard.press("Tab");
      assert.match((await focused(page)).name, /Skip to the content/);
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
      await page.locator(".opener").first().focus();
      await page.keyboard.press("Enter");
      assert.equal(await page.locator("tr.more:visible").count(), 1);
      assert.equal(await page.locator(".opener").first().getAttribute("aria-expanded"), "true");
      await page.getByLabel("Severity").focus();
      await page.keyboard.press("l");
      await page.waitForURL(/severity=low/);
      await settle(page);
      assert.equal(await page.evaluate(() => document.activeElement.id), "filter-severity");
      await page.getByRole("link", { name: "Next page" }).focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/cursor=/);
      await settle(page);
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
      await page.goto(`${site.url}/hosts?limit=5`);
      await settle(page);
      await page.getByRole("button", { name: "Last answer" }).focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/sort=-last_up/);
      await settle(page);
      assert.match((await focused(page)).name, /Last answer/);
    });
  });
});
