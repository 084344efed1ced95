// The hosts, most exposed first.
import { get } from "./api.js";
import { gradeBadge, severityBadge } from "./badge.js";
import { el, show } from "./dom.js";
import { exportMenu } from "./export_part.js";
import { hostLink } from "./finding_part.js";
import { number, when } from "./format.js";
import { latestScans, run, showFreshness, showsNothing } from "./state.js";

const columns = [["score", "Grade"], [null, "Host"], [null, "Address"], [null, "Realm"], [null, "Findings"],
  [null, "Open ports"], ["exposure", "Exposure"], ["last_up", "Last answer"]];

const state = () => Object.fromEntries(new URLSearchParams(location.search));

function go(changes) {
  const query = new URLSearchParams(Object.entries({ ...state(), cursor: "", ...changes }).filter(([, value]) => value));
  history.pushState(null, "", `${query}` === "" ? "/hosts" : `/hosts?${query}`);
  return run(load);
}

function headCell([key, title]) {
  const sort = state().sort ?? "-exposure";
  const direction = sort === key ? "ascending" : sort === `-${key}` ? "descending" : null;
  const isNumber = title === "Exposure" || title === "Open ports";
  return el("th", { scope: "col", "aria-sort": key && direction, class: isNumber ? "number" : null }, key === null ? title
    : el("button", { type: "button", class: "sort", onclick: () => go({ sort: direction === "descending" ? key : `-${key}` }) },
      title, el("span", { "aria-hidden": "true" }, { ascending: " ↑", descending: " ↓" }[direction] ?? "")));
}

// Where the table is shown as cards it has no heads to sort by.
function sortField() {
  const current = state().sort ?? "-exposure";
  const choices = [["-exposure", "Most exposed"], ["score", "Lowest score"], ["last_up", "Longest unseen"]];
  return el("div", { class: "field narrow-only" }, el("label", { for: "sort-hosts" }, "Sort by"),
    el("select", { id: "sort-hosts", onchange: (event) => go({ sort: event.target.value }) },
      choices.map(([value, text]) => el("option", { value, selected: value === current }, text))));
}

function findingCounts(findings) {
  const counts = Object.entries(findings).filter(([, count]) => count > 0);
  return counts.length === 0 ? "none" : el("span", { class: "badges" }, counts.map(([severity, count]) => {
    const badge = severityBadge(severity);
    badge.prepend(`${count} `);
    return badge;
  }));
}

function row(host) {
  const cell = (label, attributes, ...children) => el("td", { "data-label": label, ...attributes }, ...children);
  return el("tr", {},
    cell("Grade", {}, gradeBadge(host.grade, true)),
    el("th", { scope: "row", class: "lead-cell" }, hostLink(host)),
    cell("Address", { class: "mono whole" }, host.address ?? "–"),
    cell("Realm", { class: "keep", title: host.realm }, host.realm),
    cell("Findings", {}, findingCounts(host.findings)),
    cell("Open ports", { class: "number" }, number(host.ports_open, 0)),
    cell("Exposure", { class: "number" }, number(host.exposure)),
    cell("Last answer", { class: "nowrap" }, el("span", {}, when(host.last_up),
      host.state === "down" ? el("span", { class: "muted small" }, el("br", {}), "down now") : null)));
}

async function load() {
  const [{ all }, page] = await Promise.all([latestScans(), get("hosts", { sort: "-exposure", limit: 100, ...state() })]);
  showFreshness(all);
  if (await showsNothing(all, page.items.length)) {
    return;
  }
  const next = page.next_cursor === null ? null : el("div", { class: "pages" }, el("span", {}),
    el("button", { type: "button", class: "button", onclick: () => go({ cursor: page.next_cursor }) }, "Next page"));
  show(page.items.length === 0
    ? el("section", { class: "card state" }, el("h2", {}, "No hosts"), el("p", {}, "No host fits, or none has answered yet."))
    : el("div", {}, el("section", { class: "card" }, sortField(), el("table", { class: "cards" },
      el("caption", {}, "Most exposed first. Column heads with a button sort."),
      el("thead", {}, el("tr", {}, columns.map(headCell))),
      el("tbody", {}, page.items.map(row))), next), exportMenu("hosts", state(), "Export these hosts")));
}

addEventListener("popstate", () => run(load));
run(load);
