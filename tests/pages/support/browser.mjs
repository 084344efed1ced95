// The distribution's Chromium through playwright-core, and a page that notes everything it should not have said.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { TOKEN } from "./fixture.mjs";
import { SCREENSHOTS } from "./site.mjs";

export const CHROMIUM = process.env.LEASTPORT_CHROMIUM ?? "/usr/bin/chromium";

// Why no browser can be used here, or null.
export function missingBrowser() {
  return existsSync(CHROMIUM) ? null : `no browser at ${CHROMIUM}`;
}

export async function launch() {
  const { chromium } = await import("playwright-core");
  return chromium.launch({ executablePath: CHROMIUM, args: ["--headless", "--no-sandbox", "--disable-gpu",
    "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"] });
}

const pending = new WeakMap(); // by page: what it waits for; a stream of events has no end

export const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

// Signed in at `site`, when there is one. `said` gathers console errors, page errors and CSP violations.
export async function openPage(browser, { colorScheme = "light", size = "desktop", expectErrors = false, site = null, token = TOKEN } = {}) {
  const context = await browser.newContext({ colorScheme, viewport: sizes[size], reducedMotion: "reduce", locale: "en-GB",
    timezoneId: "UTC" });
  if (site !== null) {
    const answer = await context.request.post(new URL("/api/v1/session", site).href, { data: { token } });
    // Without a database nobody can be told apart; the page says so.
    if (![200, 503].includes(answer.status())) {
      throw new Error(`signing in: ${answer.status()} ${await answer.text()}`);
    }
  }
  const page = await context.newPage();
  const said = [];
  const requests = new Set();
  pending.set(page, requests);
  page.on("request", (request) => request.resourceType() !== "eventsource" && requests.add(request));
  page.on("requestfinished", (request) => requests.delete(request));
  page.on("requestfailed", (request) => requests.delete(request));
  // Of what a page that was left still asked for nothing is heard.
  page.on("framenavigated", (frame) => frame === page.mainFrame() && requests.clear());
  page.on("pageerror", (error) => said.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const isFailedFetch = expectErrors && /Failed to load resource/.test(message.text());
    if (message.type() === "error" && !isFailedFetch) {
      said.push(`console: ${message.text()}`);
    }
  });
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) =>
      console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return { page, said, close: () => context.close() };
}

// The page has filled itself, or said why not.
export async function settle(page) {
  await page.waitForSelector('#content[aria-busy="false"]');
  await page.waitForLoadState("load");
  const requests = pending.get(page);
  // A frame, and then what waited for it: what an answer brings about has been asked for by then.
  const turn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 20)));
  for (let quiet = 0, looks = 0; quiet < 3; looks++) {
    if (looks === 1000) {
      throw new Error(`still asks for ${[...requests].map((request) => request.url()).join(", ")}`);
    }
    const stood = await page.evaluate(turn).then(() => true, () => false); // it may have gone on to another page
    quiet = stood && requests.size === 0 ? quiet + 1 : 0;
  }
}

// For a person to look at, where the run is a long one.
export async function shoot(page, name) {
  if (process.env.LEASTPORT_TEST_LONG === "1") {
    mkdirSync(SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }
}
