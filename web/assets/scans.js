// The scans: what runs now, with its progress, and those that ran.
import { actionButton, actionForm, inputField, outcomeLine } from "./action_part.js";
import { visible } from "./answer_part.js";
import { get, mayWrite, send, whoAmI } from "./api.js";
import { badge } from "./badge.js";
import { coverageCard, readCoverage } from "./coverage_part.js";
import { el, plain, show } from "./dom.js";
import { exactly, number, plural, when } from "./format.js";
import { importCard } from "./import_part.js";
import { duration, missed, scanBadge, scanLink, scanName, shareOf, took } from "./scan_part.js";
import { listen } from "./live.js";
import { run, showFreshness } from "./state.js";
import { card, cardTable, foldedCard, listView, nothing } from "./view.js";

const PAGE = 50;
const POLL_MS = 2000;
const view = listView(load);
let chosen = [];
let timer;
let shown = null; // what the page shows, and the parts of it that change by themselves

const choices = [["", "Any"], ["running", "Running"], ["complete", "Complete"], ["incomplete", "Incomplete"], ["failed", "Failed"]];

const comparable = () => chosen.length === 2 && chosen[0].realm === chosen[1].realm;

function compareButton() {
  const button = el("button", { type: "button", class: "button", disabled: true, onclick: () => {
    const [from, to] = [...chosen].sort((a, b) => (a.started_at < b.started_at ? -1 : 1));
    location.assign(`/changes?from=${from.uuid}&to=${to.uuid}`);
  } }, "Compare the two");
  return button;
}

function chooser(scan, button) {
  return el("input", { type: "checkbox", class: "tick", "aria-label": `Compare ${scanName(scan)} of ${scan.started_at}`, onchange: (event) => {
    chosen = event.target.checked ? [...chosen, scan] : chosen.filter((one) => one.uuid !== scan.uuid);
    button.disabled = !comparable();
  } });
}

function scanTable(scans) {
  const button = compareButton();
  return el("section", { class: "card" }, cardTable("Youngest first. Tick two of a realm to see what changed from one to the other.", [
    ["Started", (scan) => scanLink(scan, exactly(scan.started_at))],
    ["Place", (scan) => [scanName(scan), scan.verifies ? el("span", { class: "muted small" }, ", a second look") : null]],
    ["State", (scan) => [scanBadge(scan), scan.state === "running" ? el("span", { id: `share-${scan.uuid}` }, ` ${shareOf(scan.probes_done, scan.probes_planned)} %`) : null]],
    ["Took", took],
    ["Hosts", (scan) => number(scan.hosts_up, 0), "number"],
    ["Open ports", (scan) => number(scan.ports_open, 0), "number"],
    ["May be missed", missed],
    ["Compare", (scan) => chooser(scan, button)],
  ], scans), el("div", { class: "pages" }, el("span", {}), button));
}

// An audit that a person starts: it waits or runs at once, and its job can be ended.
function startCard(realms) {
  const line = outcomeLine();
  return foldedCard("start", "Start a scan", actionForm("Start a scan", "Start", [
    inputField("targets", "Targets", { required: true }, "Addresses, networks (10.0.0.0/24), names; commas between. Only what is in the daemon’s scope."),
    inputField("ports", "Ports", {}, "22,80-90,https; empty for the usual ones."),
    inputField("realm", "Realm", { list: "realms", value: realms.length === 1 ? realms[0] : "" }, "Which network it is; empty for the daemon’s own."),
    el("datalist", { id: "realms" }, realms.map((name) => el("option", { value: name }))),
  ], line, async ({ targets, ...content }) => {
    await send("scans", { ...content, targets: targets.split(/[\s,]+/).filter(Boolean) });
    await run(load);
  }));
}

const jobStates = { queued: "Waits", running: "Runs" };

function jobItem(job, line, may) {
  const cancel = async () => {
    await send(`jobs/${job.uuid}/cancel`);
    await refresh();
  };
  return el("li", { id: `job-${job.uuid}` }, el("h3", {}, job.scan === null ? `${jobStates[job.state]}: ${visible(job.targets.slice(0, 4).join(", "))}` : scanLink({ uuid: job.scan }, visible(job.targets.slice(0, 4).join(", ")))),
    el("progress", { max: Math.max(1, job.probes), value: job.probes_done, "aria-label": "Progress" }),
    el("p", { class: "small", "aria-live": "polite" }, jobText(job)), may ? actionButton("Cancel", line, cancel, { "aria-label": `Cancel the scan of ${job.targets[0]}` }) : null);
}

function jobText(job) {
  if (job.state === "queued") {
    return `Waits for its turn; asked for by ${visible(job.actor)}.`;
  }
  const share = shareOf(job.probes_done, job.probes);
  const left = job.eta_s == null ? "" : `, ${duration(1000 * job.eta_s)} left`;
  return `${job.phase === "verify" ? "A second look at what changed: " : ""}${share} % of ${plural(job.probes, "probe")}, ${number(job.rate_pps ?? 0, 0)} probes/s${left}, ${plural(job.open, "open port")} so far`;
}

