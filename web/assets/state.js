// What a page says when there is nothing, not yet, or no answer; and the line that says how fresh all of it is.
import { get, whoAmI } from "./api.js";
import { el, fill, show } from "./dom.js";
import { when } from "./format.js";

export function showLoading() {
  const content = document.getElementById("content");
  content.setAttribute("aria-busy", "true");
  content.replaceChildren(el("p", { class: "visually-hidden", role: "status" }, "Loading"),
    el("div", { class: "stack", "aria-hidden": "true" }, el("div", { class: "skeleton" }), el("div", { class: "skeleton" })));
}

export function showEmpty() {
  show(el("section", { class: "card state" },
    el("h2", {}, "No audit yet"),
    el("p", {}, "Leastport has nothing to show until it has looked. Audit this machine, or any hosts that are yours:"),
    el("pre", { tabindex: "0" }, "leastport audit 127.0.0.1\nleastport audit 10.0.0.0/24"),
    el("p", {}, "The results appear here as soon as they are stored."),
    el("button", { class: "button", type: "button", onclick: () => location.reload() }, "Look again")));
}

// Is there neither a scan nor an item, though nothing filters? Then the page says so, in the words for who asks.
export async function showsNothing(scans, items) {
  if (scans.length > 0 || items > 0 || location.search !== "") {
    return false;
  }
  const { realms, tags } = await whoAmI();
  if (realms.length === 0 && tags.length === 0) {
    showEmpty();
  } else {
    const limits = [...realms, ...tags].join(", ");
    show(el("section", { class: "card state" }, el("h2", {}, "Nothing in your part"),
      el("p", {}, `You see ${limits} alone, and nothing is known there. Who is limited to tags is shown no scans.`),
      el("a", { class: "button", href: "/hosts" }, "Hosts")));
  }
  return true;
}

export function showError(error, retry) {
  if (error.isEmpty) {
    showEmpty();
    return;
  }
  show(el("section", { class: "card state", role: "alert" },
    el("h2", {}, error.status === 404 ? "Not found" : error.status === 400 ? "This link cannot be read" : "The data could not be read"),
    el("p", {}, error.message),
    (error.details ?? []).map((detail) => el("p", { class: "small" }, detail)),
    error.status === 400 || error.status === 404
      ? el("a", { class: "button", href: location.pathname.startsWith("/hosts") ? "/hosts" : location.pathname }, "Start over")
      : el("button", { class: "button", type: "button", onclick: retry }, "Try again")));
}

let current = null; // what the page shows, and whether it could not for a reason that passes

// What an element of the content is known by when the content is made anew; null for what is not in it.
function nameOf(element) {
  const isInside = document.getElementById("content").contains(element);
  return isInside ? `${element.tagName} ${element.id || element.getAttribute("aria-label") || element.textContent.replace(/ [↑↓]$/, "")}` : null;
}

// The focus goes to what took the place of what had it, else to where the content begins: not to the page's top.
function focusAgain(name) {
  if (name !== null && document.activeElement === document.body) {
    const heir = [...document.querySelectorAll("#content :is(a, button, input, select, textarea, summary, [tabindex])")].find((one) => nameOf(one) === name);
    (heir ?? document.getElementById("main")).focus();
  }
}

// Runs a page: loading, then what `load` shows, or why not.
export async function run(load) {
  const mine = { load, hasFailed: false };
  const held = nameOf(document.activeElement);
  current = mine;
  showLoading();
  try {
    await load();
  } catch (error) {
    mine.hasFailed = error.status === 0 || error.status >= 500;
    showError(error, () => run(load));
  }
  focusAgain(held);
}

export const hasFailed = () => current?.hasFailed ?? false;

// Has somebody begun to write what a new view would take away?
const isWritten = () => [...document.querySelectorAll("#content input, #content textarea")].some((field) =>
  (["checkbox", "radio"].includes(field.type) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue));

// The page reads its data again.
export function again() {
  if (current !== null && (current.hasFailed || !isWritten())) {
    run(current.load);
  }
}

// Of each realm and vantage the youngest audit that has been judged, and with it the scans that verified its changes.
export async function latestScans() {
  const { items } = await get("scans", { limit: 200 });
  const places = new Map();
  for (const scan of items.filter((one) => one.judged_at !== null)) {
    const place = places.get(`${scan.realm} ${scan.vantage}`) ?? { audit: null, scans: [] };
    if (place.audit === null) {
      place.scans.push(scan);
      place.audit = scan.verifies ? null : scan;
    }
    places.set(`${scan.realm} ${scan.vantage}`, place);
  }
  const found = [...places.values()];
  return { all: items, audits: found.map((place) => place.audit ?? place.scans.at(-1)), changing: found.flatMap((place) => place.scans) };
}

// Of a scan that runs, or an event of it.
export function showProgress({ probes_done: done, probes_planned: planned }) {
  const text = `A scan is running: ${planned === 0 ? 0 : Math.floor((100 * done) / planned)} %`;
  const line = document.getElementById("freshness");
  if (line.textContent !== text) {
    fill(line, text);
  }
}

export function showFreshness(scans) {
  const line = document.getElementById("freshness");
  if (scans.length === 0) {
    line.replaceChildren();
  } else if (scans[0].state === "running") {
    showProgress(scans[0]);
  } else {
    line.replaceChildren("Last scan ", when(scans[0].started_at));
  }
}
