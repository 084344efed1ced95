// The pages in a real browser: what they show, where links lead, that nothing hostile runs, that everybody can use them.
// Runner: first, a browser takes its time.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { violations } from "./support/axe.mjs";
import { launch, missingBrowser, openPage, settle, shoot } from "./support/browser.mjs";
import { alter, makeFixture, signedIn, TOKEN, tokenOf, tokenRows, uuidOf } from "./support/fixture.mjs";
import { hostileBanner, hostileName } from "./support/fixture_data.mjs";
import { makeFolder, startSite } from "./support/site.mjs";

const skip = missingBrowser() ?? false;
const hostPath = `/hosts/${uuidOf("host prod-eu 10.20.1.21")}`;
const cachePath = `/hosts/${uuidOf("host prod-eu 10.20.1.14")}`;
const edgePath = `/hosts/${uuidOf("host prod-eu 10.20.1.30")}`;
// Each width and each colour once; with LEASTPORT_TEST_LONG=1 each with each.
const looks = ["light", "dark"].flatMap((colorScheme) => ["desktop", "phone"].map((size) => ({ colorScheme, size })))
  .filter(({ colorScheme, size }) => process.env.LEASTPORT_TEST_LONG === "1" || (colorScheme === "light") === (size === "desktop"));

let place;
let site;
let browser;

before(async () => {
  if (skip) {
    return;
  }
  place = makeFolder();
  makeFixture(place.path("fixture.db"));
  alter(place.path("fixture.db"), [tokenRows("office", { role: "viewer", realms: ["office"] }), tokenRows("both", { role: "viewer", realms: ["office", "prod-eu"] }),
    tokenRows("nowhere", { role: "viewer", realms: ["no-such-realm"] }), tokenRows("tagged", { role: "viewer", tags: ["app=shop"] }),
    "INSERT INTO asset_tag (asset_id, source, key, value, valid_from) SELECT asset_id, 'person', 'app', 'shop', 1 FROM asset_identity WHERE value = '10.20.2.8';"].join("\n"));
  [site, browser] = await Promise.all([startSite(place.path("fixture.db")), launch()]);
});

after(async () => {
  await browser?.close();
  const ended = await site?.stop();
  assert.deepEqual(ended && { status: ended.status, errors: ended.errors }, ended && { status: 0, errors: "" });
  place?.remove();
});

// Opens a page, runs `body`, and fails on anything that the console, the policy or a script complained about.
async function visit(url, options, body) {
  const { page, said, close } = await openPage(browser, { site: url, ...options });
  try {
    await page.goto(url);
    await settle(page);
    await body(page);
    assert.deepEqual(said, []);
  } finally {
    await close();
  }
}

describe("overview", { skip }, () => {
  test("shows score, grade, caps, counts, worst, changes and the unseen", async () => {
    await visit(site.url, {}, async (page) => {
      const text = await page.innerText("main");
      const { items: [score] } = await (await fetch(`${site.url}/api/v1/score?scope=fleet`, { headers: signedIn })).json();
      assert.ok(text.includes(`${Math.round(score.score)} of 100`), text);
      assert.match(text, /Worse than a day ago \d+ then, \d+ now\./);
      assert.match(text, /database is open to the world: F at most/i);
      assert.match(text, /Critical\n\s*2\n/);
      assert.match(text, /Redis is open to the world/);
      assert.match(text, /How to fix it\nAllow only the application's group/);
      assert.match(text, /Penalty 40 = service 40 \(redis\) × breadth 1 \(world\) × evidence 1 \(port only\) × need 1 \(forbidden\)/);
      assert.match(text, /Fixed → Back again db-2\.prod\.example/);
      assert.match(text, /Hosts not seen lately[\s\S]*win-jump\.prod\.example/);
    });
  });

  test("draws the score's history and has it as a table, every term too", async () => {
    await visit(site.url, {}, async (page) => {
      assert.match(await page.getAttribute("canvas", "aria-label"), /Score over time: .* now/);
      const painted = await page.evaluate(() => {
        const canvas = document.querySelector("canvas");
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0);
      });
      assert.ok(painted, "the canvas is blank");
      await page.getByText("As a table").click();
      assert.ok(await page.locator("table", { hasText: "Each row holds" }).locator("tbody tr").count() > 3);
      await page.getByText("Every term of the score").click();
      assert.match(await page.locator("table", { hasText: "the sum of what the terms cost" }).innerText(), /redis\s+world\s+1\s+40\s+40\s+1\s+40/);
      await page.getByRole("button", { name: "30 days" }).click();
      await page.waitForSelector('button[aria-pressed="true"]:has-text("30 days")');
    });
  });

  test("a severity leads to its findings", async () => {
    await visit(site.url, {}, async (page) => {
      await page.locator("a.tile", { hasText: "Critical" }).click();
      await settle(page);
      assert.equal(new URL(page.url()).search, "?severity=critical");
      assert.equal(await page.locator("tbody tr:not(.more)").count(), 2);
    });
  });
});

