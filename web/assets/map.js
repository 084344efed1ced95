// The heat map: places down, ports across, and the same as a table of all pairs.
import { get } from "./api.js";
import { severityBadge } from "./badge.js";
import { el, scroller, show } from "./dom.js";
import { number, plural } from "./format.js";
import { latestScans, run, showFreshness, showsNothing } from "./state.js";
import { visible } from "./answer_part.js";
import { card, cardTable, listView, nothing } from "./view.js";

const view = listView(load);
const ROWS = 40;
const PORTS = 16;
const order = ["low", "medium", "high", "critical"];
const rowChoices = [["", "Realm"], ["tag", "Tag of the host"], ["owner", "Owner"], ["service", "Service"], ["rule_id", "Rule"]];
const rowTitles = { realm: "Realm", tag: "Tag", owner: "Owner", service: "Service", rule_id: "Rule" };

const rowKey = () => (rowTitles[view.state().rows] ? view.state().rows : "realm");
const worse = (one, other) => (order.indexOf(one) > order.indexOf(other) ? one : other);
const rowName = (name) => visible(name || "none");
// "tcp/443": as pages write ports, and as a filter has them.
const portName = (port) => (port.endsWith("/0") ? "several" : port.startsWith("tcp/") ? port.slice(4) : `${port.slice(4)} UDP`);
const portNumber = (port) => Number(port.split("/")[1]);

// Counts by place and port, over the severities: [{place, port, count, exposure, worst}].
function fieldsOf(groups, key) {
  const fields = new Map();
  for (const group of groups) {
    const name = `${group.port} ${group[key]}`;
    const field = fields.get(name) ?? { place: group[key] ?? "", port: String(group.port), count: 0, exposure: 0, worst: "low" };
    field.count += group.count;
    field.exposure += group.exposure;
    field.worst = worse(group.severity, field.worst);
    fields.set(name, field);
  }
  return [...fields.values()];
}

// The names of one side with the most exposure first.
function sideOf(fields, side) {
  const sums = new Map();
  for (const field of fields) {
    sums.set(field[side], (sums.get(field[side]) ?? 0) + field.exposure);
  }
  return [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

const address = (field, key) => `/findings?${new URLSearchParams({ ...(field.place === "" ? {} : { [key]: field.place }),
  proto: field.port.split("/")[0], port: portNumber(field.port) })}`;

function square(field, key, most) {
  if (field === undefined) {
    return el("td", { class: "heat" }, el("span", { class: "visually-hidden" }, "none"));
  }
  const step = Math.max(1, Math.ceil((4 * Math.log1p(field.count)) / Math.log1p(most)));
  return el("td", { class: `heat heat-${field.worst} heat-${step}` },
    el("a", { href: address(field, key), "aria-label": `${rowName(field.place)}, port ${portName(field.port)}: ${plural(field.count, "finding")}, worst ${field.worst}` },
      number(field.count, 0), el("small", { "aria-hidden": "true" }, field.worst[0].toUpperCase())));
}

function heatTable(fields, key) {
  const places = sideOf(fields, "place");
  const ports = sideOf(fields, "port");
  const at = new Map(fields.map((field) => [`${field.port} ${field.place}`, field]));
  const most = Math.max(...fields.map((field) => field.count));
  const shownPorts = ports.slice(0, PORTS).sort((a, b) => portNumber(a) - portNumber(b));
  const head = el("tr", {}, el("th", { scope: "col" }, rowTitles[key]), shownPorts.map((port) => el("th", { scope: "col", class: "heat-port" }, portName(port))));
  const rows = places.slice(0, ROWS).map((place) => el("tr", {}, el("th", { scope: "row" }, rowName(place)),
    shownPorts.map((port) => square(at.get(`${port} ${place}`), key, most))));
  const cut = [ports.length > PORTS ? `the ${PORTS} of ${ports.length} ports` : null, places.length > ROWS ? `the ${ROWS} of ${places.length} rows` : null].filter(Boolean);
  return scroller(`Findings by ${rowTitles[key].toLowerCase()} and port`, el("table", { class: "heat-table" },
    el("caption", {}, `How many, and the worst of them: C critical, H high, M medium, L low.${cut.length === 0 ? "" : ` Of all, ${cut.join(" and ")} with the most exposure are shown; the table below has every pair.`}`),
    el("thead", {}, head), el("tbody", {}, rows)));
}

function pairTable(fields, key) {
  const sorted = [...fields].sort((a, b) => b.exposure - a.exposure);
  return el("details", {}, el("summary", {}, "As a table"), cardTable("Most exposure first", [
    [rowTitles[key], (field) => rowName(field.place)],
    ["Port", (field) => portName(field.port), "number"],
    ["Worst", (field) => severityBadge(field.worst)],
    ["Findings", (field) => el("a", { href: address(field, key) }, plural(field.count, "finding")), "number"],
    ["Exposure", (field) => number(field.exposure), "number"],
  ], sorted));
}

async function load() {
  const { all } = await latestScans();
  showFreshness(all);
  const key = rowKey();
  const { rows, ...filters } = view.state();
  const { groups, is_complete: whole } = await get("findings", { ...filters, group_by: `${key},port,severity`, limit: 500 });
  if (await showsNothing(all, groups.length)) {
    return;
  }
  view.showFilters(view.select("rows", "Rows", rowChoices),
    view.select("severity_min", "Severity", [["", "Any"], ["medium", "Medium and above"], ["high", "High and above"], ["critical", "Critical"]]));
  const fields = fieldsOf(groups, key);
  show(fields.length === 0 ? nothing("Nothing is open that need not be", "No finding counts now.")
    : card(`Findings by ${rowTitles[key].toLowerCase()} and port`, whole ? null : el("p", { class: "small muted" }, "There are more pairs than can be shown: choose a severity."),
      heatTable(fields, key), pairTable(fields, key)));
}

run(load);
