// Views that live in their address: what somebody copies, another one opens, and the way back; the certificates' among them.
// Runner: first, a browser takes its time.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { alter, makeFixture, uuidOf } from "./support/fixture.mjs";
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
