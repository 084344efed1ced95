// How much of each realm each vantage has looked at in the last 24 hours.
import { get } from "./api.js";
import { el } from "./dom.js";
import { number, percent, when } from "./format.js";
import { card, cardTable } from "./view.js";

export const readCoverage = () => get("coverage");

// null where nothing is known of any realm.
export function coverageCard({ items }) {
  return items.length === 0 ? null : card("Looked at in the last 24 hours", cardTable("Ports that were judged, of those that scans were told to look at; by realm and vantage", [
    ["Realm", (one) => one.realm],
    ["From", (one) => one.vantage ?? el("span", { class: "muted" }, "nowhere yet")],
    ["Hosts", (one) => `${number(one.hosts_judged, 0)} of ${number(one.hosts_known, 0)}`, "number"],
    ["Ports", (one) => (one.share === null ? null : percent(one.share)), "number"],
    ["Last", (one) => when(one.last_judged)],
  ], items));
}
