// The certificates that open ports show: when each ends, what is doubtful of it, and where it is shown.
import { daysLeft, endBadge, visible } from "./answer_part.js";
import { get } from "./api.js";
import { badge } from "./badge.js";
import { el, fill, show } from "./dom.js";
import { exportMenu } from "./export_part.js";
import { exactly, plural, portLabel } from "./format.js";
import { latestScans, run, showFreshness, showsNothing } from "./state.js";
import { cardTable, listView, nothing } from "./view.js";

const PAGE = 50;
const SHOWN = 3; // places of one certificate before the rest is folded away
const DAY = 24 * 3600e3;
const view = listView(load);

const verdicts = { trusted: "Trusted", "self-signed": "Self-signed", "unknown-issuer": "Issuer not known", expired: "Expired", "not-yet-valid": "Not valid yet", bad: "Broken" };
// From and to which day, counted from now, a certificate ends.
const ends = { past: [null, 0], 7: [0, 7], 30: [0, 30], 90: [0, 90] };
const endChoices = [["", "Any time"], ["past", "Ended"], ["7", "Within 7 days"], ["30", "Within 30 days"], ["90", "Within 90 days"]];
const orders = [["", "Ends soonest"], ["-not_after", "Ends latest"], ["-first_seen", "Seen last"], ["first_seen", "Seen first"]];
const unfielded = [["sha256", "Fingerprint"], ["host", "Host"], ["name", "Name"], ["with_unseen", "Also no longer shown"]];

// The API's filter. Further pages ask of the moment that the first one asked of: `at`.
function question() {
  const { ends: span, at, ...filters } = view.state();
  const now = filters.cursor && at ? at : new Date().toISOString();
  if (!span) {
    return { now, filters };
  }
  const moment = (days) => (days === null ? "" : new Date(Date.parse(now) + days * DAY).toISOString());
  const [from, to] = ends[span] ?? [span, span]; // what is no span is refused by the server, by its name
  return { now, filters: ends[span] === undefined ? { ...filters, ends: span } : { ...filters, not_after_since: moment(from), not_after_before: moment(to) } };
}

function endCell(one) {
  return one.not_after === null ? null : [endBadge(one.days_left, one.not_after), ` ${daysLeft(one.days_left)}`, el("br", {}), el("span", { class: "muted small" }, exactly(one.not_after))];
}

function nameCell(one) {
  const names = one.names.filter((name) => `CN=${name}` !== one.subject);
  return [el("a", { href: `/certificates?sha256=${one.sha256}`, title: `SHA-256 ${one.sha256}` }, visible(one.subject || one.names[0] || one.sha256.slice(0, 16))),
    names.length === 0 ? null : el("span", { class: "product" }, `also ${names.map(visible).join(", ")}`)];
}

// Each doubt in a word, and a colour for what is worse.
function doubtBadges(one) {
  const said = [...new Set(one.endpoints.map((endpoint) => endpoint.verdict).filter(Boolean))];
  const badges = said.map((verdict) => badge([verdicts[verdict] ?? visible(verdict), verdict === "trusted" ? "good" : verdict === "bad" || verdict === "expired" ? "critical" : "medium", "What the chain came to"]));
  if (one.endpoints.some((endpoint) => endpoint.weak)) {
    badges.push(badge(["Weak", "high", "A key or a signature that can be broken"]));
  }
  if (one.endpoints.some((endpoint) => endpoint.name_mismatch)) {
    badges.push(badge(["Names another host", "medium", "It is not for the name that was asked for"]));
  }
  return badges.length === 0 ? null : el("span", { class: "badges" }, badges);
}

function keyCell(one) {
  const key = [one.key, one.key_bits].filter((part) => part !== null).join(" ");
  return key === "" && one.signature === null ? null : [visible(key), one.signature === null ? null : el("span", { class: "product" }, visible(one.signature))];
}

function placeItem(endpoint) {
  const where = `${endpoint.address} ${portLabel(endpoint)}`;
  return el("li", {}, el("a", { href: `/hosts/${endpoint.host}`, class: "mono nowrap" }, where), el("span", { class: "muted small" }, ` ${visible(endpoint.realm)} · `),
    el("a", { class: "small", href: `/findings?host=${endpoint.host}&port=${endpoint.port}`, "aria-label": `Findings at ${where}` }, "findings"));
}

function placeCell(one) {
  if (one.endpoint_count === 0) {
    return el("span", { class: "muted" }, "nowhere now");
  }
  const more = one.endpoint_count - Math.min(SHOWN, one.endpoints.length);
  const cut = one.endpoint_count - one.endpoints.length;
  return [el("ul", { class: "places" }, one.endpoints.slice(0, SHOWN).map(placeItem)), more === 0 ? null : el("details", {}, el("summary", {}, `${more} more`),
    el("ul", { class: "places" }, one.endpoints.slice(SHOWN).map(placeItem)), cut === 0 ? null : el("p", { class: "small muted" }, `and ${plural(cut, "further place")}`))];
}

const columns = [
  ["Certificate of", nameCell],
  ["Ends", endCell, "nowrap"],
  ["Judged", doubtBadges],
  ["Issuer", (one) => visible(one.issuer)],
  ["Key", keyCell, "nowrap"],
  ["Shown by", placeCell],
];

async function load() {
  const { all } = await latestScans();
  showFreshness(all);
  const { now, filters } = question();
  const page = await get("certificates", { limit: PAGE, ...filters });
  if (await showsNothing(all, page.items.length)) {
    return;
  }
  const realms = [...new Set(all.map((scan) => scan.realm))].sort();
  view.showFilters(view.select("ends", "Ends", endChoices), view.select("verdict", "Judged", [["", "Any"], ...Object.entries(verdicts)]),
    view.select("weak", "Key and signature", [["", "Any"], ["true", "Weak"]]), view.select("realm", "Realm", [["", "Any"], ...realms.map((name) => [name, name])]),
    view.search("subject", "Subject has"), view.search("issuer", "Issuer has"), view.select("sort", "Order", orders),
    el("a", { class: "button", href: "/certificates" }, "Clear filters"), view.chips(unfielded));
  fill(document.getElementById("summary"), page.next_cursor === null && !view.state().cursor ? plural(page.items.length, "certificate") : "");
  show(page.items.length === 0 ? nothing("Nothing here", "No certificate fits these filters, or no open port shows one.")
    : el("div", {}, el("section", { class: "card" }, cardTable("A certificate’s name leads to it alone, an address to its host.", columns, page.items)),
      view.pager("Further certificates", page.next_cursor, { at: now }), exportMenu("certificates", filters, "Export these certificates")));
}

run(load);