describe("who is limited", { skip }, () => {
  const overview = (name, body) => visit(site.url, { token: tokenOf(name) }, async (page) => body(await page.innerText("main"), page));

  test("to a realm: its score, its history, what changed in it", async () => {
    const { items: [score] } = await (await fetch(`${site.url}/api/v1/score?scope=realm&subject=office`, { headers: signedIn })).json();
    await overview("office", async (text, page) => {
      assert.match(text, new RegExp(`Score of office now\\s+Grade\\s+${score.grade}\\s+${Math.round(score.score)} of 100`));
      assert.match(await page.getAttribute("canvas", "aria-label"), /Score over time: .* now/);
      assert.doesNotMatch(text, /prod|No audit yet/);
    });
  });

  test("to several realms: the worst one's score, and the others'", async () => {
    const { items } = await (await fetch(`${site.url}/api/v1/score?scope=realm&sort=score`, { headers: signedIn })).json();
    const [worst, other] = items.filter((score) => ["office", "prod-eu"].includes(score.subject));
    await overview("both", async (text) => {
      assert.match(text, new RegExp(`Score of ${worst.subject} now`));
      assert.match(text, new RegExp(`${other.subject}\\s+${Math.round(other.score)} of 100, grade ${other.grade}`));
    });
  });

  test("to tags: the findings, the hosts, and why there is no score", async () => {
    await overview("tagged", async (text) => {
      assert.match(text, /You see a part of the fleet alone[\s\S]*Worst exposures/);
      assert.doesNotMatch(text, /No audit yet|Nothing in your part/);
    });
    for (const [path, row] of [["/findings", ".findings-table .opener"], ["/hosts", "tbody tr"], ["/map", "td a"]]) {
      await visit(site.url + path, { token: tokenOf("tagged") }, async (page) => assert.ok(await page.locator(row).count() > 0, path));
    }
  });

  test("to what is not there: said as that", async () => {
    for (const path of ["/", "/findings", "/hosts", "/map", "/certificates", "/changes"]) {
      await visit(site.url + path, { token: tokenOf("nowhere") }, async (page) => assert.match(await page.innerText("main"), /You see no-such-realm alone/, path));
    }
  });
});

describe("an address without a page", { skip }, () => {
  test("is said to be that to a person, and leads on", async () => {
    for (const path of ["/nothing", "/scans/xyz", "/findings/", "/index.html"]) {
      await visit(site.url + path, { expectErrors: true }, async (page) => {
        assert.match(await page.innerText("main"), /No such page[\s\S]*Nothing is at this address/, path);
        assert.deepEqual(await violations(page), []);
        await page.getByRole("link", { name: "Findings" }).click();
        await page.waitForURL(/\/findings$/);
      });
    }
  });

  test("is a problem for a script, and beneath the API for everybody", async () => {
    const browserTakes = "text/html,application/xhtml+xml,*/*;q=0.8";
    for (const [path, accept, type] of [["/nothing", browserTakes, "text/html"], ["/nothing", "*/*", "application/problem+json"], ["/nothing", "text/html;q=0, */*", "application/problem+json"],
      ["/api/v1/nothing", browserTakes, "application/problem+json"]]) {
      const answer = await fetch(site.url + path, { headers: { Accept: accept } });
      assert.equal(answer.status, 404);
      assert.equal(answer.headers.get("content-type").split(";")[0], type, `${path} ${accept}`);
      assert.ok((await answer.text()).length > 20);
    }
    assert.equal((await fetch(`${site.url}/nothing`, { method: "POST", headers: { Accept: browserTakes } })).headers.get("content-type"), "application/problem+json");
  });
});

