// What is wrong with the rules of a network, as the cloud declares them now: all that a finding of it stands for.
import { get } from "./api.js";
import { el } from "./dom.js";
import { plural } from "./format.js";
import { cardTable } from "./view.js";

const kinds = ["shadowed-rule", "dead-reference", "unused-group"];
const limit = 500;

export const isOfRules = (finding) => kinds.includes(finding.kind);

// What is not stored, or not for this token to see, is no fault of the page.
export async function flawsOf(finding) {
  try {
    return await get("reach/flaws", { network: finding.host.name, kind: finding.kind, limit });
  } catch (error) {
    if ([403, 404, 503].includes(error.status)) {
      return null;
    }
    throw error;
  }
}

export function flawList({ items, next_cursor: next, untold }) {
  const rest = next === null ? null : el("p", { class: "quiet" }, `The first ${limit}; \`leastport reach --flaws\` lists them all.`);
  return items.length === 0 ? el("p", { class: "quiet" }, untold.length > 0 ? "What it depends on was not read when the cloud was read last." : "The rules are mended by now.")
    : [cardTable(plural(items.length, "record"), [["Record", (flaw) => el("span", { class: "mono" }, flaw.record)], ["What is wrong", (flaw) => flaw.text]], items), rest];
}
