// What axe-core holds against a page, as lines. axe is not of the page: it is run past the page's policy by the debugger,
// not by a script element. `rules`: axe's own, {name: {enabled}}; `only`: the names of the rules that are run, else all.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export async function violations(page, { rules = {}, only = null } = {}) {
  if (!await page.evaluate(() => "axe" in window)) {
    await page.evaluate(AXE);
  }
  const found = await page.evaluate((options) => window.axe.run(document, options).then((result) => result.violations),
    { resultTypes: ["violations"], rules, ...(only === null ? {} : { runOnly: { type: "rule", values: only } }) });
  return found.map((one) => `${one.id}: ${one.nodes.map((node) => `${node.html.slice(0, 160)} ${node.failureSummary ?? ""}`).join(" | ")}`);
}
