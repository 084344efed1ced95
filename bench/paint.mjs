// node paint.mjs RUNS HOSTS: see paint.
import { launch, missingBrowser } from "../tests/pages/support/browser.mjs";
import { addFleet } from "../tests/pages/support/fleet.mjs";
import { makeFixture } from "../tests/pages/support/fixture.mjs";
import { makeFolder, startSite } from "../tests/pages/support/site.mjs";
import { PAGE_BYTES, weighCold } from "../tests/pages/support/weight.mjs";

const PAINT_MS = 200;
const [runs, hosts] = process.argv.slice(2).map(Number);
if (missingBrowser()) {
  console.error(missingBrowser());
  process.exit(1);
}
const place = makeFolder();
const sites = [];
for (const count of [20, hosts]) {
  const db = place.path(`${count}.db`);
  makeFixture(db);
  const { host, finding, scan } = addFleet(db, { hosts: count });
  sites.push({ count, host, finding, scan, ...await startSite(db) });
}
const browser = await launch();
console.log(await browser.version());
const pagesOf = ({ host, finding, scan }) => ["/", "/findings", "/findings?service=ssh&sort=-penalty", "/hosts", host, finding, "/certificates", "/map", "/map?rows=host",
  "/changes?days=90", "/scans", scan, "/policy", "/access", "/schedules", "/alerts"];
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
let bad = false;
console.log(`${"hosts".padStart(6)} ${"page".padEnd(40)} ${"paint ms".padStart(9)} ${"filled ms".padStart(9)} ${"kB".padStart(7)} requests`);
for (const site of sites) {
  for (const path of pagesOf(site)) {
    const found = [];
    for (let run = 0; run < runs; run++) {
      found.push(await weighCold(browser, site.url, path));
    }
    const of = (name) => median(found.map((one) => one[name]));
    const over = of("paint_ms") >= PAINT_MS || of("bytes") > PAGE_BYTES;
    bad ||= over;
    console.log([String(site.count).padStart(6), path.replace(/[0-9a-f-]{36}/, "…").padEnd(40), of("paint_ms").toFixed(0).padStart(9),
      of("filled_ms").toFixed(0).padStart(9), (of("bytes") / 1000).toFixed(1).padStart(7), String(of("requests")).padStart(8),
      over ? ` too much: ${found[0].heaviest.join(", ")}` : ""].join(" "));
  }
}
await browser.close();
await Promise.all(sites.map((site) => site.stop()));
place.remove();
process.exit(bad ? 1 : 0);
