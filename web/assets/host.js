// One host: what it is, which ports answer, what is wrong with them and why, and everything that happened.
import { answerDetails, authState, certificateState, productName, proof, serviceName, shortened, tlsState } from "./answer_part.js";
import { get } from "./api.js";
import { el, fill, plain, scroller, sentence, show } from "./dom.js";
import { exportMenu } from "./export_part.js";
import { findingBadges, findingTitle, fixBox, formula, isOver, ruleLine, seenFrom, timeline } from "./finding_part.js";
import { exactly, hostLabel, portLabel, when } from "./format.js";
import { declaredCard } from "./reach_part.js";
import { scoreHistory } from "./score_chart.js";
import { scoreCaps, scoreFacts, scoreFigure, scoreTerms } from "./score_part.js";
import { latestScans, run, showFreshness } from "./state.js";

const uuid = location.pathname.split("/").at(-1);
const order = ["critical", "high", "medium", "low"];

function showHeading(host) {
  const state = { up: "up", down: "does not answer" }[host.state] ?? "never looked at";
  const gone = host.ended_at === null ? [] : [" · ended ", when(host.ended_at)];
  document.title = plain(`${hostLabel(host)} · Leastport`);
  fill(document.getElementById("host-name"), hostLabel(host));
  if (host.kind === "network") {
    fill(document.getElementById("host-lead"), "A network of the cloud, not a host: what is found here is wrong with its rules themselves", ...gone);
    return;
  }
  fill(document.getElementById("host-lead"), 
    ...(host.name === null && host.address !== null ? [] : [el("span", { class: "mono" }, host.address ?? "no address"), " · "]),
    `${host.realm} · ${state}, last answer `, when(host.last_up), ...gone);
}

function scoreCard(host, score) {
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Score now")),
    ...(score ? [scoreFigure(score), scoreCaps(score), scoreFacts(score, [["Open ports", String(host.ports_open)]]),
      el("details", {}, el("summary", {}, "Every term of the score"), scoreTerms(score))]
      : [el("p", { class: "quiet" }, "Not scored yet.")]));
}

// What is not known takes no line where the table is narrow.
function cell(label, value) {
  return el("td", { "data-label": label, class: value === null ? "unknown" : null }, value === null ? "–" : el("span", {}, value));
}

// Columns that say what answers, where anybody asked.
const answerCells = [
  ["TLS", tlsState],
  ["Certificate", (endpoint) => certificateState(endpoint.facts)],
  ["Credential", authState],
];

function endpointRow(endpoint, isAsked) {
  const open = endpoint.ended_at === null ? [when(endpoint.first_seen)]
    : [exactly(endpoint.first_seen), " to ", exactly(endpoint.ended_at)];
  return el("tr", {},
    el("th", { scope: "row", class: "lead-cell nowrap" }, portLabel(endpoint)),
    el("td", { "data-label": "Service" }, el("span", {}, serviceName(endpoint), productName(endpoint))),
    isAsked && answerCells.map(([label, value]) => cell(label, value(endpoint))),
    el("td", { "data-label": "State", class: "whole" }, `${endpoint.state} (${endpoint.reason})`),
    el("td", { "data-label": "Address", class: "mono whole" }, endpoint.address, endpoint.bound === null ? "" : ` bound to ${endpoint.bound}`),
    el("td", { "data-label": "Seen from" }, endpoint.vantage),
    el("td", { "data-label": "Since" }, el("span", {}, open)));
}

function endpointTable(label, caption, endpoints) {
  const isAsked = endpoints.some((endpoint) => endpoint.facts !== null);
  const heads = ["Port", "Service", ...(isAsked ? answerCells.map(([head]) => head) : []), "State", "Address", "Seen from", "Since"];
  return scroller(label, el("table", { class: "cards" }, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
    el("tbody", {}, endpoints.map((endpoint) => endpointRow(endpoint, isAsked)))));
}