const isLive = (job) => job.state === "queued" || job.state === "running";

// The scans are read beside the jobs: whose scan was cut short runs no more, though its job has still to judge what was seen.
const isCutShort = (job, scans) => job.phase !== "verify" && scans.some(({ uuid, state }) => uuid === job.scan && (state === "incomplete" || state === "failed"));

function failedItem(job) {
  return el("li", {}, el("p", {}, badge([job.state[0].toUpperCase() + job.state.slice(1), job.state === "failed" ? "critical" : "medium", job.state]), ` ${visible(job.targets.slice(0, 4).join(", "))}: `, visible(job.message ?? "")),
    el("p", { class: "small muted" }, `Asked for by ${visible(job.actor)}, ended `, when(job.ended_at)));
}

// What the daemon counts, as it tells it: {scan, probes_done, probes_planned, …}.
function showProgress(told) {
  const share = document.getElementById(`share-${told.scan}`);
  if (share !== null) {
    share.textContent = ` ${shareOf(told.probes_done, told.probes_planned)} %`;
  }
  const job = shown?.live.find((one) => one.scan === told.scan);
  const item = document.getElementById(`job-${job?.uuid}`);
  if (item !== null) {
    item.querySelector("progress").value = told.probes_done;
    item.querySelector("progress").max = Math.max(1, told.probes_planned);
    item.querySelector("p").textContent = plain(jobText({ ...job, ...told, probes: told.probes_planned, open: told.ports_open }));
  }
}

async function read() {
  // The daemon knows what runs; without it the list of what ran can be read all the same.
  const [{ items: all }, jobs, page, may, { tags, realms: limits }] = await Promise.all([get("scans", { limit: 200 }), get("jobs").catch((error) => ({ items: [], error })),
    get("scans", { limit: PAGE, ...view.state() }), mayWrite(), whoAmI()]);
  return { all, jobs, page, limits, live: jobs.items.filter((job) => isLive(job) && !isCutShort(job, [...all, ...page.items])), mayStart: may && tags.length === 0 && jobs.error === undefined,
    mayImport: may && tags.length + limits.length === 0 && jobs.error === undefined };
}

// What changes by itself: what runs, what came to nothing, and the list.
function changing({ jobs, live, mayStart, page }) {
  const failed = jobs.items.filter((job) => ["failed", "unanswered"].includes(job.state)).slice(0, 3);
  const line = outcomeLine();
  return {
    now: el("div", {}, jobs.error ? el("p", { class: "quiet", role: "status" }, `What runs now cannot be told: ${jobs.error.message}`) : null,
      live.length === 0 ? null : card("Now", el("ul", { class: "worst" }, live.map((job) => jobItem(job, line, mayStart))), line)),
    failed: el("div", {}, failed.length === 0 ? null : card("Ended without a result", el("ul", { class: "worst" }, failed.map(failedItem)))),
    list: el("div", {}, page.items.length === 0 ? nothing("Nothing here", "No scan fits, or none was made yet.") : scanTable(page.items),
      view.pager("Further scans", page.next_cursor)),
  };
}

// A queue tells nothing by itself: as long as somebody waits in it, it is asked.
function askLater() {
  clearTimeout(timer);
  if (shown.live.some((job) => job.scan === null)) {
    timer = setTimeout(() => refresh().catch(askLater), POLL_MS);
  }
}

// What has changed takes the place of what was. A list in which somebody is at work stays, and so does what was typed.
async function refresh() {
  if (shown === null) {
    return;
  }
  const { parts } = shown;
  const fresh = await read();
  const made = changing(fresh);
  for (const [name, part] of Object.entries(parts)) {
    const isHeld = part.contains(document.activeElement) || (name === "list" && chosen.length > 0);
    if (part.isEqualNode(made[name]) || (name === "list" && isHeld)) {
      continue;
    }
    part.replaceWith(made[name]);
    parts[name] = made[name];
    if (isHeld) {
      (made[name].querySelector("button, a") ?? document.getElementById("main")).focus();
    }
  }
  shown = { ...fresh, parts };
  showFreshness(fresh.all);
  askLater();
}

async function load() {
  shown = null;
  const [fresh, coverage] = await Promise.all([read(), readCoverage()]);
  const { all, limits, mayStart, mayImport } = fresh;
  showFreshness(all);
  chosen = [];
  const realms = limits.length > 0 ? limits : [...new Set(all.map((scan) => scan.realm))].sort();
  view.showFilters(view.select("state", "State", choices));
  const parts = changing(fresh);
  show(el("div", { class: "stack" }, parts.now, parts.failed, mayStart ? startCard(realms) : null, mayImport ? importCard(refresh) : null, coverageCard(coverage), parts.list));
  shown = { ...fresh, parts };
  askLater();
}

run(load).then(() => listen({ change: refresh, progress: showProgress }));
