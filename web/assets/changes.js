// What changed: between two scans, by one scan, or in a span of hours; folded to one line for each exposure.
import { shortened } from "./answer_part.js";
import { get } from "./api.js";
import { severityBadge } from "./badge.js";
import { el, fill, show } from "./dom.js";
import { foldChanges, hostLink } from "./finding_part.js";
import { exactly, plural, portLabel } from "./format.js";
import { scanLink } from "./scan_part.js";
import { latestScans, run, showFreshness, showsNothing } from "./state.js";
import { card, cardTable, listView } from "./view.js";

const view = listView(load);
const HOUR = 3600e3;
const AT_MOST = 1000; // of each kind
const spans = [["", "Last 7 days"], ["1", "Last hour"], ["6", "Last 6 hours"], ["24", "Last 24 hours"], ["720", "Last 30 days"], ["2160", "Last 90 days"]];
const SPAN = 168;
const OPEN = ["NEW", "OPEN", "VERIFYING", "REAPPEARED"];

// All pages of a list, up to AT_MOST items.
async function all(resource, parameters) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(resource, { ...parameters, limit: 500, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null && items.length < AT_MOST);
  return { items, more: cursor !== null };
}

// Which changes are asked for: the API's filter, the words for it, and the form's fields.
async function question() {
  const { scan, from, to, hours } = view.state();
  if (scan) {
    const one = await get(`scans/${scan}`);
    return { filter: { scan }, since: one.started_at, before: one.judged_at, words: ["By the scan ", scanLink(one), " of ", exactly(one.started_at)] };
  }
  if (from && to) {
    const [first, second] = await Promise.all([get(`scans/${from}`), get(`scans/${to}`)]);
    const before = second.judged_at === null ? null : new Date(Date.parse(second.judged_at) + 1).toISOString();
    return { from, to, realm: first.realm, since: first.judged_at, before,
      words: ["From the scan ", scanLink(first, exactly(first.started_at)), " to the scan ", scanLink(second, exactly(second.started_at))] };
  }
  const span = Number.isInteger(Number(hours)) && Number(hours) > 0 ? Number(hours) : SPAN;
  const since = new Date(Date.now() - span * HOUR).toISOString();
  return { filter: { at_since: since }, since, before: null, words: [`In the last ${span % 24 === 0 && span > 24 ? plural(span / 24, "day") : plural(span, "hour")}`] };
}

const findingLink = (change) => el("a", { href: `/findings/${change.finding}` }, change.title);
const place = (change) => [hostLink(change.host), ` ${portLabel(change)}`];

const columns = [
  ["What is open", findingLink],
  ["Severity", (change) => severityBadge(change.severity)],
  ["Where", place],
  ["Realm", (change) => change.host.realm, "keep"],
  ["When", (change) => exactly(change.at)],
  ["Why", (change) => change.reason ?? null],
];

function group(title, text, changes) {
  return card(`${title} (${changes.length})`, changes.length === 0 ? el("p", { class: "quiet" }, "None.") : cardTable(text, columns, changes));
}

function serviceCard(changes) {
  return card(`Answers otherwise (${changes.length})`, changes.length === 0 ? el("p", { class: "quiet" }, "None.")
    : cardTable("Services, versions, certificates; youngest first", [
      ["Where", (change) => [hostLink(change.host), ` ${portLabel(change)}`]],
      ["What", (change) => change.what],
      ["From", (change) => shortened(change.was)],
      ["To", (change) => shortened(change.became)],
      ["When", (change) => exactly(change.at)],
    ], changes));
}

function kinds(changes) {
  const presence = changes.filter((change) => change.what === "presence");
  const opened = presence.filter((change) => OPEN.includes(change.became) && !OPEN.includes(change.was));
  const closed = presence.filter((change) => change.became === "FIXED");
  const rest = changes.filter((change) => !opened.includes(change) && !closed.includes(change) && change.was !== change.became &&
    !(change.what === "presence" && OPEN.includes(change.was) && OPEN.includes(change.became)));
  return { opened, closed, rest };
}

// Between two scans the server compares; else the moves of a span are folded.
async function differences(asked, realm) {
  if (asked.from) {
    const found = await all("scans/compare", { from: asked.from, to: asked.to });
    const of = (kind) => found.items.filter((one) => one.kind === kind).map((one) => ({ ...one, at: one.last_seen,
      what: one.changes.join(", ") || "presence", reason: one.changes.length === 0 ? null : `${one.changes.join(" and ")} changed` }));
    return { opened: of("opened"), closed: of("closed"), rest: of("changed"), more: found.more };
  }
  // What was only confirmed is not asked for: it would crowd out the rest.
  const found = await Promise.all(["opened", "closed", "otherwise"].map((turn) => all("changes", { ...asked.filter, realm, turn })));
  const events = found.flatMap((one) => one.items).sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  return { ...kinds(foldChanges(events)), more: found.some((one) => one.more) };
}

const otherColumns = [columns[0], ["Change", (change) => `${change.what}: ${change.was ?? "–"} → ${change.became ?? "–"}`], ...columns.slice(2)];

async function load() {
  const { all: scans } = await latestScans();
  showFreshness(scans);
  const asked = await question();
  const { since, before, words } = asked;
  const realm = asked.realm ?? view.state().realm;
  const [{ opened, closed, rest, more }, services] = await Promise.all([differences(asked, realm),
    all("changes/services", { at_since: since, at_before: before, realm })]);
  if (await showsNothing(scans, opened.length + closed.length + rest.length)) {
    return;
  }
  const realms = [...new Set(scans.map((scan) => scan.realm))].sort();
  view.showFilters(view.select("hours", "Time", spans), view.select("realm", "Realm", [["", "Any"], ...realms.map((name) => [name, name])]));
  document.getElementById("filters").hidden = Boolean(view.state().scan || view.state().from);
  fill(document.getElementById("summary"), ...words, `: ${opened.length} opened, ${closed.length} closed, ${rest.length} otherwise`,
    more ? `; there are more: of each kind the youngest ${AT_MOST} events are shown. Choose a shorter time, or a realm, for all` : "", ".");
  show(el("div", { class: "stack" }, group("Opened", "What is open now and was not before", opened), group("Closed", "Closed, and proven so", closed),
    rest.length === 0 ? null : card(`Changed otherwise (${rest.length})`, cardTable("Moves that neither opened nor closed anything", otherColumns, rest)),
    serviceCard(services.items)));
}

run(load);
