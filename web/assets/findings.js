// The findings: filters, order and page live in the URL, so that a view can be sent to somebody.
import { adoptCard, mayAdopt } from "./adopt_part.js";
import { get, mayWrite } from "./api.js";
import { dispositionBadge, moveLabel, presenceBadge, severityBadge, sightBadge } from "./badge.js";
import { decideMany, outcome } from "./decide_part.js";
import { el, fill, sentence, show } from "./dom.js";
import { exportMenu } from "./export_part.js";
import { fixBox, formula, hostLink, ruleLine } from "./finding_part.js";
import { exactly, hostLabel, number, plural, portLabel, when } from "./format.js";
import { latestScans, run, showFreshness, showsNothing } from "./state.js";
import { chip, chipList } from "./view.js";

const PAGE = 50;
const columns = [
  ["severity", "Severity"], [null, "What is open"], [null, "Host"], ["port", "Port"], [null, "State"],
  ["penalty", "Penalty"], ["first_seen", "First seen"], ["changed_at", "Changed"],
];
const fields = [
  { name: "severity", label: "Severity", options: ["critical", "high", "medium", "low"] },
  { name: "presence", label: "State", options: ["NEW", "OPEN", "VERIFYING", "REAPPEARED", "FIXED", "ALLOWED", "FOLDED"], any: "Open now", text: moveLabel },
  { name: "disposition", label: "Decided", options: ["NONE", "ACKNOWLEDGED", "WAIVED"], text: moveLabel },
  { name: "sight", label: "Sight", options: ["FRESH", "STALE", "RETIRED"], text: moveLabel },
  { name: "realm", label: "Realm", counted: true },
  { name: "service", label: "Service", counted: true },
  { name: "sort", label: "Sort by", any: "Worst first", narrow: true, texts: [["-penalty", "Highest penalty"], ["-first_seen", "Newest"],
    ["first_seen", "Oldest"], ["-changed_at", "Last changed"], ["port", "Port"]] },
];
// What the address can filter by and the form has no field, or too little room, for.
const filterLabels = { severity_min: "Severity at least", rule_id: "Rule", proto: "Protocol", uuid: "Finding", breadth_class: "Breadth" };
const noFilters = ["cursor", "limit", "sort", "as_of"];
const capital = (text) => text[0].toUpperCase() + text.slice(1).toLowerCase();

const state = () => Object.fromEntries(new URLSearchParams(location.search));

// A moment that is over is asked for, of which nothing can be decided.
const isPast = () => Boolean(state().as_of);

function addressOf(changes) {
  const next = { ...state(), cursor: "", ...changes };
  const query = new URLSearchParams(Object.entries(next).filter(([, value]) => value));
  return `/findings${`${query}` === "" ? "" : `?${query}`}`;
}

function go(changes) {
  history.pushState(null, "", addressOf(changes));
  return run(load);
}

function select(field, values, current) {
  const options = [["", field.any ?? "Any"], ...values];
  if (current && !options.some(([value]) => value === current)) {
    const textOf = (one) => options.find(([value]) => value === one)?.[1] ?? one;
    options.push([current, current.split(",").map(textOf).join(" or ")]);
  }
  const id = `filter-${field.name}`;
  return el("div", { class: field.narrow ? "field narrow-only" : "field" }, el("label", { for: id }, field.label),
    el("select", { id, name: field.name, onchange: (event) => go({ [field.name]: event.target.value }) },
      options.map(([value, text]) => el("option", { value, selected: value === current }, text))));
}

// Whatever filters is seen: what has no field, or several values, stands as a chip that takes it away.
function chips() {
  const fieldOf = (name) => fields.find((field) => field.name === name);
  const needsChip = ([name, value]) => value && !noFilters.includes(name) && (!fieldOf(name) || value.includes(","));
  const items = Object.entries(state()).filter(needsChip).map(([name, value]) => {
    const label = fieldOf(name)?.label ?? filterLabels[name] ?? capital(name.replaceAll("_", " "));
    const texts = value.split(",").map((one) => fieldOf(name)?.text?.(one) ?? one);
    const isTime = /(^as_of|_since|_before)$/.test(name) && !Number.isNaN(Date.parse(value));
    return chip(label, isTime ? exactly(value) : texts.join(" or "), addressOf({ [name]: "" }), () => go({ [name]: "" }));
  });
  return items.length === 0 ? null : chipList(items);
}