describe("changes", { skip }, () => {
  test("what opened is told, however much was confirmed after it", async () => {
    makeFixture(place.path("busy.db"));
    alter(place.path("busy.db"), `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
      INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence) SELECT id, ${Date.now()}, 'auditd', 'presence', 'NEW', 'OPEN', 'seen again', '{}'
      FROM n, (SELECT id FROM finding WHERE presence = 'OPEN' LIMIT 1);`);
    const busy = await startSite(place.path("busy.db"));
    try {
      const told = [];
      for (const url of [site.url, busy.url]) {
        await visit(`${url}/changes?hours=2160`, { site: url }, async (page) => told.push(await page.innerText("#summary")));
      }
      assert.match(told[0], /In the last 90 days: [1-9]\d* opened, [1-9]\d* closed, \d+ otherwise\.$/);
      assert.equal(told[1], told[0]);
    } finally {
      await busy.stop();
    }
  });

  test("of one hour", async () => {
    await visit(`${site.url}/changes`, {}, async (page) => {
      await page.getByLabel("Time").selectOption("Last hour");
      await page.waitForURL(/[?]hours=1$/);
      await settle(page);
      assert.match(await page.innerText("#summary"), /^In the last 1 hour: /);
    });
  });
});

describe("findings", { skip }, () => {
  const shown = (page) => page.locator("tbody tr:not(.more)");
  // Polls: the browser's own waiting for a function needs eval, which the page's policy forbids.
  async function showsRows(page, count) {
    for (const until = Date.now() + 10e3; await shown(page).count() !== count && Date.now() < until;) {
      await settle(page);
    }
    assert.equal(await shown(page).count(), count);
  }

  test("a filter goes into the URL, back and forward restore it", async () => {
    await visit(`${site.url}/findings`, {}, async (page) => {
      const all = await shown(page).count();
      await page.getByLabel("Realm").selectOption("office");
      await page.waitForURL("**/findings?realm=office");
      await showsRows(page, 2);
      await page.getByLabel("Sight").selectOption("STALE");
      await page.waitForURL("**/findings?realm=office&sight=STALE");
      await showsRows(page, 1);
      await page.goBack();
      await showsRows(page, 2);
      assert.equal(await page.getByLabel("Sight").inputValue(), "");
      await page.goBack();
      await showsRows(page, all);
      await page.goForward();
      await showsRows(page, 2);
      assert.equal(await page.getByLabel("Realm").inputValue(), "office");
    });
  });

  test("as it was: a moment that is over, of which nothing is decided", async () => {
    await visit(`${site.url}/findings?presence=FIXED,OPEN&sort=-penalty`, {}, async (page) => {
      await page.getByLabel("As it was at").fill("2001-01-01T10:00");
      await page.waitForURL(/as_of=2001-01-01T10%3A00%3A00\.000Z/);
      await page.getByText("No finding fits these filters.").waitFor();
      await page.getByLabel("As it was at").fill(new Date(Date.now() - 5 * 24 * 3600e3).toISOString().slice(0, 16));
      await page.waitForSelector(".findings-table");
      await settle(page);
      assert.match(await page.innerText("#summary"), /^\d+ findings, .*, as it was at \d+ \w+ 20\d\d, \d\d:\d\d; titles/);
      assert.equal(await page.getByText(/^Export /).count() + await page.getByRole("checkbox").count(), 0);
      assert.deepEqual(await violations(page), []);
      const link = page.url();
      await page.goto("about:blank");
      await page.goto(link);
      await settle(page);
      assert.match(await page.innerText("#summary"), /as it was at/);
      await page.getByRole("link", { name: "Clear filters" }).click();
      await page.waitForURL(/\/findings$/);
    });
  });

  test("a link with filters opens as it was sent", async () => {
    await visit(`${site.url}/findings?presence=FIXED&sort=-changed_at`, {}, async (page) => {
      assert.equal(await page.getByLabel("State").inputValue(), "FIXED");
      assert.equal(await shown(page).count(), 3);
      assert.equal(await page.locator("th[aria-sort]").innerText(), "Changed ↓");
    });
  });

  test("a filter that has no field stands as a chip that takes it away, whatever its value", async () => {
    const query = new URLSearchParams({ realm: "staging", address: "10.20.1.14,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", owner: hostileName,
      changed_since: "2026-01-01T00:00:00Z", severity_min: "low", presence: "NEW,OPEN,FIXED,FOLDED" });
    for (const look of looks) {
      await visit(`${site.url}/findings?${query}`, look, async (page) => {
        const chips = page.locator(".chip");
        assert.deepEqual((await chips.allInnerTexts()).map((text) => text.replace(/\s+/g, " ").trim()), [
          "Remove the filter Address: 10.20.1.14 or 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff ×", `Remove the filter Owner: ${hostileName} ×`,
          "Remove the filter Changed since: 1 Jan 2026, 00:00 ×", "Remove the filter Severity at least: low ×",
          "Remove the filter State: New or Open or Fixed or Came and went ×"]);
        await shoot(page, `chips-${look.colorScheme}-${look.size}`);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= room, `the page is ${wide} wide in ${room}`);
        assert.deepEqual(await violations(page), []);
        await page.getByRole("link", { name: "Remove the filter Owner" }).click();
        await page.waitForURL((url) => !url.searchParams.has("owner") && url.searchParams.get("realm") === "staging");
        await showsRows(page, 3);
        assert.equal(await chips.count(), 4);
        await page.getByText("Clear filters").click();
        await page.waitForURL("**/findings");
        await showsRows(page, 50);
        assert.equal(await chips.count(), 0);
      });
    }
  });

  test("a column head sorts, and again turns it round", async () => {
    const ports = (page) => page.locator('tbody td[data-label="Port"]').allInnerTexts();
    await visit(`${site.url}/findings?severity_min=medium`, {}, async (page) => {
      await page.getByRole("button", { name: "Port" }).click();
      await page.waitForSelector('th[aria-sort="descending"] >> text=Port');
      assert.equal((await ports(page))[0], "9092/tcp");
      await page.getByRole("button", { name: "Port" }).click();
      await page.waitForSelector('th[aria-sort="ascending"] >> text=Port');
      assert.equal((await ports(page))[0], "22/tcp");
    });
  });

  test("pages through the list without losing or doubling one", async () => {
    await visit(`${site.url}/findings?limit=20`, {}, async (page) => {
      const seen = [];
      for (;;) {
        seen.push(...await page.locator("tbody tr.more").evaluateAll((rows) => rows.map((row) => row.id)));
        const next = page.getByRole("link", { name: "Next page" });
        if (await next.count() === 0) {
          break;
        }
        const first = seen.at(-1);
        await next.click();
        await page.waitForSelector(`#${first}`, { state: "detached" });
        await settle(page);
      }
      assert.equal(new Set(seen).size, seen.length);
      assert.equal(seen.length, 50);
    });
  });

  test("a title opens why and how to fix it", async () => {
    await visit(`${site.url}/findings?service=redis&realm=prod-eu`, {}, async (page) => {
      const opener = page.getByRole("button", { name: "Redis is open to the world" });
      assert.equal(await page.locator("tr.more").isVisible(), false);
      await opener.press("Enter");
      assert.equal(await opener.getAttribute("aria-expanded"), "true");
      assert.match(await page.locator("tr.more").innerText(), /requirepass.*Matched by baseline\/redis/s);
      assert.deepEqual(await violations(page), []);
    });
  });

  test("what fits no filter says so; what is no filter says what is wrong", async () => {
    await visit(`${site.url}/findings?realm=nowhere`, {}, async (page) => {
      assert.match(await page.textContent("#content"), /No finding fits these filters/);
    });
    await visit(`${site.url}/findings?sort=sideways`, { expectErrors: true }, async (page) => {
      assert.match(await page.textContent("#content"), /This link cannot be read.*sort: must be/s);
    });
  });
});

