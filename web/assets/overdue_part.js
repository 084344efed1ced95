// What should have been closed by now, and whose it is.
import { get } from "./api.js";
import { severityBadge } from "./badge.js";
import { el } from "./dom.js";
import { number, plural } from "./format.js";
import { visible } from "./answer_part.js";
import { cardTable } from "./view.js";

const MOST = 8;
const order = ["critical", "high", "medium", "low"];

export async function readOverdue() {
  const now = new Date().toISOString();
  const { groups } = await get("findings", { due_before: now, group_by: "owner,severity", limit: 500 });
  const owners = new Map();
  for (const { owner, severity, count } of groups) {
    owners.set(owner, { owner, ...owners.get(owner), [severity]: count });
  }
  const of = (one) => order.map((severity) => one[severity] ?? 0);
  const rows = [...owners.values()].map((one) => ({ ...one, counts: of(one), all: of(one).reduce((sum, count) => sum + count, 0) }));
  return { now, rows: rows.sort((a, b) => a.counts.map((count, i) => b.counts[i] - count).find((difference) => difference !== 0) ?? 0) };
}

const whose = (one) => (one.owner ? visible(one.owner) : "nobody’s");

// null where nothing is overdue.
export function overdueCard({ now, rows }) {
  if (rows.length === 0) {
    return null;
  }
  const all = rows.reduce((sum, one) => sum + one.all, 0);
  const address = (filter) => `/findings?${new URLSearchParams({ due_before: now, ...filter })}`;
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Overdue"), el("a", { href: address({}) }, `All ${plural(all, "finding")}`)),
    cardTable("Open for longer than the configuration gives their severity; the worst first", [
      ["Owner", (one) => (one.owner ? el("a", { href: address({ owner: one.owner }) }, whose(one)) : whose(one))],
      ["Overdue", (one) => number(one.all, 0), "number"],
      ["Of these", (one) => el("span", { class: "badges" }, order.filter((severity) => one[severity] > 0).map((severity) => {
        const badge = severityBadge(severity);
        badge.prepend(`${number(one[severity], 0)} `);
        return badge;
      }))],
    ], rows.slice(0, MOST)),
    rows.length > MOST ? el("p", { class: "muted small" }, `And ${plural(rows.length - MOST, "owner")} more.`) : null);
}
