// Makes pictures of the pages: node shoot.mjs [--db FILE] [--folder FOLDER] [--dashboard FILE.png]. Without --db it is
// the fixture's data. Without --dashboard every page, light and dark, wide and narrow, goes into the folder, by default
// build/screenshots; the host is the one with the highest exposure.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launch, missingBrowser, openPage, settle } from "./support/browser.mjs";
import { makeEmpty, makeFixture, uuidOf } from "./support/fixture.mjs";
import { makeFolder, SCREENSHOTS, startSite } from "./support/site.mjs";

const { values } = parseArgs({ options: { db: { type: "string" }, folder: { type: "string", default: SCREENSHOTS }, dashboard: { type: "string" } } });
if (missingBrowser()) {
  console.error(missingBrowser());
  process.exit(1);
}

async function shoot(browser, url, file, options, fullPage = true) {
  const { page, said, close } = await openPage(browser, { site: url, ...options });
  if (!fullPage) {
    await page.setViewportSize({ width: 1280, height: 1240 });
  }
  await page.goto(url);
  await settle(page);
  await page.screenshot({ path: file, fullPage });
  await close();
  console.log(file, ...said);
}

async function shootAll(browser, site, empty) {
  const { items: [host] } = await (await fetch(`${site.url}/api/v1/hosts?sort=-exposure&limit=1`, { headers: signedIn })).json();
  const pages = { overview: "/", findings: "/findings", hosts: "/hosts", host: `/hosts/${host?.uuid ?? uuidOf("nobody")}`,
    error: "/findings?sort=sideways" };
  mkdirSync(values.folder, { recursive: true });
  for (const colorScheme of ["light", "dark"]) {
    for (const size of ["desktop", "phone"]) {
      for (const [name, path] of Object.entries(pages)) {
        await shoot(browser, site.url + path, join(values.folder, `${name}-${colorScheme}-${size}.png`), { colorScheme, size });
      }
      await shoot(browser, empty.url, join(values.folder, `empty-${colorScheme}-${size}.png`), { colorScheme, size });
    }
  }
}

const place = makeFolder();
const db = values.db ?? place.path("fixture.db");
if (!values.db) {
  makeFixture(db, { plain: Boolean(values.dashboard) });
}
makeEmpty(place.path("empty.db"));
const [site, empty] = await Promise.all([startSite(db), startSite(place.path("empty.db"))]);
const browser = await launch();
if (values.dashboard) {
  await shoot(browser, site.url, values.dashboard, {}, false); // as much as a README can show
} else {
  await shootAll(browser, site, empty);
}
await browser.close();
await Promise.all([site.stop(), empty.stop()]);
place.remove();