describe("host", { skip }, () => {
  test("is reached from a finding and shows ports, history, rule, fix and terms", async () => {
    await visit(`${site.url}/findings?service=postgresql`, {}, async (page) => {
      await page.getByRole("link", { name: "db-2.prod.example" }).click();
      await page.waitForURL(`**${hostPath}`);
      await settle(page);
      const text = await page.innerText("main");
      assert.match(text, /5432\/tcp\s+postgresql\s+PostgreSQL\s+from 1\.2 on\s+Ends soon 9 days left\s+Asks for one\s+open \(syn-ack\)/);
      assert.match(text, /22\/tcp\s+ssh\s+–\s+–\s+–\s+closed \(reset\)/);
      assert.match(text, /Matched by baseline\/postgresql of policy baseline 1 · owner data/);
      assert.match(text, /Penalty 24 = service 40 \(postgresql\) × breadth 0.6/);
      assert.match(text, /Fixed → Back again .*\n+it answers again/);
      const fixed = page.locator("article", { hasText: "SSH is open to a public range" });
      await fixed.getByText("History: when and why").click();
      assert.match(await fixed.innerText(), /every vantage that saw it open got a reset, confirmed by a second probe/);
      assert.match(text, /2001:db8:20::21/);
      await page.getByText("What they were before").click();
      assert.equal(await page.locator("table", { hasText: "Intervals that have ended" }).locator("tbody tr").count(), 1);
      await page.goBack();
      await page.waitForURL("**/findings?service=postgresql");
    });
  });

  test("one that there is not says so", async () => {
    await visit(`${site.url}/hosts/${uuidOf("nobody")}`, { expectErrors: true }, async (page) => {
      assert.match(await page.textContent("#content"), /Not found/);
    });
  });

  test("hostile names and banners are text and nothing else", async () => {
    await visit(`${site.url}/hosts/${uuidOf("host staging 10.20.1.14")}`, {}, async (page) => {
      assert.equal(await page.textContent("h1"), hostileName);
      assert.equal(await page.locator("main img").count(), 0);
      assert.equal(await page.locator("main b", { hasText: "foo" }).count(), 0);
      assert.notEqual(await page.title(), "owned");
      assert.match(await page.innerText("main"), /7443\/tcp\s+foo\ufffd\ufffd<b>/);
      const shown = "<script>document.title='owned'</script>\\u001b[31m\\u0007\\u009b2J\\u202e<b>bold</b>";
      const port = page.locator("tr", { hasText: "6379/tcp" }).first();
      assert.ok((await port.innerText()).includes(`${shown} <i>9</i>`), await port.innerText());
      await page.locator("summary", { hasText: "6379/tcp redis" }).click();
      const answer = page.locator("details", { has: page.locator("summary", { hasText: "6379/tcp redis" }) });
      assert.deepEqual(await answer.locator("pre").allInnerTexts(), ["PING\\x0D\\x0A", shown]);
      assert.ok((await answer.locator("tr", { hasText: "banner" }).innerText()).includes(shown));
      assert.ok(!(await page.innerText("main")).includes(hostileBanner));
      assert.equal(await page.locator("main script, main i, main b").count(), await page.locator(".formula b").count());
      assert.notEqual(await page.title(), "owned");
    });
  });

  test("an open door: said in words, proven by the bytes, at the port and at the finding", async () => {
    await visit(site.url + cachePath, {}, async (page) => {
      const port = page.locator("tr", { hasText: "6379/tcp" }).first();
      assert.match(await port.innerText(), /redis\s+Redis 7\.0\.15\s+In clear\s+–\s+No credential needed\s+open/);
      assert.equal(await port.locator("[title^='cpe:']").getAttribute("title"), "cpe:2.3:a:redis:redis:7.0.15:*:*:*:*:*:*:*");
      const finding = page.locator("article", { hasText: "Redis is open to the world" });
      assert.match(await finding.innerText(), /Evidence: what it answered without a credential\s+Sent, 14 bytes\s+\*1.*PING.*\s+Received, 7 bytes\s+\+PONG/);
      const ssh = page.locator("article", { hasText: "SSH is open to the world" });
      assert.equal(await ssh.locator("details", { hasText: "Evidence: what it answered" }).getAttribute("open"), null, "no door: it stands closed");
    });
  });

  test("TLS and certificates: old versions, days left, what was renewed", async () => {
    await visit(site.url + edgePath, {}, async (page) => {
      const text = await page.innerText("main");
      assert.match(text, /8080\/tcp\s+http in TLS\s+Jetty 9\.4\.53\s+Old from 1\.0 on\s+Valid 74 days left\s+Asks for one/);
      assert.match(text, /What answers otherwise than before[\s\S]*8080\/tcp\s+Certificate renewed/);
    });
    await visit(`${site.url}/hosts/${uuidOf("host prod-eu 10.20.9.11")}`, {}, async (page) => {
      assert.match(await page.innerText("main"), /Ended 6 days ago; weak key or signature/);
    });
    await visit(`${site.url}/hosts/${uuidOf("host office 192.168.4.2")}`, {}, async (page) => {
      assert.match(await page.innerText("main"), /80\/tcp\s+no service: says nothing/);
    });
  });
});

