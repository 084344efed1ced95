// What a page weighs and when something of it is first seen, as the browser itself measured it.
import { openPage, settle } from "./browser.mjs";

export const PAGE_BYTES = 150e3; // of all that a page loads, compressed, heads included

// All that the page at hand has loaded by now, in bytes on the wire; and ms from the navigation to the first paint with content.
export function weigh(page) {
  return page.evaluate(() => {
    const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return { bytes: loaded.reduce((sum, entry) => sum + entry.transferSize, 0), requests: loaded.length,
      paint_ms: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity,
      heaviest: loaded.toSorted((a, b) => b.transferSize - a.transferSize).slice(0, 3).map((entry) => `${entry.name} ${entry.transferSize}`) };
  });
}

// The same of a page that somebody opens with nothing in the cache; and ms until it has filled itself.
export async function weighCold(browser, site, path) {
  const { page, said, close } = await openPage(browser, { site });
  try {
    const began = performance.now();
    await page.goto(site + path);
    await page.waitForSelector('#content[aria-busy="false"]');
    const filled_ms = performance.now() - began;
    await settle(page);
    return { ...await weigh(page), filled_ms, said };
  } finally {
    await close();
  }
}
