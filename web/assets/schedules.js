// The schedules: when they run next, how they went; to run one now, to pause it. And the inventories that feed them.
import { actionButton, outcomeLine } from "./action_part.js";
import { visible } from "./answer_part.js";
import { get, mayWrite, send } from "./api.js";
import { badge } from "./badge.js";
import { el, show } from "./dom.js";
import { exactly, number, when } from "./format.js";
import { run } from "./state.js";
import { card, cardTable, nothing } from "./view.js";

const states = { idle: ["Waits for its time", ""], waiting: ["Is due", "new"], running: ["Runs", "new"], paused: ["Paused", "medium"] };
const ends = { complete: "good", incomplete: "medium", unanswered: "medium", failed: "critical", missed: "medium", cancelled: "" };

function lastRun(one) {
  if (!one) {
    return null;
  }
  const time = one.ended ?? one.begun ?? one.due;
  const kind = badge([one.state[0].toUpperCase() + one.state.slice(1), ends[one.state] ?? "", one.message || one.state]);
  return [kind, " ", one.scan ? el("a", { href: `/scans/${one.scan}` }, when(time)) : when(time), one.message ? el("span", { class: "product" }, visible(one.message)) : null];
}

function buttons(one, line, may) {
  if (!may) {
    return null;
  }
  const act = (verb) => async () => {
    await send(`schedules/${verb}`, { schedule: one.name });
    await run(load);
  };
  return el("span", { class: "buttons" }, one.state === "idle" ? actionButton("Run now", line, act("run"), { "aria-label": `Run ${one.name} now` }) : null,
    one.state === "paused" ? actionButton("Resume", line, act("resume"), { "aria-label": `Resume ${one.name}` })
      : actionButton("Pause", line, act("pause"), { "aria-label": `Pause ${one.name}` }));
}

function scheduleCard(schedules, may) {
  const line = outcomeLine();
  return card("Schedules", cardTable("As the daemon’s file has them", [
    ["Name", (one) => visible(one.name)],
    ["State", (one) => [badge([...states[one.state], one.paused_by ? `By ${one.paused_by}` : one.state])]],
    ["When", (one) => [el("code", {}, one.cron), ` ${one.zone}`]],
    ["What", (one) => `${one.realm} from ${one.vantage}: ${visible(one.targets.join(", "))}`],
    ["Next", (one) => (one.next.length === 0 ? null : el("span", { title: one.next.map((next) => next.local).join("\n") }, one.next[0].local))],
    ["Last", (one) => lastRun(one.last)],
    ["Do", (one) => buttons(one, line, may)],
  ], schedules), line);
}

function inventoryCard(inventories, may) {
  if (inventories.length === 0) {
    return null;
  }
  const line = outcomeLine();
  const confirm = (one) => async () => {
    await send("inventories/confirm", { inventory: one.name });
    await run(load);
  };
  return card("Inventories", cardTable("Where hosts and their tags come from", [
    ["Name", (one) => visible(one.name)],
    ["Realm", (one) => one.realm],
    ["Hosts", (one) => number(one.hosts, 0), "number"],
    ["Read", (one) => when(one.read_at)],
    ["Error", (one) => (one.error === null ? null : [visible(one.error), " ", when(one.error_at)])],
    ["Kept until confirmed", (one) => (one.withheld === 0 ? null : [`${number(one.withheld, 0)} `,
      may ? actionButton("They are gone", line, confirm(one), { "aria-label": `The ${one.withheld} hosts that ${one.name} lacks are gone` }) : null])],
  ], inventories), line);
}

async function load() {
  const [schedules, inventories, may] = await Promise.all([get("schedules"), get("inventories"), mayWrite()]);
  show(schedules.items.length + inventories.items.length === 0
    ? nothing("Nothing is scheduled", "Schedules stand in the daemon’s file, under schedules: a name, a cron line, a realm and targets.")
    : el("div", { class: "stack" }, schedules.items.length === 0 ? null : scheduleCard(schedules.items, may), inventoryCard(inventories.items, may)));
}

run(load);
