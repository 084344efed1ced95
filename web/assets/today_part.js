// Whether it stands worse than a day ago, and why: what opened, what came back, what closed, whether another policy judges.
import { get } from "./api.js";
import { badge } from "./badge.js";
import { el } from "./dom.js";
import { number } from "./format.js";

const DAY = 24 * 3600e3;
const order = ["critical", "high", "medium", "low"];

// `standing`: the score's scope and subject; null where there is no score.
export async function readToday(standing) {
  if (standing === null) {
    return null;
  }
  const since = new Date(Date.now() - DAY).toISOString();
  const asked = { opened: { first_seen_since: since }, back: { presence: "REAPPEARED", changed_since: since },
    closed: { presence: "FIXED", changed_since: since } };
  const realm = standing.scope === "realm" ? standing.subject : null;
  const [history, ...counts] = await Promise.all([
    get("score", { ...standing, history: "true", since, sort: "first_at", limit: 500 }),
    ...Object.values(asked).map((filter) => get("findings", { ...filter, realm, group_by: "severity" })),
  ]);
  const then = history.items.find((interval) => Date.parse(interval.first_at) <= Date.parse(since)) ?? null;
  return { then, moved: Object.entries(asked).map(([what, filter], i) => ({ what, filter: realm === null ? filter : { ...filter, realm }, groups: counts[i].groups })) };
}

const titles = { opened: "Opened since then", back: "Back again", closed: "Closed since then" };

function movedLine({ what, filter, groups }) {
  const counted = order.map((severity) => [severity, groups.find((group) => group.severity === severity)?.count ?? 0]).filter(([, count]) => count > 0);
  return counted.length === 0 ? null : el("li", {}, `${titles[what]}: `,
    el("a", { href: `/findings?${new URLSearchParams(filter)}` }, counted.map(([severity, count]) => `${number(count, 0)} ${severity}`).join(", ")));
}

function verdict(before, after) {
  const [was, is] = [Math.round(before), Math.round(after)];
  if (is === was) {
    return [badge(["As a day ago", "", "The score of 24 hours ago, in whole points"]), ` ${was} then and now.`];
  }
  return [is < was ? badge(["Worse than a day ago", "high", "The score fell in the last 24 hours"]) : badge(["Better than a day ago", "good", "The score rose in the last 24 hours"]),
    ` ${was} then, ${is} now.`];
}

// `score`: as it stands now.
export function todayPart(score, { then, moved }) {
  if (then === null) {
    return el("p", { class: "small muted" }, "There was no score a day ago to compare with.");
  }
  const lines = moved.map(movedLine).filter((line) => line !== null);
  if (then.policy.hash !== score.policy.hash) {
    lines.push(el("li", {}, el("a", { href: "/policy" }, "Another policy"), " judges now."));
  }
  return el("div", { class: "today" }, el("p", {}, verdict(then.score, score.score)),
    lines.length > 0 ? el("ul", { class: "small" }, lines)
      : el("p", { class: "small muted" }, Math.round(then.score) === Math.round(score.score) ? "Nothing opened and nothing closed since then."
        : ["Nothing opened and nothing closed: ", el("a", { href: "/changes?hours=24" }, "what else changed"), "."]));
}
