// One host: what it is, which ports answer, what is wrong with them and why, and everything that happened.
import { get } from "./api.js";
import { el, scroller, show } from "./dom.js";
import { findingBadges, fixBox, formula, ruleLine, timeline } from "./finding_part.js";
import { exactly, hostLabel, portLabel, when } from "./format.js";
import { scoreHistory } from "./score_chart.js";
import { scoreCaps, scoreFacts, scoreFigure, scoreTerms } from "./score_part.js";
import { latestScans, run, showFreshness } from "./state.js";

const uuid = location.pathname.split("/").at(-1);
const isOver = (finding) => ["FIXED", "ALLOWED", "FOLDED"].includes(finding.presence);
const order = ["critical", "high", "medium", "low"];

function showHeading(host) {
  const state = { up: "up", down: "does not answer" }[host.state] ?? "never looked at";
  const gone = host.ended_at === null ? [] : [" · ended ", when(host.ended_at)];
  document.title = `${hostLabel(host)} · Leastport`;
  document.getElementById("host-name").replaceChildren(hostLabel(host));
  document.getElementById("host-lead").replaceChildren(
    ...(host.name === null && host.address !== null ? [] : [el("span", { class: "mono" }, host.address ?? "no address"), " · "]),
    `${host.realm} · ${state}, last answer `, when(host.last_up), ...gone);
}

function scoreCard(host, score) {
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Score now")),
    ...(score ? [scoreFigure(score), scoreCaps(score), scoreFacts(score, [["Open ports", String(host.ports_open)]]),
      el("details", {}, el("summary", {}, "Every term of the score"), scoreTerms(score))]
      : [el("p", { class: "quiet" }, "Not scored yet.")]));
}

function endpointRow(endpoint) {
  const open = endpoint.ended_at === null ? [when(endpoint.first_seen)]
    : [exactly(endpoint.first_seen), " to ", exactly(endpoint.ended_at)];
  return el("tr", {},
    el("th", { scope: "row", class: "lead-cell nowrap" }, portLabel(endpoint)),
    el("td", { "data-label": "Service" }, endpoint.service ?? "–"),
    el("td", { "data-label": "State", class: "whole" }, `${endpoint.state} (${endpoint.reason})`),
    el("td", { "data-label": "Address", class: "mono whole" }, endpoint.address, endpoint.bound === null ? "" : ` bound to ${endpoint.bound}`),
    el("td", { "data-label": "Seen from" }, endpoint.vantage),
    el("td", { "data-label": "Since" }, el("span", {}, open)));
}

function endpointTable(label, caption, endpoints) {
  const heads = ["Port", "Service", "State", "Address", "Seen from", "Since"];
  return scroller(label, el("table", { class: "cards" }, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, endpoints.map(endpointRow))));
}

function portsCard(endpoints) {
  const now = endpoints.filter((endpoint) => endpoint.ended_at === null);
  const past = endpoints.filter((endpoint) => endpoint.ended_at !== null);
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Ports")),
    now.length === 0 ? el("p", { class: "quiet" }, "No port has been seen open.")
      : endpointTable("Ports now", "Ports that are open, or were", now),
    past.length === 0 ? null : el("details", {}, el("summary", {}, "What they were before"),
      endpointTable("Ports before", "Intervals that have ended", past)));
}

function findingCard(finding) {
  return el("article", { class: "card", id: `finding-${finding.uuid}`, "aria-label": finding.title },
    findingBadges(finding), el("h3", {}, finding.title), el("p", { class: "place" }, `${portLabel(finding)} · ${finding.service ?? "other"}`),
    el("p", { class: "prose" }, finding.why),
    isOver(finding) ? null : fixBox(finding),
    ruleLine(finding), formula(finding),
    el("p", { class: "formula" }, "Seen from ", finding.vantages.map((vantage) =>
      `${vantage.vantage} (${vantage.class}${vantage.until === null ? "" : ", no longer"})`).join(", ") || "nowhere now"),
    el("details", { open: !isOver(finding) }, el("summary", {}, "History: when and why"), timeline(finding.events)));
}

function identityCard(host) {
  const rows = host.identities.map((identity) => el("tr", {}, el("th", { scope: "row", class: "lead-cell" }, identity.kind),
    el("td", { "data-label": "Value", class: "mono whole" }, identity.value), el("td", { "data-label": "From" }, identity.source),
    el("td", { "data-label": "Valid" }, el("span", {}, exactly(identity.valid_from), " to ",
      identity.valid_to === null ? "now" : exactly(identity.valid_to)))));
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Known by")),
    scroller("What the host is known by", el("table", { class: "cards" }, el("caption", {}, `Asset ${host.uuid}`),
      el("thead", {}, el("tr", {}, ["Kind", "Value", "From", "Valid"].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, rows))));
}

async function readFindings() {
  const { items } = await get("findings", { host: uuid, presence: "NEW,OPEN,VERIFYING,REAPPEARED,FIXED,ALLOWED,FOLDED",
    sight: "FRESH,STALE,RETIRED", limit: 100 });
  const whole = await Promise.all(items.map((finding) => get(`findings/${finding.uuid}`)));
  return whole.sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || order.indexOf(a.severity) - order.indexOf(b.severity));
}

async function load() {
  const [host, score, endpoints, findings, { all }] = await Promise.all([
    get(`hosts/${uuid}`),
    get("score", { scope: "host", subject: uuid }),
    get("endpoints", { host: uuid, with_ended: "true", sort: "port", limit: 500 }),
    readFindings(),
    latestScans(),
  ]);
  showFreshness(all);
  const history = scoreHistory("host", uuid);
  showHeading(host);
  show(el("div", { class: "stack" },
    el("div", { class: "columns columns-hero" }, scoreCard(host, score.items[0]), history.card),
    portsCard(endpoints.items),
    el("section", { class: "stack", "aria-labelledby": "findings-title" }, el("h2", { id: "findings-title" }, "Findings"),
      findings.length === 0 ? el("p", { class: "quiet" }, "Nothing is open here that need not be.") : findings.map(findingCard)),
    identityCard(host)));
  await history.ready();
}

run(load);
