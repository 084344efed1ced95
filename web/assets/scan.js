// One scan: how far it is or how it went, what it was to look at, and what it changed.
import { get } from "./api.js";
import { el, fill, plain, show } from "./dom.js";
import { changeItem } from "./finding_part.js";
import { exactly, when } from "./format.js";
import { listen } from "./live.js";
import { progressBar, progressText, scanBadge, scanFacts, scanName, took } from "./scan_part.js";
import { run, showFreshness } from "./state.js";
import { card } from "./view.js";

const uuid = location.pathname.split("/").at(-1);
let latest = null; // the scan as it was read last

function showHeading(scan) {
  document.title = plain(`Scan of ${scan.realm} · Leastport`);
  fill(document.getElementById("scan-name"), `Scan of ${scanName(scan)}`);
  fill(document.getElementById("scan-lead"), "Began ", exactly(scan.started_at),
    ...(scan.ended_at === null ? [] : [`, took ${took(scan)}`]), scan.verifies ? ". A second look at what the scan before it had changed." : ".");
}

function progressCard(scan) {
  return card("Progress", progressBar(scan), el("p", { id: "progress", "aria-live": "polite" }, progressText(scan)));
}

function factsCard(scan) {
  return card("How it went", el("p", { class: "badges" }, scanBadge(scan), scan.cause === null ? null : el("span", {}, scan.cause)),
    el("dl", { class: "facts" }, scanFacts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value(scan))))));
}

function changesCard(changes) {
  return el("section", { class: "card" }, el("div", { class: "card-head" }, el("h2", {}, "What it changed"),
    el("a", { href: `/changes?scan=${uuid}` }, "All of it")),
  changes.length === 0 ? el("p", { class: "quiet" }, "Nothing.") : el("ol", { class: "timeline" }, changes.map(changeItem)));
}

function planCard(scan) {
  return scan.plan === null || scan.plan === undefined ? null : card("What it was to look at",
    el("p", { class: "small muted" }, `Policy ${scan.policy.name} judged it `, scan.judged_at === null ? "not yet" : when(scan.judged_at), "."),
    el("details", {}, el("summary", {}, "The plan"), el("pre", { class: "code", tabindex: "0" }, JSON.stringify(scan.plan, null, 2))));
}

function showProgress(told) {
  const bar = document.querySelector("progress");
  if (told.scan === uuid && bar !== null) {
    bar.value = told.probes_done;
    bar.max = Math.max(1, told.probes_planned);
    document.getElementById("progress").textContent = plain(progressText(told));
  }
}

// As long as it runs; and once more when it was judged, which is after its end.
async function refresh() {
  if (latest === null || latest.judged_at === null) {
    await load();
  }
}

async function load() {
  const [scan, changes, { items: all }] = await Promise.all([get(`scans/${uuid}`),
    get("changes", { scan: uuid, what: "presence,sight", limit: 20 }), get("scans", { limit: 1 })]);
  showFreshness(all);
  showHeading(scan);
  show(el("div", { class: "stack" }, scan.state === "running" ? progressCard(scan) : null,
    el("div", { class: "columns columns-even" }, factsCard(scan), changesCard(changes.items)), planCard(scan)));
  latest = scan;
}

run(load).then(() => listen({ change: refresh, progress: showProgress }));