describe("when things go wrong", { skip }, () => {
  test("the API is down: says so, and tries again on demand", async () => {
    const own = await startSite(place.path("fixture.db"));
    try {
      await visit(`${own.url}/findings`, { site: own.url, expectErrors: true }, async (page) => {
        await page.route("**/readyz", () => {}); // else the page may try again by itself before the button is pressed
        await page.route("**/api/v1/**", (route) => route.abort());
        await page.getByLabel("Realm").selectOption("office");
        await page.waitForSelector('[role="alert"]');
        assert.match(await page.textContent('[role="alert"]'), /could not be read.*does not answer/s);
        assert.deepEqual(await violations(page), []);
        await shoot(page, "error-light-desktop");
        await page.unroute("**/api/v1/**");
        await page.getByRole("button", { name: "Try again" }).click();
        await page.waitForSelector("tbody tr");
      });
    } finally {
      await own.stop();
    }
  });

  test("while it loads it says so", async () => {
    const { page, close } = await openPage(browser, { site: site.url });
    await page.route("**/api/v1/**", () => {});
    await page.goto(`${site.url}/hosts`);
    await page.waitForSelector('[role="status"]:has-text("Loading")');
    assert.equal(await page.getAttribute("#content", "aria-busy"), "true");
    await close();
  });

  test("the database is not there yet, and then it is", async () => {
    const path = place.path("later.db");
    const own = await startSite(path);
    await visit(own.url, { expectErrors: true }, async (page) => {
      assert.match(await page.textContent("#content"), /No audit yet/);
      makeFixture(path);
      await page.context().request.post(`${own.url}/api/v1/session`, { data: { token: TOKEN } });
      await page.getByRole("button", { name: "Look again" }).click();
      await page.waitForSelector(".score-value");
    });
    await own.stop();
  });

  test("the overview follows what happens, and says when it cannot", async () => {
    const path = place.path("live.db");
    makeFixture(path);
    const sql = (text) => execFileSync("sqlite3", ["-bail", "-cmd", ".timeout 5000", path, text], { encoding: "utf8" }).trim();
    const count = () => Number(sql("SELECT count(*) FROM finding WHERE severity = 'critical' AND sight <> 'RETIRED' AND presence IN ('NEW', 'OPEN', 'VERIFYING', 'REAPPEARED')"));
    const own = await startSite(path);
    const { page, close } = await openPage(browser, { site: own.url, expectErrors: true });
    try {
      await page.goto(own.url);
      await settle(page);
      const before = count();
      assert.equal(await page.textContent(".tile-count"), String(before));
      await page.evaluate(() => { window.isSamePage = true; });
      sql(`BEGIN; UPDATE finding SET presence = 'FIXED' WHERE id = (SELECT min(id) FROM finding WHERE severity = 'critical' AND presence = 'OPEN');
        INSERT INTO finding_event (finding_id, at, actor, what, was, became, reason, evidence)
          VALUES ((SELECT min(id) FROM finding WHERE presence = 'FIXED'), 1, 'test', 'presence', 'OPEN', 'FIXED', 'test', '{}'); COMMIT`);
      assert.equal(count(), before - 1);
      const critical = 'a[href="/findings?severity=critical"] .tile-count';
      await page.waitForSelector(`${critical}:text-is("${before - 1}")`);
      sql(`BEGIN; UPDATE score SET ended_at = last_at WHERE scope = 'fleet' AND ended_at IS NULL;
        INSERT INTO score (scope, subject, score, grade, caps, exposure, waived, coverage, terms, policy_id, first_at, last_at)
          SELECT scope, subject, 12.3, 'F', caps, exposure, waived, coverage, terms, policy_id, ended_at + 1, ended_at + 1 FROM score WHERE scope = 'fleet' ORDER BY id DESC LIMIT 1; COMMIT`);
      await page.waitForSelector('.score-value:has-text("12")');
      assert.equal(await page.evaluate(() => window.isSamePage), true, "without loading the page anew");
      await own.stop();
      await page.waitForSelector('.connection:has-text("Connection lost")');
      assert.deepEqual(await violations(page), []);
    } finally {
      await close();
      await own.stop();
    }
  });

  test("the keyboard alone reaches the content, and sees where it is", async () => {
    await visit(site.url, {}, async (page) => {
      await page.keyboard.press("Tab");
      assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    });
  });
});