// In the reader's own time; what was typed is looked at when it is whole.
function momentField(current) {
  const local = (time) => new Date(Date.parse(time) - 60e3 * new Date(time).getTimezoneOffset()).toISOString().slice(0, 16);
  const id = "filter-as_of";
  return el("div", { class: "field" }, el("label", { for: id }, "As it was at"),
    el("input", { id, name: "as_of", type: "datetime-local", max: local(new Date().toISOString()), value: current ? local(current) : "", onchange: (event) => {
      const time = event.target.value === "" ? "" : new Date(event.target.value).toISOString();
      go({ as_of: time, due_since: "", due_before: "", ...(time !== "" && /penalty|last_seen/.test(state().sort) ? { sort: "" } : {}) });
    } }));
}

function showFilters(counts) {
  const current = state();
  const focused = document.activeElement?.id;
  const form = document.getElementById("filters");
  const choices = (field) => field.texts ?? field.options?.map((option) => [option, (field.text ?? capital)(option)]) ??
    counts[field.name].filter((group) => group[field.name] !== "")
      .map((group) => [group[field.name], `${group[field.name]} (${group.count})`]);
  form.replaceChildren(...fields.map((field) => select(field, choices(field), current[field.name] ?? "")),
  momentField(current.as_of),
  el("a", { class: "button", href: "/findings", onclick: (event) => {
    event.preventDefault();
    history.pushState(null, "", "/findings");
    run(load);
  } }, "Clear filters"), ...[chips()].filter(Boolean));
  if (focused) {
    document.getElementById(focused)?.focus();
  }
}

function headCell([key, title]) {
  const sort = state().sort ?? "-severity";
  const isNumber = title === "Penalty";
  if (key === null || (isPast() && isNumber)) { // what a penalty was is not kept
    return el("th", { scope: "col" }, title);
  }
  const direction = sort === key ? "ascending" : sort === `-${key}` ? "descending" : null;
  const next = direction === "descending" ? key : `-${key}`;
  const arrow = { ascending: " ↑", descending: " ↓" }[direction] ?? "";
  return el("th", { scope: "col", "aria-sort": direction, class: isNumber ? "number" : null },
    el("button", { type: "button", class: "sort", onclick: () => go({ sort: next }) }, title,
      el("span", { "aria-hidden": "true" }, arrow)));
}

// Long words may break after the slash.
const portText = (finding) => el("span", {}, portLabel(finding).split("/").flatMap((part, i) => (i === 0 ? [part] : ["/", el("wbr"), part])));

// Which findings of the page are ticked; and whether all that fit the filters are meant.
let ticked = new Set();

function tick(finding, changed) {
  return el("input", { type: "checkbox", class: "tick", "aria-label": `Choose ${finding.title} on ${hostLabel(finding.host)}`, onchange: (event) => {
    (event.target.checked ? ticked.add(finding.uuid) : ticked.delete(finding.uuid));
    changed();
  } });
}

// The form for many: what is ticked, or all under the filters.
function decideCard(total) {
  const { cursor, sort, limit, ...filters } = state();
  const query = `${new URLSearchParams({ presence: "NEW,OPEN,VERIFYING,REAPPEARED", ...filters })}`;
  const words = el("span", { "aria-live": "polite", class: "muted" });
  const whole = el("input", { type: "checkbox", class: "tick", id: "choose-all", onchange: () => changed() });
  const result = el("p", { role: "status" });
  const box = decideMany(() => (whole.checked ? { filter: query } : { findings: [...ticked] }), (verb, answer) => {
    pending = outcome(verb, answer);
    run(load);
  });
  const changed = () => {
    const count = whole.checked ? total : ticked.size;
    words.textContent = count === 0 ? " tick findings in the list" : ` ${plural(count, "finding")} chosen`;
    box.hidden = count === 0;
  };
  changed();
  result.textContent = pending;
  pending = "";
  return { changed, card: el("details", { class: "card decide-many stays-seen", open: result.textContent !== "" }, el("summary", {}, "Acknowledge or waive several:", words), result,
    el("p", {}, el("label", { class: "choice", for: "choose-all" }, whole, ` All ${plural(total, "finding")} that fit the filters`)), box) };
}

// What the page before said was done.
let pending = "";
let adopted = "";

async function showAdopted(text) {
  adopted = text;
  await run(load);
  document.querySelector("#adopt [role=status]")?.focus();
}

