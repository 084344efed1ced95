// The score over time as a stepped line, and the same as a table. Intervals in, because that is what is stored.
import { get } from "./api.js";
import { el, scroller } from "./dom.js";
import { day, exactly, moment, number } from "./format.js";

const DAY = 24 * 3600e3;

function points(intervals) {
  return intervals.flatMap((interval) => [
    { x: Date.parse(interval.first_at), y: interval.score, interval },
    { x: interval.ended_at === null ? Date.now() : Date.parse(interval.ended_at), y: interval.score, interval },
  ]);
}

// Where another policy judged than before.
function policyMarks(intervals) {
  return intervals.filter((interval, i) => i > 0 && interval.policy.hash !== intervals[i - 1].policy.hash)
    .map((interval) => ({ x: Date.parse(interval.first_at), y: interval.score, interval }));
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axes(from) {
  const ticks = { color: color("--muted"), font: { size: 12 }, maxRotation: 0 };
  const grid = { color: color("--line"), drawBorder: false };
  // A little room at the right, so that what changed just now can be seen.
  const step = ((Date.now() - from) * 1.015) / 5;
  const label = (value) => (step < DAY ? moment : day)(Math.min(value, Date.now()));
  const unlessSame = (value, i, all) => (i > 0 && label(all[i - 1].value) === label(value) ? "" : label(value));
  const even = (scale) => { scale.ticks = [0, 1, 2, 3, 4, 5].map((i) => ({ value: from + i * step })); };
  return {
    x: { type: "linear", min: from, max: from + 5 * step, grid: { display: false }, afterBuildTicks: even,
      ticks: { ...ticks, callback: unlessSame } },
    y: { min: 0, max: 100, grid, ticks: { ...ticks, stepSize: 25 } },
  };
}

function draw(canvas, intervals, from) {
  return new window.Chart(canvas, {
    type: "line",
    data: { datasets: [
      { label: "Score", data: points(intervals), stepped: true, borderWidth: 2.5, clip: 4, borderColor: color("--accent"),
        backgroundColor: color("--chart-fill"), fill: true, pointRadius: 0, pointHitRadius: 8 },
      { label: "Policy changed", data: policyMarks(intervals), showLine: false, pointStyle: "triangle", pointRadius: 7,
        borderColor: color("--text"), backgroundColor: color("--surface") },
    ] },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, parsing: false, scales: axes(from),
      interaction: { mode: "nearest", axis: "x", intersect: false },
      plugins: { legend: { display: false }, tooltip: { displayColors: false, callbacks: {
        title: (items) => moment(items[0].parsed.x),
        label: (item) => `${item.dataset.label === "Score" ? "" : "Policy changed: "}${number(item.parsed.y)} · grade ${item.raw.interval.grade}`,
      } } },
    },
  });
}

function table(intervals, hasPolicyMarks) {
  const rows = [...intervals].reverse().map((interval) => el("tr", {},
    el("th", { scope: "row" }, exactly(interval.first_at)),
    el("td", { class: "number" }, number(interval.score)),
    el("td", {}, interval.grade),
    el("td", { class: "number" }, number(interval.exposure)),
    el("td", {}, interval.policy.name)));
  return scroller("Score over time, as a table", el("table", {},
    el("caption", {}, `Each row holds until the next one above it${hasPolicyMarks ? "; another policy may have judged" : ""}.`),
    el("thead", {}, el("tr", {}, ["Since", "Score", "Grade", "Exposure", "Policy"].map((title, i) =>
      el("th", { scope: "col", class: i === 1 || i === 3 ? "number" : null }, title)))),
    el("tbody", {}, rows)));
}

function summary(intervals) {
  const first = intervals[0];
  const last = intervals.at(-1);
  return `Score over time: ${number(first.score)} on ${day(first.first_at)}, ${number(last.score)} now. The table below has every value.`;
}

async function read(scope, subject, dayCount) {
  const from = Date.now() - dayCount * DAY;
  const { items } = await get("score", { scope, subject, history: "true", since: new Date(from).toISOString(),
    sort: "first_at", limit: 500 });
  return { items, from };
}

// A card with both; `titleTag` fits it into the page's headings.
export function scoreHistory(scope, subject, titleTag = "h2") {
  const body = el("div", { class: "grows" });
  const buttons = [30, 90].map((dayCount) => el("button", { type: "button", class: "button button-small",
    "aria-pressed": "false", onclick: () => fill(dayCount) }, `${dayCount} days`));
  let chart = null;
  let redraw = () => {};
  async function fill(dayCount) {
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.textContent === `${dayCount} days`)));
    const { items, from } = await read(scope, subject, dayCount);
    chart?.destroy();
    chart = null;
    if (items.length === 0) {
      body.replaceChildren(el("p", { class: "quiet" }, "No score in this time."));
      return;
    }
    const canvas = el("canvas", { role: "img", "aria-label": summary(items) });
    body.replaceChildren(el("div", { class: "chart" }, canvas),
      el("details", {}, el("summary", {}, "As a table"), table(items, policyMarks(items).length > 0)));
    redraw = () => {
      chart?.destroy();
      chart = draw(canvas, items, Math.max(from, Date.parse(items[0].first_at)));
    };
    redraw();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  const card = el("section", { class: "card card-grows" }, el("div", { class: "card-head" }, el(titleTag, {}, "Score over time"),
    el("div", { class: "chart-controls", role: "group", "aria-label": "Time shown" }, buttons)), body);
  return { card, ready: () => fill(90) };
}
