// A finding's parts as every page shows them: where, why, how to fix, how the number came about, what happened.
import { dispositionBadge, moveLabel, presenceBadge, severityBadge, sightBadge } from "./badge.js";
import { el, sentence } from "./dom.js";
import { exactly, hostLabel, number, portLabel, when } from "./format.js";

export function findingBadges(finding) {
  return el("p", { class: "badges" }, severityBadge(finding.severity), presenceBadge(finding.presence),
    sightBadge(finding.sight), dispositionBadge(finding.disposition));
}

export function hostLink(host) {
  return el("a", { href: `/hosts/${host.uuid}` }, hostLabel(host));
}

export function findingTitle(finding) {
  return el("a", { href: `/findings/${finding.uuid}` }, sentence(finding.title));
}

export function findingPlace(finding) {
  const address = finding.host.name !== null && finding.host.address !== null ? ` ${finding.host.address}` : "";
  return el("p", { class: "place" }, hostLink(finding.host), `${address} · ${portLabel(finding)} · ${finding.host.realm}`);
}

export function fixBox(finding) {
  return el("div", { class: "fix" }, el("strong", {}, "How to fix it"), sentence(finding.fix));
}

export function formula(finding) {
  const { service, breadth, evidence, need } = finding.terms;
  const term = (name, { value, because }) => `${name} ${number(value, 2)}${because ? ` (${because})` : ""}`;
  return el("p", { class: "formula" }, "Penalty ", el("b", {}, number(finding.penalty, 2)), " = ",
    [term("service", service), term("breadth", breadth), term("evidence", evidence), term("need", need)].join(" × "));
}

export function ruleLine(finding) {
  return el("p", { class: "formula" }, "Matched by ", el("code", {}, finding.rule_id), ` of policy ${finding.policy.name}`,
    finding.owner === null ? "" : ` · owner ${finding.owner}`, " · first seen ", when(finding.first_seen),
    " · last seen ", when(finding.last_seen));
}

export const isOver = (finding) => ["FIXED", "ALLOWED", "FOLDED"].includes(finding.presence);

export function seenFrom(finding) {
  const places = finding.vantages.map((vantage) => `${vantage.vantage} (${vantage.class}${vantage.until === null ? "" : ", no longer"})`);
  return el("p", { class: "formula" }, places.length > 0 ? `Seen from ${places.join(", ")}`
    : finding.terms.evidence.because.startsWith("declared") ? "By what the cloud declares; no scan has to see it" : "Seen from nowhere now");
}

function changeTitle(change) {
  if (["presence", "sight", "disposition"].includes(change.what)) {
    return change.was === null ? moveLabel(change.became) : `${moveLabel(change.was)} → ${moveLabel(change.became)}`;
  }
  return `${change.what}: ${change.was ?? "–"} → ${change.became ?? "–"}`;
}

export function timeline(changes) {
  return el("ol", { class: "timeline" }, changes.map((change) => el("li", {},
    el("p", {}, el("strong", {}, changeTitle(change)), el("span", { class: "muted small" }, " · ", exactly(change.at))),
    el("p", { class: "small" }, sentence(change.reason), el("span", { class: "muted" }, ` · by ${change.actor}`)))));
}

// One line for each finding: from what it was before the changes to what it is after them. Youngest first.
export function foldChanges(changes) {
  const whole = new Map();
  for (const change of changes) {
    const key = `${change.finding} ${change.what}`;
    const later = whole.get(key);
    whole.set(key, later ? { ...later, was: change.was } : change);
  }
  return [...whole.values()].filter((change) => change.was !== change.became)
    .map((change) => (change.was === null && change.became === "OPEN" ? { ...change, became: "NEW" } : change));
}

export function changeItem(change) {
  return el("li", {},
    el("p", {}, el("a", { href: `/findings/${change.finding}` }, el("strong", {}, changeTitle(change))), " ", hostLink(change.host),
      ` ${portLabel(change)}`, change.service === null ? "" : ` ${change.service}`),
    el("p", { class: "small muted" }, sentence(change.reason), " · ", when(change.at)));
}
