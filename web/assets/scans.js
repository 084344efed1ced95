// The scans: what runs now, with its progress, and those that ran.
import { get } from "./api.js";
import { el, show } from "./dom.js";
import { exactly, number } from "./format.js";
import { missed, progressBar, progressText, scanBadge, scanLink, scanName, took } from "./scan_part.js";
import { run, showEmpty, showFreshness } from "./state.js";
import { card, cardTable, listView, nothing } from "./view.js";

const PAGE = 50;
const POLL_MS = 2000;
const view = listView(load);
let chosen = [];
let timer;

const choices = [["", "Any"], ["running", "Running"], ["complete", "Complete"], ["incomplete", "Incomplete"], ["failed", "Failed"]];

function compareButton() {
  const button = el("button", { type: "button", class: "button", disabled: chosen.length !== 2, onclick: () => {
    const [from, to] = [...chosen].sort((a, b) => (a.started_at < b.started_at ? -1 : 1));
    location.assign(`/changes?from=${from.uuid}&to=${to.uuid}`);
  } }, "Compare the two");
  return button;
}

function chooser(scan, button) {
  return el("input", { type: "checkbox", class: "tick", "aria-label": `Compare ${scanName(scan)} of ${scan.started_at}`, onchange: (event) => {
    chosen = event.target.checked ? [...chosen, scan] : chosen.filter((one) => one.uuid !== scan.uuid);
    button.disabled = chosen.length !== 2;
  } });
}

function scanTable(scans) {
  chosen = [];
  const button = compareButton();
  return el("section", { class: "card" }, cardTable("Youngest first. Tick two to see what changed from one to the other.", [
    ["Started", (scan) => scanLink(scan, exactly(scan.started_at))],
    ["Place", (scan) => [scanName(scan), scan.verifies ? el("span", { class: "muted small" }, ", a second look") : null]],
    ["State", scanBadge],
    ["Took", took],
    ["Hosts", (scan) => number(scan.hosts_up, 0), "number"],
    ["Open ports", (scan) => number(scan.ports_open, 0), "number"],
    ["May be missed", missed],
    ["Compare", (scan) => chooser(scan, button)],
  ], scans), el("div", { class: "pages" }, el("span", {}), button));
}

function runningItem(scan, before, passed) {
  return el("li", {}, el("h3", {}, scanLink(scan)), progressBar(scan), el("p", { class: "small", "aria-live": "polite" }, progressText(scan, before, passed)));
}

// Reads what runs again and again, as long as something does; what has ended shows in the list.
function follow(list, seen, read_at) {
  timer = setTimeout(async () => {
    const { items } = await get("scans", { state: "running", limit: 20 }).catch(() => ({ items: null }));
    if (items === null) {
      follow(list, seen, read_at);
    } else if (items.length === 0 || items.length !== seen.length) {
      run(load);
    } else {
      const now = performance.now();
      items.forEach((scan, i) => {
        const item = list.children[i];
        item.querySelector("progress").value = scan.probes_done;
        item.querySelector("p").textContent = progressText(scan, seen.find((one) => one.uuid === scan.uuid), now - read_at);
      });
      follow(list, items, now);
    }
  }, POLL_MS);
}

async function load() {
  clearTimeout(timer);
  const [{ items: all }, { items: running }, page] = await Promise.all([get("scans", { limit: 1 }), get("scans", { state: "running", limit: 20 }),
    get("scans", { limit: PAGE, ...view.state() })]);
  showFreshness(all);
  if (all.length === 0) {
    showEmpty();
    return;
  }
  view.showFilters(view.select("state", "State", choices));
  const list = el("ul", { class: "worst" }, running.map((scan) => runningItem(scan)));
  show(el("div", { class: "stack" }, running.length === 0 ? null : card("Running now", list),
    page.items.length === 0 ? nothing("Nothing here", "No scan fits.") : scanTable(page.items),
    view.pager("Further scans", page.next_cursor)));
  if (running.length > 0) {
    follow(list, running, performance.now());
  }
}

run(load);