// The title opens a second row with why and how to fix it.
function rows(finding, changed) {
  const cell = (label, attributes, ...children) => el("td", { "data-label": label, ...attributes }, ...children);
  const id = `why-${finding.uuid}`;
  const more = el("tr", { id, class: "more", hidden: true }, el("td", { colspan: columns.length },
    el("p", { class: "prose" }, sentence(finding.why)), fixBox(finding), isPast() ? null : [ruleLine(finding), formula(finding)],
    el("p", {}, el("a", { href: `/findings/${finding.uuid}` }, "Evidence and history"))));
  const toggle = el("button", { type: "button", class: "opener", "aria-expanded": "false", "aria-controls": id,
    onclick: () => {
      more.hidden = !more.hidden;
      toggle.setAttribute("aria-expanded", String(!more.hidden));
    } }, finding.title);
  return [el("tr", {},
    cell("Severity", {}, severityBadge(finding.severity)),
    el("th", { scope: "row", class: "lead-cell" }, changed === null ? null : tick(finding, changed), toggle),
    cell("Host", {}, el("span", {}, hostLink(finding.host), el("br", {}), el("span", { class: "muted small" }, finding.host.realm))),
    cell("Port", { class: finding.port === 0 ? null : "nowrap" }, portText(finding)),
    cell("State", {}, el("span", { class: "badges" }, presenceBadge(finding.presence), sightBadge(finding.sight), dispositionBadge(finding.disposition))),
    cell("Penalty", { class: "number" }, number(finding.penalty, 2)),
    cell("First seen", {}, when(finding.first_seen)),
    cell("Changed", {}, when(finding.changed_at))), more];
}

function table(findings, changed) {
  return el("section", { class: "card" }, el("table", { class: "cards findings-table" },
    el("caption", {}, "A title opens why it matters and how to fix it. Column heads with a button sort."),
    el("thead", {}, el("tr", {}, columns.map(headCell))),
    el("tbody", {}, findings.flatMap((finding) => rows(finding, changed)))));
}

function pager(nextCursor) {
  const current = state();
  const link = (text, changes) => el("a", { class: "button", href: addressOf(changes), onclick: (event) => {
    event.preventDefault();
    go(changes).then(() => document.getElementById("main").focus());
    scrollTo(0, 0);
  } }, text);
  return el("nav", { class: "pages", "aria-label": "Further findings" },
    current.cursor ? link("First page", {}) : el("span", {}),
    nextCursor === null ? el("span", { class: "muted small" }, "End of the list") : link("Next page", { cursor: nextCursor }));
}

async function load() {
  const { all } = await latestScans();
  showFreshness(all);
  const { cursor, sort, limit, ...filters } = state();
  const [page, bySeverity, realm, service] = await Promise.all([
    get("findings", { limit: PAGE, ...state() }),
    get("findings", { ...filters, group_by: "severity" }),
    get("findings", { ...filters, realm: "", group_by: "realm" }),
    get("findings", { ...filters, service: "", group_by: "service" }),
  ]);
  const total = bySeverity.groups.reduce((sum, group) => sum + group.count, 0);
  if (await showsNothing(all, total)) {
    document.getElementById("filters").replaceChildren();
    return;
  }
  fill(document.getElementById("summary"), plural(total, "finding"), ", ",
    bySeverity.groups.length === 0 ? "none under these filters" : ["critical", "high", "medium", "low"]
      .map((severity) => bySeverity.groups.find((group) => group.severity === severity))
      .filter(Boolean).map((group) => `${group.count} ${group.severity}`).join(", "));
  ticked = new Set();
  if (isPast()) {
    document.getElementById("summary").append(", as it was at ", exactly(state().as_of), "; titles and hosts’ names are of now.");
  }
  const many = !isPast() && await mayWrite() && total > 0 ? decideCard(total) : null;
  const adopt = !isPast() && await mayAdopt() ? adoptCard(adopted, showAdopted) : null;
  adopted = "";
  showFilters({ realm: realm.groups, service: service.groups });
  show(page.items.length === 0
    ? el("div", {}, el("section", { class: "card state" }, el("h2", {}, "Nothing here"),
      el("p", {}, "No finding fits these filters.")), adopt)
    : el("div", {}, table(page.items, many?.changed ?? null), pager(page.next_cursor), many?.card,
      isPast() ? null : exportMenu("findings", filters, `Export ${total === 1 ? "this finding" : `these ${plural(total, "finding")}`}`), adopt));
}

addEventListener("popstate", () => run(load));
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
run(load);