function answers(endpoints) {
  const asked = endpoints.filter((endpoint) => endpoint.facts !== null);
  return asked.length === 0 ? null : el("section", { class: "answers", "aria-labelledby": "answers-title" },
    el("h3", { id: "answers-title" }, "What was asked and answered"),
    asked.map((endpoint) => answerDetails(`${portLabel(endpoint)} ${serviceName(endpoint)}, seen from ${endpoint.vantage}`, endpoint)));
}

function changeRow(change) {
  return el("tr", {},
    el("th", { scope: "row", class: "lead-cell nowrap" }, portLabel(change)),
    el("td", { "data-label": "What" }, change.what[0].toUpperCase() + change.what.slice(1)),
    el("td", { "data-label": "From", class: "whole" }, shortened(change.was) ?? "unknown"),
    el("td", { "data-label": "To", class: "whole" }, shortened(change.became) ?? "unknown"),
    el("td", { "data-label": "When" }, el("span", {}, exactly(change.at))));
}

function changesCard(changes) {
  return changes.length === 0 ? null : el("section", { class: "card" },
    el("div", { class: "card-head" }, el("h2", {}, "What answers otherwise than before")),
    scroller("Changes of what answers", el("table", { class: "cards" }, el("caption", {}, "Services, versions, certificates; youngest first"),
      el("thead", {}, el("tr", {}, ["Port", "What", "From", "To", "When"].map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, changes.map(changeRow)))));
}

function portsCard(endpoints) {
  const now = endpoints.filter((endpoint) => endpoint.ended_at === null);
  const past = endpoints.filter((endpoint) => endpoint.ended_at !== null);
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "Ports")),
    now.length === 0 ? el("p", { class: "quiet" }, "No port has been seen open.")
      : endpointTable("Ports now", "Ports that are open, or were", now),
    answers(now),
    past.length === 0 ? null : el("details", {}, el("summary", {}, "What they were before"),
      endpointTable("Ports before", "Intervals that have ended", past)),
    now.length === 0 ? null : exportMenu("endpoints", { host: uuid }, "Export these ports"));
}

function findingCard(finding, endpoints) {
  return el("article", { class: "card", id: `finding-${finding.uuid}`, "aria-label": finding.title },
    findingBadges(finding), el("h3", {}, findingTitle(finding)), el("p", { class: "place" }, [portLabel(finding), finding.service === "rules" ? null : finding.service ?? "other"].filter((part) => part !== null).join(" · ")),
    el("p", { class: "prose" }, sentence(finding.why)),
    isOver(finding) ? null : fixBox(finding), proof(finding, endpoints),
    ruleLine(finding), formula(finding),
    seenFrom(finding),
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
  const [host, score, endpoints, findings, changes, { all }] = await Promise.all([
    get(`hosts/${uuid}`),
    get("score", { scope: "host", subject: uuid }),
    get("endpoints", { host: uuid, with_ended: "true", sort: "port", limit: 500 }),
    readFindings(),
    get("changes/services", { host: uuid, limit: 50 }),
    latestScans(),
  ]);
  showFreshness(all);
  const history = scoreHistory("host", uuid);
  const declared = await declaredCard(host, endpoints.items, findings);
  showHeading(host);
  const isHost = host.kind === "host";
  show(el("div", { class: "stack" },
    isHost ? [el("div", { class: "columns columns-hero" }, scoreCard(host, score.items[0]), history.card),
      portsCard(endpoints.items), declared, changesCard(changes.items)] : null,
    el("section", { class: "stack", "aria-labelledby": "findings-title" }, el("h2", { id: "findings-title" }, "Findings"),
      findings.length === 0 ? el("p", { class: "quiet" }, isHost ? "Nothing is open here that need not be." : "Nothing is wrong with its rules.") : findings.map((finding) => findingCard(finding, endpoints.items))),
    identityCard(host)));
  if (isHost) {
    await history.ready();
  }
}

run(load);
